// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "model/dynamic_quantize.h"
#include "model/onnx_file.h"
#include "model/opset.h"
#include "model/optimise_inner.h"
#include "platform/processor.h"

enum { OPSET_TARGET = 13 };

static void close_graph(struct graph_model **model) {
    onnx_file_close(*model);
}

status optimise_dynamic(const struct optimising *work, struct buffer *out_bytes,
                        char out_how[ERROR_TEXT_MAX], struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    const struct buffer *from = work->folded.count > 0 ? &work->folded : &work->original;
    const struct dynamic_quantize_options options = {.adds_in_pairs = processor_adds_in_pairs()};
    struct dynamic_quantize_report report;
    uint32_t changes;
    TRY(onnx_file_read(buffer_slice(from), work->data_folder, &model, err));
    if (graph_opset(model) < DYNAMIC_QUANTIZE_OPSET_LEAST) {
        TRY(opset_upgrade(model, OPSET_TARGET, &changes, err));
    }
    TRY(dynamic_quantize(model, &options, &report, err));
    if (report.products + report.recurrences == 0) {
        return fail(err, STATUS_NOT_FOUND, "there is no large product of matrices, nor an LSTM");
    }
    (void)snprintf(out_how, ERROR_TEXT_MAX,
                   "%u products of matrices and %u LSTMs in whole numbers of 8 bits, ranges found "
                   "in each run",
                   report.products, report.recurrences);
    return onnx_file_pack(model, out_bytes, err);
}
