/*
 * Texts within Markdown (CommonMark, as GitHub shows it): a name from a model file may hold anything, and stays a text.
 */
#ifndef BT_MARKDOWN_H
#define BT_MARKDOWN_H

#include <stdio.h>

/** Of a line or of a cell of a table; control characters become '?'. GitHub notifies nobody for an @ in it. */
void bt_markdown_text(FILE *out, const char *text);
/** Between backticks, of which there are more than in the text. For lines, not for cells: there a | would end it. */
void bt_markdown_code(FILE *out, const char *text);

#endif
