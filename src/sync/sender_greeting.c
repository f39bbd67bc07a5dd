// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "sync/sender_parts.h"

enum { FORKS_MAX = 3, RENUMBERED_MAX = 8 };

/* A hub that asks for one new stream after another would wear out the device's disk. */
static const int64_t RENUMBERED_WAIT_MS = 60 * 60 * 1000;

/* How a connection begins: a look at the store, hello, and for each stream what the hub's verdict
 * asks for.
 *
 *     LOOK --facts--> HELLO --answered--> all streams are in order: the sender is ready
 *      ^                         |
 *      |<--next round------------+ a stream has forked, and it is not known where
 *      |<--renumbered--RENUMBER--+ it is known
 *
 * It begins again on the same connection when a stream turns up that the hub was not told of, or
 * when an answer or a chain value says that one has forked. */

void sender_greet(struct sender *sender) {
    sender->phase = PHASE_GREETING;
    sender->step = GREETING_LOOK;
    sender->forking = false;
    sender->confirming = -1;
    sender->body = (struct sender_body){0};
}

/* --- what it does next ----------------------------------------------------------------------- */

/* Of the stream whose fork is looked for, or whose lanes wait for a comparison. */
static void ask_positions(struct sender *sender, struct sender_action *out_action) {
    int count = 0;
    if (sender->forking) {
        count = sender->fork.position_count;
        memcpy(sender->positions, sender->fork.positions, sizeof sender->positions);
        out_action->stream = sender->fork.stream;
    }
    const int index = sender->confirming;
    for (int lane = 0; index >= 0 && lane < SYNC_LANES; lane++) {
        const struct standing_lane *held = &sender->standings.standings[index].lanes[lane];
        out_action->stream = sender->standings.streams[index].id;
        if (held->unsure) {
            sender->positions[count++] =
                (struct position){.lane = (enum lane)lane, .seq = held->top};
        }
    }
    out_action->positions = sender->positions;
    out_action->position_count = count;
}

void sender_look(struct sender *sender, struct sender_action *out_action) {
    out_action->act = SENDER_PEEK;
    ask_positions(sender, out_action);
    sender->store = STORE_PEEKS;
}

static void fill_positions(struct sender *sender, struct hello_stream *stream) {
    stream->position_count = 0;
    if (sender->forking && id_equal(stream->id, sender->fork.stream)) {
        stream->position_count = sender->fork.position_count;
        memcpy(stream->positions, sender->fork.positions, sizeof stream->positions);
    }
}

static status say_hello(struct sender *sender, const struct sender_now *now,
                        struct sender_action *out_action, struct error *err) {
    const struct sender_link *link = &sender->options.link;
    for (int i = 0; i < sender->standings.count; i++) {
        fill_positions(sender, &sender->standings.streams[i]);
    }
    const struct hello hello = {
        .protocol_least = PROTOCOL_LEAST,
        .protocol_most = PROTOCOL_MOST,
        .boot = now->boot,
        .boot_ns = now->time.boot_ns,
        .wall_ms = now->time.wall_ms,
        .clock_quality = (int)now->time.quality,
        .link_kind = slice_of(link->kind),
        .metered = link->metered,
        .bits_per_s = link->bits_per_s > 0 ? link->bits_per_s : sender->flow.bytes_per_s * 8,
        .streams = sender->standings.streams,
        .stream_count = sender->standings.count,
    };
    buffer_clear(&sender->text);
    hello_write(&hello, &sender->text);
    TRY(buffer_status(&sender->text, err));
    sender->link = LINK_HELLO;
    sender->progress_ms = now->now_ms;
    sender->asked = (struct sender_asked){.ms = now->now_ms, .boot_ns = now->time.boot_ns};
    out_action->act = SENDER_HELLO;
    out_action->bytes = buffer_slice(&sender->text);
    return STATUS_OK;
}

static void renumber(struct sender *sender, struct sender_action *out_action) {
    out_action->act = SENDER_RENUMBER;
    out_action->stream = sender->fork.stream;
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        out_action->after[lane] = sender->fork.lanes[lane].low;
    }
    sender->store = STORE_RENUMBERS;
}

status sender_greeting_next(struct sender *sender, const struct sender_now *now,
                            struct sender_action *out_action, struct error *err) {
    if (sender->store != STORE_IDLE || sender->link != LINK_NONE) {
        sender_wait(sender, out_action, 0);
        return STATUS_OK;
    }
    if (now->now_ms < sender->store_begin_ms && sender->step != GREETING_HELLO) {
        sender_wait(sender, out_action, sender->store_begin_ms);
        return STATUS_OK;
    }
    switch (sender->step) {
    case GREETING_LOOK:
        sender_look(sender, out_action);
        break;
    case GREETING_HELLO:
        return say_hello(sender, now, out_action, err);
    case GREETING_RENUMBER:
        renumber(sender, out_action);
        break;
    }
    return STATUS_OK;
}

/* --- what the store answers ------------------------------------------------------------------ */

static void compare_all(struct sender *sender, const struct hello_stream *found) {
    struct sender_standings *standings = &sender->standings;
    const int index = sender_standings_find(standings, found->id);
    for (int lane = 0; index >= 0 && lane < SYNC_LANES; lane++) {
        const struct standing_lane *held = &standings->standings[index].lanes[lane];
        struct id chain = {0};
        for (int i = 0; i < found->position_count; i++) {
            const struct position *position = &found->positions[i];
            chain = position->lane == (enum lane)lane && position->seq == held->top
                        ? position->chain
                        : chain;
        }
        if (held->unsure) {
            sender_standing_compare(standings, index, (enum lane)lane, chain);
        }
    }
}

static void use_positions(struct sender *sender, const struct hello_stream *found,
                          struct id confirmed) {
    if (sender->forking && id_equal(found->id, sender->fork.stream)) {
        sender_fork_ours(&sender->fork, found->positions, found->position_count);
    }
    if (id_equal(found->id, confirmed)) {
        compare_all(sender, found);
    }
}

void sender_peeked(struct sender *sender, const struct sender_stream *streams, int count,
                   status code, int64_t now_ms) {
    if (!sender_store_answered(sender, STORE_PEEKS)) {
        return;
    }
    if (code != STATUS_OK) {
        sender_store_failed(sender, code, now_ms);
        return;
    }
    const int index = sender->confirming;
    const struct id confirmed = index >= 0 ? sender->standings.streams[index].id : (struct id){0};
    sender->failed = sender_standings_take(&sender->standings, streams, count, NULL);
    if (sender->failed != STATUS_OK) {
        return;
    }
    sender->store_wait_ms = 0;
    sender->confirming = -1;
    sender->look = false;
    for (int i = 0; i < count; i++) {
        use_positions(sender, &streams[i].hello, confirmed);
    }
    sender->step = GREETING_HELLO;
}

void sender_renumbered(struct sender *sender, status code, int64_t now_ms) {
    const int index = sender_standings_find(&sender->standings, sender->fork.stream);
    if (sender->store == STORE_RENUMBERS && code == STATUS_OK && index >= 0) {
        sender->standings.standings[index].closed = true;
        sender->renumbered++;
    }
    if (!sender_store_answered(sender, STORE_RENUMBERS)) {
        return;
    }
    if (code != STATUS_OK) {
        sender_store_failed(sender, code, now_ms);
    }
    sender->forking = false;
    sender->step = GREETING_LOOK;
}

/* --- what the hub answers -------------------------------------------------------------------- */

static bool is_suspect(const struct standing *standing) {
    return !standing->closed && (standing->verdict == VERDICT_NEW_STREAM || standing->accused);
}

static void hear_stream(struct sender *sender, int index, const struct answer_stream *answer) {
    struct standing *standing = &sender->standings.standings[index];
    const bool accused = standing->accused;
    standing->verdict = answer->verdict;
    standing->greeted = true;
    standing->accused = false;
    const bool open = sender_standing_is_open(&sender->standings, index);
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        if (open) {
            (void)sender_standing_hear(&sender->standings, index, (enum lane)lane,
                                       &answer->lanes[lane], &(struct position){0});
        } else {
            standing->lanes[lane].top = ranges_top(&answer->lanes[lane].held);
            standing->lanes[lane].highest = ranges_highest(&answer->lanes[lane].held);
        }
    }
    standing->accused = standing->accused || accused;
    if (answer->verdict != VERDICT_QUARANTINED) {
        standing->alarmed = false;
    } else if (!standing->alarmed && !sender->standings.streams[index].current) {
        char text[ID_HEX_BYTES + 1];
        id_write_hex(answer->id, text);
        sender_raise_alarm(sender, "the hub has put stream %s aside: it belongs to another device",
                           text);
        standing->alarmed = true;
    }
}

/* false: the hub says nothing of a stream that it was asked about. */
static bool hear_streams(struct sender *sender, const struct hello_answer *answer) {
    for (int i = 0; i < sender->standings.count; i++) {
        const struct answer_stream *found = NULL;
        for (int k = 0; k < answer->stream_count; k++) {
            found = id_equal(answer->streams[k].id, sender->standings.streams[i].id)
                        ? &answer->streams[k]
                        : found;
        }
        if (found == NULL) {
            return false;
        }
        hear_stream(sender, i, found);
        if (sender->forking && id_equal(found->id, sender->fork.stream)) {
            sender_fork_theirs(&sender->fork, found->positions, found->position_count);
        }
    }
    return true;
}

/* Two chain values were seen that are not the same, or the hub says again and again that they
 * are not: in telemetry they may stand where nobody can be asked about them, between two holes. */
static bool is_real(const struct sender *sender, const struct standing *standing) {
    bool real = standing->verdict == VERDICT_NEW_STREAM || sender_fork_is_real(&sender->fork);
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        real = real || standing->lanes[lane].forks >= FORKS_MAX;
    }
    return real;
}

/* What both have is acknowledged; true when something must go on in another stream. */
static bool settle(struct sender *sender, int index) {
    const struct hello_stream *stream = &sender->standings.streams[index];
    struct standing *standing = &sender->standings.standings[index];
    standing->accused = false;
    if (!is_real(sender, standing)) {
        return false;
    }
    bool moves = stream->current;
    for (int i = 0; i < SYNC_LANES; i++) {
        const struct fork_lane *lane = &sender->fork.lanes[i];
        struct standing_lane *held = &standing->lanes[i];
        moves = moves || lane->low < stream->lanes[i].highest_durable;
        held->acknowledge = !id_is_zero(lane->chain) && lane->low > stream->lanes[i].acked_seq;
        held->anchored = stream->lanes[i].anchored_seq;
        held->top = lane->low;
        held->chain = lane->chain;
    }
    standing->accused = true;
    standing->closed = !moves;
    return moves;
}

/* What the hub lacks is to go on in a new stream; `why` has room for the name of the old one. */
static void move_on(struct sender *sender, const char *why, int64_t now_ms) {
    char text[ID_HEX_BYTES + 1];
    if (sender->renumbered >= RENUMBERED_MAX) {
        sender_give_up(sender, RENUMBERED_WAIT_MS, now_ms,
                       "the hub asks for one new stream after another and takes nothing");
        sender_raise_alarm(sender, "%s", sender->last_error);
        return;
    }
    sender->step = GREETING_RENUMBER;
    id_write_hex(sender->fork.stream, text);
    sender_raise_alarm(sender, "stream %s %s", text, why);
}

/* The stream that is written to is another device's at this hub: this one left it and joined anew,
 * or two were made from one image. What is acknowledged stays where it is. */
static void leave_stream(struct sender *sender, int index, int64_t now_ms) {
    const struct hello_stream *stream = &sender->standings.streams[index];
    sender->forking = true;
    sender->standings.standings[index].alarmed = true;
    sender->fork = (struct sender_fork){.stream = stream->id};
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        sender->fork.lanes[lane].low = stream->lanes[lane].acked_seq;
    }
    move_on(sender,
            "belongs to another device at this hub: what is not acknowledged goes on in a new "
            "stream",
            now_ms);
}

static void begin_fork(struct sender *sender, int index) {
    uint64_t tops[SYNC_LANES];
    uint64_t highest[SYNC_LANES];
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        tops[lane] = sender->standings.standings[index].lanes[lane].top;
        highest[lane] = sender->standings.standings[index].lanes[lane].highest;
    }
    sender->forking = true;
    sender_fork_begin(&sender->fork, &sender->standings.streams[index], tops, highest);
}

/* Goes on with the fork that is looked into, or the next. What has gone from the store meanwhile
 * has nothing to go on in another stream. */
static void go_on(struct sender *sender, int64_t now_ms) {
    sender->forking =
        sender->forking && sender_standings_find(&sender->standings, sender->fork.stream) >= 0;
    for (int i = 0; i < sender->standings.count; i++) {
        const struct hello_stream *stream = &sender->standings.streams[i];
        const bool under_way = sender->forking && id_equal(stream->id, sender->fork.stream);
        if (stream->current && sender->standings.standings[i].verdict == VERDICT_QUARANTINED) {
            leave_stream(sender, i, now_ms);
            return;
        }
        if (!is_suspect(&sender->standings.standings[i]) || (sender->forking && !under_way)) {
            continue;
        }
        if (!under_way) {
            begin_fork(sender, i);
        }
        if (sender_fork_round(&sender->fork, stream)) {
            sender->step = GREETING_LOOK;
            return;
        }
        if (settle(sender, i)) {
            move_on(sender,
                    "has other records at the hub than on this device: what the hub lacks goes on "
                    "in a new stream. Was the device, or its storage, copied or restored?",
                    now_ms);
            return;
        }
        sender->forking = false;
    }
    sender->forking = false; /* its stream may be gone */
    sender->phase = PHASE_READY;
    sender->greeted_ms = now_ms;
}

static void take_answer(struct sender *sender, const struct hello_answer *answer, int64_t now_ms) {
    if (answer->protocol < PROTOCOL_LEAST || answer->protocol > PROTOCOL_MOST) {
        sender_give_up(sender, 0, now_ms, "the hub speaks protocol %d, this device %d to %d",
                       answer->protocol, PROTOCOL_LEAST, PROTOCOL_MOST);
        return;
    }
    sender->hub_store = answer->hub_store;
    sender_flow_round_trip(&sender->flow, now_ms - sender->asked.ms);
    sender_flow_grant(&sender->flow, answer->grant, now_ms);
    sender_retry_spread(&sender->retry, answer->spread_ms);
    sender_take_sample(sender, answer->hub_ms, true, now_ms);
    if (!hear_streams(sender, answer)) {
        sender_give_up(sender, 0, now_ms, "the hub's answer to hello leaves a stream out");
        return;
    }
    go_on(sender, now_ms);
}

void sender_greeting_answered(struct sender *sender, int code, int64_t retry_after_ms,
                              struct slice body, int64_t now_ms) {
    char excerpt[SENDER_EXCERPT_BYTES];
    if (code != SYNC_STORED) {
        const int64_t full_ms = code == SYNC_FULL ? FLOW_FULL_MS : 0;
        sender_give_up(sender, retry_after_ms > 0 ? retry_after_ms : full_ms, now_ms,
                       "the hub answered hello with %d: %s", code, sender_excerpt(body, excerpt));
        return;
    }
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES_MAX);
    struct hello_answer answer = {0};
    struct error err;
    const status read = hello_answer_read(&arena, body, &answer, &err);
    if (read != STATUS_OK) {
        sender_give_up(sender, 0, now_ms, "the hub's answer to hello makes no sense (%.100s): %s",
                       err.text, sender_excerpt(body, excerpt));
        return;
    }
    take_answer(sender, &answer, now_ms);
}
