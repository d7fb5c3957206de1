/* Addresses and prefix sets. A set is a short sorted list of prefixes, tested in turn: home networks number
 * in the tens, and a 16-byte masked compare costs about a nanosecond. */
#include "ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t V4_PREFIX[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ip_addr ip_from_v4(const uint8_t bytes[4])
{
    struct ip_addr addr;
    memcpy(addr.bytes, V4_PREFIX, 12);
    memcpy(addr.bytes + 12, bytes, 4);
    return addr;
}

struct ip_addr ip_from_v6(const uint8_t bytes[16])
{
    struct ip_addr addr;
    memcpy(addr.bytes, bytes, 16);
    return addr;
}

bool ip_is_v4(const struct ip_addr *addr)
{
    return memcmp(addr->bytes, V4_PREFIX, 12) == 0;
}

bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
    return memcmp(a->bytes, b->bytes, 16) == 0;
}

int ip_compare(const struct ip_addr *a, const struct ip_addr *b)
{
    return memcmp(a->bytes, b->bytes, 16);
}

char *ip_format(const struct ip_addr *addr, char text[IP_TEXT_MAX])
{
    if (ip_is_v4(addr))
        inet_ntop(AF_INET, addr->bytes + 12, text, IP_TEXT_MAX);
    else
        inet_ntop(AF_INET6, addr->bytes, text, IP_TEXT_MAX);
    return text;
}

bool ip_parse(const char *text, struct ip_addr *addr)
{
    uint8_t v4[4];
    if (inet_pton(AF_INET, text, v4) == 1) {
        *addr = ip_from_v4(v4);
        return true;
    }
    return inet_pton(AF_INET6, text, addr->bytes) == 1;
}

struct prefix {
    struct ip_addr base;
    struct ip_addr mask;
};

struct ip_set {
    struct prefix *items;
    size_t count, room;
};

struct ip_set *ip_set_new(void)
{
    struct ip_set *set = calloc(1, sizeof(*set));
    if (!set)
        abort(); /* only at start */
    return set;
}

void ip_set_free(struct ip_set *set)
{
    if (set)
        free(set->items);
    free(set);
}

bool ip_set_add(struct ip_set *set, const char *cidr)
{
    char text[IP_TEXT_MAX + 8];
    if (strlen(cidr) >= sizeof(text))
        return false;
    memcpy(text, cidr, strlen(cidr) + 1);
    char *slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    struct prefix prefix;
    if (!ip_parse(text, &prefix.base))
        return false;
    unsigned whole = strchr(text, ':') ? 128 : 32;
    unsigned long bits = whole;
    if (slash) {
        char *end;
        if (slash[1] < '0' || slash[1] > '9')
            return false;
        bits = strtoul(slash + 1, &end, 10);
        if (*end || bits > whole)
            return false;
    }
    bits += 128 - whole;
    for (unsigned i = 0; i < 16; i++) {
        unsigned here = bits >= 8 ? 8 : (unsigned)bits;
        prefix.mask.bytes[i] = (uint8_t)(0xff00u >> here);
        prefix.base.bytes[i] &= prefix.mask.bytes[i];
        bits -= here;
    }
    if (set->count == set->room) {
        size_t room = set->room ? set->room * 2 : 16;
        struct prefix *items = realloc(set->items, room * sizeof(*items));
        if (!items)
            abort(); /* only at start */
        set->items = items;
        set->room = room;
    }
    set->items[set->count++] = prefix;
    return true;
}

bool ip_set_add_list(struct ip_set *set, const char *list, char *bad, size_t bad_len)
{
    while (*list) {
        size_t len = strcspn(list, ",");
        char item[IP_TEXT_MAX + 8];
        const char *from = list;
        size_t n = len;
        while (n && (*from == ' ' || *from == '\t'))
            from++, n--;
        while (n && (from[n - 1] == ' ' || from[n - 1] == '\t'))
            n--;
        bool ok = n < sizeof(item);
        if (ok) {
            memcpy(item, from, n);
            item[n] = '\0';
            ok = ip_set_add(set, item);
        }
        if (!ok) {
            snprintf(bad, bad_len, "%.*s", (int)n, from);
            return false;
        }
        list += len;
        if (*list == ',')
            list++;
    }
    return true;
}

bool ip_set_has(const struct ip_set *set, const struct ip_addr *addr)
{
    uint64_t a[2];
    memcpy(a, addr->bytes, 16);
    for (size_t i = 0; i < set->count; i++) {
        uint64_t base[2], mask[2];
        memcpy(base, set->items[i].base.bytes, 16);
        memcpy(mask, set->items[i].mask.bytes, 16);
        if ((a[0] & mask[0]) == base[0] && (a[1] & mask[1]) == base[1])
            return true;
    }
    return false;
}
