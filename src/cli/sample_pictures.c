// SPDX-License-Identifier: Apache-2.0
#include "cli/sample_pictures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agents/resample.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "platform/image.h"

enum { PATH_BYTES = 4096, QUALITY = 80 };

static const struct image_colour WHITE = {255, 255, 255};
static const char JPEG_START[] = "\xff\xd8\xff";

/* --- names --- */

static void name_of(uint32_t number, char out_name[SAMPLE_PICTURE_NAME_BYTES]) {
    (void)snprintf(out_name, SAMPLE_PICTURE_NAME_BYTES, SAMPLE_PICTURES_FOLDER "/%u.jpg", number);
}

static bool path_of(const char *folder, const char *name, char out_path[PATH_BYTES]) {
    const int count = snprintf(out_path, PATH_BYTES, "%s/%s", folder, name);
    return count > 0 && count < PATH_BYTES;
}

/* The number in "7.jpg". */
static bool read_number(struct slice file, uint32_t *out_number) {
    static const char ENDING[] = ".jpg";
    const size_t ending = sizeof(ENDING) - 1;
    uint64_t number;
    if (!slice_ends(file, ENDING) ||
        !text_number(slice_part(file, 0, file.count - ending), SAMPLE_PICTURES_MAX, &number)) {
        return false;
    }
    *out_number = (uint32_t)number;
    return true;
}

/* --- one picture --- */

/* In the frame, and never larger than it is. */
static status shrink(const struct image *image, struct image *out_small, struct error *err) {
    const double across = SAMPLE_PICTURE_WIDTH_MAX / (double)image->width;
    const double down = SAMPLE_PICTURE_HEIGHT_MAX / (double)image->height;
    const double scale = fmin(1, fmin(across, down));
    const struct resample_part whole = {0, 0, image->width, image->height};
    return resample_image(image, &whole, (uint32_t)fmax(1, round(image->width * scale)),
                          (uint32_t)fmax(1, round(image->height * scale)), out_small, err);
}

/* As much smaller as a JPEG can be had that still fills the frame. */
static uint32_t shrink_of(const struct image_facts *facts) {
    uint32_t by = IMAGE_SHRINK_MAX;
    while (by > 1 && (facts->width / by < 2 * SAMPLE_PICTURE_WIDTH_MAX ||
                      facts->height / by < 2 * SAMPLE_PICTURE_HEIGHT_MAX)) {
        by /= 2;
    }
    return by;
}

static status keep(const struct image *image, const char *path, struct error *err) {
    char *bytes = NULL;
    size_t count;
    TRY(image_encode_jpeg(image, QUALITY, &bytes, &count, err));
    const status code =
        count <= SAMPLE_PICTURE_BYTES_MAX
            ? file_replace(path, (struct slice){.bytes = bytes, .count = count}, err)
            : fail(err, STATUS_FULL, "the picture has more than %d bytes",
                   SAMPLE_PICTURE_BYTES_MAX);
    memory_free(bytes);
    return code;
}

static status make(const char *from, const char *to, struct error *err) {
    CLEANUP(buffer_done) struct buffer file;
    CLEANUP(image_done) struct image image = {0};
    CLEANUP(image_done) struct image small = {0};
    struct image_facts facts;
    buffer_init(&file, SAMPLE_PICTURE_FILE_BYTES_MAX);
    TRY(file_read(from, &file, err));
    TRY(image_look(buffer_slice(&file), &facts, err));
    TRY(image_decode(buffer_slice(&file), &facts, shrink_of(&facts), WHITE, &image, err));
    TRY(image_turn_upright(&image, facts.orientation, err));
    TRY(shrink(&image, &small, err));
    return keep(&small, to, err);
}

/* --- all of them --- */

static bool remove_each(void *owner, const char *name) {
    const char *folder = owner;
    char path[PATH_BYTES];
    uint32_t number;
    if (read_number(slice_of(name), &number) && path_of(folder, name, path)) {
        (void)file_remove(path, NULL);
    }
    return true;
}

status sample_pictures_begin(struct sample_pictures *pictures, const char *folder,
                             struct error *err) {
    char path[PATH_BYTES];
    *pictures = (struct sample_pictures){.folder = folder};
    if (!path_of(folder, SAMPLE_PICTURES_FOLDER, path)) {
        return fail(err, STATUS_INVALID, "the path '%.100s' is too long", folder);
    }
    return file_is_there(path) ? file_list(path, remove_each, path, err) : STATUS_OK;
}

static uint32_t make_next(struct sample_pictures *pictures, const char *from) {
    char name[SAMPLE_PICTURE_NAME_BYTES];
    char path[PATH_BYTES];
    if (!path_of(pictures->folder, SAMPLE_PICTURES_FOLDER, path) ||
        file_make_folder(path, NULL) != STATUS_OK) {
        return 0;
    }
    name_of(pictures->made + 1, name);
    const bool made = path_of(pictures->folder, name, path) && make(from, path, NULL) == STATUS_OK;
    return made ? ++pictures->made : 0;
}

bool sample_pictures_take(struct sample_pictures *pictures, const char *path,
                          char out_name[SAMPLE_PICTURE_NAME_BYTES]) {
    uint32_t at = 0;
    while (at < pictures->count && strcmp(pictures->paths[at], path) != 0) {
        at++;
    }
    if (at == SAMPLE_PICTURES_MAX) {
        return false;
    }
    if (at == pictures->count) {
        pictures->paths[at] = path;
        pictures->numbers[at] = make_next(pictures, path);
        pictures->count++;
    }
    name_of(pictures->numbers[at], out_name);
    return pictures->numbers[at] > 0;
}

bool sample_pictures_read(const char *folder, struct slice name, struct buffer *out) {
    static const char START[] = SAMPLE_PICTURES_FOLDER "/";
    char ours[SAMPLE_PICTURE_NAME_BYTES];
    char path[PATH_BYTES];
    uint32_t number;
    CLEANUP(buffer_done) struct buffer file;
    buffer_init(&file, SAMPLE_PICTURE_BYTES_MAX);
    if (!slice_starts(name, START) ||
        !read_number(slice_part(name, sizeof(START) - 1, name.count), &number)) {
        return false;
    }
    name_of(number, ours);
    if (!path_of(folder, ours, path) || file_read(path, &file, NULL) != STATUS_OK ||
        !slice_starts(buffer_slice(&file), JPEG_START)) {
        return false;
    }
    buffer_add(out, buffer_slice(&file));
    return true;
}
