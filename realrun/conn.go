package realrun

import (
	"fmt"
	"io"
	"net"

	"github.com/gmplab/lab"
)

// A conn is a lab.Conn that is open: its two ends.
type conn struct{ w, r *net.TCPConn }

// openConns opens the connections of the workload and gives its steps their ends.
func (r *run) openConns() error {
	ends := map[string]conn{}
	for i := range r.trial.Workload.Conns {
		lc := &r.trial.Workload.Conns[i]
		c, err := openConn(lc)
		if err != nil {
			r.closeConns()
			return fmt.Errorf("realrun: workload.conns[%d]: no loopback connection can be made (%w): allow TCP on 127.0.0.1", i, err)
		}
		r.conns = append(r.conns, c)
		ends[lc.Name] = c
	}
	for i := range r.classes {
		c := &r.classes[i]
		for j := range c.ops {
			name := r.trial.Workload.Classes[i].Steps[j].Name
			switch c.ops[j].do {
			case lab.NetWrite:
				c.ops[j].conn = ends[name].w
			case lab.NetRead:
				c.ops[j].conn = ends[name].r
			}
		}
	}
	return nil
}

// openConn makes a connection over the loopback interface. Go sets TCP_NODELAY by itself. What fits into a connection is
// some 2.4 times what the sizes of its two socket buffers are set to; see lab.ConnBufferMin.
func openConn(lc *lab.Conn) (c conn, err error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return c, err
	}
	defer l.Close()
	if c.w, err = net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr)); err != nil {
		return c, err
	}
	if c.r, err = l.AcceptTCP(); err != nil {
		c.w.Close()
		return c, err
	}
	if lc.Buffer == 0 {
		return c, nil
	}
	if err = c.w.SetWriteBuffer(int(lc.Buffer) * 5 / 12); err == nil {
		err = c.r.SetReadBuffer(int(lc.Buffer) * 5 / 12)
	}
	if err != nil {
		c.close()
	}
	return c, err
}

func (c *conn) close() {
	c.w.Close()
	c.r.Close()
}

// closeConns closes all connections. A step that still waits on one ends with an error, which transfer drops.
func (r *run) closeConns() {
	for i := range r.conns {
		r.conns[i].close()
	}
	r.conns = nil
}

// transfer does a netwrite or netread step.
func (r *run) transfer(q *request, o *op) {
	if int64(len(q.buffer)) < o.bytes {
		q.buffer = make([]byte, o.bytes)
	}
	var err error
	if o.do == lab.NetWrite {
		_, err = o.conn.Write(q.buffer[:o.bytes])
	} else {
		_, err = io.ReadFull(o.conn, q.buffer[:o.bytes])
	}
	if err != nil && !r.stopping.Load() {
		r.fail(fmt.Errorf("realrun: a %v step failed: %w", o.do, err))
	}
}
