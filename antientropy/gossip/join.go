package gossip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// joinsAtOnce bounds the addresses that one Join tries at a time.
const joinsAtOnce = 8

// JoinResult says which addresses were joined, in the order they were given.
type JoinResult struct {
	Joined []string
	Failed []*AddressError
}

// Join exchanges memberships with whoever listens at the addresses, host:port
// each, several at a time. Names are looked up anew. One address is enough to
// meet the whole cluster; more make it likely that one answers.
//
// The error is nil if any address was joined. Otherwise it wraps ErrNotJoined
// and, for each address, what went wrong: ErrSelf, ErrOtherCluster,
// ErrVersion, ErrKey, ErrStillListed, or errors of the network. ErrNameTaken
// is returned even if another address was joined.
func (t *Transport) Join(ctx context.Context, addresses []string) (JoinResult, error) {
	if t.ctx.Err() != nil {
		return JoinResult{}, ErrClosed
	}
	defer t.beginJoin()()
	causes := make([]error, len(addresses))
	slots := make(chan struct{}, joinsAtOnce)
	var wg sync.WaitGroup
	for i, address := range addresses {
		wg.Go(func() {
			slots <- struct{}{}
			causes[i] = t.joinAddress(ctx, address)
			<-slots
		})
	}
	wg.Wait()
	return t.concludeJoin(addresses, causes)
}

// beginJoin remembers whether this node has peers; the returned function
// forgets it.
func (t *Transport) beginJoin() (end func()) {
	if t.table.size() > 1 {
		return func() {}
	}
	add := func(n int) {
		t.joins.Lock()
		defer t.joins.Unlock()
		t.joins.alone += n
	}
	add(1)
	return func() { add(-1) }
}

func (t *Transport) concludeJoin(addresses []string, causes []error) (JoinResult, error) {
	var r JoinResult
	var taken error
	failures := []error{ErrNotJoined}
	for i, address := range addresses {
		if causes[i] == nil {
			r.Joined = append(r.Joined, address)
			continue
		}
		failure := &AddressError{Address: address, Err: causes[i]}
		r.Failed = append(r.Failed, failure)
		failures = append(failures, failure)
		if errors.Is(failure, ErrNameTaken) {
			taken = failure
		}
	}
	switch {
	case taken != nil:
		return r, taken
	case len(r.Joined) > 0 || len(addresses) == 0:
		return r, nil
	}
	return r, errors.Join(failures...)
}

// joinAddress joins whoever one name stands for: all of its addresses, since a
// name may stand for the whole cluster.
func (t *Transport) joinAddress(ctx context.Context, address string) error {
	at, err := resolve(ctx, t.options.Resolver, address)
	if err != nil {
		return err
	}
	var errs []error
	for _, peer := range at {
		errs = append(errs, t.joinPeer(ctx, peer))
	}
	if slices.Contains(errs, nil) {
		return nil
	}
	return errors.Join(errs...)
}

// joinPeer joins one address. memberlist cannot be interrupted; if ctx ends
// first its goroutine goes on until the stream's timeout, or Close.
func (t *Transport) joinPeer(ctx context.Context, peer netip.AddrPort) error {
	if peer == t.socket.advertise {
		return ErrSelf
	}
	t.noteTried(peer.String())
	done := make(chan error, 1)
	if !t.begin(func() { done <- t.exchange(peer) }) {
		return ErrClosed
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("no answer yet: %w", ctx.Err())
	}
}

// triedMax bounds the addresses that are remembered as tried.
const triedMax = 1024

// noteTried remembers that this node has tried to join an address.
func (t *Transport) noteTried(address string) {
	t.joins.Lock()
	defer t.joins.Unlock()
	if t.joins.tried == nil || len(t.joins.tried) >= triedMax {
		t.joins.tried = map[string]struct{}{}
	}
	t.joins.tried[address] = struct{}{}
}

// hasTried reports whether this node has tried to join an address.
func (t *Transport) hasTried(address string) bool {
	t.joins.Lock()
	defer t.joins.Unlock()
	_, ok := t.joins.tried[address]
	return ok
}

// begin starts a goroutine that Close waits for, unless Close or Leave has
// begun.
func (t *Transport) begin(f func()) bool {
	t.life.Lock()
	defer t.life.Unlock()
	if t.life.closed || t.life.left {
		return false
	}
	t.wg.Go(f)
	return true
}

func (t *Transport) exchange(peer netip.AddrPort) error {
	_, err := t.list.Join([]string{peer.String()})
	if err == nil {
		return nil
	}
	err = explainJoin(err, peer.String())
	t.log.limited(slog.LevelInfo, chatterEvery, "join "+peer.String(), "gossip: cannot join", "address", peer, "reason", err)
	return err
}

// joinError gives a join that failed the sentinel that memberlist has lost: it
// passes on no more than the text of errors.
type joinError struct {
	sentinel error
	text     string
}

func (e *joinError) Error() string { return e.text }
func (e *joinError) Unwrap() error { return e.sentinel }

// explainJoin returns the cause in an error of memberlist's Join.
func explainJoin(err error, address string) error {
	text := err.Error()
	if many, ok := err.(interface{ WrappedErrors() []error }); ok && len(many.WrappedErrors()) == 1 {
		text = many.WrappedErrors()[0].Error()
	}
	text = strings.TrimPrefix(text, "failed to join "+address+": ")
	for _, sentinel := range []error{ErrOtherCluster, ErrVersion, ErrNameTaken, ErrStillListed, ErrSelf, ErrClosed} {
		if strings.Contains(text, sentinel.Error()) {
			return &joinError{sentinel: sentinel, text: text}
		}
	}
	switch {
	case isKeyTrouble(text):
		return &joinError{sentinel: ErrKey, text: fmt.Sprintf("%v: %s; %s", ErrKey, text, hintFor(text))}
	case text == io.EOF.Error():
		return &joinError{sentinel: io.EOF, text: "the peer closed the stream without an answer; its log may say why"}
	}
	return errors.New(text + joinAdvice(text))
}

// joinAdvice says what was tried and what to look at, where that is more than
// the network says.
func joinAdvice(text string) string {
	switch {
	case strings.HasPrefix(text, "read tcp ") && strings.HasSuffix(text, "i/o timeout"):
		return "; somebody took the connection and did not answer like a member: check that this is the gossip port of a node, which ssnode members shows, and not that of its HTTP interface"
	case strings.HasPrefix(text, "dial tcp ") && strings.HasSuffix(text, "i/o timeout"):
		return "; no connection came about over TCP: check the address, and firewalls between"
	case strings.HasSuffix(text, "connection refused"):
		return "; nobody listens there over TCP: check that the node runs, and that this is its gossip port"
	}
	return ""
}
