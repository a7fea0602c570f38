/* corpus/read_dialogue.c - plain text with a name in front of each line: "Ann: Good morning.", "ANN. Good morning.".
 *
 * A line without a name goes on with the one before it; behind an empty line it is an action. Headings begin scenes, lines in
 * brackets are directions. Names that are met once and are written small are taken for words. A first look finds the manner of the
 * whole document: names with a dot behind them, numbers in front of the lines, words in quotes. */
#include "base/utf8.h"
#include "corpus/label.h"
#include "corpus/moment.h"
#include <stdio.h>
#include <string.h>
#include <unicode/uchar.h>

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
                                        "post by",
                                        "posted by",
                                        "release date",
                                        "character set encoding",
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
                                        "date",
                                        "人物",
                                        "出场人物",
                                        "登场人物",
                                        "登場人物"};
    return us_is_one_of(name, names, sizeof names / sizeof *names);
}

/* What parts names from words where neither a colon nor a dot does. */
typedef enum part { PART_NONE, PART_BRACKETS, PART_ANGLE, PART_DASH, PART_TIME, PART_SAYS, PART_WIDE, N_PARTS } part;
static const char *const part_looks[N_PARTS] = {"Name: line",           "[Name] line",      "Name> line",
                                                "Name\xe2\x80\x94line", "Name [time] line", "Name says, 'line'",
                                                "Name\xe3\x80\x80line"};

/* What is so throughout a document. */
typedef struct manner {
    bool numbered;         /* a number or a clock in front of each line, as courts have them */
    bool bulleted;         /* "- Ann: Hi", "> Ann: Hi" */
    bool by_dots;          /* "Ann. Hi": the names that come again are in `dotted` */
    bool quoted;           /* words stand in quotes, which nobody speaks */
    bool all_small;        /* nobody is written big here */
    bool places;           /* "[Bridge]" begins a scene */
    bool dashed;           /* "Ann: \u2014 Hi": all words begin with a dash */
    bool clocked;          /* "Ann: 00:03 Hi": the words begin with when they are said */
    bool apart;            /* "Ann:", an empty line, and the words */
    bool spaced;           /* "А н я. Привет.": the letters of names stand apart */
    us_tally dotted;       /* what stands before the first dot of a line */
    us_tally colons;       /* names with a colon behind them */
    us_tally capitals;     /* "ANN. Hi", and names in capitals with what they do in brackets behind: "ANN [rising] Hi" */
    us_tally within;       /* names in capitals with a colon behind them, in the line of another's speech */
    bool manners;          /* several of the latter */
    us_tally led[N_PARTS]; /* names in front of such a mark */
    part by;               /* how names are parted from words here; PART_NONE: by colons or dots */
    bool by_all;           /* nearly everywhere */
    bool by_colons;        /* nearly all have one: "STOP. I know you." is a sentence */
} manner;

static void manner_fini(manner *m) {
    us_tally_fini(&m->dotted);
    us_tally_fini(&m->colons);
    us_tally_fini(&m->capitals);
    us_tally_fini(&m->within);
    for (int k = 0; k < N_PARTS; k++) us_tally_fini(&m->led[k]);
}
#define MANNER __attribute__((cleanup(manner_fini))) manner

/* "0.50 2.00 A: hello" (Fisher, Santa Barbara): from when to when, in seconds. Bytes up to the words; 0: it is none. */
static size_t two_decimals(us_span_str t) {
    size_t i = 0;
    for (int k = 0; k < 2; k++) {
        size_t dots = 0, digits = 0;
        for (; i < t.n && (t.s[i] == '.' || (t.s[i] >= '0' && t.s[i] <= '9')); i++)
            dots += t.s[i] == '.', digits += t.s[i] != '.';
        if (dots != 1 || digits < 2 || i >= t.n || !strchr(" \t", t.s[i])) return 0;
        while (i < t.n && strchr(" \t", t.s[i])) i++;
    }
    return i < t.n ? i : 0;
}

/* Bytes of the number or the clock that a line begins with, and of what parts it from the words; *number is its value. */
static size_t line_number(us_span_str t, unsigned *number) {
    size_t i = t.n > 3 && strchr("[(", *t.s) && t.s[1] >= '0' && t.s[1] <= '9', open = i; /* [001] Ann: Hi */
    unsigned before = 0;
    bool clock = false;
    const char *close = t.n > 6 && strchr("[(", *t.s) ? memchr(t.s, *t.s == '[' ? ']' : ')', t.n < 40 ? t.n : 40) : NULL;
    int seconds;
    if (close && us_is_clocks((us_span_str){t.s, (size_t)(close - t.s) + 1}) && us_clock_at(t.s + 1, close, &seconds)) {
        us_span_str rest = us_trim((us_span_str){close + 1, (size_t)(t.s + t.n - close) - 1}); /* [00:03.1 --> 00:05.0] */
        return *number = (unsigned)seconds, (size_t)(rest.s - t.s);
    }
    size_t decimals = two_decimals(t);
    *number = 0;
    for (size_t k = 0; decimals && k < 6 && t.s[k] != '.'; k++) *number = *number * 10 + (unsigned)(t.s[k] - '0');
    if (decimals) return decimals;
    for (*number = 0; i < t.n && i < 12; i++)
        if (t.s[i] >= '0' && t.s[i] <= '9') *number = *number * 10 + (unsigned)(t.s[i] - '0');
        else if (t.s[i] == ':' && i && i + 1 < t.n && t.s[i + 1] >= '0' && t.s[i + 1] <= '9')
            before = (before + *number) * 60, *number = 0, clock = true;
        else break;
    if (open && (i >= t.n || !strchr("])", t.s[i++]))) return 0;
    if (i == 2 * open || (i > 4 + 2 * open && !clock) || i > 11 + 2 * open) return 0; /* 01:00:12:05 with frames */
    *number += before;
    if (i == t.n) return i;
    size_t from = i;
    if (t.s[i] == '.' || t.s[i] == ')') i++;
    if (i < t.n && t.s[i] != ' ' && t.s[i] != '\t') return 0;
    while (i < t.n && (t.s[i] == ' ' || t.s[i] == '\t')) i++;
    if (clock && i > from && i + 2 < t.n && t.s[i] == '-' && t.s[i + 1] == ' ') i += 2; /* 00:03 - Ann: Hi */
    return i > from ? i : 0;
}

static size_t bullet(us_span_str t) {
    if (t.n > 1 && strchr("-*>", *t.s) && t.s[1] == ' ') return 2;
    if (t.n == 1 && *t.s == '>') return 1;
    return t.n > 4 && !memcmp(t.s, "\xe2\x80\xa2", 3) ? 3 : 0;
}

static us_span_str unquoted(us_span_str w);

static us_span_str bare(const manner *m, us_span_str line) {
    us_span_str t = us_trim(line), name, direction, words;
    unsigned number;
    if (t.n > 4 && *t.s == '"') { /* a table of one column: "Ann: Hi, Bob" */
        us_span_str inner = unquoted(t);
        if (inner.n < t.n && us_label_split(inner, &name, &direction, &words)) t = inner;
    }
    size_t n = m->numbered ? line_number(t, &number) : m->bulleted ? bullet(t) : 0;
    return us_trim((us_span_str){t.s + n, t.n - n});
}

/* Words that stand in quotes from end to end, without them; else as they are. */
static us_span_str unquoted(us_span_str w) {
    static const char *const pairs[][2] = {{"\"", "\""}, {"\xe2\x80\x9c", "\xe2\x80\x9d"}, {"\xc2\xab", "\xc2\xbb"}};
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        size_t n = strlen(pairs[k][0]);
        if (w.n > 2 * n && !memcmp(w.s, pairs[k][0], n) && !memcmp(w.s + w.n - n, pairs[k][1], n) &&
            !memmem(w.s + n, w.n - 2 * n, pairs[k][1], n))
            return (us_span_str){w.s + n, w.n - 2 * n};
    }
    return w;
}

/* "Любовь Андреевна": a first name and another, each with a capital. */
static bool is_full_name(us_span_str s) {
    static const char *const moves[] = {"Enter", "Exit", "Exeunt", "Re-enter", "Actus", "Входит", "Уходит"};
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        if (s.n > strlen(moves[i]) && !memcmp(s.s, moves[i], strlen(moves[i]))) return false;
    const char *blank = memchr(s.s, ' ', s.n);
    for (const char *p = blank; p; p = memchr(p + 1, ' ', (size_t)(s.s + s.n - p) - 1)) {
        uint32_t cp = 0;
        if (!us_utf8_decode(p + 1, (size_t)(s.s + s.n - p) - 1, &cp) || !u_isupper((UChar32)cp)) return false;
    }
    return blank != NULL;
}

static bool has_dot(us_span_str t, us_span_str name) {
    us_span_str other, direction, words;
    return us_label_dotted(t, &other, &direction, &words) && other.s == name.s && other.n == name.n;
}

/* "[Ann] Hi", "(Ann) Hi": what may be a name in brackets, and words behind it. */
static bool led_by(us_span_str t, us_span_str *name, us_span_str *words) {
    if (t.n < 5 || !strchr("[(", *t.s)) return false;
    const char *close = memchr(t.s, *t.s == '[' ? ']' : ')', t.n < 40 ? t.n : 40);
    if (!close) return false;
    *name = us_trim((us_span_str){t.s + 1, (size_t)(close - t.s) - 1});
    *words = us_trim((us_span_str){close + 1, (size_t)(t.s + t.n - close) - 1});
    return name->n && is_big(*name) && !(*name->s >= '0' && *name->s <= '9') && !strchr(".?!,", name->s[name->n - 1]) &&
           words->n && *words->s != ':';
}

/* What may be somebody's name in front of a mark: short, and no sentence. */
static bool is_short_name(us_span_str s) {
    size_t words = 1;
    if (!s.n || s.n > 40 || !(((*s.s | 32) >= 'a' && (*s.s | 32) <= 'z') || (unsigned char)*s.s >= 0x80)) return false;
    for (size_t i = 0; i < s.n; i++) {
        words += s.s[i] == ' ';
        if (strchr(":.?!,;\"<>[]()*_=|", s.s[i])) return false;
    }
    return words < 5;
}

/* Ann says, "Hi there.": of games that are played in words. */
static bool says(us_span_str t, us_span_str *name, us_span_str *words) {
    static const char *const verbs[] = {" says", " asks", " exclaims", " whispers", " shouts", " replies", " said", " asked"};
    const char *quote = memmem(t.s, t.n < 64 ? t.n : 64, ", \"", 3);
    if (!quote || t.s[t.n - 1] != '"' || quote + 4 >= t.s + t.n) return false;
    us_span_str head = {t.s, (size_t)(quote - t.s)};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        size_t n = strlen(verbs[i]);
        if (head.n <= n || memcmp(quote - n, verbs[i], n)) continue;
        *name = (us_span_str){t.s, head.n - n};
        *words = (us_span_str){quote + 3, (size_t)(t.s + t.n - quote) - 4};
        return is_short_name(*name);
    }
    return false;
}

/* "Ann> Hi", "Ann\u2014Hi", "Ann [00:03] Hi". */
static bool parted_by(part kind, us_span_str t, us_span_str *name, us_span_str *words) {
    const char *end = t.s + t.n, *at = NULL, *behind = NULL;
    us_span_str head = {t.s, t.n < 48 ? t.n : 48};
    if (kind == PART_BRACKETS) return led_by(t, name, words);
    if (kind == PART_ANGLE && (at = memchr(head.s, '>', head.n))) behind = at + 1;
    if (kind == PART_DASH) {
        const char *long_dash = memmem(head.s, head.n, "\xe2\x80\x94", 3), *two = memmem(head.s, head.n, "--", 2);
        at = long_dash && (!two || long_dash < two) ? long_dash : two;
        behind = at ? at + (at == long_dash ? 3 : 2) : NULL;
        if (at && (at == t.s || at[-1] == ' ' || behind >= end || strchr(" -", *behind))) return false;
    }
    if (kind == PART_TIME) {
        const char *open = memmem(head.s, head.n, " [", 2);
        if (!open) open = memmem(head.s, head.n, " (", 2);
        const char *close = open ? memchr(open + 1, open[1] == '[' ? ']' : ')', (size_t)(end - open) - 1) : NULL;
        if (!close || !us_is_clocks((us_span_str){open + 1, (size_t)(close - open)})) return false;
        at = open, behind = close + 1;
    }
    if (kind == PART_SAYS) return says(t, name, words);
    if (kind == PART_WIDE && (at = memmem(head.s, head.n, "\xe3\x80\x80", 3))) behind = at + 3;
    if (!at) return false;
    *name = us_trim((us_span_str){t.s, (size_t)(at - t.s)});
    *words = us_trim((us_span_str){behind, (size_t)(end - behind)});
    return words->n && *words->s != ':' && is_short_name(*name) && name->s[name->n - 1] != '-';
}

/* "THE DAUGHTER [in the rain] I'm getting chilled." (Shaw): capitals, and in brackets behind them what they do. */
static bool mannered(us_span_str t, us_span_str *name, us_span_str *direction, us_span_str *words) {
    size_t i = 0;
    while (i < t.n && i < 48 && t.s[i] != '[' && t.s[i] != '(') i++;
    const char *close = i > 2 && i < t.n && t.s[i - 1] == ' ' && strchr("[(", t.s[i])
                            ? memchr(t.s + i, t.s[i] == '[' ? ']' : ')', t.n - i)
                            : NULL;
    if (!close) return false;
    *name = us_trim((us_span_str){t.s, i});
    *direction = (us_span_str){t.s + i, (size_t)(close - t.s) + 1 - i};
    *words = us_trim((us_span_str){close + 1, (size_t)(t.s + t.n - close) - 1});
    return words->n && !strchr(":.", *words->s) && is_short_name(*name) && us_is_capitals(*name) && !us_is_heading(t);
}

/* 花子「おはよう and the rest in the lines below: the words keep their corner until it is closed. */
static bool opens_corner(us_span_str t, us_span_str *name, us_span_str *words) {
    const char *corner = memmem(t.s, t.n < 48 ? t.n : 48, "\xe3\x80\x8c", 3);
    if (!corner || corner == t.s || memmem(corner, (size_t)(t.s + t.n - corner), "\xe3\x80\x8d", 3)) return false;
    *name = us_trim((us_span_str){t.s, (size_t)(corner - t.s)});
    *words = (us_span_str){corner, (size_t)(t.s + t.n - corner)};
    return is_short_name(*name) && !memchr(name->s, ' ', name->n) && !memmem(name->s, name->n, "\xe3\x80\x82", 3) &&
           !memmem(name->s, name->n, "\xe3\x80\x81", 3);
}

/* Words without the clock in front of them; as they are where there is none. */
static us_span_str without_clock(us_span_str w) {
    int s;
    const char *end = w.s + w.n, *q = us_clock_at(w.s, end, &s), *colon = memchr(w.s, ':', w.n);
    return q && q < end && *q == ' ' && colon && colon < q ? us_trim((us_span_str){q, (size_t)(end - q)}) : w;
}

/* "Porter", "First Lord", neither "He goes" nor "Softly" nor "To Bob": a name that stands in italics. */
static bool is_set_off(us_span_str name) {
    bool one = !memchr(name.s, ' ', name.n),
         doing = name.n > 3 && (!memcmp(name.s + name.n - 2, "ly", 2) || !memcmp(name.s + name.n - 3, "ing", 3));
    return !doing && (one || (is_full_name(name) && memcmp(name.s, "To ", 3)));
}

/* Words without the dash in front of them. */
static us_span_str without_dash(us_span_str w) {
    size_t n = w.n > 2 && !memcmp(w.s, "- ", 2)                                                    ? 1
               : w.n > 4 && (!memcmp(w.s, "\xe2\x80\x94 ", 4) || !memcmp(w.s, "\xe2\x80\x93 ", 4)) ? 3
                                                                                                   : 0;
    return us_trim((us_span_str){w.s + n, w.n - n});
}

static bool label_of(const manner *m, us_span_str t, us_span_str *name, us_span_str *direction, us_span_str *words) {
    if (m->by && parted_by(m->by, t, name, words) && (m->by_all || us_tally_count(&m->led[m->by], *name)))
        return *direction = (us_span_str){0}, true;
    if (m->spaced && us_label_spaced(t, name, direction, words)) return true;
    if (m->by_dots && us_label_dotted(t, name, direction, words) &&
        (us_tally_count(&m->dotted, *name) > 1 || (strchr("_*", *t.s) && is_set_off(*name)))) /* in italics, once is enough */
        return true;
    if (us_label_split(t, name, direction, words)) {
        if (m->clocked) *words = without_clock(*words);
        if (m->dashed) *words = without_dash(*words);
        return !m->by_colons || !has_dot(t, *name) || us_tally_count(&m->colons, *name);
    }
    if (mannered(t, name, direction, words) && (m->manners || us_tally_count(&m->capitals, *name) > 1 ||
                                                us_tally_count(&m->colons, *name) || us_tally_count(&m->dotted, *name)))
        return true;
    if (opens_corner(t, name, words)) return *direction = (us_span_str){0}, true;
    return m->by_dots && us_label_dotted(t, name, direction, words) && is_full_name(*name);
}

static bool ends_sentence(const char *from, const char *end) {
    static const char *const marks[] = {".", "?", "!", ")", "]", "\"", "\xe2\x80\x9d", "\xe2\x80\xa6", "\xc2\xbb"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i]);
        if ((size_t)(end - from) >= n && !memcmp(end - n, marks[i], n)) return true;
    }
    return false;
}

/* "Hello. BOB: Hi there.": where, behind the end of a sentence, a name with a colon stands; 0: nowhere. */
static size_t next_colon(us_span_str words, us_span_str *name, us_span_str *direction, us_span_str *rest) {
    for (size_t i = 1; i + 3 < words.n; i++) {
        if (words.s[i] != ' ' || words.s[i + 1] == ' ' || !ends_sentence(words.s, words.s + i)) continue;
        us_span_str t = {words.s + i + 1, words.n - i - 1 < 200 ? words.n - i - 1 : 200}; /* a line may be very long */
        if (!memchr(t.s, ':', t.n < 60 ? t.n : 60) || !us_label_split(t, name, direction, rest) || name->s != t.s || !rest->n)
            continue;
        rest->n = (size_t)(words.s + words.n - rest->s);
        return i;
    }
    return 0;
}

/* The same where the name is somebody's, because it stands in front of other lines, or comes again so. */
static size_t next_speech(const manner *m, us_span_str words, us_span_str *name, us_span_str *direction, us_span_str *rest) {
    size_t from = 0, n;
    while ((n = next_colon((us_span_str){words.s + from, words.n - from}, name, direction, rest))) {
        uint32_t met = us_tally_count(&m->colons, *name), within = us_tally_count(&m->within, *name);
        if (met > 2 || (us_is_capitals(*name) && met + within > 1)) return from + n;
        from += n;
    }
    return 0;
}

/* How names are parted from words where there are few colons: the most frequent of the marks. */
static void find_part(manner *m, size_t labels, size_t lines) {
    for (int k = PART_BRACKETS; k < N_PARTS; k++) {
        const us_tally *t = &m->led[k];
        bool often = t->total > 2 && t->total > labels && t->total * 10 >= lines * 5 && t->n * 3 <= t->total * 2;
        if (often && (!m->by || t->total > m->led[m->by].total)) m->by = (part)k;
    }
    m->by_all = m->by > PART_BRACKETS && m->led[m->by].total * 10 >= lines * 8;
}

static void survey(const us_doc *d, manner *m) {
    us_span_str name, direction, words;
    size_t lines = 0, numbers = 0, bullets = 0, labels = 0, quoted = 0, small = 0, again = 0, dots = 0, clocks = 0, alone = 0,
           spaced = 0, manners = 0, dashes = 0, n = us_doc_sample(d);
    bool nameless = false;
    unsigned number, last = 0;
    memset(m, 0, sizeof *m);
    m->places = has_places(d);
    for (us_lines l = us_lines_of(d->s, n); us_lines_next(&l);) {
        us_span_str t = us_trim(l.text);
        lines += t.n > 0;
        bullets += bullet(t) && us_label_split((us_span_str){t.s + bullet(t), t.n - bullet(t)}, &name, &direction, &words);
        if (!line_number(t, &number)) continue;
        numbers += number >= last || number <= 1; /* they rise, or begin anew on each page */
        last = number;
    }
    m->numbered = lines > 3 && numbers * 10 >= lines * 8;
    m->bulleted = bullets > 1 && bullets * 5 > lines;
    for (us_lines l = us_lines_of(d->s, n); us_lines_next(&l);) {
        us_span_str t = bare(m, l.text);
        for (int k = PART_ANGLE; k < N_PARTS; k++)
            if (parted_by((part)k, t, &name, &words)) us_tally_add(&m->led[k], name);
        alone += nameless && !t.n;
        nameless = false;
        if (us_label_spaced(t, &name, &direction, &words)) spaced++;
        else if (us_label_split(t, &name, &direction, &words)) {
            labels++;
            small += !is_big(name);
            quoted += unquoted(words).n < words.n;
            clocks += without_clock(words).n < words.n;
            dashes += without_dash(words).n < words.n;
            nameless = !words.n;
            for (us_span_str other, rest; memchr(words.s, ':', words.n) && next_colon(words, &other, &direction, &rest);
                 words = rest)
                if (us_is_capitals(other)) us_tally_add(&m->within, other);
            if (has_dot(t, name)) dots++, us_tally_add(&m->capitals, name);
            else us_tally_add(&m->colons, name);
        } else if (us_label_dotted(t, &name, &direction, &words)) us_tally_add(&m->dotted, name);
        else if (mannered(t, &name, &direction, &words)) us_tally_add(&m->capitals, name), manners++;
        else if (led_by(t, &name, &words)) us_tally_add(&m->led[PART_BRACKETS], name);
    }
    find_part(m, labels, lines);
    for (size_t i = 0; i < m->dotted.n; i++) again += m->dotted.names[i].count > 1 ? m->dotted.names[i].count : 0;
    m->by_dots = again >= 4 && (again > labels || m->numbered) && again * 2 > m->dotted.total;
    m->by_colons = m->colons.total > 3 * dots;
    m->dashed = labels > 2 && dashes * 10 >= labels * 8;
    m->spaced = spaced > 2;
    m->manners = manners > 2;
    m->clocked = labels > 2 && clocks * 10 >= labels * 8;
    m->apart = alone > 2 && alone * 10 >= labels * 6 && us_tally_repeated(&m->colons) > 0.5;
    m->quoted = labels > 2 && quoted * 10 >= labels * 8;
    m->all_small = small * 2 > labels;
}

void us_look_dialogue(const us_script_options *o, const us_doc *d, us_view *view) {
    US_TALLY names = {0};
    MANNER m = {0};
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    us_span_str name, direction, words;
    double labelled = 0, other = 0, empty = 0, tight = 0;
    bool gap = true, going = false, nameless = false; /* nameless: a name without words, which may stand in the next line */
    (void)o;
    if (d->workbook) return;
    names.n = names.total = 0;
    survey(d, &m);
    while (us_lines_next(&l)) {
        us_span_str t = bare(&m, l.text);
        if (!t.n) {
            if (m.apart && nameless) continue;
            empty += nameless;
            nameless = false;
            gap = true;
            continue;
        }
        if (us_is_clocks(t)) continue;
        if (us_is_heading(t) || us_is_direction_line(t)) gap = true;
        else if (label_of(&m, t, &name, &direction, &words)) {
            labelled++;
            empty += nameless;
            nameless = !words.n;
            tight += words.n && words.s[-1] == ':'; /* "hit:0,1,text" may be a row of a table */
            us_tally_add(&names, name);
            gap = false;
            going = true;
        } else if (gap || !going) other++, going = false;
        else other += nameless ? 0 : 0.2, nameless = false; /* it goes on */
    }
    if (labelled < 1) return;
    double share = labelled / (labelled + other);
    view->fit = (0.2 + 0.72 * share) * (0.25 + 0.75 * us_tally_repeated(&names)) * (1 - 0.8 * empty / labelled);
    if (tight > 0.9 * labelled) view->fit *= 0.85;
    if (share < 0.3) view->fit *= 0.5;
    if (labelled < 2) view->fit *= 0.7;
    snprintf(view->about, sizeof view->about, "plain text, \"%s\"%s",
             m.by                    ? part_looks[m.by]
             : m.by_dots || m.spaced ? "Name. line"
                                     : part_looks[PART_NONE],
             m.numbered ? ", numbers in front of the lines left out" : "");
}

typedef struct speech {
    us_rows *r;
    const manner *m;
    us_buf speaker, text;
    uint32_t line, parted; /* parted: speeches that stood in the line of another */
    bool open;
} speech;

/* "Farewell. [_Exit": old prints leave a bracket at the margin open. It is closed, so that the rule "directions" finds it. */
static void close_bracket(speech *p) {
    const char *open = p->text.len ? memrchr(p->text.data, '[', p->text.len) : NULL;
    size_t rest = open ? (size_t)(p->text.data + p->text.len - open) : 0;
    if (rest < 4 || rest > 120 || memchr(open, ']', rest)) return;
    if (us_buf_append_str(&p->text, "]", NULL)) return; /* no room: it stays open */
}

static us_status finish(speech *p) {
    if (p->open) close_bracket(p);
    us_span_str text = {p->text.data ? p->text.data : "", p->text.len};
    if (p->open) us_rows_say(p->r, p->line, (us_span_str){p->speaker.data, p->speaker.len}, us_label_without_corners(text));
    p->open = false;
    return p->r->status;
}

/* What `st` says of words that were put down: more than a cell may hold are rejected, and the rest is read. */
static us_status put_down(speech *p, us_status st) {
    if (st != US_ERR_LIMIT) return st;
    p->open = false;
    us_rows_reject(p->r, p->line, "a speech of more bytes than a cell may have");
    return p->r->status;
}

static us_status begin(speech *p, uint32_t line, us_span_str name, us_span_str direction, us_span_str words) {
    us_error *err = p->r->err;
    us_status st = US_OK;
    for (bool more = true; more && !st;) {
        us_span_str other = {0}, its = {0}, rest = {0};
        size_t n = (p->m->colons.total || p->m->within.total) && memchr(words.s, ':', words.n)
                       ? next_speech(p->m, words, &other, &its, &rest)
                       : 0;
        more = n > 0;
        st = finish(p);
        us_buf_clear(&p->speaker);
        us_buf_clear(&p->text);
        p->line = line;
        p->open = true;
        if (!st)
            st = p->m->spaced ? us_label_put_name(name, &p->speaker, err) : us_buf_append(&p->speaker, name.s, name.n, err);
        if (!st) st = us_label_put_direction(direction, &p->text, err);
        if (!st) st = put_down(p, us_buf_append(&p->text, words.s, more ? n : words.n, err));
        p->parted += more;
        name = other, direction = its, words = rest;
    }
    return st;
}

static us_status go_on(speech *p, us_span_str words) {
    us_status st = p->text.len ? us_buf_append_str(&p->text, "\n", p->r->err) : US_OK;
    return put_down(p, st ? st : us_buf_append(&p->text, words.s, words.n, p->r->err));
}

/* "CAST", "Dramatis Personae": names and who they are follow, up to an empty line. */
static bool is_cast(us_span_str t) {
    static const char *const heads[] = {
        "cast",      "the cast",    "cast list",  "characters", "the characters", "dramatis personae", "persons of the play",
        "personen",  "personnages", "personajes", "personaggi", "personagens",    "Действующие лица",  "ДЕЙСТВУЮЩИЕ ЛИЦА",
        "Персонажи", "登場人物",    "人物表"};
    while (t.n && strchr(".:", t.s[t.n - 1])) t.n--;
    return us_is_one_of(t, heads, sizeof heads / sizeof *heads);
}

/* Does a name stand in front of other lines, written big? */
static bool is_met(const us_tally *names, us_span_str name) {
    for (size_t i = 0; i < names->n; i++)
        if (names->names[i].n == name.n && is_big((us_span_str){names->names[i].s, name.n}) &&
            !strncasecmp(names->names[i].s, name.s, name.n))
            return true;
    return false;
}

/* "Пауза.", "Beat", "Curtain.": alone on a line. */
static bool is_pause(us_span_str t) {
    static const char *const words[] = {"pause",    "beat",     "pausa",    "Пауза",    "пауза",     "ПАУЗА",
                                        "curtain",  "blackout", "Vorhang",  "rideau",   "telón",     "oscuro",
                                        "sipario",  "Занавес",  "ЗАНАВЕС",  "silence",  "stille",    "Schweigen",
                                        "Молчание", "Тишина",   "silencio", "silenzio", "long pause"};
    if (t.n && t.s[t.n - 1] == '.') t.n--;
    return us_is_one_of(t, words, sizeof words / sizeof *words);
}

/* "△小红坐着。": what is seen, in the scripts of China; "<Back to the list>": a page's button. */
static bool is_told(us_span_str t) {
    if (t.n > 8 && *t.s == '<' && t.s[t.n - 1] == '>' && memchr(t.s, ' ', t.n) && !memchr(t.s + 1, '<', t.n - 1) &&
        !memchr(t.s, '=', t.n))
        return true;
    return t.n > 3 && (!memcmp(t.s, "\xe2\x96\xb3", 3) || !memcmp(t.s, "\xe2\x96\xb2", 3));
}

/* 太郎「早」 is all that is said: what stands below is told. */
static bool is_closed(us_span_str t) {
    static const char *const pairs[][2] = {{"\xe3\x80\x8c", "\xe3\x80\x8d"}, {"\xe3\x80\x8e", "\xe3\x80\x8f"}};
    for (int k = 0; k < 2; k++)
        if (t.n > 6 && memmem(t.s, t.n, pairs[k][0], 3) && !memcmp(t.s + t.n - 3, pairs[k][1], 3)) return true;
    return false;
}

/* A line behind a full-width blank tells, in the scripts of China and Japan, unless a corner is still open. */
static bool is_set_in(us_span_str line, const us_buf *said) {
    static const char open[] = "\xe3\x80\x8c", close[] = "\xe3\x80\x8d";
    if (line.n < 3 || memcmp(line.s, "\xe3\x80\x80", 3)) return false;
    const char *at = said->len ? memmem(said->data, said->len, open, 3) : NULL;
    return !at || memmem(at, (size_t)(said->data + said->len - at), close, 3);
}

us_status us_read_dialogue(us_rows *r, us_doc *d) {
    US_TALLY names = {0}; /* written small */
    MANNER m = {0};
    us_span_str name, direction, words;
    size_t max = r->options->max_cell_bytes ? r->options->max_cell_bytes : (size_t)1 << 20;
    speech p = {.r = r, .m = &m};
    us_status st = US_OK;
    bool gap = true, cast = false;
    uint32_t described = 0; /* who is in the play */
    us_buf_init(&p.speaker, 4096);
    us_buf_init(&p.text, max);
    names.n = names.total = 0;
    survey(d, &m);
    for (us_lines l = us_lines_of(d->s, us_doc_sample(d)); us_lines_next(&l);)
        if (label_of(&m, bare(&m, l.text), &name, &direction, &words) && !is_big(name)) us_tally_add(&names, name);
    us_lines l = us_lines_of(d->s, d->n);
    while (!st && us_lines_next(&l)) {
        us_span_str t = bare(&m, l.text);
        us_doc_done(d, l.at);
        if (us_is_page_mark(l.text)) continue;
        if (!t.n) {
            gap = true;
            cast = cast && !described;
            continue;
        }
        bool waits = m.apart && p.open && !p.text.len,
             corner = p.open && p.text.len > 2 && !memcmp(p.text.data, "\xe3\x80\x8c", 3);
        if (us_is_clocks(t)) { /* when it is said */
            if (gap && !waits) st = finish(&p);
            if (!st) us_rows_action(r, l.line), st = r->status;
            continue;
        }
        bool label = label_of(&m, t, &name, &direction, &words);
        if (label && m.quoted) words = unquoted(words);
        if (label && !m.all_small && *t.s != '<' && !is_big(name) &&
            !is_met(&m.colons, name)) { /* "he said: ..." is no speaker, "old man: ..." is one when it appears again */
            uint32_t n = us_tally_add(&names, name);
            label = n > 2 || n == 0;
        }
        if ((!label || !words.n) && is_cast(t)) cast = true, described = 0, label = false;
        else if (cast && us_is_heading(t)) cast = false;
        described += cast && label;
        if ((label && (is_about_episode(name) || cast)) || is_pause(t) || is_told(t)) {
            st = finish(&p);
            us_rows_action(r, l.line);
            if (!st) st = r->status;
        } else if (us_is_heading(t) || (m.places && is_place(t))) {
            st = finish(&p);
            if (!st) us_rows_break(r, l.line);
            if (!st) st = r->status;
        } else if (label) {
            st = begin(&p, l.line, name, direction, words);
            if (!st && is_closed(t)) st = finish(&p);
        } else if (waits && !us_is_direction_line(t)) st = go_on(&p, t);
        else if (us_is_direction_line(t) || gap || !p.open || is_set_in(l.text, &p.text)) {
            bool said = p.open && !gap && us_is_direction_line(t); /* a direction between the lines of a speech */
            if (said) st = go_on(&p, t);
            else if (!(st = finish(&p))) us_rows_action(r, l.line), st = r->status;
        } else if (!(st = go_on(&p, t)) && corner && t.n > 2 && !memcmp(t.s + t.n - 3, "\xe3\x80\x8d", 3)) st = finish(&p);
        gap = false;
    }
    if (!st) st = finish(&p);
    if (p.parted)
        snprintf(r->about, sizeof r->about, "plain text, \"%s\"; speeches that stood in the line of another, parted: %u",
                 part_looks[m.by], p.parted);
    us_buf_fini(&p.speaker);
    us_buf_fini(&p.text);
    return st;
}
