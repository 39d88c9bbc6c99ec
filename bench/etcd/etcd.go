// Package etcd runs etcd members inside the benchmark, so that they get the
// same processors, the same disk and the same compiler as what they are
// compared with.
//
//	m, err := etcd.Start(dir)
//	defer m.Close()
//	c, err := m.Client()
//	_, err = c.Put(ctx, key, value)
//
// Members listen on loopback, on ports that were free a moment before; they
// talk plain gRPC, as ssnode's API talks plain HTTP. Everything that makes a
// write durable is as etcd has it by default.
package etcd

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// readyMax is how long a member may take until it serves.
const readyMax = time.Minute

// quotaBytes is how large a member's file may get before it refuses writes;
// the default of 2 GiB is in the way of long runs.
const quotaBytes = 8 << 30

// txnOpsMax is how many writes one transaction may have; the default of 128
// would keep etcd from grouping as freely as what it is compared with.
const txnOpsMax = 4096

// Member is one running etcd.
type Member struct {
	server *embed.Etcd
	client string
}

// Start runs a cluster of one in dir and waits until it serves.
func Start(dir string) (*Member, error) {
	members, err := StartCluster([]string{dir})
	if err != nil {
		return nil, err
	}
	return members[0], nil
}

// StartCluster runs one member in each of the directories and waits until all
// serve. On an error none is left running.
func StartCluster(dirs []string) ([]*Member, error) {
	configs, err := configure(dirs)
	if err != nil {
		return nil, err
	}
	members := make([]*Member, 0, len(configs))
	for _, c := range configs {
		server, err := embed.StartEtcd(c)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start etcd member %s: %w", c.Name, err), closeAll(members))
		}
		members = append(members, &Member{server: server, client: c.ListenClientUrls[0].String()})
	}
	for _, m := range members {
		select {
		case <-m.server.Server.ReadyNotify():
		case <-time.After(readyMax):
			return nil, errors.Join(fmt.Errorf("etcd does not serve after %s", readyMax), closeAll(members))
		}
	}
	return members, nil
}

func closeAll(members []*Member) error {
	for _, m := range members {
		m.Close()
	}
	return nil
}

// configure returns the configuration of each member.
func configure(dirs []string) ([]*embed.Config, error) {
	configs := make([]*embed.Config, len(dirs))
	initial := ""
	for i, dir := range dirs {
		urls, err := freeURLs(2)
		if err != nil {
			return nil, err
		}
		c := embed.NewConfig()
		c.Name, c.Dir = fmt.Sprintf("m%d", i+1), dir
		c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
		c.QuotaBackendBytes, c.MaxTxnOps = quotaBytes, txnOpsMax
		c.ListenClientUrls, c.AdvertiseClientUrls = urls[:1], urls[:1]
		c.ListenPeerUrls, c.AdvertisePeerUrls = urls[1:], urls[1:]
		if i > 0 {
			initial += ","
		}
		initial += c.Name + "=" + urls[1].String()
		configs[i] = c
	}
	for _, c := range configs {
		c.InitialCluster = initial
	}
	return configs, nil
}

// freeURLs returns loopback URLs whose ports nobody uses at the moment.
func freeURLs(n int) ([]url.URL, error) {
	urls := make([]url.URL, n)
	for i := range urls {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // only now, so that no port is drawn twice
		urls[i] = url.URL{Scheme: "http", Host: l.Addr().String()}
	}
	return urls, nil
}

// URL returns where clients reach the member.
func (m *Member) URL() string { return m.client }

// Client returns a client of this member alone, with a connection of its own.
func (m *Member) Client() (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints: []string{m.client}, DialTimeout: readyMax, Logger: zap.NewNop(),
	})
}

// Close stops the member.
func (m *Member) Close() { m.server.Close() }
