/* corpus/read_screenplay.c - Fountain, plain-text screenplays and plays: a name in capitals on a line of its own, then the
 * words.
 *
 *     INT. POND - DAY
 *
 *     ANN (V.O.)
 *     (softly)
 *     Good morning.
 *
 * The name stands behind an empty line (or is indented further than what is around it), the words up to the next. Fountain's
 * marks are understood (fountain.io/syntax): @name, !action, .heading, > transition, ~lyrics, [[notes]], boneyards, the title
 * page. Names that are not in capitals are taken when most paragraphs begin with a short line that comes again.
 *
 * A speech waits until what follows is known: a page may have ended in it, "(MORE)", and it goes on under "ANN (CONT'D)". */
#include "corpus/label.h"
#include "corpus/moment.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

static bool ends_with(us_span_str s, const char *end) {
    size_t n = strlen(end);
    return s.n >= n && !strncasecmp(s.s + s.n - n, end, n);
}
static bool begins(us_span_str s, const char *with) { return s.n >= strlen(with) && !strncasecmp(s.s, with, strlen(with)); }

/* What is in capitals and nobody's name. */
static bool is_transition(us_span_str t) {
    static const char *const heads[] = {
        "FADE ",     "FADE",        "CUT TO",    "CUT ",        "DISSOLVE", "SMASH CUT", "MATCH CUT",  "JUMP CUT",
        "BACK TO",   "TITLE",       "SUPER:",    "SUPERIMPOSE", "INSERT",   "MONTAGE",   "END OF",     "THE END",
        "CONTINUED", "(CONTINUED)", "(MORE)",    "MORE",        "OMITTED",  "ANGLE ON",  "CLOSE ON",   "CLOSE UP",
        "POV",       "WIDE ",       "FLASHBACK", "LATER",       "INTERCUT", "DRAFT",     "WRITTEN BY", "ЗТМ",
        "ИЗ ЗТМ",    "КОНЕЦ",       "ТИТР",      "ENDE",        "FIN"};
    if (ends_with(t, "TO:") || ends_with(t, "IN:") || ends_with(t, "OUT.") || ends_with(t, " POV")) return true;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (begins(t, heads[i]) &&
            (t.n == strlen(heads[i]) || heads[i][strlen(heads[i]) - 1] == ' ' || strchr(" .:-(", t.s[strlen(heads[i])])))
            return true;
    return false;
}

/* "ORGON, entrant.": in a play, what stands small behind a comma, in a few words, is how it is said. Where the comma is, or NULL. */
static const char *comma_of(us_span_str name) {
    const char *comma = memmem(name.s, name.n, ", ", 2), *end = name.s + name.n;
    uint32_t cp = 0;
    size_t words = 1;
    if (!comma || comma + 3 >= end || end[-1] != '.' || end - comma > 40 ||
        !us_utf8_decode(comma + 2, (size_t)(end - comma) - 2, &cp) || !u_islower((UChar32)cp))
        return NULL;
    for (const char *p = comma + 2; p < end; p++) {
        words += *p == ' ';
        if (strchr(",()[]:;?!", *p)) return NULL;
    }
    return words <= 4 ? comma : NULL;
}

/* A name without the brackets, or the comma, behind it. */
static us_span_str bare_name(us_span_str name) {
    const char *round = memchr(name.s, '(', name.n), *square = memchr(name.s, '[', name.n),
               *open = !round || (square && square < round) ? square : round;
    if (!open) open = comma_of(name);
    return us_trim((us_span_str){name.s, open ? (size_t)(open - name.s) : name.n});
}

/* "CONT'D" without brackets behind a name, or behind a dash or a comma: bytes of the name, 0 if it is not there. */
static size_t before_contd(us_span_str t) {
    const char *blank = memrchr(t.s, ' ', t.n);
    if (!blank || !us_is_going_on(blank + 1, (size_t)(t.s + t.n - blank) - 1)) return 0;
    size_t n = (size_t)(blank - t.s);
    while (n && strchr(" ,-", t.s[n - 1])) n--;
    return n;
}

/* Does a name say that its speech goes on: "ANN (CONT'D)", "ANN (V.O., cont.)", "ANN CONT'D"? */
static bool goes_on(us_span_str line) {
    us_span_str t = us_trim(line);
    const char *end = t.s + t.n, *open = memchr(t.s, '(', t.n);
    if (before_contd(t)) return true;
    for (const char *p = open, *q; p && p < end; p = q) {
        for (q = ++p; q < end && !strchr("(),/&;", *q); q++) {}
        if (us_is_going_on(p, (size_t)(q - p))) return true;
    }
    return false;
}

/* The name of a line that is nothing but a name in capitals, perhaps with brackets behind it. */
static bool cue_of(us_span_str line, us_span_str *name) {
    us_span_str t = us_trim(line), bare;
    size_t words = 1;
    const char *tab = memchr(t.s, '\t', t.n); /* the number of a line stands behind it */
    bool number = tab;
    for (const char *p = tab; number && p < t.s + t.n; p++) number = strchr("\t0123456789.", *p) != NULL;
    if (number) t.n = (size_t)(tab - t.s);
    if (t.n > 1 && t.s[0] == '@') { /* forced: any letters */
        bool together = t.s[t.n - 1] == '^';
        *name = us_trim((us_span_str){t.s + 1, t.n - 1 - together});
        return name->n > 0;
    }
    if (t.n > 4 && !memcmp(t.s, "**", 2) && !memcmp(t.s + t.n - 2, "**", 2)) t = (us_span_str){t.s + 2, t.n - 4}; /* Markdown */
    if (t.n && t.s[t.n - 1] == '^') t = us_trim((us_span_str){t.s, t.n - 1}); /* spoken at the same time */
    if (t.n < 2 || t.n > 90 || strchr(".!>~=#*[({-", t.s[0]) || us_is_slug(t) || us_is_heading(t) || is_transition(t))
        return false;
    size_t going_on = before_contd(t);
    if (going_on) t.n = going_on;
    bare = bare_name(t);
    bool open = bare.s + bare.n < t.s + t.n;
    if (open && t.n > 2 && strchr(".:", t.s[t.n - 1]) && strchr(")]", t.s[t.n - 2])) t.n--; /* ANN (softly). */
    if (open && !strchr(")]", t.s[t.n - 1]) && !comma_of(t)) return false;
    if (memmem(bare.s, bare.n, "    ", 4)) return false; /* the head of a page: "THE POND        12." */
    if (bare.n && (bare.s[bare.n - 1] == '.' || bare.s[bare.n - 1] == ':')) bare.n--, t = open ? t : bare;
    if (!bare.n || bare.n > 60 || !us_is_capitals(bare) || strchr("?!,;\"", bare.s[bare.n - 1])) return false;
    for (size_t i = 0; i < bare.n; i++) words += bare.s[i] == ' ';
    *name = t;
    return words <= 6 && !memchr(bare.s, '"', bare.n);
}

/* "BARNARDO  Who's there?", "HORATIO, [within]  Friends": a name and, behind a gap, its words (Folger's Shakespeare). The bytes up to
 * the words, 0: none. */
static size_t words_at(us_span_str line, us_span_str *name) {
    us_span_str t = us_trim(line);
    const char *end = t.s + t.n, *gap = memmem(t.s, t.n, "  ", 2), *bracket = memmem(t.s, t.n, ", [", 3);
    if (!gap || t.s > line.s + 3) return 0;
    const char *stop = bracket && bracket < gap ? bracket : gap, *words = bracket && bracket < gap ? bracket + 2 : gap;
    us_span_str before = us_trim((us_span_str){t.s, (size_t)(stop - t.s)}),
                said = us_trim((us_span_str){words, (size_t)(end - words)});
    if (!before.n || strchr(":.", before.s[before.n - 1]) || !cue_of(before, name) || said.n < 2 || us_is_capitals(said))
        return 0;
    return (size_t)(said.s - line.s);
}

/* ---- blocks: lines between empty lines ------------------------------------------------------------------------- */

typedef struct block {
    us_span_str lines[400];
    uint32_t at[400]; /* their numbers in the file */
    size_t n;
    const char *after;  /* the text behind it */
    size_t more, contd; /* so many lines stood in front of "(MORE)" and of "(CONT'D)", which are none of them */
    bool after_more;    /* "(MORE)" stood in front of all of them */
    bool apart;         /* its name stood above an empty line */
    bool maybe;         /* it was "(CONTINUED)", which may be said of the scene */
} block;

static size_t indent_of(us_span_str line) {
    size_t n = 0;
    for (size_t i = 0; i < line.n && strchr(" \t\f", line.s[i]); i++) n += line.s[i] == '\t' ? 8 : line.s[i] == ' ';
    return n;
}

/* What the printed page adds. */
typedef enum page { PAGE_NOT = 0, PAGE_MARK, PAGE_MORE, PAGE_CONTD } page;

/* Its number at the right margin or at its top, "(MORE)", "- more -", "(CONTINUED)", "12   CONTINUED: (2)   12", "(cont'd)". */
static page of_page(us_span_str line) {
    static const char around[] = "0123456789. \t";
    us_span_str t = us_trim(line);
    size_t digits = 0, others = 0;
    if (us_is_page_mark(line)) return PAGE_MARK;
    for (size_t i = 0; i < t.n; i++) digits += t.s[i] >= '0' && t.s[i] <= '9', others += !strchr(around, t.s[i]);
    if (digits && !others && digits < 4 && t.n < 6 && indent_of(line) >= 40) return PAGE_MARK;
    while (t.n && strchr(around, *t.s)) t.s++, t.n--;
    while (t.n && strchr(around, t.s[t.n - 1])) t.n--;
    const char *open = t.n && t.s[t.n - 1] == ')' ? memrchr(t.s, '(', t.n) : NULL; /* "CONTINUED: (2)" */
    bool counted = open && open > t.s;
    for (const char *p = open; counted && ++p < t.s + t.n - 1;) counted = *p >= '0' && *p <= '9';
    if (counted) t = us_trim((us_span_str){t.s, (size_t)(open - t.s)});
    if (!t.n || t.n > 30) return PAGE_NOT;
    bool marked = strchr("([-*", *t.s), head = t.s[t.n - 1] == ':' && us_is_capitals(t);
    while (t.n && strchr("([-* ", *t.s)) t.s++, t.n--;
    while (t.n && strchr(")]-* .:", t.s[t.n - 1])) t.n--;
    if (marked && t.n == 4 && !strncasecmp(t.s, "MORE", 4)) return PAGE_MORE;
    bool manner = begins(t, "CONTINUING"); /* is how somebody speaks */
    return !manner && (marked || head) && us_is_going_on(t.s, t.n) ? PAGE_CONTD : PAGE_NOT;
}

/* "Is it (MORE)" */
static bool without_more(us_span_str *line) {
    us_span_str t = us_trim(*line);
    if (t.n < 7 || strncasecmp(t.s + t.n - 6, "(MORE)", 6)) return false;
    line->n = (size_t)(t.s + t.n - line->s) - 6;
    return true;
}

/* A star at the right margin marks what a revision changed. */
static void without_revision(us_span_str *line) {
    us_span_str t = us_trim(*line);
    if (t.n > 3 && t.s[t.n - 1] == '*' && (t.s[t.n - 2] == '\t' || (t.s[t.n - 2] == ' ' && t.s[t.n - 3] == ' ')))
        line->n = (size_t)(t.s + t.n - line->s) - 1;
}

static bool more_of_block(us_lines *l, block *b) {
    size_t before = b->n;
    while (us_lines_next(l)) {
        without_revision(&l->text);
        page mark = of_page(l->text);
        if (mark == PAGE_MORE) b->more = b->n, b->maybe = false, b->after_more = b->after_more || !b->n;
        if (mark == PAGE_CONTD) b->contd = b->n;
        if (mark == PAGE_CONTD && b->n > 1 && b->more < b->n) b->more = b->n, b->maybe = true;
        if (mark) continue;
        bool more = without_more(&l->text);
        if (!us_trim(l->text).n) {
            bool soft =
                b->n && l->text.n >= 2 && l->text.s[0] == ' ' && l->text.n < 4; /* Fountain: two blanks keep a speech open */
            if (!soft && b->n > before) break;
            continue;
        }
        b->at[b->n] = l->line;
        us_span_str name;
        size_t words = b->n ? 0 : words_at(l->text, &name);
        if (words) b->lines[b->n++] = name, b->at[b->n] = l->line; /* as if they stood on lines of their own */
        b->lines[b->n++] = (us_span_str){l->text.s + words, l->text.n - words};
        if (more) b->more = b->n, b->maybe = false;
        if (b->n + 1 >= sizeof b->lines / sizeof *b->lines) break;
    }
    b->after = l->at;
    return b->n > before;
}

static bool next_block(us_lines *l, block *b) {
    b->n = b->more = b->contd = 0;
    b->after_more = b->maybe = b->apart = false;
    return more_of_block(l, b);
}

/* "### Ann", "#### You:", "**Ann**" and, `capitals`, "ANN.": a name alone, whose words stand below an empty line. */
static bool apart_name(us_span_str line, us_span_str *name, bool *capitals) {
    us_span_str t = us_trim(line);
    size_t marks = 0;
    *capitals = false;
    while (marks < t.n && t.s[marks] == '#') marks++;
    bool bold = t.n > 5 && !memcmp(t.s, "**", 2) && (!memcmp(t.s + t.n - 2, "**", 2) || !memcmp(t.s + t.n - 3, "**:", 3));
    if (marks && marks < t.n && t.s[marks] == ' ') t = us_trim((us_span_str){t.s + marks, t.n - marks});
    else if (bold) t = us_trim((us_span_str){t.s + 2, t.n - 2});
    else return *capitals = true, cue_of(line, name);
    while (t.n && strchr("*: ", t.s[t.n - 1])) t.n--;
    while (t.n && *t.s == '*') t.s++, t.n--;
    *name = t;
    bool small = t.n && ((*t.s >= 'a' && *t.s <= 'z') || (*t.s >= '0' && *t.s <= '9')); /* "# a remark" */
    return t.n > 1 && t.n < 40 && !small && !us_is_heading(t) && !strchr(".?!,;", t.s[t.n - 1]);
}

/* What a line ends with that may stand behind a name: '.', ':', or 0 for neither. */
static char mark_of(us_span_str line) {
    us_span_str t = us_trim(line);
    return t.n && strchr(".:", t.s[t.n - 1]) ? t.s[t.n - 1] : 0;
}

/* "Ann", "Ann.", "Ann:": a name in small letters that may be alone in its paragraph, with this mark behind it. */
static bool is_small_name(us_span_str line, char mark, us_span_str *name) {
    static const char *const parts[] = {"Verse", "Chorus", "Bridge",  "Intro", "Outro",   "Refrain", "Interlude",
                                        "Pause", "Beat",   "Curtain", "Пауза", "Занавес", "Silence", "Reply"};
    us_span_str t = us_trim(line);
    uint32_t cp = 0;
    size_t words = 1;
    if (mark_of(t) != mark) return false; /* "Yes." where names have none */
    t.n -= mark != 0;
    if (t.n < 2 || t.n > 40 || !us_utf8_decode(t.s, t.n, &cp) || !u_isupper((UChar32)cp) || us_is_heading(t)) return false;
    for (size_t i = 0; i < t.n; i++) {
        words += t.s[i] == ' ';
        if (strchr(".?!,;:\"()[]*#<>=/0123456789", t.s[i])) return false;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (t.n == strlen(parts[i]) && !memcmp(t.s, parts[i], t.n)) return false;
    *name = t;
    return words < 4;
}

/* Names in small letters that stand alone in their paragraphs, those that come again; NULL: there are none here. */
typedef struct small_names {
    us_tally met;
    char mark; /* behind each */
} small_names;

static bool is_of_small(const small_names *small, us_span_str line, us_span_str *name) {
    return small && is_small_name(line, small->mark, name) && us_tally_count(&small->met, *name) > 1;
}

/* A name in capitals is alone in its paragraph, and so is a small one; one that Markdown marks may have its words below it at once. */
static bool is_apart(const block *b, const small_names *small, us_span_str *name, bool *capitals) {
    if (!b->n) return false;
    if (b->n == 1 && is_of_small(small, b->lines[0], name)) return *capitals = true;
    return apart_name(b->lines[0], name, capitals) && (b->n == 1 || !*capitals);
}

/* The words of a name that stands apart: the next paragraph, behind a mark of Markdown all up to the next such line. */
static void join_apart(us_lines *l, block *b, const small_names *small, us_span_str name, bool capitals) {
    b->lines[0] = name;
    b->apart = true;
    for (size_t n = 0; b->n + 1 < sizeof b->lines / sizeof *b->lines && (!capitals || !n); n++) {
        us_lines ahead = *l;
        us_span_str next;
        bool other;
        while (us_lines_next(&ahead) && !us_trim(ahead.text).n) {}
        bool another = is_of_small(small, ahead.text, &next) || apart_name(ahead.text, &next, &other);
        if (another || us_is_heading(ahead.text) || !more_of_block(l, b)) break;
    }
}

/* "Title: ..." and the like before the first empty line. */
static size_t title_page(const us_doc *d) {
    static const char *const keys[] = {"title:",   "credit:",    "author:", "authors:",  "source:", "draft date:", "date:",
                                       "contact:", "copyright:", "notes:",  "revision:", "format:", "written by:", "episode:"};
    us_lines l = us_lines_of(d->s, d->n);
    bool any = false;
    while (us_lines_next(&l)) {
        bool key = false;
        if (!us_trim(l.text).n) return any ? (size_t)(l.at - d->s) : 0;
        for (size_t i = 0; i < sizeof keys / sizeof *keys && !key; i++) key = begins(l.text, keys[i]);
        if (!key && !any) return 0;
        if (!key && l.text.s[0] != ' ' && l.text.s[0] != '\t') return 0;
        any = true;
    }
    return 0;
}

/* A name that may be in small letters: "Ann", "Ber." (style '.'), "[BURR]" and "[Verse 1: Burr]" (style '['). */
static bool short_line(us_span_str line, us_span_str *name, char *style) {
    static const char *const parts[] = {"intro", "verse",  "chorus",    "pre-chorus", "refrain",
                                        "hook",  "bridge", "interlude", "outro"};
    us_span_str t = us_trim(line);
    *style = 0;
    if (us_is_heading(t)) return false;
    if (t.n > 6 && !memcmp(t.s, "\xe3\x80\x90", 3) && !memcmp(t.s + t.n - 3, "\xe3\x80\x91", 3)) { /* 【太郎】 */
        *style = '[';
        t = us_trim((us_span_str){t.s + 3, t.n - 6});
    } else if (t.n > 3 && *t.s == '[' && t.s[t.n - 1] == ']') {
        *style = '[';
        t = us_trim((us_span_str){t.s + 1, t.n - 2});
        const char *colon = memchr(t.s, ':', t.n);
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            if (!begins(t, parts[i])) continue;
            if (!colon) return false;
            t = us_trim((us_span_str){colon + 1, (size_t)(t.s + t.n - colon) - 1});
            break;
        }
    } else if (t.n > 2 && t.n < 25 && t.s[t.n - 1] == '.' && *t.s >= 'A' && *t.s <= 'Z') *style = '.', t.n--;
    *name = t;
    return t.n > 1 && t.n < 40 && !strchr(".?!,;:\"", t.s[t.n - 1]) && !strchr("([*-#\"", t.s[0]);
}

typedef struct survey {
    double cues, blocks, slugs, indented, small; /* small: blocks that begin with a short line that was met before */
    bool always;                                 /* nearly each paragraph begins with such a line */
    bool apart;                                  /* an empty line stands between names and words */
    bool small_apart;                            /* and the names are in small letters, */
    char small_mark;                             /* with this mark behind them */
    bool by_repeats, tight;                      /* tight: names stand between lines without an empty one */
    char style;                                  /* of nearly all these short lines, else 0 */
} survey;

/* Do short lines that come again stand alone by turns with others, as names and words do? */
static bool takes_turns(const us_doc *d, const small_names *small, double blocks) {
    const us_tally *met = &small->met;
    size_t names = 0, adjacent = 0, n = us_doc_sample(d), begin = title_page(d), kinds = 0;
    bool before = false;
    us_span_str name;
    block b = {0};
    for (size_t i = 0; i < met->n; i++) kinds += met->names[i].count > 1;
    if (met->total < 5 || (double)met->total * 10 < 3 * blocks || kinds < 2) return false;
    us_lines l = us_lines_of(d->s + begin, n > begin ? n - begin : 0);
    while (next_block(&l, &b)) {
        bool one = b.n == 1 && is_of_small(small, b.lines[0], &name);
        names += one;
        adjacent += one && before;
        before = one;
    }
    return names > 4 && (double)names * 10 >= 4 * blocks && kinds * 2 <= names && adjacent * 5 < names;
}

static void look(const us_doc *d, survey *v) {
    US_TALLY cues = {0}, starts = {0}, inside = {0}, alone = {0};
    small_names small[] = {{.mark = 0}, {.mark = '.'}, {.mark = ':'}}, *most = small;
    bool capitals;
    block b = {0};
    size_t n = us_doc_sample(d), begin = title_page(d);
    us_lines l = us_lines_of(d->s + begin, n > begin ? n - begin : 0);
    us_span_str name;
    size_t brackets = 0, dots = 0;
    char style;
    *v = (survey){0};
    cues.n = cues.total = starts.n = starts.total = inside.n = inside.total = 0;
    while (next_block(&l, &b)) {
        v->blocks++;
        for (size_t i = 0; i < b.n; i++) v->slugs += us_is_slug(b.lines[i]);
        size_t at = b.n > 1 && us_is_slug(b.lines[0]) ? 1 : 0;
        if (is_apart(&b, NULL, &name, &capitals)) us_tally_add(&alone, bare_name(name));
        for (int k = 0; k < 3 && b.n == 1; k++)
            if (is_small_name(b.lines[0], small[k].mark, &name)) us_tally_add(&small[k].met, name);
        if (b.n > at + 1 && cue_of(b.lines[at], &name) && !cue_of(b.lines[at + 1], &(us_span_str){0})) {
            v->cues++;
            v->indented += indent_of(b.lines[at]) >= 4;
            us_tally_add(&cues, bare_name(name));
            for (size_t i = at + 2; i + 1 < b.n; i++)
                if (indent_of(b.lines[i]) < 4 && cue_of(b.lines[i], &name)) us_tally_add(&inside, bare_name(name));
        } else if (b.n > 1 && short_line(b.lines[0], &name, &style)) {
            us_tally_add(&starts, name);
            brackets += style == '[';
            dots += style == '.';
        }
    }
    v->apart = alone.total > 2 && (double)alone.total * 10 >= 3 * v->blocks && (double)alone.total > 2 * v->cues &&
               alone.n * 3 <= alone.total * 2 && us_tally_repeated(&alone) > 0.5 && !v->slugs;
    for (int k = 1; k < 3; k++)
        if (small[k].met.total > most->met.total) most = &small[k];
    v->small_mark = most->mark;
    v->small_apart = !v->apart && !v->slugs && v->cues < 1 && takes_turns(d, most, v->blocks);
    for (int k = 0; k < 3; k++) us_tally_fini(&small[k].met);
    v->apart = v->apart || v->small_apart; /* names and words by turns */
    v->tight = (double)inside.total > v->cues && us_tally_repeated(&inside) > 0.6;
    if (starts.n < starts.total) v->style = brackets * 10 >= starts.total * 9 ? '[' : dots * 10 >= starts.total * 9 ? '.' : 0;
    for (size_t i = 0; i < starts.n; i++)
        if (v->style || starts.names[i].count > 1) v->small += starts.names[i].count;
    v->cues *= us_tally_repeated(&cues) > 0.3 || v->slugs ? 1 : 0.5;
    v->always = (double)starts.total >= 0.8 * v->blocks;
    v->by_repeats = v->small > 2 * v->cues && v->small * 2 > v->blocks && starts.n < 60;
}

static double fit_of(const survey *v) {
    if (v->apart) return 0.8;
    if (v->by_repeats) return 0.72 * v->small / v->blocks;
    if (v->cues < 1) return 0;
    double share = v->cues / v->blocks, fit = share > 0.25 ? 0.85 : 0.3 + 2 * share;
    if (v->slugs) fit += 0.12;
    if (v->cues < 2) fit *= 0.7;
    return fit > 0.97 ? 0.97 : fit;
}

void us_look_fountain(const us_script_options *o, const us_doc *d, us_view *view) {
    survey v;
    (void)o;
    if (d->workbook) return;
    look(d, &v);
    if (v.apart || v.by_repeats || v.indented * 2 > v.cues) return;
    view->fit = v.slugs || title_page(d) ? fit_of(&v) : fit_of(&v) * 0.9;
    snprintf(view->about, sizeof view->about, "%s",
             v.slugs ? "Fountain screenplay" : "plain-text script, names on lines of their own");
}

void us_look_screenplay(const us_script_options *o, const us_doc *d, us_view *view) {
    survey v;
    (void)o;
    if (d->workbook) return;
    look(d, &v);
    view->fit = fit_of(&v) * (v.indented * 2 > v.cues || v.by_repeats || v.apart ? 1 : 0.8);
    snprintf(view->about, sizeof view->about, "%s",
             v.apart        ? "plain text, names on lines of their own, an empty line below"
             : v.by_repeats ? "plain text, names on lines of their own"
                            : "plain-text screenplay");
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool is_letter(char c) {
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* Fountain's emphasis and notes out of a line of words. `stars`: they stand around what is done, *smiles*, and stay for the rule
 * "directions". */
static us_status put_words(us_span_str t, bool stars, us_buf *out, us_error *err) {
    us_status st = out->len ? us_buf_append_str(out, " ", err) : US_OK;
    t = us_trim(t);
    for (size_t i = 0; i < t.n && !st; i++) {
        if (t.n - i >= 2 && t.s[i] == '[' && t.s[i + 1] == '[') { /* [[a note]] */
            const char *end = memmem(t.s + i, t.n - i, "]]", 2);
            if (end) {
                i = (size_t)(end - t.s) + 1;
                continue;
            }
        }
        bool word = i && i + 1 < t.n && is_letter(t.s[i - 1]) && is_letter(t.s[i + 1]);
        if (t.s[i] == '\\' && i + 1 < t.n && strchr("*_\\", t.s[i + 1])) st = us_buf_append(out, t.s + ++i, 1, err);
        else if (t.s[i] == '_' && !word) continue;
        else if (t.s[i] == '*' && !stars &&
                 (t.n - i < 2 || memchr(t.s + i + 1, '*', t.n - i - 1) || (i && memchr(t.s, '*', i))))
            continue;
        else st = us_buf_append(out, t.s + i, 1, err);
    }
    return st;
}

/* A boneyard is commented out: blanks in its place, so that lines keep their numbers. */
static char *without_boneyards(const us_doc *d) {
    if (!memmem(d->s, d->n, "/*", 2)) return NULL;
    char *own = us_checked(malloc(d->n + 1));
    if (!own) return NULL;
    memcpy(own, d->s, d->n);
    for (char *p = own, *end = own + d->n; (p = memmem(p, (size_t)(end - p), "/*", 2));) {
        char *q = memmem(p, (size_t)(end - p), "*/", 2);
        if (!q) break;
        for (; p < q + 2; p++)
            if (*p != '\n') *p = ' ';
    }
    return own;
}

typedef struct play {
    us_rows *r;
    const us_tally *names; /* of paragraphs' first lines, when names are not in capitals; else NULL */
    const us_tally *cast;  /* names in capitals that stood above words */
    char style;
    bool always, tight;
    us_span_str name, cue; /* of the speech that waits, which may go on; cue: as it stands in the script */
    us_buf text;
    uint32_t line, cues, beside; /* beside: names that stand side by side, with their words in two columns */
    bool open, more, maybe;      /* a speech waits; "(MORE)" stood at its end, or perhaps */
    uint32_t held;               /* what stood between, then: the head of a page, or actions */
} play;

static bool speaks(const play *p, const block *b, size_t at, us_span_str *name) {
    if (at + 1 >= b->n) return false;
    if (b->apart) return *name = b->lines[0], at == 0;
    if (!p->names) return cue_of(b->lines[at], name) && !us_is_slug(b->lines[at + 1]);
    char style;
    if (at || !short_line(b->lines[at], name, &style)) return false;
    return us_tally_count(p->names, *name) > 1 || (style && style == p->style) || p->always;
}

/* "ANN              BOB": two who speak at the same time. */
static bool is_pair(us_span_str line) {
    us_span_str t = us_trim(line), name;
    const char *gap = memmem(t.s, t.n, "      ", 6);
    return gap && indent_of(line) >= 4 && cue_of((us_span_str){t.s, (size_t)(gap - t.s)}, &name) &&
           cue_of(us_trim((us_span_str){gap, (size_t)(t.s + t.n - gap)}), &name);
}

/* "ANN (whispering)", "ANN (26)": what stands in brackets behind a name and is no cue of the camera's, which has a rule of its own. */
static us_span_str manner_of(us_span_str *name, char style) {
    const char *comma = comma_of(*name), *sung = style == '[' ? memmem(name->s, name->n, ", ", 2) : NULL;
    if (sung && sung + 2 < name->s + name->n && sung[2] >= 'a' && sung[2] <= 'z') { /* [BOB, spoken] */
        us_span_str how = us_trim((us_span_str){sung + 2, (size_t)(name->s + name->n - sung) - 2});
        *name = us_trim((us_span_str){name->s, (size_t)(sung - name->s)});
        return how;
    }
    if (comma) {
        us_span_str said = us_trim((us_span_str){comma + 2, (size_t)(name->s + name->n - comma) - 3});
        *name = us_trim((us_span_str){name->s, (size_t)(comma - name->s)});
        return said;
    }
    const char *round = memrchr(name->s, '(', name->n), *square = memrchr(name->s, '[', name->n),
               *open = !round || (square && square > round) ? square : round;
    size_t bare = us_name_without_cues(name->s, name->n);
    if (!open || open == name->s || name->s[name->n - 1] != (open == round ? ')' : ']') || bare < name->n)
        return (us_span_str){0};
    us_span_str manner = {open, (size_t)(name->s + name->n - open)};
    *name = us_trim((us_span_str){name->s, (size_t)(open - name->s)});
    return manner;
}

/* The speech that waits is whole. */
static us_status finish(play *p) {
    us_span_str text = {p->text.data ? p->text.data : "", p->text.len};
    if (p->open) us_rows_say(p->r, p->line, p->name, us_label_without_corners(text));
    for (; p->held; p->held--) us_rows_action(p->r, p->line);
    p->open = p->more = false;
    return p->r->status;
}

static bool same_name(us_span_str a, us_span_str b) {
    a = bare_name(a), b = bare_name(b);
    return a.n == b.n && !memcmp(a.s, b.s, a.n);
}

/* Does the line, which stands in a speech, begin another? A speech may be followed by one without an empty line between. */
static bool is_next_cue(const play *p, const block *b, size_t k, size_t depth) {
    us_span_str next;
    if (!cue_of(b->lines[k], &next)) return false;
    if (p->tight || depth >= 4) return indent_of(b->lines[k]) + 2 >= depth;
    return k + 1 < b->n && us_tally_count(p->cast, bare_name(next)) > 1 && !same_name(next, p->name);
}

/* "00:01:15" alone below a name, as Google Meet writes it; "Jan 5, 2024 10:15 AM" below the words, as Facebook does; "c.ai". */
static bool is_beside_words(us_span_str line, bool first, bool last) {
    us_span_str t = us_trim(line);
    int64_t when;
    const char *end = t.s + t.n, *q = us_moment_at(t.s, end, &when);
    return (first && us_is_clocks(t)) || ((first || last) && q && us_blanks_at(q, end) == end) ||
           (first && t.n == 4 && !memcmp(t.s, "c.ai", 4));
}

/* Words of the speech from the line k on; the line behind them. */
static size_t go_on(play *p, const block *b, size_t k, size_t depth) {
    for (size_t first = k; k < b->n; k++) {
        us_span_str next;
        if (k > first && cue_of(b->lines[k], &next) && same_name(next, p->name) &&
            (goes_on(b->lines[k]) || (b->more == k && !b->maybe)))
            continue; /* a page ended in the speech */
        if ((k > first && is_next_cue(p, b, k, depth)) || us_is_slug(b->lines[k])) break;
        if (us_trim(b->lines[k]).s[0] == '~' || is_beside_words(b->lines[k], k == first, k > first && k + 1 == b->n))
            continue; /* lyrics; when it was said */
        if (put_words(b->lines[k], p->names != NULL, &p->text, p->r->err)) {
            us_rows_reject(p->r, p->line, "a speech of more bytes than a cell may have");
            p->open = false;
            break;
        }
    }
    p->more = p->open && b->more && b->more == k;
    p->maybe = b->maybe;
    return k;
}

/* The line of a block behind which the speech that was cut by a page goes on; 0: nowhere in it. */
static size_t behind_page(const play *p, const block *b) {
    us_span_str name;
    for (size_t i = 0; i + 1 < b->n && i < 6; i++) {
        bool again = p->names ? us_trim(b->lines[i]).n < 60 && same_name(us_trim(b->lines[i]), p->name)
                              : cue_of(b->lines[i], &name) && same_name(name, p->name);
        if (again && (!p->maybe || goes_on(b->lines[i]))) return i + 1;
    }
    return 0;
}

/* "ANN (V.O.) (CONT'D)" behind "ANN (V.O.)": the same but for what says that it goes on. */
static bool says_again(us_span_str cue, us_span_str again) {
    size_t going_on = before_contd(again);
    const char *open = memrchr(again.s, '(', again.n), *end = again.s + again.n;
    if (open && end[-1] == ')' && us_is_going_on(open + 1, (size_t)(end - open) - 2)) going_on = (size_t)(open - again.s);
    if (going_on) again = us_trim((us_span_str){again.s, going_on});
    return cue.n == again.n && !memcmp(cue.s, again.s, cue.n);
}

/* The name of a speech is known: it goes on, or it begins. */
static us_status begin(play *p, const block *b, size_t at, us_span_str name) {
    us_status st = US_OK;
    bool on = goes_on(b->lines[at]) || b->contd == at + 1;
    if (p->open && on && says_again(p->cue, us_trim(b->lines[at]))) return US_OK;
    if ((st = finish(p))) return st;
    us_buf_clear(&p->text);
    us_span_str manner = manner_of(&name, p->style);
    if (manner.n && us_label_put_direction(manner, &p->text, p->r->err)) return p->r->status = US_ERR_MEMORY;
    p->name = name;
    p->cue = us_trim(b->lines[at]);
    p->line = b->at[at];
    p->open = true;
    p->cues++;
    return US_OK;
}

static us_status read_block(play *p, const block *b) {
    us_status st = US_OK;
    bool action = false;
    size_t i = 0;
    if (p->open && b->after_more) p->more = true, p->maybe = false;
    p->more = p->more && p->open;
    if (p->more && p->held < 4) {
        us_span_str name;
        size_t from = behind_page(p, b), cues = 0;
        for (size_t k = 0; k < b->n; k++) cues += us_is_slug(b->lines[k]) || speaks(p, b, k, &name);
        if (!from && !cues) return p->held++, US_OK;
        if (from) p->held = 0, i = go_on(p, b, from, indent_of(b->lines[from - 1]));
    }
    while (i < b->n && !st) {
        us_span_str t = us_trim(b->lines[i]), name;
        uint32_t line = b->at[i];
        bool forced = t.n > 1 && t.s[0] == '.' && t.s[1] != '.';
        if (us_is_slug(t) || (us_is_heading(t) && !is_transition(t)) || forced) {
            if (!(st = finish(p))) us_rows_break(p->r, line);
            i++;
            action = false;
        } else if (speaks(p, b, i, &name) && (!action || indent_of(b->lines[i]) > indent_of(b->lines[i - 1]) + 3)) {
            if (!(st = begin(p, b, i, name))) i = go_on(p, b, i + 1, indent_of(b->lines[i]));
            action = false;
        } else {
            st = finish(p);
            p->beside += !action && i + 1 < b->n && is_pair(b->lines[i]);
            if (!st && !action && t.s[0] != '=' && t.s[0] != '#') us_rows_action(p->r, line);
            action = true;
            i++;
        }
        if (!st) st = p->r->status;
    }
    return st ? st : p->r->status;
}

static us_status read_play(us_rows *r, us_doc *d, const char *what) {
    US_TALLY names = {0};
    US_TALLY cast = {0};
    block b = {0};
    survey v;
    look(d, &v);
    small_names small = {.mark = v.small_mark};
    us_span_str name;
    char *own = without_boneyards(d);
    const char *s = own ? own : d->s;
    size_t begin = title_page(d);
    uint32_t line = 0;
    play p = {.r = r,
              .names = v.by_repeats && !v.apart ? &names : NULL,
              .cast = &cast,
              .style = v.style,
              .always = v.always,
              .tight = v.tight};
    char style;
    us_status st = US_OK;
    us_buf_init(&p.text, r->options->max_cell_bytes ? r->options->max_cell_bytes : (size_t)1 << 20);
    us_lines l = us_lines_of(s, d->n);
    for (us_lines first = l; next_block(&first, &b);)
        if (v.small_apart && b.n == 1 && is_small_name(b.lines[0], small.mark, &name)) us_tally_add(&small.met, name);
        else if (v.by_repeats && b.n > 1 && short_line(b.lines[0], &name, &style)) us_tally_add(&names, name);
        else if (!v.by_repeats && b.n > 1 && cue_of(b.lines[0], &name)) us_tally_add(&cast, bare_name(name));
    for (size_t i = 0; i < begin; i++) line += s[i] == '\n';
    l = us_lines_of(s + begin, d->n - begin);
    l.line = line;
    while (!st && next_block(&l, &b)) {
        bool capitals;
        const small_names *low = v.small_apart ? &small : NULL;
        if (v.apart && is_apart(&b, low, &name, &capitals)) join_apart(&l, &b, low, name, capitals);
        st = read_block(&p, &b);
        if (!own) us_doc_done(d, b.after);
    }
    if (!st) st = finish(&p);
    us_buf_fini(&p.text);
    us_tally_fini(&small.met);
    free(own);
    int k = snprintf(r->about, sizeof r->about, "%s, %u cues", what, p.cues);
    if (p.beside)
        snprintf(r->about + k, sizeof r->about - (size_t)k,
                 "; %u pair%s of speeches in two columns left out: set them one below the other", p.beside,
                 p.beside == 1 ? "" : "s");
    return st;
}

us_status us_read_fountain(us_rows *r, us_doc *d) {
    us_view v = {0};
    us_look_fountain(r->options, d, &v);
    return read_play(r, d, v.about[0] ? v.about : "Fountain screenplay");
}
us_status us_read_screenplay(us_rows *r, us_doc *d) {
    us_view v = {0};
    us_look_screenplay(r->options, d, &v);
    return read_play(r, d, v.about);
}
