// SPDX-License-Identifier: Apache-2.0
#include "platform/link_test.h"

#include <stdio.h>
#include <time.h>

#include "platform/http_server.h"

enum { BODY_PIECES = 80, PIECE_BYTES = 64 << 10 };

/* The hub's own server, on the loop of the link. */
static struct {
    struct http_server *server;
    bool refuses, cuts, pauses;
    size_t bytes;
    int requests;
    bool knows_us;
    struct http_request *paused;
    struct timer *timer;
} hub;

static void look_at_us(struct http_request *request) {
    struct http_certificate shown;
    gnutls_datum_t der = {0};
    http_peer_certificate(request, &shown);
    TEST_NEED(gnutls_x509_crt_export2(device->certificate, GNUTLS_X509_FMT_DER, &der));
    hub.knows_us =
        slice_equal(shown.der, (struct slice){.bytes = (const char *)der.data, .count = der.size});
    gnutls_free(der.data);
    hub.requests++;
}

static void handle(void *owner, struct http_request *request) {
    (void)owner;
    look_at_us(request);
    http_answer(request, 200, "application/json", request->body);
}

static bool begun(void *owner, struct http_request *request) {
    (void)owner;
    if (!slice_is(request->method, "PUT")) {
        return false;
    }
    look_at_us(request);
    if (hub.refuses) {
        http_retry_after(request, 9);
        http_answer(request, 503, "text/plain", SLICE("later"));
    }
    return true;
}

static void came(void *owner, struct http_request *request, struct slice bytes) {
    (void)owner;
    hub.bytes += bytes.count;
    if (hub.cuts && hub.bytes > PIECE_BYTES) {
        http_cut_off(request);
    } else if (hub.pauses && hub.paused == NULL) {
        hub.paused = request;
        http_pause(request);
        timer_set(hub.timer, 1);
    }
}

static void goes_on(void *owner) {
    (void)owner;
    struct http_request *request = hub.paused;
    hub.paused = NULL;
    http_resume(request);
}

static void ended(void *owner, struct http_request *request) {
    char text[32];
    (void)owner;
    (void)snprintf(text, sizeof text, "%zu", hub.bytes);
    hub.bytes = 0;
    http_answer(request, 200, "text/plain", slice_of(text));
}

static void gone(void *owner, struct http_request *request) {
    (void)owner;
    (void)request;
}

static void closed(void *owner, void *kept) {
    (void)owner;
    (void)kept;
}

static void open_both(struct scene *scene) {
    static const struct http_streamer streamer = {
        .begun = begun, .came = came, .ended = ended, .gone = gone, .closed = closed};
    const struct http_tls tls = {.certificate_pem = hub_identity->chain_pem,
                                 .key_pem = hub_identity->key_pem,
                                 .trust_pem = authority->chain_pem};
    const struct http_options options = {
        .address = "127.0.0.1:0", .tls = &tls, .handler = handle, .streamer = &streamer};
    memset(&hub, 0, sizeof hub);
    scene_open(scene, 1);
    assert_int_equal(timer_open(scene->loop, goes_on, NULL, &hub.timer, NULL), STATUS_OK);
    assert_int_equal(http_server_open(scene->loop, &options, &hub.server, &scene->error),
                     STATUS_OK);
    (void)snprintf(scene->hub_texts[0], HUB_TEXT_BYTES, "https://%s",
                   http_server_address(hub.server));
    scene_connect(scene);
}

static void close_both(struct scene *scene) {
    link_close(scene->link);
    timer_close(hub.timer);
    http_server_destroy(hub.server);
    scene_done(scene);
}

static void test_link__the_hubs_own_server_knows_the_device(void **state) {
    (void)state;
    struct scene scene;
    open_both(&scene);
    for (int i = 0; i < 3; i++) {
        scene_ask(&scene, SLICE("{\"hello\":1}"));
        assert_int_equal(scene.code, 200);
        assert_true(slice_is(buffer_slice(&scene.body), "{\"hello\":1}"));
        assert_true(hub.knows_us);
    }
    assert_int_equal(hub.requests, 3);
    close_both(&scene);
}

/* Writes pieces whenever there is room, the last of them ends the body. */
static void keep_writing(struct scene *scene, enum told told) {
    static const char piece[PIECE_BYTES] = "as good as any";
    const struct slice bytes = {.bytes = piece, .count = sizeof piece};
    if (told != TOLD_TAKEN) {
        return;
    }
    while (scene->count > 0 && link_write(scene->link, bytes, NULL) == STATUS_OK) {
        scene->count--;
        if (scene->count == 0) {
            link_end(scene->link);
        }
    }
}

static void begin_body(struct scene *scene) {
    scene->then = keep_writing;
    scene->count = BODY_PIECES;
    scene->taken_bytes = 0;
    assert_int_equal(link_begin(scene->link, &PUT, NULL), STATUS_OK);
    keep_writing(scene, TOLD_TAKEN);
}

static void test_link__the_hubs_own_server_takes_bodies_as_they_come(void **state) {
    (void)state;
    struct scene scene;
    open_both(&scene);
    for (int i = 0; i < 4; i++) {
        hub.pauses = i % 2 == 1;
        begin_body(&scene);
        assert_int_equal(scene_await(&scene, TOLD_ANSWERED | TOLD_LOST), TOLD_ANSWERED);
        assert_int_equal(scene.code, 200);
        assert_int_equal(strtoul(scene.body.bytes, NULL, 10), BODY_PIECES * PIECE_BYTES);
        assert_int_equal(scene.taken_bytes, BODY_PIECES * PIECE_BYTES);
    }
    assert_true(hub.knows_us);
    close_both(&scene);
}

static void test_link__the_hubs_own_server_may_want_no_body(void **state) {
    (void)state;
    struct scene scene;
    open_both(&scene);
    hub.refuses = true;
    begin_body(&scene);
    assert_int_equal(scene_await(&scene, TOLD_LOST), TOLD_LOST);
    assert_int_equal(scene.error.code, STATUS_OFFLINE);
    assert_int_equal(scene.answers, 1);
    assert_int_equal(scene.code, 503);
    assert_int_equal(scene.retry_after_ms, 9000);
    assert_true(scene.early);
    assert_true(slice_is(buffer_slice(&scene.body), "later"));
    close_both(&scene);
}

static void test_link__the_hubs_own_server_may_cut_us_off(void **state) {
    (void)state;
    struct scene scene;
    open_both(&scene);
    hub.cuts = true;
    begin_body(&scene);
    assert_int_equal(scene_await(&scene, TOLD_LOST | TOLD_ANSWERED), TOLD_LOST);
    assert_int_equal(scene.error.code, STATUS_OFFLINE);
    close_both(&scene);
}

/* --- another library's server --- */

static const char SCRIPT[] =
    "import http.server, ssl, sys\n"
    "class Hub(http.server.BaseHTTPRequestHandler):\n"
    "    protocol_version = 'HTTP/1.1'\n"
    "    def log_message(self, *words): pass\n"
    "    def do_POST(self):\n"
    "        body = self.rfile.read(int(self.headers['Content-Length']))\n"
    "        peer = self.connection.getpeercert()['subject'][0][0][1]\n"
    "        self.say(body + b' to ' + peer.encode())\n"
    "    def do_PUT(self):\n"
    "        body = b''\n"
    "        while (count := int(self.rfile.readline(), 16)) > 0:\n"
    "            body += self.rfile.read(count)\n"
    "            self.rfile.readline()\n"
    "        self.rfile.readline()\n"
    "        self.say(str(len(body)).encode())\n"
    "    def say(self, text):\n"
    "        self.send_response(200)\n"
    "        self.send_header('Content-Length', str(len(text)))\n"
    "        self.end_headers()\n"
    "        self.wfile.write(text)\n"
    "context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
    "context.minimum_version = ssl.TLSVersion.TLSv1_3\n"
    "context.load_cert_chain(sys.argv[1], sys.argv[2])\n"
    "context.load_verify_locations(sys.argv[3])\n"
    "context.verify_mode = ssl.CERT_REQUIRED\n"
    "server = http.server.HTTPServer(('127.0.0.1', 0), Hub)\n"
    "server.socket = context.wrap_socket(server.socket, server_side=True)\n"
    "print(server.server_port, flush=True)\n"
    "server.handle_request()\n";

static void write_text(const char *folder, const char *name, const char *text) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* These stand in time where the machine does: the other library looks at its clock. */
static struct test_identity *make_now(const struct test_identity *signer, struct test_wish wish) {
    const long now_s = (long)time(NULL);
    wish.begins_s = now_s - TEST_DAY_S;
    wish.ends_s = now_s + TEST_DAY_S;
    return test_identity_make(signer, wish);
}

static void test_link__a_server_with_openssl_is_understood(void **state) {
    (void)state;
    char folder[] = "/tmp/ebb-link-XXXXXX";
    char command[256];
    int port = 0;
    struct scene scene;
    struct test_identity *top = make_now(NULL, (struct test_wish){.is_authority = 1});
    struct test_identity *server =
        make_now(top, (struct test_wish){.purpose = GNUTLS_KP_TLS_WWW_SERVER});
    struct test_identity *client = make_now(top, (struct test_wish){0});
    assert_non_null(mkdtemp(folder));
    write_text(folder, "hub.py", SCRIPT);
    write_text(folder, "chain", server->chain_pem);
    write_text(folder, "key", server->key_pem);
    write_text(folder, "trust", top->chain_pem);
    (void)snprintf(command, sizeof command, "cd %s && exec python3 hub.py chain key trust", folder);
    FILE *hub_output = popen(command, "re");
    assert_non_null(hub_output);
    assert_int_equal(fscanf(hub_output, "%d", &port), 1);

    scene_open(&scene, port);
    scene.options.pin.bytes = (const char *)top->pin;
    scene.options.certificate = slice_of(client->chain_pem);
    scene.options.key = slice_of(client->key_pem);
    scene_connect(&scene);
    scene_ask(&scene, SLICE("hello"));
    assert_true(slice_is(buffer_slice(&scene.body), "hello to one of its own"));
    begin_body(&scene);
    assert_int_equal(scene_await(&scene, TOLD_ANSWERED | TOLD_LOST), TOLD_ANSWERED);
    assert_int_equal(strtoul(scene.body.bytes, NULL, 10), BODY_PIECES * PIECE_BYTES);
    scene_done(&scene);
    assert_int_equal(pclose(hub_output), 0);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    test_identity_free(top);
    test_identity_free(server);
    test_identity_free(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link__the_hubs_own_server_knows_the_device),
        cmocka_unit_test(test_link__the_hubs_own_server_takes_bodies_as_they_come),
        cmocka_unit_test(test_link__the_hubs_own_server_may_want_no_body),
        cmocka_unit_test(test_link__the_hubs_own_server_may_cut_us_off),
        cmocka_unit_test(test_link__a_server_with_openssl_is_understood),
    };
    return cmocka_run_group_tests(tests, set_up_identities, tear_down_identities);
}
