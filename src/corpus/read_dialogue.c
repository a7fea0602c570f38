/* corpus/read_dialogue.c - plain text with a name in front of each line: "Ann: Good morning.".
 *
 * A line without a name goes on with the one before it; behind an empty line it is an action. Headings begin scenes, lines in
 * brackets are directions. Names that are met once and are written small are taken for words. */
#include "corpus/label.h"
#include <stdio.h>
#include <string.h>

static bool is_big(us_span_str name) {
    unsigned char c = (unsigned char)name.s[0];
    return !(c >= 'a' && c <= 'z');
}

/* "[Bridge]": short, in square brackets, no sentence. */
static bool is_place(us_span_str t) {
    size_t blanks = 0;
    if (t.n < 4 || t.n > 60 || *t.s != '[' || t.s[t.n - 1] != ']' || strchr(".!?,", t.s[t.n - 2])) return false;
    for (size_t i = 1; i + 1 < t.n; i++) {
        if (strchr("[]:", t.s[i])) return false;
        blanks += t.s[i] == ' ';
    }
    return blanks < 5;
}

/* Stands for a scene's place where directions have brackets of another kind, as in the transcripts of Star Trek. */
static bool has_places(const us_doc *d) {
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    size_t round = 0, square = 0, places = 0;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        if (t.n < 3) continue;
        round += *t.s == '(' && t.s[t.n - 1] == ')';
        square += *t.s == '[' && t.s[t.n - 1] == ']';
        places += is_place(t);
    }
    return round && places * 10 >= square * 9;
}

/* "Stardate: 41153.7", "Original Airdate: Sep 28, 1987": what a transcript says of its episode is nobody's words. */
static bool is_about_episode(us_span_str name) {
    static const char *const names[] = {"stardate",
                                        "original airdate",
                                        "airdate",
                                        "air date",
                                        "original air date",
                                        "written by",
                                        "directed by",
                                        "teleplay by",
                                        "story by",
                                        "transcript by",
                                        "transcribed by",
                                        "episode",
                                        "season",
                                        "title",
                                        "source",
                                        "date"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (name.n == strlen(names[i]) && !strncasecmp(name.s, names[i], name.n)) return true;
    return false;
}

void us_look_dialogue(const us_script_options *o, const us_doc *d, us_view *view) {
    static _Thread_local us_tally names;
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    us_span_str name, direction, words;
    double labelled = 0, other = 0, empty = 0;
    bool gap = true, going = false, bare = false; /* bare: a name without words, which may stand in the next line */
    (void)o;
    if (d->workbook) return;
    names.n = names.total = 0;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        if (!t.n) {
            empty += bare;
            bare = false;
            gap = true;
            continue;
        }
        if (us_is_heading(t) || us_is_direction_line(t)) gap = true;
        else if (us_label_split(t, &name, &direction, &words)) {
            labelled++;
            empty += bare;
            bare = !words.n;
            us_tally_add(&names, name);
            gap = false;
            going = true;
        } else if (gap || !going) other++, going = false;
        else other += bare ? 0 : 0.2, bare = false; /* it goes on */
    }
    if (labelled < 1) return;
    double share = labelled / (labelled + other);
    view->fit = (0.2 + 0.72 * share) * (0.25 + 0.75 * us_tally_repeated(&names)) * (1 - 0.8 * empty / labelled);
    if (share < 0.3) view->fit *= 0.5;
    if (labelled < 2) view->fit *= 0.7;
}

typedef struct speech {
    us_rows *r;
    us_buf speaker, text;
    uint32_t line;
    bool open;
} speech;

static us_status finish(speech *p) {
    if (p->open)
        us_rows_say(p->r, p->line, (us_span_str){p->speaker.data, p->speaker.len},
                    (us_span_str){p->text.data ? p->text.data : "", p->text.len});
    p->open = false;
    return p->r->status;
}

static us_status begin(speech *p, uint32_t line, us_span_str name, us_span_str direction, us_span_str words) {
    us_status st = finish(p);
    us_error *err = p->r->err;
    us_buf_clear(&p->speaker);
    us_buf_clear(&p->text);
    p->line = line;
    p->open = true;
    if (!st) st = us_buf_append(&p->speaker, name.s, name.n, err);
    if (!st && direction.n) st = us_buf_append(&p->text, direction.s, direction.n, err);
    if (!st && direction.n) st = us_buf_append_str(&p->text, " ", err);
    return st ? st : us_buf_append(&p->text, words.s, words.n, err);
}

static us_status go_on(speech *p, us_span_str words) {
    us_status st = p->text.len ? us_buf_append_str(&p->text, "\n", p->r->err) : US_OK;
    return st ? st : us_buf_append(&p->text, words.s, words.n, p->r->err);
}

us_status us_read_dialogue(us_rows *r, us_doc *d) {
    static _Thread_local us_tally names;
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    us_span_str name, direction, words;
    size_t max = r->options->max_cell_bytes ? r->options->max_cell_bytes : (size_t)1 << 20;
    speech p = {.r = r};
    us_status st = US_OK;
    bool gap = true, places = has_places(d);
    size_t small = 0;
    us_buf_init(&p.speaker, 4096);
    us_buf_init(&p.text, max);
    names.n = names.total = 0;
    while (us_lines_next(&l))
        if (us_label_split(l.text, &name, &direction, &words)) us_tally_add(&names, name), small += !is_big(name);
    bool all_small = small * 2 > names.total; /* nobody is written big here */
    l = us_lines_of(d->s, d->n);
    while (!st && us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        us_doc_done(d, l.at);
        if (!t.n) {
            gap = true;
            continue;
        }
        bool label = us_label_split(t, &name, &direction, &words);
        if (label && !all_small && *t.s != '<' &&
            !is_big(name)) { /* "he said: ..." is no speaker, "old man: ..." is one when it appears again */
            uint32_t n = us_tally_add(&names, name);
            label = n > 2 || n == 0;
        }
        if (label && is_about_episode(name)) {
            st = finish(&p);
            us_rows_action(r, l.line);
            if (!st) st = r->status;
        } else if (us_is_heading(t) || (places && is_place(t))) {
            st = finish(&p);
            if (!st) us_rows_break(r, l.line);
            if (!st) st = r->status;
        } else if (label) st = begin(&p, l.line, name, direction, words);
        else if (us_is_direction_line(t) || gap || !p.open) {
            bool said = p.open && !gap && us_is_direction_line(t); /* a direction between the lines of a speech */
            if (said) st = go_on(&p, t);
            else if (!(st = finish(&p))) us_rows_action(r, l.line), st = r->status;
        } else if (go_on(&p, t)) {
            p.open = false;
            us_rows_reject(r, p.line, "a speech of more bytes than a cell may have");
            st = r->status;
        }
        gap = false;
    }
    if (!st) st = finish(&p);
    us_buf_fini(&p.speaker);
    us_buf_fini(&p.text);
    return st;
}
