// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

int main(int count, char **words) {
    return cli_main(count, words);
}
