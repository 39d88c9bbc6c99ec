package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/scalesmall/ssnode/wire"
)

// WatchOptions choose what to watch and what to do when the node goes away.
type WatchOptions struct {
	Keyspace     string
	AllKeyspaces bool
	Bounds       wire.Bounds
	// Token resumes where it was handed out, on whatever node; "" begins with
	// a snapshot.
	Token wire.Token
	// Resume asks again, with the last token, when the connection is lost, as
	// long as the context lasts. Lines since that token come again. A first
	// connection that fails is an error all the same.
	Resume bool
	// Lost is told why a connection was lost before it is tried again.
	// Optional.
	Lost func(error)
}

// The pause before a lost watch is tried again grows from the first to the
// second and begins anew when lines arrive.
const (
	resumePauseMin = 100 * time.Millisecond
	resumePauseMax = 5 * time.Second
)

// Watch calls visit for every line of a watch until ctx ends, which is no
// error, or until visit returns one. It never ends by itself without an error.
func (c *Client) Watch(ctx context.Context, o WatchOptions, visit func(wire.WatchLine) error) error {
	pause, began := resumePauseMin, false
	for {
		err := c.watchOnce(ctx, o, func(line wire.WatchLine) error {
			pause, began = resumePauseMin, true
			if err := visit(line); err != nil {
				return stopped{err}
			}
			if line.Token != "" {
				o.Token = line.Token
			}
			return nil
		})
		var stop stopped
		switch {
		case errors.As(err, &stop):
			return stop.error
		case ctx.Err() != nil:
			return nil
		case !o.Resume || !began || !isPassing(err):
			return err
		}
		if o.Lost != nil {
			o.Lost(err)
		}
		if !sleep(ctx, pause) {
			return nil
		}
		pause = min(2*pause, resumePauseMax)
	}
}

// isPassing reports whether asking again may help.
func isPassing(err error) bool {
	return errors.Is(err, ErrUnreachable) || wire.CodeOf(err) == wire.CodeUnavailable
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Client) watchOnce(ctx context.Context, o WatchOptions, visit func(wire.WatchLine) error) error {
	body := wire.WatchRequest{Keyspace: o.Keyspace, AllKeyspaces: o.AllKeyspaces, Bounds: o.Bounds, Token: o.Token}
	r, err := c.open(ctx, request{method: http.MethodPost, path: "/v1/watch", body: body, accept: typeNDJSON})
	if err != nil {
		return err
	}
	defer r.Body.Close() // the stream has no end to drain to
	err = c.eachLine(ctx, r, func(text []byte) error {
		var line wire.WatchLine
		if err := json.Unmarshal(text, &line); err != nil {
			return fmt.Errorf("the watch has a line that is not what a node says: %w", err)
		}
		return visit(line)
	})
	if err == nil {
		return c.unreachable(ctx, errors.New("the node ended the watch"))
	}
	return err
}
