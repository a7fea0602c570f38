/* text/tongue.h - the languages that understudy itself writes in: a drafted card, a greeting, a report. */
#ifndef US_TEXT_TONGUE_H
#define US_TEXT_TONGUE_H

typedef enum us_tongue { US_ENGLISH, US_GERMAN, US_FRENCH, US_SPANISH, US_RUSSIAN, US_N_TONGUES } us_tongue;

us_tongue us_tongue_of(const char *language); /* ISO 639-1, "de"; NULL and languages that we do not write: English */
const char *us_tongue_code(us_tongue tongue); /* "de" */
/* How numbers are written: what stands between thousands, and before decimals. */
const char *us_tongue_group(us_tongue tongue);
const char *us_tongue_point(us_tongue tongue);
#endif
