/*
 * processor: how many cores there are for this process, and what they can do that decides how a
 * model is made for them.
 *
 * Asks the processor itself (cpuid), and only what ONNX Runtime asks to choose its kernels. What
 * follows for weights is model/pair_sum; what was made for another processor, model/compiled_stamp.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PROCESSOR_TEXT_BYTES = 160 };

/* Words of cpuid, leaf and register in their names, and which registers the system keeps for
 * programs (XCR0). Zeroes where the processor has no such leaf. */
struct processor_words {
    uint32_t leaf_1_ecx, leaf_7_ebx, leaf_7_ecx, leaf_7_1_eax;
    uint64_t kept;
};

/* How many cores this process may use, from 1 to `most`. */
int processor_cores(int most);

/* Whether products of bytes are added in pairs that are held within 16 bits (VPMADDUBSW). So it is
 * with AVX2 or AVX-512 and no VNNI; older x86 kernels widen first, and ARM's sums have 32 bits. */
bool processor_adds_in_pairs(void);

/* In blocks of how many channels ONNX Runtime keeps tensors of convolutions here: 16 with AVX-512,
 * 8 with less; 0 where it knows no blocks, elsewhere than on x86. */
uint32_t processor_block_channels(void);

/* The same for given words of an x86 processor. */
bool processor_words_add_in_pairs(const struct processor_words *words);
uint32_t processor_words_block_channels(const struct processor_words *words);

/* The kind of machine and what its processor can do, in words: "x86_64 avx2 fma avx512f". Two that
 * have the same text may run what was made for one of them. */
void processor_describe(char out_text[PROCESSOR_TEXT_BYTES]);

/* The same for given words of an x86 processor, without the kind of machine. */
void processor_words_describe(const struct processor_words *words,
                              char out_text[PROCESSOR_TEXT_BYTES]);
