/* The named lists: whoever stands in a file is known by its fact, and a slip in a file is told by its line. */
#include "bench.h"

struct lists_bench {
    char paths[LIST_COUNT][64];
    struct bench_text said;
    struct lists *lists;
    struct fact_set facts;
};

static void read_list(struct lists_bench *b, enum list_id id, const char *text)
{
    const char *paths[LIST_COUNT] = {NULL};
    snprintf(b->paths[id], sizeof(b->paths[id]), "/tmp/match_list_XXXXXX");
    int fd = mkstemp(b->paths[id]);
    assert_true(fd >= 0);
    close(fd);
    bench_file(b->paths[id], text);
    paths[id] = b->paths[id];
    b->said.len = 0;
    b->said.text[0] = '\0';
    b->lists = lists_read(paths, bench_said, &b->said);
    unlink(b->paths[id]);
    fact_set_clear(&b->facts);
}

/* Whether `fact` is true for a transfer between these. */
static bool stands(struct lists_bench *b, enum fact_id fact, const char *sender, const char *receiver,
                   const char *hostname)
{
    fact_set_text(&b->facts, FACT_sender_ip, sender, strlen(sender));
    fact_set_text(&b->facts, FACT_receiver_ip, receiver, strlen(receiver));
    fact_set_text(&b->facts, FACT_hostname, hostname, strlen(hostname));
    lists_apply(b->lists, NULL, &b->facts);
    return fact_int(&b->facts, fact);
}

static void test_receivers(void **state)
{
    static struct lists_bench b;
    (void)state;
    read_list(&b, LIST_allow_receivers,
              "# partners\n203.0.113.9   # one\r\n\n 198.51.100.0/24\n198.51.100.128/25\n198.51.0.0/16\n"
              "2001:db8::/32\nwww.Example.com\n.example.org\nftp-1.partner.example\n");
    assert_non_null(b.lists);
    assert_int_equal(lists_entries(b.lists), 8);
    static const struct {
        const char *receiver, *hostname;
        bool stands;
    } cases[] = {
        {"203.0.113.9", "", true},       {"203.0.113.10", "", false},     {"203.0.113.8", "", false},
        {"198.51.100.7", "", true},      {"198.51.99.1", "", true},       {"198.52.0.0", "", false},
        {"198.50.255.255", "", false},   {"2001:db8:1::5", "", true},     {"2001:db9::", "", false},
        {"", "www.example.com", true},   {"", "WWW.EXAMPLE.COM:8080", true}, {"", "www.example.com.", true},
        {"", "example.com", false},      {"", "a.www.example.com", false}, {"", "example.org", true},
        {"", "a.b.example.org", true},   {"", "badexample.org", false},   {"", "org", false},
        {"", "ftp-1.partner.example", true}, {"", ".", false},            {"", ":80", false},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool is = stands(&b, FACT_receiver_allowed, "", cases[i].receiver, cases[i].hostname);
        if (is != cases[i].stands)
            fail_msg("%s %s", cases[i].receiver, cases[i].hostname);
    }
    assert_false(fact_int(&b.facts, FACT_receiver_denied));
    char longest[1000];
    memset(longest, '.', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(stands(&b, FACT_receiver_allowed, "", "", longest));
    lists_free(b.lists);
}

static void test_senders(void **state)
{
    static struct lists_bench b;
    (void)state;
    read_list(&b, LIST_deny_senders, "10.0.0.0/8\n10.255.0.0/16\n10.1.2.3\n0.0.0.0/32\n");
    assert_true(stands(&b, FACT_sender_denied, "10.255.255.255", "", ""));
    assert_true(fact_int(&b.facts, FACT_sender_listed));
    assert_false(stands(&b, FACT_sender_listed, "11.0.0.0", "10.0.0.1", ""));
    assert_false(stands(&b, FACT_sender_denied, "9.255.255.255", "", ""));
    assert_true(stands(&b, FACT_sender_denied, "0.0.0.0", "", ""));
    lists_free(b.lists);
    read_list(&b, LIST_allow_senders, "0.0.0.0/0\n");
    assert_true(stands(&b, FACT_sender_allowed, "255.255.255.255", "", ""));
    assert_false(stands(&b, FACT_sender_allowed, "2001:db8::1", "", ""));
    lists_free(b.lists);
}

static void test_digests(void **state)
{
    static struct lists_bench b;
    uint8_t digest[32];
    (void)state;
    memset(digest, 0xab, sizeof(digest));
    read_list(&b, LIST_deny_digests,
              "0000000000000000000000000000000000000000000000000000000000000000\n"
              "ABababababababababababababababababababababababababababababababab  face.jpg\n");
    lists_apply(b.lists, digest, &b.facts);
    assert_true(fact_int(&b.facts, FACT_digest_denied) && fact_int(&b.facts, FACT_digest_listed));
    digest[31] = 0;
    lists_apply(b.lists, digest, &b.facts);
    assert_false(fact_int(&b.facts, FACT_digest_denied) || fact_int(&b.facts, FACT_digest_listed));
    lists_apply(b.lists, NULL, &b.facts);
    assert_false(fact_int(&b.facts, FACT_digest_denied));
    lists_free(b.lists);
}

static void test_slips_are_told_by_line(void **state)
{
    static struct lists_bench b;
    (void)state;
    read_list(&b, LIST_allow_receivers, "10.0.0.0/33\nfine.example\n10.0.0.256\nwww..example\n-\n10.0.0.0/x\n.\na b\n");
    assert_null(b.lists);
    assert_non_null(strstr(b.said.text, ":1: '10.0.0.0/33' is an address with a prefix length that cannot be"));
    assert_null(strstr(b.said.text, ":2:"));
    assert_non_null(strstr(b.said.text, ":3: '10.0.0.256' is neither an address"));
    assert_non_null(strstr(b.said.text, ":4: 'www..example' is"));
    assert_non_null(strstr(b.said.text, ":6: "));
    assert_non_null(strstr(b.said.text, ":7: "));
    assert_non_null(strstr(b.said.text, ":8: 'a b' is"));
    read_list(&b, LIST_deny_senders, "10.0.0.1\nwww.example.com\n");
    assert_null(b.lists);
    assert_non_null(strstr(b.said.text, ":2: 'www.example.com' is not an address"));
    read_list(&b, LIST_allow_digests, "abcd\n");
    assert_null(b.lists);
    assert_non_null(strstr(b.said.text, ":1: 'abcd' is not a SHA-256"));
    const char *paths[LIST_COUNT] = {[LIST_allow_receivers] = "/tmp/no/such/list"};
    b.said.len = 0;
    assert_null(lists_read(paths, bench_said, &b.said));
    assert_non_null(strstr(b.said.text, "/tmp/no/such/list: No such file"));
}

/* What the lists say reaches the rules; a list nobody configured leaves its fact alone. */
static void test_rules_see_the_lists(void **state)
{
    static struct lists_bench b;
    static struct bench_text out;
    struct bench bench;
    (void)state;
    read_list(&b, LIST_allow_receivers, "203.0.113.0/24\n");
    struct rule_set *set = bench_rules("rule leak { condition: not receiver_allowed }", true, NULL);
    rule_set_give_lists(set, b.lists);
    bench_open(&bench, set);
    fact_set_text(&bench.facts, FACT_receiver_ip, "203.0.113.4", 11);
    fact_set_int(&bench.facts, FACT_sender_denied, 1);
    match_lists(bench.matcher, NULL, &bench.facts);
    assert_true(fact_int(&bench.facts, FACT_sender_denied));
    bench_object(&bench, "abc", 3, 0, 0, &out);
    assert_string_equal(out.text, "");
    fact_set_text(&bench.facts, FACT_receiver_ip, "203.0.114.4", 11);
    match_lists(bench.matcher, NULL, &bench.facts);
    bench_object(&bench, "abc", 3, 0, 0, &out);
    assert_string_equal(out.text, "leak\n");
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receivers),       cmocka_unit_test(test_senders),
        cmocka_unit_test(test_digests),         cmocka_unit_test(test_slips_are_told_by_line),
        cmocka_unit_test(test_rules_see_the_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
