/* corpus/shape.c - the table of shapes, and which of them a document is. */
#include "corpus/label.h"
#include "corpus/moment.h"
#include "corpus/shape.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where two fit equally well, the first is taken. */
const us_shape us_shapes[] = {
    {"json", "JSON or JSON lines", us_look_json, us_read_json},
    {"xlsx", "Excel workbook", us_look_xlsx, us_read_xlsx},
    {"tei", "TEI drama", us_look_tei, us_read_tei},
    {"html", "web page with a script in it", us_look_html, us_read_html},
    {"wiki", "wiki's source with a script in it", us_look_wiki, us_read_wiki},
    {"turns", "turns of two who are not named (DailyDialog, ParlAI)", us_look_turns, us_read_turns},
    {"cornell", "Cornell Movie-Dialogs lines", us_look_cornell, us_read_cornell},
    {"subtitles", "subtitles (SRT, WebVTT, ASS)", us_look_subtitles, us_read_subtitles},
    {"chat", "chat export (WhatsApp, Telegram, Discord)", us_look_chat, us_read_chat},
    {"csv", "table (CSV, TSV, any delimiter)", us_look_table, us_read_table},
    {"fountain", "Fountain screenplay", us_look_fountain, us_read_fountain},
    {"screenplay", "plain-text screenplay", us_look_screenplay, us_read_screenplay},
    {"dialogue", "plain text, \"Name: line\"", us_look_dialogue, us_read_dialogue},
};
const size_t us_n_shapes = sizeof us_shapes / sizeof *us_shapes;

const char *us_format_name(size_t i) { return i < us_n_shapes ? us_shapes[i].name : NULL; }
const char *us_format_title(size_t i) { return i < us_n_shapes ? us_shapes[i].title : NULL; }

static void weighed(us_view *best, const us_shape *shape, const us_view *v) {
    size_t n = strlen(best->others);
    if (v->fit > 0.1 && n < sizeof best->others - 1)
        snprintf(best->others + n, sizeof best->others - n, "%s%s (%.2f)", n ? "; " : "", v->about[0] ? v->about : shape->title,
                 v->fit);
}

const us_shape *us_shape_find(const us_script_options *o, const us_doc *d, us_view *view) {
    const us_shape *best = NULL;
    *view = (us_view){0};
    for (size_t i = 0; i < us_n_shapes; i++) {
        us_view v = {0};
        if (o->format && strcmp(o->format, us_shapes[i].name)) continue;
        us_shapes[i].look(o, d, &v);
        if (o->format) {
            *view = v;
            return &us_shapes[i];
        }
        if (v.fit <= (best ? view->fit : 0)) {
            weighed(view, &us_shapes[i], &v);
            continue;
        }
        us_view before = *view;
        *view = v;
        if (best) weighed(view, best, &before);
        best = &us_shapes[i];
    }
    if (view->fit < 0.15) best = NULL;
    return best;
}

const us_shape *us_shape_inside(const us_script_options *o, const us_doc *d, const us_buf *text, us_doc *inside,
                                us_view *view) {
    us_script_options any = *o;
    any.format = NULL;
    *inside = (us_doc){.path = d->path, .s = text->data ? text->data : "", .n = text->len, .listed = true, .inside = true};
    return text->len ? us_shape_find(&any, inside, view) : NULL;
}

void us_shape_say_inside(us_view *view, double fit, const char *form, const us_shape *shape, const us_view *inside) {
    view->fit = fit;
    snprintf(view->about, sizeof view->about, "%s with %.150s", form, inside->about[0] ? inside->about : shape->title);
}

/* Is there a line in the beginning that starts so? */
static bool has_line(us_span_str head, const char *start) {
    us_lines l = us_lines_of(head.s, head.n);
    while (us_lines_next(&l))
        if (l.text.n >= strlen(start) && !strncasecmp(l.text.s, start, strlen(start))) return true;
    return false;
}

/* "Ann:" and below it "  - Hi", throughout. */
static bool is_yaml_lists(us_span_str head) {
    us_lines l = us_lines_of(head.s, head.n);
    size_t keys = 0, items = 0;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        bool item = t.n > 2 && !memcmp(t.s, "- ", 2) && t.s > l.text.s;
        if (!t.n || l.at >= l.end) continue; /* the last may be cut off */
        if (!item && (t.s[t.n - 1] != ':' || t.s > l.text.s)) return false;
        items += item;
        keys += !item;
    }
    return keys && items > 1;
}

/* "    - speaker: Ann" and right below it "      content: Hi", somewhere, twice and more. */
static bool has_yaml_items(us_span_str head) {
    us_lines l = us_lines_of(head.s, head.n);
    size_t items = 0, dash = SIZE_MAX;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        size_t indent = (size_t)(t.s - l.text.s), i = t.n > 2 && !memcmp(t.s, "- ", 2) ? 2 : 0, from = i;
        while (i < t.n && ((t.s[i] >= 'a' && t.s[i] <= 'z') || strchr("_-0123456789", t.s[i]))) i++;
        bool key = i > from && i < t.n && t.s[i] == ':' && (i + 1 == t.n || t.s[i + 1] == ' ');
        items += key && !from && dash != SIZE_MAX && indent == dash + 2;
        dash = key && from ? indent : SIZE_MAX;
    }
    return items > 1;
}

/* "- speaker: Ann" and "  text: Hi" below it. */
static bool is_yaml(us_span_str head) {
    us_lines l = us_lines_of(head.s, head.n);
    bool item = false;
    if (is_yaml_lists(head) || has_yaml_items(head)) return true;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        if (!t.n || *t.s == '#' || !memcmp(t.s, "---", t.n < 3 ? t.n : 3)) continue;
        const char *key = t.s + (item ? 0 : 2), *colon = memchr(t.s, ':', t.n);
        if (!colon || colon <= key || (!item && memcmp(t.s, "- ", 2)) || (item && l.text.s[0] != ' ')) return false;
        for (; key < colon; key++)
            if (!((*key | 32) >= 'a' && (*key | 32) <= 'z') && *key != '_') return false;
        if (item) return true;
        item = true;
    }
    return false;
}

/* "label start:", and lines such as  e happy "Hello."  without a colon. */
static bool is_renpy(us_span_str head) {
    us_lines l = us_lines_of(head.s, head.n);
    bool label = false;
    size_t says = 0;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        label = label || (t.n > 7 && !memcmp(t.s, "label ", 6) && t.s[t.n - 1] == ':' && !memchr(t.s, '"', t.n));
        const char *quote = t.n > 3 && t.s[t.n - 1] == '"' ? memchr(t.s, '"', t.n - 1) : NULL;
        bool who = quote && quote > t.s && quote[-1] == ' ';
        for (const char *p = t.s; who && p < quote; p++)
            who = strchr(" _", *p) || ((*p | 32) >= 'a' && (*p | 32) <= 'z') || (*p >= '0' && *p <= '9');
        says += who;
    }
    return label && says > 1;
}

/* A screenplay whose empty lines and margins were lost: where a speech ends nobody can tell. */
static bool is_flat_screenplay(us_span_str head) {
    US_TALLY names = {0};
    us_lines l = us_lines_of(head.s, head.n);
    size_t lines = 0, empty = 0, slugs = 0;
    double cues = 0;
    names.n = names.total = 0;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        lines++;
        empty += !t.n;
        if (us_is_slug(t)) slugs++;
        else if (t.n > 1 && t.n < 40 && t.s == l.text.s && !memchr(t.s, ':', t.n)) {
            const char *open = memchr(t.s, '(', t.n); /* ANN (CONT'D) */
            us_span_str name = us_trim((us_span_str){t.s, open ? (size_t)(open - t.s) : t.n});
            if (us_is_capitals(name)) us_tally_add(&names, name), cues++;
        }
    }
    return slugs && cues > 3 && cues * 8 > (double)lines && empty * 10 < lines && us_tally_repeated(&names) > 0.5;
}

/* "[{'speaker': 'Ann'", "[('Ann', 'Hi')": what Python prints. */
static bool is_python(us_span_str head) {
    size_t i = 0;
    while (i < head.n && strchr("[{( \n\r\t", head.s[i])) i++;
    if (!i || i >= head.n || head.s[i] != '\'') return false;
    const char *end = head.s + head.n, *close = memchr(head.s + i + 1, '\'', (size_t)(end - head.s) - i - 1),
               *p = close ? close + 1 : end;
    while (p < end && *p == ' ') p++;
    return p < end && strchr(":,", *p) && (*p == ':' || head.s[i - 1] == '(' || i > 1);
}

/* What recognized speech is without its speakers: "[00:00.000 --> 00:03.000]  Hello", and YouTube's window, a clock above each line. */
static bool is_nameless_transcript(us_span_str head) {
    us_lines l = us_lines_of(head.s, head.n);
    us_span_str name, direction, words;
    size_t lines = 0, ranges = 0, clocks = 0, labels = 0;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text), rest = t;
        if (!t.n) continue;
        lines++;
        const char *close = *t.s == '[' ? memchr(t.s, ']', t.n < 40 ? t.n : 40) : NULL;
        bool range = close && us_is_clocks((us_span_str){t.s, (size_t)(close - t.s) + 1});
        if (range) rest = us_trim((us_span_str){close + 1, (size_t)(t.s + t.n - close) - 1});
        ranges += range && rest.n && memmem(t.s, (size_t)(close - t.s), "-->", 3);
        clocks += us_is_clocks(t) && !memmem(t.s, t.n, "-->", 3) && !memchr(t.s, ',', t.n);
        labels += us_label_split(rest, &name, &direction, &words) || us_is_capitals(t);
    }
    return lines > 2 && labels * 10 < lines &&
           (ranges * 10 > lines * 8 || (clocks * 10 > lines * 4 && clocks * 10 < lines * 6 && lines > 5));
}

const char *us_doc_refusal(const us_script_options *o, const us_doc *d) {
    us_span_str t = us_trim((us_span_str){d->s, d->n < 65536 ? d->n : 65536}), head = {t.s, t.n < 8192 ? t.n : 8192};
    size_t closing = 0;
    us_view v = {0};
    if (o->format || d->workbook || d->inside || head.n < 8) return NULL;
    if ((has_line(head, "INSERT INTO ") && memmem(t.s, t.n, "VALUES", 6)) || has_line(head, "CREATE TABLE "))
        return "an SQL dump: load it into a database and export the table as CSV (sqlite3 -header -csv FILE 'select ...' > "
               "lines.csv)";
    if (is_yaml(head))
        return "YAML: make JSON of it (python3 -c 'import json, yaml; print(json.dumps(yaml.safe_load(open(\"FILE\"))))' > "
               "lines.json)";
    if ((*head.s == '[' || *head.s == '{') && is_python(head))
        return "Python's own notation, not JSON: make JSON of it (python3 -c 'import ast, json; "
               "print(json.dumps(ast.literal_eval(open(\"FILE\").read())))' > lines.json)";
    if (is_nameless_transcript(head))
        return "a transcript that names nobody: let a program tell the voices apart (whisperx --diarize), or write the name in "
               "front of each line, \"Name: words\"";
    if (memmem(head.s, head.n, "<smses", 6))
        return "SMS Backup & Restore's XML: make a CSV of it, a row \"contact_name,body\" each (type 2 is what you sent)";
    if (memmem(t.s, t.n, "\"gaia_id\"", 9) && memmem(t.s, t.n, "\"chat_message\"", 14))
        return "an export of Google Hangouts, whose messages have numbers for names: make a CSV of it, a row \"name,words\" "
               "each";
    if (memmem(t.s, t.n, "= Character(", 12) ? has_line(t, "label ") || has_line(t, "define ") : is_renpy(t))
        return "a Ren'Py script: take 'Extract Dialogue' in Ren'Py's launcher, which writes dialogue.tab";
    if (is_flat_screenplay(head))
        return "a screenplay that lost its empty lines and margins, so that speech and action look alike: make the text of it "
               "anew with both (pdftotext -layout FILE.pdf FILE.txt)";
    if (memmem(head.s, head.n, "<|im_start|>", 12) || memmem(head.s, head.n, "<|start_header_id|>", 19))
        return "prompts in a model's template: make JSON of them, {\"role\": \"Ann\", \"content\": \"Hi\"} each";
    if (has_line(head, "@Begin") && has_line(head, "@Participants:"))
        return "a CHAT transcript of TalkBank: take its main lines (grep '^\\*' FILE | sed 's/^.//' > lines.txt)";
    if (memmem(head.s, head.n < 200 ? head.n : 200, "+++$+++", 7) && *head.s != 'L')
        return "a list of Cornell Movie-Dialogs that holds no words: take movie_lines.txt";
    if (has_line(head, "Snapshot-Content-Location: ") || has_line(head, "Content-Type: multipart/related"))
        return "a web page saved in one file with its pictures (MHTML): save it once more as 'HTML only'";
    if (has_line(head, "Object class = \"TextGrid\""))
        return "a TextGrid of Praat: export its tiers as a table (Tabulate, List, in Praat) or write \"Name: words\" lines";
    if (memmem(head.s, head.n, "\"[{'", 4))
        return "a table whose cells hold Python's own notation: write the data set as JSON lines (df.to_json(\"lines.jsonl\", "
               "orient=\"records\", lines=True))";
    if (has_line(head, "From: ") && ((has_line(head, "Subject: ") && has_line(head, "Date: ")) || has_line(head, "Sent: ")))
        return "e-mail: copy what was written into a file, a line \"Name: words\" each";
    if (has_line(head, "msgid ") && has_line(head, "msgstr "))
        return "a gettext catalogue: make a CSV of it (po2csv FILE.po lines.csv) and name the columns";
    if (memmem(t.s, t.n, "\"_a6-g\"", 7)) return "Messenger's or Instagram's export as a page: ask for the download as JSON";
    if (memmem(head.s, head.n, "<FinalDraft", 11))
        return "a Final Draft script: export it as plain text or as Fountain (File, Export)";
    if (has_line(head, ":: StoryTitle") || has_line(head, ":: StoryData") || memmem(head.s, head.n, "<tw-storydata", 13))
        return "a Twine story, whose passages have no one order: copy the dialogue into a file, a line \"Name: words\" each";
    if (has_line(t, "=== ") && (has_line(t, "-> ") || memmem(t.s, t.n, "-> END", 6) || memmem(t.s, t.n, "-> DONE", 7)))
        return "an Ink story, whose branches have no one order: copy the dialogue into a file, a line \"Name: words\" each";
    if (has_line(head, "title: ") && has_line(t, "---") && has_line(t, "===") &&
        (memmem(t.s, t.n, "<<", 2) || memmem(t.s, t.n, "#line:", 6)))
        return "a Yarn Spinner script, whose branches have no one order: export its strings as CSV (ysc extract), or copy the "
               "dialogue into a file, a line \"Name: words\" each";
    if (*head.s != '<' || !(strchr("?!", head.s[1]) || ((head.s[1] | 32) >= 'a' && (head.s[1] | 32) <= 'z'))) return NULL;
    for (const char *p = head.s; (p = memmem(p, (size_t)(head.s + head.n - p), "</", 2)); p += 2) closing++;
    if (closing < 3) return NULL;
    us_look_tei(o, d, &v);
    if (v.fit <= 0) us_look_html(o, d, &v);
    return v.fit > 0 ? NULL
           : memmem(head.s, head.n, "<html", 5) || memmem(head.s, head.n, "<HTML", 5)
               ? "a web page without dialogue that understudy knows: copy its text into a file, a line \"Name: words\" each"
               : "XML without speeches that understudy knows (TEI's <sp>, or <SPEECH> with <SPEAKER> and <LINE>): make a CSV "
                 "of it";
}

size_t us_doc_sample(const us_doc *d) {
    const size_t max = 256 * 1024;
    if (d->n <= max) return d->n;
    const char *nl = memrchr(d->s, '\n', max);
    return nl ? (size_t)(nl - d->s) + 1 : max;
}

us_lines us_lines_of(const char *s, size_t n) { return (us_lines){.at = s, .end = s + n}; }

bool us_lines_next(us_lines *l) {
    if (l->at >= l->end) return false;
    const char *p = l->at;
    while (p < l->end && *p != '\n' && *p != '\r') p++;
    l->text = (us_span_str){l->at, (size_t)(p - l->at)};
    if (p < l->end) p += *p == '\r' && p + 1 < l->end && p[1] == '\n' ? 2 : 1;
    l->at = p;
    l->line++;
    return true;
}

/* Bytes of the blank that s begins with: ASCII's, U+00A0, U+3000, U+FEFF, and what is not seen. */
static size_t blank_at(const char *s, size_t n) {
    if (strchr(" \t\r\n\v\f", *s) && *s) return 1;
    if (n >= 2 && !memcmp(s, "\xc2\xa0", 2)) return 2;
    if (n < 3) return 0;
    unsigned char c = (unsigned char)s[2]; /* U+2000 to U+200F, U+202A to U+202F, U+205F, U+2066 to U+2069: blanks of */
    if (!memcmp(s, "\xe2\x80", 2))         /* other widths or of none, and directions of writing */
        return (c >= 0x80 && c <= 0x8f) || (c >= 0xaa && c <= 0xaf) ? 3 : 0;
    if (!memcmp(s, "\xe2\x81", 2)) return (c >= 0xa6 && c <= 0xa9) || c == 0x9f ? 3 : 0;
    return !memcmp(s, "\xe3\x80\x80", 3) || !memcmp(s, "\xef\xbb\xbf", 3) ? 3 : 0;
}

bool us_is_one_of(us_span_str s, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (s.n == strlen(words[i]) && !strncasecmp(s.s, words[i], s.n)) return true;
    return false;
}

us_span_str us_trim(us_span_str t) {
    size_t k;
    while (t.n && (k = blank_at(t.s, t.n))) t.s += k, t.n -= k;
    for (bool more = true; t.n && more;) {
        more = false;
        for (k = 1; k <= 3 && k <= t.n && !more; k++)
            if (blank_at(t.s + t.n - k, k) == k) t.n -= k, more = true;
    }
    return t;
}
