// SPDX-License-Identifier: Apache-2.0
/*
 * hub_fill_bench: a hub's database as a fleet leaves it after a month, for measurements of what
 * people look at. By the store's own code, so that chains, cursors and what is counted of each
 * workflow add up, which it looks at in the end.
 *
 *   hub_fill_bench FOLDER RESULTS DEVICES    makes FOLDER/hub.db; `ebb hub serve --data FOLDER`
 *
 * Devices bring eight records at a time, in turn, of four workflows, some of them urgent; there are
 * failures, gaps, alarms, and devices that are silent, revoked or gone. The same numbers give the
 * same database, but for ids and that it ends now. Prints: results, devices, seconds, bytes.
 *
 * Thread: one. It ends at the first thing that goes wrong.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/seeded.h"
#include "hub/device_alarm.h"
#include "hub/device_rows.h"
#include "hub/store/hub_chains.h"
#include "hub/store/hub_check.h"
#include "hub/store/hub_db.h"
#include "hub/store/hub_retention.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"
#include "platform/random.h"
#include "wire/gap.h"

enum {
    TOGETHER = 8,
    COMMIT_AT = 100000,
    BODY_BYTES = 512,
    PATH_BYTES = 4096,
    DEVICES_MAX = 100000
};

static const int64_t SPAN_MS = INT64_C(30) * 24 * 3600 * 1000;

/* Of so many records one is something else. */
enum { FAULTS = 400, FAILURES = 1000, GAPS = 5000, ALARMS = 40000 };

struct lane_end {
    uint64_t last; /* seq */
    struct id chain;
    uint64_t stored, gapped;
};

struct device {
    struct id id, stream, boot;
    struct lane_end lanes[LANE_COUNT];
    int64_t last_ms;
    bool silent; /* for the last days */
};

struct fill {
    struct hub_session *session;
    struct database *database;
    struct device *devices;
    uint32_t device_count;
    uint64_t wanted, made; /* results */
    uint64_t open;         /* records since the last commit */
    int64_t began_ms;      /* of the month */
    struct seeded chance;
    struct buffer bytes;
    struct hub_retention_place place;
};

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    (void)fputs("hub_fill_bench: ", stderr);
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

/* --- what results say ------------------------------------------------------------------------- */

typedef int body_writer(struct seeded *chance, uint64_t number, char out_text[BODY_BYTES]);

static int write_room(struct seeded *chance, uint64_t number, char out_text[BODY_BYTES]) {
    const double t = -18.4 + (double)seeded_below(chance, 60) / 10;
    return snprintf(out_text, BODY_BYTES,
                    "{\"room\":\"a%llu\",\"t\":%.1f,\"rh\":%.1f,\"door_open\":%s,\"n\":%llu}",
                    (unsigned long long)(number % 7), t,
                    55 + (double)seeded_below(chance, 200) / 10,
                    seeded_below(chance, 20) == 0 ? "true" : "false", (unsigned long long)number);
}

static int write_verdict(struct seeded *chance, uint64_t number, char out_text[BODY_BYTES]) {
    static const char *const LABELS[] = {"ham", "spam", "invoice", "complaint"};
    return snprintf(out_text, BODY_BYTES,
                    "{\"label\":\"%s\",\"score\":%.3f,\"subject\":\"Order %llu: where is it?\","
                    "\"words\":%u}",
                    LABELS[seeded_below(chance, 4)], seeded_share(chance),
                    (unsigned long long)number, 20 + seeded_below(chance, 400));
}

static int write_press(struct seeded *chance, uint64_t number, char out_text[BODY_BYTES]) {
    static const char *const STATES[] = {"idle", "running", "running", "running"};
    return snprintf(out_text, BODY_BYTES,
                    "{\"rms\":%.3f,\"peak\":%.2f,\"rpm\":%u,\"state\":\"%s\",\"strokes\":%llu}",
                    1 + seeded_share(chance) * 3, 4 + seeded_share(chance) * 9,
                    1200 + seeded_below(chance, 300), STATES[seeded_below(chance, 4)],
                    (unsigned long long)number * 11);
}

static int write_door(struct seeded *chance, uint64_t number, char out_text[BODY_BYTES]) {
    return snprintf(out_text, BODY_BYTES, "{\"door\":\"%c\",\"in\":%u,\"out\":%u}",
                    (char)('a' + (char)(number % 4)), seeded_below(chance, 40),
                    seeded_below(chance, 40));
}

static int write_fault(struct seeded *chance, uint64_t number, char out_text[BODY_BYTES]) {
    return snprintf(out_text, BODY_BYTES,
                    "{\"code\":%u,\"text\":\"bearing runs hot\",\"stroke\":%llu}",
                    100 + seeded_below(chance, 40), (unsigned long long)number * 11);
}

struct source {
    const char *workflow, *name;
    int priority;
    body_writer *write;
};

static const struct source SOURCES[] = {{"cold-room", "reading", 1, write_room},
                                        {"inbox-triage", "verdict", 4, write_verdict},
                                        {"press-watch", "vibration", 1, write_press},
                                        {"door-count", "count", 0, write_door}};
static const struct source FAULT = {"press-watch", "fault", 8, write_fault};

enum { SOURCE_COUNT = sizeof(SOURCES) / sizeof(SOURCES[0]) };

/* --- records ---------------------------------------------------------------------------------- */

static struct record begin_record(struct fill *fill, struct device *device, int64_t at_ms) {
    struct id run;
    const uint64_t bits[2] = {seeded_next(&fill->chance), seeded_next(&fill->chance)};
    (void)memcpy(run.bytes, bits, sizeof(run.bytes));
    device->last_ms = at_ms;
    return (struct record){
        .version = RECORD_VERSION,
        .time = {.wall_ms = at_ms, .boot_ns = (at_ms - fill->began_ms + 1000) * 1000000},
        .boot = device->boot,
        .run = run};
}

static void append(struct fill *fill, const struct device *device, enum lane lane,
                   const struct received *received) {
    struct error err;
    const struct hub_record kept = {.stream = device->stream,
                                    .lane = lane,
                                    .received = received,
                                    .arrived = {.wall_ms = device->last_ms + 900}};
    need(fill->session->kind->append(fill->session, &kept, &err), &err);
    fill->open++;
}

static void put(struct fill *fill, struct device *device, enum lane lane,
                const struct record *record) {
    struct lane_end *end = &device->lanes[lane];
    struct error err;
    buffer_clear(&fill->bytes);
    need(record_write(&fill->bytes, record, &err), &err);
    const struct slice bytes = buffer_slice(&fill->bytes);
    const uint64_t seq = end->last + 1;
    const struct received received = {.kind = RECEIVED_RECORD,
                                      .item = {.seq = seq,
                                               .last_seq = seq,
                                               .record = bytes,
                                               .chain = record_chain(end->chain, bytes)},
                                      .record = *record};
    append(fill, device, lane, &received);
    end->last = seq;
    end->chain = received.item.chain;
    end->stored++;
}

static void put_gap(struct fill *fill, struct device *device, enum lane lane, int64_t at_ms) {
    struct lane_end *end = &device->lanes[lane];
    const uint64_t count = 1 + seeded_below(&fill->chance, 50);
    const struct gap gap = {.reason =
                                seeded_below(&fill->chance, 4) == 0 ? GAP_EXPIRED : GAP_EVICTED,
                            .from_seq = end->last + 1,
                            .to_seq = end->last + count,
                            .count = count,
                            .bytes = count * 200,
                            .from_wall_ms = at_ms - 3600000,
                            .to_wall_ms = at_ms,
                            .chain_before = end->chain,
                            .chain_end = random_id()};
    CLEANUP(buffer_done) struct buffer body;
    struct error err;
    buffer_init(&body, GAP_BODY_BYTES_MAX);
    gap_write(&body, &gap);
    struct record record = begin_record(fill, device, at_ms);
    record.kind = RECORD_GAP;
    record.run = (struct id){{0}};
    record.body = buffer_slice(&body);
    buffer_clear(&fill->bytes);
    need(record_write(&fill->bytes, &record, &err), &err);
    const struct received received = {.kind = RECEIVED_GAP,
                                      .item = {.seq = gap.from_seq,
                                               .last_seq = gap.to_seq,
                                               .record = buffer_slice(&fill->bytes),
                                               .chain = gap.chain_end,
                                               .is_gap = true},
                                      .record = record};
    append(fill, device, lane, &received);
    end->last = gap.to_seq;
    end->chain = gap.chain_end;
    end->gapped += count;
}

static void put_failure(struct fill *fill, struct device *device, const struct source *source,
                        int64_t at_ms) {
    static const char *const CLASSES[] = {"timeout", "crash", "invalid"};
    char text[BODY_BYTES];
    const int count = snprintf(text, sizeof(text),
                               "{\"workflow\":\"%s\",\"step\":\"look\",\"class\":\"%s\",\"text\":"
                               "\"agent 'look': no answer within 2s\",\"event_id\":\"e-%llu\"}",
                               source->workflow, CLASSES[seeded_below(&fill->chance, 3)],
                               (unsigned long long)fill->made);
    struct record record = begin_record(fill, device, at_ms);
    record.kind = RECORD_FAILURE;
    record.priority = source->priority;
    record.workflow = slice_of(source->workflow);
    record.name = SLICE("failure");
    record.body = (struct slice){.bytes = text, .count = (size_t)count};
    put(fill, device, lane_of_priority(source->priority), &record);
}

static void put_alarm(struct fill *fill, struct device *device, int64_t at_ms) {
    struct error err;
    struct record record = begin_record(fill, device, at_ms);
    record.kind = RECORD_ALARM;
    record.priority = PRIORITY_MAX;
    record.name = SLICE("disk");
    record.body = SLICE("{\"text\":\"the disk is 97 % full: results are rolled up\"}");
    put(fill, device, LANE_CONTROL, &record);
    need(device_alarm_raise(fill->session, device->id, &record, at_ms, &err), &err);
}

static void put_result(struct fill *fill, struct device *device, const struct source *source,
                       int64_t at_ms) {
    char text[BODY_BYTES];
    const uint64_t number = device->lanes[lane_of_priority(source->priority)].last + 1;
    const int count = source->write(&fill->chance, number, text);
    struct record record = begin_record(fill, device, at_ms);
    record.kind = RECORD_RESULT;
    record.priority = source->priority;
    record.workflow = slice_of(source->workflow);
    record.name = slice_of(source->name);
    record.body = (struct slice){.bytes = text, .count = (size_t)count};
    put(fill, device, lane_of_priority(source->priority), &record);
    fill->made++;
}

/* --- a month ---------------------------------------------------------------------------------- */

static bool happens(struct fill *fill, uint32_t one_of) {
    return seeded_below(&fill->chance, one_of) == 0;
}

/* What a device brings at once: mostly of one workflow, `step_ms` apart. */
static void bring(struct fill *fill, uint32_t index, int64_t from_ms, int64_t step_ms) {
    struct device *device = &fill->devices[index];
    for (int i = 0; i < TOGETHER && fill->made < fill->wanted; i++) {
        const int64_t at_ms = from_ms + i * step_ms;
        const uint32_t other = happens(fill, 10) ? 1 : 0;
        const struct source *source = &SOURCES[(index + other) % SOURCE_COUNT];
        put_result(fill, device, source, at_ms);
        if (source->write == write_press && happens(fill, FAULTS) && fill->made < fill->wanted) {
            put_result(fill, device, &FAULT, at_ms);
        }
        if (happens(fill, FAILURES)) {
            put_failure(fill, device, source, at_ms);
        }
        if (happens(fill, GAPS)) {
            put_gap(fill, device, lane_of_priority(source->priority), at_ms);
        }
        if (happens(fill, ALARMS)) {
            put_alarm(fill, device, at_ms);
        }
    }
}

static void save_cursors(struct fill *fill) {
    struct error err;
    for (uint32_t i = 0; i < fill->device_count; i++) {
        const struct device *device = &fill->devices[i];
        for (enum lane lane = 0; lane < LANE_COUNT; lane++) {
            const struct lane_end *end = &device->lanes[lane];
            if (end->last == 0) {
                continue;
            }
            const struct hub_cursor cursor = {
                .stream = device->stream,
                .lane = lane,
                .connection = 1,
                .lane_cursor = {.held = {.items = {{1, end->last}}, .count = 1},
                                .chain_end = {end->chain},
                                .stored = end->stored,
                                .gapped = end->gapped}};
            need(fill->session->kind->save_cursor(fill->session, &cursor, &err), &err);
        }
    }
}

/* What is counted behind the ingest is counted here, so that the hub has nothing to catch up on. */
static void count_segments(struct fill *fill) {
    const struct hub_retention_rules rules = {.count = 0};
    bool more = true;
    struct error err;
    while (more) {
        need(hub_retention_step(fill->database, &rules, clock_wall_ms(), &fill->place, &more, &err),
             &err);
    }
}

static void begin(struct fill *fill) {
    struct error err;
    need(fill->session->kind->begin(fill->session, &err), &err);
    fill->open = 0;
}

static void commit(struct fill *fill) {
    struct error err;
    save_cursors(fill);
    count_segments(fill);
    need(fill->session->kind->commit(fill->session, &err), &err);
    fill->session->kind->tidy(fill->session, false);
}

/* Time goes on with the results, so that the last of them is of now. */
static int64_t moment_of(const struct fill *fill, uint64_t made) {
    return fill->began_ms + (int64_t)((double)made / (double)fill->wanted * (double)SPAN_MS);
}

static void live(struct fill *fill) {
    const uint64_t together = (uint64_t)fill->device_count * TOGETHER;
    begin(fill);
    while (fill->made < fill->wanted) {
        const int64_t from_ms = moment_of(fill, fill->made);
        const uint64_t left = fill->wanted - fill->made;
        const int64_t until_ms = moment_of(fill, fill->made + (left < together ? left : together));
        const bool late = fill->made > fill->wanted / 10 * 9;
        for (uint32_t i = 0; i < fill->device_count; i++) {
            if (!late || !fill->devices[i].silent) {
                bring(fill, i, from_ms, (until_ms - from_ms) / TOGETHER);
            }
            if (fill->open >= COMMIT_AT) {
                commit(fill);
                begin(fill);
            }
        }
    }
    commit(fill);
}

/* --- the fleet -------------------------------------------------------------------------------- */

static enum device_state state_of(uint32_t index) {
    return index % 211 == 210 ? DEVICE_REVOKED : index % 307 == 306 ? DEVICE_LEFT : DEVICE_ACTIVE;
}

static void put_device(struct fill *fill, uint32_t index) {
    static const char *const SITES[] = {"bremen", "graz", "lyon", "turku", "porto"};
    static const char *const KINDS[] = {"room", "desk", "press", "door"};
    const struct device *device = &fill->devices[index];
    char name[32];
    char labels[128];
    struct error err;
    (void)snprintf(name, sizeof(name), "%s-%05u", KINDS[index % SOURCE_COUNT], index);
    (void)snprintf(labels, sizeof(labels), "{\"site\":\"%s\",\"line\":\"%u\"}",
                   SITES[index / 4 % 5], index / 20 % 9);
    const struct device_row row = {.id = device->id,
                                   .name = slice_of(name),
                                   .labels = slice_of(labels),
                                   .facts = SLICE("{\"machine\":\"aarch64\",\"ebb\":\"0.1.0\"}"),
                                   .state = state_of(index),
                                   .created_ms = fill->began_ms - SPAN_MS,
                                   .contact_ms = device->last_ms};
    need(device_rows_put(fill->database, &row, &err), &err);
}

static void make_devices(struct fill *fill) {
    struct error err;
    struct hub_stream stream;
    fill->devices = memory_new(fill->device_count, sizeof(*fill->devices));
    if (fill->devices == NULL) {
        give_up("out of memory for %u devices", fill->device_count);
    }
    begin(fill);
    for (uint32_t i = 0; i < fill->device_count; i++) {
        struct device *device = &fill->devices[i];
        *device = (struct device){.id = random_id(),
                                  .stream = random_id(),
                                  .boot = random_id(),
                                  .silent = i % 101 == 100 || state_of(i) != DEVICE_ACTIVE};
        need(fill->session->kind->claim(fill->session, device->stream, device->id, &stream, &err),
             &err);
        put_device(fill, i);
    }
    need(fill->session->kind->commit(fill->session, &err), &err);
}

/* When they were heard of last. */
static void end_devices(struct fill *fill) {
    struct error err;
    begin(fill);
    for (uint32_t i = 0; i < fill->device_count; i++) {
        put_device(fill, i);
    }
    need(fill->session->kind->commit(fill->session, &err), &err);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void check(const char *path) {
    struct hub_check walk = {.stream = 0};
    struct database *reader = NULL;
    struct error err;
    status code = STATUS_OK;
    need(hub_db_open_reader(path, &reader, &err), &err);
    while (code == STATUS_OK) {
        code = hub_check_step(&walk, reader, &err);
    }
    if (code != STATUS_NOT_FOUND) {
        give_up("%s", err.text);
    }
    need(hub_chains_check(reader, &err), &err);
    database_close(reader);
}

static void empty_wal(struct fill *fill) {
    struct error err;
    bool done = false;
    need(database_checkpoint(fill->database, &done, &err), &err);
}

static void open_hub(struct fill *fill, const char *folder, char out_path[PATH_BYTES]) {
    struct error err;
    struct stat found;
    (void)snprintf(out_path, PATH_BYTES, "%s/hub.db", folder);
    if (stat(out_path, &found) == 0) {
        give_up("'%s' is there already", out_path);
    }
    need(hub_store_sqlite_open(out_path, &fill->session, &err), &err);
    fill->database = hub_store_sqlite_database(fill->session);
}

int main(int count, char **words) {
    struct fill fill = {.chance = {.state = 42}, .began_ms = clock_wall_ms() - SPAN_MS};
    char path[PATH_BYTES];
    struct stat made;
    const int64_t began_ns = clock_monotonic_ns();
    if (count != 4) {
        (void)fputs("usage: hub_fill_bench FOLDER RESULTS DEVICES\n", stderr);
        return 2;
    }
    fill.wanted = strtoull(words[2], NULL, 10);
    fill.device_count = (uint32_t)strtoul(words[3], NULL, 10);
    if (fill.wanted < 1 || fill.device_count < 1 || fill.device_count > DEVICES_MAX) {
        give_up("RESULTS is at least 1, DEVICES from 1 to %d", DEVICES_MAX);
    }
    buffer_init(&fill.bytes, RECORD_BYTES_MAX);
    open_hub(&fill, words[1], path);
    make_devices(&fill);
    live(&fill);
    end_devices(&fill);
    empty_wal(&fill);
    check(path);
    fill.session->kind->close(fill.session);
    buffer_done(&fill.bytes);
    memory_free(fill.devices);
    (void)printf("%llu %u %.1f %lld\n", (unsigned long long)fill.made, fill.device_count,
                 (double)(clock_monotonic_ns() - began_ns) / 1e9,
                 stat(path, &made) == 0 ? (long long)made.st_size : 0);
    return 0;
}
