package lab

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A Machine is what a calibration does not measure and a prediction can assume all the same: other processes that compete
// for the cores, hardware threads that share a core, nodes with memory of their own. Cost.On lays it over the costs of a
// calibration. The zero Machine changes nothing. ParseMachine reads one from a file, for gmplab predict -machine FILE.
type Machine struct {
	Cores   int       `yaml:"cores"`   // CPUs as the kernel counts them, each hardware thread one; 0: as many as calibrated
	Foreign []Foreign `yaml:"foreign"` // threads of other processes that compete for the CPUs
	SMT     SMT       `yaml:"smt"`     // hardware threads that share a core
	NUMA    NUMA      `yaml:"numa"`    // nodes that the CPUs form
}

// A Foreign is a group of threads of other processes, each of which computes and sleeps by turns. A real run records what
// they used in all as /host/foreign-cpu:cores: a thread that gets all the CPU it wants uses run / (run + pause) of a core.
type Foreign struct {
	Threads int  `yaml:"threads"`                // how many, 1 to 1024; all groups together 4096
	Run     Dist `yaml:"run"`                    // CPU that each burns before it sleeps, on average at least 10 µs; not used without a pause
	Pause   Dist `yaml:"pause" json:",omitzero"` // how long it then sleeps; 0: never, it always wants a core
}

// SMT says how many hardware threads share a core and how much they slow each other down. CPUs with numbers in succession
// share a core. A thread's CPU time is its time on a CPU, as the kernel counts it, however much gets done meanwhile.
type SMT struct {
	Threads int     `yaml:"threads" json:",omitzero"` // hardware threads of a core, 1 to 8; 0: 1
	Speed   float64 `yaml:"speed" json:",omitzero"`   // of one while another of its core runs, in shares of its speed alone, 0.1 to 1
}

// NUMA says how many nodes the CPUs form and what distance costs. CPUs with numbers in succession form a node, whose CPUs
// share the last cache.
type NUMA struct {
	Nodes int           `yaml:"nodes" json:",omitzero"` // 1 to 64; 0: 1
	Wake  time.Duration `yaml:"wake" json:",omitzero"`  // added to the latency of a wake-up whose waker is on another node, at most 1 ms
	Move  time.Duration `yaml:"move" json:",omitzero"`  // CPU that a thread burns in filling the caches of the node that it has moved to, at most 100 ms
}

// What a Machine may hold at most.
const (
	maxCores          = 1024
	maxForeignThreads = 1024 // of a group
	maxForeignInAll   = 4096
	maxSMT            = 8
	minSMTSpeed       = 0.1
	maxNodes          = 64
	maxFarWake        = time.Millisecond
	maxFarMove        = 100 * time.Millisecond
	minForeignRun     = 10 * time.Microsecond
)

// Never tells whether the threads never sleep.
func (f *Foreign) Never() bool { return f.Pause.Kind == Fixed && f.Pause.Mean == 0 }

// Of gives the hardware threads of a core, at least 1.
func (s *SMT) Of() int { return max(s.Threads, 1) }

// Of gives the number of nodes, at least 1.
func (n *NUMA) Of() int { return max(n.Nodes, 1) }

// machine gives what of c is a Machine's.
func (c *Cost) machine() Machine { return Machine{c.Cores, c.Foreign, c.SMT, c.NUMA} }

// On gives the costs of this machine with those of c: where m says nothing, c stays as it is. It fails where m is
// impossible, and names the field.
func (c Cost) On(m Machine) (Cost, error) {
	if m.Cores > 0 {
		c.Cores = m.Cores
	}
	if m.Foreign != nil {
		c.Foreign = m.Foreign
	}
	if m.SMT != (SMT{}) {
		c.SMT = m.SMT
	}
	if m.NUMA != (NUMA{}) {
		c.NUMA = m.NUMA
	}
	return c, c.Validate()
}

// Validate says what is impossible about the cores of c, who shares them and how they are laid out.
func (c *Cost) Validate() error {
	m := c.machine()
	if c.Cores == 0 && (len(m.Foreign) > 0 || m.SMT != (SMT{}) || m.NUMA != (NUMA{})) {
		return fmt.Errorf("cores: 0, a core for each thread, leaves nothing to share; give the number of CPUs, or neither foreign nor smt nor numa")
	}
	if err := m.validate(); err != nil {
		return err
	}
	if err := m.comesOut(); err != nil {
		return err
	}
	if s := c.Heap.Share; !(s >= 0 && s <= 1) {
		return fmt.Errorf("Heap.Share: %v is not possible; use 0 to 1, or calibrate anew", s)
	}
	return c.validateRested()
}

// comesOut tells whether the nodes and cores are all of one size.
func (m *Machine) comesOut() error {
	n := m.SMT.Of() * m.NUMA.Of()
	if m.Cores%n == 0 {
		return nil
	}
	verb := "do"
	if m.Cores == 1 {
		verb = "does"
	}
	return fmt.Errorf("cores: %s %s not make %s of cores with %s each; give a multiple of %d", several(m.Cores, "CPU"), verb,
		several(m.NUMA.Of(), "node"), several(m.SMT.Of(), "hardware thread"), n)
}

// several puts a number before what it counts.
func several(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// validate says what is impossible about each field alone.
func (m *Machine) validate() error {
	if m.Cores < 0 || m.Cores > maxCores {
		return fmt.Errorf("cores: %d; give 0 to %d", m.Cores, maxCores)
	}
	threads := 0
	for i := range m.Foreign {
		if err := m.Foreign[i].validate(fmt.Sprintf("foreign[%d]", i)); err != nil {
			return err
		}
		if threads += m.Foreign[i].Threads; threads > maxForeignInAll {
			return fmt.Errorf("foreign[%d].threads: %d with those of the groups before; all groups together may have %d", i, threads, maxForeignInAll)
		}
	}
	s, n := &m.SMT, &m.NUMA
	switch {
	case s.Threads < 0 || s.Threads > maxSMT:
		return fmt.Errorf("smt.threads: %d; give 0 to %d", s.Threads, maxSMT)
	case s.Threads > 1 && !(s.Speed >= minSMTSpeed && s.Speed <= 1):
		return fmt.Errorf("smt.speed: %v; give %v to 1", s.Speed, minSMTSpeed)
	case s.Threads <= 1 && s.Speed != 0:
		return fmt.Errorf("smt.speed: %v, but a core has one hardware thread; give smt.threads, or leave it out", s.Speed)
	case n.Nodes < 0 || n.Nodes > maxNodes:
		return fmt.Errorf("numa.nodes: %d; give 0 to %d", n.Nodes, maxNodes)
	case n.Wake < 0 || n.Wake > maxFarWake:
		return fmt.Errorf("numa.wake: %v; give 0 to %v", n.Wake, maxFarWake)
	case n.Move < 0 || n.Move > maxFarMove:
		return fmt.Errorf("numa.move: %v; give 0 to %v", n.Move, maxFarMove)
	case n.Nodes <= 1 && n.Wake > 0:
		return fmt.Errorf("numa.wake: %v, but there is one node; give numa.nodes, or leave it out", n.Wake)
	case n.Nodes <= 1 && n.Move > 0:
		return fmt.Errorf("numa.move: %v, but there is one node; give numa.nodes, or leave it out", n.Move)
	}
	return nil
}

func (f *Foreign) validate(where string) error {
	if f.Threads < 1 || f.Threads > maxForeignThreads {
		return fmt.Errorf("%s.threads: %d; give 1 to %d", where, f.Threads, maxForeignThreads)
	}
	if err := f.Run.validate(where + ".run"); err != nil {
		return err
	}
	if err := f.Pause.validate(where + ".pause"); err != nil {
		return err
	}
	if d := f.Run.Average(); !f.Never() && d < minForeignRun {
		return fmt.Errorf("%s.run: %v on average before each pause; give at least %v", where, d, minForeignRun)
	}
	return nil
}

// Assumed says in sentences what of c was assumed and not measured, for the reader of a prediction; none: nothing was.
func (c *Cost) Assumed() (notes []string) {
	if c.Cores > 0 && c.Host.Cores > 0 && c.Cores != c.Host.Cores {
		notes = append(notes, fmt.Sprintf("Cores: predicted for %s with costs measured on %d; modelled, not verified on hardware.", several(c.Cores, "CPU"), c.Host.Cores))
	}
	if len(c.Foreign) > 0 {
		var all []string
		for i := range c.Foreign {
			f := &c.Foreign[i]
			all = append(all, f.sentence())
		}
		notes = append(notes, "Foreign load: predicted beside "+strings.Join(all, " and ")+", as the file given with -machine says.")
	}
	if n := c.SMT.Of(); n > 1 {
		notes = append(notes, fmt.Sprintf("SMT: predicted with %d hardware threads a core, each at %v of its speed while another one of its core runs; modelled, not verified on hardware.", n, c.SMT.Speed))
	}
	if n := c.NUMA.Of(); n > 1 {
		notes = append(notes, fmt.Sprintf("NUMA: predicted with %d nodes, %v more for a wake-up from another node, %v of CPU for moving there; modelled, not verified on hardware.", n, c.NUMA.Wake, c.NUMA.Move))
	}
	return slices.Clip(notes)
}

// sentence says in words what the threads do.
func (f *Foreign) sentence() string {
	each, s := "each ", ""
	if f.Threads == 1 {
		each, s = "", "s"
	}
	what := several(f.Threads, "thread") + " of other processes that "
	if f.Never() {
		return what + "never sleep" + s
	}
	return what + fmt.Sprintf("%scompute%s for %v and sleep%s for %v by turns", each, s, f.Run, s, f.Pause)
}

// ParseMachine reads a Machine from a file; docs/machine.md lists its keys. It is read as strictly as a workload file is.
func ParseMachine(name string) (Machine, error) {
	data, err := readStrictly(name, "machine")
	if err != nil {
		return Machine{}, err
	}
	d := decoder{name: name, kind: "machine", lines: map[string]int{}}
	root, err := d.parse(data)
	if err != nil {
		return Machine{}, err
	}
	var m Machine
	if err := d.value(reflect.ValueOf(&m).Elem(), root, ""); err != nil {
		return Machine{}, err
	}
	err = m.validate()
	if err == nil && m.Cores > 0 { // else the calibration says how many, and Cost.On whether that comes out
		err = m.comesOut()
	}
	if err != nil {
		return Machine{}, d.locate(err)
	}
	return m, nil
}
