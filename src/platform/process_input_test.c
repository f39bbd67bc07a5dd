// SPDX-License-Identifier: Apache-2.0
/* Descriptors that are handed to a child. The child is this program itself, called otherwise: it
 * reads lines "COUNT TEXT" and so many descriptors with each, and prints what those hold. */
#include "platform/process_test.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINES = 200, WAITING_BYTES = 1 << 20 };

/* --- the child ---------------------------------------------------------------------------------
 */

struct heard {
    char bytes[2 << 20];
    size_t count;
    int descriptors[PROCESS_DESCRIPTORS_MAX * LINES];
    size_t descriptor_count;
};

static bool hear(struct heard *heard, size_t piece) {
    union {
        char bytes[CMSG_SPACE(PROCESS_DESCRIPTORS_MAX * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct iovec part = {.iov_base = heard->bytes + heard->count, .iov_len = piece};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    const ssize_t count = recvmsg(STDIN_FILENO, &message, MSG_CMSG_CLOEXEC);
    if (count <= 0 || (message.msg_flags & MSG_CTRUNC) != 0) {
        return false;
    }
    heard->count += (size_t)count;
    const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head != NULL) {
        const size_t bytes = head->cmsg_len - CMSG_LEN(0);
        (void)memcpy(heard->descriptors + heard->descriptor_count, CMSG_DATA(head), bytes);
        heard->descriptor_count += bytes / sizeof(int);
    }
    return true;
}

static void drop_first(struct heard *heard, int *out_descriptor) {
    *out_descriptor = heard->descriptors[0];
    heard->descriptor_count--;
    (void)memmove(heard->descriptors, heard->descriptors + 1,
                  heard->descriptor_count * sizeof(int));
}

static void say_line(struct heard *heard, const char *line) {
    char *text = NULL;
    const long count = strtol(line, &text, 10);
    (void)printf("%.20s:", text + 1);
    for (long i = 0; i < count; i++) {
        char held[64] = "nothing came";
        int descriptor = -1;
        if (heard->descriptor_count > 0) {
            drop_first(heard, &descriptor);
            const ssize_t got = read(descriptor, held, sizeof(held) - 1);
            held[got > 0 ? got : 0] = '\0';
            (void)close(descriptor);
        }
        (void)printf(" %s", held);
    }
    (void)printf("\n");
}

/* `piece`: how many bytes it reads at once; `first`: a file that must be there before it reads. */
static int be_child(const char *piece, const char *first) {
    static struct heard heard;
    while (*first != '\0' && access(first, F_OK) != 0) {
        (void)usleep(1000);
    }
    while (hear(&heard, (size_t)strtoul(piece, NULL, 10))) {
        char *end;
        while ((end = memchr(heard.bytes, '\n', heard.count)) != NULL) {
            *end = '\0';
            say_line(&heard, heard.bytes);
            heard.count -= (size_t)(end + 1 - heard.bytes);
            (void)memmove(heard.bytes, end + 1, heard.count);
        }
    }
    (void)printf("left: %zu\n", heard.descriptor_count);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* --- the tests ----------------------------------------------------------------------------------
 */

static void start_child(struct stage *stage, const char *piece, const char *first) {
    static char program[PATH_MAX];
    const ssize_t count = readlink("/proc/self/exe", program, sizeof(program) - 1);
    assert_true(count > 0);
    program[count] = '\0';
    const char *const arguments[] = {program, "child", piece, first, NULL};
    struct process_options options = options_of(stage, arguments);
    options.takes_descriptors = true;
    start(stage, &options);
}

static int file_of(const char *text) {
    const int descriptor = memfd_create("held", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(lseek(descriptor, 0, SEEK_SET), 0);
    return descriptor;
}

static status hand(struct stage *stage, const char *line, const char *const *held) {
    struct process_descriptors descriptors = {.count = 0};
    struct error err;
    for (; held[descriptors.count] != NULL; descriptors.count++) {
        descriptors.list[descriptors.count] = file_of(held[descriptors.count]);
    }
    const status code = process_hand(stage->process, slice_of(line), &descriptors, &err);
    assert_int_equal(code == STATUS_OK, descriptors.count == 0);
    process_descriptors_close(&descriptors);
    return code;
}

static void hear_lines(struct stage *stage, const char *piece) {
    struct buffer wanted;
    buffer_init(&wanted, 1 << 20);
    start_child(stage, piece, "");
    for (int i = 0; i < LINES; i++) {
        char line[32], one[16], two[16];
        const int count = i % 3;
        (void)snprintf(one, sizeof(one), "a%d", i);
        (void)snprintf(two, sizeof(two), "b%d", i);
        (void)snprintf(line, sizeof(line), "%d line%d\n", count, i);
        const char *const held[] = {count > 0 ? one : NULL, count > 1 ? two : NULL, NULL};
        assert_int_equal(hand(stage, line, held), STATUS_OK);
        buffer_print(&wanted, "line%d:%s%s%s%s\n", i, count > 0 ? " " : "", count > 0 ? one : "",
                     count > 1 ? " " : "", count > 1 ? two : "");
    }
    process_close_input(stage->process);
    loop_run(stage->loop);
    buffer_add_text(&wanted, "left: 0\n");
    buffer_add_byte(&wanted, 0);
    assert_output(stage, wanted.bytes);
    assert_int_equal(stage->exit_code, 0);
    buffer_done(&wanted);
}

static void test_process_input__descriptors_come_with_their_line(void **state) {
    hear_lines(*state, "65536");
}

static void test_process_input__they_come_however_little_is_read_at_once(void **state) {
    hear_lines(*state, "1");
}

static void test_process_input__they_keep_their_order_while_the_socket_is_full(void **state) {
    struct stage *stage = *state;
    struct error err;
    char first[] = "/tmp/process_input_test.XXXXXX";
    char *filler = memory_new(WAITING_BYTES, 1);
    assert_non_null(mkdtemp(first));
    assert_int_equal(rmdir(first), 0);
    assert_non_null(filler);
    (void)memset(filler, 'x', WAITING_BYTES);
    (void)memcpy(filler, "0 ", 2);
    filler[WAITING_BYTES - 1] = '\n';
    start_child(stage, "65536", first);
    assert_int_equal(process_write(stage->process,
                                   (struct slice){.bytes = filler, .count = WAITING_BYTES}, &err),
                     STATUS_OK);
    for (int i = 0; i < PROCESS_HANDED_MAX; i++) {
        assert_int_equal(hand(stage, "2 waits\n", (const char *const[]){"one", "two", NULL}),
                         STATUS_OK);
    }
    assert_int_equal(hand(stage, "1 more\n", (const char *const[]){"three", NULL}), STATUS_FULL);
    write_text(stage, "0 behind\n");
    const int begun = open(first, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(begun >= 0);
    assert_int_equal(close(begun), 0);
    process_close_input(stage->process);
    loop_run(stage->loop);
    assert_int_equal(unlink(first), 0);
    memory_free(filler);
    static const char END[] = "waits: one two\nbehind:\nleft: 0\n";
    assert_true(
        slice_starts(buffer_slice(&stage->output), "xxxxxxxxxxxxxxxxxxxx:\nwaits: one two"));
    assert_true(slice_ends(buffer_slice(&stage->output), END));
    assert_int_equal(stage->output.count,
                     sizeof("xxxxxxxxxxxxxxxxxxxx:\n") - 1 +
                         (PROCESS_HANDED_MAX - 1) * (sizeof("waits: one two\n") - 1) + sizeof(END) -
                         1);
}

static void test_process_input__as_many_at_once_as_there_may_be(void **state) {
    struct stage *stage = *state;
    const char *held[PROCESS_DESCRIPTORS_MAX + 1] = {NULL};
    for (int i = 0; i < PROCESS_DESCRIPTORS_MAX; i++) {
        held[i] = "y";
    }
    start_child(stage, "65536", "");
    assert_int_equal(hand(stage, "16 all\n", held), STATUS_OK);
    process_close_input(stage->process);
    loop_run(stage->loop);
    assert_output(stage, "all: y y y y y y y y y y y y y y y y\nleft: 0\n");
}

/* tear_down counts what is open. */
static void test_process_input__what_a_child_never_read_is_closed(void **state) {
    struct stage *stage = *state;
    start_child(stage, "1", "/nowhere");
    for (int i = 0; i < 20; i++) {
        assert_int_equal(hand(stage, "1 lost\n", (const char *const[]){"x", NULL}), STATUS_OK);
    }
    process_kill(stage->process);
    loop_run(stage->loop);
    assert_int_equal(stage->signal, SIGKILL);
    struct process_descriptors late = {.list = {file_of("late")}, .count = 1};
    struct error err;
    assert_int_equal(process_hand(stage->process, SLICE("1 late\n"), &late, &err), STATUS_OK);
    assert_int_equal(late.count, 1); /* nobody reads it: it is the caller's still */
    process_descriptors_close(&late);
}

static void test_process_input__a_plain_child_reads_a_pipe(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "cat /dev/stdin");
    write_text(stage, "through a pipe\n");
    process_close_input(stage->process);
    loop_run(stage->loop);
    assert_output(stage, "through a pipe\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_process_input__##name, set_up, tear_down)

int main(int count, char **words) {
    if (count == 4 && strcmp(words[1], "child") == 0) {
        return be_child(words[2], words[3]);
    }
    const struct CMUnitTest tests[] = {
        TEST(descriptors_come_with_their_line),
        TEST(they_come_however_little_is_read_at_once),
        TEST(they_keep_their_order_while_the_socket_is_full),
        TEST(as_many_at_once_as_there_may_be),
        TEST(what_a_child_never_read_is_closed),
        TEST(a_plain_child_reads_a_pipe),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}
