package node

import (
	"math"
	"sync"
)

// mailbox is a queue with many writers and one reader, who takes all that
// waits at once. It is bounded by weight: put refuses what would go over the
// bound, unless nothing else waits; force goes over it, for what the reader
// itself has asked for and therefore bounds.
type mailbox[T any] struct {
	// wake has a token while something waits or the mailbox is closed and not
	// yet found empty.
	wake chan struct{}
	max  int

	mu struct {
		sync.Mutex
		letters []letter[T]
		weight  int
		closed  bool
	}
}

// letter is one item with its weight.
type letter[T any] struct {
	item   T
	weight int
}

// lettersKept is room for how many letters an empty mailbox keeps: as many as one
// stream of writes has under way.
const lettersKept = 1024

func newMailbox[T any](max int) *mailbox[T] {
	return &mailbox[T]{wake: make(chan struct{}, 1), max: max}
}

// put appends an item, or returns ErrBusy or ErrClosed.
func (m *mailbox[T]) put(item T, weight int) error {
	return m.append(letter[T]{item, weight}, m.max)
}

// force appends an item whatever waits already, or returns ErrClosed.
func (m *mailbox[T]) force(item T) error { return m.append(letter[T]{item, 1}, math.MaxInt) }

func (m *mailbox[T]) append(x letter[T], max int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.mu.closed:
		return ErrClosed
	case len(m.mu.letters) > 0 && m.mu.weight+x.weight > max:
		return ErrBusy
	}
	m.mu.letters = append(m.mu.letters, x)
	m.mu.weight += x.weight
	signal(m.wake)
	return nil
}

// putAll appends so many items of weight 1 as one, so that the reader takes them
// together. It returns how many were accepted, the first ones, and why no more.
func (m *mailbox[T]) putAll(count int, item func(i int) T) (accepted int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.closed {
		return 0, ErrClosed
	}
	for accepted < count && (len(m.mu.letters) == 0 || m.mu.weight < m.max) {
		m.mu.letters = append(m.mu.letters, letter[T]{item(accepted), 1})
		m.mu.weight++
		accepted++
	}
	signal(m.wake)
	if accepted < count {
		err = ErrBusy
	}
	return accepted, err
}

// signal puts a token where one may be already.
func signal(token chan<- struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

// take returns up to most of what waits, oldest first, and whether anything
// may follow: false only when the mailbox is closed and empty. It does not
// block; wait on wake.
func (m *mailbox[T]) take(most int) (items []T, open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.takeFirst(min(most, len(m.mu.letters)))
}

// takeWhile is take for the first of those that wait, up to one that is not wanted.
// more is false if the next is not wanted, or all ends: then it is not worth to
// wait for wake, which has its token again.
func (m *mailbox[T]) takeWhile(most int, isWanted func(T) bool) (items []T, more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for n < min(most, len(m.mu.letters)) && isWanted(m.mu.letters[n].item) {
		n++
	}
	more = n == len(m.mu.letters) && !m.mu.closed
	if !more {
		signal(m.wake)
	}
	items, _ = m.takeFirst(n)
	return items, more
}

// takeFirst takes n of those that wait. The caller holds mu.
func (m *mailbox[T]) takeFirst(n int) (items []T, open bool) {
	items = make([]T, n)
	for i, x := range m.mu.letters[:n] {
		items[i] = x.item
		m.mu.weight -= x.weight
	}
	m.drop(n)
	if len(m.mu.letters) > 0 {
		signal(m.wake)
		return items, true
	}
	if cap(m.mu.letters) > lettersKept {
		m.mu.letters = nil
	}
	return items, !m.mu.closed
}

// drop drops the first n. Where no more are left than go, these move to the front,
// so that there is room behind them again.
func (m *mailbox[T]) drop(n int) {
	left := len(m.mu.letters) - n
	if left > n {
		clear(m.mu.letters[:n])
		m.mu.letters = m.mu.letters[n:]
		return
	}
	copy(m.mu.letters, m.mu.letters[n:])
	clear(m.mu.letters[left:])
	m.mu.letters = m.mu.letters[:left]
}

// isWaiting reports whether there is something to take.
func (m *mailbox[T]) isWaiting() bool { return m.len() > 0 }

// len returns how many items wait.
func (m *mailbox[T]) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.mu.letters)
}

// isFull reports whether put refuses.
func (m *mailbox[T]) isFull() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.weight >= m.max
}

// close refuses what comes from now on; what waits can still be taken.
func (m *mailbox[T]) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.closed = true
	signal(m.wake)
}
