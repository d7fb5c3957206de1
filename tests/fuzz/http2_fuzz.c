/* HTTP/2 frames. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_CLIENT, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 80, data, size);
}
