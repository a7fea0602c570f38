/* Chunk by chunk through a picture that may be hostile: the card is taken out of its text chunks, or put in before the end. */
#include "character/card_png.h"
#include "base/base64.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define MAX_CARD_JSON ((size_t)8 << 20)
enum { MAX_TRIES = 4 }; /* chunks that are read as a card: each may unpack to megabytes */
static const unsigned char signature[8] = {137, 'P', 'N', 'G', '\r', '\n', 26, '\n'};

static uint32_t crc(const unsigned char *p, size_t n) { return (uint32_t)crc32(0, p, (unsigned)n); }

static uint32_t read32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One chunk: length, four letters, data, CRC over letters and data. */
typedef struct chunk {
    const unsigned char *whole, *data; /* whole: n + 12 bytes */
    size_t n;
    char kind[5];
    bool damaged; /* the checksum is wrong */
} chunk;

/* The chunk at *at, which moves behind it; false at the end of the file, and at what is no chunk. What stands after IEND is not
 * the picture's. */
static bool next_chunk(const unsigned char *png, size_t n, size_t *at, chunk *c) {
    if (n - *at < 12 || read32(png + *at) > n - *at - 12) return false;
    c->whole = png + *at;
    c->n = read32(c->whole);
    c->data = c->whole + 8;
    memcpy(c->kind, c->whole + 4, 4);
    c->kind[4] = 0;
    c->damaged = crc(c->whole + 4, c->n + 4) != read32(c->data + c->n);
    *at += c->n + 12;
    return true;
}

static bool is_end(const chunk *c) { return !strcmp(c->kind, "IEND"); }

/* Whether it is a text under this keyword; case does not matter, as it does not to the programs that write cards. */
static bool is_text(const chunk *c, const char *key) {
    size_t k = strlen(key) + 1;
    return (!strcasecmp(c->kind, "tEXt") || !strcasecmp(c->kind, "zTXt") || !strcasecmp(c->kind, "iTXt")) && c->n >= k &&
           !c->data[k - 1] && !strncasecmp((const char *)c->data, key, k);
}

static us_status check_signature(const unsigned char *p, size_t n, us_error *err) {
    static const char what[] = "a card comes as PNG with the card in it, as CHARX or as JSON";
    if (n >= sizeof signature && !memcmp(p, signature, sizeof signature)) return US_OK;
    if (n >= 12 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBP", 4))
        return us_fail(err, US_ERR_FORMAT, "not a PNG picture but WebP: %s", what);
    if (n >= 3 && !memcmp(p, "\xff\xd8\xff", 3)) return us_fail(err, US_ERR_FORMAT, "not a PNG picture but JPEG: %s", what);
    return us_fail(err, US_ERR_FORMAT, "not a PNG picture: %s", what);
}

/* zlib's stream, at most as long as a card may be. */
static us_status inflate_text(const unsigned char *p, size_t n, us_buf *out, us_error *err) {
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)p, .avail_in = (unsigned)n};
    unsigned char piece[16384];
    int rc = inflateInit(&z);
    us_status st = rc == Z_OK ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    while (!st && rc == Z_OK) {
        z.next_out = piece;
        z.avail_out = sizeof piece;
        rc = inflate(&z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END) st = us_fail(err, US_ERR_FORMAT, "PNG: the card's compressed text is damaged");
        else st = us_buf_append(out, piece, sizeof piece - z.avail_out, err);
    }
    inflateEnd(&z);
    return st;
}

/* What the text says: plain (tEXt), compressed (zTXt), or either with a language (iTXt). Appended. */
static us_status text_of(const chunk *c, us_buf *out, us_error *err) {
    const unsigned char *p = c->data, *end = c->data + c->n;
    p = (const unsigned char *)memchr(p, 0, c->n) + 1; /* is_text() has seen it */
    if (!strcasecmp(c->kind, "tEXt")) return us_buf_append(out, p, (size_t)(end - p), err);
    bool international = !strcasecmp(c->kind, "iTXt");
    size_t head = international ? 2 : 1;
    if ((size_t)(end - p) < head) return us_fail(err, US_ERR_FORMAT, "PNG: the card's text ends too early");
    bool packed = !international || p[0] == 1;
    int method = international ? p[1] : p[0];
    if (packed && method != 0) return us_fail(err, US_ERR_FORMAT, "PNG: the card's text is compressed in an unknown way");
    p += head;
    for (int i = 0; international && i < 2; i++) { /* the language, and the keyword in it */
        p = memchr(p, 0, (size_t)(end - p));
        if (!p) return us_fail(err, US_ERR_FORMAT, "PNG: the card's text ends too early");
        p++;
    }
    return packed ? inflate_text(p, (size_t)(end - p), out, err) : us_buf_append(out, p, (size_t)(end - p), err);
}

/* A chunk's card: base64 of JSON, or, as some write it, JSON itself. */
static us_status read_card(const chunk *c, const char *name, us_card **out, us_error *err) {
    us_buf text, json;
    us_buf_init(&text, 2 * MAX_CARD_JSON);
    us_buf_init(&json, MAX_CARD_JSON);
    us_status st = c->damaged ? us_fail(err, US_ERR_FORMAT,
                                        "PNG: the checksum of the chunk with the card is wrong: the file was damaged on its "
                                        "way; get it again from where it came")
                              : text_of(c, &text, err);
    size_t blanks = !st && text.len ? strspn(text.data, " \t\r\n") : 0;
    bool plain = !st && blanks < text.len && text.data[blanks] == '{';
    if (!st && !plain) st = us_base64_decode(text.data ? text.data : "", text.len, &json, err);
    if (st == US_ERR_LIMIT) us_fail(err, st, "PNG: the card in it is larger than %zu MiB", (size_t)MAX_CARD_JSON >> 20);
    const us_buf *b = plain ? &text : &json;
    if (!st) st = us_card_parse(b->data ? b->data : "", b->len, name, out, err);
    us_buf_fini(&text);
    us_buf_fini(&json);
    return st;
}

/* Of the first chunks of this keyword the first that holds a good card. *found: there was one, good or not. */
static us_status find_card(const unsigned char *png, size_t n, const char *key, const char *name, bool *found, us_card **out,
                           us_error *err) {
    size_t at = sizeof signature;
    int tries = 0;
    us_status st = US_ERR_NOT_FOUND;
    us_error why;
    for (chunk c; st && tries < MAX_TRIES && next_chunk(png, n, &at, &c) && !is_end(&c);) {
        if (!is_text(&c, key)) continue;
        tries++;
        st = read_card(&c, name, out, &why);
        if (st && !*found) *err = why; /* of several the first one's error is told */
        *found = true;
    }
    return st;
}

us_status us_card_from_png(const void *data, size_t n, us_card **out, us_error *err) {
    bool found = false;
    us_error why;
    us_status st = check_signature(data, n, err);
    if (st) return st;
    if (!find_card(data, n, "ccv3", "the picture's card (ccv3)", &found, out, &why)) return US_OK;
    if (!find_card(data, n, "chara", "the picture's card", &found, out, &why)) return US_OK;
    if (!found)
        return us_fail(
            err, US_ERR_NOT_FOUND,
            "the picture holds no character card (no text chunk \"chara\" or \"ccv3\"): pictures that a web site or a "
            "messenger has made smaller lose it");
    if (err) *err = why;
    return why.status;
}

/* The checksum of the chunk at the end of *out, over its kind and n bytes of data. */
static us_status put_sum(us_buf *out, size_t n, us_error *err) {
    uint32_t sum = crc((const unsigned char *)out->data + out->len - n - 4, n + 4);
    unsigned char s[4] = {(unsigned char)(sum >> 24), (unsigned char)(sum >> 16), (unsigned char)(sum >> 8),
                          (unsigned char)sum};
    return us_buf_append(out, s, 4, err);
}

static us_status put_chunk(us_buf *out, const char *key, const char *text, size_t n_text, us_error *err) {
    size_t k = strlen(key) + 1, n = k + n_text;
    unsigned char b[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n};
    us_status st = us_buf_append(out, b, 4, err);
    if (!st) st = us_buf_append(out, "tEXt", 4, err);
    if (!st) st = us_buf_append(out, key, k, err);
    if (!st) st = us_buf_append(out, text, n_text, err);
    return st ? st : put_sum(out, n, err);
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

static us_status put_end(us_buf *out, const us_card *card, us_error *err) {
    static const char end[12] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', (char)0xae, 'B', '`', (char)0x82};
    us_status st = put_card(out, card, "chara", "chara_card_v2", "2.0", err);
    if (!st) st = put_card(out, card, "ccv3", "chara_card_v3", "3.0", err);
    return st ? st : us_buf_append(out, end, sizeof end, err);
}

us_status us_card_to_png(const us_card *card, const void *data, size_t n, us_buf *out, us_error *err) {
    const unsigned char *png = data;
    size_t at = sizeof signature;
    us_status st = check_signature(png, n, err);
    if (!st) st = us_buf_append(out, signature, sizeof signature, err);
    for (chunk c; !st && next_chunk(png, n, &at, &c) && !is_end(&c);) {
        if (is_text(&c, "chara") || is_text(&c, "ccv3")) continue;
        st = us_buf_append(out, c.whole, c.n + 8, err);
        if (!st) st = put_sum(out, c.n, err);
    }
    return st ? st : put_end(out, card, err);
}
