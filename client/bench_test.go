package client_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
)

// echo is a node that does nothing about lines of one operation but to answer
// what one answers that has carried them out, those together that are there.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/ops/stream" {
		_, _ = io.WriteString(w, `{"results":[],"token":"T","on_disk":["n1"],"missing":[]}`)
		return
	}
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	w.WriteHeader(http.StatusContinue)
	_, _ = io.WriteString(w, `{"node":"n1","line_bytes_max":1000,"lines_max":1000}`+"\n")
	_ = control.Flush()
	in, out := bufio.NewReaderSize(r.Body, 64<<10), bufio.NewWriterSize(w, 64<<10)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		head, op, _ := bytes.Cut(line, []byte(`"ops":[`))
		_, _ = out.Write(head)
		_, _ = out.WriteString(`"results":[`)
		_, _ = out.Write(bytes.TrimSuffix(op, []byte("}]}\n")))
		_, _ = out.WriteString(`,"changed":true,"priority":7}],"token":"gYJQAAAAAAAAAAAAAAAAAAAAABpJlgLS"}` + "\n")
		if in.Buffered() == 0 {
			_ = out.Flush()
			_ = control.Flush()
		}
	}
}

// BenchmarkWriter_Write_OverTheStream is what one write of many at a time costs a
// client, and HTTP on both sides. Of what it allocates the batch is 160 bytes.
func BenchmarkWriter_Write_OverTheStream(b *testing.B) {
	const writers = 256
	web := httptest.NewServer(http.HandlerFunc(echo))
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
	b.SetParallelism(writers / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := write(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
