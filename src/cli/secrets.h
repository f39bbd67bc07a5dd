/*
 * secrets: what the commands about secrets share: where they lie and how they are called.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "cli/call.h"

extern const struct command_option SECRETS_OPTIONS[];

/* Follows --folder and --config, which say where secrets lie. */
void secrets_choose_folder(const struct call *call);

/* INVALID unless the text may be the name of a secret; `secret:NAME` is told to be written without
 * the word. */
status secrets_check_name(const char *text, struct error *err);

/* "done: secret 'NAME' set" on standard error, {"secret":NAME,"done":WHAT} under --json. */
status secrets_say_done(struct call *call, const char *what, const char *name, struct error *err);
