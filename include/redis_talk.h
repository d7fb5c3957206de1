/* Question and answer with Redis, for the command line: waits for each reply, finds the master through Sentinels, and
 * follows a Cluster's redirections. Main thread. */
#ifndef DLP_REDIS_TALK_H
#define DLP_REDIS_TALK_H

#include "config.h"

struct redis_talk;
struct redisReply;

/* NULL with a sentence in `error`. */
struct redis_talk *redis_talk_open(const struct config *config, char *error, size_t error_len);
void redis_talk_close(struct redis_talk *talk);

/* The caller frees the reply (freeReplyObject). NULL, or an error reply: redis_talk_error() says why. */
struct redisReply *redis_talk(struct redis_talk *talk, const char *format, ...);
const char *redis_talk_error(const struct redis_talk *talk);

#endif
