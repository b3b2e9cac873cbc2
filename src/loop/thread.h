/* SPDX-License-Identifier: Apache-2.0 */
/* loop/thread.h - threads beside the main one: no signals, a name, and which of them goes first. */
#pragma once

#include <pthread.h>

/* How far those step back that can wait: a tenth of the processor time of a thread that does not,
 * where there is not enough for all. */
#define THREAD_BEHIND 10

/* Start `fn(arg)` with every signal blocked (they are the main thread's) under a name of at most 15
 * bytes. Aborts when there can be no thread: all are started with the program, as memory is had.
 * pthread_join is the caller's. */
void thread_start(pthread_t *ret, const char *name, void *(*fn)(void *arg), void *arg);
/* The same for one that must not keep probes from starting in time: it takes a niceness of
 * THREAD_BEHIND, and leaves a real-time class given to the whole process (CPUSchedulingPolicy= of
 * systemd), in which niceness says nothing and a turn may last 100 ms. Threads that it starts in
 * turn are as it is. */
void thread_start_behind(pthread_t *ret, const char *name, void *(*fn)(void *arg), void *arg);
