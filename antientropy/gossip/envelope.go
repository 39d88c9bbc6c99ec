package gossip

import (
	"errors"

	"github.com/scalesmall/ssnode/delta"
)

// Everything this package gives memberlist to carry is in an envelope, since
// memberlist does not tell whom a message is from:
//
//	kind    1 byte
//	n       1 byte     bytes of the name
//	name    n bytes    the sender; of a notice, the member that leaves
//	body    the rest
type kind byte

const (
	kindFrame  kind = 1 // body: the frame
	kindNotice kind = 2 // body: startArray, the start that leaves
	kindState  kind = 3 // body: stateArray; only in push/pull
	kindRival  kind = 4 // body: rivalArray
	kindLegacy kind = 5 // body: an encoded delta
)

// envelopeOverhead is what an envelope adds to its body, beside the name.
const envelopeOverhead = 2

var errEnvelope = errors.New("malformed envelope")

func seal(k kind, name string, body []byte) []byte {
	b := make([]byte, 0, envelopeOverhead+len(name)+len(body))
	b = append(b, byte(k), byte(len(name)))
	b = append(b, name...)
	return append(b, body...)
}

// unseal returns the parts of an envelope. The body shares its bytes.
func unseal(b []byte) (k kind, name string, body []byte, err error) {
	if len(b) < envelopeOverhead {
		return 0, "", nil, errEnvelope
	}
	end := envelopeOverhead + int(b[1])
	if b[1] == 0 || len(b) < end {
		return 0, "", nil, errEnvelope
	}
	return kind(b[0]), string(b[envelopeOverhead:end]), b[end:], nil
}

// startArray is the body of a notice.
type startArray struct {
	_       struct{} `cbor:",toarray"`
	Counter uint64
	Nonce   uint64
}

func encodeStart(s StartID) []byte {
	return delta.Marshal(startArray{Counter: s.Counter, Nonce: s.Nonce})
}

func decodeStart(b []byte) (StartID, error) {
	var a startArray
	err := delta.Unmarshal(b, &a, 64)
	return StartID{Counter: a.Counter, Nonce: a.Nonce}, err
}

const (
	// noticesMax bounds the notices that one push/pull carries.
	noticesMax = 64
	// stateBytesMax bounds the body of one push/pull.
	stateBytesMax = CheckBytesMax + noticesMax*(NameBytesMax+32) + livesTold*lifeBytesMax + 64
)

// stateArray is what this package adds to a push/pull.
type stateArray struct {
	_       struct{} `cbor:",toarray"`
	Check   []byte
	Notices []notice
	// Lives are told in a join alone.
	Lives []lifeArray
}

// notice says that a member under a certain start has said that it leaves.
type notice struct {
	_       struct{} `cbor:",toarray"`
	Name    string
	Counter uint64
	Nonce   uint64
}

func (n notice) start() StartID { return StartID{Counter: n.Counter, Nonce: n.Nonce} }

func decodeState(b []byte) (stateArray, error) {
	var a stateArray
	err := delta.Unmarshal(b, &a, stateBytesMax)
	if err == nil && (len(a.Notices) > noticesMax || len(a.Lives) > livesTold || len(a.Check) > CheckBytesMax) {
		err = errEnvelope
	}
	return a, err
}
