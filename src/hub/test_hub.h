/*
 * test_hub: a hub's store in a folder of its own, and frames for it out of sync/test_lane's device.
 * For unit tests alone.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include "hub/lanes.h"
#include "hub/store/hub_store_sqlite.h"
#include "sync/test_lane.h"

static const struct id STREAM = {{1, 2, 3}};
static const struct id DEVICE = {{4, 5, 6}};

static char hub_folder[64];
static char hub_path[96];
static struct hub_session *session;
static struct lanes *lanes;

static inline void open_hub(void) {
    struct error err = {.text = ""};
    if (hub_store_sqlite_open(hub_path, &session, &err) != STATUS_OK ||
        lanes_create(session, &lanes, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static inline void close_hub(void) {
    lanes_destroy(lanes);
    if (session != NULL) {
        session->kind->close(session);
    }
    lanes = NULL;
    session = NULL;
}

static inline int set_up_hub(void **state) {
    (void)snprintf(hub_folder, sizeof(hub_folder), "/tmp/ebb-hub-XXXXXX");
    if (set_up(state) != 0 || mkdtemp(hub_folder) == NULL) {
        return -1;
    }
    (void)snprintf(hub_path, sizeof(hub_path), "%.60s/hub.db", hub_folder);
    open_hub();
    return 0;
}

static inline int tear_down_hub(void **state) {
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    close_hub();
    for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%.96s%s", hub_path, ENDS[i]);
        (void)unlink(path);
    }
    return rmdir(hub_folder) == 0 ? tear_down(state) : -1;
}

#define TEST_HUB(name) cmocka_unit_test_setup_teardown(name, set_up_hub, tear_down_hub)

static inline struct lane_place place_in(enum lane lane) {
    return (struct lane_place){.device = DEVICE,
                               .stream = STREAM,
                               .lane = lane,
                               .connection = 7,
                               .arrived = {.wall_ms = 99}};
}

/* The items of the device that begin with these seqs, as one frame in `wire`. */
static inline void write_items(const struct device *device, uint64_t from, uint64_t last) {
    const int index = index_at(device, from);
    write_frame(device, index, index_at(device, last) + 1, chain_before(device, index));
}

static inline void begin_work(void) {
    struct hub_stream stream;
    assert_int_equal(session->kind->begin(session, NULL), STATUS_OK);
    assert_int_equal(session->kind->claim(session, STREAM, DEVICE, &stream, NULL), STATUS_OK);
    assert_true(id_equal(stream.device, DEVICE));
}

static inline void end_work(void) {
    assert_int_equal(lanes_save(lanes, NULL), STATUS_OK);
    assert_int_equal(session->kind->commit(session, NULL), STATUS_OK);
}

static inline enum sync_code take_items(enum lane lane, const struct device *device, uint64_t from,
                                        uint64_t last) {
    const struct lane_place place = place_in(lane);
    struct error err = {.text = ""};
    write_items(device, from, last);
    answer = (struct answer){.code = SYNC_STORED};
    if (lanes_take(lanes, &place, buffer_slice(&wire), &answer, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return answer.code;
}

static inline struct hub_cursor cursor_of(enum lane lane) {
    struct hub_cursor found;
    assert_int_equal(session->kind->load_cursor(session, STREAM, lane, &found, NULL), STATUS_OK);
    return found;
}

static inline int64_t number_by(const char *sql) {
    int64_t number = -1;
    CLEANUP(query_done)
    struct query query = query_on(hub_store_sqlite_database(session), sql);
    assert_int_equal(query_one_number(&query, &number, NULL), STATUS_OK);
    return number;
}
