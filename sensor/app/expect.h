/* Connections that were announced on others: FTP's data connections, TFTP's transfer ports. */
#ifndef DLP_APP_EXPECT_H
#define DLP_APP_EXPECT_H

#include "app.h"

#define EXPECT_NAME_MAX 256

struct expect_transfer { /* what the next bytes on an announced address are */
    char command[5];
    char name[EXPECT_NAME_MAX];
    uint16_t name_len;
    uint64_t offset;     /* FTP REST: of its first byte */
    bool deflate;        /* FTP MODE Z */
    uint16_t block_size; /* TFTP: what the client asked for */
};

void expect_transfer_rest(struct expect_transfer *transfer); /* zeroes what will not be read again */

struct expect_table; /* announced addresses of one worker: a bounded, hashed list with an age limit */
struct expect_table *expect_table_new(struct mem *mem);
void expect_table_free(struct expect_table *table);
/* Somebody will listen, or does, at this address. */
void expect_announce(struct expect_table *table, const struct ip_addr *addr, uint16_t port, int64_t now_ns);
/* What will pass there. The latest command wins until the connection comes. */
void expect_describe(struct expect_table *table, const struct ip_addr *addr, uint16_t port,
                  const struct expect_transfer *transfer);
/* Whether either end of the flow was announced. */
bool expect_matches(struct expect_table *table, const struct flow *flow);
/* The connection has come: says what it was announced as. The listener is looked for first, then the other end. */
bool expect_take(struct expect_table *table, const struct flow *flow, struct expect_transfer *transfer);
/* What passes there was broken off, by somebody's word; and whether that was said of a flow. */
void expect_fail(struct expect_table *table, const struct ip_addr *addr, uint16_t port);
bool expect_failed(struct expect_table *table, const struct flow *flow);

#endif
