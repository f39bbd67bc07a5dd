// SPDX-License-Identifier: Apache-2.0
#include "platform/database_guest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sqlite3.h>

#include "base/memory.h"
#include "platform/database_inner.h"

struct database_call {
    sqlite3_context *context;
    sqlite3_value **values;
    void *owner;
};

/* What SQLite keeps of a function. */
struct kept {
    const struct database_function *row;
    void *owner;
};

/* --- opening --- */

void database_be_guest(int64_t heap_bytes) {
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_hard_heap_limit64(heap_bytes);
}

/* The file is open for reading alone; its owner makes temporary views before it is bound. */
static status set_up_file(struct database *database, bool spills, struct error *err) {
    char script[160];
    (void)snprintf(script, sizeof(script),
                   "PRAGMA query_only=OFF; PRAGMA mmap_size=%d; PRAGMA cache_size=-%d;"
                   "PRAGMA temp_store=%s;",
                   GUEST_MAP_BYTES, GUEST_CACHE_KIB, spills ? "FILE" : "MEMORY");
    return database_run(database, script, err);
}

status database_open_guest(const struct database_guest_options *guest,
                           struct database **out_database, struct error *err) {
    const bool in_memory = guest->path == NULL;
    const struct database_options options = {.path = in_memory ? ":memory:" : guest->path,
                                             .read_only = !in_memory,
                                             .plain = in_memory,
                                             .guest = true,
                                             .application = guest->application};
    struct database *database = NULL;
    TRY(database_open(&options, &database, err));
    const status set_up = in_memory ? STATUS_OK : set_up_file(database, guest->spills, err);
    if (set_up != STATUS_OK) {
        database_close(database);
        return set_up;
    }
    *out_database = database;
    return STATUS_OK;
}

/* --- functions --- */

static void run_function(sqlite3_context *context, int count, sqlite3_value **values) {
    const struct kept *kept = sqlite3_user_data(context);
    struct database_call call = {.context = context, .values = values, .owner = kept->owner};
    (void)count;
    kept->row->run(&call);
}

static status add_function(struct database *database, const struct database_function *row,
                           void *owner, struct error *err) {
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    struct kept *kept = memory_new(1, sizeof(*kept));
    if (kept == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a function");
    }
    *kept = (struct kept){.row = row, .owner = owner};
    const int code = sqlite3_create_function_v2(database->connection, row->name, row->arguments,
                                                flags, kept, run_function, NULL, NULL, memory_free);
    return code == SQLITE_OK ? STATUS_OK : database_fail(database, code, err);
}

status database_add_functions(struct database *database, const struct database_function *rows,
                              void *owner, struct error *err) {
    for (; rows->name != NULL; rows++) {
        TRY(add_function(database, rows, owner, err));
    }
    return STATUS_OK;
}

void *database_call_owner(const struct database_call *call) {
    return call->owner;
}

int64_t database_call_number(const struct database_call *call, int index) {
    return sqlite3_value_int64(call->values[index]);
}

struct slice database_call_text(const struct database_call *call, int index) {
    const unsigned char *text = sqlite3_value_text(call->values[index]);
    const int count = sqlite3_value_bytes(call->values[index]);
    return (struct slice){.bytes = (const char *)text, .count = text != NULL ? (size_t)count : 0};
}

struct slice database_call_bytes(const struct database_call *call, int index) {
    const void *bytes = sqlite3_value_blob(call->values[index]);
    const int count = sqlite3_value_bytes(call->values[index]);
    return (struct slice){.bytes = bytes, .count = bytes != NULL ? (size_t)count : 0};
}

bool database_call_is_null(const struct database_call *call, int index) {
    return sqlite3_value_type(call->values[index]) == SQLITE_NULL;
}

void database_call_answer_number(struct database_call *call, int64_t number) {
    sqlite3_result_int64(call->context, number);
}

void database_call_answer_real(struct database_call *call, double number) {
    sqlite3_result_double(call->context, number);
}

void database_call_answer_text(struct database_call *call, struct slice text) {
    sqlite3_result_text64(call->context, text.count > 0 ? text.bytes : "", text.count,
                          SQLITE_TRANSIENT, SQLITE_UTF8);
}

void database_call_answer_bytes(struct database_call *call, struct slice bytes) {
    sqlite3_result_blob64(call->context, bytes.count > 0 ? bytes.bytes : "", bytes.count,
                          SQLITE_TRANSIENT);
}

void database_call_answer_static(struct database_call *call, const char *text) {
    sqlite3_result_text(call->context, text, -1, SQLITE_STATIC);
}

void database_call_fail(struct database_call *call, const char *sentence) {
    sqlite3_result_error(call->context, sentence, -1);
}

/* --- what statements may --- */

static bool is_among(const char *const *names, const char *name) {
    while (*names != NULL && strcasecmp(*names, name) != 0) {
        names++;
    }
    return *names != NULL;
}

/* What a statement would do, of those that are not for guests. */
static const struct {
    int action;
    const char *words;
} DEEDS[] = {{SQLITE_INSERT, "writes rows"},
             {SQLITE_UPDATE, "changes rows"},
             {SQLITE_DELETE, "deletes rows"},
             {SQLITE_PRAGMA, "uses PRAGMA"},
             {SQLITE_ATTACH, "opens another file"},
             {SQLITE_DETACH, "closes a file"},
             {SQLITE_TRANSACTION, "begins or ends a transaction"},
             {SQLITE_SAVEPOINT, "begins or ends a transaction"},
             {SQLITE_ANALYZE, "writes statistics"},
             {SQLITE_REINDEX, "writes an index anew"}};

static const char *words_of(int action) {
    for (size_t i = 0; i < sizeof(DEEDS) / sizeof(DEEDS[0]); i++) {
        if (DEEDS[i].action == action) {
            return DEEDS[i].words;
        }
    }
    return "makes, changes or removes tables, indexes, triggers or views";
}

/* The first is what is said; SQLite's own word of it is "not authorized". */
static int refuse(struct database *database, const char *before, const char *name,
                  const char *behind) {
    if (database->refusal[0] == '\0') {
        (void)snprintf(database->refusal, sizeof(database->refusal), "%s%.100s%s", before, name,
                       behind);
    }
    return SQLITE_DENY;
}

static bool is_of_sqlite(const char *table) {
    return strncasecmp(table, "sqlite_", 7) == 0;
}

/* Of what is looked at without any column, SQLite tells the name alone, which may be one that the
 * statement has given: how many rows there are is no secret. */
static int judge_read(struct database *database, const char *table, const char *column,
                      const char *schema) {
    const char *const *tables = database->rules->tables;
    const bool is_own =
        tables == NULL || column[0] == '\0' || (schema != NULL && strcmp(schema, "temp") == 0);
    if (is_own ? !is_of_sqlite(table) : is_among(tables, table)) {
        return SQLITE_OK;
    }
    return refuse(database, "'", table, "' is nothing that a question may look at");
}

/* What makes a table begins by writing into one of SQLite's own. */
static const char *words_for(int action, const char *table) {
    const bool writes =
        action == SQLITE_INSERT || action == SQLITE_UPDATE || action == SQLITE_DELETE;
    return writes && is_of_sqlite(table) ? words_of(0) : words_of(action);
}

static int judge(void *owner, int action, const char *first, const char *second, const char *schema,
                 const char *inner) {
    struct database *database = owner;
    (void)inner; /* may be a name that the statement itself has given: no witness */
    first = first != NULL ? first : "";
    second = second != NULL ? second : "";
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_READ:
        return judge_read(database, first, second, schema);
    case SQLITE_FUNCTION:
        return is_among(database->rules->functions, second)
                   ? SQLITE_OK
                   : refuse(database, "the function '", second, "' is not for questions");
    default:
        return refuse(database, "a question only reads, and this ", words_for(action, first), "");
    }
}

static void set_limits(sqlite3 *connection) {
    static const struct {
        int limit, most;
    } LIMITS[] = {{SQLITE_LIMIT_LENGTH, GUEST_VALUE_BYTES_MAX},
                  {SQLITE_LIMIT_SQL_LENGTH, GUEST_SQL_BYTES_MAX},
                  {SQLITE_LIMIT_COLUMN, GUEST_COLUMNS_MAX},
                  {SQLITE_LIMIT_EXPR_DEPTH, 200},
                  {SQLITE_LIMIT_COMPOUND_SELECT, 100},
                  {SQLITE_LIMIT_VDBE_OP, 250000},
                  {SQLITE_LIMIT_FUNCTION_ARG, 100},
                  {SQLITE_LIMIT_ATTACHED, 0},
                  {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200},
                  {SQLITE_LIMIT_VARIABLE_NUMBER, 1},
                  {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
                  {SQLITE_LIMIT_WORKER_THREADS, 0}};
    for (size_t i = 0; i < sizeof(LIMITS) / sizeof(LIMITS[0]); i++) {
        (void)sqlite3_limit(connection, LIMITS[i].limit, LIMITS[i].most);
    }
}

/* A word in double quotes is a name and never text; what is in the file is not trusted. */
static int set_modes(sqlite3 *connection) {
    static const struct {
        int mode, on;
    } MODES[] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},
                 {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                 {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
                 {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                 {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                 {SQLITE_DBCONFIG_DQS_DML, 0},
                 {SQLITE_DBCONFIG_DQS_DDL, 0}};
    int code = SQLITE_OK;
    for (size_t i = 0; i < sizeof(MODES) / sizeof(MODES[0]) && code == SQLITE_OK; i++) {
        code = sqlite3_db_config(connection, MODES[i].mode, MODES[i].on, NULL);
    }
    return code;
}

status database_guest_bind(struct database *database, const struct database_rules *rules,
                           struct error *err) {
    TRY(database_run(database, "PRAGMA query_only=ON", err));
    database->rules = rules;
    set_limits(database->connection);
    int code = set_modes(database->connection);
    if (code == SQLITE_OK) {
        code = sqlite3_set_authorizer(database->connection, judge, database);
    }
    return code == SQLITE_OK ? STATUS_OK : database_fail(database, code, err);
}
