package lab_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The rules of the house that a machine can check. Prose with the reasons: CONTRIBUTING.md and docs/adr.

const module = "github.com/gmplab/lab"

// A room is what one folder may import beside the standard library: folders of ours ("sim/..." with all below it) and
// modules, by prefix.
type room struct {
	ours, modules []string
	c             bool // may contain C
}

// mayImport is the import table. A star stands for one folder that has no row of its own. "." is the root package.
// Tests may import besides: testify, and everything below their own top folder.
var mayImport = map[string]room{
	".":                     {modules: []string{"github.com/goccy/go-yaml"}},
	"cmd/gmplab":            {ours: []string{".", "realrun/...", "experiments", "experiments/accuracy", "experiments/all", "experiments/figure", "experiments/reference", "sim", "sim/gort", "sim/tricolor"}, modules: []string{"github.com/spf13/", "charm.land/lipgloss/v2", "github.com/schollz/progressbar/v3", "golang.org/x/term", "github.com/google/renameio/v2"}},
	"sim":                   {ours: []string{".", "sim/serve", "sim/gort", "sim/host", "sim/des"}},
	"sim/des":               {},
	"sim/host":              {ours: []string{".", "sim/des"}},
	"sim/gopacer":           {ours: []string{"."}},
	"sim/gort":              {ours: []string{".", "sim/gopacer", "sim/host", "sim/des"}},
	"sim/serve":             {ours: []string{".", "sim/gort", "sim/host", "sim/des"}},
	"sim/theory":            {ours: []string{"."}, modules: []string{"gonum.org/v1/gonum"}},
	"sim/tricolor":          {ours: []string{"."}},
	"realrun":               {ours: []string{".", "realrun/..."}, modules: []string{"golang.org/x/sys"}},
	"realrun/ort":           {ours: []string{"."}, modules: []string{"github.com/yalue/onnxruntime_go", "github.com/google/renameio/v2", "golang.org/x/sys"}},
	"realrun/native":        {c: true},
	"realrun/model":         {ours: []string{"."}},
	"realrun/observe":       {ours: []string{"."}, modules: []string{"golang.org/x/sys", "golang.org/x/exp/trace"}},
	"realrun/calibrate":     {ours: []string{".", "realrun/ort", "realrun/native", "realrun/model", "realrun/observe"}, modules: []string{"github.com/google/renameio/v2", "golang.org/x/sys"}},
	"experiments":           {ours: []string{".", "experiments/stats", "experiments/figure"}, modules: []string{"golang.org/x/perf", "golang.org/x/sync", "github.com/google/renameio/v2"}},
	"experiments/stats":     {ours: []string{"."}, modules: []string{"gonum.org/v1/gonum", "golang.org/x/perf"}},
	"experiments/figure":    {modules: []string{"gonum.org/v1/plot", "golang.org/x/image", "github.com/google/renameio/v2"}},
	"experiments/exptest":   {ours: []string{".", "experiments", "experiments/reference", "sim", "sim/gort"}, modules: []string{"github.com/stretchr/testify"}},
	"experiments/accuracy":  {ours: []string{".", "experiments", "experiments/stats", "experiments/figure"}},
	"experiments/all":       {ours: []string{"experiments", "experiments/*"}},
	"experiments/*":         {ours: []string{".", "experiments", "sim", "sim/gort", "sim/tricolor"}},
	"experiments/reference": {ours: []string{"."}},
	"docs/gen":              {ours: []string{"."}},
	"docs/mutants":          {},
}

// roomOf gives the row of the table for a folder.
func roomOf(dir string) (room, bool) {
	if r, ok := mayImport[dir]; ok {
		return r, true
	}
	r, ok := mayImport[path.Join(path.Dir(dir), "*")]
	return r, ok
}

// allows tells whether a pattern of the table covers a folder.
func allows(pattern, dir string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == below || strings.HasPrefix(dir, below+"/")
	}
	matched, _ := path.Match(pattern, dir)
	return matched
}

// A house is the Go source of one folder.
type house struct {
	dir   string // "." is the root
	fset  *token.FileSet
	files []*ast.File
	lines []int       // of each file
	info  *types.Info // of the files that are not tests; only below sim
	error []string    // why the types could not be found
}

func (h *house) name(n ast.Node) string { return h.fset.Position(n.Pos()).Filename }

func (h *house) isTest(f *ast.File) bool { return strings.HasSuffix(h.name(f), "_test.go") }

func (h *house) at(n ast.Node, format string, args ...any) string {
	p := h.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...))
}

// shipped yields the files that are not tests.
func (h *house) shipped(yield func(*ast.File) bool) {
	for _, f := range h.files {
		if !h.isTest(f) && !yield(f) {
			return
		}
	}
}

func (h *house) inSim() bool { return allows("sim/...", h.dir) }

// A ban is a rule: check names every breach as file:line, what is wrong and what to do. Each ban holds a source that it
// must refuse, so that it is known to be able to fail, and what looks alike but is right.
type ban struct {
	name   string
	check  func(*house) []string
	refuse []snippet
	accept []snippet
}

type snippet struct{ file, src string }

var bans = []ban{
	{"imports", imports, []snippet{
		{"sim/x.go", `package sim; import _ "github.com/gmplab/lab/realrun"`},
		{"sim/gort/x_test.go", `package gort; import _ "github.com/gmplab/lab/realrun/ort"`},
		{"realrun/x.go", `package realrun; import _ "github.com/gmplab/lab/sim"`},
		{"sim/des/x.go", `package des; import _ "github.com/gmplab/lab/sim/gort"`},
		{"experiments/x.go", `package experiments; import _ "github.com/gmplab/lab/sim"`},
		{"experiments/batching/x.go", `package batching; import _ "github.com/gmplab/lab/realrun"`},
		{"x.go", `package lab; import _ "github.com/gmplab/lab/sim"`},
		{"x.go", `package lab; import _ "github.com/spf13/cobra"`},
		{"sim/x.go", `package sim; import _ "github.com/goccy/go-yaml"`},
		{"experiments/stats/x.go", `package stats; import _ "gonum.org/v1/plot"`},
		{"realrun/x.go", `package realrun; import _ "github.com/yalue/onnxruntime_go"`},
		{"realrun/ort/x.go", `package ort; import "C"`},
		{"newfolder/x.go", `package newfolder`},
	}, []snippet{
		{"sim/x_test.go", `package sim_test; import _ "github.com/gmplab/lab/sim/theory"; import _ "github.com/stretchr/testify/assert"`},
		{"experiments/batching/x.go", `package batching; import _ "github.com/gmplab/lab/sim/gort"`},
		{"realrun/native/x.go", `package native; import "C"`},
	}},
	{"package names", packageNames, []snippet{
		{"sim/util/x.go", `package util`}, {"sim/x.go", `package helpers`}, {"common/x.go", `package c`},
		{"types/x.go", `package types`}, {"realrun/manager/x.go", `package manager`},
	}, []snippet{{"sim/des/x.go", `package des`}}},
	{"package comments", packageComments, []snippet{{"sim/x.go", `package sim`}},
		[]snippet{{"sim/x.go", "// Package sim predicts.\npackage sim"}, {"sim/x_test.go", `package sim_test`}}},
	{"doc comments", docComments, []snippet{
		{"sim/x.go", "package sim\nfunc F() {}"}, {"sim/x.go", "package sim\ntype T int"},
		{"sim/x.go", "package sim\nvar V int"}, {"sim/x.go", "package sim\nconst (\nC = 1\n)"},
		{"sim/x.go", "package sim\n// T is.\ntype T int\nfunc (t *T) M() {}"},
	}, []snippet{{"sim/x.go", "package sim\n// F is.\nfunc F() {}\ntype t int\nfunc (t) M() {}\n// All.\nconst (\nC = 1\n)\nconst (\nD = 2 // is\n)"}}},
	{"init", noInit, []snippet{{"sim/x.go", "package sim\nfunc init() {}"}, {"realrun/x_test.go", "package realrun\nfunc init() {}"}},
		[]snippet{{"sim/x.go", "package sim\ntype t int\nfunc (t) init() {}"}}},
	{"panic", noPanic, []snippet{
		{"sim/x.go", "package sim\nfunc f() { panic(1) }"},
		{"sim/x.go", "package sim\nvar f = func() { panic(1) }"},
		{"sim/x.go", "package sim\nfunc throw() { panic(1); panic(2) }"},
	}, []snippet{{"sim/x.go", "package sim\nfunc throw(s string) { panic(s) }"}}},
	{"length", length, []snippet{
		{"sim/x.go", "package sim\nfunc f() {" + strings.Repeat("\n", 70) + "}"},
		{"sim/x.go", "package sim" + strings.Repeat("\n", 501)},
	}, []snippet{
		{"sim/x.go", "package sim\nfunc f() {" + strings.Repeat("\n", 69) + "}"},
		{"sim/x.go", "package sim\n//house:table\nvar x int" + strings.Repeat("\n", 500)},
		{"sim/x.go", "package sim\n\n//house:table\nfunc f() {" + strings.Repeat("\n", 70) + "}"},
		{"sim/x.go", "// Code generated by x. DO NOT EDIT.\n\npackage sim" + strings.Repeat("\n", 500)},
		{"sim/x_test.go", "package sim" + strings.Repeat("\n", 500)},
	}},
	{"one virtual clock, one goroutine, one order", pureSim, []snippet{
		{"sim/x.go", "package sim\nimport \"time\"\nvar T = time.Now()"},
		{"sim/x.go", "package sim\nimport clock \"time\"\nvar now = clock.Now"},
		{"sim/gort/x.go", "package gort\nimport \"time\"\nfunc f() { time.Sleep(1) }"},
		{"sim/x.go", "package sim\nimport \"time\"\nfunc f(t time.Time) { _, _ = time.Since(t), time.After(1) }"},
		{"sim/des/x.go", "package des\nfunc f() { go f() }"},
		{"sim/x.go", "package sim\nfunc f(m map[int]int) { for range m {} }"},
		{"sim/x.go", "package sim\ntype t map[int]int\nfunc f(x struct{ m t }) { for k := range x.m { _ = k } }"},
		{"sim/x.go", "package sim\nfunc f[M ~map[int]int](m M) { for range m {} }"},
		{"sim/x.go", "package sim\nimport \"maps\"\nfunc f(m map[int]int) { for range maps.Keys(m) {} }"},
		{"sim/x.go", "package sim\nimport \"log\"\nfunc f() { log.Print() }"},
		{"sim/x.go", "package sim\nimport _ \"log/slog\""},
		{"sim/x.go", "package sim\nimport \"math/rand\"\nvar r = rand.New(rand.NewSource(1))"},
		{"sim/x.go", "package sim\nimport \"math/rand/v2\"\nvar r = rand.IntN(3)"},
	}, []snippet{
		{"sim/x.go", "package sim\nimport \"math/rand/v2\"\nvar r = rand.New(rand.NewPCG(1, 2)).IntN(3)"},
		{"sim/x.go", "package sim\nimport \"time\"\nfunc f(s []int, d time.Duration) { for range s {}; _ = d.String() }"},
		{"sim/x.go", "package sim\nimport (\"maps\"; \"slices\")\nfunc f(m map[int]int) { for range slices.Sorted(maps.Keys(m)) {} }"},
		{"realrun/x.go", "package realrun\nimport \"time\"\nvar T = time.Now()"},
	}},
}

// TestHouse applies every ban to the whole tree.
func TestHouse(t *testing.T) {
	tree := readTree(t)
	for _, b := range bans {
		t.Run(b.name, func(t *testing.T) {
			for _, h := range tree {
				for _, bad := range b.check(h) {
					t.Error(bad)
				}
			}
		})
	}
}

// TestBansRefuse shows that each ban can fail, and that it fails for nothing else.
func TestBansRefuse(t *testing.T) {
	for _, b := range bans {
		require.NotEmpty(t, b.refuse, "ban %q has no source that it must refuse", b.name)
		for _, s := range b.refuse {
			h := readSnippet(t, s)
			if b.name != "imports" {
				require.Empty(t, h.error, "the source itself is wrong")
			}
			bad := b.check(h)
			require.NotEmptyf(t, bad, "ban %q lets this pass in %s:\n%s", b.name, s.file, s.src)
			assert.Regexp(t, `^`+regexp.QuoteMeta(s.file)+`:\d+: `, bad[0], "a breach names its place")
		}
		for _, s := range b.accept {
			assert.Emptyf(t, b.check(readSnippet(t, s)), "ban %q refuses this in %s:\n%s", b.name, s.file, s.src)
		}
	}
}

func imports(h *house) (bad []string) {
	r, ok := roomOf(h.dir)
	if !ok {
		return []string{h.at(h.files[0], "folder %s has no row in the import table; add one to mayImport in house_test.go", h.dir)}
	}
	top, _, _ := strings.Cut(h.dir, "/")
	for _, f := range h.files {
		ours, modules := r.ours, r.modules
		if h.isTest(f) {
			ours, modules = append(slices.Clone(ours), h.dir), append(slices.Clone(modules), "github.com/stretchr/testify")
			if top != "." {
				ours = append(ours, top+"/...")
			}
		}
		for _, spec := range f.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			if !importAllowed(p, ours, modules, r.c) {
				bad = append(bad, h.at(spec, "imports %s; %s may import of ours %v and of modules %v (the table is mayImport in house_test.go)",
					p, h.dir, ours, modules))
			}
		}
	}
	return bad
}

func importAllowed(p string, ours, modules []string, c bool) bool {
	if p == "C" {
		return c
	}
	if dir, ok := strings.CutPrefix(p, module); ok {
		dir = cmp.Or(strings.TrimPrefix(dir, "/"), ".")
		return slices.ContainsFunc(ours, func(pattern string) bool { return allows(pattern, dir) })
	}
	first, _, _ := strings.Cut(p, "/")
	standard := !strings.Contains(first, ".")
	return standard || slices.ContainsFunc(modules, func(prefix string) bool {
		return p == prefix || strings.HasPrefix(p, strings.TrimSuffix(prefix, "/")+"/")
	})
}

func packageNames(h *house) (bad []string) {
	banned := []string{"util", "utils", "common", "helper", "helpers", "types", "manager"}
	for _, f := range h.files {
		name := strings.TrimSuffix(f.Name.Name, "_test")
		if slices.Contains(banned, name) || slices.Contains(banned, path.Base(h.dir)) {
			bad = append(bad, h.at(f, "a package must not be called %q; name it by what it provides", name))
		}
	}
	return bad
}

func packageComments(h *house) []string {
	var first *ast.File
	for f := range h.shipped {
		first = cmp.Or(first, f)
		if f.Doc != nil {
			return nil
		}
	}
	if first == nil {
		return nil
	}
	return []string{h.at(first, "package %s has no package comment; say in doc.go what it provides", first.Name.Name)}
}

func docComments(h *house) (bad []string) {
	missing := func(id *ast.Ident, docs ...*ast.CommentGroup) {
		if id.IsExported() && !slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d.Text() != "" }) {
			bad = append(bad, h.at(id, "exported %s has no doc comment; say what it is, its unit and its errors", id.Name))
		}
	}
	for f := range h.shipped {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil || ast.IsExported(receiver(d)) {
					missing(d.Name, d.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						missing(s.Name, d.Doc, s.Doc)
					case *ast.ValueSpec:
						for _, id := range s.Names {
							missing(id, d.Doc, s.Doc, s.Comment)
						}
					}
				}
			}
		}
	}
	return bad
}

// receiver names the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	typ := d.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}

func noInit(h *house) (bad []string) {
	for _, f := range h.files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				bad = append(bad, h.at(fn, "init function; let the one who needs it call it by name"))
			}
		}
	}
	return bad
}

// noPanic lets panic stand once in a function called throw, for our own bugs, as the runtime has it.
func noPanic(h *house) (bad []string) {
	for f := range h.shipped {
		for _, d := range f.Decls {
			fn, _ := d.(*ast.FuncDecl)
			allowed := 0
			if fn != nil && fn.Name.Name == "throw" {
				allowed = 1
			}
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
					if allowed--; allowed < 0 {
						bad = append(bad, h.at(call, "panic; return an error for bad input, call throw for a bug of our own"))
					}
				}
				return true
			})
		}
	}
	return bad
}

func length(h *house) (bad []string) {
	const table = "//house:table"
	for i, f := range h.files {
		if h.isTest(f) || ast.IsGenerated(f) {
			continue
		}
		isTable := false
		for _, g := range f.Comments {
			isTable = isTable || slices.ContainsFunc(g.List, func(c *ast.Comment) bool { return c.Text == table })
		}
		if h.lines[i] > 500 && !isTable {
			bad = append(bad, h.at(f, "%d lines; a file has at most 500 (mark a table with %s)", h.lines[i], table))
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Doc != nil && slices.ContainsFunc(fn.Doc.List, func(c *ast.Comment) bool { return c.Text == table }) {
				continue
			}
			if n := h.fset.Position(fn.End()).Line - h.fset.Position(fn.Pos()).Line + 1; n > 70 {
				bad = append(bad, h.at(fn, "%s has %d lines; a function has at most 70 (mark a table with %s)", fn.Name.Name, n, table))
			}
		}
	}
	return bad
}

// clock lists the functions of package time that read or wait for the real clock.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// pureSim keeps the simulator a function of its input. It has the types of every expression, so that an alias, a method
// value or a named map type does not slip through.
func pureSim(h *house) (bad []string) {
	if !h.inSim() {
		return nil
	}
	if len(h.error) > 0 {
		return h.error[:1]
	}
	for f := range h.shipped {
		for _, spec := range f.Imports {
			switch p, _ := strconv.Unquote(spec.Path.Value); p {
			case "log", "log/slog", "math/rand":
				bad = append(bad, h.at(spec, "imports %s; the trace is the log, and a lab.Stream is the source of randomness", p))
			}
		}
		sorted := map[ast.Node]bool{} // maps.Keys and maps.Values inside slices.Sorted
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				bad = append(bad, h.at(n, "go statement; the simulator is one goroutine"))
			case *ast.RangeStmt:
				if isMap(h.info.TypeOf(n.X)) {
					bad = append(bad, h.at(n, "ranges over a map, whose order is random; keep a slice, or sort the keys"))
				}
			case *ast.CallExpr:
				if p, name := h.function(n.Fun); p == "slices" && strings.HasPrefix(name, "Sorted") {
					if inner, ok := n.Args[0].(*ast.CallExpr); ok {
						sorted[inner.Fun] = true
					}
				}
			case ast.Expr:
				p, name := h.function(n)
				if why := impure(p, name); why != "" && !sorted[n] {
					bad = append(bad, h.at(n, "%s.%s; %s", path.Base(p), name, why))
				}
				if _, ok := n.(*ast.SelectorExpr); ok && p != "" {
					return false
				}
			}
			return true
		})
	}
	return bad
}

// impure says why a function of the standard library has no place in the simulator; empty if it has.
func impure(p, name string) string {
	switch {
	case p == "time" && slices.Contains(clock, name):
		return "time in the simulator is virtual: use the time of the event"
	case (p == "math/rand" || p == "math/rand/v2") && !strings.HasPrefix(name, "New"):
		return "a global generator; draw from a lab.Stream"
	case p == "maps" && (name == "Keys" || name == "Values" || name == "All"):
		return "the order of a map is random; wrap it in slices.Sorted"
	}
	return ""
}

// function gives package and name of the package-level function that an expression names; empty if it names none.
func (h *house) function(e ast.Expr) (pkg, name string) {
	var id *ast.Ident
	switch e := e.(type) {
	case *ast.SelectorExpr:
		id = e.Sel
	case *ast.Ident:
		id = e
	default:
		return "", ""
	}
	fn, ok := h.info.Uses[id].(*types.Func)
	if !ok || fn.Pkg() == nil || fn.Signature().Recv() != nil {
		return "", ""
	}
	return fn.Pkg().Path(), fn.Name()
}

// isMap tells whether values of the type are maps; a type parameter is one if a type of its constraint is.
func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	if c, ok := t.Underlying().(*types.Interface); ok {
		for i := range c.NumEmbeddeds() {
			switch e := c.EmbeddedType(i).(type) {
			case *types.Union:
				for j := range e.Len() {
					if isMap(e.Term(j).Type()) {
						return true
					}
				}
			default:
				if isMap(e) {
					return true
				}
			}
		}
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// readTree reads every folder with Go files, in order.
func readTree(t *testing.T) []*house {
	byDir := map[string]*house{}
	walk(t, func(file string, src []byte) {
		if path.Ext(file) != ".go" {
			return
		}
		dir := path.Dir(file)
		if byDir[dir] == nil {
			byDir[dir] = &house{dir: dir, fset: token.NewFileSet()}
		}
		byDir[dir].add(t, file, string(src))
	})
	var tree []*house
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		byDir[dir].check(t)
		tree = append(tree, byDir[dir])
	}
	require.NotEmpty(t, tree, "no Go files found")
	return tree
}

func readSnippet(t *testing.T, s snippet) *house {
	h := &house{dir: path.Dir(s.file), fset: token.NewFileSet()}
	h.add(t, s.file, s.src)
	h.check(t)
	return h
}

func (h *house) add(t *testing.T, file, src string) {
	f, err := parser.ParseFile(h.fset, file, src, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	h.files = append(h.files, f)
	h.lines = append(h.lines, strings.Count(src, "\n"))
}

// check finds the types of a folder below sim, with all files that are not tests, whatever their build tags; what
// build tags give twice is not an error here.
func (h *house) check(t *testing.T) {
	if !h.inSim() {
		return
	}
	h.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: importer.ForCompiler(h.fset, "gc", exportData(t)), FakeImportC: true, Error: func(err error) {
		if e, ok := err.(types.Error); ok && !e.Soft && !strings.Contains(e.Msg, "redeclared") && !strings.Contains(e.Msg, "other declaration") &&
			!strings.Contains(e.Msg, "imported and not used") && !strings.Contains(e.Msg, "declared and not used") {
			h.error = append(h.error, fmt.Sprintf("%v; so the rules of the simulator cannot be checked", err))
		}
	}}
	conf.Check(path.Join(module, h.dir), h.fset, slices.Collect(h.shipped), h.info)
}

// exports maps an import path to the compiler's export data, asked once from the go command: for what sim imports and
// for what the snippets do.
var exports = sync.OnceValues(func() (map[string]string, error) {
	args := []string{"list", "-e", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "./sim/...",
		"time", "maps", "slices", "log", "log/slog", "math/rand", "math/rand/v2"}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	m := map[string]string{}
	for line := range strings.Lines(string(out)) {
		p, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		m[p] = file
	}
	return m, nil
})

func exportData(t *testing.T) importer.Lookup {
	m, err := exports()
	require.NoError(t, err)
	return func(p string) (io.ReadCloser, error) {
		if m[p] == "" {
			return nil, fmt.Errorf("no export data for %s", p)
		}
		return os.Open(m[p])
	}
}

// walk visits every file that belongs to the project: not what is hidden, built or produced.
func walk(t *testing.T, visit func(file string, src []byte)) {
	err := fs.WalkDir(os.DirFS("."), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p == "bin" || p == "build" || p == "out" || p == ".git" || d.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || p == ".git" { // a file in a linked work tree
			return nil
		}
		src, err := os.ReadFile(filepath.FromSlash(p))
		if err == nil {
			visit(p, src)
		}
		return err
	})
	require.NoError(t, err)
}

// hosts are the package registries that no file may name: which one to use is the reader's setting. They are put
// together here so that this file does not name them.
var hosts = []string{"proxy." + "golang.org", "sum." + "golang.org", "registry." + "npmjs.org", "registry." + "yarnpkg.com",
	"deb." + "debian.org", "files." + "pythonhosted.org"}

// machinePath finds a path that exists on one machine only.
var machinePath = regexp.MustCompile(`(?:^|[\s"'(=:,` + "`" + `])/(?:work|root|home|Users)/[\w.]`)

func foreign(file string, src []byte) (bad []string) {
	if slices.Contains(src, 0) {
		return nil
	}
	n := 0
	for line := range strings.Lines(string(src)) {
		n++
		for _, h := range hosts {
			if strings.Contains(line, h) {
				bad = append(bad, fmt.Sprintf("%s:%d: names the registry host %s; leave the choice to the reader's settings", file, n, h))
			}
		}
		if m := machinePath.FindString(line); m != "" {
			bad = append(bad, fmt.Sprintf("%s:%d: names a path of one machine (%q); take it out", file, n, strings.TrimSpace(line)))
		}
	}
	return bad
}

// TestNothingOfOneMachine keeps paths of a machine and hosts of package registries out of every text file.
func TestNothingOfOneMachine(t *testing.T) {
	walk(t, func(file string, src []byte) {
		for _, bad := range foreign(file, src) {
			t.Error(bad)
		}
	})
	for _, line := range []string{"see https://" + hosts[0] + "/x", "open(\"/" + "home/someone/x\")", "/" + "root/x", "a\ncd /" + "work/x"} {
		assert.NotEmpty(t, foreign("x.md", []byte(line)), line)
	}
	assert.Empty(t, foreign("x.md", []byte("/sys/fs/cgroup, runtime/proc.go, https://example.com/home/x, the folder work/x")))
}

// TestCommandsOfTheReadme keeps the promise of two commands: both READMEs begin with them, the Makefile has them, CI
// runs the tests as a reader would, and the toolchain is named once.
func TestCommandsOfTheReadme(t *testing.T) {
	read := func(file string) string {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(b)
	}
	makefile := read("Makefile")
	targets := regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(makefile, -1)
	named := func(target string) bool {
		return slices.ContainsFunc(targets, func(m []string) bool { return m[1] == target })
	}
	block := regexp.MustCompile("(?s)```sh\n(.*?)```")
	for _, file := range []string{"README.md", "README.zh.md"} {
		first := block.FindStringSubmatch(read(file))
		require.NotNil(t, first, "%s has no ```sh block", file)
		var cmds []string
		for line := range strings.Lines(first[1]) {
			cmd, _, _ := strings.Cut(line, "#")
			cmds = append(cmds, strings.TrimSpace(cmd))
		}
		assert.Equal(t, []string{"make run", "make test"}, cmds, "%s: the first block is the two commands", file)
		for _, m := range regexp.MustCompile("(?m)(?:`|^)make ([a-z-]+)").FindAllStringSubmatch(read(file), -1) {
			assert.True(t, named(m[1]), "%s names `make %s`, which the Makefile does not have", file, m[1])
		}
	}
	for _, target := range strings.Fields("run test race fuzz lint bench benchcmp ci docs") {
		assert.True(t, named(target), "the Makefile has no target %s", target)
	}
	assert.Regexp(t, `(?m)^ci:(.*\n)(\t\$\(MAKE\).*\n)*\t\$\(MAKE\).* test$`, makefile, "make ci ends with the README's test command")
	assert.Contains(t, read(".ci/run"), "make ci")
	assert.Regexp(t, `(?m)^go `+regexp.QuoteMeta(strings.TrimSpace(read(".go-version")))+`(\.\d+)?$`, read("go.mod"), ".go-version and go.mod name the same Go")
}
