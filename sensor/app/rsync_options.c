/* The arguments an rsync client gives its server: they say who sends, and what an entry of the file list holds. Both
 * sides then offer names of checksums and compressions; the first of the client's that the server has too is taken. */
#include <ctype.h>

#include "rsync.h"

static bool starts(struct text argument, const char *word, struct text *rest)
{
    size_t len = strlen(word);
    if (argument.len < len || memcmp(argument.data, word, len) != 0)
        return false;
    *rest = (struct text){argument.data + len, argument.len - len};
    return true;
}

static bool same(struct text argument, const char *word)
{
    return argument.len == strlen(word) && memcmp(argument.data, word, argument.len) == 0;
}

static void copy(char *to, size_t room, struct text from)
{
    size_t n = from.len < room - 1 ? from.len : room - 1;
    memcpy(to, from.data, n);
    to[n] = '\0';
}

static void take_long(struct rsync_options *options, struct text argument)
{
    const struct { const char *word; bool *is; } flags[] = {
        {"--sender", &options->server_sends},  {"--numeric-ids", &options->numeric},
        {"--specials", &options->specials},    {"--delete-excluded", &options->delete_excluded},
        {"--new-compress", &options->compress}, {"--old-compress", &options->compress},
    };
    struct text rest;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        *flags[i].is |= same(argument, flags[i].word);
    options->delete |= starts(argument, "--delete", &rest) && !starts(rest, "-missing", &rest);
    if (same(argument, "--no-specials"))
        options->specials = false;
    if (starts(argument, "--checksum-choice=", &rest)) {
        options->checksum_chosen = true;
        copy(options->checksum_choice, sizeof(options->checksum_choice), rest);
    }
    if (same(argument, "--new-compress"))
        rest = (struct text){"zlibx", 5};
    else if (same(argument, "--old-compress"))
        rest = (struct text){"zlib", 4};
    else if (!starts(argument, "--compress-choice=", &rest))
        return;
    options->compress = options->compress_chosen = true;
    copy(options->compress_choice, sizeof(options->compress_choice), rest);
}

/* "-logDtpre.iLsfxCIvu": letters, and behind `e` what the client can do. */
static void take_letters(struct rsync_options *options, struct text letters)
{
    const struct { char letter; bool *is; } flags[] = {
        {'o', &options->user},  {'g', &options->group},      {'D', &options->devices},  {'D', &options->specials},
        {'l', &options->links}, {'H', &options->hard_links}, {'c', &options->checksum}, {'U', &options->atimes},
        {'N', &options->crtimes}, {'A', &options->acls},     {'X', &options->xattrs},   {'n', &options->dry_run},
        {'m', &options->prune}, {'z', &options->compress},   {'s', &options->second_list},
    };
    for (size_t i = 0; i < letters.len; i++) {
        if (letters.data[i] == 'e') {
            options->strings = memchr(letters.data + i, 'v', letters.len - i) != NULL;
            return;
        }
        if (letters.data[i] == 'B' || letters.data[i] == '@') /* with a number */
            return;
        for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++)
            *flags[k].is |= letters.data[i] == flags[k].letter;
    }
}

void rsync_options_take(struct rsync_options *options, struct text argument)
{
    if (options->over || !argument.len)
        return;
    if (same(argument, "."))
        options->over = true; /* paths follow */
    else if (argument.len > 2 && argument.data[0] == '-' && argument.data[1] == '-')
        take_long(options, argument);
    else if (argument.len > 1 && argument.data[0] == '-')
        take_letters(options, (struct text){argument.data + 1, argument.len - 1});
}

/* ---- what was agreed ---- */

static bool next_name(const char **list, struct text *name)
{
    const char *p = *list;
    while (*p == ' ' || *p == ',')
        p++;
    *name = (struct text){p, strcspn(p, " ,")};
    *list = p + name->len;
    return name->len != 0;
}

static struct text agreed(const char *client, const char *server)
{
    struct text name, other;
    while (next_name(&client, &name)) {
        for (const char *p = server; next_name(&p, &other);) {
            if (name.len == other.len && memcmp(name.data, other.data, name.len) == 0)
                return name;
        }
    }
    return (struct text){NULL, 0};
}

unsigned rsync_strings_expected(const struct rsync *rsync)
{
    const struct rsync_options *options = &rsync->options;
    bool offered = rsync->protocol >= 30 && (rsync->compat_seen ? rsync->varint_flags : options->strings);
    if (!offered)
        return 0;
    return (options->checksum_chosen ? 0u : 1u) + (options->compress && !options->compress_chosen ? 1u : 0u);
}

/* Bytes of a digest: of whole files behind their bytes, or in the list with -c. */
unsigned rsync_sum_length(const struct rsync *rsync, bool of_list)
{
    static const struct { const char *name; unsigned len; } sums[] = {
        {"xxh64", 8}, {"xxhash", 8}, {"xxh3", 8}, {"sha1", 20}, {"none", 1}};
    const char *choice = rsync->options.checksum_choice;
    struct text name = agreed(rsync->side[SIDE_CLIENT].checksums, rsync->side[SIDE_SERVER].checksums);
    if (rsync->options.checksum_chosen) {
        const char *comma = strchr(choice, ',');
        choice = of_list && comma ? comma + 1 : choice;
        next_name(&choice, &name);
    }
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        if (same(name, sums[i].name))
            return sums[i].len;
    }
    return 16; /* MD4, MD5, XXH128 */
}

enum rsync_coding rsync_coding_agreed(const struct rsync *rsync)
{
    const struct rsync_options *options = &rsync->options;
    struct text name = {"zlib", 4};
    if (options->compress_chosen)
        name = (struct text){options->compress_choice, strlen(options->compress_choice)};
    else if (options->compress && rsync_strings_expected(rsync))
        name = agreed(rsync->side[SIDE_CLIENT].compressions, rsync->side[SIDE_SERVER].compressions);
    if (!options->compress || same(name, "none"))
        return RSYNC_PLAIN;
    if (same(name, "zlib"))
        return RSYNC_ZLIB;
    return same(name, "zlibx") ? RSYNC_ZLIBX : same(name, "zstd") ? RSYNC_ZSTD : RSYNC_UNKNOWN;
}
