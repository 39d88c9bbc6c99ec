package gossip

import (
	"bytes"
	"testing"

	"github.com/scalesmall/ssnode/delta"
)

func FuzzEnvelope_Unseal_RoundTrip(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(seal(kindFrame, "n1", []byte("frame")))
	f.Add([]byte{1, 0})
	f.Add([]byte{2, 9, 'n'})
	f.Fuzz(func(t *testing.T, b []byte) {
		k, name, body, err := unseal(b)
		if err != nil {
			return
		}
		if name == "" || !bytes.Equal(seal(k, name, body), b) {
			t.Errorf("%x is unsealed as %d, %q, %x", b, k, name, body)
		}
	})
}

func FuzzState_Decode_RoundTrip(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(delta.Marshal(stateArray{Check: []byte("c"), Notices: []notice{{Name: "n1", Counter: 1, Nonce: 2}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := decodeState(b)
		if err != nil {
			return
		}
		if len(a.Notices) > noticesMax || len(a.Check) > CheckBytesMax || !bytes.Equal(delta.Marshal(a), b) {
			t.Errorf("%x is decoded as %+v", b, a)
		}
	})
}

func FuzzMeta_Decode_RoundTrip(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(encodeMeta(Versions{1, 1}, fast("n1").Meta))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, m, err := readMeta(b)
		if err == nil && !bytes.Equal(encodeMeta(v, m), b) {
			t.Errorf("%x is decoded as %v, %+v", b, v, m)
		}
	})
}

func TestState_Decode_IsBounded(t *testing.T) {
	t.Parallel()
	many := stateArray{}
	for range noticesMax + 1 {
		many.Notices = append(many.Notices, notice{Name: "n", Counter: 1, Nonce: 1})
	}
	if _, err := decodeState(delta.Marshal(many)); !isError(err, errEnvelope) {
		t.Errorf("too many notices: %v", err)
	}
	if _, err := decodeState(delta.Marshal(stateArray{Check: make([]byte, CheckBytesMax+1)})); !isError(err, errEnvelope) {
		t.Errorf("too large a check: %v", err)
	}
	if _, err := decodeState(make([]byte, stateBytesMax+1)); !isError(err, delta.ErrCorrupt) {
		t.Errorf("too large a state: %v", err)
	}
}
