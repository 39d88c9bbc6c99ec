package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/scalesmall/ssnode/node"
	"github.com/schollz/progressbar/v3"
)

const (
	// fetchingBarEvery is how often a bar is redrawn, fetchingLineEvery how
	// often a line is written where nobody watches.
	fetchingBarEvery  = 200 * time.Millisecond
	fetchingLineEvery = 5 * time.Second
	// fetchingHideMax is how long a bar that is being drawn holds up the end of
	// the node.
	fetchingHideMax = time.Second
)

// fetching shows how much of the state of the cluster is here, while the node
// lacks a great part of it: as a bar on a terminal, else in the log. The bar is
// not left to the scribe: where nobody looks, only the last one would matter.
type fetching struct {
	completeness func() node.Completeness
	log          *slog.Logger
	watched      io.Writer // nil: nobody watches

	bar   *progressbar.ProgressBar // of what is under way
	begun time.Time                // zero while nothing is
	told  time.Time
}

// begin shows it until ctx ends or hide is called. Hide does not wait for what
// nobody reads, as on a terminal that was stopped: it would never end.
func (f *fetching) begin(ctx context.Context) (hide func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.run(ctx)
	}()
	return func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(fetchingHideMax):
		}
	}
}

// run shows it until ctx ends.
func (f *fetching) run(ctx context.Context) {
	tick := time.NewTicker(fetchingBarEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			f.clear()
			return
		case now := <-tick.C:
			f.show(now, f.completeness())
		}
	}
}

// show takes note of how far it is now.
func (f *fetching) show(now time.Time, c node.Completeness) {
	switch {
	case c.Incomplete && f.begun.IsZero():
		f.begun, f.told = now, now
		f.log.Info("fetching the state of the cluster; lookups are answered from what is here, marked as incomplete", "records", c.Records, "expected", c.Expected)
	case c.Incomplete && f.watched != nil:
		f.draw(c)
	case c.Incomplete && now.Sub(f.told) >= fetchingLineEvery:
		f.told = now
		f.log.Info("fetching the state of the cluster", "records", c.Records, "expected", c.Expected)
	case !c.Incomplete && !f.begun.IsZero():
		f.clear()
		f.log.Info("the state of the cluster is here", "records", c.Records, "took", now.Sub(f.begun).Round(time.Millisecond))
		f.begun = time.Time{}
	}
}

// draw draws the bar. That it cannot be drawn is no reason to stop.
func (f *fetching) draw(c node.Completeness) {
	if f.bar == nil {
		f.bar = newBar(f.watched, "fetching the state", -1)
	}
	if c.Expected > 0 {
		f.bar.ChangeMax64(int64(max(c.Expected, c.Records)))
	}
	_ = f.bar.Set64(int64(c.Records))
}

func (f *fetching) clear() {
	if f.bar != nil {
		_ = f.bar.Clear()
		f.bar = nil
	}
}
