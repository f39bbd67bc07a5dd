/*
 * arena: memory of one unit of work (a run, a request, a check), given back at once.
 *
 * Grows in blocks up to a bound given at birth. Nothing in it is freed singly; who keeps a thing
 * longer than the arena copies it. Not thread-safe: the arena goes from owner to owner with its
 * work.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct arena_block;
struct arena_hold;

struct arena {
    struct arena_block *newest; /* owned */
    struct arena_hold *held;    /* what goes with the arena, the newest first */
    size_t bytes;               /* handed out and kept as block heads, all blocks together */
    size_t bytes_max;
};

/* No allocation happens before the first arena_get. */
void arena_init(struct arena *arena, size_t bytes_max);

/* Lets go of what is held and gives everything back; the arena can be used again with the same
 * bound. */
void arena_reset(struct arena *arena);

/* Gives everything back. An arena of zeroes may be done away with as well. */
void arena_done(struct arena *arena);

/* Zeroed bytes, aligned for any type; NULL when the bound or the heap is used up. */
void *arena_get(struct arena *arena, size_t count, size_t bytes_each);

/* Has `release(thing)` called when the arena is reset or done, the newest thing first: for what the
 * arena's things share with others. false: no room, and nothing is held. */
bool arena_hold(struct arena *arena, void *thing, void (*release)(void *thing));

/* A copy of the bytes, ended by a zero that is not counted. On failure .bytes is NULL (also for
 * an empty slice, whose copy otherwise points at a zero). */
struct slice arena_copy(struct arena *arena, struct slice bytes);

/* Text made by a printf format, ended by a zero; .bytes NULL on failure. */
struct slice arena_print(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
