// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "cli/cli.h"
#include "platform/file.h"

int main(int count, char **words) {
    file_keep_standard_descriptors();
    log_set_level(LOG_WARN); /* what a library has to say by the way is for a daemon's log */
    return cli_main(count, words);
}
