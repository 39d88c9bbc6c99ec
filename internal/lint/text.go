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

// page is a page of Markdown that a comment names, from the root of the tree.
var page = regexp.MustCompile(`[\w/.-]+\.md\b`)

// checkLinks wants every link to another file of the tree, and every page that
// a comment names, to be there.
func checkLinks(t *Tree) []Problem {
	var found problems
	for _, text := range t.Texts {
		line := 0
		for s := range strings.Lines(text.Body) {
			line++
			switch path.Ext(text.Path) {
			case ".md":
				checkTargets(t, &found, text.Path, line, s)
			case ".go":
				checkPages(t, &found, text.Path, line, s)
			}
		}
	}
	return found.sorted()
}

func checkTargets(t *Tree, found *problems, of string, line int, text string) {
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		target := path.Join(path.Dir(of), m[1])
		if !strings.Contains(m[1], ":") && !t.Paths[target] {
			found.add(of, line, "the link leads to %s, which is not there; write it, or lead elsewhere", target)
		}
	}
}

func checkPages(t *Tree, found *problems, of string, line int, text string) {
	for _, name := range page.FindAllString(commentOf(text), -1) {
		if !t.Paths[name] {
			found.add(of, line, "the comment names %s, which is not there; name a page from the root of the tree", name)
		}
	}
}

// commentOf returns the comment at the end of a line of Go. Two slashes within
// a text are none: a quote is open before them.
func commentOf(line string) string {
	code, comment, _ := strings.Cut(line, "//")
	code = strings.ReplaceAll(code, `\"`, "")
	if strings.Count(code, `"`)%2 == 1 || strings.Count(code, "`")%2 == 1 {
		return ""
	}
	return comment
}
