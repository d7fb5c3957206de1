/* Announced connections, by address and port. A few at a time exist; the bound keeps a hostile control connection
 * from filling memory, and the oldest goes first. */
#include "expect.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 256
#define ENTRIES_MAX 2048
#define LIFE_NS (120 * INT64_C(1000000000))

struct entry {
    struct entry *next;         /* in its bucket */
    struct entry *newer, *older;
    struct ip_addr addr;
    uint16_t port;
    int64_t expires_ns;
    bool taken, failed;
    struct expect_transfer transfer;
};

struct expect_table {
    struct pool *pool;
    struct hash_key key;
    size_t count;
    struct entry *newest, *oldest;
    struct entry *buckets[BUCKETS];
};

struct expect_table *expect_table_new(struct mem *mem)
{
    struct expect_table *table = calloc(1, sizeof(*table));
    if (!table)
        abort(); /* only at start */
    table->pool = pool_new(mem, MEM_FLOW, sizeof(struct entry));
    hash_key_random(&table->key);
    return table;
}

static struct entry **bucket_of(struct expect_table *table, const struct ip_addr *addr, uint16_t port)
{
    uint8_t key[sizeof(addr->bytes) + 2];
    memcpy(key, addr->bytes, sizeof(addr->bytes));
    key[16] = (uint8_t)(port >> 8);
    key[17] = (uint8_t)port;
    return &table->buckets[hash_bytes(&table->key, key, sizeof(key)) % BUCKETS];
}

static struct entry *find(struct expect_table *table, const struct ip_addr *addr, uint16_t port)
{
    struct entry *entry = *bucket_of(table, addr, port);
    while (entry && !(entry->port == port && ip_equal(&entry->addr, addr)))
        entry = entry->next;
    return entry;
}

static void forget(struct expect_table *table, struct entry *entry)
{
    struct entry **at = bucket_of(table, &entry->addr, entry->port);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    *(entry->newer ? &entry->newer->older : &table->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &table->oldest) = entry->newer;
    table->count--;
    pool_put(table->pool, entry);
}

void expect_transfer_rest(struct expect_transfer *transfer)
{
    memset(transfer->name + transfer->name_len, 0, sizeof(transfer->name) - transfer->name_len);
}

void expect_table_free(struct expect_table *table)
{
    while (table->oldest)
        forget(table, table->oldest);
    pool_free(table->pool);
    free(table);
}

void expect_announce(struct expect_table *table, const struct ip_addr *addr, uint16_t port, int64_t now_ns)
{
    struct entry *entry = find(table, addr, port);
    if (entry)
        forget(table, entry);
    while (table->oldest && (table->oldest->expires_ns <= now_ns || table->count >= ENTRIES_MAX))
        forget(table, table->oldest);
    entry = pool_get_zeroed(table->pool);
    if (!entry)
        return;
    entry->addr = *addr;
    entry->port = port;
    entry->expires_ns = now_ns + LIFE_NS;
    struct entry **bucket = bucket_of(table, addr, port);
    entry->next = *bucket;
    *bucket = entry;
    entry->older = table->newest;
    *(table->newest ? &table->newest->newer : &table->oldest) = entry;
    table->newest = entry;
    table->count++;
}

void expect_describe(struct expect_table *table, const struct ip_addr *addr, uint16_t port,
                  const struct expect_transfer *transfer)
{
    struct entry *entry = find(table, addr, port);
    if (entry && !entry->taken)
        entry->transfer = *transfer;
}

void expect_fail(struct expect_table *table, const struct ip_addr *addr, uint16_t port)
{
    struct entry *entry = find(table, addr, port);
    if (entry && entry->taken)
        entry->failed = true;
}

/* The listener is the server of the data flow; a flow picked up in the middle may have it the other way round. */
static struct entry *find_flow(struct expect_table *table, const struct flow *flow, bool taken)
{
    if (!table->count)
        return NULL;
    struct entry *entry = find(table, &flow->addr[SIDE_SERVER], flow->port[SIDE_SERVER]);
    if (!entry || entry->taken != taken)
        entry = find(table, &flow->addr[SIDE_CLIENT], flow->port[SIDE_CLIENT]);
    return entry && entry->taken == taken && (taken || entry->expires_ns > flow->last_ns) ? entry : NULL;
}

bool expect_failed(struct expect_table *table, const struct flow *flow)
{
    const struct entry *entry = find_flow(table, flow, true);
    return entry && entry->failed;
}

bool expect_matches(struct expect_table *table, const struct flow *flow)
{
    return find_flow(table, flow, false) != NULL;
}

bool expect_take(struct expect_table *table, const struct flow *flow, struct expect_transfer *transfer)
{
    struct entry *entry = find_flow(table, flow, false);
    if (!entry)
        return false;
    *transfer = entry->transfer;
    entry->taken = true; /* until it is too old: it may be said to have failed */
    return true;
}
