#include <stdint.h>

// The dependent chain of chain.go.
uint64_t lab_chain(int64_t links);

// Sleeps ns nanoseconds in the thread that calls.
void lab_sleep(int64_t ns);

// Does nothing.
void lab_nop(void);

// CLOCK_MONOTONIC in nanoseconds.
int64_t lab_monotonic(void);

// CPU time of the calling thread in nanoseconds; -1 where it cannot be read.
int64_t lab_thread_cpu(void);

// A load generator: one thread that writes the index of each due arrival to a pipe, four bytes in the host's order.
typedef struct lab_generator lab_generator;

// Copies due (n times, ascending, on CLOCK_MONOTONIC) and starts the thread. On success it returns 0, and *fd is the
// pipe's read end, non-blocking. Otherwise it returns an errno.
int lab_generator_start(const int64_t *due, int64_t n, lab_generator **out, int *fd);

// Asks the thread to end, which it does within a tenth of a second if the pipe is read or its read end closed.
void lab_generator_stop(lab_generator *g);

// Waits for the thread's end and frees g.
void lab_generator_join(lab_generator *g);
