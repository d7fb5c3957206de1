/* Were the budget wrong, the sensor would pass its memory ceiling or shed what it could have kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fold.h"
#include "intern.h"
#include "mem.h"

static void test_pool_items_are_distinct_and_come_back(void **state)
{
    (void)state;
    struct mem mem = {0};
    struct pool *pool = pool_new(&mem, MEM_FLOW, 200);
    enum { N = 5000 };
    uint32_t **items = calloc(N, sizeof(*items));
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < N; i++) {
            items[i] = pool_get(pool);
            assert_non_null(items[i]);
            memset(items[i], 0xa5, 200);
            *items[i] = i;
        }
        for (uint32_t i = 0; i < N; i++)
            assert_int_equal(*items[i], i);
        assert_int_equal(pool_out(pool), N);
        assert_true(mem.total >= N * 200);
        for (uint32_t i = 0; i < N; i++)
            pool_put(pool, items[(i * 7919 + round) % N]); /* 7919 is prime to N: each once, in odd order */
        assert_int_equal(pool_out(pool), 0);
        assert_true(mem.total <= 64 * 1024);
    }
    pool_free(pool);
    assert_int_equal(mem.total, 0);
    free(items);
}

static void test_pool_refuses_past_the_ceiling_and_recovers(void **state)
{
    (void)state;
    struct mem mem = {.ceiling = 256 * 1024};
    struct pool *pool = pool_new(&mem, MEM_FLOW, 1024);
    void *held[1024];
    size_t n = 0;
    while (n < 1024 && (held[n] = pool_get(pool)))
        n++;
    assert_true(n >= 200 && n <= 256);
    assert_true(mem.total <= mem.ceiling);
    pool_put(pool, held[--n]);
    assert_non_null(held[n] = pool_get(pool));
    n++;
    while (n)
        pool_put(pool, held[--n]);
    pool_free(pool);
    assert_int_equal(mem.total, 0);
}

static void test_large_items(void **state)
{
    (void)state;
    struct mem mem = {0};
    struct pool *pool = pool_new(&mem, MEM_OBJECT, 200 * 1024);
    char *a = pool_get(pool), *b = pool_get_zeroed(pool);
    memset(a, 1, 200 * 1024);
    assert_int_equal(b[200 * 1024 - 1], 0);
    pool_put(pool, a);
    pool_put(pool, b);
    pool_free(pool);
    assert_int_equal(mem.total, 0);
}

static void test_buffer_grows_and_keeps_its_bytes(void **state)
{
    (void)state;
    struct mem mem = {0};
    struct buffer_heap *heap = buffer_heap_new(&mem, MEM_OBJECT);
    for (int round = 0; round < 3; round++) {
        struct buffer buffer = {0};
        uint8_t chunk[1460];
        for (unsigned i = 0; i < 3000; i++) {
            memset(chunk, (int)(i & 0xff), sizeof(chunk));
            assert_true(buffer_append(heap, &buffer, chunk, sizeof(chunk)));
        }
        assert_int_equal(buffer.len, 3000 * sizeof(chunk));
        for (unsigned i = 0; i < 3000; i++) {
            assert_int_equal(buffer.data[i * sizeof(chunk)], i & 0xff);
            assert_int_equal(buffer.data[(i + 1) * sizeof(chunk) - 1], i & 0xff);
        }
        assert_int_equal(mem.used[MEM_OBJECT], buffer.cap);
        buffer_release(heap, &buffer);
        assert_int_equal(mem.total, 0);
    }
    buffer_heap_free(heap);
}

static void test_buffer_refusal_leaves_it_whole(void **state)
{
    (void)state;
    struct mem mem = {.ceiling = 10000};
    struct buffer_heap *heap = buffer_heap_new(&mem, MEM_OBJECT);
    struct buffer buffer = {0};
    assert_true(buffer_append(heap, &buffer, "abc", 3));
    assert_false(buffer_reserve(heap, &buffer, 20000));
    assert_int_equal(buffer.len, 3);
    assert_memory_equal(buffer.data, "abc", 3);
    buffer_release(heap, &buffer);
    buffer_heap_free(heap);
}

/* What one owner leaves in its cache is memory all the same, and another owner's before anything is refused. */
static void test_cached_blocks_count_and_come_back(void **state)
{
    (void)state;
    struct mem mem = {.ceiling = 4u << 20};
    struct buffer_heap *heap = buffer_heap_new(&mem, MEM_REASSEMBLY), *other = buffer_heap_new(&mem, MEM_OBJECT);
    struct buffer first = {0}, second = {0};
    assert_true(buffer_reserve(heap, &first, 3u << 20)); /* the next power of two: all there is */
    assert_false(buffer_reserve(other, &second, 1024));
    buffer_release(heap, &first);
    assert_int_equal(mem.total, 0);
    assert_int_equal(mem.cached, 4u << 20);
    assert_true(buffer_reserve(other, &second, 1024));
    assert_int_equal(mem.cached, 0);
    buffer_release(other, &second);
    assert_true(mem_charge(&mem, MEM_FLOW, 4u << 20));
    assert_int_equal(mem.cached, 0);
    mem_release(&mem, MEM_FLOW, 4u << 20);
    buffer_heap_free(heap);
    buffer_heap_free(other);
    assert_int_equal(mem.cached, 0);
}

/* When flows and held segments have taken all they may, an object still finds room for its small pieces. */
static void test_the_reserve_is_for_objects_at_work(void **state)
{
    (void)state;
    struct mem mem = {.ceiling = 1u << 20, .reserve = 1u << 18};
    assert_true(mem_charge(&mem, MEM_FLOW, 3u << 18));
    assert_false(mem_charge(&mem, MEM_FLOW, 1));
    assert_false(mem_charge(&mem, MEM_REASSEMBLY, 1));
    assert_false(mem_charge(&mem, MEM_OBJECT, MEM_SMALL + 1));
    for (unsigned i = 0; i < 4; i++)
        assert_true(mem_charge(&mem, i & 1 ? MEM_SCAN : MEM_OBJECT, MEM_SMALL));
    assert_false(mem_charge(&mem, MEM_OBJECT, 1));
}

/* An empty slab that a pool keeps for itself would be memory that nobody may use. */
static void test_spare_slabs_come_back_before_anything_is_refused(void **state)
{
    (void)state;
    struct mem mem = {.ceiling = 64 * 1024};
    struct pool *first = pool_new(&mem, MEM_FLOW, 1000), *second = pool_new(&mem, MEM_OBJECT, 1000);
    void *item = pool_get(first);
    assert_non_null(item);
    assert_true(mem.total < mem.ceiling || !pool_get(second)); /* one slab is all there is, where there are slabs */
    pool_put(first, item);
    item = pool_get(second);
    assert_non_null(item);
    pool_put(second, item);
    pool_free(first);
    pool_free(second);
    assert_int_equal(mem.total, 0);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* A byte that changed while a connection rested would change what is found in it afterwards. */
static void test_folds_give_back_every_byte(void **state)
{
    (void)state;
    struct mem mem = {0};
    struct folds *folds = folds_new(&mem, MEM_FLOW);
    uint64_t seed = 7;
    for (unsigned round = 0; round < 20000; round++) {
        static uint8_t parts[4][1500], back[1500];
        size_t len[4], count = 1 + next_random(&seed) % 4;
        fold_begin(folds);
        for (size_t i = 0; i < count; i++) {
            unsigned zeros = (unsigned)(next_random(&seed) % 5), run = 0;
            len[i] = next_random(&seed) % (round % 8 ? 120 : sizeof(back) + 1);
            for (size_t at = 0; at < len[i]; at++, run--) { /* runs of zeros and of others, short and long */
                if (!run)
                    run = 1 + (unsigned)(next_random(&seed) % (round % 3 ? 6 : 400));
                parts[i][at] = run % 5 < zeros ? 0 : (uint8_t)next_random(&seed);
            }
            fold_add(folds, parts[i], len[i]);
        }
        void *fold = fold_end(folds);
        size_t all = 0;
        for (size_t i = 0; i < count; i++)
            all += len[i];
        assert_true(fold || all > SIZED_MAX / 2);
        if (!fold)
            continue;
        struct unfold from = unfold_begin(fold);
        for (size_t i = 0; i < count; i++) {
            memset(back, 0xa5, sizeof(back));
            unfold_take(&from, back, len[i]);
            assert_memory_equal(back, parts[i], len[i]);
        }
        fold_drop(folds, fold);
    }
    folds_free(folds);
    assert_int_equal(mem.total, 0);
}

static void test_folds_leave_zeros_out_and_know_their_bound(void **state)
{
    (void)state;
    struct mem mem = {0};
    struct folds *folds = folds_new(&mem, MEM_FLOW);
    static uint8_t bytes[80000], back[80000];
    fold_begin(folds);
    bytes[0] = 1;
    bytes[79998] = 2;
    fold_add(folds, bytes, sizeof(bytes));
    void *fold = fold_end(folds);
    assert_non_null(fold);
    assert_true(mem.total <= 64 * 1024); /* one slab of the smallest items */
    struct unfold from = unfold_begin(fold);
    unfold_take(&from, back, sizeof(back));
    assert_memory_equal(back, bytes, sizeof(bytes));
    fold_drop(folds, fold);
    memset(bytes, 3, sizeof(bytes));
    fold_begin(folds);
    fold_add(folds, bytes, sizeof(bytes));
    assert_null(fold_end(folds));
    folds_free(folds);
}

static void test_interned_strings_are_kept_once(void **state)
{
    (void)state;
    struct mem mem = {0};
    struct interns *interns = interns_new(&mem, MEM_FLOW);
    const void *one = interns_hold(interns, "one", 3), *again = interns_hold(interns, "one", 3);
    assert_ptr_equal(one, again);
    interns_drop(interns, one);
    assert_memory_equal(again, "one", 3);
    assert_int_equal(interns_length(again), 3);
    interns_drop(interns, again);
    enum { N = 300000 }; /* many more than there are buckets: each is found or kept once more, and goes again */
    const void **held = calloc(N, sizeof(*held));
    for (uint32_t i = 0; i < N; i++)
        held[i] = interns_hold(interns, &i, sizeof(i));
    for (uint32_t i = 0; i < N; i++)
        assert_memory_equal(held[i], &i, sizeof(i));
    for (uint32_t i = 0; i < N; i++)
        interns_drop(interns, held[(i * 7919ull + 13) % N]);
    assert_null(interns_hold(interns, held, INTERN_MAX + 1));
    free(held);
    interns_free(interns);
    assert_int_equal(mem.total, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_items_are_distinct_and_come_back),
        cmocka_unit_test(test_pool_refuses_past_the_ceiling_and_recovers),
        cmocka_unit_test(test_large_items),
        cmocka_unit_test(test_buffer_grows_and_keeps_its_bytes),
        cmocka_unit_test(test_buffer_refusal_leaves_it_whole),
        cmocka_unit_test(test_cached_blocks_count_and_come_back),
        cmocka_unit_test(test_the_reserve_is_for_objects_at_work),
        cmocka_unit_test(test_spare_slabs_come_back_before_anything_is_refused),
        cmocka_unit_test(test_folds_give_back_every_byte),
        cmocka_unit_test(test_folds_leave_zeros_out_and_know_their_bound),
        cmocka_unit_test(test_interned_strings_are_kept_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
