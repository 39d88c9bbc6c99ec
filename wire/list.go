package wire

// List is a slice that is [] in JSON when it is nil, never null.
type List[T any] []T

// MarshalJSON returns l as a JSON array.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return Marshal([]T(l))
}

// Token is an opaque text that stands for a state of the cluster: hand it to
// a watch, a wait or an at_least, on any node.
type Token string
