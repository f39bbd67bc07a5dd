// SPDX-License-Identifier: Apache-2.0
/* Real files in a folder of the test's own; the rows lie in a database on the fault disk. */
#include "storage/blobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/database_faults.h"
#include "platform/file.h"
#include "platform/json.h"
#include "storage/local_db.h"

enum { BYTES_MAX = 100 };

static struct fault_disk *disk;
static struct database *database;
static struct blobs *blobs;
static struct arena arena;
static char folder[64];
static const struct moment NOON = {.wall_ms = 1000000, .quality = CLOCK_GOOD};

static int set_up(void **state) {
    (void)state;
    const struct local_db_options options = {.path = "store/ebb.db", .vfs = "blobs"};
    struct local_db_found found;
    disk = fault_disk_create("blobs");
    fault_disk_clear(disk);
    arena_init(&arena, 1 << 20);
    (void)snprintf(folder, sizeof(folder), "/tmp/blobs_test.XXXXXX");
    if (mkdtemp(folder) == NULL || local_db_open(&options, &database, &found, NULL) != STATUS_OK) {
        return -1;
    }
    return blobs_open(folder, BYTES_MAX, &blobs, NULL) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    arena_done(&arena);
    blobs_close(blobs);
    database_close(database);
    fault_disk_destroy(disk);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command); /* NOLINT(cert-env33-c): the test's own folder */
}

static struct blob *make(const char *text) {
    struct blob *blob = NULL;
    assert_int_equal(blob_copy(SLICE("text/plain"), slice_of(text), &blob, NULL), STATUS_OK);
    return blob;
}

/* Kept on disk, and as a job would say it. */
static struct blob_hold keep(const char *text, int64_t keep_ms, int holders) {
    struct blob *blob = make(text);
    struct error err = {.text = ""};
    if (blobs_keep(blobs, blob, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    const struct blob_hold hold = {.id = blob_id(blob),
                                   .bytes = (int64_t)blob_count(blob),
                                   .type = SLICE("text/plain"),
                                   .keep_ms = keep_ms,
                                   .holders = holders};
    blob_release(blob);
    return hold;
}

static void hold_at(const struct blob_hold *hold, const struct moment *now) {
    struct error err = {.text = ""};
    assert_int_equal(database_begin(database, &err), STATUS_OK);
    if (blobs_hold(blobs, database, hold, 1, now, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(database_commit(database, &err), STATUS_OK);
    blobs_settle(blobs);
}

static void purge_at(int64_t wall_ms, enum clock_quality quality) {
    const struct moment now = {.wall_ms = wall_ms, .quality = quality};
    struct error err = {.text = ""};
    assert_int_equal(database_begin(database, &err), STATUS_OK);
    if (blobs_purge(blobs, database, &now, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(database_commit(database, &err), STATUS_OK);
    blobs_settle(blobs);
}

static void path_of(struct id id, char path[128]) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(id, hex);
    (void)snprintf(path, 128, "%s/blobs/%s", folder, hex);
}

static bool lies_there(struct id id) {
    char path[128];
    path_of(id, path);
    return access(path, F_OK) == 0;
}

static void test_blobs__keep_bytes_once_under_their_hash(void **state) {
    (void)state;
    assert_int_equal(access(folder, F_OK), 0);
    const struct blob_hold one = keep("hello", 1000, 0);
    const struct blob_hold two = keep("hello", 1000, 0);
    assert_true(id_equal(one.id, two.id));
    assert_true(lies_there(one.id));
    struct blob *back = NULL;
    struct slice bytes;
    struct error err;
    assert_int_equal(blobs_find(blobs, one.id, SLICE("text/plain"), &back, NULL), STATUS_OK);
    assert_int_equal(blob_open(back, &bytes, NULL), STATUS_OK);
    assert_true(slice_is(bytes, "hello"));
    assert_true(id_equal(blob_id(back), one.id));
    blob_release(back);
    assert_int_equal(blobs_find(blobs, (struct id){{9}}, SLICE("a"), &back, &err),
                     STATUS_NOT_FOUND);
}

static void test_blobs__notice_bytes_that_changed_on_the_disk(void **state) {
    (void)state;
    const struct blob_hold hold = keep("hello", 1000, 0);
    struct blob *back = NULL;
    struct slice bytes;
    char path[128];
    path_of(hold.id, path);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fputc('j', file), 'j');
    assert_int_equal(fclose(file), 0);
    assert_int_equal(blobs_find(blobs, hold.id, SLICE("text/plain"), &back, NULL), STATUS_OK);
    assert_int_equal(blob_open(back, &bytes, NULL), STATUS_CORRUPT);
    blob_release(back);
}

static void test_blobs__an_attachment_stays_until_its_time_is_over(void **state) {
    (void)state;
    const struct blob_hold hold = keep("hello", 500, 0);
    const struct blob_hold longer = keep("hello", 900, 0);
    blobs_unpin(blobs, hold.id);
    blobs_unpin(blobs, hold.id);
    hold_at(&hold, &NOON);
    hold_at(&longer, &NOON);
    hold_at(&hold, &NOON);
    assert_int_equal(blobs_bytes(blobs), 5);
    purge_at(NOON.wall_ms + 899, CLOCK_GOOD);
    purge_at(NOON.wall_ms + 9999, CLOCK_BAD);
    assert_true(lies_there(hold.id));
    purge_at(NOON.wall_ms + 900, CLOCK_GOOD);
    assert_false(lies_there(hold.id));
    assert_int_equal(blobs_bytes(blobs), 0);
    assert_int_equal(blobs_evicted(blobs), 0);
}

static void
test_blobs__made_while_the_clock_was_wrong_stay_as_long_from_when_it_is_good(void **state) {
    (void)state;
    const struct moment bad = {.wall_ms = 5, .quality = CLOCK_BAD};
    const struct blob_hold hold = keep("hello", 500, 0);
    blobs_unpin(blobs, hold.id);
    hold_at(&hold, &bad);
    purge_at(NOON.wall_ms, CLOCK_GOOD);
    purge_at(NOON.wall_ms + 499, CLOCK_GOOD);
    assert_true(lies_there(hold.id));
    purge_at(NOON.wall_ms + 500, CLOCK_GOOD);
    assert_false(lies_there(hold.id));
}

static void test_blobs__a_kept_run_holds_them_until_it_ends(void **state) {
    (void)state;
    struct blob_hold hold = keep("hello", 0, 1);
    blobs_unpin(blobs, hold.id);
    hold_at(&hold, &NOON);
    hold_at(&hold, &NOON);
    hold.holders = -1;
    hold_at(&hold, &NOON);
    purge_at(NOON.wall_ms, CLOCK_GOOD);
    assert_true(lies_there(hold.id));
    hold_at(&hold, &NOON);
    purge_at(NOON.wall_ms, CLOCK_GOOD);
    assert_false(lies_there(hold.id));
    hold_at(&hold, &NOON); /* of a row that is gone */
    assert_int_equal(blobs_bytes(blobs), 0);
}

static void test_blobs__make_room_by_what_expires_first_and_nobody_holds(void **state) {
    (void)state;
    char text[41] = "0000000000000000000000000000000000000000";
    struct blob_hold holds[4];
    for (int i = 0; i < 4; i++) {
        text[0] = (char)('a' + i);
        holds[i] = keep(text, 1000 - i, i == 3);
        blobs_unpin(blobs, holds[i].id);
    }
    hold_at(&holds[3], &NOON); /* the soonest, but held */
    hold_at(&holds[0], &NOON);
    hold_at(&holds[1], &NOON);
    assert_false(lies_there(holds[1].id));
    assert_true(lies_there(holds[0].id));
    assert_true(lies_there(holds[3].id));
    assert_int_equal(blobs_evicted(blobs), 1);
    assert_int_equal(blobs_bytes(blobs), 80);
    assert_in_range(blobs_bytes(blobs), 0, blobs_bytes_max(blobs));
    char large[BYTES_MAX + 2];
    (void)memset(large, 'x', sizeof(large));
    large[BYTES_MAX + 1] = '\0';
    struct blob *blob = make(large);
    struct error err;
    assert_int_equal(blobs_keep(blobs, blob, &err), STATUS_FULL);
    assert_string_equal(err.text, "101 bytes are more than the 100 that blobs may take");
    blob_release(blob);
}

static void test_blobs__a_file_that_somebody_names_again_stays(void **state) {
    (void)state;
    const struct blob_hold hold = keep("hello", 500, 0);
    blobs_unpin(blobs, hold.id);
    hold_at(&hold, &NOON);
    const struct blob_hold again = keep("hello", 500, 0);
    purge_at(NOON.wall_ms + 500, CLOCK_GOOD);
    assert_true(lies_there(hold.id));
    hold_at(&again, &NOON);
    blobs_unpin(blobs, again.id);
    assert_int_equal(blobs_bytes(blobs), 5);
    purge_at(NOON.wall_ms + 500, CLOCK_GOOD);
    assert_false(lies_there(hold.id));
}

static void test_blobs__what_was_taken_back_is_not_counted_and_stays(void **state) {
    (void)state;
    struct error err;
    const struct blob_hold hold = keep("hello", 500, 0);
    blobs_unpin(blobs, hold.id);
    hold_at(&hold, &NOON);
    const struct blob_hold other = keep("other", 500, 0);
    const struct moment later = {.wall_ms = NOON.wall_ms + 500, .quality = CLOCK_GOOD};
    assert_int_equal(database_begin(database, &err), STATUS_OK);
    assert_int_equal(blobs_purge(blobs, database, &later, &err), STATUS_OK);
    assert_int_equal(blobs_hold(blobs, database, &other, 1, &later, &err), STATUS_OK);
    database_rollback(database);
    blobs_take_back(blobs);
    assert_int_equal(blobs_bytes(blobs), 5);
    assert_true(lies_there(hold.id));
    assert_int_equal(blobs_load(blobs, database, &err), STATUS_OK);
    assert_int_equal(blobs_bytes(blobs), 5);
}

static void test_blobs__old_files_without_a_row_go_at_a_start(void **state) {
    (void)state;
    const struct blob_hold orphan = keep("orphan", 500, 0);
    const struct blob_hold young = keep("young", 500, 0);
    const struct blob_hold known = keep("known", 500, 1);
    hold_at(&known, &NOON);
    char path[128];
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    path_of(orphan.id, path);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    path_of(known.id, path);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    purge_at(clock_wall_ms(), CLOCK_GOOD);
    assert_false(lies_there(orphan.id));
    assert_true(lies_there(young.id));
    assert_true(lies_there(known.id));
}

static void test_blobs_restore__puts_blobs_where_their_json_stands(void **state) {
    (void)state;
    struct blob *blob = make("hello");
    struct blob_hold holds[BLOBS_OF_VALUE_MAX];
    uint32_t count = 0;
    struct value object;
    struct value read;
    struct value back;
    struct error err;
    struct buffer json;
    buffer_init(&json, 1 << 10);
    struct member *members = value_new_object(&arena, 2, &object);
    members[0] = (struct member){.name = SLICE("n"), .value = value_of_integer(1)};
    members[1].name = SLICE("list");
    struct value *items = value_new_list(&arena, 1, &members[1].value);
    assert_true(value_of_blob(&arena, blob, &items[0]));
    blob_release(blob);
    assert_int_equal(blobs_keep_value(blobs, object, holds, &count, &err), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(holds[0].holders, 1);
    json_write(&json, object);
    assert_int_equal(json_read(&arena, buffer_slice(&json), &read, &err), STATUS_OK);
    assert_int_equal(blobs_restore(blobs, &arena, read, &back, &err), STATUS_OK);
    assert_true(value_equal(back, object));
    char path[128];
    path_of(holds[0].id, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(blobs_restore(blobs, &arena, read, &back, &err), STATUS_NOT_FOUND);
    buffer_done(&json);
}

static void row_is(struct id id, const char *wanted) {
    struct store_read read = {.kind = READ_BLOB, .id = id};
    buffer_init(&read.out, 1000);
    assert_int_equal(blobs_read_row(database, &read, NULL), STATUS_OK);
    assert_true(slice_is(buffer_slice(&read.out), wanted));
    buffer_done(&read.out);
}

static void test_blobs__stay_unless_a_result_lets_them_go_and_none_says_never(void **state) {
    (void)state;
    struct blob_hold hold = keep("hello", 1000, 0);
    hold_at(&hold, &NOON);
    row_is(hold.id, "{\"bytes\":5,\"leaves\":0,\"type\":\"text/plain\"}");
    hold.leaves = BLOB_MAY_LEAVE;
    hold_at(&hold, &NOON);
    row_is(hold.id, "{\"bytes\":5,\"leaves\":1,\"type\":\"text/plain\"}");
    hold.leaves = BLOB_NEVER_LEAVES;
    hold_at(&hold, &NOON);
    hold.leaves = BLOB_MAY_LEAVE;
    hold_at(&hold, &NOON);
    hold.leaves = BLOB_UNSAID;
    hold_at(&hold, &NOON);
    row_is(hold.id, "{\"bytes\":5,\"leaves\":2,\"type\":\"text/plain\"}");
    purge_at(NOON.wall_ms + 2000, CLOCK_GOOD);
    struct store_read read = {.kind = READ_BLOB, .id = hold.id};
    assert_int_equal(blobs_read_row(database, &read, NULL), STATUS_NOT_FOUND);
    CLEANUP(query_done) struct query left = query_on(database, "SELECT count(*) FROM blob_leaves");
    int64_t count = -1;
    assert_int_equal(query_one_number(&left, &count, NULL), STATUS_OK);
    assert_int_equal(count, 0);
}

static void test_blobs__are_read_in_parts(void **state) {
    (void)state;
    const struct blob_hold hold = keep("hello", 1000, 0);
    struct buffer out;
    buffer_init(&out, 100);
    assert_int_equal(blobs_read_part(blobs, hold.id, 1, 3, &out, NULL), STATUS_OK);
    assert_int_equal(blobs_read_part(blobs, hold.id, 4, 3, &out, NULL), STATUS_OK);
    assert_int_equal(blobs_read_part(blobs, hold.id, 5, 3, &out, NULL), STATUS_OK);
    assert_true(slice_is(buffer_slice(&out), "ello"));
    assert_int_equal(blobs_read_part(blobs, (struct id){{9}}, 0, 3, &out, NULL), STATUS_NOT_FOUND);
    buffer_done(&out);
}

#define BLOBS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        BLOBS_TEST(test_blobs__keep_bytes_once_under_their_hash),
        BLOBS_TEST(test_blobs__notice_bytes_that_changed_on_the_disk),
        BLOBS_TEST(test_blobs__an_attachment_stays_until_its_time_is_over),
        BLOBS_TEST(test_blobs__made_while_the_clock_was_wrong_stay_as_long_from_when_it_is_good),
        BLOBS_TEST(test_blobs__a_kept_run_holds_them_until_it_ends),
        BLOBS_TEST(test_blobs__make_room_by_what_expires_first_and_nobody_holds),
        BLOBS_TEST(test_blobs__a_file_that_somebody_names_again_stays),
        BLOBS_TEST(test_blobs__what_was_taken_back_is_not_counted_and_stays),
        BLOBS_TEST(test_blobs__old_files_without_a_row_go_at_a_start),
        BLOBS_TEST(test_blobs__stay_unless_a_result_lets_them_go_and_none_says_never),
        BLOBS_TEST(test_blobs__are_read_in_parts),
        BLOBS_TEST(test_blobs_restore__puts_blobs_where_their_json_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
