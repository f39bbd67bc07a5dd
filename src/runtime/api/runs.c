// SPDX-License-Identifier: Apache-2.0
/* /v1/runs: open, waiting and parked runs from the store, ended ones from memory; POST ID/resume.
 */
#include "runtime/api/api.h"
#include "runtime/recovery.h"
#include "storage/store.h"

static void write_ended(struct buffer *out, const struct ended_run *run) {
    char id[RUN_ID_TEXT_BYTES];
    id_write_hex(run->id, id);
    buffer_print(out, "{\"id\":\"%s\",", id);
    api_write_text(out, "workflow", slice_of(run->workflow));
    buffer_print(out, ",\"state\":\"%s\",", run_outcome_name(run->outcome));
    api_write_text(out, "event_id", slice_of(run->event_id));
    buffer_add_byte(out, ',');
    api_write_time(out, "began_at", run->began_wall_ms);
    buffer_add_byte(out, ',');
    api_write_time(out, "ended_at", run->ended_wall_ms);
    buffer_print(out, ",\"took_ms\":%.3f", (double)run->took_ns / 1e6);
    if (run->error[0] != '\0') {
        buffer_add_byte(out, ',');
        api_write_text(out, "error", slice_of(run->error));
    }
    buffer_add_byte(out, '}');
}

/* The store's list of kept runs, and behind it those that ended. */
static void wrap_list(struct api_call *call, const struct store_read *read, struct buffer *out) {
    const struct slice kept = buffer_slice(&read->out);
    uint32_t shown = kept.count > 2 ? 1 : 0;
    buffer_add_text(out, "{\"runs\":");
    buffer_add(out, slice_part(kept, 0, kept.count > 0 ? kept.count - 1 : 0));
    for (uint32_t i = 0; !read->parked_only && shown < read->limit; i++) {
        const struct ended_run *run = history_at(&call->daemon->orchestrator->history, i);
        if (run == NULL) {
            break;
        }
        buffer_add_text(out, shown++ > 0 ? "," : "");
        write_ended(out, run);
    }
    buffer_add_text(out, "]}\n");
}

static void find_one(struct api_call *call, const struct store_read *read, struct buffer *out) {
    (void)call;
    buffer_add(out, buffer_slice(&read->out));
    buffer_add_byte(out, '\n');
}

static void show(struct api_call *call, struct id id) {
    const struct history *history = &call->daemon->orchestrator->history;
    for (uint32_t i = 0; history_at(history, i) != NULL; i++) {
        if (id_equal(history_at(history, i)->id, id)) {
            CLEANUP(buffer_done) struct buffer json;
            buffer_init(&json, API_ANSWER_BYTES_MAX);
            write_ended(&json, history_at(history, i));
            buffer_add_byte(&json, '\n');
            api_answer(call, &json);
            return;
        }
    }
    const struct store_read read = {.kind = READ_RUNS, .id = id, .limit = 1, .lane = LANE_COUNT};
    api_read(call, &read, find_one);
}

static void resume(struct api_call *call, struct id id) {
    struct error err;
    if (recovery_resume(call->daemon->orchestrator, id, &err) != STATUS_OK) {
        api_refuse(call, &err);
        return;
    }
    http_answer(call->request, 202, "application/json", SLICE("{\"state\":\"open\"}\n"));
}

void api_runs(struct api_call *call) {
    struct error err;
    uint64_t limit;
    struct id id;
    if (call->item.count == 0) {
        if (api_number(call, "limit", 20, &limit, &err) != STATUS_OK) {
            api_refuse(call, &err);
            return;
        }
        const struct slice parked = slice_of(http_query(call->request, "parked"));
        const struct store_read read = {
            .kind = READ_RUNS,
            .lane = LANE_COUNT,
            .limit = limit > STORE_READ_ROWS_MAX ? STORE_READ_ROWS_MAX : (uint32_t)limit,
            .parked_only = parked.count > 0 && !slice_is(parked, "0"),
        };
        api_read(call, &read, wrap_list);
        return;
    }
    if (!id_read(call->item, &id)) {
        (void)fail(&err, STATUS_INVALID, "'%.*s' is no run's id", SLICE_ARGS(call->item));
        api_refuse(call, &err);
    } else if (call->verb.count == 0) {
        show(call, id);
    } else if (slice_is(call->verb, "resume")) {
        resume(call, id);
    } else {
        (void)fail(&err, STATUS_NOT_FOUND, "a run has no '%.*s'", SLICE_ARGS(call->verb));
        api_refuse(call, &err);
    }
}
