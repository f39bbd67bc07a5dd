// SPDX-License-Identifier: Apache-2.0
// What one device's file says; which files there are is device_file_test's.
#include "wire/device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "wire/workflow.h"

/* A device and what was said of its file. */
struct box {
    struct arena arena;
    struct device device;
    struct buffer said;
};

static void begin(struct box *box) {
    *box = (struct box){0};
    arena_init(&box->arena, 4 << 20);
    buffer_init(&box->said, 1 << 20);
}

static status read_file(struct box *box, const char *text) {
    struct fault_list *faults = NULL;
    struct error err;
    const status code = device_read(&box->arena, SLICE("/etc/ebb/d.yaml"), slice_of(text),
                                    &box->device, &faults, &err);
    buffer_clear(&box->said);
    if (faults != NULL) {
        fault_list_write(faults, &box->said);
    }
    fault_list_release(faults);
    buffer_add_byte(&box->said, '\0');
    return code;
}

static void assert_refused(struct box *box, const char *text, const char *sentences) {
    const struct device before = box->device;
    assert_int_equal(read_file(box, text), STATUS_INVALID);
    assert_string_equal(box->said.bytes, sentences);
    assert_memory_equal(&before, &box->device, sizeof(before));
}

static void end(struct box *box) {
    buffer_done(&box->said);
    arena_done(&box->arena);
}

static void test_device__has_sources_with_whole_paths(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    assert_int_equal(read_file(&box,
                               "ebb: 1\n"
                               "sources:\n"
                               "  near: { watch: { path: inbox, glob: \"*.eml\", text: true } }\n"
                               "  far: { watch: { path: /srv/in, after: delete } }\n"
                               "  x-note: ours\n"),
                     STATUS_OK);
    const struct device_source *near = device_source(&box.device, SLICE("near"));
    const struct device_source *far = device_source(&box.device, SLICE("far"));
    assert_true(slice_is(near->kind, "watch") && near->trigger->kind == TRIGGER_WATCH);
    assert_true(slice_is(near->trigger->path, "/etc/ebb/inbox"));
    assert_true(slice_is(near->trigger->source, "near") && near->trigger->text);
    assert_true(slice_is(near->origin, "/etc/ebb/d.yaml:3:9"));
    assert_true(slice_is(far->trigger->path, "/srv/in"));
    assert_true(slice_is(far->trigger->glob, "*") && far->trigger->after == WATCH_DELETE);
    assert_null(device_source(&box.device, SLICE("x-note")));
    end(&box);
}

static void test_device__refuses_what_is_no_source_of_this_version(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    assert_refused(
        &box,
        "ebb: 1\n"
        "sources:\n"
        "  a: { mqtt: \"mqtts://b:8883\", login: secret:b }\n"
        "  b: { camera: rtsp://c, size: 640x360 }\n"
        "  c: { stdin: json }\n"
        "  D: { watch: { path: in } }\n"
        "  e: inbox\n"
        "  f: { watch: { pth: in } }\n"
        "  g: { path: in }\n"
        "  h: {}\n",
        "/etc/ebb/d.yaml:3:8: `mqtt` is not in this version of ebb\n"
        "/etc/ebb/d.yaml:3:32: `login` is not in this version of ebb\n"
        "/etc/ebb/d.yaml:4:8: `camera` is not in this version of ebb\n"
        "/etc/ebb/d.yaml:4:26: `size` is not in this version of ebb\n"
        "/etc/ebb/d.yaml:5:8: `stdin` is no key of a source: it has watch, http\n"
        "/etc/ebb/d.yaml:6:3: `sources: D`: a name here begins with a letter a-z and "
        "goes on with at most 62 of a-z, 0-9 and -: `d`?\n"
        "/etc/ebb/d.yaml:7:6: a source is a map such as { watch: { path: /srv/inbox } }, "
        "not text\n"
        "/etc/ebb/d.yaml:8:15: `watch` needs the key `path`\n"
        "/etc/ebb/d.yaml:8:17: `pth` is no key of `watch`: did you mean `path`?\n"
        "/etc/ebb/d.yaml:9:8: `path` is no key of a source: it belongs to `watch`\n"
        "/etc/ebb/d.yaml:10:6: a source is one of `watch` and `http`\n");
    end(&box);
}

static void test_device__has_destinations_as_plain_data(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    assert_int_equal(
        read_file(&box, "ebb: 1\n"
                        "destinations:\n"
                        "  log: { file: out/log.jsonl, give_up: 1h }\n"
                        "  desk:\n"
                        "    webhook: https://desk.example/hooks?x=1\n"
                        "    sign: secret:desk-hmac\n"
                        "    give_up: 24h\n"
                        "    headers: { X-Site: \"0113\", Authorization: secret:desk-token }\n"),
        STATUS_OK);
    const struct device_destination *log = device_destination(&box.device, SLICE("log"));
    const struct device_destination *desk = device_destination(&box.device, SLICE("desk"));
    assert_int_equal(log->kind, DESTINATION_FILE);
    assert_string_equal(log->path.bytes, "/etc/ebb/out/log.jsonl");
    assert_int_equal(log->give_up_ms, 3600 * 1000);
    assert_int_equal(desk->kind, DESTINATION_WEBHOOK);
    assert_string_equal(desk->hook.url.bytes, "https://desk.example/hooks?x=1");
    assert_string_equal(desk->hook.sign.bytes, "desk-hmac");
    assert_int_equal(desk->hook.header_count, 2);
    assert_string_equal(desk->hook.headers[0].value.bytes, "0113");
    assert_false(desk->hook.headers[0].is_secret);
    assert_string_equal(desk->hook.headers[1].name.bytes, "Authorization");
    assert_string_equal(desk->hook.headers[1].value.bytes, "desk-token");
    assert_true(desk->hook.headers[1].is_secret);
    end(&box);
}

static void test_device__refuses_what_is_no_destination(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    assert_refused(
        &box,
        "ebb: 1\n"
        "destinations:\n"
        "  hub: { file: a }\n"
        "  a: { file: a, webhook: http://b }\n"
        "  b: { sign: secret:a }\n"
        "  c: { file: a, sign: secret:a, headers: {} }\n"
        "  d: { webhook: ftp://b }\n"
        "  e: { webhook: http://b, sign: plain-key }\n"
        "  f: { webhook: http://b, headers: { \"A B\": c, D: secret:E, F: \"a\\nb\" } }\n"
        "  g: { mqtt: plant, topic: a }\n"
        "  h: { webhook: http://b, give_up: 3 }\n"
        "  i: { file: logs/ }\n",
        "/etc/ebb/d.yaml:3:8: `hub` is the hub itself: a destination has another name\n"
        "/etc/ebb/d.yaml:4:6: a destination is one of `file` and `webhook`\n"
        "/etc/ebb/d.yaml:5:6: a destination is one of `file` and `webhook`\n"
        "/etc/ebb/d.yaml:6:23: `sign`: a webhook has it, a file has none\n"
        "/etc/ebb/d.yaml:6:42: `headers`: a webhook has it, a file has none\n"
        "/etc/ebb/d.yaml:7:17: `webhook: ftp://b`: a URL begins with http:// or https:// "
        "and a host, and has no blanks\n"
        "/etc/ebb/d.yaml:8:33: `sign` is the name of a secret, such as secret:desk-hmac: "
        "a key stands in no file of settings\n"
        "/etc/ebb/d.yaml:9:39: `A B` is no name of a header\n"
        "/etc/ebb/d.yaml:9:51: header `D`: a secret's name is small letters, digits and "
        "-\n"
        "/etc/ebb/d.yaml:9:65: header `F`: its value is one line without control "
        "characters\n"
        "/etc/ebb/d.yaml:10:8: `mqtt` is not in this version of ebb\n"
        "/etc/ebb/d.yaml:10:21: `topic` is not in this version of ebb\n"
        "/etc/ebb/d.yaml:11:36: `give_up: 3` has no unit: 3s?\n"
        "/etc/ebb/d.yaml:12:14: `file` is the path of a file\n");
    end(&box);
}

static void test_device__takes_a_later_file_before_an_earlier_one(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    assert_int_equal(read_file(&box, "ebb: 1\nsources: { in: { watch: { path: /a } } }\n"
                                     "destinations: { out: { file: /a } }\n"),
                     STATUS_OK);
    assert_int_equal(read_file(&box, "ebb: 1\nsources: { in: { watch: { path: /b } } }\n"
                                     "destinations: { out: { webhook: http://b } }\n"),
                     STATUS_OK);
    assert_true(slice_is(device_source(&box.device, SLICE("in"))->trigger->path, "/b"));
    assert_int_equal(device_destination(&box.device, SLICE("out"))->kind, DESTINATION_WEBHOOK);
    end(&box);
}

/* As the guide's own packager writes it, and one key more. */
static const char EDGE_CONFIG[] =
    "{\n"
    "  \"device_id\": \"Edge Device #1\",\n"
    "  \"sync_endpoint\": \"https://central-platform.example.com/api/sync\",\n"
    "  \"models_dir\": \"models\",\n"
    "  \"agents_dir\": \"agents\",\n"
    "  \"workflows_dir\": \"workflows\",\n"
    "  \"storage_dir\": \"/var/storage\",\n"
    "  \"offline_mode\": true,\n"
    "  \"resource_monitoring\": false,\n"
    "  \"sync_interval_seconds\": 3600,\n"
    "  \"fleet\": {\"size\": 3}\n"
    "}\n";

static void test_device__takes_the_guides_configuration_as_it_stands(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    assert_int_equal(read_file(&box, EDGE_CONFIG), STATUS_OK);
    assert_string_equal(box.said.bytes, "/etc/ebb/d.yaml:11:4: warning: `fleet` is no key of "
                                        "edge_config.json that ebb knows: it is passed over\n");
    assert_true(slice_is(box.device.name, "Edge Device #1"));
    assert_true(
        slice_is(box.device.sync_endpoint, "https://central-platform.example.com/api/sync"));
    assert_true(slice_is(box.device.models_folder, "/etc/ebb/models"));
    assert_true(slice_is(box.device.agents_folder, "/etc/ebb/agents"));
    assert_true(slice_is(box.device.workflows_folder, "/etc/ebb/workflows"));
    assert_true(slice_is(box.device.path, "/var/storage"));
    assert_true(box.device.offline && !box.device.monitoring);
    assert_int_equal(box.device.sync_interval_ms, 3600 * 1000);
    assert_true(slice_is(box.device.origins[DEVICE_STORE_PATH], "/etc/ebb/d.yaml:7:19"));
    end(&box);
}

static void test_device__says_what_is_wrong_with_the_guides_configuration(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    assert_refused(&box,
                   "{\"device_id\": \"\", \"sync_endpoint\": null, \"agents_dir\": [],\n"
                   " \"offline_mode\": \"yes\", \"sync_interval_seconds\": 0}\n",
                   "/etc/ebb/d.yaml:1:16: `device_id` is a text, not an empty one\n"
                   "/etc/ebb/d.yaml:1:56: `agents_dir` is the path of a folder, not a list\n"
                   "/etc/ebb/d.yaml:2:19: `offline_mode: yes`: true or false\n"
                   "/etc/ebb/d.yaml:2:50: `sync_interval_seconds: 0`: a whole number from 1 to "
                   "31622400\n");
    end(&box);
}

static const char *a_variable(const char *name) {
    return strcmp(name, "EBB__STORE__BUDGET") == 0       ? "2GiB"
           : strcmp(name, "EBB__DEVICE__TIME_ZONE") == 0 ? "Europe/Berlin"
           : strcmp(name, "EBB__HUB__PROXY") == 0        ? "http://proxy.lan:3128"
                                                         : NULL;
}

static const char *a_wrong_variable(const char *name) {
    return strcmp(name, "EBB__STORE__COMMIT") == 0 ? "soon" : NULL;
}

static const char *a_wrong_proxy(const char *name) {
    return strcmp(name, "EBB__HUB__PROXY") == 0 ? "http://me:word@proxy.lan:3128" : NULL;
}

static void test_device__says_of_every_setting_where_it_comes_from(void **state) {
    (void)state;
    struct box box;
    struct buffer json;
    struct error err = {.code = STATUS_OK};
    begin(&box);
    buffer_init(&json, 1 << 16);
    assert_int_equal(
        read_file(&box, "ebb: 1\ndevice: { name: gate, labels: { a: b } }\nstore: { commit: 1s, "
                        "budget: 1MiB }\nsources: { in: { watch: { path: /a } } }\n"
                        "destinations: { out: { webhook: http://b } }\n"
                        "hub: { links: { cellular: { metered: false, day: 50MiB } } }\n"),
        STATUS_OK);
    assert_int_equal(device_override(&box.arena, &box.device, a_variable, &err), STATUS_OK);
    device_write_settings(&box.device, &json);
    buffer_add_byte(&json, '\0');
    assert_string_equal(
        json.bytes,
        "[{\"name\":\"device.name\",\"value\":\"gate\",\"default\":\"the host's name\",\"origin\":"
        "\"/etc/ebb/d.yaml:2:17\"},"
        "{\"name\":\"device.labels\",\"value\":{\"a\":\"b\"},\"default\":\"none\",\"origin\":"
        "\"/etc/ebb/d.yaml:2:31\"},"
        "{\"name\":\"device.time_zone\",\"value\":\"Europe/Berlin\",\"default\":\"the system's\","
        "\"origin\":\"EBB__DEVICE__TIME_ZONE\"},"
        "{\"name\":\"store.path\",\"value\":null,\"default\":\"/var/lib/ebb for root, else "
        "$XDG_STATE_HOME/ebb\",\"origin\":\"default\"},"
        "{\"name\":\"store.budget\",\"value\":\"2.0 GiB\",\"default\":\"1 GiB\",\"origin\":"
        "\"EBB__STORE__BUDGET\"},"
        "{\"name\":\"store.commit\",\"value\":\"1s\",\"default\":\"0\",\"origin\":"
        "\"/etc/ebb/d.yaml:3:18\"},"
        "{\"name\":\"hub.proxy\",\"value\":\"http://proxy.lan:3128\",\"default\":\"what `ebb "
        "join --proxy` said, which wins, else none\",\"origin\":\"EBB__HUB__PROXY\"},"
        "{\"name\":\"hub.links.cellular.metered\",\"value\":false,\"origin\":\"/etc/ebb/"
        "d.yaml:6:38\"},"
        "{\"name\":\"hub.links.cellular.day\",\"value\":\"50.0 MiB\",\"origin\":\"/etc/ebb/"
        "d.yaml:6:50\"},"
        "{\"name\":\"sources.in\",\"value\":\"watch\",\"origin\":\"/etc/ebb/d.yaml:4:16\"},"
        "{\"name\":\"destinations.out\",\"value\":\"http://b\",\"origin\":"
        "\"/etc/ebb/d.yaml:5:22\"}]");
    assert_int_equal(device_override(&box.arena, &box.device, a_wrong_variable, &err),
                     STATUS_INVALID);
    assert_string_equal(err.text, "EBB__STORE__COMMIT=soon is no span such as 1s");
    assert_int_equal(device_override(&box.arena, &box.device, a_wrong_proxy, &err), STATUS_INVALID);
    assert_string_equal(err.text, "EBB__HUB__PROXY: a password stands in no file of settings: `ebb "
                                  "join --proxy` keeps it where only the daemon reads");
    buffer_done(&json);
    end(&box);
}

static void test_device__says_what_each_kind_of_link_may_carry(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    assert_int_equal(read_file(&box, "ebb: 1\n"
                                     "hub:\n"
                                     "  proxy: http://proxy.lan\n"
                                     "  links:\n"
                                     "    cellular: { hour: 5MiB, day: 50MiB }\n"
                                     "    wifi: { metered: true }\n"),
                     STATUS_OK);
    assert_int_equal(read_file(&box, "ebb: 1\n"
                                     "hub: { links: { cellular: { metered: false, hour: 1MiB },"
                                     " x-a: 1 } }\n"),
                     STATUS_OK);
    const struct device *device = &box.device;
    assert_string_equal(device->proxy.bytes, "http://proxy.lan");
    assert_int_equal(device->links[LINK_KIND_CELLULAR].bytes_hour, 1 << 20);
    assert_int_equal(device->links[LINK_KIND_CELLULAR].bytes_day, 50 << 20);
    assert_false(device_link_is_metered(device, LINK_KIND_CELLULAR));
    assert_true(device_link_is_metered(device, LINK_KIND_WIFI));
    assert_false(device_link_is_metered(device, LINK_KIND_ETHERNET));
    assert_int_equal(device->links[LINK_KIND_ETHERNET].bytes_day, 0);
    assert_true(device_link_is_metered(&(struct device){0}, LINK_KIND_CELLULAR));
    end(&box);
}

static void test_device__refuses_what_is_no_way_to_a_hub(void **state) {
    (void)state;
    struct box box;
    begin(&box);
    assert_refused(
        &box,
        "ebb: 1\n"
        "hub:\n"
        "  proxy: https://proxy.lan:3128\n"
        "  link: { wifi: {} }\n"
        "  links:\n"
        "    lan: { hour: 1MiB }\n"
        "    wifi: { metered: maybe, hour: 5, day: 5MB }\n"
        "    cellular: { hour: 0, dya: 5MiB }\n"
        "    other: 5MiB\n",
        "/etc/ebb/d.yaml:3:10: `proxy: https://proxy.lan:3128`: a proxy is an address such as "
        "http://proxy.lan:3128\n"
        "/etc/ebb/d.yaml:4:3: `link` is no key of `hub`: did you mean `links`?\n"
        "/etc/ebb/d.yaml:6:5: `lan` is no key of `links`: it has ethernet, wifi, cellular, other\n"
        "/etc/ebb/d.yaml:7:22: `metered: maybe`: true or false\n"
        "/etc/ebb/d.yaml:7:35: `hour: 5` has no unit: 5KiB?\n"
        "/etc/ebb/d.yaml:7:43: `day: 5MB`: a size is a whole number with B, KiB, MiB or GiB, such "
        "as 64KiB\n"
        "/etc/ebb/d.yaml:8:23: `hour: 0`: a size from 1.0 KiB to 8.0 PiB\n"
        "/etc/ebb/d.yaml:8:26: `dya` is no key of a link: did you mean `day`?\n"
        "/etc/ebb/d.yaml:9:12: a link is a map such as { metered: true, hour: 5MiB, day: 50MiB }, "
        "not text\n");
    assert_refused(&box, "ebb: 1\nhub: { proxy: \"http://me:word@proxy.lan\" }\n",
                   "/etc/ebb/d.yaml:2:16: `proxy`: a password stands in no file of settings: `ebb "
                   "join --proxy` keeps it where only the daemon reads\n");
    assert_refused(
        &box, "ebb: 1\nhub: { proxy: \"http://proxy.lan:0\", links: [] }\n",
        "/etc/ebb/d.yaml:2:16: `proxy: http://proxy.lan:0`: a proxy is an address such as "
        "http://proxy.lan:3128\n"
        "/etc/ebb/d.yaml:2:44: `links` is a map such as { cellular: { hour: 5MiB } }, "
        "not a list\n");
    end(&box);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device__has_sources_with_whole_paths),
        cmocka_unit_test(test_device__refuses_what_is_no_source_of_this_version),
        cmocka_unit_test(test_device__has_destinations_as_plain_data),
        cmocka_unit_test(test_device__refuses_what_is_no_destination),
        cmocka_unit_test(test_device__takes_the_guides_configuration_as_it_stands),
        cmocka_unit_test(test_device__says_what_is_wrong_with_the_guides_configuration),
        cmocka_unit_test(test_device__says_of_every_setting_where_it_comes_from),
        cmocka_unit_test(test_device__says_what_each_kind_of_link_may_carry),
        cmocka_unit_test(test_device__refuses_what_is_no_way_to_a_hub),
        cmocka_unit_test(test_device__takes_a_later_file_before_an_earlier_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
