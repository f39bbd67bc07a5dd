// SPDX-License-Identifier: Apache-2.0
#include "platform/process_input.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

enum { ROOM_KEPT_BYTES = 64 * 1024 };

/* Descriptors that go with the byte `at` of the queue. */
struct handed {
    size_t at;
    struct process_descriptors descriptors;
};

void process_descriptors_close(struct process_descriptors *descriptors) {
    for (uint32_t i = 0; i < descriptors->count; i++) {
        (void)close(descriptors->list[i]); /* only read: nothing to lose */
    }
    descriptors->count = 0;
}

void process_input_init(struct process_input *input, struct loop *loop) {
    *input = (struct process_input){.loop = loop, .descriptor = -1};
    buffer_init(&input->queue, PROCESS_INPUT_BYTES_MAX);
}

void process_input_close(struct process_input *input) {
    poll_close(input->poll);
    input->poll = NULL;
    if (input->descriptor >= 0) {
        (void)close(input->descriptor); /* of a pipe: nothing to lose */
        input->descriptor = -1;
    }
    while (input->handed_count > 0) {
        process_descriptors_close(&input->handed[--input->handed_count].descriptors);
    }
    buffer_done(&input->queue);
    buffer_init(&input->queue, PROCESS_INPUT_BYTES_MAX);
    input->sent = 0;
}

void process_input_done(struct process_input *input) {
    process_input_close(input);
    memory_free(input->handed);
    input->handed = NULL;
    buffer_done(&input->queue);
}

/* sendmsg only reads; iovec has no const. */
static ssize_t send_with(int socket, struct slice bytes,
                         const struct process_descriptors *descriptors) {
    union {
        char bytes[CMSG_SPACE(sizeof(descriptors->list))];
        struct cmsghdr aligned;
    } control = {.bytes = {0}};
    struct iovec part = {.iov_len = bytes.count};
    (void)memcpy(&part.iov_base, &bytes.bytes, sizeof(bytes.bytes));
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptors != NULL) {
        const size_t list_bytes = descriptors->count * sizeof(descriptors->list[0]);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(list_bytes);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(list_bytes);
        (void)memcpy(CMSG_DATA(head), descriptors->list, list_bytes);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* The oldest descriptors have gone. */
static void forget_handed(struct process_input *input) {
    process_descriptors_close(&input->handed[0].descriptors);
    input->handed_count--;
    (void)memmove(&input->handed[0], &input->handed[1],
                  input->handed_count * sizeof(input->handed[0]));
}

/* Some of what waits, with the descriptors that belong to its first byte and to no later one. */
static ssize_t send_some(struct process_input *input) {
    const struct buffer *queue = &input->queue;
    const bool with = input->handed_count > 0 && input->handed[0].at == input->sent;
    const uint32_t next = with ? 1 : 0;
    const size_t end = input->handed_count > next ? input->handed[next].at : queue->count;
    const struct slice bytes = slice_part(buffer_slice(queue), input->sent, end);
    if (!input->is_socket) {
        return write(input->descriptor, bytes.bytes, bytes.count);
    }
    const ssize_t count =
        send_with(input->descriptor, bytes, with ? &input->handed[0].descriptors : NULL);
    if (count > 0 && with) {
        forget_handed(input);
    }
    return count;
}

static void flush(void *owner) {
    struct process_input *input = owner;
    struct buffer *queue = &input->queue;
    while (input->sent < queue->count) {
        const ssize_t count = send_some(input);
        if (count < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                if (errno != EPIPE && errno != ECONNRESET) {
                    log_line(LOG_WARN, "platform", "a child's input was closed: %s",
                             strerror(errno)); /* too many descriptors are on their way */
                }
                process_input_close(input);
            }
            return;
        }
        input->sent += (size_t)count;
    }
    input->sent = 0;
    buffer_clear(queue);
    poll_close(input->poll);
    input->poll = NULL;
    if (input->ending) {
        process_input_close(input);
    } else if (queue->room > ROOM_KEPT_BYTES) {
        buffer_done(queue);
        buffer_init(queue, PROCESS_INPUT_BYTES_MAX);
    }
}

static void drop_sent(struct process_input *input) {
    if (input->sent > 0) {
        buffer_drop(&input->queue, input->sent);
        for (uint32_t i = 0; i < input->handed_count; i++) {
            input->handed[i].at -= input->sent;
        }
        input->sent = 0;
    }
}

static status make_room(struct process_input *input, size_t count, bool hands, int number,
                        struct error *err) {
    const size_t waiting = input->queue.count - input->sent;
    if (count > PROCESS_INPUT_BYTES_MAX - waiting) {
        return fail(err, STATUS_FULL, "write to process %d: %zu bytes wait already", number,
                    waiting);
    }
    if (hands && input->handed == NULL) {
        input->handed = memory_new(PROCESS_HANDED_MAX, sizeof(*input->handed));
        if (input->handed == NULL) {
            return fail(err, STATUS_NO_MEMORY, "write to process %d: out of memory", number);
        }
    }
    if (hands && input->handed_count == PROCESS_HANDED_MAX) {
        return fail(err, STATUS_FULL, "write to process %d: %d writings with descriptors wait",
                    number, PROCESS_HANDED_MAX);
    }
    drop_sent(input);
    return STATUS_OK;
}

status process_input_write(struct process_input *input, struct slice bytes,
                           struct process_descriptors *descriptors, int number, struct error *err) {
    struct buffer *queue = &input->queue;
    const bool hands = descriptors != NULL && descriptors->count > 0;
    assert(!hands || (input->is_socket && bytes.count > 0));
    if (input->descriptor < 0 || input->ending) {
        return STATUS_OK;
    }
    TRY(make_room(input, bytes.count, hands, number, err));
    const size_t at = queue->count;
    buffer_add(queue, bytes);
    if (buffer_status(queue, err) != STATUS_OK) {
        queue->failed = STATUS_OK; /* what waited before is whole */
        return fail_while(err, "write to process %d", number);
    }
    if (hands) {
        input->handed[input->handed_count++] = (struct handed){at, *descriptors};
        descriptors->count = 0;
    }
    if (input->poll != NULL) {
        return STATUS_OK; /* it is full */
    }
    flush(input);
    if (input->sent < queue->count) {
        return poll_open(input->loop, input->descriptor, true, flush, input, &input->poll, err);
    }
    return STATUS_OK;
}

void process_input_end(struct process_input *input) {
    input->ending = true;
    if (input->queue.count == 0) {
        process_input_close(input);
    }
}
