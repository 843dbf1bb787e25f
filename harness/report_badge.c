#include <string.h>

#include "harness/report.h"

#define LABEL "bittrue"
/* Pixels on either side of a text. */
#define PADDING 6

/* Tenths of a pixel of Verdana at 11 pixels; the viewer stretches the text to the sum, whatever font it has. */
static unsigned tenths(char c)
{
    static const struct {
        const char *letters;
        unsigned tenths;
    } widths[] = {
        {"il", 30}, {" f", 39},   {"t", 43},
        {"r", 47},  {"s", 57},    {"ae", 66},
        {"o", 67},  {"bdgp", 69}, {"0123456789hnu", 70},
    };
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        if (strchr(widths[i].letters, c) != NULL) {
            return widths[i].tenths;
        }
    }
    return 70;
}

static unsigned pixels(const char *text)
{
    unsigned sum = 9;
    for (; *text != '\0'; text++) {
        sum += tenths(*text);
    }
    return sum / 10;
}

void bt_report_badge(const struct bt_report *report, FILE *out)
{
    /* White on each of these has more than 4.5 to 1, as WCAG AA asks for. */
    static const char green[] = "#2e7d32";
    static const char red[] = "#c62828";
    static const char grey[] = "#616161";
    const struct bt_totals totals = bt_report_totals(report);
    const char *colour = green;
    char said[32];
    if (totals.failed != 0) {
        colour = red;
        (void)snprintf(said, sizeof(said), "%u failed", totals.failed);
    } else if (totals.passed + totals.xfailed == 0) {
        colour = grey;
        (void)snprintf(said, sizeof(said), "nothing ran");
    } else {
        (void)snprintf(said, sizeof(said), "%u passed", totals.passed);
    }
    const unsigned left = pixels(LABEL) + 2 * PADDING;
    const unsigned right = pixels(said) + 2 * PADDING;
    (void)fprintf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"20\" role=\"img\" aria-label=\"" LABEL
        ": %s\">\n<title>" LABEL ": %s</title>\n<rect width=\"%u\" height=\"20\" fill=\"#424242\"/>\n<rect "
        "x=\"%u\" width=\"%u\" height=\"20\" fill=\"%s\"/>\n<g fill=\"#ffffff\" "
        "font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">\n",
        left + right, said, said, left, left, right, colour);
    (void)fprintf(out,
                  "<text x=\"%d\" y=\"14\" textLength=\"%u\">" LABEL "</text>\n<text x=\"%u\" y=\"14\" "
                  "textLength=\"%u\">%s</text>\n</g>\n</svg>\n",
                  PADDING, pixels(LABEL), left + PADDING, pixels(said), said);
}
