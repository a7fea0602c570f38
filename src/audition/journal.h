/* audition/journal.h - what is done already, on disk, so that an interrupted run goes on where it was.
 *
 * One JSON object a line: first {"understudy_audition_journal": 1, "fingerprint": ...}, then {"k": key, "v": value}. A last
 * line that was cut by a crash is dropped. Without a file it remembers nothing. */
#ifndef US_AUDITION_JOURNAL_H
#define US_AUDITION_JOURNAL_H
#include "understudy/base.h"
#include <jansson.h>

typedef struct us_journal us_journal;
/* Starts anew when the file is not there, was made for another fingerprint, or `restart`. path NULL: no file. */
US_MUST_USE us_status us_journal_open(const char *path, const char *fingerprint, bool restart, us_journal **out, us_error *err);
void us_journal_free(us_journal *j);
size_t us_journal_n_found(const us_journal *j);               /* entries that were read */
json_t *us_journal_get(const us_journal *j, const char *key); /* borrowed; NULL: not there */
/* Takes the value over. */
US_MUST_USE us_status us_journal_put(us_journal *j, const char *key, json_t *value, us_error *err);
#endif
