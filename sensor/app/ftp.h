/* FTP, internal: what the control connection tells the data connection. */
#ifndef DLP_APP_FTP_H
#define DLP_APP_FTP_H

#include "app.h"

#define FTP_NAME_MAX 256

struct ftp_transfer { /* what the next bytes on an announced address are */
    char command[5];
    char name[FTP_NAME_MAX];
    uint16_t name_len;
    bool partial; /* REST: not from its first byte */
    bool deflate; /* MODE Z */
};

struct ftp_table; /* announced addresses of one worker: a bounded, hashed list with an age limit */
struct ftp_table *ftp_table_new(struct mem *mem);
void ftp_table_free(struct ftp_table *table);
/* Somebody will listen, or does, at this address. */
void ftp_announce(struct ftp_table *table, const struct ip_addr *addr, uint16_t port, int64_t now_ns);
/* What will pass there. The latest command wins until the connection comes. */
void ftp_describe(struct ftp_table *table, const struct ip_addr *addr, uint16_t port,
                  const struct ftp_transfer *transfer);
/* Whether either end of the flow was announced. */
bool ftp_is_announced(struct ftp_table *table, const struct flow *flow);
/* Takes the announcement away and says what it was. */
bool ftp_take(struct ftp_table *table, const struct flow *flow, struct ftp_transfer *transfer);

#endif
