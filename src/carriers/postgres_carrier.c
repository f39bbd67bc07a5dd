// SPDX-License-Identifier: Apache-2.0
/*
 * Results are rows of a table of PostgreSQL, a batch is one statement, on a worker of this
 * carrier's own: a server that hangs holds up nobody else.
 *
 * What the server does not take for what is in it (a text with U+0000, a number beyond its own) is
 * found by halving. Any other failure closes the connection; the next batch makes another and looks
 * at the table again.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "carriers/carrier.h"
#include "carriers/postgres_rows.h"
#include "platform/postgres.h"
#include "platform/secret.h"

enum {
    CONNECT_MS = 10 * 1000,
    STATEMENT_MS = 40 * 1000, /* more than the server's own bound of 30 s */
    ROWS_BYTES_MAX = 64 << 20,
    SQL_BYTES_MAX = 4096
};

struct carrier {
    struct job job; /* first: a job is its carrier */
    struct carrier_options options;
    struct pool *pool; /* owned: one worker */
    atomic_bool stopping;

    struct postgres *connection;  /* the worker's, as what follows; owned; NULL: none */
    struct buffer rows, sql;      /* of the batch; the INSERT */
    const struct parcel *parcels; /* the destination's until the report */
    uint32_t count;
    struct carrier_report report;
};

static bool is_stopping(const void *owner) {
    const struct carrier *carrier = owner;
    return atomic_load(&carrier->stopping);
}

/* --- connecting --- */

static status read_secret(struct slice name, struct buffer *out, struct error *err) {
    buffer_init(out, SECRET_BYTES_MAX);
    TRY(name.count > 0 ? secret_read(name, out, err) : STATUS_OK);
    buffer_add_byte(out, '\0');
    return buffer_status(out, err);
}

static status connect(struct carrier *carrier, struct error *err) {
    const struct postgres_place *place = carrier->options.postgres;
    CLEANUP(secret_forget) struct buffer url = {0};
    CLEANUP(secret_forget) struct buffer password = {0};
    TRY(read_secret(place->url_secret, &url, err));
    TRY(read_secret(place->password_secret, &password, err));
    const struct postgres_options options = {
        .url = place->url.count > 0 ? place->url.bytes : url.bytes,
        .password = place->password_secret.count > 0 ? password.bytes : NULL,
        .connect_ms = CONNECT_MS,
        .statement_ms = STATEMENT_MS,
        .stopped = is_stopping,
        .owner = carrier};
    return postgres_connect(&options, &carrier->connection, err);
}

static status run(struct carrier *carrier, const char *sql, struct error *err) {
    const struct postgres_statement statement = {.sql = sql};
    return postgres_run(carrier->connection, &statement, err);
}

/* --- the table --- */

/* What was seen of its columns: a bit for each of ours, and the first of another type. */
struct columns {
    int count;
    uint32_t seen;
    const struct postgres_column *wrong;
    char type[64];
};

static void see_column(void *owner, const struct slice *values, int count) {
    struct columns *columns = owner;
    columns->count++;
    for (int i = 0; i < POSTGRES_ROW_COLUMNS && count == 2; i++) {
        const struct postgres_column *column = &POSTGRES_ROW_COLUMN[i];
        if (!slice_is(values[0], column->name)) {
            continue;
        }
        columns->seen |= 1U << i;
        if (!slice_is(values[1], column->type) && columns->wrong == NULL) {
            columns->wrong = column;
            (void)snprintf(columns->type, sizeof(columns->type), "%.*s", SLICE_ARGS(values[1]));
        }
    }
}

static status look_at_columns(struct carrier *carrier, struct columns *out_columns,
                              struct error *err) {
    CLEANUP(buffer_done) struct buffer sql;
    buffer_init(&sql, SQL_BYTES_MAX);
    *out_columns = (struct columns){.count = 0};
    postgres_rows_write_columns(&sql, carrier->options.postgres->table);
    TRY(buffer_status(&sql, err));
    const struct postgres_statement statement = {
        .sql = sql.bytes, .row = see_column, .owner = out_columns};
    return postgres_run(carrier->connection, &statement, err);
}

static status make_table(struct carrier *carrier, struct error *err) {
    const struct slice table = carrier->options.postgres->table;
    CLEANUP(buffer_done) struct buffer sql;
    buffer_init(&sql, SQL_BYTES_MAX);
    postgres_rows_write_create(&sql, table);
    TRY(buffer_status(&sql, err));
    return run(carrier, sql.bytes, err) == STATUS_OK
               ? STATUS_OK
               : fail_while(err, "make the table '%.*s', which is not there", SLICE_ARGS(table));
}

static status judge_columns(const struct columns *columns, struct slice table, struct error *err) {
    if (columns->wrong != NULL) {
        return fail(err, STATUS_CONFLICT,
                    "column '%s' of table '%.*s' is of type %s: it should be %s",
                    columns->wrong->name, SLICE_ARGS(table), columns->type, columns->wrong->type);
    }
    for (int i = 0; i < POSTGRES_ROW_COLUMNS; i++) {
        if ((columns->seen & 1U << i) == 0) {
            return fail(err, STATUS_CONFLICT,
                        "table '%.*s' has no column '%s': name another table, or add it (%s)",
                        SLICE_ARGS(table), POSTGRES_ROW_COLUMN[i].name,
                        POSTGRES_ROW_COLUMN[i].type);
        }
    }
    return STATUS_OK;
}

static status prepare(struct carrier *carrier, struct error *err) {
    static const char BOUNDS[] = "SELECT set_config('statement_timeout', '30s', false), "
                                 "set_config('lock_timeout', '10s', false)";
    struct columns columns;
    TRY(run(carrier, BOUNDS, err));
    TRY(look_at_columns(carrier, &columns, err));
    if (columns.count == 0) {
        TRY(make_table(carrier, err));
        TRY(look_at_columns(carrier, &columns, err));
    }
    return judge_columns(&columns, carrier->options.postgres->table, err);
}

/* --- rows --- */

static status insert(struct carrier *carrier, uint32_t from, uint32_t count, struct error *err) {
    struct postgres_parameter parameters[POSTGRES_ROW_COLUMNS];
    TRY(postgres_rows_fill(&carrier->parcels[from], count, &carrier->rows, parameters, err));
    const struct postgres_statement statement = {.sql = carrier->sql.bytes,
                                                 .parameters = parameters,
                                                 .parameter_count = POSTGRES_ROW_COLUMNS};
    const status code = postgres_run(carrier->connection, &statement, err);
    if (code == STATUS_CONFLICT) {
        const struct slice table = carrier->options.postgres->table;
        return fail(err, STATUS_CONFLICT,
                    "table '%.*s' has no unique index on `id` alone: make one (CREATE UNIQUE INDEX "
                    "%.*s (id))",
                    SLICE_ARGS(table), SLICE_ARGS(table));
    }
    return code;
}

static status insert_all(struct carrier *carrier, struct error *err) {
    struct carrier_report *report = &carrier->report;
    uint32_t together = carrier->count;
    while (report->arrived < carrier->count) {
        const uint32_t left = carrier->count - report->arrived;
        const uint32_t count = together < left ? together : left;
        const status code = insert(carrier, report->arrived, count, err);
        if (code == STATUS_INVALID && count > 1) {
            together = count / 2;
        } else if (code != STATUS_OK) {
            report->refused = code == STATUS_INVALID;
            return code;
        } else {
            report->arrived += count;
        }
    }
    return STATUS_OK;
}

static void hang_up(struct carrier *carrier) {
    postgres_close(carrier->connection);
    carrier->connection = NULL;
}

static status try_once(struct carrier *carrier, struct error *err) {
    if (carrier->connection == NULL) {
        TRY(connect(carrier, err));
        TRY(prepare(carrier, err));
    }
    return insert_all(carrier, err);
}

/* A connection that was kept may have ended while nothing came: that is no failure. */
static status deliver(struct carrier *carrier, struct error *err) {
    const bool was_kept = carrier->connection != NULL;
    const status code = try_once(carrier, err);
    if (!was_kept || code != STATUS_OFFLINE || carrier->report.arrived > 0) {
        return code;
    }
    hang_up(carrier);
    return try_once(carrier, err);
}

static void work(struct job *job, int worker) {
    struct carrier *carrier = (struct carrier *)job;
    (void)worker;
    carrier->report = (struct carrier_report){.arrived = 0};
    if (deliver(carrier, &carrier->report.error) == STATUS_OK) {
        carrier->report.error.code = STATUS_OK;
    } else if (!carrier->report.refused) {
        hang_up(carrier);
    }
}

static void done(struct job *job) {
    struct carrier *carrier = (struct carrier *)job;
    carrier->options.reported(carrier->options.owner, &carrier->report);
}

/* --- the face --- */

static void postgres_send(struct carrier *carrier, const struct parcel *parcels, uint32_t count) {
    carrier->parcels = parcels;
    carrier->count = count;
    carrier->job = (struct job){.work = work, .done = done};
    pool_submit(carrier->pool, &carrier->job);
}

static void postgres_end(struct carrier *carrier) {
    if (carrier != NULL) {
        atomic_store(&carrier->stopping, true);
        pool_destroy(carrier->pool);
        postgres_close(carrier->connection);
        buffer_done(&carrier->rows);
        buffer_done(&carrier->sql);
        memory_free(carrier);
    }
}

static status postgres_open(const struct carrier_options *options, struct carrier **out_carrier,
                            struct error *err) {
    struct carrier *carrier = memory_new(1, sizeof(*carrier));
    if (carrier == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a table of results");
    }
    carrier->options = *options;
    buffer_init(&carrier->rows, ROWS_BYTES_MAX);
    buffer_init(&carrier->sql, SQL_BYTES_MAX);
    postgres_rows_write_insert(&carrier->sql, options->postgres->table);
    status code = buffer_status(&carrier->sql, err);
    if (code == STATUS_OK) {
        code = pool_create(options->loop, 1, &carrier->pool, err);
    }
    if (code != STATUS_OK) {
        postgres_end(carrier);
        return code;
    }
    *out_carrier = carrier;
    return STATUS_OK;
}

const struct carrier_kind POSTGRES_CARRIER = {
    .name = "postgres", .open = postgres_open, .send = postgres_send, .close = postgres_end};
