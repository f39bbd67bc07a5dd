// SPDX-License-Identifier: Apache-2.0
#include "platform/postgres.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/memory.h"
#include "platform/clock.h"
#include "platform/library.h"

enum { LOOK_MS = 100, NS_PER_MS = 1000000, SENTENCE_BYTES_MAX = 400, BINARY = 1 };

/* What we use of libpq, which has kept it for twenty years: the header would make it a package that
 * is needed to build, for a library that most hubs never open. */
enum { CONNECTION_OK = 0 };
enum { POLLING_FAILED = 0, POLLING_READING = 1, POLLING_OK = 3 };
enum { RESULT_COMMAND_OK = 1, RESULT_TUPLES_OK = 2 };
enum { FIELD_SQLSTATE = 'C' };

struct pg_conn;
struct pg_result;

struct conninfo_option {
    char *keyword, *environment, *compiled, *value, *label, *shown;
    int bytes_shown;
};

/* In the order of NAMES. */
struct libpq {
    struct pg_conn *(*connect_start)(const char *const *keywords, const char *const *values,
                                     int expand_dbname);
    int (*connect_poll)(struct pg_conn *connection);
    int (*status)(const struct pg_conn *connection);
    int (*socket)(const struct pg_conn *connection);
    void (*finish)(struct pg_conn *connection);
    char *(*error_message)(const struct pg_conn *connection);
    int (*set_nonblocking)(struct pg_conn *connection, int on);
    int (*flush)(struct pg_conn *connection);
    int (*consume_input)(struct pg_conn *connection);
    int (*is_busy)(struct pg_conn *connection);
    int (*send_query)(struct pg_conn *connection, const char *command, int count,
                      const uint32_t *types, const char *const *values, const int *lengths,
                      const int *formats, int result_format);
    struct pg_result *(*get_result)(struct pg_conn *connection);
    int (*result_status)(const struct pg_result *result);
    char *(*result_field)(const struct pg_result *result, int field);
    char *(*result_error)(const struct pg_result *result);
    int (*row_count)(const struct pg_result *result);
    int (*column_count)(const struct pg_result *result);
    char *(*value)(const struct pg_result *result, int row, int column);
    int (*value_bytes)(const struct pg_result *result, int row, int column);
    void (*clear)(struct pg_result *result);
    struct conninfo_option *(*conninfo_parse)(const char *words, char **out_fault);
    void (*conninfo_free)(struct conninfo_option *options);
    void (*free_memory)(void *memory);
    void *(*set_notices)(struct pg_conn *connection, void (*take)(void *owner, const char *text),
                         void *owner);
};

static const char *const NAMES[] = {"PQconnectStartParams",
                                    "PQconnectPoll",
                                    "PQstatus",
                                    "PQsocket",
                                    "PQfinish",
                                    "PQerrorMessage",
                                    "PQsetnonblocking",
                                    "PQflush",
                                    "PQconsumeInput",
                                    "PQisBusy",
                                    "PQsendQueryParams",
                                    "PQgetResult",
                                    "PQresultStatus",
                                    "PQresultErrorField",
                                    "PQresultErrorMessage",
                                    "PQntuples",
                                    "PQnfields",
                                    "PQgetvalue",
                                    "PQgetlength",
                                    "PQclear",
                                    "PQconninfoParse",
                                    "PQconninfoFree",
                                    "PQfreemem",
                                    "PQsetNoticeProcessor",
                                    NULL};

struct postgres {
    const struct libpq *library; /* not owned */
    struct pg_conn *connection;  /* owned */
    struct postgres_options options;
};

static status use_library(const struct libpq **out_library, struct error *err) {
    static struct libpq libpq;
    static struct library library = {
        .file = "libpq.so.5", .package = "libpq5", .functions = NAMES, .table = &libpq};
    TRY(library_use(&library, err));
    *out_library = &libpq;
    return STATUS_OK;
}

/* --- errors --- */

/* What libpq and the server say is several lines, which begin with "ERROR:" and the like. */
static status fail_saying(struct error *err, status code, const char *text) {
    static const char *const STARTS[] = {"ERROR:  ", "FATAL:  ", "could not ", NULL};
    struct slice line = slice_trim(slice_of(text));
    const size_t end = slice_find(line, '\n');
    const struct slice rest = slice_part(line, end + 1, line.count);
    line = slice_part(line, 0, end);
    for (int i = 0; i < 2; i++) {
        if (slice_starts(line, STARTS[i])) {
            line = slice_part(line, strlen(STARTS[i]), line.count);
        }
    }
    struct slice detail = slice_part(rest, 0, slice_find(rest, '\n'));
    detail = slice_starts(detail, "DETAIL:") ? slice_trim(slice_part(detail, 7, detail.count))
                                             : (struct slice){0};
    return fail(err, code, "%.*s%s%.*s%s", SLICE_ARGS(slice_part(line, 0, SENTENCE_BYTES_MAX)),
                detail.count > 0 ? " (" : "", SLICE_ARGS(slice_part(detail, 0, 80)),
                detail.count > 0 ? ")" : "");
}

/* By the first letters of an SQLSTATE, the longer ones first. */
static const struct {
    const char *start;
    status code;
} CLASSES[] = {
    {"53100", STATUS_FULL},    {"53", STATUS_BUSY},        {"57014", STATUS_TIMEOUT},
    {"55P03", STATUS_TIMEOUT}, {"57", STATUS_OFFLINE},     {"08", STATUS_OFFLINE},
    {"28", STATUS_DENIED},     {"42501", STATUS_DENIED},   {"25006", STATUS_DENIED},
    {"21000", STATUS_INVALID}, {"22", STATUS_INVALID},     {"23", STATUS_INVALID},
    {"54000", STATUS_INVALID}, {"42P10", STATUS_CONFLICT}, {"42", STATUS_NOT_FOUND},
    {"3D", STATUS_NOT_FOUND},  {"3F", STATUS_NOT_FOUND},   {"40", STATUS_BUSY},
    {NULL, STATUS_SYSTEM},
};

static status class_of(const char *sqlstate) {
    int i = 0;
    while (CLASSES[i].start != NULL &&
           strncmp(sqlstate, CLASSES[i].start, strlen(CLASSES[i].start)) != 0) {
        i++;
    }
    return CLASSES[i].code;
}

static status fail_of_result(const struct libpq *library, const struct pg_result *result,
                             struct error *err) {
    const char *sqlstate = library->result_field(result, FIELD_SQLSTATE);
    return fail_saying(err, sqlstate != NULL ? class_of(sqlstate) : STATUS_OFFLINE,
                       library->result_error(result));
}

/* --- waiting --- */

static int64_t ns_after(int64_t ms) {
    return clock_monotonic_ns() + ms * NS_PER_MS;
}

/* Until the socket is ready for one of the events. */
static status wait_for(const struct postgres *postgres, short events, int64_t until_ns,
                       const char *what, struct error *err) {
    struct pollfd one = {.fd = postgres->library->socket(postgres->connection), .events = events};
    for (;;) {
        const struct postgres_options *options = &postgres->options;
        if (options->stopped != NULL && options->stopped(options->owner)) {
            return fail(err, STATUS_INTERRUPTED, "it is ended");
        }
        const int64_t left_ns = until_ns - clock_monotonic_ns();
        if (left_ns <= 0) {
            return fail(err, STATUS_TIMEOUT, "PostgreSQL does not answer: %s", what);
        }
        /* The last millisecond is waited for as well. */
        const int64_t left_ms = left_ns / NS_PER_MS + 1;
        const int count = poll(&one, 1, left_ms < LOOK_MS ? (int)left_ms : LOOK_MS);
        if (count > 0) {
            return STATUS_OK;
        }
        if (count < 0 && errno != EINTR) {
            return fail_errno(err, errno, "wait for PostgreSQL");
        }
    }
}

/* --- connecting --- */

static bool is_of_this_machine(const char *host) {
    static const char *const OWN[] = {"localhost", "127.0.0.1", "::1", NULL};
    bool is_own = host == NULL || host[0] == '\0' || host[0] == '/' || host[0] == '@';
    for (int i = 0; OWN[i] != NULL && !is_own; i++) {
        is_own = strcmp(host, OWN[i]) == 0;
    }
    return is_own;
}

/* Whether TLS is to be verified, of which the URL says nothing. INVALID when it is no URL. */
static status judge_url(const struct libpq *library, const char *url, bool *out_verify,
                        struct error *err) {
    char *fault = NULL;
    const char *host = NULL;
    const char *mode = NULL;
    struct conninfo_option *words = library->conninfo_parse(url, &fault);
    if (words == NULL) {
        (void)fail_saying(err, STATUS_INVALID, fault != NULL ? fault : "out of memory");
        library->free_memory(fault);
        return fail_while(err, "the URL of PostgreSQL");
    }
    for (const struct conninfo_option *word = words; word->keyword != NULL; word++) {
        const bool is_host = strcmp(word->keyword, "host") == 0;
        const bool is_address = strcmp(word->keyword, "hostaddr") == 0;
        host = (is_host || is_address) && word->value != NULL ? word->value : host;
        mode = strcmp(word->keyword, "sslmode") == 0 ? word->value : mode;
    }
    *out_verify = mode == NULL && !is_of_this_machine(host);
    library->conninfo_free(words);
    return STATUS_OK;
}

static void forget_notice(void *owner, const char *text) {
    (void)owner;
    (void)text;
}

/* What stands in front of the URL, it may say otherwise; what stands behind it, not. */
static struct pg_conn *begin(const struct libpq *library, const struct postgres_options *options,
                             bool verify) {
    const char *keywords[8] = {"application_name"};
    const char *values[8] = {"ebb-hub"};
    int count = 1;
    if (verify) {
        keywords[count] = "sslmode";
        values[count++] = "verify-full";
        keywords[count] = "sslrootcert";
        values[count++] = "/etc/ssl/certs/ca-certificates.crt";
    }
    keywords[count] = "dbname";
    values[count++] = options->url;
    if (options->password != NULL) {
        keywords[count] = "password";
        values[count++] = options->password;
    }
    return library->connect_start(keywords, values, 1);
}

/* A server that has no place left, or is starting, says so in its own words before there is an
 * SQLSTATE to be had. */
static status class_of_refusal(const char *text) {
    static const struct {
        const char *words;
        status code;
    } REFUSALS[] = {{"password authentication failed", STATUS_DENIED},
                    {"no password supplied", STATUS_DENIED},
                    {"authentication failed", STATUS_DENIED},
                    {"pg_hba.conf", STATUS_DENIED},
                    {"does not exist", STATUS_NOT_FOUND},
                    {"too many", STATUS_BUSY},
                    {"remaining connection slots", STATUS_BUSY},
                    {"starting up", STATUS_BUSY},
                    {NULL, STATUS_OFFLINE}};
    int i = 0;
    while (REFUSALS[i].words != NULL && strstr(text, REFUSALS[i].words) == NULL) {
        i++;
    }
    return REFUSALS[i].code;
}

/* The last line is that of the last address that was tried. */
static status fail_of_connection(const struct postgres *postgres, struct error *err) {
    const char *text = postgres->library->error_message(postgres->connection);
    return fail_saying(err, class_of_refusal(text), text);
}

static status finish_connecting(struct postgres *postgres, struct error *err) {
    const struct libpq *library = postgres->library;
    const int64_t until_ns = ns_after(postgres->options.connect_ms);
    int state = POLLING_READING + 1; /* as the library has it: begin with writing */
    if (library->status(postgres->connection) == CONNECTION_OK + 1) {
        return fail_of_connection(postgres, err);
    }
    while (state != POLLING_OK) {
        TRY(wait_for(postgres, state == POLLING_READING ? POLLIN : POLLOUT, until_ns,
                     "no connection came about", err));
        state = library->connect_poll(postgres->connection);
        if (state == POLLING_FAILED) {
            return fail_of_connection(postgres, err);
        }
    }
    (void)library->set_notices(postgres->connection, forget_notice, NULL);
    return library->set_nonblocking(postgres->connection, 1) == 0
               ? STATUS_OK
               : fail_of_connection(postgres, err);
}

status postgres_connect(const struct postgres_options *options, struct postgres **out_postgres,
                        struct error *err) {
    const struct libpq *library = NULL;
    bool verify = true;
    TRY(use_library(&library, err));
    TRY(judge_url(library, options->url, &verify, err));
    struct postgres *postgres = memory_new(1, sizeof(*postgres));
    if (postgres == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a connection to PostgreSQL");
    }
    postgres->library = library;
    postgres->options = *options;
    postgres->connection = begin(library, options, verify);
    const status code = postgres->connection != NULL
                            ? finish_connecting(postgres, err)
                            : fail(err, STATUS_NO_MEMORY, "libpq is out of memory");
    if (code != STATUS_OK) {
        postgres_close(postgres);
        return code;
    }
    *out_postgres = postgres;
    return STATUS_OK;
}

void postgres_close(struct postgres *postgres) {
    if (postgres != NULL) {
        if (postgres->connection != NULL) {
            postgres->library->finish(postgres->connection);
        }
        memory_free(postgres);
    }
}

/* --- statements --- */

static status send(struct postgres *postgres, const struct postgres_statement *statement,
                   struct error *err) {
    uint32_t types[POSTGRES_PARAMETERS_MAX];
    const char *values[POSTGRES_PARAMETERS_MAX];
    int lengths[POSTGRES_PARAMETERS_MAX];
    int formats[POSTGRES_PARAMETERS_MAX];
    for (int i = 0; i < statement->parameter_count && i < POSTGRES_PARAMETERS_MAX; i++) {
        const struct postgres_parameter *parameter = &statement->parameters[i];
        types[i] = parameter->type;
        values[i] = parameter->bytes.bytes != NULL ? parameter->bytes.bytes : "";
        lengths[i] = (int)parameter->bytes.count;
        formats[i] = BINARY;
    }
    const int sent = postgres->library->send_query(postgres->connection, statement->sql,
                                                   statement->parameter_count, types, values,
                                                   lengths, formats, 0);
    return sent == 1 ? STATUS_OK : fail_of_connection(postgres, err);
}

/* Until all is sent; a server that answers meanwhile is read. */
static status flush(struct postgres *postgres, int64_t until_ns, struct error *err) {
    for (;;) {
        const int left = postgres->library->flush(postgres->connection);
        if (left < 0) {
            return fail_of_connection(postgres, err);
        }
        if (left == 0) {
            return STATUS_OK;
        }
        TRY(wait_for(postgres, POLLIN | POLLOUT, until_ns, "it takes no statement", err));
        if (postgres->library->consume_input(postgres->connection) == 0) {
            return fail_of_connection(postgres, err);
        }
    }
}

static status wait_for_answer(struct postgres *postgres, int64_t until_ns, struct error *err) {
    while (postgres->library->is_busy(postgres->connection) != 0) {
        TRY(wait_for(postgres, POLLIN, until_ns, "a statement has no answer", err));
        if (postgres->library->consume_input(postgres->connection) == 0) {
            return fail_of_connection(postgres, err);
        }
    }
    return STATUS_OK;
}

static void give_rows(const struct libpq *library, const struct pg_result *result,
                      const struct postgres_statement *statement) {
    const int columns = library->column_count(result);
    for (int row = 0; row < library->row_count(result); row++) {
        struct slice values[POSTGRES_COLUMNS_MAX];
        int count = 0;
        for (; count < columns && count < POSTGRES_COLUMNS_MAX; count++) {
            values[count] =
                (struct slice){.bytes = library->value(result, row, count),
                               .count = (size_t)library->value_bytes(result, row, count)};
        }
        statement->row(statement->owner, values, count);
    }
}

static status take_answer(const struct libpq *library, const struct pg_result *result,
                          const struct postgres_statement *statement, struct error *err) {
    const int code = library->result_status(result);
    if (code != RESULT_COMMAND_OK && code != RESULT_TUPLES_OK) {
        return fail_of_result(library, result, err);
    }
    if (code == RESULT_TUPLES_OK && statement->row != NULL) {
        give_rows(library, result, statement);
    }
    return STATUS_OK;
}

status postgres_run(struct postgres *postgres, const struct postgres_statement *statement,
                    struct error *err) {
    const struct libpq *library = postgres->library;
    const int64_t until_ns = ns_after(postgres->options.statement_ms);
    status done = STATUS_OK;
    TRY(send(postgres, statement, err));
    TRY(flush(postgres, until_ns, err));
    for (;;) {
        TRY(wait_for_answer(postgres, until_ns, err));
        struct pg_result *result = library->get_result(postgres->connection);
        if (result == NULL) {
            return done;
        }
        if (done == STATUS_OK) {
            done = take_answer(library, result, statement, err);
        }
        library->clear(result);
    }
}
