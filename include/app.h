/* app/: ordered bytes to objects. One file per protocol, one line each in app_list.def. session.c asks
 * the decoders who claims a flow (by content, on any port), feeds the one that does, and lets it hand over. */
#ifndef DLP_APP_H
#define DLP_APP_H

#include "flow.h"
#include "meta.h"
#include "object_sink.h"
#include "stream.h"

enum app_probe { APP_NO, APP_MORE, APP_YES };
enum { APP_TCP = 1, APP_UDP = 2 }; /* UDP: what has no stream, ESP too */

#define APP_PROBE_MAX 1024 /* bytes of each side kept until a decoder claims the flow */

struct app_session; /* one flow's conversation, see session.h */

struct app_probe_input {
    struct app_session *session;
    const struct flow *flow;
    const uint8_t *data[2]; /* by side, from the first byte seen */
    size_t len[2];
    bool final;             /* no more will come before the decision: MORE means NO */
};

struct app_ops {
    const char *name;       /* EVE app_proto; NULL for raw: nDPI's verdict is shown */
    unsigned transports;    /* APP_TCP | APP_UDP */
    size_t state_size;      /* bytes of zeroed state behind app_state() */
    enum app_probe (*probe)(const struct app_probe_input *input);
    bool (*open)(struct app_session *session); /* false: memory refused, raw takes over */
    void (*data)(struct app_session *session, enum side side, const uint8_t *data, size_t len);
    void (*datagram)(struct app_session *session, enum side side, const uint8_t *data, size_t len); /* UDP */
    void (*gap)(struct app_session *session, enum side side, uint64_t len);
    void (*end)(struct app_session *session, enum side side, enum stream_end how);
    /* The flow is silent, no object is open. True when the state may be folded (fold.h): nothing points into it or to
     * the session. Zeroes what will not be read again. NULL: never. */
    bool (*rest)(struct app_session *session);
    void (*close)(struct app_session *session); /* ends open objects as truncated, frees what state holds */
    /* What all sessions of a worker share (a parser's configuration, a table of expected connections); may be
     * NULL. Made when the worker starts; failure there is fatal. */
    void *(*shared_new)(struct mem *mem);
    void (*shared_free)(void *shared);
};

/* For decoders. */
void *app_state(struct app_session *session);
void *app_shared(struct app_session *session, const struct app_ops *owner); /* what owner's shared_new made */
struct mem *app_mem(struct app_session *session);
struct flow *app_flow(struct app_session *session);
const struct object_sink *app_objects(struct app_session *session);
struct pool *app_meta_pool(struct app_session *session);
int64_t app_now(const struct app_session *session); /* packet time, for object_info.time_ns */
bool app_is_content(const struct app_session *session, enum side side); /* bytes of `side` make objects */
/* From the next byte on another decoder reads (after CONNECT, STARTTLS, Upgrade, or when the bytes make no
 * sense): NULL asks the decoders afresh. Takes effect when the current callback returns; `left` bytes at the
 * end of the current data call were not consumed and are given to the new decoder. */
void app_switch(struct app_session *session, const struct app_ops *to, size_t left);
/* The words of the transaction that led to the hand-over (the request that asked for an upgrade): held until another
 * hand-over or the end of the flow. */
void app_hand_meta(struct app_session *session, struct meta *meta);
struct meta *app_handed_meta(struct app_session *session); /* NULL when there is none */
/* The decoder that claims these bytes as the beginning of a conversation, or NULL: for a decoder that has reason to
 * doubt its own claim (raw, in a flow whose beginning was not seen). */
const struct app_ops *app_ask(struct app_session *session, enum side side, const uint8_t *data, size_t len);
/* The bytes of `side` up to the end of this data call make whole messages, and the next can be read without them: where
 * copies differ later, the other reading begins here. A decoder that never says so has it begin with the flow. */
void app_message_over(struct app_session *session, enum side side);
/* This session reads the copies that differ (stream.h): what it finds is told apart, and joins nothing of
 * the first's. */
bool app_is_other_reading(const struct app_session *session);
/* Bytes of the datagram at hand that the snap length left out, behind those that are there. */
uint32_t app_datagram_cut(const struct app_session *session);
/* The flow is encrypted from here: nothing more is reassembled, only counted. */
void app_set_opaque(struct app_session *session);
/* An app_ops.data or .datagram for what is encrypted from its first byte. */
void app_opaque_data(struct app_session *session, enum side side, const uint8_t *data, size_t len);
/* An app_ops.rest for a state that has nothing to zero. */
bool app_rest_as_it_is(struct app_session *session);
/* An item of a pool that a decoder's sessions share, zeroed; room is made in the written order before it is refused. */
void *app_take(struct app_session *session, struct pool *pool);
/* Bytes of the present call that nobody could read for want of memory. */
void app_shed(struct app_session *session, enum side side, uint64_t len);
/* A flow-level meta (TLS SNI...), shown in flow events and flow objects. */
struct meta *app_flow_meta(struct app_session *session);

#define APP(name) extern const struct app_ops app_##name;
#include "app_list.def"
#undef APP

/* For the worker. */
struct apps;
struct apps *apps_new(struct mem *mem, struct counters *counters, struct flow_table *table,
                      const struct object_sink *objects);
void apps_free(struct apps *apps);
struct stream_sink apps_sink(struct apps *apps); /* what stream/ calls */
void app_flow_end(struct apps *apps, struct flow *flow);
/* nDPI decided. Its word counts only for a flow no decoder claimed: encrypted ones become opaque. */
void app_flow_classified(struct apps *apps, struct flow *flow);
/* From flow_hooks.rest: folds what is kept of a silent flow, until its next bytes. */
void app_flow_rest(struct apps *apps, struct flow *flow);
/* NULL when it has none; good until the next call. */
const struct meta *app_meta_of_flow(struct apps *apps, const struct flow *flow);

#endif
