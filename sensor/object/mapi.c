/* MAPI properties. A property is a tag (type and id), for named ones a name, then its values: fixed ones of four to
 * sixteen bytes, variable ones behind a count and each behind a length, padded to four bytes. */
#include "mapi.h"

#include <string.h>

#include "cursor.h"
#include "utf8.h"

#define MULTIPLE 0x1000
#define FIRST_NAMED 0x8000
#define NAME_IS_TEXT 1
#define UTF8_PIECE 1024

void mapi_begin(struct mapi *mapi)
{
    memset(mapi, 0, offsetof(struct mapi, text));
}

/* Bytes of one value, padded to four; 0: variable; UINT32_MAX: no type anybody knows. */
static uint32_t fixed_size(uint16_t type)
{
    switch (type & ~MULTIPLE) {
    case 0x0001: /* null, short, long, float, error, boolean */
    case 0x0002:
    case 0x0003:
    case 0x0004:
    case 0x000a:
    case 0x000b:
        return 4;
    case 0x0005: /* double, currency, application time, long long, time */
    case 0x0006:
    case 0x0007:
    case 0x0014:
    case 0x0040:
        return 8;
    case 0x0048: /* GUID */
        return 16;
    case MAPI_TYPE_OBJECT:
    case MAPI_TYPE_STRING8:
    case MAPI_TYPE_UNICODE:
    case MAPI_TYPE_BINARY:
        return 0;
    default:
        return UINT32_MAX;
    }
}

static void skip(struct mapi *mapi, uint64_t len, enum mapi_step next)
{
    mapi->left = len;
    mapi->next = next;
    mapi->step = len ? MAPI_SKIP : next;
}

static void next_property(struct mapi *mapi)
{
    mapi->step = mapi->properties ? MAPI_TAG : MAPI_ENDED;
}

static void after_tag(struct mapi *mapi)
{
    uint32_t size = fixed_size(mapi->type);
    mapi->values = 0;
    if (size == UINT32_MAX)
        mapi->step = MAPI_BAD;
    else if (!size || mapi->type & MULTIPLE)
        mapi->step = MAPI_VALUES;
    else
        skip(mapi, size, mapi->properties ? MAPI_TAG : MAPI_ENDED);
}

static void take_tag(struct mapi *mapi, struct cursor *c)
{
    mapi->type = cursor_le16(c);
    mapi->id = cursor_le16(c);
    mapi->properties--;
    mapi->step = MAPI_NAME;
    if (mapi->id < FIRST_NAMED)
        after_tag(mapi);
}

static void take_values(struct mapi *mapi, struct cursor *c)
{
    uint32_t size = fixed_size(mapi->type);
    mapi->values = cursor_le32(c);
    if (size)
        skip(mapi, (uint64_t)size * mapi->values, mapi->properties ? MAPI_TAG : MAPI_ENDED);
    else if (mapi->values)
        mapi->step = MAPI_LEN;
    else
        next_property(mapi);
}

/* ---- values ---- */

static void begin_value(struct mapi *mapi, const struct mapi_sink *sink, void *user, uint16_t type)
{
    mapi->text_len = 0;
    mapi->high = 0;
    mapi->odd = false;
    mapi->step = MAPI_VALUE;
    sink->begin(user, mapi->id, type, mapi->left);
}

static void end_value(struct mapi *mapi, const struct mapi_sink *sink, void *user)
{
    while (mapi->text_len && !mapi->text[mapi->text_len - 1])
        mapi->text_len--;
    sink->end(user, mapi->id, mapi->text, mapi->text_len);
    mapi->values--;
    enum mapi_step next = mapi->values ? MAPI_LEN : mapi->properties ? MAPI_TAG : MAPI_ENDED;
    skip(mapi, mapi->padding, next);
}

static void pass(struct mapi *mapi, const struct mapi_sink *sink, void *user, const uint8_t *data, size_t len)
{
    size_t room = sizeof(mapi->text) - mapi->text_len, n = len < room ? len : room;
    memcpy(mapi->text + mapi->text_len, data, n);
    mapi->text_len += n;
    if (len)
        sink->data(user, mapi->id, data, len);
}

static size_t take_unit(struct mapi *mapi, uint16_t unit, uint8_t *out)
{
    uint32_t c = unit;
    if (unit >= 0xd800 && unit < 0xdc00) {
        mapi->high = unit;
        return 0;
    }
    if (unit >= 0xdc00 && unit < 0xe000)
        c = mapi->high ? 0x10000u + ((mapi->high & 0x3ffu) << 10 | (unit & 0x3ffu)) : 0xfffdu;
    mapi->high = 0;
    return utf8_put((char *)out, c);
}

static void pass_unicode(struct mapi *mapi, const struct mapi_sink *sink, void *user, const uint8_t *data, size_t len)
{
    uint8_t out[UTF8_PIECE];
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (mapi->odd)
            n += take_unit(mapi, (uint16_t)(data[i] << 8 | mapi->low), out + n);
        mapi->low = data[i];
        mapi->odd = !mapi->odd;
        if (n > sizeof(out) - 4) {
            pass(mapi, sink, user, out, n);
            n = 0;
        }
    }
    pass(mapi, sink, user, out, n);
}

static size_t value_bytes(struct mapi *mapi, const struct mapi_sink *sink, void *user, const uint8_t *data, size_t len)
{
    size_t n = len < mapi->left ? len : (size_t)mapi->left;
    if ((mapi->type & ~MULTIPLE) == MAPI_TYPE_UNICODE)
        pass_unicode(mapi, sink, user, data, n);
    else
        pass(mapi, sink, user, data, n);
    mapi->left -= n;
    if (!mapi->left)
        end_value(mapi, sink, user);
    return n;
}

static void take_len(struct mapi *mapi, const struct mapi_sink *sink, void *user, struct cursor *c)
{
    mapi->left = cursor_le32(c);
    mapi->padding = -mapi->left & 3;
    if (mapi->type == MAPI_TYPE_OBJECT && mapi->left >= 16) {
        mapi->left -= 16;
        mapi->step = MAPI_CLASS;
        return;
    }
    begin_value(mapi, sink, user, mapi->type);
    if (!mapi->left)
        end_value(mapi, sink, user);
}

static void take_class(struct mapi *mapi, const struct mapi_sink *sink, void *user)
{
    static const uint8_t message[16] = {0x07, 0x03, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46};
    bool is_message = memcmp(mapi->head, message, sizeof(message)) == 0;
    begin_value(mapi, sink, user, is_message ? MAPI_TYPE_MESSAGE : mapi->type);
    if (!mapi->left)
        end_value(mapi, sink, user);
}

/* Bytes of a step that needs a fixed number of them. */
static size_t needed(enum mapi_step step)
{
    return step == MAPI_NAME ? 20 : step == MAPI_CLASS ? 16 : 4;
}

static void take_head(struct mapi *mapi, const struct mapi_sink *sink, void *user)
{
    struct cursor c = cursor_over(mapi->head, needed(mapi->step));
    switch (mapi->step) {
    case MAPI_COUNT:
        mapi->properties = cursor_le32(&c);
        next_property(mapi);
        break;
    case MAPI_TAG:
        take_tag(mapi, &c);
        break;
    case MAPI_NAME:
        cursor_skip(&c, 16);
        mapi->values = cursor_le32(&c);
        mapi->step = MAPI_NAME_ID;
        break;
    case MAPI_NAME_ID: {
        uint32_t value = cursor_le32(&c);
        bool text = mapi->values == NAME_IS_TEXT;
        after_tag(mapi);
        if (!text)
            break;
        /* the name stands before what after_tag() found next */
        uint64_t more = mapi->step == MAPI_SKIP ? mapi->left : 0;
        skip(mapi, ((uint64_t)value + 3) / 4 * 4 + more, mapi->step == MAPI_SKIP ? mapi->next : mapi->step);
        break;
    }
    case MAPI_VALUES:
        take_values(mapi, &c);
        break;
    case MAPI_LEN:
        take_len(mapi, sink, user, &c);
        break;
    default:
        take_class(mapi, sink, user);
        break;
    }
}

size_t mapi_data(struct mapi *mapi, const struct mapi_sink *sink, void *user, const uint8_t *data, size_t len)
{
    size_t had = len;
    while (len && mapi->step != MAPI_ENDED && mapi->step != MAPI_BAD) {
        size_t n;
        if (mapi->step == MAPI_VALUE) {
            n = value_bytes(mapi, sink, user, data, len);
        } else if (mapi->step == MAPI_SKIP) {
            n = len < mapi->left ? len : (size_t)mapi->left;
            mapi->left -= n;
            if (!mapi->left)
                mapi->step = mapi->next;
        } else {
            size_t missing = needed(mapi->step) - mapi->have;
            n = len < missing ? len : missing;
            memcpy(mapi->head + mapi->have, data, n);
            mapi->have = (uint8_t)(mapi->have + n);
            if (n == missing) {
                mapi->have = 0;
                take_head(mapi, sink, user);
            }
        }
        data += n;
        len -= n;
    }
    return had - len;
}
