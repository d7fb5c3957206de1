/* The real records of ../shared/samples, where that folder is at hand: were one not recognised with its facts, what
 * the products of the field write would pass unseen. */
#include "feed.h"

struct expectation {
    const char *file;
    const char *type;      /* object_type */
    const char *standard;  /* biometric_standard, "" */
    const char *kind;
    unsigned records, width, height;
    const char *image;     /* biometric_image_type or image_coding's family; "" not asked */
};

static const struct expectation EXPECTATIONS[] = {
#include "samples_table.h"
};

static const struct recogniser *const ALL[] = {
#define RECOGNISER(name) &recogniser_##name,
#include "recogniser_list.def"
#undef RECOGNISER
};

static uint8_t *read_sample(const char *name, size_t *len)
{
    char path[512];
    const char *root = getenv("DLP_SAMPLES");
    snprintf(path, sizeof(path), "%s/%s", root ? root : "../shared/samples", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    uint8_t *data = malloc(4 << 20);
    *len = fread(data, 1, 4 << 20, f);
    fclose(f);
    return data;
}

static const struct recogniser *find(const char *type)
{
    for (size_t i = 0; i < sizeof(ALL) / sizeof(ALL[0]); i++) {
        if (strcmp(ALL[i]->name, type) == 0)
            return ALL[i];
    }
    return NULL;
}

static void check(const struct expectation *e, const uint8_t *data, size_t len)
{
    const struct recogniser *r = find(e->type);
    assert_non_null(r);
    struct outcome o = recognise(r, data, len);
    if (o.state != RECOGNISE_END && o.state != RECOGNISE_PROVED)
        print_error("%s: not recognised as %s\n", e->file, e->type);
    assert_true(o.state == RECOGNISE_END || o.state == RECOGNISE_PROVED);
    print_message("%s: end %llu of %zu, checks %s, image %s %s %lldx%lld\n", e->file, (unsigned long long)o.end, len,
                  fact_text(&o.facts, FACT_biometric_checks), fact_text(&o.facts, FACT_biometric_image_type),
                  fact_text(&o.facts, FACT_image_coding), (long long)fact_int(&o.facts, FACT_image_width),
                  (long long)fact_int(&o.facts, FACT_image_height));
    if (e->standard[0]) {
        assert_string_equal(fact_text(&o.facts, FACT_biometric_standard), e->standard);
        assert_string_equal(fact_text(&o.facts, FACT_biometric_kind), e->kind);
        assert_int_equal(fact_int(&o.facts, FACT_biometric_valid), 1);
        assert_int_equal(fact_int(&o.facts, FACT_biometric_records), e->records);
    }
    if (e->width) {
        assert_int_equal(fact_int(&o.facts, FACT_image_width), e->width);
        assert_int_equal(fact_int(&o.facts, FACT_image_height), e->height);
    }
    if (e->image[0])
        assert_string_equal(fact_text(&o.facts, FACT_biometric_image_type), e->image);
}

static void test_samples_are_what_they_are(void **state)
{
    unsigned seen = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(EXPECTATIONS) / sizeof(EXPECTATIONS[0]); i++) {
        size_t len;
        uint8_t *data = read_sample(EXPECTATIONS[i].file, &len);
        if (!data)
            continue;
        check(&EXPECTATIONS[i], data, len);
        free(data);
        seen++;
    }
    if (!seen)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples_are_what_they_are)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
