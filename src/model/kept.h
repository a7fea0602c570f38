/* model/kept.h - what is kept of models from one start to the next, in one folder of the user's cache (understudy/packed):
 *
 *   HEX.sum    the SHA-256 of a model's files, found again by their stamps
 *   HEX.pack   its packed weights, which every process that opens the model maps, so that all of them share one copy in memory
 *
 * Nothing of it is needed: where the folder cannot be used, the program works without. Nothing of it is trusted: the folder
 * and its files must be the user's own, for nobody else to write, and what is read is checked against sums. Nothing of it is
 * stale: names are made of the contents of the model, of the processor's level and of the layout. A file is written aside,
 * put into place whole, and never changed, so that a process that has mapped one goes on when it is removed. When there is
 * too much, what was not used for the longest time is removed. */
#ifndef US_MODEL_KEPT_H
#define US_MODEL_KEPT_H
#include "base/file.h"
#include "base/pool.h"
#include "model/gguf.h"

#define US_KEPT_LEAST ((size_t)16 << 20) /* bytes: what is smaller is made again sooner than looked for */

/* The folder, opened. */
typedef struct us_kept {
    int folder;
    uint64_t most; /* bytes that all files may have together; 0: 8 GiB, and a quarter of what would be free without them */
} us_kept;

/* OK unless US_CACHE has a value that means nothing ("off" keeps nothing). */
US_MUST_USE us_status us_kept_check(us_error *err);
/* Makes the folder when it is missing. An error says why nothing is kept: it is no failure of what the caller does. */
US_MUST_USE us_status us_kept_open(us_kept *out, us_error *err);
void us_kept_close(us_kept *k);

/* Opens a file of the folder and notes that it was used. NOT_FOUND; MISMATCH when it is not ours alone. */
US_MUST_USE us_status us_kept_read(const us_kept *k, const char *name, int *fd, size_t *n_bytes, us_error *err);
typedef struct us_kept_part {
    const void *data;
    size_t n_bytes;
} us_kept_part;
/* Puts a file of these parts into place, after others were removed if need be. LIMIT when it has more bytes than all may have,
 * MISMATCH while another process writes. */
US_MUST_USE us_status us_kept_write(const us_kept *k, const char *name, const us_kept_part *parts, int n_parts, us_error *err);
void us_kept_remove(const us_kept *k, const char *name);

/* How many files there are and their bytes; with `remove`, how many there were. */
void us_kept_count(bool remove, size_t *n_files, uint64_t *n_bytes);

/* The SHA-256 of a model's files if it is kept for files of these stamps; and keeps it. */
US_MUST_USE us_status us_kept_sum_find(const us_kept *k, const us_gguf *g, char hash[65], us_error *err);
US_MUST_USE us_status us_kept_sum_put(const us_kept *k, const us_gguf *g, const char hash[65], us_error *err);
/* Whether a change from now on gives the model's files another stamp: clocks of file systems stand still for some
 * milliseconds. Waits for that long at most when `wait`. */
bool us_kept_settled(const us_gguf *g, bool wait);

/* Packed weights: n_bytes (a multiple of 64) of the model with this SHA-256 in this layout. Found, they lie in *file, at
 * *weights. */
US_MUST_USE us_status us_kept_weights_find(const us_kept *k, const char hash[65], const unsigned char layout[32],
                                           size_t n_bytes, us_pool *pool, us_map *file, const unsigned char **weights,
                                           us_error *err);
US_MUST_USE us_status us_kept_weights_put(const us_kept *k, const char hash[65], const unsigned char layout[32],
                                          const void *weights, size_t n_bytes, us_pool *pool, us_error *err);
#endif
