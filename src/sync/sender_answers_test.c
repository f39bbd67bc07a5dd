// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"
#include "sync/sender_test.h"

/* --- what cannot be used ---------------------------------------------------------------------- */

struct useless {
    int code;
    const char *body;
    int64_t retry_after_ms;
    int64_t least_ms, most_ms; /* until the next attempt */
    const char *error;
};

static const struct useless USELESS[] = {
    {500, "it broke", 0, 1000, 3000, "500: it broke"},
    {500, "", 0, 1000, 3000, "500: (nothing)"},
    {502, "<html>\r\n<h1>Bad\x01 Gateway</h1>", 0, 1000, 3000,
     "502: <html>  <h1>Bad  Gateway</h1>"},
    {503, "", 120000, 120000, 120000, "503"},
    {503, "{}", 0, 1000, 3000, "503"},
    {429, "slow down", 7000, 7000, 7000, "429: slow down"},
    {200, "<html>log in to this network</html>", 0, 1000, 3000, "makes no sense"},
    {200, "", 0, 1000, 3000, "makes no sense"},
    {200, "{\"held\":", 0, 1000, 3000, "makes no sense"},
    {200, "[]", 0, 1000, 3000, "makes no sense"},
    {302, "", 0, 1000, 3000, "302"},
    {400, "{\"error\":{\"class\":\"invalid\",\"text\":\"a frame is damaged\"}}", 0, 1000, 3000,
     "400: a frame is damaged"},
    {403, "no", 0, 1000, 3000, "403: no"},
    {-1, "", 0, 1000, 3000, "-1"},
};

static void test_sender__keeps_what_a_useless_answer_says_and_tries_again(void **state) {
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof USELESS / sizeof USELESS[0] * 2; i++) {
        const struct useless *row = &USELESS[i / 2];
        shelf_add(bench->shelves[0], LANE_HIGH, 1, 100, 0);
        sender_note(bench->sender, LANE_HIGH, bench->shelves[0]->lanes[LANE_HIGH].highest, 100);
        bench_go(bench); /* what went well makes the next wait a first one */
        bench_note(bench, bench->shelves[0], LANE_HIGH, 1, 100);
        if (i % 2 == 0) {
            sender_lost(bench->sender, bench->now_ms);
            sender_hurry(bench->sender);
        }
        bench_go_to(bench, i % 2 == 0 ? SENDER_HELLO : SENDER_PUT_END);
        sender_answered(bench->sender, row->code, row->retry_after_ms, slice_of(row->body),
                        bench->now_ms);
        assert_int_equal(bench_run(bench), SENDER_CLOSE);
        assert_int_equal(bench_run(bench), SENDER_NOTHING);
        const struct sender_facts facts = bench_facts(bench);
        assert_string_equal(facts.state, "away");
        assert_false(facts.connected);
        assert_non_null(strstr(facts.last_error, row->error));
        assert_in_range(bench->wait_ms, row->least_ms,
                        i % 2 == 0 ? row->most_ms * 3 : row->most_ms);
        assert_int_equal(facts.next_attempt_ms, bench->now_ms + bench->wait_ms);
        bench->now_ms += bench->wait_ms;
    }
    bench_go(bench);
    assert_int_equal(ranges_top(&bench->shelves[0]->held[LANE_HIGH]),
                     bench->shelves[0]->lanes[LANE_HIGH].highest);
}

static void test_sender__waits_longer_for_a_hub_that_greets_but_takes_nothing(void **state) {
    struct bench *bench = *state;
    int64_t most_ms = 0;
    shelf_add(bench->shelves[0], LANE_HIGH, 1, 100, 0);
    for (int i = 0; i < 40; i++) {
        bench_go_to(bench, SENDER_PUT_END);
        hub_restore(bench->shelves[0], LANE_HIGH, 0);
        sender_answered(bench->sender, 500, 0, SLICE(""), bench->now_ms);
        assert_int_equal(bench_run(bench), SENDER_CLOSE);
        assert_int_equal(bench_run(bench), SENDER_NOTHING);
        most_ms = bench->wait_ms > most_ms ? bench->wait_ms : most_ms;
        bench->now_ms += bench->wait_ms;
    }
    assert_int_equal(most_ms, SENDER_RETRY_MS_MOST);
}

static void test_sender__gives_up_a_link_that_shows_no_sign_of_life(void **state) {
    static const enum sender_act SILENT[] = {SENDER_CONNECT, SENDER_HELLO, SENDER_PUT_BODY,
                                             SENDER_PUT_END};
    struct bench *bench = *state;
    shelf_add(bench->shelves[0], LANE_HIGH, 3, 100, 0);
    for (size_t i = 0; i < sizeof SILENT / sizeof SILENT[0]; i++) {
        bench_go_to(bench, SILENT[i]);
        assert_int_equal(bench_run(bench), SENDER_NOTHING);
        assert_int_equal(bench->wait_ms, SENDER_PROGRESS_MS);
        bench->now_ms += SENDER_PROGRESS_MS - 1;
        if (SILENT[i] == SENDER_PUT_BODY) { /* a byte is a sign of life */
            sender_taken(bench->sender, 1, bench->now_ms);
            assert_int_equal(bench_run(bench), SENDER_NOTHING);
            bench->now_ms += SENDER_PROGRESS_MS - 1;
        }
        assert_int_equal(bench_run(bench), SENDER_NOTHING);
        bench->now_ms++;
        assert_int_equal(bench_run(bench), SENDER_CLOSE);
        assert_int_equal(bench_run(bench), SENDER_NOTHING);
        assert_string_equal(bench_facts(bench).state, "away");
        bench->now_ms += bench->wait_ms;
    }
    bench_go(bench);
    assert_int_equal(bench->acknowledged[LANE_HIGH], 3);
}

/* --- what is lost on the way ------------------------------------------------------------------ */

static void test_sender__learns_from_hello_what_a_lost_answer_said(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    bench_go_to(bench, SENDER_PUT_END); /* the hub has it, but its answer never comes */
    sender_lost(bench->sender, bench->now_ms);
    sender_hurry(bench->sender);
    bench_go(bench);
    assert_int_equal(bench->acknowledged[LANE_HIGH], 10);
    assert_int_equal(bench_facts(bench).bodies, 1);

    bench_note(bench, shelf, LANE_HIGH, 1, 100);
    bench_go(bench);
    assert_int_equal(bench->firsts_put[0], 11);
}

static void test_sender__goes_on_at_the_frame_that_a_cut_body_lacks(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 1000, 2000, 0);
    for (int i = 0; i < 6; i++) {
        bench_go_to(bench, SENDER_PUT_END);
        bench_serve(bench, SENDER_PUT_END);
    }
    bench_go_to(bench, SENDER_PUT_BODY);
    bench_serve(bench, SENDER_PUT_BODY);
    bench_go_to(bench, SENDER_PUT_BODY); /* the second frame of the body is cut */
    const uint64_t top = ranges_top(&shelf->held[LANE_HIGH]);
    sender_lost(bench->sender, bench->now_ms);
    sender_hurry(bench->sender);
    bench_go_to(bench, SENDER_PUT_BEGIN);
    assert_int_equal(bench->action.first, top + 1);
    assert_int_equal(bench->acknowledged[LANE_HIGH], top);
    bench_serve(bench, SENDER_PUT_BEGIN);
    bench_go(bench);
    assert_int_equal(bench->acknowledged[LANE_HIGH], 1000);
}

static void test_sender__goes_on_where_the_hub_says_that_frames_are_missing(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 100, 1000, 0);
    bench_go_to(bench, SENDER_PUT_END);
    bench_serve(bench, SENDER_PUT_END);
    bench_go_to(bench, SENDER_PUT_END);
    hub_restore(shelf, LANE_HIGH, 5); /* by a copy of its disk, while we were talking */
    hub_answer_put(bench, SYNC_MISSING);
    bench->now_ms += 1000;
    bench_go_to(bench, SENDER_PUT_BEGIN);
    assert_int_equal(bench->action.first, 6);
    bench_serve(bench, SENDER_PUT_BEGIN);
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 100);
}

static void test_sender__holds_a_lane_that_gets_nowhere_while_others_go_on(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    bench->hub_ms = 0;
    int64_t last_ms = 0;
    for (int i = 0; i < 12; i++) {
        bench_go_to(bench, SENDER_PUT_BEGIN);
        assert_int_equal(bench->action.lane, LANE_HIGH);
        hub_hear_begin(bench);
        bench_go_to(bench, SENDER_PUT_BODY);
        sender_taken(bench->sender, hub_hear_frame(bench, false), bench->now_ms);
        bench_go_to(bench, SENDER_PUT_END);
        hub_answer_put(bench, i % 2 == 0 ? SYNC_STORED : SYNC_MISSING);
        bench_note(bench, shelf, LANE_NORMAL, 1, 100);
        bench_go(bench);
        assert_int_equal(ranges_top(&shelf->held[LANE_NORMAL]), i + 1);
        assert_true(bench->wait_ms > last_ms || bench->wait_ms > SENDER_RETRY_MS_MOST - 1000);
        last_ms = bench->wait_ms;
        bench->now_ms += bench->wait_ms;
    }
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 10);
    assert_int_equal(bench->closes, 0);
}

/* --- what the hub says of a body -------------------------------------------------------------- */

static void answer_with(struct bench *bench, const struct answer *answer) {
    buffer_clear(&bench->text);
    answer_write(answer, &bench->text);
    bench->put_open = false;
    bench->now_ms += ROUND_TRIP_MS;
    sender_answered(bench->sender, (int)answer->code, 0, buffer_slice(&bench->text), bench->now_ms);
}

static void test_sender__tells_people_what_the_hub_put_aside(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    bench_go_to(bench, SENDER_PUT_END);
    struct answer answer = {.code = SYNC_POISON, .lane = hub_lane(shelf, LANE_HIGH)};
    answer.poison_count = 2;
    answer.poison[0] = (struct poison){.seq = 3, .reason = SLICE("its body is no JSON")};
    answer.poison[1] = (struct poison){.seq = 4, .reason = SLICE("neither")};
    answer_with(bench, &answer);
    bench_go(bench);
    assert_string_equal(bench->alarm, "the hub has put record 3 of lane 'high' aside: its body is "
                                      "no JSON, and others");
    assert_int_equal(bench->acknowledged[LANE_HIGH], 10);
}

/* A hub, or a machine before it, that takes at most so many bytes. */
static void go_with_limit(struct bench *bench, int64_t bytes_max, const char *body) {
    for (int turn = 0; turn < 2000; turn++) {
        const enum sender_act act = bench_run(bench);
        if (act == SENDER_NOTHING) {
            if (bench->wait_ms == 0 || bench->wait_ms > 10000) {
                return;
            }
            bench->now_ms += bench->wait_ms;
        } else if (act == SENDER_PUT_BODY) {
            const size_t bytes = hub_hear_frame(
                bench, bench->put_bytes + (int64_t)bench->action.bytes.count <= bytes_max);
            sender_taken(bench->sender, bytes, bench->now_ms);
        } else if (act == SENDER_PUT_END && bench->put_bytes > bytes_max) {
            bench->now_ms += ROUND_TRIP_MS;
            sender_answered(bench->sender, SYNC_TOO_LARGE, 0, slice_of(body), bench->now_ms);
        } else {
            bench_serve(bench, act);
        }
    }
    assert_true(false);
}

static void test_sender__makes_bodies_as_small_as_the_hub_wants_them(void **state) {
    static const char *const BODIES[] = {"{\"max\":1500}",
                                         "<html>413 Request Entity Too Large</html>"};
    for (size_t i = 0; i < 2; i++) {
        struct bench *bench = *state;
        struct shelf *shelf = bench->shelves[0];
        shelf_add(shelf, LANE_HIGH, 200, 300, i);
        sender_note(bench->sender, LANE_HIGH, shelf->lanes[LANE_HIGH].highest, 300);
        go_with_limit(bench, 1500, BODIES[i]);
        assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 200);
        assert_int_equal(bench->mends, 0);
        tear_down(state);
        set_up(state);
    }
}

static void test_sender__keeps_aside_what_no_body_of_the_hub_can_carry(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 5, 300, 0);
    shelf_add(shelf, LANE_HIGH, 1, 5000, 0);
    shelf_add(shelf, LANE_HIGH, 5, 300, 0);
    shelf_add(shelf, LANE_LOW, 5, 300, 0);
    go_with_limit(bench, 1500, "{\"max\":1500}");
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 11);
    assert_int_equal(ranges_top(&shelf->held[LANE_LOW]), 5);
    assert_int_equal(bench->mends, 1);
    assert_int_equal(bench->reason, GAP_EVICTED);
    assert_non_null(strstr(bench->alarm, "record 6 of lane 'high' is larger than this hub takes"));
}

static void test_sender__holds_while_the_hubs_disk_is_full_but_tries_what_is_urgent(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    bench_go_to(bench, SENDER_PUT_END);
    hub_restore(shelf, LANE_HIGH, 0);
    sender_answered(bench->sender, SYNC_FULL, 0, SLICE("<html>"), bench->now_ms);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    assert_int_equal(bench->wait_ms, 60000);
    assert_true(bench_facts(bench).connected);
    assert_int_equal(bench_facts(bench).retries, 0);
    assert_non_null(strstr(bench_facts(bench).last_error, "the hub's disk is full"));

    bench_note(bench, shelf, LANE_URGENT, 1, 100);
    bench_go_to(bench, SENDER_PUT_END);
    assert_int_equal(bench->put_lane, LANE_URGENT);
    hub_restore(shelf, LANE_URGENT, 0);
    sender_answered(bench->sender, SYNC_FULL, 300000, SLICE("{}"), bench->now_ms);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    assert_int_equal(bench->wait_ms, 10000); /* urgent again; the rest after what the hub said */
    bench->now_ms += 10000;
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_URGENT]), 1);
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 0);
    assert_int_equal(bench->wait_ms, 290000 - ROUND_TRIP_MS);
    bench->now_ms += bench->wait_ms;
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 10);
}

static void test_sender__sends_nothing_more_after_an_early_answer(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 100, 2000, 0);
    bench_go_to(bench, SENDER_PUT_BODY);
    bench_serve(bench, SENDER_PUT_BODY);
    hub_answer_put(bench, SYNC_STORED);
    assert_int_equal(bench_run(bench), SENDER_CLOSE);
    assert_true(bench->acknowledged[LANE_HIGH] > 0);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    bench->now_ms += bench->wait_ms;
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 100);
}

static void test_sender__tells_what_the_hubs_clock_says(void **state) {
    struct bench *bench = *state;
    bench_go_to(bench, SENDER_HELLO);
    const int64_t asked_ms = bench->now_ms;
    hub_hear_hello(bench);
    hub_answer_hello(bench);
    bench_go(bench);
    assert_int_equal(bench->samples, 1);
    assert_int_equal(bench->sample.hub_ms, bench->hub_ms);
    assert_int_equal(bench->sample.boot_ns, (asked_ms + ROUND_TRIP_MS / 2) * 1000000);
    assert_int_equal(bench->sample.uncertainty_ms, ROUND_TRIP_MS / 2 + 1);
    bench_note(bench, bench->shelves[0], LANE_HIGH, 1, 10);
    bench_go(bench);
    assert_int_equal(bench->samples, 1); /* no better, and the last is not old */
    bench->now_ms += 60000;
    bench_note(bench, bench->shelves[0], LANE_HIGH, 1, 10);
    bench_go(bench);
    assert_int_equal(bench->samples, 2);
}

/* --- the store -------------------------------------------------------------------------------- */

static void test_sender__mends_what_is_damaged_and_goes_on(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    shelf->lanes[LANE_HIGH].rows[1].damaged = true;
    shelf->lanes[LANE_HIGH].rows[7].damaged = true;
    bench_go(bench);
    assert_int_equal(bench->mends, 2);
    assert_int_equal(bench->reason, GAP_DAMAGED);
    assert_int_equal(bench->acknowledged[LANE_HIGH], 10);
}

static void test_sender__looks_again_when_nothing_stands_where_it_read(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    bench_go(bench);
    sender_note(bench->sender, LANE_HIGH, 5, 100); /* which nobody has written */
    bench_go(bench);
    assert_int_equal(bench->reads, 1);
    assert_int_equal(bench->peeks, 2);
    shelf_add(shelf, LANE_HIGH, 6, 100, 0);
    sender_note(bench->sender, LANE_HIGH, 6, 100);
    bench->now_ms += 1000;
    bench_go(bench);
    assert_int_equal(bench->acknowledged[LANE_HIGH], 6);
}

static void test_sender__asks_a_store_in_trouble_again_later(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    shelf->lanes[LANE_HIGH].rows[1].damaged = true;
    bench->peek_code = STATUS_SYSTEM;
    bench->read_code = STATUS_BUSY;
    bench->mend_code = STATUS_FULL;
    int waits = 0;
    bench_go(bench);
    while (bench->wait_ms > 0) {
        waits++;
        assert_int_equal(bench->closes, 0);
        bench->now_ms += bench->wait_ms;
        bench_go(bench);
    }
    assert_in_range(waits, 3, 4);
    assert_int_equal(bench->acknowledged[LANE_HIGH], 10);
}

/* --- anything --------------------------------------------------------------------------------- */

static void test_sender__loses_nothing_when_memory_is_short(void **state) {
    bool failed = true;
    for (long at = 0; failed; at++) {
        struct bench *bench = *state;
        struct shelf *shelf = bench->shelves[0];
        shelf_add(shelf, LANE_HIGH, 100, 500, 0);
        shelf_add(shelf, LANE_CONTROL, 1, 500, 0);
        bench->fail_at = at;
        bench_go(bench);
        while (bench->wait_ms > 0 && bench->connects < 10) { /* an answer without memory */
            bench->now_ms += bench->wait_ms;
            bench_go(bench);
        }
        failed = bench->fail_at < 0;
        assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 100);
        assert_int_equal(bench->acknowledged[LANE_HIGH], 100);
        assert_int_equal(bench->acknowledged[LANE_CONTROL], 1);
        assert_true(failed || at > 5);
        tear_down(state);
        set_up(state);
    }
}

static void test_sender__is_not_made_without_memory(void **state) {
    (void)state;
    const struct sender_options options = {.seed = 1};
    for (long at = 0;; at++) {
        struct sender *sender = NULL;
        struct error err;
        (void)memory_fail_at(at, 0);
        const status created = sender_create(&options, &sender, &err);
        (void)memory_fail_at(-1, 0);
        if (created == STATUS_OK) {
            sender_destroy(sender);
            assert_true(at > 0);
            return;
        }
        assert_int_equal(created, STATUS_NO_MEMORY);
        assert_null(sender);
    }
}

/* What the owner may tell at any time, in any order. */
static void tell_anything(struct bench *bench, uint32_t chance) {
    static const char *const BODIES[] = {"", "{}", "{\"held\":[[1,3]],\"chain\":\"\"}", "<html>"};
    static const int CODES[] = {200, 409, 412, 413, 422, 500, 503, 507};
    struct sender *sender = bench->sender;
    switch (chance % 9) {
    case 0:
        sender_lost(sender, bench->now_ms);
        break;
    case 1:
        sender_answered(sender, CODES[chance / 9 % 8], chance / 72 % 2 * 5000,
                        slice_of(BODIES[chance / 144 % 4]), bench->now_ms);
        break;
    case 2:
        sender_taken(sender, chance / 9 % 100000, bench->now_ms);
        break;
    case 3:
        sender_connected(sender, bench->now_ms);
        break;
    case 4:
        sender_mended(sender, (status)(chance / 9 % STATUS_COUNT), bench->now_ms);
        break;
    case 5:
        sender_renumbered(sender, (status)(chance / 9 % STATUS_COUNT), bench->now_ms);
        break;
    case 6:
        sender_pause(sender, chance / 9 % 4 == 0);
        break;
    case 7:
        sender_hurry(sender);
        break;
    default:
        bench->now_ms += chance / 9 % 40000;
        break;
    }
}

static void test_sender__survives_whatever_it_is_told(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    uint64_t chance = 11;
    for (int turn = 0; turn < 20000; turn++) {
        chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        tell_anything(bench, (uint32_t)(chance >> 33U));
        if (turn % 20 == 0 && shelf->lanes[LANE_HIGH].highest < SHELF_SEQS - 1) {
            bench_note(bench, shelf, (enum lane)(turn / 20 % SYNC_LANES), 1, 500);
        }
        const enum sender_act act = bench_run(bench);
        if (act == SENDER_PUT_BEGIN || act == SENDER_PUT_BODY ||
            (act != SENDER_NOTHING && turn % 3 != 0)) {
            bench_serve(bench, act);
        }
    }
    sender_pause(bench->sender, false);
    sender_lost(bench->sender, bench->now_ms);
    for (int i = 0; i < 100; i++) {
        bench_go(bench);
        bench->now_ms += bench->wait_ms;
    }
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        assert_int_equal(ranges_top(&shelf->held[lane]), shelf->lanes[lane].highest);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_sender__##name, set_up, tear_down)
        TEST(keeps_what_a_useless_answer_says_and_tries_again),
        TEST(waits_longer_for_a_hub_that_greets_but_takes_nothing),
        TEST(gives_up_a_link_that_shows_no_sign_of_life),
        TEST(learns_from_hello_what_a_lost_answer_said),
        TEST(goes_on_at_the_frame_that_a_cut_body_lacks),
        TEST(goes_on_where_the_hub_says_that_frames_are_missing),
        TEST(holds_a_lane_that_gets_nowhere_while_others_go_on),
        TEST(tells_people_what_the_hub_put_aside),
        TEST(makes_bodies_as_small_as_the_hub_wants_them),
        TEST(keeps_aside_what_no_body_of_the_hub_can_carry),
        TEST(holds_while_the_hubs_disk_is_full_but_tries_what_is_urgent),
        TEST(sends_nothing_more_after_an_early_answer),
        TEST(tells_what_the_hubs_clock_says),
        TEST(mends_what_is_damaged_and_goes_on),
        TEST(looks_again_when_nothing_stands_where_it_read),
        TEST(asks_a_store_in_trouble_again_later),
        TEST(loses_nothing_when_memory_is_short),
        TEST(is_not_made_without_memory),
        TEST(survives_whatever_it_is_told),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
