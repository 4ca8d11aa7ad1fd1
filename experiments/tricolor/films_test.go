package tricolor

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab/experiments/exptest"
	films "github.com/gmplab/lab/sim/tricolor"
)

// TestFilms holds the pictures of the films, and the block of each README that shows them, to what sim/tricolor makes. With
// -update it writes them anew.
func TestFilms(t *testing.T) {
	for lang, readme := range exptest.Readmes {
		lang := films.Lang(lang)
		var block strings.Builder
		for i, l := range films.Lessons() {
			c, err := l.Case()
			require.NoError(t, err)
			film, err := films.Shoot(&c, l.Rules)
			require.NoError(t, err)
			name := fmt.Sprintf("films/%s.svg", l.Name)
			if lang == films.Chinese {
				name = fmt.Sprintf("films/%s.zh.svg", l.Name)
			}
			exptest.Golden(t, &Experiment, filepath.FromSlash(name), string(film.SVG(l.TitleIn(lang), lang)))
			if i > 0 {
				block.WriteString("\n")
			}
			fmt.Fprintf(&block, "#### %s\n\n![%s](%s)\n\n", l.TitleIn(lang), l.TitleIn(lang), name)
			steps := film.Steps(lang) // the last ones say what was lost and why, or that nothing was
			for _, s := range steps[len(steps)-max(len(film.Lost), 1):] {
				block.WriteString(s + "\n")
			}
		}
		exptest.Block(t, &Experiment, readme, "films", block.String())
	}
}
