/*
 * memory: the one door to the heap for ebb's own code.
 *
 * Allocation may fail and says so with NULL; nobody here ends the process. Tests make the k-th
 * allocation fail through memory_fail_at(). What libraries allocate does not pass here.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

/* Zeroed bytes, or NULL. count 0 gives a pointer that can be freed. Free with memory_free. */
void *memory_new(size_t count, size_t bytes_each);

/* Like realloc: what is gained is not zeroed; on failure NULL, and the old block stays. */
void *memory_resize(void *block, size_t bytes);

void memory_free(void *block);

/* Gives the system back the pages of the heap in which nothing lies; memory_free gives back only
 * its end. It looks at all of the heap: for after work that took much and kept little. */
void memory_give_back(void);

/* For tests: the allocation number `index` from now on (0 is the next) and, when `forever`, all
 * after it fail. A negative index switches this off. Returns how many allocations were asked for
 * since the last call, counted only while this is on (LONG_MAX counts and fails nothing). */
size_t memory_fail_at(long index, int forever);
