package tricolor

import "strings"

// Sizes of a picture, in pixels. All is whole numbers, so that every machine draws the same bytes.
const (
	margin     = 16
	titleSize  = 60  // title, rules and legend
	headSize   = 34  // of a frame: its step
	rootWidth  = 104 // the boxes of globals and stacks
	nodeWidth  = 62
	column     = 112 // from one column of objects to the next
	firstNode  = margin + rootWidth + 58
	slotHeight = 20
	nodeHead   = 36 // name and color
	lineHeight = 17
	fontSize   = 13
	perRow     = 3
)

// A point is where something is drawn inside a frame.
type point struct{ x, y int }

// A layout is where everything is, the same in all frames of a film.
type layout struct {
	node    []point // of object i+1: the left upper corner
	height  []int   // of object i+1
	globals point
	stacks  []point
	size    point // of a frame
	text    int   // y of the first line of the caption
	lines   int   // of the longest caption
}

// arrange puts the roots to the left and each object into the column of its distance from them, in the order in which they
// are found; what was unreachable at the start, or allocated later, goes to the end of the first column.
func (f *Film) arrange(l Lang) layout {
	last := &f.Frames[len(f.Frames)-1]
	col, order := f.columns(len(last.Objects))
	var lay layout
	lay.node, lay.height = make([]point, len(last.Objects)), make([]int, len(last.Objects))
	var next []int // y of the next object of each column
	bottom, columns := 0, 1
	for _, r := range order {
		c := col[r-1]
		for len(next) <= c {
			next = append(next, headSize+14+22*(len(next)%2))
		}
		columns = max(columns, c+1)
		lay.node[r-1] = point{firstNode + c*column, next[c]}
		lay.height[r-1] = nodeHead + slotHeight*len(last.Objects[r-1])
		next[c] += lay.height[r-1] + 30
		bottom = max(bottom, next[c]-16)
	}
	y := headSize + 14
	if len(last.Globals) > 0 {
		lay.globals = point{margin, y}
		y += nodeHead + slotHeight*len(last.Globals)
	}
	for _, st := range last.Stacks {
		lay.stacks = append(lay.stacks, point{margin, y})
		y += nodeHead + slotHeight*len(st)
	}
	bottom = max(bottom, y)
	lay.size.x = max(340, firstNode+columns*column)
	lay.text = bottom + lineHeight
	for i := range f.Frames {
		lay.lines = max(lay.lines, len(wrap(f.Caption(i, l), lay.size.x-2*margin)))
	}
	lay.size.y = lay.text + lay.lines*lineHeight
	return lay
}

// lane is the height at which an arrow from y to ty passes the objects between two columns: that with the least way up and
// down at which there is none of them.
func (lay *layout) lane(from, to, y, ty int) int {
	best, way := y, -1
	try := func(at int) {
		for i, p := range lay.node {
			if p.x+nodeWidth > from && p.x < to && at > p.y-7 && at < p.y+lay.height[i]+7 {
				return
			}
		}
		if w := max(y-at, at-y) + max(ty-at, at-ty); way < 0 || w < way {
			best, way = at, w
		}
	}
	try(y)
	try(ty)
	for i, p := range lay.node {
		try(p.y - 12)
		try(p.y + lay.height[i] + 12)
	}
	return best
}

// columns finds the column of each object and the order in which they are placed.
func (f *Film) columns(n int) (col []int, order []Ref) {
	g := &f.Case.Graph
	col, seen := make([]int, n), make([]bool, n+1)
	seen[0] = true
	visit := func(refs []Ref, c int) {
		for _, r := range refs {
			if !seen[r] {
				seen[r] = true
				col[r-1] = c
				order = append(order, r)
			}
		}
	}
	visit(g.Globals, 0)
	for _, st := range g.Stacks {
		visit(st, 0)
	}
	for i := 0; i < len(order); i++ {
		visit(g.Objects[order[i]-1], col[order[i]-1]+1)
	}
	for r := 1; r <= n; r++ {
		visit([]Ref{Ref(r)}, 0)
	}
	return col, order
}

// wrap breaks a text into lines of at most that many pixels: at spaces, and beside any wide character.
func wrap(text string, width int) (lines []string) {
	line, used := "", 0
	for _, tok := range tokens(text) {
		w := measure(tok)
		if used+measure(strings.TrimRight(tok, " ")) > width && used > 0 {
			lines, line, used = append(lines, strings.TrimRight(line, " ")), "", 0
		}
		line += tok
		used += w
	}
	if line != "" {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// tokens cuts a text into what must stay together; punctuation stays with what it follows.
func tokens(text string) (list []string) {
	begin := true
	for _, r := range text {
		wide := r > 0x2e80
		if begin || wide && !strings.ContainsRune("，。：；、）", r) {
			list = append(list, "")
		}
		list[len(list)-1] += string(r)
		begin = r == ' ' || wide && r != '（'
	}
	return list
}

// measure is about how wide a text is drawn, in pixels.
func measure(text string) (w int) {
	for _, r := range text {
		if r > 0x2e80 {
			w += fontSize
		} else {
			w += fontSize * 52 / 100
		}
	}
	return w
}
