// SPDX-License-Identifier: Apache-2.0
#include "cli/hub_devices.h"

#include <string.h>

#include "base/id.h"
#include "base/text.h"
#include "cli/daemon.h"

status hub_devices_check(const char *text, struct error *err) {
    struct id id;
    if (text_is_name(slice_of(text)) || id_read(slice_of(text), &id)) {
        return STATUS_OK;
    }
    return fail(err, STATUS_INVALID,
                "'%.64s' is neither the name nor the id of a device, as `ebb hub device list` "
                "shows them",
                text);
}

status hub_devices_options(struct call *call, const char *name, const char ***out_texts,
                           size_t *out_count, struct error *err) {
    const char **texts = arena_get(&call->arena, call->value_count + 1, sizeof(*texts));
    size_t count = 0;
    if (texts == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for --%s", name);
    }
    for (size_t i = 0; i < call->value_count; i++) {
        if (strcmp(call->values[i].option->name, name) == 0) {
            texts[count++] = call->values[i].text;
        }
    }
    *out_texts = texts;
    *out_count = count;
    return STATUS_OK;
}

status hub_devices_change(struct call *call, const char *device, const char *verb,
                          struct slice body, struct slice what, struct error *err) {
    TRY(hub_devices_check(device, err));
    if (call->dry_run) {
        struct value there = {.kind = VALUE_NULL};
        TRY(daemon_get(call, &there, err, "/v1/devices/%s", device));
    }
    const struct daemon_request request = {.method = verb != NULL ? "POST" : "DELETE",
                                           .path = arena_print(&call->arena, "/v1/devices/%s%s%s",
                                                               device, verb != NULL ? "/" : "",
                                                               verb != NULL ? verb : ""),
                                           .body = body};
    return daemon_change(call, &request, what, err);
}
