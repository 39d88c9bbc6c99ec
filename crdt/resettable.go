package crdt

// Resettable is what a value of an AWORMap must be: a join-semilattice with an
// observed reset. V is the type itself, of which the zero value is the least.
// PNCounter, *AWORSet, *MVRegister and *AWORMap are of this kind.
type Resettable[V any] interface {
	// Join returns the least upper bound. Like append it may change and return
	// the receiver, but neither changes nor keeps other. A zero receiver
	// yields a value that shares nothing with other that could be written to.
	Join(other V) V
	// Releasing returns the observed reset: the delta that takes back exactly
	// what was observed here, so that what is concurrent with it survives with
	// its own part and no more. The receiver stays as it is. It is zero if
	// nothing is left to be taken back.
	Releasing() V
	// IsVisible reports whether a key with this value is present. What was
	// joined with its own Releasing is not visible.
	IsVisible() bool
	// IsZero reports whether this is the least value, as a delta that changes
	// nothing.
	IsZero() bool
	// Equal reports whether both are the same state.
	Equal(other V) bool
	// Validate reports which invariant is violated, or nil.
	Validate() error
}

var (
	_ Resettable[PNCounter]                = PNCounter(nil)
	_ Resettable[*AWORSet[int]]            = (*AWORSet[int])(nil)
	_ Resettable[*MVRegister[any]]         = (*MVRegister[any])(nil)
	_ Resettable[*AWORMap[int, PNCounter]] = (*AWORMap[int, PNCounter])(nil)
)
