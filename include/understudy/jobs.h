/* understudy/jobs.h - long work kept as folders: a training, an audition. Each is a list of commands of this same program,
 * run one after another in a child of low priority, so that trouble in it touches nobody else.
 *
 *     us_jobs *jobs;  char id[US_JOBS_ID], *list;
 *     us_jobs_open(&(us_jobs_options){.folder = "data/jobs", .program = "/usr/bin/understudy"}, &jobs, &err);
 *     us_jobs_add(jobs, "{\"kind\": \"train\", \"steps\": [{\"argv\": [\"train\", \"s.csv\", \"-c\", \"Homer\"]}]}", id, &err);
 *     us_jobs_list(jobs, NULL, &list, &err);                                          // any process lists and controls them
 *     while (us_jobs_supervise(jobs)) { us_jobs_tick(jobs, NULL, &err); sleep(1); }   // one process starts them, one at a time
 *
 * A job is FOLDER/ID/: job.json (what it is and how it stands), log.jsonl (what its commands tell, a JSON object a line),
 * output.txt (their stderr) and alive (locked while a process works on it, so that who was killed is found dead). job.json
 * holds what us_jobs_add was given:
 *
 *     kind, title, ...      for people and pages; kept as they are
 *     steps[]               argv (without the program; "{log}" stands for the path of log.jsonl), and for a step that can go on
 *                           where it was: mark (a file that is there when there is something to go on with), fresh[] and
 *                           again[] (arguments for the one case and the other), ending[] (arguments that make it finish early)
 *                           publish, as below, when this step is done
 *     publish {from, to}    folders: when all steps are done, `from` becomes `to`, which is new, or, with `aside` too, goes there
 *     clean[]               files and folders that go with a cancelled job
 *
 * and beside it state (queued, running, paused, interrupted, done, failed, cancelled), wanted (what was asked of a running
 * job and is not done yet), at (the step), error, created_ms, started_ms, ended_ms, seconds, and cleaning while what goes
 * with it is removed.
 *
 * A folder whose job.json cannot be read is listed too, as failed, with broken: true and an error that says why; it can be
 * forgotten, and nothing else. */
#ifndef UNDERSTUDY_JOBS_H
#define UNDERSTUDY_JOBS_H

#include "understudy/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { US_JOBS_ID = 17, US_JOBS_MAX = 200 };

typedef struct us_jobs us_jobs;
typedef struct us_jobs_options {
    const char *folder;  /* made if need be */
    const char *program; /* what the commands are commands of; NULL: nothing can be started */
} us_jobs_options;

US_API US_MUST_USE us_status us_jobs_open(const us_jobs_options *options, us_jobs **out, us_error *err);
/* The supervisor interrupts the running job, which can go on later. Waits three seconds at most. */
US_API void us_jobs_close(us_jobs *jobs);
/* Queues one. FORMAT for what is no job, LIMIT past US_JOBS_MAX. */
US_API US_MUST_USE us_status us_jobs_add(us_jobs *jobs, const char *json, char id[US_JOBS_ID], us_error *err);
/* A JSON array, oldest first, or one job's object for an id (NOT_FOUND); free() it. "progress" is the newest line of its log
 * that tells how far it is. */
US_API US_MUST_USE us_status us_jobs_list(us_jobs *jobs, const char *id, char **json, us_error *err);
/* The list for people: a line a job, "" without any; free() it. */
US_API US_MUST_USE us_status us_jobs_table(us_jobs *jobs, char **text, us_error *err);

typedef enum us_jobs_action {
    US_JOBS_PAUSE,  /* of a running or queued one */
    US_JOBS_RESUME, /* of a paused, interrupted or failed one: it is queued again and goes on where it was */
    US_JOBS_KEEP,   /* a training learns no more and what it has is kept */
    US_JOBS_CANCEL, /* what it made is thrown away */
    US_JOBS_FORGET  /* the folder of one that has ended goes */
} us_jobs_action;
/* NOT_FOUND, MISMATCH for an action that its state does not allow. A running job gets the request and obeys within two
 * seconds. */
US_API US_MUST_USE us_status us_jobs_control(us_jobs *jobs, const char *id, us_jobs_action action, us_error *err);

/* True when this process is the one that starts jobs; one process at a time is, until it closes or dies. Whoever becomes it
 * completes what others were killed in the middle of: making, cancelling and forgetting jobs. */
US_API bool us_jobs_supervise(us_jobs *jobs);
/* Finds who has ended, starts who is next. *changed (may be NULL): something did. For the supervisor, a few times a second. */
US_API US_MUST_USE us_status us_jobs_tick(us_jobs *jobs, bool *changed, us_error *err);
/* While held, what the supervisor runs stands still: somebody waits for the processor. Returns at once, any thread. */
US_API void us_jobs_hold(us_jobs *jobs, bool held);

/* Whole lines of a log from byte `from` on, about max_bytes of them; free() *text. */
US_API US_MUST_USE us_status us_jobs_read_log(us_jobs *jobs, const char *id, uint64_t from, size_t max_bytes, char **text,
                                              size_t *n_bytes, us_error *err);

/* For a command that somebody started in a terminal: it is listed as running until us_jobs_leave(), or until this process dies.
 * "log" in its JSON is the path of the log that it keeps itself; "folder", where it was started. Jobs that kept the same log, and
 * neither run nor wait, leave the list: this one goes on with what they made, or takes its place. */
US_API US_MUST_USE us_status us_jobs_enter(us_jobs *jobs, const char *json, char id[US_JOBS_ID], us_error *err);
US_API void us_jobs_leave(us_jobs *jobs, const char *id, int exit_code);

#ifdef __cplusplus
}
#endif
#endif
