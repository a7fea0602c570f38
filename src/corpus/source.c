/* corpus/source.c - files, folders and archives, one document after the other. */
#include "corpus/source.h"
#include "base/buf.h"
#include "base/mem.h"
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_DEPTH 64
#define MAX_FILES 100000
#define MAX_UNPACKED ((size_t)1 << 30)

typedef struct walk {
    const char *encoding;
    us_doc_fn *fn;
    void *ctx;
    size_t n_files;
    us_error *err;
} walk;

/* ---- one document ------------------------------------------------------------------------------------------- */

/* Formats of other programs, by their first bytes, and the step that makes a text of them. */
static const char *refusal(const char *s, size_t n) {
    static const struct {
        const char *magic, *what;
    } known[] = {
        {"%PDF-", "a PDF: make text of it first (pdftotext -layout FILE.pdf FILE.txt)"},
        {"\xd0\xcf\x11\xe0", "an old Word or Excel file: save it as .docx, .xlsx, .csv or plain text"},
        {"SQLite format 3",
         "a SQLite database: export the table (sqlite3 -header -csv FILE 'select * from TABLE' > lines.csv)"},
        {"PAR1",
         "a Parquet file: make a CSV of it (python3 -c 'import pandas; pandas.read_parquet(\"FILE\").to_csv(\"lines.csv\")')"},
        {"{\\rtf", "an RTF document: save it as plain text"},
        {"RDX", "R's own data: write it as a CSV (write.csv(x, \"lines.csv\"))"},
        {"Rar!", "a RAR archive: unpack it first"},
        {"7z\xbc\xaf", "a 7z archive: unpack it first"},
        {"\x80\x04\x95", "a Python pickle, which is a program, not data: write it as a CSV where it comes from"},
        {"ARROW1", "a Feather or Arrow file: make a CSV of it (python3 -c 'import pandas; "
                   "pandas.read_feather(\"FILE\").to_csv(\"lines.csv\")')"},
        {"\x89HDF", "an HDF5 file: write its table as a CSV"},
        {"\x89PNG", "a picture"},
        {"GGUF", "a model, not a script"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n >= strlen(known[i].magic) && !memcmp(s, known[i].magic, strlen(known[i].magic))) return known[i].what;
    if (n > 68 && !memcmp(s + 60, "BOOKMOBI", 8)) return "an e-book: make text of it first (ebook-convert FILE.mobi FILE.txt)";
    return NULL;
}

static us_status hand_out(walk *w, const char *path, const char *s, size_t n, const us_map *map, bool listed) {
    us_doc d = {.path = path, .listed = listed};
    const char *why = refusal(s, n);
    us_status st = why ? us_fail(w->err, US_ERR_FORMAT, "%s is %s", path, why)
                       : us_text_read(s, n, w->encoding, map, path, &d.text, w->err);
    if (st == US_ERR_FORMAT && listed) { /* a picture beside the scripts */
        d.refused = why ? why : "no text";
        return w->fn(w->ctx, &d, w->err);
    }
    if (st) return st;
    d.s = d.text.s;
    d.n = d.text.n;
    d.map = d.text.own ? NULL : map;
    st = w->fn(w->ctx, &d, w->err);
    us_text_fini(&d.text);
    return st;
}

/* ---- archives ----------------------------------------------------------------------------------------------- */

static bool is_archive(const char *s, size_t n) {
    static const struct {
        const char *magic;
        size_t n;
    } known[] = {{"PK\3\4", 4},
                 {"\x1f\x8b\x08", 3},
                 {"\xfd"
                  "7zXZ",
                  5},
                 {"BZh", 3},
                 {"\x28\xb5\x2f\xfd", 4}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n > known[i].n && !memcmp(s, known[i].magic, known[i].n)) return true;
    return n > 262 + 5 && !memcmp(s + 257, "ustar", 5);
}

static struct archive *open_archive(const char *s, size_t n) {
    struct archive *a = archive_read_new();
    if (!a) return NULL;
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_zip(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_raw(a);
    if (archive_read_open_memory(a, s, n) == ARCHIVE_OK) return a;
    archive_read_free(a);
    return NULL;
}

/* The rest of the entry that is open. `room`: bytes that may still be unpacked. */
static us_status unpack(struct archive *a, const char *path, size_t *room, char **out, size_t *n, us_error *err) {
    us_buf b;
    us_buf_init(&b, *room);
    us_status st = US_OK;
    for (la_ssize_t got = 1; got > 0 && !st;) {
        if ((st = us_buf_reserve(&b, *room - b.len < 65536 ? *room - b.len : 65536, err))) break;
        if (b.len == *room) st = US_ERR_LIMIT;
        else if ((got = archive_read_data(a, b.data + b.len, *room - b.len < 65536 ? *room - b.len : 65536)) > 0)
            b.len += (size_t)got;
        else if (got < 0) {
            const char *why = archive_error_string(a);
            st = us_fail(err, US_ERR_FORMAT, "%s: cannot unpack: %s", path, why ? why : "damaged");
        }
    }
    if (st == US_ERR_LIMIT)
        us_fail(err, st, "%s: unpacks to more than %zu bytes: unpack it by hand and name the files", path, MAX_UNPACKED);
    else *room -= b.len;
    if (!st && !us_buf_append(&b, "", 0, err)) *out = us_buf_take(&b, n);
    us_buf_fini(&b);
    return st ? st : *out ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

us_status us_zip_read(const char *s, size_t n, const char *member, size_t max, char **out, size_t *n_out, us_error *err) {
    struct archive *a = open_archive(s, n);
    struct archive_entry *e;
    us_status st = a ? US_ERR_NOT_FOUND : us_fail(err, US_ERR_MEMORY, "out of memory");
    *out = NULL;
    for (int k = 0; st == US_ERR_NOT_FOUND && k < MAX_FILES && archive_read_next_header(a, &e) == ARCHIVE_OK; k++) {
        const char *name = archive_entry_pathname(e);
        if (name && !strcmp(name, member)) st = unpack(a, member, &max, out, n_out, err);
    }
    if (st == US_ERR_NOT_FOUND) us_fail(err, st, "no '%s' in the archive", member);
    archive_read_free(a);
    return st;
}

/* A zip of one program's own: NULL, "xlsx", or the sentence that refuses it. */
static const char *office(const char *s, size_t n) {
    static const struct {
        const char *member, *what;
    } known[] = {{"xl/workbook.xml", "xlsx"},
                 {"word/document.xml", "a Word document: save it as plain text (.txt)"},
                 {"content.xml", "a LibreOffice document: save it as .csv, .xlsx or plain text"},
                 {"ppt/presentation.xml", "a presentation: save its words as plain text (.txt)"},
                 {"META-INF/container.xml", "an e-book: make text of it first (ebook-convert FILE.epub FILE.txt)"}};
    struct archive *a = open_archive(s, n);
    struct archive_entry *e;
    const char *what = NULL;
    for (int k = 0; a && !what && k < 200 && archive_read_next_header(a, &e) == ARCHIVE_OK; k++) {
        const char *name = archive_entry_pathname(e);
        for (size_t i = 0; name && !what && i < sizeof known / sizeof *known; i++)
            if (!strcmp(name, known[i].member)) what = known[i].what;
    }
    archive_read_free(a);
    return what;
}

static us_status hand_out_workbook(walk *w, const char *path, const char *s, size_t n, bool listed) {
    us_doc d = {.path = path, .s = s, .n = n, .workbook = true, .listed = listed};
    strcpy(d.text.encoding, "UTF-8");
    return w->fn(w->ctx, &d, w->err);
}

static us_status read_bytes(walk *w, const char *path, const char *s, size_t n, const us_map *map, bool listed, bool packed);

/* Names that no person gave: of the system that packed, and hidden files. */
static bool is_debris(const char *name) {
    const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    return !*base || *base == '.' || !strncmp(name, "__MACOSX/", 9) || !strcmp(base, "Thumbs.db");
}

static us_status pass_over(walk *w, const char *path, const char *why) { /* beside scripts */
    us_doc d = {.path = path, .listed = true, .refused = why};
    return w->fn(w->ctx, &d, w->err);
}

static us_status read_archive(walk *w, const char *path, const char *s, size_t n, bool listed) {
    const char *program = !memcmp(s, "PK", 2) ? office(s, n) : NULL;
    if (program && !strcmp(program, "xlsx")) return hand_out_workbook(w, path, s, n, listed);
    if (program && listed) return pass_over(w, path, program);
    if (program) return us_fail(w->err, US_ERR_FORMAT, "%s is %s", path, program);
    struct archive *a = open_archive(s, n);
    struct archive_entry *e;
    us_status st = a ? US_OK : us_fail(w->err, US_ERR_MEMORY, "out of memory");
    size_t room = MAX_UNPACKED;
    int rc = ARCHIVE_OK;
    while (!st && (rc = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(e);
        bool raw = archive_format(a) == ARCHIVE_FORMAT_RAW; /* a single file, as .gz: no name of its own */
        if (!name) name = "?";
        if (!raw && (archive_entry_filetype(e) != AE_IFREG || is_debris(name))) continue;
        if (++w->n_files > MAX_FILES) {
            st = us_fail(w->err, US_ERR_LIMIT, "%s: more than %d files", path, MAX_FILES);
            break;
        }
        char *bytes = NULL, *inner = raw ? us_checked(strdup(path)) : us_path_join(path, name);
        size_t len;
        st = inner ? unpack(a, inner, &room, &bytes, &len, w->err) : us_fail(w->err, US_ERR_MEMORY, "out of memory");
        if (!st) st = read_bytes(w, inner, bytes, len, NULL, !raw, true);
        free(bytes);
        free(inner);
    }
    if (!st && rc != ARCHIVE_EOF) {
        const char *why = archive_error_string(a);
        st = us_fail(w->err, US_ERR_FORMAT, "%s: a damaged archive: %s", path, why ? why : "cut short");
    }
    archive_read_free(a);
    return st;
}

/* ---- files and folders -------------------------------------------------------------------------------------- */

static us_status read_bytes(walk *w, const char *path, const char *s, size_t n, const us_map *map, bool listed, bool packed) {
    if (is_archive(s, n)) {
        if (!packed) return read_archive(w, path, s, n, listed);
        const char *program = !memcmp(s, "PK", 2) ? office(s, n) : NULL;
        if (program && !strcmp(program, "xlsx")) return hand_out_workbook(w, path, s, n, listed);
        if (listed) return pass_over(w, path, program ? program : "an archive inside an archive: unpack it first");
        return us_fail(w->err, US_ERR_FORMAT, "%s: an archive inside an archive: unpack the outer one first", path);
    }
    return hand_out(w, path, s, n, map, listed);
}

static us_status walk_path(walk *w, const char *path, int depth, bool listed);

/* "E2" before "E10": numbers by their value. */
static int by_name(const void *x, const void *y) {
    const char *a = *(char *const *)x, *b = *(char *const *)y, *whole_a = a, *whole_b = b;
    while (*a && *b) {
        size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");
        if (n && m) {
            for (; n > 1 && *a == '0'; n--) a++;
            for (; m > 1 && *b == '0'; m--) b++;
            int by_digits = n != m ? (n < m ? -1 : 1) : memcmp(a, b, n);
            if (by_digits) return by_digits;
            a += n;
            b += m;
        } else if (*a != *b) return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        else a++, b++;
    }
    return *a ? 1 : *b ? -1 : strcmp(whole_a, whole_b);
}

static us_status walk_folder(walk *w, const char *path, int depth) {
    DIR *dir = opendir(path);
    char **names = NULL;
    size_t n = 0, cap = 0;
    us_status st = US_OK;
    if (!dir) return us_fail(w->err, US_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (depth > MAX_DEPTH) st = us_fail(w->err, US_ERR_LIMIT, "%s: more than %d folders deep", path, MAX_DEPTH);
    for (struct dirent *e; !st && (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        if (n >= MAX_FILES) st = us_fail(w->err, US_ERR_LIMIT, "%s: more than %d files", path, MAX_FILES);
        if (!st) st = us_grow(&names, &cap, n + 1, sizeof *names, w->err);
        if (!st && !(names[n++] = us_path_join(path, e->d_name))) st = us_fail(w->err, US_ERR_MEMORY, "out of memory");
    }
    closedir(dir);
    if (n && !st) qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        if (!st) st = walk_path(w, names[i], depth + 1, true);
        free(names[i]);
    }
    free(names);
    return st;
}

static us_status walk_path(walk *w, const char *path, int depth, bool listed) {
    struct stat about;
    us_map map;
    if (!strcmp(path, "-")) {
        char *bytes;
        size_t n;
        us_status st = us_file_read(path, MAX_UNPACKED, &bytes, &n, w->err);
        if (!st) st = read_bytes(w, path, bytes, n, NULL, false, false), free(bytes);
        return st;
    }
    if (stat(path, &about))
        return us_fail(w->err, errno == ENOENT ? US_ERR_NOT_FOUND : US_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (S_ISDIR(about.st_mode)) {
        bool link = listed && !lstat(path, &about) && S_ISLNK(about.st_mode); /* it may lead back to where we are */
        return link ? US_OK : walk_folder(w, path, depth);
    }
    if (listed && !S_ISREG(about.st_mode)) return US_OK;
    if (++w->n_files > MAX_FILES) return us_fail(w->err, US_ERR_LIMIT, "%s: more than %d files", path, MAX_FILES);
    if (!S_ISREG(about.st_mode)) { /* a pipe: <(zcat FILE) */
        char *bytes;
        size_t n;
        us_status st = us_file_read(path, MAX_UNPACKED, &bytes, &n, w->err);
        if (!st) st = read_bytes(w, path, bytes, n, NULL, false, false), free(bytes);
        return st;
    }
    us_status st = us_map_open(path, &map, w->err);
    if (st) return st;
    st = read_bytes(w, path, map.data ? (const char *)map.data : "", map.size, map.data ? &map : NULL, listed, false);
    us_map_close(&map);
    return st;
}

us_status us_source_walk(const char *path, const char *encoding, us_doc_fn *fn, void *ctx, us_error *err) {
    walk w = {.encoding = encoding, .fn = fn, .ctx = ctx, .err = err};
    return walk_path(&w, path, 0, false);
}
