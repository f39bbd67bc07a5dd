/*
 * database_guest: a connection for statements of somebody else's, over a file that they may look at
 * and nothing more.
 *
 * It cannot write: the file is opened for reading, everything but a SELECT is refused when it is
 * prepared, and so are tables, and functions, that are not named in its rules. Views and tables
 * that its owner makes before database_guest_bind are there for all. What one statement may cost is
 * bounded by database_set_deadline and, since SQLite counts memory by process, by a process of its
 * own (database_be_guest). The statements themselves: platform/database_question.
 *
 * Thread: one. Survives: nothing is written.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "platform/database.h"

enum {
    GUEST_SQL_BYTES_MAX = 64 << 10,
    GUEST_COLUMNS_MAX = 512,
    GUEST_VALUE_BYTES_MAX = 8 << 20,
    GUEST_CACHE_KIB = 64 << 10,
    GUEST_MAP_BYTES = 0x7fff0000 /* of the file, that is mapped and not copied */
};

/* In a process that does nothing else, before anything else of this door: SQLite takes no locks for
 * threads, and no more than so many bytes. */
void database_be_guest(int64_t heap_bytes);

struct database_guest_options {
    const char
        *path; /* of a file, which is there and is in WAL mode; NULL: an empty one in memory */
    int32_t application; /* as in struct database_options */
    bool spills; /* what is sorted and does not fit into GUEST_CACHE_KIB goes into files without a
                    name, as large as the process may make them */
};

/* CORRUPT, INVALID as in database_open. */
status database_open_guest(const struct database_guest_options *options,
                           struct database **out_database, struct error *err);

/* --- functions of ours, for its views and statements --- */

struct database_call;

struct database_function {
    const char *name;
    int arguments;
    void (*run)(struct database_call *call); /* answers once, or not at all: then it is NULL */
};

/* The rows, ended by one without a name, and `owner` outlive the connection. The same arguments
 * must give the same answer as long as a statement runs. */
status database_add_functions(struct database *database, const struct database_function *rows,
                              void *owner, struct error *err);

void *database_call_owner(const struct database_call *call);

/* What it is called with, from 0; slices are valid during the call. Of a text its bytes are the
 * same, and cost less. */
int64_t database_call_number(const struct database_call *call, int index);
struct slice database_call_text(const struct database_call *call, int index);
struct slice database_call_bytes(const struct database_call *call, int index);
bool database_call_is_null(const struct database_call *call, int index);

/* Bytes are copied, unless they are static. */
void database_call_answer_number(struct database_call *call, int64_t number);
void database_call_answer_real(struct database_call *call, double number);
void database_call_answer_text(struct database_call *call, struct slice text);
void database_call_answer_bytes(struct database_call *call, struct slice bytes);
void database_call_answer_static(struct database_call *call, const char *text);

/* The statement fails with this sentence. */
void database_call_fail(struct database_call *call, const char *sentence);

/* --- what statements may --- */

struct database_rules {
    const char *const *tables;    /* of the file, and functions that are tables; ended by NULL.
                                     NULL: all but SQLite's own */
    const char *const *functions; /* by their names in small letters; ended by NULL */
};

/* From now on. The rules outlive the connection. */
status database_guest_bind(struct database *database, const struct database_rules *rules,
                           struct error *err);
