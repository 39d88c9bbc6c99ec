package crdt_test

import (
	"iter"
	"math/bits"
)

// events is a set of events, by their index in the book: a bit for each. Nobody
// changes one that others may have. Histories make millions of them, and go
// over them as often; as maps they took most of the time of a history.
type events []uint64

const eventsPerWord = 64

func setOf(ids ...int) events {
	var out events
	for _, id := range ids {
		out.add(id)
	}
	return out
}

func union(sets ...events) events {
	var out events
	for _, s := range sets {
		if n := len(s); n > len(out) {
			out = append(make(events, 0, n), out...)[:n]
		}
		for i, word := range s {
			out[i] |= word
		}
	}
	return out
}

// add is for whoever makes a set.
func (e *events) add(id int) {
	for id/eventsPerWord >= len(*e) {
		*e = append(*e, 0)
	}
	(*e)[id/eventsPerWord] |= 1 << (id % eventsPerWord)
}

func (e events) has(id int) bool {
	return id/eventsPerWord < len(e) && e[id/eventsPerWord]&(1<<(id%eventsPerWord)) != 0
}

func (e events) isEmpty() bool {
	for range e.all() {
		return false
	}
	return true
}

// all returns the events in the order of the book.
func (e events) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range e {
			for ; word != 0; word &= word - 1 {
				if !yield(i*eventsPerWord + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
