// SPDX-License-Identifier: Apache-2.0
// The examples of docs/workflow-format.md. A yaml block is correct; where a text block follows at
// once, that block is what check says of it. A part of a file gets the keys that it leaves out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "platform/file.h"
#include "wire/workflow.h"

static const char PAGE[] = "docs/workflow-format.md";

/* What stands between the next fence of that kind and its end; *at moves behind it. */
static bool next_block(struct slice page, const char *fence, size_t *at, struct slice *out_block) {
    const struct slice rest = slice_part(page, *at, page.count);
    const char *begin = memmem(rest.bytes, rest.count, fence, strlen(fence));
    if (begin == NULL) {
        return false;
    }
    const size_t from = *at + (size_t)(begin - rest.bytes) + strlen(fence);
    const struct slice behind = slice_part(page, from, page.count);
    const char *end = memmem(behind.bytes, behind.count, "\n```\n", 5);
    assert_non_null(end);
    *out_block = slice_part(behind, 0, (size_t)(end - behind.bytes) + 1);
    *at = from + out_block->count + 4;
    return true;
}

static bool has_key(struct slice block, const char *key) {
    if (slice_starts(block, key)) {
        return true;
    }
    for (size_t i = 0; i < block.count; i++) {
        if (block.bytes[i] == '\n' && slice_starts(slice_part(block, i + 1, block.count), key)) {
            return true;
        }
    }
    return false;
}

static void complete(struct slice block, struct buffer *out) {
    if (!has_key(block, "ebb:")) {
        buffer_add_text(out, "ebb: 1\nworkflow: example\n");
    }
    if (!has_key(block, "trigger:")) {
        buffer_add_text(out, "trigger: { stdin: json }\n");
    }
    buffer_add(out, block);
}

static void assert_says(struct slice block, struct slice expected) {
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err;
    struct buffer text, said;
    buffer_init(&text, 1 << 20);
    buffer_init(&said, 1 << 20);
    complete(block, &text);
    const status code =
        workflow_read(SLICE("example.yaml"), buffer_slice(&text), NULL, &workflow, &faults, &err);
    assert_non_null(faults);
    fault_list_write(faults, &said);
    if (!slice_equal(buffer_slice(&said), expected)) {
        print_error("%.*s\nsays\n%.*s", SLICE_ARGS(block), SLICE_ARGS(buffer_slice(&said)));
    }
    assert_true(slice_equal(buffer_slice(&said), expected));
    assert_int_equal(code, expected.count == 0 ? STATUS_OK : STATUS_INVALID);
    fault_list_release(faults);
    workflow_release(workflow);
    buffer_done(&text);
    buffer_done(&said);
}

static void test_workflow_docs__have_examples_that_are_as_they_say(void **state) {
    (void)state;
    struct buffer page;
    struct error err;
    struct slice block;
    size_t at = 0;
    int count = 0;
    buffer_init(&page, 1 << 20);
    assert_int_equal(file_read(PAGE, &page, &err), STATUS_OK);
    while (next_block(buffer_slice(&page), "```yaml\n", &at, &block)) {
        struct slice expected = {0};
        if (slice_starts(slice_part(buffer_slice(&page), at, page.count), "```text\n")) {
            assert_true(next_block(buffer_slice(&page), "```text\n", &at, &expected));
        }
        assert_says(block, expected);
        count++;
    }
    assert_true(count >= 9);
    buffer_done(&page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workflow_docs__have_examples_that_are_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
