package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

// Limits of what is remembered for other packages.
const (
	// PeersMax bounds the number of peers, PeersBytesMax their encoded size.
	PeersMax      = 10_000
	PeersBytesMax = 1 << 20
	// NoteNameBytesMax and NoteBytesMax bound a note, in bytes.
	NoteNameBytesMax = 255
	NoteBytesMax     = 1 << 20
)

// Peers returns the gossip addresses stored by SetPeers.
func (s *Store) Peers() ([]string, error) {
	var peers []string
	err := s.View(func(v *View) (err error) {
		peers, err = v.tables.getPeers()
		return err
	})
	return peers, err
}

func (t *tables) getPeers() ([]string, error) {
	var peers []string
	err := t.getMeta(metaPeers, &peers, PeersBytesMax)
	return peers, err
}

// SetPeers remembers the gossip addresses at which to look for the cluster
// after a restart.
func (s *Store) SetPeers(peers []string) error {
	if encoded := delta.Marshal(peers); len(peers) > PeersMax || len(encoded) > PeersBytesMax {
		return fmt.Errorf("%w: %d peers in %d bytes, at most %d in %d are kept", ErrTooLarge, len(peers), len(encoded), PeersMax, PeersBytesMax)
	}
	return s.change(func(t *tables) error { return t.putMeta(metaPeers, append([]string{}, peers...)) })
}

// Note returns what SetNote stored under name, nil if nothing.
func (s *Store) Note(name string) ([]byte, error) {
	var value []byte
	err := s.View(func(v *View) error {
		payload, err := v.tables.notes.get([]byte(name))
		if payload != nil {
			value = append([]byte{}, payload...)
		}
		return err
	})
	return value, err
}

// SetNote stores a value under a name for another package, opaque here; nil
// removes it.
func (s *Store) SetNote(name string, value []byte) error {
	if name == "" || len(name) > NoteNameBytesMax || len(value) > NoteBytesMax {
		return fmt.Errorf("%w: note %q of %d bytes", ErrTooLarge, name, len(value))
	}
	return s.change(func(t *tables) error {
		if value == nil {
			return t.notes.delete([]byte(name))
		}
		return t.notes.put([]byte(name), value)
	})
}

// change runs a transaction that leaves the replica alone.
func (s *Store) change(fn func(*tables) error) error {
	return s.changeBeside(func(t *tables, s state, _ *delta.Replica) (state, error) { return s, fn(t) })
}
