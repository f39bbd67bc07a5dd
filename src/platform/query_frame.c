// SPDX-License-Identifier: Apache-2.0
#include "platform/query_frame.h"

uint32_t query_number_read(const char bytes[4]) {
    uint32_t number = 0;
    for (int i = 3; i >= 0; i--) {
        number = number << 8 | (unsigned char)bytes[i];
    }
    return number;
}

void query_number_write(uint32_t number, char out_bytes[4]) {
    for (int i = 0; i < 4; i++) {
        out_bytes[i] = (char)(number >> (8 * i) & 0xFF);
    }
}

void query_head_write(struct query_head head, char out_bytes[QUERY_HEAD_BYTES]) {
    query_number_write(head.bytes, out_bytes);
    query_number_write((uint32_t)head.kind, out_bytes + 4);
    query_number_write(head.number, out_bytes + 8);
}

struct query_head query_head_read(const char bytes[QUERY_HEAD_BYTES]) {
    return (struct query_head){
        .bytes = query_number_read(bytes),
        .kind = (enum query_kind)query_number_read(bytes + 4),
        .number = query_number_read(bytes + 8),
    };
}
