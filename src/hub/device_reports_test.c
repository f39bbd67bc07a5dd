// SPDX-License-Identifier: Apache-2.0
#include "hub/device_reports.h"

#include <time.h>

#include "hub/test_hub.h"
#include "sync/report.h"

enum { CROWD = 2000 };

static struct loop *loop;
static struct ingest *ingest;
static struct faces *faces;
static struct reader *looks;
static struct attachments *attachments;
static struct device_reports *reports;
static struct timer *poll;
static bool (*until)(void);

static void look(void *owner) {
    (void)owner;
    if (until()) {
        loop_stop(loop);
    } else {
        timer_set(poll, 1);
    }
}

static void run_until(bool (*condition)(void)) {
    until = condition;
    timer_set(poll, 0);
    loop_run(loop);
}

static bool is_idle(void) {
    return ingest_is_idle(ingest);
}

static int set_up_reports(void **state) {
    if (set_up_hub(state) != 0) {
        return -1;
    }
    struct database *database = hub_store_sqlite_database(session);
    assert_int_equal(loop_create(&loop, NULL), STATUS_OK);
    assert_int_equal(timer_open(loop, look, NULL, &poll, NULL), STATUS_OK);
    const struct ingest_options ingests = {.loop = loop, .session = session};
    assert_int_equal(ingest_create(&ingests, &ingest, NULL), STATUS_OK);
    assert_int_equal(reader_create(loop, hub_path, &looks, NULL), STATUS_OK);
    assert_int_equal(faces_load(ingest, database, &faces, NULL), STATUS_OK);
    const struct attachments_options attached = {
        .loop = loop, .ingest = ingest, .reader = looks, .data = hub_folder};
    assert_int_equal(attachments_open(&attached, database, &attachments, NULL), STATUS_OK);
    const struct device_reports_options options = {
        .ingest = ingest, .faces = faces, .attachments = attachments};
    assert_int_equal(device_reports_create(&options, &reports, NULL), STATUS_OK);
    return 0;
}

static int tear_down_reports(void **state) {
    char blobs[128];
    ingest_stop(ingest);
    reader_destroy(looks);
    device_reports_destroy(reports);
    attachments_close(attachments);
    faces_destroy(faces);
    ingest_destroy(ingest);
    timer_close(poll);
    loop_run(loop);
    loop_destroy(loop);
    (void)snprintf(blobs, sizeof(blobs), "%s/blobs", hub_folder);
    return rmdir(blobs) == 0 ? tear_down_hub(state) : -1;
}

static struct id number_of(int number) {
    return (struct id){
        .bytes = {1, [ID_BYTES - 2] = (uint8_t)(number >> 8), [ID_BYTES - 1] = (uint8_t)number}};
}

static status hear(struct id device, const char *text, struct error *err) {
    struct want want = {.workflow_count = 0};
    return device_reports_hear(reports, device, slice_of(text), &want, err);
}

static void must_hear(struct id device, const char *text) {
    struct error err = {.text = ""};
    if (hear(device, text, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void write_all(void) {
    device_reports_write(reports);
    run_until(is_idle);
}

static struct device_reports_counters counters(void) {
    struct device_reports_counters found;
    device_reports_counters(reports, &found);
    return found;
}

static void test_device_reports__memory_has_the_newest_until_the_row_has_it(void **state) {
    (void)state;
    struct database *database = hub_store_sqlite_database(session);
    struct slice text;
    int64_t came_ms = 0;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_int_equal(
        device_reports_newest(reports, database, DEVICE, &arena, &text, &came_ms, NULL), STATUS_OK);
    assert_int_equal(text.count, 0);
    must_hear(DEVICE, "{\"a\":1}");
    assert_int_equal(number_by("SELECT count(*) FROM report"), 0);
    assert_true(device_reports_unwritten(reports, DEVICE, &arena, &text, &came_ms));
    assert_true(slice_is(text, "{\"a\":1}"));
    write_all();
    assert_int_equal(number_by("SELECT count(*) FROM report"), 1);
    assert_false(device_reports_unwritten(reports, DEVICE, &arena, &text, &came_ms));
    assert_int_equal(
        device_reports_newest(reports, database, DEVICE, &arena, &text, &came_ms, NULL), STATUS_OK);
    assert_true(slice_is(text, "{\"a\":1}"));
    assert_true(came_ms > 0);
    assert_int_equal(counters().held_bytes, 0);
    arena_done(&arena);
}

/* One every five minutes, or when something else than a number has changed: of what 2,000 devices
 * report in a row, 256 rows in a transaction. */
static void test_device_reports__what_a_crowd_reports_costs_few_rows(void **state) {
    (void)state;
    char text[64];
    for (int i = 0; i < CROWD; i++) {
        (void)snprintf(text, sizeof(text), "{\"runs\":%d}", i);
        must_hear(number_of(i), text);
    }
    write_all();
    assert_int_equal(counters().written, DEVICE_REPORTS_ROWS_MAX);
    for (int rounds = 1; rounds < CROWD / DEVICE_REPORTS_ROWS_MAX + 1; rounds++) {
        write_all();
    }
    assert_int_equal(counters().written, CROWD);
    assert_int_equal(number_by("SELECT count(*) FROM report"), CROWD);
    const struct timespec pause = {.tv_sec = 1, .tv_nsec = 100000000};
    (void)nanosleep(&pause, NULL);
    for (int i = 0; i < CROWD; i++) {
        (void)snprintf(text, sizeof(text), i == 7 ? "{\"ran\":%d}" : "{\"runs\":%d}", 3 * i);
        must_hear(number_of(i), text);
    }
    write_all();
    assert_int_equal(counters().written, CROWD + 1);           /* the one whose shape is another */
    assert_int_equal(counters().came + counters().refused, 0); /* none came by HTTP */
    assert_int_equal(number_by("SELECT count(*) FROM report WHERE body = '{\"ran\":21}'"), 1);
}

static void test_device_reports__one_that_comes_too_soon_waits(void **state) {
    (void)state;
    struct error err;
    must_hear(DEVICE, "{\"a\":1}");
    assert_int_equal(hear(DEVICE, "{\"a\":2}", &err), STATUS_BUSY);
    assert_int_equal(hear(number_of(1), "[]", &err), STATUS_INVALID);
    assert_int_equal(hear(number_of(2), "{\"workflows\":7}", &err), STATUS_INVALID);
    write_all();
    assert_int_equal(number_by("SELECT count(*) FROM report"), 1);
}

/* Beyond the bound a report waits: memory does not grow with what devices send. */
static void test_device_reports__memory_is_bounded(void **state) {
    (void)state;
    static char text[REPORT_BYTES_MAX];
    struct error err = {.text = ""};
    struct want want = {.workflow_count = 0};
    int taken = 0;
    (void)memset(text, ' ', sizeof(text));
    text[0] = '{';
    text[sizeof(text) - 1] = '}';
    const struct slice large = {.bytes = text, .count = sizeof(text)};
    while (taken < CROWD &&
           device_reports_hear(reports, number_of(taken), large, &want, &err) == STATUS_OK) {
        taken++;
    }
    assert_int_equal(taken, DEVICE_REPORTS_BYTES_MAX / REPORT_BYTES_MAX);
    assert_int_equal(err.code, STATUS_BUSY);
    write_all();
    write_all();
    assert_int_equal(counters().held_bytes, 0);
    must_hear(number_of(CROWD), "{}");
}

static void test_device_reports__a_face_is_asked_for_once(void **state) {
    (void)state;
    static const char TEXT[] =
        "{\"workflows\":[{\"name\":\"a\",\"digest\":\"000102030405060708090a0b0c0d0e0f\"}]}";
    struct want one = {.workflow_count = 0};
    struct want two = {.workflow_count = 0};
    struct error err;
    assert_int_equal(device_reports_hear(reports, number_of(1), slice_of(TEXT), &one, &err),
                     STATUS_OK);
    assert_int_equal(one.workflow_count, 1);
    assert_int_equal(device_reports_hear(reports, number_of(2), slice_of(TEXT), &two, &err),
                     STATUS_OK);
    assert_int_equal(two.workflow_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_reports, tear_down_reports)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_device_reports__memory_has_the_newest_until_the_row_has_it),
        TEST(test_device_reports__what_a_crowd_reports_costs_few_rows),
        TEST(test_device_reports__one_that_comes_too_soon_waits),
        TEST(test_device_reports__memory_is_bounded),
        TEST(test_device_reports__a_face_is_asked_for_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
