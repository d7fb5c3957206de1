/* dlp-sensor: the commands, one line each. Every command reads its settings the same way, so what follows a
 * command's name is the table's business (config.c), and what it does is its own file's. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "config.h"
#include "log.h"
#include "rule_load.h"
#include "run.h"

struct command {
    const char *name;
    enum config_command id;
    const char *arguments;
    const char *help;
    int (*run)(const struct config *config, const struct string_list *operands);
};

static int replay_command(const struct config *config, const struct string_list *operands)
{
    if (!operands->count) {
        log_error("replay: name at least one capture file, directory, or - for standard input");
        return EXIT_USAGE;
    }
    return run_replay(config, operands);
}

static int capture_command(const struct config *config, const struct string_list *operands)
{
    if (operands->count) {
        log_error("capture: unexpected '%s' (interfaces are given with -i)", operands->items[0]);
        return EXIT_USAGE;
    }
    return run_capture(config);
}

/* A replay that measures its rules and reports nothing else. */
static int rules_profile(const struct config *config, const struct string_list *inputs)
{
    char nothing[] = "", off[] = "off";
    struct config measuring = *config;
    measuring.measure_rules = true;
    measuring.workers = 1;
    measuring.events = 0;
    measuring.redis_url = off;
    measuring.json = measuring.stats = measuring.objects = measuring.spool_dir = measuring.redis_mirror = nothing;
    if (!measuring.quiet)
        measuring.quiet = 1; /* no bar, no summary */
    return replay_command(&measuring, inputs);
}

static int rules_command(const struct config *config, const struct string_list *operands)
{
    const struct string_list rest = {operands->items + 1, operands->count ? operands->count - 1 : 0};
    if (operands->count && strcmp(operands->items[0], "profile") == 0)
        return rules_profile(config, &rest);
    return cli_rules(config, operands);
}

static int config_command_run(const struct config *config, const struct string_list *operands)
{
    const char *what = operands->count == 1 ? operands->items[0] : "";
    if (strcmp(what, "show") == 0)
        config_show(config);
    else if (strcmp(what, "check") == 0) {
        struct lists *lists = rule_load_lists(config, rule_load_say, NULL);
        if (!lists)
            return EXIT_USAGE;
        lists_free(lists);
        puts("the configuration is valid");
    } else {
        log_error("config: say check or show");
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static const struct command COMMANDS[] = {
    {"replay", COMMAND_REPLAY, "[options] INPUT... [-- BPF]", "read captures and report what left the network",
     replay_command},
    {"capture", COMMAND_CAPTURE, "-i IFACE [options] [-- BPF]", "run on a tap until stopped", capture_command},
    {"rules", COMMAND_RULES, "check|list|test|explain|profile|new|variables ...", "check, list and try rules",
     rules_command},
    {"facts", COMMAND_FACTS, "FILE...", "print every fact of a file as JSON", cli_facts},
    {"config", COMMAND_CONFIG, "check|show [-c FILE]", "validate the settings, or print them", config_command_run},
    {"alerts", COMMAND_ALERTS, "[--follow] [--redis URL]", "read alerts back from Redis", cli_alerts},
    {"spool", COMMAND_SPOOL, "status|dump|resend --spool DIR", "look at the alerts kept on disk, or send them again",
     cli_spool},
    {"check", COMMAND_CHECK, "[-c FILE]", "look at settings, rules, host, interfaces and Redis", cli_check},
    {"version", 0, "", "version, and the libraries'", cli_version},
};
#define COMMAND_NUMBER (sizeof(COMMANDS) / sizeof(COMMANDS[0]))

static void print_usage(FILE *out)
{
    fputs("usage: dlp-sensor COMMAND ...\n\n", out);
    for (size_t i = 0; i < COMMAND_NUMBER; i++)
        fprintf(out, "  %-8s %-52s %s\n", COMMANDS[i].name, COMMANDS[i].arguments, COMMANDS[i].help);
    fputs("\ndlp-sensor COMMAND --help lists a command's options.\n", out);
}

static void set_verbosity(const struct config *config)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    int level = LOG_INFO;
    for (int i = 0; i < 4; i++) {
        if (strcmp(config->log_level, names[i]) == 0)
            level = i;
    }
    level += config->verbose - config->quiet;
    log_set_level(level < LOG_ERROR ? LOG_ERROR : level > LOG_DEBUG ? LOG_DEBUG : (enum log_level)level);
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct config config;
    struct string_list operands;
    char error[1024];
    int code = EXIT_USAGE;

    config_init(&config);
    if (!config_options(&config, command->id, argc, argv, &operands, error, sizeof(error))) {
        log_error("%s", error);
    } else {
        config_finish(&config, command->id);
        set_verbosity(&config);
        code = command->run(&config, &operands);
    }
    config_free(&config);
    return code;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is a failed write, not a death */
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < COMMAND_NUMBER; i++) {
        if (strcmp(COMMANDS[i].name, name) == 0)
            return run_command(&COMMANDS[i], argc - 1, argv + 1);
    }
    if (*name)
        log_error("unknown command '%s'", name);
    print_usage(stderr);
    return EXIT_USAGE;
}
