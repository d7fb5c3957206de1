/* A chain of codecs, outermost first, each feeding the next. The chain stops for good at the first
 * damage, and when its output outgrows what its input can honestly hold (limits.expansion_ratio): a
 * decompression bomb.
 *
 * A coding that was declared and not applied is passed over, as receivers do. Codecs with magic
 * bytes say so themselves; for the others (raw deflate, brotli) the first bytes are decoded on
 * trial: output is held until there is enough of it, and a failure before that gives the bytes out
 * as they came. */
#include <string.h>
#include <strings.h>

#include "codec_memory.h"
#include "coding.h"
#include "env.h"

#define EXPANSION_FLOOR (1u << 20) /* small bodies may expand as they like up to here */
#define TRIAL_IN 1024
#define TRIAL_OUT 256

struct trial {
    size_t in_len, out_len;
    uint8_t in[TRIAL_IN];   /* what was fed, to be given out again */
    uint8_t out[TRIAL_OUT]; /* what came of it */
};

struct stage {
    const struct codec_ops *ops;
    struct coding *coding;
    void *state;
    struct trial *trial; /* while the first bytes decide */
    bool done;           /* its coded stream ended */
    bool plain;          /* the coding was not applied */
};

struct coding {
    struct stage stages[CODING_STAGES]; /* in the order they are undone */
    unsigned count;
    bool bad;  /* nothing is decoded any more */
    bool deaf; /* and nothing is looked at: a bomb, or what follows a gap */
    struct expansion *expansion;
    unsigned ratio;
    struct coding_sink sink;
    struct codec_memory memory;
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

static bool feed_stage(struct stage *stage, const uint8_t *data, size_t len);

/* Decoded bytes of a stage to the next one, or out. */
static bool pass_on(struct stage *stage, const uint8_t *data, size_t len)
{
    struct coding *coding = stage->coding;
    if (stage + 1 < coding->stages + coding->count)
        return feed_stage(stage + 1, data, len);
    struct expansion *expansion = coding->expansion;
    expansion->out += len;
    if (expansion->out > EXPANSION_FLOOR && expansion->out > expansion->in * coding->ratio) {
        coding->bad = coding->deaf = true;
        return false;
    }
    return coding->sink.decoded.data(coding->sink.decoded.user, data, len);
}

static bool end_trial(struct stage *stage, bool applied)
{
    struct trial *trial = stage->trial;
    stage->trial = NULL;
    stage->plain = !applied;
    bool ok = true;
    if (applied && trial->out_len)
        ok = pass_on(stage, trial->out, trial->out_len);
    else if (!applied && trial->in_len)
        ok = pass_on(stage, trial->in, trial->in_len);
    codec_free(&stage->coding->memory, trial);
    return ok;
}

static bool stage_data(void *user, const uint8_t *data, size_t len)
{
    struct stage *stage = user;
    struct trial *trial = stage->trial;
    if (trial && stage->ops->unmarked && trial->out_len + len <= TRIAL_OUT) {
        memcpy(trial->out + trial->out_len, data, len);
        trial->out_len += len;
        return true;
    }
    if (trial && !end_trial(stage, true))
        return false;
    return pass_on(stage, data, len);
}

static bool gap_stage(struct stage *stage, uint64_t len);

static bool stage_gap(void *user, uint64_t len)
{
    struct stage *stage = user;
    struct coding *coding = stage->coding;
    if (stage->trial && !end_trial(stage, true))
        return false;
    if (stage + 1 < coding->stages + coding->count)
        return gap_stage(stage + 1, len);
    return coding->sink.decoded.gap(coding->sink.decoded.user, len);
}

static bool gap_stage(struct stage *stage, uint64_t len)
{
    const struct codec_sink sink = {stage_data, stage_gap, stage};
    if (stage->done)
        return true;
    if (stage->plain)
        return stage_gap(stage, len);
    return stage->ops->gap && stage->ops->gap(stage->state, len, &sink);
}

/* A trial remembers what it was fed; one that has seen enough is over. */
static bool note_trial(struct stage *stage, const uint8_t *data, size_t len)
{
    struct trial *trial = stage->trial;
    if (trial->in_len + len > TRIAL_IN)
        return end_trial(stage, true);
    memcpy(trial->in + trial->in_len, data, len);
    trial->in_len += len;
    return true;
}

static bool is_padding(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] && data[i] != '\r' && data[i] != '\n' && data[i] != ' ')
            return false;
    }
    return true;
}

static bool feed_codec(struct stage *stage, const uint8_t *data, size_t len, size_t *used)
{
    const struct codec_sink sink = {stage_data, stage_gap, stage};
    enum codec_result result = stage->ops->feed(stage->state, data, len, used, &sink);
    struct trial *trial = stage->trial;
    if (trial && (result == CODEC_OTHER || (result == CODEC_BAD && stage->ops->unmarked) ||
                  (result == CODEC_DONE && stage->ops->unmarked &&
                   !is_padding(data + *used, len - *used)))) {
        *used = len;
        return end_trial(stage, false);
    }
    if (result == CODEC_DONE) {
        stage->done = true;
        return !trial || end_trial(stage, true);
    }
    *used = len;
    return result == CODEC_MORE;
}

/* In pieces while the trial lasts, so that it can be undone. */
static bool feed_stage(struct stage *stage, const uint8_t *data, size_t len)
{
    struct coding *coding = stage->coding;
    while (len && !stage->done) {
        size_t n = stage->trial && len > TRIAL_IN / 2 ? TRIAL_IN / 2 : len, used = n;
        bool ok = stage->plain ? pass_on(stage, data, n)
                               : (!stage->trial || note_trial(stage, data, n)) &&
                                     feed_codec(stage, data, n, &used);
        if (!ok)
            return false;
        data += used;
        len -= used;
    }
    if (len)
        coding->sink.behind(coding->sink.decoded.user, data, len, false);
    return true;
}

static bool add_stage(struct coding *coding, const struct codec_ops *ops)
{
    struct stage *stage = &coding->stages[coding->count];
    void *state = codec_alloc(&coding->memory, ops->state_size);
    struct trial *trial = codec_alloc(&coding->memory, sizeof(*trial));
    if (!state || !trial)
        return false;
    memset(state, 0, ops->state_size);
    trial->in_len = trial->out_len = 0;
    if (!ops->open(state, &coding->memory))
        return false;
    *stage = (struct stage){ops, coding, state, trial, false, false};
    coding->count++;
    return true;
}

/* The codecs of a list, outermost (last) first; names nobody knows stand for bytes as they are. */
static unsigned find_codecs(struct text list, const struct codec_ops *found[CODING_STAGES])
{
    unsigned count = 0;
    for (size_t end = list.len; end > 0 && count < CODING_STAGES;) {
        const char *comma = memrchr(list.data, ',', end);
        size_t next = comma ? (size_t)(comma - list.data) : 0, from = comma ? next + 1 : 0,
               to = end;
        for (size_t i = from; i < to; i++) { /* parameters, and comments as mail headers may have them */
            if (list.data[i] == ';' || list.data[i] == '(')
                to = i;
        }
        while (from < to && strchr(" \t\"\r\n", list.data[from]))
            from++;
        while (to > from && strchr(" \t\"\r\n", list.data[to - 1]))
            to--;
        const struct codec_ops *ops = codec_find(list.data + from, to - from);
        if (ops)
            found[count++] = ops;
        end = next;
    }
    return count;
}

struct coding *coding_begin(struct object_env *env, struct text list,
                            const struct coding_sink *sink, struct expansion *expansion,
                            bool *refused)
{
    const struct codec_ops *found[CODING_STAGES];
    unsigned count = find_codecs(list, found);
    *refused = false;
    if (!count)
        return NULL;
    struct coding *coding = pool_get_zeroed(env->codings);
    if (coding) {
        coding->ratio = env->limits.expansion_ratio;
        coding->expansion = expansion;
        coding->sink = *sink;
        coding->memory.mem = env->mem;
        coding->memory.heap = env->heap;
    }
    for (unsigned i = 0; coding && i < count; i++) {
        if (!add_stage(coding, found[i])) {
            coding_end(env, coding);
            coding = NULL;
        }
    }
    *refused = !coding;
    return coding;
}

bool coding_feed(struct coding *coding, const uint8_t *data, size_t len)
{
    if (coding->bad) {
        if (!coding->deaf)
            coding->sink.behind(coding->sink.decoded.user, data, len, true);
        return false;
    }
    if (feed_stage(&coding->stages[0], data, len))
        return true;
    coding->bad = true;
    return false;
}

bool coding_gap(struct coding *coding, uint64_t len)
{
    if (coding->bad)
        return false;
    if (gap_stage(&coding->stages[0], len))
        return true;
    for (unsigned i = 0; i < coding->count; i++) { /* what was decoded stays */
        if (coding->stages[i].trial)
            end_trial(&coding->stages[i], true);
    }
    coding->bad = coding->deaf = true;
    return false;
}

/* A trial that never saw enough: nothing came out, so the coding was not there. */
static bool is_absent(const struct stage *stage)
{
    return stage->trial && !stage->trial->out_len &&
           (stage->ops->unmarked || stage->trial->in_len < 4);
}

bool coding_finish(struct coding *coding)
{
    bool whole = true;
    for (unsigned i = 0; i < coding->count && !coding->bad; i++) {
        struct stage *stage = &coding->stages[i];
        const struct codec_sink sink = {stage_data, stage_gap, stage};
        bool ended = stage->done || stage->plain || stage->ops->finish(stage->state, &sink);
        if (stage->trial)
            end_trial(stage, ended || !is_absent(stage));
        whole = whole && (ended || stage->plain);
    }
    return whole && !coding->bad;
}

bool coding_ended(const struct coding *coding)
{
    return coding->stages[0].done;
}

const char *coding_name(const struct coding *coding, size_t *len)
{
    const char *names = coding->stages[0].ops->names;
    *len = strcspn(names, ",");
    return names;
}

void coding_end(struct object_env *env, struct coding *coding)
{
    if (!coding)
        return;
    for (unsigned i = 0; i < coding->count; i++) {
        if (coding->stages[i].ops->close)
            coding->stages[i].ops->close(coding->stages[i].state);
    }
    codec_memory_release(&coding->memory);
    pool_put(env->codings, coding);
}
