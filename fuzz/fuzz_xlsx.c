/* Workbooks: any XML as their parts (a NUL between the sheet, the shared strings and a second sheet) is refused in words, or becomes a
 * script that keeps its promises. The container is made around it, so that no checksum stands between the fuzzer and the reader; whole
 * containers are fuzz_csv's and fuzz_script's. */
#include "script_input.h"
#include "base/buf.h"
#include <stdint.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(us_buf *b, uint32_t v, int n) {
    unsigned char le[4] = {(unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16), (unsigned char)(v >> 24)};
    if (us_buf_append(b, le, (size_t)n, NULL)) abort();
}

/* The fields that a local header and the directory share. */
static void put_head(us_buf *b, const char *name, const void *data, size_t n) {
    put(b, 20, 2), put(b, 0, 2), put(b, 0, 2), put(b, 0, 4);
    put(b, (uint32_t)crc32(0, data, (uInt)n), 4), put(b, (uint32_t)n, 4), put(b, (uint32_t)n, 4);
    put(b, (uint32_t)strlen(name), 2), put(b, 0, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml",
                                        "xl/worksheets/sheet2.xml"};
    us_buf zip, directory;
    us_buf_init(&zip, (size_t)16 << 20);
    us_buf_init(&directory, 1 << 20);
    const uint8_t *at = data, *end = data + size;
    int n = 0;
    for (; n < 4 && (n == 0 || at < end); n++) {
        const uint8_t *nul = n == 0 ? at : n == 3 ? NULL : memchr(at, 0, (size_t)(end - at));
        size_t len = n == 0 ? 0 : (size_t)((nul ? nul : end) - at);
        put(&directory, 0x02014b50, 4), put(&directory, 20, 2), put_head(&directory, names[n], at, len);
        put(&directory, 0, 2), put(&directory, 0, 2), put(&directory, 0, 2), put(&directory, 0, 4),
            put(&directory, (uint32_t)zip.len, 4);
        PROMISE(!us_buf_append_str(&directory, names[n], NULL));
        put(&zip, 0x04034b50, 4), put_head(&zip, names[n], at, len);
        PROMISE(!us_buf_append_str(&zip, names[n], NULL) && !us_buf_append(&zip, at, len, NULL));
        if (n) at += len + (nul != NULL);
    }
    uint32_t where = (uint32_t)zip.len;
    PROMISE(!us_buf_append(&zip, directory.data, directory.len, NULL));
    put(&zip, 0x06054b50, 4), put(&zip, 0, 4), put(&zip, (uint32_t)n, 2), put(&zip, (uint32_t)n, 2);
    put(&zip, (uint32_t)directory.len, 4), put(&zip, where, 4), put(&zip, 0, 2);
    read_script((const uint8_t *)zip.data, zip.len, NULL);
    us_buf_fini(&zip);
    us_buf_fini(&directory);
    return 0;
}
