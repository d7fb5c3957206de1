/* Lines of text protocols: FTP, SMTP, IMAP, POP3. */
#include "line.h"

#include <string.h>
#include <strings.h>

static void keep_tail(struct line *line, const uint8_t *data, size_t n)
{
    while (n && (data[n - 1] == '\n' || data[n - 1] == '\r'))
        n--;
    if (n >= LINE_TAIL) {
        memcpy(line->tail, data + n - LINE_TAIL, LINE_TAIL);
        line->tail_len = LINE_TAIL;
        return;
    }
    size_t old = line->tail_len + n > LINE_TAIL ? LINE_TAIL - n : line->tail_len;
    memmove(line->tail, line->tail + line->tail_len - old, old);
    memcpy(line->tail + old, data, n);
    line->tail_len = (uint8_t)(old + n);
}

bool line_take(struct line *line, const uint8_t **data, size_t *len)
{
    if (line->whole) {
        line->whole = false;
        line->len = 0;
        line->tail_len = 0;
    }
    const uint8_t *newline = memchr(*data, '\n', *len);
    size_t n = newline ? (size_t)(newline - *data) + 1 : *len;
    size_t keep = n < (size_t)LINE_ROOM - line->len ? n : (size_t)LINE_ROOM - line->len;
    memcpy(line->text + line->len, *data, keep);
    line->len = (uint16_t)(line->len + keep);
    keep_tail(line, *data, n);
    *data += n;
    *len -= n;
    if (!newline)
        return false;
    line->whole = true;
    while (line->len && (line->text[line->len - 1] == '\n' || line->text[line->len - 1] == '\r'))
        line->len--;
    return true;
}

void line_rest(struct line *line)
{
    if (line->whole)
        line->len = line->tail_len = 0;
    line->whole = false;
    memset(line->text + line->len, 0, sizeof(line->text) - line->len);
    memset(line->tail + line->tail_len, 0, sizeof(line->tail) - line->tail_len);
}

bool line_verb(const struct line *line, const char *word, struct text *rest)
{
    size_t n = strlen(word);
    if (line->len < n || strncasecmp(line->text, word, n) != 0)
        return false;
    if (line->len > n && line->text[n] != ' ' && line->text[n] != '\t')
        return false;
    while (n < line->len && (line->text[n] == ' ' || line->text[n] == '\t'))
        n++;
    if (rest)
        *rest = (struct text){line->text + n, line->len - n};
    return true;
}

unsigned line_reply(const struct line *line, bool *last)
{
    if (line->len < 3)
        return 0;
    unsigned code = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (line->text[i] < '0' || line->text[i] > '9')
            return 0;
        code = code * 10 + (unsigned)(line->text[i] - '0');
    }
    *last = line->len == 3 || line->text[3] != '-';
    return code;
}

bool begins_with_word(const uint8_t *data, size_t len, const char *const *words)
{
    if (!memchr(data, '\n', len))
        return false;
    for (; *words; words++) {
        size_t n = strlen(*words);
        if (len > n && strncasecmp((const char *)data, *words, n) == 0 &&
            (data[n] == ' ' || data[n] == '\r' || data[n] == '\n' || data[n] == ':'))
            return true;
    }
    return false;
}

struct text path_name(struct text path)
{
    size_t begin = path.len;
    while (begin && path.data[begin - 1] != '/' && path.data[begin - 1] != '\\')
        begin--;
    return (struct text){path.data + begin, path.len - begin};
}

bool line_literal(const struct line *line, uint64_t *len, bool *waits)
{
    size_t at = line->tail_len;
    if (at < 3 || line->tail[--at] != '}')
        return false;
    *waits = line->tail[at - 1] != '+' && line->tail[at - 1] != '-';
    if (!*waits)
        at--;
    uint64_t value = 0, unit = 1;
    size_t digits = 0;
    while (at && digits < 19 && line->tail[at - 1] >= '0' && line->tail[at - 1] <= '9') {
        value += unit * (uint64_t)(line->tail[--at] - '0');
        unit *= 10;
        digits++;
    }
    *len = value;
    return digits && at && line->tail[at - 1] == '{';
}
