/* explore/words.c - splits text into interned, case-folded words; keyness and Dunning's G2. */
#include "explore/words.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

void us_words_fini(us_words *w) {
    free(w->text);
    free(w->start);
    free(w->slots);
    *w = (us_words){0};
}

const char *us_words_get(const us_words *w, uint32_t id) { return w->text + w->start[id]; }

static uint64_t hash_bytes(const char *s, size_t n) { /* FNV-1a */
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return h ^ (h >> 32);
}

static us_status grow_slots(us_words *w, us_error *err) {
    size_t n_slots = w->n_slots ? w->n_slots * 2 : 1024;
    uint32_t *slots;
    us_status st = us_alloc(n_slots, sizeof *slots, &slots, err);
    if (st) return st;
    for (size_t i = 0; i < w->n; i++) {
        const char *s = us_words_get(w, (uint32_t)i);
        size_t at = hash_bytes(s, strlen(s)) & (n_slots - 1);
        while (slots[at]) at = (at + 1) & (n_slots - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(w->slots);
    w->slots = slots;
    w->n_slots = n_slots;
    return US_OK;
}

/* The word under construction is the n bytes at w->text + w->text_len, already in place. */
static us_status intern(us_words *w, size_t n, uint32_t *id, us_error *err) {
    us_status st;
    if (w->n * 2 >= w->n_slots && (st = grow_slots(w, err))) return st;
    const char *s = w->text + w->text_len;
    size_t at = hash_bytes(s, n) & (w->n_slots - 1);
    for (; w->slots[at]; at = (at + 1) & (w->n_slots - 1)) {
        const char *other = us_words_get(w, w->slots[at] - 1);
        if (!memcmp(other, s, n) && !other[n]) {
            *id = w->slots[at] - 1;
            return US_OK;
        }
    }
    if (w->text_len + n + 1 > UINT32_MAX) return us_fail(err, US_ERR_LIMIT, "more than 4 GiB of different words");
    if ((st = us_grow(&w->start, &w->start_cap, w->n + 1, sizeof *w->start, err))) return st;
    w->text[w->text_len + n] = 0;
    w->start[w->n] = (uint32_t)w->text_len;
    w->text_len += n + 1;
    *id = (uint32_t)w->n++;
    w->slots[at] = *id + 1;
    return US_OK;
}

static bool is_word(uint32_t cp) {
    if (cp < 128) return (cp | 32) - 'a' < 26 || cp - '0' < 10;
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO);
}

static size_t put_folded(uint32_t cp, char *out) {
    if (cp < 128) {
        *out = (char)(cp - 'A' < 26 ? cp + 32 : cp);
        return 1;
    }
    return (size_t)us_utf8_encode((uint32_t)utf8proc_tolower((utf8proc_int32_t)cp), out);
}

us_status us_words_split(us_words *w, const char *text, us_ids *out, us_error *err) {
    us_status st;
    size_t left = strlen(text), n = 0, room;
    /* One word is at most the whole text; lower case is at most 3 bytes for 2 (U+023A). */
    if (!us_mul_size(left, 2, &room) || !us_add_size(room, w->text_len + 8, &room))
        return us_fail(err, US_ERR_LIMIT, "a line is too long");
    if ((st = us_grow(&w->text, &w->text_cap, room, 1, err))) return st;
    bool quote = false; /* an apostrophe after the word so far: inside it if a letter follows */
    for (;;) {
        uint32_t cp = 0;
        int len = left ? us_utf8_decode(text, left, &cp) : 0;
        if (left && !len) return us_fail(err, US_ERR_FORMAT, "text is not UTF-8");
        bool word = len && is_word(cp);
        if (word) {
            if (quote) w->text[w->text_len + n++] = '\'';
            n += put_folded(cp, w->text + w->text_len + n);
            quote = false;
        } else if (n && !quote && (cp == '\'' || cp == 0x2019)) {
            quote = true;
        } else if (n) {
            uint32_t id = 0;
            if ((st = intern(w, n, &id, err)) || (st = us_grow(&out->id, &out->cap, out->n + 1, sizeof *out->id, err)))
                return st;
            out->id[out->n++] = id;
            if ((st = us_grow(&w->text, &w->text_cap, w->text_len + 2 * left + 8, 1, err))) return st;
            n = 0;
            quote = false;
        }
        if (!len) return US_OK;
        text += len;
        left -= (size_t)len;
    }
}

double us_keyness_z(double y_i, double n_i, double y_j, double n_j, double a, double a0) {
    double delta = log((y_i + a) / (n_i + a0 - y_i - a)) - log((y_j + a) / (n_j + a0 - y_j - a));
    return delta / sqrt(1 / (y_i + a) + 1 / (y_j + a));
}

static double cell(double observed, double expected) { return observed > 0 ? observed * log(observed / expected) : 0; }

double us_dunning_g2(double c12, double c1, double c2, double n) {
    return 2 * (cell(c12, c1 * c2 / n) + cell(c1 - c12, c1 * (n - c2) / n) + cell(c2 - c12, (n - c1) * c2 / n) +
                cell(n - c1 - c2 + c12, (n - c1) * (n - c2) / n));
}
