// SPDX-License-Identifier: Apache-2.0
#include "model/text_answers.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/distill_loss.h"

enum { ROOM_FIRST = 1024 };

void text_answers_init(struct text_answers *answers, uint32_t labels_count, size_t bytes_max) {
    assert(labels_count > 0 && labels_count <= TEXT_LABELS_MAX);
    *answers = (struct text_answers){.labels_count = labels_count, .bytes_max = bytes_max};
}

void text_answers_done(struct text_answers *answers) {
    memory_free(answers->logits);
    memory_free(answers->labelled);
    *answers = (struct text_answers){0};
}

static status grow(struct text_answers *answers, struct error *err) {
    const size_t room = answers->room > 0 ? 2 * answers->room : ROOM_FIRST;
    const size_t each = answers->labels_count * sizeof(float) + sizeof(bool);
    if (room > answers->bytes_max / each) {
        return fail(err, STATUS_FULL,
                    "the teacher's answers need more than the %zu MiB of memory that training may "
                    "take: give fewer texts",
                    answers->bytes_max >> 20);
    }
    float *logits = memory_resize(answers->logits, room * answers->labels_count * sizeof(*logits));
    answers->logits = logits != NULL ? logits : answers->logits;
    bool *labelled = memory_resize(answers->labelled, room * sizeof(*labelled));
    answers->labelled = labelled != NULL ? labelled : answers->labelled;
    if (logits == NULL || labelled == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    answers->room = room;
    return STATUS_OK;
}

status text_answers_ask(struct text_answers *answers, const struct teacher *teacher,
                        struct slice text, bool labelled, uint32_t *out_best, struct error *err) {
    if (answers->count == answers->room) {
        TRY(grow(answers, err));
    }
    float *numbers = answers->logits + answers->count * answers->labels_count;
    TRY(teacher->ask(teacher->owner, text, numbers, err));
    for (uint32_t i = 0; i < answers->labels_count; i++) {
        if (!isfinite(numbers[i])) {
            return fail(err, STATUS_INVALID, "the teacher gives no number for label '%.*s'",
                        SLICE_ARGS(teacher->labels[i]));
        }
    }
    *out_best = distill_best(numbers, answers->labels_count);
    answers->labelled[answers->count++] = labelled;
    answers->labelled_count += labelled ? 1 : 0;
    return STATUS_OK;
}

status text_answers_settle(struct text_answers *answers, const struct teacher *teacher,
                           const struct text_corpus *corpus, struct error *err) {
    assert(answers->count == corpus->texts_count);
    const uint32_t labels = answers->labels_count;
    uint32_t places[TEXT_LABELS_MAX] = {0};
    for (uint32_t i = 0; i < labels; i++) {
        while (places[i] < corpus->labels_count &&
               !slice_is(teacher->labels[i], corpus->labels[places[i]].name)) {
            places[i]++;
        }
        if (places[i] == corpus->labels_count) {
            return fail(err, STATUS_INVALID,
                        "no text has the teacher's label '%.*s', by its folder or by the teacher: "
                        "at least 2 are needed",
                        SLICE_ARGS(teacher->labels[i]));
        }
    }
    if (distill_are_chances(answers->logits, answers->count, labels)) {
        distill_logits_of_chances(answers->logits, answers->count * labels);
    }
    for (size_t i = 0; i < answers->count; i++) {
        float said[TEXT_LABELS_MAX];
        float *row = answers->logits + i * labels;
        (void)memcpy(said, row, labels * sizeof(*said));
        for (uint32_t k = 0; k < labels; k++) {
            row[places[k]] = said[k];
        }
    }
    return STATUS_OK;
}

const float *text_answers_of(const struct text_answers *answers, size_t text) {
    assert(text < answers->count);
    return answers->logits + text * answers->labels_count;
}
