/*
 * hub_restore: `ebb hub restore`: a hub out of a backup, in a folder that holds none.
 *
 * Thread: the program's first. Survives: power cuts; hub.db takes its name last, so that one which
 * was cut off is done again.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

struct hub_restore_options {
    const char *path;            /* of the backup */
    const char *data;            /* as in hub_folder; may be NULL */
    const char *passphrase_file; /* that opens the key in it; NULL: it is not sealed */
    bool json;
    FILE *out;
};

status hub_restore(const struct hub_restore_options *options, struct error *err);
