/* XDR (RFC 4506) by formats. A format is a string, a letter for each item:
 *
 *      i l s   4, 8, 16 bytes, passed over            I L   the same as numbers that are kept
 *      o       opaque or string, passed over          n     one whose text is kept, cut to NFS_NAME_MAX
 *      h       file handle, kept                      z     8 bytes: the file's size
 *      U       layout of a file (RFC 8881 13.3), its first handle kept
 *      b       bitmap, kept                           a     attributes as the bitmap says (RFC 7530 5)
 *      F       fattr3, its size kept (Q: but for its first word, of a regular file)
 *      D       opaque that is file content: streamed
 *      [...]   counted list                           {...} list with a mark before each element
 *      other   4 bytes that say how a union goes on: nfs_branch() gives the format of that arm. Capitals are kept
 *
 * An item waits in `hold` or `capture` only until its bytes are there; long ones pass by. So a message of any length
 * is read in one pass, however it is cut, and no length it declares is believed further than its bytes reach. */
#include <string.h>

#include "nfs.h"

enum { FATTR3 = 84, TYPE_REGULAR = 1, BITMAP_WORDS = 16 };

static void item(struct nfs_xdr *x, char letter)
{
    x->letter = letter;
    x->have = 0;
    x->need = letter == 'l' || letter == 'L' || letter == 'z' ? 8 : letter == 's' ? 16 : letter == 'F' ? FATTR3
            : letter == 'Q' ? FATTR3 - 4 : 4;
}

static void push(struct nfs_xdr *x, const char *at, uint32_t left)
{
    if (x->depth == NFS_XDR_DEPTH) {
        x->bad = true;
        return;
    }
    x->frame[x->depth].at = at;
    x->frame[x->depth++].left = left;
}

/* To the next item. '}' is one of its own: it stops there, for the caller to look at the element. */
static void next(struct nfs_xdr *x)
{
    while (!x->bad) {
        char c = *x->at;
        if (c == '\0') {
            if (!x->depth) {
                x->done = true;
                return;
            }
            x->at = x->frame[--x->depth].at;
        } else if (c == ']') {
            if (--x->frame[x->depth - 1].left)
                x->at = x->frame[x->depth - 1].at;
            else
                x->depth--, x->at++;
        } else if (c == '}') {
            x->letter = '}';
            x->need = 0;
            return;
        } else {
            x->at++;
            item(x, c);
            return;
        }
    }
}

void nfs_xdr_start(struct nfs_xdr *x, const char *format)
{
    x->at = format;
    x->done = x->bad = x->has_size = x->has_version = false;
    x->depth = x->numbers = x->handles = x->names = 0;
    x->left = x->padding = 0;
    next(x);
}

static void keep_number(struct nfs_xdr *x, uint64_t value)
{
    if (x->numbers == sizeof(x->number) / sizeof(x->number[0]))
        x->numbers--; /* the last one is wanted, however many there are */
    x->number[x->numbers++] = value;
}

/* RFC 1813 2.6. Size and time of change together tell one version of the file from the next. */
static void take_fattr3(struct nfs_xdr *x, struct cursor *c)
{
    uint32_t type = x->letter == 'F' ? cursor_be32(c) : TYPE_REGULAR;
    cursor_skip(c, 16);
    uint64_t size = cursor_be64(c);
    cursor_skip(c, 24);
    x->fileid = cursor_be64(c);
    cursor_skip(c, 8);
    uint64_t modified = cursor_be64(c);
    if (type != TYPE_REGULAR)
        return;
    x->has_size = x->has_version = true;
    x->size = size;
    x->version = modified;
}

/* RFC 7530 5: the attributes stand in the order of their numbers. Walked as far as the file handle. */
static void take_attributes(struct app_session *session, enum side side, struct nfs_xdr *x)
{
    enum { CHANGE = 3, SIZE = 4, ACL = 12, FILEHANDLE = 19 };
    static const uint8_t width[FILEHANDLE] = {0, 4, 4, 8, 8, 4, 4, 4, 16, 4, 4, 4, 0, 4, 4, 4, 4, 4, 4};
    struct cursor c = cursor_over(x->capture, x->capture_len);
    for (unsigned i = 0; i <= FILEHANDLE && !c.bad; i++) {
        if (!(x->bitmap[0] & 1u << i))
            continue;
        if (i == 0) {
            uint32_t words = cursor_be32(&c);
            cursor_skip(&c, (size_t)words * 4);
        } else if (i == ACL) {
            for (uint32_t aces = cursor_be32(&c); aces && !c.bad; aces--) {
                cursor_skip(&c, 12);
                cursor_skip(&c, ((size_t)cursor_be32(&c) + 3) & ~(size_t)3);
            }
        } else if (i == CHANGE || i == SIZE) {
            uint64_t value = cursor_be64(&c);
            if (i == SIZE && !c.bad) {
                x->has_size = true;
                x->size = value;
            }
        } else if (i == FILEHANDLE) {
            uint32_t len = cursor_be32(&c);
            const uint8_t *handle = len <= NFS_HANDLE_MAX ? cursor_take(&c, len) : NULL;
            if (handle && x->handles < 2)
                x->handle[x->handles++] = nfs_handle(session, side, handle, len);
        } else {
            cursor_skip(&c, width[i]);
        }
    }
}

/* RFC 8881 13.3: a file that is on data servers has other handles there. */
static void take_layout(struct app_session *session, enum side side, struct nfs_xdr *x)
{
    enum { LAYOUT_FILES = 1 };
    struct cursor c = cursor_over(x->capture, x->capture_len);
    cursor_skip(&c, 16 + 4 + 4 + 8);
    uint32_t handles = cursor_be32(&c), len = cursor_be32(&c);
    const uint8_t *handle = len <= NFS_HANDLE_MAX ? cursor_take(&c, len) : NULL;
    if (x->number[x->numbers - 1] == LAYOUT_FILES && handles && handle && x->handles < 2)
        x->handle[x->handles++] = nfs_handle(session, side, handle, len);
}

/* A fixed item is there. */
static void take_fixed(struct app_session *session, enum side side, const uint8_t *p)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_xdr *x = &s->xdr;
    struct cursor c = cursor_over(p, x->need);
    char letter = x->letter;
    if (letter == 'F' || letter == 'Q') {
        take_fattr3(x, &c);
    } else if (x->need == 8) {
        uint64_t value = cursor_be64(&c);
        if (letter == 'L')
            keep_number(x, value);
        if (letter == 'z') {
            x->size = value;
            x->has_size = true;
        }
    } else if (x->need == 4) {
        uint32_t value = cursor_be32(&c);
        const char *arm;
        switch (letter) {
        case 'i':
            break;
        case 'I':
            keep_number(x, value);
            break;
        case 'b':
            x->bad = value > BITMAP_WORDS;
            x->left = value * 4;
            x->capture_len = 0;
            memset(x->bitmap, 0, sizeof(x->bitmap));
            return;
        case 'h':
            x->bad = value > NFS_HANDLE_MAX;
            /* fall through */
        case 'o':
        case 'n':
        case 'a':
        case 'U':
        case 'D':
            x->left = value;
            x->padding = (uint8_t)(-value & 3);
            x->capture_len = 0;
            if (letter == 'D')
                (s->version == 4 ? nfs4_payload : nfs3_payload)(session, side, value);
            return;
        case '[':
            if (value)
                push(x, x->at, value);
            else
                x->at = strchr(x->at, ']') + 1;
            break;
        case '{':
            if (!value)
                x->at = strchr(x->at, '}') + 1;
            break;
        default:
            if (letter >= 'A' && letter <= 'Z')
                keep_number(x, value);
            if (!(arm = nfs_branch(letter, value))) {
                x->bad = true;
            } else if (*arm) {
                push(x, x->at, 0);
                x->at = arm;
            }
        }
    }
    next(x);
}

/* All bytes of an opaque are there, or were passed over. */
static void take_opaque(struct app_session *session, enum side side, struct nfs_xdr *x)
{
    if (x->letter == 'b') {
        struct cursor c = cursor_over(x->capture, x->capture_len);
        for (unsigned i = 0; i < 3 && cursor_left(&c) >= 4; i++)
            x->bitmap[i] = cursor_be32(&c);
    } else if (x->letter == 'h' && x->handles < 2) {
        x->handle[x->handles++] = nfs_handle(session, side, x->capture, x->capture_len);
    } else if (x->letter == 'n' && x->names < 2) {
        size_t n = x->capture_len < NFS_NAME_MAX ? x->capture_len : NFS_NAME_MAX;
        memcpy(x->name[x->names].text, x->capture, n);
        x->name[x->names++].len = (uint8_t)n;
    } else if (x->letter == 'a') {
        take_attributes(session, side, x);
    } else if (x->letter == 'U') {
        take_layout(session, side, x);
    }
    next(x);
}

static size_t feed_opaque(struct nfs_xdr *x, const uint8_t *data, size_t len)
{
    if (!x->left) {
        size_t n = x->padding < len ? x->padding : len;
        x->padding = (uint8_t)(x->padding - n);
        return n;
    }
    size_t n = x->left < len ? x->left : len;
    if (x->letter != 'o') {
        size_t room = sizeof(x->capture) - x->capture_len, kept = n < room ? n : room;
        memcpy(x->capture + x->capture_len, data, kept);
        x->capture_len = (uint16_t)(x->capture_len + kept);
    }
    x->left -= (uint32_t)n;
    return n;
}

void nfs_xdr_payload_done(struct nfs_xdr *x)
{
    x->letter = 'o'; /* what remains is padding */
    if (!x->padding)
        next(x);
}

void nfs_xdr_inside_opaque(struct nfs_xdr *x, uint32_t left)
{
    x->have = x->need;
    x->left = left;
    if (!left)
        next(x);
}

size_t nfs_xdr_feed(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_xdr *x = &s->xdr;
    size_t at = 0;
    while (!x->done && !x->bad) {
        if (x->letter == '}') { /* an element is complete; its list goes on at the mark before the next */
            if (s->version == 4)
                nfs4_entry(session, side);
            else
                nfs3_entry(session, side);
            x->numbers = x->handles = x->names = 0;
            while (*x->at != '{')
                x->at--;
            next(x);
        } else if (x->have == x->need) { /* inside an opaque */
            if (x->left || x->padding) {
                if (at == len)
                    break;
                at += feed_opaque(x, data + at, len - at);
            }
            if (!x->left && !x->padding)
                take_opaque(session, side, x);
        } else if (at == len) {
            break;
        } else if (!x->have && len - at >= x->need) { /* from where it lies */
            const uint8_t *p = data + at;
            at += x->need;
            x->have = x->need;
            take_fixed(session, side, p);
        } else {
            size_t n = (size_t)x->need - x->have;
            n = n < len - at ? n : len - at;
            memcpy(x->hold + x->have, data + at, n);
            x->have = (uint8_t)(x->have + n);
            at += n;
            if (x->have == x->need)
                take_fixed(session, side, x->hold);
        }
        if (s->payload.active)
            break;
    }
    return at;
}
