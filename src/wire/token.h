/*
 * token: what a hub gives a person so that a device may join: EBB1- and about 75 letters and
 * digits.
 *
 * It holds the pin of the hub's authority, so the device believes no other hub; an id, by which the
 * hub knows it; a secret, which never crosses the wire; and, where the hub knew one, an address.
 * The secret proves itself: HMAC-SHA256 over "ebb-enrol/1" and SHA-256 of the request, keyed by the
 * secret's verifier, which is all that the hub keeps.
 *
 * Bytes, in base32 (Crockford's letters; O reads as 0, I and L as 1, case and hyphens count for
 * nothing): version u8 (1), pin 16, id 8, secret 16, addresses, and of all these the first 4 bytes
 * of BLAKE2b, by which a mistyped token is told from one that the hub does not know.
 *
 * Plain data, pure: any thread. Foreign bytes: yes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "platform/hash.h"

enum {
    TOKEN_PIN_BYTES = 16,
    TOKEN_ID_BYTES = 8,
    TOKEN_ID_HEX_BYTES = 2 * TOKEN_ID_BYTES,
    TOKEN_SECRET_BYTES = 16,
    TOKEN_ADDRESSES_BYTES_MAX = 255, /* together */
    TOKEN_TEXT_BYTES_MAX = 496,      /* with a zero */
    /* How long one may be used: a minute to 366 days. */
    TOKEN_LIFE_S_LEAST = 60,
    TOKEN_LIFE_S_MOST = 366 * 24 * 3600
};

struct token_id {
    uint8_t bytes[TOKEN_ID_BYTES];
};

struct token {
    uint8_t pin[TOKEN_PIN_BYTES]; /* the start of SHA-256 of the authority's SubjectPublicKeyInfo */
    struct token_id id;
    uint8_t secret[TOKEN_SECRET_BYTES];
    char addresses[TOKEN_ADDRESSES_BYTES_MAX + 1]; /* HOST:PORT, with blanks between; "" */
};

/* With a zero at the end. Addresses are as they are: the caller has checked them. */
void token_write(const struct token *token, char out_text[TOKEN_TEXT_BYTES_MAX]);

/* INVALID: it is no token, is mistyped, or is of a version that this program does not know; the
 * sentence says which. */
status token_read(struct slice text, struct token *out_token, struct error *err);

/* BLAKE2b-256 of the secret: what the hub keeps, and the key of the proof. */
struct digest token_verifier(const uint8_t secret[TOKEN_SECRET_BYTES]);

/* What proves to hold the verifier, for this request alone: its bytes are taken as they are
 * sent. */
struct digest token_proof(const struct digest *verifier, struct slice request);

/* 16 hexadecimal digits and a zero, and back; false for anything else. */
void token_id_write(struct token_id id, char out_hex[TOKEN_ID_HEX_BYTES + 1]);
bool token_id_read(struct slice hex, struct token_id *out_id);
