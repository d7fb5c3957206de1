/* The flow index. The hash is keyed (hash.h), so nobody outside can choose ports that meet in one
 * bucket; it decides only where a flow is found, never in which order anything visible happens.
 * When the flows outnumber the buckets a second array of twice the size takes over, and each later
 * addition moves a few buckets across: no packet waits for a rehash of the whole table. */
#include <string.h>
#include <sys/mman.h>

#include "flow/table.h"

#define FIRST_BUCKETS 4096
#define MOVE_BUCKETS                                                                               \
    4 /* with each addition; 1 would be enough to finish before the next doubling */

static struct flow **map_buckets(struct mem *mem, size_t count)
{
    if (!mem_charge(mem, MEM_FLOW, count * sizeof(struct flow *)))
        return NULL;
    void *p = mmap(NULL, count * sizeof(struct flow *), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        mem_release(mem, MEM_FLOW, count * sizeof(struct flow *));
        return NULL;
    }
    return p;
}

static void unmap_buckets(struct mem *mem, struct flow **buckets, size_t count)
{
    if (!buckets)
        return;
    munmap(buckets, count * sizeof(struct flow *));
    mem_release(mem, MEM_FLOW, count * sizeof(struct flow *));
}

void flow_index_init(struct flow_index *index, struct mem *mem)
{
    *index = (struct flow_index){.mem = mem, .count = FIRST_BUCKETS};
    index->buckets = map_buckets(mem, index->count);
}

void flow_index_free(struct flow_index *index)
{
    unmap_buckets(index->mem, index->buckets, index->count);
    unmap_buckets(index->mem, index->old, index->old_count);
    *index = (struct flow_index){0};
}

/* Both arrays are powers of two and the new one is larger, so a hash whose old bucket is not moved
 * yet is looked up in the old array and every other in the new one. */
static struct flow **bucket_of(const struct flow_index *index, uint32_t hash)
{
    if (index->old) {
        size_t i = hash & (index->old_count - 1);
        if (i >= index->moved)
            return &index->old[i];
    }
    return &index->buckets[hash & (index->count - 1)];
}

static void grow(struct flow_index *index)
{
    struct flow **buckets = map_buckets(index->mem, index->count * 2);
    if (!buckets) {
        index->refused =
            index->flows + index->flows / 8; /* chains grow a little; try again later */
        return;
    }
    index->old = index->buckets;
    index->old_count = index->count;
    index->moved = 0;
    index->buckets = buckets;
    index->count *= 2;
}

static void move_some(struct flow_index *index)
{
    for (unsigned n = 0; n < MOVE_BUCKETS && index->moved < index->old_count; n++, index->moved++) {
        struct flow *flow = index->old[index->moved];
        while (flow) {
            struct flow *next = flow->hash_next;
            struct flow **bucket = &index->buckets[flow->hash & (index->count - 1)];
            flow->hash_next = *bucket;
            *bucket = flow;
            flow = next;
        }
    }
    if (index->moved == index->old_count) {
        unmap_buckets(index->mem, index->old, index->old_count);
        index->old = NULL;
        index->old_count = 0;
    }
}

void flow_index_add(struct flow_index *index, struct flow *flow)
{
    if (index->old)
        move_some(index);
    else if (index->flows >= index->count && index->flows >= index->refused)
        grow(index);
    struct flow **bucket = bucket_of(index, flow->hash);
    flow->hash_next = *bucket;
    *bucket = flow;
    index->flows++;
}

void flow_index_remove(struct flow_index *index, struct flow *flow)
{
    struct flow **at = bucket_of(index, flow->hash);
    while (*at != flow)
        at = &(*at)->hash_next;
    *at = flow->hash_next;
    index->flows--;
}

bool flow_matches(const struct flow *flow, const struct packet *packet, enum side *side)
{
    if (flow->protocol != packet->protocol)
        return false;
    if (flow->port[0] == packet->src_port && flow->port[1] == packet->dst_port &&
        ip_equal(&flow->addr[0], &packet->src) && ip_equal(&flow->addr[1], &packet->dst)) {
        *side = SIDE_CLIENT;
        return true;
    }
    if (flow->port[1] == packet->src_port && flow->port[0] == packet->dst_port &&
        ip_equal(&flow->addr[1], &packet->src) && ip_equal(&flow->addr[0], &packet->dst)) {
        *side = SIDE_SERVER;
        return true;
    }
    return false;
}

struct flow *flow_index_find(const struct flow_index *index, const struct packet *packet,
                             uint32_t hash, enum side *side)
{
    struct flow *flow = *bucket_of(index, hash);
    while (flow && (flow->hash != hash || !flow_matches(flow, packet, side)))
        flow = flow->hash_next;
    return flow;
}
