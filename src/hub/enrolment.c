// SPDX-License-Identifier: Apache-2.0
#include "hub/enrolment.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "hub/alarm_rows.h"
#include "hub/labels.h"
#include "hub/token_rows.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "platform/random.h"

enum { FACTS_JSON_BYTES_MAX = DEVICE_FACTS_BYTES_MAX };

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

/* What is asked: read from the body, and checked as far as it goes without the rows. */
struct asking {
    struct slice csr, name, facts_json;
    struct value labels, facts;
    struct token_id token;
    struct digest proof, spki;
};

/* --- the answer ------------------------------------------------------------------------------- */

static void write_addresses(struct hub_call *call, struct buffer *out) {
    struct slice rest = call->addresses;
    const char *between = "";
    while (rest.count > 0) {
        const size_t end = slice_find(rest, ' ');
        if (end > 0) {
            buffer_add_text(out, between);
            json_write_text(out, slice_part(rest, 0, end));
            between = ",";
        }
        rest = slice_part(rest, end + 1, rest.count);
    }
}

static status answer(struct hub_call *call, const struct device_row *device,
                     const struct certificate_row *certificate, struct error *err) {
    struct buffer *out = &call->out;
    char uuid[ID_UUID_BYTES + 1];
    id_write_uuid(device->id, uuid);
    buffer_print(out, "{\"device\":\"%s\",", uuid);
    hub_call_write_text(out, "name", device->name);
    buffer_add_text(out, ",\"labels\":");
    buffer_add(out, device->labels);
    buffer_add_text(out, ",");
    hub_call_write_text(out, "certificate", certificate->pem);
    buffer_add_text(out, ",");
    hub_call_write_text(out, "chain", authority_certificate(call->authority));
    buffer_add_text(out, ",\"hub\":{");
    hub_call_write_text(out, "site", slice_of(authority_site(call->authority)));
    buffer_add_text(out, ",\"addresses\":[");
    write_addresses(call, out);
    buffer_print(out, "],\"time_ms\":%lld}}\n", (long long)call->now_ms);
    return buffer_status(out, err);
}

/* A refusal that is remembered: what was written stays. */
static status refuse(struct hub_call *call, status class, const char *text) {
    struct error why;
    (void)fail(&why, class, "%s", text);
    hub_call_refuse(call, &why);
    return STATUS_OK;
}

/* --- issuing ---------------------------------------------------------------------------------- */

struct issuing {
    struct slice csr;
    struct digest spki;
    int64_t parent;
};

static status issue(struct hub_call *call, struct database *database,
                    const struct device_row *device, const struct issuing *issuing,
                    struct certificate_row *out_row, struct error *err) {
    CLEANUP(buffer_done) struct buffer pem;
    struct certificate_facts facts;
    const struct authority_issue wish = {.request_pem = issuing->csr,
                                         .device = device->id,
                                         .serial = certificate_serial(),
                                         .name = device->name,
                                         .now_ms = call->now_ms};
    struct certificate_row row = {.spki = issuing->spki,
                                  .serial = wish.serial,
                                  .device = device->id,
                                  .parent = issuing->parent,
                                  .issued_ms = call->now_ms};
    buffer_init(&pem, CERTIFICATE_BYTES_MAX);
    TRY(authority_issue(call->authority, &wish, &pem, &row.ends_ms, err));
    TRY(certificate_read(buffer_slice(&pem), &facts, err));
    row.fingerprint = facts.fingerprint;
    row.pem = arena_copy(call->arena, buffer_slice(&pem));
    if (row.pem.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a certificate");
    }
    TRY(certificate_rows_put(database, &row, err));
    *out_row = row;
    return STATUS_OK;
}

/* --- joining: who it is ----------------------------------------------------------------------- */

/* A device of its own, by the first name that is said: the token's, its own, its host's. */
static status make_device(struct hub_call *call, struct database *database,
                          const struct token_row *token, const struct asking *asking,
                          struct device_row *out_row, struct error *err) {
    struct slice wish = token->name.count > 0 ? token->name : asking->name;
    if (wish.count == 0) {
        wish = hub_call_text(asking->facts, "host");
    }
    *out_row =
        (struct device_row){.id = random_id(), .state = DEVICE_ACTIVE, .created_ms = call->now_ms};
    /* As RFC 9562 has it: version 4, chosen by chance. */
    out_row->id.bytes[6] = (uint8_t)((out_row->id.bytes[6] & 0x0f) | 0x40);
    out_row->id.bytes[8] = (uint8_t)((out_row->id.bytes[8] & 0x3f) | 0x80);
    out_row->labels = SLICE("{}");
    return device_rows_free_name(database, call->arena, wish, out_row->id, &out_row->name, err);
}

/* The device that the token is bound to: what it had before is over. */
static status take_back(struct hub_call *call, struct database *database,
                        const struct token_row *token, struct device_row *out_row,
                        struct error *err) {
    TRY(device_rows_get(database, call->arena, token->device, out_row, err));
    if (out_row->state == DEVICE_REMOVED) {
        return fail(err, STATUS_DENIED, "the device that this token is for was removed");
    }
    out_row->state = DEVICE_ACTIVE;
    return certificate_rows_revoke(database, out_row->id, call->now_ms, err);
}

/* A key that is known is a device that is known: it lost what the hub told it, or joins again. */
static status known_by_key(struct hub_call *call, struct database *database,
                           const struct token_row *token, const struct asking *asking,
                           struct device_row *out_row, bool *out_known, struct error *err) {
    struct certificate_row last;
    *out_known = false;
    const status code = certificate_rows_of_key(database, call->arena, asking->spki, &last, err);
    if (code == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    TRY(code);
    TRY(device_rows_get(database, call->arena, last.device, out_row, err));
    if (!id_is_zero(token->device) && !id_equal(token->device, out_row->id)) {
        return fail(err, STATUS_CONFLICT,
                    "this token is for another device than '%.*s', whose key this is",
                    SLICE_ARGS(out_row->name));
    }
    if (last.revoked_ms != 0 || out_row->state != DEVICE_ACTIVE) {
        return fail(err, STATUS_DENIED,
                    "the key of this device was revoked: `ebb leave` on the device forgets it, and "
                    "then it may join");
    }
    *out_known = true;
    return STATUS_OK;
}

static status choose_device(struct hub_call *call, struct database *database,
                            const struct token_row *token, const struct asking *asking,
                            struct device_row *out_row, struct error *err) {
    bool known = false;
    struct value given, had;
    TRY(known_by_key(call, database, token, asking, out_row, &known, err));
    if (!known && !id_is_zero(token->device)) {
        TRY(take_back(call, database, token, out_row, err));
    } else if (!known) {
        TRY(make_device(call, database, token, asking, out_row, err));
    }
    /* What the hub says of a device goes before what the device says of itself. */
    TRY(labels_read(call->arena, out_row->labels, &had, err));
    TRY(labels_read(call->arena, token->labels, &given, err));
    TRY(labels_merge(call->arena, asking->labels, had, &out_row->labels, err));
    TRY(labels_read(call->arena, out_row->labels, &had, err));
    TRY(labels_merge(call->arena, had, given, &out_row->labels, err));
    out_row->facts = asking->facts_json;
    out_row->contact_ms = call->now_ms;
    return device_rows_put(database, out_row, err);
}

/* --- joining: the token ----------------------------------------------------------------------- */

static status facts_text(struct hub_call *call, struct value facts, struct slice *out_json,
                         struct error *err) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, FACTS_JSON_BYTES_MAX);
    if (facts.kind != VALUE_OBJECT) {
        *out_json = SLICE("{}");
        return STATUS_OK;
    }
    json_write(&json, facts);
    if (buffer_status(&json, err) != STATUS_OK) {
        return fail(err, STATUS_INVALID, "what a device says of itself has at most %d bytes",
                    FACTS_JSON_BYTES_MAX);
    }
    *out_json = arena_copy(call->arena, buffer_slice(&json));
    return out_json->bytes != NULL ? STATUS_OK
                                   : fail(err, STATUS_NO_MEMORY, "no memory for a device");
}

static status read_asking(struct hub_call *call, struct asking *out, struct error *err) {
    struct value body;
    TRY(hub_call_body(call, &body, err));
    *out = (struct asking){.csr = hub_call_text(body, "csr"),
                           .name = hub_call_text(body, "name"),
                           .labels = hub_call_value(body, "labels"),
                           .facts = hub_call_value(body, "facts")};
    if (!token_id_read(hub_call_text(body, "token"), &out->token) ||
        !digest_read(hub_call_text(body, "proof"), &out->proof) || out->csr.count == 0) {
        return fail(err, STATUS_INVALID, "a device sends csr, token and proof to join");
    }
    TRY(facts_text(call, out->facts, &out->facts_json, err));
    return labels_check(out->labels, err);
}

static status wrong_token(struct hub_call *call, struct error *err) {
    call->is_wrong = true;
    return fail(err, STATUS_DENIED,
                "the hub does not know this token; a person at the hub makes one by `ebb hub token "
                "new`");
}

/* Which token it is of: nothing about a token is told to who does not have its secret. */
static status find_token(struct hub_call *call, struct database *database,
                         const struct asking *asking, struct token_row *out_token,
                         struct error *err) {
    const status code = token_rows_get(database, call->arena, asking->token, out_token, err);
    if (code == STATUS_NOT_FOUND) {
        return wrong_token(call, err);
    }
    TRY(code);
    const struct digest proof = token_proof(&out_token->verifier, asking->csr);
    return digest_equal(proof, asking->proof) ? STATUS_OK : wrong_token(call, err);
}

/* The same token by the same key: a reply was lost, and is given again. */
static status answer_again(struct hub_call *call, struct database *database,
                           const struct token_use *use, struct error *err) {
    struct certificate_row certificate;
    struct device_row device;
    TRY(certificate_rows_get(database, call->arena, use->certificate, &certificate, err));
    TRY(device_rows_get(database, call->arena, certificate.device, &device, err));
    if (certificate.revoked_ms != 0 || device.state != DEVICE_ACTIVE) {
        return fail(err, STATUS_DENIED, "device '%.*s' is %s at this hub", SLICE_ARGS(device.name),
                    device.state != DEVICE_ACTIVE ? device_state_name(device.state) : "revoked");
    }
    if (call->now_ms - use->used_ms > ENROLMENT_AGAIN_MS) {
        return fail(err, STATUS_CONFLICT,
                    "device '%.*s' has joined by this token more than a day ago: it needs a new "
                    "one",
                    SLICE_ARGS(device.name));
    }
    return answer(call, &device, &certificate, err);
}

/* Somebody has a token that somebody else has used: one of the two should not. */
static status tell_reuse(struct hub_call *call, struct database *database,
                         const struct asking *asking, struct error *err) {
    char id[TOKEN_ID_HEX_BYTES + 1];
    const struct slice host = text_cut(hub_call_text(asking->facts, "host"), 64);
    token_id_write(asking->token, id);
    (void)snprintf(call->alarm, sizeof(call->alarm),
                   "TOKEN_REUSE: token %s was used up, and came again from %.*s with another key "
                   "(a machine that calls itself '%.*s'): it was refused",
                   id, SLICE_ARGS(call->source.count > 0 ? call->source : SLICE("somewhere")),
                   SLICE_ARGS(host));
    TRY(alarm_rows_raise(database, "TOKEN_REUSE", slice_of(id), slice_of(call->alarm), call->now_ms,
                         err));
    return refuse(call, STATUS_CONFLICT,
                  "TOKEN_REUSE: another device has used up this token. The hub has noted it. If "
                  "that was none of yours, somebody else has the token: tell whoever runs the hub");
}

static status check_token(const struct token_row *token, int64_t now_ms, struct error *err) {
    if (token->removed_ms != 0) {
        return fail(err, STATUS_DENIED, "the token was withdrawn at the hub");
    }
    return now_ms < token->expires_ms
               ? STATUS_OK
               : fail(err, STATUS_DENIED, "the token has expired: ask for a new one");
}

static status join(struct hub_call *call, struct database *database, const struct token_row *token,
                   const struct asking *asking, struct error *err) {
    struct device_row device;
    struct certificate_row certificate;
    const struct issuing issuing = {.csr = asking->csr, .spki = asking->spki};
    TRY(choose_device(call, database, token, asking, &device, err));
    TRY(issue(call, database, &device, &issuing, &certificate, err));
    const struct token_use use = {.certificate = certificate.number, .used_ms = call->now_ms};
    TRY(token_rows_use(database, token->id, asking->spki, &use, err));
    TRY(device_rows_changed(database, call->arena, device.id, &call->change, err));
    return answer(call, &device, &certificate, err);
}

/* What can be told without writing anything; *out_answered: it was the same asking again. */
static status look(struct hub_call *call, struct database *database, struct asking *asking,
                   struct token_row *out_token, bool *out_answered, struct error *err) {
    struct token_use use;
    *out_answered = false;
    TRY(read_asking(call, asking, err));
    TRY(find_token(call, database, asking, out_token, err));
    TRY(certificate_request_check(asking->csr, &asking->spki, err));
    const status used = token_rows_find_use(database, out_token->id, asking->spki, &use, err);
    if (used == STATUS_OK) {
        *out_answered = true;
        return answer_again(call, database, &use, err);
    }
    return used == STATUS_NOT_FOUND ? check_token(out_token, call->now_ms, err) : used;
}

static bool is_their_fault(status code) {
    return code == STATUS_INVALID || code == STATUS_DENIED || code == STATUS_CONFLICT;
}

/* A stranger's fault is an answer and no failure: failures take the batch back that others wait in,
 * and anybody may ask here. */
status enrolment_enrol(struct hub_call *call, struct database *database, struct error *err) {
    struct asking asking;
    struct token_row token;
    bool answered = false;
    const status looked = look(call, database, &asking, &token, &answered, err);
    if (is_their_fault(looked)) {
        hub_call_refuse(call, err);
        return STATUS_OK;
    }
    if (looked != STATUS_OK || answered) {
        return looked;
    }
    if (token.used >= token.uses) {
        return tell_reuse(call, database, &asking, err);
    }
    return join(call, database, &token, &asking, err);
}

/* --- renewing and leaving --------------------------------------------------------------------- */

static status tell_revoked(struct hub_call *call, struct database *database,
                           const struct device_row *device, struct error *err) {
    char id[ID_UUID_BYTES + 1];
    id_write_uuid(device->id, id);
    (void)snprintf(call->alarm, sizeof(call->alarm),
                   "REVOKED_USE: a revoked certificate of device '%.*s' was shown from %.*s: it "
                   "was refused",
                   SLICE_ARGS(device->name),
                   SLICE_ARGS(call->source.count > 0 ? call->source : SLICE("somewhere")));
    TRY(alarm_rows_raise(database, "REVOKED_USE", slice_of(id), slice_of(call->alarm), call->now_ms,
                         err));
    return refuse(call, STATUS_DENIED, "this device's certificate is revoked at the hub");
}

/* Who shows the certificate. *out_refused: they were answered already. */
static status find_shown(struct hub_call *call, struct database *database,
                         struct certificate_row *out_certificate, struct device_row *out_device,
                         bool *out_refused, struct error *err) {
    *out_refused = false;
    const status code = certificate_rows_find(database, call->arena, hash_sha256(call->certificate),
                                              out_certificate, err);
    if (code == STATUS_NOT_FOUND) {
        return fail(err, STATUS_DENIED,
                    "this hub does not know the certificate: the device must join it");
    }
    TRY(code);
    TRY(device_rows_get(database, call->arena, out_certificate->device, out_device, err));
    if (out_certificate->revoked_ms != 0) {
        *out_refused = true;
        return tell_revoked(call, database, out_device, err);
    }
    if (out_device->state != DEVICE_ACTIVE) {
        return fail(err, STATUS_DENIED, "device '%.*s' is %s at this hub",
                    SLICE_ARGS(out_device->name), device_state_name(out_device->state));
    }
    if (out_certificate->replaced_ms != 0) {
        return fail(err, STATUS_DENIED,
                    "this certificate was replaced by a newer one, which was used");
    }
    return STATUS_OK;
}

/* A renewal whose reply was lost is given again, so a bad line makes no heap of certificates. */
static status renew(struct hub_call *call, struct database *database,
                    const struct certificate_row *parent, const struct device_row *device,
                    const struct issuing *issuing, struct error *err) {
    struct certificate_row certificate;
    const status code =
        certificate_rows_child(database, call->arena, parent, issuing->spki,
                               call->now_ms - ENROLMENT_AGAIN_MS, &certificate, err);
    if (code == STATUS_NOT_FOUND) {
        TRY(issue(call, database, device, issuing, &certificate, err));
        TRY(device_rows_changed(database, call->arena, device->id, &call->change, err));
    } else {
        TRY(code);
    }
    return answer(call, device, &certificate, err);
}

status enrolment_renew(struct hub_call *call, struct database *database, struct error *err) {
    struct value body;
    struct certificate_row parent;
    struct device_row device;
    struct issuing issuing;
    bool refused = false;
    TRY(hub_call_body(call, &body, err));
    issuing.csr = hub_call_text(body, "csr");
    TRY(find_shown(call, database, &parent, &device, &refused, err));
    if (refused) {
        return STATUS_OK;
    }
    if (call->now_ms > parent.ends_ms + ENROLMENT_EXPIRED_DAYS_MAX * DAY_MS) {
        return fail(err, STATUS_DENIED,
                    "the certificate ended more than %d days ago: the device must join again, by a "
                    "token for it",
                    ENROLMENT_EXPIRED_DAYS_MAX);
    }
    TRY(certificate_request_check(issuing.csr, &issuing.spki, err));
    issuing.parent = parent.number;
    return renew(call, database, &parent, &device, &issuing, err);
}

status enrolment_leave(struct hub_call *call, struct database *database, struct error *err) {
    struct certificate_row certificate;
    struct device_row device;
    bool refused = false;
    TRY(find_shown(call, database, &certificate, &device, &refused, err));
    if (refused) {
        return STATUS_OK;
    }
    device.state = DEVICE_LEFT;
    TRY(device_rows_put(database, &device, err));
    TRY(certificate_rows_revoke(database, device.id, call->now_ms, err));
    TRY(device_rows_changed(database, call->arena, device.id, &call->change, err));
    buffer_add_text(&call->out, "{}\n");
    return buffer_status(&call->out, err);
}
