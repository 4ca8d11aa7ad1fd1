package experiments

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/stats"
)

// words are the fixed words of the generated Markdown in one language.
type words struct {
	rows, claims, clean, notes    string // headings
	rowHead, claimHead, cleanHead string
	rule                          string
	predicted                     string // with runs, host, CPU, cores, date of the costs, seed
	measured                      string // with runs, host, CPU, cores, kernel, Go, library, date, seed
	coverage                      string // with runs and percent
	score                         string // with metric, error, interval, points
	sha256, decided, against      string // with the sum: of a prediction, of the one that the measurement was decided against, of another such one
}

var english = words{
	rows: "Predicted and measured", claims: "Claims", clean: "Clean repetitions", notes: "Notes",
	rowHead:   "| point | predicted | measured | error | allowed | verdict |",
	claimHead: "| claim | statement | predicted | measured | both sides | expected |",
	cleanHead: "| point | clean | all | used |",
	rule:      "Rule",
	predicted: "Predicted: median and interval of %d simulated runs a point, at the costs of %s (%s, %d cores, calibrated %s), seed %d.",
	measured:  "Measured: median and interval of %d runs a point on %s (%s, %d cores, %s, %s, library: %s) at %s, seed %d.",
	coverage:  "An interval of %d runs holds the true median with a probability of %.0f %%.",
	score:     "Median absolute error of `%s` over %d points: %s (95 %% bootstrap interval over the points: %s … %s).",
	sha256:    "SHA-256 of the prediction: `%s`.",
	decided:   "SHA-256 of the prediction, decided before the first measurement: `%s`.",
	against:   "The measurement began when another prediction had been decided, for the state of the host in that minute: `%s`.",
}

var chinese = words{
	rows: "预测与实测", claims: "论断", clean: "干净的重复", notes: "备注",
	rowHead:   "| 设置 | 预测 | 实测 | 误差 | 容差 | 结论 |",
	claimHead: "| 论断 | 内容 | 预测 | 实测 | 两侧合看 | 期望 |",
	cleanHead: "| 设置 | 干净 | 全部 | 采用 |",
	rule:      "判定规则",
	predicted: "预测：每个设置 %d 次模拟的中位数与区间，成本取自 %s（%s，%d 核，校准于 %s），种子 %d。",
	measured:  "实测：每个设置 %d 次运行的中位数与区间，主机 %s（%s，%d 核，%s，%s，推理库：%s），时间 %s，种子 %d。",
	coverage:  "%d 次运行的区间以 %.0f %% 的概率包含真实中位数。",
	score:     "`%s` 在 %d 个设置上的绝对误差中位数：%s（对设置做自助法的 95 %% 区间：%s … %s）。",
	sha256:    "预测的 SHA-256：`%s`。",
	decided:   "预测的 SHA-256（先于第一次测量确定）：`%s`。",
	against:   "这次测量开始之前确定的是另一个预测，按主机当时的状态做出：`%s`。",
}

// Markdown writes what came out, from provenance to notes, with headings of that level and below. zh chooses Chinese
// headings; names, claims and notes stay as they are. The same data give the same text.
func (o *Outcome) Markdown(level int, zh bool) string {
	w := &english
	if zh {
		w = &chinese
	}
	var b strings.Builder
	h := strings.Repeat("#", level)
	o.provenance(&b, w)
	fmt.Fprintf(&b, "\n%s %s\n", h, w.rows)
	for _, c := range o.Experiment.Checks {
		o.writeRows(&b, w, c)
	}
	if len(o.Verdicts) > 0 {
		fmt.Fprintf(&b, "\n%s %s\n\n%s\n|---|---|---|---|---|---|\n", h, w.claims, w.claimHead)
		for _, v := range o.Verdicts {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", v.ID, v.Statement, dash(v.Predicted), dash(v.Measured), dash(v.Both), v.Expect)
		}
		b.WriteByte('\n')
		for _, v := range o.Verdicts {
			fmt.Fprintf(&b, "* %s %s: %s\n", w.rule, v.ID, v.Rule)
		}
	}
	if len(o.Clean) > 0 {
		fmt.Fprintf(&b, "\n%s %s\n\n%s\n\n%s\n|---|---|---|---|\n", h, w.clean, DiscardRule, w.cleanHead)
		for _, c := range o.Clean {
			used := c.All
			if c.UsedOnly {
				used = c.Clean
			}
			fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", c.Point, c.Clean, c.All, used)
		}
	}
	if len(o.Notes) > 0 {
		fmt.Fprintf(&b, "\n%s %s\n\n", h, w.notes)
		for _, n := range o.Notes {
			fmt.Fprintf(&b, "* %s\n", n)
		}
	}
	return b.String()
}

func (o *Outcome) provenance(b *strings.Builder, w *words) {
	runs := map[int]bool{}
	if p := o.Predicted; p != nil {
		n := p.reps()
		fmt.Fprintf(b, "* "+w.predicted+" `%s`\n", n, named(p.Host.Name), named(p.Host.CPU), p.Host.Cores, named(p.Made), p.Seed, p.Command)
		m := o.Measured
		switch {
		case m != nil && m.Against == o.SHA256:
			fmt.Fprintf(b, "* "+w.decided+"\n", o.SHA256)
		case m != nil && m.Against != "":
			fmt.Fprintf(b, "* "+w.sha256+" "+w.against+"\n", o.SHA256, m.Against)
		default:
			fmt.Fprintf(b, "* "+w.sha256+"\n", o.SHA256)
		}
	}
	if m := o.Measured; m != nil {
		n := m.reps()
		runs[n] = true
		fmt.Fprintf(b, "* "+w.measured+" `%s`\n", n, named(m.Host.Name), named(m.Host.CPU), m.Host.Cores, named(m.Host.Kernel), named(m.Host.Go),
			named(m.Host.Library), named(m.Date), m.Seed, m.Command)
		for _, c := range o.Clean {
			if c.UsedOnly {
				runs[c.Clean] = true
			}
		}
	}
	var counts []int
	for n := range runs {
		counts = append(counts, n)
	}
	slices.Sort(counts)
	for _, n := range counts {
		fmt.Fprintf(b, "* "+w.coverage+"\n", n, 100*stats.Summarize(make([]float64, n)).Coverage)
	}
	for _, c := range o.Experiment.Checks {
		o.score(b, w, c)
	}
}

// score sums up the errors of a judged metric over the points; a single point needs no summary.
func (o *Outcome) score(b *strings.Builder, w *words, c Check) {
	var errs []float64
	for _, r := range o.Rows {
		if r.Metric == c.Metric && r.Allowed != "" && r.Error != nil {
			errs = append(errs, max(*r.Error, -*r.Error))
		}
	}
	if len(errs) < 3 {
		return
	}
	iv := stats.Bootstrap(errs, stats.Median, stats.Level, 2000, 1)
	percent := func(x float64) string { return digits(100*x) + " %" }
	fmt.Fprintf(b, "* "+w.score+"\n", c.Metric, len(errs), percent(iv.Value), percent(iv.Low), percent(iv.High))
}

func (o *Outcome) writeRows(b *strings.Builder, w *words, c Check) {
	head := false
	for _, r := range o.Rows {
		if r.Metric != c.Metric {
			continue
		}
		if !head {
			fmt.Fprintf(b, "\n`%s` — %s\n\n%s\n|---|---|---|---|---|---|\n", c.Metric, lab.MetricNamed(c.Metric).Help, w.rowHead)
			head = true
		}
		allowed := r.Allowed
		if allowed == "" {
			allowed = "–"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", r.Point, Text(r.Metric, r.Predicted), Text(r.Metric, r.Measured), ErrorText(r.Error), allowed, r.Verdict)
	}
}

// reps is the number of repetitions of the point that has most.
func (src *Source) reps() int {
	n := 0
	for _, s := range src.Samples {
		n = max(n, s.Rep+1)
	}
	return n
}

func dash(v Verdict) string {
	if v == "" {
		return "–"
	}
	return string(v)
}

// named stands in for what is not known.
func named(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

// report is report.md.
func (o *Outcome) report() string {
	var b strings.Builder
	e := o.Experiment
	fmt.Fprintf(&b, "# %s\n\n%s\n\n## Question\n\n%s\n\n![%s](figure.svg)\n\n## Result\n\n", e.Title, e.TitleZh, e.Question, e.Title)
	if o.HasTimeline() {
		fmt.Fprintf(&b, "![%s](%s)\n\n", TimelineAlt, TimelineFile)
	}
	b.WriteString(o.Markdown(3, false))
	fmt.Fprintf(&b, "\n## The data\n\n`result.json` holds this report as data; the `.bench` files hold every repetition in the Go benchmark format. Two tables made from them:\n\n    %s\n    gmplab compare %s -out DIR\n", benchstat, e.Name)
	return b.String()
}

// benchstat is the command that puts the two files side by side.
const benchstat = "benchstat -table '' -row /point -col side -ignore /rep predicted.bench measured.bench"
