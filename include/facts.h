/* facts/: object bytes to facts. A recogniser proves one family of formats; it streams, never trusts a
 * declared length, and costs time linear in the bytes. facts.c runs those whose sniff accepts the object's
 * first bytes, and the carver, which finds proved items inside objects that are not themselves one
 * (a JPEG in a raw stream or a document) and begins child objects for them. One worker thread. */
#ifndef DLP_FACTS_H
#define DLP_FACTS_H

#include "object.h"

enum fact_type { FACT_TYPE_INT, FACT_TYPE_BOOL, FACT_TYPE_TEXT, FACT_TYPE_REAL };

enum fact_id {
#define FACT_INT(name, group, built, help) FACT_##name,
#define FACT_BOOL(name, group, built, help) FACT_##name,
#define FACT_TEXT(name, group, built, help) FACT_##name,
#define FACT_REAL(name, group, built, help) FACT_##name,
#include "fact_list.def"
#undef FACT_INT
#undef FACT_BOOL
#undef FACT_TEXT
#undef FACT_REAL
    FACT_COUNT
};

struct fact_info {
    const char *name, *group, *help;
    enum fact_type type;
    bool built;
};
extern const struct fact_info FACT_INFO[FACT_COUNT];

#define FACT_TEXT_MAX 255
#define FACT_ARENA 2048 /* bytes of all text facts of one object */

struct fact_set {
    uint32_t version;  /* grows whenever a value changes: the worker evaluates rules again */
    uint16_t used;
    uint64_t present[(FACT_COUNT + 63) / 64]; /* set to something other than neutral */
    union {
        int64_t number;  /* INT, BOOL */
        double real;
        struct {
            uint16_t at, len;
        } text;
    } value[FACT_COUNT];
    char arena[FACT_ARENA]; /* every text is NUL-terminated here; NULs from the network become spaces */
};

void fact_set_clear(struct fact_set *set);
void fact_set_int(struct fact_set *set, enum fact_id id, int64_t value); /* INT and BOOL */
void fact_set_real(struct fact_set *set, enum fact_id id, double value);
void fact_set_text(struct fact_set *set, enum fact_id id, const void *data, size_t len); /* cut to FACT_TEXT_MAX */
/* Copies the facts `ids` that `from` has; those it lacks stay as they are. */
void fact_copy(struct fact_set *to, const struct fact_set *from, const enum fact_id *ids, size_t count);
int64_t fact_int(const struct fact_set *set, enum fact_id id);
double fact_real(const struct fact_set *set, enum fact_id id);
const char *fact_text(const struct fact_set *set, enum fact_id id); /* "" when absent */
bool fact_present(const struct fact_set *set, enum fact_id id);

/* A recogniser's progress. PROVED may come long before the end; END says where the item ends. */
enum recogniser_state {
    RECOGNISE_MORE,   /* plausible so far */
    RECOGNISE_PROVED, /* structure proved: facts are set, more may follow */
    RECOGNISE_END,    /* the item reached its own end at `end_at` */
    RECOGNISE_NO      /* not one */
};

/* Where an item may begin inside other bytes. */
struct recogniser_literal {
    const char *bytes;
    uint8_t len;   /* 2..32 */
    uint8_t back;  /* the item begins this many bytes before the literal */
    bool caseless;
};

#define RECOGNISER_HEAD 64 /* bytes a sniff sees at most */

/* A typed recogniser (type not "") reads one item from its first byte: the object itself, or an item the carver
 * finds inside. An untyped one adds facts about what lies anywhere in an object (records in text): it is
 * attached from the object's first byte when sniff accepts, else `back` bytes before the first of its literals,
 * and reads to the end. No recogniser reads facts back: the same bytes give the same facts however they are cut. */
struct recogniser {
    const char *name;       /* "jpeg" */
    const char *type;       /* the object_type it proves, "jpeg"; "" when it only adds facts */
    /* A coding of codec_list.def: the item is text inside other bytes, and its object what it decodes to. Such an
     * item is only carved. NULL: the item is its own bytes. */
    const char *encoding;
    size_t state_size;      /* zeroed before the first feed */
    const struct recogniser_literal *literals; /* NULL: never found inside other bytes */
    unsigned literal_count;
    /* Could an item begin with these bytes, the first min(64, size)? Cheap: a table look-up. An untyped one is
     * also asked with none, when the object's beginning was missed. */
    bool (*sniff)(const uint8_t *head, size_t len);
    /* `at` is the offset of `data` from the item's first byte. */
    enum recogniser_state (*feed)(void *state, struct fact_set *facts, const uint8_t *data,
                                  size_t len, uint64_t at);
    /* may be NULL: NO unless proved */
    enum recogniser_state (*gap)(void *state, struct fact_set *facts, uint64_t len, uint64_t at);
    uint64_t (*end_at)(const void *state); /* bytes of the item, once END */
    /* Bytes before this are the item's whatever comes. NULL: all that were fed. */
    uint64_t (*sure_to)(const void *state);
    /* The name an encoded item gives to what it holds, which is then searched like a file of its own. May be NULL. */
    struct text (*name_of)(const void *state);
    const char *(*type_of)(const void *state); /* a finer type once PROVED ("avif"); may be NULL */
    /* The object ended: last facts of what waited for more; END: a carved item ends with it. May be NULL. */
    enum recogniser_state (*finish)(void *state, struct fact_set *facts);
};

#define RECOGNISER(name) extern const struct recogniser recogniser_##name;
#include "recogniser_list.def"
#undef RECOGNISER

struct facts_engine; /* one worker's */
struct object_facts; /* one object's: its fact_set and the recognisers at work on it */
/* `sibling`: one made before, whose compiled literals this one uses too, or NULL. They are free with the last of them;
 * making and freeing is one thread's. */
struct facts_engine *facts_engine_new(struct mem *mem, struct counters *counters, struct object_env *objects,
                                      struct facts_engine *sibling);
void facts_engine_free(struct facts_engine *engine);

struct object_facts *facts_begin(struct facts_engine *engine,
                                 struct object *object); /* NULL: memory */
void facts_data(struct facts_engine *engine, struct object_facts *of, struct object *object,
                const uint8_t *data, size_t len);
void facts_gap(struct facts_engine *engine, struct object_facts *of, struct object *object, uint64_t len);
/* last facts; not freed */
void facts_end(struct facts_engine *engine, struct object_facts *of, struct object *object);
void facts_drop(struct facts_engine *engine, struct object_facts *of);
struct fact_set *facts_of(struct object_facts *of);
/* Transfer facts from the object's flow and meta, refreshed before each evaluation. */
void facts_transfer(struct fact_set *set, const struct object *object);
/* object_type "flow"; `pace` may be NULL. */
void facts_of_flow(struct fact_set *set, const struct flow *flow, const struct meta *meta,
                   const struct flow_pace *pace);
enum side facts_flow_sender(const struct flow *flow); /* of its two senders, the one whose bytes leave */
/* The declared media type names another format than `type`. */
bool facts_type_mismatch(const char *declared, const char *type);
/* The type the first bytes show: "jpeg", "png", "pdf", "text", ... or "data". Static string. */
const char *facts_sniff_type(const uint8_t *head, size_t len);

#endif
