package theory

import "math"

// A GCPhase is a stretch of a program that allocates evenly. Sizes are in MiB, times in seconds.
type GCPhase struct {
	Duration    float64 // of the program's own time
	AllocRate   float64 // per second of it
	ScanRate    float64 // live heap per second of a cycle
	NewSurvival float64 // share of what the phase allocates that stays
	OldDeath    float64 // share of what was live at its beginning that goes, evenly over the phase
}

// A GCSetting is how the collector is set. GOGC and the limit may be +Inf, which is off.
type GCSetting struct {
	GOGC        float64 // per cent
	MemoryLimit float64 // MiB
	OtherMem    float64 // MiB that count for the limit and are not heap
	FixedCost   float64 // seconds of each cycle, whatever is live
}

// A GCTotal is what a program costs with its collector.
type GCTotal struct {
	Total  float64 // seconds, the program's and the collector's
	Share  float64 // of it, the collector's
	Peak   float64 // MiB, the other memory included
	Cycles int
}

const (
	gcGuideMinHeap = 4.0      // MiB, the least goal while GOGC is on
	gcGuideStep    = 1.0 / 16 // MiB that there is to allocate between two cycles, even above the limit
)

// goal is the heap at which the next cycle runs.
func (s GCSetting) goal(live float64) float64 {
	g := s.MemoryLimit - s.OtherMem
	if !math.IsInf(s.GOGC, 1) {
		g = math.Max(math.Min(g, live*(1+s.GOGC/100)), gcGuideMinHeap)
	}
	return math.Max(g, live+gcGuideStep)
}

// GCLine is the cost line of the Go GC guide (go.dev/doc/gc-guide, "Understanding costs"): the world stops for each cycle, and a
// cycle costs what is live divided by the scan rate, and a fixed cost. It knows no pacer, no assists and no limit of the
// collector's CPU: as the limit comes close to what is live its cost is without bounds. For a program in the steady state it is
// the closed form: cycles per second = allocation rate ÷ (live heap · GOGC/100).
//
// The heap is taken to be empty at first, with a goal of 4 MiB. A phase that allocates nothing costs its duration.
func GCLine(phases []GCPhase, s GCSetting) GCTotal {
	var sum GCTotal
	live, fresh, change := 0.0, 0.0, 0.0 // change: of live, by the next cycle
	goal := s.goal(gcGuideMinHeap / (1 + s.GOGC/100))
	program := 0.0
	for _, p := range phases {
		perByte := p.NewSurvival // change of live per MiB allocated
		if all := p.Duration * p.AllocRate; all > 0 {
			perByte -= (live + change) * p.OldDeath / all
		}
		left := p.Duration * p.AllocRate
		for live+fresh+left > goal {
			alloc := goal - live - fresh
			left -= alloc
			change += float64(alloc * perByte)
			sum.Peak = math.Max(sum.Peak, goal)
			live, fresh, change = live+change, 0, 0
			sum.Total += live/p.ScanRate + s.FixedCost
			sum.Cycles++
			goal = s.goal(live)
		}
		fresh += left
		change += float64(left * perByte)
		sum.Peak = math.Max(sum.Peak, live+fresh)
		program += p.Duration
	}
	if sum.Cycles > 0 {
		sum.Share = sum.Total / (sum.Total + program)
	}
	sum.Total += program
	sum.Peak += s.OtherMem
	return sum
}
