package crdt_test

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
)

// Two replicas. Outside of an example an id is 16 bytes of crypto/rand.
var (
	alice = crdt.ReplicaID{0xa}
	bob   = crdt.ReplicaID{0xb}
)

// Two replicas change a map of sets while they cannot reach each other. Each
// sends its deltas when it can; the order does not matter.
func Example() {
	type set = crdt.AWORSet[string]
	var here, there crdt.AWORMap[string, *set]

	there.Join(here.Update("fruit", func(s *set) *set { return s.Add(alice, "apple") }))

	removed := here.Remove("fruit")
	added := there.Update("fruit", func(s *set) *set { return s.Add(bob, "pear") })
	here.Join(added)
	there.Join(removed)

	fruit, _ := here.Get("fruit")
	fmt.Println(fruit.Elements(), here.Equal(&there))
	// Output: [pear] true
}

func ExampleAWORSet_Add() {
	var here, there crdt.AWORSet[string]
	delta := here.Add(alice, "x")
	there.Join(delta)
	there.Join(delta)
	fmt.Println(there.Elements())
	// Output: [x]
}

// A Remove takes what it has observed. An Add that is concurrent with it wins.
func ExampleAWORSet_Remove() {
	var here, there crdt.AWORSet[string]
	there.Join(here.Add(alice, "x"))

	removed := here.Remove("x")
	added := there.Add(bob, "x")
	here.Join(added)
	there.Join(removed)

	fmt.Println(here.Elements(), there.Elements())
	// Output: [x] [x]
}

func ExampleAWORSet_Clear() {
	var here, there crdt.AWORSet[int]
	there.Join(here.Add(alice, 1))
	there.Join(here.Add(alice, 2))
	there.Add(bob, 3)

	there.Join(here.Clear())
	fmt.Println(here.Elements(), there.Elements())
	// Output: [] [3]
}

// A set is encoded as what it has seen and what is live, and loaded again from
// both.
func ExampleLoadAWORSet() {
	var s crdt.AWORSet[string]
	s.Add(alice, "x")
	s.Add(bob, "y")
	s.Remove("x")

	fmt.Println("seen", s.Seen())
	for dot, e := range s.All() {
		fmt.Println("live", dot, e)
	}
	loaded, err := crdt.LoadAWORSet(s.Seen(), s.All())
	fmt.Println(loaded.Elements(), err)
	// Output:
	// seen 0a000000000000000000000000000000:1 0b000000000000000000000000000000:1
	// live 0b000000000000000000000000000000:1 y
	// [y] <nil>
}

func ExampleAWORMap_Update() {
	var m crdt.AWORMap[string, crdt.PNCounter]
	by := func(origin crdt.ReplicaID, sequence uint64, by int64) {
		m.Update("votes", func(c crdt.PNCounter) crdt.PNCounter {
			return crdt.PNCounter{c.Adding(origin, sequence, by)}
		})
	}
	by(alice, 1, 3)
	by(bob, 1, 2)
	by(alice, 2, -1)

	votes, ok := m.Get("votes")
	fmt.Println(votes.Value(), ok)
	// Output: 4 true
}

// An Increase that is concurrent with a Remove survives with its own amount:
// the 2, not the 5 that it was counted upon.
func ExampleAWORMap_Remove() {
	var here, there crdt.AWORMap[string, crdt.PNCounter]
	increase := func(m *crdt.AWORMap[string, crdt.PNCounter], sequence uint64, by int64) *crdt.AWORMap[string, crdt.PNCounter] {
		return m.Update("k", func(c crdt.PNCounter) crdt.PNCounter {
			return crdt.PNCounter{c.Adding(alice, sequence, by)}
		})
	}
	there.Join(increase(&here, 1, 5))

	removed := there.Remove("k")
	fmt.Println(there.Keys())
	there.Join(increase(&here, 2, 2))
	here.Join(removed)

	c, _ := here.Get("k")
	fmt.Println(here.Keys(), c.Value(), here.Equal(&there))
	// Output:
	// []
	// [k] 2 true
}

func ExampleAWORMap_Clear() {
	var here, there crdt.AWORMap[string, *crdt.MVRegister[string]]
	there.Join(here.Update("k", func(g *crdt.MVRegister[string]) *crdt.MVRegister[string] {
		return g.Write(alice, "v")
	}))
	there.Join(here.Clear())
	fmt.Println(there.Contains("k"))
	// Output: false
}

// Concurrent Writes are all kept; one that has seen them replaces them.
func ExampleMVRegister_Write() {
	var here, there crdt.MVRegister[string]
	fromHere, fromThere := here.Write(alice, "red"), there.Write(bob, "blue")
	here.Join(fromThere)
	there.Join(fromHere)
	fmt.Println(here.Values(), there.Values())

	there.Join(here.Write(alice, "violet"))
	fmt.Println(there.Values())
	// Output:
	// [red blue] [red blue]
	// [violet]
}

// Concurrent Registers do not add up; the larger counts.
func ExamplePNCounter_Registering() {
	var c crdt.PNCounter
	byAlice, byBob := c.Registering(alice, 1, 5), c.Registering(bob, 1, 7)
	c = c.Merge(byAlice).Merge(byBob)
	fmt.Println(c.Value())
	// Output: 7
}

// Concurrent Increases add up.
func ExamplePNCounter_Adding() {
	var c crdt.PNCounter
	byAlice, byBob := c.Adding(alice, 1, 5), c.Adding(bob, 1, 7)
	c = c.Merge(byAlice).Merge(byBob)
	fmt.Println(c.Value())
	// Output: 12
}

// A Release takes what it has observed, and nothing else.
func ExamplePNCounter_Releasing() {
	var c crdt.PNCounter
	c = c.Merge(c.Adding(alice, 1, 5))
	released := c.Releasing()
	later := c.Adding(alice, 2, 2)
	fmt.Println(c.Join(released).Value())
	fmt.Println(c.Merge(later).Join(released).Value())
	// Output:
	// 0
	// 2
}

// The origin of a released record may close it, and begins a new era with its
// next contribution.
func ExamplePNCounter_Close() {
	var c crdt.PNCounter
	c = c.Merge(c.Adding(alice, 1, 5))
	c = c.Join(c.Releasing())
	own, _ := c.Find(alice)
	c = c.Close(alice, own.Era)
	fmt.Println(len(c), c.Adding(alice, 9, 1).Era)
	// Output: 0 9
}

// A gap stays visible until what is missing has arrived.
func ExampleDotContext() {
	var c crdt.DotContext
	for _, sequence := range []uint64{1, 2, 4} {
		c.Insert(crdt.Dot{Replica: alice, Sequence: sequence})
	}
	fmt.Println(&c, "next", c.Next(alice).Sequence)
	c.Insert(crdt.Dot{Replica: alice, Sequence: 3})
	fmt.Println(&c, "next", c.Next(alice).Sequence)
	// Output:
	// 0a000000000000000000000000000000:1-2 0a000000000000000000000000000000:4 next 5
	// 0a000000000000000000000000000000:1-4 next 5
}

func ExampleContext_Meet() {
	a := crdt.Context{alice: 3, bob: 1}
	b := crdt.Context{alice: 2}
	fmt.Println(a.Meet(b))
	// Output: 0a000000000000000000000000000000:2
}

func ExampleParseDot() {
	d, err := crdt.ParseDot("0a000000000000000000000000000000:7")
	fmt.Println(d.Replica == alice, d.Sequence, err)
	_, err = crdt.ParseDot("0a:7")
	fmt.Println(err)
	// Output:
	// true 7 <nil>
	// parse dot: malformed replica id: it has 2 characters, want 32 hexadecimal digits
}
