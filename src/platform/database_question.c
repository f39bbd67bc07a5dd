// SPDX-License-Identifier: Apache-2.0
#include "platform/database_question.h"

#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "base/memory.h"
#include "base/text.h"
#include "platform/database_inner.h"

enum { SHOWN_BYTES_MAX = 60, WHERE_BYTES = 48 };

struct question {
    struct database *database; /* not owned */
    sqlite3_stmt *statement;
    int code; /* of the first failure */
};

/* --- what is wrong --- */

/* "line 2, column 7: "; empty where SQLite does not know. */
static void say_where(const struct database *database, struct slice sql,
                      char out_words[WHERE_BYTES]) {
    const int offset = sqlite3_error_offset(database->connection);
    int line = 1;
    int column = 1;
    out_words[0] = '\0';
    if (offset < 0 || (size_t)offset > sql.count) {
        return;
    }
    for (int i = 0; i < offset; i++) {
        column = sql.bytes[i] == '\n' ? 1 : column + 1;
        line += sql.bytes[i] == '\n' ? 1 : 0;
    }
    (void)snprintf(out_words, WHERE_BYTES, "line %d, column %d: ", line, column);
}

static status say(struct database *database, int code, const char *where, struct error *err) {
    if (database->refusal[0] != '\0') {
        return fail(err, STATUS_INVALID, "%s", database->refusal);
    }
    if (code == SQLITE_IOERR_WRITE || code == SQLITE_FULL) { /* it writes only what it sorts */
        code = SQLITE_NOMEM;
    }
    switch (code & 0xff) {
    case SQLITE_INTERRUPT:
        return fail(err, STATUS_TIMEOUT, "the question took too long");
    case SQLITE_NOMEM:
        return fail(err, STATUS_NO_MEMORY, "the question needs more memory than it may have");
    case SQLITE_TOOBIG:
        return fail(err, STATUS_INVALID, "a value would be larger than %d MiB",
                    GUEST_VALUE_BYTES_MAX >> 20);
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
        return fail(err, STATUS_INVALID, "%s%.300s", where, sqlite3_errmsg(database->connection));
    default:
        return database_fail(database, code, err);
    }
}

/* --- the statement --- */

static status check_text(struct slice sql, struct error *err) {
    if (sql.count > GUEST_SQL_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a question has at most %d KiB, and this has %zu",
                    GUEST_SQL_BYTES_MAX >> 10, sql.count >> 10);
    }
    if (!text_is_utf8(sql) || slice_find(sql, '\0') < sql.count) {
        return fail(err, STATUS_INVALID, "a question is text, in UTF-8 and without a zero byte");
    }
    return STATUS_OK;
}

/* Behind the statement there may be comments and blanks, which SQLite takes for a statement that
 * does nothing. */
static status check_rest(struct question *question, struct slice rest, struct error *err) {
    sqlite3_stmt *second = NULL;
    const char *tail = NULL;
    int code = SQLITE_OK;
    while (rest.count > 0 && code == SQLITE_OK && second == NULL) {
        code = sqlite3_prepare_v3(question->database->connection, rest.bytes, (int)rest.count, 0,
                                  &second, &tail);
        if (second == NULL && code == SQLITE_OK) {
            rest = slice_part(rest, (size_t)(tail - rest.bytes), rest.count);
        }
    }
    (void)sqlite3_finalize(second);
    if (rest.count == 0) {
        return STATUS_OK;
    }
    return fail(err, STATUS_INVALID, "a question is one statement, and a second begins at '%.*s'",
                SLICE_ARGS(text_cut(slice_trim(rest), SHOWN_BYTES_MAX)));
}

static status check_kind(struct question *question, struct error *err) {
    if (question->statement == NULL) {
        return fail(err, STATUS_INVALID, "the question is empty: it wants a SELECT");
    }
    if (sqlite3_stmt_readonly(question->statement) == 0 ||
        sqlite3_column_count(question->statement) == 0) {
        return fail(err, STATUS_INVALID, "a question only reads: it is a SELECT");
    }
    if (sqlite3_bind_parameter_count(question->statement) > 0) {
        return fail(err, STATUS_INVALID,
                    "a question has no parameters: write the value in place "
                    "of '?'");
    }
    return STATUS_OK;
}

static bool begins_quoted(const struct database *database, struct slice sql) {
    const int offset = sqlite3_error_offset(database->connection);
    return offset >= 0 && (size_t)offset < sql.count && sql.bytes[offset] == '"';
}

/* Who comes from elsewhere takes double quotes for those of text. */
static status add_hint(struct error *err) {
    const struct error said = *err;
    return fail(err, said.code,
                "%.400s (between double quotes stands a name, and text between "
                "single ones)",
                said.text);
}

static status prepare(struct question *question, struct slice sql, struct error *err) {
    struct database *database = question->database;
    const char *tail = NULL;
    char where[WHERE_BYTES];
    TRY(check_text(sql, err));
    database->refusal[0] = '\0';
    const int code = sqlite3_prepare_v3(database->connection, sql.count > 0 ? sql.bytes : "",
                                        (int)sql.count, 0, &question->statement, &tail);
    if (code != SQLITE_OK) {
        say_where(database, sql, where);
        const status said = say(database, code, where, err);
        return begins_quoted(database, sql) ? add_hint(err) : said;
    }
    TRY(check_kind(question, err));
    return check_rest(question, slice_part(sql, (size_t)(tail - sql.bytes), sql.count), err);
}

status question_open(struct database *database, struct slice sql, struct question **out_question,
                     struct error *err) {
    struct question *question = memory_new(1, sizeof(*question));
    if (question == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a question");
    }
    question->database = database;
    const status prepared = prepare(question, sql, err);
    if (prepared != STATUS_OK) {
        question_close(question);
        return prepared;
    }
    *out_question = question;
    return STATUS_OK;
}

void question_close(struct question *question) {
    if (question != NULL) {
        (void)sqlite3_finalize(question->statement); /* says again what its last step said */
        memory_free(question);
    }
}

/* --- columns and rows --- */

int question_column_count(const struct question *question) {
    return sqlite3_column_count(question->statement);
}

struct slice question_column_name(const struct question *question, int column) {
    return slice_of(sqlite3_column_name(question->statement, column));
}

struct slice question_column_declared(const struct question *question, int column) {
    return slice_of(sqlite3_column_decltype(question->statement, column));
}

bool question_next(struct question *question) {
    const int code =
        question->code == SQLITE_OK ? sqlite3_step(question->statement) : question->code;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        question->code = code;
    }
    return code == SQLITE_ROW;
}

status question_status(const struct question *question, struct error *err) {
    return question->code == SQLITE_OK ? STATUS_OK
                                       : say(question->database, question->code, "", err);
}

enum question_kind question_kind(const struct question *question, int column) {
    switch (sqlite3_column_type(question->statement, column)) {
    case SQLITE_INTEGER:
        return QUESTION_INTEGER;
    case SQLITE_FLOAT:
        return QUESTION_REAL;
    case SQLITE_TEXT:
        return QUESTION_TEXT;
    case SQLITE_BLOB:
        return QUESTION_BYTES;
    default:
        return QUESTION_NULL;
    }
}

int64_t question_integer(const struct question *question, int column) {
    return sqlite3_column_int64(question->statement, column);
}

double question_real(const struct question *question, int column) {
    return sqlite3_column_double(question->statement, column);
}

struct slice question_text(const struct question *question, int column) {
    const unsigned char *text = sqlite3_column_text(question->statement, column);
    const int count = sqlite3_column_bytes(question->statement, column);
    return (struct slice){.bytes = (const char *)text, .count = text != NULL ? (size_t)count : 0};
}

struct slice question_bytes(const struct question *question, int column) {
    const void *bytes = sqlite3_column_blob(question->statement, column);
    const int count = sqlite3_column_bytes(question->statement, column);
    return (struct slice){.bytes = bytes, .count = bytes != NULL ? (size_t)count : 0};
}
