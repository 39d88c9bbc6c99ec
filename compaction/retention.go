package compaction

import (
	"errors"
	"fmt"
)

// Retention says how much of a class of records is kept.
type Retention struct {
	// Age is for how long, in milliseconds since a record was applied here.
	Age int64
	// Bytes is how much at most; the oldest goes first.
	Bytes uint64
}

// Options are the two retentions. A Retention that is zero as a whole stands
// for its default.
type Options struct {
	// Own is for records that touch a range in which the node participates.
	// Default: DefaultOwn. Longer means longer histories and a larger file.
	Own Retention
	// Other is for all others. Default: DefaultOther. Longer lets members that
	// were away for longer catch up from the log instead of by range repair.
	Other Retention
}

// ErrInvalid is wrapped by every refusal of a Retention.
var ErrInvalid = errors.New("invalid retention")

const (
	second = 1000
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour

	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
	tib = 1 << 40
)

// The defaults: 7 days and 256 MiB; 10 minutes and 16 MiB.
var (
	DefaultOwn   = Retention{Age: 7 * day, Bytes: 256 * mib}
	DefaultOther = Retention{Age: 10 * minute, Bytes: 16 * mib}
)

// WithDefaults returns o with the defaults filled in.
func (o Options) WithDefaults() Options {
	if o.Own == (Retention{}) {
		o.Own = DefaultOwn
	}
	if o.Other == (Retention{}) {
		o.Other = DefaultOther
	}
	return o
}

// Validate reports everything that is wrong with the options, or nil.
func (o Options) Validate() error {
	o = o.WithDefaults()
	var errs []error
	if err := o.Own.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("own history: %w", err))
	}
	if err := o.Other.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("other history: %w", err))
	}
	return errors.Join(errs...)
}

// Validate refuses an age or size below one millisecond or byte: a history of
// nothing is written 1ms,1B, so that a forgotten field is never one.
func (r Retention) Validate() error {
	switch {
	case r.Age < 1:
		return fmt.Errorf("%w: the age must be at least 1ms", ErrInvalid)
	case r.Bytes < 1:
		return fmt.Errorf("%w: the size must be at least 1B", ErrInvalid)
	}
	return nil
}
