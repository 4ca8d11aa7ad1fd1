package figure

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func scatter() Scatter {
	s := Scatter{Title: "Predicted against measured", Unit: "s", Caption: []string{"of a test"}}
	for _, name := range []string{"open-cpu", "gc", "c-calls", "mutex", "mixed"} {
		p := ScatterPanel{Title: name}
		for i := range 9 {
			v := 20e-6 * float64(int(1)<<i)
			p.Points = append(p.Points, ScatterPoint{Predicted: Interval{v * 1.1, v, v * 1.3}, Measured: Interval{v, v * 0.8, v * 1.5}})
		}
		s.Panels = append(s.Panels, p)
	}
	return s
}

func TestScatterIsTheSameBytes(t *testing.T) {
	var files [2][]byte
	for _, ext := range []string{".svg", ".png"} {
		for i := range files {
			path := filepath.Join(t.TempDir(), "s"+ext)
			require.NoError(t, RenderScatter(scatter(), path))
			var err error
			files[i], err = os.ReadFile(path)
			require.NoError(t, err)
		}
		assert.Equal(t, files[0], files[1])
	}
	svg := filepath.Join(t.TempDir(), "s.svg")
	require.NoError(t, RenderScatter(scatter(), svg))
	text, err := os.ReadFile(svg)
	require.NoError(t, err)
	for _, want := range []string{"open-cpu", "mixed", "of a test", "Predicted against measured"} {
		assert.Contains(t, string(text), want)
	}
}

func TestScatterRefuses(t *testing.T) {
	for want, change := range map[string]func(s *Scatter){
		"0 panels":           func(s *Scatter) { s.Panels = nil },
		"25 panels":          func(s *Scatter) { s.Panels = make([]ScatterPanel, 25) },
		"no point":           func(s *Scatter) { s.Panels = []ScatterPanel{{Title: "empty"}} },
		"logarithmic":        func(s *Scatter) { s.Panels[0].Points[0].Measured.Low = 0 },
		"swap them":          func(s *Scatter) { s.Panels[0].Points[0].Measured.Low = 1 },
		"501 points":         func(s *Scatter) { s.Panels[1].Points = make([]ScatterPoint, 501) },
		"no glyph":           func(s *Scatter) { s.Panels[0].Title = "\u2603" },
		"its caption has 21": func(s *Scatter) { s.Caption = make([]string, 21) },
		"the title":          func(s *Scatter) { s.Title = "\u2603" },
		"caption line 1":     func(s *Scatter) { s.Caption = []string{"\u2603"} },
		"cannot be placed":   func(s *Scatter) { s.Panels[0].Points[2].Predicted.Value = 1e40 },
	} {
		s := scatter()
		change(&s)
		path := filepath.Join(t.TempDir(), "s.svg")
		require.ErrorContains(t, RenderScatter(s, path), want)
		assert.NoFileExists(t, path)
	}
}
