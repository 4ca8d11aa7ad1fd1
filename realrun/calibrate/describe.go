package calibrate

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/gmplab/lab"
)

// A Row is one line of a printed Cost.
type Row struct {
	Name   string // the field of Cost
	Value  string // the median; "not measured" for a field that is zero
	Spread string // P10–P90 over rounds of a cost, P10–P90 of a distribution; may be empty
	Unit   string // ns, µs or /s; may be empty
}

// Describe gives the costs as rows to print, in the order of the fields of Cost, and a row for each batch size of each
// service table.
func Describe(c lab.Cost) []Row {
	var rows []Row
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if input(name) || name == "Marking" {
			continue
		}
		if _, ok := v.Field(i).Interface().(bool); !ok && v.Field(i).IsZero() && name != "Pack" {
			rows = append(rows, Row{Name: name, Value: "not measured"})
			continue
		}
		switch f := v.Field(i).Interface().(type) {
		case lab.Nanos:
			row := nanosRow(name, f)
			if name == "Slice" && f.P50 == assumedSlice(c.Tick.P50) {
				row.Spread += ", assumed: from the kernel's source"
			}
			rows = append(rows, row)
		case lab.Dist:
			rows = append(rows, distRow(name, f))
		case lab.Value:
			rows = append(rows, Row{name, number(f.P50), number(f.P10) + "–" + number(f.P90), map[bool]string{true: "/s"}[name == "GapRate"]})
		case int:
			rows = append(rows, Row{Name: name, Value: fmt.Sprint(f)})
		case lab.Heap:
			rows = append(rows, heapRow(f))
		case []lab.AllocCost:
			for _, a := range f {
				rows = append(rows, nanosRow(fmt.Sprintf("%s %d B%s over %d MiB", name, a.Bytes, pointers[a.Pointers], a.Heap>>20), a.Time))
			}
		case []lab.MarkCost:
			for _, m := range f {
				rows = append(rows, nanosRow(fmt.Sprintf("%s %d B%s in %d MiB%s%s", name, m.Bytes, pointers[m.Pointers], m.Live>>20, among[m.Among > 0], old[m.Old]), m.Time))
			}
		case []float64:
			rows = append(rows, Row{Name: name, Value: number(100 * mean(f)), Spread: number(100*quantile(f, 0.1)) + "–" + number(100*quantile(f, 0.9)), Unit: "%"})
		case []lab.Rested:
			for _, r := range f {
				rows = append(rows, distRow(fmt.Sprintf("%s %v", name, r.Idle), r.Wake))
				if r.Call.P50 > 0 {
					rows = append(rows, nanosRow(fmt.Sprintf("%s %v, to the waker", name, r.Idle), r.Call))
				}
			}
		}
	}
	for _, s := range c.Infer {
		for i, n := range s.Batch {
			row := distRow(fmt.Sprintf("%s intra %d busy %d batch %d", s.Model, s.IntraOp, s.Busy, n), s.Time[i])
			row.Spread += fmt.Sprintf(", %.2f cores, host's speed ×%.2f–%.2f", s.CPU[i], s.Factor(0.1), s.Factor(0.9))
			rows = append(rows, row)
		}
	}
	return rows
}

// Missing lists the fields that were not measured: zero where a measured machine cannot be zero.
func Missing(c lab.Cost) []string {
	var names []string
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		switch f := v.Type().Field(i); f.Name {
		case "Host", "Made", "Took", "Refreshed", "Quick", "Pack", "Marking", "ExitSlow": // the last one is a difference
		default:
			if v.Field(i).IsZero() && !input(f.Name) && !(f.Name == "Stall" && c.Stalls != nil) { // a machine that is not virtual does not stall
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// input tells whether a field of Cost says what the user wants to know about and not what was measured.
func input(name string) bool { return name == "Foreign" || name == "SMT" || name == "NUMA" }

// What the rows of the tables of the heap say of their objects.
var (
	pointers = map[bool]string{true: ", pointers"}
	old      = map[bool]string{true: ", before Green Tea"}
	among    = map[bool]string{true: " among others"}
)

func nanosRow(name string, n lab.Nanos) Row {
	return Row{name, number(n.P50), number(n.P10) + "–" + number(n.P90), "ns"}
}

func heapRow(h lab.Heap) Row {
	return Row{"Heap", fmt.Sprint(h.Live), fmt.Sprintf("scan %d, stacks %d, globals %d; beside the heap %d, and %.2g %% of it", h.Scan, h.Stack, h.Globals, h.Other, 100*h.Share), "B"}
}

func distRow(name string, d lab.Dist) Row {
	us := func(q float64) string { return number(float64(d.Quantile(q)) / 1e3) }
	return Row{name, us(0.5), us(0.1) + "–" + us(0.9), "µs"}
}

// number writes three digits, all of a larger number.
func number(x float64) string {
	if x >= 1000 {
		return fmt.Sprintf("%.0f", x)
	}
	s := fmt.Sprintf("%.3g", x)
	return strings.TrimSuffix(s, ".0")
}
