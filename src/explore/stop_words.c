/* explore/stop_words.c - words that say nothing about who speaks: grammar, and the small noises of talk. */
#include "base/utf8.h"
#include "base/mem.h"
#include "explore/facts.h"
#include "explore/stop_word_lists.h"
#include <stdlib.h>
#include <string.h>

/* Each list is one string, blanks between; case-folded, apostrophes straight, as us_words_split() leaves words. */
static const char *const english[] = {
    "a about above actually after again against ah ain't all almost already also although always am an and another any anybody "
    "anymore anyone anything anyway are aren't around as at away aw back be became because become been before being below "
    "between both but by "
    "c'mon came can can't cannot come comes could could've couldn't did didn't do does doesn't doing don't done down during "
    "each eh either else er even ever every everybody "
    "everyone everything few for from further gave get gets getting give go goes going gone gonna got gotta guess had hadn't "
    "has "
    "hasn't have haven't having he he'd he'll he's her here here's hers herself hey hi him himself his hm hmm hmmm how how'd "
    "how's however huh i "
    "i'd i'll i'm i've if in instead into is isn't it it'd it'll it's its itself just kinda knew know knows let let's like ll "
    "look looks made make makes many "
    "may maybe me mean might mine mm more most much must mustn't my myself need needs never no nobody nor not nothing now of "
    "off oh ok "
    "okay on once one ones only onto or other others ought our ours ourselves out over own perhaps please put quite rather re "
    "really right said same "
    "saw say says see seem seems seen shall shan't she she'd she'll she's should should've shouldn't since so some somebody "
    "someone something sometimes sorry "
    "such sure take than that that'd that'll that's the their theirs them themselves then there there'll there's these they "
    "they'd they'll "
    "they're they've thing things think this those though through til till to too took try uh uhh um umm under until up upon "
    "us use used ve very wait wanna want "
    "wants was wasn't way we we'd we'll we're we've well went were weren't what what'd what'll what're what's whatever when "
    "when's "
    "where where's whether which while who who'd who'll who's whoever whole whom whose why why's will with without won't would "
    "would've "
    "wouldn't ya yeah yep yes yet you you'd you'll you're you've your yours yourself yourselves 'cause cause 'em em gotten lot "
    "lots",
    NULL};
static const char *const russian[] = {
    "а ага ах без будем будет будете будешь буду будут бы был была были было быть в вам вами вас ваш ваша ваше "
    "вашего вашей вашему ваши вашим вашими ваших вашу вдруг ведь весь во вон вообще вот все всего всей всем "
    "всеми всему всех всею всю вся всё всём вы где да дабы даже для до его ее ей ему если есть еще ещё её ж же "
    "за зачем здесь значит и ибо из или им именно ими иногда их к кажется как какая какие каким каких какого "
    "какой какую когда кого ком кому которая которого которой котором которому которую которые который которым "
    "которых кроме кто куда ладно ли либо лишь между меня мне мной мог могу могут мое моего моей моему может "
    "можно мои моим моими моих мой мол мою моя моё мы на над надо нам нами нас наш наша наше нашего нашей "
    "нашему наши нашим нашими наших нашу не него нее ней некоторые нельзя нет нету неужели неё ни нибудь нигде "
    "никогда никого никому никто никуда ним них ничего ничто но ну о об ого один одна одно ой около он она они "
    "оно опять от отсюда очень перед по под пожалуйста пока после потом потому почему почти при про просто "
    "пусть раз разве с сам сама сами самим самих самого самой самому самый свое своего своему свои своим "
    "своими своих свой свою своя своё себе себя сейчас сквозь слишком со собой собою совсем среди так такая "
    "также такие таким такими таких такого такое такой такую там твое твоего твоей твоему твои твоим твоих "
    "твой твою твоя твоё те тебе тебя тем теми теперь тех то тобой тогда того тоже той только том тому тот тою "
    "ту тут ты тьфу у уж уже ух хм хорошо хоть хотя хочешь хочу чего чей чем через что чтоб чтобы чуть чья эй "
    "эта эти этим этими этих это этого этой этом этому этот этою эту я",
    NULL};

/* Language l, or NULL behind the last: our two lists, then those of others. */
static const us_stop_list *language_at(size_t l) {
    static const us_stop_list ours[] = {{"en", english}, {"ru", russian}};
    return l < 2 ? &ours[l] : us_stop_lists[l - 2].language ? &us_stop_lists[l - 2] : NULL;
}
enum { MOST_LANGUAGES = 32, NO_LANGUAGE = MOST_LANGUAGES };

/* A number, a single letter (a syllable of Chinese or Japanese is a word), or up to three letters of hiragana: what Japanese
 * writes in it is endings and particles, of which no list has all. */
static bool is_trifle(const char *word) {
    size_t letters = 0, digits = 0, hiragana = 0;
    uint32_t cp = 0;
    for (const char *p = word; *p;) {
        int n = us_utf8_decode(p, strlen(p), &cp);
        if (!n) break;
        digits += cp >= '0' && cp <= '9';
        letters += cp != '\'';
        hiragana += cp >= 0x3041 && cp <= 0x309f;
        p += n;
    }
    return letters == digits || (hiragana == letters && letters < 4) || (letters < 2 && cp < 0x2e80);
}

/* Sets `bit` in the marks of the words of a list; returns how often they are said. */
static uint64_t mark(const us_words *words, const uint32_t *n_said, const char *list, uint32_t bit, uint32_t *marks) {
    uint64_t said = 0;
    for (const char *p = list; *p; p += *p == ' ') {
        size_t n = strcspn(p, " ");
        uint32_t id = us_words_find(words, p, n);
        if (id != US_NO_WORD && !(marks[id] & bit)) said += n_said[id], marks[id] |= bit;
        p += n;
    }
    return said;
}

static uint64_t mark_all(const us_words *words, const uint32_t *n_said, const char *const *lists, uint32_t bit,
                         uint32_t *marks) {
    uint64_t said = 0;
    for (; *lists; lists++) said += mark(words, n_said, *lists, bit, marks);
    return said;
}

static us_status unknown(const char *language, us_error *err) {
    char list[8 * MOST_LANGUAGES] = "";
    for (size_t l = 0; language_at(l); l++) strcat(strcat(list, language_at(l)->language), " ");
    return us_fail(err, US_ERR_ARGUMENT, "language: expected none or one of %sgot '%s'", list, language);
}

/* Is `best` only the nearest of our languages to one that we have no list of (Russian to a Bulgarian text)? In the languages of the
 * lists 30% (Turkish) to 65% of the words that are said are stop words, in their neighbours at most 27%, but for Galician (30% by the
 * Portuguese list); measured on one translated game of 30 languages, 4,000 lines each. Letters that no other list has need no share. */
static bool is_neighbour(const us_words *words, const uint32_t *n_said, const uint32_t *marks, size_t best) {
    enum { FEW = 300 };
    const double least = 0.28;
    uint64_t all = 0, stop = 0, shared = 0; /* shared: in letters that many languages share, Latin and Cyrillic ones */
    for (size_t i = 0; i < words->n; i++) {
        uint32_t cp = 0;
        const char *word = us_words_get(words, (uint32_t)i);
        us_utf8_decode(word, strlen(word), &cp);
        all += n_said[i];
        if (!(marks[i] >> best & 1)) continue;
        stop += n_said[i];
        if (cp < 0x250 || (cp >= 0x400 && cp < 0x530)) shared += n_said[i];
    }
    return all >= FEW && 2 * shared > stop && (double)stop < least * (double)all;
}

us_status us_stop_words(const us_words *words, const uint32_t *n_said, const char *more, const char **language,
                        unsigned char *stop, us_error *err) {
    uint64_t most = 0;
    size_t best = NO_LANGUAGE;
    uint32_t *marks;
    bool known = !*language || !strcmp(*language, "none");
    us_status st = us_alloc(words->n, sizeof *marks, &marks, err);
    for (size_t l = 0; !st && language_at(l); l++) {
        if (*language && strcmp(language_at(l)->language, *language)) continue;
        uint64_t said = mark_all(words, n_said, language_at(l)->words, 1u << l, marks);
        if (said > most || *language) most = said, best = l;
        known = true;
    }
    if (!st && !known) st = unknown(*language, err);
    if (!st && !*language && best != NO_LANGUAGE && is_neighbour(words, n_said, marks, best)) best = NO_LANGUAGE;
    for (size_t i = 0; i < words->n && !st; i++) {
        bool is = best != NO_LANGUAGE && marks[i] >> best & 1;
        stop[i] = is ? US_STOP_WORD : is_trifle(us_words_get(words, (uint32_t)i)) ? US_STOP_TRIFLE : 0;
    }
    for (const char *p = more ? more : ""; !st && *p;) {
        size_t n = strcspn(p, " \t\r\n");
        uint32_t id = n ? us_words_find(words, p, n) : US_NO_WORD;
        if (id != US_NO_WORD) stop[id] = US_STOP_WORD;
        p += n + (p[n] != 0);
    }
    free(marks);
    *language = best != NO_LANGUAGE ? language_at(best)->language : "none";
    return st;
}
