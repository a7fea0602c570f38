#include "chat/names.h"
#include "text/fold.h"
#include "text/wording.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 64, HEAD_BYTES = 64, TOLD_BYTES = 8192 };
static const char marks[] = " \t\r\n.,;:!?\"()[]";

/* Whether the first capital letter of ASCII or of Russian stands at p. */
static bool capital(const char *p) {
    const unsigned char *u = (const unsigned char *)p;
    return (*u >= 'A' && *u <= 'Z') || (u[0] == 0xd0 && (u[1] == 0x81 || (u[1] >= 0x90 && u[1] <= 0xaf)));
}

/* The words before one that is a name, however it is written. */
static const char *const heads[] = {" name is ", " names ", " call me ", " called ", " named ", " зовут ", " по кличке ", NULL};

/* " vera " as the reply would have it, if w (folded, between blanks) is of themselves, or is asked to be a name. */
static bool taken(const char *reply, const char *w) {
    static const char *const before[] = {" im",      " i am",    " my name is", " my names", " its me",
                                         " call me", " this is", " меня зовут", " я это",    NULL},
                             *const after[] = {"your name ", "is my name ", "is your name ", "that your name ", NULL};
    char phrase[2 * NAME_BYTES];
    int n = (int)strlen(w) - 1;
    for (const char *const *b = before; *b; b++)
        for (int owner = 0; owner < 2; owner++) { /* "I'm Vera", "I'm Vera's mom" */
            snprintf(phrase, sizeof phrase, "%s%.*s%s", *b, n, w, owner ? "s " : " ");
            if (strstr(reply, phrase)) return true;
        }
    for (const char *const *a = after; *a; a++) {
        snprintf(phrase, sizeof phrase, "%s%s", w, *a);
        if (strstr(reply, phrase)) return true;
    }
    return false;
}

/* Whether `word` may be a name, by it and by what precedes it. */
static bool is_name(const char *word, const char *before, size_t n_before) {
    if (capital(word) && n_before) return strchr(".!?", before[n_before - 1]) == NULL;
    if (n_before > HEAD_BYTES) before += n_before - HEAD_BYTES, n_before = HEAD_BYTES; /* a line may be 64 KB long */
    while (n_before && ((unsigned char)*before & 0xc0) == 0x80) before++, n_before--;
    char *w = us_wording(before, n_before);
    bool found = false;
    size_t n = w ? strlen(w) : 0;
    for (const char *const *h = heads; *h && !found; h++) found = n >= strlen(*h) && !strcmp(w + n - strlen(*h), *h);
    free(w);
    return found;
}

static bool takes_theirs(const char *told, const char *own, const char *reply) {
    bool found = false;
    size_t n_told = strlen(told);
    if (n_told > TOLD_BYTES) told += n_told - TOLD_BYTES; /* what was told last */
    while (((unsigned char)*told & 0xc0) == 0x80) told++;
    for (const char *p = told + strspn(told, marks); *p && !found;) {
        size_t n = strcspn(p, marks), before = (size_t)(p - told);
        while (before && told[before - 1] == ' ') before--;
        char *w = n < NAME_BYTES - 2 && is_name(p, told, before) ? us_wording(p, n) : NULL;
        found = w && w[1] && strcmp(w, " i ") != 0 && strcmp(w, " im ") != 0 && !strstr(own, w) && strlen(w) < NAME_BYTES &&
                taken(reply, w);
        free(w);
        p += n;
        p += strspn(p, marks);
    }
    return found;
}

/* "Hello, Homer!" of Homer: a greeting, then the name, and no "here" behind it. */
static bool greets_self(const char *who, const char *own, const char *reply) {
    static const char *const greetings[] = {
        " hi",           " hello",   " hey",  " hiya",   " welcome",   " good morning",     " good night",
        " good evening", " goodbye", " bye",  " thanks", " thank you", " nice to meet you", " привет",
        " здравствуй",   " спасибо", " пока", NULL};
    static const char *const self[] = {"here ", "speaking ", "is ", "at ", "тут ", NULL};
    char phrase[2 * NAME_BYTES], first[NAME_BYTES];
    size_t n = own[0] && own[1] ? us_first_name(who) ? 1 + strcspn(own + 1, " ") : strlen(own) - 1 : 0;
    if (!n || n + 1 >= sizeof first) return false;
    snprintf(first, sizeof first, "%.*s ", (int)n, own); /* " homer ", but " mr burns " whole */
    const char *last = own + n + 1;                      /* "simpson ", or nothing */
    for (const char *const *g = greetings; *g; g++) {
        snprintf(phrase, sizeof phrase, "%s%s", *g, first);
        const char *p = strstr(reply, phrase);
        if (!p) continue;
        p += strlen(phrase);
        if (*last && !strncmp(p, last, strlen(last))) p += strlen(last);
        bool here = false;
        for (const char *const *s = self; *s; s++) here = here || !strncmp(p, *s, strlen(*s));
        if (!here) return true;
    }
    return false;
}

bool us_names_mixed(const char *told, const char *who, const char *reply) {
    char *own = who ? us_wording(who, strlen(who)) : NULL, *w = us_wording(reply, strlen(reply));
    bool mixed = own && w && (greets_self(who, own, w) || (told && takes_theirs(told, own, w)));
    free(own);
    free(w);
    return mixed;
}
