package gopacer

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ours are the names that the runtime has not, or elsewhere.
var ours = map[string]string{
	"MaxIdleMarkWorkers":       "the upper half of idleMarkWorkers there",
	"BlackenEnabled":           "gcBlackenEnabled, a global",
	"HeapTriggered":            "gcTrigger.test, the heap's case",
	"AssignWaitingGCWorker":    "assignWaitingGCWorker without the pool of workers",
	"PollFractionalWorkerExit": "a function of runtime/mgc.go",
	"Init":                     "init",
	"GCPercent":                "gcPercent; Go spells GC in capitals where it is exported", "GCPercentHeapGoal": "as GCPercent",
	"SetGCPercent": "setGCPercent",
	"GCEnabled":    "gcEnabled", "NumGC": "memstats.numgc", "NProcs": "nprocs", "Fill": "bucket.fill", "Capacity": "bucket.capacity",
}

// TestNamesAreTheRuntimes: fields and methods of Controller and Limiter are those of the runtime's types.
func TestNamesAreTheRuntimes(t *testing.T) {
	names := map[string]bool{}
	for _, file := range []string{"mgcpacer.go", "mgclimit.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(goroot(t), file), nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field:
				for _, id := range n.Names {
					names[id.Name] = true
				}
			case *ast.FuncDecl:
				names[n.Name.Name] = true
			}
			return true
		})
	}
	used := map[string]bool{}
	check := func(name string) {
		lower := strings.ToLower(name[:1]) + name[1:]
		if _, own := ours[name]; own {
			used[name] = true
			return
		}
		assert.True(t, names[lower], "the runtime has no %s", lower)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[Controller](), reflect.TypeFor[Limiter]()} {
		for i := range typ.NumField() {
			check(typ.Field(i).Name)
		}
		for i := range reflect.PointerTo(typ).NumMethod() {
			check(reflect.PointerTo(typ).Method(i).Name)
		}
	}
	assert.Len(t, used, len(ours), "a name of ours is not used, or is the runtime's by now")
}

// TestConstantsAreTheRuntimes reads them from the source of the Go tree that runs this test.
func TestConstantsAreTheRuntimes(t *testing.T) {
	for _, c := range []struct {
		have          float64
		file, pattern string
	}{
		{BackgroundUtilization, "mgcpacer.go", `gcBackgroundUtilization = (\S+)\n`},
		{CreditSlack, "mgcpacer.go", `gcCreditSlack = (\S+)\n`},
		{AssistTimeSlack, "mgcpacer.go", `gcAssistTimeSlack = (\S+)\n`},
		{OverAssistWork, "mgcpacer.go", `gcOverAssistWork = (.+)\n`},
		{DefaultHeapMinimum, "mgcpacer.go", `\(1-goexperiment.HeapMinimum512KiBInt\)\*\((.+)\)\n`},
		{MaxStackScanSlack, "mgcpacer.go", `maxStackScanSlack = (.+)\n`},
		{MemoryLimitMinHeapGoalHeadroom, "mgcpacer.go", `memoryLimitMinHeapGoalHeadroom = (.+)\n`},
		{MemoryLimitHeapGoalHeadroomPercent, "mgcpacer.go", `memoryLimitHeapGoalHeadroomPercent = (.+)\n`},
		{triggerRatioDen, "mgcpacer.go", `triggerRatioDen = (\d+)`},
		{minTriggerRatioNum, "mgcpacer.go", `minTriggerRatioNum = (\d+)`},
		{maxTriggerRatioNum, "mgcpacer.go", `maxTriggerRatioNum = (\d+)`},
		{SweepMinHeapDistance, "mgc.go", `sweepMinHeapDistance = (.+)\n`},
		{SweepMinHeapDistance, "mgcsweep.go", `heapDistance -= (.+)\n`},
		{1.2, "mgc.go", `float64\(selfTime\)/float64\(delta\) > ([\d.]+)\*gcController.fractionalUtilizationGoal`},
		{LimiterUpdatePeriod, "mgclimit.go", `gcCPULimiterUpdatePeriod = (\S+)`},
		{CapacityPerProc, "mgclimit.go", `capacityPerProc = (\S+)`},
		{math.Log2(PageSize), "../internal/runtime/gc/sizeclasses.go", `PageShift += (\d+)`},
	} {
		src, err := os.ReadFile(filepath.Join(goroot(t), filepath.FromSlash(c.file)))
		require.NoError(t, err)
		found := regexp.MustCompile(c.pattern).FindSubmatch(src)
		require.NotNil(t, found, "%s has no %s", c.file, c.pattern)
		expr, _, _ := strings.Cut(string(found[1]), "//")
		v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, expr)
		require.NoError(t, err, expr)
		want, _ := constant.Float64Val(constant.ToFloat(v.Value))
		assert.Equal(t, want, c.have, "%s: %s", c.file, c.pattern)
	}
}
