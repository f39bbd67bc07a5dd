// SPDX-License-Identifier: Apache-2.0
#include "cli/bound.h"

#include <stdlib.h>
#include <string.h>

#include "wire/device_file.h"

static const char *environment(const char *name) {
    return getenv(name);
}

static void say_faults(void *owner, const struct fault_list *faults) {
    const struct call *call = owner;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, DEVICE_FILE_BYTES_MAX);
    fault_list_write(faults, &text);
    (void)fprintf(call->talk, "%.*s", SLICE_ARGS(buffer_slice(&text)));
}

/* Every --set in the order in which they were typed, ended by NULL. */
static const char *const *collect_sets(struct call *call) {
    const char **sets = arena_get(&call->arena, call->value_count + 1, sizeof(*sets));
    size_t count = 0;
    for (size_t i = 0; sets != NULL && i < call->value_count; i++) {
        if (strcmp(call->values[i].option->name, "set") == 0) {
            sets[count++] = call->values[i].text;
        }
    }
    return sets;
}

status bound_read(struct call *call, struct bound *out_bound, struct error *err) {
    struct bound *bound = out_bound;
    const char *path = call_option(call, "config");
    *bound = (struct bound){
        .known = path != NULL || call_has(call, "set"),
        .binding = {.file = path, .sets = collect_sets(call), .environment = environment}};
    if (bound->binding.sets == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the parameters");
    }
    if (path == NULL) {
        return STATUS_OK;
    }
    const struct device_files files = {
        .path = path, .environment = environment, .said = say_faults, .owner = call};
    bound->binding.device = &bound->device;
    return device_load(&call->arena, &files, &bound->device, err) == STATUS_OK
               ? STATUS_OK
               : fail_while(err, "--config");
}

const struct binding *bound_binding(const struct bound *bound) {
    return bound->known ? &bound->binding : NULL;
}
