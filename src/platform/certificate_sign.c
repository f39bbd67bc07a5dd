// SPDX-License-Identifier: Apache-2.0
#include "platform/certificate_sign.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "platform/certificate.h"

static status fail_library(struct error *err, int code, const char *doing) {
    const status class = code == GNUTLS_E_MEMORY_ERROR ? STATUS_NO_MEMORY : STATUS_INVALID;
    return fail(err, class, "%s: %s", doing, gnutls_strerror(code));
}

/* GnuTLS takes bytes that it might change, but does not. */
static gnutls_datum_t datum(struct slice bytes) {
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)bytes.bytes,
                            .size = (unsigned)bytes.count};
}

static void forget_private(gnutls_privkey_t *key) {
    if (*key != NULL) {
        gnutls_privkey_deinit(*key);
    }
}

static void forget_public(gnutls_pubkey_t *key) {
    if (*key != NULL) {
        gnutls_pubkey_deinit(*key);
    }
}

static void forget_certificate(gnutls_x509_crt_t *certificate) {
    if (*certificate != NULL) {
        gnutls_x509_crt_deinit(*certificate);
    }
}

static void forget_datum(gnutls_datum_t *bytes) {
    gnutls_free(bytes->data);
}

static gnutls_sign_algorithm_t algorithm_of(int key) {
    return key == GNUTLS_PK_EDDSA_ED25519 ? GNUTLS_SIGN_EDDSA_ED25519 : GNUTLS_SIGN_ECDSA_SHA256;
}

status certificate_sign(struct slice key_pem, struct slice bytes, struct buffer *out_signature,
                        struct error *err) {
    CLEANUP(forget_private) gnutls_privkey_t key = NULL;
    CLEANUP(forget_datum) gnutls_datum_t signature = {0};
    const gnutls_datum_t pem = datum(key_pem);
    const gnutls_datum_t plain = datum(bytes);
    int code = gnutls_privkey_init(&key);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_privkey_import_x509_raw(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    }
    if (code == GNUTLS_E_SUCCESS) {
        const int kind = gnutls_privkey_get_pk_algorithm(key, NULL);
        code = gnutls_privkey_sign_data2(key, algorithm_of(kind), 0, &plain, &signature);
    }
    if (code != GNUTLS_E_SUCCESS) {
        return fail_library(err, code, "sign");
    }
    buffer_add(out_signature,
               (struct slice){.bytes = (const char *)signature.data, .count = signature.size});
    return buffer_status(out_signature, err);
}

static int open_public(struct slice certificate, gnutls_pubkey_t *out_key) {
    CLEANUP(forget_certificate) gnutls_x509_crt_t opened = NULL;
    const gnutls_datum_t whole = datum(certificate);
    const bool is_text = slice_starts(slice_trim(certificate), "-----BEGIN ");
    int code = gnutls_x509_crt_init(&opened);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crt_import(opened, &whole,
                                      is_text ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_pubkey_init(out_key);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_pubkey_import_x509(*out_key, opened, 0);
    }
    return code;
}

status certificate_sign_check(struct slice certificate, struct slice bytes, struct slice signature,
                              struct error *err) {
    CLEANUP(forget_public) gnutls_pubkey_t key = NULL;
    if (certificate.count == 0 || certificate.count > CERTIFICATE_BYTES_MAX ||
        signature.count == 0 || signature.count > CERTIFICATE_SIGNATURE_BYTES_MAX) {
        return fail(err, STATUS_DENIED, "there is no signature, or no certificate to check it by");
    }
    int code = open_public(certificate, &key);
    if (code != GNUTLS_E_SUCCESS) {
        return fail_library(err, code, "read the certificate");
    }
    const gnutls_datum_t plain = datum(bytes);
    const gnutls_datum_t signed_by = datum(signature);
    code = gnutls_pubkey_verify_data2(key, algorithm_of(gnutls_pubkey_get_pk_algorithm(key, NULL)),
                                      0, &plain, &signed_by);
    return code < 0 ? fail(err, STATUS_DENIED, "the signature is not of this certificate's key")
                    : STATUS_OK;
}
