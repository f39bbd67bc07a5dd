// SPDX-License-Identifier: Apache-2.0
#include "platform/random.h"

#include <assert.h>
#include <sodium.h>

struct id random_id(void) {
    struct id id;
    randombytes_buf(id.bytes, sizeof(id.bytes));
    return id;
}

uint32_t random_below(uint32_t below) {
    assert(below > 0);
    return randombytes_uniform(below);
}
