// SPDX-License-Identifier: Apache-2.0
/* Any text as a token, and any bytes as what a token's letters stand for, their check included:
 * what is read is written back to a token that reads the same. Any text as a hub's address
 * likewise. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/hub_address.h"
#include "wire/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { BYTES_MAX = 300, CHECK_BYTES = 4 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check_token(struct slice text) {
    struct token token, again;
    struct error err;
    char written[TOKEN_TEXT_BYTES_MAX];
    if (token_read(text, &token, &err) != STATUS_OK) {
        need(err.text[0] != '\0');
        return;
    }
    token_write(&token, written);
    need(token_read(slice_of(written), &again, &err) == STATUS_OK);
    need(memcmp(&token, &again, sizeof(token)) == 0);
}

/* Base32 of the bytes and of their check. */
static void check_bytes(const uint8_t *bytes, size_t count) {
    static const char LETTERS[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint8_t whole[BYTES_MAX + CHECK_BYTES + 1] = {0};
    char text[2 * sizeof(whole)] = "EBB1-";
    size_t letters = 5;
    const struct id sum =
        hash_128((struct slice){.bytes = (const char *)bytes, .count = count}, (struct slice){0});
    if (count > 0) {
        (void)memcpy(whole, bytes, count);
    }
    (void)memcpy(whole + count, sum.bytes, CHECK_BYTES);
    for (size_t bit = 0; bit < (count + CHECK_BYTES) * 8; bit += 5) {
        const unsigned two = (unsigned)whole[bit / 8] << 8 | whole[bit / 8 + 1];
        text[letters++] = LETTERS[two >> (11 - bit % 8) & 31];
    }
    check_token((struct slice){.bytes = text, .count = letters});
}

static void check_address(struct slice text) {
    struct hub_address address, again;
    struct error err;
    char written[HUB_ADDRESS_BYTES_MAX];
    if (hub_address_read(text, &address, &err) != STATUS_OK) {
        need(err.text[0] != '\0');
        return;
    }
    hub_address_write(&address, written);
    need(hub_address_read(slice_of(written), &again, &err) == STATUS_OK);
    need(strcmp(address.host, again.host) == 0 && address.port == again.port);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    check_token(text);
    check_address(text);
    if (count <= BYTES_MAX) {
        check_bytes(bytes, count);
    }
    return 0;
}
