package gopacer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLimiterAsTheRuntimeTests makes the moves of the runtime's TestGCCPULimiter and asks for what it asks for, twice over.
func TestLimiterAsTheRuntimeTests(t *testing.T) {
	const procs = 14
	var now int64
	var l Limiter
	l.ResetCapacity(0, procs)
	advance := func(d time.Duration) int64 { now += int64(d); return now }
	assists := func(d time.Duration, share float64) { l.AddAssistTime(int64(share * float64(d) * procs)) }
	expect := func(fill, overflow uint64, limiting bool, what string) {
		t.Helper()
		assert.Equal(t, fill, l.Fill, "fill: "+what)
		assert.Equal(t, overflow, l.Overflow, "overflow: "+what)
		assert.Equal(t, limiting, l.Limiting(), "limiting: "+what)
	}
	const capacity = procs * CapacityPerProc
	for i := range uint64(2) {
		require.EqualValues(t, capacity, l.Capacity)
		base := i * uint64((CapacityPerProc/2+6*time.Millisecond)*procs)
		for _, d := range []time.Duration{0, 10 * time.Millisecond, time.Second, time.Hour} {
			l.Update(advance(d))
			expect(0, base, false, "only the program runs")
		}
		assert.False(t, l.NeedUpdate(advance(LimiterUpdatePeriod/2)))
		assert.True(t, l.NeedUpdate(advance(LimiterUpdatePeriod)))
		l.Update(now)
		assert.False(t, l.NeedUpdate(now))

		l.StartGCTransition(true, advance(109*time.Millisecond))
		l.FinishGCTransition(advance(2*time.Millisecond + time.Microsecond))
		expect(uint64(2*time.Millisecond+time.Microsecond)*procs, base, false, "a stopped world fills")
		l.Update(advance(2 * (2*time.Millisecond + time.Microsecond - 1)))
		expect(procs, base, false, "a quarter for the collector drains at half the rate")
		l.Update(advance(2 * capacity))
		expect(0, base, false, "drained")

		assists(10*time.Millisecond, 0.5-BackgroundUtilization)
		l.Update(advance(10 * time.Millisecond))
		expect(0, base, false, "half and half moves nothing")
		assists(time.Millisecond, 1-BackgroundUtilization)
		l.Update(advance(time.Millisecond))
		expect(uint64(procs*time.Millisecond), base, false, "all for the collector")
		assists(CapacityPerProc-time.Millisecond, 1-BackgroundUtilization)
		l.Update(advance(CapacityPerProc - time.Millisecond))
		expect(capacity, base, true, "filled exactly")
		assists(time.Second, 0.5-BackgroundUtilization)
		l.Update(advance(time.Second))
		expect(capacity, base, true, "half and half while full")
		l.Update(advance(CapacityPerProc))
		expect(capacity/2, base, false, "half drained")
		assists(CapacityPerProc, 1-BackgroundUtilization)
		l.Update(advance(CapacityPerProc))
		expect(capacity, base+capacity/2, true, "overfilled")
		assists(time.Millisecond, 1-BackgroundUtilization)
		l.StartGCTransition(false, advance(time.Millisecond))
		expect(capacity, base+uint64(CapacityPerProc/2+time.Millisecond)*procs, true, "the cycle ends")
		l.FinishGCTransition(advance(5 * time.Millisecond))
		all := base + uint64(CapacityPerProc/2+6*time.Millisecond)*procs
		expect(capacity, all, true, "the world was stopped")
		l.ResetCapacity(now, procs+10)
		expect(capacity, all, false, "more Ps")
		l.ResetCapacity(now, procs-10)
		expect((procs-10)*CapacityPerProc, all, true, "fewer Ps")
		l.ResetCapacity(advance(capacity), procs)
	}
}

// TestLimiterCycleAndTransition: it remembers the cycle in which it began to limit, and an update in a transition waits.
func TestLimiterCycleAndTransition(t *testing.T) {
	var l Limiter
	l.ResetCapacity(0, 2)
	l.NumGC = 6
	l.StartGCTransition(true, 10)
	l.AddAssistTime(99)
	l.Update(20)
	assert.EqualValues(t, 10, l.LastUpdate)
	assert.EqualValues(t, 99, l.AssistTimePool)
	l.FinishGCTransition(30)
	assert.EqualValues(t, 40, l.Fill)
	l.Update(30)
	assert.EqualValues(t, 40+2*99, l.Fill, "what assists take they take from the program: it counts twice")
	assert.Zero(t, l.LastEnabledCycle)
	l.AddAssistTime(4 * CapacityPerProc)
	l.Update(31)
	assert.True(t, l.Limiting())
	assert.EqualValues(t, 7, l.LastEnabledCycle)
	l.NumGC = 8
	l.AddAssistTime(100)
	l.Update(32)
	assert.EqualValues(t, 7, l.LastEnabledCycle, "it goes on limiting")
	l.Update(20)
	assert.EqualValues(t, 32, l.LastUpdate, "the clock of another P is behind")
}

// TestLimiterEvents: time of idle Ps is nobody's, of idle workers neither; assists are the collector's, whether they are
// consumed on their way or not.
func TestLimiterEvents(t *testing.T) {
	var l Limiter
	l.ResetCapacity(0, 4)
	l.Fill = 1000
	var e [4]LimiterEvent
	assert.True(t, e[0].Start(LimiterEventIdle, 0))
	assert.False(t, e[0].Start(LimiterEventMarkAssist, 0), "one at a time")
	assert.True(t, e[1].Start(LimiterEventIdleMarkWork, 0))
	assert.True(t, e[2].Start(LimiterEventMarkAssist, 0))
	assert.True(t, e[3].Start(LimiterEventScavengeAssist, 20))
	update := func(now int64) {
		for i := range e {
			e[i].Consume(&l, now)
		}
		l.Update(now)
	}
	update(10)
	assert.EqualValues(t, 1000+10-10, l.Fill, "10 of assist, 20 idle, 10 of the program")
	typ, d := e[0].Consume(&l, 10)
	assert.Equal(t, LimiterEventNone, typ)
	assert.Zero(t, d)
	assert.EqualValues(t, 20, e[0].Stop(&l, LimiterEventIdle, 30))
	assert.EqualValues(t, 20, e[1].Stop(&l, LimiterEventIdleMarkWork, 30))
	assert.EqualValues(t, 20, e[2].Stop(&l, LimiterEventMarkAssist, 30))
	assert.EqualValues(t, 10, e[3].Stop(&l, LimiterEventScavengeAssist, 30))
	update(30)
	assert.EqualValues(t, 1000+30-10, l.Fill, "20 + 10 of assists, 40 idle, 10 of the program")
	assert.Panics(t, func() { e[0].Stop(&l, LimiterEventIdle, 30) })
}

// TestLimiterConstants: after a second in which all Ps did nothing but mark, no assist is asked for; not before.
func TestLimiterConstants(t *testing.T) {
	const second = 1_000_000_000
	for _, procs := range []int32{1, 8} {
		var l Limiter
		l.ResetCapacity(0, procs)
		l.StartGCTransition(true, 0)
		l.FinishGCTransition(second - 1)
		assert.False(t, l.Limiting())
		l.AddAssistTime(int64(procs))
		l.Update(second)
		assert.True(t, l.Limiting())
		assert.False(t, l.NeedUpdate(second+10_000_000))
		assert.True(t, l.NeedUpdate(second+10_000_001))
	}
}
