// SPDX-License-Identifier: Apache-2.0
#include "base/id.h"

#include <string.h>

static const char DIGITS[] = "0123456789abcdef";

bool id_equal(struct id a, struct id b) {
    return memcmp(a.bytes, b.bytes, ID_BYTES) == 0;
}

bool id_is_zero(struct id id) {
    return id_equal(id, (struct id){0});
}

struct slice id_slice(const struct id *id) {
    return (struct slice){.bytes = (const char *)id->bytes, .count = ID_BYTES};
}

struct id id_from(struct slice bytes) {
    struct id id = {{0}};
    if (bytes.count == ID_BYTES) {
        (void)memcpy(id.bytes, bytes.bytes, ID_BYTES);
    }
    return id;
}

void id_write_hex(struct id id, char out_text[ID_HEX_BYTES + 1]) {
    for (int i = 0; i < ID_BYTES; i++) {
        out_text[2 * i] = DIGITS[id.bytes[i] >> 4];
        out_text[2 * i + 1] = DIGITS[id.bytes[i] & 15];
    }
    out_text[ID_HEX_BYTES] = '\0';
}

void id_write_uuid(struct id id, char out_text[ID_UUID_BYTES + 1]) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(id, hex);
    char *out = out_text;
    for (int i = 0; i < ID_HEX_BYTES; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            *out++ = '-';
        }
        *out++ = hex[i];
    }
    *out = '\0';
}

static int digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool id_read(struct slice text, struct id *out_id) {
    struct id id = {0};
    int digits = 0;
    const bool uuid = text.count == ID_UUID_BYTES;
    if (!uuid && text.count != ID_HEX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < text.count; i++) {
        if (uuid && (i == 8 || i == 13 || i == 18 || i == 23)) {
            if (text.bytes[i] != '-') {
                return false;
            }
            continue;
        }
        const int value = digit(text.bytes[i]);
        if (value < 0 || digits >= ID_HEX_BYTES) {
            return false;
        }
        const int shifted = digits % 2 == 0 ? value << 4 : value;
        id.bytes[digits / 2] = (uint8_t)(id.bytes[digits / 2] | shifted);
        digits++;
    }
    *out_id = id;
    return true;
}
