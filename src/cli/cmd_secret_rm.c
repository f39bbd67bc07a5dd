// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/secrets.h"
#include "platform/secret.h"

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    TRY(secrets_check_name(name, err));
    secrets_choose_folder(call);
    if (call->dry_run) {
        (void)fprintf(call->talk, "would remove secret '%s'\n", name);
        return STATUS_OK;
    }
    TRY(secret_remove(slice_of(name), err));
    return secrets_say_done(call, "removed", name, err);
}

const struct command cmd_secret_rm = {.noun = "secret",
                                      .verb = "rm",
                                      .arguments = "NAME",
                                      .least = 1,
                                      .most = 1,
                                      .summary = "Remove a secret; what uses it fails from then on",
                                      .example = "ebb secret rm desk-hmac",
                                      .options = SECRETS_OPTIONS,
                                      .dry_run = true,
                                      .run = run};
