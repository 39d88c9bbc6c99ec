package gossip_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/crdt"
)

// Two members on one machine: one joins the other, and once it is listed there
// sends it a frame.
func ExampleStart() {
	frames := make(chan string, 1)
	first, err := gossip.Start(gossip.Options{
		Name: "n1", Cluster: "example", Bind: "127.0.0.1:0",
		Meta:    gossip.Meta{Replica: crdt.ReplicaID{1}, Start: gossip.StartID{Counter: 1, Nonce: 11}},
		Handler: gossip.Handler{Frame: func(from string, frame []byte) { frames <- from + ": " + string(frame) }},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer first.Close()
	second, err := gossip.Start(gossip.Options{
		Name: "n2", Cluster: "example", Bind: "127.0.0.1:0",
		Meta: gossip.Meta{Replica: crdt.ReplicaID{2}, Start: gossip.StartID{Counter: 1, Nonce: 22}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer second.Close()

	if _, err := second.Join(context.Background(), []string{first.Addr()}); err != nil {
		log.Fatal(err)
	}
	for _, m := range second.Members() {
		fmt.Println(m.Name, m.Liveness)
	}
	// A frame that comes before its sender is listed is dropped: send until
	// there is an effect, as every protocol over packets does.
	for {
		if err := second.Send("n1", []byte("hello"), false); err != nil {
			log.Fatal(err)
		}
		select {
		case frame := <-frames:
			fmt.Println(frame)
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	// Output:
	// n1 alive
	// n2 alive
	// n2: hello
}
