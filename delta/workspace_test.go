package delta_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/scalesmall/ssnode/delta"
	"pgregory.net/rapid"
)

// kept is what a commit has handed out, and all that it said then.
type kept struct {
	effects *delta.Effects
	written []delta.Delta
	results [][]delta.Result
	said    string
}

func (k *kept) String() string {
	var b bytes.Buffer
	for _, x := range k.effects.Entries {
		fmt.Fprintf(&b, "%q %v %v; ", x.Key, x.Before().Counter, x.After().Counter)
	}
	for _, p := range k.effects.Deltas {
		fmt.Fprintf(&b, "%s %x %+v; ", p, p.Bytes, p.Events)
	}
	fmt.Fprintf(&b, "%v %+v %v %v", k.effects.Forgotten, k.written, k.results, k.effects.Context)
	return b.String()
}

// TestCommit_Finish_WhatItHandsOutStays: commits of one replica use the same room one
// after the other. They lead to the same as a commit in room of its own, and what they
// have handed out stays as it is.
func TestCommit_Finish_WhatItHandsOutStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, other := newMember(1), newMember(2)
		var all []*kept
		for i := range rapid.IntRange(2, 6).Draw(t, "commits") {
			c := m.begin()
			if rapid.IntRange(0, 7).Draw(t, "given up") == 0 {
				_, _, _ = c.Write(batchAtRandom(t))
				c = m.begin()
			}
			alone := m.Replica.Clone().Begin(delta.Env{Read: m.memory.Clone(), Now: int64(m.ID[1])})
			k, want := &kept{}, &kept{}
			for range rapid.IntRange(0, 8).Draw(t, "batches") {
				batch := batchAtRandom(t)
				k.write(c, batch)
				want.write(alone, batch)
			}
			if rapid.IntRange(0, 5).Draw(t, "disowned") == 0 {
				id := replicaID(3 + i)
				if err, same := c.Disown(id), alone.Disown(id); err != nil || same != nil {
					t.Fatal(err, same)
				}
				batch := batchAtRandom(t)
				k.write(c, batch)
				want.write(alone, batch)
			}
			if rapid.Bool().Draw(t, "answer") {
				other.writeAtRandom(t)
				answer := other.answer(t, delta.Whole)
				if err, same := c.Take(answer), alone.Take(answer); err != nil || same != nil {
					t.Fatal(err, same)
				}
			}
			k.effects = m.finish(t, c)
			want.effects, _ = alone.Finish()
			if k.said = k.String(); k.said != want.String() {
				t.Fatalf("it says\n%s\nand in room of its own\n%s", k.said, want)
			}
			all = append(all, k)
		}
		for i, k := range all {
			if now := k.String(); now != k.said {
				t.Fatalf("commit %d said\n%s\nand now\n%s", i, k.said, now)
			}
		}
	})
}

// TestCommit_Write_SharesTheRecordOfAnAdd: the event of an own Add has its record in the
// memory of the counter that the event leads to, where few have touched that.
func TestCommit_Write_SharesTheRecordOfAnAdd(t *testing.T) {
	m, other := newMember(1), newMember(2)
	x := claim("a", "f")
	m.mustApply(t, other.write(t, register(x, 1)))
	c := m.begin()
	d, _, err := c.Write([]delta.Operation{increase(x, 1)})
	if err != nil {
		t.Fatal(err)
	}
	after := m.finish(t, c).Entries[0].After().Counter
	if len(after) != 2 || &after.Only(m.ID)[0] != &d.Events[0].Records[0] {
		t.Errorf("the record of %+v is not that of %+v", d.Events, after)
	}
}

// writeAtRandom carries out a batch, unless it is refused.
func (m *member) writeAtRandom(t *rapid.T) {
	c := m.begin()
	_, _, _ = c.Write(batchAtRandom(t))
	m.finish(t, c)
}

// batchAtRandom returns a batch, which may be refused.
func batchAtRandom(t *rapid.T) (batch []delta.Operation) {
	for range rapid.IntRange(1, 5).Draw(t, "operations") {
		x := claim(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "from"), "f")
		by := rapid.Int64Range(1, 3).Draw(t, "by")
		batch = append(batch, rapid.SampledFrom([]delta.Operation{register(x, by), increase(x, by), decrease(x, by), release(x)}).Draw(t, "operation"))
	}
	return batch
}

func (k *kept) write(c *delta.Commit, batch []delta.Operation) {
	if d, results, err := c.Write(batch); err == nil {
		k.written, k.results = append(k.written, d), append(k.results, results)
	}
}
