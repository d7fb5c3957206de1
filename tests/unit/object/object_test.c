/* The life of an object: what rules, hashes and alerts rely on. */
#include <openssl/sha.h>

#include "record.h"

static void a_whole_object_has_the_digest_of_its_bytes(void **state)
{
    uint8_t data[5000], digest[32];
    (void)state;
    fill(data, sizeof(data), 1);
    SHA256(data, sizeof(data), digest);
    for (size_t piece = 0; piece < 1500; piece = piece * 3 + 1) {
        struct recorder *r = recorder_new(NULL, 0);
        send_body(r, "image/jpeg; q=1", NULL, data, sizeof(data), piece);
        const struct seen *seen = only(r);
        assert_bytes(seen, data, sizeof(data));
        assert_int_equal(seen->state, OBJECT_CLOSED);
        assert_true(seen->has_sha256);
        assert_memory_equal(seen->sha256, digest, 32);
        assert_string_equal(seen->type, "image/jpeg");
        assert_int_equal(r->counters.value[COUNT_OBJECT_BYTES], sizeof(data));
        recorder_free(r);
    }
}

/* An object is called whole only when it is. */
static void what_is_missing_makes_it_truncated(void **state)
{
    struct recorder *r = recorder_new(NULL, 0);
    const struct object_info info = {.expected_size = 10};
    (void)state;
    struct object *object = object_begin(r->env, &info);
    feed(r, object, "123456789", 9);
    object_end(r->env, object, OBJECT_CLOSED);
    object = object_begin(r->env, &info);
    feed(r, object, "1234567890", 10);
    object_end(r->env, object, OBJECT_TRUNCATED);
    object = object_begin(r->env, &info);
    feed(r, object, "1234", 4);
    object_gap(r->env, object, 2);
    feed(r, object, "7890", 4);
    object_end(r->env, object, OBJECT_CLOSED);
    object = object_begin(r->env, &info);
    feed(r, object, "1234567890", 10);
    object_end(r->env, object, OBJECT_CLOSED);
    assert_int_equal(r->count, 4);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(r->seen[i].state, OBJECT_TRUNCATED);
        assert_false(r->seen[i].has_sha256);
    }
    assert_bytes(&r->seen[2], "1234\0\0007890", 10);
    assert_true(r->seen[2].gaps);
    assert_int_equal(r->seen[3].state, OBJECT_CLOSED);
    assert_int_equal(r->counters.value[COUNT_OBJECT_CLOSED], 1);
    assert_int_equal(r->counters.value[COUNT_OBJECT_TRUNCATED], 3);
    recorder_free(r);
}

static void a_refused_object_is_harmless(void **state)
{
    struct recorder *r = recorder_new(NULL, 0);
    (void)state;
    object_data(r->env, NULL, (const uint8_t *)"x", 1);
    object_gap(r->env, NULL, 1);
    object_set_name(NULL, "x", 1);
    object_end(r->env, NULL, OBJECT_CLOSED);
    assert_int_equal(r->count, 0);
    recorder_free(r);
}

/* Large objects are scanned in windows to their end and still hashed. */
static void past_the_limit_a_window_slides(void **state)
{
    static uint8_t data[700000];
    const struct object_limits limits = {256 << 10, 8, 200};
    uint8_t digest[32];
    (void)state;
    fill(data, sizeof(data), 2);
    SHA256(data, sizeof(data), digest);
    for (size_t piece = 1; piece < sizeof(data) * 2; piece = piece * 7 + 400) {
        struct recorder *r = recorder_new(&limits, 0);
        struct object *object = begin(r, NULL, NULL);
        feed_all(r, object, data, sizeof(data), piece);
        assert_true(object->limited);
        assert_true(object->bytes.cap <= 256 << 10);
        assert_true(object->bytes.len >= 64 << 10);
        assert_memory_equal(object->bytes.data, data + object->bytes_at, object->bytes.len);
        object_end(r->env, object, OBJECT_CLOSED);
        assert_bytes(only(r), data, sizeof(data));
        assert_memory_equal(only(r)->sha256, digest, 32);
        assert_int_equal(r->counters.value[COUNT_OBJECT_LIMITED], 1);
        recorder_free(r);
    }
}

/* A ceiling that is reached costs the kept bytes, not the object. */
static void without_memory_it_is_still_digested_and_observed(void **state)
{
    static uint8_t data[400000];
    uint8_t digest[32];
    (void)state;
    fill(data, sizeof(data), 3);
    SHA256(data, sizeof(data), digest);
    for (size_t ceiling = 140000; ceiling < 900000; ceiling += 50000) {
        struct recorder *r = recorder_new(NULL, ceiling);
        struct object *object = begin(r, NULL, NULL);
        if (!object) {
            assert_int_equal(r->counters.value[COUNT_OBJECT_REFUSED], 1);
        } else {
            feed_all(r, object, data, sizeof(data), 1460);
            object_end(r->env, object, OBJECT_CLOSED);
            assert_memory_equal(only(r)->sha256, digest, 32);
        }
        assert_true(r->mem.peak <= ceiling);
        recorder_free(r);
    }
}

/* A header costs the sender nothing, so it must cost the sensor nothing. */
static void a_declared_length_is_not_believed(void **state)
{
    struct recorder *r = recorder_new(&(struct object_limits){(size_t)64 << 20, 8, 200}, 0);
    const struct object_info info = {.expected_size = (uint64_t)1 << 40};
    (void)state;
    struct object *object = object_begin(r->env, &info);
    feed(r, object, "x", 1);
    assert_true(object->bytes.cap <= 2 << 20);
    object_end(r->env, object, OBJECT_TRUNCATED);
    recorder_free(r);
}

static void a_huge_gap_costs_nothing(void **state)
{
    struct recorder *r = recorder_new(&(struct object_limits){(size_t)64 << 20, 8, 200}, 0);
    (void)state;
    struct object *object = begin(r, NULL, NULL);
    feed(r, object, "head", 4);
    for (unsigned i = 0; i < 1000; i++)
        object_gap(r->env, object, (uint64_t)1 << 32);
    feed(r, object, "tail", 4);
    assert_true(object->limited);
    assert_int_equal(object->bytes.len, 4);
    assert_memory_equal(object->bytes.data, "tail", 4);
    assert_true(object->size == 1000 * ((uint64_t)1 << 32) + 8);
    assert_true(r->mem.peak < 1 << 20);
    object_end(r->env, object, OBJECT_CLOSED);
    recorder_free(r);
}

/* Many small lies are one large one. */
static void zeros_for_gaps_are_bounded_by_the_bytes_that_came(void **state)
{
    struct recorder *r = recorder_new(&(struct object_limits){(size_t)64 << 20, 8, 200}, 0);
    (void)state;
    struct object *object = begin(r, NULL, NULL);
    for (unsigned i = 0; i < 1000; i++) {
        feed(r, object, "x", 1);
        object_gap(r->env, object, 60000);
    }
    assert_true(r->mem.peak < 2 << 20);
    object_end(r->env, object, OBJECT_CLOSED);
    recorder_free(r);
}

static void names_are_bounded_and_late_ones_count(void **state)
{
    struct recorder *r = recorder_new(NULL, 0);
    char name[400];
    (void)state;
    memset(name, 'n', sizeof(name));
    struct object *object = begin(r, "Image/JPEG ; x=y", NULL);
    object_set_name(object, name, sizeof(name));
    assert_int_equal(object->name_len, OBJECT_NAME_MAX);
    object_set_name(object, "late.jpg", 8);
    feed(r, object, "x", 1);
    object_end(r->env, object, OBJECT_CLOSED);
    assert_string_equal(only(r)->name, "late.jpg");
    assert_string_equal(only(r)->type, "image/jpeg");
    recorder_free(r);
}

/* Alert identities hang on it: two objects of one flow never share a number, and a replay gives the
 * same ones. */
static void every_object_has_its_own_number(void **state)
{
    uint64_t first[8], second[8];
    (void)state;
    for (unsigned run = 0; run < 2; run++) {
        struct flow flow = {.id = 77, .payload = {100, 50}};
        struct object_info info = {.flow = &flow, .expected_size = OBJECT_SIZE_UNKNOWN};
        struct recorder *r = recorder_new(NULL, 0);
        for (unsigned i = 0; i < 4; i++) {
            flow.payload[0] += i == 2 ? 1000 : 0;
            struct object *parent = object_begin(r->env, &info);
            struct object_info inner = info;
            inner.parent = parent;
            inner.path = "inner";
            object_end(r->env, object_begin(r->env, &inner), OBJECT_CLOSED);
            object_end(r->env, parent, OBJECT_CLOSED);
        }
        for (unsigned i = 0; i < 8; i++)
            (run ? second : first)[i] = r->seen[i].ordinal;
        recorder_free(r);
    }
    assert_memory_equal(first, second, sizeof(first));
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned k = 0; k < i; k++)
            assert_true(first[i] != first[k]);
    }
}

static void nesting_ends_at_its_limit(void **state)
{
    struct recorder *r = recorder_new(&(struct object_limits){1 << 20, 3, 200}, 0);
    struct object *chain[8] = {0};
    (void)state;
    struct object_info info = {.path = "step", .expected_size = OBJECT_SIZE_UNKNOWN};
    unsigned depth = 0;
    for (; depth < 8; depth++) {
        info.parent = depth ? chain[depth - 1] : NULL;
        chain[depth] = object_begin(r->env, &info);
        if (!chain[depth])
            break;
        assert_int_equal(chain[depth]->depth, depth);
        assert_int_equal(chain[depth]->path_count, depth + 1);
    }
    assert_int_equal(depth, 5); /* what is found at the deepest level still is an object */
    while (depth-- > 0)
        object_end(r->env, chain[depth], OBJECT_CLOSED);
    recorder_free(r);
}

static void the_sink_is_the_same_thing(void **state)
{
    struct recorder *r = recorder_new(NULL, 0);
    const struct object_sink sink = object_env_sink(r->env);
    const struct object_info info = {.expected_size = OBJECT_SIZE_UNKNOWN};
    (void)state;
    struct object *object = sink.begin(sink.user, &info);
    sink.data(sink.user, object, (const uint8_t *)"ab", 2);
    sink.gap(sink.user, object, 1);
    sink.data(sink.user, object, (const uint8_t *)"c", 1);
    sink.set_name(sink.user, object, "n", 1);
    sink.end(sink.user, object, OBJECT_CLOSED);
    assert_bytes(only(r), "ab\0c", 4);
    assert_string_equal(only(r)->name, "n");
    recorder_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_object_has_the_digest_of_its_bytes),
        cmocka_unit_test(what_is_missing_makes_it_truncated),
        cmocka_unit_test(a_refused_object_is_harmless),
        cmocka_unit_test(past_the_limit_a_window_slides),
        cmocka_unit_test(without_memory_it_is_still_digested_and_observed),
        cmocka_unit_test(a_declared_length_is_not_believed),
        cmocka_unit_test(a_huge_gap_costs_nothing),
        cmocka_unit_test(zeros_for_gaps_are_bounded_by_the_bytes_that_came),
        cmocka_unit_test(names_are_bounded_and_late_ones_count),
        cmocka_unit_test(every_object_has_its_own_number),
        cmocka_unit_test(nesting_ends_at_its_limit),
        cmocka_unit_test(the_sink_is_the_same_thing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
