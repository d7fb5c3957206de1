/* rsync: the sides by turns from the arguments on, a push when the first byte is even, else a pull. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ALL_OPTIONS "-logDtprHAXczUe.iLsfxCIvu"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct opening hello[] = {{SIDE_CLIENT, "@RSYNCD: 31.0 md5\n", 18}, {SIDE_SERVER, "@RSYNCD: 31.0 md5\n", 18},
                                           {SIDE_CLIENT, "m\n", 2}, {SIDE_SERVER, "@RSYNCD: OK\n", 12}};
    static const char push[] = "--server\0-tre.v\0.\0m/\0", pull[] = "--server\0--sender\0" ALL_OPTIONS "\0--new-compress\0.\0m/\0";
    static const char old[] = "--server\n-logDtrHz\n--delete\n.\nm/\n\n";
    struct opening opening[8] = {hello[0], hello[1], hello[2], hello[3]};
    switch (size ? data[0] % 4 : 0) {
    case 0:
        opening[4] = (struct opening){SIDE_CLIENT, push, sizeof(push)};
        opening[5] = (struct opening){SIDE_SERVER, "\x81\xfe\x03md5SEED", 10};
        opening[6] = (struct opening){SIDE_CLIENT, "\x03md5", 4};
        break;
    case 1:
        opening[4] = (struct opening){SIDE_CLIENT, pull, sizeof(pull)};
        opening[5] = (struct opening){SIDE_SERVER, "\x81\xff\x03md5SEED", 10};
        opening[6] = (struct opening){SIDE_CLIENT, "\x03md5", 4};
        break;
    case 2:
        opening[0] = (struct opening){SIDE_CLIENT, "@RSYNCD: 28\n", 12};
        opening[4] = (struct opening){SIDE_CLIENT, old, sizeof(old) - 1};
        opening[5] = (struct opening){SIDE_SERVER, "SEED", 4};
        break;
    default: /* from the greeting on */
        opening[1] = (struct opening){0, NULL, 0};
    }
    return fuzz_conversation(opening, IPPROTO_TCP, 873, size ? data + 1 : data, size ? size - 1 : 0);
}
