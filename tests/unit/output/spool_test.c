/* Were the spool wrong, an alert would be lost with the process, the disk or Redis, or be there twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fixture.h"
#include "output/crc32c.h"
#include "output/spool_private.h"

struct scene {
    struct folder folder;
    struct config config;
    struct event_base *base;
    struct spool *spool;
    unsigned readable_calls;
};

static void on_readable(void *user)
{
    ((struct scene *)user)->readable_calls++;
}

static void start(struct scene *s)
{
    char error[512] = "";
    s->base = event_base_new();
    s->spool = spool_open(s->base, &s->config, on_readable, s, error, sizeof(error));
    if (!s->spool)
        fail_msg("%s", error);
}

static void stop(struct scene *s)
{
    spool_close(s->spool);
    event_base_free(s->base);
    s->spool = NULL;
}

/* As if the process had been killed: nothing is written any more. What the disk thread holds is written out. */
static void crash(struct scene *s)
{
    close(s->spool->directory);
    close(s->spool->lock);
    s->spool->directory = s->spool->lock = -1;
    stop(s);
}

static int begin(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    folder_make(&s->folder);
    settings_make(&s->config, &s->folder, "off");
    start(s);
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct scene *s = *state;
    if (s->spool)
        stop(s);
    folder_remove(&s->folder);
    free(s);
    return 0;
}

static void append(struct scene *s, unsigned from, unsigned to, size_t filler)
{
    for (unsigned n = from; n < to; n++) {
        struct event_doc *event = alert_make(n, false, filler);
        spool_append(s->spool, event);
        event_doc_free(event);
    }
}

/* Reads from the cursor on: alerts `from` up to `to`, in order, each as it went in. */
static void expect(struct scene *s, unsigned from, unsigned to)
{
    struct record record;
    for (unsigned n = from; n < to; n++) {
        struct event_doc *event = alert_make(n, false, 0);
        if (!spool_peek(s->spool, &record))
            fail_msg("alert %u is not there", n);
        assert_memory_equal(record.id.data, event->id, 32);
        assert_int_equal(record.rule.len, strlen(event->rule));
        assert_memory_equal(record.rule.data, event->rule, record.rule.len);
        assert_int_equal(record.severity, event->severity);
        assert_memory_equal(record.json.data, event->json, 60);
        spool_step(s->spool);
        event_doc_free(event);
    }
    assert_false(spool_peek(s->spool, &record));
}

static void test_checksum(void **state)
{
    (void)state;
    assert_int_equal(crc32c("123456789", 9), 0xe3069283); /* RFC 3720 B.4's polynomial; the usual check value */
    assert_int_equal(crc32c("", 0), 0);
}

static void test_what_goes_in_comes_out(void **state)
{
    struct scene *s = *state;
    append(s, 0, 1000, 300);
    WAIT_FOR(s->base, spool_settled(s->spool));
    expect(s, 0, 1000);
    assert_true(s->readable_calls > 0);
    spool_seek(s->spool, 501);
    expect(s, 500, 1000);
}

static void test_an_alert_is_on_disk_before_it_is_readable(void **state)
{
    struct scene *s = *state;
    struct spool_view view;
    struct record record;
    char error[256];
    append(s, 0, 1, 0);
    assert_false(spool_peek(s->spool, &record));
    WAIT_FOR(s->base, spool_peek(s->spool, &record));
    assert_true(spool_look(s->folder.path, &view, NULL, NULL, error, sizeof(error)));
    assert_int_equal(view.last, 1);
    assert_true(view.in_use);
    assert_string_equal(view.sensor, "unit");
}

static void test_old_records_are_read_from_files(void **state)
{
    struct scene *s = *state;
    append(s, 0, 6000, 4000); /* three times what memory keeps */
    WAIT_FOR(s->base, spool_settled(s->spool));
    assert_true(s->spool->oldest->first > 1);
    expect(s, 0, 6000);
    spool_seek(s->spool, 10);
    expect(s, 9, 6000);
}

static void test_a_restart_goes_on(void **state)
{
    struct scene *s = *state;
    append(s, 0, 300, 100);
    WAIT_FOR(s->base, spool_settled(s->spool));
    spool_acknowledge(s->spool, 200);
    struct entry_id before = spool_entry_id(s->spool, 300);
    stop(s);
    start(s);
    assert_int_equal(spool_acknowledged(s->spool), 200);
    assert_int_equal(spool_end(s->spool), 301);
    append(s, 300, 400, 100);
    WAIT_FOR(s->base, spool_settled(s->spool));
    expect(s, 0, 400);
    struct entry_id again = spool_entry_id(s->spool, 300), after = spool_entry_id(s->spool, 301);
    assert_true(before.epoch == again.epoch && before.number == again.number);
    assert_true(entry_id_above(after, before));
    assert_true(after.epoch > before.epoch);
}

static void test_a_second_run_over_the_same_capture_adds_nothing(void **state)
{
    struct scene *s = *state;
    struct spool_stats stats;
    append(s, 0, 150, 0);
    WAIT_FOR(s->base, spool_settled(s->spool));
    crash(s);
    start(s);
    append(s, 0, 300, 0);
    struct event_doc *update = alert_make(7, true, 0); /* the same id, but news */
    spool_append(s->spool, update);
    event_doc_free(update);
    WAIT_FOR(s->base, spool_settled(s->spool));
    spool_read_stats(s->spool, &stats);
    assert_int_equal(stats.duplicates, 150);
    assert_int_equal(spool_end(s->spool), 302);
}

/* The last file cut at every length: what was whole is there, what comes after follows on. */
static void test_a_torn_tail_costs_only_itself(void **state)
{
    struct scene *s = *state;
    append(s, 0, 4, 0);
    WAIT_FOR(s->base, spool_settled(s->spool));
    char path[128], copy[128];
    snprintf(path, sizeof(path), "%s/%020d.spool", s->folder.path, 1);
    snprintf(copy, sizeof(copy), "%s/copy", s->folder.path);
    crash(s);
    FILE *file = fopen(path, "rb");
    uint8_t bytes[8192];
    size_t len = fread(bytes, 1, sizeof(bytes), file), frame = (len - SEGMENT_HEAD) / 4;
    fclose(file);
    for (size_t cut = 0; cut < len; cut += cut > SEGMENT_HEAD + 20 && cut % frame > 20 ? 61 : 1) {
        unsigned whole = cut < SEGMENT_HEAD ? 0 : (unsigned)((cut - SEGMENT_HEAD) / frame);
        file = fopen(path, "wb");
        fwrite(bytes, 1, cut, file);
        fclose(file);
        start(s);
        append(s, whole, 6, 0);
        WAIT_FOR(s->base, spool_settled(s->spool));
        spool_seek(s->spool, 0);
        expect(s, 0, 6);
        crash(s);
        for (unsigned n = 2; n <= 7; n++) {
            snprintf(copy, sizeof(copy), "%s/%020u.spool", s->folder.path, n);
            unlink(copy);
        }
    }
}

static void test_a_damaged_record_costs_only_itself(void **state)
{
    struct scene *s = *state;
    struct spool_stats stats;
    struct record record;
    append(s, 0, 10, 0);
    WAIT_FOR(s->base, spool_settled(s->spool));
    crash(s);
    char path[128];
    snprintf(path, sizeof(path), "%s/%020d.spool", s->folder.path, 1);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    int fd = open(path, O_RDWR);
    off_t frame = (st.st_size - SEGMENT_HEAD) / 10;
    assert_int_equal(pwrite(fd, "X", 1, SEGMENT_HEAD + frame * 4 + 90), 1);
    close(fd);
    start(s);
    unsigned found = 0;
    for (; spool_peek(s->spool, &record); spool_step(s->spool))
        found++;
    assert_int_equal(found, 9);
    spool_read_stats(s->spool, &stats);
    assert_true(stats.damaged > 0);
}

static void test_hostile_files_are_survived(void **state)
{
    struct scene *s = *state;
    stop(s);
    const char *names[] = {"00000000000000000001.spool", "00000000000000000009.spool", "99999999999999999999.spool",
                           "x.spool", "state", "acknowledged"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", s->folder.path, names[i]);
        FILE *file = fopen(path, "wb");
        fwrite("DLPSPL01\x01\0\0\0\0\0\0\0\xff\xff\xff\xff garbage", 1, 28, file);
        fclose(file);
    }
    start(s);
    append(s, 0, 5, 0);
    WAIT_FOR(s->base, spool_settled(s->spool));
}

static void test_size_and_age_bound_it(void **state)
{
    struct scene *s = *state;
    struct spool_stats stats;
    stop(s);
    s->config.spool_max_mib = 4;
    start(s);
    for (unsigned n = 0; n < 40; n++) { /* 10 MB */
        append(s, n * 100, n * 100 + 100, 2500);
        WAIT_FOR(s->base, spool_settled(s->spool));
    }
    WAIT_FOR(s->base, s->spool->stats.bytes <= 5u << 20);
    spool_read_stats(s->spool, &stats);
    assert_true(stats.trimmed > 1000);
    assert_int_equal(stats.lost, stats.trimmed); /* nobody acknowledged them */
    struct record record;
    spool_seek(s->spool, 1);
    assert_true(spool_peek(s->spool, &record));
    assert_int_equal(record.number, spool_first(s->spool));
    spool_acknowledge(s->spool, 4000);
    s->spool->max_age_ms = 0;
    WAIT_FOR(s->base, spool_first(s->spool) == 4001);
    spool_read_stats(s->spool, &stats);
    assert_true(stats.lost < stats.trimmed);
    stop(s);
    start(s); /* empty, and numbers go on */
    assert_int_equal(spool_end(s->spool), 4001);
}

/* A disk that takes no more (here: a limit on file size): alerts can still be read, and are written when it does. */
static void test_a_full_disk_holds_nobody_up(void **state)
{
    struct scene *s = *state;
    struct spool_stats stats;
    struct rlimit before, small = {100000, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    log_set_level(LOG_ERROR - 1);
    append(s, 0, 1000, 300);
    WAIT_FOR(s->base, spool_end(s->spool) == 1001);
    spool_read_stats(s->spool, &stats);
    assert_true(stats.errors > 0);
    assert_int_equal(stats.dropped, 0);
    expect(s, 0, 1000);
    setrlimit(RLIMIT_FSIZE, &before);
    WAIT_FOR(s->base, s->spool->unwritten_bytes == 0);
    stop(s);
    start(s);
    expect(s, 0, 1000);
}

static void test_memory_is_bounded_and_the_rest_counted(void **state)
{
    struct scene *s = *state;
    struct spool_stats stats;
    struct record record;
    stop(s);
    log_set_level(LOG_ERROR - 1);
    static char impossible[] = "/dev/null/spool";
    s->config.spool_dir = impossible;
    start(s);
    append(s, 0, 2000, 50000);
    spool_hurry(s->spool);
    spool_read_stats(s->spool, &stats);
    assert_true(stats.dropped > 500 && stats.dropped < 1000);
    assert_int_equal(stats.appended + stats.dropped, 2000);
    uint64_t read = 0;
    for (; spool_peek(s->spool, &record); spool_step(s->spool))
        read++;
    assert_int_equal(read, stats.appended);
    spool_acknowledge(s->spool, read); /* what Redis has makes room */
    append(s, 5000, 5010, 0);
    spool_hurry(s->spool);
    expect(s, 5000, 5010);
}

static void test_one_process_a_directory(void **state)
{
    struct scene *s = *state;
    char error[512] = "";
    assert_null(spool_open(s->base, &s->config, on_readable, s, error, sizeof(error)));
    assert_non_null(strstr(error, "another dlp-sensor"));
}

static void test_what_the_stream_says(void **state)
{
    struct scene *s = *state;
    uint64_t number;
    append(s, 0, 100, 0);
    WAIT_FOR(s->base, spool_settled(s->spool));
    struct entry_id old = spool_entry_id(s->spool, 100);
    stop(s);
    start(s);
    append(s, 100, 200, 0);
    WAIT_FOR(s->base, spool_settled(s->spool));
    struct entry_id newest = spool_entry_id(s->spool, 200);
    assert_true(spool_locate(s->spool, newest, &number));
    assert_int_equal(number, 200);
    assert_true(spool_locate(s->spool, old, &number));
    assert_int_equal(number, 100);
    /* sent by a run whose disk was full, so the spool never held it: 101 of the old epoch is not our 101 */
    assert_true(spool_locate(s->spool, (struct entry_id){old.epoch, 150}, &number));
    assert_int_equal(number, 100);
    assert_false(spool_locate(s->spool, (struct entry_id){old.epoch - 1, 5}, &number));
    assert_int_equal(spool_below(s->spool, (struct entry_id){0, 5}), 0);
    assert_int_equal(spool_below(s->spool, (struct entry_id){newest.epoch, 0}), 100);
    assert_int_equal(spool_below(s->spool, (struct entry_id){newest.epoch + 5, 0}), 200);
    log_set_level(LOG_ERROR);
    spool_begin_epoch(s->spool, 151, (struct entry_id){newest.epoch + 100000, 0});
    assert_true(spool_entry_id(s->spool, 151).epoch > newest.epoch + 100000);
    assert_true(entry_id_above(spool_entry_id(s->spool, 151), spool_entry_id(s->spool, 150)));
    assert_int_equal(spool_entry_id(s->spool, 100).epoch, old.epoch);
}

static void test_a_temporary_spool_goes_when_all_was_delivered(void **state)
{
    struct scene *s = *state;
    char path[256];
    stop(s);
    static char none[] = "";
    s->config.spool_dir = none;
    setenv("TMPDIR", s->folder.path, 1);
    start(s);
    append(s, 0, 10, 0);
    WAIT_FOR(s->base, spool_settled(s->spool));
    spool_acknowledge(s->spool, 10);
    snprintf(path, sizeof(path), "%s", s->spool->path);
    stop(s);
    assert_int_not_equal(access(path, F_OK), 0);
    start(s);
    append(s, 0, 10, 0);
    WAIT_FOR(s->base, spool_settled(s->spool));
    snprintf(path, sizeof(path), "%s", s->spool->path);
    stop(s);
    assert_int_equal(access(path, F_OK), 0);
    unsetenv("TMPDIR");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum),
        TEST(test_what_goes_in_comes_out),
        TEST(test_an_alert_is_on_disk_before_it_is_readable),
        TEST(test_old_records_are_read_from_files),
        TEST(test_a_restart_goes_on),
        TEST(test_a_second_run_over_the_same_capture_adds_nothing),
        TEST(test_a_torn_tail_costs_only_itself),
        TEST(test_a_damaged_record_costs_only_itself),
        TEST(test_hostile_files_are_survived),
        TEST(test_size_and_age_bound_it),
        TEST(test_a_full_disk_holds_nobody_up),
        TEST(test_memory_is_bounded_and_the_rest_counted),
        TEST(test_one_process_a_directory),
        TEST(test_what_the_stream_says),
        TEST(test_a_temporary_spool_goes_when_all_was_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
