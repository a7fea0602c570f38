/* Header, keys and tensor table of one part after the other; a tensor's bytes are only pointed at. */
#include "model/gguf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARTS 1000
#define MAX_KEY_BYTES 65535
#define MAX_NAME_BYTES 255
#define MAX_KVS (1 << 16)
#define MAX_TENSORS (1 << 16)
#define MIN_KV_BYTES 13     /* key length 8, kind 4, value 1 */
#define MIN_TENSOR_BYTES 24 /* name length 8, n_dims 4, type 4, offset 8 */

struct us_gguf {
    char *path;
    uint32_t version;
    us_map *maps;
    bool borrowed; /* maps[0] is the caller's */
    uint64_t seed; /* of the hash: nobody can make a file whose names all collide */
    int n_maps;
    us_kv *kvs;
    us_tensor *tensors;
    size_t n_kvs, n_tensors, cap_kvs, cap_tensors;
    uint32_t *kv_slots, *tensor_slots; /* open addressing, index + 1; sizes are powers of two */
    size_t n_kv_slots, n_tensor_slots;
};

/* Reads one part; `at` never passes `end`. */
typedef struct reader {
    us_gguf *g;
    const char *path;
    const us_map *map;
    int file;
    size_t at;
    uint64_t align;
    us_error *err;
} reader;

static us_status bad(reader *r, const char *what) {
    return us_fail(r->err, US_ERR_FORMAT, "%s: at byte %zu of %zu: %s", r->path, r->at, r->map->size, what);
}

static us_status take(reader *r, void *out, size_t n, const char *what) {
    if (n > r->map->size - r->at)
        return us_fail(r->err, US_ERR_FORMAT, "%s: truncated: %s at byte %zu needs %zu bytes, %zu are left", r->path, what,
                       r->at, n, r->map->size - r->at);
    memcpy(out, r->map->data + r->at, n);
    r->at += n;
    return US_OK;
}

static us_status take_str(reader *r, us_str *out, size_t max, const char *what) {
    uint64_t n = 0;
    us_status st = take(r, &n, 8, what);
    if (st) return st;
    if (n > max || n > r->map->size - r->at)
        return us_fail(r->err, US_ERR_FORMAT, "%s: at byte %zu: %s of %llu bytes, at most %zu expected", r->path, r->at - 8,
                       what, (unsigned long long)n, max < r->map->size - r->at ? max : r->map->size - r->at);
    *out = (us_str){(const char *)r->map->data + r->at, (size_t)n};
    r->at += (size_t)n;
    return US_OK;
}

static size_t kind_bytes(us_kv_kind k) {
    static const unsigned char bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return bytes[k];
}

const char *us_kv_kind_name(us_kv_kind k) {
    static const char *const names[] = {"uint8", "int8",   "uint16", "int16",  "uint32", "int32",  "float32",
                                        "bool",  "string", "array",  "uint64", "int64",  "float64"};
    return names[k];
}

static us_status take_value(reader *r, us_kv *kv) {
    uint32_t kind = 0;
    us_status st = take(r, &kind, 4, "value kind");
    if (st) return st;
    kv->n = 1;
    if (kind == US_KV_ARRAY) {
        kv->is_array = true;
        if ((st = take(r, &kind, 4, "array kind")) || (st = take(r, &kv->n, 8, "array length"))) return st;
    }
    if (kind > US_KV_FLOAT64 || kind == US_KV_ARRAY) return bad(r, "unknown kind of value (nested arrays are not supported)");
    kv->kind = (us_kv_kind)kind;
    size_t left = r->map->size - r->at, each = kind == US_KV_STRING ? 8 : kind_bytes(kv->kind);
    if (kv->n > left / each)
        return us_fail(r->err, US_ERR_FORMAT, "%s: at byte %zu: array of %llu %s values, but only %zu bytes are left", r->path,
                       r->at, (unsigned long long)kv->n, us_kv_kind_name(kv->kind), left);
    kv->data = r->map->data + r->at;
    if (kind == US_KV_STRING) {
        us_str s;
        for (uint64_t i = 0; i < kv->n; i++)
            if ((st = take_str(r, &s, SIZE_MAX, "string"))) return st;
    } else {
        r->at += (size_t)kv->n * each;
        for (uint64_t i = 0; kind == US_KV_BOOL && i < kv->n; i++)
            if (kv->data[i] > 1) return bad(r, "bool that is neither 0 nor 1");
    }
    return US_OK;
}

static uint32_t hash_of(uint64_t seed, us_str s) {
    uint64_t h = seed ^ s.len;
    for (size_t i = 0; i < s.len; i += 8) {
        uint64_t w = 0;
        memcpy(&w, s.data + i, s.len - i < 8 ? s.len - i : 8);
        h = (h ^ w) * 0x9e3779b97f4a7c15u;
        h = (h ^ h >> 32) * 0xd6e8feb86659fd93u + seed;
    }
    return (uint32_t)(h ^ h >> 32);
}

static bool same(us_str a, us_str b) { return a.len == b.len && !memcmp(a.data, b.data, a.len); }

/* The slot of `name`: holds index + 1 or 0. `item` gives the name of entry i. */
static uint32_t *slot(uint64_t seed, uint32_t *slots, size_t n, us_str name, const void *items, size_t stride) {
    for (size_t i = hash_of(seed, name) & (n - 1);; i = (i + 1) & (n - 1)) {
        if (!slots[i]) return &slots[i];
        const us_str *other =
            (const us_str *)(const void *)((const char *)items + (slots[i] - 1) * stride); /* name is the first member */
        if (same(*other, name)) return &slots[i];
    }
}

static us_status rehash(uint64_t seed, uint32_t **slots, size_t *n_slots, size_t need, const void *items, size_t n_items,
                        size_t stride, us_error *err) {
    size_t n = 64;
    while (n < need * 2) n *= 2;
    if (n <= *n_slots) return US_OK;
    uint32_t *fresh;
    us_status st = us_alloc(n, sizeof *fresh, &fresh, err);
    if (st) return st;
    for (size_t i = 0; i < n_items; i++)
        *slot(seed, fresh, n, *(const us_str *)(const void *)((const char *)items + i * stride), items, stride) =
            (uint32_t)i + 1;
    free(*slots);
    *slots = fresh;
    *n_slots = n;
    return US_OK;
}

/* The keys that each part of a split file says for itself. */
static us_status read_layout(reader *r, const us_kv *kv) {
    bool is_no = us_str_eq(kv->key, "split.no");
    if (!is_no && !us_str_eq(kv->key, "general.alignment")) return US_OK;
    uint32_t v = 0;
    if (kv->is_array || (kv->kind != US_KV_U32 && kv->kind != US_KV_U16))
        return us_fail(r->err, US_ERR_FORMAT, "%s: key '%.*s': expected a uint32, got %s%s", r->path, (int)kv->key.len,
                       kv->key.data, kv->is_array ? "an array of " : "a ", us_kv_kind_name(kv->kind));
    memcpy(&v, kv->data, kv->kind == US_KV_U32 ? 4 : 2);
    if (is_no && v != (uint32_t)r->file)
        return us_fail(r->err, US_ERR_FORMAT, "%s: says it is part %u of a split file, expected part %d%s", r->path, v + 1,
                       r->file + 1, r->file ? "" : ": open the -00001-of- file");
    if (!is_no && (v < 8 || v > 65536 || v & (v - 1)))
        return us_fail(r->err, US_ERR_FORMAT, "%s: general.alignment is %u, expected a power of two in 8..65536", r->path, v);
    if (!is_no) r->align = v;
    return US_OK;
}

static us_status read_kvs(reader *r, uint64_t n) {
    us_gguf *g = r->g;
    us_status st = us_grow(&g->kvs, &g->cap_kvs, g->n_kvs + (size_t)n + 1, sizeof *g->kvs, r->err);
    if (!st) st = rehash(g->seed, &g->kv_slots, &g->n_kv_slots, g->n_kvs + (size_t)n, g->kvs, g->n_kvs, sizeof *g->kvs, r->err);
    size_t own = g->n_kvs;
    for (uint64_t i = 0; i < n && !st; i++) {
        us_kv kv = {0};
        if ((st = take_str(r, &kv.key, MAX_KEY_BYTES, "key")) || (st = take_value(r, &kv))) break;
        if (!kv.key.len || !us_utf8_valid(kv.key.data, kv.key.len, NULL)) return bad(r, "key is empty or not UTF-8");
        if ((st = read_layout(r, &kv))) return st;
        g->kvs[g->n_kvs] = kv;
        uint32_t *s = slot(g->seed, g->kv_slots, g->n_kv_slots, kv.key, g->kvs, sizeof *g->kvs);
        if (*s) {
            if (r->file && *s <= own) continue; /* later parts repeat keys of the first */
            return us_fail(r->err, US_ERR_FORMAT, "%s: duplicate key '%.*s'", r->path, (int)kv.key.len, kv.key.data);
        }
        *s = (uint32_t)++g->n_kvs;
    }
    return st;
}

/* Names of the types that are not read here, by their numbers in ggml. */
static const char *other_type(int type) {
    static const char *const names[] = {
        [9] = "Q8_1",   [15] = "Q8_K",  [16] = "IQ2_XXS",  [17] = "IQ2_XS",   [18] = "IQ3_XXS",  [19] = "IQ1_S",
        [21] = "IQ3_S", [22] = "IQ2_S", [24] = "I8",       [25] = "I16",      [26] = "I32",      [27] = "I64",
        [28] = "F64",   [29] = "IQ1_M", [31] = "Q4_0_4_4", [32] = "Q4_0_4_8", [33] = "Q4_0_8_8", [34] = "TQ1_0",
        [35] = "TQ2_0", [39] = "MXFP4", [40] = "NVFP4"};
    return type >= 0 && (size_t)type < sizeof names / sizeof *names ? names[type] : NULL;
}

static us_status unknown_type(reader *r, const us_tensor *t) {
    const char *name = other_type(t->type);
    char number[16];
    snprintf(number, sizeof number, "%d", t->type);
    return us_fail(
        r->err, US_ERR_UNSUPPORTED,
        "%s: tensor '%.*s' has type %s, which is not read here; F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K "
        "Q5_K Q6_K IQ4_NL IQ4_XS are: take the same model as Q4_K_M or Q4_0",
        r->path, (int)t->name.len, t->name.data, name ? name : number);
}

static us_status tensor_bytes(reader *r, us_tensor *t) {
    uint64_t n = 1;
    for (int d = 0; d < t->n_dims; d++) {
        if (t->ne[d] <= 0 || __builtin_mul_overflow(n, (uint64_t)t->ne[d], &n) || n > (uint64_t)1 << 56)
            return us_fail(r->err, US_ERR_FORMAT, "%s: tensor '%.*s': dimension %d is %lld; the product is out of range",
                           r->path, (int)t->name.len, t->name.data, d, (long long)t->ne[d]);
    }
    if (!us_type_name(t->type)) return unknown_type(r, t);
    size_t row = us_type_row_bytes((us_type)t->type, (size_t)t->ne[0]), rows = (size_t)(n / (uint64_t)t->ne[0]);
    if (!row || !us_mul_size(row, rows, &t->n_bytes))
        return us_fail(r->err, US_ERR_FORMAT, "%s: tensor '%.*s': rows of %lld are no whole number of %s blocks of %zu",
                       r->path, (int)t->name.len, t->name.data, (long long)t->ne[0], us_type_name(t->type),
                       us_type_block((us_type)t->type));
    return US_OK;
}

static us_status read_tensors(reader *r, uint64_t n) {
    us_gguf *g = r->g;
    size_t first = g->n_tensors;
    us_status st = us_grow(&g->tensors, &g->cap_tensors, first + (size_t)n + 1, sizeof *g->tensors, r->err);
    if (!st)
        st = rehash(g->seed, &g->tensor_slots, &g->n_tensor_slots, first + (size_t)n, g->tensors, first, sizeof *g->tensors,
                    r->err);
    if (st) return st;
    uint64_t *offsets;
    if ((st = us_alloc((size_t)n, sizeof *offsets, &offsets, r->err))) return st;
    for (uint64_t i = 0; i < n && !st; i++) {
        us_tensor t = {.ne = {1, 1, 1, 1}, .file = r->file};
        uint32_t n_dims = 0, type = 0;
        if ((st = take_str(r, &t.name, MAX_NAME_BYTES, "tensor name")) || (st = take(r, &n_dims, 4, "number of dimensions")))
            break;
        if (!t.name.len || !us_utf8_valid(t.name.data, t.name.len, NULL)) st = bad(r, "tensor name is empty or not UTF-8");
        else if (n_dims < 1 || n_dims > 4)
            st = us_fail(r->err, US_ERR_FORMAT, "%s: tensor '%.*s' has %u dimensions, expected 1..4", r->path, (int)t.name.len,
                         t.name.data, n_dims);
        else {
            t.n_dims = (int)n_dims;
            if ((st = take(r, t.ne, 8 * n_dims, "dimensions")) || (st = take(r, &type, 4, "tensor type")) ||
                (st = take(r, &offsets[i], 8, "tensor offset")))
                break;
            t.type = type > 1000 ? 1000 : (int)type;
            if ((st = tensor_bytes(r, &t))) break;
            g->tensors[g->n_tensors] = t;
            uint32_t *s = slot(g->seed, g->tensor_slots, g->n_tensor_slots, t.name, g->tensors, sizeof *g->tensors);
            if (*s)
                st = us_fail(r->err, US_ERR_FORMAT, "%s: duplicate tensor '%.*s'%s", r->path, (int)t.name.len, t.name.data,
                             *s <= first ? ": an earlier part has it, so this one belongs to another model" : "");
            else *s = (uint32_t)++g->n_tensors;
        }
    }
    size_t base = 0;
    if (!st && (!us_add_size(r->at, (size_t)r->align - 1, &base) || (base &= ~((size_t)r->align - 1)) > r->map->size)) {
        if (n) st = bad(r, "truncated: no room for tensor data");
        base = r->map->size;
    }
    for (uint64_t i = 0; i < n && !st; i++) {
        us_tensor *t = &g->tensors[first + i];
        size_t room = r->map->size - base;
        if (offsets[i] % r->align)
            st = us_fail(r->err, US_ERR_FORMAT, "%s: tensor '%.*s': offset %llu is no multiple of the alignment %llu", r->path,
                         (int)t->name.len, t->name.data, (unsigned long long)offsets[i], (unsigned long long)r->align);
        else if (offsets[i] > room || t->n_bytes > room - (size_t)offsets[i])
            st = us_fail(r->err, US_ERR_FORMAT,
                         "%s: tensor '%.*s': %zu bytes at offset %llu do not fit in the %zu bytes of data (truncated file?)",
                         r->path, (int)t->name.len, t->name.data, t->n_bytes, (unsigned long long)offsets[i], room);
        else t->data = r->map->data + base + offsets[i];
    }
    free(offsets);
    return st;
}

static int by_address(const void *a, const void *b) {
    const us_tensor *x = *(const us_tensor *const *)a, *y = *(const us_tensor *const *)b;
    return x->data < y->data ? -1 : x->data > y->data;
}

static us_status check_overlap(us_gguf *g, us_error *err) {
    const us_tensor **order;
    us_status st = us_alloc(g->n_tensors, sizeof *order, &order, err);
    if (st) return st;
    for (size_t i = 0; i < g->n_tensors; i++) order[i] = &g->tensors[i];
    qsort(order, g->n_tensors, sizeof *order, by_address);
    for (size_t i = 1; i < g->n_tensors && !st; i++)
        if (order[i]->file == order[i - 1]->file && order[i - 1]->data + order[i - 1]->n_bytes > order[i]->data)
            st = us_fail(err, US_ERR_FORMAT, "%s: tensors '%.*s' and '%.*s' overlap", g->path, (int)order[i - 1]->name.len,
                         order[i - 1]->name.data, (int)order[i]->name.len, order[i]->name.data);
    free(order);
    return st;
}

/* What people have in a file that was to be a model. */
static const char *other_file(const us_map *m) {
    static const struct {
        const char *begins, *what;
    } kinds[] = {
        {"version https://git-lfs",
         "a Git LFS pointer, which only names the file: fetch it with `git lfs pull`, or download it itself"},
        {"<!", "a web page: what was downloaded is not the file, but what the site says about it"},
        {"<html", "a web page: what was downloaded is not the file, but what the site says about it"},
        {"<?xml", "a server's error: what was downloaded is not the file"},
        {"{\"error", "a server's error: what was downloaded is not the file"},
        {"Invalid username", "a server's error: what was downloaded is not the file"},
        {"Entry not found", "a server's error: what was downloaded is not the file"},
        {"PK\3\4", "a zip or PyTorch file: look for the model's GGUF, or convert it with llama.cpp's convert_hf_to_gguf.py"},
        {"\x80\2", "a PyTorch file: look for the model's GGUF, or convert it with llama.cpp's convert_hf_to_gguf.py"},
        {"lmgg", "a GGML file, older than GGUF: look for the model's GGUF"},
        {"fmgg", "a GGML file, older than GGUF: look for the model's GGUF"},
        {"tjgg", "a GGML file, older than GGUF: look for the model's GGUF"},
        {"algg", "a GGML adapter, older than GGUF: convert it anew"},
    };
    if (m->size > 10 && m->data[8] == '{' && m->data[9] == '"')
        return "a safetensors file: look for the model's GGUF, or convert it with llama.cpp's convert_hf_to_gguf.py";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds[i].begins);
        if (m->size >= n && !memcmp(m->data, kinds[i].begins, n)) return kinds[i].what;
    }
    return m->size ? NULL : "an empty file";
}

static us_status read_part(us_gguf *g, const char *path, int file, us_error *err) {
    us_status st = g->borrowed ? US_OK : us_map_open(path, &g->maps[file], err);
    if (st) return st;
    g->n_maps = file + 1;
    reader r = {.g = g, .path = path, .map = &g->maps[file], .file = file, .align = 32, .err = err};
    char magic[4];
    uint32_t version = 0;
    uint64_t n_tensors = 0, n_kvs = 0;
    if (r.map->size < 4 || memcmp(r.map->data, "GGUF", 4)) {
        const char *what = other_file(r.map);
        if (what) return us_fail(err, US_ERR_FORMAT, "%s: not a GGUF file: this is %s", path, what);
    }
    if (r.map->size < 24 || memcmp(r.map->data, "GGUF", 4))
        return us_fail(err, US_ERR_FORMAT,
                       "%s: not a GGUF file (expected the bytes 'GGUF' and a header of 24 bytes, the file has %zu)", path,
                       r.map->size);
    if ((st = take(&r, magic, 4, "magic")) || (st = take(&r, &version, 4, "version")) ||
        (st = take(&r, &n_tensors, 8, "tensor count")) || (st = take(&r, &n_kvs, 8, "key count")))
        return st;
    if (version != 2 && version != 3)
        return us_fail(err, US_ERR_UNSUPPORTED, "%s: GGUF version %u%s; supported are 2 and 3, little-endian", path, version,
                       version && !(version & 0xffff) ? " (a big-endian file)"
                       : version == 1                 ? " (of 2023: look for the model converted anew)"
                                                      : "");
    g->version = version;
    size_t left = r.map->size - r.at;
    if (n_kvs > left / MIN_KV_BYTES || n_kvs > MAX_KVS)
        return us_fail(err, US_ERR_FORMAT, "%s: %llu keys cannot be in the %zu bytes that are left", path,
                       (unsigned long long)n_kvs, left);
    if (n_tensors > left / MIN_TENSOR_BYTES || n_tensors > MAX_TENSORS)
        return us_fail(err, US_ERR_FORMAT, "%s: %llu tensors cannot be in the %zu bytes that are left", path,
                       (unsigned long long)n_tensors, left);
    if ((st = read_kvs(&r, n_kvs))) return st;
    return read_tensors(&r, n_tensors);
}

/* "model-00001-of-00003.gguf" -> 3 and the pattern; 1 when the name is no split. */
static us_status count_parts(us_gguf *g, int *n_parts, us_error *err) {
    int64_t n;
    *n_parts = 1;
    if (!us_gguf_find(g, "split.count")) return US_OK;
    us_status st = us_gguf_get_int(g, "split.count", 0, MAX_PARTS, &n, err);
    if (st || !n) return st; /* 0: llama-gguf-split has joined the parts */
    size_t len = strlen(g->path);
    char tail[32];
    snprintf(tail, sizeof tail, "-00001-of-%05d.gguf", (int)n);
    if (n > 1 && (len < strlen(tail) || strcmp(g->path + len - strlen(tail), tail)))
        return us_fail(err, US_ERR_FORMAT, "%s: split into %d parts, so its name must end in %s", g->path, (int)n, tail);
    *n_parts = (int)n;
    return US_OK;
}

static us_status new_gguf(us_gguf **out, us_error *err) {
    us_status st = us_alloc(1, sizeof **out, out, err);
    if (!st) (*out)->seed = (uint64_t)us_now_ns() * 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)*out;
    return st;
}

us_status us_gguf_open_bytes(const void *data, size_t n_bytes, const char *name, us_gguf **out, us_error *err) {
    us_gguf *g;
    us_status st = new_gguf(&g, err);
    if (st) return st;
    g->borrowed = true;
    if (!(st = us_strdup(name, &g->path, err)) && !(st = us_alloc(1, sizeof *g->maps, &g->maps, err))) {
        g->maps[0] = (us_map){.data = data, .size = n_bytes};
        st = read_part(g, name, 0, err);
    }
    if (!st) st = check_overlap(g, err);
    if (st) us_gguf_close(g);
    else *out = g;
    return st;
}

/* The name of part i of n, beside the first. free() it. */
static us_status part_name(const us_gguf *g, int i, int n, char **out, us_error *err) {
    char tail[32];
    snprintf(tail, sizeof tail, "-%05d-of-%05d.gguf", i + 1, n);
    us_status st = us_strdup(g->path, out, err);
    if (!st && n > 1) memcpy(*out + strlen(*out) - strlen(tail), tail, strlen(tail));
    return st;
}

bool us_gguf_unchanged(const us_gguf *g) {
    bool same = !g->borrowed;
    for (int i = 0; i < g->n_maps && same; i++) {
        us_stamp now;
        char *part;
        same = !part_name(g, i, g->n_maps, &part, NULL) && !us_file_stamp(part, &now, NULL) &&
               !memcmp(&now, &g->maps[i].stamp, sizeof now);
        free(part);
    }
    return same;
}

us_status us_gguf_open(const char *path, us_gguf **out, us_error *err) {
    us_gguf *g;
    us_status st = new_gguf(&g, err);
    if (st) return st;
    int n_parts = 1;
    if (!(st = us_strdup(path, &g->path, err))) st = us_alloc(MAX_PARTS, sizeof *g->maps, &g->maps, err);
    if (!st) st = read_part(g, path, 0, err);
    if (!st) st = count_parts(g, &n_parts, err);
    for (int i = 1; i < n_parts && !st; i++) {
        char *part;
        if (!(st = part_name(g, i, n_parts, &part, err)) && !us_file_exists(part))
            st = us_fail(err, US_ERR_NOT_FOUND, "%s: part %d of %d is not there; all parts belong beside the first", part,
                         i + 1, n_parts);
        if (!st) st = read_part(g, part, i, err);
        free(part);
    }
    int64_t n_promised;
    if (!st && n_parts > 1 && us_gguf_find(g, "split.tensors.count")) {
        st = us_gguf_get_int(g, "split.tensors.count", 0, MAX_TENSORS, &n_promised, err);
        if (!st && (size_t)n_promised != g->n_tensors)
            st = us_fail(err, US_ERR_FORMAT, "%s: its %d parts hold %zu tensors, expected %lld", path, n_parts, g->n_tensors,
                         (long long)n_promised);
    }
    if (!st) st = check_overlap(g, err);
    if (st) us_gguf_close(g);
    else *out = g;
    return st;
}

void us_gguf_close(us_gguf *g) {
    if (!g) return;
    for (int i = 0; i < g->n_maps && !g->borrowed; i++) us_map_close(&g->maps[i]);
    free(g->maps);
    free(g->kvs);
    free(g->tensors);
    free(g->kv_slots);
    free(g->tensor_slots);
    free(g->path);
    free(g);
}

const char *us_gguf_type_name(int type) { return us_type_name(type); }
const char *us_gguf_path(const us_gguf *g) { return g->path; }
uint32_t us_gguf_version(const us_gguf *g) { return g->version; }
int us_gguf_n_files(const us_gguf *g) { return g->n_maps; }
const us_map *us_gguf_map(const us_gguf *g, int file) { return &g->maps[file]; }
uint64_t us_gguf_bytes(const us_gguf *g) {
    uint64_t n = 0;
    for (int i = 0; i < g->n_maps; i++) n += g->maps[i].size;
    return n;
}
const us_kv *us_gguf_kvs(const us_gguf *g, size_t *n) { return *n = g->n_kvs, g->kvs; }
const us_tensor *us_gguf_tensors(const us_gguf *g, size_t *n) { return *n = g->n_tensors, g->tensors; }

const us_kv *us_gguf_find(const us_gguf *g, const char *key) {
    if (!g->n_kv_slots) return NULL;
    uint32_t i = *slot(g->seed, g->kv_slots, g->n_kv_slots, (us_str){key, strlen(key)}, g->kvs, sizeof *g->kvs);
    return i ? &g->kvs[i - 1] : NULL;
}

const us_tensor *us_gguf_find_tensor(const us_gguf *g, const char *name) {
    if (!g->n_tensor_slots) return NULL;
    uint32_t i =
        *slot(g->seed, g->tensor_slots, g->n_tensor_slots, (us_str){name, strlen(name)}, g->tensors, sizeof *g->tensors);
    return i ? &g->tensors[i - 1] : NULL;
}

void us_gguf_drop(const us_gguf *g, const us_tensor *t) {
    const us_map *m = &g->maps[t->file];
    if (!g->borrowed) us_map_drop(m, (size_t)(t->data - m->data), t->n_bytes);
}

static us_status find_kind(const us_gguf *g, const char *key, const char *expected, const us_kv **out, us_error *err) {
    *out = us_gguf_find(g, key);
    if (!*out) return us_fail(err, US_ERR_NOT_FOUND, "%s: no key '%s' (expected a %s)", g->path, key, expected);
    if ((*out)->is_array)
        return us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected a %s, got an array", g->path, key, expected);
    return US_OK;
}

bool us_kv_int(const us_kv *kv, uint64_t i, int64_t *out) {
    const unsigned char *p = kv->data;
    int16_t h;
    uint16_t uh;
    int32_t w;
    uint32_t uw;
    uint64_t u;
    switch (kv->kind) {
    case US_KV_U8:
    case US_KV_BOOL: return *out = p[i], true;
    case US_KV_I8: return *out = (int8_t)p[i], true;
    case US_KV_U16: return memcpy(&uh, p + 2 * i, 2), *out = uh, true;
    case US_KV_I16: return memcpy(&h, p + 2 * i, 2), *out = h, true;
    case US_KV_U32: return memcpy(&uw, p + 4 * i, 4), *out = uw, true;
    case US_KV_I32: return memcpy(&w, p + 4 * i, 4), *out = w, true;
    case US_KV_U64: return memcpy(&u, p + 8 * i, 8), *out = u > INT64_MAX ? INT64_MAX : (int64_t)u, true;
    case US_KV_I64: return memcpy(out, p + 8 * i, 8), true;
    default: return false;
    }
}

bool us_kv_float(const us_kv *kv, uint64_t i, double *out) {
    float f;
    int64_t n;
    if (kv->kind == US_KV_FLOAT32) return memcpy(&f, kv->data + 4 * i, 4), *out = (double)f, true;
    if (kv->kind == US_KV_FLOAT64) return memcpy(out, kv->data + 8 * i, 8), true;
    return kv->kind != US_KV_BOOL && us_kv_int(kv, i, &n) && (*out = (double)n, true);
}

us_status us_gguf_get_int(const us_gguf *g, const char *key, int64_t min, int64_t max, int64_t *out, us_error *err) {
    const us_kv *kv;
    int64_t v;
    us_status st = find_kind(g, key, "whole number", &kv, err);
    if (st) return st;
    if (kv->kind == US_KV_BOOL || !us_kv_int(kv, 0, &v))
        return us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected a whole number, got a %s", g->path, key,
                       us_kv_kind_name(kv->kind));
    if (v < min || v > max)
        return us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected %lld..%lld, got %lld", g->path, key, (long long)min,
                       (long long)max, (long long)v);
    *out = v;
    return US_OK;
}

us_status us_gguf_get_float(const us_gguf *g, const char *key, double *out, us_error *err) {
    const us_kv *kv;
    us_status st = find_kind(g, key, "number", &kv, err);
    if (st) return st;
    if (!us_kv_float(kv, 0, out))
        return us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected a number, got a %s", g->path, key,
                       us_kv_kind_name(kv->kind));
    if (!(*out - *out == 0)) return us_fail(err, US_ERR_FORMAT, "%s: key '%s' is not finite", g->path, key);
    return US_OK;
}

us_status us_gguf_get_bool(const us_gguf *g, const char *key, bool *out, us_error *err) {
    const us_kv *kv;
    int64_t v;
    us_status st = find_kind(g, key, "bool", &kv, err);
    if (st) return st;
    if (!us_kv_int(kv, 0, &v) || v < 0 || v > 1) /* some writers make a number of it */
        return us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected a bool, got a %s", g->path, key, us_kv_kind_name(kv->kind));
    *out = v;
    return US_OK;
}

us_status us_gguf_get_str(const us_gguf *g, const char *key, us_str *out, us_error *err) {
    const us_kv *kv;
    us_status st = find_kind(g, key, "string", &kv, err);
    if (st) return st;
    if (kv->kind != US_KV_STRING)
        return us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected a string, got a %s", g->path, key,
                       us_kv_kind_name(kv->kind));
    const unsigned char *at = NULL;
    *out = us_kv_next_str(kv, &at);
    return US_OK;
}

us_status us_gguf_get_array(const us_gguf *g, const char *key, us_kv_kind kind, uint64_t max_n, const us_kv **out,
                            us_error *err) {
    const us_kv *kv = us_gguf_find(g, key);
    if (!kv)
        return us_fail(err, US_ERR_NOT_FOUND, "%s: no key '%s' (expected an array of %s)", g->path, key, us_kv_kind_name(kind));
    if (!kv->is_array || kv->kind != kind)
        return us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected an array of %s, got %s%s", g->path, key,
                       us_kv_kind_name(kind), kv->is_array ? "an array of " : "a ", us_kv_kind_name(kv->kind));
    if (kv->n > max_n)
        return us_fail(err, US_ERR_FORMAT, "%s: key '%s': %llu elements, at most %llu expected", g->path, key,
                       (unsigned long long)kv->n, (unsigned long long)max_n);
    *out = kv;
    return US_OK;
}

us_str us_kv_next_str(const us_kv *kv, const unsigned char **at) {
    const unsigned char *p = *at ? *at : kv->data;
    uint64_t n;
    memcpy(&n, p, 8);
    *at = p + 8 + n;
    return (us_str){(const char *)p + 8, (size_t)n};
}
