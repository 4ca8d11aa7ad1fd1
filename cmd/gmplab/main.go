// Command gmplab predicts how a Go program behaves with a simulator of the Go runtime, runs the very same workload for
// real and compares the two. Flags, progress and exit statuses live here and nowhere else.
//
// The exit status is 0 when every verdict is as claimed, 1 when one differs, 2 for bad usage, bad input or a machine
// that lacks what is needed, and 130 when it was stopped.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The exit statuses.
const (
	statusOK      = 0
	statusDiffers = 1
	statusBad     = 2
	statusStopped = 130
)

// stopWithin is how long a stopped command may take to clean up before the process ends all the same.
const stopWithin = 600 * time.Millisecond

func main() {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	a := newApp(os.Stdin, os.Stdout, os.Stderr)
	status := make(chan int, 1)
	go func() { status <- a.run(ctx, os.Args[1:]) }()
	select {
	case s := <-status:
		os.Exit(s)
	case <-ctx.Done():
	}
	restore() // a second signal ends the process at once
	select {
	case s := <-status:
		os.Exit(s)
	case <-time.After(stopWithin):
		a.writing.Lock() // never in the middle of writing results
		fmt.Fprintln(a.err, stopped)
		os.Exit(statusStopped)
	}
}
