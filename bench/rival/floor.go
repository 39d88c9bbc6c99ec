package rival

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/scalesmall/ssnode/client"
	"github.com/scalesmall/ssnode/wire"
	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// Floor is a server that does as little with writes as one may: what comes together
// it appends to a file as so many bytes each, waits for the disk, and answers as a
// node would. It knows nothing of what was written. So it tells how much of a node's
// time is that of the client, of HTTP and of the disk.
type Floor struct {
	file    *os.File
	bytes   int // of one write
	at      int64
	address string
	server  http.Server
	serving chan error

	mu sync.Mutex // of file and at: groups of several streams take turns
}

// floorFileBytes is how far the file is written to, again and again, so that it
// need not grow.
const floorFileBytes = 64 << 20

// StartFloor starts a server that appends so many bytes for each write.
func StartFloor(path string, bytes int) (*Floor, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	f := &Floor{file: file, bytes: bytes, serving: make(chan error, 1)}
	_, err = file.Write(make([]byte, floorFileBytes))
	err = errors.Join(err, file.Sync())
	var l net.Listener
	if err == nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/ops", f.one)
	mux.HandleFunc("POST /v1/ops/stream", f.stream)
	f.address, f.server.Handler = l.Addr().String(), mux
	go func() { f.serving <- f.server.Serve(l) }()
	return f, nil
}

// Client returns a client of the server.
func (f *Floor) Client(o client.Options) (*client.Client, error) { return client.New(f.address, o) }

// Close ends the server at once.
func (f *Floor) Close() error {
	err := f.server.Close()
	<-f.serving
	return errors.Join(err, f.file.Close())
}

// append makes so many writes durable.
func (f *Floor) append(writes int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	const page = 4096
	size := int64(f.bytes * writes)
	if f.at+size > floorFileBytes {
		f.at = 0
	}
	if _, err := f.file.WriteAt(make([]byte, size), f.at); err != nil {
		return err
	}
	f.at += (size + page - 1) / page * page
	return fileutil.Fdatasync(f.file)
}

// one answers a write that comes as a request, as the first of a client does.
func (f *Floor) one(w http.ResponseWriter, r *http.Request) {
	if err := f.append(1); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	b, _ := wire.Marshal(wire.Results{OnDisk: wire.List[string]{"floor"}})
	_, _ = w.Write(b)
}

// stream answers lines until there are no more. What comes while the disk works
// goes together.
func (f *Floor) stream(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if err := control.EnableFullDuplex(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusContinue)
	opening, _ := wire.Marshal(wire.OpsOpening{Node: "floor", LineBytesMax: wire.OpsLineBytesMax, LinesMax: floorLinesMax})
	_, _ = w.Write(append(opening, '\n'))
	_ = control.Flush()

	read := make(chan wire.OpsLine, floorLinesMax)
	go readLines(bufio.NewReaderSize(r.Body, 16<<10), read)
	var text []byte
	for group := takeAll(read); len(group) > 0; group = takeAll(read) {
		if f.append(len(group)) != nil {
			return
		}
		text = text[:0]
		for _, line := range group {
			text = append(answerOf(line).Append(text), '\n')
		}
		_, _ = w.Write(text)
		_ = control.Flush()
	}
}

// floorLinesMax is how many lines are under way at a time, as many as a node lets.
const floorLinesMax = 1024

// readLines sends lines until there are no more.
func readLines(in *bufio.Reader, read chan<- wire.OpsLine) {
	defer close(read)
	for {
		text, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var line wire.OpsLine
		if wire.Unmarshal(bytes.TrimSpace(text), &line) != nil {
			return
		}
		read <- line
	}
}

// takeAll waits for a line and returns it with those that are there; none, if there
// will be no more.
func takeAll(read <-chan wire.OpsLine) (group []wire.OpsLine) {
	line, ok := <-read
	for ok {
		if group = append(group, line); len(group) == floorLinesMax {
			return group
		}
		select {
		case line, ok = <-read:
		default:
			return group
		}
	}
	return group
}

// answerOf returns what a node might answer.
func answerOf(line wire.OpsLine) wire.OpsAnswer {
	a := wire.OpsAnswer{Ref: line.Ref, BatchResult: wire.BatchResult{ID: line.ID, Token: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}
	for _, o := range line.Ops {
		a.Results = append(a.Results, wire.Result{Operation: o, Changed: true, Priority: 10})
	}
	return a
}
