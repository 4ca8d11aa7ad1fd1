package figure

import (
	"math"

	"gonum.org/v1/plot/vg"
)

// Lengths are in points; at the 96 dots an inch of a browser 600 of them are 800 px.
const (
	width       = 600
	margin      = 15
	columnGap   = 20
	rowGap      = 16
	titleSize   = 14
	panelSize   = 10.5
	labelSize   = 8.5
	captionSize = 7.5
	smallest    = 5.5 // size of labels where there are very many points
	leading     = 1.3 // distance of lines over their size
	tallPanel   = 230 // plotting area of a figure with a single panel
	panelHeight = 150
	tickGap     = 5   // between labels and the plotting area
	longest     = 150 // a label standing on edge; longer ones are shortened in the middle
)

// A sheet is a figure with every place known but nothing drawn.
type sheet struct {
	title, caption []string // lines
	columns        int
	gutter         vg.Length // left of the plotting areas: unit and tick labels
	plotWidth      vg.Length
	plotHeight     vg.Length
	rows           []row
	off            bool // a log axis lacks a value of 0 or less
	height         vg.Length
}

// A cell is one panel of the sheet.
type cell struct {
	*Panel
	title []string
	unit  []string
	axis  axis
	names [][]string // lines of each point's label
}

// A row of the sheet has what its cells share.
type row struct {
	cells        []cell
	title, names vg.Length // heights of the titles and of the labels
	naming       naming
}

// A naming is how the labels of the points are set, the same for all panels of a row, so that none meets a neighbour's.
type naming struct {
	angle float64 // in radians; 0: level, possibly on several lines
	size  vg.Length
	every int // label every point, every second, …
}

// arrange finds the place of everything.
func arrange(c *Comparison) *sheet {
	s := &sheet{columns: 2, plotHeight: panelHeight}
	if len(c.Panels) == 1 {
		s.columns, s.plotHeight = 1, tallPanel
	}
	s.title, _ = wrap(c.Title, titleSize, width-2*margin)
	for _, line := range c.Caption {
		lines, _ := wrap(line, captionSize, width-2*margin)
		s.caption = append(s.caption, lines...)
	}
	for i := range c.Panels {
		d := cell{Panel: &c.Panels[i], axis: newAxis(&c.Panels[i])}
		d.unit, _ = wrap(d.axis.label, labelSize, s.plotHeight)
		s.gutter = max(s.gutter, d.gutter())
		s.off = s.off || d.axis.floor > 0
		if i%s.columns == 0 {
			s.rows = append(s.rows, row{})
		}
		r := &s.rows[i/s.columns]
		r.cells = append(r.cells, d)
	}
	column := (width - 2*margin - vg.Length(s.columns-1)*columnGap) / vg.Length(s.columns)
	s.plotWidth = column - s.gutter
	for i := range s.rows {
		r := &s.rows[i]
		s.name(r)
		for j := range r.cells {
			d := &r.cells[j]
			d.title, _ = wrap(d.Title, panelSize, s.plotWidth)
			r.title = max(r.title, vg.Length(len(d.title))*panelSize*leading+4)
			r.names = max(r.names, r.namesHeight(d))
		}
	}
	s.height = 2*margin + s.head() + s.foot()
	for i, r := range s.rows {
		s.height += r.title + s.plotHeight + r.names
		if i > 0 {
			s.height += rowGap
		}
	}
	s.height = vg.Length(math.Ceil(float64(s.height)/3) * 3) // whole pixels at 96 dots an inch
	return s
}

// head gives the height of the title and the legend.
func (s *sheet) head() vg.Length {
	return vg.Length(len(s.title))*titleSize*leading + labelSize*leading + 18
}

// foot gives the height of the caption.
func (s *sheet) foot() vg.Length {
	if len(s.caption) == 0 {
		return 0
	}
	return vg.Length(len(s.caption))*captionSize*leading + 12
}

// gutter gives the room that a cell needs left of its plotting area.
func (d *cell) gutter() vg.Length {
	var w vg.Length
	for _, t := range d.axis.ticks {
		w = max(w, extent(t.label, labelSize))
	}
	return w + tickGap + 6 + vg.Length(len(d.unit))*labelSize*leading
}

// slot gives the room of one point on the x axis.
func (s *sheet) slot(d *cell) vg.Length { return s.plotWidth / vg.Length(len(d.Points)) }

// name chooses how the labels of a row's points are set: level on at most three lines if they fit, somewhat smaller if
// need be, else slanted, else standing, as small as need be, and with very many points only some of them.
func (s *sheet) name(r *row) {
	for _, size := range []vg.Length{labelSize, labelSize - 0.5, labelSize - 1} {
		if s.level(r, size) {
			return
		}
	}
	slot, long := vg.Length(math.Inf(1)), vg.Length(0)
	for i := range r.cells {
		slot = min(slot, s.slot(&r.cells[i]))
		for _, q := range r.cells[i].Points {
			long = max(long, extent(q.Label, labelSize))
		}
	}
	const slant = 40 * math.Pi / 180
	r.naming = naming{angle: slant, size: labelSize, every: 1}
	room := (margin + s.gutter + slot/2 - 6) / vg.Length(math.Cos(slant))
	if long > min(room, longest) || slot*vg.Length(math.Sin(slant)) < labelSize*leading {
		r.naming.angle = math.Pi / 2
		r.naming.size = max(smallest, min(labelSize, slot/1.2))
		r.naming.every = int(math.Ceil(float64(r.naming.size * 1.2 / slot * 0.999)))
		room = longest
	}
	for i := range r.cells {
		d := &r.cells[i]
		d.names = nil
		for j, q := range d.Points {
			if j%r.naming.every != 0 || q.Label == "" {
				d.names = append(d.names, nil)
				continue
			}
			d.names = append(d.names, []string{shorten(q.Label, r.naming.size, min(room, longest))})
		}
	}
}

// level sets the labels on level lines of a size; false if they do not fit.
func (s *sheet) level(r *row, size vg.Length) bool {
	r.naming = naming{size: size, every: 1}
	for i := range r.cells {
		d := &r.cells[i]
		d.names = nil
		for _, q := range d.Points {
			lines, whole := wrap(q.Label, size, s.slot(d)-3)
			if !whole || len(lines) > 3 {
				return false
			}
			d.names = append(d.names, lines)
		}
	}
	return true
}

// namesHeight gives the room that the labels of a cell take under its plotting area.
func (r *row) namesHeight(d *cell) vg.Length {
	sin, cos := math.Sincos(r.naming.angle)
	var h vg.Length
	for _, lines := range d.names {
		if r.naming.angle == 0 {
			h = max(h, vg.Length(len(lines))*r.naming.size*leading)
		} else if len(lines) > 0 {
			h = max(h, extent(lines[0], r.naming.size)*vg.Length(sin)+r.naming.size*vg.Length(cos))
		}
	}
	return h + tickGap
}
