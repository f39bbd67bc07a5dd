/*
 * token_rows: tokens that a hub has given, and who used them, as rows of hub.db.
 *
 * Of a token's secret only the verifier is kept. A use is bound to the key (SPKI) that it was for.
 * Tokens that are over are forgotten after 90 days, so that until then a late or second use can be
 * told from a token that never was.
 *
 * Thread: the writing one, in its open transaction. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"
#include "wire/token.h"

enum { TOKEN_USES_MAX = 100000, TOKENS_LISTED_MAX = 1000, TOKEN_KEPT_DAYS = 90 };

/* Texts live in the arena of who asked. */
struct token_row {
    struct token_id id;
    struct digest verifier;
    int64_t uses, used; /* how often it may be used, and was */
    int64_t created_ms, expires_ms;
    int64_t removed_ms;  /* 0: it is not */
    struct slice labels; /* a JSON object: what devices that join by it are labelled */
    struct slice name;   /* what they are called; empty: as they wish */
    struct id device;    /* whom it enrols again; zero: somebody new */
};

struct token_use {
    int64_t certificate; /* number of the one that was issued */
    int64_t used_ms;
};

status token_rows_put(struct database *database, const struct token_row *row, struct error *err);

/* NOT_FOUND: there is none, or not any more. */
status token_rows_get(struct database *database, struct arena *arena, struct token_id id,
                      struct token_row *out_row, struct error *err);
status token_rows_remove(struct database *database, struct token_id id, int64_t now_ms,
                         struct error *err);

/* The newest first, without removed ones. */
status token_rows_list(struct database *database, struct arena *arena, struct token_row **out_rows,
                       int *out_count, struct error *err);

/* NOT_FOUND: that key has not used it. */
status token_rows_find_use(struct database *database, struct token_id id, struct digest spki,
                           struct token_use *out_use, struct error *err);
status token_rows_use(struct database *database, struct token_id id, struct digest spki,
                      const struct token_use *use, struct error *err);

/* Forgets what is over for longer than TOKEN_KEPT_DAYS. */
status token_rows_forget(struct database *database, int64_t now_ms, struct error *err);
