/* Exchanges of one's own beside a script: a file of lines "VISITOR | CHARACTER | VISITOR | CHARACTER ...", each a conversation.
 * What a script never has (names told, "are you a bot?", a follow-up) is learned from them. */
#include "base/file.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A few hundred replies stand against thousands of the script: each is learned so often in a pass that there are as many of them as of
 * the script's, where that takes at most MOST_COPIES. Ours are anybody's and not the character's: half as many. */
static const double own_share = 1, common_share = 0.5;
enum { MOST_COPIES = 8, MAX_FILE = 16 << 20, MAX_PARTS = 64 };

extern const char us_common_exchanges[]; /* characters/exchanges.txt, by cmake/exchanges.cmake */

static char *trim(char *s) {
    s += strspn(s, " \t");
    size_t n = strlen(s);
    while (n && strchr(" \t\r", s[n - 1])) n--;
    s[n] = 0;
    return s;
}

static us_status add_turn(us_dataset *d, const char *said, bool character, us_error *err) {
    us_buf text;
    us_buf_init(&text, MAX_FILE);
    us_status st = us_dataset_put_name(&text, said, d->character, err);
    d->counts.turns += character;
    if (!st)
        st = us_dataset_add_turn(d, (us_turn){.n_lines = 1, .character = character, .target = character}, text.data,
                                 text.len - 1, err);
    us_buf_fini(&text);
    return st;
}

/* How often each exchange of `text` is learned in a pass. */
static double copies_of(const us_dataset *d, const char *text, double share) {
    uint64_t script = 0, replies = 0;
    for (size_t i = 0; i < d->n_examples; i++)
        for (uint32_t k = 0; d->examples[i].part == US_TRAIN && k < d->examples[i].n_turns; k++)
            script += d->turns[d->examples[i].first_turn + k].target;
    for (const char *line = text, *end; *line; line = end + (*end != 0)) {
        end = line + strcspn(line, "\n");
        line += strspn(line, " \t");
        uint64_t bars = 0;
        for (const char *p = line; p < end && *line != '#'; p++) bars += *p == '|';
        replies += (bars + 1) / 2; /* a bar between any two parts, of which every second is one */
    }
    double copies = replies ? share * (double)script / (double)replies : 1;
    return copies > MOST_COPIES ? MOST_COPIES : copies;
}

static us_status add_line(us_dataset *d, const char *path, size_t number, char *line, us_part part, int copies, us_error *err) {
    char *parts[MAX_PARTS];
    size_t n = 0, first;
    us_status st = US_OK;
    for (char *p = line, *bar; p && n < MAX_PARTS; p = bar) {
        if ((bar = strchr(p, '|'))) *bar++ = 0;
        if (!*(parts[n++] = trim(p))) n = MAX_PARTS;
    }
    if (n % 2 || n == MAX_PARTS)
        return us_fail(err, US_ERR_FORMAT, "%s:%zu: expected VISITOR | CHARACTER, and so on by turns, less than %d, none empty",
                       path, number, MAX_PARTS);
    for (int copy = 0; copy < copies && !st; copy++) {
        first = d->n_turns;
        for (size_t i = 0; i < n && !st; i++) st = add_turn(d, parts[i], i % 2, err);
        d->counts.exchanges[part] += n / 2;
        if (!st) st = us_dataset_close_example(d, first, part, NULL, err);
    }
    return st;
}

const char *us_dataset_common_exchanges(const char *language) {
    return language && !strcmp(language, "en") ? US_EXCHANGES_COMMON : NULL;
}

/* The n-th of things of which a share is taken, evenly spread: how often it is. */
static int share_of(size_t n, double share) { return (int)((double)(n + 1) * share) - (int)((double)n * share); }

us_status us_dataset_add_exchanges(us_dataset *d, const char *path, double validation, us_error *err) {
    bool common = !strcmp(path, US_EXCHANGES_COMMON);
    char *text;
    size_t n, number = 0, used = 0;
    us_status st = common ? us_strdup(us_common_exchanges, &text, err) : us_file_read(path, MAX_FILE, &text, &n, err);
    if (st) return st;
    if (!common && strlen(text) != n) st = us_fail(err, US_ERR_FORMAT, "%s: not a text file", path);
    double copies = st ? 0 : copies_of(d, text, common ? common_share : own_share);
    if (!common && copies < 1)
        copies = 1; /* ours are thinned out beside a short script; whoever gives a file means all of it */
    for (char *line = text, *next; line && !st; line = next) {
        number++;
        if ((next = strchr(line, '\n'))) *next++ = 0;
        line = trim(line);
        if (!*line || *line == '#') continue;
        us_part part = share_of(used, validation) ? US_VALIDATION : US_TRAIN;
        st = add_line(d, path, number, line, part, share_of(used, copies), err); /* as many of each: it is what is learned */
        used++;
    }
    free(text);
    return st;
}
