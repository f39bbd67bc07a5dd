/*
 * lite_api: what of TensorFlow Lite's C interface is used, in our own words; part of inference.
 *
 * The library's header is in no package of Debian. What is called here has been the same since its
 * release 2.2: functions over things that only the library looks into, and three enumerations.
 * Release 2.2 and 2.9 are tested with.
 *
 * Not here: finding the library and its functions (platform/lite_library).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct TfLiteModel;
struct TfLiteInterpreterOptions;
struct TfLiteInterpreter;
struct TfLiteTensor;
struct TfLiteDelegate;

enum { LITE_OK = 0 /* of what the library calls a TfLiteStatus; all others are failures */ };

/* Element types as the library counts them. */
enum {
    LITE_FLOAT32 = 1,
    LITE_INT32 = 2,
    LITE_UINT8 = 3,
    LITE_INT64 = 4,
    LITE_BOOL = 6,
    LITE_INT16 = 7,
    LITE_INT8 = 9,
    LITE_FLOAT16 = 10,
    LITE_FLOAT64 = 11,
    LITE_UINT64 = 13,
    LITE_UINT32 = 16,
    LITE_UINT16 = 17
};

/* What the library says while it fails. */
typedef void lite_reporter(void *owner, const char *format, va_list values);

/* In the order of their names in lite_library.c. */
struct lite_api {
    const char *(*version)(void);

    /* The bytes must stay as long as the model. NULL: they are none. */
    struct TfLiteModel *(*model_create)(const void *bytes, size_t count);
    void (*model_delete)(struct TfLiteModel *model);

    struct TfLiteInterpreterOptions *(*options_create)(void);
    void (*options_delete)(struct TfLiteInterpreterOptions *options);
    void (*options_set_threads)(struct TfLiteInterpreterOptions *options, int32_t count);
    void (*options_add_delegate)(struct TfLiteInterpreterOptions *options,
                                 struct TfLiteDelegate *delegate);
    void (*options_set_reporter)(struct TfLiteInterpreterOptions *options, lite_reporter *reporter,
                                 void *owner);

    /* NULL: it cannot be run; the reporter has been told why. */
    struct TfLiteInterpreter *(*interpreter_create)(const struct TfLiteModel *model,
                                                    const struct TfLiteInterpreterOptions *options);
    void (*interpreter_delete)(struct TfLiteInterpreter *interpreter);
    int (*interpreter_allocate)(struct TfLiteInterpreter *interpreter);
    int (*interpreter_reset)(struct TfLiteInterpreter *interpreter); /* of what it remembers */
    int (*interpreter_invoke)(struct TfLiteInterpreter *interpreter);

    int32_t (*input_count)(const struct TfLiteInterpreter *interpreter);
    struct TfLiteTensor *(*input)(const struct TfLiteInterpreter *interpreter, int32_t index);
    int32_t (*output_count)(const struct TfLiteInterpreter *interpreter);
    const struct TfLiteTensor *(*output)(const struct TfLiteInterpreter *interpreter,
                                         int32_t index);

    int (*tensor_type)(const struct TfLiteTensor *tensor);
    int32_t (*tensor_rank)(const struct TfLiteTensor *tensor);
    int32_t (*tensor_size)(const struct TfLiteTensor *tensor, int32_t dimension);
    size_t (*tensor_byte_count)(const struct TfLiteTensor *tensor);
    void *(*tensor_bytes)(const struct TfLiteTensor *tensor);
    const char *(*tensor_name)(const struct TfLiteTensor *tensor);
    int (*tensor_fill)(struct TfLiteTensor *tensor, const void *bytes, size_t count);
};

/* A library may have been built without these two: NULL then. No options: one thread. */
struct lite_xnnpack_api {
    struct TfLiteDelegate *(*create)(const void *options);
    void (*destroy)(struct TfLiteDelegate *delegate);
};
