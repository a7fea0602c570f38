/* explore/stop_word_lists.h - a list of stop words a language, ended by one without a name. */
#ifndef US_EXPLORE_STOP_WORD_LISTS_H
#define US_EXPLORE_STOP_WORD_LISTS_H

typedef struct us_stop_list {
    const char *language;     /* ISO 639-1 */
    const char *const *words; /* strings of words with blanks between, NULL behind the last */
} us_stop_list;
extern const us_stop_list us_stop_lists[];
#endif
