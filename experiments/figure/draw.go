package figure

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// The colours: blue and vermilion of Okabe and Ito, told apart by the colour-blind; in grey the hollow circle and the
// solid diamond are.
var (
	white     = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink       = color.RGBA{0x1f, 0x24, 0x2b, 0xff}
	pale      = color.RGBA{0x5b, 0x63, 0x6e, 0xff}
	grid      = color.RGBA{0xdc, 0xe0, 0xe5, 0xff}
	band      = color.RGBA{0xf4, 0xf6, 0xf8, 0xff}
	blue      = color.RGBA{0x00, 0x5f, 0xa3, 0xff}
	vermilion = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
)

// A side is how one of the two looks.
type side struct {
	name   string
	color  color.Color
	hollow bool
}

var (
	predicted = side{"predicted", blue, true}
	measured  = side{"measured", vermilion, false}
)

// An easel is a canvas with what the figure draws again and again.
type easel struct{ vg.Canvas }

// draw draws the sheet.
func (s *sheet) draw(canvas vg.Canvas) {
	e := easel{canvas}
	e.fill(white, e.box(0, 0, width, s.height))
	y := s.height - margin
	for _, line := range s.title {
		y -= titleSize * leading
		e.text(line, margin, y+titleSize*0.3, 0, titleSize, ink)
	}
	y -= 6 + labelSize*leading
	e.legend(margin, y+labelSize*0.65, s.off)
	y -= 12
	for i, r := range s.rows {
		if i > 0 {
			y -= rowGap
		}
		for j := range r.cells {
			x := margin + vg.Length(j)*(s.gutter+s.plotWidth+columnGap) + s.gutter
			s.panel(e, &r.cells[j], &r.naming, x, y-r.title-s.plotHeight)
		}
		y -= r.title + s.plotHeight + r.names
	}
	y -= 12
	for _, line := range s.caption {
		y -= captionSize * leading
		e.text(line, margin, y+captionSize*0.3, 0, captionSize, pale)
	}
}

// legend explains the marks, in one line that starts at x and is centred on y.
func (e easel) legend(x, y vg.Length, off bool) {
	for _, look := range []side{predicted, measured} {
		e.line(look.color, 1.2, x+5, y-6, x+5, y+6)
		e.mark(look, x+5, y, 3.4)
		e.text(look.name, x+14, y-labelSize*0.35, 0, labelSize+0.5, ink)
		x += 14 + extent(look.name, labelSize+0.5) + 18
	}
	if off {
		e.drop(predicted, x+4, y, 3.4)
		e.drop(measured, x+13, y, 3.4)
		e.text("0 or less: not on a log axis", x+22, y-labelSize*0.35, 0, labelSize+0.5, ink)
	}
}

// panel draws one cell whose plotting area has its lower left corner at (x, y).
func (s *sheet) panel(e easel, d *cell, n *naming, x, y vg.Length) {
	right, top := x+s.plotWidth, y+s.plotHeight
	slot := s.slot(d)
	for i := 1; i < len(d.Points); i += 2 {
		left := x + vg.Length(i)*slot
		e.fill(band, e.box(left, y, left+slot, top))
	}
	for i, line := range d.title {
		e.text(line, x, top+4+panelSize*0.3+vg.Length(len(d.title)-1-i)*panelSize*leading, 0, panelSize, ink)
	}
	e.scale(d, x, y, right, s.plotHeight)
	for i, line := range d.unit {
		at := x - s.gutter + (vg.Length(i)+0.85)*labelSize*leading
		e.text(line, at, y+(s.plotHeight-extent(line, labelSize))/2, math.Pi/2, labelSize, pale)
	}
	for i, q := range d.Points {
		middle := x + (vg.Length(i)+0.5)*slot
		aside, radius := min(slot*0.18, 13), min(max(slot*0.13, 0.9), 3.4)
		e.interval(d, predicted, q.Predicted, middle-aside, y, s.plotHeight, radius)
		e.interval(d, measured, q.Measured, middle+aside, y, s.plotHeight, radius)
		e.label(n, d.names[i], middle, y-tickGap)
	}
	e.line(ink, 0.8, x, y, right, y)
}

// scale draws the ticks of the y axis and the lines across.
func (e easel) scale(d *cell, x, y, right, h vg.Length) {
	for _, t := range d.axis.ticks {
		at := y + d.axis.at(t.value, h)
		if t.label == "" {
			e.line(pale, 0.5, x-2.5, at, x, at)
			continue
		}
		line := color.Color(grid)
		if t.value == 0 {
			line = pale
		}
		e.line(line, 0.6, x, at, right, at)
		e.text(t.label, x-tickGap-extent(t.label, labelSize), at-labelSize*0.35, 0, labelSize, ink)
	}
	if d.axis.floor > 0 {
		e.line(pale, 0.6, x, y+d.axis.floor, right, y+d.axis.floor)
	}
	e.line(pale, 0.6, x, y, x, y+h)
}

// label writes the lines of a point's label under (x, y).
func (e easel) label(n *naming, lines []string, x, y vg.Length) {
	size := n.size
	for i, line := range lines {
		w := extent(line, size)
		if n.angle == 0 {
			e.text(line, x-w/2, y-size*0.95-vg.Length(i)*size*leading, 0, size, ink)
			continue
		}
		sin, cos := math.Sincos(n.angle) // the middle of the text's right end comes to (x, y)
		up := size * 0.35
		e.text(line, x-w*vg.Length(cos)+up*vg.Length(sin), y-w*vg.Length(sin)-up*vg.Length(cos), n.angle, size, ink)
	}
}

// interval draws one side of a point at x in a plotting area of height h that starts at y.
func (e easel) interval(d *cell, look side, v *Interval, x, y, h, radius vg.Length) {
	if v == nil {
		return
	}
	if d.axis.log && v.Value <= 0 {
		e.drop(look, x, y+floorHeight/2, radius)
		return
	}
	middle := y + d.axis.at(v.Value, h)
	for _, end := range []float64{v.Low, v.High} {
		if v.Low == v.High {
			break
		}
		if d.axis.log && end <= 0 { // beyond the axis: no cap
			e.line(look.color, 1.2, x, middle, x, y)
			continue
		}
		at := y + d.axis.at(end, h)
		e.line(look.color, 1.2, x, middle, x, at)
		if at > middle+radius || at < middle-radius { // else the mark is larger than the interval
			e.line(look.color, 1.2, x-radius, at, x+radius, at)
		}
	}
	e.mark(look, x, middle, radius)
}

// mark draws a side's mark: a hollow circle or a solid diamond.
func (e easel) mark(look side, x, y, radius vg.Length) {
	if look.hollow {
		var circle vg.Path
		circle.Move(vg.Point{X: x + radius, Y: y})
		circle.Arc(vg.Point{X: x, Y: y}, radius, 0, 2*math.Pi)
		circle.Close()
		e.fill(white, circle)
		e.outline(look.color, 1.4, circle)
		return
	}
	r := radius * 1.25
	e.fill(look.color, e.polygon(x+r, y, x, y+r, x-r, y, x, y-r))
}

// drop draws the mark of a value that a log axis cannot hold: a triangle that points down, hollow or solid as the mark.
func (e easel) drop(look side, x, y, radius vg.Length) {
	r := radius * 1.1
	triangle := e.polygon(x-r, y+r*0.8, x+r, y+r*0.8, x, y-r)
	if look.hollow {
		e.outline(look.color, 1.2, triangle)
		return
	}
	e.fill(look.color, triangle)
}

// text writes a line whose baseline starts at (x, y) and rises by angle.
func (e easel) text(s string, x, y vg.Length, angle float64, size vg.Length, c color.Color) {
	if s == "" {
		return
	}
	e.SetColor(c)
	if angle == 0 {
		e.FillString(face(size), vg.Point{X: x, Y: y}, s)
		return
	}
	e.Push()
	e.Translate(vg.Point{X: x, Y: y})
	e.Rotate(angle)
	e.FillString(face(size), vg.Point{}, s)
	e.Pop()
}

func (e easel) line(c color.Color, w, x0, y0, x1, y1 vg.Length) {
	var p vg.Path
	p.Move(vg.Point{X: x0, Y: y0})
	p.Line(vg.Point{X: x1, Y: y1})
	e.outline(c, w, p)
}

func (e easel) outline(c color.Color, w vg.Length, p vg.Path) {
	e.SetColor(c)
	e.SetLineWidth(w)
	e.Stroke(p)
}

func (e easel) fill(c color.Color, p vg.Path) {
	e.SetColor(c)
	e.Fill(p)
}

func (e easel) box(x0, y0, x1, y1 vg.Length) vg.Path {
	return e.polygon(x0, y0, x1, y0, x1, y1, x0, y1)
}

// polygon closes the points given as x, y, x, y, …
func (easel) polygon(at ...vg.Length) vg.Path {
	var p vg.Path
	for i := 0; i < len(at); i += 2 {
		if i == 0 {
			p.Move(vg.Point{X: at[0], Y: at[1]})
			continue
		}
		p.Line(vg.Point{X: at[i], Y: at[i+1]})
	}
	p.Close()
	return p
}
