/* Rule files and lists as text: any bytes are read in time linear in their number, and every part
 * that is found lies inside them. The first byte says which reader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "match/condition.h"
#include "match/lexer.h"
#include "match/lint.h"
#include "match/list.h"
#include "match/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const char *text, size_t len, const char *start, size_t part)
{
    if (start < text || start + part > text + len)
        abort();
}

static void on_warning(void *user, unsigned line, const char *message)
{
    (void)user;
    (void)line;
    if (!*message)
        abort();
}

struct file {
    const char *text;
    size_t len;
};

static void read_condition(const struct file *file, const char *start, const char *end)
{
    struct condition condition;
    if (!condition_read(&condition, start, end, 1))
        return;
    for (uint32_t i = 0; i < condition.count; i++)
        inside(file->text, file->len, condition.parts[i].text.start, condition.parts[i].text.len);
    lint_condition(&condition, on_warning, NULL);
    condition_free(&condition);
}

static void on_word(void *user, enum source_word kind, const char *word, size_t len, unsigned line)
{
    const struct file *file = user;
    struct rule_text rule;
    (void)line;
    inside(file->text, file->len, word, len);
    if (kind != WORD_RULE || !rule_text_read(file->text, file->len, word, &rule))
        return;
    inside(file->text, file->len, rule.begin, (size_t)(rule.end - rule.begin));
    if (rule.strings)
        inside(file->text, file->len, rule.strings, (size_t)(rule.strings_end - rule.strings));
    read_condition(file, rule.condition, rule.condition_end);
}

static void on_said(void *user, bool error, const char *message)
{
    (void)user;
    (void)error;
    (void)message;
}

static void read_list(const char *text, size_t len, bool hosts, bool digests)
{
    char path[] = "/tmp/list_fuzz_XXXXXX";
    struct list list = {0};
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len)
        abort();
    close(fd);
    list_read(&list, path, hosts, digests, on_said, NULL);
    unlink(path);
    for (size_t i = 1; i < list.range_count; i++) {
        if (ip_compare(&list.ranges[i - 1].to, &list.ranges[i].from) >= 0)
            abort(); /* the search needs them apart and in order */
    }
    for (size_t i = 0; i < list.host_count; i++)
        free(list.hosts[i]);
    free(list.hosts);
    free(list.ranges);
    free(list.digests);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 20000)
        return 0;
    size_t len = size - 1;
    char *text = malloc(len + 1);
    if (!text)
        return 0;
    memcpy(text, data + 1, len);
    text[len] = '\0';
    struct file file = {text, len};
    switch (data[0] % 5) {
    case 0:
        source_words(text, len, on_word, &file);
        break;
    case 1:
        read_condition(&file, text, text + len);
        break;
    default:
        read_list(text, len, data[0] % 5 == 2, data[0] % 5 == 4);
    }
    free(text);
    return 0;
}
