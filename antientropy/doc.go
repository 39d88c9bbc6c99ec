// Package antientropy is the replication protocol of ssnode as a deterministic
// state machine: what to send to whom, what to commit and what to read, in
// three tiers, each the fallback of the one above (docs/protocol.md).
//
//  1. Push: what was committed goes to a few live peers at once.
//  2. Pull: peers whose contexts differ fetch missing events from the log.
//  3. Range repair: where a log was trimmed, or contexts agree and states do
//     not, the state itself is reconciled, range by range.
//
// A Core has no clock, no goroutine, no I/O and no randomness but what its
// seed gives: equal inputs in equal order give equal outputs. Inputs are
// Tick, SetPeers, Receive, Heard, Committed, Answered and Await; the outputs
// are collected by Ready:
//
//	core.Receive(from, frame)
//	core.Tick(now)
//	r := core.Ready()
//	// hand r.Commits to the committer and r.Reads to a reader; send
//	// r.Messages and r.Broadcasts; their results come back by Committed and
//	// Answered, and so on.
//
// What it guarantees:
//
//	A1  A dot is durable before any message bearing it leaves: messages are
//	    made only of effects that were reported by Committed, and of what
//	    Answered has read.
//	A2  No context becomes wider than what came with it: the replica's context
//	    grows only in package delta, by events applied in order, or by the
//	    starting context of a session all of whose spans were found equal or
//	    joined.
//	A3  Lost, repeated, delayed and reordered frames cost time, never
//	    correctness.
//	A4  Everything held for others is bounded; what is dropped is counted.
//
// It leaves to others who the peers are and how frames reach them (gossip),
// how commits become durable (store), and what is kept of the log (compaction).
package antientropy
