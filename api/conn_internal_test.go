package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/scalesmall/ssnode/node"
)

// pieces are what a connection is given to send, or gives to read, a system call each.
type pieces struct {
	mu  sync.Mutex
	all []string
	err error
}

func (p *pieces) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	p.all = append(p.all, string(b))
	return len(b), nil
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.all) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.all[0])
	if p.all[0] = p.all[0][n:]; p.all[0] == "" {
		p.all = p.all[1:]
	}
	return n, nil
}

func (p *pieces) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.all
	p.all = nil
	return all
}

// TestConn_Hold_SendsInOnePiece: what is written between a hold and its release goes out
// together, in order, and once; all else at once.
func TestConn_Hold_SendsInOnePiece(t *testing.T) {
	out := &pieces{}
	c := &conn{out: out}
	say := func(words ...string) error {
		for _, w := range words {
			if n, err := io.WriteString(c, w); n != len(w) || err != nil {
				return fmt.Errorf("%d of %d: %w", n, len(w), err)
			}
		}
		return nil
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(say("a", "b"))
	must(c.together(func() error {
		return errors.Join(say("c"), c.together(func() error { return say("d", "e") }), say("f"))
	}))
	must(c.together(func() error { return nil }))
	must(say("g"))
	if got := strings.Join(out.take(), "|"); got != "a|b|cdef|g" {
		t.Errorf("sent is %s", got)
	}
	long := strings.Repeat("x", heldMax)
	must(c.together(func() error { return say("h", long, "i") }))
	if got := out.take(); len(got) != 2 || got[0] != "h"+long || got[1] != "i" {
		t.Errorf("%d pieces, more than is held back at most went out in %d", len(got), len(got[0]))
	}
}

// TestConn_Hold_SaysThatItCannotSend: who writes, or releases, is told, and so is whoever
// writes later, as net/http does at the end: a part of an answer must not pass for one.
func TestConn_Hold_SaysThatItCannotSend(t *testing.T) {
	broken, other := errors.New("broken pipe"), errors.New("of the writer")
	for what, write := range map[string]func(c *conn, say func(string) error) error{
		"when released": func(c *conn, say func(string) error) error {
			return c.together(func() error { return say("a") })
		},
		"when it is much": func(c *conn, say func(string) error) error {
			c.hold()
			return say(strings.Repeat("b", heldMax+1))
		},
		"held twice": func(c *conn, say func(string) error) error {
			return c.together(func() error { return c.together(func() error { return say("c") }) })
		},
	} {
		out := &pieces{err: broken}
		c := &conn{out: out}
		say := func(text string) error { _, err := io.WriteString(c, text); return err }
		if err := write(c, say); !errors.Is(err, broken) {
			t.Errorf("%s: %v", what, err)
		}
		out.err = nil
		if err := errors.Join(say("the end"), c.together(func() error { return nil })); !errors.Is(err, broken) || len(out.take()) > 0 {
			t.Errorf("%s: it goes on after that, %v", what, err)
		}
	}
	c := &conn{out: &pieces{err: broken}}
	if err := c.together(func() error { return other }); err != other {
		t.Errorf("an error of who writes is told as %v", err)
	}
	if _, err := io.WriteString(c, "at once"); !errors.Is(err, broken) {
		t.Errorf("at once: %v", err)
	}
	var none *conn
	if err := none.together(func() error { return other }); err != other {
		t.Errorf("without a connection: %v", err)
	}
}

// TestConn_ReadAhead_ReadsWhatIsThere: nothing is lost or changed by reading ahead, from
// wherever it begins, and it takes one call for what is there.
func TestConn_ReadAhead_ReadsWhatIsThere(t *testing.T) {
	text := strings.Repeat("0123456789", aheadBytes/10)
	in := &pieces{all: []string{text, "and more", "the end"}}
	c := &conn{in: in}
	var got bytes.Buffer
	read := func(n int) {
		b := make([]byte, n)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(b[:n])
	}
	read(100)
	c.readAhead()
	c.readAhead() // what was read ahead stays
	read(1)
	if len(in.all) != 2 {
		t.Fatalf("%d pieces are left to read, want 2", len(in.all))
	}
	c.readAhead()
	for got.Len() < len(text)+len("and morethe end") {
		read(4096)
	}
	if got.String() != text+"and morethe end" {
		t.Error("what was read is not what was there")
	}
	if n, err := c.Read(make([]byte, 10)); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
}

// TestConn_Copy_GoesTheSameWay: what is copied to it is held, and what is copied from it
// was read ahead.
func TestConn_Copy_GoesTheSameWay(t *testing.T) {
	all := &pieces{all: []string{"ahead"}}
	c := &conn{in: all, out: all}
	c.readAhead()
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	var rest strings.Builder
	if n, err := io.Copy(&rest, c); n != 4 || err != nil || rest.String() != "head" {
		t.Errorf("of what was read ahead %q is copied, %v", rest.String(), err)
	}
	err := c.together(func() error {
		_, err := io.Copy(c, strings.NewReader("a"))
		return errors.Join(err, func() error { _, err := io.WriteString(c, "b"); return err }())
	})
	if got := strings.Join(all.take(), "|"); got != "ab" || err != nil {
		t.Errorf("sent is %s, %v", got, err)
	}
}

// TestConnOf_IsThatOfTheRequest: only where it is the server's own, and nobody else's.
func TestConnOf_IsThatOfTheRequest(t *testing.T) {
	mine := &conn{}
	for _, test := range []struct {
		major int
		conn  net.Conn
		want  *conn
	}{{1, mine, mine}, {2, mine, nil}, {1, &net.TCPConn{}, nil}, {1, nil, nil}} {
		ctx := t.Context()
		if test.conn != nil {
			ctx = withConn(ctx, test.conn)
		}
		r := (&http.Request{ProtoMajor: test.major}).WithContext(ctx)
		if got := connOf(r); got != test.want {
			t.Errorf("HTTP/%d over %T: %v", test.major, test.conn, got)
		}
	}
}

// counted is a listener whose connections note what they send.
type counted struct {
	net.Listener
	out *pieces
}

func (l counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	own := newConn(c.(*net.TCPConn))
	own.out = io.MultiWriter(l.out, own.TCPConn)
	return own, nil
}

// TestServer_OpsStream_SendsWholeChunks: answers that come together go out in one piece,
// with what HTTP has around them, however long they are.
func TestServer_OpsStream_SendsWholeChunks(t *testing.T) {
	n, err := node.Open(t.Context(), node.Options{DataDir: filepath.Join(t.TempDir(), "data"), Node: "n1", Gossip: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, out, ended := New(n, Options{}), &pieces{}, make(chan error, 1)
	go func() { ended <- s.http.Serve(counted{l, out}) }()
	defer func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-ended
	}()
	reader, writer := io.Pipe()
	r, err := http.Post("http://"+l.Addr().String()+"/v1/ops/stream", typeNDJSON, reader)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	defer writer.Close()
	answers := bufio.NewReader(r.Body)
	next := func() {
		if text, err := answers.ReadString('\n'); err != nil {
			t.Fatalf("%q, %v", text, err)
		}
	}
	next() // the opening
	out.take()
	const lines = 100
	var body strings.Builder
	for i := range lines {
		fmt.Fprintf(&body, `{"ref":%d,"ops":[{"op":"register","from":"k%03d","to":"k%03d~"}]}`+"\n", i, i, i)
	}
	if _, err := io.WriteString(writer, body.String()); err != nil {
		t.Fatal(err)
	}
	for range lines {
		next()
	}
	for i, piece := range out.take() {
		var size int
		if _, err := fmt.Sscanf(piece, "%x\r\n", &size); err != nil {
			t.Fatalf("piece %d begins with %.20q: %v", i, piece, err)
		}
		if want := len(fmt.Sprintf("%x\r\n", size)) + size + len("\r\n"); len(piece) != want {
			t.Errorf("piece %d, of a chunk of %d bytes, has %d, want %d", i, size, len(piece), want)
		}
	}
}
