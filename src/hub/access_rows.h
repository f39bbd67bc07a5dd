/*
 * access_rows: tokens by which programs without a certificate bring results (POST /api/sync), as
 * rows of hub.db.
 *
 * Each is a device of its own, with a name and labels in `device`, so that programs which all say
 * the same device_id are told apart, and one of them can be revoked. Of the token only the verifier
 * is kept.
 *
 * Thread: the writing one, in its open transaction. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"
#include "platform/hash.h"

enum {
    ACCESS_TOKEN_BYTES = 5 + 2 * ID_HEX_BYTES,
    ACCESS_LISTED_MAX = 1000,
    ACCESS_NAME_BYTES = 64
};

struct access_row {
    struct id id;
    struct digest verifier;
    struct id device, stream;    /* zero: it brings no results */
    int64_t created_ms, used_ms; /* used 0: never */
    unsigned rights;
    int64_t expires_ms;           /* 0: never */
    char name[ACCESS_NAME_BYTES]; /* of one that brings none; else its device's */
};

/* "ebba_", the id and a secret, both in hexadecimal, and a zero; the row gets the verifier. */
void access_token_make(struct access_row *row, char out_token[ACCESS_TOKEN_BYTES + 1]);

/* DENIED: it is none, or not one that this hub has given. */
status access_rows_find(struct database *database, struct slice token, struct access_row *out_row,
                        struct error *err);

/* DENIED: its time is up, it does not have that right, or its device was revoked. */
status access_rows_check(struct database *database, const struct access_row *row, unsigned rights,
                         int64_t now_ms, struct error *err);

/* It was used. */
status access_rows_note(struct database *database, struct id id, int64_t now_ms, struct error *err);

status access_rows_put(struct database *database, const struct access_row *row, struct error *err);
status access_rows_remove(struct database *database, struct id id, struct error *err);

/* The newest first. */
status access_rows_list(struct database *database, struct arena *arena,
                        struct access_row **out_rows, int *out_count, struct error *err);

/* Whether that device is a program with such a token. */
status access_rows_is_program(struct database *database, struct id device, bool *out_is,
                              struct error *err);

/* Whether a result that was brought under that id is held. */
status access_rows_has_result(struct database *database, struct id first_id, struct id stream,
                              bool *out_held, struct error *err);
