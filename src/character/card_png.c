#include "character/card_png.h"
#include "base/base64.h"
#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CARD_JSON ((size_t)8 << 20)
static const unsigned char signature[8] = {137, 'P', 'N', 'G', '\r', '\n', 26, '\n'};

/* CRC-32 of PNG (ISO 3309), bit by bit: a card is read once. */
static uint32_t crc(const unsigned char *p, size_t n, uint32_t c) {
    c = ~c;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    }
    return ~c;
}

static uint32_t read32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One chunk: length, four letters, data, CRC over letters and data. */
typedef struct chunk {
    const unsigned char *whole, *data; /* whole: n + 12 bytes */
    size_t n;
    char kind[5];
} chunk;

/* The chunk at *at, which moves behind it; false at the end. */
static us_status next_chunk(const unsigned char *png, size_t n, size_t *at, chunk *c, bool *more, us_error *err) {
    *more = *at < n;
    if (!*more) return US_OK;
    if (n - *at < 12 || read32(png + *at) > n - *at - 12)
        return us_fail(err, US_ERR_FORMAT, "PNG: a chunk at byte %zu ends behind the file", *at);
    c->whole = png + *at;
    c->n = read32(c->whole);
    c->data = c->whole + 8;
    memcpy(c->kind, c->whole + 4, 4);
    c->kind[4] = 0;
    if (crc(c->whole + 4, c->n + 4, 0) != read32(c->data + c->n))
        return us_fail(err, US_ERR_FORMAT, "PNG: the checksum of the chunk at byte %zu is wrong", *at);
    *at += c->n + 12;
    return US_OK;
}

static bool is_text(const chunk *c, const char *key) {
    size_t k = strlen(key) + 1;
    return !strcmp(c->kind, "tEXt") && c->n >= k && !memcmp(c->data, key, k);
}

static us_status check_signature(const unsigned char *p, size_t n, us_error *err) {
    return n >= sizeof signature && !memcmp(p, signature, sizeof signature) ? US_OK
                                                                            : us_fail(err, US_ERR_FORMAT, "not a PNG picture");
}

us_status us_card_from_png(const void *data, size_t n, us_card **out, us_error *err) {
    const unsigned char *png = data, *text = NULL;
    size_t at = sizeof signature, n_text = 0;
    chunk c;
    bool more = true, v3 = false;
    us_status st = check_signature(png, n, err);
    while (!st && more && !(st = next_chunk(png, n, &at, &c, &more, err)) && more) {
        bool is3 = is_text(&c, "ccv3");
        if (!is3 && (v3 || !is_text(&c, "chara"))) continue;
        v3 = is3;
        size_t key = strlen((const char *)c.data) + 1;
        text = c.data + key;
        n_text = c.n - key;
    }
    if (!st && !text)
        st = us_fail(err, US_ERR_NOT_FOUND, "the picture holds no character card (no tEXt chunk \"chara\" or \"ccv3\")");
    us_buf json;
    us_buf_init(&json, MAX_CARD_JSON);
    if (!st) st = us_base64_decode((const char *)text, n_text, &json, err);
    if (!st)
        st = us_card_parse(json.data ? json.data : "", json.len, v3 ? "the picture's card (ccv3)" : "the picture's card", out,
                           err);
    us_buf_fini(&json);
    return st;
}

static us_status put_chunk(us_buf *out, const char *key, const char *text, size_t n_text, us_error *err) {
    size_t k = strlen(key) + 1, n = k + n_text, start = out->len + 4;
    unsigned char b[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n};
    us_status st = us_buf_append(out, b, 4, err);
    if (!st) st = us_buf_append(out, "tEXt", 4, err);
    if (!st) st = us_buf_append(out, key, k, err);
    if (!st) st = us_buf_append(out, text, n_text, err);
    if (st) return st;
    uint32_t sum = crc((const unsigned char *)out->data + start, n + 4, 0);
    unsigned char s[4] = {(unsigned char)(sum >> 24), (unsigned char)(sum >> 16), (unsigned char)(sum >> 8),
                          (unsigned char)sum};
    return us_buf_append(out, s, 4, err);
}

/* The card's JSON under the other name of its specification: V3 has all that V2 has. */
static us_status put_card(us_buf *out, const us_card *card, const char *key, const char *spec, const char *version,
                          us_error *err) {
    json_t *root = json_copy(card->root);
    json_object_set_new(root, "spec", json_string(spec));
    json_object_set_new(root, "spec_version", json_string(version));
    char *json = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
    us_buf text;
    us_buf_init(&text, 2 * MAX_CARD_JSON);
    us_status st = json ? us_base64_encode(json, strlen(json), &text, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = put_chunk(out, key, text.data, text.len, err);
    us_buf_fini(&text);
    free(json);
    json_decref(root);
    return st;
}

us_status us_card_to_png(const us_card *card, const void *data, size_t n, us_buf *out, us_error *err) {
    const unsigned char *png = data;
    size_t at = sizeof signature;
    chunk c;
    bool more = true;
    us_status st = check_signature(png, n, err);
    if (!st) st = us_buf_append(out, signature, sizeof signature, err);
    while (!st && more && !(st = next_chunk(png, n, &at, &c, &more, err)) && more) {
        if (is_text(&c, "chara") || is_text(&c, "ccv3")) continue;
        if (!strcmp(c.kind, "IEND")) {
            st = put_card(out, card, "chara", "chara_card_v2", "2.0", err);
            if (!st) st = put_card(out, card, "ccv3", "chara_card_v3", "3.0", err);
        }
        if (!st) st = us_buf_append(out, c.whole, c.n + 12, err);
    }
    return st;
}

static cairo_status_t write_png(void *ctx, const unsigned char *data, unsigned int n) {
    return us_buf_append(ctx, data, n, NULL) ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

us_status us_card_plain_png(const us_card *card, us_buf *out, us_error *err) {
    enum { SIDE = 400 };
    uint32_t h = 2166136261u;
    for (const char *p = card->name; *p; p++) h = (h ^ (unsigned char)*p) * 16777619u;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, SIDE, SIDE);
    cairo_t *c = cairo_create(surface);
    double hue = (double)(h % 360) * 0.017453292519943295, rgb[3];
    for (int i = 0; i < 3; i++) rgb[i] = 0.45 + 0.25 * cos(hue - 2.0943951 * i);
    cairo_set_source_rgb(c, rgb[0], rgb[1], rgb[2]);
    cairo_paint(c);
    cairo_set_source_rgb(c, 0.3 + 0.7 * rgb[0] + 0.2, 0.3 + 0.7 * rgb[1] + 0.2, 0.3 + 0.7 * rgb[2] + 0.2);
    cairo_arc(c, SIDE / 2, 0.4 * SIDE, 0.17 * SIDE, 0, 6.2831853);
    cairo_fill(c);
    cairo_arc(c, SIDE / 2, 0.97 * SIDE, 0.34 * SIDE, 3.1415927, 6.2831853);
    cairo_fill(c);
    cairo_status_t rc = cairo_status(c);
    if (!rc) rc = cairo_surface_write_to_png_stream(surface, write_png, out);
    cairo_destroy(c);
    cairo_surface_destroy(surface);
    return rc ? us_fail(err, US_ERR_MEMORY, "cannot draw a picture: %s", cairo_status_to_string(rc)) : US_OK;
}
