/*
 * manifest_http: the keys of a manifest that only `kind: http` has.
 *
 * Part of agent_manifest. An address is literal and has no user and no password in it; what a
 * service wants to know of who asks stands in `headers`.
 *
 * Thread: any; blocks on the disk.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent_manifest.h"
#include "wire/keys.h"

enum {
    MANIFEST_HEADERS_MAX = 64,
    MANIFEST_HEADER_BYTES_MAX = 4096 /* name and value, secrets not counted */
};

/* The words of `method`, ended by NULL. */
extern const char *const MANIFEST_METHODS[];

/* Readers of one key each; the target is the manifest. */
void manifest_read_url(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target);
void manifest_read_method(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target);
void manifest_read_headers(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target);
void manifest_read_proxy(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target);
void manifest_read_ca(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target);

/* Puts in what the file did not say: POST, and that it needs a network. Refuses blobs. */
void manifest_http_finish(struct reading *reading, const struct yaml *root,
                          struct agent_manifest *manifest);
