package etcd

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Fill puts n keys, many in a transaction.
func Fill(ctx context.Context, c *clientv3.Client, n int, key func(int) string, value string) error {
	for begin := 0; begin < n; begin += txnOpsMax {
		var ops []clientv3.Op
		for i := begin; i < min(begin+txnOpsMax, n); i++ {
			ops = append(ops, clientv3.OpPut(key(i), value))
		}
		if _, err := c.Txn(ctx).Then(ops...).Commit(); err != nil {
			return err
		}
	}
	return nil
}
