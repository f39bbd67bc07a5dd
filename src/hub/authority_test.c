// SPDX-License-Identifier: Apache-2.0
#include "hub/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/file.h"

static const int64_t NOW_MS = INT64_C(1800000000000);
static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

static char folder[64];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ebb-authority-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static const char *path_of(const char *name) {
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/authority/%s", folder, name);
    return path;
}

static mode_t mode_of(const char *name) {
    struct stat facts;
    assert_int_equal(stat(path_of(name), &facts), 0);
    return facts.st_mode & 0777;
}

static status try_open(const struct authority_options *options, struct authority **out_authority,
                       struct error *err) {
    *out_authority = NULL;
    return authority_open(options, out_authority, err);
}

static struct authority *open_at(int64_t now_ms, const char *name) {
    const struct slice names[] = {slice_of(name)};
    const struct authority_options options = {
        .folder = folder, .names = names, .name_count = 1, .now_ms = now_ms};
    struct authority *authority = NULL;
    struct error err = {0};
    if (try_open(&options, &authority, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return authority;
}

static void test_authority__is_made_once_and_stays(void **state) {
    (void)state;
    struct authority *authority = open_at(NOW_MS, "hub.example");
    const struct digest pin = authority_pin(authority);
    char site[AUTHORITY_SITE_BYTES];
    (void)snprintf(site, sizeof(site), "%s", authority_site(authority));
    assert_int_equal(strlen(site), 16);
    authority_close(authority);
    assert_int_equal(mode_of("key.pem"), 0600);
    assert_int_equal(mode_of("server-key.pem"), 0600);
    assert_int_equal(mode_of(""), 0700);
    authority = open_at(NOW_MS + 4000 * DAY_MS, "other.example");
    assert_true(digest_equal(authority_pin(authority), pin));
    assert_string_equal(authority_site(authority), site);
    authority_close(authority);
}

static struct certificate_facts server_of(const struct authority *authority) {
    struct certificate_facts facts;
    struct error err = {0};
    struct slice rest = authority_server_chain(authority);
    struct slice server, above;
    assert_int_equal(strlen(rest.bytes), rest.count);
    assert_true(certificate_next(&rest, &server));
    assert_true(certificate_next(&rest, &above));
    assert_int_equal(certificate_check_issuer(server, above, &err), STATUS_OK);
    assert_int_equal(certificate_read(server, &facts, &err), STATUS_OK);
    return facts;
}

static void test_authority__of_the_server_is_kept_until_half_of_its_life(void **state) {
    (void)state;
    struct authority *authority = open_at(NOW_MS, "hub.example");
    const struct certificate_facts first = server_of(authority);
    assert_true(first.for_server && !first.for_client);
    assert_true(certificate_is_for(authority_server_chain(authority), "hub.example"));
    authority_close(authority);
    authority = open_at(NOW_MS + 100 * DAY_MS, "hub.example");
    assert_true(digest_equal(server_of(authority).fingerprint, first.fingerprint));
    struct error err = {0};
    bool renewed = true;
    assert_int_equal(authority_renew_server(authority, NOW_MS + 180 * DAY_MS, &renewed, &err),
                     STATUS_OK);
    assert_false(renewed);
    assert_int_equal(authority_renew_server(authority, NOW_MS + 184 * DAY_MS, &renewed, &err),
                     STATUS_OK);
    assert_true(renewed);
    const struct certificate_facts second = server_of(authority);
    assert_false(digest_equal(second.fingerprint, first.fingerprint));
    assert_true(digest_equal(second.spki, first.spki));
    assert_int_equal(strlen(authority_server_key(authority).bytes),
                     authority_server_key(authority).count);
    authority_close(authority);
}

static void test_authority__of_the_server_follows_its_names(void **state) {
    (void)state;
    struct authority *authority = open_at(NOW_MS, "hub.example");
    authority_close(authority);
    authority = open_at(NOW_MS, "10.0.0.7");
    assert_true(certificate_is_for(authority_server_chain(authority), "10.0.0.7"));
    authority_close(authority);
}

static void test_authority__that_was_there_is_never_made_anew(void **state) {
    (void)state;
    const struct authority_options options = {.folder = folder, .now_ms = NOW_MS};
    struct authority *authority = open_at(NOW_MS, "hub.example");
    struct error err = {0};
    authority_close(authority);
    assert_int_equal(chmod(path_of("key.pem"), 0640), 0);
    assert_int_equal(try_open(&options, &authority, &err), STATUS_DENIED);
    assert_int_equal(chmod(path_of("key.pem"), 0600), 0);
    assert_int_equal(file_replace_private(path_of("certificate.pem"), SLICE("half a cert"), &err),
                     STATUS_OK);
    assert_int_equal(try_open(&options, &authority, &err), STATUS_CORRUPT);
    assert_int_equal(unlink(path_of("certificate.pem")), 0);
    authority = open_at(NOW_MS, "hub.example"); /* its certificate follows from its key */
    authority_close(authority);
    assert_int_equal(unlink(path_of("key.pem")), 0);
    assert_int_equal(try_open(&options, &authority, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "backup"));
}

/* The operator's own: a pair that is one is taken, two halves are not. */
static void test_authority__of_the_operator_is_taken(void **state) {
    (void)state;
    struct authority *authority = open_at(NOW_MS, "hub.example");
    const struct digest pin = authority_pin(authority);
    authority_close(authority);
    char command[256], key[128], certificate[128];
    (void)snprintf(command, sizeof(command),
                   "cd '%s' && mv authority own && mkdir other && cp own/server-key.pem other/",
                   folder);
    assert_int_equal(system(command), 0);
    (void)snprintf(key, sizeof(key), "%s/own/key.pem", folder);
    (void)snprintf(certificate, sizeof(certificate), "%s/own/certificate.pem", folder);
    struct authority_options options = {.folder = folder,
                                        .certificate_file = certificate,
                                        .key_file = key,
                                        .site = "works",
                                        .now_ms = NOW_MS};
    struct error err = {0};
    assert_int_equal(try_open(&options, &authority, &err), STATUS_OK);
    assert_true(digest_equal(authority_pin(authority), pin));
    assert_string_equal(authority_site(authority), "works");
    authority_close(authority);
    (void)snprintf(key, sizeof(key), "%s/other/server-key.pem", folder);
    assert_int_equal(try_open(&options, &authority, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "belong together"));
    options.key_file = NULL;
    options.certificate_file = NULL;
    options.site = "Works!";
    assert_int_equal(try_open(&options, &authority, &err), STATUS_INVALID);
    options.site = NULL;
    options.device_life_days = 6;
    assert_int_equal(try_open(&options, &authority, &err), STATUS_INVALID);
}

/* What it signs ends no later than it does. */
static void test_authority__issues_nothing_beyond_its_own_end(void **state) {
    (void)state;
    struct authority *authority = open_at(NOW_MS, "hub.example");
    struct certificate_facts own, issued;
    struct error err = {0};
    CLEANUP(buffer_done) struct buffer key = {0};
    CLEANUP(buffer_done) struct buffer request = {0};
    CLEANUP(buffer_done) struct buffer pem = {0};
    int64_t ends_ms = 0;
    buffer_init(&key, CERTIFICATE_KEY_BYTES_MAX);
    buffer_init(&request, CERTIFICATE_REQUEST_BYTES_MAX);
    buffer_init(&pem, CERTIFICATE_BYTES_MAX);
    assert_int_equal(certificate_read(authority_certificate(authority), &own, &err), STATUS_OK);
    assert_int_equal(certificate_key_make(&key, &err), STATUS_OK);
    assert_int_equal(certificate_request_make(buffer_slice(&key), SLICE("x"), &request, &err),
                     STATUS_OK);
    struct authority_issue issue = {.request_pem = buffer_slice(&request),
                                    .serial = certificate_serial(),
                                    .name = SLICE("line-3"),
                                    .now_ms = own.not_after_ms - DAY_MS};
    assert_int_equal(authority_issue(authority, &issue, &pem, &ends_ms, &err), STATUS_OK);
    assert_int_equal(certificate_read(buffer_slice(&pem), &issued, &err), STATUS_OK);
    assert_int_equal(issued.not_after_ms, own.not_after_ms);
    assert_int_equal(ends_ms, own.not_after_ms);
    issue.now_ms = own.not_after_ms;
    assert_int_equal(authority_issue(authority, &issue, &pem, &ends_ms, &err), STATUS_DENIED);
    authority_close(authority);
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ONE(test_authority__is_made_once_and_stays),
        ONE(test_authority__of_the_server_is_kept_until_half_of_its_life),
        ONE(test_authority__of_the_server_follows_its_names),
        ONE(test_authority__that_was_there_is_never_made_anew),
        ONE(test_authority__of_the_operator_is_taken),
        ONE(test_authority__issues_nothing_beyond_its_own_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
