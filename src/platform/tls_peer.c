// SPDX-License-Identifier: Apache-2.0
#include "platform/tls_peer.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <time.h>

#include "platform/clock.h"

enum { MS_PER_S = 1000 };

const char TLS_SERVER_PRIORITIES[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-X25519:"
                                     "+GROUP-SECP256R1:%NO_TICKETS";

struct slice tls_peer_certificate(void *session) {
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (chain == NULL || count == 0) {
        return SLICE("");
    }
    return (struct slice){.bytes = (const char *)chain[0].data, .count = chain[0].size};
}

/* What time it is has one door, so that a test of wrong clocks moves certificates as well. */
static time_t now_s(time_t *out_s) {
    const time_t s = clock_wall_ms() / MS_PER_S;
    if (out_s != NULL) {
        *out_s = s;
    }
    return s;
}

bool tls_peer_verify(void *session, bool *out_expired) {
    enum { TIME = GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED };
    char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                    .data = (unsigned char *)purpose};
    unsigned faults = 0;
    *out_expired = false;
    gnutls_global_set_time_function(now_s);
    if (gnutls_certificate_verify_peers(session, &wanted, 1, &faults) != 0) {
        return false;
    }
    *out_expired = (faults & TIME) != 0 && (faults & ~(unsigned)(TIME | GNUTLS_CERT_INVALID)) == 0;
    return faults == 0;
}
