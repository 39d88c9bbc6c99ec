package antientropy

import (
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

// Options configure a Core. Times are in milliseconds. The zero value of a
// field stands for its default.
type Options struct {
	// Cluster is the name of the cluster. Frames of another one are refused.
	// Required.
	Cluster string
	// Seed determines every random choice: peers to push to, jitter, and where
	// request ids begin. Two lives of a node should have different seeds, lest
	// late answers to one be taken for answers to the other.
	Seed uint64
	// SmallCluster is up to how many live peers an own delta is pushed to all
	// of them. Default 8.
	SmallCluster int
	// FanOut is to how many peers a delta is pushed in a larger cluster, beside
	// the next on the ring of replica ids, by everybody who learns of it. Of
	// what the network loses, more copies make up for more. Default 6.
	FanOut int
	// PacketBytesMax is the largest frame sent unreliably. It must leave room
	// for what the transport adds. Default 1200.
	PacketBytesMax int
	// CheckInterval is how often the Core itself sends a check to one random
	// live peer. 0 leaves checks to the transport: see CheckPayload.
	CheckInterval uint64
	// Grace is how long a difference to a peer must last before anything is
	// pulled: a push is probably on its way. Default 100.
	Grace uint64
	// RequestTimeout is how long a request may go without any answer. It must
	// exceed a round trip plus a read. Where nobody else is to be asked, the
	// questions of a session are asked three times, and wait twice as long each
	// time. Default 2000.
	RequestTimeout uint64
	// PullRepeat is after how long a pull of whose answer nothing has come is
	// asked again, and after twice as long once more, until it is given up. Of a
	// peer whose answers are known to take longer it is that longer, but half of
	// RequestTimeout at most. Default: an eighth of RequestTimeout.
	PullRepeat uint64
	// Retry is the shortest pause after a failed exchange with a peer; it
	// doubles with every failure, up to 64-fold, and has jitter. Default 500.
	Retry uint64
	// SessionTimeout bounds a session of range repair as a whole, since events
	// inside it are left alone meanwhile. Default 600,000.
	SessionTimeout uint64
	// AskInterval is how often an unanswered question of Await is repeated.
	// Default 300.
	AskInterval uint64
	// AskWhole is up to how many replicas a context of Await is asked for whole;
	// a larger one is by its hash and what differs, if the peer knows that.
	// Default 8.
	AskWhole int
	// AskTTL is how long a question of a peer is kept that cannot be answered
	// yet, unless repeated. Default 10,000.
	AskTTL uint64
	// PullBytesMax is how many bytes of deltas one answer may have. Default
	// 256 KiB.
	PullBytesMax int
	// RangeBytesMax is how many bytes of entries one answer may have. Default
	// 256 KiB.
	RangeBytesMax int
	// QueueBytesMax bounds received deltas that wait for a commit. Default
	// 8 MiB.
	QueueBytesMax int
	// EarlyBytesMax bounds received deltas that wait for those before them.
	// Default 1 MiB.
	EarlyBytesMax int
	// SplitFanOut is into how many children a differing range is split, where
	// almost all of its siblings differed; else into 4 at most. Default 16.
	SplitFanOut int
	// LeafRecords is up to how many records a differing range is sent whole,
	// where almost all of its siblings differed; else 1. Fewer cost a round trip
	// more, more cost the bytes of equal neighbours. Default 32.
	LeafRecords int
	// Symbols is up to how many symbols of a peer's sketch a complete session
	// asks for: it finds what differs by them if that is little, and scattered.
	// Not more than the sources of this node keep. 0 asks for none.
	Symbols int
	// Participants returns the names of peers that participate in what a delta
	// touches, ascending; they are pushed to first. Optional. It is called within
	// Committed, must be a function of what was committed, and must not block.
	Participants func(delta.Delta) []string
	// Participated returns the spans of what this node participates in, ascending
	// and disjoint, the first limit of them: where a peer's log was trimmed, they
	// are repaired before all others. Optional. It is called when a session is
	// found to be needed, not with each commit, since it costs as much as it
	// returns; it must be a function of what was committed, and must not block.
	Participated func(limit int) []delta.Span
	// Partners returns the names of peers that participate where this node
	// does; the spans of Participated are repaired with them. Optional. It is
	// called within Ready, must be a function of what was committed, and must
	// not block.
	Partners func() []string
}

// FrameBytesMax bounds every frame.
const FrameBytesMax = 64 << 10

func (o Options) withDefaults() Options {
	or(&o.SmallCluster, 8)
	or(&o.FanOut, 6)
	or(&o.PacketBytesMax, 1200)
	or(&o.Grace, 100)
	or(&o.RequestTimeout, 2000)
	or(&o.PullRepeat, max(1, o.RequestTimeout/8))
	or(&o.Retry, 500)
	or(&o.SessionTimeout, 600_000)
	or(&o.AskInterval, 300)
	or(&o.AskWhole, 8)
	or(&o.AskTTL, 10_000)
	or(&o.PullBytesMax, 256<<10)
	or(&o.RangeBytesMax, 256<<10)
	or(&o.QueueBytesMax, 8<<20)
	or(&o.EarlyBytesMax, 1<<20)
	or(&o.SplitFanOut, 16)
	or(&o.LeafRecords, 32)
	return o
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports everything that is wrong with the options, or nil.
func (o Options) Validate() error {
	o = o.withDefaults()
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(o.Cluster == "", "the cluster has no name")
	refuse(o.SmallCluster < 0 || o.FanOut < 0, "a negative number of peers to push to")
	refuse(o.PacketBytesMax < 256 || o.PacketBytesMax > FrameBytesMax, "packets of %d bytes: 256 to %d are possible", o.PacketBytesMax, FrameBytesMax)
	refuse(o.PullBytesMax < 0 || o.PullBytesMax > answerBytesMax/2, "answers to pulls of %d bytes: at most %d are possible", o.PullBytesMax, answerBytesMax/2)
	refuse(o.RangeBytesMax < 0 || o.RangeBytesMax > answerBytesMax/2, "answers about ranges of %d bytes: at most %d are possible", o.RangeBytesMax, answerBytesMax/2)
	refuse(o.AskWhole < 0, "contexts of %d replicas to be asked for whole", o.AskWhole)
	refuse(o.QueueBytesMax < delta.DeltaBytesMax, "a queue of %d bytes has no room for one delta", o.QueueBytesMax)
	refuse(o.EarlyBytesMax < 0, "a negative buffer")
	refuse(o.SplitFanOut < 2 || o.SplitFanOut > splitMax, "a fan-out of %d: 2 to %d are possible", o.SplitFanOut, splitMax)
	refuse(o.LeafRecords < 1 || o.LeafRecords > leafMax, "leaves of %d records: 1 to %d are possible", o.LeafRecords, leafMax)
	refuse(o.Symbols < 0 || o.Symbols > symbolsMax, "%d symbols of a sketch: at most %d are possible", o.Symbols, symbolsMax)
	return errors.Join(errs...)
}
