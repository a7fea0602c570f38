/* The GGUF reader: what it reads, and one hostile file for each class of known vulnerability in GGUF readers.
 * UNDERSTUDY_DUMP_HOSTILE=FOLDER writes the hostile files there (they are the seeds in fuzz/corpus/gguf). */
#include "test.h"
#include "shared.h"
#include "mktiny.h"
#include "model/gguf.h"
#include "model/model.h"
#include "model/tokenizer.h"
#include "understudy/model.h"
#include "understudy/template.h"

static us_error err;

/* ---- a file, byte by byte ------------------------------------------------------------------------------ */

static struct {
    unsigned char d[8192] __attribute__((aligned(64)));
    size_t n;
} f;

static void raw(const void *p, size_t n) {
    assert_true(f.n + n <= sizeof f.d);
    if (n) memcpy(f.d + f.n, p, n);
    f.n += n;
}
static void u32(uint32_t v) { raw(&v, 4); }
static void u64(uint64_t v) { raw(&v, 8); }
static void str(const char *s) { u64(strlen(s)), raw(s, strlen(s)); }
static void head(uint64_t n_tensors, uint64_t n_kvs) { raw("GGUF", 4), u32(3), u64(n_tensors), u64(n_kvs); }
static void kv(const char *key, uint32_t kind) { str(key), u32(kind); }
static void kv_u32(const char *key, uint32_t v) { kv(key, US_KV_U32), u32(v); }
static void kv_str(const char *key, const char *v) { kv(key, US_KV_STRING), str(v); }
static void array(const char *key, uint32_t kind, uint64_t n) { kv(key, US_KV_ARRAY), u32(kind), u64(n); }
static void tensor(const char *name, int n_dims, uint64_t a, uint64_t b, uint64_t c, uint32_t type, uint64_t offset) {
    uint64_t ne[4] = {a, b, c, 1};
    str(name), u32((uint32_t)n_dims), raw(ne, 8 * (size_t)(n_dims < 4 ? n_dims : 4)), u32(type), u64(offset);
}
static void data(size_t n) {
    while (f.n % 32) raw("", 1);
    for (size_t i = 0; i < n; i++) raw("", 1);
}

static void valid(void) {
    head(2, 3);
    kv_str("general.architecture", "llama");
    kv_u32("x.count", 7);
    array("x.names", US_KV_STRING, 2), str("one"), str("");
    tensor("a", 2, 4, 2, 0, US_TYPE_F32, 0);
    tensor("b", 1, 32, 0, 0, US_TYPE_Q8_0, 32);
    data(66);
}

/* ---- hostile files ------------------------------------------------------------------------------------- */

static void no_bytes(void) {}
static void no_magic(void) { raw("GGML", 4), u32(3), u64(0), u64(0); }
static void web_page(void) { raw("<!DOCTYPE html><html>", 21), data(64); }
static void pointer(void) { raw("version https://git-lfs.github.com/spec/v1\noid sha256:", 54); }
static void server_error(void) { raw("{\"error\":\"Repository not found\"}", 32); }
static void zip(void) { raw("PK\3\4", 4), data(64); }
static void pickle(void) { raw("\x80\2", 2), data(64); }
static void safetensors(void) { u64(60), raw("{\"a\":{}}", 8), data(64); }
static void ggjt(void) { raw("tjgg", 4), data(64); }
static void type_21(void) { head(1, 0), tensor("a", 1, 256, 0, 0, 21, 0), data(256); }
static void short_head(void) { raw("GGUF", 4), u32(3), u64(0); }
static void version_1(void) { raw("GGUF", 4), u32(1), u64(0), u64(0); }
static void big_endian(void) { raw("GGUF\0\0\0\3", 8), u64(0), u64(0); }
static void many_keys(void) { head(0, (uint64_t)1 << 60), data(64); }
static void many_tensors(void) { head((uint64_t)1 << 60, 0), data(64); }
static void keys_wrap(void) { head(0, UINT64_MAX / 48 + 2), data(64); }
static void no_keys_left(void) { head(0, 1); }
static void key_length(void) { head(0, 1), u64(UINT64_MAX), data(64); }
static void key_long(void) { head(0, 1), u64(100), data(32); }
static void value_length(void) { head(0, 1), kv("k", US_KV_STRING), u64(UINT64_MAX - 7), data(64); }
static void array_length(void) { head(0, 1), array("k", US_KV_U64, ((uint64_t)1 << 61) + 1), data(64); }
static void strings_length(void) { head(0, 1), array("k", US_KV_STRING, (uint64_t)1 << 61), data(64); }
static void strings_inside(void) { head(0, 1), array("k", US_KV_STRING, 2), str("ok"), u64((uint64_t)1 << 63), data(64); }
static void nested(void) { head(0, 1), array("k", US_KV_ARRAY, 1), u32(US_KV_U8), u64(1), data(64); }
static void kind_13(void) { head(0, 1), kv("k", 13), data(64); }
static void kind_minus(void) { head(0, 1), array("k", UINT32_MAX, 1), data(64); }
static void bool_2(void) { head(0, 1), kv("k", US_KV_BOOL), raw("\2", 1), data(64); }
static void empty_key(void) { head(0, 1), kv_u32("", 1); }
static void bad_key(void) { head(0, 1), kv_u32("k\xff", 1); }
static void same_keys(void) { head(0, 2), kv_u32("k", 1), kv_u32("k", 2); }
static void same_tensors(void) { head(2, 0), tensor("a", 1, 8, 0, 0, 0, 0), tensor("a", 1, 8, 0, 0, 0, 32), data(64); }
static void overlap(void) { head(2, 0), tensor("a", 1, 16, 0, 0, 0, 0), tensor("b", 1, 8, 0, 0, 0, 32), data(64); }
static void align_0(void) { head(0, 1), kv_u32("general.alignment", 0); }
static void align_24(void) { head(0, 1), kv_u32("general.alignment", 24); }
static void align_wraps(void) { head(0, 1), kv_u32("general.alignment", 0x80000000u); }
static void align_text(void) { head(0, 1), kv_str("general.alignment", "32"); }
static void dims_0(void) { head(1, 0), tensor("a", 0, 0, 0, 0, 0, 0), data(64); }
static void dims_5(void) { head(1, 0), tensor("a", 5, 1, 1, 1, 0, 0), data(64); }
static void dims_huge(void) { head(1, 0), str("a"), u32(UINT32_MAX), data(64); }
static void ne_0(void) { head(1, 0), tensor("a", 2, 4, 0, 0, 0, 0), data(64); }
static void ne_minus(void) { head(1, 0), tensor("a", 2, (uint64_t)-4, (uint64_t)-2, 0, 0, 0), data(64); }
static void ne_wraps(void) { head(1, 0), tensor("a", 3, (uint64_t)1 << 32, (uint64_t)1 << 31, 4, 0, 0), data(64); }
static void bytes_wrap(void) { head(1, 0), tensor("a", 2, (uint64_t)1 << 31, (uint64_t)1 << 31, 0, US_TYPE_F32, 0), data(64); }
static void pad_wraps(void) { head(1, 0), tensor("a", 1, ((uint64_t)1 << 62) - 1, 0, 0, US_TYPE_F32, 0), data(64); }
static void sum_wraps(void) {
    head(3, 0), tensor("a", 2, (uint64_t)1 << 28, (uint64_t)1 << 27, 0, 0, 0),
        tensor("b", 2, (uint64_t)1 << 28, (uint64_t)1 << 27, 0, 0, (uint64_t)1 << 57);
    tensor("c", 1, 8, 0, 0, 0, (uint64_t)1 << 58), data(64);
}
static void past_end(void) { head(1, 0), tensor("a", 2, 4096, 4096, 0, US_TYPE_F16, 0), data(64); }
static void offset_past(void) { head(1, 0), tensor("a", 1, 8, 0, 0, 0, 96), data(64); }
static void offset_wraps(void) { head(1, 0), tensor("a", 1, 8, 0, 0, 0, UINT64_MAX - 31), data(64); }
static void offset_odd(void) { head(1, 0), tensor("a", 1, 4, 0, 0, 0, 4), data(64); }
static void type_999(void) { head(1, 0), tensor("a", 1, 8, 0, 0, 999, 0), data(64); }
static void type_4(void) { head(1, 0), tensor("a", 1, 32, 0, 0, 4, 0), data(64); }
static void half_block(void) { head(1, 0), tensor("a", 2, 40, 2, 0, US_TYPE_Q4_0, 0), data(64); }
static void name_length(void) { head(1, 0), u64((uint64_t)1 << 40), data(64); }
static void no_data(void) { head(1, 0), tensor("a", 1, 8, 0, 0, 0, 0); }
static void split_bytes(void) { head(0, 1), kv("split.no", US_KV_U16), raw("\3\0", 2); }

static const struct {
    const char *name;
    void (*make)(void);
    us_status status;
    const char *says;
} hostile[] = {
    {"empty", no_bytes, US_ERR_FORMAT, "this is an empty file"},
    {"magic", no_magic, US_ERR_FORMAT, "not a GGUF file"},
    {"web-page", web_page, US_ERR_FORMAT, "this is a web page"},
    {"lfs-pointer", pointer, US_ERR_FORMAT, "this is a Git LFS pointer"},
    {"server-error", server_error, US_ERR_FORMAT, "this is a server's error"},
    {"zip", zip, US_ERR_FORMAT, "this is a zip or PyTorch file"},
    {"pickle", pickle, US_ERR_FORMAT, "this is a PyTorch file"},
    {"safetensors", safetensors, US_ERR_FORMAT, "this is a safetensors file"},
    {"ggjt", ggjt, US_ERR_FORMAT, "this is a GGML file"},
    {"type-21", type_21, US_ERR_UNSUPPORTED, "type IQ3_S, which is not read here"},
    {"short-head", short_head, US_ERR_FORMAT, "header of 24 bytes"},
    {"version-1", version_1, US_ERR_UNSUPPORTED,
     "version 1 (of 2023: look for the model converted anew); supported are 2 and 3"},
    {"big-endian", big_endian, US_ERR_UNSUPPORTED, "big-endian"},
    {"cve-2024-23605-n-kv", many_keys, US_ERR_FORMAT, "1152921504606846976 keys"},
    {"cve-2024-23605-n-kv-wraps", keys_wrap, US_ERR_FORMAT, "keys cannot be in"},
    {"cve-2024-21836-n-tensors", many_tensors, US_ERR_FORMAT, "1152921504606846976 tensors"},
    {"cve-2024-32878-nothing-read", no_keys_left, US_ERR_FORMAT, "keys cannot be in"},
    {"cve-2024-23496-key-length", key_length, US_ERR_FORMAT, "key of 18446744073709551615 bytes"},
    {"cve-2024-23496-key-truncated", key_long, US_ERR_FORMAT, "key of 100 bytes"},
    {"cve-2024-21825-string-length", value_length, US_ERR_FORMAT, "string of 18446744073709551608 bytes"},
    {"cve-2024-21825-array-wraps", array_length, US_ERR_FORMAT, "array of 2305843009213693953 uint64"},
    {"cve-2024-21825-strings-wrap", strings_length, US_ERR_FORMAT, "array of 2305843009213693952 string"},
    {"cve-2024-21825-string-inside", strings_inside, US_ERR_FORMAT, "string of 9223372036854775808 bytes"},
    {"nested-array", nested, US_ERR_FORMAT, "nested arrays"},
    {"kind-13", kind_13, US_ERR_FORMAT, "unknown kind"},
    {"kind-negative", kind_minus, US_ERR_FORMAT, "unknown kind"},
    {"bool-2", bool_2, US_ERR_FORMAT, "neither 0 nor 1"},
    {"key-empty", empty_key, US_ERR_FORMAT, "key is empty"},
    {"key-not-utf8", bad_key, US_ERR_FORMAT, "not UTF-8"},
    {"key-twice", same_keys, US_ERR_FORMAT, "duplicate key 'k'"},
    {"tensor-twice", same_tensors, US_ERR_FORMAT, "duplicate tensor 'a'"},
    {"tensors-overlap", overlap, US_ERR_FORMAT, "'a' and 'b' overlap"},
    {"cve-2025-0315-alignment-0", align_0, US_ERR_FORMAT, "alignment is 0"},
    {"alignment-24", align_24, US_ERR_FORMAT, "alignment is 24, expected a power of two"},
    {"alignment-wraps", align_wraps, US_ERR_FORMAT, "alignment is 2147483648"},
    {"alignment-text", align_text, US_ERR_FORMAT, "expected a uint32, got a string"},
    {"dims-0", dims_0, US_ERR_FORMAT, "0 dimensions, expected 1..4"},
    {"cve-2024-21802-dims-5", dims_5, US_ERR_FORMAT, "5 dimensions, expected 1..4"},
    {"cve-2024-21802-dims-huge", dims_huge, US_ERR_FORMAT, "4294967295 dimensions"},
    {"ne-0", ne_0, US_ERR_FORMAT, "dimension 1 is 0"},
    {"ne-negative", ne_minus, US_ERR_FORMAT, "dimension 0 is -4"},
    {"cve-2024-21802-ne-wraps", ne_wraps, US_ERR_FORMAT, "out of range"},
    {"cve-2026-33298-bytes-wrap", bytes_wrap, US_ERR_FORMAT, "out of range"},
    {"pad-wraps", pad_wraps, US_ERR_FORMAT, "out of range"},
    {"cve-2025-53630-sum-wraps", sum_wraps, US_ERR_FORMAT, "do not fit"},
    {"cve-2026-27940-offset-wraps", offset_wraps, US_ERR_FORMAT, "do not fit"},
    {"cve-2026-7482-past-the-end", past_end, US_ERR_FORMAT, "33554432 bytes at offset 0 do not fit in the 64 bytes"},
    {"offset-past-the-end", offset_past, US_ERR_FORMAT, "do not fit"},
    {"offset-odd", offset_odd, US_ERR_FORMAT, "no multiple of the alignment"},
    {"type-999", type_999, US_ERR_UNSUPPORTED, "type 999, which is not read here"},
    {"type-4", type_4, US_ERR_UNSUPPORTED, "type 4, which is not read here"},
    {"half-a-block", half_block, US_ERR_FORMAT, "no whole number of Q4_0 blocks of 32"},
    {"name-length", name_length, US_ERR_FORMAT, "tensor name of 1099511627776 bytes"},
    {"no-data", no_data, US_ERR_FORMAT, "no room for tensor data"},
    {"second-part", split_bytes, US_ERR_FORMAT, "open the -00001-of- file"},
};

static void dump(const char *name) {
    const char *dir = getenv("UNDERSTUDY_DUMP_HOSTILE");
    char path[4096];
    if (!dir) return;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *o = fopen(path, "wb");
    assert_true(o && fwrite(f.d, 1, f.n, o) == f.n && !fclose(o));
}

/* The file's bytes in a block of exactly their size, so that AddressSanitizer sees a read past the end. */
static us_status open_exact(size_t n) {
    us_gguf *g = NULL;
    void *p = malloc(n ? n : 1);
    memcpy(p, f.d, n);
    us_status st = us_gguf_open_bytes(p, n, "file.gguf", &g, &err);
    if (!st) us_gguf_close(g);
    free(p);
    return st;
}

static void hostile_files_get_words(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        f.n = 0;
        hostile[i].make();
        dump(hostile[i].name);
        us_status st = open_exact(f.n);
        if (st != hostile[i].status)
            fail_msg("%s: status %s: %s", hostile[i].name, us_status_name(st), st ? err.message : "opened");
        if (!strstr(err.message, hostile[i].says) || strncmp(err.message, "file.gguf: ", 11))
            fail_msg("%s: '%s' does not say '%s'", hostile[i].name, err.message, hostile[i].says);
    }
}

static void every_truncation_is_refused(void **state) {
    (void)state;
    f.n = 0;
    valid();
    dump("valid");
    size_t n = f.n;
    assert_ok(open_exact(n), &err);
    for (size_t k = 0; k < n; k++) assert_int_equal(open_exact(k), US_ERR_FORMAT);
}

/* Any byte changed to anything: opens or says why, never more. */
static void changed_bytes_do_no_harm(void **state) {
    (void)state;
    static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};
    f.n = 0;
    valid();
    for (size_t k = 0; k < f.n; k++) {
        unsigned char was = f.d[k];
        for (size_t v = 0; v < sizeof values; v++) {
            f.d[k] = values[v];
            us_status st = open_exact(f.n);
            assert_true(!st || err.message[0]);
        }
        f.d[k] = was;
    }
}

static void values_are_read(void **state) {
    (void)state;
    us_gguf *g;
    int64_t i;
    double d;
    us_str s;
    const us_kv *a;
    f.n = 0;
    valid();
    assert_ok(us_gguf_open_bytes(f.d, f.n, "v", &g, &err), &err);
    assert_ok(us_gguf_get_int(g, "x.count", 0, 10, &i, &err), &err);
    assert_int_equal(i, 7);
    assert_int_equal(us_gguf_get_int(g, "x.count", 8, 10, &i, &err), US_ERR_FORMAT);
    assert_string_equal(err.message, "v: key 'x.count': expected 8..10, got 7");
    assert_int_equal(us_gguf_get_int(g, "x.none", 8, 10, &i, &err), US_ERR_NOT_FOUND);
    assert_string_equal(err.message, "v: no key 'x.none' (expected a whole number)");
    assert_ok(us_gguf_get_float(g, "x.count", &d, &err), &err); /* a whole number is a number */
    assert_true(d == 7);
    assert_int_equal(us_gguf_get_float(g, "x.names", &d, &err), US_ERR_FORMAT);
    assert_int_equal(us_gguf_get_str(g, "x.names", &s, &err), US_ERR_FORMAT);
    assert_int_equal(us_gguf_get_array(g, "x.names", US_KV_FLOAT32, 10, &a, &err),
                     US_ERR_FORMAT); /* read as numbers elsewhere */
    assert_int_equal(us_gguf_get_array(g, "x.names", US_KV_STRING, 1, &a, &err), US_ERR_FORMAT);
    assert_ok(us_gguf_get_array(g, "x.names", US_KV_STRING, 2, &a, &err), &err);
    const unsigned char *at = NULL;
    assert_true(us_str_eq(us_kv_next_str(a, &at), "one") && us_str_eq(us_kv_next_str(a, &at), ""));
    const us_tensor *b = us_gguf_find_tensor(g, "b");
    assert_true(b && b->n_bytes == 34 && b->data == f.d + f.n - 34 && !us_gguf_find_tensor(g, "c"));
    us_gguf_close(g);
}

/* ---- a tiny model with one key replaced ---------------------------------------------------------------- */

static char *dir, *base[2], *path;

static int setup(void **state) {
    (void)state;
    dir = us_tiny_folder();
    if (!dir || asprintf(&base[0], "%s/bpe.gguf", dir) < 0 || asprintf(&base[1], "%s/spm.gguf", dir) < 0 ||
        asprintf(&path, "%s/m.gguf", dir) < 0)
        return 1;
    return us_tiny_write(&(us_tiny){0}, base[0], &err) || us_tiny_write(&(us_tiny){.spm = true}, base[1], &err);
}

static int teardown(void **state) {
    (void)state;
    us_tiny_remove(dir);
    free(base[0]);
    free(base[1]);
    free(path);
    return 0;
}

/* Copies a model without `key` (put() may add another one). */
static void replace_in(const char *from, const char *key, us_status (*put)(us_gguf_writer *, const char *)) {
    us_gguf *g;
    us_gguf_writer *w;
    size_t n;
    assert_ok(us_gguf_open(from, &g, &err), &err);
    assert_ok(us_gguf_writer_new(&w, &err), &err);
    const us_kv *kvs = us_gguf_kvs(g, &n);
    for (size_t i = 0; i < n; i++)
        if (!us_str_eq(kvs[i].key, key)) assert_ok(us_gguf_put_kv(w, &kvs[i], &err), &err);
    if (put) assert_ok(put(w, key), &err);
    const us_tensor *t = us_gguf_tensors(g, &n);
    for (size_t i = 0; i < n; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)t[i].name.len, t[i].name.data);
        assert_ok(us_gguf_put_tensor(w, name, (us_type)t[i].type, t[i].n_dims, t[i].ne, t[i].data, &err), &err);
    }
    assert_ok(us_gguf_writer_finish(w, path, NULL, NULL, &err), &err);
    us_gguf_writer_free(w);
    us_gguf_close(g);
}

static void replace(bool spm, const char *key, us_status (*put)(us_gguf_writer *, const char *)) {
    replace_in(base[spm], key, put);
}

static us_status put_0(us_gguf_writer *w, const char *key) { return us_gguf_put_u32(w, key, 0, &err); }
static us_status put_1(us_gguf_writer *w, const char *key) { return us_gguf_put_u32(w, key, 1, &err); }
static us_status put_3(us_gguf_writer *w, const char *key) { return us_gguf_put_u32(w, key, 3, &err); }
static us_status put_7(us_gguf_writer *w, const char *key) { return us_gguf_put_u32(w, key, 7, &err); }
static us_status put_max(us_gguf_writer *w, const char *key) { return us_gguf_put_u32(w, key, UINT32_MAX, &err); }
static us_status put_2000(us_gguf_writer *w, const char *key) { return us_gguf_put_u32(w, key, 2000, &err); }
static us_status put_u64(us_gguf_writer *w, const char *key) { return us_gguf_put_u64(w, key, UINT64_MAX, &err); }
static us_status put_nan(us_gguf_writer *w, const char *key) { return us_gguf_put_f32(w, key, __builtin_nanf(""), &err); }
static us_status put_minus(us_gguf_writer *w, const char *key) { return us_gguf_put_f32(w, key, -1, &err); }
static us_status put_text(us_gguf_writer *w, const char *key) { return us_gguf_put_str(w, key, "mamba\n\x1b[31m", 11, &err); }
static us_status put_floats(us_gguf_writer *w, const char *key) {
    return us_gguf_put_array(w, key, US_KV_FLOAT32, (float[]){1, 2}, 2, &err);
}
static us_status put_ints(us_gguf_writer *w, const char *key) {
    return us_gguf_put_array(w, key, US_KV_I32, (int32_t[]){1, 99}, 2, &err);
}
static us_status put_merge(us_gguf_writer *w, const char *key) {
    return us_gguf_put_strs(w, key, &(us_str){"a zz", 4}, 1, &err);
}
static us_status put_long(us_gguf_writer *w, const char *key) {
    static char s[5000];
    return us_gguf_put_strs(w, key, &(us_str){s, sizeof s}, 1, &err);
}
static us_status put_no_strings(us_gguf_writer *w, const char *key) { return us_gguf_put_strs(w, key, NULL, 0, &err); }
/* The SentencePiece vocabulary with a byte token that names no byte. */
static us_status put_bad_byte(us_gguf_writer *w, const char *key) {
    us_gguf *g;
    const us_kv *a;
    assert_ok(us_gguf_open(base[1], &g, &err), &err);
    assert_ok(us_gguf_get_array(g, key, US_KV_STRING, 100000, &a, &err), &err);
    us_str *s = calloc((size_t)a->n, sizeof *s);
    const unsigned char *at = NULL;
    for (uint64_t i = 0; i < a->n; i++) s[i] = us_kv_next_str(a, &at);
    s[20] = (us_str){"<0x-1>", 6};
    us_status st = us_gguf_put_strs(w, key, s, (size_t)a->n, &err);
    free(s);
    us_gguf_close(g);
    return st;
}

static us_status put_mmproj(us_gguf_writer *w, const char *key) { return us_gguf_put_str(w, key, "mmproj", 6, &err); }
static us_status put_imatrix(us_gguf_writer *w, const char *key) { return us_gguf_put_str(w, key, "imatrix", 7, &err); }
static us_status put_clip(us_gguf_writer *w, const char *key) { return us_gguf_put_str(w, key, "clip", 4, &err); }
static us_status put_bert(us_gguf_writer *w, const char *key) { return us_gguf_put_str(w, key, "bert", 4, &err); }
static us_status put_true(us_gguf_writer *w, const char *key) { return us_gguf_put_bool(w, key, true, &err); }
static us_status put_false(us_gguf_writer *w, const char *key) { return us_gguf_put_bool(w, key, false, &err); }

static const struct {
    bool spm;
    const char *key;
    us_status (*put)(us_gguf_writer *, const char *);
    us_status status;
    const char *says;
} models[] = {
    {0, "general.type", put_mmproj, US_ERR_MISMATCH, "this is the part of a model that sees or hears"},
    {0, "general.type", put_imatrix, US_ERR_MISMATCH, "this is an importance matrix"},
    {0, "general.architecture", put_clip, US_ERR_MISMATCH, "this is the part of a model that sees or hears"},
    {0, "general.architecture", put_bert, US_ERR_MISMATCH, "this is an embedding model"},
    {0, "llama.expert_count", put_7, US_ERR_UNSUPPORTED, "a mixture of experts (as Mixtral is one) is not supported"},
    {0, "llama.attention.causal", put_false, US_ERR_UNSUPPORTED, "attention in both directions"},
    {0, "llama.attention.clamp_kqv", put_7, US_ERR_UNSUPPORTED, "'llama.attention.clamp_kqv' is 7"},
    {0, "llama.pooling_type", put_3, US_ERR_UNSUPPORTED,
     "one vector for a text (an embedding or ranking model) is not supported"},
    {0, "llama.rope.scaling.alpha", put_7, US_ERR_UNSUPPORTED, "'llama.rope.scaling.alpha' is 7"},
    {0, "llama.rope.scaling.yarn_ext_factor", put_1, US_ERR_FORMAT, "'llama.rope.scaling.yarn_ext_factor'"},
    {0, "llama.rope.dimension_sections", put_ints, US_ERR_UNSUPPORTED, "RoPE over more than one axis"},
    {0, "llama.attention.value_scale", put_floats, US_ERR_UNSUPPORTED, "a scale of values is not supported"},
    {0, "llama.attention.key_length_swa", put_7, US_ERR_UNSUPPORTED, "heads of layers with a window differ from others"},
    {0, "llama.hidden_activation", put_text, US_ERR_UNSUPPORTED, "activation 'mamba"},
    {0, "llama.block_count", put_1, US_ERR_UNSUPPORTED, "tensor 'blk.1."}, /* more layers than are told */
    {0, "llama.attention.value_length", put_7, US_ERR_UNSUPPORTED, "values of 7 are not supported"},
    {0, "general.architecture", NULL, US_ERR_NOT_FOUND, "no key 'general.architecture'"},
    {0, "general.architecture", put_text, US_ERR_UNSUPPORTED,
     "architecture 'mamba??[31m' is not supported; supported are llama"},
    {0, "general.architecture", put_7, US_ERR_FORMAT, "expected a string, got a uint32"},
    {0, "llama.block_count", put_0, US_ERR_FORMAT, "expected 1.."}, /* CVE-2025-0317 and its kin */
    {0, "llama.block_count", put_2000, US_ERR_FORMAT, "got 2000"},
    {0, "llama.block_count", put_max, US_ERR_FORMAT, "got 4294967295"},
    {0, "llama.block_count", put_3, US_ERR_FORMAT, "no tensor 'blk.2."},
    {0, "llama.block_count", put_u64, US_ERR_FORMAT, "expected 1.."},
    {0, "llama.embedding_length", put_0, US_ERR_FORMAT, "expected"},
    {0, "llama.embedding_length", put_max, US_ERR_FORMAT, "expected"},
    {0, "llama.attention.head_count", put_0, US_ERR_FORMAT, "expected 1.."},
    {0, "llama.attention.head_count", put_7, US_ERR_FORMAT, "kv heads do not divide 7 heads"},
    {0, "llama.attention.head_count_kv", put_3, US_ERR_FORMAT, "3 kv heads do not divide 4 heads"},
    {0, "llama.attention.head_count_kv", put_0, US_ERR_FORMAT, "expected 1.."},
    {0, "llama.rope.dimension_count", put_7, US_ERR_UNSUPPORTED, "rotated 7"},
    {0, "llama.rope.dimension_count", put_2000, US_ERR_FORMAT, "got 2000"},
    {0, "llama.rope.freq_base", put_nan, US_ERR_FORMAT, "not finite"},
    {0, "llama.rope.freq_base", put_minus, US_ERR_FORMAT, "got -1"},
    {0, "llama.attention.layer_norm_rms_epsilon", put_minus, US_ERR_FORMAT, "got -1"},
    {0, "llama.context_length", put_0, US_ERR_FORMAT, "expected 1.."},
    {0, "tokenizer.ggml.model", put_text, US_ERR_UNSUPPORTED, "tokenizer 'mamba"},
    {0, "tokenizer.ggml.pre", put_text, US_ERR_UNSUPPORTED, "pre-tokenizer 'mamba"},
    {0, "tokenizer.ggml.tokens", put_floats, US_ERR_FORMAT, "expected an array of string, got an array of float32"},
    {0, "tokenizer.ggml.tokens", put_7, US_ERR_FORMAT, "expected an array of string, got a uint32"},
    {0, "tokenizer.ggml.tokens", put_long, US_ERR_LIMIT, "token 0 has 5000 bytes"}, /* CVE-2025-49847: lengths that disagree */
    {0, "tokenizer.ggml.tokens", put_no_strings, US_ERR_FORMAT, "vocabulary is empty"},
    {0, "tokenizer.ggml.token_type", put_ints, US_ERR_FORMAT, "has 2 entries for"},
    {0, "tokenizer.ggml.token_type", put_text, US_ERR_FORMAT, "expected an array of whole numbers"},
    {0, "tokenizer.ggml.merges", put_merge, US_ERR_FORMAT, "is not two tokens that make a third"},
    {0, "tokenizer.ggml.merges", put_ints, US_ERR_FORMAT, "expected an array of string"},
    {1, "tokenizer.ggml.scores", put_floats, US_ERR_FORMAT, "has 2 entries for"},
    {0, "tokenizer.ggml.bos_token_id", put_text, US_ERR_FORMAT, "expected a whole number, got a string"},
    {1, "tokenizer.ggml.remove_extra_whitespaces", put_true, US_ERR_UNSUPPORTED, "a tokenizer that joins runs of blanks"},
    {0, "tokenizer.ggml.normalizer.lowercase", put_true, US_ERR_UNSUPPORTED, "a tokenizer that makes capitals small"},
    {1, "tokenizer.ggml.scores", put_text, US_ERR_FORMAT, "expected an array of numbers, got a string"},
};

static void hostile_models_get_words(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        us_model *m = NULL;
        replace(models[i].spm, models[i].key, models[i].put);
        us_status st = us_model_open(path, &(us_model_options){.n_threads = 1}, &m, &err);
        if (!st) us_model_free(m);
        if (st != models[i].status)
            fail_msg("%s (%zu): status %s: %s", models[i].key, i, us_status_name(st), st ? err.message : "opened");
        if (!strstr(err.message, models[i].says))
            fail_msg("%s (%zu): '%s' does not say '%s'", models[i].key, i, err.message, models[i].says);
    }
}

/* ---- what nobody uses refuses no file ----------------------------------------------------------------------- */

static us_status put_minus_1(us_gguf_writer *w, const char *key) {
    return us_gguf_put_array(w, key, US_KV_I8, (int8_t[]){-1}, 1, &err);
}
static us_status put_bool_as_number(us_gguf_writer *w, const char *key) { return us_gguf_put_u32(w, key, 0, &err); }
static us_status put_64(us_gguf_writer *w, const char *key) { return us_gguf_put_u64(w, key, 2, &err); }
static us_status put_layers(us_gguf_writer *w, const char *key) {
    return us_gguf_put_array(w, key, US_KV_U16, (uint16_t[]){2, 2}, 2, &err);
}
/* The array of the base file as another kind of number; scores as doubles. */
static us_status put_as_doubles(us_gguf_writer *w, const char *key) {
    us_gguf *g;
    const us_kv *a;
    assert_ok(us_gguf_open(base[1], &g, &err), &err);
    assert_ok(us_gguf_get_array(g, key, US_KV_FLOAT32, 100000, &a, &err), &err);
    double *d = calloc((size_t)a->n, sizeof *d);
    for (uint64_t i = 0; i < a->n; i++) us_kv_float(a, i, &d[i]);
    us_status st = us_gguf_put_array(w, key, US_KV_FLOAT64, d, (size_t)a->n, &err);
    free(d);
    us_gguf_close(g);
    return st;
}
static us_status put_kinds_as_bytes(us_gguf_writer *w, const char *key) {
    us_gguf *g;
    const us_kv *a;
    assert_ok(us_gguf_open(base[0], &g, &err), &err);
    assert_ok(us_gguf_get_array(g, key, US_KV_I32, 100000, &a, &err), &err);
    unsigned char *d = calloc((size_t)a->n, 1);
    int64_t v = 0;
    for (uint64_t i = 0; i < a->n; i++) d[i] = (unsigned char)(us_kv_int(a, i, &v) ? v : 0);
    us_status st = us_gguf_put_array(w, key, US_KV_U8, d, (size_t)a->n, &err);
    free(d);
    us_gguf_close(g);
    return st;
}
/* The scores, and some that belong to no token. */
static us_status put_more_scores(us_gguf_writer *w, const char *key) {
    us_gguf *g;
    const us_kv *a;
    assert_ok(us_gguf_open(base[1], &g, &err), &err);
    assert_ok(us_gguf_get_array(g, key, US_KV_FLOAT32, 100000, &a, &err), &err);
    float *x = calloc((size_t)a->n + 3, sizeof *x);
    double v = 0;
    for (uint64_t i = 0; i < a->n; i++) x[i] = us_kv_float(a, i, &v) ? (float)v : 0;
    us_status st = us_gguf_put_array(w, key, US_KV_FLOAT32, x, (size_t)a->n + 3, &err);
    free(x);
    us_gguf_close(g);
    return st;
}
static us_status put_flags(us_gguf_writer *w, const char *key) {
    us_status st = us_gguf_put_u32(w, "llama.attention.sliding_window", 5, &err);
    return st ? st : us_gguf_put_array(w, key, US_KV_I32, (int32_t[]){1, 0}, 2, &err);
}
/* The merges, and one that the vocabulary cannot make. */
static us_status put_one_bad_merge(us_gguf_writer *w, const char *key) {
    us_gguf *g;
    const us_kv *a;
    assert_ok(us_gguf_open(base[0], &g, &err), &err);
    assert_ok(us_gguf_get_array(g, key, US_KV_STRING, 100000, &a, &err), &err);
    us_str *s = calloc((size_t)a->n + 1, sizeof *s);
    const unsigned char *at = NULL;
    s[0] = (us_str){"a zz", 4};
    for (uint64_t i = 0; i < a->n; i++) s[i + 1] = us_kv_next_str(a, &at);
    us_status st = us_gguf_put_strs(w, key, s, (size_t)a->n + 1, &err);
    free(s);
    us_gguf_close(g);
    return st;
}

static const struct {
    bool spm;
    const char *key;
    us_status (*put)(us_gguf_writer *, const char *);
} harmless[] = {
    {0, "tokenizer.ggml.padding_token_id", put_max},
    {0, "tokenizer.ggml.unknown_token_id", put_2000},
    {0, "tokenizer.ggml.bos_token_id", put_2000},
    {0, "tokenizer.ggml.eos_token_id", put_max},
    {0, "tokenizer.ggml.eot_token_id", put_u64},
    {0, "tokenizer.ggml.padding_token_id", put_minus_1},
    {0, "tokenizer.ggml.add_bos_token", put_bool_as_number},
    {0, "llama.attention.head_count_kv", put_64},
    {0, "llama.attention.head_count_kv", put_layers},
    {0, "tokenizer.ggml.token_type", put_kinds_as_bytes},
    {0, "tokenizer.ggml.token_type", NULL},
    {0, "tokenizer.ggml.merges", put_one_bad_merge},
    {1, "tokenizer.ggml.scores", put_as_doubles},
    {1, "tokenizer.ggml.scores", NULL},
    {1, "tokenizer.ggml.tokens", put_bad_byte},
    {0, "general.name", put_7},
    {0, "llama.rope.scaling.factor", put_0},
    {0, "tokenizer.ggml.remove_extra_whitespaces", put_true},
    {0, "tokenizer.ggml.eot_token_id", put_no_strings},
    {0, "llama.residual_scale", put_0},
    {0, "llama.embedding_scale", put_0},
    {0, "llama.pooling_type", put_0},
    {0, "llama.attention.sliding_window_pattern", put_flags},
    {1, "tokenizer.ggml.scores", put_more_scores},
};

static void harmless_values_refuse_no_file(void **state) {
    (void)state;
    static const char text[] = "Hello there, doughnuts and beer";
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        us_model *m = NULL, *plain = NULL;
        us_tokens got = {0}, want = {0};
        assert_ok(us_model_open(base[harmless[i].spm], NULL, &plain, &err), &err);
        replace(harmless[i].spm, harmless[i].key, harmless[i].put);
        if (us_model_open(path, NULL, &m, &err)) fail_msg("%s (%zu): %s", harmless[i].key, i, err.message);
        assert_ok(us_tokenizer_encode(us_model_get_tokenizer(m), text, sizeof text - 1, false, &got, &err), &err);
        assert_ok(us_tokenizer_encode(us_model_get_tokenizer(plain), text, sizeof text - 1, false, &want, &err), &err);
        if (got.n != want.n || memcmp(got.ids, want.ids, got.n * sizeof *got.ids))
            fail_msg("%s (%zu): other tokens", harmless[i].key, i);
        int32_t end = us_tokenizer_find(us_model_get_tokenizer(m), harmless[i].spm ? "</s>" : "<|im_end|>");
        assert_true(us_tokenizer_is_special(us_model_get_tokenizer(m), end)); /* the template's, without types too */
        assert_true(us_tokenizer_is_end(us_model_get_tokenizer(m), end));
        us_tokens_fini(&got);
        us_tokens_fini(&want);
        us_model_free(m);
        us_model_free(plain);
    }
}

/* Every spelling of RoPE scaling; YaRN's numbers are transformers' (base 10000, 32 turned, factor 4, original context 1024). */
static us_status put_yarn(us_gguf_writer *w, const char *key) {
    us_status st = us_gguf_put_str(w, key, "yarn", 4, &err);
    if (!st) st = us_gguf_put_f32(w, "llama.rope.scaling.factor", 4, &err);
    return st ? st : us_gguf_put_u32(w, "llama.rope.scaling.original_context_length", 1024, &err);
}
static us_status put_yarn_scale(us_gguf_writer *w, const char *key) {
    us_status st = put_yarn(w, key); /* attention_factor of a config: in place of the usual one */
    return st ? st : us_gguf_put_f32(w, "llama.rope.scaling.yarn_attn_factor", 1.5f, &err);
}
static us_status put_no_scaling(us_gguf_writer *w, const char *key) {
    us_status st = us_gguf_put_str(w, key, "none", 4, &err);
    return st ? st : us_gguf_put_f32(w, "llama.rope.scaling.factor", 4, &err);
}
static us_status put_4(us_gguf_writer *w, const char *key) { return us_gguf_put_f32(w, key, 4, &err); }

static void rope_scaling_is_applied(void **state) {
    (void)state;
    static const struct {
        const char *key;
        us_status (*put)(us_gguf_writer *, const char *);
        double f0, f6, f15, scale;
    } ropes[] = {
        {"general.none", NULL, 1, 0.03162277660, 1.778279410e-4, 1},
        {"llama.rope.scaling.type", put_no_scaling, 1, 0.03162277660, 1.778279410e-4, 1},
        {"llama.rope.scaling.factor", put_4, 0.25, 0.00790569415, 4.445698525e-5, 1},
        {"llama.rope.scale_linear", put_4, 0.25, 0.00790569415, 4.445698525e-5, 1},
        {"llama.rope.scaling.type", put_yarn, 1, 0.0180701581, 4.445698525e-5, 1.138629436},
        {"llama.rope.scaling.type", put_yarn_scale, 1, 0.0180701581, 4.445698525e-5, 1.5},
        {"llama.rope.scaling.attn_factor", put_4, 1, 0.03162277660, 1.778279410e-4, 4}, /* for every type */
    };
    for (size_t i = 0; i < sizeof ropes / sizeof *ropes; i++) {
        us_model *m = NULL;
        replace(0, ropes[i].key, ropes[i].put);
        assert_ok(us_model_open(path, NULL, &m, &err), &err);
        const us_rope *r = &m->net.ropes[0];
        assert_int_equal(m->net.n_rot, 32);
        assert_float_equal(r->inv_freq[0], ropes[i].f0, 1e-6);
        assert_float_equal(r->inv_freq[6] / ropes[i].f6, 1, 1e-5);
        assert_float_equal(r->inv_freq[15] / ropes[i].f15, 1, 1e-5);
        assert_float_equal(r->scale, ropes[i].scale, 1e-6);
        us_model_free(m);
    }
    us_model *m = NULL;
    replace(0, "llama.rope.scaling.type", put_text);
    assert_int_equal(us_model_open(path, NULL, &m, &err), US_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "RoPE scaling 'mamba"));
}

/* Olmo-3-7B's keys: its attention_factor, 1 + 0.1 ln(8), is the scale itself, and not one more. */
static us_status put_olmo3(us_gguf_writer *w, const char *key) {
    us_status st = us_gguf_put_str(w, key, "yarn", 4, &err);
    if (!st) st = us_gguf_put_f32(w, "olmo2.rope.scaling.factor", 8, &err);
    if (!st) st = us_gguf_put_f32(w, "olmo2.rope.scaling.attn_factor", 1.2079442f, &err);
    return st ? st : us_gguf_put_u32(w, "olmo2.rope.scaling.original_context_length", 8192, &err);
}

static void olmo3_is_scaled_once(void **state) {
    (void)state;
    us_model *m = NULL;
    char olmo[512];
    snprintf(olmo, sizeof olmo, "%s/olmo.gguf", dir);
    assert_ok(us_tiny_write(&(us_tiny){.arch = "olmo2", .untied = true}, olmo, &err), &err);
    replace_in(olmo, "olmo2.rope.scaling.type", put_olmo3);
    assert_ok(us_model_open(path, NULL, &m, &err), &err);
    assert_float_equal(m->net.ropes[0].scale, 1.2079442, 1e-6);
    us_model_free(m);
}

/* Whatever the architecture: in every layer, or in those that the file names. */
static void windows_are_applied(void **state) {
    (void)state;
    static const struct {
        const char *key;
        us_status (*put)(us_gguf_writer *, const char *);
        int32_t window[2];
    } rows[] = {{"llama.attention.sliding_window", put_7, {7, 7}},
                {"llama.attention.sliding_window", put_0, {0, 0}},
                {"llama.attention.sliding_window_pattern", put_flags, {5, 0}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        us_model *m = NULL;
        replace(0, rows[i].key, rows[i].put);
        assert_ok(us_model_open(path, NULL, &m, &err), &err);
        for (int l = 0; l < 2; l++) assert_int_equal(m->net.layers[l].window, rows[i].window[l]);
        us_model_free(m);
    }
}

static us_status put_ends(us_gguf_writer *w, const char *key) {
    return us_gguf_put_array(w, key, US_KV_I32, (int32_t[]){30, 40, 1 << 30}, 3, &err);
}

/* Several tokens end a turn: lists in place of one number, and Ollama's key for all of them. */
static void a_turn_has_several_ends(void **state) {
    (void)state;
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eos_token_ids"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        us_gguf *g;
        us_tokenizer *tok;
        replace(0, keys[i], put_ends);
        assert_ok(us_gguf_open(path, &g, &err), &err);
        assert_ok(us_tokenizer_from_gguf(g, &tok, &err), &err);
        assert_true(us_tokenizer_is_end(tok, 30) && us_tokenizer_is_end(tok, 40) && !us_tokenizer_is_end(tok, 35));
        assert_int_equal(us_tokenizer_eos(tok) == 30, !i);
        us_tokenizer_free(tok);
        us_gguf_close(g);
    }
}

static us_status put_all_normal(us_gguf_writer *w, const char *key) {
    us_gguf *g;
    const us_kv *a;
    assert_ok(us_gguf_open(base[1], &g, &err), &err);
    assert_ok(us_gguf_get_array(g, key, US_KV_I32, 100000, &a, &err), &err);
    int32_t *d = calloc((size_t)a->n, sizeof *d);
    for (uint64_t i = 0; i < a->n; i++) d[i] = 1;
    us_status st = us_gguf_put_array(w, key, US_KV_I32, d, (size_t)a->n, &err);
    free(d);
    us_gguf_close(g);
    return st;
}

/* A SentencePiece file without types, or with one for all: bytes, BOS and EOS are known by their text. */
static void untyped_pieces_are_known(void **state) {
    (void)state;
    static const char text[] = "a\nb\xe2\x82\xac";
    us_status (*const puts[])(us_gguf_writer *, const char *) = {NULL, put_all_normal};
    for (size_t i = 0; i < 2; i++) {
        us_gguf *g[2];
        us_tokenizer *tok[2];
        us_tokens ids[2] = {{0}}, marked = {0};
        replace(1, "tokenizer.ggml.token_type", puts[i]);
        for (int k = 0; k < 2; k++) {
            assert_ok(us_gguf_open(k ? path : base[1], &g[k], &err), &err);
            assert_ok(us_tokenizer_from_gguf(g[k], &tok[k], &err), &err);
            assert_ok(us_tokenizer_encode(tok[k], text, sizeof text - 1, false, &ids[k], &err), &err);
        }
        assert_int_equal(ids[0].n, ids[1].n);
        assert_memory_equal(ids[0].ids, ids[1].ids, ids[0].n * sizeof *ids[0].ids);
        assert_ok(us_tokenizer_encode(tok[1], "<s>a</s>", 8, true, &marked, &err), &err);
        assert_true(marked.n == 3 && marked.ids[0] == us_tokenizer_bos(tok[1]) && marked.ids[2] == us_tokenizer_eos(tok[1]));
        us_tokens_fini(&marked);
        for (int k = 0; k < 2; k++) {
            us_tokens_fini(&ids[k]);
            us_tokenizer_free(tok[k]);
            us_gguf_close(g[k]);
        }
    }
}

/* An adapter that works only behind its own words would be applied to all. */
static void activated_adapters_are_refused(void **state) {
    (void)state;
    us_model *m = NULL;
    us_adapter *ad;
    char lora[512];
    snprintf(lora, sizeof lora, "%s/lora.gguf", dir);
    assert_ok(us_tiny_write_adapter(&(us_tiny){0}, 4, 8, lora, &err), &err);
    assert_ok(us_model_open(base[0], NULL, &m, &err), &err);
    replace_in(lora, "adapter.alora.invocation_tokens", put_ints);
    assert_int_equal(us_adapter_open(m, path, true, &ad, &err), US_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "an activated LoRA"));
    us_model_free(m);
}

/* SentencePiece's pieces with two that join to "</s>" and to "<s>": what people type is neither. */
static us_status put_joining_pieces(us_gguf_writer *w, const char *key) {
    us_gguf *g;
    const us_kv *a;
    assert_ok(us_gguf_open(base[1], &g, &err), &err);
    assert_ok(us_gguf_get_array(g, key, US_KV_STRING, 100000, &a, &err), &err);
    us_str *s = calloc((size_t)a->n, sizeof *s);
    const unsigned char *at = NULL;
    for (uint64_t i = 0; i < a->n; i++) s[i] = us_kv_next_str(a, &at);
    s[a->n - 2] = (us_str){"</", 2};
    s[a->n - 1] = (us_str){"s>", 2};
    us_status st = us_gguf_put_strs(w, key, s, (size_t)a->n, &err);
    free(s);
    us_gguf_close(g);
    return st;
}

static void pieces_join_to_no_marker(void **state) {
    (void)state;
    us_gguf *g;
    us_tokenizer *tok;
    us_tokens ids = {0};
    replace(1, "tokenizer.ggml.tokens", put_joining_pieces);
    assert_ok(us_gguf_open(path, &g, &err), &err);
    assert_ok(us_tokenizer_from_gguf(g, &tok, &err), &err);
    assert_ok(us_tokenizer_encode(tok, "a </s><s><unk>", 14, false, &ids, &err), &err);
    assert_true(ids.n > 5);
    for (size_t i = 0; i < ids.n; i++) assert_true(ids.ids[i] > 2);
    ids.n = 0;
    assert_ok(us_tokenizer_encode(tok, "</s>", 4, true, &ids, &err), &err);
    assert_true(ids.n == 1 && ids.ids[0] == us_tokenizer_eos(tok));
    us_tokens_fini(&ids);
    us_tokenizer_free(tok);
    us_gguf_close(g);
}

/* CVE-2025-52566: the length of a prompt in an int. */
static void endless_prompt(void **state) {
    (void)state;
    us_gguf *g;
    us_tokenizer *tok;
    us_tokens ids = {0};
    assert_ok(us_gguf_open(base[0], &g, &err), &err);
    assert_ok(us_tokenizer_from_gguf(g, &tok, &err), &err);
    assert_int_equal(us_tokenizer_encode(tok, "x", (size_t)1 << 31, false, &ids, &err), US_ERR_LIMIT);
    assert_int_equal(us_tokenizer_encode(tok, "x", SIZE_MAX, true, &ids, &err), US_ERR_LIMIT);
    assert_int_equal(ids.n, 0);
    us_tokenizer_free(tok);
    us_gguf_close(g);
}

/* CVE-2024-34359: a template that is a program. It is read, and never run. */
static void template_is_not_run(void **state) {
    (void)state;
    static const char evil[] = "{% for x in ().__class__.__base__.__subclasses__() %}{{ "
                               "x()._module.__builtins__['__import__']('os').popen('id').read() }}{% endfor %}";
    us_template *t;
    assert_int_equal(us_template_recognise(evil, sizeof evil - 1, NULL, NULL, &t, &err), US_ERR_UNSUPPORTED);
    assert_int_equal(us_template_recognise("", 0, NULL, NULL, &t, &err), US_ERR_UNSUPPORTED);
}

static us_status put_nothing(us_gguf_writer *w, const char *key) { return us_gguf_put_str(w, key, "", 0, &err); }

/* As in llama.cpp: a name without letters is none. */
static void empty_pre_is_none(void **state) {
    (void)state;
    us_gguf *g;
    us_tokenizer *tok;
    replace(0, "tokenizer.ggml.pre", put_nothing);
    assert_ok(us_gguf_open(path, &g, &err), &err);
    assert_ok(us_tokenizer_from_gguf(g, &tok, &err), &err);
    us_tokenizer_free(tok);
    us_gguf_close(g);
}

/* The main template, or the one called default; others are only named. */
static void templates_by_name(void **state) {
    (void)state;
    static const struct {
        const char *keys[3][2], *found, *others;
    } files[] = {{{{"", "A"}, {".default", "B"}, {".rag", "C"}}, "A", "rag"},
                 {{{"", ""}, {".default", "B"}}, "B", ""},
                 {{{"", " \r\n\t"}, {".default", "B"}}, "B", ""},
                 {{{".default", "B"}}, "B", ""},
                 {{{"", " \n"}}, "", ""},
                 {{{".tool_use", "A"}, {".r\033g", "B"}, {".aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "C"}}, "", "tool_use r?g"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        us_gguf_writer *w;
        us_gguf_summary sum;
        us_gguf *g;
        assert_ok(us_gguf_writer_new(&w, &err), &err);
        for (size_t k = 0; k < 3 && files[i].keys[k][0]; k++) {
            char key[100];
            snprintf(key, sizeof key, "tokenizer.chat_template%s", files[i].keys[k][0]);
            assert_ok(us_gguf_put_str(w, key, files[i].keys[k][1], strlen(files[i].keys[k][1]), &err), &err);
        }
        assert_ok(us_gguf_writer_finish(w, path, NULL, NULL, &err), &err);
        us_gguf_writer_free(w);
        assert_ok(us_gguf_open(path, &g, &err), &err);
        us_gguf_summarise(g, &sum);
        assert_true(us_str_eq(sum.chat_template, files[i].found));
        assert_string_equal(sum.other_templates, files[i].others);
        us_gguf_close(g);
    }
}

/* ---- split files and speed ----------------------------------------------------------------------------- */

static void write_part(int no, int count, const char *name, const char *tensor_name, int promised) {
    static float w[32];
    us_gguf_writer *p;
    char *to = NULL;
    int64_t ne = 32;
    assert_true(asprintf(&to, "%s/%s", dir, name) > 0);
    w[0] = (float)no;
    assert_ok(us_gguf_writer_new(&p, &err), &err);
    assert_ok(us_gguf_put_u32(p, "split.no", (uint32_t)no, &err), &err);
    assert_ok(us_gguf_put_u32(p, "split.count", (uint32_t)count, &err), &err);
    assert_ok(us_gguf_put_u32(p, "split.tensors.count", (uint32_t)promised, &err), &err);
    assert_ok(us_gguf_put_tensor(p, tensor_name, US_TYPE_F32, 1, &ne, w, &err), &err);
    char left[700]; /* of one that was killed */
    snprintf(left, sizeof left, "%s.tmp.1.2", to);
    FILE *half = fopen(left, "w");
    assert_true(half && !fclose(half));
    assert_ok(us_gguf_writer_finish(p, to, NULL, NULL, &err), &err);
    assert_int_equal(access(left, F_OK), -1);
    us_gguf_writer_free(p);
    free(to);
}

static us_status open_split(const char *name, us_gguf **g) {
    char to[4096];
    snprintf(to, sizeof to, "%s/%s", dir, name);
    return us_gguf_open(to, g, &err);
}

static void split_files(void **state) {
    (void)state;
    us_gguf *g;
    write_part(0, 3, "s-00001-of-00003.gguf", "a", 3);
    write_part(1, 3, "s-00002-of-00003.gguf", "b", 3);
    assert_int_not_equal(open_split("s-00001-of-00003.gguf", &g), US_OK);
    assert_non_null(strstr(err.message, "s-00003-of-00003.gguf"));
    write_part(2, 3, "s-00003-of-00003.gguf", "c", 3);
    assert_ok(open_split("s-00001-of-00003.gguf", &g), &err);
    assert_int_equal(us_gguf_n_files(g), 3);
    for (int i = 0; i < 3; i++) {
        const us_tensor *t = us_gguf_find_tensor(g, (char[]){(char)('a' + i), 0});
        float first;
        assert_true(t && t->file == i);
        memcpy(&first, t->data, 4);
        assert_true(first == (float)i);
    }
    us_gguf_close(g);
    assert_int_equal(open_split("s-00002-of-00003.gguf", &g), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "says it is part 2 of a split file, expected part 1: open the -00001-of- file"));
    write_part(2, 3, "s-00003-of-00003.gguf", "b", 3);
    assert_int_equal(open_split("s-00001-of-00003.gguf", &g), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "duplicate tensor 'b'"));
    write_part(1, 3, "s-00003-of-00003.gguf", "c", 3);
    assert_int_equal(open_split("s-00001-of-00003.gguf", &g), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "part 2 of a split file, expected part 3"));
    write_part(0, 3, "renamed.gguf", "a", 3);
    assert_int_equal(open_split("renamed.gguf", &g), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "name must end in -00001-of-00003.gguf"));
    for (int count = 0; count < 2; count++) { /* 0: parts that were joined again */
        write_part(0, count, "joined.gguf", "a", 1);
        assert_ok(open_split("joined.gguf", &g), &err);
        assert_int_equal(us_gguf_n_files(g), 1);
        us_gguf_close(g);
    }
    write_part(0, 1000000, "many.gguf", "a", 3);
    assert_int_equal(open_split("many.gguf", &g), US_ERR_FORMAT);
    write_part(0, 2, "p-00001-of-00002.gguf", "a", 3);
    write_part(1, 2, "p-00002-of-00002.gguf", "b", 3);
    assert_int_equal(open_split("p-00001-of-00002.gguf", &g), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "2 parts hold 2 tensors, expected 3"));
}

static void default_model_opens(void **state) {
    (void)state;
    char *file = default_model();
    if (!file) skip();
    us_gguf *g;
    size_t n;
    assert_ok(us_gguf_open(file, &g, &err), &err);
    us_gguf_tensors(g, &n);
    assert_int_equal(n, 272);
    us_gguf_close(g);
    free(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_are_read),
                                       cmocka_unit_test(hostile_files_get_words),
                                       cmocka_unit_test(every_truncation_is_refused),
                                       cmocka_unit_test(changed_bytes_do_no_harm),
                                       cmocka_unit_test(hostile_models_get_words),
                                       cmocka_unit_test(harmless_values_refuse_no_file),
                                       cmocka_unit_test(rope_scaling_is_applied),
                                       cmocka_unit_test(olmo3_is_scaled_once),
                                       cmocka_unit_test(windows_are_applied),
                                       cmocka_unit_test(a_turn_has_several_ends),
                                       cmocka_unit_test(untyped_pieces_are_known),
                                       cmocka_unit_test(activated_adapters_are_refused),
                                       cmocka_unit_test(pieces_join_to_no_marker),
                                       cmocka_unit_test(endless_prompt),
                                       cmocka_unit_test(template_is_not_run),
                                       cmocka_unit_test(empty_pre_is_none),
                                       cmocka_unit_test(templates_by_name),
                                       cmocka_unit_test(split_files),
                                       cmocka_unit_test(default_model_opens)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
