// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/call.h"
#include "platform/json.h"

#include <cmocka.h>

struct ward {
    struct arena arena;
    struct doctor doctor;
};

static void ward_init(struct ward *ward) {
    *ward = (struct ward){.doctor = {.count = 0}};
    arena_init(&ward->arena, CALL_ARENA_BYTES_MAX);
    ward->doctor.arena = &ward->arena;
}

static struct value json(struct ward *ward, const char *text) {
    struct value value = {.kind = VALUE_NULL};
    struct error err;
    assert_int_equal(json_read(&ward->arena, slice_of(text), &value, &err), STATUS_OK);
    return value;
}

/* One finding of that class whose sentence has these words; the ward is well again after it. */
static void assert_found(struct ward *ward, const char *what, status code, const char *words) {
    assert_int_equal(ward->doctor.count, 1);
    const struct finding *finding = &ward->doctor.findings[0];
    assert_string_equal(finding->what, what);
    assert_int_equal(finding->code, code);
    assert_int_equal(doctor_worst(&ward->doctor), code);
    assert_non_null(strstr(finding->text.bytes, words));
    assert_true(slice_ends(finding->remedy, "."));
    ward->doctor.count = 0;
}

static void test_doctor__finds_nothing_where_nothing_is_wrong(void **state) {
    (void)state;
    struct ward ward;
    ward_init(&ward);
    doctor_judge_status(&ward.doctor,
                        json(&ward, "{\"version\":\"" EBB_VERSION
                                    "\",\"store\":{\"failing\":false,\"full\":false},"
                                    "\"workflows\":[{\"name\":\"w\",\"state\":\"running\"}],"
                                    "\"agents\":[{\"name\":\"a\",\"state\":\"ready\"}]}"));
    doctor_judge_runs(&ward.doctor, json(&ward, "{\"runs\":[]}"));
    doctor_judge_gaps(&ward.doctor, SLICE("high"),
                      json(&ward, "{\"records\":[{\"kind\":\"gap\",\"result\":{\"reason\":"
                                  "\"superseded\",\"count\":3}},{\"kind\":\"result\"}]}"));
    const struct doctor_room room = {
        .free_bytes = INT64_C(2) << 30, .all_bytes = INT64_C(100) << 30, .free_files = 0};
    doctor_judge_room(&ward.doctor, "/x", &room);
    doctor_judge_clock(&ward.doctor, (struct moment){.quality = CLOCK_GOOD});
    assert_int_equal(ward.doctor.count, 0);
    assert_int_equal(doctor_worst(&ward.doctor), STATUS_OK);
    arena_done(&ward.arena);
}

static void test_doctor__tells_why_a_daemon_cannot_be_asked(void **state) {
    (void)state;
    struct ward ward;
    struct error why;
    ward_init(&ward);
    (void)(fail)(&why, STATUS_OFFLINE, "no daemon answers on /x");
    doctor_judge_refusal(&ward.doctor, &why, "");
    assert_found(&ward, "daemon", STATUS_OFFLINE, "no daemon answers on /x");
    (void)(fail)(&why, STATUS_DENIED, "it is not for us");
    doctor_judge_refusal(&ward.doctor, &why, "ebb");
    assert_found(&ward, "socket", STATUS_DENIED, "the socket is for the group 'ebb'");
    doctor_judge_refusal(&ward.doctor, &why, "");
    assert_found(&ward, "socket", STATUS_DENIED, "it is not for us");
    (void)(fail)(&why, STATUS_NOT_FOUND, "load 'libcurl'");
    doctor_judge_refusal(&ward.doctor, &why, "");
    assert_found(&ward, "libcurl", STATUS_NOT_FOUND, "load 'libcurl'");
    (void)(fail)(&why, STATUS_TIMEOUT, "it says nothing");
    doctor_judge_refusal(&ward.doctor, &why, "");
    assert_found(&ward, "daemon", STATUS_TIMEOUT, "it says nothing");
    arena_done(&ward.arena);
}

static void judge_status(struct ward *ward, const char *members) {
    char text[512];
    (void)snprintf(text, sizeof(text), "{\"version\":\"" EBB_VERSION "\",%s}", members);
    doctor_judge_status(&ward->doctor, json(ward, text));
}

static void test_doctor__reads_the_daemon_s_own_account(void **state) {
    (void)state;
    struct ward ward;
    ward_init(&ward);
    judge_status(&ward, "\"store\":{\"failing\":true}");
    assert_found(&ward, "database", STATUS_SYSTEM, "the database fails");
    judge_status(&ward, "\"store\":{\"full\":true}");
    assert_found(&ward, "database", STATUS_FULL, "the disk is full");
    judge_status(&ward, "\"workflows\":[{\"name\":\"w\",\"state\":\"faulty\",\"file\":\"/f\","
                        "\"fault\":\"it is wrong\"}]");
    assert_found(&ward, "workflow", STATUS_INVALID, "workflow 'w' does not run: it is wrong (/f)");
    judge_status(&ward, "\"workflows\":[{\"name\":\"w\",\"state\":\"running\",\"file\":\"/f\","
                        "\"fault\":\"it is wrong\"}]");
    assert_found(&ward, "workflow", STATUS_INVALID, "runs its older version");
    judge_status(&ward, "\"agents\":[{\"name\":\"a\",\"state\":\"broken\",\"restarts\":5}]");
    assert_found(&ward, "agent", STATUS_CRASH, "agent 'a' is broken");
    doctor_judge_status(&ward.doctor, json(&ward, "{\"version\":\"9.0\"}"));
    assert_found(&ward, "daemon", STATUS_OK, "the daemon is ebb 9.0");
    arena_done(&ward.arena);
}

static void test_doctor__finds_parked_runs_and_gaps(void **state) {
    (void)state;
    struct ward ward;
    ward_init(&ward);
    doctor_judge_runs(&ward.doctor, json(&ward, "{\"runs\":[{\"workflow\":\"w\"}]}"));
    assert_found(&ward, "runs", STATUS_CRASH, "1 run is parked");
    doctor_judge_runs(&ward.doctor,
                      json(&ward, "{\"runs\":[{\"workflow\":\"w\"},{\"workflow\":\"v\"}]}"));
    assert_found(&ward, "runs", STATUS_CRASH, "2 runs are parked");
    doctor_judge_gaps(
        &ward.doctor, SLICE("low"),
        json(&ward,
             "{\"records\":[{\"kind\":\"gap\",\"result\":{\"reason\":\"evicted\",\"count\":3}},"
             "{\"kind\":\"result\",\"result\":{\"reason\":\"evicted\",\"count\":9}},"
             "{\"kind\":\"gap\",\"result\":{\"reason\":\"evicted\",\"count\":4}}]}"));
    assert_found(&ward, "gaps", STATUS_OK, "7 records of lane 'low' went unsent to make room");
    arena_done(&ward.arena);
}

static void test_doctor__finds_a_workflow_that_fails_now(void **state) {
    (void)state;
    struct ward ward;
    ward_init(&ward);
    static const char DONE[] = "{\"workflow\":\"w\",\"state\":\"done\",\"ended_at\":\"t\"}";
    static const char FAILED[] = "{\"workflow\":\"w\",\"state\":\"failed\",\"ended_at\":\"t\","
                                 "\"error\":\"no secret 'x'\"}";
    static const char OTHERS[] = "{\"workflow\":\"w\",\"state\":\"open\"},"
                                 "{\"workflow\":\"v\",\"state\":\"done\",\"ended_at\":\"t\"}";
    char text[1024];
    (void)snprintf(text, sizeof(text), "{\"runs\":[%s,%s,%s,%s]}", OTHERS, FAILED, FAILED, DONE);
    doctor_judge_ended(&ward.doctor, json(&ward, text));
    assert_found(&ward, "runs", STATUS_OK,
                 "2 of the last 3 runs of workflow 'w' failed, the newest so: no secret 'x'");
    (void)snprintf(text, sizeof(text), "{\"runs\":[%s,%s,%s]}", FAILED, DONE, DONE);
    doctor_judge_ended(&ward.doctor, json(&ward, text));
    assert_int_equal(ward.doctor.count, 0);
    (void)snprintf(text, sizeof(text), "{\"runs\":[%s,%s,%s]}", DONE, FAILED, FAILED);
    doctor_judge_ended(&ward.doctor, json(&ward, text));
    assert_int_equal(ward.doctor.count, 0);
    arena_done(&ward.arena);
}

enum { NOW_MS = 5 * DOCTOR_PATIENCE_MS };

static void judge_destination(struct ward *ward, const char *members) {
    char text[512];
    (void)snprintf(text, sizeof(text), "{\"destinations\":[{\"name\":\"desk\",%s}]}", members);
    doctor_judge_destinations(&ward->doctor, json(ward, text), NOW_MS);
}

static void test_doctor__knows_for_how_long_a_destination_is_down(void **state) {
    (void)state;
    struct ward ward;
    ward_init(&ward);
    judge_destination(&ward, "\"failing\":false,\"waiting\":9,\"missed\":0,\"failure\":\"old\","
                             "\"oldest_at\":\"1970-01-01T00:00:00.000\"");
    assert_int_equal(ward.doctor.count, 0);
    judge_destination(&ward, "\"failing\":true,\"waiting\":1,\"missed\":0,\"failure\":\"refused\","
                             "\"oldest_at\":\"1970-01-05T00:00:00.001\"");
    assert_found(&ward, "destination", STATUS_OK,
                 "destination 'desk' is down, 1 result waits for it, the oldest of 1970-01-05 "
                 "00:00:00: refused");
    judge_destination(&ward, "\"failing\":true,\"waiting\":2,\"missed\":0,\"failure\":\"refused\","
                             "\"oldest_at\":\"1970-01-04T23:59:59.999\"");
    assert_found(&ward, "destination", STATUS_OFFLINE, "2 results wait for it");
    judge_destination(&ward, "\"failing\":false,\"waiting\":0,\"missed\":3,\"oldest_at\":null");
    assert_found(&ward, "gaps", STATUS_OK, "destination 'desk' missed 3 results");
    arena_done(&ward.arena);
}

static void judge_hub(struct ward *ward, const char *members) {
    char text[1024];
    (void)snprintf(text, sizeof(text), "{\"joined\":true,\"hub\":\"h:1\",%s}", members);
    doctor_judge_hub(&ward->doctor, json(ward, text), NOW_MS);
}

static void test_doctor__tells_how_the_device_gets_on_with_its_hub(void **state) {
    (void)state;
    struct ward ward;
    ward_init(&ward);
    doctor_judge_hub(&ward.doctor, json(&ward, "{\"joined\":false,\"offline\":false}"), NOW_MS);
    judge_hub(&ward, "\"connected\":false"); /* the first try is under way */
    judge_hub(&ward, "\"connected\":true,\"last_error\":\"old\","
                     "\"certificate_ends_at\":\"1970-03-01T00:00:00.000\"");
    assert_int_equal(ward.doctor.count, 0);
    judge_hub(&ward, "\"connected\":false,\"last_error\":\"nobody answers\"");
    assert_found(&ward, "hub", STATUS_OK,
                 "hub h:1 is not reached, nor was it since the daemon began: nobody answers");
    judge_hub(&ward, "\"connected\":false,\"last_error\":\"nobody answers\","
                     "\"last_contact_at\":\"1970-01-05T10:00:00.000\"");
    assert_found(&ward, "hub", STATUS_OK,
                 "hub h:1 is not reached, last heard of at 1970-01-05 10:00:00: nobody answers");
    judge_hub(&ward, "\"connected\":false,\"last_error\":\"403\",\"refused\":\"it is revoked\","
                     "\"certificate_ends_at\":\"1970-01-02T00:00:00.000\"");
    assert_non_null(strstr(ward.doctor.findings[0].remedy.bytes, "ebb leave"));
    assert_found(&ward, "hub", STATUS_DENIED, "hub h:1 refuses this device: it is revoked");
    judge_hub(&ward, "\"connected\":true,\"certificate_ends_at\":\"1970-01-02T00:00:00.000\"");
    assert_found(&ward, "certificate", STATUS_OK, "has ended: 1970-01-02 00:00:00");
    char ends[TIME_TEXT_BYTES], members[200];
    time_write_plain(NOW_MS + DOCTOR_CERTIFICATE_MS - 1000, ends);
    (void)snprintf(members, sizeof(members), "\"connected\":true,\"certificate_ends_at\":\"%s\"",
                   ends);
    judge_hub(&ward, members);
    assert_found(&ward, "certificate", STATUS_OK, "of this device ends: ");
    arena_done(&ward.arena);
}

static void test_doctor__counts_events_and_blobs(void **state) {
    (void)state;
    struct ward ward;
    ward_init(&ward);
    doctor_judge_events(&ward.doctor, json(&ward, "{\"kept\":1,\"gone\":0}"));
    assert_found(&ward, "events", STATUS_OK, "1 event did not fit and is kept aside");
    doctor_judge_events(&ward.doctor, json(&ward, "{\"kept\":2,\"gone\":7}"));
    assert_found(&ward, "events", STATUS_OK,
                 "2 events did not fit and are kept aside, and 7 more went to make room");
    judge_status(&ward, "\"store\":{\"blob_bytes\":89,\"blob_bytes_max\":100}");
    assert_int_equal(ward.doctor.count, 0);
    judge_status(&ward, "\"store\":{\"blob_bytes\":91,\"blob_bytes_max\":100}");
    assert_found(&ward, "blobs", STATUS_OK, "takes 91 B of 100 B");
    judge_status(&ward, "\"store\":{\"blob_bytes\":5,\"blob_bytes_max\":100,\"blobs_evicted\":4}");
    assert_found(&ward, "blobs", STATUS_OK, "and 4 went to make room");
    arena_done(&ward.arena);
}

static void test_doctor__knows_when_a_disk_is_nearly_full(void **state) {
    (void)state;
    const int64_t mib = 1 << 20;
    struct ward ward;
    ward_init(&ward);
    /* Four parts in a hundred of a large disk are plenty, of a small one they are not. */
    struct doctor_room room = {.free_bytes = 4000 * mib, .all_bytes = 100000 * mib};
    doctor_judge_room(&ward.doctor, "/x", &room);
    assert_int_equal(ward.doctor.count, 0);
    room = (struct doctor_room){.free_bytes = 40 * mib, .all_bytes = 1000 * mib};
    doctor_judge_room(&ward.doctor, "/x", &room);
    assert_found(&ward, "disk", STATUS_FULL, "the disk of /x is nearly full");
    room = (struct doctor_room){.free_bytes = 8 * mib, .all_bytes = 16 * mib};
    doctor_judge_room(&ward.doctor, "/x", &room);
    assert_found(&ward, "disk", STATUS_FULL, "of 16.0 MiB are free");
    room = (struct doctor_room){
        .free_bytes = 4000 * mib, .all_bytes = 8000 * mib, .free_files = 50, .all_files = 100000};
    doctor_judge_room(&ward.doctor, "/x", &room);
    assert_found(&ward, "inodes", STATUS_FULL, "room for 50 more files");
    arena_done(&ward.arena);
}

static void test_doctor__knows_a_clock_of_1970(void **state) {
    (void)state;
    struct ward ward;
    ward_init(&ward);
    doctor_judge_clock(&ward.doctor, (struct moment){.wall_ms = 5000, .quality = CLOCK_BAD});
    assert_found(&ward, "clock", STATUS_INVALID, "the clock says 1970-01-01T00:00:05");
    doctor_judge_clock(&ward.doctor, (struct moment){.wall_ms = 5000, .quality = CLOCK_UNSURE});
    assert_found(&ward, "clock", STATUS_OK, "not synchronised");
    arena_done(&ward.arena);
}

static void test_doctor__counts_what_it_does_not_keep(void **state) {
    (void)state;
    struct ward ward;
    ward_init(&ward);
    for (int i = 0; i < DOCTOR_FINDINGS_MAX + 3; i++) {
        doctor_find(&ward.doctor, "x", STATUS_FULL, "Do.", "%d", i);
    }
    assert_int_equal(ward.doctor.count, DOCTOR_FINDINGS_MAX);
    assert_int_equal(ward.doctor.more, 3);
    arena_done(&ward.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doctor__finds_nothing_where_nothing_is_wrong),
        cmocka_unit_test(test_doctor__tells_why_a_daemon_cannot_be_asked),
        cmocka_unit_test(test_doctor__reads_the_daemon_s_own_account),
        cmocka_unit_test(test_doctor__finds_parked_runs_and_gaps),
        cmocka_unit_test(test_doctor__finds_a_workflow_that_fails_now),
        cmocka_unit_test(test_doctor__tells_how_the_device_gets_on_with_its_hub),
        cmocka_unit_test(test_doctor__knows_for_how_long_a_destination_is_down),
        cmocka_unit_test(test_doctor__counts_events_and_blobs),
        cmocka_unit_test(test_doctor__knows_when_a_disk_is_nearly_full),
        cmocka_unit_test(test_doctor__knows_a_clock_of_1970),
        cmocka_unit_test(test_doctor__counts_what_it_does_not_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
