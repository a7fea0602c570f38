/* Jobs as folders, with /bin/sh as the program. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "jobs/child.h"
#include "test.h"
#include "understudy/jobs.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static us_error err;
static char dir[] = "/tmp/us_jobs_XXXXXX", folder[64];

static void nap(int ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL); }

static us_jobs *open_jobs(void) {
    us_jobs *j;
    assert_ok(us_jobs_open(&(us_jobs_options){.folder = folder, .program = "/bin/sh"}, &j, &err), &err);
    return j;
}

/* A job of one shell script. */
static void add(us_jobs *j, const char *script, const char *more, char id[US_JOBS_ID]) {
    char json[2000];
    snprintf(json, sizeof json, "{\"kind\": \"test\", \"steps\": [{\"argv\": [\"-c\", \"%s\", \"sh\", \"{log}\"]%s", script,
             more);
    assert_ok(us_jobs_add(j, json, id, &err), &err);
}

static json_t *look(us_jobs *j, const char *id) {
    char *text;
    assert_ok(us_jobs_list(j, id, &text, &err), &err);
    json_t *o = us_json_parse(text, strlen(text), NULL);
    assert_non_null(o);
    free(text);
    return o;
}

static bool stands(us_jobs *j, const char *id, const char *state) {
    json_t *o = look(j, id);
    bool yes = !strcmp(json_string_value(json_object_get(o, "state")), state);
    json_decref(o);
    return yes;
}

static void wait_for(us_jobs *j, const char *id, const char *state) {
    for (int i = 0; i < 12000 && !stands(j, id, state); i++) {
        assert_ok(us_jobs_tick(j, NULL, &err), &err);
        nap(10);
    }
    if (!stands(j, id, state)) {
        char *text;
        assert_ok(us_jobs_list(j, id, &text, &err), &err);
        fail_msg("not %s: %s", state, text);
    }
}

static void wait_for_file(const char *path) {
    for (int i = 0; i < 12000 && !us_file_exists(path); i++) nap(10);
    assert_true(us_file_exists(path));
}

static void wait_for_word(const char *path, const char *word) {
    bool there = false;
    for (int i = 0; i < 12000 && !there; i++) {
        char *text;
        size_t n;
        assert_ok(us_file_read(path, 4096, &text, &n, &err), &err);
        there = strstr(text, word);
        free(text);
        nap(10);
    }
    assert_true(there);
}

static void runs_one_at_a_time_and_tells(void **state) {
    (void)state;
    us_jobs *j = open_jobs(), *other = open_jobs();
    char a[US_JOBS_ID], b[US_JOBS_ID], path[200], script[400], more[400];
    assert_true(us_jobs_supervise(j));
    assert_false(us_jobs_supervise(other)); /* one at a time */
    snprintf(path, sizeof path, "%s/go", dir);
    snprintf(script, sizeof script,
             "echo '{\\\"n_steps\\\": 3, \\\"step\\\": 1}' >> $1; echo half >> $1.x; while [ ! -e %s ]; do sleep 0.02; done; "
             "printf '{\\\"half' >> $1",
             path);
    snprintf(more, sizeof more,
             "}, {\"argv\": [\"-c\", \"mkdir %s/half; echo made > %s/half/it\"]}], \"publish\": {\"from\": \"%s/half\", "
             "\"to\": \"%s/whole\"}}",
             dir, dir, dir, dir);
    add(j, script, more, a);
    add(j, "echo second", "}]}", b);
    wait_for(j, a, "running");
    for (int i = 0; i < 12000; i++) {
        json_t *o = look(other, a);
        bool told = json_integer_value(json_object_get(json_object_get(o, "progress"), "step")) == 1;
        json_decref(o);
        if (told) break;
        assert_true(i < 11999);
        nap(10);
    }
    assert_true(stands(j, b, "queued"));
    FILE *f = fopen(path, "w");
    fclose(f);
    wait_for(j, a, "done");
    wait_for(j, b, "done");
    snprintf(path, sizeof path, "%s/whole/it", dir);
    assert_true(us_file_exists(path));
    char *text;
    size_t n;
    assert_ok(us_jobs_read_log(j, a, 0, 1000, &text, &n, &err), &err); /* the half line is not given */
    assert_string_equal(text, "{\"n_steps\": 3, \"step\": 1}\n");
    free(text);
    assert_int_equal(us_jobs_control(j, a, US_JOBS_PAUSE, &err), US_ERR_MISMATCH);
    assert_ok(us_jobs_control(j, a, US_JOBS_FORGET, &err), &err);
    assert_int_equal(us_jobs_control(j, a, US_JOBS_FORGET, &err), US_ERR_NOT_FOUND);
    us_jobs_close(j);
    assert_true(us_jobs_supervise(other));
    us_jobs_close(other);
}

/* A command as `train` is one: it goes on where it was, keeps what it has when it is asked to end. */
static const char loop[] =
    "trap 'echo x > DIR/mark; exit 130' TERM; echo $1 $2 $3 >> DIR/seen; case $* in *early*) exit 0;; esac; "
    "while [ ! -e DIR/enough ]; do sleep 0.02; done";

static void add_loop(us_jobs *j, char id[US_JOBS_ID]) {
    char script[600], more[600];
    size_t n = 0;
    for (const char *p = loop; *p; p++) {
        if (!strncmp(p, "DIR", 3)) n += (size_t)snprintf(script + n, sizeof script - n, "%s", dir), p += 2;
        else script[n++] = *p;
    }
    script[n] = 0;
    snprintf(more, sizeof more,
             ", \"mark\": \"%s/mark\", \"fresh\": [\"new\"], \"again\": [\"on\"], \"ending\": [\"early\"]}], \"clean\": "
             "[\"%s/mark\"]}",
             dir, dir);
    add(j, script, more, id);
}

static void pauses_goes_on_ends_early(void **state) {
    (void)state;
    us_jobs *j = open_jobs(), *other = open_jobs();
    char id[US_JOBS_ID], mark[100], seen[100], *text;
    snprintf(mark, sizeof mark, "%s/mark", dir);
    snprintf(seen, sizeof seen, "%s/seen", dir);
    assert_true(us_jobs_supervise(j));
    add_loop(j, id);
    wait_for(j, id, "running");
    wait_for_file(seen);
    assert_int_equal(us_jobs_control(j, id, US_JOBS_RESUME, &err), US_ERR_MISMATCH);
    us_jobs_hold(j, true);                                            /* it stands still, and is paused all the same */
    assert_ok(us_jobs_control(other, id, US_JOBS_PAUSE, &err), &err); /* by another process */
    wait_for(j, id, "paused");
    us_jobs_hold(j, false);
    assert_true(us_file_exists(mark));
    assert_ok(us_jobs_control(j, id, US_JOBS_RESUME, &err), &err);
    wait_for(j, id, "running");
    wait_for_word(seen, " on");
    us_jobs_close(j); /* the server ends */
    assert_true(stands(other, id, "interrupted"));
    assert_true(us_jobs_supervise(other));
    assert_ok(us_jobs_control(other, id, US_JOBS_KEEP, &err), &err);
    wait_for(other, id, "done");
    size_t n;
    assert_ok(us_file_read(seen, 4096, &text, &n, &err), &err);
    assert_non_null(strstr(text, " new"));
    assert_non_null(strstr(text, " on"));
    assert_non_null(strstr(text, " early"));
    free(text);
    add_loop(other, id);
    remove(seen);
    wait_for(other, id, "running");
    wait_for_file(seen);
    assert_ok(us_jobs_control(other, id, US_JOBS_CANCEL, &err), &err);
    wait_for(other, id, "cancelled");
    assert_false(us_file_exists(mark));
    us_jobs_close(other);
}

static void who_was_killed_is_found(void **state) {
    (void)state;
    char id[US_JOBS_ID], bad[US_JOBS_ID], seen[100];
    snprintf(seen, sizeof seen, "%s/seen", dir);
    remove(seen);
    pid_t server = fork();
    if (!server) {
        us_jobs *mine = open_jobs();
        if (!us_jobs_supervise(mine)) _exit(1);
        add_loop(mine, id);
        for (;;) {
            us_status st = us_jobs_tick(mine, NULL, &err);
            (void)st;
            nap(10);
        }
    }
    wait_for_file(seen);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    us_jobs *j = open_jobs();
    assert_true(us_jobs_supervise(j));
    char *text;
    assert_ok(us_jobs_list(j, NULL, &text, &err), &err);
    json_t *list = us_json_parse(text, strlen(text), NULL), *last = json_array_get(list, json_array_size(list) - 1);
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(last, "id")));
    json_decref(list);
    free(text);
    wait_for(j, id, "interrupted"); /* its child ended with it */
    assert_ok(us_jobs_control(j, id, US_JOBS_CANCEL, &err), &err);
    add(j, "echo begin >&2; echo 'understudy train: the disk is full' >&2; exit 1", "}]}", bad);
    wait_for(j, bad, "failed");
    json_t *o = look(j, bad);
    assert_string_equal(json_string_value(json_object_get(o, "error")), "the disk is full");
    json_decref(o);
    add(j, "kill -9 $$", "}]}", bad);
    wait_for(j, bad, "interrupted");
    o = look(j, bad);
    assert_non_null(strstr(json_string_value(json_object_get(o, "error")), "memory"));
    json_decref(o);
    us_jobs_close(j);
}

static size_t count(us_jobs *j) {
    json_t *all;
    char *text;
    assert_ok(us_jobs_list(j, NULL, &text, &err), &err);
    all = us_json_parse(text, strlen(text), NULL);
    size_t n = json_array_size(all);
    free(text);
    json_decref(all);
    return n;
}

static void commands_of_a_terminal_are_listed(void **state) {
    (void)state;
    us_jobs *j = open_jobs(), *own = open_jobs();
    char id[US_JOBS_ID];
    assert_ok(us_jobs_enter(own, "{\"kind\": \"train\", \"steps\": [{\"argv\": [\"x\"]}]}", id, &err), &err);
    assert_ok(us_jobs_tick(j, NULL, &err), &err);
    assert_true(stands(j, id, "running"));
    us_jobs_leave(own, id, 0);
    assert_true(stands(j, id, "done"));
    assert_ok(us_jobs_enter(own, "{\"kind\": \"train\", \"steps\": [{\"argv\": [\"x\"]}]}", id, &err), &err);
    us_jobs_close(own); /* died without a word */
    assert_ok(us_jobs_tick(j, NULL, &err), &err);
    assert_true(stands(j, id, "interrupted"));
    /* one that goes on with it, or throws it away, stands in its place; one with another log does not */
    static const char again[] = "{\"kind\": \"train\", \"log\": \"/nowhere/%s\", \"steps\": [{\"argv\": [\"x\"]}]}";
    char text[200], other[US_JOBS_ID], next[US_JOBS_ID];
    size_t before = count(j);
    snprintf(text, sizeof text, again, "a");
    own = open_jobs();
    assert_ok(us_jobs_enter(own, text, id, &err), &err);
    us_jobs_close(own);
    snprintf(text, sizeof text, again, "b");
    own = open_jobs();
    assert_ok(us_jobs_enter(own, text, other, &err), &err);
    us_jobs_leave(own, other, 0);
    us_jobs_close(own);
    assert_int_equal(count(j), before + 2);
    snprintf(text, sizeof text, again, "a");
    own = open_jobs();
    assert_ok(us_jobs_enter(own, text, next, &err), &err);
    assert_int_equal(count(j), before + 2);
    assert_true(stands(j, next, "running") && stands(j, other, "done"));
    us_jobs_leave(own, next, 0);
    us_jobs_close(own);
    us_jobs_close(j);
}

static void nonsense_is_refused(void **state) {
    (void)state;
    us_jobs *none;
    assert_int_equal(us_jobs_open(&(us_jobs_options){0}, &none, &err), US_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "folder"));
    us_jobs *j = open_jobs();
    char id[US_JOBS_ID], *text;
    const char *bad[] = {"",
                         "[]",
                         "{}",
                         "{\"steps\": []}",
                         "{\"steps\": [{}]}",
                         "{\"steps\": [{\"argv\": [1]}]}",
                         "{\"steps\": [{\"argv\": [\"a\"], \"fresh\": 3}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(us_jobs_add(j, bad[i], id, &err), US_ERR_FORMAT);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(us_jobs_list(j, i ? "../../../etc" : "nothing", &text, &err), US_ERR_NOT_FOUND);
    us_jobs_close(j);
}

/* A folder whose job.json is none of ours: it is listed and says how to remove it, the others go on, and only removing it is done. */
static void what_cannot_be_read_is_listed(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "\xff\xfe",
        "{\"steps\": 5, \"state\": \"queued\", \"at\": 0}",
        "{\"steps\": [{\"argv\": [1]}], \"state\": \"queued\", \"at\": 0}",
        "{\"steps\": [{\"argv\": [\"x\"], \"fresh\": \"y\"}], \"state\": \"running\", \"at\": 0}",
        "{\"steps\": [{\"argv\": [\"x\"]}], \"state\": \"queued\", \"at\": -1}",
        "{\"steps\": [{\"argv\": [\"x\"]}], \"state\": \"queued\", \"at\": 2}",
        "{\"steps\": [{\"argv\": [\"x\"]}], \"state\": \"queued\", \"at\": 1e99}",
        "{\"steps\": [{\"argv\": [\"x\"]}], \"state\": \"odd\", \"at\": 0}",
        "{\"steps\": [{\"argv\": [\"x\"]}], \"state\": 7, \"at\": 0}",
    };
    enum { N = sizeof texts / sizeof *texts, LINK = N, PIPE, FOLDER, NOTHING, ALL };
    us_jobs *j = open_jobs();
    size_t before = count(j);
    char id[ALL][US_JOBS_ID], good[US_JOBS_ID], path[200], *text;
    for (int i = 0; i < ALL; i++) {
        snprintf(id[i], sizeof id[i], "0180000000%02x%04x", i, i);
        snprintf(path, sizeof path, "%s/%s", folder, id[i]);
        assert_return_code(mkdir(path, 0700), errno);
        snprintf(path, sizeof path, "%s/%s/job.json", folder, id[i]);
        if (i < N) assert_ok(us_file_write_atomic(path, texts[i], strlen(texts[i]), &err), &err);
        if (i == LINK) assert_return_code(symlink("/dev/zero", path), errno);
        if (i == PIPE) assert_return_code(mkfifo(path, 0600), errno); /* nobody writes: who waits for it hangs */
        if (i == FOLDER) assert_return_code(mkdir(path, 0700), errno);
    }
    add(j, "true", "}]}", good);
    assert_true(us_jobs_supervise(j));
    wait_for(j, good, "done");
    assert_int_equal(count(j), before + ALL + 1);
    assert_ok(us_jobs_table(j, &text, &err), &err);
    for (int i = 0; i < ALL; i++) {
        json_t *o = look(j, id[i]);
        snprintf(path, sizeof path, "'understudy jobs forget %.16s' removes it", id[i]);
        assert_true(json_is_true(json_object_get(o, "broken")));
        assert_non_null(strstr(json_string_value(json_object_get(o, "error")), path));
        assert_non_null(strstr(text, path));
        json_decref(o);
        for (int action = US_JOBS_PAUSE; action < US_JOBS_FORGET; action++)
            assert_int_equal(us_jobs_control(j, id[i], (us_jobs_action)action, &err), US_ERR_MISMATCH);
        assert_ok(us_jobs_control(j, id[i], US_JOBS_FORGET, &err), &err);
        assert_int_equal(us_jobs_control(j, id[i], US_JOBS_FORGET, &err), US_ERR_NOT_FOUND);
    }
    free(text);
    assert_ok(us_jobs_control(j, good, US_JOBS_FORGET, &err), &err);
    us_jobs_close(j);
}

/* A job of the year 2090, when the clock was wrong: new ones are behind it, and none took less than no time. */
static void a_clock_set_back_changes_no_order(void **state) {
    (void)state;
    static const char future[] = "037450ab00000000",
                      text[] = "{\"steps\": [{\"argv\": [\"x\"]}], \"state\": \"running\", \"at\": 0, "
                               "\"started_ms\": 3797000000000, \"seconds\": 2}";
    us_jobs *j = open_jobs();
    char a[US_JOBS_ID], b[US_JOBS_ID], path[200];
    snprintf(path, sizeof path, "%s/%s", folder, future);
    assert_return_code(mkdir(path, 0700), errno);
    snprintf(path, sizeof path, "%s/%s/job.json", folder, future);
    assert_ok(us_file_write_atomic(path, text, strlen(text), &err), &err);
    add(j, "true", "}]}", a);
    add(j, "true", "}]}", b);
    assert_true(strcmp(future, a) < 0 && strcmp(a, b) < 0);
    assert_true(us_jobs_supervise(j));
    wait_for(j, b, "done");
    assert_true(stands(j, a, "done") && stands(j, future, "interrupted"));
    json_t *o = look(j, future);
    assert_true(json_number_value(json_object_get(o, "seconds")) == 2);
    json_decref(o);
    assert_ok(us_jobs_control(j, future, US_JOBS_CANCEL, &err), &err);
    assert_ok(us_jobs_control(j, future, US_JOBS_FORGET, &err), &err);
    assert_ok(us_jobs_control(j, a, US_JOBS_FORGET, &err), &err);
    assert_ok(us_jobs_control(j, b, US_JOBS_FORGET, &err), &err);
    us_jobs_close(j);
}

/* Pipes where a job's log and output should be are not waited for. */
static void pipes_are_not_waited_for(void **state) {
    (void)state;
    static const char *const names[] = {"log.jsonl", "output.txt"};
    us_jobs *j = open_jobs();
    char id[US_JOBS_ID], path[200], *text;
    size_t n;
    add(j, "true", "}]}", id);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", folder, id, names[i]);
        assert_return_code(mkfifo(path, 0600), errno);
    }
    assert_true(us_jobs_supervise(j));
    wait_for(j, id, "failed");
    assert_ok(us_jobs_read_log(j, id, 0, 1000, &text, &n, &err), &err);
    assert_int_equal(n, 0);
    free(text);
    assert_ok(us_jobs_control(j, id, US_JOBS_FORGET, &err), &err);
    us_jobs_close(j);
}

/* All steps were done and the folder could not get its place: whoever resumes the job asks for that alone. */
static void publishing_is_tried_again(void **state) {
    (void)state;
    us_jobs *j = open_jobs();
    char id[US_JOBS_ID], more[400], path[200], *text;
    size_t n;
    snprintf(more, sizeof more, "}], \"publish\": {\"from\": \"%s/again\", \"to\": \"%s/there\"}}", dir, dir);
    snprintf(path, sizeof path, "echo once >> %s/times; mkdir %s/again %s/there", dir, dir, dir);
    add(j, path, more, id);
    assert_true(us_jobs_supervise(j));
    wait_for(j, id, "failed");
    snprintf(path, sizeof path, "%s/there", dir);
    us_dir_remove(path);
    assert_ok(us_jobs_control(j, id, US_JOBS_RESUME, &err), &err);
    wait_for(j, id, "done");
    assert_true(us_file_exists(path));
    snprintf(path, sizeof path, "%s/times", dir);
    assert_ok(us_file_read(path, 100, &text, &n, &err), &err);
    assert_string_equal(text, "once\n");
    free(text);
    assert_ok(us_jobs_control(j, id, US_JOBS_FORGET, &err), &err);
    us_jobs_close(j);
}

/* Killed between the folder's renaming and the note of it: the step is done, and nothing that was made is put aside. */
static void what_was_published_is_done(void **state) {
    (void)state;
    us_jobs *j = open_jobs();
    char id[US_JOBS_ID], more[600], path[200], job[300], *text;
    size_t n;
    snprintf(more, sizeof more, ", \"publish\": {\"from\": \"%s/f\", \"to\": \"%s/t\", \"aside\": \"%s/a\"}}]}", dir, dir, dir);
    snprintf(path, sizeof path, "echo once >> %s/ran; mkdir -p %s/f", dir, dir);
    add(j, path, more, id);
    snprintf(job, sizeof job, "%s/%s/job.json", folder, id);
    assert_ok(us_file_read(job, 10000, &text, &n, &err), &err);
    char *queued = strstr(text, "queued");
    assert_non_null(queued);
    snprintf(path, sizeof path, "%s/t", dir);
    assert_ok(us_dir_make(path, &err), &err);
    us_buf b;
    us_buf_init(&b, 10000);
    assert_ok(us_buf_appendf(&b, &err, "%.*srunning%s", (int)(queued - text), text, queued + 6), &err);
    assert_ok(us_file_write_atomic(job, b.data, b.len, &err), &err);
    wait_for(j, id, "done");
    assert_true(us_file_exists(path));
    snprintf(path, sizeof path, "%s/a", dir);
    assert_false(us_file_exists(path));
    snprintf(path, sizeof path, "%s/ran", dir);
    assert_false(us_file_exists(path));
    us_buf_fini(&b);
    free(text);
    assert_ok(us_jobs_control(j, id, US_JOBS_FORGET, &err), &err);
    us_jobs_close(j);
}

static void a_child_is_waited_for(void **state) {
    (void)state;
    char *out, said[512];
    size_t n;
    int code;
    const char *good[] = {"/bin/sh", "-c", "echo a; echo one >&2; echo two >&2; exit 3", NULL},
               *slow[] = {"/bin/sh", "-c", "sleep 60", NULL}, *loud[] = {"/bin/sh", "-c", "yes", NULL};
    assert_ok(us_child_run(good, "/", 300, 1000, NULL, &out, &n, &code, said, &err), &err);
    assert_string_equal(out, "a\n");
    assert_string_equal(said, "two");
    assert_int_equal(code, 3);
    free(out);
    assert_int_equal(us_child_run(slow, NULL, 0.1, 1000, NULL, &out, &n, &code, said, &err), US_ERR_LIMIT);
    atomic_bool stop = true;
    assert_int_equal(us_child_run(slow, NULL, 300, 1000, &stop, &out, &n, &code, said, &err), US_ERR_INTERRUPTED);
    assert_int_equal(us_child_run(loud, NULL, 300, 1000, NULL, &out, &n, &code, said, &err), US_ERR_LIMIT);
}

static void put(const char *path, const char *text) {
    char whole[300];
    snprintf(whole, sizeof whole, "%s/%s", dir, path);
    char *slash = strrchr(whole, '/');
    *slash = 0;
    assert_ok(us_dir_make(whole, &err), &err);
    *slash = '/';
    assert_ok(us_file_write_atomic(whole, text, strlen(text), &err), &err);
}
static bool there(const char *path) {
    char whole[300];
    snprintf(whole, sizeof whole, "%s/%s", dir, path);
    return us_file_exists(whole);
}

/* Killed while a job was made, forgotten or cancelled: the next supervisor completes it. A place that another job has by now stays. */
static void what_the_killed_left(void **state) {
    (void)state;
    static const char one[] =
        "{\"steps\": [{\"argv\": [\"x\"]}], \"state\": \"cancelled\", \"at\": 0, \"clean\": [\"%s/%s\"]%s}";
    char text[400], id[US_JOBS_ID], *list;
    put("jobs/.0123456789abcdef/output.txt", "x");
    put("jobs/.notes", "mine");
    snprintf(text, sizeof text, one, dir, "goes", ", \"cleaning\": true");
    put("jobs/0123456789abcd00/job.json", text);
    snprintf(text, sizeof text, one, dir, "stays", "");
    put("jobs/0123456789abcd01/job.json", text);
    put("goes/checkpoint.gguf", "x");
    put("stays/checkpoint.gguf", "x");
    us_jobs *j = open_jobs();
    assert_true(there("jobs/.0123456789abcdef")); /* whoever looks only, changes nothing */
    assert_true(us_jobs_supervise(j));
    assert_true(!there("jobs/.0123456789abcdef") && there("jobs/.notes") && !there("goes") && there("stays/checkpoint.gguf"));
    assert_ok(us_jobs_list(j, "0123456789abcd00", &list, &err), &err);
    assert_null(strstr(list, "cleaning"));
    free(list);
    put("jobs/0123456789abcd01/job.json",
        "{\"steps\": [{\"argv\": [\"x\"]}], \"state\": \"done\", \"at\": 0, \"title\": \"a\\nforged\\r\\u001b[2J\"}");
    put("jobs/0123456789abcd01/log.jsonl", "{\"stage\": \"replies\", \"done\": 1, \"total\": 2}\n");
    assert_ok(us_jobs_table(j, &list, &err), &err);
    assert_null(strstr(list, "replies")); /* it was one of its stages, and is over */
    free(list);
    put("jobs/0123456789abcd01/log.jsonl",
        "{\"n_steps\": 3, \"step\": 2}\n{\"stage\": \"validation\", \"done\": 1, \"total\": 9}\n");
    assert_ok(us_jobs_table(j, &list, &err), &err);
    assert_non_null(strstr(list, "step 2 of 3")); /* not one of nine */
    free(list);
    assert_ok(us_jobs_table(j, &list, &err), &err);
    assert_non_null(strstr(list, "a?forged??[2J "));
    assert_int_equal(strchr(strchr(list, '\n') + 1, '\n')[1], 0); /* a line a job, whatever its texts hold */
    free(list);
    /* one that is cancelled and one that is forgotten leave nothing; nor does one that cannot be made */
    put("goes/checkpoint.gguf", "x");
    snprintf(text, sizeof text, "{\"steps\": [{\"argv\": [\"x\"]}], \"cleaning\": true, \"clean\": [\"%s/goes\"]}", dir);
    assert_ok(us_jobs_add(j, text, id, &err), &err);
    assert_true(there("goes/checkpoint.gguf"));
    assert_ok(us_jobs_control(j, id, US_JOBS_CANCEL, &err), &err);
    assert_false(there("goes"));
    assert_ok(us_jobs_control(j, id, US_JOBS_FORGET, &err), &err);
    for (const char *k = "0123456789abcd00"; k; k = strcmp(k, "0123456789abcd00") ? NULL : "0123456789abcd01")
        assert_ok(us_jobs_control(j, k, US_JOBS_FORGET, &err), &err);
    assert_true(there("stays/checkpoint.gguf"));
    assert_ok(us_jobs_list(j, NULL, &list, &err), &err);
    assert_string_equal(list, "[]");
    free(list);
    us_jobs_close(j);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_the_killed_left),
                                       cmocka_unit_test(runs_one_at_a_time_and_tells),
                                       cmocka_unit_test(pauses_goes_on_ends_early),
                                       cmocka_unit_test(who_was_killed_is_found),
                                       cmocka_unit_test(commands_of_a_terminal_are_listed),
                                       cmocka_unit_test(nonsense_is_refused),
                                       cmocka_unit_test(a_child_is_waited_for),
                                       cmocka_unit_test(what_cannot_be_read_is_listed),
                                       cmocka_unit_test(a_clock_set_back_changes_no_order),
                                       cmocka_unit_test(pipes_are_not_waited_for),
                                       cmocka_unit_test(publishing_is_tried_again),
                                       cmocka_unit_test(what_was_published_is_done)};
    if (!mkdtemp(dir)) return 1;
    snprintf(folder, sizeof folder, "%s/jobs", dir);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    us_dir_remove(dir);
    return rc;
}
