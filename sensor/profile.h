/* Where the time goes, stage by stage: a stage's clock runs from profile_enter() to the next one. Off, it
 * costs one predictable branch. Ticks are the processor's time-stamp counter, scaled at the end by the wall
 * time of the whole run. */
#ifndef DLP_PROFILE_H
#define DLP_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

enum stage {
    STAGE_CAPTURE, STAGE_PACKET, STAGE_FLOW, STAGE_STREAM, STAGE_OBJECT, STAGE_FACTS, STAGE_MATCH,
    STAGE_ALERT, STAGE_COUNT
};

struct profile {
    bool on;
    enum stage current;
    uint64_t last;
    uint64_t ticks[STAGE_COUNT];
};

static inline uint64_t profile_clock(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return 0;
#endif
}

/* Makes `stage` current and returns the one that was, to be entered again after. */
static inline enum stage profile_enter(struct profile *profile, enum stage stage)
{
    enum stage before = profile->current;
    if (__builtin_expect(profile->on, 0)) {
        uint64_t now = profile_clock();
        profile->ticks[before] += now - profile->last;
        profile->last = now;
        profile->current = stage;
    }
    return before;
}

#endif
