/* Whatever the network says, the writer's document is one valid line. The first bytes pick which calls are made. */
#include <stdint.h>
#include <stdlib.h>

#include "../unit/util/json_check.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json json;
    unsigned depth = 0;
    json_init(&json);
    json_open_object(&json, NULL);
    while (size >= 2) {
        size_t len = data[1] % 32 * (data[0] & 0x80 ? 64u : 1u);
        unsigned call = data[0] & 0x0f;
        data += 2;
        size -= 2;
        if (len > size)
            len = size;
        if (call == 0 && depth < 16) {
            json_open_object(&json, "in");
            depth++;
        } else if (call == 1 && depth) {
            json_close_object(&json);
            depth--;
        } else if (call == 2) {
            json_hex(&json, "hex", data, len);
        } else if (call == 3) {
            int64_t number = 0;
            memcpy(&number, data, len < 8 ? len : 8);
            json_int(&json, "int", number);
            json_time(&json, "time", number);
        } else if (call == 4) {
            double number = 0;
            memcpy(&number, data, len < 8 ? len : 8);
            json_double(&json, "real", number);
        } else {
            json_bytes(&json, "bytes", data, len);
        }
        data += len;
        size -= len;
    }
    while (depth--)
        json_close_object(&json);
    json_close_object(&json);
    if (!json_check(json.data, json.len))
        abort();
    json_free(&json);
    return 0;
}
