package figure

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
)

// An axis maps the values of a panel to heights.
type axis struct {
	log      bool
	low, top float64 // the ends, in the panel's unit
	label    string  // what stands beside it: the unit
	ticks    []tick
	floor    vg.Length // height of the strip under a log axis that shows values of 0 or less; 0: none is there
}

// A tick is a line across the panel; one without a label is minor and only a mark at the edge.
type tick struct {
	value float64
	label string
}

// floorHeight is the height of the strip for what a log axis cannot hold.
const floorHeight = 15

// at gives the height of a value above the bottom of a panel of height h.
func (a *axis) at(v float64, h vg.Length) vg.Length {
	low, top := a.low, a.top
	if a.log {
		v, low, top = math.Log10(v), math.Log10(low), math.Log10(top)
	}
	return a.floor + (h-a.floor)*vg.Length((v-low)/(top-low))
}

// newAxis fits an axis to the values of a panel.
func newAxis(p *Panel) axis {
	a := axis{log: p.Log}
	low, high, any := math.Inf(1), math.Inf(-1), false
	for _, q := range p.Points {
		for _, v := range []*Interval{q.Predicted, q.Measured} {
			if v == nil {
				continue
			}
			if a.log && v.Value <= 0 {
				a.floor = floorHeight
				continue
			}
			for _, x := range []float64{v.Value, v.Low, v.High} {
				if !a.log || x > 0 {
					low, high, any = min(low, x), max(high, x), true
				}
			}
		}
	}
	if !any {
		low, high = 1, 1
	}
	scale, unit := unitFor(p, low, high)
	if a.log {
		a.fitLog(low/scale, high/scale, unit == p.Unit)
		unit = strings.TrimPrefix(unit+", log scale", ", ")
	} else {
		a.fitLinear(min(low, 0)/scale, max(high, 0)/scale, unit == p.Unit)
	}
	a.label = unit
	a.low, a.top = a.low*scale, a.top*scale
	for i := range a.ticks {
		a.ticks[i].value *= scale
	}
	return a
}

// unitFor gives the unit to show and its size in the panel's unit. Only seconds are scaled: on a linear axis by the
// largest value, on a logarithmic one by the middle of the range.
func unitFor(p *Panel, low, high float64) (float64, string) {
	if p.Unit != "s" && p.Unit != "seconds" && p.Unit != "秒" {
		return 1, p.Unit
	}
	typical := max(math.Abs(low), math.Abs(high))
	if p.Log {
		typical = math.Sqrt(low) * math.Sqrt(high)
	}
	switch {
	case typical == 0 || typical >= 1:
		return 1, "s"
	case typical >= 1e-3:
		return 1e-3, "ms"
	case typical >= 1e-6:
		return 1e-6, "µs"
	}
	return 1e-9, "ns"
}

// fitLinear sets ends and about six ticks at 1, 2 or 5 times a power of ten.
func (a *axis) fitLinear(low, high float64, prefix bool) {
	if low == high {
		high = low + 1
	}
	span := (high - low) * 1.08
	ten := power(1, int(math.Floor(math.Log10(span/6))))
	step := 10 * ten
	for _, m := range []float64{5, 2, 1} {
		if span/(m*ten) <= 6 {
			step = m * ten
		}
	}
	margin := (high - low) * 0.04
	from, to := math.Floor((low-margin)/step), math.Ceil((high+margin)/step)
	if low == 0 {
		from = 0
	}
	if high == 0 {
		to = 0
	}
	for i := from; i <= to; i++ {
		a.ticks = append(a.ticks, tick{i * step, number(i*step, prefix)})
	}
	a.low, a.top = from*step, to*step
}

// fitLog sets ends and ticks at powers of ten, with 2 and 5 times them where there is room.
func (a *axis) fitLog(low, high float64, prefix bool) {
	first, last := int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
	var near []float64 // 1, 2 and 5 times powers of ten, from the last below the values to the first above
	for e := first - 1; e <= last+1; e++ {
		for _, m := range []float64{1, 2, 5} {
			near = append(near, power(m, e))
		}
	}
	for len(near) > 2 && near[1] <= low*0.97 {
		near = near[1:]
	}
	for n := len(near); n > 2 && near[n-2] >= high*1.03; n = len(near) {
		near = near[:n-1]
	}
	low, high = near[0], near[len(near)-1]
	if len(near) > 8 {
		near = near[:0]
		first, last = int(math.Ceil(math.Log10(low)-1e-9)), int(math.Floor(math.Log10(high)+1e-9))
		for e := first; e <= last; e += (last-first)/8 + 1 {
			near = append(near, power(1, e))
		}
	}
	for _, v := range near {
		a.ticks = append(a.ticks, tick{v, number(v, prefix)})
	}
	if last-first <= 5 {
		for e := first - 1; e <= last; e++ {
			for m := 2.0; m <= 9; m++ {
				if v := power(m, e); v > low*1.001 && v < high*0.999 {
					a.ticks = append(a.ticks, tick{value: v})
				}
			}
		}
	}
	a.low, a.top = low, high
}

// power gives m·10^e, exact where a float64 can be.
func power(m float64, e int) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(m, 'f', 0, 64)+"e"+strconv.Itoa(e), 64)
	return v
}

// number writes a tick's value: 20k with a prefix, 0.002, 3e−7.
func number(v float64, prefix bool) string {
	if v == 0 {
		return "0"
	}
	a, suffix := math.Abs(v), ""
	for _, s := range []string{"k", "M", "G", "T"} {
		if !prefix || a < 999.9 {
			break
		}
		a, v, suffix = a/1e3, v/1e3, s
	}
	s := strconv.FormatFloat(v, 'g', 4, 64)
	if a >= 0.9999e-4 && a < 0.9999e5 {
		s = strconv.FormatFloat(v, 'f', max(0, 4-int(math.Floor(math.Log10(a)))), 64)
		if strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
	} else {
		s = strings.Replace(strings.Replace(s, "e-0", "e-", 1), "e+0", "e+", 1)
	}
	return strings.ReplaceAll(s, "-", "−") + suffix
}
