/*
 * tls_peer: the certificate of whoever is at the other end of a server's TLS session (GnuTLS).
 *
 * Whose it is, and whether they may come in, is not decided here. The client's half of TLS is
 * platform/tls.
 *
 * Thread: that of the session.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* What the library's server is given: TLS 1.3 alone, no tickets. */
extern const char TLS_SERVER_PRIORITIES[];

/* The certificate (DER) that the other end has proved to hold, while the session lasts; empty when
 * it showed none. `session` is a gnutls_session_t. */
struct slice tls_peer_certificate(void *session);

/* Whether its chain ends at what the session trusts and it may be used by a client; `out_expired`:
 * it would be trusted but for its time. */
bool tls_peer_verify(void *session, bool *out_expired);
