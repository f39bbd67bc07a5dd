// SPDX-License-Identifier: Apache-2.0
#include "platform/password.h"

#include <sodium.h>
#include <string.h>

enum { ROUNDS = 2, GROUP_LETTERS = 4, RANDOM_LETTERS = 18 };
_Static_assert(PASSWORD_VERIFIER_BYTES == crypto_pwhash_STRBYTES, "the header says how many");
_Static_assert(RANDOM_LETTERS + (RANDOM_LETTERS - 1) / GROUP_LETTERS < PASSWORD_RANDOM_BYTES,
               "the header says how many");

/* 32 of them: no l, o, 0, 1. */
static const char LETTERS[] = "abcdefghijkmnpqrstuvwxyz23456789";
_Static_assert(sizeof(LETTERS) == 32 + 1, "five bits each");

status password_check_length(struct slice password, struct error *err) {
    if (password.count >= PASSWORD_BYTES_MIN && password.count <= PASSWORD_BYTES_MAX) {
        return STATUS_OK;
    }
    return fail(err, STATUS_INVALID, "a password has %d to %d letters, and this one has %zu",
                PASSWORD_BYTES_MIN, PASSWORD_BYTES_MAX, password.count);
}

static status keep(struct slice password, unsigned long long rounds, size_t memory,
                   char out_verifier[PASSWORD_VERIFIER_BYTES], struct error *err) {
    return crypto_pwhash_str(out_verifier, password.bytes, password.count, rounds, memory) == 0
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "no %zu bytes of memory for a password", memory);
}

status password_keep(struct slice password, char out_verifier[PASSWORD_VERIFIER_BYTES],
                     struct error *err) {
    return keep(password, ROUNDS, PASSWORD_MEMORY_BYTES, out_verifier, err);
}

bool password_fits(const char *verifier, struct slice password) {
    char kept[PASSWORD_VERIFIER_BYTES];
    if (verifier[0] == '\0') {
        struct error err;
        (void)password_keep(password, kept, &err); /* as long as it takes to check one */
        return false;
    }
    return password.count <= PASSWORD_BYTES_MAX &&
           crypto_pwhash_str_verify(verifier, password.bytes, password.count) == 0;
}

status password_make_random(char out_password[PASSWORD_RANDOM_BYTES],
                            char out_verifier[PASSWORD_VERIFIER_BYTES], struct error *err) {
    size_t count = 0;
    for (int i = 0; i < RANDOM_LETTERS; i++) {
        if (i > 0 && i % GROUP_LETTERS == 0) {
            out_password[count++] = '-';
        }
        out_password[count++] = LETTERS[randombytes_uniform(sizeof(LETTERS) - 1)];
    }
    out_password[count] = '\0';
    return keep((struct slice){.bytes = out_password, .count = count}, crypto_pwhash_OPSLIMIT_MIN,
                crypto_pwhash_MEMLIMIT_MIN, out_verifier, err);
}
