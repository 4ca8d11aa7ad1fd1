package tricolor_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/gmplab/lab/sim/tricolor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wellFormed reads a picture as XML to its end and gives the text in it, without spaces.
func wellFormed(t *testing.T, svg []byte) string {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	var text strings.Builder
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return squeeze(text.String())
		}
		require.NoError(t, err)
		if chars, ok := tok.(xml.CharData); ok {
			text.Write(chars)
		}
	}
}

// squeeze leaves out all white space.
func squeeze(text string) string { return strings.Join(strings.Fields(text), "") }

// The lessons, as steps and as films, in both languages. Those that are to lose an object lose it.
func TestLessons(t *testing.T) {
	lost := map[string]string{"no-barrier": "C", "deletion-only": "B", "insertion-only": "B", "allocate-white": "B"}
	for _, l := range tricolor.Lessons() {
		c, err := l.Case()
		require.NoError(t, err, l.Name)
		assert.Equal(t, l.Text, c.String(), "written as String writes it")
		f, err := tricolor.Shoot(&c, l.Rules)
		require.NoError(t, err)
		who := ""
		for _, x := range f.Lost {
			who += x.Object.String()
		}
		assert.Equal(t, lost[l.Name], who, l.Name)
		for lang, suffix := range []string{"", ".zh"} {
			lang := tricolor.Lang(lang)
			steps := f.Steps(lang)
			golden(t, l.Name+suffix+".txt", []byte(l.Text+"\n"+strings.Join(steps, "\n")+"\n"))
			svg := f.SVG(l.TitleIn(lang), lang)
			wellFormed(t, svg)
			golden(t, l.Name+suffix+".svg", svg)
			assert.Equal(t, len(f.Lost) > 0, bytes.Contains(svg, []byte(`stroke-linecap="round"`)), "a cross, or none")
		}
	}
	assert.Len(t, tricolor.Lessons(), 6)
	assert.Equal(t, tricolor.Lessons()[0].Title[0], tricolor.Lessons()[0].TitleIn(9))
}

// Every step of every kind has its sentence, and its picture, in both languages.
func TestFilmOfRandomCases(t *testing.T) {
	var c tricolor.Case
	shape := tricolor.Small
	shape.Steps = 20
	seeds := 80
	if testing.Short() {
		seeds = 16 // each barrier, with each color of what is allocated
	}
	for seed := range seeds {
		c.Draw(uint64(seed), shape)
		f, err := tricolor.Shoot(&c, tricolor.Rules{Barrier: tricolor.Barrier(seed % 8), AllocWhite: seed%16 >= 8})
		require.NoError(t, err)
		for _, lang := range []tricolor.Lang{tricolor.English, tricolor.Chinese} {
			text := strings.Join(f.Steps(lang), "\n")
			assert.NotContains(t, text, "%!")
			if lang == tricolor.Chinese {
				assert.NotContains(t, text, "The ")
			}
			for i := range f.Frames {
				assert.NotEmpty(t, f.Caption(i, lang))
				assert.Contains(t, wellFormed(t, f.FrameSVG(i, lang)), squeeze(f.Caption(i, lang)), "no word is lost between lines")
			}
			wellFormed(t, f.SVG(`<&">`, lang))
		}
	}
}

// What is too large for a picture is an error, and what is not there is empty.
func TestFilmLimits(t *testing.T) {
	c := parse(t, "stack g1: nil\n"+strings.Repeat("g1: x = new(0)\n", 27))
	_, err := tricolor.Shoot(&c, rules(tricolor.Hybrid))
	assert.EqualError(t, err, "step 27: more than 26 objects; a film shows no more")
	c = parse(t, "stack g1: nil\n"+strings.Repeat("gc: mark\n", 61))
	_, err = tricolor.Shoot(&c, rules(tricolor.Hybrid))
	assert.EqualError(t, err, "too large for a film: 61 steps, 0 objects, 1 stacks, 1 slots; it shows at most 60, 26, 8 and 8")
	c = parse(t, "stack g1: nil\ng1: x = new(9)\n")
	_, err = tricolor.Shoot(&c, rules(tricolor.Hybrid))
	assert.Error(t, err)
	c = tricolor.Case{}
	f, err := tricolor.Shoot(&c, rules(tricolor.Hybrid))
	require.NoError(t, err)
	wellFormed(t, f.SVG("", tricolor.English))
	assert.Empty(t, f.Caption(-1, tricolor.English))
	assert.Empty(t, f.Caption(9, tricolor.English))
	assert.Empty(t, f.Why(0, tricolor.English))
	assert.Nil(t, f.FrameSVG(9, tricolor.English))
}

// Marking to the end shades in one frame what was left, and the sweep says what became of it.
func TestFinishIsAFrame(t *testing.T) {
	c := parse(t, "object A: B\nobject B:\nobject C:\nstack g1: A\n")
	f, err := tricolor.Shoot(&c, rules(tricolor.Hybrid))
	require.NoError(t, err)
	var steps []int
	for i := range f.Frames {
		steps = append(steps, f.Frames[i].Step)
	}
	assert.Equal(t, []int{tricolor.AtStart, tricolor.AtFinish, tricolor.AtSweep}, steps)
	assert.Equal(t, []tricolor.Ref{1, 2}, f.Frames[1].Shaded)
	assert.Equal(t, []tricolor.Ref{3}, f.Freed)
	assert.Equal(t, "Sweep frees C.", f.Caption(2, tricolor.English))
	assert.Equal(t, c.String(), (&tricolor.Case{Graph: f.Frames[2].Graph}).String(), "the sweep leaves the objects where they are")
}

// Any text is refused or reads back as itself, runs to its end under all rules, and is filmed or refused.
func FuzzParse(f *testing.F) {
	for _, l := range tricolor.Lessons() {
		f.Add(l.Text)
	}
	f.Add("object A: A\nglobals: A nil\nstack g1: nil\nstack g2: A\ng2: g1.x = x\ng1: var1 = x\ng1: x = var0\ngc: mark 3\ng1: x = new(3)\n")
	var m tricolor.Machine
	f.Fuzz(func(t *testing.T, text string) {
		c, err := tricolor.Parse(text)
		if err != nil {
			return
		}
		again, err := tricolor.Parse(c.String())
		require.NoError(t, err)
		require.Equal(t, c.String(), again.String())
		for b := tricolor.None; b < 8; b++ {
			r := tricolor.Rules{Barrier: b, AllocWhite: len(text)%2 == 1}
			_, lost, err := m.Run(&c, r)
			require.NoError(t, err)
			if b&tricolor.Hybrid == tricolor.Hybrid && !r.AllocWhite {
				require.Empty(t, lost)
			}
			if len(c.Script) > 12 || len(c.Objects) > 12 {
				continue
			}
			if film, err := tricolor.Shoot(&c, r); err == nil {
				require.NotEmpty(t, film.SVG("fuzz", tricolor.Lang(b&1)))
				require.Len(t, film.Lost, len(lost))
			}
		}
	})
}

// A cross is over what is lost, in the last frame alone, and over nothing else.
func TestLostIsCrossedOut(t *testing.T) {
	for _, l := range tricolor.Lessons() {
		c, err := l.Case()
		require.NoError(t, err)
		f, err := tricolor.Shoot(&c, l.Rules)
		require.NoError(t, err)
		for i := range f.Frames {
			want := 0
			if i == len(f.Frames)-1 {
				want = len(f.Lost)
			}
			assert.Equal(t, want, bytes.Count(f.FrameSVG(i, tricolor.English), []byte(`stroke-linecap="round"`)), "%s, frame %d", l.Name, i)
		}
	}
}
