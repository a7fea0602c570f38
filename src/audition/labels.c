#include "audition/labels.h"
#include <string.h>

bool us_label_find(const us_stops *stops, const char *text) {
    size_t n = strlen(text);
    if (us_stops_scan(stops, text, n, true).stopped) return true;
    for (size_t i = 0; i < stops->n_names; i++) {
        size_t k = strlen(stops->names[i]);
        for (const char *p = text; (p = strstr(p, stops->names[i])); p += k) {
            const char *b = p;
            while (b > text && b[-1] == ' ') b--;
            if (p[k] == ':' && b > text && strchr(".!?\"\n", b[-1])) return true;
        }
    }
    return false;
}
