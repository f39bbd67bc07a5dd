// SPDX-License-Identifier: Apache-2.0
#include "hub/device_reports.h"

#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "hub/fleet.h"
#include "hub/hub_answer.h"
#include "hub/store/hub_sql.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"
#include "sync/report.h"

enum { PLACES = 4096, ANSWER_BYTES_MAX = 16 << 10, NS_PER_MS = 1000000 };

/* A device that has reported since the hub's start. */
struct entry {
    struct entry *next; /* in its place */
    struct id device;
    struct id shape; /* of the report that came last */
    char *body;      /* owned; NULL: its row is as new */
    size_t bytes;
    int64_t came_ms;              /* wall clock */
    int64_t heard_ms, written_ms; /* steady; written 0: not since the start */
    bool urgent;                  /* its shape is another than that of its row */
    uint64_t number;              /* of its reports, to see whether a newer one came */
};

struct row {
    struct entry *entry; /* not owned; entries stay */
    uint64_t number;
    int64_t came_ms;
    struct id device;
    char *body; /* owned: a copy */
    size_t bytes;
};

/* Rows on their way to the table. */
struct writing {
    struct ingest_job job; /* first */
    struct device_reports *reports;
    int count;
    struct row rows[DEVICE_REPORTS_ROWS_MAX];
};

struct device_reports {
    struct device_reports_options options;
    pthread_mutex_t mutex; /* bodies and their times: others look at them */
    struct entry *places[PLACES];
    size_t next_place; /* where the next round of writing begins */
    struct writing *writing;
    bool complained;
    struct device_reports_counters counters;
};

static int64_t steady_ms(void) {
    return clock_monotonic_ns() / NS_PER_MS;
}

static size_t place_of(struct id device) {
    uint32_t bits = 0;
    (void)memcpy(&bits, device.bytes + ID_BYTES - sizeof(bits), sizeof(bits));
    return bits % PLACES;
}

static struct entry *find(const struct device_reports *reports, struct id device) {
    struct entry *entry = reports->places[place_of(device)];
    while (entry != NULL && !id_equal(entry->device, device)) {
        entry = entry->next;
    }
    return entry;
}

/* NULL: no memory. */
static struct entry *find_or_add(struct device_reports *reports, struct id device) {
    struct entry *entry = find(reports, device);
    if (entry == NULL) {
        entry = memory_new(1, sizeof(*entry));
    }
    if (entry != NULL && entry->number == 0) {
        struct entry **place = &reports->places[place_of(device)];
        entry->device = device;
        entry->number = 1;
        entry->next = *place;
        (void)pthread_mutex_lock(&reports->mutex);
        *place = entry;
        (void)pthread_mutex_unlock(&reports->mutex);
    }
    return entry;
}

/* --- keeping --------------------------------------------------------------------------------- */

/* Takes `body`, or forgets what there is. */
static void set_body(struct device_reports *reports, struct entry *entry, char *body,
                     size_t bytes) {
    (void)pthread_mutex_lock(&reports->mutex);
    reports->counters.held_bytes += (int64_t)bytes - (int64_t)entry->bytes;
    memory_free(entry->body);
    entry->body = body;
    entry->bytes = bytes;
    entry->came_ms = body != NULL ? clock_wall_ms() : entry->came_ms;
    (void)pthread_mutex_unlock(&reports->mutex);
}

static status keep(struct device_reports *reports, struct entry *entry, struct slice text,
                   struct error *err) {
    const int64_t more = (int64_t)text.count - (int64_t)entry->bytes;
    char *body = reports->counters.held_bytes + more <= DEVICE_REPORTS_BYTES_MAX
                     ? memory_new(1, text.count + 1)
                     : NULL;
    if (body == NULL) {
        return fail(err, STATUS_BUSY, "the hub has no memory left for another report");
    }
    (void)memcpy(body, text.bytes, text.count);
    const struct id shape = report_shape(text);
    set_body(reports, entry, body, text.count);
    entry->urgent = entry->urgent || !id_equal(shape, entry->shape);
    entry->shape = shape;
    entry->number++;
    return STATUS_OK;
}

static status check_pace(struct entry *entry, struct error *err) {
    const int64_t now_ms = steady_ms();
    if (entry->heard_ms != 0 && now_ms - entry->heard_ms < DEVICE_REPORTS_APART_MS) {
        return fail(err, STATUS_BUSY, "a device reports once in %d ms at most",
                    DEVICE_REPORTS_APART_MS);
    }
    entry->heard_ms = now_ms;
    return STATUS_OK;
}

status device_reports_hear(struct device_reports *reports, struct id device, struct slice text,
                           struct want *want, struct error *err) {
    struct report_workflow *workflows = NULL;
    int count = 0;
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, REPORT_ARENA_BYTES_MAX);
    struct entry *entry = find_or_add(reports, device);
    if (entry == NULL) {
        return fail(err, STATUS_BUSY, "the hub has no memory left for another device");
    }
    TRY(check_pace(entry, err));
    if (report_read(&arena, text, &workflows, &count, err) != STATUS_OK) {
        return fail_while(err, "a report");
    }
    TRY(keep(reports, entry, text, err));
    for (int i = 0; i < count; i++) {
        faces_ask(reports->options.faces, device, workflows[i].digest, want);
    }
    attachments_ask(reports->options.attachments, device, want);
    return STATUS_OK;
}

void device_reports_take(struct device_reports *reports, struct id device,
                         struct http_request *request) {
    struct want want = {.workflow_count = 0};
    struct error err;
    if (device_reports_hear(reports, device, request->body, &want, &err) != STATUS_OK) {
        reports->counters.refused++;
        hub_answer_error(request, &err);
        return;
    }
    reports->counters.came++;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ANSWER_BYTES_MAX);
    want_write(&want, &json);
    hub_answer_json(request, 200, &json);
}

/* --- writing --------------------------------------------------------------------------------- */

static status put(struct database *database, const struct row *row, struct error *err) {
    struct report_summary summary;
    const struct slice text = {.bytes = row->body, .count = row->bytes};
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, REPORT_ARENA_BYTES_MAX);
    TRY(report_summarise(&arena, text, &summary, err));
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_REPORT_PUT);
    query_bind_bytes(&query, id_slice(&row->device));
    query_bind_number(&query, row->came_ms);
    query_bind_text(&query, text);
    query_bind_number(&query, fleet_needs_of(&summary));
    query_bind_number(&query, summary.waiting);
    return query_run(&query, err);
}

static status work(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    const struct writing *writing = (const struct writing *)job;
    struct database *database = hub_store_sqlite_database(lanes_session(lanes));
    for (int i = 0; i < writing->count; i++) {
        TRY(put(database, &writing->rows[i], err));
    }
    return STATUS_OK;
}

/* A newer one that came meanwhile is written with the next. */
static void row_written(struct device_reports *reports, const struct row *row) {
    struct entry *entry = row->entry;
    entry->written_ms = steady_ms();
    reports->counters.written++;
    if (entry->number == row->number) {
        entry->urgent = false;
        set_body(reports, entry, NULL, 0);
    }
}

static void destroy_writing(struct writing *writing) {
    for (int i = 0; i < writing->count; i++) {
        memory_free(writing->rows[i].body);
    }
    memory_free(writing);
}

static void done(struct ingest_job *job) {
    struct writing *writing = (struct writing *)job;
    struct device_reports *reports = writing->reports;
    const bool went_well = job->error.code == STATUS_OK;
    for (int i = 0; went_well && i < writing->count; i++) {
        row_written(reports, &writing->rows[i]);
    }
    if (!went_well && job->error.code != STATUS_FULL && job->error.code != STATUS_OFFLINE &&
        !reports->complained) {
        log_line(LOG_WARN, "hub", "write what devices report: %s", job->error.text);
    }
    reports->complained = !went_well;
    reports->writing = NULL;
    destroy_writing(writing);
}

static bool is_due(const struct entry *entry, int64_t now_ms, bool must) {
    return entry->body != NULL && (entry->urgent || must || entry->written_ms == 0 ||
                                   now_ms - entry->written_ms >= DEVICE_REPORTS_WRITE_MS);
}

static void add_row(struct writing *writing, struct entry *entry) {
    struct row *row = &writing->rows[writing->count];
    *row = (struct row){.entry = entry,
                        .number = entry->number,
                        .came_ms = entry->came_ms,
                        .device = entry->device,
                        .bytes = entry->bytes,
                        .body = memory_new(1, entry->bytes + 1)};
    if (row->body != NULL) { /* else it is written with the next */
        (void)memcpy(row->body, entry->body, entry->bytes);
        writing->count++;
    }
}

/* From where the last round ended, so that none waits for ever; with half the memory used all of
 * them are due. */
static void gather(struct device_reports *reports, struct writing *writing) {
    const int64_t now_ms = steady_ms();
    const bool must = reports->counters.held_bytes > DEVICE_REPORTS_BYTES_MAX / 2;
    for (int i = 0; i < PLACES && writing->count < DEVICE_REPORTS_ROWS_MAX; i++) {
        struct entry *entry = reports->places[reports->next_place];
        while (entry != NULL && writing->count < DEVICE_REPORTS_ROWS_MAX) {
            if (is_due(entry, now_ms, must)) {
                add_row(writing, entry);
            }
            entry = entry->next;
        }
        reports->next_place = (reports->next_place + 1) % PLACES;
    }
}

void device_reports_write(struct device_reports *reports) {
    if (reports->writing != NULL || reports->counters.held_bytes == 0) {
        return;
    }
    struct writing *writing = memory_new(1, sizeof(*writing));
    if (writing == NULL) {
        return;
    }
    writing->reports = reports;
    gather(reports, writing);
    if (writing->count == 0) {
        destroy_writing(writing);
        return;
    }
    writing->job = (struct ingest_job){.work = work, .done = done};
    reports->writing = writing;
    ingest_run(reports->options.ingest, &writing->job);
}

/* --- looking --------------------------------------------------------------------------------- */

bool device_reports_unwritten(struct device_reports *reports, struct id device, struct arena *arena,
                              struct slice *out_text, int64_t *out_came_ms) {
    struct slice text = {0};
    (void)pthread_mutex_lock(&reports->mutex);
    const struct entry *entry = find(reports, device);
    if (entry != NULL && entry->body != NULL) {
        text = arena_copy(arena, (struct slice){.bytes = entry->body, .count = entry->bytes});
        *out_came_ms = entry->came_ms;
    }
    (void)pthread_mutex_unlock(&reports->mutex);
    *out_text = text;
    return text.count > 0;
}

status device_reports_newest(struct device_reports *reports, struct database *database,
                             struct id device, struct arena *arena, struct slice *out_text,
                             int64_t *out_came_ms, struct error *err) {
    if (reports != NULL &&
        device_reports_unwritten(reports, device, arena, out_text, out_came_ms)) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_REPORT_GET);
    query_bind_bytes(&query, id_slice(&device));
    *out_text = (struct slice){0};
    *out_came_ms = 0;
    if (query_next(&query)) {
        *out_came_ms = query_number(&query, 0);
        *out_text = arena_copy(arena, query_text(&query, 1));
    }
    return query_status(&query, err);
}

void device_reports_counters(const struct device_reports *reports,
                             struct device_reports_counters *out_counters) {
    *out_counters = reports->counters;
}

/* --- life ------------------------------------------------------------------------------------ */

status device_reports_create(const struct device_reports_options *options,
                             struct device_reports **out_reports, struct error *err) {
    struct device_reports *reports = memory_new(1, sizeof(*reports));
    if (reports == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for what devices report");
    }
    if (pthread_mutex_init(&reports->mutex, NULL) != 0) {
        memory_free(reports);
        return fail(err, STATUS_SYSTEM, "the system has no lock left for what devices report");
    }
    reports->options = *options;
    *out_reports = reports;
    return STATUS_OK;
}

void device_reports_destroy(struct device_reports *reports) {
    if (reports == NULL) {
        return;
    }
    for (int i = 0; i < PLACES; i++) {
        while (reports->places[i] != NULL) {
            struct entry *entry = reports->places[i];
            reports->places[i] = entry->next;
            memory_free(entry->body);
            memory_free(entry);
        }
    }
    (void)pthread_mutex_destroy(&reports->mutex);
    memory_free(reports);
}
