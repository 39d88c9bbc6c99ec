package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
)

// batchClaims is how many claims are written in a batch, and nodesClaiming of
// how many nodes they are.
const (
	batchClaims   = 5000
	nodesClaiming = 100
)

// prepare returns a data directory with the claims, adjacent ranges of 16-byte
// bounds, and makes it if it is not there.
func prepare(ctx context.Context, s settings) (string, error) {
	dir := filepath.Join(s.dir, fmt.Sprintf("seed-%d-%v", s.claims, s.log))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	making := dir + "-making"
	if err := os.RemoveAll(making); err != nil {
		return "", err
	}
	o := node.Options{DataDir: making, Node: "seed", Gossip: "127.0.0.1:0"}
	if s.log {
		o.Retention.Other = compaction.Retention{Age: 7 * 24 * 3600 * 1000, Bytes: 1 << 40}
	}
	n, err := node.Open(ctx, o)
	if err != nil {
		return "", err
	}
	if err := fill(ctx, n, s.claims); err != nil {
		n.Close()
		return "", err
	}
	if _, err := n.Compact(ctx, false); err != nil {
		n.Close()
		return "", err
	}
	if err := n.Close(); err != nil {
		return "", err
	}
	return dir, os.Rename(making, dir)
}

func fill(ctx context.Context, n *node.Node, claims int) error {
	for from := 0; from < claims; from += batchClaims {
		batch := make([]delta.Operation, 0, batchClaims)
		for i := from; i < min(claims, from+batchClaims); i++ {
			batch = append(batch, delta.Operation{Verb: delta.VerbRegister, Amount: 1, Claim: ranges.Claim{
				Keyspace: "default", Node: fmt.Sprintf("node-%03d", i%nodesClaiming),
				Range: ranges.Range{From: key(i), To: ranges.Before(key(i + 1))},
			}})
		}
		if _, err := n.Write(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func key(i int) string { return fmt.Sprintf("%016d", i) }
