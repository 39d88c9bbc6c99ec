package node

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/scalesmall/ssnode/antientropy/gossip"
	"github.com/scalesmall/ssnode/compaction"
	"github.com/scalesmall/ssnode/delta"
	"github.com/scalesmall/ssnode/ranges"
)

// DefaultCluster is the name of a cluster that was given none.
const DefaultCluster = "ssnode"

// Options configure a Node. The zero value of every field but DataDir and Node
// works.
type Options struct {
	// DataDir is the directory of the data; it is made if it is missing.
	DataDir string
	// Node names this member. It is stored at the first start; a different
	// name later is refused. Required at the first start.
	Node string
	// Cluster names the cluster. It is stored at the first start, by default
	// as DefaultCluster; a different name later is refused.
	Cluster string
	// Gossip is the host:port on which members talk to each other, UDP and
	// TCP. Port 0 picks a free one. Default 127.0.0.1:7480.
	Gossip string
	// AdvertiseGossip is the host:port at which others reach Gossip, if that
	// differs.
	AdvertiseGossip string
	// API is the URL at which others reach this node's HTTP interface, told to
	// them as it is. May be set later by SetAPI.
	API string
	// Service is the address at which the node serves its users, and Labels
	// what else it says of itself. They are shown beside lookups.
	Service string
	Labels  map[string]string
	// Join lists gossip addresses of members to join at start, besides those
	// remembered from before. Unreachable ones are tried again for ever.
	Join []string
	// Claims are registered at every start where the directory does not show
	// them; one that is visible keeps its priority. So a claim that was
	// released meanwhile, here or anywhere else, comes back at the next start.
	// One without a node is of this node.
	Claims []ranges.Weighted
	// GossipKeys encrypt all gossip, 16, 24 or 32 bytes each: the first
	// encrypts, all decrypt. Without keys, gossip binds to loopback only,
	// unless Insecure says otherwise.
	GossipKeys [][]byte
	Insecure   bool
	// ReleaseOnExit releases the node's own claims at Close, and gives the
	// others up to three seconds to learn of it.
	ReleaseOnExit bool
	// IdentityWait is how long local writes wait after a restart for all
	// members that this directory knows of to show that it was not rolled back:
	// that they know no more of this replica than the directory does. Past it
	// they go on under a new replica id, which is always safe, but leaves the
	// former one in every context, and its records until they are released and
	// it is forgotten. Reads never wait, nor do writes of a directory that is
	// new, nor of one that has never met another member; these go under a new id
	// at once. Default: 3 s.
	IdentityWait time.Duration
	// StallAfter is for how long the committer or the protocol may stand still
	// with work to do before the node gives up: it dumps the stacks of all
	// goroutines into the log, or hands them to OnStall, and ends without
	// waiting for itself, nor longer than two seconds for who is told: Err wraps
	// ErrStalled, Done is closed. While a transaction waits for the disk it does
	// not give up, but says so. Time in which the process did not run does not
	// count. Default: 30 s; at least 100 ms.
	StallAfter time.Duration
	// OnStall is called with what was found, before anything is logged. A node
	// that can no longer end by itself, say because what it is run in waits for
	// its log, is to be ended by it: arrange that first, write then. Optional.
	OnStall func(*Stall)
	// Retention says what history is kept.
	Retention compaction.Options
	// Logger takes the log. Default: discard.
	Logger *slog.Logger
	// Faults cuts connections on purpose, for tests and the demo.
	Faults gossip.Faults

	// disk stands between the store and the disk; the others are what the
	// constants are named after. Tests change them.
	disk                    func(commit func() error) error
	resolver                *net.Resolver
	watchQueue, partEntries int
	catchUp                 time.Duration
	trimEvery, diskRetry    time.Duration
	rewriteEvery            time.Duration
}

// withDefaults returns a copy with the defaults filled in.
func (o Options) withDefaults() Options {
	if o.Gossip == "" {
		o.Gossip = "127.0.0.1:7480"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Retention = o.Retention.WithDefaults()
	o.IdentityWait = cmp.Or(o.IdentityWait, identityWaitDefault)
	o.StallAfter = cmp.Or(o.StallAfter, stallAfterDefault)
	o.watchQueue = cmp.Or(o.watchQueue, watchQueueDefault)
	o.partEntries = cmp.Or(o.partEntries, partEntriesDefault)
	o.catchUp = cmp.Or(o.catchUp, catchUpDefault)
	o.trimEvery = cmp.Or(o.trimEvery, trimEveryDefault)
	o.diskRetry = cmp.Or(o.diskRetry, diskRetryDefault)
	o.rewriteEvery = cmp.Or(o.rewriteEvery, rewriteEveryDefault)
	return o
}

// Validate reports all problems at once, or nil.
func (o Options) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if o.DataDir == "" {
		bad("the data directory is not named")
	}
	if o.Node != "" {
		problems = append(problems, ranges.ValidateName("node", o.Node))
	}
	if o.Cluster != "" {
		problems = append(problems, ranges.ValidateName("cluster", o.Cluster))
	}
	if err := o.validateGossip(); err != nil {
		problems = append(problems, err)
	}
	for _, address := range o.Join {
		if _, _, err := net.SplitHostPort(address); err != nil {
			bad("address to join %q: want HOST:PORT of one member's gossip: %w", address, err)
		}
	}
	problems = append(problems, o.validateRecord())
	if o.IdentityWait < 0 {
		bad("a negative time to wait for the identity: %s", o.IdentityWait)
	}
	if o.StallAfter != 0 && o.StallAfter < stallAfterMin {
		bad("a node would give up after %s without progress; at least %s are needed", o.StallAfter, stallAfterMin)
	}
	for i, key := range o.GossipKeys {
		if n := len(key); n != 16 && n != 24 && n != 32 {
			bad("gossip key %d has %d bytes; 16, 24 or 32 are needed", i+1, n)
		}
	}
	for _, c := range o.Claims {
		if c.Node == "" {
			c.Node = unnamed
		}
		problems = append(problems, delta.Operation{Verb: delta.VerbRegister, Claim: c.Claim, Amount: c.Priority}.Validate())
	}
	problems = append(problems, o.Retention.Validate())
	return errors.Join(problems...)
}

func (o Options) validateGossip() error {
	host, _, err := net.SplitHostPort(o.Gossip)
	if err != nil {
		return fmt.Errorf("gossip address %q: want HOST:PORT: %w", o.Gossip, err)
	}
	if len(o.GossipKeys) == 0 && !o.Insecure && !IsLoopback(host) {
		return fmt.Errorf("gossip address %q can be reached from other machines, but no gossip key is set; give one with --gossip-key-file (Options.GossipKeys), or say --insecure (Options.Insecure) if everybody on that network is trusted", o.Gossip)
	}
	return nil
}

// IsLoopback reports whether what listens at host is reached from this machine
// only. A name other than localhost may stand for anything, and is not.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// record returns what the options let the node say of itself.
func (o Options) record() delta.NodeRecord {
	return delta.NodeRecord{Name: o.Node, Service: o.Service, API: o.API, Labels: labelsOf(o.Labels)}
}

func (o Options) validateRecord() error {
	record := o.record()
	record.Name = unnamed // its name may not be known before the store is open
	return record.Validate()
}

// unnamed stands for the name of the node where that is checked by itself.
const unnamed = "self"
