/* A chain of codecs, outermost first, each feeding the next. The chain stops for good at the first damage, and
 * when its output outgrows what its input can honestly hold (limits.expansion_ratio): a decompression bomb. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "env.h"

#define STAGES_MAX 4
#define EXPANSION_FLOOR (1u << 20) /* small bodies may expand as they like up to here */

struct stage {
    const struct codec_ops *ops;
    struct coding *coding;
    unsigned index;
    bool done;
    void *state;
};

struct coding {
    struct stage stages[STAGES_MAX]; /* in the order they are undone */
    unsigned count;
    bool bad;
    uint64_t in, out;
    unsigned ratio;
    codec_out fn;
    void *user;
};

static const struct codec_ops *const codecs[] = {
#define CODEC(name) &codec_##name,
#include "codec_list.def"
#undef CODEC
};

size_t coding_size(void)
{
    return sizeof(struct coding);
}

const struct codec_ops *codec_find(const char *token, size_t len)
{
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
        for (const char *at = codecs[i]->names; *at;) {
            size_t n = strcspn(at, ",");
            if (n == len && strncasecmp(at, token, n) == 0)
                return codecs[i];
            at += n + (at[n] == ',');
        }
    }
    return NULL;
}

static bool from_stage(void *user, const uint8_t *data, size_t len);

static bool feed_stage(struct coding *coding, unsigned index, const uint8_t *data, size_t len)
{
    struct stage *stage = &coding->stages[index];
    if (stage->done)
        return true; /* bytes behind the coded stream: padding */
    switch (stage->ops->feed(stage->state, data, len, from_stage, stage)) {
    case CODEC_DONE:
        stage->done = true;
        return true;
    case CODEC_MORE:
        return true;
    case CODEC_BAD:
        break;
    }
    coding->bad = true;
    return false;
}

static bool from_stage(void *user, const uint8_t *data, size_t len)
{
    struct stage *stage = user;
    struct coding *coding = stage->coding;
    if (stage->index + 1 < coding->count)
        return feed_stage(coding, stage->index + 1, data, len);
    coding->out += len;
    if (coding->out > EXPANSION_FLOOR && coding->out > coding->in * coding->ratio) {
        coding->bad = true;
        return false;
    }
    return coding->fn(coding->user, data, len);
}

static bool add_stage(struct coding *coding, const struct codec_ops *ops)
{
    struct stage *stage = &coding->stages[coding->count];
    void *state = calloc(1, ops->state_size);
    if (!state)
        return false;
    if (!ops->open(state)) {
        free(state);
        return false;
    }
    *stage = (struct stage){ops, coding, coding->count, false, state};
    coding->count++;
    return true;
}

struct coding *coding_begin(struct object_env *env, struct text list, codec_out out, void *user)
{
    const struct codec_ops *found[STAGES_MAX];
    unsigned count = 0;
    for (size_t end = list.len; end > 0 && count < STAGES_MAX;) {
        const char *comma = memrchr(list.data, ',', end);
        size_t from = comma ? (size_t)(comma - list.data) + 1 : 0, to = end;
        while (from < to && (list.data[from] == ' ' || list.data[from] == '\t'))
            from++;
        while (to > from && (list.data[to - 1] == ' ' || list.data[to - 1] == '\t'))
            to--;
        const struct codec_ops *ops = codec_find(list.data + from, to - from);
        if (ops)
            found[count++] = ops;
        end = comma ? (size_t)(comma - list.data) : 0;
    }
    env->coding_refused = false;
    if (!count)
        return NULL;
    struct coding *coding = pool_get_zeroed(env->codings);
    env->coding_refused = !coding;
    if (!coding)
        return NULL;
    coding->ratio = env->limits.expansion_ratio;
    coding->fn = out;
    coding->user = user;
    for (unsigned i = 0; i < count; i++) {
        if (!add_stage(coding, found[i])) {
            env->coding_refused = true;
            coding_end(env, coding);
            return NULL;
        }
    }
    return coding;
}

bool coding_feed(struct coding *coding, const uint8_t *data, size_t len)
{
    coding->in += len;
    return !coding->bad && feed_stage(coding, 0, data, len);
}

void coding_break(struct coding *coding)
{
    coding->bad = true;
}

bool coding_whole(const struct coding *coding)
{
    if (coding->bad)
        return false;
    for (unsigned i = 0; i < coding->count; i++) {
        if (!coding->stages[i].ops->whole(coding->stages[i].state))
            return false;
    }
    return true;
}

void coding_end(struct object_env *env, struct coding *coding)
{
    if (!coding)
        return;
    for (unsigned i = 0; i < coding->count; i++) {
        coding->stages[i].ops->close(coding->stages[i].state);
        free(coding->stages[i].state);
    }
    pool_put(env->codings, coding);
}
