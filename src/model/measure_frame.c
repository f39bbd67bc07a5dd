// SPDX-License-Identifier: Apache-2.0
#include "model/measure_frame.h"

#include <string.h>

#include "base/little_endian.h"

void measure_head_write(struct measure_head head, char out_bytes[MEASURE_HEAD_BYTES]) {
    little_endian_put_u32(out_bytes, head.bytes);
    little_endian_put_u32(out_bytes + 4, (uint32_t)head.kind);
    little_endian_put_u32(out_bytes + 8, head.number);
}

struct measure_head measure_head_read(const char bytes[MEASURE_HEAD_BYTES]) {
    return (struct measure_head){
        .bytes = little_endian_get_u32(bytes),
        .kind = (enum measure_kind)little_endian_get_u32(bytes + 4),
        .number = little_endian_get_u32(bytes + 8),
    };
}

bool measure_take(struct slice *body, void *out_struct, size_t bytes) {
    if (body->count < bytes) {
        return false;
    }
    (void)memcpy(out_struct, body->bytes, bytes);
    *body = slice_part(*body, bytes, body->count);
    return true;
}

struct inference_options measure_options(const struct inference_options *options) {
    struct inference_options plain = *options;
    plain.save_path = NULL;
    plain.profile_prefix = NULL;
    plain.folder = NULL;
    return plain;
}

static void put(struct buffer *out, const void *bytes, size_t count) {
    buffer_add(out, (struct slice){.bytes = bytes, .count = count});
}

void measure_port_write(struct buffer *out, const struct inference_port *port) {
    struct inference_port shown = *port;
    shown.name = NULL; /* an address means nothing at the other end */
    put(out, &shown, sizeof(shown));
    put(out, port->name, strlen(port->name) + 1);
}

bool measure_port_read(struct slice *body, struct inference_port *out_port) {
    struct inference_port port;
    if (!measure_take(body, &port, sizeof(port)) || port.rank > TENSOR_RANK_MAX ||
        (unsigned)port.type >= TENSOR_TYPE_COUNT) {
        return false;
    }
    const size_t end = slice_find(*body, '\0');
    if (end == body->count) {
        return false;
    }
    port.name = body->bytes;
    *body = slice_part(*body, end + 1, body->count);
    *out_port = port;
    return true;
}

struct tensor measure_tensor_head(const struct tensor *tensor) {
    struct tensor head = *tensor;
    head.bytes = NULL;
    return head;
}

bool measure_tensor_is_sound(const struct tensor *head) {
    size_t count = 0;
    return head->rank <= TENSOR_RANK_MAX && (unsigned)head->type < TENSOR_TYPE_COUNT &&
           tensor_count(head->type, head->shape, head->rank, &count) &&
           count * tensor_type_bytes(head->type) == head->byte_count;
}
