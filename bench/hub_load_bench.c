// SPDX-License-Identifier: Apache-2.0
/*
 * hub_load_bench: many devices at one hub, each with a certificate and a connection of its own, for
 * bench/ingest. They join by the token first and are all connected before the clock begins; then
 * each sends its results, one body after the answer to the last. All frames are made beforehand, so
 * that little of what is measured is ours.
 *
 *   hub_load_bench TOKEN DEVICES EACH BODY    EACH results a device, BODY of them in one request
 *
 * Prints `connected SECONDS` when all have greeted and waits for a line; then prints: wall seconds,
 * CPU seconds, p50 and p99 of an answer in microseconds, bytes sent over TCP.
 *
 * Thread: one. It ends at the first thing that goes wrong.
 */
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>

#include "deployment/enrolment.h"
#include "platform/certificate.h"
#include "platform/compress.h"
#include "platform/link.h"
#include "platform/random.h"
#include "sync/frame.h"
#include "sync/messages.h"

#include "measured.h"
#include "reading.h"

enum { AT_ONCE = 64, ARENA_BYTES_MAX = 512 << 10, STORED = 200 };

static const int64_t FIRST_WALL_MS = INT64_C(1795000000000);

enum phase { JOINING, GREETING, SENDING };

struct load;

struct device {
    struct load *load;
    struct link *link;
    struct arena arena;
    struct buffer key;
    struct identity identity;
    struct id stream;
    struct buffer *bodies; /* owned, as many as the load says */
    uint32_t next;
    int64_t asked_ns;
};

struct load {
    struct loop *loop;
    struct token token;
    enum phase phase;
    uint32_t count, each, body, bodies;
    uint32_t begun, finished; /* of the phase */
    struct device *devices;   /* owned */
    struct measured measured;
};

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    (void)fputs("hub_load_bench: ", stderr);
    (void)vfprintf(stderr, format, rest);
    (void)fputc('\n', stderr);
    va_end(rest);
    exit(1);
}

static void need(status code, const struct error *err) {
    if (code != STATUS_OK) {
        give_up("%s", err->text);
    }
}

/* --- what a device has to send --- */

/* False: no room in this frame. All devices make their results in step, one a millisecond. */
static bool add_record(struct frame_writer *writer, uint64_t seq, struct id *chain) {
    char text[READING_BYTES_MAX];
    CLEANUP(buffer_done) struct buffer bytes;
    struct error err;
    buffer_init(&bytes, RECORD_BYTES_MAX);
    struct moment time = clock_now();
    time.wall_ms = FIRST_WALL_MS + (int64_t)seq;
    const struct record record = {.kind = RECORD_RESULT,
                                  .version = RECORD_VERSION,
                                  .priority = 1,
                                  .time = time,
                                  .boot = clock_boot_id(),
                                  .workflow = SLICE("cold-room"),
                                  .name = SLICE("reading"),
                                  .body = reading_write((uint32_t)seq, text)};
    need(record_write(&bytes, &record, &err), &err);
    const struct frame_item item = {.seq = seq,
                                    .last_seq = seq,
                                    .record = buffer_slice(&bytes),
                                    .chain = record_chain(*chain, buffer_slice(&bytes))};
    if (!frame_add(writer, &item)) {
        return false;
    }
    *chain = item.chain;
    return true;
}

static void make_body(struct frame_writer *writer, uint64_t first, uint32_t count, struct id *chain,
                      struct buffer *out) {
    struct error err;
    uint32_t done = 0;
    while (done < count) {
        frame_begin(writer, first + done, *chain, COMPRESS_LEVEL);
        while (done < count && add_record(writer, first + done, chain)) {
            done++;
        }
        need(frame_end(writer, out, &err), &err);
    }
}

static void make_bodies(struct load *load) {
    struct frame_writer *writer = NULL;
    struct error err;
    need(frame_writer_create(&writer, &err), &err);
    for (uint32_t i = 0; i < load->count; i++) {
        struct device *device = &load->devices[i];
        struct id chain = {0};
        device->stream = random_id();
        device->bodies = memory_new(load->bodies, sizeof(*device->bodies));
        for (uint32_t k = 0; k < load->bodies; k++) {
            buffer_init(&device->bodies[k], LINK_QUEUE_BYTES_MAX);
            make_body(writer, (uint64_t)k * load->body + 1, load->body, &chain, &device->bodies[k]);
        }
    }
    frame_writer_destroy(writer);
}

/* --- what it says --- */

static void enrol(struct device *device) {
    const struct link_request request = {
        .method = "POST", .path = SLICE("/v1/enrol"), .type = "application/json"};
    const struct enrolment_wish wish = {.labels = {.kind = VALUE_NULL}};
    CLEANUP(buffer_done) struct buffer body;
    struct error err;
    buffer_init(&body, LINK_QUEUE_BYTES_MAX);
    need(enrolment_request_write(&device->load->token, buffer_slice(&device->key), &wish, &body,
                                 &err),
         &err);
    need(link_ask(device->link, &request, buffer_slice(&body), &err), &err);
}

static void greet(struct device *device) {
    const struct link_request request = {
        .method = "POST", .path = SLICE("/v1/hello"), .type = "application/json"};
    struct hello_stream stream = {.id = device->stream, .current = true};
    stream.lanes[LANE_NORMAL] =
        (struct hello_lane){.lowest_kept = 1, .highest_durable = (uint64_t)device->load->each};
    const struct hello hello = {.protocol_least = PROTOCOL_LEAST,
                                .protocol_most = PROTOCOL_MOST,
                                .boot = clock_boot_id(),
                                .boot_ns = clock_boot_ns(),
                                .wall_ms = clock_wall_ms(),
                                .streams = &stream,
                                .stream_count = 1};
    CLEANUP(buffer_done) struct buffer body;
    struct error err;
    buffer_init(&body, MESSAGE_BYTES_MAX);
    hello_write(&hello, &body);
    need(link_ask(device->link, &request, buffer_slice(&body), &err), &err);
}

static void put(struct device *device) {
    CLEANUP(buffer_done) struct buffer path;
    struct error err;
    buffer_init(&path, LINK_PATH_BYTES_MAX);
    stream_path_write(&path, device->stream, LANE_NORMAL,
                      (uint64_t)device->next * device->load->body + 1);
    const struct link_request request = {
        .method = "PUT", .path = buffer_slice(&path), .type = "application/octet-stream"};
    device->asked_ns = clock_monotonic_ns();
    need(link_ask(device->link, &request, buffer_slice(&device->bodies[device->next]), &err), &err);
}

/* --- the phases --- */

static void begin_next(struct load *load);

static void finished(struct load *load) {
    load->finished++;
    if (load->finished == load->count) {
        loop_stop(load->loop);
    } else {
        begin_next(load);
    }
}

static void joined(struct device *device, const struct link_answer *answer) {
    struct error err;
    const struct slice pin = {.bytes = (const char *)device->load->token.pin,
                              .count = TOKEN_PIN_BYTES};
    const struct enrolment_reply reply = {.code = answer->code,
                                          .body = answer->body,
                                          .key_pem = buffer_slice(&device->key),
                                          .pin = pin};
    need(enrolment_answer_read(&device->arena, &reply, &device->identity, &err), &err);
    link_close(device->link);
    finished(device->load);
}

static void stored(struct device *device) {
    struct measured *measured = &device->load->measured;
    measured->latencies_ns[measured->count++] = clock_monotonic_ns() - device->asked_ns;
    if (++device->next < device->load->bodies) {
        put(device);
    } else {
        finished(device->load);
    }
}

static void on_connected(void *owner) {
    struct device *device = owner;
    if (device->load->phase == JOINING) {
        enrol(device);
    } else {
        greet(device);
    }
}

static void on_answered(void *owner, const struct link_answer *answer) {
    struct device *device = owner;
    if (answer->code != STORED) {
        give_up("the hub answers with %d: %.*s", answer->code, SLICE_ARGS(answer->body));
    }
    if (device->load->phase == JOINING) {
        joined(device, answer);
    } else if (device->load->phase == GREETING) {
        finished(device->load);
    } else {
        stored(device);
    }
}

static void on_lost(void *owner, const struct error *error) {
    const struct device *device = owner;
    give_up("device %td: %s", device - device->load->devices, error->text);
}

static void connect_device(struct device *device) {
    const char *const hubs[] = {device->load->token.addresses, NULL};
    const struct slice pin = {.bytes = (const char *)device->load->token.pin,
                              .count = TOKEN_PIN_BYTES};
    struct link_options options = {.hubs = hubs, .pin = pin};
    struct error err;
    if (device->load->phase == GREETING) {
        options.certificate = device->identity.certificate;
        options.key = buffer_slice(&device->key);
    }
    need(link_connect(device->link, &options, &err), &err);
}

static void begin_next(struct load *load) {
    if (load->begun < load->count) {
        struct device *device = &load->devices[load->begun++];
        if (load->phase == SENDING) {
            put(device);
        } else {
            connect_device(device);
        }
    }
}

static void run_phase(struct load *load, enum phase phase) {
    load->phase = phase;
    load->begun = load->finished = 0;
    const uint32_t at_once = phase == SENDING ? load->count : AT_ONCE;
    for (uint32_t i = 0; i < at_once; i++) {
        begin_next(load);
    }
    loop_run(load->loop);
    if (load->finished < load->count) {
        give_up("%u of %u devices are through", load->finished, load->count);
    }
}

static void make_devices(struct load *load) {
    static const struct link_events EVENTS = {
        .connected = on_connected, .answered = on_answered, .lost = on_lost};
    struct error err;
    load->devices = memory_new(load->count, sizeof(*load->devices));
    need(loop_create(&load->loop, &err), &err);
    for (uint32_t i = 0; i < load->count; i++) {
        struct device *device = &load->devices[i];
        device->load = load;
        arena_init(&device->arena, ARENA_BYTES_MAX);
        buffer_init(&device->key, CERTIFICATE_KEY_BYTES_MAX);
        need(certificate_key_make(&device->key, &err), &err);
        need(link_create(load->loop, &EVENTS, device, &device->link, &err), &err);
    }
}

/* --- what was measured --- */

static uint64_t sent_bytes(const struct load *load) {
    uint64_t sent = 0;
    for (uint32_t i = 0; i < load->count; i++) {
        struct link_facts facts;
        link_facts(load->devices[i].link, &facts);
        sent += facts.sent_bytes;
    }
    return sent;
}

static void measure(struct load *load) {
    struct measured *measured = &load->measured;
    const uint64_t before = sent_bytes(load);
    measured_begin(measured, load->count * load->bodies);
    run_phase(load, SENDING);
    measured_report_sent(measured, sent_bytes(load) - before);
}

/* Ends without tidying up: the process is over. */
int main(int count, char **words) {
    static struct load load;
    struct error err;
    struct rlimit files;
    if (count != 5) {
        (void)fputs("usage: hub_load_bench TOKEN DEVICES EACH BODY\n", stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    need(token_read(slice_of(words[1]), &load.token, &err), &err);
    load.count = (uint32_t)strtoul(words[2], NULL, 10);
    load.each = (uint32_t)strtoul(words[3], NULL, 10);
    load.body = (uint32_t)strtoul(words[4], NULL, 10);
    if (load.count < 1 || load.body < 1 || load.each % load.body != 0 || load.each < 1) {
        give_up("EACH must be a multiple of BODY");
    }
    load.bodies = load.each / load.body;
    make_devices(&load);
    make_bodies(&load);
    run_phase(&load, JOINING);
    const int64_t began_ns = clock_monotonic_ns();
    run_phase(&load, GREETING);
    (void)printf("connected %.3f\n", (double)(clock_monotonic_ns() - began_ns) / 1e9);
    (void)fflush(stdout);
    (void)getchar();
    measure(&load);
    return 0;
}
