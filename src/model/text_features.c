// SPDX-License-Identifier: Apache-2.0
#include "model/text_features.h"

#include <assert.h>

#include "base/text.h"

enum { REPLACEMENT = 0xFFFD };

/* Odd numbers of well-mixed bits: FNV's prime for a word, two of our own for what follows. */
static const uint64_t WORD_START = UINT64_C(0xcbf29ce484222325);
static const uint64_t WORD_STEP = UINT64_C(0x100000001b3);
static const uint64_t PAIR_STEP = UINT64_C(0x9e3779b97f4a7c15);
static const uint64_t MIX_STEP = UINT64_C(0xd6e8feb86659fd93);

/* What a byte below 0x80 is inside a word, or 0 where it ends one. */
static const uint8_t FOLDED[128] = {
    ['0'] = '0', ['1'] = '0', ['2'] = '0', ['3'] = '0', ['4'] = '0', ['5'] = '0', ['6'] = '0',
    ['7'] = '0', ['8'] = '0', ['9'] = '0', ['_'] = '_', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c',
    ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j',
    ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q',
    ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x',
    ['Y'] = 'y', ['Z'] = 'z', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e',
    ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l',
    ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's',
    ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z',
};

enum role {
    ROLE_LETTER, /* goes on with the word */
    ROLE_BLANK,  /* ends it */
    ROLE_ALONE   /* is a word: signs of scripts that put no blanks between words */
};

/* What code points above 0x7F are; what no row names is a letter. Ordered. */
static const struct {
    uint32_t first, last;
    enum role role;
} ROLES[] = {
    {0x80, 0xA9, ROLE_BLANK},     {0xAB, 0xB4, ROLE_BLANK},       {0xB6, 0xB9, ROLE_BLANK},
    {0xBB, 0xBF, ROLE_BLANK},     {0xD7, 0xD7, ROLE_BLANK},       {0xF7, 0xF7, ROLE_BLANK},
    {0xE00, 0xEFF, ROLE_ALONE},   {0x1000, 0x109F, ROLE_ALONE},   {0x1780, 0x17FF, ROLE_ALONE},
    {0x2000, 0x206F, ROLE_BLANK}, {0x20A0, 0x20CF, ROLE_ALONE},   {0x2190, 0x2BFF, ROLE_ALONE},
    {0x3000, 0x3004, ROLE_BLANK}, {0x3008, 0x3020, ROLE_BLANK},   {0x3040, 0x30FF, ROLE_ALONE},
    {0x3400, 0x9FFF, ROLE_ALONE}, {0xF900, 0xFAFF, ROLE_ALONE},   {0xFE00, 0xFE6F, ROLE_BLANK},
    {0xFF00, 0xFF0F, ROLE_BLANK}, {0xFF1A, 0xFF20, ROLE_BLANK},   {0xFF3B, 0xFF40, ROLE_BLANK},
    {0xFF5B, 0xFF65, ROLE_BLANK}, {0x1F000, 0x1FAFF, ROLE_ALONE}, {0x20000, 0x3FFFF, ROLE_ALONE},
};

static enum role role_of(uint32_t point) {
    for (size_t i = 0; i < sizeof(ROLES) / sizeof(ROLES[0]) && point >= ROLES[i].first; i++) {
        if (point <= ROLES[i].last) {
            return ROLES[i].role;
        }
    }
    return ROLE_LETTER;
}

/* Capitals of Latin-1, Latin Extended-A (but where odd and even change places), Greek, Cyrillic. */
static uint32_t fold_point(uint32_t point) {
    if ((point >= 0xC0 && point <= 0xDE) || (point >= 0x391 && point <= 0x3A9) ||
        (point >= 0x410 && point <= 0x42F)) {
        return point + 0x20;
    }
    if (point >= 0x400 && point <= 0x40F) {
        return point + 0x50;
    }
    if ((point >= 0x100 && point <= 0x12F) || (point >= 0x14A && point <= 0x177)) {
        return point | 1U;
    }
    return point;
}

struct walk {
    const unsigned char *at;
    const unsigned char *end;
    uint64_t before; /* the word before, 0 at the start */
    uint64_t run;    /* the last eight letters */
    uint64_t run_mask;
    bool pairs;
    bool runs;
    size_t count;
    text_sink *sink;
    void *owner;
    uint32_t batch[TEXT_BATCH];
};

static void give(struct walk *walk, uint64_t hash) {
    const uint64_t mixed = (hash ^ hash >> 32) * MIX_STEP;
    walk->batch[walk->count++] = (uint32_t)(mixed >> (64 - TEXT_HASH_BITS));
    if (walk->count == TEXT_BATCH) {
        walk->sink(walk->owner, walk->batch, walk->count);
        walk->count = 0;
    }
}

static void add_letter(struct walk *walk, uint32_t letter) {
    if (walk->runs) {
        walk->run = walk->run << 8 | ((letter ^ letter >> 8) & 0xFF);
        give(walk, (walk->run & walk->run_mask) * PAIR_STEP);
    }
}

static void add_word(struct walk *walk, uint64_t word) {
    give(walk, word);
    if (walk->pairs) {
        if (walk->before != 0) {
            give(walk, walk->before * PAIR_STEP + word);
        }
        walk->before = word;
    }
}

/* One code point above 0x7F; an ill-formed byte is U+FFFD. */
static uint32_t peek_point(const struct walk *walk, size_t *out_bytes) {
    const unsigned char *at = walk->at;
    const size_t left = (size_t)(walk->end - at);
    const size_t bytes = text_next((struct slice){.bytes = (const char *)at, .count = left});
    *out_bytes = bytes > 0 ? bytes : 1;
    switch (bytes) {
    case 2:
        return (at[0] & 0x1FU) << 6 | (at[1] & 0x3FU);
    case 3:
        return (at[0] & 0x0FU) << 12 | (at[1] & 0x3FU) << 6 | (at[2] & 0x3FU);
    case 4:
        return (at[0] & 0x07U) << 18 | (at[1] & 0x3FU) << 12 | (at[2] & 0x3FU) << 6 |
               (at[3] & 0x3FU);
    default:
        return REPLACEMENT;
    }
}

/* The letter at the walk's place, folded, and how many bytes it is; 0 where the word ends. */
static uint32_t peek_letter(const struct walk *walk, size_t *out_bytes) {
    const unsigned char byte = *walk->at;
    *out_bytes = 1;
    if (byte < 0x80) {
        const bool joins = byte == '\'' && walk->end - walk->at > 1 && walk->at[1] < 0x80 &&
                           FOLDED[walk->at[1]] != 0;
        return joins ? byte : FOLDED[byte];
    }
    const uint32_t point = fold_point(peek_point(walk, out_bytes));
    return role_of(point) == ROLE_LETTER ? point : 0;
}

/* What could not be read counts once, however long: raw and repaired text are the same then. */
static void take_word(struct walk *walk) {
    uint64_t word = WORD_START;
    uint32_t last = 0;
    while (walk->at < walk->end) {
        size_t bytes = 1;
        const unsigned char byte = *walk->at;
        uint32_t letter = byte < 0x80 ? FOLDED[byte] : 0;
        if (letter == 0) {
            letter = peek_letter(walk, &bytes);
            if (letter == 0) {
                break;
            }
        }
        if (letter != REPLACEMENT || last != REPLACEMENT) {
            word = (word ^ letter) * WORD_STEP;
            add_letter(walk, letter);
        }
        last = letter;
        walk->at += bytes;
    }
    add_word(walk, word);
}

static bool is_blank(unsigned char byte) {
    return byte <= ' ' || byte == 0x7F;
}

static void take_blanks(struct walk *walk) {
    while (walk->at < walk->end && is_blank(*walk->at)) {
        walk->at++;
    }
    if ((walk->run & 0xFF) != ' ') {
        add_letter(walk, ' ');
    }
}

/* A mark counts alone, doubled or in a row, and stands in no pair. */
static void take_marks(struct walk *walk) {
    const unsigned char mark = *walk->at;
    uint64_t count = 0;
    while (walk->at < walk->end && *walk->at == mark) {
        walk->at++;
        count++;
        add_letter(walk, mark);
    }
    const uint64_t grade = count == 1 ? 1 : count <= 3 ? 2 : 3;
    give(walk, (mark | grade << 8) * PAIR_STEP);
}

static void take_point(struct walk *walk) {
    size_t bytes = 1;
    const uint32_t point = fold_point(peek_point(walk, &bytes));
    const enum role role = role_of(point);
    if (role == ROLE_LETTER) {
        take_word(walk);
        return;
    }
    walk->at += bytes;
    if (role == ROLE_ALONE) {
        add_letter(walk, point);
        add_word(walk, (WORD_START ^ point) * WORD_STEP);
    } else if ((walk->run & 0xFF) != ' ') {
        add_letter(walk, ' ');
    }
}

const char *text_settings_fault(const struct text_settings *settings) {
    if (settings->bytes_max < TEXT_BYTES_MIN || settings->bytes_max > TEXT_BYTES_MAX) {
        return "the bytes looked at are from 64 to 1048576";
    }
    if (settings->letters != 0 &&
        (settings->letters < TEXT_LETTERS_MIN || settings->letters > TEXT_LETTERS_MAX)) {
        return "runs of letters are 0 or from 2 to 7 long";
    }
    return NULL;
}

void text_features(const struct text_settings *settings, struct slice text, text_sink *sink,
                   void *owner) {
    assert(text_settings_fault(settings) == NULL);
    const struct slice seen = slice_part(text, 0, settings->bytes_max);
    if (seen.count == 0) {
        return;
    }
    struct walk walk;
    walk.at = (const unsigned char *)seen.bytes;
    walk.end = walk.at + seen.count;
    walk.before = 0;
    walk.run = ' ';
    walk.run_mask = (UINT64_C(1) << 8 * settings->letters) - 1;
    walk.pairs = settings->pairs;
    walk.runs = settings->letters > 0;
    walk.count = 0;
    walk.sink = sink;
    walk.owner = owner;
    while (walk.at < walk.end) {
        const unsigned char byte = *walk.at;
        if (byte >= 0x80) {
            take_point(&walk);
        } else if (FOLDED[byte] != 0) {
            take_word(&walk);
        } else if (is_blank(byte)) {
            take_blanks(&walk);
        } else {
            take_marks(&walk);
        }
    }
    if (walk.count > 0) {
        sink(owner, walk.batch, walk.count);
    }
}
