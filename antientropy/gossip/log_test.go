package gossip

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestLogger_ForMemberlist_Levels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, want string }{
		{"[DEBUG] memberlist: Stream connection from=127.0.0.1:1", "level=DEBUG"},
		{"[INFO] memberlist: Suspect n2 has failed, no acks received", "level=INFO"},
		{"[WARN] memberlist: Got ping for unexpected node n2", "level=WARN"},
		{"[ERR] memberlist: Failed to send gossip to 127.0.0.1:1", "level=WARN"},
		{"[ERROR] memberlist: Failed to compress payload", "level=WARN"},
		{"Err: Could not set the deadline", "level=WARN"},
		{"[ERR] memberlist: Failed push/pull merge: no", "level=DEBUG"},
		{"[WARN] memberlist: ignoring alive message for 'n2': no", "level=DEBUG"},
		{"[WARN] memberlist: Refuting a suspect message (from: n2)", "level=INFO"},
		{"[WARN] memberlist: Refuting a dead message (from: n2)", "level=INFO"},
		{"[ERR] memberlist: Decrypt packet failed: no installed keys could decrypt the message from=1", "--gossip-key-file"},
	} {
		var out bytes.Buffer
		l := newLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		l.forMemberlist(new(atomic.Uint64)).Print(c.line)
		if got := out.String(); !strings.Contains(got, c.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s is logged as %s", c.line, got)
		}
	}
}

func TestLogger_Limited_OncePerKey(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := newLogger(slog.New(slog.NewTextHandler(&out, nil)))
	for i := range 3 {
		l.forMemberlist(new(atomic.Uint64)).Printf("[ERR] memberlist: Failed to send gossip to 127.0.0.1:%d", i)
		l.forMemberlist(new(atomic.Uint64)).Printf("[DEBUG] memberlist: nobody wants to read this")
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines, want 1:\n%s", n, out.String())
	}
	l.mu.lines["Failed to send gossip to ...:"].last = time.Time{}
	l.forMemberlist(new(atomic.Uint64)).Print("[ERR] memberlist: Failed to send gossip to 127.0.0.1:9")
	if !strings.Contains(out.String(), "suppressed=2") {
		t.Errorf("the next line does not tell how many were suppressed:\n%s", out.String())
	}
	for i := range 2 * lineKeysMax {
		l.limited(slog.LevelInfo, time.Hour, fmt.Sprint(i), "line")
	}
	if n := len(l.mu.lines); n > lineKeysMax {
		t.Errorf("%d keys are remembered, at most %d are allowed", n, lineKeysMax)
	}
}

// TestLogger_ForMemberlist_CountsWhatItDrops, also where the line is not
// repeated or not wanted.
func TestLogger_ForMemberlist_CountsWhatItDrops(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var dropped atomic.Uint64
	to := newLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError}))).forMemberlist(&dropped)
	for range 3 {
		to.Print("[WARN] memberlist: handler queue full, dropping message (8) from=127.0.0.1:9")
		to.Print("[WARN] memberlist: Got ping for unexpected node n2")
	}
	if dropped.Load() != 3 {
		t.Errorf("%d messages were counted", dropped.Load())
	}
}
