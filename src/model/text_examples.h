/*
 * text_examples: labelled texts from files, one after another, for training.
 *
 * Two layouts. A folder has a folder for each label, with a text in each file: DIR/LABEL/NAME. A
 * file has a text in each line: LABEL, a tab, the text; or the JSON object {"label","text"}. Names
 * that begin with a dot, empty lines and folders inside of label folders are passed over. What a
 * file holds is not looked at: a folder of pictures is read the same way.
 *
 * Blocking: programs and tools. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum {
    EXAMPLES_FILE_BYTES_MAX = 256 << 20, /* of a file of lines */
    EXAMPLES_LINE_BYTES_MAX = 8 << 20,
    EXAMPLES_NAMES_BYTES_MAX = 256 << 20 /* of the paths of a folder's texts */
};

struct text_examples;

struct text_example {
    struct slice label, text; /* until the next call */
    struct slice name;        /* LABEL/NAME of a file in a folder, ended by a zero; else empty */
};

/* Looks at what is there. INVALID when it is neither layout, and names a folder without texts. */
status text_examples_open(const char *path, struct text_examples **out_examples, struct error *err);
void text_examples_close(struct text_examples *examples);

/* How much there is, as far as that shows before it is read. */
uint64_t text_examples_count(const struct text_examples *examples);
uint64_t text_examples_bytes(const struct text_examples *examples);

/* The next one, with at most `bytes_max` of its text; false at the end. INVALID names file and
 * line. */
status text_examples_next(struct text_examples *examples, size_t bytes_max,
                          struct text_example *out_example, bool *out_more, struct error *err);
