package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/experiments/reference"
	"github.com/gmplab/lab/realrun"
	"github.com/gmplab/lab/realrun/native"
	"github.com/gmplab/lab/sim"
	"github.com/gmplab/lab/sim/gort"
)

// asBurner makes the test binary another process that computes for a time and sleeps for a time by turns: "2ms 6ms". Without
// the second one it never sleeps.
const asBurner = "GMPLAB_TEST_AS_BURNER"

// TestBurner is what that process does until it is killed.
func TestBurner(t *testing.T) {
	f := strings.Fields(os.Getenv(asBurner))
	if len(f) == 0 {
		t.Skip("it is another process in TestForeignLoadForReal")
	}
	run, err := time.ParseDuration(f[0])
	require.NoError(t, err)
	var pause time.Duration
	if len(f) > 1 {
		pause, err = time.ParseDuration(f[1])
		require.NoError(t, err)
	}
	cpu := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	links := int64(10_000)
	for {
		for end := cpu() + run; cpu() < end; {
			links += int64(native.Chain(links) & 1) // its end must be used
		}
		if pause > 0 {
			ts := syscall.NsecToTimespec(int64(pause))
			_ = syscall.Nanosleep(&ts, nil)
		}
	}
}

// burners starts so many other processes and gives what ends them.
func burners(t *testing.T, n int, how string) (end func()) {
	t.Helper()
	var all []*exec.Cmd
	for range n {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestBurner$")
		cmd.Env = append(os.Environ(), asCommand+"=", asBurner+"="+how, "GOMAXPROCS=1")
		require.NoError(t, cmd.Start())
		all = append(all, cmd)
	}
	time.Sleep(200 * time.Millisecond)
	return func() {
		for _, cmd := range all {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
}

// pin restricts this process and those that it starts to so many CPUs, the last ones.
func pin(t *testing.T, cores int) {
	t.Helper()
	n := runtime.NumCPU()
	out, err := exec.Command("taskset", "-acp", fmt.Sprintf("%d-%d", n-cores, n-1), strconv.Itoa(os.Getpid())).CombinedOutput()
	require.NoError(t, err, string(out))
}

// TestForeignLoadForReal compares what a goroutine that always computes gets done beside other processes with what is predicted
// for it. It takes half a minute, wants to be heard on the machine, and prints a table. All processes must be in one
// session, which is one scheduling group where autogroups are on:
//
//	go test -c -o build/cmd.test ./cmd/gmplab && cd cmd/gmplab &&
//	  GMPLAB_FOREIGN=1 setsid -w sh -c 'echo -15 > /proc/self/autogroup; nice -n -15 ../../build/cmd.test -test.v -test.run ForReal'
func TestForeignLoadForReal(t *testing.T) {
	if os.Getenv("GMPLAB_FOREIGN") == "" {
		t.Skip("set GMPLAB_FOREIGN=1 to run beside other processes for half a minute")
	}
	cost, err := reference.Cost()
	require.NoError(t, err)
	measure := realrun.Runner(realrun.Setup{Self: os.Args[0]})
	trial := lab.Trial{Workload: lab.Workload{Name: "hog", Warmup: 200 * time.Millisecond, Run: time.Second, Classes: []lab.Class{{Name: "hog",
		Arrivals: lab.Arrivals{Kind: lab.Closed, Clients: 1}, Steps: []lab.Step{{Do: lab.CPU, Time: lab.Const(time.Millisecond)}}}}},
		Knobs: lab.Knobs{GOMAXPROCS: 1}, Seed: 1}
	get := func(run lab.Runner) (rate, foreign float64) {
		r, err := run(context.Background(), trial)
		require.NoError(t, err)
		n := 0
		for _, q := range r.Requests {
			if q.End >= trial.Workload.Warmup && q.End < trial.Workload.Warmup+trial.Workload.Run {
				n++
			}
		}
		return float64(n), r.Values["/host/foreign-cpu:cores"]
	}
	for _, c := range []struct {
		name    string
		cores   int // of the machine's, as taskset has it
		threads int
		run     time.Duration
		pause   time.Duration
	}{
		{"one core, 1 hog", 1, 1, time.Second, 0}, {"one core, 3 hogs", 1, 3, time.Second, 0},
		{"one core, 2 that come and go", 1, 2, 2 * time.Millisecond, 6 * time.Millisecond},
		{"two cores, 2 hogs", 2, 2, time.Second, 0}, {"two cores, 4 hogs", 2, 4, time.Second, 0},
	} {
		over := cost
		over.Cores = c.cores
		simulate := func(f []lab.Foreign) float64 {
			over.Foreign = f
			var rates []float64
			for trial.Seed = range uint64(9) {
				rate, _ := get(sim.Runner(over, gort.Go126()))
				rates = append(rates, rate)
			}
			slices.Sort(rates)
			return rates[len(rates)/2]
		}
		predicted := simulate(nil) / simulate([]lab.Foreign{{Threads: c.threads, Run: lab.Const(c.run), Pause: lab.Const(c.pause)}})
		how := c.run.String()
		if c.pause > 0 {
			how += " " + c.pause.String()
		}
		pin(t, c.cores)
		t.Setenv(asCommand, "1") // realrun starts this program once more for each trial
		var measured, seen []float64
		for range 3 {
			alone, _ := get(measure)
			end := burners(t, c.threads, how)
			beside, foreign := get(measure)
			end()
			measured, seen = append(measured, alone/beside), append(seen, foreign)
		}
		slices.Sort(measured)
		t.Logf("%-30s slowed down %.2f times predicted, %.2f times measured (%.2f–%.2f), other processes used %.2f cores",
			c.name, predicted, measured[1], measured[0], measured[2], seen[1])
	}
}
