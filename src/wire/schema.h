/*
 * schema: the JSON Schema of a file, made of the tables of keys by which the file is read.
 *
 * For editors: they complete keys, explain them and underline what is misspelt while a person
 * types. It says less than `ebb check`, which alone knows agents, expressions and what the parts
 * say of each other, and nothing that is correct there may be refused here. Reserved keys are left
 * out. What stands behind a key follows from its reader, or from the row's `form` where the reader
 * is of one key only.
 *
 * Thread: any. Pure.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "wire/keys.h"

enum { SCHEMA_BYTES_MAX = 1 << 20, SCHEMA_TABLES_MAX = 48 };

/* Appends the schema (draft 2020-12) of a file whose root has these keys. `more` is further members
 * of that table's schema (`"allOf":[...]`), or empty. */
void schema_write(const struct key_table *root, const char *title, struct slice more,
                  struct buffer *out);

/* That of a workflow file and that of a device file; an agent's is agent_manifest_schema. */
void workflow_schema(struct buffer *out);
void device_schema(struct buffer *out);
