// Package dump writes all that a data directory holds as lines of JSON, for
// people, for comparison and for moving to another version, and loads it into
// a fresh directory.
//
// The lines come in this order, each an object whose "type" says what it is:
//
//	meta           whose dump it is; first, and only in a full dump
//	context        up to where the events of one replica are applied
//	ahead          up to where the entries may hold more; full dump only
//	claim          one claim and the contributions of everybody to it
//	node           what a node says of itself
//	forgotten      a replica that was forgotten
//	delta          one record of the log; full dump only
//	end            how many of each there were, and the fingerprint; last
//
// Claims, nodes and replicas come in key order, so that what is left in a
// canonical dump is byte for byte alike on replicas that are equal, and a diff
// of two shows where they are not.
//
// What it guarantees:
//
//	D1  Load keeps all of a dump or nothing: it is checked line by line, then
//	    as a whole against its last line, before the directory appears.
//	D2  A canonical dump of what was loaded is that of what was dumped.
//	D3  A loaded directory has a new replica id. It knows what the dump's
//	    context says and joins its cluster like a replica that was away.
//
// It leaves to store what is durable and to wire how keys are written.
package dump
