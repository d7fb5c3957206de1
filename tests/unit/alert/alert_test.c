/* What an analyst reads: were these wrong, alerts would double, tell what they must not, or break the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "../util/json_check.h"
#include "alert.h"

static const char MRZ[] = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10";

#define SET(field, text) snprintf(field, sizeof(field), "%s", text)

struct scene { /* an upload that alerts */
    struct flow flow;
    struct flow_class class;
    struct object object;
    struct fact_set facts;
    struct rule rule;
    struct match match;
    struct alerter *alerter;
};

static struct ip_addr address(const char *text)
{
    struct ip_addr addr;
    assert_true(ip_parse(text, &addr));
    return addr;
}

static void set_flow(struct flow *flow, const char *from, uint16_t from_port, const char *to, uint16_t to_port,
                     uint8_t protocol)
{
    flow->addr[0] = address(from);
    flow->addr[1] = address(to);
    flow->port[0] = from_port;
    flow->port[1] = to_port;
    flow->protocol = protocol;
}

static struct scene *scene_new(enum snippet_mode snippet)
{
    struct scene *s = calloc(1, sizeof(*s));
    set_flow(&s->flow, "10.1.2.3", 51812, "203.0.113.9", 80, IPPROTO_TCP);
    s->flow.id = 1234567890123456;
    s->flow.interface = "eth1";
    s->flow.vlan_count = 1;
    s->flow.vlan[0] = 20;
    s->flow.app_proto = "http";
    s->flow.content[0] = s->flow.outbound[0] = s->flow.home[0] = true;
    s->flow.packets[0] = s->flow.packets[1] = 5;
    s->flow.bytes[0] = 7000;
    s->flow.bytes[1] = 400;
    s->flow.first_ns = INT64_C(1795423930000000000);
    s->flow.last_ns = INT64_C(1795423932500000000);
    SET(s->class.master, "HTTP");
    SET(s->class.risks, "Known Proto on Non Std Port, Numeric IP");
    s->flow.class = &s->class;
    s->object.flow = &s->flow;
    s->object.sender = SIDE_CLIENT;
    s->object.size = sizeof(MRZ) - 1;
    s->object.bytes.data = (uint8_t *)(uintptr_t)MRZ;
    s->object.bytes.len = sizeof(MRZ) - 1;
    s->object.state = OBJECT_CLOSED;
    s->object.has_sha256 = true;
    SET(s->object.name, "\x1b]0;own\x07.txt");
    s->object.name_len = (uint16_t)strlen(s->object.name);
    s->object.path_count = 2;
    SET(s->object.path[0], "multipart:photo");
    SET(s->object.path[1], "zip:a/b.txt");
    fact_set_clear(&s->facts);
    fact_set_text(&s->facts, FACT_object_type, "text", 4);
    fact_set_text(&s->facts, FACT_direction, "outbound", 8);
    fact_set_int(&s->facts, FACT_mrz_valid_count, 1);
    s->rule = (struct rule){.name = "mrz", .category = "travel_document", .description = "a \"zone\"",
                            .file = "documents.yar", .severity = 2};
    s->match = (struct match){.rule = &s->rule, .string_count = 1, .strings = {{"$mrz", 0, 44, 3}}};
    s->alerter = alerter_new(&(struct alert_params){.sensor = "tap-1", .snippet = snippet});
    return s;
}

static void scene_free(struct scene *s)
{
    alerter_free(s->alerter);
    free(s);
}

static struct event_doc *raise_alert(struct scene *s, bool in_flight, bool update)
{
    struct event_doc *event = alert_event(s->alerter, &s->match, &s->object, &s->flow, NULL, &s->facts, in_flight,
                                          update, INT64_C(1795423931123456000));
    assert_non_null(event);
    assert_int_equal(strlen(event->json), event->len);
    assert_true(json_check(event->json, event->len));
    return event;
}

static void has(const struct event_doc *event, const char *part)
{
    if (!strstr(event->json, part))
        fail_msg("no %s in %s", part, event->json);
}

static void has_not(const struct event_doc *event, const char *part)
{
    if (strstr(event->json, part))
        fail_msg("%s in %s", part, event->json);
}

static void test_an_alert_is_an_eve_document(void **state)
{
    struct scene *s = scene_new(SNIPPET_MASKED);
    struct event_doc *event = raise_alert(s, false, false);
    (void)state;
    has(event, "{\"timestamp\":\"2026-11-23T08:52:11.123456+0000\",\"flow_id\":1234567890123456,\"in_iface\":\"eth1\","
               "\"event_type\":\"alert\",\"vlan\":[20],\"src_ip\":\"10.1.2.3\",\"src_port\":51812,"
               "\"dest_ip\":\"203.0.113.9\",\"dest_port\":80,\"proto\":\"TCP\",\"app_proto\":\"http\"");
    has(event, "\"alert\":{\"action\":\"allowed\",\"signature\":\"mrz\",\"category\":\"travel_document\",\"severity\":2,"
               "\"metadata\":{\"description\":[\"a \\\"zone\\\"\"],\"rule_file\":[\"documents.yar\"]}}");
    has(event, "\"filename\":\"\\u001b]0;own\\u0007.txt\"");
    has(event, "\"state\":\"CLOSED\",\"gaps\":false,\"stored\":false,\"tx_id\":0}");
    has(event, "\"direction\":\"outbound\",\"sender\":\"client\",\"object_type\":\"text\"");
    has(event, "\"object_path\":[\"multipart:photo\",\"zip:a/b.txt\"]");
    has(event, "\"facts\":{\"mrz_valid_count\":1}");
    has(event, "\"risks\":[\"Known Proto on Non Std Port\",\"Numeric IP\"]");
    has_not(event, "\"update\"");
    assert_int_equal(event->severity, 2);
    assert_string_equal(event->rule, "mrz");
    assert_string_equal(event->category, "travel_document");
    event_doc_free(event);
    scene_free(s);
}

static void test_snippets(void **state)
{
    static const struct {
        enum snippet_mode mode;
        const char *shown;
    } cases[] = {{SNIPPET_MASKED, "\"snippet\":\"P<UTO***************************************\""},
                 {SNIPPET_FULL, "\"snippet\":\"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\""},
                 {SNIPPET_NONE, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene *s = scene_new(cases[i].mode);
        struct event_doc *event = raise_alert(s, false, false);
        if (cases[i].shown)
            has(event, cases[i].shown);
        else
            has_not(event, "\"snippet\"");
        event_doc_free(event);
        scene_free(s);
    }
}

/* Of few bytes fewer are shown; what is longer than 64 is cut; a match whose bytes are gone has no snippet. */
static void test_snippets_of_odd_matches(void **state)
{
    struct scene *s = scene_new(SNIPPET_MASKED);
    (void)state;
    const struct {
        uint64_t offset, bytes_at;
        uint32_t length;
        const char *shown;
    } cases[] = {
        {5, 0, 3, "\"snippet\":\"***\""},
        {5, 0, 8, "\"snippet\":\"ER******\""},
        {40, 0, 12, "\"snippet\":\"<<<*.*******\""},
        {sizeof(MRZ) - 3, 0, 100, "\"snippet\":\"**\""},
        {sizeof(MRZ) + 5, 0, 10, NULL},
        {3, 10, 10, NULL},
        {10, 10, 8, "\"snippet\":\"P<******\""},
        {UINT64_MAX, 10, UINT32_MAX, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s->object.bytes_at = cases[i].bytes_at;
        s->match.strings[0].offset = cases[i].offset;
        s->match.strings[0].length = cases[i].length;
        struct event_doc *event = raise_alert(s, false, false);
        if (cases[i].shown)
            has(event, cases[i].shown);
        else
            has_not(event, "\"snippet\"");
        event_doc_free(event);
    }
    scene_free(s);
}

static void test_one_identity_for_an_alert_and_its_update(void **state)
{
    struct scene *s = scene_new(SNIPPET_MASKED);
    (void)state;
    s->object.state = OBJECT_OPEN;
    s->object.has_sha256 = false;
    struct event_doc *first = raise_alert(s, true, false);
    s->object.state = OBJECT_CLOSED;
    s->object.has_sha256 = true;
    s->object.size += 100;
    struct event_doc *last = raise_alert(s, false, true);
    assert_string_equal(first->id, last->id);
    has(first, "\"in_flight\":true");
    has(first, "\"state\":\"OPEN\"");
    has_not(first, "sha256");
    has(last, "\"update\":true");
    has(last, "\"in_flight\":false");
    has(last, "\"sha256\":\"0000");
    event_doc_free(first);
    event_doc_free(last);
    scene_free(s);
}

static void test_identities_differ_where_alerts_do(void **state)
{
    struct scene *s = scene_new(SNIPPET_MASKED);
    char ids[8][33];
    unsigned n = 0;
    (void)state;
    alert_identity(&s->object, &s->flow, "mrz", ids[n++]);
    alert_identity(&s->object, &s->flow, "other", ids[n++]);
    alert_identity(NULL, &s->flow, "mrz", ids[n++]);
    s->object.ordinal = 1;
    alert_identity(&s->object, &s->flow, "mrz", ids[n++]);
    s->object.ordinal = 0;
    s->object.tx_id = 1;
    alert_identity(&s->object, &s->flow, "mrz", ids[n++]);
    s->object.tx_id = 0;
    s->object.path[1][0] = 'Z';
    alert_identity(&s->object, &s->flow, "mrz", ids[n++]);
    s->object.path[1][0] = 'z';
    s->object.sender = SIDE_SERVER;
    alert_identity(&s->object, &s->flow, "mrz", ids[n++]);
    s->object.sender = SIDE_CLIENT;
    s->flow.id++;
    alert_identity(&s->object, &s->flow, "mrz", ids[n++]);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(strspn(ids[i], "0123456789abcdef"), 32);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
    scene_free(s);
}

/* One case for a SOC: same sensor, sender, receiver and category, whatever the ports and the rule. */
static void test_incidents(void **state)
{
    struct scene *s = scene_new(SNIPPET_MASKED);
    (void)state;
    struct event_doc *first = raise_alert(s, false, false);
    s->flow.port[0]++;
    s->rule.name = "another";
    struct event_doc *same = raise_alert(s, false, false);
    s->rule.category = "image";
    struct event_doc *other = raise_alert(s, false, false);
    assert_int_equal(strlen(first->incident), 16);
    assert_string_equal(first->incident, same->incident);
    assert_string_not_equal(first->incident, other->incident);
    event_doc_free(first);
    event_doc_free(same);
    event_doc_free(other);
    scene_free(s);
}

/* Baseline values published with the specification (seed 0). */
static void test_community_id(void **state)
{
    static const struct {
        const char *from, *to, *id;
        uint16_t from_port, to_port;
        uint8_t protocol;
    } cases[] = {
        {"128.232.110.120", "66.35.250.204", "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", 34855, 80, IPPROTO_TCP},
        {"66.35.250.204", "128.232.110.120", "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", 80, 34855, IPPROTO_TCP},
        {"192.168.1.52", "8.8.8.8", "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", 54585, 53, IPPROTO_UDP},
        {"1.2.3.4", "5.6.7.8", "1:wCb3OG7yAFWelaUydu0D+125CLM=", 1122, 3344, IPPROTO_TCP},
        {"5.6.7.8", "1.2.3.4", "1:wCb3OG7yAFWelaUydu0D+125CLM=", 3344, 1122, IPPROTO_TCP},
        {"1.2.3.4", "5.6.7.8", "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg=", 1122, 3344, IPPROTO_UDP},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct flow flow = {0};
        char id[COMMUNITY_ID_MAX];
        set_flow(&flow, cases[i].from, cases[i].from_port, cases[i].to, cases[i].to_port, cases[i].protocol);
        community_id(&flow, id);
        assert_string_equal(id, cases[i].id);
    }
}

static void test_community_id_is_the_same_both_ways(void **state)
{
    struct flow there = {0}, back = {0};
    char a[COMMUNITY_ID_MAX], b[COMMUNITY_ID_MAX];
    (void)state;
    set_flow(&there, "fe80::1", 1122, "2001:db8::9", 3344, IPPROTO_TCP);
    set_flow(&back, "2001:db8::9", 3344, "fe80::1", 1122, IPPROTO_TCP);
    community_id(&there, a);
    community_id(&back, b);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), 30);
}

static void test_a_flow_and_an_object_are_documents(void **state)
{
    struct scene *s = scene_new(SNIPPET_MASKED);
    (void)state;
    struct event_doc *event = flow_event(s->alerter, &s->flow, NULL, NULL, "timeout");
    assert_true(json_check(event->json, event->len));
    has(event, "\"event_type\":\"flow\"");
    has(event, "\"flow\":{\"pkts_toserver\":5,\"pkts_toclient\":5,\"bytes_toserver\":7000,\"bytes_toclient\":400,");
    has(event, "\"age\":2,\"state\":\"established\",\"reason\":\"timeout\"}");
    has(event, "\"bytes_out\":7000,\"bytes_in\":400");
    event_doc_free(event);
    event = object_event(s->alerter, &s->object, &s->facts, 3, s->flow.last_ns);
    assert_true(json_check(event->json, event->len));
    has(event, "\"event_type\":\"object\"");
    has(event, "\"alerts\":3");
    has_not(event, "\"alert\":");
    event_doc_free(event);
    scene_free(s);
}

static void test_an_alert_for_a_flow_has_no_file(void **state)
{
    struct scene *s = scene_new(SNIPPET_MASKED);
    (void)state;
    fact_set_text(&s->facts, FACT_object_type, "flow", 4);
    s->match.string_count = 0;
    struct event_doc *event =
        alert_event(s->alerter, &s->match, NULL, &s->flow, NULL, &s->facts, true, false, s->flow.last_ns);
    assert_true(json_check(event->json, event->len));
    has(event, "\"object_type\":\"flow\"");
    has(event, "\"matches\":[]");
    has_not(event, "fileinfo");
    event_doc_free(event);
    scene_free(s);
}

static void test_statistics(void **state)
{
    struct counters *c = calloc(1, sizeof(*c));
    (void)state;
    c->value[COUNT_CAPTURE_BYTES] = 100;
    c->fate_bytes[FATE_INSPECTED] = 60;
    c->fate_bytes[FATE_OVERHEAD] = 40;
    counters_unsupported(c, "ethertype 0x", 0x88cc);
    struct event_doc *event = stats_event("tap-1", c, 0, NULL, NULL);
    assert_true(json_check(event->json, event->len));
    has(event, "\"event_type\":\"stats\",\"stats\":{\"capture\":{\"packets\":0,\"bytes\":100,");
    has(event, "\"fate_bytes\":{\"inspected\":60,");
    has(event, "\"unsupported\":{\"ethertype 0x88cc\":1");
    event_doc_free(event);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_alert_is_an_eve_document),
        cmocka_unit_test(test_snippets),
        cmocka_unit_test(test_snippets_of_odd_matches),
        cmocka_unit_test(test_one_identity_for_an_alert_and_its_update),
        cmocka_unit_test(test_identities_differ_where_alerts_do),
        cmocka_unit_test(test_incidents),
        cmocka_unit_test(test_community_id),
        cmocka_unit_test(test_community_id_is_the_same_both_ways),
        cmocka_unit_test(test_a_flow_and_an_object_are_documents),
        cmocka_unit_test(test_an_alert_for_a_flow_has_no_file),
        cmocka_unit_test(test_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
