package lab

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// two is a small run: P0 and P1, two goroutines, one of which is preempted, in a call, and moves.
func two() []Transition {
	us := func(n int) time.Duration { return time.Duration(n) * time.Microsecond }
	return []Transition{
		{At: 0, Of: P, ID: 0, From: Idle, To: Running, P: 0, M: 0},
		{At: 0, Of: G, ID: 1, From: NotExist, To: Runnable, P: -1, M: -1},
		{At: us(1), Of: G, ID: 1, From: Runnable, To: Running, P: 0, M: 0},
		{At: us(2), Of: G, ID: 2, From: NotExist, To: Runnable, P: -1, M: -1},
		{At: us(3), Of: M, ID: 1, From: Idle, To: Running, P: -1, M: 1},
		{At: us(3), Of: P, ID: 1, From: Idle, To: Running, P: 1, M: 1},
		{At: us(4), Of: G, ID: 2, From: Runnable, To: Running, P: 1, M: 1},
		{At: us(10), Of: G, ID: 1, From: Running, To: InSyscall, P: 0, M: 0},
		{At: us(11), Of: P, ID: 0, From: Running, To: Idle, P: 0, M: 1},
		{At: us(14), Of: G, ID: 2, From: Running, To: Waiting, Reason: ChanReceive, P: 1, M: 1},
		{At: us(15), Of: P, ID: 1, From: Running, To: Idle, P: 1, M: 1},
		{At: us(15), Of: M, ID: 1, From: Running, To: Idle, P: -1, M: 1},
		{At: us(20), Of: P, ID: 1, From: Idle, To: Running, P: 1, M: 0},
		{At: us(20), Of: G, ID: 1, From: InSyscall, To: Runnable, P: -1, M: 0},
		{At: us(22), Of: G, ID: 1, From: Runnable, To: Running, P: 1, M: 0},
		{At: us(24), Of: G, ID: 2, From: Waiting, To: Runnable, P: -1, M: -1},
		{At: us(30), Of: G, ID: 1, From: Running, To: NotExist, P: 1, M: 0},
	}
}

func TestValidate(t *testing.T) {
	require.NoError(t, Validate(two()))
	for _, c := range []struct {
		name   string
		change func(ts []Transition) []Transition
		want   string
	}{
		{"time", func(ts []Transition) []Transition { ts[3].At = 0; return ts }, "transition 4, 0s g2 not-exist → runnable: its time is before"},
		{"no such move", func(ts []Transition) []Transition { ts[14].From, ts[13].To = Waiting, Waiting; return ts }, "the runtime makes no such move"},
		{"another state", func(ts []Transition) []Transition { ts[14].From = Waiting; return ts }, "it was runnable before"},
		{"from nowhere", func(ts []Transition) []Transition { return append(ts[:1], ts[2:]...) }, "nothing was known of it before"},
		{"two on a P", func(ts []Transition) []Transition { ts[6].P = 0; return ts }, "P0 runs g1 already"},
		{"on an idle P", func(ts []Transition) []Transition { return append(ts[:5], ts[6:]...) }, ""},
		{"P lost while its goroutine runs", func(ts []Transition) []Transition { ts[8].ID = 1; return ts }, "g2 runs on it"},
		{"two Ps", func(ts []Transition) []Transition { ts[5].M = 0; return ts }, "M0 has P0 already"},
		{"parked with a P", func(ts []Transition) []Transition { ts[10], ts[11] = ts[11], ts[10]; return ts }, "it has P1"},
		{"on a P known to be idle", func(ts []Transition) []Transition { return append(ts[:12], ts[13:]...) }, "P1 is idle"},
	} {
		err := Validate(c.change(two()))
		if c.want == "" {
			assert.NoError(t, err, c.name)
			continue
		}
		assert.ErrorContains(t, err, c.want, c.name)
	}
}

func TestActivity(t *testing.T) {
	us := time.Microsecond
	whole := Trace{Moves: two()}
	a := whole.Activity()
	assert.Equal(t, 30*us, a.Span)
	assert.Equal(t, (9+10+8)*us, a.Running)
	assert.Equal(t, (1+2+2+6)*us, a.Runnable)
	assert.Equal(t, 10*us, a.InCall)
	assert.Equal(t, map[Reason]time.Duration{ChanReceive: 10 * us}, a.Waiting)
	assert.Equal(t, []time.Duration{us, 2 * us, 2 * us}, a.Latency)
	assert.Equal(t, []time.Duration{8 * us, 10 * us, 19 * us}, a.Slices, "a call belongs to the stretch until the P is lost")
	assert.Equal(t, 3, a.Starts)
	assert.Equal(t, 1, a.Moves)
	assert.Equal(t, (11+12+10)*us, a.PsBusy)

	part := Trace{Moves: two(), From: 5 * us, To: 12 * us}
	a = part.Activity()
	assert.Equal(t, 7*us, a.Span)
	assert.Equal(t, (5+7)*us, a.Running)
	assert.Equal(t, 2*us, a.InCall)
	assert.Zero(t, a.Starts, "both began before")

	ts := two()
	for i := range ts {
		ts[i].Foreign = ts[i].Of == G && ts[i].ID == 2
	}
	foreign := Trace{Moves: ts}
	assert.Equal(t, 17*us, func() time.Duration { a := foreign.Activity(); return a.Running }())
}

func TestTraceFile(t *testing.T) {
	in := Trace{Side: Predicted, Name: "a \"name\"", From: time.Second, To: 2 * time.Second, Moves: two(), Notes: []string{"one\nnote"}}
	in.Moves[3].Foreign = true
	var b bytes.Buffer
	require.NoError(t, in.Write(&b))
	cut := b.String()[:strings.LastIndex(strings.TrimSpace(b.String()), "\n")+1]
	_, err := ReadTrace(strings.NewReader(cut))
	assert.ErrorContains(t, err, "it was cut off")
	_, err = ReadTrace(strings.NewReader(strings.Replace(b.String(), "\nto 2000000000", "\nto 5", 1)))
	assert.ErrorContains(t, err, "the counted part ends at 5ns, before it begins at 1s")
	assert.True(t, IsTrace(b.Bytes()[:40]))
	out, err := ReadTrace(&b)
	require.NoError(t, err)
	assert.Equal(t, &in, out)

	head := traceHead + "\n"
	for text, want := range map[string]string{
		"":                                                "the file is empty",
		"go 1.26 trace":                                   `line 1: "go 1.26 trace" is not`,
		head + "from x":                                   `line 2: "x" after from: it is no whole number`,
		head + "from -1":                                  "0 or more",
		head + "name x":                                   "line 2",
		head + "1 g 2 runnable":                           "4 fields instead of the 9",
		head + "x g 2 runnable running - 0 0 0":           "field 1",
		head + "1 q 2 runnable running - 0 0 0":           `field 2: unknown value "q"; use one of ["g" "p" "m"]`,
		head + "1 g z runnable running - 0 0 0":           "field 3",
		head + "1 g 2 sleepy running - 0 0 0":             "field 4",
		head + "1 g 2 runnable sleepy - 0 0 0":            "field 5",
		head + "1 g 2 runnable running because 0 0 0":     "field 6",
		head + "1 g 2 runnable running - 99999999999 0 0": "field 7",
		head + "1 g 2 runnable running - 0 y 0":           "field 8",
		head + "1 g 2 runnable running - 0 0 y":           "field 9",
	} {
		_, err := ReadTrace(strings.NewReader(text))
		assert.ErrorContains(t, err, want, text)
	}
}
