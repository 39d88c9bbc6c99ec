// Package wire has what goes over HTTP and into the output of the command: the
// JSON types, and the text form of keys, ranges and claims. Scripts and clients
// of other languages lean on these names; names are added, never changed.
//
// # Keys
//
// A key is any byte string, JSON and shells want text. [FormatKey] writes a
// key that is printable UTF-8 as it is and any other as hex:…; [ParseKey] also
// reads base64:…, and u64:N and u32:N for keys that are numbers, big-endian and
// of fixed width. A key that itself begins with one of these schemes is written
// text:…, so every key has a text and every text is at most one key. A [Form]
// is how a keyspace prefers its keys to be shown.
//
// # Ranges and claims
//
// In JSON a range is the fields of [Bounds]: from, where "" is the beginning of
// the key space, and to, where null is unbounded. In tables and flags it is
// "[a, m)", "[a, +inf)", "[-inf, m)" ([FormatRange], [ParseRange]), and a claim
// is "KEYSPACE:[a,m)=10" ([ParseClaim]). There a key that has a comma, a
// bracket or a backslash must be given as hex:…, and one that is "-inf" or
// "+inf" as text:…; what is written always obeys this.
//
// # Requests and answers
//
// [Decode] and [Unmarshal] read requests and are strict: a misspelt field must
// not pass for an absent one. Answers are read with encoding/json, which skips
// fields that a later version adds. Every failure is an [Error], its [Code]
// says to programs what its text says to people; HTTP status and exit code
// follow from it.
//
// What goes over POST /v1/ops/stream for every write is read and written by hand
// where it is as this package writes it: [LineMemory] and [AnswerText] are for a
// node, [Asked] is for a client.
//
// What a request means is not decided here: package api turns operations into
// those of a node.
package wire
