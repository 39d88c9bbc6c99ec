package client

import (
	"context"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

// lateness goes off when the first of many times is over. Most of what it is set
// for has come about by then, so it is set anew only for what is earlier. Its owner
// guards it.
type lateness struct {
	// at is when it goes off, zero if it does not.
	at    time.Time
	timer *time.Timer
}

func (l *lateness) start(look func()) {
	l.timer = time.AfterFunc(time.Hour, look)
	l.timer.Stop()
}

// by makes it go off at a time, or before.
func (l *lateness) by(due time.Time) {
	if l.at.IsZero() || due.Before(l.at) {
		l.at = due
		l.timer.Reset(time.Until(due))
	}
}

func (l *lateness) stop() {
	if l.timer != nil {
		l.timer.Stop()
	}
}

// endLate ends lines whose time is over. Their answers may come yet, and the node
// is not idle before they have.
func (s *opsStream) endLate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.lateness.at = time.Time{}
	now := time.Now()
	for ref, x := range s.mu.waiting {
		switch {
		case x.due.IsZero():
		case x.due.After(now):
			s.mu.lateness.by(x.due)
		default:
			s.mu.waiting[ref] = x.abandoned()
			x.end(wire.OpsAnswer{}, s.gaveUp(context.DeadlineExceeded))
		}
	}
}
