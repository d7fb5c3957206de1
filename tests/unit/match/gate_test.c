/* The gate's promise: it never says no where libyara says yes. Conditions of facts, constants and what nobody can
 * judge are generated, with facts to suit; where only facts decide, the gate must decide too. Seeded. */
#include "bench.h"

#define ROUNDS 12
#define CONDITIONS 40
#define FACT_SETS 12

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t x = *seed ^ *seed >> 29;
    return (uint32_t)((x * UINT64_C(0x9E3779B97F4A7C15)) >> 33) % below;
}

static const char *pick(uint64_t *seed, const char *const *words, uint32_t count)
{
    return words[draw(seed, count)];
}
#define PICK(seed, ...)                                                                                               \
    pick(seed, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* One operand; *judged turns false when the gate cannot know it. */
static void operand(uint64_t *seed, struct bench_text *out, bool *judged)
{
    switch (draw(seed, 12)) {
    case 0:
        bench_put(out, "%s", PICK(seed, "image_valid", "image_width", "exif_make", "encrypted_container"));
        break;
    case 1:
    case 2:
        bench_put(out, "image_width %s %s", PICK(seed, "==", "!=", "<", "<=", ">", ">="),
                  PICK(seed, "0", "1", "800", "0x320", "-1", "1KB", "1MB"));
        break;
    case 3:
        bench_put(out, "%s %s image_height", PICK(seed, "0", "600", "0x258", "2KB"),
                  PICK(seed, "==", "!=", "<", "<=", ">", ">="));
        break;
    case 4:
        bench_put(out, "entropy %s %s", PICK(seed, "<", "<=", ">", ">="), PICK(seed, "7.5", "0", "7", "0.5"));
        break;
    case 5:
    case 6:
        bench_put(out, "object_type %s \"%s\"", PICK(seed, "==", "!=", "iequals"), PICK(seed, "jpeg", "JPEG", "", "png"));
        break;
    case 7:
        bench_put(out, "exif_make %s \"%s\"",
                  PICK(seed, "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith"),
                  PICK(seed, "Can", "canon", "ON", "on", "", "Canon and more"));
        break;
    case 8:
        bench_put(out, "%s", PICK(seed, "true", "false"));
        break;
    default: /* not the gate's to judge */
        *judged = false;
        bench_put(out, "%s",
                  PICK(seed, "$a", "#a > 2", "$a at 0", "filesize > 3", "any of them", "uint8(0) == 0x61",
                       "image_width * 2 > 900", "image_height > image_width", "exif_make matches /an/i",
                       "for any i in (1..3) : (image_width == i or $a)", "800 == image_width + 0",
                       "uint8(0) == image_width", "exif_make == \"Ca\\x6eon\"", "(image_width + 1) > 5", "helper",
                       "image_width \\ 2 == 400", "image_width & 1 == 0"));
    }
}

static void condition(uint64_t *seed, struct bench_text *out, bool *judged, unsigned depth)
{
    uint32_t kind = depth ? draw(seed, 6) : 0;
    if (kind < 2) {
        operand(seed, out, judged);
        return;
    }
    bool group = kind == 2 || draw(seed, 2);
    bench_put(out, "%s%s", kind == 3 ? "not " : "", group || kind == 3 ? "(" : "");
    for (uint32_t n = 1 + draw(seed, 3); n; n--) {
        condition(seed, out, judged, depth - 1);
        if (n > 1)
            bench_put(out, " %s ", draw(seed, 2) ? "and" : "or /* and */");
    }
    bench_put(out, "%s", group || kind == 3 ? ")" : "");
}

static void some_facts(uint64_t *seed, struct fact_set *facts)
{
    static const int64_t numbers[] = {0, 1, 599, 600, 800, 801, 1024, 2048, 1 << 20, -1};
    fact_set_clear(facts);
    if (draw(seed, 2))
        fact_set_int(facts, FACT_image_valid, 1);
    fact_set_int(facts, FACT_image_width, numbers[draw(seed, 10)]);
    fact_set_int(facts, FACT_image_height, numbers[draw(seed, 10)]);
    fact_set_real(facts, FACT_entropy, (double)draw(seed, 17) / 2);
    const char *make = PICK(seed, "", "Canon", "canon", "NIKON", "on", "Can");
    const char *type = PICK(seed, "", "jpeg", "JPEG", "png", "text");
    if (*make)
        fact_set_text(facts, FACT_exif_make, make, strlen(make));
    if (*type)
        fact_set_text(facts, FACT_object_type, type, strlen(type));
}

/* A string nobody refers to is an error to libyara. */
static void make_rules(struct bench_text *rules, const char *body)
{
    bool strings = strpbrk(body, "$#") || strstr(body, "them");
    rules->len = 0;
    bench_put(rules, "private rule helper { condition: image_width == 801 }\nrule one { %s condition: %s }\n",
              strings ? "strings: $a = \"a\"" : "", body);
}

/* Counts the times the gate was closed, and those at which facts alone decide. */
static void compare(uint64_t seed, uint64_t *gated, uint64_t *decided)
{
    static struct bench_text body, rules, with, without;
    bool judged = true;
    body.len = 0;
    condition(&seed, &body, &judged, 3);
    make_rules(&rules, body.text);
    struct bench on, off;
    bench_open(&on, bench_rules(rules.text, true, NULL));
    bench_open(&off, bench_rules(rules.text, false, NULL));
    for (unsigned i = 0; i < FACT_SETS; i++) {
        uint64_t before = on.counters.value[COUNT_SCAN_GATED];
        some_facts(&seed, &on.facts);
        off.facts = on.facts;
        assert_true(bench_object(&on, "abab", 4, 0, 0, &with));
        assert_true(bench_object(&off, "abab", 4, 0, 0, &without));
        if (strcmp(with.text, without.text) != 0)
            fail_msg("the gate changes what holds (set %u):\n%s\nwith: %s\nwithout: %s", i, rules.text, with.text,
                     without.text);
        bool closed = on.counters.value[COUNT_SCAN_GATED] != before;
        *gated += closed;
        if (!judged)
            continue;
        (*decided)++;
        if (!closed && !*without.text)
            fail_msg("the gate is open where facts rule the rule out:\n%s", rules.text);
    }
    assert_int_equal(off.counters.value[COUNT_SCAN_GATED], 0);
    bench_close(&on);
    bench_close(&off);
}

static void test_the_gate_agrees_with_libyara(void **state)
{
    uint64_t gated = 0, decided = 0;
    (void)state;
    for (uint64_t round = 0; round < ROUNDS * CONDITIONS; round++)
        compare(round * 977 + 1, &gated, &decided);
    assert_true(gated > ROUNDS * CONDITIONS);
    assert_true(decided > ROUNDS * CONDITIONS);
}

/* Forms that look judgeable and are not. */
static void test_what_is_unknown_stays_open(void **state)
{
    static const char *const open[] = {
        "image_width > image_height", "image_width == 1 + 1", "object_type == \"a\\tb\"", "exif_make matches /x/",
        "image_width > 3.5", "$a or image_valid", "not $a", "image_width == 5 or filesize > 1", "helper",
    };
    static struct bench_text rules, out;
    (void)state;
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        struct bench b;
        make_rules(&rules, open[i]);
        bench_open(&b, bench_rules(rules.text, true, NULL));
        bench_object(&b, "x", 1, 0, 0, &out);
        assert_int_equal(b.counters.value[COUNT_SCAN_GATED], 0);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_gate_agrees_with_libyara),
        cmocka_unit_test(test_what_is_unknown_stays_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
