package api

import (
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/wire"
)

// TestCompile_FindsWhatIsWrong: what it takes any node would carry out, so that
// what is wrong with an operation is found before others of the batch are carried
// out.
func TestCompile_FindsWhatIsWrong(t *testing.T) {
	taken := 0
	numbers := []*int64{nil, new(int64(-1)), new(int64(0)), new(int64(1)), new(int64(wire.AmountMax)), new(int64(wire.AmountMax + 1))}
	long := strings.Repeat("k", 1<<10)
	texts := []*string{nil, new(""), new("a"), new("b"), new("c"), new("hex:6"), new("a\x00"), &long, new(long + "k"), new(long + "kk")}
	for _, op := range []wire.Op{wire.OpRegister, wire.OpRelease, wire.OpIncrease, wire.OpDecrease, wire.OpSet, wire.OpTighten, "other", ""} {
		for _, amount := range numbers {
			for _, from := range texts[1:] {
				for _, to := range texts {
					for _, inner := range texts {
						o := wire.Operation{Op: op, Bounds: wire.Bounds{From: *from, To: to}, NewFrom: inner}
						if op == wire.OpRegister || op == wire.OpSet {
							o.Priority = amount
						} else {
							o.By = amount
						}
						out, err := compile(nil, []wire.Operation{o}, "n1")
						if err != nil {
							continue
						}
						taken++
						if err := out[0].Validate(); err != nil {
							t.Errorf("%s is taken, though %v", describe(o), err)
						}
					}
				}
			}
		}
	}
	if taken == 0 {
		t.Error("it takes nothing")
	}
}

// TestCompile_RefusesFields: each operation has its own, and the first of those it
// has not is named.
func TestCompile_RefusesFields(t *testing.T) {
	has := map[wire.Op]string{
		wire.OpRegister: "priority", wire.OpRelease: "", wire.OpIncrease: "by if_visible", wire.OpDecrease: "by",
		wire.OpSet: "priority", wire.OpTighten: "new_from new_to allow_gap",
	}
	n, text := int64(1), "b"
	for op, allowed := range has {
		for name, o := range map[string]wire.Operation{
			"priority": {Priority: &n, AllowGap: op != wire.OpTighten}, "by": {By: &n}, "if_visible": {IfVisible: true},
			"new_from": {NewFrom: &text}, "new_to": {NewTo: &text}, "allow_gap": {AllowGap: true},
		} {
			o.Op = op
			_, err := compile(nil, []wire.Operation{o}, "n1")
			want := `"` + name + `" does not belong to ` + string(op)
			isAllowed := strings.Contains(" "+allowed+" ", " "+name+" ")
			if isAllowed == (err != nil && strings.Contains(err.Error(), want)) {
				t.Errorf("%s with %s: %v", op, name, err)
			}
		}
	}
}
