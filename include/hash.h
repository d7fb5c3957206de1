/* Keyed hashing (SipHash-1-3, Aumasson and Bernstein 2012) wherever an attacker picks the key, and the same
 * function under a fixed key where the value must be the same in every run (flow ids, incident keys). */
#ifndef DLP_HASH_H
#define DLP_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

extern const struct hash_key HASH_KEY_FIXED; /* for identities, never for tables */
void hash_key_random(struct hash_key *key);  /* from getrandom(2) */
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len);

#endif
