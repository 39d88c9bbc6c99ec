package api

import (
	"math/bits"
	"slices"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/wire"
)

// fields are a set of those that an operation may have beside the claim.
type fields uint8

const (
	fieldPriority fields = 1 << iota
	fieldBy
	fieldIfVisible
	fieldNewFrom
	fieldNewTo
	fieldAllowGap
)

// fieldNames are in the order of the set.
var fieldNames = [...]string{"priority", "by", "if_visible", "new_from", "new_to", "allow_gap"}

// verbOf returns the verb of an operation and which fields it may have; 0, if it is
// not known.
func verbOf(op wire.Op) (delta.Verb, fields) {
	switch op {
	case wire.OpRegister:
		return delta.VerbRegister, fieldPriority
	case wire.OpRelease:
		return delta.VerbRelease, 0
	case wire.OpIncrease:
		return delta.VerbIncrease, fieldBy | fieldIfVisible
	case wire.OpDecrease:
		return delta.VerbDecrease, fieldBy
	case wire.OpSet:
		return delta.VerbSet, fieldPriority
	case wire.OpTighten:
		return delta.VerbTighten, fieldNewFrom | fieldNewTo | fieldAllowGap
	}
	return 0, 0
}

// compile appends the operations of a request as those of a node, or says what
// is wrong with the first that is wrong. In asked it fills in what is absent: the
// node that answers is the default.
func compile(out []delta.Operation, asked []wire.Operation, node string) ([]delta.Operation, error) {
	if len(asked) == 0 {
		return nil, wire.Errorf(wire.CodeInvalid, "no operations: give at least one in \"ops\"")
	}
	if len(asked) > wire.OperationsMax {
		return nil, wire.Errorf(wire.CodeTooLarge, "%d operations in one batch, at most %d are allowed: send several batches", len(asked), wire.OperationsMax)
	}
	out = slices.Grow(out, len(asked))
	for i := range asked {
		if o := &asked[i]; o.Keyspace == "" || o.Node == "" {
			*o = o.WithDefaults(node)
		}
		out = append(out, delta.Operation{})
		if err := compileOne(&out[len(out)-1], &asked[i]); err != nil {
			return nil, inOperation(i, len(asked), asked[i], err)
		}
	}
	return out, nil
}

func compileOne(out *delta.Operation, o *wire.Operation) (err error) {
	verb, allowed := verbOf(o.Op)
	if verb == 0 {
		return wire.Errorf(wire.CodeInvalid, "unknown \"op\" %q: use register, release, increase, decrease, set or tighten", o.Op)
	}
	if err := refuseFields(o, allowed); err != nil {
		return err
	}
	out.Verb, out.IfVisible, out.AllowGap = verb, o.IfVisible, o.AllowGap
	if out.Claim, err = o.Claim(); err != nil {
		return err
	}
	switch verb {
	case delta.VerbRelease:
	case delta.VerbTighten:
		out.To, err = o.Tightened()
	default:
		out.Amount, err = o.Amount()
	}
	return err // what else may be wrong with it the node finds
}

// refuseFields refuses a field that the operation does not have: who gives one
// means something else.
func refuseFields(o *wire.Operation, allowed fields) error {
	if wrong := given(o) &^ allowed; wrong != 0 {
		name := fieldNames[bits.TrailingZeros8(uint8(wrong))]
		return wire.Errorf(wire.CodeInvalid, "%q does not belong to %s: leave it out", name, o.Op)
	}
	return nil
}

// given returns the fields that an operation has.
func given(o *wire.Operation) (all fields) {
	if o.Priority != nil {
		all |= fieldPriority
	}
	if o.By != nil {
		all |= fieldBy
	}
	if o.IfVisible {
		all |= fieldIfVisible
	}
	if o.NewFrom != nil {
		all |= fieldNewFrom
	}
	if o.NewTo != nil {
		all |= fieldNewTo
	}
	if o.AllowGap {
		all |= fieldAllowGap
	}
	return all
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
