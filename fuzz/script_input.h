/* A fuzzer's bytes as a script file, read, checked against what corpus.h promises, and explored. */
#ifndef US_FUZZ_SCRIPT_INPUT_H
#define US_FUZZ_SCRIPT_INPUT_H
#include "base/utf8.h"
#include "understudy/explore.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROMISE(x)                                              \
    do {                                                        \
        if (!(x)) {                                             \
            fprintf(stderr, "broken: %s (%d)\n", #x, __LINE__); \
            abort();                                            \
        }                                                       \
    } while (0)

static inline void check_script(const us_script *s) {
    const us_script_counts *c = us_script_get_counts(s);
    size_t n_lines, n_speakers, n_scenes, n_episodes, next = 0, spoken = 0;
    const us_line *l = us_script_get_lines(s, &n_lines);
    const us_speaker *sp = us_script_get_speakers(s, &n_speakers);
    const us_scene *sc = us_script_get_scenes(s, &n_scenes);
    us_script_get_episodes(s, &n_episodes);
    PROMISE(c->rows == c->lines + c->actions + c->breaks + c->rejected);
    PROMISE(c->lines == n_lines);
    for (size_t i = 0; i < n_lines; i++) {
        PROMISE(l[i].text[0] && us_utf8_valid(l[i].text, strlen(l[i].text), NULL));
        PROMISE(l[i].speaker == US_SPEAKER_NONE || l[i].speaker < n_speakers);
        PROMISE(l[i].scene < n_scenes);
    }
    for (size_t i = 0; i < n_scenes; i++) {
        PROMISE(sc[i].first_line == next && sc[i].n_lines > 0 && sc[i].episode < n_episodes);
        next += sc[i].n_lines;
    }
    PROMISE(next == n_lines);
    for (size_t i = 0; i < n_speakers; i++) {
        PROMISE(us_utf8_valid(sp[i].name, strlen(sp[i].name), NULL));
        spoken += sp[i].n_lines;
    }
    PROMISE(spoken + c->unnamed == n_lines);
}

static inline void explore_script(const us_script *s) {
    us_error err;
    us_facts *f;
    us_alias *aliases;
    size_t n;
    char *text;
    if (!us_script_suggest_aliases(s, &aliases, &n, &err)) free(aliases);
    if (us_explore(s, NULL, &f, &err)) return;
    if (!us_report_json(f, &text, &err)) free(text);
    us_facts_free(f);
}

/* `format`: of --format, NULL: found by content. */
static inline int read_script(const uint8_t *data, size_t size, const char *format) {
    static char path[64];
    static FILE *f;
    if (!f) {
        snprintf(path, sizeof path, "/tmp/us_fuzz_XXXXXX");
        int fd = mkstemp(path);
        f = fd < 0 ? NULL : fdopen(fd, "wb");
        PROMISE(f);
    }
    rewind(f);
    PROMISE(fwrite(data, 1, size, f) == size && !fflush(f) && !ftruncate(fileno(f), (off_t)size));
    us_script *s;
    us_error err = {0};
    const char *paths[] = {path};
    if (us_script_load(&(us_script_options){.max_cell_bytes = 4096, .max_rows = 2000, .format = format}, paths, 1, &s, &err)) {
        PROMISE(err.status && err.message[0]);
        return 0;
    }
    check_script(s);
    explore_script(s);
    if (us_script_check_damage(s, &err)) PROMISE(err.message[0]);
    us_script_free(s);
    return 0;
}
#endif
