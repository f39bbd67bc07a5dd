// SPDX-License-Identifier: Apache-2.0
#include "model/search_journal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "platform/file.h"

enum { LAYERS = 3, PATH_BYTES = 64 };

static const bool FIRST[LAYERS] = {false, true, false};
static const bool SECOND[LAYERS] = {true, true, false};
static const char KEY[] = "4c4a4b";

struct fixture {
    char folder[PATH_BYTES], path[PATH_BYTES + 8];
    char said[SEARCH_JOURNAL_SAID_BYTES];
    struct search_journal *journal;
};

static struct digest key_of(const char *text) {
    return hash_sha256(slice_of(text));
}

static void open_with(struct fixture *fixture, const char *key) {
    assert_int_equal(
        search_journal_open(fixture->path, key_of(key), &fixture->journal, fixture->said, NULL),
        STATUS_OK);
    assert_int_equal(search_journal_begin(fixture->journal, LAYERS, NULL), STATUS_OK);
}

static void begin(struct fixture *fixture) {
    *fixture = (struct fixture){.folder = "/tmp/ebb-journal-XXXXXX"};
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/j", fixture->folder);
    open_with(fixture, KEY);
    assert_string_equal(fixture->said, "");
}

static void open_again(struct fixture *fixture, const char *key) {
    search_journal_close(fixture->journal);
    fixture->journal = NULL;
    open_with(fixture, key);
}

static void end(struct fixture *fixture) {
    search_journal_close(fixture->journal);
    (void)unlink(fixture->path);
    assert_int_equal(rmdir(fixture->folder), 0);
}

static struct quantize_try make_try(void) {
    struct quantize_try tried = {.staying = 1, .cost = 0.1};
    tried.proof.worst_sqnr_db = 1.0 / 3;
    tried.proof.drift = (struct drift){.count = 12345678901,
                                       .broken = 1,
                                       .largest = 0.7,
                                       .difference_squares = 1e-300,
                                       .reference_squares = 1e300,
                                       .candidate_squares = 3,
                                       .products = -4,
                                       .rows = 9,
                                       .rows_agreeing = 8,
                                       .mask_both = 6,
                                       .mask_any = 7};
    return tried;
}

static void put_all(struct fixture *fixture) {
    const struct quantize_try tried = make_try();
    struct quantize_try other = {.cost = NAN, .proof = {.worst_sqnr_db = -INFINITY}};
    search_journal_put_layer(fixture->journal, 0, 12.25);
    search_journal_put_layer(fixture->journal, 2, INFINITY);
    search_journal_put_try(fixture->journal, FIRST, &tried);
    search_journal_put_try(fixture->journal, SECOND, &other);
}

static void assert_same(const struct proof *a, const struct proof *b) {
    assert_true(a->worst_sqnr_db == b->worst_sqnr_db);
    assert_true(a->drift.count == b->drift.count && a->drift.broken == b->drift.broken);
    assert_true(a->drift.largest == b->drift.largest && a->drift.products == b->drift.products);
    assert_true(a->drift.difference_squares == b->drift.difference_squares);
    assert_true(a->drift.reference_squares == b->drift.reference_squares);
    assert_true(a->drift.candidate_squares == b->drift.candidate_squares);
    assert_true(a->drift.rows == b->drift.rows);
    assert_true(a->drift.rows_agreeing == b->drift.rows_agreeing);
    assert_true(a->drift.mask_both == b->drift.mask_both);
    assert_true(a->drift.mask_any == b->drift.mask_any);
}

static void assert_knows_nothing(const struct fixture *fixture) {
    struct quantize_try tried;
    double db;
    for (uint32_t i = 0; i < LAYERS; i++) {
        assert_false(search_journal_layer(fixture->journal, i, &db));
    }
    assert_false(search_journal_try(fixture->journal, FIRST, &tried));
}

static void test_search_journal__knows_again_what_it_was_told(void **state) {
    (void)state;
    struct fixture fixture;
    struct quantize_try tried;
    const struct quantize_try expected = make_try();
    double db = 0;
    begin(&fixture);
    assert_knows_nothing(&fixture);
    put_all(&fixture);
    open_again(&fixture, KEY);
    assert_string_equal(fixture.said, "goes on after 2 of 3 layers and 2 whole models");
    assert_true(search_journal_layer(fixture.journal, 0, &db) && db == 12.25);
    assert_false(search_journal_layer(fixture.journal, 1, &db));
    assert_true(search_journal_layer(fixture.journal, 2, &db) && isinf(db) && db > 0);
    assert_false(search_journal_layer(fixture.journal, LAYERS, &db));
    assert_true(search_journal_try(fixture.journal, FIRST, &tried));
    assert_same(&tried.proof, &expected.proof);
    assert_int_equal(tried.staying, 1);
    assert_true(tried.cost == 0.1);
    assert_true(search_journal_try(fixture.journal, SECOND, &tried));
    assert_int_equal(tried.staying, 2);
    assert_true(isnan(tried.cost) && isinf(tried.proof.worst_sqnr_db));
    end(&fixture);
}

static void test_search_journal__another_key_or_number_of_layers_is_another_search(void **state) {
    (void)state;
    struct fixture fixture;
    double db;
    begin(&fixture);
    put_all(&fixture);
    open_again(&fixture, "another");
    assert_non_null(strstr(fixture.said, "of other files, samples, options or programs"));
    assert_knows_nothing(&fixture);
    open_again(&fixture, KEY);
    assert_int_equal(search_journal_begin(fixture.journal, LAYERS + 1, NULL), STATUS_OK);
    assert_false(search_journal_layer(fixture.journal, 0, &db));
    end(&fixture);
}

static void assert_is_damaged(struct fixture *fixture, struct slice text) {
    assert_int_equal(file_replace(fixture->path, text, NULL), STATUS_OK);
    open_again(fixture, KEY);
    assert_non_null(strstr(fixture->said, "damaged"));
    assert_knows_nothing(fixture);
}

static void assert_part_is_damaged(struct fixture *fixture, const char *part) {
    CLEANUP(buffer_done) struct buffer text;
    char key[DIGEST_HEX_BYTES + 1];
    buffer_init(&text, 1 << 16);
    digest_write(key_of(KEY), key);
    buffer_print(&text, "{\"ebb_search\":1,\"key\":\"%s\",%s}", key, part);
    assert_is_damaged(fixture, buffer_slice(&text));
}

static void test_search_journal__what_is_damaged_is_not_looked_at(void **state) {
    (void)state;
    static const char ONES[] = "1,1,1,1,1,1,1,1,1,1,1";
    static const char *const TRIES[][2] = {{"01", "1,1"}, {"01x", "1,1"},    {"010", "1,1,-1"},
                                           {"010", "1"},  {"010", "true,1"}, {"0101", "1,1"}};
    static const char *const PARTS[] = {"\"layers\":[1,2,3],\"tries\":[{\"stays\":\"010\"}]",
                                        "\"layers\":[1,2,3],\"tries\":[7]",
                                        "\"layers\":[1,2,3],\"tries\":{}",
                                        "\"layers\":[1,true,3],\"tries\":[]",
                                        "\"layers\":[1,\"nan\",3],\"tries\":[]",
                                        "\"layers\":7,\"tries\":[]",
                                        "\"layers\":[1,2,3]"};
    struct fixture fixture;
    CLEANUP(buffer_done) struct buffer whole;
    begin(&fixture);
    put_all(&fixture);
    buffer_init(&whole, 1 << 16);
    assert_int_equal(file_read(fixture.path, &whole, NULL), STATUS_OK);
    for (size_t i = 0; i + 2 < whole.count; i += 7) {
        assert_is_damaged(&fixture, slice_part(buffer_slice(&whole), 0, i));
    }
    for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
        assert_part_is_damaged(&fixture, PARTS[i]);
    }
    for (size_t i = 0; i < sizeof(TRIES) / sizeof(TRIES[0]); i++) {
        char part[256];
        /* The third has thirteen numbers, too, one of which counts something and is less than 0. */
        (void)snprintf(part, sizeof(part),
                       "\"layers\":[1,2,3],\"tries\":[{\"stays\":\"%s\",\"numbers\":[%s,%s]}]",
                       TRIES[i][0], TRIES[i][1], i == 2 ? ONES + 2 : ONES);
        assert_part_is_damaged(&fixture, part);
    }
    end(&fixture);
}

static void test_search_journal__more_layers_or_models_than_there_may_be_are_none(void **state) {
    (void)state;
    struct fixture fixture;
    CLEANUP(buffer_done) struct buffer text;
    char key[DIGEST_HEX_BYTES + 1];
    begin(&fixture);
    buffer_init(&text, 1 << 20);
    digest_write(key_of(KEY), key);
    buffer_print(&text, "{\"key\":\"%s\",\"tries\":[],\"layers\":[1", key);
    for (int i = 0; i < QUANTIZE_LAYERS_MAX; i++) {
        buffer_add_text(&text, ",1");
    }
    buffer_add_text(&text, "]}");
    assert_is_damaged(&fixture, buffer_slice(&text));
    buffer_clear(&text);
    buffer_print(&text, "{\"key\":\"%s\",\"layers\":[1,1,1],\"tries\":[", key);
    for (int i = 0; i <= QUANTIZE_TRIES_MAX; i++) {
        buffer_print(&text, "%s{\"stays\":\"010\",\"numbers\":[1,1,1,1,1,1,1,1,1,1,1,1,1]}",
                     i > 0 ? "," : "");
    }
    buffer_add_text(&text, "]}");
    assert_is_damaged(&fixture, buffer_slice(&text));
    end(&fixture);
}

static void test_search_journal__without_a_place_to_write_it_knows_what_it_was_told(void **state) {
    (void)state;
    struct fixture fixture;
    double db = 0;
    begin(&fixture);
    assert_int_equal(rmdir(fixture.folder), 0);
    put_all(&fixture);
    assert_true(search_journal_layer(fixture.journal, 0, &db) && db == 12.25);
    assert_int_equal(mkdir(fixture.folder, 0700), 0);
    end(&fixture);
}

static void test_search_journal__none_knows_nothing(void **state) {
    (void)state;
    struct quantize_try tried = {0};
    double db;
    assert_int_equal(search_journal_begin(NULL, LAYERS, NULL), STATUS_OK);
    search_journal_put_layer(NULL, 0, 1);
    search_journal_put_try(NULL, FIRST, &tried);
    assert_false(search_journal_layer(NULL, 0, &db));
    assert_false(search_journal_try(NULL, FIRST, &tried));
    search_journal_close(NULL);
}

static void test_search_journal__ends_well_without_memory(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture);
    put_all(&fixture);
    search_journal_close(fixture.journal);
    for (long k = 0; k < 40; k++) {
        fixture.journal = NULL;
        (void)memory_fail_at(k, 0);
        status code =
            search_journal_open(fixture.path, key_of(KEY), &fixture.journal, fixture.said, NULL);
        if (code == STATUS_OK) {
            code = search_journal_begin(fixture.journal, LAYERS, NULL);
        }
        (void)memory_fail_at(-1, 0);
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY);
        search_journal_close(fixture.journal);
    }
    fixture.journal = NULL;
    end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_journal__knows_again_what_it_was_told),
        cmocka_unit_test(test_search_journal__another_key_or_number_of_layers_is_another_search),
        cmocka_unit_test(test_search_journal__what_is_damaged_is_not_looked_at),
        cmocka_unit_test(test_search_journal__more_layers_or_models_than_there_may_be_are_none),
        cmocka_unit_test(test_search_journal__without_a_place_to_write_it_knows_what_it_was_told),
        cmocka_unit_test(test_search_journal__none_knows_nothing),
        cmocka_unit_test(test_search_journal__ends_well_without_memory),
    };
    return cmocka_run_group_tests_name("search_journal", tests, NULL, NULL);
}
