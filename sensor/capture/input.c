/* Reading a capture file. Compressed or not, a reader sees one run of bytes; each coding is one row
 * of the table `codings`. Plain bytes go straight from read(2) to the caller's buffer. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RAW_ROOM (128u << 10)
#define STDIO_ROOM (128u << 10)

struct coding {
    const char *name;
    bool (*starts)(const uint8_t *bytes, size_t len);
    bool (*open)(struct input *input);
    size_t (*read)(struct input *input, uint8_t *out, size_t room);
    void (*close)(struct input *input);
};

struct input {
    int fd;
    const struct coding *coding;
    uint8_t raw[RAW_ROOM]; /* bytes of the file not decoded yet */
    size_t raw_at, raw_len;
    bool raw_end;
    uint64_t raw_done, raw_total, offset;
    uint8_t head[INPUT_PEEK]; /* decoded bytes that were peeked and not taken */
    size_t head_at, head_len;
    bool peeked;
    union {
        z_stream gzip;
        ZSTD_DStream *zstd;
    } state;
    bool inside; /* between the start and the end of a gzip member or a zstd frame */
    char failure[160];
    char stdio[STDIO_ROOM]; /* the stdio stream's buffer, when there is one */
};

static void fail(struct input *input, const char *reason)
{
    if (!input->failure[0])
        snprintf(input->failure, sizeof(input->failure), "%s", reason);
}

static size_t raw_read(struct input *input, uint8_t *out, size_t room)
{
    for (;;) {
        ssize_t n = read(input->fd, out, room);
        if (n > 0) {
            input->raw_done += (size_t)n;
            return (size_t)n;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail(input, strerror(errno));
        input->raw_end = true;
        return 0;
    }
}

/* Refills `raw` when it is used up; false at the end of the file. */
static bool raw_more(struct input *input)
{
    if (input->raw_at < input->raw_len)
        return true;
    if (input->raw_end)
        return false;
    input->raw_at = 0;
    input->raw_len = raw_read(input, input->raw, sizeof(input->raw));
    return input->raw_len > 0;
}

static bool plain_starts(const uint8_t *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return true;
}

static bool plain_open(struct input *input)
{
    (void)input;
    return true;
}

static size_t plain_read(struct input *input, uint8_t *out, size_t room)
{
    size_t n = input->raw_len - input->raw_at;
    if (n == 0)
        return input->raw_end ? 0 : raw_read(input, out, room);
    if (n > room)
        n = room;
    memcpy(out, input->raw + input->raw_at, n);
    input->raw_at += n;
    return n;
}

static void plain_close(struct input *input)
{
    (void)input;
}

static bool gzip_starts(const uint8_t *bytes, size_t len)
{
    return len >= 3 && bytes[0] == 0x1f && bytes[1] == 0x8b && bytes[2] == 8; /* RFC 1952 2.3.1 */
}

static bool gzip_open(struct input *input)
{
    input->inside = true;
    return inflateInit2(&input->state.gzip, 15 + 16) == Z_OK;
}

/* Members may follow one another (RFC 1952 2.2), and zero padding may follow the last. */
static bool gzip_next_member(struct input *input)
{
    while (raw_more(input) && input->raw[input->raw_at] == 0)
        input->raw_at++;
    if (!raw_more(input))
        return false;
    input->inside = true;
    return inflateReset(&input->state.gzip) == Z_OK;
}

static size_t gzip_read(struct input *input, uint8_t *out, size_t room)
{
    z_stream *z = &input->state.gzip;
    z->next_out = out;
    z->avail_out = (uInt)room;
    while (z->avail_out == room) {
        if (!input->inside && !gzip_next_member(input))
            break;
        if (!raw_more(input)) {
            fail(input, "the gzip stream ends early");
            break;
        }
        z->next_in = input->raw + input->raw_at;
        z->avail_in = (uInt)(input->raw_len - input->raw_at);
        int result = inflate(z, Z_NO_FLUSH);
        input->raw_at = input->raw_len - z->avail_in;
        if (result == Z_STREAM_END) {
            input->inside = false;
        } else if (result != Z_OK) {
            fail(input, z->msg ? z->msg : "the gzip stream is damaged");
            break;
        }
    }
    return room - z->avail_out;
}

static void gzip_close(struct input *input)
{
    inflateEnd(&input->state.gzip);
}

static bool zstd_starts(const uint8_t *bytes, size_t len)
{
    static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd}; /* RFC 8878 3.1.1 */
    static const uint8_t skippable[3] = {0x2a, 0x4d, 0x18};   /* RFC 8878 3.1.2 */
    return len >= 4 && (memcmp(bytes, magic, 4) == 0 ||
                        ((bytes[0] & 0xf0) == 0x50 && memcmp(bytes + 1, skippable, 3) == 0));
}

static bool zstd_open(struct input *input)
{
    input->state.zstd = ZSTD_createDStream();
    return input->state.zstd != NULL;
}

static size_t zstd_read(struct input *input, uint8_t *out, size_t room)
{
    ZSTD_outBuffer to = {out, room, 0};
    while (to.pos == 0) {
        if (!raw_more(input)) {
            if (input->inside)
                fail(input, "the zstd stream ends early");
            break;
        }
        ZSTD_inBuffer from = {input->raw + input->raw_at, input->raw_len - input->raw_at, 0};
        size_t result = ZSTD_decompressStream(input->state.zstd, &to, &from);
        input->raw_at += from.pos;
        if (ZSTD_isError(result)) {
            fail(input, ZSTD_getErrorName(result));
            break;
        }
        input->inside = result != 0;
    }
    return to.pos;
}

static void zstd_close(struct input *input)
{
    ZSTD_freeDStream(input->state.zstd);
}

static const struct coding codings[] = {
    {"gzip", gzip_starts, gzip_open, gzip_read, gzip_close},
    {"zstd", zstd_starts, zstd_open, zstd_read, zstd_close},
    {"plain", plain_starts, plain_open, plain_read, plain_close}, /* last: it takes anything */
};

static bool open_file(struct input *input, const char *path, char *error, size_t error_len)
{
    struct stat st;
    bool standard = strcmp(path, "-") == 0;
    input->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0 || fstat(input->fd, &st) != 0) {
        snprintf(error, error_len, "%s: %s", path, strerror(errno));
        return false;
    }
    if (S_ISDIR(st.st_mode)) {
        snprintf(error, error_len, "%s: is a directory", path);
        return false;
    }
    if (S_ISREG(st.st_mode)) {
        input->raw_total = (uint64_t)st.st_size;
        posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return true;
}

struct input *input_open(const char *path, char *error, size_t error_len)
{
    struct input *input = calloc(1, sizeof(*input));
    if (!input) {
        snprintf(error, error_len, "%s: not enough memory", path);
        return NULL;
    }
    if (!open_file(input, path, error, error_len)) {
        input_close(input);
        return NULL;
    }
    /* A pipe may give its first bytes one at a time. */
    while (input->raw_len < 4 && !input->raw_end)
        input->raw_len +=
            raw_read(input, input->raw + input->raw_len, sizeof(input->raw) - input->raw_len);
    const struct coding *coding = codings;
    while (!coding->starts(input->raw, input->raw_len))
        coding++;
    if (!coding->open(input)) {
        snprintf(error, error_len, "%s: not enough memory to read %s", path, coding->name);
        input_close(input);
        return NULL;
    }
    input->coding = coding;
    return input;
}

void input_close(struct input *input)
{
    if (!input)
        return;
    if (input->coding)
        input->coding->close(input);
    if (input->fd > STDERR_FILENO)
        close(input->fd);
    free(input);
}

size_t input_peek(struct input *input, const uint8_t **bytes)
{
    while (!input->peeked && input->head_len < INPUT_PEEK) {
        size_t n = input->failure[0] ? 0
                                     : input->coding->read(input, input->head + input->head_len,
                                                           INPUT_PEEK - input->head_len);
        if (n == 0)
            break;
        input->head_len += n;
    }
    input->peeked = true;
    *bytes = input->head + input->head_at;
    return input->head_len - input->head_at;
}

size_t input_read(struct input *input, uint8_t *out, size_t room)
{
    size_t n = input->head_len - input->head_at;
    if (n > 0) {
        n = n < room ? n : room;
        memcpy(out, input->head + input->head_at, n);
        input->head_at += n;
    } else if (!input->failure[0]) {
        n = input->coding->read(input, out, room);
    }
    input->offset += n;
    return n;
}

const char *input_failure(const struct input *input)
{
    return input->failure[0] ? input->failure : NULL;
}

uint64_t input_offset(const struct input *input)
{
    return input->offset;
}

void input_progress(const struct input *input, uint64_t *done, uint64_t *total)
{
    *done = input->raw_done;
    *total = input->raw_total;
}

static ssize_t stdio_read(void *cookie, char *out, size_t room)
{
    return (ssize_t)input_read(cookie, (uint8_t *)out, room);
}

/* Only what ftello() asks: where are we. */
static int stdio_seek(void *cookie, off64_t *offset, int whence)
{
    const struct input *input = cookie;
    if (whence != SEEK_CUR || *offset != 0) {
        errno = ESPIPE;
        return -1;
    }
    *offset = (off64_t)input->offset;
    return 0;
}

/* libpcap asks for a header and then a frame at a time: a large buffer, set here because
 * fopencookie(3) gives a small one, halves the cost of a frame. */
FILE *input_stdio(struct input *input)
{
    FILE *file =
        fopencookie(input, "r", (cookie_io_functions_t){.read = stdio_read, .seek = stdio_seek});
    if (file)
        setvbuf(file, input->stdio, _IOFBF, sizeof(input->stdio));
    return file;
}
