/* corpus/columns.c - which column is which: by the options, else by the names that scripts on the web use, else by content.
 *
 * Names are compared without case, blanks and punctuation, so that "Character name", "character_name" and "CharacterName" are
 * one. */
#include "corpus/script.h"
#include "base/utf8.h"
#include "text/fold.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bare names (see bare()), the likeliest first, '|' after each. English, Russian, German, French, Spanish, Portuguese,
 * Italian, Polish, Chinese, Japanese, Korean. */
static const char *const known[US_N_CELLS] = {
    "rawcharactertext|character|speaker|speakers|charactername|speakername|name|char|who|role|rolename|actor|player|person|"
    "personscene|"
    "personname|personscenes|persona|author|from|fromname|sender|sendername|username|user|nick|nickname|saidby|spokenby|cast|"
    "characters|"
    "speakerid|speakeridx|dialoguespeaker|displayname|creator|agent|speakerlabel|handle|"
    "commenter|senderid|"
    "персонаж|герой|говорящий|спикер|роль|действующеелицо|имя|имяперсонажа|кто|автор|отправитель|"
    "figur|sprecher|sprecherin|rolle|charakter|personname|wer|absender|"
    "personnage|locuteur|interlocuteur|rôle|nom|qui|auteur|expéditeur|"
    "personaje|hablante|interlocutor|rol|nombre|quién|autor|remitente|"
    "personagem|falante|locutor|papel|nome|quem|remetente|"
    "karaktär|rollfigur|hahmo|roolihenkilö|szereplő|personaj|personatge|replikant|χαρακτήρασ|πρόσωπο|дійоваособа|дійовіособи|"
    "lik|lika|"
    "الشخصية|المتحدث|شخصیت|گوینده|דמות|דובר|पात्र|वक्ता|ตัวละคร|ผู้พูด|nhânvật|ngườinói|tokoh|pembicara|"
    "personaggio|parlante|ruolo|chi|mittente|postać|mówca|rola|osoba|imię|postava|kişi|karakter|konuşmacı|personage|spreker|"
    "角色|角色名|人物|说话人|說話人|发言人|發言人|说话者|說話者|讲话人|姓名|名字|名称|发送者|说话角色|"
    "キャラクター|キャラ|キャラクター名|話者|話し手|発話者|発言者|役名|役|登場人物|名前|人物名|"
    "등장인물|화자|인물|캐릭터|이름|역할|발화자|",
    "spokenwords|characterwords|linetext|line|lines|text|dialogue|dialog|dialogues|utterance|words|spokenline|transcript|"
    "sentence|content|quote|quotes|"
    "message|messages|mes|says|playerline|body|speech|said|phrase|saying|statement|subtitle|caption|script|scriptline|comment|"
    "value|"
    "response|"
    "rawtext|transcription|parts|msg|utt|txt|"
    "реплика|реплики|текст|текстреплики|фраза|слова|диалог|сообщение|речь|строка|"
    "zeile|satz|replik|dialogtext|äußerung|aussage|rede|nachricht|sprechtext|gesprochenertext|"
    "réplique|répliques|texte|paroles|parole|énoncé|tirade|"
    "texto|diálogo|diálogos|línea|frase|réplica|mensaje|palabras|parlamento|guion|"
    "fala|falas|linha|mensagem|palavras|"
    "replikk|repliikki|vuorosana|szöveg|replică|replici|diàleg|ατάκα|διάλογοσ|κείμενο|репліка|репліки|текстрепліки|"
    "الحوار|النص|دیالوگ|متن|טקסט|משפט|संवाद|वाक्य|บทพูด|ข้อความ|lờithoại|câuthoại|ucapan|percakapan|"
    "battuta|battute|testo|dialogo|dialoghi|messaggio|kwestia|tekst|wypowiedź|dialogi|replika|metin|söz|replik|repliek|"
    "台词|台詞|对白|對白|对话|對話|文本|内容|內容|话语|句子|消息|发言|發言|"
    "セリフ|せりふ|テキスト|本文|発話|発言|会話|メッセージ|"
    "대사|텍스트|내용|발화|메시지|",
    "episode|episodeno|episodeid|episodenumber|episodenum|episodename|episodetitle|ep|eps|epno|epnumber|epnum|chapter|"
    "chapternum|movie|movietitle|"
    "film|play|title|book|эпизод|серия|номерсерии|фильм|глава|folge|folgentitel|épisode|episodio|capítulo|episódio|odcinek|"
    "bölüm|aflevering|"
    "集|集数|第几集|话数|章节|エピソード|話数|第何話|話|에피소드|회차|",
    "season|seasonno|seasonid|seasonnumber|seasonnum|series|сезон|staffel|saison|temporada|stagione|sezon|seizoen|季|季数|"
    "シーズン|期|시즌|",
    "scene|sceneid|sceneno|scenenumber|scenenum|scenename|conversationid|dialogueid|dialogid|convid|sessionid|"
    "сцена|номерсцены|szene|scène|escena|cena|scena|sahne|scène|场|场景|场次|幕|シーン|場面|장면|씬|",
};
static const char *const what[US_N_CELLS] = {"speaker", "text", "episode", "season", "scene"};

/* Without case, blanks and punctuation. */
static bool bare(const char *s, size_t n, us_buf *out) {
    char text[256];
    if (n >= sizeof text) n = sizeof text - 1;
    memcpy(text, s, n);
    text[n] = 0;
    if (!us_fold_case(text, out)) return false;
    size_t k = 0;
    for (size_t i = 0; i < out->len; i++)
        if (!strchr(" \t\r\n_-.,:;#\"'()[]*?/", out->data[i])) out->data[k++] = out->data[i];
    out->len = k;
    if (out->data) out->data[k] = 0;
    return true;
}

/* The place of a bare name in a list: 1 and up; 0: not there. */
static size_t place_in(const char *list, const us_buf *name) {
    size_t place = 1;
    if (!name->len) return 0;
    for (const char *p = list, *end; (end = strchr(p, '|')); p = end + 1, place++)
        if ((size_t)(end - p) == name->len && !memcmp(p, name->data, name->len)) return place;
    return 0;
}

static int given_column(const char *want, const us_span_str *header, size_t n) {
    us_buf a, b;
    int at = -1;
    char *end;
    us_buf_init(&a, 4096);
    us_buf_init(&b, 4096);
    if (bare(want, strlen(want), &a))
        for (size_t i = 0; i < n && at < 0; i++)
            if (bare(header[i].s, header[i].n, &b) && a.len == b.len && a.len && !memcmp(a.data, b.data, a.len)) at = (int)i;
    us_buf_fini(&a);
    us_buf_fini(&b);
    long number = strtol(want, &end, 10);
    if (at < 0 && !*end && number >= 1 && (size_t)number <= n) at = (int)number - 1;
    return at;
}

const char *us_columns_given(const us_script_options *o, us_cell c) {
    const char *const given[US_N_CELLS] = {o->speaker_column, o->text_column, o->episode_column, o->season_column,
                                           o->scene_column};
    return given[c];
}

void us_columns_named(const us_script_options *o, const us_span_str *header, size_t n, const bool *barred, us_columns *out) {
    size_t best[US_N_CELLS] = {0};
    us_buf name;
    us_buf_init(&name, 4096);
    for (int c = 0; c < US_N_CELLS; c++)
        out->at[c] = us_columns_given(o, (us_cell)c) ? given_column(us_columns_given(o, (us_cell)c), header, n) : -1;
    for (size_t i = 0; i < n; i++) {
        if ((barred && barred[i]) || !bare(header[i].s, header[i].n, &name)) continue;
        for (int c = 0; c < US_N_CELLS; c++) {
            size_t place = us_columns_given(o, (us_cell)c) ? 0 : place_in(known[c], &name);
            if (place && (!best[c] || place < best[c])) best[c] = place, out->at[c] = (int)i;
        }
    }
    us_buf_fini(&name);
}

static size_t first_called(const us_span_str *header, size_t n, const char *const *names, size_t n_names) {
    for (size_t k = 0; k < n_names; k++)
        for (size_t i = 0; i < n; i++)
            if (header[i].n == strlen(names[k]) && !strncasecmp(header[i].s, names[k], header[i].n)) return i;
    return n;
}

bool us_columns_pair(const us_span_str *header, size_t n, size_t *ask, size_t *answer) {
    static const char *const asks[] = {"instruction", "question", "prompt", "query", "user", "human", "context", "input"},
                             *const answers[] = {"output",     "answer",   "response", "completion", "generated", "chosen",
                                                 "assistant",  "gpt",      "target",   "reply",      "answers",   "bot",
                                                 "response_a", "answer_a", "output_a", "response_1", "answer_1",  "output_1"};
    *ask = first_called(header, n, asks, sizeof asks / sizeof *asks);
    *answer = first_called(header, n, answers, sizeof answers / sizeof *answers);
    return *ask < n && *answer < n;
}

bool us_columns_is_other_answer(us_span_str a, us_span_str b) {
    static const char *const stems[] = {"conversation", "dialog", "dialogue",   "messages", "chat",  "response",
                                        "answer",       "output", "completion", "reply",    "turns", "assistant"};
    size_t n = a.n < 2 ? 0 : a.n - 2;
    bool is_one = false;
    if (a.n != b.n || n < 4 || memcmp(a.s, b.s, n + 1) || !strchr("_-", a.s[n])) return false;
    for (size_t i = 0; i < sizeof stems / sizeof *stems && !is_one; i++)
        is_one = n == strlen(stems[i]) && !strncasecmp(a.s, stems[i], n);
    char x = a.s[n + 1], y = b.s[n + 1];
    return is_one && x != y && ((strchr("ab", x) && strchr("ab", y)) || (strchr("12", x) && strchr("12", y)));
}

us_status us_columns_missing(const us_script_options *o, const char *path, const us_span_str *header, size_t n,
                             const us_columns *found, us_error *err) {
    for (int c = 0; c < US_N_CELLS; c++) {
        const char *given = us_columns_given(o, (us_cell)c);
        if (found->at[c] >= 0 || (!given && c > US_CELL_TEXT)) continue;
        char list[512] = "";
        size_t k = 0;
        for (size_t i = 0; i < n && k < sizeof list; i++)
            k += (size_t)snprintf(list + k, sizeof list - k, "%s'%.*s'", i ? ", " : "",
                                  (int)(header[i].n < 60 ? header[i].n : 60), header[i].s);
        if (given) return us_fail(err, US_ERR_NOT_FOUND, "%s: no column '%s'; there are %s", path, given, list);
        return us_fail(err, US_ERR_NOT_FOUND,
                       "%s: no column looks like the %s's; there are %s: name it with --%s-column (a wrong --delimiter shows "
                       "like this too)",
                       path, what[c], list, what[c]);
    }
    return US_OK;
}

/* ---- by content --------------------------------------------------------------------------------------------- */

/* What a column holds, over the rows of a sample. */
typedef struct content {
    double n, chars, words, numeric, namelike, changes, distinct, quotes;
} content;

static bool is_number(us_span_str c) {
    size_t digits = 0;
    if (c.n > 3 && (c.s[c.n - 1] | 32) == 'm' && strchr("aApP", c.s[c.n - 2]) && c.s[c.n - 3] == ' ') c.n -= 3; /* 10:15 AM */
    for (size_t i = 0; i < c.n; i++) {
        digits += c.s[i] >= '0' && c.s[i] <= '9';
        if (!strchr("0123456789.,:-+/ %Tt", c.s[i])) return false;
    }
    return digits > 0;
}

/* Like a person's name: short, few words, no end of a sentence. */
static bool is_name(us_span_str c, size_t n_words) {
    unsigned char first = c.n ? (unsigned char)c.s[0] : 0;
    if (c.n > 60 || n_words > 5 || !first || first < 'A' || (first > 'Z' && first < 'a') || (first > 'z' && first < 0x80))
        return false;
    char last = c.s[c.n - 1];
    return !strchr("?!,;", last) && (last != '.' || n_words < 3) && !memchr(c.s, '\n', c.n) && !memmem(c.s, c.n, "://", 3);
}

static us_span_str trimmed(us_span_str c) {
    while (c.n && strchr(" \t\r\n", c.s[c.n - 1])) c.n--;
    while (c.n && strchr(" \t\r\n", c.s[0])) c.s++, c.n--;
    return c;
}

static uint32_t hash_cell(us_span_str c) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < c.n; i++) h = (h ^ (unsigned char)c.s[i]) * 16777619u;
    return h | 1;
}

static content look_at(const us_sample_rows *rows, size_t from, size_t column) {
    content k = {0};
    uint32_t seen[2048] = {0}, last = 0;
    for (size_t i = from; i < rows->n; i++) {
        us_span_str c = column < rows->rows[i].n ? trimmed(rows->rows[i].cells[column]) : (us_span_str){"", 0};
        size_t words = 1;
        if (!c.n) continue;
        for (size_t j = 1; j < c.n; j++) words += c.s[j] == ' ' && c.s[j - 1] != ' ';
        uint32_t h = hash_cell(c), at = h >> 7 & 2047;
        while (seen[at] && seen[at] != h) at = (at + 1) & 2047;
        k.distinct += !seen[at];
        seen[at] = h;
        k.changes += k.n > 0 && h != last;
        last = h;
        k.n++;
        k.chars += (double)us_utf8_count(c.s, c.n);
        k.words += (double)words;
        k.numeric += is_number(c);
        size_t marks = 0;
        for (size_t j = 0; j < c.n; j++) marks += c.s[j] == '"';
        k.quotes += marks & 1;
        bool digits = false; /* "u42" is more likely a number of something */
        for (size_t j = 0; j < c.n; j++) digits = digits || (c.s[j] >= '0' && c.s[j] <= '9');
        k.namelike += is_name(c, words) ? digits ? 0.6 : 1 : 0;
    }
    return k;
}

bool us_columns_is_number(const us_sample_rows *rows, size_t from, size_t column) {
    content k = look_at(rows, from, column);
    return k.n > 0 && k.numeric > 0.8 * k.n;
}

double us_columns_speaker_worth(const us_sample_rows *rows, size_t from, size_t column) {
    content k = look_at(rows, from, column);
    if (k.n < 1) return 0.3;
    double ratio = k.distinct / k.n, worth = k.chars / k.n > 40 ? 0.3 : 1;
    if (k.numeric > 0.8 * k.n) worth *= 0.3;
    if (k.quotes > 0.3 * k.n) worth *= 0.2; /* half of a quotation: the cut was wrong */
    if (k.n >= 12) worth *= ratio < 0.6 ? 1 : ratio < 0.9 ? 0.7 : 0.3;
    return worth;
}

void us_columns_guess(const us_sample_rows *rows, size_t from, size_t n_columns, us_columns *out) {
    double best_text = 0, best_speaker = 0;
    if (n_columns > 64) n_columns = 64;
    content k[64];
    for (size_t c = 0; c < n_columns; c++) k[c] = look_at(rows, from, c);
    for (size_t c = 0; c < n_columns && out->at[US_CELL_TEXT] < 0; c++) {
        if ((int)c == out->at[US_CELL_SPEAKER] || k[c].n < 0.5 * (double)(rows->n - from) || k[c].numeric > 0.3 * k[c].n)
            continue;
        double worth = k[c].chars / k[c].n * (0.1 + k[c].distinct / k[c].n);
        if (worth > best_text) best_text = worth;
    }
    for (size_t c = 0; c < n_columns && best_text > 0; c++) {
        double worth = k[c].n > 0 ? k[c].chars / k[c].n * (0.1 + k[c].distinct / k[c].n) : 0;
        if (worth == best_text && k[c].numeric <= 0.3 * k[c].n && (int)c != out->at[US_CELL_SPEAKER]) {
            out->at[US_CELL_TEXT] = (int)c;
            break;
        }
    }
    if (out->at[US_CELL_SPEAKER] >= 0) return;
    for (size_t c = 0; c < n_columns; c++) {
        if ((int)c == out->at[US_CELL_TEXT] || k[c].n < 2 || k[c].numeric > 0.5 * k[c].n) continue;
        double ratio = k[c].distinct / k[c].n, changes = k[c].changes / k[c].n, worth = k[c].namelike / k[c].n;
        if (worth < 0.5 || (k[c].n >= 12 && ratio > 0.95)) continue;
        worth *= (1.2 - ratio) * (0.05 + (changes > 0.4 ? 0.4 : changes));
        if (worth > best_speaker) best_speaker = worth, out->at[US_CELL_SPEAKER] = (int)c;
    }
}

/* ---- a column for each speaker ------------------------------------------------------------------------------- */

/* What a column is called that nobody speaks in. */
static bool is_no_cast(us_span_str h) {
    static const char list[] =
        "|time|timestamp|timecode|date|start|end|duration|id|no|nr|num|number|index|row|line|lines|turn|turns|note|notes|"
        "comment|"
        "comments|remark|remarks|action|actions|direction|directions|description|summary|title|topic|context|emotion|label|"
        "labels|"
        "translation|english|german|french|spanish|italian|portuguese|russian|chinese|japanese|korean|source|target|original|"
        "url|"
        "link|file|path|location|place|setting|scene|scenes|episode|season|act|part|type|category|tags|sentence1|sentence2|"
        "premise|"
        "hypothesis|время|дата|номер|примечание|примечания|ремарка|перевод|сцена|zeit|datum|anmerkung|szene|heure|remarques|";
    char word[64] = "|";
    size_t n = 1;
    us_span_str t = trimmed(h);
    if (t.n > sizeof word - 3) return true;
    for (size_t i = 0; i < t.n; i++) word[n++] = (char)(t.s[i] >= 'A' && t.s[i] <= 'Z' ? t.s[i] + 32 : t.s[i]);
    word[n++] = '|';
    word[n] = 0;
    return t.n < 3 ? strstr(list, word) != NULL || (t.n == 2 && t.s[0] >= 'a' && t.s[0] <= 'z') /* en, de: languages */
                   : strstr(list, word) != NULL;
}

/* "Teacher" and "Student", "Speaker A" and "Speaker B": they are two who speak, even where every row has words of both. */
static bool are_roles(const us_span_str *h, const bool cast[64], size_t n) {
    static const char roles[] =
        "|teacher|student|doctor|patient|therapist|client|customer|agent|host|guest|interviewer|interviewee|"
        "buyer|seller|user|bot|human|ai|assistant|me|you|he|she|man|woman|husband|wife|mother|father|son|"
        "daughter|lehrer|schüler|arzt|kunde|учитель|ученик|врач|пациент|";
    us_span_str first = {0};
    bool stems = true, told = true;
    for (size_t c = 0; c < n; c++) {
        if (!cast[c]) continue;
        us_span_str t = trimmed(h[c]);
        char word[64];
        int k = snprintf(word, sizeof word, "|%.*s|", (int)(t.n < 40 ? t.n : 40), t.s);
        for (int i = 0; i < k && i < 63; i++) word[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] + 32 : word[i]);
        told = told && strstr(roles, word);
        if (!first.n) first = t;
        else /* the same but for the last letter */
            stems = stems && t.n == first.n && t.n > 1 && !memcmp(t.s, first.s, t.n - 1) && t.s[t.n - 1] != first.s[t.n - 1] &&
                    (strchr(" _-", t.s[t.n - 2]) || (t.s[t.n - 1] >= '0' && t.s[t.n - 1] <= '9'));
    }
    return told || stems;
}

bool us_columns_of_speakers(const us_sample_rows *rows, size_t header, bool cast[64]) {
    const us_sample_row *h = &rows->rows[header];
    size_t n = h->n < 64 ? h->n : 64, talk = 0, n_rows = 0, filled = 0, regular = 0;
    for (size_t c = 0; c < 64; c++) cast[c] = false;
    for (size_t c = 0; c < n; c++) {
        us_span_str name = trimmed(h->cells[c]);
        size_t words = 1, ended = 0, cells = 0;
        for (size_t i = 0; i < name.n; i++) words += name.s[i] == ' ';
        if (!is_name(name, words) || name.n > 40 || is_number(name) || is_no_cast(name)) continue;
        content k = look_at(rows, header + 1, c);
        for (size_t i = header + 1; i < rows->n; i++) {
            us_span_str t = c < rows->rows[i].n ? trimmed(rows->rows[i].cells[c]) : (us_span_str){0};
            cells += t.n > 0;
            ended +=
                t.n && (strchr(".?!\"", t.s[t.n - 1]) ||
                        (t.n >= 3 && (!memcmp(t.s + t.n - 3, "\xe3\x80\x82", 3) || !memcmp(t.s + t.n - 3, "\xef\xbc\x9f", 3) ||
                                      !memcmp(t.s + t.n - 3, "\xef\xbc\x81", 3) || !memcmp(t.s + t.n - 3, "\xe2\x80\xa6", 3))));
        }
        if (k.numeric > 0.3 * k.n || (k.n > 3 && k.distinct < 0.5 * k.n)) continue;
        bool said = !cells || ended * 10 >= cells * 4 || k.words >= 3 * k.n; /* who is silent in the sample may speak later */
        cast[c] = said;
        talk += said && cells;
    }
    if (talk < 2) return false;
    for (size_t i = header + 1; i < rows->n; i++) {
        size_t here = 0;
        for (size_t c = 0; c < n && c < rows->rows[i].n; c++) here += cast[c] && trimmed(rows->rows[i].cells[c]).n;
        if (!here) continue;
        n_rows++;
        filled += here;
        regular += rows->rows[i].n == h->n;
    }
    if (n_rows < 3 || regular * 10 < n_rows * 9) return false;
    return filled * 10 <= n_rows * talk * 8 || are_roles(h->cells, cast, n); /* a fifth of the cells is empty */
}
