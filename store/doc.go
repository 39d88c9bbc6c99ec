// Package store keeps a replica in one bbolt file: its entries, its context,
// the log of deltas, and who it is. It is the only importer of bbolt.
//
// A Store applies one update at a time. Update runs the steps of a
// delta.Commit and makes their effects durable together: in a journal within the
// file, which is folded into the tables of bbolt later, or in these at once; only then
// does the replica in memory adopt them. So when Update returns without an error
// everything in it survives a crash, and when it returns an error nothing has changed:
//
//	s, err := store.Open(dir, store.Options{Node: "n1"})
//	effects, err := s.Update(delta.Env{Now: now}, func(c *delta.Commit) error {
//		_, results, err = c.Write(operations)
//		return err
//	})
//
// Prepare and Prepared.Commit are the two parts of Update, for who has steps to run
// while the disk works on the update before.
//
// View reads entries, log and summary of one and the same instant.
//
// It guarantees (see docs/storage-format.md for the bytes):
//
//	S1  The file holds exactly what was acknowledged, and at most one update
//	    beside that nobody was told of; what is in memory is what was acknowledged.
//	S2  Fingerprint, count, context hash and the counters of the log are those
//	    of the entries, context and log in the same file. Open recomputes the
//	    first three and refuses to serve on a difference.
//	S3  No value is taken for another's: each carries a checksum over its
//	    bucket, its key and itself, or as a frame over its sequence. bbolt checks
//	    no data pages.
//	S4  The log holds each event at most once, in the order of application,
//	    and none that the context does not cover.
//	S5  After a transaction whose outcome is unknown nothing is read or
//	    acknowledged until Reopen has settled the outcome.
//	S6  Of the records in the tables the newest, as many as fit into a page, are in
//	    a bucket of their own, and their places in memory; the log has all others,
//	    and the index by dot their places. No record is in both.
//
// S7 to S9 are in chunked.go, S10 in prepare.go, S11 and S12 in proof.go, S13 in
// generation.go, S14 in runs.go, S15 in tail.go, S16 in update.go, S17 in bundle.go, S18
// to S20 in ring.go, S21 in index.go.
//
// It leaves to others: the queue in front of Update and what derives from the
// entries (node), what of the log is dropped and when (compaction), and what
// travels between members (antientropy).
package store
