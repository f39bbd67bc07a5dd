// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_http.h"

#include "agents/test_folder.h"

#define HEAD "ebb: 1\nagent: far\nversion: 1.0.0\nkind: http\n"

static struct test_folder folder;

static int make_folder(void **state) {
    (void)state;
    test_folder_make(&folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static struct agent_manifest *read_good(const char *rest) {
    char text[2048];
    (void)snprintf(text, sizeof text, HEAD "%s", rest);
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    if (agent_manifest_read_text(folder.path, SLICE("f"), slice_of(text), &manifest, &faults,
                                 &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return manifest;
}

/* It has this one fault. */
static void assert_refused(const char *rest, const char *sentence) {
    char text[2048];
    (void)snprintf(text, sizeof text, HEAD "%s", rest);
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    assert_int_equal(
        agent_manifest_read_text(folder.path, SLICE("f"), slice_of(text), &manifest, &faults, &err),
        STATUS_INVALID);
    CLEANUP(buffer_done) struct buffer said;
    buffer_init(&said, 1 << 16);
    fault_list_write(faults, &said);
    buffer_add_byte(&said, 0);
    if (faults->count != 1 || strstr(said.bytes, sentence) == NULL) {
        fail_msg("'%s' is not: %s", sentence, said.bytes);
    }
    fault_list_release(faults);
}

static void test_manifest_http__is_read_whole(void **state) {
    (void)state;
    test_folder_write(&folder, "ca.pem", "x");
    struct agent_manifest *manifest =
        read_good("url: https://host.example:8443/v1/ask?x=%20y\nmethod: PUT\n"
                  "headers: { Authorization: \"Bearer secret:far-token\", X-Room: \"a\\tb\", "
                  "X-Key: secret:key }\n"
                  "proxy: http://proxy.lan:3128\nca: ca.pem\nneeds: { offline: true }\n");
    char path[2 * TEST_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/ca.pem", folder.path);
    assert_string_equal(manifest->url.bytes, "https://host.example:8443/v1/ask?x=%20y");
    assert_string_equal(manifest->method, "PUT");
    assert_int_equal(manifest->header_count, 3);
    assert_string_equal(manifest->headers[0].text.bytes, "Authorization: Bearer ");
    assert_string_equal(manifest->headers[0].secret.bytes, "far-token");
    assert_string_equal(manifest->headers[1].text.bytes, "X-Room: a\tb");
    assert_int_equal(manifest->headers[1].secret.count, 0);
    assert_string_equal(manifest->headers[2].text.bytes, "X-Key: ");
    assert_string_equal(manifest->headers[2].secret.bytes, "key");
    assert_string_equal(manifest->proxy.bytes, "http://proxy.lan:3128");
    assert_string_equal(manifest->ca_file.bytes, path);
    assert_true(manifest->needs_offline);
    agent_manifest_release(manifest);
}

static void test_manifest_http__what_it_does_not_say_has_a_default(void **state) {
    (void)state;
    struct agent_manifest *manifest = read_good("url: http://127.0.0.1:8080\n");
    assert_string_equal(manifest->url.bytes, "http://127.0.0.1:8080");
    assert_string_equal(manifest->method, "POST");
    assert_int_equal(manifest->header_count, 0);
    assert_int_equal(manifest->proxy.count, 0);
    assert_int_equal(manifest->ca_file.count, 0);
    assert_int_equal(manifest->output_bytes, AGENT_OUTPUT_BYTES_DEFAULT);
    assert_false(manifest->needs_offline);
    assert_false(manifest->actuator);
    agent_manifest_release(manifest);
    manifest = read_good("url: http://127.0.0.1:8080\nneeds: { memory: 1MiB }\n");
    assert_false(manifest->needs_offline);
    agent_manifest_release(manifest);
}

static void test_manifest_http__every_fault_says_what_would_be_right(void **state) {
    (void)state;
    static const struct {
        const char *rest, *sentence;
    } cases[] = {
        {"method: GET\n", "1:1: an agent of kind http needs the key `url`"},
        {"url: host.example/ask\n",
         "5:6: `url: host.example/ask`: an address such as https://host.example/v1/ask"},
        {"url: ftp://host.example/\n", "an address such as"},
        {"url: http://\n", "an address such as"},
        {"url: http://:80/x\n", "an address such as"},
        {"url: 'http://host.example/a b'\n", "an address such as"},
        {"url: http://me:word@host.example/\n", "`headers` takes them"},
        {"url: http://host.example/#top\n", "what follows a # is never sent"},
        {"url: 'http://host.example/${ .event.id }'\n", "it is literal"},
        {"url: [a]\n", "5:6: `url` is an address such as https://host.example/v1/ask, not a list"},
        {"url: http://a/\nmethod: POTS\n", "6:9: `method: POTS`: did you mean `POST`?"},
        {"url: http://a/\nproxy: socks5://a:1\n", "a proxy is an address such as"},
        {"url: http://a/\nproxy: https://a:1\n", "a proxy is an address such as"},
        {"url: http://a/\nca: no.pem\n", "6:5: no file `no.pem` in "},
        {"url: http://a/\nheaders: [a]\n",
         "6:10: `headers` is a map of at most 64 names and texts"},
        {"url: http://a/\nheaders: { 'a b': c }\n", "`a b` is no name for a header"},
        {"url: http://a/\nheaders: { A: \"b\\r\\nC: d\" }\n",
         "the header `A` is one line of text of at most 4096 bytes"},
        {"url: http://a/\nheaders: { A: [b] }\n", "the header `A` is one line"},
        {"url: http://a/\nheaders: { content-length: 3 }\n",
         "6:12: the header `Content-Length` is ebb's own"},
        {"url: http://a/\nheaders: { Idempotency-Key: 3 }\n", "is ebb's own"},
        {"url: http://a/\nheaders: { A: secret:To/ken }\n",
         "6:15: `secret:To/ken`: a secret's name is small letters, digits and -"},
        {"url: http://a/\ninputs: { face: { type: image } }\n",
         "6:9: `inputs` has a picture, sound or file"},
        {"url: http://a/\noutputs: { all: { type: list, of: file } }\n",
         "6:10: `outputs` has a picture, sound or file"},
        {"url: http://a/\ncommand: [a]\n", "`command` is a key of kind process, not of http"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refused(cases[i].rest, cases[i].sentence);
    }
}

int main(void) {
#define MANIFEST_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        MANIFEST_TEST(test_manifest_http__is_read_whole),
        MANIFEST_TEST(test_manifest_http__what_it_does_not_say_has_a_default),
        MANIFEST_TEST(test_manifest_http__every_fault_says_what_would_be_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
