// SPDX-License-Identifier: Apache-2.0
/*
 * ebb-query: one question to a hub's database: SQL on standard input, the answer on standard
 * output.
 *
 * usage: ebb-query DATABASE FORMAT SECONDS ROWS [units]
 *
 * FORMAT is json, jsonl, csv or table, ROWS at most how many (0: all). Without SQL it lists what
 * can be asked. Started by hub/query/questions for each question, so that what one eats is its own.
 * A failure is one line of JSON on standard error, {"error":{"class","text"}}; the exit code is
 * that of its class.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/text.h"
#include "hub/query/question_run.h"
#include "platform/file.h"
#include "platform/http_error.h"

enum {
    SHARED_BYTES = 16 << 20, /* of what readers and writer of a database share */
    SPILL_BYTES_LEAST = 64 << 20,
    SPILL_SHARE = 16, /* a file to sort in takes at most one of so many parts of what is free */
    SECONDS_MORE = 2,
    POLITE = 10, /* what devices bring comes first */
    ERROR_BYTES_MAX = 4 << 10
};

static const char SPILL_FOLDER[] = "/var/tmp"; /* where SQLite looks first */

/* Under a sanitizer the address space is not ours to limit: shadow memory takes terabytes. */
static bool is_sanitized(void) {
#ifdef EBB_SANITIZED
    return true;
#else
    return false;
#endif
}

/* Of time, what is over the first bound gets a signal, and what is over the second is ended. */
static bool limit(int what, rlim_t most) {
    const struct rlimit both = {.rlim_cur = most, .rlim_max = most + (what == RLIMIT_CPU ? 1 : 0)};
    return setrlimit((__rlimit_resource_t)what, &both) == 0;
}

/* How large a file to sort in may become; 0: the disk is too full for that. */
static int64_t find_spill(void) {
    int64_t free_bytes = 0;
    int64_t all_bytes = 0;
    if (file_space(SPILL_FOLDER, &free_bytes, &all_bytes, NULL) != STATUS_OK ||
        access(SPILL_FOLDER, W_OK | X_OK) != 0) {
        return 0;
    }
    const int64_t share = free_bytes / SPILL_SHARE;
    return share < SPILL_BYTES_LEAST      ? 0
           : share < QUESTION_SPILL_BYTES ? share
                                          : QUESTION_SPILL_BYTES;
}

/* Memory is what is written to; the database is mapped and does not count. */
static bool give_up_rights(const struct question_options *options) {
    const int64_t file_bytes =
        options->spill_bytes > SHARED_BYTES ? options->spill_bytes : SHARED_BYTES;
    const bool limited = is_sanitized() || limit(RLIMIT_DATA, QUESTION_DATA_BYTES);
    return limited && limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, (rlim_t)file_bytes) &&
           limit(RLIMIT_CPU, (rlim_t)options->seconds + SECONDS_MORE) &&
           setpriority(PRIO_PROCESS, 0, POLITE) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static status read_sql(struct buffer *out, struct error *err) {
    char part[4096];
    ssize_t count = 0;
    do {
        count = read(STDIN_FILENO, part, sizeof(part));
        if (count > 0) {
            buffer_add(out, (struct slice){.bytes = part, .count = (size_t)count});
        }
    } while (count > 0 || (count < 0 && errno == EINTR));
    if (count < 0) {
        return fail_errno(err, errno, "read the question");
    }
    return out->failed == STATUS_OK ? STATUS_OK
                                    : fail(err, STATUS_INVALID, "a question has at most %d KiB",
                                           GUEST_SQL_BYTES_MAX >> 10);
}

static status write_whole(void *owner, struct slice bytes, struct error *err) {
    (void)owner;
    while (bytes.count > 0) {
        const ssize_t put = write(STDOUT_FILENO, bytes.bytes, bytes.count);
        if (put < 0 && errno != EINTR) {
            return fail_errno(err, errno, "write the answer");
        }
        bytes = slice_part(bytes, put > 0 ? (size_t)put : 0, bytes.count);
    }
    return STATUS_OK;
}

static status read_words(int count, char **words, struct question_options *out, struct error *err) {
    uint64_t seconds = 0;
    uint64_t rows = 0;
    if (count < 5 || !text_number(slice_of(words[4]), INT64_MAX, &rows) ||
        !text_number(slice_of(words[3]), QUESTION_SECONDS_MAX, &seconds) || seconds == 0 ||
        output_format_from(slice_of(words[2])) == OUTPUT_FORMATS) {
        return fail(err, STATUS_INVALID, "usage: ebb-query DATABASE FORMAT SECONDS ROWS [units]");
    }
    *out = (struct question_options){.path = words[1],
                                     .format = output_format_from(slice_of(words[2])),
                                     .seconds = (int)seconds,
                                     .rows = rows,
                                     .units = count > 5 && strcmp(words[5], "units") == 0,
                                     .write = write_whole};
    return STATUS_OK;
}

static status act(int count, char **words, struct error *err) {
    struct question_options options;
    bool begun = false;
    CLEANUP(buffer_done) struct buffer sql;
    buffer_init(&sql, GUEST_SQL_BYTES_MAX);
    TRY(read_words(count, words, &options, err));
    options.spill_bytes = find_spill();
    if (!give_up_rights(&options)) {
        return fail_errno(err, errno, "give up rights");
    }
    database_be_guest(QUESTION_HEAP_BYTES);
    TRY(read_sql(&sql, err));
    options.sql = buffer_slice(&sql);
    return question_run(&options, &begun, err);
}

int main(int count, char **words) {
    struct error err = {.code = STATUS_OK};
    file_keep_standard_descriptors();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* the write fails */
    const status code = act(count, words, &err);
    if (code != STATUS_OK) {
        CLEANUP(buffer_done) struct buffer said;
        buffer_init(&said, ERROR_BYTES_MAX);
        http_error_write(&err, &said);
        (void)fprintf(stderr, "%.*s", SLICE_ARGS(buffer_slice(&said)));
    }
    return status_exit_code(code);
}
