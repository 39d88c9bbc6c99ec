package node

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// kennel is a watchdog of one loop that a test drives.
type kennel struct {
	watchdog
	pulse           pulse
	waiting, onDisk bool
	told            []string
}

func newKennel() *kennel {
	k := &kennel{}
	k.watchdog = watchdog{
		loops:   []*watched{{name: "loop", pulse: &k.pulse, waiting: func() bool { return k.waiting }}},
		onDisk:  func() bool { return k.onDisk },
		slow:    func(beats int) { k.told = append(k.told, fmt.Sprintf("slow %d", beats)) },
		stalled: func(loop string, beats int) { k.told = append(k.told, fmt.Sprintf("%s stalled %d", loop, beats)) },
	}
	return k
}

func (k *kennel) beats(n int) {
	for range n {
		k.beat()
	}
}

// TestWatchdog_Beat_ComparesProgress: what is a stall, and what is not.
func TestWatchdog_Beat_ComparesProgress(t *testing.T) {
	for name, c := range map[string]struct {
		run  func(*kennel)
		want []string
	}{
		"idle":       {func(k *kennel) { k.beats(100) }, nil},
		"not woken":  {func(k *kennel) { k.waiting = true; k.beats(patience) }, []string{"loop stalled 10"}},
		"stuck":      {func(k *kennel) { k.pulse.begin(); k.beats(patience + 1) }, []string{"loop stalled 10"}},
		"stuck late": {func(k *kennel) { k.pulse.begin(); k.beats(patience); k.pulse.on(); k.beats(patience) }, nil},
		"busy": {func(k *kennel) {
			k.waiting = true
			for range 100 {
				k.pulse.begin()
				k.beat()
				k.pulse.rest()
			}
		}, nil},
		"one long piece after the other": {func(k *kennel) {
			for range 10 {
				k.pulse.begin()
				k.beats(patience)
			}
		}, nil},
		"slow disk": {func(k *kennel) {
			k.onDisk = true
			k.pulse.begin()
			k.beats(2*patience + 5)
			k.pulse.rest()
			k.beats(5)
		}, []string{"slow 10", "slow 20", "slow 0"}},
		"stuck after the disk": {func(k *kennel) {
			k.onDisk = true
			k.pulse.begin()
			k.beats(patience + 1)
			k.onDisk = false
			k.beats(patience)
		}, []string{"slow 10", "loop stalled 10"}},
		"some time after the disk": {func(k *kennel) {
			k.onDisk = true
			k.pulse.begin()
			k.beats(patience + 1)
			k.onDisk = false
			k.beats(patience - 1)
			k.pulse.rest()
			k.beats(5)
		}, []string{"slow 10", "slow 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKennel()
			c.run(k)
			if !slices.Equal(k.told, c.want) {
				t.Errorf("told %q, want %q", k.told, c.want)
			}
		})
	}
}

// TestWatchdog_Run_EndsWithAStall beats on a clock that is not real.
func TestWatchdog_Run_EndsWithAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, begun := newKennel(), time.Now()
		k.pulse.begin()
		k.run(time.Second, nil)
		if took := time.Since(begun); took != (patience+1)*time.Second || len(k.told) != 1 {
			t.Errorf("after %s it has told %q", took, k.told)
		}
		stop := make(chan struct{})
		go func() { time.Sleep(time.Minute); close(stop) }()
		newKennel().run(time.Second, stop)
	})
}
