// SPDX-License-Identifier: Apache-2.0
/*
 * ocr_bench: what two models of text in pictures say of drawn ones; tools/bench-models judges.
 *
 *   ocr_bench read AGENT FOLDER PART MODEL KEYS    PART/NAME.png, a tab, the text that it reads
 *   ocr_bench find AGENT FOLDER PART MODEL OUT     OUT/PART/NAME.jpg.pgm: white where there is text
 *
 * Pictures become tensors by the agent's manifest, as in a call. KEYS has a character a line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/agent_samples.h"
#include "agents/manifest_onnx.h"
#include "platform/file.h"

enum {
    KEYS_BYTES_MAX = 1 << 20,
    CHARACTERS_MAX = 1 << 15,
    TEXT_BYTES_MAX = 4096,
    MASK_BYTES_MAX = 1 << 24
};

static const float TEXT_LEAST = 0.3F; /* of the detector: what is likelier is text */

struct bench {
    struct agent_manifest *manifest;
    struct inference_model *model;
    struct inference_run *run;
    struct sample_source source;
    struct buffer keys;
    struct slice characters[CHARACTERS_MAX]; /* 0 stands for nothing, the last is a blank */
    uint32_t character_count;
    const char *out;
};

static int complain(const char *what) {
    (void)fprintf(stderr, "ocr_bench: %s\n", what);
    return 1;
}

static status read_keys(struct bench *bench, const char *path, struct error *err) {
    buffer_init(&bench->keys, KEYS_BYTES_MAX);
    TRY(file_read(path, &bench->keys, err));
    struct slice rest = buffer_slice(&bench->keys);
    bench->character_count = 1;
    while (rest.count > 0 && bench->character_count + 1 < CHARACTERS_MAX) {
        const size_t end = slice_find(rest, '\n');
        bench->characters[bench->character_count++] = slice_part(rest, 0, end);
        rest = slice_part(rest, end + 1, rest.count);
    }
    bench->characters[bench->character_count++] = SLICE(" ");
    return STATUS_OK;
}

static uint32_t likeliest(const float *chances, uint32_t count) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        best = chances[i] > chances[best] ? i : best;
    }
    return best;
}

/* The likeliest character of each step; one that stays is read once. */
static status print_text(struct bench *bench, const struct sample *sample,
                         const struct tensor *output, struct error *err) {
    const uint32_t classes = (uint32_t)output->shape[output->rank - 1];
    const size_t steps = output->byte_count / sizeof(float) / classes;
    uint32_t before = 0;
    if (classes != bench->character_count) {
        return fail(err, STATUS_INVALID, "the model knows %u characters, the keys %u", classes,
                    bench->character_count);
    }
    (void)printf("%s\t", sample->name);
    for (size_t i = 0; i < steps; i++) {
        const uint32_t now = likeliest((const float *)output->bytes + i * classes, classes);
        if (now != 0 && now != before) {
            (void)printf("%.*s", SLICE_ARGS(bench->characters[now]));
        }
        before = now;
    }
    (void)printf("\n");
    return STATUS_OK;
}

static status write_mask(struct bench *bench, const struct sample *sample,
                         const struct tensor *output, struct error *err) {
    const uint32_t rank = output->rank;
    const size_t count = output->byte_count / sizeof(float);
    const float *chances = output->bytes;
    char path[SAMPLE_PATH_BYTES_MAX];
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, MASK_BYTES_MAX);
    buffer_print(&bytes, "P5\n%" PRId64 " %" PRId64 "\n255\n", output->shape[rank - 1],
                 output->shape[rank - 2]);
    for (size_t i = 0; i < count; i++) {
        buffer_add_byte(&bytes, chances[i] > TEXT_LEAST ? 255 : 0);
    }
    TRY(buffer_status(&bytes, err));
    (void)snprintf(path, sizeof(path), "%s/%s.pgm", bench->out, sample->name);
    return file_replace(path, buffer_slice(&bytes), err);
}

static status run_all(struct bench *bench, struct error *err) {
    const uint32_t wanted = 0;
    struct sample sample;
    struct tensor output;
    bool more = true;
    TRY(bench->source.next(bench->source.owner, &sample, &more, err));
    while (more) {
        TRY(inference_run(bench->run, sample.inputs, &wanted, 1, &output, err));
        TRY(bench->out == NULL ? print_text(bench, &sample, &output, err)
                               : write_mask(bench, &sample, &output, err));
        TRY(bench->source.next(bench->source.owner, &sample, &more, err));
    }
    return STATUS_OK;
}

static enum sample_part find_part(const char *name) {
    int part = 0;
    while (part < SAMPLE_PART_COUNT &&
           strcmp(name, sample_part_name((enum sample_part)part)) != 0) {
        part++;
    }
    return (enum sample_part)part;
}

static status bench_run(struct bench *bench, char **words, struct error *err) {
    struct fault_list *faults = NULL;
    TRY(agent_manifest_read(words[2], &bench->manifest, &faults, err));
    struct inference_options options = bench->manifest->onnx->options;
    options.memory_bytes = ONNX_MEMORY_BYTES_DEFAULT;
    TRY(inference_open(words[5], &options, &bench->model, err));
    TRY(inference_run_create(bench->model, &bench->run, err));
    TRY(agent_samples_open(bench->manifest, bench->model, words[3], find_part(words[4]),
                           &bench->source, err));
    if (strcmp(words[1], "find") == 0) {
        char folder[SAMPLE_PATH_BYTES_MAX];
        bench->out = words[6];
        (void)snprintf(folder, sizeof(folder), "%s/%s", words[6], words[4]);
        TRY(file_make_folder(folder, err));
    } else {
        TRY(read_keys(bench, words[6], err));
    }
    return run_all(bench, err);
}

int main(int count, char **words) {
    static struct bench bench;
    struct error err = {0};
    if (count != 7 || (strcmp(words[1], "read") != 0 && strcmp(words[1], "find") != 0)) {
        return complain("usage: ocr_bench read|find AGENT FOLDER PART MODEL KEYS|OUT");
    }
    const status code = bench_run(&bench, words, &err);
    sample_source_close(&bench.source);
    inference_run_destroy(bench.run);
    inference_close(bench.model);
    buffer_done(&bench.keys);
    agent_manifest_release(bench.manifest);
    return code == STATUS_OK ? 0 : complain(err.text);
}
