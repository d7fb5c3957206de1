/* SSH's identification, and the algorithms both sides offer. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_CLIENT, "SSH-2.0-", 8}, {SIDE_SERVER, "SSH-", 4}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 22, data, size);
}
