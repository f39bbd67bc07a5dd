// SPDX-License-Identifier: Apache-2.0
#include "model/made_samples.h"

#include <stdio.h>

#include "base/memory.h"

enum { NAME_BYTES = 32 };

struct made_samples {
    const struct inference_port *ports; /* owned; their names are the model's */
    struct tensor *tensors;             /* owned; of the sample at hand */
    const struct profile_input *said;   /* not owned */
    uint32_t port_count, said_count, count, next;
    bool is_full;
    char name[NAME_BYTES];
};

static void let_go(struct made_samples *made) {
    if (made->is_full) {
        profile_inputs_done(made->tensors, made->port_count);
        made->is_full = false;
    }
}

static status next(void *owner, struct sample *out_sample, bool *out_more, struct error *err) {
    struct made_samples *made = owner;
    let_go(made);
    *out_more = made->next < made->count;
    if (!*out_more) {
        return STATUS_OK;
    }
    const uint32_t seed = made->next++; /* also behind one that cannot be made */
    made->is_full = true;
    TRY(profile_inputs_make(made->ports, made->port_count, made->said, made->said_count, seed,
                            made->tensors, err));
    (void)snprintf(made->name, sizeof(made->name), "by chance, %u", made->next);
    *out_sample = (struct sample){.name = made->name,
                                  .path = made->name,
                                  .inputs = made->tensors,
                                  .input_count = made->port_count};
    return STATUS_OK;
}

static void rewind_made(void *owner) {
    ((struct made_samples *)owner)->next = 0;
}

static void close_made(void *owner) {
    struct made_samples *made = owner;
    union {
        const struct inference_port *shown;
        void *owned;
    } ports = {.shown = made->ports};
    let_go(made);
    memory_free(ports.owned);
    memory_free(made->tensors);
    memory_free(made);
}

status made_samples_open(const struct inference_model *model, const struct profile_input *said,
                         uint32_t said_count, uint32_t count, struct sample_source *out_source,
                         struct error *err) {
    const uint32_t port_count = inference_input_count(model);
    struct made_samples *made = memory_new(1, sizeof(*made));
    struct inference_port *ports = memory_new(port_count, sizeof(*ports));
    struct tensor *tensors = memory_new(port_count, sizeof(*tensors));
    if (made == NULL || ports == NULL || tensors == NULL) {
        memory_free(made);
        memory_free(ports);
        memory_free(tensors);
        return fail(err, STATUS_NO_MEMORY, "out of memory for samples");
    }
    for (uint32_t i = 0; i < port_count; i++) {
        ports[i] = *inference_input(model, i);
    }
    *made = (struct made_samples){.ports = ports,
                                  .tensors = tensors,
                                  .said = said,
                                  .port_count = port_count,
                                  .said_count = said_count,
                                  .count = count};
    *out_source = (struct sample_source){
        .owner = made, .count = count, .next = next, .rewind = rewind_made, .close = close_made};
    return STATUS_OK;
}
