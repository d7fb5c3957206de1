/* Redis without a server: URLs, redirections, and what a stream says of the spool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fixture.h"
#include "output/redis_resume.h"
#include "output/redis_trim.h"

static bool parse(struct redis_url *url, const char *text)
{
    struct config config = {.redis_url = (char *)(uintptr_t)text, .redis_username = (char *)(uintptr_t)"",
                            .redis_password_file = (char *)(uintptr_t)""};
    char error[512];
    return redis_url_parse(url, &config, error, sizeof(error));
}

static void test_urls(void **state)
{
    struct redis_url url;
    (void)state;
    assert_true(parse(&url, "redis://"));
    assert_string_equal(url.endpoint[0].host, "127.0.0.1");
    assert_int_equal(url.endpoint[0].port, 6379);
    assert_true(parse(&url, "redis://soc:p%4:s@cache.example:7000/3"));
    assert_string_equal(url.user, "soc");
    assert_string_equal(url.password, "p%4:s");
    assert_string_equal(url.endpoint[0].host, "cache.example");
    assert_int_equal(url.endpoint[0].port, 7000);
    assert_int_equal(url.db, 3);
    assert_true(parse(&url, "redis://secret@h"));
    assert_string_equal(url.user, "");
    assert_string_equal(url.password, "secret");
    assert_true(parse(&url, "rediss://[2001:db8::1]:6380"));
    assert_true(url.tls);
    assert_string_equal(url.endpoint[0].host, "2001:db8::1");
    assert_int_equal(url.endpoint[0].port, 6380);
    assert_true(parse(&url, "redis+sentinel://a,b:7,[::1]/mymaster/2"));
    assert_int_equal(url.endpoints, 3);
    assert_int_equal(url.endpoint[0].port, 26379);
    assert_int_equal(url.endpoint[1].port, 7);
    assert_string_equal(url.endpoint[2].host, "::1");
    assert_string_equal(url.master, "mymaster");
    assert_int_equal(url.db, 2);
    assert_true(parse(&url, "unix:///run/redis.sock"));
    assert_string_equal(url.endpoint[0].path, "/run/redis.sock");
}

static void test_urls_that_are_none(void **state)
{
    static const char *const bad[] = {
        "",          "http://h",           "redis://h:0",   "redis://h:65536", "redis://h:6379x", "redis://h/db",
        "redis://h/-1", "redis://[::1",    "redis://[::1]x", "unix://relative", "redis+sentinel://h", "redis+sentinel://h/",
        "redis://a,b,c,d,e,f,g,h,i",
    };
    struct redis_url url;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(parse(&url, bad[i]));
}

static redisReply error_reply(const char *text)
{
    return (redisReply){.type = REDIS_REPLY_ERROR, .str = (char *)(uintptr_t)text, .len = strlen(text)};
}

static void test_redirections(void **state)
{
    struct redis_endpoint at = {.host = "10.0.0.1", .port = 6379};
    bool asking;
    (void)state;
    redisReply moved = error_reply("MOVED 3999 10.0.0.2:7001");
    assert_true(redis_link_redirected(&moved, &at, &asking));
    assert_false(asking);
    assert_string_equal(at.host, "10.0.0.2");
    assert_int_equal(at.port, 7001);
    redisReply ask = error_reply("ASK 3999 2001:db8::2:7002");
    assert_true(redis_link_redirected(&ask, &at, &asking));
    assert_true(asking);
    assert_string_equal(at.host, "2001:db8::2");
    redisReply same_host = error_reply("MOVED 3999 :7003");
    assert_true(redis_link_redirected(&same_host, &at, &asking));
    assert_string_equal(at.host, "2001:db8::2");
    assert_int_equal(at.port, 7003);
    redisReply other = error_reply("OOM command not allowed");
    assert_false(redis_link_redirected(&other, &at, &asking));
    redisReply hostile = error_reply("MOVED");
    assert_false(redis_link_redirected(&hostile, &at, &asking));
}

/* Replies as Redis sends them, through hiredis's own parser. */
static redisReply *reply_of(const char *wire)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    redisReaderFeed(reader, wire, strlen(wire));
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static enum resume_verdict take(struct redis_resume *resume, struct spool *spool, const char *wire)
{
    redisReply *reply = reply_of(wire);
    enum resume_verdict verdict = redis_resume_take(resume, spool, reply);
    freeReplyObject(reply);
    return verdict;
}

static void stream_info(char *wire, size_t len, struct entry_id last)
{
    char id[48];
    snprintf(id, sizeof(id), "%llu-%llu", (unsigned long long)last.epoch, (unsigned long long)last.number);
    snprintf(wire, len, "*4\r\n$6\r\nlength\r\n:5\r\n$17\r\nlast-generated-id\r\n$%zu\r\n%s\r\n", strlen(id), id);
}

static void nothing(void *user)
{
    (void)user;
}

/* A spool of ten alerts, all readable. */
struct held {
    struct folder folder;
    struct config config;
    struct event_base *base;
    struct spool *spool;
    struct redis_resume resume;
};

static int set_up(void **state)
{
    struct held *held = calloc(1, sizeof(*held));
    char error[256];
    folder_make(&held->folder);
    settings_make(&held->config, &held->folder, "off");
    held->base = event_base_new();
    held->spool = spool_open(held->base, &held->config, nothing, NULL, error, sizeof(error));
    assert_non_null(held->spool);
    for (unsigned n = 0; n < 10; n++) {
        struct event_doc *alert = alert_make(n, false, 10);
        spool_append(held->spool, alert);
        free(alert);
    }
    spool_hurry(held->spool);
    WAIT_FOR(held->base, spool_settled(held->spool));
    held->resume = (struct redis_resume){.key = "dlp:alerts:unit"};
    redis_resume_begin(&held->resume);
    *state = held;
    return 0;
}

static int tear_down(void **state)
{
    struct held *held = *state;
    id_set_free(&held->resume.known);
    spool_close(held->spool);
    event_base_free(held->base);
    folder_remove(&held->folder);
    free(held);
    return 0;
}

static void test_no_stream_is_filled_from_the_first(void **state)
{
    struct held *held = *state;
    assert_int_equal(take(&held->resume, held->spool, "-ERR no such key\r\n"), RESUME_KNOWN);
    assert_int_equal(held->resume.number, spool_first(held->spool) - 1);
}

static void test_our_last_id_says_where_to_go_on(void **state)
{
    struct held *held = *state;
    char wire[256];
    stream_info(wire, sizeof(wire), spool_entry_id(held->spool, 7));
    assert_int_equal(take(&held->resume, held->spool, wire), RESUME_KNOWN);
    assert_int_equal(held->resume.number, 7);
}

static void test_an_error_is_no_answer(void **state)
{
    struct held *held = *state;
    assert_int_equal(take(&held->resume, held->spool, "-LOADING Redis is loading\r\n"), RESUME_REFUSED);
    assert_int_equal(take(&held->resume, held->spool, "-WRONGTYPE not a stream\r\n"), RESUME_REFUSED);
}

static void add_text(char *wire, size_t len, const char *text)
{
    size_t at = strlen(wire);
    snprintf(wire + at, len - at, "$%zu\r\n%s\r\n", strlen(text), text);
}

/* One entry of XREVRANGE's reply. */
static void add_entry(char *wire, size_t len, struct entry_id id, const char *alert_id, const char *event)
{
    char text[48];
    size_t at = strlen(wire);
    snprintf(wire + at, len - at, "*2\r\n");
    snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)id.epoch, (unsigned long long)id.number);
    add_text(wire, len, text);
    at = strlen(wire);
    snprintf(wire + at, len - at, "*4\r\n");
    add_text(wire, len, "id");
    add_text(wire, len, alert_id);
    add_text(wire, len, "event");
    add_text(wire, len, event);
}

static struct record record_of(const struct event_doc *alert)
{
    return (struct record){.update = alert->update, .id = {alert->id, 32}};
}

static void test_what_another_run_sent_is_known(void **state)
{
    struct held *held = *state;
    struct event_doc *there = alert_make(3, false, 0), *missing = alert_make(4, false, 0);
    const struct entry_id foreign = {spool_entry_id(held->spool, 1).epoch + 1000000, 5};
    char wire[1024];
    stream_info(wire, sizeof(wire), foreign);
    assert_int_equal(take(&held->resume, held->spool, wire), RESUME_MORE);
    snprintf(wire, sizeof(wire), "*1\r\n");
    add_entry(wire, sizeof(wire), foreign, there->id, there->json);
    assert_int_equal(take(&held->resume, held->spool, wire), RESUME_MORE);
    assert_int_equal(take(&held->resume, held->spool, "*0\r\n"), RESUME_KNOWN);
    assert_int_equal(held->resume.number, spool_first(held->spool) - 1);

    struct record record = record_of(there);
    assert_true(redis_resume_knows(&held->resume, &record));
    record.update = true;
    assert_false(redis_resume_knows(&held->resume, &record));
    record = record_of(missing);
    assert_false(redis_resume_knows(&held->resume, &record));
    /* and ids go on above the foreign one */
    assert_true(spool_entry_id(held->spool, spool_first(held->spool)).epoch > foreign.epoch);

    /* A Redis that lost everything has nothing that is known. */
    redis_resume_begin(&held->resume);
    record = record_of(there);
    assert_int_equal(take(&held->resume, held->spool, "-ERR no such key\r\n"), RESUME_KNOWN);
    assert_false(redis_resume_knows(&held->resume, &record));
    free(there);
    free(missing);
}

static void test_a_foreign_entry_on_top_of_ours(void **state)
{
    struct held *held = *state;
    const struct entry_id foreign = {spool_entry_id(held->spool, 1).epoch + 1000000, 5};
    struct event_doc *ours = alert_make(5, false, 0);
    char wire[1024];
    stream_info(wire, sizeof(wire), foreign);
    assert_int_equal(take(&held->resume, held->spool, wire), RESUME_MORE);
    snprintf(wire, sizeof(wire), "*2\r\n");
    add_entry(wire, sizeof(wire), foreign, "somebody", "{}");
    add_entry(wire, sizeof(wire), spool_entry_id(held->spool, 6), ours->id, ours->json);
    assert_int_equal(take(&held->resume, held->spool, wire), RESUME_KNOWN);
    assert_int_equal(held->resume.number, 6);
    assert_true(spool_entry_id(held->spool, 7).epoch > foreign.epoch);
    free(ours);
}

/* An hour's age: looked at every ten seconds, an entry goes when it is an hour old, and at most 150 seconds later. */
static void test_entries_go_by_age(void **state)
{
    struct redis_trim trim = {.max_age_ms = 3600000};
    struct entry_id below = {0, 0};
    (void)state;
    for (int64_t second = 0; second <= 20000; second += 10) {
        const struct entry_id next = {5, (uint64_t)second}; /* an entry a second */
        if (redis_trim_due(&trim, next, second * 1000, &below)) {
            assert_int_equal(below.epoch, 5);
            assert_true(below.number <= (uint64_t)second - 3600); /* none goes early */
        }
        assert_true(second < 3750 || below.number + 3600 + 150 + 10 >= (uint64_t)second);
    }
    assert_true(below.number > 16000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_urls_that_are_none),
        cmocka_unit_test(test_redirections),
        cmocka_unit_test(test_entries_go_by_age),
        cmocka_unit_test_setup_teardown(test_no_stream_is_filled_from_the_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_our_last_id_says_where_to_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_error_is_no_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_another_run_sent_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_foreign_entry_on_top_of_ours, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
