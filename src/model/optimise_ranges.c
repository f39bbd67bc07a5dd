// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "model/optimise_inner.h"
#include "platform/file.h"
#include "platform/inference.h"
#include "platform/json.h"

enum { RANGES_BYTES_MAX = 4 << 20, ARENA_BYTES_MAX = 32 << 20, BOUND_MEMBERS = 3 };

static const char RANGES_FILE[] = ".ranges.json";

/* --- what they hang on --- */

static void add(struct digest chain[2], const void *bytes, size_t count) {
    chain[1] = hash_256((struct slice){.bytes = bytes, .count = count});
    chain[0] = hash_256((struct slice){.bytes = (const char *)chain, .count = 2 * sizeof(*chain)});
}

/* All tensors of all samples: whatever else changes in a folder does not matter. */
static status add_samples(struct sample_source *samples, struct digest chain[2],
                          struct error *err) {
    samples->rewind(samples->owner);
    for (;;) {
        struct sample sample;
        bool more = false;
        TRY(samples->next(samples->owner, &sample, &more, err));
        if (!more) {
            return STATUS_OK;
        }
        for (uint32_t i = 0; i < sample.input_count; i++) {
            const struct tensor *tensor = &sample.inputs[i];
            add(chain, tensor->shape, tensor->rank * sizeof(tensor->shape[0]));
            add(chain, tensor->bytes, tensor->byte_count);
        }
    }
}

status optimise_ranges_key(const struct optimising *work, struct sample_source *samples,
                           const struct quantize_options *quantizing, struct digest *out_key,
                           struct error *err) {
    struct digest chain[2] = {0};
    char said[ERROR_TEXT_MAX];
    const char *release;
    TRY(inference_release(&release, err));
    const int count = snprintf(said, sizeof(said), "ebb %s, ONNX Runtime %.64s, %d %d", EBB_VERSION,
                               release, work->options->method, quantizing->activations);
    add(chain, said, (size_t)count);
    add(chain, work->original.bytes, work->original.count);
    add(chain, work->base.bytes, work->base.count);
    TRY(add_samples(samples, chain, err));
    *out_key = chain[0];
    return STATUS_OK;
}

/* --- the file --- */

static bool read_bound(struct value item, const struct slice *names, uint32_t count,
                       struct quantize_bound *out_bound) {
    if (item.kind != VALUE_LIST || item.count != BOUND_MEMBERS || !value_is_number(item.items[1]) ||
        !value_is_number(item.items[2])) {
        return false;
    }
    const float low = (float)value_number(item.items[1]);
    const float high = (float)value_number(item.items[2]);
    const bool is_range = isfinite(low) && isfinite(high) && low <= 0 && high >= 0;
    for (uint32_t i = 0; is_range && i < count; i++) {
        if (slice_equal(names[i], value_text(item.items[0]))) {
            *out_bound =
                (struct quantize_bound){.value = names[i], .threshold = {.low = low, .high = high}};
            return true;
        }
    }
    return false;
}

static bool read_bounds(struct graph_model *model, struct digest key, struct value kept,
                        struct quantize_options *options) {
    const struct slice *names;
    uint32_t count;
    struct digest said;
    const struct value *of = value_get(kept, SLICE("key"));
    const struct value *list = value_get(kept, SLICE("bounds"));
    if (of == NULL || list == NULL || !digest_read(value_text(*of), &said) ||
        !digest_equal(said, key) || list->kind != VALUE_LIST ||
        quantize_values(model, &names, &count, NULL) != STATUS_OK || list->count > count) {
        return false;
    }
    struct quantize_bound *bounds =
        arena_get(&model->arena, (size_t)list->count + 1, sizeof(*bounds));
    for (uint32_t i = 0; bounds != NULL && i < list->count; i++) {
        if (!read_bound(list->items[i], names, count, &bounds[i])) {
            return false;
        }
    }
    options->bounds = bounds;
    options->bound_count = bounds != NULL ? list->count : 0;
    return bounds != NULL;
}

bool optimise_ranges_read(const struct optimising *work, struct graph_model *model,
                          struct digest key, struct quantize_options *options) {
    CLEANUP(buffer_done) struct buffer text;
    CLEANUP(arena_done) struct arena arena;
    struct value kept;
    char path[OPTIMISE_PATH_BYTES];
    buffer_init(&text, RANGES_BYTES_MAX);
    arena_init(&arena, ARENA_BYTES_MAX);
    optimise_path(work, RANGES_FILE, path);
    return file_read(path, &text, NULL) == STATUS_OK &&
           json_read(&arena, buffer_slice(&text), &kept, NULL) == STATUS_OK &&
           read_bounds(model, key, kept, options);
}

/* Where there is no room for it, they are measured again one day. */
void optimise_ranges_write(const struct optimising *work, struct digest key,
                           const struct quantize_options *options) {
    CLEANUP(buffer_done) struct buffer text;
    char path[OPTIMISE_PATH_BYTES];
    char hex[DIGEST_HEX_BYTES + 1];
    buffer_init(&text, RANGES_BYTES_MAX);
    digest_write(key, hex);
    buffer_print(&text, "{\"key\":\"%s\",\"bounds\":[", hex);
    for (uint32_t i = 0; i < options->bound_count; i++) {
        const struct quantize_bound *bound = &options->bounds[i];
        buffer_add_text(&text, i > 0 ? ",[" : "[");
        json_write_text(&text, bound->value);
        buffer_print(&text, ",%.9g,%.9g]", (double)bound->threshold.low,
                     (double)bound->threshold.high);
    }
    buffer_add_text(&text, "]}\n");
    optimise_path(work, RANGES_FILE, path);
    if (buffer_status(&text, NULL) == STATUS_OK) {
        (void)file_replace(path, buffer_slice(&text), NULL);
    }
}

void optimise_ranges_remove(const struct optimising *work) {
    char path[OPTIMISE_PATH_BYTES];
    optimise_path(work, RANGES_FILE, path);
    (void)file_remove(path, NULL);
}
