package dump

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
	"github.com/scalesmall/ssnode/wire"
)

// Options say what a dump has.
type Options struct {
	// Cluster and Node are those of the directory.
	Cluster, Node string
	// Canonical leaves what equal replicas have byte for byte alike: no meta,
	// no ahead, no log.
	Canonical bool
}

// To returns a function that writes what it is shown to w, for whoever holds
// the store.
func To(w io.Writer, o Options) func(*store.View) error {
	return func(v *store.View) error { return Write(w, v, o) }
}

// Write writes what v shows, and flushes nothing: the caller buffers and owns
// w. It holds v's instant while it writes, so w should not be slow.
func Write(w io.Writer, v *store.View, o Options) error {
	d := &dumper{w: w, view: v, options: o, hash: sha256.New()}
	for _, part := range []func() error{d.meta, d.contexts, d.entries, d.log, d.end} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

type dumper struct {
	w       io.Writer
	view    *store.View
	options Options
	count   End
	hash    hash.Hash
}

// line writes one line.
func (d *dumper) line(v any) error {
	text, err := wire.Marshal(v)
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	text = append(text, '\n')
	d.hash.Write(text)
	_, err = d.w.Write(text)
	return err
}

func (d *dumper) meta() error {
	if d.options.Canonical {
		return nil
	}
	return d.line(Meta{
		Type: typeMeta, Format: Format, Cluster: d.options.Cluster, Node: d.options.Node,
		Replica: d.view.Summary().ID.String(),
	})
}

func (d *dumper) contexts() error {
	seen := d.view.Summary().Context
	d.count.Replicas = len(seen)
	if err := d.context(typeContext, seen); err != nil || d.options.Canonical {
		return err
	}
	ahead, err := d.view.Ahead()
	if err != nil {
		return err
	}
	return d.context(typeAhead, ahead)
}

func (d *dumper) context(as string, c crdt.Context) error {
	for replica, sequence := range c.All() {
		if err := d.line(Seen{Type: as, Replica: replica.String(), Sequence: sequence}); err != nil {
			return err
		}
	}
	return nil
}

func (d *dumper) entries() error {
	return d.view.Scan(delta.Whole, func(e delta.Entry) error {
		line, err := lineOf(e)
		if err != nil {
			return err
		}
		d.count.add(e.Key)
		return d.line(line)
	})
}

// add counts an entry.
func (e *End) add(k delta.Key) {
	switch {
	case k.IsClaim():
		e.Claims++
	case k.IsNode():
		e.Nodes++
	default:
		e.Forgotten++
	}
}

func (d *dumper) log() error {
	if d.options.Canonical {
		return nil
	}
	return d.view.EachRecord(0, func(r store.Record) error {
		d.count.Deltas++
		return d.line(packDelta(r.Delta, r.AppliedAt))
	})
}

func (d *dumper) end() error {
	d.count.Type, d.count.Fingerprint = typeEnd, d.view.Summary().Fingerprint.String()
	d.count.SHA256 = hex.EncodeToString(d.hash.Sum(nil))
	return d.line(d.count)
}
