package zst

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func pack(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(name, &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpack(name string, packed []byte) ([]byte, error) {
	r, err := NewReader(name, bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestWriter_RoundTrip(t *testing.T) {
	content := []byte(strings.Repeat("content ", 1000))
	for _, name := range []string{"a.dump", "a.dump.zst"} {
		packed := pack(t, name, content)
		if got := len(packed) < len(content); got != Is(name) {
			t.Errorf("%s: %d bytes became %d", name, len(content), len(packed))
		}
		if got, err := unpack(name, packed); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes came back, %v", name, len(got), err)
		}
	}
}

func TestReader_RefusesWhatWasChangedOrCutOff(t *testing.T) {
	const name = "a.zst"
	packed := pack(t, name, bytes.Repeat([]byte("content of a file "), 300))
	for end := range len(packed) {
		if _, err := unpack(name, packed[:end]); err == nil && end > 0 {
			t.Errorf("cut off at %d of %d it is taken", end, len(packed))
		}
	}
	if _, err := unpack(name, []byte("plain text")); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("plain text: %v", err)
	}
	packed[len(packed)-1]++
	if _, err := unpack(name, packed); err == nil {
		t.Error("with another checksum it is taken")
	}
}
