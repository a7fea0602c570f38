#include "reply/thoughts.h"
#include <string.h>

typedef struct marks {
    const char *open, *close;
    bool ambiguous; /* the closing mark means something else too, and closes nothing that was not opened */
} marks;

static const marks kinds[] = {{"<think>", "</think>"},
                              {"<thinking>", "</thinking>"},
                              {"<thought>", "</thought>"},
                              {"<reasoning>", "</reasoning>"},
                              {"<reflection>", "</reflection>"},
                              {"<seed:think>", "</seed:think>"},
                              {"[THINK]", "[/THINK]"},
                              {"<|START_THINKING|>", "<|END_THINKING|>"},
                              {"<|begin_of_thought|>", "<|end_of_thought|>"},
                              {"<|channel|>analysis<|message|>", "<|end|>", true},
                              {"<|channel|>commentary<|message|>", "<|end|>", true}};
/* What stands around the words themselves, and is none of them. */
static const char *const frames[] = {"<|start|>assistant",    "<|channel|>final<|message|>", "<|return|>",
                                     "<|begin_of_solution|>", "<|end_of_solution|>",         "<|START_RESPONSE|>",
                                     "<|END_RESPONSE|>"};
enum { N_KINDS = sizeof kinds / sizeof *kinds, N_FRAMES = sizeof frames / sizeof *frames };

static bool begins(const char *p, size_t n, const char *mark) {
    size_t k = strlen(mark);
    return n >= k && !memcmp(p, mark, k);
}

/* Whether p[0..n), to the end of what there is, is the head of a mark. */
static bool may_become(const char *p, size_t n, const char *mark) { return n < strlen(mark) && !memcmp(p, mark, n); }

static bool may_become_any(const char *p, size_t n) {
    for (size_t i = 0; i < N_KINDS; i++)
        if (may_become(p, n, kinds[i].open) || may_become(p, n, kinds[i].close)) return true;
    for (size_t i = 0; i < N_FRAMES; i++)
        if (may_become(p, n, frames[i])) return true;
    return false;
}

static const char *find(const char *p, size_t n, const char *mark) { return memmem(p, n, mark, strlen(mark)); }

/* Blanks in front of the first word, as those that part it from a thought, are no words. */
static size_t after(const char *text, size_t n, size_t at, const us_buf *out) {
    while (!out->len && at < n && strchr(" \t\r\n", text[at]) && text[at]) at++;
    return at;
}

us_status us_thoughts_leave_out(const char *text, size_t n, bool final, us_buf *out, us_error *err) {
    us_status st = US_OK;
    us_buf_clear(out);
    for (size_t i = after(text, n, 0, out), len; i < n && !st; i += len) {
        const char *p = text + i;
        size_t left = n - i, k = 0;
        len = 1;
        if (*p != '<' && *p != '[') {
            while (len < left && p[len] != '<' && p[len] != '[') len++;
            st = us_buf_append(out, p, len, err);
            continue;
        }
        while (k < N_KINDS && !begins(p, left, kinds[k].open) && !begins(p, left, kinds[k].close)) k++;
        if (k < N_KINDS && begins(p, left, kinds[k].open)) {
            const char *end = find(p, left, kinds[k].close);
            if (!end) return US_OK; /* the thought is not over */
            len = after(text, n, (size_t)(end - text) + strlen(kinds[k].close), out) - i;
            continue;
        }
        if (k < N_KINDS) { /* closed, and never opened: all so far was thought */
            if (!kinds[k].ambiguous) us_buf_clear(out);
            len = after(text, n, i + strlen(kinds[k].close), out) - i;
            continue;
        }
        for (k = 0; k < N_FRAMES && !begins(p, left, frames[k]); k++) continue;
        if (k < N_FRAMES) len = after(text, n, i + strlen(frames[k]), out) - i;
        else if (!final && may_become_any(p, left)) return US_OK;
        else st = us_buf_append(out, p, 1, err);
    }
    return st;
}
