package wire

import (
	"strings"
	"testing"
)

// TestMarshalRequest_RefusesWhatIsNotUTF8 has every place where a request has
// text: encoding/json would write another in its stead.
func TestMarshalRequest_RefusesWhatIsNotUTF8(t *testing.T) {
	const bad = "n\xff"
	text := bad
	for where, request := range map[string]any{
		`"ops[1].node"`:                OpsRequest{Ops: List[Operation]{{}, {Node: bad}}},
		`"ops[0].op"`:                  OpsRequest{Ops: List[Operation]{{Op: bad}}},
		`"ops[0].keyspace"`:            OpsRequest{Ops: List[Operation]{{Keyspace: bad}}},
		`"ops[0].from"`:                OpsRequest{Ops: List[Operation]{{Bounds: Bounds{From: bad}}}},
		`"ops[0].to"`:                  OpsRequest{Ops: List[Operation]{{Bounds: Bounds{To: &text}}}},
		`"ops[0].new_to"`:              OpsRequest{Ops: List[Operation]{{NewTo: &text}}},
		`"batches[0].id"`:              OpsRequest{Batches: List[Batch]{{ID: bad}}},
		`"batches[0].ops[0].new_from"`: &OpsRequest{Batches: List[Batch]{{Ops: List[Operation]{{NewFrom: &text}}}}},
		`"timeout"`:                    OpsRequest{Timeout: bad},
		`"key"`:                        LookupRequest{Key: &text},
		`"keys[2]"`:                    LookupRequest{Keys: List[string]{"a", "\ufffd", bad}},
		`"at_least"`:                   LookupRequest{AtLeast: bad},
		`"from"`:                       WatchRequest{Bounds: Bounds{From: bad}},
		`"token"`:                      &WaitRequest{Token: bad},
		`"zone"`:                       Labels{"zone": bad},
	} {
		got, err := MarshalRequest(request)
		if got != nil || CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), where+` is "n\xff", which is not UTF-8`) {
			t.Errorf("%s: %s, %v", where, got, err)
		}
	}
	if got, err := MarshalRequest(Labels{bad: ""}); err == nil {
		t.Errorf("a name: %s", got)
	}
}

// TestMarshalRequest_WritesWhatMarshalDoes holds that text is not judged
// otherwise: U+FFFD itself is a character like others.
func TestMarshalRequest_WritesWhatMarshalDoes(t *testing.T) {
	for _, v := range append(golden(), LookupRequest{Keys: List[string]{"\ufffd", "grüße", "\x00"}}, nil, (*OpsRequest)(nil)) {
		want, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := MarshalRequest(v); err != nil || string(got) != string(want) {
			t.Errorf("MarshalRequest = %s, %v, want %s", got, err, want)
		}
	}
}
