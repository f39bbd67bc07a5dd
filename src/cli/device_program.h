/*
 * device_program: `ebb` becoming `ebb-device` or `ebb-hub`, the programs beside it, for what a
 * daemon's libraries are needed for.
 *
 * The words are collected first and the process replaced last, so nothing is half done when it
 * fails.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "cli/call.h"

/* Replaces this process by `ebb-device VERB [ARGUMENTS] [the options that were typed]`. Comes back
 * only on failure: NOT_FOUND when the program is not there. */
status device_program_become(struct call *call, const char *verb, struct error *err);

/* The same for `ebb-hub`. */
status device_program_become_hub(struct call *call, const char *verb, struct error *err);

/* The words of ebb-device, its path first, ended by NULL, for who starts it beside this process;
 * NULL when there is no memory. They live in the call's arena. */
const char *const *device_program_words(struct call *call, const char *verb);

/* NOT_FOUND or INVALID with a sentence when a folder that an option names is not there. */
status device_program_check_folder(struct call *call, const char *option, struct error *err);

/* The same for a file. */
status device_program_check_file(const char *path, struct error *err);

/* INVALID with the place of the fault unless the option's value is JSON. */
status device_program_check_json(struct call *call, const char *option, struct error *err);

/* INVALID unless --log names a level. */
status device_program_check_level(struct call *call, struct error *err);
