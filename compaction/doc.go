// Package compaction decides what is dropped from the log of deltas, and when.
//
// The log serves catch-up, histories and resumable watches; the state does not
// depend on it. So dropping a record costs at most a range repair, and never
// an event: whatever was dropped, every pair of replicas still converges.
//
// Information about a range is not equally important to all nodes. A node
// participates in the ranges that it claims itself, and keeps the deltas that
// touch them for long; all others go as soon as every live member has seen
// them, and in any case after a short time, so that a silent member holds no
// history hostage:
//
//	plan := compaction.Pick(compaction.Env{Now: now, Records: records, ...})
//	store.Trim(plan)
//
// It guarantees, of every plan:
//
//	K1  a record that touches a participated range is dropped only if it is
//	    older than Own.Age, or if it is among the oldest of its class and the
//	    class exceeds Own.Bytes
//	K2  any other record is dropped only if every live member has seen it, or
//	    by the same two rules with Other
//	K3  what a plan keeps, a second plan of the same instant keeps
//	K4  where the times of application ascend with the indexes, what a plan
//	    drops, a plan of a later instant drops
//
// It is pure: the log comes as a sequence of metadata, the time as a number,
// and the plan is a value that the store carries out.
package compaction
