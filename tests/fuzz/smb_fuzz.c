/* SMB messages. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_CLIENT, "\x00\x00\x00\x40\xfeSMB", 8}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 445, data, size);
}
