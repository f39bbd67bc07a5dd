// SPDX-License-Identifier: Apache-2.0
#include "model/onnx_field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) ((struct slice){.bytes = (text), .count = sizeof(text) - 1})

static void test_onnx_field__each_kind_is_taken_whole(void **state) {
    (void)state;
    struct slice rest = BYTES("\x08\x96\x01"                             /* 1: 150 */
                              "\x12\x02hi"                               /* 2: "hi" */
                              "\x1d\x01\x02\x03\x04"                     /* 3: four bytes */
                              "\xa1\x06\x01\x02\x03\x04\x05\x06\x07\x08" /* 100: eight bytes */
                              "\x2a\x00");                               /* 5: nothing */
    static const struct {
        uint64_t number;
        size_t count, left;
    } wanted[] = {{1, 0, 21}, {2, 2, 17}, {3, 4, 12}, {100, 8, 2}, {5, 0, 0}};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct onnx_field field;
        assert_true(onnx_field_take(&rest, &field));
        assert_int_equal(field.number, wanted[i].number);
        assert_int_equal(field.bytes.count, wanted[i].count);
        assert_int_equal(rest.count, wanted[i].left);
        if (field.number == 2) {
            assert_memory_equal(field.bytes.bytes, "hi", 2);
        }
    }
}

static void test_onnx_field__what_does_not_end_is_none(void **state) {
    (void)state;
    static const struct slice broken[] = {
        {.bytes = "", .count = 0},
        BYTES("\x80"),                                             /* half a tag */
        BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* a tag of 12 bytes */
        BYTES("\x08"),                                             /* no number */
        BYTES("\x08\xff"),                                         /* half a number */
        BYTES("\x12"),                                             /* no count */
        BYTES("\x12\x03hi"),                                       /* a byte is missing */
        BYTES("\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7fhi"),       /* nearly all are */
        BYTES("\x1d\x01\x02\x03"),
        BYTES("\x19\x01\x02\x03\x04\x05\x06\x07"),
        BYTES("\x02\x01x"),                 /* a field 0 */
        BYTES("\x85\x00\x01\x02\x03\x04"),  /* the same, in two bytes */
        BYTES("\x82\x80\x80\x80\x10\x01x"), /* a number of 30 bits */
        BYTES("\x0b"),                      /* a group */
        BYTES("\x0f"),                      /* no kind */
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct slice rest = broken[i];
        struct onnx_field field;
        assert_false(onnx_field_take(&rest, &field));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_field__each_kind_is_taken_whole),
        cmocka_unit_test(test_onnx_field__what_does_not_end_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
