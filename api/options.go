package api

import (
	"log/slog"
	"time"
)

// Options configure a Server. The zero value works.
type Options struct {
	// Version is what the status says the program's version is.
	Version string
	// Logger takes one line per request at debug level, and faults as errors.
	// Default: discard.
	Logger *slog.Logger
	// ReadTimeout bounds how long a request may take to arrive, WriteTimeout
	// how long an answer, or a line of a stream, may wait for its reader.
	// Default 30s each.
	ReadTimeout  time.Duration
	WriteTimeout time.Duration
	// RequestsMax bounds the requests that are under way at a time, watches
	// included, and BodyBytesMax their bodies together, in bytes. Who has no
	// room is told to come again. Health and metrics always have. Default 4096
	// and 256 MiB.
	RequestsMax, BodyBytesMax int
	// WaitTimeout is how long a wait lasts that names no timeout. Default 10s.
	WaitTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.ReadTimeout == 0 {
		o.ReadTimeout = 30 * time.Second
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = 30 * time.Second
	}
	if o.RequestsMax == 0 {
		o.RequestsMax = 4096
	}
	if o.BodyBytesMax == 0 {
		o.BodyBytesMax = 256 << 20
	}
	if o.WaitTimeout == 0 {
		o.WaitTimeout = 10 * time.Second
	}
	return o
}

// Limits of one request, beside wire.BodyBytesMax.
const (
	headerBytesMax  = 256 << 10
	lookupKeysMax   = 10_000
	batchesMax      = 10_000
	historyLimitMax = 100_000
	// historyLimit is how many events a history has that names no limit.
	historyLimit = 1_000
	// waitTimeoutMax bounds the timeout a request may name.
	waitTimeoutMax = 10 * time.Minute
	// batchesAtOnce bounds how many batches of one request wait for the disk
	// together.
	batchesAtOnce = 256
)
