/*
 * text_features: a text as hashed features: words, pairs of neighbouring words, runs of letters.
 *
 * Made for any text: letters are folded to small ones, digits to 0, marks count as words of their
 * own (alone, doubled, in a row), scripts without blanks give a word for each sign, and an
 * ill-formed byte is the same as U+FFFD. No parser of mail or markup: headers and tags are words.
 * Work and memory are bounded by the settings, whatever the text; nothing is allocated.
 *
 * The hashes are part of the file format of text_model: they are the same on every machine and
 * change only with the format's version. Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    TEXT_BYTES_MIN = 64,
    TEXT_BYTES_DEFAULT = 16 * 1024,
    TEXT_BYTES_MAX = 1 << 20,
    TEXT_LETTERS_MIN = 2,
    TEXT_LETTERS_MAX = 7,
    TEXT_BATCH = 256, /* hashes handed over at once, at most */
    TEXT_HASH_BITS = 24
};

struct text_settings {
    uint32_t bytes_max; /* of a text, no more is looked at; TEXT_BYTES_MIN .. TEXT_BYTES_MAX */
    bool pairs;         /* pairs of neighbouring words as well */
    uint8_t letters;    /* runs of so many letters as well; 0: none */
};

/* Gets hashes of TEXT_HASH_BITS in the order of the text, at most TEXT_BATCH of them; the same one
 * may come often. */
typedef void text_sink(void *owner, const uint32_t *hashes, size_t count);

/* NULL, or what is wrong with the settings, as half a sentence. */
const char *text_settings_fault(const struct text_settings *settings);

/* Hands the text's features to the sink: no more than 3 for each byte that is looked at. */
void text_features(const struct text_settings *settings, struct slice text, text_sink *sink,
                   void *owner);

/* Which of `buckets` a hash belongs to: spread evenly, no division. */
static inline uint32_t text_bucket(uint32_t hash, uint32_t buckets) {
    return (uint32_t)((uint64_t)hash * buckets >> TEXT_HASH_BITS);
}
