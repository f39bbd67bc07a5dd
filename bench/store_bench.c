// SPDX-License-Identifier: Apache-2.0
/*
 * store_bench: one measurement of durable results, for bench/store to run in turn with others.
 *
 *   store_bench ours FOLDER FLIGHT COUNT     through the storage door, FLIGHT jobs under way
 *   store_bench sqlite FOLDER FLIGHT COUNT   raw SQLite: one thread, the same columns, one integer
 *                                            key, FLIGHT rows a commit
 *   store_bench queued FOLDER FLIGHT COUNT   leaves COUNT results queued and ends by SIGKILL
 *   store_bench varied FOLDER FLIGHT COUNT   as ours, with readings that differ, as those of
 *                                            bench/peers/guide_store.py do
 *
 * Prints: wall seconds, CPU seconds, p50 of one acknowledgement in microseconds, bytes written.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/file.h"
#include "storage/store.h"

#include "measured.h"
#include "reading.h"

enum { FLIGHT_MAX = 256 };

static const char BODY[] =
    "{\"room\":\"a1\",\"sensor\":\"s4\",\"t\":-18.4,\"rh\":61.5,\"n\":48211,"
    "\"state\":\"normal\",\"since\":\"2026-11-23T10:00:00.120Z\",\"unit\":\"Cel\","
    "\"score\":0.031,\"anomaly\":false}";

static int complain(const struct error *err) {
    (void)fprintf(stderr, "store_bench: %s\n", err->text);
    return status_exit_code(err->code);
}

/* --- ours --- */

struct slot_of_flight {
    struct store_job job;
    struct record_draft draft;
    int64_t began_ns;
    struct saving *saving;
    char body[READING_BYTES_MAX];
};

struct saving {
    struct store *store;
    int wake;
    uint32_t workflow;
    uint32_t started, wanted, failed;
    bool varied;
    struct slot_of_flight slots[FLIGHT_MAX];
    struct measured measured;
};

static void wake(void *owner) {
    const struct saving *saving = owner;
    const uint64_t one = 1;
    (void)!write(saving->wake, &one, sizeof(one));
}

static void submit(struct slot_of_flight *slot);

static void saved(struct store_job *job) {
    struct slot_of_flight *slot = job->owner;
    struct saving *saving = slot->saving;
    saving->failed += job->error.code != STATUS_OK;
    saving->measured.latencies_ns[saving->measured.count++] = clock_monotonic_ns() - slot->began_ns;
    if (saving->started < saving->wanted) {
        submit(slot);
    }
}

static void submit(struct slot_of_flight *slot) {
    struct saving *saving = slot->saving;
    saving->started++;
    slot->began_ns = clock_monotonic_ns();
    slot->draft = (struct record_draft){
        .record = {.kind = RECORD_RESULT,
                   .version = 1,
                   .priority = 1,
                   .time = clock_now(),
                   .boot = clock_boot_id(),
                   .name = SLICE("reading"),
                   .body = saving->varied ? reading_write(saving->started, slot->body)
                                          : slice_of(BODY)},
        .lane = LANE_NORMAL,
    };
    slot->job = (struct store_job){.kind = STORE_RUN_END,
                                   .done = saved,
                                   .owner = slot,
                                   .workflow = saving->workflow,
                                   .records = &slot->draft,
                                   .record_count = 1};
    store_submit(saving->store, &slot->job);
}

static void turn(struct saving *saving) {
    uint64_t count;
    struct pollfd ready = {.fd = saving->wake, .events = POLLIN};
    store_flush(saving->store);
    (void)poll(&ready, 1, -1);
    (void)!read(saving->wake, &count, sizeof(count));
    store_collect(saving->store);
}

static void numbered(struct store_job *job) {
    ((struct saving *)job->owner)->workflow = (uint32_t)job->out_number;
}

static int save_ours(const char *folder, uint32_t flight, uint32_t count, const char *mode) {
    static struct saving saving;
    struct store_opened opened;
    struct error err;
    saving.wake = eventfd(0, EFD_CLOEXEC);
    saving.wanted = count;
    saving.varied = strcmp(mode, "varied") == 0;
    const struct store_options options = {.folder = folder, .wake = wake, .owner = &saving};
    if (store_open(&options, &saving.store, &opened, &err) != STATUS_OK) {
        return complain(&err);
    }
    struct store_job workflow = {.kind = STORE_WORKFLOW,
                                 .done = numbered,
                                 .owner = &saving,
                                 .workflow_name = SLICE("cold-room"),
                                 .workflow_text = SLICE("ebb: 1"),
                                 .workflow_digest = {{1}}};
    store_submit(saving.store, &workflow);
    while (saving.workflow == 0) {
        turn(&saving);
    }
    measured_begin(&saving.measured, count);
    for (uint32_t i = 0; i < flight && i < count; i++) {
        saving.slots[i].saving = &saving;
        submit(&saving.slots[i]);
    }
    while (saving.measured.count < count) {
        turn(&saving);
    }
    measured_report(&saving.measured);
    if (strcmp(mode, "queued") == 0) {
        (void)raise(SIGKILL);
    }
    store_close(saving.store);
    return saving.failed == 0 ? 0 : 1;
}

/* --- raw SQLite --- */

static int save_raw(const char *folder, uint32_t flight, uint32_t count) {
    char path[4096];
    sqlite3 *database = NULL;
    sqlite3_stmt *insert = NULL;
    struct measured measured;
    (void)snprintf(path, sizeof(path), "%s/raw.db", folder);
    (void)file_make_folder(folder, NULL);
    if (sqlite3_open(path, &database) != SQLITE_OK ||
        sqlite3_exec(database,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-512;"
                     "CREATE TABLE record (key INTEGER PRIMARY KEY, last_seq, kind, workflow, name,"
                     " run, priority, boot, boot_ns, wall_ms, expires_ms, chain, body, first_id);",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(database,
                           "INSERT INTO record VALUES (?1,NULL,?2,?3,?4,?5,?6,?7,?8,?9,NULL,?10,"
                           "?11,NULL)",
                           -1, &insert, NULL) != SQLITE_OK) {
        (void)fprintf(stderr, "store_bench: %s\n", sqlite3_errmsg(database));
        return 1;
    }
    const uint8_t chain[16] = {7};
    measured_begin(&measured, count);
    for (uint32_t done = 0; done < count;) {
        const int64_t began = clock_monotonic_ns();
        const uint32_t rows = count - done < flight ? count - done : flight;
        (void)sqlite3_exec(database, "BEGIN", NULL, NULL, NULL);
        for (uint32_t i = 0; i < rows; i++) {
            (void)sqlite3_bind_int64(insert, 1, (int64_t)done + i + 1);
            (void)sqlite3_bind_int(insert, 2, 1);
            (void)sqlite3_bind_int(insert, 3, 1);
            (void)sqlite3_bind_text(insert, 4, "reading", 7, SQLITE_STATIC);
            (void)sqlite3_bind_blob(insert, 5, chain, sizeof(chain), SQLITE_STATIC);
            (void)sqlite3_bind_int(insert, 6, 1);
            (void)sqlite3_bind_int(insert, 7, 1);
            (void)sqlite3_bind_int64(insert, 8, began);
            (void)sqlite3_bind_int64(insert, 9, began / 1000000);
            (void)sqlite3_bind_blob(insert, 10, chain, sizeof(chain), SQLITE_STATIC);
            (void)sqlite3_bind_text(insert, 11, BODY, sizeof(BODY) - 1, SQLITE_STATIC);
            if (sqlite3_step(insert) != SQLITE_DONE) {
                (void)fprintf(stderr, "store_bench: %s\n", sqlite3_errmsg(database));
                return 1;
            }
            (void)sqlite3_reset(insert);
        }
        (void)sqlite3_exec(database, "COMMIT", NULL, NULL, NULL);
        const int64_t took = clock_monotonic_ns() - began;
        for (uint32_t i = 0; i < rows; i++) {
            measured.latencies_ns[measured.count++] = took;
        }
        done += rows;
    }
    measured_report(&measured);
    (void)sqlite3_finalize(insert);
    (void)sqlite3_close(database);
    return 0;
}

int main(int count, char **arguments) {
    if (count != 5) {
        (void)fprintf(stderr, "usage: store_bench ours|sqlite|queued|varied FOLDER FLIGHT COUNT\n");
        return 2;
    }
    const uint32_t flight = (uint32_t)strtoul(arguments[3], NULL, 10);
    const uint32_t wanted = (uint32_t)strtoul(arguments[4], NULL, 10);
    if (flight < 1 || flight > FLIGHT_MAX || wanted < 1) {
        return 2;
    }
    const char *mode = arguments[1];
    if (strcmp(mode, "sqlite") == 0) {
        return save_raw(arguments[2], flight, wanted);
    }
    if (strcmp(mode, "ours") == 0 || strcmp(mode, "queued") == 0 || strcmp(mode, "varied") == 0) {
        return save_ours(arguments[2], flight, wanted, mode);
    }
    return 2;
}
