// SPDX-License-Identifier: Apache-2.0
/*
 * text_bench: the text classifier for bench/text_fasttext.
 *
 *   text_bench train FROM MODEL   trains and prints what the report says
 *   text_bench ask MODEL FILE     labels FILE's texts and prints how many were right
 *
 * FILE has a text a line in fastText's form: "__label__NAME text".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "model/text_model.h"
#include "model/train.h"
#include "platform/file.h"

enum { FILE_BYTES_MAX = 512 << 20, MARK_BYTES = sizeof("__label__") - 1 };

static int complain(const struct error *err) {
    (void)fprintf(stderr, "text_bench: %s\n", err->text);
    return status_exit_code(err->code);
}

static void print_report(const struct train_report *report) {
    (void)printf("texts %" PRIu32 " repeats %" PRIu32 " labels %" PRIu32 " accuracy %.4f loss %.4f "
                 "step %g letters %d buckets %" PRIu32 " bytes %" PRIu64
                 " read_s %.2f learn_s %.2f\n",
                 report->texts, report->repeats, report->labels_count, report->accuracy,
                 report->loss, report->step, report->letters, report->buckets, report->model_bytes,
                 report->read_seconds, report->learn_seconds);
    for (uint32_t i = 0; i < report->labels_count; i++) {
        const struct train_label *label = &report->labels[i];
        (void)printf("label %s texts %" PRIu32 " precision %.4f recall %.4f\n", label->name,
                     label->texts, label->precision, label->recall);
    }
}

static int train(const char *from, const char *model_path) {
    struct train_options options;
    train_options_init(&options);
    struct train_report report;
    struct error err;
    if (train_text_file(from, model_path, &options, &report, &err) != STATUS_OK) {
        return complain(&err);
    }
    print_report(&report);
    return 0;
}

struct score {
    uint64_t texts, right;
    /* of the last label, which is spam's */
    uint64_t last_texts, last_said, last_right;
};

static void ask_line(const struct text_model *model, struct slice line, void *scratch,
                     struct score *score) {
    double chances[TEXT_LABELS_MAX];
    const size_t end = slice_find(line, ' ');
    const struct slice truth = slice_part(line, MARK_BYTES, end);
    const struct slice text = slice_part(line, end, line.count);
    const uint32_t said = text_model_ask(model, text, scratch, chances);
    const uint32_t last = text_model_labels(model) - 1;
    const bool right = slice_equal(text_model_label(model, said), truth);
    const bool is_last = slice_equal(text_model_label(model, last), truth);
    score->texts++;
    score->right += right;
    score->last_texts += is_last;
    score->last_said += said == last;
    score->last_right += said == last && right;
}

static int ask(const char *model_path, const char *path) {
    struct error err;
    struct text_model *model = NULL;
    CLEANUP(buffer_done) struct buffer file;
    buffer_init(&file, FILE_BYTES_MAX);
    if (text_model_open(model_path, &model, &err) != STATUS_OK ||
        file_read(path, &file, &err) != STATUS_OK) {
        text_model_close(model);
        return complain(&err);
    }
    void *scratch = memory_new(1, text_model_scratch_bytes(model));
    struct score score = {0};
    struct slice left = buffer_slice(&file);
    while (scratch != NULL && left.count > 0) {
        const size_t end = slice_find(left, '\n');
        ask_line(model, slice_part(left, 0, end), scratch, &score);
        left = slice_part(left, end + 1, left.count);
    }
    (void)printf("texts %" PRIu64 " accuracy %.4f precision %.4f recall %.4f\n", score.texts,
                 (double)score.right / (double)score.texts,
                 (double)score.last_right / (double)score.last_said,
                 (double)score.last_right / (double)score.last_texts);
    memory_free(scratch);
    text_model_close(model);
    return 0;
}

int main(int count, char **words) {
    if (count == 4 && strcmp(words[1], "train") == 0) {
        return train(words[2], words[3]);
    }
    if (count == 4 && strcmp(words[1], "ask") == 0) {
        return ask(words[2], words[3]);
    }
    (void)fprintf(stderr, "usage: text_bench train FROM MODEL | ask MODEL FILE\n");
    return 2;
}
