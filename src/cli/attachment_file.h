/*
 * attachment_file: an attachment of a result, fetched from the device or the hub and written to a
 * file of a folder.
 *
 * Thread: the CLI's only one. Survives: the file, whole or not at all.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "cli/call.h"

/* The file is called as the field, a text_is_field, with the ending of its type; its path is said.
 * Under --dry-run only that it would be. */
status attachment_file_save(struct call *call, const char *folder, struct slice field,
                            struct slice type, struct slice hash, struct error *err);
