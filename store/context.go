package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

const (
	sequenceBytesMax = 9
	sequenceMax      = 1 << 62
)

func encodeSequence(sequence uint64) []byte { return delta.AppendUint(nil, sequence) }

func decodeSequence(payload []byte) (uint64, error) {
	var sequence uint64
	if err := delta.Unmarshal(payload, &sequence, sequenceBytesMax); err != nil {
		return 0, err
	}
	if sequence == 0 || sequence > sequenceMax {
		return 0, fmt.Errorf("sequence %d is out of bounds", sequence)
	}
	return sequence, nil
}

// readContext returns the whole of a table of contexts. O(replicas).
func readContext(t *table) (crdt.Context, error) {
	c := crdt.NewContext()
	err := t.each(nil, nil, func(key, payload []byte) error {
		if len(key) != crdt.ReplicaIDBytes {
			return fmt.Errorf("%w: the key %x of %s has %d bytes, want %d", ErrCorrupt, key, t.name, len(key), crdt.ReplicaIDBytes)
		}
		id := crdt.ReplicaID(key)
		sequence, err := decodeSequence(payload)
		if err == nil {
			err = crdt.Dot{Replica: id, Sequence: sequence}.Validate()
		}
		c[id] = sequence
		return corrupt(fmt.Sprintf("%s of %s", t.name, id), err)
	})
	return c, err
}

// writeContext makes changes part of a table of contexts; 0 removes.
func writeContext(t *table, changes crdt.Context) error {
	for id, sequence := range changes.All() {
		var err error
		if sequence == 0 {
			err = t.delete(id[:])
		} else {
			err = t.put(id[:], encodeSequence(sequence))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
