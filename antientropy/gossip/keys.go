package gossip

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/hashicorp/memberlist"
)

// newKeyring returns a ring with copies of the keys, the first of which
// encrypts. An empty ring does not encrypt.
func newKeyring(keys [][]byte) (*memberlist.Keyring, error) {
	if len(keys) == 0 {
		return &memberlist.Keyring{}, nil
	}
	copies := make([][]byte, len(keys))
	for i, key := range keys {
		copies[i] = bytes.Clone(key)
	}
	ring, err := memberlist.NewKeyring(copies, copies[0])
	if err != nil {
		return nil, fmt.Errorf("%w gossip key: %w", ErrInvalid, err)
	}
	return ring, nil
}

// Keys returns copies of the keys in use. The first encrypts.
func (t *Transport) Keys() [][]byte {
	keys := slices.Clone(t.keyring.GetKeys())
	for i, key := range keys {
		keys[i] = bytes.Clone(key)
	}
	return keys
}

// InstallKey adds a key that may decrypt from now on. To rotate: install the
// new key on every member, then use it on every member, then remove the old.
// The first key of a ring is in use at once. Danger: a cluster without keys
// falls apart while not all members have it, unless they accept and send
// plain, see Options.
func (t *Transport) InstallKey(key []byte) error {
	t.keys.Lock()
	defer t.keys.Unlock()
	if err := t.keyring.AddKey(bytes.Clone(key)); err != nil {
		return fmt.Errorf("%w: install gossip key: %w", ErrInvalid, err)
	}
	return nil
}

// UseKey encrypts with an installed key from now on.
func (t *Transport) UseKey(key []byte) error {
	t.keys.Lock()
	defer t.keys.Unlock()
	if err := t.keyring.UseKey(bytes.Clone(key)); err != nil {
		return fmt.Errorf("%w: use gossip key: %w; install it first", ErrInvalid, err)
	}
	return nil
}

// RemoveKey removes a key that is not the one in use. Removing a key that is
// not there is no error.
func (t *Transport) RemoveKey(key []byte) error {
	t.keys.Lock()
	defer t.keys.Unlock()
	keys := t.keyring.GetKeys()
	at := slices.IndexFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) })
	switch at {
	case -1:
		return nil
	case 0:
		return fmt.Errorf("%w: remove gossip key: it is in use; use another one first", ErrInvalid)
	}
	// memberlist removes a key by moving those behind it, in a slice that its
	// readers use without a lock. The last one has none behind it: so the
	// others are taken off first, and put back. Packets under them are lost
	// for that instant.
	behind := slices.Clone(keys[at+1:])
	for _, k := range slices.Backward(keys[at:]) {
		if err := t.keyring.RemoveKey(k); err != nil {
			return fmt.Errorf("remove gossip key: %w", err)
		}
	}
	for _, k := range behind {
		if err := t.keyring.AddKey(k); err != nil {
			return fmt.Errorf("put back gossip key: %w", err)
		}
	}
	return nil
}
