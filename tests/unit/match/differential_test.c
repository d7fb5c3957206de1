/* The promise of the prefilter: with it and without it the same rules hold, with the same strings at the same
 * offsets. Thousands of generated rules, over buffers made from what the rules look for. Seeded; a failure prints
 * the rule and where the buffer can be found. */
#include "bench.h"

#define ROUNDS 50
#define RULES 12
#define BUFFERS 24
#define BUFFER_MAX 40000

struct maker { /* makes rules, and remembers bytes they may match */
    uint64_t seed;
    bool picky; /* strings that are rarely there, so that windows are few; else hits are everywhere */
    struct bench_text rules;
    struct {
        uint8_t bytes[600];
        size_t len;
    } baits[RULES * 4];
    size_t bait_count;
};

static uint32_t draw(struct maker *m, uint32_t below)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t x = m->seed ^ m->seed >> 29;
    return (uint32_t)((x * UINT64_C(0x9E3779B97F4A7C15)) >> 33) % below;
}

static bool chance(struct maker *m, uint32_t percent)
{
    return draw(m, 100) < percent;
}

/* A small alphabet, so that things happen. */
static char letter(struct maker *m)
{
    static const char letters[] = "abAB01 _\n.", more[] = "cdefghijklmnopqrstuvwxyzCDEFGHIJKLMNOPQRSTUVWXYZ23456789";
    if (m->picky && chance(m, 60))
        return more[draw(m, sizeof(more) - 1)];
    return letters[draw(m, chance(m, 80) ? 6 : sizeof(letters) - 1)];
}

static void bait(struct maker *m, const void *bytes, size_t len)
{
    if (m->bait_count == sizeof(m->baits) / sizeof(m->baits[0]) || len > sizeof(m->baits[0].bytes))
        return;
    memcpy(m->baits[m->bait_count].bytes, bytes, len);
    m->baits[m->bait_count++].len = len;
}

static void bait_wide(struct maker *m, const char *text, size_t len)
{
    uint8_t wide[400];
    for (size_t i = 0; i < len && i < 200; i++) {
        wide[2 * i] = (uint8_t)text[i];
        wide[2 * i + 1] = 0;
    }
    bait(m, wide, 2 * (len < 200 ? len : 200));
}

static void make_text(struct maker *m)
{
    char text[64], quoted[260];
    size_t len = (m->picky ? 5 : 1) + draw(m, chance(m, 20) ? 40 : 6), n = 0;
    for (size_t i = 0; i < len; i++) {
        text[i] = letter(m);
        n += (size_t)snprintf(quoted + n, sizeof(quoted) - n, "\\x%02x", (unsigned char)text[i]);
    }
    bool xor = chance(m, 12), base64 = !xor && len >= 3 && chance(m, 12);
    bool nocase = !xor && !base64 && chance(m, 30), wide = !base64 && chance(m, 30);
    bench_put(&m->rules, "\"%s\"%s%s%s%s%s%s\n", quoted, xor? chance(m, 50) ? " xor" : " xor(1-9)" : "",
              base64   ? chance(m, 30) ? " base64wide" : " base64"
                       : "",
              nocase ? " nocase" : "", wide ? " wide" : "", wide && chance(m, 50) ? " ascii" : "",
              !base64 && chance(m, 25) ? " fullword" : "");
    bait(m, text, len);
    if (wide)
        bait_wide(m, text, len);
    if (xor) {
        unsigned key = 1 + draw(m, 12);
        for (size_t i = 0; i < len; i++)
            text[i] = (char)(text[i] ^ (char)key);
        bait(m, text, len);
        if (wide)
            bait_wide(m, text, len);
    }
    if (base64) {
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char coded[128];
        size_t c = 0, shift = draw(m, 3);
        uint8_t raw[80] = {'x', 'y'};
        memcpy(raw + shift, text, len);
        for (size_t i = 0; i + 3 <= shift + len + 2; i += 3) {
            unsigned v = (unsigned)raw[i] << 16 | (unsigned)raw[i + 1] << 8 | raw[i + 2];
            for (int k = 18; k >= 0; k -= 6)
                coded[c++] = alphabet[v >> k & 63];
        }
        bait(m, coded, c);
        bait_wide(m, coded, c);
    }
}

static void make_hex(struct maker *m)
{
    uint8_t bytes[400];
    size_t n = 0, parts = 1 + draw(m, 5);
    bench_put(&m->rules, "{ ");
    for (size_t i = 0; i < parts; i++) {
        uint8_t a = (uint8_t)letter(m), b = (uint8_t)letter(m);
        bench_put(&m->rules, "%02x %02x ", a, b);
        bytes[n++] = a;
        bytes[n++] = b;
        if (m->picky) {
            bench_put(&m->rules, "%02x 7e ", b);
            bytes[n++] = b;
            bytes[n++] = 0x7e;
        }
        if (i + 1 == parts || n > 300)
            break;
        switch (draw(m, 6)) {
        case 0: {
            uint32_t from = draw(m, 4), to = from + draw(m, 6);
            bench_put(&m->rules, "[%u-%u] ", from, to);
            n += from;
            break;
        }
        case 1:
            bench_put(&m->rules, "[%u-%u] ", draw(m, 3), 200 + draw(m, 200));
            n += 3;
            break;
        case 2:
            bench_put(&m->rules, "[-] ");
            n += draw(m, 3);
            break;
        case 3:
            bench_put(&m->rules, "?%x ", a & 15);
            bytes[n++] = a;
            break;
        case 4:
            bench_put(&m->rules, "( %02x | %02x %02x ) ", b, a, b);
            bytes[n++] = b;
            break;
        default:
            bench_put(&m->rules, "?? ");
            bytes[n++] = 'q';
        }
    }
    bench_put(&m->rules, "}\n");
    bait(m, bytes, n);
}

static void regex_part(struct maker *m, unsigned depth, char *sample, size_t *len)
{
    char c = letter(m);
    if (c == '\n' || c == '.' || c == ' ')
        c = 'b';
    switch (draw(m, depth ? 12 : 10)) {
    case 0:
        bench_put(&m->rules, "[ab0]");
        c = 'a';
        break;
    case 1:
        bench_put(&m->rules, "[^a\\n]");
        c = 'z';
        break;
    case 2:
        bench_put(&m->rules, ".");
        break;
    case 3:
        bench_put(&m->rules, chance(m, 50) ? "\\w" : "\\d");
        c = '0';
        break;
    case 4:
        bench_put(&m->rules, chance(m, 50) ? "\\s" : "\\W");
        c = ' ';
        break;
    case 10:
    case 11:
        bench_put(&m->rules, "(");
        regex_part(m, depth - 1, sample, len);
        bench_put(&m->rules, "%s", chance(m, 50) ? "|" : "");
        regex_part(m, depth - 1, sample, len);
        bench_put(&m->rules, ")");
        c = 0;
        break;
    default:
        bench_put(&m->rules, "%c", c);
    }
    if (c)
        sample[(*len)++] = c;
}

static void make_regex(struct maker *m)
{
    static const char *const counts[] = {"", "", "", "+", "*", "?", "{2}", "{1,3}", "{0,9}", "{2,}", "{300}", "{3,260}"};
    char sample[300];
    size_t len = 0, parts = 2 + draw(m, 5);
    bool wide = chance(m, 20);
    bench_put(&m->rules, "/%s", chance(m, 8) ? "^" : chance(m, 8) ? "\\b" : "");
    for (size_t i = 0; i < parts; i++) {
        if (m->picky && i == parts / 2) {
            bench_put(&m->rules, "k~%c~", 'a' + (int)i);
            len += (size_t)snprintf(sample + len, 8, "k~%c~", 'a' + (int)i);
        }
        regex_part(m, 2, sample, &len);
        bench_put(&m->rules, "%s", counts[draw(m, chance(m, 95) ? 9 : 12)]);
    }
    bench_put(&m->rules, "%s/%s%s%s%s%s\n", chance(m, 8) ? "$" : chance(m, 8) ? "\\b" : "",
              chance(m, 25) ? "i" : "", chance(m, 25) ? "s" : "", wide ? " wide" : "",
              wide && chance(m, 50) ? " ascii" : "", chance(m, 15) ? " fullword" : "");
    bait(m, sample, len);
    if (wide)
        bait_wide(m, sample, len);
}

static const char *condition(struct maker *m)
{
    static const char *const conditions[] = {
        "any of them", "all of them", "$a", "not $a", "#a == 0", "#a > 2", "@a[2] > @a[1]", "$a at 0", "$a in (0..100)",
        "$a in (filesize-100..filesize)", "for any i in (1..#a) : (@a[i] % 7 == 3)", "!a[1] > 3",
        "uint16(0) == 0x6162 or $a", "filesize > 1000 and not $a", "hash.md5(0, filesize) != \"\" and #a < 5",
        "for all of them : (# < 3)", "#a in (0..1000) == 1", "2 of them", "none of them",
        "@a < 10 or uint8(filesize - 1) == 0x61", "image_width > 3 and $a", "direction == \"outbound\" and not $a"};
    return conditions[draw(m, sizeof(conditions) / sizeof(conditions[0]))];
}

static void make_rule(struct maker *m, unsigned number)
{
    unsigned strings = 1 + draw(m, 3);
    bench_put(&m->rules, "%s%srule r%u {\n strings:\n", number && chance(m, 3) ? "global " : "",
              chance(m, 5) ? "private " : "", number);
    for (unsigned i = 0; i < strings; i++) {
        bench_put(&m->rules, "  $%c = ", 'a' + (int)i);
        switch (draw(m, 3)) {
        case 0:
            make_text(m);
            break;
        case 1:
            make_hex(m);
            break;
        default:
            make_regex(m);
        }
    }
    bench_put(&m->rules, " condition:\n  (any of them or true) and (%s)\n}\n", condition(m)); /* all strings named */
}

static size_t make_buffer(struct maker *m, uint8_t *buffer)
{
    static const size_t sizes[] = {0, 1, 5, 40, 300, 1000, 3000, 3000, 20000, BUFFER_MAX};
    bool dense = chance(m, m->picky ? 5 : 30);
    size_t len = sizes[draw(m, m->picky ? 10 : 7)];
    bool random = m->picky || chance(m, 50);
    if (len)
        len -= draw(m, (uint32_t)len / 2 + 1);
    for (size_t i = 0; i < len; i++)
        buffer[i] = random ? (uint8_t)draw(m, 256) : (uint8_t)letter(m);
    size_t baits = dense ? len / 20 : draw(m, 12);
    for (size_t i = 0; i < baits && len; i++) {
        size_t which = draw(m, (uint32_t)m->bait_count), at = chance(m, 10) ? 0 : draw(m, (uint32_t)len);
        size_t n = m->baits[which].len;
        if (chance(m, 10) && n < len)
            at = len - n;
        if (at + n > len)
            n = len - at;
        memcpy(buffer + at, m->baits[which].bytes, n);
        if (chance(m, 20))
            buffer[at + draw(m, (uint32_t)n + 1) % len % (len - at)] ^= 0x20;
    }
    return len;
}

static void report(const struct maker *m, const uint8_t *buffer, size_t len, const char *on, const char *off)
{
    FILE *file = fopen("/tmp/match_differential.bin", "w");
    if (file) {
        fwrite(buffer, 1, len, file);
        fclose(file);
    }
    bench_file("/tmp/match_differential.yar", m->rules.text);
    fail_msg("with the prefilter:\n%s\nwithout:\n%s\nsee /tmp/match_differential.yar and .bin (%zu bytes)", on, off, len);
}

static void round_of(struct maker *m, uint8_t *buffer, unsigned *blind, uint64_t *given, uint64_t *all, unsigned *held)
{
    static struct bench_text on_text, off_text;
    struct rule_set *on_rules = NULL, *off_rules = NULL;
    struct bench on, off;
    uint64_t seed = m->seed;
    m->picky = chance(m, 70);
    m->rules.len = 0;
    m->bait_count = 0;
    bench_put(&m->rules, "import \"hash\"\n");
    for (unsigned i = 0; i < RULES; i++) {
        size_t before = m->rules.len;
        make_rule(m, i);
        struct rule_set *alone = bench_rules(m->rules.text, false, NULL);
        if (!alone) { /* YARA has its own taste in regular expressions */
            m->rules.len = before;
            m->rules.text[before] = '\0';
            continue;
        }
        rule_set_drop(alone);
    }
    on_rules = bench_rules(m->rules.text, true, NULL);
    off_rules = bench_rules(m->rules.text, false, NULL);
    bench_open(&on, on_rules);
    bench_open(&off, off_rules);
    for (unsigned i = 0; i < BUFFERS; i++) {
        size_t len = make_buffer(m, buffer);
        size_t pieces[] = {0, 1 + draw(m, 64), 1460};
        fact_set_int(&on.facts, FACT_image_width, (int64_t)(seed % 8));
        fact_set_int(&off.facts, FACT_image_width, (int64_t)(seed % 8));
        /* Chained strings over dense baits cost libyara cubic time: what times out is not compared. */
        if (bench_object(&off, buffer, len, 0, 0, &off_text) &&
            bench_object(&on, buffer, len, pieces[i % 3], i % 2 ? len / 2 : 0, &on_text) &&
            strcmp(on_text.text, off_text.text) != 0)
            report(m, buffer, len, on_text.text, off_text.text);
        *all += len;
        *held += off_text.len > 0;
    }
    *given += on.counters.value[COUNT_SCAN_BYTES];
    *blind += on.counters.value[COUNT_SCAN_PREFILTER_BYTES] == 0;
    bench_close(&on);
    bench_close(&off);
}

static void test_the_prefilter_changes_nothing(void **state)
{
    static struct maker m;
    static uint8_t buffer[BUFFER_MAX + 1];
    const char *wanted = getenv("DLP_TEST_SEED"), *rounds = getenv("DLP_TEST_ROUNDS");
    unsigned blind = 0, count = rounds ? (unsigned)strtoul(rounds, NULL, 10) : ROUNDS;
    unsigned held = 0;
    uint64_t given = 0, all = 0;
    (void)state;
    m.seed = wanted ? strtoull(wanted, NULL, 10) : 2019;
    for (unsigned i = 0; i < count; i++)
        round_of(&m, buffer, &blind, &given, &all, &held);
    printf("%u rounds, %u of them blind; rules held for %u buffers of %u; libyara saw %.0f %% of the bytes\n", count, blind,
           held, count * BUFFERS, 100.0 * (double)given / (double)(all + 1));
    assert_true(blind < count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_prefilter_changes_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
