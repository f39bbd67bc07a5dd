/*
 * name_list: names of files in the order in which they came, each with a hash.
 *
 * Not thread-safe. A list of zeroes is empty.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_item {
    char *name; /* owned */
    uint64_t hash;
};

struct name_list {
    struct name_item *items; /* owned */
    size_t count, room;
};

/* false: no memory; the list is as it was. */
bool name_list_add(struct name_list *list, const char *name, uint64_t hash);

/* Moves the first `most` items to the end of `out_taken`. */
void name_list_take(struct name_list *list, size_t most, struct name_list *out_taken);

/* Empties it and gives its memory back. */
void name_list_done(struct name_list *list);
