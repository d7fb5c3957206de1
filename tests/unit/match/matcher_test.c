/* Rules over objects: what `yara FILE` would say, while the object comes in pieces. */
#include "bench.h"

static struct bench_text out;

static void expect(const char *rules, const void *data, size_t len, const char *want)
{
    for (unsigned way = 0; way < 6; way++) {
        static const size_t pieces[] = {0, 1, 7};
        struct bench b;
        bench_open(&b, bench_rules(rules, way < 3, NULL));
        assert_true(bench_object(&b, data, len, pieces[way % 3], len / 3, &out));
        if (strcmp(out.text, want) != 0)
            fail_msg("%s\nway %u: got\n%swant\n%s", rules, way, out.text, want);
        bench_close(&b);
    }
}

static void test_strings_and_offsets(void **state)
{
    static const char text[] = "say hello, Hello World, hello\n\x01\x02\x03h\0e\0l\0l\0o\0 end";
    (void)state;
    expect("rule a { strings: $h = \"hello\" condition: $h }", text, sizeof(text) - 1, "a $h@4+5*2\n");
    expect("rule a { strings: $h = \"hello\" nocase condition: #h == 3 }", text, sizeof(text) - 1, "a $h@4+5*3\n");
    expect("rule a { strings: $h = \"hello\" wide condition: $h }", text, sizeof(text) - 1, "a $h@33+10*1\n");
    expect("rule a { strings: $h = \"hello\" wide ascii condition: @h[3] == 33 }", text, sizeof(text) - 1,
           "a $h@4+5*3\n");
    expect("rule a { strings: $h = \"hell\" fullword condition: $h }", text, sizeof(text) - 1, "");
    expect("rule a { strings: $h = { 01 02 ?3 } condition: $h at 30 }", text, sizeof(text) - 1, "a $h@30+3*1\n");
    expect("rule a { strings: $h = /[Hh]ello [A-Z]\\w+/ condition: $h }", text, sizeof(text) - 1, "a $h@11+11*1\n");
    expect("rule a { strings: $h = /^say/ $n = /^hello/ $e = /end$/ $m = /World$/ condition: any of them }", text,
           sizeof(text) - 1, "a $h@0+3*1 $e@44+3*1\n");
    expect("rule a { strings: $h = \"say\" condition: $h at 0 and filesize == 47 and uint16(0) == 0x6173 }", text,
           sizeof(text) - 1, "a $h@0+3*1\n");
    expect("rule a { strings: $h = \"hello\" condition: for all i in (1..#h) : (@h[i] < 30) and !h[1] == 5 }", text,
           sizeof(text) - 1, "a $h@4+5*2\n");
    expect("rule a { strings: $h = { 68 65 [20-300] 65 6e 64 } condition: $h }", text, sizeof(text) - 1, "a $h@4+43*1\n");
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    expect("rule a { strings: $h = \"hello\" condition: not $h }", "nothing here", 12, "a\n");
    expect("rule a { strings: $h = \"hello\" condition: #h == 0 and filesize == 0 }", "", 0, "a\n");
    expect("rule a { strings: $h = \"hello\" condition: $h or uint32be(4) == 0x696e6720 }", "nothing here", 12, "a\n");
}

static void test_kinds_of_rules(void **state)
{
    (void)state;
    expect("private rule p { strings: $x = \"key\" condition: $x } rule a { condition: p }", "a key", 5, "a\n");
    expect("global rule g { condition: filesize > 100 } rule a { condition: true }", "short", 5, "");
    expect("global private rule g { condition: filesize < 100 } rule a : t { condition: true }", "short", 5, "a\n");
    expect("rule b { condition: true } rule a { condition: true } rule c { condition: b and a }", "x", 1, "b\na\nc\n");
    expect("rule a { strings: $x = \"k\" private $y = \"e\" condition: $x and $y }", "a key", 5, "a $y@3+1*1\n");
    expect("import \"hash\" rule a { condition: hash.md5(0, filesize) == \"900150983cd24fb0d6963f7d28e17f72\" }", "abc",
           3, "a\n");
    expect("import \"math\" rule a { condition: math.entropy(0, filesize) < 2.0 }", "abc", 3, "a\n");
    expect("rule a { strings: $x = \"secret\" xor condition: $x }", "..|jl}j{..", 10, "a $x@2+6*1\n");
    expect("rule a { strings: $x = \"This program cannot\" base64 condition: $x }", "VGhpcyBwcm9ncmFtIGNhbm5vdA==", 28,
           "a $x@0+25*1\n");
    expect("rule a { condition: entrypoint >= 0 }", "no executable", 13, "");
}

static void test_facts(void **state)
{
    struct bench b;
    (void)state;
    bench_open(&b, bench_rules("rule text { condition: direction == \"outbound\" and hostname icontains \"EXAMPLE\" }\n"
                               "rule number { condition: image_width >= 300 and flow_bytes_out > 50MB }\n"
                               "rule truth { condition: image_valid }\n"
                               "rule real { condition: entropy > 7.5 }\n"
                               "rule neutral { condition: direction == \"\" and image_width == 0 and not image_valid and entropy < 0.1 }",
                               true, NULL));
    assert_true(bench_object(&b, "x", 1, 0, 0, &out));
    assert_string_equal(out.text, "neutral\n");
    fact_set_text(&b.facts, FACT_direction, "outbound", 8);
    fact_set_text(&b.facts, FACT_hostname, "www.example.org", 15);
    assert_true(bench_object(&b, "x", 1, 0, 0, &out));
    assert_string_equal(out.text, "text\n");
    fact_set_int(&b.facts, FACT_image_width, 4000);
    fact_set_int(&b.facts, FACT_flow_bytes_out, 60 << 20);
    fact_set_int(&b.facts, FACT_image_valid, 1);
    fact_set_real(&b.facts, FACT_entropy, 7.9);
    assert_true(bench_object(&b, "x", 1, 0, 0, &out));
    assert_string_equal(out.text, "text\nnumber\ntruth\nreal\n");
    fact_set_text(&b.facts, FACT_direction, "inbound", 7);
    fact_set_real(&b.facts, FACT_entropy, 1.0);
    assert_true(bench_object(&b, "x", 1, 0, 0, &out));
    assert_string_equal(out.text, "number\ntruth\n");
    char longest[FACT_TEXT_MAX + 1];
    memset(longest, 'o', sizeof(longest));
    fact_set_text(&b.facts, FACT_direction, longest, sizeof(longest));
    assert_true(bench_object(&b, "x", 1, 0, 0, &out));
    assert_string_equal(out.text, "number\ntruth\n");
    bench_close(&b);
}

static void test_flows_are_empty_objects(void **state)
{
    struct bench b;
    (void)state;
    bench_open(&b, bench_rules("rule flow { condition: object_type == \"flow\" and filesize == 0 }\n"
                               "rule bytes { strings: $a = \"x\" condition: $a or uint8(0) >= 0 }", true, NULL));
    fact_set_text(&b.facts, FACT_object_type, "flow", 4);
    out.len = 0;
    assert_true(match_evaluate(b.matcher, NULL, NULL, &b.facts, bench_match, &out));
    assert_string_equal(out.text, "flow\n");
    bench_close(&b);
}

/* An object larger than what is kept: rules see the window, at its true offsets, and the true size. */
static void test_windows_of_great_objects(void **state)
{
    static uint8_t window[4096];
    struct object object = {0};
    struct bench b;
    (void)state;
    bench_open(&b, bench_rules("rule a { strings: $a = \"marker\" condition: $a and filesize == 1000000 }\n"
                               "rule b { condition: uint8(999999) == 0x7a and not defined uint8(0) }", true, NULL));
    struct match_state *s = match_begin(b.matcher);
    memcpy(window + 100, "marker", 6);
    window[4095] = 'z';
    object.limited = true;
    object.bytes = (struct buffer){window, sizeof(window), sizeof(window)};
    object.bytes_at = 1000000 - sizeof(window);
    object.size = 1000000;
    static uint8_t before[1000000 - 4096];
    memcpy(before + 5000, "marker", 6); /* seen by the prefilter, gone from the window */
    match_data(b.matcher, s, before, sizeof(before), 0);
    match_data(b.matcher, s, window, sizeof(window), sizeof(before));
    out.len = 0;
    assert_true(match_evaluate(b.matcher, s, &object, &b.facts, bench_match, &out));
    assert_string_equal(out.text, "a $a@996004+6*1\nb\n");
    assert_true(b.counters.value[COUNT_SCAN_BYTES] < 100);
    match_end(b.matcher, s);
    bench_close(&b);
}

/* Bytes that never came are zeros in the object, so rules see zeros whether the prefilter was fed or not. */
static void test_gaps_are_zeros(void **state)
{
    static uint8_t bytes[300000];
    static const uint64_t gaps[] = {16, 5000, 200000};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct object object = {0};
        struct bench b;
        char want[100];
        memset(bytes, 'a', sizeof(bytes));
        memset(bytes + 1000, 0, gaps[i]);
        bench_open(&b, bench_rules("rule a { strings: $a = { 61 00 00 00 } $b = { 00 00 61 } condition: $a and $b }", true, NULL));
        struct match_state *s = match_begin(b.matcher);
        match_data(b.matcher, s, bytes, 1000, 0);
        match_data(b.matcher, s, bytes + 1000 + gaps[i], 500, 1000 + gaps[i]);
        object.size = object.bytes.len = 1500 + gaps[i];
        object.bytes.data = bytes;
        out.len = 0;
        assert_true(match_evaluate(b.matcher, s, &object, &b.facts, bench_match, &out));
        snprintf(want, sizeof(want), "a $a@999+4*1 $b@%llu+3*1\n", (unsigned long long)(998 + gaps[i]));
        assert_string_equal(out.text, want);
        match_end(b.matcher, s);
        bench_close(&b);
    }
}

static void test_a_reload_in_the_middle_of_an_object(void **state)
{
    struct object object = {0};
    struct bench b;
    uint8_t bytes[] = "before it came the word after";
    (void)state;
    bench_open(&b, bench_rules("rule a { strings: $a = \"nothing\" condition: $a }", true, NULL));
    for (unsigned i = 0; i < 20; i++) {
        struct match_state *s = match_begin(b.matcher);
        struct match_state *other = match_begin(b.matcher);
        match_data(b.matcher, s, bytes, 20, 0);
        match_data(b.matcher, other, bytes, 5, 0);
        struct rule_set *set =
            bench_rules(i % 2 ? "rule c { condition: false }" : "rule b { strings: $b = \"before\" $w = \"word\" condition: all of them }",
                        i % 3 != 0, NULL);
        matcher_swap(b.matcher, set);
        assert_ptr_equal(matcher_rules(b.matcher), set);
        rule_set_drop(set);
        match_end(b.matcher, other);
        match_data(b.matcher, s, bytes + 20, sizeof(bytes) - 20, 20);
        object.bytes.data = bytes;
        object.size = object.bytes.len = sizeof(bytes);
        out.len = 0;
        out.text[0] = '\0';
        assert_true(match_evaluate(b.matcher, s, &object, &b.facts, bench_match, &out));
        assert_string_equal(out.text, i % 2 ? "" : "b $b@0+6*1 $w@19+4*1\n");
        match_end(b.matcher, s);
    }
    bench_close(&b);
}

static void test_scans_have_a_time_limit(void **state)
{
    static uint8_t bytes[100000];
    struct object object = {.size = sizeof(bytes), .bytes = {bytes, sizeof(bytes), sizeof(bytes)}};
    struct bench b;
    (void)state;
    memset(&b, 0, sizeof(b));
    fact_set_clear(&b.facts);
    struct rule_set *set = bench_rules("rule slow { condition: for all i in (0..filesize) : "
                                       "(for any j in (0..filesize) : (uint8(j) == 1 + uint8(i))) }", true, NULL);
    b.matcher = matcher_new(&b.mem, &b.counters, set, 20);
    struct match_state *s = match_begin(b.matcher);
    match_data(b.matcher, s, bytes, sizeof(bytes), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_false(match_evaluate(b.matcher, s, &object, &b.facts, bench_match, &out));
    assert_int_equal(b.counters.value[COUNT_SCAN_TIMEOUTS], 2); /* then the object is left alone */
    match_end(b.matcher, s);
    bench_close(&b);
}

/* No memory: an object is scanned whole rather than not at all. */
static void test_without_memory_everything_is_let_through(void **state)
{
    struct object object = {.size = 9, .bytes = {(uint8_t *)(uintptr_t)"a secret.", 9, 9}};
    struct bench b;
    (void)state;
    bench_open(&b, bench_rules("rule a { strings: $a = \"secret\" condition: $a }", true, NULL));
    b.mem.ceiling = 1;
    assert_null(match_begin(b.matcher));
    match_data(b.matcher, NULL, object.bytes.data, 9, 0);
    out.len = 0;
    assert_true(match_evaluate(b.matcher, NULL, &object, &b.facts, bench_match, &out));
    assert_string_equal(out.text, "a $a@2+6*1\n");
    match_end(b.matcher, NULL);
    b.mem.ceiling = 0;
    struct match_state *s = match_begin(b.matcher);
    b.mem.ceiling = 1; /* the state is there, its stream is not */
    match_data(b.matcher, s, object.bytes.data, 9, 0);
    out.len = 0;
    assert_true(match_evaluate(b.matcher, s, &object, &b.facts, bench_match, &out));
    assert_string_equal(out.text, "a $a@2+6*1\n");
    match_end(b.matcher, s);
    bench_close(&b);
}

/* The point of it all: bytes that cannot match cost libyara nothing. */
static void test_what_cannot_match_is_not_read(void **state)
{
    static uint8_t bytes[1 << 20];
    struct bench b;
    (void)state;
    bench_open(&b, bench_rules("rule a { strings: $a = \"P<UTO\" $b = /[A-Z]{3}-\\d{4}/ $c = { FF D8 FF E1 ?? ?? 45 78 } condition: any of them }", true, NULL));
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        bytes[i] = (uint8_t)(seed >> 56);
    }
    assert_true(bench_object(&b, bytes, sizeof(bytes), 1460, 0, &out));
    assert_string_equal(out.text, "");
    assert_int_equal(b.counters.value[COUNT_SCAN_PREFILTER_BYTES], sizeof(bytes));
    assert_true(b.counters.value[COUNT_SCAN_BYTES] < 1000);
    memcpy(bytes + 700000, "ABC-1234", 8);
    assert_true(bench_object(&b, bytes, sizeof(bytes), 1460, 0, &out));
    assert_string_equal(out.text, "a $b@700000+8*1\n");
    assert_true(b.counters.value[COUNT_SCAN_BYTES] < 2000);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_and_offsets),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_kinds_of_rules),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_flows_are_empty_objects),
        cmocka_unit_test(test_windows_of_great_objects),
        cmocka_unit_test(test_gaps_are_zeros),
        cmocka_unit_test(test_a_reload_in_the_middle_of_an_object),
        cmocka_unit_test(test_scans_have_a_time_limit),
        cmocka_unit_test(test_without_memory_everything_is_let_through),
        cmocka_unit_test(test_what_cannot_match_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
