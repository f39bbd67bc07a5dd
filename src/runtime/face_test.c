// SPDX-License-Identifier: Apache-2.0
#include "runtime/face.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sync/report.h"

#include <cmocka.h> /* after error.h, whose fail() it makes a macro */

/* Any agent is there, and gives anything. */
static status resolve(void *owner, struct slice name, struct slice range,
                      struct workflow_agent *out_agent, struct error *err) {
    static const struct field_set ANY = {.open = true};
    (void)owner;
    (void)name;
    (void)range;
    (void)err;
    *out_agent = (struct workflow_agent){.inputs = &ANY, .outputs = &ANY};
    return STATUS_OK;
}

static struct workflow *read(const char *text) {
    static const struct workflow_doors DOORS = {.resolve = resolve};
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err = {.text = ""};
    const status code =
        workflow_read(SLICE("w.yaml"), slice_of(text), &DOORS, &workflow, &faults, &err);
    if (code != STATUS_OK) {
        CLEANUP(buffer_done) struct buffer said;
        buffer_init(&said, 1 << 16);
        fault_list_write(faults, &said);
        fail_msg("%s: %.*s", err.text, SLICE_ARGS(buffer_slice(&said)));
    }
    fault_list_release(faults);
    return workflow;
}

static void assert_face(const char *text, const char *face) {
    struct workflow *workflow = read(text);
    struct error err;
    struct buffer out;
    buffer_init(&out, REPORT_BYTES_MAX);
    assert_int_equal(face_write(workflow, &out, &err), STATUS_OK);
    buffer_add_byte(&out, '\0');
    assert_string_equal(out.bytes, face);
    buffer_done(&out);
    workflow_release(workflow);
}

static void test_face__draws_steps_and_what_results_read(void **state) {
    (void)state;
    assert_face("ebb: 1\n"
                "workflow: w\n"
                "summary: Says \"what\".\n"
                "trigger: { interval: 5s }\n"
                "let: { sum: '${ .steps.a.n }' }\n"
                "steps:\n"
                "  - { id: a, agent: x, with: { secret: hush } }\n"
                "  - { id: b, agent: y, needs: [a], when: .steps.a.n > 1, with: {} }\n"
                "results:\n"
                "  - name: r\n"
                "    when: .steps.b.n > 0\n"
                "    priority: urgent\n"
                "    from: { s: '${ $sum }' }\n",
                "{\"workflow\":\"w\",\"summary\":\"Says \\\"what\\\".\",\"trigger\":"
                "\"interval\",\"triggers\":[\"interval\"],\"steps\":["
                "{\"id\":\"a\",\"agent\":\"x\",\"needs\":[],\"when\":false},"
                "{\"id\":\"b\",\"agent\":\"y\",\"needs\":[\"a\"],\"when\":true}],"
                "\"results\":[{\"name\":\"r\",\"priority\":7,\"when\":true,"
                "\"steps\":[\"a\",\"b\"],\"fields\":[{\"name\":\"s\",\"type\":\"any\"}]}]}");
}

static void test_face__says_fields_with_their_types_and_units(void **state) {
    (void)state;
    assert_face("ebb: 1\n"
                "workflow: w\n"
                "trigger: { watch: { path: inbox } }\n"
                "results:\n"
                "  - name: r\n"
                "    from:\n"
                "      t: { value: '${ .event.size }', unit: Cel }\n"
                "      text: a ${ .event.name }\n"
                "      any: ${ .event.name }\n"
                "      one: 1\n"
                "      list: [1]\n"
                "      hidden: 3\n"
                "    private: { hidden: drop }\n"
                "    attach:\n"
                "      sound: { from: '${ .event.audio }', as: audio/wav }\n"
                "      file: { from: '${ .event.file }' }\n",
                "{\"workflow\":\"w\",\"summary\":\"\",\"trigger\":\"watch\",\"triggers\":["
                "\"watch\"],\"steps\":[],\"results\":[{\"name\":\"r\",\"priority\":1,"
                "\"when\":false,\"steps\":[],\"fields\":["
                "{\"name\":\"t\",\"type\":\"number\",\"unit\":\"Cel\"},"
                "{\"name\":\"text\",\"type\":\"string\"},"
                "{\"name\":\"any\",\"type\":\"any\"},"
                "{\"name\":\"one\",\"type\":\"integer\"},"
                "{\"name\":\"list\",\"type\":\"list\"},"
                "{\"name\":\"sound\",\"type\":\"audio\",\"attachment\":true},"
                "{\"name\":\"file\",\"type\":\"file\",\"attachment\":true}]}]}");
}

static void test_face__says_what_a_schema_declares(void **state) {
    (void)state;
    assert_face("ebb: 1\n"
                "workflow: w\n"
                "trigger: { http: json }\n"
                "results:\n"
                "  - name: r\n"
                "    from: { t: '${ .event.data.t }', label: a }\n"
                "    schema: { t: { type: number, unit: Cel }, label: string }\n",
                "{\"workflow\":\"w\",\"summary\":\"\",\"trigger\":\"http\",\"triggers\":["
                "\"http\"],\"steps\":[],\"results\":[{\"name\":\"r\",\"priority\":1,"
                "\"when\":false,\"steps\":[],\"fields\":["
                "{\"name\":\"t\",\"type\":\"number\",\"unit\":\"Cel\"},"
                "{\"name\":\"label\",\"type\":\"string\"}]}]}");
}

static void test_face__leaves_the_buffer_alone_when_it_does_not_fit(void **state) {
    (void)state;
    struct workflow *workflow =
        read("ebb: 1\nworkflow: w\ntrigger: { http: json }\nresults: [ { name: r, from: {} } ]\n");
    struct error err;
    struct buffer out;
    buffer_init(&out, 20);
    buffer_add_text(&out, "before");
    assert_int_equal(face_write(workflow, &out, &err), STATUS_FULL);
    assert_true(slice_is(buffer_slice(&out), "before"));
    buffer_done(&out);
    workflow_release(workflow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_face__draws_steps_and_what_results_read),
        cmocka_unit_test(test_face__says_fields_with_their_types_and_units),
        cmocka_unit_test(test_face__says_what_a_schema_declares),
        cmocka_unit_test(test_face__leaves_the_buffer_alone_when_it_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
