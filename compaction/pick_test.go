package compaction

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// TestPick_Script runs the pages of testdata/pick. A pick has arguments now, own
// and other, and one line for each
//
//	participate [from,to)              of the keyspace default
//	member NAME ORIGIN=LAST…           or "unknown" for its context
//	record ORIGIN FIRST-LAST at=AGE bytes=N TOUCH…
//
// where a touch is a range, node:NAME or forget. Records are numbered from 1.
// It prints what becomes of each record, and the plan's own words.
func TestPick_Script(t *testing.T) {
	datadriven.Walk(t, "testdata/pick", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "pick":
				return runPick(t, d)
			case "parse":
				return runParse(d)
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
	})
}

func runParse(d *datadriven.TestData) string {
	var b strings.Builder
	for line := range strings.Lines(d.Input) {
		line = strings.TrimSuffix(line, "\n")
		if r, err := ParseRetention(line); err != nil {
			fmt.Fprintf(&b, "%v\n", err)
		} else {
			fmt.Fprintf(&b, "%s: %d ms, %d bytes\n", r, r.Age, r.Bytes)
		}
	}
	return b.String()
}

func runPick(t *testing.T, d *datadriven.TestData) string {
	s := script{t: t, d: d, env: Env{Node: "self", Replica: origin("self")}}
	s.arguments()
	for line := range strings.Lines(d.Input) {
		s.line(strings.Fields(line))
	}
	s.env.Participation = ParticipationOf(slices.Values(s.claims))
	s.env.Records = slices.Values(s.records)
	return s.report(Pick(s.env))
}

type script struct {
	t       *testing.T
	d       *datadriven.TestData
	env     Env
	claims  []ranges.Claim
	records []Record
}

// origin returns the replica that a name in a script stands for.
func origin(name string) (r crdt.ReplicaID) {
	copy(r[:], name)
	return r
}

func (s *script) arguments() {
	var now string
	s.d.ScanArgs(s.t, "now", &now)
	s.env.Now = s.milliseconds(now)
	for name, place := range map[string]*Retention{"own": &s.env.Options.Own, "other": &s.env.Options.Other} {
		if arg, ok := s.d.Arg(name); ok {
			// datadriven splits values at commas.
			r, err := ParseRetention(strings.Join(arg.Vals, ","))
			if err != nil {
				s.d.Fatalf(s.t, "%v", err)
			}
			*place = r
		}
	}
}

func (s *script) milliseconds(age string) int64 {
	ms, err := parseSum(age, ageUnits)
	if err != nil {
		s.d.Fatalf(s.t, "time %q: %v", age, err)
	}
	return int64(ms)
}

func (s *script) line(words []string) {
	switch words[0] {
	case "participate":
		s.claims = append(s.claims, ranges.Claim{Keyspace: "default", Node: "self", Range: s.keyRange(words[1])})
	case "member":
		s.env.Members = append(s.env.Members, s.member(words[1], words[2:]))
	case "record":
		s.records = append(s.records, s.record(words[1:]))
	default:
		s.d.Fatalf(s.t, "unknown line %q", words)
	}
}

// keyRange reads [from,to), where to may be empty for no end.
func (s *script) keyRange(text string) ranges.Range {
	from, to, ok := strings.Cut(strings.Trim(text, "[)"), ",")
	if !ok {
		s.d.Fatalf(s.t, "range %q", text)
	}
	if to == "" {
		return ranges.Range{From: from, To: ranges.Unbounded()}
	}
	return ranges.Range{From: from, To: ranges.Before(to)}
}

func (s *script) member(name string, seen []string) Member {
	if slices.Equal(seen, []string{"unknown"}) {
		return Member{Name: name}
	}
	m := Member{Name: name, Context: crdt.NewContext()}
	for _, word := range seen {
		replica, last, _ := strings.Cut(word, "=")
		m.Context[origin(replica)] = s.number(last)
	}
	return m
}

func (s *script) number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	return n
}

func (s *script) record(words []string) Record {
	first, last, _ := strings.Cut(words[1], "-")
	r := Record{
		Index: uint64(len(s.records) + 1), Origin: origin(words[0]), First: s.number(first), Last: s.number(last),
		AppliedAt: s.milliseconds(strings.TrimPrefix(words[2], "at=")),
		Bytes:     s.number(strings.TrimPrefix(words[3], "bytes=")),
	}
	for _, word := range words[4:] {
		r.Touches = append(r.Touches, s.touch(word))
	}
	return r
}

func (s *script) touch(word string) delta.Touch {
	if node, ok := strings.CutPrefix(word, "node:"); ok {
		return delta.Touch{Node: node}
	}
	if word == "forget" {
		return delta.Touch{}
	}
	keyspace := "default"
	if name, keys, ok := strings.Cut(word, ":"); ok {
		keyspace, word = name, keys
	}
	return delta.Touch{Keyspace: keyspace, Range: ranges.BytesOf(s.keyRange(word))}
}

func (s *script) report(p Plan) string {
	var b strings.Builder
	dropped := map[uint64]Drop{}
	for _, d := range p.Drop {
		dropped[d.Index] = d
	}
	for _, r := range s.records {
		fate := "keep"
		if d, ok := dropped[r.Index]; ok {
			fate = "drop: " + d.Reason.String()
		}
		fmt.Fprintf(&b, "%d %s %s\n", r.Index, s.env.classOf(r), fate)
	}
	return b.String() + p.String()
}
