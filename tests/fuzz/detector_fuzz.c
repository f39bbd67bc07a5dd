// SPDX-License-Identifier: Apache-2.0
/* Whatever a model gives, of whatever shape, detector_decode answers with objects within the
 * picture or with one sentence. The first bytes choose the family, how it is set, and the shapes;
 * the rest are the numbers. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agents/detector.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { OUTPUTS = 4, CHOICES = 48, SIDE_MAX = 24, ARENA_BYTES = 4 << 20 };

static const struct picture_fit FIT = {.picture_width = 200,
                                       .picture_height = 100,
                                       .width = 100,
                                       .height = 100,
                                       .part_width = 1,
                                       .part_height = 1,
                                       .area_y = 25,
                                       .area_width = 100,
                                       .area_height = 50};
static const char *const NAMES[OUTPUTS] = {"a", "classes", "b", "c"};
static const struct slice LABELS[] = {{"cat", 3}, {"dog", 3}, {"owl", 3}};
static const float ANCHORS[] = {0, 0, 0.1f, 0.1f, 0.5f, 0.5f, 0.2f, 0.4f};

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void choose_after(const uint8_t *choices, struct detector_after *after) {
    static const bool kept[] = {true, false, true};
    detector_after_init(after, (enum detector_decode)(choices[0] % (DETECTOR_BOXES + 1)));
    after->form = (enum detector_form)(choices[1] % 4);
    after->units = (enum detector_units)(choices[2] % 2);
    after->scores = (enum detector_scores)(choices[3] % 3);
    after->background = choices[4] % 2 != 0;
    if (choices[5] % 2 != 0) {
        after->labels = (struct labels){.names = LABELS, .count = 3};
        after->kept = choices[6] % 2 != 0 ? kept : NULL;
    }
    if (choices[7] % 2 != 0) {
        after->anchors = ANCHORS;
        after->anchor_count = 2;
    }
    after->grids[0] = (struct detector_grid){1U + choices[8] % 4, 1U + choices[9] % 3};
    after->grid_count = 1;
    after->most = 1U + choices[10];
}

/* A tensor over as many of the bytes as its shape takes, or of none when there are too few. */
static void choose_tensor(const uint8_t *choices, struct slice *rest, struct tensor *tensor) {
    size_t count;
    *tensor = (struct tensor){.type = (enum tensor_type)(choices[0] % TENSOR_TYPE_COUNT),
                              .rank = choices[1] % 5};
    for (uint32_t i = 0; i < tensor->rank; i++) {
        tensor->shape[i] = i == 0 && tensor->rank > 2 ? 1 : choices[2 + i] % SIDE_MAX;
    }
    need(tensor_count(tensor->type, tensor->shape, tensor->rank, &count));
    tensor->byte_count = count * tensor_type_bytes(tensor->type);
    tensor->bytes = memory_new(tensor->byte_count, 1);
    const size_t taken = tensor->byte_count < rest->count ? tensor->byte_count : rest->count;
    if (taken > 0) {
        (void)memcpy(tensor->bytes, rest->bytes, taken);
    }
    *rest = slice_part(*rest, taken, rest->count);
}

static void check_object(struct value object) {
    const struct value *box = value_get(object, SLICE("box"));
    need(box != NULL && box->count == 4);
    for (uint32_t i = 0; i < 4; i++) {
        const double number = value_number(box->items[i]);
        need(isfinite(number) && number >= 0 && number <= 1);
    }
    need(value_is_number(*value_get(object, SLICE("score"))));
    need(value_get(object, SLICE("label"))->kind == VALUE_TEXT);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count < CHOICES) {
        return 0;
    }
    struct tensor outputs[OUTPUTS];
    struct slice rest = {(const char *)bytes + CHOICES, count - CHOICES};
    for (int i = 0; i < OUTPUTS; i++) {
        choose_tensor(bytes + 16 + (ptrdiff_t)i * 8, &rest, &outputs[i]);
    }
    struct detector_after after;
    choose_after(bytes, &after);
    const struct detector_look look = {.outputs = outputs,
                                       .names = NAMES,
                                       .count = bytes[11] % (OUTPUTS + 1),
                                       .fit = &FIT,
                                       .score_least = bytes[12] % 4 / 4.0 - 0.25};
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct value objects = {0};
    struct error err = {0};
    const status code = detector_decode(&after, &look, &arena, &objects, &err);
    need(code == STATUS_OK || (code == STATUS_INVALID && err.text[0] != '\0'));
    need(code != STATUS_OK || (objects.kind == VALUE_LIST && objects.count <= after.most));
    for (uint32_t i = 0; i < objects.count; i++) {
        check_object(objects.items[i]);
    }
    for (int i = 0; i < OUTPUTS; i++) {
        memory_free(outputs[i].bytes);
    }
    return 0;
}
