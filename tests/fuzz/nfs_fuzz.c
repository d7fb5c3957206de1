/* NFS over TCP, and over UDP when the input says so. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A call of NULL, version 3. */
#define CALL "\0\0\0\1\0\0\0\0\0\0\0\2\0\1\x86\xa3\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening tcp[] = {{SIDE_CLIENT, "\x80\0\0\x28" CALL, sizeof(CALL) + 3}, {0, NULL, 0}};
    static const struct opening udp[] = {{SIDE_CLIENT, CALL, sizeof(CALL) - 1}, {0, NULL, 0}};
    if (size && (data[0] & 0x20))
        return fuzz_conversation(udp, IPPROTO_UDP, 2049, data, size);
    return fuzz_conversation(tcp, IPPROTO_TCP, 2049, data, size);
}
