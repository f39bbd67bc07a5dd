// SPDX-License-Identifier: Apache-2.0
#include "deployment/identity.h"

#include <sys/stat.h>
#include <unistd.h>

#include "deployment/test_identity.h"
#include "platform/file.h"

struct stage {
    char data[64];
    struct arena arena;
    struct test_authority authority;
    struct identity identity; /* as a hub made it */
};

static int set_up(void **state) {
    struct stage *stage = calloc(1, sizeof(*stage));
    (void)snprintf(stage->data, sizeof(stage->data), "/tmp/ebb-identity-XXXXXX");
    arena_init(&stage->arena, 4 << 20);
    test_authority_make(&stage->authority);
    *state = stage;
    return mkdtemp(stage->data) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    char command[128];
    test_authority_done(&stage->authority);
    arena_done(&stage->arena);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", stage->data);
    assert_int_equal(system(command), 0);
    free(stage);
    return 0;
}

static const char *path_of(const struct stage *stage, const char *name) {
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", stage->data, name);
    return path;
}

static mode_t mode_of(const struct stage *stage, const char *name) {
    struct stat facts;
    assert_int_equal(stat(path_of(stage, name), &facts), 0);
    return facts.st_mode & 0777;
}

/* Joins with the key in the folder. */
static void join(struct stage *stage) {
    struct error err = {0};
    struct slice key;
    CLEANUP(buffer_done) struct buffer body = {0};
    buffer_init(&body, TEST_IDENTITY_BYTES_MAX);
    assert_int_equal(identity_key(stage->data, &stage->arena, &key, &err), STATUS_OK);
    assert_int_equal(enrolment_renewal_write(key, &body, &err), STATUS_OK);
    const struct enrolment_reply reply = {.code = 200,
                                          .body = test_answer(&stage->arena, &stage->authority,
                                                              test_csr(&stage->arena, &body),
                                                              CERTIFICATE_DEVICE),
                                          .key_pem = key,
                                          .pin = digest_slice(&stage->authority.pin)};
    stage->identity = (struct identity){0};
    assert_int_equal(enrolment_answer_read(&stage->arena, &reply, &stage->identity, &err),
                     STATUS_OK);
}

static void test_identity__a_key_is_made_once(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    struct slice first, second;
    assert_int_equal(identity_key(stage->data, &stage->arena, &first, &err), STATUS_OK);
    assert_int_equal(mode_of(stage, "identity.key"), 0600);
    assert_int_equal(identity_key(stage->data, &stage->arena, &second, &err), STATUS_OK);
    assert_true(slice_equal(first, second));
    assert_int_equal(chmod(path_of(stage, "identity.key"), 0644), 0);
    assert_int_equal(identity_key(stage->data, &stage->arena, &second, &err), STATUS_DENIED);
    assert_int_equal(file_replace_private(path_of(stage, "identity.key"), SLICE("x"), &err),
                     STATUS_OK);
    assert_int_equal(identity_key(stage->data, &stage->arena, &second, &err), STATUS_CORRUPT);
}

static void test_identity__is_read_back(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    struct identity read;
    assert_int_equal(identity_load(stage->data, &stage->arena, &read, &err), STATUS_NOT_FOUND);
    join(stage);
    stage->identity.proxy = "http://user:word@proxy.example:3128";
    assert_int_equal(identity_save(stage->data, &stage->identity, &err), STATUS_OK);
    assert_int_equal(mode_of(stage, "hub.json"), 0600);
    assert_int_equal(identity_load(stage->data, &stage->arena, &read, &err), STATUS_OK);
    assert_true(id_equal(read.device, stage->identity.device));
    assert_true(slice_is(read.name, "line-3"));
    assert_true(slice_is(read.site, "works"));
    assert_true(slice_equal(read.certificate, stage->identity.certificate));
    assert_true(
        slice_equal(read.authority, slice_trim(buffer_slice(&stage->authority.certificate))));
    assert_true(slice_equal(read.key, stage->identity.key));
    assert_true(digest_equal(read.pin, stage->authority.pin));
    assert_true(id_equal(read.serial, stage->identity.serial));
    assert_int_equal(read.not_before_ms, TEST_BEGIN_MS);
    assert_int_equal(read.not_after_ms, TEST_BEGIN_MS + TEST_LIFE_MS);
    assert_string_equal(read.hubs[0], "hub.example:8443");
    assert_string_equal(read.hubs[1], "10.0.0.7:8443");
    assert_null(read.hubs[2]);
    assert_string_equal(read.proxy, "http://user:word@proxy.example:3128");
    identity_forget(&read);
    assert_null(read.key.bytes);
}

/* Two joined at once, and the other one's key lies there. */
static void test_identity__is_kept_only_with_its_key(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    struct identity read;
    struct slice key;
    join(stage);
    assert_int_equal(identity_save(stage->data, &stage->identity, &err), STATUS_OK);
    assert_int_equal(unlink(path_of(stage, "identity.key")), 0);
    assert_int_equal(identity_key(stage->data, &stage->arena, &key, &err), STATUS_OK);
    assert_int_equal(identity_save(stage->data, &stage->identity, &err), STATUS_CONFLICT);
    assert_int_equal(identity_load(stage->data, &stage->arena, &read, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "identity.key"));
}

/* Whatever became of the file, it is told and never believed in part. */
static void test_identity__cut_off_is_corrupt(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    struct identity read;
    CLEANUP(buffer_done) struct buffer whole = {0};
    buffer_init(&whole, IDENTITY_FILE_BYTES_MAX);
    join(stage);
    assert_int_equal(identity_save(stage->data, &stage->identity, &err), STATUS_OK);
    assert_int_equal(file_read(path_of(stage, "hub.json"), &whole, &err), STATUS_OK);
    for (size_t count = 0; count + 2 < whole.count; count += 41) {
        struct arena arena;
        arena_init(&arena, 1 << 20);
        assert_int_equal(file_replace_private(path_of(stage, "hub.json"),
                                              slice_part(buffer_slice(&whole), 0, count), &err),
                         STATUS_OK);
        assert_int_equal(identity_load(stage->data, &arena, &read, &err), STATUS_CORRUPT);
        arena_done(&arena);
    }
    assert_int_equal(file_replace_private(path_of(stage, "hub.json"), SLICE("{\"ebb\":2}"), &err),
                     STATUS_OK);
    assert_int_equal(identity_load(stage->data, &stage->arena, &read, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "version 2"));
}

static void test_identity__is_removed_with_its_key(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    join(stage);
    assert_int_equal(identity_save(stage->data, &stage->identity, &err), STATUS_OK);
    bool removed = false;
    assert_int_equal(identity_remove(stage->data, &removed, &err), STATUS_OK);
    assert_true(removed);
    assert_int_not_equal(access(path_of(stage, "hub.json"), F_OK), 0);
    assert_int_not_equal(access(path_of(stage, "identity.key"), F_OK), 0);
    assert_int_equal(identity_remove(stage->data, &removed, &err), STATUS_OK);
    assert_false(removed);
    assert_int_equal(identity_remove("/nowhere/at/all", &removed, &err), STATUS_OK);
}

static void test_identity__keeps_as_many_hubs_as_there_is_room_for(void **state) {
    struct stage *stage = *state;
    struct identity identity = {0};
    for (int i = 0; i < IDENTITY_HUBS_MAX; i++) {
        char address[32];
        (void)snprintf(address, sizeof(address), "hub-%d:8443", i);
        assert_true(identity_add_hub(&identity, &stage->arena, slice_of(address)));
        assert_true(identity_add_hub(&identity, &stage->arena, slice_of(address)));
    }
    assert_false(identity_add_hub(&identity, &stage->arena, SLICE("one-more:8443")));
    assert_null(identity.hubs[IDENTITY_HUBS_MAX]);
}

/* Half of the life, a tenth earlier or later, and never twice the same moment for all. */
static void test_identity__is_due_at_half_of_its_life_about(void **state) {
    (void)state;
    struct identity identity = {.not_before_ms = TEST_BEGIN_MS,
                                .not_after_ms = TEST_BEGIN_MS + TEST_LIFE_MS};
    int64_t least_ms = INT64_MAX;
    int64_t most_ms = 0;
    for (int i = 0; i < 65536; i += 7) {
        identity.serial.bytes[ID_BYTES - 1] = (uint8_t)i;
        identity.serial.bytes[ID_BYTES - 2] = (uint8_t)(i >> 8);
        const int64_t at_ms = identity_renewal_ms(&identity) - TEST_BEGIN_MS;
        least_ms = at_ms < least_ms ? at_ms : least_ms;
        most_ms = at_ms > most_ms ? at_ms : most_ms;
    }
    assert_in_range(least_ms, TEST_LIFE_MS / 10 * 4, TEST_LIFE_MS / 100 * 41);
    assert_in_range(most_ms, TEST_LIFE_MS / 100 * 59, TEST_LIFE_MS / 10 * 6);
    struct moment now = {.wall_ms = identity_renewal_ms(&identity), .quality = CLOCK_UNSURE};
    assert_true(identity_is_due(&identity, now));
    now.wall_ms--;
    assert_false(identity_is_due(&identity, now));
    now.wall_ms += TEST_LIFE_MS;
    assert_true(identity_is_due(&identity, now));
    now.quality = CLOCK_BAD; /* below the floor nobody knows how late it is */
    assert_false(identity_is_due(&identity, now));
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ONE(test_identity__a_key_is_made_once),
        ONE(test_identity__is_read_back),
        ONE(test_identity__is_kept_only_with_its_key),
        ONE(test_identity__cut_off_is_corrupt),
        ONE(test_identity__is_removed_with_its_key),
        ONE(test_identity__keeps_as_many_hubs_as_there_is_room_for),
        ONE(test_identity__is_due_at_half_of_its_life_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
