package figure

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
)

// around makes an interval of a relative half width.
func around(v, w float64) *Interval { return &Interval{v, v - math.Abs(v)*w, v + math.Abs(v)*w} }

// batching is a figure of the shape that the experiment of that name makes; the numbers serve the tests alone.
func batching() Comparison {
	names := []string{"direct", "semaphore", "batch-32-wait-0", "batch-32-wait-1ms", "batch-32-wait-2ms", "batch-32-intra-2"}
	panel := func(title, unit string, log bool, width, off float64, values ...float64) Panel {
		p := Panel{Title: title, Unit: unit, Log: log}
		for i, v := range values {
			shift := 1 + off*float64(i%3-1)
			p.Points = append(p.Points, Point{names[i], around(v*shift, width/2), around(v, width)})
		}
		return p
	}
	return Comparison{
		Title: "Batching: what does a wait of 1 ms buy when 64 clients ask one model?",
		Caption: []string{
			"host build-7 · Example CPU @ 2.10GHz, 2 cores · linux 6.1 · go1.26.8 · ONNX Runtime 1.27.0",
			"2026-11-23 · seed 1 · 5 repetitions · bars: 95 % bootstrap interval of the median",
			"gmplab run batching --seed 1 --reps 5 --side both --out results/2026-11-23 --cache ~/.cache/gmplab --library 1.27.0 --note a-command-that-is-long-enough-to-wrap",
		},
		Panels: []Panel{
			panel("Throughput", "requests/s", false, 0.06, 0.07, 9400, 5014, 14699, 25026, 23551, 24546),
			panel("Latency, median", "seconds", true, 0.10, 0.15, 0.19e-3, 12.5e-3, 3.5e-3, 2.4e-3, 2.5e-3, 2.3e-3),
			panel("Latency, 99th percentile", "seconds", true, 0.16, 0.22, 130e-3, 25.8e-3, 15.4e-3, 5.9e-3, 9.1e-3, 6.6e-3),
			panel("OS threads of the Go runtime", "threads", false, 0, 0.1, 25, 7, 7, 7, 7, 7),
		},
	}
}

// chinese is the same figure with the labels of a Chinese page.
func chinese() Comparison {
	c := batching()
	c.Title = "批处理：等待 1 毫秒换来什么？（64 个客户端，一个模型）"
	c.Caption = []string{"主机 build-7 · 2 核 · 库版本 1.27.0 · 日期 2026-11-23 · 种子 1 · 竖线：中位数的 95 % 置信区间", "命令：gmplab run batching"}
	names := []string{"直接调用", "信号量", "批大小 32，不等待", "批大小 32，等待 1 毫秒", "批大小 32，等待 2 毫秒", "两个线程"}
	for i, title := range []string{"吞吐量", "延迟中位数", "延迟第 99 百分位", "线程数"} {
		c.Panels[i].Title, c.Panels[i].Unit = title, []string{"请求/秒", "秒", "秒", "线程"}[i]
		for j := range c.Panels[i].Points {
			c.Panels[i].Points[j].Label = names[j]
		}
	}
	return c
}

// sweep is a panel of n points with labels of a length that must turn them round.
func sweep(n int, log bool) Panel {
	p := Panel{Title: "Sweep", Unit: "seconds", Log: log}
	for i := range n {
		v := 1e-6 * math.Pow(1.3, float64(i%40))
		p.Points = append(p.Points, Point{fmt.Sprintf("GOMAXPROCS=%d", i+1), around(v, 0.1), around(v*1.1, 0.05)})
	}
	return p
}

// awkward has one-sided points, one without any side, values that a log axis cannot hold, and an open interval.
func awkward() Comparison {
	return Comparison{Title: "Awkward & <odd>", Panels: []Panel{{Title: "t", Unit: "s", Log: true, Points: []Point{
		{"predicted only", around(2e-3, 0.1), nil},
		{"measured only", nil, around(3e-3, 0.1)},
		{"neither", nil, nil},
		{"zero", &Interval{}, around(1e-3, 0)},
		{"negative", around(1e-3, 0.5), &Interval{-1e-3, -2e-3, 1e-3}},
		{"open below", around(1e-3, 0.2), &Interval{2e-3, -1e-3, 4e-3}},
	}}}}
}

// figures are those that the tests of layout and of files go through.
func figures() map[string]Comparison {
	all := map[string]Comparison{"batching": batching(), "chinese": chinese(), "awkward": awkward()}
	for _, n := range []int{1, 2, 3, 5, 6} {
		c := batching()
		c.Panels = append(c.Panels, c.Panels[:2]...)[:n]
		all[fmt.Sprintf("%d panels", n)] = c
	}
	for _, n := range []int{1, 8, 13, 24, 60, 100} {
		all[fmt.Sprintf("sweep of %d", n)] = Comparison{Title: "Sweep", Panels: []Panel{sweep(n, true), sweep(n, false), sweep(3, true)}}
		all[fmt.Sprintf("wide sweep of %d", n)] = Comparison{Panels: []Panel{sweep(n, true)}}
	}
	long := batching()
	long.Title = strings.Repeat("a title that must wrap, ", 12)
	long.Caption = []string{strings.Repeat("x", 700), strings.Repeat("长而没有空格的说明", 60)}
	for i := range long.Panels {
		long.Panels[i].Title = strings.Repeat("a long name of a metric ", 4)
		long.Panels[i].Unit = strings.Repeat("a long unit ", 5)
		long.Panels[i].Points[2].Label = strings.Repeat("label-without-end-", 9)
	}
	all["long"] = long
	plain := Comparison{Panels: []Panel{{Points: []Point{{Predicted: &Interval{}}}}, {Log: true, Points: []Point{{Measured: &Interval{}}}}}}
	for _, v := range []float64{2e-30, 1e-9, 0.02, 0.999, 1, 9.999, 10, 12345, 1e9, 5e29} {
		for _, log := range []bool{true, false} {
			all[fmt.Sprint("value ", v, log)] = Comparison{Panels: []Panel{
				{Unit: "s", Log: log, Points: []Point{{"a", around(v, 0.1), nil}}},
				{Unit: "x", Log: log, Points: []Point{{"a", around(v, 0.1), around(-v, 0.1)}, {"b", around(1, 0), nil}}}}}
		}
	}
	all["plain"] = plain
	return all
}

func render(t *testing.T, c Comparison, name string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, Render(c, path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// A glyphRun is one text of an SVG file with the corners of its box on the page.
type glyphRun struct {
	text    string
	corners [4][2]float64
}

// A matrix is the SVG transformation matrix(a b c d e f).
type matrix [6]float64

func (m matrix) times(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[2]*n[1], m[1]*n[0] + m[3]*n[1],
		m[0]*n[2] + m[2]*n[3], m[1]*n[2] + m[3]*n[3],
		m[0]*n[4] + m[2]*n[5] + m[4], m[1]*n[4] + m[3]*n[5] + m[5],
	}
}

func parseTransform(t *testing.T, s string) matrix {
	m := matrix{1, 0, 0, 1, 0, 0}
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		name, rest, ok := strings.Cut(s, "(")
		require.True(t, ok, s)
		args, after, _ := strings.Cut(rest, ")")
		s = after
		var v []float64
		for _, f := range strings.FieldsFunc(args, func(r rune) bool { return r == ',' || r == ' ' }) {
			v = append(v, float(t, f))
		}
		switch name {
		case "translate":
			m = m.times(matrix{1, 0, 0, 1, v[0], v[1]})
		case "scale":
			m = m.times(matrix{v[0], 0, 0, v[1], 0, 0})
		case "rotate":
			sin, cos := math.Sincos(v[0] * math.Pi / 180)
			m = m.times(matrix{cos, sin, -sin, cos, 0, 0})
		default:
			require.Fail(t, "unknown transform", name)
		}
	}
	return m
}

func float(t *testing.T, s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}

// texts reads the texts of an SVG file and where they stand.
func texts(t *testing.T, svg []byte) (runs []glyphRun, width, height float64) {
	d := xml.NewDecoder(bytes.NewReader(svg))
	stack := []matrix{{1, 0, 0, 1, 0, 0}}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return runs, width, height
		}
		require.NoError(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			at := map[string]string{}
			for _, a := range e.Attr {
				at[a.Name.Local] = a.Value
			}
			m := stack[len(stack)-1].times(parseTransform(t, at["transform"]))
			stack = append(stack, m)
			switch e.Name.Local {
			case "svg":
				width, height = float(t, strings.TrimSuffix(at["width"], "pt")), float(t, strings.TrimSuffix(at["height"], "pt"))
			case "text":
				var text string
				require.NoError(t, d.DecodeElement(&text, &e))
				stack = stack[:len(stack)-1]
				_, size, _ := strings.Cut(at["style"], "font-size:")
				size, _, _ = strings.Cut(size, "px")
				x, y, w, h := float(t, at["x"]), float(t, at["y"]), float(t, at["textLength"]), float(t, size)
				run := glyphRun{text: text}
				for i, p := range [][2]float64{{x, y - 0.75*h}, {x + w, y - 0.75*h}, {x + w, y + 0.2*h}, {x, y + 0.2*h}} {
					run.corners[i] = [2]float64{m[0]*p[0] + m[2]*p[1] + m[4], m[1]*p[0] + m[3]*p[1] + m[5]}
				}
				runs = append(runs, run)
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		}
	}
}

// apart tells whether some line separates two boxes.
func apart(a, b *glyphRun) bool {
	for _, box := range []*glyphRun{a, b} {
		for i := range 2 {
			nx, ny := box.corners[i][1]-box.corners[i+1][1], box.corners[i+1][0]-box.corners[i][0]
			span := func(g *glyphRun) (low, high float64) {
				low, high = math.Inf(1), math.Inf(-1)
				for _, p := range g.corners {
					v := p[0]*nx + p[1]*ny
					low, high = min(low, v), max(high, v)
				}
				return low, high
			}
			al, ah := span(a)
			bl, bh := span(b)
			if ah <= bl || bh <= al {
				return true
			}
		}
	}
	return false
}

func TestTextsNeverOverlap(t *testing.T) {
	for name, c := range figures() {
		t.Run(name, func(t *testing.T) {
			runs, width, height := texts(t, render(t, c, "a.svg"))
			assert.Equal(t, 600.0, width, "800 px")
			for i := range runs {
				for _, p := range runs[i].corners {
					inside := p[0] >= 0 && p[0] <= width && p[1] >= 0 && p[1] <= height
					assert.True(t, inside, "%q reaches out of the page at %v", runs[i].text, p)
				}
				for j := range i {
					assert.True(t, apart(&runs[i], &runs[j]), "%q and %q overlap", runs[i].text, runs[j].text)
				}
			}
		})
	}
}

// TestOverlapIsSeen keeps the test above honest.
func TestOverlapIsSeen(t *testing.T) {
	box := func(x, y float64) *glyphRun {
		return &glyphRun{corners: [4][2]float64{{x, y}, {x + 10, y}, {x + 10, y + 5}, {x, y + 5}}}
	}
	assert.False(t, apart(box(0, 0), box(9, 4)))
	assert.True(t, apart(box(0, 0), box(11, 0)))
	assert.True(t, apart(box(0, 0), box(0, 6)))
}

func TestEveryGlyphIsThere(t *testing.T) {
	var buf sfnt.Buffer
	for name, c := range figures() {
		runs, _, _ := texts(t, render(t, c, "a.svg"))
		for _, run := range runs {
			for _, r := range run.text {
				i, err := glyphs(t).GlyphIndex(&buf, r)
				assert.NoError(t, err)
				assert.NotZero(t, i, "%s: %q in %q", name, r, run.text)
			}
		}
	}
	terms, err := os.ReadFile("font/terms.txt")
	require.NoError(t, err)
	for _, r := range string(terms) {
		if i, _ := glyphs(t).GlyphIndex(&buf, r); !unicode.IsSpace(r) {
			assert.NotZero(t, i, "the font is older than font/terms.txt: %q; run font/make.sh", r)
		}
	}
}

func TestSVGHoldsEveryLabel(t *testing.T) {
	for _, c := range []Comparison{batching(), chinese(), awkward()} {
		runs, _, _ := texts(t, render(t, c, "a.svg"))
		var all strings.Builder
		for _, r := range runs {
			all.WriteString(r.text)
		}
		bare := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		page := bare(all.String())
		want := append([]string{"predicted", "measured", c.Title}, c.Caption...)
		for _, p := range c.Panels {
			want = append(want, p.Title)
			for _, q := range p.Points {
				want = append(want, q.Label)
			}
		}
		for _, s := range want {
			assert.Contains(t, page, bare(s))
		}
		assert.Equal(t, 1, strings.Count(page, "predicted")-strings.Count(page, "predictedonly"), "one legend")
	}
}

func TestPNG(t *testing.T) {
	for name, c := range map[string]Comparison{"batching": batching(), "chinese": chinese(), "awkward": awkward()} {
		img, err := png.Decode(bytes.NewReader(render(t, c, "a.png")))
		require.NoError(t, err, name)
		assert.Equal(t, 1600, img.Bounds().Dx(), name)
		_, _, height := texts(t, render(t, c, "a.svg"))
		assert.Equal(t, int(height*dpi/72), img.Bounds().Dy(), "%s: both formats are the same picture", name)
		blues := 0
		for y := 0; y < img.Bounds().Dy(); y += 3 {
			for x := 0; x < img.Bounds().Dx(); x += 3 {
				if r, g, b, _ := img.At(x, y).RGBA(); r>>8 == 0 && g>>8 == 0x5f && b>>8 == 0xa3 {
					blues++
				}
			}
		}
		assert.Greater(t, blues, 20, "%s: predicted marks are there", name)
	}
}

func TestSameBytes(t *testing.T) {
	for _, name := range []string{"a.svg", "a.png"} {
		assert.True(t, bytes.Equal(render(t, batching(), name), render(t, batching(), name)), name)
	}
}

func TestConcurrent(t *testing.T) {
	want := map[string][]byte{"a.svg": render(t, chinese(), "a.svg"), "a.png": render(t, chinese(), "a.png")}
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 3 {
		for name := range want {
			wg.Go(func() { assert.NoError(t, Render(chinese(), filepath.Join(dir, strconv.Itoa(i)+name))) })
		}
	}
	wg.Wait()
	for i := range 3 {
		for name, bytes := range want {
			got, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)+name))
			require.NoError(t, err)
			assert.Equal(t, len(bytes), len(got))
			assert.True(t, string(bytes) == string(got), name)
		}
	}
}

// marks counts by shape what an SVG file shows of predicted values.
func marks(svg []byte) (circles, diamonds, hollowDrops, solidDrops int) {
	for _, path := range strings.Split(string(svg), "<path ")[1:] {
		path, _, _ = strings.Cut(path, ">")
		_, shape, _ := strings.Cut(path, `d="`)
		shape, _, _ = strings.Cut(shape, `"`)
		lines := strings.Count(shape, "L")
		switch {
		case strings.Contains(shape, "A") && strings.Contains(path, "stroke:#005FA3"):
			circles++
		case lines == 3 && strings.Contains(path, "fill:#D55E00"):
			diamonds++
		case lines == 2 && strings.Contains(path, "stroke:#005FA3"):
			hollowDrops++
		case lines == 2 && strings.Contains(path, "fill:#D55E00"):
			solidDrops++
		}
	}
	return
}

func TestMarks(t *testing.T) {
	circles, diamonds, hollow, solid := marks(render(t, awkward(), "a.svg"))
	assert.Equal(t, 1+3, circles, "the legend, one alone, two pairs; zero is not among them")
	assert.Equal(t, 1+3, diamonds, "the legend, one alone, two pairs; the negative one is not among them")
	assert.Equal(t, 1+1, hollow, "the legend and the zero")
	assert.Equal(t, 1+1, solid, "the legend and the negative one")
	circles, diamonds, hollow, solid = marks(render(t, batching(), "a.svg"))
	assert.Equal(t, []int{25, 25, 0, 0}, []int{circles, diamonds, hollow, solid})
}

func TestBars(t *testing.T) {
	strokes := func(v *Interval) int {
		p := Panel{Points: []Point{{"a", v, around(100, 0)}}}
		return strings.Count(string(render(t, Comparison{Panels: []Panel{p}}, "a.svg")), "stroke:#005FA3")
	}
	bare := strokes(&Interval{50, 50, 50})
	assert.Equal(t, bare+4, strokes(&Interval{50, 20, 80}), "two halves, two caps")
	assert.Equal(t, bare+2, strokes(&Interval{50, 49.9, 50.1}), "no caps under the mark")
}

func TestNumbersAndUnits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.5: "0.5", 999: "999", 1e3: "1k", 2.5e4: "25k", 3e6: "3M", 1e9: "1G",
		-2000: "−2k", 1e-3: "0.001", 2e-4: "0.0002", 2e-5: "2e−5", 5e20: "5e+8T"} {
		assert.Equal(t, want, number(v, true))
	}
	assert.Equal(t, "20000", number(2e4, false))
	units := map[string]Panel{
		"µs":            {Unit: "seconds", Points: []Point{{"a", around(5e-5, 0), nil}}},
		"ms, log scale": {Unit: "s", Log: true, Points: []Point{{"a", around(5e-4, 0), around(1, 0)}}},
		"s":             {Unit: "秒", Points: []Point{{"a", around(5e-5, 0), around(2, 0)}}},
		"threads":       {Unit: "threads", Points: []Point{{"a", around(5e-5, 0), nil}}},
		"log scale":     {Log: true, Points: []Point{{"a", around(5, 0), nil}}},
	}
	for want, p := range units {
		a := newAxis(&p)
		assert.Equal(t, want, a.label)
	}
}

// TestAxes holds every axis to what a reader relies on: the data lie inside, ticks ascend and lie inside, at least two
// are labelled and no two labels are the same, and a linear axis holds 0.
func TestAxes(t *testing.T) {
	for name, c := range figures() {
		for _, p := range c.Panels {
			a := newAxis(&p)
			seen, labelled, last := map[string]bool{}, 0, math.Inf(-1)
			for _, k := range a.ticks {
				at := float64(a.at(k.value, 1000))
				assert.True(t, at >= -0.01 && at <= 1000.01, "%s: tick %v at %v", name, k.value, at)
				if k.label == "" {
					continue
				}
				assert.False(t, seen[k.label], "%s: %q twice", name, k.label)
				assert.Greater(t, k.value, last, name)
				seen[k.label], last = true, k.value
				labelled++
			}
			assert.GreaterOrEqual(t, labelled, 2, name)
			assert.LessOrEqual(t, labelled, 10, name)
			assert.True(t, p.Log || seen["0"], "%s: no 0 on a linear axis", name)
			for _, q := range p.Points {
				for _, v := range []*Interval{q.Predicted, q.Measured} {
					if v != nil && (!p.Log || v.Value > 0) {
						at := float64(a.at(v.High, 1000))
						assert.True(t, at >= -0.01 && at <= 1000.01, "%s: %v at %v", name, v.High, at)
					}
				}
			}
		}
	}
}

func TestErrors(t *testing.T) {
	point := func(v Interval) func(*Comparison) { return func(c *Comparison) { c.Panels[1].Points[2].Measured = &v } }
	for want, spoil := range map[string]func(*Comparison){
		`panel 2 ("Latency, median"), point 3 ("batch-32-wait-0"), measured: NaN cannot`: point(Interval{math.NaN(), 1, 2}),
		`measured: +Inf cannot`:             point(Interval{1, 1, math.Inf(1)}),
		`measured: -Inf cannot`:             point(Interval{1, math.Inf(-1), 2}),
		`measured: 1e+300 cannot`:           point(Interval{1e300, 1, 2}),
		`low end 3 is above its high end 2`: point(Interval{2, 3, 2}),
		`it has 0 panels; give 1 to 6`:      func(c *Comparison) { c.Panels = nil },
		`it has 8 panels; give 1 to 6`:      func(c *Comparison) { c.Panels = append(c.Panels, c.Panels...) },
		`has 0 points; give 1 to 100`:       func(c *Comparison) { c.Panels[3].Points = nil },
		`has 101 points; give 1 to 100`:     func(c *Comparison) { c.Panels[0] = sweep(101, false) },
		`the title has 5000 characters`:     func(c *Comparison) { c.Title = strings.Repeat("x", 5000) },
		`its label has 201 characters`:      func(c *Comparison) { c.Panels[0].Points[0].Label = strings.Repeat("x", 201) },
		`its caption has 21 lines`:          func(c *Comparison) { c.Caption = make([]string, 21) },
		`no glyph for '龘' (U+9F98) in "龘靐"`: func(c *Comparison) { c.Title = "龘靐" },
		`caption line 1: the font has no`:   func(c *Comparison) { c.Caption[0] = "🙂" },
		`its unit: the font has no`:         func(c *Comparison) { c.Panels[0].Unit = "龘" },
		`its label: the font has no`:        func(c *Comparison) { c.Panels[0].Points[0].Label = "a\x00b" },
		`its title: the font has no`:        func(c *Comparison) { c.Panels[0].Title = "\xff" },
	} {
		for _, name := range []string{"a.svg", "a.png"} {
			dir := t.TempDir()
			c := batching()
			spoil(&c)
			assert.ErrorContains(t, Render(c, filepath.Join(dir, name)), want)
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, left, "no file, not even half of one")
		}
	}
}

func TestFileErrors(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.pdf", "a", "svg"} {
		assert.ErrorContains(t, Render(batching(), filepath.Join(dir, name)), "use .svg or .png")
	}
	assert.ErrorContains(t, Render(batching(), filepath.Join(dir, "missing", "a.svg")), "figure: cannot write")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "a.svg"), 0o755))
	assert.ErrorContains(t, Render(batching(), filepath.Join(dir, "a.svg")), "figure: cannot write")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.svg"), []byte("old"), 0o644))
	bad := batching()
	bad.Panels[0].Points[0].Predicted = &Interval{Value: math.NaN()}
	require.Error(t, Render(bad, filepath.Join(dir, "b.svg")))
	old, err := os.ReadFile(filepath.Join(dir, "b.svg"))
	require.NoError(t, err)
	assert.Equal(t, "old", string(old), "an error leaves the file that was there")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 2)
}

// TestArgumentKept: Render must not write into what it was given.
func TestArgumentKept(t *testing.T) {
	c := batching()
	c.Panels[0].Points[0].Label = "two  spaces"
	render(t, c, "a.svg")
	assert.Equal(t, "two  spaces", c.Panels[0].Points[0].Label)
}

// TestLargestFigure: the most that check lets through is still drawn in a moment.
func TestLargestFigure(t *testing.T) {
	c := Comparison{Title: strings.Repeat("题", maxText)}
	for range maxCaption {
		c.Caption = append(c.Caption, strings.Repeat("x", maxText))
	}
	for range maxPanels {
		p := sweep(maxPoints, true)
		p.Title, p.Unit = strings.Repeat("t", maxLabel), strings.Repeat("u ", maxLabel/2)
		for i := range p.Points {
			p.Points[i].Label = strings.Repeat("l", maxLabel-3) + strconv.Itoa(100+i)
		}
		c.Panels = append(c.Panels, p)
	}
	start := time.Now()
	render(t, c, "a.svg")
	assert.Less(t, time.Since(start), time.Minute)
}

func FuzzRender(f *testing.F) {
	f.Add("title", "label", 1.0, 0.5, 2.0, true)
	f.Add("题", "批大小 32，等待", -1.0, -5.0, 2e30, false)
	f.Fuzz(func(t *testing.T, title, label string, v, low, high float64, log bool) {
		c := Comparison{Title: title, Panels: []Panel{{Title: title, Unit: label, Log: log, Points: []Point{
			{label, &Interval{v, low, high}, around(low, 0.1)}, {title, nil, &Interval{high, high, high}}}}}}
		c = tidy(c)
		if check(&c) != nil {
			return
		}
		svg, err := encode(&c, ".svg")
		require.NoError(t, err)
		require.NotContains(t, string(svg), "NaN")
		require.NotContains(t, string(svg), "Inf,")
	})
}

// glyphs is the embedded font.
func glyphs(t *testing.T) *opentype.Font {
	f, err := parsed()
	require.NoError(t, err)
	return f
}
