// Package ranges has key ranges, claims on them, and the routing table derived
// from the claims: which nodes serve a key, in which order of preference.
//
// # What it is about
//
// A key is any byte string; keys are ordered bytewise. A [Range] is half-open,
// [From, To): an empty From is the beginning of the key space, and an end
// beyond every key is explicit, never an empty key. A [Claim] says that a node
// serves a range of a keyspace, with a priority. Nobody ever splits a range:
// how claims cut the key space into pieces is calculated. A [Subrange] is a
// maximal run of keys with the same ordered server list. So registering before
// or after another claim that overlaps it, or [a, f) and [f, m) in place of
// [a, m), makes no difference to any lookup.
//
// # What it guarantees
//
// The subranges of a keyspace are a function of its set of claims. They
//
//   - tile the key space, from "" to beyond every key: gaps, served by nobody,
//     are subranges too;
//   - are maximal: neighbours have different server lists;
//   - list a node once, with the largest priority of its claims on these keys;
//     the highest priority first, nodes of equal priority by name.
//
// [Sweep] says this as simply as it can be said. [Index] and [Table] are the
// same at scale, and tested to be so: the index is changed claim by claim by
// its one owner and yields immutable tables, which any number of readers use
// without locks. A lookup does not allocate, and a change costs the subranges
// it covers, the least where a claim gets a higher priority.
//
// # What it leaves to others
//
// Which claims are visible, and with which priority (package delta);
// publishing tables and having one index for every keyspace (package node);
// the text of keys and ranges (package wire). Like all of the core it has no
// clock, goroutine or I/O.
//
// # Cost
//
// Measured on two cores of a small machine, with the benchmarks of this
// package: 1e6 claims are loaded, in ascending order, in under two seconds and
// take 110 to 160 bytes each in index and table together, of which 32 are their
// keys, and 8 more where priorities change often; a narrow claim that changes costs
// 20 µs until the next table is there, one of 130 among 1e5 that get a higher
// priority together 2 µs and 370 bytes; a lookup takes 45, 80 and 200 ns at 1e3, 1e5
// and 1e6 subranges with random keys.
//
// That holds while few claims overlap on one key. A claim that covers a million
// subranges costs a second to change, since every one of them is another then.
// And a table is as large as its server lists are together: a thousand nodes
// that claim everything in a keyspace cut into a million pieces do not fit in
// memory.
package ranges
