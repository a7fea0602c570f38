#include "character/card_file.h"
#include "base/file.h"
#include "character/card_png.h"
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_FILES = 5000, MAX_CARD_JSON = 8 << 20, MAX_PICTURE = 16 << 20 };

static const char png_signature[8] = "\x89PNG\r\n\x1a\n";

/* Appends the file of the archive for which `wanted` is the path, or, when it is NULL, the first picture. NOT_FOUND. */
static us_status unpack(const void *bytes, size_t n, const char *file, const char *wanted, us_buf *out, us_error *err) {
    struct archive *a = archive_read_new();
    struct archive_entry *e;
    us_status st = a ? US_ERR_NOT_FOUND : US_ERR_MEMORY;
    if (a) archive_read_support_format_zip_seekable(a); /* without its list of files, each would be unpacked to find the next */
    if (a && archive_read_open_memory(a, bytes, n) != ARCHIVE_OK)
        st = us_fail(err, US_ERR_FORMAT, "%s: not a CHARX file (a zip with card.json)", file);
    for (int i = 0; st == US_ERR_NOT_FOUND && i < MAX_FILES; i++) {
        int rc = archive_read_next_header(a, &e);
        if (rc == ARCHIVE_EOF) break;
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) {
            st = us_fail(err, US_ERR_FORMAT, "%s: the zip is damaged: %.200s", file, archive_error_string(a));
            break;
        }
        const char *path = archive_entry_pathname(e), *dot = path ? strrchr(path, '.') : NULL;
        if (!path || (wanted ? strcasecmp(path, wanted) != 0 : !dot || strcasecmp(dot, ".png") != 0)) continue;
        char piece[16384];
        la_ssize_t got;
        st = US_OK;
        while (!st && (got = archive_read_data(a, piece, sizeof piece)) > 0) st = us_buf_append(out, piece, (size_t)got, err);
        if (st == US_ERR_LIMIT) us_fail(err, st, "%s: %.60s in the zip is larger than %zu MiB", file, path, out->max >> 20);
        if (!st && got < 0) st = us_fail(err, US_ERR_FORMAT, "%s: %.60s in the zip is damaged", file, path);
    }
    if (st == US_ERR_MEMORY) us_fail(err, st, "out of memory");
    if (a) archive_read_free(a);
    return st;
}

/* Where the card says its picture is: the asset of type "icon", "main" before others. */
static const char *picture_path(const us_card *c) {
    const json_t *list = json_object_get(json_object_get(c->root, "data"), "assets"), *a;
    const char *best = NULL;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)list, i, a) {
        const char *type = json_string_value(json_object_get(a, "type")), *uri = json_string_value(json_object_get(a, "uri")),
                   *name = json_string_value(json_object_get(a, "name"));
        if (!type || !uri || strcmp(type, "icon")) continue;
        size_t skip = !strncasecmp(uri, "embeded://", 10) ? 10 : !strncasecmp(uri, "embedded://", 11) ? 11 : 0;
        if (skip && (!best || (name && !strcmp(name, "main")))) best = uri + skip;
    }
    return best;
}

static us_status read_charx(const void *bytes, size_t n, const char *name, us_card **out, us_buf *picture, us_error *err) {
    us_buf json;
    us_error why;
    us_buf_init(&json, MAX_CARD_JSON);
    us_status st = unpack(bytes, n, name, "card.json", &json, err);
    if (st == US_ERR_NOT_FOUND) st = us_fail(err, US_ERR_FORMAT, "%s: the zip holds no card.json: it is no CHARX file", name);
    if (!st) st = us_card_parse(json.data ? json.data : "", json.len, name, out, err);
    us_buf_fini(&json);
    if (st || !picture) return st;
    us_status found = unpack(bytes, n, name, picture_path(*out), picture, &why);
    bool png = picture->len > sizeof png_signature && !memcmp(picture->data, png_signature, sizeof png_signature);
    if (found || !png) us_buf_clear(picture);
    if (picture_path(*out) && (found || !png))
        json_array_append_new((*out)->notes, json_string("its picture is no PNG and is left out"));
    return US_OK;
}

us_status us_card_read(const void *bytes, size_t n, const char *name, us_card **out, us_buf *picture, us_error *err) {
    const char *p = bytes;
    bool png = n >= 4 && !memcmp(p, png_signature, 4), jpeg = n >= 3 && !memcmp(p, "\xff\xd8\xff", 3);
    bool webp = n >= 12 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBP", 4);
    if ((n >= 4 && !memcmp(p, "PK\x03\x04", 4)) ||
        (jpeg && memmem(p, n, "PK\x05\x06", 4))) /* Risu puts the zip behind a picture */
        return read_charx(bytes, n, name, out, picture, err);
    if (!png && !jpeg && !webp) return us_card_parse(bytes, n, name, out, err);
    us_error why;
    us_status st = us_card_from_png(bytes, n, out, &why);
    if (st) us_fail(err, st, "%s: %s", name, why.message);
    return st || !picture ? st : us_buf_append(picture, bytes, n, err);
}

us_status us_card_open(const char *path, us_card **out, us_error *err) {
    char *bytes;
    size_t n;
    us_status st = us_file_read(path, US_MAX_CARD_FILE, &bytes, &n, err);
    if (st) return st;
    st = us_card_read(bytes, n, path, out, NULL, err);
    free(bytes);
    return st;
}
