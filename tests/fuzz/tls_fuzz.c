/* TLS records and the messages in them. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_CLIENT, "\x16\x03\x01\x00\x06\x01", 6}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 443, data, size);
}
