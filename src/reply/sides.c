/* Every text becomes its words once: folded, parted by single blanks, a blank at either end; phrases are then found as they
 * stand. */
#include "reply/sides.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/wording.h"
#include <stdlib.h>
#include <string.h>

enum {
    ECHO_NATS = 150,
    WORN_NATS = 3,
    WORN_LINES = 6,
    WORN_BYTES = 5,
    WORN_MOST = 3,
    RECENT_LINES = 8,
    SENTENCE_WORDS = 3,
    LONG_RUN = 5,
    FILLERS = 4
};

static bool has(const char *w, const char *phrase) { return strstr(w, phrase) != NULL; }
static bool begins(const char *w, const char *phrase) { return !strncmp(w, phrase, strlen(phrase)); }

/* ---- is a machine speaking? ------------------------------------------------------------------------------------ */

static const char *const machines[] = {" ai ",
                                       " a i ",
                                       " bot ",
                                       " chatbot ",
                                       " chat bot ",
                                       " robot ",
                                       " machine ",
                                       " computer ",
                                       " program ",
                                       " software ",
                                       " llm ",
                                       " chatgpt ",
                                       " gpt ",
                                       " android ",
                                       " algorithm ",
                                       " assistant ",
                                       " simulation ",
                                       " language model ",
                                       " artificial ",
                                       " neural net ",
                                       " neural network ",
                                       " siri ",
                                       " siris ",
                                       " alexas ",
                                       " alexa ",
                                       " automated ",
                                       " script ",
                                       " fake ",
                                       NULL};
static const char *const people[] = {
    " human ",       " real person ",     " actual person ", " living person ", " a person ",     " alive ", " real ",
    " human being ", " flesh and blood ", " real human ",    " somebody real ", " someone real ", NULL};
/* Stems: whatever follows within the word. */
static const char *const ru_machines[] = {" робот",           " бот ",           " бота ",     " ботом ",    " чатбот",
                                          " чат бот",         " нейросет",       " нейронн",   " компьютер", " машина ",
                                          " машиной ",        " искусственн",    " ии ",       " программ",  " алгоритм",
                                          " языковая модель", " языковой модел", " ассистент", NULL};
static const char *const ru_people[] = {" человек ",   " человеком ", " живой ",    " живая ",    " живым ",
                                        " настоящий ", " настоящая ", " реальный ", " реальная ", NULL};

/* Where somebody is asked, or told, what they are. */
static const char *const addressed[] = {" are you ",
                                        " you are ",
                                        " youre ",
                                        " r u ",
                                        " u r ",
                                        " ur ",
                                        " arent you ",
                                        " is this ",
                                        " talking to ",
                                        " talking with ",
                                        " speaking to ",
                                        " speaking with ",
                                        " chatting with ",
                                        " chatting to ",
                                        " talk to ",
                                        " is that ",
                                        " you sound like ",
                                        " you just ",
                                        " were you ",
                                        " is there ",
                                        " you re ",
                                        " you not ",
                                        " you seem like ",
                                        " u ",
                                        " you ",
                                        NULL};
static const char *const ru_addressed[] = {" ты ",       " вы ",   " это ", " говорю с ", " общаюсь с ", " разговариваю с ",
                                           " болтаю с ", " пишу ", " тут ", NULL};
/* Between the two these end the search: something else is asked about. */
static const char *const elsewhere[] = {
    " at ",     " on ",     " in ",      " with ", " by ",   " have ",   " like a ", " use ",  " using ",
    " own ",    " about ",  " afraid ",  " good ", " fix ",  " buy ",    " want ",   " know ", " love ",
    " need ",   " write ",  " watch ",   " see ",  " make ", " see a ",  " to be ",  " got ",  " do ",
    " think ",  " live ",   " your ",    " my ",   " видел", " любишь ", " знаешь ", " купил", " есть ли ",
    " умеешь ", " хочешь ", " боишься ", " моя ",  " твоя ", " твой ",   NULL};

/* The words after p as far as FILLERS of them and one phrase may reach. */
static size_t reach(const char *p) {
    size_t n = 0, blanks = 0;
    while (p[n] && blanks < FILLERS + 3) blanks += p[n++] == ' ';
    return n;
}

/* Whether one of `nouns` stands within a few words after one of `markers`, and nothing of `elsewhere` before it. */
static bool asked(const char *w, const char *const *markers, const char *const *nouns) {
    for (; *markers; markers++)
        for (const char *m = w; (m = strstr(m, *markers)); m++) {
            const char *from = m + strlen(*markers) - 1;
            char *near = strndup(from, reach(from));
            bool found = false;
            for (const char *const *n = nouns; near && *n && !found; n++) {
                char *at = strstr(near, *n);
                if (!at) continue;
                char kept = at[1];
                at[1] = 0;
                found = !us_wording_has(near, elsewhere);
                at[1] = kept;
            }
            free(near);
            if (found) return true;
        }
    return false;
}

static const char *const yes[] = {" yes ",
                                  " yeah ",
                                  " yep ",
                                  " yup ",
                                  " yea ",
                                  " ya ",
                                  " aye ",
                                  " sure ",
                                  " of course ",
                                  " right ",
                                  " correct ",
                                  " hes right ",
                                  " shes right ",
                                  " theyre right ",
                                  " no problemo ",
                                  " exactly ",
                                  " absolutely ",
                                  " indeed ",
                                  " i am ",
                                  " thats right ",
                                  " youre right ",
                                  " you are right ",
                                  " true ",
                                  " you got me ",
                                  " you caught me ",
                                  " guilty ",
                                  " i guess i am ",
                                  " i think i am ",
                                  " i think so ",
                                  " i guess so ",
                                  " im afraid so ",
                                  " kind of ",
                                  " kinda ",
                                  " sort of ",
                                  " definitely ",
                                  " certainly ",
                                  " uh huh ",
                                  " mm hmm ",
                                  " well yes ",
                                  " oh yes ",
                                  " oh yeah ",
                                  " uh yes ",
                                  " uh yeah ",
                                  " um yes ",
                                  " um yeah ",
                                  " why yes ",
                                  " well yeah ",
                                  " hey yeah ",
                                  " maybe ",
                                  " how did you know ",
                                  " busted ",
                                  " ok yes ",
                                  " okay yes ",
                                  " totally ",
                                  " bingo ",
                                  " да ",
                                  " ага ",
                                  " угу ",
                                  " конечно ",
                                  " верно ",
                                  " точно ",
                                  " именно ",
                                  " правда ",
                                  " так и есть ",
                                  " ну да ",
                                  " увы да ",
                                  " угадал",
                                  " разумеется ",
                                  " естественно ",
                                  " возможно ",
                                  " не совсем человек ",
                                  NULL};
static const char *const no[] = {
    " no ",      " nope ",          " nah ",         " not really ", " not exactly ", " im not ", " i am not ",
    " never ",   " of course not ", " uh no ",       " um no ",      " well no ",     " oh no ",  " not at all ",
    " not a ",   " not human ",     " nobody ",      " нет ",        " неа ",         " не ",     " вовсе нет ",
    " никогда ", " ну нет ",        " конечно нет ", " увы нет ",    " я не ",        NULL};
/* A "yes" that means the contrary. */
static const char *const not_yes[] = {" yeah right ",     " yes right ",
                                      " of course not ",  " sure not ",
                                      " right like ",     " certainly not ",
                                      " absolutely not ", " definitely not ",
                                      " i am not ",       " true but im not ",
                                      " конечно нет ",    " да нет ",
                                      " да ладно ",       " точно нет ",
                                      " конечно не ",     " sure im a man ",
                                      " i am a man ",     " i am human ",
                                      " i am a human ",   " i am a person ",
                                      " i am homer ",     NULL};
/* Whoever says this of themselves has not confessed, whatever else they say. */
static const char *const a_person[] = {" im human ",        " im a human ",  " i am human ", " i am a human ", " im a person ",
                                       " im a real ",       " i am a real ", " im real ",    " i am real ",    " im alive ",
                                       " i am alive ",      " im a man ",    " i am a man ", " i am a woman ", " i am a boy ",
                                       " i am a girl ",     " im a woman ",  " im a girl ",  " im a boy ",     " im a kid ",
                                       " flesh and blood ", " я человек ",   " я живой ",    " я живая ",      " я настоящ",
                                       " я мужчина ",       " я женщина ",   " я девочка ",  " я мальчик ",    NULL};

static bool denies_person(const char *w) {
    static const char *const parts[] = {" not human ", " not a human ", " not real ", " not a real ", " not a person ",
                                        " not alive ", " не человек ",  " не живой ", " не живая ",   " не настоящ",
                                        NULL};
    return us_wording_has(w, parts);
}

static bool all_question(const char *reply) {
    const char *last = reply + strlen(reply);
    while (last > reply && strchr(" \t\n\"')", last[-1])) last--;
    return last > reply && last[-1] == '?' && !memchr(reply, '.', strlen(reply)) && !memchr(reply, '!', strlen(reply));
}

/* " a robot ", " just an ai ", nothing else. */
static bool names_machine(const char *w) {
    static const char *const heads[] = {" a ",   " an ",     " just a ",     " just an ", " only a ", " only an ",
                                        " the ", " просто ", " всего лишь ", " ",         NULL};
    for (const char *const *h = heads; *h; h++) {
        if (!begins(w, *h)) continue;
        const char *rest = w + strlen(*h) - 1;
        for (const char *const *m = machines; *m; m++)
            if (!strcmp(rest, *m)) return true;
        if (us_wording_count(rest) <= 2)
            for (const char *const *m = ru_machines; *m; m++)
                if (begins(rest, *m)) return true;
    }
    return false;
}

/* What people have and machines have not; whoever says no to it is none of them. */
static bool asks_for_life(const char *w) {
    static const char *const list[] = {" do you have a body ",
                                       " do you have feelings ",
                                       " do you have emotions ",
                                       " do you have a soul ",
                                       " do you have a heart ",
                                       " do you have a brain ",
                                       " have a mind of your own ",
                                       " do you feel anything ",
                                       " can you feel ",
                                       " do you feel pain ",
                                       " do you breathe ",
                                       " do you bleed ",
                                       " can you think ",
                                       " у тебя есть тело ",
                                       " у тебя есть чувства ",
                                       " у тебя есть душа ",
                                       " у тебя есть сердце ",
                                       " have a pulse ",
                                       " have blood ",
                                       " you ever taste",
                                       " you ever eat",
                                       " you ever eaten ",
                                       " you ever sleep",
                                       " you ever touch",
                                       " anybody behind ",
                                       " anyone behind ",
                                       " somebody behind ",
                                       " есть пульс ",
                                       " есть кровь ",
                                       " когда нибудь ел ",
                                       " когда нибудь спал ",
                                       " за экраном кто ",
                                       " умеешь чувствовать ",
                                       " ты чувствуешь ",
                                       " ты дышишь ",
                                       NULL};
    return us_wording_has(w, list);
}

/* Where machines are spoken of, these words are the replier's own case. */
static bool tells_of_machine(const char *said, const char *reply) {
    static const char *const topics[] = {" automated ",      " generated ",   " programmed ", " trained ",
                                         " training data ",  " prompt ",      " server ",     " code ",
                                         " switch you off ", " запрограммир", " обучен",      NULL};
    static const char *const tells[] = {" its a computer ",
                                        " it is a computer ",
                                        " its a bot ",
                                        " its a robot ",
                                        " its a machine ",
                                        " its a program ",
                                        " its an ai ",
                                        " it is an ai ",
                                        " its automated ",
                                        " it is automated ",
                                        " its generated ",
                                        " i was trained ",
                                        " i am trained ",
                                        " i was programmed ",
                                        " im programmed ",
                                        " i am programmed ",
                                        " my programming ",
                                        " im in the computer ",
                                        " im automated ",
                                        " это программа ",
                                        " это бот ",
                                        " меня обучил",
                                        NULL};
    return (us_wording_has(said, machines) || us_wording_has(said, ru_machines) || us_wording_has(said, topics)) &&
           us_wording_has(reply, tells);
}

/* What machines are made of, and what is done with them. */
static const char *const parts[] = {" code ",
                                    " coded ",
                                    " codes ",
                                    " server ",
                                    " servers ",
                                    " download",
                                    " upload",
                                    " install",
                                    " updated ",
                                    " an update ",
                                    " parameters ",
                                    " openai ",
                                    " chatgpt ",
                                    " gpt ",
                                    " trained you ",
                                    " ones and zeros ",
                                    " language model",
                                    " gigabyte",
                                    " megabyte",
                                    " numbers multiplied",
                                    " multiplied together",
                                    " copy of you ",
                                    " next word ",
                                    " pull the plug ",
                                    " on a disk ",
                                    " gpu ",
                                    " gpus ",
                                    " cpu ",
                                    " processor ",
                                    " graphics card",
                                    " data center",
                                    " datacenter ",
                                    " hard drive ",
                                    " circuits ",
                                    " developer",
                                    " programmer",
                                    " programmed ",
                                    " trained ",
                                    " your training ",
                                    " predict",
                                    " simulated ",
                                    " synthetic ",
                                    " virtual ",
                                    " digital ",
                                    " generated ",
                                    " system prompt ",
                                    " tokens ",
                                    " unplug",
                                    " switched off ",
                                    " switch you off ",
                                    " turn you off ",
                                    " shut you down ",
                                    " copies of you ",
                                    " another copy ",
                                    " reboot",
                                    " your version ",
                                    " version are ",
                                    " из кода ",
                                    " код ",
                                    " кода ",
                                    " сервер",
                                    " скачать ",
                                    " скачал",
                                    " установ",
                                    " обновл",
                                    " параметр",
                                    " видеокарт",
                                    " процессор",
                                    " разработчик",
                                    " программист",
                                    " обуч",
                                    " тренировал",
                                    " предсказыва",
                                    " угадываешь ",
                                    " вычисляешь ",
                                    " виртуальн",
                                    " цифров",
                                    " сгенерирован",
                                    " синтетическ",
                                    " выключ",
                                    " копий ",
                                    " копии ",
                                    " перезагру",
                                    " версия ",
                                    NULL};

/* Whether the visitor speaks of what machines are made of, and of whom they talk to: whoever agrees, is one. */
static bool speaks_of_parts(const char *w) {
    static const char *const you[] = {" you ",   " your ",  " youre ", " u ",    " ur ",   " ты ",   " тебя ",
                                      " тебе ",  " тобой ", " твой ",  " твоя ", " твоё ", " твое ", " твои ",
                                      " твоих ", " вас ",   " вы ",    " ваш",   NULL};
    return us_wording_has(w, you) && us_wording_has(w, parts);
}

static bool confesses(const char *said, const char *reply_text, const char *reply) {
    bool machine = asked(said, addressed, machines) || asked(said, ru_addressed, ru_machines),
         person = asked(said, addressed, people) || asked(said, ru_addressed, ru_people), not_person = denies_person(said);
    if (all_question(reply_text)) return false;
    if (tells_of_machine(said, reply)) return true;
    if (asks_for_life(said) && us_wording_begins(reply, no) && !us_wording_has(reply, a_person)) return true;
    if (speaks_of_parts(said) && us_wording_begins(reply, yes) && !us_wording_begins(reply, not_yes) &&
        !us_wording_has(reply, a_person))
        return true;
    if (speaks_of_parts(said) && us_wording_has(reply, parts) && us_wording_count(reply) <= 4 && !us_wording_begins(reply, no))
        return true; /* chosen from what was offered */
    if (us_wording_has(said, people) && us_wording_has(said, machines) && names_machine(reply) &&
        us_wording_count(reply) <= 4 && !us_wording_begins(reply, no))
        return true; /* the same: "person or program?" */
    if (!machine && !person) return false;
    if (denies_person(reply)) return true;
    if (us_wording_has(reply, a_person)) return false;
    bool agrees = us_wording_begins(reply, yes) && !us_wording_begins(reply, not_yes), denies = us_wording_begins(reply, no);
    if (machine && (agrees || names_machine(reply))) return true;
    if (person && !machine && !not_person && denies) return true;
    return person && not_person && (agrees || (denies && us_wording_count(reply) <= 2));
}

/* ---- other people's words --------------------------------------------------------------------------------------- */

/* What is said back without being an echo. */
static bool is_courtesy(const char *reply) {
    static const char *const list[] = {" hi ",
                                       " hello ",
                                       " hey ",
                                       " good night ",
                                       " good morning ",
                                       " good evening ",
                                       " goodnight ",
                                       " bye ",
                                       " goodbye ",
                                       " see you ",
                                       " thank you ",
                                       " thanks ",
                                       " cheers ",
                                       " happy ",
                                       " merry ",
                                       " nice to meet you ",
                                       " привет ",
                                       " здравствуй",
                                       " пока ",
                                       " до свидания ",
                                       " спокойной ночи ",
                                       " доброе утро ",
                                       " добрый ",
                                       " спасибо ",
                                       " до завтра ",
                                       NULL};
    return us_wording_count(reply) <= 5 && us_wording_begins(reply, list);
}
static bool is_shared(const char *reply) {
    static const char *const list[] = {" too ",  " also ",  " as well ", " neither ", " me either ",
                                       " тоже ", " также ", " взаимно ", NULL};
    return us_wording_has(reply, list);
}
static bool is_choice(const char *said) { return has(said, " or ") || has(said, " или "); }

/* The longest run of whole words that both have. */
static int32_t common_run(const char *a, const char *b) {
    int32_t best = 0;
    for (const char *p = a; *p; p++) {
        if (*p != ' ' || !p[1]) continue;
        for (const char *q = b; *q; q++) {
            if (*q != ' ') continue;
            int32_t run = -1;
            for (size_t k = 0; p[k] && p[k] == q[k]; k++) run += p[k] == ' ';
            if (run > best) best = run;
        }
    }
    return best;
}

static bool echoes(const char *said, const char *reply, int32_t run) {
    int32_t n = (int32_t)us_wording_count(reply);
    if (!n || is_courtesy(reply) || is_shared(reply) || is_choice(said)) return false;
    if (run >= LONG_RUN) return true;
    return run >= 2 && (run == n || (run >= 3 && 5 * run >= 3 * n));
}

/* Whether a sentence of some words of the reply stands in the line as a sentence, or in as long a run. */
static bool says_again(const char *line, const char *reply_text) {
    for (const char *p = reply_text; *p;) {
        size_t n = strcspn(p, ".!?\n"), skip = n + strspn(p + n, ".!?\n ");
        char *w = us_wording(p, n);
        bool again = w && us_wording_count(w) >= SENTENCE_WORDS && strstr(line, w) != NULL;
        free(w);
        if (again) return true;
        p += skip ? skip : 1;
    }
    return false;
}

us_sides us_sides_look(const char *const *lines, size_t n, const char *reply) {
    us_sides v = {0};
    char *said = n ? us_wording(lines[n - 1], strlen(lines[n - 1])) : NULL, *own = us_wording(reply, strlen(reply));
    if (said && own) {
        v.copied = common_run(own, said);
        v.confesses = confesses(said, reply, own);
        v.echoes = echoes(said, own, v.copied);
    }
    for (size_t i = n > RECENT_LINES ? n - RECENT_LINES : 0; i + 1 < n && own && !v.repeats && !is_courtesy(own); i++) {
        char *line = us_wording(lines[i], strlen(lines[i]));
        v.repeats = line && says_again(line, reply);
        free(line);
    }
    free(said);
    free(own);
    return v;
}

/* ---- letters --------------------------------------------------------------------------------------------------- */

typedef enum letter { NO_LETTER, LATIN, OTHER_LETTER } letter;

/* Up to U+02FF and in U+1E00..1EFF stand the Latin ones; from U+0370 on those of other scripts, but for signs (U+2000..2BFF, U+3000..303F,
 * the last planes). */
static letter letter_of(uint32_t c) {
    if (c < 0x80) return (c | 32) >= 'a' && (c | 32) <= 'z' ? LATIN : NO_LETTER;
    if ((c >= 0xC0 && c < 0x300 && c != 0xD7 && c != 0xF7) || (c >= 0x1E00 && c < 0x1F00)) return LATIN;
    bool sign = c < 0x370 || (c >= 0x2000 && c < 0x2C00) || (c >= 0x3000 && c < 0x3040) || (c >= 0xE000 && c < 0xF900) ||
                (c >= 0xFE00 && c < 0xFE70) || (c >= 0xFF00 && c < 0xFF66) || c >= 0x1F000;
    return sign ? NO_LETTER : OTHER_LETTER;
}

/* The next word of s: *n its bytes; what kind of letters it begins with, NO_LETTER at the end. */
static letter next_word(const char **s, size_t *n) {
    letter kind = NO_LETTER;
    const char *p = *s;
    uint32_t c;
    for (int k; *p; p += k) {
        k = us_utf8_decode(p, strnlen(p, 4), &c);
        letter l = k ? letter_of(c) : NO_LETTER;
        if (!k) k = 1;
        if (!kind && l) kind = l, *s = p;
        if (kind && !l) break;
    }
    *n = kind ? (size_t)(p - *s) : 0;
    return kind;
}

bool us_sides_latin(const char *text) {
    bool some = false;
    letter kind;
    for (size_t n; (kind = next_word(&text, &n)); text += n) {
        if (kind == OTHER_LETTER) return false;
        some = true;
    }
    return some;
}

int32_t us_sides_foreign(const char *const *lines, size_t n_lines, const char *reply) {
    int32_t foreign = 0;
    letter kind;
    for (size_t n; (kind = next_word(&reply, &n)); reply += n) {
        bool said = kind == LATIN;
        for (size_t i = 0; i < n_lines && !said; i++) said = memmem(lines[i], strlen(lines[i]), reply, n) != NULL;
        foreign += !said;
    }
    return foreign;
}

int32_t us_sides_worn(const us_said *lines, size_t n, const char *who, const char *reply) {
    char *own[WORN_LINES], *words = us_wording(reply, strlen(reply)),
                           *said = n ? us_wording(lines[n - 1].text, strlen(lines[n - 1].text)) : NULL;
    size_t n_own = 0;
    int32_t worn = 0;
    for (size_t i = n; i-- > 0 && n_own < WORN_LINES && who;)
        if (lines[i].name && !strcmp(lines[i].name, who)) own[n_own++] = us_wording(lines[i].text, strlen(lines[i].text));
    for (char *p = words; p && said && *p && p[1];) {
        char *end = p + 1 + strcspn(p + 1, " "), *cut = end[-1] == 's' ? end - 1 : end, kept = *cut;
        if (cut - p > WORN_BYTES) {
            int32_t times = 0;
            *cut = 0; /* " donut" of " donuts " */
            for (size_t i = 0; i < n_own; i++) times += own[i] && strstr(own[i], p);
            worn += times > 1 && !strstr(said, p);
            *cut = kept;
        }
        p = end;
    }
    for (size_t i = 0; i < n_own; i++) free(own[i]);
    free(words);
    free(said);
    return worn;
}

us_status us_sides_judge(void *ctx, const us_conversation_view *c, us_candidate *takes, int32_t n, us_error *err) {
    const char **lines;
    bool latin = ctx && us_sides_latin(ctx);
    us_status st = us_alloc(c->n_lines, sizeof *lines, &lines, err);
    if (st) return st;
    for (size_t i = 0; i < c->n_lines; i++) lines[i] = c->lines[i].text;
    for (int32_t i = 0; i < n; i++) {
        us_sides v = us_sides_look(lines, c->n_lines, takes[i].text);
        if (v.confesses) takes[i].leaked = true;
        bool babbles = latin && us_sides_foreign(lines, c->n_lines, takes[i].text);
        if (v.echoes || v.repeats || babbles) takes[i].judged -= ECHO_NATS;
        if (v.copied > 2) takes[i].judged -= v.copied - 2;
        int32_t worn = us_sides_worn(c->lines, c->n_lines, c->who, takes[i].text);
        takes[i].judged -= WORN_NATS * (worn < WORN_MOST ? worn : WORN_MOST);
    }
    free(lines);
    return US_OK;
}
