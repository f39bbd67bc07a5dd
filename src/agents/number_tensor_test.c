// SPDX-License-Identifier: Apache-2.0
#include "agents/number_tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/tensor_number.h"
#include "platform/json.h"

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static status take(const char *json, const struct number_scaling *scaling, struct tensor *tensor,
                   struct error *err) {
    struct value value;
    assert_int_equal(json_read(&arena, slice_of(json), &value, err), STATUS_OK);
    return number_tensor_from_value(value, scaling, &arena, tensor, err);
}

static void refused(const char *json, struct tensor tensor, const char *why) {
    struct error err = {0};
    assert_int_equal(take(json, &NUMBER_SCALING_NONE, &tensor, &err), STATUS_INVALID);
    assert_string_equal(err.text, why);
}

static void test_number_tensor__lists_of_any_nesting_take_the_shape(void **state) {
    (void)state;
    const struct {
        const char *json;
        struct tensor wanted, got;
    } cases[] = {
        {"3", {.rank = 0}, {.rank = 0, .byte_count = 4}},
        {"3", {.rank = 2, .shape = {1, -1}}, {.rank = 2, .shape = {1, 1}, .byte_count = 4}},
        {"[1,2]", {.rank = 2, .shape = {-1, 2}}, {.rank = 2, .shape = {1, 2}, .byte_count = 8}},
        {"[1,2,3,4]",
         {.rank = 2, .shape = {-1, 2}},
         {.rank = 2, .shape = {2, 2}, .byte_count = 16}},
        {"[[1],[2]]",
         {.rank = 2, .shape = {-1, -1}},
         {.rank = 2, .shape = {2, 1}, .byte_count = 8}},
        {"[]", {.rank = 1, .shape = {-1}}, {.rank = 1, .shape = {0}, .byte_count = 0}},
        {"[true,false]", {.rank = 1, .shape = {2}}, {.rank = 1, .shape = {2}, .byte_count = 8}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tensor tensor = cases[i].wanted;
        struct error err = {0};
        assert_int_equal(take(cases[i].json, &NUMBER_SCALING_NONE, &tensor, &err), STATUS_OK);
        assert_int_equal(tensor.byte_count, cases[i].got.byte_count);
        assert_memory_equal(tensor.shape, cases[i].got.shape, sizeof(tensor.shape));
    }
}

static void test_number_tensor__what_does_not_fit_is_said(void **state) {
    (void)state;
    const struct tensor row = {.rank = 2, .shape = {-1, 3}};
    const struct tensor bytes = {.type = TENSOR_UINT8, .rank = 1, .shape = {-1}};
    refused("[1,2]", row, "it is 2 where the model takes ?x3");
    refused("[[1,2,3,4]]", row, "it is 1x4 where the model takes ?x3");
    refused("[[[1,2,3]]]", row, "it is 1x1x3 where the model takes ?x3");
    refused("1", row, "it is one number where the model takes ?x3");
    refused("\"1\"", row, "it is no number but a string");
    refused("null", row, "it is no number but a null");
    refused("[[1,2,3],[1,2]]", row,
            "its lists are of different lengths: one of 3 is wanted behind number 3");
    refused("[[1,2,3],4]", row,
            "its lists are of different lengths: one of 3 is wanted behind number 3");
    refused("[1,null,3]", row, "number 1 of it is a null");
    refused("[1,{},3]", row, "number 1 of it is a object");
    refused("[256]", bytes, "number 0 of it, 256, does not fit uint8");
    refused("[0.5]", bytes, "number 0 of it, 0.5, does not fit uint8");
    refused("[[[[[[[[[1]]]]]]]]]", row, "its lists are nested more than 8 deep");
    refused("[1,2]", (struct tensor){.rank = 2, .shape = {-1, -1}, .type = TENSOR_BOOLEAN},
            "number 1 of it, 2, does not fit bool");
}

static void test_number_tensor__channels_are_scaled_where_they_lie(void **state) {
    (void)state;
    static const double MEANS[] = {1, 10};
    static const double DEVIATIONS[] = {1, 2};
    const struct number_scaling scaling = {
        .scale = 2, .means = MEANS, .deviations = DEVIATIONS, .channels = 2};
    struct tensor planes = {.rank = 4, .shape = {1, 2, 1, 2}}; /* channels before rows */
    struct tensor pixels = {.rank = 4, .shape = {1, 1, 3, 2}}; /* behind columns */
    struct tensor neither = {.rank = 2, .shape = {1, 3}};
    struct error err = {0};
    assert_int_equal(take("[1,2,10,20]", &scaling, &planes, &err), STATUS_OK);
    const float by_plane[] = {1, 3, 5, 15};
    assert_memory_equal(planes.bytes, by_plane, sizeof(by_plane));
    assert_int_equal(take("[1,10,2,20,3,30]", &scaling, &pixels, &err), STATUS_OK);
    const float by_pixel[] = {1, 5, 3, 15, 5, 25};
    assert_memory_equal(pixels.bytes, by_pixel, sizeof(by_pixel));
    assert_int_equal(take("[1,2,3]", &scaling, &neither, &err), STATUS_INVALID);
    assert_string_equal(err.text, "it has no dimension of 2, as `mean` and `std`");
}

static void comes_back(enum tensor_type type, const char *json, const char *wanted) {
    struct tensor tensor = {.type = type, .rank = 2, .shape = {-1, -1}};
    struct value back;
    struct error err = {0};
    assert_int_equal(take(json, &NUMBER_SCALING_NONE, &tensor, &err), STATUS_OK);
    assert_int_equal(number_tensor_to_lists(&tensor, 0, &arena, &back, &err), STATUS_OK);
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 1024);
    json_write(&text, back);
    buffer_add_byte(&text, 0);
    assert_string_equal(text.bytes, wanted);
}

static void test_number_tensor__numbers_of_each_type_come_back(void **state) {
    (void)state;
    comes_back(TENSOR_FLOAT32, "[[0.1,-2],[1e-7,16777216]]", "[[0.1,-2.0],[1e-7,16777216.0]]");
    comes_back(TENSOR_FLOAT16, "[[0.5,-65504]]", "[[0.5,-65504.0]]");
    comes_back(TENSOR_INT64, "[[9223372036854775807,-9223372036854775808]]",
               "[[9223372036854775807,-9223372036854775808]]");
    comes_back(TENSOR_INT32, "[[2147483647,-2147483648]]", "[[2147483647,-2147483648]]");
    comes_back(TENSOR_INT8, "[[127,-128]]", "[[127,-128]]");
    comes_back(TENSOR_UINT8, "[[255,0]]", "[[255,0]]");
    comes_back(TENSOR_BOOLEAN, "[[true,0]]", "[[true,false]]");
    comes_back(TENSOR_FLOAT64, "[[0.1,-2],[1e-300,9007199254740993.0]]",
               "[[0.1,-2.0],[1e-300,9007199254740992.0]]");
    comes_back(TENSOR_BFLOAT16, "[[0.5,-2],[0.1,1e38]]", "[[0.5,-2.0],[0.100097656,9.96921e37]]");
    comes_back(TENSOR_INT16, "[[32767,-32768]]", "[[32767,-32768]]");
    comes_back(TENSOR_UINT16, "[[65535,0]]", "[[65535,0]]");
    comes_back(TENSOR_UINT32, "[[4294967295,0]]", "[[4294967295,0]]");
    comes_back(TENSOR_UINT64, "[[18446744073709551615,9223372036854775808],[9007199254740993,1.0]]",
               "[[18446744073709551615,9223372036854775808],[9007199254740993,1]]");
}

static void test_number_tensor__each_type_refuses_what_it_does_not_hold(void **state) {
    (void)state;
    const struct {
        enum tensor_type type;
        const char *json, *why;
    } cases[] = {
        {TENSOR_INT16, "[32768]", "number 0 of it, 32768, does not fit int16"},
        {TENSOR_INT16, "[-32769]", "number 0 of it, -32769, does not fit int16"},
        {TENSOR_UINT16, "[65536]", "number 0 of it, 65536, does not fit uint16"},
        {TENSOR_UINT16, "[-1]", "number 0 of it, -1, does not fit uint16"},
        {TENSOR_UINT16, "[1.5]", "number 0 of it, 1.5, does not fit uint16"},
        {TENSOR_UINT32, "[4294967296]", "number 0 of it, 4.29497e+09, does not fit uint32"},
        {TENSOR_UINT32, "[-1]", "number 0 of it, -1, does not fit uint32"},
        {TENSOR_UINT64, "[-1]", "number 0 of it, -1, does not fit uint64"},
        {TENSOR_UINT64, "[0.5]", "number 0 of it, 0.5, does not fit uint64"},
        {TENSOR_UINT64, "[18446744073709551616]",
         "number 0 of it, 18446744073709551616, does not fit uint64"},
        {TENSOR_INT64, "[9223372036854775808]",
         "number 0 of it, 9223372036854775808, does not fit int64"},
        {TENSOR_FLOAT64, "[1,1e400]", "number 1 of it, 1e400, does not fit float64"},
        {TENSOR_FLOAT64, "[-1e400]", "number 0 of it, -1e400, does not fit float64"},
        {TENSOR_BFLOAT16, "[3.4e38]", "number 0 of it, 3.4e+38, does not fit bfloat16"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refused(cases[i].json, (struct tensor){.type = cases[i].type, .rank = 1, .shape = {-1}},
                cases[i].why);
    }
}

/* What only text holds needs room of its own. */
static void test_number_tensor__no_room_is_said(void **state) {
    (void)state;
    struct arena small;
    struct value value;
    struct error err = {0};
    uint64_t most = UINT64_MAX;
    const struct tensor tensor = {
        .type = TENSOR_UINT64, .bytes = &most, .byte_count = sizeof(most)};
    arena_init(&small, 0);
    assert_int_equal(number_tensor_to_lists(&tensor, 0, &small, &value, &err), STATUS_FULL);
    most = INT64_MAX;
    assert_int_equal(number_tensor_to_lists(&tensor, 0, &small, &value, &err), STATUS_OK);
    assert_true(value.integer == INT64_MAX);
    arena_done(&small);
}

/* With a scale they go by way of a double, and come from each type as one. */
static void test_number_tensor__numbers_of_each_type_are_scaled(void **state) {
    (void)state;
    const struct number_scaling twice = {.scale = 2};
    for (int type = 0; type < TENSOR_TYPE_COUNT; type++) {
        struct tensor tensor = {.type = (enum tensor_type)type, .rank = 1, .shape = {2}};
        struct error err = {0};
        if (type == TENSOR_BOOLEAN) {
            continue;
        }
        assert_int_equal(take("[1,60]", &twice, &tensor, &err), STATUS_OK);
        assert_true(tensor_number_at(&tensor, 0) == 2);
        assert_true(tensor_number_at(&tensor, 1) == 120);
    }
    uint64_t most = UINT64_MAX;
    const struct tensor large = {.type = TENSOR_UINT64, .bytes = &most, .byte_count = sizeof(most)};
    assert_true(tensor_number_at(&large, 0) == 0x1p64);
}

static void test_number_tensor__what_is_no_number_is_found(void **state) {
    (void)state;
    uint16_t halves[] = {0x3c00, 0x7c00};
    float singles[] = {1, 2, 0};
    singles[2] = (float)(1e300 * 1e10);
    size_t index = 9;
    struct tensor tensor = {.rank = 1, .shape = {2}, .bytes = singles, .byte_count = 8};
    assert_true(number_tensor_is_finite(&tensor, &index));
    tensor.byte_count = 12;
    assert_false(number_tensor_is_finite(&tensor, &index));
    assert_int_equal(index, 2);
    tensor = (struct tensor){.type = TENSOR_FLOAT16, .rank = 1, .bytes = halves, .byte_count = 4};
    assert_false(number_tensor_is_finite(&tensor, &index));
    assert_int_equal(index, 1);
    halves[1] = 0x7fc0;
    tensor.type = TENSOR_BFLOAT16;
    assert_false(number_tensor_is_finite(&tensor, &index));
    double doubles[] = {1, -1e300 * 1e10};
    tensor = (struct tensor){
        .type = TENSOR_FLOAT64, .rank = 1, .bytes = doubles, .byte_count = sizeof(doubles)};
    assert_false(number_tensor_is_finite(&tensor, &index));
    assert_int_equal(index, 1);
    tensor.type = TENSOR_UINT64; /* any bits are a number */
    assert_true(number_tensor_is_finite(&tensor, &index));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_tensor__lists_of_any_nesting_take_the_shape),
        cmocka_unit_test(test_number_tensor__what_does_not_fit_is_said),
        cmocka_unit_test(test_number_tensor__channels_are_scaled_where_they_lie),
        cmocka_unit_test(test_number_tensor__numbers_of_each_type_come_back),
        cmocka_unit_test(test_number_tensor__each_type_refuses_what_it_does_not_hold),
        cmocka_unit_test(test_number_tensor__no_room_is_said),
        cmocka_unit_test(test_number_tensor__numbers_of_each_type_are_scaled),
        cmocka_unit_test(test_number_tensor__what_is_no_number_is_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
