// SPDX-License-Identifier: Apache-2.0
#include "wire/lexer.h"

#include "wire/test_context.h"

/* The tokens as "kind:text" words, or "error@at: sentence". */
static const char *words_of(struct buffer *out, const char *text, bool ends_at_brace) {
    static const char *const KINDS[] = {"end",   "field", "number", "name",  "variable", "format",
                                        "quote", "part",  "open",   "close", "unquote",  "sign"};
    struct lexer lexer;
    struct token token = {.kind = TOKEN_NAME};
    lexer_init(&lexer, slice_of(text));
    lexer.ends_at_brace = ends_at_brace;
    buffer_clear(out);
    while (token.kind != TOKEN_END) {
        uint32_t at = 0;
        struct error err = {0};
        if (lexer_next(&lexer, &token, &at, &err) != STATUS_OK) {
            buffer_print(out, "error@%u: %s", at, err.text);
            break;
        }
        if (token.kind == TOKEN_END) {
            buffer_print(out, "end@%u", token.begin);
        } else {
            buffer_print(out, "%s:%.*s ", KINDS[token.kind], SLICE_ARGS(token.text));
        }
    }
    buffer_add_byte(out, '\0');
    return out->bytes;
}

static void check_words(const char *text, const char *wanted) {
    struct buffer out;
    buffer_init(&out, 1 << 20);
    const char *got = words_of(&out, text, false);
    if (strcmp(got, wanted) != 0) {
        fail_msg("%s: %s, wanted %s", text, got, wanted);
    }
    buffer_done(&out);
}

static void test_lexer__words_are_cut_as_jq_cuts_them(void **state) {
    (void)state;
    check_words(".a.b", "field:a field:b end@4");
    check_words(". a", "sign:. name:a end@3");
    check_words("..a", "sign:.. name:a end@3");
    check_words("1.5e3 .5 7.", "number:1.5e3 number:.5 number:7. end@11");
    check_words("1e", "number:1 name:e end@2");
    check_words("$a_1 @base64 b::c", "variable:a_1 format:base64 name:b::c end@17");
    check_words("a//=b?//c//d", "name:a sign://= name:b sign:?// name:c sign:// name:d end@12");
    check_words("<=>=<>", "sign:<= sign:>= sign:< sign:> end@6");
    check_words("1 # one\n2", "number:1 number:2 end@9");
    check_words("-1", "sign:- number:1 end@2");
}

static void test_lexer__strings_come_in_parts(void **state) {
    (void)state;
    check_words("\"a\\\"b\"", "quote:\" part:a\\\"b unquote:\" end@6");
    check_words("\"\"", "quote:\" unquote:\" end@2");
    check_words("\"x\\(.a)y\"", "quote:\" part:x open:\\( field:a close:) part:y unquote:\" end@9");
    check_words("\"\\(\"\\((1))\")\"",
                "quote:\" open:\\( quote:\" open:\\( sign:( number:1 sign:) close:) unquote:\" "
                "close:) unquote:\" end@13");
    check_words("\"# ) }\"", "quote:\" part:# ) } unquote:\" end@7");
}

static void test_lexer__what_is_open_must_be_closed(void **state) {
    (void)state;
    check_words("(", "sign:( error@1: '(' is not closed");
    check_words("[1)", "sign:[ number:1 error@2: ')' stands where '[' is still open");
    check_words("}", "error@0: '}' closes nothing");
    check_words("\"abc", "quote:\" error@1: a string is not closed: '\"' is missing");
    check_words("\"\\(1\"", "quote:\" open:\\( number:1 quote:\" error@5: a string is not closed: "
                            "'\"' is missing");
    check_words("\"\\(1", "quote:\" open:\\( number:1 error@4: '\\(' is not closed");
    check_words("\"a\\", "quote:\" error@1: a string is not closed: '\"' is missing");
}

static void test_lexer__other_languages_are_answered_in_jqs_words(void **state) {
    (void)state;
    check_words("a && b", "name:a error@2: jq has no '&': write `and`");
    check_words("!a", "error@0: jq has no '!' but in '!=': write `(... | not)`");
    check_words("'a'", "error@0: a string stands in double quotes, not in single ones");
    check_words("$", "error@0: a name is missing after '$'");
    check_words("a \xc3\xa9", "name:a error@2: '\xc3\xa9' is not part of jq");
    check_words("a\x01", "name:a error@1: the byte 0x01 is not part of jq");
}

static void test_lexer__an_unmatched_brace_can_end_the_text(void **state) {
    struct buffer out;
    (void)state;
    buffer_init(&out, 1 << 20);
    assert_string_equal(words_of(&out, "{\"a\": \"}\"} } }", true),
                        "sign:{ quote:\" part:a unquote:\" sign:: quote:\" part:} unquote:\" "
                        "sign:} end@11");
    buffer_done(&out);
}

static void test_lexer__depth_is_bounded(void **state) {
    char text[4 * EXPRESSION_DEPTH_MAX];
    struct buffer out;
    (void)state;
    buffer_init(&out, 1 << 20);
    memset(text, '(', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_non_null(strstr(words_of(&out, text, false), "nested more than 32 deep"));
    buffer_done(&out);
}

static void check_unescaped(const char *raw, const char *wanted) {
    struct arena arena;
    struct slice text = {0};
    struct error err = {0};
    uint32_t at = 0;
    const struct token part = {.kind = TOKEN_PART, .begin = 10, .text = slice_of(raw)};
    arena_init(&arena, 1 << 16);
    const status code = lexer_unescape(&arena, &part, &text, &at, &err);
    if (wanted == NULL) {
        assert_int_equal(code, STATUS_INVALID);
        assert_int_equal(at, 11);
    } else {
        assert_int_equal(code, STATUS_OK);
        assert_true(slice_is(text, wanted));
    }
    arena_done(&arena);
}

static void test_lexer__escapes_are_those_of_json(void **state) {
    (void)state;
    check_unescaped("abc", "abc");
    check_unescaped("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t");
    check_unescaped("\\u0041\\u00e9\\u20ac\\ud83d\\ude00", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    check_unescaped("a\\q", NULL);
    check_unescaped("a\\ud83d", NULL);
    check_unescaped("a\\ude00", NULL);
    check_unescaped("a\\ud83d\\u0041", NULL);
    check_unescaped("a\\u12", NULL);
    check_unescaped("a\\u12g4", NULL);
}

static void test_lexer__places_count_lines_and_code_points(void **state) {
    (void)state;
    const struct slice text = SLICE("a\xc3\xa9 b\nc d");
    const struct place begin = {.line = 4, .column = 7};
    const struct place b = lexer_place(text, begin, 4);
    const struct place d = lexer_place(text, begin, 8);
    const struct place in = lexer_place_in(text, begin, 3, 8);
    assert_int_equal(b.line, 4);
    assert_int_equal(b.column, 10);
    assert_int_equal(d.line, 5);
    assert_int_equal(d.column, 9);
    assert_int_equal(in.column, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lexer__words_are_cut_as_jq_cuts_them),
        cmocka_unit_test(test_lexer__strings_come_in_parts),
        cmocka_unit_test(test_lexer__what_is_open_must_be_closed),
        cmocka_unit_test(test_lexer__other_languages_are_answered_in_jqs_words),
        cmocka_unit_test(test_lexer__an_unmatched_brace_can_end_the_text),
        cmocka_unit_test(test_lexer__depth_is_bounded),
        cmocka_unit_test(test_lexer__escapes_are_those_of_json),
        cmocka_unit_test(test_lexer__places_count_lines_and_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
