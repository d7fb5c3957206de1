/* Archives: every member comes out with its name and bytes while the archive is on its way, and
 * what is no member is not lost either. */
#include "coded.h"

struct archive {
    uint8_t data[400000];
    size_t len;
};

static void put(struct archive *a, const void *data, size_t len)
{
    assert_true(a->len + len <= sizeof(a->data));
    if (len)
        memcpy(a->data + a->len, data, len);
    a->len += len;
}

static void put_le(struct archive *a, uint64_t value, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        put(a, &(uint8_t){i < 8 ? (uint8_t)(value >> (8 * i)) : 0}, 1);
}

enum { NORMAL = 0, ENCRYPTED = 1, DESCRIPTOR = 8, BARE_DESCRIPTOR = 0x10008, ZIP64 = 0x20000 };

static void zip_put(struct archive *a, const char *name, unsigned method, unsigned how,
                    const void *data, size_t len)
{
    struct coded coded = method == 8    ? deflated(data, len, -15)
                         : method == 93 ? zstandard(data, len)
                                        : (struct coded){NULL, 0};
    const void *packed = coded.data ? coded.data : data;
    size_t packed_len = coded.data ? coded.len : len, extra = how & ZIP64 ? 20 : 0;
    bool later = how & DESCRIPTOR;
    put(a, "PK\3\4\24\0", 6);
    put_le(a, how & 0xffff, 2);
    put_le(a, method, 2);
    put_le(a, 0, 8); /* time, date, check sum */
    put_le(a, how & ZIP64 ? 0xffffffff : later ? 0 : packed_len, 4);
    put_le(a, how & ZIP64 ? 0xffffffff : later ? 0 : len, 4);
    put_le(a, strlen(name), 2);
    put_le(a, extra, 2);
    put(a, name, strlen(name));
    if (extra) {
        put_le(a, 1, 2);
        put_le(a, 16, 2);
        put_le(a, len, 8);
        put_le(a, packed_len, 8);
    }
    put(a, packed, packed_len);
    if (later) {
        if (how != BARE_DESCRIPTOR)
            put(a, "PK\7\10", 4);
        put_le(a, 0, 4);
        put_le(a, packed_len, 4);
        put_le(a, len, 4);
    }
    free(coded.data);
}

static void zip_finish(struct archive *a, unsigned members)
{
    for (unsigned i = 0; i < members; i++) {
        put(a, "PK\1\2", 4);
        put_le(a, 0, 24);
        put_le(a, 5, 2);
        put_le(a, 0, 16);
        put(a, "entry", 5);
    }
    put(a, "PK\5\6", 4);
    put_le(a, 0, 16);
    put_le(a, 7, 2);
    put(a, "comment", 7);
}

static void tar_put(struct archive *a, const char *name, char type, const void *data, size_t len)
{
    uint8_t header[512] = {0};
    unsigned sum = 0;
    snprintf((char *)header, 100, "%s", name);
    snprintf((char *)header + 124, 12, "%011zo", len);
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    header[156] = (uint8_t)type;
    memset(header + 148, ' ', 8);
    for (unsigned i = 0; i < 512; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
    put(a, header, 512);
    put(a, data, len);
    memset(header, 0, sizeof(header));
    put(a, header, (512 - len % 512) % 512);
}

static void tar_finish(struct archive *a)
{
    static const uint8_t zeros[1024];
    put(a, zeros, sizeof(zeros));
}

static struct archive archive; /* too large for the stack */
static char plain[100000];

static void in_every_cut(void (*check)(const struct recorder *r), size_t from, size_t to)
{
    struct recorder *r = recorder_new(NULL, 0);
    for (size_t piece = 0; piece < 6000; piece = piece < 9 ? piece + 1 : piece * 3) {
        send_body(r, "application/octet-stream", NULL, archive.data, archive.len, piece);
        check(r);
        recorder_clear(r);
    }
    for (size_t at = from; at < to && at < archive.len; at++) {
        struct object *object = begin(r, NULL, NULL);
        feed(r, object, archive.data, at);
        feed(r, object, archive.data + at, archive.len - at);
        object_end(r->env, object, OBJECT_CLOSED);
        check(r);
        recorder_clear(r);
    }
    recorder_free(r);
}

static void expect(const struct recorder *r, unsigned i, const char *path, const char *name,
                   const char *bytes, size_t len)
{
    assert_true(i < r->count);
    assert_string_equal(r->seen[i].path, path);
    assert_string_equal(r->seen[i].name, name);
    assert_bytes(&r->seen[i], bytes, len);
    assert_int_equal(r->seen[i].state, OBJECT_CLOSED);
    assert_int_equal(r->seen[i].depth, 1);
    assert_true(r->seen[i].has_sha256);
}

static void expect_archive(const struct recorder *r)
{
    assert_bytes(&r->seen[0], archive.data, archive.len);
    assert_int_equal(r->seen[0].state, OBJECT_CLOSED);
    assert_int_equal(r->seen[0].depth, 0);
}

static void is_the_zip(const struct recorder *r)
{
    assert_int_equal(r->count, 9);
    expect_archive(r);
    expect(r, 1, "zip:a/stored.txt", "a/stored.txt", plain, 700);
    expect(r, 2, "zip:deflated.csv", "deflated.csv", plain, 5000);
    expect(r, 3, "zip:later.txt", "later.txt", plain + 3, 4000);
    expect(r, 4, "zip:bare.txt", "bare.txt", plain + 5, 3000);
    expect(r, 5, "zip:tiny", "tiny", "x", 1);
    expect(r, 6, "zip:endless.txt", "endless.txt", plain + 9, 600);
    expect(r, 7, "zip:large.txt", "large.txt", plain, 2000);
    expect(r, 8, "zip:zstandard", "zstandard", plain, 3000);
}

static void members_of_a_zip_are_objects(void **state)
{
    (void)state;
    text(plain, sizeof(plain));
    archive.len = 0;
    zip_put(&archive, "a/", 0, NORMAL, "", 0);
    zip_put(&archive, "a/stored.txt", 0, NORMAL, plain, 700);
    zip_put(&archive, "deflated.csv", 8, NORMAL, plain, 5000);
    zip_put(&archive, "later.txt", 8, DESCRIPTOR, plain + 3, 4000);
    zip_put(&archive, "bare.txt", 8, BARE_DESCRIPTOR, plain + 5, 3000);
    zip_put(&archive, "tiny", 8, DESCRIPTOR, "x", 1);
    zip_put(&archive, "endless.txt", 0, DESCRIPTOR, plain + 9, 600);
    zip_put(&archive, "large.txt", 8, ZIP64, plain, 2000);
    zip_put(&archive, "zstandard", 93, NORMAL, plain, 3000);
    zip_finish(&archive, 9);
    in_every_cut(is_the_zip, 1, archive.len);
}

static void is_the_tar(const struct recorder *r)
{
    assert_int_equal(r->count, 4);
    expect_archive(r);
    expect(r, 1, "tar:photos/one.txt", "photos/one.txt", plain, 1000);
    assert_string_equal(r->seen[2].name, "a/long/name/from/pax.jpg");
    assert_bytes(&r->seen[2], plain, 512);
    assert_string_equal(r->seen[3].name, "gnu/long/name");
    assert_bytes(&r->seen[3], plain, 1);
}

static void members_of_a_tar_are_objects(void **state)
{
    static const char pax[] = "20 mtime=1234567890\n33 path=a/long/name/from/pax.jpg\n";
    (void)state;
    archive.len = 0;
    tar_put(&archive, "photos/", '5', "", 0);
    tar_put(&archive, "photos/one.txt", '0', plain, 1000);
    tar_put(&archive, "PaxHeaders/x", 'x', pax, strlen(pax));
    tar_put(&archive, "x", '0', plain, 512);
    tar_put(&archive, "empty", '0', plain, 0);
    tar_put(&archive, "././@LongLink", 'L', "gnu/long/name", 14);
    tar_put(&archive, "gnu/lon", '0', plain, 1);
    tar_finish(&archive);
    in_every_cut(is_the_tar, 400, 1600);
}

static void is_tgz(const struct recorder *r)
{
    assert_int_equal(r->count, 3);
    expect_archive(r);
    assert_string_equal(r->seen[1].path, "gzip:");
    assert_string_equal(r->seen[2].path, "gzip: tar:in.txt");
    assert_int_equal(r->seen[2].depth, 2);
    assert_bytes(&r->seen[2], plain, 3000);
    assert_int_equal(r->seen[2].state, OBJECT_CLOSED);
}

static void archives_open_in_one_another(void **state)
{
    (void)state;
    archive.len = 0;
    tar_put(&archive, "in.txt", '0', plain, 3000);
    tar_finish(&archive);
    struct coded coded = gzipped(archive.data, archive.len);
    archive.len = 0;
    put(&archive, coded.data, coded.len);
    free(coded.data);
    in_every_cut(is_tgz, 1, archive.len);
}

static void compressed_files_are_named(void **state)
{
    struct recorder *r = recorder_new(NULL, 0);
    struct coded coded = zstandard(plain, 1000);
    const struct object_info info = {.name = {"plates.csv.zst", 14},
                                     .expected_size = OBJECT_SIZE_UNKNOWN};
    (void)state;
    struct object *object = object_begin(r->env, &info);
    feed_all(r, object, coded.data, coded.len, 100);
    object_end(r->env, object, OBJECT_CLOSED);
    expect(r, 1, "zstd:plates.csv", "plates.csv", plain, 1000);
    recorder_clear(r);
    free(coded.data);
    coded = gzipped(plain, 1000);
    archive.len = 0;
    put(&archive, "\x1f\x8b\x08\x08\0\0\0\0\0\x03list.txt\0", 19);
    put(&archive, coded.data + 10, coded.len - 10);
    send_body(r, NULL, NULL, archive.data, archive.len, 0);
    expect(r, 1, "gzip:list.txt", "list.txt", plain, 1000);
    free(coded.data);
    recorder_free(r);
}

/* A lie in a header hides nothing: what is no member is an object of its own. */
static void nothing_hides_between_members(void **state)
{
    static const char *const secrets[] = {
        "secret between members, as long as it takes to be more than filling",
        "secret behind the end, as long as it takes to be more than filling"};
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        archive.len = 0;
        if (kind == 2) {
            struct coded coded = gzipped(plain, 300);
            put(&archive, coded.data, coded.len);
            free(coded.data);
        } else if (kind) {
            tar_put(&archive, "a", '0', plain, 300);
            tar_put(&archive, "link", '2', secrets[0], strlen(secrets[0]));
            tar_put(&archive, "b", '0', plain, 300);
        } else {
            zip_put(&archive, "a", 8, NORMAL, plain, 300);
            put(&archive, secrets[0], strlen(secrets[0]));
            zip_put(&archive, "b", 0, NORMAL, plain, 300);
            zip_finish(&archive, 2);
        }
        put(&archive, secrets[1], strlen(secrets[1]));
        for (size_t piece = 0; piece < 500; piece = piece * 5 + 1) {
            struct recorder *r = recorder_new(NULL, 0);
            send_body(r, NULL, NULL, archive.data, archive.len, piece);
            unsigned found = 0;
            for (unsigned i = 1; i < r->count; i++) {
                for (unsigned s = 0; s < 2; s++)
                    found += memmem(r->seen[i].data, r->seen[i].len, secrets[s],
                                    strlen(secrets[s])) != NULL;
            }
            assert_int_equal(found, kind == 2 ? 1 : 2);
            recorder_free(r);
        }
    }
}

static void what_cannot_be_opened_is_said_so(void **state)
{
    uint8_t jpeg[600];
    (void)state;
    fill(jpeg, sizeof(jpeg), 8);
    memcpy(jpeg, "\xff\xd8\xff\xe0", 4);
    archive.len = 0;
    zip_put(&archive, "locked.jpg", 0, ENCRYPTED, plain, 500);
    zip_put(&archive, "strange.jpg", 99, NORMAL, jpeg, sizeof(jpeg));
    zip_put(&archive, "after.txt", 8, NORMAL, plain, 500);
    zip_finish(&archive, 3);
    struct recorder *r = recorder_new(NULL, 0);
    struct object *object = begin(r, NULL, NULL);
    feed_all(r, object, archive.data, archive.len, 333);
    assert_true(object->opened);
    assert_true(object->encrypted);
    const struct object_info child = {.parent = object, .expected_size = OBJECT_SIZE_UNKNOWN};
    assert_null(object_begin(r->env, &child)); /* a carver's: the members are there already */
    object_end(r->env, object, OBJECT_CLOSED);
    assert_string_equal(r->seen[1].name, "locked.jpg");
    assert_int_equal(r->seen[1].state, OBJECT_TRUNCATED);
    assert_false(r->seen[1].has_sha256);
    assert_bytes(&r->seen[2], jpeg, sizeof(jpeg));
    assert_true(r->seen[2].damaged);
    expect(r, 3, "zip:after.txt", "after.txt", plain, 500);
    recorder_free(r);
}

/* The header says deflate and the bytes say JPEG. */
static void a_member_that_was_not_packed_is_shown_as_it_is(void **state)
{
    uint8_t jpeg[600];
    (void)state;
    fill(jpeg, sizeof(jpeg), 8);
    memcpy(jpeg, "\xff\xd8\xff\xe0", 4);
    archive.len = 0;
    zip_put(&archive, "fake.jpg", 0, NORMAL, jpeg, sizeof(jpeg));
    archive.data[8] = 8;
    struct recorder *r = recorder_new(NULL, 0);
    send_body(r, NULL, NULL, archive.data, archive.len, 0);
    bool found = false;
    for (unsigned i = 1; i < r->count; i++) {
        found |= r->seen[i].len == sizeof(jpeg) && memcmp(r->seen[i].data, jpeg, sizeof(jpeg)) == 0;
        assert_int_equal(r->seen[i].state, OBJECT_TRUNCATED);
    }
    assert_true(found);
    recorder_free(r);
}

static void gaps_cost_the_members_they_touch(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        archive.len = 0;
        size_t end[4] = {0};
        for (unsigned i = 0; i < 4; i++) {
            static const char *const names[] = {"n0", "n1", "n2", "n3"};
            if (kind == 2)
                tar_put(&archive, names[i], '0', plain + i, 900);
            else
                zip_put(&archive, names[i], kind ? 8 : 0, NORMAL, plain + i, 900);
            end[i] = archive.len;
        }
        for (size_t at = 600; at < archive.len; at += 37) {
            for (size_t lost = 1; at + lost < archive.len; lost = lost * 3 + 1) {
                struct recorder *r = recorder_new(NULL, 0);
                struct object *object = begin(r, NULL, NULL);
                feed(r, object, archive.data, at);
                object_gap(r->env, object, lost);
                feed(r, object, archive.data + at + lost, archive.len - at - lost);
                object_end(r->env, object, OBJECT_CLOSED);
                assert_int_equal(r->seen[0].state, OBJECT_TRUNCATED);
                for (unsigned i = 0; i < 4; i++) {
                    bool touched = at < end[i] && at + lost > (i ? end[i - 1] : 0);
                    bool whole = false;
                    for (unsigned k = 1; k < r->count; k++)
                        whole |= r->seen[k].state == OBJECT_CLOSED && r->seen[k].len == 900 &&
                                 memcmp(r->seen[k].data, plain + i, 900) == 0;
                    assert_true(whole || touched);
                }
                for (unsigned k = 1; k < r->count; k++)
                    assert_true(r->seen[k].state == OBJECT_TRUNCATED || r->seen[k].len == 900);
                recorder_free(r);
            }
        }
    }
}

/* 200 times 200 is still 200: the ratio is over all archives on the way. */
static void bombs_in_bombs_stop(void **state)
{
    uint8_t *zeros = calloc(1, 8 << 20);
    (void)state;
    struct coded inner = gzipped(zeros, 8 << 20);
    archive.len = 0;
    for (unsigned i = 0; i < 20; i++)
        zip_put(&archive, "bomb.gz", 8, NORMAL, inner.data, inner.len);
    zip_finish(&archive, 20);
    struct recorder *r = recorder_new(NULL, 0);
    send_body(r, NULL, NULL, archive.data, archive.len, 1460);
    assert_true(r->counters.value[COUNT_OBJECT_BYTES] < archive.len * 202 + (2 << 20));
    free(inner.data);
    free(zeros);
    recorder_free(r);
}

static void only_archives_are_opened(void **state)
{
    static const char *const bodies[] = {"PK\3", "PK\5\6 and more of it",
                                         "\x1f\x8b\x09\x00 something", "text"};
    (void)state;
    for (unsigned i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct recorder *r = recorder_new(NULL, 0);
        send_body(r, NULL, NULL, bodies[i], strlen(bodies[i]), 1);
        assert_text(only(r), bodies[i]);
        recorder_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_a_zip_are_objects),
        cmocka_unit_test(members_of_a_tar_are_objects),
        cmocka_unit_test(archives_open_in_one_another),
        cmocka_unit_test(compressed_files_are_named),
        cmocka_unit_test(nothing_hides_between_members),
        cmocka_unit_test(what_cannot_be_opened_is_said_so),
        cmocka_unit_test(a_member_that_was_not_packed_is_shown_as_it_is),
        cmocka_unit_test(gaps_cost_the_members_they_touch),
        cmocka_unit_test(bombs_in_bombs_stop),
        cmocka_unit_test(only_archives_are_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
