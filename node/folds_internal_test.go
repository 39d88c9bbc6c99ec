package node

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestNode_WithFold_RidesOrGoesAlone: what is to be changed with a fold is changed by who
// folds, once, and its error is known; where no fold comes in time, by who wants it; and
// not at all when nobody wants it any more.
func TestNode_WithFold_RidesOrGoesAlone(t *testing.T) {
	const within = time.Second
	errFound := errors.New("found out")
	synctest.Test(t, func(t *testing.T) {
		n := &Node{rides: make(chan func())}
		changes := 0
		change := func() error {
			changes++
			return errFound
		}
		began := time.Now()
		go func() {
			time.Sleep(within / 2)
			(<-n.rides)()
		}()
		if err := n.withFold(t.Context(), within, change); err != errFound || changes != 1 || time.Since(began) != within/2 {
			t.Errorf("with a fold: %v, %d changes after %v", err, changes, time.Since(began))
		}
		began = time.Now()
		if err := n.withFold(t.Context(), within, change); err != errFound || changes != 2 || time.Since(began) != within {
			t.Errorf("without one: %v, %d changes after %v", err, changes, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), within/2)
		defer cancel()
		if err := n.withFold(ctx, within, change); err != context.DeadlineExceeded || changes != 2 {
			t.Errorf("when nobody wants it: %v, %d changes", err, changes)
		}
	})
}

// TestNode_Folds_TakeWhatWaits: a node that is written to carries out with its folds what
// waits for one.
func TestNode_Folds_TakeWhatWaits(t *testing.T) {
	n := openAlone(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // it takes some milliseconds
	defer cancel()
	var unfolded uint64
	ended := make(chan error, 1)
	go func() {
		ended <- n.withFold(ctx, time.Hour, func() error {
			unfolded = n.store.Unfolded()
			return n.store.Fold()
		})
	}()
	var err error
	for ongoing := true; ongoing; {
		increase(t, n, "a")
		select {
		case err = <-ended:
			ongoing = false
		default:
		}
	}
	if err != nil || unfolded == 0 {
		t.Errorf("it ends with %v, when the journal had %d records to fold", err, unfolded)
	}
}
