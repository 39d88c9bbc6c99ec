// Package node is a running member of a cluster: it owns the goroutines, the
// queue of writes and the wall clock, and joins the store, the replication
// protocol and the routing tables into one whole. It is the API of a process
// that embeds ssnode; the daemon puts HTTP in front of it.
//
//	n, err := node.Open(ctx, node.Options{DataDir: dir, Node: "n1"})
//	defer n.Close()
//	_, err = n.Write(ctx, []delta.Operation{{
//		Verb:   delta.VerbRegister,
//		Claim:  ranges.Claim{Keyspace: "default", Node: "n1", Range: ranges.Range{From: "a", To: ranges.Before("m")}},
//		Amount: 10,
//	}})
//	servers := n.Lookup("default", "foo").Servers
//
// It guarantees:
//
//	N1  What Write acknowledged is on this node's disk, and every later lookup
//	    here sees it.
//	N2  No message bears a dot that is not durable: the protocol learns of a
//	    commit only after its fsync.
//	N3  What failed to become durable is seen by nobody, here or elsewhere, and
//	    all who wait for it are told so. When the disk works again the node
//	    finds that out by itself, and shows what is on disk then; in between
//	    lookups answer as before the fault.
//	N4  Lookups take no lock and wait for nobody. No reader, however slow,
//	    delays a write.
//	N5  No number of an event is used twice, also where a data directory was
//	    rolled back (see identity),
//	    and an id that another process keeps is given up before anything else
//	    is numbered.
//	N6  Who applies the lines of a watch, beginning anywhere, has at every
//	    marker and bookmark what the node showed at some instant.
//	N7  An operation that cannot be carried out fails alone.
//	N8  Close waits for every goroutine that Open started, and everybody who
//	    waits for this node gets an answer.
//	N9  A committer or protocol that stands still ends the node: see watchdog.
//
// It leaves the meaning of operations to delta, what to tell whom to
// antientropy, and bytes on disk to store.
package node
