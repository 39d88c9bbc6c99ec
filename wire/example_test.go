package wire_test

import (
	"fmt"

	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/wire"
)

func ExampleFormatKey() {
	for _, key := range []string{"user/42", "grüße", "\x00\x01", "hex:ff", ""} {
		fmt.Printf("%q\n", wire.FormatKey(key))
	}
	// Output:
	// "user/42"
	// "grüße"
	// "hex:0001"
	// "text:hex:ff"
	// ""
}

func ExampleParseKey() {
	for _, text := range []string{"user/42", "hex:0001", "base64:AAE=", "u32:258", "text:hex:ff", "u32:-1"} {
		key, err := wire.ParseKey(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%q\n", key)
	}
	// Output:
	// "user/42"
	// "\x00\x01"
	// "\x00\x01"
	// "\x00\x00\x01\x02"
	// "hex:ff"
	// the key "u32:-1" is not a number of 32 bits: write u32: and a decimal number from 0 to 4294967295
}

func ExampleForm_Format() {
	key := "\x00\x00\x00\x00\x00\x00\x01\x00"
	fmt.Println(wire.FormText.Format(key), wire.FormU64.Format(key), wire.FormU64.Format("a"))
	// Output:
	// hex:0000000000000100 u64:256 a
}

func ExampleParseClaim() {
	claim, err := wire.ParseClaim("default:[a,hex:6d2c)=10")
	fmt.Println(claim.Keyspace, wire.FormatRange(claim.Range), claim.Priority, err)
	_, err = wire.ParseClaim("default:[a,m,)=10")
	fmt.Println(err)
	// Output:
	// default [a, hex:6d2c) 10 <nil>
	// the range "[a,m,)" is not of the form [from,to): write for instance [a,m), [-inf,m) or [a,+inf), and a key that has one of ,[]()\ as hex:…
}

func ExampleUnmarshal() {
	var request wire.OpsRequest
	err := wire.Unmarshal([]byte(`{"ops":[{"op":"register","node":"n1","prioritty":10}]}`), &request)
	fmt.Println(wire.CodeOf(err), err)
	// Output:
	// invalid "prioritty" is not known here: use "allow_gap", "by", "from", "if_visible", "keyspace", "new_from", "new_to", "node", "op", "priority", "to"
}

func ExampleForm_Subrange() {
	text, err := wire.Marshal(wire.FormText.Subrange(ranges.Subrange{
		Range:   ranges.Range{From: "m", To: ranges.Unbounded()},
		Servers: []ranges.Server{{Node: "n1", Priority: 10}},
	}))
	fmt.Println(string(text), err)
	// Output:
	// {"from":"m","to":null,"servers":[{"node":"n1","priority":10}]} <nil>
}
