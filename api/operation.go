package api

import (
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/wire"
)

// verbs are the operations and which fields beside the claim each may have.
var verbs = map[wire.Op]struct {
	verb   delta.Verb
	fields []string
}{
	wire.OpRegister: {delta.VerbRegister, []string{"priority"}},
	wire.OpRelease:  {delta.VerbRelease, nil},
	wire.OpIncrease: {delta.VerbIncrease, []string{"by", "if_visible"}},
	wire.OpDecrease: {delta.VerbDecrease, []string{"by"}},
	wire.OpSet:      {delta.VerbSet, []string{"priority"}},
	wire.OpTighten:  {delta.VerbTighten, []string{"new_from", "new_to", "allow_gap"}},
}

// compile turns the operations of a request into those of a node, or says what
// is wrong with the first that is wrong. In asked it fills in what is absent: the
// node that answers is the default.
func compile(asked []wire.Operation, node string) ([]delta.Operation, error) {
	if len(asked) == 0 {
		return nil, wire.Errorf(wire.CodeInvalid, "no operations: give at least one in \"ops\"")
	}
	if len(asked) > wire.OperationsMax {
		return nil, wire.Errorf(wire.CodeTooLarge, "%d operations in one batch, at most %d are allowed: send several batches", len(asked), wire.OperationsMax)
	}
	out := make([]delta.Operation, len(asked))
	for i, o := range asked {
		asked[i] = o.WithDefaults(node)
		compiled, err := compileOne(&asked[i])
		if err != nil {
			return nil, inOperation(i, len(asked), asked[i], err)
		}
		out[i] = compiled
	}
	return out, nil
}

func compileOne(o *wire.Operation) (delta.Operation, error) {
	known, ok := verbs[o.Op]
	if !ok {
		return delta.Operation{}, wire.Errorf(wire.CodeInvalid, "unknown \"op\" %q: use register, release, increase, decrease, set or tighten", o.Op)
	}
	if err := refuseFields(o, known.fields); err != nil {
		return delta.Operation{}, err
	}
	claim, err := o.Claim()
	if err != nil {
		return delta.Operation{}, err
	}
	out := delta.Operation{Verb: known.verb, Claim: claim, IfVisible: o.IfVisible, AllowGap: o.AllowGap}
	switch known.verb {
	case delta.VerbRelease:
	case delta.VerbTighten:
		out.To, err = o.Tightened()
	default:
		out.Amount, err = o.Amount()
	}
	if err != nil {
		return delta.Operation{}, err
	}
	return out, out.Validate()
}

// refuseFields refuses a field that the operation does not have: who gives one
// means something else.
func refuseFields(o *wire.Operation, allowed []string) error {
	given := []struct {
		name string
		is   bool
	}{
		{"priority", o.Priority != nil},
		{"by", o.By != nil},
		{"if_visible", o.IfVisible},
		{"new_from", o.NewFrom != nil},
		{"new_to", o.NewTo != nil},
		{"allow_gap", o.AllowGap},
	}
	for _, field := range given {
		if field.is && !contains(allowed, field.name) {
			return wire.Errorf(wire.CodeInvalid, "%q does not belong to %s: leave it out", field.name, o.Op)
		}
	}
	return nil
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// inOperation says which operation of a batch an error is about.
func inOperation(i, of int, o wire.Operation, err error) error {
	e := errorOf(err)
	what := describe(o)
	if of > 1 {
		return wire.Errorf(e.Code, "operation %d of %d, %s: %s", i+1, of, what, e.Message)
	}
	return wire.Errorf(e.Code, "%s: %s", what, e.Message)
}

// describe names an operation and its claim, for people.
func describe(o wire.Operation) string {
	if o.Op == "" {
		return "operation without \"op\""
	}
	r, err := o.Range()
	if err != nil {
		return string(o.Op)
	}
	return string(o.Op) + " " + o.Keyspace + ":" + shorten(wire.FormatRange(r)) + " of " + o.Node
}

// shorten cuts a range with long keys: an error is read by people.
func shorten(text string) string {
	const shown = 80
	runes := []rune(text)
	if len(runes) <= shown {
		return text
	}
	return string(runes[:shown/2]) + "…" + string(runes[len(runes)-shown/2:])
}
