package experiments

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/gmplab/lab"
)

// The files hold the Go benchmark format (golang.org/design/14313-benchmark-format): provenance as file
// configuration, then one line for each point and repetition. The unit of a value is the metric's full name.

// marshal writes the samples of one side. The same samples and provenance give the same bytes.
func marshal(e *Experiment, src *Source) ([]byte, error) {
	var buf bytes.Buffer
	w := benchfmt.NewWriter(&buf)
	for _, m := range e.metrics() {
		better := map[int]string{+1: "higher", -1: "lower"}[m.Better]
		if better == "" {
			continue
		}
		u := &benchfmt.UnitMetadata{UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: m.Name, Key: "better"}, OrigUnit: m.Name, Value: better}
		if err := w.Write(u); err != nil {
			return nil, err
		}
	}
	var config []benchfmt.Config
	for _, kv := range src.config() {
		if v := oneLine(kv[1]); v != "" {
			config = append(config, benchfmt.Config{Key: kv[0], Value: []byte(v), File: true})
		}
	}
	for _, s := range src.Samples {
		res := &benchfmt.Result{Config: config, Iters: 1,
			Name: fmt.Appendf(nil, "Lab/exp=%s/point=%s/rep=%d", e.Name, e.Points[s.Point].Name, s.Rep)}
		for _, m := range e.metrics() {
			if v, ok := s.Values[m.Name]; ok {
				res.Values = append(res.Values, benchfmt.Value{Value: v, Unit: m.Name})
			}
		}
		if len(res.Values) == 0 {
			return nil, fmt.Errorf("%s %s, point %s, repetition %d: no metric was observed; the run served no request",
				e.Name, src.Side, e.Points[s.Point].Name, s.Rep)
		}
		if err := w.Write(res); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), nil
}

// config is the provenance as keys and values; empty values are left out of the file.
func (src *Source) config() [][2]string {
	quick := ""
	if src.Quick {
		quick = "true"
	}
	kv := [][2]string{
		{"side", src.Side},
		{"host", src.Host.Name},
		{"cpu", src.Host.CPU},
		{"cores", strconv.Itoa(src.Host.Cores)},
		{"kernel", src.Host.Kernel},
		{"go", src.Host.Go},
		{"library", src.Host.Library},
		{"seed", strconv.FormatUint(src.Seed, 10)},
		{"quick", quick},
		{"date", src.Date},
		{"calibrated", src.Made},
		{"cost-sha256", src.Cost},
		{"prediction-sha256", src.Against},
		{"command", src.Command},
	}
	for i, n := range src.Notes {
		kv = append(kv, [2]string{fmt.Sprintf("note-%d", i+1), n})
	}
	return kv
}

// oneLine turns line breaks and runs of spaces into one space.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// hash is the SHA-256 of the file that holds the samples of one side.
func hash(e *Experiment, src *Source) (string, error) {
	b, err := marshal(e, src)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// unmarshal reads what marshal wrote; name is the file's, for messages. What it cannot have written is an error.
func unmarshal(e *Experiment, side string, r io.Reader, name string) (*Source, error) {
	src := &Source{}
	reader := benchfmt.NewReader(r, name)
	for reader.Scan() {
		var err error
		switch rec := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			err = rec
		case *benchfmt.Result:
			if src.Samples == nil {
				err = src.setConfig(rec)
			}
			if err == nil {
				err = src.add(e, rec)
			}
			if err != nil {
				_, line := rec.Pos()
				err = fmt.Errorf("%s:%d: %w", name, line, err)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if err := reader.Err(); err != nil {
		return nil, err
	}
	if len(src.Samples) == 0 {
		return nil, fmt.Errorf("%s: no result in it; make it again with gmplab run %s", name, e.Name)
	}
	if src.Side != side {
		return nil, fmt.Errorf("%s: holds side %q, not %q; make it again with gmplab run %s", name, src.Side, side, e.Name)
	}
	slices.SortFunc(src.Samples, bySample)
	return src, nil
}

// setConfig reads the provenance.
func (src *Source) setConfig(rec *benchfmt.Result) error {
	var errs [2]error
	src.Side = rec.GetConfig("side")
	src.Host = lab.Host{Name: rec.GetConfig("host"), CPU: rec.GetConfig("cpu"), Kernel: rec.GetConfig("kernel"),
		Go: rec.GetConfig("go"), Library: rec.GetConfig("library")}
	src.Host.Cores, errs[0] = strconv.Atoi(rec.GetConfig("cores"))
	src.Seed, errs[1] = strconv.ParseUint(rec.GetConfig("seed"), 10, 64)
	src.Quick = rec.GetConfig("quick") == "true"
	src.Date, src.Made, src.Cost = rec.GetConfig("date"), rec.GetConfig("calibrated"), rec.GetConfig("cost-sha256")
	src.Command, src.Against = rec.GetConfig("command"), rec.GetConfig("prediction-sha256")
	for i := 1; ; i++ {
		n := rec.GetConfig(fmt.Sprintf("note-%d", i))
		if n == "" {
			break
		}
		src.Notes = append(src.Notes, n)
	}
	if errors.Join(errs[:]...) != nil {
		return fmt.Errorf("the file configuration lacks a whole number for %q or %q above the first result", "cores", "seed")
	}
	return nil
}

// add reads one line of results.
func (src *Source) add(e *Experiment, rec *benchfmt.Result) error {
	base, parts := rec.Name.Parts()
	if string(base) != "Lab" || len(parts) != 3 {
		return fmt.Errorf("%q is not a result of gmplab; names look like Lab/exp=NAME/point=POINT/rep=0", rec.Name)
	}
	s := Sample{Values: map[string]float64{}}
	for i, key := range []string{"/exp=", "/point=", "/rep="} {
		v, ok := strings.CutPrefix(string(parts[i]), key)
		if !ok {
			return fmt.Errorf("%q: part %d must begin with %q", rec.Name, i+1, key)
		}
		switch i {
		case 0:
			if v != e.Name {
				return fmt.Errorf("holds results of experiment %q, not of %q", v, e.Name)
			}
		case 1:
			if s.Point = e.point(v); s.Point < 0 {
				return fmt.Errorf("experiment %s has no point %q (any more); make the file again", e.Name, v)
			}
		case 2:
			var err error
			if s.Rep, err = strconv.Atoi(v); err != nil || s.Rep < 0 {
				return fmt.Errorf("repetition %q is not a whole number of 0 or more", v)
			}
		}
	}
	if slices.ContainsFunc(src.Samples, func(b Sample) bool { return bySample(s, b) == 0 }) {
		return fmt.Errorf("%q stands in the file twice", rec.Name)
	}
	for _, v := range rec.Values {
		if v.OrigUnit != "" {
			v.Value, v.Unit = v.OrigValue, v.OrigUnit
		}
		if lab.MetricNamed(v.Unit) == nil {
			return fmt.Errorf("metric %q is unknown (any more); make the file again", v.Unit)
		}
		if math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
			return fmt.Errorf("metric %q is %v; it must be a finite number", v.Unit, v.Value)
		}
		s.Values[v.Unit] = v.Value
	}
	src.Samples = append(src.Samples, s)
	return nil
}
