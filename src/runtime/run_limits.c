// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_limits.h"

#include <string.h>

#include "platform/json.h"
#include "runtime/key_order.h"
#include "runtime/late_results.h"
#include "runtime/run_states.h"
#include "runtime/slot_states.h"

enum {
    LIMIT_KEYS_MAX = 1000,
    HELD_WRITE_MS = 5000,
    TURN_BYTES_MAX = 1 << 20,
    LAST_BYTES_MAX = 64 << 10 /* of a result that waits */
};

static const int64_t KEPT_AFTER_MS = INT64_C(30) * 24 * 3600 * 1000;

/* Where a limit stands. */
struct turn {
    int64_t free_ns;   /* when all of its room is there again */
    int64_t held;      /* since the last one that passed */
    struct value last; /* what waits: an object of texts; null: nothing */
};

int64_t run_limits_ttl_ms(const struct limit *limit) {
    return limit->span_ms + KEPT_AFTER_MS;
}

/* --- on a worker --- */
static status render_key(struct run *run, const struct limit *limit, struct slice *out_key,
                         struct error *err) {
    struct value value;
    *out_key = SLICE("all");
    if (limit->by == NULL) {
        return STATUS_OK;
    }
    TRY(template_render(limit->by, &run->context, &value, err));
    if (value.kind == VALUE_TEXT && value.count > 0 && value.count <= EVENT_KEY_BYTES_MAX) {
        *out_key = value_text(value);
        return STATUS_OK;
    }
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, EVENT_KEY_BYTES_MAX);
    json_write(&json, value);
    if (json.failed == STATUS_FULL) {
        return fail(err, STATUS_INVALID, "`by` of its limit gives more than %d bytes",
                    EVENT_KEY_BYTES_MAX);
    }
    TRY(buffer_status(&json, err));
    *out_key = arena_copy(&run->arena, buffer_slice(&json));
    return out_key->bytes != NULL ? STATUS_OK : fail(err, STATUS_FULL, "the run is too large");
}

status run_limits_note(struct run *run, const struct result_rule *rule, struct error *err) {
    struct slice key;
    if (rule->limit.count == 0) {
        return STATUS_OK;
    }
    TRY(render_key(run, &rule->limit, &key, err));
    run->limited[run->limited_count++] =
        (struct limited){.record = run->record_count - 1, .limit = &rule->limit, .key = key};
    return STATUS_OK;
}

/* --- where a limit stands, as text --- */
static int64_t integer(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL && found->kind == VALUE_INTEGER ? found->integer : 0;
}

/* Over a restart of the machine by the wall clock; where that cannot be right there is room: one
 * too many is better than silence. */
static struct turn read_turn(struct arena *arena, const struct limit *limit, struct slice text,
                             const struct moment *now) {
    struct turn turn = {0};
    struct value value;
    struct id boot = {0};
    if (text.count == 0 || json_read(arena, text, &value, NULL) != STATUS_OK) {
        return turn;
    }
    const struct value *of = value_get(value, SLICE("boot"));
    const struct value *last = value_get(value, SLICE("last"));
    turn.held = integer(value, "held");
    turn.last = last != NULL ? *last : turn.last;
    if (of != NULL && id_read(value_text(*of), &boot) && id_equal(boot, clock_boot_id())) {
        turn.free_ns = integer(value, "free_ns");
    } else if (now->quality != CLOCK_BAD) {
        int64_t left_ms = integer(value, "free_ms") - now->wall_ms;
        left_ms = left_ms > limit->span_ms ? limit->span_ms : left_ms;
        turn.free_ns = now->boot_ns + left_ms * 1000000;
    }
    return turn;
}

static struct slice write_turn(struct arena *arena, const struct turn *turn,
                               const struct moment *now) {
    char boot[ID_HEX_BYTES + 1];
    const int64_t free_ms = now->wall_ms + (turn->free_ns - now->boot_ns) / 1000000;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, TURN_BYTES_MAX);
    id_write_hex(clock_boot_id(), boot);
    buffer_print(&text, "{\"boot\":\"%s\",\"free_ns\":%lld,\"free_ms\":%lld,\"held\":%lld", boot,
                 (long long)turn->free_ns, (long long)free_ms, (long long)turn->held);
    if (turn->last.kind == VALUE_OBJECT) {
        buffer_add_text(&text, ",\"last\":");
        json_write(&text, turn->last);
    }
    buffer_add_byte(&text, '}');
    return text.failed == STATUS_OK ? arena_copy(arena, buffer_slice(&text)) : (struct slice){0};
}

/* --- on the loop --- */

/* When there is room for one more. */
static int64_t due_ns(const struct turn *turn, const struct limit *limit) {
    return turn->free_ns - limit->span_ms * 1000000 / limit->count * (limit->count - 1);
}

/* Moves the turn when there is room for one more. */
static bool passes(struct turn *turn, const struct limit *limit, int64_t now_ns) {
    if (now_ns < due_ns(turn, limit)) {
        return false;
    }
    turn->free_ns =
        (turn->free_ns > now_ns ? turn->free_ns : now_ns) + limit->span_ms * 1000000 / limit->count;
    return true;
}

/* With a field more; empty when there is no room. */
static struct slice add_held(struct arena *arena, struct slice body, int64_t held) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, RECORD_BYTES_MAX);
    if (!slice_ends(body, "}")) {
        return (struct slice){0};
    }
    buffer_add(&json, slice_part(body, 0, body.count - 1));
    buffer_print(&json, "%s\"held\":%lld}", body.count > 2 ? "," : "", (long long)held);
    return json.failed == STATUS_OK ? arena_copy(arena, buffer_slice(&json)) : (struct slice){0};
}

/* Without room it stays as it is, and the number is for the next one. */
static bool say_held(struct run *run, struct record_draft *draft, int64_t held) {
    const struct slice longer = add_held(&run->arena, draft->record.body, held);
    draft->record.body = longer.bytes != NULL ? longer : draft->record.body;
    return longer.bytes != NULL;
}

static struct member text_member(const char *name, struct slice text) {
    return (struct member){.name = slice_of(name), .value = value_of_text(text)};
}

/* What is kept of a result that waits; null for one that is too large: it is counted. */
static struct value waiting(struct run *run, uint32_t record) {
    const struct record_draft *draft = &run->records[record];
    const bool two = record + 1 < run->record_count && draft[1].aside;
    const struct slice aside = two ? draft[1].record.body : (struct slice){0};
    struct value last = {.kind = VALUE_NULL};
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(run->id, hex);
    struct member *members = draft->record.body.count + aside.count <= LAST_BYTES_MAX
                                 ? value_new_object(&run->arena, 4, &last)
                                 : NULL;
    if (members == NULL) {
        return (struct value){.kind = VALUE_NULL};
    }
    members[0] = text_member("run", run_keep_text(run, hex));
    members[1] = text_member("key", draft->key);
    members[2] = text_member("body", draft->record.body);
    members[3] = text_member("aside", aside);
    return last;
}

/* With what is aside of it. Gives how many went. */
static uint32_t take_out(struct run *run, uint32_t record) {
    const bool two = record + 1 < run->record_count && run->records[record + 1].aside;
    const uint32_t count = two ? 2 : 1;
    run->record_count -= count;
    (void)memmove(&run->records[record], &run->records[record + count],
                  (run->record_count - record) * sizeof(*run->records));
    return count;
}

/* What is sent, or waits, is on disk with the run's end. */
static struct state_put turn_put(const struct workflow *workflow, const struct limit *limit,
                                 struct slice key, struct slice value, const struct moment *now) {
    return (struct state_put){.name = limit->state,
                              .key = key,
                              .value = value,
                              .expires_ns = now->boot_ns + run_limits_ttl_ms(limit) * 1000000,
                              .keys_max = LIMIT_KEYS_MAX,
                              .on_disk = workflow->state_durability.mode != DURABILITY_NONE};
}

static void keep_turn(struct run *run, const struct limited *one, const struct turn *turn,
                      bool passed, const struct moment *now) {
    const struct workflow *workflow = run->version->workflow;
    const struct durability *durability = &workflow->state_durability;
    const bool each = durability->mode == DURABILITY_EACH;
    const bool at_once = each && (passed || turn->last.kind == VALUE_OBJECT);
    const struct slice value = write_turn(&run->arena, turn, now);
    struct state_put put = turn_put(workflow, one->limit, one->key, value, now);
    if (value.bytes == NULL) {
        return; /* it stands as before: one too many, perhaps */
    }
    if (put.on_disk && !at_once) {
        put.later_ms = each ? HELD_WRITE_MS : durability->interval_ms;
    }
    if (!slot_states_put(run->slot, run->version, &put)) {
        return;
    }
    if (turn->last.kind == VALUE_OBJECT) {
        late_results_wait(run->slot, due_ns(turn, one->limit));
    }
    if (at_once) {
        run->states[run->state_count++] =
            (struct state_write){.step = put.name,
                                 .key = put.key,
                                 .value = value,
                                 .expires_wall_ms = run_states_wall_ms(put.expires_ns)};
    }
}

/* Gives how many records it took out. */
static uint32_t apply(struct run *run, const struct limited *one, uint32_t record) {
    uint32_t gone = 0;
    const struct moment now = clock_now();
    const struct slice before = slot_states_find(run->slot, one->limit->state, one->key);
    struct turn turn = read_turn(&run->arena, one->limit, before, &now);
    const bool passed = passes(&turn, one->limit, now.boot_ns);
    turn.last = (struct value){.kind = VALUE_NULL}; /* a newer one passes, or waits in its place */
    if (!passed) {
        turn.held++;
        run->slot->counts.held++;
        if (one->limit->over == OVER_LAST) {
            turn.last = waiting(run, record);
        }
        gone = take_out(run, record);
    } else if (one->limit->over == OVER_DROP || say_held(run, &run->records[record], turn.held)) {
        turn.held = 0;
    }
    keep_turn(run, one, &turn, passed, &now);
    return gone;
}

static struct slice text_of(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL ? value_text(*found) : (struct slice){0};
}

bool run_limits_late(const struct workflow *workflow, const struct limit *limit, struct slice key,
                     struct slice kept, struct arena *arena, struct late *out_late) {
    const struct moment now = clock_now();
    struct turn turn = read_turn(arena, limit, kept, &now);
    struct late late = {.due_ns = due_ns(&turn, limit),
                        .key = text_of(turn.last, "key"),
                        .aside = text_of(turn.last, "aside")};
    if (turn.last.kind != VALUE_OBJECT || !id_read(text_of(turn.last, "run"), &late.run)) {
        return false;
    }
    late.body = add_held(arena, text_of(turn.last, "body"), turn.held - 1);
    turn.held = 0;
    turn.last = (struct value){.kind = VALUE_NULL};
    (void)passes(&turn, limit, now.boot_ns);
    late.turn = turn_put(workflow, limit, key, write_turn(arena, &turn, &now), &now);
    *out_late = late;
    return late.body.bytes != NULL && late.turn.value.bytes != NULL;
}

void run_limits_apply(struct run *run) {
    uint32_t gone = 0;
    for (uint32_t i = 0; i < run->limited_count; i++) {
        gone += apply(run, &run->limited[i], run->limited[i].record - gone);
    }
    run->limited_count = 0;
}
