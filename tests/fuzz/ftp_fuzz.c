/* FTP control connections. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_SERVER, "220 ready\r\n", 11}, {SIDE_CLIENT, "PASV\r\n", 6}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 21, data, size);
}
