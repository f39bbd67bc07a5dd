// SPDX-License-Identifier: Apache-2.0
/* A small model is changed as bytes say, and a pass is run on it: what it makes holds together, is
 * read again as it was written, and comes out the same when the same is done once more; or the pass
 * refuses it with a sentence. Whether a runtime answers as before is for tests/models/mutations. */
#include <stdint.h>
#include <stdlib.h>

#include "model/onnx_file.h"
#include "tests/models/mutate.h"
#include "tests/models/passes.h"
#include "tests/models/seeds.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { CHANGES_MAX = 24, FILE_BYTES_MAX = 64 << 20 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

/* The model that the bytes make; NULL: an initializer grew too large. */
static struct graph_model *make(const uint8_t *bytes, size_t count) {
    struct graph_model *model = NULL;
    struct mutation mutation = {.bytes = bytes, .count = count, .is_wild = true};
    need(seed_graph(mutation_next(&mutation, SEED_COUNT), &model, NULL) == STATUS_OK);
    for (int i = 0; i < CHANGES_MAX && mutation.at < count; i++) {
        if (mutate_graph(model, &mutation) != STATUS_OK) {
            onnx_file_close(model);
            return NULL;
        }
    }
    need(graph_verify(model, NULL) == STATUS_OK);
    return model;
}

/* Once written and read, as a pass gets a model; the pass may refuse it. */
static status run(const struct graph_model *model, const struct test_pass *pass,
                  struct buffer *out) {
    struct graph_model *read = NULL;
    struct graph_model *again = NULL;
    struct buffer once;
    struct buffer twice;
    struct error err = {0};
    uint32_t changes = 0;
    buffer_init(&once, FILE_BYTES_MAX);
    buffer_init(&twice, FILE_BYTES_MAX);
    need(onnx_file_pack(model, &once, NULL) == STATUS_OK);
    status code = onnx_file_read(buffer_slice(&once), NULL, &read, &err);
    code = code == STATUS_OK ? pass->run(read, &changes, &err) : code;
    if (code == STATUS_OK) {
        need(graph_verify(read, NULL) == STATUS_OK);
        need(onnx_file_pack(read, out, NULL) == STATUS_OK);
        need(onnx_file_read(buffer_slice(out), NULL, &again, NULL) == STATUS_OK);
        need(onnx_file_pack(again, &twice, NULL) == STATUS_OK);
        need(slice_equal(buffer_slice(out), buffer_slice(&twice)));
    } else {
        need(err.text[0] != '\0');
    }
    onnx_file_close(read);
    onnx_file_close(again);
    buffer_done(&once);
    buffer_done(&twice);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count < 2) {
        return 0;
    }
    struct graph_model *model = make(bytes + 1, count - 1);
    uint32_t passes = 0;
    while (TEST_PASSES[passes].name != NULL) {
        passes++;
    }
    if (model != NULL) {
        const struct test_pass *pass = &TEST_PASSES[bytes[0] % passes];
        struct buffer first;
        struct buffer second;
        buffer_init(&first, FILE_BYTES_MAX);
        buffer_init(&second, FILE_BYTES_MAX);
        const status code = run(model, pass, &first);
        need(run(model, pass, &second) == code);
        need(slice_equal(buffer_slice(&first), buffer_slice(&second)));
        buffer_done(&first);
        buffer_done(&second);
    }
    onnx_file_close(model);
    return 0;
}
