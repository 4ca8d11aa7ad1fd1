package main

import (
	"bytes"
	"errors"
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

// Where the page of mechanisms comes from.
const (
	mechanismList = "docs/gen/mechanisms.txt"
	mutantList    = "docs/mutants/mutants.txt"
	modelDir      = "sim/gort"
	transcriptDir = "sim/testdata/transcripts"
)

// A place is functions of one file.
type place struct {
	file      string
	functions []string
}

// A mechanism is an entry of the list.
type mechanism struct {
	name                        string
	line                        int
	model, runtime              []place
	transcripts, notes, mutants []string
}

// readMechanisms reads the list. An entry begins with "mechanism:"; # begins a comment.
func readMechanisms(text string) (all []mechanism, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, _ := strings.Cut(line, ": ")
		words := strings.Fields(value)
		if key == "mechanism" {
			all = append(all, mechanism{name: value, line: n})
			continue
		}
		if len(all) == 0 || len(words) == 0 {
			return nil, fmt.Errorf("%s:%d: %q; begin with mechanism: NAME, and write KEY: VALUE", mechanismList, n, line)
		}
		m := &all[len(all)-1]
		switch key {
		case "model":
			m.model = append(m.model, place{path.Join(modelDir, words[0]), words[1:]})
		case "runtime":
			m.runtime = append(m.runtime, place{words[0], words[1:]})
		case "transcript":
			m.transcripts = words
		case "note":
			m.notes = words
		case "mutants":
			m.mutants = words
		default:
			return nil, fmt.Errorf("%s:%d: key %q is unknown; use mechanism, model, runtime, transcript, note or mutants", mechanismList, n, key)
		}
	}
	for _, m := range all {
		if m.model == nil || m.runtime == nil || m.transcripts == nil || m.mutants == nil {
			return nil, fmt.Errorf("%s:%d: %s lacks a model, a place in the runtime, a transcript or mutants", mechanismList, m.line, m.name)
		}
	}
	return all, nil
}

// missing lists functions that a place names and its file does not have.
func (p place) missing(root fs.FS) (absent []string) {
	src, err := fs.ReadFile(root, p.file)
	if err != nil {
		return []string{p.file}
	}
	f, err := parser.ParseFile(token.NewFileSet(), p.file, src, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	has := map[string]bool{}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			has[fn.Name.Name] = fn.Recv == nil || strings.HasPrefix(p.file, modelDir) // a method of the model by its name alone
			has[receiver(fn)+"."+fn.Name.Name] = true
		}
	}
	for _, name := range p.functions {
		if !has[name] {
			absent = append(absent, p.file+" "+name)
		}
	}
	return absent
}

// receiver names the type of a method.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// killers gives for each mutant the test that kills it, and the mutants in their order.
func killers(text string) (names []string, by map[string]string) {
	by = map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "mutant":
			names = append(names, value)
		case "test":
			_, by[names[len(names)-1]], _ = strings.Cut(value, " ")
		}
	}
	return names, by
}

// matching gives the names that a pattern with * stands for.
func matching(names []string, pattern string) (found []string) {
	re := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !re.MatchString(n) })
}

// mechanisms makes the page of mechanisms. It fails if the list names what is not there, or if a transcript or a file of the model
// belongs to no mechanism.
func mechanisms(root fs.FS, notes []note) ([]byte, error) {
	list, err := fs.ReadFile(root, mechanismList)
	if err != nil {
		return nil, err
	}
	all, err := readMechanisms(string(list))
	if err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(root, mutantList)
	if err != nil {
		return nil, err
	}
	names, by := killers(string(text))
	var wrong []error
	for _, m := range all {
		for _, what := range m.unknown(root, notes, names) {
			wrong = append(wrong, fmt.Errorf("%s:%d: %s: %s is not there; correct the list, or write what is missing", mechanismList, m.line, m.name, what))
		}
	}
	wrong = append(wrong, orphans(root, all)...)
	return mechanismPage(all, names, by), errors.Join(wrong...)
}

// unknown lists what a mechanism names and the project does not have.
func (m *mechanism) unknown(root fs.FS, notes []note, mutants []string) (absent []string) {
	for _, p := range m.model {
		absent = append(absent, p.missing(root)...)
	}
	for _, name := range m.transcripts {
		if _, err := fs.Stat(root, path.Join(transcriptDir, name+".txt")); err != nil {
			absent = append(absent, "transcript "+name)
		}
	}
	for _, name := range m.notes {
		if !slices.ContainsFunc(notes, func(n note) bool { return n.mechanism == name }) {
			absent = append(absent, "note "+name)
		}
	}
	for _, pattern := range m.mutants {
		if len(matching(mutants, pattern)) == 0 {
			absent = append(absent, "mutant "+pattern)
		}
	}
	return absent
}

// around the mechanisms: files of the model that hold none.
var surroundings = []string{"check.go", "check_gc.go", "infer.go", "runtime2.go", "steps.go", "trace.go", "transition.go", "turn.go"}

// orphans are transcripts and files of the model that belong to no mechanism.
func orphans(root fs.FS, all []mechanism) (wrong []error) {
	transcripts, _ := fs.Glob(root, transcriptDir+"/*.txt")
	ops, _ := fs.Glob(root, transcriptDir+"/ops/*.txt")
	for _, file := range append(transcripts, ops...) {
		name := strings.TrimSuffix(strings.TrimPrefix(file, transcriptDir+"/"), ".txt")
		if !slices.ContainsFunc(all, func(m mechanism) bool { return slices.Contains(m.transcripts, name) }) {
			wrong = append(wrong, fmt.Errorf("%s: no mechanism of %s has this transcript; add it to one", file, mechanismList))
		}
	}
	files, _ := fs.Glob(root, modelDir+"/*.go")
	for _, file := range files {
		of := func(m mechanism) bool {
			return slices.ContainsFunc(m.model, func(p place) bool { return p.file == file })
		}
		if !strings.HasSuffix(file, "_test.go") && !slices.Contains(surroundings, path.Base(file)) && !slices.ContainsFunc(all, of) {
			wrong = append(wrong, fmt.Errorf("%s: no mechanism of %s is in this file; add it", file, mechanismList))
		}
	}
	return wrong
}

// mechanismPage lays the mechanisms out, one row each.
func mechanismPage(all []mechanism, names []string, by map[string]string) []byte {
	var b bytes.Buffer
	b.WriteString("<!-- Code generated by docs/gen from " + mechanismList + ". DO NOT EDIT. -->\n\n# The mechanisms of the scheduler\n\n" +
		"Each row is a mechanism of Go's runtime: where the model has it, which functions of the Go tree it follows, which transcript shows it, what is simpler " +
		"than in the runtime, and how it was broken on purpose: mutants, each with the test that notices. `make docs` writes the page from " +
		"[the list](gen/mechanisms.txt) and fails where that names a file, function, transcript, note or mutant that is not there; `make mutants` tries the mutants.\n\n" +
		"| Mechanism | Model | Go runtime | Transcripts | Simplified | Mutants, and the tests that kill them |\n|---|---|---|---|---|---|\n")
	for _, m := range all {
		var transcripts, notes, mutants []string
		for _, t := range m.transcripts {
			transcripts = append(transcripts, fmt.Sprintf("[%s](../%s/%s.txt)", path.Base(t), transcriptDir, t))
		}
		for _, n := range m.notes {
			notes = append(notes, fmt.Sprintf("[%s](fidelity.md#%s)", n, strings.ToLower(n)))
		}
		for _, pattern := range m.mutants {
			for _, name := range matching(names, pattern) {
				if cell := fmt.Sprintf("`%s`: %s", name, strings.ReplaceAll(by[name], "|", " or ")); !slices.Contains(mutants, cell) {
					mutants = append(mutants, cell)
				}
			}
		}
		if notes == nil {
			notes = []string{"nothing"}
		}
		row := []string{m.name, places(m.model, true), places(m.runtime, false), strings.Join(transcripts, "<br>"), strings.Join(notes, "<br>"),
			strings.Join(mutants, "<br>")}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.Bytes()
}

// places writes files and their functions, with links to those of the project.
func places(all []place, link bool) string {
	var cells []string
	for _, p := range all {
		file := p.file
		if link {
			file = fmt.Sprintf("[%s](../%s)", path.Base(p.file), p.file)
		}
		cells = append(cells, file+": `"+strings.Join(p.functions, "`, `")+"`")
	}
	return strings.Join(cells, "<br>")
}
