package main

import (
	"bytes"
	"io"
	"log/slog"
)

// newLogger returns the log of a node.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usageErrorf("--log-level %q is unknown: use debug, info, warn or error", level)
	}
	o := &slog.HandlerOptions{Level: l}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, usageErrorf("--log-format %q is unknown: use text or json", format)
}

// lostLines returns what tells, in a log of a format, of lines that it lacks.
func lostLines(format string) func(lines int) []byte {
	return func(lines int) []byte {
		var line bytes.Buffer
		if log, err := newLogger(&line, format, "warn"); err == nil {
			log.Warn("whoever reads this log is too slow, and lines of it are lost", "lines", lines)
		}
		return line.Bytes()
	}
}
