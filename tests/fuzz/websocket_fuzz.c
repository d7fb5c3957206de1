/* WebSocket frames after an upgrade. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening opening[] = {{SIDE_CLIENT, "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", 39}, {SIDE_SERVER, "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n", 39}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 80, data, size);
}
