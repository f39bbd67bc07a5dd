// SPDX-License-Identifier: Apache-2.0
#include "model/calibrate.h"

#include "model/test_samples.h"

enum { SAMPLES = 5, VALUES = 5, MEMORY_BYTES = 1 << 30 };

static const char *const NAMES[VALUES] = {"x", "a", "b", "c", "y"};

struct fixture {
    struct buffer model;
    struct test_samples samples;
    struct slice names[VALUES];
    struct value_range ranges[VALUES];
    struct calibrate_values values;
    struct calibrate_options options;
    struct error err;
};

static struct graph_value *named(struct graph_value *value, const char *name) {
    value->name = slice_of(name);
    return value;
}

/* a = 2x, b = relu(a), c = -b, y = c + x; and the int64 shape of x. */
static struct buffer make_model(void) {
    struct graph_model *model = test_graph_new(13);
    struct graph_value *x = test_graph_input(model, "x", ELEMENT_FLOAT32, "1x?");
    struct graph_value *a = named(OP(model, "Mul", x, FLOATS(model, "1", 2)), "a");
    struct graph_value *b = named(OP(model, "Relu", a), "b");
    struct graph_value *c = named(OP(model, "Neg", b), "c");
    struct graph_value *shape = named(OP(model, "Shape", x), "shape");
    test_graph_output(model, named(OP(model, "Add", c, x), "y"));
    test_graph_output(model, shape);
    return test_samples_pack(model);
}

static void begin(struct fixture *fixture) {
    if (!test_model_can_run()) {
        skip();
    }
    *fixture = (struct fixture){.model = make_model()};
    fixture->samples.count = SAMPLES;
    fixture->samples.scale = 3;
    test_samples_input(&fixture->samples, "1x37");
    fixture->options.memory_bytes = MEMORY_BYTES;
    fixture->values = (struct calibrate_values){
        .names = fixture->names, .ranges = fixture->ranges, .count = VALUES};
    for (int i = 0; i < VALUES; i++) {
        fixture->names[i] = slice_of(NAMES[i]);
        assert_int_equal(value_range_init(&fixture->ranges[i], NULL), STATUS_OK);
    }
}

static void end(struct fixture *fixture) {
    for (int i = 0; i < VALUES; i++) {
        value_range_done(&fixture->ranges[i]);
    }
    buffer_done(&fixture->model);
}

static status run(struct fixture *fixture) {
    struct sample_source source = test_samples_source(&fixture->samples);
    return calibrate(buffer_slice(&fixture->model), &fixture->values, &source, &fixture->options,
                     &fixture->err);
}

static void run_well(struct fixture *fixture) {
    if (run(fixture) != STATUS_OK) {
        fail_msg("%s", fixture->err.text);
    }
}

static void assert_same(const struct value_range *a, const struct value_range *b) {
    assert_memory_equal(a->bins, b->bins, (2 * VALUE_RANGE_BINS + 1) * sizeof(a->bins[0]));
    struct value_range first = *a;
    struct value_range second = *b;
    first.bins = NULL;
    second.bins = NULL;
    assert_memory_equal(&first, &second, sizeof(first));
}

static void test_calibrate__sees_the_values_that_the_model_makes(void **state) {
    (void)state;
    static const float NUMBERS[] = {1, -2, 0.5F, 0, 4, -1};
    static struct fixture fixture;
    begin(&fixture);
    fixture.samples.count = 2;
    fixture.samples.numbers = NUMBERS;
    fixture.samples.input_count = 0;
    test_samples_input(&fixture.samples, "1x3");
    run_well(&fixture);
    /* y: x - 2 max(x, 0) */
    static const float BOUNDS[VALUES][2] = {{-2, 4}, {-4, 8}, {0, 8}, {-8, 0}, {-4, 0}};
    for (int i = 0; i < VALUES; i++) {
        assert_int_equal(fixture.ranges[i].count, 6);
        assert_int_equal(fixture.ranges[i].samples, 2);
        assert_true(fixture.ranges[i].min == BOUNDS[i][0]);
        assert_true(fixture.ranges[i].max == BOUNDS[i][1]);
    }
    end(&fixture);
}

static void test_calibrate__does_not_depend_on_the_order_of_samples(void **state) {
    (void)state;
    static const uint32_t ORDERS[2][SAMPLES] = {{4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}};
    static struct fixture plain;
    static struct fixture other;
    begin(&plain);
    run_well(&plain);
    for (int i = 0; i < 2; i++) {
        begin(&other);
        other.samples.order = ORDERS[i];
        run_well(&other);
        for (int k = 0; k < VALUES; k++) {
            assert_same(&plain.ranges[k], &other.ranges[k]);
        }
        end(&other);
    }
    end(&plain);
}

static void test_calibrate__does_not_depend_on_the_groups(void **state) {
    (void)state;
    static struct fixture plain;
    static struct fixture other;
    begin(&plain);
    run_well(&plain);
    for (uint32_t group = 1; group < VALUES; group++) {
        begin(&other);
        other.options.group = group;
        run_well(&other);
        for (int k = 0; k < VALUES; k++) {
            assert_same(&plain.ranges[k], &other.ranges[k]);
        }
        end(&other);
    }
    end(&plain);
}

static void test_calibrate__sees_a_value_that_is_wanted_twice_once_for_each(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture);
    fixture.names[2] = SLICE("a");
    run_well(&fixture);
    assert_same(&fixture.ranges[1], &fixture.ranges[2]);
    end(&fixture);
}

static void test_calibrate__sees_an_input_of_the_model_alone(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture);
    fixture.values.count = 1;
    run_well(&fixture);
    assert_int_equal(fixture.ranges[0].count, SAMPLES * 37);
    end(&fixture);
}

static void test_calibrate__refuses_what_is_not_float32_by_its_name(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture);
    fixture.names[3] = SLICE("shape");
    assert_int_equal(run(&fixture), STATUS_INVALID);
    assert_non_null(strstr(fixture.err.text, "'shape' is not float32"));
    end(&fixture);
}

static void test_calibrate__refuses_a_value_that_is_not_there_by_its_name(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture);
    fixture.names[2] = SLICE("none");
    assert_int_equal(run(&fixture), STATUS_INVALID);
    assert_non_null(strstr(fixture.err.text, "no value 'none'"));
    end(&fixture);
}

static void test_calibrate__says_which_sample_is_wrong_and_when_there_is_none(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture);
    fixture.samples.broken = 3;
    assert_int_equal(run(&fixture), STATUS_INVALID);
    assert_non_null(strstr(fixture.err.text, "sample 2"));
    fixture.samples.count = 0;
    assert_int_equal(run(&fixture), STATUS_NOT_FOUND);
    end(&fixture);
}

static void test_calibrate__takes_no_more_samples_than_it_is_told(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture);
    fixture.options.samples_max = 2;
    run_well(&fixture);
    assert_int_equal(fixture.ranges[4].samples, 2);
    end(&fixture);
}

static double last_share;

static bool note_share(void *owner, double share) {
    (void)owner;
    assert_true(share > last_share && share <= 1);
    last_share = share;
    return true;
}

static void test_calibrate__tells_how_far_it_is_up_to_the_end(void **state) {
    (void)state;
    for (uint32_t most = 0; most < 4; most += 3) {
        static struct fixture fixture;
        begin(&fixture);
        last_share = 0;
        fixture.options.group = 2;
        fixture.options.samples_max = most;
        fixture.options.progress = note_share;
        run_well(&fixture);
        assert_true(last_share == 1);
        end(&fixture);
    }
}

static bool end_at_once(void *owner, double share) {
    (void)share;
    return ++*(int *)owner < 2;
}

static void test_calibrate__may_be_ended(void **state) {
    (void)state;
    static struct fixture fixture;
    int told = 0;
    begin(&fixture);
    fixture.options.progress = end_at_once;
    fixture.options.owner = &told;
    assert_int_equal(run(&fixture), STATUS_INTERRUPTED);
    assert_int_equal(told, 2);
    end(&fixture);
}

/* Whichever allocation fails, it is said and nothing is left behind. */
static void test_calibrate__says_when_the_heap_is_used_up(void **state) {
    (void)state;
    static struct fixture fixture;
    begin(&fixture);
    fixture.samples.count = 1;
    status code = STATUS_NO_MEMORY;
    long failing = 0;
    for (; code != STATUS_OK && failing < 200; failing++) {
        (void)memory_fail_at(failing, 0);
        code = run(&fixture);
        (void)memory_fail_at(-1, 0);
        if (code != STATUS_OK && code != STATUS_NO_MEMORY) {
            fail_msg("%ld: %s", failing, fixture.err.text);
        }
    }
    assert_true(failing > 3 && failing < 200);
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calibrate__sees_the_values_that_the_model_makes),
        cmocka_unit_test(test_calibrate__does_not_depend_on_the_order_of_samples),
        cmocka_unit_test(test_calibrate__does_not_depend_on_the_groups),
        cmocka_unit_test(test_calibrate__sees_a_value_that_is_wanted_twice_once_for_each),
        cmocka_unit_test(test_calibrate__sees_an_input_of_the_model_alone),
        cmocka_unit_test(test_calibrate__refuses_what_is_not_float32_by_its_name),
        cmocka_unit_test(test_calibrate__refuses_a_value_that_is_not_there_by_its_name),
        cmocka_unit_test(test_calibrate__says_which_sample_is_wrong_and_when_there_is_none),
        cmocka_unit_test(test_calibrate__takes_no_more_samples_than_it_is_told),
        cmocka_unit_test(test_calibrate__tells_how_far_it_is_up_to_the_end),
        cmocka_unit_test(test_calibrate__may_be_ended),
        cmocka_unit_test(test_calibrate__says_when_the_heap_is_used_up),
    };
    return cmocka_run_group_tests_name("calibrate", tests, NULL, NULL);
}
