// SPDX-License-Identifier: Apache-2.0
#include "cli/model_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agents/agent_manifest.h"
#include "agents/agent_samples.h"
#include "agents/manifest_onnx.h"
#include "base/memory.h"
#include "model/made_samples.h"
#include "model/picture_samples.h"
#include "platform/inference.h"

/* What is larger belongs to a mask, if nobody says otherwise. */
static const float MASK_ABOVE = 0.5F;

struct model_data {
    const char *folder;              /* of samples; NULL: they are made up */
    struct agent_manifest *manifest; /* owned; NULL: the samples are tensors */
    struct inference_model *model;   /* owned */
    struct profile_input said[MODEL_DATA_INPUTS_MAX];
    uint32_t said_count;
};

/* What --shape and --set say, in the order in which they were typed. */
static status read_inputs(struct call *call, struct model_data *data, struct error *err) {
    for (size_t i = 0; i < call->value_count; i++) {
        const struct call_value *at = &call->values[i];
        const bool is_shape = strcmp(at->option->name, "shape") == 0;
        if (!is_shape && strcmp(at->option->name, "set") != 0) {
            continue;
        }
        if (data->said_count == MODEL_DATA_INPUTS_MAX) {
            return fail(err, STATUS_INVALID, "at most %d --shape and --set are read",
                        MODEL_DATA_INPUTS_MAX);
        }
        struct profile_input *said = &data->said[data->said_count];
        TRY(is_shape ? profile_input_read_shape(slice_of(at->text), said, err)
                     : profile_input_read_number(slice_of(at->text), said, err));
        data->said_count++;
    }
    return STATUS_OK;
}

static status read_agent(struct call *call, struct model_data *data, struct error *err) {
    const char *agent = call_option(call, "agent");
    struct fault_list *faults = NULL;
    if (agent == NULL) {
        return STATUS_OK;
    }
    if (data->folder == NULL) {
        return fail(err, STATUS_INVALID,
                    "--agent says how samples are read: --data DIR is missing");
    }
    const status code = agent_manifest_read(agent, &data->manifest, &faults, err);
    fault_list_release(faults);
    return code;
}

static status open_model(const char *path, struct model_data *data, struct error *err) {
    const struct inference_options options = {.threads = 1,
                                              .memory_bytes = MODEL_DATA_MEMORY_BYTES};
    return inference_open(path, &options, &data->model, err);
}

status model_data_open(struct call *call, const char *path, struct model_data **out_data,
                       struct error *err) {
    struct model_data *data = memory_new(1, sizeof(*data));
    if (data == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for samples");
    }
    data->folder = call_option(call, "data");
    status code = read_inputs(call, data, err);
    if (code == STATUS_OK) {
        code = read_agent(call, data, err);
    }
    if (code == STATUS_OK) {
        code = open_model(path, data, err);
    }
    if (code != STATUS_OK) {
        model_data_close(data);
        return code;
    }
    *out_data = data;
    return STATUS_OK;
}

void model_data_close(struct model_data *data) {
    if (data != NULL) {
        inference_close(data->model);
        agent_manifest_release(data->manifest);
        memory_free(data);
    }
}

const struct profile_input *model_data_inputs(const struct model_data *data, uint32_t *out_count) {
    *out_count = data->said_count;
    return data->said;
}

status model_data_samples(struct model_data *data, enum sample_part part,
                          struct sample_source *out_source, struct error *err) {
    if (data->folder == NULL) {
        return made_samples_open(data->model, data->said, data->said_count, MODEL_DATA_MADE_COUNT,
                                 out_source, err);
    }
    if (data->manifest != NULL) {
        return agent_samples_open(data->manifest, data->model, data->folder, part, out_source, err);
    }
    char pictures[SAMPLE_PATH_BYTES_MAX];
    bool are_pictures = false;
    TRY(picture_samples_find(data->folder, pictures, &are_pictures, err));
    if (are_pictures) {
        return picture_samples_open(pictures, part, data->model, out_source, err);
    }
    return samples_open(data->folder, part, data->model, out_source, err);
}

const struct labels *model_data_labels(const struct model_data *data, struct slice *out_output) {
    *out_output = (struct slice){0};
    if (data->manifest == NULL || data->manifest->onnx == NULL ||
        data->manifest->onnx->classifier == NULL) {
        return NULL;
    }
    *out_output = data->manifest->onnx->classifier->output;
    return &data->manifest->onnx->classifier->labels;
}

status model_data_keep(struct model_data *data, struct kept_sample *out_sample, struct error *err) {
    CLEANUP(sample_source_close) struct sample_source samples = {0};
    TRY(model_data_samples(data, SAMPLE_PART_COUNT, &samples, err));
    return kept_sample_take(out_sample, data->model, &samples, err);
}

status model_data_mask(const struct call *call, float *out_above, struct error *err) {
    const char *text = call_option(call, "mask-above");
    char *end = NULL;
    const float above = text != NULL ? strtof(text, &end) : MASK_ABOVE;
    if (text != NULL && (end == text || *end != '\0' || !isfinite(above))) {
        return fail(err, STATUS_INVALID,
                    "--mask-above wants the number that parts what belongs to a mask from what "
                    "does not, like 0.3, not '%.60s'",
                    text);
    }
    *out_above = above;
    return STATUS_OK;
}

bool model_data_is_real(const struct model_data *data) {
    return data->folder != NULL;
}
