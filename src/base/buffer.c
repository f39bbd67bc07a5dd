// SPDX-License-Identifier: Apache-2.0
#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { ROOM_LEAST = 64 };

void buffer_init(struct buffer *buffer, size_t count_max) {
    *buffer = (struct buffer){.count_max = count_max};
}

void buffer_done(struct buffer *buffer) {
    memory_free(buffer->bytes);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer) {
    buffer->count = 0;
    buffer->failed = STATUS_OK;
}

/* Room for `need` bytes in all. Doubles, up to the bound; a zero behind the end may lie beyond it.
 */
static bool grow(struct buffer *buffer, size_t need) {
    if (need <= buffer->room && buffer->bytes != NULL) {
        return true;
    }
    size_t room = buffer->room > SIZE_MAX / 2 ? SIZE_MAX : buffer->room * 2;
    room = room < ROOM_LEAST ? ROOM_LEAST : room;
    room = room > buffer->count_max ? buffer->count_max : room;
    room = room < need ? need : room;
    char *bytes = memory_resize(buffer->bytes, room);
    if (bytes == NULL) {
        buffer->failed = STATUS_NO_MEMORY;
        return false;
    }
    buffer->bytes = bytes;
    buffer->room = room;
    return true;
}

static bool fits(struct buffer *buffer, size_t count) {
    if (buffer->failed != STATUS_OK) {
        return false;
    }
    if (count > buffer->count_max - buffer->count) {
        buffer->failed = STATUS_FULL;
        return false;
    }
    return true;
}

char *buffer_reserve(struct buffer *buffer, size_t count) {
    if (!fits(buffer, count) || !grow(buffer, buffer->count + count)) {
        return NULL;
    }
    return buffer->bytes + buffer->count;
}

void buffer_took(struct buffer *buffer, size_t count) {
    assert(count <= buffer->room - buffer->count);
    buffer->count += count;
}

void buffer_add(struct buffer *buffer, struct slice bytes) {
    if (bytes.count == 0) {
        return;
    }
    char *end = buffer_reserve(buffer, bytes.count);
    if (end != NULL) {
        (void)memcpy(end, bytes.bytes, bytes.count);
        buffer->count += bytes.count;
    }
}

void buffer_add_text(struct buffer *buffer, const char *text) {
    buffer_add(buffer, slice_of(text));
}

void buffer_add_byte(struct buffer *buffer, uint8_t byte) {
    char *end = buffer_reserve(buffer, 1);
    if (end != NULL) {
        *end = (char)byte;
        buffer->count++;
    }
}

void buffer_add_u32(struct buffer *buffer, uint32_t number) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
        buffer_add_byte(buffer, (uint8_t)(number >> shift));
    }
}

void buffer_add_u64(struct buffer *buffer, uint64_t number) {
    buffer_add_u32(buffer, (uint32_t)number);
    buffer_add_u32(buffer, (uint32_t)(number >> 32));
}

void buffer_add_varint(struct buffer *buffer, uint64_t number) {
    while (number >= 0x80) {
        buffer_add_byte(buffer, (uint8_t)(number | 0x80));
        number >>= 7;
    }
    buffer_add_byte(buffer, (uint8_t)number);
}

/* Most fit into the room that is there; what does not is written a second time. */
void buffer_print(struct buffer *buffer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    const size_t room = buffer->room - buffer->count;
    char *at = room > 0 ? buffer->bytes + buffer->count : NULL;
    const int count = vsnprintf(at, room, format, args);
    va_end(args);
    if (count >= 0 && fits(buffer, (size_t)count)) {
        /* The zero is written, not counted. */
        if ((size_t)count < room) {
            buffer->count += (size_t)count;
        } else if (grow(buffer, buffer->count + (size_t)count + 1)) {
            (void)vsnprintf(buffer->bytes + buffer->count, (size_t)count + 1, format, again);
            buffer->count += (size_t)count;
        }
    }
    va_end(again);
}

void buffer_fail(struct buffer *buffer, status code) {
    if (buffer->failed == STATUS_OK) {
        buffer->failed = code;
    }
}

void buffer_drop(struct buffer *buffer, size_t count) {
    assert(count <= buffer->count);
    buffer->count -= count;
    if (buffer->count > 0) {
        (void)memmove(buffer->bytes, buffer->bytes + count, buffer->count);
    }
}

struct slice buffer_slice(const struct buffer *buffer) {
    return (struct slice){.bytes = buffer->bytes, .count = buffer->count};
}

status buffer_status(const struct buffer *buffer, struct error *err) {
    switch (buffer->failed) {
    case STATUS_OK:
        return STATUS_OK;
    case STATUS_FULL:
        return fail(err, STATUS_FULL, "more than %zu bytes", buffer->count_max);
    case STATUS_INVALID:
        return fail(err, STATUS_INVALID, "nested too deep");
    default:
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
}
