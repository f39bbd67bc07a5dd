// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

enum { BYTES = 3, LETTERS = 4, BITS = 6 }; /* of a group, and of a letter */

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(struct buffer *out, struct slice bytes) {
    for (size_t at = 0; at < bytes.count; at += BYTES) {
        const size_t count = bytes.count - at < BYTES ? bytes.count - at : BYTES;
        uint32_t bits = 0;
        for (size_t i = 0; i < BYTES; i++) {
            bits = bits << 8 | (i < count ? (uint8_t)bytes.bytes[at + i] : 0);
        }
        char *letters = buffer_reserve(out, LETTERS);
        if (letters == NULL) {
            return;
        }
        for (size_t i = 0; i < LETTERS; i++) {
            const uint32_t number = bits >> (BITS * (LETTERS - 1 - i)) & 63U;
            letters[i] = ALPHABET[number];
        }
        (void)memset(letters + count + 1, '=', BYTES - count);
        buffer_took(out, LETTERS);
    }
}

bool base64_count(struct slice text, size_t *out_count) {
    size_t padding = 0;
    while (padding < 2 && padding < text.count && text.bytes[text.count - 1 - padding] == '=') {
        padding++;
    }
    *out_count = text.count / LETTERS * BYTES - padding;
    return text.count % LETTERS == 0;
}

/* The number of a letter; 64 when it is none. */
static uint32_t number_of(char letter) {
    const char *found = letter != '\0' ? strchr(ALPHABET, letter) : NULL;
    return found != NULL ? (uint32_t)(found - ALPHABET) : 64;
}

bool base64_read(struct slice text, char *bytes) {
    size_t count;
    size_t next = 0;
    uint32_t bits = 0;
    if (!base64_count(text, &count)) {
        return false;
    }
    const size_t padding_at = text.count - (text.count / LETTERS * BYTES - count);
    for (size_t i = 0; i < text.count; i++) {
        const bool padding = i >= padding_at; /* base64_count has seen that it is '=' */
        const uint32_t number = padding ? 0 : number_of(text.bytes[i]);
        if (number > 63) {
            return false;
        }
        bits = bits << BITS | number;
        for (uint32_t k = 0; i % LETTERS == LETTERS - 1 && k < BYTES && next < count; k++) {
            bytes[next++] = (char)(bits >> (8 * (BYTES - 1 - k)) & 255U);
        }
    }
    return true;
}
