/* rcp: files pushed through a bare pipe. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_CLIENT, "C0644 3 a\n", 10}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 514, data, size);
}
