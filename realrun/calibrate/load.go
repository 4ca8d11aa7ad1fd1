package calibrate

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// A hostLoad is what the machine and this process had done at one moment.
type hostLoad struct {
	at          time.Time
	busy, steal time.Duration // of all cores: running something, kept waiting by the hypervisor
	own         time.Duration // CPU time of this process
	ok          bool          // false where the system does not tell
}

// readLoad reads the first line of /proc/stat (proc(5)); its unit is fixed at a hundredth of a second.
func readLoad() hostLoad {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return hostLoad{}
	}
	line, _, _ := strings.Cut(string(text), "\n")
	l := hostLoad{at: time.Now(), own: cpuTime(), ok: true}
	for i, f := range strings.Fields(line) {
		n, err := strconv.ParseInt(f, 10, 64)
		if i == 0 || err != nil {
			continue
		}
		switch d := time.Duration(n) * (time.Second / 100); i {
		case 1, 2, 3, 6, 7: // user, nice, system, interrupts
			l.busy += d
		case 8:
			l.steal += d
		}
	}
	return l
}

// since says in one sentence what disturbed the measurement from l to now.
func (l hostLoad) since() string {
	end := readLoad()
	if !l.ok || !end.ok {
		return "done"
	}
	wall := end.at.Sub(l.at).Seconds()
	foreign := max((end.busy-l.busy-end.own+l.own).Seconds()/wall, 0)
	return fmt.Sprintf("done; meanwhile other processes used %.2f cores and the hypervisor took %.2f", foreign, (end.steal-l.steal).Seconds()/wall)
}
