/* NNTP conversations. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {
        {SIDE_SERVER, "200 ok\r\n", 8}, {SIDE_CLIENT, "POST\r\n", 6}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 119, data, size);
}
