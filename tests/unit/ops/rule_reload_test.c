/* A change of rules or lists is seen once it has settled, wherever it happens; and a reload keeps two generations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rule_reload.h"
#include "rule_watch.h"

struct bench {
    char folder[64], rules[96], list[96];
    char *paths[1], empty[1];
    struct config config;
    struct event_base *base;
    unsigned changes, installed, refused, generations;
    struct rule_set *current;
    bool workers_use_it;
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void put(const struct bench *b, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", b->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void open_bench(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    snprintf(b->folder, sizeof(b->folder), "/tmp/rule_reload_XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->rules, sizeof(b->rules), "%s/rules", b->folder);
    snprintf(b->list, sizeof(b->list), "%s/allow.txt", b->folder);
    mkdir(b->rules, 0755);
    b->paths[0] = b->rules;
#define LIST(name, kind, fact) b->config.list_##name = b->empty;
#include "list_list.def"
#undef LIST
    b->config.rule_paths = (struct string_list){b->paths, 1};
    b->config.list_allow_receivers = b->list;
    b->config.prefilter = true;
    b->base = event_base_new();
}

static void close_bench(struct bench *b)
{
    rule_set_drop(b->current);
    event_base_free(b->base);
    nftw(b->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The loop for `ms`, or until `*count` is `wanted`. */
static void serve(struct bench *b, unsigned ms, const unsigned *count, unsigned wanted)
{
    for (unsigned spent = 0; spent < ms && (!count || *count < wanted); spent += 10) {
        event_base_loop(b->base, EVLOOP_NONBLOCK);
        usleep(10000);
    }
    event_base_loop(b->base, EVLOOP_NONBLOCK);
}

static void on_change(void *user)
{
    ((struct bench *)user)->changes++;
}

static void test_changes_are_seen_once(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b);
    struct rule_watch *watch = rule_watch_new(b.base, &b.config, on_change, &b);
    assert_non_null(watch);
    put(&b, "rules/a.yar", "rule a { condition: true }");
    put(&b, "rules/b.yar", "rule b { condition: true }");
    serve(&b, 3000, &b.changes, 1);
    serve(&b, 700, NULL, 0);
    assert_int_equal(b.changes, 1); /* two files, one change */
    put(&b, "rules/.a.yar.swp", "editor");
    put(&b, "rules/notes.txt", "notes");
    put(&b, "other.txt", "beside the list");
    serve(&b, 800, NULL, 0);
    assert_int_equal(b.changes, 1);
    put(&b, "allow.txt", "10.0.0.1\n");
    serve(&b, 3000, &b.changes, 2);
    assert_int_equal(b.changes, 2);
    char below[256];
    snprintf(below, sizeof(below), "%s/new", b.rules);
    mkdir(below, 0755);
    serve(&b, 3000, &b.changes, 3); /* the directory itself */
    put(&b, "rules/new/c.yar", "rule c { condition: true }");
    serve(&b, 3000, &b.changes, 4);
    assert_int_equal(b.changes, 4);
    rule_watch_free(watch);
    close_bench(&b);
}

static void test_a_directory_that_was_replaced_is_found_again(void **state)
{
    struct bench b;
    char away[160];
    (void)state;
    open_bench(&b);
    put(&b, "rules/a.yar", "rule a { condition: true }");
    struct rule_watch *watch = rule_watch_new(b.base, &b.config, on_change, &b);
    snprintf(away, sizeof(away), "%s/away", b.folder);
    assert_int_equal(rename(b.rules, away), 0);
    serve(&b, 3000, &b.changes, 1); /* it went */
    assert_int_equal(rename(away, b.rules), 0);
    serve(&b, 5000, &b.changes, 2); /* it is back */
    assert_true(b.changes >= 2);
    unsigned before = b.changes;
    put(&b, "rules/a.yar", "rule a { condition: false }");
    serve(&b, 3000, &b.changes, before + 1);
    assert_int_equal(b.changes, before + 1);
    rule_watch_free(watch);
    close_bench(&b);
}

static struct rule_set *on_install(void *user, struct rule_set *rules)
{
    struct bench *b = user;
    struct rule_set *before = b->current;
    assert_true(b->workers_use_it || !b->installed);
    b->current = rules;
    b->installed++;
    b->workers_use_it = false;
    return before;
}

static bool is_settled(void *user)
{
    return ((struct bench *)user)->workers_use_it;
}

static void on_refused(void *user)
{
    ((struct bench *)user)->refused++;
}

static void test_the_next_reload_waits_for_the_workers(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b);
    put(&b, "rules/a.yar", "rule a { condition: true }");
    put(&b, "allow.txt", "10.0.0.1\n");
    const struct rule_reload_hooks hooks = {&b, on_install, is_settled, on_refused};
    struct rule_reload *reload = rule_reload_new(b.base, &b.config, &hooks);
    assert_non_null(reload);
    rule_reload_start(reload);
    serve(&b, 5000, &b.installed, 1);
    assert_int_equal(b.installed, 1);
    for (unsigned i = 0; i < 5; i++)
        rule_reload_start(reload); /* five wishes are one */
    serve(&b, 300, NULL, 0);
    assert_int_equal(b.installed, 1);
    b.workers_use_it = true;
    serve(&b, 5000, &b.installed, 2);
    assert_int_equal(b.installed, 2);
    b.workers_use_it = true;
    serve(&b, 300, NULL, 0);
    assert_int_equal(b.installed, 2);

    put(&b, "allow.txt", "10.0.0.0/64\n"); /* a bad list refuses the set, and the old one stays */
    const struct rule_set *current = b.current;
    rule_reload_start(reload);
    serve(&b, 5000, &b.refused, 1);
    assert_int_equal(b.refused, 1);
    assert_ptr_equal(b.current, current);
    put(&b, "allow.txt", "10.0.0.0/8\n");
    rule_reload_start(reload);
    serve(&b, 5000, &b.installed, 3);
    assert_int_equal(b.installed, 3);
    rule_reload_start(reload); /* freed while it compiles, or while it waits */
    rule_reload_free(reload);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_are_seen_once),
        cmocka_unit_test(test_a_directory_that_was_replaced_is_found_again),
        cmocka_unit_test(test_the_next_reload_waits_for_the_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
