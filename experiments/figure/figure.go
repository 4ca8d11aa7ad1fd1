// Package figure draws comparison rows as a picture: one panel a metric, the points of an experiment along the x axis,
// predicted and measured side by side with their intervals; and the collections of a run over time. Nothing else in the
// project draws, but for the films of sim/tricolor.
//
// It places everything itself on the canvases of gonum.org/v1/plot/vg and measures text with a font of its own, a
// subset of Noto Sans CJK SC in the folder font; font/make.sh says how it was made and makes it again. What the subset
// lacks is an error, never a blank: add the characters to font/terms.txt and run font/make.sh.
package figure

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Comparison is one figure. Runs of white space in its texts, line breaks too, count as one space.
type Comparison struct {
	Title   string   // above the panels; wraps
	Caption []string // small lines at the bottom, such as host, date, library version, seed and command; each wraps
	Panels  []Panel  // 1 to 6 of them, in two columns when there is more than one
}

// A Panel shows one metric. A linear axis always holds 0.
type Panel struct {
	Title  string  // the metric, for the reader; wraps
	Unit   string  // of the values: "s", "seconds" and "秒" are scaled to ns, µs, ms or s; others get k, M or G at the ticks
	Log    bool    // logarithmic y axis; values of 0 or less are then marked below it
	Points []Point // 1 to 100, in the order of the x axis
}

// A Point is one place on the x axis; a side that is nil is not shown.
type Point struct {
	Label               string // wraps, or stands on edge; one too long even for that is shortened in the middle
	Predicted, Measured *Interval
}

// An Interval is a value and the ends of its interval, in the panel's unit; with Low equal to High no bar is drawn.
type Interval struct{ Value, Low, High float64 }

// The limits of what one figure can show legibly.
const (
	maxPanels  = 6
	maxPoints  = 100
	maxText    = 2000 // characters of the title and of a line of the caption
	maxLabel   = 200  // characters of every other text
	maxCaption = 20   // lines
	largest    = 1e30 // magnitudes from its reciprocal up to it can be placed on an axis
)

// dpi is the resolution of PNG files: twice the 96 of a screen, so that 800 px wide become 1600.
const dpi = 192

// Render draws c into the file named path, as SVG (800 px wide) or PNG (1600 px wide, the same picture at twice the
// size) by its extension. The file appears whole or not at all, and the same c gives the same bytes. An error names
// the panel and point with a value that cannot be drawn, or the text and the character that the font lacks.
func Render(c Comparison, path string) error {
	return toFile(path, func(ext string) ([]byte, error) {
		c := tidy(c)
		if err := check(&c); err != nil {
			return nil, err
		}
		return encode(&c, ext)
	})
}

// toFile writes a picture into the file named path; make gives its bytes for an extension.
func toFile(path string, make func(ext string) ([]byte, error)) error {
	ext := strings.ToLower(filepath.Ext(path))
	if ext != ".svg" && ext != ".png" {
		return fmt.Errorf("figure: cannot draw %s: its extension is %q; use .svg or .png", path, ext)
	}
	picture, err := make(ext)
	if err != nil {
		return fmt.Errorf("figure: cannot draw %s: %w", path, err)
	}
	if err := maybe.WriteFile(path, picture, 0o644); err != nil {
		return fmt.Errorf("figure: cannot write %s: %w; choose a folder that exists and can be written to", path, err)
	}
	return nil
}

// encode gives the bytes of the file.
func encode(c *Comparison, ext string) ([]byte, error) {
	s := arrange(c)
	return onCanvas(ext, s.height, strings.Join(s.title, " "), s.draw)
}

// onCanvas gives the bytes of a file that draw draws on a canvas of that height.
func onCanvas(ext string, height vg.Length, title string, draw func(vg.Canvas)) ([]byte, error) {
	var file bytes.Buffer
	if ext == ".png" {
		canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))
		draw(canvas)
		_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(&file)
		return file.Bytes(), err
	}
	canvas := vgsvg.New(width, height)
	draw(canvas)
	if _, err := canvas.WriteTo(&file); err != nil {
		return nil, err
	}
	return portable(file.Bytes(), title), nil
}

// tidy gives a copy of c whose texts have single spaces only.
func tidy(c Comparison) Comparison {
	one := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	out := Comparison{Title: one(c.Title)}
	for _, line := range c.Caption {
		out.Caption = append(out.Caption, one(line))
	}
	for _, p := range c.Panels {
		points := p.Points
		p.Title, p.Unit, p.Points = one(p.Title), one(p.Unit), nil
		for _, q := range points {
			q.Label = one(q.Label)
			p.Points = append(p.Points, q)
		}
		out.Panels = append(out.Panels, p)
	}
	return out
}

// check says what of c cannot be drawn.
func check(c *Comparison) error {
	if n := len(c.Panels); n < 1 || n > maxPanels {
		return fmt.Errorf("it has %d panels; give 1 to %d", n, maxPanels)
	}
	if n := len(c.Caption); n > maxCaption {
		return fmt.Errorf("its caption has %d lines; give at most %d", n, maxCaption)
	}
	if err := drawable("the title", c.Title, maxText); err != nil {
		return err
	}
	for i, line := range c.Caption {
		if err := drawable(fmt.Sprintf("caption line %d", i+1), line, maxText); err != nil {
			return err
		}
	}
	for i := range c.Panels {
		if err := c.Panels[i].check(fmt.Sprintf("panel %d (%q)", i+1, clip(c.Panels[i].Title))); err != nil {
			return err
		}
	}
	return nil
}

func (p *Panel) check(where string) error {
	if err := drawable(where+", its title", p.Title, maxLabel); err != nil {
		return err
	}
	if err := drawable(where+", its unit", p.Unit, maxLabel); err != nil {
		return err
	}
	if n := len(p.Points); n < 1 || n > maxPoints {
		return fmt.Errorf("%s has %d points; give 1 to %d", where, n, maxPoints)
	}
	for i, q := range p.Points {
		where := fmt.Sprintf("%s, point %d (%q)", where, i+1, clip(q.Label))
		if err := drawable(where+", its label", q.Label, maxLabel); err != nil {
			return err
		}
		if err := q.Predicted.check(where + ", predicted"); err != nil {
			return err
		}
		if err := q.Measured.check(where + ", measured"); err != nil {
			return err
		}
	}
	return nil
}

func (v *Interval) check(where string) error {
	if v == nil {
		return nil
	}
	for _, x := range []float64{v.Value, v.Low, v.High} {
		if a := math.Abs(x); x != 0 && !(a >= 1/largest && a <= largest) {
			return fmt.Errorf("%s: %v cannot be placed on an axis; give numbers of magnitude %g to %g, 0, or no interval",
				where, x, 1/largest, largest)
		}
	}
	if v.Low > v.High {
		return fmt.Errorf("%s: the interval's low end %v is above its high end %v; swap them", where, v.Low, v.High)
	}
	return nil
}
