// SPDX-License-Identifier: Apache-2.0
/*
 * stdin_feed: a line of standard input is an event: one JSON value, or text.
 *
 * Reads only while there is room. A line that is no JSON, or longer than an event's text may be, is
 * refused with its number, and the next one is taken. The end of the input ends the feed.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/json.h"
#include "runtime/triggers/feed.h"

enum { CHUNK_BYTES = 64 * 1024, LINE_BYTES_MAX = EVENT_TEXT_BYTES_MAX, MEMORY_PAUSE_MS = 50 };

struct stdin_feed {
    struct feed feed;              /* first */
    const struct trigger *trigger; /* the workflow's, which outlives the feed */
    struct poll *poll;             /* NULL while there is no room, and where nothing is polled */
    bool polled;                   /* not so for regular files */
    struct timer *timer;           /* reads what is not polled, and tries again without memory */
    struct buffer bytes;           /* read and not yet a whole line */
    uint64_t line;
    bool skipping; /* inside a line that is too long */
    bool ended;
    bool paused; /* for want of memory: the timer goes on */
    bool told;   /* that it has ended */
};

static struct stdin_feed *stdin_of(struct feed *feed) {
    return (struct stdin_feed *)feed;
}

static void refuse(struct stdin_feed *in, struct error *err) {
    (void)fail_while(err, "standard input, line %llu", (unsigned long long)in->line);
    in->feed.door.refused(in->feed.door.owner, err);
}

static status make_event(const struct stdin_feed *in, struct slice line, enum stdin_format format,
                         struct event *event, struct error *err) {
    event->source = in->trigger->source.count > 0 ? in->trigger->source : SLICE("stdin");
    event->type = SLICE("message");
    struct event_extra extra = {.name = "data"};
    if (format == STDIN_JSON) {
        TRY(json_read(&event->arena, line, &extra.value, err));
    } else {
        CLEANUP(buffer_done) struct buffer text;
        buffer_init(&text, (size_t)LINE_BYTES_MAX * 3);
        (void)text_repair(&text, line);
        TRY(buffer_status(&text, err));
        extra.name = "text";
        extra.value = value_of_text(arena_copy(&event->arena, buffer_slice(&text)));
    }
    return event_seal(event, &extra, 1, err);
}

/* A line that cannot be read is text that does not fit, where the trigger says what becomes of
 * such; else it is refused. false: there is no memory for it now. */
static bool give_up(struct stdin_feed *in, struct slice line, struct error *err) {
    struct event *event = NULL;
    if (in->trigger->unfit == UNFIT_REFUSE) {
        refuse(in, err);
        return true;
    }
    event = event_new();
    if (event == NULL || make_event(in, line, STDIN_TEXT, event, NULL) != STATUS_OK) {
        event_destroy(event);
        return false;
    }
    (void)fail_while(err, "line %llu", (unsigned long long)in->line);
    in->feed.door.unfit(in->feed.door.owner, in->trigger, event, err);
    return true;
}

/* Files that come from other systems begin with a byte order mark and end their lines with CR LF.
 */
static struct slice plain_line(const struct stdin_feed *in, struct slice line) {
    if (in->line == 1 && slice_starts(line, "\xef\xbb\xbf")) {
        line = slice_part(line, 3, line.count);
    }
    return slice_ends(line, "\r") ? slice_part(line, 0, line.count - 1) : line;
}

/* false: there is no memory for it now. */
static bool take_line(struct stdin_feed *in, struct slice line) {
    in->line++;
    line = plain_line(in, line);
    if (slice_trim(line).count == 0) {
        return true;
    }
    struct error err;
    struct event *event = event_new();
    const status made =
        event != NULL ? make_event(in, line, in->trigger->format, event, &err) : STATUS_NO_MEMORY;
    bool taken = made != STATUS_NO_MEMORY;
    if (made == STATUS_OK) {
        taken = feed_give(&in->feed, event);
    } else {
        event_destroy(event);
    }
    if (taken && made != STATUS_OK) {
        taken = give_up(in, line, &err);
    }
    in->line -= taken ? 0 : 1;
    return taken;
}

/* What stays in the buffer, or in the pipe, is taken when there may be memory again. */
static void pause_reading(struct stdin_feed *in) {
    in->bytes.failed = STATUS_OK;
    in->paused = true;
    poll_close(in->poll);
    in->poll = NULL;
    timer_set(in->timer, MEMORY_PAUSE_MS);
}

/* Offers whole lines while there is room; what is left stays for the next time. */
static void take_lines(struct stdin_feed *in) {
    size_t used = 0;
    const struct slice all = buffer_slice(&in->bytes);
    in->paused = false;
    while (used < all.count && in->feed.door.room(in->feed.door.owner) > 0) {
        const struct slice rest = slice_part(all, used, all.count);
        const size_t end = slice_find(rest, '\n');
        if (end == rest.count && !in->ended) {
            break;
        }
        if (in->skipping) {
            in->skipping = false;
            in->line++;
        } else if (!take_line(in, slice_part(rest, 0, end))) {
            pause_reading(in);
            break;
        }
        used += end < rest.count ? end + 1 : end;
    }
    buffer_drop(&in->bytes, used);
    if (!in->skipping && in->bytes.count > LINE_BYTES_MAX &&
        slice_find(buffer_slice(&in->bytes), '\n') == in->bytes.count) {
        struct error err;
        in->line++;
        (void)fail(&err, STATUS_INVALID, "longer than %d bytes", LINE_BYTES_MAX);
        refuse(in, &err);
        in->line--; /* counted where the line ends */
        in->skipping = true;
    }
    if (in->skipping && slice_find(buffer_slice(&in->bytes), '\n') == in->bytes.count) {
        buffer_clear(&in->bytes);
    }
}

static void stop_reading(struct stdin_feed *in) {
    poll_close(in->poll);
    in->poll = NULL;
    if (in->timer != NULL) {
        timer_clear(in->timer);
    }
}

static bool has_room(const struct stdin_feed *in) {
    return in->feed.door.room(in->feed.door.owner) > 0;
}

static void readable(void *owner) {
    struct stdin_feed *in = owner;
    if (in->paused && in->bytes.count > LINE_BYTES_MAX) { /* a line that waits for memory */
        feed_resume(&in->feed);
        return;
    }
    char *room = buffer_reserve(&in->bytes, CHUNK_BYTES);
    if (room == NULL) {
        pause_reading(in);
        return;
    }
    const ssize_t count = read(STDIN_FILENO, room, CHUNK_BYTES);
    if (count > 0) {
        buffer_took(&in->bytes, (size_t)count);
    } else if (count == 0) {
        in->ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        struct error err;
        (void)fail_errno(&err, errno, "read");
        in->line++;
        refuse(in, &err); /* what could not be read is not the end of the input, and is said */
        in->ended = true;
    }
    feed_resume(&in->feed);
}

static void start_reading(struct stdin_feed *in) {
    struct error err;
    if (!in->polled) {
        timer_set(in->timer, 0);
    } else if (in->poll == NULL && poll_open(in->feed.door.loop, STDIN_FILENO, false, readable, in,
                                             &in->poll, &err) != STATUS_OK) {
        refuse(in, &err);
        in->ended = true;
    }
}

static void stdin_resume(struct feed *feed) {
    struct stdin_feed *in = stdin_of(feed);
    take_lines(in);
    if (in->paused) {
        return; /* the timer reads on */
    }
    if (in->ended && in->bytes.count == 0) {
        stop_reading(in);
        if (!in->told) {
            in->told = true;
            feed->door.ended(feed->door.owner);
        }
    } else if (has_room(in) && !in->ended) {
        start_reading(in);
    } else {
        stop_reading(in);
    }
}

static void stdin_close(struct feed *feed) {
    struct stdin_feed *in = stdin_of(feed);
    stop_reading(in);
    timer_close(in->timer);
    buffer_done(&in->bytes);
    memory_free(in);
}

static status stdin_open(const struct trigger *trigger, const struct feed_door *door,
                         struct feed **out_feed, struct error *err) {
    struct stdin_feed *in = memory_new(1, sizeof(*in));
    if (in == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for standard input");
    }
    *in = (struct stdin_feed){.feed = {.kind = &STDIN_FEED, .door = *door}, .trigger = trigger};
    buffer_init(&in->bytes, LINE_BYTES_MAX + 2 * CHUNK_BYTES);
    struct stat facts = {0};
    in->ended = fstat(STDIN_FILENO, &facts) != 0; /* closed: an empty input */
    /* Not every character device can be polled (/dev/null); a terminal can. */
    const bool device = S_ISCHR(facts.st_mode) && isatty(STDIN_FILENO) == 0;
    in->polled = !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode) && !device;
    if (timer_open(door->loop, readable, in, &in->timer, err) != STATUS_OK) {
        stdin_close(&in->feed);
        return fail_while(err, "read standard input");
    }
    *out_feed = &in->feed;
    return STATUS_OK;
}

const struct feed_kind STDIN_FEED = {
    .open = stdin_open,
    .resume = stdin_resume,
    .close = stdin_close,
};
