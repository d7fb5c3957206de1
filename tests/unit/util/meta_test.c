/* Were a meta fitted wrongly, an alert would name another host, or opaque flows would cost seven times what they need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "meta.h"

static void set(struct meta *meta, enum meta_id id, const char *text)
{
    meta_set(meta, id, text, strlen(text));
}

static void expect(const struct meta *meta, enum meta_id id, const char *text)
{
    struct text got = meta_get(meta, id);
    assert_int_equal(got.len, strlen(text));
    assert_memory_equal(got.data ? got.data : "", text, got.len);
}

static void fitted_says_the_same(void **state)
{
    (void)state;
    struct mem mem = {0};
    struct pool *pool = pool_new(&mem, MEM_FLOW, META_BYTES(META_TEXT_MAX));
    struct pool *snug = pool_new(&mem, MEM_FLOW, META_BYTES(24));
    struct meta *meta = meta_new(pool);
    set(meta, META_TLS_SNI, "a name that is set again");
    set(meta, META_TLS_SNI, "example.org");
    set(meta, META_TLS_VERSION, "TLS 1.3");
    meta = meta_fit(meta, snug, 24);
    assert_int_equal(pool_out(pool), 0);
    assert_int_equal(pool_out(snug), 1);
    expect(meta, META_TLS_SNI, "example.org");
    expect(meta, META_TLS_VERSION, "TLS 1.3");
    expect(meta, META_TLS_JA3, "");
    set(meta, META_TLS_JA3, "more than there is room for"); /* cut, not written past the end */
    expect(meta, META_TLS_JA3, "more t");
    expect(meta, META_TLS_SNI, "example.org");
    meta_drop(NULL, meta);
    assert_int_equal(pool_out(snug), 0);
    pool_free(pool);
    pool_free(snug);
}

static void what_does_not_fit_stays(void **state)
{
    (void)state;
    struct mem mem = {0};
    struct pool *pool = pool_new(&mem, MEM_FLOW, META_BYTES(META_TEXT_MAX));
    struct pool *snug = pool_new(&mem, MEM_FLOW, META_BYTES(10));
    struct meta *meta = meta_new(pool);
    set(meta, META_TLS_SNI, "example.org");
    assert_ptr_equal(meta_fit(meta, snug, 10), meta);
    meta_drop(NULL, meta);
    meta = meta_hold(meta_new(pool)); /* an object shows it too: it must not move */
    set(meta, META_TLS_SNI, "short");
    assert_ptr_equal(meta_fit(meta, snug, 10), meta);
    meta_drop(NULL, meta);
    meta_drop(NULL, meta);
    assert_null(meta_fit(NULL, snug, 10));
    assert_int_equal(pool_out(pool) + pool_out(snug), 0);
    pool_free(pool);
    pool_free(snug);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fitted_says_the_same), cmocka_unit_test(what_does_not_fit_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
