package sim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// TestChecked_String_SaysWhatWasLeftOut holds that a report says in words how
// much was not held against the oracle, and is not complete then.
func TestChecked_String_SaysWhatWasLeftOut(t *testing.T) {
	all := Checked{Runs: 1, Claims: Tally{Exact: 3}, Views: Tally{Exact: 9}}
	if !all.IsComplete() || all.String() != "Claims at the end: 3, of which 3 show what they must.\nViews of claims on the way: 9, of which 9 show what they must.\n" {
		t.Errorf("complete: %t, %q", all.IsComplete(), all)
	}
	for want, c := range map[string]Checked{
		"Nothing was written":                {Runs: 1, Idle: 1},
		"In 2 of 3 runs nothing was written": {Runs: 3, Idle: 2},
		"; 2 show that, and might":           {Claims: Tally{Exact: 1, Forgotten: 2}},
		"; 1 show what others had released":  {Claims: Tally{Exact: 1, Back: 1}},
		"; 3 not checked: an event":          {Claims: Tally{Lost: 3}},
		"; 4 not checked: a dot":             {Views: Tally{Disputed: 4}},
		"; 5 not checked: the member":        {Views: Tally{Ahead: 5}},
		"; 6 not checked: forgotten":         {Views: Tally{Many: 6}},
		"A replica that was rolled back":     {Runs: 1, Idle: 1, Reused: 1},
		"In 1 of 9 runs events were lost":    {Runs: 9, Idle: 1, Lossy: 1},
		"Claims at the end: 1, of which 0 s": {Claims: Tally{Lost: 1}},
	} {
		if c.IsComplete() || !strings.Contains(c.String(), want) {
			t.Errorf("%+v: complete %t, %q, want %q", c, c.IsComplete(), c, want)
		}
	}
	sum := all
	sum.Add(Checked{Runs: 2, Idle: 1, Lossy: 1, Reused: 1, Claims: Tally{1, 2, 0, 3, 4, 5, 6}, Views: Tally{Ahead: 1}})
	if got, want := fmt.Sprint(sum.Runs, sum.Idle, sum.Lossy, sum.Reused, sum.Claims.All(), sum.Views.All()), "3 1 1 1 24 10"; got != want {
		t.Errorf("the sums are %s, want %s", got, want)
	}
}

// TestCluster_Disputed_ChecksTheRest: a dot that was used again takes nothing from
// what is checked but what it concerns.
func TestCluster_Disputed_ChecksTheRest(t *testing.T) {
	r := newReport(Config{})
	k := newCluster(5, &r)
	k.net.delayMax, k.diskMax = 5, 1
	for _, name := range []string{"n1", "n2"} {
		k.join(name, k.freshDirectory())
	}
	k.shape(profiles[0])
	k.run(1000)
	for range 30 {
		k.members[0].writeAtRandom()
		k.run(200)
	}
	m := k.members[1]
	var shown []delta.Key
	for _, key := range k.oracle.keys() {
		if e, _ := m.dir.memory.Get(key); e.Counter.Value() > 0 {
			shown = append(shown, key)
		}
	}
	if len(shown) < 2 || !r.OK() {
		t.Fatalf("%d claims are shown; %q", len(shown), r.Violations)
	}
	k.oracle.disputed[shown[0]] = true
	for _, key := range shown[:2] {
		m.dir.memory.Write(&delta.Effects{Entries: []delta.EntryChange{{Key: key}}}) // it is gone
	}
	if m.checkView(shown[:1]); !r.OK() || r.Checked.Views.Disputed != 1 {
		t.Errorf("the disputed claim: %q, %s", r.Violations, r.Checked.Views)
	}
	if m.checkView(shown[1:2]); r.OK() || !strings.HasPrefix(r.Violations[0][strings.Index(r.Violations[0], "V1"):], "V1: n2 shows 0") {
		t.Errorf("the other claim: %q", r.Violations)
	}
}

// TestOracle_MayShow_OnlyWhatForgottenBringBack: where contributions of a forgotten
// replica turn up late, those of its own that were released may be back, and
// nothing else.
func TestOracle_MayShow_OnlyWhatForgottenBringBack(t *testing.T) {
	o := newOracle()
	dead, lives := crdt.ReplicaID{1}, crdt.ReplicaID{2}
	claim := drawClaims(newCluster(1, new(Report)))[0].claim
	add := func(r crdt.ReplicaID, sequence uint64, by int64) {
		o.record(crdt.Dot{Replica: r, Sequence: sequence}, delta.Event{Kind: delta.Add, Claim: claim, By: by})
	}
	add(dead, 1, 5)
	add(dead, 2, 10)
	add(lives, 1, 100)
	o.record(crdt.Dot{Replica: lives, Sequence: 2}, delta.Event{Kind: delta.Release, Claim: claim, Records: crdt.PNCounter{
		{Origin: dead, Era: 1, Last: 1}, {Origin: lives, Era: 1, Last: 1},
	}})
	o.record(crdt.Dot{Replica: lives, Sequence: 3}, delta.Event{Kind: delta.Release, Claim: claim, Records: crdt.PNCounter{{Origin: dead, Era: 1, Last: 2}}})
	add(dead, 3, 3)
	o.forget(dead, []crdt.Context{{}})
	k := delta.ClaimKey(claim)
	if !o.late[k] || o.promised(k, newDirectory(lives)) != butForgotten {
		t.Fatal("the claim is not one of which released contributions may be back")
	}
	seen := o.sequences(crdt.Context{dead: 3, lives: 3})
	for value, want := range map[int64]bool{3: true, 13: true, 18: true, 8: false, 0: false, 103: false, 118: false} {
		if may, decided := o.mayShow(k, seen, true, value); may != want || !decided {
			t.Errorf("it may show %d: %t (decided %t), want %t", value, may, decided, want)
		}
	}
}
