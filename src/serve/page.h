/* serve/page.h - the files of web/, embedded by cmake/page.cmake. */
#ifndef US_SERVE_PAGE_H
#define US_SERVE_PAGE_H
#include <stddef.h>

typedef struct us_page_file {
    const char *url, *type, *etag; /* etag: quoted, of the content */
    const unsigned char *data;
    size_t n_bytes;
    const unsigned char *packed; /* the same by gzip; NULL: not compressed */
    size_t n_packed;
} us_page_file;
extern const us_page_file us_page_files[]; /* ends with url NULL */

#endif
