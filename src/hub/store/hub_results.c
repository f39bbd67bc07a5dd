// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_results.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "hub/labels.h"
#include "hub/store/hub_sql.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "wire/record.h"

enum { LABELS_ARENA_BYTES_MAX = 1 << 20, LOOKED_AT_ONCE = 20000, NS_PER_MS = 1000000 };

static const char LAST_NUMBER[] = "SELECT max(number) FROM record";

/* The columns that every statement here begins with. */
enum column {
    NUMBER,
    LANE,
    SEQ,
    PRIORITY,
    WALL_MS,
    ARRIVED_MS,
    WORKFLOW,
    NAME,
    RUN,
    BODY,
    FIRST_ID,
    STREAM_ID,
    DEVICE_ID,
    DEVICE_NAME,
    DEVICE_LABELS,
    HEAD
};

/* --- a row as JSON --- */

static void write_text(struct buffer *out, const char *name, struct slice text) {
    buffer_print(out, ",\"%s\":", name);
    json_write_text(out, text);
}

static void write_ids(struct buffer *out, const struct query *query) {
    const struct id first_id = id_from(query_bytes(query, FIRST_ID));
    const struct id id = !id_is_zero(first_id)
                             ? first_id
                             : record_public_id(id_from(query_bytes(query, STREAM_ID)),
                                                (enum lane)query_number(query, LANE),
                                                (uint64_t)query_number(query, SEQ));
    char uuid[ID_UUID_BYTES + 1];
    char device[ID_UUID_BYTES + 1];
    id_write_uuid(id, uuid);
    id_write_uuid(id_from(query_bytes(query, DEVICE_ID)), device);
    buffer_print(out, "{\"id\":\"%s\",\"device\":\"%s\"", uuid, device);
    write_text(out, "device_name", query_text(query, DEVICE_NAME));
}

/* What the device's clock said, where that is not when the result was made or is in doubt. */
static void write_clock(struct buffer *out, const struct query *query) {
    struct record head;
    struct error err;
    if (record_read_head(query_bytes(query, HEAD), &head, &err) != STATUS_OK) {
        return;
    }
    const bool is_other = head.time.wall_ms != query_number(query, WALL_MS);
    if (is_other || head.time.quality == CLOCK_BAD) {
        buffer_print(out, ",\"clock\":{\"quality\":\"%s\"", clock_quality_name(head.time.quality));
        if (is_other) {
            char said_at[TIME_TEXT_BYTES];
            time_write_plain(head.time.wall_ms, said_at);
            buffer_print(out, ",\"said_at\":\"%s\"", said_at);
        }
        buffer_add_byte(out, '}');
    }
}

static void write_row(struct buffer *out, const struct query *query) {
    char run[ID_HEX_BYTES + 1];
    char created_at[TIME_TEXT_BYTES];
    char arrived_at[TIME_TEXT_BYTES];
    id_write_hex(id_from(query_bytes(query, RUN)), run);
    time_write_plain(query_number(query, WALL_MS), created_at);
    time_write_plain(query_number(query, ARRIVED_MS), arrived_at);
    write_ids(out, query);
    write_text(out, "workflow", query_text(query, WORKFLOW));
    write_text(out, "name", query_text(query, NAME));
    buffer_print(out,
                 ",\"run\":\"%s\",\"lane\":\"%s\",\"priority\":%lld,\"created_at\":\"%s\","
                 "\"arrived_at\":\"%s\"",
                 run, lane_name((enum lane)query_number(query, LANE)),
                 (long long)query_number(query, PRIORITY), created_at, arrived_at);
    write_clock(out, query);
    buffer_add_text(out, ",\"result\":"); /* JSON, or it had been set aside */
    buffer_add(out, query_text(query, BODY));
    buffer_add_byte(out, '}');
}

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
    return wish.count == 0 ||
           (labels_read(&page->arena, query_text(row, DEVICE_LABELS), &labels, &err) == STATUS_OK &&
            labels_meet(labels, wish));
}

static status fill(struct page *page, struct query *rows, struct error *err) {
    const size_t began = page->out->count;
    while (!page->more && query_next(rows)) {
        if (meets_label(page, rows)) {
            buffer_add_text(page->out, page->count > 0 ? "," : "");
            write_row(page->out, rows);
            page->count++;
        }
        arena_reset(&page->arena);
        page->last_number = query_number(rows, NUMBER);
        page->last_ms = query_number(rows, WALL_MS);
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
    write_row(json, row);
    TRY(buffer_status(json, err));
    const struct hub_new_result result = {.number = query_number(row, NUMBER),
                                          .lane = (enum lane)query_number(row, LANE),
                                          .device = id_from(query_bytes(row, DEVICE_ID)),
                                          .workflow = query_text(row, WORKFLOW),
                                          .name = query_text(row, NAME),
                                          .device_name = query_text(row, DEVICE_NAME),
                                          .labels = query_text(row, DEVICE_LABELS),
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
        *out_last = count == limit ? query_number(&rows, NUMBER) : *out_last;
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
    write_row(out, &row);
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
