package lab

import (
	"encoding"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/workload.md and docs/machine.md instead of comparing them")

// TestWorkloadPage compares the generated parts of docs/workload.md with the code; with -update it writes them.
func TestWorkloadPage(t *testing.T) {
	p := keyPage{comments: fieldComments(t), ranges: probeRanges()}
	p.rows(reflect.TypeFor[File](), "")
	generatedParts(t, "docs/workload.md", map[string]string{
		"keys":          tableHead + p.table.String(),
		"distributions": tableHead + p.dists.String(),
		"metrics":       metricTable(),
		"batching":      example(t, "batching"),
		"pipeline":      example(t, "pipeline"),
	})
}

// generatedParts compares what stands between the markers of a page with what the code says; with -update it writes it.
func generatedParts(t *testing.T, page string, parts map[string]string) {
	old, err := os.ReadFile(page)
	require.NoError(t, err)
	text := string(old)
	for name, part := range parts {
		begin, end := "<!-- generated: "+name+" -->\n", "<!-- end: "+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		require.True(t, ok, "%s has no marker %q", page, begin)
		_, after, ok := strings.Cut(rest, end)
		require.True(t, ok, "%s has no marker %q", page, end)
		text = before + begin + part + end + after
	}
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(text), 0o644))
		return
	}
	if text != string(old) {
		t.Errorf("%s is out of date; run: go generate .", page)
	}
}

// Every key must say what it means, or the page would have empty cells.
func TestWorkloadPageExplainsEveryKey(t *testing.T) {
	p := keyPage{comments: fieldComments(t), ranges: probeRanges()}
	p.rows(reflect.TypeFor[File](), "")
	all := p.table.String() + p.dists.String()
	assert.NotContains(t, all, "|  |")
	for _, key := range []string{"workload.classes[].steps[].do", "workload.classes[].arrivals.think", "knobs.batcher.wait", "points[].name"} {
		assert.Contains(t, all, "| `"+key+"` |")
	}
	assert.Contains(t, all, "0 to 1024")
}

const tableHead = "| key | type | meaning | allowed | when absent |\n|---|---|---|---|---|\n"

// A keyPage collects the rows of the key tables.
type keyPage struct {
	comments map[string]string // by Struct.Field
	ranges   map[string]string // by key path without indices
	table    strings.Builder
	dists    strings.Builder
}

// rows writes one row for each key of a struct, and of the structs in it.
func (p *keyPage) rows(t reflect.Type, path string) {
	out := &p.table
	if t == reflect.TypeFor[Dist]() {
		out = &p.dists
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, meaning := f.Tag.Get("yaml"), p.comments[t.Name()+"."+f.Name]
		if tag == ",inline" {
			fmt.Fprintf(out, "| `%s.…` | | %s | as there | the value in knobs |\n", path, meaning)
			continue
		}
		key, typ := join(path, tag), f.Type
		word, allowed, absent := keyType(typ)
		if r := p.ranges[key]; r != "" {
			allowed = r
		}
		if typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct {
			key, typ = key+"[]", typ.Elem()
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s | %s |\n", key, word, meaning, allowed, absent)
		if typ == reflect.TypeFor[Dist]() && p.dists.Len() == 0 {
			p.rows(typ, "")
		}
		if typ.Kind() == reflect.Struct && typ != reflect.TypeFor[Dist]() {
			p.rows(typ, key)
		}
	}
}

// keyType says what a key of that type holds, what it may hold as far as the type tells, and what it is when absent.
func keyType(t reflect.Type) (word, allowed, absent string) {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "duration", "0 or more", "0"
	case reflect.TypeFor[Dist]():
		return "duration or distribution", "see below", "0"
	}
	if _, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler); ok {
		words := enumWords(t)
		absent = "`" + fmt.Sprint(reflect.Zero(t).Interface()) + "`"
		if absent == "``" {
			absent = "must be given"
		}
		return "word", "`" + strings.Join(words, "`, `") + "`", absent
	}
	switch t.Kind() {
	case reflect.Bool:
		return "truth value", "`true`, `false`", "`false`"
	case reflect.String:
		return "text", "see meaning", "empty"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return "list", "the keys below", "empty"
		}
		return "list of durations", "see meaning", "empty"
	case reflect.Struct:
		return "keys", "the keys below", "empty"
	case reflect.Float64:
		return "number", "see meaning", "0"
	}
	return "whole number", "see meaning", "0"
}

// enumWords lists the words of an enumeration, in order.
func enumWords(t reflect.Type) []string {
	var words []string
	v := reflect.New(t)
	for i := range uint64(256) {
		v.Elem().SetUint(i)
		b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			break
		}
		if len(b) > 0 {
			words = append(words, string(b))
		}
	}
	return words
}

// fieldComments reads the comment behind each field of the structs of this package.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	comments := map[string]string{}
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, id := range f.Names {
						comments[spec.Name.Name+"."+id.Name] = strings.TrimSpace(f.Comment.Text())
					}
				}
			}
			return true
		})
	}
	return comments
}

// probeRanges asks the validation itself what each key may hold: it sets one key after the other of a file in which
// every key counts to an impossible value, and reads the end of the sentence that refuses it.
func probeRanges() map[string]string {
	us := Const(time.Microsecond)
	d := decoder{name: "x", lines: map[string]int{"workload": 1}}
	d.file = File{
		Workload: Workload{Name: "w", Run: time.Second, Chans: []Chan{{Name: "c"}}, Conns: []Conn{{Name: "c"}}, Classes: []Class{
			{Name: "closed", Arrivals: Arrivals{Kind: Closed, Clients: 1}, Steps: []Step{{Do: CPU, Time: us}}},
			{Name: "poisson", Arrivals: Arrivals{Kind: Poisson, Rate: 1}, Steps: []Step{{Do: Alloc, Bytes: 1, Pointers: 1}}},
			{Name: "once", Arrivals: Arrivals{Kind: Once, Count: 1}, Steps: []Step{{Do: Go, Name: "closed", Count: 1}}},
		}},
		Points: []NamedKnobs{{Name: "p"}},
	}
	ranges := map[string]string{}
	indexes := strings.NewReplacer("[0]", "[]", "[1]", "[]", "[2]", "[]")
	var probe func(v reflect.Value, path string)
	probe = func(v reflect.Value, path string) {
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		switch v.Kind() {
		case reflect.Struct:
			for _, f := range keysOf(v) {
				probe(f.value, join(path, f.key))
			}
			return
		case reflect.Slice:
			for i := range v.Len() {
				probe(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
			}
			return
		case reflect.Int, reflect.Int64:
			v.SetInt(1 << 62)
		case reflect.Float64:
			v.SetFloat(1e300)
		case reflect.String:
			v.SetString("no such")
		default:
			return
		}
		err := d.validate()
		v.Set(old)
		if err == nil {
			return
		}
		text := strings.TrimPrefix(err.Error(), "x:1: ")
		_, what, ok := strings.Cut(text, "; ")
		for _, lead := range []string{"use ", "give ", "both must be "} {
			if ok && strings.HasPrefix(text, path) && strings.HasPrefix(what, lead) {
				what = strings.TrimPrefix(strings.TrimPrefix(what, "use "), "give ")
				if strings.Contains(text, " in seconds: ") {
					what += " seconds"
				}
				what = strings.NewReplacer(`one of ["`, "`", `" "`, "`, `", `"]`, "`").Replace(what)
				ranges[indexes.Replace(path)] = what
			}
		}
	}
	probe(reflect.ValueOf(&d.file).Elem(), "")
	return ranges
}

func metricTable() string {
	var b strings.Builder
	b.WriteString("| metric | meaning | better |\n|---|---|---|\n")
	for _, m := range Metrics {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Name, m.Help, [...]string{"less", "", "more"}[m.Better+1])
	}
	return b.String()
}

func example(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("docs/examples/" + name + ".yaml")
	require.NoError(t, err)
	return "```yaml\n" + string(b) + "```\n"
}
