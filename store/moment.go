package store

import "sync"

// moment is one that can be waited for.
type moment struct {
	once sync.Once
	over chan struct{}
}

func newMoment() *moment { return &moment{over: make(chan struct{})} }

// come ends the waiting; once is enough.
func (m *moment) come() { m.once.Do(func() { close(m.over) }) }

func (m *moment) await() { <-m.over }
