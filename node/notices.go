package node

import (
	"context"
	"errors"
	"log/slog"

	"github.com/scalesmall/ssnode/antientropy"
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
	case antientropy.NoticeForeign, antientropy.NoticeReadFailed:
		return slog.LevelWarn
	case antientropy.NoticeSessionComplete, antientropy.NoticeLost: // what comes of it is told aloud
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
