/*
 * rights: who asks the hub for something, and what they may.
 *
 * A person has a role: a viewer looks, an operator works with devices, an admin does all. A program
 * has a token with some of the rights. Who opens the hub's socket may look; root and the hub's own
 * user may do all.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "platform/hash.h"

enum right {
    RIGHT_BRING = 1,   /* results, at POST /api/sync */
    RIGHT_READ = 2,    /* what there is */
    RIGHT_OPERATE = 4, /* devices: labels, tokens to join, alarms that were seen, blobs */
    RIGHT_ADMIN = 8    /* people, programs, revoking and removing, backups */
};

enum {
    ROLE_VIEWER = RIGHT_READ,
    ROLE_OPERATOR = RIGHT_READ | RIGHT_OPERATE,
    ROLE_ADMIN = RIGHT_READ | RIGHT_OPERATE | RIGHT_ADMIN,
    CALLER_NAME_BYTES = 128, /* a person's name has at most 100 */
    CALLER_SOURCE_BYTES = 64
};

struct caller {
    char name[CALLER_NAME_BYTES]; /* "anna", "token:panel", "local:0"; empty: nobody */
    char source[CALLER_SOURCE_BYTES];
    unsigned rights;
    bool must_change; /* its password, before anything else */
    bool has_session; /* a browser's, which other sites may try to use */
    struct digest session;
};

/* "viewer", "operator", "admin"; static text, "none" for other rights. */
const char *role_name(unsigned rights);

/* 0: no role is called so. */
unsigned role_from_name(struct slice name);

/* "bring,read,operate,admin" as far as they are there, for a token; and back: INVALID names the
 * word. */
enum { RIGHTS_TEXT_BYTES = 40 };
void rights_write(unsigned rights, char out_text[RIGHTS_TEXT_BYTES]);
status rights_read(struct slice text, unsigned *out_rights, struct error *err);

/* DENIED with what it would take. */
status caller_needs(const struct caller *caller, enum right right, struct error *err);

/* Appends {"name","role","may":[...],"must_change"} and a line end; of nobody the name is null. */
void caller_write(const struct caller *caller, struct buffer *out);
