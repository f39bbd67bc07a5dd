/*
 * manifest_process: the keys of a manifest that only `kind: process` has.
 *
 * Part of agent_manifest. `mode` is read before `command`: under `mode: once` a process works in
 * the run's folder, so arguments that name files of the agent become absolute paths. `protocol` is
 * read before `settings`, which go into the hello of `messages`, and before `blobs`.
 *
 * Thread: any; blocks on the disk.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent_manifest.h"
#include "wire/keys.h"

enum { MANIFEST_SETTINGS_BYTES_MAX = 64 * 1024 }; /* as JSON */

/* The words of four keys, ended by NULL. */
extern const char *const MANIFEST_BLOBS[], *const MANIFEST_PROTOCOLS[], *const MANIFEST_MODES[],
                                                                            *const MANIFEST_READY[];

/* Readers of one key each; the target is the manifest. */
void manifest_read_command(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target);
void manifest_read_environment(struct reading *reading, const struct key *key,
                               const struct yaml *node, void *target);
void manifest_read_protocol(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target);
void manifest_read_mode(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target);
void manifest_read_ready(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target);

void manifest_read_settings(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target);

void manifest_read_blobs(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target);

/* Puts in what the file did not say: environment, instances. */
void manifest_process_finish(struct reading *reading, struct agent_manifest *manifest);
