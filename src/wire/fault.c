// SPDX-License-Identifier: Apache-2.0
#include "wire/fault.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* The public part is first, so that one pointer is both. */
struct owned_list {
    struct fault_list list;
    struct arena arena; /* owned */
};

enum { LIST_BYTES_MAX = 1 << 20 };

void faults_init(struct faults *faults, struct arena *arena) {
    *faults = (struct faults){.arena = arena};
}

/* One line that any terminal shows: no control characters, no ill-formed UTF-8. */
static struct slice printable(struct arena *arena, char *text, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
            text[i] = ' ';
        }
    }
    struct slice whole = slice_trim((struct slice){.bytes = text, .count = count});
    whole = text_cut(whole, FAULT_TEXT_BYTES_MAX);
    CLEANUP(buffer_done) struct buffer repaired;
    buffer_init(&repaired, (size_t)FAULT_TEXT_BYTES_MAX * 3);
    (void)text_repair(&repaired, whole); /* how many bytes were bad is nobody's question here */
    if (buffer_status(&repaired, NULL) != STATUS_OK) {
        return (struct slice){0};
    }
    return arena_copy(arena, buffer_slice(&repaired));
}

static bool is_before(struct place a, struct place b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

static void remove_at(struct faults *faults, uint32_t index) {
    if (!faults->held[index].warning) {
        faults->error_count--;
    }
    faults->count--;
    (void)memmove(&faults->held[index], &faults->held[index + 1],
                  (faults->count - index) * sizeof(faults->held[0]));
}

/* Which held fault gives way when all places are taken: for an error the last warning, else the
 * last one when it stands behind the new one. FAULTS_MAX: none. */
static uint32_t weakest(const struct faults *faults, struct place place, bool warning) {
    for (uint32_t i = faults->count; i > 0 && !warning; i--) {
        if (faults->held[i - 1].warning) {
            return i - 1;
        }
    }
    const struct fault *last = &faults->held[faults->count - 1];
    return last->warning == warning && is_before(place, last->place) ? faults->count - 1
                                                                     : FAULTS_MAX;
}

static bool is_held(const struct faults *faults, const struct fault *fault) {
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct fault *held = &faults->held[i];
        if (held->place.line == fault->place.line && held->place.column == fault->place.column &&
            slice_equal(held->text, fault->text)) {
            return true;
        }
    }
    return false;
}

static void hold(struct faults *faults, struct fault fault) {
    if (is_held(faults, &fault)) {
        return;
    }
    if (faults->count == FAULTS_MAX) {
        faults->more = true;
        remove_at(faults, weakest(faults, fault.place, fault.warning));
    }
    uint32_t at = faults->count;
    while (at > 0 && is_before(fault.place, faults->held[at - 1].place)) {
        at--;
    }
    (void)memmove(&faults->held[at + 1], &faults->held[at],
                  (faults->count - at) * sizeof(faults->held[0]));
    faults->held[at] = fault;
    faults->count++;
    faults->error_count += fault.warning ? 0 : 1;
}

__attribute__((format(printf, 4, 0))) static void
add(struct faults *faults, struct place place, bool warning, const char *format, va_list args) {
    if (faults->count == FAULTS_MAX && weakest(faults, place, warning) == FAULTS_MAX) {
        faults->more = true;
        return;
    }
    char text[FAULT_TEXT_BYTES_MAX * 2];
    const int count = vsnprintf(text, sizeof(text), format, args);
    assert(count >= 0);
    const size_t held = (size_t)count < sizeof(text) ? (size_t)count : sizeof(text) - 1;
    const struct slice sentence = printable(faults->arena, text, held);
    if (sentence.bytes == NULL) {
        faults->no_memory = true;
        return;
    }
    hold(faults, (struct fault){.place = place, .warning = warning, .text = sentence});
}

void faults_add(struct faults *faults, struct place place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(faults, place, false, format, args);
    va_end(args);
}

void faults_warn(struct faults *faults, struct place place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(faults, place, true, format, args);
    va_end(args);
}

struct slice fault_quote(struct slice text) {
    return text_cut(text, FAULT_QUOTE_BYTES_MAX);
}

struct fault_hint fault_hint(const char *nearest) {
    struct fault_hint hint = {""};
    if (nearest != NULL) {
        (void)snprintf(hint.text, sizeof(hint.text), ": did you mean `%.*s`?",
                       FAULT_QUOTE_BYTES_MAX, nearest);
    }
    return hint;
}

static status no_memory(struct owned_list *owned, struct error *err) {
    fault_list_release(&owned->list);
    return fail(err, STATUS_NO_MEMORY, "no memory for what is wrong with a file");
}

status faults_take(const struct faults *faults, struct slice file, struct fault_list **out_list,
                   struct error *err) {
    struct owned_list *owned = memory_new(1, sizeof(*owned));
    if (owned == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for what is wrong with a file");
    }
    arena_init(&owned->arena, LIST_BYTES_MAX);
    struct fault *copies = arena_get(&owned->arena, faults->count, sizeof(*copies));
    owned->list = (struct fault_list){.file = arena_copy(&owned->arena, file),
                                      .faults = copies,
                                      .count = faults->count,
                                      .error_count = faults->error_count,
                                      .more = faults->more};
    if (copies == NULL || owned->list.file.bytes == NULL || faults->no_memory) {
        return no_memory(owned, err);
    }
    for (uint32_t i = 0; i < faults->count; i++) {
        copies[i] = faults->held[i];
        copies[i].text = arena_copy(&owned->arena, faults->held[i].text);
        if (copies[i].text.bytes == NULL) {
            return no_memory(owned, err);
        }
    }
    *out_list = &owned->list;
    return STATUS_OK;
}

status fault_list_of(struct slice file, struct place place, const char *sentence,
                     struct fault_list **out_list, struct error *err) {
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, LIST_BYTES_MAX);
    struct faults faults;
    faults_init(&faults, &arena);
    faults_add(&faults, place, "%s", sentence);
    return faults_take(&faults, file, out_list, err);
}

void fault_list_release(struct fault_list *faults) {
    if (faults == NULL) {
        return;
    }
    struct owned_list *owned = (struct owned_list *)faults;
    arena_done(&owned->arena);
    memory_free(owned);
}

void fault_list_write(const struct fault_list *faults, struct buffer *out) {
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->faults[i];
        buffer_add(out, faults->file);
        if (fault->place.line > 0) {
            buffer_print(out, ":%d:%d", fault->place.line, fault->place.column);
        }
        buffer_add_text(out, fault->warning ? ": warning: " : ": ");
        buffer_add(out, fault->text);
        buffer_add_byte(out, '\n');
    }
    if (faults->more) {
        buffer_add(out, faults->file);
        buffer_print(out, ": there is more: these are the first %u\n", (unsigned)faults->count);
    }
}
