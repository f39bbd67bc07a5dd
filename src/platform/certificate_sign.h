/*
 * certificate_sign: bytes signed by the key of a certificate, for what is carried by hand.
 *
 * What is signed begins with a line that says of what kind it is, so that no signature counts for
 * another thing. ECDSA over SHA-256 for P-256, or Ed25519, as the key is.
 *
 * Thread: any; nothing is kept. Foreign bytes: certificates and signatures, bounded.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"

enum { CERTIFICATE_SIGNATURE_BYTES_MAX = 256 };

/* Appends the signature. */
status certificate_sign(struct slice key_pem, struct slice bytes, struct buffer *out_signature,
                        struct error *err);

/* DENIED unless the key of the certificate (PEM or DER, the first one) has signed the bytes. */
status certificate_sign_check(struct slice certificate, struct slice bytes, struct slice signature,
                              struct error *err);
