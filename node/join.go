package node

import (
	"context"
	"errors"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/delta"
)

// Joined says what a join has brought about.
type Joined struct {
	// Reached are the addresses at which members were met, as they were given.
	Reached []string
	// Failed says what went wrong with the others.
	Failed []*JoinFailure
}

// JoinFailure is why nobody was met at an address.
type JoinFailure struct {
	Address string
	// Kind is ErrForeign, ErrNameTaken, ErrSelf, delta.ErrInvalid or
	// ErrNotReached; Cause says it to people.
	Kind, Cause error
}

// Error names the address and the cause.
func (f *JoinFailure) Error() string { return "join " + f.Address + ": " + f.Cause.Error() }

// Unwrap returns the kind and the cause.
func (f *JoinFailure) Unwrap() []error { return []error{f.Kind, f.Cause} }

// joinKinds is the one table from what gossip says of a failed join to what
// is to be done about it.
var joinKinds = []struct{ cause, kind error }{
	{gossip.ErrOtherCluster, ErrForeign},
	{gossip.ErrVersion, ErrForeign},
	{gossip.ErrKey, ErrForeign},
	{gossip.ErrNameTaken, ErrNameTaken},
	{gossip.ErrSelf, ErrSelf},
	{gossip.ErrInvalid, delta.ErrInvalid},
}

func failureOf(e *gossip.AddressError) *JoinFailure {
	for _, x := range joinKinds {
		if errors.Is(e.Err, x.cause) {
			return &JoinFailure{Address: e.Address, Kind: x.kind, Cause: e.Err}
		}
	}
	return &JoinFailure{Address: e.Address, Kind: ErrNotReached, Cause: e.Err}
}

// Join tries to reach members at gossip addresses, host:port each; names are
// looked up anew. Whoever was met is remembered and rejoined for ever, at the
// address it tells. The error wraps a *JoinFailure for each address if nobody
// was met, or if this node's name is taken; it may be ErrLeaving and ErrClosed.
func (n *Node) Join(ctx context.Context, addresses []string) (Joined, error) {
	if n.departure.begun.Load() {
		return Joined{}, ErrLeaving
	}
	result, err := n.transport.Join(ctx, addresses)
	joined := Joined{Reached: result.Joined}
	var failures []error
	for _, failed := range result.Failed {
		joined.Failed = append(joined.Failed, failureOf(failed))
		failures = append(failures, joined.Failed[len(joined.Failed)-1])
	}
	switch {
	case n.ctx.Err() != nil:
		return joined, ErrClosed
	case err != nil && len(failures) > 0:
		return joined, errors.Join(failures...)
	}
	return joined, err
}
