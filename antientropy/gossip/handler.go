package gossip

import "github.com/scalesmall/ssnode/crdt"

// Handler receives what the transport brings. Every callback is optional and
// may be called from several goroutines at once. None may block, nor call
// Leave or Close: they enqueue and return.
type Handler struct {
	// Frame receives a frame from the listed member `from`. The frame is the
	// handler's to keep.
	Frame func(from string, frame []byte)
	// Check receives what `from` gave to SetCheck, after a ping that it
	// answered or a push/pull with it. The payload is the handler's to keep.
	Check func(from string, payload []byte)
	// MembersChanged says that Members answers differently from before in
	// more than LastHeard. Several changes may be told at once.
	MembersChanged func()
	// Conflict tells of another process with this node's name.
	Conflict func(Conflict)
	// Seen returns how many events of a replica are on disk here.
	Seen func(crdt.ReplicaID) uint64
	// Legacy receives an encoded delta that a process with this node's name has
	// handed over before it ends. It is the handler's to keep.
	Legacy func(delta []byte)
}

func (h Handler) frame(from string, frame []byte) {
	if h.Frame != nil {
		h.Frame(from, frame)
	}
}

func (h Handler) check(from string, payload []byte) {
	if h.Check != nil {
		h.Check(from, payload)
	}
}

func (h Handler) membersChanged() {
	if h.MembersChanged != nil {
		h.MembersChanged()
	}
}

func (h Handler) seen(r crdt.ReplicaID) uint64 {
	if h.Seen == nil {
		return 0
	}
	return h.Seen(r)
}

func (h Handler) legacy(delta []byte) {
	if h.Legacy != nil {
		h.Legacy(delta)
	}
}

func (h Handler) conflict(c Conflict) {
	if h.Conflict != nil {
		h.Conflict(c)
	}
}
