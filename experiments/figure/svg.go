package figure

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strconv"

	"gonum.org/v1/plot/vg"
)

// A browser without our font takes another one of the list; textLength keeps the text in the room that it was given.
const families = "font-family:'Noto Sans CJK SC','Noto Sans SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',sans-serif;"

var svgText = regexp.MustCompile(`<text ([^>]*font-size:([0-9.]+)px[^>]*)>([^<]*)</text>`)

// portable makes the SVG look the same without our font, and names it for those who do not see it.
func portable(svg []byte, title string) []byte {
	svg = svgText.ReplaceAllFunc(svg, func(text []byte) []byte {
		m := svgText.FindSubmatch(text)
		size, _ := strconv.ParseFloat(string(m[2]), 64)
		w := extent(html.UnescapeString(string(m[3])), vg.Length(size))
		return fmt.Appendf(nil, `<text textLength="%.2f" lengthAdjust="spacingAndGlyphs" %s>%s</text>`, float64(w), m[1], m[3])
	})
	svg = bytes.ReplaceAll(svg, []byte("font-family:Noto Sans CJK SC;"), []byte(families))
	if title == "" {
		return svg
	}
	head := []byte("xmlns:xlink=\"http://www.w3.org/1999/xlink\">\n")
	return bytes.Replace(svg, head, fmt.Appendf(head, "<title>%s</title>\n", html.EscapeString(title)), 1)
}
