package sim_test

import (
	"time"

	"github.com/gmplab/lab"
)

// textbook is a machine for tests: every primitive costs something of the right order, nothing is measured. A test that
// depends on more than the order is wrong.
func textbook() lab.Cost {
	n := func(ns float64) lab.Nanos { return lab.Nanos{P50: ns, P10: ns, P90: ns} }
	us := func(q ...time.Duration) lab.Dist {
		d := lab.Dist{Kind: lab.Empirical}
		for _, v := range q {
			d.Quantiles = append(d.Quantiles, v*time.Microsecond)
		}
		return d
	}
	table := func(intra, busy int, cpu float64, times ...time.Duration) lab.Service {
		s := lab.Service{Model: "mlp", IntraOp: intra, Busy: busy, Row: 2048, Batch: []int{1, 8, 32}}
		for _, t := range times {
			s.Time = append(s.Time, us(t*97/100, t, t*115/100))
			s.CPU = append(s.CPU, cpu)
		}
		return s
	}
	return lab.Cost{
		Link: n(1.1), Newproc: n(100), Goexit: n(120), Switch: n(100), Steal: n(40), Chan: n(20), Ready: n(60),
		Mutex: n(3), Spin: n(600), CgoCall: n(35), Syscall: n(300), ExitSlow: n(300), Timer: n(150), Now: n(31),
		AllocMin: n(20), AllocKiB: n(130), Request: n(100), RunCall: n(1000), CopyKiB: n(30), Threads: lab.Value{P50: 6, P10: 6, P90: 6},
		Cores: 2, Tick: n(4e6), IdlePull: lab.Const(200 * time.Microsecond), FutexWake: n(5000), FutexWakeBusy: n(1500),
		FutexWakeOwn: n(1000), FutexSleep: n(1000), FutexBack: n(1000), FutexBackIdle: n(3000), SwitchIn: n(1500), WakeIdle: us(5, 8, 11, 15, 21, 60), Clone: n(30000),
		CloneStart: us(50, 60, 70, 80, 120), SleepOver: us(56, 60, 66, 75, 100), SleepCPU: n(8000), SleepIn: n(4000),
		EpollOver: us(60, 90, 110, 130), EpollCPU: n(10000), Netpoll: n(1000), PipeWrite: n(1500), PipeRead: n(1000),
		NetWrite: n(4000), NetWriteKiB: n(100), NetRead: n(1000), NetReadKiB: n(80), NetAgain: n(500),
		Heap: lab.Heap{Live: 400 << 10, Scan: 200 << 10, Stack: 20 << 10, Globals: 150 << 10, Other: 6 << 20, Mapped: 4 << 20, Share: 0.03},
		Alloc: []lab.AllocCost{{Bytes: 16, Time: n(30)}, {Bytes: 1024, Time: n(300)}, {Bytes: 32768, Time: n(6000)},
			{Bytes: 16, Pointers: true, Time: n(35)}, {Bytes: 1024, Pointers: true, Time: n(330)}, {Bytes: 32768, Pointers: true, Time: n(7000)}},
		Mark: []lab.MarkCost{{Bytes: 64, Live: 8 << 20, Time: n(40)}, {Bytes: 1024, Live: 8 << 20, Time: n(80)}, {Bytes: 1024, Live: 64 << 20, Time: n(120)},
			{Bytes: 64, Live: 8 << 20, Pointers: true, Time: n(70)}, {Bytes: 1024, Live: 8 << 20, Pointers: true, Time: n(400)},
			{Bytes: 1024, Live: 64 << 20, Pointers: true, Time: n(500)}, {Bytes: 1024, Live: 64 << 20, Pointers: true, Old: true, Time: n(450)}},
		FreshKiB: n(180), Scavenge: n(100), CopyPageKiB: n(300), CopyPagePeerKiB: n(3000), CopyPageStolenKiB: n(2000), SweepSpan: n(200), SweepPeer: n(150), MarkSetup: n(100_000), MarkG: n(1000), StopWorld: n(8000), SweepTerm: n(8000),
		MarkTerm: n(15_000), Store: n(1.4), StoreMark: n(12), PoolGet: n(8), PoolPut: n(8), PoolShared: n(20),
		Signal: us(5, 10, 20, 40), SignalCPU: n(5000), SignalSend: n(4000), ColdSignal: us(10, 20, 40, 60), ColdSignalCPU: n(12_000), ColdSignalSend: n(15_000), GapRate: lab.Value{P50: 400, P10: 400, P90: 400}, Gap: us(5, 10, 15, 20, 60), ArmLate: us(5, 10, 30),
		Infer: []lab.Service{table(1, 1, 1, 100, 350, 1260), table(1, 2, 1, 103, 355, 1270), table(2, 1, 1.8, 70, 200, 700)},
	}
}
