// SPDX-License-Identifier: Apache-2.0
#include "runtime/reports.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"
#include "platform/json.h"
#include "runtime/blob_sending.h"
#include "runtime/device_report.h"
#include "runtime/face.h"

enum {
    TEXT_BYTES_MAX = 2 * REPORT_BYTES_MAX, /* a workflow that does not fit is taken back */
    LANES_BYTES_MAX = 16 << 10,
    FACE_BYTES = 4096, /* about */
    NS_PER_MS = 1000000,
    HURRIED_MS = 1000, /* a hub takes no more than one in that time */
    STORED = 200,
    REFUSED = 400,
    UNKNOWN = 404,
    UNKNOWN_METHOD = 405
};

static const int64_t BUDGET_BYTES = INT64_C(1) << 30; /* where no other is given */

enum asking { ASKING_NOTHING, ASKING_REPORT, ASKING_FACE, ASKING_BLOB };

struct reports {
    struct reports_options options;
    struct blob_sending *blobs;
    struct report_lane lanes[SYNC_LANES];
    struct store_read lanes_read;
    struct buffer text;
    enum asking asking;
    bool connected, refused, due, reading, hurried, complained;
    int64_t began_ns;
    int64_t look_ms; /* when it is seen next whether a report is due */
    int64_t sent_ms; /* 0: none that was answered */
    struct id sent_shape;
    struct want want; /* what is still to be sent of it; the next is the last of each list */
};

/* --- what there is to say -------------------------------------------------------------------- */

static void look_at_lanes(struct reports *reports, const struct store_counters *counters) {
    for (int i = 0; i < SYNC_LANES; i++) {
        struct report_lane *lane = &reports->lanes[i];
        const uint64_t next = counters->lane_next_seq[i];
        const uint64_t acked = counters->lane_acked_seq[i];
        lane->waiting = next > acked + 1 ? next - 1 - acked : 0;
        lane->bytes = lane->waiting > 0 ? counters->lane_bytes[i] : 0;
        lane->oldest_ms = lane->waiting > 0 ? lane->oldest_ms : 0;
        lane->behind = lane->waiting >= REPORTS_BEHIND || (lane->behind && lane->waiting > 0);
    }
}

static int64_t bytes_of(const struct store_counters *counters) {
    int64_t bytes = counters->blob_bytes;
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        bytes += counters->lane_bytes[lane];
    }
    return bytes;
}

static void write_report(struct reports *reports, const struct sender_link *link) {
    struct store_counters counters;
    store_counters(reports->options.store, &counters);
    look_at_lanes(reports, &counters);
    const int64_t budget = reports->options.budget_bytes;
    const int64_t up_ms = (clock_boot_ns() - reports->began_ns) / NS_PER_MS;
    struct device_report_facts facts = {.orchestrator = reports->options.orchestrator,
                                        .link = link,
                                        .began_ms = clock_wall_ms() - up_ms,
                                        .up_s = up_ms / 1000,
                                        .store_bytes = bytes_of(&counters),
                                        .store_budget_bytes = (budget > 0 ? budget : BUDGET_BYTES) +
                                                              counters.blob_bytes_max,
                                        .store_full = counters.full};
    memcpy(facts.lanes, reports->lanes, sizeof(facts.lanes));
    buffer_clear(&reports->text);
    device_report_write(&facts, &reports->text);
}

/* What only the store's rows say: since when something waits, in UTC without a zone. */
static void take_lane(struct reports *reports, struct value item) {
    const struct value *name = value_get(item, SLICE("lane"));
    const struct value *oldest = value_get(item, SLICE("oldest_at"));
    char text[TIME_TEXT_BYTES + 1];
    int64_t ms = 0;
    const enum lane lane = name != NULL ? lane_from_name(value_text(*name)) : LANE_COUNT;
    if ((int)lane < SYNC_LANES && oldest != NULL) {
        (void)snprintf(text, sizeof(text), "%.*sZ", SLICE_ARGS(value_text(*oldest)));
        reports->lanes[lane].oldest_ms = time_read(slice_of(text), &ms) ? ms : 0;
    }
}

static void lanes_were_read(struct store_read *read) {
    struct reports *reports = read->owner;
    struct value list = {.kind = VALUE_NULL};
    struct error err;
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, 4 * LANES_BYTES_MAX);
    reports->reading = false;
    if (read->error.code == STATUS_OK &&
        json_read(&arena, buffer_slice(&read->out), &list, &err) == STATUS_OK) {
        for (uint32_t i = 0; list.kind == VALUE_LIST && i < list.count; i++) {
            take_lane(reports, list.items[i]);
        }
    }
    reports->due = reports->connected; /* without that as well */
    reports->options.changed(reports->options.owner);
}

static void read_lanes(struct reports *reports) {
    struct store_read *read = &reports->lanes_read;
    reports->reading = true;
    buffer_clear(&read->out);
    read->kind = READ_LANES;
    read->done = lanes_were_read;
    read->owner = reports;
    store_read(reports->options.store, read);
}

static bool is_time(const struct reports *reports, const struct sender_link *link, int64_t now_ms) {
    const int64_t since_ms = now_ms - reports->sent_ms;
    if (reports->sent_ms == 0) {
        return true;
    }
    const bool changed = !id_equal(report_shape(buffer_slice(&reports->text)), reports->sent_shape);
    return since_ms >= (reports->hurried ? HURRIED_MS
                        : changed        ? REPORTS_SOON_MS
                        : link->metered  ? REPORTS_METERED_MS
                                         : REPORTS_EACH_MS);
}

/* --- offering -------------------------------------------------------------------------------- */

static struct sender_offer offer_of(struct reports *reports, int64_t now_ms) {
    struct want *want = &reports->want;
    if (reports->due) {
        return (struct sender_offer){.bytes = (int64_t)reports->text.count, .due_ms = now_ms};
    }
    if (want->workflow_count > 0) {
        return (struct sender_offer){.bytes = FACE_BYTES, .due_ms = now_ms};
    }
    if (want->blob_count > 0 && blob_sending_is_idle(reports->blobs)) {
        blob_sending_begin(reports->blobs, want->blobs[--want->blob_count]);
    }
    return (struct sender_offer){
        .bytes = blob_sending_waits(reports->blobs), .due_ms = now_ms, .bulk = true};
}

int64_t reports_look(struct reports *reports, struct sender *sender, const struct sender_link *link,
                     int64_t now_ms) {
    if (!reports->connected || reports->refused) {
        return 0;
    }
    if (!reports->due && !reports->reading && now_ms >= reports->look_ms) {
        reports->look_ms = now_ms + (reports->hurried ? HURRIED_MS : REPORTS_SOON_MS);
        write_report(reports, link);
        if (is_time(reports, link, now_ms)) {
            read_lanes(reports);
        }
    }
    if (reports->asking == ASKING_NOTHING) {
        const struct sender_offer offer = offer_of(reports, now_ms);
        sender_offer(sender, &offer);
    }
    return reports->look_ms;
}

/* --- sending --------------------------------------------------------------------------------- */

static const struct workflow *find_workflow(const struct reports *reports, struct id digest) {
    for (const struct slot *slot = reports->options.orchestrator->slots; slot != NULL;
         slot = slot->next) {
        if (slot->version != NULL && id_equal(slot->version->workflow->digest, digest)) {
            return slot->version->workflow;
        }
    }
    return NULL;
}

/* One that is gone by now, or too large to be drawn, is an empty object: the hub has its answer. */
static struct slice fill_face(struct reports *reports, struct buffer *path) {
    const struct id digest = reports->want.workflows[--reports->want.workflow_count];
    const struct workflow *workflow = find_workflow(reports, digest);
    struct error err;
    face_path_write(path, digest);
    buffer_clear(&reports->text);
    if (workflow == NULL) {
        buffer_add_text(&reports->text, "{}");
    } else if (face_write(workflow, &reports->text, &err) != STATUS_OK ||
               reports->text.count > REPORT_BYTES_MAX) {
        buffer_clear(&reports->text);
        buffer_add_text(&reports->text, "{\"workflow\":");
        json_write_text(&reports->text, workflow->name);
        buffer_add_text(&reports->text, ",\"steps\":[],\"results\":[],\"left_out\":true}");
    }
    return buffer_slice(&reports->text);
}

static struct slice fill(struct reports *reports, const struct sender_link *kind, int64_t now_ms,
                         struct link_request *request, struct buffer *path) {
    request->type = "application/json";
    if (reports->due) {
        reports->asking = ASKING_REPORT;
        reports->due = false;
        reports->hurried = false;
        write_report(reports, kind);
        reports->sent_ms = now_ms;
        reports->sent_shape = report_shape(buffer_slice(&reports->text));
        buffer_add_text(path, REPORT_PATH);
        return buffer_slice(&reports->text);
    }
    if (reports->want.workflow_count > 0) {
        reports->asking = ASKING_FACE;
        return fill_face(reports, path);
    }
    reports->asking = ASKING_BLOB;
    request->type = "application/octet-stream";
    return blob_sending_take(reports->blobs, path);
}

status reports_send(struct reports *reports, struct link *link, const struct sender_link *kind,
                    int64_t now_ms, struct error *err) {
    CLEANUP(buffer_done) struct buffer path;
    struct link_request request = {.method = "PUT"};
    buffer_init(&path, LINK_PATH_BYTES_MAX);
    const struct slice body = fill(reports, kind, now_ms, &request, &path);
    request.path = buffer_slice(&path);
    return link_ask(link, &request, body, err);
}

bool reports_are_asking(const struct reports *reports) {
    return reports->asking != ASKING_NOTHING;
}

static void report_answered(struct reports *reports, int code, struct slice body) {
    struct error err = {.text = ""};
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, REPORT_ARENA_BYTES_MAX);
    if (code == UNKNOWN || code == UNKNOWN_METHOD) {
        reports->refused = true; /* an older hub */
    } else if (code == STORED && want_read(&arena, body, &reports->want, &err) != STATUS_OK) {
        log_line(LOG_WARN, "runtime", "sync: the hub's answer to a report makes no sense: %s",
                 err.text);
    } else if (code == REFUSED && !reports->complained) {
        reports->complained = true;
        log_line(LOG_WARN, "runtime", "sync: the hub refused a report: %.*s",
                 SLICE_ARGS(slice_part(body, 0, 200)));
    }
}

void reports_answered(struct reports *reports, int code, struct slice body) {
    const enum asking asked = reports->asking;
    reports->asking = ASKING_NOTHING;
    if (asked == ASKING_REPORT) {
        report_answered(reports, code, body);
    } else if (asked == ASKING_BLOB) {
        blob_sending_answered(reports->blobs, code, body);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

void reports_connected(struct reports *reports) {
    reports->connected = true;
    reports->refused = false;
    reports->look_ms = 0;
}

/* A report that may not have arrived is sent again. */
void reports_lost(struct reports *reports) {
    reports->sent_ms = reports->asking == ASKING_REPORT ? 0 : reports->sent_ms;
    reports->connected = false;
    reports->due = false;
    reports->asking = ASKING_NOTHING;
    reports->want = (struct want){.workflow_count = 0};
    blob_sending_give_up(reports->blobs);
}

void reports_hurry(struct reports *reports) {
    reports->hurried = true;
    reports->look_ms = 0;
}

status reports_create(const struct reports_options *options, struct reports **out_reports,
                      struct error *err) {
    struct reports *reports = memory_new(1, sizeof(*reports));
    if (reports == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for reports");
    }
    reports->options = *options;
    reports->began_ns = clock_boot_ns();
    buffer_init(&reports->text, TEXT_BYTES_MAX);
    buffer_init(&reports->lanes_read.out, LANES_BYTES_MAX);
    const struct blob_sending_options blobs = {.store = options->store,
                                               .pool = options->pool,
                                               .changed = options->changed,
                                               .owner = options->owner};
    const status created = blob_sending_create(&blobs, &reports->blobs, err);
    if (created != STATUS_OK) {
        reports_destroy(reports);
        return created;
    }
    *out_reports = reports;
    return STATUS_OK;
}

void reports_destroy(struct reports *reports) {
    if (reports != NULL) {
        blob_sending_destroy(reports->blobs);
        buffer_done(&reports->text);
        buffer_done(&reports->lanes_read.out);
        memory_free(reports);
    }
}
