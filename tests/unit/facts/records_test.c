/* ISO/IEC 19794 records in every layout, synthetic: were one not proved, fingers, faces and irises would leave unseen;
 * were a false one, every alert would be doubted. */
#include "make.h"

static void check(const struct recogniser *r, const struct record *record, const char *standard, unsigned records,
                  const char *checks)
{
    struct outcome o = recognise(r, record->data, record->len);
    assert_int_equal(o.state, RECOGNISE_END);
    assert_int_equal(o.end, record->len);
    assert_string_equal(fact_text(&o.facts, FACT_biometric_standard), standard);
    assert_int_equal(fact_int(&o.facts, FACT_biometric_records), records);
    assert_string_equal(fact_text(&o.facts, FACT_biometric_checks), checks);
}

static void put_minutiae(struct record *r, unsigned count, unsigned size)
{
    uint32_t seed = 3;
    for (unsigned i = 0; i < count; i++) {
        put_be16(r, 0x8000 | draw(&seed) % 500);
        put_be16(r, draw(&seed) % 500);
        put_u8(r, draw(&seed) % 180);
        if (size == 6)
            put_u8(r, draw(&seed) % 101);
    }
}

static void test_minutiae_iso_2005(void **state)
{
    struct record r = {0};
    (void)state;
    put_fmr_iso2005(&r, 10, 40);
    check(&recogniser_fmr, &r, "ISO/IEC 19794-2:2005", 10, "header,views,length");
}

static void put_ansi_2004(struct record *r, bool is_long)
{
    put(r, "FMR\0 20\0", 8);
    put_be16(r, 0);
    if (is_long)
        put_be32(r, 0);
    put_be32(r, 0x00330401);
    put_be16(r, 0);
    put_be16(r, 512);
    put_be16(r, 512);
    put_be16(r, 197);
    put_be16(r, 197);
    put_u8(r, 1);
    put_u8(r, 0);
    put(r, "\x07\x00\x50\x14", 4);
    put_minutiae(r, 20, 6);
    put_be16(r, 4);
    put_zeros(r, 4);
    if (is_long)
        set_be32(r, 10, r->len);
    else
        set_be32(r, 6, 0x30000000u | (unsigned)r->len); /* its first two bytes are the version's last */
    memcpy(r->data + 4, " 20\0", 4);
}

static void test_minutiae_ansi_2004_short_and_long(void **state)
{
    struct record shorter = {0}, longer = {0};
    (void)state;
    put_ansi_2004(&shorter, false);
    check(&recogniser_fmr, &shorter, "INCITS 378-2004", 1, "header,views,length");
    put_ansi_2004(&longer, true);
    check(&recogniser_fmr, &longer, "INCITS 378-2004", 1, "header,views,length");
}

static void test_minutiae_ansi_2009(void **state)
{
    struct record r = {0};
    (void)state;
    put(&r, "FMR\000030\0", 8);
    put_be32(&r, 0);
    put_be32(&r, 0x00330401);
    put(&r, "\0\0\0\1\0", 5);
    put(&r, "\x02\x00\x00\x50\0\0\0\0", 8);
    put_be16(&r, 512);
    put_be16(&r, 512);
    put_be16(&r, 197);
    put_be16(&r, 197);
    put_u8(&r, 12);
    put_minutiae(&r, 12, 6);
    put_be16(&r, 0);
    set_be32(&r, 8, r.len);
    check(&recogniser_fmr, &r, "INCITS 378-2009", 1, "header,views,length");
}

static void test_minutiae_iso_2011(void **state)
{
    struct record r = {0};
    (void)state;
    put(&r, "FMR\000030\0", 8);
    put_be32(&r, 0);
    put_be16(&r, 2);
    put_u8(&r, 1); /* certification blocks */
    for (unsigned view = 0; view < 2; view++) {
        size_t begin = r.len;
        put_be32(&r, 0);
        put(&r, "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9);
        put(&r, "\1\0\2\0\3", 5);
        put(&r, "\1\x50\0\1\0\2", 6); /* a quality block */
        put(&r, "\1\0\1\2", 4);       /* a certification block */
        put(&r, "\3\0\0\xc5\0\xc5\0\2\0\2\0\x5f", 12);
        put_u8(&r, 9);
        put_minutiae(&r, 9, 5);
        put_be16(&r, 0);
        set_be32(&r, begin, r.len - begin);
    }
    set_be32(&r, 8, r.len);
    check(&recogniser_fmr, &r, "ISO/IEC 19794-2:2011", 2, "header,views,length");
}

static void test_minutiae_outside_the_image_are_none(void **state)
{
    struct record r = {0};
    (void)state;
    put_fmr_iso2005(&r, 1, 30);
    r.data[24 + 4] = 0x7f; /* x of the first minutia beyond the width */
    assert_int_equal(recognise(&recogniser_fmr, r.data, r.len).state, RECOGNISE_NO);
    r.len = 0;
    put_fmr_iso2005(&r, 1, 30);
    r.data[18] = 0xff; /* resolution */
    assert_int_equal(recognise(&recogniser_fmr, r.data, r.len).state, RECOGNISE_NO);
}

static void put_face_2005(struct record *r, unsigned points)
{
    struct record image = {0};
    put_jpeg(&image, &(struct jpeg_recipe){.width = 240, .height = 320});
    put(r, "FAC\000010\0", 8);
    put_be32(r, (unsigned)(14 + 32 + 8 * points + image.len));
    put_be16(r, 1);
    put_be32(r, (unsigned)(32 + 8 * points + image.len));
    put_be16(r, points);
    put_zeros(r, 14);
    put_zeros(r, 8 * points);
    put(r, "\1\1", 2); /* declares JPEG 2000 and carries JPEG, as real ones do */
    put_be16(r, 200);
    put_be16(r, 300);
    put(r, "\1\2\0\0\0\0", 6);
    put(r, image.data, image.len);
}

static void test_face_2005(void **state)
{
    struct record r = {0};
    (void)state;
    put_face_2005(&r, 5);
    check(&recogniser_fac, &r, "ISO/IEC 19794-5:2005", 1, "header,views,length,image");
    struct outcome o = recognise(&recogniser_fac, r.data, r.len);
    assert_string_equal(fact_text(&o.facts, FACT_biometric_image_type), "jpeg");
    assert_int_equal(fact_int(&o.facts, FACT_image_width), 240); /* the picture's own size */
    assert_int_equal(fact_int(&o.facts, FACT_image_height), 320);
}

static void test_face_2011(void **state)
{
    struct record r = {0}, image = {0};
    (void)state;
    put_jpeg(&image, &(struct jpeg_recipe){.width = 640, .height = 480});
    put(&r, "FAC\000030\0", 8);
    put_be32(&r, (unsigned)(17 + 19 + 5 + 17 + 8 + 15 + image.len));
    put_be16(&r, 1);
    put(&r, "\0\0\0", 3);
    put_be32(&r, (unsigned)(19 + 5 + 17 + 8 + 15 + image.len));
    put(&r, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\1\x50\0\0\0\0", 20);
    put_be16(&r, 1);
    put_zeros(&r, 15 + 8);
    put(&r, "\1\0", 2);
    put_be16(&r, 640);
    put_be16(&r, 480);
    put_zeros(&r, 5);
    put_be32(&r, (unsigned)image.len);
    put(&r, image.data, image.len);
    check(&recogniser_fac, &r, "ISO/IEC 19794-5:2011", 1, "header,views,length,image");
}

static void put_finger_view(struct record *r, unsigned width, unsigned height)
{
    put_be32(r, 14 + width * height);
    put(r, "\1\1\1\x50\0", 5);
    put_be16(r, width);
    put_be16(r, height);
    put_u8(r, 0);
    put_random(r, width * height, 5);
}

static void test_finger_images_raw_2005_and_incits(void **state)
{
    (void)state;
    for (unsigned incits = 0; incits < 2; incits++) {
        struct record r = {0};
        put(&r, "FIR\000010\0", 8);
        put_zeros(&r, 6);
        if (incits)
            put_be32(&r, 0x001b0401);
        put(&r, "\0\0\0\x1f\2\1", 6);
        put(&r, "\1\xf4\1\xf4\1\xf4\1\xf4\x08\0\0\0", 12);
        put_finger_view(&r, 100, 80);
        put_finger_view(&r, 60, 50);
        set_be32(&r, 10, r.len);
        check(&recogniser_fir, &r, incits ? "INCITS 381-2004" : "ISO/IEC 19794-4:2005", 2,
              "header,views,length,image");
        struct outcome o = recognise(&recogniser_fir, r.data, r.len);
        assert_string_equal(fact_text(&o.facts, FACT_biometric_image_type), "raw");
        assert_int_equal(fact_int(&o.facts, FACT_image_width), 100);
    }
}

static void test_finger_images_2011(void **state)
{
    (void)state;
    for (unsigned certified = 0; certified < 2; certified++) {
        struct record r = {0};
        put(&r, "FIR\000020\0", 8);
        put_be32(&r, 0);
        put_be16(&r, 1);
        put_u8(&r, certified);
        put_u8(&r, 1);
        put_be32(&r, 0);
        put(&r, "\x07\xe8\1\2\3\4\5\0\0\0\0\0\0\0\0", 15);
        if (certified)
            put(&r, "\1\0\1\2", 4);
        put(&r, "\1\1\1\1\xf4\1\xf4\1\xf4\1\xf4\x08\0\0", 14);
        put_be16(&r, 90);
        put_be16(&r, 70);
        put_be32(&r, 90 * 70);
        put_random(&r, 90 * 70, 4);
        put_zeros(&r, 12); /* extended data */
        set_be32(&r, 16, r.len - 16);
        set_be32(&r, 8, r.len);
        check(&recogniser_fir, &r, "ISO/IEC 19794-4:2011", 1, "header,views,length,image");
    }
}

static void test_iris_2005_irex_and_2011(void **state)
{
    struct record image = {0};
    (void)state;
    put_jpeg(&image, &(struct jpeg_recipe){.width = 640, .height = 480});
    for (unsigned irex = 0; irex < 2; irex++) {
        struct record r = {0};
        put(&r, irex ? "IIR\000015\0" : "IIR\000010\0", 8);
        if (irex)
            put_u8(&r, 1);
        put_be32(&r, (unsigned)(45 + irex + 2 * (3 + 11 + image.len)));
        put(&r, "\0\0\2\0\x2d\0\0\0\0\0\6", 11);
        put_be16(&r, 640);
        put_be16(&r, 480);
        put(&r, "\x08\0", 2);
        put_zeros(&r, 16);
        for (unsigned eye = 1; eye <= 2; eye++) {
            put_u8(&r, eye);
            put_be16(&r, 1);
            put(&r, "\0\1\x50\0\0\0\0", 7);
            put_be32(&r, (unsigned)image.len);
            put(&r, image.data, image.len);
        }
        check(&recogniser_iir, &r, irex ? "ISO/IEC 19794-6:2005 (IREX)" : "ISO/IEC 19794-6:2005", 2,
              "header,views,length,image");
    }
    struct record r = {0};
    put(&r, "IIR\000020\0", 8);
    put_be32(&r, (unsigned)(16 + 19 + 5 + 33 + 76 * 47));
    put(&r, "\0\1\0\1", 4);
    put_be32(&r, 19 + 5 + 33 + 76 * 47 - 5); /* five short, as a real one is */
    put(&r, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\1\x50\0\0\0\0", 20);
    put(&r, "\0\1\2\1\2\0", 6);
    put_be16(&r, 76);
    put_be16(&r, 47);
    put_u8(&r, 8);
    put_zeros(&r, 18);
    put_be32(&r, 76 * 47);
    put_random(&r, 76 * 47, 6);
    check(&recogniser_iir, &r, "ISO/IEC 19794-6:2011", 1, "header,views,length,image");
}

/* Magic and lengths without a picture where they say there is one. */
static void test_headers_without_pictures_are_none(void **state)
{
    struct record r = {0};
    (void)state;
    put_face_2005(&r, 0);
    memset(r.data + 46, 0x55, 200);
    set_be32(&r, 8, r.len + 5000);
    set_be32(&r, 14, r.len + 4986);
    assert_int_equal(recognise(&recogniser_fac, r.data, r.len).state, RECOGNISE_NO);
    for (uint32_t seed = 1; seed < 200; seed++) {
        static const struct recogniser *const all[] = {&recogniser_fmr, &recogniser_fac, &recogniser_fir, &recogniser_iir};
        static const char *const magic[] = {"FMR\000030\0", "FAC\000010\0", "FIR\000010\0", "IIR\000020\0"};
        r.len = 0;
        put(&r, magic[seed % 4], 8);
        put_random(&r, 3000, seed);
        assert_int_equal(recognise(all[seed % 4], r.data, r.len).state, RECOGNISE_NO);
    }
}

static void test_wsq(void **state)
{
    struct record r = {0};
    (void)state;
    put(&r, "\xff\xa0", 2);
    put_segment(&r, 0xa8, "NIST_COM 1\nPIX_WIDTH 100\n", 25);
    put_segment(&r, 0xa2, "\0\xff\0\x50\0\x64\0\x12\x34\0\x56\x78\0\0\1", 15);
    put_segment(&r, 0xa3, "\0", 1);
    put_entropy(&r, 3000, 8);
    put_segment(&r, 0xa3, "\1", 1);
    put_entropy(&r, 1000, 9);
    put(&r, "\xff\xa1", 2);
    check(&recogniser_wsq, &r, "WSQ IAFIS-IC-0110", 1, "header,length");
    struct outcome o = recognise(&recogniser_wsq, r.data, r.len);
    assert_int_equal(fact_int(&o.facts, FACT_image_width), 100);
    assert_int_equal(fact_int(&o.facts, FACT_image_height), 80);
    r.data[2 + 4 + 25 + 3] = 18; /* the frame header's length is always 17 */
    assert_int_equal(recognise(&recogniser_wsq, r.data, r.len).state, RECOGNISE_NO);
}

static void test_product_templates(void **state)
{
    struct record r = {0};
    (void)state;
    put(&r, "NT\0\x10\xc8\0\0\0\x0a\1NFT\x10\xbe\0\0\0\x0a\1NFR\x10\xb4\0", 26);
    put_random(&r, 200 - 26, 3);
    struct outcome o = recognise(&recogniser_template, r.data, r.len);
    assert_int_equal(o.state, RECOGNISE_END);
    assert_int_equal(o.end, 200);
    assert_string_equal(fact_text(&o.facts, FACT_biometric_standard), "NTemplate");
    r.data[14] ^= 1;
    assert_int_equal(recognise(&recogniser_template, r.data, r.len).state, RECOGNISE_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minutiae_iso_2005),
        cmocka_unit_test(test_minutiae_ansi_2004_short_and_long),
        cmocka_unit_test(test_minutiae_ansi_2009),
        cmocka_unit_test(test_minutiae_iso_2011),
        cmocka_unit_test(test_minutiae_outside_the_image_are_none),
        cmocka_unit_test(test_face_2005),
        cmocka_unit_test(test_face_2011),
        cmocka_unit_test(test_finger_images_raw_2005_and_incits),
        cmocka_unit_test(test_finger_images_2011),
        cmocka_unit_test(test_iris_2005_irex_and_2011),
        cmocka_unit_test(test_headers_without_pictures_are_none),
        cmocka_unit_test(test_wsq),
        cmocka_unit_test(test_product_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
