/* What nDPI said takes half a kilobyte, and thousands of flows have the same said of them: each
 * distinct class is kept once for all its flows. The server's name and the client's JA3 differ more
 * often; they are kept apart, in as many bytes as they have, and not at all where a decoder read the
 * same.
 *
 * flow->classifier, once nDPI decided: "name\0ja3\0", interned, or NULL; flow_said() in its lowest bits. */
#include <stdlib.h>
#include <string.h>

#include "flow/classify.h"
#include "intern.h"

#define SAID_BITS ((uintptr_t)(FLOW_NAME_SAID | FLOW_JA3_SAID))
#define NAME_ROOM 256
#define JA3_ROOM 33

struct class_set {
    struct interns *strings;
};

struct class_set *class_set_new(struct mem *mem)
{
    struct class_set *set = calloc(1, sizeof(*set));
    if (!set)
        abort(); /* only at start */
    set->strings = interns_new(mem, MEM_FLOW);
    return set;
}

void class_set_free(struct class_set *set)
{
    if (!set)
        return;
    interns_free(set->strings);
    free(set);
}

static const char *own_of(const struct flow *flow)
{
    return flow->classify_done ? (const char *)((uintptr_t)flow->classifier & ~SAID_BITS) : NULL;
}

static void drop_own(struct class_set *set, struct flow *flow)
{
    interns_drop(set->strings, own_of(flow));
    flow->classifier = NULL;
}

static bool set_own(struct class_set *set, struct flow *flow, const char *name, const char *ja3,
                    unsigned said)
{
    char text[NAME_ROOM + JA3_ROOM];
    size_t name_len = strlen(name), ja3_len = strlen(ja3);
    const void *own = NULL;
    if (name_len || ja3_len) {
        memcpy(text, name, name_len + 1);
        memcpy(text + name_len + 1, ja3, ja3_len + 1);
        own = interns_hold(set->strings, text, name_len + ja3_len + 2);
        if (!own)
            return false;
    }
    flow->classifier = (void *)((uintptr_t)own | said);
    return true;
}

bool class_set_hold(struct class_set *set, struct flow *flow, const struct flow_class *class,
                    const char *name, const char *ja3)
{
    if (!set_own(set, flow, name, ja3, 0))
        return false;
    flow->class = interns_hold(set->strings, class, sizeof(*class));
    if (!flow->class)
        drop_own(set, flow);
    return flow->class != NULL;
}

void class_set_drop(struct class_set *set, struct flow *flow)
{
    interns_drop(set->strings, flow->class);
    drop_own(set, flow);
    flow->class = NULL;
}

void class_set_forget(struct class_set *set, struct flow *flow, unsigned said)
{
    const char *own = own_of(flow);
    if (!said || !own)
        return;
    void *before = flow->classifier;
    if (set_own(set, flow, said & FLOW_NAME_SAID ? "" : flow_server_name(flow),
                said & FLOW_JA3_SAID ? "" : flow_ja3(flow), said))
        interns_drop(set->strings, own);
    else
        flow->classifier = before; /* no memory to keep less */
}

const char *flow_server_name(const struct flow *flow)
{
    const char *own = own_of(flow);
    return own ? own : "";
}

const char *flow_ja3(const struct flow *flow)
{
    const char *own = own_of(flow);
    return own ? own + strlen(own) + 1 : "";
}

unsigned flow_said(const struct flow *flow)
{
    return flow->classify_done ? (unsigned)((uintptr_t)flow->classifier & SAID_BITS) : 0;
}
