/*
 * manifest_files: the files that an agent's manifest names: where they are, and the digest over
 * them.
 *
 * Part of agent_manifest. A path is relative to the manifest's folder; it may lead out of it.
 *
 * Thread: any; blocks on the disk.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent_manifest.h"
#include "wire/keys.h"

/* `path` as an absolute path, ended by a zero, in the arena; .bytes NULL when there is no room. */
struct slice manifest_path(struct arena *arena, const struct agent_manifest *manifest,
                           struct slice path);

/* When `path` names a file of the agent: its absolute path and size, and its bytes go into the
 * manifest's digest. A file named by an absolute path is the machine's and stays out of the digest;
 * one that is too long or may not be read goes in by its size and time. */
bool manifest_take_file(struct reading *reading, struct agent_manifest *manifest, struct slice path,
                        struct slice *out_path, int64_t *out_bytes);

/* The same for a file that must be there: says so at `place` when it is not. */
bool manifest_need_file(struct reading *reading, struct agent_manifest *manifest, struct slice path,
                        struct place place, struct slice *out_path, int64_t *out_bytes);

/* The same for the file that is the agent's model: it becomes the manifest's. */
void manifest_need_model(struct reading *reading, struct agent_manifest *manifest,
                         struct slice path, struct place place);
