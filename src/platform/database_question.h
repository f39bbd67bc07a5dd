/*
 * database_question: one statement that somebody typed, over a connection for guests
 * (platform/database_guest), and its rows.
 *
 * What is wrong with it is said in words for who typed it: where the fault is, and what SQLite says
 * of it.
 *
 * Thread: the connection's. Foreign bytes: yes, the text; bounded by GUEST_SQL_BYTES_MAX.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database_guest.h"

struct question;

enum question_kind {
    QUESTION_NULL,
    QUESTION_INTEGER,
    QUESTION_REAL,
    QUESTION_TEXT,
    QUESTION_BYTES
};

/* INVALID: it is wrong, writes, is more than one statement, or none that gives rows. TIMEOUT and
 * NO_MEMORY as below. */
status question_open(struct database *database, struct slice sql, struct question **out_question,
                     struct error *err);
void question_close(struct question *question); /* NULL is fine */

int question_column_count(const struct question *question);
struct slice question_column_name(const struct question *question, int column);

/* What the column of a table was declared as, where it is one as it stands there; else empty. */
struct slice question_column_declared(const struct question *question, int column);

/* True: a row is there. False: the end or a failure; question_status() says which. */
bool question_next(struct question *question);

/* TIMEOUT: the connection's deadline passed. NO_MEMORY: SQLite's bytes are used up, or
 * those of the files that it sorts in. INVALID: it
 * cannot be computed. BUSY, CORRUPT, SYSTEM: the file's. */
status question_status(const struct question *question, struct error *err);

/* Values of the row. Slices are valid until the next question_next. */
enum question_kind question_kind(const struct question *question, int column);
int64_t question_integer(const struct question *question, int column);
double question_real(const struct question *question, int column);
struct slice question_text(const struct question *question, int column);
struct slice question_bytes(const struct question *question, int column);
