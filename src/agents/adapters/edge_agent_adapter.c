// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/edge_agent_adapter.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "platform/clock.h"
#include "platform/json.h"

static const int64_t NS_PER_MS = 1000 * 1000;

static bool is_earlier(int64_t moment_ns, int64_t than_ns) {
    return moment_ns != 0 && (than_ns == 0 || moment_ns < than_ns);
}

/* Sets the timer when it would ring too late; ringing too early does no harm. */
static void set_timer(struct edge_adapter *adapter, int64_t moment_ns, int64_t now_ns) {
    if (!is_earlier(moment_ns, adapter->timer_ns)) {
        return;
    }
    const int64_t wait_ns = moment_ns > now_ns ? moment_ns - now_ns : 0;
    adapter->timer_ns = moment_ns;
    timer_set(adapter->timer, wait_ns / NS_PER_MS + 1);
}

/* Ends what is late in the list and sets the timer for the rest. */
static void end_late(struct edge_adapter *adapter, struct call_list *list, int64_t now_ns) {
    struct agent_call *next = NULL;
    for (struct agent_call *call = list->first; call != NULL; call = next) {
        next = call->next;
        if (call->deadline_ns <= now_ns) {
            edge_adapter_cancel(adapter, call);
        } else {
            set_timer(adapter, call->deadline_ns, now_ns);
        }
    }
}

static void ring(void *owner) {
    struct edge_adapter *adapter = owner;
    const int64_t now_ns = clock_boot_ns();
    adapter->timer_ns = 0;
    end_late(adapter, &adapter->running, now_ns);
    end_late(adapter, &adapter->waiting, now_ns);
    if (adapter->ring_ns != 0 && adapter->ring_ns <= now_ns) {
        adapter->ring_ns = 0;
        adapter->events->rung(adapter->owner, now_ns);
    }
    set_timer(adapter, adapter->ring_ns, now_ns);
}

/* What `done` brings about (a new call, a call cancelled) is the next turn's: only those that have
 * ended by now are told. */
static void take_turn(void *owner) {
    struct edge_adapter *adapter = owner;
    adapter->events->turn(adapter->owner);
    for (uint32_t count = adapter->ended.count; count > 0; count--) {
        struct agent_call *call = call_list_take(&adapter->ended);
        call->done(call);
    }
}

status edge_adapter_open(struct edge_adapter *adapter, struct loop *loop,
                         const struct agent_manifest *manifest,
                         const struct edge_adapter_events *events, void *owner, struct error *err) {
    *adapter = (struct edge_adapter){.manifest = manifest, .events = events, .owner = owner};
    TRY(timer_open(loop, ring, adapter, &adapter->timer, err));
    const status code = waker_create(loop, take_turn, adapter, &adapter->waker, err);
    if (code != STATUS_OK) {
        edge_adapter_close(adapter);
    }
    return code;
}

void edge_adapter_close(struct edge_adapter *adapter) {
    timer_close(adapter->timer);
    waker_destroy(adapter->waker);
    *adapter = (struct edge_adapter){0};
}

void edge_adapter_wake(struct edge_adapter *adapter) {
    waker_wake(adapter->waker);
}

void edge_adapter_ring_at(struct edge_adapter *adapter, int64_t moment_ns) {
    if (is_earlier(moment_ns, adapter->ring_ns)) {
        adapter->ring_ns = moment_ns;
        set_timer(adapter, moment_ns, clock_boot_ns());
    }
}

void edge_adapter_take(struct edge_adapter *adapter, struct agent_call *call) {
    call->out = (struct value){0};
    call->error.code = STATUS_OK;
    call->agent_private = NULL;
    const uint32_t before = adapter->waiting.count;
    call_list_add(&adapter->waiting, call);
    if (before >= ADAPTER_WAITING_MAX) {
        (void)fail(&call->error, STATUS_BUSY, "%d calls of agent '%.*s' wait already",
                   ADAPTER_WAITING_MAX, SLICE_ARGS(adapter->manifest->name));
        edge_adapter_end(adapter, call);
        return;
    }
    set_timer(adapter, call->deadline_ns, clock_boot_ns());
}

struct agent_call *edge_adapter_begin(struct edge_adapter *adapter) {
    struct agent_call *call = call_list_take(&adapter->waiting);
    if (call != NULL) {
        call_list_add(&adapter->running, call);
    }
    return call;
}

void edge_adapter_end(struct edge_adapter *adapter, struct agent_call *call) {
    const bool was_there =
        call_list_remove(&adapter->running, call) || call_list_remove(&adapter->waiting, call);
    assert(was_there);
    (void)was_there; /* read by the assert alone */
    call_list_add(&adapter->ended, call);
    edge_adapter_wake(adapter);
}

void edge_adapter_fail(struct edge_adapter *adapter, struct agent_call *call,
                       const struct error *why) {
    call->error = *why;
    edge_adapter_end(adapter, call);
}

void edge_adapter_fail_waiting(struct edge_adapter *adapter, const struct error *why) {
    while (adapter->waiting.first != NULL) {
        edge_adapter_fail(adapter, adapter->waiting.first, why);
    }
}

static bool is_in(const struct call_list *list, const struct agent_call *call) {
    const struct agent_call *at = list->first;
    while (at != NULL && at != call) {
        at = at->next;
    }
    return at != NULL;
}

void edge_adapter_cancel(struct edge_adapter *adapter, struct agent_call *call) {
    const bool runs = is_in(&adapter->running, call);
    if (!runs && !is_in(&adapter->waiting, call)) {
        return;
    }
    if (call->error.code == STATUS_OK) {
        (void)fail(&call->error, STATUS_TIMEOUT,
                   runs ? "agent '%.*s' did not answer in time"
                        : "agent '%.*s' had no place free in time",
                   SLICE_ARGS(adapter->manifest->name));
    }
    if (runs) {
        adapter->events->stop(adapter->owner, call);
    }
    edge_adapter_end(adapter, call);
}

static status refuse(const struct edge_adapter *adapter, struct agent_call *call,
                     struct slice bytes, const char *why) {
    char quote[ADAPTER_QUOTE_BYTES];
    edge_adapter_quote(bytes, quote);
    return fail(&call->error, STATUS_INVALID, "agent '%.*s' gave no JSON object (%.*s): %s",
                SLICE_ARGS(adapter->manifest->name), 200, why, quote);
}

status edge_adapter_answer(const struct edge_adapter *adapter, struct agent_call *call,
                           struct slice bytes) {
    struct value value = {0};
    struct error why = {0};
    if (bytes.count == 0) {
        return fail(&call->error, STATUS_INVALID,
                    "agent '%.*s' gave nothing where a JSON object was wanted",
                    SLICE_ARGS(adapter->manifest->name));
    }
    const status code = json_read(call->arena, bytes, &value, &why);
    if (code == STATUS_INVALID) {
        return refuse(adapter, call, bytes, why.text);
    }
    if (code != STATUS_OK) {
        call->error = why;
        return fail_while(&call->error, "read the answer of agent '%.*s'",
                          SLICE_ARGS(adapter->manifest->name));
    }
    if (value.kind != VALUE_OBJECT) {
        return refuse(adapter, call, bytes, value_kind_name(value.kind));
    }
    return agent_take_output(adapter->manifest, call, value);
}

void edge_adapter_quote(struct slice bytes, char out_text[ADAPTER_QUOTE_BYTES]) {
    const struct slice part = text_cut(bytes, ADAPTER_QUOTE_MAX);
    CLEANUP(buffer_done) struct buffer repaired;
    buffer_init(&repaired, 3 * ADAPTER_QUOTE_MAX);
    (void)text_repair(&repaired, part); /* how many bytes were bad is nobody's question here */
    const struct slice shown =
        repaired.failed == STATUS_OK ? buffer_slice(&repaired) : (struct slice){0};
    for (size_t i = 0; i < shown.count; i++) {
        const unsigned char c = (unsigned char)shown.bytes[i];
        out_text[i] = c < ' ' || c == 0x7f ? ' ' : (char)c;
    }
    const char *end = part.count < bytes.count ? "..." : "";
    (void)memcpy(out_text + shown.count, end, strlen(end) + 1);
}
