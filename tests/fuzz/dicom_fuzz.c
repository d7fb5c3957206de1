/* DICOM associations and C-STORE. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_CLIENT, "\x01\x00\x00\x00\x00\x44\x00\x01\x00\x00" "STORE           MODALITY        " "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 74}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 104, data, size);
}
