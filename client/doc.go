// Package client talks to the HTTP interface of a node. It knows the names of
// the outward contract (package wire) and nothing of how a node works, so that
// a program that imports it links neither the store nor the gossip.
//
//	c, err := client.New("http://127.0.0.1:7481", client.Options{})
//	...
//	found, err := c.Lookup(ctx, "default", "foo", "")
//	for _, s := range found.Servers {
//		fmt.Println(s.Node, s.Priority, s.Address)
//	}
//
// What it guarantees:
//
//	every call ends when its context does;
//	an error that the node answered is a *wire.Error, with its code;
//	a node that cannot be reached is an *UnreachableError, which wraps
//	  ErrUnreachable: then nothing is known to have happened there;
//	no answer, of whatever length, makes it use unbounded memory.
//
// Writes of one client share a stream, where the node has one, from the second
// on: it costs a fraction of a request for each, and every write has its own
// answer. Close ends it.
//
// Where many goroutines write, a Writer sends what they write together, in lines of
// that stream, or in requests where they wait for other members or there is none;
// batches may have an ID:
//
//	w := c.NewWriter(client.WriterOptions{})
//	defer w.Close()
//	results, err := w.Write(ctx, wire.Batch{Ops: operations})
//
// It tries nothing twice, but for a watch that was told to resume: whether a
// write may be repeated only its caller knows. A batch with an ID may.
package client
