package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gmplab/lab/realrun/native"
)

// noiseFor is how long the doctor watches the host.
const noiseFor = time.Second

// hostTicks is what all CPUs of the host did and this process did, in ticks of /proc/stat.
type hostTicks struct{ busy, steal, total, own float64 }

// noise watches the host for a second while one thread computes, and reports the CPU time that the hypervisor and
// other processes took, and how evenly the same piece of work went.
func noise(ctx context.Context) []finding {
	before, err := readTicks("/proc/stat", "/proc/self/stat")
	began := time.Now()
	fs := []finding{{what: "spin probe", found: spinProbe(ctx, noiseFor)}}
	wall := time.Since(began).Seconds()
	if err != nil {
		return append(fs, finding{what: "noise", found: "steal and foreign CPU are not observed: " + err.Error()})
	}
	after, err := readTicks("/proc/stat", "/proc/self/stat")
	if err != nil || after.total <= before.total {
		return append(fs, finding{what: "noise", found: "steal and foreign CPU are not observed: /proc/stat does not advance"})
	}
	const tick = 0.01 // USER_HZ is 100 on every Linux
	foreign := max(0, (after.busy-before.busy-(after.own-before.own))*tick/wall)
	return append(fs, finding{what: "steal", found: fmt.Sprintf("%.2g %% of the host's CPU time", 100*(after.steal-before.steal)/(after.total-before.total))},
		finding{what: "foreign CPU", found: fmt.Sprintf("%.2f cores used by other processes", foreign)})
}

// spinProbe repeats one piece of work of some 100 µs for a while and says how evenly that went.
func spinProbe(ctx context.Context, d time.Duration) string {
	const links = 100_000
	var times []time.Duration
	var sum uint64
	for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil; {
		began := time.Now()
		sum += native.Chain(links)
		times = append(times, time.Since(began))
	}
	if len(times) < 10 || sum == 0 {
		return fmt.Sprintf("the same work was done only %d times in %v", len(times), d)
	}
	slices.Sort(times)
	p10, p90 := times[len(times)/10], times[len(times)*9/10]
	return fmt.Sprintf("the same work, %d times: P10 %v, P90 %.1f %% above it, the longest %v", len(times), p10.Round(time.Microsecond),
		100*float64(p90-p10)/float64(max(p10, 1)), times[len(times)-1].Round(time.Microsecond))
}

// readTicks reads the first line of /proc/stat (user nice system idle iowait irq softirq steal) and utime and stime of
// this process, as proc(5) describes them.
func readTicks(stat, self string) (hostTicks, error) {
	var t hostTicks
	b, err := os.ReadFile(stat)
	if err != nil {
		return t, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	cpu, err := numbers(strings.Fields(strings.TrimPrefix(line, "cpu ")), 0, 8)
	if err != nil {
		return t, fmt.Errorf("%s: %w", stat, err)
	}
	for i, v := range cpu {
		t.total += v
		if i != 3 && i != 4 && i != 7 {
			t.busy += v
		}
	}
	t.steal = cpu[7]
	if b, err = os.ReadFile(self); err != nil {
		return t, err
	}
	rest := string(b[bytes.LastIndexByte(b, ')')+1:]) // behind the program's name, which may hold anything
	own, err := numbers(strings.Fields(rest), 11, 13)
	if err != nil {
		return t, fmt.Errorf("%s: %w", self, err)
	}
	t.own = own[0] + own[1]
	return t, nil
}

// numbers reads fields from to to.
func numbers(fields []string, from, to int) ([]float64, error) {
	if len(fields) < to {
		return nil, fmt.Errorf("%d fields instead of at least %d", len(fields), to)
	}
	var out []float64
	for _, f := range fields[from:to] {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return nil, fmt.Errorf("field %q is not a number", f)
		}
		out = append(out, v)
	}
	return out, nil
}
