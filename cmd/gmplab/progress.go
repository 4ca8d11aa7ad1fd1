package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A progress shows how far some work is: a bar on a terminal, elsewhere at most one plain line every two seconds.
type progress struct {
	to    io.Writer
	bar   *progressbar.ProgressBar // nil: no terminal
	total int64
	began time.Time
	next  time.Time // of a plain line
}

const plainEvery = 2 * time.Second

func newProgress(to io.Writer) *progress {
	p := &progress{to: to, began: time.Now()}
	if f, ok := to.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(to), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(24), progressbar.OptionShowCount(), progressbar.OptionThrottle(65*time.Millisecond))
	}
	return p
}

// show says that done of total is done, now working on what. Sizes are counted in MB, other things one by one.
func (p *progress) show(what string, done, total int64, bytes bool) {
	unit := ""
	if bytes {
		unit, done, total = " MB", done/1e6, total/1e6
	}
	if p.bar != nil {
		if total != p.total {
			p.total = total
			p.bar.ChangeMax64(max(total, 1))
		}
		p.bar.Describe(what)
		_ = p.bar.Set64(min(done, max(total-1, 0))) // a full bar ends itself; end does that
		return
	}
	if time.Now().Before(p.next) {
		return
	}
	p.next = time.Now().Add(plainEvery)
	fmt.Fprintf(p.to, "[%3.0f s] %s, %d of %d%s\n", time.Since(p.began).Seconds(), what, done, total, unit)
}

// of gives what shows the progress of an experiment. Lines that must be seen stay: the hash of its prediction, before the first
// measurement, and that a run goes on.
func (p *progress) of(name string) func(done, total int, what string) {
	return func(done, total int, what string) {
		if strings.HasPrefix(what, "prediction decided") || strings.HasSuffix(what, "going on") {
			p.say("%s: %s", name, what)
			return
		}
		p.show(name+": "+what, int64(done), int64(total), false)
	}
}

// say prints a line between.
func (p *progress) say(format string, args ...any) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.to, format+"\n", args...)
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
