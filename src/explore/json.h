#ifndef US_EXPLORE_JSON_H
#define US_EXPLORE_JSON_H
#include "understudy/explore.h"
typedef enum us_json_kind { US_JSON_REPORT, US_JSON_CORPUS, US_JSON_ABOUT } us_json_kind;
/* Writes report.json, corpus.json or about.json into the folder. */
US_MUST_USE us_status us_json_write(const us_facts *f, us_json_kind kind, const char *folder, us_error *err);
#endif
