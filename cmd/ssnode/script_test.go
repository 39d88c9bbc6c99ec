package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// startMax bounds how long a node may take to say where it is, and how long
// anything may take to become so.
const startMax = 20 * time.Second

var updateScripts = flag.Bool("script.update", false, "take what commands print as what scripts expect; read the difference")

// TestCommand_Scripts runs every script of testdata/script against real
// processes. Beside the commands of testscript they have:
//
//	start NAME [flags]         run a node on free ports, at first of a cluster that
//	                           is named after the script; $NAME is the URL of its
//	                           API, $NAME_host its host:port, $NAME_gossip that of
//	                           its gossip
//	halt NAME                  end it with SIGTERM and require exit code 0
//	kill9 NAME                 end it with SIGKILL
//	gone NAME                  wait until it has ended by itself, with exit code 0
//	code N COMMAND…            run a command and require its exit code
//	until REGEXP COMMAND…      run a command until its output matches
//	repeat N FILE TEXT         write N lines, %d standing for their number
//	same COMMAND…              require the output that the command had the last
//	                           time it was asked so
//	gunzip FROM FILE           unpack a fixture of testdata
//	flip FILE TEXT             flip a byte in the entry of a claim from TEXT on
func TestCommand_Scripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *updateScripts,
		Setup:               setupScript,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": cmdStart, "halt": cmdHalt, "kill9": cmdKill9, "gone": cmdGone, "code": cmdCode, "until": cmdUntil,
			"repeat": cmdRepeat, "same": cmdSame, "gunzip": cmdGunzip,
			"flip": cmdFlip,
		},
	})
}

// nodes are the processes of one script, outputs what `same` compares with.
type (
	nodesKey   struct{}
	outputsKey struct{}
	scriptNode struct {
		process  *exec.Cmd
		out, log bytes.Buffer
	}
)

func setupScript(e *testscript.Env) error {
	e.Values[nodesKey{}] = map[string]*scriptNode{}
	e.Values[outputsKey{}] = map[string]string{}
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		return err
	}
	e.Vars = append(e.Vars,
		"TESTDATA="+testdata,
		"LANG=C.UTF-8", "TZ=UTC",
		"SSNODE_ADDR=http://127.0.0.1:1", // never the node of whoever runs the tests
		"KEY4096="+strings.Repeat("k", 4096),
		"KEY4097="+strings.Repeat("k", 4097),
		"KEY5120="+strings.Repeat("k", 5120),
		"NEWLINE=\n",
		"NAME256="+strings.Repeat("n", 256),
	)
	return nil
}

func nodesOf(ts *testscript.TestScript) map[string]*scriptNode {
	return ts.Value(nodesKey{}).(map[string]*scriptNode)
}

func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: start NAME [flags]")
	}
	name := args[0]
	addrFile := ts.MkAbs(name + ".addr")
	ts.Check(os.RemoveAll(addrFile)) // of one that was killed
	line := []string{"run", "--data-dir", name, "--api", "127.0.0.1:0", "--gossip", "127.0.0.1:0", "--addr-file", addrFile}
	if !strings.Contains(strings.Join(args, " "), "--config") {
		line = append(line, "--node", name)
		if _, err := os.Stat(ts.MkAbs(name)); errors.Is(err, fs.ErrNotExist) {
			line = append(line, "--cluster", ts.Name())
		}
	}
	n := &scriptNode{process: exec.Command("ssnode", append(line, args[1:]...)...)}
	n.process.Dir, n.process.Env = ts.MkAbs("."), environment(ts)
	n.process.Stdout, n.process.Stderr = &n.out, &n.log
	ts.Check(n.process.Start())
	ended := make(chan error, 1)
	var once sync.Once
	wait := func() error {
		once.Do(func() { ended <- n.process.Wait() })
		err := <-ended
		ended <- err
		return err
	}
	ts.Defer(func() {
		_ = n.process.Process.Kill()
		_ = wait()
		if n.log.Len() > 0 {
			ts.Logf("[log of %s]\n%s", name, n.log.String())
		}
	})
	nodesOf(ts)[name] = n
	ts.Setenv(name, waitForFile(ts, n, addrFile))
	ts.Setenv(name+"_host", strings.TrimPrefix(ts.Getenv(name), "http://"))
	out, err := commandOf(ts, "ssnode", "status", "--addr", ts.Getenv(name), "-o", "json").Output()
	ts.Check(err)
	ts.Setenv(name+"_gossip", regexp.MustCompile(`"gossip":"([^"]*)"`).FindStringSubmatch(string(out))[1])
}

// environment returns the environment of a script for a process of our own.
func environment(ts *testscript.TestScript) []string {
	var out []string
	for _, name := range []string{"PATH", "TMPDIR", "HOME", "LANG", "TZ", "GOCOVERDIR", "SSNODE_JOIN", "SSNODE_CLAIM", "SSNODE_SERVICE", "SSNODE_LOG_LEVEL"} {
		if value := ts.Getenv(name); value != "" {
			out = append(out, name+"="+value)
		}
	}
	return out
}

func commandOf(ts *testscript.TestScript, name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir, c.Env = ts.MkAbs("."), environment(ts)
	return c
}

func waitForFile(ts *testscript.TestScript, n *scriptNode, file string) string {
	for deadline := time.Now().Add(startMax); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(file); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	_ = n.process.Process.Kill()
	ts.Fatalf("the node did not say where it is")
	return ""
}

func cmdHalt(ts *testscript.TestScript, neg bool, args []string) {
	n := take(ts, neg, args, "halt")
	ts.Check(n.process.Process.Signal(syscall.SIGTERM))
	state, err := n.process.Process.Wait()
	ts.Check(err)
	if state.ExitCode() != 0 {
		ts.Fatalf("%s ended with %s", args[0], state)
	}
}

func cmdKill9(ts *testscript.TestScript, neg bool, args []string) {
	n := take(ts, neg, args, "kill9")
	ts.Check(n.process.Process.Kill())
	_, err := n.process.Process.Wait()
	ts.Check(err)
}

func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	n := take(ts, neg, args, "gone")
	late := time.AfterFunc(startMax, func() { _ = n.process.Process.Kill() })
	defer late.Stop()
	state, err := n.process.Process.Wait()
	ts.Check(err)
	if state.ExitCode() != 0 {
		ts.Fatalf("%s ended with %s", args[0], state)
	}
}

func take(ts *testscript.TestScript, neg bool, args []string, command string) *scriptNode {
	if neg || len(args) != 1 || nodesOf(ts)[args[0]] == nil {
		ts.Fatalf("usage: %s NAME of a node that was started", command)
	}
	n := nodesOf(ts)[args[0]]
	delete(nodesOf(ts), args[0])
	return n
}

func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("the exit code is %d, want %d", got, want)
	}
}

func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP COMMAND…")
	}
	want := regexp.MustCompile("(?m)" + args[0])
	for deadline := time.Now().Add(startMax); ; time.Sleep(20 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		out := ts.ReadFile("stdout")
		if err == nil && want.MatchString(out) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no match for %s in:\n%s", want, out)
		}
	}
}

func cmdRepeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat N FILE TEXT")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(args[2], "%d", fmt.Sprintf("%06d", i+1)) + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o600))
}

func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: [!] same COMMAND…")
	}
	ts.Check(ts.Exec(args[0], args[1:]...))
	outputs, command := ts.Value(outputsKey{}).(map[string]string), strings.Join(args, " ")
	now := ts.ReadFile("stdout")
	before, ok := outputs[command]
	outputs[command] = now
	if ok && (before == now) == neg {
		ts.Fatalf("before it was:\n%s\nnow it is:\n%s", before, now)
	}
}

func cmdGunzip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gunzip FROM FILE")
	}
	f, err := os.Open(args[0])
	ts.Check(err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	ts.Check(err)
	content, err := io.ReadAll(z)
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[1])), 0o700))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), content, 0o600))
}

func cmdFlip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE TEXT")
	}
	content, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	key := []byte("\x01default\x00" + args[1] + "\x00\x01")
	i := bytes.Index(content, key)
	if i < 0 {
		ts.Fatalf("there is no claim from %s in it", args[1])
	}
	for ; i >= 0; i = bytes.Index(content, key) {
		content[i+len(key)-3] ^= 1
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o600))
}
