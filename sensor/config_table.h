/* The settings table as config.c, config_yaml.c and config_options.c share it. */
#ifndef DLP_CONFIG_TABLE_H
#define DLP_CONFIG_TABLE_H

#include "config.h"

enum setting_kind {
    SETTING_TEXT,
    SETTING_FILE, /* a text: a path, relative to the file it stands in */
    SETTING_CHOICE,
    SETTING_INT,
    SETTING_FLAG,
    SETTING_LIST,
    SETTING_NETS,   /* a list of addresses and prefixes */
    SETTING_URL,    /* a text: of a Redis, or off */
    SETTING_LISTEN, /* a text: address:port, or nothing */
    SETTING_FILTER, /* a text: in tcpdump's language */
    SETTING_TALLY /* an option whose uses are counted */
};

struct setting {
    size_t offset; /* in struct config */
    enum setting_kind kind;
    const char *path; /* in the file, "" for none */
    const char *name; /* long option, "" for none */
    char letter;      /* short option, 0 for none */
    const char *value; /* default */
    int64_t low, high; /* INT; low 0 lets "auto" be said */
    const char *choices;
    unsigned commands;
    const char *argument;
    const char *help;
};

extern const struct setting SETTINGS[];
extern const size_t SETTING_COUNT;

static inline bool setting_is_list(const struct setting *setting)
{
    return setting->kind == SETTING_LIST || setting->kind == SETTING_NETS;
}

char *config_copy(const char *text, size_t len);
/* Gives the setting the value the text says; false with a reason in `error`. Lists are added to. */
bool config_set(struct config *config, const struct setting *setting, const char *text, char *error,
                size_t error_len);
void config_empty_list(struct config *config, const struct setting *setting); /* other kinds: nothing */
void config_given(struct config *config, const struct setting *setting);

#endif
