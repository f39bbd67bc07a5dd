/*
 * text_answers: what a teacher said of the texts of a corpus, text by text.
 *
 * Filled while the corpus is, in the same order; once both are whole the answers are put into the
 * order of the corpus's labels. A text without a label stands in the corpus under the label that
 * the teacher gave it, and here as not labelled.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/teacher.h"
#include "model/text_corpus.h"

struct text_answers {
    uint32_t labels_count;
    size_t count, room;
    size_t bytes_max;
    float *logits;  /* owned: labels_count for each text */
    bool *labelled; /* owned */
    uint32_t labelled_count;
};

void text_answers_init(struct text_answers *answers, uint32_t labels_count, size_t bytes_max);
void text_answers_done(struct text_answers *answers);

/* Asks the teacher about one text and keeps what it said; *out_best is the label it speaks for.
 * INVALID: a number that is none; FULL at the bound. */
status text_answers_ask(struct text_answers *answers, const struct teacher *teacher,
                        struct slice text, bool labelled, uint32_t *out_best, struct error *err);

/* After the last text, when the corpus is settled: chances become logits, and the teacher's order
 * of labels that of the corpus. INVALID: the teacher has a label that no text has. */
status text_answers_settle(struct text_answers *answers, const struct teacher *teacher,
                           const struct text_corpus *corpus, struct error *err);

/* What was said of a text. */
const float *text_answers_of(const struct text_answers *answers, size_t text);
