// SPDX-License-Identifier: Apache-2.0
#include "cli/hub_doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/time.h"
#include "cli/call.h"
#include "platform/json.h"

#include <cmocka.h>

static struct arena arena;
static struct doctor doctor;
static int64_t now_ms;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, CALL_ARENA_BYTES_MAX);
    doctor = (struct doctor){.arena = &arena};
    assert_true(time_read(SLICE("2026-11-23T10:00:00Z"), &now_ms));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct value json(const char *text) {
    struct value value = {.kind = VALUE_NULL};
    assert_int_equal(json_read(&arena, slice_of(text), &value, NULL), STATUS_OK);
    return value;
}

/* The one that is bad, whose sentence has these words; all is well again after it. */
static void assert_bad(const char *what, status code, const char *words) {
    assert_int_equal(doctor_count_bad(&doctor), 1);
    for (uint32_t i = 0; i < doctor.count; i++) {
        const struct finding *finding = &doctor.findings[i];
        if (!finding->is_good) {
            assert_string_equal(finding->what, what);
            assert_int_equal(finding->code, code);
            assert_non_null(strstr(finding->text.bytes, words));
            assert_true(finding->remedy.count > 0 && slice_ends(finding->remedy, "."));
        }
    }
    assert_int_equal(doctor_worst(&doctor), code);
    doctor.count = 0;
}

static void assert_good(const char *what, const char *words) {
    bool found = false;
    assert_int_equal(doctor_count_bad(&doctor), 0);
    for (uint32_t i = 0; i < doctor.count; i++) {
        found = found || (strcmp(doctor.findings[i].what, what) == 0 &&
                          strstr(doctor.findings[i].text.bytes, words) != NULL);
    }
    assert_true(found);
    doctor.count = 0;
}

#define WELL      "{\"version\":\"" EBB_VERSION "\",\"records\":7,\"devices\":3,\"up_s\":60"
#define BACKED_UP ",\"backup_at\":\"2026-11-22T10:00:00.000Z\""

static void judge(const char *text) {
    hub_doctor_judge_status(&doctor, json(text), now_ms);
}

static void test_hub_doctor__says_what_is_well(void **state) {
    (void)state;
    judge(WELL BACKED_UP ",\"destinations\":[{\"name\":\"desk\",\"sent\":5}]}");
    assert_good("backup", "1 d");
    judge(WELL BACKED_UP ",\"destinations\":[{\"name\":\"desk\",\"sent\":5}]}");
    assert_good("destination", "'desk' has 5 results");
    judge(WELL BACKED_UP "}");
    assert_good("devices", "3, none");
}

static void test_hub_doctor__names_each_illness(void **state) {
    (void)state;
    judge("{\"version\":\"0.0.1\"" BACKED_UP "}");
    assert_bad("hub", STATUS_OK, "0.0.1");
    judge(WELL BACKED_UP ",\"disk_full\":true}");
    assert_bad("disk", STATUS_FULL, "full");
    judge(WELL BACKED_UP ",\"disk_fails\":true}");
    assert_bad("disk", STATUS_SYSTEM, "fails");
    judge(WELL BACKED_UP ",\"faults\":2}");
    assert_bad("database", STATUS_CORRUPT, "2 lanes");
    judge(WELL BACKED_UP ",\"quarantined\":1}");
    assert_bad("records", STATUS_OK, "1 record could not be read");
    judge(WELL BACKED_UP ",\"overdue\":1}");
    assert_bad("devices", STATUS_OK, "1 of 3 device has not been heard of");
    judge(WELL BACKED_UP ",\"wal_bytes\":2147483648}");
    assert_bad("wal", STATUS_OK, "2.0 GiB");
    judge(WELL BACKED_UP ",\"ingest\":{\"commit_p99_ms\":1500.5}}");
    assert_bad("ingest", STATUS_OK, "1500 ms");
}

static void test_hub_doctor__wants_a_backup_that_is_young(void **state) {
    (void)state;
    judge(WELL ",\"backup_at\":null}");
    assert_bad("backup", STATUS_OK, "never");
    judge(WELL ",\"backup_at\":\"2026-11-01T10:00:00.000Z\"}");
    assert_bad("backup", STATUS_OK, "22 days");
    judge("{\"version\":\"" EBB_VERSION "\",\"records\":0,\"backup_at\":null}");
    assert_int_equal(doctor_count_bad(&doctor), 0);
}

static void test_hub_doctor__a_destination_that_is_long_down_is_a_fault(void **state) {
    (void)state;
    judge(WELL BACKED_UP ",\"destinations\":[{\"name\":\"desk\",\"failing\":true,\"waiting\":9,"
                         "\"failure\":\"it answered 500\",\"success_at\":"
                         "\"2026-11-23T09:00:00.000Z\"}]}");
    assert_bad("destination", STATUS_OK, "at most 9 wait: it answered 500");
    judge(WELL BACKED_UP ",\"destinations\":[{\"name\":\"desk\",\"failing\":true,\"waiting\":9,"
                         "\"failure\":\"it answered 500\",\"success_at\":"
                         "\"2026-11-20T09:00:00.000Z\"}]}");
    assert_bad("destination", STATUS_OFFLINE, "it answered 500");
    judge(WELL BACKED_UP ",\"destinations\":[{\"name\":\"desk\",\"refused\":1,\"given_up\":2,"
                         "\"removed\":3}]}");
    assert_bad("destination", STATUS_OK, "missed 6 results");
}

static void judge_health(const char *health, const char *answer) {
    hub_doctor_judge_health(&doctor, json(health), json(answer), now_ms);
}

static void test_hub_doctor__says_how_long_the_disk_lasts(void **state) {
    (void)state;
    static const char ROOM[] = "{\"disk\":{\"free_bytes\":1000000},\"devices\":3}";
    judge_health("{\"growth_day_bytes\":100000,\"connections_max\":100}", ROOM);
    assert_bad("disk", STATUS_OK, "full in 10 days");
    judge_health("{\"growth_day_bytes\":900000,\"connections_max\":100}", ROOM);
    assert_bad("disk", STATUS_FULL, "full in 1 day:");
    judge_health("{\"growth_day_bytes\":100000,\"reusable_bytes\":1000000,"
                 "\"connections_max\":100}",
                 ROOM);
    assert_good("disk", "for 20 days");
    judge_health("{\"growth_day_bytes\":null,\"connections_max\":100}", ROOM);
    assert_good("disk", "not known yet");
    judge_health("{\"growth_day_bytes\":0,\"connections_max\":100}", ROOM);
    assert_good("disk", "does not grow");
}

static void test_hub_doctor__looks_at_certificates_and_files(void **state) {
    (void)state;
    static const char FEW[] = "{\"devices\":3}";
    judge_health("{\"connections_max\":100,\"authority_ends_at\":\"2027-02-01T00:00:00.000Z\"}",
                 FEW);
    assert_bad("certificate", STATUS_OK, "authority ends: 2027-02-01");
    judge_health("{\"connections_max\":100,\"authority_ends_at\":\"2026-11-01T00:00:00.000Z\"}",
                 FEW);
    assert_bad("certificate", STATUS_DENIED, "has ended");
    judge_health("{\"connections_max\":100,\"server_ends_at\":\"2026-11-24T00:00:00.000Z\"}", FEW);
    assert_bad("certificate", STATUS_OK, "server ends:");
    judge_health("{\"connections_max\":100,\"server_ends_at\":\"2027-11-24T00:00:00.000Z\"}", FEW);
    assert_good("certificate", "2027-11-24");
    judge_health("{\"connections_max\":100,\"files\":228}", "{\"devices\":95}");
    assert_bad("files", STATUS_OK, "100 connections");
    judge_health("{\"connections_max\":100,\"files\":228}", "{\"devices\":101}");
    assert_bad("files", STATUS_FULL, "228 files");
}

static void test_hub_doctor__looks_at_the_machine(void **state) {
    (void)state;
    const struct error offline = {.code = STATUS_OFFLINE, .text = "nobody is there"};
    const struct error fine = {.code = STATUS_OK};
    hub_doctor_judge_mode(&doctor, "/d/key.pem", true, 0640);
    assert_bad("key", STATUS_DENIED, "mode 640");
    hub_doctor_judge_mode(&doctor, "/d/key.pem", true, 0600);
    assert_good("key", "/d/key.pem");
    hub_doctor_judge_mode(&doctor, "/d", false, 0777);
    assert_bad("folder", STATUS_DENIED, "others may write in /d");
    hub_doctor_judge_mode(&doctor, "/d", false, 0755);
    assert_good("folder", "/d");
    hub_doctor_judge_commit(&doctor, 250.0, "/d");
    assert_bad("disk speed", STATUS_OK, "250 ms");
    hub_doctor_judge_commit(&doctor, 2.5, "/d");
    assert_good("disk speed", "2.5 ms");
    hub_doctor_judge_address(&doctor, SLICE("hub.example:8443"), &offline);
    assert_bad("port", STATUS_OK, "hub.example:8443, which is not reached from here: nobody");
    hub_doctor_judge_address(&doctor, SLICE("hub.example:8443"), &fine);
    assert_good("port", "somebody answers");
    hub_doctor_judge_refusal(&doctor, &offline);
    assert_bad("hub", STATUS_OFFLINE, "nobody is there");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_hub_doctor__says_what_is_well),
        TEST(test_hub_doctor__names_each_illness),
        TEST(test_hub_doctor__wants_a_backup_that_is_young),
        TEST(test_hub_doctor__a_destination_that_is_long_down_is_a_fault),
        TEST(test_hub_doctor__says_how_long_the_disk_lasts),
        TEST(test_hub_doctor__looks_at_certificates_and_files),
        TEST(test_hub_doctor__looks_at_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
