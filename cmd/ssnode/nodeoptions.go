package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/scalesmall/ssnode/node"
	"github.com/scalesmall/ssnode/ranges"
	"github.com/scalesmall/ssnode/store"
	"github.com/scalesmall/ssnode/wire"
)

// gossipKeysMax bounds the keys in a file.
const gossipKeysMax = 16

// nodeOptions turns settings into those of a node. An error names the flag.
func (s settings) nodeOptions(log *slog.Logger) (node.Options, error) {
	o := node.Options{
		DataDir: s.DataDir, Node: s.Node, Cluster: s.Cluster,
		Gossip: s.Gossip, AdvertiseGossip: s.AdvertiseGossip,
		Service: s.Service, Join: s.Join, Insecure: s.Insecure, ReleaseOnExit: s.ReleaseOnExit, Logger: log,
	}
	if s.DataDir == "" {
		return o, usageErrorf("run needs --data-dir, a directory for the node's data; it is made if it is missing")
	}
	var err error
	if o.Node, err = s.nodeName(); err != nil {
		return o, err
	}
	if o.Labels, err = labelsOf(s.Label); err != nil {
		return o, err
	}
	if o.Claims, err = claimsOf(s.Claim); err != nil {
		return o, err
	}
	if o.Retention, err = node.ParseRetention(s.HistoryOwn, s.HistoryOther); err != nil {
		return o, usageErrorf("--history-own, --history-other: %w", err)
	}
	if o.StallAfter, err = stallAfterOf(s.StallAfter); err != nil {
		return o, err
	}
	if s.GossipKeyFile != "" {
		if o.GossipKeys, err = readGossipKeys(s.GossipKeyFile, log); err != nil {
			return o, usageErrorf("--gossip-key-file: %w", err)
		}
	}
	if err := o.Validate(); err != nil {
		return o, usageErrorf("%w", err)
	}
	return o, nil
}

func stallAfterOf(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, usageErrorf("--stall-after %q is not a duration such as 30s", text)
	}
	return d, nil
}

// nodeName returns the name to start with: at the first start that of the host
// if none is given, later none, which takes the one that is stored.
func (s settings) nodeName() (string, error) {
	if s.Node != "" {
		return s.Node, nil
	}
	info, err := os.Stat(filepath.Join(s.DataDir, store.FileName))
	if err == nil && info.Size() > 0 {
		return "", nil
	}
	host, err := os.Hostname()
	if err == nil {
		err = ranges.ValidateName("node", host)
	}
	if err != nil {
		return "", usageErrorf("the host name cannot name the node (%w): give it a name with --node", err)
	}
	return host, nil
}

func labelsOf(texts []string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usageErrorf("--label %q is not of the form NAME=VALUE, for instance zone=a", text)
		}
		if _, ok := out[name]; ok {
			return nil, usageErrorf("--label %s is given twice", name)
		}
		out[name] = value
	}
	return out, nil
}

func claimsOf(texts []string) ([]ranges.Weighted, error) {
	var out []ranges.Weighted
	for _, text := range texts {
		c, err := wire.ParseClaim(text)
		if err != nil {
			return nil, usageErrorf("--claim: %v", err)
		}
		out = append(out, c)
	}
	return out, nil
}

// readGossipKeys reads the keys that encrypt the gossip, the primary first.
func readGossipKeys(name string, log *slog.Logger) ([][]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("others on this machine can read the gossip keys; make the file private with chmod 600", "file", name, "mode", info.Mode().Perm().String())
	}
	return parseGossipKeys(f)
}

func parseGossipKeys(r io.Reader) ([][]byte, error) {
	var keys [][]byte
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(text)
		if n := len(key); err != nil || n != 16 && n != 24 && n != 32 {
			return nil, fmt.Errorf("line %d is not a key: write 16, 24 or 32 random bytes in base64", number)
		}
		if keys = append(keys, key); len(keys) > gossipKeysMax {
			return nil, fmt.Errorf("more than %d keys: remove those that no node uses any more", gossipKeysMax)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no key in it: write 16, 24 or 32 random bytes in base64")
	}
	return keys, nil
}
