/* train/labelled.h - takes with labels, from a file: conversations, what might be said next, and how good each of it is.
 *
 * JSON, one conversation a line: {"character", "turns", "takes", "labels", "of"}. Labels are digits, one a take, from 0 to "of" (2
 * when it is not there). The last turn is the visitor's. A director learns from them which take to choose (lists.h), an adapter
 * which to make likelier (choices.h). A tenth of the conversations is held out, by a hash of their last turn. */
#ifndef US_TRAIN_LABELLED_H
#define US_TRAIN_LABELLED_H
#include "base/json.h"
#include "understudy/director.h"

enum { US_LABELLED_TAKES = 8, US_LABELLED_MOST = 9 }; /* takes read of a conversation; the highest "of" */

typedef struct us_labelled {
    const char *who, *said[US_DIRECTOR_LINES], *takes[US_LABELLED_TAKES];
    size_t n_said, n_takes;
    unsigned char labels[US_LABELLED_TAKES], most; /* 0..most */
} us_labelled;

typedef struct us_labelled_file {
    us_labelled *learned, *held;
    size_t n_learned, n_held, cap_learned, cap_held;
    json_t **rows; /* own the strings */
    size_t n_rows, cap_rows;
    char hash[65]; /* SHA-256 of the file */
} us_labelled_file;

/* Errors name the line and what is expected there. */
US_MUST_USE us_status us_labelled_read(us_labelled_file *f, const char *path, us_error *err);
void us_labelled_fini(us_labelled_file *f);
#endif
