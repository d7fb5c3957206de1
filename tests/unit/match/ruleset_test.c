/* What a person who edits rules is told, and what the sensor makes of the files. */
#include <ftw.h>
#include <sys/stat.h>

#include "bench.h"

static struct rule_set *compile_paths(struct bench_text *said, size_t count, const char *const *paths)
{
    said->len = 0;
    said->text[0] = '\0';
    return rule_set_compile(paths, count, true, bench_said, said);
}

static void make_directory(char *directory)
{
    assert_non_null(mkdtemp(directory));
}

static const char *in(const char *directory, const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_directory(const char *directory)
{
    nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_errors_name_file_and_line_and_the_nearest_fact(void **state)
{
    static struct bench_text said;
    (void)state;
    said.len = 0;
    assert_null(bench_rules("rule a {\n condition:\n  image_widht > 3\n}\n", true, &said));
    assert_non_null(strstr(said.text, ":3: undefined identifier \"image_widht\"; did you mean \"image_width\"?"));
    said.len = 0;
    assert_null(bench_rules("rule a { condition: true }\nrule b {\n strings: $x = {41 4}\n condition: $x }\n", true, &said));
    assert_non_null(strstr(said.text, ":3: "));
    said.len = 0;
    assert_null(bench_rules("rule a { condition: tree_of_life }\n", true, &said));
    assert_null(strstr(said.text, "did you mean"));
}

static void test_all_errors_of_all_files_are_told(void **state)
{
    static struct bench_text said;
    char directory[] = "/tmp/match_rules_XXXXXX";
    (void)state;
    make_directory(directory);
    bench_file(in(directory, "a.yar"), "rule a { condition: wrong }\n");
    bench_file(in(directory, "b.yar"), "rule b { condition: true }\n");
    bench_file(in(directory, "c.yara"), "\n\nrule c { condition: }\n");
    bench_file(in(directory, "notes.txt"), "not a rule\n");
    const char *paths[] = {directory, "/tmp/no/such/rules"};
    assert_null(compile_paths(&said, 2, paths));
    assert_non_null(strstr(said.text, "/a.yar:1: undefined identifier"));
    assert_non_null(strstr(said.text, "/c.yara:3: syntax error"));
    assert_non_null(strstr(said.text, "E /tmp/no/such/rules: No such file or directory"));
    assert_null(strstr(said.text, "b.yar"));
    assert_null(strstr(said.text, "notes"));
    remove_directory(directory);
}

static void test_order_lines_and_metadata(void **state)
{
    static struct bench_text said;
    char directory[] = "/tmp/match_rules_XXXXXX";
    (void)state;
    make_directory(directory);
    bench_file(in(directory, "b.yar"), "// rule decoy { }\n/* rule decoy2\n*/ private rule hidden { condition: true }\n"
                                       "rule late : tag1 tag2 {\n meta: severity = \"Low\" category = \"x\" description = \"d\""
                                       " reference = \"r\" confidence = \"high\" evidence = \"no\"\n"
                                       " strings: $a = \"rule decoy3 \\\" {\" $b = /rule decoy4 \\/ x/\n"
                                       " condition: hidden and any of them }\n");
    bench_file(in(directory, "a.yar"), "rule early\n{ condition: true }\nrule two { meta: severity = 1 condition: true }");
    mkdir(in(directory, "sub"), 0755);
    bench_file(in(directory, "sub/z.yar"), "rule deep { meta: severity = \"loud\" condition: true }");
    mkdir(in(directory, "tests"), 0755);
    bench_file(in(directory, "tests/t.yar"), "this is no rule");
    const char *paths[] = {directory};
    struct rule_set *set = compile_paths(&said, 1, paths);
    assert_non_null(set);
    assert_int_equal(rule_set_count(set), 4);
    static const struct {
        const char *name, *file, *category, *reference;
        unsigned line, severity;
    } want[] = {{"early", "a.yar", "uncategorised", NULL, 1, 3},
                {"two", "a.yar", "uncategorised", NULL, 3, 1},
                {"late", "b.yar", "x", "r", 4, 4},
                {"deep", "z.yar", "uncategorised", NULL, 1, 3}};
    for (uint32_t i = 0; i < 4; i++) {
        const struct rule *rule = rule_set_at(set, i);
        assert_string_equal(rule->name, want[i].name);
        assert_string_equal(rule->file, want[i].file);
        assert_string_equal(rule->category, want[i].category);
        assert_int_equal(rule->line, want[i].line);
        assert_int_equal(rule->severity, want[i].severity);
        assert_int_equal(rule->index, i);
        assert_true(want[i].reference ? rule->reference && !strcmp(rule->reference, want[i].reference)
                                      : !rule->reference);
    }
    assert_int_equal(strlen(rule_set_digest(set)), 64);
    rule_set_drop(set);
    remove_directory(directory);
}

static void test_includes_are_relative_and_read_once(void **state)
{
    static struct bench_text said;
    char directory[] = "/tmp/match_rules_XXXXXX";
    (void)state;
    make_directory(directory);
    mkdir(in(directory, "lib"), 0755);
    bench_file(in(directory, "lib/common.yar"), "include \"deeper.yar\"\n\nprivate rule common { condition: deeper }");
    bench_file(in(directory, "lib/deeper.yar"), "rule deeper { condition: true }");
    bench_file(in(directory, "main.yar"), "include \"lib/common.yar\"\nrule uses { condition: common }");
    const char *paths[] = {directory};
    struct rule_set *set = compile_paths(&said, 1, paths);
    assert_non_null(set);
    assert_int_equal(rule_set_count(set), 2);
    assert_string_equal(rule_set_at(set, 0)->name, "deeper");
    assert_string_equal(rule_set_at(set, 0)->file, "deeper.yar");
    assert_string_equal(rule_set_at(set, 1)->file, "main.yar");
    assert_int_equal(rule_set_at(set, 1)->line, 2);
    char digest[65];
    snprintf(digest, sizeof(digest), "%s", rule_set_digest(set));
    rule_set_drop(set);

    bench_file(in(directory, "lib/deeper.yar"), "rule deeper { condition: false }");
    set = compile_paths(&said, 1, paths);
    assert_string_not_equal(digest, rule_set_digest(set)); /* an included file counts */
    rule_set_drop(set);

    bench_file(in(directory, "lib/deeper.yar"), "\n\nrule deeper { condition: image_widht == 1 }");
    assert_null(compile_paths(&said, 1, paths));
    assert_non_null(strstr(said.text, "lib/deeper.yar:3: undefined identifier"));
    bench_file(in(directory, "main.yar"), "include \"nothing.yar\"\n");
    assert_null(compile_paths(&said, 1, paths));
    assert_non_null(strstr(said.text, "/nothing.yar: No such file"));
    remove_directory(directory);
}

static void test_files_do_not_clash(void **state)
{
    static struct bench_text said;
    char directory[] = "/tmp/match_rules_XXXXXX";
    (void)state;
    make_directory(directory);
    bench_file(in(directory, "a.yar"), "rule same { condition: true }");
    bench_file(in(directory, "b.yar"), "\nrule same { condition: false }\nglobal rule g { condition: filesize > 10 }");
    const char *paths[] = {directory, in(directory, "a.yar")};
    struct rule_set *set = compile_paths(&said, 2, paths);
    assert_non_null(set);
    assert_int_equal(rule_set_count(set), 3); /* a.yar is listed twice and read once */
    assert_non_null(strstr(said.text, "b.yar:2: warning: a rule \"same\" stands in"));
    rule_set_drop(set);
    remove_directory(directory);
}

static void test_lints(void **state)
{
    static struct bench_text said;
    (void)state;
    struct rule_set *set = bench_rules("rule a {\n meta: serverity = \"high\" author = \"me\"\n"
                                       " strings: $a = /x*y*/\n condition: $a and ssn_count > 3 and ssn_count < 9 }\n"
                                       "rule b { meta: severity = \"loud\" category = \"c\" description = \"d\""
                                       " confidence = \"sure\" condition: true }",
                                       true, NULL);
    assert_non_null(set);
    said.len = 0;
    rule_set_lint(set, bench_said, &said);
    assert_non_null(strstr(said.text, ":1: warning: rule \"a\": nobody reads metadata \"serverity\"; did you mean \"severity\"?"));
    assert_non_null(strstr(said.text, ":1: warning: rule \"a\" has no metadata \"category\""));
    assert_null(strstr(said.text, "author"));
    assert_non_null(strstr(said.text, "rule \"b\": severity is critical, high, medium or low"));
    assert_non_null(strstr(said.text, "rule \"b\": confidence is"));
    assert_non_null(strstr(said.text, "rule \"a\" makes the prefilter useless"));
    rule_set_drop(set);
}

/* One condition, and what is said of it; NULL: nothing. */
static void test_conditions_that_cannot_hold(void **state)
{
    static const struct {
        const char *condition, *said;
    } cases[] = {
        {"image_width > 10 and image_width < 5", "image_width < 5: image_width is at least 11"},
        {"image_width > 10 or image_width < 5", NULL},
        {"10 < image_width and\n 5 > image_width", ":2: warning: rule \"r\": this can never hold: 5 > image_width"},
        {"image_width == 4 and not (image_valid or image_width > 3)", "not image_width > 3: image_width is 4"},
        {"image_width != 4 and image_width == 4", NULL}, /* not looked into */
        {"image_valid and not image_valid", "not image_valid: it must hold as well"},
        {"not image_valid and (image_valid or exif_present)", "image_valid: it must not hold as well"},
        {"object_type == \"jpg\"", "object_type is never \"jpg\"; did you mean \"jpeg\"?"},
        {"object_type == \"flow\" or object_type == \"icao-dg2\" or object_type == \"jpeg\"", NULL},
        {"object_type == \"fmr\" or object_type == \"data\" or object_type == \"avif\"", NULL},
        {"object_type == \"\" or object_type == \"xml\"", NULL}, /* not yet known: the head has not arrived */
        {"object_type != \"jpg\" and not object_type == \"hologram\"", NULL},
        {"not (object_type != \"hologram\")", "object_type is never \"hologram\""},
        {"direction == \"outbound\" and direction == \"inbound\"", "direction is \"outbound\" as well"},
        {"filesize > 2KB and filesize < 1KB", "filesize is at least 2049"},
        {"#a > 3 and #a == 2", "#a is at least 4"},
        {"#a > 3 and #b == 2", NULL},
        {"receiver_port == 70000", "receiver_port is at most 65535"},
        {"object_size < 0", "object_size is at least 0"},
        {"1 > 2 or image_valid", "both sides are constants"},
        {"2 > 1 and image_valid", NULL},
        {"filesize == 1 and false", "false never holds"},
        {"for any i in (1..3) : ( i == 2 and i == 3 )", NULL}, /* a loop is libyara's business */
        {"(filesize + 1) * 2 > 3 and (filesize - 1) * 2 < 3 and (#a + #b > 3)", NULL},
        {"entropy > 7.5 and entropy < 3.2", NULL},
        {"uint16(0) == 1 and uint16(0) == 2", NULL},
    };
    static struct bench_text said;
    static char text[1000];
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text),
                 "rule r { meta: severity = \"low\" category = \"c\" description = \"d\" strings: $a = \"xyzzy\""
                 " $b = \"plugh\" condition: %s and (true or any of them) }",
                 cases[i].condition);
        if (strstr(cases[i].condition, " or "))
            snprintf(strstr(text, "condition:"), 700, "condition: (%s) and (true or any of them) }", cases[i].condition);
        struct rule_set *set = bench_rules(text, true, NULL);
        assert_non_null(set);
        said.len = 0;
        said.text[0] = '\0';
        rule_set_lint(set, bench_said, &said);
        if (cases[i].said ? !strstr(said.text, cases[i].said) : said.len)
            fail_msg("%s: %s", cases[i].condition, said.text);
        rule_set_drop(set);
    }
}

/* What slows a scan down is told when the rules compile, and which rule the prefilter cannot help. */
static void test_slow_strings_are_told(void **state)
{
    static struct bench_text said;
    (void)state;
    said.len = 0;
    struct rule_set *set = bench_rules("rule r {\n strings:\n $a = { 00 00 00 00 }\n condition: $a }\n"
                                       "rule s {\n strings:\n $b = /(a|b)*c*/\n condition: $b }",
                                       true, &said);
    assert_non_null(set);
    assert_non_null(strstr(said.text, ":3: warning: string \"$a\" may slow down scanning"));
    said.len = 0;
    rule_set_lint(set, bench_said, &said);
    assert_non_null(strstr(said.text, ":5: warning: rule \"s\" makes the prefilter useless"));
    assert_non_null(strstr(said.text, "$b can match with no byte of its own"));
    rule_set_drop(set);
    set = bench_rules("rule t {\n condition:\n entrypoint == 4 }", true, NULL);
    said.len = 0;
    rule_set_lint(set, bench_said, &said);
    assert_non_null(strstr(said.text, ":3: warning: \"entrypoint\" makes the prefilter useless"));
    rule_set_drop(set);
}

static void test_odd_files(void **state)
{
    static struct bench_text said;
    char directory[] = "/tmp/match_rules_XXXXXX";
    (void)state;
    make_directory(directory);
    bench_file(in(directory, "empty.yar"), "");
    const char *paths[] = {directory};
    struct rule_set *set = compile_paths(&said, 1, paths);
    assert_non_null(set);
    assert_int_equal(rule_set_count(set), 0);
    struct bench b;
    bench_open(&b, set);
    static struct bench_text out;
    assert_true(bench_object(&b, "abc", 3, 0, 0, &out));
    assert_string_equal(out.text, "");
    bench_close(&b);
    bench_file(in(directory, "loop.yar"), "include \"loop.yar\"\nrule x { condition: true }");
    assert_null(compile_paths(&said, 1, paths));
    FILE *file = fopen(in(directory, "loop.yar"), "w");
    fwrite("rule x\0{ condition: true }", 1, 26, file);
    fclose(file);
    assert_null(compile_paths(&said, 1, paths));
    assert_non_null(strstr(said.text, "NUL byte"));
    remove_directory(directory);
}

static void with_severity(void *user, const struct match *match)
{
    bench_put(user, "%s %u\n", match->rule->name, match->rule->severity);
}

/* Names and severities of what holds for a flow. */
static const char *held(struct bench *b, struct bench_text *out)
{
    out->len = 0;
    out->text[0] = '\0';
    assert_true(match_evaluate(b->matcher, NULL, NULL, &b->facts, with_severity, out));
    return out->text;
}

/* The user's directory is loaded after the shipped one; nothing there needs an edit of the shipped file. */
static void test_overrides(void **state)
{
    static struct bench_text said, out;
    char directory[] = "/tmp/match_rules_XXXXXX";
    (void)state;
    make_directory(directory);
    mkdir(in(directory, "shipped"), 0755);
    mkdir(in(directory, "ours"), 0755);
    bench_file(in(directory, "shipped/z.yar"),
               "rule photo { meta: severity = \"high\" category = \"image\" description = \"d\" condition: true }\n"
               "rule plate { meta: severity = \"high\" condition: true }\n"
               "rule record { condition: true }\n"
               "rule off { meta: enabled = false condition: true }\n");
    bench_file(in(directory, "ours/a.yar"),
               "rule quiet_photo { meta: overrides = \"photo, record\" severity = \"low\" condition: /* all */ true }\n"
               "private rule no_plate { meta: overrides = \"plate\" enabled = false condition: receiver_port == 80 }\n"
               "rule loud_photo { meta: overrides = \"photo\" severity = \"critical\" condition: receiver_port == 443 }\n"
               "rule on { meta: overrides = \"off\" enabled = true condition: receiver_port == 25 }\n"
               "rule nothing { meta: overrides = \"photo\" enabled = false condition: receiver_port == 8443 }\n"
               "rule calm { meta: overrides = \"photo\" category = \"calm\" condition: receiver_port == 8443 }\n");
    const char *paths[] = {in(directory, "shipped"), in(directory, "ours")};
    struct rule_set *set = compile_paths(&said, 2, paths);
    assert_non_null(set);
    assert_string_equal(said.text, "");
    assert_int_equal(rule_set_count(set), 4); /* overrides are no rules of their own */
    const struct rule_override *list;
    assert_int_equal(rule_set_overrides(set, 0, &list), 4);
    assert_string_equal(list[0].name, "quiet_photo");
    assert_string_equal(list[0].file, "a.yar");
    assert_true(list[0].always);
    assert_int_equal(list[0].rule->severity, 4);
    assert_string_equal(list[0].rule->category, "image"); /* what an override does not say stays */
    assert_string_equal(list[0].rule->name, "photo");
    assert_false(list[1].always);
    assert_int_equal(rule_set_overrides(set, 1, &list), 1);
    assert_true(list[0].silences && !list[0].rule);
    assert_int_equal(list[0].line, 2);
    assert_int_equal(rule_set_overrides(set, 3, &list), 2);
    assert_true(list[0].always && list[0].silences);
    struct bench b;
    bench_open(&b, set);
    assert_string_equal(held(&b, &out), "photo 4\nplate 2\nrecord 4\n");
    fact_set_int(&b.facts, FACT_receiver_port, 80);
    assert_string_equal(held(&b, &out), "photo 4\nrecord 4\n");
    fact_set_int(&b.facts, FACT_receiver_port, 443);
    assert_string_equal(held(&b, &out), "photo 1\nplate 2\nrecord 4\n");
    fact_set_int(&b.facts, FACT_receiver_port, 25); /* a rule shipped as off can be turned on */
    assert_string_equal(held(&b, &out), "photo 4\nplate 2\nrecord 4\noff 3\n");
    fact_set_int(&b.facts, FACT_receiver_port, 8443); /* a later change of something else does not undo a silence */
    assert_string_equal(held(&b, &out), "plate 2\nrecord 4\n");
    bench_close(&b);
    remove_directory(directory);
}

static void test_an_override_of_nothing_is_told(void **state)
{
    static struct bench_text said;
    (void)state;
    said.len = 0;
    struct rule_set *set = bench_rules("rule outbound_photo { condition: true }\n"
                                       "rule a { meta: overrides = \"outbound_phto\" enabled = false condition: true }\n"
                                       "rule b { meta: overrides = \"outbound_photo\" condition: true }\n"
                                       "rule c { meta: overrides = true severity = \"loud\" condition: true }\n",
                                       true, &said);
    assert_non_null(set);
    assert_non_null(strstr(said.text, ":2: warning: rule \"a\" overrides no rule: there is none named "
                                      "\"outbound_phto\"; did you mean \"outbound_photo\"?"));
    assert_non_null(strstr(said.text, ":3: warning: rule \"b\" overrides without a change"));
    assert_non_null(strstr(said.text, ":4: warning: rule \"c\" has an \"overrides\" that is no rule's name"));
    said.len = 0;
    rule_set_lint(set, bench_said, &said);
    assert_non_null(strstr(said.text, "rule \"c\": severity is critical, high, medium or low"));
    assert_null(strstr(said.text, "rule \"a\" has no metadata"));
    rule_set_drop(set);
}

/* A transfer that was alerted on keeps the rule's words, not the compiled rules. */
static void test_a_held_rule_outlives_its_set(void **state)
{
    (void)state;
    struct rule_set *set = bench_rules("rule a { meta: category = \"kept\" condition: true }", true, NULL);
    const struct rule *rule = rule_set_at(set, 0);
    rule_hold(rule);
    rule_set_drop(set);
    assert_string_equal(rule->name, "a");
    assert_string_equal(rule->category, "kept");
    rule_drop(rule);
}

/* libyara's lexer forgets its stack of buffers when an included file is refused. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libyara.so";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_name_file_and_line_and_the_nearest_fact),
        cmocka_unit_test(test_all_errors_of_all_files_are_told),
        cmocka_unit_test(test_order_lines_and_metadata),
        cmocka_unit_test(test_includes_are_relative_and_read_once),
        cmocka_unit_test(test_files_do_not_clash),
        cmocka_unit_test(test_lints),
        cmocka_unit_test(test_conditions_that_cannot_hold),
        cmocka_unit_test(test_slow_strings_are_told),
        cmocka_unit_test(test_odd_files),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_an_override_of_nothing_is_told),
        cmocka_unit_test(test_a_held_rule_outlives_its_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
