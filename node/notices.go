package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/scalesmall/ssnode/antientropy"
	"github.com/scalesmall/ssnode/delta"
)

// notice writes what the protocol has to tell into the log, and takes note of
// what concerns the node.
func (n *Node) notice(x antientropy.Notice) {
	if x.Kind == antientropy.NoticeIdentified {
		n.identity.confirm()
		n.keeper.poke()
	}
	if x.Kind == antientropy.NoticeDiverged {
		n.log.Error("states have diverged: this node and a peer have seen the same and hold something else; a directory was copied or rolled back unnoticed, or memory or a disk is at fault; "+
			"they are made equal again, see `ssnode diff`", "peer", x.Peer, "for example", words(x.Key))
		return
	}
	if x.Kind == antientropy.NoticeBadFrame {
		n.log.Warn("what a member has sent cannot be read; run the same release on all nodes", "peer", x.Peer, "reason", x.Err)
		return
	}
	n.log.Log(context.Background(), levelOf(x), x.String())
}

// words says which claim an entry is about, or which key it has.
func words(k delta.Key) string {
	if claim, err := k.Claim(); err == nil {
		return fmt.Sprintf("the claim of %s in keyspace %s from %q on", claim.Node, claim.Keyspace, claim.Range.From)
	}
	return fmt.Sprintf("%q", string(k))
}

func levelOf(x antientropy.Notice) slog.Level {
	if errors.Is(x.Err, ErrClosed) {
		return slog.LevelDebug // all ends
	}
	switch x.Kind {
	case antientropy.NoticeForeign, antientropy.NoticeReadFailed:
		return slog.LevelWarn
	case antientropy.NoticeSessionComplete, antientropy.NoticeLost: // what comes of it is told aloud
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
