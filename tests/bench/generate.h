/* What the parts of the capture generator share: flows of messages, and the maker that sends them by turns. */
#ifndef BENCH_GENERATE_H
#define BENCH_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MSS 1460
#define MESSAGES 10
#define HEADERS 54 /* Ethernet, IPv4, TCP */
#define START_SECONDS 1795161600u

enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };
enum { CLIENT, SERVER };

struct message {
    int side;
    uint8_t *bytes;
    size_t len;
};

struct flow {
    uint32_t address[2];
    uint16_t port[2];
    uint32_t sequence[2];
    struct message messages[MESSAGES];
    unsigned count, current; /* messages; the one being sent */
    size_t sent;             /* of it */
    unsigned unacknowledged; /* segments since the peer's last ACK */
    const struct flow *behind; /* begins only when that flow, of this number, has sent so many messages */
    uint64_t number, behind_number;
    unsigned behind_messages;
    int step;                /* 0-2 handshake, 3 messages, 4-6 farewell, 7 over */
    uint16_t ip_id;
};

struct maker {
    FILE *out;
    uint64_t random, time_us, bytes, packets;
    uint64_t flow_number;
    const struct flow *control; /* an FTP session, whose data connection is the next flow */
    uint64_t control_number;
    uint16_t data_port;
    uint64_t pictures; /* mailed, written and uploaded */
    void (*fill)(struct maker *m, struct flow *f);
};

uint64_t next(struct maker *m);
unsigned below(struct maker *m, unsigned limit);
void *make(size_t size);
void put16(uint8_t *p, uint16_t value);
void put32(uint8_t *p, uint32_t value);
void add(struct flow *f, int side, uint8_t *bytes, size_t len);
void noise(struct maker *m, uint8_t *out, size_t len);
uint8_t *put(uint8_t *out, const void *bytes, size_t len);
size_t jpeg(struct maker *m, uint8_t *out, size_t size);
void address(struct maker *m, struct flow *f, uint16_t port, bool inside_server);

void fill_mail_files(struct maker *m, struct flow *f);

#endif
