package lab

import (
	"fmt"
	"slices"
)

// A Conn is a TCP connection over the loopback interface that Steps name: netwrite at one end, netread at the other. What
// needs both directions takes two.
type Conn struct {
	Name   string `yaml:"name"`   // unique
	Buffer int64  `yaml:"buffer"` // bytes on the way before a write blocks, 160 to 480 KiB; 0: as many as the kernel's own sizes allow, about 3.9 MB
}

// Limits of connections. The kernel counts the memory of packets, not bytes: a connection whose two socket buffers are set
// to b (socket(7): SO_SNDBUF, SO_RCVBUF) takes 2.2 to 3.0 times b bytes, for messages of 64 B to 64 KiB, where b is at
// least the 64 KiB of a loopback packet and at most the system's usual limit of 208 KiB; below, the number has little to
// do with b: at 53 KiB it is 1.8 times b for messages of 64 B. A real run sets b to 5/12 of Buffer, so these limits give it
// 67 to 200 KiB. Left alone, a connection takes 3.9 to 4.0 MB.
const (
	ConnBufferMin     = 160 << 10
	ConnBufferMax     = 480 << 10
	ConnBufferDefault = 3_900_000
	ConnMessageMax    = 1 << 20 // bytes of one netwrite or netread; what they cost is calibrated up to 16 KiB
)

// Size is the buffer with the default filled in.
func (c *Conn) Size() int64 {
	if c.Buffer == 0 {
		return ConnBufferDefault
	}
	return c.Buffer
}

// validateConns refuses connections without a name of their own.
func (w *Workload) validateConns() error {
	for i := range w.Conns {
		c := &w.Conns[i]
		if c.Name == "" || slices.ContainsFunc(w.Conns[:i], func(b Conn) bool { return b.Name == c.Name }) {
			return fmt.Errorf("workload.conns[%d].name: %q is empty or used twice; give each connection its own name", i, c.Name)
		}
		if c.Buffer != 0 && (c.Buffer < ConnBufferMin || c.Buffer > ConnBufferMax) {
			return fmt.Errorf("workload.conns[%d].buffer: %d is not possible; use %d to %d, or 0 for the kernel's own", i, c.Buffer, ConnBufferMin, ConnBufferMax)
		}
	}
	return nil
}

// validateEnds refuses connections that one end would wait on for ever. The names in the classes are known to be right.
func (w *Workload) validateEnds() error {
	for i := range w.Conns {
		c := &w.Conns[i]
		written, read := w.does(NetWrite, c.Name), w.does(NetRead, c.Name)
		if read && !written {
			return fmt.Errorf("workload.conns[%d]: connection %q is read, but nobody writes to it; add a netwrite step", i, c.Name)
		}
		if written && !read {
			return fmt.Errorf("workload.conns[%d]: connection %q is written, but nobody reads from it; add a netread step", i, c.Name)
		}
	}
	return nil
}

// does tells whether any class has such a step with that name.
func (w *Workload) does(do Do, name string) bool {
	for i := range w.Classes {
		if slices.ContainsFunc(w.Classes[i].Steps, func(s Step) bool { return s.Do == do && s.Name == name }) {
			return true
		}
	}
	return false
}

func (w *Workload) validateNet(s *Step, where string) error {
	if !slices.ContainsFunc(w.Conns, func(c Conn) bool { return c.Name == s.Name }) {
		return fmt.Errorf("%s.name: connection %q is not in workload.conns; add it there", where, s.Name)
	}
	return within(where+".bytes", s.Bytes, 1, ConnMessageMax)
}
