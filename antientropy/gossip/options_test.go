package gossip

import (
	"net"
	"strings"
	"testing"
	"time"
)

func TestOptions_Validate_ReportsAllAtOnce(t *testing.T) {
	t.Parallel()
	o := fast("n1")
	o.Cluster = "test"
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	o = Options{
		Name: strings.Repeat("n", 256), Versions: Versions{Min: 2, Max: 1}, Bind: "nowhere", Advertise: "nowhere",
		Keys: [][]byte{[]byte("short")}, ProbeInterval: time.Second, ProbeTimeout: time.Minute,
		GossipInterval: time.Nanosecond, SuspicionMult: -1, PacketBytes: 10,
	}
	err := o.Validate()
	for _, want := range []string{"Name", "Cluster", "replica", "Versions", "Bind", "Advertise", "key 1", "shorter than 1 ms", "ProbeTimeout", "SuspicionMult", "PacketBytes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 11 || !isError(err, ErrInvalid) {
		t.Errorf("%d problems, want 11: %v", n, err)
	}
	if _, err := Start(o); !isError(err, ErrInvalid) {
		t.Errorf("start: %v", err)
	}
}

func TestStart_Listen_AddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	o := fast("n1")
	o.Cluster, o.Bind = "test", taken.Addr().String()
	if _, err := Start(o); !isError(err, ErrListen) || !strings.Contains(err.Error(), o.Bind) {
		t.Errorf("start at an address in use: %v", err)
	}
	o = fast("n1")
	o.Cluster, o.Advertise = "test", "0.0.0.0:1"
	if _, err := Start(o); !isError(err, ErrInvalid) {
		t.Errorf("start with an address that nobody can reach: %v", err)
	}
}
