/* explore/report.h - the parts of a report's folder. */
#ifndef US_EXPLORE_REPORT_H
#define US_EXPLORE_REPORT_H
#include "base/buf.h"
#include "understudy/explore.h"

extern const char us_report_css[], us_report_js[]; /* report.css and report.js, put in at build */

/* The page, whole, into `out`. */
US_MUST_USE us_status us_report_html(const us_facts *f, const us_cloud *cloud, us_buf *out, us_error *err);
/* The charts as NAME.svg: cast, catch_phrases, keywords, phrases, lines, answers, lengths. */
US_MUST_USE us_status us_charts_write(const us_facts *f, const char *folder, us_error *err);
#endif
