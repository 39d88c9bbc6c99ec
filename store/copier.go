package store

import (
	"context"

	"go.etcd.io/bbolt"
)

// copier copies all values of a transaction into a new file.
type copier struct {
	ctx         context.Context
	to          *newFile
	done, total uint64
	progress    func(done, total uint64)
}

// copyAll commits everything it copies before it returns: until then the copy
// refers to the pages that tx reads.
func (c *copier) copyAll(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if err := c.copyBucket(tx, name); err != nil {
			return err
		}
	}
	if err := c.to.commit(); err != nil {
		return err
	}
	c.report(c.total)
	return nil
}

func (c *copier) copyBucket(tx *bbolt.Tx, name string) error {
	from, err := openTable(tx, name)
	if err != nil {
		return err
	}
	cursor, err := from.cursor()
	if err != nil {
		return err
	}
	for key, stored := cursor.First(); key != nil; key, stored = cursor.Next() {
		if _, err := unseal(name, key, stored); err != nil {
			return err
		}
		if err := c.to.put(name, key, stored); err != nil {
			return err
		}
		c.done += uint64(len(key) + len(stored))
		if c.to.tx == nil { // a transaction has ended
			if err := c.ctx.Err(); err != nil {
				return err
			}
			c.report(min(c.done, c.total))
		}
	}
	return c.ctx.Err()
}

func (c *copier) report(done uint64) {
	if c.progress != nil {
		c.progress(done, c.total)
	}
}
