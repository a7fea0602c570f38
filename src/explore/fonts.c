/* explore/fonts.c - are there fonts for what the pictures will show? Pango knows which letters it can only draw as boxes. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "explore/cloud.h"
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

/* Whose packages bring letters: of a script, of emoji, or of everything else. */
enum { EMOJI = USCRIPT_CODE_LIMIT, MAX_SCRIPTS = 4, MAX_SHOWN = 3 };

typedef struct missing {
    int script;
    int n_shown;
    char shown[16 * MAX_SHOWN]; /* the first letters */
} missing;

typedef struct search {
    PangoLayout *layout;
    uint32_t *seen; /* letters that were tried, at their place or behind it */
    size_t n_seen, cap;
    missing list[MAX_SCRIPTS];
    size_t n;
    uint64_t n_letters; /* different ones without a glyph */
} search;

static bool boxes(PangoLayout *layout, const char *text, size_t n) {
    pango_layout_set_text(layout, text, (int)n);
    return pango_layout_get_unknown_glyphs_count(layout) > 0;
}

static int script_of(uint32_t cp) {
    UErrorCode e = U_ZERO_ERROR;
    int script = uscript_getScript((UChar32)cp, &e);
    if (script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA || script == USCRIPT_BOPOMOFO) return USCRIPT_HAN;
    if (script != USCRIPT_COMMON) return script;
    if (u_hasBinaryProperty((UChar32)cp, UCHAR_EMOJI)) return EMOJI;
    int width = u_getIntPropertyValue((UChar32)cp, UCHAR_EAST_ASIAN_WIDTH); /* "！" comes with the letters around it */
    return width == U_EA_FULLWIDTH || width == U_EA_WIDE || width == U_EA_HALFWIDTH ? USCRIPT_HAN : script;
}

static us_status note(search *s, uint32_t cp, const char *letter, size_t n, us_error *err) {
    for (size_t i = 0; i < s->n_seen; i++)
        if (s->seen[i] == cp) return US_OK;
    us_status st = us_grow(&s->seen, &s->cap, s->n_seen + 1, sizeof *s->seen, err);
    if (st) return st;
    s->seen[s->n_seen++] = cp;
    if (!boxes(s->layout, letter, n)) return US_OK;
    s->n_letters++;
    int script = script_of(cp);
    size_t k = 0;
    while (k < s->n && s->list[k].script != script) k++;
    if (k == MAX_SCRIPTS) return US_OK;
    if (k == s->n) s->list[s->n++] = (missing){.script = script};
    missing *m = &s->list[k];
    if (m->n_shown++ < MAX_SHOWN) strncat(strcat(m->shown, m->n_shown > 1 ? " " : ""), letter, n);
    return US_OK;
}

static us_status look_at(search *s, const char *text, us_error *err) {
    us_status st = US_OK;
    size_t n = strlen(text);
    if (!boxes(s->layout, text, n)) return US_OK;
    for (size_t i = 0; i < n && !st;) {
        uint32_t cp;
        int len = us_utf8_decode(text + i, n - i, &cp);
        if (len < 1) break;
        if (!u_isISOControl((UChar32)cp) && u_charType((UChar32)cp) != U_FORMAT_CHAR)
            st = note(s, cp, text + i, (size_t)len, err);
        i += (size_t)len;
    }
    return st;
}

static us_status look_at_terms(search *s, const us_term *t, size_t n, us_error *err) {
    us_status st = US_OK;
    for (size_t i = 0; i < n && !st; i++) st = look_at(s, t[i].text, err);
    return st;
}

static us_status look_at_all(search *s, const us_facts *f, us_error *err) {
    enum { MOST_WORDS = 300 };
    size_t n;
    const us_speaker *sp = us_script_get_speakers(f->script, &n);
    us_status st = look_at_terms(s, f->cloud_words, f->n_cloud_words < MOST_WORDS ? f->n_cloud_words : MOST_WORDS, err);
    for (size_t i = 0; i < f->n_roles && !st; i++) st = look_at(s, sp[f->roles[i].speaker].name, err);
    if (!st) st = look_at(s, f->name, err);
    if (!st) st = look_at_terms(s, f->top_lines, f->n_top_lines, err);
    if (!st) st = look_at_terms(s, f->top_phrases, f->n_top_phrases, err);
    return st ? st : look_at_terms(s, f->catch_phrases, f->n_catch_phrases, err);
}

/* "Thai" as it stands in the names of packages: "thai". */
static void small_name(int script, char *out, size_t max) {
    const char *name = uscript_getName((UScriptCode)script);
    size_t n = 0;
    for (; name && name[n] && n + 1 < max; n++) out[n] = name[n] == '_' ? '-' : name[n] | 32;
    out[n] = 0;
}

static us_status put_packages(us_buf *b, int script, us_error *err) {
    char name[40];
    if (script == EMOJI)
        return us_buf_append_str(
            b,
            "fonts-noto-color-emoji (Debian), google-noto-color-emoji-fonts (Fedora), noto-fonts-emoji (Arch) or "
            "font-noto-color-emoji (Homebrew)",
            err);
    if (script == USCRIPT_HAN || script == USCRIPT_HANGUL)
        return us_buf_append_str(b,
                                 "fonts-noto-cjk (Debian), google-noto-sans-cjk-fonts (Fedora), noto-fonts-cjk (Arch) or "
                                 "font-noto-sans-cjk (Homebrew)",
                                 err);
    if (script == USCRIPT_COMMON || script == USCRIPT_INHERITED || script == USCRIPT_UNKNOWN)
        return us_buf_append_str(b,
                                 "fonts-noto-core (Debian), google-noto-sans-symbols-fonts (Fedora), noto-fonts (Arch) or "
                                 "font-noto-sans-symbols (Homebrew)",
                                 err);
    if (script == USCRIPT_LATIN || script == USCRIPT_CYRILLIC || script == USCRIPT_GREEK)
        return us_buf_append_str(
            b, "fonts-noto-core (Debian), google-noto-sans-fonts (Fedora), noto-fonts (Arch) or font-noto-sans (Homebrew)",
            err);
    small_name(script, name, sizeof name);
    return us_buf_appendf(
        b, err,
        "fonts-noto-core (Debian), google-noto-sans-%s-fonts (Fedora), noto-fonts (Arch) or font-noto-sans-%s "
        "(Homebrew)",
        name, name);
}

static us_status put_warning(const search *s, us_buf *b, us_error *err) {
    us_status st = us_buf_appendf(b, err, "no font here has %llu %s that the pictures show; they will be boxes.",
                                  (unsigned long long)s->n_letters, s->n_letters == 1 ? "letter" : "letters");
    for (size_t i = 0; i < s->n && !st; i++) {
        const missing *m = &s->list[i];
        const char *name = m->script == EMOJI         ? "emoji"
                           : m->script == USCRIPT_HAN ? "Chinese and Japanese"
                           : m->script == USCRIPT_COMMON || m->script == USCRIPT_INHERITED
                               ? "signs"
                               : uscript_getName((UScriptCode)m->script);
        st = us_buf_appendf(b, err, " %s (%s%s): install ", name ? name : "?", m->shown, m->n_shown > MAX_SHOWN ? " ..." : "");
        if (!st) st = put_packages(b, m->script, err);
        if (!st) st = us_buf_append_str(b, ".", err);
    }
    return st;
}

void us_layout_language(PangoLayout *layout, const us_facts *f) {
    if (strcmp(f->language, "none"))
        pango_context_set_language(pango_layout_get_context(layout), pango_language_from_string(f->language));
    pango_layout_context_changed(layout);
}

us_status us_fonts_missing(const us_facts *f, const char *font, char **warning, us_error *err) {
    search s = {0};
    us_buf b;
    us_buf_init(&b, 1 << 16);
    *warning = NULL;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *cr = cairo_create(surface);
    s.layout = pango_cairo_create_layout(cr);
    PangoFontDescription *d = pango_font_description_from_string(font ? font : US_CLOUD_FONT);
    pango_layout_set_font_description(s.layout, d);
    us_layout_language(s.layout, f);
    us_status st = look_at_all(&s, f, err);
    if (!st && s.n) st = put_warning(&s, &b, err);
    pango_font_description_free(d);
    g_object_unref(s.layout);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    free(s.seen);
    if (!st && s.n && !(*warning = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&b);
    return st;
}
