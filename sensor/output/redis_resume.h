/* Where to go on in the sensor's stream: what it holds of the spool. */
#ifndef DLP_OUTPUT_REDIS_RESUME_H
#define DLP_OUTPUT_REDIS_RESUME_H

#include "id_set.h"
#include "redis_link.h"
#include "spool.h"

enum resume_verdict {
    RESUME_MORE,    /* ask again: redis_resume_ask() */
    RESUME_KNOWN,   /* `number` is the last record delivered */
    RESUME_REFUSED  /* the reply is an error, and says why */
};

struct redis_resume {
    const char *key;
    struct entry_id last;   /* the stream's last id; 0-0 when it has none */
    struct entry_id oldest; /* read back so far */
    uint64_t read_back, number;
    bool paging, whole;     /* `whole`: reads back all it can, whatever the last id says */
    struct id_set known;    /* alerts in the stream that another spool put there */
};

void redis_resume_begin(struct redis_resume *resume);
void redis_resume_ask(struct redis_resume *resume, struct redis_link *link, redis_reply_fn *on_reply, void *user);
enum resume_verdict redis_resume_take(struct redis_resume *resume, struct spool *spool, const redisReply *reply);
/* Whether the stream holds this alert under another entry id. */
bool redis_resume_knows(const struct redis_resume *resume, const struct record *record);

#endif
