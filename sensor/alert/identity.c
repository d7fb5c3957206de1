/* Identities that are the same in every run: dlp.id, the incident key, and Community ID. */
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "alert.h"
#include "document.h"
#include "hash.h"

static void put_hex(char *out, uint64_t value)
{
    snprintf(out, 17, "%016llx", (unsigned long long)value);
}

void alert_identity(const struct object *object, const struct flow *flow, const char *rule, char id[33])
{
    struct {
        uint64_t flow, tx, ordinal, side;
        char path[OBJECT_PATH_MAX * 64];
        char rule[128];
    } key;
    static const struct hash_key second = {0x6964656e74697479ULL, 0x6f66616c65727473ULL};
    memset(&key, 0, sizeof(key));
    key.flow = flow ? flow->id : 0;
    key.tx = object ? object->tx_id : 0;
    key.ordinal = object ? object->ordinal : UINT64_MAX;
    key.side = object ? (uint64_t)object->sender : 2;
    for (unsigned i = 0; object && i < object->path_count; i++)
        memcpy(key.path + (size_t)i * 64, object->path[i], strlen(object->path[i]));
    snprintf(key.rule, sizeof(key.rule), "%s", rule);
    put_hex(id, hash_bytes(&HASH_KEY_FIXED, &key, sizeof(key)));
    put_hex(id + 16, hash_bytes(&second, &key, sizeof(key)));
}

void incident_key(const char *sensor, const struct flow *flow, enum side sender, const char *category,
                  char out[17])
{
    struct {
        struct ip_addr from, to;
        char sensor[64], category[64];
    } key;
    memset(&key, 0, sizeof(key));
    if (flow) {
        key.from = flow->addr[sender];
        key.to = flow->addr[side_other(sender)];
    }
    snprintf(key.sensor, sizeof(key.sensor), "%s", sensor);
    snprintf(key.category, sizeof(key.category), "%s", category);
    put_hex(out, hash_bytes(&HASH_KEY_FIXED, &key, sizeof(key)));
}

/* Addresses, then ports, ordered so that both directions give the same text; SHA-1 over
 * seed . source . destination . protocol . 0 . source port . destination port. */
void community_id(const struct flow *flow, char out[COMMUNITY_ID_MAX])
{
    uint8_t key[2 + 16 + 16 + 2 + 4], digest[20];
    size_t n = 0, addr_at = 0, addr_len = 16;
    unsigned digest_len = 0;
    bool v4 = ip_is_v4(&flow->addr[0]) && ip_is_v4(&flow->addr[1]);
    if (v4) {
        addr_at = 12;
        addr_len = 4;
    }
    int order = memcmp(flow->addr[0].bytes + addr_at, flow->addr[1].bytes + addr_at, addr_len);
    unsigned first = order < 0 || (order == 0 && flow->port[0] < flow->port[1]) ? 0 : 1;
    key[n++] = 0; /* seed 0 */
    key[n++] = 0;
    for (unsigned i = 0; i < 2; i++) {
        memcpy(key + n, flow->addr[i ? 1 - first : first].bytes + addr_at, addr_len);
        n += addr_len;
    }
    key[n++] = flow->protocol;
    key[n++] = 0;
    for (unsigned i = 0; i < 2 && flow->protocol != IPPROTO_ESP; i++) {
        uint16_t port = flow->port[i ? 1 - first : first];
        key[n++] = (uint8_t)(port >> 8);
        key[n++] = (uint8_t)port;
    }
    out[0] = '\0';
    if (EVP_Digest(key, n, digest, &digest_len, EVP_sha1(), NULL) != 1)
        return;
    out[0] = '1';
    out[1] = ':';
    EVP_EncodeBlock((unsigned char *)out + 2, digest, 20); /* 28 characters and the terminator */
}
