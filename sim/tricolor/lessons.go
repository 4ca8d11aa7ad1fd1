package tricolor

// A Lesson is a case made by hand, with the rules under which it is shown.
type Lesson struct {
	Name  string    // of its files
	Title [2]string // by Lang
	Text  string    // the case, as Parse reads it
	Rules Rules
}

// Case parses the lesson's text.
func (l *Lesson) Case() (Case, error) { return Parse(l.Text) }

// TitleIn gives the title in a language; English where there is none.
func (l *Lesson) TitleIn(lang Lang) string {
	if int(lang) >= len(l.Title) {
		lang = English
	}
	return l.Title[lang]
}

// Lessons are the cases of the experiment page, in the order in which they teach.
func Lessons() []Lesson { return append([]Lesson(nil), lessons...) }

//house:table
var lessons = []Lesson{
	{
		// Dijkstra, Lamport, Martin, Scholten and Steffens, On-the-fly garbage collection, 1978; the example of Wilson's survey.
		Name:  "no-barrier",
		Title: [2]string{"A pointer moves behind the collector's back", "指针在回收器背后移动"},
		Text: `object A: nil
object B: C
object C:
stack g1: A B nil
gc: scan g1
gc: mark 1
g1: z = y[0]
g1: x[0] = z
g1: z = nil
g1: y[0] = nil
gc: mark
`,
		Rules: Rules{Barrier: None},
	},
	{
		// runtime/mbarrier.go, 2: from the stack into a black object.
		Name:  "deletion-only",
		Title: [2]string{"A grey stack holds the only pointer", "唯一的指针在灰色的栈上"},
		Text: `object A: nil
object B:
stack g1: A
stack g2: A B
gc: scan g1
gc: mark
g2: x[0] = y
g2: y = nil
gc: scan g2
`,
		Rules: Rules{Barrier: Deletion},
	},
	{
		// runtime/mbarrier.go, 1: from the heap to a black stack.
		Name:  "insertion-only",
		Title: [2]string{"A black stack takes the only pointer", "黑色的栈拿走唯一的指针"},
		Text: `object A: B
object B:
stack g1: A nil
gc: scan g1
g1: y = x[0]
g1: x[0] = nil
gc: mark
`,
		Rules: Rules{Barrier: Insertion},
	},
	{
		Name:  "hybrid",
		Title: [2]string{"Both halves, and nothing is lost", "两部分都在，什么也不丢"},
		Text: `object A: B
object B:
object C:
stack g1: A nil
stack g2: A C
gc: scan g1
g1: y = x[0]
g1: x[0] = nil
gc: mark 1
g2: x[0] = y
g2: y = nil
`,
		Rules: Rules{Barrier: Hybrid},
	},
	{
		Name:  "allocate-black",
		Title: [2]string{"New objects are black", "新对象为黑色"},
		Text: `object A: nil
stack g1: A nil
gc: scan g1
gc: mark
g1: y = new(1)
g1: y[0] = x
`,
		Rules: Rules{Barrier: Hybrid},
	},
	{
		Name:  "allocate-white",
		Title: [2]string{"Were new objects white", "假如新对象为白色"},
		Text: `object A: nil
stack g1: A nil
gc: scan g1
gc: mark
g1: y = new(1)
g1: y[0] = x
`,
		Rules: Rules{Barrier: Hybrid, AllocWhite: true},
	},
}
