// SPDX-License-Identifier: Apache-2.0
#include "deployment/enrolment.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "platform/certificate.h"
#include "platform/json.h"

enum { FACTS_COUNT = 4, CODE_OK = 200, CODE_BUSY = 503, CODE_LIMITED = 429, WORD_BYTES = 32 };

/* --- asking ----------------------------------------------------------------------------------- */

struct value enrolment_facts(struct arena *arena) {
    struct utsname machine = {0};
    struct value facts;
    struct member *members = value_new_object(arena, FACTS_COUNT, &facts);
    if (members == NULL || uname(&machine) != 0) {
        return (struct value){.kind = VALUE_NULL};
    }
    const struct slice texts[FACTS_COUNT] = {slice_of(machine.nodename), slice_of(machine.machine),
                                             slice_of(machine.release), slice_of(EBB_VERSION)};
    static const char *const NAMES[FACTS_COUNT] = {"host", "machine", "kernel", "ebb"};
    for (int i = 0; i < FACTS_COUNT; i++) {
        members[i] = (struct member){.name = slice_of(NAMES[i]),
                                     .value = value_of_text(arena_copy(arena, texts[i]))};
    }
    return facts;
}

/* Of the names in a request nothing is kept: the hub gives a device its name. */
static status make_request(struct slice key_pem, struct buffer *out_pem, struct error *err) {
    return certificate_request_make(key_pem, SLICE("ebb device"), out_pem, err);
}

status enrolment_request_write(const struct token *token, struct slice key_pem,
                               const struct enrolment_wish *wish, struct buffer *out_body,
                               struct error *err) {
    char id[TOKEN_ID_HEX_BYTES + 1], proof[DIGEST_HEX_BYTES + 1];
    const struct digest verifier = token_verifier(token->secret);
    CLEANUP(buffer_done) struct buffer csr;
    buffer_init(&csr, CERTIFICATE_REQUEST_BYTES_MAX);
    TRY(make_request(key_pem, &csr, err));
    token_id_write(token->id, id);
    digest_write(token_proof(&verifier, buffer_slice(&csr)), proof);
    buffer_print(out_body, "{\"token\":\"%s\",\"proof\":\"%s\",\"csr\":", id, proof);
    json_write_text(out_body, buffer_slice(&csr));
    buffer_add_text(out_body, ",\"name\":");
    json_write_text(out_body, wish->name);
    buffer_add_text(out_body, ",\"labels\":");
    json_write(out_body, wish->labels);
    buffer_add_text(out_body, ",\"facts\":");
    json_write(out_body, wish->facts);
    buffer_add_text(out_body, "}");
    return buffer_status(out_body, err);
}

status enrolment_renewal_write(struct slice key_pem, struct buffer *out_body, struct error *err) {
    CLEANUP(buffer_done) struct buffer csr;
    buffer_init(&csr, CERTIFICATE_REQUEST_BYTES_MAX);
    TRY(make_request(key_pem, &csr, err));
    buffer_add_text(out_body, "{\"csr\":");
    json_write_text(out_body, buffer_slice(&csr));
    buffer_add_text(out_body, "}");
    return buffer_status(out_body, err);
}

/* --- the answer ------------------------------------------------------------------------------- */

static struct slice text_of(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL && member->kind == VALUE_TEXT ? value_text(*member) : SLICE("");
}

static status read_refusal(int code, struct value body, struct error *err) {
    const struct value *error = value_get(body, SLICE("error"));
    const struct slice text = error != NULL ? text_of(*error, "text") : SLICE("");
    const struct slice word = error != NULL ? text_of(*error, "class") : SLICE("");
    char name[WORD_BYTES];
    (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARGS(slice_part(word, 0, WORD_BYTES - 1)));
    status class = status_from_name(name);
    if (class == STATUS_COUNT || class == STATUS_OK) {
        class = code == CODE_BUSY || code == CODE_LIMITED ? STATUS_BUSY : STATUS_CORRUPT;
    }
    return text.count > 0 ? fail(err, class, "the hub says: %.*s", SLICE_ARGS(text))
                          : fail(err, class, "the hub answers with code %d and no reason", code);
}

/* The answer is believed as far as its certificate is for our key and of our authority. */
static status check_certificates(const struct enrolment_reply *reply, struct slice certificate,
                                 struct slice chain, struct identity *identity, struct error *err) {
    struct certificate_facts own, above;
    struct digest key;
    struct slice authority;
    if (certificate_read(certificate, &own, err) != STATUS_OK ||
        !certificate_next(&chain, &authority) ||
        certificate_read(authority, &above, err) != STATUS_OK) {
        return fail(err, STATUS_CORRUPT, "the hub's answer holds no certificates");
    }
    TRY(certificate_key_digest(reply->key_pem, &key, err));
    if (!digest_equal(own.spki, key)) {
        return fail(err, STATUS_CORRUPT, "the certificate that the hub gave is for another key");
    }
    if (reply->pin.count == 0 || reply->pin.count > DIGEST_BYTES ||
        memcmp(above.spki.bytes, reply->pin.bytes, reply->pin.count) != 0) {
        return fail(err, STATUS_CORRUPT, "the hub's answer is of another authority than expected");
    }
    if (certificate_check_issuer(certificate, authority, err) != STATUS_OK || !own.for_client) {
        return fail(err, STATUS_CORRUPT,
                    "the certificate that the hub gave is not signed by its authority, or not for "
                    "a device");
    }
    identity->pin = above.spki;
    identity->serial = own.serial;
    identity->not_before_ms = own.not_before_ms;
    identity->not_after_ms = own.not_after_ms;
    return STATUS_OK;
}

/* Addresses that do not fit are left out: those that were known work. */
static void add_addresses(struct arena *arena, struct value hub, struct identity *identity) {
    const struct value *list = value_get(hub, SLICE("addresses"));
    for (uint32_t i = 0; list != NULL && list->kind == VALUE_LIST && i < list->count; i++) {
        const struct slice address = value_text(list->items[i]);
        if (address.count > 0 && !identity_add_hub(identity, arena, address)) {
            return;
        }
    }
}

status enrolment_answer_read(struct arena *arena, const struct enrolment_reply *reply,
                             struct identity *out_identity, struct error *err) {
    struct value body = {.kind = VALUE_NULL};
    struct identity identity = *out_identity;
    if (reply->body.count > ENROLMENT_ANSWER_BYTES_MAX) {
        return fail(err, STATUS_CORRUPT, "the hub's answer has more than %d bytes",
                    ENROLMENT_ANSWER_BYTES_MAX);
    }
    const status read = json_read(arena, reply->body, &body, err);
    if (reply->code != CODE_OK) {
        return read_refusal(reply->code, body, err);
    }
    if (read != STATUS_OK || !id_read(text_of(body, "device"), &identity.device)) {
        return fail(err, STATUS_CORRUPT, "the hub's answer is none");
    }
    const struct value *hub = value_get(body, SLICE("hub"));
    const struct slice certificate = text_of(body, "certificate");
    const struct slice chain = text_of(body, "chain");
    TRY(check_certificates(reply, certificate, chain, &identity, err));
    identity.name = text_of(body, "name");
    identity.key = reply->key_pem;
    identity.authority = chain;
    identity.certificate =
        arena_print(arena, "%.*s%.*s", SLICE_ARGS(certificate), SLICE_ARGS(chain));
    if (identity.certificate.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the certificate");
    }
    if (hub != NULL) {
        identity.site = text_of(*hub, "site");
        add_addresses(arena, *hub, &identity);
    }
    *out_identity = identity;
    return STATUS_OK;
}
