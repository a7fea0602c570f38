/* corpus/read_subtitles.c - SRT, WebVTT, SBV, ASS/SSA, MicroDVD and MPL2. Speakers: "ANN: Hi", "- ANN: Hi", "[Ann] Hi", <v Ann>, the
 * Name field of ASS.
 *
 * Styling goes; signs, lyrics and what is sung are actions. Words without a name are nobody's, unless they go on with a
 * sentence that was not finished. */
#include "base/utf8.h"
#include "corpus/label.h"
#include <stdio.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

/* "00:00:01,000 --> 00:00:02,000", with '.', without hours; "0:00:01.000,0:00:02.000". */
static bool is_timing(us_span_str l) {
    const char *arrow = memmem(l.s, l.n, "-->", 3), *comma = arrow ? NULL : memchr(l.s, ',', l.n);
    bool clocks = comma && l.n < 32 && comma - l.s > 8 && (comma[-4] == '.' || comma[-3] == '.'); /* SubViewer has hundredths */
    for (size_t i = 0; clocks && i < l.n; i++) clocks = strchr("0123456789:.,", l.s[i]) != NULL;
    if (clocks) arrow = comma;
    us_span_str t = us_trim((us_span_str){l.s, arrow ? (size_t)(arrow - l.s) : 0});
    if (!arrow || t.n < 5 || t.n > 16) return false;
    for (size_t i = 0; i < t.n; i++)
        if (!strchr("0123456789:,.", t.s[i])) return false;
    return t.s[0] >= '0' && t.s[0] <= '9';
}

/* "{25}{75}Hello|you", "[25][75]Hello": bytes of the frames in front; 0: none. */
static size_t frames_of(us_span_str t) {
    size_t i = 0;
    for (int k = 0; k < 2; k++) {
        size_t from = i + 1;
        if (i >= t.n || (t.s[i] != '{' && t.s[i] != '[')) return 0;
        char close = t.s[i] == '{' ? '}' : ']';
        for (i++; i < t.n && t.s[i] >= '0' && t.s[i] <= '9'; i++) {}
        if (i == from || i >= t.n || t.s[i++] != close) return 0;
    }
    return i;
}

void us_look_subtitles(const us_script_options *o, const us_doc *d, us_view *view) {
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    size_t timings = 0, dialogues = 0, lines = 0, frames = 0;
    bool vtt = d->n > 6 && !memcmp(d->s, "WEBVTT", 6), events = false;
    (void)o;
    if (d->workbook) return;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        lines += t.n > 0;
        timings += is_timing(t);
        frames += frames_of(t) > 0;
        events = events || (t.n >= 8 && !strncasecmp(t.s, "[Events]", 8));
        dialogues += t.n > 9 && !strncasecmp(t.s, "Dialogue:", 9);
    }
    if (timings * 8 >= lines && timings)
        view->fit = 0.98, snprintf(view->about, sizeof view->about, "%s", vtt ? "WebVTT subtitles" : "SRT subtitles");
    if (frames > 1 && frames * 10 >= lines * 9) {
        view->fit = 0.98;
        snprintf(view->about, sizeof view->about, "MicroDVD or MPL2 subtitles");
    }
    if (events && dialogues) {
        view->fit = 1; /* its line Format is the header of a table, too */
        snprintf(view->about, sizeof view->about, "ASS subtitles");
    }
}

/* ---- one line of a subtitle ---------------------------------------------------------------------------------------- */

/* Without <i>, {\an8} and the like; *voice: the name of a <v Name>. */
static us_status unstyle(us_span_str t, us_buf *out, us_span_str *voice, us_error *err) {
    us_status st = US_OK;
    bool drawing = false;
    char stands_for[8];
    size_t n;
    for (size_t i = 0; i < t.n && !st; i++) {
        char open = t.s[i];
        const char *end = open == '<'                                        ? memchr(t.s + i, '>', t.n - i)
                          : open == '{' && i + 1 < t.n && t.s[i + 1] == '\\' ? memchr(t.s + i, '}', t.n - i)
                                                                             : NULL;
        char after = i + 1 < t.n ? t.s[i + 1] : ' ';
        bool tag = end && (open == '{' || after == '/' || (after >= 'a' && after <= 'z') || (after >= 'A' && after <= 'Z') ||
                           (after >= '0' && after <= '9'));
        if (open == '[' && t.n - i >= 4 && !strncasecmp(t.s + i, "[br]", 4)) { /* SubViewer */
            if (!drawing) st = us_buf_append_str(out, "\n", err);
            i += 3;
        } else if (tag) {
            us_span_str in = {t.s + i + 1, (size_t)(end - t.s) - i - 1};
            const char *name =
                in.n > 2 && (in.s[0] | 32) == 'v' && (in.s[1] == ' ' || in.s[1] == '.') ? memchr(in.s, ' ', in.n) : NULL;
            if (name) *voice = us_trim((us_span_str){name, (size_t)(in.s + in.n - name)});
            const char *p = open == '{' ? memmem(in.s, in.n, "\\p", 2) : NULL; /* {\p1}: what follows is drawn */
            if (p && p + 2 < in.s + in.n && p[2] >= '0' && p[2] <= '9') drawing = p[2] > '0';
            i = (size_t)(end - t.s);
        } else if (open == '\\' && i + 1 < t.n && strchr("Nnh", t.s[i + 1]))
            st = drawing ? US_OK : us_buf_append_str(out, t.s[++i] == 'h' ? " " : "\n", err);
        else if (!drawing && open == '&' && (n = us_entity(t.s + i, t.s + t.n, stands_for)))
            st = us_buf_append_str(out, stands_for, err), i += n - 1;
        else if (!drawing) st = us_buf_append(out, t.s + i, 1, err);
    }
    return st;
}

/* How a file writes names, sounds and languages. */
typedef struct habits {
    us_tally labels;   /* names with a colon behind them */
    us_tally wide;     /* what stands in full-width brackets in front of words */
    us_tally led;      /* the same in round and square ones, and is no sound */
    bool small_sounds; /* sounds are written small, "[sighs]": what has capitals in brackets is a name */
    bool names_lead;   /* most speeches begin with a name in brackets */
    bool two_scripts;  /* a screen has the words twice, in two writing systems */
} habits;

static void habits_fini(habits *h) {
    us_tally_fini(&h->labels);
    us_tally_fini(&h->wide);
    us_tally_fini(&h->led);
}
#define HABITS __attribute__((cleanup(habits_fini))) habits

typedef struct screen {
    us_rows *r;
    us_buf plain, text, speaker;
    uint32_t line;
    bool open; /* words wait in text: their sentence may go on */
    const habits *h;
    uint32_t second; /* lines of a second language that were left out */
    bool rolling;    /* each screen shows the last line of the one before once more, as YouTube's own captions do */
    us_buf last;     /* that line */
} screen;

static us_status flush(screen *c) {
    if (c->open)
        us_rows_say(c->r, c->line, (us_span_str){c->speaker.data ? c->speaker.data : "", c->speaker.len},
                    (us_span_str){c->text.data, c->text.len});
    c->open = false;
    return c->r->status;
}

static bool is_unfinished(const us_buf *b) {
    size_t n = b->len;
    while (n && strchr(" \n\"')", b->data[n - 1])) n--;
    return n && !strchr(".?!:;]", b->data[n - 1]) &&
           !(n >= 3 && (!memcmp(b->data + n - 3, "\xe3\x80\x82", 3) || !memcmp(b->data + n - 3, "\xef\xbc\x9f", 3) ||
                        !memcmp(b->data + n - 3, "\xef\xbc\x81", 3) || !memcmp(b->data + n - 3, "\xe2\x99\xaa", 3)));
}

/* Words of one speaker; nobody's words go on with those before when these were no whole sentence. */
static us_status put(screen *c, uint32_t line, us_span_str name, us_span_str direction, us_span_str words) {
    us_status st = US_OK;
    us_error *err = c->r->err;
    bool small = words.n && words.s[0] >= 'a' && words.s[0] <= 'z';
    if (!name.n && c->open && small && is_unfinished(&c->text)) {
        st = us_buf_append_str(&c->text, " ", err);
        return st ? st : us_buf_append(&c->text, words.s, words.n, err);
    }
    if ((st = flush(c))) return st;
    us_buf_clear(&c->speaker);
    us_buf_clear(&c->text);
    c->line = line;
    st = us_buf_append(&c->speaker, name.s ? name.s : "", name.n, err);
    if (!st) st = us_label_put_direction(direction, &c->text, err);
    if (!st) st = us_buf_append(&c->text, words.s, words.n, err);
    c->open = true;
    return st;
}

static us_span_str without_dash(us_span_str t, bool *dash) {
    t = us_trim(t);
    size_t n = t.n && t.s[0] == '-' ? 1 : 0; /* else U+2010 to U+2015, U+2212 */
    if (t.n > 3 && ((!memcmp(t.s, "\xe2\x80", 2) && (unsigned char)t.s[2] >= 0x90 && (unsigned char)t.s[2] <= 0x95) ||
                    !memcmp(t.s, "\xe2\x88\x92", 3)))
        n = 3;
    *dash = n && t.n > n;
    if (*dash) t.s += n, t.n -= n;
    while (t.n > 2 && !memcmp(t.s, ">>", 2)) t = us_trim((us_span_str){t.s + 2, t.n - 2}), *dash = true; /* American captions */
    return us_trim(t);
}

static bool is_digits(us_span_str t) {
    for (size_t i = 0; i < t.n; i++)
        if (t.s[i] < '0' || t.s[i] > '9') return false;
    return t.n > 0 && t.n < 6;
}

/* Which letters the words have: a code of ICU's, those of Japan and Korea as China's; 0: none. */
static int script_of(us_span_str t) {
    int counts[4] = {0}, codes[4] = {0}, best = 0;
    uint32_t cp;
    for (size_t i = 0, len; i < t.n && (len = (size_t)us_utf8_decode(t.s + i, t.n - i, &cp)); i += len) {
        UErrorCode code = U_ZERO_ERROR;
        int script = u_isalpha((UChar32)cp) ? uscript_getScript((UChar32)cp, &code) : 0;
        if (script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA || script == USCRIPT_HANGUL) script = USCRIPT_HAN;
        for (int k = 0; k < 4 && script > USCRIPT_INHERITED; k++)
            if (codes[k] == script || !codes[k]) {
                codes[k] = script;
                counts[k]++;
                break;
            }
    }
    for (int k = 1; k < 4; k++)
        if (counts[k] > counts[best]) best = k;
    return codes[best];
}

/* "SIGHS", "ON PHONE", "IN FRENCH", "1985": what stands in brackets in front of words and is nobody's name. */
static bool is_sound(us_span_str in) {
    static const char list[] =
        "|sighs|laughs|laughing|laughter|chuckles|chuckling|gasps|gasping|grunts|grunting|groans|groaning|screams|screaming|"
        "coughs|"
        "coughing|sobs|sobbing|cries|crying|sniffles|sniffling|sniffs|scoffs|scoffing|clears|whispers|whispering|whispered|"
        "yells|"
        "yelling|shouts|shouting|moans|moaning|giggles|giggling|pants|panting|hums|humming|sings|singing|whistles|whistling|"
        "music|"
        "applause|cheering|silence|inaudible|indistinct|phone|door|doors|radio|tv|intercom|speaker|mocking|imitates|imitating|"
        "speaks|"
        "speaking|continues|continuing|distorted|muffled|slurred|echoing|echoes|mutters|muttering|mumbles|mumbling|stammers|"
        "stammering|stutters|stuttering|breathes|breathing|exhales|inhales|snorts|yawns|yawning|quietly|softly|loudly|sternly|"
        "firmly|"
        "excitedly|angrily|nervously|sarcastically|beat|pause|in|on|over|off|to|with|from|at|and|translated|english|french|"
        "german|spanish|italian|russian|japanese|chinese|korean|latin|foreign|language|accent|voice-over|v.o.|o.s.|cont'd|";
    bool letter = false;
    if (*in.s >= 'a' && *in.s <= 'z') return true;
    for (const char *p = in.s, *end = in.s + in.n, *q; p < end; p = q + 1) {
        char word[24] = "|";
        size_t n = 1;
        for (q = p; q < end && *q != ' '; q++) {
            if (n < sizeof word - 2) word[n++] = (char)(*q >= 'A' && *q <= 'Z' ? *q + 32 : *q);
            letter = letter || ((*q | 32) >= 'a' && (*q | 32) <= 'z') || (unsigned char)*q >= 0x80;
        }
        word[n++] = '|';
        if (n > 2 && memmem(list, sizeof list - 1, word, n)) return true;
    }
    return !letter;
}

/* What a line begins with in brackets, and what follows. */
static bool in_brackets(us_span_str t, us_span_str *in, us_span_str *rest) {
    if (t.n < 4 || (t.s[0] != '[' && t.s[0] != '(')) return false;
    const char *end = memchr(t.s, t.s[0] == '[' ? ']' : ')', t.n < 40 ? t.n : 40);
    if (!end) return false;
    *in = us_trim((us_span_str){t.s + 1, (size_t)(end - t.s) - 1});
    *rest = us_trim((us_span_str){end + 1, (size_t)(t.s + t.n - end) - 1});
    return in->n > 0;
}

/* "Ann", "Old Man": each word begins with a capital and goes on in small letters; neither a sound nor a language. */
static bool is_titled(us_span_str s) {
    static const char *const sounds[] = {"Music",   "Applause", "Laughter", "Cheering", "Silence",
                                         "English", "French",   "German",   "Spanish",  "Italian",
                                         "Russian", "Japanese", "Chinese",  "Korean",   "Latin"};
    bool start = true;
    for (size_t i = 0; i < sizeof sounds / sizeof *sounds; i++)
        if (s.n >= strlen(sounds[i]) && !memcmp(s.s, sounds[i], strlen(sounds[i]))) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (start && !(s.s[i] >= 'A' && s.s[i] <= 'Z') && (unsigned char)s.s[i] < 0x80) return false;
        if (!start && s.s[i] >= 'A' && s.s[i] <= 'Z' && i + 1 < s.n && s.s[i + 1] >= 'A' && s.s[i + 1] <= 'Z') return false;
        start = s.s[i] == ' ';
    }
    return true;
}

/* （ナルト）おはよう: Japan's captions have names so, and sounds. */
static bool in_wide_brackets(us_span_str t, us_span_str *in, us_span_str *rest) {
    static const char *const sounds[] = {"声", "音", "笑", "泣", "息", "叫", "悲鳴", "拍手", "歌", "♪", "せき"};
    const char *close = t.n > 6 && !memcmp(t.s, "\xef\xbc\x88", 3) ? memmem(t.s, t.n < 60 ? t.n : 60, "\xef\xbc\x89", 3) : NULL;
    if (!close) return false;
    *in = us_trim((us_span_str){t.s + 3, (size_t)(close - t.s) - 3});
    *rest = us_trim((us_span_str){close + 3, (size_t)(t.s + t.n - close) - 3});
    for (size_t i = 0; i < sizeof sounds / sizeof *sounds; i++)
        if (memmem(in->s, in->n, sounds[i], strlen(sounds[i]))) return false;
    return in->n > 0;
}

/* "[ANN]: Hi", and "[Ann] Hi" where a colon says elsewhere that Ann is somebody, or where sounds are written small. */
static bool bracketed_name(const screen *c, us_span_str t, us_span_str *name, us_span_str *words) {
    us_span_str in, rest;
    if (in_wide_brackets(t, &in, &rest) && us_tally_count(&c->h->wide, in) > 1) return *name = in, *words = rest, true;
    if (!in_brackets(t, &in, &rest) || !rest.n) return false;
    bool colon = *rest.s == ':';
    *name = in;
    *words = colon ? us_trim((us_span_str){rest.s + 1, rest.n - 1}) : rest;
    bool big = !is_sound(in) && (us_is_capitals(in) || is_titled(in));
    return words->n && (colon || us_tally_count(&c->h->labels, in) || (c->h->small_sounds && is_titled(in)) ||
                        (big && us_tally_count(&c->h->led, in) > (!c->h->names_lead         ? 2
                                                                  : memchr(in.s, ' ', in.n) ? 1
                                                                                            : 0)));
}

/* A name with a colon; "THANK YOU. GOODBYE." is none, because captions shout. */
static bool label_of(us_span_str t, us_span_str *name, us_span_str *direction, us_span_str *words) {
    us_span_str other, dir, rest;
    if (us_label_dotted(t, &other, &dir, &rest) && !memchr(t.s, ':', t.n)) return false;
    return us_label_split(t, name, direction, words) && (words->n || us_is_capitals(*name)) &&
           (name->s + name->n >= t.s + t.n || name->s[name->n] != '.');
}

/* Lines in two writing systems, one below the other: counts them. `line` may be an event of ASS, whose words stand behind nine commas. */
static void count_scripts(us_span_str line, int *last, size_t *pairs, size_t *differ) {
    if (line.n > 9 && !strncasecmp(line.s, "Dialogue:", 9)) {
        *last = 0;
        for (int commas = 0; line.n && commas < 9; line.s++, line.n--) commas += *line.s == ',';
    }
    while (line.n) {
        const char *mark = memmem(line.s, line.n, "\\N", 2), *end = mark ? mark : line.s + line.n;
        us_span_str part = {line.s, (size_t)(end - line.s)};
        const char *close = part.n && *part.s == '{' ? memchr(part.s, '}', part.n) : NULL; /* {\fs20} */
        if (close) part = (us_span_str){close + 1, (size_t)(part.s + part.n - close) - 1};
        int script = script_of(part);
        if (script && *last) ++*pairs, *differ += script != *last;
        if (script) *last = script;
        line.n -= part.s + part.n < line.s + line.n ? (size_t)(end + 2 - line.s) : line.n;
        line.s = end + 2;
    }
}

static void survey(const us_doc *d, habits *h) {
    size_t small = 0, big = 0, lines = 0, pairs = 0, differ = 0;
    int last = 0;
    us_span_str name, direction, words;
    for (us_lines l = us_lines_of(d->s, us_doc_sample(d)); us_lines_next(&l);) {
        bool dash;
        us_span_str t = without_dash(l.text, &dash);
        while (t.n && (*t.s == '<' || (*t.s == '{' && t.n > 1 && t.s[1] == '\\'))) { /* styles in front */
            const char *end = memchr(t.s, *t.s == '<' ? '>' : '}', t.n);
            if (!end) break;
            t = without_dash((us_span_str){end + 1, (size_t)(t.s + t.n - end) - 1}, &dash);
        }
        if (!t.n || is_timing(t)) {
            last = 0;
            continue;
        }
        if (!is_digits(t)) lines++, count_scripts(t, &last, &pairs, &differ);
        if (in_wide_brackets(t, &name, &words)) us_tally_add(&h->wide, name);
        else if (in_brackets(t, &name, &words)) {
            small += *name.s >= 'a' && *name.s <= 'z';
            big += *name.s >= 'A' && *name.s <= 'Z';
            if (words.n && !is_sound(name)) us_tally_add(&h->led, name);
        } else if (label_of(t, &name, &direction, &words)) us_tally_add(&h->labels, name);
    }
    h->small_sounds = small && small * 2 >= big;
    h->names_lead = h->led.total > 2 && h->led.total * 10 >= lines * 3 && h->led.n < h->led.total;
    h->two_scripts = differ > 1 && differ * 10 >= pairs * 8;
}

/* All the words that stand on the screen at one time, in lines: who says what. `named`: by a field of the file. */
static us_status show(screen *c, uint32_t line, us_span_str named) {
    us_lines l = us_lines_of(c->plain.data ? c->plain.data : "", c->plain.len);
    us_status st = US_OK;
    us_span_str joined_name = named, none = {0};
    bool any = false;
    int first = 0; /* the letters of the first line */
    us_buf words;
    us_buf_init(&words, c->text.max);
    us_span_str direction = none;
    while (!st && us_lines_next(&l)) {
        bool dash;
        us_span_str name, dir = none, said, t = without_dash(l.text, &dash);
        if (!t.n) continue;
        int script = c->h->two_scripts ? script_of(t) : 0;
        if (script && first && script != first) {
            c->second++;
            continue;
        }
        first = script ? script : first;
        bool label = label_of(t, &name, &dir, &said), bracket = !label && bracketed_name(c, t, &name, &said);
        if (us_is_song(t)) {
            us_rows_action(c->r, line);
            st = c->r->status;
            continue;
        }
        if ((label || bracket || dash) && any) { /* another speaks on the same screen */
            st = put(c, line, joined_name, direction, (us_span_str){words.data ? words.data : "", words.len});
            us_buf_clear(&words);
            joined_name = named;
            direction = none;
        }
        if (label || bracket) joined_name = name, direction = dir, t = said;
        if (!st && words.len) st = us_buf_append_str(&words, " ", c->r->err);
        if (!st) st = us_buf_append(&words, t.s, t.n, c->r->err);
        any = true;
    }
    if (!st && any) st = put(c, line, joined_name, direction, (us_span_str){words.data ? words.data : "", words.len});
    us_buf_fini(&words);
    us_buf_clear(&c->plain);
    return st;
}

/* ---- SRT and VTT ---------------------------------------------------------------------------------------------------- */

/* Takes the line that begins at `from` away when the screen before showed it; `end` is where the words ended in front of it. */
static us_status drop_shown(screen *c, size_t end, size_t from) {
    us_span_str t = us_trim((us_span_str){c->plain.data ? c->plain.data + from : "", c->plain.len - from});
    if (t.n && t.n == c->last.len && !memcmp(t.s, c->last.data, t.n)) {
        c->plain.len = end;
        return US_OK;
    }
    us_buf_clear(&c->last);
    return us_buf_append(&c->last, t.s, t.n, c->r->err);
}

static us_status read_cues(screen *c, us_doc *d) {
    us_lines l = us_lines_of(d->s, d->n);
    us_status st = US_OK;
    us_span_str voice = {0}, none = {0};
    uint32_t line = 0;
    bool inside = false, number = false; /* number: the last line is nothing but digits, and may count the next screen */
    size_t before_number = 0;
    while (!st && us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        us_doc_done(d, l.at);
        if (is_timing(t)) {
            if (inside && number) c->plain.len = before_number; /* screens without an empty line between */
            number = false;
            if (c->plain.len) st = show(c, line, voice);
            inside = true;
            line = l.line;
            voice = none;
        } else if (!t.n) {
            if (inside && c->plain.len) st = show(c, line, voice), voice = none;
            inside = false;
        } else if (inside) {
            us_span_str before = voice;
            const char *next = memmem(t.s, t.n, "<v", 2); /* two voices may share a screen */
            if (before.n && next && c->plain.len) st = show(c, line, before), voice = none;
            before_number = c->plain.len;
            number = is_digits(t);
            if (!st && c->plain.len) st = us_buf_append_str(&c->plain, "\n", c->r->err);
            size_t from = c->plain.len;
            if (!st) st = unstyle(t, &c->plain, &voice, c->r->err);
            if (!st && c->rolling) st = drop_shown(c, before_number, from);
        }
    }
    return !st && c->plain.len ? show(c, line, voice) : st;
}

/* ---- MicroDVD and MPL2: a screen a line, '|' between its lines ------------------------------------------------------- */

static us_status read_frames(screen *c, us_doc *d) {
    us_status st = US_OK;
    for (us_lines l = us_lines_of(d->s, d->n); !st && us_lines_next(&l);) {
        us_span_str t = us_trim(l.text), voice = {0};
        size_t n = frames_of(t);
        us_doc_done(d, l.at);
        if (!n || t.n - n == 0 || (n == 6 && t.s[1] == '1' && t.s[4] == '1' && !us_label_split(t, &voice, &voice, &voice)))
            continue; /* {1}{1}25.000: frames a second */
        for (const char *p = t.s + n, *end = t.s + t.n; p < end && !st;) {
            const char *bar = memchr(p, '|', (size_t)(end - p));
            us_span_str part = us_trim((us_span_str){p, (size_t)((bar ? bar : end) - p)});
            while (part.n && (*part.s == '{' || *part.s == '/')) { /* {y:i}, and MPL2's stroke: italics */
                const char *close = *part.s == '{' ? memchr(part.s, '}', part.n) : part.s;
                if (!close) break;
                part = us_trim((us_span_str){close + 1, (size_t)(part.s + part.n - close) - 1});
            }
            if (c->plain.len) st = us_buf_append_str(&c->plain, "\n", c->r->err);
            if (!st) st = unstyle(part, &c->plain, &voice, c->r->err);
            p = bar ? bar + 1 : end;
        }
        if (!st) st = show(c, l.line, (us_span_str){0});
    }
    return st;
}

/* ---- ASS -------------------------------------------------------------------------------------------------------------- */

static bool is_no_voice(us_span_str s) { /* a style or a name of signs and songs */
    static const char *const words[] = {"sign",   "op",      "ed",      "song", "lyric",    "karaoke",       "kara",
                                        "title",  "credit",  "staff",   "note", "insert",   "opening",       "ending",
                                        "romaji", "caption", "typeset", "ts",   "eyecatch", "preview title", "top-note"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        char next = s.n > n ? s.s[n] : ' ';
        bool whole =
            !((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z')) ||
            ((next == 's' || next == 'S') && (s.n == n + 1 || !((s.s[n + 1] | 32) >= 'a' && (s.s[n + 1] | 32) <= 'z')));
        if (s.n >= n && !strncasecmp(s.s, words[i], n) && whole) return true;
    }
    return false;
}

/* The k-th field of an event, as ASS has them by default. */
static us_span_str field_of(us_span_str t, int k) {
    const char *p = memchr(t.s, ':', t.n), *end = t.s + t.n, *comma = NULL;
    for (p = p ? p + 1 : end; k >= 0 && p < end; k--, p = comma ? comma + 1 : end) {
        comma = memchr(p, ',', (size_t)(end - p));
        if (!k) return us_trim((us_span_str){p, (size_t)((comma ? comma : end) - p)});
    }
    return (us_span_str){0};
}

/* No event names its speaker, but styles do: they come again, several of them, and most are not what styles are mostly called. */
static bool styles_speak(const us_doc *d) {
    static const char list[] =
        "|default|main|dialogue|dialog|alt|alternative|top|bottom|italic|italics|flashback|thought|thoughts|"
        "internal|narration|narrator|overlap|subtitle|subtitles|";
    US_TALLY styles = {0};
    size_t events = 0;
    for (us_lines l = us_lines_of(d->s, us_doc_sample(d)); us_lines_next(&l);) {
        us_span_str t = us_trim(l.text), style = field_of(t, 3);
        char word[32] = "|";
        if (t.n > 7 && !strncasecmp(t.s, "Format:", 7)) { /* of styles, or of events as they are by default */
            us_span_str third = field_of(t, 3);
            if (field_of(t, 9).n == 4 && !(third.n == 5 && !strncasecmp(third.s, "Style", 5))) return false;
        }
        if (t.n < 9 || strncasecmp(t.s, "Dialogue:", 9) || is_no_voice(style)) continue;
        if (field_of(t, 4).n) return false;
        events++;
        size_t n = style.n < 28 ? style.n : 28, k = 1;
        for (size_t i = 0; i < n && style.s[i] != ' ' && style.s[i] != '-'; i++)
            word[k++] = (char)(style.s[i] >= 'A' && style.s[i] <= 'Z' ? style.s[i] + 32 : style.s[i]);
        word[k++] = '|';
        word[k] = 0;
        if (k > 3 && !strstr(list, word)) us_tally_add(&styles, style);
    }
    return styles.n > 1 && styles.total * 10 >= events * 8 && us_tally_repeated(&styles) > 0.5;
}

static us_status read_events(screen *c, us_doc *d, bool by_style) {
    us_lines l = us_lines_of(d->s, d->n);
    us_status st = US_OK;
    int n_fields = 10, name_at = 4, text_at = 9, style_at = 3;
    while (!st && us_lines_next(&l)) {
        us_span_str t = us_trim(l.text), name = {0}, style = {0};
        us_doc_done(d, l.at);
        const char *p = memchr(t.s, ':', t.n), *end = t.s + t.n;
        bool format = t.n > 7 && !strncasecmp(t.s, "Format:", 7), comment = t.n > 8 && !strncasecmp(t.s, "Comment:", 8);
        if (!p || (!format && !comment && (t.n < 9 || strncasecmp(t.s, "Dialogue:", 9)))) continue;
        if (comment) {
            if (!(st = flush(c))) us_rows_action(c->r, l.line), st = c->r->status;
            continue;
        }
        p++;
        int i = 0, text_field = -1, name_field = -1, style_field = -1;
        for (; p <= end; i++) {
            const char *comma = !format && i == text_at ? NULL : memchr(p, ',', (size_t)(end - p));
            us_span_str f = us_trim((us_span_str){p, (size_t)((comma ? comma : end) - p)});
            if (format && f.n == 4 && !strncasecmp(f.s, "Text", 4)) text_field = i;
            if (format && ((f.n == 4 && !strncasecmp(f.s, "Name", 4)) || (f.n == 5 && !strncasecmp(f.s, "Actor", 5))))
                name_field = i;
            if (format && f.n == 5 && !strncasecmp(f.s, "Style", 5)) style_field = i;
            if (!format && i == name_at) name = f;
            if (!format && i == style_at) style = f;
            if (!format && i == text_at) st = unstyle(f, &c->plain, &name, c->r->err);
            p = comma ? comma + 1 : end + 1;
        }
        if (format && text_field >= 0) text_at = text_field, name_at = name_field, style_at = style_field, n_fields = i;
        if (format) continue;
        if (i < n_fields) us_rows_reject(c->r, l.line, "fewer fields than the line Format says");
        else if (is_no_voice(style) || is_no_voice(name) ||
                 !us_trim((us_span_str){c->plain.data ? c->plain.data : "", c->plain.len}).n) {
            us_buf_clear(&c->plain);
            if (!st) st = flush(c);
            if (!st) us_rows_action(c->r, l.line);
        } else if (!st) {
            if (by_style && !name.n) name = style;
            for (size_t k = 0; k < c->plain.len && name.n; k++) /* the field names one speaker: a screen is one line */
                if (c->plain.data[k] == '\n' && !(k + 1 < c->plain.len && c->plain.data[k + 1] == '-')) c->plain.data[k] = ' ';
            st = show(c, l.line, name);
        }
        if (!st) st = c->r->status;
    }
    return st;
}

us_status us_read_subtitles(us_rows *r, us_doc *d) {
    HABITS h = {0};
    screen c = {.r = r, .h = &h};
    us_view v = {0};
    size_t max = (size_t)1 << 30; /* what is too long for a cell us_rows_say() rejects */
    us_buf_init(&c.plain, max);
    us_buf_init(&c.text, max);
    us_buf_init(&c.speaker, max);
    us_buf_init(&c.last, max);
    c.rolling = memmem(d->s, us_doc_sample(d), "><c>", 4) != NULL;
    us_look_subtitles(r->options, d, &v);
    survey(d, &h);
    bool by_style = !strncmp(v.about, "ASS", 3) && styles_speak(d);
    us_status st = !strncmp(v.about, "ASS", 3)     ? read_events(&c, d, by_style)
                   : !strncmp(v.about, "Micro", 5) ? read_frames(&c, d)
                                                   : read_cues(&c, d);
    if (!st) st = flush(&c);
    if (by_style)
        snprintf(r->about, sizeof r->about,
                 "ASS subtitles; no event names who speaks: the names of styles are taken for theirs");
    if (c.second)
        snprintf(
            r->about, sizeof r->about,
            "%.60s in two languages; of each screen the first is read, lines of the second left out: %u (take the first out "
            "of the "
            "file to read the second)",
            v.about, c.second);
    us_buf_fini(&c.plain);
    us_buf_fini(&c.text);
    us_buf_fini(&c.speaker);
    us_buf_fini(&c.last);
    return st;
}
