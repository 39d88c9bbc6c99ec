package node_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

// A process embeds a member: it says which keys it serves, and asks who serves
// others.
func Example() {
	dir, err := os.MkdirTemp("", "ssnode")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	n, err := node.Open(ctx, node.Options{
		DataDir: dir,
		Node:    "n1",
		Gossip:  "127.0.0.1:0", // any free port; the default is 127.0.0.1:7480
		Service: "10.0.0.1:9000",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()

	written, err := n.Write(ctx, []delta.Operation{{
		Verb:   delta.VerbRegister,
		Claim:  ranges.Claim{Keyspace: "default", Node: "n1", Range: ranges.Range{From: "a", To: ranges.Before("m")}},
		Amount: 10,
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("changed:", written.Results[0].Changed)

	subrange := n.Lookup("default", "foo")
	for _, server := range subrange.Servers {
		who, _ := n.Node(server.Node)
		fmt.Printf("[%s, %s) %s %d %s\n", subrange.Range.From, subrange.Range.To.Key, server.Node, server.Priority, who.Service)
	}
	fmt.Println("gap:", n.Lookup("default", "zebra").IsGap())
	// Output:
	// changed: true
	// [a, m) n1 10 10.0.0.1:9000
	// gap: true
}

// A watch begins with a snapshot and goes on with every change. Its tokens
// resume it, on any member.
func ExampleNode_Watch() {
	dir, err := os.MkdirTemp("", "ssnode")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n, err := node.Open(ctx, node.Options{
		DataDir: dir, Node: "n1", Gossip: "127.0.0.1:0",
		Claims: []ranges.Weighted{{
			Claim:    ranges.Claim{Keyspace: "default", Range: ranges.Range{From: "a", To: ranges.Before("m")}},
			Priority: 10,
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()

	err = n.Watch(ctx, node.WatchOptions{Filter: node.Filter{Keyspace: "default"}}, func(e node.WatchEvent) error {
		switch e.Type {
		case node.WatchClaim:
			fmt.Printf("%s [%s, %s) %d\n", e.Claim.Node, e.Claim.Range.From, e.Claim.Range.To.Key, e.Claim.Priority)
		case node.WatchNode:
			fmt.Println(e.Type, e.Node.Name)
		case node.WatchSnapshotEnd:
			fmt.Println(e.Type)
			cancel() // here; others go on
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// n1 [a, m) 10
	// node n1
	// snapshot_end
}
