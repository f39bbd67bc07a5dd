// SPDX-License-Identifier: Apache-2.0
#include "base/little_endian.h"

void little_endian_put_u32(char *out, uint32_t number) {
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (char)(uint8_t)(number >> 8 * i);
    }
}

void little_endian_put_u64(char *out, uint64_t number) {
    little_endian_put_u32(out, (uint32_t)number);
    little_endian_put_u32(out + 4, (uint32_t)(number >> 32));
}

uint32_t little_endian_get_u32(const char *bytes) {
    uint32_t number = 0;
    for (unsigned i = 0; i < 4; i++) {
        number |= (uint32_t)(uint8_t)bytes[i] << 8 * i;
    }
    return number;
}

uint64_t little_endian_get_u64(const char *bytes) {
    return little_endian_get_u32(bytes) | (uint64_t)little_endian_get_u32(bytes + 4) << 32;
}
