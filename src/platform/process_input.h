/*
 * process_input: what a child is to read: bytes that wait until it takes them, and descriptors that
 * go with them where its standard input is a socket.
 *
 * Part of process. A descriptor travels with the first byte of what was written together with it
 * (SCM_RIGHTS), and all of one writing travel together: who reads on that far has them.
 *
 * Thread: loop. Survives: nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "platform/process.h"

struct handed;

struct process_input {
    struct loop *loop; /* not owned */
    int descriptor;    /* owned; -1: closed */
    bool is_socket;
    bool ending;       /* closed when what waits has been read */
    struct poll *poll; /* while no more goes in */
    struct buffer queue;
    size_t sent;           /* from the queue's start */
    struct handed *handed; /* owned: descriptors that wait; NULL: there never were any */
    uint32_t handed_count;
};

/* Closed, and nothing waits. */
void process_input_init(struct process_input *input, struct loop *loop);

/* process_write and process_hand; `number` is the child's, for sentences. `descriptors` may be
 * NULL. */
status process_input_write(struct process_input *input, struct slice bytes,
                           struct process_descriptors *descriptors, int number, struct error *err);

/* Closes it once what waits has been read. */
void process_input_end(struct process_input *input);

/* Closes it now; what waits is lost. */
void process_input_close(struct process_input *input);
void process_input_done(struct process_input *input);
