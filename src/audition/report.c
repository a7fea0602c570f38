/* The files of an audition: the report for people, the figures for programs, each written whole or not at all. */
#include "audition/audition.h"
#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static us_status write_one(const char *folder, const char *name, char *text, us_error *err) {
    char *path = us_path_join(folder, name);
    us_status st = path ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(path);
    free(text);
    return st;
}

const char *us_audition_report_name(const us_audition *a) {
    for (int m = 0; m < US_N_MEASURES; m++)
        if (!a->measure[m]) return "audition.some";
    return "audition";
}

us_status us_audition_write(const us_audition *a, const char *folder, us_error *err) {
    char *text = NULL, json[40], html[40];
    snprintf(json, sizeof json, "%s.json", us_audition_report_name(a));
    snprintf(html, sizeof html, "%s.html", us_audition_report_name(a));
    us_status st = us_dir_make(folder, err);
    if (!st) st = us_audition_json(a, &text, err);
    if (!st) st = write_one(folder, json, text, err);
    if (!st) st = us_audition_html(a, &text, err);
    if (!st) st = write_one(folder, html, text, err);
    return st;
}
