/* explore/cloud.c - places the words of a cloud.
 *
 * What is taken is a bitmap with one bit a pixel of the layout; a word's glyphs are one too (drawn by Cairo with a
 * margin around them), so that a collision of exact shapes is an AND of 64 pixels at a time. Spots are tried in the
 * order of one spiral. Sizes are set so that the words would cover a share of the room; if too many do not fit, all
 * get smaller. */
#include "explore/cloud.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include <math.h>
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN 1.5     /* pixels around a glyph */
#define MIN_PIXELS 8.0 /* font size of the smallest word */
#define UPRIGHT 0.12   /* share of the words that stand */
#define MAX_MASK_BYTES ((size_t)64 << 20)
#define MAX_MASK_SIDE 20000

/* ---- bitmaps ------------------------------------------------------------------------------------------------ */

typedef struct bitmap {
    int w, h, n; /* n: words of 64 pixels in a row; bit i of word k is pixel 64 k + i */
    uint64_t *bits;
} bitmap;

static us_status bitmap_init(bitmap *b, int w, int h, us_error *err) {
    *b = (bitmap){.w = w, .h = h, .n = (w + 63) / 64 + 1}; /* one spare word, so that a shifted sprite may hang over */
    return us_alloc((size_t)b->n * (size_t)h, sizeof *b->bits, &b->bits, err);
}

static void set(bitmap *b, int x, int y) { b->bits[(size_t)y * (size_t)b->n + (size_t)x / 64] |= 1ull << (x & 63); }

/* Does the sprite at (x, y), inside the room, touch what is set? Rows from the middle outwards, where words are thick. */
static bool touches(const bitmap *room, const bitmap *sprite, int x, int y) {
    int shift = x & 63, mid = sprite->h / 2;
    for (int i = 0; i < sprite->h; i++) {
        int row = mid + (i & 1 ? -(i + 1) / 2 : i / 2);
        if (row < 0 || row >= sprite->h) continue;
        const uint64_t *a = room->bits + (size_t)(y + row) * (size_t)room->n + x / 64,
                       *b = sprite->bits + (size_t)row * (size_t)sprite->n;
        uint64_t before = 0, hit = 0;
        for (int k = 0; k < sprite->n && x / 64 + k < room->n; k++) {
            uint64_t now = b[k];
            hit |= a[k] & (now << shift | (shift ? before >> (64 - shift) : 0));
            before = now;
        }
        if (hit) return true;
    }
    return false;
}

static void stamp(bitmap *room, const bitmap *sprite, int x, int y) {
    int shift = x & 63;
    for (int row = 0; row < sprite->h; row++) {
        uint64_t *a = room->bits + (size_t)(y + row) * (size_t)room->n + x / 64, before = 0;
        const uint64_t *b = sprite->bits + (size_t)row * (size_t)sprite->n;
        for (int k = 0; k < sprite->n && x / 64 + k < room->n; k++) {
            a[k] |= b[k] << shift | (shift ? before >> (64 - shift) : 0);
            before = b[k];
        }
    }
}

/* ---- outlines ------------------------------------------------------------------------------------------------ */

static us_status make_outlines(us_cloud *c, const char *font, us_error *err) {
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *cr = cairo_create(s);
    PangoLayout *layout = pango_cairo_create_layout(cr);
    PangoFontDescription *d = pango_font_description_from_string(font);
    pango_font_description_set_absolute_size(d, US_CLOUD_EM * PANGO_SCALE);
    pango_layout_set_font_description(layout, d);
    pango_layout_set_single_paragraph_mode(layout, TRUE);
    us_layout_language(layout, c->facts);
    for (size_t i = 0; i < c->n_words; i++) {
        us_cloud_word *w = &c->words[i];
        double x2, y2;
        pango_layout_set_text(layout, w->term->text, -1);
        cairo_new_path(cr);
        pango_cairo_layout_path(cr, layout);
        cairo_fill_extents(cr, &w->left, &w->top, &x2, &y2);
        w->width = x2 - w->left, w->height = y2 - w->top;
        w->outline = cairo_copy_path(cr);
    }
    pango_font_description_free(d);
    g_object_unref(layout);
    us_status st = cairo_status(cr)
                       ? us_fail(err, US_ERR_MEMORY, "cannot draw text: %s", cairo_status_to_string(cairo_status(cr)))
                       : US_OK;
    cairo_destroy(cr);
    cairo_surface_destroy(s);
    return st;
}

/* The word's matrix when the upper left corner of its ink is at (x, y). */
static cairo_matrix_t matrix_at(const us_cloud_word *w, double x, double y) {
    cairo_matrix_t m;
    if (w->upright)
        cairo_matrix_init(&m, 0, -w->scale, w->scale, 0, x - w->top * w->scale, y + (w->left + w->width) * w->scale);
    else cairo_matrix_init(&m, w->scale, 0, 0, w->scale, x - w->left * w->scale, y - w->top * w->scale);
    return m;
}

static us_status make_sprite(const us_cloud_word *w, bitmap *out, us_error *err) {
    double pad = MARGIN + 1, wide = (w->upright ? w->height : w->width) * w->scale,
           high = (w->upright ? w->width : w->height) * w->scale;
    int pw = (int)ceil(wide + 2 * pad), ph = (int)ceil(high + 2 * pad);
    us_status st = bitmap_init(out, pw, ph, err);
    if (st) return st;
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_A8, pw, ph);
    cairo_t *cr = cairo_create(s);
    cairo_matrix_t m = matrix_at(w, pad, pad);
    cairo_set_matrix(cr, &m);
    cairo_append_path(cr, w->outline);
    cairo_identity_matrix(cr);
    cairo_set_tolerance(cr, 0.5);
    cairo_fill_preserve(cr);
    cairo_set_line_width(cr, 2 * MARGIN);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_BEVEL);
    cairo_stroke(cr);
    cairo_surface_flush(s);
    const unsigned char *p = cairo_image_surface_get_data(s);
    int stride = cairo_image_surface_get_stride(s);
    if (!p || cairo_status(cr))
        st = us_fail(err, US_ERR_MEMORY, "cannot draw a word: %s", cairo_status_to_string(cairo_status(cr)));
    for (int y = 0; y < ph && !st; y++)
        for (int x = 0; x < pw; x++)
            if (p[y * stride + x] > 40) set(out, x, y);
    cairo_destroy(cr);
    cairo_surface_destroy(s);
    return st;
}

/* ---- the room ------------------------------------------------------------------------------------------------ */

typedef struct png_source {
    const unsigned char *data;
    size_t n, at;
} png_source;
static cairo_status_t read_png(void *ctx, unsigned char *to, unsigned int n) {
    png_source *s = ctx;
    if (n > s->n - s->at) return CAIRO_STATUS_READ_ERROR;
    memcpy(to, s->data + s->at, n);
    s->at += n;
    return CAIRO_STATUS_SUCCESS;
}

static us_status open_mask(const char *path, cairo_surface_t **out, us_error *err) {
    char *bytes;
    size_t n;
    us_status st = us_file_read(path, MAX_MASK_BYTES, &bytes, &n, err);
    if (st) return st;
    const unsigned char *p = (const unsigned char *)bytes;
    if (n < 24 || memcmp(p, "\x89PNG\r\n\x1a\n", 8)) st = us_fail(err, US_ERR_FORMAT, "%s: the mask is not a PNG image", path);
    uint32_t side[2] = {0};
    for (int i = 0; i < 8 && !st; i++) side[i / 4] = side[i / 4] << 8 | p[16 + i];
    if (!st &&
        (!side[0] || !side[1] || side[0] > MAX_MASK_SIDE || side[1] > MAX_MASK_SIDE || (uint64_t)side[0] * side[1] > 64000000))
        st = us_fail(err, US_ERR_LIMIT, "%s: the mask has %u x %u pixels; at most 64 million, and %d a side", path, side[0],
                     side[1], MAX_MASK_SIDE);
    png_source source = {p, n, 0};
    cairo_surface_t *s = st ? NULL : cairo_image_surface_create_from_png_stream(read_png, &source);
    if (s && cairo_surface_status(s)) {
        st = us_fail(err, US_ERR_FORMAT, "%s: the mask cannot be read as a PNG image: %s", path,
                     cairo_status_to_string(cairo_surface_status(s)));
        cairo_surface_destroy(s);
    } else if (s) *out = s;
    free(bytes);
    return st;
}

/* The mask, scaled to the layout's width: what is light or clear is taken. */
static us_status room_from_mask(us_cloud *c, const char *path, bitmap *room, us_error *err) {
    cairo_surface_t *mask = NULL;
    us_status st = open_mask(path, &mask, err);
    if (st) return st;
    int w = cairo_image_surface_get_width(mask), h = cairo_image_surface_get_height(mask);
    double scale = (double)c->width / w;
    c->height = (int32_t)(h * scale + 0.5);
    if (c->height < 64) c->height = 64;
    if (c->height > 8192) st = us_fail(err, US_ERR_LIMIT, "%s: %d x %d is too tall for a cloud", path, w, h);
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, c->width, st ? 64 : c->height);
    cairo_t *cr = cairo_create(s);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_scale(cr, scale, scale);
    cairo_set_source_surface(cr, mask, 0, 0);
    cairo_paint(cr);
    cairo_surface_flush(s);
    if (!st) st = bitmap_init(room, c->width, c->height, err);
    uint64_t n_free = 0;
    for (int y = 0; y < c->height && !st; y++) {
        const uint32_t *row = (const uint32_t *)(const void *)(cairo_image_surface_get_data(s) +
                                                               (size_t)y * (size_t)cairo_image_surface_get_stride(s));
        for (int x = 0; x < c->width; x++) {
            uint32_t light = (row[x] >> 16 & 255) * 299 + (row[x] >> 8 & 255) * 587 + (row[x] & 255) * 114;
            if (light >= 128000) set(room, x, y);
            else n_free++;
        }
    }
    if (!st && n_free < 2000)
        st = us_fail(err, US_ERR_FORMAT, "%s: the mask has nearly no dark area for words to stand on", path);
    cairo_destroy(cr);
    cairo_surface_destroy(s);
    cairo_surface_destroy(mask);
    return st;
}

static us_status make_room(us_cloud *c, const us_cloud_options *o, bitmap *room, us_error *err) {
    if (o->mask) return room_from_mask(c, o->mask, room, err);
    us_status st = bitmap_init(room, c->width, c->height, err);
    double rx = c->width / 2.0, ry = c->height / 2.0;
    for (int y = 0; y < c->height && !st && o->round; y++)
        for (int x = 0; x < c->width; x++) {
            double dx = (x + 0.5 - rx) / rx, dy = (y + 0.5 - ry) / ry;
            if (dx * dx + dy * dy > 1) set(room, x, y);
        }
    return st;
}

/* ---- placing ------------------------------------------------------------------------------------------------- */

typedef struct spot {
    int16_t x, y;
} spot; /* from the middle */

/* An Archimedean spiral stretched to the layout's shape, about one spot every 3 x 3 pixels. */
static us_status make_spiral(int w, int h, spot **out, size_t *n_out, us_error *err) {
    double rx = w / 2.0, ry = h / 2.0, longer = rx > ry ? rx : ry, pitch = 3.0, r = 0, angle = 0;
    size_t n = 0, cap = 0;
    spot *list = NULL;
    us_status st = US_OK;
    while (!st && r < longer * 1.42) { /* 1.42: into the corners */
        double x = cos(angle) * r * rx / longer, y = sin(angle) * r * ry / longer;
        if (fabs(x) <= rx && fabs(y) <= ry && !(st = us_grow(&list, &cap, n + 1, sizeof *list, err)))
            list[n++] = (spot){(int16_t)x, (int16_t)y};
        angle += pitch / (r > pitch ? r : pitch);
        r = angle * pitch / 6.283185307179586;
    }
    *out = list, *n_out = n;
    return st;
}

static uint64_t count_free(const bitmap *room) {
    uint64_t taken = 0;
    for (int y = 0; y < room->h; y++)
        for (int k = 0; k < room->n; k++)
            taken += (uint64_t)__builtin_popcountll(room->bits[(size_t)y * (size_t)room->n + (size_t)k]);
    return (uint64_t)room->w * (uint64_t)room->h - taken;
}

/* The font size of the first word at which the boxes of all words cover `share` of the free room. */
static double first_size(const us_cloud *c, uint64_t n_free, double share) {
    double area = 0;
    for (size_t i = 0; i < c->n_words; i++) {
        const us_cloud_word *w = &c->words[i];
        area += w->width * w->height * w->weight * w->weight / (US_CLOUD_EM * US_CLOUD_EM);
    }
    return area > 0 ? sqrt(share * (double)n_free / area) : 0;
}

/* Where to begin: past the spots at which a word about as small or smaller found no room. (Its glyphs may have stood
 * in the way where these would not, but that is rare, and most of the time would go into trying it.) */
static size_t first_spot(const us_cloud *c, const us_cloud_word *w) {
    size_t first = 0;
    for (const us_cloud_word *e = c->words; e < w; e++) {
        if (e->upright == w->upright && e->tried <= w->scale * 1.06 && e->width * e->tried <= w->width * w->scale * 1.02 &&
            e->spot > first)
            first = e->spot;
    }
    return first;
}

static us_status place_word(us_cloud *c, us_cloud_word *w, bitmap *room, const spot *spots, size_t n_spots, us_error *err) {
    bitmap sprite;
    us_status st = make_sprite(w, &sprite, err);
    w->tried = w->scale;
    for (w->spot = first_spot(c, w); w->spot < n_spots && !st; w->spot++) {
        int x = c->width / 2 + spots[w->spot].x - sprite.w / 2, y = c->height / 2 + spots[w->spot].y - sprite.h / 2;
        if (x < 0 || y < 0 || x + sprite.w > c->width || y + sprite.h > c->height || touches(room, &sprite, x, y)) continue;
        stamp(room, &sprite, x, y);
        w->at = matrix_at(w, x + MARGIN + 1, y + MARGIN + 1);
        c->n_placed++;
        free(sprite.bits);
        return US_OK;
    }
    w->scale = 0;
    free(sprite.bits);
    return st;
}

static us_status place_all(us_cloud *c, const bitmap *empty, double size, uint64_t seed, const spot *spots, size_t n_spots,
                           us_error *err) {
    bitmap room;
    us_rng rng;
    us_rng_seed(&rng, seed);
    us_status st = bitmap_init(&room, empty->w, empty->h, err);
    if (!st) memcpy(room.bits, empty->bits, (size_t)room.n * (size_t)room.h * sizeof *room.bits);
    c->n_placed = 0;
    for (size_t i = 0; i < c->n_words && !st; i++) {
        us_cloud_word *w = &c->words[i];
        double pixels = size * w->weight, smallest = MIN_PIXELS / US_CLOUD_EM;
        w->upright = us_rng_unit(&rng) < UPRIGHT && i > 2 && w->width < 6 * w->height;
        w->scale = (pixels > MIN_PIXELS ? pixels : MIN_PIXELS) / US_CLOUD_EM;
        double wide = (w->upright ? w->height : w->width) * w->scale, high = (w->upright ? w->width : w->height) * w->scale;
        double fit = fmin(0.94 * c->width / wide, 0.94 * c->height / high);
        if (fit < 1) w->scale *= fit;
        for (double scale = w->scale; !st && scale >= smallest * 0.99;
             scale *= 0.8) { /* a word that does not fit may fit a little smaller */
            w->scale = scale;
            if ((st = place_word(c, w, &room, spots, n_spots, err)) || w->scale > 0) break;
            if (scale > smallest && scale * 0.8 < smallest) scale = smallest / 0.8;
        }
    }
    free(room.bits);
    return st;
}

static us_status place(us_cloud *c, const us_cloud_options *o, us_error *err) {
    bitmap empty = {0};
    spot *spots = NULL;
    size_t n_spots = 0;
    us_status st = make_room(c, o, &empty, err);
    if (!st) st = make_spiral(c->width, c->height, &spots, &n_spots, err);
    double size = st ? 0 : first_size(c, count_free(&empty), 0.85);
    for (int attempt = 0; attempt < 10 && !st; attempt++, size *= 0.94) {
        st = place_all(c, &empty, size, o->seed, spots, n_spots, err);
        if ((size_t)c->n_placed * 100 >= c->n_words * 97) break;
    }
    free(spots);
    free(empty.bits);
    return st;
}

/* ---- options ------------------------------------------------------------------------------------------------- */

static us_status parse_palette(us_cloud *c, const char *name, us_error *err) {
    static const struct {
        const char *name, *colours;
    } known[] = {
        {"dusk", "#64748b,#3f6fb0,#7a4fc0,#d9542b,#c81e5b"},
        {"ocean", "#64748b,#0e7490,#0369a1,#1d4ed8,#312e81"},
        {"forest", "#78716c,#4d7c0f,#15803d,#b45309,#9a3412"},
        {"ink", "#8a8f98,#6b7280,#4b5563,#374151,#111827"},
    };
    const char *s = name ? name : "dusk";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, s)) s = known[i].colours;
    for (c->n_colours = 0;;) {
        size_t n = strspn(*s == '#' ? s + 1 : s, "0123456789abcdefABCDEF");
        if (*s != '#' || n != 6 || c->n_colours == US_CLOUD_MAX_COLOURS || (s[7] && s[7] != ','))
            return us_fail(err, US_ERR_ARGUMENT,
                           "palette: expected dusk, ocean, forest, ink or 1 to %d colours as #rrggbb,#rrggbb, got '%s'",
                           US_CLOUD_MAX_COLOURS, name);
        c->colours[c->n_colours++] = (uint32_t)strtoul(s + 1, NULL, 16);
        if (!s[7]) return US_OK;
        s += 8;
    }
}

static int by_z(const void *pa, const void *pb) {
    const us_cloud_word *const *a = pa, *const *b = pb;
    if ((*a)->term->z != (*b)->term->z) return (*a)->term->z > (*b)->term->z ? -1 : 1;
    return (*a > *b) - (*a < *b);
}

/* The few words that are most the character's own get the last colour, a few more the one before it, and so on; words that are
 * less theirs than the others' keep the first. */
static us_status colour_words(us_cloud *c, us_error *err) {
    us_cloud_word **order;
    us_status st = us_alloc(c->n_words, sizeof *order, &order, err);
    if (st) return st;
    for (size_t i = 0; i < c->n_words; i++) order[i] = &c->words[i];
    qsort(order, c->n_words, sizeof *order, by_z);
    for (size_t i = 0; i < c->n_words; i++) {
        double rank = ((double)i + 0.5) / (double)c->n_words;
        int k = (int)((1 - sqrt(rank)) * c->n_colours * 0.999);
        if (order[i]->term->z < 0) k = 0;
        order[i]->colour = k;
    }
    free(order);
    return US_OK;
}

static int by_weight(const void *pa, const void *pb) {
    const us_cloud_word *a = pa, *b = pb;
    if (a->weight != b->weight) return a->weight > b->weight ? -1 : 1;
    return a->term->n != b->term->n ? (a->term->n > b->term->n ? -1 : 1) : strcmp(a->term->text, b->term->text);
}

static us_status choose_words(us_cloud *c, const us_cloud_options *o, us_error *err) {
    const us_facts *f = c->facts;
    size_t most = o->max_words ? (size_t)o->max_words : 200;
    us_status st = us_alloc(f->n_cloud_words + 1, sizeof *c->words, &c->words, err);
    for (size_t i = 0; i < f->n_cloud_words && !st; i++) {
        const us_term *t = &f->cloud_words[i];
        if (o->title && !strcasecmp(o->title, t->text)) continue;
        if (!o->by_keyness || t->z > 0)
            c->words[c->n_words++] = (us_cloud_word){.term = t, .weight = o->by_keyness ? t->z : t->n};
    }
    if (st) return st;
    qsort(c->words, c->n_words, sizeof *c->words, by_weight);
    if (c->n_words > most) c->n_words = most;
    if (!c->n_words && !o->title)
        return us_fail(err, US_ERR_FORMAT, "'%s' says nothing but stop words: there is no cloud to draw", f->name);
    double first = c->n_words ? c->words[0].weight : 1;
    for (size_t i = 0; i < c->n_words; i++) c->words[i].weight = pow(c->words[i].weight / first, 0.6);
    if (!o->title) return US_OK;
    for (size_t i = c->n_words++; i > 0; i--) c->words[i] = c->words[i - 1];
    c->title = (us_term){.text = o->title, .forms = "", .z = HUGE_VAL};
    for (size_t i = 1; i < c->n_words; i++) c->words[i].weight *= 0.55;
    c->words[0] = (us_cloud_word){.term = &c->title, .weight = 1};
    return US_OK;
}

us_status us_cloud_new(const us_facts *facts, const us_cloud_options *options, us_cloud **out, us_error *err) {
    us_cloud_options o = options ? *options : (us_cloud_options){0};
    if ((o.width && (o.width < 64 || o.width > 8192)) || (o.height && (o.height < 64 || o.height > 8192)))
        return us_fail(err, US_ERR_ARGUMENT, "cloud: expected a width and height of 64 to 8192, got %d x %d", (int)o.width,
                       (int)o.height);
    if (o.max_words < 0 || o.max_words > 2000)
        return us_fail(err, US_ERR_ARGUMENT, "cloud: expected 1 to 2000 words, got %d", (int)o.max_words);
    us_cloud *c = NULL;
    us_status st = us_alloc(1, sizeof *c, &c, err);
    if (st) return st;
    c->facts = facts;
    c->width = o.width ? o.width : 1200;
    c->height = o.height ? o.height : 800;
    st = parse_palette(c, o.palette, err);
    if (!st) st = choose_words(c, &o, err);
    if (!st) st = make_outlines(c, o.font ? o.font : US_CLOUD_FONT, err);
    if (!st) st = place(c, &o, err);
    if (!st) st = colour_words(c, err);
    if (st) us_cloud_free(c);
    else *out = c;
    return st;
}

void us_cloud_free(us_cloud *c) {
    if (!c) return;
    for (size_t i = 0; i < c->n_words; i++)
        if (c->words[i].outline) cairo_path_destroy(c->words[i].outline);
    free(c->words);
    free(c);
}

int32_t us_cloud_n_placed(const us_cloud *c) { return c->n_placed; }
