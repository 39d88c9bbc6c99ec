package sim

import (
	"testing"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// Bounds of what is left of one life of a directory: an entry of the context, a
// record under each claim that it wrote about while that waits for it, and a
// mark once it was forgotten. Encoded; store has the same about the file.
const (
	contextBytesPerLife   = 24
	recordBytesPerLife    = 40
	forgottenBytesPerLife = 20
)

// TestRun_Incarnations_LeaveLittle lets a node lose its directory again and
// again, and write a claim in every life. What is left of a life is a few bytes,
// what idle peers tell each other does not grow, and once the lives were
// forgotten no record of them is left.
func TestRun_Incarnations_LeaveLittle(t *testing.T) {
	lives := 1000
	if testing.Short() {
		lives = 100
	}
	r := newReport(Config{})
	k := newCluster(3, &r)
	k.net.delayMax, k.diskMax = 2, 1
	k.options.Grace = 1
	stay := k.join("stays", k.freshDirectory())
	dies := k.join("dies", k.freshDirectory())
	for _, m := range k.members {
		m.quiet = true
	}
	idle, frames, bytes := k.idle()
	claim := ranges.Claim{Keyspace: ranges.DefaultKeyspace, Node: "dies", Range: ranges.Everything()}
	var past []crdt.ReplicaID
	for range lives {
		past = append(past, dies.dir.replica.ID)
		if err := dies.carryOut([]delta.Operation{{Verb: delta.VerbRegister, Claim: claim, Amount: 1}}); err != nil {
			t.Fatal(err)
		}
		k.runUntil(func() bool { return dies.dir.replica.Context.Leq(stay.dir.replica.Context) })
		k.replace(dies, k.freshDirectory())
		dies.start()
		k.tellAll()
	}
	k.heal()
	k.converge(healMaxDefault)
	k.checkFinal()
	for _, v := range r.Violations {
		t.Fatal(v)
	}
	// How often a core sends a check is drawn at its start: nothing else may
	// travel, and no check may have grown.
	if check, f, b := k.idle(); check != idle || check > antientropy.CheckBytesMax || f == 0 || bytes%frames != 0 || b != f*(bytes/frames) {
		t.Errorf("after %d lives idle peers tell each other %d bytes, and in a minute %d frames of together %d bytes; before it were %d, %d and %d", lives, check, f, b, idle, frames, bytes)
	}
	e, _ := stay.dir.memory.Get(delta.ClaimKey(claim))
	if got := len(delta.EncodeEntry(e)); got > recordBytesPerLife*lives+64 {
		t.Errorf("the claim that %d lives have registered takes %d bytes, %d for each", lives, got, got/lives)
	}
	if got := len(delta.EncodeContext(stay.dir.replica.Context)); got > contextBytesPerLife*lives+64 {
		t.Errorf("the context of %d lives takes %d bytes, %d for each", lives, got, got/lives)
	}
	t.Logf("%d lives: a claim of %d bytes", lives, len(delta.EncodeEntry(e)))
	forgetLives(t, k, stay, past, claim)
}

// idle lets a minute pass in which nothing happens, and returns the size of what
// peers tell each other, and how much they send.
func (k *cluster) idle() (check int, frames, bytes uint64) {
	k.run(5000) // what is on its way is of before
	frames, bytes = k.report.Frames, k.report.Bytes
	k.run(60_000)
	for _, m := range k.members {
		check = max(check, len(m.core.CheckPayload()))
	}
	return check, k.report.Frames - frames, k.report.Bytes - bytes
}

// forgetLives releases what the lives left behind and forgets them.
func forgetLives(t *testing.T, k *cluster, m *member, past []crdt.ReplicaID, claim ranges.Claim) {
	if err := m.carryOut([]delta.Operation{{Verb: delta.VerbRelease, Claim: claim}}); err != nil {
		t.Fatal(err)
	}
	e, _ := m.dir.memory.Get(delta.ClaimKey(claim))
	if len(e.Counter) != len(past) {
		t.Errorf("%d records wait for their origins, want one of each of %d lives", len(e.Counter), len(past))
	}
	if err := m.transaction(nil, func(c *delta.Commit) error {
		_, err := c.Forget(past...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	k.converge(healMaxDefault)
	for _, m := range k.members {
		bytes := 0
		_ = m.dir.memory.Scan(delta.Whole, func(e delta.Entry) error {
			if e.Key.IsClaim() {
				t.Errorf("%s still holds %d records under %s", m.name, len(e.Counter), nameOf(e.Key))
			}
			bytes += len(e.Key) + len(delta.EncodeEntry(e))
			return nil
		})
		if bytes > forgottenBytesPerLife*len(past) {
			t.Errorf("%s holds %d bytes of %d forgotten lives", m.name, bytes, len(past))
		}
		t.Logf("%s holds %d bytes of %d forgotten lives", m.name, bytes, len(past))
	}
	for _, v := range k.report.Violations {
		t.Error(v)
	}
	t.Logf("%d lives: a context of %d bytes", len(past), len(delta.EncodeContext(m.dir.replica.Context)))
}

// runUntil lets time pass until something holds, at most a minute.
func (k *cluster) runUntil(holds func() bool) {
	for until := k.now + 60_000; !holds() && k.step(until); {
	}
}
