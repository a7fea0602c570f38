/* text/segment.h - words of languages that are written without blanks: Chinese, Japanese, Thai, Lao, Khmer, Burmese. */
#ifndef US_TEXT_SEGMENT_H
#define US_TEXT_SEGMENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A letter of a script that puts no blanks between words. */
bool us_is_unspaced(uint32_t cp);
/* s[0..n) (UTF-8, n > 0) is a run of letters of which one at least is unspaced: the bytes of its first word, 1..n. By ICU's
 * dictionaries; at most the first 300 bytes are looked at. Any thread may call it. */
size_t us_first_word(const char *s, size_t n);
/* The words of a text: blank-separated; a run of unspaced letters counts all of its words. */
uint32_t us_count_words(const char *s);
#endif
