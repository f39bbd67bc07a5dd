// SPDX-License-Identifier: Apache-2.0
/* What a sender goes on with; that it is written while it sends is tests/scenario/test_links.py. */
#include "runtime/link_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "platform/clock.h"
#include "platform/file.h"
#include "platform/folder.h"

enum { MINUTE_MS = 60 * 1000, SENT_BYTES = 700 };

static const int64_t TIME_MS = INT64_C(777) * 60 * MINUTE_MS;

static char place[] = "/tmp/ebb-ledger-XXXXXX";
static char path[64];

static int make_place(void **state) {
    (void)state;
    (void)strcpy(place, "/tmp/ebb-ledger-XXXXXX");
    const bool made = mkdtemp(place) != NULL;
    (void)snprintf(path, sizeof(path), "%s/links.json", place);
    return made ? 0 : 1;
}

static int end_place(void **state) {
    (void)state;
    struct error err;
    return folder_remove(place, &err) == STATUS_OK ? 0 : 1;
}

static void write_window(struct buffer *out, const char *name, int64_t newest, const char *end) {
    buffer_print(out, "\"%s\":{\"newest\":%lld,\"slots\":[", name, (long long)newest);
    for (int i = 0; i < SCHEDULER_WINDOW_SLOTS; i++) {
        buffer_print(out, "%s%d", i > 0 ? "," : "",
                     i == newest % SCHEDULER_WINDOW_SLOTS ? SENT_BYTES : 0);
    }
    buffer_print(out, "]}%s", end);
}

/* A file of so long ago, by the boot clock of this boot or by the wall clock after another one. */
static void write_file(bool this_boot, int64_t ago_ms) {
    char boot[ID_UUID_BYTES + 1];
    struct error err;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 4096);
    id_write_uuid(this_boot ? clock_boot_id() : (struct id){{1, 2, 3}}, boot);
    buffer_print(&text, "{\"boot\":\"%s\",\"boot_ms\":%lld,\"wall_ms\":%lld,\"time_ms\":%lld,",
                 boot, (long long)(this_boot ? clock_boot_ns() / 1000000 - ago_ms : 5),
                 (long long)(this_boot ? 5 : clock_wall_ms() - ago_ms), (long long)TIME_MS);
    buffer_add_text(&text, "\"links\":[{\"kind\":\"cellular\",");
    write_window(&text, "hour", TIME_MS / (5 * MINUTE_MS), ",");
    write_window(&text, "day", TIME_MS / (120 * MINUTE_MS), "}]}");
    assert_int_equal(file_replace(path, buffer_slice(&text), &err), STATUS_OK);
}

static struct sender *sender_on_cellular(const struct link_ledger *ledger) {
    const struct sender_options options = {.seed = 1};
    const struct sender_link cellular = {.kind = "cellular", .budget = {.bytes_hour = 500}};
    struct sender *sender;
    struct error err;
    assert_int_equal(sender_create(&options, &sender, &err), STATUS_OK);
    link_ledger_give(ledger, sender);
    sender_use_link(sender, &cellular);
    return sender;
}

static struct link_ledger *open_ledger(void) {
    struct link_ledger *ledger;
    struct error err;
    assert_int_equal(link_ledger_create(NULL, place, &ledger, &err), STATUS_OK);
    return ledger;
}

static void assert_used(int64_t hour, int64_t day) {
    struct link_ledger *ledger = open_ledger();
    struct sender *sender = sender_on_cellular(ledger);
    struct sender_budget budget;
    const int64_t now_ms = clock_boot_ns() / 1000000;
    sender_budget(sender, now_ms, &budget);
    assert_int_equal(budget.bytes_hour, hour);
    assert_int_equal(budget.bytes_day, day);
    assert_int_equal(budget.room_ms > now_ms, hour > 0);
    sender_destroy(sender);
    link_ledger_destroy(ledger);
}

static void test_link_ledger__goes_on_within_a_boot(void **state) {
    (void)state;
    write_file(true, 30 * MINUTE_MS);
    assert_used(SENT_BYTES, SENT_BYTES);
    write_file(true, 120 * MINUTE_MS);
    assert_used(0, SENT_BYTES);
}

static void test_link_ledger__goes_on_after_another_boot_by_the_wall_clock(void **state) {
    (void)state;
    write_file(false, 30 * MINUTE_MS);
    assert_used(SENT_BYTES, SENT_BYTES);
    write_file(false, 120 * MINUTE_MS);
    assert_used(0, SENT_BYTES);
    write_file(false, INT64_C(72) * 60 * MINUTE_MS);
    assert_used(0, 0);
    write_file(false, -INT64_C(72) * 60 * MINUTE_MS); /* a clock that went back frees nothing */
    assert_used(SENT_BYTES, SENT_BYTES);
}

static void test_link_ledger__begins_anew_where_there_is_nothing_to_read(void **state) {
    (void)state;
#define BOOT "{\"boot\":\"00000000-0000-0000-0000-000000000001\","
    static const char *const TEXTS[] = {
        "",
        "{}",
        "[1]",
        "{\"boot\":\"\",\"links\":[]}",
        BOOT "\"links\":[{},{},{},{},{},{}]}",
        BOOT "\"boot_ms\":1,\"wall_ms\":1,\"time_ms\":1,\"links\":[{\"kind\":\"cellular\","
             "\"hour\":{\"newest\":0,\"slots\":[9]},\"day\":7}]}",
    };
    struct error err;
    assert_used(0, 0);
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        assert_int_equal(file_replace(path, slice_of(TEXTS[i]), &err), STATUS_OK);
        assert_used(0, 0);
    }
}

/* Each write costs a flash card something. */
static void test_link_ledger__writes_nothing_when_nothing_was_sent(void **state) {
    (void)state;
    struct file_facts before, after;
    struct error err;
    write_file(true, 30 * MINUTE_MS);
    assert_int_equal(file_facts(path, &before, &err), STATUS_OK);
    struct link_ledger *ledger = open_ledger();
    struct sender *sender = sender_on_cellular(ledger);
    assert_int_equal(link_ledger_look(ledger, sender), 0);
    sender_destroy(sender);
    link_ledger_destroy(ledger);
    assert_int_equal(file_facts(path, &after, &err), STATUS_OK);
    assert_int_equal(after.inode, before.inode);
}

int main(void) {
#define LEDGER_TEST(name)                                                                          \
    cmocka_unit_test_setup_teardown(test_link_ledger__##name, make_place, end_place)
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(goes_on_within_a_boot),
        LEDGER_TEST(goes_on_after_another_boot_by_the_wall_clock),
        LEDGER_TEST(begins_anew_where_there_is_nothing_to_read),
        LEDGER_TEST(writes_nothing_when_nothing_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
