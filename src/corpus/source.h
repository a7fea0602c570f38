/* corpus/source.h - from a path to texts: files, folders, and archives as they are downloaded.
 *
 * Owns: opening, unpacking within bounds, and the order of files. Knows nothing of rows or shapes.
 * Every document is handed out once, as UTF-8 in one piece: a plain UTF-8 file stays mapped, the rest is a copy. */
#ifndef US_CORPUS_SOURCE_H
#define US_CORPUS_SOURCE_H
#include "corpus/encoding.h"

typedef struct us_doc {
    const char *path; /* as messages name it: "lines.csv", "pack.zip/lines.csv" */
    const char *s;    /* n bytes of UTF-8; of a workbook (.xlsx) the archive's own bytes */
    size_t n;
    bool workbook;
    bool inside;         /* a text inside another document: neither JSON nor a web page is looked for in it again */
    bool listed;         /* found in a folder or an archive: what is no script there is passed over, not an error */
    const char *refused; /* not NULL: no text at all, and why (of listed documents; of others it is an error) */
    const us_map *map;   /* where the bytes lie, or NULL */
    size_t dropped;      /* of the map: bytes given back so far */
    us_text text;
} us_doc;

/* Gets each document in turn; anything but US_OK ends the walk. */
typedef us_status us_doc_fn(void *ctx, us_doc *doc, us_error *err);

/* Walks a file ("-": standard input), a folder (its files by name, numbers by value) or an archive (.zip, .tar, .gz, .xz, .bz2,
 * .zst). Bounds: 64 folders deep, 100,000 files, 1 GiB of unpacked bytes for an archive and for standard input. */
US_MUST_USE us_status us_source_walk(const char *path, const char *encoding, us_doc_fn *fn, void *ctx, us_error *err);

/* Everything before `at` has been read: a mapped file's pages go back now and then. */
static inline void us_doc_done(us_doc *d, const char *at) {
    size_t done = d->map ? (size_t)(at - (const char *)d->map->data) : 0;
    if (d->map && done > d->dropped + ((size_t)2 << 20)) {
        us_map_drop(d->map, d->dropped, done - d->dropped - ((size_t)1 << 20));
        d->dropped = done - ((size_t)1 << 20);
    }
}

/* The member of a zip in memory, whole, at most max_bytes; NOT_FOUND when it is not there. *out is free()d by the caller. */
US_MUST_USE us_status us_zip_read(const char *bytes, size_t n, const char *member, size_t max_bytes, char **out, size_t *n_out,
                                  us_error *err);
#endif
