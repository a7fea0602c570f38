/* What is downloaded whole: a character's adapter as PEFT, the merged model, a backup of everything. Children make them
 * ('understudy export', 'understudy backup'); this file hands out what they made. */
#include "base/file.h"
#include "jobs/child.h"
#include "serve/studio.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char too_many[] = "two large files are being handed out already: try again when they are done";
enum { EXPORT_SECONDS = 600, CHUNK = 1 << 16 };
static const char half_name[] = ".export-XXXXXX"; /* in the data folder, until it is open to be sent */

/* ---- a character's ------------------------------------------------------------------------------------------------ */

static char *adapter_of(us_request *r, us_error *err) {
    us_character *c;
    if (us_characters_find(r->s->characters, r->args[0], &c, err)) return NULL;
    const char *file = us_card_adapter(c->card);
    char *path = c->has_adapter ? us_path_join(c->folder, file ? file : "adapter.gguf") : NULL;
    us_character_put(c);
    if (!path) us_fail(err, US_ERR_NOT_FOUND, "this character has no adapter");
    return path;
}

/* A folder of its own for what a child makes; remove it and free it. */
static us_status make_folder(us_server *s, char **out, us_error *err) {
    *out = us_path_join(s->o.data_dir, half_name);
    if (!*out) return us_fail(err, US_ERR_MEMORY, "out of memory");
    if (mkdtemp(*out)) return US_OK;
    free(*out);
    *out = NULL;
    return us_fail(err, US_ERR_IO, "no folder can be made for the file: %s", strerror(errno));
}

void us_exports_forget_half(const char *data_dir) {
    us_dir_remove_named(data_dir, ".export-");
    us_dir_remove_named(data_dir, ".chats-"); /* of a backup */
}

/* 'understudy export ADAPTER OPTION=folder/name' */
static us_status export_to(us_request *r, const char *option, const char *folder, const char *name, us_error *err) {
    us_args a = {0};
    char *adapter = adapter_of(r, err);
    if (!adapter) return err->status;
    us_args_add(&a, r->s->o.program);
    us_args_add(&a, "export");
    us_args_add(&a, adapter);
    us_args_addf(&a, "--model=%s", r->s->o.model_path);
    us_args_addf(&a, "%s=%s/%s", option, folder, name);
    us_status st = us_studio_ask(r->s, &a, NULL, EXPORT_SECONDS, NULL, err);
    us_args_free(&a);
    free(adapter);
    return st;
}

static us_status zip_one(struct archive *a, const char *folder, const char *name, us_error *err) {
    char *path = us_path_join(folder, name);
    us_map m;
    us_status st = path ? us_map_open(path, &m, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(path);
    if (st) return st;
    struct archive_entry *e = archive_entry_new();
    if (e) {
        archive_entry_set_pathname(e, name);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (int64_t)m.size);
    }
    if (!e || archive_write_header(a, e) || archive_write_data(a, m.data, m.size) != (la_ssize_t)m.size)
        st = us_fail(err, US_ERR_IO, "the archive cannot be written");
    archive_entry_free(e);
    us_map_close(&m);
    return st;
}

static us_status zip_peft(const char *folder, const char *file, us_error *err) {
    struct archive *a = archive_write_new();
    us_status st = a && !archive_write_set_format_zip(a) && !archive_write_open_filename(a, file)
                       ? US_OK
                       : us_fail(err, US_ERR_IO, "the archive cannot be written");
    if (!st) st = zip_one(a, folder, "adapter_config.json", err);
    if (!st) st = zip_one(a, folder, "adapter_model.safetensors", err);
    if (a && archive_write_close(a) && !st) st = us_fail(err, US_ERR_IO, "the archive cannot be written");
    if (a) archive_write_free(a);
    return st;
}

/* Each takes room on the disk until its visitor has it: two at a time. */
static bool one_more(us_server *s, int by) {
    pthread_mutex_lock(&s->lock);
    bool fits = by < 0 || s->studio->n_downloads < 2;
    if (fits) s->studio->n_downloads += by;
    pthread_mutex_unlock(&s->lock);
    return fits;
}

static void end_download(void *server) { one_more(server, -1); }

static enum MHD_Result hand_out(us_request *r, const char *option, const char *type, const char *ending) {
    char *folder = NULL, *file = NULL, *peft = NULL, name[US_CHARACTER_ID + 16];
    us_error err;
    bool zip = !strcmp(ending, "peft.zip");
    if (!one_more(r->s, 1)) return us_refuse(r, 429, too_many);
    r->work = r->s;
    r->free_work = end_download;
    us_status st =
        r->s->o.model_path ? US_OK : us_fail(&err, US_ERR_UNSUPPORTED, "this server has no model of its own (--engine)");
    if (!st) st = make_folder(r->s, &folder, &err);
    if (!st) st = export_to(r, option, folder, zip ? "peft" : ending, &err);
    if (!st && (!(file = us_path_join(folder, ending)) || !(peft = us_path_join(folder, "peft"))))
        st = us_fail(&err, US_ERR_MEMORY, "out of memory");
    if (!st && zip) st = zip_peft(peft, file, &err);
    snprintf(name, sizeof name, "%s.%s", r->args[0], ending);
    enum MHD_Result rc = st ? us_refuse_error(r, st, &err) : us_answer_file(r, type, file, name);
    if (folder) us_dir_remove(folder); /* the answer has the file open */
    free(folder);
    free(file);
    free(peft);
    return rc;
}

enum MHD_Result us_route_character_peft(us_request *r) { return hand_out(r, "--peft", "application/zip", "peft.zip"); }
enum MHD_Result us_route_character_merged(us_request *r) {
    return hand_out(r, "--merged", "application/octet-stream", "merged.gguf");
}

/* ---- everything --------------------------------------------------------------------------------------------------- */

/* A child that writes while its words are sent. */
typedef struct pipeline {
    us_server *s;
    int out;
    pid_t pid;
} pipeline;

static void end_pipeline(void *work) {
    pipeline *p = work;
    if (p->pid > 0) { /* the visitor has gone: nobody wants the rest */
        kill(p->pid, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) continue;
        char copy[48]; /* of the chats, which it may have been making */
        snprintf(copy, sizeof copy, ".chats-%ld-", (long)p->pid);
        us_dir_remove_named(p->s->o.data_dir, copy);
    }
    if (p->out >= 0) close(p->out);
    one_more(p->s, -1);
    free(p);
}

static us_status pump(us_request *r, us_error *err) {
    pipeline *p = r->work;
    char chunk[CHUNK];
    struct pollfd f = {.fd = p->out, .events = POLLIN};
    if (r->s->ending) return us_fail(err, US_ERR_INTERRUPTED, "the server is ending");
    if (poll(&f, 1, 1000) <= 0) return US_OK;
    ssize_t n = read(p->out, chunk, sizeof chunk);
    if (n > 0) return us_buf_append(&r->out, chunk, (size_t)n, err);
    if (n < 0 && errno == EINTR) return US_OK;
    int status = 0;
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) continue;
    p->pid = 0;
    r->ended = true; /* a file that ends too early is no archive: an error closes the connection instead */
    return n == 0 && WIFEXITED(status) && !WEXITSTATUS(status) ? US_OK : us_fail(err, US_ERR_IO, "the backup failed");
}

enum MHD_Result us_route_backup(us_request *r) {
    const char *argv[] = {r->s->o.program, "backup", "-", "--data-dir", r->s->o.data_dir, "--quiet", NULL};
    int ends[2];
    us_error err;
    if (r->s->is_public) /* it holds everybody's chats */
        return us_refuse(r, 403, "a backup holds everybody's chats: on a public address only 'understudy backup' makes one");
    if (!one_more(r->s, 1)) return us_refuse(r, 429, too_many);
    pipeline *p = calloc(1, sizeof *p);
    if (!p || pipe(ends)) {
        one_more(r->s, -1);
        free(p);
        return us_refuse(r, 503, "there is no memory, or no pipe, for a backup");
    }
    p->s = r->s;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    us_status st = us_child_start(&(us_child_spec){argv, NULL, ends[1], -1, -1}, &p->pid, &err);
    close(ends[1]);
    p->out = ends[0];
    if (st) {
        p->pid = 0;
        end_pipeline(p);
        return us_refuse_error(r, st, &err);
    }
    r->work = p;
    r->free_work = end_pipeline;
    return us_answer_stream_as(r, "application/gzip", pump);
}
