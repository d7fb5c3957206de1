/* Who and what stands in a list. */
#include "lists.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "list.h"

#define LABELS_MAX 128 /* of a host name that may be hostile */

enum list_kind { KIND_RECEIVER, KIND_SENDER, KIND_DIGEST };

static const struct {
    enum list_kind kind;
    enum fact_id fact;
} LISTS[LIST_COUNT] = {
#define LIST(name, kind, fact) {KIND_##kind, FACT_##fact},
#include "list_list.def"
#undef LIST
};

struct lists *lists_read(const char *const paths[LIST_COUNT], list_say say, void *user)
{
    struct lists *lists = calloc(1, sizeof(*lists));
    bool fine = true;
    if (!lists)
        abort(); /* reading lists, with no memory left for them */
    for (unsigned i = 0; i < LIST_COUNT; i++) {
        lists->list[i].configured = paths[i] && paths[i][0];
        if (lists->list[i].configured)
            fine = list_read(&lists->list[i], paths[i], LISTS[i].kind == KIND_RECEIVER,
                             LISTS[i].kind == KIND_DIGEST, say, user) &&
                   fine;
    }
    if (fine)
        return lists;
    lists_free(lists);
    return NULL;
}

void lists_free(struct lists *lists)
{
    for (unsigned i = 0; lists && i < LIST_COUNT; i++) {
        struct list *list = &lists->list[i];
        for (size_t n = 0; n < list->host_count; n++)
            free(list->hosts[n]);
        free(list->hosts);
        free(list->ranges);
        free(list->digests);
    }
    free(lists);
}

size_t lists_entries(const struct lists *lists)
{
    size_t entries = 0;
    for (unsigned i = 0; i < LIST_COUNT; i++)
        entries += lists->list[i].entries;
    return entries;
}

static int address_in_range(const void *key, const void *item)
{
    const struct range *range = item;
    if (ip_compare(key, &range->from) < 0)
        return -1;
    return ip_compare(key, &range->to) > 0;
}

static bool has_address(const struct list *list, const char *text)
{
    struct ip_addr addr;
    return list->range_count && ip_parse(text, &addr) &&
           bsearch(&addr, list->ranges, list->range_count, sizeof(list->ranges[0]),
                   address_in_range);
}

static int host_order(const void *key, const void *item)
{
    return strcmp(key, *(char *const *)item);
}

static bool has_name(const struct list *list, const char *name)
{
    return bsearch(name, list->hosts, list->host_count, sizeof(list->hosts[0]), host_order) != NULL;
}

/* The name itself, then with a dot before each of its labels: ".www.example.com", ".example.com",
 * ".com". A port and a last dot are no part of a name. */
static bool has_host(const struct list *list, const char *host)
{
    char dotted[LIST_HOST_MAX + 2] = ".";
    size_t len = strcspn(host, ":");
    len -= len && host[len - 1] == '.';
    if (!list->host_count || !len || len > LIST_HOST_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        dotted[i + 1] = (char)tolower((unsigned char)host[i]);
    dotted[len + 1] = '\0';
    if (has_name(list, dotted + 1))
        return true;
    const char *at = dotted;
    for (unsigned n = 0; at && n < LABELS_MAX; n++, at = strchr(at + 1, '.')) {
        if (has_name(list, at))
            return true;
    }
    return false;
}

static int digest_order(const void *key, const void *item)
{
    return memcmp(key, ((const struct digest *)item)->bytes, 32);
}

static bool has_digest(const struct list *list, const uint8_t *sha256)
{
    return sha256 && list->digest_count &&
           bsearch(sha256, list->digests, list->digest_count, sizeof(list->digests[0]),
                   digest_order);
}

static bool stands_in(const struct lists *lists, unsigned i, const uint8_t *sha256,
                      const struct fact_set *facts)
{
    const struct list *list = &lists->list[i];
    switch (LISTS[i].kind) {
    case KIND_DIGEST:
        return has_digest(list, sha256);
    case KIND_SENDER:
        return has_address(list, fact_text(facts, FACT_sender_ip));
    case KIND_RECEIVER:
        return has_address(list, fact_text(facts, FACT_receiver_ip)) ||
               has_host(list, fact_text(facts, FACT_hostname));
    }
    return false;
}

void lists_apply(const struct lists *lists, const uint8_t sha256[32], struct fact_set *facts)
{
    bool configured[] = {false, false, false};
    for (unsigned i = 0; i < LIST_COUNT; i++) {
        if (!lists->list[i].configured)
            continue; /* its fact is not ours */
        fact_set_int(facts, LISTS[i].fact, stands_in(lists, i, sha256, facts));
        configured[LISTS[i].kind] = true;
    }
    if (configured[KIND_SENDER])
        fact_set_int(facts, FACT_sender_listed,
                     fact_int(facts, FACT_sender_allowed) || fact_int(facts, FACT_sender_denied));
    if (configured[KIND_DIGEST])
        fact_set_int(facts, FACT_digest_listed,
                     fact_int(facts, FACT_digest_allowed) || fact_int(facts, FACT_digest_denied));
}
