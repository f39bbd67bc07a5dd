/*
 * tls: the client's end of a TLS 1.3 connection (GnuTLS), between two heaps of bytes.
 *
 * It knows no socket: what came is handed in, what is to be sent is taken out. The server is known
 * by a pin, the SHA-256 of its authority's public key, as a join token carries it: its chain must
 * hold the authority's certificate, which must be one of an authority, have that key, and have
 * signed the server's, which must be made for servers. Its name is not asked, since addresses
 * change and the authority is the hub's own. All of that is checked inside the handshake, before
 * our certificate or anything else of ours is sent but the opening.
 *
 * Dates: a device's clock may be wrong, so the caller says what time it is at least. What ended
 * before that is refused; what begins later is not, for it may be later. Signatures are checked
 * whatever the clock says.
 *
 * TLS 1.3 alone, X25519 or P-256, no tickets, no resumption. The private key lies in memory alone.
 *
 * Thread: one at a time. Foreign bytes: yes, bounded by TLS_HELD_BYTES_MAX.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum {
    TLS_RECORD_BYTES_MAX = 16 << 10, /* tls_write takes at most so much at once */
    TLS_HELD_BYTES_MAX = 64 << 10,   /* in each direction */
    TLS_PIN_BYTES = 32,
    TLS_PIN_BYTES_LEAST = 16, /* a pin may be cut to so many */
    TLS_CHAIN_MAX = 8         /* certificates that a server may show */
};

struct tls;

/* Only needed while tls_create is called. */
struct tls_options {
    struct slice pin;         /* TLS_PIN_BYTES or TLS_PIN_BYTES_LEAST of them */
    struct slice certificate; /* ours and what it is signed by, in PEM; empty: none */
    struct slice key;         /* its private key, in PEM */
    int64_t clock_floor_ms;   /* it is at least that late */
    const char *name; /* the host's, for who finds servers by it; NULL or an address: untold */
};

/* INVALID: the pin, the certificate or the key is not what it should be, and which. */
status tls_create(const struct tls_options *options, struct tls **out_tls, struct error *err);
void tls_destroy(struct tls *tls); /* NULL is fine */

/* What came over the wire, copied. FULL: what came before has not been read. */
status tls_receive(struct tls *tls, struct slice bytes, struct error *err);

/* Goes on with the handshake as far as what came allows; tls_is_ready says when it is through.
 * DENIED: who answers is not our hub. CORRUPT: it speaks no TLS that we speak. */
status tls_shake(struct tls *tls, struct error *err);
bool tls_is_ready(const struct tls *tls);

/* What was said, decrypted; a count of 0: no more for now. DENIED: the other side does not take our
 * certificate. OFFLINE: it has said good-bye. CORRUPT. */
status tls_read(struct tls *tls, char *room, size_t bytes, size_t *out_count, struct error *err);

/* All of it, or nothing and FULL: what is to be sent has not been sent. */
status tls_write(struct tls *tls, struct slice bytes, struct error *err);

/* What is to be sent, and that so much of it was. */
struct slice tls_outgoing(const struct tls *tls);
void tls_sent(struct tls *tls, size_t count);
