// SPDX-License-Identifier: Apache-2.0
#include "cli/skeleton.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "platform/file.h"

#include <cmocka.h>

struct desk {
    char folder[64], made[96];
    struct call call;
    FILE *out, *talk;
    char *said;
    size_t said_bytes;
};

static void desk_init(struct desk *desk) {
    *desk = (struct desk){.folder = "/tmp/ebb-skeleton-XXXXXX"};
    assert_non_null(mkdtemp(desk->folder));
    (void)snprintf(desk->made, sizeof(desk->made), "%s/a", desk->folder);
    desk->talk = open_memstream(&desk->said, &desk->said_bytes);
    desk->out = fopen("/dev/null", "w");
    assert_non_null(desk->talk);
    assert_non_null(desk->out);
    desk->call = (struct call){.out = desk->out, .talk = desk->talk};
    arena_init(&desk->call.arena, CALL_ARENA_BYTES_MAX);
}

static void desk_done(struct desk *desk) {
    arena_done(&desk->call.arena);
    (void)fclose(desk->out);
    (void)fclose(desk->talk);
    free(desk->said);
    assert_int_equal(rmdir(desk->folder), 0); /* nothing was left in it */
}

static bool is_there(const char *path) {
    struct file_facts facts;
    struct error err;
    return file_facts(path, &facts, &err) == STATUS_OK;
}

static status write_fails(const char *folder, struct buffer *out, struct error *err) {
    (void)folder;
    (void)out;
    return fail_errno(err, ENOSPC, "write it");
}

static const struct skeleton_file FILES[] = {
    {.name = "@NAME@.txt", .text = "I am @NAME@, yes @NAME@.\n"},
    {.name = "made", .write = write_fails}};

static struct skeleton skeleton_in(const struct desk *desk, size_t count) {
    return (struct skeleton){.what = "workflow",
                             .name = "a",
                             .folder = desk->made,
                             .files = FILES,
                             .count = count,
                             .next = "try @NAME@"};
}

static void test_skeleton__a_bad_name_is_told_a_better_one(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(skeleton_check_name("agent", "cold-room", &err), STATUS_OK);
    assert_int_equal(skeleton_check_name("agent", "Cold_Room", &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "did you mean 'cold-room'?"));
    assert_int_equal(skeleton_check_name("agent", "../x", &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "a name begins with a letter a-z"));
    assert_int_equal(skeleton_check_name("agent", "", &err), STATUS_INVALID);
}

static void test_skeleton__fills_the_name_in_and_writes_nothing_over(void **state) {
    (void)state;
    struct desk desk;
    struct error err;
    char path[128], text[64] = "";
    desk_init(&desk);
    const struct skeleton skeleton = skeleton_in(&desk, 1);
    assert_int_equal(skeleton_write(&desk.call, &skeleton, &err), STATUS_OK);
    (void)snprintf(path, sizeof(path), "%s/a.txt", desk.made);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    assert_string_equal(text, "I am a, yes a.\n");
    (void)fflush(desk.talk);
    assert_string_equal(desk.said, "next: try a\n");

    assert_int_equal(skeleton_write(&desk.call, &skeleton, &err), STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "is there already"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(desk.made), 0);
    desk_done(&desk);
}

static void test_skeleton__leaves_nothing_behind_when_a_file_cannot_be_made(void **state) {
    (void)state;
    struct desk desk;
    struct error err;
    desk_init(&desk);
    const struct skeleton skeleton = skeleton_in(&desk, 2);
    assert_int_equal(skeleton_write(&desk.call, &skeleton, &err), STATUS_FULL);
    assert_string_equal(err.text, "make workflow 'a': write it: No space left on device");
    assert_false(is_there(desk.made));
    desk_done(&desk);
}

static void test_skeleton__a_dry_run_says_it_and_makes_nothing(void **state) {
    (void)state;
    struct desk desk;
    struct error err;
    desk_init(&desk);
    desk.call.dry_run = true;
    const struct skeleton skeleton = skeleton_in(&desk, 2);
    assert_int_equal(skeleton_write(&desk.call, &skeleton, &err), STATUS_OK);
    assert_false(is_there(desk.made));
    (void)fflush(desk.talk);
    assert_non_null(strstr(desk.said, "would make workflow 'a'"));
    desk_done(&desk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skeleton__a_bad_name_is_told_a_better_one),
        cmocka_unit_test(test_skeleton__fills_the_name_in_and_writes_nothing_over),
        cmocka_unit_test(test_skeleton__leaves_nothing_behind_when_a_file_cannot_be_made),
        cmocka_unit_test(test_skeleton__a_dry_run_says_it_and_makes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
