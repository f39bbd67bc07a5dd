/*
 * agent_manifest: agent.yaml read and checked: what an agent takes, gives, and needs.
 *
 * Format version 1 whole; reserved keys are refused by name. Plain data in an arena of its own,
 * immutable, counted.
 *
 * Not here: whether the agent works (its kind's `open` says that), and which of several versions a
 * workflow gets (catalog).
 *
 * Thread: any; reading blocks on the disk. Nothing survives a crash, nothing needs to.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agents/agent_version.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "wire/expression.h"
#include "wire/fault.h"
#include "wire/field.h"

struct manifest_hold;
struct onnx_manifest;

enum process_protocol { PROTOCOL_LINES, PROTOCOL_MESSAGES, PROTOCOL_ONCE };
enum manifest_image_deed { IMAGE_DRAW, IMAGE_CROP, IMAGE_BLUR };

enum {
    AGENT_MANIFEST_BYTES_MAX = 256 * 1024,
    AGENT_ARGUMENTS_MAX = 256,
    AGENT_ENVIRONMENT_MAX = 256,
    AGENT_OUTPUT_BYTES_DEFAULT = 64 * 1024,
    AGENT_OUTPUT_BYTES_MAX = 1 << 20,
    AGENT_INSTANCES_MAX = 64,
    AGENT_ONCE_INSTANCES_DEFAULT = 8,
    AGENT_MEMORY_BYTES_LEAST = 1 << 20,
    MANIFEST_QUALITY_DEFAULT = 85,
    MANIFEST_MARGIN_MAX = 10,
    AGENT_DIGEST_BYTES_MAX = 16 << 20 /* of one named file; a longer one counts by size and time */
};

/* What an image agent does to a picture. */
struct manifest_image {
    enum manifest_image_deed deed;
    int quality;   /* of its JPEGs, 1 to 100 */
    double margin; /* a crop's, in sizes of the box: 0.2 is a fifth more on each side */
};

/* A header of each request of an http agent. */
struct manifest_header {
    struct slice
        text; /* "Name: value", or what stands before the secret: "Authorization: Bearer " */
    struct slice secret; /* whose bytes follow; empty: none */
};

struct agent_manifest {
    struct slice name;
    struct agent_version version;
    struct slice version_text, summary, kind, license;
    struct slice folder; /* where agent.yaml lies, absolute: paths in it are relative to this; ended
                            by a zero */
    struct id digest;    /* of the manifest and of the files that it names */
    struct field_set inputs, outputs; /* open when the manifest does not say */
    /* process */
    const char *const *command; /* ended by NULL; a program with a slash is an absolute path */
    /* "NAME=value", ended by NULL: PATH, LANG, EBB_* and `env:`. A value `secret:NAME` stands as it
     * was written: adapters/child_environment puts the secret in when a child starts. */
    const char *const *environment;
    enum process_protocol protocol;
    bool blobs_by_descriptor; /* messages: a blob is handed over, and not named by its path */
    int instances;            /* so many processes; once: at most so many calls at a time */
    struct value settings; /* messages: an object, told to a process when it is started; secrets in
                              it stand as they were written (adapters/settings_text) */
    bool ready_first_line;
    int64_t memory_bytes, output_bytes; /* limits; memory 0: none */
    /* text, onnx */
    struct slice model_file; /* absolute path, ended by a zero */
    int64_t model_bytes;
    struct id model_digest;     /* BLAKE2b-128 of its bytes, where has_model_digest */
    bool has_model_digest;      /* not of a long file, nor of one with an absolute path */
    struct onnx_manifest *onnx; /* what manifest_onnx reads; NULL for other kinds */
    bool carries; /* the model has a state of its own, given and taken as the call's: `carry`,
                     `context` */
    /* jq */
    const struct expression *filter;
    struct manifest_image image;
    /* http */
    struct slice url;   /* ended by a zero, like proxy and ca_file; those two may be empty */
    const char *method; /* "POST" */
    const struct manifest_header *headers;
    uint32_t header_count;
    struct slice proxy, ca_file;
    bool actuator; /* acts on the outside: `repeat` is never unless the step says otherwise. No kind
                      of this version does, and there is no key for it */
    int64_t needs_memory_bytes; /* 0: it does not say */
    bool needs_offline;         /* it works without a network */
    struct manifest_hold *hold; /* arena and owners; the manifest's own */
};

/* Reads `folder`/agent.yaml. On INVALID *out_faults holds every fault when the file could be read
 * at all, else NULL; `err` has the first of them. */
status agent_manifest_read(const char *folder, struct agent_manifest **out_manifest,
                           struct fault_list **out_faults, struct error *err);

/* The same for a text that says it is `file`, with paths relative to `folder`, which may not exist:
 * for fuzzing and for editors. */
status agent_manifest_read_text(const char *folder, struct slice file, struct slice text,
                                struct agent_manifest **out_manifest,
                                struct fault_list **out_faults, struct error *err);

/* The `agent:` of a text that may be faulty in everything else; false when there is none. */
bool agent_manifest_name_of(struct slice text, struct arena *arena, struct slice *out_name);

/* Another owner; from any thread. */
struct agent_manifest *agent_manifest_share(struct agent_manifest *manifest);

/* One owner less; the last one frees it. NULL is fine. From any thread. */
void agent_manifest_release(struct agent_manifest *manifest);

/* Appends the JSON Schema of a manifest, for editors (wire/schema says what it is worth). */
void agent_manifest_schema(struct buffer *out);
