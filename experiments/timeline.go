package experiments

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/figure"
)

// The pictures of an experiment's Timeline, in English and in Chinese, and what stands for them where they are not shown.
const (
	TimelineFile   = "timeline.svg"
	TimelineZhFile = "timeline.zh.svg"
	TimelineAlt    = "Collections over time: the live heap, mark phases and stops of the world, predicted and measured"
)

// timelineSpan is how much of the counted part a Timeline shows.
const timelineSpan = time.Second

// window is the part of the run that a Timeline shows: the first second of the counted part.
func (e *Experiment) window(quick bool) (from, to time.Duration) {
	w := e.trial(e.point(e.Timeline), 0, Options{Quick: quick}).Workload
	span := timelineSpan
	if w.Run > 0 {
		span = min(span, w.Run)
	}
	return w.Warmup, w.Warmup + span
}

// shown gives the cycles that lie in the window, with one on either side for the lines that enter it, as their lines of
// gctrace tell of them: the picture is drawn from the same numbers whether the run was made or read.
func (e *Experiment) shown(all []lab.GCCycle, quick bool) []lab.GCCycle {
	from, to := e.window(quick)
	var cycles []lab.GCCycle
	for i := range all {
		c := &all[i]
		end := c.At + c.StopSweep + c.Mark + c.StopMark
		switch {
		case c.At < 0: // it began before the run did, and a line cannot say so
		case end < from:
			cycles = append(cycles[:0], *c)
		case c.At <= to:
			cycles = append(cycles, *c)
		default:
			return asPrinted(append(cycles, *c))
		}
	}
	return asPrinted(cycles)
}

// asPrinted gives the cycles as their lines of gctrace tell of them.
func asPrinted(cycles []lab.GCCycle) []lab.GCCycle {
	l, err := lab.ParseGODEBUG(strings.NewReader(string(lines(cycles))))
	if err != nil {
		return cycles // lines that cannot be read back: of a Runner that made up its cycles
	}
	return l.GCs
}

func lines(cycles []lab.GCCycle) []byte {
	return lab.GODEBUG{Gctrace: true}.Append(nil, cycles, nil)
}

// traceFile is the file of collections that belongs to a .bench file.
func traceFile(bench string) string { return strings.TrimSuffix(bench, ".bench") + ".gctrace" }

// readTrace reads the collections of a .gctrace file; nil if there is none.
func readTrace(path string) ([]lab.GCCycle, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	l, err := lab.ParseGODEBUG(f)
	if err == nil && len(l.GCs) == 0 {
		err = errors.New("no line of gctrace in it")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; delete it, or make it again with gmplab run", path, err)
	}
	return l.GCs, nil
}

// GCTrace gives the collections of one side that the Timeline shows, as the lines of GODEBUG=gctrace=1; nil if there is none.
func (o *Outcome) GCTrace(side string) []byte {
	src := o.Predicted
	if side == lab.Measured {
		src = o.Measured
	}
	if src == nil || o.Experiment.Timeline == "" {
		return nil
	}
	return lines(src.GCs)
}

// HasTimeline tells whether there is a Timeline to draw: a point is named, and a side shows a collection.
func (o *Outcome) HasTimeline() bool {
	return len(o.GCTrace(lab.Predicted))+len(o.GCTrace(lab.Measured)) > 0
}

// Timeline gives the picture of the collections of the point that the experiment names; zh asks for Chinese labels.
func (o *Outcome) Timeline(zh bool) figure.Timeline {
	e := o.Experiment
	src := o.Predicted
	if src == nil {
		src = o.Measured
	}
	from, to := e.window(src.Quick)
	span := Quantity(":seconds", (to - from).Seconds())
	t := figure.Timeline{Span: (to - from).Seconds(), Zh: zh, Caption: o.timelineCaption(zh),
		Title: fmt.Sprintf("%s, %s: collections in the first %s of the counted part", e.Name, e.Timeline, span)}
	if zh {
		t.Title = fmt.Sprintf("%s，%s：计数部分前 %s 的垃圾回收", e.Name, e.Timeline, span)
	}
	if o.Predicted != nil {
		t.Predicted = cyclesFrom(o.Predicted.GCs, from)
	}
	if o.Measured != nil {
		t.Measured = cyclesFrom(o.Measured.GCs, from)
	}
	return t
}

// timelineCaption says in small print which two runs are shown.
func (o *Outcome) timelineCaption(zh bool) []string {
	predicted, measured := "Predicted: one simulated run, seed %d, costs of %s (%s, %d cores, %s).", "Measured: one run, seed %d, on %s (%s, %d cores, %s) at %s."
	if zh {
		predicted, measured = "预测：一次模拟，种子 %d，成本来自 %s（%s，%d 核，%s）。", "实测：一次运行，种子 %d，主机 %s（%s，%d 核，%s），时间 %s。"
	}
	var lines []string
	if p := o.Predicted; p != nil {
		lines = append(lines, fmt.Sprintf(predicted, p.Seed, named(p.Host.Name), named(p.Host.CPU), p.Host.Cores, named(p.Made)))
	}
	if m := o.Measured; m != nil {
		lines = append(lines, fmt.Sprintf(measured, m.Seed, named(m.Host.Name), named(m.Host.CPU), m.Host.Cores, named(m.Host.Go), named(m.Date)))
	}
	return lines
}

// cyclesFrom puts cycles on a clock that is 0 at from. Their beginnings are known to within a ms: of two that follow one
// another at once the second one is drawn behind the first.
func cyclesFrom(cycles []lab.GCCycle, from time.Duration) []figure.Cycle {
	var all []figure.Cycle
	end := 0.0
	for i := range cycles {
		c := &cycles[i]
		f := figure.Cycle{Begin: (c.At - from).Seconds(), StopSweep: c.StopSweep.Seconds(), Mark: c.Mark.Seconds(), StopMark: c.StopMark.Seconds(),
			HeapBegin: float64(c.HeapBegin), HeapEnd: float64(c.HeapEnd), HeapMarked: float64(c.HeapMarked), Goal: float64(c.Goal)}
		if i > 0 {
			f.Begin = max(f.Begin, end)
		}
		end = f.Begin + f.StopSweep + f.Mark + f.StopMark
		all = append(all, f)
	}
	return all
}
