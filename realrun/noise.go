package realrun

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// userHz is the unit of /proc/stat: Linux fixes it at 100 per second for all programs (USER_HZ).
const userHz = 100

// hostCPU is what all CPUs of the host did since it started.
type hostCPU struct {
	at    time.Time
	busy  time.Duration // running something: user, nice, system, interrupts
	steal time.Duration // wanted to run, but the hypervisor ran something else
	total time.Duration // all of it, idle time too
}

// readHostCPU reads /proc/stat; it fails where there is none.
func readHostCPU() (hostCPU, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return hostCPU{}, err
	}
	return parseHostCPU(string(b))
}

// parseHostCPU reads the first line of /proc/stat: cpu user nice system idle iowait irq softirq steal (proc(5)).
// Guest time is part of user time already.
func parseHostCPU(stat string) (hostCPU, error) {
	line, _, _ := strings.Cut(stat, "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return hostCPU{}, fmt.Errorf("/proc/stat begins with %q and not with nine fields for all CPUs", line)
	}
	h := hostCPU{at: time.Now()}
	for i, text := range f[1:9] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return hostCPU{}, fmt.Errorf("/proc/stat: field %d is %q and no number", i+1, text)
		}
		d := time.Duration(n) * (time.Second / userHz)
		h.total += d
		switch i {
		case 3, 4: // idle, iowait
		case 7:
			h.steal += d
		default:
			h.busy += d
		}
	}
	return h, nil
}

// hostTick is the unit in which /proc/stat counts, USER_HZ.
const hostTick = 10 * time.Millisecond

// noise is what the host did besides the trial, from before to after: the share of its CPU time that was stolen, and
// the CPU of other processes in cores. ours is the CPU time that the trial and this process used meanwhile. The host
// counts in ticks, so that one tick more or less says nothing; it is taken off.
func noise(before, after hostCPU, ours time.Duration) (steal, foreign float64) {
	if total := after.total - before.total; total > 0 {
		steal = float64(after.steal-before.steal) / float64(total)
	}
	if wall := after.at.Sub(before.at); wall > 0 {
		foreign = max(0, float64(after.busy-before.busy-ours-hostTick)/float64(wall))
	}
	return steal, foreign
}
