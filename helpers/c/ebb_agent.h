/*
 * ebb_agent.h: an agent of ebb in C. Copy this file beside yours and include it first, in one file;
 * it needs C99 and POSIX, nothing else.
 *
 *     #include "ebb_agent.h"
 *
 *     static int answer(struct ebb_call *call, void *owner) {
 *         (void)owner;
 *         const double t = ebb_number(call->inputs, "t", 0);
 *         if (t < -273.15) {
 *             return ebb_fail(call, "invalid", "%g is colder than anything", t);
 *         }
 *         ebb_out_number(call, "kelvin", t + 273.15);
 *         return 0;
 *     }
 *
 *     int main(void) { return ebb_run(answer, NULL); }
 *
 * The same program works under `protocol: lines` and `protocol: messages`: what comes first on
 * standard input tells which it is. Calls are answered one after another. What is printed goes to
 * standard error, and so into ebb's log: nothing but answers may stand on standard output. A call
 * that fails under `lines` ends the program, since there is no other way to fail it there.
 *
 * A picture, sound or file among the inputs is read through `ebb_blob(call, ebb_member(call->inputs,
 * "image"))`, a descriptor, under `blobs: path` and `blobs: fd` alike.
 *
 * Values are JSON text that ends with a zero or with what follows the value in a larger text;
 * pointers into a call are good while it is answered. Requests of more than EBB_LINE_BYTES_MAX and
 * answers of more than EBB_OUT_BYTES_MAX end the program with a sentence. Keep the "C" locale for
 * LC_NUMERIC: numbers have a point.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EBB_AGENT_H
#define EBB_AGENT_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EBB_LINE_BYTES_MAX (8 << 20)
#define EBB_OUT_BYTES_MAX  (1 << 20)
#define EBB_DEPTH_MAX      64
#define EBB_TEXT_BYTES_MAX 1024
#define EBB_AGENT_VERSION  1
#define EBB_FDS_MAX        253 /* that Linux hands over at once; ebb sends 16 with a call */

#if defined(__GNUC__)
#define EBB_FORMAT(at, first) __attribute__((format(printf, at, first)))
#else
#define EBB_FORMAT(at, first)
#endif

/* --- what there is to call; the rest of the file is how it is done --- */

struct ebb_call {
    const char *inputs;   /* a JSON object */
    const char *settings; /* a JSON object: of the manifest, `{}` under `lines` */
    const char *state;    /* JSON, or NULL; the next one goes out as a member `state` */
    char key[65], run[65];
    char dir[4096]; /* the run's folder; empty: none */
    long long id;
    int attempt;
    long long end_ms; /* ebb's own; ask ebb_left_ms */
    int members;      /* written so far */
    int failed;
    int fds; /* descriptors that came with it */
};

/* Answers with ebb_out_..., or fails the call with ebb_fail, whose 1 it returns; 0 otherwise. */
typedef int ebb_answer(struct ebb_call *call, void *owner);

/* Answers until ebb wants no more. The exit code of the program. */
static inline int ebb_run(ebb_answer *answer, void *owner);

/* The value of a member of an object, or the item of a list; NULL when there is none. */
static inline const char *ebb_member(const char *json, const char *name);
static inline const char *ebb_item(const char *json, int index);

/* A member as a number, a truth, or a text; `otherwise`, or -1, when it is not there or something
 * else. A text is cut where `room` ends and ends with a zero; its whole length is returned. */
static inline double ebb_number(const char *json, const char *name, double otherwise);
static inline int ebb_boolean(const char *json, const char *name, int otherwise);
static inline long ebb_text(const char *json, const char *name, char *out, size_t room);

/* The same of a value itself, as ebb_item gives it. */
static inline double ebb_as_number(const char *value, double otherwise);
static inline long ebb_as_text(const char *value, char *out, size_t room);

/* A descriptor from which the bytes of a blob are read, from their start: of a value as ebb_member
 * gives it. It is closed when the call has been answered. -1: it is no blob, or cannot be opened. */
static inline int ebb_blob(const struct ebb_call *call, const char *blob);

/* A member of the answer. A number that is none (NaN, infinite) is null. `json` stands as it is. */
static inline void ebb_out_number(struct ebb_call *call, const char *name, double number);
static inline void ebb_out_boolean(struct ebb_call *call, const char *name, int truth);
static inline void ebb_out_text(struct ebb_call *call, const char *name, const char *text);
static inline void ebb_out_json(struct ebb_call *call, const char *name, const char *json);

/* Fails the call: timeout, crash, invalid, offline, busy, denied or full, and a sentence. Gives 1. */
static inline int ebb_fail(struct ebb_call *call, const char *kind, const char *format, ...)
    EBB_FORMAT(3, 4);

/* Milliseconds until the answer is worth nothing; -1: no end is known. */
static inline long long ebb_left_ms(const struct ebb_call *call);

/* ebb no longer wants the answer: return whatever you like, soon. Looks at what ebb has written
 * since, so ask it now and then in long work. */
static inline int ebb_cancelled(const struct ebb_call *call);

/* A piece of an answer that comes bit by bit, as JSON; a line in ebb's log (debug, info, warn,
 * error); a number of its /metrics that is set, or added to. Under `lines` only the log. */
static inline void ebb_part(const struct ebb_call *call, const char *json);
static inline void ebb_log(const char *level, const char *format, ...) EBB_FORMAT(2, 3);
static inline void ebb_gauge(const char *name, double number);
static inline void ebb_count(const char *name, double add);

/* --- how it is done --- */

struct ebb_bytes {
    char *bytes;
    size_t count, room;
};

static struct {
    struct ebb_bytes in;   /* read and not used up; lines */
    struct ebb_bytes line; /* the one that is looked at, ended by a zero */
    struct ebb_bytes out;  /* the members of the answer so far */
    struct ebb_bytes fds;  /* descriptors that came and belong to lines that are not used up */
    struct ebb_bytes open; /* those of the call: first that came with it, then of ebb_blob */
    char *settings;
    int output; /* where answers go */
    int messages;
    int ended;  /* nothing more comes */
    int socket; /* standard input is one: descriptors may come */
} ebb_state;

static inline void ebb_die(const char *why) {
    (void)fprintf(stderr, "ebb_agent: %s\n", why);
    exit(1);
}

static inline void ebb_add(struct ebb_bytes *to, const char *bytes, size_t count, size_t most) {
    if (count > most || to->count > most - count) {
        ebb_die("a line is longer than it may be");
    }
    if (to->count + count + 1 > to->room) {
        const size_t room = 2 * (to->count + count + 1);
        char *grown = realloc(to->bytes, room);
        if (grown == NULL) {
            ebb_die("out of memory");
        }
        to->bytes = grown;
        to->room = room;
    }
    if (count > 0) {
        memcpy(to->bytes + to->count, bytes, count);
    }
    to->count += count;
    to->bytes[to->count] = '\0';
}

static inline void ebb_put(const char *text) {
    ebb_add(&ebb_state.out, text, strlen(text), EBB_OUT_BYTES_MAX);
}

/* Bytes of the well-formed character that the text begins with; 0: of none. */
static inline size_t ebb_letter_bytes(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    const size_t count = at[0] < 0x80                    ? 1
                         : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                         : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
                         : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                         : 0;
    for (size_t i = 1; i < count; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if (count > 2) { /* too long for what it says, a surrogate, or beyond Unicode */
        const int lead = at[0] << 8 | at[1];
        if ((lead >= 0xe080 && lead < 0xe0a0) || (lead >= 0xeda0 && lead < 0xedc0) ||
            (lead >= 0xf080 && lead < 0xf090) || lead >= 0xf490) {
            return 0;
        }
    }
    return count;
}

/* What is not UTF-8 becomes ?, since a line that is not JSON would be the end of the program. */
static inline void ebb_put_text(const char *text) {
    char escaped[8];
    ebb_put("\"");
    while (*text != '\0') {
        const unsigned char c = (unsigned char)*text;
        const size_t count = ebb_letter_bytes(text);
        if (c < ' ' || c == '"' || c == '\\') {
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", c);
            ebb_put(escaped);
        } else if (count == 0) {
            ebb_put("?");
        } else {
            ebb_add(&ebb_state.out, text, count, EBB_OUT_BYTES_MAX);
        }
        text += count > 0 ? count : 1;
    }
    ebb_put("\"");
}

static inline void ebb_put_number(double number) {
    char text[40] = "null";
    if (isfinite(number)) {
        (void)snprintf(text, sizeof text, "%.17g", number);
    }
    ebb_put(text);
}

/* Writes bytes and forgets them. */
static inline void ebb_send(struct ebb_bytes *bytes) {
    size_t sent = 0;
    while (sent < bytes->count) {
        const ssize_t count = write(ebb_state.output, bytes->bytes + sent, bytes->count - sent);
        if (count < 0 && errno != EINTR) {
            exit(1); /* nobody listens any more */
        }
        sent += count > 0 ? (size_t)count : 0;
    }
    bytes->count = 0;
}

/* What is written while an answer is made must not stand in the middle of it: it is set aside. */
static inline struct ebb_bytes ebb_aside(void) {
    const struct ebb_bytes answer = ebb_state.out;
    memset(&ebb_state.out, 0, sizeof ebb_state.out);
    return answer;
}

static inline void ebb_send_aside(struct ebb_bytes answer) {
    ebb_put("\n");
    ebb_send(&ebb_state.out);
    free(ebb_state.out.bytes);
    ebb_state.out = answer;
}

/* --- reading JSON --- */

static inline const char *ebb_blank(const char *at) {
    return at + strspn(at, " \t\r\n");
}

/* Behind a string; NULL when it has no end. */
static inline const char *ebb_behind_text(const char *at) {
    for (at++; *at != '"'; at++) {
        if (*at == '\0' || (*at == '\\' && *++at == '\0')) {
            return NULL;
        }
    }
    return at + 1;
}

/* Behind a value; NULL when it has no end, or is deeper than EBB_DEPTH_MAX. */
static inline const char *ebb_behind(const char *at) {
    int depth = 0;
    do {
        at = ebb_blank(at);
        if (*at == '"') {
            at = ebb_behind_text(at);
            if (at == NULL) {
                return NULL;
            }
        } else if (*at == '{' || *at == '[') {
            if (++depth > EBB_DEPTH_MAX) {
                return NULL;
            }
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (*at == ',' || *at == ':') {
            at++;
        } else if (*at != '\0') {
            at += strcspn(at, ",:]} \t\r\n");
        } else {
            return NULL;
        }
    } while (depth > 0);
    return depth == 0 ? at : NULL;
}

/* Four hexadecimal digits; -1 when there are not four. */
static inline long ebb_hex(const char *at) {
    static const char DIGITS[] = "0123456789abcdefABCDEF";
    long code = 0;
    for (int i = 0; i < 4; i++) {
        const char *digit = at[i] != '\0' ? strchr(DIGITS, at[i]) : NULL;
        if (digit == NULL) {
            return -1;
        }
        const long value = digit - DIGITS;
        code = code * 16 + (value < 16 ? value : value - 6);
    }
    return code;
}

/* A code point as UTF-8; how many bytes. */
static inline int ebb_utf8(long code, char out[4]) {
    static const int HEADS[] = {0, 0, 0xc0, 0xe0, 0xf0};
    const int count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = count - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(count == 1 ? code : HEADS[count] | code);
    return count;
}

/* One character of a string, moving on; how many bytes it has in `out`. */
static inline int ebb_letter(const char **at, char out[4]) {
    static const char LETTERS[] = "b\bf\fn\nr\rt\t";
    const char *from = *at;
    if (from[0] != '\\') {
        out[0] = from[0];
        *at += 1;
        return 1;
    }
    long code = from[1] == 'u' ? ebb_hex(from + 2) : -1;
    if (code < 0) {
        const char *known = strchr(LETTERS, from[1]);
        out[0] = known != NULL && (known - LETTERS) % 2 == 0 ? known[1] : from[1];
        *at += 2;
        return 1;
    }
    *at += 6;
    const int has_more = code >= 0xd800 && code < 0xdc00 && from[6] == '\\' && from[7] == 'u';
    const long low = has_more ? ebb_hex(from + 8) : -1;
    if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    }
    return ebb_utf8(code, out);
}

static inline long ebb_as_text(const char *value, char *out, size_t room) {
    long length = 0;
    size_t used = 0;
    if (room > 0) {
        out[0] = '\0';
    }
    if (value == NULL || *value != '"' || ebb_behind_text(value) == NULL) {
        return -1;
    }
    for (const char *at = value + 1; *at != '"';) {
        char letter[4];
        const int count = ebb_letter(&at, letter);
        length += count;
        if ((size_t)length < room) {
            memcpy(out + used, letter, (size_t)count);
            used += (size_t)count;
            out[used] = '\0';
        }
    }
    return length;
}

static inline double ebb_as_number(const char *value, double otherwise) {
    if (value == NULL || strchr("-0123456789", *value) == NULL || *value == '\0') {
        return otherwise;
    }
    return strtod(value, NULL);
}

static inline const char *ebb_member(const char *json, const char *name) {
    const char *at = json != NULL ? ebb_blank(json) : "";
    const char *found = NULL;
    if (*at != '{') {
        return NULL;
    }
    at = ebb_blank(at + 1);
    while (at != NULL && *at == '"') {
        char text[EBB_TEXT_BYTES_MAX];
        const int same =
            ebb_as_text(at, text, sizeof text) == (long)strlen(name) && strcmp(text, name) == 0;
        at = ebb_behind_text(at);
        if (at == NULL || *(at = ebb_blank(at)) != ':') {
            return NULL;
        }
        at = ebb_blank(at + 1);
        found = same ? at : found; /* the last of that name */
        at = ebb_behind(at);
        at = at != NULL ? ebb_blank(at) : NULL;
        if (at != NULL && *at == ',') {
            at = ebb_blank(at + 1);
        }
    }
    return found;
}

static inline const char *ebb_item(const char *json, int index) {
    const char *at = json != NULL ? ebb_blank(json) : "";
    if (*at != '[') {
        return NULL;
    }
    at = ebb_blank(at + 1);
    for (int i = 0; at != NULL && *at != ']' && *at != '\0'; i++) {
        if (i == index) {
            return at;
        }
        at = ebb_behind(at);
        at = at != NULL ? ebb_blank(at) : NULL;
        if (at != NULL && *at == ',') {
            at = ebb_blank(at + 1);
        }
    }
    return NULL;
}

static inline double ebb_number(const char *json, const char *name, double otherwise) {
    return ebb_as_number(ebb_member(json, name), otherwise);
}

static inline int ebb_boolean(const char *json, const char *name, int otherwise) {
    const char *value = ebb_member(json, name);
    if (value != NULL && strncmp(value, "true", 4) == 0) {
        return 1;
    }
    return value != NULL && strncmp(value, "false", 5) == 0 ? 0 : otherwise;
}

static inline long ebb_text(const char *json, const char *name, char *out, size_t room) {
    return ebb_as_text(ebb_member(json, name), out, room);
}

/* --- blobs --- */

static inline int ebb_fd_at(const struct ebb_bytes *list, int index) {
    int fd;
    memcpy(&fd, list->bytes + (size_t)index * sizeof fd, sizeof fd);
    return fd;
}

static inline int ebb_blob(const struct ebb_call *call, const char *blob) {
    char path[4096];
    const char *where = ebb_member(blob, "blob");
    const long length = ebb_as_text(where, path, sizeof path);
    const double index = ebb_number(where, "fd", -1);
    if (length >= 0) {
        const int fd = (size_t)length < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0) {
            ebb_add(&ebb_state.open, (const char *)&fd, sizeof fd, EBB_LINE_BYTES_MAX);
        }
        return fd;
    }
    if (!(index >= 0 && index < call->fds)) {
        return -1;
    }
    const int fd = ebb_fd_at(&ebb_state.open, (int)index);
    return lseek(fd, 0, SEEK_SET) == 0 ? fd : -1;
}

/* Those that came with the line become the call's. */
static inline int ebb_take_fds(const char *line) {
    const double count = ebb_number(line, "fds", 0);
    if (!(count > 0)) {
        return 0;
    }
    if (count > (double)(ebb_state.fds.count / sizeof(int))) {
        ebb_die("descriptors of a call did not come");
    }
    const size_t bytes = (size_t)count * sizeof(int);
    ebb_add(&ebb_state.open, ebb_state.fds.bytes, bytes, EBB_LINE_BYTES_MAX);
    memmove(ebb_state.fds.bytes, ebb_state.fds.bytes + bytes, ebb_state.fds.count - bytes);
    ebb_state.fds.count -= bytes;
    return (int)count;
}

static inline void ebb_close_fds(void) {
    for (size_t i = 0; i < ebb_state.open.count / sizeof(int); i++) {
        (void)close(ebb_fd_at(&ebb_state.open, (int)i));
    }
    ebb_state.open.count = 0;
}

/* --- answering --- */

static inline void ebb_out_name(struct ebb_call *call, const char *name) {
    ebb_put(call->members++ > 0 ? "," : "");
    ebb_put_text(name);
    ebb_put(":");
}

static inline void ebb_out_number(struct ebb_call *call, const char *name, double number) {
    ebb_out_name(call, name);
    ebb_put_number(number);
}

static inline void ebb_out_boolean(struct ebb_call *call, const char *name, int truth) {
    ebb_out_json(call, name, truth ? "true" : "false");
}

static inline void ebb_out_text(struct ebb_call *call, const char *name, const char *text) {
    ebb_out_name(call, name);
    ebb_put_text(text);
}

static inline void ebb_out_json(struct ebb_call *call, const char *name, const char *json) {
    ebb_out_name(call, name);
    ebb_put(json);
}

static inline void ebb_put_id(long long id) {
    char text[40];
    (void)snprintf(text, sizeof text, "{\"id\":%lld,", id);
    ebb_put(text);
}

static inline int ebb_fail(struct ebb_call *call, const char *kind, const char *format, ...) {
    char text[EBB_TEXT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!ebb_state.messages) {
        ebb_die(text);
    }
    call->failed = 1;
    ebb_state.out.count = 0;
    ebb_put_id(call->id);
    ebb_put("\"error\":{\"class\":");
    ebb_put_text(kind);
    ebb_put(",\"text\":");
    ebb_put_text(text);
    ebb_put("}");
    return 1;
}

static inline void ebb_part(const struct ebb_call *call, const char *json) {
    if (!ebb_state.messages) {
        return;
    }
    const struct ebb_bytes answer = ebb_aside();
    ebb_put_id(call->id);
    ebb_put("\"part\":");
    ebb_put(json);
    ebb_put("}");
    ebb_send_aside(answer);
}

static inline void ebb_log(const char *level, const char *format, ...) {
    char text[EBB_TEXT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!ebb_state.messages) {
        (void)fprintf(stderr, "%s\n", text);
        return;
    }
    const struct ebb_bytes answer = ebb_aside();
    ebb_put("{\"log\":{\"level\":");
    ebb_put_text(level);
    ebb_put(",\"text\":");
    ebb_put_text(text);
    ebb_put("}}");
    ebb_send_aside(answer);
}

static inline void ebb_metric(const char *name, const char *what, double number) {
    if (!ebb_state.messages) {
        return;
    }
    const struct ebb_bytes answer = ebb_aside();
    ebb_put("{\"metric\":{\"name\":");
    ebb_put_text(name);
    ebb_put(what);
    ebb_put_number(number);
    ebb_put("}}");
    ebb_send_aside(answer);
}

static inline void ebb_gauge(const char *name, double number) {
    ebb_metric(name, ",\"value\":", number);
}

static inline void ebb_count(const char *name, double add) {
    ebb_metric(name, ",\"add\":", add);
}

/* --- what ebb writes --- */

static inline long long ebb_now_ms(void) {
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline long long ebb_left_ms(const struct ebb_call *call) {
    const long long left = call->end_ms - ebb_now_ms();
    return call->end_ms < 0 ? -1 : left > 0 ? left : 0;
}

/* What is there, and the descriptors that come along. */
static inline ssize_t ebb_receive(char *bytes, size_t room) {
    union {
        char bytes[CMSG_SPACE(EBB_FDS_MAX * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = room};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    const ssize_t count = recvmsg(0, &message, MSG_CMSG_CLOEXEC);
    if (count < 0) {
        return count;
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0) {
        ebb_die("more descriptors came than this program may have open");
    }
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    for (; head != NULL; head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
            ebb_add(&ebb_state.fds, (const char *)CMSG_DATA(head), head->cmsg_len - CMSG_LEN(0),
                    EBB_LINE_BYTES_MAX);
        }
    }
    return count;
}

/* Reads what is there, once; waits for it when there is time. */
static inline void ebb_fill(int wait_ms) {
    struct pollfd input = {.fd = 0, .events = POLLIN};
    char bytes[65536];
    if (ebb_state.ended || poll(&input, 1, wait_ms) <= 0) {
        return;
    }
    const ssize_t count =
        ebb_state.socket ? ebb_receive(bytes, sizeof bytes) : read(0, bytes, sizeof bytes);
    if (count > 0) {
        ebb_add(&ebb_state.in, bytes, (size_t)count, EBB_LINE_BYTES_MAX);
    } else if (count == 0 || errno != EINTR) {
        ebb_state.ended = 1;
    }
}

static inline int ebb_cancelled(const struct ebb_call *call) {
    char wanted[64];
    const int count = snprintf(wanted, sizeof wanted, "{\"cancel\":%lld}\n", call->id);
    if (!ebb_state.messages) {
        return 0;
    }
    if (ebb_state.in.count < EBB_LINE_BYTES_MAX / 2) {
        ebb_fill(0);
    }
    const char *at = ebb_state.in.bytes;
    while (at != NULL && *at != '\0') {
        if (strncmp(at, wanted, (size_t)count) == 0) {
            return 1;
        }
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    return 0;
}

/* The next line, which it waits for; NULL at the end. */
static inline const char *ebb_next(void) {
    char *end;
    while (ebb_state.in.count == 0 ||
           (end = memchr(ebb_state.in.bytes, '\n', ebb_state.in.count)) == NULL) {
        if (ebb_state.ended) {
            return NULL;
        }
        ebb_fill(-1);
    }
    const size_t count = (size_t)(end - ebb_state.in.bytes);
    ebb_state.line.count = 0;
    ebb_add(&ebb_state.line, ebb_state.in.bytes, count, EBB_LINE_BYTES_MAX);
    memmove(ebb_state.in.bytes, end + 1, ebb_state.in.count - count);
    ebb_state.in.count -= count + 1;
    return ebb_state.line.bytes;
}

static inline void ebb_answer_line(ebb_answer *answer, void *owner, const char *line) {
    struct ebb_call call = {.inputs = line, .settings = "{}", .attempt = 1, .end_ms = -1};
    call.state = ebb_member(line, "state");
    ebb_put("{");
    if (answer(&call, owner) != 0) {
        ebb_die("the call failed");
    }
    ebb_put("}\n");
    ebb_send(&ebb_state.out);
    ebb_close_fds();
}

static inline void ebb_answer_message(ebb_answer *answer, void *owner, const char *line) {
    struct ebb_call call = {.settings = ebb_state.settings};
    const char *with = ebb_member(line, "with");
    const double limit = ebb_number(line, "deadline_ms", -1);
    call.inputs = with != NULL ? with : "{}";
    call.state = ebb_member(line, "state");
    call.id = strtoll(ebb_member(line, "id"), NULL, 10);
    call.attempt = (int)ebb_number(line, "attempt", 1);
    call.end_ms = limit >= 0 ? ebb_now_ms() + (long long)limit : -1;
    (void)ebb_text(line, "key", call.key, sizeof call.key);
    (void)ebb_text(line, "run", call.run, sizeof call.run);
    (void)ebb_text(line, "dir", call.dir, sizeof call.dir);
    call.fds = ebb_take_fds(line);
    ebb_put_id(call.id);
    ebb_put("\"out\":{");
    if (ebb_cancelled(&call)) {
        (void)ebb_fail(&call, "timeout", "cancelled before it was begun");
    } else if (answer(&call, owner) != 0 && !call.failed) {
        (void)ebb_fail(&call, "crash", "the call failed");
    }
    ebb_put(call.failed ? "}\n" : "}}\n");
    ebb_send(&ebb_state.out);
    ebb_close_fds();
}

static inline void ebb_greet(const char *line) {
    const char *settings = ebb_member(ebb_member(line, "hello"), "settings");
    const char *end = settings != NULL ? ebb_behind(settings) : NULL;
    const size_t count = end != NULL ? (size_t)(end - settings) : 0;
    struct ebb_bytes copy = {NULL, 0, 0};
    ebb_add(&copy, count > 0 ? settings : "{}", count > 0 ? count : 2, EBB_LINE_BYTES_MAX);
    ebb_state.settings = copy.bytes;
    ebb_state.messages = 1;
    char ready[64];
    (void)snprintf(ready, sizeof ready, "{\"ebb\":%d,\"ready\":true}\n", EBB_AGENT_VERSION);
    ebb_put(ready);
    ebb_send(&ebb_state.out);
}

static inline int ebb_run(ebb_answer *answer, void *owner) {
    ebb_state.output = dup(1);
    if (ebb_state.output < 0 || dup2(2, 1) < 0) {
        ebb_die("no standard output");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct stat input;
    ebb_state.socket = fstat(0, &input) == 0 && S_ISSOCK(input.st_mode);
    for (const char *line = ebb_next(); line != NULL; line = ebb_next()) {
        if (ebb_state.messages) {
            if (ebb_member(line, "drain") != NULL) {
                return 0;
            }
            if (ebb_member(line, "id") != NULL) {
                ebb_answer_message(answer, owner, line);
            }
        } else if (ebb_member(line, "ebb") != NULL && ebb_member(line, "hello") != NULL) {
            ebb_greet(line);
        } else {
            ebb_answer_line(answer, owner, line);
        }
    }
    return 0;
}

#endif
