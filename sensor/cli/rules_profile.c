/* `dlp-sensor rules profile CAPTURE...`: what each rule costs. The replay has measured it (match.h,
 * matcher_measure); here it becomes a table. */
#include <stdio.h>
#include <string.h>

#include "cli/rules.h"
#include "cli/table.h"
#include "json.h"

static uint64_t per_mb(uint64_t ns, uint64_t bytes)
{
    return bytes ? (uint64_t)((double)ns * 1e6 / (double)bytes) : 0;
}

static void print_json(const struct rule_cost *costs, uint32_t count, uint64_t bytes)
{
    struct json json;
    json_init(&json);
    for (uint32_t i = 0; i < count; i++) {
        json_reset(&json);
        json_open_object(&json, NULL);
        if (costs[i].name) {
            json_text(&json, "rule", costs[i].name);
            json_bytes(&json, "file", costs[i].path, strlen(costs[i].path));
            json_uint(&json, "line", costs[i].line);
        }
        json_bool(&json, "shared", !costs[i].name);
        json_uint(&json, "ns_per_mb", per_mb(costs[i].ns, bytes));
        json_uint(&json, "ns", costs[i].ns);
        json_close_object(&json);
        printf("%.*s\n", (int)json.len, json.data);
    }
    json_free(&json);
}

static void print_table(const struct rule_cost *costs, uint32_t count, uint64_t bytes,
                        uint64_t evaluations)
{
    struct table table;
    char ns[32], share[32], where[320];
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += costs[i].ns;
    table_begin(&table, 4, (const char *const[]){"NS PER MB", "SHARE", "RULE", "WHERE"});
    for (uint32_t i = 0; i < count; i++) {
        const char *slash = costs[i].name ? strrchr(costs[i].path, '/') : NULL;
        snprintf(ns, sizeof(ns), "%llu", (unsigned long long)per_mb(costs[i].ns, bytes));
        snprintf(share, sizeof(share), "%.1f %%",
                 total ? 100.0 * (double)costs[i].ns / (double)total : 0.0);
        snprintf(where, sizeof(where), "%.250s:%u",
                 slash           ? slash + 1
                 : costs[i].path ? costs[i].path
                                 : "",
                 costs[i].line);
        table_row(&table, (const char *const[]){
                              ns, share, costs[i].name ? costs[i].name : "(shared by all rules)",
                              costs[i].name ? where : ""});
    }
    table_print(&table, stdout);
    printf("%llu evaluations over %.1f MB of objects; each rule was timed alone, behind the "
           "prefilter\n",
           (unsigned long long)evaluations, (double)bytes / 1e6);
}

void rules_print_costs(const struct config *config, const struct matcher *matcher)
{
    const struct rule_cost *costs;
    uint64_t bytes, evaluations;
    uint32_t count = matcher_costs(matcher, &costs, &bytes, &evaluations);
    if (config->json_lines)
        print_json(costs, count, bytes);
    else
        print_table(costs, count, bytes, evaluations);
}
