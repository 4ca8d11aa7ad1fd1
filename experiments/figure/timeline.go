package figure

import (
	"errors"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// A Timeline is a picture of garbage collections over time: the live heap as a saw-tooth with its goal, below it the mark
// phases as bars and the stops of the world as ticks; predicted above, measured below, on the same axes.
type Timeline struct {
	Title               string
	Caption             []string // small lines at the bottom
	Span                float64  // seconds of the counted part that are shown, from 0 on
	Predicted, Measured []Cycle  // in the order of their beginnings; a side without any is not drawn
	Zh                  bool     // Chinese labels
}

// A Cycle is one collection. Times are in seconds; what lies outside the Span is cut off, and helps to draw what enters it.
type Cycle struct {
	Begin                          float64 // of the first stop
	StopSweep, Mark, StopMark      float64 // how long each part lasts, one after the other
	HeapBegin, HeapEnd, HeapMarked float64 // bytes: live heap when it begins, when marking ends, and what was found alive
	Goal                           float64 // bytes: the goal that it was paced for; 0: none
}

func (c *Cycle) end() float64 { return c.Begin + c.StopSweep + c.Mark + c.StopMark }

// RenderTimeline draws t into a file, as Render does a Comparison.
func RenderTimeline(t Timeline, path string) error {
	return toFile(path, func(ext string) ([]byte, error) {
		c := tidy(Comparison{Title: t.Title, Caption: t.Caption})
		t.Title, t.Caption = c.Title, c.Caption
		if err := t.check(); err != nil {
			return nil, err
		}
		r := newReel(&t)
		return onCanvas(ext, r.height, t.Title, r.draw)
	})
}

// maxCycles is how many collections of a side one picture shows.
const maxCycles = 2000

// check says what cannot be drawn.
func (t *Timeline) check() error {
	if !(t.Span > 0 && t.Span <= 1e6) {
		return fmt.Errorf("its span is %v s; give more than 0, at most 1e6", t.Span)
	}
	if len(t.Predicted)+len(t.Measured) == 0 {
		return errors.New("neither side has a collection; give one at least")
	}
	if len(t.Caption) > maxCaption {
		return fmt.Errorf("its caption has %d lines; give at most %d", len(t.Caption), maxCaption)
	}
	if err := drawable("the title", t.Title, maxText); err != nil {
		return err
	}
	for i, line := range t.Caption {
		if err := drawable(fmt.Sprintf("caption line %d", i+1), line, maxText); err != nil {
			return err
		}
	}
	for _, side := range []struct {
		name   string
		cycles []Cycle
	}{{"predicted", t.Predicted}, {"measured", t.Measured}} {
		if n := len(side.cycles); n > maxCycles {
			return fmt.Errorf("%s: %d collections; give at most %d", side.name, n, maxCycles)
		}
		for i := range side.cycles {
			if err := side.cycles[i].check(); err != nil {
				return fmt.Errorf("%s, collection %d: %w", side.name, i+1, err)
			}
			if i > 0 && side.cycles[i].Begin < side.cycles[i-1].end() {
				return fmt.Errorf("%s, collection %d begins before the one before it ends; give them in their order", side.name, i+1)
			}
		}
	}
	return nil
}

func (c *Cycle) check() error {
	for _, v := range []float64{c.StopSweep, c.Mark, c.StopMark, c.HeapBegin, c.HeapEnd, c.HeapMarked, c.Goal} {
		if !(v >= 0 && v <= largest) {
			return fmt.Errorf("%v is no length of time and no size; give 0 to %g", v, largest)
		}
	}
	if !(math.Abs(c.Begin) <= 1e9) {
		return fmt.Errorf("its beginning is %v s; give at most 1e9", c.Begin)
	}
	return nil
}

// timeWords are the labels of a Timeline.
type timeWords struct{ predicted, measured, heap, goal, mark, stop, unit, time string }

var (
	timeEnglish = timeWords{"predicted", "measured", "live heap", "heap goal", "mark phase", "stop of the world (drawn wider than it is)", "MiB", "seconds of the counted part"}
	timeChinese = timeWords{"预测", "实测", "存活堆", "堆目标", "标记", "停顿（线宽不按比例）", "MiB", "计数部分，秒"}
)

// Lengths of a Timeline.
const (
	trackHeight = 120 // of the heap's plotting area
	laneHeight  = 9   // of the lanes for marking and for stops
	laneGap     = 3
	trackGap    = 12
)

// A track is one side.
type track struct {
	name   string
	color  color.Color
	tint   color.Color // behind the curve while it marks
	cycles []Cycle
}

// A reel is a Timeline with every place known.
type reel struct {
	*Timeline
	words   *timeWords
	tracks  []track
	heap    axis // MiB
	time    axis // seconds
	title   []string
	caption []string
	left    vg.Length
	height  vg.Length
}

const mib = 1 << 20

// newReel finds the place of everything.
func newReel(t *Timeline) *reel {
	r := &reel{Timeline: t, words: &timeEnglish}
	if t.Zh {
		r.words = &timeChinese
	}
	if len(t.Predicted) > 0 {
		r.tracks = append(r.tracks, track{r.words.predicted, blue, color.RGBA{0xdb, 0xea, 0xf6, 0xff}, t.Predicted})
	}
	if len(t.Measured) > 0 {
		r.tracks = append(r.tracks, track{r.words.measured, vermilion, color.RGBA{0xfb, 0xe6, 0xd6, 0xff}, t.Measured})
	}
	top := 0.0
	for _, k := range r.tracks {
		for _, p := range saw(k.cycles, t.Span) {
			top = max(top, p.bytes)
		}
		for _, g := range goals(k.cycles, t.Span) {
			top = max(top, g.bytes)
		}
	}
	r.heap.fitLinear(0, top/mib, false)
	r.time.fitLinear(0, t.Span, false)
	r.title, _ = wrap(t.Title, titleSize, width-2*margin)
	for _, line := range t.Caption {
		lines, _ := wrap(line, captionSize, width-2*margin)
		r.caption = append(r.caption, lines...)
	}
	for _, k := range r.heap.ticks {
		r.left = max(r.left, extent(k.label, labelSize))
	}
	r.left += margin + tickGap + 6 + labelSize*leading
	foot := vg.Length(0)
	if len(r.caption) > 0 {
		foot = 6 + vg.Length(len(r.caption))*captionSize*leading
	}
	r.height = 2*margin + vg.Length(len(r.title))*titleSize*leading + 18 + labelSize*leading +
		vg.Length(len(r.tracks))*(r.trackTall()+trackGap) - trackGap + 2*labelSize*leading + tickGap + foot
	r.height = vg.Length(math.Ceil(float64(r.height)/3) * 3) // whole pixels at 96 dots an inch
	return r
}

// trackTall is the height of a track with its name above and its lanes below.
func (r *reel) trackTall() vg.Length {
	return panelSize*leading + 4 + trackHeight + 2*(laneGap+laneHeight)
}

// A spot is a place on the curve of the heap. A level lasts up to its time, from that of the one before it.
type spot struct{ at, bytes float64 }

// saw is the live heap over time: it grows to the end of marking and falls to what was found alive, as far as it is known
// between 0 and span. Between two collections it is a straight line.
func saw(cycles []Cycle, span float64) []spot {
	var all []spot
	for i := range cycles {
		c := &cycles[i]
		all = append(all, spot{c.Begin, c.HeapBegin}, spot{c.Begin + c.StopSweep + c.Mark, c.HeapEnd}, spot{c.end(), c.HeapMarked})
	}
	var in []spot
	for i, p := range all {
		if i > 0 {
			q := all[i-1]
			for _, edge := range []float64{0, span} {
				if q.at < edge && edge < p.at {
					in = append(in, spot{edge, q.bytes + (p.bytes-q.bytes)*(edge-q.at)/(p.at-q.at)})
				}
			}
		}
		if p.at >= 0 && p.at <= span {
			in = append(in, p)
		}
	}
	return in
}

// goals are the goals of the cycles that reach into the span, each up to its cycle's end; of a cycle that has none, 0.
func goals(cycles []Cycle, span float64) []spot {
	var in []spot
	for i := range cycles {
		c := &cycles[i]
		if c.end() < 0 {
			continue
		}
		bytes := c.Goal
		if bytes > 1<<60 { // GOGC=off
			bytes = 0
		}
		in = append(in, spot{min(c.end(), span), bytes})
		if c.end() >= span {
			break
		}
	}
	return in
}

// x and y are the places of a time and of a size on a track whose plotting area begins at bottom.
func (r *reel) x(seconds float64) vg.Length {
	return r.left + (width-margin-r.left)*vg.Length(min(max(seconds, 0), r.Span)/r.Span)
}

func (r *reel) y(bottom vg.Length, bytes float64) vg.Length {
	return bottom + r.heap.at(bytes/mib, trackHeight)
}

// draw draws the reel.
func (r *reel) draw(canvas vg.Canvas) {
	e := easel{canvas}
	e.fill(white, e.box(0, 0, width, r.height))
	y := r.height - margin
	for _, line := range r.title {
		y -= titleSize * leading
		e.text(line, margin, y+titleSize*0.3, 0, titleSize, ink)
	}
	y -= 6 + labelSize*leading
	r.legend(e, y+labelSize*0.65)
	y -= 12
	for i := range r.tracks {
		r.track(e, &r.tracks[i], y)
		y -= r.trackTall() + trackGap
	}
	y += trackGap - tickGap
	for _, t := range r.time.ticks {
		if t.value <= r.Span*1.0001 {
			w := extent(t.label, labelSize)
			e.text(t.label, min(r.x(t.value)-w/2, width-margin-w), y-labelSize, 0, labelSize, ink)
		}
	}
	y -= labelSize * leading
	e.text(r.words.time, r.left+(width-margin-r.left-extent(r.words.time, labelSize))/2, y-labelSize, 0, labelSize, pale)
	y -= labelSize*leading + 6
	for _, line := range r.caption {
		y -= captionSize * leading
		e.text(line, margin, y+captionSize*0.3, 0, captionSize, pale)
	}
}

// legend explains the marks in one line.
func (r *reel) legend(e easel, y vg.Length) {
	x := vg.Length(margin)
	say := func(words string) {
		e.text(words, x, y-labelSize*0.35, 0, labelSize+0.5, ink)
		x += extent(words, labelSize+0.5) + 18
	}
	e.line(ink, 1.4, x, y-4, x+14, y+4)
	x += 19
	say(r.words.heap)
	e.line(pale, 0.8, x, y, x+14, y)
	x += 19
	say(r.words.goal)
	e.fill(pale, e.box(x, y-3.5, x+14, y+3.5))
	x += 19
	say(r.words.mark)
	e.line(ink, 0.9, x+3, y-5, x+3, y+5)
	x += 10
	say(r.words.stop)
}

// track draws one side whose upper edge is at top.
func (r *reel) track(e easel, k *track, top vg.Length) {
	e.text(k.name, r.left, top-panelSize, 0, panelSize, k.color)
	bottom := top - panelSize*leading - 4 - trackHeight
	lane := bottom - laneGap - laneHeight
	for i := range k.cycles {
		c := &k.cycles[i]
		if c.end() < 0 || c.Begin > r.Span {
			continue
		}
		from, to := r.x(c.Begin+c.StopSweep), r.x(c.Begin+c.StopSweep+c.Mark)
		e.fill(k.tint, e.box(from, bottom, max(to, from+0.4), bottom+trackHeight))
		e.fill(k.color, e.box(from, lane, max(to, from+0.4), lane+laneHeight))
		for _, stop := range []float64{c.Begin, c.Begin + c.StopSweep + c.Mark} {
			if stop >= 0 && stop <= r.Span {
				e.line(ink, 0.6, r.x(stop), lane-laneGap-laneHeight, r.x(stop), lane-laneGap)
			}
		}
	}
	r.scale(e, bottom)
	at := r.x(0)
	for _, g := range goals(k.cycles, r.Span) {
		if g.bytes > 0 {
			e.line(pale, 0.8, at, r.y(bottom, g.bytes), r.x(g.at), r.y(bottom, g.bytes))
		}
		at = r.x(g.at)
	}
	var curve vg.Path
	for i, p := range saw(k.cycles, r.Span) {
		to := vg.Point{X: r.x(p.at), Y: r.y(bottom, p.bytes)}
		if i == 0 {
			curve.Move(to)
			continue
		}
		curve.Line(to)
	}
	if len(curve) > 1 {
		e.outline(k.color, 1.2, curve)
	}
}

// scale draws the ticks of the heap's axis and the lines across.
func (r *reel) scale(e easel, bottom vg.Length) {
	for _, t := range r.heap.ticks {
		at := bottom + r.heap.at(t.value, trackHeight)
		e.line(grid, 0.5, r.left, at, width-margin, at)
		e.text(t.label, r.left-tickGap-extent(t.label, labelSize), at-labelSize*0.35, 0, labelSize, ink)
	}
	e.line(ink, 0.8, r.left, bottom, width-margin, bottom)
	e.line(pale, 0.6, r.left, bottom, r.left, bottom+trackHeight)
	unit := r.words.unit
	e.text(unit, margin+labelSize, bottom+(trackHeight-extent(unit, labelSize))/2, math.Pi/2, labelSize, pale)
}
