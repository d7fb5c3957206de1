/* An event that is not JSON, an identity that changes between runs, or a snippet that shows what it should hide
 * would each cost a SOC its trust in the alert. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alert.h"
#include "alert/document.h"

static struct flow make_flow(const char *client, uint16_t cport, const char *server, uint16_t sport, uint8_t protocol)
{
    struct flow flow;
    memset(&flow, 0, sizeof(flow));
    assert_true(ip_parse(client, &flow.addr[SIDE_CLIENT]));
    assert_true(ip_parse(server, &flow.addr[SIDE_SERVER]));
    flow.port[SIDE_CLIENT] = cport;
    flow.port[SIDE_SERVER] = sport;
    flow.protocol = protocol;
    flow.id = 1234567890123456;
    return flow;
}

/* Vectors of the specification's own test set (corelight/community-id-spec, baseline, seed 0). */
static void test_community_id(void **state)
{
    (void)state;
    char id[COMMUNITY_ID_MAX];
    struct flow tcp = make_flow("128.232.110.120", 34855, "66.35.250.204", 80, 6);
    community_id(&tcp, id);
    assert_string_equal(id, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    struct flow back = make_flow("66.35.250.204", 80, "128.232.110.120", 34855, 6);
    community_id(&back, id);
    assert_string_equal(id, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    struct flow udp = make_flow("192.168.1.52", 54585, "8.8.8.8", 53, 17);
    community_id(&udp, id);
    assert_string_equal(id, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
}

static void test_identity_tells_objects_and_rules_apart(void **state)
{
    (void)state;
    char a[33], b[33];
    struct flow flow = make_flow("10.1.2.3", 4000, "203.0.113.9", 80, 6);
    struct object object;
    memset(&object, 0, sizeof(object));
    object.flow = &flow;
    alert_identity(&object, &flow, "rule_a", a);
    alert_identity(&object, &flow, "rule_a", b);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), 32);
    alert_identity(&object, &flow, "rule_b", b);
    assert_string_not_equal(a, b);
    object.tx_id = 1;
    alert_identity(&object, &flow, "rule_a", b);
    assert_string_not_equal(a, b);
    object.tx_id = 0;
    object.ordinal = 7;
    alert_identity(&object, &flow, "rule_a", b);
    assert_string_not_equal(a, b);
    alert_identity(NULL, &flow, "rule_a", b);
    assert_string_not_equal(a, b);
}

struct scene {
    struct flow flow;
    struct object object;
    struct fact_set facts;
    struct rule rule;
    struct match match;
    char bytes[128];
};

static void set_scene(struct scene *s, const char *bytes)
{
    memset(s, 0, sizeof(*s));
    s->flow = make_flow("10.1.2.3", 51812, "203.0.113.9", 80, 6);
    s->flow.app_proto = "http";
    s->object.flow = &s->flow;
    s->object.state = OBJECT_OPEN;
    strncpy(s->bytes, bytes, sizeof(s->bytes) - 1);
    s->object.bytes.data = (uint8_t *)s->bytes;
    s->object.bytes.len = strlen(bytes);
    s->object.size = strlen(bytes);
    fact_set_clear(&s->facts);
    fact_set_text(&s->facts, FACT_direction, "outbound", 8);
    fact_set_text(&s->facts, FACT_object_type, "text", 4);
    fact_set_int(&s->facts, FACT_mrz_valid_count, 3);
    s->rule = (struct rule){.name = "r", .category = "c", .description = "d", .file = "f.yar", .path = "f.yar", .severity = 2};
    s->match.rule = &s->rule;
    s->match.string_count = 1;
    s->match.strings[0] = (struct match_string){"$mrz", 0, (uint32_t)strlen(bytes), 1};
}

static char *event_of(struct scene *s, enum snippet_mode mode)
{
    const struct alert_params params = {"tap-1", mode, false};
    struct alerter *a = alerter_new(&params);
    struct event_doc *event = alert_event(a, &s->match, &s->object, &s->flow, NULL, &s->facts, true, false,
                                          1700000000123456789);
    assert_non_null(event);
    assert_int_equal(event->len, strlen(event->json));
    char *copy = strdup(event->json);
    event_doc_free(event);
    alerter_free(a);
    return copy;
}

static void test_document(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<");
    char *json = event_of(&s, SNIPPET_MASKED);
    const char *members[] = {"\"timestamp\":\"2023-11-14T22:13:20.123456+0000\"", "\"event_type\":\"alert\"",
                             "\"src_ip\":\"10.1.2.3\",\"src_port\":51812,\"dest_ip\":\"203.0.113.9\",\"dest_port\":80",
                             "\"signature\":\"r\",\"category\":\"c\",\"severity\":2", "\"rule_file\":[\"f.yar\"]",
                             "\"state\":\"OPEN\"", "\"in_flight\":true", "\"mrz_valid_count\":3",
                             "\"direction\":\"outbound\",\"sender\":\"client\""};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (!strstr(json, members[i]))
            fail_msg("%s is not in %s", members[i], json);
    }
    assert_null(strstr(json, "\"update\""));
    assert_null(strstr(json, "\"sha256\""));
    free(json);
}

static void test_snippets(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<");
    char *json = event_of(&s, SNIPPET_MASKED);
    assert_non_null(strstr(json, "\"snippet\":\"P<UTO******"));
    assert_null(strstr(json, "ERIKSSON"));
    free(json);
    json = event_of(&s, SNIPPET_FULL);
    assert_non_null(strstr(json, "ERIKSSON"));
    free(json);
    json = event_of(&s, SNIPPET_NONE);
    assert_null(strstr(json, "snippet"));
    free(json);
    set_scene(&s, "12345678");
    json = event_of(&s, SNIPPET_MASKED);
    assert_non_null(strstr(json, "\"snippet\":\"12******\"")); /* a quarter at most */
    free(json);
}

/* Bytes a window no longer holds cannot be shown, and must not be read. */
static void test_snippet_outside_the_window(void **state)
{
    (void)state;
    struct scene s;
    set_scene(&s, "abcdefgh");
    s.object.bytes_at = 1000;
    char *json = event_of(&s, SNIPPET_FULL);
    assert_null(strstr(json, "snippet"));
    free(json);
    s.match.strings[0].offset = 1006;
    s.match.strings[0].length = 4000;
    json = event_of(&s, SNIPPET_FULL);
    assert_non_null(strstr(json, "\"snippet\":\"gh\""));
    free(json);
}

static void test_stats_hold_every_counter_and_fate(void **state)
{
    (void)state;
    struct counters *c = calloc(1, sizeof(*c));
    c->value[COUNT_CAPTURE_BYTES] = 42;
    fate_add(c, FATE_INSPECTED, 40);
    fate_add(c, FATE_OVERHEAD, 2);
    counters_unsupported(c, "ethertype", 35020);
    struct event_doc *event = stats_event("tap-1", c, 0, NULL, NULL);
    assert_non_null(strstr(event->json, "\"capture\":{\"packets\":0,\"bytes\":42"));
    assert_non_null(strstr(event->json, "\"fate_bytes\":{\"inspected\":40,\"opaque\":0,\"inbound\":0,\"overhead\":2"));
    assert_non_null(strstr(event->json, "\"ethertype 35020\":1"));
    event_doc_free(event);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_community_id),
        cmocka_unit_test(test_identity_tells_objects_and_rules_apart),
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_snippets),
        cmocka_unit_test(test_snippet_outside_the_window),
        cmocka_unit_test(test_stats_hold_every_counter_and_fate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
