/* The YAML file: sections of keys, values scalars or lists of scalars. A key the table does not have, or one
 * that stands twice, is an error that names file, line, key and what is allowed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config_table.h"

#define PATH_MAX_LEN 128

struct reading {
    struct config *config;
    const char *file;
    yaml_document_t document;
    uint64_t seen; /* settings this file has given */
    char *error;
    size_t error_len;
};

static bool fail(struct reading *r, const yaml_node_t *node, const char *path, const char *reason)
{
    snprintf(r->error, r->error_len, "%s:%zu: %s%s%s", r->file, node->start_mark.line + 1, path,
             *path ? ": " : "", reason);
    return false;
}

/* "allowed: a, b, c" for the keys directly below `path`. */
static void allowed_keys(const char *path, char *out, size_t out_len)
{
    size_t len = strlen(path), n = 0;
    const char *last = "";
    size_t last_len = 0;
    n += (size_t)snprintf(out, out_len, "unknown key (allowed: ");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *key = SETTINGS[i].path;
        if (!*key || (len && (strncmp(key, path, len) != 0 || key[len] != '.')))
            continue;
        key += len ? len + 1 : 0;
        size_t key_len = strcspn(key, ".");
        if (key_len == last_len && memcmp(key, last, key_len) == 0)
            continue;
        if (n < out_len)
            n += (size_t)snprintf(out + n, out_len - n, "%s%.*s", *last ? ", " : "", (int)key_len, key);
        last = key;
        last_len = key_len;
    }
    if (n < out_len)
        snprintf(out + n, out_len - n, ")");
}

static const struct setting *find(const char *path)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (SETTINGS[i].path[0] && strcmp(SETTINGS[i].path, path) == 0)
            return &SETTINGS[i];
    }
    return NULL;
}

static bool is_section(const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strncmp(SETTINGS[i].path, path, len) == 0 && SETTINGS[i].path[len] == '.')
            return true;
    }
    return false;
}

/* A file named in the configuration lies beside it, wherever the sensor was started. */
static char *beside(const char *file, const char *name, size_t len)
{
    const char *slash = strrchr(file, '/');
    size_t directory = slash && len && name[0] != '/' ? (size_t)(slash - file) + 1 : 0;
    char *path = malloc(directory + len + 1);
    if (!path)
        abort(); /* only at start */
    memcpy(path, file, directory);
    memcpy(path + directory, name, len);
    path[directory + len] = '\0';
    return path;
}

static bool set_scalar(struct reading *r, const struct setting *setting, const yaml_node_t *node)
{
    char reason[256], *text;
    if (node->type != YAML_SCALAR_NODE)
        return fail(r, node, setting->path, "a single value is expected here");
    const char *value = (const char *)node->data.scalar.value;
    text = setting->kind == SETTING_FILE ? beside(r->file, value, node->data.scalar.length)
                                         : config_copy(value, node->data.scalar.length);
    bool ok = config_set(r->config, setting, text, reason, sizeof(reason));
    free(text);
    return ok || fail(r, node, setting->path, reason);
}

static bool set_node(struct reading *r, const struct setting *setting, const yaml_node_t *node)
{
    if (r->seen >> (setting - SETTINGS) & 1)
        return fail(r, node, setting->path, "the key stands twice");
    r->seen |= UINT64_C(1) << (setting - SETTINGS);
    config_given(r->config, setting);
    config_empty_list(r->config, setting);
    if (!setting_is_list(setting) || node->type != YAML_SEQUENCE_NODE)
        return set_scalar(r, setting, node);
    for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top;
         item++) {
        if (!set_scalar(r, setting, yaml_document_get_node(&r->document, *item)))
            return false;
    }
    return true;
}

/* Sections are at most two deep, so the recursion is too. */
static bool read_mapping(struct reading *r, const yaml_node_t *node, const char *path)
{
    if (node->type != YAML_MAPPING_NODE)
        return fail(r, node, path, "a section of keys is expected here");
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
         pair++) {
        const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(&r->document, pair->value);
        char below[PATH_MAX_LEN], reason[512];
        if (key->type != YAML_SCALAR_NODE)
            return fail(r, key, path, "a key must be a plain word");
        snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "",
                 (const char *)key->data.scalar.value);
        const struct setting *setting = find(below);
        if (setting) {
            if (!set_node(r, setting, value))
                return false;
        } else if (is_section(below)) {
            if (!read_mapping(r, value, below))
                return false;
        } else {
            allowed_keys(path, reason, sizeof(reason));
            return fail(r, key, below, reason);
        }
    }
    return true;
}

bool config_load(struct config *config, const char *path, char *error, size_t error_len)
{
    struct reading r = {.config = config, .file = path, .error = error, .error_len = error_len};
    FILE *file = fopen(path, "rb");
    if (!file) {
        snprintf(error, error_len, "%s: %m", path);
        return false;
    }
    yaml_parser_t parser;
    bool ok = false;
    if (!yaml_parser_initialize(&parser)) {
        snprintf(error, error_len, "%s: out of memory", path);
        fclose(file);
        return false;
    }
    yaml_parser_set_input_file(&parser, file);
    if (!yaml_parser_load(&parser, &r.document)) {
        snprintf(error, error_len, "%s:%zu: %s", path, parser.problem_mark.line + 1,
                 parser.problem ? parser.problem : "cannot be read");
    } else {
        const yaml_node_t *root = yaml_document_get_root_node(&r.document);
        ok = !root || read_mapping(&r, root, "");
        yaml_document_delete(&r.document);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return ok;
}
