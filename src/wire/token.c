// SPDX-License-Identifier: Apache-2.0
#include "wire/token.h"

#include <assert.h>
#include <string.h>

#include "base/buffer.h"

enum {
    VERSION = 1,
    CHECK_BYTES = 4,
    HEAD_BYTES = 1 + TOKEN_PIN_BYTES + TOKEN_ID_BYTES + TOKEN_SECRET_BYTES,
    BYTES_MAX = HEAD_BYTES + TOKEN_ADDRESSES_BYTES_MAX + CHECK_BYTES,
    LETTER_BITS = 5
};

static const char PREFIX[] = "EBB1-";
static const char LETTERS[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static const char DIGITS[] = "0123456789abcdef";

static_assert(sizeof(PREFIX) + (BYTES_MAX * 8 + LETTER_BITS - 1) / LETTER_BITS <=
                  TOKEN_TEXT_BYTES_MAX,
              "the longest token has room");

static void add_check(const uint8_t *bytes, size_t count, uint8_t out_check[CHECK_BYTES]) {
    const struct slice slice = {.bytes = (const char *)bytes, .count = count};
    const struct id sum = hash_128(slice, (struct slice){0});
    (void)memcpy(out_check, sum.bytes, CHECK_BYTES);
}

/* --- base32 ----------------------------------------------------------------------------------- */

static size_t write_letters(const uint8_t *bytes, size_t count, char *out) {
    uint32_t waiting = 0;
    int bits = 0;
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        waiting = waiting << 8 | bytes[i];
        for (bits += 8; bits >= LETTER_BITS; bits -= LETTER_BITS) {
            out[written++] = LETTERS[waiting >> (bits - LETTER_BITS) & 31];
        }
    }
    if (bits > 0) {
        out[written++] = LETTERS[waiting << (LETTER_BITS - bits) & 31];
    }
    return written;
}

/* The five bits of a letter; -1: it is none. */
static int letter_bits(char letter) {
    char big = letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
    big = big == 'O' ? '0' : big == 'I' || big == 'L' ? '1' : big;
    const char *found = big != '\0' ? strchr(LETTERS, big) : NULL;
    return found != NULL ? (int)(found - LETTERS) : -1;
}

/* Hyphens are passed over. false: another letter, too many, or bits left over that are not 0. */
static bool read_letters(struct slice text, uint8_t bytes[BYTES_MAX], size_t *out_count) {
    uint32_t waiting = 0;
    int bits = 0;
    size_t count = 0;
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] == '-') {
            continue;
        }
        const int five = letter_bits(text.bytes[i]);
        if (five < 0) {
            return false;
        }
        waiting = (waiting << LETTER_BITS | (uint32_t)five) & 0xfff;
        bits += LETTER_BITS;
        if (bits >= 8) {
            if (count == BYTES_MAX) {
                return false;
            }
            bits -= 8;
            bytes[count++] = (uint8_t)(waiting >> bits);
        }
    }
    *out_count = count;
    return bits < LETTER_BITS && (waiting & ((1U << bits) - 1)) == 0;
}

/* --- tokens ----------------------------------------------------------------------------------- */

void token_write(const struct token *token, char out_text[TOKEN_TEXT_BYTES_MAX]) {
    uint8_t bytes[BYTES_MAX];
    size_t count = 0;
    const size_t address_bytes = strlen(token->addresses);
    assert(address_bytes <= TOKEN_ADDRESSES_BYTES_MAX);
    bytes[count++] = VERSION;
    (void)memcpy(bytes + count, token->pin, TOKEN_PIN_BYTES);
    count += TOKEN_PIN_BYTES;
    (void)memcpy(bytes + count, token->id.bytes, TOKEN_ID_BYTES);
    count += TOKEN_ID_BYTES;
    (void)memcpy(bytes + count, token->secret, TOKEN_SECRET_BYTES);
    count += TOKEN_SECRET_BYTES;
    (void)memcpy(bytes + count, token->addresses, address_bytes);
    count += address_bytes;
    add_check(bytes, count, bytes + count);
    count += CHECK_BYTES;
    (void)memcpy(out_text, PREFIX, sizeof(PREFIX) - 1);
    const size_t letters = write_letters(bytes, count, out_text + sizeof(PREFIX) - 1);
    out_text[sizeof(PREFIX) - 1 + letters] = '\0';
}

static bool has_prefix(struct slice text) {
    for (size_t i = 0; i < sizeof(PREFIX) - 1; i++) {
        const char letter = i < text.count ? text.bytes[i] : '\0';
        const char big = letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
        if (big != PREFIX[i]) {
            return false;
        }
    }
    return true;
}

static status fail_mistyped(struct error *err) {
    return fail(err, STATUS_INVALID,
                "the token is mistyped or cut off: its check letters do not match; copy it whole, "
                "as the hub printed it");
}

/* Of a version that is not ours nothing else is known. */
static status read_bytes(const uint8_t *bytes, size_t count, struct token *out, struct error *err) {
    uint8_t check[CHECK_BYTES];
    if (count < 1 + CHECK_BYTES) {
        return fail_mistyped(err);
    }
    count -= CHECK_BYTES;
    add_check(bytes, count, check);
    if (memcmp(check, bytes + count, CHECK_BYTES) != 0) {
        return fail_mistyped(err);
    }
    if (bytes[0] != VERSION) {
        return fail(err, STATUS_INVALID,
                    "the token is of version %u, and this program knows version %d: it is of a "
                    "newer ebb",
                    bytes[0], VERSION);
    }
    if (count < HEAD_BYTES || memchr(bytes + HEAD_BYTES, 0, count - HEAD_BYTES) != NULL) {
        return fail_mistyped(err);
    }
    const uint8_t *at = bytes + 1;
    *out = (struct token){0};
    (void)memcpy(out->pin, at, TOKEN_PIN_BYTES);
    at += TOKEN_PIN_BYTES;
    (void)memcpy(out->id.bytes, at, TOKEN_ID_BYTES);
    at += TOKEN_ID_BYTES;
    (void)memcpy(out->secret, at, TOKEN_SECRET_BYTES);
    (void)memcpy(out->addresses, bytes + HEAD_BYTES, count - HEAD_BYTES);
    return STATUS_OK;
}

status token_read(struct slice text, struct token *out_token, struct error *err) {
    uint8_t bytes[BYTES_MAX];
    size_t count = 0;
    text = slice_trim(text);
    if (!has_prefix(text)) {
        return fail(err, STATUS_INVALID,
                    "that is no token: a token begins with %s, and `ebb hub token new` on the hub "
                    "makes one",
                    PREFIX);
    }
    if (!read_letters(slice_part(text, sizeof(PREFIX) - 1, text.count), bytes, &count)) {
        return fail_mistyped(err);
    }
    return read_bytes(bytes, count, out_token, err);
}

/* --- proofs ----------------------------------------------------------------------------------- */

struct digest token_verifier(const uint8_t secret[TOKEN_SECRET_BYTES]) {
    return hash_256((struct slice){.bytes = (const char *)secret, .count = TOKEN_SECRET_BYTES});
}

struct digest token_proof(const struct digest *verifier, struct slice request) {
    const struct digest sum = hash_sha256(request);
    return hash_mac(digest_slice(verifier), SLICE("ebb-enrol/1"), digest_slice(&sum));
}

/* --- ids -------------------------------------------------------------------------------------- */

void token_id_write(struct token_id id, char out_hex[TOKEN_ID_HEX_BYTES + 1]) {
    for (int i = 0; i < TOKEN_ID_BYTES; i++) {
        out_hex[2 * i] = DIGITS[id.bytes[i] >> 4];
        out_hex[2 * i + 1] = DIGITS[id.bytes[i] & 15];
    }
    out_hex[TOKEN_ID_HEX_BYTES] = '\0';
}

bool token_id_read(struct slice hex, struct token_id *out_id) {
    struct token_id id = {{0}};
    if (hex.count != TOKEN_ID_HEX_BYTES) {
        return false;
    }
    for (size_t i = 0; i < hex.count; i++) {
        const char *digit = hex.bytes[i] != '\0' ? strchr(DIGITS, hex.bytes[i]) : NULL;
        if (digit == NULL) {
            return false;
        }
        id.bytes[i / 2] = (uint8_t)(id.bytes[i / 2] << 4 | (digit - DIGITS));
    }
    *out_id = id;
    return true;
}
