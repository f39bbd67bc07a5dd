// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "hub/api/device_json.h"
#include "hub/api/resources.h"
#include "hub/labels.h"

/* In the order of the route's queries. */
enum { LABEL, AFTER, WORDS, NEED, STATE, SORT, LIMIT };

static const char *const SORTS[] = {"name", "contact", "-contact", "records", "needs"};
enum sort { BY_NAME, BY_CONTACT, BY_CONTACT_DOWN, BY_RECORDS, BY_NEEDS, SORTS_COUNT };

struct wish {
    struct slice label, words;
    unsigned need; /* 0: no matter which */
    int state;     /* -1: no matter which */
    enum sort sort;
    int64_t limit;
    bool goes_on; /* behind this: */
    int64_t after_key;
    struct slice after_name;
};

struct found {
    const struct fleet_device *device;
    int64_t key; /* by which it is sorted, then by its name */
};

/* --- what was asked for --- */

static status read_sort(struct slice text, enum sort *out_sort, struct error *err) {
    for (int i = 0; i < SORTS_COUNT; i++) {
        if (slice_is(text, SORTS[i])) {
            *out_sort = (enum sort)i;
            return STATUS_OK;
        }
    }
    *out_sort = BY_NAME;
    return text.count == 0 ? STATUS_OK
                           : fail(err, STATUS_INVALID,
                                  "sort is name, contact, -contact, records or needs, not '%.*s'",
                                  SLICE_ARGS(slice_part(text, 0, 40)));
}

static status read_state(struct slice text, int *out_state, struct error *err) {
    *out_state = -1;
    for (int i = DEVICE_ACTIVE; i < DEVICE_REMOVED; i++) {
        if (slice_is(text, device_state_name((enum device_state)i))) {
            *out_state = i;
        }
    }
    return text.count == 0 || *out_state >= 0
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "state is active, revoked or left, not '%.*s'",
                      SLICE_ARGS(slice_part(text, 0, 40)));
}

static status read_need(struct slice text, unsigned *out_need, struct error *err) {
    *out_need = slice_is(text, "any") ? ~0U : need_from_name(text);
    return text.count == 0 || *out_need != 0
               ? STATUS_OK
               : fail(err, STATUS_INVALID,
                      "need is any, overdue, alarm, loss, failure, certificate, clock, waiting or "
                      "full, not '%.*s'",
                      SLICE_ARGS(slice_part(text, 0, 40)));
}

/* "NAME", or "KEY NAME" where the order is another than that of names. */
static status read_after(struct slice text, struct wish *wish, struct error *err) {
    char number[24] = "";
    const size_t blank = wish->sort == BY_NAME ? text.count : slice_find(text, ' ');
    wish->goes_on = text.count > 0;
    wish->after_name = text;
    if (!wish->goes_on || wish->sort == BY_NAME) {
        return STATUS_OK;
    }
    if (blank >= text.count || blank >= sizeof(number)) {
        return fail(err, STATUS_INVALID, "after is what the page before says, not '%.*s'",
                    SLICE_ARGS(slice_part(text, 0, 40)));
    }
    (void)memcpy(number, text.bytes, blank);
    wish->after_key = strtoll(number, NULL, 10);
    wish->after_name = slice_part(text, blank + 1, text.count);
    return STATUS_OK;
}

static status read_wish(const struct hub_call *call, struct wish *wish, struct error *err) {
    uint64_t limit = DEVICE_LISTED_MAX;
    const struct slice text = call->queries[LIMIT];
    *wish = (struct wish){.label = call->queries[LABEL], .words = call->queries[WORDS]};
    if (text.count > 0 && (!text_number(text, DEVICE_LISTED_MAX, &limit) || limit == 0)) {
        return fail(err, STATUS_INVALID, "limit is a whole number from 1 to %d", DEVICE_LISTED_MAX);
    }
    wish->limit = (int64_t)limit;
    TRY(read_sort(call->queries[SORT], &wish->sort, err));
    TRY(read_state(call->queries[STATE], &wish->state, err));
    TRY(read_need(call->queries[NEED], &wish->need, err));
    return read_after(call->queries[AFTER], wish, err);
}

/* --- which they are --- */

static bool holds(struct slice text, struct slice words) {
    for (size_t i = 0; i + words.count <= text.count; i++) {
        if (strncasecmp(text.bytes + i, words.bytes, words.count) == 0) {
            return true;
        }
    }
    return false;
}

static status meets(struct hub_call *call, const struct wish *wish,
                    const struct fleet_device *device, bool *out_meets, struct error *err) {
    struct value labels;
    *out_meets = (wish->state < 0 || (int)device->state == wish->state) &&
                 (wish->need == 0 || (device->needs & wish->need) != 0) &&
                 (wish->words.count == 0 || holds(device->name, wish->words) ||
                  holds(device->labels, wish->words));
    if (*out_meets && wish->label.count > 0) {
        TRY(labels_read(call->arena, device->labels, &labels, err));
        *out_meets = labels_meet(labels, wish->label);
    }
    return STATUS_OK;
}

static int64_t key_of(const struct fleet_device *device, enum sort sort) {
    switch (sort) {
    case BY_CONTACT:
        return device->contact_ms;
    case BY_CONTACT_DOWN:
        return -device->contact_ms;
    case BY_RECORDS:
        return -device->stored;
    case BY_NEEDS:
        return -__builtin_popcount(device->needs);
    default:
        return 0;
    }
}

static int compare_names(struct slice a, struct slice b) {
    const size_t count = a.count < b.count ? a.count : b.count;
    const int order = count > 0 ? memcmp(a.bytes, b.bytes, count) : 0;
    return order != 0 ? order : (a.count > b.count) - (a.count < b.count);
}

static int compare(const void *left, const void *right) {
    const struct found *a = left;
    const struct found *b = right;
    return a->key != b->key ? (a->key > b->key) - (a->key < b->key)
                            : compare_names(a->device->name, b->device->name);
}

static status find(struct hub_call *call, const struct wish *wish, const struct fleet *fleet,
                   struct found **out_found, int64_t *out_count, struct error *err) {
    struct found *found = arena_get(call->arena, (size_t)fleet->count + 1, sizeof(*found));
    int64_t count = 0;
    if (found == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a list of devices");
    }
    for (int i = 0; i < fleet->count; i++) {
        bool is_one = false;
        TRY(meets(call, wish, &fleet->devices[i], &is_one, err));
        if (is_one) {
            found[count++] = (struct found){.device = &fleet->devices[i],
                                            .key = key_of(&fleet->devices[i], wish->sort)};
        }
    }
    qsort(found, (size_t)count, sizeof(*found), compare);
    *out_found = found;
    *out_count = count;
    return STATUS_OK;
}

static bool is_behind(const struct wish *wish, const struct found *found) {
    return !wish->goes_on || found->key > wish->after_key ||
           (found->key == wish->after_key &&
            compare_names(found->device->name, wish->after_name) > 0);
}

/* --- the page --- */

static void write_after(struct buffer *out, const struct wish *wish, const struct found *last) {
    if (last == NULL) {
        hub_call_write_text(out, "after", SLICE(""));
    } else if (wish->sort == BY_NAME) {
        hub_call_write_text(out, "after", last->device->name);
    } else { /* a name has no sign that JSON would have to escape */
        buffer_print(out, "\"after\":\"%lld %.*s\"", (long long)last->key,
                     SLICE_ARGS(last->device->name));
    }
}

status hub_device_list(struct hub_call *call, struct database *database, struct error *err) {
    struct wish wish;
    struct fleet fleet;
    struct found *found = NULL;
    int64_t total = 0;
    int64_t shown = 0;
    int64_t at = 0;
    TRY(read_wish(call, &wish, err));
    TRY(fleet_load(database, call->arena, call->now_ms, call->settings->overdue_ms, &fleet, err));
    TRY(find(call, &wish, &fleet, &found, &total, err));
    buffer_add_text(&call->out, "{\"devices\":[");
    for (; at < total && shown < wish.limit; at++) {
        if (is_behind(&wish, &found[at])) {
            buffer_print(&call->out, "%s{", shown > 0 ? "," : "");
            device_json_write_known(&call->out, found[at].device);
            buffer_add_byte(&call->out, '}');
            shown++;
        }
    }
    buffer_print(&call->out, "],\"total\":%lld,", (long long)total);
    write_after(&call->out, &wish, at < total && shown > 0 ? &found[at - 1] : NULL);
    buffer_add_text(&call->out, "}\n");
    return buffer_status(&call->out, err);
}
