package lint

import (
	"path"
	"regexp"
	"strings"
)

// textRule is something that no text of the tree may contain. The patterns are
// written so that they do not match themselves.
type textRule struct {
	pattern *regexp.Regexp
	why     string
}

var textRules = []textRule{
	{regexp.MustCompile(`\b(T[O]DO|F[I]XME|X[X]X)\b`), "%s marks what is not done; do it now, or write down in docs/ that it is a limit"},
	{regexp.MustCompile(`(?:^|[^\w.)>/-])(/(?:work|farm|root|home|Users)/[\w.-]*)`), "%s is a path of one machine; use a relative path, a flag or a directory that the test makes"},
}

func checkText(t *Tree) []Problem {
	var found problems
	for _, text := range t.Texts {
		line := 0
		for s := range strings.Lines(text.Body) {
			line++
			for _, rule := range textRules {
				if m := rule.pattern.FindStringSubmatch(s); m != nil {
					found.add(text.Path, line, rule.why, m[1])
				}
			}
		}
	}
	return found.sorted()
}

// link is where a page of Markdown leads, without the part behind a #.
var link = regexp.MustCompile(`\]\(([^)#\s]+)`)

// checkLinks wants every link to another file of the tree to lead somewhere.
func checkLinks(t *Tree) []Problem {
	var found problems
	for _, text := range t.Texts {
		if path.Ext(text.Path) != ".md" {
			continue
		}
		line := 0
		for s := range strings.Lines(text.Body) {
			line++
			for _, m := range link.FindAllStringSubmatch(s, -1) {
				target := path.Join(path.Dir(text.Path), m[1])
				if !strings.Contains(m[1], ":") && !t.Paths[target] {
					found.add(text.Path, line, "the link leads to %s, which is not there; write it, or lead elsewhere", target)
				}
			}
		}
	}
	return found.sorted()
}
