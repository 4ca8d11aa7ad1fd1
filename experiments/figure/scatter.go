package figure

import (
	"errors"
	"fmt"

	"gonum.org/v1/plot/vg"
)

// A Scatter is a picture of predictions against measurements: small panels of one scale, logarithmic on both axes, in which a point on the
// diagonal was predicted as it was measured.
type Scatter struct {
	Title   string
	Caption []string       // small lines at the bottom
	Unit    string         // of all values: "s" is scaled
	Panels  []ScatterPanel // 1 to 24
}

// A ScatterPanel shows the points of one kind.
type ScatterPanel struct {
	Title  string
	Points []ScatterPoint // at most 500
}

// A ScatterPoint is one quantity; all ends are above 0.
type ScatterPoint struct{ Predicted, Measured Interval }

// Limits and lengths of a Scatter.
const (
	maxScatter    = 24
	maxDots       = 500
	scatterColumn = 4  // panels in a row
	scatterGap    = 12 // between panels
	scatterLeft   = 40 // for the labels of the y axes
	scatterLow    = 26 // and of the x axes
	near          = 1.2
)

// RenderScatter draws s into a file, as Render does a Comparison.
func RenderScatter(s Scatter, path string) error {
	return toFile(path, func(ext string) ([]byte, error) {
		c := tidy(Comparison{Title: s.Title, Caption: s.Caption})
		s.Title, s.Caption = c.Title, c.Caption
		if err := s.check(); err != nil {
			return nil, err
		}
		b := newBoard(&s)
		return onCanvas(ext, b.height, s.Title, b.draw)
	})
}

// check says what cannot be drawn.
func (s *Scatter) check() error {
	if n := len(s.Panels); n < 1 || n > maxScatter {
		return fmt.Errorf("it has %d panels; give 1 to %d", n, maxScatter)
	}
	if len(s.Caption) > maxCaption {
		return fmt.Errorf("its caption has %d lines; give at most %d", len(s.Caption), maxCaption)
	}
	if err := drawable("the title", s.Title, maxText); err != nil {
		return err
	}
	for i, line := range s.Caption {
		if err := drawable(fmt.Sprintf("caption line %d", i+1), line, maxText); err != nil {
			return err
		}
	}
	any := false
	for i, p := range s.Panels {
		where := fmt.Sprintf("panel %d (%q)", i+1, clip(p.Title))
		if err := drawable(where+", its title", p.Title, maxLabel); err != nil {
			return err
		}
		if n := len(p.Points); n > maxDots {
			return fmt.Errorf("%s has %d points; give at most %d", where, n, maxDots)
		}
		for j := range p.Points {
			any = true
			for _, v := range []*Interval{&p.Points[j].Predicted, &p.Points[j].Measured} {
				if err := v.check(fmt.Sprintf("%s, point %d", where, j+1)); err != nil {
					return err
				}
				if v.Low <= 0 || v.Value <= 0 {
					return fmt.Errorf("%s, point %d: %v is not on a logarithmic axis; give values above 0", where, j+1, min(v.Low, v.Value))
				}
			}
		}
	}
	if !any {
		return errors.New("it has no point; give one at least")
	}
	return nil
}

// A board is a Scatter with every place known.
type board struct {
	*Scatter
	title, caption []string
	axis           axis
	side, height   vg.Length // of a panel's plotting area, and of the picture
}

func newBoard(s *Scatter) *board {
	b := &board{Scatter: s}
	b.title, _ = wrap(s.Title, titleSize, width-2*margin)
	for _, line := range s.Caption {
		lines, _ := wrap(line, captionSize, width-2*margin)
		b.caption = append(b.caption, lines...)
	}
	all := &Panel{Unit: s.Unit, Log: true}
	for _, p := range s.Panels {
		for i := range p.Points {
			all.Points = append(all.Points, Point{Predicted: &p.Points[i].Predicted, Measured: &p.Points[i].Measured})
		}
	}
	b.axis = newAxis(all)
	b.side = (width - 2*margin - scatterLeft - (scatterColumn-1)*scatterGap) / scatterColumn
	rows := vg.Length((len(s.Panels) + scatterColumn - 1) / scatterColumn)
	b.height = 2*margin + vg.Length(len(b.title))*titleSize*leading + 20 + rows*(b.side+panelSize*leading+scatterGap) + scatterLow + 14 +
		vg.Length(len(b.caption))*captionSize*leading
	return b
}

func (b *board) draw(canvas vg.Canvas) {
	e := easel{canvas}
	e.fill(white, e.box(0, 0, width, b.height))
	y := b.height - margin
	for _, line := range b.title {
		y -= titleSize * leading
		e.text(line, margin, y+titleSize*0.3, 0, titleSize, ink)
	}
	y -= 20
	e.text("predicted, upwards, against measured, to the right: "+b.axis.label+"; on the line both are the same, in the band within a fifth", margin, y+6, 0, labelSize, pale)
	for i := range b.Panels {
		column, row := i%scatterColumn, i/scatterColumn
		x := margin + scatterLeft + vg.Length(column)*(b.side+scatterGap)
		bottom := y - vg.Length(row+1)*(b.side+panelSize*leading+scatterGap) + scatterGap
		b.panel(e, &b.Panels[i], x, bottom, column == 0, i+scatterColumn >= len(b.Panels))
	}
	y = margin + vg.Length(len(b.caption))*captionSize*leading
	for _, line := range b.caption {
		y -= captionSize * leading
		e.text(line, margin, y+captionSize*0.3, 0, captionSize, pale)
	}
}

// panel draws one panel whose plotting area has its lower left corner at (x, y), with the labels of its axes where it stands at an edge.
func (b *board) panel(e easel, p *ScatterPanel, x, y vg.Length, left, low bool) {
	at := func(v float64) vg.Length { return b.axis.at(min(max(v, b.axis.low), b.axis.top), b.side) }
	e.text(shorten(p.Title, panelSize, b.side), x, y+b.side+3, 0, panelSize, ink)
	from, to := b.axis.low, b.axis.top
	e.fill(grid, e.polygon(x+at(from), y+at(from), x+at(from*near), y+at(from), x+at(to), y+at(to/near), x+at(to), y+at(to), x+at(to/near), y+at(to), x+at(from), y+at(from*near)))
	free := x - scatterGap/2 // up to here the x axis has labels
	for _, t := range b.axis.ticks {
		if t.label == "" {
			continue
		}
		d := at(t.value)
		e.line(grid, 0.5, x, y+d, x+b.side, y+d)
		e.line(grid, 0.5, x+d, y, x+d, y+b.side)
		if left {
			e.text(t.label, x-tickGap-extent(t.label, labelSize), y+d-labelSize*0.35, 0, labelSize, ink)
		}
		half := extent(t.label, labelSize) / 2
		if low && x+d-half > free && x+d+half < x+b.side+scatterGap/2 {
			e.text(t.label, x+d-half, y-labelSize*1.3, 0, labelSize, ink)
			free = x + d + half + 3
		}
	}
	e.line(pale, 0.6, x, y, x+b.side, y+b.side)
	e.outline(pale, 0.6, e.box(x, y, x+b.side, y+b.side))
	for i := range p.Points {
		q := &p.Points[i]
		cx, cy := x+at(q.Measured.Value), y+at(q.Predicted.Value)
		e.line(vermilion, 0.8, x+at(q.Measured.Low), cy, x+at(q.Measured.High), cy)
		e.line(blue, 0.8, cx, y+at(q.Predicted.Low), cx, y+at(q.Predicted.High))
		e.mark(predicted, cx, cy, 1.8)
	}
}
