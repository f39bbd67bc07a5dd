// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/file.h"

#include <cmocka.h>

static const struct command_option SOCKET = {"socket", "PATH", ""};

/* A call as `ebb status --socket PATH` makes it; without the option where `path` is NULL. */
static void call_init(struct call *call, struct call_value *value, const char *path) {
    *call = (struct call){.out = stdout, .talk = stderr};
    arena_init(&call->arena, 1 << 20);
    if (path != NULL) {
        *value = (struct call_value){.option = &SOCKET, .text = path};
        call->values = value;
        call->value_count = 1;
    }
}

static void expect_socket(const char *option, const char *expected) {
    struct call call;
    struct call_value value;
    struct slice path = {0};
    struct error err;
    call_init(&call, &value, option);
    assert_int_equal(daemon_socket(&call, &path, &err), STATUS_OK);
    assert_string_equal(path.bytes, expected);
    arena_done(&call.arena);
}

static void test_daemon__the_socket_is_the_first_that_is_named_or_there(void **state) {
    (void)state;
    char folder[] = "/tmp/ebb-daemon-test-XXXXXX";
    char path[256];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("EBB_SOCKET", "/somewhere/ebb.sock", 1), 0);
    expect_socket("/named/ebb.sock", "/named/ebb.sock");
    expect_socket(NULL, "/somewhere/ebb.sock");
    assert_int_equal(unsetenv("EBB_SOCKET"), 0);
    assert_int_equal(setenv("XDG_STATE_HOME", folder, 1), 0);
    if (access("/run/ebb/ebb.sock", F_OK) != 0) {
        expect_socket(NULL, "/run/ebb/ebb.sock");
        struct error err;
        (void)snprintf(path, sizeof(path), "%s/ebb", folder);
        assert_int_equal(file_make_folder(path, &err), STATUS_OK);
        (void)snprintf(path, sizeof(path), "%s/ebb/ebb.sock", folder);
        assert_int_equal(file_replace(path, SLICE(""), &err), STATUS_OK);
        expect_socket(NULL, path);
        assert_int_equal(file_remove(path, &err), STATUS_OK);
        (void)snprintf(path, sizeof(path), "%s/ebb", folder);
        assert_int_equal(rmdir(path), 0);
    }
    assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_daemon__nobody_there_names_the_socket_and_serve(void **state) {
    (void)state;
    struct call call;
    struct call_value value;
    struct value answer;
    struct error err;
    call_init(&call, &value, "/nowhere/at/all.sock");
    assert_int_equal(daemon_get(&call, &answer, &err, "/v1/status"), STATUS_OFFLINE);
    assert_string_equal(err.text,
                        "no daemon answers on /nowhere/at/all.sock; `ebb serve` starts one");
    arena_done(&call.arena);
}

static void test_daemon__a_question_that_is_too_long_is_refused(void **state) {
    (void)state;
    struct call call;
    struct call_value value;
    struct value answer;
    struct error err;
    char *name = calloc(5000, 1);
    assert_non_null(name);
    (void)memset(name, 'x', 4999);
    call_init(&call, &value, "/nowhere/at/all.sock");
    assert_int_equal(daemon_get(&call, &answer, &err, "/v1/agents/%s", name), STATUS_INVALID);
    arena_done(&call.arena);
    free(name);
}

static void test_daemon__names_lanes_and_ids_are_looked_at_before_it_is_asked(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(daemon_check_name("agent", "spam-lite", &err), STATUS_OK);
    assert_int_equal(daemon_check_name("agent", "../etc", &err), STATUS_INVALID);
    assert_string_equal(err.text, "'../etc' cannot be the name of an agent: names are small "
                                  "letters, digits and '-'");
    assert_int_equal(daemon_check_lane("urgent", &err), STATUS_OK);
    assert_int_equal(daemon_check_lane("urgnet", &err), STATUS_INVALID);
    assert_string_equal(err.text, "'urgnet' is no lane; did you mean 'urgent'?");
    assert_int_equal(
        daemon_check_id("a result", "result list", "6f1d2c3e-7a81-8b00-a003-000000000001", &err),
        STATUS_OK);
    assert_int_equal(
        daemon_check_id("a run", "runs list", "6f1d2c3e7a818b00a003000000000001", &err), STATUS_OK);
    assert_int_equal(daemon_check_id("a token for access", "hub access list", "7", &err),
                     STATUS_INVALID);
    assert_string_equal(err.text, "'7' is no id of a token for access: an id is 32 hexadecimal "
                                  "digits, as `ebb hub access list` shows");
}

static void test_daemon__a_dry_run_asks_nobody(void **state) {
    (void)state;
    struct call call;
    struct call_value value;
    struct error err;
    char *said = NULL;
    size_t bytes = 0;
    call_init(&call, &value, "/nowhere/at/all.sock");
    call.dry_run = true;
    call.talk = open_memstream(&said, &bytes);
    assert_non_null(call.talk);
    const struct daemon_request request = {.method = "DELETE", .path = SLICE("/v1/workflows/x")};
    assert_int_equal(daemon_change(&call, &request, SLICE("take x away"), &err), STATUS_OK);
    assert_int_equal(fclose(call.talk), 0);
    assert_string_equal(said, "would take x away\n");
    free(said);
    arena_done(&call.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daemon__the_socket_is_the_first_that_is_named_or_there),
        cmocka_unit_test(test_daemon__nobody_there_names_the_socket_and_serve),
        cmocka_unit_test(test_daemon__a_question_that_is_too_long_is_refused),
        cmocka_unit_test(test_daemon__names_lanes_and_ids_are_looked_at_before_it_is_asked),
        cmocka_unit_test(test_daemon__a_dry_run_asks_nobody),
    };
    return cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
