package dump

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
	"pgregory.net/rapid"
)

// open opens a store in a fresh directory, without waiting for the disk.
func open(t testing.TB, node string) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "data"), store.Options{Cluster: "c", Node: node, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func write(t testing.TB, s *store.Store, now int64, operations ...delta.Operation) {
	t.Helper()
	_, err := s.Update(delta.Env{Now: now}, func(c *delta.Commit) error {
		_, _, err := c.Write(operations)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// receive gives to everything that the log of from has.
func receive(t testing.TB, to, from *store.Store) {
	t.Helper()
	var deltas []delta.Packed
	err := from.View(func(v *store.View) error {
		return v.EachDelta(0, func(_ uint64, p delta.Packed) error {
			deltas = append(deltas, p)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = to.Update(delta.Env{Now: 5}, func(c *delta.Commit) error {
		for _, p := range deltas {
			if _, err := c.Receive(p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// take gives to the claims of from as a range answer, which puts it ahead of
// its context.
func take(t testing.TB, to, from *store.Store) {
	t.Helper()
	a := delta.Answer{Span: delta.ClaimSpan}
	err := from.View(func(v *store.View) error {
		a.Context = v.Summary().Context.Clone()
		return v.Scan(delta.ClaimSpan, func(e delta.Entry) error {
			a.Entries = append(a.Entries, e)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Update(delta.Env{Now: 6}, func(c *delta.Commit) error { return c.Take(a) }); err != nil {
		t.Fatal(err)
	}
}

func dumpOf(t testing.TB, s *store.Store, canonical bool) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.View(To(&b, Options{Cluster: s.Cluster(), Node: s.Node(), Canonical: canonical})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// load loads a dump and returns the directory.
func load(t testing.TB, text []byte) (string, error) {
	dir := filepath.Join(t.TempDir(), "loaded")
	_, err := Load(dir, bytes.NewReader(text))
	return dir, err
}

func reopen(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir, store.Options{MustExist: true, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func claim(node, from, to string) ranges.Claim {
	r := ranges.Range{From: from, To: ranges.Unbounded()}
	if to != "" {
		r.To = ranges.Before(to)
	}
	return ranges.Claim{Keyspace: "default", Node: node, Range: r}
}

// example returns a store that has one of everything: foreign and own claims,
// some released, a node, a forgotten replica, a log, and a state ahead of its
// context.
func example(t testing.TB) *store.Store {
	a, b, c := open(t, "a"), open(t, "b"), open(t, "c")
	write(t, b, 1, delta.Operation{Verb: delta.VerbRegister, Claim: claim("b", "a", "m"), Amount: 3},
		delta.Operation{Verb: delta.VerbIncrease, Claim: claim("b", "\x00\xff", ""), Amount: 4})
	receive(t, a, b)
	write(t, a, 2, delta.Operation{Verb: delta.VerbIncrease, Claim: claim("b", "a", "m"), Amount: 5},
		delta.Operation{Verb: delta.VerbRelease, Claim: claim("b", "\x00\xff", "")},
		delta.Operation{Verb: delta.VerbRegister, Claim: claim("a", "hex:", "text:x"), Amount: 1})
	write(t, c, 3, delta.Operation{Verb: delta.VerbRegister, Claim: claim("c", "x", "z"), Amount: 9})
	take(t, a, c)
	_, err := a.Update(delta.Env{Now: 4}, func(x *delta.Commit) error {
		if _, err := x.Advertise(delta.NodeRecord{Name: "a", Service: "s <&> \u2028", Labels: []delta.Label{{Name: "rack", Value: "1"}, {Name: "zone", Value: ""}}}); err != nil {
			return err
		}
		_, err := x.Forget(crdt.ReplicaID{1, 2, 3})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLoad_Dump_GivesTheSameCanonicalDump(t *testing.T) {
	s := example(t)
	full, canonical := dumpOf(t, s, false), dumpOf(t, s, true)
	for _, as := range []string{typeMeta, typeContext, typeAhead, typeClaim, typeNode, typeForgotten, typeDelta, typeEnd} {
		if !bytes.Contains(full, []byte(`{"type":"`+as+`"`)) {
			t.Errorf("the example has no %s, so this test would not notice its loss", as)
		}
	}
	dir, err := load(t, full)
	if err != nil {
		t.Fatal(err)
	}
	loaded := reopen(t, dir)
	if got := dumpOf(t, loaded, true); !bytes.Equal(got, canonical) {
		t.Errorf("canonical dumps differ:\n%s\n%s", canonical, got)
	}
	if loaded.Summary().ID == s.Summary().ID {
		t.Error("the loaded directory writes under the id of the one that was dumped")
	}
	// All but whose dump it is, and the hash of that, is the same: contexts,
	// what is ahead of them, and the log.
	if want, got := between(full), between(dumpOf(t, loaded, false)); want != got {
		t.Errorf("full dumps differ:\n%s\n%s", want, got)
	}
}

// between returns a dump without its first and last line.
func between(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[1:len(lines)-1], "\n")
}

func TestWrite_Canonical_IsEqualOnEqualReplicas(t *testing.T) {
	a, b := open(t, "a"), open(t, "b")
	write(t, a, 1, delta.Operation{Verb: delta.VerbRegister, Claim: claim("a", "a", "m"), Amount: 3})
	write(t, b, 2, delta.Operation{Verb: delta.VerbRegister, Claim: claim("b", "a", "m"), Amount: 3})
	if bytes.Equal(dumpOf(t, a, true), dumpOf(t, b, true)) {
		t.Fatal("replicas that differ have equal dumps")
	}
	receive(t, a, b)
	receive(t, b, a)
	if x, y := dumpOf(t, a, true), dumpOf(t, b, true); !bytes.Equal(x, y) {
		t.Errorf("equal replicas differ:\n%s\n%s", x, y)
	}
	if bytes.Contains(dumpOf(t, a, true), []byte(a.Summary().ID.String()+`","type":"meta"`)) {
		t.Error("a canonical dump says whose it is")
	}
}

// TestLoad_AnyChange_IsRefused takes lines out, puts them twice, swaps them
// and changes single bytes: nothing of that may be loaded.
func TestLoad_AnyChange_IsRefused(t *testing.T) {
	text := dumpOf(t, example(t), false)
	lines := bytes.SplitAfter(text, []byte("\n"))
	lines = lines[:len(lines)-1]
	join := func(parts ...[][]byte) []byte {
		var out []byte
		for _, p := range parts {
			out = append(out, bytes.Join(p, nil)...)
		}
		return out
	}
	for i := range lines {
		requireRefused(t, fmt.Sprintf("without line %d", i+1), join(lines[:i], lines[i+1:]))
		requireRefused(t, fmt.Sprintf("cut before line %d", i+1), join(lines[:i]))
		requireRefused(t, fmt.Sprintf("line %d twice", i+1), join(lines[:i+1], lines[i:]))
		if i > 0 {
			requireRefused(t, fmt.Sprintf("lines %d and %d swapped", i, i+1), join(lines[:i-1], lines[i:i+1], lines[i-1:i], lines[i+1:]))
		}
	}
	for i := 0; i < len(text); i += 61 {
		changed := bytes.Clone(text)
		changed[i] ^= 0x01
		requireRefused(t, fmt.Sprintf("byte %d changed", i), changed)
	}
}

func requireRefused(t *testing.T, what string, text []byte) {
	t.Helper()
	dir, err := load(t, text)
	var line *LineError
	if !errors.Is(err, ErrCorrupt) || !errors.As(err, &line) || line.Line < 1 {
		t.Errorf("%s: %v, want an error about a line", what, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("%s: the directory has %v", what, entries)
	}
}

func TestLoad_UsedDirectory_IsLeftAlone(t *testing.T) {
	text := dumpOf(t, example(t), false)
	dir, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	loaded := reopen(t, dir)
	before := dumpOf(t, loaded, false)
	if err := loaded.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, bytes.NewReader(text)); err == nil || errors.Is(err, ErrCorrupt) {
		t.Errorf("%v, want an error about the directory", err)
	}
	if after := dumpOf(t, reopen(t, dir), false); !bytes.Equal(before, after) {
		t.Errorf("the directory has changed:\n%s\n%s", before, after)
	}
}

// TestLoad_RandomStates_RoundTrip dumps and loads what random operations of
// three replicas leave behind.
func TestLoad_RandomStates_RoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		stores := []*store.Store{open(t, "a"), open(t, "b"), open(t, "c")}
		keys := []string{"", "a", "m", "\x00", "\xff", "hex:", "ключ", "a\x00b"}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			s := rapid.SampledFrom(stores).Draw(r, "store")
			switch rapid.IntRange(0, 3).Draw(r, "step") {
			case 0:
				receive(t, s, rapid.SampledFrom(stores).Draw(r, "from"))
			case 1:
				take(t, s, rapid.SampledFrom(stores).Draw(r, "from"))
			default:
				write(t, s, 1, delta.Operation{
					Verb:   rapid.SampledFrom([]delta.Verb{delta.VerbRegister, delta.VerbIncrease, delta.VerbRelease, delta.VerbSet}).Draw(r, "verb"),
					Claim:  claim(rapid.SampledFrom([]string{"a", "b"}).Draw(r, "node"), rapid.SampledFrom(keys).Draw(r, "from"), ""),
					Amount: rapid.Int64Range(1, delta.AmountMax).Draw(r, "amount"),
				})
			}
		}
		s := rapid.SampledFrom(stores).Draw(r, "dumped")
		full := dumpOf(t, s, false)
		dir, err := load(t, full)
		if err != nil {
			r.Fatalf("%v in:\n%s", err, full)
		}
		loaded := reopen(t, dir)
		if want, got := dumpOf(t, s, true), dumpOf(t, loaded, true); !bytes.Equal(want, got) {
			r.Fatalf("canonical dumps differ:\n%s\n%s", want, got)
		}
		if want, got := between(full), between(dumpOf(t, loaded, false)); want != got {
			r.Fatalf("full dumps differ:\n%s\n%s", want, got)
		}
		for _, x := range append(stores, loaded) {
			if err := x.Close(); err != nil {
				r.Fatal(err)
			}
		}
	})
}
