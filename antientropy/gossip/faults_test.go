package gossip

import (
	"testing"
	"time"
)

func partitioned(cuts *Partition, of func(string) Options) func(string) Options {
	return func(name string) Options {
		o := of(name)
		o.Faults = cuts
		return o
	}
}

// A member that only this node cannot reach is suspect here, for as long as
// the others vouch for it, and alive again once the link is.
func TestTransport_Members_SuspectWhileOneLinkIsCut(t *testing.T) {
	t.Parallel()
	cuts := NewPartition()
	all := trio(t, partitioned(cuts, fast))
	cuts.Cut("n1", "n2")
	// On a busy machine n3 may miss an answer, too, for a moment.
	until(t, "n1 and n2 suspect each other, and n3, which reaches both, neither", func() bool {
		return all[0].liveness("n2") == Suspect && all[1].liveness("n1") == Suspect &&
			all[2].liveness("n1") == Alive && all[2].liveness("n2") == Alive
	})
	until(t, "n1 and n2 have counted that", func() bool {
		return all[0].Stats().Became.Suspect > 0 && all[1].Stats().Became.Suspect > 0
	})
	cuts.Heal("n1", "n2")
	untilListed(t, all)
	for _, p := range all {
		until(t, p.Name()+" has counted two, and all who were suspect, as alive or dead", func() bool {
			is := p.Stats().Became
			return is.Alive+is.Dead >= 2+is.Suspect && is.Left == 0
		})
	}
}

func TestTransport_Faults_CutAndHeal(t *testing.T) {
	t.Parallel()
	cuts := NewPartition()
	all := trio(t, partitioned(cuts, mortal))
	cuts.Split([]string{"n1"}, []string{"n2", "n3"})
	large := make([]byte, 10_000)
	for _, to := range []string{"n2", "n3"} {
		for _, f := range [][]byte{[]byte("across"), large} {
			if err := all[0].Send(to, f, false); err != nil && !isError(err, ErrNotAlive) {
				t.Fatal(err)
			}
		}
	}
	until(t, "both sides list the other as dead, and n2 and n3, on one side, each other as alive", func() bool {
		return all[0].liveness("n2") == Dead && all[0].liveness("n3") == Dead &&
			all[1].liveness("n1") == Dead && all[2].liveness("n1") == Dead &&
			all[1].liveness("n3") == Alive && all[2].liveness("n2") == Alive
	})
	if _, err := all[0].Join(t.Context(), []string{all[1].Addr()}); !isError(err, ErrNotJoined) {
		t.Errorf("join across the cut: %v", err)
	}
	for _, p := range all[1:] {
		if p.got(frame{"n1", "across"}) || p.got(frame{"n1", string(large)}) {
			t.Errorf("a frame of n1 crossed the cut to %s", p.Name())
		}
	}
	cuts.HealAll()
	all[0].join(all[1])
	untilListed(t, all)
	for _, f := range [][]byte{[]byte("across"), large} {
		if err := all[0].Send("n3", f, false); err != nil {
			t.Fatal(err)
		}
		until(t, "frames arrive again", func() bool { return all[2].got(frame{"n1", string(f)}) })
	}
}

// The dead object when any news of the others reaches them again, without a join by
// anyone. That they are dead may be old news by then.
func TestTransport_Faults_HealsByItself(t *testing.T) {
	t.Parallel()
	cuts := NewPartition()
	all := trio(t, partitioned(cuts, mortal))
	cuts.Split([]string{"n1"}, []string{"n2", "n3"})
	until(t, "n2 lists n1 as dead", func() bool { return all[1].liveness("n1") == Dead })
	cuts.HealAll()
	news := all[1].Meta()
	news.API = "elsewhere.example:7481"
	if err := all[1].SetMeta(news); err != nil {
		t.Fatal(err)
	}
	untilListed(t, all)
}

// One direction is enough to break a stream, as it is for a connection.
func TestTransport_Faults_OneDirection(t *testing.T) {
	t.Parallel()
	cuts := NewPartition()
	all := trio(t, partitioned(cuts, fast))
	cuts.Set("n2", "n1", Verdict{Drop: true})
	if err := all[0].Send("n2", []byte("packet"), false); err != nil {
		t.Fatal(err)
	}
	until(t, "a packet arrives in the direction that works", func() bool { return all[1].got(frame{"n1", "packet"}) })
	if err := all[0].Send("n2", []byte("stream"), true); err != nil {
		t.Fatal(err)
	}
	until(t, "the stream is given up", func() bool { return all[0].Stats().DropsSend == 1 })
	if all[1].got(frame{"n1", "stream"}) {
		t.Error("a stream worked in one direction")
	}
}

func TestTransport_Faults_Delay(t *testing.T) {
	t.Parallel()
	const delay = 150 * time.Millisecond
	cuts := NewPartition()
	all := trio(t, partitioned(cuts, fast))
	cuts.Set("n1", "n2", Verdict{Delay: delay})
	cuts.Set("n1", "n3", Verdict{Delay: time.Hour}) // a send that waits for that does not return
	for _, reliable := range []bool{false, true} {
		body := map[bool]string{false: "packet", true: "stream"}[reliable]
		if err := all[0].Send("n3", []byte(body), reliable); err != nil {
			t.Fatal(err)
		}
	}
	for _, reliable := range []bool{false, true} {
		body := map[bool]string{false: "packet", true: "stream"}[reliable]
		began := time.Now()
		if err := all[0].Send("n2", []byte(body), reliable); err != nil {
			t.Fatal(err)
		}
		until(t, "a delayed "+body+" arrives", func() bool { return all[1].got(frame{"n1", body}) })
		if took := time.Since(began); took < delay {
			t.Errorf("a %s arrived after %s, want at least %s", body, took, delay)
		}
	}
}

func TestPartition_Verdict_ByNames(t *testing.T) {
	t.Parallel()
	p := NewPartition()
	p.Bind("a", "1")
	p.Bind("b", "2")
	p.Bind("b", "3") // it came back at another address
	p.Cut("a", "b")
	for _, c := range []struct {
		from, to string
		drop     bool
	}{{"1", "2", true}, {"2", "1", true}, {"1", "3", true}, {"2", "3", false}, {"1", "9", false}} {
		if got := p.Verdict(c.from, c.to).Drop; got != c.drop {
			t.Errorf("from %s to %s: dropped %t, want %t", c.from, c.to, got, c.drop)
		}
	}
	p.Heal("b", "a")
	if p.Verdict("1", "2").Drop || p.Verdict("2", "1").Drop {
		t.Error("the link is cut after Heal")
	}
}
