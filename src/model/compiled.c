// SPDX-License-Identifier: Apache-2.0
#include "model/compiled.h"

#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "model/onnx_file.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "platform/lite_file.h"

#define ENDING ".onnx"

status compiled_path(const char *source, char out_path[COMPILED_PATH_BYTES], struct error *err) {
    struct slice name = slice_of(source);
    if (slice_ends(name, ENDING)) {
        name.count -= strlen(ENDING);
    }
    const int used =
        snprintf(out_path, COMPILED_PATH_BYTES, "%.*s" COMPILED_ENDING, SLICE_ARGS(name));
    if (used >= COMPILED_PATH_BYTES) {
        return fail(err, STATUS_INVALID, "the path %.100s... is too long", source);
    }
    return STATUS_OK;
}

/* A whole model in memory. The file must fit into what the model may have, so it is bounded. */
static status read_whole(const char *path, const struct inference_options *options,
                         struct buffer *out, struct error *err) {
    const int64_t most =
        options->memory_bytes < INFERENCE_BYTES_MAX ? options->memory_bytes : INFERENCE_BYTES_MAX;
    buffer_init(out, (size_t)most);
    return file_read(path, out, err);
}

/* --- making --- */

/* What it says must be all that there is: the digest is over this one file. */
static status check_source(const char *source, struct slice bytes, struct error *err) {
    struct compiled_stamp stamp;
    struct graph_model *model = NULL;
    if (lite_file_is_one(bytes)) {
        return fail(err, STATUS_INVALID,
                    "it is a model of TensorFlow Lite, and only those in ONNX are compiled");
    }
    if (compiled_stamp_read(bytes, &stamp, NULL) == STATUS_OK) {
        return fail(err, STATUS_INVALID, "it is compiled already; compile what it was made of");
    }
    TRY(onnx_file_open(source, &model, err));
    const bool is_alone = model->external == NULL;
    onnx_file_close(model);
    return is_alone ? STATUS_OK
                    : fail(err, STATUS_INVALID,
                           "its weights lie in files beside it, and such models are not compiled");
}

/* Graphs of other providers hold what they have made of parts of the model, which ONNX Runtime does
 * not write; to try would cost a start as long as theirs. */
static status check_providers(const struct inference_options *options, struct error *err) {
    for (uint32_t i = 0; i < options->provider_count; i++) {
        const char *word = INFERENCE_PROVIDERS[options->providers[i]];
        if (strcmp(word, "cpu") == 0 || strcmp(word, "cuda") == 0) {
            return STATUS_OK;
        }
        if (inference_provider_begins(options->providers[i], NULL)) {
            return fail(err, STATUS_INVALID,
                        "provider %s takes it: only graphs for cpu and cuda are kept", word);
        }
    }
    return STATUS_OK;
}

/* ONNX Runtime writes the graph itself, and not at one stroke: into a file without a name. */
static status optimise(struct slice bytes, const struct inference_options *wanted,
                       const char *save_path, struct compiled_stamp *stamp, struct error *err) {
    struct inference_options options = *wanted;
    struct inference_model *model = NULL;
    options.level = INFERENCE_LEVEL_ALL;
    options.save_path = save_path;
    TRY(inference_open_bytes(bytes, &options, &model, err));
    (void)snprintf(stamp->provider, sizeof(stamp->provider), "%s", inference_provider(model));
    inference_close(model);
    return STATUS_OK;
}

static status write_stamped(const char *saved, const char *path, struct compiled_stamp *stamp,
                            struct error *err) {
    CLEANUP(buffer_done) struct buffer graph;
    CLEANUP(buffer_done) struct buffer end;
    buffer_init(&graph, INFERENCE_BYTES_MAX);
    buffer_init(&end, COMPILED_STAMP_BYTES_MAX);
    TRY(file_read(saved, &graph, err));
    stamp->graph = checksum_64(buffer_slice(&graph));
    compiled_stamp_add(&end, stamp);
    TRY(buffer_status(&end, err));
    const struct slice parts[] = {buffer_slice(&graph), buffer_slice(&end)};
    return file_replace_parts(path, parts, 2, err);
}

static status make(struct slice bytes, const struct inference_options *options, const char *path,
                   struct compiled_stamp *stamp, struct error *err) {
    struct file_nameless graph;
    /* Whether there is a place for it is known before the work is done. */
    TRY(file_nameless_make(path, &graph, err));
    status code = optimise(bytes, options, graph.path, stamp, err);
    if (code == STATUS_OK) {
        code = write_stamped(graph.path, path, stamp, err);
    }
    file_nameless_close(&graph);
    return code;
}

status compiled_make(const char *source, const struct inference_options *options, const char *path,
                     struct compiled_stamp *out_stamp, struct error *err) {
    CLEANUP(buffer_done) struct buffer bytes;
    struct compiled_stamp stamp;
    status code = read_whole(source, options, &bytes, err);
    if (code == STATUS_OK) {
        code = check_providers(options, err);
    }
    if (code == STATUS_OK) {
        code = check_source(source, buffer_slice(&bytes), err);
    }
    if (code == STATUS_OK) {
        code = compiled_stamp_here(options, hash_128(buffer_slice(&bytes), (struct slice){0}),
                                   &stamp, err);
    }
    if (code == STATUS_OK) {
        code = make(buffer_slice(&bytes), options, path, &stamp, err);
    }
    if (code != STATUS_OK) {
        return fail_while(err, "compile %.200s", source);
    }
    *out_stamp = stamp;
    return STATUS_OK;
}

/* --- opening --- */

static status digest_source(const struct compiled_source *source,
                            const struct inference_options *options, struct id *out_digest,
                            struct error *err) {
    if (source->digest != NULL) {
        *out_digest = *source->digest;
        return STATUS_OK;
    }
    CLEANUP(buffer_done) struct buffer bytes;
    TRY(read_whole(source->path, options, &bytes, err));
    *out_digest = hash_128(buffer_slice(&bytes), (struct slice){0});
    return STATUS_OK;
}

static status read_stamp(const char *path, const struct inference_options *options,
                         struct compiled_stamp *out_stamp, struct error *err) {
    CLEANUP(buffer_done) struct buffer bytes;
    TRY(read_whole(path, options, &bytes, err));
    return compiled_stamp_read(buffer_slice(&bytes), out_stamp, err);
}

status compiled_open_made(const struct compiled_source *source, const char *path,
                          const struct inference_options *options,
                          struct inference_model **out_model, struct error *err) {
    struct compiled_stamp stamp;
    struct compiled_stamp here;
    struct id digest;
    struct inference_options opening = *options;
    struct inference_model *model = NULL;
    TRY(read_stamp(path, options, &stamp, err));
    TRY(digest_source(source, options, &digest, err));
    TRY(compiled_stamp_here(options, digest, &here, err));
    TRY(compiled_stamp_check(&stamp, &here, err));
    opening.level = INFERENCE_LEVEL_NONE;
    TRY(inference_open(path, &opening, &model, err));
    if (!slice_is(slice_of(stamp.provider), inference_provider(model))) {
        const char *provider = inference_provider(model);
        inference_close(model);
        return fail(err, STATUS_CONFLICT, "it was made for provider %s, and %s takes it now",
                    stamp.provider, provider);
    }
    *out_model = model;
    return STATUS_OK;
}

/* Makes it and opens it; `why` is what was wrong before, and then what is wrong now. */
static status open_anew(const struct compiled_source *source, const char *path,
                        const struct inference_options *options, struct inference_model **out_model,
                        struct error *why) {
    struct compiled_stamp stamp;
    struct error now = {0};
    status code = compiled_make(source->path, options, path, &stamp, &now);
    if (code == STATUS_OK) {
        code = compiled_open_made(source, path, options, out_model, &now);
    }
    if (code != STATUS_OK) {
        const struct error before = *why;
        (void)fail(why, code, "%.200s, and it could not be made anew: %.250s", before.text,
                   now.text);
    }
    return code;
}

status compiled_open(const struct compiled_source *source, const struct inference_options *options,
                     bool may_make, struct inference_model **out_model,
                     struct compiled_report *out_report, struct error *err) {
    char path[COMPILED_PATH_BYTES];
    struct error *why = &out_report->why;
    *out_report = (struct compiled_report){.outcome = COMPILED_USED};
    TRY(compiled_path(source->path, path, err));
    if (!file_is_there(path)) {
        (void)fail(why, STATUS_NOT_FOUND, "it had not been compiled");
    } else if (compiled_open_made(source, path, options, out_model, why) == STATUS_OK) {
        return STATUS_OK;
    }
    out_report->outcome = COMPILED_ANEW;
    if (may_make && open_anew(source, path, options, out_model, why) == STATUS_OK) {
        return STATUS_OK;
    }
    out_report->outcome = COMPILED_SOURCE;
    return inference_open(source->path, options, out_model, err);
}

/* --- measuring --- */

status compiled_measure(const struct compiled_source *source, const char *path,
                        const struct inference_options *options, int rounds, int64_t *out_source_ns,
                        int64_t *out_compiled_ns, struct error *err) {
    int64_t least_source_ns = INT64_MAX;
    int64_t least_compiled_ns = INT64_MAX;
    for (int i = 0; i < rounds && i < COMPILED_ROUNDS_MAX; i++) {
        struct inference_model *model = NULL;
        const int64_t began_ns = clock_boot_ns();
        TRY(inference_open(source->path, options, &model, err));
        const int64_t between_ns = clock_boot_ns();
        inference_close(model);
        const int64_t again_ns = clock_boot_ns();
        TRY(compiled_open_made(source, path, options, &model, err));
        const int64_t ended_ns = clock_boot_ns();
        inference_close(model);
        least_source_ns =
            between_ns - began_ns < least_source_ns ? between_ns - began_ns : least_source_ns;
        least_compiled_ns =
            ended_ns - again_ns < least_compiled_ns ? ended_ns - again_ns : least_compiled_ns;
    }
    *out_source_ns = least_source_ns;
    *out_compiled_ns = least_compiled_ns;
    return STATUS_OK;
}
