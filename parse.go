package lab

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

//go:generate go test -count=1 -run ^Test(Workload|Machine)Page$ . -update

// A File is what a workload file holds; docs/workload.md lists its keys.
type File struct {
	Workload Workload     `yaml:"workload"` // what is asked of the machine
	Knobs    Knobs        `yaml:"knobs"`    // the settings of every point
	Points   []NamedKnobs `yaml:"points"`   // settings to compare, each laid over knobs; none: one point, called base
}

// NamedKnobs are the settings of one point of a workload file, with those of the file's knobs that it does not name.
type NamedKnobs struct {
	Name  string `yaml:"name"`    // unique; shown in tables and files
	Knobs Knobs  `yaml:",inline"` // any key of knobs
}

// What a workload file may hold at most. The YAML parser's time grows with the square of depth and of the number of
// tokens, so these keep every file under about a second.
const (
	maxFileBytes  = 1 << 20
	maxFileTokens = 60_000
	maxFileDepth  = 32
	maxFileItems  = 5_000 // in one list
	maxErrorBytes = 800
)

// ParseFile reads a workload file. The keys are those of the yaml tags of File and of the types in it. A duration is
// written 50us or 1.5ms, a Dist as a duration or as {dist: exp, mean: 50us}. What is not known, not of the right type
// or not possible is an error of one sentence that begins with file, line and field.
func ParseFile(name string) (File, error) {
	data, err := readStrictly(name, "workload")
	if err != nil {
		return File{}, err
	}
	return parseWorkload(name, data)
}

// readStrictly reads a regular file of at most maxFileBytes; kind is what the file is.
func readStrictly(name, kind string) ([]byte, error) {
	refuse := func(err error) ([]byte, error) {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("%s: %w; name a readable %s file", name, err, kind)
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return refuse(err)
	case info.IsDir():
		return nil, fmt.Errorf("%s: is a directory; name a %s file", name, kind)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: is not a regular file; name a %s file", name, kind)
	}
	f, err := os.Open(name)
	if err != nil {
		return refuse(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return refuse(err)
	}
	return data, nil
}

// parseWorkload is ParseFile for a file already read.
func parseWorkload(name string, data []byte) (File, error) {
	d := decoder{name: name, kind: "workload", lines: map[string]int{}}
	root, err := d.parse(data)
	if err != nil {
		return File{}, err
	}
	if err := d.value(reflect.ValueOf(&d.file).Elem(), root, ""); err != nil {
		return File{}, err
	}
	if err := d.validate(); err != nil {
		return File{}, err
	}
	return d.file, nil
}

// A decoder fills a File from a YAML tree and remembers on which line each field stands.
type decoder struct {
	name  string
	kind  string         // of file: workload or machine
	lines map[string]int // by field path
	file  File
}

// holds says what every file of the kind must hold.
func (d *decoder) holds() string {
	if d.kind == "machine" {
		return "keys such as foreign, smt or numa (see docs/machine.md)"
	}
	return "the key workload (see docs/workload.md)"
}

func (d *decoder) fail(line int, format string, args ...any) error {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...))
	if len(text) > maxErrorBytes { // the file's own text, such as a key of a thousand letters
		text = strings.ToValidUTF8(text[:maxErrorBytes], "") + "…"
	}
	return fmt.Errorf("%s:%d: %s", d.name, max(line, 1), text)
}

// banned are the parts of YAML that a workload file has no use for, by what to do instead.
var banned = map[token.Type]string{
	token.AnchorType:        "an anchor (&) has no place here; write the value out",
	token.AliasType:         "an alias (*) has no place here; write the value out",
	token.MergeKeyType:      "a merge key (<<) has no place here; write the keys out",
	token.TagType:           "a tag (!) has no place here; write the plain value",
	token.DirectiveType:     "a directive (%) has no place here; remove it",
	token.MappingKeyType:    "a complex key (?) has no place here; use one of the keys in docs/workload.md",
	token.LiteralType:       "a block of text (|) has no place here; write the value on one line",
	token.FoldedType:        "a block of text (>) has no place here; write the value on one line",
	token.BinaryIntegerType: "a binary number has no place here; write it in decimal",
	token.OctetIntegerType:  "an octal number has no place here; write it in decimal",
	token.HexIntegerType:    "a hexadecimal number has no place here; write it in decimal",
}

// parse turns the text into a YAML tree of one document.
func (d *decoder) parse(data []byte) (ast.Node, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("%s: larger than 1 MiB; a %s file must be smaller", d.name, d.kind)
	}
	if i := invalidText(data); i >= 0 {
		return nil, d.fail(1+bytes.Count(data[:i], []byte("\n")), "not text in UTF-8; save the file as UTF-8")
	}
	tokens := lexer.Tokenize(string(data))
	if err := d.checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			return nil, d.fail(at.GetToken().Position.Line, "not valid YAML: %s; check the indentation, brackets and quotes there",
				strings.Join(strings.Fields(at.GetMessage()), " "))
		}
		return nil, d.fail(1, "not valid YAML: %q", err)
	}
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			return nil, d.fail(lineOf(doc.Body), "a second document (---); a %s file holds one", d.kind)
		}
		root = doc.Body
	}
	if root == nil {
		return nil, d.fail(1, "the file is empty; it must hold %s", d.holds())
	}
	return root, nil
}

// invalidText is the place of the first byte that is not text in UTF-8; -1: none.
func invalidText(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return i
		}
		i += n
	}
	return -1
}

// checkTokens refuses what has no place in such a file and what would keep the parser busy for long.
func (d *decoder) checkTokens(tokens token.Tokens) error {
	if len(tokens) > maxFileTokens {
		return fmt.Errorf("%s: %d YAML tokens; a %s file may hold %d", d.name, len(tokens), d.kind, maxFileTokens)
	}
	flow, dashes, line := 0, 0, 0
	for _, t := range tokens {
		if why, ok := banned[t.Type]; ok {
			return d.fail(t.Position.Line, "%s", why)
		}
		if t.Position.Line != line {
			dashes, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType:
			dashes++
		}
		if flow > maxFileDepth || dashes > maxFileDepth {
			return d.fail(t.Position.Line, "nested more than %d deep; a %s file needs at most 8 levels", maxFileDepth, d.kind)
		}
	}
	return nil
}

// lineOf is the line on which a node begins.
func lineOf(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// value fills v from a node; path names the field for the reader.
func (d *decoder) value(v reflect.Value, n ast.Node, path string) error {
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		return d.duration(p, n, path)
	case *Dist:
		if _, ok := n.(*ast.MappingNode); !ok {
			*p = Dist{}
			return d.duration(&p.Mean, n, path)
		}
		*p = Dist{} // a point's or a default's other fields must not shine through
		return d.mapping(v, n, path)
	case encoding.TextUnmarshaler:
		if _, ok := n.(ast.ScalarNode); !ok || n.Type() == ast.NullType {
			return d.fail(lineOf(n), "%s: %s, but it must be one word", path, describe(n))
		}
		if err := p.UnmarshalText([]byte(n.GetToken().Value)); err != nil {
			return d.fail(lineOf(n), "%s: %v", path, err)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.mapping(v, n, path)
	case reflect.Slice:
		return d.list(v, n, path)
	}
	return d.scalar(v, n, path)
}

// mapping fills a struct from the keys of a mapping; without a value it changes nothing.
func (d *decoder) mapping(v reflect.Value, n ast.Node, path string) error {
	if n.Type() == ast.NullType {
		return nil
	}
	m, ok := n.(*ast.MappingNode)
	if !ok {
		if path == "" {
			return d.fail(lineOf(n), "%s, but the file must hold %s", describe(n), d.holds())
		}
		return d.fail(lineOf(n), "%s: %s, but it must hold keys, each with a value", path, describe(n))
	}
	fields := keysOf(v)
	given := map[string]ast.Node{}
	for _, e := range m.Values {
		key := e.Key.GetToken().Value
		at, line := join(path, key), lineOf(e.Key)
		if !slices.ContainsFunc(fields, func(f field) bool { return f.key == key }) {
			return d.fail(line, "%s: unknown key; use one of %q", at, keyNames(fields))
		}
		if given[key] != nil {
			return d.fail(line, "%s: given a second time, first on line %d; keep one", at, d.lines[at])
		}
		d.lines[at], given[key] = line, e.Value
	}
	for _, f := range fields { // in the order of the struct, so that knobs come before the points laid over them
		if given[f.key] == nil {
			continue
		}
		if err := d.value(f.value, given[f.key], join(path, f.key)); err != nil {
			return err
		}
	}
	return nil
}

// list fills a slice.
func (d *decoder) list(v reflect.Value, n ast.Node, path string) error {
	if n.Type() == ast.NullType {
		return nil
	}
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		return d.fail(lineOf(n), "%s: %s, but it must be a list", path, describe(n))
	}
	if len(s.Values) > maxFileItems {
		return d.fail(d.lines[path], "%s: %d entries; give at most %d", path, len(s.Values), maxFileItems)
	}
	v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	for i, e := range s.Values {
		if p, ok := v.Index(i).Addr().Interface().(*NamedKnobs); ok {
			p.Knobs = d.file.Knobs
		}
		at := fmt.Sprintf("%s[%d]", path, i)
		d.lines[at] = lineOf(e)
		if err := d.value(v.Index(i), e, at); err != nil {
			return err
		}
	}
	return nil
}

// duration reads 50us, 1.5ms or 0.
func (d *decoder) duration(p *time.Duration, n ast.Node, path string) error {
	if t, ok := n.(ast.ScalarNode); ok && n.Type() != ast.NullType {
		v, err := time.ParseDuration(t.GetToken().Value)
		if err == nil {
			*p = v
			return nil
		}
	}
	return d.fail(lineOf(n), "%s: %s, but it must be a duration with its unit, such as 50us, 1.5ms or 2s", path, describe(n))
}

// scalar reads a word, a number or a truth value.
func (d *decoder) scalar(v reflect.Value, n ast.Node, path string) error {
	want := ""
	switch v.Kind() {
	case reflect.String:
		if s, ok := n.(*ast.StringNode); ok {
			v.SetString(s.Value)
			return nil
		}
		want = "text (in quotes where YAML would read it as something else)"
	case reflect.Bool:
		if b, ok := n.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
			return nil
		}
		want = "true or false"
	case reflect.Int, reflect.Int64:
		if i, ok := wholeNumber(n); ok {
			v.SetInt(i)
			return nil
		}
		want = "a whole number"
	case reflect.Float64:
		if i, ok := wholeNumber(n); ok {
			v.SetFloat(float64(i))
			return nil
		}
		if f, ok := n.(*ast.FloatNode); ok && !math.IsInf(f.Value, 0) && !math.IsNaN(f.Value) {
			v.SetFloat(f.Value)
			return nil
		}
		want = "a number"
	}
	return d.fail(lineOf(n), "%s: %s, but it must be %s", path, describe(n), want)
}

func wholeNumber(n ast.Node) (int64, bool) {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	switch v := i.Value.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64
	}
	return 0, false
}

// describe says in a few words what a node holds.
func describe(n ast.Node) string {
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "holds keys"
	case ast.SequenceType:
		return "is a list"
	case ast.NullType:
		return "is empty"
	}
	s := n.GetToken().Value
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "…"
	}
	return fmt.Sprintf("is %q", s)
}

// A field is one key of a mapping and where its value goes.
type field struct {
	key   string
	value reflect.Value
}

// keysOf lists the keys of a struct by its yaml tags, in order.
func keysOf(v reflect.Value) []field {
	var fs []field
	for i := range v.NumField() {
		switch tag := v.Type().Field(i).Tag.Get("yaml"); tag {
		case "":
		case ",inline":
			fs = append(fs, keysOf(v.Field(i))...)
		default:
			fs = append(fs, field{tag, v.Field(i)})
		}
	}
	return fs
}

func keyNames(fs []field) []string {
	names := make([]string, len(fs))
	for i, f := range fs {
		names[i] = f.key
	}
	return names
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// validate refuses what Trial.Validate refuses, at every point, with the line of the field.
func (d *decoder) validate() error {
	f := &d.file
	if d.lines["workload"] == 0 {
		return d.fail(1, "workload: missing; the file must hold it (see docs/workload.md)")
	}
	if err := plainName("workload.name", f.Workload.Name); err != nil {
		return d.locate(err)
	}
	if err := (&Trial{Workload: f.Workload, Knobs: f.Knobs}).Validate(); err != nil {
		return d.locate(err)
	}
	for i := range f.Points {
		p, at := &f.Points[i], fmt.Sprintf("points[%d]", i)
		if err := plainName(at+".name", p.Name); err != nil {
			return d.locate(err)
		}
		if slices.ContainsFunc(f.Points[:i], func(b NamedKnobs) bool { return b.Name == p.Name }) {
			return d.locate(fmt.Errorf("%s.name: %q is used twice; give each point its own name", at, p.Name))
		}
		if err := p.Knobs.validate(); err != nil {
			return d.locate(errors.New(at + strings.TrimPrefix(err.Error(), "knobs")))
		}
	}
	return nil
}

var fileName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// plainName refuses a name that could not be a folder and a part of a benchmark's name on every system.
func plainName(where, name string) error {
	if len(name) <= 64 && fileName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%s: %q; give at most 64 lower-case letters, digits and single dashes", where, name)
}

// locate puts file and line before an error that begins with a field path: the line of that field or, if the file does
// not name it, of the nearest one around it.
func (d *decoder) locate(err error) error {
	path := err.Error()
	if i := strings.IndexAny(path, ": "); i >= 0 {
		path = path[:i]
	}
	for path != "" && d.lines[path] == 0 {
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return d.fail(d.lines[path], "%v", err)
}
