// SPDX-License-Identifier: Apache-2.0
#include "platform/compress.h"

#include <assert.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/memory.h"

/* The byte behind the magic number: bits that say what the head has, and two that say nothing. */
enum { AT_DESCRIPTOR = 4, HAS_DICTIONARY = 3, HAS_CHECKSUM = 1 << 2, RESERVED = 3 << 3 };

struct compressor {
    ZSTD_CCtx *context;
};

struct decompressor {
    ZSTD_DCtx *context;
};

/* --- compress -------------------------------------------------------------------------------- */

status compressor_create(struct compressor **out_compressor, struct error *err) {
    struct compressor *compressor = memory_new(1, sizeof(*compressor));
    if (compressor != NULL) {
        compressor->context = ZSTD_createCCtx();
    }
    if (compressor == NULL || compressor->context == NULL) {
        compressor_destroy(compressor);
        return fail(err, STATUS_NO_MEMORY, "no memory to compress with");
    }
    *out_compressor = compressor;
    return STATUS_OK;
}

void compressor_destroy(struct compressor *compressor) {
    if (compressor != NULL) {
        (void)ZSTD_freeCCtx(compressor->context);
        memory_free(compressor);
    }
}

size_t compress_bytes_max(size_t plain_bytes) {
    return ZSTD_compressBound(plain_bytes);
}

static status failed(size_t code, status otherwise, const char *doing, struct error *err) {
    const bool memory = ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation;
    return fail(err, memory ? STATUS_NO_MEMORY : otherwise, "%s: %s", doing,
                ZSTD_getErrorName(code));
}

/* The checksum is asked for each time: so that no state of before decides what a frame is. */
static size_t set_up(ZSTD_CCtx *context, int level) {
    const int least = level < COMPRESS_LEVEL_MAX ? level : COMPRESS_LEVEL_MAX;
    (void)ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    const size_t code = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    return ZSTD_isError(code)
               ? code
               : ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, least > 1 ? least : 1);
}

status compressor_add(struct compressor *compressor, int level, struct slice plain,
                      struct buffer *out, struct error *err) {
    assert(plain.count <= COMPRESS_PLAIN_BYTES_MAX);
    size_t code = set_up(compressor->context, level);
    if (ZSTD_isError(code)) {
        return failed(code, STATUS_SYSTEM, "compress", err);
    }
    const size_t room = ZSTD_compressBound(plain.count);
    char *bytes = buffer_reserve(out, room);
    if (bytes == NULL) {
        return buffer_status(out, err);
    }
    code = ZSTD_compress2(compressor->context, bytes, room, plain.bytes, plain.count);
    if (ZSTD_isError(code)) {
        return failed(code, STATUS_SYSTEM, "compress", err);
    }
    buffer_took(out, code);
    return STATUS_OK;
}

/* --- decompress ------------------------------------------------------------------------------ */

status decompressor_create(struct decompressor **out_decompressor, struct error *err) {
    struct decompressor *decompressor = memory_new(1, sizeof(*decompressor));
    if (decompressor != NULL) {
        decompressor->context = ZSTD_createDCtx();
    }
    if (decompressor == NULL || decompressor->context == NULL) {
        decompressor_destroy(decompressor);
        return fail(err, STATUS_NO_MEMORY, "no memory to decompress with");
    }
    *out_decompressor = decompressor;
    return STATUS_OK;
}

void decompressor_destroy(struct decompressor *decompressor) {
    if (decompressor != NULL) {
        (void)ZSTD_freeDCtx(decompressor->context);
        memory_free(decompressor);
    }
}

static status corrupt(const char *what, struct error *err) {
    return fail(err, STATUS_CORRUPT, "zstd frame: %s", what);
}

/* All that can be known without opening it. */
static status check_head(struct slice frame, size_t plain_bytes_max, size_t *out_plain_bytes,
                         struct error *err) {
    static const uint8_t MAGIC[] = {0x28, 0xb5, 0x2f, 0xfd};
    if (frame.count <= AT_DESCRIPTOR || memcmp(frame.bytes, MAGIC, sizeof(MAGIC)) != 0) {
        return corrupt("it does not begin as one", err);
    }
    const uint8_t descriptor = (uint8_t)frame.bytes[AT_DESCRIPTOR];
    if ((descriptor & HAS_DICTIONARY) != 0) {
        return corrupt("it wants a dictionary", err);
    }
    if ((descriptor & HAS_CHECKSUM) == 0 || (descriptor & RESERVED) != 0) {
        return corrupt("it has no checksum, or is of a later format", err);
    }
    const unsigned long long plain_bytes = ZSTD_getFrameContentSize(frame.bytes, frame.count);
    if (plain_bytes == ZSTD_CONTENTSIZE_ERROR) {
        return corrupt("its head is damaged", err);
    }
    if (plain_bytes == ZSTD_CONTENTSIZE_UNKNOWN) {
        return corrupt("it does not say how much it holds", err);
    }
    if (plain_bytes > plain_bytes_max) {
        return fail(err, STATUS_CORRUPT, "zstd frame: it says that it holds %llu bytes, of %zu",
                    plain_bytes, plain_bytes_max);
    }
    *out_plain_bytes = (size_t)plain_bytes;
    return STATUS_OK;
}

status decompressor_add(struct decompressor *decompressor, struct slice frame,
                        size_t plain_bytes_max, struct buffer *out, struct error *err) {
    size_t plain_bytes = 0;
    TRY(check_head(frame, plain_bytes_max, &plain_bytes, err));
    const size_t frame_bytes = ZSTD_findFrameCompressedSize(frame.bytes, frame.count);
    if (ZSTD_isError(frame_bytes)) {
        return failed(frame_bytes, STATUS_CORRUPT, "zstd frame", err);
    }
    if (frame_bytes != frame.count) {
        return corrupt("there are bytes behind it", err);
    }
    char *bytes = buffer_reserve(out, plain_bytes);
    if (bytes == NULL) {
        return buffer_status(out, err);
    }
    const size_t got =
        ZSTD_decompressDCtx(decompressor->context, bytes, plain_bytes, frame.bytes, frame.count);
    if (ZSTD_isError(got)) {
        return failed(got, STATUS_CORRUPT, "zstd frame", err);
    }
    if (got != plain_bytes) {
        return corrupt("it holds less than it says", err);
    }
    buffer_took(out, got);
    return STATUS_OK;
}
