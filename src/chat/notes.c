/* Sentences of the visitor that tell something of themselves are kept; a question asks for one; replies are judged by
 * whether they give it. */
#include "chat/notes.h"
#include "base/mem.h"
#include "chat/names.h"
#include "text/wording.h"
#include <stdlib.h>
#include <string.h>

enum { ANSWER_NATS = 50, MIXED_NATS = 120, MIN_WORDS = 2, MAX_WORDS = 24, STEM_BYTES = 4 };

/* ---- patterns ------------------------------------------------------------------------------------------------ */

/* Somebody speaks of themselves. */
static const char *const first_person[] = {
    " i ",     " im ",   " ive ",    " id ",   " my ",     " mine ",  " me ",   " we ",  " our ", " ours ", " us ",
    " were ",  " weve ", " myself ", " я ",    " меня ",   " мне ",   " мой ",  " моя ", " мое ", " моё ",  " мои ",
    " моего ", " моей ", " моему ",  " моих ", " моим ",   " мною ",  " мной ", " мою ", " мы ",  " нас ",  " нам ",
    " наш ",   " наша ", " наше ",   " наши ", " нашего ", " нашей ", " нашу ", NULL};
/* What is said in passing tells nothing that will be asked for. */
/* clang-format off */
static const char *const in_passing[] = {
    " i think ", " i dont know ", " i do not know ", " i know ", " i see ", " i mean ", " i guess ", " i hope ",
    " i wonder ", " i understand ", " i dont understand ", " i love you ", " i like you ", " i hate you ",
    " i miss you ", " im sorry ", " i am sorry ", " im fine ", " i am fine ", " im ok ", " im okay ", " im good ",
    " i agree ", " i said ", " i dont care ", " i cant believe ", " i want you ", " i need you ", " i didnt ",
    " i dont get ", " tell me ", " help me ", " let me ", " give me ", " show me ", " excuse me ", " oh my ", " my god ",
    " ask you ", " im just ", " i must go ", " i have to go ", " i gotta go ", " i have a question ", " i believe you ",
    " i dont believe ", " я думаю ", " я не знаю ", " я знаю ", " я понимаю ", " я не понимаю ", " я тебя люблю ",
    " я люблю тебя ", " боже мой ", " скажи мне ", " расскажи мне ", " помоги мне ", " дай мне ", " извини меня ",
    " прости меня ", " мне пора ", " мне кажется ", " я согласен ", " я согласна ", NULL};
/* clang-format on */
/* Told anew, these take the place of what was told before. Stems. */
static const char *const told_name[] = {" my name is ", " my name s ", " names ",   " name is ",     " call me ", " known as ",
                                        " called ",     " goes by ",   " i go by ", " i am called ", " named ",   " зовут ",
                                        " мое имя ",    " моё имя ",   " имя ",     " называ",       NULL};
static const char *const told_home[] = {" i live ",    " we live ",   " im from ",     " i am from ", " i come from ",
                                        " moved ",     " my home ",   " my hometown ", " i grew up ", " i was born in ",
                                        " im living ", " i reside",   " i stay in ",   " based in ",  " живу ",
                                        " я из ",      " мы из ",     " переехал",     " живём ",     " живем ",
                                        " родом ",     " мой город ", " мой дом ",     " родился в ", " родилась в ",
                                        NULL};
static const char *const told_age[] = {" years old ",     " yrs old ",       " year old ", " my age ", " turned ",
                                       " my birthday ",   " i was born on ", " лет ",      " года ",   " исполнил",
                                       " день рождения ", " годик",          NULL};
static const char *const told_job[] = {
    " my job ",        " i work ",        " working as ", " i am working ", " im working ", " for a living ",
    " my profession ", " my occupation ", " i teach ",    " i drive ",      " i run a ",    " i study ",
    " i got hired ",   " unemployed ",    " retired ",    " работаю ",      " моя работа ", " профессия ",
    " учусь ",         " по профессии ",  " на пенсии ",  " безработ",      " служу ",      NULL};
static const char *const told_being[] = {" i am a ", " i am an ", " im a ", " im an ", " i was a ", NULL};

/* What a question is about. */
static const char *const asks_name[] = {
    " name ",         " names ",        " named ",        " called ", " who am i ", " who i am ",
    " remember me ",  " know me ",      " call me ",      " зовут ",  " имя ",      " кто я ",
    " помнишь меня ", " узнаешь меня ", " узнаёшь меня ", " называ",  NULL};
static const char *const asks_home[] = {" live ",    " living ",  " from ",  " home ", " hometown ", " town ",   " city ",
                                        " country ", " located ", " where ", " живу ", " живем ",    " откуда ", " город",
                                        " стран",    " родом ",   " дом",    " где ",  NULL};
static const char *const asks_age[] = {" how old ", " age ",    " birthday ",      " born ", " сколько мне ",
                                       " лет ",     " возраст", " день рождения ", " родил", NULL};
static const char *const asks_job[] = {" job ",       " work ",    " living ", " profession ", " occupation ",
                                       " career ",    " do i do ", " i do ",   " what am i ",  " earn ",
                                       " employ",     " trade ",   " кем я ",  " работ",       " профессия ",
                                       " занимаюсь ", " делаю ",   " учусь ",  " кто я по ",   NULL};

/* Words that tell notes apart from nothing: they do not count as common. Stems are compared, so short forms do. */
static const char small[] =
    " a an the i im ive my mine me myself we our us you your is are am was were be been do does did have has had of to in on "
    "at for from and or but not no yes what whats which who whos where wheres when why how that this it its so "
    "know remember recall tell told said say again still just really very also too can could would will about with there here "
    "any one ones some name names called named call old years year live living work job like love got get "
    "hello hi hey oh ok okay well please thanks actually sorry "
    "я меня мне мой моя мое моё мои моего моей мою мы нас наш наша ты тебя тебе что кто где как какой какая какие какое каким "
    "сколько зачем почему когда это есть был была у в на и а но не да нет с со по из о об про за ли же бы то так "
    "помнишь знаешь скажи зовут имя живу лет работаю говорил говорила рассказывал рассказывала ещё еще ну вот сейчас там тут "
    "привет ";

static bool is_small(const char *w, size_t n) {
    for (const char *p = small; (p = memmem(p, strlen(p), w, n)); p += n)
        if (p[-1] == ' ' && p[n] == ' ') return true;
    return false;
}

/* ---- sentences ------------------------------------------------------------------------------------------------ */

/* Each sentence of a line with its mark; false ends it. The point of "Dr." or "3.5" ends none: a blank and a capital, or
 * another script, must follow. */
typedef struct sentence {
    const char *text;
    size_t n;
    bool asks;
} sentence;

static bool next_sentence(const char **at, sentence *s) {
    const char *p = *at + strspn(*at, " \t\r\n");
    if (!*p) return false;
    size_t n = 0;
    for (;; n++) {
        n += strcspn(p + n, ".!?\n");
        if (!p[n] || p[n] == '\n') break;
        size_t marks = strspn(p + n, ".!?\"')");
        if (!p[n + marks] || p[n + marks] == ' ' || p[n + marks] == '\n') {
            n += marks;
            break;
        }
    }
    *s = (sentence){p, n, memchr(p, '?', n) != NULL};
    while (s->n && (s->text[s->n - 1] == ' ' || s->text[s->n - 1] == '\r')) s->n--;
    *at = p + n;
    return true;
}

static bool tells(const char *w) {
    size_t n = us_wording_count(w);
    return n >= MIN_WORDS && n <= MAX_WORDS && us_wording_has(w, first_person) && !us_wording_has(w, in_passing);
}

/* "No, it's Tim." corrects the note before it. */
static bool corrects(const char *w) {
    static const char *const list[] = {
        " i mean ",  " sorry i ",   " oh i mean ",   " no i ",     " no its ",     " no it is ", " no not ", " actually ",
        " i meant ", " sorry its ", " sorry it is ", " wait its ", " correction ", " rather ",   " not ",    " нет не ",
        " вернее ",  " точнее ",    " то есть ",     " ой не ",    " не ",         NULL};
    return us_wording_count(w) <= 8 && us_wording_begins(w, list);
}

/* "my cat" of "my cat's name is Mila": the first word after "my" in its stem, unless it is of the visitor's own. 0 without
 * one. */
static size_t thing_of(const char *w, const char **at) {
    static const char *const own[] = {" my ",  " our ",  " моего ", " мой ",    " моя ",  " моей ",
                                      " мою ", " моих ", " наш ",   " нашего ", " нашу ", NULL};
    static const char *const self[] = {" name ",     " names ", " job ",    " age ",  " home ",      " profession ",
                                       " birthday ", " имя ",   " работа ", " день ", " профессия ", NULL};
    for (const char *const *o = own; *o; o++) {
        const char *p = strstr(w, *o);
        if (!p) continue;
        p += strlen(*o) - 1;
        if (us_wording_begins(p, self)) continue;
        *at = p + 1;
        size_t n = strcspn(p + 1, " ");
        if (n > 2 && p[n] == 's') n--; /* cats, cat's */
        return n;
    }
    return 0;
}

/* Whether the second tells anew what the first told. */
static bool replaces(const char *old, const char *new) {
    static const char *const *const single[] = {told_home, told_age, told_job};
    const char *a, *b;
    size_t n_a = thing_of(old, &a), n_b = thing_of(new, &b);
    if (n_a != n_b || (n_a && memcmp(a, b, n_a) != 0)) return false; /* of other things */
    if (us_wording_has(old, told_name) && us_wording_has(new, told_name)) return true;
    for (size_t i = 0; i < 3 && !n_a; i++)
        if (us_wording_has(old, single[i]) && us_wording_has(new, single[i])) return true;
    return !strcmp(old, new);
}

static void drop(us_notes *s, size_t i) {
    free(s->items[i]);
    memmove(s->items + i, s->items + i + 1, (--s->n - i) * sizeof *s->items);
}

void us_notes_fini(us_notes *s) {
    while (s->n) drop(s, s->n - 1);
}

static us_status append(us_notes *s, const char *text, size_t n, us_error *err) {
    if (s->n == US_MAX_NOTES) drop(s, 0);
    us_status st = us_strndup(text, n, &s->items[s->n], err);
    if (!st) s->n++;
    return st;
}

us_status us_notes_add(us_notes *s, const char *text, us_error *err) {
    size_t n = strlen(text);
    if (!n || n > US_MAX_NOTE_BYTES || s->n == US_MAX_NOTES || text[strspn(text, " \t\r\n")] == 0)
        return us_fail(err, US_ERR_ARGUMENT, "notes: at most %d sentences of 1 to %d bytes are expected", US_MAX_NOTES,
                       US_MAX_NOTE_BYTES);
    return append(s, text, n, err);
}

/* A correction that stands alone belongs to the note that it corrects: "My name is Tom. No, it's Tim." */
static us_status amend(us_notes *s, const sentence *t, us_error *err) {
    us_buf b;
    us_buf_init(&b, US_MAX_NOTE_BYTES);
    us_status st = us_buf_appendf(&b, err, "%s %.*s", s->items[s->n - 1], (int)t->n, t->text);
    if (st == US_ERR_LIMIT) st = US_OK; /* too long a story for a note */
    else if (!st) {
        free(s->items[s->n - 1]);
        s->items[s->n - 1] = us_buf_take(&b, NULL);
        if (!s->items[s->n - 1]) s->n--, st = us_fail(err, US_ERR_MEMORY, "out of memory");
    }
    us_buf_fini(&b);
    return st;
}

bool us_notes_tells(const char *line) {
    bool found = false;
    for (sentence t; !found && next_sentence(&line, &t);) {
        char *w = t.n && t.n <= US_MAX_NOTE_BYTES && !t.asks ? us_wording(t.text, t.n) : NULL;
        found = t.n && t.n <= US_MAX_NOTE_BYTES && !t.asks && (!w || tells(w) || corrects(w)); /* not known: looked at later */
        free(w);
    }
    return found;
}

us_status us_notes_hear(us_notes *s, const char *line, us_error *err) {
    us_status st = US_OK;
    bool told = false; /* by this line, so far */
    unsigned failures = us_memory_failures();
    size_t before = s->n;
    for (sentence t; !st && next_sentence(&line, &t);) {
        char *w = t.n && t.n <= US_MAX_NOTE_BYTES ? us_wording(t.text, t.n) : NULL;
        if (w && !t.asks && tells(w)) {
            for (size_t i = s->n; i-- > 0;) {
                char *old = us_wording(s->items[i], strlen(s->items[i]));
                if (old && replaces(old, w)) drop(s, i);
                free(old);
            }
            st = append(s, t.text, t.n, err);
            told = true;
        } else if (w && !t.asks && s->n && (told || before) && corrects(w)) st = amend(s, &t, err);
        free(w);
    }
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    return st;
}

/* ---- recall ----------------------------------------------------------------------------------------------------- */

/* Whether a word of `a` that is not small begins in `b` as it does in `a`: "cats" meets "cat", "собаку" meets "собака". */
static int common(const char *a, const char *b) {
    int n = 0;
    for (const char *p = a; *p && p[1];) {
        size_t len = strcspn(p + 1, " "), stem = len > STEM_BYTES ? (len > 2 * STEM_BYTES ? 2 * STEM_BYTES : len - 1) : len;
        while (stem > 1 && ((unsigned char)p[1 + stem] & 0xc0) == 0x80) stem--;
        if (stem >= 2 && !is_small(p + 1, len)) {
            char key[40] = " ";
            if (stem < sizeof key - 2) {
                memcpy(key + 1, p + 1, stem);
                if (len == 3 && p[3] != ' ') key[1 + stem] = 0;
                n += strstr(b, key) != NULL;
            }
        }
        p += len + 1;
    }
    return n;
}

/* "I'm Vera.": a few words, the next one with a capital. */
static bool names_self(const char *note) {
    static const char *const heads[] = {"I'm ",  "I\xe2\x80\x99m ", "Im ",       "I am ", "i'm ",
                                        "i am ", "\xd0\xaf ",       "\xd1\x8f ", NULL};
    for (const char *const *h = heads; *h; h++) {
        size_t n = strlen(*h);
        if (strncmp(note, *h, n) != 0) continue;
        const unsigned char *p = (const unsigned char *)note + n;
        bool capital = (*p >= 'A' && *p <= 'Z') || (p[0] == 0xd0 && p[1] >= 0x90 && p[1] <= 0xaf);
        return capital && strlen(note) - n < 40 && !strchr(strchr(note + n, ' ') ? strchr(note + n, ' ') + 1 : "", ' ');
    }
    return false;
}

static int value(const char *text, const char *note, const char *asked) {
    static const struct {
        const char *const *asks, *const *told;
    } topics[] = {
        {asks_name, told_name}, {asks_home, told_home}, {asks_age, told_age}, {asks_job, told_job}, {asks_job, told_being}};
    const char *thing, *asked_thing;
    size_t n = thing_of(note, &thing), m = thing_of(asked, &asked_thing);
    int v = 2 * common(asked, note);
    if (us_wording_has(asked, asks_name) && !m && names_self(text)) v += 2;
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        if (us_wording_has(asked, topics[i].asks) && us_wording_has(note, topics[i].told)) v += (n > 0) == (m > 0) ? 2 : v > 0;
    return v;
}

/* A question about the visitor, or a request like one ("Guess my name."). */
static bool asks(const char *line, const char *w) {
    static const char *const back[] = {" remember ", " recall ", " told you ", " помнишь ", " вспомни ", " говорил", NULL};
    static const char *const request[] = {" what ", " which ", " where ", " who ",    " how old ", " guess ",
                                          " как ",  " где ",   " кто ",   " назови ", NULL};
    bool self = us_wording_has(w, first_person), again = us_wording_has(w, back);
    if (strchr(line, '?')) return self || again;
    return (self && us_wording_has(w, request) && !tells(w)) || (again && self);
}

/* A question that a fact would answer, not "do I look fat?". */
static bool wants(const char *w) {
    static const char *const list[] = {" what ",  " whats ", " which ",   " where ",    " wheres ",  " who ",
                                       " whos ",  " whose ", " how old ", " how many ", " know my ", " remember ",
                                       " как ",   " где ",   " кто ",     " кем ",      " какой ",   " какая ",
                                       " какое ", " какие ", " каком ",   " какую ",    " сколько ", " откуда ",
                                       " чем ",   " что ",   " помнишь ", " знаешь ",   NULL};
    return us_wording_has(w, list);
}

/* The best of the notes that are left, the newest of equals; -1 when none has a value. */
static int best_of(const int *values, size_t n) {
    int best = -1;
    for (size_t i = 0; i < n; i++)
        if (values[i] > 0 && (best < 0 || values[i] >= values[best])) best = (int)i;
    return best;
}

us_status us_notes_recall(const us_notes *s, const char *line, us_buf *out, us_error *err) {
    int values[US_MAX_NOTES] = {0}, first, second = -1;
    unsigned failures = us_memory_failures();
    char *asked = us_wording(line, strlen(line));
    us_status st = US_OK;
    for (size_t i = 0; asked && i < s->n && asks(line, asked); i++) {
        char *note = us_wording(s->items[i], strlen(s->items[i]));
        values[i] = note ? value(s->items[i], note, asked) : 0;
        free(note);
    }
    bool any = asked && asks(line, asked) && wants(asked);
    free(asked);
    if (us_memory_failures() != failures) return us_fail(err, US_ERR_MEMORY, "out of memory");
    if ((first = best_of(values, s->n)) < 0) { /* asked for in other words: the newest may be it */
        for (size_t i = s->n > 2 ? s->n - 2 : 0; i < s->n && any; i++) values[i] = 1;
        if ((first = best_of(values, s->n)) < 0) return US_OK;
    }
    int most = values[first];
    values[first] = 0;
    second = best_of(values, s->n);
    if (second >= 0 && values[second] < most) second = -1; /* only what is as good */
    for (int i = 0; i < (int)s->n && !st; i++) {
        if (i != first && i != second) continue;
        const char *note = s->items[i];
        st = us_buf_appendf(out, err, "%s%s ", note, strchr(".!?", note[strlen(note) - 1]) ? "" : ".");
    }
    return st;
}

us_status us_notes_words(const char *recalled, const char *line, us_buf *out, us_error *err) {
    static const char marks[] = " \t\r\n.,;:!?\"()[]";
    unsigned failures = us_memory_failures();
    char *asked = us_wording(line, strlen(line));
    us_status st = US_OK;
    for (const char *p = recalled + strspn(recalled, marks); *p && asked && !st;) {
        size_t n = strcspn(p, marks);
        char *w = us_wording(p, n);
        if (w && w[1] && !strchr(w + 1, ' ')[1] && !is_small(w + 1, strlen(w) - 2) && !strstr(asked, w)) {
            st = us_buf_append(out, p, n, err);
            if (!st) st = us_buf_append(out, "", 1, err);
        }
        free(w);
        p += n;
        p += strspn(p, marks);
    }
    free(asked);
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    return st;
}

bool us_notes_answers(const char *recalled, const char *line, const char *reply) {
    us_buf words;
    us_buf_init(&words, (size_t)1 << 16);
    char *said = us_wording(reply, strlen(reply));
    bool found = false;
    if (!said || us_notes_words(recalled, line, &words, NULL)) words.len = 0;
    for (size_t at = 0; at < words.len && !found; at += strlen(words.data + at) + 1) {
        char *w = us_wording(words.data + at, strlen(words.data + at));
        found = w && strstr(said, w);
        free(w);
    }
    us_buf_fini(&words);
    free(said);
    return found;
}

us_status us_notes_judge(void *ctx, const us_conversation_view *c, us_candidate *takes, int32_t n, us_error *err) {
    (void)ctx;
    (void)err;
    for (int32_t i = 0; i < n; i++)
        if (us_names_mixed(c->told, c->who, takes[i].text)) takes[i].judged -= MIXED_NATS;
    for (int32_t i = 0; i < n && c->recalled && *c->recalled && c->n_lines; i++)
        if (us_notes_answers(c->recalled, c->lines[c->n_lines - 1].text, takes[i].text)) takes[i].judged += ANSWER_NATS;
        else takes[i].forgets = true;
    return US_OK;
}
