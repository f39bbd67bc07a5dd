/*
 * device: what a device's own files say: its name and labels, its store, the way to its hub, its
 * sources and destinations, what it sets about workflows.
 *
 * One file is read here, on top of what others said before it: a later file wins. Which files there
 * are is wire/device_file's business. A setting comes from the first of: command line (the
 * caller's), EBB__SECTION__KEY in the environment, the files, its default.
 *
 * Plain data in an arena of the caller's; any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/value.h"
#include "platform/link_kind.h"
#include "wire/fault.h"
#include "wire/webhook.h"

enum {
    DEVICE_FILE_BYTES_MAX = 1 << 20,
    DEVICE_NAMES_MAX = 256 /* sources of a device; destinations of a device */
};

/* What the files say of one parameter of a workflow; the newest is first. */
struct device_param {
    struct slice workflow, name;
    struct value value;
    struct slice origin; /* "FILE:LINE:COLUMN" */
    const struct device_param *next;
};

struct trigger; /* wire/workflow.h */

/* What a workflow's `source: NAME` stands for here. */
struct device_source {
    struct slice name;
    struct slice kind; /* "watch" */
    const struct trigger
        *trigger;        /* as if a workflow had written it, but that its path is whole and
                                      its source is the name */
    struct slice origin; /* "FILE:LINE:COLUMN" */
    const struct device_source *next;
};

enum destination_kind {
    DESTINATION_FILE,   /* records as lines of JSON behind the file's end */
    DESTINATION_WEBHOOK /* each record is the body of a POST */
};

/* What `to: [NAME]` of a result stands for here: plain data, for who sends. All texts are ended by
 * a zero. */
struct device_destination {
    struct slice name; /* never "hub" */
    enum destination_kind kind;
    struct slice path;   /* of a file: whole */
    struct webhook hook; /* of a webhook */
    int64_t give_up_ms;  /* how long a record is tried, from when it was made; 0: as long as it
                           stays */
    struct slice origin; /* "FILE:LINE:COLUMN" */
    const struct device_destination *next;
};

enum device_link_key {
    DEVICE_LINK_METERED,
    DEVICE_LINK_HOUR,
    DEVICE_LINK_DAY,
    DEVICE_LINK_KEY_COUNT
};

/* What the files say of one kind of link. */
struct device_link {
    bool metered;                  /* where somebody says so: see device_link_is_metered */
    int64_t bytes_hour, bytes_day; /* besides what is urgent; 0: without bound */
    struct slice origins[DEVICE_LINK_KEY_COUNT]; /* "FILE:LINE:COLUMN"; empty: nobody has said it */
};

/* What `ebb config show` shows, and where each comes from. */
enum device_setting {
    DEVICE_NAME,
    DEVICE_LABELS,
    DEVICE_TIME_ZONE,
    DEVICE_STORE_PATH,
    DEVICE_STORE_BUDGET,
    DEVICE_STORE_COMMIT,
    DEVICE_HUB_PROXY,
    DEVICE_WORKFLOWS_FOLDER, /* from here on of the guide's edge_config.json alone */
    DEVICE_AGENTS_FOLDER,
    DEVICE_MODELS_FOLDER,
    DEVICE_SYNC_ENDPOINT,
    DEVICE_SYNC_INTERVAL,
    DEVICE_OFFLINE,
    DEVICE_MONITORING,
    DEVICE_SETTING_COUNT
};

struct device {
    struct slice name;   /* empty: the host's name, which the caller knows */
    struct value labels; /* an object of texts */
    struct slice time_zone;
    struct slice path;    /* store.path: the data folder; empty: the caller's default */
    int64_t budget_bytes; /* store.budget; 0: the store's default */
    int64_t commit_ms;    /* store.commit; 0: the next commit takes it */
    struct slice proxy;   /* hub.proxy: "http://host:port", ended by a zero; empty: none is named */
    struct device_link links[LINK_KIND_COUNT]; /* hub.links */
    const struct device_param *params;         /* of all workflows */
    /* The newest is first: one behind another of its name stands for nothing. */
    const struct device_source *sources;
    const struct device_destination *destinations;
    /* Of the guide's file. The folders are whole paths, empty where it names none; the rest is for
     * who talks to a hub and who measures the device. */
    struct slice workflows_folder, agents_folder, models_folder;
    struct slice sync_endpoint;
    int64_t sync_interval_ms;
    bool offline, monitoring;
    /* "FILE:LINE:COLUMN" or the name of a variable; empty: nobody has said it. */
    struct slice origins[DEVICE_SETTING_COUNT];
};

/* The newest of that name; NULL when there is none. Who walks a list leaves out every item that is
 * not what these give for its name. */
const struct device_source *device_source(const struct device *device, struct slice name);
const struct device_destination *device_destination(const struct device *device, struct slice name);

/* What the files say, else true for cellular alone. */
bool device_link_is_metered(const struct device *device, enum link_kind kind);

/* Reads a file's text into the device, which holds what earlier files said, or nothing; the guide's
 * edge_config.json is such a file as it stands. INVALID when it has faults: then the device stays
 * as it was. *out_faults is a list when there is something to say, faults or warnings. */
status device_read(struct arena *arena, struct slice file, struct slice text, struct device *device,
                   struct fault_list **out_faults, struct error *err);

/* Puts in what EBB__SECTION__KEY in the environment says. `get` is getenv, or a test's. INVALID
 * names the variable. */
status device_override(struct arena *arena, struct device *device,
                       const char *(*get)(const char *name), struct error *err);

/* A JSON list of {name, value, default, origin}: every setting, then what is said of
 * links, sources and destinations.
 * Where nobody says one, its value is null, its origin "default", and `default` a word about what
 * applies. */
void device_write_settings(const struct device *device, struct buffer *out);

/* What expressions see as $device: {name, labels, time_zone}. */
status device_value(struct arena *arena, const struct device *device, struct value *out_value,
                    struct error *err);
