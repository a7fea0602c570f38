/* explore/report.c - the report's folder. */
#include "explore/report.h"
#include "base/file.h"
#include "explore/json.h"
#include <stdlib.h>

static us_status write_page(const us_facts *f, const us_cloud *cloud, const char *path, us_error *err) {
    us_buf b;
    us_buf_init(&b, (size_t)256 << 20);
    us_status st = us_report_html(f, cloud, &b, err);
    if (!st) st = us_file_write_atomic(path, b.data, b.len, err);
    us_buf_fini(&b);
    return st;
}

us_status us_report_write(const us_facts *f, const us_cloud *cloud, const char *folder, us_error *err) {
    char *svg = us_path_join(folder, "cloud.svg"), *png = us_path_join(folder, "cloud.png"),
         *page = us_path_join(folder, "index.html");
    us_status st = svg && png && page ? us_dir_make(folder, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_json_write(f, US_JSON_REPORT, folder, err);
    if (!st) st = us_json_write(f, US_JSON_CORPUS, folder, err);
    if (!st && cloud) st = us_cloud_save_svg(cloud, svg, err);
    if (!st && cloud) st = us_cloud_save_png(cloud, png, 1, "#ffffff", err);
    if (!st) st = us_charts_write(f, folder, err);
    if (!st) st = write_page(f, cloud, page, err);
    free(svg);
    free(png);
    free(page);
    return st;
}
