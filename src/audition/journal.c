#include "audition/journal.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES ((size_t)1 << 30)

struct us_journal {
    FILE *file;
    char *path;
    json_t *entries;
    size_t n_found;
};

static bool same_run(json_t *head, const char *fingerprint) {
    const char *f = json_string_value(json_object_get(head, "fingerprint"));
    return json_integer_value(json_object_get(head, "understudy_audition_journal")) == 1 && f && !strcmp(f, fingerprint);
}

/* Reads what is whole; *n_good is the number of bytes up to there. */
static us_status read_back(us_journal *j, const char *path, const char *fingerprint, size_t *n_good, us_error *err) {
    char *text;
    size_t n;
    us_status st = us_file_read(path, MAX_FILE_BYTES, &text, &n, err);
    if (st) return st;
    *n_good = 0;
    for (char *p = text, *nl; (nl = strchr(p, '\n')); p = nl + 1) {
        json_t *line = us_json_parse(p, (size_t)(nl - p), NULL);
        const char *key = json_string_value(json_object_get(line, "k"));
        bool good = p == text ? same_run(line, fingerprint) : key && json_object_get(line, "v");
        if (good && key && p != text && !json_object_set(j->entries, key, json_object_get(line, "v"))) j->n_found++;
        json_decref(line);
        if (!good) break;
        *n_good = (size_t)(nl + 1 - text);
    }
    free(text);
    return US_OK;
}

/* The folder that the file will stand in. */
static us_status make_folder(const char *path, us_error *err) {
    const char *slash = strrchr(path, '/');
    char *folder;
    if (!slash || slash == path) return US_OK;
    us_status st = us_strndup(path, (size_t)(slash - path), &folder, err);
    if (st) return st;
    st = us_dir_make(folder, err);
    free(folder);
    return st;
}

us_status us_journal_open(const char *path, const char *fingerprint, bool restart, us_journal **out, us_error *err) {
    us_journal *j;
    size_t n_good = 0;
    us_status st = us_alloc(1, sizeof *j, &j, err);
    if (st) return st;
    if (!(j->entries = json_object())) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && path) st = us_strdup(path, &j->path, err);
    if (!st && path) st = make_folder(path, err);
    if (!st && path && !restart && us_file_exists(path)) st = read_back(j, path, fingerprint, &n_good, err);
    if (!st && path) {
        j->file = fopen(path, n_good ? "r+" : "w");
        if (!j->file || fseek(j->file, (long)n_good, SEEK_SET))
            st = us_fail(err, US_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
        else if (!n_good &&
                 fprintf(j->file, "{\"understudy_audition_journal\": 1, \"fingerprint\": \"%s\"}\n", fingerprint) < 0)
            st = us_fail(err, US_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    }
    if (st) us_journal_free(j);
    else *out = j;
    return st;
}

void us_journal_free(us_journal *j) {
    if (!j) return;
    if (j->file) fclose(j->file);
    json_decref(j->entries);
    free(j->path);
    free(j);
}

size_t us_journal_n_found(const us_journal *j) { return j->n_found; }
json_t *us_journal_get(const us_journal *j, const char *key) { return json_object_get(j->entries, key); }

us_status us_journal_put(us_journal *j, const char *key, json_t *value, us_error *err) {
    json_t *line = value && j->file ? json_pack("{s:s, s:O}", "k", key, "v", value) : NULL;
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    us_status st = US_OK;
    if (!value || (j->file && !text)) st = us_fail(err, US_ERR_MEMORY, "journal: out of memory");
    else if (j->file && (fprintf(j->file, "%s\n", text) < 0 || fflush(j->file)))
        st = us_fail(err, US_ERR_IO, "%s: cannot write: %s", j->path, strerror(errno));
    free(text);
    json_decref(line);
    json_decref(value);
    return st;
}
