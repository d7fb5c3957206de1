/* The counters and the byte ledger of one worker. Plain integers, written by one thread; the output thread
 * reads a copy that the worker publishes (ops/). The ledger's rule: every captured byte is in exactly one
 * fate at every moment. A byte whose end is not known yet is booked provisionally and moved later, so the
 * sum over fates equals capture.bytes after every frame. */
#ifndef DLP_COUNTERS_H
#define DLP_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

enum fate {
#define FATE(id, name, help) FATE_##id,
#include "fate_list.def"
#undef FATE
    FATE_COUNT
};

enum counter {
#define COUNTER(id, group, name, help) COUNT_##id,
#define GAUGE(id, group, name, help) COUNT_##id,
#include "counter_list.def"
#undef COUNTER
#undef GAUGE
    COUNTER_COUNT
};

#define UNSUPPORTED_KINDS 32 /* distinct unsupported types that are told apart */

struct counters {
    uint64_t value[COUNTER_COUNT];
    uint64_t fate_bytes[FATE_COUNT];
    uint64_t fate_packets[FATE_COUNT]; /* each frame once, under the fate of its payload (or of the whole frame) */
    struct {
        char name[24]; /* "ethertype 0x88cc", "ip protocol 132", "link type 147" */
        uint64_t packets;
    } unsupported[UNSUPPORTED_KINDS];
};

static inline void count_add(struct counters *c, enum counter id, uint64_t n)
{
    c->value[id] += n;
}

/* The one way a captured byte gets its fate. */
static inline void fate_add(struct counters *c, enum fate fate, uint64_t bytes)
{
    c->fate_bytes[fate] += bytes;
}

/* A byte booked provisionally under `from` ends under `to`. */
static inline void fate_move(struct counters *c, enum fate from, enum fate to, uint64_t bytes)
{
    c->fate_bytes[from] -= bytes;
    c->fate_bytes[to] += bytes;
}

/* Counts one frame. The number follows the kind in decimal, or in hexadecimal where the kind ends in "0x". */
void counters_unsupported(struct counters *c, const char *kind, unsigned number);
void counters_merge(struct counters *sum, const struct counters *part);
uint64_t counters_fate_total(const struct counters *c); /* equals capture.bytes */

#endif
