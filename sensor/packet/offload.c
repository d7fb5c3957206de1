/* Evidence is kept for each sender in a small table, and for the capture as a whole for senders not
 * known yet. The table is direct-mapped under a fixed key, so that a replay decides alike every
 * time; who makes two senders collide gains no more than a fresh start of their counts.
 *
 * What is believed:
 *   - the pseudo-header's sum on a segment with payload, always: receive offload leaves it on
 * merged segments between untouched ones with right sums. A forger can write it, but then conflicts
 * with the true segment, which the stream notices;
 *   - any wrong sum while the sender has shown no right one, unless right sums are this capture's
 * rule;
 *   - any wrong sum when wrong ones clearly outnumber the right.
 * The second also serves captures whose addresses were rewritten without making the sums anew.
 * Counts are halved when they reach COUNT_MAX, so that the past fades. */
#include "offload.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "log.h"

#define SENDERS 1024
#define COUNT_MAX 64
#define WRONG_MIN 8           /* wrong sums before their majority counts */
#define CAPTURE_RIGHT_MIN 256 /* right sums before the capture itself is held to be honest */
#define CAPTURE_WRONG_SHARE 16

struct sender {
    uint64_t tag; /* hash of the address */
    uint8_t right, wrong, partial, zero_header;
};

struct offload {
    struct sender senders[SENDERS];
    uint64_t right, wrong; /* of the capture */
    bool said;
};

struct offload *offload_new(void)
{
    struct offload *offload = calloc(1, sizeof(*offload));
    if (!offload)
        abort(); /* only at start */
    return offload;
}

void offload_free(struct offload *offload)
{
    free(offload);
}

static inline struct sender *find(struct offload *offload, const struct ip_addr *addr)
{
    uint64_t a, b;
    memcpy(&a, addr->bytes, 8);
    memcpy(&b, addr->bytes + 8, 8);
    uint64_t tag = (a ^ HASH_KEY_FIXED.k0) * 0x9e3779b97f4a7c15ULL;
    tag = (tag ^ tag >> 32 ^ b) * 0xd6e8feb86659fd93ULL;
    tag ^= tag >> 32;
    struct sender *sender = &offload->senders[tag % SENDERS];
    if (sender->tag != tag)
        *sender = (struct sender){.tag = tag};
    return sender;
}

static inline void count(struct sender *sender, uint8_t *which)
{
    if (++*which < COUNT_MAX)
        return;
    sender->right /= 2;
    sender->wrong /= 2;
    sender->partial /= 2;
    sender->zero_header /= 2;
}

static bool say_once(struct offload *offload, const struct ip_addr *addr)
{
    char text[IP_TEXT_MAX];
    if (!offload->said)
        log_info("the packets of %s show checksums that its network card fills in later (offload), "
                 "or that "
                 "were not made anew after an edit: such senders' wrong checksums do not set "
                 "packets aside",
                 ip_format(addr, text));
    offload->said = true;
    return true;
}

static bool honest_capture(const struct offload *offload)
{
    return offload->right >= CAPTURE_RIGHT_MIN &&
           offload->wrong * CAPTURE_WRONG_SHARE < offload->right;
}

bool offload_accept(struct offload *offload, const struct ip_addr *addr, enum checksum_state state,
                    bool has_payload)
{
    struct sender *sender = find(offload, addr);
    if (state == CHECKSUM_RIGHT) {
        offload->right++;
        count(sender, &sender->right);
        return true;
    }
    bool unknown = sender->right == 0 && !honest_capture(offload);
    offload->wrong++;
    if (state == CHECKSUM_PARTIAL) {
        count(sender, &sender->partial);
        if (has_payload || unknown || sender->partial > sender->right)
            return say_once(offload, addr);
        return false;
    }
    count(sender, &sender->wrong);
    if (unknown || (sender->wrong >= WRONG_MIN && sender->wrong > 2 * sender->right))
        return say_once(offload, addr);
    return false;
}

bool offload_accept_header(struct offload *offload, const struct ip_addr *addr, bool zero)
{
    struct sender *sender = find(offload, addr);
    bool unknown = sender->right == 0 && !honest_capture(offload);
    if (zero)
        count(sender, &sender->zero_header);
    if (unknown || (zero && sender->zero_header > sender->right))
        return say_once(offload, addr);
    return false;
}
