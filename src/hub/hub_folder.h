/*
 * hub_folder: where a hub keeps everything: the folder that was named (--data), else
 * /var/lib/ebb-hub for root and $XDG_STATE_HOME/ebb-hub (~/.local/state/ebb-hub) for anybody else.
 *
 * Thread: any; blocks on the disk. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"

enum { HUB_FOLDER_BYTES_MAX = 4096 };

/* Makes the folder where it is not there, and gives its path without links. */
status hub_folder_choose(const char *named, char data[HUB_FOLDER_BYTES_MAX], struct error *err);
