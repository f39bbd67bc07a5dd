/*
 * seal: bytes that only who knows a passphrase can read: Argon2id makes a key of it, which
 * XChaCha20-Poly1305 uses (libsodium).
 *
 *   "EBBSEAL1" | rounds, 8 bytes | bytes of memory, 8 | salt, 16 | nonce, 24 | sealed, 16 more
 *
 * Numbers are little endian; all that stands before the sealed bytes is covered as well. Opening
 * takes the memory that it says, 64 MiB, so more than SEAL_MEMORY_MAX is refused.
 *
 * Thread: any; takes some tenths of a second. Foreign bytes: yes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

enum {
    SEAL_PASSPHRASE_BYTES_MIN = 8,
    SEAL_PASSPHRASE_BYTES_MAX = 1024,
    SEAL_PASSPHRASE_FILE_BYTES_MAX = 4096,
    SEAL_MEMORY_MAX = 256 << 20,
    SEAL_BYTES = 80 /* more than what is sealed */
};

/* The first line of a file; *out has it and nothing else. INVALID: too short or too long. Whoever
 * has the buffer forgets it afterwards (secret_forget). */
status seal_read_passphrase(const char *path, struct buffer *out, struct error *err);

/* Appends. */
status seal_make(struct slice passphrase, struct slice plain, struct buffer *out,
                 struct error *err);

/* Appends. INVALID: nothing was sealed so; DENIED: by another passphrase, or it was changed. */
status seal_open(struct slice passphrase, struct slice sealed, struct buffer *out_plain,
                 struct error *err);
