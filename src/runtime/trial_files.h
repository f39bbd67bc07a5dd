/*
 * trial_files: pictures, sound and files of `ebb agent run`: from the disk into the inputs, and out
 * of the outputs onto the disk.
 *
 * Thread: the program's only one; blocks.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"

/* Puts a blob into the object for each "NAME=PATH" of the list, which is ended by NULL. INVALID,
 * NOT_FOUND. */
status trial_files_add(struct arena *arena, const char *const *files, struct value *object,
                       struct error *err);

/* Writes each blob of the object, and of lists in it, to FOLDER/NAME.jpg and says so on standard
 * error; the folder is made. */
status trial_files_save(const char *folder, struct value object, struct error *err);
