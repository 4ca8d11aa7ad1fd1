package accuracy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments"
)

// Schema is the version of accuracy.json. It grows when a field changes its meaning or goes away.
const Schema = 1

// JSON gives the score as the indented text of accuracy.json: a summary with one entry for each metric, and all trials.
func (s *Score) JSON(o *experiments.Outcome) ([]byte, error) {
	summary := map[string]any{"trials": len(s.Trials), "discarded": s.Discarded, "repetitions": s.All, "regime": s.Regime, "band": s.Band,
		"best_setting": map[string]any{"right": s.Right, "sweeps": s.Sweeps, "regret": s.Regret}}
	for name, m := range s.Metrics {
		summary[name] = m
	}
	b, err := json.MarshalIndent(map[string]any{
		"schema":            Schema,
		"seed":              o.Measured.Seed,
		"host":              o.Measured.Host,
		"date":              o.Measured.Date,
		"command":           o.Measured.Command,
		"quick":             o.Measured.Quick,
		"prediction_sha256": o.SHA256,
		"cost_sha256":       o.Predicted.Cost,
		"discard_rule":      experiments.DiscardRule,
		"notes":             o.Notes,
		"summary":           summary,
		"trials":            s.Trials,
	}, "", "  ")
	return append(b, '\n'), err
}

// Rows gives the table of metrics, head first.
func (s *Score) Rows() (rows [][]string) {
	rows = append(rows, []string{"metric", "median error", "goal", "95 % or range", "90th percentile", "worst", "trial", "noise floor", "trials"})
	for _, m := range Metrics {
		sum, ok := s.Metrics[m.Name]
		if !ok {
			continue
		}
		goal := "–"
		if m.Goal > 0 {
			goal = m.text(m.Goal)
			if sum.Median > m.Goal {
				goal += " missed"
			}
		}
		rows = append(rows, []string{m.Name, m.text(sum.Median), goal, m.text(sum.Low) + " … " + m.text(sum.High), m.text(sum.P90), m.text(sum.Worst), sum.WorstN, m.text(sum.Noise), fmt.Sprint(sum.N)})
	}
	return rows
}

// text writes an error of the metric.
func (m *Metric) text(e float64) string {
	if m.Count {
		return fmt.Sprintf("%.3g", e)
	}
	return fmt.Sprintf("%.1f %%", 100*e)
}

// Sentences say what is no table.
func (s *Score) Sentences() []string {
	list := []string{fmt.Sprintf("%d of %d measured repetitions were not clean.", s.Discarded, s.All)}
	if s.Regime.Of > 0 {
		list = append(list, fmt.Sprintf("Stable or overloaded: predicted right for %d of %d open loops.", s.Regime.Right, s.Regime.Of))
	}
	if s.Band.Of > 0 {
		list = append(list, fmt.Sprintf("p99.9 and the longest stop of the world: the measured median lies in the range of the predicted repetitions in %d of %d cases.", s.Band.Right, s.Band.Of))
	}
	if s.Sweeps > 0 {
		list = append(list, fmt.Sprintf("Best setting of a sweep: right in %d of %d; the largest regret is %.1f %%.", s.Right, s.Sweeps, 100*s.Regret))
	}
	return append(list, "Verdicts: "+s.verdicts()+".")
}

func (s *Score) verdicts() string {
	var parts []string
	for _, v := range []string{Agrees, WithinNoise, Bistable, Saturated, Stale, OneSide, ModelError} {
		if n := count(s.Trials, func(t Trial) bool { return t.Verdict == v }); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}

func count(trials []Trial, is func(Trial) bool) (n int) {
	for _, t := range trials {
		if is(t) {
			n++
		}
	}
	return n
}

// Markdown gives the score as a page.
func (s *Score) Markdown(o *experiments.Outcome) string {
	var b strings.Builder
	m := o.Measured
	fmt.Fprintf(&b, "# %s\n\n", o.Experiment.Title)
	fmt.Fprintf(&b, "* Measured on %s (%s, %d cores, %s, %s), %s, seed %d: `%s`\n", m.Host.Name, m.Host.CPU, m.Host.Cores, m.Host.Kernel, m.Host.Go, m.Date, m.Seed, m.Command)
	fmt.Fprintf(&b, "* SHA-256 of the predictions, decided before the first measurement: `%s`; of the costs: `%s`\n", o.SHA256, o.Predicted.Cost)
	for _, line := range s.Sentences() {
		fmt.Fprintf(&b, "* %s\n", line)
	}
	b.WriteString("\n![predicted against measured](accuracy.svg)\n\n## By metric\n\n")
	writeTable(&b, s.Rows())
	b.WriteString("\nThe error of a trial is (predicted − measured) / measured of the medians of its repetitions; the table has their absolute values. The noise floor is half the width of the measured interval over its value, and for distributions the distance of the measurement's own halves.\n\n## By family\n\n")
	writeTable(&b, s.families())
	b.WriteString("\n## All trials\n\n")
	writeTable(&b, s.trials())
	b.WriteString("\n## Notes\n\n* " + experiments.DiscardRule + "\n")
	for _, n := range o.Notes {
		fmt.Fprintf(&b, "* %s\n", n)
	}
	return b.String()
}

// families gives the median error of each metric in each family.
func (s *Score) families() [][]string {
	rows := [][]string{{"family", "metric", "median error", "worst", "model errors", "trials"}}
	for _, f := range Families {
		var of []Trial
		for _, t := range s.Trials {
			if t.Family == f {
				of = append(of, t)
			}
		}
		for _, m := range Metrics {
			if sum, ok := summarize(of, m.Name); ok {
				wrong := count(of, func(t Trial) bool { return t.Metric == m.Name && (t.Verdict == ModelError || t.Verdict == OneSide) })
				rows = append(rows, []string{f, m.Name, m.text(sum.Median), m.text(sum.Worst), fmt.Sprint(wrong), fmt.Sprint(sum.N)})
			}
		}
	}
	return rows
}

// units are the names under which quantities of metrics are written.
var units = map[string]string{"throughput": ":requests/s", "heap_peak": ":bytes", "gc_cpu": ":ratio", "threads": ":threads"}

func (s *Score) trials() [][]string {
	rows := [][]string{{"case", "metric", "predicted", "measured", "error", "noise", "verdict"}}
	for _, t := range s.Trials {
		m, unit := metricNamed(t.Metric), units[t.Metric]
		if unit == "" {
			unit = ":seconds"
		}
		sign := ""
		if t.Error > 0 && t.Metric != "wasserstein" {
			sign = "+"
		}
		rows = append(rows, []string{t.Name, t.Metric, experiments.Text(unit, &t.Predicted), experiments.Text(unit, &t.Measured), sign + m.text(t.Error), m.text(t.Noise), t.Verdict})
	}
	return rows
}

func writeTable(b *strings.Builder, rows [][]string) {
	for i, r := range rows {
		b.WriteString("| " + strings.Join(r, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(r)) + "|\n")
		}
	}
}

// Check says what is wrong with a list of cases: a name twice, a metric or a family that does not exist.
func Check(cases []Case) error {
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.Name] {
			return fmt.Errorf("case %s stands in the list twice", c.Name)
		}
		seen[c.Name] = true
		if !slices.Contains(Families, c.Family) {
			return fmt.Errorf("case %s: there is no family %q", c.Name, c.Family)
		}
		for _, name := range append(slices.Clone(c.Metrics), c.Best) {
			if name != "" && metricNamed(name) == nil {
				return fmt.Errorf("case %s: there is no metric %q", c.Name, name)
			}
		}
		t := lab.Trial{Workload: c.Workload, Knobs: c.Knobs}
		if err := t.Validate(); err != nil {
			return fmt.Errorf("case %s: %w", c.Name, err)
		}
	}
	return nil
}
