/* corpus/read_chat.c - chats as programs export them as text: WhatsApp of both platforms in many languages, Telegram's copied
 * messages, KakaoTalk, Discord, IRC.
 *
 *     [01/02/2024, 10:00:00] Ann: Good morning           iOS
 *     06.08.2016, 13:23 - Bob: Hey, all                  Android
 *     2024. 2. 1. 오전 10:00, 안나 : 안녕                 KakaoTalk
 *     Ann, [01.02.24 10:00]                              Telegram, the words in the lines below
 *     [01/02/2024 10:00] ann                             Discord, the words in the lines below
 *
 * A line without a date goes on with the message before it. Media, deleted messages and what the program itself says are
 * actions. Messages that one person sends within a minute are one line; six silent hours begin a scene. */
#include "corpus/label.h"
#include "base/utf8.h"
#include <stdio.h>
#include <string.h>

#define BURST_S 60
#define SILENCE_S (6 * 3600)

typedef struct head {
    us_span_str name, words; /* name.n 0: the program speaks */
    int64_t seconds;         /* since some day; -1: not known */
    bool below;              /* the words stand in the lines below */
} head;

/* ---- the date in front --------------------------------------------------------------------------------------------- */

/* Marks that are not seen (direction of writing) and no-break blanks. */
static size_t unseen_at(const char *p, const char *end) {
    if (end - p >= 3 && !memcmp(p, "\xe2\x80", 2) &&
        ((unsigned char)p[2] == 0x8e || (unsigned char)p[2] == 0x8f || (unsigned char)p[2] == 0xaa ||
         (unsigned char)p[2] == 0xac || (unsigned char)p[2] == 0xaf || (unsigned char)p[2] == 0x8b))
        return 3;
    if (end - p >= 3 && !memcmp(p, "\xef\xbb\xbf", 3)) return 3;
    return end - p >= 2 && !memcmp(p, "\xc2\xa0", 2) ? 2 : 0;
}

static const char *blanks(const char *p, const char *end) {
    for (size_t k; p < end;)
        if (*p == ' ' || *p == '\t') p++;
        else if ((k = unseen_at(p, end))) p += k;
        else break;
    return p;
}

static const char *word(const char *p, const char *end, const char *w) {
    size_t n = strlen(w);
    return (size_t)(end - p) >= n && !strncasecmp(p, w, n) ? p + n : NULL;
}

static const char *number(const char *p, const char *end, int *out, int most) {
    int n = 0;
    for (*out = 0; p < end && *p >= '0' && *p <= '9' && n < most; p++, n++) *out = *out * 10 + (*p - '0');
    return n ? p : NULL;
}

/* Between the numbers of a date: '.', '/', '-', and the words for year, month and day of China, Japan and Korea. */
static const char *date_gap(const char *p, const char *end) {
    static const char *const marks[] = {".", "/", "-", "年", "月", "日", "년", "월", "일", "."};
    p = blanks(p, end);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *q = word(p, end, marks[i]);
        if (q) return blanks(q, end);
    }
    return NULL;
}

/* AM and PM; *pm: 0 none, 1 am, 2 pm. */
static const char *half_of_day(const char *p, const char *end, int *pm) {
    static const struct {
        const char *w;
        int pm;
    } words[] = {{"a.m.", 1}, {"p.m.", 2}, {"a. m.", 1}, {"p. m.", 2}, {"am", 1},    {"pm", 2},
                 {"上午", 1}, {"下午", 2}, {"午前", 1},  {"午後", 2},  {"오전", 1},  {"오후", 2},
                 {"凌晨", 1}, {"早上", 1}, {"中午", 2},  {"晚上", 2},  {"vorm.", 1}, {"nachm.", 2}};
    const char *from = blanks(p, end);
    char plain[16];
    size_t k = 0, at[16];
    for (const char *q = from; q < end && k < 12;) { /* compare without unseen blanks */
        size_t u = unseen_at(q, end);
        if (u) {
            plain[k] = ' ', at[k++] = (size_t)(q - from) + u, q += u;
            continue;
        }
        plain[k] = *q++;
        at[k++] = (size_t)(q - from);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i].w);
        if (n <= k && !strncasecmp(plain, words[i].w, n)) return *pm = words[i].pm, from + at[n - 1];
    }
    return p;
}

/* "10:00", "10:00:00", "10.00", "10:00 AM", "오전 10:00". */
static const char *clock_at(const char *p, const char *end, int *seconds) {
    int h, m, s = 0, pm = 0;
    p = blanks(half_of_day(p, end, &pm), end);
    const char *q = number(p, end, &h, 2);
    if (!q || q >= end || (*q != ':' && *q != '.') || !(p = number(q + 1, end, &m, 2)) || p - q != 3 || h > 24 || m > 59)
        return NULL;
    if (p < end && (*p == ':' || *p == '.') && (q = number(p + 1, end, &s, 2)) && q - p == 3) p = q;
    if (!pm) p = half_of_day(p, end, &pm);
    if (pm) h = h % 12 + (pm == 2 ? 12 : 0);
    *seconds = h * 3600 + m * 60 + s;
    return p;
}

/* "Jan", in dates such as 01-Jan-24. */
static const char *month(const char *p, const char *end, int *out) {
    static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
    for (*out = 1; *out <= 12; ++*out)
        if (word(p, end, months[*out - 1])) return p + 3;
    return NULL;
}

/* A date and a clock; where day and month stand does not matter for what is asked: how much later is the next one. */
static const char *moment(const char *p, const char *end, int64_t *out) {
    int a, b, c, s;
    const char *q = number(p, end, &a, 4), *middle;
    if (!q || !(q = date_gap(q, end)) || !((middle = number(q, end, &b, 2)) || (middle = month(q, end, &b))) ||
        !(q = date_gap(middle, end)) || !(q = number(q, end, &c, 4)))
        return NULL;
    const char *gap = date_gap(q, end);
    if (gap) q = gap;           /* "2024. 2. 1. " and "1일" */
    if (q < end && *q == '(') { /* the day of the week */
        const char *close = memchr(q, ')', end - q < 12 ? (size_t)(end - q) : 12);
        if (close) q = close + 1;
    }
    q = blanks(q, end);
    if (q < end && *q == ',') q++;
    q = blanks(q, end);
    static const char *const words[] = {"à ", "at ", "um ", "às ", "a las ", "alle ", "в "};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *after = word(q, end, words[i]);
        if (after) {
            q = blanks(after, end);
            break;
        }
    }
    if (!(q = clock_at(q, end, &s))) return NULL;
    int year = a > 31 ? a : c, day = a > 31 ? c : a;
    if (year < 100) year += 2000;
    *out = ((int64_t)year * 372 + b * 31 + day) * 86400 + s; /* the same for the same day, larger for a later one, mostly */
    return q;
}

/* ---- one line ----------------------------------------------------------------------------------------------------------- */

static us_span_str rest_of(const char *p, const char *end) { return us_trim((us_span_str){p, (size_t)(end - p)}); }

/* "Ann: Good morning"; a name has no colon in it, and what the program says mostly has none at all. */
static void name_and_words(const char *p, const char *end, head *h) {
    const char *colon = NULL;
    size_t gap = 2;
    for (const char *q = p; q + 1 < end && !colon && q - p < 120; q++)
        if (q[0] == ':' && (q[1] == ' ' || unseen_at(q + 1, end))) colon = q, gap = 1 + (q[1] == ' ');
    if (!colon && end > p && end[-1] == ':' && end - p < 120) colon = end - 1, gap = 1;
    for (const char *q = p; q + 3 <= end && !colon && q - p < 120; q++)
        if (!memcmp(q, "\xef\xbc\x9a", 3)) colon = q, gap = 3;
    if (!colon) {
        h->name = (us_span_str){0};
        h->words = rest_of(p, end);
        return;
    }
    p = blanks(p, end);
    while (p < colon && (*p == '~' || *p == ' ')) p++; /* who is not in the address book */
    p = blanks(p, colon);
    h->name = rest_of(p, colon);
    h->words = (us_span_str){colon + gap, (size_t)(end - colon) - gap};
}

static bool head_of(us_span_str line, head *h) {
    const char *p = line.s, *end = line.s + line.n, *q;
    *h = (head){.seconds = -1};
    p = blanks(p, end);
    if (p < end && *p == '[') {
        int s;
        if (!(q = moment(blanks(p + 1, end), end, &h->seconds))) {
            if (!(q = clock_at(p + 1, end, &s))) return false; /* [10:00] <ann> Hi */
            h->seconds = s;
        }
        q = blanks(q, end);
        if (q >= end || *q != ']') return false;
        q = blanks(q + 1, end);
        us_span_str rest = rest_of(q, end), name, direction, words;
        if (rest.n && *rest.s == '<' && us_label_split(rest, &name, &direction, &words))
            return h->name = name, h->words = words, true;
        name_and_words(q, end, h);
        if (!h->name.n && rest.n && rest.n < 60) h->below = true;
        return true;
    }
    if ((q = moment(p, end, &h->seconds))) {
        q = blanks(q, end);
        const char *after = NULL;
        static const char *const gaps[] = {"- ", "\xe2\x80\x93 ", "\xe2\x80\x94 ", ", ", "| "};
        for (size_t i = 0; i < sizeof gaps / sizeof *gaps && !after; i++) after = word(q, end, gaps[i]);
        if (!after && q + 1 == end && *q == '-') after = end; /* a message without words */
        if (!after) return false;
        const char *spaced = memmem(after, (size_t)(end - after), " : ", 3); /* KakaoTalk */
        if (after[-2] == ',' && spaced && spaced - after < 80) {
            h->name = rest_of(after, spaced);
            h->words = (us_span_str){spaced + 3, (size_t)(end - spaced) - 3};
        } else name_and_words(after, end, h);
        return true;
    }
    /* Telegram: "Ann, [01.02.24 10:00]" */
    const char *open = memmem(line.s, line.n < 120 ? line.n : 120, ", [", 3);
    if (open && (q = moment(open + 3, end, &h->seconds)) && q < end && *q == ']') {
        us_span_str rest = rest_of(q + 1, end);
        h->name = rest_of(line.s, open);
        h->words = (us_span_str){rest.s + (rest.n && *rest.s == ':'), rest.n - (rest.n && *rest.s == ':')};
        return h->name.n > 0;
    }
    return false;
}

/* "ann#1234", as Discord wrote names. */
static us_span_str without_tag(us_span_str name) {
    if (name.n < 6 || name.s[name.n - 5] != '#') return name;
    for (size_t i = name.n - 4; i < name.n; i++)
        if (name.s[i] < '0' || name.s[i] > '9') return name;
    return (us_span_str){name.s, name.n - 5};
}

/* What stands for a picture, a voice, a deleted message: in the exports' languages. */
static bool is_media(us_span_str w) {
    static const char *const wholes[] = {"null",
                                         "image omitted",
                                         "video omitted",
                                         "audio omitted",
                                         "sticker omitted",
                                         "gif omitted",
                                         "document omitted",
                                         "contact card omitted",
                                         "video note omitted",
                                         "media omitted",
                                         "this message was deleted",
                                         "you deleted this message",
                                         "missed voice call",
                                         "missed video call",
                                         "waiting for this message",
                                         "bild weggelassen",
                                         "video weggelassen",
                                         "audio weggelassen",
                                         "sticker weggelassen",
                                         "dokument weggelassen",
                                         "gif weggelassen",
                                         "diese nachricht wurde gelöscht",
                                         "du hast diese nachricht gelöscht",
                                         "image absente",
                                         "vidéo absente",
                                         "audio omis",
                                         "sticker omis",
                                         "ce message a été supprimé",
                                         "imagen omitida",
                                         "video omitido",
                                         "audio omitido",
                                         "sticker omitido",
                                         "documento omitido",
                                         "eliminaste este mensaje",
                                         "este mensaje fue eliminado",
                                         "se eliminó este mensaje",
                                         "imagem ocultada",
                                         "vídeo omitido",
                                         "áudio ocultado",
                                         "figurinha omitida",
                                         "mensagem apagada",
                                         "esta mensagem foi apagada",
                                         "immagine omessa",
                                         "video omesso",
                                         "audio omesso",
                                         "questo messaggio è stato eliminato",
                                         "изображение пропущено",
                                         "видео пропущено",
                                         "аудио пропущено",
                                         "стикер пропущен",
                                         "сообщение удалено",
                                         "данное сообщение удалено",
                                         "вы удалили данное сообщение",
                                         "это сообщение удалено",
                                         "фотография",
                                         "стикер",
                                         "голосовое сообщение",
                                         "画像は省略されました",
                                         "動画は省略されました",
                                         "[图片]",
                                         "[视频]",
                                         "[表情]",
                                         "[语音]",
                                         "사진",
                                         "동영상",
                                         "이모티콘",
                                         "photo",
                                         "sticker",
                                         "voice message"};
    static const char *const inside[] = {
        "(file attached)", "(datei angehängt)", "(fichier joint)", "(archivo adjunto)", "(arquivo anexado)", "(file allegato)",
        "(файл добавлен)", "<attached:",        "<adjunto:",       "<anexado:",         "<angehängt:",       "<pièce jointe"};
    w = us_trim(w);
    if (!w.n) return true;
    if (w.s[0] == '<' && w.s[w.n - 1] == '>' && !memchr(w.s + 1, '<', w.n - 1))
        return true; /* <Media omitted> in any language */
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        size_t n = strlen(wholes[i]);
        bool dot = w.n == n + 1 && w.s[n] == '.';
        if ((w.n == n || dot) && !strncasecmp(w.s, wholes[i], n)) return true;
        if (w.n >= 6 && w.n == n && !memcmp(w.s + 2, wholes[i] + 2, n - 2)) return true; /* a capital beyond ASCII in front */
    }
    char folded[200];
    size_t n = w.n < sizeof folded - 1 ? w.n : sizeof folded - 1;
    for (size_t i = 0; i < n; i++) folded[i] = (char)(w.s[i] >= 'A' && w.s[i] <= 'Z' ? w.s[i] + 32 : w.s[i]);
    folded[n] = 0;
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (strstr(folded, inside[i])) return true;
    return false;
}

void us_look_chat(const us_script_options *o, const us_doc *d, us_view *view) {
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    head h;
    size_t heads = 0, named = 0, below = 0, lines = 0, brackets = 0, before = 0;
    (void)o;
    if (d->workbook) return;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        if (!t.n) continue;
        lines++;
        if (!head_of(l.text, &h)) {
            before += !heads;
            continue;
        }
        heads++;
        named += h.name.n > 0;
        below += h.below || (h.name.n && !us_trim(h.words).n);
        brackets += *t.s == '[';
    }
    if (!heads || (!named && !below) || before > 12) return;
    double share = (double)heads / (double)lines;
    view->fit = share > 0.3 ? 0.97 : share > 0.1 ? 0.8 : 3 * share;
    snprintf(view->about, sizeof view->about, "%s",
             below * 2 > heads      ? "chat (Telegram or Discord, as text)"
             : brackets * 2 > heads ? "chat (WhatsApp of iOS)"
                                    : "chat (WhatsApp of Android)");
}

typedef struct talk {
    us_rows *r;
    us_buf speaker, text;
    uint32_t line, scene;
    int64_t last;
    bool open, media;
    uint64_t messages;
} talk;

static us_status finish(talk *t) {
    us_span_str cells[US_N_CELLS] = {{0}};
    char scene[24];
    if (!t->open) return US_OK;
    t->open = false;
    us_span_str words = {t->text.data ? t->text.data : "", t->text.len};
    int n = snprintf(scene, sizeof scene, "%u", t->scene);
    cells[US_CELL_SPEAKER] = (us_span_str){t->speaker.data ? t->speaker.data : "", t->speaker.len};
    cells[US_CELL_TEXT] = words;
    cells[US_CELL_SCENE] = (us_span_str){scene, (size_t)n};
    if (!t->speaker.len || t->media || is_media(words)) us_rows_action(t->r, t->line);
    else us_rows_add(t->r, t->line, cells, 0);
    return t->r->status;
}

/* "<This message was edited>" behind the words. */
static us_span_str without_edit_mark(us_span_str w) {
    w = us_trim(w);
    if (w.n < 8 || w.s[w.n - 1] != '>') return w;
    const char *open = memrchr(w.s, '<', w.n);
    bool mark =
        open && open > w.s &&
        (unseen_at(open - 3 > w.s ? open - 3 : w.s, open) || (memmem(open, (size_t)(w.s + w.n - open), "edit", 4)) ||
         memmem(open, (size_t)(w.s + w.n - open), "bearbeitet", 10) || memmem(open, (size_t)(w.s + w.n - open), "измен", 10));
    return mark ? us_trim((us_span_str){w.s, (size_t)(open - w.s)}) : w;
}

static us_status message(talk *t, uint32_t line, const head *h) {
    us_span_str words = h->words, name = without_tag(h->below ? h->words : h->name);
    us_error *err = t->r->err;
    bool silent = t->last >= 0 && h->seconds >= 0 && (h->seconds - t->last > SILENCE_S);
    if (h->below) words = (us_span_str){"", 0};
    bool app = words.n >= 3 && !memcmp(words.s, "\xe2\x80\x8e", 3); /* iOS marks what the program wrote itself */
    words = without_edit_mark(words);
    bool media = app || (is_media(words) && us_trim(words).n);
    bool burst = t->open && !t->media && !media && name.n && t->speaker.len == name.n &&
                 !memcmp(t->speaker.data, name.s, name.n) && t->last >= 0 && h->seconds >= t->last &&
                 h->seconds - t->last <= BURST_S && t->text.len;
    us_status st = US_OK;
    t->last = h->seconds;
    t->messages++;
    if (burst) {
        st = us_buf_append_str(&t->text, "\n", err);
        return st ? st : us_buf_append(&t->text, words.s, words.n, err);
    }
    if ((st = finish(t))) return st;
    t->scene += silent;
    t->open = true;
    t->media = media;
    t->line = line;
    us_buf_clear(&t->speaker);
    us_buf_clear(&t->text);
    st = us_buf_append(&t->speaker, name.s ? name.s : "", name.n, err);
    return st ? st : us_buf_append(&t->text, words.s, words.n, err);
}

us_status us_read_chat(us_rows *r, us_doc *d) {
    us_lines l = us_lines_of(d->s, d->n);
    size_t max = r->options->max_cell_bytes ? r->options->max_cell_bytes : (size_t)1 << 20;
    talk t = {.r = r, .last = -1};
    head h;
    us_view v = {0};
    us_status st = US_OK;
    bool inside = false; /* Discord's {Attachments}, {Reactions} */
    us_look_chat(r->options, d, &v);
    bool discord = strstr(v.about, "Discord") != NULL;
    us_buf_init(&t.speaker, max);
    us_buf_init(&t.text, max);
    while (!st && us_lines_next(&l)) {
        us_span_str line = us_trim(l.text);
        us_doc_done(d, l.at);
        if (head_of(l.text, &h)) {
            if (!discord) h.below = false;
            inside = false;
            st = message(&t, l.line, &h);
        } else if (!line.n) continue;
        else if (discord && line.s[0] == '{' && line.s[line.n - 1] == '}') inside = true;
        else if (discord && line.n > 8 && line.s[0] == '=' && line.s[line.n - 1] == '=')
            st = finish(&t); /* the frame around the head of an export */
        else if (!t.open) us_rows_action(r, l.line), st = r->status;
        else if (!inside) {
            st = t.text.len ? us_buf_append_str(&t.text, "\n", r->err) : US_OK;
            if (!st && us_buf_append(&t.text, line.s, line.n, r->err)) {
                us_rows_reject(r, t.line, "a message of more bytes than a cell may have");
                t.open = false;
                st = r->status;
            }
        }
    }
    if (!st) st = finish(&t);
    snprintf(r->about, sizeof r->about, "%s, %llu messages", v.about, (unsigned long long)t.messages);
    us_buf_fini(&t.speaker);
    us_buf_fini(&t.text);
    return st;
}
