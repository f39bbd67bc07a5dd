// SPDX-License-Identifier: Apache-2.0
#include "platform/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

struct folder {
    char path[64];
};

static int make_folder(void **state) {
    static struct folder folder;
    (void)snprintf(folder.path, sizeof(folder.path), "/tmp/ebb-file-XXXXXX");
    *state = &folder;
    return mkdtemp(folder.path) != NULL ? 0 : -1;
}

static bool remove_each(void *owner, const char *name) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", (const char *)owner, name);
    struct file_facts facts;
    if (file_facts(path, &facts, NULL) == STATUS_OK && facts.is_folder) {
        (void)file_list(path, remove_each, path, NULL);
        (void)rmdir(path);
    } else {
        (void)unlink(path);
    }
    return true;
}

static int remove_folder(void **state) {
    struct folder *folder = *state;
    (void)file_list(folder->path, remove_each, folder->path, NULL);
    return rmdir(folder->path);
}

/* The path of a name in the test's folder; three may be in use at a time. */
static const char *in(void *state, const char *name) {
    static char paths[3][256];
    static int next;
    const struct folder *folder = state;
    next = (next + 1) % 3;
    (void)snprintf(paths[next], sizeof(paths[next]), "%s/%s", folder->path, name);
    return paths[next];
}

static void put(const char *path, const char *text) {
    assert_int_equal(file_replace(path, slice_of(text), NULL), STATUS_OK);
}

static void assert_holds(const char *path, const char *text) {
    struct buffer out;
    struct error err = {0};
    buffer_init(&out, 1 << 20);
    assert_int_equal(file_read(path, &out, &err), STATUS_OK);
    assert_true(slice_is(buffer_slice(&out), text));
    buffer_done(&out);
}

static bool count_each(void *owner, const char *name) {
    (void)name;
    (*(int *)owner)++;
    return true;
}

static int count_names(const char *folder) {
    int count = 0;
    assert_int_equal(file_list(folder, count_each, &count, NULL), STATUS_OK);
    return count;
}

static void test_file_replace__writes_whole_files_and_leaves_nothing_beside(void **state) {
    const char *path = in(*state, "a");
    put(path, "one");
    assert_holds(path, "one");
    put(path, "");
    assert_holds(path, "");
    char *large = malloc(300001);
    assert_non_null(large);
    (void)memset(large, 'x', 300000);
    large[300000] = '\0';
    put(path, large);
    assert_holds(path, large);
    free(large);
    assert_int_equal(count_names(((struct folder *)*state)->path), 1);
}

static void test_file_replace_parts__writes_them_one_after_another(void **state) {
    const char *path = in(*state, "a");
    const struct slice parts[] = {SLICE("one "), SLICE(""), SLICE("two"), {0}, SLICE(" three")};
    struct stat facts;
    put(path, "a file that was longer than what comes");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(file_replace_parts(path, parts, 5, NULL), STATUS_OK);
    assert_holds(path, "one two three");
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(file_replace_parts(path, parts, 0, NULL), STATUS_OK);
    assert_holds(path, "");
    assert_int_equal(count_names(((struct folder *)*state)->path), 1);
}

static void test_file_replace__keeps_the_rights_of_the_old_file(void **state) {
    const char *path = in(*state, "secret");
    put(path, "one");
    assert_int_equal(chmod(path, 0600), 0);
    put(path, "two");
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
}

static void test_file_replace__makes_new_files_as_the_umask_says(void **state) {
    struct stat facts;
    const mode_t before = umask(027);
    assert_int_equal(file_replace(in(*state, "new"), SLICE("1"), NULL), STATUS_OK);
    (void)umask(before);
    assert_int_equal(stat(in(*state, "new"), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
}

static void test_file_replace__leaves_the_old_file_when_it_fails(void **state) {
    struct error err = {0};
    assert_int_equal(file_replace(in(*state, "no/such/folder"), SLICE("x"), &err),
                     STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "no/such/folder"));
    assert_int_equal(mkdir(in(*state, "d"), 0700), 0);
    put(in(*state, "d/inside"), "x");
    assert_int_not_equal(file_replace(in(*state, "d"), SLICE("x"), &err), STATUS_OK);
    assert_holds(in(*state, "d/inside"), "x");
    assert_int_equal(count_names(((struct folder *)*state)->path), 1);
    char longer[PATH_MAX + 10];
    (void)memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(file_replace(longer, SLICE("x"), &err), STATUS_INVALID);
}

/* A limit on the size of files stands for a disk that is full: the write fails half way. */
static void test_file_replace__leaves_the_old_file_when_the_disk_is_full(void **state) {
    const char *path = in(*state, "a");
    put(path, "old");
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit limit = {.rlim_cur = 10, .rlim_max = 10};
        struct error err = {0};
        (void)signal(SIGXFSZ, SIG_IGN);
        _exit(setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                      file_replace(path, SLICE("more than ten bytes"), &err) != STATUS_OK &&
                      strstr(err.text, "write '") != NULL
                  ? 0
                  : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_holds(path, "old");
    assert_int_equal(count_names(((struct folder *)*state)->path), 1);
}

static void test_file_nameless__is_written_by_its_path_and_seen_by_nobody(void **state) {
    const char *folder = ((struct folder *)*state)->path;
    struct file_nameless file;
    struct error err = {0};
    struct buffer text;
    assert_int_equal(file_nameless_make(in(*state, "beside"), &file, NULL), STATUS_OK);
    const int fd = open(file.path, O_WRONLY | O_CREAT | O_TRUNC, 0644); /* as libraries do */
    assert_true(fd >= 0 && write(fd, "graph", 5) == 5 && close(fd) == 0);
    buffer_init(&text, 100);
    assert_int_equal(file_read(file.path, &text, NULL), STATUS_OK);
    assert_true(slice_is(buffer_slice(&text), "graph"));
    buffer_done(&text);
    assert_int_equal(count_names(folder), 0);
    file_nameless_close(&file);
    assert_false(file_is_there(file.path));
    assert_int_equal(file_nameless_make("/no/such/folder/beside", &file, &err), STATUS_NOT_FOUND);
}

static void test_file_read__is_bounded_by_its_buffer(void **state) {
    const char *path = in(*state, "a");
    put(path, "12345678");
    for (size_t most = 0; most < 12; most++) {
        struct buffer out;
        struct error err = {0};
        buffer_init(&out, most);
        const status code = file_read(path, &out, &err);
        assert_int_equal(code, most < 8 ? STATUS_FULL : STATUS_OK);
        assert_int_equal(out.count, most < 8 ? 0 : 8);
        assert_true(most >= 8 || strstr(err.text, "more than") != NULL);
        buffer_done(&out);
    }
}

static void test_file_read__appends_and_undoes_what_it_appended(void **state) {
    put(in(*state, "a"), "5678");
    struct buffer out;
    buffer_init(&out, 8);
    buffer_add_text(&out, "1234");
    assert_int_equal(file_read(in(*state, "a"), &out, NULL), STATUS_OK);
    assert_true(slice_is(buffer_slice(&out), "12345678"));
    assert_int_equal(file_read(in(*state, "a"), &out, NULL), STATUS_FULL);
    assert_true(slice_is(buffer_slice(&out), "12345678"));
    buffer_done(&out);
}

static void test_file_read__reads_files_that_do_not_know_their_size(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 1 << 16);
    assert_int_equal(file_read("/proc/self/status", &out, NULL), STATUS_OK);
    assert_true(out.count > 100);
    buffer_done(&out);
}

static void test_file_read__refuses_what_is_no_file(void **state) {
    struct buffer out;
    struct error err = {0};
    buffer_init(&out, 100);
    assert_int_equal(file_read(in(*state, "none"), &out, &err), STATUS_NOT_FOUND);
    assert_int_equal(file_read(((struct folder *)*state)->path, &out, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "is a folder, not a file"));
    assert_int_equal(mkfifo(in(*state, "pipe"), 0600), 0);
    assert_int_equal(file_read(in(*state, "pipe"), &out, &err), STATUS_INVALID);
    assert_int_equal(file_read("/dev/zero", &out, &err), STATUS_INVALID);
    assert_int_equal(out.count, 0);
    buffer_done(&out);
}

static void test_file_read__follows_links(void **state) {
    put(in(*state, "a"), "here");
    assert_int_equal(symlink("a", in(*state, "link")), 0);
    assert_holds(in(*state, "link"), "here");
}

static void test_file_read__says_when_the_heap_is_used_up(void **state) {
    put(in(*state, "a"), "12345678");
    struct buffer out;
    struct error err = {0};
    buffer_init(&out, 100);
    (void)memory_fail_at(0, 1);
    assert_int_equal(file_read(in(*state, "a"), &out, &err), STATUS_NO_MEMORY);
    assert_int_equal(file_list(((struct folder *)*state)->path, count_each, &(int){0}, &err),
                     STATUS_NO_MEMORY);
    (void)memory_fail_at(-1, 0);
    buffer_done(&out);
}

static void test_file_read_start__gives_the_start_and_the_whole_size(void **state) {
    put(in(*state, "a"), "12345678");
    static const size_t MOST[] = {0, 1, 7, 8, 9, 100};
    for (size_t i = 0; i < sizeof(MOST) / sizeof(MOST[0]); i++) {
        struct buffer out;
        int64_t bytes = 0;
        buffer_init(&out, 100);
        assert_int_equal(file_read_start(in(*state, "a"), MOST[i], &out, &bytes, NULL), STATUS_OK);
        assert_int_equal(out.count, MOST[i] < 8 ? MOST[i] : 8);
        assert_true(bytes == 8);
        buffer_done(&out);
    }
}

static void test_file_read_part__gives_what_stands_there_and_nothing_behind_the_end(void **state) {
    static const struct {
        int64_t offset;
        size_t most;
        const char *wanted;
    } CASES[] = {{0, 3, "123"}, {3, 3, "456"}, {6, 3, "78"}, {8, 3, ""}, {100, 3, ""}};
    put(in(*state, "a"), "12345678");
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buffer out;
        buffer_init(&out, 100);
        assert_int_equal(
            file_read_part(in(*state, "a"), CASES[i].offset, CASES[i].most, &out, NULL), STATUS_OK);
        assert_true(slice_is(buffer_slice(&out), CASES[i].wanted));
        buffer_done(&out);
    }
}

static void test_file_append__goes_on_where_the_file_ends_and_nowhere_else(void **state) {
    struct buffer out;
    struct error err;
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s", in(*state, "a"));
    assert_int_equal(file_append(path, 1, SLICE("x"), &err), STATUS_NOT_FOUND);
    assert_int_equal(file_append(path, 0, SLICE("one"), &err), STATUS_OK);
    assert_int_equal(file_append(path, 3, SLICE("two"), &err), STATUS_OK);
    assert_int_equal(file_append(path, 3, SLICE("three"), &err), STATUS_CONFLICT);
    assert_int_equal(file_append(path, 7, SLICE("four"), &err), STATUS_CONFLICT);
    buffer_init(&out, 100);
    assert_int_equal(file_read(path, &out, &err), STATUS_OK);
    assert_true(slice_is(buffer_slice(&out), "onetwo"));
    buffer_done(&out);
    char link[PATH_MAX];
    (void)snprintf(link, sizeof(link), "%s", in(*state, "b"));
    assert_int_equal(symlink(path, link), 0);
    assert_int_not_equal(file_append(link, 6, SLICE("five"), &err), STATUS_OK);
}

/* A file size limit is a full disk: what was begun is taken back. */
static void test_file_append__leaves_the_file_as_it_was_when_it_fails(void **state) {
    static char large[1 << 16];
    const struct rlimit narrow = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
    struct rlimit before;
    struct file_facts facts;
    struct error err;
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s", in(*state, "a"));
    assert_int_equal(file_append(path, 0, SLICE("one"), &err), STATUS_OK);
    void (*const old)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &narrow), 0);
    const struct slice bytes = {.bytes = large, .count = sizeof(large)};
    const status code = file_append(path, 3, bytes, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, old);
    assert_int_not_equal(code, STATUS_OK);
    assert_int_equal(file_facts(path, &facts, &err), STATUS_OK);
    assert_int_equal(facts.bytes, 3);
}

static void test_file_facts__tells_files_from_folders(void **state) {
    struct file_facts facts;
    put(in(*state, "a"), "123");
    assert_int_equal(file_facts(in(*state, "a"), &facts, NULL), STATUS_OK);
    assert_true(facts.is_regular && !facts.is_folder && facts.bytes == 3 && facts.inode > 0);
    assert_true(facts.modified_ns > INT64_C(1000000000) * 1000000);
    assert_int_equal(file_facts(((struct folder *)*state)->path, &facts, NULL), STATUS_OK);
    assert_true(facts.is_folder && !facts.is_regular);
    struct error err = {0};
    assert_int_equal(file_facts(in(*state, "none"), &facts, &err), STATUS_NOT_FOUND);
}

static void test_file_make_folder__makes_those_above_and_may_be_repeated(void **state) {
    struct error err = {0};
    const char *deep = in(*state, "x//y/z/");
    assert_int_equal(file_make_folder(deep, &err), STATUS_OK);
    assert_int_equal(file_make_folder(deep, &err), STATUS_OK);
    put(in(*state, "x/y/z/file"), "1");
    assert_int_equal(file_make_folder(in(*state, "x/y/z/file"), &err), STATUS_INVALID);
    assert_int_equal(file_make_folder(in(*state, "x/y/z/file/more"), &err), STATUS_INVALID);
    assert_int_equal(file_make_folder("", &err), STATUS_INVALID);
    assert_int_equal(file_make_folder("/", &err), STATUS_OK);
}

static void test_file_rename__and_remove_say_what_is_not_there(void **state) {
    struct error err = {0};
    put(in(*state, "a"), "1");
    assert_int_equal(file_rename(in(*state, "a"), in(*state, "b"), &err), STATUS_OK);
    assert_holds(in(*state, "b"), "1");
    assert_int_equal(file_rename(in(*state, "a"), in(*state, "c"), &err), STATUS_NOT_FOUND);
    assert_int_equal(file_remove(in(*state, "b"), &err), STATUS_OK);
    assert_int_equal(file_remove(in(*state, "b"), &err), STATUS_NOT_FOUND);
    assert_int_equal(file_sync_folder(((struct folder *)*state)->path, &err), STATUS_OK);
    assert_int_equal(file_sync_folder(in(*state, "none"), &err), STATUS_NOT_FOUND);
}

struct listing {
    char names[8][16];
    int count;
    int most;
};

static bool list_each(void *owner, const char *name) {
    struct listing *listing = owner;
    (void)snprintf(listing->names[listing->count], 16, "%s", name);
    listing->count++;
    return listing->count < listing->most;
}

static void test_file_list__is_in_order_and_ends_early_when_told(void **state) {
    static const char *const NAMES[] = {"b", "A", "a", ".hidden", "a-1"};
    for (size_t i = 0; i < 5; i++) {
        put(in(*state, NAMES[i]), "");
    }
    struct listing all = {.most = 100};
    const char *folder = ((struct folder *)*state)->path;
    assert_int_equal(file_list(folder, list_each, &all, NULL), STATUS_OK);
    static const char *const ORDER[] = {".hidden", "A", "a", "a-1", "b"};
    assert_int_equal(all.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(all.names[i], ORDER[i]);
    }
    struct listing two = {.most = 2};
    assert_int_equal(file_list(folder, list_each, &two, NULL), STATUS_OK);
    assert_int_equal(two.count, 2);
    assert_int_equal(file_list(in(*state, "none"), list_each, &two, NULL), STATUS_NOT_FOUND);
    struct listing none = {.most = 1};
    assert_int_equal(file_make_folder(in(*state, "empty"), NULL), STATUS_OK);
    assert_int_equal(file_list(in(*state, "empty"), list_each, &none, NULL), STATUS_OK);
    assert_int_equal(none.count, 0);
}

static void test_file_lock_take__names_the_process_that_holds_it(void **state) {
    const char *folder = ((struct folder *)*state)->path;
    struct file_lock *lock = NULL;
    struct file_lock *second = NULL;
    struct error err = {0};
    assert_int_equal(file_lock_take(folder, &lock, &err), STATUS_OK);
    assert_int_equal(file_lock_take(folder, &second, &err), STATUS_CONFLICT);
    char number[64];
    (void)snprintf(number, sizeof(number), "is used by process %ld", (long)getpid());
    assert_non_null(strstr(err.text, number));
    assert_null(second);
    file_lock_drop(lock);
    assert_int_equal(file_lock_take(folder, &second, &err), STATUS_OK);
    file_lock_drop(second);
    file_lock_drop(NULL);
    assert_int_equal(file_lock_take(in(*state, "none"), &lock, &err), STATUS_NOT_FOUND);
}

/* As when a process is killed while it starts a child: the child is not yet another program. */
static void test_file_lock_take__waits_for_what_a_dead_process_left(void **state) {
    const char *folder = in(*state, "");
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct file_lock *lock = NULL;
        const bool taken = file_lock_take(folder, &lock, NULL) == STATUS_OK;
        if (taken && fork() == 0) {
            (void)usleep(50 * 1000);
        }
        _exit(taken ? 0 : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    struct file_lock *lock = NULL;
    assert_int_equal(file_lock_take(folder, &lock, NULL), STATUS_OK);
    file_lock_drop(lock);
}

static void test_file_lock_take__ends_with_the_process_that_took_it(void **state) {
    const char *folder = ((struct folder *)*state)->path;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct file_lock *lock = NULL;
        _exit(file_lock_take(folder, &lock, NULL) == STATUS_OK ? 0 : 1);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    struct file_lock *lock = NULL;
    assert_int_equal(file_lock_take(folder, &lock, NULL), STATUS_OK);
    file_lock_drop(lock);
}

static void test_file_space__is_known_where_a_path_lies(void **state) {
    int64_t free_bytes = -1;
    int64_t all_bytes = -1;
    const char *folder = ((struct folder *)*state)->path;
    assert_int_equal(file_space(folder, &free_bytes, &all_bytes, NULL), STATUS_OK);
    assert_true(free_bytes >= 0 && free_bytes <= all_bytes && all_bytes > 0);
    assert_int_equal(file_space(in(*state, "none"), &free_bytes, &all_bytes, NULL),
                     STATUS_NOT_FOUND);
    assert_false(file_has_room("/proc/self")); /* a file system of no bytes at all */
    assert_true(file_has_room(in(*state, "none")));
}

/* Which of the standard descriptors are the null device in a child that had those of `closed`
 * closed, a bit each; 64 when another descriptor is open as well. */
static int child_keeps(unsigned closed) {
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int kept = 0;
        for (int fd = 0; fd < 3; fd++) {
            (void)dup2(open("/dev/zero", O_RDWR), fd);
        }
        for (int fd = 0; fd < 64; fd++) {
            (void)(fd > 2 || (closed & (1U << fd)) != 0 ? close(fd) : 0);
        }
        file_keep_standard_descriptors();
        struct stat null, there;
        (void)stat("/dev/null", &null);
        for (int fd = 0; fd < 3; fd++) {
            const bool is_null = fstat(fd, &there) == 0 && there.st_rdev == null.st_rdev;
            kept |= is_null && fcntl(fd, F_GETFD) == 0 ? 1 << fd : 0;
        }
        _exit(open("/dev/zero", O_RDONLY) == 3 ? kept : 64);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    return WEXITSTATUS(how);
}

static void test_file_keep_standard_descriptors__opens_those_closed_and_no_other(void **state) {
    (void)state;
    for (unsigned closed = 0; closed < 8; closed++) {
        assert_int_equal(child_keeps(closed), closed);
    }
}

static void test_file_program_folder__is_where_this_test_lies(void **state) {
    (void)state;
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/platform-file_test", file_program_folder());
    struct file_facts facts;
    assert_int_equal(file_facts(path, &facts, NULL), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_file_replace__writes_whole_files_and_leaves_nothing_beside, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(test_file_replace_parts__writes_them_one_after_another,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_replace__keeps_the_rights_of_the_old_file,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_replace__makes_new_files_as_the_umask_says,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_replace__leaves_the_old_file_when_it_fails,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            test_file_replace__leaves_the_old_file_when_the_disk_is_full, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(
            test_file_nameless__is_written_by_its_path_and_seen_by_nobody, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(test_file_read__is_bounded_by_its_buffer, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_file_read__appends_and_undoes_what_it_appended,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_read__reads_files_that_do_not_know_their_size,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_read__refuses_what_is_no_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_file_read__follows_links, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_read__says_when_the_heap_is_used_up, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_file_read_start__gives_the_start_and_the_whole_size,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            test_file_read_part__gives_what_stands_there_and_nothing_behind_the_end, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(
            test_file_append__goes_on_where_the_file_ends_and_nowhere_else, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(test_file_append__leaves_the_file_as_it_was_when_it_fails,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_facts__tells_files_from_folders, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(
            test_file_make_folder__makes_those_above_and_may_be_repeated, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(test_file_rename__and_remove_say_what_is_not_there,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_list__is_in_order_and_ends_early_when_told,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_lock_take__names_the_process_that_holds_it,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_lock_take__waits_for_what_a_dead_process_left,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_lock_take__ends_with_the_process_that_took_it,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_space__is_known_where_a_path_lies, make_folder,
                                        remove_folder),
        cmocka_unit_test(test_file_keep_standard_descriptors__opens_those_closed_and_no_other),
        cmocka_unit_test_setup_teardown(test_file_program_folder__is_where_this_test_lies,
                                        make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
