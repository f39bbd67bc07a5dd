/*
 * fault: what is wrong with a file that a person wrote, all of it at once, each with its place.
 *
 * `struct faults` collects while a file is read: in the order of places, each place and sentence
 * once, at most FAULTS_MAX, errors before warnings when there are more. `struct fault_list` is what
 * a caller gets and keeps. A sentence says what is wrong and what would be right, on one line, with
 * keys and values of the file in backquotes.
 *
 * Plain data; any thread, one at a time. Foreign text is made fit to print on the way in.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "platform/yaml.h"

enum { FAULTS_MAX = 100, FAULT_TEXT_BYTES_MAX = 600, FAULT_QUOTE_BYTES_MAX = 80 };

/* What a fault is about decides only how it is shown. */
struct fault {
    struct place place; /* line 0: the file as a whole */
    bool warning;
    struct slice text;
};

struct fault_list {
    struct slice file;
    const struct fault *faults; /* in the order of their places */
    uint32_t count;
    uint32_t error_count; /* those that are no warnings */
    bool more;            /* there were more than FAULTS_MAX */
};

/* What collects. */
struct faults {
    struct arena *arena; /* not owned; sentences live there */
    uint32_t count;
    uint32_t error_count; /* of those that are held */
    bool more;            /* some did not fit */
    bool no_memory;       /* a sentence was lost: faults_take says NO_MEMORY */
    struct fault held[FAULTS_MAX];
};

void faults_init(struct faults *faults, struct arena *arena);

/* Adds an error; a second one of the same place and sentence is dropped. */
void faults_add(struct faults *faults, struct place place, const char *format, ...)
    __attribute__((cold, format(printf, 3, 4)));

/* Adds a warning: the file is good, but perhaps not what was meant. */
void faults_warn(struct faults *faults, struct place place, const char *format, ...)
    __attribute__((cold, format(printf, 3, 4)));

/* As much of a text of the file as a sentence quotes. */
struct slice fault_quote(struct slice text);

/* The same for printf's "%.*s". */
#define QUOTED(text) SLICE_ARGS(fault_quote(text))

/* ": did you mean `NEAREST`?", empty for NULL: what ends a sentence about an unknown word. */
struct fault_hint {
    char text[FAULT_QUOTE_BYTES_MAX + 24];
};
struct fault_hint fault_hint(const char *nearest);

/* A copy that belongs to nobody else, given back by fault_list_release; also when there are none.
 */
status faults_take(const struct faults *faults, struct slice file, struct fault_list **out_list,
                   struct error *err);

/* A list of one, for what cannot even be read. */
status fault_list_of(struct slice file, struct place place, const char *sentence,
                     struct fault_list **out_list, struct error *err);

void fault_list_release(struct fault_list *faults);

/* "file:line:column: text", one a line, warnings as "file:line:column: warning: text"; without line
 * and column where the fault has no place. A last line says that there are more. */
void fault_list_write(const struct fault_list *faults, struct buffer *out);
