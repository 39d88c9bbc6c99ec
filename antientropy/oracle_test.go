package antientropy_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// contribution is an issued Add as the oracle sees it.
type contribution struct {
	dot crdt.Dot
	add crdt.Contribution
	by  int64
}

// oracle knows every event ever issued and no joins, contexts or watermarks:
// what lives is what no Release had observed.
type oracle struct {
	adds     map[delta.Key][]contribution
	released map[delta.Key]map[crdt.ReplicaID]uint64
}

func (k *cluster) oracle() *oracle {
	o := &oracle{adds: map[delta.Key][]contribution{}, released: map[delta.Key]map[crdt.ReplicaID]uint64{}}
	dots := slices.SortedFunc(maps.Keys(k.issued), crdt.Dot.Compare)
	for _, dot := range dots {
		e := k.issued[dot]
		switch key := e.Key(); e.Kind {
		case delta.Add:
			o.adds[key] = append(o.adds[key], contribution{dot: dot, add: e.Contribution(), by: e.By})
		case delta.Release:
			o.observe(key, e.Released())
		}
	}
	return o
}

func (o *oracle) observe(k delta.Key, released crdt.PNCounter) {
	if o.released[k] == nil {
		o.released[k] = map[crdt.ReplicaID]uint64{}
	}
	for _, x := range released {
		o.released[k][x.Origin] = max(o.released[k][x.Origin], x.Last)
	}
}

// value returns what must be shown of a claim.
func (o *oracle) value(k delta.Key) int64 {
	var registered, sum int64
	visible := false
	lastRegister := map[crdt.ReplicaID]int64{}
	for _, c := range o.adds[k] {
		if c.dot.Sequence <= o.released[k][c.dot.Replica] {
			continue
		}
		if c.by == 0 {
			lastRegister[c.dot.Replica] = c.add.Amount
		}
		sum += c.by
		visible = visible || c.by >= 0
	}
	for _, amount := range lastRegister {
		registered = max(registered, amount)
	}
	if !visible {
		return 0
	}
	return max(1, registered+sum)
}

// check holds a member's view against the oracle.
func (o *oracle) check(m *member) error {
	keys := map[delta.Key]bool{}
	for k := range o.adds {
		keys[k] = true
	}
	err := m.disk.memory.Scan(delta.ClaimSpan, func(e delta.Entry) error {
		keys[e.Key] = true
		return nil
	})
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		e, _ := m.disk.memory.Get(k)
		if got, want := e.Counter.Value(), o.value(k); got != want {
			claim, _ := k.Claim()
			return fmt.Errorf("%s shows %d for %v, the oracle %d", m.name, got, claim, want)
		}
	}
	return err
}
