package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Backup writes to w a copy of the node's data file as it is at one instant.
// An error says that what was written is not all. Progress is told now and
// then how many bytes of how many are; it may be nil.
func (c *Client) Backup(ctx context.Context, w io.Writer, progress func(done, total int64)) error {
	r, err := c.open(ctx, request{method: http.MethodGet, path: "/v1/backup", accept: "*/*"})
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.ContentLength < 0 {
		return fmt.Errorf("the answer to /v1/backup does not say how long it is; check the address")
	}
	body := &watchedBody{body: r.Body, total: r.ContentLength, progress: progress}
	switch n, err := io.Copy(w, body); {
	case body.err != nil:
		return c.unreachable(ctx, fmt.Errorf("its answer was cut off: %w", body.err))
	case err != nil:
		return fmt.Errorf("write the backup: %w", err)
	case n != r.ContentLength:
		return c.unreachable(ctx, fmt.Errorf("its answer was cut off after %d of %d bytes", n, r.ContentLength))
	}
	return nil
}

// watchedBody tells how much was read, and an error of reading from one of
// writing.
type watchedBody struct {
	body        io.Reader
	done, total int64
	progress    func(done, total int64)
	err         error
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if b.done += int64(n); b.progress != nil {
		b.progress(b.done, b.total)
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}
