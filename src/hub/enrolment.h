/*
 * enrolment: the hub's side of joining: a token and a request become a device and its certificate.
 *
 *   POST /v1/enrol  {csr, token, proof, name, labels, facts} -> {device, name, certificate, chain,
 * hub}
 *   POST /v1/renew  {csr}, by mTLS -> the same
 *   POST /v1/leave  {}, by mTLS
 *
 * Invariants: 1. a use of a token is bound to one key (SPKI) in the transaction that issues its
 * certificate; the same token with the same key within 24 h gets the same answer again, so a lost
 * reply costs nothing. 2. A token whose uses are over gives another key nothing: 409, an alarm
 * TOKEN_REUSE, told to both ends. 3. A certificate that renews another has it as its parent; a
 * lineage that is revoked renews nothing. 4. Only /v1/renew takes a certificate that has expired,
 * for at most 400 days. 5. Nothing is issued outside of the transaction that remembers it.
 *
 * Pure of sockets: bytes in, bytes out. Thread: the writing one (hub/hub_call). Foreign bytes: yes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/hub_call.h"

enum {
    ENROLMENT_BODY_BYTES_MAX = 32 << 10,
    ENROLMENT_EXPIRED_DAYS_MAX = 400 /* that a certificate may be over and still renew */
};

/* Where a reply may be asked for again. */
static const int64_t ENROLMENT_AGAIN_MS = INT64_C(24) * 3600 * 1000;

hub_handler enrolment_enrol, enrolment_renew, enrolment_leave;
