/*
 * certificate: keys, requests and certificates of X.509, in PEM (GnuTLS): who is who on the line
 * between device and hub. Sessions of TLS are platform/tls; what signs packages is no certificate.
 *
 * Keys are P-256: chips that hold keys know that curve, and every TLS does. A request proves by its
 * own signature that whoever made it holds the key. Times of a certificate are read, never judged
 * here: whose clock counts is for the caller to say.
 *
 * Thread: any; nothing is kept. Foreign bytes: requests and certificates, bounded before they are
 * read.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/hash.h"

enum {
    CERTIFICATE_BYTES_MAX = 16 << 10, /* of one certificate, PEM or DER */
    CERTIFICATE_REQUEST_BYTES_MAX = 8 << 10,
    CERTIFICATE_KEY_BYTES_MAX = 4 << 10,
    CERTIFICATE_URI_BYTES_MAX = 256,
    CERTIFICATE_NAME_BYTES_MAX = 64 /* of a subject: X.509 holds no more */
};

/* Appends a new private key as PEM (PKCS 8); secret_forget wipes the buffer. */
status certificate_key_make(struct buffer *out_pem, struct error *err);

/* SHA-256 of the key's SubjectPublicKeyInfo: what a pin is, and by what keys are compared. */
status certificate_key_digest(struct slice key_pem, struct digest *out_spki, struct error *err);

/* Appends a request (PKCS 10, PEM) signed by the key. */
status certificate_request_make(struct slice key_pem, struct slice subject, struct buffer *out_pem,
                                struct error *err);

/* INVALID unless it is a request of at most CERTIFICATE_REQUEST_BYTES_MAX, for a key of a kind that
 * we take (P-256, Ed25519), signed by that key. */
status certificate_request_check(struct slice request_pem, struct digest *out_spki,
                                 struct error *err);

enum certificate_use { CERTIFICATE_AUTHORITY, CERTIFICATE_SERVER, CERTIFICATE_DEVICE };

/* What a certificate is to say. */
struct certificate_wish {
    enum certificate_use use;
    struct id serial;          /* certificate_serial makes one */
    struct slice subject;      /* its common name, for people */
    struct slice uri;          /* of a device: its SAN; else empty */
    const struct slice *names; /* of a server: names and addresses that it is reached under */
    uint32_t name_count;
    int64_t not_before_ms, not_after_ms; /* whole seconds count */
};

/* A serial of 128 bits that X.509 takes as it is: 127 of them are by chance. */
struct id certificate_serial(void);

/* Appends an authority's own certificate. */
status certificate_self_sign(struct slice key_pem, const struct certificate_wish *wish,
                             struct buffer *out_pem, struct error *err);

/* Appends a certificate for a request's key, signed by the authority. Only the key is taken from
 * the request; it is checked again. INVALID when the authority's key and certificate are no
 * pair. */
status certificate_issue(struct slice authority_pem, struct slice authority_key_pem,
                         struct slice request_pem, const struct certificate_wish *wish,
                         struct buffer *out_pem, struct error *err);

/* What a certificate says. */
struct certificate_facts {
    struct id serial;          /* the last 16 bytes of it */
    struct digest spki;        /* of its key */
    struct digest fingerprint; /* SHA-256 of its DER */
    int64_t not_before_ms, not_after_ms;
    char uri[CERTIFICATE_URI_BYTES_MAX]; /* the first of its SAN; "" */
    bool is_authority, for_server, for_client;
};

/* Reads the first certificate of PEM, or DER. INVALID: it is none. */
status certificate_read(struct slice pem_or_der, struct certificate_facts *out_facts,
                        struct error *err);

/* DENIED unless the authority has signed it (whatever the time is); INVALID when either is none. */
status certificate_check_issuer(struct slice pem_or_der, struct slice authority_pem,
                                struct error *err);

/* Whether a server of that name or address may show it. */
bool certificate_is_for(struct slice pem_or_der, const char *host);

/* Takes the first certificate off PEM that may hold several; false: none is left. */
bool certificate_next(struct slice *rest, struct slice *out_pem);
