package antientropy

import (
	"fmt"
	"maps"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// contextBytesMax bounds an encoded context: some 300,000 replicas.
const contextBytesMax = 8 << 20

// sender is what the answering side of range repair knows beside its entries,
// at the instant of an answer.
type sender struct {
	Hash    delta.Sum
	Context crdt.Context
	Ahead   crdt.Context
}

// known is a context that the asking side has named by its hash.
type known struct {
	hash    delta.Sum
	context crdt.Context
}

// senderAt says what is known at an instant to somebody who knows the context
// of a hash; nil if that is all.
func (c *Core) senderAt(known [16]byte, at Instant) *senderArray {
	a := &senderArray{Hash: at.ContextHash.Bytes()}
	if a.Hash == known && len(at.Ahead) == 0 {
		return nil
	}
	context := at.Context
	if changed, ok := c.changedSince(delta.SumOf(known), at); ok {
		a.Since, context = true, changed
	}
	a.Context = delta.EncodeContext(context)
	if len(at.Ahead) > 0 {
		a.Ahead = delta.EncodeContext(at.Ahead)
	}
	return a
}

func (a *senderArray) unpack(k known) (sender, error) {
	if a == nil {
		return sender{Hash: k.hash, Context: k.context}, nil
	}
	out := sender{Hash: delta.SumOf(a.Hash)}
	var err error
	if out.Context, err = a.unpackContext(k); err != nil {
		return sender{}, err
	}
	if a.Ahead != nil {
		out.Ahead, err = delta.DecodeContext(a.Ahead, contextBytesMax)
	}
	return out, err
}

// unpackContext returns the whole context of an answer. Its hash proves that it
// is the one that was meant, also where only a difference has come.
func (a *senderArray) unpackContext(k known) (crdt.Context, error) {
	changed, err := delta.DecodeContext(a.Context, contextBytesMax)
	if err != nil {
		return nil, err
	}
	if !a.Since {
		if delta.HashContext(changed) != delta.SumOf(a.Hash) {
			return nil, fmt.Errorf("%w answer: its context has another hash", delta.ErrCorrupt)
		}
		return changed, nil
	}
	before := crdt.NewContext()
	for r := range changed {
		if sequence := k.context.Get(r); sequence > 0 {
			before[r] = sequence
		}
	}
	if k.hash.Minus(delta.HashContext(before)).Plus(delta.HashContext(changed)) != delta.SumOf(a.Hash) {
		return nil, fmt.Errorf("%w answer: it is about another context than it says", delta.ErrCorrupt)
	}
	if len(changed) == 0 {
		return k.context, nil
	}
	context := k.context.Clone()
	maps.Copy(context, changed)
	return context, nil
}

// changedSince returns the entries of the context of an instant that are not
// those of a context that we were at. The instant may be later than what we
// were told of, or earlier: then the other context may be one that we came to
// only after it, and there is no difference that leads back.
func (c *Core) changedSince(hash delta.Sum, i Instant) (crdt.Context, bool) {
	changed := crdt.NewContext()
	if hash == i.ContextHash {
		return changed, true
	}
	then, ok := c.since(hash)
	if !ok {
		return nil, false
	}
	covered := 0 // entries of the other context that this one covers
	for r, sequence := range i.Context {
		before, grown := then[r]
		if !grown {
			before = c.replica.Context.Get(r)
		}
		if sequence > before {
			changed[r] = sequence
		}
		if 0 < before && before <= sequence {
			covered++
		}
	}
	return changed, covered == c.entriesAt(then)
}

// entriesAt returns how many entries the own context had, given what has changed
// since.
func (c *Core) entriesAt(then crdt.Context) int {
	n := len(c.replica.Context)
	for _, sequence := range then {
		if sequence == 0 {
			n--
		}
	}
	return n
}
