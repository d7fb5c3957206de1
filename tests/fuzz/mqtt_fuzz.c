/* MQTT packets. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_CLIENT, "\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01i", 16}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 1883, data, size);
}
