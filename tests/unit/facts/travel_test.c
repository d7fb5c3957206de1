/* Travel documents and transactions: chip files, ANSI/NIST-ITL, machine-readable zones, passenger lists. Were one
 * missed, travellers' data would leave unseen; were a check digit not asked, every table of capitals would alert. */
#include "make.h"

static const char TD3[] = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10\n";
static const char TD2[] = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6\n";
static const char TD1[] =
    "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<\n";
static const char VISA_A[] = "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<\n";

static int64_t zones(const char *text)
{
    struct outcome o = recognise(&recogniser_mrz, (const uint8_t *)text, strlen(text));
    return fact_int(&o.facts, FACT_mrz_valid_count);
}

static void test_the_specimens_of_all_kinds_hold(void **state)
{
    char visa_b[80];
    (void)state;
    assert_int_equal(zones(TD3), 1);
    assert_int_equal(zones(TD2), 1);
    assert_int_equal(zones(TD1), 1);
    assert_int_equal(zones(VISA_A), 1);
    snprintf(visa_b, sizeof(visa_b), "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<\n");
    assert_int_equal(zones(visa_b), 1);
}

static void test_any_digit_changed_fails(void **state)
{
    (void)state;
    for (size_t i = 45; i < 45 + 28; i++) {
        char text[sizeof(TD3)];
        memcpy(text, TD3, sizeof(TD3));
        if (text[i] < '0' || text[i] > '8')
            continue;
        text[i]++;
        assert_int_equal(zones(text), 0);
    }
}

static void test_zones_in_every_text_format(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"mrz\": \"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\\nL898902C36UTO7408122F1204159ZE184226B<<<<<10\"}",
        "1,\"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\",\"L898902C36UTO7408122F1204159ZE184226B<<<<<10\"\r\n",
        "{\"line1\":\"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\",\"line2\":\"L898902C36UTO7408122F1204159ZE184226B<<<<<10\"}",
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<<br>L898902C36UTO7408122F1204159ZE184226B<<<<<10 ",
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10",
        "P&lt;UTOERIKSSON&lt;&lt;ANNA&lt;MARIA&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;\r\n"
        "L898902C36UTO7408122F1204159ZE184226B&lt;&lt;&lt;&lt;&lt;10\r\n",
        "mrz=P%3CUTOERIKSSON%3C%3CANNA%3CMARIA%3C%3C%3C%3C%3C%3C%3C%3C%3C%3C%3C%3C%3C%3C%3C%3C%3C%3C%3C%0A"
        "L898902C36UTO7408122F1204159ZE184226B%3C%3C%3C%3C%3C10&x=1",
        "\"P\\u003cUTOERIKSSON\\u003c\\u003cANNA\\u003cMARIA\\u003c\\u003c\\u003c\\u003c\\u003c\\u003c\\u003c\\u003c"
        "\\u003c\\u003c\\u003c\\u003c\\u003c\\u003c\\u003c\\u003c\\u003c\\u003c\\u003c\\nL898902C36UTO7408122F1204159ZE184226B"
        "\\u003c\\u003c\\u003c\\u003c\\u003c10\"",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(zones(texts[i]), 1);
}

static void test_lines_of_fillers_are_no_zone(void **state)
{
    struct record r = {0};
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        put_text(&r, "<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    put_u8(&r, 0);
    assert_int_equal(zones((const char *)r.data), 0);
}

static int64_t persons(const char *text)
{
    struct outcome o = recognise(&recogniser_edifact, (const uint8_t *)text, strlen(text));
    return fact_int(&o.facts, FACT_pnr_count);
}

static void test_passenger_lists_with_any_separators(void **state)
{
    (void)state;
    assert_int_equal(persons("UNA:+.? 'UNB+UNOA:4+AIRLINE+USCBP+240101:1200+1'UNH+PAX001+PAXLST:D:02B:UN:IATA'"
                             "BGM+745'NAD+MS+++AGENT'NAD+FL+++DOE:JANE'ATT+2++F'NAD+FL+++ROE:RICHARD'CNT+42:2'UNT+9+1'"),
                     2);
    assert_int_equal(persons("UNA:*.? $UNB*UNOA:4*AIRLINE*USCBP*240101:1200*1$UNH*PAX001*PAXLST:D:02B:UN:IATA$"
                             "NAD*FL***DOE:JANE$NAD*FL***ROE:RICHARD$NAD*FL***POE:ED$UNT*9*1$"),
                     3);
    /* Without UNA the message header shows what the separators are. */
    assert_int_equal(persons("UNB+UNOA:4+A+B+240101:1200+1'\nUNH+1+PNRGOV:13:1:IA+F6C2C268'\nMSG+:22'\n"
                             "TIF+DOE+JANE:A'\nSSR+DOCS:HK::DL:::::/P/USA/813281747//12AUG78/F/08DEC29/DOE/JANE'\n"
                             "TIF+ROE+RICHARD:A'\n"),
                     2);
    assert_int_equal(persons("SSR DOCS DL HK1/P/USA/813281747/USA/12AUG78/F/08DEC29/DOE/JANE\n"), 1);
    assert_int_equal(persons("The PAXLST message is defined by UN/EDIFACT; NAD+FL opens each person.\n"), 0);
    assert_int_equal(persons("SSR DOCS are sent when the passenger shows a passport.\n"), 0);
}

static void put_tlv(struct record *r, unsigned tag, const void *value, size_t len)
{
    if (tag > 0xff)
        put_u8(r, tag >> 8);
    put_u8(r, tag);
    if (len >= 256) {
        put_u8(r, 0x82);
        put_be16(r, (unsigned)len);
    } else if (len >= 128) {
        put_u8(r, 0x81);
        put_u8(r, (unsigned)len);
    } else {
        put_u8(r, (unsigned)len);
    }
    put(r, value, len);
}

/* A file of biometrics as a chip holds it: `count` templates, each with a data block. */
static void put_biometric_file(struct record *r, unsigned tag, unsigned type, unsigned count, const struct record *block)
{
    struct record head = {0}, one = {0}, group = {0}, tree = {0};
    uint8_t number = (uint8_t)count, kind = (uint8_t)type;
    put_tlv(&head, 0x81, &kind, 1);
    put_tlv(&head, 0x87, "\1\1", 2);
    put_tlv(&head, 0x88, "\0\x08", 2);
    put_tlv(&one, 0xa1, head.data, head.len);
    put_tlv(&one, 0x5f2e, block->data, block->len);
    put_tlv(&group, 0x02, &number, 1);
    for (unsigned i = 0; i < count; i++)
        put_tlv(&group, 0x7f60, one.data, one.len);
    put_tlv(&tree, 0x7f61, group.data, group.len);
    if (tag)
        put_tlv(r, tag, tree.data, tree.len);
    else
        put(r, tree.data, tree.len);
}

static void check_file(const struct record *r, const char *type, const char *kind, unsigned records)
{
    struct outcome o = recognise(&recogniser_icao, r->data, r->len);
    void *state = calloc(1, recogniser_icao.state_size);
    assert_int_equal(o.state, RECOGNISE_END);
    assert_int_equal(o.end, r->len);
    assert_string_equal(fact_text(&o.facts, FACT_biometric_kind), kind);
    assert_int_equal(fact_int(&o.facts, FACT_biometric_records), records);
    recogniser_icao.feed(state, &o.facts, r->data, r->len, 0);
    assert_string_equal(recogniser_icao.type_of(state), type);
    free(state);
}

static void test_chip_files(void **state)
{
    struct record r = {0}, image = {0}, value = {0}, face = {0};
    char zone[89];
    (void)state;
    memcpy(zone, TD3, 44);
    memcpy(zone + 44, TD3 + 45, 44);
    put_tlv(&value, 0x5f1f, zone, 88);
    put_tlv(&r, 0x61, value.data, value.len);
    check_file(&r, "icao-dg1", "travel_document", 1);
    struct outcome o = recognise(&recogniser_icao, r.data, r.len);
    assert_int_equal(fact_int(&o.facts, FACT_mrz_valid_count), 1);

    put_jpeg(&image, &(struct jpeg_recipe){.width = 413, .height = 531, .entropy = 1000});
    put(&face, "FAC\000010\0", 8);
    put_be32(&face, (unsigned)(46 + image.len));
    put_be16(&face, 1);
    put_be32(&face, (unsigned)(32 + image.len));
    put_zeros(&face, 16);
    put(&face, "\1\0\1\x9d\2\x13\1\2\0\0\0\0", 12);
    put(&face, image.data, image.len);
    r.len = 0;
    put_biometric_file(&r, 0x75, 2, 1, &face);
    check_file(&r, "icao-dg2", "face", 1);
    o = recognise(&recogniser_icao, r.data, r.len);
    assert_string_equal(fact_text(&o.facts, FACT_biometric_standard), "ISO/IEC 19794-5:2005");
    assert_int_equal(fact_int(&o.facts, FACT_image_width), 413);

    r.len = 0;
    put_biometric_file(&r, 0x63, 8, 2, &face); /* the block's own kind does not decide */
    check_file(&r, "icao-dg3", "finger_image", 2);
    r.len = 0;
    put_biometric_file(&r, 0, 2, 1, &face);
    check_file(&r, "cbeff", "face", 1);

    r.len = value.len = 0;
    put_tlv(&value, 0x5f01, "0107", 4);
    put_tlv(&value, 0x5f36, "040000", 6);
    put_tlv(&value, 0x5c, "\x61\x75\x63", 3);
    put_tlv(&r, 0x60, value.data, value.len);
    check_file(&r, "icao-com", "travel_document", 1);
}

static void test_a_security_object_needs_its_identifier(void **state)
{
    struct record r = {0}, content = {0}, sequence = {0};
    (void)state;
    for (unsigned true_one = 0; true_one < 2; true_one++) {
        r.len = content.len = sequence.len = 0;
        put_tlv(&content, 0x06, "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 9);
        put_tlv(&content, 0x06, true_one ? "\x67\x81\x08\x01\x01\x01" : "\x67\x81\x08\x01\x01\x02", 6);
        put_tlv(&content, 0x04, "abcdef", 6);
        put_tlv(&sequence, 0x30, content.data, content.len);
        put_tlv(&r, 0x77, sequence.data, sequence.len);
        struct outcome o = recognise(&recogniser_icao, r.data, r.len);
        assert_int_equal(o.state, true_one ? RECOGNISE_END : RECOGNISE_NO);
    }
}

static void test_extensible_face(void **state)
{
    struct record image = {0}, r = {0}, tree = {0}, version = {0};
    (void)state;
    put_jpeg(&image, &(struct jpeg_recipe){.width = 300, .height = 400, .entropy = 800});
    put_tlv(&tree, 0x80, image.data, image.len);
    static const unsigned around[] = {0xa0, 0xa1, 0x30, 0xa1};
    for (unsigned i = 0; i < 4; i++) {
        struct record inner = tree;
        tree.len = 0;
        put_tlv(&tree, around[i], inner.data, inner.len);
    }
    put_tlv(&version, 0xa0, "\x80\x01\x03\x81\x02\x07\xe3", 7);
    put(&version, tree.data, tree.len);
    put_tlv(&r, 0x65, version.data, version.len);
    struct outcome o = recognise(&recogniser_iso39794, r.data, r.len);
    assert_int_equal(o.state, RECOGNISE_END);
    assert_int_equal(o.end, r.len);
    assert_string_equal(fact_text(&o.facts, FACT_biometric_standard), "ISO/IEC 39794-5");
    assert_string_equal(fact_text(&o.facts, FACT_biometric_image_type), "jpeg");
    assert_int_equal(fact_int(&o.facts, FACT_image_width), 300);
}

/* A transaction: Type-1 in either spelling, Type-2, a face with its data field repeated, a fingerprint. */
static void put_transaction(struct record *r, const char *prefix)
{
    char head[256], record[64];
    struct record image = {0};
    int length = 0;
    put_jpeg(&image, &(struct jpeg_recipe){.width = 300, .height = 400, .entropy = 700});
    for (int i = 0; i < 2; i++)
        length = snprintf(head, sizeof(head),
                          "%s1:%03d\x1d%s2:0400\x1d%s3:1\x1f"
                          "3\x1e"
                          "2\x1f"
                          "00\x1e"
                          "10\x1f"
                          "01\x1e"
                          "4\x1f"
                          "02\x1d%s4:CAR\x1d%s5:20240101\x1d%s7:AGENCY\x1d%s8:AGENCY\x1c",
                          prefix, length, prefix, prefix, prefix, prefix, prefix, prefix);
    put(r, head, (size_t)length);
    put_text(r, "2.001:26\x1d"
                "2.002:00\x1d"
                "2.018:D\x1c");
    size_t begin = r->len;
    put_text(r, "10.001:00000\x1d"
                "10.003:FACE\x1d"
                "10.006:300\x1d"
                "10.007:400\x1d"
                "10.011:JPEGB\x1d"
                "10.999:0101\x1d"
                "10.999:");
    put(r, image.data, image.len);
    put_u8(r, 0x1c);
    snprintf(record, sizeof(record), "%05zu", r->len - begin);
    memcpy(r->data + begin + 7, record, 5);
    put_be32(r, 18 + 50 * 40);
    put(r, "\2\0\1\xff\xff\xff\xff\xff\0", 9);
    put_be16(r, 50);
    put_be16(r, 40);
    put_u8(r, 0);
    put_random(r, 50 * 40, 4);
}

static void test_transactions_chain_to_their_end(void **state)
{
    static const char *const prefixes[] = {"1.00", "1.0"};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct record r = {0};
        put_transaction(&r, prefixes[i]);
        size_t end = r.len;
        put_text(&r, "trailing bytes");
        struct outcome o = recognise(&recogniser_an2k, r.data, r.len);
        assert_int_equal(o.state, RECOGNISE_END);
        assert_int_equal(o.end, end);
        assert_string_equal(fact_text(&o.facts, FACT_biometric_kind), "face,finger_image");
        assert_string_equal(fact_text(&o.facts, FACT_biometric_transaction), "CAR");
        assert_string_equal(fact_text(&o.facts, FACT_biometric_image_type), "jpeg");
        assert_int_equal(fact_int(&o.facts, FACT_biometric_records), 2);
        assert_int_equal(fact_int(&o.facts, FACT_image_height), 400);
        assert_non_null(strstr(fact_text(&o.facts, FACT_biometric_checks), "chain"));
        uint8_t *listed = memmem(r.data, r.len, "3:1\x1f", 4);
        listed[4] = '5'; /* lists three, says five */
        assert_int_equal(recognise(&recogniser_an2k, r.data, r.len).state, RECOGNISE_NO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_specimens_of_all_kinds_hold),
        cmocka_unit_test(test_any_digit_changed_fails),
        cmocka_unit_test(test_zones_in_every_text_format),
        cmocka_unit_test(test_lines_of_fillers_are_no_zone),
        cmocka_unit_test(test_passenger_lists_with_any_separators),
        cmocka_unit_test(test_chip_files),
        cmocka_unit_test(test_a_security_object_needs_its_identifier),
        cmocka_unit_test(test_extensible_face),
        cmocka_unit_test(test_transactions_chain_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
