package node_test

import (
	"errors"
	"sync"
)

var errDisk = errors.New("no space left on device")

// disk is a disk that can be stopped and broken.
type disk struct {
	mu     sync.Mutex
	before error // instead of the commit
	after  error // after the commit: it is on disk, and nobody knows
	gate   chan struct{}
	// each decides about every commit what fail decides about all.
	each func() (before, after error)
	// waiting is told of every commit that waits at the gate.
	waiting chan struct{}
}

func newDisk() *disk { return &disk{waiting: make(chan struct{}, 64)} }

func (d *disk) commit(commit func() error) error {
	d.mu.Lock()
	gate := d.gate
	d.mu.Unlock()
	if gate != nil {
		select {
		case d.waiting <- struct{}{}:
		default:
		}
		<-gate
	}
	d.mu.Lock()
	before, after := d.before, d.after
	if d.each != nil {
		before, after = d.each()
	}
	d.mu.Unlock()
	if before != nil {
		return before
	}
	return errors.Join(commit(), after)
}

// stop holds all commits from now on, until the returned function is called.
func (d *disk) stop() (goOn func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	gate := make(chan struct{})
	d.gate = gate
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.gate = nil
		close(gate)
	}
}

// fail makes commits fail before or after they reach the disk.
func (d *disk) fail(before, after error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before, d.after, d.each = before, after, nil
}

// random has a function decide about every commit.
func (d *disk) random(each func() (before, after error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.each = each
}
