package main

import (
	"io"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ssnode":     main,
		stuckCommand: loggingThrough(func(w io.Writer) io.Writer { return stuckLog{w} }),
		floodCommand: loggingThrough(func(w io.Writer) io.Writer { return floodLog{w} }),
	})
}
