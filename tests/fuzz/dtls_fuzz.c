/* DTLS records, and handshake messages in fragments. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The first fragment of a ClientHello of 256 bytes. */
    static const struct opening opening[] = {
        {SIDE_CLIENT, "\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x0e\x01\0\x01\0\0\0\0\0\0\0\0\x02\xfe\xfd", 27}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_UDP, 4433, data, size);
}
