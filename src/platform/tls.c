// SPDX-License-Identifier: Apache-2.0
#include "platform/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/time.h"

/* What both ends of the link have; the rest of TLS is not for us. */
static const char SUITES[] = "NONE:+VERS-TLS1.3:+AEAD:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
                             "+GROUP-X25519:+GROUP-SECP256R1:+SIGN-EDDSA-ED25519:"
                             "+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:"
                             "+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-SHA256:+SIGN-RSA-SHA256:"
                             "+CTYPE-X509";

enum {
    HANDSHAKE_BYTES_MAX = 32 << 10, /* one message, which a chain of TLS_CHAIN_MAX fits into */
    MS_PER_S = 1000
};

struct tls {
    gnutls_session_t session; /* owned, as all here */
    gnutls_certificate_credentials_t credentials;
    struct buffer incoming, outgoing;
    uint8_t pin[TLS_PIN_BYTES];
    size_t pin_bytes;
    int64_t clock_floor_ms;
    bool ready;
    struct error refusal; /* why the server is not ours */
};

/* What a server showed. */
struct chain {
    gnutls_x509_crt_t certificates[TLS_CHAIN_MAX]; /* owned */
    unsigned count;
};

static void chain_done(struct chain *chain) {
    for (unsigned i = 0; i < chain->count; i++) {
        gnutls_x509_crt_deinit(chain->certificates[i]);
    }
}

/* --- who the server is --- */

static status read_chain(struct tls *tls, struct chain *chain, struct error *err) {
    unsigned count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(tls->session, &count);
    if (shown == NULL || count == 0 || count > TLS_CHAIN_MAX) {
        return fail(err, STATUS_DENIED, "the server shows %u certificates, and 1 to %d are read",
                    count, TLS_CHAIN_MAX);
    }
    while (chain->count < count) {
        if (gnutls_x509_crt_init(&chain->certificates[chain->count]) != 0) {
            return fail(err, STATUS_NO_MEMORY, "out of memory for a certificate");
        }
        const unsigned index = chain->count++;
        if (gnutls_x509_crt_import(chain->certificates[index], &shown[index],
                                   GNUTLS_X509_FMT_DER) != 0) {
            return fail(err, STATUS_DENIED, "the server's certificate cannot be read");
        }
    }
    return STATUS_OK;
}

static bool has_pin(const struct tls *tls, gnutls_x509_crt_t certificate) {
    uint8_t hash[TLS_PIN_BYTES] = {0};
    size_t bytes = sizeof hash;
    return gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, hash, &bytes) == 0 &&
           bytes == sizeof hash && memcmp(hash, tls->pin, tls->pin_bytes) == 0;
}

/* The authority stands behind the server's own certificate, never in its place. */
static gnutls_x509_crt_t find_authority(const struct tls *tls, const struct chain *chain) {
    for (unsigned i = 1; i < chain->count; i++) {
        gnutls_x509_crt_t certificate = chain->certificates[i];
        if (has_pin(tls, certificate) && gnutls_x509_crt_get_ca_status(certificate, NULL) > 0) {
            return certificate;
        }
    }
    return NULL;
}

/* Made for servers, in so many words: one that says nothing would be for everything. */
static bool is_for_servers(gnutls_x509_crt_t certificate) {
    char purpose[128];
    for (unsigned i = 0;; i++) {
        size_t bytes = sizeof purpose;
        const int code = gnutls_x509_crt_get_key_purpose_oid(certificate, i, purpose, &bytes, NULL);
        if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            return false;
        }
        if (code == 0 && strcmp(purpose, GNUTLS_KP_TLS_WWW_SERVER) == 0) {
            return gnutls_x509_crt_get_ca_status(certificate, NULL) <= 0;
        }
    }
}

static status check_dates(const struct tls *tls, const struct chain *chain, struct error *err) {
    for (unsigned i = 0; i < chain->count; i++) {
        const time_t end_s = gnutls_x509_crt_get_expiration_time(chain->certificates[i]);
        if (end_s == (time_t)-1) {
            return fail(err, STATUS_DENIED, "the server's certificate has no end");
        }
        if (end_s < tls->clock_floor_ms / MS_PER_S) {
            char ended[TIME_TEXT_BYTES];
            char now[TIME_TEXT_BYTES];
            time_write(end_s * MS_PER_S, ended);
            time_write(tls->clock_floor_ms, now);
            return fail(err, STATUS_DENIED,
                        "the certificate of the server%s ended at %s, and it is at least %s",
                        i == 0 ? "" : "'s authority", ended, now);
        }
    }
    return STATUS_OK;
}

/* That each is signed by the next, up to the authority. Dates were judged by our own floor. */
static status check_signatures(const struct chain *chain, gnutls_x509_crt_t authority,
                               struct error *err) {
    gnutls_x509_trust_list_t trusted = NULL;
    if (gnutls_x509_trust_list_init(&trusted, 0) != 0) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the hub's authority");
    }
    struct chain checked = *chain; /* a list of its own: it may be sorted */
    unsigned faults = UINT_MAX;
    const int added = gnutls_x509_trust_list_add_cas(trusted, &authority, 1, 0);
    const int code = gnutls_x509_trust_list_verify_crt(
        trusted, checked.certificates, checked.count,
        GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS |
            GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM),
        &faults, NULL);
    gnutls_x509_trust_list_deinit(trusted, 0); /* the authority stays the chain's */
    if (added != 1 || code != 0 || faults != 0) {
        return fail(err, STATUS_DENIED,
                    "the server's certificate is not signed by the hub's authority");
    }
    return STATUS_OK;
}

static status check_server(struct tls *tls, struct error *err) {
    CLEANUP(chain_done) struct chain chain = {0};
    TRY(read_chain(tls, &chain, err));
    gnutls_x509_crt_t authority = find_authority(tls, &chain);
    if (authority == NULL) {
        return fail(err, STATUS_DENIED,
                    "who answers is not our hub: it shows no authority that has the pinned key");
    }
    TRY(check_signatures(&chain, authority, err));
    if (!is_for_servers(chain.certificates[0])) {
        return fail(err, STATUS_DENIED, "the server's certificate is not one for servers");
    }
    return check_dates(tls, &chain, err);
}

/* Called in the handshake, before our certificate is sent. */
static int verify(gnutls_session_t session) {
    struct tls *tls = gnutls_session_get_ptr(session);
    return check_server(tls, &tls->refusal) == STATUS_OK ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

/* --- the two heaps --- */

/* A connection that waits for hours holds no room for what is not there. */
static void take_off(struct buffer *buffer, size_t count) {
    buffer_drop(buffer, count);
    if (buffer->count == 0) {
        buffer_done(buffer);
        buffer_init(buffer, TLS_HELD_BYTES_MAX);
    }
}

static ssize_t push(gnutls_transport_ptr_t owner, const void *bytes, size_t count) {
    struct tls *tls = owner;
    buffer_add(&tls->outgoing, (struct slice){.bytes = bytes, .count = count});
    if (tls->outgoing.failed != STATUS_OK) {
        gnutls_transport_set_errno(tls->session, ENOMEM);
        return -1;
    }
    return (ssize_t)count;
}

static ssize_t pull(gnutls_transport_ptr_t owner, void *room, size_t bytes) {
    struct tls *tls = owner;
    if (tls->incoming.count == 0) {
        gnutls_transport_set_errno(tls->session, EAGAIN);
        return -1;
    }
    const size_t count = bytes < tls->incoming.count ? bytes : tls->incoming.count;
    memcpy(room, tls->incoming.bytes, count);
    take_off(&tls->incoming, count);
    return (ssize_t)count;
}

static int pull_is_ready(gnutls_transport_ptr_t owner, unsigned within_ms) {
    const struct tls *tls = owner;
    (void)within_ms; /* nothing comes while we wait */
    return tls->incoming.count > 0;
}

/* --- beginning and end --- */

static gnutls_datum_t datum_of(struct slice bytes) {
    /* GnuTLS reads it, and has no word for that. */
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)bytes.bytes,
                            .size = (unsigned)bytes.count};
}

static status set_identity(struct tls *tls, const struct tls_options *options, struct error *err) {
    if (options->certificate.count == 0) {
        return STATUS_OK;
    }
    if (options->certificate.count > HANDSHAKE_BYTES_MAX ||
        options->key.count > HANDSHAKE_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a certificate and its key have at most %d bytes",
                    HANDSHAKE_BYTES_MAX);
    }
    const gnutls_datum_t certificate = datum_of(options->certificate);
    const gnutls_datum_t key = datum_of(options->key);
    const int code = gnutls_certificate_set_x509_key_mem2(tls->credentials, &certificate, &key,
                                                          GNUTLS_X509_FMT_PEM, NULL, 0);
    return code >= 0 ? STATUS_OK
                     : fail(err, STATUS_INVALID, "read this device's certificate and key: %.200s",
                            gnutls_strerror(code));
}

static bool is_address(const char *name) {
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool set_up(struct tls *tls, const char *name) {
    if (gnutls_init(&tls->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS |
                                       GNUTLS_NO_SIGNAL | GNUTLS_FORCE_CLIENT_CERT) != 0) {
        tls->session = NULL;
        return false;
    }
    gnutls_session_set_ptr(tls->session, tls);
    gnutls_transport_set_ptr(tls->session, tls);
    gnutls_transport_set_push_function(tls->session, push);
    gnutls_transport_set_pull_function(tls->session, pull);
    gnutls_transport_set_pull_timeout_function(tls->session, pull_is_ready);
    gnutls_handshake_set_max_packet_length(tls->session, HANDSHAKE_BYTES_MAX);
    gnutls_certificate_set_verify_function(tls->credentials, verify);
    const bool is_told = name != NULL && !is_address(name);
    return gnutls_priority_set_direct(tls->session, SUITES, NULL) == 0 &&
           gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, tls->credentials) == 0 &&
           (!is_told ||
            gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, name, strlen(name)) == 0);
}

status tls_create(const struct tls_options *options, struct tls **out_tls, struct error *err) {
    const size_t pin_bytes = options->pin.count;
    if (pin_bytes != TLS_PIN_BYTES && pin_bytes != TLS_PIN_BYTES_LEAST) {
        return fail(err, STATUS_INVALID, "a pin has %d or %d bytes, this one %zu", TLS_PIN_BYTES,
                    TLS_PIN_BYTES_LEAST, pin_bytes);
    }
    struct tls *tls = memory_new(1, sizeof *tls);
    if (tls == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a TLS connection");
    }
    *tls = (struct tls){.pin_bytes = pin_bytes, .clock_floor_ms = options->clock_floor_ms};
    memcpy(tls->pin, options->pin.bytes, pin_bytes);
    buffer_init(&tls->incoming, TLS_HELD_BYTES_MAX);
    buffer_init(&tls->outgoing, TLS_HELD_BYTES_MAX);
    status code = STATUS_OK;
    if (gnutls_certificate_allocate_credentials(&tls->credentials) != 0) {
        tls->credentials = NULL;
        code = fail(err, STATUS_NO_MEMORY, "out of memory for a TLS connection");
    } else {
        code = set_identity(tls, options, err);
    }
    if (code == STATUS_OK && !set_up(tls, options->name)) {
        code = fail(err, STATUS_SYSTEM, "GnuTLS does not offer TLS 1.3 as the link needs it");
    }
    if (code != STATUS_OK) {
        tls_destroy(tls);
        return code;
    }
    *out_tls = tls;
    return STATUS_OK;
}

void tls_destroy(struct tls *tls) {
    if (tls == NULL) {
        return;
    }
    if (tls->session != NULL) {
        gnutls_deinit(tls->session);
    }
    if (tls->credentials != NULL) {
        gnutls_certificate_free_credentials(tls->credentials);
    }
    buffer_done(&tls->incoming);
    buffer_done(&tls->outgoing);
    memory_free(tls);
}

/* --- what happens in between --- */

/* The other side's last word. */
static status say_alert(struct tls *tls, struct error *err) {
    const gnutls_alert_description_t alert = gnutls_alert_get(tls->session);
    const char *words = gnutls_alert_get_name(alert);
    words = words != NULL ? words : "an alert that is not known";
    switch (alert) {
    case GNUTLS_A_CLOSE_NOTIFY:
    case GNUTLS_A_USER_CANCELED:
        return fail(err, STATUS_OFFLINE, "the hub closed the connection");
    case GNUTLS_A_BAD_CERTIFICATE:
    case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
    case GNUTLS_A_CERTIFICATE_REVOKED:
    case GNUTLS_A_CERTIFICATE_EXPIRED:
    case GNUTLS_A_CERTIFICATE_UNKNOWN:
    case GNUTLS_A_CERTIFICATE_REQUIRED:
    case GNUTLS_A_UNKNOWN_CA:
    case GNUTLS_A_ACCESS_DENIED:
        return fail(err, STATUS_DENIED, "the hub does not take this device's certificate: %s",
                    words);
    default:
        return fail(err, STATUS_CORRUPT, "the other side ends the TLS connection: %s", words);
    }
}

static status say_why(struct tls *tls, int code, struct error *err) {
    switch (code) {
    case GNUTLS_E_CERTIFICATE_ERROR:
        if (tls->refusal.code != STATUS_OK) {
            return fail(err, tls->refusal.code, "%s", tls->refusal.text);
        }
        return fail(err, STATUS_DENIED, "the server's certificate is not accepted");
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        return say_alert(tls, err);
    case GNUTLS_E_PREMATURE_TERMINATION:
        return fail(err, STATUS_OFFLINE, "the line broke");
    case GNUTLS_E_MEMORY_ERROR:
    case GNUTLS_E_PUSH_ERROR:
        return fail(err, STATUS_NO_MEMORY, "out of memory for a TLS connection");
    default:
        return fail(err, STATUS_CORRUPT, "what came is not the TLS 1.3 that we speak: %.200s",
                    gnutls_strerror(code));
    }
}

/* More bytes are needed, or nothing but a warning or housekeeping came. */
static bool is_no_end(int code) {
    return code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED ||
           code == GNUTLS_E_WARNING_ALERT_RECEIVED;
}

status tls_receive(struct tls *tls, struct slice bytes, struct error *err) {
    buffer_add(&tls->incoming, bytes);
    return buffer_status(&tls->incoming, err);
}

status tls_shake(struct tls *tls, struct error *err) {
    size_t before = SIZE_MAX;
    int code = GNUTLS_E_AGAIN;
    while (!tls->ready && is_no_end(code) && tls->incoming.count < before) {
        before = tls->incoming.count;
        code = gnutls_handshake(tls->session);
        tls->ready = code == 0;
    }
    return tls->ready || is_no_end(code) ? STATUS_OK : say_why(tls, code, err);
}

bool tls_is_ready(const struct tls *tls) {
    return tls->ready;
}

status tls_read(struct tls *tls, char *room, size_t bytes, size_t *out_count, struct error *err) {
    ssize_t count = GNUTLS_E_AGAIN;
    size_t before = SIZE_MAX;
    while (is_no_end((int)count) && tls->incoming.count < before) {
        before = tls->incoming.count;
        count = gnutls_record_recv(tls->session, room, bytes);
    }
    if (count == 0) {
        return fail(err, STATUS_OFFLINE, "the hub closed the connection");
    }
    if (count < 0 && !is_no_end((int)count)) {
        return say_why(tls, (int)count, err);
    }
    *out_count = count > 0 ? (size_t)count : 0;
    return STATUS_OK;
}

status tls_write(struct tls *tls, struct slice bytes, struct error *err) {
    assert(bytes.count > 0 && bytes.count <= TLS_RECORD_BYTES_MAX);
    if (tls->outgoing.count > TLS_HELD_BYTES_MAX / 2) {
        return fail(err, STATUS_FULL, "what is to be sent has not been sent");
    }
    const ssize_t count = gnutls_record_send(tls->session, bytes.bytes, bytes.count);
    if (count < 0) {
        return say_why(tls, (int)count, err);
    }
    return (size_t)count == bytes.count
               ? STATUS_OK
               : fail(err, STATUS_SYSTEM, "GnuTLS took %zd bytes of %zu", count, bytes.count);
}

struct slice tls_outgoing(const struct tls *tls) {
    return buffer_slice(&tls->outgoing);
}

void tls_sent(struct tls *tls, size_t count) {
    take_off(&tls->outgoing, count);
}
