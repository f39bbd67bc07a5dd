/*
 * test_tls: authorities, certificates and the server's end of TLS (GnuTLS itself), for unit tests
 * alone.
 *
 * What does not succeed ends the program: a test without them shows nothing.
 *
 * Thread: one for each thing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEST_PEM_BYTES = 8192, TEST_HASH_BYTES = 32, TEST_DAY_S = 24 * 3600 };

/* 2026-01-01, where these certificates stand in time; the machine's clock does not matter. */
#define TEST_NOW_S 1767225600L

struct test_identity {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    char chain_pem[2 * TEST_PEM_BYTES]; /* with what signed it behind it */
    char key_pem[TEST_PEM_BYTES];
    uint8_t pin[TEST_HASH_BYTES]; /* of its key */
};

/* All zeroes: a certificate for a client that begins a day ago and ends in a year. */
struct test_wish {
    const char *purpose; /* NULL: of a client; "": none */
    long begins_s, ends_s;
    int is_authority;
    int key_is_ed25519;
    const struct test_identity *shown_behind; /* in the chain, in the signer's place */
};

static inline void test_need(int truth, const char *what) {
    if (!truth) {
        (void)fprintf(stderr, "test_tls: %s\n", what);
        abort();
    }
}

#define TEST_NEED(call) test_need((call) >= 0, #call)

static inline void test_identity_export(struct test_identity *identity, const char *behind) {
    size_t bytes = TEST_PEM_BYTES;
    TEST_NEED(gnutls_x509_crt_export(identity->certificate, GNUTLS_X509_FMT_PEM,
                                     identity->chain_pem, &bytes));
    TEST_NEED(
        snprintf(identity->chain_pem + bytes, sizeof identity->chain_pem - bytes, "%s", behind));
    bytes = sizeof identity->key_pem - 1;
    TEST_NEED(gnutls_x509_privkey_export_pkcs8(identity->key, GNUTLS_X509_FMT_PEM, NULL,
                                               GNUTLS_PKCS_PLAIN, identity->key_pem, &bytes));
    identity->key_pem[bytes] = '\0';
    bytes = sizeof identity->pin;
    TEST_NEED(gnutls_x509_crt_get_key_id(identity->certificate, GNUTLS_KEYID_USE_SHA256,
                                         identity->pin, &bytes));
}

/* A key and its certificate, signed by `signer`, or by itself. */
static inline struct test_identity *test_identity_make(const struct test_identity *signer,
                                                       struct test_wish wish) {
    static unsigned char serial = 1;
    struct test_identity *made = calloc(1, sizeof *made);
    const char *name = wish.is_authority ? "CN=authority" : "CN=one of its own";
    const char *purpose = wish.purpose != NULL ? wish.purpose : GNUTLS_KP_TLS_WWW_CLIENT;
    test_need(made != NULL, "memory");
    serial++;
    TEST_NEED(gnutls_x509_privkey_init(&made->key));
    TEST_NEED(wish.key_is_ed25519
                  ? gnutls_x509_privkey_generate(made->key, GNUTLS_PK_EDDSA_ED25519, 0, 0)
                  : gnutls_x509_privkey_generate(made->key, GNUTLS_PK_ECDSA,
                                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                                 0));
    TEST_NEED(gnutls_x509_crt_init(&made->certificate));
    TEST_NEED(gnutls_x509_crt_set_version(made->certificate, 3));
    TEST_NEED(gnutls_x509_crt_set_serial(made->certificate, &serial, 1));
    TEST_NEED(gnutls_x509_crt_set_dn(made->certificate, name, NULL));
    TEST_NEED(gnutls_x509_crt_set_key(made->certificate, made->key));
    TEST_NEED(gnutls_x509_crt_set_activation_time(
        made->certificate, wish.begins_s != 0 ? wish.begins_s : TEST_NOW_S - TEST_DAY_S));
    TEST_NEED(gnutls_x509_crt_set_expiration_time(
        made->certificate, wish.ends_s != 0 ? wish.ends_s : TEST_NOW_S + 365L * TEST_DAY_S));
    TEST_NEED(
        gnutls_x509_crt_set_basic_constraints(made->certificate, (unsigned)wish.is_authority, -1));
    TEST_NEED(gnutls_x509_crt_set_key_usage(made->certificate,
                                            wish.is_authority ? GNUTLS_KEY_KEY_CERT_SIGN |
                                                                    GNUTLS_KEY_DIGITAL_SIGNATURE
                                                              : GNUTLS_KEY_DIGITAL_SIGNATURE));
    if (!wish.is_authority && purpose[0] != '\0') {
        TEST_NEED(gnutls_x509_crt_set_key_purpose_oid(made->certificate, purpose, 0));
    }
    const struct test_identity *by = signer != NULL ? signer : made;
    TEST_NEED(
        gnutls_x509_crt_sign2(made->certificate, by->certificate, by->key, GNUTLS_DIG_UNKNOWN, 0));
    const struct test_identity *behind = wish.shown_behind != NULL ? wish.shown_behind : signer;
    test_identity_export(made, behind != NULL ? behind->chain_pem : "");
    return made;
}

static inline void test_identity_free(struct test_identity *identity) {
    if (identity != NULL) {
        gnutls_x509_privkey_deinit(identity->key);
        gnutls_x509_crt_deinit(identity->certificate);
        free(identity);
    }
}

/* How a server shows itself and what it wants of clients. */
struct test_server_wish {
    const struct test_identity *identity;
    const struct test_identity *trusted; /* must have signed the client's; NULL: asks for none */
    const char *suites;                  /* NULL: TLS 1.3 alone */
};

struct test_server {
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

/* Any date will do: the machine's clock is not that of the test. */
static inline int test_server_verify(gnutls_session_t session) {
    unsigned faults = 0;
    gnutls_typed_vdata_st data = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                  .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    if (gnutls_certificate_get_peers(session, NULL) == NULL) {
        return GNUTLS_E_CERTIFICATE_REQUIRED;
    }
    return gnutls_certificate_verify_peers(session, &data, 1, &faults) == 0 && faults == 0 ? 0 : -1;
}

/* The chain as it was written: GnuTLS would leave out what does not belong together. */
static inline void test_server_show(struct test_server *server,
                                    const struct test_identity *identity) {
    enum { SHOWN_MAX = 4 };
    const gnutls_datum_t pem = {.data = (unsigned char *)(uintptr_t)identity->chain_pem,
                                .size = (unsigned)strlen(identity->chain_pem)};
    gnutls_pcert_st chain[SHOWN_MAX];
    gnutls_x509_crt_t certificates[SHOWN_MAX];
    unsigned count = SHOWN_MAX;
    gnutls_privkey_t key = NULL;
    TEST_NEED(gnutls_certificate_allocate_credentials(&server->credentials));
    TEST_NEED(gnutls_x509_crt_list_import(certificates, &count, &pem, GNUTLS_X509_FMT_PEM, 0));
    for (unsigned i = 0; i < count; i++) {
        TEST_NEED(gnutls_pcert_import_x509(&chain[i], certificates[i], 0));
        gnutls_x509_crt_deinit(certificates[i]);
    }
    TEST_NEED(gnutls_privkey_init(&key));
    TEST_NEED(gnutls_privkey_import_x509(key, identity->key, GNUTLS_PRIVKEY_IMPORT_COPY));
    TEST_NEED(gnutls_certificate_set_key(server->credentials, NULL, 0, chain, (int)count, key));
}

/* Its transport is the caller's to set. */
static inline void test_server_open(struct test_server *server, struct test_server_wish wish) {
    test_server_show(server, wish.identity);
    TEST_NEED(gnutls_init(&server->session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL));
    TEST_NEED(gnutls_priority_set_direct(
        server->session, wish.suites != NULL ? wish.suites : "NORMAL:-VERS-ALL:+VERS-TLS1.3",
        NULL));
    TEST_NEED(gnutls_credentials_set(server->session, GNUTLS_CRD_CERTIFICATE, server->credentials));
    if (wish.trusted != NULL) {
        gnutls_x509_crt_t trusted = wish.trusted->certificate;
        TEST_NEED(gnutls_certificate_set_x509_trust(server->credentials, &trusted, 1));
        gnutls_certificate_set_verify_flags(server->credentials, GNUTLS_VERIFY_DISABLE_TIME_CHECKS);
        gnutls_certificate_set_verify_function(server->credentials, test_server_verify);
        gnutls_certificate_server_set_request(server->session, GNUTLS_CERT_REQUIRE);
    }
}

static inline void test_server_close(struct test_server *server) {
    gnutls_deinit(server->session);
    gnutls_certificate_free_credentials(server->credentials);
}
