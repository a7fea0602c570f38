/* A scan compares the folders with what is loaded; a character that changed is loaded anew, and the old one lives until its
 * last user puts it back. */
#include "character/library.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/hash.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_ROOTS = 4,
    RESCAN_MS = 500,
    MAX_COMPLAINTS = 64,
    MAX_ADDED_MIB = 512, /* of all cards, while one is added */
    MAX_PICTURES_MIB = 2048
};
static const char adding[] = ".adding-"; /* in front of the id, until a folder is whole */

/* What is wrong with a folder: told once, and kept for as long as it is so. */
typedef struct complaint {
    uint64_t path; /* its hash */
    int64_t stamp;
    char folder[256], why[400];
    bool left_out; /* the folder is no character by it */
    bool now;      /* the last scan saw it */
} complaint;

struct us_characters {
    char *roots[MAX_ROOTS];
    size_t n_roots, n;
    bool has_half; /* the last root */
    us_characters_hooks hooks;
    pthread_mutex_t lock;
    us_character *list[US_MAX_CHARACTERS]; /* by id */
    int64_t scanned_ns, roots_ns;          /* when the last scan was, and the sum of the roots' times of change then */
    complaint bad[MAX_COMPLAINTS];
    int n_bad;
    bool many; /* there are more than these */
};

/* 0: no regular file is there itself (a link, a pipe, nothing). */
static int64_t changed_ns(const char *path) {
    struct stat sb;
    return lstat(path, &sb) || !S_ISREG(sb.st_mode) ? 0
                                                    : (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec + sb.st_size;
}

static void character_free(us_character *c) {
    if (c->adapter && c->all->hooks.forget) c->all->hooks.forget(c->all->hooks.ctx, c->adapter);
    us_adapter_free(c->adapter);
    us_director_free(c->director);
    for (size_t i = 0; i < c->n_phrases; i++) us_tokens_fini(&c->phrases[i]);
    free(c->phrases);
    us_card_free(c->card);
    free(c->folder);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void us_character_put(us_character *c) {
    if (c && atomic_fetch_sub(&c->n_refs, 1) == 1) character_free(c);
}

/* ---- looking at the folders ------------------------------------------------------------------------------------ */

static bool id_is_good(const char *id) {
    size_t n = strlen(id);
    if (!us_utf8_valid(id, n, NULL)) return false;
    if (!n || n >= US_CHARACTER_ID || id[0] == '.' || !strcmp(id, "base")) return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)id[i] <= ' ' || strchr(":/?#%&\\\"<>", id[i])) return false;
    return true;
}

/* `name`, of the folder, is left out by it; NULL: it is not. */
static void complain(us_characters *cs, const char *path, const char *name, int64_t stamp, const char *why) {
    uint64_t hash = us_hash_text(1, path);
    int i = 0;
    while (i < cs->n_bad && cs->bad[i].path != hash) i++;
    if (i < cs->n_bad && cs->bad[i].stamp == stamp) {
        cs->bad[i].now = true;
        return;
    }
    if (i == MAX_COMPLAINTS) { /* nothing is kept of it, so that it would be told again and again */
        if (!cs->many && cs->hooks.log)
            cs->hooks.log(cs->hooks.ctx, "more folders of characters than are told of are left out");
        cs->many = true;
        return;
    }
    if (i == cs->n_bad) cs->n_bad++;
    complaint *c = &cs->bad[i];
    *c = (complaint){.path = hash, .stamp = stamp, .left_out = name != NULL, .now = true};
    snprintf(c->folder, sizeof c->folder, "%s", name ? name : "");
    snprintf(c->why, sizeof c->why, "%s", why);
    if (cs->hooks.log) cs->hooks.log(cs->hooks.ctx, why);
}

/* After a scan: what was mended is forgotten. */
static void forget_mended(us_characters *cs) {
    int n = 0;
    for (int i = 0; i < cs->n_bad; i++)
        if (cs->bad[i].now || !cs->bad[i].left_out) cs->bad[n++] = cs->bad[i];
    cs->n_bad = n;
    cs->many = cs->many && n == MAX_COMPLAINTS;
}

/* Says of a folder with a card why it is no character here. */
static void pass_over(us_characters *cs, const char *root, const char *name, const char *reason) {
    us_error err;
    struct stat sb;
    char *folder = us_path_join(root, name), *card = folder ? us_path_join(folder, "card.json") : NULL;
    if (card && !lstat(card, &sb)) {
        us_fail(&err, US_ERR_FORMAT, "%s: left out: %s", folder, reason);
        complain(cs, folder, name, 1, err.message);
    }
    free(folder);
    free(card);
}

/* The character of this folder: the one we know when nothing has changed, else a new one; NULL when there is none. */
static us_character *look(us_characters *cs, size_t i_root, const char *id) {
    us_character *c = NULL;
    us_card *card = NULL;
    us_error err;
    char *folder = us_path_join(cs->roots[i_root], id), *path = folder ? us_path_join(folder, "card.json") : NULL;
    char *adapter = folder ? us_path_join(folder, "adapter.gguf") : NULL;
    int64_t stamp = path ? changed_ns(path) : 0;
    struct stat sb;
    if (!stamp && path && !lstat(path, &sb)) {
        us_fail(&err, US_ERR_FORMAT, "%s: no regular file of this folder (a link, a pipe): left out", path);
        complain(cs, path, id, 1, err.message);
    }
    if (!stamp || !adapter) goto out;
    for (size_t i = 0; i < cs->n; i++)
        if (!strcmp(cs->list[i]->id, id) && !strcmp(cs->list[i]->folder, folder)) {
            const char *own = us_card_adapter(cs->list[i]->card);
            char *other = own ? us_path_join(folder, own) : NULL;
            if (cs->list[i]->stamp == stamp + changed_ns(other ? other : adapter))
                c = cs->list[i], atomic_fetch_add(&c->n_refs, 1);
            free(other);
        }
    if (c) goto out;
    if (us_card_open(path, &card, &err)) {
        complain(cs, path, id, stamp, err.message);
        goto out;
    }
    if (us_card_adapter(card)) {
        free(adapter);
        adapter = us_path_join(folder, us_card_adapter(card));
    }
    if (!adapter || us_alloc(1, sizeof *c, &c, NULL)) {
        us_card_free(card);
        goto out;
    }
    int64_t adapter_stamp = changed_ns(adapter);
    if (!adapter_stamp && us_file_exists(adapter)) {
        us_fail(&err, US_ERR_FORMAT, "%s: no regular file of this folder (a link, a pipe): the character speaks without it",
                adapter);
        complain(cs, adapter, NULL, 1, err.message);
    }
    pthread_mutex_init(&c->lock, NULL);
    atomic_init(&c->n_refs, 1);
    snprintf(c->id, sizeof c->id, "%.*s", (int)sizeof c->id - 1, id);
    c->all = cs;
    c->folder = folder;
    c->card = card;
    c->half = cs->has_half && i_root + 1 == cs->n_roots;
    c->own = i_root + 1 + cs->has_half == cs->n_roots;
    c->has_adapter = adapter_stamp != 0;
    c->stamp = stamp + adapter_stamp;
    folder = NULL;
out:
    free(folder);
    free(path);
    free(adapter);
    return c;
}

static int by_id(const void *a, const void *b) {
    return strcmp((*(us_character *const *)a)->id, (*(us_character *const *)b)->id);
}

/* Why this folder of roots[r] cannot be a character, whatever is in it; "": one that was found before has its id, as it should be;
 * NULL: it can. */
static const char *not_looked_at(const us_characters *cs, us_character *const now[], size_t n, size_t r, const char *name) {
    if (!id_is_good(name)) return "its name cannot be an id (UTF-8 to 63 bytes, without blanks and :/?#%&\\\"<>, not 'base')";
    for (size_t i = 0; i < n; i++)
        if (!strcmp(now[i]->id, name)) /* what is made anew has the id of what it will replace */
            return cs->has_half && r + 1 == cs->n_roots ? "" : "a folder of that name in another place comes before it";
    return n == US_MAX_CHARACTERS ? "there are too many characters" : NULL;
}

/* A number that changes when a folder comes or goes: such a change is seen at once. */
static int64_t changed_roots(const us_characters *cs) {
    struct stat sb;
    uint64_t sum = 0;
    for (size_t r = 0; r < cs->n_roots; r++)
        if (!stat(cs->roots[r], &sb)) sum = sum * 31 + (uint64_t)sb.st_mtim.tv_sec * 1000000000 + (uint64_t)sb.st_mtim.tv_nsec;
    return (int64_t)sum;
}

/* Lock held. Characters that are gone lose the library's reference; a reply under way keeps its own. When a folder could not be
 * read, or memory ran out, those that are known stay until the next look. */
static size_t rescan(us_characters *cs, us_character *gone[US_MAX_CHARACTERS]) {
    us_character *now[US_MAX_CHARACTERS];
    size_t n = 0, n_gone = cs->n;
    unsigned failures = us_memory_failures();
    bool lost = false;
    int64_t roots_ns = changed_roots(cs); /* before they are read */
    if (cs->scanned_ns && us_now_ns() - cs->scanned_ns < (int64_t)RESCAN_MS * 1000000 && roots_ns == cs->roots_ns) return 0;
    for (int i = 0; i < cs->n_bad; i++) cs->bad[i].now = false;
    for (size_t r = 0; r < cs->n_roots; r++) {
        DIR *d = opendir(cs->roots[r]);
        lost = lost || (!d && errno != ENOENT);
        for (struct dirent *e; d && (e = readdir(d));) {
            const char *reason = not_looked_at(cs, now, n, r, e->d_name);
            bool known = reason || e->d_name[0] == '.';
            if (known && e->d_name[0] != '.' && *reason) pass_over(cs, cs->roots[r], e->d_name, reason);
            if (!known && (now[n] = look(cs, r, e->d_name))) n++;
        }
        if (d) closedir(d);
    }
    if (lost || us_memory_failures() != failures) {
        memcpy(gone, now, n * sizeof *now);
        return n;
    }
    forget_mended(cs);
    qsort(now, n, sizeof *now, by_id);
    memcpy(gone, cs->list, n_gone * sizeof *gone);
    memcpy(cs->list, now, n * sizeof *now);
    cs->n = n;
    cs->scanned_ns = us_now_ns();
    cs->roots_ns = roots_ns;
    return n_gone;
}

static void refresh(us_characters *cs) {
    us_character *gone[US_MAX_CHARACTERS];
    pthread_mutex_lock(&cs->lock);
    size_t n = rescan(cs, gone);
    pthread_mutex_unlock(&cs->lock);
    for (size_t i = 0; i < n; i++) us_character_put(gone[i]); /* outside the lock: an adapter may have to be let go of */
}

us_status us_characters_new(const char *const *roots, size_t n, const us_characters_hooks *hooks, us_characters **out,
                            us_error *err) {
    us_characters *cs;
    us_status st = us_alloc(1, sizeof *cs, &cs, err);
    if (st) return st;
    pthread_mutex_init(&cs->lock, NULL);
    cs->hooks = *hooks;
    for (size_t i = 0; i < n && i < MAX_ROOTS && !st; i++) {
        st = us_strdup(roots[i], &cs->roots[i], err);
        cs->n_roots++;
    }
    if (st) us_characters_free(cs);
    else *out = cs;
    return st;
}

us_status us_characters_set_half(us_characters *cs, const char *root, us_error *err) {
    assert(cs->n_roots < MAX_ROOTS && !cs->has_half);
    us_status st = us_strdup(root, &cs->roots[cs->n_roots], err);
    if (st) return st;
    cs->n_roots++;
    cs->has_half = true;
    return US_OK;
}

void us_characters_free(us_characters *cs) {
    if (!cs) return;
    for (size_t i = 0; i < cs->n; i++) us_character_put(cs->list[i]);
    for (size_t i = 0; i < cs->n_roots; i++) free(cs->roots[i]);
    pthread_mutex_destroy(&cs->lock);
    free(cs);
}

us_status us_characters_find(us_characters *cs, const char *id, us_character **out, us_error *err) {
    us_character *c = NULL;
    refresh(cs);
    pthread_mutex_lock(&cs->lock);
    for (size_t i = 0; i < cs->n && !c; i++)
        if (!strcmp(cs->list[i]->id, id)) c = cs->list[i], atomic_fetch_add(&c->n_refs, 1);
    pthread_mutex_unlock(&cs->lock);
    if (!c) return us_fail(err, US_ERR_NOT_FOUND, "no character '%.60s'", id);
    *out = c;
    return US_OK;
}

void us_characters_list(us_characters *cs, us_character *out[US_MAX_CHARACTERS], size_t *n) {
    refresh(cs);
    pthread_mutex_lock(&cs->lock);
    *n = 0;
    for (size_t i = 0; i < cs->n; i++) {
        if (cs->list[i]->half) continue;
        out[(*n)++] = cs->list[i];
        atomic_fetch_add(&cs->list[i]->n_refs, 1);
    }
    pthread_mutex_unlock(&cs->lock);
}

void us_characters_left_out(us_characters *cs, void (*each)(void *ctx, const char *folder, const char *why), void *ctx) {
    refresh(cs);
    pthread_mutex_lock(&cs->lock);
    for (int i = 0; i < cs->n_bad; i++)
        if (cs->bad[i].left_out) each(ctx, cs->bad[i].folder, cs->bad[i].why);
    if (cs->many) each(ctx, "", "there are more folders than these");
    pthread_mutex_unlock(&cs->lock);
}

/* ---- one character ----------------------------------------------------------------------------------------------- */

us_status us_character_load(us_character *c, const us_model *model, bool with_adapter, bool force, us_error *err) {
    us_status st = US_OK;
    const char *name = us_card_adapter(c->card);
    pthread_mutex_lock(&c->lock);
    if (with_adapter && c->has_adapter && !c->adapter) {
        char *path = us_path_join(c->folder, name ? name : "adapter.gguf");
        st = path ? us_adapter_open(model, path, force, &c->adapter, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
        if (st == US_ERR_MISMATCH) us_because(st, "adapter_mismatch", err);
        free(path);
    }
    if (!st && !c->loaded) {
        st = us_card_phrase_tokens(c->card, us_model_get_tokenizer(model), &c->phrases, &c->n_phrases, err);
        c->loaded = !st;
        us_error why;
        if (!st && us_director_find(model, c->folder, c->all->roots[0], &c->director, &why) && c->all->hooks.log) {
            char line[sizeof why.message + US_CHARACTER_ID + 64];
            snprintf(line, sizeof line, "%s: takes are chosen without a director: %s", c->id, why.message);
            c->all->hooks.log(c->all->hooks.ctx, line);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return st;
}

char *us_character_file(const us_character *c, const char *const *names) {
    for (; *names; names++) {
        char *path = us_path_join(c->folder, *names);
        if (path && us_file_is_plain(path)) return path;
        free(path);
    }
    return NULL;
}

/* "Homer Simpson" -> "homer-simpson"; what is no letter or digit of ASCII is left out. */
static void id_from_name(const char *name, char id[US_CHARACTER_ID]) {
    size_t n = 0;
    for (; *name && n < US_CHARACTER_ID - 5; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) id[n++] = c;
        else if (n && id[n - 1] != '-') id[n++] = '-';
    }
    while (n && id[n - 1] == '-') n--;
    id[n] = 0;
    if (!n || !id_is_good(id)) snprintf(id, US_CHARACTER_ID, "character");
}

/* Lock held: an id of which there is neither a character nor a folder. */
static us_status free_id(us_characters *cs, const char *name, char id[US_CHARACTER_ID], us_error *err) {
    char base[US_CHARACTER_ID];
    id_from_name(name, base);
    for (int k = 1; k < 1000; k++) {
        bool taken = false;
        if (k == 1) snprintf(id, US_CHARACTER_ID, "%s", base);
        else snprintf(id, US_CHARACTER_ID, "%.58s-%d", base, k);
        for (size_t i = 0; i < cs->n && !taken; i++) taken = !strcmp(cs->list[i]->id, id);
        for (size_t i = 0; i < cs->n_roots && !taken; i++) {
            char *folder = us_path_join(cs->roots[i], id);
            taken = !folder || us_file_exists(folder);
            free(folder);
        }
        if (!taken) return US_OK;
    }
    return us_fail(err, US_ERR_LIMIT, "too many characters are called '%.60s'", name);
}

us_status us_characters_new_id(us_characters *cs, const char *name, char id[US_CHARACTER_ID], us_error *err) {
    refresh(cs);
    pthread_mutex_lock(&cs->lock);
    us_status st = free_id(cs, name, id, err);
    pthread_mutex_unlock(&cs->lock);
    return st;
}

void us_characters_rescan(us_characters *cs) {
    pthread_mutex_lock(&cs->lock);
    cs->scanned_ns = 0;
    pthread_mutex_unlock(&cs->lock);
}

void us_characters_changed(us_characters *cs, const char *id) {
    pthread_mutex_lock(&cs->lock);
    for (size_t i = 0; i < cs->n; i++)
        if (!strcmp(cs->list[i]->id, id)) cs->list[i]->stamp = -1;
    cs->scanned_ns = 0;
    pthread_mutex_unlock(&cs->lock);
}

/* Bytes of the pictures in the folder where characters are added. */
static uint64_t picture_bytes(const us_characters *cs, const char *root) {
    uint64_t n = 0;
    struct stat sb;
    static const char *const names[] = {"picture.png", "portrait.png"};
    for (size_t i = 0; i < 2 * cs->n; i++) {
        char *path = us_path_join(cs->list[i / 2]->folder, names[i % 2]);
        if (path && !strncmp(path, root, strlen(root)) && !lstat(path, &sb)) n += (uint64_t)sb.st_size;
        free(path);
    }
    return n;
}

/* Lock held. */
static us_status check_pictures(const us_characters *cs, const char *root, size_t n_picture, us_error *err) {
    if (!n_picture || picture_bytes(cs, root) + n_picture <= (uint64_t)MAX_PICTURES_MIB << 20) return US_OK;
    return us_because(us_fail(err, US_ERR_LIMIT,
                              "the pictures of all characters here would take more than %d MiB: delete some, or go without one",
                              MAX_PICTURES_MIB),
                      "quota", err);
}

us_status us_characters_room(us_characters *cs, size_t n_picture, us_error *err) {
    refresh(cs);
    pthread_mutex_lock(&cs->lock);
    us_status st = cs->n_roots ? check_pictures(cs, cs->roots[cs->n_roots - 1 - cs->has_half], n_picture, err) : US_OK;
    pthread_mutex_unlock(&cs->lock);
    return st;
}

static us_status check_room(const us_characters *cs, const char *root, const us_card *card, size_t n_picture, us_error *err) {
    size_t cost = card->cost;
    for (size_t i = 0; i < cs->n; i++) cost += cs->list[i]->card->cost;
    if (cs->n >= US_MAX_CHARACTERS) return us_fail(err, US_ERR_LIMIT, "there are %d characters already", US_MAX_CHARACTERS);
    if (cost > (size_t)MAX_ADDED_MIB << 20)
        return us_fail(err, US_ERR_LIMIT,
                       "the cards of all characters here would take more than %d MiB: delete some, or shorten this one",
                       MAX_ADDED_MIB);
    return check_pictures(cs, root, n_picture, err);
}

/* FOLDER/NAME, written whole. */
static us_status write_into(const char *folder, const char *name, const void *data, size_t n, const us_card *card,
                            us_error *err) {
    char *path = us_path_join(folder, name);
    us_status st = !path  ? us_fail(err, US_ERR_MEMORY, "out of memory")
                   : card ? us_card_save(card, path, err)
                          : us_file_write_atomic(path, data, n, err);
    free(path);
    return st;
}

void us_characters_forget_half(const char *root) { us_dir_remove_named(root, adding); }

us_status us_characters_add(us_characters *cs, const us_card *card, const void *picture, size_t n_picture,
                            char id[US_CHARACTER_ID], us_error *err) {
    char *folder = NULL, *half = NULL, hidden[US_CHARACTER_ID + sizeof adding];
    if (!cs->n_roots) return us_fail(err, US_ERR_UNSUPPORTED, "there is no folder for characters (--data-dir)");
    refresh(cs);
    pthread_mutex_lock(&cs->lock);
    const char *root = cs->roots[cs->n_roots - 1 - cs->has_half];
    us_status st = free_id(cs, us_card_name(card), id, err);
    if (!st) st = check_room(cs, root, card, picture ? n_picture : 0, err);
    snprintf(hidden, sizeof hidden, "%s%s", adding, id);
    if (!st && (!(folder = us_path_join(root, id)) || !(half = us_path_join(root, hidden))))
        st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_dir_make_private(half, err); /* it has its name when it is whole */
    if (!st && picture) st = write_into(half, "picture.png", picture, n_picture, NULL, err);
    if (!st) st = write_into(half, "card.json", NULL, 0, card, err);
    if (!st && rename(half, folder)) st = us_fail(err, US_ERR_IO, "%s: cannot rename to %s: %s", half, folder, strerror(errno));
    if (st && half) us_dir_remove(half);
    cs->scanned_ns = 0;
    pthread_mutex_unlock(&cs->lock);
    free(folder);
    free(half);
    return st;
}
