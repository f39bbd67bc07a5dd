// SPDX-License-Identifier: Apache-2.0
/* Bytes are a model whose graph holds together and is written so that it reads as the same again,
 * or are refused with a sentence; taking a model apart leaves nothing that points at nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "model/onnx_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void pack(const struct graph_model *model, struct buffer *out) {
    buffer_init(out, 64 << 20);
    need(onnx_file_pack(model, out, NULL) == STATUS_OK);
}

/* Everybody takes the first input's value instead of the node's, then all that nobody needs goes.
 * */
static void take_apart(struct graph_model *model) {
    const struct graph_values *inputs = &model->main.inputs;
    struct graph_value *input = inputs->count > 0 ? inputs->items[0] : NULL;
    for (struct graph_node *node = model->main.last; node != NULL && input != NULL;
         node = node->before) {
        struct graph_value *output = graph_output(node, 0);
        if (output != NULL && output->uses != NULL && output != input) {
            need(graph_replace(output, input) == STATUS_OK);
            break;
        }
    }
    (void)graph_remove_dead(model);
    need(graph_verify(model, NULL) == STATUS_OK);
}

static void check(struct graph_model *model) {
    struct buffer once;
    struct buffer twice;
    struct graph_model *again = NULL;
    need(graph_verify(model, NULL) == STATUS_OK);
    pack(model, &once);
    need(onnx_file_read(buffer_slice(&once), NULL, &again, NULL) == STATUS_OK);
    pack(again, &twice);
    need(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    take_apart(again);
    onnx_file_close(again);
    buffer_done(&once);
    buffer_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct graph_model *model = NULL;
    struct error err = {0};
    const struct slice all = {.bytes = (const char *)bytes, .count = count};
    if (onnx_file_read(all, NULL, &model, &err) == STATUS_OK) {
        check(model);
    } else {
        need(err.text[0] != '\0');
    }
    onnx_file_close(model);
    return 0;
}
