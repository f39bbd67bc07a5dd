// SPDX-License-Identifier: Apache-2.0
#include "runtime/triggers/http_feed.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "platform/json.h"

struct http_feed {
    struct feed feed;              /* first */
    const struct trigger *trigger; /* the workflow's, which outlives the feed */
};

static void tell(struct http_post *post, enum http_post_end end, status code,
                 const char *sentence) {
    struct error err;
    post->event = NULL;
    (void)fail(&err, code, "%s", sentence);
    post->ended(post, end, &err);
}

/* --- what came --- */

static bool is_type(struct slice type, const char *name) {
    return type.count == strlen(name) && strncasecmp(type.bytes, name, type.count) == 0;
}

static bool begins_with(struct slice type, const char *name) {
    return type.count > strlen(name) && strncasecmp(type.bytes, name, strlen(name)) == 0;
}

static bool ends_with(struct slice type, const char *name) {
    return type.count > strlen(name) &&
           is_type(slice_part(type, type.count - strlen(name), type.count), name);
}

/* "text/plain; charset=utf-8": the type, and whether its letters are ours. */
static struct slice media_type(struct slice content_type, bool *out_utf8) {
    const size_t end = slice_find(content_type, ';');
    struct slice rest = slice_part(content_type, end, content_type.count);
    *out_utf8 = true;
    while (rest.count > 0) {
        rest = slice_part(rest, 1, rest.count);
        const size_t next = slice_find(rest, ';');
        const struct slice parameter = slice_trim(slice_part(rest, 0, next));
        if (begins_with(parameter, "charset=")) {
            struct slice set = slice_part(parameter, strlen("charset="), parameter.count);
            if (slice_starts(set, "\"") && slice_ends(set, "\"") && set.count > 1) {
                set = slice_part(set, 1, set.count - 1);
            }
            *out_utf8 = is_type(set, "utf-8") || is_type(set, "utf8") || is_type(set, "us-ascii");
        }
        rest = slice_part(rest, next, rest.count);
    }
    return slice_trim(slice_part(content_type, 0, end));
}

static const char *const WANTED[] = {
    [HTTP_JSON] = "application/json",
    [HTTP_TEXT] = "text/plain",
    [HTTP_EITHER] = "application/json or text/plain",
};

/* false: it is of another type than the trigger accepts, and that was told. */
static bool read_type(const struct http_feed *http, struct http_post *post, bool *out_text) {
    const enum http_accept accept = http->trigger->accept;
    bool utf8 = false;
    const struct slice type = media_type(post->content_type, &utf8);
    const bool json = is_type(type, "application/json") || ends_with(type, "+json");
    const bool text = begins_with(type, "text/");
    const bool fits =
        type.count == 0 || (json && accept != HTTP_TEXT) || (text && accept != HTTP_JSON);
    *out_text = type.count == 0 ? accept == HTTP_TEXT : text;
    if (fits && utf8) {
        return true;
    }
    struct error err;
    (void)fail(&err, STATUS_INVALID, "`Content-Type: %.*s`: this workflow takes %s%s",
               SLICE_ARGS(slice_part(post->content_type, 0, 100)), WANTED[accept],
               fits ? ", in UTF-8" : "");
    post->ended(post, POST_WRONG_TYPE, &err);
    return false;
}

static status fill(const struct http_feed *http, const struct http_post *post, bool is_text,
                   struct event *event, struct error *err) {
    struct event_extra extra = {.name = is_text ? "text" : "data"};
    event->source = http->trigger->source;
    event->type = SLICE("message");
    event->id = arena_copy(&event->arena, post->key);
    if (is_text) {
        CLEANUP(buffer_done) struct buffer text;
        buffer_init(&text, (size_t)EVENT_TEXT_BYTES_MAX * 3);
        (void)text_repair(&text, post->body);
        TRY(buffer_status(&text, err));
        extra.value = value_of_text(arena_copy(&event->arena, buffer_slice(&text)));
    } else if (slice_trim(post->body).count == 0) {
        return fail(err, STATUS_INVALID, "the body is empty: it is one JSON value");
    } else {
        TRY(json_read(&event->arena, post->body, &extra.value, err));
    }
    return event_seal(event, &extra, 1, err);
}

static void refuse(struct http_post *post, struct error *err) {
    const enum http_post_end end = err->code == STATUS_INVALID ? POST_INVALID
                                   : err->code == STATUS_FULL  ? POST_TOO_LARGE
                                                               : POST_BUSY;
    (void)fail_while(err, "take the event");
    post->ended(post, end, err);
}

/* Letters that one sees: it stands in listings and logs. */
static bool is_key(struct slice key) {
    bool shown = key.count <= HTTP_KEY_BYTES_MAX;
    for (size_t i = 0; i < key.count && shown; i++) {
        shown = key.bytes[i] >= ' ' && key.bytes[i] <= '~';
    }
    return shown;
}

/* --- what becomes of it --- */

static void settled(struct event *event, enum event_outcome outcome) {
    struct http_post *post = event->trigger;
    switch (outcome) {
    case EVENT_STORED:
    case EVENT_KEPT:
        tell(post, POST_TAKEN, STATUS_OK, "");
        return;
    case EVENT_ASIDE:
        tell(post, POST_ASIDE, STATUS_INVALID, (const char *)event->unfit.bytes);
        return;
    case EVENT_DROPPED:
        tell(post, POST_FULL, STATUS_BUSY,
             "the queue is full, and by its policy this event has no place in it");
        return;
    case EVENT_REFUSED:
        tell(post, POST_BUSY, STATUS_BUSY,
             "the event was not taken: the daemon ends, the workflow "
             "was stopped, or there is no memory");
        return;
    }
}

/* An event that its key names is not taken again. */
static bool is_known(const struct feed_door *door, const struct event *event,
                     struct http_post *post) {
    if (event->seen_hash == 0) {
        return false;
    }
    if (door->seen(door->owner, event->source, event->seen_hash) ||
        door->kept(door->owner, event->seen_hash)) {
        tell(post, POST_KNOWN, STATUS_OK, "");
        return true;
    }
    if (door->under_way(door->owner, event->seen_hash)) {
        tell(post, POST_UNDER_WAY, STATUS_CONFLICT,
             "an event of this key is being taken and not yet on disk");
        return true;
    }
    return false;
}

/* Its id is the workflow's where that says one; the key's else. */
static struct event *make_event(const struct http_feed *http, struct http_post *post) {
    struct error err;
    bool is_text = false;
    if (!is_key(post->key)) {
        tell(post, POST_INVALID, STATUS_INVALID,
             "an Idempotency-Key has at most 255 letters, digits and signs of ASCII");
        return NULL;
    }
    if (!read_type(http, post, &is_text)) {
        return NULL;
    }
    struct event *event = event_new();
    const status code = event != NULL ? fill(http, post, is_text, event, &err)
                                      : fail(&err, STATUS_NO_MEMORY, "out of memory");
    if (code != STATUS_OK) {
        event_destroy(event);
        refuse(post, &err);
        return NULL;
    }
    return event;
}

static void wait_for(struct http_post *post, struct event *event) {
    event->settle = settled;
    event->trigger = post;
    post->event = event;
}

static void give_unfit(const struct http_feed *http, struct http_post *post, struct event *event,
                       const struct error *err) {
    const struct feed_door *door = &http->feed.door;
    const bool dropped = http->trigger->unfit == UNFIT_DROP;
    if (!dropped) {
        wait_for(post, event);
    }
    door->unfit(door->owner, http->trigger, event, err);
    if (dropped) {
        tell(post, POST_UNFIT, STATUS_INVALID, err->text);
    }
}

void http_feed_post(struct feed *feed, struct http_post *post) {
    const struct http_feed *http = (const struct http_feed *)feed;
    const struct feed_door *door = &feed->door;
    struct error err;
    struct event *event = make_event(http, post);
    if (event == NULL) {
        return;
    }
    const status shaped = event_shape(http->trigger, &door->scope, event, &err);
    if (is_known(door, event, post)) {
        event_destroy(event);
    } else if (door->room(door->owner) == 0) {
        event_destroy(event);
        tell(post, POST_FULL, STATUS_BUSY, "the queue of the workflow is full");
    } else if (shaped == STATUS_INVALID) {
        give_unfit(http, post, event, &err);
    } else if (shaped != STATUS_OK) {
        event_destroy(event);
        refuse(post, &err);
    } else {
        wait_for(post, event);
        door->offer(door->owner, event);
    }
}

void http_post_forget(struct http_post *post) {
    if (post->event != NULL) {
        post->event->settle = NULL;
        post->event = NULL;
    }
}

/* --- the feed: events come by http_feed_post --- */

static void http_resume(struct feed *feed) {
    (void)feed;
}

static void http_close(struct feed *feed) {
    memory_free(feed);
}

static status http_open(const struct trigger *trigger, const struct feed_door *door,
                        struct feed **out_feed, struct error *err) {
    struct http_feed *http = memory_new(1, sizeof(*http));
    if (http == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the trigger `http`");
    }
    *http = (struct http_feed){.feed = {.kind = &HTTP_FEED, .door = *door}, .trigger = trigger};
    *out_feed = &http->feed;
    return STATUS_OK;
}

const struct feed_kind HTTP_FEED = {
    .open = http_open,
    .resume = http_resume,
    .close = http_close,
};
