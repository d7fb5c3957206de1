/* IMAP conversations. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_SERVER, "* OK\r\n", 6}, {SIDE_CLIENT, "a NOOP\r\n", 8}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 143, data, size);
}
