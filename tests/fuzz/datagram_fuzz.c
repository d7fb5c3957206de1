/* Any conversation of datagrams: who is asked, who claims it (WireGuard, OpenVPN, IKE, ESP, TFTP, names and clocks), who
 * hands over. The first byte picks the port. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t ports[] = {9, 53, 69, 123, 500, 1194, 1900, 4500};
    return size ? fuzz_conversation(NULL, IPPROTO_UDP, ports[data[0] % 8], data + 1, size - 1) : 0;
}
