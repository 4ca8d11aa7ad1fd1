package tricolor

import (
	"fmt"
	"strings"
)

// A Lang is a language of captions.
type Lang uint8

// Languages.
const (
	English Lang = iota
	Chinese      // simplified
)

// words are what captions are made of, in one language.
type words struct {
	colors                                                        [3]string
	globals, stack                                                string
	step, and                                                     string
	legend                                                        [6]string
	barriers                                                      [8]string
	allocWhite                                                    string
	start, scanStack, scanGlobals, mark, shades, nothing          string
	load, loadGlobal, copied, drop, store, alloc, send            string
	shade, noShade, noBarrier                                     string
	skips                                                         [5]string
	finish, sweep, sweepNone, hidden, lost                        string
	why, whyDeletion, whyInsertion, whyHere, whyEarlier, whyWhite string
	whyUnknown, kept                                              string
}

// words gives the table of a language; English where there is none.
func (l Lang) words() *words {
	if l == Chinese {
		return &chinese
	}
	return &english
}

//house:table
var english = words{
	colors: [3]string{"white", "grey", "black"}, globals: "globals", stack: "%s stack", step: "step %d", and: ", ",
	legend: [6]string{"white: not found", "grey: to be scanned", "black: done", "written now", "shaded now", "hidden, then lost"},
	barriers: [8]string{"no barrier", "deletion barrier only", "insertion barrier only", "hybrid barrier, as in Go",
		"insertion barrier while the stack is grey", "hybrid barrier, insertion while the stack is grey", "insertion barrier only", "hybrid barrier, as in Go"},
	allocWhite:  ", allocation white",
	start:       "Marking begins (%s). All roots are grey, all objects white.",
	scanStack:   "The collector stops %s, scans its stack%s. The stack is black from now on.",
	scanGlobals: "The collector scans the globals%s. They are black from now on.",
	mark:        "The collector scans %s%s. %[1]s is black.",
	shades:      " and shades ", nothing: " and finds nothing white",
	load: "%s loads %s from %s into %s. A stack slot: no barrier.", loadGlobal: "%s loads %s from %s into %s. A stack slot: no barrier.",
	copied: "%s copies %s to %s. A stack slot: no barrier.", drop: "%s drops %s from %s. A stack slot: no barrier.",
	store: "%s writes %s: %s → %s.", alloc: "%s allocates %s, %s.", send: "%s hands %s over to %s: %s → %s.",
	shade: " The barrier shades %s.", noShade: " The barrier shades nothing.", noBarrier: " Nothing is shaded.",
	skips:  [5]string{"", "Nothing happens: the object is nil.", "Nothing happens: %s has no such slot.", "Nothing happens: no object is grey.", "Nothing happens: it was scanned before."},
	finish: "The collector scans all that is left%s.",
	sweep:  "Sweep frees %s.", sweepNone: "Sweep frees nothing.",
	hidden: " Now %s is hidden: it is white, and only what is black leads to it (%s).", lost: " The program can still reach %s: lost.",
	why:         "%s is lost. Step %d (%s; %s: %s → %s) hid it: it was white, and from then on only what was black led to it (%s).",
	whyHere:     " The %s half of the barrier would have shaded %s at this very write.",
	whyEarlier:  " The %s half of the barrier would have shaded %v at step %d (%s).",
	whyDeletion: "deletion", whyInsertion: "insertion",
	whyUnknown: " No single shade would have kept it.",
	whyWhite:   " It was allocated white, and nobody scans that stack again.",
	kept:       "Nothing that the program can reach is freed.",
}

//house:table
var chinese = words{
	colors: [3]string{"白", "灰", "黑"}, globals: "全局变量", stack: "%s 栈", step: "第 %d 步", and: "、",
	legend: [6]string{"白：未发现", "灰：待扫描", "黑：已完成", "本步写入", "本步标灰", "被隐藏，随后丢失"},
	barriers: [8]string{"无写屏障", "仅删除屏障", "仅插入屏障", "混合写屏障，即 Go 所用",
		"仅栈为灰时的插入屏障", "混合写屏障，仅栈为灰时插入", "仅插入屏障", "混合写屏障，即 Go 所用"},
	allocWhite:  "，新对象为白色",
	start:       "标记开始（%s）。所有根为灰色，所有对象为白色。",
	scanStack:   "回收器暂停 %s 并扫描它的栈%s。此后该栈为黑色。",
	scanGlobals: "回收器扫描全局变量%s。此后它们为黑色。",
	mark:        "回收器扫描 %s%s。%[1]s 变为黑色。",
	shades:      "，标灰 ", nothing: "，没有发现白色对象",
	load: "%s 读取 %s（来自 %s）到 %s。栈槽：没有屏障。", loadGlobal: "%s 读取 %s（来自 %s）到 %s。栈槽：没有屏障。",
	copied: "%s 把 %s 复制到 %s。栈槽：没有屏障。", drop: "%s 丢弃 %s（原在 %s）。栈槽：没有屏障。",
	store: "%s 写 %s：%s → %s。", alloc: "%s 分配 %s（%s色）。", send: "%s 把 %s 直接交给 %s：%s → %s。",
	shade: "屏障标灰 %s。", noShade: "屏障没有标灰任何对象。", noBarrier: "没有标灰任何对象。",
	skips:  [5]string{"", "什么也没有发生：对象为 nil。", "什么也没有发生：%s 没有这个槽。", "什么也没有发生：没有灰色对象。", "什么也没有发生：之前已扫描。"},
	finish: "回收器扫描剩下的一切%s。",
	sweep:  "清扫释放 %s。", sweepNone: "清扫没有释放任何对象。",
	hidden: "现在 %s 被隐藏：它是白色，只有黑色的槽通向它（%s）。", lost: "程序仍能到达 %s：丢失。",
	why:         "%s 丢失。第 %d 步（%s；%s：%s → %s）隐藏了它：它是白色，此后只有黑色的槽通向它（%s）。",
	whyHere:     "屏障的%s部分本会在这次写入时标灰 %s。",
	whyEarlier:  "屏障的%[1]s部分本会在第 %[3]d 步（%[4]s）标灰 %[2]v。",
	whyDeletion: "删除", whyInsertion: "插入",
	whyUnknown: "没有哪一次标灰能单独保住它。",
	whyWhite:   "它分配时是白色，而该栈不会再被扫描。",
	kept:       "程序能到达的对象都没有被释放。",
}

// names joins the names of objects.
func (w *words) names(refs []Ref) string {
	list := make([]string, len(refs))
	for i, r := range refs {
		list[i] = r.String()
	}
	return strings.Join(list, w.and)
}

// rules names the rules of a film.
func (w *words) rules(r Rules) string {
	s := w.barriers[r.Barrier&7]
	if r.AllocWhite {
		s += w.allocWhite
	}
	return s
}

// Caption says in a sentence or two what happened in a frame; it is empty for one that is not there.
func (f *Film) Caption(i int, l Lang) string {
	if i < 0 || i >= len(f.Frames) {
		return ""
	}
	w, fr := l.words(), &f.Frames[i]
	shades := w.nothing
	if len(fr.Shaded) > 0 {
		shades = w.shades + w.names(fr.Shaded)
	}
	switch fr.Step {
	case AtStart:
		return fmt.Sprintf(w.start, w.rules(f.Rules))
	case AtFinish:
		return fmt.Sprintf(w.finish, shades)
	case AtSweep:
		return f.swept(w)
	}
	s := w.done(f.Case.Script[fr.Step], fr, shades, f.Rules)
	for h, r := range fr.Hidden {
		if f.newlyHidden(i, h) {
			s += fmt.Sprintf(w.hidden, r, fr.Holder[h])
		}
	}
	return s
}

// swept tells what became of the white objects.
func (f *Film) swept(w *words) string {
	if len(f.Freed) == 0 {
		return w.sweepNone
	}
	s := fmt.Sprintf(w.sweep, w.names(f.Freed))
	if len(f.Lost) > 0 {
		lost := make([]Ref, len(f.Lost))
		for i := range f.Lost {
			lost[i] = f.Lost[i].Object
		}
		s += fmt.Sprintf(w.lost, w.names(lost))
	}
	return s
}

// done tells of one step.
func (w *words) done(s Step, fr *Frame, shades string, r Rules) string {
	e, who := fr.Effect, goroutine(s.G)
	if e.Skip == NoSlot {
		return fmt.Sprintf(w.skips[NoSlot], e.Object)
	}
	if e.Skip != Done {
		return w.skips[e.Skip]
	}
	barrier := w.noBarrier
	if e.ShadeOld != 0 || e.ShadeNew != 0 {
		barrier = fmt.Sprintf(w.shade, w.names(fr.Shaded))
	} else if r.Barrier != None {
		barrier = w.noShade
	}
	to := place(s, e)
	if s.Op == Load || s.Op == LoadGlobal || s.Op == Copy {
		to = variable(s.To) // its own
	}
	switch s.Op {
	case ScanStack:
		return fmt.Sprintf(w.scanStack, who, shades)
	case ScanGlobals:
		return fmt.Sprintf(w.scanGlobals, shades)
	case Mark:
		return fmt.Sprintf(w.mark, e.Object, shades)
	case Load:
		return fmt.Sprintf(w.load, who, e.New, fmt.Sprintf("%v[%d]", e.Object, s.Slot), to)
	case LoadGlobal:
		return fmt.Sprintf(w.loadGlobal, who, e.New, global(s.Slot), to)
	case Copy:
		if e.New == 0 {
			return fmt.Sprintf(w.drop, who, e.Old, to)
		}
		return fmt.Sprintf(w.copied, who, e.New, to)
	case New:
		return fmt.Sprintf(w.alloc, who, e.New, w.colors[fr.Colors[e.New-1]])
	case Send:
		return fmt.Sprintf(w.send, who, e.New, to, e.Old, e.New) + barrier
	}
	return fmt.Sprintf(w.store, who, to, e.Old, e.New) + barrier
}

// Why tells of one lost object which write hid it, from behind what, and which shade was missing; it is empty for one that
// is not there.
func (f *Film) Why(i int, l Lang) string {
	if i < 0 || i >= len(f.Lost) {
		return ""
	}
	w, x := l.words(), &f.Lost[i]
	if x.Hidden < 0 {
		return ""
	}
	code := func(step int) string { return f.Case.Script[step].String() }
	s := fmt.Sprintf(w.why, x.Object, x.Hidden+1, code(x.Hidden), x.Slot, x.Write.Old, x.Write.New, x.Holder)
	if x.White {
		return s + w.whyWhite
	}
	if len(x.Shades) == 0 {
		return s + w.whyUnknown
	}
	for _, sh := range x.Shades {
		half := w.whyDeletion
		if sh.Half == Insertion {
			half = w.whyInsertion
		}
		if sh.Step == x.Hidden {
			s += fmt.Sprintf(w.whyHere, half, sh.What)
		} else {
			s += fmt.Sprintf(w.whyEarlier, half, sh.What, sh.Step+1, code(sh.Step))
		}
	}
	return s
}

// Explain marks a case and tells of each lost object, a sentence or two, which write lost it.
func Explain(c *Case, r Rules, l Lang) ([]string, error) {
	f := Film{Case: *c, Rules: r}
	lost, err := Losses(c, r)
	f.Lost = lost
	var why []string
	for i := range lost {
		why = append(why, f.Why(i, l))
	}
	return why, err
}
