// SPDX-License-Identifier: Apache-2.0
#include "platform/http_server_test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { ENOUGH = 4 }; /* descriptors for a server, whatever the library's version */

static mode_t mode_of(const char *path) {
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    return facts.st_mode & 07777;
}

static void test_http__socket_has_the_mode_that_was_asked_for(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(mode_of(stage->path), 0600);
    http_server_destroy(stage->server);
    stage->server = NULL;
    assert_int_equal(
        http_server_create(stage->loop, stage->path, 0660, handle, stage, &stage->server, &err),
        STATUS_OK);
    assert_int_equal(mode_of(stage->path), 0660);
}

static void test_http__socket_that_somebody_listens_on_is_a_conflict(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct http_server *second = NULL;
    assert_int_equal(
        http_server_create(stage->loop, stage->path, 0600, handle, stage, &second, &err),
        STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "another process listens there"));
    assert_null(second);
    run_client(stage, client_gets);
    assert_answer(stage, "200 OK");
}

static void test_http__socket_that_was_left_behind_is_replaced(void **state) {
    struct stage *stage = *state;
    struct error err;
    http_server_destroy(stage->server);
    stage->server = NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.100s", stage->path);
    const int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(left, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(close(left), 0);
    assert_int_equal(
        http_server_create(stage->loop, stage->path, 0600, handle, stage, &stage->server, &err),
        STATUS_OK);
    run_client(stage, client_gets);
    assert_answer(stage, "200 OK");
}

static void test_http__file_of_another_kind_is_left_alone(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct http_server *second = NULL;
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%.100s/file", stage->folder);
    const int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(close(file), 0);
    assert_int_equal(http_server_create(stage->loop, path, 0600, handle, stage, &second, &err),
                     STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "no socket has this name"));
    assert_int_equal(unlink(path), 0);
}

static void test_http__socket_that_is_anothers_by_now_is_left_alone(void **state) {
    struct stage *stage = *state;
    assert_int_equal(unlink(stage->path), 0);
    const int file = open(stage->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(close(file), 0);
    http_server_destroy(stage->server);
    stage->server = NULL;
    assert_int_equal(access(stage->path, F_OK), 0);
}

static void test_http__path_that_no_socket_can_have_is_refused(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct http_server *second = NULL;
    char path[200];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(http_server_create(stage->loop, path, 0600, handle, stage, &second, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "1 to 107 bytes"));
    assert_int_equal(
        http_server_create(stage->loop, "/no/such/folder/s", 0600, handle, stage, &second, &err),
        STATUS_NOT_FOUND);
    assert_null(second);
}

static void test_http__without_memory_or_descriptors_is_refused_whole(void **state) {
    struct stage *stage = *state;
    struct error err;
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%.100s/second", stage->folder);
    struct http_server *second = NULL;
    for (long index = 0; index < 3; index++) {
        (void)memory_fail_at(index, 0);
        const status code =
            http_server_create(stage->loop, path, 0600, handle, stage, &second, &err);
        (void)memory_fail_at(-1, 0);
        assert_int_equal(code, STATUS_NO_MEMORY);
        assert_int_equal(access(path, F_OK), -1);
    }
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t few = 0; few <= ENOUGH; few++) {
        /* Descriptors are numbered without holes here. */
        const int free_number = dup(0);
        (void)close(free_number);
        const struct rlimit limit = {.rlim_cur = (rlim_t)free_number + few,
                                     .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        const status code =
            http_server_create(stage->loop, path, 0600, handle, stage, &second, &err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_true(code == STATUS_OK ? few > 0 : few < ENOUGH);
        if (code == STATUS_OK) {
            http_server_destroy(second);
        }
        assert_int_equal(access(path, F_OK), -1);
    }
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_http__socket_has_the_mode_that_was_asked_for),
        STAGED(test_http__socket_that_somebody_listens_on_is_a_conflict),
        STAGED(test_http__socket_that_was_left_behind_is_replaced),
        STAGED(test_http__file_of_another_kind_is_left_alone),
        STAGED(test_http__socket_that_is_anothers_by_now_is_left_alone),
        STAGED(test_http__path_that_no_socket_can_have_is_refused),
        STAGED(test_http__without_memory_or_descriptors_is_refused_whole),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}
