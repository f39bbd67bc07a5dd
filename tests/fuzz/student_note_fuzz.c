// SPDX-License-Identifier: Apache-2.0
/* What student_note_read accepts is within its bounds and reads the same after it is written; what
 * it refuses has one sentence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/student_note.h"
#include "model/text_model.h"

enum { ARENA_BYTES = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void compare(const struct student_note *a, const struct student_note *b) {
    need(a->kind == b->kind && a->labels_count == b->labels_count && a->buckets == b->buckets);
    for (uint32_t i = 0; i < a->labels_count; i++) {
        need(slice_equal(a->labels[i], b->labels[i]) && text_label_fault(a->labels[i]) == NULL);
    }
    need(a->settings.bytes_max == b->settings.bytes_max && a->settings.pairs == b->settings.pairs &&
         a->settings.letters == b->settings.letters);
    need(memcmp(&a->input, &b->input, sizeof(a->input)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct error err = {0};
    struct student_note note;
    struct student_note again;
    CLEANUP(arena_done) struct arena arena;
    CLEANUP(buffer_done) struct buffer written;
    arena_init(&arena, ARENA_BYTES);
    buffer_init(&written, STUDENT_NOTE_BYTES_MAX);
    const struct slice json = {.bytes = (const char *)bytes, .count = count};
    if (student_note_read(json, &arena, &note, &err) != STATUS_OK) {
        need(err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
        return 0;
    }
    need(note.labels_count >= 2 && note.labels_count <= PICTURE_LABELS_MAX);
    need(student_note_write(&note, &written, &err) == STATUS_OK);
    need(student_note_read(buffer_slice(&written), &arena, &again, &err) == STATUS_OK);
    compare(&note, &again);
    return 0;
}
