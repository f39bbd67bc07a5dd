// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "cli/call.h"

#include <cmocka.h>

static status find(struct error *err, const char *first, const char *second,
                   const struct command **out_command) {
    const char *words[] = {first, second};
    size_t used = 0;
    const status ended = command_find(words, second != NULL ? 2 : 1, out_command, &used, err);
    if (ended == STATUS_OK) {
        assert_int_equal(used, (*out_command)->noun != NULL ? 2 : 1);
    }
    return ended;
}

/* As a person types it, with a word more behind it. */
static void find_as_typed(const struct command *command) {
    char typed[COMMAND_WORDS_MAX];
    const char *words[8];
    size_t count = 0;
    size_t used = 0;
    const struct command *found = NULL;
    struct error err;
    command_words(command, typed);
    char *rest = typed;
    for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
        words[count++] = word;
    }
    words[count] = "more";
    assert_int_equal(command_find(words, count + 1, &found, &used, &err), STATUS_OK);
    assert_ptr_equal(found, command);
    assert_int_equal(used, count);
}

static void test_command__every_row_can_be_found_and_is_whole(void **state) {
    (void)state;
    const struct command *const *all = command_all();
    for (size_t i = 0; all[i] != NULL; i++) {
        const struct command *found = all[i];
        find_as_typed(found);
        assert_non_null(found->summary);
        assert_non_null(found->example);
        assert_non_null(found->run);
        assert_true(found->most == 0 || found->arguments != NULL);
        assert_true(found->least <= found->most);
        assert_false(slice_ends(slice_of(found->summary), "."));
    }
}

static void expect_refused(const char *first, const char *second, const char *sentence) {
    const struct command *found = NULL;
    struct error err = {.code = STATUS_OK};
    assert_int_equal(find(&err, first, second, &found), STATUS_INVALID);
    assert_null(found);
    assert_string_equal(err.text, sentence);
}

static void test_command__a_mistyped_word_names_the_nearest(void **state) {
    (void)state;
    expect_refused("rnu", NULL, "`ebb rnu` is no command; did you mean `ebb run`?");
    expect_refused("agents", "list", "`ebb agents` is no command; did you mean `ebb agent`?");
    expect_refused("agent", "lits",
                   "`ebb agent lits` is no command; did you mean `ebb agent list`?");
    expect_refused("queue", "import",
                   "`ebb queue import` is no command; did you mean `ebb hub queue import`?");
    expect_refused("revoke", "store-7",
                   "`ebb revoke` is no command; did you mean `ebb hub revoke`?");
    expect_refused("xyzzy", NULL, "`ebb xyzzy` is no command; `ebb help` lists them");
}

static void test_command__a_noun_alone_wants_a_verb(void **state) {
    (void)state;
    expect_refused("agent", NULL, "`ebb agent` wants to know what: list, show or run");
    expect_refused("result", "xyzzy",
                   "`ebb result xyzzy` is no command; there is list, save or show");
    expect_refused("hub", "resutl",
                   "`ebb hub resutl` is no command; did you mean `ebb hub result`?");
    expect_refused("hub", "result",
                   "`ebb hub result` wants to know what: list, show, export or save");
}

static void test_command__a_word_of_a_later_version_is_known_by_name(void **state) {
    (void)state;
    expect_refused("provision", NULL, "`ebb provision` is not in this version of ebb");
    expect_refused("package", "list", "`ebb package` is not in this version of ebb");
    expect_refused("sorce", NULL,
                   "`ebb sorce` is no command; did you mean `ebb source`? (It is not in this "
                   "version of ebb.)");
}

static const struct command *command_of(const char *first, const char *second) {
    const struct command *found = NULL;
    struct error err;
    assert_int_equal(find(&err, first, second, &found), STATUS_OK);
    return found;
}

static void expect_call_refused(const struct command *command, const char *const *words,
                                size_t count, const char *sentence) {
    CLEANUP(call_done) struct call call;
    struct error err = {.code = STATUS_OK};
    assert_int_equal(call_read(&call, command, words, count, &err), STATUS_INVALID);
    assert_string_equal(err.text, sentence);
}

static void test_call__takes_options_anywhere_and_both_ways(void **state) {
    (void)state;
    const char *words[] = {"--data", "d", "file.yaml", "--event={\"a\":1}", "--trace", "--json"};
    CLEANUP(call_done) struct call call;
    struct error err;
    assert_int_equal(call_read(&call, command_of("run", NULL), words, 6, &err), STATUS_OK);
    assert_int_equal(call.argument_count, 1);
    assert_string_equal(call_argument(&call, 0), "file.yaml");
    assert_string_equal(call_option(&call, "data"), "d");
    assert_string_equal(call_option(&call, "event"), "{\"a\":1}");
    assert_true(call_has(&call, "trace"));
    assert_true(call.json);
    assert_null(call_option(&call, "agents"));
}

static void test_call__two_hyphens_end_the_options(void **state) {
    (void)state;
    const char *words[] = {"--", "--trace"};
    CLEANUP(call_done) struct call call;
    struct error err;
    assert_int_equal(call_read(&call, command_of("run", NULL), words, 2, &err), STATUS_OK);
    assert_string_equal(call_argument(&call, 0), "--trace");
    assert_false(call_has(&call, "trace"));
}

static void test_call__refuses_what_the_command_does_not_take(void **state) {
    (void)state;
    const struct command *run = command_of("run", NULL);
    expect_call_refused(run, (const char *[]){"f", "--dta", "d"}, 3,
                        "`ebb run` has no option --dta; did you mean --data?");
    expect_call_refused(run, (const char *[]){"f", "--data"}, 2,
                        "--data wants a value: --data DIR");
    expect_call_refused(run, (const char *[]){"f", "--trace=yes"}, 2,
                        "--trace is a switch and takes no value");
    expect_call_refused(run, (const char *[]){"f", "-d"}, 2,
                        "options are written out, like --json; '-d' is none");
    expect_call_refused(run, NULL, 0, "`ebb run` wants FILE");
    expect_call_refused(run, (const char *[]){"f", "g"}, 2,
                        "`ebb run` takes FILE alone, 'g' is one too many");
    expect_call_refused(command_of("serve", NULL), (const char *[]){"f"}, 1,
                        "`ebb serve` takes no argument, 'f' is one too many");
}

static void test_call__help_needs_no_arguments(void **state) {
    (void)state;
    const char *words[] = {"-h"};
    CLEANUP(call_done) struct call call;
    struct error err;
    assert_int_equal(call_read(&call, command_of("run", NULL), words, 1, &err), STATUS_OK);
    assert_true(call.wants_help);
}

static void test_call__numbers_have_bounds(void **state) {
    (void)state;
    static const char *const WRONG[] = {"0", "1000001", "x", "", "3x", "99999999999999999999"};
    const struct command *list = command_of("result", "list");
    struct error err;
    int64_t number = 0;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        const char *words[] = {"--limit", WRONG[i]};
        CLEANUP(call_done) struct call call;
        assert_int_equal(call_read(&call, list, words, 2, &err), STATUS_OK);
        assert_int_equal(call_number(&call, "limit", 1, 1000000, 20, &number, &err),
                         STATUS_INVALID);
    }
    CLEANUP(call_done) struct call call;
    assert_int_equal(call_read(&call, list, NULL, 0, &err), STATUS_OK);
    assert_int_equal(call_number(&call, "limit", 1, 1000000, 20, &number, &err), STATUS_OK);
    assert_int_equal(number, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command__every_row_can_be_found_and_is_whole),
        cmocka_unit_test(test_command__a_mistyped_word_names_the_nearest),
        cmocka_unit_test(test_command__a_noun_alone_wants_a_verb),
        cmocka_unit_test(test_command__a_word_of_a_later_version_is_known_by_name),
        cmocka_unit_test(test_call__takes_options_anywhere_and_both_ways),
        cmocka_unit_test(test_call__two_hyphens_end_the_options),
        cmocka_unit_test(test_call__refuses_what_the_command_does_not_take),
        cmocka_unit_test(test_call__help_needs_no_arguments),
        cmocka_unit_test(test_call__numbers_have_bounds),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
