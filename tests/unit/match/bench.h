/* A bench for tests of match/: rules from text, objects from bytes, and what held, as text. */
#ifndef MATCH_BENCH_H
#define MATCH_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "match.h"

struct bench_text {
    char text[65536];
    size_t len;
};

static inline void bench_put(struct bench_text *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out->text + out->len, sizeof(out->text) - out->len, format, args);
    va_end(args);
    if (n > 0 && out->len + (size_t)n < sizeof(out->text))
        out->len += (size_t)n;
}

static inline void bench_said(void *user, bool error, const char *message)
{
    if (user)
        bench_put(user, "%s %s\n", error ? "E" : "W", message);
}

static inline void bench_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Compiles one text; `said` may be NULL. */
static inline struct rule_set *bench_rules(const char *text, bool prefilter, struct bench_text *said)
{
    char path[] = "/tmp/match_bench_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    bench_file(path, text);
    const char *paths[] = {path};
    struct rule_set *set = rule_set_compile(paths, 1, prefilter, bench_said, said);
    unlink(path);
    return set;
}

static inline void bench_match(void *user, const struct match *match)
{
    bench_put(user, "%s", match->rule->name);
    for (uint32_t i = 0; i < match->string_count; i++) {
        const struct match_string *s = &match->strings[i];
        bench_put(user, " %s@%llu+%u*%u", s->identifier, (unsigned long long)s->offset, s->length, s->count);
    }
    bench_put(user, "\n");
}

struct bench {
    struct mem mem;
    struct counters counters;
    struct matcher *matcher;
    struct fact_set facts;
};

/* Takes the reference to `set`. */
static inline void bench_open(struct bench *b, struct rule_set *set)
{
    memset(b, 0, sizeof(*b));
    assert_non_null(set);
    fact_set_clear(&b->facts);
    b->matcher = matcher_new(&b->mem, &b->counters, set, 2000);
}

static inline void bench_close(struct bench *b)
{
    matcher_free(b->matcher);
    assert_int_equal(b->mem.total, 0);
}

/* One object in pieces of `piece` bytes (0: all at once), evaluated at its end, and before at `half` if not 0.
 * False when a scan timed out. */
static inline bool bench_object(struct bench *b, const void *data, size_t len, size_t piece, size_t half,
                                struct bench_text *out)
{
    struct object object = {0};
    struct match_state *state = match_begin(b->matcher);
    struct bench_text ignored = {.len = 0};
    object.bytes.data = (uint8_t *)(uintptr_t)data;
    out->len = 0;
    out->text[0] = '\0';
    for (size_t at = 0; at < len;) {
        size_t n = piece && piece < len - at ? piece : len - at;
        if (half && at < half && at + n > half)
            n = half - at;
        object.bytes.len = at + n;
        object.size = at + n;
        match_data(b->matcher, state, (const uint8_t *)data + at, n, at);
        at += n;
        if (at == half)
            match_evaluate(b->matcher, state, &object, &b->facts, bench_match, &ignored);
    }
    bool fine = match_evaluate(b->matcher, state, &object, &b->facts, bench_match, out);
    match_end(b->matcher, state);
    return fine;
}

#endif
