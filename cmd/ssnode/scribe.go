package main

import (
	"bytes"
	"io"
	"math"
	"sync"
	"time"
)

const (
	// scribeBytesMax is how much waits for a scribe before lines are lost. As
	// much again may be what it is at.
	scribeBytesMax = 256 << 10
	// scribeEndMax is how long the end of the process waits for a scribe.
	scribeEndMax = time.Second
)

// scribe writes what many have to say, for none of them to wait: standard
// error may be a pipe that nobody reads, and who logs may hold up a node.
//
//	C1  Write returns at once, whatever becomes of the writer below.
//	C2  What was let in is written in order, each Write as one.
//	C3  What finds no room is lost; a line in its place says how much.
//
// The rejected alternative, a deadline for each write, needs a writer that has
// deadlines: a terminal, a file and most pipes that a process inherits have
// none.
type scribe struct {
	to io.Writer
	// tellLost returns the line that says that lines are lost.
	tellLost func(lines int) []byte
	more     sync.Cond // something waits, or the end has come
	ended    chan struct{}

	mu struct {
		sync.Mutex
		waiting [][]byte
		bytes   int // of what waits
		lost    int // lines, after what waits
		closed  bool
	}
}

func newScribe(to io.Writer, tellLost func(lines int) []byte) *scribe {
	s := &scribe{to: to, tellLost: tellLost, ended: make(chan struct{})}
	s.more.L = &s.mu
	go s.run()
	return s
}

// Write lets p in if there is room, and never fails.
func (s *scribe) Write(p []byte) (int, error) {
	s.put(p, scribeBytesMax)
	return len(p), nil
}

// insist lets p in, room or not: for what is said once, before the end.
func (s *scribe) insist(p []byte) { s.put(p, math.MaxInt) }

// lastWord insists on what is written.
type lastWord struct{ to *scribe }

func (w lastWord) Write(p []byte) (int, error) {
	w.to.insist(p)
	return len(p), nil
}

func (s *scribe) put(p []byte, bytesMax int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.bytes >= bytesMax {
		s.mu.lost += bytes.Count(p, []byte("\n"))
		return
	}
	s.mu.waiting = append(s.mu.waiting, bytes.Clone(p))
	s.mu.bytes += len(p)
	s.more.Signal()
}

// close waits until all that was let in is written, for a second at most. What
// comes later may never be written. It may be called again.
func (s *scribe) close() {
	s.mu.Lock()
	s.mu.closed = true
	s.mu.Unlock()
	s.more.Signal()
	select {
	case <-s.ended:
	case <-time.After(scribeEndMax):
	}
}

func (s *scribe) run() {
	defer close(s.ended)
	for texts := s.take(); len(texts) > 0; texts = s.take() {
		for _, text := range texts {
			_, _ = s.to.Write(text)
		}
	}
}

// take waits for something to write, and takes all of it; nothing at the end.
func (s *scribe) take() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.mu.waiting) == 0 && !s.mu.closed {
		s.more.Wait()
	}
	texts := s.mu.waiting
	if s.mu.lost > 0 {
		texts = append(texts, s.tellLost(s.mu.lost))
	}
	s.mu.waiting, s.mu.bytes, s.mu.lost = nil, 0, 0
	return texts
}
