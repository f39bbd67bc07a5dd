/*
 * number_map: 64-bit numbers by 64-bit numbers, in memory: marks of events, rows of runs.
 *
 * Grows by doubling, up to a bound; nothing is ever scanned to find one. Not thread-safe.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NUMBER_MAP_COUNT_MAX = 1 << 24 };

struct number_map_entry;

struct number_map {
    struct number_map_entry *entries; /* owned */
    size_t room;                      /* a power of two, or 0 */
    size_t count;
};

void number_map_init(struct number_map *map);
void number_map_done(struct number_map *map);

/* False when memory or the bound is used up; a key that is there gets the new number. */
bool number_map_set(struct number_map *map, uint64_t key, uint64_t number);

/* False when the key is not there; out_number may be NULL. */
bool number_map_get(const struct number_map *map, uint64_t key, uint64_t *out_number);

/* Nothing happens when it is not there. */
void number_map_remove(struct number_map *map, uint64_t key);
