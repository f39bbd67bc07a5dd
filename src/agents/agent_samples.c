// SPDX-License-Identifier: Apache-2.0
#include "agents/agent_samples.h"

#include <stdio.h>

#include "agents/onnx_inputs.h"
#include "agents/onnx_outputs.h"
#include "agents/sound.h"
#include "base/blob.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/json.h"

enum { ARENA_BYTES_MAX = 64 << 20, TYPE_BYTES = 64 };

static const char *const PICTURE_ENDINGS[] = {".png", ".jpg", ".jpeg", NULL};
static const char *const SOUND_ENDINGS[] = {".wav", NULL};
static const char *const CALL_ENDINGS[] = {".json", NULL};
static const struct sample_kind PICTURES = {.endings = PICTURE_ENDINGS,
                                            .wanted = "pictures NAME.png or NAME.jpg"};
static const struct sample_kind SOUNDS = {.endings = SOUND_ENDINGS, .wanted = "sounds NAME.wav"};
static const struct sample_kind CALLS = {.endings = CALL_ENDINGS,
                                         .wanted = "files NAME.json with the inputs of a call"};

struct agent_samples {
    const struct agent_manifest *manifest; /* not owned, like the model */
    struct inference_model *model;
    struct arena constants; /* the plan's */
    struct onnx_plan plan;
    const struct onnx_input *seen; /* of the plan: the picture or the sound; NULL: neither */
    struct sample_list list;
    const char *name; /* the list's */
    char path[SAMPLE_PATH_BYTES_MAX];
    struct buffer file; /* of that path */
    struct sound sound; /* in it */
    uint32_t moment, moments;
    struct arena arena; /* the sample's */
    struct onnx_filled filled;
    struct value state; /* of the moment before */
    struct arena kept;  /* what it lies in */
};

/* --- what the plan is made for --- */

static const struct onnx_input *find_seen(const struct onnx_plan *plan) {
    for (uint32_t i = 0; i < plan->input_count; i++) {
        const struct onnx_input *input = &plan->inputs[i];
        if (input->source == ONNX_PICTURE || input->source == ONNX_AUDIO) {
            return input;
        }
    }
    return NULL;
}

static const struct sample_kind *find_kind(const struct onnx_input *seen) {
    return seen == NULL ? &CALLS : seen->source == ONNX_PICTURE ? &PICTURES : &SOUNDS;
}

/* Samples of sound that one sample has; 0: all of a file. */
static uint32_t stretch(const struct agent_samples *samples) {
    const struct onnx_input *seen = samples->seen;
    const bool hears = seen != NULL && seen->source == ONNX_AUDIO && seen->sound != NULL;
    return hears ? seen->sound->samples : 0;
}

/* --- a file --- */

static status cut_sound(struct agent_samples *samples, struct error *err) {
    const uint32_t each = stretch(samples);
    TRY(sound_read(SLICE("audio/wav"), buffer_slice(&samples->file), &samples->sound, err));
    samples->moments = (uint32_t)(samples->sound.count / each);
    return samples->moments > 0
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "it has %zu samples of sound, and one call takes %u",
                      samples->sound.count, each);
}

static status open_file(struct agent_samples *samples, struct error *err) {
    samples->moment = 0;
    samples->moments = 1;
    samples->state = (struct value){0};
    buffer_clear(&samples->file);
    TRY(sample_list_path(&samples->list, samples->name, samples->path, err));
    TRY(file_read(samples->path, &samples->file, err));
    return stretch(samples) > 0 ? cut_sound(samples, err) : STATUS_OK;
}

/* --- a call of the agent --- */

/* An object with the bytes as the one input that is seen or heard. */
static status make_object(struct agent_samples *samples, struct blob *blob, struct value *out_with,
                          struct error *err) {
    struct member *member = value_new_object(&samples->arena, 1, out_with);
    if (member == NULL || !value_of_blob(&samples->arena, blob, &member->value)) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a call");
    }
    member->name = samples->seen->field;
    return STATUS_OK;
}

static status make_bytes(struct agent_samples *samples, const char *type, struct slice bytes,
                         struct value *out_with, struct error *err) {
    struct blob *blob = NULL;
    TRY(blob_copy(slice_of(type), bytes, &blob, err));
    const status code = make_object(samples, blob, out_with, err);
    blob_release(blob);
    return code;
}

/* A stretch of the sound, as a stream hands it on. */
static status make_stretch(struct agent_samples *samples, struct value *out_with,
                           struct error *err) {
    const struct sound *sound = &samples->sound;
    const size_t count = (size_t)stretch(samples) * sound->channels;
    const size_t first = samples->moment * count;
    char type[TYPE_BYTES];
    uint8_t *bytes = arena_get(&samples->arena, count, 2);
    if (bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for %zu samples of sound", count);
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t number = (uint32_t)sound_sample(sound, first + i);
        bytes[2 * i] = (uint8_t)(number >> 8);
        bytes[2 * i + 1] = (uint8_t)number;
    }
    (void)snprintf(type, sizeof(type), "audio/L16; rate=%u; channels=%u", sound->rate,
                   sound->channels);
    return make_bytes(samples, type,
                      (struct slice){.bytes = (const char *)bytes, .count = 2 * count}, out_with,
                      err);
}

static status make_call(struct agent_samples *samples, struct value *out_with, struct error *err) {
    const struct slice file = buffer_slice(&samples->file);
    struct value with;
    if (samples->seen == NULL) {
        TRY(json_read(&samples->arena, file, &with, err));
        return field_set_check(&samples->manifest->inputs, &samples->arena, with, out_with, err);
    }
    if (stretch(samples) > 0) {
        return make_stretch(samples, out_with, err);
    }
    const bool hears = samples->seen->source == ONNX_AUDIO;
    return make_bytes(samples, hears ? "audio/wav" : "image/x", file, out_with, err);
}

/* --- what the next moment needs --- */

static status run_model(struct agent_samples *samples, struct inference_run *run,
                        struct error *err) {
    const struct onnx_plan *plan = &samples->plan;
    struct tensor outputs[INFERENCE_PORTS_MAX];
    TRY(inference_run(run, samples->filled.tensors, plan->wanted, plan->wanted_count, outputs,
                      err));
    arena_reset(&samples->kept);
    return onnx_outputs_state(plan, &samples->filled, outputs, &samples->kept, &samples->state,
                              err);
}

static status carry(struct agent_samples *samples, struct error *err) {
    struct inference_run *run = NULL;
    if (!samples->plan.has_state || samples->moment + 1 == samples->moments) {
        return STATUS_OK;
    }
    TRY(inference_run_create(samples->model, &run, err));
    const status code = run_model(samples, run, err);
    inference_run_destroy(run);
    return code;
}

/* --- the source --- */

static status make_sample(struct agent_samples *samples, struct error *err) {
    struct value with;
    arena_reset(&samples->arena);
    TRY(make_call(samples, &with, err));
    TRY(onnx_inputs_fill(&samples->plan, with, samples->state, &samples->arena, &samples->filled,
                         err));
    return carry(samples, err);
}

/* The next file when the last one is used up; its name is NULL at the end. */
static status find_moment(struct agent_samples *samples, struct error *err) {
    if (samples->moment < samples->moments) {
        return STATUS_OK;
    }
    samples->name = sample_list_next(&samples->list);
    return samples->name != NULL ? open_file(samples, err) : STATUS_OK;
}

static status next_sample(void *owner, struct sample *out_sample, bool *out_more,
                          struct error *err) {
    struct agent_samples *samples = owner;
    status code = find_moment(samples, err);
    *out_more = code == STATUS_OK && samples->name != NULL;
    if (*out_more) {
        code = make_sample(samples, err);
    }
    if (code != STATUS_OK) {
        samples->moment = 0; /* the next call goes on with the next file */
        samples->moments = 0;
        return fail_while(err, "sample '%s'", samples->name);
    }
    if (*out_more) {
        *out_sample = (struct sample){.name = samples->name,
                                      .path = samples->path,
                                      .moment = samples->moment++,
                                      .inputs = samples->filled.tensors,
                                      .input_count = samples->plan.input_count};
    }
    return STATUS_OK;
}

static void rewind_samples(void *owner) {
    struct agent_samples *samples = owner;
    sample_list_rewind(&samples->list);
    samples->moment = 0;
    samples->moments = 0;
}

static void close_samples(void *owner) {
    struct agent_samples *samples = owner;
    sample_list_done(&samples->list);
    buffer_done(&samples->file);
    arena_done(&samples->kept);
    arena_done(&samples->arena);
    arena_done(&samples->constants);
    memory_free(samples);
}

static status open_samples(struct agent_samples *samples, const char *folder, enum sample_part part,
                           struct error *err) {
    TRY(onnx_plan_make(samples->manifest, samples->model, &samples->constants, &samples->plan,
                       err));
    samples->seen = find_seen(&samples->plan);
    return sample_list_open(folder, find_kind(samples->seen), part, &samples->list, err);
}

status agent_samples_open(const struct agent_manifest *manifest, struct inference_model *model,
                          const char *folder, enum sample_part part,
                          struct sample_source *out_source, struct error *err) {
    if (manifest->onnx == NULL) {
        return fail(err, STATUS_INVALID, "agent '%.*s' is of kind %.*s: one of kind onnx is wanted",
                    SLICE_ARGS(manifest->name), SLICE_ARGS(manifest->kind));
    }
    struct agent_samples *samples = memory_new(1, sizeof(*samples));
    if (samples == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the samples of '%s'", folder);
    }
    samples->manifest = manifest;
    samples->model = model;
    buffer_init(&samples->file, BLOB_BYTES_MAX);
    arena_init(&samples->constants, ARENA_BYTES_MAX);
    arena_init(&samples->arena, SAMPLE_BYTES_MAX);
    arena_init(&samples->kept, SAMPLE_BYTES_MAX);
    const status code = open_samples(samples, folder, part, err);
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
