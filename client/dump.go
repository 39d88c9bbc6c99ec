package client

import (
	"context"
	"net/http"
	"net/url"
)

// Dump calls visit for every line of a dump of everything that the node holds;
// canonical leaves what equal replicas have byte for byte alike. The slice is
// visit's only until it returns.
func (c *Client) Dump(ctx context.Context, canonical bool, visit func(line []byte) error) error {
	query := url.Values{}
	if canonical {
		query.Set("canonical", "true")
	}
	r, err := c.open(ctx, request{method: http.MethodGet, path: "/v1/dump", query: query, accept: typeNDJSON})
	if err != nil {
		return err
	}
	defer r.Body.Close()
	return c.eachLine(ctx, r, visit)
}
