/* A silent connection, folded (fold.h). Where all that was sent is acknowledged and the window has its usual size, most
 * of a half follows from a few numbers; written as what they differ by, the rest is zeros. */
#include "stream/connection.h"

#define SILENT_NS (2 * INT64_C(1000000000)) /* then a message kept for another reading is given back */

static void relate(struct half *half)
{
    if (half->flags & HALF_ACKED) {
        half->edge -= half->acked + half->span;
        half->acked -= half->next;
    }
    if (half->flags & HALF_FIN)
        half->fin -= half->next;
}

static void unrelate(struct half *half)
{
    if (half->flags & HALF_ACKED) {
        half->acked += half->next;
        half->edge += half->acked + half->span;
    }
    if (half->flags & HALF_FIN)
        half->fin += half->next;
}

void stream_flow_rest(struct streams *s, struct flow *flow)
{
    struct connection *c = flow->stream;
    if (!c || fold_is(c) || c->in_use)
        return;
    for (unsigned side = 0; side < 2; side++) { /* what was kept of a message that is over */
        struct half *half = &c->half[side];
        if (half->window && !half->window->held && !half->window->other &&
            s->now_ns - half->window->kept_ns >= SILENT_NS) {
            window_forget_message(s, half->window);
            half_trim(s, half, flow);
        }
    }
    if (c->half[0].window || c->half[1].window)
        return;
    struct connection folded = *c;
    relate(&folded.half[0]);
    relate(&folded.half[1]);
    fold_begin(s->folds);
    fold_add(s->folds, &folded, sizeof(folded));
    void *fold = fold_end(s->folds);
    if (!fold)
        return;
    pool_put(s->connections, c);
    flow->stream = fold_tag(fold);
}

void connection_unfold(struct streams *s, struct flow *flow, struct connection *c)
{
    void *fold = fold_of(flow->stream);
    struct unfold from = unfold_begin(fold);
    unfold_take(&from, c, sizeof(*c));
    unrelate(&c->half[0]);
    unrelate(&c->half[1]);
    fold_drop(s->folds, fold);
    flow->stream = NULL;
}
