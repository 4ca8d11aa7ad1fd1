package figure

import (
	"bytes"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cycles is a side whose collections come every 150 ms from -100 ms on; the numbers serve the tests alone.
func cycles(n int) []Cycle {
	var all []Cycle
	for i := range n {
		all = append(all, Cycle{Begin: -0.1 + 0.15*float64(i), StopSweep: 30e-6, Mark: 0.012, StopMark: 40e-6,
			HeapBegin: 60 << 20, HeapEnd: 64 << 20, HeapMarked: 33 << 20, Goal: 66 << 20})
	}
	return all
}

func collections() Timeline {
	return Timeline{Title: "Collections", Caption: []string{"host vm"}, Span: 1, Predicted: cycles(9), Measured: cycles(8)}
}

func drawTimeline(t *testing.T, l Timeline, name string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, RenderTimeline(l, path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// The same timeline gives the same bytes; each side has a curve, a bar for each mark phase that is seen and two ticks.
func TestTimeline(t *testing.T) {
	svg := string(drawTimeline(t, collections(), "a.svg"))
	assert.Equal(t, svg, string(drawTimeline(t, collections(), "a.svg")))
	for _, text := range []string{"predicted", "measured", "live heap", "heap goal", "mark phase", "seconds of the counted part", "host vm"} {
		assert.Contains(t, svg, ">"+text+"<")
	}
	one := collections()
	one.Measured = nil
	half := string(drawTimeline(t, one, "a.svg"))
	assert.NotContains(t, half, ">measured<")
	assert.Less(t, len(half), len(svg))
	zh := collections()
	zh.Zh = true
	text := string(drawTimeline(t, zh, "a.svg"))
	for _, label := range []string{"预测", "实测", "存活堆", "堆目标", "标记", "停顿"} {
		assert.Contains(t, text, label)
	}
	picture, err := png.Decode(bytes.NewReader(drawTimeline(t, collections(), "a.png")))
	require.NoError(t, err)
	assert.Equal(t, 1600, picture.Bounds().Dx())
}

// Every label has its glyphs: the font has no blank for what it lacks.
func TestTimelineLabelsAreDrawable(t *testing.T) {
	for _, w := range []timeWords{timeEnglish, timeChinese} {
		for _, label := range []string{w.predicted, w.measured, w.heap, w.goal, w.mark, w.stop, w.unit, w.time} {
			assert.NoError(t, drawable("label", label, maxLabel))
		}
	}
}

// The curve begins and ends at the edges of the span, by a straight line to what lies beyond, and never rises above a peak.
func TestSaw(t *testing.T) {
	p := saw(cycles(9), 1)
	require.NotEmpty(t, p)
	assert.Zero(t, p[0].at)
	assert.Equal(t, 1.0, p[len(p)-1].at)
	grown := (0.1 - 0.01207) / (0.15 - 0.01207) // the share of the way from 33 to 60 MiB at 0
	assert.InDelta(t, (33+27*grown)*mib, p[0].bytes, 1)
	for i, q := range p {
		assert.LessOrEqual(t, q.bytes, 64.0*mib)
		assert.GreaterOrEqual(t, q.bytes, 33.0*mib)
		if i > 0 {
			assert.GreaterOrEqual(t, q.at, p[i-1].at)
		}
	}
	assert.Empty(t, saw(cycles(1), 1), "what is known lies before the span")
	long := []Cycle{{Begin: -1, Mark: 3, HeapBegin: 10 * mib, HeapEnd: 40 * mib}}
	assert.Equal(t, []spot{{0, 20 * mib}, {1, 30 * mib}}, saw(long, 1), "one collection that is longer than the span")
}

// A goal holds up to the end of its cycle; without one there is no line.
func TestGoals(t *testing.T) {
	c := []Cycle{{Begin: -1, Goal: 60 * mib}, {Begin: 0.25, Mark: 0.25, Goal: math.MaxUint64}, {Begin: 0.75, Goal: 66 * mib}, {Begin: 2, Goal: 70 * mib}}
	assert.Equal(t, []spot{{0.5, 0}, {0.75, 66 * mib}, {1, 70 * mib}}, goals(c, 1))
	assert.Equal(t, []spot{{0.5, 0}, {0.7, 66 * mib}}, goals(c, 0.7))
}

func TestTimelineRefused(t *testing.T) {
	for want, spoil := range map[string]func(*Timeline){
		"its span is 0 s":                              func(l *Timeline) { l.Span = 0 },
		"its span is NaN s":                            func(l *Timeline) { l.Span = math.NaN() },
		"neither side has a collection":                func(l *Timeline) { l.Predicted, l.Measured = nil, nil },
		"measured, collection 2: -1 is no length":      func(l *Timeline) { l.Measured[1].Mark = -1 },
		"predicted, collection 1: NaN is no":           func(l *Timeline) { l.Predicted[0].HeapEnd = math.NaN() },
		"collection 1: its beginning is +Inf s":        func(l *Timeline) { l.Predicted[0].Begin = math.Inf(1) },
		"predicted, collection 3 begins before":        func(l *Timeline) { l.Predicted[2].Begin = 0 },
		"predicted: 2001 collections; give at most":    func(l *Timeline) { l.Predicted = cycles(2001) },
		"its caption has 21 lines":                     func(l *Timeline) { l.Caption = make([]string, 21) },
		`no glyph for '龘'`:                             func(l *Timeline) { l.Title = "龘" },
		"caption line 1: the font has no":              func(l *Timeline) { l.Caption[0] = "🙂" },
		"the title has 5000 characters; give at most ": func(l *Timeline) { l.Title = strings.Repeat("x", 5000) },
	} {
		l := collections()
		spoil(&l)
		path := filepath.Join(t.TempDir(), "a.svg")
		assert.ErrorContains(t, RenderTimeline(l, path), want)
		assert.NoFileExists(t, path)
	}
	assert.ErrorContains(t, RenderTimeline(collections(), "a.pdf"), "use .svg or .png")
}

// What is odd is drawn all the same: no growth, no time, all of it outside.
func TestOddTimelines(t *testing.T) {
	for _, c := range [][]Cycle{{{}}, {{Begin: -5}}, {{Begin: 5, Goal: 1}}, {{Begin: 0.5, HeapBegin: 1e30, HeapEnd: 1e30}}, {{Begin: 0}, {Begin: 0}}} {
		for _, span := range []float64{1e-6, 1, 1e6} {
			svg := string(drawTimeline(t, Timeline{Span: span, Predicted: c}, "a.svg"))
			assert.NotContains(t, svg, "NaN")
			assert.NotContains(t, svg, "Inf")
		}
	}
}
