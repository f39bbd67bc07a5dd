/*
 * onnx_field: the fields of a message of protobuf's, one after another, without unpacking it.
 *
 * For what must be known of a file before it is unpacked, or without: how deep it nests, what its
 * last field says. Unpacking it whole is model/onnx_file's, by protobuf-c.
 *
 * Pure: any thread. Foreign bytes: yes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum onnx_wire { ONNX_WIRE_VARINT = 0, ONNX_WIRE_64 = 1, ONNX_WIRE_BYTES = 2, ONNX_WIRE_32 = 5 };

struct onnx_field {
    uint64_t number;
    struct slice bytes; /* of fields that have some; not owned */
};

/* The first field of `rest`, which then begins behind it. false: this is none, or it does not end
 * in there; then *rest may have moved. */
bool onnx_field_take(struct slice *rest, struct onnx_field *out_field);
