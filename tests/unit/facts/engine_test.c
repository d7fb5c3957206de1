/* The engine and the carver as the worker drives them: were an item missed, cut short or found twice, a picture in
 * a raw stream would leave unseen, or alerts would speak of things that are not there. */
#include <openssl/sha.h>
#include <time.h>

#include "make.h"
#include "object.h"

#define SEEN_MAX 64

struct seen { /* an ended object */
    char path[64];
    char type[32];
    uint64_t size;
    enum object_state state;
    uint8_t sha256[32];
    unsigned depth;
    struct fact_set facts;
};

struct bench {
    struct mem mem;
    struct counters counters;
    struct object_env *objects;
    struct facts_engine *facts;
    unsigned count;
    struct seen seen[SEEN_MAX];
};

static void on_begin(void *user, struct object *object)
{
    struct bench *b = user;
    object->observer_state = facts_begin(b->facts, object);
}

static void on_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    struct bench *b = user;
    facts_data(b->facts, object->observer_state, object, data, len);
}

static void on_gap(void *user, struct object *object, uint64_t len)
{
    struct bench *b = user;
    facts_gap(b->facts, object->observer_state, object, len);
}

static void on_end(void *user, struct object *object)
{
    struct bench *b = user;
    struct object_facts *of = object->observer_state;
    facts_end(b->facts, of, object);
    facts_transfer(facts_of(of), object);
    if (b->count < SEEN_MAX) {
        struct seen *s = &b->seen[b->count++];
        snprintf(s->path, sizeof(s->path), "%s", object->path_count ? object->path[object->path_count - 1] : "");
        snprintf(s->type, sizeof(s->type), "%s", fact_text(facts_of(of), FACT_object_type));
        s->size = object->size;
        s->state = object->state;
        s->depth = object->depth;
        memcpy(s->sha256, object->sha256, 32);
        s->facts = *facts_of(of);
    }
    facts_drop(b->facts, of);
}

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct object_limits limits = {1 << 20, 8, 200};
    struct object_observer observer = {b, on_begin, on_data, on_gap, on_end};
    b->objects = object_env_new(&b->mem, &b->counters, &limits, &observer);
    b->facts = facts_engine_new(&b->mem, &b->counters, b->objects, NULL);
    return b;
}

static void bench_free(struct bench *b)
{
    facts_engine_free(b->facts);
    object_env_free(b->objects);
    assert_int_equal(b->mem.total, 0);
    free(b);
}

static void send_as(struct bench *b, const uint8_t *data, size_t len, size_t piece, const char *declared)
{
    struct object_info info = {.expected_size = OBJECT_SIZE_UNKNOWN,
                               .declared_type = {declared, strlen(declared)}};
    struct object *object = object_begin(b->objects, &info);
    b->count = 0;
    for (size_t at = 0; at < len;) {
        size_t n = piece && piece < len - at ? piece : len - at;
        object_data(b->objects, object, data + at, n);
        at += n;
    }
    object_end(b->objects, object, OBJECT_CLOSED);
}

static const struct seen *find_seen(const struct bench *b, const char *path)
{
    for (unsigned i = 0; i < b->count; i++) {
        if (strcmp(b->seen[i].path, path) == 0)
            return &b->seen[i];
    }
    return NULL;
}

static const size_t PIECES[] = {0, 1, 7, 64, 1460};

static void test_a_jpeg_is_the_object_and_has_no_child(void **state)
{
    struct bench *b = bench_new();
    struct record r = {0};
    (void)state;
    put_jpeg(&r, &(struct jpeg_recipe){.width = 640, .height = 480});
    for (unsigned i = 0; i < 5; i++) {
        send_as(b, r.data, r.len, PIECES[i], "image/jpeg");
        assert_int_equal(b->count, 1);
        assert_string_equal(b->seen[0].type, "jpeg");
        assert_int_equal(fact_int(&b->seen[0].facts, FACT_image_width), 640);
        assert_int_equal(fact_int(&b->seen[0].facts, FACT_image_height), 480);
        assert_int_equal(fact_int(&b->seen[0].facts, FACT_image_complete), 1);
        assert_int_equal(fact_int(&b->seen[0].facts, FACT_type_mismatch), 0);
    }
    send_as(b, r.data, r.len, 0, "application/pdf");
    assert_int_equal(fact_int(&b->seen[0].facts, FACT_type_mismatch), 1);
    send_as(b, r.data, r.len, 0, "application/octet-stream");
    assert_int_equal(fact_int(&b->seen[0].facts, FACT_type_mismatch), 0);
    bench_free(b);
}

/* Bytes, picture, bytes, record, bytes: both come out whole and once, whatever the pieces. */
static void test_items_inside_other_bytes_come_out_whole(void **state)
{
    struct bench *b = bench_new();
    struct record r = {0};
    uint8_t digest[32];
    char path[64], record_path[64];
    (void)state;
    put_text(&r, "upload follows\n");
    put_random(&r, 5000, 3);
    size_t begin = r.len;
    put_jpeg(&r, &(struct jpeg_recipe){.width = 320, .height = 200, .frame = 0xc2});
    size_t end = r.len;
    put_random(&r, 900, 4);
    size_t record = r.len;
    put_fmr_iso2005(&r, 2, 30);
    size_t record_end = r.len;
    put_random(&r, 10, 5);
    SHA256(r.data + begin, end - begin, digest);
    snprintf(path, sizeof(path), "carve:jpeg@%zu", begin);
    snprintf(record_path, sizeof(record_path), "carve:fmr@%zu", record);
    for (unsigned i = 0; i < 5; i++) {
        send_as(b, r.data, r.len, PIECES[i], "");
        assert_int_equal(b->count, 3);
        const struct seen *s = find_seen(b, path), *f = find_seen(b, record_path);
        assert_non_null(s);
        assert_non_null(f);
        assert_string_equal(s->type, "jpeg");
        assert_int_equal(s->size, end - begin);
        assert_int_equal(s->state, OBJECT_CLOSED);
        assert_int_equal(s->depth, 1);
        assert_memory_equal(s->sha256, digest, 32);
        assert_int_equal(fact_int(&s->facts, FACT_image_progressive), 1);
        assert_string_equal(fact_text(&s->facts, FACT_container), "carve");
        assert_string_equal(f->type, "fmr");
        assert_int_equal(f->size, record_end - record);
        assert_int_equal(fact_int(&f->facts, FACT_biometric_records), 2);
    }
    bench_free(b);
}

static void test_images_behind_each_other_are_counted_and_carved(void **state)
{
    struct bench *b = bench_new();
    struct record r = {0};
    (void)state;
    put_jpeg(&r, &(struct jpeg_recipe){.width = 640, .height = 480});
    size_t second = r.len;
    put_jpeg(&r, &(struct jpeg_recipe){.width = 100, .height = 50, .seed = 9});
    put_text(&r, "trailing padding");
    for (unsigned i = 0; i < 5; i++) {
        char path[64];
        send_as(b, r.data, r.len, PIECES[i], "");
        snprintf(path, sizeof(path), "carve:jpeg@%zu", second);
        assert_int_equal(b->count, 2);
        assert_non_null(find_seen(b, path));
        assert_int_equal(fact_int(&find_seen(b, "")->facts, FACT_image_count), 2);
        assert_int_equal(fact_int(&find_seen(b, "")->facts, FACT_image_width), 640);
    }
    bench_free(b);
}

static void test_a_thumbnail_is_not_a_second_image(void **state)
{
    struct bench *b = bench_new();
    struct record r = {0}, app1 = {0};
    (void)state;
    put(&app1, "Exif\0\0MM\0*\0\0\0\x08", 14);
    put_be16(&app1, 1);
    put(&app1, "\x01\x0f\0\2\0\0\0\4CAM\0", 12);
    put_be32(&app1, 0);
    put_jpeg(&app1, &(struct jpeg_recipe){.width = 160, .height = 120, .entropy = 500});
    put_jpeg(&r, &(struct jpeg_recipe){.width = 640, .height = 480, .app1 = &app1});
    send_as(b, r.data, r.len, 100, "");
    assert_int_equal(b->count, 1);
    assert_int_equal(fact_int(&b->seen[0].facts, FACT_image_count), 1);
    assert_int_equal(fact_int(&b->seen[0].facts, FACT_image_width), 640);
    assert_int_equal(fact_int(&b->seen[0].facts, FACT_exif_present), 1);
    assert_string_equal(fact_text(&b->seen[0].facts, FACT_exif_make), "CAM");
    bench_free(b);
}

static void test_a_cut_item_is_truncated(void **state)
{
    struct bench *b = bench_new();
    struct record r = {0};
    (void)state;
    put_random(&r, 500, 3);
    put_jpeg(&r, &(struct jpeg_recipe){.width = 320, .height = 200, .no_end = true});
    send_as(b, r.data, r.len, 1460, "");
    assert_int_equal(b->count, 2);
    assert_int_equal(find_seen(b, "carve:jpeg@500")->state, OBJECT_TRUNCATED);
    /* Cut, and another one begins: both are seen. */
    put_jpeg(&r, &(struct jpeg_recipe){.width = 64, .height = 32, .seed = 77});
    send_as(b, r.data, r.len, 1460, "");
    assert_int_equal(b->count, 3);
    bench_free(b);
}

static void test_a_gap_inside_a_carved_item_is_said(void **state)
{
    struct bench *b = bench_new();
    struct record r = {0};
    struct object_info info = {.expected_size = OBJECT_SIZE_UNKNOWN};
    (void)state;
    put_random(&r, 100, 3);
    put_jpeg(&r, &(struct jpeg_recipe){.width = 320, .height = 200});
    struct object *object = object_begin(b->objects, &info);
    b->count = 0;
    object_data(b->objects, object, r.data, 2000);
    object_gap(b->objects, object, 500);
    object_data(b->objects, object, r.data + 2500, r.len - 2500);
    object_end(b->objects, object, OBJECT_CLOSED);
    const struct seen *s = find_seen(b, "carve:jpeg@100");
    assert_non_null(s);
    assert_int_equal(s->state, OBJECT_TRUNCATED);
    assert_int_equal(s->size, r.len - 100);
    assert_int_equal(fact_int(&s->facts, FACT_image_complete), 1);
    bench_free(b);
}

/* A megabyte made of beginnings that never become anything must not cost more than some readings of it. */
static void test_floods_of_false_beginnings_cost_linear_time(void **state)
{
    struct bench *b = bench_new();
    size_t len = 8 << 20;
    uint8_t *flood = malloc(len);
    struct timespec before, after;
    (void)state;
    for (size_t i = 0; i + 8 <= len; i += 8)
        memcpy(flood + i, "\xff\xd8\xff\xe0\x00\x06\x41\x42", 8); /* each a candidate that fails at its second step */
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    send_as(b, flood, len, 1460, "");
    for (size_t i = 0; i + 8 <= len; i += 8)
        memcpy(flood + i, "\xff\xd8\xff\xe0\xff\xff\x41\x42", 8); /* each one waits for 64 KiB */
    send_as(b, flood, len, 1460, "");
    for (size_t i = 0; i + 6 <= len; i += 6)
        memcpy(flood + i, "\xff\xe0\x00\x04\xff\xd8", 6); /* chains that all merge */
    send_as(b, flood, len, 65536, "");
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    double seconds = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
    print_message("24 MiB of false beginnings: %.2f s\n", seconds);
    assert_true(seconds < 30);
    assert_int_equal(b->count, 1);
    free(flood);
    bench_free(b);
}

static void test_types_and_entropy(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *type;
    } cases[] = {
        {"", 0, "empty"},
        {"hello world, this is text\n", 26, "text"},
        {"{\"a\": 1}", 8, "json"},
        {"<?xml version=\"1.0\"?><a/>", 25, "xml"},
        {"<!DOCTYPE html><html>", 21, "html"},
        {"%PDF-1.4\n", 9, "pdf"},
        {"PK\3\4\x14\0\0\0", 8, "zip"},
        {"\0\0\0\x1c" "ftypmif1\0\0\0\0mif1heic", 24, "heic"},
        {"\0\0\0\x14" "ftypisom\0\0\0\0mp42", 20, "mp4"},
        {"RIFF\x10\0\0\0WEBPVP8 ", 16, "webp"},
        {"\x01\x02\x03\x04", 4, "data"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(facts_sniff_type((const uint8_t *)cases[i].bytes, cases[i].len), cases[i].type);

    struct bench *b = bench_new();
    struct record r = {0};
    put_random(&r, 60000, 3);
    send_as(b, r.data, r.len, 1460, "");
    assert_true(fact_real(&b->seen[0].facts, FACT_entropy) > 7.9);
    memset(r.data, 'a', r.len);
    send_as(b, r.data, r.len, 1460, "");
    assert_true(fact_real(&b->seen[0].facts, FACT_entropy) < 0.01);
    bench_free(b);
}

/* A recogniser that finds no memory reads nothing: bytes it wanted must not stand in the ledger as inspected, and each
 * counts once, however many recognisers were refused. */
static void refused_recognisers_count_their_bytes_once(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    static uint8_t picture[4 * RECOGNISER_HEAD] = "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0\x43\0";
    const struct object_info info = {.expected_size = sizeof(picture)};
    const uint64_t *shed = &b->counters.value[COUNT_OBJECT_SHED_BYTES];
    struct object *object = object_begin(b->objects, &info);
    object_data(b->objects, object, picture, RECOGNISER_HEAD - 1); /* room for more is taken, nobody is attached yet */
    pools_trim(&b->mem);
    b->mem.ceiling = b->mem.total;
    object_data(b->objects, object, picture + RECOGNISER_HEAD - 1, 1);
    assert_int_equal(*shed, RECOGNISER_HEAD);
    object_data(b->objects, object, picture + RECOGNISER_HEAD, RECOGNISER_HEAD);
    assert_int_equal(*shed, 2 * RECOGNISER_HEAD);
    b->mem.ceiling = 0; /* too late for this object: its recognisers would begin in the middle */
    object_data(b->objects, object, picture + 2 * RECOGNISER_HEAD, 2 * RECOGNISER_HEAD);
    assert_int_equal(*shed, 4 * RECOGNISER_HEAD);
    object_end(b->objects, object, OBJECT_CLOSED);
    bench_free(b);
}

/* Where not even the first bytes find room, no recogniser can tell what they begin. */
static void an_object_without_its_head_counts_as_shed(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    static uint8_t picture[5000] = "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0\x43\0";
    const struct object_info info = {.expected_size = OBJECT_SIZE_UNKNOWN};
    for (unsigned kept = 0; kept <= 50; kept += 50) {
        uint64_t before = b->counters.value[COUNT_OBJECT_SHED_BYTES];
        struct object *object = object_begin(b->objects, &info);
        object_data(b->objects, object, picture, kept);
        pools_trim(&b->mem);
        buffer_heaps_trim(&b->mem);
        b->mem.ceiling = b->mem.total;
        object_data(b->objects, object, picture + kept, 3000);
        assert_int_equal(b->counters.value[COUNT_OBJECT_SHED_BYTES] - before, kept + 3000);
        object_data(b->objects, object, picture + kept + 3000, 1000);
        assert_int_equal(b->counters.value[COUNT_OBJECT_SHED_BYTES] - before, kept + 4000);
        object_end(b->objects, object, OBJECT_CLOSED);
        b->mem.ceiling = 0;
    }
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_jpeg_is_the_object_and_has_no_child),
        cmocka_unit_test(test_items_inside_other_bytes_come_out_whole),
        cmocka_unit_test(test_images_behind_each_other_are_counted_and_carved),
        cmocka_unit_test(test_a_thumbnail_is_not_a_second_image),
        cmocka_unit_test(test_a_cut_item_is_truncated),
        cmocka_unit_test(test_a_gap_inside_a_carved_item_is_said),
        cmocka_unit_test(test_floods_of_false_beginnings_cost_linear_time),
        cmocka_unit_test(test_types_and_entropy),
        cmocka_unit_test(refused_recognisers_count_their_bytes_once),
        cmocka_unit_test(an_object_without_its_head_counts_as_shed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
