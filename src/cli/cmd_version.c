// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"

static status run(struct call *call, struct error *err) {
    if (!call->json) {
        (void)fprintf(call->out, "ebb %s\n", EBB_VERSION);
        return STATUS_OK;
    }
    struct value answer = {.kind = VALUE_NULL};
    struct member *members = value_new_object(&call->arena, 3, &answer);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    members[0] = (struct member){SLICE("version"), value_of_text(SLICE(EBB_VERSION))};
    members[1] = (struct member){SLICE("format"), value_of_integer(1)};
    members[2] = (struct member){SLICE("api"), value_of_text(SLICE("v1"))};
    return call_write_json(call, answer, false, err);
}

const struct command cmd_version = {.verb = "version",
                                    .summary = "Print the version of ebb",
                                    .details =
                                        "--json adds the versions of the workflow format and "
                                        "of the local API that it speaks.\n",
                                    .example = "ebb version",
                                    .run = run};
