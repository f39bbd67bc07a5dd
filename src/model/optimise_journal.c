// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "model/optimise_inner.h"
#include "platform/file.h"
#include "platform/inference.h"

enum { KEY_BYTES_MAX = 16 << 20 };

static const char JOURNAL_FILE[] = ".search.json";

static void add_digest(struct buffer *out, struct digest digest) {
    buffer_add(out, digest_slice(&digest));
}

/* A number, whatever it stands for; its bytes alone, since padding says nothing. */
static void add_number(struct buffer *out, double number) {
    buffer_print(out, "%a ", number);
}

static void add_budget(struct buffer *out, const struct budget *budget) {
    for (uint32_t i = 0; i < budget->limit_count; i++) {
        const struct budget_limit *limit = &budget->limits[i];
        buffer_print(out, "%d %d ", limit->kind, limit->bound);
        add_number(out, limit->number);
        add_number(out, limit->factor);
    }
    buffer_print(out, "%d %d ", budget->objective, budget->maximise);
}

/* All that the answers of a search hang on: the model as it is quantised, the ranges that the
 * samples gave, what the original answers, and who computes. */
static status make_key(const struct optimising *work, const struct quantize_options *quantizing,
                       struct digest *out_key, struct error *err) {
    CLEANUP(buffer_done) struct buffer key;
    const char *release;
    buffer_init(&key, KEY_BYTES_MAX);
    TRY(inference_release(&release, err));
    buffer_print(&key, "ebb %s, ONNX Runtime %s, %d %d %d %lld ", EBB_VERSION, release,
                 work->options->method, quantizing->activations, quantizing->pairs_saturate,
                 (long long)work->options->time_ms);
    add_budget(&key, work->options->budget);
    add_number(&key, (double)work->options->mask_above);
    add_digest(&key, hash_sha256(buffer_slice(&work->original)));
    add_digest(&key, hash_sha256(buffer_slice(&work->base)));
    add_digest(&key, proof_digest(work->selection));
    for (uint32_t i = 0; i < quantizing->bound_count; i++) {
        const struct quantize_bound *bound = &quantizing->bounds[i];
        add_digest(&key, hash_sha256(bound->value));
        add_number(&key, (double)bound->threshold.low);
        add_number(&key, (double)bound->threshold.high);
    }
    TRY(buffer_status(&key, err));
    *out_key = hash_sha256(buffer_slice(&key));
    return STATUS_OK;
}

status optimise_journal_open(const struct optimising *work,
                             const struct quantize_options *quantizing,
                             struct search_journal **out_journal, struct error *err) {
    const struct optimise_options *options = work->options;
    char said[SEARCH_JOURNAL_SAID_BYTES];
    char path[OPTIMISE_PATH_BYTES];
    struct digest key;
    optimise_path(work, JOURNAL_FILE, path);
    TRY(make_key(work, quantizing, &key, err));
    TRY(search_journal_open(path, key, out_journal, said, err));
    if (options->say != NULL && (said[0] != '\0' || work->has_ranges)) {
        options->say(options->owner, said[0] != '\0' ? said : "goes on with ranges of before");
    }
    return STATUS_OK;
}

void optimise_journal_remove(const struct optimising *work) {
    char path[OPTIMISE_PATH_BYTES];
    optimise_path(work, JOURNAL_FILE, path);
    (void)file_remove(path, NULL);
    optimise_ranges_remove(work);
}
