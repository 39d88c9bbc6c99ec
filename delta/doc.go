// Package delta is the replicated state of ssnode as pure transitions: what an
// event is, what it does to a replica's entries, how operations of users turn
// into events, how a range of a peer's state is joined, and how all of it is
// encoded and summarised.
//
// A Replica holds what a replica knows beside its entries: its id, its causal
// context, its fingerprint. Every change of it is a Commit: steps are applied
// to it one by one (Write, Receive, Take, ...), Finish returns their Effects,
// the caller makes these durable in one transaction, and Adopt takes them
// over. Until then nothing has changed, so a failed transaction costs nothing:
//
//	c := replica.Begin(delta.Env{Read: entries, Now: now})
//	d, results, err := c.Write(operations)
//	effects, err := c.Finish()
//	// ... make effects durable ...
//	replica.Adopt(effects)
//
// The package guarantees the rules of docs/data-model.md: the view is a
// function of the set of events seen, whatever the order, duplication and
// grouping of their arrival; a Release takes exactly what its replica had
// observed; a context never covers more than what came with it. It leaves to
// others when to talk to whom (antientropy), how effects become durable
// (store) and what is kept of the deltas (compaction).
//
// It is pure: no clock, no randomness, no I/O but the Reader it is given.
package delta
