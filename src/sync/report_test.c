// SPDX-License-Identifier: Apache-2.0
#include "sync/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, REPORT_ARENA_BYTES_MAX);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static bool same_shape(const char *a, const char *b) {
    return id_equal(report_shape(slice_of(a)), report_shape(slice_of(b)));
}

static void test_report__has_a_shape_without_its_numbers(void **state) {
    (void)state;
    assert_true(same_shape("{\"a\":1,\"b\":[2,3]}", "{\"a\":17,\"b\":[-2.5e+7,0]}"));
    assert_true(same_shape("{\"a\":1}", "{\"a\":-0.001}"));
    assert_false(same_shape("{\"a\":1}", "{\"b\":1}"));
    assert_false(same_shape("{\"a\":\"1\"}", "{\"a\":\"2\"}"));
    assert_false(same_shape("{\"a\":\"x\\\"1\"}", "{\"a\":\"x\\\"2\"}"));
    assert_false(same_shape("{\"a\":true}", "{\"a\":false}"));
    assert_false(same_shape("{\"a\":1}", "{\"a\":null}"));
    assert_false(same_shape("{\"a\":[1]}", "{\"a\":[1,1]}"));
    assert_false(same_shape("", "\""));
    assert_true(same_shape("\"\\", "\"\\"));
}

static status read(const char *text, int *out_count, struct error *err) {
    struct report_workflow *workflows = NULL;
    return report_read(&arena, slice_of(text), &workflows, out_count, err);
}

static void test_report__is_read_as_far_as_a_hub_uses_it(void **state) {
    (void)state;
    struct report_workflow *workflows = NULL;
    struct error err;
    int count = 0;
    const struct slice text =
        SLICE("{\"new\":{\"thing\":1},\"workflows\":[{\"name\":\"triage\",\"digest\":"
              "\"000102030405060708090a0b0c0d0e0f\",\"runs\":3},{\"name\":\"faulty\"}]}");
    assert_int_equal(report_read(&arena, text, &workflows, &count, &err), STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(slice_is(workflows[0].name, "triage"));
    assert_int_equal(workflows[0].digest.bytes[15], 15);
    assert_true(id_is_zero(workflows[1].digest));
    assert_int_equal(read("{}", &count, &err), STATUS_OK);
    assert_int_equal(count, 0);
}

static void test_report__that_makes_no_sense_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *text, *said;
    } CASES[] = {
        {"", "1:1"},
        {"[]", "of type list, not a JSON object"},
        {"{\"workflows\":3}", "`workflows` is a list"},
        {"{\"workflows\":[3]}", "`name` of 1 to 128 bytes"},
        {"{\"workflows\":[{\"name\":\"\"}]}", "`name` of 1 to 128 bytes"},
        {"{\"workflows\":[{\"name\":\"a\",\"digest\":\"12\"}]}", "`digest` is 32 hexadecimal"},
        {"{\"workflows\":[{\"name\":\"a\",\"digest\":7}]}", "`digest` is 32 hexadecimal"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct error err = {.text = ""};
        int count = 0;
        assert_int_equal(read(CASES[i].text, &count, &err), STATUS_INVALID);
        if (i > 0 && strstr(err.text, CASES[i].said) == NULL) {
            fail_msg("'%s' is refused with: %s", CASES[i].text, err.text);
        }
    }
}

static void test_report__is_bounded(void **state) {
    (void)state;
    struct report_workflow *workflows = NULL;
    struct error err;
    int count = 0;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 1 << 20);
    buffer_add_text(&text, "{\"workflows\":[{\"name\":\"a\"}");
    for (int i = 1; i < REPORT_WORKFLOWS_MAX; i++) {
        buffer_add_text(&text, ",{\"name\":\"a\"}");
    }
    const size_t full = text.count;
    buffer_add_text(&text, "]}");
    assert_int_equal(report_read(&arena, buffer_slice(&text), &workflows, &count, &err), STATUS_OK);
    assert_int_equal(count, REPORT_WORKFLOWS_MAX);
    text.count = full;
    buffer_add_text(&text, ",{\"name\":\"a\"}]}");
    assert_int_equal(report_read(&arena, buffer_slice(&text), &workflows, &count, &err),
                     STATUS_INVALID);
    buffer_clear(&text);
    buffer_add_text(&text, "{\"a\":\"");
    while (text.count < REPORT_BYTES_MAX - 2) {
        buffer_add_byte(&text, 'x');
    }
    buffer_add_text(&text, "\"}");
    assert_int_equal(report_read(&arena, buffer_slice(&text), &workflows, &count, &err), STATUS_OK);
    buffer_add_byte(&text, ' ');
    assert_int_equal(report_read(&arena, buffer_slice(&text), &workflows, &count, &err),
                     STATUS_INVALID);
}

static void test_report__a_face_says_whose_it_is(void **state) {
    (void)state;
    struct slice name;
    struct error err;
    assert_int_equal(face_read(&arena, SLICE("{\"workflow\":\"a\",\"steps\":[]}"), &name, &err),
                     STATUS_OK);
    assert_true(slice_is(name, "a"));
    assert_int_equal(face_read(&arena, SLICE("{}"), &name, &err), STATUS_INVALID);
    assert_int_equal(face_read(&arena, SLICE("{\"workflow\":[]}"), &name, &err), STATUS_INVALID);
    assert_int_equal(face_read(&arena, SLICE("\"a\""), &name, &err), STATUS_INVALID);
}

static void test_report__wants_are_read_as_they_were_written(void **state) {
    (void)state;
    struct want want = {.workflow_count = WANT_FACES_MAX, .blob_count = WANT_BLOBS_MAX};
    struct want read_back;
    struct error err;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, REPORT_BYTES_MAX);
    for (int i = 0; i < WANT_FACES_MAX; i++) {
        want.workflows[i].bytes[0] = (uint8_t)(i + 1);
        want.blobs[i % WANT_BLOBS_MAX].bytes[1] = (uint8_t)(i + 1);
    }
    want_write(&want, &text);
    assert_int_equal(want_read(&arena, buffer_slice(&text), &read_back, &err), STATUS_OK);
    assert_memory_equal(&want, &read_back, sizeof want);
    assert_int_equal(want_read(&arena, SLICE("{}"), &read_back, &err), STATUS_OK);
    assert_int_equal(read_back.workflow_count + read_back.blob_count, 0);
    assert_int_equal(want_read(&arena, SLICE("{\"want\":{\"blobs\":[1]}}"), &read_back, &err),
                     STATUS_INVALID);
    assert_int_equal(want_read(&arena, SLICE("{\"want\":{\"blobs\":{}}}"), &read_back, &err),
                     STATUS_INVALID);
    assert_int_equal(read_back.blob_count, 0);
}

static void test_report__more_wants_than_fit_are_left_for_later(void **state) {
    (void)state;
    struct want want;
    struct error err;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, REPORT_BYTES_MAX);
    buffer_add_text(&text, "{\"want\":{\"workflows\":[");
    for (int i = 0; i < 2 * WANT_FACES_MAX; i++) {
        buffer_print(&text, "%s\"%032x\"", i > 0 ? "," : "", (unsigned)i + 1);
    }
    buffer_add_text(&text, "]}}");
    assert_int_equal(want_read(&arena, buffer_slice(&text), &want, &err), STATUS_OK);
    assert_int_equal(want.workflow_count, WANT_FACES_MAX);
}

static void test_report__progress_is_read_as_it_was_written(void **state) {
    (void)state;
    const struct blob_progress said = {.have = 123456, .here = true};
    struct blob_progress heard = {.have = 0};
    struct error err;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 256);
    blob_progress_write(said, &text);
    assert_int_equal(blob_progress_read(&arena, buffer_slice(&text), &heard, &err), STATUS_OK);
    assert_int_equal(heard.have, said.have);
    assert_true(heard.here);
    assert_int_equal(blob_progress_read(&arena, SLICE("{\"have\":-1}"), &heard, &err),
                     STATUS_INVALID);
    assert_int_equal(blob_progress_read(&arena, SLICE("{}"), &heard, &err), STATUS_INVALID);
}

static void test_report__paths_are_read_as_they_were_written(void **state) {
    (void)state;
    const struct id id = {.bytes = {0xab, 1}};
    struct id heard;
    CLEANUP(buffer_done) struct buffer path;
    buffer_init(&path, 256);
    face_path_write(&path, id);
    assert_true(face_path_read(buffer_slice(&path), &heard));
    assert_true(id_equal(heard, id));
    assert_false(blob_path_read(buffer_slice(&path), &heard));
    buffer_clear(&path);
    blob_path_write(&path, id, 300, 100);
    assert_true(slice_is(buffer_slice(&path),
                         "/v1/blobs/ab010000000000000000000000000000?bytes=300&from=100"));
    path.count = sizeof "/v1/blobs/" - 1 + ID_HEX_BYTES;
    assert_true(blob_path_read(buffer_slice(&path), &heard));
    path.bytes[sizeof "/v1/blobs/" - 1] = 'A';
    assert_false(blob_path_read(buffer_slice(&path), &heard));
    assert_false(blob_path_read(SLICE("/v1/blobs/ab"), &heard));
    assert_false(blob_path_read(SLICE("/v1/blobs/ab01000000000000000000000000000g"), &heard));
    buffer_clear(&path);
    blob_gone_path_write(&path, id, BLOB_KEPT);
    assert_true(slice_ends(buffer_slice(&path), "?gone=kept"));
}

static void test_report__words_for_what_does_not_come(void **state) {
    (void)state;
    enum blob_gone gone = BLOB_GONE_COUNT;
    for (int i = 0; i < BLOB_GONE_COUNT; i++) {
        assert_true(blob_gone_read(slice_of(blob_gone_name((enum blob_gone)i)), &gone));
        assert_int_equal(gone, i);
    }
    assert_false(blob_gone_read(SLICE("away"), &gone));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_report__##name, set_up, tear_down)
        TEST(has_a_shape_without_its_numbers),
        TEST(is_read_as_far_as_a_hub_uses_it),
        TEST(that_makes_no_sense_is_refused_by_name),
        TEST(is_bounded),
        TEST(a_face_says_whose_it_is),
        TEST(wants_are_read_as_they_were_written),
        TEST(more_wants_than_fit_are_left_for_later),
        TEST(progress_is_read_as_it_was_written),
        TEST(paths_are_read_as_they_were_written),
        TEST(words_for_what_does_not_come),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
