// SPDX-License-Identifier: Apache-2.0
/*
 * A daemon's whole life while the k-th allocation fails, or all from the k-th on: it may refuse,
 * stop or wait, but it does not crash, and the next life finds everything: no event is lost, none
 * has two results, none is counted twice in the state of its key.
 *
 * All k take minutes; a share of them is tried, another one each time. EBB_TEST_ALL=1 tries all,
 * EBB_TEST_SEED=N a share again.
 */
#include "runtime/daemon.h"

#include <fcntl.h>
#include <time.h>

#include "runtime/test_stage.h"

enum { FILES = 3, SHARE = 24, QUIET_MS = 60 };

static const char FLOW[] = "trigger: { watch: { path: ../in, text: true } }\n"
                           "concurrency: 2\n"
                           "durability: { runs: each, results: each }\n"
                           "let: { word: '${ .event.text }' }\n"
                           "steps:\n"
                           "  - id: one\n"
                           "    agent: count\n"
                           "    with: { word: '${ $word }' }\n"
                           "    state: { by: '${ .event.name }', ttl: 1h }\n"
                           "  - id: two\n"
                           "    agent: same\n"
                           "    needs: [one]\n"
                           "    with: { word: '${ .steps.one.word }' }\n"
                           "    repeat: never\n"
                           "    on_error: { skip: step }\n"
                           "results:\n"
                           "  - name: out\n"
                           "    from: { file: '${ .event.name }', word: '${ .steps.one.word }',\n"
                           "      n: '${ .steps.one.n }' }\n";

static void write_inputs(struct stage *stage) {
    const struct timespec old[2] = {{.tv_sec = 1500000000}, {.tv_sec = 1500000000}};
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    stage_agent(stage, "count",
                "kind: jq\n"
                "filter: '((.state // 0) + 1) as $n | { word: .word, n: $n, state: $n }'\n");
    stage_flow(stage, "flow", FLOW);
    for (int i = 0; i < FILES; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "in/f%d", i);
        stage_write(stage, name, "word");
        assert_int_equal(utimensat(AT_FDCWD, stage_path(stage, name), old, 0), 0);
    }
}

static int64_t quiet_ns;                                       /* when it counts as done */
static int64_t life_ns = (int64_t)STAGE_PATIENCE_MS * 1000000; /* as long as a life may take */

static bool is_done_or_stuck(struct stage *stage) {
    return stage->ends >= FILES || stage->daemon->stopping || clock_boot_ns() > quiet_ns;
}

/* One life, with the failure; how many allocations it asked for is returned. */
static size_t live(struct stage *stage, long k, int forever) {
    struct error err = {0};
    (void)memory_fail_at(k, forever);
    quiet_ns = clock_boot_ns() + life_ns;
    if (stage_try_open(stage, &err) == STATUS_OK) {
        stage->until = is_done_or_stuck;
        stage->patience_ns = INT64_MAX;
        stage->looped = true;
        timer_set(stage->poll, 0);
        daemon_run(stage->daemon);
        if (!stage->daemon->stopping) {
            daemon_stop(stage->daemon);
            loop_run(stage->daemon->loop);
        }
        timer_close(stage->poll);
    }
    const size_t asked = memory_fail_at(-1, 0);
    daemon_destroy(stage->daemon);
    stage->daemon = NULL;
    stage->poll = NULL;
    return asked;
}

static void remove_data(struct stage *stage) {
    (void)nftw(stage->data, test_folder_remove_one, 16, FTW_DEPTH | FTW_PHYS); /* none: fine */
}

struct listed {
    char ids[FILES][RUN_ID_TEXT_BYTES]; /* of the runs that have a record, each once */
    int runs, records, reports;
};

static int count_parts(const char *list, const char *part) {
    int count = 0;
    for (const char *at = strstr(list, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static struct listed list_runs(const char *list) {
    static const char NAME[] = "\"run\":\"";
    struct listed listed = {.reports = count_parts(list, "had begun when the daemon ended")};
    for (const char *at = strstr(list, NAME); at != NULL; at = strstr(at + 1, NAME)) {
        char id[RUN_ID_TEXT_BYTES];
        int known = 0;
        (void)snprintf(id, sizeof(id), "%s", at + sizeof(NAME) - 1);
        while (known < listed.runs && strcmp(listed.ids[known], id) != 0) {
            known++;
        }
        if (known == listed.runs && known < FILES) {
            (void)memcpy(listed.ids[listed.runs++], id, sizeof(id));
        }
        listed.records++;
    }
    return listed;
}

static bool all_have_ended(struct stage *stage) {
    const struct slot *slot = stage_slot(stage, "flow");
    return slot_is_idle(slot) &&
           list_runs(stage_list(stage, READ_RESULTS, LANE_COUNT)->bytes).runs >= FILES;
}

/* The next life brings to its end what is not; then the run of each file, whose id comes from the
 * file, has one end. Where memory never came back the end of a run that had acted may be unwritten:
 * then a report that its step is not repeated stands beside its result. */
static void assert_nothing_is_lost(struct stage *stage, long k, int forever) {
    const int64_t until_ns = clock_boot_ns() + (int64_t)STAGE_PATIENCE_MS * 1000000;
    stage_open(stage);
    while (!all_have_ended(stage) && clock_boot_ns() < until_ns) {
        stage_let_pass(stage, 4);
    }
    const char *list = stage_list(stage, READ_RESULTS, LANE_COUNT)->bytes;
    const struct listed listed = list_runs(list);
    if (listed.runs != FILES || listed.records - listed.reports != FILES ||
        (listed.reports > 0 && !forever)) {
        print_message("# said:\n%.*s\n%s\n", SLICE_ARGS(buffer_slice(&stage->said)), list);
        fail_msg("allocation %ld failed%s: %d records of %d runs, %d of them reports", k,
                 forever ? ", and all after it" : "", listed.records, listed.runs, listed.reports);
    }
    assert_int_equal(count_parts(list, "\"n\":2"), 0);
    assert_int_equal(stage_count_listed(stage, READ_RUNS, LANE_COUNT, "\"id\""), 0);
    stage_close(stage);
}

static void try_at(struct stage *stage, long k, int forever) {
    remove_data(stage);
    stage_forget(stage);
    stage->ends = 0;
    (void)live(stage, k, forever);
    assert_nothing_is_lost(stage, k, forever);
}

static void test_daemon__loses_nothing_when_an_allocation_fails(void **state) {
    struct stage *stage = *state;
    stage->options.feeds_closed = false;
    write_inputs(stage);
    const int64_t begun_ns = clock_boot_ns();
    const long all = (long)live(stage, INT32_MAX, 0);
    life_ns = 2 * (clock_boot_ns() - begun_ns) + (int64_t)QUIET_MS * 1000000;
    assert_in_range(all, 50, 100000);
    const char *seed = getenv("EBB_TEST_SEED");
    const bool whole = getenv("EBB_TEST_ALL") != NULL;
    const long step = whole || all < SHARE ? 1 : all / SHARE;
    const long first = whole ? 0 : (seed != NULL ? strtol(seed, NULL, 10) : time(NULL)) % step;
    print_message("# %ld allocations; each %ldth from the %ldth fails\n", all, step, first);
    for (long k = first; k < all; k += step) {
        try_at(stage, k, whole ? 0 : (int)((k - first) / step % 2));
        if (whole) {
            try_at(stage, k, 1);
        }
    }
}

int main(void) {
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_daemon__loses_nothing_when_an_allocation_fails,
                                        stage_make, stage_end),
    };
    return cmocka_run_group_tests_name("runtime/memory", tests, NULL, NULL);
}
