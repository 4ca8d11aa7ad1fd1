package gort

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gmplab/lab/sim/gopacer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConstants reads each constant of the model from the source of the Go tree that runs this test. When a new Go
// release changes one, or the code around it, this test says so: look at the function named and follow it.
func TestConstants(t *testing.T) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err, "go env GOROOT")
	src := filepath.Join(strings.TrimSpace(string(out)), "src")
	const proc = "runtime/proc.go"
	for _, c := range []struct {
		name     string
		have     int64  // the model's value, in the unit of the source
		file     string // in the Go tree
		function string // in it; empty: anywhere in the file
		pattern  string // the first group is a constant expression
	}{
		{"runqSize", runqSize, "runtime/runtime2.go", "", `\brunq +\[([^]]+)\]guintptr`},
		{"globalTick", globalTick, proc, "findRunnable", `pp\.schedtick%(\d+) == 0`},
		{"stealTries", stealTries, proc, "stealWork", `const stealTries = (.+)`},
		{"stealKeep", stealKeep, proc, "runqgrab", `n = n - n/(\d+)`},
		{"StealMax, the ring over", runqSize / int64(Go126().StealMax), proc, "runqgrab", `n > uint32\((?:len\(pp\.runq\))/(\d+)\)`},
		{"spinLimit", spinLimit, proc, "findRunnable", `(\d+)\*sched\.nmspinning\.Load\(\) < gomaxprocs-sched\.npidle`},
		{"wakeLimit", wakeLimit, proc, "wakep", `!sched\.nmspinning\.CompareAndSwap\(0, (\d+)\)`},
		{"forcePreemptNS", int64(forcePreemptNS), proc, "", `const forcePreemptNS = ([^/\n]+)`},
		{"syscallGrace", int64(syscallGrace), proc, "retake", `pd\.syscallwhen\+([\d*]+) > now`},
		{"sysmonMinSleep", sysmonMinSleep.Microseconds(), proc, "sysmon", `if idle == 0 \{.*\n\s*delay = (\d+)`},
		{"sysmonIdleCycles", sysmonIdleCycles, proc, "sysmon", `else if idle > (\d+) \{.*\n\s*delay \*= 2`},
		{"sysmonMaxSleep", sysmonMaxSleep.Microseconds(), proc, "sysmon", `if delay > ([\d*]+) \{`},
		{"sysmonPollAfter", int64(sysmonPollAfter), proc, "sysmon", `lastpoll\+([\d*]+) < now`},
		{"sysmonDeepSleep, twice", int64(2 * sysmonDeepSleep), proc, "", `var forcegcperiod int64 = ([^/\n]+)`},
		{"sysmonDeepSleep, divisor", 2, proc, "sysmon", `sleep := forcegcperiod / (\d+)`},
		{"runnextBackoff", runnextBackoff.Microseconds(), proc, "runqgrab", `usleep\((\d+)\)`},
		{"starvationThreshold", int64(starvationThreshold), "internal/sync/mutex.go", "", `starvationThresholdNs = (.+)`},
		{"activeSpin", activeSpin, "runtime/lock_spinbit.go", "", `active_spin += ([^/\n]+)`},
		{"rwmutexMaxReaders", rwmutexMaxReaders, "sync/rwmutex.go", "", `const rwmutexMaxReaders = (.+)`},
		{"stopAgain", stopAgain.Microseconds(), proc, "stopTheWorldWithSema", `notetsleep\(&sched\.stopnote, (\d+)\*1000\)`},
		{"netpollEvents", netpollEvents, "runtime/netpoll_epoll.go", "netpoll", `var events \[(\d+)\]linux\.EpollEvent`},
		{"timerHeapN", timerHeapN, "runtime/time.go", "", `const timerHeapN = (\d+)`},
		{"gFreeMax", gFreeMax, proc, "gfput", `pp\.gFree\.size >= (\d+) \{\n\s*var`},
		{"gFreeBatch", gFreeBatch, proc, "gfput", `for pp\.gFree\.size >= (\d+)`},
		{"gFreeBatch", gFreeBatch, proc, "gfget", `for pp\.gFree\.size < (\d+)`},
		{"fixedStack", fixedStack, "runtime/stack.go", "", `\bstackMin = (\d+)`},
		{"stackGuard, nosplit", stackGuard - 128, "internal/abi/stack.go", "", `StackNosplitBase = (\d+)`},
		{"stackGuard, small", stackGuard - 800, "internal/abi/stack.go", "", `StackSmall = (\d+)`},
		{"maxstacksize", maxstacksize, proc, "main", `maxstacksize = (\d+)`},
		{"forcegcperiod", int64(forcegcperiod), proc, "", `var forcegcperiod int64 = ([^/\n]+)`},
		{"drainCheckThreshold", drainCheckThreshold, "runtime/mgcmark.go", "", `drainCheckThreshold = (\d+)`},
		{"sweepBatchSize", sweepBatchSize, "runtime/mgcsweep.go", "bgsweep", `const sweepBatchSize = (\d+)`},
		{"stopAgain, of forEachP", stopAgain.Microseconds(), proc, "forEachPInternal", `notetsleep\(&sched\.safePointNote, (\d+)\*1000\)`},
		{"gcBackgroundUtilization, per cent", 100 * gopacer.BackgroundUtilization, "runtime/mgcpacer.go", "", `gcBackgroundUtilization = 0\.(\d\d)`},
		{"pageSize, as a power", int64(bits.Len(pageSize) - 1), "internal/runtime/gc/sizeclasses.go", "", `PageShift += (\d+)`},
		{"maxSmallSize", maxSmallSize, "internal/runtime/gc/sizeclasses.go", "", `MaxSmallSize += (\d+)`},
		{"tinySize", tinySize, "internal/runtime/gc/sizeclasses.go", "", `TinySize += (\d+)`},
		{"mallocHeader", mallocHeader, "internal/runtime/gc/malloc.go", "", `MallocHeaderSize = (\d+)`},
		{"retainExtraPercent", retainExtraPercent, "runtime/mgcscavenge.go", "", `retainExtraPercent = (\d+)`},
		{"reduceExtraPercent", reduceExtraPercent, "runtime/mgcscavenge.go", "", `reduceExtraPercent = (\d+)`},
		{"sweepTries", sweepTries, "runtime/mcentral.go", "cacheSpan", `spanBudget := (\d+)`},
		{"goidCacheBatch", goidCacheBatch, proc, "", `_GoidCacheBatch = ([^/\n]+)`},
	} {
		text := functionText(t, filepath.Join(src, c.file), c.function)
		m := regexp.MustCompile(c.pattern).FindStringSubmatch(text)
		if !assert.NotNilf(t, m, "%s: no match for %s in %s %s; the runtime has changed there", c.name, c.pattern, c.file, c.function) {
			continue
		}
		v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, m[1])
		require.NoErrorf(t, err, "%s: %q is not a constant", c.name, m[1])
		theirs, exact := constant.Int64Val(constant.ToInt(v.Value))
		require.True(t, exact, "%s: %q is not a whole number", c.name, m[1])
		assert.Equalf(t, theirs, c.have, "%s: the runtime has %s in %s %s", c.name, m[1], c.file, c.function)
	}
}

// functionText gives the source of one function of a file, or of the whole file.
func functionText(t *testing.T, file, function string) string {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	if function == "" {
		return string(text)
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, text, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == function {
			return string(text[fset.Position(fn.Pos()).Offset:fset.Position(fn.End()).Offset])
		}
	}
	t.Fatalf("%s has no function %s; the runtime has changed there", file, function)
	return ""
}
