// SPDX-License-Identifier: Apache-2.0
/*
 * conformance: every model of ONNX's own test data, changed by a pass, still gives what is stored
 * beside it.
 *
 * For each folder with a model.onnx and test_data_set_N: ONNX Runtime loads the model and gives the
 * stored outputs for the stored inputs, or the model is left out and counted. Then each pass
 * changes a copy, which must hold together, load, and give the same, or as nearly as the pass may
 * change it (tests/models/passes.h); a pass may also refuse it.
 *
 * usage: conformance [--planted] [FOLDER [PASS...]]    Ends with `N passed, N failed`.
 * With --planted a pass that adds a little to the last output is there as well and must be found.
 */
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "model/onnx_file.h"
#include "platform/file.h"
#include "platform/inference.h"
#include "tests/models/passes.h"
#include "tests/models/stored.h"

enum { SETS_MAX = 8 };
static const int64_t MEMORY_BYTES = (int64_t)1 << 30;
static const size_t ARENA_BYTES = (size_t)1 << 31;

struct count {
    uint32_t same, changed, refused, failed;
};

/* --- running --- */

static bool gives_stored(struct inference_model *model, const struct stored_set *set,
                         double tolerance) {
    struct inference_run *run = NULL;
    struct tensor outputs[STORED_PORTS_MAX];
    uint32_t wanted[STORED_PORTS_MAX];
    for (uint32_t i = 0; i < STORED_PORTS_MAX; i++) {
        wanted[i] = i;
    }
    bool same =
        inference_input_count(model) == set->input_count &&
        inference_output_count(model) == set->output_count &&
        inference_run_create(model, &run, NULL) == STATUS_OK &&
        inference_run(run, set->inputs, wanted, set->output_count, outputs, NULL) == STATUS_OK;
    for (uint32_t i = 0; same && i < set->output_count; i++) {
        same = stored_same_tensor(&outputs[i], &set->outputs[i], tolerance);
    }
    inference_run_destroy(run);
    return same;
}

struct stored {
    char folder[STORED_PATH_BYTES]; /* of the model */
    struct slice bytes;
    struct stored_set sets[SETS_MAX];
    uint32_t set_count;
};

/* Whether ONNX Runtime takes the bytes, and gives what is stored. */
static bool is_right(const struct stored *stored, struct slice bytes, double tolerance,
                     struct error *err) {
    struct inference_model *model = NULL;
    const struct inference_options options = {
        .threads = 1, .memory_bytes = MEMORY_BYTES, .folder = stored->folder};
    if (inference_open_bytes(bytes, &options, &model, err) != STATUS_OK) {
        return false;
    }
    bool right = stored->set_count > 0;
    for (uint32_t i = 0; right && i < stored->set_count; i++) {
        right = gives_stored(model, &stored->sets[i], tolerance);
    }
    inference_close(model);
    if (!right) {
        (void)fail(err, STATUS_INVALID, "other outputs than the stored ones");
    }
    return right;
}

static status run_pass(const struct test_pass *pass, const struct stored *stored,
                       struct buffer *out_bytes, bool *out_wrong, struct error *err) {
    struct graph_model *model = NULL;
    uint32_t changes = 0;
    *out_wrong = false;
    TRY(onnx_file_read(stored->bytes, stored->folder, &model, err));
    status code = pass->run(model, &changes, err);
    if (code == STATUS_OK) {
        *out_wrong = true; /* from here on nothing is a refusal */
        code = graph_verify(model, err);
    }
    if (code == STATUS_OK) {
        code = onnx_file_pack(model, out_bytes, err);
    }
    onnx_file_close(model);
    return code;
}

static void check_pass(const struct test_pass *pass, const struct stored *stored,
                       struct count *count) {
    struct buffer bytes;
    struct error err = {0};
    bool wrong = false;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    const status code = run_pass(pass, stored, &bytes, &wrong, &err);
    if (code != STATUS_OK && !wrong) {
        count->refused++;
        if (getenv("EBB_TELL") != NULL) {
            printf("conformance: %s: %s: refused: %s\n", stored->folder, pass->name, err.text);
        }
    } else if (code == STATUS_OK && slice_equal(buffer_slice(&bytes), stored->bytes)) {
        count->same++;
    } else if (code == STATUS_OK && is_right(stored, buffer_slice(&bytes), pass->tolerance, &err)) {
        count->changed++;
    } else {
        count->failed++;
        if (strcmp(pass->name, "planted") != 0) {
            printf("conformance: %s: %s: %s\n", stored->folder, pass->name, err.text);
        }
    }
    buffer_done(&bytes);
}

/* --- the models --- */

/* false: it has no stored tensors that we have, or ONNX Runtime does not give them. */
static bool read_stored(const char *path, struct arena *arena, struct buffer *bytes,
                        struct stored *stored) {
    (void)snprintf(stored->folder, sizeof(stored->folder), "%.*s", (int)(strrchr(path, '/') - path),
                   path);
    if (file_read(path, bytes, NULL) != STATUS_OK) {
        return false;
    }
    stored->bytes = buffer_slice(bytes);
    for (stored->set_count = 0; stored->set_count < SETS_MAX; stored->set_count++) {
        struct stored_set *set = &stored->sets[stored->set_count];
        char folder[STORED_PATH_BYTES];
        (void)snprintf(folder, sizeof(folder), "%.*s/test_data_set_%u", STORED_PATH_BYTES - 64,
                       stored->folder, stored->set_count);
        if (!file_is_there(folder)) {
            break;
        }
        if (!stored_set_read(folder, arena, set)) {
            return false;
        }
    }
    return is_right(stored, stored->bytes, TEST_PASS_EXACT, NULL);
}

static void check_model(const char *path, const struct test_pass *const *passes,
                        struct count *counts, uint32_t *out_taken, uint32_t *out_left) {
    struct arena arena;
    struct buffer bytes;
    arena_init(&arena, ARENA_BYTES);
    buffer_init(&bytes, ONNX_BYTES_MAX);
    struct stored *stored = arena_get(&arena, 1, sizeof(*stored));
    if (stored != NULL && read_stored(path, &arena, &bytes, stored)) {
        ++*out_taken;
        for (size_t i = 0; passes[i] != NULL; i++) {
            check_pass(passes[i], stored, &counts[i]);
        }
    } else {
        ++*out_left;
    }
    buffer_done(&bytes);
    arena_done(&arena);
}

static int check_all(const char *root, const struct test_pass *const *passes, bool planted) {
    char top[STORED_PATH_BYTES];
    (void)snprintf(top, sizeof(top), "%s", root);
    char *const tops[] = {top, NULL};
    struct count counts[TEST_PASSES_MAX] = {0};
    uint32_t taken = 0;
    uint32_t left = 0;
    FTS *walk = fts_open(tops, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *at; walk != NULL && (at = fts_read(walk)) != NULL;) {
        if (at->fts_info == FTS_F && strcmp(at->fts_name, "model.onnx") == 0) {
            check_model(at->fts_path, passes, counts, &taken, &left);
        }
    }
    (void)fts_close(walk);
    uint32_t failed = 0;
    uint32_t passed = 0;
    printf("conformance: %u models give their stored outputs, %u are left out\n", taken, left);
    for (size_t i = 0; passes[i] != NULL; i++) {
        const struct count *count = &counts[i];
        printf("conformance: %s: %u changed, %u as they were, %u refused, %u unusable\n",
               passes[i]->name, count->changed, count->same, count->refused, count->failed);
        const bool is_planted = planted && strcmp(passes[i]->name, "planted") == 0;
        failed += taken == 0 || (is_planted ? count->failed == 0 : count->failed > 0);
        passed++;
    }
    printf("%u passed, %u failed\n", passed - failed, failed);
    return failed > 0 ? 1 : 0;
}

int main(int count, char **words) {
    const bool planted = count > 1 && strcmp(words[1], "--planted") == 0;
    const int first = planted ? 2 : 1;
    const char *root = count > first ? words[first] : "/usr/share/libonnx-testdata/data";
    const struct test_pass *passes[TEST_PASSES_MAX + 1] = {0};
    size_t chosen = 0;
    for (size_t i = 0; TEST_PASSES[i].name != NULL; i++) {
        bool is_chosen =
            count <= first + 1 && (planted || strcmp(TEST_PASSES[i].name, "planted") != 0);
        for (int k = first + 1; k < count; k++) {
            is_chosen = is_chosen || strcmp(words[k], TEST_PASSES[i].name) == 0;
        }
        if (is_chosen) {
            passes[chosen++] = &TEST_PASSES[i];
        }
    }
    return check_all(root, passes, planted);
}
