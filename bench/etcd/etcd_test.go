package etcd_test

import (
	"testing"

	"github.com/scalesmall/ssnode/bench/etcd"
)

func TestStart_ServesAndKeeps(t *testing.T) {
	dir := t.TempDir()
	put(t, dir)
	m, err := etcd.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c, err := m.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer, err := c.Get(t.Context(), "k")
	if err != nil || len(answer.Kvs) != 1 || string(answer.Kvs[0].Value) != "v" {
		t.Fatalf("after a restart the key shows %v, %v; want v", answer, err)
	}
}

func put(t *testing.T, dir string) {
	t.Helper()
	m, err := etcd.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	c, err := m.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Put(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
}
