/* Finding a speaker, and guessing which names are one person. */
#include "base/mem.h"
#include "corpus/script.h"
#include "text/fold.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Damerau-Levenshtein distance (adjacent swaps count one), at most `max` (else max + 1). Bytes, folded by the caller. */
static int distance(const char *a, const char *b, int max) {
    int n = (int)strlen(a), m = (int)strlen(b), rows[3][128];
    if (abs(n - m) > max || n > 120 || m > 120) return max + 1;
    for (int j = 0; j <= m; j++) rows[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = rows[i % 3], *up = rows[(i + 2) % 3], *upup = rows[(i + 1) % 3], best = now[0] = i;
        for (int j = 1; j <= m; j++) {
            int cost = a[i - 1] != b[j - 1], d = up[j - 1] + cost;
            if (up[j] + 1 < d) d = up[j] + 1;
            if (now[j - 1] + 1 < d) d = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && upup[j - 2] + 1 < d) d = upup[j - 2] + 1;
            now[j] = d;
            if (d < best) best = d;
        }
        if (best > max) return max + 1;
    }
    return rows[n % 3][m];
}

us_status us_script_find_speaker(const us_script *s, const char *name, uint32_t *out, us_error *err) {
    size_t n, n_near = 0;
    const us_speaker *sp = us_script_get_speakers(s, &n);
    if (!n || !sp[0].n_lines) /* they come by their lines */
        return us_fail(
            err, US_ERR_FORMAT,
            "%s: no line has a speaker's name, as in most subtitles: a transcript or a table that says who speaks is "
            "needed",
            us_script_get_path(s, 0));
    for (size_t i = 0; i < n; i++)
        if (!strcmp(sp[i].name, name)) return *out = (uint32_t)i, US_OK;
    us_buf want, have;
    us_buf_init(&want, 1 << 16);
    us_buf_init(&have, 1 << 16);
    char near[512] = "";
    bool ok = us_fold_name(name, &want) && want.data, found = false;
    for (size_t i = 0; i < n && ok && !found; i++)
        if (us_fold_name(sp[i].name, &have) && have.data && !strcmp(want.data, have.data)) *out = (uint32_t)i, found = true;
    ok = ok && us_fold_case(name, &want) && want.data;
    for (size_t i = 0; i < n && ok && !found && n_near < 4 && want.len;
         i++) { /* speakers come by their lines: the most likely first */
        if (!us_fold_case(sp[i].name, &have)) continue;
        if (!strstr(have.data, want.data) && distance(want.data, have.data, want.len > 6 ? 2 : 1) > (want.len > 6 ? 2 : 1))
            continue;
        snprintf(near + strlen(near), sizeof near - strlen(near), "%s'%.100s'", n_near ? ", " : "", sp[i].name);
        n_near++;
    }
    us_buf_fini(&want);
    us_buf_fini(&have);
    if (found) return US_OK;
    if (n_near) return us_fail(err, US_ERR_NOT_FOUND, "no character '%s'; did you mean %s?", name, near);
    for (size_t i = 0; i < n && i < 3; i++)
        snprintf(near + strlen(near), sizeof near - strlen(near), "%s'%.100s'", i ? ", " : "", sp[i].name);
    return us_fail(err, US_ERR_NOT_FOUND, "no character '%s'; those with most lines are %s", name, near);
}

/* "mnca" for "monica geller", "rach" for "rachel green": the beginning of the first name, or four letters and more of
 * it in order, few of them vowels. Only of names in capitals, as transcripts shorten them. */
static bool contracted(const char *shorter, const char *longer) {
    size_t n = strlen(shorter), first = strcspn(longer, " "), k = 0, n_vowels = 0;
    if (n < 3 || n >= first || shorter[0] != longer[0] || strchr(shorter, ' ')) return false;
    if (!strncmp(shorter, longer, n)) return true;
    for (size_t i = 0; i < first && k < n; i++) k += longer[i] == shorter[k];
    for (size_t i = 1; i < n; i++) n_vowels += strchr("aeiou", shorter[i]) != NULL;
    return n > 3 && k == n && n_vowels < 2;
}

static int by_score(const void *a, const void *b) {
    const us_alias *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return x->from != y->from ? (x->from > y->from ? 1 : -1) : (x->to > y->to) - (x->to < y->to);
}

/* Words that many bear: "Officer" is not Officer Barbrady. */
static bool is_common_noun(const char *folded) {
    static const char list[] = " agent announcer boy brother captain chef chief choir coach cop crowd detective doctor dr. "
                               "elder emperor father general ghost girl guard guy "
                               "host inspector judge kid king lady leader little lord man mayor member miss mister mother mr. "
                               "mrs. ms. nurse officer old president priest prince princess "
                               "principal professor queen radio reporter reverend senator sergeant sheriff sister soldier "
                               "student teacher the uncle aunt woman worker young ";
    size_t n = strlen(folded);
    for (const char *p = strstr(list, folded); p; p = strstr(p + 1, folded))
        if (p[-1] == ' ' && p[n] == ' ') return true;
    return false;
}

/* A slip is in a long word, behind its first letter: "old nan" is not "old man", "Monika" is "Monica". */
static bool in_long_word(const char *s, size_t at) {
    size_t begin = at, end = at;
    while (begin && s[begin - 1] != ' ') begin--;
    while (s[end] && s[end] != ' ') end++;
    return end - begin >= 6 && at > begin;
}

/* One slip of a finger, but neither a number, nor a plural, nor Mr. for Mrs. */
static bool is_typo(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b), i = 0;
    if (n < 6 || m < 6 || strpbrk(a, "0123456789#") || strpbrk(b, "0123456789#") || distance(a, b, 1) != 1) return false;
    while (a[i] && a[i] == b[i]) i++;
    if (i < 4 && (!strncmp(a, "mr", 2) || !strncmp(b, "mr", 2) || !strncmp(a, "ms", 2) || !strncmp(b, "ms", 2))) return false;
    if (!in_long_word(n > m ? a : b, i)) return false;
    return a[n - 1] == b[m - 1] || (a[n - 1] != 's' && b[m - 1] != 's');
}

/* "uncle vernon" holds "vernon" behind a title; 0 if it does not, else 2, or 1 when what stands in front is no title. */
static int is_behind(const char *whole, const char *name) {
    static const char titles[] =
        " agent aunt auntie brother captain chief colonel coach count countess cousin deputy detective doctor dr dr. duchess "
        "duke father general "
        "grandma grandpa granny inspector judge king lady lieutenant lord madam madame major master mayor miss mister mother "
        "mr mr. mrs mrs. ms ms. "
        "nurse officer president prince princess principal private prof prof. professor queen reverend senator sergeant sgt "
        "sgt. sheriff sir "
        "sister uncle young old little herr frau onkel tante monsieur don doña señor señora дядя тётя доктор ";
    size_t n = strlen(name), m = strlen(whole);
    if (n < 3 || m < n + 2 || strcmp(whole + m - n, name) || whole[m - n - 1] != ' ' || strchr(name, ' ')) return 0;
    size_t first = m - n - 1;
    for (const char *p = strstr(titles, " "); p; p = strchr(p + 1, ' '))
        if (!strncmp(p + 1, whole, first) && p[1 + first] == ' ')
            return strncmp(whole, "young ", 6) && strncmp(whole, "old ", 4) && strncmp(whole, "little ", 7) ? 2 : 0;
    return memchr(whole, ' ', first) ? 0 : 1;
}

/* "erik (phantom)" and "erik". */
static bool is_role_of(const char *whole, const char *name) {
    size_t n = strlen(name), m = strlen(whole);
    return m > n + 3 && !strncmp(whole, name, n) && whole[n] == ' ' && whole[n + 1] == '(' && whole[m - 1] == ')';
}

static const char *behind_marks(const char *s) {
    for (bool curly; (curly = !strncmp(s, "\xe2\x80\x99", 3)) || (*s && strchr(" .,'-_", *s));) s += curly ? 3 : 1;
    return s;
}

static bool same_but_for_marks(const char *a, const char *b) {
    for (;; a++, b++) {
        a = behind_marks(a);
        b = behind_marks(b);
        if (!*a || *a != *b) return *a == *b;
    }
}

static void compare(const char *from, const char *to, bool shouted, us_alias *a) {
    size_t n = strlen(from), m = strlen(to);
    if (!n) return;
    if (!strcmp(from, to)) a->reason = "case", a->score = 0.99;
    else if (m > n && !strncmp(to, from, n) && to[n] == ' ' && !is_common_noun(from) && !strpbrk(to + n, "0123456789#"))
        a->reason = "first name", a->score = 0.8;
    else if (same_but_for_marks(from, to)) a->reason = "spelling", a->score = 0.9;
    else if (is_role_of(from, to) || is_role_of(to, from)) a->reason = "role", a->score = 0.6;
    else if (is_behind(from, to) == 2 || (is_behind(to, from) == 2 && !is_common_noun(from)))
        a->reason = "title", a->score = 0.75;
    else if (is_behind(to, from) == 1 && !is_common_noun(from)) a->reason = "last name", a->score = 0.55;
    else if (is_typo(from, to)) a->reason = "typo", a->score = 0.7;
    else if (shouted && contracted(from, to)) a->reason = "contraction", a->score = 0.5;
}

us_status us_script_suggest_aliases(const us_script *s, us_alias **out, size_t *n_out, us_error *err) {
    size_t n, cap = 0, count = 0, n_main = 0;
    const us_speaker *sp = us_script_get_speakers(s, &n);
    us_alias *list = NULL;
    char **folded = NULL;
    us_buf b;
    us_buf_init(&b, 1 << 16);
    us_status st = us_alloc(n + 1, sizeof *folded, &folded, err);
    for (size_t i = 0; i < n && !st; i++)
        if (!us_fold_case(sp[i].name, &b)) st = us_fail(err, US_ERR_MEMORY, "out of memory");
        else st = us_strdup(b.data, &folded[i], err);
    while (n_main < n && n_main < 400 && (sp[n_main].n_lines >= 10 || n_main < 20)) n_main++; /* someone worth joining */
    for (size_t i = 0; i < n && !st; i++)
        for (size_t k = 0; k < n_main && k < i && !st; k++) {
            us_alias a = {.from = (uint32_t)i, .to = (uint32_t)k};
            if (sp[i].joint || sp[k].joint) continue;
            compare(folded[i], folded[k], us_is_shouted(sp[i].name), &a);
            if (!a.reason) continue;
            /* A second person of that first name: sure only of one who speaks far more. */
            if (count && list[count - 1].from == i) {
                bool clear = sp[list[count - 1].to].n_lines >= 5 * sp[k].n_lines;
                if (!clear) list[count - 1].score /= 2;
                continue;
            }
            if (!(st = us_grow(&list, &cap, count + 1, sizeof *list, err))) list[count++] = a;
        }
    if (count) qsort(list, count, sizeof *list, by_score);
    for (size_t i = 0; folded && i < n; i++) free(folded[i]);
    free(folded);
    us_buf_fini(&b);
    if (st) free(list);
    else *out = list, *n_out = count;
    return st;
}

/* Who tells, shows or sings without being anybody, in the languages that scripts come in. Folded, whole names. */
static bool is_no_person(const char *folded) {
    static const char list[] = "|scene|scenes|scene description|scene directions|scene direction|stage direction|stage "
                               "directions|direction|directions|action|setting|"
                               "description|narration|narrator|narrators|sign|signs|lyrics|lyric|song|songs|music|title|titles|"
                               "title card|caption|captions|subtitle|"
                               "subtitles|text|on screen|onscreen text|on-screen text|note|notes|credits|opening "
                               "credits|transition|cut to|fade in|fade out|intro|end|"
                               "environment|system|unknown|sound|sounds|sfx|sound effect|sound effects|notes:|"
                               "рассказчик|ведущий за кадром|автор|сцена|ремарка|титры|текст|песня|музыка|надпись|за кадром|"
                               "erzähler|erzählerin|szene|regieanweisung|schild|lied|musik|narrateur|scène|didascalie|chanson|"
                               "musique|narrador|escena|acotación|canción|música|"
                               "narrador(a)|cena|canção|narratore|scena|旁白|场景|场景描述|字幕|歌词|画外音|ナレーション|"
                               "ナレーター|テロップ|歌|場面|나레이션|내레이션|해설|장면|자막|";
    char word[80];
    int n = snprintf(word, sizeof word, "|%s|", folded);
    return n > 2 && n < (int)sizeof word && strstr(list, word);
}

us_status us_script_suggest_exclusions(const us_script *s, uint32_t **out, size_t *n_out, us_error *err) {
    size_t n, count = 0, cap = 0;
    const us_speaker *sp = us_script_get_speakers(s, &n);
    uint32_t *list = NULL;
    us_buf b;
    us_buf_init(&b, 1 << 16);
    us_status st = US_OK;
    unsigned failures = us_memory_failures();
    for (size_t i = 0; i < n && !st; i++)
        if (sp[i].n_lines && us_fold_case(sp[i].name, &b) && b.data && is_no_person(b.data) &&
            !(st = us_grow(&list, &cap, count + 1, sizeof *list, err)))
            list[count++] = (uint32_t)i;
    us_buf_fini(&b);
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (st) free(list);
    else *out = list, *n_out = count;
    return st;
}
