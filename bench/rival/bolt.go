package rival

import (
	"fmt"
	"path/filepath"

	"github.com/scalesmall/ssnode/store"
	"go.etcd.io/bbolt"
)

// Bolt is a bare bbolt file.
type Bolt struct {
	db     *bbolt.DB
	bucket string
}

// OpenBolt opens the file of a data directory that no node runs on: equally
// large, with equally many keys.
func OpenBolt(dir string) (*Bolt, error) {
	db, err := bbolt.Open(filepath.Join(dir, store.FileName), 0o600, &bbolt.Options{
		FreelistType: bbolt.FreelistMapType, InitialMmapSize: 1 << 30,
	})
	if err != nil {
		return nil, err
	}
	return &Bolt{db: db, bucket: "entries"}, nil
}

// Put replaces the value of a key, in one transaction.
func (b *Bolt) Put(key string, value []byte) error {
	return b.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(b.bucket)).Put([]byte(key), value) })
}

// Close closes the file.
func (b *Bolt) Close() error { return b.db.Close() }

// placeBytes is what the place of a record in the index by dot takes, its key
// and checksum included. Every write puts one, though not at once.
const placeBytes = 34

// WrittenBytes returns how many bytes of values, and of keys that are new each
// time, the last write of one operation has put into a data directory: what a
// single commit of the same bytes would put under the key of its entry.
func WrittenBytes(dir, key string) (int, error) {
	b, err := OpenBolt(dir)
	if err != nil {
		return 0, err
	}
	defer b.Close()
	total := placeBytes
	err = b.db.View(func(tx *bbolt.Tx) error {
		for _, part := range []struct {
			bucket, key string
			fresh       bool
		}{{"entries", key, false}, {"tail", "", true}, {"context", "", false}, {"meta", "state", false}} {
			c := tx.Bucket([]byte(part.bucket)).Cursor()
			k, v := c.Last()
			if part.key != "" {
				k, v = c.Seek([]byte(part.key))
			}
			if k == nil || part.key != "" && string(k) != part.key {
				return fmt.Errorf("the bucket %s has no %q", part.bucket, part.key)
			}
			total += len(v)
			if part.fresh {
				total += len(k)
			}
		}
		return nil
	})
	return total, err
}
