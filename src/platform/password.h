/*
 * password: what is kept of a password, by which it can be checked and not be found out (libsodium:
 * Argon2id).
 *
 * Checking one takes a tenth of a second and PASSWORD_MEMORY_BYTES, so it is done on a worker. One
 * that nobody could guess, since chance made it, is kept the cheap way (password_make_random).
 *
 * Thread: any. Foreign bytes: yes, bounded by PASSWORD_BYTES_MAX.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"

enum {
    PASSWORD_BYTES_MIN = 10,
    PASSWORD_BYTES_MAX = 256,
    PASSWORD_VERIFIER_BYTES = 128,
    PASSWORD_RANDOM_BYTES = 24, /* "k3vq-9fzt-m2xw-7hrb-4c" and a zero: 90 bits */
    PASSWORD_MEMORY_BYTES = 64 << 20
};

/* INVALID: too short or too long, with a sentence for who chose it. */
status password_check_length(struct slice password, struct error *err);

/* Text and a zero. NO_MEMORY: not so much of it. */
status password_keep(struct slice password, char out_verifier[PASSWORD_VERIFIER_BYTES],
                     struct error *err);

/* Of another: takes as long all the same, also where there is no verifier (empty text). */
bool password_fits(const char *verifier, struct slice password);

/* A new password of letters and digits that are not mistaken for each other, and what is kept. */
status password_make_random(char out_password[PASSWORD_RANDOM_BYTES],
                            char out_verifier[PASSWORD_VERIFIER_BYTES], struct error *err);
