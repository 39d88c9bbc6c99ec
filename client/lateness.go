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

// endLate ends batches whose time is over. Their answers may come yet, and the node
// is not idle before they have.
func (s *opsStream) endLate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.lateness.at = time.Time{}
	now := time.Now()
	for _, x := range s.mu.waiting {
		for i, b := range x.waiting() {
			switch {
			case b.due.IsZero():
			case b.due.After(now):
				s.mu.lateness.by(b.due)
			default:
				x.batches[i] = nil
				b.end(wire.BatchResult{}, s.gaveUp(context.DeadlineExceeded))
			}
		}
	}
}
