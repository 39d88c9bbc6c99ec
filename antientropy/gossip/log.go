package gossip

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// refusalEvery is how often a line about one refused peer is repeated at
	// most, chatterEvery the same for a line of memberlist.
	refusalEvery = time.Minute
	chatterEvery = 10 * time.Second
	// lineKeysMax bounds what is remembered to limit lines. Past it everything
	// is forgotten, so that some lines are repeated early.
	lineKeysMax = 1024
)

// logger limits how often a line is repeated.
type logger struct {
	out *slog.Logger
	mu  struct {
		sync.Mutex
		lines map[string]*line
	}
}

// line is what is remembered about the lines of one key.
type line struct {
	last       time.Time
	suppressed int
}

func newLogger(out *slog.Logger) *logger {
	l := &logger{out: out}
	l.mu.lines = make(map[string]*line)
	return l
}

// limited logs at most one line per key and period. The next line tells how
// many were suppressed before it.
func (l *logger) limited(level slog.Level, every time.Duration, key, message string, args ...any) {
	suppressed, ok := l.allow(key, every)
	if !ok {
		return
	}
	if suppressed > 0 {
		args = append(args, "suppressed", suppressed)
	}
	l.out.Log(context.Background(), level, message, args...)
}

func (l *logger) allow(key string, every time.Duration) (suppressed int, ok bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.mu.lines[key]
	if seen == nil {
		if len(l.mu.lines) >= lineKeysMax {
			clear(l.mu.lines)
		}
		seen = new(line)
		l.mu.lines[key] = seen
	} else if now.Sub(seen.last) < every {
		seen.suppressed++
		return 0, false
	}
	suppressed, seen.suppressed, seen.last = seen.suppressed, 0, now
	return suppressed, true
}

// forMemberlist returns a logger of the standard library that writes to l, and
// counts what memberlist says it has dropped: it tells nobody else.
func (l *logger) forMemberlist(dropped *atomic.Uint64) *log.Logger {
	return log.New(memberlistLines{l, dropped}, "", 0)
}

// memberlistLines takes lines such as "[WARN] memberlist: text".
type memberlistLines struct {
	to      *logger
	dropped *atomic.Uint64
}

// queueFull is how memberlist says that it drops a message that it received.
const queueFull = "handler queue full"

// Write takes one line; package log calls it once for each.
func (w memberlistLines) Write(p []byte) (int, error) {
	level, text := parseLine(p)
	if strings.HasPrefix(text, queueFull) {
		w.dropped.Add(1)
	}
	if !w.to.out.Enabled(context.Background(), level) {
		return len(p), nil
	}
	if level == slog.LevelDebug {
		w.to.out.Debug("memberlist: " + text)
		return len(p), nil
	}
	var args []any
	if hint := hintFor(text); hint != "" {
		args = append(args, "hint", hint)
	}
	w.to.limited(level, chatterEvery, withoutDigits(text), "memberlist: "+text, args...)
	return len(p), nil
}

// parseLine splits a line of memberlist. What it calls an error is a warning
// here: it is about one peer or one message, and nothing is lost that the
// protocol does not notice and repair. What this package has refused and
// logged with its reason is not worth a second line.
func parseLine(p []byte) (slog.Level, string) {
	name, rest, found := bytes.Cut(bytes.TrimSpace(p), []byte("] "))
	text := strings.TrimPrefix(string(rest), "memberlist: ")
	if !found || !bytes.HasPrefix(name, []byte("[")) {
		return slog.LevelWarn, string(bytes.TrimSpace(p))
	}
	switch {
	case string(name) == "[DEBUG", isOwnRefusal(text):
		return slog.LevelDebug, text
	case string(name) == "[INFO", isRefutation(text):
		return slog.LevelInfo, text
	}
	return slog.LevelWarn, text
}

// isOwnRefusal reports whether memberlist only repeats what a delegate of this
// package has said, or tells what every restart and every Close brings about.
func isOwnRefusal(text string) bool {
	for _, prefix := range []string{"ignoring alive message for", "Failed push/pull merge", "Conflicting address for", "Refuting an alive message"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return strings.Contains(text, ErrClosed.Error())
}

// isRefutation reports whether memberlist tells that this node lives though
// another took it for dead. Every restart that others have noticed brings that
// about; what made them think so is a line of theirs, and no warning either.
func isRefutation(text string) bool {
	return strings.HasPrefix(text, "Refuting a suspect message") || strings.HasPrefix(text, "Refuting a dead message")
}

// withoutDigits makes one key of lines that differ in addresses and numbers.
func withoutDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}, s)
}

// keyTroubles are the texts by which memberlist tells that keys differ.
var keyTroubles = []string{
	"no installed keys could decrypt the message",
	"remote state is encrypted and encryption is not configured",
	"encryption is configured but remote state is not encrypted",
	"unsupported encryption version",
	"payload is too small to decrypt",
}

// isKeyTrouble reports whether memberlist tells that keys differ.
func isKeyTrouble(text string) bool {
	for _, trouble := range keyTroubles {
		if strings.Contains(text, trouble) {
			return true
		}
	}
	return false
}

func hintFor(text string) string {
	if isKeyTrouble(text) {
		return "a peer uses another gossip key, or only one side has any; compare --gossip-key-file on both"
	}
	return ""
}
