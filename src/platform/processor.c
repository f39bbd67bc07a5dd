// SPDX-License-Identifier: Apache-2.0
#include "platform/processor.h"

#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

enum {
    FMA = 1 << 12,         /* leaf 1, ecx */
    SAVES_STATE = 3 << 27, /* leaf 1, ecx: OSXSAVE and AVX */
    F16C = 1 << 29,        /* leaf 1, ecx */
    AVX2 = 1 << 5,         /* leaf 7, ebx */
    AVX512_F = 1 << 16,    /* leaf 7, ebx */
    AVX512_BW = 1 << 30,   /* leaf 7, ebx; with DQ and VL below */
    AVX512_DQ = 1 << 17,   /* leaf 7, ebx */
    AVX512_VNNI = 1 << 11, /* leaf 7, ecx */
    AVX_VNNI = 1 << 4,     /* leaf 7.1, eax */
    AVX512_BF16 = 1 << 5,  /* leaf 7.1, eax */
    KEEPS_AVX = 0x6,       /* XCR0: halves of 256 bits */
    KEEPS_AVX512 = 0xe0,   /* XCR0: masks, halves of 512 bits, registers 16 to 31 */
    BLOCK = 8,
    WIDE_BLOCK = 16
};

static const uint32_t AVX512_VL = UINT32_C(1) << 31; /* leaf 7, ebx */

int processor_cores(int most) {
    cpu_set_t set;
    CPU_ZERO(&set);
    const int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < most ? count : most;
}

static bool has(uint64_t word, uint64_t bits) {
    return (word & bits) == bits;
}

/* As MLAS chooses: AVX2 first, then what replaces it. */
bool processor_words_add_in_pairs(const struct processor_words *words) {
    if (!has(words->leaf_1_ecx, SAVES_STATE | FMA) || !has(words->kept, KEEPS_AVX) ||
        !has(words->leaf_7_ebx, AVX2)) {
        return false;
    }
    if (has(words->kept, KEEPS_AVX512) &&
        has(words->leaf_7_ebx, AVX512_F | AVX512_BW | AVX512_DQ | AVX512_VL)) {
        return !has(words->leaf_7_ecx, AVX512_VNNI);
    }
    return !has(words->leaf_7_1_eax, AVX_VNNI);
}

uint32_t processor_words_block_channels(const struct processor_words *words) {
    const bool is_wide = has(words->leaf_1_ecx, SAVES_STATE | FMA) &&
                         has(words->kept, KEEPS_AVX | KEEPS_AVX512) &&
                         has(words->leaf_7_ebx, AVX2 | AVX512_F);
    return is_wide ? WIDE_BLOCK : BLOCK;
}

/* What a graph may be made for; names as Linux has them. Without what the system keeps for it, none
 * of them is there. */
static const struct {
    const char *name;
    size_t word; /* the offset in struct processor_words */
    uint32_t bits;
    uint64_t kept;
} FEATURES[] = {
    {"avx", offsetof(struct processor_words, leaf_1_ecx), SAVES_STATE, KEEPS_AVX},
    {"fma", offsetof(struct processor_words, leaf_1_ecx), FMA, KEEPS_AVX},
    {"f16c", offsetof(struct processor_words, leaf_1_ecx), F16C, KEEPS_AVX},
    {"avx2", offsetof(struct processor_words, leaf_7_ebx), AVX2, KEEPS_AVX},
    {"avx_vnni", offsetof(struct processor_words, leaf_7_1_eax), AVX_VNNI, KEEPS_AVX},
    {"avx512f", offsetof(struct processor_words, leaf_7_ebx), AVX512_F, KEEPS_AVX512},
    {"avx512bw", offsetof(struct processor_words, leaf_7_ebx), AVX512_BW, KEEPS_AVX512},
    {"avx512dq", offsetof(struct processor_words, leaf_7_ebx), AVX512_DQ, KEEPS_AVX512},
    {"avx512_vnni", offsetof(struct processor_words, leaf_7_ecx), AVX512_VNNI, KEEPS_AVX512},
    {"avx512_bf16", offsetof(struct processor_words, leaf_7_1_eax), AVX512_BF16, KEEPS_AVX512},
};

void processor_words_describe(const struct processor_words *words,
                              char out_text[PROCESSOR_TEXT_BYTES]) {
    size_t used = 0;
    out_text[0] = '\0';
    for (size_t i = 0; i < sizeof(FEATURES) / sizeof(FEATURES[0]); i++) {
        uint32_t word;
        (void)memcpy(&word, (const char *)words + FEATURES[i].word, sizeof(word));
        if (has(word, FEATURES[i].bits) && has(words->kept, FEATURES[i].kept)) {
            used += (size_t)snprintf(out_text + used, PROCESSOR_TEXT_BYTES - used, "%s%s",
                                     used > 0 ? " " : "", FEATURES[i].name);
        }
    }
}

#if defined(__x86_64__) || defined(__i386__)
static uint64_t kept_registers(void) {
    uint32_t low;
    uint32_t high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static struct processor_words read_words(void) {
    struct processor_words words = {0};
    uint32_t unused[4];
    (void)__get_cpuid(1, &unused[0], &unused[1], &words.leaf_1_ecx, &unused[3]);
    if (__get_cpuid_count(7, 0, &unused[0], &words.leaf_7_ebx, &words.leaf_7_ecx, &unused[3]) &&
        unused[0] >= 1) {
        (void)__get_cpuid_count(7, 1, &words.leaf_7_1_eax, &unused[1], &unused[2], &unused[3]);
    }
    words.kept = has(words.leaf_1_ecx, SAVES_STATE) ? kept_registers() : 0;
    return words;
}

bool processor_adds_in_pairs(void) {
    const struct processor_words words = read_words();
    return processor_words_add_in_pairs(&words);
}

uint32_t processor_block_channels(void) {
    const struct processor_words words = read_words();
    return processor_words_block_channels(&words);
}

static void describe_features(char out_text[PROCESSOR_TEXT_BYTES]) {
    const struct processor_words words = read_words();
    processor_words_describe(&words, out_text);
}
#else
bool processor_adds_in_pairs(void) {
    return false;
}

uint32_t processor_block_channels(void) {
    return 0;
}

/* What the system says that programs may use; the bits are the architecture's. */
static void describe_features(char out_text[PROCESSOR_TEXT_BYTES]) {
    (void)snprintf(out_text, PROCESSOR_TEXT_BYTES, "%lx %lx", getauxval(AT_HWCAP),
                   getauxval(AT_HWCAP2));
}
#endif

void processor_describe(char out_text[PROCESSOR_TEXT_BYTES]) {
    struct utsname machine;
    char features[PROCESSOR_TEXT_BYTES];
    const bool known = uname(&machine) == 0;
    describe_features(features);
    (void)snprintf(out_text, PROCESSOR_TEXT_BYTES, "%.20s %.130s",
                   known ? machine.machine : "unknown", features);
}
