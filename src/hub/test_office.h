/*
 * test_office: a hub's database, authority and registry in a folder of their own, and calls to them
 * as hub_desk makes them: a transaction each, taken back when the handler fails.
 *
 * For unit tests. SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "hub/authority.h"
#include "hub/hub_call.h"
#include "hub/registry.h"
#include "hub/store/hub_db.h"
#include "platform/json.h"
#include "platform/secret.h"
#include "wire/token.h"

enum { TEST_OFFICE_ARENA_BYTES_MAX = 4 << 20 };

static const int64_t TEST_OFFICE_NOW_MS = INT64_C(1800000000000);
static const int64_t TEST_OFFICE_DAY_MS = INT64_C(24) * 3600 * 1000;

struct test_office {
    char folder[64];
    struct database *database;
    struct authority *authority;
    struct registry *registry;
    struct arena arena; /* of the newest call */
    struct hub_call call;
    struct value answer;
    struct error err;
    int64_t now_ms;
    int calls; /* transactions that were committed */
};

/* A device's own side: its key, and what it asked last. */
struct test_device {
    struct buffer key, csr;
    struct buffer certificate; /* DER */
};

static void test_office_load(struct test_office *hub) {
    registry_destroy(hub->registry);
    hub->registry = NULL;
    assert_int_equal(registry_load(hub->database, &hub->registry, &hub->err), STATUS_OK);
}

static inline int test_office_set_up(void **state) {
    struct test_office *hub = calloc(1, sizeof(*hub));
    char path[128];
    (void)snprintf(hub->folder, sizeof(hub->folder), "/tmp/ebb-hub-XXXXXX");
    assert_non_null(mkdtemp(hub->folder));
    (void)snprintf(path, sizeof(path), "%s/hub.db", hub->folder);
    const struct authority_options authority = {
        .folder = hub->folder, .site = "works", .now_ms = TEST_OFFICE_NOW_MS};
    if (hub_db_open(path, &hub->database, &hub->err) != STATUS_OK ||
        authority_open(&authority, &hub->authority, &hub->err) != STATUS_OK) {
        print_error("%s\n", hub->err.text);
        return -1;
    }
    hub->now_ms = TEST_OFFICE_NOW_MS;
    arena_init(&hub->arena, TEST_OFFICE_ARENA_BYTES_MAX);
    buffer_init(&hub->call.out, HUB_CALL_ANSWER_BYTES_MAX);
    test_office_load(hub);
    *state = hub;
    return 0;
}

static inline int test_office_tear_down(void **state) {
    struct test_office *hub = *state;
    char command[128];
    buffer_done(&hub->call.out);
    arena_done(&hub->arena);
    registry_destroy(hub->registry);
    authority_close(hub->authority);
    database_close(hub->database);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", hub->folder);
    assert_int_equal(system(command), 0);
    free(hub);
    return 0;
}

/* Begins a call: what it asks is filled in by the test. */
static inline struct hub_call *test_office_call(struct test_office *hub) {
    const struct buffer out = hub->call.out;
    arena_reset(&hub->arena);
    static const struct hub_settings SETTINGS = {.overdue_ms = HUB_OVERDUE_MS};
    hub->call = (struct hub_call){.settings = &SETTINGS,
                                  .caller = {.rights = ROLE_ADMIN},
                                  .authority = hub->authority,
                                  .addresses = SLICE("hub.example:8443"),
                                  .arena = &hub->arena,
                                  .method = SLICE("POST"),
                                  .source = SLICE("203.0.113.7"),
                                  .now_ms = hub->now_ms,
                                  .out = out};
    buffer_clear(&hub->call.out);
    return &hub->call;
}

/* Ends it; returns the code that is answered. */
static inline int test_office_run(struct test_office *hub, hub_handler *handle) {
    struct hub_call *call = &hub->call;
    hub->err = (struct error){0};
    assert_int_equal(database_begin(hub->database, &hub->err), STATUS_OK);
    const status code = handle(call, hub->database, &hub->err);
    if (code == STATUS_OK) {
        assert_int_equal(database_commit(hub->database, &hub->err), STATUS_OK);
        registry_take(hub->registry, &call->change);
        hub->calls++;
    } else {
        database_rollback(hub->database);
        hub_call_refuse(call, &hub->err);
    }
    assert_int_equal(json_read(&hub->arena, buffer_slice(&call->out), &hub->answer, &hub->err),
                     STATUS_OK);
    return call->code != 0 ? call->code : 200;
}

static inline struct slice test_office_said(const struct test_office *hub, const char *name) {
    const struct value *member = value_get(hub->answer, slice_of(name));
    assert_non_null(member);
    return value_text(*member);
}

/* The sentence of a refusal. */
static inline bool test_office_refused_with(const struct test_office *hub, const char *words) {
    const struct value *error = value_get(hub->answer, SLICE("error"));
    const struct value *text = error != NULL ? value_get(*error, SLICE("text")) : NULL;
    return text != NULL && memmem(text->text, text->count, words, strlen(words)) != NULL;
}

static inline int64_t test_office_count(struct test_office *hub, const char *sql) {
    int64_t number = -1;
    CLEANUP(query_done) struct query query = query_on(hub->database, sql);
    assert_int_equal(query_one_number(&query, &number, &hub->err), STATUS_OK);
    return number;
}

/* --- devices ---------------------------------------------------------------------------------- */

static inline void test_device_make(struct test_device *device) {
    struct error err = {0};
    buffer_init(&device->key, CERTIFICATE_KEY_BYTES_MAX);
    buffer_init(&device->csr, CERTIFICATE_REQUEST_BYTES_MAX);
    buffer_init(&device->certificate, CERTIFICATE_BYTES_MAX);
    assert_int_equal(certificate_key_make(&device->key, &err), STATUS_OK);
    assert_int_equal(certificate_request_make(buffer_slice(&device->key), SLICE("ebb device"),
                                              &device->csr, &err),
                     STATUS_OK);
}

static inline void test_device_done(struct test_device *device) {
    secret_forget(&device->key);
    buffer_done(&device->csr);
    buffer_done(&device->certificate);
}

/* The DER behind the PEM that was answered. */
static inline void test_device_take(struct test_device *device, struct slice pem) {
    char letters[CERTIFICATE_BYTES_MAX];
    struct slice line;
    size_t count = 0;
    size_t bytes = 0;
    while (slice_next_line(&pem, &line)) {
        if (!slice_starts(line, "-----")) {
            (void)memcpy(letters + count, line.bytes, line.count);
            count += line.count;
        }
    }
    const struct slice text = {.bytes = letters, .count = count};
    assert_true(base64_count(text, &bytes));
    buffer_clear(&device->certificate);
    char *room = buffer_reserve(&device->certificate, bytes);
    assert_non_null(room);
    assert_true(base64_read(text, room));
    buffer_took(&device->certificate, bytes);
}

/* The body of POST /v1/enrol, in the call's arena. */
static inline struct slice test_device_asks(struct test_office *hub,
                                            const struct test_device *device,
                                            const struct token *token, const char *more) {
    CLEANUP(buffer_done) struct buffer body;
    char id[TOKEN_ID_HEX_BYTES + 1], proof[DIGEST_HEX_BYTES + 1];
    const struct digest verifier = token_verifier(token->secret);
    buffer_init(&body, 64 << 10);
    token_id_write(token->id, id);
    digest_write(token_proof(&verifier, buffer_slice(&device->csr)), proof);
    buffer_print(&body, "{\"token\":\"%s\",\"proof\":\"%s\",\"csr\":", id, proof);
    json_write_text(&body, buffer_slice(&device->csr));
    buffer_print(&body, "%s}", more);
    return arena_copy(&hub->arena, buffer_slice(&body));
}
