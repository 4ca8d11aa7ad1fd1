package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLongFlags(t *testing.T) {
	for in, want := range map[string]string{
		"run x -out d":       "run x --out d",
		"run x --out d":      "run x --out d",
		"run x -out=d -json": "run x --out=d --json",
		"run -f my.yaml":     "run -f my.yaml",
		"run -h":             "run -h",
		"run -seed -1":       "run -seed -1",
		"run -outt x":        "run --outt x",
		"run -- -out":        "run -- -out",
		"run -fmy.yaml":      "run -fmy.yaml",
		"run -fast":          "run --fast",
		"run out seed":       "run out seed",
		"run ---out -":       "run ---out -",
	} {
		want = strings.Replace(want, "run -seed", "run --seed", 1)
		assert.Equal(t, strings.Fields(want), longFlags(strings.Fields(in)), in)
	}
}

func TestTableAlignsChinese(t *testing.T) {
	text := table([]string{"name", "标题", "value"}, [][]string{{"a", "批处理", "1"}, {"long-name", "b", "2"}, {"c", "", "3 µs"}})
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	require.Len(t, lines, 5)
	for i, last := range map[int]string{0: "value", 2: "1", 3: "2", 4: "3 µs"} {
		before, ok := strings.CutSuffix(lines[i], last)
		require.True(t, ok, lines[i])
		assert.Equal(t, len("long-name")+2+len("批处理")/3*2+2, lipgloss.Width(before), lines[i])
	}
	assert.NotContains(t, text, "\x1b")
}

func TestProgressOffATerminalIsPlainAndRare(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b)
	for i := range int64(1000) {
		p.show("work", i, 1000, false)
	}
	p.say("now %s", "this")
	p.end()
	assert.Equal(t, "[  0 s] work, 0 of 1000\nnow this\n", b.String())
	p.next = time.Now()
	p.show("fetch", 25_000_000, 113_507_888, true)
	assert.Contains(t, b.String(), "fetch, 25 of 113 MB\n")
}

func TestCgroupLimit(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":                {nil, "none"},
		"no limit":            {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n"}, "none"},
		"version 2":           {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n"}, "1.5 cores"},
		"a group around it":   {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000"}, "0.5 cores"},
		"inside a name space": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, "2 cores"},
		"version 1": {map[string]string{"proc/self/cgroup": "4:cpu,cpuacct:/x\n", "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "300000\n",
			"sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n"}, "3 cores"},
		"garbage": {map[string]string{"proc/self/cgroup": "x\n0::/../..\n", "sys/fs/cgroup/cpu.max": "a b\n"}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, text := range c.files {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(root, file), []byte(text), 0o600))
			}
			assert.Equal(t, c.want, cgroupLimit(root).found)
		})
	}
}

func TestReadTicks(t *testing.T) {
	dir := t.TempDir()
	stat, self := filepath.Join(dir, "stat"), filepath.Join(dir, "self")
	require.NoError(t, os.WriteFile(stat, []byte("cpu  10 20 30 400 50 6 7 8 9 10\ncpu0 1\n"), 0o600))
	require.NoError(t, os.WriteFile(self, []byte("12 (a ) b) R 1 2 3 4 5 6 7 8 9 10 70 80 0\n"), 0o600))
	got, err := readTicks(stat, self)
	require.NoError(t, err)
	assert.Equal(t, hostTicks{busy: 73, steal: 8, total: 531, own: 150}, got)
	require.NoError(t, os.WriteFile(stat, []byte("cpu  10 20\n"), 0o600))
	_, err = readTicks(stat, self)
	assert.ErrorContains(t, err, "2 fields instead of at least 8")
	_, err = readTicks(filepath.Join(dir, "none"), self)
	assert.Error(t, err)
}

func TestSpinProbe(t *testing.T) {
	began := time.Now()
	assert.Regexp(t, `^the same work, [0-9]+ times: P10 [0-9.]+m?µ?s, P90 [0-9.]+ % above it, the longest [0-9.]+m?µ?s$`,
		spinProbe(t.Context(), 100*time.Millisecond))
	assert.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, "the same work was done only 0 times in 1h0m0s", spinProbe(ctx, time.Hour))
}

func TestDoctorReportsWhatIsMissing(t *testing.T) {
	c := newCall(t)
	t.Setenv("PATH", "")
	t.Setenv("CC", "")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	assert.Equal(t, statusOK, c.do("doctor"), "it is a report")
	out := c.stdout.String()
	for _, what := range []string{"Go", "C compiler", "npm", "library", "calibration"} {
		assert.Regexp(t, `(?m)^missing +`+what+` `, out)
		assert.Regexp(t, `(?m)^to do: `+what+`: .{10,}$`, out)
	}
	for _, what := range []string{"cores", "GOMAXPROCS", "cgroup CPU limit", "spin probe", "foreign CPU", "steal"} {
		assert.Contains(t, out, what)
	}
	assert.Empty(t, c.stderr.String())
}

func TestDoctorFindsTheCalibration(t *testing.T) {
	c := newCall(t)
	assert.Equal(t, statusOK, c.do("doctor"))
	assert.Regexp(t, `(?m)^ok +calibration +[0-9]+h[0-9m]+0s old`, c.stdout.String())
}
