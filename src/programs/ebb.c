// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "platform/file.h"

int main(int count, char **words) {
    file_keep_standard_descriptors();
    return cli_main(count, words);
}
