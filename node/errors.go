package node

import "errors"

// Errors of a running node.
var (
	// ErrClosed says that the node was closed.
	ErrClosed = errors.New("the node is closed")
	// ErrBusy says that a queue is full: try again later or elsewhere.
	ErrBusy = errors.New("the node is busy: its queue is full")
	// ErrBehind says that this node does not know yet what a token covers.
	ErrBehind = errors.New("this node does not know yet what the token covers; try again, or another node")
	// ErrUnknownToken says that this node does not know the context that a token
	// names, and will hardly come to know it.
	ErrUnknownToken = errors.New("this node does not, or no longer, know the context that the token names: take a newer token, or ask the node that handed it out")
	// ErrStalled says that the node found one of its loops standing still, and
	// gave up; see Stall.
	ErrStalled = errors.New("the node has stalled")
	// ErrLeaving says that the node is about to leave the cluster.
	ErrLeaving = errors.New("this node is leaving the cluster: write to another")
	// ErrAlive says that something is refused while a member can be reached.
	ErrAlive = errors.New("it is a living member")
	// ErrSelf says that the node that was asked is meant itself.
	ErrSelf = errors.New("this is the node that answers")
	// ErrForeign says that a peer is of another cluster, speaks another version
	// of the protocol, or has other keys: it is wrapped beside the reason.
	ErrForeign = errors.New("it cannot be a member here")
	// ErrNotReached says that nobody answers at an address.
	ErrNotReached = errors.New("no member was reached")
	// ErrNameTaken says that another process has this node's name.
	ErrNameTaken = errors.New("the name of this node is taken")
	// ErrUnavailable is wrapped, with the cause, while the disk is at fault.
	ErrUnavailable = errors.New("the disk of this node is at fault")
)
