/*
 * enrolment: the device's side of joining a hub: what it asks and what it makes of the answer.
 *
 * Asking and reading are pure, so that every answer can be tried without a hub. enrolment_join and
 * enrolment_leave do it whole, over platform/link, and block: they are for commands. A daemon
 * renews over its own link: enrolment_renewal_write, POST /v1/renew, enrolment_answer_read,
 * identity_save.
 *
 * The same key and token may be sent again after a lost reply: the hub answers with what it gave
 * the first time. With another hub than the token's nothing is sent (platform/link checks the pin).
 *
 * Thread: any. Foreign bytes: answers, bounded.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/value.h"
#include "deployment/identity.h"
#include "wire/token.h"

enum { ENROLMENT_ANSWER_BYTES_MAX = 64 << 10 };

/* What a device says of itself. */
struct enrolment_wish {
    struct slice name;   /* empty: the hub makes one of the host's name in facts */
    struct value labels; /* an object of texts, or null */
    struct value facts;  /* an object: enrolment_facts, or null */
};

/* {host, machine, kernel, ebb} of this machine, in the arena. */
struct value enrolment_facts(struct arena *arena);

/* Appends the body of POST /v1/enrol, and of POST /v1/renew. */
status enrolment_request_write(const struct token *token, struct slice key_pem,
                               const struct enrolment_wish *wish, struct buffer *out_body,
                               struct error *err);
status enrolment_renewal_write(struct slice key_pem, struct buffer *out_body, struct error *err);

/* What the hub answered, over `hub` ("host:port"), with what is expected of it. */
struct enrolment_reply {
    int code;
    struct slice body;
    struct slice key_pem;
    struct slice pin; /* of the token, or of the identity: the first 16 bytes or all 32 */
};

/* Fills id, name, site, key, certificates, pin and times, and adds the hub's own addresses behind
 * those that are there. The class and the sentence of a refusal are the hub's. CORRUPT: what came
 * is not for our key, or not of the authority that we believe. */
status enrolment_answer_read(struct arena *arena, const struct enrolment_reply *reply,
                             struct identity *out_identity, struct error *err);
