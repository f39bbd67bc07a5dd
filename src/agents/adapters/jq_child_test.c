// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/jq_child.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "platform/test_emulator.h"

static const int64_t NS_A_MS = 1000000;

/* Memory is not limited under a sanitizer. */
static bool is_sanitized(void) {
#ifdef EBB_SANITIZED
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

static int find_program(void **state) {
    static char path[4096];
    const char *build = getenv("EBB_BUILD");
    (void)state;
    if (build != NULL) {
        (void)snprintf(path, sizeof(path), "%s/ebb-jq", build);
        return setenv("EBB_JQ", path, 1);
    }
    return getenv("EBB_JQ") != NULL ? 0 : -1;
}

static struct jq_child *created(const char *const texts[], uint32_t count) {
    struct slice programs[16];
    struct jq_child *child = NULL;
    struct error err = {0};
    for (uint32_t i = 0; i < count; i++) {
        programs[i] = slice_of(texts[i]);
    }
    if (jq_child_create(programs, count, &child, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return child;
}

struct told {
    status code;
    char text[ERROR_TEXT_MAX]; /* the value as JSON, or the sentence */
};

/* ms 0: a question without a deadline of its own. */
static struct told asked_within(struct jq_child *child, uint32_t program, struct slice input,
                                int64_t ms) {
    struct told told = {0};
    struct arena arena;
    struct value value = {0};
    struct error err = {0};
    arena_init(&arena, 16 << 20);
    const int64_t deadline_ns = ms > 0 ? clock_boot_ns() + ms * NS_A_MS : 0;
    told.code = jq_child_ask(child, program, input, deadline_ns, &arena, &value, &err);
    if (told.code == STATUS_OK) {
        struct buffer out;
        buffer_init(&out, 16 << 20);
        json_write(&out, value);
        (void)snprintf(told.text, sizeof(told.text), "%.*s", SLICE_ARGS(buffer_slice(&out)));
        buffer_done(&out);
    } else {
        (void)snprintf(told.text, sizeof(told.text), "%s", err.text);
    }
    arena_done(&arena);
    return told;
}

static struct told asked(struct jq_child *child, uint32_t program, const char *input) {
    return asked_within(child, program, slice_of(input), 20000);
}

static void check(struct jq_child *child, uint32_t program, const char *input, const char *wanted) {
    const struct told told = asked(child, program, input);
    if (strcmp(told.text, wanted) != 0) {
        fail_msg("%u on %s: %s, wanted %s", program, input, told.text, wanted);
    }
}

static void test_jq_child__questions_are_answered_by_number(void **state) {
    static const char *const TEXTS[] = {".c.a", "empty", "[.c.a, .v.b]", "1, 2", "error(\"no\")"};
    (void)state;
    struct jq_child *child = created(TEXTS, 5);
    check(child, 0, "{\"c\":{\"a\":7}}", "7");
    check(child, 1, "{}", "null");
    check(child, 2, "{\"c\":{\"a\":7},\"v\":{\"b\":\"\xc3\xa9\"}}", "[7,\"\xc3\xa9\"]");
    check(child, 3, "{}", "jq: more than one output: wrap it in [ ]");
    check(child, 4, "{}", "jq: no");
    check(child, 0, "{", "jq: Unfinished JSON term at EOF at line 1, column 1 (while parsing '{')");
    check(child, 0, "{\"c\":{\"a\":9007199254740993}}",
          "the integer 9007199254740993 is beyond the 2^53 that jq holds");
    check(child, 0, "{\"c\":{\"a\":8}}", "8");
    jq_child_destroy(child);
}

static void test_jq_child__the_environment_is_empty_and_no_file_can_be_opened(void **state) {
    static const char *const TEXTS[] = {"env", "$ENV", "[input_filename, get_search_list]"};
    (void)state;
    assert_int_equal(setenv("EBB_SECRET", "seen", 1), 0);
    struct jq_child *child = created(TEXTS, 3);
    check(child, 0, "{}", "{}");
    check(child, 1, "{}", "{}");
    assert_null(strstr(asked(child, 2, "{}").text, "/"));
    jq_child_destroy(child);
}

static void test_jq_child__what_never_returns_is_killed_and_the_next_is_answered(void **state) {
    static const char *const TEXTS[] = {"[range(1e12)] | length", "def f: f; f", ".c"};
    (void)state;
    struct jq_child *child = created(TEXTS, 3);
    check(child, 2, "{\"c\":1}", "1");
    for (uint32_t i = 0; i < 2; i++) {
        const int64_t begun_ns = clock_boot_ns();
        const struct told told = asked_within(child, i, SLICE("{}"), 200);
        /* The list may be out of memory sooner than out of time. */
        assert_true(told.code == STATUS_TIMEOUT || told.code == STATUS_CRASH);
        assert_non_null(strstr(told.text, "the jq program took more than"));
        assert_true(clock_boot_ns() - begun_ns < 10000 * NS_A_MS);
        check(child, 2, "{\"c\":2}", "2");
    }
    jq_child_destroy(child);
}

static void test_jq_child__a_question_without_a_deadline_has_a_second(void **state) {
    static const char *const TEXTS[] = {"def f: f; f"};
    (void)state;
    struct jq_child *child = created(TEXTS, 1);
    const struct told told = asked_within(child, 0, SLICE("{}"), 0);
    assert_int_equal(told.code, STATUS_TIMEOUT);
    assert_string_equal(told.text, "the jq program took more than 1000 ms");
    jq_child_destroy(child);
}

/* An agent's filter may take as long as its step. */
static void test_jq_child__a_question_with_a_deadline_has_until_then(void **state) {
    static const char *const TEXTS[] = {"def f: f; f"};
    (void)state;
    struct jq_child *child = created(TEXTS, 1);
    const int64_t begun_ns = clock_boot_ns();
    const struct told told = asked_within(child, 0, SLICE("{}"), 1500);
    assert_int_equal(told.code, STATUS_TIMEOUT);
    assert_true(clock_boot_ns() - begun_ns >= 1500 * NS_A_MS);
    jq_child_destroy(child);
}

static void test_jq_child__memory_is_limited(void **state) {
    skip_if_emulated(EMULATOR_LIMITS_NO_MEMORY);
    static const char *const TEXTS[] = {"reduce range(40) as $i (\"x\"; . + .) | length",
                                        ".c * 1000000000 | length", ".c"};
    (void)state;
    if (is_sanitized()) {
        print_message("sanitizers take more memory than there is\n");
        skip();
    }
    struct jq_child *child = created(TEXTS, 3);
    const struct told doubled = asked(child, 0, "{}");
    assert_int_equal(doubled.code, STATUS_CRASH);
    assert_string_equal(doubled.text, "the jq program took more than 256 MiB of memory");
    check(child, 2, "{\"c\":2}", "2");
    /* jq 1.6 copies a gigabyte byte by byte and is late, later releases are out of memory. */
    const struct told repeated = asked(child, 1, "{\"c\":\"x\"}");
    assert_true(repeated.code == STATUS_TIMEOUT || repeated.code == STATUS_CRASH);
    check(child, 2, "{\"c\":3}", "3");
    jq_child_destroy(child);
}

/* jq 1.7 computes constants when it compiles, and dies of this one then; 1.6 when it runs. */
static void test_jq_child__a_constant_too_large_costs_nobody_else(void **state) {
    static const char *const TEXTS[] = {".c", "\"x\" * 1000000000 | length", ".c + 1",
                                        "\"y\" * 1000000000 | length"};
    (void)state;
    if (is_sanitized()) {
        print_message("sanitizers take more memory than there is\n");
        skip();
    }
    struct jq_child *child = created(TEXTS, 4);
    check(child, 0, "{\"c\":2}", "2");
    assert_int_not_equal(asked_within(child, 1, SLICE("{}"), 200).code, STATUS_OK);
    check(child, 2, "{\"c\":2}", "3");
    assert_int_not_equal(asked_within(child, 3, SLICE("{}"), 200).code, STATUS_OK);
    check(child, 0, "{\"c\":4}", "4");
    jq_child_destroy(child);
}

static void test_jq_child__an_answer_is_bounded(void **state) {
    static const char *const TEXTS[] = {"reduce range(21) as $i (\"x\"; . + .)",
                                        "[range(100000)] | length", "[range(20000)]",
                                        "reduce range(100) as $i (1; [.])"};
    (void)state;
    struct jq_child *child = created(TEXTS, 4);
    assert_int_equal(asked(child, 0, "{}").code, STATUS_FULL);
    check(child, 1, "{}", "100000");
    const struct told large = asked(child, 2, "{}");
    assert_int_equal(large.code, STATUS_OK);
    assert_int_equal(strncmp(large.text, "[0,1,2,", 7), 0);
    check(child, 3, "{}", "jq: the output is nested more than 64 deep");
    jq_child_destroy(child);
}

static void test_jq_child__a_large_input_passes(void **state) {
    static const char *const TEXTS[] = {".c | length"};
    static char input[(2 << 20) + 64];
    (void)state;
    memset(input, 'x', sizeof(input));
    memcpy(input, "{\"c\":\"", 6);
    memcpy(input + sizeof(input) - 2, "\"}", 2);
    struct jq_child *child = created(TEXTS, 1);
    const struct told told =
        asked_within(child, 0, (struct slice){.bytes = input, .count = sizeof(input)}, 20000);
    assert_string_equal(told.text, "2097208");
    const struct slice huge = {.bytes = input, .count = (size_t)20 << 20};
    assert_int_equal(asked_within(child, 0, huge, 20000).code, STATUS_FULL);
    jq_child_destroy(child);
}

/* A failing fromjson makes jq 1.6 crash when it compiles later: nothing is compiled in a child
 * that has run, not even after a failure. */
static void test_jq_child__a_failing_fromjson_harms_nobody(void **state) {
    static const char *const TEXTS[] = {".c | fromjson", ".c | tonumber", ".c", "def f: f; f"};
    (void)state;
    struct jq_child *child = created(TEXTS, 4);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(asked(child, 0, "{\"c\":\"{nope\"}").code, STATUS_INVALID);
        assert_int_equal(asked(child, 1, "{\"c\":\"nope\"}").code, STATUS_INVALID);
        check(child, 0, "{\"c\":\"{\\\"a\\\":1}\"}", "{\"a\":1}");
    }
    assert_int_equal(asked_within(child, 3, SLICE("{}"), 50).code, STATUS_TIMEOUT);
    check(child, 2, "{\"c\":5}", "5");
    struct jq_child *reloaded = created(TEXTS, 4);
    check(reloaded, 2, "{\"c\":6}", "6");
    jq_child_destroy(child);
    check(reloaded, 2, "{\"c\":7}", "7");
    jq_child_destroy(reloaded);
}

static void test_jq_child__a_program_that_does_not_compile_costs_nobody_else(void **state) {
    static const char *const TEXTS[] = {".c", "nobody(1)", ".c | [.", ".c + 1"};
    struct error err = {0};
    (void)state;
    struct jq_child *child = created(TEXTS, 4);
    assert_int_equal(jq_child_warm(child, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "jq program "));
    check(child, 0, "{\"c\":5}", "5");
    check(child, 1, "{\"c\":5}", "jq: nobody/1 is not defined");
    assert_non_null(strstr(asked(child, 2, "{}").text, "syntax error"));
    check(child, 3, "{\"c\":5}", "6");
    jq_child_destroy(child);
}

static void test_jq_child__one_program_can_be_checked_alone(void **state) {
    struct error err = {0};
    int offset = 0;
    (void)state;
    assert_int_equal(jq_child_check(SLICE(".a | length"), &offset, &err), STATUS_OK);
    assert_int_equal(offset, -1);
    assert_int_equal(jq_child_check(SLICE(".a | lengthy"), &offset, &err), STATUS_INVALID);
    assert_int_equal(offset, 5);
    assert_string_equal(err.text, "jq: lengthy/0 is not defined");
}

static void test_jq_child__a_program_file_that_is_not_there_is_said(void **state) {
    skip_if_emulated(EMULATOR_SPAWNS_AT_ONCE);
    static const char *const TEXTS[] = {"."};
    char kept[4096];
    (void)state;
    (void)snprintf(kept, sizeof(kept), "%s", getenv("EBB_JQ"));
    assert_int_equal(setenv("EBB_JQ", "/nowhere/ebb-jq", 1), 0);
    struct jq_child *child = created(TEXTS, 1);
    struct told told = asked(child, 0, "{}");
    assert_int_equal(told.code, STATUS_NOT_FOUND);
    assert_non_null(strstr(told.text, "start '/nowhere/ebb-jq'"));
    assert_int_equal(setenv("EBB_JQ", "/bin/true", 1), 0);
    told = asked(child, 0, "{}");
    assert_int_equal(told.code, STATUS_CRASH);
    assert_string_equal(told.text, "compiling the jq programs: ebb-jq ended with code 0");
    assert_int_equal(setenv("EBB_JQ", kept, 1), 0);
    check(child, 0, "{}", "{}");
    jq_child_destroy(child);
}

/* The children that this process has now. */
static pid_t only_child(void) {
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "r");
    int pid = 0;
    if (file == NULL || fscanf(file, "%d", &pid) != 1) {
        pid = 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return (pid_t)pid;
}

static void test_jq_child__one_that_died_unasked_is_replaced(void **state) {
    static const char *const TEXTS[] = {".c"};
    (void)state;
    struct jq_child *child = created(TEXTS, 1);
    check(child, 0, "{\"c\":1}", "1");
    const pid_t pid = only_child();
    if (pid == 0) {
        jq_child_destroy(child);
        print_message("this kernel does not list children\n");
        skip();
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    siginfo_t facts;
    assert_int_equal(waitid(P_PID, (id_t)pid, &facts, WEXITED | WNOWAIT), 0);
    check(child, 0, "{\"c\":2}", "2");
    jq_child_destroy(child);
    assert_int_equal(only_child(), 0);
}

struct killer {
    pid_t pid;
    unsigned after_ms;
};

static void *kill_later(void *argument) {
    const struct killer *killer = argument;
    (void)usleep(killer->after_ms * 1000);
    (void)kill(killer->pid, SIGKILL);
    return NULL;
}

static void test_jq_child__one_that_is_killed_while_it_answers_is_a_crash(void **state) {
    static const char *const TEXTS[] = {".c", "def f: f; f"};
    pthread_t thread;
    (void)state;
    struct jq_child *child = created(TEXTS, 2);
    check(child, 0, "{\"c\":1}", "1");
    struct killer killer = {.pid = only_child(), .after_ms = 50};
    if (killer.pid == 0) {
        jq_child_destroy(child);
        print_message("this kernel does not list children\n");
        skip();
    }
    assert_int_equal(pthread_create(&thread, NULL, kill_later, &killer), 0);
    const struct told told = asked(child, 1, "{}");
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(told.code, STATUS_CRASH);
    assert_string_equal(told.text, "the jq program: ebb-jq was killed by signal 9 (SIGKILL)");
    check(child, 0, "{\"c\":2}", "2");
    jq_child_destroy(child);
}

enum { ASKERS = 4, QUESTIONS = 200 };

struct asker {
    pthread_t thread;
    struct jq_child *child;
    int number;
    int wrong;
    bool is_bad; /* it asks what never returns, once in a while */
};

static void *ask_many(void *argument) {
    struct asker *asker = argument;
    for (int i = 0; i < QUESTIONS; i++) {
        char input[64];
        char wanted[32];
        (void)snprintf(input, sizeof(input), "{\"c\":%d}", asker->number * 1000 + i);
        (void)snprintf(wanted, sizeof(wanted), "%d", asker->number * 1000 + i + 1);
        const struct told told = asked(asker->child, 0, input);
        asker->wrong += strcmp(told.text, wanted) != 0 ? 1 : 0;
        if (asker->is_bad && i % 100 == 50) {
            asker->wrong +=
                asked_within(asker->child, 1, SLICE("{}"), 100).code != STATUS_TIMEOUT ? 1 : 0;
        }
    }
    return NULL;
}

static void check_many(bool one_is_bad) {
    static const char *const TEXTS[] = {".c + 1", "def f: f; f"};
    struct asker askers[ASKERS];
    struct jq_child *child = created(TEXTS, 2);
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.child = child, .number = i, .is_bad = one_is_bad && i == 0};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_many, &askers[i]), 0);
    }
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        assert_int_equal(askers[i].wrong, 0);
    }
    jq_child_destroy(child);
}

static void test_jq_child__four_threads_ask_at_once(void **state) {
    (void)state;
    check_many(false);
}

/* Those who waited behind a question that killed the child are answered by the next child. */
static void test_jq_child__who_waited_behind_a_bad_question_is_answered(void **state) {
    (void)state;
    check_many(true);
}

static void *ask_what_never_returns(void *argument) {
    struct asker *asker = argument;
    asker->wrong = asked_within(asker->child, 1, SLICE("{}"), 0).code != STATUS_TIMEOUT;
    return NULL;
}

static void *ask_without_a_deadline(void *argument) {
    struct asker *asker = argument;
    struct arena arena;
    struct value value = {0};
    struct error err = {0};
    arena_init(&arena, 1 << 20);
    const status code = jq_child_ask(asker->child, 0, SLICE("{\"c\":1}"), 0, &arena, &value, &err);
    asker->wrong = code != STATUS_OK;
    arena_done(&arena);
    return NULL;
}

/* Two seconds of others are before them: their own begins when they are served. */
static void test_jq_child__a_question_s_second_counts_from_when_it_is_served(void **state) {
    static const char *const TEXTS[] = {".c + 1", "def f: f; f"};
    struct asker askers[ASKERS];
    struct error err = {0};
    (void)state;
    struct jq_child *child = created(TEXTS, 2);
    assert_int_equal(jq_child_warm(child, &err), STATUS_OK);
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.child = child};
        assert_int_equal(pthread_create(&askers[i].thread, NULL,
                                        i < 2 ? ask_what_never_returns : ask_without_a_deadline,
                                        &askers[i]),
                         0);
    }
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
        assert_int_equal(askers[i].wrong, 0);
    }
    jq_child_destroy(child);
}

static void test_jq_child__no_memory_is_a_status(void **state) {
    static const char *const TEXTS[] = {".c"};
    const struct slice program = slice_of(TEXTS[0]);
    (void)state;
    for (long index = 0; index < 50; index++) {
        struct jq_child *child = NULL;
        struct error err = {0};
        (void)memory_fail_at(index, 0);
        const status code = jq_child_create(&program, 1, &child, &err);
        const size_t used = memory_fail_at(-1, 0);
        if (code != STATUS_OK) {
            assert_int_equal(code, STATUS_NO_MEMORY);
            assert_null(child);
            continue;
        }
        jq_child_destroy(child);
        if ((size_t)index >= used) {
            return;
        }
    }
    fail_msg("it always fails");
}

/* A daemon that is killed takes its child with it: at once when that is idle, after the question's
 * time when it is in a loop. */
static void check_orphan(uint32_t program) {
    static const char *const TEXTS[] = {".c", "def f: f; f"};
    int ready[2];
    char byte = 0;
    int how = 0;
    assert_int_equal(pipe(ready), 0);
    const pid_t daemon_pid = fork();
    assert_true(daemon_pid >= 0);
    if (daemon_pid == 0) {
        struct jq_child *child = created(TEXTS, 2);
        (void)asked(child, 0, "{}");
        (void)!write(ready[1], "x", 1);
        (void)asked_within(child, program, SLICE("{}"), 300);
        (void)pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)usleep(50 * 1000);
    assert_int_equal(kill(daemon_pid, SIGKILL), 0);
    assert_int_equal(waitpid(daemon_pid, &how, 0), daemon_pid);
    const pid_t orphan =
        waitpid(-1, &how, 0); /* ours now; the test's own time limit is the bound */
    assert_true(orphan > 0 && orphan != daemon_pid);
    assert_true(program == 0 ? WIFEXITED(how) : WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM);
    assert_int_equal(close(ready[0]), 0);
    assert_int_equal(close(ready[1]), 0);
}

static void test_jq_child__it_does_not_outlive_the_daemon(void **state) {
    skip_if_emulated(EMULATOR_KEEPS_NO_ORPHANS);
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    check_orphan(0);
    check_orphan(1);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

static void test_jq_child__nobody_is_left_behind(void **state) {
    (void)state;
    assert_int_equal(only_child(), 0);
    jq_child_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jq_child__questions_are_answered_by_number),
        cmocka_unit_test(test_jq_child__the_environment_is_empty_and_no_file_can_be_opened),
        cmocka_unit_test(test_jq_child__what_never_returns_is_killed_and_the_next_is_answered),
        cmocka_unit_test(test_jq_child__a_question_without_a_deadline_has_a_second),
        cmocka_unit_test(test_jq_child__a_question_with_a_deadline_has_until_then),
        cmocka_unit_test(test_jq_child__memory_is_limited),
        cmocka_unit_test(test_jq_child__a_constant_too_large_costs_nobody_else),
        cmocka_unit_test(test_jq_child__an_answer_is_bounded),
        cmocka_unit_test(test_jq_child__a_large_input_passes),
        cmocka_unit_test(test_jq_child__a_failing_fromjson_harms_nobody),
        cmocka_unit_test(test_jq_child__a_program_that_does_not_compile_costs_nobody_else),
        cmocka_unit_test(test_jq_child__one_program_can_be_checked_alone),
        cmocka_unit_test(test_jq_child__a_program_file_that_is_not_there_is_said),
        cmocka_unit_test(test_jq_child__one_that_died_unasked_is_replaced),
        cmocka_unit_test(test_jq_child__one_that_is_killed_while_it_answers_is_a_crash),
        cmocka_unit_test(test_jq_child__four_threads_ask_at_once),
        cmocka_unit_test(test_jq_child__who_waited_behind_a_bad_question_is_answered),
        cmocka_unit_test(test_jq_child__a_question_s_second_counts_from_when_it_is_served),
        cmocka_unit_test(test_jq_child__no_memory_is_a_status),
        cmocka_unit_test(test_jq_child__it_does_not_outlive_the_daemon),
        cmocka_unit_test(test_jq_child__nobody_is_left_behind),
    };
    return cmocka_run_group_tests(tests, find_program, NULL);
}
