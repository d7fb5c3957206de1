/* Any bytes, cut anywhere, under rules of every kind: with the prefilter and without it the same rules hold with
 * the same strings. The first byte chooses how the rest is cut. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "match.h"

static const char RULES[] =
    "import \"hash\"\n"
    "rule text { strings: $a = \"passport\" $b = \"P<UTO\" nocase $c = \"lane\" fullword wide ascii condition: any of them }\n"
    "rule hex { strings: $a = { FF D8 FF ( E0 | E1 ) [2-9] 4? 46 } $b = { 00 ?1 00 } condition: any of them }\n"
    "rule chained { strings: $a = { 41 42 [0-400] 43 44 } $b = { 31 32 [-] 33 34 } condition: any of them }\n"
    "rule regex { strings: $a = /[A-Z]{3}-?\\d{3,4}/ $b = /^begin .{1,20}end$/s $c = /\\bkey=\\w+/i wide ascii"
    " $d = /x(ab|c)+y/ condition: any of them }\n"
    "rule hidden { strings: $a = \"secret\" xor $b = \"This is it\" base64 base64wide condition: any of them }\n"
    "rule counted { strings: $a = \"ab\" condition: #a > 2 and @a[2] - @a[1] < 10 }\n"
    "rule absent { strings: $a = \"never\" condition: not $a and filesize > 4 and uint16(0) != 0 }\n"
    "rule placed { strings: $a = \"GIF8\" $b = \"end\" condition: $a at 0 or $b in (filesize - 5..filesize) }\n"
    "rule digest { condition: hash.crc32(0, filesize) % 3 == 1 }\n"
    "private rule inner { strings: $a = \"inner\" condition: $a }\n"
    "rule outer { condition: inner and filesize < 2000 }\n";

struct held {
    char text[4096];
    size_t len;
};

struct matching {
    struct mem mem;
    struct counters counters;
    struct matcher *matcher;
};

static void on_match(void *user, const struct match *match)
{
    struct held *held = user;
    held->len += (size_t)snprintf(held->text + held->len, sizeof(held->text) - held->len, "%s", match->rule->name);
    for (uint32_t i = 0; i < match->string_count; i++) {
        const struct match_string *s = &match->strings[i];
        held->len += (size_t)snprintf(held->text + held->len, sizeof(held->text) - held->len, " %s@%llu+%u*%u",
                                      s->identifier, (unsigned long long)s->offset, s->length, s->count);
    }
}

static void say(void *user, bool error, const char *message)
{
    (void)user;
    if (error)
        fprintf(stderr, "%s\n", message);
}

static void open_matching(struct matching *m, bool prefilter)
{
    char path[] = "/tmp/match_fuzz_XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, RULES, sizeof(RULES) - 1) != (ssize_t)sizeof(RULES) - 1)
        abort();
    close(fd);
    const char *paths[] = {path};
    struct rule_set *set = rule_set_compile(paths, 1, prefilter, say, NULL);
    unlink(path);
    if (!set)
        abort();
    m->matcher = matcher_new(&m->mem, &m->counters, set, 60000);
}

static void run(struct matching *m, const uint8_t *data, size_t size, size_t piece, struct held *held)
{
    struct fact_set facts;
    struct held early;
    struct object object = {.bytes = {(uint8_t *)(uintptr_t)data, 0, 0}};
    struct match_state *state = match_begin(m->matcher);
    fact_set_clear(&facts);
    held->len = early.len = 0;
    held->text[0] = '\0';
    for (size_t at = 0, n; at < size; at += n) {
        n = piece < size - at ? piece : size - at;
        object.size = object.bytes.len = at + n;
        match_data(m->matcher, state, data + at, n, at);
        if (at < size / 2 && at + n >= size / 2)
            match_evaluate(m->matcher, state, &object, &facts, on_match, &early);
    }
    assert(match_evaluate(m->matcher, state, &object, &facts, on_match, held));
    match_end(m->matcher, state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct matching with, without;
    struct held a, b;
    if (!with.matcher) {
        open_matching(&with, true);
        open_matching(&without, false);
    }
    if (size < 1 || size > 1 << 16)
        return 0;
    run(&with, data + 1, size - 1, (size_t)data[0] + 1, &a);
    run(&without, data + 1, size - 1, size, &b);
    if (strcmp(a.text, b.text) != 0) {
        fprintf(stderr, "with the prefilter: %s\nwithout: %s\n", a.text, b.text);
        abort();
    }
    return 0;
}
