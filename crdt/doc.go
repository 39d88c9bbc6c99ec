// Package crdt has conflict-free replicated data types: states that replicas
// change on their own and join whenever they meet, in any order, and that end
// up equal wherever the same changes have arrived.
//
// # What there is
//
//	AWORSet     add-wins observed-remove set, without tombstones
//	AWORMap     add-wins observed-remove map of values that can be reset
//	MVRegister  register that keeps concurrent writes
//	PNCounter   counter that goes up and down, can be registered and released
//
// and what they are made of:
//
//	ReplicaID   who issues events
//	Dot         one event: a replica and the sequence of the event there
//	Context     version vector: all events seen, per replica without gaps
//	DotContext  all events seen, gaps allowed
//
// The set, the map and the register are delta-state types: a method that
// changes one returns the delta, a small state of the same type, and sending
// that is enough. PNCounter is a value: its methods return the Contribution of
// one origin, which as a counter of one is the delta. The names that end in
// -ing say what would change, and change nothing.
//
// # What it guarantees
//
// For all states a, b, c that replicas reach from the zero state, deltas and
// joins of deltas included:
//
//	L1  a ⊔ b = b ⊔ a                     Join is commutative,
//	L2  (a ⊔ b) ⊔ c = a ⊔ (b ⊔ c)         associative
//	L3  a ⊔ a = a                         and idempotent
//	L4  a ⊔ delta(change, a) = change(a)  a delta does what the change did
//	L5  a ⊔ change(a) = change(a)         a change is an inflation
//	L6  a ≤ b and b ≤ a ⇒ a.Equal(b)      a state has one form
//
// where a ≤ b means a ⊔ b = b. Close of PNCounter is no change in this sense,
// and says so.
//
// So the order, duplication and grouping of what arrives never matter. And the
// meaning of what is joined is add-wins, exactly: a Remove, Clear, Write or
// Release takes back the events that its replica had observed, and no other.
// An Add or Increase that is concurrent with it survives with its own part; it
// brings nothing back. The tests hold every type against an oracle that keeps
// all events, each with the set of events it takes back.
//
// All of it is deterministic: what is read in order is sorted, and nothing
// depends on a clock, on randomness or on the order in which a map iterates.
//
// # What it leaves to others
//
//   - Names. A replica needs an id that no other ever had, and must never
//     issue a sequence twice. One that has lost its memory goes on under a new
//     id: the laws hold only while a dot names one event.
//   - Transport and encoding. Seen, All and Runs show all there is to a state,
//     and LoadAWORSet and its likes check and rebuild it.
//   - Concurrency. A value that is being written to has one user at a time.
//   - Forgetting. Each key of an AWORMap that was ever used keeps what its
//     reset value leaves behind (see there). Package delta, which applies the
//     events of each origin in order, closes the records of its counters.
//
// # Sources
//
//   - Shapiro, Preguiça, Baquero, Zawirski: Conflict-free Replicated Data
//     Types, 2011: state-based types as join-semilattices.
//   - Bieniusa, Zawirski, Preguiça, Shapiro, Baquero, Balegas, Duarte: An
//     Optimized Conflict-free Replicated Set, 2012: a version vector instead
//     of tombstones.
//   - Almeida, Shoker, Baquero: Delta State Replicated Data Types, 2018:
//     deltas, dot stores and causal contexts.
//   - Baquero, Almeida, Lerche: The Problem with Embedded CRDT Counters and a
//     Solution, 2016: why resetting a counter is hard.
package crdt
