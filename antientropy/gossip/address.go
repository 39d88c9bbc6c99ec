package gossip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// resolve returns the addresses that host:port stands for. Names are looked
// up anew each time; no host means every address of this machine.
func resolve(ctx context.Context, r *net.Resolver, address string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w address: %v; want host:port", ErrInvalid, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%w address %s: the port is not a number from 0 to 65535", ErrInvalid, address)
	}
	if host == "" {
		return []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port))}, nil
	}
	ips, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	all := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		all[i] = netip.AddrPortFrom(ip.Unmap(), uint16(port))
	}
	return all, nil
}

// resolveOne returns the first address that host:port stands for, of IPv4 if
// there is one: "localhost" is 127.0.0.1.
func resolveOne(ctx context.Context, r *net.Resolver, address string) (netip.AddrPort, error) {
	all, err := resolve(ctx, r, address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, a := range all {
		if a.Addr().Is4() {
			return a, nil
		}
	}
	return all[0], nil
}

// setAdvertise decides which address the others are told.
func (s *socket) setAdvertise(ctx context.Context, r *net.Resolver, wish string) error {
	bound := unmapped(s.tcp.Addr().(*net.TCPAddr).AddrPort())
	if wish != "" {
		told, err := resolveOne(ctx, r, wish)
		if err != nil {
			return fmt.Errorf("resolve advertised gossip address: %w", err)
		}
		if told.Addr().IsUnspecified() {
			return fmt.Errorf("%w gossip option: Advertise %s is no address that others can reach", ErrInvalid, wish)
		}
		if told.Port() == 0 {
			told = netip.AddrPortFrom(told.Addr(), bound.Port())
		}
		s.advertise = told
		return nil
	}
	if !bound.Addr().IsUnspecified() {
		s.advertise = bound
		return nil
	}
	private, err := privateAddress(bound.Addr().Is4())
	if err != nil {
		return err
	}
	s.advertise = netip.AddrPortFrom(private, bound.Port())
	return nil
}

// privateAddress returns the first private address of this machine, only4 of
// IPv4.
func privateAddress(only4 bool) (netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list addresses of this machine: %w", err)
	}
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().IsPrivate() && (prefix.Addr().Is4() || !only4) {
			return prefix.Addr(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%w gossip option: this machine has no private address that others could be told; set Advertise (--advertise-gossip)", ErrInvalid)
}

// FinalAdvertiseAddr implements memberlist.Transport.
func (s *socket) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return s.advertise.Addr().AsSlice(), int(s.advertise.Port()), nil
}
