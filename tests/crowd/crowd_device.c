// SPDX-License-Identifier: Apache-2.0
#include "crowd_device.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "platform/certificate.h"
#include "platform/link.h"
#include "platform/random.h"

enum {
    ARENA_BYTES_MAX = 256 << 10,
    NS_PER_MS = 1000000,
    AGAIN_MS = 1000,   /* a join that did not go through */
    NOISE_BYTES = 512, /* of a record, in ids written as hex */
    ROWS_FIRST = 16,
    OK = 200
};

/* A record as it lies in the lane; seq is its place, from 1 on. */
struct row {
    struct buffer bytes;
    struct id chain;
};

struct crowd_device {
    struct crowd *crowd; /* not owned */
    struct crowd_device *next_wanted;
    uint32_t number;
    bool is_wanted;
    struct link *link;
    struct timer *timer;
    struct arena arena; /* of the identity */
    struct buffer key;
    struct identity identity;
    struct sender *sender; /* NULL: it has not joined */

    struct id stream;
    struct row *rows; /* owned */
    uint64_t count, room, acknowledged, anchored;
    struct frame_item *items; /* owned; what was read last */

    bool was_of_use; /* the hub has stored something over this connection */
    struct grant grant;
    int64_t grant_ms, spread_ms, attempt_ms;
    int64_t body_bytes;
};

static int64_t now_ms(void) {
    return clock_boot_ns() / NS_PER_MS;
}

static void need_memory(const void *block) {
    if (block == NULL) {
        crowd_give_up("out of memory");
    }
}

static void go_on(struct crowd_device *device) {
    if (!device->is_wanted) {
        device->is_wanted = true;
        device->next_wanted = device->crowd->wanted;
        device->crowd->wanted = device;
    }
    turn_want(device->crowd->turn);
}

/* --- what it makes --------------------------------------------------------------------------- */

static struct id chain_at(const struct crowd_device *device, uint64_t seq) {
    return seq == 0 || seq > device->count ? (struct id){0} : device->rows[seq - 1].chain;
}

/* Half of it is noise, so that it has a weight on the line. */
static void write_body(const struct crowd_device *device, struct buffer *out) {
    char hex[ID_HEX_BYTES + 1];
    buffer_print(out, "{\"device\":%u,\"number\":%llu,\"noise\":\"", device->number,
                 (unsigned long long)device->count + 1);
    for (int bytes = 0; bytes < NOISE_BYTES; bytes += ID_BYTES) {
        id_write_hex(random_id(), hex);
        buffer_add_text(out, hex);
    }
    buffer_add_text(out, "\"}");
}

static void make_record(struct crowd_device *device) {
    CLEANUP(buffer_done) struct buffer body;
    struct error err;
    if (device->count == device->room) {
        device->room = device->room > 0 ? 2 * device->room : ROWS_FIRST;
        device->rows = memory_resize(device->rows, device->room * sizeof(*device->rows));
    }
    need_memory(device->rows);
    struct row *row = &device->rows[device->count];
    buffer_init(&body, RECORD_BYTES_MAX);
    buffer_init(&row->bytes, RECORD_BYTES_MAX);
    write_body(device, &body);
    const struct record record = {.kind = RECORD_RESULT,
                                  .version = RECORD_VERSION,
                                  .priority = 1,
                                  .time = clock_now(),
                                  .boot = clock_boot_id(),
                                  .workflow = SLICE("storm"),
                                  .name = SLICE("reading"),
                                  .body = buffer_slice(&body)};
    crowd_need(record_write(&row->bytes, &record, &err), &err);
    row->chain = record_chain(chain_at(device, device->count), buffer_slice(&row->bytes));
    device->count++;
}

void crowd_device_make(struct crowd_device *device, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        make_record(device);
        if (device->sender != NULL) {
            const struct row *row = &device->rows[device->count - 1];
            sender_note(device->sender, LANE_NORMAL, device->count, (int64_t)row->bytes.count);
        }
    }
    if (device->sender != NULL) {
        go_on(device);
    }
}

/* --- what the engine asks of a store --------------------------------------------------------- */

static void peek(struct crowd_device *device, const struct sender_action *action) {
    struct sender_stream stream = {.hello = {.id = device->stream, .current = true}};
    stream.hello.lanes[LANE_NORMAL] =
        (struct hello_lane){.lowest_kept = device->count > 0 ? 1 : 0,
                            .highest_durable = device->count,
                            .acked_seq = device->acknowledged,
                            .anchored_seq = device->anchored,
                            .acked_chain = chain_at(device, device->acknowledged)};
    for (uint64_t at = device->acknowledged; at < device->count; at++) {
        stream.bytes[LANE_NORMAL] += (int64_t)device->rows[at].bytes.count;
    }
    stream.hello.position_count = action->position_count;
    for (int i = 0; i < action->position_count; i++) {
        stream.hello.positions[i] = action->positions[i];
        stream.hello.positions[i].chain = chain_at(device, action->positions[i].seq);
    }
    sender_peeked(device->sender, &stream, 1, STATUS_OK, now_ms());
}

/* The engine keeps what it was given until it asks again. */
static void read_rows(struct crowd_device *device, const struct sender_action *action) {
    const uint64_t last = action->last < device->count ? action->last : device->count;
    const uint64_t wanted = last < action->first ? 0 : last - action->first + 1;
    const size_t most = wanted < FRAME_ITEMS_MAX ? (size_t)wanted : FRAME_ITEMS_MAX;
    int count = 0;
    size_t bytes = 0;
    memory_free(device->items);
    device->items = memory_new(most + 1, sizeof(*device->items));
    need_memory(device->items);
    for (size_t i = 0; i < most; i++) {
        const struct row *row = &device->rows[action->first - 1 + i];
        bytes += row->bytes.count;
        if (count > 0 && bytes > action->bytes_max) {
            break;
        }
        device->items[count++] = (struct frame_item){.seq = action->first + i,
                                                     .last_seq = action->first + i,
                                                     .record = buffer_slice(&row->bytes),
                                                     .chain = row->chain};
    }
    const struct sender_batch batch = {
        .items = device->items, .count = count, .chain_in = chain_at(device, action->first - 1)};
    sender_read(device->sender, &batch, count > 0 ? STATUS_OK : STATUS_NOT_FOUND, now_ms());
}

static void acknowledge(struct crowd_device *device, const struct sender_action *action) {
    if (!id_equal(action->chain, chain_at(device, action->last))) {
        crowd_give_up("device %u: the hub holds something else at %llu", device->number,
                      (unsigned long long)action->last);
    }
    if (action->last > device->acknowledged) {
        device->acknowledged = action->last;
    }
    device->anchored = action->anchored;
}

/* --- what the hub says, read beside the engine ----------------------------------------------- */

static void note_said(struct crowd_device *device, struct grant grant, int64_t spread_ms) {
    struct crowd *crowd = device->crowd;
    device->grant = grant;
    device->grant_ms = now_ms() + grant.after_ms;
    device->spread_ms = spread_ms;
    if (spread_ms > crowd->spread_ms_most) {
        crowd->spread_ms_most = spread_ms;
    }
    if (crowd->grant_bytes_least == 0 || grant.bytes < crowd->grant_bytes_least) {
        crowd->grant_bytes_least = grant.bytes;
    }
}

static void hear_hello(struct crowd_device *device, struct arena *arena, struct slice body) {
    struct hello_answer said;
    struct error err;
    crowd_need(hello_answer_read(arena, body, &said, &err), &err);
    if (said.stream_count != 1 || said.streams[0].verdict != VERDICT_OK) {
        crowd_give_up("device %u: the hub's verdict of its stream is '%s'", device->number,
                      said.stream_count > 0 ? verdict_name(said.streams[0].verdict) : "none");
    }
    note_said(device, said.grant, said.spread_ms);
}

static void hear_put(struct crowd_device *device, struct arena *arena, struct slice body) {
    struct answer said;
    struct error err;
    crowd_need(answer_read(arena, OK, body, &said, &err), &err);
    note_said(device, said.grant, said.spread_ms);
    device->was_of_use = true;
}

static void hear(struct crowd_device *device, const struct link_answer *answer) {
    struct sender_facts facts;
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES_MAX);
    sender_facts(device->sender, &facts);
    if (answer->code != OK) {
        device->crowd->not_taken++;
        device->was_of_use = false; /* the hub may say itself when to come again */
    } else if (strcmp(facts.state, "greeting") == 0) {
        hear_hello(device, &arena, answer->body);
    } else {
        hear_put(device, &arena, answer->body);
    }
}

/* Of those that lost the same hub each comes back at a moment of its own within the spread. */
static void note_wait(struct crowd_device *device) {
    struct crowd *crowd = device->crowd;
    struct sender_facts facts;
    sender_facts(device->sender, &facts);
    device->attempt_ms = facts.next_attempt_ms;
    if (device->was_of_use) {
        const int64_t wait_ms = facts.next_attempt_ms - now_ms();
        crowd->lost_together++;
        if (wait_ms > device->spread_ms) {
            crowd->waits_too_long++;
        } else {
            const int64_t tenth =
                wait_ms > 0 ? wait_ms * CROWD_TENTHS / (device->spread_ms + 1) : 0;
            crowd->waits_by_tenth[tenth]++;
        }
    }
    device->was_of_use = false;
}

/* --- what the engine asks of a link ---------------------------------------------------------- */

static void lose(struct crowd_device *device) {
    sender_lost(device->sender, now_ms());
    note_wait(device);
    go_on(device);
}

static void need_link(struct crowd_device *device, status code) {
    if (code != STATUS_OK) {
        link_close(device->link);
        lose(device);
    }
}

static void connect_link(struct crowd_device *device) {
    const struct slice pin = {.bytes = (const char *)device->crowd->token.pin,
                              .count = TOKEN_PIN_BYTES};
    const char *const hubs[] = {device->crowd->token.addresses, NULL};
    const struct link_options options = {.hubs = hubs,
                                         .pin = pin,
                                         .certificate = device->identity.certificate,
                                         .key = device->sender != NULL ? buffer_slice(&device->key)
                                                                       : SLICE("")};
    struct error err;
    crowd_need(link_connect(device->link, &options, &err), &err);
}

static void begin_put(struct crowd_device *device, const struct sender_action *action) {
    CLEANUP(buffer_done) struct buffer path;
    struct error err;
    buffer_init(&path, LINK_PATH_BYTES_MAX);
    stream_path_write(&path, action->stream, action->lane, action->first);
    const struct link_request request = {
        .method = "PUT", .path = buffer_slice(&path), .type = "application/octet-stream"};
    device->body_bytes = 0;
    if (now_ms() < device->grant_ms) {
        device->crowd->bodies_too_early++;
    }
    need_link(device, link_begin(device->link, &request, &err));
}

/* Beyond what was granted one frame goes, and no second. */
static void write_put(struct crowd_device *device, struct slice bytes) {
    struct error err;
    const int64_t before = device->body_bytes;
    device->body_bytes += (int64_t)bytes.count;
    if (before > 0 && device->body_bytes > device->grant.bytes) {
        device->crowd->bodies_too_large++;
    }
    const status written = link_write(device->link, bytes, &err);
    need_link(device, written == STATUS_CONFLICT ? STATUS_OK : written);
}

static void act(struct crowd_device *device, const struct sender_action *action) {
    static const struct link_request HELLO = {
        .method = "POST", .path = SLICE("/v1/hello"), .type = "application/json"};
    struct error err;
    switch (action->act) {
    case SENDER_NOTHING:
    case SENDER_TIME:
    case SENDER_REPORT: /* it offers none */
        break;
    case SENDER_CONNECT:
        if (now_ms() < device->attempt_ms) {
            device->crowd->connects_too_early++;
        }
        connect_link(device);
        break;
    case SENDER_CLOSE:
        link_close(device->link);
        note_wait(device);
        break;
    case SENDER_PEEK:
        peek(device, action);
        break;
    case SENDER_READ:
        read_rows(device, action);
        break;
    case SENDER_HELLO:
        need_link(device, link_ask(device->link, &HELLO, action->bytes, &err));
        break;
    case SENDER_PUT_BEGIN:
        begin_put(device, action);
        break;
    case SENDER_PUT_BODY:
        write_put(device, action->bytes);
        break;
    case SENDER_PUT_END:
        link_end(device->link);
        break;
    case SENDER_ACKNOWLEDGE:
        acknowledge(device, action);
        break;
    case SENDER_MEND:
    case SENDER_RENUMBER:
        crowd_give_up("device %u: the engine wants to change what was made", device->number);
    case SENDER_ALARM:
        crowd_give_up("device %u: %.*s", device->number, SLICE_ARGS(action->bytes));
    }
}

static void drive(struct crowd_device *device) {
    struct sender_action action = {.act = SENDER_CLOSE};
    struct error err;
    while (action.act != SENDER_NOTHING) {
        const struct sender_now now = {
            .now_ms = now_ms(), .time = clock_now(), .boot = clock_boot_id()};
        crowd_need(sender_next(device->sender, &now, &action, &err), &err);
        act(device, &action);
    }
    if (action.wake_ms > 0) {
        timer_set(device->timer, action.wake_ms - now_ms());
    } else {
        timer_clear(device->timer);
    }
}

void crowd_turn_ended(void *owner) {
    struct crowd *crowd = owner;
    while (crowd->wanted != NULL) {
        struct crowd_device *device = crowd->wanted;
        crowd->wanted = device->next_wanted;
        device->is_wanted = false;
        drive(device);
    }
}

/* --- joining --------------------------------------------------------------------------------- */

static void enrol(struct crowd_device *device) {
    static const struct link_request ENROL = {
        .method = "POST", .path = SLICE("/v1/enrol"), .type = "application/json"};
    const struct enrolment_wish wish = {.labels = {.kind = VALUE_NULL}};
    CLEANUP(buffer_done) struct buffer body;
    struct error err;
    buffer_init(&body, LINK_QUEUE_BYTES_MAX);
    crowd_need(enrolment_request_write(&device->crowd->token, buffer_slice(&device->key), &wish,
                                       &body, &err),
               &err);
    crowd_need(link_ask(device->link, &ENROL, buffer_slice(&body), &err), &err);
}

static void read_enrolment(struct crowd_device *device, const struct link_answer *answer) {
    const struct enrolment_reply reply = {
        .code = answer->code,
        .body = answer->body,
        .key_pem = buffer_slice(&device->key),
        .pin = {.bytes = (const char *)device->crowd->token.pin, .count = TOKEN_PIN_BYTES}};
    const struct sender_options options = {.seed = device->number + UINT64_C(1)};
    struct error err;
    crowd_need(enrolment_answer_read(&device->arena, &reply, &device->identity, &err), &err);
    crowd_need(sender_create(&options, &device->sender, &err), &err);
    link_close(device->link);
    go_on(device);
    device->crowd->joined(device->crowd);
}

void crowd_device_join(struct crowd_device *device) {
    connect_link(device);
}

/* --- what the link and the timer say --------------------------------------------------------- */

static void connected(void *owner) {
    struct crowd_device *device = owner;
    if (device->sender == NULL) {
        enrol(device);
        return;
    }
    sender_connected(device->sender, now_ms());
    go_on(device);
}

static void taken(void *owner, size_t bytes) {
    struct crowd_device *device = owner;
    if (device->sender != NULL) {
        sender_taken(device->sender, bytes, now_ms());
        go_on(device);
    }
}

static void answered(void *owner, const struct link_answer *answer) {
    struct crowd_device *device = owner;
    if (device->sender == NULL) {
        read_enrolment(device, answer);
        return;
    }
    hear(device, answer);
    sender_answered(device->sender, answer->code, answer->retry_after_ms, answer->body, now_ms());
    go_on(device);
}

static void lost(void *owner, const struct error *error) {
    struct crowd_device *device = owner;
    (void)error;
    if (device->sender == NULL) {
        timer_set(device->timer, AGAIN_MS);
    } else {
        lose(device);
    }
}

static void ring(void *owner) {
    struct crowd_device *device = owner;
    if (device->sender == NULL) {
        connect_link(device);
    } else {
        go_on(device);
    }
}

/* --- birth ----------------------------------------------------------------------------------- */

status crowd_device_create(struct crowd *crowd, uint32_t number, struct crowd_device **out_device,
                           struct error *err) {
    static const struct link_events EVENTS = {
        .connected = connected, .taken = taken, .answered = answered, .lost = lost};
    struct crowd_device *device = memory_new(1, sizeof(*device));
    if (device == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for another device");
    }
    device->crowd = crowd;
    device->number = number;
    device->stream = random_id();
    arena_init(&device->arena, ARENA_BYTES_MAX);
    buffer_init(&device->key, CERTIFICATE_KEY_BYTES_MAX);
    TRY(certificate_key_make(&device->key, err));
    TRY(timer_open(crowd->loop, ring, device, &device->timer, err));
    TRY(link_create(crowd->loop, &EVENTS, device, &device->link, err));
    *out_device = device;
    return STATUS_OK;
}

void crowd_device_facts(const struct crowd_device *device, struct crowd_device_facts *out_facts) {
    struct sender_facts facts = {.connected = false};
    if (device->sender != NULL) {
        sender_facts(device->sender, &facts);
    }
    *out_facts = (struct crowd_device_facts){.stream = device->stream,
                                             .made = device->count,
                                             .acknowledged = device->acknowledged,
                                             .joined = device->sender != NULL,
                                             .connected = facts.connected};
}
