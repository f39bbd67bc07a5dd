// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/file.h"

status hub_folder_choose(const char *named, char data[HUB_FOLDER_BYTES_MAX], struct error *err) {
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (named != NULL) {
        (void)snprintf(data, HUB_FOLDER_BYTES_MAX, "%s", named);
    } else if (geteuid() == 0) {
        (void)snprintf(data, HUB_FOLDER_BYTES_MAX, "/var/lib/ebb-hub");
    } else if (state != NULL && state[0] == '/') {
        (void)snprintf(data, HUB_FOLDER_BYTES_MAX, "%s/ebb-hub", state);
    } else if (home != NULL && home[0] == '/') {
        (void)snprintf(data, HUB_FOLDER_BYTES_MAX, "%s/.local/state/ebb-hub", home);
    } else {
        return fail(err, STATUS_INVALID, "no data folder: name one with --data");
    }
    TRY(file_make_folder(data, err));
    char real[HUB_FOLDER_BYTES_MAX];
    if (realpath(data, real) != NULL) {
        (void)memcpy(data, real, sizeof(real));
    }
    return STATUS_OK;
}
