package sim

import (
	"errors"
	"fmt"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// claimSlot is a claim that users write about, and the smaller ranges to
// which it may be tightened, which are claims of their own.
type claimSlot struct {
	claim   ranges.Claim
	smaller []ranges.Range
}

// drawClaims returns a handful of claims, so that writes meet: nested ranges
// of a few nodes, and one without end.
func drawClaims(k *cluster) []claimSlot {
	bounds := []ranges.Range{
		{From: "", To: ranges.Unbounded()},
		{From: "a", To: ranges.Before("m")},
		{From: "a", To: ranges.Before("f")},
		{From: "f", To: ranges.Before("m")},
	}
	var slots []claimSlot
	for n := range 1 + k.random.IntN(4) {
		for i, r := range bounds[:1+k.random.IntN(len(bounds))] {
			slot := claimSlot{claim: ranges.Claim{Keyspace: ranges.DefaultKeyspace, Node: fmt.Sprintf("n%d", n+1), Range: r}}
			for _, smaller := range bounds[i+1:] {
				if r.Covers(smaller) {
					slot.smaller = append(slot.smaller, smaller)
				}
			}
			slots = append(slots, slot)
		}
	}
	return slots
}

// mayWrite reports whether a member that is up lets users write.
func (m *member) mayWrite() bool { return m.identified || !m.cluster.cautious }

func (m *member) writeAtRandom() {
	if !m.mayWrite() {
		return
	}
	size := [...]int{1, 1, 2, 3}[m.random.IntN(4)]
	if m.chance(4) {
		size = 16 // fits no packet
	}
	var batch []delta.Operation
	for range size {
		batch = append(batch, m.drawOperation())
	}
	m.carryOut(batch)
}

func (m *member) drawOperation() delta.Operation {
	verbs := [...]delta.Verb{
		delta.VerbRegister, delta.VerbRegister, delta.VerbRelease, delta.VerbIncrease, delta.VerbIncrease,
		delta.VerbDecrease, delta.VerbDecrease, delta.VerbSet, delta.VerbTighten,
	}
	slot := m.claims[m.random.IntN(len(m.claims))]
	o := delta.Operation{
		Verb: verbs[m.random.IntN(len(verbs))], Claim: slot.claim,
		Amount: 1 + m.random.Int64N(4), IfVisible: m.chance(30),
	}
	if o.Verb != delta.VerbTighten {
		return o
	}
	if len(slot.smaller) == 0 {
		o.Verb = delta.VerbRelease
		return o
	}
	o.To, o.AllowGap = slot.smaller[m.random.IntN(len(slot.smaller))], m.chance(70)
	return o
}

// carryOut writes a batch as a user would, and holds what was acknowledged
// against what was committed.
func (m *member) carryOut(batch []delta.Operation) error {
	var d delta.Delta
	err := m.transaction(nil, func(c *delta.Commit) error {
		var err error
		d, _, err = c.Write(batch)
		return err
	})
	switch {
	case errors.Is(err, errDisk):
		return err
	case errors.Is(err, delta.ErrNotFound), errors.Is(err, delta.ErrGap):
		return err
	case err != nil:
		m.fail("%s: a write fails: %v", m.name, err)
		return err
	}
	m.report.Writes++
	last := batch[len(batch)-1]
	m.markIf(MarkTightened, last.Verb == delta.VerbTighten)
	if last.Verb == delta.VerbRegister && !registers(d, last.Claim) {
		m.fail("V6: %s acknowledged a register of %s without an event", m.name, nameOf(delta.ClaimKey(last.Claim)))
	}
	return nil
}

// registers reports whether a delta ends with a Register of a claim.
func registers(d delta.Delta, c ranges.Claim) bool {
	if len(d.Events) == 0 {
		return false
	}
	e := d.Events[len(d.Events)-1]
	return e.Kind == delta.Add && e.By == 0 && e.Claim == c
}

func (m *member) advertise() {
	if !m.mayWrite() {
		return
	}
	_ = m.transaction(nil, func(c *delta.Commit) error {
		_, err := c.Advertise(delta.NodeRecord{Name: m.name, Service: fmt.Sprint(m.now)})
		return err
	})
}
