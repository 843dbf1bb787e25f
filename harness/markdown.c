#include "harness/markdown.h"

#include <stdbool.h>
#include <string.h>

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

void bt_markdown_text(FILE *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        const bool within = c > text && strchr(" |", c[-1]) == NULL && c[1] != '\0' && c[1] != ' ';
        if (is_control(*c)) {
            (void)fputc('?', out);
        } else if (*c == '@') {
            (void)fputs("&#64;&#8203;", out);
        } else if (strchr("<>&|`*[]\\~#!$\"'", *c) != NULL || (*c == '_' && !within)) {
            (void)fprintf(out, "&#%d;", *c);
        } else {
            (void)fputc(*c, out);
        }
    }
}

static void fence(FILE *out, size_t ticks)
{
    for (size_t i = 0; i < ticks; i++) {
        (void)fputc('`', out);
    }
}

void bt_markdown_code(FILE *out, const char *text)
{
    size_t longest = 0;
    for (const char *c = text; *c != '\0';) {
        const size_t run = strspn(c, "`");
        longest = run > longest ? run : longest;
        c += run != 0 ? run : 1;
    }
    fence(out, longest + 1);
    (void)fputs(longest != 0 ? " " : "", out); /* one each is taken off */
    for (const char *c = text; *c != '\0'; c++) {
        (void)fputc(is_control(*c) ? '?' : *c, out);
    }
    (void)fputs(longest != 0 ? " " : "", out);
    fence(out, longest + 1);
}
