/* multipart and message/rfc822: every part comes out with its bytes, name and type, wherever the
 * body is cut, and nothing stands outside the parts unseen. */
#include <time.h>

#include "record.h"

#define FORM "multipart/form-data; boundary=XyZ"

/* Runs `check` over the body in pieces of several sizes and in two pieces cut at every position. */
static void in_every_cut(const char *type, const char *body, size_t len,
                         void (*check)(const struct recorder *r))
{
    struct recorder *r = recorder_new(NULL, 0);
    for (size_t piece = 0; piece < 80; piece = piece < 9 ? piece + 1 : piece * 2) {
        send_body(r, type, NULL, body, len, piece);
        check(r);
        recorder_clear(r);
    }
    for (size_t at = 1; at < len && at < 3000; at++) {
        struct object *object = begin(r, type, NULL);
        feed(r, object, body, at);
        feed(r, object, body + at, len - at);
        object_end(r->env, object, OBJECT_CLOSED);
        check(r);
        recorder_clear(r);
    }
    recorder_free(r);
}

static void check_text(const char *type, const char *body, void (*check)(const struct recorder *r))
{
    in_every_cut(type, body, strlen(body), check);
}

static void expect(const struct recorder *r, unsigned i, const char *path, const char *name,
                   const char *type, const char *bytes)
{
    assert_true(i < r->count);
    const struct seen *seen = &r->seen[i];
    assert_string_equal(seen->path, path);
    assert_string_equal(seen->name, name);
    assert_string_equal(seen->type, type);
    assert_text(seen, bytes);
    assert_int_equal(seen->state, OBJECT_CLOSED);
    assert_true(seen->has_sha256);
}

static void is_the_form(const struct recorder *r)
{
    assert_int_equal(r->count, 3);
    expect(r, 0, "multipart:comment", "", "", "two\r\nlines");
    expect(r, 1, "multipart:photo", "IMG_0001.JPG", "image/jpeg",
           "\xff\xd8\xff\r\n--Xy\n--XyZ1\r\r\n\xff\xd9");
    expect(r, 2, "multipart:last", "", "", "\r\n");
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(r->seen[i].depth, 0);
}

static void a_form_comes_apart(void **state)
{
    static const char body[] =
        "--XyZ\r\nContent-Disposition: form-data; name=\"comment\"\r\n\r\ntwo\r\nlines\r\n"
        "--XyZ\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"IMG_0001.JPG\"\r\n"
        "Content-Type: image/jpeg\r\n\r\n\xff\xd8\xff\r\n--Xy\n--XyZ1\r\r\n\xff\xd9\r\n"
        "--XyZ \t\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n"
        "--XyZ\r\nContent-Disposition: form-data;name=last\r\n\r\n\r\n\r\n--XyZ--\r\n";
    (void)state;
    check_text(FORM, body, is_the_form);
    check_text("Multipart/Form-Data; charset=utf-8; BOUNDARY=\"XyZ\"", body, is_the_form);
    check_text("multipart/form-data", body, is_the_form); /* undeclared: the first line tells */
}

static void is_lines(const struct recorder *r)
{
    assert_int_equal(r->count, 2);
    expect(r, 0, "multipart:1", "", "text/plain", "a\n\nb");
    expect(r, 1, "multipart:2", "", "", "c");
}

static void bare_line_feeds_will_do(void **state)
{
    (void)state;
    check_text("multipart/mixed; boundary=b",
               "This is a multi-part message in MIME format.\n--b\nContent-Type: "
               "text/plain\n\na\n\nb\n--b\n\nc\n--b--\nbye\n",
               is_lines);
}

static void is_bound(const struct recorder *r)
{
    assert_int_equal(r->count, 1);
    expect(r, 0, "multipart:1", "", "", "x");
}

static void boundaries_of_all_kinds(void **state)
{
    char body[2000], type[1500], boundary[1201];
    (void)state;
    check_text("multipart/mixed; boundary=\"a b:c;d\"", "--a b:c;d\r\n\r\nx\r\n--a b:c;d--",
               is_bound);
    check_text("multipart/mixed; boundary=\"b  \"", "--b\r\n\r\nx\r\n--b--", is_bound);
    check_text("multipart/mixed;boundary=----", "------\r\n\r\nx\r\n--------\r\n", is_bound);
    memset(boundary, 'q', sizeof(boundary));
    for (size_t len = 60; len < sizeof(boundary);
         len = len * 3 / 2) { /* longer than any standard allows */
        snprintf(type, sizeof(type), "multipart/mixed; boundary=%.*s", (int)len, boundary);
        int n = snprintf(body, sizeof(body), "--%.*s\r\n\r\nx\r\n", (int)len, boundary);
        snprintf(body + n, sizeof(body) - (size_t)n, "--%.*s--\r\n", 400, boundary);
        if (len <= 250)
            snprintf(body + n, sizeof(body) - (size_t)n, "--%.*s--\r\n", (int)len, boundary);
        struct recorder *r = recorder_new(NULL, 0);
        send_body(r, type, NULL, body, strlen(body), 0);
        assert_text(&r->seen[0], "x");
        recorder_free(r);
    }
}

static void is_missing_its_end(const struct recorder *r)
{
    assert_int_equal(r->count, 2);
    expect(r, 0, "multipart:1", "", "", "whole");
    assert_string_equal(r->seen[1].path, "multipart:2");
    assert_text(&r->seen[1], "cut off\r\n--XyZ1");
    assert_int_equal(r->seen[1].state, OBJECT_TRUNCATED);
}

static void a_part_without_its_delimiter_is_truncated(void **state)
{
    (void)state;
    check_text(FORM, "--XyZ\r\n\r\nwhole\r\n--XyZ\r\n\r\ncut off\r\n--XyZ1", is_missing_its_end);
}

static void is_nested(const struct recorder *r)
{
    assert_int_equal(r->count, 4);
    expect(r, 0, "multipart:1 multipart:1", "", "text/plain", "hello");
    expect(r, 1, "multipart:1 multipart:2", "", "text/html", "<b>hello</b>");
    expect(r, 2, "multipart:2 message multipart:1", "face.jpg", "image/jpeg", "\xff\xd8\xff\xe0");
    expect(r, 3, "multipart:3", "", "", "end");
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(r->seen[i].depth, 0);
}

/* The inner boundary begins with the outer one, as some mailers write them. */
static void parts_nest_and_messages_open(void **state)
{
    (void)state;
    check_text("multipart/mixed; boundary=b",
               "--b\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n"
               "--b2\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
               "--b2\r\nContent-Type: text/html\r\n\r\n<b>hello</b>\r\n--b2--\r\n"
               "--b\r\nContent-Type: message/rfc822\r\n\r\n"
               "From: a@example.org\r\nSubject: x\r\n y\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/mixed;\r\n boundary=\"=_in\"\r\n\r\npreamble\r\n"
               "--=_in\r\nContent-Type: image/jpeg;\r\n "
               "name=\"face.jpg\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
               "/9j/\r\n4A==\r\n--=_in--\r\n"
               "--b\r\n\r\nend\r\n--b--\r\n",
               is_nested);
}

static void is_encoded(const struct recorder *r)
{
    assert_int_equal(r->count, 3);
    expect(r, 0, "multipart:1", "", "", "\xff\xd8\xff\xe0");
    expect(r, 1, "multipart:2", "", "", "a=b c");
    expect(r, 2, "multipart:3", "", "", "\xff\xd8\xff\xe0\x01 raw, whatever the header says");
}

static void transfer_encodings_are_undone(void **state)
{
    (void)state;
    check_text("multipart/mixed; boundary=b",
               "--b\r\nContent-Transfer-Encoding: Base64\r\n\r\n/9j/4A==\r\n\r\n"
               "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db=\r\n c\r\n"
               "--b\r\nContent-Transfer-Encoding: base64\r\n\r\n\xff\xd8\xff\xe0\x01 raw, whatever "
               "the header says\r\n--b--",
               is_encoded);
}

static void is_stray(const struct recorder *r)
{
    assert_int_equal(r->count, 3);
    assert_string_equal(r->seen[0].path, "multipart:preamble");
    assert_text(&r->seen[0], "text \xff\xd8\xff\xe0 hidden");
    expect(r, 1, "multipart:1", "", "", "x");
    assert_string_equal(r->seen[2].path, "multipart:epilogue");
    assert_int_equal(r->seen[2].len, strlen("\r\n\x01 and behind"));
}

/* Receivers drop preamble and epilogue: a place to put things. */
static void nothing_hides_outside_the_parts(void **state)
{
    (void)state;
    check_text(FORM, "text \xff\xd8\xff\xe0 hidden\r\n--XyZ\r\n\r\nx\r\n--XyZ--\r\n\x01 and behind",
               is_stray);
}

static void is_plain(const struct recorder *r)
{
    assert_int_equal(r->count, 1);
    assert_string_equal(r->seen[0].path, "multipart:preamble");
    assert_int_equal(r->seen[0].state, OBJECT_CLOSED);
    assert_true(r->seen[0].len >= 3 && memcmp(r->seen[0].data, "\xff\xd8\xff", 3) == 0);
}

static void is_plain_text(const struct recorder *r)
{
    assert_int_equal(r->count, 1);
    assert_text(&r->seen[0], "ABC123;lane 2\r\nDEF456;lane 3\r\n");
    assert_int_equal(r->seen[0].state, OBJECT_CLOSED);
}

static void a_body_that_is_not_multipart_is_the_object(void **state)
{
    static char large[3000];
    (void)state;
    check_text(FORM, "\xff\xd8\xff\xe0 and so on", is_plain);
    check_text("multipart/mixed", "\xff\xd8\xff\xe0 and so on", is_plain);
    check_text("multipart/mixed", "ABC123;lane 2\r\nDEF456;lane 3\r\n", is_plain_text);
    check_text(FORM, "ABC123;lane 2\r\nDEF456;lane 3\r\n", is_plain_text);
    fill((uint8_t *)large, sizeof(large), 9);
    memcpy(large, "\xff\xd8\xff\xe0\0", 5);
    in_every_cut("multipart/form-data", large, sizeof(large), is_plain);
    in_every_cut(FORM, large, sizeof(large), is_plain);
}

static void is_headerless(const struct recorder *r)
{
    assert_int_equal(r->count, 2);
    assert_text(&r->seen[0], "no empty line\r\n");
    expect(r, 1, "multipart:2", "", "", "x");
}

static void headers_that_never_end_are_content(void **state)
{
    static char body[40000];
    (void)state;
    check_text(FORM, "--XyZ\r\nno empty line\r\n--XyZ\r\n\r\nx\r\n--XyZ--", is_headerless);
    int n = snprintf(body, sizeof(body), "--XyZ\r\n");
    memset(body + n, 'h', 20000);
    snprintf(body + n + 20000, 100, "\r\n--XyZ--\r\n");
    for (size_t piece = 0; piece < 5000; piece = piece * 9 + 1) {
        struct recorder *r = recorder_new(NULL, 0);
        send_body(r, FORM, NULL, body, strlen(body), piece);
        assert_int_equal(only(r)->len, 20000);
        recorder_free(r);
    }
}

static void gap_at(size_t at, size_t lost, const char *body, struct recorder *r)
{
    struct object *object = begin(r, FORM, NULL);
    feed(r, object, body, at);
    object_gap(r->env, object, lost);
    feed(r, object, body + at + lost, strlen(body) - at - lost);
    object_end(r->env, object, OBJECT_CLOSED);
}

/* Whatever is lost: what lies wholly outside the gap comes out whole, and nothing else is called
 * so. */
static void gaps_keep_offsets_and_framing_is_found_again(void **state)
{
    static const char body[] =
        "--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n0123456789abcdef\r\n"
        "--XyZ\r\nContent-Disposition: form-data; name=b\r\n\r\nfirst second third\r\n"
        "--XyZ\r\nContent-Disposition: form-data; name=c\r\n\r\nlast\r\n--XyZ--\r\n";
    static const char *const whole[] = {"0123456789abcdef", "first second third", "last"};
    size_t len = strlen(body);
    (void)state;
    for (size_t at = 0; at < len; at++) {
        for (size_t lost = 1; at + lost <= len; lost += 1 + lost / 4) {
            struct recorder *r = recorder_new(NULL, 0);
            gap_at(at, lost, body, r);
            for (unsigned k = 0; k < 3; k++) {
                size_t from = (size_t)(strstr(body, whole[k]) - body), to = from + strlen(whole[k]);
                bool touched = at < to && at + lost > from;
                bool found = false;
                for (unsigned i = 0; i < r->count; i++) {
                    found = found ||
                            (r->seen[i].len >= strlen(whole[k]) &&
                             memmem(r->seen[i].data, r->seen[i].len, whole[k], strlen(whole[k])));
                    assert_false(touched && r->seen[i].state == OBJECT_CLOSED &&
                                 r->seen[i].len == strlen(whole[k]) &&
                                 memcmp(r->seen[i].data, whole[k], r->seen[i].len) == 0);
                    if (r->seen[i].state == OBJECT_CLOSED) {
                        bool real = false;
                        for (unsigned m = 0; m < 3; m++)
                            real = real || (r->seen[i].len == strlen(whole[m]) &&
                                            memcmp(r->seen[i].data, whole[m], r->seen[i].len) == 0);
                        assert_true(real);
                    }
                }
                assert_true(touched || found);
            }
            recorder_free(r);
        }
    }
    struct recorder *r = recorder_new(NULL, 0);
    gap_at((size_t)(strstr(body, "second") - body), 6, body, r);
    assert_int_equal(r->count, 3);
    assert_bytes(&r->seen[1], "first \0\0\0\0\0\0 third", 18);
    assert_true(r->seen[1].gaps);
    recorder_free(r);
}

static void is_message(const struct recorder *r)
{
    assert_int_equal(r->count, 1);
    expect(r, 0, "message", "", "text/csv", "plate,lane\n\nABC,1\n");
}

static void is_binary_message(const struct recorder *r)
{
    assert_int_equal(r->count, 1);
    assert_text(&r->seen[0], "\xff\xd8\xff\xe0: not a message\r\n\r\nat all");
    assert_int_equal(r->seen[0].state, OBJECT_CLOSED);
}

static void is_header_only(const struct recorder *r)
{
    assert_int_equal(r->count, 1);
    assert_text(&r->seen[0], "Subject: P<UTOERIKSSON<<ANNA<MARIA\r\nX: y\r\n");
}

static void messages_are_opened(void **state)
{
    static char endless[70000];
    (void)state;
    check_text("message/rfc822", "\r\nFrom me\nContent-Type: text/csv\n\nplate,lane\n\nABC,1\n",
               is_message);
    check_text("message/rfc822", "\xff\xd8\xff\xe0: not a message\r\n\r\nat all",
               is_binary_message);
    check_text("message/rfc822", "Subject: P<UTOERIKSSON<<ANNA<MARIA\r\nX: y\r\n", is_header_only);
    memset(endless, 'x', sizeof(endless));
    memcpy(endless, "Name: ", 6);
    for (size_t i = 100; i < sizeof(endless); i += 100)
        memcpy(endless + i, "\r\nMore: ", 8);
    struct recorder *r = recorder_new(NULL, 0);
    send_body(r, "message/rfc822", NULL, endless, sizeof(endless), 1460);
    assert_bytes(only(r), endless, sizeof(endless));
    recorder_free(r);
}

/* At the deepest level allowed the framing stays in the object: refused is not unseen. */
static void beyond_the_nesting_limit_framing_is_content(void **state)
{
    struct recorder *r = recorder_new(&(struct object_limits){1 << 20, 1, 200}, 0);
    static const char body[] = "--b\r\nContent-Type: multipart/mixed; "
                               "boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n";
    (void)state;
    send_body(r, "multipart/mixed; boundary=b", NULL, body, strlen(body), 0);
    assert_text(only(r), "--c\r\n\r\nx\r\n--c--");
    recorder_free(r);
}

static void digests_hold_messages(void **state)
{
    struct recorder *r = recorder_new(NULL, 0);
    static const char body[] =
        "--b\n\nSubject: one\n\nfirst\n--b\n\nSubject: two\n\nsecond\n--b--\n";
    (void)state;
    send_body(r, "multipart/digest; boundary=b", NULL, body, strlen(body), 0);
    assert_int_equal(r->count, 2);
    expect(r, 0, "multipart:1 message", "", "", "first");
    expect(r, 1, "multipart:2 message", "", "", "second");
    recorder_free(r);
}

/* However many delimiters, headers or almost-delimiters: time grows with the bytes. */
static void hostile_bodies_cost_linear_time(void **state)
{
    static const char *const units[] = {
        "\n",      "\r",        "\r\n",       "\n--", "\r\n--Xy",
        "\n--XyZ", "\n--XyZ\n", "\n--XyZ \t", "-",    "\r\n--XyZ\r\nA:b\r\n\r\n"};
    size_t len = 4 << 20;
    char *body = malloc(len + 64);
    (void)state;
    for (unsigned u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
        size_t n = strlen(units[u]);
        for (size_t at = 0; at < len; at += n)
            memcpy(body + at, units[u], n);
        struct recorder *r = recorder_new(NULL, 0);
        clock_t begun = clock();
        struct object *object = begin(r, FORM, NULL);
        for (size_t at = 0; at < len; at += 1460)
            object_data(r->env, object, (const uint8_t *)body + at,
                        len - at < 1460 ? len - at : 1460);
        object_end(r->env, object, OBJECT_CLOSED);
        assert_true((double)(clock() - begun) / CLOCKS_PER_SEC < 5);
        recorder_free(r);
    }
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_comes_apart),
        cmocka_unit_test(bare_line_feeds_will_do),
        cmocka_unit_test(boundaries_of_all_kinds),
        cmocka_unit_test(a_part_without_its_delimiter_is_truncated),
        cmocka_unit_test(parts_nest_and_messages_open),
        cmocka_unit_test(transfer_encodings_are_undone),
        cmocka_unit_test(nothing_hides_outside_the_parts),
        cmocka_unit_test(a_body_that_is_not_multipart_is_the_object),
        cmocka_unit_test(headers_that_never_end_are_content),
        cmocka_unit_test(gaps_keep_offsets_and_framing_is_found_again),
        cmocka_unit_test(messages_are_opened),
        cmocka_unit_test(beyond_the_nesting_limit_framing_is_content),
        cmocka_unit_test(digests_hold_messages),
        cmocka_unit_test(hostile_bodies_cost_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
