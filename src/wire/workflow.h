/*
 * workflow: a workflow file, read and checked: triggers, steps, results, and how durable they are.
 *
 * Format version 1 whole: a key that this version does not build is known and refused by name. All
 * faults of a file are reported at once, each with its place and what would be right. What needs
 * the catalogue or a jq compiler is asked through functions that the caller hands in, so `ebb
 * check` and the daemon say the same.
 *
 * The files of fields that its `schema:` keys name are part of it. They are read once, with it, and
 * stand in its text as a second document, `schemas: { NAME: FIELDS }`: who has the text has all. A
 * text that brings its schemas along is read without a look at the disk.
 *
 * A workflow is immutable and shared by threads; it lives in one arena of its own and is counted.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/id.h"
#include "wire/binding.h"
#include "wire/expression.h"
#include "wire/fault.h"
#include "wire/field.h"
#include "wire/lane.h"
#include "wire/measure.h"
#include "wire/param.h"
#include "wire/schedule.h"

enum {
    WORKFLOW_BYTES_MAX = 1 << 20,
    WORKFLOW_STEPS_MAX = 256,
    WORKFLOW_RESULTS_MAX = 64,
    WORKFLOW_TRIGGERS_MAX = 16,
    WORKFLOW_LETS_MAX = 64,
    ATTACHMENTS_MAX = 8, /* of one result */
    SCHEMA_FILES_MAX = 16,
    SCHEMA_FILE_BYTES_MAX = 64 << 10,
    SCHEMA_FILE_NAME_BYTES_MAX = 64,
    WORKFLOW_FAULTS_MAX = FAULTS_MAX,
    QUEUE_MAX_DEFAULT = 100,
    RESULT_DESTINATIONS_MAX = 16,
    INTERVAL_MS_LEAST = 10,
    INTERVAL_DAYS_MAX = 366,
    STEP_TIMEOUT_MS_DEFAULT = 30000,
    EACH_DEFAULT = 100, /* items */
    EACH_MAX = 1000,
    EACH_CONCURRENCY_MAX = 64,
    STATE_KEYS_MAX = 10000 /* of one step */
};

enum trigger_kind {
    TRIGGER_STDIN,
    TRIGGER_WATCH,
    TRIGGER_INTERVAL,
    TRIGGER_CRON,
    TRIGGER_HTTP,
    TRIGGER_SOURCE
};

enum stdin_format { STDIN_JSON, STDIN_TEXT }; /* one JSON value a line; one line of text */

enum http_accept { HTTP_JSON, HTTP_TEXT, HTTP_EITHER }; /* what is posted */

enum watch_after { WATCH_KEEP, WATCH_DELETE };

/* What `event:` says of an event, evaluated on what came; NULL: as its source has it. */
struct event_rule {
    const struct template *id, *time, *key, *set; /* native alone; set: an object */
};

/* What becomes of an event that does not fit `schema:`, or for which `event:` has no value. */
enum event_unfit {
    UNFIT_REFUSE, /* nothing is asked of it; what cannot be read at all is counted */
    UNFIT_QUARANTINE,
    UNFIT_DROP,
    UNFIT_FAIL
};

/* One on a named source is of the source's kind when the workflow is bound to a device, and of kind
 * SOURCE when it is only looked at. */
struct trigger {
    enum trigger_kind kind;
    struct slice source; /* name of the source in events: the kind's name unless said */
    enum stdin_format format;
    enum http_accept accept;
    struct slice path, glob; /* watch; path as written */
    bool text;               /* watch: hand over the content as .event.text */
    enum watch_after after;
    int64_t interval_ms;
    struct slice cron;        /* as written */
    struct schedule schedule; /* what it means */
    struct slice time_zone;   /* of the schedule; empty: the device's, or the system's */
    struct event_rule event;
    const struct field_set *schema; /* of `.event.data`; NULL: any */
    enum event_unfit unfit;
    struct slice param; /* `source: ${ $params.NAME }`: the parameter; empty: none */
    struct slice bound; /* of a named source: what the device says of it, as JSON */
    struct place place;
};

enum queue_full { QUEUE_BLOCK, QUEUE_DROP_OLDEST, QUEUE_DROP_NEWEST };

struct queue_policy {
    uint32_t max;
    enum queue_full full;
    bool keep_latest; /* an older waiting event is dropped and counted */
    bool by_key;      /* `order: key` */
};

/* Bits of retry.on. */
enum error_class {
    CLASS_TIMEOUT = 1 << 0,
    CLASS_CRASH = 1 << 1,
    CLASS_INVALID = 1 << 2,
    CLASS_OFFLINE = 1 << 3,
    CLASS_BUSY = 1 << 4,
    CLASS_DENIED = 1 << 5,
    CLASS_FULL = 1 << 6
};

/* The class that `retry.on` and failure records use for a status; what has no class of its own is
 * CRASH. */
unsigned error_class_of(status code);
const char *error_class_name(unsigned class_bit);

enum error_policy {
    ON_ERROR_FAIL,
    ON_ERROR_SKIP_STEP,
    ON_ERROR_SKIP_RUN,
    ON_ERROR_USE,
    ON_ERROR_STEP
};

/* What a step remembers from one event of a key to the next. */
struct keyed_state {
    const struct template *by; /* whose state it is; native. NULL: the step remembers nothing */
    int64_t ttl_ms;            /* after the key's last event; 0: for ever */
    uint32_t max_keys;
    bool in_memory; /* never on disk */
};

struct step {
    struct slice id;
    struct place place;
    struct slice agent;          /* name */
    struct slice agent_range;    /* "^1", "1.2.0", "" for any */
    const struct template *each; /* a list: one call for each item, seen as .item. NULL: one call */
    uint32_t each_max;           /* items at most */
    uint32_t each_concurrency;   /* so many calls at once, where the agent waits */
    const struct template *with; /* NULL: an empty object */
    const struct expression *when; /* NULL: always */
    const uint32_t *needs;         /* indexes of steps, all before this one in `order` */
    uint32_t need_count;
    int64_t timeout_ms;
    int attempts; /* 1: no retry */
    int64_t backoff_ms;
    unsigned retry_on; /* error_class bits */
    enum error_policy on_error;
    bool on_error_given;
    struct value use;    /* ON_ERROR_USE */
    uint32_t other_step; /* ON_ERROR_STEP: this step's output stands in for ours */
    bool only_on_error;  /* some other step's ON_ERROR_STEP names it: it runs for that alone */
    bool repeat_never;
    int64_t expires_ms; /* 0: none */
    struct keyed_state state;
    const void *agent_pinned; /* what the catalogue's resolve() gave; not owned */
};

enum durability_mode { DURABILITY_NONE, DURABILITY_EACH, DURABILITY_INTERVAL };

struct durability {
    enum durability_mode mode;
    int64_t interval_ms;
};

/* Bits: kinds of blobs by their types. */
enum blob_kind { BLOB_IMAGE = 1 << 0, BLOB_AUDIO = 1 << 1, BLOB_FILE = 1 << 2 };

/* A blob that stays under its hash; a field of the result names it. */
struct attachment {
    struct slice name;
    struct place place;
    const struct template *from;
    struct slice as; /* empty: of any type */
    int64_t bytes_max;
    int64_t keep_ms; /* 0: as long as the result */
    bool stays;      /* it never leaves the device */
};

/* What becomes of results beyond a limit. */
enum limit_over {
    OVER_COUNT, /* the next one says how many, as `held` */
    OVER_DROP,
    OVER_LAST /* as OVER_COUNT, and the last one comes when there is room again */
};

/* How often a result may come. */
struct limit {
    uint32_t count;            /* so many ... 0: there is no limit */
    int64_t span_ms;           /* ... in this span */
    const struct template *by; /* each value has a limit of its own; NULL: one for all */
    enum limit_over over;
    struct slice state; /* the name under which it is kept from run to run */
};

struct result_rule {
    struct slice name;
    struct place place;
    const struct expression *when; /* NULL: always */
    const struct template *from;
    const struct measure *measures; /* its fields with a unit */
    uint32_t measure_count;
    const struct slice *privates; /* fields that never leave the device */
    uint32_t private_count;
    const struct field_set *schema; /* what `from` makes fits it, closed; NULL: anything does */
    struct slice units;             /* of measures and schema, as JSON: {"t":"Cel"}; empty: none */
    const struct template *key;     /* NULL: none */
    int priority;
    enum lane lane;         /* LANE_LOCAL when `to:` does not name the hub */
    const struct slice *to; /* the device's destinations it goes to, each once; never the hub */
    uint32_t to_count;
    int64_t keep_ms;
    int64_t expires_ms; /* 0: none */
    const struct attachment *attachments;
    uint32_t attachment_count;
    struct limit limit;
};

struct workflow {
    struct slice name;
    struct slice summary;
    struct slice text; /* the file as it was read, and behind it the schemas that it names */
    struct slice file; /* its path, for messages */
    struct id digest;  /* of the text */
    const struct trigger *triggers;
    uint32_t trigger_count;
    const struct step *steps; /* in the order in which they are run */
    uint32_t step_count;
    const struct result_rule *results;
    uint32_t result_count;
    const struct let *lets;
    uint32_t let_count;
    const struct param *params;
    uint32_t param_count;
    struct value param_values; /* what expressions see as $params: an object */
    struct queue_policy queue;
    uint32_t concurrency;
    const struct template *order_by; /* one event of a key is taken at a time, different keys at
                                        once; native. NULL: events have no keys */
    unsigned stay;                   /* blob_kind bits: what no result lets leave the device */
    struct durability runs, results_durability, state_durability;
    int64_t deadline_ms;                      /* 0: none */
    const struct expression *const *programs; /* every expression that is not native */
    uint32_t program_count;
    const struct slice *schema_files; /* names of files beside it; each ends with a zero */
    uint32_t schema_file_count;
};

/* What a workflow must know of an agent. */
struct workflow_agent {
    const struct field_set *inputs, *outputs; /* not owned */
    const void *pinned;                       /* for step.agent_pinned; not owned */
    bool actuator;
    bool carries; /* its model has a state, which is no field */
};

/* What the caller knows and this room does not. Any function may be NULL: then that check is left
 * out. */
struct workflow_doors {
    void *owner;
    /* The agent of that name and range. NOT_FOUND's sentence names the nearest agent or the
     * versions there are. */
    status (*resolve)(void *owner, struct slice name, struct slice range,
                      struct workflow_agent *out_agent, struct error *err);
    /* Compiles a jq program; *out_offset is the character in `program` at which it goes wrong, -1
     * when unknown. */
    status (*compile)(void *owner, struct slice program, int *out_offset, struct error *err);
    /* What the workflow is bound to here. NULL: it is only looked at, and nothing need have a
     * value. */
    const struct binding *binding;
    /* Where the files lie that it names. NULL: in the folder of its own file. */
    const char *folder;
};

/* Reads and checks a file of one workflow. OK also when there are warnings, INVALID when there are
 * errors; in both cases *out_faults is a list (perhaps empty) that belongs to the caller, who gives
 * it back by fault_list_release, and does not go with the workflow. Otherwise *out_faults is NULL.
 */
status workflow_read(struct slice file, struct slice text, const struct workflow_doors *doors,
                     struct workflow **out_workflow, struct fault_list **out_faults,
                     struct error *err);

/* The name of a file of fields for `schema:`, which stands beside workflows and is none itself:
 * NAME.schema.yaml or NAME.schema.json. */
bool workflow_is_schema_file(struct slice name);

/* They were read from the same text and are bound to the same values. */
bool workflow_is_same(const struct workflow *a, const struct workflow *b);

/* One of its triggers is on the device's source of that name. */
bool workflow_has_source(const struct workflow *workflow, struct slice name);

/* Whether a blob of that type must never leave the device where it is attached so. */
bool workflow_blob_stays(const struct workflow *workflow, const struct attachment *attachment,
                         struct slice type);

/* Another owner, one owner less; the last one frees it. From any thread. */
struct workflow *workflow_share(struct workflow *workflow);
void workflow_release(struct workflow *workflow);

/* What `ebb check --explain` shows: every default as it applies, and for each expression whether it
 * is native or jq. */
void workflow_explain(const struct workflow *workflow, struct buffer *out);
