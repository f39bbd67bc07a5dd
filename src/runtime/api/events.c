// SPDX-License-Identifier: Apache-2.0
/* POST /v1/workflows/NAME/events: hands an event to a workflow with a trigger `http`.
 * /v1/events: those that did not fit and are kept aside; /v1/events/ID: one of them. */
#include "runtime/api/api.h"

#include "base/memory.h"
#include "base/text.h"
#include "platform/json.h"
#include "runtime/triggers/http_feed.h"
#include "storage/store.h"

enum { NAMES_MAX = 256, RETRY_AFTER_S = 1 };

struct api_posting {
    struct http_post post; /* first */
    struct api_call call;
};

/* --- answers --- */

/* `state`: what a good end is called; `again`: it may be different in a moment. */
static const struct {
    int code;
    const char *state;
    bool again;
} ENDS[] = {
    [POST_TAKEN] = {202, "taken", false},
    [POST_KNOWN] = {200, "known", false},
    [POST_ASIDE] = {202, "quarantined", false},
    [POST_INVALID] = {400, NULL, false},
    [POST_TOO_LARGE] = {413, NULL, false},
    [POST_WRONG_TYPE] = {415, NULL, false},
    [POST_UNFIT] = {422, NULL, false},
    [POST_UNDER_WAY] = {409, NULL, true},
    [POST_FULL] = {429, NULL, true},
    [POST_BUSY] = {503, NULL, true},
};

static void answer(struct api_call *call, enum http_post_end end, const struct error *err) {
    if (ENDS[end].again) {
        http_retry_after(call->request, RETRY_AFTER_S);
    }
    if (ENDS[end].state == NULL) {
        api_refuse_with(call, ENDS[end].code, err);
        return;
    }
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    buffer_print(&json, "{\"state\":\"%s\"", ENDS[end].state);
    if (err->code != STATUS_OK) {
        buffer_add_byte(&json, ',');
        api_write_text(&json, "reason", slice_of(err->text));
    }
    buffer_add_text(&json, "}\n");
    http_answer(call->request, ENDS[end].code, "application/json", buffer_slice(&json));
}

static void post_ended(struct http_post *post, enum http_post_end end, const struct error *err) {
    struct api_posting *posting = (struct api_posting *)post;
    api_posting_left(posting->call.api, posting);
    answer(&posting->call, end, err);
    memory_free(posting);
}

void api_posting_drop(struct api_posting *posting) {
    http_post_forget(&posting->post);
    memory_free(posting);
}

/* --- to whom --- */

static void say_no_workflow(const struct api_call *call, struct error *err) {
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    for (const struct slot *slot = call->daemon->orchestrator->slots;
         slot != NULL && count < NAMES_MAX; slot = slot->next) {
        names[count++] = slot->name;
    }
    names[count] = NULL;
    const char *nearest = text_nearest(call->item, names);
    (void)fail(err, STATUS_NOT_FOUND, "no workflow is called '%.*s'%s%s%s",
               SLICE_ARGS(slice_part(call->item, 0, SLOT_NAME_BYTES)),
               nearest != NULL ? ": did you mean '" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "'?" : "");
}

static bool has_http(const struct slot *slot) {
    const struct workflow *workflow = slot->version != NULL ? slot->version->workflow : NULL;
    for (uint32_t i = 0; workflow != NULL && i < workflow->trigger_count; i++) {
        if (workflow->triggers[i].kind == TRIGGER_HTTP) {
            return true;
        }
    }
    return false;
}

/* Why it takes nothing now. */
static status check_slot(const struct slot *slot, struct error *err) {
    switch (slot->state) {
    case SLOT_RUNNING:
        return STATUS_OK;
    case SLOT_LOADING:
        return fail(err, STATUS_BUSY, "workflow '%s' is being loaded", slot->name);
    case SLOT_STOPPED:
        return fail(err, STATUS_CONFLICT,
                    "workflow '%s' is stopped: `ebb workflow start %s` starts it", slot->name,
                    slot->name);
    case SLOT_FAULTY:
        return fail(err, STATUS_CONFLICT, "workflow '%s' has faults: `ebb workflow show %s`",
                    slot->name, slot->name);
    case SLOT_LEFT:
        break;
    }
    return fail(err, STATUS_CONFLICT, "workflow '%s' is gone: only what was kept still runs",
                slot->name);
}

static status find_feed(const struct api_call *call, struct feed **out_feed, struct error *err) {
    const struct orchestrator *orchestrator = call->daemon->orchestrator;
    struct slot *slot = orchestrator_slot(call->daemon->orchestrator, call->item);
    if (slot == NULL) {
        say_no_workflow(call, err);
        return STATUS_NOT_FOUND;
    }
    if (orchestrator->stopping) {
        return fail(err, STATUS_BUSY, "the daemon ends: ask again when it runs");
    }
    if (slot->version != NULL && !has_http(slot)) {
        return fail(err, STATUS_NOT_FOUND, "workflow '%s' has no trigger `http`", slot->name);
    }
    TRY(check_slot(slot, err));
    for (uint32_t i = 0; i < slot->feed_count; i++) {
        if (slot->feeds[i]->kind == &HTTP_FEED) {
            *out_feed = slot->feeds[i];
            return STATUS_OK;
        }
    }
    return fail(err, STATUS_BUSY, "workflow '%s' takes no events", slot->name);
}

static void refuse(struct api_call *call, const struct error *err) {
    if (err->code == STATUS_BUSY || err->code == STATUS_NO_MEMORY) {
        answer(call, POST_BUSY, err);
    } else {
        api_refuse(call, err);
    }
}

void api_post_event(struct api_call *call) {
    struct feed *feed = NULL;
    struct error err;
    if (find_feed(call, &feed, &err) != STATUS_OK) {
        refuse(call, &err);
        return;
    }
    struct api_posting *posting = memory_new(1, sizeof(*posting));
    if (posting == NULL || !api_posting_came(call->api, posting)) {
        memory_free(posting);
        (void)fail(&err, STATUS_BUSY, "%d events wait to be taken already", API_POSTINGS_MAX);
        refuse(call, &err);
        return;
    }
    *posting = (struct api_posting){
        .post = {.body = call->request->body,
                 .content_type = slice_of(http_header(call->request, "Content-Type")),
                 .key = slice_trim(slice_of(http_header(call->request, "Idempotency-Key"))),
                 .ended = post_ended},
        .call = *call,
    };
    http_feed_post(feed, &posting->post);
}

/* --- those that are kept aside --- */

static void wrap(struct api_call *call, const struct store_read *read, struct buffer *out) {
    struct slice json = buffer_slice(&read->out);
    if (read->kind == READ_EVENT) {
        buffer_add(out, json);
    } else { /* the closing brace comes last */
        buffer_add(out, slice_part(json, 0, json.count - 1));
        buffer_print(out, read->out_next_key != 0 ? ",\"next\":\"%llu\"}" : ",\"next\":null}",
                     (unsigned long long)read->out_next_key);
    }
    (void)call;
    buffer_add_byte(out, '\n');
}

static status read_number(struct slice item, uint64_t *out_number, struct error *err) {
    uint64_t number = 0;
    for (size_t i = 0; i < item.count && number < UINT64_MAX / 100; i++) {
        if (item.bytes[i] < '0' || item.bytes[i] > '9') {
            return fail(err, STATUS_INVALID, "'%.*s' is no event's number",
                        SLICE_ARGS(slice_part(item, 0, 40)));
        }
        number = number * 10 + (uint64_t)(item.bytes[i] - '0');
    }
    *out_number = number;
    return STATUS_OK;
}

void api_events(struct api_call *call) {
    struct error err;
    uint64_t limit = 0;
    struct store_read read = {.kind = READ_EVENT, .lane = LANE_COUNT};
    status code;
    if (call->item.count > 0) {
        code = read_number(call->item, &read.before_key, &err);
    } else {
        read.kind = READ_EVENTS;
        read.workflow = slice_of(http_query(call->request, "workflow"));
        code = api_number(call, "limit", 20, &limit, &err);
        if (code == STATUS_OK) {
            code = api_number(call, "before", 0, &read.before_key, &err);
        }
        read.limit = limit > STORE_READ_ROWS_MAX ? STORE_READ_ROWS_MAX : (uint32_t)limit;
    }
    if (code != STATUS_OK) {
        api_refuse(call, &err);
    } else {
        api_read(call, &read, wrap);
    }
}
