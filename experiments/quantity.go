package experiments

import (
	"fmt"
	"math"
	"strings"
)

// Quantity writes a value of a metric for a reader, with three significant digits: "0.19 ms", "24.1 k/s", "0.52".
func Quantity(metric string, v float64) string {
	unit := metric[strings.LastIndexByte(metric, ':')+1:]
	switch {
	case unit == "seconds":
		return scaled(v, []scale{{1, " s"}, {1e-3, " ms"}, {1e-6, " µs"}, {1e-9, " ns"}})
	case strings.HasSuffix(unit, "/s"):
		return scaled(v, []scale{{1e6, " M/s"}, {1e3, " k/s"}, {1, " /s"}})
	case unit == "bytes":
		return scaled(v, []scale{{1 << 30, " GiB"}, {1 << 20, " MiB"}, {1 << 10, " KiB"}, {1, " B"}})
	}
	return digits(v)
}

type scale struct {
	by     float64
	suffix string
}

// scaled uses the first scale that leaves at least 1 before the point, else the last.
func scaled(v float64, scales []scale) string {
	s := scales[0]
	for _, s = range scales {
		if math.Abs(v) >= s.by || v == 0 && s.by == 1 {
			break
		}
	}
	return digits(v/s.by) + s.suffix
}

// digits writes three significant digits, all of them before the point where there are more, and no exponent.
func digits(v float64) string {
	if v == 0 {
		return "0"
	}
	after := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	s := fmt.Sprintf("%.*f", min(after, 9), v)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Text writes an interval of a metric for a reader: "9.4 k/s (9.2 k/s … 9.5 k/s)"; "–" for nil.
func Text(metric string, iv *Interval) string {
	switch {
	case iv == nil:
		return "–"
	case iv.Low == iv.High:
		return Quantity(metric, iv.Value)
	}
	return fmt.Sprintf("%s (%s … %s)", Quantity(metric, iv.Value), Quantity(metric, iv.Low), Quantity(metric, iv.High))
}

// ErrorText writes a relative error for a reader: "+4.2 %"; "–" for nil.
func ErrorText(e *float64) string {
	if e == nil {
		return "–"
	}
	if math.Abs(*e) >= 10 {
		return fmt.Sprintf("%+.0f %%", 100**e)
	}
	return fmt.Sprintf("%+.1f %%", 100**e)
}
