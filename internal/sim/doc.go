// Package sim runs a whole cluster on one thread from one seed: the production
// code of crdt, delta, antientropy and compaction over a simulated network and
// crashable disks. Messages are lost, repeated, delayed, reordered and cut off;
// processes die, disks fail, directories are lost, restored, rolled back and
// cloned; logs are trimmed to almost nothing; members join, leave, are
// forgotten and come back; and all the while users write.
//
// A run has two phases. In the first there are faults, and what must never
// happen must not happen:
//
//	V1  Every replica that is not ahead shows of every claim what the oracle
//	    shows of the events that its context covers (R1, R5 of delta).
//	V2  No dot is used twice, and every event that a context covers was issued
//	    by a commit that became durable (R2, A1).
//	V3  Replicas that are not ahead and have equal contexts have equal
//	    fingerprints, but for records of forgotten replicas, at any two times
//	    of the run (R3).
//	V4  Fingerprint and context hash are those of the entries and the context
//	    (R4), and every entry is what its encoded form decodes to.
//	V5  While a session stays open the context does not grow into its start,
//	    and nothing inside it is added from outside (R5).
//	V6  A Release observes exactly what lived where it was written; a Register
//	    that was acknowledged is an event. So no acknowledged Register is undone
//	    by a Release that had not observed it.
//	V7  A peer that confirmed an Await has all of it on disk.
//	V8  No released record is left that could have gone: neither the replica's
//	    own, nor one of a replica that it knows to be forgotten and of which it
//	    has seen everything up to the last contribution.
//
// In the second phase all faults end, and within bounded time:
//
//	L1  All members have equal contexts, which cover every event that was
//	    acknowledged and is not lost with the only directories that had it.
//	L2  All members hold byte-equal canonical states.
//	L3  All members show what the oracle shows of all events.
//	L4  So no released record is left whose origin is a member that was not
//	    forgotten, and none of a forgotten replica.
//
// What cannot be held against the oracle is counted, and why: see Checked.
//
// The oracle is independent of the code under test: it knows events, and no
// records, watermarks, contexts or joins. What lives is what no Release had
// observed.
//
// Equal configurations give equal runs: Report.Hash covers every step of a
// run, and a failure says how to replay it:
//
//	report := sim.Run(sim.Config{Seed: 7, Faults: "heavy"})
//	if !report.OK() {
//		fmt.Println(report.Violations[0], report.Replay())
//	}
//
// It leaves to others what is beyond the core: files (store), sockets (gossip),
// goroutines and queues (node).
package sim
