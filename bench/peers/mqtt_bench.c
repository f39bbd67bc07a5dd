// SPDX-License-Identifier: Apache-2.0
/*
 * mqtt_bench: a peer: results published to a broker on 127.0.0.1, QoS 1, so many of them not
 * acknowledged at a time. A session that is away, and kept, has subscribed to them, so that the
 * broker must keep each.
 *
 *   mqtt_bench PORT FLIGHT COUNT
 *
 * Prints: wall seconds, CPU seconds, p50 and p99 of an acknowledgement in microseconds, bytes sent.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measured.h"
#include "reading.h"

enum {
    CONNECT = 0x10,
    SUBSCRIBE = 0x82,
    PUBLISH_QOS_1 = 0x32,
    DISCONNECT = 0xe0,
    FLIGHT_MAX = 1024,
    PACKET_BYTES_MAX = 512
};

static const char TOPIC[] = "site/a1/cold-room/reading";

static void give_up(const char *what) {
    perror(what);
    exit(1);
}

static void send_all(int line, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        const ssize_t sent = send(line, bytes, count, 0);
        if (sent <= 0) {
            give_up("mqtt_bench: send");
        }
        bytes += sent;
        count -= (size_t)sent;
    }
}

static void receive_all(int line, uint8_t *bytes, size_t count) {
    while (count > 0) {
        const ssize_t came = recv(line, bytes, count, 0);
        if (came <= 0) {
            give_up("mqtt_bench: the broker hung up");
        }
        bytes += came;
        count -= (size_t)came;
    }
}

static size_t add_text(uint8_t *packet, size_t at, const char *text, size_t count) {
    packet[at++] = (uint8_t)(count >> 8U);
    packet[at++] = (uint8_t)count;
    (void)memcpy(packet + at, text, count);
    return at + count;
}

static size_t add_head(uint8_t *packet, uint8_t kind, size_t count) {
    size_t at = 0;
    packet[at++] = kind;
    while (count > 127) {
        packet[at++] = (uint8_t)(count % 128 | 128U);
        count /= 128;
    }
    packet[at++] = (uint8_t)count;
    return at;
}

static int dial(uint16_t port, const char *client, uint8_t flags) {
    uint8_t packet[PACKET_BYTES_MAX];
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int line = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line < 0 || connect(line, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        give_up("mqtt_bench: connect");
    }
    size_t at = add_head(packet, CONNECT, 10 + 2 + strlen(client));
    at = add_text(packet, at, "MQTT", 4);
    packet[at++] = 4; /* 3.1.1 */
    packet[at++] = flags;
    packet[at++] = 0;
    packet[at++] = 0; /* no keep-alive */
    at = add_text(packet, at, client, strlen(client));
    send_all(line, packet, at);
    receive_all(line, packet, 4);
    if (packet[3] != 0) {
        give_up("mqtt_bench: the broker refuses");
    }
    return line;
}

static void subscribe_and_leave(uint16_t port) {
    uint8_t packet[PACKET_BYTES_MAX];
    const int line = dial(port, "sink", 0);
    size_t at = add_head(packet, SUBSCRIBE, 2 + 2 + strlen(TOPIC) + 1);
    packet[at++] = 0;
    packet[at++] = 1;
    at = add_text(packet, at, TOPIC, strlen(TOPIC));
    packet[at++] = 1;
    send_all(line, packet, at);
    receive_all(line, packet, 5);
    packet[0] = DISCONNECT;
    packet[1] = 0;
    send_all(line, packet, 2);
    (void)close(line);
}

/* Publishing `number`; its packet id goes round from 1. */
static size_t publish(int line, uint32_t number, uint32_t flight) {
    uint8_t packet[PACKET_BYTES_MAX];
    char text[READING_BYTES_MAX];
    const struct slice body = reading_write(number, text);
    const uint32_t id = number % flight + 1;
    size_t at = add_head(packet, PUBLISH_QOS_1, 2 + strlen(TOPIC) + 2 + body.count);
    at = add_text(packet, at, TOPIC, strlen(TOPIC));
    packet[at++] = (uint8_t)(id >> 8U);
    packet[at++] = (uint8_t)id;
    (void)memcpy(packet + at, body.bytes, body.count);
    send_all(line, packet, at + body.count);
    return at + body.count;
}

int main(int count, char **words) {
    static int64_t began_ns[FLIGHT_MAX + 1];
    struct measured measured;
    if (count != 4) {
        (void)fputs("usage: mqtt_bench PORT FLIGHT COUNT\n", stderr);
        return 2;
    }
    const uint16_t port = (uint16_t)strtoul(words[1], NULL, 10);
    const uint32_t flight = (uint32_t)strtoul(words[2], NULL, 10);
    const uint32_t wanted = (uint32_t)strtoul(words[3], NULL, 10);
    if (flight < 1 || flight > FLIGHT_MAX || wanted < 1) {
        return 2;
    }
    subscribe_and_leave(port);
    const int line = dial(port, "source", 2);
    uint32_t next = 0;
    uint64_t sent = 0;
    measured_begin(&measured, wanted);
    while (measured.count < wanted) {
        while (next < wanted && next < measured.count + flight) {
            began_ns[next % flight + 1] = clock_monotonic_ns();
            sent += publish(line, next++, flight);
        }
        uint8_t answer[4];
        receive_all(line, answer, sizeof(answer));
        const uint32_t id = (uint32_t)answer[2] << 8U | answer[3];
        if (answer[0] != 0x40 || id < 1 || id > flight) {
            give_up("mqtt_bench: that is no acknowledgement");
        }
        measured.latencies_ns[measured.count++] = clock_monotonic_ns() - began_ns[id];
    }
    measured_report_sent(&measured, sent);
    (void)close(line);
    return 0;
}
