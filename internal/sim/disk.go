package sim

import (
	"cmp"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

var errDisk = errors.New("the disk fails")

// directory is what survives a crash: the committed state and the log.
type directory struct {
	replica *delta.Replica
	memory  *delta.Memory
	kept    *antientropy.Fingerprints
	log     map[crdt.ReplicaID][]logged
	index   uint64
	// since is how many replicas had been forgotten when it was begun.
	since int
	// start is the last start on it, lives the last that other members were
	// seen to have.
	start antientropy.StartID
	lives map[string]life
}

// logged is a delta in the log, with its place in the order of application.
type logged struct {
	delta.Packed
	index uint64
	at    int64
}

func newDirectory(id crdt.ReplicaID) *directory {
	return &directory{
		replica: delta.NewReplica(id), memory: &delta.Memory{},
		log: map[crdt.ReplicaID][]logged{}, lives: map[string]life{},
		kept: antientropy.NewFingerprintsBuilder(shapeOfFingerprints).Done(),
	}
}

// shapeOfFingerprints has so short blocks that a dozen claims fill several.
var shapeOfFingerprints = antientropy.Shape{BlockEntries: 3, Symbols: 128}

// clone returns a copy as of the last commit. An open session is not part of
// it.
func (d *directory) clone() *directory {
	out := &directory{
		replica: reopened(d.replica), memory: d.memory.Clone(), kept: d.kept,
		log: map[crdt.ReplicaID][]logged{}, index: d.index, since: d.since, start: d.start, lives: maps.Clone(d.lives),
	}
	for r, l := range d.log {
		out.log[r] = slices.Clone(l)
	}
	return out
}

// reopened returns a replica as it is found on disk: without its session.
func reopened(r *delta.Replica) *delta.Replica {
	c := r.Clone()
	out := delta.NewReplica(c.ID)
	out.Context, out.Ahead, out.Forgotten = c.Context, c.Ahead, c.Forgotten
	out.Fingerprint, out.ContextHash = c.Fingerprint, c.ContextHash
	out.BeginLife()
	return out
}

// write makes effects durable.
func (d *directory) write(e *delta.Effects, now uint64) error {
	d.memory.Write(e)
	kept, err := d.kept.Next(e.Entries, d.memory)
	if err != nil {
		return err
	}
	d.kept = kept
	for _, p := range e.Deltas {
		d.index++
		d.log[p.Origin] = append(d.log[p.Origin], logged{Packed: p, index: d.index, at: int64(now)})
	}
	d.replica.Adopt(e)
	return nil
}

// trim drops what a plan says.
func (d *directory) trim(plan compaction.Plan) int {
	if plan.IsEmpty() {
		return 0
	}
	gone := make(map[uint64]bool, len(plan.Drop))
	for _, x := range plan.Drop {
		gone[x.Index] = true
	}
	for r, l := range d.log {
		if l = slices.DeleteFunc(slices.Clone(l), func(x logged) bool { return gone[x.index] }); len(l) == 0 {
			delete(d.log, r)
		} else {
			d.log[r] = l
		}
	}
	return len(gone)
}

// records is the log as compaction wants it, oldest first.
func (d *directory) records() iter.Seq[compaction.Record] {
	var all []logged
	for _, l := range d.log {
		all = append(all, l...)
	}
	slices.SortFunc(all, func(a, b logged) int { return cmp.Compare(a.index, b.index) })
	return func(yield func(compaction.Record) bool) {
		var o delta.Outline
		for _, x := range all {
			o.SetTo(x.Delta)
			r := compaction.Record{
				Index: x.index, Origin: x.Origin, First: x.First, Last: x.Last(),
				AppliedAt: x.at, Bytes: uint64(len(x.Bytes)), Touches: o.Touches,
			}
			if !yield(r) {
				return
			}
		}
	}
}

// participation is where a node of a name takes part.
func (d *directory) participation(name string) compaction.Participation {
	var claims []ranges.Claim
	_ = d.memory.Scan(delta.ClaimSpan, func(e delta.Entry) error {
		claim, err := e.Key.Claim()
		if err == nil && claim.Node == name && e.Counter.IsVisible() {
			claims = append(claims, claim)
		}
		return err
	})
	return compaction.ParticipationOf(slices.Values(claims))
}

// instant is a directory as a Source.
type instant struct {
	*delta.Memory
	*directory
}

// Instant implements antientropy.Source.
func (s instant) Instant() antientropy.Instant { return antientropy.InstantOf(s.replica) }

// Log implements antientropy.Source.
func (s instant) Log(origin crdt.ReplicaID, from uint64, bytesMax int) ([]delta.Packed, error) {
	var out []delta.Packed
	for _, p := range s.log[origin] {
		if p.Last() < from {
			continue
		}
		bytesMax -= len(p.Bytes)
		if p.First > from || bytesMax < 0 && len(out) > 0 {
			break
		}
		out = append(out, p.Packed)
		from = p.Last() + 1
	}
	return out, nil
}
