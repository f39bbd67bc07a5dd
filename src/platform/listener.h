/*
 * listener: a socket of ours that others connect to: a Unix socket's file, or a TCP port.
 *
 * Who accepts and speaks is the owner's business. A port 0 becomes one that the system chooses.
 *
 * Thread: the owner's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/error.h"

enum { LISTENER_NAME_BYTES = 128 };

struct listener {
    int descriptor;                 /* -1: none, or given away */
    char name[LISTENER_NAME_BYTES]; /* of a port: "127.0.0.1:8443", "[::1]:8443" */
    struct sockaddr_un file;        /* of a Unix socket */
    dev_t device;                   /* of that file, so that only ours is removed */
    ino_t inode;                    /* 0: there is none */
};

/* Nothing yet, so that it can be closed. */
void listener_init(struct listener *listener);

/* Listens on a Unix socket with mode `mode`; a socket file that nobody listens on is replaced, one
 * that somebody answers on is CONFLICT, and so is anything else under that name. */
status listener_open_file(struct listener *listener, const char *path, mode_t mode,
                          struct error *err);

/* Listens on "ADDRESS:PORT", "[ADDRESS]:PORT" or ":PORT" (every address). INVALID when it is none
 * of these, CONFLICT when another process listens there. */
status listener_open_port(struct listener *listener, const char *address, struct error *err);

/* Removes the socket file if it is still ours, and closes the descriptor if it is still here. */
void listener_close(struct listener *listener);
