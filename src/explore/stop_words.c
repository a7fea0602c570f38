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
    "а ага ах без бы был была были было быть в вам вами вас ваш ваша ваше ваши ведь весь во вон вот все всё всего всей всем "
    "всех всю вся вы где да "
    "даже для до его ее её ей ему если есть еще ещё же за зачем здесь и из или им ими иногда их к как какая какие какой когда "
    "кого ком кому которая "
    "которого которые который кто куда ладно ли либо лишь между меня мне мной мог могу могут может можно мой моя моё мое мои "
    "мы на над надо нам нами нас наш наша наше наши не него "
    "нее неё ней нельзя нет неужели ни нибудь никогда ним них ничего но ну о об один одна одно ого ой он она они оно опять от "
    "отсюда очень перед по "
    "под после потом потому почему почти пожалуйста при про просто раз разве с сам сама сами самый свое своё свой своя свои "
    "своего себе себя сейчас со совсем так такая такие такое такой там тебе тебя "
    "тем теперь то тобой тогда того тоже той только том тот тою ту тут ты тьфу у уж уже ух хм хорошо хоть хочу хочешь чего чей "
    "чем через что чтоб чтобы чуть чья "
    "эй эта эти это этого этой этом этот эту я",
    NULL};

/* Language l, or NULL behind the last: our two lists, then those of others. */
static const us_stop_list *language_at(size_t l) {
    static const us_stop_list ours[] = {{"en", english}, {"ru", russian}};
    return l < 2 ? &ours[l] : us_stop_lists[l - 2].language ? &us_stop_lists[l - 2] : NULL;
}
enum { MOST_LANGUAGES = 32, NO_LANGUAGE = MOST_LANGUAGES };

/* A number, or a single letter (a syllable of Chinese or Japanese is a word). */
static bool is_trifle(const char *word) {
    size_t letters = 0, digits = 0;
    uint32_t cp = 0;
    for (const char *p = word; *p;) {
        int n = us_utf8_decode(p, strlen(p), &cp);
        if (!n) break;
        digits += cp >= '0' && cp <= '9';
        letters += cp != '\'';
        p += n;
    }
    return letters == digits || (letters < 2 && cp < 0x2e80);
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
