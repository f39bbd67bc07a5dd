// SPDX-License-Identifier: Apache-2.0
#include "platform/watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"

enum { STORY_BYTES_MAX = 64 << 20, PATIENCE_MS = 20000, PATH_BYTES = 256, FIRST_NUMBER = 1 };

/* A folder under watch and what was told of it: "+name ", "-name ", "R " and "L ". */
struct stage {
    struct loop *loop;
    struct timer *patience;
    struct watch *watch;
    struct buffer story;
    const char *stop_at; /* stops the loop when the story ends so */
    bool impatient;
    bool destroy_at_found;
    char root[PATH_BYTES];
    char folder[PATH_BYTES];
    int files_before;
};

static int open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static void out_of_patience(void *owner) {
    struct stage *stage = owner;
    stage->impatient = true;
    loop_stop(stage->loop);
}

static void told(struct stage *stage, const char *what, const char *name) {
    buffer_print(&stage->story, "%s%s ", what, name);
    if (stage->stop_at != NULL && slice_ends(buffer_slice(&stage->story), stage->stop_at)) {
        loop_stop(stage->loop);
    }
}

static void found(void *owner, const char *name) {
    struct stage *stage = owner;
    told(stage, "+", name);
    if (stage->destroy_at_found) {
        watch_destroy(stage->watch);
        stage->watch = NULL;
        loop_stop(stage->loop);
    }
}

static void gone(void *owner, const char *name) {
    told(owner, "-", name);
}

static void rescan(void *owner) {
    told(owner, "R", "");
}

static void lost(void *owner) {
    told(owner, "L", "");
}

static const struct watch_events ALL = {
    .found = found, .gone = gone, .rescan = rescan, .lost = lost};

/* Runs until the story ends with these words, which it must. */
static void run_until(struct stage *stage, const char *words) {
    stage->stop_at = words;
    timer_set(stage->patience, PATIENCE_MS);
    loop_run(stage->loop);
    if (stage->impatient) {
        fail_msg("the story is '%.*s', not '... %s'", SLICE_ARGS(buffer_slice(&stage->story)),
                 words);
    }
}

static void assert_story(struct stage *stage, const char *words) {
    if (!slice_is(buffer_slice(&stage->story), words)) {
        fail_msg("the story is '%.*s', not '%s'", SLICE_ARGS(buffer_slice(&stage->story)), words);
    }
}

static int set_up(void **state) {
    struct stage *stage = memory_new(1, sizeof *stage);
    assert_non_null(stage);
    struct error err;
    stage->files_before = open_files();
    buffer_init(&stage->story, STORY_BYTES_MAX);
    (void)strcpy(stage->root, "/tmp/ebb-watch-XXXXXX");
    assert_non_null(mkdtemp(stage->root));
    (void)snprintf(stage->folder, sizeof stage->folder, "%.100s/inbox", stage->root);
    assert_int_equal(mkdir(stage->folder, 0700), 0);
    assert_int_equal(loop_create(&stage->loop, &err), STATUS_OK);
    assert_int_equal(timer_open(stage->loop, out_of_patience, stage, &stage->patience, &err),
                     STATUS_OK);
    if (watch_create(stage->loop, stage->folder, ALL, stage, &stage->watch, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_story(stage, "");
    run_until(stage, "R ");
    buffer_clear(&stage->story);
    *state = stage;
    return 0;
}

static void remove_tree(const char *path) {
    char command[PATH_BYTES + 16];
    (void)snprintf(command, sizeof command, "rm -rf '%.200s'", path);
    assert_int_equal(system(command), 0);
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    watch_destroy(stage->watch);
    timer_close(stage->patience);
    loop_destroy(stage->loop);
    buffer_done(&stage->story);
    remove_tree(stage->root);
    assert_int_equal(open_files(), stage->files_before);
    memory_free(stage);
    return 0;
}

/* root/name, in one of two places that are used in turn. */
static const char *path_of(const struct stage *stage, const char *name) {
    static char paths[2][PATH_BYTES];
    static int turn;
    turn = 1 - turn;
    (void)snprintf(paths[turn], PATH_BYTES, "%.100s/%s", stage->root, name);
    return paths[turn];
}

static int begin_file(const struct stage *stage, const char *name) {
    const int file = open(path_of(stage, name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, "x", 1), 1);
    return file;
}

static void write_file(const struct stage *stage, const char *name) {
    assert_int_equal(close(begin_file(stage, name)), 0);
}

static void move(const struct stage *stage, const char *from, const char *to) {
    assert_int_equal(rename(path_of(stage, from), path_of(stage, to)), 0);
}

static void test_watch__finds_a_file_when_it_is_closed_and_not_before(void **state) {
    struct stage *stage = *state;
    const int file = begin_file(stage, "inbox/slow");
    write_file(stage, "inbox/quick");
    run_until(stage, "+quick ");
    assert_int_equal(close(file), 0);
    run_until(stage, "+slow ");
    assert_story(stage, "+quick +slow ");
}

static void test_watch__finds_a_file_that_was_moved_in(void **state) {
    struct stage *stage = *state;
    write_file(stage, "ready");
    move(stage, "ready", "inbox/ready");
    run_until(stage, "+ready ");
    assert_story(stage, "+ready ");
}

static void test_watch__tells_what_was_deleted_renamed_and_moved_away(void **state) {
    struct stage *stage = *state;
    write_file(stage, "inbox/a");
    move(stage, "inbox/a", "inbox/b");
    move(stage, "inbox/b", "out");
    write_file(stage, "inbox/c");
    assert_int_equal(unlink(path_of(stage, "inbox/c")), 0);
    run_until(stage, "-c ");
    assert_story(stage, "+a -a +b -b +c -c ");
}

static void test_watch__finds_links(void **state) {
    struct stage *stage = *state;
    write_file(stage, "ready");
    assert_int_equal(link(path_of(stage, "ready"), path_of(stage, "inbox/hard")), 0);
    assert_int_equal(symlink("../ready", path_of(stage, "inbox/soft")), 0);
    run_until(stage, "+soft ");
    assert_story(stage, "+hard +soft ");
}

static void test_watch__says_nothing_of_folders_below(void **state) {
    struct stage *stage = *state;
    assert_int_equal(mkdir(path_of(stage, "inbox/below"), 0700), 0);
    write_file(stage, "inbox/below/file");
    assert_int_equal(rename(path_of(stage, "inbox/below"), path_of(stage, "inbox/under")), 0);
    write_file(stage, "inbox/last");
    run_until(stage, "+last ");
    assert_story(stage, "+last ");
}

static void test_watch__takes_any_name_that_a_file_may_have(void **state) {
    struct stage *stage = *state;
    write_file(stage, "inbox/\xff\n %s");
    run_until(stage, "+\xff\n %s ");
}

static void test_watch__folder_that_went_is_lost_and_found_again(void **state) {
    struct stage *stage = *state;
    assert_int_equal(rmdir(stage->folder), 0);
    run_until(stage, "L ");
    assert_int_equal(mkdir(stage->folder, 0700), 0);
    run_until(stage, "R ");
    write_file(stage, "inbox/file");
    run_until(stage, "+file ");
    assert_story(stage, "L R +file ");
}

static void test_watch__folder_that_was_replaced_is_seen_through(void **state) {
    struct stage *stage = *state;
    assert_int_equal(mkdir(path_of(stage, "new"), 0700), 0);
    move(stage, "inbox", "old");
    move(stage, "new", "inbox");
    run_until(stage, "R ");
    write_file(stage, "old/not-ours");
    write_file(stage, "inbox/ours");
    run_until(stage, "+ours ");
    assert_story(stage, "L R +ours ");
}

static void test_watch__folder_whose_parent_was_replaced_is_seen_through(void **state) {
    struct stage *stage = *state;
    char aside[PATH_BYTES + 8];
    (void)snprintf(aside, sizeof aside, "%s.aside", stage->root);
    assert_int_equal(rename(stage->root, aside), 0);
    assert_int_equal(mkdir(stage->root, 0700), 0);
    assert_int_equal(mkdir(stage->folder, 0700), 0);
    watch_set_pace(stage->watch, 1);
    run_until(stage, "L R ");
    write_file(stage, "inbox/file");
    run_until(stage, "+file ");
    remove_tree(aside);
    assert_story(stage, "L R +file ");
}

static void test_watch__folder_that_stays_is_left_in_peace(void **state) {
    struct stage *stage = *state;
    watch_set_pace(stage->watch, 1);
    timer_set(stage->patience, 50);
    loop_run(stage->loop);
    assert_story(stage, "");
}

static void test_watch__burst_beyond_the_kernels_queue_asks_for_a_rescan(void **state) {
    struct stage *stage = *state;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    assert_non_null(file);
    long most = 0;
    assert_int_equal(fscanf(file, "%ld", &most), 1);
    (void)fclose(file);
    if (most > 100000) {
        print_message("the kernel's queue takes more than a test can fill\n");
        skip();
    }
    /* Two names in turn: the kernel joins equal events that follow each other. */
    write_file(stage, "inbox/a");
    for (long i = 0; i < most; i++) {
        move(stage, i % 2 == 0 ? "inbox/a" : "inbox/b", i % 2 == 0 ? "inbox/b" : "inbox/a");
    }
    run_until(stage, "R ");
}

static void test_watch__destroyed_in_its_own_event_tells_nothing_more(void **state) {
    struct stage *stage = *state;
    stage->destroy_at_found = true;
    write_file(stage, "inbox/a");
    write_file(stage, "inbox/b");
    loop_run(stage->loop);
    assert_story(stage, "+a ");
}

static void test_watch__of_nothing_is_refused(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct watch *watch = NULL;
    const char *nothing = path_of(stage, "nothing");
    assert_int_equal(watch_create(stage->loop, nothing, ALL, stage, &watch, &err),
                     STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, nothing));
    write_file(stage, "file");
    assert_int_equal(watch_create(stage->loop, path_of(stage, "file"), ALL, stage, &watch, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "not a folder"));
    assert_null(watch);
}

static void test_watch__without_memory_is_refused(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct watch *watch = NULL;
    for (long index = 0; index < 3; index++) {
        (void)memory_fail_at(index, 0);
        const status code = watch_create(stage->loop, stage->folder, ALL, stage, &watch, &err);
        (void)memory_fail_at(-1, 0);
        assert_int_equal(code, STATUS_NO_MEMORY);
    }
    assert_null(watch);
}

/* Appends an event as the kernel would. */
static void add_event(struct buffer *bytes, int number, uint32_t mask, const char *name) {
    char padded[32] = {0};
    struct inotify_event event = {.wd = number, .mask = mask};
    if (name != NULL) {
        event.len = 16;
        (void)snprintf(padded, sizeof padded, "%s", name);
    }
    char head[sizeof event];
    memcpy(head, &event, sizeof event);
    buffer_add(bytes, (struct slice){.bytes = head, .count = sizeof event});
    buffer_add(bytes, (struct slice){.bytes = padded, .count = event.len});
}

static void test_watch__overflow_between_events_asks_for_one_rescan_at_the_end(void **state) {
    struct stage *stage = *state;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, STORY_BYTES_MAX);
    add_event(&bytes, FIRST_NUMBER, IN_CLOSE_WRITE, "a");
    add_event(&bytes, -1, IN_Q_OVERFLOW, NULL);
    add_event(&bytes, -1, IN_Q_OVERFLOW, NULL);
    add_event(&bytes, FIRST_NUMBER + 1, IN_CLOSE_WRITE, "another's");
    add_event(&bytes, FIRST_NUMBER, IN_DELETE, "a");
    watch_take(stage->watch, buffer_slice(&bytes));
    assert_story(stage, "+a -a R ");
}

static void test_watch__bytes_that_are_cut_ask_for_a_rescan(void **state) {
    struct stage *stage = *state;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, STORY_BYTES_MAX);
    add_event(&bytes, FIRST_NUMBER, IN_CLOSE_WRITE, "a");
    const size_t whole = bytes.count;
    add_event(&bytes, FIRST_NUMBER, IN_CLOSE_WRITE, "b");
    for (size_t count = whole; count <= bytes.count; count++) {
        /* A block of just that size, so that reading beyond it is noticed. */
        char *cut = memory_new(count, 1);
        assert_non_null(cut);
        memcpy(cut, bytes.bytes, count);
        buffer_clear(&stage->story);
        watch_take(stage->watch, (struct slice){.bytes = cut, .count = count});
        memory_free(cut);
        const bool is_whole = count == whole || count == bytes.count;
        assert_story(stage, !is_whole ? "+a R " : count == whole ? "+a " : "+a +b ");
    }
}

static void test_watch__name_that_does_not_end_asks_for_a_rescan(void **state) {
    struct stage *stage = *state;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, STORY_BYTES_MAX);
    add_event(&bytes, FIRST_NUMBER, IN_CLOSE_WRITE, "a");
    memset(bytes.bytes + sizeof(struct inotify_event), 'a', 16);
    watch_take(stage->watch, buffer_slice(&bytes));
    assert_story(stage, "R ");
}

/* libuv's first loop opens what stays open: not counted as a leak. */
static int open_what_stays(void **state) {
    struct loop *loop = NULL;
    struct error err;
    (void)state;
    assert_int_equal(loop_create(&loop, &err), STATUS_OK);
    loop_destroy(loop);
    return 0;
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_watch__finds_a_file_when_it_is_closed_and_not_before),
        STAGED(test_watch__finds_a_file_that_was_moved_in),
        STAGED(test_watch__tells_what_was_deleted_renamed_and_moved_away),
        STAGED(test_watch__finds_links),
        STAGED(test_watch__says_nothing_of_folders_below),
        STAGED(test_watch__takes_any_name_that_a_file_may_have),
        STAGED(test_watch__folder_that_went_is_lost_and_found_again),
        STAGED(test_watch__folder_that_was_replaced_is_seen_through),
        STAGED(test_watch__folder_whose_parent_was_replaced_is_seen_through),
        STAGED(test_watch__folder_that_stays_is_left_in_peace),
        STAGED(test_watch__burst_beyond_the_kernels_queue_asks_for_a_rescan),
        STAGED(test_watch__destroyed_in_its_own_event_tells_nothing_more),
        STAGED(test_watch__of_nothing_is_refused),
        STAGED(test_watch__without_memory_is_refused),
        STAGED(test_watch__overflow_between_events_asks_for_one_rescan_at_the_end),
        STAGED(test_watch__bytes_that_are_cut_ask_for_a_rescan),
        STAGED(test_watch__name_that_does_not_end_asks_for_a_rescan),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}
