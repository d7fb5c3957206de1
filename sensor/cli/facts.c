/* `dlp-sensor facts FILE...`: every fact of a file, one JSON object a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/file_run.h"
#include "cli/show_facts.h"
#include "log.h"

void show_facts(struct json *json, const struct fact_set *facts, bool all)
{
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        enum fact_id id = (enum fact_id)i;
        const char *name = FACT_INFO[i].name;
        if (!all && !fact_present(facts, id))
            continue;
        switch (FACT_INFO[i].type) {
        case FACT_TYPE_INT:
            json_int(json, name, fact_int(facts, id));
            break;
        case FACT_TYPE_BOOL:
            json_bool(json, name, fact_int(facts, id) != 0);
            break;
        case FACT_TYPE_REAL:
            json_double(json, name, fact_real(facts, id));
            break;
        case FACT_TYPE_TEXT:
            json_bytes(json, name, fact_text(facts, id), strlen(fact_text(facts, id)));
            break;
        }
    }
}

static void print_object(void *user, const struct object *object, const struct fact_set *facts)
{
    const char *path = user;
    struct json json;
    size_t len;
    json_init(&json);
    json_open_object(&json, NULL);
    json_bytes(&json, "file", path, strlen(path));
    if (object->path_count) {
        json_open_array(&json, "object_path");
        for (unsigned i = 0; i < object->path_count; i++)
            json_bytes(&json, NULL, object->path[i], strlen(object->path[i]));
        json_close_array(&json);
    }
    if (object->has_sha256)
        json_hex(&json, "sha256", object->sha256, sizeof(object->sha256));
    json_open_object(&json, "facts");
    show_facts(&json, facts, true);
    json_close_object(&json);
    json_close_object(&json);
    char *text = json_take(&json, &len);
    puts(text);
    free(text);
}

int cli_facts(const struct config *config, const struct string_list *operands)
{
    int code = 0;
    if (!operands->count) {
        log_error("facts: name at least one file");
        return 2;
    }
    for (size_t i = 0; i < operands->count; i++) {
        const struct file_hooks hooks = {operands->items[i], print_object, NULL, NULL};
        if (!file_run(config, NULL, operands->items[i], &hooks))
            code = 1;
    }
    return code;
}
