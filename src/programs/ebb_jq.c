// SPDX-License-Identifier: Apache-2.0
/*
 * ebb-jq: holds the jq programs of a device's workflows and answers questions about them.
 *
 * Started by the daemon (agents/adapters/jq_child) with a socket as descriptor 0 and an empty
 * environment; it gives up what it can before it reads anything. A program that loops, eats memory
 * or aborts takes this process with it and nothing else. It ends when the socket does; a question
 * that never ends is ended by an alarm, in case the daemon is no more.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "agents/adapters/jq_child.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/query.h"
#include "platform/query_frame.h"

enum { SOCKET = 0, BROKEN_EXIT = 1 };

struct serving {
    struct query_programs *programs;
    struct slice *texts; /* of the programs; shares the bytes of the first frame */
    char **refusals;     /* for each that does not compile the sentence, else NULL */
    uint32_t count;
    struct buffer body;   /* of the question */
    struct buffer answer; /* head and body of what is said */
};

/* Under a sanitizer the address space is not ours to limit: shadow memory takes terabytes. */
static bool is_sanitized(void) {
#ifdef EBB_SANITIZED
    return true;
#else
    return false;
#endif
}

static bool limit(int what, rlim_t most) {
    const struct rlimit both = {.rlim_cur = most, .rlim_max = most};
    return setrlimit((__rlimit_resource_t)what, &both) == 0;
}

/* No more memory than that, no file, no core, no new right. */
static bool give_up_rights(void) {
    const bool limited = is_sanitized() || limit(RLIMIT_AS, JQ_MEMORY_BYTES);
    return limited && limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NOFILE, 0) &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool read_whole(char *bytes, size_t count) {
    while (count > 0) {
        const ssize_t got = read(SOCKET, bytes, count);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        bytes += got > 0 ? got : 0;
        count -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool write_whole(const char *bytes, size_t count) {
    while (count > 0) {
        const ssize_t put = write(SOCKET, bytes, count);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        bytes += put > 0 ? put : 0;
        count -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* False at the end of the socket, and for a frame that nobody of ours has written. */
static bool read_frame(struct serving *serving, struct query_head *out_head) {
    char head[QUERY_HEAD_BYTES];
    if (!read_whole(head, sizeof(head))) {
        return false;
    }
    *out_head = query_head_read(head);
    buffer_clear(&serving->body);
    char *body = buffer_reserve(&serving->body, out_head->bytes);
    if (body == NULL || !read_whole(body, out_head->bytes)) {
        return false;
    }
    buffer_took(&serving->body, out_head->bytes);
    return true;
}

/* An answer is written behind the room of its head, and goes out in one piece. */
static void begin_answer(struct serving *serving) {
    static const char NOTHING[QUERY_HEAD_BYTES] = {0};
    buffer_clear(&serving->answer);
    buffer_add(&serving->answer, (struct slice){.bytes = NOTHING, .count = sizeof(NOTHING)});
}

static bool end_answer(struct serving *serving, enum query_kind kind, uint32_t number) {
    struct buffer *answer = &serving->answer;
    if (buffer_status(answer, NULL) != STATUS_OK) {
        return false;
    }
    query_head_write((struct query_head){.bytes = (uint32_t)(answer->count - QUERY_HEAD_BYTES),
                                         .kind = kind,
                                         .number = number},
                     answer->bytes);
    return write_whole(answer->bytes, answer->count);
}

static bool answer_error(struct serving *serving, const struct error *err) {
    begin_answer(serving);
    buffer_add_text(&serving->answer, err->text);
    return end_answer(serving, QUERY_FAILED, (uint32_t)err->code);
}

static void end_without_memory(void *owner) {
    (void)owner;
    _exit(QUERY_NO_MEMORY_EXIT);
}

/* The programs of a QUERY_COMPILE, sharing its bytes. */
static bool split_programs(struct serving *serving, struct slice body, uint32_t count) {
    serving->count = count;
    serving->texts = memory_new(count, sizeof(*serving->texts));
    serving->refusals = memory_new(count, sizeof(*serving->refusals));
    if (serving->texts == NULL || serving->refusals == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t bytes = body.count >= 4 ? query_number_read(body.bytes) : UINT32_MAX;
        if (body.count < 4 || bytes > body.count - 4) {
            return false;
        }
        serving->texts[i] = slice_part(body, 4, 4 + (size_t)bytes);
        body = slice_part(body, 4 + (size_t)bytes, body.count);
    }
    return true;
}

/* Another program takes its place: one that is wrong must not cost the others their answers. */
static bool refuse(struct serving *serving, unsigned index, int offset, const struct error *err) {
    char where[4];
    const size_t bytes = strlen(err->text) + 1;
    if (err->code != STATUS_INVALID || serving->refusals[index] != NULL) {
        return false;
    }
    serving->refusals[index] = memory_new(bytes, 1);
    if (serving->refusals[index] == NULL) {
        return false;
    }
    (void)memcpy(serving->refusals[index], err->text, bytes);
    serving->texts[index] = SLICE("null");
    query_number_write((uint32_t)offset, where);
    begin_answer(serving);
    buffer_add(&serving->answer, (struct slice){.bytes = where, .count = sizeof(where)});
    buffer_add_text(&serving->answer, err->text);
    return end_answer(serving, QUERY_REFUSED, index);
}

static bool compile(struct serving *serving, uint32_t count) {
    struct buffer texts = serving->body; /* stays while they are compiled */
    buffer_init(&serving->body, QUERY_BODY_BYTES_MAX);
    bool compiled =
        count <= QUERY_PROGRAMS_MAX && split_programs(serving, buffer_slice(&texts), count);
    while (compiled && serving->programs == NULL) {
        unsigned index = 0;
        int offset = -1;
        struct error err = {0};
        if (query_compile(serving->texts, count, &serving->programs, &index, &offset, &err) !=
            STATUS_OK) {
            compiled = refuse(serving, index, offset, &err);
        }
    }
    memory_free(serving->texts);
    serving->texts = NULL;
    buffer_done(&texts);
    if (!compiled) {
        return false;
    }
    query_programs_on_no_memory(serving->programs, end_without_memory, NULL);
    begin_answer(serving);
    return end_answer(serving, QUERY_READY, 0);
}

/* The daemon kills a child that is late; a daemon that is no more cannot. */
static void set_alarm(uint32_t ms) {
    const struct itimerval timer = {
        .it_value = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000}};
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

/* One large question must not cost the device its memory for good. */
static void shrink(struct buffer *buffer) {
    enum { KEPT_BYTES_MAX = 64 * 1024 };
    if (buffer->room > KEPT_BYTES_MAX) {
        const size_t most = buffer->count_max;
        buffer_done(buffer);
        buffer_init(buffer, most);
    }
}

static bool ask(struct serving *serving, uint32_t number) {
    const struct slice body = buffer_slice(&serving->body);
    if (number >= serving->count || body.count < 4) {
        return false;
    }
    struct error err = {0};
    if (serving->refusals[number] != NULL) {
        (void)fail(&err, STATUS_INVALID, "%s", serving->refusals[number]);
        return answer_error(serving, &err);
    }
    set_alarm(query_number_read(body.bytes));
    begin_answer(serving);
    const status ran = query_programs_run(serving->programs, number,
                                          slice_part(body, 4, body.count), &serving->answer, &err);
    set_alarm(0);
    return ran == STATUS_OK ? end_answer(serving, QUERY_ANSWER, 0) : answer_error(serving, &err);
}

static void serve(struct serving *serving) {
    struct query_head head;
    if (!read_frame(serving, &head) || head.kind != QUERY_COMPILE) {
        return;
    }
    bool goes_on = compile(serving, head.number);
    while (goes_on && read_frame(serving, &head)) {
        goes_on = head.kind == QUERY_ASK && ask(serving, head.number);
        shrink(&serving->body);
        shrink(&serving->answer);
    }
}

int main(void) {
    struct serving serving = {0};
    file_keep_standard_descriptors();
    if (!give_up_rights()) {
        return BROKEN_EXIT;
    }
    buffer_init(&serving.body, QUERY_BODY_BYTES_MAX);
    buffer_init(&serving.answer, QUERY_HEAD_BYTES + JQ_ANSWER_BYTES_MAX);
    serve(&serving);
    for (uint32_t i = 0; serving.refusals != NULL && i < serving.count; i++) {
        memory_free(serving.refusals[i]);
    }
    memory_free(serving.refusals);
    query_programs_done(serving.programs);
    buffer_done(&serving.body);
    buffer_done(&serving.answer);
    return QUERY_EOF_EXIT;
}
