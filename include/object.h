/* object/: the life of an object: begin, data, gap, end. An object is one thing that leaves: a file, an
 * attachment, a form field, a body, a raw stream. Its decoded bytes are kept contiguous up to
 * limits.object_mib (so rules see what `yara FILE` would), digested, and shown to one observer (the worker's
 * wiring to facts/ and match/). Codecs (gzip, base64...) and containers (multipart...) stand between a
 * carrier's bytes and the object's; each is one file and one line in codec_list.def or container_list.def.
 * A container chosen by the declared media type (multipart/form-data) is transport framing: its parts are
 * the objects, at the depth it would have had, and it is none itself. One chosen by an object's first bytes (zip,
 * tar, gzip) is an archive: an object like any other, and its members are its children. Nobody else begins children
 * of an opened archive: object_begin() gives NULL, as what they would find is in a member already. */
#ifndef DLP_OBJECT_H
#define DLP_OBJECT_H

#include "flow.h"
#include "mem.h"
#include "meta.h"
#include "object_sink.h"

#define OBJECT_NAME_MAX 256
#define OBJECT_PATH_MAX 8 /* elements of object_path that are kept */

struct object {                /* read by observers, written by object/ only */
    const struct flow *flow;
    enum side sender;
    struct meta *meta;
    struct object *parent;
    uint64_t tx_id;
    uint64_t ordinal;          /* tells the objects of one flow and side apart: part of its identity */
    uint8_t depth;             /* 0 for an object straight from a decoder */
    enum object_state state;
    bool gaps;                 /* some byte inside was missed */
    bool damaged;              /* its coding could not be undone to the end */
    bool opened;               /* an archive: its members, and all its other bytes, are child objects */
    bool encrypted;            /* an archive with a member that is encrypted */
    bool limited;              /* larger than the keeping limit: bytes holds the last window only */
    bool other_reading;        /* found with other copies of the stream's bytes than those that came first */
    bool repeated;             /* with other_reading, at the end: the flow's objects had an equal one before */
    bool unwatched;            /* set by the observer in begin: it has no memory for this one */
    uint64_t size;             /* decoded bytes seen, gaps included (so offsets stay true) */
    uint64_t expected_size;
    struct buffer bytes;       /* decoded bytes from `bytes_at`; gaps are zero bytes */
    uint64_t bytes_at;         /* object offset of bytes.data[0]; 0 unless limited */
    char name[OBJECT_NAME_MAX + 1];
    uint16_t name_len;
    char declared_type[128];
    uint8_t path_count;
    char path[OBJECT_PATH_MAX][64];
    uint8_t sha256[32];        /* valid when has_sha256: seen whole, no gaps */
    bool has_sha256;
    int64_t begin_ns, last_ns;
    void *observer_state;      /* the observer's */
    struct object_private *private;
};

/* What the worker plugs in. Called in order begin, (data|gap)*, end. */
struct object_observer {
    void *user;
    void (*begin)(void *user, struct object *object);
    void (*data)(void *user, struct object *object, const uint8_t *data, size_t len); /* already in bytes */
    void (*gap)(void *user, struct object *object, uint64_t len);
    void (*end)(void *user, struct object *object); /* state, sha256 final */
};

struct object_limits {
    size_t keep_bytes;        /* limits.object_mib */
    unsigned nesting;         /* limits.nesting */
    unsigned expansion_ratio; /* limits.expansion_ratio */
};

struct object_env;
struct object_env *object_env_new(struct mem *mem, struct counters *counters, const struct object_limits *limits,
                                  const struct object_observer *observer);
void object_env_free(struct object_env *env);
void object_env_clock(struct object_env *env, int64_t now_ns); /* the packet clock, before each packet */
/* Called while a new object finds no memory: frees something elsewhere, false when nothing is left. */
void object_env_make_room(struct object_env *env, bool (*make_room)(void *user), void *user);

/* The sink app/ writes to. */
struct object_sink object_env_sink(struct object_env *env);
/* The same by name, for facts/ (carved children) and the command line. NULL when it is not wanted (too deep, inside an
 * opened archive) or when memory refuses a child whose bytes its parent has; every function below takes NULL and does
 * nothing. Where memory refuses an object whose bytes nobody else has, the handle is one that counts them as shed. */
struct object *object_begin(struct object_env *env, const struct object_info *info);
/* Carrier bytes: through the codings, if any, then kept, digested and observed. */
void object_data(struct object_env *env, struct object *object, const uint8_t *data, size_t len);
/* `len` carrier bytes never came. Text codings (base64) go on behind them; with any other coding the rest cannot be
 * decoded and the object is damaged. */
void object_gap(struct object_env *env, struct object *object, uint64_t len);
/* CLOSED stays CLOSED only if no gap, no damage and not short of expected_size; else it is TRUNCATED. Frees it. */
void object_end(struct object_env *env, struct object *object, enum object_state state);
/* A name, or media type, learned late (before the end). */
void object_set_name(struct object *object, const char *name, size_t len);
void object_set_type(struct object *object, const char *type, size_t len);

#endif
