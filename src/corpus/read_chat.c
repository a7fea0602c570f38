/* corpus/read_chat.c - chats as programs export them as text: WhatsApp of both platforms in many languages, Telegram's copied
 * messages, KakaoTalk, Discord, IRC.
 *
 *     [01/02/2024, 10:00:00] Ann: Good morning           iOS
 *     06.08.2016, 13:23 - Bob: Hey, all                  Android
 *     2024. 2. 1. 오전 10:00, 안나 : 안녕                 KakaoTalk
 *     Ann, [01.02.24 10:00]                              Telegram, the words in the lines below
 *     [01/02/2024 10:00] ann                             Discord, the words in the lines below
 *     ann — Today at 10:00 AM                            the same, copied from the window; Slack, WeChat, Otter
 *     10:00 < ann> hello                                 IRC, with any date or none
 *     10:00:00 From Ann to Everyone : hello              Zoom
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
    bool irc, dayless;       /* <ann> hello; only a clock in front */
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

/* Bytes of the digit at p, which may be an Arabic or a Persian one. */
static size_t digit_at(const char *p, const char *end, int *value) {
    if (p < end && *p >= '0' && *p <= '9') return *value = *p - '0', 1;
    if (end - p < 2 || ((unsigned char)*p != 0xd9 && (unsigned char)*p != 0xdb)) return 0;
    *value = (unsigned char)p[1] - ((unsigned char)*p == 0xd9 ? 0xa0 : 0xb0);
    return *value >= 0 && *value <= 9 ? 2 : 0;
}

static const char *number(const char *p, const char *end, int *out, int least, int most) {
    int n = 0, digit;
    size_t len;
    for (*out = 0; n < most && (len = digit_at(p, end, &digit)); p += len, n++) *out = *out * 10 + digit;
    return n >= least ? p : NULL;
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
    } words[] = {{"a.m.", 1},  {"p.m.", 2},   {"a. m.", 1}, {"p. m.", 2}, {"am", 1},   {"pm", 2},   {"上午", 1}, {"下午", 2},
                 {"午前", 1},  {"午後", 2},   {"오전", 1},  {"오후", 2},  {"凌晨", 1}, {"早上", 1}, {"中午", 2}, {"晚上", 2},
                 {"vorm.", 1}, {"nachm.", 2}, {"ص", 1},     {"م", 2},     {"π.μ.", 1}, {"μ.μ.", 2}};
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
    const char *q = number(p, end, &h, 1, 2);
    if (!q || q >= end || (*q != ':' && *q != '.') || !(p = number(q + 1, end, &m, 2, 2)) || h > 24 || m > 59) return NULL;
    if (p < end && (*p == ':' || *p == '.') && (q = number(p + 1, end, &s, 2, 2))) p = q;
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

/* A date; where day and month stand does not matter for what is asked: how much later is the next one. */
static const char *date_at(const char *p, const char *end, int64_t *seconds) {
    int a, b, c;
    const char *q = number(p, end, &a, 1, 4), *middle;
    if (!q || !(q = date_gap(q, end)) || !((middle = number(q, end, &b, 1, 2)) || (middle = month(q, end, &b))) ||
        !(q = date_gap(middle, end)) || !(q = number(q, end, &c, 1, 4)))
        return NULL;
    const char *gap = date_gap(q, end);
    if (gap) q = gap;           /* "2024. 2. 1. " and "1일" */
    if (q < end && *q == '(') { /* the day of the week */
        const char *close = memchr(q, ')', end - q < 12 ? (size_t)(end - q) : 12);
        if (close) q = close + 1;
    }
    int year = a > 31 ? a : c, day = a > 31 ? c : a;
    if (year < 100) year += 2000;
    *seconds = ((int64_t)year * 372 + b * 31 + day) * 86400; /* the same for the same day, larger for a later one, mostly */
    return q;
}

/* A date and a clock. */
static const char *moment(const char *p, const char *end, int64_t *out) {
    int s;
    int64_t day;
    const char *q = date_at(p, end, &day);
    if (!q) return NULL;
    q = blanks(q, end);
    const char *comma = word(q, end, "،");
    if (comma) q = comma;
    else if (q < end && (*q == ',' || *q == 'T')) q++; /* 2024-03-12T10:15 */
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
    *out = day + s;
    return q;
}

/* ---- one line ----------------------------------------------------------------------------------------------------------- */

static us_span_str rest_of(const char *p, const char *end) { return us_trim((us_span_str){p, (size_t)(end - p)}); }

/* Is a quotation open at the end? */
static bool in_quotes(const char *p, const char *end) {
    int straight = 0, curly = 0;
    for (; p < end; p++) {
        straight += *p == '"';
        if (end - p >= 3 && (!memcmp(p, "\xe2\x80\x9c", 3) || !memcmp(p, "\xe2\x80\x9e", 3))) curly++;
        else if (end - p >= 3 && !memcmp(p, "\xe2\x80\x9d", 3)) curly--;
        else if (end - p >= 2 && !memcmp(p, "\xc2\xab", 2)) curly++;
        else if (end - p >= 2 && !memcmp(p, "\xc2\xbb", 2)) curly--;
    }
    return straight % 2 || curly > 0;
}

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
    if (in_quotes(p, colon)) { /* Ann changed the subject to "Ducks: part two" */
        h->words = rest_of(p, end);
        return;
    }
    p = blanks(p, end);
    while (p < colon && (*p == '~' || *p == ' ')) p++; /* who is not in the address book */
    p = blanks(p, colon);
    h->name = rest_of(p, colon);
    h->words = (us_span_str){colon + gap, (size_t)(end - colon) - gap};
}

static us_span_str nick(us_span_str s) { /* without the marks of rank */
    while (s.n && strchr(" @+%&~!", *s.s)) s.s++, s.n--;
    return us_trim(s);
}

/* Behind the time of a line of IRC or of a meeting's chat: "<@ann> hello", "* ann waves", "-!- ann has left", "ann<tab>hello",
 * "From Ann to Everyone : hello". */
static bool talk_of(const char *p, const char *end, head *h) {
    static const char *const programs[] = {"* ", "*\t", "***", "-!-", "-->", "<--", "--\t", "== ", "---", "\xe2\x86\x92"};
    bool tab = p < end && *p == '\t';
    us_span_str rest = rest_of(p, end);
    end = rest.s + rest.n;
    h->irc = true;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (word(rest.s, end, programs[i])) return h->words = rest, true;
    const char *close = rest.n && *rest.s == '<' ? memchr(rest.s, '>', rest.n < 60 ? rest.n : 60) : NULL;
    if (close) {
        h->name = nick((us_span_str){rest.s + 1, (size_t)(close - rest.s) - 1});
        h->words = rest_of(close + 1, end);
        return h->name.n > 0;
    }
    const char *from = word(rest.s, end, "From "), *to = from ? memmem(from, (size_t)(end - from), " to ", 4) : NULL,
               *colon = to ? memchr(to, ':', (size_t)(end - to)) : NULL;
    if (colon) return h->name = rest_of(from, to), h->words = rest_of(colon + 1, end), h->name.n > 0;
    const char *next = tab ? memchr(rest.s, '\t', rest.n) : NULL;
    if (next && next - rest.s < 40)
        return h->name = nick((us_span_str){rest.s, (size_t)(next - rest.s)}), h->words = rest_of(next, end), true;
    return h->irc = false;
}

static us_span_str name_of(us_span_str s) { /* what is short, and neither a number nor a sentence; else nothing */
    size_t words = 1;
    int digit;
    while (s.n && strchr(" -|,(:\t", s.s[s.n - 1])) s.n--;
    for (bool more = true; more;) {
        us_span_str t = us_trim(s);
        more = false;
        for (int k = 0; k < 3; k++) {
            static const char *const marks[] = {"\xe2\x80\x94", "\xe2\x80\x93", "\xc2\xb7"};
            size_t n = strlen(marks[k]);
            if (t.n > n && !memcmp(t.s + t.n - n, marks[k], n)) t.n -= n, more = true;
        }
        s = t;
    }
    if (s.n && s.s[s.n - 1] == ')') { /* 小红(12345678) */
        const char *open = memrchr(s.s, '(', s.n);
        if (open && digit_at(open + 1, s.s + s.n, &digit)) s = us_trim((us_span_str){s.s, (size_t)(open - s.s)});
    }
    for (size_t i = 0; i < s.n; i++) words += s.s[i] == ' ';
    int unused;
    const char *date = month(s.s, s.s + s.n, &unused); /* "Mar 12, 2024" */
    bool no = !s.n || (date && digit_at(blanks(date, s.s + s.n), s.s + s.n, &digit)) || s.n > 60 || words > 5 ||
              digit_at(s.s, s.s + s.n, &digit) || memchr(s.s, ':', s.n) || strchr(".?!,;([*>#", s.s[s.n - 1]) ||
              strchr("([*>#-", *s.s);
    return no ? (us_span_str){0} : s;
}

/* "Today at 10:15 AM", "12.03.2024, 10:15", "1:02:15": up to the end of the line. */
static bool is_when(const char *p, const char *end, int64_t *out) {
    static const char *const days[] = {
        "today at ",      "yesterday at ", "heute um ",   "gestern um ", "aujourd\xe2\x80\x99hui \xc3\xa0 ",
        "hier \xc3\xa0 ", "hoy a las ",    "ayer a las ", "сегодня, в ", "сегодня в ",
        "вчера, в ",      "вчера в ",      "Сегодня, в ", "Сегодня в ",  "Вчера, в ",
        "Вчера в "};
    int s;
    const char *q = moment(p, end, out);
    for (size_t i = 0; i < sizeof days / sizeof *days && !q; i++)
        if ((q = word(p, end, days[i])) && (q = clock_at(q, end, &s))) *out = s;
    if (!q && (q = clock_at(p, end, &s))) *out = s;
    const char *dash = q ? blanks(q, end) : NULL; /* 00:03 - 00:10 */
    if (dash && dash < end && *dash == '-' && clock_at(dash + 1, end, &s)) q = clock_at(dash + 1, end, &s);
    if (q && q < end && *q == ')') q++;
    return q && blanks(q, end) == end;
}

/* A name and a time alone on a line, above the words: "ann — Today at 10:15 AM", "Ann Smith  10:15 AM", "2024-03-12 10:15:00 小明". */
static bool stamp_of(us_span_str line, head *h) {
    us_span_str t = us_trim(line);
    const char *end = t.s + t.n, *q;
    *h = (head){.seconds = -1};
    if ((q = moment(t.s, end, &h->seconds))) return (h->name = name_of(rest_of(q, end))).n > 0;
    for (const char *p = t.s; p < end && p - t.s < 80; p++)
        if (strchr(" \t(", *p) && is_when(blanks(p + (*p == '('), end), end, &h->seconds))
            return (h->name = name_of((us_span_str){t.s, (size_t)(p - t.s)})).n > 0;
    return false;
}

static bool head_of(us_span_str line, head *h) {
    const char *p = line.s, *end = line.s + line.n, *q;
    int s;
    *h = (head){.seconds = -1};
    p = blanks(p, end);
    if (p < end && *p == '[') {
        if (!(q = moment(blanks(p + 1, end), end, &h->seconds))) {
            if (!(q = clock_at(p + 1, end, &s))) return false; /* [10:00] <ann> Hi */
            h->seconds = s;
        }
        q = blanks(q, end);
        if (word(q, end, "UTC") || word(q, end, "GMT")) q = blanks(q + 3, end);
        if (q >= end || *q != ']') return false;
        q = blanks(q + 1, end);
        us_span_str rest = rest_of(q, end);
        if (rest.n && strchr("<*", *rest.s) && talk_of(rest.s, end, h)) return true;
        name_and_words(q, end, h);
        if (!h->name.n && rest.n && rest.n < 60) h->below = true;
        return true;
    }
    if ((q = moment(p, end, &h->seconds)) && talk_of(q, end, h)) return true;
    if (!q) { /* without a day, or "Mar 12 10:15:00" */
        int day, unused;
        const char *after = month(p, end, &unused);
        if (after && (after = number(blanks(after, end), end, &day, 1, 2))) p = blanks(after, end);
        if ((after = clock_at(p, end, &s)) && talk_of(after, end, h)) return h->seconds = s, h->dayless = true;
    } else {
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
                                         "[スタンプ]",
                                         "[写真]",
                                         "[動画]",
                                         "[sticker]",
                                         "[photo]",
                                         "[video]",
                                         "[ photo ]",
                                         "[ sticker ]",
                                         "photo",
                                         "sticker",
                                         "voice message",
                                         "ta wiadomość została usunięta",
                                         "usunięto tę wiadomość",
                                         "usunięto wiadomość",
                                         "usunąłeś tę wiadomość",
                                         "bu mesaj silindi",
                                         "bu mesajı sildiniz",
                                         "تم حذف هذه الرسالة",
                                         "لقد حذفت هذه الرسالة",
                                         "dit bericht is verwijderd",
                                         "je hebt dit bericht verwijderd",
                                         "afbeelding weggelaten",
                                         "hai eliminato questo messaggio",
                                         "você apagou esta mensagem",
                                         "essa mensagem foi apagada",
                                         "apagaste esta mensagem",
                                         "vous avez supprimé ce message",
                                         "tato zpráva byla smazána",
                                         "tuto zprávu jste smazali",
                                         "a mensagem foi apagada",
                                         "det här meddelandet har raderats",
                                         "det här meddelandet raderades",
                                         "du raderade det här meddelandet",
                                         "denne besked blev slettet",
                                         "denne meldingen ble slettet",
                                         "tämä viesti poistettiin",
                                         "ezt az üzenetet törölték",
                                         "acest mesaj a fost șters",
                                         "це повідомлення видалено",
                                         "ви видалили це повідомлення",
                                         "αυτό το μήνυμα διαγράφηκε",
                                         "הודעה זו נמחקה",
                                         "यह मैसेज डिलीट कर दिया गया",
                                         "pesan ini telah dihapus",
                                         "tin nhắn này đã bị xóa",
                                         "このメッセージは削除されました",
                                         "이 메시지는 삭제되었습니다",
                                         "삭제된 메시지입니다.",
                                         "此消息已删除",
                                         "此訊息已刪除",
                                         "您已删除此消息",
                                         "你撤回了一条消息",
                                         "image omise",
                                         "vidéo omise",
                                         "missed group call",
                                         "silent voice call",
                                         "entgangener sprachanruf",
                                         "verpasster sprachanruf",
                                         "verpasster videoanruf",
                                         "appel vocal manqué",
                                         "llamada perdida",
                                         "пропущенный аудиозвонок",
                                         "пропущенный видеозвонок"};
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

/* Do the names stand above the words? Then they come again, with words below. */
static double stamped_share(const us_doc *d) {
    US_TALLY names = {0};
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    size_t stamps = 0, lines = 0, empty = 0;
    bool above = false;
    head h;
    names.n = names.total = 0;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        if (!t.n) continue;
        bool stamp = stamp_of(t, &h);
        lines++;
        stamps += stamp;
        empty += above && stamp;
        above = stamp;
        if (stamp) us_tally_add(&names, h.name);
    }
    return stamps > 2 && empty * 5 < stamps && names.n < names.total ? (double)stamps / (double)lines : 0;
}

void us_look_chat(const us_script_options *o, const us_doc *d, us_view *view) {
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    head h;
    size_t heads = 0, named = 0, below = 0, lines = 0, brackets = 0, before = 0, irc = 0;
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
        irc += h.irc;
        below += h.below || (h.name.n && !us_trim(h.words).n);
        brackets += *t.s == '[';
    }
    double share = heads && before <= 12 && (named || below) ? (double)heads / (double)lines : 0, stamped = stamped_share(d);
    if (stamped > share && stamped > 0.15) {
        view->fit = 0.9;
        snprintf(view->about, sizeof view->about, "chat (names and times above the words)");
        return;
    }
    view->fit = share > 0.3 ? 0.97 : share > 0.1 ? 0.8 : 3 * share;
    snprintf(view->about, sizeof view->about, "%s",
             irc * 2 > heads        ? "chat (IRC, or of a meeting)"
             : below * 2 > heads    ? "chat (Telegram or Discord, as text)"
             : brackets * 2 > heads ? "chat (WhatsApp of iOS)"
                                    : "chat (WhatsApp of Android)");
}

typedef struct talk {
    us_rows *r;
    us_buf speaker, text;
    uint32_t line, scene;
    int64_t last, day; /* day: of a line that is nothing but a date */
    bool open, media;
    uint64_t messages;
} talk;

static us_status finish(talk *t) {
    us_span_str cells[US_N_CELLS] = {{0}};
    char scene[24];
    if (!t->open) return US_OK;
    t->open = false;
    us_span_str words = {t->text.data ? t->text.data : "", t->text.len};
    if (words.n > 2 && words.s[0] == '"' && words.s[words.n - 1] == '"' && memchr(words.s, '\n', words.n))
        words = (us_span_str){words.s + 1, words.n - 2}; /* LINE: several lines stand in quotes */
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

/* "2024/03/13(水)", "--- Day changed Wed Mar 13 2024": the days of a log. */
static bool is_day(us_span_str t, int64_t *day) {
    const char *end = t.s + t.n, *q = date_at(t.s, end, day);
    if (q) return end - blanks(q, end) < 12 && !memchr(q, ':', (size_t)(end - q));
    return t.n > 4 && (!memcmp(t.s, "--- ", 4) || !memcmp(t.s, "*** ", 4));
}

/* "[10:16 AM]" and ":thumbsup: 2" among somebody's words: the window's own. */
static bool is_beside(us_span_str t) {
    int s;
    const char *end = t.s + t.n, *q = *t.s == '[' ? clock_at(t.s + 1, end, &s) : NULL;
    if (q && q + 1 == end && *q == ']') return true;
    size_t i = 1;
    while (*t.s == ':' && i < t.n && (((t.s[i] | 32) >= 'a' && (t.s[i] | 32) <= 'z') || strchr("_+-0123456789", t.s[i]))) i++;
    bool emoji = *t.s == ':' && i > 2 && i < t.n && t.s[i] == ':';
    for (i++; emoji && i < t.n; i++) emoji = strchr(" 0123456789", t.s[i]) != NULL;
    return emoji;
}

static bool is_credit(us_span_str line) { /* "Transcribed by https://otter.ai" */
    char begin[40];
    snprintf(begin, sizeof begin, "%.*s", (int)(line.n < sizeof begin ? line.n : sizeof begin - 1), line.s);
    return us_is_credit("", begin);
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
    bool discord = strstr(v.about, "Discord") != NULL, irc = strstr(v.about, "IRC") != NULL,
         above = strstr(v.about, "above") != NULL;
    us_buf_init(&t.speaker, max);
    us_buf_init(&t.text, max);
    while (!st && us_lines_next(&l)) {
        us_span_str line = us_trim(l.text);
        us_doc_done(d, l.at);
        if (above ? stamp_of(line, &h) : head_of(l.text, &h)) {
            if (!discord) h.below = false;
            if (h.dayless) h.seconds += t.day;
            inside = false;
            st = message(&t, l.line, &h);
        } else if (!line.n) continue;
        else if (discord && line.s[0] == '{' && line.s[line.n - 1] == '}') inside = true;
        else if (discord && line.n > 8 && line.s[0] == '=' && line.s[line.n - 1] == '=')
            st = finish(&t); /* the frame around the head of an export */
        else if (above && t.open && is_beside(line)) continue;
        else if (above && is_credit(line)) {
            if (!(st = finish(&t))) us_rows_action(r, l.line), st = r->status;
        } else if (irc && is_day(line, &t.day)) {
            if (!(st = finish(&t))) us_rows_action(r, l.line), st = r->status; /* the log says when it was opened */
        } else if (!t.open) us_rows_action(r, l.line), st = r->status;
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
