// SPDX-License-Identifier: Apache-2.0
#include "tests/models/stored.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/tensor_number.h"
#include "model/tensor_proto.h"
#include "platform/file.h"

static const double RELATIVE = 1e-3;
static const double ABSOLUTE = 1e-4;

static bool read_tensor(const char *path, struct arena *arena, struct tensor *out_tensor) {
    struct buffer bytes;
    buffer_init(&bytes, (size_t)1 << 30);
    const bool is_ours =
        file_read(path, &bytes, NULL) == STATUS_OK &&
        tensor_proto_read(buffer_slice(&bytes), arena, out_tensor, NULL) == STATUS_OK;
    buffer_done(&bytes);
    return is_ours;
}

/* false: one of them is no tensor that we have. */
static bool read_side(const char *folder, const char *what, struct arena *arena,
                      struct tensor tensors[STORED_PORTS_MAX], uint32_t *out_count) {
    for (*out_count = 0; *out_count < STORED_PORTS_MAX; ++*out_count) {
        char path[STORED_PATH_BYTES];
        (void)snprintf(path, sizeof(path), "%s/%s_%u.pb", folder, what, *out_count);
        if (!file_is_there(path)) {
            return true;
        }
        if (!read_tensor(path, arena, &tensors[*out_count])) {
            return false;
        }
    }
    return false;
}

bool stored_set_read(const char *folder, struct arena *arena, struct stored_set *out_set) {
    return read_side(folder, "input", arena, out_set->inputs, &out_set->input_count) &&
           read_side(folder, "output", arena, out_set->outputs, &out_set->output_count);
}

static bool is_near(double a, double b, double most) {
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= ABSOLUTE + RELATIVE * fabs(b) + most;
}

static double largest(const struct tensor *tensor) {
    double most = 0;
    for (size_t i = 0; i < tensor->byte_count / tensor_type_bytes(tensor->type); i++) {
        const double size = fabs(tensor_number_at(tensor, i));
        most = isfinite(size) && size > most ? size : most;
    }
    return most;
}

bool stored_same_tensor(const struct tensor *ours, const struct tensor *wanted, double tolerance) {
    if (ours->type != wanted->type || ours->rank != wanted->rank ||
        ours->byte_count != wanted->byte_count ||
        memcmp(ours->shape, wanted->shape, ours->rank * sizeof(ours->shape[0])) != 0) {
        return false;
    }
    const size_t count = isinf(tolerance) ? 0 : ours->byte_count / tensor_type_bytes(ours->type);
    const double most = tolerance > 0 ? tolerance * largest(wanted) : 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_near(tensor_number_at(ours, i), tensor_number_at(wanted, i), most)) {
            return false;
        }
    }
    return true;
}
