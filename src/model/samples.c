// SPDX-License-Identifier: Apache-2.0
#include "model/samples.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "model/element_type.h"
#include "model/npy.h"
#include "model/tensor_proto.h"
#include "platform/file.h"

static const char *const ENDINGS[] = {".npy", NULL};
static const struct sample_kind TENSORS = {
    .endings = ENDINGS,
    .folders = true,
    .wanted = "files NAME.npy, or folders with a file INPUT.npy or input_N.pb for each input of "
              "the model,"};

struct samples {
    struct sample_list list;
    const struct inference_model *model; /* not owned */
    struct arena arena;                  /* the sample's tensors */
    char path[SAMPLE_PATH_BYTES_MAX];    /* of the sample */
    struct tensor inputs[INFERENCE_PORTS_MAX];
    uint32_t input_count;
};

void sample_source_close(struct sample_source *source) {
    if (source->close != NULL) {
        source->close(source->owner);
    }
    *source = (struct sample_source){0};
}

/* --- a tensor for an input --- */

static status refuse_shape(const struct inference_port *port, const struct tensor *tensor,
                           struct error *err) {
    char given[TENSOR_TYPE_TEXT_BYTES];
    char wanted[TENSOR_TYPE_TEXT_BYTES];
    struct tensor model = {.type = port->type, .rank = port->rank};
    (void)memcpy(model.shape, port->shape, sizeof(model.shape));
    tensor_write_type(tensor, given);
    tensor_write_type(&model, wanted);
    return fail(err, STATUS_INVALID, "it is %s, and the model takes %s (-1: any size)", given,
                wanted);
}

/* Dimensions of 1 in front may have been left out; all others are the model's. */
static status fit(const struct inference_port *port, struct tensor *tensor, struct error *err) {
    const uint32_t missing = port->rank - tensor->rank;
    bool fits = tensor->type == port->type && tensor->rank <= port->rank;
    for (uint32_t i = 0; fits && i < port->rank; i++) {
        const int64_t size = i < missing ? 1 : tensor->shape[i - missing];
        fits = port->shape[i] < 0 || port->shape[i] == size;
    }
    if (!fits) {
        return refuse_shape(port, tensor, err);
    }
    (void)memmove(tensor->shape + missing, tensor->shape, tensor->rank * sizeof(int64_t));
    for (uint32_t i = 0; i < missing; i++) {
        tensor->shape[i] = 1;
    }
    tensor->rank = port->rank;
    return STATUS_OK;
}

static status read_tensor(struct samples *samples, const char *path, bool is_proto, uint32_t index,
                          struct error *err) {
    const struct inference_port *port = inference_input(samples->model, index);
    struct tensor *tensor = &samples->inputs[index];
    CLEANUP(buffer_done) struct buffer file;
    buffer_init(&file, NPY_FILE_BYTES_MAX);
    TRY(file_read(path, &file, err));
    if (is_proto) {
        TRY(tensor_proto_read(buffer_slice(&file), &samples->arena, tensor, err));
    } else {
        TRY(npy_read_as(buffer_slice(&file), port->type, &samples->arena, tensor, err));
    }
    return fit(port, tensor, err);
}

/* --- a sample --- */

static status join(char out_path[SAMPLE_PATH_BYTES_MAX], const char *folder, const char *name,
                   struct error *err) {
    const int count = snprintf(out_path, SAMPLE_PATH_BYTES_MAX, "%s/%s", folder, name);
    if (count < 0 || count >= SAMPLE_PATH_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "the path '%.100s/%.100s' is too long", folder, name);
    }
    return STATUS_OK;
}

/* Where the folder of a sample keeps an input. */
static status name_input(const struct samples *samples, bool is_proto, uint32_t index,
                         char out_path[SAMPLE_PATH_BYTES_MAX], struct error *err) {
    char name[SAMPLE_PATH_BYTES_MAX];
    const char *input = inference_input(samples->model, index)->name;
    const int count = is_proto ? snprintf(name, sizeof(name), "input_%u.pb", index)
                               : snprintf(name, sizeof(name), "%s.npy", input);
    if (count < 0 || (size_t)count >= sizeof(name)) {
        return fail(err, STATUS_INVALID, "the name of the model's input %u is too long", index);
    }
    for (char *slash = name; (slash = strchr(slash, '/')) != NULL;) {
        *slash = '_';
    }
    return join(out_path, samples->path, name, err);
}

static status read_folder(struct samples *samples, struct error *err) {
    char path[SAMPLE_PATH_BYTES_MAX];
    TRY(join(path, samples->path, "input_0.pb", err));
    const bool is_proto = file_is_there(path);
    for (uint32_t i = 0; i < samples->input_count; i++) {
        TRY(name_input(samples, is_proto, i, path, err));
        if (read_tensor(samples, path, is_proto, i, err) != STATUS_OK) {
            return fail_while(err, "input '%s'", inference_input(samples->model, i)->name);
        }
    }
    return STATUS_OK;
}

static status read_sample(struct samples *samples, struct error *err) {
    struct file_facts facts;
    TRY(file_facts(samples->path, &facts, err));
    if (facts.is_folder) {
        return read_folder(samples, err);
    }
    if (samples->input_count != 1) {
        return fail(err, STATUS_INVALID,
                    "the model has %u inputs: a folder with a file INPUT.npy for each of them is "
                    "wanted",
                    samples->input_count);
    }
    return read_tensor(samples, samples->path, false, 0, err);
}

static status next_sample(void *owner, struct sample *out_sample, bool *out_more,
                          struct error *err) {
    struct samples *samples = owner;
    const char *name = sample_list_next(&samples->list);
    arena_reset(&samples->arena);
    if (name == NULL) {
        *out_more = false;
        return STATUS_OK;
    }
    TRY(sample_list_path(&samples->list, name, samples->path, err));
    if (read_sample(samples, err) != STATUS_OK) {
        return fail_while(err, "sample '%s'", name);
    }
    *out_sample = (struct sample){.name = name,
                                  .path = samples->path,
                                  .inputs = samples->inputs,
                                  .input_count = samples->input_count};
    *out_more = true;
    return STATUS_OK;
}

static void rewind_samples(void *owner) {
    struct samples *samples = owner;
    sample_list_rewind(&samples->list);
}

static void close_samples(void *owner) {
    struct samples *samples = owner;
    sample_list_done(&samples->list);
    arena_done(&samples->arena);
    memory_free(samples);
}

static status check_inputs(const struct inference_model *model, struct error *err) {
    for (uint32_t i = 0; i < inference_input_count(model); i++) {
        const struct inference_port *port = inference_input(model, i);
        if (!port->is_tensor) {
            return fail(err, STATUS_INVALID,
                        "the model's input '%s' is of a type that no tensor has", port->name);
        }
    }
    return STATUS_OK;
}

status samples_open(const char *folder, enum sample_part part, const struct inference_model *model,
                    struct sample_source *out_source, struct error *err) {
    TRY(check_inputs(model, err));
    struct samples *samples = memory_new(1, sizeof(*samples));
    if (samples == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the samples of '%s'", folder);
    }
    samples->model = model;
    samples->input_count = inference_input_count(model);
    arena_init(&samples->arena, SAMPLE_BYTES_MAX);
    const status code = sample_list_open(folder, &TENSORS, part, &samples->list, err);
    if (code != STATUS_OK) {
        close_samples(samples);
        return code;
    }
    *out_source = (struct sample_source){.owner = samples,
                                         .count = samples->list.count,
                                         .next = next_sample,
                                         .rewind = rewind_samples,
                                         .close = close_samples};
    return STATUS_OK;
}
