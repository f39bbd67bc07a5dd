/*
 * lite_delegate: what may execute operators of a TensorFlow Lite model in place of the library's
 * own kernels; part of inference.
 *
 * By the words of INFERENCE_PROVIDERS: xnnpack is in the library itself, gpu and edgetpu are
 * libraries of their own that the system has, and delegate is the one that
 * EBB_TENSORFLOW_LITE_DELEGATE names, a library as TensorFlow Lite's external delegates are. What
 * none of them can do stays with the processor.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/lite_library.h"

/* One of zeroes is the processor. It goes after the interpreter that it was given to. */
struct lite_delegate {
    struct TfLiteDelegate *delegate; /* owned */
    void (*destroy)(struct TfLiteDelegate *delegate);
};

/* NOT_FOUND: it is not here, or is none of TensorFlow Lite's; SYSTEM: it would not begin, often
 * because the machine has not what it drives. */
status lite_delegate_create(const struct lite_library *library, uint8_t provider,
                            struct lite_delegate *out_delegate, struct error *err);

void lite_delegate_destroy(struct lite_delegate *delegate);
