/* Every text becomes its words once: folded, parted by single blanks, a blank at either end; phrases are then found as they
 * stand. */
#include "reply/sides.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "reply/stand.h"
#include "text/wording.h"
#include <stdlib.h>
#include <string.h>

enum {
    ECHO_NATS = 150,    /* what an echo, a repetition, a word of letters that nobody writes loses */
    OPEN_NATS = 60,     /* where a machine is meant and the reply takes no side */
    WORN_NATS = 3,      /* for each word that somebody dwells on, */
    WORN_MOST = 3,      /* at most so many of them, */
    WORN_LINES = 6,     /* in so many last lines of theirs */
    WORN_BYTES = 5,     /* of such a word, at least */
    CALL_NATS = 6,      /* what a call loses after */
    MANY_CALLS = 2,     /* so many of them in the last */
    CALL_LINES = 3,     /* lines */
    CALL_WORDS = 3,     /* different words of what is no call, at least */
    RECENT_LINES = 8,   /* in which a repetition is looked for */
    SENTENCE_WORDS = 3, /* of a sentence that can be one, at least */
    SHORT_LINES = 5,    /* in which a reply of fewer words is looked for as a whole */
    LONG_RUN = 5        /* words in a row that make an echo of any reply */
};

static bool has(const char *w, const char *phrase) { return strstr(w, phrase) != NULL; }

/* ---- other people's words --------------------------------------------------------------------------------------- */

/* What is said back without being an echo. */
static bool is_courtesy(const char *reply) {
    /* clang-format off */
    static const char *const list[] = {
        " hi ", " hello ", " hey ", " good night ", " good morning ", " good evening ", " goodnight ", " bye ",
        " goodbye ", " see you ", " thank you ", " thanks ", " cheers ", " happy ", " merry ", " nice to meet you ",
        " привет ", " здравствуй", " пока ", " до свидания ", " спокойной ночи ", " доброе утро ", " добрый ",
        " спасибо ", " до завтра ", NULL};
    /* clang-format on */
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
        v.echoes = echoes(said, own, v.copied);
    }
    bool is_short = own && us_wording_count(own) < SENTENCE_WORDS;
    for (size_t i = n > RECENT_LINES ? n - RECENT_LINES : 0; i + 1 < n && own && !v.repeats && !is_courtesy(own); i++) {
        char *line = us_wording(lines[i], strlen(lines[i]));
        v.repeats = line && (is_short ? i + SHORT_LINES >= n && *own && !strcmp(line, own) : says_again(line, reply));
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

bool us_sides_is_call(const char *text) {
    char *words = us_wording(text, strlen(text));
    int32_t different = 0;
    for (char *p = words; p && *p && p[1] && different < CALL_WORDS;) {
        size_t n = 1 + strcspn(p + 1, " ");
        char *before = memmem(words, (size_t)(p - words) + 1, p, n + 1); /* with the blank that this word begins with */
        different += !before;
        p += n;
    }
    free(words);
    return different < CALL_WORDS;
}

us_status us_sides_judge(void *ctx, const us_conversation_view *c, us_candidate *takes, int32_t n, us_error *err) {
    const char **lines;
    bool latin = ctx && us_sides_latin(ctx);
    us_status st = us_alloc(c->n_lines, sizeof *lines, &lines, err);
    if (st) return st;
    for (size_t i = 0; i < c->n_lines; i++) lines[i] = c->lines[i].text;
    us_machine_claim claim = us_stand_claim(c->lines, c->n_lines, c->who);
    const char *last = c->n_lines ? lines[c->n_lines - 1] : "";
    int32_t calls = 0;
    for (size_t i = c->n_lines; i-- > 0 && c->n_lines - i <= CALL_LINES;) calls += us_sides_is_call(lines[i]);
    for (int32_t i = 0; i < n; i++) {
        us_sides v = us_sides_look(lines, c->n_lines, takes[i].text);
        if (us_stand_to(claim, last, c->who, takes[i].text) == US_STAND_OPEN) takes[i].judged -= OPEN_NATS;
        bool babbles = latin && us_sides_foreign(lines, c->n_lines, takes[i].text);
        if (v.echoes || v.repeats || babbles) takes[i].judged -= ECHO_NATS;
        if (calls >= MANY_CALLS && us_sides_is_call(takes[i].text)) takes[i].judged -= CALL_NATS;
        if (v.copied > 2) takes[i].judged -= v.copied - 2;
        int32_t worn = us_sides_worn(c->lines, c->n_lines, c->who, takes[i].text);
        takes[i].judged -= WORN_NATS * (worn < WORN_MOST ? worn : WORN_MOST);
    }
    free(lines);
    return US_OK;
}
