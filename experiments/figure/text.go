package figure

import (
	_ "embed"
	"fmt"
	"sort"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

//go:embed font/NotoSansSC-subset.otf
var fontFile []byte

// parsed is the font, parsed once. Parsed it is read-only, and faces are made from it directly: gonum's cache of
// fonts, which concurrent figures would share, is not used.
var parsed = sync.OnceValues(func() (*opentype.Font, error) {
	f, err := opentype.Parse(fontFile)
	if err != nil {
		return nil, fmt.Errorf("figure: the embedded font does not parse (%w); make it again with font/make.sh", err)
	}
	return f, nil
})

// face gives the font at a size in points, once Render has seen that it parses.
func face(size vg.Length) font.Face {
	f, _ := parsed()
	return font.Face{Font: font.Font{Typeface: "Noto Sans CJK SC", Size: size}, Face: f}
}

// extent gives the width of a text at a size.
func extent(s string, size vg.Length) vg.Length {
	f := face(size)
	return f.Width(s)
}

// drawable says if a text is longer than most characters, and which character of it the font lacks.
func drawable(where, s string, most int) error {
	if n := utf8.RuneCountInString(s); n > most {
		return fmt.Errorf("%s has %d characters; give at most %d", where, n, most)
	}
	var buf sfnt.Buffer
	f, err := parsed()
	if err != nil {
		return err
	}
	for _, r := range s {
		if i, err := f.GlyphIndex(&buf, r); err != nil || i == 0 {
			return fmt.Errorf("%s: the font has no glyph for %q (%U) in %q; add it to font/terms.txt and run font/make.sh",
				where, r, r, clip(s))
		}
	}
	return nil
}

// clip keeps an error to one readable line.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// wrap breaks a text into lines no wider than room: after a space or a hyphen and the like, between Chinese
// characters, and, where one word is wider than the room, inside it (whole is then false).
func wrap(s string, size, room vg.Length) (lines []string, whole bool) {
	whole = true
	line := ""
	for _, word := range words(s) {
		if extent(strings.TrimRight(line+word, " "), size) <= room {
			line += word
			continue
		}
		if line != "" {
			lines = append(lines, strings.TrimRight(line, " "))
		}
		line = word
		for extent(strings.TrimRight(line, " "), size) > room && utf8.RuneCountInString(line) > 1 {
			whole = false
			n := fits(line, size, room)
			lines = append(lines, line[:n])
			line = line[n:]
		}
	}
	if line = strings.TrimRight(line, " "); line != "" {
		lines = append(lines, line)
	}
	return lines, whole
}

// fits gives how many bytes of s, at least those of one rune, go into room.
func fits(s string, size, room vg.Length) int {
	_, n := utf8.DecodeRuneInString(s)
	for i := range s {
		if i > n && extent(s[:i], size) <= room {
			n = i
		} else if i > n {
			break
		}
	}
	return n
}

// words cuts a text where a line may end. Punctuation stays with what is before it.
func words(s string) []string {
	var out []string
	start := 0
	var last rune
	for i, r := range s {
		if i > start && mayBreak(last, r) {
			out = append(out, s[start:i])
			start = i
		}
		last = r
	}
	return append(out, s[start:])
}

func mayBreak(a, b rune) bool {
	switch {
	case b == ' ' || strings.ContainsRune("，。、；：！？）》」』】〕’”,.;:!?)]}%…", b):
		return false
	case strings.ContainsRune(" -/_,;=|", a):
		return true
	case strings.ContainsRune("（《「『【〔‘“([{", a):
		return false
	}
	return unicode.Is(unicode.Han, a) || unicode.Is(unicode.Han, b) || strings.ContainsRune("，。、；：！？）》」』】〕", a)
}

// shorten takes runes out of the middle of a text until it fits.
func shorten(s string, size, room vg.Length) string {
	if extent(s, size) <= room {
		return s
	}
	r := []rune(s)
	keep := func(n int) string { return string(r[:(n+1)/2]) + "…" + string(r[len(r)-n/2:]) }
	tooMany := sort.Search(len(r), func(n int) bool { return extent(keep(n), size) > room })
	return keep(max(tooMany-1, 0))
}
