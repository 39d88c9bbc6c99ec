package wire

import (
	"encoding/json"
	"strconv"
)

// BodyBytesMax bounds the body of a request, in bytes.
const BodyBytesMax = 16 << 20

// MemberCount is how many members to wait for: N, counting the one that answers,
// or all that it knows of and that have neither left nor been forgotten.
type MemberCount struct {
	All bool
	N   int
}

// ParseMemberCount reads "all" or a number.
func ParseMemberCount(s string) (MemberCount, error) {
	if s == "all" {
		return MemberCount{All: true}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return MemberCount{}, Errorf(CodeInvalid, "%q is not a number of members: give a number from 0 or \"all\"", s)
	}
	return MemberCount{N: n}, nil
}

// String returns what ParseMemberCount reads.
func (m MemberCount) String() string {
	if m.All {
		return "all"
	}
	return strconv.Itoa(m.N)
}

// IsZero reports whether there is nobody to wait for.
func (m MemberCount) IsZero() bool { return m == MemberCount{} }

// MarshalJSON returns "all" or the number.
func (m MemberCount) MarshalJSON() ([]byte, error) {
	if m.All {
		return json.Marshal("all")
	}
	return json.Marshal(m.N)
}

// UnmarshalJSON reads "all" or a number; null is nobody.
func (m *MemberCount) UnmarshalJSON(data []byte) (err error) {
	switch text := string(data); text {
	case `"all"`:
		m.All, m.N = true, 0
	case "all":
		return Errorf(CodeInvalid, "all must be in quotes: give \"all\" or a number")
	case "null":
		*m = MemberCount{}
	default:
		*m, err = ParseMemberCount(text)
	}
	return err
}

// Batch is operations applied wholly or not at all. An ID seen before is
// answered again, not applied again.
type Batch struct {
	Ops List[Operation] `json:"ops"`
	ID  string          `json:"id,omitempty"`
}

// OpsRequest is the body of POST /v1/ops: one batch in Ops, or several, each
// atomic by itself, in Batches.
type OpsRequest struct {
	Ops     List[Operation] `json:"ops,omitempty"`
	Batches List[Batch]     `json:"batches,omitempty"`
	Wait    MemberCount     `json:"wait,omitzero"`
	// Timeout is a Go duration such as "10s".
	Timeout string `json:"timeout,omitempty"`
}

// LookupRequest is the body of POST /v1/lookup: one key or several.
type LookupRequest struct {
	Keyspace string       `json:"keyspace,omitempty"`
	Key      *string      `json:"key,omitempty"`
	Keys     List[string] `json:"keys,omitempty"`
	AtLeast  Token        `json:"at_least,omitempty"`
	// Timeout, a Go duration such as "10s", bounds the wait for AtLeast.
	Timeout string `json:"timeout,omitempty"`
}

// WatchRequest is the body of POST /v1/watch.
type WatchRequest struct {
	Keyspace string `json:"keyspace,omitempty"`
	// AllKeyspaces stands in place of a keyspace.
	AllKeyspaces bool `json:"all_keyspaces,omitempty"`
	Bounds
	Token Token `json:"token,omitempty"`
}

// WaitRequest is the body of POST /v1/wait.
type WaitRequest struct {
	Token   Token       `json:"token"`
	Members MemberCount `json:"members,omitzero"`
	Timeout string      `json:"timeout,omitempty"`
}
