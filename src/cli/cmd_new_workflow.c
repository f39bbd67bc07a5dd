// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/skeleton.h"
#include "wire/schema.h"

static const char WORKFLOW[] = SKELETON_SCHEMA_LINE SKELETON_WORKFLOW_SCHEMA
    "\n"
    "ebb: 1\n"
    "workflow: @NAME@\n"
    "summary: Says which value is high. Put your own sentence in its place.\n"
    "\n"
    "trigger: { stdin: json } # one JSON object a line; `watch:` takes the files of a folder\n"
    "\n"
    "# A step calls an agent. `ebb new agent look` in this folder makes one of your own:\n"
    "#\n"
    "# steps:\n"
    "#   - id: look\n"
    "#     agent: look\n"
    "#     with:\n"
    "#       text: ${ .event.data.name }\n"
    "\n"
    "results:\n"
    "  - name: high\n"
    "    when: .event.data.value > 10\n"
    "    from:\n"
    "      text: ${ .event.data.name } is at ${ .event.data.value }\n"
    "      value: ${ .event.data.value }\n";

static const char EVENTS[] = "{\"name\":\"a\",\"value\":4.5}\n"
                             "{\"name\":\"b\",\"value\":12}\n";

static const char README[] =
    "# @NAME@\n"
    "\n"
    "    ebb run @NAME@.yaml < events.jsonl    each result is a line of JSON\n"
    "    ebb check --explain @NAME@.yaml       every default as it applies\n"
    "    ebb new agent look                    an agent of its own, in agents/look\n"
    "\n"
    "For good, in the daemon of a device: put a trigger that it can watch in place of `stdin`,\n"
    "such as `watch: { path: inbox, text: true }`, then `ebb workflow start ./@NAME@.yaml`.\n";

static status write_schema(const char *folder, struct buffer *out, struct error *err) {
    (void)folder;
    workflow_schema(out);
    return buffer_status(out, err);
}

static const struct skeleton_file FILES[] = {
    {.name = "@NAME@.yaml", .text = WORKFLOW},
    {.name = "events.jsonl", .text = EVENTS},
    {.name = SKELETON_WORKFLOW_SCHEMA, .write = write_schema},
    {.name = "README.md", .text = README}};

static status run(struct call *call, struct error *err) {
    const char *name = call_argument(call, 0);
    const struct skeleton skeleton = {.what = "workflow",
                                      .name = name,
                                      .folder = name,
                                      .files = FILES,
                                      .count = sizeof(FILES) / sizeof(FILES[0]),
                                      .next = "ebb run @NAME@/@NAME@.yaml < @NAME@/events.jsonl"};
    return skeleton_write(call, &skeleton, err);
}

const struct command cmd_new_workflow = {
    .noun = "new",
    .verb = "workflow",
    .arguments = "NAME",
    .least = 1,
    .most = 1,
    .summary = "Make a folder with a small workflow that runs at once, to begin with",
    .details =
        "The folder NAME has the workflow, a few events to try it with, and a page that says\n"
        "how. Nothing that is there is written over.\n",
    .example = "ebb new workflow cold-room\n"
               "ebb run cold-room/cold-room.yaml < cold-room/events.jsonl",
    .dry_run = true,
    .run = run};
