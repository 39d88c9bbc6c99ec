package client

import "time"

// alarm is a timer that is set anew far more often than it goes off: it notes
// when it is due, and moves the timer only when that comes earlier, or when it
// finds itself early. Its owner guards it.
type alarm struct {
	due, at time.Time
	timer   *time.Timer
}

func (a *alarm) start(after time.Duration, look func()) {
	a.due = time.Now().Add(after)
	a.at = a.due
	a.timer = time.AfterFunc(after, look)
}

// set makes it due after a while.
func (a *alarm) set(after time.Duration) {
	now := time.Now()
	if a.due = now.Add(after); a.due.Before(a.at) {
		a.move(now)
	}
}

func (a *alarm) move(now time.Time) {
	a.at = a.due
	a.timer.Reset(a.due.Sub(now))
}

// isEarly reports whether it is not due yet; then it goes off again.
func (a *alarm) isEarly() bool {
	now := time.Now()
	if !now.Before(a.due) {
		return false
	}
	a.move(now)
	return true
}

// again makes it go off once more, after a while.
func (a *alarm) again(after time.Duration) {
	now := time.Now()
	a.due = now.Add(after)
	a.move(now)
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
