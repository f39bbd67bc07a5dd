/*
 * lite_library: TensorFlow Lite, opened when the first of its models is; part of inference.
 *
 * The file is EBB_TENSORFLOW_LITE, else libtensorflowlite_c.so in ebb's own library folder, else
 * the system's. It is never linked, and once open it stays so.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/lite_api.h"

struct lite_library {
    struct lite_api api;
    struct lite_xnnpack_api xnnpack;
};

/* NOT_FOUND says which variable or file is missing; INVALID, which function it lacks. */
status lite_library_use(const struct lite_library **out_library, struct error *err);
