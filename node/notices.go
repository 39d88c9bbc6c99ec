package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/antientropy/gossip"
)

// notice writes what the protocol has to tell into the log, and takes note of
// what concerns the node.
func (n *Node) notice(x antientropy.Notice) {
	if x.Kind == antientropy.NoticeIdentified {
		n.identity.confirm()
		n.keeper.poke()
	}
	n.log.Log(context.Background(), levelOf(x), x.String())
}

func levelOf(x antientropy.Notice) slog.Level {
	if errors.Is(x.Err, ErrClosed) {
		return slog.LevelDebug // all ends
	}
	switch x.Kind {
	case antientropy.NoticeDiverged:
		return slog.LevelError
	case antientropy.NoticeForeign, antientropy.NoticeAmnesia, antientropy.NoticeReadFailed:
		return slog.LevelWarn
	case antientropy.NoticeSessionComplete:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// conflict ends this node if another process had its name first. One that was
// refused here is told once, though it tries again and again.
func (n *Node) conflict(c gossip.Conflict) {
	if c.Lost {
		n.stopItself(fmt.Errorf("%w: %q is a living member at %s; start with another name and a fresh data directory, or stop that one first", ErrNameTaken, c.Name, c.Gossip))
		return
	}
	if last := n.rival.Swap(&c); last == nil || *last != c {
		n.log.Warn("another process wants to join under this node's name and was refused", "at", c.Gossip, "replica", c.Rival.Replica)
	}
}
