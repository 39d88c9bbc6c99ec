package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/scalesmall/ssnode/wire"
)

// checkHost refuses a request that came over loopback under a name that is not
// known to be this machine's. A page can have its own name resolve to 127.0.0.1
// (DNS rebinding); for the browser the node is then of the page's own origin,
// so that http.CrossOriginProtection, which compares names, lets it pass. The
// name is all that tells. An IP literal is no name that anybody can lend, and
// who comes from another machine was let in by who made the node listen there.
func (s *Server) checkHost(r *http.Request) error {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || !isLoopbackAddr(local) {
		return nil
	}
	host := hostOf(r.Host)
	if host == "" || isLiteral(host) || strings.EqualFold(host, "localhost") || strings.EqualFold(host, advertisedHost(s.node.API())) {
		return nil
	}
	return wire.Errorf(wire.CodeForbidden, "%q is not known to be a name of this node: ask 127.0.0.1 or localhost, or have the node tell the name with --advertise-api", host)
}

func isLoopbackAddr(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// hostOf returns the host of HOST or HOST:PORT, an IPv6 address without its
// brackets.
func hostOf(text string) string {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	return strings.TrimSuffix(strings.Trim(text, "[]"), ".")
}

func isLiteral(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// advertisedHost returns the host of the URL, or of the HOST:PORT, at which
// others are told that they reach the node.
func advertisedHost(api string) string {
	if u, err := url.Parse(api); err == nil && u.Host != "" {
		return hostOf(u.Host)
	}
	return hostOf(api)
}
