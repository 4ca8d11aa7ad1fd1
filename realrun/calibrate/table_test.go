package calibrate

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gmplab/lab/realrun/ort"
)

// TestTable prints the whole table of this machine: GMPLAB_CALIBRATE=1 go test -run Table -v
func TestTable(t *testing.T) {
	if os.Getenv("GMPLAB_CALIBRATE") == "" {
		t.Skip("set GMPLAB_CALIBRATE=1 to measure this machine for up to 90 s")
	}
	cache, err := ort.DefaultCache()
	require.NoError(t, err)
	lib, err := ort.Find(cache)
	if err != nil {
		t.Log(err)
	}
	spent, last, since := map[string]time.Duration{}, "", time.Now()
	c, err := Run(context.Background(), Options{Library: lib, Progress: func(done, total int, what string) {
		spent[last] += time.Since(since)
		last, since = what, time.Now()
	}})
	require.NoError(t, err)
	for _, r := range Describe(c) {
		fmt.Printf("%-34s %10s %-2s  %s\n", r.Name, r.Value, r.Unit, r.Spread)
	}
	fmt.Printf("missing: %s\n%s, took %s\n", strings.Join(Missing(c), ", "), last, c.Took)
	for what, d := range spent {
		fmt.Printf("%-50s %v\n", what, d.Round(time.Millisecond))
	}
}
