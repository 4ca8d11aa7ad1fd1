package experiments

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/figure"
	"github.com/gmplab/lab/experiments/stats"
)

// CostFile holds the costs that a prediction was charged, a lab.Cost as JSON.
const CostFile = "cost.json"

// Schema is the version of result.json. It grows when a field changes its meaning or goes away.
const Schema = 1

// result is result.json.
type result struct {
	Schema     int            `json:"schema"`
	Experiment string         `json:"experiment"`
	Title      string         `json:"title"`
	Question   string         `json:"question"`
	Seed       uint64         `json:"seed"`
	Host       lab.Host       `json:"host"` // the machine measured; of the costs where nothing was measured
	Command    string         `json:"command"`
	SHA256     string         `json:"prediction_sha256,omitempty"`
	Ok         bool           `json:"ok"`
	Predicted  *Source        `json:"predicted,omitempty"`
	Measured   *Source        `json:"measured,omitempty"`
	Rows       []Row          `json:"rows"`
	Claims     []ClaimVerdict `json:"claims"`
	Discard    string         `json:"discard_rule"`
	Clean      []Clean        `json:"clean"`
	Notes      []string       `json:"notes"`
}

// JSON gives the outcome as the indented text of result.json.
func (o *Outcome) JSON() ([]byte, error) {
	src := o.Measured
	if src == nil {
		src = o.Predicted
	}
	r := result{Schema: Schema, Experiment: o.Experiment.Name, Title: o.Experiment.Title, Question: o.Experiment.Question,
		Seed: src.Seed, Host: src.Host, Command: src.Command, SHA256: o.SHA256, Ok: o.Ok, Predicted: o.Predicted, Measured: o.Measured,
		Rows: o.Rows, Claims: o.Verdicts, Discard: DiscardRule, Clean: o.Clean, Notes: o.Notes}
	b, err := json.MarshalIndent(&r, "", "  ")
	return append(b, '\n'), err
}

// Bench gives one side as the text of its .bench file; nil if that side is not there.
func (o *Outcome) Bench(side string) ([]byte, error) {
	src := o.Predicted
	if side == lab.Measured {
		src = o.Measured
	}
	if src == nil {
		return nil, nil
	}
	return marshal(o.Experiment, src)
}

// Write makes DIR/NAME with figure.svg, figure.png, report.md, result.json and one .bench file for each side that is
// there, and returns their paths. Of a prediction that was made just now it also writes the costs, of which predicted.bench has the
// sum: with them anybody can make it again. Of an experiment with a Timeline it also writes that picture and the lines of gctrace that
// it was drawn from, a .gctrace file for each side. All files are made in a folder beside it, which then takes its place: an error leaves
// what was there as it was. Files of DIR/NAME that Write does not make stay, the .bench file of the other side
// included, so that a measurement joins the prediction made before.
func (o *Outcome) Write(dir string) ([]string, error) {
	fail := func(err error) ([]string, error) {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("cannot write results to folder %s: %w; choose another one", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	temp, err := os.MkdirTemp(dir, "."+o.Experiment.Name+"-*")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(temp)
	names, err := o.fill(temp)
	if err != nil {
		return fail(err)
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return fail(err)
	}
	to := filepath.Join(dir, o.Experiment.Name)
	if err := swap(temp, to); err != nil {
		return fail(err)
	}
	for i := range names {
		names[i] = filepath.Join(to, names[i])
	}
	return names, nil
}

// fill writes all files into a folder and gives their names.
func (o *Outcome) fill(dir string) (names []string, err error) {
	write := func(name string, b []byte, err error) error {
		if err != nil || b == nil {
			return err
		}
		names = append(names, name)
		return os.WriteFile(filepath.Join(dir, name), b, 0o644)
	}
	for _, name := range []string{"figure.svg", "figure.png"} {
		if err := figure.Render(o.Figure(), filepath.Join(dir, name)); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if err := write("report.md", []byte(o.report()), nil); err != nil {
		return nil, err
	}
	j, err := o.JSON()
	if err := write("result.json", j, err); err != nil {
		return nil, err
	}
	p, err := o.Bench(lab.Predicted)
	if err := write(PredictedFile, p, err); err != nil {
		return nil, err
	}
	if o.Predicted != nil {
		if err := write(CostFile, o.Predicted.costs, nil); err != nil {
			return nil, err
		}
	}
	m, err := o.Bench(lab.Measured)
	if err := write(MeasuredFile, m, err); err != nil {
		return nil, err
	}
	for _, side := range []string{lab.Predicted, lab.Measured} {
		if err := write(traceFile(side+".bench"), o.GCTrace(side), nil); err != nil {
			return nil, err
		}
	}
	if !o.HasTimeline() {
		return names, nil
	}
	for _, name := range []string{TimelineFile, TimelineZhFile, "timeline.png"} {
		if err := figure.RenderTimeline(o.Timeline(name == TimelineZhFile), filepath.Join(dir, name)); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// swap puts folder temp in the place of folder to. What to held and temp does not is moved over.
func swap(temp, to string) error {
	old := temp + "-old"
	err := os.Rename(to, old)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Rename(temp, to)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(temp, to); err != nil {
		return errors.Join(err, os.Rename(old, to))
	}
	kept, err := os.ReadDir(old)
	if err != nil {
		return err
	}
	for _, f := range kept {
		name := filepath.Join(to, f.Name())
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Rename(filepath.Join(old, f.Name()), name); err != nil {
			return fmt.Errorf("%w; the former files are in %s", err, old)
		}
	}
	return os.RemoveAll(old)
}

// maxPanels is how many checks a figure shows.
const maxPanels = 6

// Figure gives the picture of the outcome: one panel for each of the first six checks.
func (o *Outcome) Figure() figure.Comparison {
	c := figure.Comparison{Title: o.Experiment.Title, Caption: o.caption()}
	for _, check := range o.Experiment.Checks {
		m := lab.MetricNamed(check.Metric)
		p := figure.Panel{Title: strings.TrimSuffix(m.Name, ":"+m.Unit()), Unit: m.Unit()}
		if p.Unit == "seconds" {
			p.Unit = "s"
		}
		low, high := math.Inf(1), 0.0
		for _, r := range o.Rows {
			if r.Metric != check.Metric {
				continue
			}
			pt := figure.Point{Label: r.Point}
			for _, iv := range []*Interval{r.Predicted, r.Measured} {
				if iv != nil {
					low, high = min(low, iv.Low), max(high, iv.High)
				}
			}
			if r.Predicted != nil {
				pt.Predicted = new(figure.Interval(*r.Predicted))
			}
			if r.Measured != nil {
				pt.Measured = new(figure.Interval(*r.Measured))
			}
			p.Points = append(p.Points, pt)
		}
		p.Log = low > 0 && high > 20*low
		if len(p.Points) > 0 && len(c.Panels) < maxPanels {
			c.Panels = append(c.Panels, p)
		}
	}
	return c
}

// caption says in small print where the numbers come from.
func (o *Outcome) caption() []string {
	spread := func(n int) string {
		if stats.Coverage(n, 2) >= stats.Level {
			return fmt.Sprintf("median and %.0f %% interval of %d", 100*stats.Summarize(make([]float64, n)).Coverage, n)
		}
		return fmt.Sprintf("median and range of %d", n)
	}
	var lines []string
	if p := o.Predicted; p != nil {
		lines = append(lines, fmt.Sprintf("Predicted: median and spread of %d simulated runs, seed %d, costs of %s (%s, %d cores, %s).",
			p.reps(), p.Seed, named(p.Host.Name), named(p.Host.CPU), p.Host.Cores, named(p.Made)))
	}
	command := ""
	if m := o.Measured; m != nil {
		used, all := 0, 0
		for _, c := range o.Clean {
			all += c.All
			if c.UsedOnly {
				used += c.Clean
			} else {
				used += c.All
			}
		}
		lines = append(lines, fmt.Sprintf("Measured: %s runs (%d of all %d used), seed %d, on %s (%s, %d cores, %s, %s) at %s, library: %s.",
			spread(m.reps()), used, all, m.Seed, named(m.Host.Name), named(m.Host.CPU), m.Host.Cores, named(m.Host.Kernel), named(m.Host.Go), named(m.Date), named(m.Host.Library)))
		command = m.Command
	}
	if command == "" && o.Predicted != nil {
		command = o.Predicted.Command
	}
	return slices.DeleteFunc(append(lines, command), func(s string) bool { return s == "" })
}
