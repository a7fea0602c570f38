/* serve/studio.h - from a script to a character: scripts that visitors brought (scripts.c), jobs that learn from them (jobs.c),
 * and what changes meanwhile, told to every page (events.c). Nothing of a script is parsed in this process: children do that.
 */
#ifndef US_SERVE_STUDIO_H
#define US_SERVE_STUDIO_H
#include "serve/server.h"
#include "understudy/jobs.h"

enum {
    US_MAX_SCRIPT = 256 << 20,
    US_SCRIPTS_QUOTA_MIB = 2048,
    US_MAX_SCRIPTS = 200,
    US_TRASH_MIB = 4096,
    US_SCRIPT_ID = 13,
    US_MAX_ARGS = 100
};

struct us_studio {
    us_server *s;
    us_jobs *jobs;
    char *scripts, *half, *own, *trash; /* folders: scripts, characters being made, the user's characters, what was deleted */
    pthread_t thread;
    bool running;
    bool child; /* somebody waits for one: one at a time. Under the server's lock, as what follows */
    int n_asking, n_downloads;
    size_t n_coming;          /* scripts that are being brought, */
    uint64_t coming;          /* and the bytes that are kept free for them */
    pthread_mutex_t changing; /* one change of a character or of a script at a time */
};

us_status us_studio_open(us_server *s, us_error *err);
void us_studio_close(us_server *s);

/* ---- changes (events.c) ---- */
/* What: "characters", "scripts", "jobs". Any thread. */
void us_changed(us_server *s, const char *what);
/* The id of the last change so far, for Last-Event-ID. */
void us_last_event(us_server *s, char out[US_EVENT_ID]);
/* A request has changed something: tells what, by its path; of a chat nobody but its owner. */
void us_changed_by(const us_request *r);

/* ---- arguments of a command ---- */
typedef struct us_args {
    const char *argv[US_MAX_ARGS + 1];
    char *owned[US_MAX_ARGS];
    size_t n, n_owned;
    bool over;
} us_args;
void us_args_add(us_args *a, const char *arg);                       /* borrowed */
void us_args_addf(us_args *a, const char *fmt, ...) US_PRINTF(2, 3); /* a copy */
void us_args_free(us_args *a);
/* Waits for a child that prints JSON; *out is parsed. ARGUMENT with its last words when it fails (IO when they are of the disk), INTERRUPTED when it was killed, and
 * when the server ends, LIMIT when it takes too long or too many wait. */
US_MUST_USE us_status us_studio_ask(us_server *s, us_args *a, const char *folder, double seconds, json_t **out, us_error *err);

/* ---- scripts (scripts.c) ---- */
/* Appends the script's file and the options it is read with. NOT_FOUND. *name (may be NULL) is what the visitor called it;
 * *version changes with the options. */
US_MUST_USE us_status us_script_args(us_server *s, const char *id, us_args *a, char name[128], uint64_t *version,
                                     us_error *err);
/* FOLDER/ID/NAME of a script; NULL when the id is none. malloc()ed. */
char *us_script_path(us_server *s, const char *id, const char *name);
/* Removes what an upload left that a kill broke off: at the start, before there are any. */
void us_scripts_forget_half(const char *scripts);
/* Removes what a kill left of a training that was being asked for, and names in the log what was learned and has no job. */
void us_wishes_forget_half(us_studio *t);
/* The same of files that were being handed out. */
void us_exports_forget_half(const char *data_dir);
us_status us_script_take(us_request *r, const char *data, size_t n, us_error *err);

/* Removes what was found out of a script (storage.c); the second only when there is much of it. */
void us_storage_forget_caches(us_server *s, const char *script);
void us_storage_limit_caches(us_server *s, const char *script);
/* Of a trash that takes more bytes than this what was put there longest ago (st_mtim) goes for good; what came last stays. */
void us_storage_limit_trash(const us_server *s, const char *trash, uint64_t most);
/* What all files below this take on the disk (storage.c). */
uint64_t us_storage_bytes(const char *path);
/* Bytes that are free where the data folder lies; 0: not known. */
double us_storage_free(const us_server *s);

/* ---- jobs (jobs.c; wish.c adds them) ---- */
/* The job as a visitor may see it: without commands and paths. */
enum MHD_Result us_answer_job(us_request *r, int code, const char *id);

enum MHD_Result us_route_events(us_request *r);
enum MHD_Result us_route_scripts(us_request *r);
enum MHD_Result us_route_script_add(us_request *r);
enum MHD_Result us_route_script(us_request *r);
enum MHD_Result us_route_script_change(us_request *r);
enum MHD_Result us_route_script_delete(us_request *r);
enum MHD_Result us_route_script_explore(us_request *r);
enum MHD_Result us_route_script_file(us_request *r);
enum MHD_Result us_route_jobs(us_request *r);
enum MHD_Result us_route_job_add(us_request *r);
enum MHD_Result us_route_job(us_request *r);
enum MHD_Result us_route_job_delete(us_request *r);
enum MHD_Result us_route_job_events(us_request *r);
enum MHD_Result us_route_job_pause(us_request *r);
enum MHD_Result us_route_job_resume(us_request *r);
enum MHD_Result us_route_job_keep(us_request *r);
enum MHD_Result us_route_job_cancel(us_request *r);
enum MHD_Result us_route_character_adapter(us_request *r);
enum MHD_Result us_route_character_peft(us_request *r);
enum MHD_Result us_route_character_merged(us_request *r);
enum MHD_Result us_route_backup(us_request *r);
enum MHD_Result us_route_storage(us_request *r);
enum MHD_Result us_route_storage_delete(us_request *r);
enum MHD_Result us_route_script_lines(us_request *r);
enum MHD_Result us_route_character_change(us_request *r);
enum MHD_Result us_route_character_delete(us_request *r);
enum MHD_Result us_route_character_restore(us_request *r);
#endif
