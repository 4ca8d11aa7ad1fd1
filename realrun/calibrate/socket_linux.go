package calibrate

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// Sizes of the messages from which the cost of a call and of a KiB are told apart.
const smallMessage, largeMessage = 64, 16 << 10

// sockets measures a write to a loopback connection and the read of what it has brought, each a call through package net as
// a goroutine makes it: one message at a time, on one P whose M does both, so that no M blocks in the poller and nobody is
// woken. The connection is used in one direction, so that each read also acknowledges. Where there is no loopback interface
// nothing is measured.
func (b *bench) sockets() error {
	w, r, err := loopback()
	if err != nil {
		return nil
	}
	defer w.Close()
	defer r.Close()
	procs(1, func() {
		clock := median(b.each(2000, func(n int) {
			for range n {
				_ = time.Now()
			}
		}))
		var write, read [2][]float64
		if write[0], read[0], err = b.messages(w, r, smallMessage); err != nil {
			return
		}
		if write[1], read[1], err = b.messages(w, r, largeMessage); err != nil {
			return
		}
		b.addLine("NetWrite", "NetWriteKiB", median(write[0])-clock, median(write[1])-clock)
		b.addLine("NetRead", "NetReadKiB", median(read[0])-clock, median(read[1])-clock)
		err = b.again(r)
	})
	return err
}

// addLine adds what a call costs and what each KiB adds, from the cost of a small and of a large message.
func (b *bench) addLine(call, each string, small, large float64) {
	slope := max(large-small, 0) / (largeMessage - smallMessage) * 1024
	b.add(call, small-slope*smallMessage/1024)
	b.add(each, slope)
}

// messages sends messages and reads them, and gives the nanoseconds of each write and of each read, means of a few.
func (b *bench) messages(w io.Writer, r io.Reader, size int) (write, read []float64, err error) {
	const few = 50
	buffer := make([]byte, size)
	for range b.times(20) + 1 {
		var wrote, took time.Duration
		for range few {
			t0 := time.Now()
			if _, err := w.Write(buffer); err != nil {
				return nil, nil, err
			}
			t1 := time.Now()
			if _, err := io.ReadFull(r, buffer); err != nil {
				return nil, nil, err
			}
			wrote, took = wrote+t1.Sub(t0), took+time.Since(t1)
		}
		write, read = append(write, float64(wrote)/few), append(read, float64(took)/few)
	}
	return write[1:], read[1:], nil
}

// again measures a read that finds nothing, with what a read has around its system call.
func (b *bench) again(r syscall.Conn) error {
	raw, err := r.SyscallConn()
	if err != nil {
		return err
	}
	buffer, found := make([]byte, smallMessage), error(nil)
	try := func(fd uintptr) bool {
		if _, err := syscall.Read(int(fd), buffer); !errors.Is(err, syscall.EAGAIN) {
			found = errors.New("a read of an empty connection has not said EAGAIN")
		}
		return true
	}
	b.add("NetAgain", b.each(1000, func(n int) {
		for range n {
			if err := raw.Read(try); err != nil {
				found = err
			}
		}
	})...)
	return found
}

// loopback gives the two ends of a connection.
func loopback() (w, r *net.TCPConn, err error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if w, err = net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr)); err != nil {
		return nil, nil, err
	}
	if r, err = l.AcceptTCP(); err != nil {
		w.Close()
		return nil, nil, err
	}
	return w, r, nil
}
