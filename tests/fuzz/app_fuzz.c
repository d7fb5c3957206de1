/* Any conversation: the asking, the holding back, the handing over. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_conversation(NULL, IPPROTO_TCP, 9, data, size);
}
