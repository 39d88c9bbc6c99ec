package dump

import (
	"bytes"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// keeper takes everything and writes it again.
type keeper struct{ dumper }

func (k *keeper) Seen(id crdt.ReplicaID, sequence uint64) error {
	return k.line(Seen{Type: typeContext, Replica: id.String(), Sequence: sequence})
}

func (k *keeper) Ahead(id crdt.ReplicaID, sequence uint64) error {
	return k.line(Seen{Type: typeAhead, Replica: id.String(), Sequence: sequence})
}

func (k *keeper) Entry(e delta.Entry) error {
	line, err := lineOf(e)
	if err != nil {
		return err
	}
	return k.line(line)
}

func (k *keeper) Delta(p delta.Packed, appliedAt int64) error {
	return k.line(packDelta(p, appliedAt))
}

// rewrite reads one line and writes it again.
func rewrite(text []byte) ([]byte, error) {
	var b bytes.Buffer
	k := &keeper{dumper{w: &b, hash: newReader().hash}}
	r := newReader()
	r.to = k
	if err := r.take(text); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// FuzzReader_Take holds that what a line is taken for is written as a line
// that is taken for the same, and that no line makes the reader panic.
func FuzzReader_Take(f *testing.F) {
	for line := range bytes.Lines(dumpOf(f, example(f), false)) {
		f.Add(bytes.TrimSuffix(line, []byte("\n")))
	}
	f.Add([]byte(`{"type":"claim"}`))
	f.Add([]byte(`{"type":"delta","bytes":"AAAA"}`))
	f.Add([]byte(`{"type":"end","replicas":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := rewrite(text)
		if err != nil || len(once) == 0 {
			return // refused, or of a type that hands nothing on
		}
		twice, err := rewrite(once)
		if err != nil {
			t.Fatalf("taken and written again, it is refused: %v\n%s\n%s", err, text, once)
		}
		if !bytes.Equal(once, twice) {
			t.Fatalf("it does not stay the same:\n%s\n%s", once, twice)
		}
	})
}

// TestReader_Take_Refusals holds what is refused, and why.
func TestReader_Take_Refusals(t *testing.T) {
	const id = "13046e9f37f697788145003361345335"
	tests := map[string]struct{ line, want string }{
		"unknown type":        {`{"type":"claims"}`, `unknown type "claims"`},
		"a newer format":      {`{"type":"meta","format":2,"cluster":"c","node":"n","replica":"` + id + `"}`, "newer version"},
		"no format":           {`{"type":"meta","cluster":"c","node":"n","replica":"` + id + `"}`, "format 0 does not exist"},
		"a bad name":          {`{"type":"meta","format":1,"cluster":"c","node":"n n","replica":"` + id + `"}`, "invalid node name"},
		"a bad replica":       {`{"type":"context","replica":"13","sequence":1}`, "replica id"},
		"no sequence":         {`{"type":"context","replica":"` + id + `","sequence":0}`, "sequences start at 1"},
		"a sequence too high": {`{"type":"context","replica":"` + id + `","sequence":4611686018427387905}`, "out of bounds"},
		"an unknown field":    {`{"type":"forgotten","replica":"` + id + `","why":"x"}`, "why"},
		"a reversed range":    {`{"type":"claim","keyspace":"k","node":"n","from":"b","to":"a","priority":0,"contributions":[]}`, "reversed"},
		"no contributions":    {`{"type":"claim","keyspace":"k","node":"n","from":"a","to":"b","priority":0,"contributions":[]}`, "without records"},
		"a label of three":    {`{"type":"node","node":"n","generation":1,"dot":"` + id + `:1","service":"","api":"","gossip":"","labels":[["a","b","c"]],"retired":false}`, "pair"},
		"no delta":            {`{"type":"delta","applied_at_ms":1,"origin":"` + id + `","first":1,"time_ms":1,"events":[],"bytes":""}`, "decode delta"},
		"an early end":        {`{"type":"end","replicas":1,"claims":0,"nodes":0,"forgotten":0,"deltas":0,"fingerprint":"","sha256":""}`, "lines are missing or were changed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := rewrite([]byte(test.line))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want an error with %q", err, test.want)
			}
		})
	}
}

// TestReader_Take_RefusalsSpeakJSON requires that no Go type shows.
func TestReader_Take_RefusalsSpeakJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":5}`: `it is not a JSON object with a "type" that is a text`,
		`{"type":"delta","applied_at_ms":1,"origin":"","first":1,"time_ms":1,"events":[],"bytes":true}`:            `"bytes" cannot be true or false: give a text in quotes, in base64`,
		`{"type":"end","replicas":1,"claims":0,"nodes":0,"forgotten":0,"deltas":0,"fingerprint":"f","sha256":"s"}`: `it says that there are 1 replicas, 0 claims, 0 nodes, 0 forgotten, 0 deltas, fingerprint f, sha256 s, but there were 0 replicas`,
	} {
		if err := newReader().take([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
