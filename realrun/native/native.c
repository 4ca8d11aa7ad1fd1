//go:build cgo && linux

#define _GNU_SOURCE
#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

uint64_t lab_chain(int64_t links) {
	uint64_t x = 1;
	for (; links > 0; links--) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		__asm__ volatile("" : "+r"(x)); // x is needed: no link may be removed, joined or vectorised
	}
	return x;
}

static int64_t clock_ns(clockid_t clock) {
	struct timespec t;
	if (clock_gettime(clock, &t) != 0)
		return -1;
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

int64_t lab_monotonic(void) { return clock_ns(CLOCK_MONOTONIC); }

int64_t lab_thread_cpu(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

// Sleeps until a time on CLOCK_MONOTONIC; a signal (the runtime sends them) does not end the sleep.
static void sleep_until(int64_t at) {
	struct timespec t = {.tv_sec = at / SECOND, .tv_nsec = at % SECOND};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

void lab_sleep(int64_t ns) { sleep_until(lab_monotonic() + ns); }

void lab_nop(void) {}

struct lab_generator {
	pthread_t thread;
	int fd; // write end of the pipe, blocking
	atomic_int stop;
	int64_t n;
	int64_t due[];
};

// The most arrivals in one write: PIPE_BUF bytes, which a pipe takes whole.
#define CHUNK 1024

static void *generate(void *arg) {
	lab_generator *g = arg;
	uint32_t out[CHUNK];
	prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	for (int64_t i = 0; i < g->n && !atomic_load(&g->stop);) {
		int64_t now = lab_monotonic();
		if (g->due[i] > now) {
			int64_t look = now + SECOND / 10; // to look at stop
			sleep_until(g->due[i] < look ? g->due[i] : look);
			continue;
		}
		size_t k = 0;
		while (k < CHUNK && i < g->n && g->due[i] <= now)
			out[k++] = (uint32_t)i++;
		ssize_t wrote;
		do
			wrote = write(g->fd, out, k * sizeof out[0]);
		while (wrote < 0 && errno == EINTR);
		if (wrote < 0)
			break; // the reader closed its end
	}
	close(g->fd);
	return NULL;
}

int lab_generator_start(const int64_t *due, int64_t n, lab_generator **out, int *fd) {
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	int err = ENOMEM;
	lab_generator *g = malloc(sizeof *g + (size_t)n * sizeof due[0]);
	if (g == NULL)
		goto fail;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
		err = errno;
		goto fail;
	}
	g->fd = ends[1];
	g->n = n;
	atomic_init(&g->stop, 0);
	if (n > 0)
		memcpy(g->due, due, (size_t)n * sizeof due[0]);
	// The thread takes no signal: the runtime's are for its own threads, and a closed pipe is an error of write.
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&g->thread, NULL, generate, g);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err != 0)
		goto fail;
	*out = g;
	*fd = ends[0];
	return 0;
fail:
	free(g);
	close(ends[0]);
	close(ends[1]);
	return err;
}

void lab_generator_stop(lab_generator *g) { atomic_store(&g->stop, 1); }

void lab_generator_join(lab_generator *g) {
	pthread_join(g->thread, NULL);
	free(g);
}
