// SPDX-License-Identifier: Apache-2.0
#include "hub/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "hub/store/hub_db.h"

enum { MANY = 1000 };

struct stage {
    char folder[64];
    struct database *database;
    struct registry *registry;
    struct error err;
};

static int set_up(void **state) {
    struct stage *stage = calloc(1, sizeof(*stage));
    char path[128];
    (void)snprintf(stage->folder, sizeof(stage->folder), "/tmp/ebb-registry-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    (void)snprintf(path, sizeof(path), "%s/hub.db", stage->folder);
    *state = stage;
    return hub_db_open(path, &stage->database, &stage->err) == STATUS_OK &&
                   registry_load(stage->database, &stage->registry, &stage->err) == STATUS_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    char command[128];
    registry_destroy(stage->registry);
    database_close(stage->database);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", stage->folder);
    assert_int_equal(system(command), 0);
    free(stage);
    return 0;
}

/* Of what stands for certificate `which` of device `number`. */
static struct digest fingerprint_of(int number, int which) {
    char text[64];
    (void)snprintf(text, sizeof(text), "certificate %d of device %d", which, number);
    return hash_sha256(slice_of(text));
}

static struct id id_of(int number) {
    struct id id = {{1}};
    (void)memcpy(id.bytes + 2, &number, sizeof(number));
    return id;
}

/* The device with so many certificates, the newest first. */
static struct device_change change_of(int number, enum device_state state, int certificates) {
    static char name[32];
    struct device_change change = {.count = 1};
    struct device_view *view = &change.views[0];
    (void)snprintf(name, sizeof(name), "device-%d", number);
    view->row = (struct device_row){.id = id_of(number),
                                    .name = slice_of(name),
                                    .labels = SLICE("{\"line\":\"3\"}"),
                                    .facts = SLICE("{}"),
                                    .state = state};
    for (int i = 0; i < certificates; i++) {
        view->certificates[i].fingerprint = fingerprint_of(number, certificates - 1 - i);
    }
    view->certificate_count = certificates;
    return change;
}

static void take(struct stage *stage, int number, enum device_state state, int certificates) {
    const struct device_change change = change_of(number, state, certificates);
    registry_take(stage->registry, &change);
}

static bool finds(struct stage *stage, int number, int which) {
    struct registered_device found;
    if (registry_find_device(stage->registry, fingerprint_of(number, which), &found, &stage->err) !=
        STATUS_OK) {
        assert_int_equal(stage->err.code, STATUS_DENIED);
        return false;
    }
    assert_true(id_equal(found.id, id_of(number)));
    assert_true(slice_is(found.labels, "{\"line\":\"3\"}"));
    return true;
}

/* Writes a device with one certificate into the database, as an enrolment does. */
static void write_row(struct stage *stage, int number) {
    const struct device_change change = change_of(number, DEVICE_ACTIVE, 1);
    struct certificate_row row = {.fingerprint = change.views[0].certificates[0].fingerprint,
                                  .device = id_of(number),
                                  .pem = SLICE("pem")};
    assert_int_equal(device_rows_put(stage->database, &change.views[0].row, &stage->err),
                     STATUS_OK);
    assert_int_equal(certificate_rows_put(stage->database, &row, &stage->err), STATUS_OK);
}

static void test_registry__loads_every_row(void **state) {
    struct stage *stage = *state;
    assert_int_equal(database_begin(stage->database, &stage->err), STATUS_OK);
    for (int i = 0; i < MANY; i++) {
        write_row(stage, i);
    }
    assert_int_equal(database_commit(stage->database, &stage->err), STATUS_OK);
    registry_destroy(stage->registry);
    stage->registry = NULL;
    assert_int_equal(registry_load(stage->database, &stage->registry, &stage->err), STATUS_OK);
    assert_int_equal(registry_count(stage->registry), MANY);
    for (int i = 0; i < MANY; i++) {
        assert_true(finds(stage, i, 0));
        assert_false(finds(stage, i, 1));
    }
}

static void test_registry__follows_what_was_committed(void **state) {
    struct stage *stage = *state;
    assert_false(finds(stage, 7, 0));
    take(stage, 7, DEVICE_ACTIVE, 1);
    assert_true(finds(stage, 7, 0));
    take(stage, 7, DEVICE_ACTIVE, 2);
    assert_true(finds(stage, 7, 0) && finds(stage, 7, 1));
    take(stage, 7, DEVICE_REVOKED, 2);
    assert_false(finds(stage, 7, 0) || finds(stage, 7, 1));
    assert_int_equal(registry_count(stage->registry), 0);
    take(stage, 7, DEVICE_ACTIVE, 3);
    assert_true(finds(stage, 7, 2));
}

/* A certificate that went over to another device is that one's, in whatever order it is told. */
static void test_registry__a_certificate_has_one_device(void **state) {
    struct stage *stage = *state;
    take(stage, 1, DEVICE_ACTIVE, 1);
    take(stage, 2, DEVICE_ACTIVE, 1);
    struct device_change change = change_of(1, DEVICE_ACTIVE, 1);
    change.views[0].certificates[0].fingerprint = fingerprint_of(2, 0);
    registry_take(stage->registry, &change);
    struct device_change gone = change_of(2, DEVICE_REMOVED, 0);
    registry_take(stage->registry, &gone);
    struct registered_device found;
    assert_int_equal(
        registry_find_device(stage->registry, fingerprint_of(2, 0), &found, &stage->err),
        STATUS_OK);
    assert_true(id_equal(found.id, id_of(1)));
    assert_false(finds(stage, 1, 0));
}

static void test_registry__notes_come_in_portions(void **state) {
    struct stage *stage = *state;
    struct device_notes notes;
    int seen = 0;
    for (int i = 0; i < MANY; i++) {
        take(stage, i, DEVICE_ACTIVE, 2);
        registry_note_contact(stage->registry, fingerprint_of(i, 1), 1000 + i);
        registry_note_contact(stage->registry, fingerprint_of(i, 1), 2000 + i);
    }
    while (registry_take_notes(stage->registry, &notes)) {
        for (int i = 0; i < notes.count; i++) {
            assert_true(notes.items[i].contact_ms >= 2000);
            assert_true(notes.items[i].replaces);
        }
        seen += notes.count;
    }
    assert_int_equal(seen, MANY);
    registry_note_contact(stage->registry, fingerprint_of(5, 1), 9000);
    assert_true(registry_take_notes(stage->registry, &notes));
    assert_int_equal(notes.count, 1);
    assert_false(notes.items[0].replaces); /* that was told before */
    registry_note_use(stage->registry, fingerprint_of(5, 1), 9000 + REGISTRY_USE_MS - 1);
    assert_false(registry_take_notes(stage->registry, &notes)); /* it was heard of just now */
    registry_note_use(stage->registry, fingerprint_of(5, 1), 9000 + REGISTRY_USE_MS);
    assert_true(registry_take_notes(stage->registry, &notes));
    assert_int_equal(notes.items[0].contact_ms, 9000 + REGISTRY_USE_MS);
    registry_note_contact(stage->registry, hash_sha256(SLICE("nobody's")), 9000);
    registry_note_use(stage->registry, hash_sha256(SLICE("nobody's")), INT64_MAX);
    assert_false(registry_take_notes(stage->registry, &notes));
}

/* What was noted and is not written yet counts, whatever the rows say meanwhile. */
static void test_registry__what_was_seen_is_not_forgotten(void **state) {
    struct stage *stage = *state;
    take(stage, 7, DEVICE_ACTIVE, 2);
    registry_note_contact(stage->registry, fingerprint_of(7, 1), 1000);
    assert_false(finds(stage, 7, 0));
    take(stage, 7, DEVICE_ACTIVE, 2);
    assert_false(finds(stage, 7, 0));
    assert_true(finds(stage, 7, 1));
}

/* Without memory somebody may be kept out until the next start, and nobody is let in. */
static void test_registry__without_memory_lets_nobody_in(void **state) {
    struct stage *stage = *state;
    take(stage, 1, DEVICE_ACTIVE, 1);
    for (long at = 0; at < 8; at++) {
        (void)memory_fail_at(at, 1);
        take(stage, 1, DEVICE_REVOKED, 1);
        take(stage, (int)(100 + at), DEVICE_ACTIVE, 1);
        (void)memory_fail_at(-1, 0);
        assert_false(finds(stage, 1, 0));
        take(stage, 1, DEVICE_ACTIVE, 1);
        assert_true(finds(stage, 1, 0));
        take(stage, (int)(100 + at), DEVICE_ACTIVE, 1);
        assert_true(finds(stage, (int)(100 + at), 0));
    }
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ONE(test_registry__loads_every_row),
        ONE(test_registry__follows_what_was_committed),
        ONE(test_registry__a_certificate_has_one_device),
        ONE(test_registry__notes_come_in_portions),
        ONE(test_registry__what_was_seen_is_not_forgotten),
        ONE(test_registry__without_memory_lets_nobody_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
