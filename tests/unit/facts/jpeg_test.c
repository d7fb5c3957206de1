/* JPEG in its forms: were one not proved, or its EXIF misread, pictures would pass or alerts would lie about them. */
#include "make.h"

static struct outcome read_jpeg(const struct record *r)
{
    return recognise(&recogniser_jpeg, r->data, r->len);
}

static void test_every_frame_type_is_named(void **state)
{
    static const struct {
        unsigned code;
        const char *coding;
        bool progressive;
    } frames[] = {{0xc0, "baseline", false},   {0xc1, "extended", false},    {0xc2, "progressive", true},
                  {0xc3, "lossless", false},   {0xc9, "arithmetic", false},  {0xca, "arithmetic progressive", true},
                  {0xcb, "lossless", false},   {0xf7, "jpeg-ls", false}};
    (void)state;
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        struct record r = {0};
        put_jpeg(&r, &(struct jpeg_recipe){.width = 33, .height = 44, .frame = frames[i].code, .components = 4});
        struct outcome o = read_jpeg(&r);
        assert_int_equal(o.state, RECOGNISE_END);
        assert_int_equal(o.end, r.len);
        assert_string_equal(fact_text(&o.facts, FACT_image_coding), frames[i].coding);
        assert_int_equal(fact_int(&o.facts, FACT_image_progressive), frames[i].progressive);
        assert_int_equal(fact_int(&o.facts, FACT_image_components), 4);
        assert_int_equal(fact_int(&o.facts, FACT_image_width), 33);
        assert_int_equal(fact_int(&o.facts, FACT_image_complete), 1);
    }
}

static void put_le16(struct record *r, unsigned v)
{
    put_u8(r, v);
    put_u8(r, v >> 8);
}

static void put_le32(struct record *r, unsigned v)
{
    put_le16(r, v);
    put_le16(r, v >> 16);
}

static void put_entry(struct record *r, unsigned tag, unsigned type, unsigned count, unsigned value)
{
    put_le16(r, tag);
    put_le16(r, type);
    put_le32(r, count);
    put_le32(r, value);
}

/* IFD0 with maker, model, time, EXIF and GPS; the EXIF directory with original time and serial number. */
static void put_exif(struct record *r)
{
    put(r, "Exif\0\0", 6);
    put(r, "II*\0", 4);
    put_le32(r, 8);
    put_le16(r, 5);
    put_entry(r, 0x010f, 2, 9, 100);
    put_entry(r, 0x0110, 2, 3, 0x00003531); /* "15", in place */
    put_entry(r, 0x0132, 2, 20, 110);
    put_entry(r, 0x8769, 4, 1, 140);
    put_entry(r, 0x8825, 4, 1, 400);
    put_le32(r, 0);
    put_zeros(r, 6 + 100 - r->len);
    put(r, "AcmeCams\0\0", 10);
    put(r, "2024:01:02 03:04:05\0", 20);
    put_zeros(r, 10);
    put_le16(r, 2);
    put_entry(r, 0x9003, 2, 20, 200);
    put_entry(r, 0xa431, 2, 7, 230);
    put_zeros(r, 6 + 200 - r->len);
    put(r, "2024:01:02 03:04:04\0", 20);
    put_zeros(r, 10);
    put(r, "SN4711\0", 7);
}

static void test_exif_is_read(void **state)
{
    struct record r = {0}, app1 = {0};
    (void)state;
    put_exif(&app1);
    put_jpeg(&r, &(struct jpeg_recipe){.width = 800, .height = 600, .app1 = &app1});
    struct outcome o = read_jpeg(&r);
    assert_int_equal(fact_int(&o.facts, FACT_exif_present), 1);
    assert_string_equal(fact_text(&o.facts, FACT_exif_make), "AcmeCams");
    assert_string_equal(fact_text(&o.facts, FACT_exif_model), "15");
    assert_string_equal(fact_text(&o.facts, FACT_exif_serial), "SN4711");
    assert_string_equal(fact_text(&o.facts, FACT_image_time), "2024:01:02 03:04:04");
    assert_int_equal(fact_int(&o.facts, FACT_exif_gps), 1);
}

static void test_a_multi_picture_file_is_one_item(void **state)
{
    struct record r = {0};
    uint8_t index[4 + 46] = {'M', 'P', 'F', 0, 'I', 'I', '*', 0, 8, 0, 0, 0, 3, 0};
    (void)state;
    memcpy(index + 14, "\x00\xb0\7\0\4\0\0\0" "0100", 12);
    memcpy(index + 26, "\x01\xb0\4\0\1\0\0\0\2\0\0\0", 12);
    memcpy(index + 38, "\x02\xb0\7\0\x20\0\0\0\x32\0\0\0", 12);
    put_jpeg(&r, &(struct jpeg_recipe){.width = 640, .height = 480});
    struct record with = {0};
    put(&with, r.data, 20); /* SOI and APP0 */
    put_segment(&with, 0xe2, index, sizeof(index));
    put(&with, r.data + 20, r.len - 20);
    put_zeros(&with, 100);
    put(&with, r.data, r.len);
    put_text(&with, "and more");
    struct outcome o = read_jpeg(&with);
    assert_int_equal(o.state, RECOGNISE_END);
    assert_int_equal(o.end, with.len - 8);
    assert_int_equal(fact_int(&o.facts, FACT_image_count), 2);
}

static void test_what_only_looks_like_jpeg_is_not(void **state)
{
    static const uint8_t tables_only[] = {0xff, 0xd8, 0xff, 0xdd, 0, 4, 0, 1, 0xff, 0xd9};
    static const uint8_t reserved[] = {0xff, 0xd8, 0xff, 0xe0, 0, 2, 0xff, 0xf2, 0, 2};
    struct record r = {0};
    (void)state;
    assert_int_equal(recognise(&recogniser_jpeg, tables_only, sizeof(tables_only)).state, RECOGNISE_NO);
    assert_int_equal(recognise(&recogniser_jpeg, reserved, sizeof(reserved)).state, RECOGNISE_NO);
    put(&r, "\xff\xd8\xff\xe0\x00\x10", 6);
    put_random(&r, 5000, 17);
    assert_int_equal(read_jpeg(&r).state, RECOGNISE_NO);
    r.len = 0;
    put_jpeg(&r, &(struct jpeg_recipe){.width = 0, .height = 480});
    assert_int_equal(read_jpeg(&r).state, RECOGNISE_NO);
}

/* A proved head in front of anything else must not swallow it. */
static void test_a_forged_head_does_not_swallow_what_follows(void **state)
{
    struct record r = {0};
    (void)state;
    put_jpeg(&r, &(struct jpeg_recipe){.width = 64, .height = 64, .entropy = 100, .no_end = true});
    size_t scan_end = r.len;
    put_random(&r, 30000, 23);
    struct outcome o = read_jpeg(&r);
    assert_int_equal(o.state, RECOGNISE_END);
    assert_true(o.end >= scan_end && o.end < scan_end + 8000);
    assert_int_equal(fact_int(&o.facts, FACT_image_complete), 0);
}

static void test_fill_bytes_restarts_and_tables_anywhere(void **state)
{
    struct record plain = {0}, r = {0};
    (void)state;
    put_jpeg(&plain, &(struct jpeg_recipe){.width = 64, .height = 64});
    put(&r, plain.data, 2);
    put(&r, "\xff\xff\xff\xfe\x00\x05" "abc", 9); /* fill before a comment */
    put(&r, plain.data + 2, plain.len - 4);
    put(&r, "\xff\xd0\x12\xff\xd1\x34\xff\x00", 8);
    put(&r, "\xff\xdd\x00\x04\x00\x08", 6); /* DRI between scans */
    put(&r, "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x55\x66", 12);
    put(&r, "\xff\xd9", 2);
    struct outcome o = read_jpeg(&r);
    assert_int_equal(o.state, RECOGNISE_END);
    assert_int_equal(o.end, r.len);
}

static void test_a_gap_before_the_frame_loses_no_picture(void **state)
{
    struct record plain = {0}, r = {0};
    struct fact_set facts;
    (void)state;
    put_jpeg(&plain, &(struct jpeg_recipe){.width = 640, .height = 480});
    put(&r, plain.data, 2);
    put(&r, "\xff\xe1\x07\xd2" "Exif\0\0MM\0*\0\0\0\x08\0\0", 20); /* 2000 bytes of EXIF, most of them lost */
    void *jpeg = calloc(1, recogniser_jpeg.state_size);
    fact_set_clear(&facts);
    assert_int_equal(recogniser_jpeg.feed(jpeg, &facts, r.data, r.len, 0), RECOGNISE_MORE);
    assert_int_equal(recogniser_jpeg.gap(jpeg, &facts, 3000, r.len), RECOGNISE_MORE);
    assert_int_equal(recogniser_jpeg.feed(jpeg, &facts, plain.data + 2, plain.len - 2, r.len + 3000), RECOGNISE_END);
    assert_int_equal(fact_int(&facts, FACT_image_valid), 1);
    assert_int_equal(fact_int(&facts, FACT_image_width), 640);
    assert_int_equal(fact_int(&facts, FACT_exif_present), 1);
    assert_int_equal(recogniser_jpeg.end_at(jpeg), r.len + 3000 + plain.len - 2);
    free(jpeg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_frame_type_is_named),
        cmocka_unit_test(test_exif_is_read),
        cmocka_unit_test(test_a_multi_picture_file_is_one_item),
        cmocka_unit_test(test_what_only_looks_like_jpeg_is_not),
        cmocka_unit_test(test_a_forged_head_does_not_swallow_what_follows),
        cmocka_unit_test(test_fill_bytes_restarts_and_tables_anywhere),
        cmocka_unit_test(test_a_gap_before_the_frame_loses_no_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
