/* A job's folder: any bytes as its job.json are listed or left out, and refused in words or done when something is asked of it. Jobs with
 * files to clean or to publish are only listed, since the fuzzer would make it remove files of this machine. Behind the first NUL:
 * log.jsonl. */
#include "as_file.h"
#include "base/json.h"
#include "understudy/jobs.h"
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char id[] = "0123456789abcdef";
    static char folder[4096];
    us_jobs *jobs;
    us_error err;
    char *text;
    size_t n_log;
    if (!*folder) {
        snprintf(folder, sizeof folder, "%s", fuzz_path("jobs"));
        if (mkdir(folder, 0700)) abort();
    }
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - data) : size;
    mkdir(fuzz_path("jobs/0123456789abcdef"), 0700);
    fuzz_write("jobs/0123456789abcdef/job.json", data, n);
    fuzz_write("jobs/0123456789abcdef/log.jsonl", nul ? nul + 1 : data + size, nul ? size - n - 1 : 0);
    if (us_jobs_open(&(us_jobs_options){.folder = folder}, &jobs, &err)) abort();
    if (us_jobs_list(jobs, NULL, &text, &err)) abort();
    free(text);
    if (!us_jobs_list(jobs, id, &text, &err)) free(text);
    if (!us_jobs_table(jobs, &text, &err)) free(text);
    if (!us_jobs_read_log(jobs, id, 0, 1000, &text, &n_log, &err)) free(text);
    json_t *j = us_json_parse((const char *)data, n, NULL);
    const char *state = json_string_value(json_object_get(j, "state"));
    const json_t *x;
    size_t i;
    bool names_files = json_object_get(j, "publish") != NULL;
    json_array_foreach(json_object_get(j, "clean"), i, x) names_files = names_files || json_is_string(x);
    if (!names_files && !(state && !strcmp(state, "running"))) {
        for (int action = US_JOBS_PAUSE; action <= US_JOBS_FORGET; action++)
            if (us_jobs_control(jobs, id, (us_jobs_action)action, &err) && !err.message[0]) abort();
        if (us_jobs_supervise(jobs) && us_jobs_tick(jobs, NULL, &err) && !err.message[0]) abort();
    }
    json_decref(j);
    us_jobs_close(jobs);
    return 0;
}
