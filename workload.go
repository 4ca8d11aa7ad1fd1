package lab

import "time"

// A Workload is what is asked of the machine. It is data, not code: the simulator charges its Steps and the real run
// does them.
type Workload struct {
	Name    string        `yaml:"name"`    // shown in titles and files
	Classes []Class       `yaml:"classes"` // kinds of request; at least one
	Chans   []Chan        `yaml:"chans"`   // the channels that send and recv steps name
	Conns   []Conn        `yaml:"conns"`   // the loopback TCP connections that netwrite and netread steps name
	Pools   []Pool        `yaml:"pools"`   // the pools of buffers that get and put steps name
	Warmup  time.Duration `yaml:"warmup"`  // requests due before it are served but not counted
	Run     time.Duration `yaml:"run"`     // length of the counted part; 0: until the classes that arrive once are done
}

// A Class is one kind of request: when its requests come, and what each of them does.
type Class struct {
	Name       string   `yaml:"name"`       // unique; go steps name it
	Arrivals   Arrivals `yaml:"arrivals"`   // when its requests come
	Steps      []Step   `yaml:"steps"`      // what one request does, in order
	Background bool     `yaml:"background"` // its requests are left out of latency and throughput
}

// A Chan is a channel that Steps name.
type Chan struct {
	Name string `yaml:"name"` // unique
	Cap  int    `yaml:"cap"`  // buffer size; 0: unbuffered
}

// ArrivalKind says by what rule requests come.
type ArrivalKind uint8

// The rules of arrival.
const (
	Spawned ArrivalKind = iota // only when a go step starts one
	Closed                     // Clients goroutines, each starts its next request when the last is done (after Think)
	Poisson                    // open loop, exponential gaps at Rate
	Every                      // open loop, equal gaps at Rate
	Once                       // Count requests at time 0
)

var arrivalNames = names{"spawned", "closed", "poisson", "every", "once"}

// Generator says who starts open-loop requests.
type Generator uint8

// The generators. A generator is part of the workload and is simulated too.
const (
	Pipe      Generator = iota // a C thread writes due arrivals to a pipe that one goroutine reads: it needs no P
	InProcess                  // a goroutine that sleeps until the next arrival is due: it needs a P and a timer
)

var generatorNames = names{"pipe", "in-process"}

// Arrivals say when the requests of a class come.
type Arrivals struct {
	Kind      ArrivalKind `yaml:"kind"`      // spawned, closed, poisson, every or once
	Rate      float64     `yaml:"rate"`      // poisson, every: requests per second, above 0
	Clients   int         `yaml:"clients"`   // closed: number of clients, at least 1
	Think     Dist        `yaml:"think"`     // closed: a client's sleep between two requests; 0: none
	Count     int         `yaml:"count"`     // once: number of requests, at least 1
	Generator Generator   `yaml:"generator"` // poisson, every: pipe or in-process
}

// Do says what a Step does.
type Do uint8

// What a Step can do.
const (
	CPU     Do = iota + 1 // computes for Time: that many nanosecond links of a dependent chain
	Alloc                 // allocates Count objects of Bytes, Pointers of them pointers; held until the request ends
	Retain                // puts what the request's last alloc step made into the live set Name, which keeps the Count newest
	Release               // drops the Count oldest objects of the live set Name
	Call                  // a C call that lasts Time: it sleeps, or burns CPU if Spin
	Syscall               // a blocking system call that lasts Time
	Sleep                 // time.Sleep(Time)
	Send                  // sends on channel Name
	Recv                  // receives from channel Name
	Lock                  // locks the sync.Mutex Name
	Unlock                // unlocks it
	Go                    // starts Count goroutines of class Name
	Wait                  // waits until all goroutines that this request started are done (sync.WaitGroup)
	Yield                 // runtime.Gosched
	Infer                 // one inference with model Name; Knobs.Serve says how it is served

	RLock          // locks the sync.RWMutex Name for reading; lock and unlock with that Name are then its write lock
	RUnlock        // unlocks it for reading
	LockOSThread   // runtime.LockOSThread: a request that ends locked takes its thread with it
	UnlockOSThread // runtime.UnlockOSThread
	SetGOMAXPROCS  // runtime.GOMAXPROCS(Count): stops the world, changes the number of Ps, starts the world

	NetWrite // writes Bytes to connection Name; waits while it is full
	NetRead  // reads Bytes from the other end of connection Name (io.ReadFull); waits until they are there

	Get            // takes a buffer from pool Name, or allocates one if there is none; held until it is put back or the request ends
	Put            // puts the buffer that the request got last back into pool Name
	Store          // stores Count pointers into an object on the heap, one after the other
	GC             // runtime.GC: a whole collection, waited for
	SetGCPercent   // debug.SetGCPercent(Count)
	SetMemoryLimit // debug.SetMemoryLimit(Bytes)
)

var doNames = names{"", "cpu", "alloc", "retain", "release", "call", "syscall", "sleep", "send", "recv", "lock", "unlock",
	"go", "wait", "yield", "infer", "rlock", "runlock", "lockosthread", "unlockosthread", "gomaxprocs", "netwrite", "netread",
	"get", "put", "store", "gc", "setgcpercent", "setmemorylimit"}

// A Step is one thing that a request does.
type Step struct {
	Do       Do      `yaml:"do"`       // cpu, alloc, retain, release, call, syscall, sleep, send, recv, lock, unlock, go, wait, yield, infer, rlock, runlock, lockosthread, unlockosthread, gomaxprocs, netwrite, netread, get, put, store, gc, setgcpercent or setmemorylimit
	Time     Dist    `yaml:"time"`     // cpu, call, syscall, sleep: how long
	Bytes    int64   `yaml:"bytes"`    // alloc: size of each object, 1 B to 1 GiB; netwrite, netread: how many, 1 B to 1 MiB; setmemorylimit: the limit, 0 for none
	Pointers float64 `yaml:"pointers"` // alloc: share of the object's words that are pointers, 0 to 1
	Name     string  `yaml:"name"`     // send, recv: channel; netwrite, netread: connection; lock, unlock, rlock, runlock: mutex, a sync.RWMutex if any step reads under it; go: class; retain, release: live set; infer: model; get, put: pool
	Count    int     `yaml:"count"`    // go: how many goroutines, alloc, release: how many objects, store: how many pointers, 0 means 1; retain: how many objects the set keeps at most, 0 for no limit; gomaxprocs: how many Ps, 1 to 1024; setgcpercent: percent, -1 for off
	Stack    int64   `yaml:"stack"`    // cpu: bytes of stack that it uses below the step's own frame: it computes at the end of so deep a chain of calls; 0: what fits the first stack
	Local    bool    `yaml:"local"`    // alloc: the object does not escape: it lies on the goroutine's stack, at most 64 KiB, and costs the collector nothing
	Spin     bool    `yaml:"spin"`     // call: burns CPU in C instead of sleeping there
	Calls    bool    `yaml:"calls"`    // cpu: the loop calls a Go function every few microseconds (a cooperative preemption point)
}

// DeepStack tells whether any step says how deep it calls.
func (w *Workload) DeepStack() bool {
	for i := range w.Classes {
		for _, s := range w.Classes[i].Steps {
			if s.Stack > 0 {
				return true
			}
		}
	}
	return false
}

// Reads tells whether any step locks that name for reading: it is a sync.RWMutex then, else a sync.Mutex.
func (w *Workload) Reads(name string) bool { return w.does(RLock, name) }

// Models lists the names that an infer step may use.
var Models = []string{"mlp"}

// Due is the sequence of times at which the requests of one open-loop class are due. Both sides read the same
// sequence. Next gives one time after the other, never descending.
type Due struct {
	at  time.Duration
	gap Dist
	s   Stream
}

// Due gives the arrivals of class number i under a seed; for a class that is not open-loop every Next is 0.
func (w *Workload) Due(i int, seed uint64) Due {
	a := &w.Classes[i].Arrivals
	d := Due{s: NewStream(seed, "arrivals/"+w.Classes[i].Name, 0)}
	if a.Rate > 0 {
		d.gap.Mean = time.Duration(float64(time.Second) / a.Rate)
	}
	if a.Kind == Poisson {
		d.gap.Kind = Exp
	}
	return d
}

// Next gives the time at which the next request is due.
func (d *Due) Next() time.Duration {
	d.at += d.gap.Sample(&d.s)
	return d.at
}

// Work is the stream from which request n of class number i draws the Times of its Steps, in the order of the
// Steps. Client c of a closed class numbers its requests c<<32, c<<32+1, …; the k-th child of request n is numbered
// by Child. So both sides do the same work for the same request, whatever the order in which they serve it.
func (w *Workload) Work(i int, seed, n uint64) Stream {
	return NewStream(seed, "work/"+w.Classes[i].Name, n)
}

// Child numbers the k-th goroutine that request n started.
func Child(n uint64, k int) uint64 { return mix(n+1)<<20 ^ uint64(k) }

// String gives the step's name as workload files write it.
func (d Do) String() string { return doNames.of(uint8(d)) }

// MarshalText writes the step's name.
func (d Do) MarshalText() ([]byte, error) { return doNames.marshal(uint8(d)) }

// UnmarshalText reads the step's name.
func (d *Do) UnmarshalText(b []byte) error { return doNames.unmarshal((*uint8)(d), b) }

// String gives the rule's name as workload files write it.
func (k ArrivalKind) String() string { return arrivalNames.of(uint8(k)) }

// MarshalText writes the rule's name.
func (k ArrivalKind) MarshalText() ([]byte, error) { return arrivalNames.marshal(uint8(k)) }

// UnmarshalText reads the rule's name.
func (k *ArrivalKind) UnmarshalText(b []byte) error { return arrivalNames.unmarshal((*uint8)(k), b) }

// String gives the generator's name as workload files write it.
func (g Generator) String() string { return generatorNames.of(uint8(g)) }

// MarshalText writes the generator's name.
func (g Generator) MarshalText() ([]byte, error) { return generatorNames.marshal(uint8(g)) }

// UnmarshalText reads the generator's name.
func (g *Generator) UnmarshalText(b []byte) error { return generatorNames.unmarshal((*uint8)(g), b) }
