// SPDX-License-Identifier: Apache-2.0
/* What is posted is told how it ended, once; an event that is offered was JSON or text of the kind
 * that its type says, fits the schema, and can be kept and read again. The input is a content type,
 * a key and a body, a line each. */
#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"
#include "runtime/triggers/http_feed.h"
#include "wire/workflow.h"

#include "libfyaml_leaks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static const char TEXT[] =
    "ebb: 1\n"
    "workflow: w\n"
    "trigger:\n"
    "  - http: json\n"
    "    schema: { t: { type: number, max: 60 }, n: { type: any, optional: true } }\n"
    "    event:\n"
    "      id: ${ \"\\(.data.n)#\\(.data.t)\" }\n"
    "      time: ${ .data.ts }\n"
    "      key: ${ .data.n }\n"
    "      set: { cold: \"${ .data.t < 0 }\" }\n"
    "results: [ { name: r, from: { a: 1 } } ]\n";
static const char EITHER[] = "ebb: 1\n"
                             "workflow: w\n"
                             "trigger: { http: {} }\n"
                             "results: [ { name: r, from: { a: 1 } } ]\n";

static int ended, offered;

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void note(struct http_post *post, enum http_post_end end, const struct error *err) {
    (void)post;
    ended++;
    need((end == POST_TAKEN || end == POST_KNOWN) == (err->code == STATUS_OK));
}

static uint32_t room(void *owner) {
    (void)owner;
    return 1;
}

static void offer(void *owner, struct event *event) {
    struct buffer json;
    struct event *again = NULL;
    (void)owner;
    offered++;
    buffer_init(&json, EVENT_BYTES_MAX);
    if (event_write(event, &json, NULL) == STATUS_OK) {
        need(event_read(buffer_slice(&json), &again, NULL) == STATUS_OK);
        need(slice_equal(again->key, event->key) && slice_equal(again->id, event->id));
        event_destroy(again);
    }
    buffer_done(&json);
    event_settle(event, EVENT_KEPT);
    event_destroy(event);
}

static void unfit(void *owner, const struct trigger *trigger, struct event *event,
                  const struct error *err) {
    (void)owner;
    need(trigger->unfit == UNFIT_QUARANTINE && err->code != STATUS_OK);
    event->unfit = slice_of(err->text);
    event_settle(event, EVENT_ASIDE);
    event->unfit = (struct slice){0};
    event_destroy(event);
}

static bool seen(void *owner, struct slice source, uint64_t hash) {
    (void)owner;
    (void)source;
    return hash % 8 == 0;
}

static bool under_way(void *owner, uint64_t hash) {
    (void)owner;
    return hash % 8 == 1;
}

static bool kept(void *owner, uint64_t hash) {
    return under_way(owner, hash / 8);
}

static struct feed *open_feed(const char *text, struct workflow **out_workflow) {
    const struct workflow_doors doors = {0};
    const struct feed_door door = {.room = room,
                                   .offer = offer,
                                   .unfit = unfit,
                                   .seen = seen,
                                   .under_way = under_way,
                                   .kept = kept};
    struct fault_list *faults = NULL;
    struct feed *feed = NULL;
    struct error err;
    need(workflow_read(SLICE("w"), slice_of(text), &doors, out_workflow, &faults, &err) ==
         STATUS_OK);
    fault_list_release(faults);
    need(feed_open(&(*out_workflow)->triggers[0], &door, &feed, &err) == STATUS_OK);
    return feed;
}

static struct slice take_line(struct slice *rest) {
    const size_t end = slice_find(*rest, '\n');
    const struct slice line = slice_part(*rest, 0, end);
    *rest = slice_part(*rest, end + 1, rest->count);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static struct workflow *workflows[2]; /* as long as the process */
    static struct feed *feeds[2];
    struct slice rest = {.bytes = (const char *)bytes, .count = count};
    if (feeds[0] == NULL) {
        feeds[0] = open_feed(TEXT, &workflows[0]);
        feeds[1] = open_feed(EITHER, &workflows[1]);
    }
    struct http_post post = {.ended = note};
    post.content_type = take_line(&rest);
    post.key = take_line(&rest);
    post.body = rest;
    for (int i = 0; i < 2; i++) {
        ended = offered = 0;
        http_feed_post(feeds[i], &post);
        need(ended == 1 && offered <= 1);
    }
    return 0;
}
