/* JPEG data without its beginning: a range upload whose first part went elsewhere, a file whose head was cut off or
 * lost. In entropy-coded data 0xFF is followed by a stuffed zero or a restart marker, and random or encrypted
 * bytes break that rule within a few hundred bytes. Two windows of 16 KiB side by side must keep it, with
 * the entropy of compressed data. It may be WSQ too: the stuffing is the same. */
#include "entropy.h"
#include "facts.h"
#include "walk.h"

#define WINDOW 16384
#define HALF (WINDOW / 2) /* entropy is measured over the second half, once the first has escapes enough */
#define ESCAPES_MIN 16
#define BITS_MIN 7.2

struct fragment {
    bool found, broken; /* broken: this window failed, the rest of it is passed over */
    bool escape;        /* the byte before was 0xFF */
    uint32_t at;        /* in the window */
    uint32_t escapes;
    bool before;        /* the window before held */
    struct entropy entropy;
};

/* Objects whose first bytes show nothing, or are missing. */
static bool fragment_sniff(const uint8_t *head, size_t len)
{
    return len == 0 || strcmp(facts_sniff_type(head, len), "data") == 0;
}

static void end_window(struct fragment *f, struct fact_set *facts)
{
    bool holds = !f->broken && f->escapes >= ESCAPES_MIN && entropy_bits(&f->entropy) >= BITS_MIN;
    if (holds && f->before) {
        f->found = true;
        fact_set_int(facts, FACT_image_fragment, 1);
    }
    f->before = holds;
    f->broken = f->escape = false;
    f->at = f->escapes = 0;
    memset(&f->entropy, 0, sizeof(f->entropy));
}

/* Walks the escapes of `len` bytes, up to the first that is none. */
static void read_escapes(struct fragment *f, const uint8_t *data, size_t len)
{
    size_t i = 0;
    while (i < len) {
        if (f->escape) {
            f->escape = false;
            if (data[i] != 0 && (data[i] & 0xf8) != 0xd0) {
                f->broken = true;
                return;
            }
            f->escapes++;
            i++;
            continue;
        }
        const uint8_t *ff = memchr(data + i, 0xff, len - i);
        if (!ff)
            return;
        f->escape = true;
        i = (size_t)(ff - data) + 1;
    }
}

static enum recogniser_state fragment_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                           uint64_t at)
{
    struct fragment *f = state;
    (void)at;
    while (len > 0 && !f->found) {
        size_t border = f->at < HALF ? HALF : WINDOW, n = border - f->at < len ? border - f->at : len;
        if (!f->broken)
            read_escapes(f, data, n);
        if (!f->broken && f->at >= HALF)
            entropy_add(&f->entropy, data, n);
        f->at += (uint32_t)n;
        f->broken |= f->at == HALF && f->escapes < ESCAPES_MIN / 2;
        data += n;
        len -= n;
        if (f->at == WINDOW)
            end_window(f, facts);
    }
    return f->found ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state fragment_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct fragment *f = state;
    (void)facts;
    (void)len;
    (void)at;
    bool found = f->found;
    memset(f, 0, sizeof(*f));
    f->found = found;
    return found ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

const struct recogniser recogniser_fragment = {
    .name = "fragment",
    .type = "",
    .state_size = sizeof(struct fragment),
    .sniff = fragment_sniff,
    .feed = fragment_feed,
    .gap = fragment_gap,
};
