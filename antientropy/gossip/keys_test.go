package gossip

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// A key is rotated while frames flow: each step leaves both members able to
// read each other, and in the end the old key is worth nothing.
func TestTransport_Keys_RotateWithoutInterruption(t *testing.T) {
	t.Parallel()
	first, second := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	options := func(name string) Options {
		o := fast(name)
		o.Keys = [][]byte{first}
		return o
	}
	all := trio(t, options)
	steps := []struct {
		name string
		do   func(*Transport) error
	}{
		{"install", func(p *Transport) error { return p.InstallKey(second) }},
		{"use", func(p *Transport) error { return p.UseKey(second) }},
		{"remove", func(p *Transport) error { return p.RemoveKey(first) }},
	}
	for _, step := range steps {
		for _, p := range all {
			if err := step.do(p.Transport); err != nil {
				t.Fatalf("%s on %s: %v", step.name, p.Name(), err)
			}
			body := fmt.Sprint(step.name, p.Name())
			for _, reliable := range []bool{false, true} {
				body := fmt.Sprint(body, reliable)
				if err := all[0].Send("n2", []byte(body), reliable); err != nil {
					t.Fatal(err)
				}
				until(t, "a frame during "+body, func() bool { return all[1].got(frame{"n1", body}) })
			}
		}
	}
	if keys := all[0].Keys(); len(keys) != 1 || !bytes.Equal(keys[0], second) {
		t.Errorf("%d keys are left", len(keys))
	}
	late := start(t, options("n4"))
	if _, err := late.Join(t.Context(), []string{all[0].Addr()}); !isError(err, ErrKey) {
		t.Errorf("join with the key that was removed: %v", err)
	}
}

func TestTransport_Keys_Refusals(t *testing.T) {
	t.Parallel()
	o := fast("n1")
	key := bytes.Repeat([]byte{1}, 16)
	o.Keys = [][]byte{key}
	p := start(t, o)
	clear(key) // the transport has its own copy
	if !bytes.Equal(p.Keys()[0], bytes.Repeat([]byte{1}, 16)) {
		t.Error("the transport shares its key with the caller")
	}
	for name, err := range map[string]error{
		"install a key of odd length": p.InstallKey([]byte("short")),
		"use a key that is unknown":   p.UseKey(make([]byte, 16)),
		"remove the key in use":       p.RemoveKey(p.Keys()[0]),
	} {
		if !isError(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.RemoveKey(make([]byte, 16)); err != nil {
		t.Errorf("remove a key that is not there: %v", err)
	}
	if n := len(p.Keys()); n != 1 {
		t.Errorf("%d keys after all refusals, want 1", n)
	}
	if err := start(t, fast("n2")).RemoveKey(key); err != nil {
		t.Errorf("remove a key where there is none: %v", err)
	}
}

// A running cluster without keys gets its first one without falling apart.
func TestTransport_Keys_FirstKeyStepByStep(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{1}, 32)
	plain := start(t, fast("n1"))
	o := fast("n2")
	o.Keys, o.AcceptPlain, o.SendPlain = [][]byte{key}, true, true
	lenient := start(t, o)
	lenient.join(plain)
	o = fast("n3")
	o.Keys, o.AcceptPlain = [][]byte{key}, true
	sending := start(t, o)
	sending.join(lenient)
	until(t, "who sends with a key and who accepts both hear each other, and who has none is heard", func() bool {
		return sending.liveness("n2") == Alive && lenient.liveness("n3") == Alive && plain.liveness("n2") == Alive && lenient.liveness("n1") == Alive
	})
	for _, pair := range [][2]*peer{{plain, lenient}, {lenient, plain}, {lenient, sending}, {sending, lenient}} {
		if err := pair[0].Send(pair[1].Name(), []byte("x"), false); err != nil {
			t.Fatal(err)
		}
		until(t, "a frame from "+pair[0].Name()+" to "+pair[1].Name(), func() bool { return pair[1].got(frame{pair[0].Name(), "x"}) })
	}
}

// Removing a key leaves the others, in their order, and may go on beside what
// the transport receives (which the race detector checks).
func TestTransport_RemoveKey_LeavesTheOthers(t *testing.T) {
	t.Parallel()
	key := func(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }
	all := trio(t, func(name string) Options {
		o := fast(name)
		o.Keys = [][]byte{key(1), key(2), key(3), key(4)}
		return o
	})
	if err := all[1].RemoveKey(key(2)); err != nil {
		t.Fatal(err)
	}
	if got := bytes.Join(all[1].Keys(), nil); !bytes.Equal(got, slices.Concat(key(1), key(3), key(4))) {
		t.Errorf("keys after the removal of 2: %x", got)
	}
}
