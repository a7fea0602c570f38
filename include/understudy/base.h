/* understudy/base.h - status codes, errors and the library's version.
 *
 * Every fallible function of the library returns us_status, leaves its results through
 * pointers, and takes a `us_error *err` as its last argument (it may be NULL). On failure the
 * error is filled once, at the place that knows most, and results are left untouched. The
 * library never prints, never exits and never swallows an error.
 *
 * Options are structs in which a zeroed field means the default; NULL instead of such a struct means
 * all of them. What a pointer among them points to is borrowed during the call, where nothing else is
 * said. A _free or _close function takes NULL. */
#ifndef UNDERSTUDY_BASE_H
#define UNDERSTUDY_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define US_API __attribute__((visibility("default")))
#define US_MUST_USE __attribute__((warn_unused_result))
#define US_PRINTF(fmt, args) __attribute__((__format__(__printf__, fmt, args)))
#else
#define US_API
#define US_MUST_USE
#define US_PRINTF(fmt, args)
#endif

/* What went wrong, coarsely; the words are in us_error. */
typedef enum us_status {
    US_OK = 0,
    US_ERR_ARGUMENT,    /* the caller passed a value out of its documented range */
    US_ERR_IO,          /* the operating system refused: open, read, write, rename, disk full */
    US_ERR_FORMAT,      /* a file or message is malformed */
    US_ERR_UNSUPPORTED, /* well-formed, but of a kind this version does not handle */
    US_ERR_MISMATCH,    /* two well-formed things do not belong together (adapter, base) */
    US_ERR_NOT_FOUND,   /* a named thing (character, column, tensor, file) does not exist */
    US_ERR_LIMIT,       /* a cap was reached: size, count, depth, context length */
    US_ERR_MEMORY,      /* an allocation failed, or would not fit */
    US_ERR_INTERRUPTED, /* the caller's cancel flag was set; state was saved first */
    US_ERR_GATE,        /* the audition ran and a gate failed */
} us_status;

/* One error: which kind, and one line of words that says what, where, expected and got. */
typedef struct us_error {
    us_status status;
    const char *reason; /* a constant word for programs, as "store_busy", where the status alone says too little; else NULL */
    char message[1024]; /* UTF-8, NUL-terminated, no newline */
} us_error;

/* Fills *err (if not NULL) and returns `status`, so that a function can end with
 * `return us_fail(err, US_ERR_FORMAT, "%s:%zu: ...", path, line)`. Bytes of the result that
 * are control characters are replaced by '?', so that hostile input cannot forge a log. */
US_API us_status us_fail(us_error *err, us_status status, const char *fmt, ...) US_PRINTF(3, 4);

/* Names the reason of the error that was just filled: `return us_because(us_fail(err, ...), "store_busy", err)`. Returns
 * `status`. */
US_API us_status us_because(us_status status, const char *reason, us_error *err);

/* Text of a file, a model or the network as it may be shown on a terminal, in place: control characters but line ends and tabs,
 * characters that turn the writing direction or hide, and bytes that are no UTF-8 become '?'. Returns the new length, which is
 * never larger. */
US_API size_t us_harmless(char *text, size_t n_bytes);

/* "argument", "io", ...: the short English name of a status. Never NULL. */
US_API const char *us_status_name(us_status status);

/* The library's version, "MAJOR.MINOR.PATCH". */
US_API const char *us_version(void);

#ifdef __cplusplus
}
#endif
#endif
