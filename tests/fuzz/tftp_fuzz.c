/* TFTP datagrams. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_CLIENT, "\x00\x02" "a\x00octet\x00", 10}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_UDP, 69, data, size);
}
