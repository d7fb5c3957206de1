/* SMTP conversations. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_SERVER, "220 mx ESMTP\r\n", 14}, {SIDE_CLIENT, "EHLO a\r\n", 8}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 25, data, size);
}
