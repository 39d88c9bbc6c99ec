package gossip

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"
)

// Limits and defaults.
const (
	// FrameBytesMax bounds a frame, in bytes.
	FrameBytesMax = 64 << 10
	// CheckBytesMax bounds the payload of SetCheck, in bytes: it must fit
	// into the answer to a ping, beside what memberlist puts there.
	CheckBytesMax = 512
	// NameBytesMax bounds the name of a member and of a cluster, in bytes.
	NameBytesMax = memberlist.LabelMaxSize
	// ProtocolVersion is what this version of the module speaks.
	ProtocolVersion = 1

	// packetBytesMin is what a packet must have room for: memberlist's
	// largest message beside the longest label and the encryption.
	packetBytesMin = 1400
	packetBytesMax = 65_000
)

// Options say how a transport is started.
type Options struct {
	// Name is this node's name, unique in the cluster, 1 to 255 bytes.
	// Required.
	Name string
	// Cluster is the name of the cluster, 1 to 255 bytes. Peers of another
	// are refused. It travels in clear with every packet. Required.
	Cluster string
	// Meta is what this node tells the others about itself. See SetMeta.
	Meta Meta
	// Versions are the protocol versions that this node understands. Peers
	// without one in common are refused. Default: ProtocolVersion alone.
	Versions Versions

	// Lives are what Transport.Lives returned before the last stop. A member
	// that comes back on an older copy of its directory is recognised by them.
	Lives []Life

	// Bind is the address to listen at, host:port, TCP and UDP alike. Port 0
	// takes a free one, see Transport.Addr. 0.0.0.0 is every address of IPv4,
	// no host every address there is. Required.
	Bind string
	// Advertise is the address the others are told, host:port; port 0 means
	// the port of Bind. Default: the address of Bind or, if that is
	// unspecified, this machine's first private address, of IPv4 if Bind is.
	Advertise string
	// Resolver looks up the names of addresses, each time anew. Default: that
	// of the system.
	Resolver *net.Resolver
	// CIDRsAllowed are the networks that peers may have addresses in; empty
	// allows all. Packets and streams from elsewhere are dropped unread.
	CIDRsAllowed []netip.Prefix

	// Keys are AES keys of 16, 24 or 32 bytes. The first encrypts, all may
	// decrypt. Without keys everyone who reaches Bind can read and write the
	// state of the cluster. Default: none.
	Keys [][]byte
	// AcceptPlain accepts what is not encrypted although there are keys, and
	// SendPlain does not encrypt: the two steps by which a running cluster
	// gets its first key. Danger: while set, the keys protect nothing.
	AcceptPlain, SendPlain bool

	// ProbeInterval is how often this node probes one of the others, in
	// turn. Shorter finds the dead sooner. Default: 500 ms.
	ProbeInterval time.Duration
	// ProbeTimeout is how long the answer to a probe may take before other
	// ways are tried. It should exceed the 99th percentile of round trips.
	// Default: 250 ms.
	ProbeTimeout time.Duration
	// SuspicionMult times ProbeInterval times max(1, log10 of the members) is
	// how long a suspected member has to object before it is dead. Default: 6,
	// which with the default ProbeInterval makes 3 s.
	SuspicionMult int
	// GossipInterval is how often broadcasts and membership are passed on to
	// three random members. Default: 100 ms.
	GossipInterval time.Duration
	// PushPullInterval is how often complete membership is exchanged with a
	// random member; it grows with more than 32 members. Default: 15 s.
	PushPullInterval time.Duration
	// StreamTimeout bounds dialling a peer and, again, the whole exchange of
	// one stream. Default: 5 s.
	StreamTimeout time.Duration
	// PacketBytes is the largest UDP payload to send, 1,400 to 65,000 bytes.
	// Danger: packets larger than the network's MTU are lost when any of
	// their fragments is. Default: 1,400.
	PacketBytes int

	// Handler receives what arrives.
	Handler Handler
	// Logger receives this package's lines and memberlist's. Default: none.
	Logger *slog.Logger
	// Faults cuts or delays what this node sends and dials. For tests and
	// demonstrations. Default: none.
	Faults Faults
}

func (o Options) withDefaults() Options {
	if o.Versions == (Versions{}) {
		o.Versions = Versions{Min: ProtocolVersion, Max: ProtocolVersion}
	}
	o.ProbeInterval = cmp.Or(o.ProbeInterval, 500*time.Millisecond)
	o.ProbeTimeout = cmp.Or(o.ProbeTimeout, 250*time.Millisecond)
	o.SuspicionMult = cmp.Or(o.SuspicionMult, 6)
	o.GossipInterval = cmp.Or(o.GossipInterval, 100*time.Millisecond)
	o.PushPullInterval = cmp.Or(o.PushPullInterval, 15*time.Second)
	o.StreamTimeout = cmp.Or(o.StreamTimeout, 5*time.Second)
	o.PacketBytes = cmp.Or(o.PacketBytes, 1400)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Faults == nil {
		o.Faults = noFaults{}
	}
	return o
}

// Validate reports everything that is wrong with the options, or nil. Every
// problem wraps ErrInvalid.
func (o Options) Validate() error {
	o = o.withDefaults()
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w gossip option: "+format, append([]any{ErrInvalid}, args...)...))
	}
	if n := len(o.Name); n == 0 || n > NameBytesMax {
		refuse("Name has %d bytes, want 1 to %d", n, NameBytesMax)
	}
	if n := len(o.Cluster); n == 0 || n > NameBytesMax {
		refuse("Cluster has %d bytes, want 1 to %d", n, NameBytesMax)
	}
	if err := o.Meta.Validate(); err != nil {
		errs = append(errs, err)
	}
	if o.Versions.Min > o.Versions.Max {
		refuse("Versions are %d to %d", o.Versions.Min, o.Versions.Max)
	}
	if _, _, err := net.SplitHostPort(o.Bind); err != nil {
		refuse("Bind %q: %v; want host:port", o.Bind, err)
	}
	if _, _, err := net.SplitHostPort(o.Advertise); err != nil && o.Advertise != "" {
		refuse("Advertise %q: %v; want host:port", o.Advertise, err)
	}
	for i, key := range o.Keys {
		if err := memberlist.ValidateKey(key); err != nil {
			refuse("key %d has %d bytes, want 16, 24 or 32; `ssnode keygen` makes one", i+1, len(key))
		}
	}
	if len(o.Keys) == 0 && (o.AcceptPlain || o.SendPlain) {
		refuse("AcceptPlain and SendPlain say nothing without Keys")
	}
	if min(o.ProbeInterval, o.ProbeTimeout, o.GossipInterval, o.PushPullInterval, o.StreamTimeout) < time.Millisecond {
		refuse("an interval or timeout is shorter than 1 ms")
	}
	if o.ProbeTimeout > o.ProbeInterval {
		refuse("ProbeTimeout %s is longer than ProbeInterval %s", o.ProbeTimeout, o.ProbeInterval)
	}
	if o.SuspicionMult < 1 || o.SuspicionMult > 100 {
		refuse("SuspicionMult is %d, want 1 to 100", o.SuspicionMult)
	}
	if o.PacketBytes < packetBytesMin || o.PacketBytes > packetBytesMax {
		refuse("PacketBytes is %d, want %d to %d", o.PacketBytes, packetBytesMin, packetBytesMax)
	}
	return errors.Join(errs...)
}

// Validate reports what is wrong with the metadata, or nil.
func (m Meta) Validate() error {
	if m.Replica.IsZero() {
		return fmt.Errorf("%w metadata: it names no replica", ErrInvalid)
	}
	if m.Start == (StartID{}) {
		return fmt.Errorf("%w metadata: it names no start", ErrInvalid)
	}
	if len(m.API) > apiBytesMax {
		return fmt.Errorf("%w metadata: the API address has %d bytes, at most %d are allowed", ErrInvalid, len(m.API), apiBytesMax)
	}
	return nil
}
