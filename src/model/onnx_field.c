// SPDX-License-Identifier: Apache-2.0
#include "model/onnx_field.h"

enum { VARINT_BYTES_MAX = 10 };

/* The largest number that a field may have; 0 is none. (protobuf-c takes a 0 whose tag has more
 * bytes than it needs, and writes then what it does not read.) */
enum { NUMBER_MAX = (1 << 29) - 1 };

static bool take_varint(struct slice *rest, uint64_t *out_number) {
    uint64_t number = 0;
    for (size_t i = 0; i < rest->count && i < VARINT_BYTES_MAX; i++) {
        const uint8_t byte = (uint8_t)rest->bytes[i];
        number |= (uint64_t)(byte & 127) << (7 * i);
        if (byte < 128) {
            *rest = slice_part(*rest, i + 1, rest->count);
            *out_number = number;
            return true;
        }
    }
    return false;
}

bool onnx_field_take(struct slice *rest, struct onnx_field *out_field) {
    uint64_t tag;
    uint64_t count;
    if (!take_varint(rest, &tag)) {
        return false;
    }
    *out_field = (struct onnx_field){.number = tag >> 3};
    if (out_field->number == 0 || out_field->number > NUMBER_MAX) {
        return false;
    }
    switch (tag & 7) {
    case ONNX_WIRE_VARINT:
        return take_varint(rest, &count);
    case ONNX_WIRE_64:
        count = sizeof(uint64_t);
        break;
    case ONNX_WIRE_32:
        count = sizeof(uint32_t);
        break;
    case ONNX_WIRE_BYTES:
        if (!take_varint(rest, &count)) {
            return false;
        }
        break;
    default:
        return false;
    }
    if (count > rest->count) {
        return false;
    }
    out_field->bytes = slice_part(*rest, 0, (size_t)count);
    *rest = slice_part(*rest, (size_t)count, rest->count);
    return true;
}
