// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { BLOCK_BYTES = 4096, BLOCK_BYTES_MAX = 256 * 1024 };

struct arena_block {
    struct arena_block *older; /* owned */
    size_t used;
    size_t size;
    alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *arena, size_t bytes_max) {
    *arena = (struct arena){.bytes_max = bytes_max};
}

/* Lies in the arena itself. */
struct arena_hold {
    struct arena_hold *older;
    void *thing;
    void (*release)(void *thing);
};

bool arena_hold(struct arena *arena, void *thing, void (*release)(void *thing)) {
    struct arena_hold *hold = arena_get(arena, 1, sizeof(*hold));
    if (hold == NULL) {
        return false;
    }
    *hold = (struct arena_hold){.older = arena->held, .thing = thing, .release = release};
    arena->held = hold;
    return true;
}

void arena_reset(struct arena *arena) {
    for (struct arena_hold *hold = arena->held; hold != NULL; hold = hold->older) {
        hold->release(hold->thing);
    }
    arena->held = NULL;
    struct arena_block *block = arena->newest;
    while (block != NULL) {
        struct arena_block *older = block->older;
        memory_free(block);
        block = older;
    }
    arena->newest = NULL;
    arena->bytes = 0;
}

void arena_done(struct arena *arena) {
    arena_reset(arena);
}

/* Blocks double, so that a large unit of work needs few of them; a large thing gets its own. */
static struct arena_block *add_block(struct arena *arena, size_t least) {
    size_t size = arena->newest != NULL ? arena->newest->size * 2 : BLOCK_BYTES;
    if (size > BLOCK_BYTES_MAX) {
        size = BLOCK_BYTES_MAX;
    }
    if (size < least) {
        size = least;
    }
    const size_t room = arena->bytes_max - arena->bytes;
    if (least > room || sizeof(struct arena_block) > room - least) {
        return NULL;
    }
    if (size > room - sizeof(struct arena_block)) {
        size = room - sizeof(struct arena_block);
    }
    struct arena_block *block = memory_resize(NULL, sizeof(*block) + size);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct arena_block){.older = arena->newest, .size = size};
    arena->newest = block;
    arena->bytes += sizeof(*block) + size;
    return block;
}

/* A large thing fills its block: the one before it, if it has more room, goes on being the newest.
 */
static void keep_roomier(struct arena *arena) {
    struct arena_block *newest = arena->newest;
    struct arena_block *older = newest->older;
    if (older != NULL && older->size - older->used > newest->size - newest->used) {
        newest->older = older->older;
        older->older = newest;
        arena->newest = older;
    }
}

void *arena_get(struct arena *arena, size_t count, size_t bytes_each) {
    if (bytes_each != 0 && count > SIZE_MAX / 2 / bytes_each) {
        return NULL;
    }
    const size_t align = alignof(max_align_t);
    const size_t bytes = (count * bytes_each + align - 1) / align * align;
    struct arena_block *block = arena->newest;
    const bool fits = block != NULL && block->size - block->used >= bytes;
    if (!fits) {
        block = add_block(arena, bytes);
        if (block == NULL) {
            return NULL;
        }
    }
    void *start = block->bytes + block->used;
    block->used += bytes;
    if (!fits) {
        keep_roomier(arena);
    }
    (void)memset(start, 0, bytes);
    return start;
}

struct slice arena_copy(struct arena *arena, struct slice bytes) {
    char *copy = arena_get(arena, bytes.count + 1, 1);
    if (copy == NULL) {
        return (struct slice){0};
    }
    if (bytes.count > 0) {
        (void)memcpy(copy, bytes.bytes, bytes.count);
    }
    return (struct slice){.bytes = copy, .count = bytes.count};
}

struct slice arena_print(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    const int count = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = count >= 0 ? arena_get(arena, (size_t)count + 1, 1) : NULL;
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)count + 1, format, again);
    }
    va_end(again);
    return (struct slice){.bytes = text, .count = text != NULL ? (size_t)count : 0};
}
