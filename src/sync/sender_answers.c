// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "platform/json.h"
#include "sync/sender_parts.h"

enum { EXCERPT_BODY_BYTES_MAX = 8 << 10, EXCERPT_ARENA_BYTES_MAX = 256 << 10 };
enum { EXCERPT_SHOWN_BYTES = SENDER_EXCERPT_BYTES - 8 };
enum { REFUSALS_MAX = 3 }; /* a record that is refused so often as too large steps aside */

/* Our hub's own sentence; empty where it is somebody else who speaks, a proxy perhaps. */
static struct slice find_sentence(struct arena *arena, struct slice body) {
    struct value answer = {.kind = VALUE_NULL};
    struct error err;
    if (body.count > EXCERPT_BODY_BYTES_MAX || json_read(arena, body, &answer, &err) != STATUS_OK) {
        return SLICE("");
    }
    const struct value *error = value_get(answer, SLICE("error"));
    const struct value *text = error != NULL ? value_get(*error, SLICE("text")) : NULL;
    return text != NULL && text->kind == VALUE_TEXT ? value_text(*text) : SLICE("");
}

const char *sender_excerpt(struct slice body, char out_text[SENDER_EXCERPT_BYTES]) {
    struct arena arena;
    arena_init(&arena, EXCERPT_ARENA_BYTES_MAX);
    const struct slice sentence = find_sentence(&arena, body);
    const struct slice whole = sentence.count > 0 ? sentence : body;
    const struct slice text = slice_trim(slice_part(whole, 0, EXCERPT_SHOWN_BYTES));
    size_t count = 0;
    for (size_t i = 0; i < text.count; i++) {
        const char byte = text.bytes[i];
        out_text[count++] = byte >= ' ' && byte <= '~' ? byte : ' ';
    }
    (void)snprintf(out_text + count, SENDER_EXCERPT_BYTES - count, "%s",
                   text.count == 0            ? "(nothing)"
                   : text.count < whole.count ? " ..."
                                              : "");
    arena_done(&arena);
    return out_text;
}

void sender_hold_lane(struct sender *sender, int index, enum lane lane, int64_t now_ms) {
    struct standing_lane *held = &sender->standings.standings[index].lanes[lane];
    const int doublings = held->futile < 10 ? held->futile : 10;
    const int64_t wait_ms = (int64_t)SENDER_RETRY_MS_LEAST << doublings;
    held->futile++;
    held->begin_ms = now_ms + (wait_ms < SENDER_RETRY_MS_MOST ? wait_ms : SENDER_RETRY_MS_MOST);
}

/* --- by code --------------------------------------------------------------------------------- */

static void say_poison(struct sender *sender, const struct answer *answer) {
    if (answer->poison_count > 0) {
        const struct slice reason = slice_part(answer->poison[0].reason, 0, 120);
        sender_raise_alarm(sender, "the hub has put record %llu of lane '%s' aside: %.*s%s",
                           (unsigned long long)answer->poison[0].seq, lane_name(sender->body.lane),
                           SLICE_ARGS(reason), answer->poison_count > 1 ? ", and others" : "");
    }
}

/* What the hub holds now. Where the last item of the body stands at the hub's top, its chain
 * value is the one to compare with. */
static void take_lane(struct sender *sender, const struct answer *answer, int64_t now_ms) {
    const struct sender_body *body = &sender->body;
    const struct position ours = {.seq = body->next - 1, .chain = body->chain};
    struct standing_lane *held = &sender->standings.standings[body->index].lanes[body->lane];
    if (sender_standing_hear(&sender->standings, body->index, body->lane, &answer->lane, &ours)) {
        held->forks = 0;
        held->futile = 0;
        held->begin_ms = 0;
        sender->renumbered = 0;
        sender_retry_useful(&sender->retry);
        return;
    }
    sender_hold_lane(sender, body->index, body->lane, now_ms);
}

/* A body is made smaller, down to one record; a record that is still too large steps aside. */
static void take_refusal(struct sender *sender, int64_t bytes_max, int64_t now_ms) {
    struct sender_body *body = &sender->body;
    struct standing_lane *held = &sender->standings.standings[body->index].lanes[body->lane];
    const bool smaller = body->frames > 1 || body->records > 1;
    if (smaller && body->bytes > 1) {
        sender_flow_refuse(&sender->flow, body->bytes, bytes_max);
        return;
    }
    sender_hold_lane(sender, body->index, body->lane, now_ms);
    if (held->futile < REFUSALS_MAX) {
        return;
    }
    sender_raise_alarm(sender,
                       "record %llu of lane '%s' is larger than this hub takes (%lld bytes): it is "
                       "kept aside on the device, and the hub gets a gap in its place",
                       (unsigned long long)body->run.first, lane_name(body->lane),
                       (long long)body->bytes);
    held->futile = 0;
    held->begin_ms = 0;
    body->mend = true;
    body->reason = GAP_EVICTED;
}

static void take_full(struct sender *sender, int64_t retry_after_ms, int64_t now_ms) {
    const struct sender_body *body = &sender->body;
    (void)snprintf(sender->last_error, sizeof sender->last_error,
                   "the hub's disk is full: what waits stays here until there is room");
    sender_flow_full(&sender->flow, retry_after_ms, now_ms);
    if (body->lane <= LANE_URGENT) {
        const int64_t until_ms = sender->flow.full_until_ms;
        sender->standings.standings[body->index].lanes[body->lane].begin_ms =
            until_ms < now_ms + FLOW_FULL_URGENT_MS ? until_ms : now_ms + FLOW_FULL_URGENT_MS;
    }
}

static void take_answer(struct sender *sender, const struct answer *answer, int64_t retry_after_ms,
                        int64_t now_ms) {
    const struct sender_body *body = &sender->body;
    sender_flow_grant(&sender->flow, answer->grant, now_ms);
    sender_retry_spread(&sender->retry, answer->spread_ms);
    if (body->ended) {
        sender_flow_round_trip(&sender->flow, now_ms - sender->asked.ms);
        sender_take_sample(sender, answer->hub_ms, false, now_ms);
    }
    switch (answer->code) {
    case SYNC_STORED:
    case SYNC_POISON:
        sender_flow_measure(&sender->flow, body->bytes, now_ms - body->begun_ms, body->whole);
        say_poison(sender, answer);
        take_lane(sender, answer, now_ms);
        break;
    case SYNC_MISSING:
        take_lane(sender, answer, now_ms);
        break;
    case SYNC_FORK:
        sender->standings.standings[body->index].accused = true;
        sender->standings.standings[body->index].lanes[body->lane].forks++;
        sender_hold_lane(sender, body->index, body->lane, now_ms);
        break;
    case SYNC_TOO_LARGE:
        take_refusal(sender, answer->max_bytes, now_ms);
        break;
    case SYNC_FULL:
        take_full(sender, retry_after_ms, now_ms);
        break;
    case SYNC_BUSY: /* ended the connection */
        break;
    }
}

/* --- the answer ------------------------------------------------------------------------------ */

/* What a machine between us and the hub may say as well, with any body. */
static bool needs_no_body(int code) {
    return code == SYNC_TOO_LARGE || code == SYNC_FULL;
}

static bool is_sync_code(int code) {
    return code == SYNC_STORED || code == SYNC_MISSING || code == SYNC_FORK ||
           code == SYNC_POISON || needs_no_body(code);
}

/* false: the connection was given up. */
static bool read_answer(struct sender *sender, int code, int64_t retry_after_ms, struct slice text,
                        struct arena *arena, struct answer *out_answer, int64_t now_ms) {
    char excerpt[SENDER_EXCERPT_BYTES];
    if (!is_sync_code(code)) {
        sender_give_up(sender, retry_after_ms, now_ms, "the hub answered with %d: %s", code,
                       sender_excerpt(text, excerpt));
        return false;
    }
    struct error err;
    if (answer_read(arena, code, text, out_answer, &err) == STATUS_OK) {
        return true;
    }
    if (needs_no_body(code)) {
        *out_answer = (struct answer){.code = (enum sync_code)code};
        return true;
    }
    sender_give_up(sender, retry_after_ms, now_ms, "an answer (%d) makes no sense (%.100s): %s",
                   code, err.text, sender_excerpt(text, excerpt));
    return false;
}

void sender_body_answered(struct sender *sender, int code, int64_t retry_after_ms,
                          struct slice body, int64_t now_ms) {
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES_MAX);
    struct answer answer;
    if (!read_answer(sender, code, retry_after_ms, body, &arena, &answer, now_ms)) {
        return;
    }
    take_answer(sender, &answer, retry_after_ms, now_ms);
    const bool early = !sender->body.ended;
    sender_body_end(sender);
    if (early) { /* the rest of it can go nowhere on this connection */
        sender_give_up(sender, 0, now_ms, "the hub answered with %d before a body had ended", code);
    }
}
