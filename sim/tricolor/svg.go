package tricolor

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Colors of a picture. Beside its fill each object has its color as a word, and what is lost a cross.
const (
	inkDark   = "#222222"
	inkPale   = "#8a8a8a"
	inkWrite  = "#0b62c4" // written now
	inkShade  = "#e08a00" // shaded now
	inkLost   = "#cc1122"
	paper     = "#ffffff"
	sansFont  = "Helvetica,Arial,'Noto Sans','PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif"
	monoFont  = "Menlo,Consolas,'DejaVu Sans Mono','Noto Sans Mono CJK SC',monospace"
	fillWhite = "#ffffff"
	fillGrey  = "#b9b9b9"
	fillBlack = "#222222"
)

// A sheet is a picture that is being drawn.
type sheet struct{ bytes.Buffer }

func (s *sheet) addf(format string, args ...any) {
	fmt.Fprintf(s, format, args...)
	s.WriteByte('\n')
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// text writes a line; attr are further attributes.
func (s *sheet) text(x, y int, attr, text string) {
	s.addf(`<text x="%d" y="%d"%s>%s</text>`, x, y, attr, escaper.Replace(text))
}

// open begins a picture.
func (s *sheet) open(width, height int, title string) {
	s.addf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="%s" font-size="%d" role="img">`,
		width, height, width, height, sansFont, fontSize)
	s.addf(`<title>%s</title>`, escaper.Replace(title))
	s.addf(`<defs>`)
	for _, ink := range []string{inkDark, inkWrite, inkLost} {
		s.addf(`<marker id="a%s" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse" markerWidth="11" markerHeight="11" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="%s"/></marker>`,
			ink[1:], ink)
	}
	s.addf(`</defs>`)
	s.addf(`<rect width="%d" height="%d" fill="%s"/>`, width, height, paper)
}

// SVG draws the whole film as one strip of frames, with a legend above and below it what was lost and why. title stands at the
// top. It needs nothing beside itself.
func (f *Film) SVG(title string, l Lang) []byte {
	var s sheet
	lay, w := f.arrange(l), l.words()
	across := min(perRow, len(f.Frames))
	width := across*(lay.size.x+margin) + margin
	down := (len(f.Frames) + across - 1) / across
	var verdict []string
	for i := range f.Lost {
		verdict = append(verdict, wrap(f.Why(i, l), (width-2*margin)*fontSize/15)...)
	}
	if len(f.Lost) == 0 {
		verdict = append(verdict, w.kept)
	}
	bottom := titleSize + margin + down*(lay.size.y+margin)
	s.open(width, bottom+len(verdict)*20+margin, title)
	s.text(margin, 26, ` font-size="19" font-weight="bold" fill="`+inkDark+`"`, title+" · "+w.rules(f.Rules))
	s.legend(w)
	for i := range f.Frames {
		x, y := margin+i%across*(lay.size.x+margin), titleSize+margin+i/across*(lay.size.y+margin)
		s.addf(`<g transform="translate(%d %d)">`, x, y)
		s.frame(f, i, &lay, l)
		s.addf(`</g>`)
	}
	ink := inkDark
	if len(f.Lost) > 0 {
		ink = inkLost
	}
	for i, line := range verdict {
		s.text(margin, bottom+14+20*i, ` font-size="15" font-weight="bold" fill="`+ink+`"`, line)
	}
	s.addf(`</svg>`)
	return s.Bytes()
}

// FrameSVG draws one frame as a picture of its own; nil if there is no such frame.
func (f *Film) FrameSVG(i int, l Lang) []byte {
	if i < 0 || i >= len(f.Frames) {
		return nil
	}
	var s sheet
	lay := f.arrange(l)
	s.open(lay.size.x+2*margin, lay.size.y+2*margin, f.code(i))
	s.addf(`<g transform="translate(%d %d)">`, margin, margin)
	s.frame(f, i, &lay, l)
	s.addf(`</g>`)
	s.addf(`</svg>`)
	return s.Bytes()
}

// legend says what the colors mean.
func (s *sheet) legend(w *words) {
	x, y := margin, 52
	for i, label := range w.legend {
		fill, ink, width, dash := []string{fillWhite, fillGrey, fillBlack, paper, paper, paper}[i], inkDark, 1, ""
		switch i {
		case 3:
			s.addf(`<path d="M%d %dh22" stroke="%s" stroke-width="3" marker-end="url(#a%s)"/>`, x, y-5, inkWrite, inkWrite[1:])
		case 4:
			ink, width = inkShade, 3
		case 5:
			ink, width, dash = inkLost, 2, ` stroke-dasharray="5 3"`
		}
		if i != 3 {
			s.addf(`<rect x="%d" y="%d" width="22" height="14" rx="4" fill="%s" stroke="%s" stroke-width="%d"%s/>`, x, y-12, fill, ink, width, dash)
		}
		s.text(x+30, y, ` fill="`+inkDark+`"`, label)
		x += 30 + measure(label) + 22
	}
}

// frame draws one frame with its left upper corner at 0,0.
func (s *sheet) frame(f *Film, i int, lay *layout, l Lang) {
	fr, w := &f.Frames[i], l.words()
	s.addf(`<rect width="%d" height="%d" rx="8" fill="#f7f8fa" stroke="#d5d8de"/>`, lay.size.x, lay.size.y)
	head := f.code(i)
	if fr.Step >= 0 {
		head = fmt.Sprintf(w.step, fr.Step+1) + "  " + head
	}
	ink := inkDark
	if fr.Step >= 0 && fr.Effect.Skip == Done && f.Case.Script[fr.Step].Op > Mark {
		ink = inkWrite
	}
	s.text(margin, 23, fmt.Sprintf(` font-family="%s" font-size="15" font-weight="bold" fill="%s" xml:space="preserve"`, monoFont, ink), head)
	if len(fr.Globals) > 0 {
		s.box(lay.globals, w.globals, w.colors[rootColor(fr.GlobalsDone)], fr.GlobalsDone, fr.Globals, global)
	}
	for g, st := range fr.Stacks {
		s.box(lay.stacks[g], fmt.Sprintf(w.stack, goroutine(uint8(g))), w.colors[rootColor(fr.StacksDone[g])], fr.StacksDone[g], st, variable)
	}
	for r := range fr.Objects {
		s.node(f, i, Ref(r+1), lay.node[r], w)
	}
	s.arrows(f, i, lay)
	for r := range fr.Objects {
		if fr.Step == AtSweep && f.isLost(Ref(r+1)) {
			p, h := lay.node[r], nodeHead+slotHeight*len(fr.Objects[r])
			s.addf(`<path d="M%d %dL%d %dM%d %dL%d %d" stroke="%s" stroke-width="5" stroke-linecap="round" opacity="0.5"/>`,
				p.x-4, p.y-4, p.x+nodeWidth+4, p.y+h+4, p.x+nodeWidth+4, p.y-4, p.x-4, p.y+h+4, inkLost)
		}
	}
	for n, line := range wrap(f.Caption(i, l), lay.size.x-2*margin) {
		s.text(margin, lay.text+n*lineHeight, ` fill="`+inkDark+`"`, line)
	}
}

func rootColor(done bool) Color {
	if done {
		return Black
	}
	return Grey
}

func (f *Film) isLost(r Ref) bool {
	return slices.ContainsFunc(f.Lost, func(l Lost) bool { return l.Object == r })
}

// box draws the globals or a stack: its name and color, then its slots, one a line.
func (s *sheet) box(p point, name, color string, done bool, slots []Ref, slotName func(uint8) string) {
	fill, ink := fillGrey, inkDark
	if done {
		fill, ink = fillBlack, paper
	}
	h := 24 + slotHeight*len(slots)
	s.addf(`<rect x="%d" y="%d" width="%d" height="%d" fill="%s" stroke="%s"/>`, p.x, p.y, rootWidth, h, paper, inkDark)
	s.addf(`<rect x="%d" y="%d" width="%d" height="24" fill="%s" stroke="%s"/>`, p.x, p.y, rootWidth, fill, inkDark)
	s.text(p.x+6, p.y+16, fmt.Sprintf(` font-size="11" font-weight="bold" fill="%s"`, ink), name+" · "+color)
	for i := range slots {
		s.text(p.x+8, p.y+24+slotHeight*i+15, fmt.Sprintf(` font-family="%s" fill="%s"`, monoFont, inkDark), slotName(uint8(i)))
	}
}

// node draws an object: its name, its color as fill and word, and its slots.
func (s *sheet) node(f *Film, i int, r Ref, p point, w *words) {
	fr := &f.Frames[i]
	slots := len(fr.Objects[r-1])
	fill, ink := fillWhite, inkDark
	switch fr.Colors[r-1] {
	case Grey:
		fill = fillGrey
	case Black:
		fill, ink = fillBlack, paper
	}
	edge, thick, extra := inkDark, 1, ""
	if slices.Contains(fr.Hidden, r) {
		edge, thick, extra = inkLost, 2, ` stroke-dasharray="6 3"`
	}
	if fr.Step == AtSweep && f.isLost(r) {
		edge, thick, extra = inkLost, 3, ""
	} else if fr.Step == AtSweep && slices.Contains(f.Freed, r) {
		edge, extra = inkPale, ` stroke-dasharray="3 3" opacity="0.45"`
	}
	h := nodeHead + slotHeight*slots
	if len(fr.Shaded) > 0 && slices.Contains(fr.Shaded, r) {
		s.addf(`<rect x="%d" y="%d" width="%d" height="%d" rx="11" fill="none" stroke="%s" stroke-width="4"/>`, p.x-4, p.y-4, nodeWidth+8, h+8, inkShade)
	}
	s.addf(`<g%s>`, extra)
	s.addf(`<rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="%s" stroke="%s" stroke-width="%d"/>`, p.x, p.y, nodeWidth, h, fill, edge, thick)
	s.text(p.x+nodeWidth/2, p.y+17, fmt.Sprintf(` text-anchor="middle" font-size="16" font-weight="bold" fill="%s"`, ink), r.String())
	s.text(p.x+nodeWidth/2, p.y+30, fmt.Sprintf(` text-anchor="middle" font-size="11" fill="%s"`, ink), w.colors[fr.Colors[r-1]])
	for n := range slots {
		y := p.y + nodeHead + slotHeight*n
		s.addf(`<path d="M%d %dh%d" stroke="%s" stroke-width="1"/>`, p.x, y, nodeWidth, inkPale)
		s.text(p.x+nodeWidth/2, y+15, fmt.Sprintf(` text-anchor="middle" font-size="11" font-family="%s" fill="%s"`, monoFont, ink), fmt.Sprintf("[%d]", n))
	}
	s.addf(`</g>`)
}

// arrows draws the pointers, then the one just written and, broken, the one that it replaced.
func (s *sheet) arrows(f *Film, i int, lay *layout) {
	fr := &f.Frames[i]
	written, e := "", fr.Effect
	if fr.Step >= 0 && e.Skip == Done && f.Case.Script[fr.Step].Op > Mark {
		written = place(f.Case.Script[fr.Step], e)
	}
	var now end
	for _, from := range fr.ends(lay) {
		switch {
		case from.object != 0 && fr.Step == AtSweep && slices.Contains(f.Freed, from.object):
		case from.name == written:
			now = from
		case from.to == 0:
			s.nilSlot(from, inkDark)
		case slices.Contains(fr.Hidden, from.to):
			s.arrow(from, from.to, lay, inkLost, ` stroke-width="1.5"`)
		default:
			s.arrow(from, from.to, lay, inkDark, ` stroke-width="1.5"`)
		}
	}
	if written == "" {
		return
	}
	if e.Old != 0 && e.Old != e.New {
		s.arrow(now, e.Old, lay, inkWrite, ` stroke-width="1.5" stroke-dasharray="4 4" opacity="0.6"`)
	}
	if e.New == 0 {
		s.nilSlot(now, inkWrite)
		return
	}
	s.arrow(now, e.New, lay, inkWrite, ` stroke-width="3"`)
}

// An end is where an arrow begins: a slot, and how it is drawn.
type end struct {
	at      point // the middle of the slot's line, at the left edge of what it is in
	width   int
	name    string // as place gives it
	object  Ref    // that it is in; 0: a root
	onBlack bool
	to      Ref
}

// ends lists all slots.
func (fr *Frame) ends(lay *layout) (all []end) {
	line := func(p point, head, n int) point { return point{p.x, p.y + head + slotHeight*n + slotHeight/2} }
	for n, r := range fr.Globals {
		all = append(all, end{at: line(lay.globals, 24, n), width: rootWidth, name: global(uint8(n)), to: r})
	}
	for g, st := range fr.Stacks {
		for n, r := range st {
			name := goroutine(uint8(g)) + "." + variable(uint8(n))
			all = append(all, end{at: line(lay.stacks[g], 24, n), width: rootWidth, name: name, to: r})
		}
	}
	for o, list := range fr.Objects {
		for n, r := range list {
			name := fmt.Sprintf("%v[%d]", Ref(o+1), n)
			all = append(all, end{line(lay.node[o], nodeHead, n), nodeWidth, name, Ref(o + 1), fr.Colors[o] == Black, r})
		}
	}
	return all
}

// nilSlot marks a slot that points nowhere.
func (s *sheet) nilSlot(from end, ink string) {
	if ink == inkDark && from.onBlack {
		ink = paper
	}
	x := from.at.x + from.width - 12
	s.addf(`<path d="M%d %dl8 -8" stroke="%s" stroke-width="1.5"/>`, x, from.at.y+4, ink)
}

// arrow draws a pointer from a slot to an object: to the right into its left side, through a gap between what stands in between;
// else round to its right side.
func (s *sheet) arrow(from end, to Ref, lay *layout, ink, style string) {
	dot := ink
	if dot == inkDark && from.onBlack {
		dot = paper
	}
	x, y := from.at.x+from.width-8, from.at.y
	tx, ty := lay.node[to-1].x, lay.node[to-1].y+18
	var path string
	if tx < from.at.x+from.width {
		tx += nodeWidth
		out := max(x, tx) + 44
		path = fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x, y, out, y, out, ty, tx+2, ty)
	} else if in, out := x+50, tx-(column-nodeWidth); out-in >= nodeWidth {
		in = x + 8 + (column-nodeWidth)*9/10
		if from.object == 0 {
			in = firstNode - 4
		}
		lane := lay.lane(in, out, y, ty)
		path = fmt.Sprintf("M%d %dC%d %d %d %d %d %dH%dC%d %d %d %d %d %d", x, y, (x+in)/2, y, (x+in)/2, lane, in, lane,
			out, (out+tx)/2, lane, (out+tx)/2, ty, tx-2, ty)
	} else {
		mid := (x + tx) / 2
		path = fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x, y, mid, y, mid, ty, tx-2, ty)
	}
	s.addf(`<path d="%s" fill="none" stroke="%s" marker-end="url(#a%s)"%s/>`, path, ink, ink[1:], style)
	if !strings.Contains(style, "dasharray") {
		s.addf(`<circle cx="%d" cy="%d" r="3" fill="%s"/>`, x, y, dot)
	}
}
