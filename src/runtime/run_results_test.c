// SPDX-License-Identifier: Apache-2.0
/* What a run leaves: results in their lanes, or the failure that stands for them. */
#include "runtime/run.h"

#include "runtime/test_stage.h"

static const char TRIGGER[] = "trigger: { stdin: json }\n";

static void write_flow(struct stage *stage, const char *name, const char *rest) {
    char text[4096];
    (void)snprintf(text, sizeof(text), "%s%s", TRIGGER, rest);
    stage_flow(stage, name, text);
}

static void test_run_results__go_to_the_lanes_of_their_words(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "flow",
               "results:\n"
               "  - { name: first, when: .event.data.t > 0, from: { n: 1 }, priority: urgent }\n"
               "  - { name: second, from: { n: 2 }, priority: high }\n"
               "  - { name: third, from: { n: 3 }, priority: 5 }\n"
               "  - { name: fourth, from: { n: 4 } }\n"
               "  - { name: fifth, from: { n: 5 }, priority: 0 }\n"
               "  - { name: sixth, from: { n: 6 }, priority: urgent, to: [] }\n");
    stage_open(stage);
    stage_offer(stage, "flow", "{\"t\":1}");
    stage_until_ended(stage, 1);
    assert_text(&stage->said,
                "urgent first {\"n\":1}\nhigh second {\"n\":2}\nhigh third {\"n\":3}\n"
                "normal fourth {\"n\":4}\nlow fifth {\"n\":5}\nlocal sixth {\"n\":6}\n");
    stage_forget(stage);
    stage_offer(stage, "flow", "{\"t\":0}");
    stage_until_ended(stage, 2);
    assert_int_equal(stage->results, 11);
    assert_int_equal(stage_slot(stage, "flow")->counts.results, 11);
    assert_int_equal(stage_counters(stage).records, 11);
    assert_int_equal(stage_count_listed(stage, READ_PEEK, LANE_URGENT, "\"first\""), 1);
    assert_int_equal(stage_count_listed(stage, READ_PEEK, LANE_HIGH, "\"name\""), 4);
}

static void test_run_results__of_a_key_supersede_each_other(void **state) {
    struct stage *stage = *state;
    write_flow(
        stage, "flow",
        "results:\n"
        "  - { name: door, key: '${ .event.data.room }', from: { n: '${ .event.data.n }' } }\n");
    stage_open(stage);
    stage_offer(stage, "flow", "{\"room\":\"a\",\"n\":1}");
    stage_offer(stage, "flow", "{\"room\":\"b\",\"n\":2}");
    stage_offer(stage, "flow", "{\"room\":\"a\",\"n\":3}");
    stage_offer(stage, "flow", "{\"n\":4}");
    stage_offer(stage, "flow", "{\"room\":[1],\"n\":5}");
    stage_offer(stage, "flow", "{\"room\":[1],\"n\":6}");
    stage_until_ended(stage, 6);
    assert_int_equal(stage->results, 6);
    struct buffer *lane = stage_list(stage, READ_PEEK, LANE_NORMAL);
    assert_part(lane, "superseded");
    assert_null(strstr(lane->bytes, "{\"n\":1}"));
    assert_non_null(strstr(lane->bytes, "{\"n\":2}"));
    assert_non_null(strstr(lane->bytes, "{\"n\":3}"));
    assert_non_null(strstr(lane->bytes, "{\"n\":4}"));
    assert_null(strstr(lane->bytes, "{\"n\":5}"));
    assert_non_null(strstr(lane->bytes, "{\"n\":6}"));
}

static void test_run_results__are_all_or_nothing(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "flow",
               "results:\n"
               "  - { name: good, from: { n: 1 }, priority: high }\n"
               "  - { name: bad, from: { cold: '${ .event.data.t < 3 }' } }\n");
    stage_open(stage);
    stage_offer(stage, "flow", "{}");
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "high failure  invalid\n");
    assert_part(&stage->ended, "flow failed: result 'bad': ");
    struct buffer *lane = stage_list(stage, READ_PEEK, LANE_HIGH);
    assert_part(lane, "\"failure\"");
    assert_null(strstr(lane->bytes, "good"));
    assert_int_equal(stage_slot(stage, "flow")->counts.failures, 1);
    assert_int_equal(stage_slot(stage, "flow")->counts.results, 0);
}

static void test_run_results__a_failure_says_what_where_and_of_which_event(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "warm", "kind: jq\nfilter: '{warm: (.t > -15)}'\n");
    write_flow(stage, "flow",
               "steps: [ { id: one, agent: warm } ]\n"
               "results:\n"
               "  - { name: out, from: { n: 1 }, priority: low }\n");
    stage_open(stage);
    struct event *event = stage_event("{}");
    event->id = SLICE("the-event");
    orchestrator_offer(stage_slot(stage, "flow"), event);
    stage_until_ended(stage, 1);
    struct buffer *lane = stage_list(stage, READ_PEEK, LANE_LOW);
    assert_part(lane, "{\"workflow\":\"flow\",\"step\":\"one\",\"class\":\"invalid\","
                      "\"text\":\"step 'one': ");
    assert_part(lane, "\"event_id\":\"the-event\"}");
}

/* A body that no record holds, and one that only the record's own members make too long. */
static void test_run_results__too_large_for_a_record_fail(void **state) {
    struct stage *stage = *state;
    enum { LONG = RECORD_BYTES_MAX + 100 };
    write_flow(stage, "flow",
               "results:\n"
               "  - { name: out, from: { text: '${ .event.data }' }, priority: urgent }\n");
    stage_open(stage);
    char *json = memory_new(LONG, 1);
    assert_non_null(json);
    const size_t lengths[] = {RECORD_BYTES_MAX + 10, RECORD_BYTES_MAX - 30, 1000};
    for (int i = 0; i < 3; i++) {
        (void)memset(json, 'x', LONG);
        json[0] = '"';
        json[lengths[i]] = '"';
        json[lengths[i] + 1] = '\0';
        stage_offer(stage, "flow", json);
        stage_until_ended(stage, i + 1);
    }
    memory_free(json);
    assert_int_equal(stage->failures, 2);
    assert_int_equal(stage->results, 1);
    assert_part(&stage->said, "urgent failure  full\nurgent failure  invalid\nurgent out {");
    assert_int_equal(stage_slot(stage, "flow")->counts.failures, 2);
}

static void test_run_results__fit_their_schema_or_the_run_fails(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "flow",
               "results:\n"
               "  - { name: first, from: { n: 1 } }\n"
               "  - name: out\n"
               "    schema:\n"
               "      t: { type: number, unit: Cel, min: -60 }\n"
               "      room: { type: string, default: a1 }\n"
               "      tags: { type: list, of: string, optional: true }\n"
               "    from: ${ .event.data }\n");
    stage_open(stage);
    stage_offer(stage, "flow", "{\"t\":-18.5}");
    stage_offer(stage, "flow", "{\"t\":\"warm\"}");
    stage_offer(stage, "flow", "{\"t\":-61}");
    stage_offer(stage, "flow", "{\"t\":1,\"tt\":2}");
    stage_offer(stage, "flow", "{\"room\":\"b2\"}");
    stage_offer(stage, "flow", "{\"t\":null}");
    stage_offer(stage, "flow", "{\"t\":1,\"tags\":[\"a\",3]}");
    stage_offer(stage, "flow", "[1]");
    stage_offer(stage, "flow", "{\"t\":2,\"room\":null,\"tags\":null}");
    stage_until_ended(stage, 9);
    assert_int_equal(stage->failures, 7);
    assert_int_equal(stage->results, 4);
    assert_part(&stage->said, "normal first {\"n\":1}\nnormal out {\"t\":-18.5,\"room\":\"a1\"}\n"
                              "normal failure  invalid\n");
    assert_part(&stage->said, "normal out {\"t\":2,\"tags\":null,\"room\":\"a1\"}\n");
    static const char *const SAID[] = {"field 't' is a number, not a string",
                                       "field 't' is -61: at least -60",
                                       "there is no field 'tt'",
                                       "field 't' is missing",
                                       "field 't' is a number, not null",
                                       "field 'tags': item 1: a string, not a number",
                                       "an object with fields, not a list"};
    for (size_t i = 0; i < sizeof(SAID) / sizeof(SAID[0]); i++) {
        char line[256];
        (void)snprintf(line, sizeof(line), "flow failed: result 'out': %s", SAID[i]);
        assert_part(&stage->ended, line);
    }
    struct buffer *lane = stage_list(stage, READ_PEEK, LANE_NORMAL);
    assert_part(lane, "\"units\":{\"t\":\"Cel\"}");
}

/* The number is rounded first; attachments and `held` are beside the schema. */
static void test_run_results__have_their_schema_beside_units_limits_and_privates(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "flow",
               "results:\n"
               "  - name: out\n"
               "    schema: { t: { type: number, max: 3 }, who: string }\n"
               "    from: { t: { value: '${ .event.data.t }', unit: Cel, digits: 0 }, who: me }\n"
               "    private: { who: drop }\n"
               "    limit: { rate: 60/min }\n");
    stage_open(stage);
    stage_offer(stage, "flow", "{\"t\":3.4}");
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal out {\"t\":3,\"held\":0}\n");
}

static void write_measures(struct stage *stage) {
    write_flow(stage, "flow",
               "results:\n"
               "  - name: out\n"
               "    from:\n"
               "      t: { value: '${ .event.data.t }', unit: Cel, digits: 2 }\n"
               "      n: { value: '${ .event.data.n }', digits: 0 }\n"
               "      raw: { value: '${ .event.data.raw }', unit: m }\n"
               "      value: { value: 1.5 }\n"
               "  - { name: literal, from: { c: { value: 0.125, unit: V, digits: 1 } } }\n");
    stage_open(stage);
}

static void test_run_results__with_units_are_plain_numbers_rounded_as_said(void **state) {
    struct stage *stage = *state;
    write_measures(stage);
    stage_offer(stage, "flow", "{\"t\":-18.456,\"n\":2.5,\"raw\":0.123456789}");
    stage_offer(stage, "flow", "{\"t\":7,\"n\":null,\"raw\":98765432109876543210}");
    stage_until_ended(stage, 2);
    assert_part(&stage->said,
                "normal out {\"t\":-18.46,\"n\":3,\"raw\":0.123456789,\"value\":{\"value\":1.5}}\n"
                "normal literal {\"c\":0.1}\n");
    assert_part(&stage->said, "normal out {\"t\":7,\"n\":null,\"raw\":98765432109876543210,");
}

static void test_run_results__with_units_are_no_text(void **state) {
    struct stage *stage = *state;
    write_measures(stage);
    stage_offer(stage, "flow", "{\"t\":\"warm\",\"n\":1,\"raw\":1}");
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal failure  invalid\n");
    assert_part(&stage->ended,
                "flow failed: result 'out': field 't' is of type string: with a unit "
                "or digits it is a number or null");
}

static void test_run_results__are_listed_with_their_units(void **state) {
    struct stage *stage = *state;
    write_measures(stage);
    stage_offer(stage, "flow", "{\"t\":1,\"n\":1,\"raw\":1}");
    stage_until_ended(stage, 1);
    static const char OUT[] = "\"raw\":1,\"value\":{\"value\":1.5}},"
                              "\"units\":{\"t\":\"Cel\",\"raw\":\"m\"}}";
    assert_part(stage_list(stage, READ_RESULTS, LANE_COUNT), OUT);
    assert_part(stage_list(stage, READ_PEEK, LANE_NORMAL), OUT);
}

static void write_private(struct stage *stage, const char *more) {
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "results:\n"
                   "  - name: out\n"
                   "    from: { said: '${ .event.data.said }', n: '${ .event.data.n }' }\n"
                   "    private: { said: drop }\n"
                   "%s"
                   "  - { name: last, from: 1, to: [] }\n",
                   more);
    write_flow(stage, "flow", text);
    stage_open(stage);
}

static void
test_run_results__private_fields_are_a_record_of_their_own_that_stays_here(void **state) {
    struct stage *stage = *state;
    write_private(stage, "    key: one\n    expires: 1h\n");
    stage_offer(stage, "flow", "{\"said\":\"stop it\",\"n\":1}");
    stage_offer(stage, "flow", "{\"said\":\"go on\",\"n\":2}");
    stage_until_ended(stage, 2);
    assert_text(&stage->said,
                "normal out {\"n\":1}\nlocal last 1\nnormal out {\"n\":2}\nlocal last 1\n");
    assert_int_equal(stage_slot(stage, "flow")->counts.results, 4);
    for (int lane = 0; lane < LANE_LOCAL; lane++) {
        assert_null(strstr(stage_list(stage, READ_PEEK, (enum lane)lane)->bytes, "said"));
    }
    struct buffer *local = stage_list(stage, READ_PEEK, LANE_LOCAL);
    assert_part(local, "{\"said\":\"stop it\"}"); /* what it was said with gave way to the other */
    assert_part(local, "{\"said\":\"go on\"}");
}

static void test_run_results__that_stay_here_have_their_private_fields(void **state) {
    struct stage *stage = *state;
    write_private(stage, "    to: []\n");
    stage_offer(stage, "flow", "{\"said\":\"stop\",\"n\":1}");
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "local out {\"said\":\"stop\",\"n\":1}\nlocal last 1\n");
    assert_int_equal(stage_counters(stage).records, 2);
}

static void test_run_results__held_back_take_what_is_private_with_them(void **state) {
    struct stage *stage = *state;
    write_private(stage, "    limit: { rate: 1/h, over: drop }\n");
    stage_offer(stage, "flow", "{\"said\":\"a\",\"n\":1}");
    stage_offer(stage, "flow", "{\"said\":\"b\",\"n\":2}");
    stage_until_ended(stage, 2);
    assert_text(&stage->said, "normal out {\"n\":1}\nlocal last 1\nlocal last 1\n");
    assert_int_equal(stage_counters(stage).records, 4);
    assert_int_equal(stage_count_listed(stage, READ_RESULTS, LANE_COUNT, "\"said\""), 1);
}

static void test_run_results__that_are_not_to_be_stored_are_not(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "flow",
               "durability: { results: none }\n"
               "results:\n"
               "  - { name: out, from: { n: 1 } }\n");
    stage_open(stage);
    stage_offer(stage, "flow", "{}");
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal out {\"n\":1}\n");
    assert_int_equal(stage_counters(stage).records, 0);
    assert_int_equal(stage_slot(stage, "flow")->counts.runs, 1);
}

static void test_run_results__may_see_run_device_and_lets(void **state) {
    struct stage *stage = *state;
    struct arena arena;
    arena_init(&arena, 4096);
    assert_int_equal(json_read(&arena, SLICE("{\"name\":\"box\"}"), &stage->options.device, NULL),
                     STATUS_OK);
    write_flow(stage, "flow",
               "let: { twice: '${ [.event.data.n, .event.data.n] }' }\n"
               "results:\n"
               "  - name: out\n"
               "    from:\n"
               "      device: ${ $device.name }\n"
               "      of: ${ $run.workflow }\n"
               "      twice: ${ $twice }\n"
               "      text: n is ${ .event.data.n }\n");
    stage_open(stage);
    stage_offer(stage, "flow", "{\"n\":9007199254740993}");
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal out {\"device\":\"box\",\"of\":\"flow\","
                              "\"twice\":[9007199254740993,9007199254740993],"
                              "\"text\":\"n is 9007199254740993\"}\n");
    arena_done(&arena);
}

static void test_run__has_the_id_of_its_event_where_that_can_come_again(void **state) {
    (void)state;
    const struct workflow one = {.name = SLICE("one")};
    const struct workflow two = {.name = SLICE("two")};
    struct event event = {.id = SLICE("a"), .source = SLICE("watch"), .repeatable = true};
    struct event other = event;
    other.source = SLICE("inbox");
    const struct id id = run_id_for(&one, &event);
    assert_true(id_equal(id, run_id_for(&one, &event)));
    assert_false(id_equal(id, run_id_for(&two, &event)));
    assert_false(id_equal(id, run_id_for(&one, &other)));
    event.id = SLICE("b");
    assert_false(id_equal(id, run_id_for(&one, &event)));
    event.repeatable = false;
    assert_false(id_equal(run_id_for(&one, &event), run_id_for(&one, &event)));
    event.repeatable = true;
    event.id = (struct slice){0};
    assert_false(id_equal(run_id_for(&one, &event), run_id_for(&one, &event)));
}

static const char ATTACHES[] =
    "trigger: { watch: { path: ../in } }\n"
    "results:\n"
    "  - name: seen\n"
    "    from: { name: '${ .event.name }' }\n"
    "    attach:\n"
    "      picture: { from: '${ .event.image }', as: image/png, max: 20B, keep: 1h }\n"
    "      whole: { from: '${ .event.file }' }\n";

static int make_watching(void **state) {
    const int made = stage_make(state);
    struct stage *stage = *state;
    stage->options.feeds_closed = false;
    return made;
}

static bool has_one_result(struct stage *stage) {
    return stage->results > 0;
}

static void test_run_results__name_what_they_attach(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", ATTACHES);
    stage_open(stage);
    stage_write(stage, "in/a.png", "\x89PNG\r\n\x1a\n....");
    stage_until(stage, has_one_result);
    const char *said = buffer_slice(&stage->said).bytes;
    const char *hash = strstr(said, "\"picture\":{\"$blob\":\"");
    assert_non_null(hash);
    assert_part(&stage->said, "\",\"type\":\"image/png\",\"bytes\":12}");
    char path[64];
    (void)snprintf(path, sizeof(path), "data/blobs/%.32s", hash + 20);
    assert_true(stage_has(stage, path));
    assert_int_equal(stage_counters(stage).blob_bytes, 12);
}

static void test_run_results__leave_out_what_is_too_large(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", ATTACHES);
    stage_open(stage);
    stage_write(stage, "in/a.png", "\x89PNG\r\n\x1a\n and more than it may");
    stage_until(stage, has_one_result);
    assert_part(&stage->said,
                "\"picture\":{\"type\":\"image/png\",\"bytes\":29,\"left_out\":\"more "
                "than the 20 bytes of `max`\"}");
}

static void test_run_results__that_cannot_be_attached_fail_the_run(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", ATTACHES);
    stage_open(stage);
    stage_write(stage, "in/a.png", "\xff\xd8\xff in truth");
    stage_until_ended(stage, 1);
    assert_part(stage_list(stage, READ_PEEK, LANE_NORMAL),
                "result 'seen': attachment 'picture': it is image/jpeg, not "
                "image/png");
    assert_int_equal(stage_counters(stage).blob_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_run_results__go_to_the_lanes_of_their_words,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__of_a_key_supersede_each_other, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__are_all_or_nothing, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(
            test_run_results__a_failure_says_what_where_and_of_which_event, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__too_large_for_a_record_fail, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__fit_their_schema_or_the_run_fails,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(
            test_run_results__have_their_schema_beside_units_limits_and_privates, stage_make,
            stage_end),
        cmocka_unit_test_setup_teardown(
            test_run_results__with_units_are_plain_numbers_rounded_as_said, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__with_units_are_no_text, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__are_listed_with_their_units, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(
            test_run_results__private_fields_are_a_record_of_their_own_that_stays_here, stage_make,
            stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__that_stay_here_have_their_private_fields,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__held_back_take_what_is_private_with_them,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__that_are_not_to_be_stored_are_not,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__may_see_run_device_and_lets, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__name_what_they_attach, make_watching,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__leave_out_what_is_too_large,
                                        make_watching, stage_end),
        cmocka_unit_test_setup_teardown(test_run_results__that_cannot_be_attached_fail_the_run,
                                        make_watching, stage_end),
        cmocka_unit_test(test_run__has_the_id_of_its_event_where_that_can_come_again),
    };
    return cmocka_run_group_tests_name("runtime/run_results", tests, NULL, NULL);
}
