/* Tables. */
#include "table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Bytes of the UTF-8 character at `p`, 0 when it is none or a control. */
static size_t character(const unsigned char *p, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
    if (n == 1)
        return p[0] >= 0x20 && p[0] != 0x7f ? 1 : 0;
    if (n == 0 || n > len || p[0] >= 0xf5)
        return 0;
    uint32_t code = p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    bool control = code < 0xa0 || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                   (code >= 0x2066 && code <= 0x2069);
    return code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || control ? 0 : n;
}

static char *safe_copy(const char *text)
{
    size_t len = strlen(text), out = 0;
    char *copy = malloc(len + 1);
    if (!copy)
        abort(); /* a command that prints a table */
    for (size_t i = 0; i < len;) {
        size_t n = character((const unsigned char *)text + i, len - i);
        if (n == 0)
            copy[out++] = '?';
        for (size_t k = 0; k < n; k++)
            copy[out++] = text[i + k];
        i += n ? n : 1;
    }
    copy[out] = '\0';
    return copy;
}

static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void table_begin(struct table *table, size_t columns, const char *const *header)
{
    *table = (struct table){columns, 0, NULL};
    if (header)
        table_row(table, header);
}

void table_row(struct table *table, const char *const *cells)
{
    size_t have = table->rows * table->columns;
    char **more = realloc(table->cells, (have + table->columns) * sizeof(char *));
    if (!more)
        abort(); /* a command that prints a table */
    table->cells = more;
    for (size_t i = 0; i < table->columns; i++)
        table->cells[have + i] = safe_copy(cells[i] ? cells[i] : "");
    table->rows++;
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    table->cells = NULL;
    table->rows = 0;
}

static size_t terminal_width(FILE *out)
{
    struct winsize size;
    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return SIZE_MAX;
    return size.ws_col;
}

/* At most `room` characters of it. */
static void print_cut(FILE *out, const char *text, size_t room)
{
    size_t bytes = 0, width = 0;
    while (text[bytes]) {
        if (((unsigned char)text[bytes] & 0xc0) != 0x80 && width++ == room)
            break;
        bytes++;
    }
    fwrite(text, 1, bytes, out);
}

void table_print(struct table *table, FILE *out)
{
    size_t widths[TABLE_COLUMNS] = {0}, room = terminal_width(out);
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        size_t width = width_of(table->cells[i]), column = i % table->columns;
        widths[column] = width > widths[column] ? width : widths[column];
    }
    for (size_t row = 0; row < table->rows; row++) {
        size_t left = room;
        for (size_t column = 0; column < table->columns; column++) {
            const char *cell = table->cells[row * table->columns + column];
            if (column + 1 == table->columns) {
                print_cut(out, cell, left);
                fputc('\n', out);
            } else {
                size_t taken = widths[column] + 2;
                fprintf(out, "%s%*s", cell, (int)(taken - width_of(cell)), "");
                left = left > taken ? left - taken : 20;
            }
        }
    }
    table_free(table);
}
