/*
 * key_file: a private key in a file that nobody but its owner may read.
 *
 * Whoever has the buffer forgets it afterwards (secret_forget).
 *
 * Thread: any; blocks on the disk. Survives: a power cut leaves the old file or the new one, whole.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

/* A new key, which is on the disk before anything is signed by it; *out_pem has it and nothing
 * else. */
status key_file_make(const char *path, struct buffer *out_pem, struct error *err);

/* *out_pem has it and nothing else. NOT_FOUND; DENIED: others may read the file, or we may not;
 * CORRUPT: it is no key. */
status key_file_read(const char *path, struct buffer *out_pem, struct error *err);
