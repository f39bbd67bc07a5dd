/*
 * workflow_draft: a workflow while it is being read, with what only the checker wants to know.
 *
 * Reading goes in passes over one draft: the tables of keys (workflow_keys, trigger_reader,
 * step_reader, result_reader), then what the parts say of each other: needs and order (step_graph),
 * agents and their inputs (step_agents), what expressions read (read_paths). Every pass says what
 * is wrong and goes on with what was right. Steps stand in the order of the file until step_graph
 * has found the one in which they run.
 *
 * Not for other rooms. Thread: any, a draft belongs to one reading.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <assert.h>

#include "wire/keys.h"
#include "wire/workflow.h"

/* Which of the steps. */
struct step_set {
    uint64_t bits[WORKFLOW_STEPS_MAX / 64];
};

struct step_draft {
    struct step step;        /* as it is kept, needs and other_step left out */
    const struct yaml *node; /* in the scratch arena, as all nodes here */
    const struct yaml *agent, *needs, *with, *retry, *repeat, *expires, *state, *by;
    struct slice other_id; /* on_error: { step: ID }; empty: none */
    struct place other_place;
    uint32_t other; /* its index; of no use while other_known is false */
    bool other_known;
    uint32_t stands_in_for;                   /* of a step that is only_on_error */
    const struct field_set *inputs, *outputs; /* NULL: nothing is known */
    bool actuator, carries;
    struct step_set needs_set; /* those that `needs` names */
    struct step_set direct;    /* those that must have ended: needs and what stands in for them */
    struct step_set before;    /* the same through others */
    uint32_t rank;             /* its index in the order of running */
};

/* One of `to:`: a name, or the parameter that has it. */
struct target {
    struct slice name, param;
    struct place place;
};

struct result_draft {
    struct result_rule rule;  /* first */
    const struct yaml *limit; /* NULL: none */
    const struct yaml *node;
    const struct yaml *fields; /* of its schema, wherever they stand; NULL: none */
    struct target *targets;    /* of `to:`; NULL: it is left out, which means the hub */
    uint32_t target_count;
};

/* A file of fields that some `schema:` names. */
struct schema_file {
    struct slice name;       /* ended by a zero */
    const struct yaml *root; /* NULL: it was of no use, which was said */
};

struct let_draft {
    struct let let;
    const struct yaml *node;
    struct step_set steps; /* that it reads, through other lets as well */
    uint64_t lets;         /* bits of those that it reads */
};

struct workflow_draft {
    struct reading reading; /* its owner is the draft; its arena is the workflow's own */
    struct arena *scratch;  /* ends with the reading */
    const struct workflow_doors *doors;
    const struct yaml *root;
    struct workflow *workflow; /* what is filled */
    struct trigger *triggers;
    const struct yaml *trigger_nodes[WORKFLOW_TRIGGERS_MAX];
    uint32_t trigger_count;
    bool triggers_unsure; /* one of them has faults: what events hold is not known */
    bool queue_given;
    const struct yaml *queue_order; /* `order:` of the queue, or NULL */
    struct step_draft *steps;
    uint32_t step_count;
    struct result_draft *results;
    uint32_t result_count;
    struct let_draft *lets;
    uint32_t let_count;
    struct param *params;
    uint32_t param_count;
    const struct yaml *schemas;       /* those that the text brings along; NULL: they are files */
    struct schema_file *schema_files; /* that were looked at */
    uint32_t schema_file_count;
    const struct expression **programs; /* those that are not native; they are kept */
    bool cyclic;                        /* the order of steps means nothing */
};

static_assert(WORKFLOW_LETS_MAX <= 64, "let_draft.lets has a bit for each");

struct workflow_draft *draft_of(const struct reading *reading);

void step_set_add(struct step_set *set, uint32_t index);
void step_set_join(struct step_set *set, const struct step_set *more);
bool step_set_has(const struct step_set *set, uint32_t index);

/* Index of the step of that id; false: none. */
bool draft_find_step(const struct workflow_draft *draft, struct slice id, uint32_t *out_index);

/* "there is no step `ID`", with the nearest that there is. */
void draft_say_no_step(struct workflow_draft *draft, struct slice id, struct place place);

/* "agent `NAME` has no output `NAME`", with the nearest of the set. */
void draft_say_no_output(struct workflow_draft *draft, const struct step_draft *step,
                         const struct field_set *set, struct slice name, struct place place);

/* `count` zeroed items in the scratch arena; a lack of room is noted, NULL then. */
void *draft_scratch(struct workflow_draft *draft, size_t count, size_t bytes_each);

/* "`KEY: VALUE` is not in this version of ebb". */
void draft_refuse_value(struct reading *reading, const char *key, struct slice value,
                        struct place place);

/* The whole file's keys. false when nothing more can be said of it. */
bool workflow_keys_read(struct workflow_draft *draft);

/* Readers of keys, each in its own file. */
key_reader triggers_read, steps_read, results_read, lets_read, attachments_read, params_read;
key_reader step_state_read, limit_read, privacy_read;
key_reader draft_read_condition; /* const struct expression * */
key_reader draft_read_template;  /* const struct template * */

/* That the parameter which a path of `$params` reads is declared. */
void draft_check_param(struct workflow_draft *draft, const struct path *path);

/* Readers of a trigger's keys about its events (event_reader); what they say together once its kind
 * is known, and what their expressions read once everything is. */
key_reader event_rule_read, event_schema_read, event_unfit_read; /* struct trigger */
void event_rule_check(struct workflow_draft *draft, struct trigger *trigger,
                      const struct yaml *node);
void event_paths_check(struct workflow_draft *draft);
extern const char *const EVENT_UNFIT_WORDS[]; /* from UNFIT_QUARANTINE on */

/* The fields of a `schema:`, which stand there or in a file beside the workflow. `also`, or NULL,
 * says what else is wrong with them. *out_fields is the node that holds them, NULL when there is
 * none; what is wrong in a file is said with the file's name and line. */
typedef void fields_judge(struct reading *reading, const struct yaml *fields,
                          const struct field_set *set);
void schema_fields_read(struct reading *reading, const struct yaml *node, fields_judge *also,
                        struct field_set *out_set, const struct yaml **out_fields);

/* What a second document brings along, or NULL; and a result's fields among it. */
const struct yaml *schemas_of(const struct yaml_document *documents, uint32_t count);
const struct yaml *schemas_find(const struct yaml *schemas, const struct yaml *result);

/* Puts the files that were read behind the text of the workflow, and their names into it. */
void schema_files_keep(struct workflow_draft *draft);

/* What a result's `schema` is, and later whether `from` can fit it; the units of both. */
key_reader result_schema_read; /* struct result_draft */
void result_schemas_check(struct workflow_draft *draft);

/* Whether what stands there (a member of the template's object) can be the field's value, as far as
 * it is known before anything runs. */
void promise_check(struct workflow_draft *draft, const struct field *field,
                   const struct template *template, const struct yaml_pair *pair);
void promise_check_constant(struct workflow_draft *draft, const struct field *field,
                            const struct yaml *node);

/* Other tables, so that a key in the wrong place is told where it belongs. */
extern const struct key_table WORKFLOW_TABLE, TRIGGER_TABLE, WATCH_TABLE, CRON_TABLE, HTTP_TABLE,
    EVENT_TABLE, QUEUE_TABLE, STEP_TABLE, RETRY_TABLE, STATE_TABLE, RESULT_TABLE, LIMIT_TABLE,
    ATTACHMENT_TABLE, PARAM_TABLE, PRIVACY_TABLE;

/* Says that the text is no unit. */
void measure_say_unit(struct reading *reading, struct slice unit, struct place place);

/* What of a result's `from:` has a unit goes into the rule; what comes back is `from:` with the
 * plain values, in the scratch arena. */
const struct yaml *measures_read(struct reading *reading, const struct yaml *from,
                                 struct result_rule *rule);

/* Which fields of the result are private. */
void privates_read(struct reading *reading, const struct yaml *result, struct result_rule *rule);

/* That a limit has room for what it says, and its name. */
void limit_check(struct workflow_draft *draft, struct result_draft *result);

/* That attachments and `from:` of a result go together. */
void attachments_check(struct reading *reading, const struct yaml *result,
                       const struct result_rule *rule);

/* What a trigger `http` says, or a device's source of that kind; and the words of `stdin` and
 * `http`. */
void trigger_read_http(struct reading *reading, const struct key *key, const struct yaml *node,
                       struct trigger *trigger);
extern const char *const TRIGGER_FORMATS[];

/* Gives the parameters their values, from where the caller's binding has them. */
void workflow_bind(struct workflow_draft *draft);

/* Finds what the names of sources and destinations stand for there; after workflow_bind. */
void workflow_bind_names(struct workflow_draft *draft);

/* Resolves needs and stand-ins, finds cycles, ranks the steps. */
void step_graph_link(struct workflow_draft *draft);

/* Whether such a trigger gives `.event.text`, or `.event.data`; one that is not known may. */
bool draft_trigger_gives(const struct trigger *trigger, bool text);

/* Finds the agents, checks `with:` against their inputs, and what follows from what they are. */
void step_agents_check(struct workflow_draft *draft);

/* Whether a trigger gives events a key, or may. */
bool draft_gives_key(const struct workflow_draft *draft);

/* What steps with `state` say of each other, and of the order in which events are taken. */
void step_states_check(struct workflow_draft *draft);

/* Checks what every expression reads. */
void read_paths_check(struct workflow_draft *draft);

/* Gathers what is not native into workflow->programs and has it compiled. */
void jq_programs_check(struct workflow_draft *draft);

/* True for `${ $params.NAME }` and nothing else: a place that wants a name takes no other
 * expression. */
bool draft_names_param(struct slice text, struct slice *out_param);

/* Calls `each` for every expression of steps, results and lets. */
struct expression_owner {
    enum { OWNED_BY_LET, OWNED_BY_STEP, OWNED_BY_STATE, OWNED_BY_RESULT } kind;
    uint32_t index;
    bool sees_item; /* `.item` stands for something there */
};
void draft_each_expression(struct workflow_draft *draft,
                           void (*each)(struct workflow_draft *draft, struct expression_owner owner,
                                        const struct expression *expression));
