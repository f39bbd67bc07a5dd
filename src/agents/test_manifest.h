/*
 * test_manifest: agent manifests out of the text of a test.
 *
 * For unit tests alone. Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agents/agent_manifest.h"
#include "base/buffer.h"

/* The manifest that a text is; its files are looked for in /nowhere. */
static inline struct agent_manifest *test_manifest(const char *text) {
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    if (agent_manifest_read_text("/nowhere", SLICE("agent.yaml"), slice_of(text), &manifest,
                                 &faults, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return manifest;
}

/* The text is refused with these sentences ("line:column: text"), a line each and no others. */
static inline void test_manifest_refused(const char *text, const char *expected) {
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    CLEANUP(buffer_done) struct buffer said;
    buffer_init(&said, 1 << 20);
    assert_int_equal(agent_manifest_read_text("/nowhere", (struct slice){0}, slice_of(text),
                                              &manifest, &faults, NULL),
                     STATUS_INVALID);
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->faults[i];
        buffer_print(&said, "%d:%d: %.*s\n", fault->place.line, fault->place.column,
                     SLICE_ARGS(fault->text));
    }
    buffer_add_byte(&said, 0);
    assert_string_equal(said.bytes, expected);
    fault_list_release(faults);
}
