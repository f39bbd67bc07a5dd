// SPDX-License-Identifier: Apache-2.0
#include "cli/secrets.h"

#include "cli/daemon.h"
#include "platform/secret.h"

const struct command_option SECRETS_OPTIONS[] = {
    {"folder", "DIR", "where secrets lie (/etc/ebb/secrets; ~/.config/ebb/secrets)"},
    {"config", "FILE", "a device's file: the secrets in secrets/ beside it"},
    {0}};

void secrets_choose_folder(const struct call *call) {
    const char *folder = call_option(call, "folder");
    const char *config = call_option(call, "config");
    if (folder != NULL) {
        secret_use_folder(folder);
    } else if (config != NULL) {
        secret_use_folder_beside(config);
    }
}

status secrets_check_name(const char *text, struct error *err) {
    struct slice name;
    if (secret_named(slice_of(text), &name)) {
        return fail(err, STATUS_INVALID, "the name alone: %.60s", name.bytes);
    }
    return daemon_check_name("secret", text, err);
}

status secrets_say_done(struct call *call, const char *what, const char *name, struct error *err) {
    struct value answer;
    struct member *members = value_new_object(&call->arena, 2, &answer);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    members[0] = (struct member){.name = SLICE("secret"), .value = value_of_text(slice_of(name))};
    members[1] = (struct member){.name = SLICE("done"), .value = value_of_text(slice_of(what))};
    if (call->json) {
        return call_write_json(call, answer, false, err);
    }
    (void)fprintf(call->talk, "done: secret '%s' %s\n", name, what);
    return STATUS_OK;
}
