/* Were address sets wrong, outbound would be called inbound and never looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hash.h"
#include "ip.h"
#include "ring.h"

static bool has(const struct ip_set *set, const char *text)
{
    struct ip_addr addr;
    assert_true(ip_parse(text, &addr));
    return ip_set_has(set, &addr);
}

static void test_default_home(void **state)
{
    (void)state;
    struct ip_set *set = ip_set_new();
    char bad[64];
    assert_true(ip_set_add_list(set, IP_HOME_DEFAULT, bad, sizeof(bad)));
    assert_true(has(set, "10.255.0.1"));
    assert_true(has(set, "172.31.255.255"));
    assert_false(has(set, "172.32.0.0"));
    assert_true(has(set, "fd12::1"));
    assert_true(has(set, "fe80::1"));
    assert_false(has(set, "2001:db8::1"));
    assert_false(has(set, "8.8.8.8"));
    assert_false(has(set, "::ffff:8.8.8.8"));
    ip_set_free(set);
}

static void test_prefix_edges(void **state)
{
    (void)state;
    struct ip_set *set = ip_set_new();
    char bad[64];
    assert_true(ip_set_add_list(set, "192.0.2.130/25, 198.51.100.7,2001:db8::/33", bad, sizeof(bad)));
    assert_false(has(set, "192.0.2.127"));
    assert_true(has(set, "192.0.2.128"));
    assert_true(has(set, "198.51.100.7"));
    assert_false(has(set, "198.51.100.8"));
    assert_true(has(set, "2001:db8:7fff::1"));
    assert_false(has(set, "2001:db8:8000::1"));
    assert_false(ip_set_add_list(set, "10.0.0.0/8,10.0.0.0/33", bad, sizeof(bad)));
    assert_string_equal(bad, "10.0.0.0/33");
    assert_false(ip_set_add(set, "10.0.0/8"));
    assert_false(ip_set_add(set, "10.0.0.0/"));
    assert_false(ip_set_add(set, ""));
    ip_set_free(set);
    set = ip_set_new();
    assert_true(ip_set_add(set, "0.0.0.0/0"));
    assert_true(has(set, "203.0.113.1"));
    assert_false(has(set, "2001:db8::1"));
    ip_set_free(set);
}

static void test_siphash_depends_on_every_byte_and_the_key(void **state)
{
    (void)state;
    uint8_t data[40] = {0};
    uint64_t base = hash_bytes(&HASH_KEY_FIXED, data, sizeof(data));
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] ^= 1;
        assert_true(hash_bytes(&HASH_KEY_FIXED, data, sizeof(data)) != base);
        data[i] ^= 1;
    }
    struct hash_key other = HASH_KEY_FIXED;
    other.k1 ^= 1;
    assert_true(hash_bytes(&other, data, sizeof(data)) != base);
    assert_true(hash_bytes(&HASH_KEY_FIXED, data, 39) != base);
}

static void test_ring_order_and_limit(void **state)
{
    (void)state;
    struct ring *ring = ring_new(8);
    int items[8];
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 8; i++)
            assert_true(ring_push(ring, &items[i]));
        assert_false(ring_push(ring, &items[0]));
        assert_int_equal(ring_depth(ring), 8);
        for (int i = 0; i < 8; i++)
            assert_ptr_equal(ring_pop(ring), &items[i]);
        assert_null(ring_pop(ring));
    }
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_home),
        cmocka_unit_test(test_prefix_edges),
        cmocka_unit_test(test_siphash_depends_on_every_byte_and_the_key),
        cmocka_unit_test(test_ring_order_and_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
