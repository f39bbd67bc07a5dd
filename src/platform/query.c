// SPDX-License-Identifier: Apache-2.0
#include "platform/query.h"

#include <assert.h>
#include <jq.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/value.h"

enum {
    COMPLAINT_BYTES_MAX = 64 * 1024, /* of what jq says about a program */
    EXACT_DIGITS = 16                /* 2^53 has so many */
};

static const char INTEGER_MAX_DIGITS[] = "9007199254740992";

struct query_programs {
    jq_state *jq; /* owned */
    unsigned count;
};

/* Compiling -------------------------------------------------------------------------------- */

/* The dispatching program: `.[0]` is the number, `.[1]` the input. A tree of comparisons, so that
 * the last of many is not found late; each program on lines of its own, so that the line that jq
 * names says whose it is. */
struct dispatch {
    const struct slice *programs;
    struct buffer text;
    unsigned line;   /* of what is written next, from 1 */
    unsigned *lines; /* at which each program begins; owned */
};

static void dispatch_done(struct dispatch *dispatch) {
    buffer_done(&dispatch->text);
    memory_free(dispatch->lines);
}

static unsigned line_count(struct slice text) {
    unsigned lines = 0;
    for (size_t i = 0; i < text.count; i++) {
        lines += text.bytes[i] == '\n' ? 1 : 0;
    }
    return lines;
}

static void write_leaf(struct dispatch *dispatch, unsigned index) {
    buffer_add_text(&dispatch->text, ".[1]|(\n");
    dispatch->line++;
    dispatch->lines[index] = dispatch->line;
    buffer_add(&dispatch->text, dispatch->programs[index]);
    buffer_add_text(&dispatch->text, "\n)");
    dispatch->line += line_count(dispatch->programs[index]) + 1;
}

static void write_range(struct dispatch *dispatch, unsigned from, unsigned to) {
    if (to - from == 1) {
        write_leaf(dispatch, from);
        return;
    }
    const unsigned middle = from + (to - from) / 2;
    buffer_print(&dispatch->text, "if .[0]<%u then ", middle);
    write_range(dispatch, from, middle);
    buffer_add_text(&dispatch->text, " else ");
    write_range(dispatch, middle, to);
    buffer_add_text(&dispatch->text, " end");
}

static status write_dispatch(struct dispatch *dispatch, const struct slice *programs,
                             unsigned count, struct error *err) {
    dispatch->programs = programs;
    dispatch->line = 1;
    dispatch->lines = memory_new(count, sizeof(*dispatch->lines));
    buffer_init(&dispatch->text, QUERY_PROGRAMS_BYTES_MAX);
    if (dispatch->lines == NULL) {
        return fail(err, STATUS_NO_MEMORY, "compile jq: no memory");
    }
    write_range(dispatch, 0, count);
    buffer_add_byte(&dispatch->text, '\0');
    return buffer_status(&dispatch->text, err);
}

static void keep_complaint(void *owner, jv message) {
    struct buffer *complaint = owner;
    jv text = jq_format_error(message);
    if (jv_get_kind(text) == JV_KIND_STRING) {
        buffer_add_text(complaint, jv_string_value(text));
        buffer_add_byte(complaint, '\n');
    }
    jv_free(text);
}

/* jq reads ~/.jq when there is a HOME; what a workflow means must not depend on that. */
static bool compile_text(jq_state *jq, const char *text, struct buffer *complaint) {
    const char *home = getenv("HOME");
    char *kept = home != NULL ? strdup(home) : NULL;
    (void)unsetenv("HOME");
    buffer_clear(complaint);
    jq_set_error_cb(jq, keep_complaint, complaint);
    const bool compiled = jq_compile(jq, text) != 0;
    jq_set_error_cb(jq, NULL, NULL);
    if (kept != NULL) {
        (void)setenv("HOME", kept, 1);
        free(kept);
    }
    return compiled;
}

static jq_state *new_jq(void) {
    jq_state *jq = jq_init();
    if (jq != NULL) {
        jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
        jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string("/nowhere"));
    }
    return jq;
}

/* What is wrong ---------------------------------------------------------------------------- */

/* jq writes "jq: error: SENTENCE at <top-level>, line N:" and the line itself. */
static struct slice first_complaint(struct slice complaint, long *out_line) {
    static const char FRONT[] = "jq: error: ";
    static const char PLACE[] = " at <top-level>, line ";
    static const char SHELL[] = " (Unix shell quoting issues?)";
    struct slice line = slice_part(complaint, 0, slice_find(complaint, '\n'));
    if (slice_starts(line, FRONT)) {
        line = slice_part(line, sizeof(FRONT) - 1, line.count);
    }
    *out_line = 0;
    for (size_t i = 0; i < line.count; i++) {
        if (slice_starts(slice_part(line, i, line.count), PLACE)) {
            *out_line = strtol(line.bytes + i + sizeof(PLACE) - 1, NULL, 10);
            line = slice_part(line, 0, i);
        }
    }
    return slice_ends(line, SHELL) ? slice_part(line, 0, line.count - (sizeof(SHELL) - 1)) : line;
}

static size_t line_start(struct slice text, long line) {
    size_t at = 0;
    while (line > 1 && at < text.count) {
        at += slice_find(slice_part(text, at, text.count), '\n') + 1;
        line--;
    }
    return at < text.count ? at : text.count;
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* "name/0 is not defined" and "$name is not defined": the word from its line on. */
static int find_word(struct slice program, struct slice sentence, size_t from) {
    size_t count = 0;
    while (count < sentence.count &&
           (is_word(sentence.bytes[count]) || (count == 0 && sentence.bytes[0] == '$'))) {
        count++;
    }
    const struct slice word = slice_part(sentence, 0, count);
    for (size_t i = from; count > 0 && i + count <= program.count; i++) {
        const bool begins = i == 0 || !is_word(program.bytes[i - 1]);
        const bool ends = i + count == program.count || !is_word(program.bytes[i + count]);
        if (begins && ends && slice_equal(slice_part(program, i, i + count), word)) {
            return (int)i;
        }
    }
    return (int)from;
}

/* True when a word or a sign would be cut in two between these characters. */
static bool is_inside_token(char before, char after) {
    static const char SIGNS[] = "!=</>|+-*%?.:$@";
    if (is_word(after)) {
        return is_word(before) || before == '.' || before == '$' || before == '@';
    }
    return after != '\0' && before != '\0' && strchr(SIGNS, before) != NULL &&
           strchr(SIGNS, after) != NULL;
}

/* The end of the string whose quote is at `at`, interpolations and the strings in them included;
 * the program's end where they are nested too deep to care. */
static size_t skip_text(struct slice program, size_t at) {
    enum { DEPTH_MAX = 64 };
    char open[DEPTH_MAX]; /* m: an interpolation, behind which the string goes on */
    size_t depth = 0;
    bool in_string = true;
    for (at++; at < program.count && depth < DEPTH_MAX; at++) {
        const char c = program.bytes[at];
        if (in_string && c == '\\') {
            at++;
            if (at < program.count && program.bytes[at] == '(') {
                open[depth++] = 'm';
                in_string = false;
            }
        } else if (c == '"') {
            in_string = !in_string;
            if (!in_string && depth == 0) {
                return at + 1;
            }
        } else if (!in_string && c == '(') {
            open[depth++] = c;
        } else if (!in_string && c == ')' && depth > 0) {
            depth--;
            in_string = open[depth] == 'm';
        }
    }
    return program.count;
}

/* Where a program may be cut: in front of each word, sign and string, and at its end. Returns how
 * many; `cuts` has room for one more than there are characters. */
static size_t list_cuts(struct slice program, size_t *cuts) {
    size_t count = 0;
    for (size_t at = 0; at < program.count;) {
        const char before = at > 0 ? program.bytes[at - 1] : ' ';
        if (!is_inside_token(before, program.bytes[at])) {
            cuts[count++] = at;
        }
        at = program.bytes[at] == '"' ? skip_text(program, at) : at + 1;
    }
    cuts[count++] = program.count;
    return count;
}

/* True when jq objects to the first `at` characters whatever may follow them. `% %` is an error
 * behind any good beginning; on a line of its own jq says by the line which of the two it met. */
static bool is_wrong_until(jq_state *jq, struct slice program, size_t at,
                           struct buffer *complaint) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, QUERY_PROGRAMS_BYTES_MAX);
    buffer_add(&text, slice_part(program, 0, at));
    buffer_add_text(&text, "\n% %\n");
    buffer_add_byte(&text, '\0');
    long line = 0;
    if (buffer_status(&text, NULL) != STATUS_OK ||
        compile_text(jq, buffer_slice(&text).bytes, complaint)) {
        return false;
    }
    (void)first_complaint(buffer_slice(complaint), &line);
    return line > 0 && line < (long)line_count(slice_part(program, 0, at)) + 2;
}

/* Where a program stops being jq: the word behind its longest good beginning. Parsing is quick;
 * what costs milliseconds is linking, which a syntax error never reaches. */
static int find_syntax_error(jq_state *jq, struct slice program, struct buffer *complaint) {
    size_t *cuts = memory_new(program.count + 1, sizeof(*cuts));
    if (cuts == NULL) {
        return -1;
    }
    size_t good = 0;
    size_t wrong = list_cuts(program, cuts) - 1;
    if (!is_wrong_until(jq, program, program.count, complaint)) {
        good = wrong; /* something is missing at the end */
    }
    while (good + 1 < wrong) {
        const size_t middle = good + (wrong - good) / 2;
        if (is_wrong_until(jq, program, cuts[middle], complaint)) {
            wrong = middle;
        } else {
            good = middle;
        }
    }
    size_t at = cuts[good];
    memory_free(cuts);
    while (at < program.count && strchr(" \t\r\n", program.bytes[at]) != NULL) {
        at++;
    }
    return (int)at;
}

/* Compiles one program by itself. True when it is wrong: then all about it is said. */
static bool is_wrong(struct slice program, int *out_offset, struct error *err, status *out_code) {
    CLEANUP(buffer_done) struct buffer complaint;
    CLEANUP(buffer_done) struct buffer text;
    jq_state *jq = new_jq();
    bool wrong = false;
    buffer_init(&complaint, COMPLAINT_BYTES_MAX);
    buffer_init(&text, QUERY_PROGRAMS_BYTES_MAX);
    buffer_add(&text, program);
    buffer_add_byte(&text, '\0');
    if (jq != NULL && buffer_status(&text, NULL) == STATUS_OK) {
        wrong = !compile_text(jq, buffer_slice(&text).bytes, &complaint);
    }
    if (wrong) {
        long line = 0;
        const struct slice sentence = first_complaint(buffer_slice(&complaint), &line);
        const bool is_syntax = slice_starts(sentence, "syntax error");
        *out_code = fail(err, STATUS_INVALID, "jq: %.*s",
                         SLICE_ARGS(sentence.count > 0 ? sentence : SLICE("does not compile")));
        *out_offset = line > 0 ? find_word(program, sentence, line_start(program, line)) : -1;
        if (is_syntax) {
            *out_offset = find_syntax_error(jq, program, &complaint);
        }
    }
    if (jq != NULL) {
        jq_teardown(&jq);
    }
    return wrong;
}

/* The program whose lines jq named, then any. */
static status find_wrong(const struct dispatch *dispatch, unsigned count, struct slice complaint,
                         unsigned *out_index, int *out_offset, struct error *err) {
    long line = 0;
    status code = STATUS_INVALID;
    const struct slice sentence = first_complaint(complaint, &line);
    unsigned named = 0;
    while (named + 1 < count && (long)dispatch->lines[named + 1] <= line) {
        named++;
    }
    for (unsigned i = 0; i < count; i++) {
        const unsigned index = (named + i) % count;
        if (is_wrong(dispatch->programs[index], out_offset, err, &code)) {
            *out_index = index;
            return code;
        }
    }
    *out_index = named;
    *out_offset = -1;
    return fail(err, STATUS_INVALID, "jq: %.*s", SLICE_ARGS(sentence));
}

status query_compile(const struct slice *programs, unsigned count,
                     struct query_programs **out_programs, unsigned *out_index, int *out_offset,
                     struct error *err) {
    *out_index = 0;
    *out_offset = -1;
    if (count == 0 || count > QUERY_PROGRAMS_MAX) {
        return fail(err, STATUS_INVALID, "compile jq: 1 to %d programs, not %u", QUERY_PROGRAMS_MAX,
                    count);
    }
    CLEANUP(dispatch_done) struct dispatch dispatch = {0};
    CLEANUP(buffer_done) struct buffer complaint;
    buffer_init(&complaint, COMPLAINT_BYTES_MAX);
    TRY(write_dispatch(&dispatch, programs, count, err));
    struct query_programs *all = memory_new(1, sizeof(*all));
    jq_state *jq = all != NULL ? new_jq() : NULL;
    if (jq == NULL) {
        memory_free(all);
        return fail(err, STATUS_NO_MEMORY, "compile jq: no memory");
    }
    all->jq = jq;
    all->count = count;
    if (!compile_text(jq, buffer_slice(&dispatch.text).bytes, &complaint)) {
        query_programs_done(all);
        return find_wrong(&dispatch, count, buffer_slice(&complaint), out_index, out_offset, err);
    }
    *out_programs = all;
    return STATUS_OK;
}

void query_programs_done(struct query_programs *programs) {
    if (programs != NULL) {
        jq_teardown(&programs->jq);
        memory_free(programs);
    }
}

void query_programs_on_no_memory(struct query_programs *programs, void (*end)(void *owner),
                                 void *owner) {
    jq_set_nomem_handler(programs->jq, end, owner);
}

/* Running ---------------------------------------------------------------------------------- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* The end of the string whose quote is at `at`. */
static size_t skip_string(struct slice text, size_t at) {
    for (at++; at < text.count && text.bytes[at] != '"'; at++) {
        at += text.bytes[at] == '\\' ? 1 : 0;
    }
    return at + 1;
}

static bool is_exact(struct slice digits) {
    return digits.count < EXACT_DIGITS ||
           (digits.count == EXACT_DIGITS &&
            slice_compare(digits, slice_of(INTEGER_MAX_DIGITS)) <= 0);
}

/* jq reads every number as a double. Releases differ in what becomes of one that a double does not
 * hold, so none is let in. */
static status check_integers(struct slice text, struct error *err) {
    size_t at = 0;
    while (at < text.count) {
        if (text.bytes[at] == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (!is_digit(text.bytes[at])) {
            at++;
            continue;
        }
        const size_t begin = at;
        while (at < text.count && is_digit(text.bytes[at])) {
            at++;
        }
        const bool whole = at == text.count || strchr(".eE", text.bytes[at]) == NULL;
        const struct slice digits = slice_part(text, begin, at);
        if (whole && !is_exact(digits)) {
            return fail(err, STATUS_INVALID, "the integer %.*s is beyond the 2^53 that jq holds",
                        SLICE_ARGS(slice_part(digits, 0, 40)));
        }
        while (at < text.count && text.bytes[at] != '\0' &&
               strchr("0123456789.eE+-", text.bytes[at]) != NULL) {
            at++;
        }
    }
    return STATUS_OK;
}

/* The message of an invalid value, which is consumed. A string as it is, else JSON. */
static status fail_with(jv invalid, struct error *err) {
    jv message = jv_invalid_get_msg(invalid);
    if (jv_get_kind(message) != JV_KIND_STRING) {
        message = jv_dump_string(message, 0);
    }
    const status code = fail(err, STATUS_INVALID, "jq: %s", jv_string_value(message));
    jv_free(message);
    return code;
}

/* The first output, or an error; *out_some is false when there is none. */
static status first_output(jq_state *jq, jv *out_value, bool *out_some, struct error *err) {
    jv value = jq_next(jq);
    *out_some = jv_is_valid(value) != 0;
    if (*out_some) {
        *out_value = value;
        return STATUS_OK;
    }
    if (jv_invalid_has_msg(jv_copy(value))) {
        return fail_with(value, err);
    }
    jv_free(value);
    return jq_halted(jq) ? fail(err, STATUS_INVALID, "jq: the program halted") : STATUS_OK;
}

/* jq leaves out what is nested deeper than it writes, and what is left is no JSON. */
static bool is_too_deep(struct slice json) {
    int depth = 0;
    for (size_t at = 0; at < json.count && depth <= VALUE_DEPTH_MAX; at++) {
        const char c = json.bytes[at];
        depth += c == '[' || c == '{' ? 1 : 0;
        depth -= c == ']' || c == '}' ? 1 : 0;
        if (c == '"') {
            at = skip_string(json, at) - 1;
        }
    }
    return depth > VALUE_DEPTH_MAX;
}

static status only_output(jq_state *jq, struct buffer *out, struct error *err) {
    jv value = jv_null();
    jv second = jv_null();
    bool some = false;
    bool more = false;
    TRY(first_output(jq, &value, &some, err));
    if (!some) {
        return STATUS_OK;
    }
    status code = first_output(jq, &second, &more, err);
    if (code == STATUS_OK && more) {
        jv_free(second);
        code = fail(err, STATUS_INVALID, "jq: more than one output: wrap it in [ ]");
    }
    if (code != STATUS_OK) {
        jv_free(value);
        return code;
    }
    jv text = jv_dump_string(value, 0);
    const struct slice json = {.bytes = jv_string_value(text),
                               .count = (size_t)jv_string_length_bytes(jv_copy(text))};
    if (is_too_deep(json)) {
        code = fail(err, STATUS_INVALID, "jq: the output is nested more than %d deep",
                    VALUE_DEPTH_MAX);
    } else if (json.count > out->count_max - out->count) {
        code = fail(err, STATUS_FULL, "jq: the output has %zu bytes, at most %zu are taken",
                    json.count, out->count_max - out->count);
    } else {
        buffer_add(out, json);
        code = buffer_status(out, err);
    }
    jv_free(text);
    return code;
}

status query_programs_run(struct query_programs *programs, unsigned index, struct slice input,
                          struct buffer *out, struct error *err) {
    assert(index < programs->count);
    TRY(check_integers(input, err));
    if (input.count > INT32_MAX) {
        return fail(err, STATUS_FULL, "the input of jq has %zu bytes", input.count);
    }
    jv value = jv_parse_sized(input.bytes, (int)input.count);
    if (!jv_is_valid(value)) {
        return fail_with(value, err);
    }
    jq_start(programs->jq, jv_array_append(jv_array_append(jv_array(), jv_number(index)), value),
             0);
    return only_output(programs->jq, out, err);
}
