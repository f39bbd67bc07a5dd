// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_results.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "hub/labels.h"
#include "hub/store/hub_result_row.h"
#include "hub/store/hub_sql.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "wire/record.h"

enum { LABELS_ARENA_BYTES_MAX = 1 << 20, LOOKED_AT_ONCE = 20000, NS_PER_MS = 1000000 };

static const char LAST_NUMBER[] = "SELECT max(number) FROM record";

/* --- a page --- */

struct page {
    const struct hub_results_query *query;
    struct arena arena; /* of a row's labels */
    struct buffer *out;
    int count;
    bool more;
    int64_t last_number, last_ms; /* of the last row that was looked at */
    int64_t newest;               /* number that the hub had, as far as was seen */
};

static bool meets_label(struct page *page, const struct query *row) {
    struct value labels = {.kind = VALUE_NULL};
    struct error err;
    const struct slice wish = slice_of(page->query->label);
    return wish.count == 0 || (labels_read(&page->arena, query_text(row, ROW_DEVICE_LABELS),
                                           &labels, &err) == STATUS_OK &&
                               labels_meet(labels, wish));
}

static status fill(struct page *page, struct query *rows, struct error *err) {
    const size_t began = page->out->count;
    while (!page->more && query_next(rows)) {
        if (meets_label(page, rows)) {
            buffer_add_text(page->out, page->count > 0 ? "," : "");
            hub_result_row_write(page->out, rows);
            page->count++;
        }
        arena_reset(&page->arena);
        page->last_number = query_number(rows, ROW_NUMBER);
        page->last_ms = query_number(rows, ROW_WALL_MS);
        page->newest = page->last_number > page->newest ? page->last_number : page->newest;
        page->more =
            page->count == page->query->limit || page->out->count - began > HUB_RESULTS_BYTES_MAX;
    }
    TRY(query_status(rows, err));
    return buffer_status(page->out, err);
}

static void bind_device(struct query *rows, const struct id *device) {
    if (id_is_zero(*device)) {
        query_bind_null(rows);
    } else {
        query_bind_bytes(rows, id_slice(device));
    }
}

static void bind_name_and_lane(struct query *rows, const struct hub_results_query *query) {
    query_bind_text(rows, slice_of(query->name));
    query_bind_number(rows, query->lane < LANE_COUNT ? (int64_t)query->lane : -1);
}

static int64_t before_of(const struct hub_results_query *query) {
    return query->before_number > 0 ? query->before_number : INT64_MAX;
}

static int64_t until_of(const struct hub_results_query *query) {
    return query->until_ms > 0 ? query->until_ms : INT64_MAX;
}

/* Those between two numbers, neither of which is among them. */
static struct query between(struct database *database, const struct hub_results_query *query,
                            const struct id *device, int64_t after, int64_t before) {
    struct query rows = query_on(database, SQL_HUB_RESULTS_BY_NUMBER);
    query_bind_number(&rows, before);
    query_bind_number(&rows, after);
    query_bind_number(&rows, query->since_ms);
    bind_name_and_lane(&rows, query);
    bind_device(&rows, device);
    query_bind_number(&rows, until_of(query));
    return rows;
}

static struct query since(struct database *database, const struct hub_results_query *query,
                          const struct id *device) {
    struct query rows = query_on(database, SQL_HUB_RESULTS_SINCE);
    query_bind_number(&rows, query->after_number);
    query_bind_number(&rows, query->since_ms);
    bind_name_and_lane(&rows, query);
    bind_device(&rows, device);
    query_bind_text(&rows, slice_of(query->workflow));
    query_bind_number(&rows, until_of(query));
    return rows;
}

static struct query by_workflow(struct database *database, const struct hub_results_query *query,
                                const struct id *device) {
    struct query rows = query_on(database, SQL_HUB_RESULTS_BY_WORKFLOW);
    query_bind_text(&rows, slice_of(query->workflow));
    query_bind_number(&rows, query->before_number > 0 ? query->before_ms : until_of(query));
    query_bind_number(&rows, before_of(query));
    query_bind_number(&rows, query->since_ms);
    bind_name_and_lane(&rows, query);
    bind_device(&rows, device);
    return rows;
}

static struct query by_device(struct database *database, const struct hub_results_query *query,
                              const struct id *device) {
    struct query rows = query_on(database, SQL_HUB_RESULTS_BY_DEVICE);
    query_bind_bytes(&rows, id_slice(device));
    query_bind_number(&rows, before_of(query));
    query_bind_number(&rows, query->limit + 1);
    query_bind_number(&rows, query->since_ms);
    return rows;
}

/* Of a device whose newest deliveries hold what is wanted. */
static bool is_of_device(const struct hub_results_query *query, const struct id *device) {
    return !id_is_zero(*device) && query->name[0] == '\0' && query->lane == LANE_COUNT &&
           query->until_ms == 0;
}

/* By an index, in one go. */
static bool is_indexed(const struct hub_results_query *query, const struct id *device) {
    return query->is_since || query->workflow[0] != '\0' || is_of_device(query, device);
}

static struct query choose(struct database *database, const struct hub_results_query *query,
                           const struct id *device) {
    return query->is_since              ? since(database, query, device)
           : query->workflow[0] != '\0' ? by_workflow(database, query, device)
                                        : by_device(database, query, device);
}

/* Backwards, a part of the records at a time, until the page is full or it takes too long. */
static status fill_by_number(struct page *page, struct database *database, const struct id *device,
                             struct error *err) {
    const int64_t end_ns = clock_monotonic_ns() + (int64_t)HUB_RESULTS_LOOK_MS * NS_PER_MS;
    int64_t before = before_of(page->query);
    before = before <= page->newest ? before : page->newest + 1;
    while (before > 1 && !page->more) {
        const int64_t after = before > LOOKED_AT_ONCE ? before - LOOKED_AT_ONCE - 1 : 0;
        CLEANUP(query_done)
        struct query rows = between(database, page->query, device, after, before);
        TRY(fill(page, &rows, err));
        before = after + 1;
        if (!page->more && before > 1 && clock_monotonic_ns() > end_ns) {
            page->more = true;
            page->last_number = before;
        }
    }
    return STATUS_OK;
}

static status fill_indexed(struct page *page, struct database *database, const struct id *device,
                           struct error *err) {
    CLEANUP(query_done) struct query rows = choose(database, page->query, device);
    return fill(page, &rows, err);
}

static status find_device(struct database *database, const char *word, struct id *out_device,
                          struct error *err) {
    *out_device = (struct id){0};
    if (word[0] == '\0' || id_read(slice_of(word), out_device)) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_DEVICE_NAMED);
    query_bind_text(&query, slice_of(word));
    if (query_next(&query)) {
        *out_device = id_from(query_bytes(&query, 0));
        return STATUS_OK;
    }
    TRY(query_status(&query, err));
    return fail(err, STATUS_NOT_FOUND, "no device is called '%.80s'", word);
}

static void end_page(const struct page *page) {
    if (!page->more) {
        buffer_add_text(page->out, "],\"next\":null");
    } else if (page->query->workflow[0] != '\0' && !page->query->is_since) {
        buffer_print(page->out, "],\"next\":\"%lld.%lld\"", (long long)page->last_number,
                     (long long)page->last_ms);
    } else {
        buffer_print(page->out, "],\"next\":\"%lld\"", (long long)page->last_number);
    }
    buffer_print(page->out, ",\"last\":%lld}\n", (long long)page->newest);
}

status hub_results_newest(struct database *database, int64_t *out_number, struct error *err) {
    CLEANUP(query_done) struct query number = query_on(database, LAST_NUMBER);
    return query_one_number(&number, out_number, err);
}

status hub_results_list(struct database *database, const struct hub_results_query *query,
                        struct buffer *out, struct error *err) {
    struct page page = {.query = query, .out = out};
    struct id device;
    TRY(find_device(database, query->device, &device, err));
    TRY(hub_results_newest(database, &page.newest, err));
    arena_init(&page.arena, LABELS_ARENA_BYTES_MAX);
    buffer_add_text(out, "{\"results\":[");
    const status filled = is_indexed(query, &device)
                              ? fill_indexed(&page, database, &device, err)
                              : fill_by_number(&page, database, &device, err);
    arena_done(&page.arena);
    TRY(filled);
    end_page(&page);
    return buffer_status(out, err);
}

bool hub_results_read_key(struct hub_results_query *query, const char *text) {
    char *end = NULL;
    query->before_number = strtoll(text, &end, 10);
    if (*end == '.' && end[1] >= '0' && end[1] <= '9') {
        query->before_ms = strtoll(end + 1, &end, 10);
    }
    return *end == '\0' && query->before_number > 0;
}

/* --- those that have just come --- */

static status tell(const struct query *row, struct buffer *json,
                   status (*each)(void *owner, const struct hub_new_result *result,
                                  struct error *err),
                   void *owner, struct error *err) {
    buffer_clear(json);
    hub_result_row_write(json, row);
    TRY(buffer_status(json, err));
    const struct hub_new_result result = {.number = query_number(row, ROW_NUMBER),
                                          .lane = (enum lane)query_number(row, ROW_LANE),
                                          .device = id_from(query_bytes(row, ROW_DEVICE_ID)),
                                          .workflow = query_text(row, ROW_WORKFLOW),
                                          .name = query_text(row, ROW_NAME),
                                          .device_name = query_text(row, ROW_DEVICE_NAME),
                                          .labels = query_text(row, ROW_DEVICE_LABELS),
                                          .json = buffer_slice(json)};
    return each(owner, &result, err);
}

status hub_results_new(struct database *database, int64_t after, int limit,
                       status (*each)(void *owner, const struct hub_new_result *result,
                                      struct error *err),
                       void *owner, int64_t *out_last, struct error *err) {
    static const struct id NO_DEVICE = {0};
    const struct hub_results_query all = {
        .lane = LANE_COUNT, .after_number = after, .is_since = true};
    int count = 0;
    TRY(hub_results_newest(database, out_last, err));
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, HUB_RESULTS_BYTES_MAX);
    CLEANUP(query_done) struct query rows = since(database, &all, &NO_DEVICE);
    while (count < limit && query_next(&rows)) {
        TRY(tell(&rows, &json, each, owner, err));
        count++;
        *out_last = count == limit ? query_number(&rows, ROW_NUMBER) : *out_last;
    }
    return query_status(&rows, err);
}

/* --- one --- */

/* The row of a record of a stream; 0: there is none. */
static status find_in_stream(struct database *database, int64_t stream, enum lane lane,
                             uint64_t seq, int64_t *out_number, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_RECORD_FIND);
    query_bind_number(&query, stream);
    query_bind_number(&query, lane);
    query_bind_number(&query, (int64_t)seq);
    *out_number = query_next(&query) ? query_number(&query, 0) : 0;
    return query_status(&query, err);
}

static status find_by_id(struct database *database, struct id public_id, int64_t *out_number,
                         struct error *err) {
    struct id least = {0};
    struct id most = {0};
    (void)memcpy(least.bytes, public_id.bytes,
                 6); /* as much as it has of the stream's as they are */
    (void)memcpy(most.bytes, public_id.bytes, 6);
    (void)memset(most.bytes + 6, 0xff, ID_BYTES - 6);
    CLEANUP(query_done) struct query streams = query_on(database, SQL_HUB_STREAM_PREFIX);
    query_bind_bytes(&streams, id_slice(&least));
    query_bind_bytes(&streams, id_slice(&most));
    *out_number = 0;
    while (*out_number == 0 && query_next(&streams)) {
        enum lane lane = LANE_COUNT;
        uint64_t seq = 0;
        const struct id stream = id_from(query_bytes(&streams, 1));
        if (record_from_public_id(public_id, stream, &lane, &seq)) {
            TRY(find_in_stream(database, query_number(&streams, 0), lane, seq, out_number, err));
        }
    }
    return query_status(&streams, err);
}

static status find_number(struct database *database, struct id public_id, int64_t *out_number,
                          struct error *err) {
    TRY(find_by_id(database, public_id, out_number, err));
    if (*out_number != 0) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query renumbered = query_on(database, SQL_HUB_RESULT_FIRST_ID);
    query_bind_bytes(&renumbered, id_slice(&public_id));
    return query_one_number(&renumbered, out_number, err);
}

status hub_results_get(struct database *database, struct id public_id, struct buffer *out,
                       struct error *err) {
    int64_t number = 0;
    TRY(find_number(database, public_id, &number, err));
    CLEANUP(query_done) struct query row = query_on(database, SQL_HUB_RESULT_GET);
    query_bind_number(&row, number);
    if (!query_next(&row)) {
        TRY(query_status(&row, err));
        return fail(err, STATUS_NOT_FOUND, "the hub has no result of that id");
    }
    hub_result_row_write(out, &row);
    buffer_add_byte(out, '\n');
    return buffer_status(out, err);
}

status hub_results_count(struct database *database, struct hub_counts *out_counts,
                         struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_COUNT_ALL);
    *out_counts = (struct hub_counts){0};
    if (query_next(&query)) {
        *out_counts = (struct hub_counts){.records = query_number(&query, 0),
                                          .streams = query_number(&query, 1),
                                          .quarantined = query_number(&query, 2),
                                          .bytes = query_number(&query, 3),
                                          .removed = query_number(&query, 4),
                                          .backup_ms = query_number(&query, 5)};
    }
    return query_status(&query, err);
}
