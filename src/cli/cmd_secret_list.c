// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/secrets.h"
#include "platform/secret.h"

static const struct listing_column COLUMNS[] = {
    {.head = "NAME", .member = "name"},
    {.head = "STATE", .member = "state"},
    {.head = "FILE", .member = "file"},
};

static const struct listing SECRETS = {.member = "secrets",
                                       .columns = COLUMNS,
                                       .column_count = sizeof(COLUMNS) / sizeof(COLUMNS[0]),
                                       .nothing = "there are no secrets here"};

/* The rows while the folders are read. */
struct rows {
    struct call *call;
    struct value *items;
    uint32_t count;
    struct error error;
};

static void add_row(void *owner, const struct secret_entry *entry) {
    struct rows *rows = owner;
    struct arena *arena = &rows->call->arena;
    struct value row;
    struct member *members = value_new_object(arena, 3, &row);
    if (members == NULL || rows->error.code != STATUS_OK) {
        return;
    }
    members[0] = (struct member){.name = SLICE("name"),
                                 .value = value_of_text(arena_copy(arena, slice_of(entry->name)))};
    members[1] = (struct member){
        .name = SLICE("state"),
        .value = value_of_text(slice_of(entry->fault != NULL ? entry->fault : "fine"))};
    members[2] = (struct member){.name = SLICE("file"),
                                 .value = value_of_text(arena_copy(arena, slice_of(entry->path)))};
    (void)listing_join(rows->call, &rows->items, &rows->count, &row, 1, &rows->error);
}

static status run(struct call *call, struct error *err) {
    struct rows rows = {.call = call};
    secrets_choose_folder(call);
    TRY(secret_each(add_row, &rows, err));
    if (rows.error.code != STATUS_OK) {
        *err = rows.error;
        return err->code;
    }
    if (!call->json) {
        return listing_write(call, &SECRETS, rows.items, rows.count, err);
    }
    for (uint32_t i = 0; i < rows.count; i++) {
        TRY(call_write_json(call, rows.items[i], false, err));
    }
    return STATUS_OK;
}

const struct command cmd_secret_list = {
    .noun = "secret",
    .verb = "list",
    .summary = "List the secrets that are here: their names and files, never what is in them",
    .example = "ebb secret list",
    .options = SECRETS_OPTIONS,
    .run = run};
