package node

import (
	"encoding/base64"
	"fmt"

	"github.com/scalesmall/ssnode/crdt"
	"github.com/scalesmall/ssnode/delta"
)

// tokenBytesMax bounds the text of a token; it has room for the contexts of
// some thirty thousand replicas.
const tokenBytesMax = 1 << 20

// FormatToken returns a context as the opaque text that HTTP and commands
// hand out.
func FormatToken(c crdt.Context) string {
	return base64.RawURLEncoding.EncodeToString(delta.EncodeContext(c))
}

// ParseToken reads what FormatToken wrote. Its errors wrap delta.ErrInvalid.
func ParseToken(s string) (crdt.Context, error) {
	if len(s) > tokenBytesMax {
		return nil, fmt.Errorf("%w token: it has %d characters, at most %d are allowed", delta.ErrInvalid, len(s), tokenBytesMax)
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	// Line breaks and stray bits pass the decoder, so that texts of one token
	// could differ.
	if err != nil || base64.RawURLEncoding.EncodeToString(b) != s {
		return nil, fmt.Errorf("%w token: it is not what a node handed out; copy it whole", delta.ErrInvalid)
	}
	c, err := delta.DecodeContext(b, tokenBytesMax)
	if err != nil {
		return nil, fmt.Errorf("%w token: it is not what a node handed out; copy it whole", delta.ErrInvalid)
	}
	return c, nil
}
