/* A list of MAPI properties as TNEF writes them (MS-OXTNEF 2.1.3.4): read as bytes come, values handed on in pieces. */
#ifndef DLP_OBJECT_MAPI_H
#define DLP_OBJECT_MAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAPI_TEXT 512 /* bytes of a value that are kept for mapi_sink.end */

enum mapi_id { /* MS-OXPROPS */
    MAPI_BODY = 0x1000,
    MAPI_RTF_COMPRESSED = 0x1009,
    MAPI_HTML = 0x1013,
    MAPI_DISPLAY_NAME = 0x3001,
    MAPI_ATTACH_DATA = 0x3701,
    MAPI_ATTACH_FILENAME = 0x3704,
    MAPI_ATTACH_LONG_FILENAME = 0x3707,
    MAPI_ATTACH_MIME_TAG = 0x370e,
};

enum mapi_type {
    MAPI_TYPE_STRING8 = 0x1e,
    MAPI_TYPE_UNICODE = 0x1f,
    MAPI_TYPE_OBJECT = 0x0d,
    MAPI_TYPE_BINARY = 0x102,
    MAPI_TYPE_MESSAGE = 0xffff, /* an object that is an embedded message */
};

/* Of each value of variable length. Unicode is handed on as UTF-8, an object without its GUID. */
struct mapi_sink {
    void (*begin)(void *user, uint16_t id, uint16_t type, uint64_t len); /* len: as it travels */
    void (*data)(void *user, uint16_t id, const uint8_t *data, size_t len);
    void (*end)(void *user, uint16_t id, const char *text, size_t len); /* text: its beginning, without ending NULs */
};

enum mapi_step {
    MAPI_COUNT,
    MAPI_TAG,
    MAPI_NAME,   /* of a named property: GUID and kind */
    MAPI_NAME_ID,
    MAPI_VALUES, /* how many */
    MAPI_LEN,
    MAPI_CLASS,  /* GUID of an object */
    MAPI_VALUE,
    MAPI_SKIP,   /* padding, fixed values, names */
    MAPI_ENDED,
    MAPI_BAD,
};

struct mapi {
    enum mapi_step step, next; /* next: behind MAPI_SKIP */
    uint32_t properties;       /* that follow */
    uint32_t values;           /* of the present one that follow */
    uint16_t id, type;
    uint64_t left, padding;
    uint8_t have;
    uint8_t head[20];
    uint16_t high;             /* first half of a surrogate pair */
    bool odd;                  /* one byte of a UTF-16 unit is here */
    uint8_t low;
    size_t text_len;
    char text[MAPI_TEXT];
};

void mapi_begin(struct mapi *mapi);
/* Returns the bytes taken: all, unless the list ended or is none. */
size_t mapi_data(struct mapi *mapi, const struct mapi_sink *sink, void *user, const uint8_t *data, size_t len);

#endif
