package gossip

import (
	"sync"
	"time"
)

// Verdict is what becomes of one packet, or one read or write of a stream.
type Verdict struct {
	// Drop loses a packet and breaks a stream.
	Drop bool
	// Delay holds a packet, or the dialling of a stream, for this long.
	Delay time.Duration
}

// Faults decides the fate of what a transport sends, so that two nodes of one
// process can be cut apart without privileges. A stream needs both directions
// to pass, as the packets of a real TCP connection do. The methods are called
// concurrently and may not block.
type Faults interface {
	// Bind tells that the node of that name receives at the address.
	Bind(name, address string)
	// Verdict decides what becomes of bytes on their way between addresses.
	Verdict(from, to string) Verdict
}

type noFaults struct{}

func (noFaults) Bind(string, string)            {}
func (noFaults) Verdict(string, string) Verdict { return Verdict{} }

// Partition is a network between named nodes of one process whose links can
// be cut, delayed and healed while they run. Pass the same Partition to all of
// them as Options.Faults. Use NewPartition.
type Partition struct {
	mu struct {
		sync.RWMutex
		names map[string]string // address → name
		links map[link]Verdict
	}
}

var _ Faults = (*Partition)(nil)

// link is one direction between two nodes.
type link struct{ from, to string }

// NewPartition returns a network whose links all work.
func NewPartition() *Partition {
	p := new(Partition)
	p.mu.names = make(map[string]string)
	p.mu.links = make(map[link]Verdict)
	return p
}

// Cut loses everything between a and b, both ways, UDP and TCP, open streams
// included.
func (p *Partition) Cut(a, b string) {
	p.Set(a, b, Verdict{Drop: true})
	p.Set(b, a, Verdict{Drop: true})
}

// Split cuts every node of one side from every node of the other.
func (p *Partition) Split(side, other []string) {
	for _, a := range side {
		for _, b := range other {
			p.Cut(a, b)
		}
	}
}

// Set decides what becomes of everything from one node to another.
func (p *Partition) Set(from, to string, v Verdict) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.links[link{from, to}] = v
}

// Heal undoes Cut and Set between a and b.
func (p *Partition) Heal(a, b string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.links, link{a, b})
	delete(p.mu.links, link{b, a})
}

// HealAll makes every link work again.
func (p *Partition) HealAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.mu.links)
}

// Bind implements Faults. A node keeps the addresses it had before.
func (p *Partition) Bind(name, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.names[address] = name
}

// Verdict implements Faults.
func (p *Partition) Verdict(from, to string) Verdict {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.mu.links[link{p.mu.names[from], p.mu.names[to]}]
}
