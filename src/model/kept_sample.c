// SPDX-License-Identifier: Apache-2.0
#include "model/kept_sample.h"

#include <string.h>

static bool copy_input(struct kept_sample *kept, const struct inference_model *model,
                       const struct sample *sample, uint32_t index) {
    struct tensor *tensor = &kept->inputs[index];
    *tensor = sample->inputs[index];
    void *bytes = arena_get(&kept->arena, tensor->byte_count + 1, 1);
    kept->names[index] =
        arena_copy(&kept->arena, slice_of(inference_input(model, index)->name)).bytes;
    if (bytes == NULL || kept->names[index] == NULL) {
        return false;
    }
    (void)memcpy(bytes, tensor->bytes, tensor->byte_count);
    tensor->bytes = bytes;
    return true;
}

status kept_sample_take(struct kept_sample *kept, const struct inference_model *model,
                        struct sample_source *samples, struct error *err) {
    struct sample sample;
    bool more = false;
    arena_init(&kept->arena, SAMPLE_BYTES_MAX);
    samples->rewind(samples->owner);
    TRY(samples->next(samples->owner, &sample, &more, err));
    if (!more) {
        return fail(err, STATUS_NOT_FOUND, "there is no sample");
    }
    kept->inputs = arena_get(&kept->arena, sample.input_count + 1, sizeof(*kept->inputs));
    kept->names = arena_get(&kept->arena, sample.input_count + 1, sizeof(*kept->names));
    bool copied = kept->inputs != NULL && kept->names != NULL;
    for (uint32_t i = 0; copied && i < sample.input_count; i++) {
        copied = copy_input(kept, model, &sample, i);
        kept->count = i + 1;
    }
    return copied ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory for a sample");
}

void kept_sample_done(struct kept_sample *kept) {
    arena_done(&kept->arena);
    *kept = (struct kept_sample){0};
}

static status give(void *owner, uint32_t index, const struct inference_port *ports,
                   uint32_t port_count, struct tensor *out_tensors, struct error *err) {
    const struct kept_sample *kept = owner;
    (void)index;
    for (uint32_t i = 0; i < port_count; i++) {
        uint32_t at = 0;
        while (at < kept->count && strcmp(kept->names[at], ports[i].name) != 0) {
            at++;
        }
        if (at == kept->count) {
            return fail(err, STATUS_INVALID, "input '%.200s' is none of the original",
                        ports[i].name);
        }
        out_tensors[i] = kept->inputs[at];
    }
    return STATUS_OK;
}

struct profile_samples kept_sample_profile(struct kept_sample *kept) {
    return (struct profile_samples){.count = 1, .sample = give, .owner = kept};
}
