/* explore/words.c - splits text into interned, case-folded words; keyness and Dunning's G2. */
#include "explore/words.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/segment.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

void us_words_fini(us_words *w) {
    free(w->text);
    free(w->start);
    free(w->slots);
    *w = (us_words){0};
}

const char *us_words_get(const us_words *w, uint32_t id) { return w->text + w->start[id]; }

#define HASH_SEED 0xcbf29ce484222325u /* FNV-1a */
static uint64_t hash_byte(uint64_t h, unsigned char c) { return (h ^ c) * 0x100000001b3u; }
static uint64_t hash_end(uint64_t h) { return h ^ (h >> 29); }
static uint64_t hash_bytes(const char *s, size_t n) {
    uint64_t h = HASH_SEED;
    for (size_t i = 0; i < n; i++) h = hash_byte(h, (unsigned char)s[i]);
    return hash_end(h);
}

static void put_slot(uint64_t *slots, size_t n_slots, uint64_t hash, uint32_t id) {
    size_t at = hash & (n_slots - 1);
    while (slots[at]) at = (at + 1) & (n_slots - 1);
    slots[at] = (hash & ~(uint64_t)UINT32_MAX) | (id + 1);
}

static us_status grow_slots(us_words *w, us_error *err) {
    size_t n_slots = w->n_slots ? w->n_slots * 2 : 1024;
    uint64_t *slots;
    us_status st = us_alloc(n_slots, sizeof *slots, &slots, err);
    if (st) return st;
    for (size_t i = 0; i < w->n; i++) {
        const char *s = us_words_get(w, (uint32_t)i);
        put_slot(slots, n_slots, hash_bytes(s, strlen(s)), (uint32_t)i);
    }
    free(w->slots);
    w->slots = slots;
    w->n_slots = n_slots;
    return US_OK;
}

static uint32_t find(const us_words *w, const char *s, size_t n, uint64_t hash) {
    for (size_t at = hash & (w->n_slots - 1); w->slots[at]; at = (at + 1) & (w->n_slots - 1)) {
        if ((w->slots[at] ^ hash) >> 32) continue;
        const char *other = us_words_get(w, (uint32_t)w->slots[at] - 1);
        size_t k = 0;
        while (k < n && other[k] == s[k]) k++; /* words are short: a call would cost more */
        if (k == n && !other[n]) return (uint32_t)w->slots[at] - 1;
    }
    return US_NO_WORD;
}

uint32_t us_words_find(const us_words *w, const char *s, size_t n) {
    return w->n_slots ? find(w, s, n, hash_bytes(s, n)) : US_NO_WORD;
}

/* The word under construction is the n bytes at w->text + w->text_len, already in place. */
static us_status intern(us_words *w, size_t n, uint64_t hash, uint32_t *id, us_error *err) {
    us_status st;
    if (w->n * 2 >= w->n_slots && (st = grow_slots(w, err))) return st;
    const char *s = w->text + w->text_len;
    if ((*id = find(w, s, n, hash)) != US_NO_WORD) return US_OK;
    if (w->text_len + n + 1 > UINT32_MAX) return us_fail(err, US_ERR_LIMIT, "more than 4 GiB of different words");
    if ((st = us_grow(&w->start, &w->start_cap, w->n + 1, sizeof *w->start, err))) return st;
    w->text[w->text_len + n] = 0;
    w->start[w->n] = (uint32_t)w->text_len;
    w->text_len += n + 1;
    *id = (uint32_t)w->n++;
    put_slot(w->slots, w->n_slots, hash, *id);
    return US_OK;
}

static bool is_word(uint32_t cp) {
    if (cp < 128) return (cp | 32) - 'a' < 26 || cp - '0' < 10;
    return U_GET_GC_MASK((UChar32)cp) & (U_GC_L_MASK | U_GC_M_MASK | U_GC_N_MASK);
}

static size_t put_folded(uint32_t cp, char *out) {
    if (cp < 128) {
        *out = (char)(cp - 'A' < 26 ? cp + 32 : cp);
        return 1;
    }
    return (size_t)us_utf8_encode((uint32_t)u_tolower((UChar32)cp), out);
}

/* The run of letters that begins at `from` or after it, and whether a script without blanks is in it. */
static bool next_run(const char *text, size_t n, size_t from, size_t *begin, size_t *end, bool *unspaced) {
    bool inside = false, quote = false; /* an apostrophe after the word so far: inside it if a letter follows */
    *unspaced = false;
    for (size_t i = from; i < n;) {
        uint32_t cp = (unsigned char)text[i];
        int len = cp < 128 ? 1 : us_utf8_decode(text + i, n - i, &cp);
        if (!len) cp = ' ', len = 1;
        if (is_word(cp)) {
            if (!inside) *begin = i;
            inside = true, quote = false;
            *unspaced = *unspaced || us_is_unspaced(cp);
            *end = i + (size_t)len;
        } else if (inside && !quote && (cp == '\'' || cp == 0x2019)) quote = true;
        else if (inside) return true;
        i += (size_t)len;
    }
    return inside;
}

bool us_word_next(const char *text, size_t n, size_t from, size_t *begin, size_t *end) {
    bool unspaced;
    if (!next_run(text, n, from, begin, end, &unspaced)) return false;
    if (unspaced) *end = *begin + us_first_word(text + *begin, *end - *begin);
    return true;
}

/* Lower case at w->text + w->text_len, which has room; returns the bytes. */
static size_t fold(us_words *w, const char *s, size_t n) {
    char *out = w->text + w->text_len;
    size_t k = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = (unsigned char)s[i];
        int len = cp < 128 ? 1 : us_utf8_decode(s + i, n - i, &cp);
        k += put_folded(cp == 0x2019 ? '\'' : cp, out + k);
        i += (size_t)(len ? len : 1);
    }
    return k;
}

/* An ASCII letter or digit folded, 0 for any other byte. */
static unsigned char plain(unsigned char c) {
    if (c >= 'a' && c <= 'z') return c;
    if (c >= 'A' && c <= 'Z') return c + 32;
    return c >= '0' && c <= '9' ? c : 0;
}

us_status us_words_split(us_words *w, const char *text, us_ids *out, us_error *err) {
    us_status st;
    size_t n = strlen(text), begin = 0, end = 0, room;
    /* One word is at most the whole text; lower case is at most 3 bytes for 2 (U+023A). */
    if (!us_mul_size(n, 2, &room)) return us_fail(err, US_ERR_LIMIT, "a line is too long");
    for (;;) {
        uint32_t id = 0;
        size_t need, len = 0;
        if (!us_add_size(room, w->text_len + 8, &need)) return us_fail(err, US_ERR_LIMIT, "a line is too long");
        if ((st = us_grow(&w->text, &w->text_cap, need, 1, err))) return st;
        /* Most words are ASCII: folded and hashed in one go. What begins, goes on or ends otherwise takes the long way. */
        char *to = w->text + w->text_len;
        uint64_t hash = HASH_SEED;
        for (begin = end; begin < n && (unsigned char)text[begin] < 128 && !plain((unsigned char)text[begin]); begin++) {}
        for (end = begin; end < n; end++) {
            unsigned char c = plain((unsigned char)text[end]);
            if (!c) break;
            to[len++] = (char)c;
            hash = hash_byte(hash, c);
        }
        if (len && (end == n || ((unsigned char)text[end] < 128 && text[end] != '\''))) hash = hash_end(hash);
        else {
            if (!us_word_next(text, n, begin, &begin, &end)) return US_OK;
            len = fold(w, text + begin, end - begin);
            hash = hash_bytes(to, len);
        }
        if ((st = intern(w, len, hash, &id, err)) || (st = us_grow(&out->id, &out->cap, out->n + 1, sizeof *out->id, err)))
            return st;
        out->id[out->n++] = id;
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
