/* A keyed table of host pairs, each with a ring of minutes. A pair that is full of old minutes
 * costs nothing until it is looked at: minutes that have passed are taken off its sums then. Pairs
 * stand in the order of their last packet, so the oldest is at hand when the table is full. */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 8192 /* of the hash table */
#define RECENT 256   /* pairs of flows seen lately, found without a hash */
#define MINUTE_NS (60 * INT64_C(1000000000))

struct amounts {
    uint64_t bytes;
    uint32_t images, records;
};

struct tally {
    struct ip_addr pair[2]; /* sender, receiver */
    struct tally *hash_next, *newer, *older;
    int64_t minute; /* the latest one of the ring */
    uint32_t bucket;
    struct amounts sum;
    struct amounts minutes[TALLY_MINUTES]; /* minute m is at m % TALLY_MINUTES */
};

struct tallies {
    struct mem *mem;
    struct counters *counters;
    struct pool *pool;
    struct hash_key key;
    struct tally *newest, *oldest;
    uint32_t count;
    struct tally *recent[RECENT]; /* may hold another pair's: the addresses decide */
    struct tally *buckets[BUCKETS];
};

struct tallies *tallies_new(struct mem *mem, struct counters *counters)
{
    struct tallies *t = calloc(1, sizeof(*t));
    if (!t)
        abort(); /* only at start */
    t->mem = mem;
    t->counters = counters;
    t->pool = pool_new(mem, MEM_FLOW, sizeof(struct tally));
    hash_key_random(&t->key);
    return t;
}

void tallies_clear(struct tallies *t)
{
    while (t->oldest) {
        struct tally *tally = t->oldest;
        t->oldest = tally->newer;
        pool_put(t->pool, tally);
    }
    t->newest = NULL;
    t->count = 0;
    memset(t->recent, 0, sizeof(t->recent));
    memset(t->buckets, 0, sizeof(t->buckets));
}

void tallies_free(struct tallies *t)
{
    if (!t)
        return;
    tallies_clear(t);
    pool_free(t->pool);
    free(t);
}

static bool is_of(const struct tally *tally, const struct ip_addr pair[2])
{
    return memcmp(tally->pair, pair, sizeof(tally->pair)) == 0;
}

static void unlink_age(struct tallies *t, struct tally *tally)
{
    *(tally->newer ? &tally->newer->older : &t->newest) = tally->older;
    *(tally->older ? &tally->older->newer : &t->oldest) = tally->newer;
}

static void link_newest(struct tallies *t, struct tally *tally)
{
    tally->newer = NULL;
    tally->older = t->newest;
    *(t->newest ? &t->newest->newer : &t->oldest) = tally;
    t->newest = tally;
}

/* Takes the oldest pair out of the table for another one to use. */
static struct tally *evict(struct tallies *t, int64_t minute)
{
    struct tally *tally = t->oldest;
    if (!tally)
        return NULL;
    if (minute - tally->minute < TALLY_MINUTES)
        count_add(t->counters, COUNT_FLOW_TALLIES_EVICTED, 1);
    struct tally **at = &t->buckets[tally->bucket];
    while (*at != tally)
        at = &(*at)->hash_next;
    *at = tally->hash_next;
    unlink_age(t, tally);
    t->count--;
    return tally;
}

/* The minutes that have passed since the ring was looked at leave the sums. */
static void move_on(struct tally *tally, int64_t minute)
{
    if (minute <= tally->minute)
        return;
    if (minute - tally->minute >= TALLY_MINUTES) {
        memset(&tally->sum, 0, sizeof(tally->sum));
        memset(tally->minutes, 0, sizeof(tally->minutes));
    }
    while (tally->minute < minute && minute - tally->minute < TALLY_MINUTES) {
        struct amounts *gone = &tally->minutes[++tally->minute % TALLY_MINUTES];
        tally->sum.bytes -= gone->bytes;
        tally->sum.images -= gone->images;
        tally->sum.records -= gone->records;
        memset(gone, 0, sizeof(*gone));
    }
    tally->minute = minute;
}

/* The pair's tally, NULL when it has none and `make` is false or memory refuses. */
static struct tally *find(struct tallies *t, const struct ip_addr pair[2], int64_t minute,
                          bool make)
{
    uint32_t bucket = (uint32_t)(hash_bytes(&t->key, pair, 2 * sizeof(pair[0])) % BUCKETS);
    struct tally *tally = t->buckets[bucket];
    while (tally && !is_of(tally, pair))
        tally = tally->hash_next;
    if (tally || !make)
        return tally;
    tally = t->count < TALLY_PAIRS_MAX ? pool_get(t->pool) : NULL;
    if (!tally)
        tally = evict(t, minute);
    if (!tally)
        return NULL;
    memset(tally, 0, sizeof(*tally));
    memcpy(tally->pair, pair, sizeof(tally->pair));
    tally->minute = minute;
    tally->bucket = bucket;
    tally->hash_next = t->buckets[bucket];
    t->buckets[bucket] = tally;
    link_newest(t, tally);
    t->count++;
    return tally;
}

static struct tally *tally_of(struct tallies *t, const struct flow *flow, enum side sender,
                              int64_t now_ns, bool make)
{
    const struct ip_addr pair[2] = {flow->addr[sender], flow->addr[side_other(sender)]};
    struct tally **recent = &t->recent[(flow->id + sender) % RECENT];
    int64_t minute = now_ns > 0 ? now_ns / MINUTE_NS : 0;
    struct tally *tally = *recent && is_of(*recent, pair) ? *recent : find(t, pair, minute, make);
    if (!tally)
        return NULL;
    *recent = tally;
    move_on(tally, minute);
    if (make && t->newest != tally) {
        unlink_age(t, tally);
        link_newest(t, tally);
    }
    return tally;
}

void tally_bytes(struct tallies *t, const struct flow *flow, enum side sender, uint64_t bytes,
                 int64_t now_ns)
{
    struct tally *tally = tally_of(t, flow, sender, now_ns, true);
    if (!tally)
        return;
    tally->sum.bytes += bytes;
    tally->minutes[tally->minute % TALLY_MINUTES].bytes += bytes;
}

static uint32_t limited(int64_t value)
{
    return value < 0       ? 0
           : value > 65535 ? 65535
                           : (uint32_t)value; /* no sum of ten minutes then wraps */
}

static struct tallied shown(const struct fact_set *facts)
{
    static const enum fact_id records[] = {FACT_biometric_records, FACT_mrz_valid_count,
                                           FACT_plate_row_count,   FACT_pnr_count,
                                           FACT_ssn_count,         FACT_embedding_count};
    struct tallied now = {0, 0};
    if (fact_int(facts, FACT_image_valid))
        now.images =
            limited(fact_int(facts, FACT_image_count) > 1 ? fact_int(facts, FACT_image_count) : 1);
    for (unsigned i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        if (records[i] != FACT_biometric_records || fact_int(facts, FACT_biometric_valid))
            now.records += limited(fact_int(facts, records[i]));
    }
    return now;
}

void tally_object(struct tallies *t, const struct object *object, const struct fact_set *facts,
                  struct tallied *before, int64_t now_ns)
{
    struct tallied now = shown(facts);
    uint32_t images = now.images > before->images ? now.images - before->images : 0;
    uint32_t records = now.records > before->records ? now.records - before->records : 0;
    if (!object->flow || object->opened || !(images || records))
        return;
    struct tally *tally = tally_of(t, object->flow, object->sender, now_ns, true);
    before->images += images;
    before->records += records;
    if (!tally)
        return;
    struct amounts *minute = &tally->minutes[tally->minute % TALLY_MINUTES];
    tally->sum.images += images;
    tally->sum.records += records;
    minute->images += images;
    minute->records += records;
}

void tally_facts(struct tallies *t, const struct flow *flow, enum side sender, int64_t now_ns,
                 struct fact_set *facts)
{
    struct tally *tally = tally_of(t, flow, sender, now_ns, false);
    if (!tally)
        return;
    fact_set_int(facts, FACT_images_from_sender, tally->sum.images);
    fact_set_int(facts, FACT_records_from_sender, tally->sum.records);
    fact_set_int(facts, FACT_bytes_from_sender, (int64_t)tally->sum.bytes);
}
