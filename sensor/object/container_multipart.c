/* multipart (RFC 2046 5.1; form-data: RFC 7578). The body is searched for LF "--" boundary from one
 * LF to the next, never byte by byte, so binary parts pass at memory speed. A delimiter that begins
 * at the end of a call is remembered as how much of it matched: its bytes are known, so nothing is
 * held back or copied.
 *
 *      STRAY -> LINE -> HEADERS -> BODY -> LINE -> ... -> STRAY
 *      (LINE: the rest of a delimiter's own line; STRAY: before the first delimiter, behind the
 * last, and where framing was lost)
 *
 * Receivers drop what stands outside the parts. Here it is an object of its own as soon as it is
 * more than a line or two of text, or the whole body was not multipart after all: no byte hides
 * behind a declared type. */
#include <stdio.h>
#include <string.h>

#include "env.h"
#include "mime.h"

#define BOUNDARY_MAX 250 /* RFC 2046 allows 70; of a longer one the beginning is matched */
#define LINE_SPACE 64    /* white space behind a delimiter */
#define STRAY_TEXT 512   /* "This is a multi-part message in MIME format." */
#define FIRST_LINES 16   /* in which a boundary that was not declared must show */

enum state { FIND_BOUNDARY, STRAY, LINE, HEADERS, BODY };

struct multipart {
    struct container container;
    enum state state, before; /* `before`: the state to go back to when LINE was no delimiter's */
    bool cut;                 /* the boundary was too long: its beginning is the delimiter */
    bool cr;          /* a CR stands before what matched, or at the end of what was passed on */
    bool implied;     /* the delimiter's LF belongs to the line before: no body byte */
    bool closing;     /* LINE: "-" was seen */
    bool pending;     /* the part's headers are read; it begins with its first byte */
    bool lost;        /* a gap stands before the next stray byte */
    bool digest;      /* multipart/digest: parts are messages */
    uint16_t matched; /* bytes of the delimiter at the end of what came */
    uint16_t delimiter_len;
    uint16_t space_len;
    uint16_t stray_len;
    uint16_t first_lines;
    uint32_t parts;
    size_t line_at; /* where the present header line begins in `headers` */
    struct buffer headers;
    struct object *part;              /* the open part or stray object */
    char delimiter[BOUNDARY_MAX + 4]; /* LF "--" boundary */
    char space[LINE_SPACE];
    uint8_t stray[STRAY_TEXT];
};

static void set_boundary(struct multipart *m, const char *boundary, size_t len)
{
    m->cut = len > BOUNDARY_MAX;
    if (m->cut)
        len = BOUNDARY_MAX;
    memcpy(m->delimiter, "\n--", 3);
    memcpy(m->delimiter + 3, boundary, len);
    m->delimiter_len = (uint16_t)(len + 3);
}

/* A delimiter may stand at the beginning of what follows: its LF was already taken. */
static void enter(struct multipart *m, enum state state)
{
    m->state = state;
    m->matched = m->delimiter_len ? 1 : 0;
    m->implied = true;
    m->cr = false;
    m->closing = false;
    m->space_len = 0;
    m->headers.len = 0;
    m->line_at = 0;
}

static void multipart_open(struct container *container, const struct object_info *info)
{
    struct multipart *m = (struct multipart *)container;
    char type[1024], boundary[BOUNDARY_MAX + 2];
    size_t len =
        info->declared_type.len < sizeof(type) - 1 ? info->declared_type.len : sizeof(type) - 1;
    memcpy(type, info->declared_type.data, len);
    type[len] = '\0';
    m->digest = strcmp(container->router->declared_type, "multipart/digest") == 0;
    len = mime_parameter(type, "boundary", boundary, sizeof(boundary));
    for (size_t i = 1; i < len && boundary[len - 1] == ')'; i++) { /* a comment */
        if (boundary[i] == '(' && boundary[i - 1] == ' ')
            len = i;
    }
    while (len && (boundary[len - 1] == ' ' || boundary[len - 1] == '\t'))
        len--;
    if (len)
        set_boundary(m, boundary, len);
    enter(m, len ? STRAY : FIND_BOUNDARY);
}

static void end_part(struct multipart *m, enum object_state state)
{
    object_end(m->container.env, m->part, state);
    m->part = NULL;
    m->pending = false;
    m->stray_len = 0;
    m->lost = false;
}

/* Empty parts, such as the file field of a form where no file was chosen, make no object. */
static void begin_part(struct multipart *m)
{
    char path[80];
    struct part part;
    part_read(&part, (const char *)m->headers.data, m->headers.len);
    if (part.field_len)
        snprintf(path, sizeof(path), "multipart:%.*s", (int)part.field_len, part.field);
    else
        snprintf(path, sizeof(path), "multipart:%u", m->parts);
    if (m->digest && !part.type[0])
        memcpy(part.type, "message/rfc822", sizeof("message/rfc822"));
    m->part = part_begin(&m->container, &part, path);
    m->pending = false;
    m->headers.len = 0;
}

static void begin_stray(struct multipart *m)
{
    struct object_info info = m->container.base;
    struct object *router = m->container.router;
    info.path = m->parts ? "multipart:epilogue" : "multipart:preamble";
    info.name = (struct text){router->name, m->parts ? 0 : router->name_len};
    info.time_ns = m->container.env->now_ns;
    m->part = object_begin(m->container.env, &info);
    if (m->part)
        m->part->gaps = m->lost;
    m->lost = !m->part; /* refused: a later one does not begin where this would have */
    object_data(m->container.env, m->part, m->stray, m->stray_len);
    m->stray_len = 0;
}

static bool is_text(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((data[i] < ' ' || data[i] > '~') && data[i] != '\r' && data[i] != '\n' &&
            data[i] != '\t')
            return false;
    }
    return true;
}

static void stray_bytes(struct multipart *m, const uint8_t *data, size_t len)
{
    if (!m->part && !m->lost && m->stray_len + len <= STRAY_TEXT && is_text(data, len)) {
        memcpy(m->stray + m->stray_len, data, len);
        m->stray_len = (uint16_t)(m->stray_len + len);
        return;
    }
    if (!m->part)
        begin_stray(m);
    object_data(m->container.env, m->part, data, len);
}

/* Bytes that are no framing. */
static void pass_bytes(struct multipart *m, const void *data, size_t len)
{
    if (!len)
        return;
    if (m->state != BODY) {
        stray_bytes(m, data, len);
        return;
    }
    if (m->pending)
        begin_part(m);
    object_data(m->container.env, m->part, data, len);
}

/* What looked like a delimiter is none: its bytes belong to the body. */
static void pass_matched(struct multipart *m)
{
    size_t skip = m->implied && m->matched ? 1 : 0;
    if (m->cr)
        pass_bytes(m, "\r", 1);
    pass_bytes(m, m->delimiter + skip, m->matched - skip);
    m->cr = m->implied = false;
    m->matched = 0;
}

static void at_delimiter(struct multipart *m)
{
    m->before = m->state;
    m->state = LINE;
    m->closing = false;
    m->space_len = 0;
}

/* Goes on with a delimiter that began in an earlier call; returns how many bytes it took. */
static size_t resume(struct multipart *m, const uint8_t *data, size_t len)
{
    size_t left = m->delimiter_len - (size_t)m->matched, n = 0;
    while (n < left && n < len && data[n] == (uint8_t)m->delimiter[m->matched + n])
        n++;
    m->matched = (uint16_t)(m->matched + n);
    if (n == left)
        at_delimiter(m);
    else if (n < len)
        pass_matched(m);
    return n;
}

/* Body bytes; returns how many were taken: all, or those up to the end of a delimiter. */
static size_t search(struct multipart *m, const uint8_t *data, size_t len)
{
    size_t at = 0, from = 0;
    if (!m->delimiter_len) {
        pass_bytes(m, data, len);
        return len;
    }
    if (m->matched || (m->cr && data[0] == '\n')) {
        at = from = resume(m, data, len);
        if (m->state == LINE || at == len)
            return at;
    } else if (m->cr) {
        pass_matched(m);
    }
    for (const uint8_t *lf; (lf = memchr(data + at, '\n', len - at));
         at = (size_t)(lf - data) + 1) {
        size_t lf_at = (size_t)(lf - data), left = len - lf_at;
        size_t n = left < m->delimiter_len ? left : m->delimiter_len;
        if (memcmp(lf, m->delimiter, n) != 0)
            continue;
        m->cr = lf_at > from && lf[-1] == '\r';
        m->implied = false;
        pass_bytes(m, data + from, lf_at - from - m->cr);
        m->matched = (uint16_t)n;
        if (n == m->delimiter_len)
            at_delimiter(m);
        return lf_at + n;
    }
    m->cr = len > from && data[len - 1] == '\r';
    pass_bytes(m, data + from, len - from - m->cr);
    return len;
}

static void confirm(struct multipart *m, bool last)
{
    end_part(m, OBJECT_CLOSED);
    if (!last)
        m->parts++;
    enter(m, last ? STRAY : HEADERS);
}

/* The rest of a delimiter's line: white space, or "--" at the end of the message. Anything else is
 * a longer line that only begins like the delimiter (an inner boundary, often), and body. */
static size_t delimiter_line(struct multipart *m, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = data[i];
        if (m->closing && c == '-') {
            confirm(m, true);
            return i + 1;
        }
        if (c == '\n' && !m->closing) {
            confirm(m, false);
            return i + 1;
        }
        if (!m->closing && !m->space_len && c == '-') {
            m->closing = true;
        } else if (m->cut || (!m->closing && m->space_len < LINE_SPACE &&
                              (c == ' ' || c == '\t' || c == '\r'))) {
            if (!m->cut)
                m->space[m->space_len++] = (char)c;
            m->closing = false;
        } else {
            m->state = m->before;
            pass_matched(m);
            pass_bytes(m, m->space, m->space_len);
            if (m->closing)
                pass_bytes(m, "-", 1);
            return i; /* this byte may begin the next delimiter */
        }
    }
    return len;
}

/* A delimiter directly behind header lines, with no empty line between: what stood there was no
 * header block to most receivers, so it is the part's content. */
static bool delimiter_in_headers(struct multipart *m, const char *line, size_t len)
{
    size_t n = m->delimiter_len - 1u;
    if (!m->delimiter_len || len < n || memcmp(line, m->delimiter + 1, n) != 0)
        return false;
    bool last = len >= n + 2 && line[n] == '-' && line[n + 1] == '-';
    for (size_t i = n; i < len && !last && !m->cut; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r' && line[i] != '\n')
            return false;
    }
    size_t content = m->line_at;
    m->headers.len = 0;
    m->state = BODY;
    m->pending = true;
    pass_bytes(m, m->headers.data, content);
    confirm(m, last);
    return true;
}

static void end_header_line(struct multipart *m)
{
    const char *line = (const char *)m->headers.data + m->line_at;
    size_t len = m->headers.len - m->line_at;
    if (len == 1 || (len == 2 && line[0] == '\r')) {
        size_t headers_len = m->headers.len;
        enter(m, BODY);
        m->headers.len = headers_len;
        m->pending = true;
    } else if (!delimiter_in_headers(m, line, len)) {
        m->line_at = m->headers.len;
    }
}

static size_t header_bytes(struct multipart *m, const uint8_t *data, size_t len)
{
    const uint8_t *lf = memchr(data, '\n', len);
    size_t n = lf ? (size_t)(lf - data) + 1 : len;
    if (m->headers.len + n <= MIME_HEADERS_MAX &&
        buffer_append(m->container.env->heap, &m->headers, data, n)) {
        if (lf)
            end_header_line(m);
        return n;
    }
    /* Endless headers are content. */
    size_t content = m->headers.len;
    enter(m, BODY);
    m->pending = true;
    m->matched = 0;
    m->implied = false;
    pass_bytes(m, m->headers.data, content);
    return 0;
}

/* No boundary was declared: one of the first lines, "--something", is one. */
static size_t find_boundary(struct multipart *m, const uint8_t *data, size_t len)
{
    const uint8_t *lf = memchr(data, '\n', len);
    size_t n = lf ? (size_t)(lf - data) + 1 : len;
    bool fits = m->headers.len + n <= BOUNDARY_MAX &&
                buffer_append(m->container.env->heap, &m->headers, data, n);
    if (fits && !lf)
        return n;
    size_t line = m->headers.len;
    const char *text = (const char *)m->headers.data;
    while (line && (text[line - 1] == '\n' || text[line - 1] == '\r' || text[line - 1] == ' '))
        line--;
    if (fits && line > 2 && text[0] == '-' && text[1] == '-') {
        set_boundary(m, text + 2, line - 2);
        confirm(m, false);
        return n;
    }
    pass_bytes(m, m->headers.data, m->headers.len);
    m->headers.len = 0;
    if (!fits || m->part || ++m->first_lines == FIRST_LINES)
        enter(m, STRAY);
    return fits ? n : 0;
}

static void multipart_data(struct container *container, const uint8_t *data, size_t len)
{
    struct multipart *m = (struct multipart *)container;
    while (len) {
        size_t used = len;
        switch (m->state) {
        case FIND_BOUNDARY:
            used = find_boundary(m, data, len);
            break;
        case STRAY:
        case BODY:
            used = search(m, data, len);
            break;
        case LINE:
            used = delimiter_line(m, data, len);
            break;
        case HEADERS:
            used = header_bytes(m, data, len);
            break;
        }
        data += used;
        len -= used;
    }
}

/* Framing is lost: what follows may be anything until the next delimiter. */
static void lose_framing(struct multipart *m)
{
    end_part(m, OBJECT_TRUNCATED);
    enter(m, STRAY);
    m->matched = 0;
    m->implied = false;
    m->lost = true;
}

/* A gap inside a part keeps its offsets; one that touches framing ends or hides a part, and the
 * next delimiter finds the way again. */
static void multipart_gap(struct container *container, uint64_t len)
{
    struct multipart *m = (struct multipart *)container;
    if (m->state == BODY && len) {
        pass_matched(m);
        if (m->pending)
            begin_part(m);
        object_gap(container->env, m->part, len);
        return;
    }
    if (m->state == BODY || m->state == STRAY)
        pass_matched(m);
    if (m->state == STRAY && m->part && len) {
        object_gap(container->env, m->part, len);
        return;
    }
    if (m->state == LINE)
        end_part(m, OBJECT_CLOSED); /* its delimiter was seen */
    if (m->state != HEADERS || !m->headers.len || !len) {
        lose_framing(m);
        return;
    }
    size_t headers_len =
        m->headers.len; /* with the header lines that came; where the body begins is not known */
    enter(m, BODY);
    m->headers.len = headers_len;
    m->matched = 0;
    m->implied = false;
    begin_part(m);
    if (m->part)
        m->part->gaps = true;
}

static void multipart_end(struct container *container, enum object_state state)
{
    struct multipart *m = (struct multipart *)container;
    if (m->state == FIND_BOUNDARY)
        pass_bytes(m, m->headers.data, m->headers.len);
    if (m->state == BODY || m->state == STRAY)
        pass_matched(m);
    if (m->state == LINE)
        end_part(m, OBJECT_CLOSED);
    if (m->state == HEADERS && m->headers.len &&
        state == OBJECT_CLOSED) { /* headers that never ended: content */
        size_t content = m->headers.len;
        m->headers.len = 0;
        m->state = BODY;
        m->pending = true;
        pass_bytes(m, m->headers.data, content);
    }
    if (!m->part && !m->parts && m->stray_len)
        begin_stray(m); /* nothing of it was multipart */
    /* A part without its delimiter was not seen whole, however the carrier ended. */
    end_part(m, m->state == BODY ? OBJECT_TRUNCATED : state);
    buffer_release(container->env->heap, &m->headers);
}

const struct container_ops container_multipart = {
    .media_type = "multipart/",
    .state_size = sizeof(struct multipart),
    .open = multipart_open,
    .data = multipart_data,
    .gap = multipart_gap,
    .end = multipart_end,
};
