// SPDX-License-Identifier: Apache-2.0
#include "platform/seal.h"

#include <sodium.h>
#include <string.h>

#include "base/little_endian.h"
#include "platform/file.h"

enum {
    MARK_BYTES = 8,
    AT_ROUNDS = MARK_BYTES,
    AT_MEMORY = AT_ROUNDS + 8,
    AT_SALT = AT_MEMORY + 8,
    AT_NONCE = AT_SALT + crypto_pwhash_SALTBYTES,
    HEAD_BYTES = AT_NONCE + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    KEY_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    ROUNDS = 3,
    ROUNDS_MAX = 64,
    MEMORY_BYTES = 64 << 20
};
_Static_assert(HEAD_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES == SEAL_BYTES,
               "the header says how many");

static const char MARK[MARK_BYTES + 1] = "EBBSEAL1";

static const unsigned char *bytes_of(struct slice slice) {
    return (const unsigned char *)slice.bytes;
}

status seal_read_passphrase(const char *path, struct buffer *out, struct error *err) {
    buffer_clear(out);
    TRY(file_read(path, out, err));
    out->count = slice_find(buffer_slice(out), '\n');
    if (out->count > 0 && out->bytes[out->count - 1] == '\r') {
        out->count--;
    }
    if (out->count < SEAL_PASSPHRASE_BYTES_MIN || out->count > SEAL_PASSPHRASE_BYTES_MAX) {
        return fail(err, STATUS_INVALID,
                    "'%.300s': a passphrase is a line of %d to %d letters, and this one has %zu",
                    path, SEAL_PASSPHRASE_BYTES_MIN, SEAL_PASSPHRASE_BYTES_MAX, out->count);
    }
    return STATUS_OK;
}

static status make_key(struct slice passphrase, const char *head, unsigned char key[KEY_BYTES],
                       struct error *err) {
    const uint64_t rounds = little_endian_get_u64(head + AT_ROUNDS);
    const uint64_t memory = little_endian_get_u64(head + AT_MEMORY);
    if (rounds < crypto_pwhash_OPSLIMIT_MIN || rounds > ROUNDS_MAX ||
        memory < crypto_pwhash_MEMLIMIT_MIN || memory > SEAL_MEMORY_MAX) {
        return fail(err, STATUS_INVALID, "what was sealed wants %llu rounds in %llu bytes",
                    (unsigned long long)rounds, (unsigned long long)memory);
    }
    return crypto_pwhash(key, KEY_BYTES, passphrase.bytes, passphrase.count,
                         (const unsigned char *)head + AT_SALT, rounds, (size_t)memory,
                         crypto_pwhash_ALG_ARGON2ID13) == 0
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "no %llu bytes of memory to try a passphrase",
                      (unsigned long long)memory);
}

static void write_head(char head[HEAD_BYTES]) {
    (void)memcpy(head, MARK, MARK_BYTES);
    little_endian_put_u64(head + AT_ROUNDS, ROUNDS);
    little_endian_put_u64(head + AT_MEMORY, MEMORY_BYTES);
    randombytes_buf(head + AT_SALT, HEAD_BYTES - AT_SALT);
}

status seal_make(struct slice passphrase, struct slice plain, struct buffer *out,
                 struct error *err) {
    char *head = buffer_reserve(out, plain.count + SEAL_BYTES);
    unsigned char key[KEY_BYTES];
    if (head == NULL) {
        return buffer_status(out, err);
    }
    write_head(head);
    TRY(make_key(passphrase, head, key, err));
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        (unsigned char *)head + HEAD_BYTES, NULL, bytes_of(plain), plain.count,
        (const unsigned char *)head, HEAD_BYTES, NULL, (const unsigned char *)head + AT_NONCE, key);
    sodium_memzero(key, sizeof(key));
    buffer_took(out, plain.count + SEAL_BYTES);
    return STATUS_OK;
}

status seal_open(struct slice passphrase, struct slice sealed, struct buffer *out_plain,
                 struct error *err) {
    unsigned char key[KEY_BYTES];
    if (sealed.count < SEAL_BYTES || memcmp(sealed.bytes, MARK, MARK_BYTES) != 0) {
        return fail(err, STATUS_INVALID, "it was not sealed by a passphrase");
    }
    const size_t plain_bytes = sealed.count - SEAL_BYTES;
    char *plain = buffer_reserve(out_plain, plain_bytes + 1);
    if (plain == NULL) {
        return buffer_status(out_plain, err);
    }
    TRY(make_key(passphrase, sealed.bytes, key, err));
    const int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
        (unsigned char *)plain, NULL, NULL, bytes_of(sealed) + HEAD_BYTES,
        sealed.count - HEAD_BYTES, bytes_of(sealed), HEAD_BYTES, bytes_of(sealed) + AT_NONCE, key);
    sodium_memzero(key, sizeof(key));
    if (opened != 0) {
        return fail(err, STATUS_DENIED,
                    "it was sealed by another passphrase, or changed since then");
    }
    buffer_took(out_plain, plain_bytes);
    return STATUS_OK;
}
