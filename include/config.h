/* The configuration: one struct, filled from defaults, then the YAML file, then the options. option_list.def
 * holds one line for each setting: its YAML key, long option, type, default, bounds and help. Read-only
 * after start. */
#ifndef DLP_CONFIG_H
#define DLP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip.h"

struct string_list {
    char **items;
    size_t count;
};

enum config_snippet { CONFIG_SNIPPET_MASKED, CONFIG_SNIPPET_NONE, CONFIG_SNIPPET_FULL };

struct config {
    /* sensor */
    char *sensor_name;
    struct string_list home_nets;
    char *inspect;          /* "outbound" or "both" */
    int workers;            /* 0 is auto */
    char *user;
    /* capture */
    struct string_list interfaces;
    char *filter;           /* "" is none */
    int snaplen, buffer_mib;
    bool promiscuous;
    /* limits */
    int memory_mib, object_mib, nesting, expansion_ratio, scan_ms;
    /* rules */
    struct string_list rule_paths;
    char *list_allow_receivers;
    bool prefilter;
    /* events */
    struct string_list event_types; /* alert, object, flow, stats, all */
    char *json;             /* file, "-", or "" for none */
    char *snippet;          /* "masked", "none", "full" */
    /* spool */
    char *spool_dir;
    int spool_max_mib, spool_max_age_hours;
    /* redis */
    char *redis_url;        /* "off" or "" for none */
    char *redis_prefix;
    int64_t redis_maxlen;
    char *redis_username, *redis_password_file, *redis_tls_ca, *redis_tls_cert, *redis_tls_key, *redis_mirror;
    /* evidence */
    char *evidence_dir, *evidence_public_key;
    int evidence_max_mib, evidence_max_object_mib;
    /* metrics */
    char *metrics_listen;
    /* log */
    char *log_level;
    /* command line only */
    bool each, fail_on_alert, follow, json_output;
    char *stats;            /* --stats FILE|- */
    char *objects;          /* --objects DIR */
    int verbosity;          /* -v counts up, -q down */
    /* derived, by config_finish */
    struct ip_set *home;
    unsigned events;        /* bit for each enum event_type */
    bool inspect_both;
};

#endif
