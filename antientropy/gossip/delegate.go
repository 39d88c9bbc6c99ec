package gossip

import (
	"bytes"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/scalesmall/ssnode/delta"
)

// NodeMeta implements memberlist.Delegate.
func (d delegate) NodeMeta(int) []byte {
	d.t.meta.RLock()
	defer d.t.meta.RUnlock()
	return d.t.meta.encoded
}

// NotifyMsg implements memberlist.Delegate. The bytes are memberlist's.
func (d delegate) NotifyMsg(b []byte) {
	t := d.t
	k, from, body, err := unseal(b)
	if err != nil {
		t.stats.dropsMalformed.Add(1)
		return
	}
	switch k {
	case kindFrame:
		t.takeFrame(from, body)
	case kindNotice:
		t.takeNotice(from, body)
	case kindRival:
		t.takeRival(from, body)
	case kindLegacy:
		t.takeLegacy(from, body)
	default:
		t.stats.dropsMalformed.Add(1)
	}
}

func (t *Transport) takeFrame(from string, body []byte) {
	if len(body) > FrameBytesMax {
		t.stats.dropsMalformed.Add(1)
		return
	}
	if from == t.options.Name || t.table.isRefuted(from) || !t.table.hear(from, time.Now()) {
		t.stats.dropsUnknown.Add(1)
		return
	}
	t.stats.framesReceived.Add(1)
	frame := bytes.Clone(body)
	t.call(func() { t.options.Handler.frame(from, frame) })
}

func (t *Transport) takeCheck(from string, payload []byte) {
	if len(payload) == 0 {
		return // the peer has not set one yet
	}
	t.stats.checksReceived.Add(1)
	t.stats.checkBytesReceived.Add(uint64(len(payload)))
	kept := bytes.Clone(payload)
	t.call(func() { t.options.Handler.check(from, kept) })
}

// GetBroadcasts implements memberlist.Delegate.
func (d delegate) GetBroadcasts(overhead, limit int) [][]byte {
	return d.t.broadcasts.GetBroadcasts(overhead, limit)
}

// LocalState implements memberlist.Delegate.
func (d delegate) LocalState(join bool) []byte {
	state := stateArray{Check: d.t.sendCheck(), Notices: d.t.table.notices(noticesMax), Lives: []lifeArray{}}
	if join {
		state.Lives = packLives(d.t.table.gone(livesTold))
	}
	return seal(kindState, d.t.options.Name, delta.Marshal(state))
}

// MergeRemoteState implements memberlist.Delegate. memberlist has merged the
// memberships before, so that the sender is listed if it is not refused.
func (d delegate) MergeRemoteState(b []byte, _ bool) {
	t := d.t
	k, from, body, err := unseal(b)
	if err != nil || k != kindState {
		t.stats.dropsMalformed.Add(1)
		return
	}
	state, err := decodeState(body)
	if err != nil {
		t.stats.dropsMalformed.Add(1)
		return
	}
	for _, n := range state.Notices {
		t.table.announce(n.Name, n.start())
	}
	t.recognise(from, unpackLives(state.Lives)) // before the check: it may confirm who we are
	if from == t.options.Name || !t.table.hear(from, time.Now()) {
		t.stats.dropsUnknown.Add(1)
		return
	}
	t.takeCheck(from, state.Check)
}

var _ memberlist.PingDelegate = delegate{}

// AckPayload implements memberlist.PingDelegate.
func (d delegate) AckPayload() []byte { return d.t.sendCheck() }

// NotifyPingComplete implements memberlist.PingDelegate.
func (d delegate) NotifyPingComplete(other *memberlist.Node, _ time.Duration, payload []byte) {
	if len(payload) > CheckBytesMax {
		d.t.stats.dropsMalformed.Add(1)
		return
	}
	if d.t.table.hear(other.Name, time.Now()) {
		d.t.takeCheck(other.Name, payload)
	}
}

var _ memberlist.EventDelegate = delegate{}

// NotifyJoin implements memberlist.EventDelegate. memberlist's lock is held.
func (d delegate) NotifyJoin(n *memberlist.Node) { d.t.listNode(n) }

// NotifyUpdate implements memberlist.EventDelegate. memberlist's lock is held.
func (d delegate) NotifyUpdate(n *memberlist.Node) { d.t.listNode(n) }

// NotifyLeave implements memberlist.EventDelegate. memberlist's lock is held.
func (d delegate) NotifyLeave(n *memberlist.Node) { d.t.table.unlist(n.Name, time.Now()) }

// listNode records a member whose metadata NotifyAlive has let pass.
func (t *Transport) listNode(n *memberlist.Node) {
	_, meta, err := readMeta(n.Meta)
	if err != nil {
		t.stats.dropsMalformed.Add(1)
		return
	}
	if later, refuted := t.table.list(*n, meta, time.Now()); refuted {
		t.remind(n, later)
	}
}
