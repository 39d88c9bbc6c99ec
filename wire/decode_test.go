package wire

import (
	"strings"
	"testing"
)

func TestUnmarshal_Refuses(t *testing.T) {
	for text, want := range map[string]struct {
		code Code
		says string
	}{
		``:                    {CodeInvalid, "empty"},
		`  `:                  {CodeInvalid, "empty"},
		`{`:                   {CodeInvalid, "too early"},
		`{"ops":[}`:           {CodeInvalid, "not JSON"},
		`{"ops":[{},]}`:       {CodeInvalid, "not JSON"},
		`[]`:                  {CodeInvalid, "begin with {"},
		`null`:                {CodeInvalid, "begin with {"},
		`"ops"`:               {CodeInvalid, "begin with {"},
		`{} {}`:               {CodeInvalid, "more after"},
		`{}x`:                 {CodeInvalid, "more after"},
		`{"opps":[]}`:         {CodeInvalid, `"opps" is not known here: use "batches", "ops", "timeout", "wait"`},
		`{"Ops":[]}`:          {CodeInvalid, `"Ops" is not known here`},
		`{"ops":[],"ops":[]}`: {CodeInvalid, `"ops" comes twice`},
		`{"ops":[{"op":"release","o\u0070":""}]}`: {CodeInvalid, `"op" comes twice`},
		`{"ops":[{"From":"a"}]}`:                  {CodeInvalid, `"From" is not known here`},
		`{"ops":[{"Bounds":{}}]}`:                 {CodeInvalid, `"Bounds" is not known here`},
		`{"ops":[{"priority":1.5}]}`:              {CodeInvalid, `"priority" is 1.5: give a whole number`},
		`{"ops":[{"by":1e3}]}`:                    {CodeInvalid, `"by" is 1e3: give a whole number`},
		`{"ops":[{"by":1.0}]}`:                    {CodeInvalid, `"by" is 1.0: give a whole number`},
		`{"ops":[{"by":9223372036854775808}]}`:    {CodeInvalid, `give a whole number within 64 bits`},
		`{"ops":[{"by":"1"}]}`:                    {CodeInvalid, `give a whole number within 64 bits`},
		`{"ops":[{"from":1}]}`:                    {CodeInvalid, `give a text in quotes`},
		`{"ops":[{"if_visible":"yes"}]}`:          {CodeInvalid, `give true or false`},
		`{"ops":{}}`:                              {CodeInvalid, `give a list in brackets`},
		`{"ops":[7]}`:                             {CodeInvalid, `give an object in braces`},
		`{"wait":"some"}`:                         {CodeInvalid, `number of members`},
		`{"wait":-1}`:                             {CodeInvalid, `number of members`},
		`{"wait":1.5}`:                            {CodeInvalid, `number of members`},
		"{\"timeout\":\"\xff\"}":                  {CodeInvalid, "not UTF-8"},
		`{"timeout":"\ud800"}`:                    {CodeInvalid, `"\ud800" escapes half a character`},
		`{"timeout":"\udc00"}`:                    {CodeInvalid, "half a character"},
		`{"timeout":"\udc00\udc00"}`:              {CodeInvalid, "half a character"},
		`{"timeout":"\ud800\udbff"}`:              {CodeInvalid, "half a character"},
		`{"timeout":"\ud800\u0041"}`:              {CodeInvalid, "half a character"},
		`{"timeout":"\\\uD800x"}`:                 {CodeInvalid, "half a character"},
		`{"timeout":"\u12"}`:                      {CodeInvalid, "not JSON"},
		`{"timeout":"\x41"}`:                      {CodeInvalid, "not JSON"},
		`{"ops":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: {CodeTooLarge, "nested"},
		`{"ops":[` + strings.Repeat("{},", ElementsMax) + `{}]}`:              {CodeTooLarge, "elements"},
	} {
		var v OpsRequest
		err := Unmarshal([]byte(text), &v)
		if CodeOf(err) != want.code || err == nil || !strings.Contains(err.Error(), want.says) {
			t.Errorf("Unmarshal(%.60s): %s, %v; want %s, …%s…", text, CodeOf(err), err, want.code, want.says)
		}
	}
}

func TestUnmarshal_Accepts(t *testing.T) {
	for _, text := range []string{
		`{}`, ` {"ops":[]} `, `{"ops":null,"wait":null}`, `{"wait":"all"}`, `{"wait":3}`,
		`{"ops":[{"op":"register","keyspace":"ks","node":"n","from":"","to":null,"priority":-7,"new_from":null}]}`,
		`{"timeout":"\u0041\ud83d\ude00\\ud800"}`, `{"ops":[{"from":"\\\\"}]}`,
	} {
		var v OpsRequest
		if err := Unmarshal([]byte(text), &v); err != nil {
			t.Errorf("Unmarshal(%s): %v", text, err)
		}
	}
	var v OpsRequest
	if err := Unmarshal([]byte(`{"timeout":"\u0041\ud83d\ude00\\ud800"}`), &v); err != nil || v.Timeout != "A😀\\ud800" {
		t.Errorf("the text is %q, %v", v.Timeout, err)
	}
}

func TestDecode_TooLarge(t *testing.T) {
	var v OpsRequest
	text := `{"timeout":"10s"}`
	if err := Decode(strings.NewReader(text), int64(len(text)), &v); err != nil || v.Timeout != "10s" {
		t.Errorf("a body that just fits: %v", err)
	}
	if err := Decode(strings.NewReader(text), int64(len(text))-1, &v); CodeOf(err) != CodeTooLarge {
		t.Errorf("a body one byte too large: %v", err)
	}
}

func TestMarshal_LeavesKeysReadable(t *testing.T) {
	text, err := Marshal(Ranges{Subranges: List[Subrange]{{Bounds: Bounds{From: "<a&b>"}}}})
	if err != nil || !strings.Contains(string(text), `"from":"<a&b>"`) {
		t.Errorf("Marshal = %s, %v", text, err)
	}
}

// FuzzUnmarshal: whatever comes in, there is an answer with a code, and what is
// taken means the same when it is written and read again.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"ops":[{"op":"register","from":"a","to":null,"priority":1}],"wait":"all","timeout":"1s"}`))
	f.Add([]byte(`{"batches":[{"ops":[{"op":"tighten","new_to":"hex:00"}],"id":"x"}]}`))
	f.Add([]byte(`{"ops":[{"from":"\ud83d\ude00"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v, again OpsRequest
		if err := Unmarshal(data, &v); err != nil {
			if code := CodeOf(err); code != CodeInvalid && code != CodeTooLarge {
				t.Fatalf("Unmarshal(%q): %s, %v", data, code, err)
			}
			return
		}
		text, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := Unmarshal(text, &again); err != nil {
			t.Fatalf("Unmarshal(%s): %v", text, err)
		}
		if second, err := Marshal(again); err != nil || string(second) != string(text) {
			t.Fatalf("%s becomes %s, %v", text, second, err)
		}
		for _, o := range v.Ops {
			o.Claim()
			o.Amount()
			o.Tightened()
		}
	})
}

// TestUnmarshal_WrongKind_SpeaksJSON requires the words of JSON, not of Go.
func TestUnmarshal_WrongKind_SpeaksJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"ops":[{"op":"register","from":5}]}`: `"ops.from" cannot be a number: give a text in quotes`,
		`{"ops":{}}`:                           `"ops" cannot be an object: give a list in brackets`,
		`{"ops":[{"op":true}]}`:                `"ops.op" cannot be true or false: give a text in quotes`,
	} {
		var q OpsRequest
		if err := Unmarshal([]byte(text), &q); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	var d struct {
		Bytes []byte `json:"bytes"`
	}
	if err := Unmarshal([]byte(`{"bytes":true}`), &d); err == nil || err.Error() != `"bytes" cannot be true or false: give a text in quotes, in base64` {
		t.Errorf("%v", err)
	}
}
