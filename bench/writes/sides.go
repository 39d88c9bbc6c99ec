package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/scalesmall/ssnode/bench/etcd"
	"github.com/scalesmall/ssnode/bench/rival"
	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/store"
	"github.com/scalesmall/ssnode/wire"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// sides are all that is compared, each with the same claims.
type sides struct {
	claims int
	value  []byte
	node   *rival.Node
	bolt   *rival.Bolt
	// transport has the connections of the clients that follow, as many as a client
	// has of itself: one for each write under way, until its stream is open.
	transport *http.Transport
	client    *client.Client
	// plain sends every write as a request of its own.
	plain *client.Client
	floor *rival.Floor
	least *client.Client // of floor
	etcd  *etcd.Member
	// etcds are the clients of etcd, each with a connection: one, and those of the
	// side that has one for each writer while it has its turn.
	etcds []*clientv3.Client
}

func openSides(dir string, claims int) (*sides, error) {
	s := &sides{claims: claims, transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	data, err := rival.Fill(dir, claims)
	if err == nil {
		err = s.openBolt(data, filepath.Join(dir, "bolt"))
	}
	if err == nil {
		s.node, err = rival.StartNode(data)
	}
	if err == nil {
		s.client, err = s.node.Client(client.Options{Transport: s.transport})
	}
	if err == nil {
		s.plain, err = s.node.Client(client.Options{Transport: s.transport, NoStream: true})
	}
	if err == nil {
		s.floor, err = rival.StartFloor(filepath.Join(dir, "floor"), len(s.value))
	}
	if err == nil {
		s.least, err = s.floor.Client(client.Options{Transport: s.transport})
	}
	if err == nil {
		err = s.openEtcd(filepath.Join(dir, "etcd"))
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// openBolt gives the bare file what a node has written, and learns from that
// how many bytes one write of a node is.
func (s *sides) openBolt(data, dir string) error {
	if err := os.CopyFS(dir, os.DirFS(data)); err != nil {
		return err
	}
	probe, err := rival.StartNode(dir)
	if err != nil {
		return err
	}
	_, err = probe.Write(context.Background(), []delta.Operation{rival.Increase(0)})
	if err := errors.Join(err, probe.Close()); err != nil {
		return err
	}
	size, err := rival.WrittenBytes(dir, rival.Key(0))
	if err != nil {
		return fmt.Errorf("size of a write in %s: %w", filepath.Join(dir, store.FileName), err)
	}
	s.value = make([]byte, size)
	s.bolt, err = rival.OpenBolt(dir)
	return err
}

func (s *sides) openEtcd(dir string) (err error) {
	if s.etcd, err = etcd.Start(dir); err != nil {
		return err
	}
	if err := s.connect(1); err != nil {
		return err
	}
	return etcd.Fill(context.Background(), s.etcds[0], s.claims, rival.Key, "10")
}

// connect has so many clients of etcd be connected, no more and no fewer.
func (s *sides) connect(clients int) error {
	var errs []error
	for _, c := range s.etcds[min(clients, len(s.etcds)):] {
		errs = append(errs, c.Close())
	}
	s.etcds = s.etcds[:min(clients, len(s.etcds))]
	for len(s.etcds) < clients {
		c, err := s.etcd.Client()
		if err != nil {
			return err
		}
		s.etcds = append(s.etcds, c)
		if _, err := c.Get(context.Background(), rival.Key(0)); err != nil { // which connects it
			return err
		}
	}
	return errors.Join(errs...)
}

// closeIdle closes the connections of ssnode's clients, and of the floor's, but
// those of open streams.
func (s *sides) closeIdle() error {
	s.transport.CloseIdleConnections()
	return nil
}

func (s *sides) close() error {
	errs := []error{s.connect(0)}
	if s.etcd != nil {
		s.etcd.Close()
	}
	for _, c := range []*client.Client{s.client, s.plain, s.least} {
		if c != nil {
			c.Close()
		}
	}
	if s.floor != nil {
		errs = append(errs, s.floor.Close())
	}
	if s.node != nil {
		errs = append(errs, s.node.Close())
	}
	if s.bolt != nil {
		errs = append(errs, s.bolt.Close())
	}
	return errors.Join(errs...)
}

// write is one write of one of many writers.
type write func(writer int) error

// pick returns a claim that only this writer of so many writes to: etcd takes
// no key twice in one transaction.
func (s *sides) pick(writer, writers int) int {
	return rival.Random(s.claims/writers)*writers + writer
}

func (s *sides) inProcess() write {
	return func(int) error {
		_, err := s.node.Write(context.Background(), []delta.Operation{rival.Increase(rival.Random(s.claims))})
		return err
	}
}

func (s *sides) bareBolt() write {
	return func(int) error { return s.bolt.Put(rival.Key(rival.Random(s.claims)), s.value) }
}

// one returns a write of one operation by a call of Client.Write.
func (s *sides) one(c *client.Client, writers int) write {
	return func(writer int) error {
		_, err := c.Write(context.Background(), []wire.Operation{rival.IncreaseText(s.pick(writer, writers))}, client.WriteOptions{})
		return err
	}
}

func (s *sides) coalesced(writers int) write {
	w := s.client.NewWriter(client.WriterOptions{}) // it has nothing to close while nobody writes
	return func(writer int) error {
		_, err := w.Write(context.Background(), wire.Batch{Ops: wire.List[wire.Operation]{rival.IncreaseText(s.pick(writer, writers))}})
		return err
	}
}

func (s *sides) etcdPut(writers, connections int) write {
	return func(writer int) error {
		i := s.pick(writer, writers)
		_, err := s.etcds[writer%connections].Put(context.Background(), rival.Key(i), strconv.Itoa(i))
		return err
	}
}

func (s *sides) etcdGrouped(writers int) write {
	g := etcd.NewGroup(s.etcds[0])
	return func(writer int) error {
		i := s.pick(writer, writers)
		return g.Put(rival.Key(i), strconv.Itoa(i))
	}
}
