// SPDX-License-Identifier: Apache-2.0
/* Files that come, grow, change, go and come back in a real folder. */
#include "runtime/triggers/watched_file.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "runtime/test_stage.h"

static const char NAMES[] = "trigger: { watch: { path: ../in } }\n"
                            "results: [ { name: out, from: { file: '${ .event.name }' } } ]\n";
static const char BLOBS[] =
    "trigger: { watch: { path: ../in } }\n"
    "results: [ { name: out, from: { type: '${ .event.file.type }', "
    "bytes: '${ .event.file.bytes }', image: '${ .event.image.bytes }' } } ]\n";
static const char DELETES[] = "trigger: { watch: { path: ../in, after: delete } }\n"
                              "results: [ { name: out, from: { file: '${ .event.name }' } } ]\n";

static int make(void **state) {
    const int made = stage_make(state);
    struct stage *stage = *state;
    stage->options.feeds_closed = false;
    return made;
}

/* As if it had been written long ago. */
static void age(const struct stage *stage, const char *name) {
    const struct timespec old[2] = {{.tv_sec = 1500000000}, {.tv_sec = 1500000000}};
    assert_int_equal(utimensat(AT_FDCWD, stage_path(stage, name), old, 0), 0);
}

/* As if it had been written in a moment's time: on a machine that stands still for a second between
 * two writes it is no older than that. */
static void date_ahead(const struct stage *stage, const char *name) {
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    now.tv_nsec += (WATCHED_SETTLE_MS - 100) * 1000000L;
    now.tv_sec += now.tv_nsec / 1000000000;
    now.tv_nsec %= 1000000000;
    const struct timespec both[2] = {now, now};
    assert_int_equal(utimensat(AT_FDCWD, stage_path(stage, name), both, 0), 0);
}

static void write_old(struct stage *stage, const char *name, const char *text) {
    stage_write(stage, name, text);
    age(stage, name);
}

static bool has_results(struct stage *stage) {
    return stage->results >= stage->wanted;
}

static void until_results(struct stage *stage, int results) {
    stage->wanted = results;
    stage_until(stage, has_results);
}

static int count_said(struct stage *stage, const char *part) {
    int count = 0;
    buffer_add_byte(&stage->said, 0);
    stage->said.count--;
    for (const char *at = strstr(stage->said.bytes, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static bool is_gone(struct stage *stage) {
    return !stage_has(stage, stage->named);
}

static void until_gone(struct stage *stage, const char *name) {
    stage->named = name;
    stage_until(stage, is_gone);
}

static void test_watch_feed__takes_what_is_there_and_what_comes(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", NAMES);
    write_old(stage, "in/old", "1");
    stage_open(stage);
    until_results(stage, 1);
    stage_write(stage, "in/new", "2");
    until_results(stage, 2);
    stage_write(stage, "aside", "3");
    char moved[2 * TEST_PATH_BYTES];
    (void)snprintf(moved, sizeof(moved), "%s/in/moved", stage->folder.path);
    assert_int_equal(rename(stage_path(stage, "aside"), moved), 0);
    until_results(stage, 3);
    stage_write(stage, "in/folder/below", "not ours");
    stage_write(stage, "in/.hidden", "nor this");
    stage_let_pass(stage, 50);
    assert_text(&stage->said, "normal out {\"file\":\"old\"}\nnormal out {\"file\":\"new\"}\n"
                              "normal out {\"file\":\"moved\"}\n");
    assert_true(stage_has(stage, "in/old"));
    stage_close(stage);
    stage_open(stage); /* all of it was seen */
    stage_let_pass(stage, 50);
    assert_int_equal(stage->results, 3);
}

static void test_watch_feed__says_what_the_file_is(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow",
               "trigger: { watch: { path: ../in, glob: '*.txt', text: true } }\n"
               "results:\n"
               "  - name: out\n"
               "    from:\n"
               "      event: ${ [.event.name, .event.bytes, .event.text, .event.type, "
               ".event.source, .event.time] }\n"
               "      cut: ${ .event.cut }\n"
               "      replaced: ${ .event.replaced }\n"
               "      path: ${ .event.path }\n"
               "      id: ${ .event.id }\n");
    write_old(stage, "in/a.txt", "h\xc3\xa9\n\xff!\xc3");
    write_old(stage, "in/a.eml", "another kind");
    stage_open(stage);
    until_results(stage, 1);
    char real[4096];
    char expected[4096 * 3];
    assert_non_null(realpath(stage_path(stage, "in"), real));
    (void)snprintf(expected, sizeof(expected),
                   "normal out {\"event\":[\"a.txt\",7,\"h\xc3\xa9\\n\xef\xbf\xbd!\xef\xbf\xbd\","
                   "\"file\",\"watch\",\"2017-07-14T02:40:00.000Z\"],\"cut\":null,\"replaced\":2,"
                   "\"path\":\"%s/a.txt\",\"id\":\"%s/a.txt:7:1500000000.000000000\"}\n",
                   real, real);
    assert_text(&stage->said, expected);
}

static void test_watch_feed__cuts_what_is_long(void **state) {
    enum { LONG = EVENT_TEXT_BYTES_MAX + 10 };
    struct stage *stage = *state;
    stage_agent(stage, "count",
                "kind: jq\nfilter: '{bytes: (.t | utf8bytelength)}'\n"
                "inputs: { t: string }\n");
    stage_flow(stage, "flow",
               "trigger: { watch: { path: ../in, text: true } }\n"
               "steps: [ { id: one, agent: count, with: { t: '${ .event.text }' } } ]\n"
               "results:\n"
               "  - name: out\n"
               "    from: { file: '${ .event.name }', cut: '${ .event.cut }', "
               "of: '${ .event.bytes }', is: '${ .steps.one.bytes }' }\n");
    char *text = memory_new(LONG + 1, 1);
    assert_non_null(text);
    (void)memset(text, 'x', LONG);
    text[LONG] = '\0';
    (void)memcpy(text + EVENT_TEXT_BYTES_MAX - 1, "\xc3\xa9", 2); /* across the bound */
    write_old(stage, "in/long", text);
    text[EVENT_TEXT_BYTES_MAX - 1] = 'x';
    text[EVENT_TEXT_BYTES_MAX] = '\0';
    write_old(stage, "in/just", text);
    memory_free(text);
    stage_open(stage);
    until_results(stage, 2);
    assert_part(&stage->said, "{\"file\":\"just\",\"cut\":null,\"of\":1048576,\"is\":1048576}\n");
    assert_part(&stage->said, "{\"file\":\"long\",\"cut\":true,\"of\":1048586,\"is\":1048575}\n");
}

/* A file that is still being written when a scan finds it, and whose writer goes on. */
static void test_watch_feed__takes_no_half_of_a_file(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow",
               "trigger: { watch: { path: ../in, text: true } }\n"
               "results: [ { name: out, from: { text: '${ .event.text }' } } ]\n");
    stage_write(stage, "in/.keep", "");
    FILE *file = fopen(stage_path(stage, "in/grows"), "w");
    assert_non_null(file);
    assert_true(fputs("half", file) != EOF && fflush(file) == 0);
    date_ahead(stage, "in/grows");
    stage_open(stage);
    for (int i = 0; i < 5; i++) {
        stage_let_pass(stage, 400);
        assert_true(fputs(".", file) != EOF && fflush(file) == 0);
        date_ahead(stage, "in/grows");
    }
    assert_int_equal(stage->results, 0);
    assert_true(fputs(" whole", file) != EOF && fclose(file) == 0);
    until_results(stage, 1);
    stage_let_pass(stage, 1500); /* the scan's second look has come by now */
    assert_text(&stage->said, "normal out {\"text\":\"half..... whole\"}\n");
}

static void test_watch_feed__knows_a_file_by_path_size_and_time(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", NAMES);
    write_old(stage, "in/a", "1");
    stage_open(stage);
    until_results(stage, 1);
    age(stage, "in/a"); /* touched, and the same */
    stage_let_pass(stage, 30);
    assert_int_equal(stage->results, 1);
    stage_write(stage, "in/a", "1"); /* written again: a new event */
    until_results(stage, 2);
    /* It goes and comes back as it was: new as well, since its mark went with it. */
    age(stage, "in/a");
    char aside[2 * TEST_PATH_BYTES];
    (void)snprintf(aside, sizeof(aside), "%s/aside", stage->folder.path);
    assert_int_equal(rename(stage_path(stage, "in/a"), aside), 0);
    stage_let_pass(stage, 30);
    assert_int_equal(rename(aside, stage_path(stage, "in/a")), 0);
    until_results(stage, 3);
    stage_let_pass(stage, 30);
    assert_int_equal(stage->results, 3);
}

/* The file goes while its run is under way: its mark, which comes later, goes with it. */
static void test_watch_feed__forgets_a_file_that_went_during_its_run(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "waits", "mode: once\n",
                 "#!/bin/sh\ntouch asked\nwhile ! test -e go; do sleep 0.01; done\necho '{}'\n");
    stage_flow(stage, "flow",
               "trigger: { watch: { path: ../in } }\n"
               "steps: [ { id: one, agent: waits } ]\n"
               "results: [ { name: out, from: { file: '${ .event.name }' } } ]\n");
    write_old(stage, "in/a", "1");
    stage_open(stage);
    stage_until_file(stage, "flows/agents/waits/asked");
    char aside[2 * TEST_PATH_BYTES];
    (void)snprintf(aside, sizeof(aside), "%s/aside", stage->folder.path);
    assert_int_equal(rename(stage_path(stage, "in/a"), aside), 0);
    stage_let_pass(stage, 30);
    stage_write(stage, "flows/agents/waits/go", "");
    until_results(stage, 1);
    stage_let_pass(stage, 30);
    assert_int_equal(rename(aside, stage_path(stage, "in/a")), 0);
    until_results(stage, 2);
}

static void test_watch_feed__deletes_what_is_done(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", DELETES);
    write_old(stage, "in/a", "1");
    stage_open(stage);
    until_gone(stage, "in/a");
    stage_write(stage, "in/b", "2");
    until_gone(stage, "in/b");
    assert_int_equal(stage->results, 2);
    /* What came under the same name meanwhile is another file, and stays until its own end. */
    for (int i = 0; i < 10; i++) {
        stage_write(stage, "in/c", "3");
        stage_let_pass(stage, i);
    }
    until_gone(stage, "in/c");
    assert_true(stage->results >= 3);
}

static void test_watch_feed__deletes_what_an_earlier_life_has_done(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", NAMES);
    write_old(stage, "in/a", "1");
    stage_open(stage);
    until_results(stage, 1);
    stage_close(stage);
    stage_flow(stage, "flow", DELETES);
    stage_open(stage);
    until_gone(stage, "in/a");
    stage_let_pass(stage, 30);
    assert_int_equal(stage->results, 1);
}

static bool agent_is_asked(struct stage *stage) {
    return stage_has(stage, "flows/agents/waits/asked");
}

/* The run of a file goes on after a kill, or after a reload: nobody tells the new feed of its end.
 */
static void test_watch_feed__deletes_what_another_feed_had_begun(void **state) {
    static const char FLOW[] = "trigger: { watch: { path: ../in, after: delete } }\n"
                               "durability: { runs: each }\n"
                               "steps: [ { id: one, agent: waits, expires: 10000d } ]\n"
                               "results: [ { name: out, from: { n: 1 } } ]\n";
    struct stage *stage = *state;
    stage_script(stage, "waits", "mode: once\n",
                 "#!/bin/sh\ntouch asked\nwhile ! test -e go; do sleep 0.01; done\necho '{}'\n");
    stage_flow(stage, "flow", FLOW);
    write_old(stage, "in/a", "1");
    stage_crash(stage, NULL, agent_is_asked);
    assert_int_equal(unlink(stage_path(stage, "flows/agents/waits/asked")), 0);
    stage_open(stage);
    stage_until(stage, agent_is_asked);
    char text[1024];
    (void)snprintf(text, sizeof(text), "%s# changed\n", FLOW);
    stage_flow(stage, "flow", text);
    stage_reload(stage);
    stage_let_pass(stage, 50);
    assert_true(stage_has(stage, "in/a"));
    stage_write(stage, "flows/agents/waits/go", "");
    until_gone(stage, "in/a");
    stage_let_pass(stage, 30);
    assert_int_equal(stage->results, 1);
}

static void test_watch_feed__reads_no_more_than_there_is_room_for(void **state) {
    enum { FILES = 100 };
    struct stage *stage = *state;
    stage_script(stage, "waits", "",
                 "#!/bin/sh\nwhile read -r line; do\n"
                 "while ! test -e go; do sleep 0.01; done; echo '{}'; done\n");
    stage_flow(stage, "flow",
               "trigger: { watch: { path: ../in }, queue: { max: 5 } }\n"
               "steps: [ { id: one, agent: waits } ]\n"
               "results: [ { name: out, from: { file: '${ .event.name }' } } ]\n");
    for (int i = 0; i < FILES; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "in/f%02d", i);
        stage_write(stage, name, "x");
        if (i % 2 == 0) {
            age(stage, name); /* by the scan; the others by its second look */
        }
    }
    stage_open(stage);
    stage_let_pass(stage, 100);
    assert_int_equal(stage_slot(stage, "flow")->counts.events, 6);
    stage_write(stage, "flows/agents/waits/go", "");
    until_results(stage, FILES);
    stage_let_pass(stage, 30);
    for (int i = 0; i < FILES; i++) {
        char part[32];
        (void)snprintf(part, sizeof(part), "\"f%02d\"", i);
        assert_int_equal(count_said(stage, part), 1);
    }
}

static bool folder_is_lost(struct stage *stage) {
    return stage->refusals > 0;
}

static void test_watch_feed__finds_a_folder_that_comes_back(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", NAMES);
    write_old(stage, "in/a", "1");
    stage_open(stage);
    until_results(stage, 1);
    assert_int_equal(unlink(stage_path(stage, "in/a")), 0);
    assert_int_equal(rmdir(stage_path(stage, "in")), 0);
    stage_until(stage, folder_is_lost);
    assert_part(&stage->refused, "/in' is gone; it is looked for every second");
    write_old(stage, "in/b", "2");
    until_results(stage, 2);
    stage_write(stage, "in/c", "3");
    until_results(stage, 3);
    assert_int_equal(stage->refusals, 1);
}

static void test_watch_feed__makes_its_folder_and_says_where_it_cannot(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "good",
               "trigger: { watch: { path: ../made/here } }\n"
               "results: [ { name: out, from: { n: 1 } } ]\n");
    stage_flow(stage, "bad",
               "trigger: { watch: { path: ../flows/good.yaml/in } }\n"
               "results: [ { name: out, from: { n: 1 } } ]\n");
    stage_open(stage);
    assert_true(stage_has(stage, "made/here"));
    assert_int_equal(stage_slot(stage, "good")->state, SLOT_RUNNING);
    assert_int_equal(stage_slot(stage, "bad")->state, SLOT_FAULTY);
    assert_part(&stage->refused, "bad: workflow 'bad': watch '../flows/good.yaml/in': ");
}

/* Names that vanish, links, and what is no file. */
static void test_watch_feed__passes_over_what_is_no_file(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", NAMES);
    stage_write(stage, "in/.keep", "");
    stage_open(stage);
    assert_int_equal(mkfifo(stage_path(stage, "in/pipe"), 0600), 0);
    assert_int_equal(symlink("/nowhere/at/all", stage_path(stage, "in/dangling")), 0);
    assert_int_equal(mkdir(stage_path(stage, "in/folder"), 0700), 0);
    for (int i = 0; i < 20; i++) { /* gone before it is read, mostly */
        stage_write(stage, "in/brief", "x");
        (void)unlink(stage_path(stage, "in/brief"));
    }
    const int pipe_end = open(stage_path(stage, "in/pipe"), O_RDWR | O_CLOEXEC | O_NONBLOCK);
    assert_true(pipe_end >= 0);
    assert_int_equal(close(pipe_end), 0); /* the kernel names it now */
    stage_write(stage, "in/last", "x");
    stage->named = "last";
    until_results(stage, 1);
    while (count_said(stage, "\"last\"") == 0) {
        stage_let_pass(stage, 4);
    }
    assert_int_equal(count_said(stage, "pipe"), 0);
    assert_int_equal(stage->refusals, 0);
}

static void test_watch_feed__shows_a_file_as_a_blob_of_its_kind(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", BLOBS);
    stage_open(stage);
    stage_write(stage, "in/a.png", "\x89PNG\r\n\x1a\n....");
    until_results(stage, 1);
    stage_write(stage, "in/b.csv", "1,2\n");
    until_results(stage, 2);
    assert_text(&stage->said, "normal out {\"type\":\"image/png\",\"bytes\":12,\"image\":12}\n"
                              "normal out {\"type\":\"text/csv\",\"bytes\":4,\"image\":null}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_watch_feed__takes_what_is_there_and_what_comes, make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__says_what_the_file_is, make, stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__cuts_what_is_long, make, stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__shows_a_file_as_a_blob_of_its_kind, make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__takes_no_half_of_a_file, make, stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__knows_a_file_by_path_size_and_time, make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__forgets_a_file_that_went_during_its_run,
                                        make, stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__deletes_what_is_done, make, stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__deletes_what_an_earlier_life_has_done,
                                        make, stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__deletes_what_another_feed_had_begun, make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__reads_no_more_than_there_is_room_for, make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__finds_a_folder_that_comes_back, make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__makes_its_folder_and_says_where_it_cannot,
                                        make, stage_end),
        cmocka_unit_test_setup_teardown(test_watch_feed__passes_over_what_is_no_file, make,
                                        stage_end),
    };
    return cmocka_run_group_tests_name("runtime/triggers/watch_feed", tests, NULL, NULL);
}
