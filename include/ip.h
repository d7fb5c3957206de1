/* IP addresses and address sets. An address is 16 bytes in network order; IPv4 is mapped (::ffff:a.b.c.d,
 * RFC 4291 2.5.5.2), so one compare and one hash serve both. */
#ifndef DLP_IP_H
#define DLP_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip_addr {
    uint8_t bytes[16];
};

#define IP_TEXT_MAX 46 /* INET6_ADDRSTRLEN, terminator included */

struct ip_addr ip_from_v4(const uint8_t bytes[4]);
struct ip_addr ip_from_v6(const uint8_t bytes[16]);
bool ip_is_v4(const struct ip_addr *addr);
bool ip_equal(const struct ip_addr *a, const struct ip_addr *b);
int ip_compare(const struct ip_addr *a, const struct ip_addr *b); /* memcmp order */
/* "10.1.2.3" or RFC 5952 text; returns `text`. */
char *ip_format(const struct ip_addr *addr, char text[IP_TEXT_MAX]);
bool ip_parse(const char *text, struct ip_addr *addr);

/* A set of prefixes, built at start and then read-only (any thread may read it). */
struct ip_set;
struct ip_set *ip_set_new(void);
void ip_set_free(struct ip_set *set);
/* Adds "10.0.0.0/8", "fd00::/8" or a single address; false when the text is not one. */
bool ip_set_add(struct ip_set *set, const char *cidr);
/* Adds a comma list; on failure writes the offending element to `bad`. */
bool ip_set_add_list(struct ip_set *set, const char *list, char *bad, size_t bad_len);
bool ip_set_has(const struct ip_set *set, const struct ip_addr *addr);
/* RFC 1918, RFC 4193, loopback, link-local: the default home network. */
#define IP_HOME_DEFAULT "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7,127.0.0.0/8,::1/128,169.254.0.0/16,fe80::/10"

#endif
