/* explore/report.c - the report's folder. */
#include "base/file.h"
#include "explore/cloud.h"
#include "explore/json.h"
#include <stdlib.h>

us_status us_report_write(const us_facts *f, const us_cloud *cloud, const char *folder, us_error *err) {
    char *svg = us_path_join(folder, "cloud.svg"), *png = us_path_join(folder, "cloud.png");
    us_status st = svg && png ? us_dir_make(folder, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_json_write(f, US_JSON_REPORT, folder, err);
    if (!st) st = us_json_write(f, US_JSON_CORPUS, folder, err);
    if (!st) st = us_cloud_save_svg(cloud, svg, err);
    if (!st) st = us_cloud_save_png(cloud, png, 1, "#ffffff", err);
    free(svg);
    free(png);
    return st;
}
