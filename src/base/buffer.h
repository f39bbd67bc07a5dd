/*
 * buffer: bytes that grow, with the bound that they were born with.
 *
 * A failed append is remembered: many appends may be made and asked about once, at the end, by
 * buffer_status. Not thread-safe.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct buffer {
    char *bytes; /* owned */
    size_t count;
    size_t room;
    size_t count_max;
    status failed; /* FULL when the bound was met, NO_MEMORY when the heap was; or a writer's own */
};

/* Allocates nothing yet. */
void buffer_init(struct buffer *buffer, size_t count_max);
void buffer_done(struct buffer *buffer);

/* Empties it and forgets a failure; the room stays. */
void buffer_clear(struct buffer *buffer);

/* After a failure these do nothing. */
void buffer_add(struct buffer *buffer, struct slice bytes);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_byte(struct buffer *buffer, uint8_t byte);
void buffer_add_u32(struct buffer *buffer, uint32_t number);    /* little endian */
void buffer_add_u64(struct buffer *buffer, uint64_t number);    /* little endian */
void buffer_add_varint(struct buffer *buffer, uint64_t number); /* LEB128: 7 bits a byte */
void buffer_print(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for `count` more and returns where they go, NULL on failure; say with
 * buffer_took how many were written there. */
char *buffer_reserve(struct buffer *buffer, size_t count);
void buffer_took(struct buffer *buffer, size_t count);

/* For writers: what was to be added cannot be; the first failure stays. */
void buffer_fail(struct buffer *buffer, status code);

/* Drops the first `count` bytes. */
void buffer_drop(struct buffer *buffer, size_t count);

struct slice buffer_slice(const struct buffer *buffer);

/* OK, or FULL "more than N bytes", or NO_MEMORY, or INVALID "nested too deep". */
status buffer_status(const struct buffer *buffer, struct error *err);
