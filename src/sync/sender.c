// SPDX-License-Identifier: Apache-2.0
#include "sync/sender.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "sync/sender_parts.h"

static const int64_t USEFUL_MS = 60 * 1000; /* a connection that lived so long was of use */
static const int64_t SAMPLE_MS = 60 * 1000;

status sender_create(const struct sender_options *options, struct sender **out_sender,
                     struct error *err) {
    struct sender *sender = memory_new(1, sizeof *sender);
    if (sender == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a sender");
    }
    const status created = frame_writer_create(&sender->writer, err);
    if (created != STATUS_OK) {
        memory_free(sender);
        return created;
    }
    sender->options = *options;
    sender->confirming = -1;
    sender->ratio_16 = 16;
    buffer_init(&sender->frame, FRAME_WIRE_BYTES_MAX + sizeof(uint32_t));
    buffer_init(&sender->text, MESSAGE_BYTES_MAX);
    scheduler_init(&sender->scheduler);
    sender_retry_init(&sender->retry, options->seed);
    sender_flow_init(&sender->flow);
    sender_use_link(sender, &options->link);
    *out_sender = sender;
    return STATUS_OK;
}

void sender_destroy(struct sender *sender) {
    if (sender == NULL) {
        return;
    }
    sender_standings_done(&sender->standings);
    frame_writer_destroy(sender->writer);
    buffer_done(&sender->frame);
    buffer_done(&sender->text);
    memory_free(sender);
}

/* --- the connection -------------------------------------------------------------------------- */

static void go_away(struct sender *sender, int64_t retry_after_ms, int64_t now_ms) {
    if (sender->greeted_ms > 0 && now_ms - sender->greeted_ms >= USEFUL_MS) {
        sender_retry_useful(&sender->retry);
    }
    /* Only who had a connection is one of the many that lost it together. */
    const int64_t spread_ms = sender->retry.spread_ms;
    sender_retry_spread(&sender->retry, sender->greeted_ms > 0 ? spread_ms : 0);
    sender_retry_lost(&sender->retry, retry_after_ms, now_ms);
    sender_retry_spread(&sender->retry, spread_ms);
    sender->phase = PHASE_AWAY;
    sender->link = LINK_NONE;
    sender->store_void = sender->store != STORE_IDLE;
    sender->forking = false;
    sender->confirming = -1;
    sender->greeted_ms = 0;
    sender->body = (struct sender_body){0};
    sender->offer = (struct sender_offer){0};
    buffer_clear(&sender->frame);
    sender_standings_forget(&sender->standings);
}

void sender_give_up(struct sender *sender, int64_t retry_after_ms, int64_t now_ms,
                    const char *format, ...) {
    va_list list;
    va_start(list, format);
    (void)vsnprintf(sender->last_error, sizeof sender->last_error, format, list);
    va_end(list);
    sender->close = true;
    go_away(sender, retry_after_ms, now_ms);
}

void sender_connected(struct sender *sender, int64_t now_ms) {
    if (sender->phase != PHASE_CONNECTING) {
        return;
    }
    sender->link = LINK_NONE;
    sender->progress_ms = now_ms;
    sender_flow_begin(&sender->flow);
    sender_greet(sender);
}

void sender_lost(struct sender *sender, int64_t now_ms) {
    if (sender->phase == PHASE_AWAY) {
        return;
    }
    (void)snprintf(sender->last_error, sizeof sender->last_error, "%s",
                   sender->phase == PHASE_CONNECTING ? "the hub could not be reached"
                                                     : "the connection to the hub was lost");
    go_away(sender, 0, now_ms);
}

void sender_blame(struct sender *sender, const char *text) {
    if (!sender->close) {
        (void)snprintf(sender->last_error, sizeof sender->last_error, "%s", text);
    }
}

void sender_taken(struct sender *sender, size_t bytes, int64_t now_ms) {
    struct sender_body *body = &sender->body;
    if (bytes == 0 || sender->phase != PHASE_READY || !body->begun) {
        return;
    }
    sender->progress_ms = now_ms;
    body->untaken -= bytes < body->untaken ? bytes : body->untaken;
    if (sender->link == LINK_TAKE && body->untaken == 0) {
        sender->link = LINK_NONE;
    }
}

/* Whatever a hub says of a report, records go on; but one that does not take this device says so to
 * a report first, where there are no records. */
static void report_answered(struct sender *sender, int code, int64_t retry_after_ms,
                            struct slice body, int64_t now_ms) {
    enum { UNAUTHORIZED = 401, FORBIDDEN = 403 };
    char excerpt[SENDER_EXCERPT_BYTES];
    sender->link = LINK_NONE;
    if (code == UNAUTHORIZED || code == FORBIDDEN) {
        sender_give_up(sender, retry_after_ms, now_ms, "the hub answered a report with %d: %s",
                       code, sender_excerpt(body, excerpt));
    }
}

void sender_answered(struct sender *sender, int code, int64_t retry_after_ms, struct slice body,
                     int64_t now_ms) {
    const bool of_body = sender->phase == PHASE_READY && sender->body.begun;
    const bool of_report = sender->phase == PHASE_READY && sender->link == LINK_REPORT;
    if (!of_body && !of_report && sender->link != LINK_HELLO) {
        return;
    }
    sender->last_contact_ms = now_ms;
    sender->progress_ms = now_ms;
    if (of_report) {
        report_answered(sender, code, retry_after_ms, body, now_ms);
    } else if (of_body) {
        sender_body_answered(sender, code, retry_after_ms, body, now_ms);
    } else {
        sender->link = LINK_NONE;
        sender_greeting_answered(sender, code, retry_after_ms, body, now_ms);
    }
}

/* --- what both sides of the work need -------------------------------------------------------- */

void sender_raise_alarm(struct sender *sender, const char *format, ...) {
    const size_t used = strlen(sender->alarm);
    char *end = sender->alarm + used;
    const size_t room = sizeof sender->alarm - used;
    va_list list;
    va_start(list, format);
    const int joined = used > 0 ? snprintf(end, room, "; ") : 0;
    if (joined >= 0 && (size_t)joined < room) {
        (void)vsnprintf(end + joined, room - (size_t)joined, format, list);
    }
    va_end(list);
    (void)snprintf(sender->last_error, sizeof sender->last_error, "%s", sender->alarm);
}

bool sender_store_answered(struct sender *sender, enum store_wait expected) {
    if (sender->store != expected) {
        return false;
    }
    const bool counts = !sender->store_void;
    sender->store = STORE_IDLE;
    sender->store_void = false;
    return counts;
}

void sender_store_failed(struct sender *sender, status code, int64_t now_ms) {
    const int64_t last = sender->store_wait_ms > 0 ? sender->store_wait_ms : SENDER_RETRY_MS_LEAST;
    const int64_t drawn = sender_retry_draw(&sender->retry, SENDER_RETRY_MS_LEAST, 3 * last);
    sender->store_wait_ms = drawn < SENDER_RETRY_MS_MOST ? drawn : SENDER_RETRY_MS_MOST;
    sender->store_begin_ms = now_ms + sender->store_wait_ms;
    (void)snprintf(sender->last_error, sizeof sender->last_error, "the store says: %s",
                   status_name(code));
}

/* A sample is told when it is a better one than the last, or that one is old. */
void sender_take_sample(struct sender *sender, int64_t hub_ms, bool always, int64_t now_ms) {
    struct sender_sample *sample = &sender->sample;
    const int64_t waited_ms = now_ms > sender->asked.ms ? now_ms - sender->asked.ms : 0;
    const int64_t uncertainty_ms = waited_ms / 2 + 1;
    if (hub_ms <= 0 || (!always && now_ms - sample->last_ms < SAMPLE_MS &&
                        uncertainty_ms >= sample->last_uncertainty_ms)) {
        return;
    }
    *sample = (struct sender_sample){.due = true,
                                     .hub_ms = hub_ms,
                                     .boot_ns = sender->asked.boot_ns + waited_ms * 500000,
                                     .uncertainty_ms = uncertainty_ms,
                                     .last_ms = now_ms,
                                     .last_uncertainty_ms = uncertainty_ms};
}

void sender_wait(const struct sender *sender, struct sender_action *out_action, int64_t wake_ms) {
    out_action->act = SENDER_NOTHING;
    out_action->wake_ms =
        sender->link != LINK_NONE ? sender->progress_ms + SENDER_PROGRESS_MS : wake_ms;
}

/* --- next ------------------------------------------------------------------------------------ */

static bool next_acknowledgement(struct sender *sender, struct sender_action *out_action) {
    for (int i = 0; i < sender->standings.count; i++) {
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            struct standing_lane *held = &sender->standings.standings[i].lanes[lane];
            if (!held->acknowledge) {
                continue;
            }
            struct hello_stream *stream = &sender->standings.streams[i];
            struct hello_lane *facts = &stream->lanes[lane];
            held->acknowledge = false;
            facts->acked_seq = held->top;
            facts->acked_chain = held->chain;
            facts->anchored_seq = held->anchored;
            *out_action = (struct sender_action){.act = SENDER_ACKNOWLEDGE,
                                                 .stream = stream->id,
                                                 .lane = (enum lane)lane,
                                                 .last = held->top,
                                                 .chain = held->chain,
                                                 .anchored = held->anchored};
            return true;
        }
    }
    return false;
}

/* What follows from what was heard, before anything new is begun. */
static bool next_pending(struct sender *sender, struct sender_action *out_action) {
    struct sender_sample *sample = &sender->sample;
    if (sample->due) {
        sample->due = false;
        *out_action = (struct sender_action){.act = SENDER_TIME,
                                             .hub_ms = sample->hub_ms,
                                             .boot_ns = sample->boot_ns,
                                             .uncertainty_ms = sample->uncertainty_ms};
        return true;
    }
    if (next_acknowledgement(sender, out_action)) {
        return true;
    }
    if (sender->alarm[0] != '\0') {
        memcpy(sender->told, sender->alarm, sizeof sender->told);
        sender->alarm[0] = '\0';
        *out_action = (struct sender_action){.act = SENDER_ALARM, .bytes = slice_of(sender->told)};
        return true;
    }
    if (sender->close) {
        sender->close = false;
        *out_action = (struct sender_action){.act = SENDER_CLOSE};
        return true;
    }
    return false;
}

static void next_away(struct sender *sender, int64_t now_ms, struct sender_action *out_action) {
    if (now_ms < sender->retry.attempt_ms) {
        sender_wait(sender, out_action, sender->retry.attempt_ms);
        return;
    }
    sender->phase = PHASE_CONNECTING;
    sender->link = LINK_CONNECT;
    sender->progress_ms = now_ms;
    out_action->act = SENDER_CONNECT;
}

status sender_next(struct sender *sender, const struct sender_now *now,
                   struct sender_action *out_action, struct error *err) {
    if (sender->failed != STATUS_OK) {
        const status failed = sender->failed;
        sender->failed = STATUS_OK;
        return fail(err, failed, "no memory for what the sender was told");
    }
    if (sender->link != LINK_NONE && now->now_ms - sender->progress_ms >= SENDER_PROGRESS_MS) {
        sender_give_up(sender, 0, now->now_ms, "the hub showed no sign of life for %d s",
                       SENDER_PROGRESS_MS / 1000);
    }
    struct sender_action action = {.act = SENDER_NOTHING};
    status code = STATUS_OK;
    if (next_pending(sender, &action)) {
        *out_action = action;
        return STATUS_OK;
    }
    switch (sender->phase) {
    case PHASE_AWAY:
        next_away(sender, now->now_ms, &action);
        break;
    case PHASE_CONNECTING:
        sender_wait(sender, &action, 0);
        break;
    case PHASE_GREETING:
        code = sender_greeting_next(sender, now, &action, err);
        break;
    case PHASE_READY:
        code = sender_body_next(sender, now, &action, err);
        break;
    }
    if (code == STATUS_OK) {
        *out_action = action;
    }
    return code;
}

void sender_offer(struct sender *sender, const struct sender_offer *offer) {
    sender->offer = *offer;
}

/* --- what people want ------------------------------------------------------------------------ */

void sender_note(struct sender *sender, enum lane lane, uint64_t seq, int64_t bytes) {
    if ((int)lane < SYNC_LANES) {
        sender_standings_note(&sender->standings, lane, seq, bytes);
    }
}

void sender_pause(struct sender *sender, bool paused) {
    sender->paused = paused;
}

void sender_hurry(struct sender *sender) {
    sender->retry.attempt_ms = 0;
    sender->flow.full_until_ms = 0;
    sender->store_begin_ms = 0;
    for (int i = 0; i < sender->standings.count; i++) {
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            sender->standings.standings[i].lanes[lane].begin_ms = 0;
        }
    }
}

void sender_use_link(struct sender *sender, const struct sender_link *link) {
    sender->options.link = *link;
    sender->options.link.kind[SCHEDULER_KIND_BYTES - 1] = '\0';
    scheduler_use_link(&sender->scheduler, sender->options.link.kind, link->budget);
}

void sender_use(const struct sender *sender, int64_t now_ms, struct scheduler_use *out_use) {
    scheduler_use(&sender->scheduler, now_ms, out_use);
}

void sender_recall(struct sender *sender, int64_t now_ms, const struct scheduler_use *use,
                   int64_t elapsed_ms) {
    const struct sender_link link = sender->options.link;
    scheduler_recall(&sender->scheduler, now_ms, use, elapsed_ms);
    sender_use_link(sender, &link);
}

void sender_budget(const struct sender *sender, int64_t now_ms, struct sender_budget *out_budget) {
    const int64_t room_ms = scheduler_room_ms(&sender->scheduler, now_ms);
    *out_budget = (struct sender_budget){.link = sender->options.link,
                                         .room_ms = room_ms > now_ms ? room_ms : 0};
    scheduler_sent(&sender->scheduler, now_ms, &out_budget->bytes_hour, &out_budget->bytes_day);
}

static const char *state_name(const struct sender *sender) {
    switch (sender->phase) {
    case PHASE_AWAY:
    case PHASE_CONNECTING:
        return "away";
    case PHASE_GREETING:
        return "greeting";
    case PHASE_READY:
        break;
    }
    return sender->body.begun ? "sending" : "idle";
}

void sender_facts(const struct sender *sender, struct sender_facts *out_facts) {
    *out_facts = (struct sender_facts){
        .state = state_name(sender),
        .connected = sender->phase >= PHASE_GREETING,
        .paused = sender->paused,
        .next_attempt_ms = sender->phase == PHASE_AWAY ? sender->retry.attempt_ms : 0,
        .last_contact_ms = sender->last_contact_ms,
        .sent_records = sender->sent_records,
        .sent_bytes = sender->sent_bytes,
        .bodies = sender->bodies,
        .retries = sender->retry.losses,
        .bytes_per_s = sender->flow.bytes_per_s,
        .hub_store = sender->hub_store};
    memcpy(out_facts->last_error, sender->last_error, sizeof out_facts->last_error);
}
