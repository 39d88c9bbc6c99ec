package wire

import "fmt"

// BatchResult is what became of one batch of several: its results, or the
// error that kept all of it from being applied.
type BatchResult struct {
	// ID repeats the id of the batch.
	ID      string       `json:"id,omitempty"`
	Results List[Result] `json:"results"`
	Token   Token        `json:"token,omitempty"`
	// Error and Code are set if nothing of the batch was applied.
	Error string `json:"error,omitempty"`
	Code  Code   `json:"code,omitempty"`
}

// Err returns the error of the batch, nil if it was applied.
func (b BatchResult) Err() error {
	if b.Error == "" {
		return nil
	}
	return &Error{Message: b.Error, Code: b.Code}
}

// BatchResults answers several batches, in their order.
type BatchResults struct {
	Batches List[BatchResult] `json:"batches"`
	// Token names the events of all batches that were applied; OnDisk and
	// Missing are about it.
	Token   Token        `json:"token"`
	OnDisk  List[string] `json:"on_disk"`
	Missing List[string] `json:"missing"`
	// Needed is how many members were waited for, the node that answers
	// included; absent if it alone was.
	Needed int `json:"needed,omitempty"`
}

// Lookups answers a lookup of several keys, in their order.
type Lookups struct {
	Lookups List[Lookup] `json:"lookups"`
	Token   Token        `json:"token"`
	// Incomplete is that of each of them.
	Incomplete bool `json:"incomplete,omitempty"`
}

// Keyspace is one row of Keyspaces.
type Keyspace struct {
	Keyspace  string `json:"keyspace"`
	Claims    int    `json:"claims"`
	Subranges int    `json:"subranges"`
}

// Keyspaces lists the keyspaces that have visible claims.
type Keyspaces struct {
	Keyspaces List[Keyspace] `json:"keyspaces"`
	Token     Token          `json:"token"`
	// Next continues the listing as "after"; absent at its end.
	Next string `json:"next,omitempty"`
}

// KeyspaceRow is one line of the stream of Ranges: a subrange that says which
// keyspace it is of.
type KeyspaceRow struct {
	Keyspace string `json:"keyspace"`
	Subrange
}

// Waited answers a wait: who has on disk what the token names, and who had not
// in time. A wait is complete if nobody is missing.
type Waited struct {
	Token   Token        `json:"token"`
	OnDisk  List[string] `json:"on_disk"`
	Missing List[string] `json:"missing"`
	// Needed is how many members were waited for, the node that answers
	// included; absent if it alone was.
	Needed int `json:"needed,omitempty"`
}

// CompactRequest is the body of POST /v1/compact.
type CompactRequest struct {
	// DryRun says what would go and changes nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// MissingUnknown returns what stands last in a list of missing members for
// those that were waited for and whose names the node does not know. It is no
// name: names have no space.
func MissingUnknown(n int) string {
	if n == 1 {
		return "(1 unknown member)"
	}
	return fmt.Sprintf("(%d unknown members)", n)
}
