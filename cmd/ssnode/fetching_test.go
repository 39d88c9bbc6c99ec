package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scalesmall/ssnode/node"
)

// TestFetching_Show_LinesAndBar: where somebody watches there is a bar, and
// lines at its two ends; where nobody does, a line now and then.
func TestFetching_Show_LinesAndBar(t *testing.T) {
	for _, watched := range []bool{false, true} {
		var log, bar bytes.Buffer
		f := &fetching{log: slog.New(slog.NewTextHandler(&log, nil))}
		if watched {
			f.watched = &bar
		}
		now := time.Unix(0, 0).Add(time.Hour)
		f.show(now, node.Completeness{})
		for i := range 101 { // twenty seconds
			f.show(now.Add(time.Duration(i)*fetchingBarEvery), node.Completeness{Incomplete: true, Records: uint64(10 * i), Expected: 1000})
		}
		f.show(now.Add(21*time.Second), node.Completeness{Records: 1000})
		f.show(now.Add(22*time.Second), node.Completeness{Records: 1000})
		lines := strings.Count(log.String(), "\n")
		if want := map[bool]int{false: 6, true: 2}[watched]; lines != want {
			t.Errorf("watched %t: %d lines, want %d:\n%s", watched, lines, want, &log)
		}
		if !strings.Contains(log.String(), "took=21s") {
			t.Errorf("watched %t: the end is not told:\n%s", watched, &log)
		}
		if has := strings.Contains(bar.String(), "50%"); has != watched {
			t.Errorf("watched %t: the bar shows %q", watched, &bar)
		}
	}
}

// TestFetching_Show_EndsWithTheJoin: what draws the bar ends when all is here,
// and writes nothing into what comes after.
func TestFetching_Show_EndsWithTheJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		var bar bytes.Buffer
		f := &fetching{log: slog.New(slog.DiscardHandler), watched: &bar}
		begun := time.Now()
		for i, c := range []node.Completeness{
			{Incomplete: true}, {Incomplete: true, Records: 10}, {Incomplete: true, Records: 500, Expected: 1000}, {Records: 1000},
		} {
			f.show(begun.Add(time.Duration(i)*fetchingBarEvery), c)
			time.Sleep(fetchingBarEvery)
		}
		shown := bar.String()
		time.Sleep(time.Minute)
		synctest.Wait()
		if after := strings.TrimPrefix(bar.String(), shown); after != "" {
			t.Errorf("after the end it writes %q", after[:min(len(after), 200)])
		}
	})
}

// TestFetching_Begin_EndsThoughNobodyReads: a bar on a terminal that was stopped is
// never drawn, and does not keep the node from its end. One that can be drawn is
// taken away before the node goes on.
func TestFetching_Begin_EndsThoughNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		incomplete := func() node.Completeness { return node.Completeness{Incomplete: true, Records: 1, Expected: 2} }
		read, unread := io.Pipe() // each write waits for its reader
		f := &fetching{completeness: incomplete, log: slog.New(slog.DiscardHandler), watched: unread}
		hide := f.begin(context.Background())
		time.Sleep(time.Minute)
		began := time.Now()
		hide()
		if took := time.Since(began); took != fetchingHideMax {
			t.Errorf("a bar that nobody reads holds up the end for %s, want %s", took, fetchingHideMax)
		}
		_ = read.Close() // ends the write

		var bar bytes.Buffer
		f = &fetching{completeness: incomplete, log: slog.New(slog.DiscardHandler), watched: &bar}
		hide = f.begin(context.Background())
		time.Sleep(time.Minute)
		began = time.Now()
		hide()
		if took := time.Since(began); took != 0 || f.bar != nil || bar.Len() == 0 {
			t.Errorf("a bar of %d bytes holds up the end for %s; it is there still: %t", bar.Len(), took, f.bar != nil)
		}
	})
}
