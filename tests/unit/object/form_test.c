/* Forms in the query's coding: the body stays an object as it was sent, and a field with escapes is one more, read as the
 * receiver reads it, however the body is cut. */
#include "record.h"

#define TYPE "application/x-www-form-urlencoded; charset=UTF-8"

static const struct seen *at_path(struct recorder *r, const char *path)
{
    for (unsigned i = 0; i < r->count; i++) {
        if (strcmp(r->seen[i].path, path) == 0)
            return &r->seen[i];
    }
    return NULL;
}

static void fields_are_read_as_receivers_do(void **state)
{
    static const char body[] = "a=plain&mrz=P%3CUTO%3CERIKSSON&note=two+words&empty=&bad=5%&odd=%4&x%20y=%ff%D8&last=%26%3d";
    (void)state;
    for (size_t piece = 0; piece < 12; piece++) {
        struct recorder *r = recorder_new(NULL, 0);
        send_body(r, TYPE, NULL, body, strlen(body), piece);
        assert_bytes(at_path(r, ""), body, strlen(body));
        assert_int_equal(at_path(r, "")->state, OBJECT_CLOSED);
        assert_bytes(at_path(r, "form:mrz"), "P<UTO<ERIKSSON", 14);
        assert_int_equal(at_path(r, "form:mrz")->state, OBJECT_CLOSED);
        assert_int_equal(at_path(r, "form:mrz")->depth, 1);
        assert_bytes(at_path(r, "form:note"), "two words", 9);
        assert_bytes(at_path(r, "form:bad"), "5%", 2);
        assert_bytes(at_path(r, "form:odd"), "%4", 2);
        assert_bytes(at_path(r, "form:x%20y"), "\xff\xd8", 2);
        assert_bytes(at_path(r, "form:last"), "&=", 2);
        assert_null(at_path(r, "form:a"));
        assert_int_equal(r->count, 7);
        recorder_free(r);
    }
}

/* A long value becomes an object at once: its escapes may come late. */
static void long_values_are_objects(void **state)
{
    static char body[3000];
    (void)state;
    memcpy(body, "img=", 4);
    memset(body + 4, 'A', sizeof(body) - 4);
    memcpy(body + 2000, "%2B", 3);
    struct recorder *r = recorder_new(NULL, 0);
    struct object *object = begin(r, TYPE, NULL);
    feed_all(r, object, body, sizeof(body), 700);
    object_gap(r->env, object, 10);
    feed(r, object, "B&c=%41", 7);
    object_end(r->env, object, OBJECT_CLOSED);
    const struct seen *field = at_path(r, "form:img");
    assert_non_null(field);
    assert_int_equal(field->len, sizeof(body) - 4 - 2 + 10 + 1);
    assert_int_equal(field->data[1996], '+');
    assert_int_equal(field->state, OBJECT_TRUNCATED);
    assert_bytes(at_path(r, "form:c"), "A", 1);
    recorder_free(r);
}

/* Fields without end, and a value cut by the end of the flow. */
static void hostile_forms_are_bounded(void **state)
{
    (void)state;
    struct recorder *r = recorder_new(NULL, 0);
    struct object *object = begin(r, TYPE, NULL);
    for (unsigned i = 0; i < 100000; i++)
        feed(r, object, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 60);
    feed(r, object, "=%2", 3);
    object_end(r->env, object, OBJECT_TRUNCATED);
    assert_int_equal(r->count, 2);
    assert_bytes(&r->seen[1], "%2", 2);
    assert_int_equal(r->seen[1].state, OBJECT_TRUNCATED);
    recorder_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read_as_receivers_do),
        cmocka_unit_test(long_values_are_objects),
        cmocka_unit_test(hostile_forms_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
