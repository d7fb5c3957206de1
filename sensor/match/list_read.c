/* A list's file: its lines, then sorted for the search. Ranges of addresses that overlap or touch
 * become one, so the longest prefix needs no search of its own. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"
#include "list.h"
#include "source.h"

struct list_reading {
    struct list *list;
    const char *path;
    bool hosts, digests; /* what may stand here, beside addresses where no digests do */
    list_say say;
    void *user;
    unsigned line, errors;
};

#define ERRORS_TOLD 20 /* of one file */

static void say_line(struct list_reading *r, const char *what, const char *entry)
{
    char text[4600];
    if (++r->errors > ERRORS_TOLD)
        return;
    snprintf(text, sizeof(text), "%s:%u: '%.80s' is %s", r->path, r->line, entry, what);
    r->say(r->user, true, text);
}

/* Room for one more of `size` bytes; arrays grow at each power of two. */
static void *grown(void *array, size_t count, size_t size)
{
    if (count & (count - 1))
        return array;
    array = realloc(array, (count ? count * 2 : 1) * size);
    if (!array)
        abort(); /* reading lists, with no memory left for them */
    return array;
}

static void add_range(struct list *list, struct ip_addr from, unsigned bits)
{
    struct range range = {from, from};
    for (unsigned i = 0; i < 16; i++) {
        unsigned here = bits >= 8 ? 8 : bits;
        uint8_t host = (uint8_t)(0xffu >> here);
        range.from.bytes[i] &= (uint8_t)~host;
        range.to.bytes[i] |= host;
        bits -= here;
    }
    list->ranges = grown(list->ranges, list->range_count, sizeof(range));
    list->ranges[list->range_count++] = range;
}

/* False when it is no address; one with a wrong length is. */
static bool read_address(struct list_reading *r, char *entry)
{
    struct ip_addr addr;
    char *slash = strchr(entry, '/');
    if (slash)
        *slash = '\0';
    bool fine = ip_parse(entry, &addr);
    unsigned whole = strchr(entry, ':') ? 128 : 32;
    if (slash)
        *slash = '/';
    if (!fine)
        return false;
    unsigned long bits = whole;
    if (slash) {
        char *end = slash;
        if (isdigit((unsigned char)slash[1]))
            bits = strtoul(slash + 1, &end, 10);
        if (*end || bits > whole) {
            say_line(r, "an address with a prefix length that cannot be", entry);
            return true;
        }
    }
    add_range(r->list, addr, (unsigned)bits + 128 - whole);
    return true;
}

/* Labels of letters, digits, - and _, each 1 to 63 long (RFC 1035 2.3.4), and not all digits at the
 * end: that is an address with a slip in it. */
static bool is_host(const char *name)
{
    const char *label = name + (*name == '.');
    const char *last = label;
    if (!*label || strlen(label) > LIST_HOST_MAX)
        return false;
    while (*label) {
        size_t len = strcspn(label, ".");
        for (size_t i = 0; i < len; i++) {
            if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
                return false;
        }
        if (len == 0 || len > 63)
            return false;
        last = label;
        label += len;
        if (*label == '.' && !*++label)
            return false;
    }
    return last[strspn(last, "0123456789")] != '\0';
}

static bool read_host(struct list *list, const char *entry)
{
    if (!is_host(entry))
        return false;
    char *name = strdup(entry);
    if (!name)
        abort(); /* reading lists, with no memory left for them */
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    list->hosts = grown(list->hosts, list->host_count, sizeof(name));
    list->hosts[list->host_count++] = name;
    return true;
}

static bool read_digest(struct list *list, const char *entry)
{
    struct digest digest = {{0}};
    for (unsigned i = 0; i < 64; i++) {
        int value = hex_digit(entry[i]);
        if (value < 0)
            return false;
        digest.bytes[i / 2] = (uint8_t)(i % 2 ? digest.bytes[i / 2] | value : value << 4);
    }
    if (entry[64] && !isspace((unsigned char)entry[64]))
        return false;
    list->digests = grown(list->digests, list->digest_count, sizeof(digest));
    list->digests[list->digest_count++] = digest;
    return true;
}

static void read_entry(struct list_reading *r, char *entry)
{
    r->list->entries++;
    if (r->digests) {
        if (!read_digest(r->list, entry))
            say_line(r, "not a SHA-256 of 64 hex digits", entry);
        return;
    }
    if (read_address(r, entry))
        return;
    if (!r->hosts)
        say_line(r, "not an address, nor a prefix like 10.0.0.0/8", entry);
    else if (!read_host(r->list, entry))
        say_line(r, "neither an address, nor a prefix like 10.0.0.0/8, nor a host name", entry);
}

/* The line without comment and blanks around it. */
static char *strip(char *line)
{
    line[strcspn(line, "#")] = '\0';
    while (isspace((unsigned char)*line))
        line++;
    size_t len = strlen(line);
    while (len && isspace((unsigned char)line[len - 1]))
        line[--len] = '\0';
    return line;
}

static int by_from(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return ip_compare(&x->from, &y->from);
}

static int by_digest(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct digest));
}

static int by_host(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct list *list)
{
    if (list->range_count)
        qsort(list->ranges, list->range_count, sizeof(list->ranges[0]), by_from);
    if (list->digest_count)
        qsort(list->digests, list->digest_count, sizeof(list->digests[0]), by_digest);
    if (list->host_count)
        qsort(list->hosts, list->host_count, sizeof(list->hosts[0]), by_host);
    size_t kept = 0;
    for (size_t i = 0; i < list->range_count; i++) {
        struct range *last = kept ? &list->ranges[kept - 1] : NULL;
        if (!last || ip_compare(&list->ranges[i].from, &last->to) > 0)
            list->ranges[kept++] = list->ranges[i];
        else if (ip_compare(&list->ranges[i].to, &last->to) > 0)
            last->to = list->ranges[i].to;
    }
    list->range_count = kept;
}

bool list_read(struct list *list, const char *path, bool hosts, bool digests, list_say say,
               void *user)
{
    struct list_reading r = {list, path, hosts, digests, say, user, 0, 0};
    size_t len;
    char *text = source_read(path, &len);
    if (!text) {
        char message[4600];
        snprintf(message, sizeof(message), "%s: %s", path, strerror(errno));
        say(user, true, message);
        return false;
    }
    if (strlen(text) != len) {
        r.line = 1;
        say_line(&r, "no text: it holds a NUL byte", path);
    }
    for (char *line = text; line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        r.line++;
        char *entry = strip(line);
        if (*entry)
            read_entry(&r, entry);
        line = end ? end + 1 : NULL;
    }
    free(text);
    sort(list);
    return r.errors == 0;
}
