/*
 * postgres: the one door to PostgreSQL (libpq, loaded when it is first needed): a connection, and
 * statements with parameters in PostgreSQL's binary form.
 *
 * What a table is, and what is written when, is the caller's. TLS to another machine is verified
 * (sslmode=verify-full, against the machine's own certificates) unless the URL says another
 * sslmode.
 *
 * Thread: any, one at a time for a connection; calls block, at most as long as the options say:
 * never on a loop. Survives: what a server has answered with OK is committed there.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum { POSTGRES_PARAMETERS_MAX = 16, POSTGRES_COLUMNS_MAX = 16 };

struct postgres;

struct postgres_options {
    const char *url;      /* "postgresql://USER@HOST/DATABASE", or libpq's words */
    const char *password; /* NULL: as the URL has it, or libpq finds it */
    int64_t connect_ms, statement_ms;
    bool (*stopped)(const void *owner); /* asked several times a second: ends what waits */
    const void *owner;
};

/*
 * OFFLINE: nobody answers there, or the line broke. DENIED: the password is wrong, or this user may
 * not. NOT_FOUND: libpq is not installed, or there is no such database, table, column. BUSY: the
 * server has no connection left, or is starting. TIMEOUT: it took longer than allowed, or a lock
 * was held. FULL: its disk is. INVALID: the values themselves are not taken. INTERRUPTED:
 * `stopped`. The same holds for postgres_run. Sentences never hold a password.
 */
status postgres_connect(const struct postgres_options *options, struct postgres **out_postgres,
                        struct error *err);
void postgres_close(struct postgres *postgres); /* NULL is fine */

/* One parameter in the binary form of its type, whose number is an OID. */
struct postgres_parameter {
    uint32_t type;
    struct slice bytes;
};

struct postgres_statement {
    const char *sql;
    const struct postgres_parameter *parameters;
    int parameter_count;
    /* Called for each row of the answer, with its columns as text; NULL: there are none to see. */
    void (*row)(void *owner, const struct slice *columns, int count);
    void *owner;
};

/* Runs one statement, by itself a transaction. After a failure that is not INVALID the connection
 * is to be closed. */
status postgres_run(struct postgres *postgres, const struct postgres_statement *statement,
                    struct error *err);
