/* The Internet checksum (RFC 1071), in the machine's byte order: sums may be compared with a stored
 * field read as it lies in memory. */
#ifndef DLP_PACKET_CHECKSUM_H
#define DLP_PACKET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds `len` bytes (an odd last one is padded with zero) to a running sum. */
uint64_t checksum_add(uint64_t sum, const uint8_t *data, size_t len);
/* The ones' complement sum in 16 bits: 0xffff when a checksum inside what was summed is right. */
uint16_t checksum_fold(uint64_t sum);

#endif
