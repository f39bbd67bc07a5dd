// SPDX-License-Identifier: Apache-2.0
#include "platform/certificate.h"

#include <arpa/inet.h>
#include <assert.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "platform/random.h"

enum { SERIAL_BYTES_MOST = 20, HOST_BYTES_MAX = 256, KEY_ID_BYTES = 20, P256_BITS = 256 };

static const char PEM_BEGIN[] = "-----BEGIN ";
static const char PEM_END[] = "-----END CERTIFICATE-----";

/* Whatever GnuTLS does not understand is wrong in what it was given; there is no other world
 * here. */
static status fail_library(struct error *err, int code, const char *doing) {
    const status class = code == GNUTLS_E_MEMORY_ERROR ? STATUS_NO_MEMORY : STATUS_INVALID;
    return fail(err, class, "%s: %s", doing, gnutls_strerror(code));
}

/* GnuTLS takes bytes that it might change, but does not. */
static gnutls_datum_t datum(struct slice bytes) {
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)bytes.bytes,
                            .size = (unsigned)bytes.count};
}

static gnutls_x509_crt_fmt_t format_of(struct slice bytes) {
    return slice_starts(slice_trim(bytes), PEM_BEGIN) ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER;
}

static void forget_datum(gnutls_datum_t *bytes) {
    if (bytes->data != NULL) {
        gnutls_memset(bytes->data, 0, bytes->size);
        gnutls_free(bytes->data);
    }
}

static void forget_key(gnutls_x509_privkey_t *key) {
    if (*key != NULL) {
        gnutls_x509_privkey_deinit(*key);
    }
}

static void forget_request(gnutls_x509_crq_t *request) {
    if (*request != NULL) {
        gnutls_x509_crq_deinit(*request);
    }
}

static void forget_certificate(gnutls_x509_crt_t *certificate) {
    if (*certificate != NULL) {
        gnutls_x509_crt_deinit(*certificate);
    }
}

static void forget_public_key(gnutls_pubkey_t *key) {
    if (*key != NULL) {
        gnutls_pubkey_deinit(*key);
    }
}

static status append(struct buffer *out, const gnutls_datum_t *bytes, struct error *err) {
    buffer_add(out, (struct slice){.bytes = (const char *)bytes->data, .count = bytes->size});
    return buffer_status(out, err);
}

/* --- keys ------------------------------------------------------------------------------------- */

static status open_key(struct slice pem, gnutls_x509_privkey_t *out_key, struct error *err) {
    if (pem.count == 0 || pem.count > CERTIFICATE_KEY_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a key has 1 to %d bytes, not %zu",
                    CERTIFICATE_KEY_BYTES_MAX, pem.count);
    }
    const gnutls_datum_t bytes = datum(pem);
    int code = gnutls_x509_privkey_init(out_key);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_privkey_import(*out_key, &bytes, GNUTLS_X509_FMT_PEM);
    }
    return code == GNUTLS_E_SUCCESS ? STATUS_OK : fail_library(err, code, "read the key");
}

status certificate_key_make(struct buffer *out_pem, struct error *err) {
    CLEANUP(forget_key) gnutls_x509_privkey_t key = NULL;
    CLEANUP(forget_datum) gnutls_datum_t pem = {0};
    int code = gnutls_x509_privkey_init(&key);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_privkey_generate2(
            key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0, NULL, 0);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                                 &pem);
    }
    return code == GNUTLS_E_SUCCESS ? append(out_pem, &pem, err)
                                    : fail_library(err, code, "make a key");
}

static status digest_of_key(gnutls_x509_privkey_t key, struct digest *out_spki, struct error *err) {
    size_t count = DIGEST_BYTES;
    const int code =
        gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, out_spki->bytes, &count);
    return code == GNUTLS_E_SUCCESS ? STATUS_OK : fail_library(err, code, "look at the key");
}

status certificate_key_digest(struct slice key_pem, struct digest *out_spki, struct error *err) {
    CLEANUP(forget_key) gnutls_x509_privkey_t key = NULL;
    TRY(open_key(key_pem, &key, err));
    return digest_of_key(key, out_spki, err);
}

/* --- requests --------------------------------------------------------------------------------- */

static int name_request(gnutls_x509_crq_t request, struct slice subject) {
    const struct slice name = text_cut(subject, CERTIFICATE_NAME_BYTES_MAX);
    return name.count == 0 ? GNUTLS_E_SUCCESS
                           : gnutls_x509_crq_set_dn_by_oid(request, GNUTLS_OID_X520_COMMON_NAME, 0,
                                                           name.bytes, (unsigned)name.count);
}

status certificate_request_make(struct slice key_pem, struct slice subject, struct buffer *out_pem,
                                struct error *err) {
    CLEANUP(forget_key) gnutls_x509_privkey_t key = NULL;
    CLEANUP(forget_request) gnutls_x509_crq_t request = NULL;
    CLEANUP(forget_datum) gnutls_datum_t pem = {0};
    TRY(open_key(key_pem, &key, err));
    int code = gnutls_x509_crq_init(&request);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crq_set_version(request, 1);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = name_request(request, subject);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crq_set_key(request, key);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crq_sign2(request, key, GNUTLS_DIG_SHA256, 0);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crq_export2(request, GNUTLS_X509_FMT_PEM, &pem);
    }
    return code == GNUTLS_E_SUCCESS ? append(out_pem, &pem, err)
                                    : fail_library(err, code, "make a request");
}

/* Opens a request whose signature is of its own key. */
static status open_request(struct slice pem, gnutls_x509_crq_t *out_request, struct error *err) {
    if (pem.count == 0 || pem.count > CERTIFICATE_REQUEST_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a certificate request has 1 to %d bytes, not %zu",
                    CERTIFICATE_REQUEST_BYTES_MAX, pem.count);
    }
    const gnutls_datum_t bytes = datum(pem);
    int code = gnutls_x509_crq_init(out_request);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crq_import(*out_request, &bytes, GNUTLS_X509_FMT_PEM);
    }
    if (code != GNUTLS_E_SUCCESS) {
        return fail_library(err, code, "read the certificate request");
    }
    unsigned bits = 0;
    const int kind = gnutls_x509_crq_get_pk_algorithm(*out_request, &bits);
    if (kind != GNUTLS_PK_EDDSA_ED25519 && (kind != GNUTLS_PK_ECDSA || bits != P256_BITS)) {
        return fail(err, STATUS_INVALID,
                    "the certificate request is for a key that is neither P-256 nor Ed25519");
    }
    code = gnutls_x509_crq_verify(*out_request, 0);
    return code == GNUTLS_E_SUCCESS
               ? STATUS_OK
               : fail_library(err, code, "the certificate request is not signed by its key");
}

static status digest_of_request(gnutls_x509_crq_t request, struct digest *out_spki,
                                struct error *err) {
    size_t count = DIGEST_BYTES;
    const int code =
        gnutls_x509_crq_get_key_id(request, GNUTLS_KEYID_USE_SHA256, out_spki->bytes, &count);
    return code == GNUTLS_E_SUCCESS ? STATUS_OK
                                    : fail_library(err, code, "look at the certificate request");
}

status certificate_request_check(struct slice request_pem, struct digest *out_spki,
                                 struct error *err) {
    CLEANUP(forget_request) gnutls_x509_crq_t request = NULL;
    TRY(open_request(request_pem, &request, err));
    return digest_of_request(request, out_spki, err);
}

/* --- issuing ---------------------------------------------------------------------------------- */

struct id certificate_serial(void) {
    struct id serial = random_id();
    serial.bytes[0] = (uint8_t)((serial.bytes[0] & 0x3f) | 0x40); /* positive, and 16 bytes long */
    return serial;
}

static int set_times(gnutls_x509_crt_t certificate, const struct certificate_wish *wish) {
    const int code = gnutls_x509_crt_set_activation_time(certificate, wish->not_before_ms / 1000);
    return code != GNUTLS_E_SUCCESS
               ? code
               : gnutls_x509_crt_set_expiration_time(certificate, wish->not_after_ms / 1000);
}

static int set_name(gnutls_x509_crt_t certificate, struct slice subject) {
    const struct slice name = text_cut(subject, CERTIFICATE_NAME_BYTES_MAX);
    return name.count == 0 ? GNUTLS_E_SUCCESS
                           : gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME,
                                                           0, name.bytes, (unsigned)name.count);
}

static int add_host(gnutls_x509_crt_t certificate, struct slice host) {
    unsigned char address[sizeof(struct in6_addr)];
    char text[HOST_BYTES_MAX];
    if (host.count == 0 || host.count >= sizeof(text)) {
        return GNUTLS_E_INVALID_REQUEST;
    }
    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(host));
    if (inet_pton(AF_INET, text, address) == 1) {
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address,
                                                    sizeof(struct in_addr), GNUTLS_FSAN_APPEND);
    }
    if (inet_pton(AF_INET6, text, address) == 1) {
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address,
                                                    sizeof(struct in6_addr), GNUTLS_FSAN_APPEND);
    }
    return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, host.bytes,
                                                (unsigned)host.count, GNUTLS_FSAN_APPEND);
}

static int set_authority_use(gnutls_x509_crt_t certificate) {
    const int code = gnutls_x509_crt_set_basic_constraints(certificate, 1, 0);
    return code != GNUTLS_E_SUCCESS
               ? code
               : gnutls_x509_crt_set_key_usage(certificate,
                                               GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
}

static int set_use(gnutls_x509_crt_t certificate, const struct certificate_wish *wish) {
    if (wish->use == CERTIFICATE_AUTHORITY) {
        return set_authority_use(certificate);
    }
    int code = gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crt_set_key_purpose_oid(
            certificate,
            wish->use == CERTIFICATE_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT,
            0);
    }
    if (code == GNUTLS_E_SUCCESS && wish->uri.count > 0) {
        code = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_URI, wish->uri.bytes,
                                                    (unsigned)wish->uri.count, GNUTLS_FSAN_APPEND);
    }
    for (uint32_t i = 0; code == GNUTLS_E_SUCCESS && i < wish->name_count; i++) {
        code = add_host(certificate, wish->names[i]);
    }
    return code;
}

/* By these an old verifier finds the authority among several of one name. */
static int set_key_ids(gnutls_x509_crt_t certificate, gnutls_x509_crt_t authority) {
    unsigned char id[KEY_ID_BYTES];
    unsigned char above[KEY_ID_BYTES];
    size_t count = sizeof(id);
    size_t above_count = sizeof(above);
    int code = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA1, id, &count);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crt_set_subject_key_id(certificate, id, count);
    }
    if (code != GNUTLS_E_SUCCESS || gnutls_x509_crt_get_subject_key_id(
                                        authority, above, &above_count, NULL) != GNUTLS_E_SUCCESS) {
        return code; /* an authority of others may have none, or one of another length */
    }
    return gnutls_x509_crt_set_authority_key_id(certificate, above, above_count);
}

static int fill(gnutls_x509_crt_t certificate, const struct certificate_wish *wish) {
    int code = gnutls_x509_crt_set_version(certificate, 3);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crt_set_serial(certificate, wish->serial.bytes, ID_BYTES);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = set_name(certificate, wish->subject);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = set_times(certificate, wish);
    }
    return code == GNUTLS_E_SUCCESS ? set_use(certificate, wish) : code;
}

/* Signs what has its key, by `authority`, which may be itself, and appends it. */
static status finish(gnutls_x509_crt_t certificate, const struct certificate_wish *wish,
                     gnutls_x509_crt_t authority, gnutls_x509_privkey_t authority_key,
                     struct buffer *out_pem, struct error *err) {
    CLEANUP(forget_datum) gnutls_datum_t pem = {0};
    int code = fill(certificate, wish);
    if (code == GNUTLS_E_SUCCESS) {
        code = set_key_ids(certificate, authority);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crt_sign2(certificate, authority, authority_key, GNUTLS_DIG_SHA256, 0);
    }
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem);
    }
    return code == GNUTLS_E_SUCCESS ? append(out_pem, &pem, err)
                                    : fail_library(err, code, "make a certificate");
}

status certificate_self_sign(struct slice key_pem, const struct certificate_wish *wish,
                             struct buffer *out_pem, struct error *err) {
    assert(wish->use == CERTIFICATE_AUTHORITY);
    CLEANUP(forget_key) gnutls_x509_privkey_t key = NULL;
    CLEANUP(forget_certificate) gnutls_x509_crt_t certificate = NULL;
    TRY(open_key(key_pem, &key, err));
    int code = gnutls_x509_crt_init(&certificate);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crt_set_key(certificate, key);
    }
    return code == GNUTLS_E_SUCCESS ? finish(certificate, wish, certificate, key, out_pem, err)
                                    : fail_library(err, code, "make a certificate");
}

/* --- reading ---------------------------------------------------------------------------------- */

static status open_certificate(struct slice bytes, gnutls_x509_crt_t *out_certificate,
                               struct error *err) {
    if (bytes.count == 0 || bytes.count > CERTIFICATE_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a certificate has 1 to %d bytes, not %zu",
                    CERTIFICATE_BYTES_MAX, bytes.count);
    }
    const gnutls_datum_t data = datum(bytes);
    int code = gnutls_x509_crt_init(out_certificate);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_x509_crt_import(*out_certificate, &data, format_of(bytes));
    }
    return code == GNUTLS_E_SUCCESS ? STATUS_OK : fail_library(err, code, "read the certificate");
}

static status digest_of_certificate(gnutls_x509_crt_t certificate, struct digest *out_spki,
                                    struct error *err) {
    size_t count = DIGEST_BYTES;
    const int code =
        gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, out_spki->bytes, &count);
    return code == GNUTLS_E_SUCCESS ? STATUS_OK
                                    : fail_library(err, code, "look at the certificate's key");
}

static struct id serial_of(gnutls_x509_crt_t certificate) {
    unsigned char bytes[SERIAL_BYTES_MOST + 1];
    size_t count = sizeof(bytes);
    struct id serial = {0};
    if (gnutls_x509_crt_get_serial(certificate, bytes, &count) == GNUTLS_E_SUCCESS) {
        const size_t kept = count < ID_BYTES ? count : ID_BYTES;
        (void)memcpy(serial.bytes + ID_BYTES - kept, bytes + count - kept, kept);
    }
    return serial;
}

static void read_uri(gnutls_x509_crt_t certificate, char out_uri[CERTIFICATE_URI_BYTES_MAX]) {
    out_uri[0] = '\0';
    for (unsigned i = 0;; i++) {
        char uri[CERTIFICATE_URI_BYTES_MAX];
        size_t count = sizeof(uri) - 1;
        const int kind = gnutls_x509_crt_get_subject_alt_name(certificate, i, uri, &count, NULL);
        if (kind == GNUTLS_SAN_URI && memchr(uri, '\0', count) == NULL) {
            (void)memcpy(out_uri, uri, count);
            out_uri[count] = '\0';
            return;
        }
        if (kind < 0 && kind != GNUTLS_E_SHORT_MEMORY_BUFFER) {
            return;
        }
    }
}

static bool is_authority(gnutls_x509_crt_t certificate) {
    unsigned may_sign = 0;
    return gnutls_x509_crt_get_basic_constraints(certificate, NULL, &may_sign, NULL) >= 0 &&
           may_sign != 0;
}

static void read_uses(gnutls_x509_crt_t certificate, struct certificate_facts *facts) {
    facts->is_authority = is_authority(certificate);
    for (unsigned i = 0;; i++) {
        char oid[64];
        size_t count = sizeof(oid);
        const int code = gnutls_x509_crt_get_key_purpose_oid(certificate, i, oid, &count, NULL);
        if (code == GNUTLS_E_SUCCESS) {
            facts->for_server |= strcmp(oid, GNUTLS_KP_TLS_WWW_SERVER) == 0;
            facts->for_client |= strcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0;
        } else if (code != GNUTLS_E_SHORT_MEMORY_BUFFER) {
            return;
        }
    }
}

status certificate_read(struct slice pem_or_der, struct certificate_facts *out_facts,
                        struct error *err) {
    CLEANUP(forget_certificate) gnutls_x509_crt_t certificate = NULL;
    CLEANUP(forget_datum) gnutls_datum_t der = {0};
    struct certificate_facts facts = {0};
    TRY(open_certificate(pem_or_der, &certificate, err));
    TRY(digest_of_certificate(certificate, &facts.spki, err));
    const int code = gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der);
    if (code != GNUTLS_E_SUCCESS) {
        return fail_library(err, code, "read the certificate");
    }
    facts.fingerprint =
        hash_sha256((struct slice){.bytes = (const char *)der.data, .count = der.size});
    facts.serial = serial_of(certificate);
    facts.not_before_ms = (int64_t)gnutls_x509_crt_get_activation_time(certificate) * 1000;
    facts.not_after_ms = (int64_t)gnutls_x509_crt_get_expiration_time(certificate) * 1000;
    read_uri(certificate, facts.uri);
    read_uses(certificate, &facts);
    *out_facts = facts;
    return STATUS_OK;
}

status certificate_check_issuer(struct slice pem_or_der, struct slice authority_pem,
                                struct error *err) {
    CLEANUP(forget_certificate) gnutls_x509_crt_t certificate = NULL;
    CLEANUP(forget_certificate) gnutls_x509_crt_t authority = NULL;
    TRY(open_certificate(pem_or_der, &certificate, err));
    if (open_certificate(authority_pem, &authority, err) != STATUS_OK) {
        return fail_while(err, "the authority");
    }
    unsigned verdict = 0;
    const int code = gnutls_x509_crt_verify(
        certificate, &authority, 1,
        GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS, &verdict);
    if (code != GNUTLS_E_SUCCESS) {
        return fail_library(err, code, "check who signed the certificate");
    }
    /* A certificate that is trusted as it stands is no answer to who signed it. */
    return verdict == 0 && is_authority(authority)
               ? STATUS_OK
               : fail(err, STATUS_DENIED,
                      "the certificate is not signed by the authority that is believed");
}

bool certificate_is_for(struct slice pem_or_der, const char *host) {
    CLEANUP(forget_certificate) gnutls_x509_crt_t certificate = NULL;
    return open_certificate(pem_or_der, &certificate, NULL) == STATUS_OK &&
           gnutls_x509_crt_check_hostname(certificate, host) != 0;
}

bool certificate_next(struct slice *rest, struct slice *out_pem) {
    if (rest->count == 0) {
        return false;
    }
    const char *begin = memmem(rest->bytes, rest->count, PEM_BEGIN, sizeof(PEM_BEGIN) - 1);
    if (begin == NULL) {
        return false;
    }
    const struct slice from = slice_part(*rest, (size_t)(begin - rest->bytes), rest->count);
    const char *end = memmem(from.bytes, from.count, PEM_END, sizeof(PEM_END) - 1);
    if (end == NULL) {
        return false;
    }
    size_t count = (size_t)(end - from.bytes) + sizeof(PEM_END) - 1;
    count += count < from.count && from.bytes[count] == '\n' ? 1 : 0;
    *out_pem = slice_part(from, 0, count);
    *rest = slice_part(from, count, from.count);
    return true;
}

/* --- issuing by an authority ------------------------------------------------------------------ */

static status check_pair(gnutls_x509_crt_t authority, gnutls_x509_privkey_t key,
                         struct error *err) {
    struct digest of_certificate, of_key;
    TRY(digest_of_certificate(authority, &of_certificate, err));
    TRY(digest_of_key(key, &of_key, err));
    return digest_equal(of_certificate, of_key)
               ? STATUS_OK
               : fail(err, STATUS_INVALID,
                      "the authority's key and its certificate do not belong together");
}

/* The key alone: gnutls_x509_crt_set_crq would take the name as well. */
static int take_key(gnutls_x509_crt_t certificate, gnutls_x509_crq_t request) {
    CLEANUP(forget_public_key) gnutls_pubkey_t key = NULL;
    int code = gnutls_pubkey_init(&key);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_pubkey_import_x509_crq(key, request, 0);
    }
    return code == GNUTLS_E_SUCCESS ? gnutls_x509_crt_set_pubkey(certificate, key) : code;
}

status certificate_issue(struct slice authority_pem, struct slice authority_key_pem,
                         struct slice request_pem, const struct certificate_wish *wish,
                         struct buffer *out_pem, struct error *err) {
    CLEANUP(forget_certificate) gnutls_x509_crt_t authority = NULL;
    CLEANUP(forget_certificate) gnutls_x509_crt_t certificate = NULL;
    CLEANUP(forget_key) gnutls_x509_privkey_t key = NULL;
    CLEANUP(forget_request) gnutls_x509_crq_t request = NULL;
    TRY(open_certificate(authority_pem, &authority, err));
    TRY(open_key(authority_key_pem, &key, err));
    TRY(check_pair(authority, key, err));
    TRY(open_request(request_pem, &request, err));
    int code = gnutls_x509_crt_init(&certificate);
    if (code == GNUTLS_E_SUCCESS) {
        code = take_key(certificate, request);
    }
    return code == GNUTLS_E_SUCCESS ? finish(certificate, wish, authority, key, out_pem, err)
                                    : fail_library(err, code, "make a certificate");
}
