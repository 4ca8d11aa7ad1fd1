package main

import (
	"fmt"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
	lgtable "charm.land/lipgloss/v2/table"

	"github.com/gmplab/lab/experiments"
)

// table aligns columns, two spaces apart, also where they hold Chinese. Without a head there is no line below it.
func table(head []string, rows [][]string) string {
	t := lgtable.New().Border(lipgloss.NormalBorder()).BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderColumn(false).BorderHeader(head != nil).Wrap(false).Rows(rows...).
		StyleFunc(func(int, int) lipgloss.Style { return lipgloss.NewStyle().PaddingRight(2) })
	if head != nil {
		t = t.Headers(head...)
	}
	lines := strings.Split(t.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// print prints an outcome as a table or as JSON and remembers whether it is as claimed.
func (a *app) print(o *experiments.Outcome, asJSON bool) error {
	a.differed = a.differed || !o.Ok
	if asJSON {
		b, err := o.JSON()
		if err != nil {
			return fmt.Errorf("the result cannot be written as JSON: %w", err)
		}
		_, err = a.out.Write(b)
		return err
	}
	var b strings.Builder
	e := o.Experiment
	fmt.Fprintf(&b, "%s: %s\n\n", e.Name, e.Title)
	var rows [][]string
	for _, r := range o.Rows {
		rows = append(rows, []string{r.Point, r.Metric, experiments.Text(r.Metric, r.Predicted), experiments.Text(r.Metric, r.Measured),
			experiments.ErrorText(r.Error), r.Verdict})
	}
	b.WriteString(table([]string{"point", "metric", "predicted", "measured", "error", "verdict"}, rows))
	if len(o.Verdicts) > 0 {
		b.WriteString("\n" + table([]string{"claim", "predicted", "measured", "both", "claimed", "statement"}, claimRows(o)))
	}
	if len(o.Notes) > 0 {
		b.WriteByte('\n')
	}
	for _, n := range o.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	b.WriteByte('\n')
	if !o.Ok {
		b.WriteString(differences(o) + "\n\n")
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

func claimRows(o *experiments.Outcome) [][]string {
	dash := func(v experiments.Verdict) string {
		if v == "" {
			return "–"
		}
		return string(v)
	}
	var rows [][]string
	for _, v := range o.Verdicts {
		rows = append(rows, []string{v.ID, dash(v.Predicted), dash(v.Measured), dash(v.Both), dash(v.Expect), v.Statement})
	}
	return rows
}

// differences says why the exit status is not 0.
func differences(o *experiments.Outcome) string {
	var what []string
	n := len(slices.DeleteFunc(slices.Clone(o.Rows), func(r experiments.Row) bool { return r.Verdict != experiments.Differs }))
	if n > 0 {
		what = append(what, fmt.Sprintf("%d of %d rows differ", n, len(o.Rows)))
	}
	for _, v := range o.Verdicts {
		if !v.Ok {
			what = append(what, "claim "+v.ID+" does not come out as claimed")
		}
	}
	return "not as claimed: " + strings.Join(what, "; ")
}
