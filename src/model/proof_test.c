// SPDX-License-Identifier: Apache-2.0
#include "model/proof.h"

#include "model/test_samples.h"

/* x1 .. x4 of two samples. */
static const float NUMBERS[] = {1, 2, 3, 4, 0, -1, 2, -2};

enum { SAMPLES = 2, MEMORY_BYTES = 1 << 30 };

struct fixture {
    struct test_samples samples;
    struct sample_source source;
    struct proof_reference *reference;
    struct proof proof;
    struct error err;
};

static struct graph_value *input(struct graph_model *model, const char *name) {
    return test_graph_input(model, name, ELEMENT_FLOAT32, "1x4");
}

static void name(struct graph_value *value, const char *text) {
    value->name = slice_of(text);
}

static void give(struct graph_model *model, struct graph_value *value, const char *text) {
    name(value, text);
    test_graph_output(model, value);
}

/* y = x * w, number by number. */
static struct buffer product(const char *from, const char *to, float a, float b, float c, float d) {
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = input(model, from);
    give(model, OP(model, "Mul", x, FLOATS(model, "1x4", a, b, c, d)), to);
    return test_samples_pack(model);
}

/* Outputs x + 1 and x + 2 under these names; an empty one is left out. */
static struct buffer two(const char *first, const char *second) {
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = input(model, "x");
    if (first[0] != '\0') {
        give(model, OP(model, "Add", x, FLOATS(model, "1", 1)), first);
    }
    if (second[0] != '\0') {
        give(model, OP(model, "Add", x, FLOATS(model, "1", 2)), second);
    }
    return test_samples_pack(model);
}

static status open_with(struct fixture *fixture, struct buffer bytes, uint32_t inputs,
                        const struct proof_options *options) {
    CLEANUP(buffer_done) struct buffer owned = bytes;
    if (!test_model_can_run()) {
        skip();
    }
    fixture->samples.count = SAMPLES;
    fixture->samples.numbers =
        fixture->samples.numbers != NULL ? fixture->samples.numbers : NUMBERS;
    for (uint32_t i = 0; i < inputs; i++) {
        test_samples_input(&fixture->samples, "1x4");
    }
    fixture->source = test_samples_source(&fixture->samples);
    return proof_reference_open(buffer_slice(&owned), &fixture->source, options,
                                &fixture->reference, &fixture->err);
}

static void begin(struct fixture *fixture, struct buffer bytes, uint32_t inputs) {
    const struct proof_options options = {.memory_bytes = MEMORY_BYTES};
    if (open_with(fixture, bytes, inputs, &options) != STATUS_OK) {
        fail_msg("%s", fixture->err.text);
    }
}

static status hold(struct fixture *fixture, struct buffer bytes) {
    CLEANUP(buffer_done) struct buffer owned = bytes;
    return proof_run(fixture->reference, buffer_slice(&owned), &fixture->proof, &fixture->err);
}

static void hold_well(struct fixture *fixture, struct buffer bytes) {
    if (hold(fixture, bytes) != STATUS_OK) {
        fail_msg("%s", fixture->err.text);
    }
}

static void end(struct fixture *fixture) {
    proof_reference_close(fixture->reference);
    fixture->reference = NULL;
}

static void test_proof__a_model_is_infinitely_near_to_itself(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, product("x", "y", 1, 2, -1, 3), 1);
    assert_int_equal(proof_sample_count(fixture.reference), SAMPLES);
    hold_well(&fixture, product("x", "y", 1, 2, -1, 3));
    assert_true(isinf(fixture.proof.worst_sqnr_db) && fixture.proof.worst_sqnr_db > 0);
    assert_true(proof_is_lossless(&fixture.proof));
    assert_int_equal(fixture.proof.drift.count, 8);
    assert_int_equal(fixture.proof.drift.rows, 2);
    end(&fixture);
}

/* The fourth weight 3 becomes 2: (4 - 3 and -2 by 1 each) differences 4 and 2, squares 16 + 4; the
 * reference gives 1 4 -3 12 and 0 -2 -2 -6, squares 170 + 44. */
static void test_proof__a_changed_weight_is_as_far_as_computed_by_hand(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, product("x", "y", 1, 2, -1, 3), 1);
    hold_well(&fixture, product("x", "y", 1, 2, -1, 2));
    assert_true(fabs(fixture.proof.worst_sqnr_db - 10 * log10(214.0 / 20)) < 1e-9);
    assert_true(fabs(drift_largest(&fixture.proof.drift) - 4) < 1e-9);
    assert_false(proof_is_lossless(&fixture.proof));
    end(&fixture);
}

static void note_pair(void *owner, const struct proof_pair *pair) {
    float *last = owner;
    assert_string_equal(pair->sample->name, "made");
    assert_string_equal(pair->output, "y");
    assert_true(pair->count == 4 && pair->row == 4 && pair->is_last);
    last[0] = pair->reference[3];
    last[1] = pair->changed[3];
    last[2]++;
}

/* x4 of the second sample is -2: -6 became -4. */
static void test_proof__who_looks_on_sees_what_both_gave(void **state) {
    (void)state;
    static struct fixture fixture;
    float last[3] = {0};
    const struct proof_watch watch = {.see = note_pair, .owner = last};
    CLEANUP(buffer_done) struct buffer changed;
    begin(&fixture, product("x", "y", 1, 2, -1, 3), 1);
    changed = product("x", "y", 1, 2, -1, 2);
    assert_int_equal(proof_run_watched(fixture.reference, buffer_slice(&changed), &watch,
                                       &fixture.proof, &fixture.err),
                     STATUS_OK);
    assert_true(last[0] == -6 && last[1] == -4 && last[2] == SAMPLES);
    end(&fixture);
}

static void test_proof__the_first_samples_will_do_where_that_is_said(void **state) {
    (void)state;
    static struct fixture fixture;
    const struct proof_watch watch = {.samples_max = 1};
    CLEANUP(buffer_done) struct buffer changed;
    begin(&fixture, product("x", "y", 1, 2, -1, 3), 1);
    changed = product("x", "y", 1, 2, -1, 2);
    assert_int_equal(proof_run_watched(fixture.reference, buffer_slice(&changed), &watch,
                                       &fixture.proof, &fixture.err),
                     STATUS_OK);
    assert_int_equal(fixture.proof.drift.count, 4);
    hold_well(&fixture, product("x", "y", 1, 2, -1, 2));
    assert_int_equal(fixture.proof.drift.count, 4 * SAMPLES);
    end(&fixture);
}

static void test_proof__another_model_or_sample_has_another_digest(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, product("x", "y", 1, 2, -1, 3), 1);
    const struct digest one = proof_digest(fixture.reference);
    end(&fixture);
    begin(&fixture, product("x", "y", 1, 2, -1, 3), 1);
    assert_true(digest_equal(one, proof_digest(fixture.reference)));
    end(&fixture);
    begin(&fixture, product("x", "y", 1, 2, -1, 4), 1);
    assert_false(digest_equal(one, proof_digest(fixture.reference)));
    end(&fixture);
}

static void test_proof__the_worst_output_counts_however_good_the_others_are(void **state) {
    (void)state;
    static struct fixture fixture;
    struct graph_model *models[2];
    for (int i = 0; i < 2; i++) {
        models[i] = test_graph_new(13);
        struct graph_value *x = input(models[i], "x");
        give(models[i], OP(models[i], "Mul", x, FLOATS(models[i], "1", 1000)), "large");
        give(models[i], OP(models[i], "Mul", x, FLOATS(models[i], "1", i == 0 ? 1.0F : 0.9F)),
             "small");
    }
    begin(&fixture, test_samples_pack(models[0]), 1);
    hold_well(&fixture, test_samples_pack(models[1]));
    assert_true(fabs(fixture.proof.worst_sqnr_db - 20) < 1e-4);
    assert_true(drift_sqnr_db(&fixture.proof.drift) > 70);
    end(&fixture);
}

static void test_proof__what_is_no_number_is_as_far_as_can_be(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, product("x", "y", 1, 2, -1, 3), 1);
    hold_well(&fixture, product("x", "y", 1, 2, -1, NAN));
    assert_true(isinf(fixture.proof.worst_sqnr_db) && fixture.proof.worst_sqnr_db < 0);
    assert_false(proof_is_lossless(&fixture.proof));
    end(&fixture);
}

static void test_proof__a_missing_output_is_refused_by_its_name(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, two("a", "b"), 1);
    hold_well(&fixture, two("a", "b"));
    static const char *const WRONG[][2] = {{"a", "c"}, {"a", ""}};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        assert_int_equal(hold(&fixture, two(WRONG[i][0], WRONG[i][1])), STATUS_INVALID);
        assert_non_null(strstr(fixture.err.text, "no output 'b'"));
    }
    end(&fixture);
}

/* Many more than the changed model has: nothing may be written behind its room. */
static void test_proof__one_of_many_outputs_alone_is_refused(void **state) {
    (void)state;
    static struct fixture fixture;
    static const char *const NAMES[] = {"a", "b", "c", "d", "e", "f", "g", "z"};
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = input(model, "x");
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        give(model, OP(model, "Add", x, FLOATS(model, "1", (float)i)), NAMES[i]);
    }
    begin(&fixture, test_samples_pack(model), 1);
    assert_int_equal(hold(&fixture, two("z", "")), STATUS_INVALID);
    assert_non_null(strstr(fixture.err.text, "no output 'a'"));
    end(&fixture);
}

static void test_proof__outputs_go_together_by_name_whatever_their_order(void **state) {
    (void)state;
    static struct fixture fixture;
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = input(model, "x");
    give(model, OP(model, "Add", x, FLOATS(model, "1", 7)), "more");
    give(model, OP(model, "Add", x, FLOATS(model, "1", 2)), "b");
    give(model, OP(model, "Add", x, FLOATS(model, "1", 1)), "a");
    begin(&fixture, two("a", "b"), 1);
    hold_well(&fixture, test_samples_pack(model));
    assert_true(proof_is_lossless(&fixture.proof));
    end(&fixture);
}

static void test_proof__another_input_is_refused_by_its_name(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, product("x", "y", 1, 1, 1, 1), 1);
    assert_int_equal(hold(&fixture, product("other", "y", 1, 1, 1, 1)), STATUS_INVALID);
    assert_non_null(strstr(fixture.err.text, "'other'"));
    end(&fixture);
}

static void test_proof__another_shape_is_refused_by_the_outputs_name(void **state) {
    (void)state;
    static struct fixture fixture;
    struct graph_model *model = test_graph_new(13);
    give(model, OP(model, "Concat", input(model, "x"), FLOATS(model, "1x1", 5)), "y");
    assert_int_equal(graph_set_integer(model->main.outputs[0].value->producer, "axis", 1),
                     STATUS_OK);
    begin(&fixture, product("x", "y", 1, 1, 1, 1), 1);
    assert_int_equal(hold(&fixture, test_samples_pack(model)), STATUS_INVALID);
    assert_non_null(strstr(fixture.err.text, "output 'y'"));
    end(&fixture);
}

/* c - x: were the inputs taken in order, c would be. */
static void test_proof__inputs_go_together_by_name_when_one_was_bound(void **state) {
    (void)state;
    static struct fixture fixture;
    static float zeros[SAMPLES * 4];
    struct graph_model *whole = test_graph_new(13);
    struct graph_value *c = input(whole, "c");
    give(whole, OP(whole, "Sub", c, input(whole, "x")), "y");
    struct graph_model *bound = test_graph_new(13);
    give(bound, OP(bound, "Neg", input(bound, "x")), "y");
    fixture.samples.numbers = zeros;
    begin(&fixture, test_samples_pack(whole), 2);
    hold_well(&fixture, test_samples_pack(bound));
    assert_true(proof_is_lossless(&fixture.proof));
    assert_true(fixture.proof.drift.reference_squares > 0);
    end(&fixture);
}

static void test_proof__takes_no_more_samples_than_it_is_told(void **state) {
    (void)state;
    static struct fixture fixture;
    const struct proof_options options = {.memory_bytes = MEMORY_BYTES, .samples_max = 1};
    assert_int_equal(open_with(&fixture, product("x", "y", 1, 1, 1, 1), 1, &options), STATUS_OK);
    assert_int_equal(proof_sample_count(fixture.reference), 1);
    hold_well(&fixture, product("x", "y", 1, 1, 1, 1));
    assert_int_equal(fixture.proof.drift.count, 4);
    end(&fixture);
}

static void test_proof__says_what_is_not_there(void **state) {
    (void)state;
    static struct fixture fixture;
    struct buffer none;
    begin(&fixture, product("x", "y", 1, 1, 1, 1), 1);
    buffer_init(&none, 16);
    buffer_add_text(&none, "no model");
    assert_int_not_equal(hold(&fixture, none), STATUS_OK);
    assert_non_null(strstr(fixture.err.text, "open the changed model"));
    fixture.samples.count = 1;
    assert_int_equal(hold(&fixture, product("x", "y", 1, 1, 1, 1)), STATUS_CONFLICT);
    end(&fixture);
    const struct proof_options options = {.memory_bytes = MEMORY_BYTES};
    CLEANUP(buffer_done) struct buffer bytes = product("x", "y", 1, 1, 1, 1);
    fixture.samples.count = 0;
    assert_int_equal(proof_reference_open(buffer_slice(&bytes), &fixture.source, &options,
                                          &fixture.reference, &fixture.err),
                     STATUS_NOT_FOUND);
    assert_null(fixture.reference);
}

/* Whichever allocation fails, it is said and nothing is left behind. */
static void test_proof__says_when_the_heap_is_used_up(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture, product("x", "y", 1, 2, -1, 3), 1);
    end(&fixture);
    CLEANUP(buffer_done) struct buffer bytes = product("x", "y", 1, 2, -1, 3);
    const struct proof_options options = {.memory_bytes = MEMORY_BYTES};
    status code = STATUS_NO_MEMORY;
    long failing = 0;
    for (; code != STATUS_OK && failing < 200; failing++) {
        (void)memory_fail_at(failing, 0);
        code = proof_reference_open(buffer_slice(&bytes), &fixture.source, &options,
                                    &fixture.reference, &fixture.err);
        if (code == STATUS_OK) {
            code = proof_run(fixture.reference, buffer_slice(&bytes), &fixture.proof, &fixture.err);
        }
        (void)memory_fail_at(-1, 0);
        if (code != STATUS_OK && code != STATUS_NO_MEMORY) {
            fail_msg("%ld: %s", failing, fixture.err.text);
        }
        end(&fixture);
    }
    assert_true(failing > 2 && failing < 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proof__a_model_is_infinitely_near_to_itself),
        cmocka_unit_test(test_proof__a_changed_weight_is_as_far_as_computed_by_hand),
        cmocka_unit_test(test_proof__who_looks_on_sees_what_both_gave),
        cmocka_unit_test(test_proof__the_first_samples_will_do_where_that_is_said),
        cmocka_unit_test(test_proof__another_model_or_sample_has_another_digest),
        cmocka_unit_test(test_proof__the_worst_output_counts_however_good_the_others_are),
        cmocka_unit_test(test_proof__what_is_no_number_is_as_far_as_can_be),
        cmocka_unit_test(test_proof__a_missing_output_is_refused_by_its_name),
        cmocka_unit_test(test_proof__one_of_many_outputs_alone_is_refused),
        cmocka_unit_test(test_proof__outputs_go_together_by_name_whatever_their_order),
        cmocka_unit_test(test_proof__another_input_is_refused_by_its_name),
        cmocka_unit_test(test_proof__another_shape_is_refused_by_the_outputs_name),
        cmocka_unit_test(test_proof__inputs_go_together_by_name_when_one_was_bound),
        cmocka_unit_test(test_proof__takes_no_more_samples_than_it_is_told),
        cmocka_unit_test(test_proof__says_what_is_not_there),
        cmocka_unit_test(test_proof__says_when_the_heap_is_used_up),
    };
    return cmocka_run_group_tests_name("proof", tests, NULL, NULL);
}
