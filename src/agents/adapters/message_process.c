// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/message_process.h"

#include <assert.h>
#include <stdio.h>

#include "agents/adapters/edge_agent_adapter.h"
#include "agents/adapters/settings_text.h"
#include "agents/blob_files.h"
#include "platform/clock.h"
#include "platform/secret.h"

enum { HELLO_BYTES_MAX = 512 * 1024 }; /* settings, and some secrets in them */

static const int64_t NS_PER_MS = 1000 * 1000;

static_assert(HANDED_FILES_MAX >=
                  PROCESS_FILES_DEFAULT + MESSAGE_REQUESTS_MAX * PROCESS_DESCRIPTORS_MAX,
              "what a process has no room for the system drops, and tells nobody");

struct message_part {
    struct value value;
    struct message_part *next;
};

static struct slice name_of(const struct message_process *process) {
    return process->lines->manifest->name;
}

void message_process_init(struct message_process *process, struct line_process *lines,
                          struct message_tally *tally, const struct message_process_events *events,
                          void *owner) {
    *process =
        (struct message_process){.lines = lines, .tally = tally, .events = events, .owner = owner};
    const struct field *parts = field_find(&lines->manifest->outputs, SLICE("parts"));
    process->keeps_parts = parts != NULL && parts->type == FIELD_LIST;
}

/* Room is made at once: a buffer that grows leaves copies of what is in it, secrets too. */
static status write_hello(const struct message_process *process, struct buffer *settings,
                          struct buffer *hello, struct error *err) {
    const struct agent_manifest *manifest = process->lines->manifest;
    (void)buffer_reserve(settings, HELLO_BYTES_MAX); /* failure stays in the buffer */
    (void)buffer_reserve(hello, HELLO_BYTES_MAX);
    TRY(settings_text_write(settings, manifest->settings, err));
    agent_message_write_hello(hello, manifest, buffer_slice(settings));
    TRY(buffer_status(settings, err));
    return buffer_status(hello, err);
}

status message_process_greet(struct message_process *process, struct error *err) {
    CLEANUP(secret_forget) struct buffer settings, hello;
    buffer_init(&settings, HELLO_BYTES_MAX);
    buffer_init(&hello, HELLO_BYTES_MAX);
    if (write_hello(process, &settings, &hello, err) != STATUS_OK) {
        return fail_while(err, "the settings of agent '%.*s'", SLICE_ARGS(name_of(process)));
    }
    return line_process_write(process->lines, buffer_slice(&hello), err);
}

/* --- places --- */

/* NULL: no such request is under way. */
static struct message_request *find(struct message_process *process, int64_t id) {
    for (size_t i = 0; id > 0 && i < MESSAGE_REQUESTS_MAX; i++) {
        if (process->requests[i].id == id) {
            return &process->requests[i];
        }
    }
    return NULL;
}

static void leave(struct message_process *process, struct message_request *request) {
    *request = (struct message_request){0};
    process->under_way--;
}

static void end_call(struct message_process *process, struct message_request *request) {
    struct agent_call *call = request->call;
    leave(process, request);
    process->events->ended(process->owner, call);
}

/* Tells the process; that the line could not be written shows when no answer comes. */
static void withdraw(struct message_process *process, struct message_request *request,
                     int64_t now_ns) {
    CLEANUP(buffer_done) struct buffer line;
    buffer_init(&line, 64);
    agent_message_write_cancel(&line, request->id);
    (void)line_process_write(process->lines, buffer_slice(&line), NULL);
    const int64_t id = request->id;
    *request = (struct message_request){.id = id, .until_ns = now_ns + CANCEL_MS_MAX * NS_PER_MS};
    process->events->until(process->owner, request->until_ns);
}

/* --- what we say --- */

/* Blobs in `with` and `state` become indexes, where the process is handed descriptors. */
static status open_blobs(const struct message_process *process, const struct agent_call *call,
                         struct agent_call *shown, struct process_descriptors *descriptors,
                         struct error *err) {
    if (!process->lines->manifest->blobs_by_descriptor) {
        return STATUS_OK;
    }
    TRY(blob_files_open(call->arena, call->with, &shown->with, descriptors, err));
    return blob_files_open(call->arena, call->state, &shown->state, descriptors, err);
}

status message_process_ask(struct message_process *process, struct agent_call *call, int64_t now_ns,
                           struct error *err) {
    assert(process->under_way < MESSAGE_REQUESTS_MAX);
    CLEANUP(buffer_done) struct buffer line;
    buffer_init(&line, PROCESS_INPUT_BYTES_MAX);
    const int64_t id = process->last_id + 1;
    CLEANUP(process_descriptors_close) struct process_descriptors descriptors = {.count = 0};
    struct agent_call shown = *call;
    status code = open_blobs(process, call, &shown, &descriptors, err);
    if (code == STATUS_OK) {
        agent_message_write_request(&line, id, &shown, descriptors.count, now_ns);
        code = buffer_status(&line, err);
    }
    if (code != STATUS_OK) {
        return fail_while(err, "the input of agent '%.*s'", SLICE_ARGS(name_of(process)));
    }
    TRY(line_process_hand(process->lines, buffer_slice(&line), &descriptors, err));
    struct message_request *place = process->requests;
    while (place->id != 0) {
        place++;
    }
    *place = (struct message_request){.id = id, .call = call};
    process->last_id = id;
    process->under_way++;
    return STATUS_OK;
}

void message_process_cancel(struct message_process *process, const struct agent_call *call,
                            int64_t now_ns) {
    for (size_t i = 0; i < MESSAGE_REQUESTS_MAX; i++) {
        if (process->requests[i].call == call) {
            withdraw(process, &process->requests[i], now_ns);
        }
    }
}

bool message_process_is_overdue(struct message_process *process, int64_t now_ns,
                                struct error *why) {
    for (size_t i = 0; i < MESSAGE_REQUESTS_MAX; i++) {
        const struct message_request *request = &process->requests[i];
        if (request->id == 0 || request->call != NULL) {
            continue;
        }
        if (request->until_ns <= now_ns) {
            (void)fail(why, STATUS_CRASH,
                       "agent '%.*s' was killed: it did not answer `cancel` of request %lld within "
                       "%d ms",
                       SLICE_ARGS(name_of(process)), (long long)request->id, CANCEL_MS_MAX);
            return true;
        }
        process->events->until(process->owner, request->until_ns);
    }
    return false;
}

uint32_t message_process_lose(struct message_process *process, const struct error *why) {
    uint32_t count = 0;
    for (size_t i = 0; i < MESSAGE_REQUESTS_MAX; i++) {
        struct message_request *request = &process->requests[i];
        if (request->call != NULL) {
            request->call->error = *why;
            end_call(process, request);
            count++;
        } else if (request->id != 0) {
            leave(process, request);
        }
    }
    return count;
}

/* --- what it says --- */

static void warn(struct message_process *process, struct slice line, struct slice what) {
    char quote[ADAPTER_QUOTE_BYTES], text[LOG_RELAY_LINE_BYTES_MAX];
    edge_adapter_quote(line, quote);
    (void)snprintf(text, sizeof(text), "wrote what is passed over: %.*s: %s", SLICE_ARGS(what),
                   quote);
    log_relay_say(&process->lines->log, LOG_WARN, slice_of(text), clock_boot_ns());
}

/* The first line of weight; it may talk about loading before. */
static void take_ready(struct message_process *process, const struct agent_message *message,
                       struct slice line) {
    char what[160] = "began with something else than " AGENT_MESSAGE_READY;
    const bool right = message->kind == MESSAGE_READY && message->ready;
    if (right && message->version == AGENT_MESSAGE_VERSION) {
        line_process_get_ready(process->lines);
        return;
    }
    if (message->kind == MESSAGE_READY && message->version > AGENT_MESSAGE_VERSION) {
        (void)snprintf(what, sizeof(what),
                       "speaks version %lld of the protocol, this ebb speaks version %d; it said",
                       (long long)message->version, AGENT_MESSAGE_VERSION);
    }
    line_process_refuse(process->lines, line, what);
}

/* Ends the request with an error and tells the process that it need not go on. */
static void refuse_part(struct message_process *process, struct message_request *request) {
    struct agent_call *call = request->call;
    withdraw(process, request, clock_boot_ns());
    process->events->ended(process->owner, call);
}

static void take_part(struct message_process *process, struct message_request *request,
                      const struct agent_message *message, int64_t line_bytes) {
    struct agent_call *call = request->call;
    const int64_t bytes_max = process->lines->manifest->output_bytes;
    if (call == NULL || !process->keeps_parts) {
        return;
    }
    request->part_bytes += line_bytes;
    if (request->part_bytes > bytes_max) {
        (void)fail(&call->error, STATUS_INVALID,
                   "agent '%.*s' wrote more than %lld bytes of parts (limits.output)",
                   SLICE_ARGS(name_of(process)), (long long)bytes_max);
        refuse_part(process, request);
        return;
    }
    struct message_part *part = arena_get(call->arena, 1, sizeof(*part));
    if (part == NULL || !value_copy(call->arena, message->body, &part->value)) {
        (void)fail(&call->error, STATUS_FULL, "no room for the parts of agent '%.*s'",
                   SLICE_ARGS(name_of(process)));
        refuse_part(process, request);
        return;
    }
    if (request->last_part != NULL) {
        request->last_part->next = part;
    } else {
        request->first_part = part;
    }
    request->last_part = part;
    request->part_count++;
}

/* The object with one more member; anything else stays as it is. false: no room. */
static bool add_member(struct arena *arena, struct value *object, struct member member) {
    struct value whole;
    if (object->kind != VALUE_OBJECT) {
        return true;
    }
    struct member *members = value_new_object(arena, object->count + 1, &whole);
    for (uint32_t i = 0; members != NULL && i < object->count; i++) {
        members[i] = object->members[i];
    }
    if (members != NULL) {
        members[object->count] = member;
        *object = whole;
    }
    return members != NULL;
}

/* The output with the parts in it, when it has none of its own. */
static bool add_parts(const struct message_request *request, struct value *output) {
    struct value parts;
    if (value_get(*output, SLICE("parts")) != NULL) {
        return true;
    }
    struct value *items = value_new_list(request->call->arena, request->part_count, &parts);
    const struct message_part *part = request->first_part;
    for (; items != NULL && part != NULL; part = part->next) {
        *items++ = part->value;
    }
    return items != NULL &&
           add_member(request->call->arena, output, (struct member){SLICE("parts"), parts});
}

/* The state that comes beside the output is checked with it, and parted from it there. */
static bool add_state(const struct agent_call *call, struct value state, struct value *output) {
    struct value copy;
    if (!call->keyed || state.kind == VALUE_NULL) {
        return true;
    }
    return value_copy(call->arena, state, &copy) &&
           add_member(call->arena, output, (struct member){SLICE("state"), copy});
}

static void take_output(struct message_process *process, struct message_request *request,
                        const struct agent_message *message) {
    struct agent_call *call = request->call;
    struct value output = {0};
    if (!value_copy(call->arena, message->body, &output) ||
        (process->keeps_parts && !add_parts(request, &output)) ||
        !add_state(call, message->state, &output)) {
        (void)fail(&call->error, STATUS_FULL, "no room for the answer of agent '%.*s'",
                   SLICE_ARGS(name_of(process)));
        return;
    }
    /* Either way the call ends, with what stands in it. */
    (void)agent_take_output(process->lines->manifest, call, output);
}

static void take_error(struct message_process *process, struct message_request *request,
                       const struct agent_message *message) {
    struct error *error = &request->call->error;
    const char *known = message->class_known ? ""
                                             : " (of no class that ebb knows: timeout, crash, "
                                               "invalid, offline, busy, denied, full)";
    (void)fail(
        error, message->class, "agent '%.*s' answered with an error%s: %.*s",
        SLICE_ARGS(name_of(process)), known,
        SLICE_ARGS(message->text.count > 0 ? message->text : SLICE("it does not say which")));
}

static void take_answer(struct message_process *process, const struct agent_message *message,
                        int64_t line_bytes) {
    struct message_request *request = find(process, message->id);
    if (message->kind == MESSAGE_PART) {
        if (request != NULL) {
            take_part(process, request, message, line_bytes);
        }
        return;
    }
    if (request == NULL || request->call == NULL) {
        process->tally->late_answers++;
        if (request != NULL) {
            leave(process, request);
            process->events->freed(process->owner);
        }
        return;
    }
    if (message->kind == MESSAGE_OUT) {
        take_output(process, request, message);
    } else {
        take_error(process, request, message);
    }
    end_call(process, request);
}

static void take_metric(struct message_process *process, const struct agent_message *message) {
    struct message_tally *tally = process->tally;
    if (agent_metrics_take(&tally->metrics, message->name, message->number, message->adds) ||
        tally->metrics_full) {
        return;
    }
    tally->metrics_full = true;
    char text[128];
    (void)snprintf(text, sizeof(text), "has more than %d metrics: others are passed over",
                   AGENT_METRICS_MAX);
    log_relay_say(&process->lines->log, LOG_WARN, slice_of(text), clock_boot_ns());
}

static void take_message(struct message_process *process, const struct agent_message *message,
                         struct slice line) {
    switch (message->kind) {
    case MESSAGE_OTHER:
        return;
    case MESSAGE_WRONG:
        warn(process, line, message->text);
        return;
    case MESSAGE_LOG:
        log_relay_say(&process->lines->log, message->level, message->text, clock_boot_ns());
        return;
    case MESSAGE_METRIC:
        take_metric(process, message);
        return;
    case MESSAGE_READY:
        if (process->lines->state == LINE_PROCESS_STARTING) {
            take_ready(process, message, line);
        }
        return;
    case MESSAGE_OUT:
    case MESSAGE_ERROR:
    case MESSAGE_PART:
        if (process->lines->state == LINE_PROCESS_STARTING) {
            take_ready(process, message, line);
        } else {
            take_answer(process, message, (int64_t)line.count);
        }
        return;
    }
}

void message_process_take(struct message_process *process, struct slice line) {
    struct arena arena;
    arena_init(&arena, AGENT_MESSAGE_ARENA_BYTES_MAX);
    struct agent_message message;
    struct error why = {0};
    const status code = agent_message_read(&arena, line, &message, &why);
    if (code == STATUS_OK) {
        take_message(process, &message, line);
    } else {
        char what[ERROR_TEXT_MAX];
        (void)snprintf(what, sizeof(what), "printed no JSON object (%.200s)", why.text);
        line_process_refuse(process->lines, line, what);
    }
    arena_done(&arena);
}
