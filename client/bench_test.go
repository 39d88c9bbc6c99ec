package client_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// echo returns a node that does nothing about lines of batches of one operation but
// to answer what one answers that has carried them out, those together that are
// there. Of a line it takes so many batches, none if it knows no lines of several.
func echo(batchesMax int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/ops/stream" {
			_, _ = io.WriteString(w, `{"results":[],"token":"T","on_disk":["n1"],"missing":[]}`)
			return
		}
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		w.WriteHeader(http.StatusContinue)
		_, _ = fmt.Fprintf(w, `{"node":"n1","line_bytes_max":1000000,"lines_max":1000,"batches_max":%d}`+"\n", batchesMax)
		_ = control.Flush()
		in, out := bufio.NewReaderSize(r.Body, 64<<10), bufio.NewWriterSize(w, 64<<10)
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return
			}
			echoLine(out, line)
			if in.Buffered() == 0 {
				_ = out.Flush()
				_ = control.Flush()
			}
		}
	}
}

// echoLine answers a line.
func echoLine(out *bufio.Writer, line []byte) {
	const ops, ended = `"ops":[`, `}]`
	head, rest, _ := bytes.Cut(line, []byte(ops))
	for {
		_, _ = out.Write(head)
		_, _ = out.WriteString(`"results":[`)
		op, behind, _ := bytes.Cut(rest, []byte(ended))
		_, _ = out.Write(op)
		_, _ = out.WriteString(`,"changed":true,"priority":7` + ended)
		var isMore bool
		if head, rest, isMore = bytes.Cut(behind, []byte(ops)); !isMore {
			break
		}
	}
	_, _ = out.Write(bytes.TrimSuffix(head, []byte("}\n")))
	_, _ = out.WriteString(`,"token":"gYJQAAAAAAAAAAAAAAAAAAAAABpJlgLS"}` + "\n")
}

// BenchmarkWriter_Write_OverTheStream is what one write of many at a time costs a
// client, and HTTP on both sides, each in a line of its own and together. Of what it
// allocates the batch is 160 bytes.
func BenchmarkWriter_Write_OverTheStream(b *testing.B) {
	for name, batchesMax := range map[string]int{"alone": 0, "together": 256} {
		for _, writers := range []int{1, 64, 256} {
			b.Run(fmt.Sprint(name, "/", writers), func(b *testing.B) { benchmarkWriter(b, writers, batchesMax) })
		}
	}
}

func benchmarkWriter(b *testing.B, writers, batchesMax int) {
	web := httptest.NewServer(echo(batchesMax))
	defer web.Close()
	c, err := client.New(web.URL, client.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	w := c.NewWriter(client.WriterOptions{})
	write := func() error {
		_, err := w.Write(context.Background(), wire.Batch{Ops: wire.List[wire.Operation]{{
			Op: wire.OpIncrease, Keyspace: "default", Node: "node-17",
			Bounds: wire.Bounds{From: "000000001267000000", To: new("000000001268000000")}, By: new(int64(1)),
		}}})
		return err
	}
	for isStream := false; !isStream; {
		r, err := c.Write(context.Background(), []wire.Operation{{Op: wire.OpRelease}}, client.WriteOptions{})
		if err != nil {
			b.Fatal(err)
		}
		isStream = len(r.Results) > 0
	}
	b.ReportAllocs()
	b.ResetTimer()
	if writers == 1 {
		for b.Loop() {
			if err := write(); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
	b.SetParallelism(writers / runtime.GOMAXPROCS(0))
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := write(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
