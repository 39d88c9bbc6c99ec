package gossip

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

// TestListen_Unspecified_KeepsTheFamily asks for every address of IPv4, which
// must not open IPv6 as well, nor tell the others an address of it: whoever
// has IPv4 alone could not reach that.
func TestListen_Unspecified_KeepsTheFamily(t *testing.T) {
	o := Options{Name: "n1", Cluster: "c", Bind: "0.0.0.0:0", Advertise: "127.0.0.1:0"}.withDefaults()
	s, err := listen(t.Context(), o, &counters{}, newLogger(o.Logger))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Shutdown() }()
	for what, at := range map[string]netip.AddrPort{
		"TCP": s.tcp.Addr().(*net.TCPAddr).AddrPort(), "UDP": s.udp.LocalAddr().(*net.UDPAddr).AddrPort(),
	} {
		if at.Addr() != netip.IPv4Unspecified() {
			t.Errorf("%s is bound to %s", what, at)
		}
	}
	o.Advertise = ""
	chosen, err := listen(t.Context(), o, &counters{}, newLogger(o.Logger))
	switch {
	case errors.Is(err, ErrInvalid): // this machine has no private address of IPv4
	case err != nil:
		t.Error(err)
	default:
		defer func() { _ = chosen.Shutdown() }()
		if !chosen.advertise.Addr().Is4() {
			t.Errorf("the others are told %s", chosen.advertise)
		}
	}
}
