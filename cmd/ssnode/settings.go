package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/urfave/cli/v2"
)

// settings are what a node is run with, as text. The names in a file are those
// of the flags. What a flag says goes before the environment, that before the
// file, that before the default.
type settings struct {
	DataDir         string   `toml:"data-dir"`
	Node            string   `toml:"node"`
	Cluster         string   `toml:"cluster"`
	API             string   `toml:"api"`
	Gossip          string   `toml:"gossip"`
	AdvertiseAPI    string   `toml:"advertise-api"`
	AdvertiseGossip string   `toml:"advertise-gossip"`
	AddrFile        string   `toml:"addr-file"`
	Service         string   `toml:"service"`
	GossipKeyFile   string   `toml:"gossip-key-file"`
	HistoryOwn      string   `toml:"history-own"`
	HistoryOther    string   `toml:"history-other"`
	StallAfter      string   `toml:"stall-after"`
	LogFormat       string   `toml:"log-format"`
	LogLevel        string   `toml:"log-level"`
	Join            []string `toml:"join"`
	Claim           []string `toml:"claim"`
	Label           []string `toml:"label"`
	Insecure        bool     `toml:"insecure"`
	ReleaseOnExit   bool     `toml:"release-on-exit"`
}

// settingUsage says what a setting is and what it is if nobody says.
type settingUsage struct{ name, usage, value string }

var textSettings = []settingUsage{
	{"data-dir", "the `DIRECTORY` of the node's data; made if it is missing", ""},
	{"node", "`NAME` of the node, stored at the first start (default: the host name)", ""},
	{"cluster", "`NAME` of the cluster, stored at the first start (default: ssnode)", ""},
	{"api", "`HOST:PORT` to serve HTTP at; port 0 picks a free one", "127.0.0.1:7481"},
	{"gossip", "`HOST:PORT` to talk to other nodes at, UDP and TCP; port 0 picks a free one", "127.0.0.1:7480"},
	{"advertise-api", "`URL` at which others reach the HTTP interface, if that differs", ""},
	{"advertise-gossip", "`HOST:PORT` at which others reach the gossip, if that differs", ""},
	{"addr-file", "write the URL of the HTTP interface to this `FILE` when it is served", ""},
	{"service", "`ADDRESS` at which the node serves its users, shown by lookups", ""},
	{"gossip-key-file", "`FILE` with keys that encrypt the gossip, base64, one a line; the first encrypts, all decrypt", ""},
	{"history-own", "how long, and how much, history of its own ranges the node keeps: `AGE,SIZE`", "168h,256MiB"},
	{"history-other", "the most for all other history, which goes as soon as all live members have it, at the latest after this: `AGE,SIZE`", "10m,16MiB"},
	{"stall-after", "end with the stacks of all goroutines when the committer or the protocol stands still for this `DURATION`; a slow disk is only told of", "30s"},
	{"log-format", "`FORMAT`, text or json", "text"},
	{"log-level", "`LEVEL`: debug, info, warn or error", "info"},
}

var listSettings = []settingUsage{
	{"join", "`HOST:PORT` of the gossip of a node to join; may be repeated", ""},
	{"claim", "register `KEYSPACE:[FROM,TO)=PRIORITY` at start; may be repeated", ""},
	{"label", "say `NAME=VALUE` of the node, such as zone=a; may be repeated", ""},
}

var switchSettings = []settingUsage{
	{"insecure", "allow addresses that other machines reach, though nothing protects them", ""},
	{"release-on-exit", "release the node's claims when it stops", ""},
}

// variable returns the environment variable of a flag.
func variable(name string) string {
	return "SSNODE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func settingFlags() []cli.Flag {
	var out []cli.Flag
	for _, s := range textSettings {
		out = append(out, &cli.StringFlag{Name: s.name, Usage: s.usage, Value: s.value, EnvVars: []string{variable(s.name)}})
	}
	for _, s := range listSettings {
		// The library would split the variable at commas, which claims have:
		// it is read in listOf.
		out = append(out, &cli.StringSliceFlag{Name: s.name, Usage: s.usage + " [$" + variable(s.name) + ", one a line]"})
	}
	for _, s := range switchSettings {
		out = append(out, &cli.BoolFlag{Name: s.name, Usage: s.usage, EnvVars: []string{variable(s.name)}})
	}
	return append(out, &cli.StringFlag{Name: "config", Usage: "`FILE` with settings in TOML, named like these flags", EnvVars: []string{variable("config")}})
}

// historyFlags are the settings of what is kept.
func historyFlags() []cli.Flag {
	var out []cli.Flag
	for _, s := range textSettings {
		if strings.HasPrefix(s.name, "history-") {
			out = append(out, &cli.StringFlag{Name: s.name, Usage: s.usage, Value: s.value, EnvVars: []string{variable(s.name)}})
		}
	}
	return out
}

// settingsOf reads the settings from where they are.
func settingsOf(c *cli.Context) (settings, error) {
	var s settings
	if file := c.String("config"); file != "" {
		if err := s.readFile(file); err != nil {
			return settings{}, err
		}
	}
	for name, place := range s.texts() {
		if c.IsSet(name) || *place == "" {
			*place = c.String(name)
		}
	}
	for name, place := range s.lists() {
		if given, ok := listOf(c, name); ok {
			*place = given
		}
	}
	for name, place := range s.switches() {
		if c.IsSet(name) {
			*place = c.Bool(name)
		}
	}
	return s, nil
}

// readFile reads a TOML file and refuses names that do not exist.
func (s *settings) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return usageErrorf("--config: %w", err)
	}
	defer f.Close()
	err = toml.NewDecoder(f).DisallowUnknownFields().Decode(s)
	var unknown *toml.StrictMissingError
	var malformed *toml.DecodeError
	switch {
	case errors.As(err, &unknown):
		return usageErrorf("--config %s: %s", name, unknownNames(unknown))
	case errors.As(err, &malformed):
		line, column := malformed.Position()
		return usageErrorf("--config %s: line %d, column %d: %v", name, line, column, withoutGo(malformed.Error()))
	case err != nil:
		return usageErrorf("--config %s: %w", name, err)
	}
	return nil
}

// fieldOfGo is how the library names the field that a setting is read into.
var fieldOfGo = regexp.MustCompile(` into struct field \S+ of type (\S+)$`)

// withoutGo leaves the names of our types out of what the library says.
func withoutGo(text string) string {
	text = strings.TrimPrefix(text, "toml: ")
	return fieldOfGo.ReplaceAllStringFunc(text, func(found string) string {
		kind := fieldOfGo.FindStringSubmatch(found)[1]
		return " here: give " + orElse(map[string]string{"string": "a text in quotes", "bool": "true or false"}[kind], "a list of texts in brackets")
	})
}

func unknownNames(err *toml.StrictMissingError) string {
	var known []string
	for _, s := range append(append(append([]settingUsage{}, textSettings...), listSettings...), switchSettings...) {
		known = append(known, s.name)
	}
	e := err.Errors[0]
	line, _ := e.Position()
	name := strings.Join(e.Key(), ".")
	return fmt.Sprintf("line %d: there is no setting %q%s; the names are those of the flags, see ssnode run --help", line, name, didYouMean(name, known, ""))
}

// listOf returns the values of a flag that may be repeated, from the command
// line or else from its variable, one a line.
func listOf(c *cli.Context, name string) ([]string, bool) {
	if c.IsSet(name) {
		return c.StringSlice(name), true
	}
	text, ok := os.LookupEnv(variable(name))
	if !ok {
		return nil, false
	}
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out, true
}

func (s *settings) texts() map[string]*string {
	return map[string]*string{
		"data-dir": &s.DataDir, "node": &s.Node, "cluster": &s.Cluster, "api": &s.API, "gossip": &s.Gossip,
		"advertise-api": &s.AdvertiseAPI, "advertise-gossip": &s.AdvertiseGossip, "addr-file": &s.AddrFile,
		"service": &s.Service, "gossip-key-file": &s.GossipKeyFile,
		"history-own": &s.HistoryOwn, "history-other": &s.HistoryOther, "stall-after": &s.StallAfter,
		"log-format": &s.LogFormat, "log-level": &s.LogLevel,
	}
}

func (s *settings) lists() map[string]*[]string {
	return map[string]*[]string{"join": &s.Join, "claim": &s.Claim, "label": &s.Label}
}

func (s *settings) switches() map[string]*bool {
	return map[string]*bool{"insecure": &s.Insecure, "release-on-exit": &s.ReleaseOnExit}
}
