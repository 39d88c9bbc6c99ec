package wire

import (
	"errors"
	"fmt"
	"testing"
)

// TestCode_Mapping has the table of the outward contract.
func TestCode_Mapping(t *testing.T) {
	for _, want := range []struct {
		code         Code
		status, exit int
	}{
		{"invalid", 400, 2}, {"unauthorized", 401, 1}, {"forbidden", 403, 1}, {"not_found", 404, 3}, {"conflict", 409, 1},
		{"trimmed", 410, 1}, {"too_large", 413, 2}, {"unavailable", 503, 1}, {"internal", 500, 1},
	} {
		if got := want.code.HTTPStatus(); got != want.status {
			t.Errorf("%s has status %d, want %d", want.code, got, want.status)
		}
		if got := want.code.ExitCode(); got != want.exit {
			t.Errorf("%s has exit code %d, want %d", want.code, got, want.exit)
		}
		if got := CodeOfStatus(want.status); got != want.code {
			t.Errorf("status %d is %s, want %s", want.status, got, want.code)
		}
	}
	if c := Code("of a later version"); c.HTTPStatus() != 500 || c.ExitCode() != 1 {
		t.Errorf("an unknown code is %d, %d", c.HTTPStatus(), c.ExitCode())
	}
	for status, want := range map[int]Code{502: CodeUnavailable, 504: CodeUnavailable, 429: CodeUnavailable, 405: CodeInvalid, 501: CodeInternal, 302: CodeInternal} {
		if got := CodeOfStatus(status); got != want {
			t.Errorf("status %d is %s, want %s", status, got, want)
		}
	}
}

func TestCodeOf_Tree(t *testing.T) {
	err := Errorf(CodeConflict, "claim %d", 7)
	if err.Error() != "claim 7" || CodeOf(fmt.Errorf("wrapped: %w", err)) != CodeConflict {
		t.Errorf("%v has code %s", err, CodeOf(err))
	}
	if CodeOf(nil) != "" || CodeOf(errors.New("other")) != CodeInternal {
		t.Error("nil or a foreign error has a wrong code")
	}
}
