package crash_test

import (
	"fmt"
	"maps"
	"strings"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
)

// A writer tells a story in numbered steps, each one batch: what is there after
// step n follows from n alone, so that whatever is found after a crash can be
// compared with every step that may have been the last.
const (
	writers = 8
	// trail is how many steps a claim stays that one of them registers.
	trail = 4
	// told is over how many claims the deltas of the peer go round.
	told = 32
	// wordy is the writer whose claims are so long that each of its steps takes several
	// pages of the journal.
	wordy, wordyBytes = writers - 1, 1500
)

// peer is the origin of the deltas that the store receives, which tell a story
// of their own.
var peer = crdt.ReplicaID{7}

func claimAt(keyspace, node, from string) ranges.Claim {
	return ranges.Claim{Keyspace: keyspace, Node: node, Range: ranges.Range{From: from, To: ranges.Before(from + "\x00")}}
}

func keyspaceOf(writer int) string { return fmt.Sprintf("w%d", writer) }

func counterOf(writer int) ranges.Claim { return claimAt(keyspaceOf(writer), "n1", "counter") }

func markOf(writer, step int) ranges.Claim {
	from := fmt.Sprintf("step%08d", step)
	if writer == wordy {
		from += strings.Repeat("x", wordyBytes)
	}
	return claimAt(keyspaceOf(writer), "n1", from)
}

// batchOf returns what a writer does in a step.
func batchOf(writer, step int) []delta.Operation {
	batch := []delta.Operation{
		{Verb: delta.VerbSet, Claim: counterOf(writer), Amount: int64(step)},
		{Verb: delta.VerbRegister, Claim: markOf(writer, step), Amount: 1},
	}
	if step > trail {
		batch = append(batch, delta.Operation{Verb: delta.VerbRelease, Claim: markOf(writer, step-trail)})
	}
	return batch
}

// deltaOf returns what the peer tells in a step.
func deltaOf(step int) (delta.Packed, error) {
	x := crdt.PNCounter(nil).Registering(peer, uint64(step), int64(step))
	return delta.Pack(delta.Delta{Origin: peer, First: uint64(step), Time: 1, Events: []delta.Event{
		{Kind: delta.Add, Claim: toldIn(step), Records: crdt.PNCounter{x}},
	}})
}

func toldIn(step int) ranges.Claim {
	return claimAt("peer", "n2", fmt.Sprintf("told%02d", step%told))
}

// shown are the visible claims of a keyspace with their priorities.
type shown map[ranges.Claim]int64

// after returns what a writer's keyspace shows after a step.
func after(writer, step int) shown {
	s := shown{}
	if step == 0 {
		return s
	}
	s[counterOf(writer)] = int64(step)
	for i := max(1, step-trail+1); i <= step; i++ {
		s[markOf(writer, i)] = 1
	}
	return s
}

// toldAfter is the same of the peer.
func toldAfter(step int) shown {
	s := shown{}
	for i := max(1, step-told+1); i <= step; i++ {
		s[toldIn(i)] = int64(i)
	}
	return s
}

// found is what a directory shows, by keyspace.
type found map[string]shown

func look(s *store.Store) (found, error) {
	f := found{}
	err := s.View(func(v *store.View) error {
		return v.Scan(delta.ClaimSpan, func(e delta.Entry) error {
			claim, err := e.Key.Claim()
			if err != nil || !e.Counter.IsVisible() {
				return err
			}
			if f[claim.Keyspace] == nil {
				f[claim.Keyspace] = shown{}
			}
			f[claim.Keyspace][claim] = e.Counter.Value()
			return nil
		})
	})
	return f, err
}

// step returns the step that a writer's keyspace is after.
func (f found) step(writer int) int { return int(f[keyspaceOf(writer)][counterOf(writer)]) }

// toldStep is the same of the peer.
func (f found) toldStep() int {
	step := 0
	for _, priority := range f["peer"] {
		step = max(step, int(priority))
	}
	return step
}

// record is how far every story is known to have got: what was acknowledged.
type record struct {
	steps [writers]int
	told  int
	// newest is how many images of entries were in the file when it was opened, and
	// frames how many commits its journal had beyond the tables.
	newest, frames uint64
	// folds is how often a child has said that it folded the journal beside the writers.
	folds int
}

// all is how many steps that are.
func (r record) all() int {
	steps := r.told
	for _, n := range r.steps {
		steps += n
	}
	return steps
}

// compare holds what is found against the record: every story must be exactly
// after its last acknowledged step or after the one that was under way. It
// returns the record of what is found.
func (r record) compare(f found) (record, []string) {
	var wrong []string
	next := r
	for w := range writers {
		at := f.step(w)
		next.steps[w] = at
		switch {
		case at < r.steps[w]:
			wrong = append(wrong, fmt.Sprintf("writer %d: LOST: step %d was acknowledged, it is at %d", w, r.steps[w], at))
		case at > r.steps[w]+1:
			wrong = append(wrong, fmt.Sprintf("writer %d: INVENTED: step %d was acknowledged and the next under way, it is at %d", w, r.steps[w], at))
		case !maps.Equal(f[keyspaceOf(w)], after(w, at)) && len(f[keyspaceOf(w)])+len(after(w, at)) > 0:
			wrong = append(wrong, fmt.Sprintf("writer %d: TORN: after step %d it shows %v", w, at, f[keyspaceOf(w)]))
		}
	}
	at := f.toldStep()
	next.told = at
	switch {
	case at < r.told || at > r.told+1:
		wrong = append(wrong, fmt.Sprintf("peer: LOST or INVENTED: step %d was acknowledged, it is at %d", r.told, at))
	case !maps.Equal(f["peer"], toldAfter(at)) && at > 0:
		wrong = append(wrong, fmt.Sprintf("peer: TORN: after step %d it shows %v", at, f["peer"]))
	}
	return next, wrong
}

// acknowledge notes one line of a child.
func (r *record) acknowledge(line string) error {
	if line == folded {
		r.folds++
		return nil
	}
	var writer, step int
	if rest, ok := strings.CutPrefix(line, "told "); ok {
		if _, err := fmt.Sscanf(rest, "%d", &step); err != nil {
			return err
		}
		r.told = max(r.told, step)
		return nil
	}
	if _, err := fmt.Sscanf(line, "wrote %d %d", &writer, &step); err != nil {
		return fmt.Errorf("a child says %q: %w", line, err)
	}
	r.steps[writer] = max(r.steps[writer], step)
	return nil
}
