/* Files in parts. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_CLIENT, "PUT /a?partNumber=1&uploadId=U HTTP/1.1\r\n", 41}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 80, data, size);
}
