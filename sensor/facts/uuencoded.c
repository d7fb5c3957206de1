/* Files in the middle of a text, uuencoded: no header of the message says so, mail readers show them all the same. The
 * item is the text from "begin" to "end"; its object is what that decodes to, under the name it gives. */
#include "lines.h"
#include "uuencode.h"

struct uuencoded {
    enum uu_form form;
    bool begun, proved, ended;
    uint16_t name_len;
    uint64_t end; /* where the item ends */
    struct lines lines;
    char name[OBJECT_NAME_MAX];
};

static bool uuencoded_sniff(const uint8_t *head, size_t len)
{
    struct text name;
    enum uu_form form;
    const uint8_t *lf = len ? memchr(head, '\n', len) : NULL;
    return uu_begin((const char *)head, lf ? (size_t)(lf - head) : len, &form, &name);
}

static bool take_begin(struct uuencoded *u, struct text line)
{
    struct text name;
    if (!uu_begin(line.data, line.len, &u->form, &name))
        return false;
    u->name_len = (uint16_t)(name.len < sizeof(u->name) ? name.len : sizeof(u->name));
    memcpy(u->name, name.data, u->name_len);
    u->begun = true;
    return true;
}

/* A whole line, and where the next begins. False: this is no such file. */
static bool take_line(struct uuencoded *u, struct text line, uint64_t next)
{
    if (!u->begun)
        return take_begin(u, line);
    if (uu_end(u->form, line.data, line.len)) {
        u->ended = true;
        u->end = next;
        return u->proved;
    }
    if (u->form == UU_UNDECIDED)
        u->form = uu_form_of(line.data, line.len);
    bool coded = !u->lines.lost && uu_is_coded(u->form, line.data, line.len);
    if (line.len && !coded) { /* the text goes on without its end */
        u->ended = true;
        u->end = u->lines.at;
        return u->proved;
    }
    u->proved |= line.len > 1;
    return true;
}

static enum recogniser_state answer(const struct uuencoded *u)
{
    if (!u->proved)
        return RECOGNISE_MORE;
    return u->ended ? RECOGNISE_END : RECOGNISE_PROVED;
}

static enum recogniser_state uuencoded_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                            uint64_t at)
{
    struct uuencoded *u = state;
    struct text line;
    (void)facts;
    at += len;
    while (!u->ended && lines_next(&u->lines, &data, &len, &line)) {
        if (!take_line(u, line, at - len))
            return RECOGNISE_NO;
        lines_done(&u->lines, at - len);
    }
    return answer(u);
}

/* The last line had no end. */
static enum recogniser_state uuencoded_finish(void *state, struct fact_set *facts)
{
    struct uuencoded *u = state;
    (void)facts;
    struct text line = {u->lines.line, u->lines.len};
    if (!u->ended && (!line.len || !take_line(u, line, u->lines.at + line.len)))
        return RECOGNISE_NO;
    return answer(u);
}

static uint64_t uuencoded_end_at(const void *state)
{
    return ((const struct uuencoded *)state)->end;
}

static struct text uuencoded_name(const void *state)
{
    const struct uuencoded *u = state;
    return (struct text){u->name, u->name_len};
}

#define LITERAL(bytes) {bytes, sizeof(bytes) - 1, 0, false}

static const struct recogniser_literal LITERALS[] = {
    LITERAL("begin 6"), LITERAL("begin 7"), LITERAL("begin 4"),  LITERAL("begin 5"),
    LITERAL("begin 0"), LITERAL("begin 1"), LITERAL("begin-base64 "),
};

const struct recogniser recogniser_uuencoded = {
    .name = "uuencode",
    .type = "uuencode",
    .encoding = "uuencode",
    .state_size = sizeof(struct uuencoded),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = uuencoded_sniff,
    .feed = uuencoded_feed,
    .finish = uuencoded_finish,
    .end_at = uuencoded_end_at,
    .name_of = uuencoded_name,
};
