package antientropy

import "fmt"

// StartID names one start of a process on a data directory: how many starts it
// has seen, this one included, and a random number. The counter is durable
// before anybody is told of the start.
//
// It is what tells lives of one replica apart. Peers remember the last start
// that they were told of, so that
//
//	F1  a directory that was copied back is found out by whoever remembers a
//	    later start of it, though he lacks the events that were lost with it
//	    (Refutes);
//	F2  of two living processes with one replica id exactly one keeps it,
//	    whoever learns of the other first, or else both draw a new one
//	    (Claimant.Keeps). Both are told;
//	F3  of two living processes with one name that know the same of each other
//	    exactly one remains (Claimant.Remains).
//
// What it cannot tell is a copy of the present start from a restart after a
// crash: only that somebody answers at the other address does.
type StartID struct {
	Counter uint64
	Nonce   uint64
}

// String returns "start 3 (nonce 00000000000000ff)".
func (s StartID) String() string { return fmt.Sprintf("start %d (nonce %016x)", s.Counter, s.Nonce) }

// Refutes reports whether s, remembered of a replica, proves that a process
// under the start now runs on an older copy of the replica's directory, or on a
// fork of it: it has not seen s, and s was not before it.
func (s StartID) Refutes(now StartID) bool { return s != now && s.Counter >= now.Counter }

// Claimant is one of two living processes with the same name, or the same
// replica id.
type Claimant struct {
	Start StartID
	// Listed says that other members list this process.
	Listed bool
	// Joins says that this process has tried to join the other.
	Joins bool
}

// Keeps reports whether c, whom rival has asked, keeps the replica id: if it is
// listed and rival is not; of two that are listed, on two sides of a healed
// partition, if it started earlier; of two that nobody lists, since rival is
// the one who came. Of both answers that two give who ask each other at once,
// at most one is yes, if both ask as listed: F2.
func (c Claimant) Keeps(rival Claimant) bool {
	switch {
	case c.Listed != rival.Listed:
		return c.Listed
	case !c.Listed:
		return true
	case c.Start.Counter != rival.Start.Counter:
		return c.Start.Counter < rival.Start.Counter
	}
	return c.Start.Nonce < rival.Start.Nonce
}

// Remains reports whether c goes on under the name that rival has too: if it is
// listed and rival is not; of two that are listed, on two sides of a healed
// partition, the one that would keep an id; of two that nobody lists, the one
// that the other came to, and if they came to each other, the one whose
// directory has seen more starts.
func (c Claimant) Remains(rival Claimant) bool {
	switch {
	case c.Listed || rival.Listed:
		return c.Keeps(rival)
	case c.Joins != rival.Joins:
		return rival.Joins
	case c.Start.Counter != rival.Start.Counter:
		return c.Start.Counter > rival.Start.Counter
	}
	return c.Start.Nonce < rival.Start.Nonce
}
