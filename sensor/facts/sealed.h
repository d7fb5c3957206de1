/* Messages that are nothing but encryption and have no magic of a fixed place: OpenPGP and CMS. No state. */
#ifndef FACTS_SEALED_H
#define FACTS_SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An OpenPGP message (RFC 9580) that begins with a packet of an encrypted session key. */
bool sealed_is_pgp(const uint8_t *head, size_t len);
/* "-----BEGIN PGP MESSAGE" whose first packet is none of those that hold plain data; also when the bytes do not reach
 * it. */
bool sealed_is_pgp_armor(const uint8_t *head, size_t len);
/* CMS (RFC 5652) ContentInfo of any kind; `*encrypted`: enveloped, encrypted or authenticated and enveloped. */
bool sealed_is_cms(const uint8_t *head, size_t len, bool *encrypted);

#endif
