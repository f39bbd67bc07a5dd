/*
 * base64: bytes as letters, for bytes that must stand in JSON (RFC 4648, with padding).
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"

/* Appends four letters for three bytes. */
void base64_write(struct buffer *out, struct slice bytes);

/* How many bytes the text stands for; false: it is no such text, as far as its length and its end
 * tell. */
bool base64_count(struct slice text, size_t *out_count);

/* Writes them to `bytes`, which has room for base64_count. false: there is another letter in it. */
bool base64_read(struct slice text, char *bytes);
