// Package rival holds what the benchmarks compare, each side with the same
// claims: a node with its HTTP interface, an etcd member, and a bare bbolt
// file.
package rival
