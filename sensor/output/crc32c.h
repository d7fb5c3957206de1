/* CRC-32C (Castagnoli; RFC 3720 B.4), with the CPU's instruction where there is one. Any thread. */
#ifndef DLP_OUTPUT_CRC32C_H
#define DLP_OUTPUT_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *data, size_t len);

#endif
