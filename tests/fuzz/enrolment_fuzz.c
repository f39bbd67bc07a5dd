// SPDX-License-Identifier: Apache-2.0
/* Any body as what a device asks to join, renew and leave, and what a person asks of devices and
 * tokens: refused with a sentence, or answered with JSON. Any bytes as the hub's answer to a
 * device: refused. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "deployment/enrolment.h"
#include "hub/api/resources.h"
#include "hub/enrolment.h"
#include "hub/store/hub_db.h"
#include "platform/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static const int64_t NOW_MS = INT64_C(1800000000000);

static struct database *database;
static struct authority *authority;
static struct buffer key;

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void open_once(void) {
    static char folder[] = "/tmp/ebb-fuzz-XXXXXX";
    char path[64];
    struct error err;
    if (database != NULL) {
        return;
    }
    need(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/hub.db", folder);
    const struct authority_options options = {.folder = folder, .now_ms = NOW_MS};
    need(hub_db_open(path, &database, &err) == STATUS_OK);
    need(authority_open(&options, &authority, &err) == STATUS_OK);
    buffer_init(&key, CERTIFICATE_KEY_BYTES_MAX);
    need(certificate_key_make(&key, &err) == STATUS_OK);
}

static void ask(hub_handler *handle, struct slice item, const char *verb, struct slice body) {
    struct arena arena;
    struct error err = {0};
    struct value answer;
    arena_init(&arena, 8 << 20);
    static const struct hub_settings SETTINGS = {.overdue_ms = HUB_OVERDUE_MS};
    struct hub_call call = {.authority = authority,
                            .settings = &SETTINGS,
                            .caller = {.name = "fuzz", .rights = ROLE_ADMIN},
                            .arena = &arena,
                            .method = SLICE("POST"),
                            .item = item,
                            .verb = slice_of(verb),
                            .body = body,
                            .certificate = body,
                            .now_ms = NOW_MS};
    buffer_init(&call.out, HUB_CALL_ANSWER_BYTES_MAX);
    need(database_begin(database, &err) == STATUS_OK);
    if (handle(&call, database, &err) != STATUS_OK) {
        need(err.text[0] != '\0');
        hub_call_refuse(&call, &err);
    }
    database_rollback(database);
    need(json_read(&arena, buffer_slice(&call.out), &answer, &err) == STATUS_OK);
    buffer_done(&call.out);
    arena_done(&arena);
}

static void hear(struct slice body) {
    static const char PIN[TOKEN_PIN_BYTES];
    struct arena arena;
    struct error err;
    struct identity identity = {0};
    arena_init(&arena, 8 << 20);
    for (int code = 200; code <= 503; code += 303) {
        const struct enrolment_reply reply = {.code = code,
                                              .body = body,
                                              .key_pem = buffer_slice(&key),
                                              .pin = {.bytes = PIN, .count = sizeof(PIN)}};
        need(enrolment_answer_read(&arena, &reply, &identity, &err) != STATUS_OK);
        need(err.text[0] != '\0' && identity.certificate.count == 0);
    }
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice body = {.bytes = (const char *)bytes, .count = count};
    open_once();
    ask(enrolment_enrol, SLICE(""), "", body);
    ask(enrolment_renew, SLICE(""), "", body);
    ask(enrolment_leave, SLICE(""), "", body);
    ask(hub_tokens, SLICE(""), "", body);
    ask(hub_people, SLICE(""), "", body);
    ask(hub_people, slice_part(body, 0, 40), "role", body);
    ask(hub_access, SLICE(""), "", body);
    ask(hub_alarms, slice_part(body, 0, 40), "seen", body);
    ask(hub_devices, slice_part(body, 0, 40), "labels", body);
    hear(body);
    return 0;
}
