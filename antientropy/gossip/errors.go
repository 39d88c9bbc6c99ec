package gossip

import (
	"errors"
	"fmt"
)

// Errors of a transport.
var (
	// ErrInvalid is wrapped by every refusal of Options and arguments.
	ErrInvalid = errors.New("invalid")
	// ErrClosed says that the transport is closed or is being closed.
	ErrClosed = errors.New("the gossip transport is closed")
)

// Errors of Start and Join.
var (
	// ErrListen is wrapped when the address cannot be bound.
	ErrListen = errors.New("cannot listen for gossip")
	// ErrNotJoined is wrapped by the error of a Join that reached nobody.
	ErrNotJoined = errors.New("joined nobody")
	// ErrSelf says that an address or a name is that of this node itself.
	ErrSelf = errors.New("this is the node itself")
	// ErrOtherCluster says that a peer is of another cluster.
	ErrOtherCluster = errors.New("member of another cluster")
	// ErrVersion says that a peer speaks no protocol version of ours.
	ErrVersion = errors.New("no protocol version in common")
	// ErrKey says that a peer has another gossip key, or only one of both
	// has any.
	ErrKey = errors.New("gossip keys differ")
	// ErrNameTaken says that the cluster lists another process by this
	// node's name. The listed one stays; this one must end or be renamed.
	ErrNameTaken = errors.New("the name is taken")
	// ErrStillListed says that the cluster still lists a former life of this
	// replica at another address. It is gone soon: join again in a second.
	ErrStillListed = errors.New("a former life of this node is still listed")
)

// Errors of sending.
var (
	// ErrUnknownMember says that no member of that name is listed.
	ErrUnknownMember = errors.New("no such member")
	// ErrNotAlive says that a member is dead or has left.
	ErrNotAlive = errors.New("member is not alive")
	// ErrAlive says that a member cannot be forgotten while it is alive.
	ErrAlive = errors.New("member is alive")
	// ErrTooLarge is wrapped when a frame or payload exceeds its limit.
	ErrTooLarge = errors.New("too large")
	// ErrQueueFull says that what waits for a slow or unreachable member has
	// reached its bound. The frame is dropped.
	ErrQueueFull = errors.New("the queue to this member is full")
)

// AddressError is what went wrong with one address of a Join.
type AddressError struct {
	// Address is the address as it was given to Join.
	Address string
	// Err wraps one of the sentinels of this package, or is of the network.
	Err error
}

// Error names the address and the cause.
func (e *AddressError) Error() string { return fmt.Sprintf("join %s: %v", e.Address, e.Err) }

// Unwrap returns the cause.
func (e *AddressError) Unwrap() error { return e.Err }
