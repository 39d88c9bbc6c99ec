package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/scalesmall/ssnode/wire"
)

// TestWrite_NotUTF8_IsRefused gives every flag that has text some that is not
// UTF-8, and no node to send it to: it must not come that far.
func TestWrite_NotUTF8_IsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"register", "--node", "\xff\xfe"},
		{"register", "--from", "n\xff"},
		{"register", "--to", "n\xff"},
		{"register", "--key", "n\xff"},
		{"register", "--keyspace", "n\xff"},
		{"increase", "--node", "n\xff", "--by", "1"},
		{"tighten", "--new-to", "n\xff"},
		{"tighten", "--at", "n\xff"},
		{"lookup", "n\xff"},
		{"lookup", "--at-least", "n\xff", "k"},
		{"watch", "--token", "n\xff"},
	} {
		var stdout, stderr bytes.Buffer
		args = append([]string{"ssnode"}, append(args, "--addr", "http://127.0.0.1:1")...)
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
		if code != wire.ExitUsage || stdout.Len() > 0 {
			t.Errorf("%q: exit code %d, %s%s", args, code, &stdout, &stderr)
		}
	}
}
