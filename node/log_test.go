package node_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// logbook is a slog.Handler that keeps the lines of one node.
type logbook struct {
	attrs string
	*lines
}

type lines struct {
	mu  sync.Mutex
	all []string
}

func newLogbook() logbook { return logbook{lines: &lines{}} }

func (l logbook) Enabled(context.Context, slog.Level) bool { return true }

func (l logbook) Handle(_ context.Context, r slog.Record) error {
	line := fmt.Sprintf("%s %s%s", r.Level, r.Message, l.attrs)
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
	return nil
}

func (l logbook) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		l.attrs += " " + a.String()
	}
	return l
}

func (l logbook) WithGroup(string) slog.Handler { return l }

// count returns how many lines have a word.
func (l logbook) count(word string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if strings.Contains(line, word) {
			n++
		}
	}
	return n
}

// has reports whether a line has all of the words.
func (l logbook) has(words ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.all, func(line string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) })
	})
}

// above returns the lines of warnings and errors.
func (l logbook) above() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.all), func(line string) bool {
		return !strings.HasPrefix(line, "WARN") && !strings.HasPrefix(line, "ERROR")
	})
}
