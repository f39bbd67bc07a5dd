// SPDX-License-Identifier: Apache-2.0
#include "agents/sound.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"

static void put_u16(struct buffer *out, unsigned number) {
    buffer_add_byte(out, (uint8_t)number);
    buffer_add_byte(out, (uint8_t)(number >> 8));
}

/* Two samples in each of the channels, behind a chunk of odd length that nobody knows. */
static void write_wav(struct buffer *out, unsigned coding, unsigned channels, unsigned bits) {
    buffer_init(out, 1024);
    buffer_add_text(out, "RIFF");
    buffer_add_u32(out, 0);
    buffer_add_text(out, "WAVELIST");
    buffer_add_u32(out, 3);
    buffer_add_text(out, "abc.fmt ");
    buffer_add_u32(out, 16);
    put_u16(out, coding);
    put_u16(out, channels);
    buffer_add_u32(out, 16000);
    buffer_add_u32(out, 32000);
    put_u16(out, 2);
    put_u16(out, bits);
    buffer_add_text(out, "data");
    buffer_add_u32(out, 4 * channels);
    for (unsigned i = 0; i < channels; i++) {
        put_u16(out, 0x7fff);
        put_u16(out, 0x8000);
    }
}

static void refused(struct slice type, struct slice bytes, const char *why) {
    struct sound sound;
    struct error err = {0};
    assert_int_equal(sound_read(type, bytes, &sound, &err), STATUS_INVALID);
    if (strstr(err.text, why) == NULL) {
        fail_msg("'%s' is not in: %s", why, err.text);
    }
}

static void test_sound__samples_of_a_wav_file(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer file;
    struct sound sound;
    struct error err;
    write_wav(&file, 1, 2, 16);
    assert_int_equal(sound_read(SLICE("audio/x-wav"), buffer_slice(&file), &sound, &err),
                     STATUS_OK);
    assert_int_equal(sound.rate, 16000);
    assert_int_equal(sound.channels, 2);
    assert_int_equal(sound.count, 2);
    assert_int_equal(sound_sample(&sound, 0), 32767);
    assert_int_equal(sound_sample(&sound, 3), -32768);
}

static void test_sound__samples_as_a_network_sends_them(void **state) {
    (void)state;
    struct sound sound;
    struct error err;
    const struct slice bytes = SLICE("\x01\x02\xff\xfe\x00");
    assert_int_equal(sound_read(SLICE("audio/L16; rate=8000"), bytes, &sound, &err), STATUS_OK);
    assert_int_equal(sound.rate, 8000);
    assert_int_equal(sound.channels, 1);
    assert_int_equal(sound.count, 2);
    assert_int_equal(sound_sample(&sound, 0), 0x102);
    assert_int_equal(sound_sample(&sound, 1), -2);
    assert_int_equal(sound_read(SLICE("audio/L16;channels=2;x=y"), bytes, &sound, &err), STATUS_OK);
    assert_int_equal(sound.count, 1);
    assert_int_equal(sound.rate, 0);
    refused(SLICE("audio/L16;channels=1000"), bytes, "1000 channels");
}

static void test_sound__what_is_none_or_another_is_refused(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer file;
    const struct slice wav = SLICE("audio/wav");
    write_wav(&file, 1, 1, 16);
    for (size_t i = 0; i < file.count; i++) { /* cut short anywhere */
        refused(wav, (struct slice){.bytes = file.bytes, .count = i}, "WAV file");
    }
    refused(wav, SLICE("ID3 and so on, which is no WAV"), "are no WAV file");
    refused(SLICE("audio/mpeg"), buffer_slice(&file), "it is audio/mpeg: audio/wav or audio/L16");
    refused(SLICE(""), buffer_slice(&file), "it is of no type");
    buffer_done(&file);
    write_wav(&file, 3, 1, 32);
    refused(wav, buffer_slice(&file), "coding 3 with 32 bits: PCM with 16 bits is wanted");
    buffer_done(&file);
    write_wav(&file, 1, 0, 16);
    refused(wav, buffer_slice(&file), "it has 0 channels");
}

static void test_sound__who_wrote_it_did_not_know_how_long_it_would_be(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer file;
    struct sound sound;
    struct error err;
    write_wav(&file, 1, 1, 16);
    (void)memset(file.bytes + file.count - 8, 0xff, 4);
    assert_int_equal(sound_read(SLICE("audio/wav"), buffer_slice(&file), &sound, &err), STATUS_OK);
    assert_int_equal(sound.count, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound__samples_of_a_wav_file),
        cmocka_unit_test(test_sound__samples_as_a_network_sends_them),
        cmocka_unit_test(test_sound__what_is_none_or_another_is_refused),
        cmocka_unit_test(test_sound__who_wrote_it_did_not_know_how_long_it_would_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
