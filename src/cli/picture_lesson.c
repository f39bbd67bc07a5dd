// SPDX-License-Identifier: Apache-2.0
#include "cli/picture_lesson.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agents/labels.h"
#include "agents/picture_tensor.h"
#include "base/memory.h"
#include "model/distill_loss.h"
#include "model/text_examples.h"
#include "model/train.h"
#include "platform/file.h"

static const char IDX_PICTURES[] = "-images-idx3-ubyte";
static const char IDX_LABELS[] = "-labels-idx1-ubyte";

enum { PATH_BYTES_MAX = 4096, TELL_EACH = 16, LABELLED_ENOUGH = 10 };

/* What is being read, and with what. */
struct reading {
    const char *folder;
    const struct picture_lesson_options *options;
    struct onnx_teacher *teacher;
    struct picture_lesson *lesson;
    size_t room;  /* rows of logits */
    bool guessed; /* which class is which, by the order of names */
};

void picture_lesson_done(struct picture_lesson *lesson) {
    picture_set_done(&lesson->set);
    memory_free(lesson->logits);
    arena_done(&lesson->arena);
    *lesson = (struct picture_lesson){0};
}

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory");
}

/* --- names --- */

/* The names in a folder that are kept. */
struct names {
    struct arena *arena;
    const char *folder;
    struct slice items[PICTURE_LABELS_MAX];
    uint32_t count;
    status done;
    struct error *err;
};

static bool keep(struct names *names, const char *name) {
    if (names->count == PICTURE_LABELS_MAX) {
        names->done = fail(names->err, STATUS_FULL, "'%s' has more than %d labels", names->folder,
                           PICTURE_LABELS_MAX);
        return false;
    }
    names->items[names->count] = arena_copy(names->arena, slice_of(name));
    if (names->items[names->count++].bytes == NULL) {
        names->done = no_memory(names->err);
    }
    return names->done == STATUS_OK;
}

static bool keep_label(void *owner, const char *name) {
    struct names *names = owner;
    char path[PATH_BYTES_MAX];
    struct file_facts facts;
    const int count = snprintf(path, sizeof(path), "%s/%s", names->folder, name);
    if (name[0] == '.' || strcmp(name, TRAIN_UNLABELLED) == 0 || count < 0 ||
        count >= PATH_BYTES_MAX || file_facts(path, &facts, NULL) != STATUS_OK ||
        !facts.is_folder) {
        return true;
    }
    return keep(names, name);
}

static bool keep_idx(void *owner, const char *name) {
    return !slice_ends(slice_of(name), IDX_PICTURES) || keep(owner, name);
}

/* As the labels file says; or the note; or folders that are as many as the classes; or numbers. */
static status name_labels(struct reading *reading, const struct names *folders, struct error *err) {
    struct picture_lesson *lesson = reading->lesson;
    const uint32_t classes = onnx_teacher_classes(reading->teacher);
    lesson->labels_count = classes;
    if (reading->options->labels_path != NULL) {
        struct labels labels;
        if (labels_read_file(reading->options->labels_path, &lesson->arena, &labels, err) !=
            STATUS_OK) {
            return fail_while(err, "the labels in '%s'", reading->options->labels_path);
        }
        if (labels.count != classes) {
            return fail(err, STATUS_INVALID, "'%s' names %u classes, and the teacher has %u",
                        reading->options->labels_path, labels.count, classes);
        }
        lesson->labels = labels.names;
        return STATUS_OK;
    }
    const struct slice *noted = onnx_teacher_labels(reading->teacher);
    if (noted == NULL && folders != NULL && folders->count != classes) {
        return fail(err, STATUS_INVALID,
                    "the teacher has %u classes, and '%s' has %u folders besides '%s': name the "
                    "classes with --labels",
                    classes, reading->folder, folders->count, TRAIN_UNLABELLED);
    }
    struct slice *names = arena_get(&lesson->arena, classes, sizeof(*names));
    for (uint32_t i = 0; names != NULL && i < classes; i++) {
        names[i] = noted != NULL     ? arena_copy(&lesson->arena, noted[i])
                   : folders != NULL ? folders->items[i]
                                     : arena_print(&lesson->arena, "%u", i);
        names = names[i].bytes != NULL ? names : NULL;
    }
    lesson->labels = names;
    reading->guessed = noted == NULL;
    return names != NULL ? STATUS_OK : no_memory(err);
}

/* --- what the teacher says --- */

static status make_room(struct reading *reading, uint64_t count, struct error *err) {
    const uint64_t bytes = count * onnx_teacher_classes(reading->teacher) * sizeof(float);
    if (bytes > LESSON_BYTES_MAX) {
        return fail(err, STATUS_FULL,
                    "the teacher's answers about %llu pictures take more than the %d MiB that "
                    "there are for them",
                    (unsigned long long)count, LESSON_BYTES_MAX >> 20);
    }
    reading->lesson->logits = memory_new(1, (size_t)bytes + 1);
    reading->room = (size_t)count;
    return reading->lesson->logits != NULL ? STATUS_OK : no_memory(err);
}

static float *row_of(const struct reading *reading, size_t index) {
    return reading->lesson->logits + index * onnx_teacher_classes(reading->teacher);
}

/* A teacher whose classes are in another order than the names is right about nothing, and would
 * teach just that. */
static status check_order(const struct reading *reading, size_t labelled, size_t right,
                          struct error *err) {
    const uint32_t classes = reading->lesson->labels_count;
    if (reading->guessed && labelled >= LABELLED_ENOUGH && right * classes <= labelled) {
        return fail(err, STATUS_INVALID,
                    "the teacher gets %zu of %zu labels right, no more than by guessing: are its "
                    "classes in another order? Name them with --labels",
                    right, labelled);
    }
    return STATUS_OK;
}

/* What a teacher gives is looked at once, when it has said all; chances become logits. */
static status settle(struct reading *reading, struct error *err) {
    struct picture_lesson *lesson = reading->lesson;
    const struct picture_set *set = &lesson->set;
    const uint32_t classes = lesson->labels_count;
    if (set->count == 0) {
        return fail(err, STATUS_INVALID, "'%s' has no pictures", reading->folder);
    }
    if (distill_are_chances(lesson->logits, set->count, classes)) {
        distill_logits_of_chances(lesson->logits, set->count * classes);
    }
    size_t labelled = 0;
    size_t right = 0;
    for (size_t i = 0; i < set->count; i++) {
        const uint32_t said = distill_best(lesson->logits + i * classes, classes);
        labelled += set->labels[i] != PICTURE_NO_LABEL;
        right += (int32_t)said == set->labels[i];
    }
    lesson->teacher_right = labelled > 0 ? (double)right / (double)labelled : 0;
    return check_order(reading, labelled, right, err);
}

static void tell(const struct reading *reading, size_t done, size_t all) {
    if (reading->options->progress != NULL && done % TELL_EACH == 0) {
        reading->options->progress(reading->options->owner, (double)done / (double)all);
    }
}

/* --- IDX files --- */

static status read_idx(struct reading *reading, const char *teacher_path, struct slice name,
                       struct error *err) {
    struct picture_lesson *lesson = reading->lesson;
    const struct slice stem = slice_part(name, 0, name.count - (sizeof(IDX_PICTURES) - 1));
    const struct slice pictures =
        arena_print(&lesson->arena, "%s/%.*s", reading->folder, SLICE_ARGS(name));
    const struct slice labels =
        arena_print(&lesson->arena, "%s/%.*s%s", reading->folder, SLICE_ARGS(stem), IDX_LABELS);
    if (pictures.bytes == NULL || labels.bytes == NULL) {
        return no_memory(err);
    }
    TRY(picture_set_read_idx(pictures.bytes, file_is_there(labels.bytes) ? labels.bytes : NULL,
                             LESSON_BYTES_MAX, &lesson->set, err));
    TRY(onnx_teacher_open_image(teacher_path, &lesson->set.shape, &reading->teacher, err));
    onnx_teacher_scale(reading->teacher, &reading->options->scaling);
    TRY(name_labels(reading, NULL, err));
    TRY(make_room(reading, lesson->set.count, err));
    const size_t bytes = picture_bytes(&lesson->set.shape);
    for (size_t i = 0; i < lesson->set.count; i++) {
        const struct slice pixels = {.bytes = (const char *)lesson->set.pixels + i * bytes,
                                     .count = bytes};
        TRY(onnx_teacher_ask_picture(reading->teacher, pixels, row_of(reading, i), err));
        tell(reading, i + 1, lesson->set.count);
    }
    return STATUS_OK;
}

/* --- folders --- */

/* How a picture becomes the teacher's tensor, and the student's pixels. */
struct eyes {
    struct picture_before teacher_before, student_before;
    struct tensor teacher, student;
};

/* Both see the whole picture, out of shape where it must be. */
static status open_eyes(struct reading *reading, struct eyes *eyes, struct error *err) {
    const struct picture_shape shown = onnx_teacher_shape(reading->teacher);
    const struct teacher_scaling *scaling = &reading->options->scaling;
    struct picture_lesson *lesson = reading->lesson;
    if (shown.channels != 1 && shown.channels != IMAGE_CHANNELS) {
        return fail(err, STATUS_INVALID, "the teacher takes pictures of %u channels: 1 or 3 it is",
                    shown.channels);
    }
    bool last = false;
    eyes->teacher = *onnx_teacher_input(reading->teacher, &last);
    const bool is_float = eyes->teacher.type == TENSOR_FLOAT32;
    eyes->teacher_before = PICTURE_BEFORE_DEFAULT;
    eyes->teacher_before.resize = PICTURE_STRETCH;
    eyes->teacher_before.layout = last ? PICTURE_NHWC : PICTURE_NCHW;
    eyes->teacher_before.colours = shown.channels == 1 ? PICTURE_GREY : PICTURE_RGB;
    eyes->student_before = eyes->teacher_before;
    eyes->student_before.layout = PICTURE_NCHW;
    for (uint32_t i = 0; is_float && i < shown.channels; i++) {
        eyes->teacher_before.scale = 1.0 / UINT8_MAX;
        eyes->teacher_before.mean[i] = scaling->mean[i];
        eyes->teacher_before.deviation[i] = scaling->deviation[i];
    }
    const uint32_t side = reading->options->side;
    const struct picture_shape kept = {.channels = shown.channels,
                                       .height = shown.height < side ? shown.height : side,
                                       .width = shown.width < side ? shown.width : side};
    TRY(picture_set_init(&lesson->set, &kept, LESSON_BYTES_MAX, err));
    eyes->student = (struct tensor){.type = TENSOR_UINT8,
                                    .rank = 3,
                                    .shape = {kept.channels, kept.height, kept.width},
                                    .byte_count = picture_bytes(&kept)};
    eyes->student.bytes = arena_get(&lesson->arena, 1, eyes->student.byte_count);
    return eyes->student.bytes != NULL ? STATUS_OK : no_memory(err);
}

static status find_class(const struct picture_lesson *lesson, struct slice label,
                         int16_t *out_class, struct error *err) {
    *out_class = PICTURE_NO_LABEL;
    if (slice_is(label, TRAIN_UNLABELLED)) {
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < lesson->labels_count; i++) {
        if (slice_equal(lesson->labels[i], label)) {
            *out_class = (int16_t)i;
            return STATUS_OK;
        }
    }
    return fail(err, STATUS_INVALID, "label '%.*s' is none of the teacher's", SLICE_ARGS(label));
}

static status look(struct reading *reading, struct eyes *eyes, const struct text_example *example,
                   struct error *err) {
    struct picture_lesson *lesson = reading->lesson;
    struct picture_fit fit;
    int16_t class = PICTURE_NO_LABEL;
    TRY(find_class(lesson, example->label, &class, err));
    if (lesson->set.count == reading->room) {
        return fail(err, STATUS_CONFLICT, "files are added to '%s' while it is read",
                    reading->folder);
    }
    TRY(picture_tensor_fill(&eyes->teacher_before, example->text, &eyes->teacher, &fit, err));
    TRY(onnx_teacher_run(reading->teacher, &eyes->teacher, row_of(reading, lesson->set.count),
                         err));
    TRY(picture_tensor_fill(&eyes->student_before, example->text, &eyes->student, &fit, err));
    return picture_set_add(&lesson->set, eyes->student.bytes, class, err);
}

static status look_at_all(struct reading *reading, struct text_examples *examples,
                          struct error *err) {
    struct eyes eyes = {0};
    const uint64_t count = text_examples_count(examples);
    TRY(open_eyes(reading, &eyes, err));
    TRY(make_room(reading, count, err));
    bool more = true;
    while (true) {
        struct text_example example = {0};
        TRY(text_examples_next(examples, LESSON_FILE_BYTES_MAX, &example, &more, err));
        if (!more) {
            return STATUS_OK;
        }
        if (look(reading, &eyes, &example, err) != STATUS_OK) {
            return fail_while(err, "%s/%.*s", reading->folder, SLICE_ARGS(example.name));
        }
        tell(reading, reading->lesson->set.count, (size_t)count);
    }
}

static status read_folder(struct reading *reading, const char *teacher_path,
                          const struct names *folders, struct error *err) {
    const struct picture_shape unknown = {0};
    TRY(image_check(err));
    TRY(onnx_teacher_open_image(teacher_path, &unknown, &reading->teacher, err));
    TRY(name_labels(reading, folders, err));
    struct text_examples *examples = NULL;
    TRY(text_examples_open(reading->folder, &examples, err));
    const status done = look_at_all(reading, examples, err);
    text_examples_close(examples);
    return done;
}

static status read_pictures(struct reading *reading, const char *teacher_path, struct error *err) {
    struct arena *arena = &reading->lesson->arena;
    struct file_facts facts;
    TRY(file_facts(reading->folder, &facts, err));
    if (!facts.is_folder) {
        return fail(err, STATUS_INVALID, "'%s' is no folder of pictures", reading->folder);
    }
    struct names *names = arena_get(arena, 1, sizeof(*names));
    if (names == NULL) {
        return no_memory(err);
    }
    *names = (struct names){.arena = arena, .folder = reading->folder, .err = err};
    TRY(file_list(reading->folder, keep_idx, names, err));
    TRY(names->done);
    if (names->count > 1) {
        return fail(err, STATUS_INVALID, "'%s' has %u files of pictures: '%.*s' and '%.*s'",
                    reading->folder, names->count, SLICE_ARGS(names->items[0]),
                    SLICE_ARGS(names->items[1]));
    }
    if (names->count == 1) {
        TRY(read_idx(reading, teacher_path, names->items[0], err));
    } else {
        TRY(file_list(reading->folder, keep_label, names, err));
        TRY(names->done);
        TRY(read_folder(reading, teacher_path, names, err));
    }
    return settle(reading, err);
}

status picture_lesson_read(const char *folder, const char *teacher_path,
                           const struct picture_lesson_options *options,
                           struct picture_lesson *out_lesson, struct error *err) {
    struct picture_lesson lesson = {0};
    struct reading reading = {.folder = folder, .options = options, .lesson = &lesson};
    arena_init(&lesson.arena, LESSON_ARENA_BYTES);
    const status done = read_pictures(&reading, teacher_path, err);
    onnx_teacher_close(reading.teacher);
    if (done != STATUS_OK) {
        picture_lesson_done(&lesson);
        return done;
    }
    *out_lesson = lesson;
    return STATUS_OK;
}
