/* Plates, identifiers, embeddings, encrypted containers and JPEG fragments: what is a record in its context must be
 * counted, and the same characters without the context must not. */
#include <math.h>

#include "make.h"

static int64_t count_in(const struct recogniser *r, enum fact_id id, const void *data, size_t len)
{
    struct outcome o = recognise(r, data, len);
    return o.state == RECOGNISE_NO ? 0 : fact_int(&o.facts, id);
}

static int64_t count_text(const struct recogniser *r, enum fact_id id, const char *text)
{
    return count_in(r, id, text, strlen(text));
}

static void put_plate_rows(struct record *r, unsigned rows, bool head, bool places)
{
    char row[160];
    uint32_t seed = 5;
    if (head)
        put_text(r, "id,plate_number,read_time,camera_id,confidence\n");
    for (unsigned i = 0; i < rows; i++) {
        unsigned n = draw(&seed) % 10000, letter = draw(&seed) % 26;
        snprintf(row, sizeof(row), "%u,%cB%c%04u,2024-03-%02u 10:%02u:00,%s,0.97\n", i, 'A' + letter, 'Z' - letter, n,
                 1 + i % 28, i % 60, places ? "31.7619,-106.4850" : "cam-7");
        put_text(r, row);
    }
}

static void test_plate_rows_need_a_head_or_companions(void **state)
{
    struct record r = {0};
    (void)state;
    put_plate_rows(&r, 200, true, false);
    assert_int_equal(count_in(&recogniser_plate_rows, FACT_plate_row_count, r.data, r.len), 200);
    r.len = 0;
    put_plate_rows(&r, 200, false, true);
    assert_int_equal(count_in(&recogniser_plate_rows, FACT_plate_row_count, r.data, r.len), 200);
    r.len = 0;
    put_plate_rows(&r, 200, false, false); /* a shape and a time: any log has that */
    assert_int_equal(count_in(&recogniser_plate_rows, FACT_plate_row_count, r.data, r.len), 0);
}

static void test_plates_by_keys(void **state)
{
    (void)state;
    assert_int_equal(count_text(&recogniser_plate_keys, FACT_plate_row_count,
                                "{\"data_type\":\"alpr_results\",\"epoch_time\":1402161050,\"results\":[{\"plate\":\"S11FRE\","
                                "\"confidence\":77.1,\"region\":\"\",\"candidates\":[{\"plate\":\"S11FRE\"},{\"plate\":\"S11ERE\"}]}]}"),
                     1);
    assert_int_equal(count_text(&recogniser_plate_keys, FACT_plate_row_count,
                                "<AutoVu><Plate>ABC1234</Plate><State>TX</State><UTCTime>10:00:00</UTCTime>"
                                "<CameraName>North</CameraName></AutoVu>"),
                     1);
    assert_int_equal(count_text(&recogniser_plate_keys, FACT_plate_row_count,
                                "<scr:LPRConveyanceCheckMessage><scr:LPRMessageCategoryCode>LPRIMAGE"
                                "</scr:LPRMessageCategoryCode></scr:LPRConveyanceCheckMessage>"),
                     1);
    assert_int_equal(count_text(&recogniser_plate_keys, FACT_plate_row_count,
                                "{\"menu\":[{\"plate\":\"TAPAS12\",\"price\":7}]}"),
                     0);
}

static void test_plates_in_sql(void **state)
{
    (void)state;
    assert_int_equal(count_text(&recogniser_plate_sql, FACT_plate_row_count,
                                "INSERT INTO `lpr_reads` VALUES (1,'ABC1234','2024-01-02 10:00:00'),"
                                "(2,'7XYZ123','2024-01-02 10:00:09');"),
                     2);
    assert_int_equal(count_text(&recogniser_plate_sql, FACT_plate_row_count,
                                "INSERT INTO `orders` VALUES (1,'ABC1234','2024-01-02 10:00:00');"),
                     0);
}

static void test_identifiers_need_context(void **state)
{
    (void)state;
    assert_int_equal(count_text(&recogniser_identifiers, FACT_ssn_count, "{\"ssn\": \"219-45-6780\"}"), 1);
    assert_int_equal(count_text(&recogniser_identifiers, FACT_ssn_count,
                                "name,ssn,dob\nDoe,219456780,1970\nRoe,530-11-9021,1971\nPoe,000-11-9021,1972\n"),
                     2);
    assert_int_equal(count_text(&recogniser_identifiers, FACT_ssn_count, "order 219-45-6780 has shipped\n"), 0);
    assert_int_equal(count_text(&recogniser_identifiers, FACT_passport_count, "Passport number: C01234567\n"), 1);
    assert_int_equal(count_text(&recogniser_identifiers, FACT_passport_count, "part number: C01234567\n"), 0);
}

static void draw_unit_vector(float *x, unsigned d, uint32_t *seed)
{
    double sum = 0;
    for (unsigned i = 0; i < d; i++) {
        double value = 0;
        for (unsigned k = 0; k < 6; k++)
            value += (double)(draw(seed) % 10000) / 10000 - 0.5;
        x[i] = (float)value;
        sum += value * value;
    }
    for (unsigned i = 0; i < d; i++)
        x[i] = (float)(x[i] / sqrt(sum));
}

static void test_embeddings_in_every_carrier(void **state)
{
    struct record raw = {0}, npy = {0}, json = {0};
    float x[512];
    uint32_t seed = 11;
    (void)state;
    put_random(&raw, 1026, 7); /* the vectors stand at an odd place behind something else */
    put(&npy, "\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (9, 512), }", 69);
    while (npy.len < 10 + 0x76)
        put_u8(&npy, ' ');
    for (unsigned i = 0; i < 9; i++) {
        draw_unit_vector(x, 512, &seed);
        put(&raw, x, sizeof(x));
        put(&npy, x, sizeof(x));
    }
    put_random(&raw, 5000, 8);
    assert_int_equal(count_in(&recogniser_npy, FACT_embedding_count, npy.data, npy.len), 9);
    assert_int_equal(count_in(&recogniser_vector_raw, FACT_embedding_count, raw.data, raw.len), 9);
    /* Further in, the first few are what it takes to notice: the count is a lower bound. */
    struct record later = {0};
    put_random(&later, 9000, 6);
    put(&later, raw.data, raw.len);
    assert_true(count_in(&recogniser_vector_raw, FACT_embedding_count, later.data, later.len) >= 2);
    for (unsigned k = 0; k < 3; k++) {
        char number[32];
        draw_unit_vector(x, 128, &seed);
        for (unsigned i = 0; i < 128; i++) {
            snprintf(number, sizeof(number), "%s%.6f", i ? "," : "{\"embedding\": [", (double)x[i]);
            put_text(&json, number);
        }
        put_text(&json, "]}\n");
    }
    assert_int_equal(count_in(&recogniser_vector_text, FACT_embedding_count, json.data, json.len), 3);
    json.data[json.len - 12] = '9'; /* one number changed: no unit vector any more */
    json.data[json.len - 14] = '7';
    assert_true(count_in(&recogniser_vector_text, FACT_embedding_count, json.data, json.len) <= 3);
    raw.len = 0;
    put_random(&raw, 60000, 9);
    assert_int_equal(count_in(&recogniser_vector_raw, FACT_embedding_count, raw.data, raw.len), 0);
}

static int64_t is_encrypted(const char *bytes, size_t len)
{
    return count_in(&recogniser_encrypted, FACT_encrypted_container, bytes, len);
}

static void test_encrypted_containers(void **state)
{
    struct record pdf = {0};
    (void)state;
    assert_int_equal(is_encrypted("PK\3\4\x14\0\1\0\x08\0\0\0\0\0\0\0\0\0\5\0\0\0\5\0\0\0\1\0\0\0ahello", 36), 1);
    assert_int_equal(is_encrypted("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0\5\0\0\0\1\0\0\0ahello", 36), 0);
    assert_int_equal(is_encrypted("Salted__0123456789abcdef", 24), 1);
    assert_int_equal(count_in(&recogniser_rar, FACT_encrypted_container,
                              "Rar!\x1a\7\0\xcf\x90\x73\x80\0\x0d\0\0\0\0\0\0\0", 20), 1);
    put_text(&pdf, "%PDF-1.6\n");
    put_random(&pdf, 3000, 4);
    assert_int_equal(is_encrypted((const char *)pdf.data, pdf.len), 0);
    put_text(&pdf, "trailer <</Root 1 0 R /Encrypt 9 0 R>>");
    assert_int_equal(is_encrypted((const char *)pdf.data, pdf.len), 1);
}

static void test_jpeg_data_without_its_head(void **state)
{
    struct record r = {0};
    (void)state;
    put_entropy(&r, 40000, 21);
    assert_int_equal(count_in(&recogniser_fragment, FACT_image_fragment, r.data, r.len), 1);
    r.len = 0;
    put_random(&r, 40000, 21);
    assert_int_equal(count_in(&recogniser_fragment, FACT_image_fragment, r.data, r.len), 0);
}

static void test_biometrics_in_xml(void **state)
{
    struct outcome o;
    static const char package[] = "<itl:NISTBiometricInformationExchangePackage><itl:PackageFacialAndSMTImageRecord>"
                                  "<nc:BinaryBase64Object>/9j/4AAQ</nc:BinaryBase64Object></itl:PackageFacialAndSMTImageRecord>";
    static const char prose[] = "<p>The namespace niem/domains/biometrics/ holds a FaceImage type.</p>";
    (void)state;
    o = recognise(&recogniser_biometric_xml, (const uint8_t *)package, strlen(package));
    assert_string_equal(fact_text(&o.facts, FACT_biometric_kind), "face");
    assert_string_equal(fact_text(&o.facts, FACT_biometric_standard), "ANSI/NIST-ITL XML");
    o = recognise(&recogniser_biometric_xml, (const uint8_t *)prose, strlen(prose));
    assert_int_equal(fact_int(&o.facts, FACT_biometric_valid), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plate_rows_need_a_head_or_companions),
        cmocka_unit_test(test_plates_by_keys),
        cmocka_unit_test(test_plates_in_sql),
        cmocka_unit_test(test_identifiers_need_context),
        cmocka_unit_test(test_embeddings_in_every_carrier),
        cmocka_unit_test(test_encrypted_containers),
        cmocka_unit_test(test_jpeg_data_without_its_head),
        cmocka_unit_test(test_biometrics_in_xml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
