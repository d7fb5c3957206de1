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

enum config_command {
    COMMAND_REPLAY = 1, COMMAND_CAPTURE = 2, COMMAND_RULES = 4, COMMAND_FACTS = 8, COMMAND_ALERTS = 16,
    COMMAND_CHECK = 32, COMMAND_SPOOL = 64, COMMAND_CONFIG = 128
};

struct config {
    /* sensor */
    char *sensor_name;
    struct string_list home_nets;
    char *inspect;          /* "outbound" or "both" */
    int64_t workers;        /* 0 is auto */
    char *user;
    /* capture */
    struct string_list interfaces;
    char *filter;           /* "" is none */
    int64_t snaplen, buffer_mib;
    bool promiscuous;
    /* limits */
    int64_t memory_mib, object_mib, nesting, expansion_ratio, scan_ms;
    /* rules */
    struct string_list rule_paths;
#define LIST(name, kind, fact) char *list_##name;
#include "list_list.def"
#undef LIST
    bool prefilter;
    /* events */
    struct string_list event_types; /* alert, object, flow, stats, all */
    char *json;             /* file, "-", or "" for none */
    char *snippet;          /* "masked", "none", "full" */
    /* spool */
    char *spool_dir;
    int64_t spool_max_mib, spool_max_age_hours;
    /* redis */
    char *redis_url;        /* "off" or "" for none */
    char *redis_prefix;
    int64_t redis_maxlen, redis_max_age_hours;
    char *redis_username, *redis_password_file, *redis_tls_ca, *redis_tls_cert, *redis_tls_key, *redis_mirror;
    /* evidence */
    char *evidence_dir, *evidence_public_key;
    int64_t evidence_max_mib, evidence_max_object_mib;
    /* metrics */
    char *metrics_listen;
    /* log */
    char *log_level;
    /* command line only */
    bool each, fail_on_alert, follow, profile, json_lines;
    int64_t limit;          /* alerts -n */
    struct string_list set_facts; /* rules test --fact NAME=VALUE; a text that holds commas comes in pieces */
    char *stats;            /* --stats FILE|- */
    char *objects;          /* --objects DIR */
    int quiet, verbose;
    bool measure_rules;     /* rules profile: what each rule costs */
    /* derived, by config_finish */
    struct ip_set *home;
    unsigned events;        /* bit for each enum event_type */
    bool inspect_both;
    uint64_t given;         /* bit n: setting n of option_list.def came from the file or the command line */
};

void config_init(struct config *config);
void config_free(struct config *config);
/* Reads a YAML file over what is there. False with "FILE:LINE: what is wrong, and what is allowed". */
bool config_load(struct config *config, const char *path, char *error, size_t error_len);
/* Reads the options of `command` from argv (argv[0] is the command), -c's file first wherever it stands. Words
 * after a lone "--" become the filter. `operands` are what is left, borrowed from argv. */
bool config_options(struct config *config, enum config_command command, int argc, char **argv,
                    struct string_list *operands, char *error, size_t error_len);
/* Defaults that depend on the command, and what is derived; then the configuration is read-only. */
void config_finish(struct config *config, enum config_command command);
void config_show(const struct config *config); /* YAML on standard output, defaults included */
void config_help(enum config_command command); /* the options of one command, on standard output */

#endif
