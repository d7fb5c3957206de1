/* The walk over ISO/IEC 19794 image records.
 *
 * A record is proved when the first picture begins where its lengths say: a known coding's first bytes, or, raw, a
 * length of exactly width x height x depth. Then the walk counts views and sees whether it lands at the
 * declared end; real records miss it by a few bytes, so that raises confidence and decides nothing. */
#include "image_record.h"

#define LENGTH_MAX (1u << 30)
#define TOLERANCE 16

bool image_record_sniff(const uint8_t *head, size_t len, const char magic[4])
{
    return len >= 12 && memcmp(head, magic, 4) == 0 && biometric_is_version(head + 4);
}

static bool has_version(const char *versions, const char *version)
{
    size_t n = strlen(version);
    for (const char *at = versions; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
        if (strcspn(at, ",") == n && memcmp(at, version, n) == 0)
            return true;
    }
    return false;
}

static void publish(const struct image_record *r, struct fact_set *facts)
{
    unsigned checks = r->checks;
    if (!r->sized && r->images_done == 0) { /* until the picture says it better */
        fact_set_int(facts, FACT_image_width, r->width);
        fact_set_int(facts, FACT_image_height, r->height);
    }
    biometric_publish(facts, &(struct biometric){.kind = r->layout->kind,
                                                 .standard = r->layout->standard,
                                                 .version = r->version,
                                                 .image = r->images_done ? NULL
                                                          : r->inner.coding[0] ? r->inner.coding
                                                                               : "raw",
                                                 .records = r->views,
                                                 .checks = checks});
}

/* The header's bytes are here: which layout do they fit? Returns how many of them it takes; 0: none. */
static size_t choose(struct image_record *r, const struct image_layout *layouts, const uint8_t *head)
{
    biometric_version(head + 4, r->version);
    for (unsigned pass = 0; pass < 2; pass++) { /* a version that no layout names may still fit one */
        for (const struct image_layout *l = layouts; l->standard; l++) {
            if (pass == 0 && !has_version(l->versions, r->version))
                continue;
            if (!l->stages[0].take(r, head))
                continue;
            if (r->length < IMAGE_RECORD_HEAD || r->length > LENGTH_MAX || r->views == 0)
                continue;
            r->layout = l;
            r->stage = 1;
            r->images_left = 1;
            return l->stages[0].size;
        }
    }
    return 0;
}

static bool take_stage(struct image_record *r, const uint8_t *block)
{
    const struct image_stage *next = &r->layout->stages[r->stage + 1];
    if (r->stage == 1)
        r->view_at = r->walk.at - r->layout->stages[1].size;
    if (!r->layout->stages[r->stage].take(r, block))
        return false;
    r->stage++;
    if (r->stage == IMAGE_RECORD_STAGES || next->size == 0) {
        if (r->image_length == 0 || r->walk.at + r->image_length > r->length + TOLERANCE)
            return false;
        r->in_image = true;
        r->image_left = r->image_length;
        inner_reset(&r->inner);
    }
    return true;
}

/* The picture's first bytes are known. */
static void judge_image(struct image_record *r, struct fact_set *facts)
{
    bool coded = r->inner.coding[0] != 0;
    bool raw = r->raw_length != 0 && r->image_length == r->raw_length;
    if (!coded && !raw)
        return;
    r->proved = true;
    r->checks |= CHECK_HEADER | CHECK_IMAGE;
    publish(r, facts);
}

/* A picture ended: another of this view, another view, or the end. */
static bool next_view(struct image_record *r)
{
    r->in_image = false;
    r->images_done++;
    if (--r->images_left > 0) {
        r->stage--;
        return true;
    }
    r->views_done++;
    uint64_t end = r->view_length ? r->view_at + r->view_length : r->walk.at;
    if (end > r->length + TOLERANCE)
        return false;
    if (end > r->walk.at)
        r->walk.skip = end - r->walk.at;
    r->images_left = 1;
    r->stage = 1;
    r->landing = r->views_done == r->views;
    return true;
}

static bool feed_image(struct image_record *r, struct fact_set *facts, struct input *in)
{
    size_t n = r->image_left < in->len ? (size_t)r->image_left : in->len;
    bool known = inner_is_known(&r->inner);
    struct fact_set *first = r->images_done == 0 ? facts : NULL; /* the image_* facts are of the first picture */
    inner_feed(&r->inner, first, in->data, n);
    r->sized |= r->inner.sized;
    walk_consume(&r->walk, in, n);
    r->image_left -= n;
    if (!known && r->image_left == 0 && !inner_is_known(&r->inner))
        inner_settle(&r->inner, first);
    if (!known && inner_is_known(&r->inner))
        judge_image(r, facts);
    return r->image_left > 0 || next_view(r);
}

/* All views are walked: passes over what the length counts beyond them, and says so. */
static void land(struct image_record *r, struct fact_set *facts, struct input *in)
{
    if (!walk_pass(&r->walk, in))
        return;
    if (r->walk.at < r->length && r->length - r->walk.at <= TOLERANCE) {
        r->walk.skip = r->length - r->walk.at;
        if (!walk_pass(&r->walk, in))
            return;
    }
    r->ended = true;
    r->checks |= CHECK_HEADER | CHECK_VIEWS;
    if (r->walk.at + TOLERANCE >= r->length && r->walk.at <= r->length + TOLERANCE) {
        r->checks |= CHECK_LENGTH;
        r->proved = true;
    }
    if (r->proved)
        publish(r, facts);
}

static enum recogniser_state answer(const struct image_record *r)
{
    if (r->ended)
        return r->proved ? RECOGNISE_END : RECOGNISE_NO;
    return r->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

/* False: the bytes do not go on as the record says. */
static bool run(struct image_record *r, struct fact_set *facts, struct input *in)
{
    while (!r->ended) {
        if (r->landing) {
            land(r, facts, in);
            if (!r->ended)
                break;
            continue;
        }
        if (r->in_image) {
            if (in->len == 0)
                break;
            if (!feed_image(r, facts, in))
                return false;
            continue;
        }
        const uint8_t *block = walk_take(&r->walk, r->buffer, r->layout->stages[r->stage].size, in);
        if (!block)
            break;
        if (!take_stage(r, block))
            return false;
    }
    return true;
}

enum recogniser_state image_record_feed(struct image_record *r, const struct image_layout *layouts,
                                        struct fact_set *facts, const uint8_t *data, size_t len)
{
    struct input in = {data, len};
    bool held = true;
    if (!r->layout) {
        const uint8_t *head = walk_take(&r->walk, r->buffer, IMAGE_RECORD_HEAD, &in);
        if (!head)
            return RECOGNISE_MORE;
        uint8_t copy[IMAGE_RECORD_HEAD];
        memcpy(copy, head, sizeof(copy));
        size_t size = choose(r, layouts, copy);
        if (!size)
            return RECOGNISE_NO;
        struct input rest = {copy + size, sizeof(copy) - size};
        r->walk.at = size;
        held = run(r, facts, &rest);
    }
    held = held && run(r, facts, &in);
    if (!held) {
        r->ended = true; /* a proved record ends where it breaks */
        r->checks &= ~(unsigned)CHECK_LENGTH;
    }
    return answer(r);
}

enum recogniser_state image_record_gap(struct image_record *r, uint64_t len)
{
    if (!r->layout || !r->proved)
        return RECOGNISE_NO;
    if (r->in_image && r->image_left > len) {
        r->image_left -= len;
        r->walk.at += len;
        r->inner.recogniser = NULL; /* its size is known already, or will not be */
    } else if (!walk_gap(&r->walk, len)) {
        r->ended = true;
        r->walk.at += len;
    }
    return answer(r);
}

enum recogniser_state image_record_finish(struct image_record *r, struct fact_set *facts)
{
    if (!r->layout)
        return RECOGNISE_NO;
    if (r->landing && r->walk.skip <= TOLERANCE) {
        struct input none = {r->buffer, 0};
        r->walk.skip = 0;
        land(r, facts, &none);
        if (!r->ended) { /* the last few declared bytes never were there */
            r->walk.skip = 0;
            r->ended = true;
            r->checks |= CHECK_HEADER | CHECK_VIEWS | CHECK_LENGTH;
            r->proved = true;
            publish(r, facts);
        }
    }
    return r->proved ? answer(r) : RECOGNISE_NO;
}
