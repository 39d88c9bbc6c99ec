package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestBatcher_ShowProgress_SaysHowManyAndNoRate(t *testing.T) {
	var shown bytes.Buffer
	b := &batcher{file: "ops.ndjson", bar: newBar(&shown, "ops.ndjson", 1000), operations: 20, bytes: 500}
	b.showProgress()
	text := shown.String()
	if !strings.Contains(text, "ops.ndjson: 20 operations") || !strings.Contains(text, "50%") {
		t.Errorf("half of the file is shown as %q", text)
	}
	if strings.Contains(text, "/s") || strings.Contains(text, "s:") || strings.Contains(text, "s]") {
		t.Errorf("a rate or a time is shown: %q", text)
	}
}

func TestShellQuote_IsOneWord(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:7481": "http://127.0.0.1:7481", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "ü": "'ü'",
	} {
		if got := shellQuote(text); got != want {
			t.Errorf("%q is quoted as %s, want %s", text, got, want)
		}
	}
}
