/* What the prefilter is worth: the rules over objects of three kinds of bytes, evaluated on the way
 * and at the end as in service, with it and without it, turn about in one run. Prints a table; both
 * ways have to raise the same rules.
 *
 * usage: scan [--marks] RULES...      --marks: exit 1 unless JPEG and TLS-like bytes gain 5 times,
 * text 2 times */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "match.h"

#define OBJECT_BYTES ((size_t)1 << 20)
#define PIECE_BYTES 1400
#define HEAD_BYTES 4096
#define TURNS 9

struct random {
    uint64_t state;
};

struct way {
    struct matcher *matcher;
    struct mem mem;
    struct counters counters;
    double seconds[TURNS];
    uint64_t raised; /* a sum over the names of the rules that held */
};

struct kind {
    const char *name, *type;
    void (*fill)(uint8_t *data, size_t len, struct random *random);
    double mark;
};

static uint32_t next(struct random *r)
{
    r->state = r->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(r->state >> 33);
}

/* Entropy-coded data: every FF is followed by 00. */
static void fill_jpeg(uint8_t *data, size_t len, struct random *r)
{
    static const uint8_t head[] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F',
                                   0,    1,    1,    0,    0, 1,  0,   1,   0,   0};
    memcpy(data, head, sizeof(head));
    for (size_t i = sizeof(head); i < len; i++)
        data[i] = data[i - 1] == 0xff ? 0 : (uint8_t)next(r);
    memcpy(data + len - 2, "\xff\xd9", 2);
}

/* Application data records (RFC 8446 5.1) of 16 KiB. */
static void fill_tls(uint8_t *data, size_t len, struct random *r)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)next(r);
    for (size_t at = 0; at + 5 <= len; at += 5 + 16384)
        memcpy(data + at, "\x17\x03\x03\x40\x00", 5);
}

/* Rows as a log or an export has them: words, numbers, times. */
static void fill_text(uint8_t *data, size_t len, struct random *r)
{
    static const char *const words[] = {
        "report", "customer", "the",     "of",      "invoice", "Berlin",   "status",
        "open",   "closed",   "quarter", "meeting", "notes",   "please",   "review",
        "and",    "delivery", "address", "phone",   "number",  "passport", "order"};
    char row[200];
    for (size_t at = 0; at < len;) {
        int n = snprintf(row, sizeof(row), "2026-11-%02u %02u:%02u %s %s %s %u, %s %s; %u.%02u\n",
                         next(r) % 30 + 1, next(r) % 24, next(r) % 60, words[next(r) % 21],
                         words[next(r) % 21], words[next(r) % 21], next(r) % 100000,
                         words[next(r) % 21], words[next(r) % 21], next(r) % 1000, next(r) % 100);
        size_t put = (size_t)n < len - at ? (size_t)n : len - at;
        memcpy(data + at, row, put);
        at += put;
    }
}

static const struct kind KINDS[] = {{"JPEG", "jpeg", fill_jpeg, 5},
                                    {"TLS-like", "data", fill_tls, 5},
                                    {"text", "text", fill_text, 2}};
#define KIND_COUNT (sizeof(KINDS) / sizeof(KINDS[0]))

static void say(void *user, bool error, const char *message)
{
    (void)user;
    if (error)
        fprintf(stderr, "%s\n", message);
}

static void on_match(void *user, const struct match *match)
{
    struct way *way = user;
    for (const char *p = match->rule->name; *p; p++)
        way->raised = way->raised * 31 + (uint8_t)*p;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double run(struct way *way, const uint8_t *data, const struct fact_set *facts)
{
    struct object object = {.bytes = {.data = (uint8_t *)(uintptr_t)data}};
    double begun = seconds();
    struct match_state *state = match_begin(way->matcher);
    size_t due = HEAD_BYTES;
    for (size_t at = 0; at < OBJECT_BYTES;) {
        size_t n = OBJECT_BYTES - at < PIECE_BYTES ? OBJECT_BYTES - at : PIECE_BYTES;
        object.size = object.bytes.len = at + n;
        match_data(way->matcher, state, data + at, n, at);
        at += n;
        if (at < due && at < OBJECT_BYTES)
            continue;
        match_evaluate(way->matcher, state, &object, facts, on_match, way);
        due *= 2;
    }
    match_end(way->matcher, state);
    return seconds() - begun;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static double rate(struct way *way)
{
    qsort(way->seconds, TURNS, sizeof(double), by_value);
    return (double)OBJECT_BYTES / way->seconds[TURNS / 2] / 1e6;
}

static bool measure(const struct kind *kind, struct way ways[2], bool marks)
{
    uint8_t *data = malloc(OBJECT_BYTES);
    struct random random = {42};
    struct fact_set facts;
    if (!data)
        return false;
    kind->fill(data, OBJECT_BYTES, &random);
    /* Facts that leave the bytes to decide: a picture that alerts, and what no fact says anything
     * of. */
    fact_set_clear(&facts);
    fact_set_text(&facts, FACT_direction, "outbound", 8);
    fact_set_text(&facts, FACT_object_type, kind->type, strlen(kind->type));
    fact_set_int(&facts, FACT_object_size, OBJECT_BYTES);
    fact_set_int(&facts, FACT_image_valid, strcmp(kind->type, "jpeg") == 0);
    fact_set_int(&facts, FACT_image_width, 1600);
    fact_set_int(&facts, FACT_image_height, 1200);
    for (unsigned i = 0; i < 2; i++)
        ways[i].raised = 0;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        for (unsigned i = 0; i < 2; i++)
            ways[i].seconds[turn] = run(&ways[i], data, &facts);
    }
    free(data);
    double with = rate(&ways[0]), without = rate(&ways[1]);
    printf("%-9s %9.0f %9.0f %7.1f x %10s\n", kind->name, with, without, with / without,
           ways[0].raised == ways[1].raised ? "the same" : "DIFFERENT");
    return ways[0].raised == ways[1].raised && (!marks || with / without >= kind->mark);
}

int main(int argc, char **argv)
{
    static struct way ways[2];
    bool marks = argc > 1 && strcmp(argv[1], "--marks") == 0, fine = true;
    int first = marks ? 2 : 1;
    if (argc <= first)
        return 2;
    for (unsigned i = 0; i < 2; i++) {
        const char *const *paths = (const char *const *)argv + first;
        struct rule_set *set = rule_set_compile(paths, (size_t)(argc - first), i == 0, say, NULL);
        if (!set)
            return 2;
        if (i == 0)
            printf("%u rules; objects of %zu KiB, evaluated as they arrive\n", rule_set_count(set),
                   OBJECT_BYTES / 1024);
        ways[i].matcher = matcher_new(&ways[i].mem, &ways[i].counters, set, 60000);
    }
    printf("%-9s %9s %9s %9s %10s\n", "bytes", "MB/s", "without", "gain", "alerts");
    for (unsigned i = 0; i < KIND_COUNT; i++)
        fine = measure(&KINDS[i], ways, marks) && fine;
    for (unsigned i = 0; i < 2; i++)
        matcher_free(ways[i].matcher);
    return fine ? 0 : 1;
}
