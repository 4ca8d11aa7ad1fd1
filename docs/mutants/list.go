package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A mutant is one way to break one file, and the tests that shall notice.
type mutant struct {
	name   string
	line   int    // of the list
	file   string // from the root, with slashes
	find   []string
	with   []string
	pkg    string // whose tests run, as ./sim
	tests  string // which of them, as go test -run has it
	breaks string // what is wrong with it, in a sentence
}

var entry = regexp.MustCompile(`^([a-z]+):(?: (.*))?$`)

// parse reads the list. An entry begins with "mutant:"; # begins a comment.
func parse(text string) (all []mutant, err error) {
	names := map[string]bool{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		m := entry.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s:%d: %q is no entry; write it as KEY: VALUE", list, n, line)
		}
		key, value := m[1], m[2]
		if key == "mutant" {
			if names[value] || value == "" {
				return nil, fmt.Errorf("%s:%d: the name %q is empty or taken; give the mutant another one", list, n, value)
			}
			names[value] = true
			all = append(all, mutant{name: value, line: n})
			continue
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("%s:%d: %s comes before the first mutant", list, n, key)
		}
		if !all[len(all)-1].set(key, value) {
			return nil, fmt.Errorf("%s:%d: %s is unknown or given twice; an entry has mutant, breaks, file, find, with and test", list, n, key)
		}
	}
	for i := range all {
		if missing := all[i].missing(); missing != "" {
			return nil, fmt.Errorf("%s:%d: mutant %s has no %s", list, all[i].line, all[i].name, missing)
		}
	}
	return all, nil
}

// set sets one field; find and with may have several lines.
func (m *mutant) set(key, value string) bool {
	one := func(field *string) bool {
		free := *field == ""
		*field = value
		return free
	}
	switch key {
	case "file":
		return one(&m.file)
	case "breaks":
		return one(&m.breaks)
	case "find":
		m.find = append(m.find, value)
		return true
	case "with":
		m.with = append(m.with, value)
		return true
	case "test":
		value, m.tests, _ = strings.Cut(value, " ")
		return one(&m.pkg)
	}
	return false
}

func (m *mutant) missing() string {
	switch "" {
	case m.file:
		return "file"
	case m.breaks:
		return "breaks"
	case m.pkg, m.tests:
		return "test (a package and a pattern)"
	case strings.Join(m.find, ""):
		return "find"
	}
	if m.with == nil {
		return "with (it may be empty)"
	}
	return ""
}

// apply breaks the source of the mutant's file. The text to find must occur exactly once; where it has several lines, the
// space at their beginnings does not count.
func (m *mutant) apply(src string) (string, error) {
	var lines []string
	for _, l := range m.find {
		lines = append(lines, regexp.QuoteMeta(strings.TrimSpace(l)))
	}
	at := regexp.MustCompile(strings.Join(lines, `[ \t]*\n[ \t]*`)).FindAllStringIndex(src, -1)
	if len(at) != 1 {
		return "", fmt.Errorf("%s:%d: mutant %s does not apply: its text occurs %d times in %s and must occur once; "+
			"write its find anew after the code as it is now", list, m.line, m.name, len(at), m.file)
	}
	broken := src[:at[0][0]] + strings.Join(m.with, "\n") + src[at[0][1]:]
	if broken == src {
		return "", fmt.Errorf("%s:%d: mutant %s changes nothing; find and with are the same", list, m.line, m.name)
	}
	return broken, nil
}

// packagesOf lists the packages whose tests the mutants need.
func packagesOf(all []mutant) (pkgs []string) {
	for i := range all {
		if !slices.Contains(pkgs, all[i].pkg) {
			pkgs = append(pkgs, all[i].pkg)
		}
	}
	return pkgs
}

// mechanisms are the folders each file of which must have a mutant.
var mechanisms = []string{"sim/des", "sim/host", "sim/gopacer", "sim/gort", "sim/serve"}

// exempt are files without a mechanism.
var exempt = map[string]string{
	"sim/gort/check.go":    "the invariants: they are what notices",
	"sim/gort/trace.go":    "words of the transcripts",
	"sim/gort/runtime2.go": "types",
}

// withoutMutant lists the files below sim with a function and without a mutant.
func withoutMutant(root fs.FS, all []mutant) (bare []string, err error) {
	for _, dir := range mechanisms {
		files, err := fs.Glob(root, dir+"/*.go")
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			has := slices.ContainsFunc(all, func(m mutant) bool { return m.file == file })
			if has || strings.HasSuffix(file, "_test.go") || exempt[file] != "" {
				continue
			}
			src, err := fs.ReadFile(root, file)
			if err != nil {
				return nil, err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path.Base(file), src, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(f.Decls, func(d ast.Decl) bool { _, ok := d.(*ast.FuncDecl); return ok }) {
				bare = append(bare, file)
			}
		}
	}
	return bare, nil
}
