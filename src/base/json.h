/* base/json.h - the one door for JSON from outside: files, requests, streams of other servers, the chat store.
 *
 * A text is looked through before the parser sees it, because the parser recurses (a thread of the server has little stack) and
 * makes up to a hundred bytes of memory from one byte of text. tests/check_tree.sh refuses the parser's own functions elsewhere
 * in src/ and cli/. */
#ifndef US_BASE_JSON_H
#define US_BASE_JSON_H
#include "understudy/base.h"
#include <jansson.h>

enum {
    US_JSON_DEPTH = 64,         /* arrays and objects inside each other */
    US_JSON_VALUES = 256 * 1024 /* values in one text: about 50 MiB at worst, when all are empty objects */
};

/* One text of n bytes (it may be NULL when n is 0), with or without a byte order mark; UTF-16 needs one. What other programs
 * write, and the parser would refuse the whole text for, is read: a lone surrogate, \\u0000 and bytes that are no UTF-8 become
 * U+FFFD, a raw control character in a string its escape, a whole number past 64 bits a real, NaN null. Of a name that stands
 * twice in an object the last value counts, and *where has the code json_error_duplicate_key. NULL: *where (may be NULL) says
 * where and why. The caller decrefs the result. */
json_t *us_json_parse(const char *text, size_t n, json_error_t *where);
/* What the values of such a text take in memory, at most (bytes); 0 when it is over a cap. */
size_t us_json_cost(const char *text, size_t n);
/* The object that a file of at most max_bytes holds. Errors name the file, the line and the column. */
US_MUST_USE us_status us_json_read(const char *path, size_t max_bytes, json_t **out, us_error *err);
/* The same of a regular file itself (us_file_read_plain): what the server keeps, where somebody may have put a link or a
 * pipe. */
US_MUST_USE us_status us_json_read_plain(const char *path, size_t max_bytes, json_t **out, us_error *err);
/* A string of bytes that may be cut within a character or be no UTF-8 at all: what is none becomes the replacement
 * character. */
json_t *us_text_json(const char *s, size_t n);
/* The string o[key]; "" when it is no string, or o no object. Borrowed. */
const char *us_json_text(const json_t *o, const char *key);

#endif
