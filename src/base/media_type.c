// SPDX-License-Identifier: Apache-2.0
#include "base/media_type.h"

#include <string.h>

/* What a file begins with, at `offset`. */
static const struct {
    const char *type;
    size_t offset;
    struct slice bytes;
} STARTS[] = {
    {"image/jpeg", 0, {"\xff\xd8\xff", 3}},
    {"image/png", 0, {"\x89PNG\r\n\x1a\n", 8}},
    {"image/gif", 0, {"GIF8", 4}},
    {"image/webp", 8, {"WEBP", 4}},
    {"image/bmp", 0, {"BM", 2}},
    {"audio/wav", 8, {"WAVE", 4}},
    {"audio/flac", 0, {"fLaC", 4}},
    {"audio/ogg", 0, {"OggS", 4}},
    {"audio/mpeg", 0, {"ID3", 3}},
    {"video/x-msvideo", 8, {"AVI ", 4}},
    {"video/mp4", 4, {"ftyp", 4}},
    {"application/pdf", 0, {"%PDF-", 5}},
    {"application/zip", 0, {"PK\x03\x04", 4}},
    {"application/gzip", 0, {"\x1f\x8b", 2}},
    {"application/zstd", 0, {"(\xb5/\xfd", 4}},
};

/* The first ending of a type is the one that a new file gets. */
static const struct {
    const char *ending, *type;
} ENDINGS[] = {
    {".jpg", "image/jpeg"},        {".jpeg", "image/jpeg"},         {".png", "image/png"},
    {".gif", "image/gif"},         {".webp", "image/webp"},         {".bmp", "image/bmp"},
    {".wav", "audio/wav"},         {".flac", "audio/flac"},         {".ogg", "audio/ogg"},
    {".mp3", "audio/mpeg"},        {".avi", "video/x-msvideo"},     {".mp4", "video/mp4"},
    {".json", "application/json"}, {".jsonl", "application/jsonl"}, {".csv", "text/csv"},
    {".txt", "text/plain"},        {".log", "text/plain"},          {".html", "text/html"},
    {".xml", "application/xml"},   {".eml", "message/rfc822"},      {".pdf", "application/pdf"},
    {".zip", "application/zip"},   {".gz", "application/gzip"},     {".zst", "application/zstd"},
};

static char lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool ends_with(struct slice name, const char *ending) {
    const size_t count = strlen(ending);
    if (name.count < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (lower(name.bytes[name.count - count + i]) != ending[i]) {
            return false;
        }
    }
    return true;
}

const char *media_type_guess(struct slice start, struct slice name) {
    for (size_t i = 0; i < sizeof(STARTS) / sizeof(STARTS[0]); i++) {
        const struct slice part =
            slice_part(start, STARTS[i].offset, STARTS[i].offset + STARTS[i].bytes.count);
        if (slice_equal(part, STARTS[i].bytes)) {
            return STARTS[i].type;
        }
    }
    for (size_t i = 0; i < sizeof(ENDINGS) / sizeof(ENDINGS[0]); i++) {
        if (ends_with(name, ENDINGS[i].ending)) {
            return ENDINGS[i].type;
        }
    }
    return "application/octet-stream";
}

const char *media_type_ending(struct slice type) {
    for (size_t i = 0; i < sizeof(ENDINGS) / sizeof(ENDINGS[0]); i++) {
        if (slice_is(type, ENDINGS[i].type)) {
            return ENDINGS[i].ending;
        }
    }
    return "";
}
