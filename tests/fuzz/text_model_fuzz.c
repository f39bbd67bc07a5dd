// SPDX-License-Identifier: Apache-2.0
/* What text_model_read accepts answers any text with chances that add up to 1; what it refuses has
 * one sentence. Each input is read as it is, and once more with its checksum made right, so that
 * the fields behind it are reached. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "model/text_model.h"
#include "platform/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check_answer(const struct text_model *model, struct slice text) {
    void *scratch = memory_new(1, text_model_scratch_bytes(model));
    need(scratch != NULL);
    double chances[TEXT_LABELS_MAX];
    const uint32_t labels = text_model_labels(model);
    const uint32_t best = text_model_ask(model, text, scratch, chances);
    memory_free(scratch);
    need(best < labels);
    double sum = 0;
    for (uint32_t i = 0; i < labels; i++) {
        need(chances[i] >= 0 && chances[i] <= chances[best]);
        sum += chances[i];
    }
    need(fabs(sum - 1) < 1e-9);
}

static void read_one(struct slice file) {
    struct text_model *model = NULL;
    struct error err = {0};
    if (text_model_read(file, &model, &err) != STATUS_OK) {
        need(model == NULL && err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
        return;
    }
    need(text_model_bytes(model) == file.count);
    for (uint32_t i = 0; i < text_model_labels(model); i++) {
        need(text_label_fault(text_model_label(model, i)) == NULL);
    }
    check_answer(model, (struct slice){0});
    check_answer(model, file);
    text_model_close(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice file = {.bytes = (const char *)bytes, .count = count};
    read_one(file);
    if (count < ID_BYTES) {
        return 0;
    }
    const struct slice body = slice_part(file, 0, count - ID_BYTES);
    const struct id sum = hash_128(body, (struct slice){0});
    CLEANUP(buffer_done) struct buffer sealed;
    buffer_init(&sealed, TEXT_MODEL_BYTES_MAX + ID_BYTES);
    buffer_add(&sealed, body);
    buffer_add(&sealed, id_slice(&sum));
    if (buffer_status(&sealed, NULL) == STATUS_OK) {
        read_one(buffer_slice(&sealed));
    }
    return 0;
}
