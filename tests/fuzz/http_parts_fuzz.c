/* Files in parts: the first byte picks the dialect that opens the conversation. */
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const openings[] = {
    "PUT /a?partNumber=1&uploadId=U HTTP/1.1\r\nContent-Length: 1\r\n\r\naPOST /a?uploadId=U HTTP/1.1\r\n",
    "PUT /a?comp=block&blockid=QQ%3D%3D HTTP/1.1\r\nContent-Length: 1\r\n\r\naPUT /a?comp=blocklist HTTP/1.1\r\n",
    "POST /f HTTP/1.1\r\nUpload-Length: 9\r\nUpload-Concat: partial\r\nUpload-Metadata: filename QQ==\r\n\r\n",
    "POST /f HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 400\r\n\r\n--B\r\n",
    "POST /2/upload_session/start HTTP/1.1\r\nDropbox-API-Arg: {}\r\nContent-Length: 1\r\n\r\na",
    "PUT /u/dav/uploads/x/1 HTTP/1.1\r\nContent-Length: 1\r\n\r\naMOVE /u/dav/uploads/x/.file HTTP/1.1\r\nDestination: ",
    "GET /r HTTP/1.1\r\n\r\n",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const char *words = openings[data[0] % (sizeof(openings) / sizeof(openings[0]))];
    const struct opening opening[] = {{SIDE_CLIENT, words, strlen(words)}, {0, NULL, 0}};
    return fuzz_conversation(opening, IPPROTO_TCP, 80, data + 1, size - 1);
}
