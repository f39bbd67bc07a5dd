// SPDX-License-Identifier: Apache-2.0
#include "platform/image.h"

#include "base/memory.h"
#include "platform/test_pictures.h"

static const struct image_colour GROUND = {10, 200, 60};

enum { SEEN_HEAD = 8, WIDTH = 203, HEIGHT = 121 };

static status decode(struct slice encoded, uint32_t shrink, struct image *out_image,
                     struct image_facts *out_facts, struct error *err) {
    TRY(image_look(encoded, out_facts, err));
    return image_decode(encoded, out_facts, shrink, GROUND, out_image, err);
}

/* The mean and the largest difference of two pictures of one size. */
static void compare(const uint8_t *ours, const uint8_t *theirs, size_t count, double *out_mean,
                    int *out_most) {
    double sum = 0;
    *out_most = 0;
    for (size_t i = 0; i < count; i++) {
        const int difference = abs(ours[i] - theirs[i]);
        sum += difference;
        *out_most = difference > *out_most ? difference : *out_most;
    }
    *out_mean = sum / (double)count;
}

/* Ours, turned upright, against what another reader sees; a step of rounding is no difference. */
static void check_seen(void **state, const char *name) {
    char seen_name[80];
    (void)snprintf(seen_name, sizeof(seen_name), "%s.rgb", name);
    CLEANUP(buffer_done) struct buffer bytes;
    CLEANUP(buffer_done) struct buffer seen_bytes;
    const struct slice encoded = test_picture(state, name, &bytes);
    const struct slice seen = test_picture(state, seen_name, &seen_bytes);
    CLEANUP(image_done) struct image image = {0};
    struct image_facts facts;
    struct error err = {0};
    if (decode(encoded, 1, &image, &facts, &err) != STATUS_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    assert_int_equal(image_turn_upright(&image, facts.orientation, &err), STATUS_OK);
    assert_int_equal(image.width, test_picture_size(seen, 0));
    assert_int_equal(image.height, test_picture_size(seen, 4));
    double mean;
    int most;
    compare(image.pixels, (const uint8_t *)seen.bytes + SEEN_HEAD, seen.count - SEEN_HEAD, &mean,
            &most);
    if (most > 1) {
        fail_msg("%s: differs by %d at most, %.3f in the mean", name, most, mean);
    }
}

static void test_image__sees_in_jpegs_what_others_see(void **state) {
    static const char *const names[] = {"baseline.jpg", "progressive.jpg", "sharp.jpg", "grey.jpg",
                                        "cmyk.jpg"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        check_seen(state, names[i]);
    }
}

static void test_image__sees_in_pngs_what_others_see(void **state) {
    static const char *const kinds[] = {"grey1",          "grey2",      "grey4", "grey8",
                                        "grey16",         "rgb8",       "rgb16", "palette4",
                                        "palette8-clear", "greyalpha8", "rgba8", "rgba16"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "%s-plain.png", kinds[i]);
        check_seen(state, name);
        (void)snprintf(name, sizeof(name), "%s-interlaced.png", kinds[i]);
        check_seen(state, name);
    }
}

static void test_image__turns_all_eight_orientations_upright(void **state) {
    for (int orientation = 1; orientation <= 8; orientation++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "turned-%d.jpg", orientation);
        CLEANUP(buffer_done) struct buffer bytes;
        struct image_facts facts;
        assert_int_equal(image_look(test_picture(state, name, &bytes), &facts, NULL), STATUS_OK);
        assert_int_equal(facts.orientation, orientation);
        assert_int_equal(facts.width, orientation >= 5 ? HEIGHT : WIDTH);
        check_seen(state, name);
    }
}

static void test_image__goes_by_content_and_not_by_name(void **state) {
    check_seen(state, "wrong-name.jpg");
    check_seen(state, "wrong-name.png");
}

static void test_image__decodes_a_jpeg_smaller_where_that_is_enough(void **state) {
    CLEANUP(buffer_done) struct buffer bytes;
    const struct slice encoded = test_picture(state, "sharp.jpg", &bytes);
    CLEANUP(image_done) struct image whole = {0};
    struct image_facts facts;
    assert_int_equal(decode(encoded, 1, &whole, &facts, NULL), STATUS_OK);
    for (uint32_t shrink = 2; shrink <= IMAGE_SHRINK_MAX; shrink *= 2) {
        CLEANUP(image_done) struct image small = {0};
        assert_int_equal(decode(encoded, shrink, &small, &facts, NULL), STATUS_OK);
        assert_int_equal(small.shrunk, shrink);
        assert_int_equal(small.width, (WIDTH + shrink - 1) / shrink);
        assert_int_equal(small.height, (HEIGHT + shrink - 1) / shrink);
        /* Deep within the blue rectangle the mean of a square is its colour. */
        const uint8_t *blue =
            small.pixels + ((size_t)(80 / shrink) * small.width + 150 / shrink) * IMAGE_CHANNELS;
        const uint8_t *same = whole.pixels + ((size_t)80 * WIDTH + 150) * IMAGE_CHANNELS;
        for (int c = 0; c < IMAGE_CHANNELS; c++) {
            assert_true(abs(blue[c] - same[c]) <= 3);
        }
    }
}

/* Cut off anywhere: all of it was there already, or one sentence says that it is damaged. */
static void check_cuts(void **state, const char *name, size_t step) {
    CLEANUP(buffer_done) struct buffer bytes;
    const struct slice encoded = test_picture(state, name, &bytes);
    size_t refused = 0;
    for (size_t count = 0; count < encoded.count; count += step) {
        /* A copy of just so many bytes: who reads beyond them is found out. */
        char *copy = memory_new(count, 1);
        (void)memcpy(copy, encoded.bytes, count);
        struct image image = {0};
        struct image_facts facts;
        struct error err = {0};
        const status code =
            decode((struct slice){.bytes = copy, .count = count}, 1, &image, &facts, &err);
        assert_true(code == STATUS_OK || code == STATUS_INVALID);
        assert_true((code == STATUS_OK) == (err.text[0] == '\0'));
        assert_true(code == STATUS_INVALID || count + 16 > encoded.count);
        refused += code == STATUS_INVALID;
        image_done(&image);
        memory_free(copy);
    }
    assert_true(refused > 0);
}

static void test_image__refuses_what_is_cut_off(void **state) {
    check_cuts(state, "baseline.jpg", 31);
    check_cuts(state, "progressive.jpg", 31);
    check_cuts(state, "cmyk.jpg", 1000);
    check_cuts(state, "rgb8-plain.png", 1000);
    check_cuts(state, "rgba16-interlaced.png", 1000);
    check_cuts(state, "palette8-clear-plain.png", 31);
}

static void check_refused(struct slice encoded, const char *sentence) {
    struct image_facts facts;
    struct error err = {0};
    assert_int_equal(image_look(encoded, &facts, &err), STATUS_INVALID);
    if (strstr(err.text, sentence) == NULL) {
        fail_msg("'%s' has no '%s'", err.text, sentence);
    }
}

static void test_image__says_what_is_no_picture(void **state) {
    (void)state;
    check_refused((struct slice){0}, "no bytes");
    check_refused(SLICE("\xff\xd8"), "like no JPEG and no PNG");
    check_refused(SLICE("<html><body>404"), "like no JPEG and no PNG");
    check_refused(SLICE("GIF89a......"), "this is a GIF: pictures are JPEG or PNG");
    check_refused(SLICE("RIFF....WEBPVP8 "), "this is a WebP");
}

static void put_short(char *at, uint32_t number) {
    at[0] = (char)(number >> 8);
    at[1] = (char)number;
}

/* Where the frame of a JPEG says its height and width. */
static char *find_frame(struct buffer *bytes, char marker) {
    for (size_t i = 2; i + 9 < bytes->count; i++) {
        if (bytes->bytes[i] == '\xff' && bytes->bytes[i + 1] == marker) {
            return bytes->bytes + i + 5;
        }
    }
    fail_msg("the picture has no frame");
    return NULL;
}

static void test_image__bounds_a_jpeg_before_it_is_decoded(void **state) {
    CLEANUP(buffer_done) struct buffer bytes;
    (void)test_picture(state, "baseline.jpg", &bytes);
    char *frame = find_frame(&bytes, '\xc0');
    put_short(frame + 2, 50000);
    check_refused(buffer_slice(&bytes), "50000 x 121 pixels is too large: a side has at most");
    put_short(frame, 30000);
    put_short(frame + 2, 30000);
    check_refused(buffer_slice(&bytes), "30000 x 30000 pixels is too large");
    put_short(frame, 0);
    check_refused(buffer_slice(&bytes), "30000 x 0 pixels is none");
}

static void test_image__bounds_what_many_scans_would_cost(void **state) {
    CLEANUP(buffer_done) struct buffer bytes;
    (void)test_picture(state, "progressive.jpg", &bytes);
    char *frame = find_frame(&bytes, '\xc2');
    put_short(frame, 9400);
    put_short(frame + 2, 7000); /* in three bytes a pixel, and ten scans */
    struct image_facts facts;
    assert_int_equal(image_look(buffer_slice(&bytes), &facts, NULL), STATUS_OK);
    frame[6] = 0x11; /* no component is smaller than the others now: six bytes a pixel */
    check_refused(buffer_slice(&bytes), "in several scans is too large");
    for (int i = 0; i < 10; i++) {
        buffer_add_text(&bytes, "\xff\xda");
    }
    check_refused(buffer_slice(&bytes), "in 20 scans would take too long");
}

static void test_image__bounds_a_png_before_it_is_decoded(void **state) {
    (void)state;
    static const char wide[] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xc3\x50\0\0\0\x01\x08\x02\0\0\0"
                               "\xfe\xea\xf4\xd9\0\0\0\x01IDAT\x78";
    struct image_facts facts;
    struct error err = {0};
    assert_int_equal(
        image_look((struct slice){.bytes = wide, .count = sizeof(wide) - 1}, &facts, &err),
        STATUS_INVALID);
    assert_non_null(strstr(err.text, "50000 x 1 pixels is too large"));
}

static void test_image__writes_a_jpeg_that_it_reads_again(void **state) {
    CLEANUP(buffer_done) struct buffer bytes;
    CLEANUP(image_done) struct image image = {0};
    struct image_facts facts;
    assert_int_equal(decode(test_picture(state, "rgb8-plain.png", &bytes), 1, &image, &facts, NULL),
                     STATUS_OK);
    size_t before = 0;
    for (int quality = 20; quality <= 100; quality += 40) {
        struct slice encoded;
        char *written = NULL;
        assert_int_equal(image_encode_jpeg(&image, quality, &written, &encoded.count, NULL),
                         STATUS_OK);
        encoded.bytes = written;
        assert_true(encoded.count > before);
        before = encoded.count;
        CLEANUP(image_done) struct image again = {0};
        assert_int_equal(decode(encoded, 1, &again, &facts, NULL), STATUS_OK);
        assert_int_equal(again.width, WIDTH);
        double mean;
        int most;
        compare(image.pixels, again.pixels, (size_t)WIDTH * HEIGHT * IMAGE_CHANNELS, &mean, &most);
        assert_true(mean < 12.0 - quality / 15.0);
        memory_free(written);
    }
}

static void test_image__without_memory_says_so_and_leaks_nothing(void **state) {
    static const char *const names[] = {"turned-6.jpg", "rgba8-interlaced.png"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CLEANUP(buffer_done) struct buffer bytes;
        const struct slice encoded = test_picture(state, names[i], &bytes);
        status code = STATUS_NO_MEMORY;
        for (long index = 0; code != STATUS_OK; index++) {
            struct image image = {0};
            struct image_facts facts;
            struct error err = {0};
            (void)memory_fail_at(index, 0);
            code = decode(encoded, 1, &image, &facts, &err);
            if (code == STATUS_OK) {
                code = image_turn_upright(&image, facts.orientation, NULL);
            }
            (void)memory_fail_at(-1, 0);
            if (code != STATUS_OK && code != STATUS_NO_MEMORY) {
                fail_msg("allocation %ld of %s: %s", index, names[i], err.text);
            }
            image_done(&image);
        }
    }
}

static void test_image_cut__gives_the_part_and_nothing_beside_it(void **state) {
    (void)state;
    struct image image;
    struct image cut;
    assert_int_equal(image_create(4, 3, &image, NULL), STATUS_OK);
    for (size_t i = 0; i < (size_t)4 * 3 * IMAGE_CHANNELS; i++) {
        image.pixels[i] = (uint8_t)i;
    }
    assert_int_equal(image_cut(&image, 2, 1, 2, 2, &cut, NULL), STATUS_OK);
    const uint8_t wanted[] = {18, 19, 20, 21, 22, 23, 30, 31, 32, 33, 34, 35};
    assert_int_equal(cut.width, 2);
    assert_int_equal(cut.height, 2);
    assert_memory_equal(cut.pixels, wanted, sizeof(wanted));
    image_done(&cut);
    image_done(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image__sees_in_jpegs_what_others_see),
        cmocka_unit_test(test_image__sees_in_pngs_what_others_see),
        cmocka_unit_test(test_image__turns_all_eight_orientations_upright),
        cmocka_unit_test(test_image__goes_by_content_and_not_by_name),
        cmocka_unit_test(test_image__decodes_a_jpeg_smaller_where_that_is_enough),
        cmocka_unit_test(test_image__refuses_what_is_cut_off),
        cmocka_unit_test(test_image__says_what_is_no_picture),
        cmocka_unit_test(test_image__bounds_a_jpeg_before_it_is_decoded),
        cmocka_unit_test(test_image__bounds_what_many_scans_would_cost),
        cmocka_unit_test(test_image__bounds_a_png_before_it_is_decoded),
        cmocka_unit_test(test_image__writes_a_jpeg_that_it_reads_again),
        cmocka_unit_test(test_image__without_memory_says_so_and_leaks_nothing),
        cmocka_unit_test(test_image_cut__gives_the_part_and_nothing_beside_it),
    };
    return cmocka_run_group_tests(tests, test_pictures_make, test_pictures_remove);
}
