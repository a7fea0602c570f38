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
 *     [안나] [오전 10:00] 안녕                            KakaoTalk of Windows
 *     Jan 05, 2024 10:00:00 AM                           iMessage (imessage-exporter): a line with the time, below it the name
 *     Ann                                                and the words; also name, time, words (VK, Slack's window)
 *
 * A line without a date goes on with the message before it. Media, deleted messages and what the program itself says are
 * actions. Messages that one person sends within a minute are one line; six silent hours begin a scene. */
#include "corpus/label.h"
#include "corpus/moment.h"
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

/* ---- one line ----------------------------------------------------------------------------------------------------------- */

static us_span_str rest_of(const char *p, const char *end) { return us_trim((us_span_str){p, (size_t)(end - p)}); }

static bool is_only(us_span_str t, const char *marks) {
    for (size_t i = 0; i < t.n; i++)
        if (!strchr(marks, t.s[i])) return false;
    return t.n > 0;
}

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

/* "**Ann:** Good morning", "__Ann__: ...": with Markdown's marks. */
static bool marked_name(const char *p, const char *end, head *h) {
    us_span_str rest = rest_of(p, end), direction;
    bool marked = rest.n > 4 && (!memcmp(rest.s, "**", 2) || !memcmp(rest.s, "__", 2));
    return marked && us_label_split(rest, &h->name, &direction, &h->words);
}

/* "Ann: Good morning"; a name has no colon in it, and what the program says mostly has none at all. */
static void name_and_words(const char *p, const char *end, head *h) {
    const char *colon = NULL;
    size_t gap = 2;
    if (marked_name(p, end, h)) return;
    for (const char *q = p; q + 1 < end && !colon && q - p < 120; q++)
        if (q[0] == ':' && (q[1] == ' ' || us_unseen_at(q + 1, end))) colon = q, gap = 1 + (q[1] == ' ');
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
    p = us_blanks_at(p, end);
    while (p < colon && (*p == '~' || *p == ' ')) p++; /* who is not in the address book */
    p = us_blanks_at(p, colon);
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
        if (us_word_at(rest.s, end, programs[i])) return h->words = rest, true;
    const char *close = rest.n && *rest.s == '<' ? memchr(rest.s, '>', rest.n < 60 ? rest.n : 60) : NULL;
    if (close) {
        h->name = nick((us_span_str){rest.s + 1, (size_t)(close - rest.s) - 1});
        h->words = rest_of(close + 1, end);
        return h->name.n > 0;
    }
    const char *from = us_word_at(rest.s, end, "From "), *colon = from ? memchr(from, ':', (size_t)(end - from)) : NULL,
               *to = colon ? memmem(from, (size_t)(colon - from), " to ", 4) : NULL;
    if (colon) return h->name = rest_of(from, to ? to : colon), h->words = rest_of(colon + 1, end), h->name.n > 0;
    const char *next = tab ? memchr(rest.s, '\t', rest.n) : NULL;
    if (next && next - rest.s < 40)
        return h->name = nick((us_span_str){rest.s, (size_t)(next - rest.s)}), h->words = rest_of(next, end), true;
    if (tab && rest.n) return h->words = rest, true; /* LINE: "Ann unsent a message." */
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
            if (t.n >= n && !memcmp(t.s + t.n - n, marks[k], n)) t.n -= n, more = true;
        }
        s = t;
    }
    if (s.n && s.s[s.n - 1] == ')') { /* 小红(12345678) */
        const char *open = memrchr(s.s, '(', s.n);
        if (open && us_digit_at(open + 1, s.s + s.n, &digit)) s = us_trim((us_span_str){s.s, (size_t)(open - s.s)});
    }
    for (size_t i = 0; i < s.n; i++) words += s.s[i] == ' ';
    int unused;
    const char *date = us_month_at(s.s, s.s + s.n, &unused); /* "Mar 12, 2024" */
    bool no = !s.n || (date && us_digit_at(us_blanks_at(date, s.s + s.n), s.s + s.n, &digit)) || s.n > 60 || words > 5 ||
              us_digit_at(s.s, s.s + s.n, &digit) || memchr(s.s, ':', s.n) || strchr(".?!,;([*>#", s.s[s.n - 1]) ||
              strchr("([*>#-", *s.s);
    return no ? (us_span_str){0} : s;
}

/* A name and a time alone on a line, above the words: "ann — Today at 10:15 AM", "Ann Smith  10:15 AM", "2024-03-12 10:15:00 小明". */
static bool stamp_of(us_span_str line, head *h) {
    us_span_str t = us_trim(line);
    const char *end = t.s + t.n, *q;
    *h = (head){.seconds = -1};
    if (t.n > 8 && *t.s == '[') { /* HappyScribe: "[00:00:03.450] - Ann" */
        const char *close = memchr(t.s, ']', t.n < 20 ? t.n : 20), *dash = close ? us_word_at(close + 1, end, " - ") : NULL;
        int s;
        if (!dash || !us_is_clocks((us_span_str){t.s, (size_t)(close - t.s) + 1}) || !us_clock_at(t.s + 1, end, &s))
            return false;
        h->seconds = s;
        return (h->name = name_of(rest_of(dash, end))).n > 0;
    }
    q = us_moment_at(t.s, end, &h->seconds);
    const char *read = q ? us_word_at(us_blanks_at(q, end), end, "(") : NULL,
               *close = read ? memchr(read, ')', (size_t)(end - read)) : NULL;
    if (close) q = close + 1; /* iMessage as a page: "Jan 05, 2024 10:15:12 AM (Read by them) Ann" */
    if (q) return (h->name = name_of(rest_of(q, end))).n > 0;
    for (const char *p = t.s; p < end && p - t.s < 80; p++)
        if (strchr(" \t(", *p) && us_is_when(us_blanks_at(p + (*p == '('), end), end, &h->seconds))
            return (h->name = name_of((us_span_str){t.s, (size_t)(p - t.s)})).n > 0;
    return false;
}

/* Pidgin: "(10:15:00 AM) Ann: Hi". Behind the bracket; NULL where neither a date nor half a day says that it is no reference. */
static const char *half_day_clock(const char *p, const char *end, head *h) {
    int s = 0;
    const char *q = us_moment_at(p + 1, end, &h->seconds), *digits = p + 1;
    while (digits < end && strchr("0123456789:.", *digits)) digits++;
    bool dayless = !q && (q = us_clock_at(p + 1, end, &s)) && q > digits;
    if (dayless) h->seconds = s, h->dayless = true;
    return q && q > digits && q < end && *q == ')' ? q + 1 : NULL;
}

/* KakaoTalk of Windows: "[안나] [오전 10:15] 안녕". Behind the second bracket, or NULL. */
static const char *name_then_clock(const char *p, const char *end, head *h) {
    int s;
    const char *close = memchr(p, ']', end - p < 80 ? (size_t)(end - p) : 80),
               *q = close ? us_word_at(close + 1, end, " [") : NULL;
    if (!q || !(q = us_clock_at(q, end, &s)) || q >= end || *q != ']') return NULL;
    h->name = rest_of(p + 1, close);
    h->seconds = s;
    h->dayless = true;
    return h->name.n ? q + 1 : NULL;
}

/* Minecraft: "[Render thread/INFO]: [CHAT] <Ann> Hi". Behind what the log has in brackets; p where it has nothing. */
static const char *behind_log_tags(const char *p, const char *end) {
    const char *from = p, *close;
    if (p >= end || *p != '[' || !(close = memchr(p, ']', end - p < 60 ? (size_t)(end - p) : 60)) ||
        !memchr(p, '/', (size_t)(close - p)))
        return from;
    while (p < end && *p == '[' && (close = memchr(p, ']', end - p < 60 ? (size_t)(end - p) : 60))) {
        const char *colon = us_word_at(close + 1, end, ":");
        p = us_blanks_at(colon ? colon : close + 1, end);
    }
    return p;
}

static bool head_of(us_span_str line, head *h) {
    const char *p = line.s, *end = line.s + line.n, *q;
    int s;
    *h = (head){.seconds = -1};
    p = us_blanks_at(p, end);
    if (p < end && *p == '(' && (q = half_day_clock(p, end, h))) return name_and_words(q, end, h), h->name.n > 0;
    if (p < end && *p == '[' && (q = name_then_clock(p, end, h))) return h->words = rest_of(q, end), true;
    if (p < end && *p == '[') {
        if (!(q = us_moment_at(us_blanks_at(p + 1, end), end, &h->seconds))) {
            if (!(q = us_clock_at(p + 1, end, &s))) return false; /* [10:00] <ann> Hi */
            h->seconds = s;
        }
        q = us_blanks_at(q, end);
        if (us_word_at(q, end, "UTC") || us_word_at(q, end, "GMT")) q = us_blanks_at(q + 3, end);
        if (q < end && *q == '|') { /* Skype: "| Edited 10:19:00 AM" */
            const char *close = memchr(q, ']', (size_t)(end - q));
            q = close ? close : q;
        }
        if (q >= end || *q != ']') return false;
        q = us_blanks_at(q + 1, end);
        const char *log = behind_log_tags(q, end);
        us_span_str rest = rest_of(log, end);
        if (log > q && (!rest.n || *rest.s != '<')) return h->words = rest, true; /* a program's log says what it does */
        if (rest.n && strchr("<*", *rest.s) && talk_of(rest.s, end, h)) return true;
        const char *close = rest.n > 3 && *rest.s == '(' ? memchr(rest.s, ')', rest.n < 40 ? rest.n : 40) : NULL;
        if (close && close + 1 < end && *q == '(') { /* [10:15](Ann) Hi */
            h->name = name_of((us_span_str){rest.s + 1, (size_t)(close - rest.s) - 1});
            h->words = rest_of(close + 1, end);
            if (h->name.n && h->words.n && *h->words.s != ':') return true;
        }
        name_and_words(q, end, h);
        if (!h->name.n && rest.n && rest.n < 60) h->below = true;
        return true;
    }
    if ((q = us_moment_at(p, end, &h->seconds)) && talk_of(q, end, h)) return true;
    if (!q) { /* without a day, or "Mar 12 10:15:00" */
        int day, unused;
        const char *after = us_month_at(p, end, &unused);
        if (after && (after = us_number_at(us_blanks_at(after, end), end, &day, 1, 2))) p = us_blanks_at(after, end);
        if ((after = us_clock_at(p, end, &s)) && talk_of(after, end, h)) return h->seconds = s, h->dayless = true;
    } else {
        q = us_blanks_at(q, end);
        const char *after = NULL;
        static const char *const gaps[] = {"- ", "\xe2\x80\x93 ", "\xe2\x80\x94 ", ", ", "| ", ": "};
        for (size_t i = 0; i < sizeof gaps / sizeof *gaps && !after; i++) after = us_word_at(q, end, gaps[i]);
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
    if (open && (q = us_moment_at(open + 3, end, &h->seconds)) && q < end && *q == ']') {
        us_span_str rest = rest_of(q + 1, end);
        h->name = rest_of(line.s, open);
        h->words = (us_span_str){rest.s + (rest.n && *rest.s == ':'), rest.n - (rest.n && *rest.s == ':')};
        return h->name.n > 0;
    }
    return false;
}

/* "ann#1234", as Discord wrote names. */
static us_span_str without_tag(us_span_str name) {
    if (name.n > 9 && !memcmp(name.s + name.n - 9, " (pinned)", 9)) name.n -= 9;
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

/* How a name and its time stand above the words: in one line, the name first and the time below it (VK, Slack's window), or the time
 * first (iMessage, Premiere). */
typedef enum stamp_kind { STAMPS_LINE, STAMPS_NAME_FIRST, STAMPS_TIME_FIRST, N_STAMPS } stamp_kind;

/* "Jan 05, 2024 10:15:12 AM (Read by them after 2 minutes)", "00:00:01:05 - 00:00:03:10": a time alone. */
static bool is_time_line(us_span_str t, int64_t *seconds) {
    const char *end = t.s + t.n, *q = us_moment_at(t.s, end, seconds);
    us_span_str rest = q ? rest_of(q, end) : (us_span_str){0};
    int s;
    if (!t.n) return false;
    if (rest.n && *rest.s == '(' && rest.s[rest.n - 1] == ')') return true;
    if (us_is_clocks(t)) return *seconds = us_clock_at(t.s + (strchr("[(", *t.s) != NULL), end, &s) ? s : -1, true;
    return us_is_when(t.s, end, seconds);
}

/* The stamp that begins with the line that was just read; the second of its lines is taken from l. */
static bool stamp_at(us_lines *l, stamp_kind kind, head *h) {
    us_span_str t = us_trim(l->text), below;
    us_lines ahead = *l;
    if (kind == STAMPS_LINE) return stamp_of(t, h);
    *h = (head){.seconds = -1};
    if (!t.n || t.n > 100 || !us_lines_next(&ahead)) return false;
    below = us_trim(ahead.text);
    us_span_str when = kind == STAMPS_NAME_FIRST ? below : t, name = kind == STAMPS_NAME_FIRST ? t : below;
    bool plus = name.n > 5 && *name.s == '+' && is_only(name, "+0123456789 ()-"); /* a number of a telephone */
    if (!is_time_line(when, &h->seconds)) return false;
    if (kind == STAMPS_NAME_FIRST && us_is_clocks(when)) return false; /* a screenplay's reader knows these */
    h->name = plus ? name : name_of(name);
    if (!h->name.n) return false;
    *l = ahead;
    return true;
}

/* "\u2014 Today at 10:16 PM": Discord's line below the name of a program. */
static bool time_behind_dash(us_span_str t, int64_t *seconds) {
    if (t.n < 6 || memcmp(t.s, "\xe2\x80\x94", 3)) return false;
    us_span_str rest = us_trim((us_span_str){t.s + 3, t.n - 3});
    return us_is_when(rest.s, rest.s + rest.n, seconds);
}

/* Do the names stand above the words? Then they come again, with words below. */
static double stamped_share(const us_doc *d, stamp_kind kind) {
    US_TALLY names = {0};
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    size_t stamps = 0, lines = 0, empty = 0;
    bool above = false;
    head h;
    names.n = names.total = 0;
    while (us_lines_next(&l)) {
        if (!us_trim(l.text).n) continue;
        us_span_str t = us_trim(l.text);
        bool stamp = stamp_at(&l, kind, &h), bare = !stamp && kind == STAMPS_LINE && time_behind_dash(t, &h.seconds);
        lines++;
        stamps += stamp + bare;
        empty += above && stamp;
        above = stamp;
        if (stamp) us_tally_add(&names, h.name);
    }
    bool again = kind == STAMPS_LINE ? names.n < names.total : names.n * 3 <= names.total * 2;
    return stamps > 2 && empty * 5 < stamps && again ? (double)stamps / (double)lines : 0;
}

/* Of the ways to stand above the words the most frequent, and its share of the lines. */
static double best_stamps(const us_doc *d, stamp_kind *kind) {
    double best = 0;
    for (int k = 0; k < N_STAMPS; k++) {
        double share = stamped_share(d, (stamp_kind)k);
        if (share > best) best = share, *kind = (stamp_kind)k;
    }
    return best;
}

/* How the document looks. *kind: of which kind the stamps are, where names stand above the words; else as it was. */
static void look(const us_doc *d, us_view *view, stamp_kind *kind) {
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    head h;
    size_t heads = 0, named = 0, below = 0, lines = 0, brackets = 0, before = 0, irc = 0;
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
    stamp_kind stamps = STAMPS_LINE;
    double share = heads && before <= 12 && (named || below) ? (double)heads / (double)lines : 0,
           stamped = best_stamps(d, &stamps);
    if (stamped > share && stamped > 0.15) {
        *kind = stamps;
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

void us_look_chat(const us_script_options *o, const us_doc *d, us_view *view) {
    stamp_kind unused;
    (void)o;
    look(d, view, &unused);
}

typedef struct talk {
    us_rows *r;
    us_buf speaker, text;
    uint32_t line, scene;
    int64_t last, day;     /* day: of a line that is nothing but a date */
    bool open, media, app; /* app: the program itself wrote it */
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
        (us_unseen_at(open - 3 > w.s ? open - 3 : w.s, open) || (memmem(open, (size_t)(w.s + w.n - open), "edit", 4)) ||
         memmem(open, (size_t)(w.s + w.n - open), "bearbeitet", 10) || memmem(open, (size_t)(w.s + w.n - open), "измен", 10));
    return mark ? us_trim((us_span_str){w.s, (size_t)(open - w.s)}) : w;
}

/* A line more of the message that is open. */
static us_status put_words(talk *t, us_span_str words) {
    us_status st = t->text.len ? us_buf_append_str(&t->text, "\n", t->r->err) : US_OK;
    if (!st) st = us_buf_append(&t->text, words.s, words.n, t->r->err);
    if (st != US_ERR_LIMIT) return st;
    us_rows_reject(t->r, t->line, "a message of more bytes than a cell may have");
    t->open = false;
    return t->r->status;
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
    t->last = h->seconds;
    t->messages++;
    if (burst) return put_words(t, words);
    us_status st = finish(t);
    if (st) return st;
    t->scene += silent;
    t->open = true;
    t->media = media;
    t->app = app;
    t->line = line;
    us_buf_clear(&t->speaker);
    us_buf_clear(&t->text);
    st = us_buf_append(&t->speaker, name.s ? name.s : "", name.n, err);
    return st ? st : put_words(t, words);
}

/* "2024/03/13(水)", "--- Day changed Wed Mar 13 2024", "------- 2024년 1월 5일 금요일 -------": the days of a log. */
static bool is_day(us_span_str t, int64_t *day) {
    if (t.n > 4 && (!memcmp(t.s, "--- ", 4) || !memcmp(t.s, "*** ", 4))) return true;
    while (t.n && *t.s == '-') t.s++, t.n--;
    while (t.n && t.s[t.n - 1] == '-') t.n--;
    t = us_trim(t);
    const char *end = t.s + t.n, *q = us_date_at(t.s, end, day);
    return q && end - us_blanks_at(q, end) < 12 && !memchr(q, ':', (size_t)(end - q));
}

/* "[10:16 AM]", "10:16" and ":thumbsup: 2" among somebody's words: the window's own. */
static bool is_beside(us_span_str t) {
    static const char *const notices[] = {"started transcription", "stopped transcription",
                                          "This message responded to an earlier message."};
    int s;
    const char *end = t.s + t.n, *q = *t.s == '[' ? us_clock_at(t.s + 1, end, &s) : NULL;
    if ((q && q + 1 == end && *q == ']') || us_is_clocks(t)) return true;
    for (size_t i = 0; i < sizeof notices / sizeof *notices; i++)
        if (t.n >= strlen(notices[i]) && !memcmp(end - strlen(notices[i]), notices[i], strlen(notices[i]))) return true;
    size_t i = 1;
    while (*t.s == ':' && i < t.n && (((t.s[i] | 32) >= 'a' && (t.s[i] | 32) <= 'z') || strchr("_+-0123456789", t.s[i]))) i++;
    bool emoji = *t.s == ':' && i > 2 && i < t.n && t.s[i] == ':';
    for (i++; emoji && i < t.n; i++) emoji = strchr(" 0123456789", t.s[i]) != NULL;
    return emoji;
}

/* "~/Library/Messages/Attachments/ab/IMG_42.HEIC": a file that was sent stands as its path. */
static bool is_path(us_span_str t) {
    const char *dot = memrchr(t.s, '.', t.n);
    bool from = *t.s == '/' || (t.n > 2 && !memcmp(t.s, "~/", 2)) || (t.n > 12 && !memcmp(t.s, "attachments/", 12));
    return from && dot && t.s + t.n - dot < 6 && memchr(t.s + 1, '/', t.n - 1);
}

/* A line of somebody's words. What stands below a picture was written under it. */
static us_status put_line(talk *t, us_span_str line) {
    if (t->media && !t->app) t->media = false, us_buf_clear(&t->text);
    return put_words(t, line);
}

/* Discord: a program's name, "BOT" below it, and below that "\u2014 Today at 10:16 PM": the name was taken for the last line of who spoke
 * before. It is taken back; false: there is none. */
static bool name_above(talk *t, us_span_str line, head *h, us_buf *name) {
    us_span_str words = {t->text.data ? t->text.data : "", t->text.len};
    *h = (head){.seconds = -1};
    if (!t->open || !time_behind_dash(line, &h->seconds)) return false;
    for (int k = 0; k < 2; k++) {
        const char *nl = words.n ? memrchr(words.s, '\n', words.n) : NULL;
        us_span_str last = us_trim(nl ? (us_span_str){nl + 1, (size_t)(words.s + words.n - nl) - 1} : words);
        words.n = nl ? (size_t)(nl - words.s) : 0;
        if (!k && last.n == 3 && (!memcmp(last.s, "BOT", 3) || !memcmp(last.s, "APP", 3))) continue;
        us_buf_clear(name);
        if (!last.n || us_buf_append(name, last.s, last.n, t->r->err)) return false;
        t->text.len = words.n;
        if (t->text.data) t->text.data[words.n] = 0;
        h->name = (us_span_str){name->data, name->len};
        return true;
    }
    return false;
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
    bool inside = false, dayless = false, emoji = false; /* inside: Discord's {Attachments}, {Reactions} */
    stamp_kind kind = STAMPS_LINE;
    look(d, &v, &kind);
    bool discord = strstr(v.about, "Discord") != NULL, irc = strstr(v.about, "IRC") != NULL,
         above = strstr(v.about, "above") != NULL, empty = false;
    us_buf owner;
    us_buf_init(&owner, 4096);
    us_buf_init(&t.speaker, max);
    us_buf_init(&t.text, max);
    while (!st && us_lines_next(&l)) {
        us_span_str line = us_trim(l.text);
        uint32_t at = l.line;
        bool gap = empty;
        empty = !line.n;
        us_doc_done(d, l.at);
        if (above ? stamp_at(&l, kind, &h) || name_above(&t, line, &h, &owner) : head_of(l.text, &h)) {
            if (!discord) h.below = false;
            if (h.dayless) h.seconds += t.day, dayless = true;
            inside = false;
            st = message(&t, at, &h);
        } else if (!line.n) {
            inside = inside && discord;
            continue;
        } else if (above && line.n == 9 && !memcmp(line.s, "Tapbacks:", 9)) inside = true; /* hearts of iMessage */
        else if (discord && line.s[0] == '{' && line.s[line.n - 1] == '}') inside = true;
        else if (discord && line.n > 8 && line.s[0] == '=' && line.s[line.n - 1] == '=')
            st = finish(&t); /* the frame around the head of an export */
        else if (above && t.open && is_beside(line)) emoji = *line.s == ':';
        else if (emoji && is_only(line, "0123456789")) emoji = false; /* so many chose it */
        else if (kind == STAMPS_TIME_FIRST && (is_path(line) || us_moment_at(line.s, line.s + line.n, &t.day))) {
            bool path = is_path(line); /* else "Jan 5, 2024 10:15 AM You named the conversation Ducks" */
            if (path && t.open && t.text.len) continue;
            if (path && t.open) t.media = true;
            else if (!(st = finish(&t))) us_rows_action(r, l.line), st = r->status;
        } else if (above && is_credit(line)) {
            if (!(st = finish(&t))) us_rows_action(r, l.line), st = r->status;
        } else if ((irc || dayless || (gap && !above)) && is_day(line, &t.day)) {
            if (!(st = finish(&t))) us_rows_action(r, l.line), st = r->status; /* the log says when it was opened */
        } else if (!t.open) us_rows_action(r, l.line), st = r->status;
        else if (!inside) st = put_line(&t, line);
    }
    if (!st) st = finish(&t);
    snprintf(r->about, sizeof r->about, "%s, %llu messages", v.about, (unsigned long long)t.messages);
    us_buf_fini(&t.speaker);
    us_buf_fini(&t.text);
    us_buf_fini(&owner);
    return st;
}
