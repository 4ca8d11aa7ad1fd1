package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/sim/gort"
	"github.com/gmplab/lab/sim/serve"
	"github.com/stretchr/testify/require"
)

// anyTrial makes a trial from a seed: classes with any steps, any load, any knobs.
func anyTrial(seed uint64) lab.Trial {
	r := lab.NewStream(seed, "fuzz", 0)
	pick := func(n uint32) int { return int(r.Uint32n(n)) }
	us := func() lab.Dist {
		d := lab.ExpDist(time.Duration(1+pick(2000)) * time.Microsecond)
		d.Kind = lab.DistKind(pick(2))
		return d
	}
	w := lab.Workload{Name: "fuzz", Warmup: 2 * time.Millisecond, Run: time.Duration(5+pick(40)) * time.Millisecond,
		Chans: []lab.Chan{{Name: "c", Cap: 1 + pick(3)}}}
	w.Conns = []lab.Conn{{Name: "loop", Buffer: lab.ConnBufferMin}, {Name: "ping"}, {Name: "pong", Buffer: lab.ConnBufferMax}}
	bytes := func() int64 { return int64(1 + pick(lab.ConnBufferMin/3)) } // what is left of others never keeps a writer waiting for ever
	size, echoes := bytes(), false
	step := func() []lab.Step {
		switch pick(26) {
		case 0, 1:
			return []lab.Step{{Do: lab.CPU, Time: us(), Calls: pick(2) == 0}}
		case 2:
			return []lab.Step{{Do: lab.Call, Time: us(), Spin: pick(2) == 0}}
		case 3:
			return []lab.Step{{Do: lab.Syscall, Time: us()}}
		case 4:
			return []lab.Step{{Do: lab.Sleep, Time: us()}}
		case 5:
			return []lab.Step{{Do: lab.Send, Name: "c"}, {Do: lab.CPU, Time: us()}, {Do: lab.Recv, Name: "c"}}
		case 6, 7:
			return []lab.Step{{Do: lab.Lock, Name: "m"}, {Do: lab.CPU, Time: us()}, {Do: lab.Unlock, Name: "m"}}
		case 8:
			return []lab.Step{{Do: lab.Go, Name: "child", Count: 1 + pick(300)}, {Do: lab.Wait}}
		case 9:
			return []lab.Step{{Do: lab.Yield}, {Do: lab.Alloc, Bytes: int64(1 + pick(1<<16))}}
		case 10:
			return []lab.Step{{Do: lab.Infer, Name: "mlp"}}
		case 11:
			return []lab.Step{{Do: lab.RLock, Name: "rw"}, {Do: lab.CPU, Time: us()}, {Do: lab.RUnlock, Name: "rw"}}
		case 12:
			return []lab.Step{{Do: lab.RLock, Name: "rw"}, {Do: lab.Sleep, Time: us()}, {Do: lab.RUnlock, Name: "rw"},
				{Do: lab.Lock, Name: "rw"}, {Do: lab.CPU, Time: us()}, {Do: lab.Unlock, Name: "rw"}}
		case 13:
			steps := []lab.Step{{Do: lab.LockOSThread}, {Do: lab.CPU, Time: us()}, {Do: lab.Call, Time: us()}, {Do: lab.Yield},
				{Do: lab.Sleep, Time: us()}, {Do: lab.Lock, Name: "rw"}, {Do: lab.Unlock, Name: "rw"}, {Do: lab.UnlockOSThread}}
			return steps
		case 14:
			return []lab.Step{{Do: lab.Go, Name: "hermit", Count: 1 + pick(3)}}
		case 16:
			n := bytes()
			return []lab.Step{{Do: lab.NetWrite, Name: "loop", Bytes: n}, {Do: lab.CPU, Time: us()}, {Do: lab.NetRead, Name: "loop", Bytes: n}}
		case 17:
			echoes = true
			return []lab.Step{{Do: lab.Go, Name: "echo"}, {Do: lab.NetWrite, Name: "ping", Bytes: size}, {Do: lab.NetRead, Name: "pong", Bytes: size}}
		case 19, 20:
			return []lab.Step{{Do: lab.Alloc, Bytes: int64(1 + pick(3000)), Count: 1 + pick(300), Pointers: r.Float64()}, {Do: lab.Retain, Name: "live", Count: 3000}}
		case 21:
			return []lab.Step{{Do: lab.Alloc, Bytes: int64(1 + pick(1<<19)), Pointers: float64(pick(2))}, {Do: lab.Retain, Name: "all"}, {Do: lab.Store, Count: pick(3000)},
				{Do: lab.Alloc, Bytes: int64(1 + pick(1<<15)), Local: true}}
		case 22:
			return []lab.Step{{Do: lab.Release, Name: "all", Count: 1 + pick(50)}, {Do: lab.Get, Name: "pool"}, {Do: lab.CPU, Time: us()}, {Do: lab.Put, Name: "pool"}}
		case 23:
			return []lab.Step{{Do: lab.Get, Name: "pool"}, {Do: lab.Get, Name: "pool"}, {Do: lab.Sleep, Time: us()}, {Do: lab.Put, Name: "pool"}}
		case 24:
			return []lab.Step{{Do: lab.GC}}
		case 25:
			return []lab.Step{{Do: lab.SetGCPercent, Count: []int{-1, 20, 100, 300}[pick(4)]}, {Do: lab.CPU, Time: us()}, {Do: lab.SetMemoryLimit, Bytes: int64(pick(2) * (16<<20 + pick(1<<27)))}}
		case 15:
			return []lab.Step{{Do: lab.CPU, Time: us()}, {Do: lab.SetGOMAXPROCS, Count: 1 + pick(9)}}
		}
		return []lab.Step{{Do: lab.Go, Name: "child", Count: 1 + pick(3)}}
	}
	for i := range 1 + pick(3) {
		c := lab.Class{Name: string(rune('a' + i))}
		for range 1 + pick(4) {
			c.Steps = append(c.Steps, step()...)
		}
		switch pick(4) {
		case 0:
			c.Arrivals = lab.Arrivals{Kind: lab.Closed, Clients: 1 + pick(20), Think: us()}
		case 1:
			c.Arrivals = lab.Arrivals{Kind: lab.Once, Count: 1 + pick(100)}
		default:
			c.Arrivals = lab.Arrivals{Kind: lab.Poisson + lab.ArrivalKind(pick(2)), Rate: float64(10 + pick(4000)),
				Generator: lab.Generator(pick(2))}
		}
		w.Classes = append(w.Classes, c)
	}
	w.Classes = append(w.Classes, lab.Class{Name: "child", Steps: []lab.Step{{Do: lab.CPU, Time: lab.ExpDist(20 * time.Microsecond)}}})
	if echoes {
		w.Classes = append(w.Classes, lab.Class{Name: "echo", Steps: []lab.Step{{Do: lab.NetRead, Name: "ping", Bytes: size},
			{Do: lab.NetWrite, Name: "pong", Bytes: size}}})
	}
	w.Classes = append(w.Classes, lab.Class{Name: "hermit", // takes its thread with it
		Steps: []lab.Step{{Do: lab.LockOSThread}, {Do: lab.CPU, Time: lab.ExpDist(20 * time.Microsecond)}}})
	k := lab.Knobs{GOMAXPROCS: 1 + pick(8), Serve: lab.Serve(pick(3)), Permits: 1 + pick(4), Workers: 1 + pick(3),
		IntraOp: 1 + pick(2), AsyncPreemptOff: pick(3) == 0,
		Batcher: lab.Batcher{Max: 1 + pick(40), Wait: time.Duration(pick(3)) * time.Millisecond}}
	w.Pools = []lab.Pool{{Name: "pool", Kind: lab.PoolKind(pick(4)), Bytes: int64(1 + pick(1<<18)), Cap: 1 + pick(5)}}
	if pick(2) == 0 {
		k.GOGC = []int{-1, 5, 20, 400}[pick(4)]
	}
	if pick(3) == 0 {
		k.GOMEMLIMIT = int64(16<<20 + pick(1<<27))
	}
	return lab.Trial{Workload: w, Knobs: k, Seed: seed}
}

// anyMachine lets other processes, hardware threads, nodes and long idleness take part, each in a third of all cases.
func anyMachine(seed uint64, cost *lab.Cost) {
	r := lab.NewStream(seed, "fuzz/machine", 0)
	pick := func(n uint32) int { return int(r.Uint32n(n)) }
	us := func(n uint32) time.Duration { return time.Duration(1+pick(n)) * time.Microsecond }
	if pick(3) == 0 {
		cost.Foreign = []lab.Foreign{{Threads: 1 + pick(4), Run: lab.ExpDist(10*time.Microsecond + us(3000)), Pause: lab.ExpDist(us(5000))}}
		if pick(2) == 0 {
			cost.Foreign = append(cost.Foreign, lab.Foreign{Threads: 1 + pick(2)})
		}
	}
	if pick(3) == 0 {
		cost.SMT = lab.SMT{Threads: 2, Speed: 0.1 + 0.9*r.Float64()}
	}
	if pick(3) == 0 {
		cost.NUMA = lab.NUMA{Nodes: 1 + pick(3), Wake: us(50), Move: us(500)}
		if cost.NUMA.Nodes == 1 {
			cost.NUMA = lab.NUMA{}
		}
	}
	if pick(3) == 0 {
		cost.Pack = lab.Value{P50: r.Float64()}
	}
	if pick(3) == 0 {
		for idle, wake := lab.ShortIdle, time.Duration(0); len(cost.WakeRested) < 3; {
			idle, wake = idle+us(4000), wake+us(60)
			cost.WakeRested = append(cost.WakeRested, lab.Rested{Idle: idle, Wake: lab.ExpDist(wake)})
		}
	}
	if pick(3) == 0 {
		cost.Stalls, cost.Stall = []float64{0, r.Float64()}, lab.ExpDist(us(3000))
	}
	cost.Cores = cost.SMT.Of() * cost.NUMA.Of() * (1 + pick(3))
}

// play runs a trial with the invariants on after each event, and returns what is left to check at its end.
func play(t testing.TB, trial lab.Trial, cost lab.Cost, policy gort.Policy) {
	require.NoError(t, trial.Validate())
	require.NoError(t, cost.Validate())
	knobs := trial.Knobs.Filled(max(cost.Cores, 1))
	v, err := serve.Compile(&trial, knobs, &cost)
	require.NoError(t, err)
	s := gort.New(&cost, policy, knobs, trial.Seed)
	s.Check()
	s.Record()
	s.Serve(v)
	require.NoError(t, s.Loop(context.Background(), v.Stop, false), "seed %d", trial.Seed)
	require.NoError(t, s.Loop(context.Background(), v.Stop+time.Hour, true), "seed %d", trial.Seed)
	require.NoError(t, lab.Validate(s.Recorded()), "seed %d", trial.Seed)
	r := lab.Result{Trial: trial}
	s.Fill(&r)
	require.Zero(t, r.Dropped, "seed %d: requests that never end", trial.Seed)
	require.NoError(t, little(&r), "seed %d", trial.Seed)
	for _, q := range r.Requests {
		require.LessOrEqual(t, q.Due, q.Start, "seed %d", trial.Seed)
		require.LessOrEqual(t, q.Start, q.End, "seed %d", trial.Seed)
	}
}

// FuzzInvariants plays any workload under any knobs on an ideal and on a real machine, and asks after each event whether
// the scheduler's invariants hold, and at the end whether every request has been served.
func FuzzInvariants(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed, seed%3 == 0, uint8(seed%9))
	}
	f.Fuzz(func(t *testing.T, seed uint64, ideal bool, policy uint8) {
		cost := textbook()
		if ideal {
			cost = lab.Cost{Infer: cost.Infer}
		} else {
			anyMachine(seed, &cost)
		}
		p := gort.Go126()
		switch policy % 9 {
		case 1:
			p.StealTries = 0
		case 2:
			p.Runnext = false
		case 3:
			p.GlobalTick, p.ForcePreempt = 3, time.Millisecond
		case 4:
			p.StealRandom, p.StealMax = false, 1
		case 5:
			p.SpinLimit, p.WakeLimit = 0, 3
		case 6:
			p = gort.Go113()
		case 7:
			p.StealKeep, p.WakeLimit = 0, 0
		case 8:
			p.StealKeep, p.SpinLimit = 1, 5
		}
		trial := anyTrial(seed)
		if ideal { // where collecting takes no time, a heap above its limit is collected at every span, thousands of times
			trial.Knobs.GOMEMLIMIT = 0
			for _, c := range trial.Workload.Classes {
				for i := range c.Steps {
					if c.Steps[i].Do == lab.SetMemoryLimit {
						c.Steps[i].Bytes = 0
					}
				}
			}
		}
		play(t, trial, cost, p)
	})
}
