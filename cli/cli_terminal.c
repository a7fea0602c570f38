#include "cli_terminal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

int cli_text_width(const char *text, size_t n) {
    mbstate_t state = {0};
    int width = 0;
    for (size_t at = 0; at < n;) {
        wchar_t c;
        size_t k = mbrtowc(&c, text + at, n - at, &state);
        if (k == 0 || k > n - at) { /* not a character here: it stands for one column */
            memset(&state, 0, sizeof state);
            k = 1;
            width++;
        } else width += wcwidth(c) > 0 ? wcwidth(c) : 0;
        at += k;
    }
    return width;
}

int cli_columns(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 0;
}

void cli_wrap_end(cli_wrap *w) {
    int width = cli_text_width(w->word, w->n_word), limit = cli_columns();
    if (w->n_word && limit && w->column && w->column + width > limit) {
        putchar('\n');
        w->column = 0;
    }
    fwrite(w->word, 1, w->n_word, stdout);
    w->column += width;
    w->n_word = 0;
    fflush(stdout);
}

void cli_wrap_put(cli_wrap *w, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool gap = text[i] == ' ' || text[i] == '\n';
        if (gap || (w->n_word + 4 > sizeof w->word && (text[i] & 0xc0) != 0x80) || w->n_word == sizeof w->word) cli_wrap_end(w);
        if (text[i] == '\n') {
            putchar('\n');
            w->column = 0;
        } else if (!gap) w->word[w->n_word++] = text[i];
        else if (w->column && (!cli_columns() || w->column + 1 < cli_columns())) { /* no blank at a line's end or start */
            putchar(' ');
            w->column++;
        } else if (w->column) {
            putchar('\n');
            w->column = 0;
        }
    }
    fflush(stdout);
}

char *cli_state_file(const char *name) {
    char path[4096];
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n = xdg && *xdg == '/' ? snprintf(path, sizeof path, "%s/understudy/%s", xdg, name)
                               : snprintf(path, sizeof path, "%s/.local/state/understudy/%s", home ? home : "", name);
    if (n >= (int)sizeof path || path[0] != '/' || (!home && !(xdg && *xdg == '/'))) return NULL;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(path, 0700) && errno != EEXIST) return NULL;
        *slash = '/';
    }
    return cli_must(strdup(path));
}
