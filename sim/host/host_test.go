package host

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/des"
	"github.com/stretchr/testify/require"
)

const (
	us = time.Microsecond
	ms = time.Millisecond
)

// rig drives a host: order is asked what a thread does next.
type rig struct {
	*Host
	q     des.Queue
	order func(t int32)
	after func(since, now time.Duration) // looks at the host before each event; may be nil
	at    map[time.Duration]func()       // what happens from outside, and when
}

// evCall is an event of the rig itself.
const evCall = Kinds

func newRig(cost lab.Cost, seed uint64, threads int) *rig {
	r := &rig{at: map[time.Duration]func(){}}
	r.Host = New(&cost, &r.q, seed)
	for range threads {
		r.NewThread()
	}
	r.order = func(t int32) { r.Run(t, time.Hour) }
	return r
}

// when lets f happen at a time.
func (r *rig) when(at time.Duration, f func()) {
	r.at[at] = f
	r.q.Push(des.Event{At: at, Kind: evCall})
}

func (r *rig) until(end time.Duration) {
	for r.q.Len() > 0 && r.q.Next() <= end {
		e := r.q.Pop()
		if r.after != nil && e.At > r.Now {
			r.after(r.Now, e.At)
		}
		r.Now = e.At
		if e.Kind == evCall {
			r.at[e.At]()
			continue
		}
		if t := r.Step(e); t != none {
			r.order(t)
		}
	}
	if r.after != nil && end > r.Now {
		r.after(r.Now, end)
	}
	r.Now = end
}

// running is the thread on a core, or none.
func (r *rig) running(ci int) int32 {
	if c := &r.cores[ci]; !c.waking {
		return c.cur
	}
	return none
}

func plain(cores int) lab.Cost {
	return lab.Cost{Cores: cores, Tick: lab.Nanos{P50: 4e6}, Slice: lab.Nanos{P50: 1.2e6}}
}

// A turn is the stretch of time for which one thread has a core.
type turn struct {
	thread int32
	long   time.Duration
}

func turns(r *rig, end time.Duration) (ts []turn) {
	r.after = func(since, now time.Duration) {
		if n := len(ts); n > 0 && ts[n-1].thread == r.running(0) {
			ts[n-1].long += now - since
		} else {
			ts = append(ts, turn{r.running(0), now - since})
		}
	}
	r.until(end)
	return ts
}

// Busy threads on one core take turns of one tick each: a slice is shorter than a tick, and ends at a tick only.
func TestBusyThreadsAlternateAtTheTick(t *testing.T) {
	for _, n := range []int{2, 3, 4} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := newRig(plain(1), 1, n)
			for i := range n {
				r.Wake(int32(i), none)
			}
			ts := turns(r, 400*ms)
			require.Greater(t, len(ts), 90)
			last := map[int32]int{}
			for i, tn := range ts[2*n : len(ts)-1] { // the first tick comes at any time: let them even that out
				require.Equal(t, 4*ms, tn.long, "turn %d of thread %d", i, tn.thread)
				if before, ok := last[tn.thread]; ok {
					require.Equal(t, n, i-before, "round robin: turn %d of thread %d", i, tn.thread)
				}
				last[tn.thread] = i
			}
			for i := range n {
				require.InDelta(t, float64(400*ms)/float64(n), float64(r.CPU(int32(i))), float64(8*ms))
			}
		})
	}
}

// The first tick of all is not left out.
func TestFirstTick(t *testing.T) {
	for seed := range uint64(20) {
		r := newRig(plain(1), seed, 2)
		r.threads[1].core = 0
		r.Wake(0, none)
		r.Wake(1, none)
		want := r.phase
		for want < 1200*us { // the slice
			want += 4 * ms
		}
		r.until(want)
		require.EqualValues(t, 1, r.running(0), "seed %d: phase %v", seed, r.phase)
	}
}

// A thread alone on its core is never interrupted.
func TestAloneNobodyTakesTheCore(t *testing.T) {
	r := newRig(plain(1), 1, 1)
	r.Wake(0, none)
	require.Len(t, turns(r, 100*ms), 1)
	require.Equal(t, 100*ms, r.CPU(0))
}

// A thread that wakes with no credit waits for as long as the running one has some of its slice left, then for the tick; it
// takes the core at once if that slice is used up.
func TestWakeWithoutCredit(t *testing.T) {
	r := newRig(plain(1), 1, 2)
	tick := 100*ms + r.phase
	begin := tick - 1000*us
	r.when(begin, func() { r.Wake(0, none) })
	r.when(begin+300*us, func() { r.Wake(1, none) })
	r.until(begin + 300*us)
	require.EqualValues(t, 0, r.running(0), "the slice of 1.2 ms began 300 µs ago")
	r.until(tick)
	require.EqualValues(t, 0, r.running(0), "at the next tick 200 µs of it are left")
	r.until(tick + 4*ms - 1)
	require.EqualValues(t, 0, r.running(0), "a slice ends at a tick only")
	r.until(tick + 4*ms)
	require.EqualValues(t, 1, r.running(0))

	r = newRig(plain(1), 1, 2)
	r.when(0, func() { r.Wake(0, none) })
	r.when(1300*us, func() { r.Wake(1, none) })
	r.until(1300 * us)
	require.EqualValues(t, 1, r.running(0), "the slice was used up")
}

// A thread that blocked while it was owed time takes the core at its wake-up, though the running thread has most of its slice
// left.
func TestWakeWithCredit(t *testing.T) {
	r := newRig(plain(1), 1, 2)
	r.order = func(t int32) {
		if t == 0 {
			r.Run(t, time.Hour)
			return
		}
		r.Block(t, 100*us)
	}
	r.when(0, func() { r.Wake(0, none) })
	r.when(300*us, func() { r.Wake(1, none) })
	for r.threads[1].cpu < 100*us { // it waits, runs at a tick, blocks
		r.until(r.Now + 50*us)
		require.Less(t, r.Now, 20*ms)
	}
	require.True(t, r.threads[1].blocked)
	require.Positive(t, r.threads[1].lag, "it is owed time")
	r.when(r.Now+200*us, func() { r.Wake(1, none) })
	r.until(r.Now + 200*us)
	cur := &r.threads[0]
	require.Less(t, cur.v, cur.protect, "the running thread had some of its slice left")
	require.EqualValues(t, 1, r.running(0))
}

// The running thread is protected while it is eligible itself and has some of its slice left, even from a woken thread with
// an earlier deadline (RUN_TO_PARITY). This takes a third thread, which has run ahead and keeps the mean up.
func TestProtect(t *testing.T) {
	for _, c := range []struct {
		ran  time.Duration
		wins bool
	}{{100 * us, false}, {1100 * us, false}, {1300 * us, true}} {
		r := newRig(plain(1), 1, 3)
		begin := 100*ms + r.phase // a tick: the next one is far away
		r.when(begin, func() { r.Wake(0, none); r.Wake(2, none) })
		r.until(begin + c.ran)
		cur, ahead := &r.threads[0], &r.threads[2]
		require.EqualValues(t, 0, r.running(0))
		first := cur.deadline - r.slice
		ahead.v = first + 10*ms
		mean := (first + c.ran + ahead.v) / 2
		r.threads[1].lag = (mean - first + 100*us) * 2 / 3 // so that it begins 100 µs behind where the running one began
		r.Wake(1, none)
		require.LessOrEqual(t, cur.v, r.mean(&r.cores[0]), "the running thread is eligible")
		require.Less(t, r.threads[1].deadline, cur.deadline, "the woken one has the earlier deadline")
		require.Equal(t, c.wins, r.running(0) == 1, "after %v of a slice of 1.2 ms", c.ran)
	}
}

// A wake-up makes the kernel look at the running thread's slice: if that is over and another one waits already, the core is
// given up then and not at the tick, to whom it may concern (update_curr).
func TestWakeEndsASliceThatIsOver(t *testing.T) {
	for _, c := range []struct {
		at    time.Duration // the third one wakes
		gives bool
	}{{1500 * us, true}, {1100 * us, false}} {
		seed := uint64(1)
		for ; ; seed++ {
			if r := newRig(plain(1), seed, 3); r.phase > 2*ms {
				break
			}
		}
		r := newRig(plain(1), seed, 3)
		r.when(0, func() { r.Wake(0, none) })
		r.when(1, func() { r.Wake(1, none) })
		r.when(c.at, func() { r.Wake(2, none) })
		r.until(c.at - 1)
		require.Equal(t, int32(0), r.running(0))
		r.until(c.at + 1)
		require.Equal(t, c.gives, r.running(0) != 0, "%v", c.at)
		if c.gives {
			require.Equal(t, int32(1), r.running(0), "the one that has waited")
		}
	}
}

// pulledAfter lets a thread wait on one core for a while since it ran, with the other core going idle then, and tells
// whether that core takes it at once.
func pulledAfter(seed uint64, rested time.Duration) bool {
	r := newRig(plain(2), seed, 3)
	r.order = func(t int32) {
		switch t {
		case 1:
			r.Block(t, 100*us+rested)
		case 2:
			r.Block(t, 100*us) // its cache is hot from then on
		default:
			r.Run(t, time.Hour)
		}
	}
	r.when(0, func() { r.Wake(1, none); r.Wake(2, none) })
	r.when(100*us+1, func() { r.Wake(0, none) })
	r.when(101*us, func() { r.Wake(2, none) })
	r.until(100*us + rested - 1)
	if r.running(0) != 0 || len(r.cores[0].queue) != 1 || r.running(1) != 1 {
		return false
	}
	r.until(100*us + rested)
	return r.running(1) == 2
}

// A core that goes idle leaves a thread alone that ran less than 500 µs ago.
func TestAHotThreadIsNotPulled(t *testing.T) {
	const seeds = 60
	count := func(rested time.Duration) (n int) {
		for seed := range uint64(seeds) {
			if pulledAfter(seed, rested) {
				n++
			}
		}
		return n
	}
	require.Zero(t, count(300*us))
	require.Zero(t, count(499*us))
	n := count(501 * us)
	require.Greater(t, n, seeds/4, "pulled after 501 µs, in as many searches as the dice allow")
	require.Less(t, n, seeds*3/4)
}

// An interrupt takes time from every other core that runs a thread of the process, and from nobody's work.
func TestInterrupt(t *testing.T) {
	r := newRig(plain(3), 1, 2)
	var ends []time.Duration
	r.order = func(th int32) {
		if th == 1 && r.Now > 0 {
			ends = append(ends, r.Now)
		}
		r.Run(th, 10*ms)
	}
	r.Wake(0, none)
	r.Wake(1, none)
	r.when(2*ms, func() { require.True(t, r.Interrupt(0, 30*us)) })
	r.when(3*ms, func() { require.True(t, r.Interrupt(0, 20*us)) })
	r.when(4*ms, func() { require.True(t, r.Interrupt(0, 0)) })
	r.until(20*ms + 50*us)
	require.Equal(t, []time.Duration{10*ms + 50*us, 20*ms + 50*us}, ends)
	require.Equal(t, 20*ms, r.CPU(1))
	alone := newRig(plain(2), 1, 1)
	alone.order = func(th int32) { alone.Run(th, 10*ms) }
	alone.Wake(0, none)
	alone.until(ms)
	require.False(t, alone.Interrupt(0, us))
}

// A core that expects to be idle for a shorter time than a pull is worth does not pull.
func TestAShortIdleDoesNotPull(t *testing.T) {
	cost := plain(2)
	cost.IdlePull = lab.Const(2 * maxAvgIdle)
	r := newRig(cost, 1, 3)
	r.cores[0].queue = append(r.cores[0].queue, 2)
	r.threads[2].ran = -time.Hour
	require.False(t, r.pullNewlyIdle(1))
	r.cores[1].pullFrom = 0
	found := false
	for range 20 {
		found = found || r.pullNewlyIdle(1)
	}
	require.True(t, found, "and it would")
}

// Each core has its own limit, drawn anew for each run, and its own luck with the dice.
func TestEachCoreHasItsOwnLimit(t *testing.T) {
	cost := plain(2)
	cost.IdlePull = lab.Dist{Kind: lab.Uniform, Min: 50 * us, Max: 110 * us}
	seen := map[time.Duration]bool{}
	for seed := range uint64(20) {
		r := newRig(cost, seed, 3)
		for i := range r.cores {
			limit := r.cores[i].pullFrom
			require.True(t, 50*us <= limit && limit <= 110*us, "%v", limit)
			seen[limit] = true
		}
	}
	require.Len(t, seen, 40)

	r := newRig(cost, 1, 3)
	r.cores[0].queue = append(r.cores[0].queue, 2)
	r.threads[2].ran = -time.Hour
	r.cores[1].avgIdle = r.cores[1].pullFrom - 1
	for range 100 {
		require.False(t, r.pullNewlyIdle(1))
	}
	r.cores[1].avgIdle++
	other := r.cores[0].newidle
	for !r.pullNewlyIdle(1) {
	}
	require.Equal(t, other, r.cores[0].newidle, "the other core's tries are its own")
}

// A wake-up looks for an idle core while the cores are used for less than about 60 % (2 cores) or 74 % (4 cores).
func TestIdleSearchStopsAtHighUtilisation(t *testing.T) {
	for _, c := range []struct {
		cores int
		util  float64
		found bool
	}{{2, 0, true}, {2, 0.5, true}, {2, 0.60, true}, {2, 0.61, false}, {2, 0.95, false}, {4, 0.73, true}, {4, 0.75, false}} {
		r := newRig(plain(c.cores), 1, c.cores+1)
		r.Wake(0, none)
		for i := range r.cores {
			r.cores[i].util.value = uint64(c.util * utilOne)
		}
		woken := int32(c.cores) // its core is core 0, where thread 0 runs
		r.Wake(woken, none)
		require.Equal(t, c.found, r.threads[woken].core != 0, "%d cores used to %v", c.cores, c.util)
		require.Equal(t, c.found, r.Running(woken))
	}
}

// A wake-up that comes before the thread has blocked keeps it running, for Block and for Sleep alike; one that comes while
// it computes is not kept.
func TestWakeBeforeBlockIsNotLost(t *testing.T) {
	for _, how := range []string{"block", "sleep", "run"} {
		r := newRig(plain(1), 1, 1)
		var asked []time.Duration
		r.order = func(t int32) {
			asked = append(asked, r.Now)
			switch {
			case len(asked) > 2:
				r.Block(t, ms)
			case how == "block":
				r.Block(t, ms)
			case how == "sleep":
				r.Sleep(t, ms, time.Hour)
			default:
				r.Run(t, ms)
			}
		}
		r.when(0, func() { r.Wake(0, none) })
		r.when(500*us, func() { r.Wake(0, none) })
		r.until(10 * ms)
		switch how {
		case "run":
			require.Equal(t, []time.Duration{0, ms, 2 * ms}, asked)
			require.True(t, r.threads[0].blocked, "it blocks when it has no wake-up")
		default:
			require.Equal(t, []time.Duration{0, ms}, asked, how)
			require.Equal(t, 2*ms, r.CPU(0), how)
		}
	}
}

// A sleep ends at its time or at a wake-up, once.
func TestSleep(t *testing.T) {
	r := newRig(plain(1), 1, 1)
	var asked []time.Duration
	r.order = func(t int32) {
		asked = append(asked, r.Now)
		r.Sleep(t, 100*us, r.Now+ms)
	}
	r.when(0, func() { r.Wake(0, none) })
	r.when(1500*us, func() { r.Wake(0, none) })
	r.until(4 * ms)
	require.Equal(t, []time.Duration{0, ms, 1500 * us, 2500 * us, 3500 * us}, asked)
}

// A thread that is woken again and again before its sleep is over leaves one event behind, not one for each sleep; and it
// is woken at the end of its last sleep, sooner or later than the first one's.
func TestSleepsThatAreCutShortShareAnEvent(t *testing.T) {
	for _, last := range []time.Duration{90 * ms, 110 * ms} {
		r := newRig(plain(1), 1, 1)
		var asked []time.Duration
		ends := 100 * ms
		r.order = func(t int32) {
			asked = append(asked, r.Now)
			r.Sleep(t, us, ends)
		}
		r.Wake(0, none)
		for i := range 50 {
			r.until(time.Duration(i+1) * ms)
			if i == 49 {
				ends = last
			}
			r.Wake(0, none)
		}
		r.until(last - us)
		require.Len(t, asked, 51)
		require.LessOrEqual(t, r.q.Len(), 2, "the alarm, and at most one that is stale")
		ends = time.Hour
		r.until(last)
		require.Len(t, asked, 52)
		require.Equal(t, last, asked[51])
	}
}

// Cut ends a burst early and Rest tells what was left, once; a thread that waits for a core is told when it gets one.
func TestCut(t *testing.T) {
	r := newRig(plain(1), 1, 2)
	type answer struct {
		thread   int32
		at, rest time.Duration
	}
	var answers []answer
	order := func(t int32) {
		answers = append(answers, answer{t, r.Now, r.Rest(t)})
		r.Run(t, 10*ms)
	}
	r.order = order
	r.when(0, func() { r.Wake(0, none) })
	r.when(3*ms, func() { r.Cut(0); r.Cut(0) })
	r.until(3 * ms)
	require.Equal(t, []answer{{0, 0, 0}, {0, 3 * ms, 7 * ms}}, answers)
	require.Zero(t, r.Rest(0))

	r = newRig(plain(1), 1, 2)
	answers, r.order = nil, order
	r.when(0, func() { r.Wake(0, none); r.Wake(1, none) })
	r.until(30 * ms) // both have burnt a part
	waits := int32(1)
	if r.running(0) == 1 {
		waits = 0
	}
	left := r.threads[waits].left
	require.Positive(t, left)
	before := len(answers)
	r.Cut(waits)
	require.Len(t, answers, before, "it waits for a core")
	r.until(40 * ms)
	got := answers[before]
	require.Equal(t, waits, got.thread)
	require.Equal(t, left, got.rest)
}

// Extend makes a burst longer, that of a thread that waits for a core too; a thread that is blocked sleeps on.
func TestExtend(t *testing.T) {
	r := newRig(plain(1), 1, 3)
	var at []time.Duration
	r.order = func(t int32) {
		at = append(at, r.Now)
		if len(at) > 1 {
			r.Block(t, 0)
			return
		}
		r.Run(t, 10*ms)
	}
	r.when(0, func() { r.Wake(0, none) })
	r.when(3*ms, func() { r.Extend(0, 2*ms); r.Extend(2, 5*ms) })
	r.until(20 * ms)
	require.Equal(t, []time.Duration{0, 12 * ms}, at)
	require.Zero(t, r.threads[2].left)

	r.threads[1].blocked, r.threads[1].left = false, ms
	r.Extend(1, 2*ms)
	require.Equal(t, 3*ms, r.threads[1].left)
}

// conserve drives random threads and checks that time is conserved: what threads burn is what cores run, and each
// thread burns what it was ordered to.
func conserve(t *testing.T, seed uint64) {
	draw := rand.New(rand.NewPCG(seed, 5))
	cost := plain(1 + draw.IntN(4))
	cost.IdlePull = lab.Const(time.Duration(draw.IntN(600)) * us)
	cost.WakeIdle = lab.Dist{Kind: lab.Uniform, Max: 30 * us}
	cost.CloneStart = lab.ExpDist(50 * us)
	if draw.IntN(2) == 0 {
		cost.Pack = lab.Value{P50: draw.Float64()}
	}
	n := 1 + draw.IntN(9)
	shared(draw, &cost)
	r := newRig(cost, seed, n)
	strangers := len(r.foreign) // they have the first numbers
	n += strangers
	ordered := make([]time.Duration, n)
	r.order = func(t int32) {
		ordered[t] -= r.Rest(t)
		d := time.Duration(draw.ExpFloat64() * float64(500*us))
		if draw.IntN(20) == 0 {
			d *= 20
		}
		ordered[t] += d
		if other := int32(strangers + draw.IntN(n-strangers)); other != t {
			switch draw.IntN(6) {
			case 0, 1, 2:
				r.Wake(other, t)
			case 3:
				if c := &r.cores[r.threads[other].core]; c.cur != other || !r.deciding(c) {
					r.Cut(other)
				}
			}
		}
		switch draw.IntN(4) {
		case 0:
			r.Block(t, d)
		case 1:
			r.Sleep(t, d, r.Now+time.Duration(draw.ExpFloat64()*float64(ms)))
		default:
			r.Run(t, d)
		}
	}
	var ran, idle time.Duration
	r.after = func(since, now time.Duration) {
		seen := make([]int, n)
		for i := range r.cores {
			c := &r.cores[i]
			for _, w := range c.queue {
				seen[w]++
			}
			if c.cur != none {
				seen[c.cur]++
			} else {
				require.Empty(t, c.queue, "seed %d: core %d is idle and threads wait for it", seed, i)
			}
			if r.running(i) == none {
				idle += now - since
			} else {
				ran += now - since
			}
		}
		requireSpeeds(t, r)
		for i, k := range seen {
			want := 1
			if r.threads[i].blocked {
				want = 0
			}
			require.Equal(t, want, k, "seed %d: thread %d is in so many places", seed, i)
		}
	}
	for i := strangers; i < n; i++ {
		r.Wake(int32(i), none)
	}
	const end = 300 * ms
	for i := range 30 {
		r.when(time.Duration(i)*10*ms+5*ms, func() { r.Wake(int32(strangers+i%(n-strangers)), none) })
	}
	r.until(end)
	var burnt time.Duration
	for i := range n {
		got := r.CPU(int32(i))
		burnt += got
		if i < strangers {
			continue
		}
		work := ordered[i] - pending(&r.threads[i])
		if cost.SMT.Of() == 1 && cost.NUMA.Move == 0 {
			require.Equal(t, work, got, "seed %d: thread %d burns what it was ordered to", seed, i)
		} else if cost.NUMA.Move == 0 { // a change of speed costs a nanosecond at most
			require.LessOrEqual(t, work, got, "seed %d: thread %d", seed, i)
			require.LessOrEqual(t, float64(got)*cost.SMT.Speed, float64(work)*1.001+10_000, "seed %d: thread %d", seed, i)
		}
	}
	strange, k := r.Foreign()
	require.Equal(t, strangers, k)
	require.True(t, strangers == 0 || strange > 0, "seed %d: other processes run", seed)
	require.Equal(t, ran, burnt, "seed %d: what threads burn is what cores run", seed)
	require.Equal(t, time.Duration(len(r.cores))*end, burnt+idle, "seed %d", seed)
	require.Positive(t, burnt)
}

// shared lets other processes, siblings and nodes take part, each in half of all cases.
func shared(draw *rand.Rand, cost *lab.Cost) {
	if draw.IntN(2) == 0 {
		cost.Foreign = []lab.Foreign{{Threads: 1 + draw.IntN(3)}, {Threads: 1 + draw.IntN(4), Run: lab.ExpDist(300 * us), Pause: lab.ExpDist(ms)}}
		if draw.IntN(2) == 0 {
			cost.Foreign = cost.Foreign[1:]
		}
	}
	if draw.IntN(2) == 0 {
		cost.SMT = lab.SMT{Threads: 2 + draw.IntN(3), Speed: 0.1 + 0.9*draw.Float64()}
	}
	if draw.IntN(2) == 0 {
		cost.NUMA = lab.NUMA{Nodes: 2 + draw.IntN(2), Wake: time.Duration(draw.IntN(20)) * us}
		if draw.IntN(2) == 0 {
			cost.NUMA.Move = time.Duration(draw.IntN(200)) * us
		}
	}
	cost.Cores *= cost.SMT.Of() * cost.NUMA.Of()
}

// requireSpeeds asks that a CPU is slow exactly if it runs and a sibling does, and that an idle core is known.
func requireSpeeds(t *testing.T, r *rig) {
	if r.smt == 1 {
		return
	}
	for i := range r.cores {
		first, end := r.siblings(int32(i))
		run := 0
		for s := first; s < end; s++ {
			if r.running(int(s)) != none {
				run++
			}
		}
		require.Equal(t, r.running(i) != none, r.cores[i].runs, "CPU %d", i)
		require.Equal(t, r.running(i) != none && run > 1, r.cores[i].slow, "CPU %d", i)
	}
}

// pending is what a thread has still to burn of its orders.
func pending(th *thread) time.Duration {
	if th.cut {
		return th.left + th.rest
	}
	return th.left
}

// FuzzConservation drives a host with random threads.
func FuzzConservation(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed)
	}
	f.Fuzz(conserve)
}

// stolenShare is the share of a busy core's time that gaps take, with that many threads computing on it in bursts.
func stolenShare(threads int, burst time.Duration) float64 {
	cost := plain(1)
	cost.GapRate, cost.Gap = lab.Value{P50: 400}, lab.Const(20*us)
	r := newRig(cost, 1, threads)
	r.order = func(t int32) { r.Run(t, burst) }
	for i := range threads {
		r.Wake(int32(i), none)
	}
	const end = 20 * time.Second
	r.until(end)
	var burnt time.Duration
	for i := range threads {
		burnt += r.CPU(int32(i))
	}
	return 1 - burnt.Seconds()/end.Seconds()
}

// Host and interrupts steal GapRate moments of Gap per second of busy time, whoever runs and in whatever bursts: 0.8 %.
func TestStolenShare(t *testing.T) {
	for _, c := range []struct {
		threads int
		burst   time.Duration
	}{{1, 100 * us}, {1, 50 * ms}, {2, 100 * us}, {2, 50 * ms}, {4, 500 * ms}} {
		t.Run(fmt.Sprintf("%d threads in bursts of %v", c.threads, c.burst), func(t *testing.T) {
			require.InDelta(t, 0.008, stolenShare(c.threads, c.burst), 0.0015)
		})
	}
}
