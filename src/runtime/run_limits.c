// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_limits.h"

#include <string.h>

#include "platform/json.h"
#include "runtime/key_order.h"
#include "runtime/run_states.h"
#include "runtime/slot_states.h"

enum { LIMIT_KEYS_MAX = 1000, HELD_WRITE_MS = 5000, TURN_BYTES_MAX = 256 };

static const int64_t KEPT_AFTER_MS = INT64_C(30) * 24 * 3600 * 1000;

/* Where a limit stands. */
struct turn {
    int64_t free_ns; /* when all of its room is there again */
    int64_t held;    /* since the last one that passed */
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
static struct turn read_turn(struct run *run, const struct limit *limit, struct slice text,
                             const struct moment *now) {
    struct turn turn = {0};
    struct value value;
    struct id boot = {0};
    if (text.count == 0 || json_read(&run->arena, text, &value, NULL) != STATUS_OK) {
        return turn;
    }
    const struct value *of = value_get(value, SLICE("boot"));
    turn.held = integer(value, "held");
    if (of != NULL && id_read(value_text(*of), &boot) && id_equal(boot, clock_boot_id())) {
        turn.free_ns = integer(value, "free_ns");
    } else if (now->quality != CLOCK_BAD) {
        int64_t left_ms = integer(value, "free_ms") - now->wall_ms;
        left_ms = left_ms > limit->span_ms ? limit->span_ms : left_ms;
        turn.free_ns = now->boot_ns + left_ms * 1000000;
    }
    return turn;
}

static struct slice write_turn(struct run *run, const struct turn *turn, const struct moment *now) {
    char boot[ID_HEX_BYTES + 1];
    const int64_t free_ms = now->wall_ms + (turn->free_ns - now->boot_ns) / 1000000;
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, TURN_BYTES_MAX);
    id_write_hex(clock_boot_id(), boot);
    buffer_print(&text, "{\"boot\":\"%s\",\"free_ns\":%lld,\"free_ms\":%lld,\"held\":%lld}", boot,
                 (long long)turn->free_ns, (long long)free_ms, (long long)turn->held);
    return arena_copy(&run->arena, buffer_slice(&text));
}

/* --- on the loop --- */

/* Moves the turn when there is room for one more. */
static bool passes(struct turn *turn, const struct limit *limit, int64_t now_ns) {
    const int64_t each_ns = limit->span_ms * 1000000 / limit->count;
    const int64_t ahead_ns = each_ns * (limit->count - 1);
    if (now_ns < turn->free_ns - ahead_ns) {
        return false;
    }
    turn->free_ns = (turn->free_ns > now_ns ? turn->free_ns : now_ns) + each_ns;
    return true;
}

/* With a field more; without room it stays as it is, and the number is for the next one. */
static bool add_held(struct run *run, struct record_draft *draft, int64_t held) {
    const struct slice body = draft->record.body;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, RECORD_BYTES_MAX);
    if (!slice_ends(body, "}")) {
        return false;
    }
    buffer_add(&json, slice_part(body, 0, body.count - 1));
    buffer_print(&json, "%s\"held\":%lld}", body.count > 2 ? "," : "", (long long)held);
    const struct slice longer =
        json.failed == STATUS_OK ? arena_copy(&run->arena, buffer_slice(&json)) : (struct slice){0};
    draft->record.body = longer.bytes != NULL ? longer : body;
    return longer.bytes != NULL;
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

static void keep_turn(struct run *run, const struct limited *one, const struct turn *turn,
                      bool passed, const struct moment *now) {
    const struct durability *durability = &run->version->workflow->state_durability;
    const bool each = durability->mode == DURABILITY_EACH;
    const struct slice value = write_turn(run, turn, now);
    struct state_put put = {.name = one->limit->state,
                            .key = one->key,
                            .value = value,
                            .expires_ns = now->boot_ns + run_limits_ttl_ms(one->limit) * 1000000,
                            .keys_max = LIMIT_KEYS_MAX,
                            .on_disk = durability->mode != DURABILITY_NONE};
    if (value.bytes == NULL) {
        return; /* it stands as before: one too many, perhaps */
    }
    if (put.on_disk && !(each && passed)) {
        put.later_ms = each ? HELD_WRITE_MS : durability->interval_ms;
    }
    if (!slot_states_put(run, &put) || !each || !passed) {
        return;
    }
    run->states[run->state_count++] =
        (struct state_write){.step = put.name,
                             .key = put.key,
                             .value = value,
                             .expires_wall_ms = run_states_wall_ms(put.expires_ns)};
}

/* Gives how many records it took out. */
static uint32_t apply(struct run *run, const struct limited *one, uint32_t record) {
    uint32_t gone = 0;
    const struct moment now = clock_now();
    const struct slice before = slot_states_find(run->slot, one->limit->state, one->key);
    struct turn turn = read_turn(run, one->limit, before, &now);
    const bool passed = passes(&turn, one->limit, now.boot_ns);
    if (!passed) {
        turn.held++;
        run->slot->counts.held++;
        gone = take_out(run, record);
    } else if (one->limit->drops || add_held(run, &run->records[record], turn.held)) {
        turn.held = 0;
    }
    keep_turn(run, one, &turn, passed, &now);
    return gone;
}

void run_limits_apply(struct run *run) {
    uint32_t gone = 0;
    for (uint32_t i = 0; i < run->limited_count; i++) {
        gone += apply(run, &run->limited[i], run->limited[i].record - gone);
    }
    run->limited_count = 0;
}
