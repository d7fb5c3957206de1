/* The other image formats, synthetic: proved by structure, ended where they end, refused when one field is wrong. */
#include <zlib.h>

#include "make.h"

static struct outcome check(const struct recogniser *r, const struct record *image, unsigned width, unsigned height)
{
    struct outcome o = recognise(r, image->data, image->len);
    assert_true(o.state == RECOGNISE_END || o.state == RECOGNISE_PROVED);
    assert_int_equal(fact_int(&o.facts, FACT_image_width), width);
    assert_int_equal(fact_int(&o.facts, FACT_image_height), height);
    return o;
}

static void put_chunk(struct record *r, const char *type, const void *data, size_t len)
{
    size_t begin = r->len + 4;
    put_be32(r, (unsigned)len);
    put_text(r, type);
    put(r, data, len);
    put_be32(r, (unsigned)crc32(0, r->data + begin, (uInt)(len + 4)));
}

static void test_png(void **state)
{
    struct record r = {0};
    (void)state;
    put(&r, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(&r, "IHDR", "\0\0\1\x40\0\0\0\xf0\x08\6\0\0\0", 13);
    put_chunk(&r, "IDAT", "0123456789", 10);
    put_chunk(&r, "IEND", "", 0);
    size_t end = r.len;
    put_text(&r, "trailer");
    struct outcome o = check(&recogniser_png, &r, 320, 240);
    assert_int_equal(o.state, RECOGNISE_END);
    assert_int_equal(o.end, end);
    assert_int_equal(fact_int(&o.facts, FACT_image_components), 4);
    assert_int_equal(fact_int(&o.facts, FACT_image_complete), 1);
    r.data[29] ^= 1; /* the CRC of IHDR */
    assert_int_equal(recognise(&recogniser_png, r.data, r.len).state, RECOGNISE_NO);
}

/* A codestream: SIZ, an empty segment, a tile part of known length, one that reaches to EOC. */
static void put_codestream(struct record *r, unsigned width, unsigned height)
{
    put(r, "\xff\x4f\xff\x51\0\x2f\0\0", 8);
    put_be32(r, width);
    put_be32(r, height);
    put_zeros(r, 8);
    put_be32(r, width);
    put_be32(r, height);
    put_zeros(r, 8);
    put(r, "\0\3\7\1\1\7\1\1\7\1\1", 11);
    put(r, "\xff\x64\0\x04" "ab", 6);
    put(r, "\xff\x90\0\x0a\0\0\0\0\0\x2c\0\2\xff\x93", 14);
    put_zeros(r, 30);
    put(r, "\xff\x90\0\x0a\0\0\0\0\0\0\1\2\xff\x93", 14);
    put(r, "\1\2\3\xff\x7f\4", 6);
    put(r, "\xff\xd9", 2);
}

static void test_jpeg_2000(void **state)
{
    struct record stream = {0}, file = {0};
    (void)state;
    put_codestream(&stream, 413, 531);
    struct outcome o = check(&recogniser_jp2, &stream, 413, 531);
    assert_int_equal(o.end, stream.len);
    assert_int_equal(fact_int(&o.facts, FACT_image_components), 3);
    put(&file, "\0\0\0\x0cjP  \r\n\x87\n", 12);
    put(&file, "\0\0\0\x14" "ftypjp2 \0\0\0\0jp2 ", 20);
    put(&file, "\0\0\0\x1ejp2h\0\0\0\x16ihdr\0\0\2\x13\0\0\1\x9d\0\3\7\7\0\0", 30);
    put(&file, "\0\0\0\0jp2c", 8);
    put(&file, stream.data, stream.len);
    o = check(&recogniser_jp2, &file, 413, 531);
    assert_int_equal(o.state, RECOGNISE_END);
    assert_int_equal(o.end, file.len);
    stream.data[5] = 0x2e; /* SIZ's length no longer fits three components */
    assert_int_equal(recognise(&recogniser_jp2, stream.data, stream.len).state, RECOGNISE_NO);
}

static void test_gif(void **state)
{
    struct record r = {0};
    (void)state;
    put(&r, "GIF89a\x20\0\x10\0\x80\0\0\0\0\0\xff\xff\xff", 19);
    put(&r, "\x21\xf9\4\0\0\0\0\0", 8);
    put(&r, "\x2c\0\0\0\0\x20\0\x10\0\0\2\3abc\0\x3b", 17);
    struct outcome o = check(&recogniser_gif, &r, 32, 16);
    assert_int_equal(o.end, r.len);
    assert_int_equal(fact_int(&o.facts, FACT_image_complete), 1);
    r.data[19] = 0x55;
    assert_int_equal(recognise(&recogniser_gif, r.data, r.len).state, RECOGNISE_NO);
}

static void test_webp(void **state)
{
    struct record r = {0};
    (void)state;
    put(&r, "RIFF\x1e\0\0\0WEBPVP8 \x12\0\0\0\x30\1\0\x9d\1\x2a\x80\0\x60\0\0\0\0\0\0\0\0\0", 38);
    struct outcome o = check(&recogniser_webp, &r, 128, 96);
    assert_int_equal(o.state, RECOGNISE_END);
    assert_int_equal(o.end, 38);
    r.data[23] = 0; /* the start code */
    assert_int_equal(recognise(&recogniser_webp, r.data, r.len).state, RECOGNISE_NO);
}

static void test_bmp_must_agree_with_itself(void **state)
{
    struct record r = {0};
    (void)state;
    put(&r, "BM\x76\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\4\0\0\0\4\0\0\0\1\0\x20\0\0\0\0\0", 34);
    put_zeros(&r, 0x76 - 34);
    check(&recogniser_bmp, &r, 4, 4);
    r.data[18] = 40; /* too wide for its size */
    assert_int_equal(recognise(&recogniser_bmp, r.data, r.len).state, RECOGNISE_NO);
}

static void test_tiff_with_its_directory_behind_the_pixels(void **state)
{
    struct record r = {0};
    (void)state;
    put(&r, "MM\0*\0\0\0\x6c", 8);
    put_zeros(&r, 100);
    put(&r, "\0\2\1\0\0\3\0\0\0\1\1\x40\0\0\1\1\0\4\0\0\0\1\0\0\0\xf0\0\0\0\0", 30);
    check(&recogniser_tiff, &r, 320, 240);
}

static void test_heif_and_avif(void **state)
{
    static const char *const brands[] = {"heic", "avif"};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct record r = {0};
        put(&r, "\0\0\0\x18" "ftypmif1\0\0\0\0mif1", 20);
        put_text(&r, brands[i]);
        put(&r, "\0\0\0\x4cmeta\0\0\0\0", 12);
        put(&r, "\0\0\0\x20hdlr\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0", 32);
        put(&r, "\0\0\0\x24iprp\0\0\0\x1cipco\0\0\0\x14ispe\0\0\0\0\0\0\2\x80\0\0\1\xe0", 36);
        struct outcome o = check(&recogniser_heif, &r, 640, 480);
        assert_string_equal(fact_text(&o.facts, FACT_image_coding), i ? "av1" : "hevc");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png),       cmocka_unit_test(test_jpeg_2000),
        cmocka_unit_test(test_gif),       cmocka_unit_test(test_webp),
        cmocka_unit_test(test_bmp_must_agree_with_itself),
        cmocka_unit_test(test_tiff_with_its_directory_behind_the_pixels),
        cmocka_unit_test(test_heif_and_avif),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
