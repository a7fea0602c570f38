/* A walk over the schema; each kind of value becomes a rule of the grammar. What a grammar cannot keep is refused with its
 * place. */
#include "serve/schema.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "serve/schema_text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DEPTH = 48,
    MAX_RULES = 20000,
    MAX_REPEAT = 20000,
    MAX_PLACE = 200,
    MAX_KEY_DEPTH = 32, /* letters of the given names that another name is told apart by */
    MAX_WORK = 2000000  /* values that are looked at, copies four times: what a schema's references and choices make of it */
};

/* Rules are written one after another; those of schemas that are referred to are known by their place. */
typedef struct writer {
    us_buf *out;
    const json_t *root;
    const char *name;
    json_t *known; /* place -> number of its rule */
    int n_rules, depth;
    size_t work;           /* of MAX_WORK */
    char place[MAX_PLACE]; /* where we are, for errors */
    us_error *err;
} writer;

static us_status expression(writer *w, const json_t *schema, us_buf *e);

static us_status refuse(const writer *w, const char *what, const char *why) {
    return us_fail(w->err, US_ERR_ARGUMENT, "%s: %s: %s%s%s", w->name, w->place, what, why ? ": " : "", why ? why : "");
}

static us_status say(writer *w, us_buf *e, const char *text) { return us_buf_append_str(e, text, w->err); }

static const json_t *get(const json_t *schema, const char *key) { return json_object_get(schema, key); }

/* References and choices multiply what a schema says: two lines may stand for more than there is time or memory for. */
static us_status charge(writer *w, size_t n) {
    w->work += n;
    return w->work > MAX_WORK ? refuse(w, "the schema is too large", "so much would have to be compared or copied") : US_OK;
}

/* Values in v, itself included. */
static size_t weight(const json_t *v) {
    const char *key;
    json_t *x;
    size_t i, n = 1;
    json_array_foreach((json_t *)(uintptr_t)v, i, x) n += weight(x);
    json_object_foreach((json_t *)(uintptr_t)v, key, x) n += weight(x);
    return n;
}

/* A rule of its own for an expression; *number is how it is called (r7). */
static us_status add_rule(writer *w, int number, const us_buf *e) {
    us_status st = us_buf_appendf(w->out, w->err, "r%d ::= ", number);
    if (!st) st = us_buf_append(w->out, e->data, e->len, w->err);
    return st ? st : us_buf_append(w->out, "\n", 1, w->err);
}

static us_status new_number(writer *w, int *number) {
    if (w->n_rules >= MAX_RULES) return refuse(w, "the schema is too large", NULL);
    *number = w->n_rules++;
    return US_OK;
}

static bool is_annotation(const char *key) {
    static const char *const keys[] = {"title",
                                       "description",
                                       "default",
                                       "examples",
                                       "example",
                                       "$schema",
                                       "$id",
                                       "id",
                                       "$comment",
                                       "$defs",
                                       "definitions",
                                       "deprecated",
                                       "readOnly",
                                       "writeOnly",
                                       "contentMediaType",
                                       "contentEncoding",
                                       "$anchor",
                                       "$tools",
                                       "$vocabulary",
                                       "format",
                                       "nullable",
                                       "xml",
                                       "externalDocs",
                                       "discriminator",
                                       "strict",
                                       "name"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(keys[i], key)) return true;
    return !strncmp(key, "x-", 2);
}

/* ---- values that are given ------------------------------------------------------------------------------------------ */

static us_status constant(writer *w, const json_t *v, us_buf *e) {
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_PRESERVE_ORDER);
    us_status st = !text ? us_fail(w->err, US_ERR_MEMORY, "out of memory")
                   : strstr(text, "\xef\xbf\xbd")
                       ? refuse(w, "a constant", "it has a character (NUL, half of a pair) that cannot be written")
                       : us_schema_literal(text, e, w->err);
    free(text);
    return st;
}

/* Whether a value that is given is of one of the schema's types. */
static bool is_of_type(const json_t *v, const char *type) {
    double x = json_number_value(v);
    return json_is_object(v)   ? !strcmp(type, "object")
           : json_is_array(v)  ? !strcmp(type, "array")
           : json_is_string(v) ? !strcmp(type, "string")
           : json_is_number(v) ? !strcmp(type, "number") || (x == floor(x) && !strcmp(type, "integer"))
           : json_is_null(v)   ? !strcmp(type, "null")
                               : !strcmp(type, "boolean");
}

/* Whether a number keeps to one of the bounds; what is no bound is kept. */
static bool is_within(double x, const char *key, double y) {
    return !strcmp(key, "minimum")            ? x >= y
           : !strcmp(key, "maximum")          ? x <= y
           : !strcmp(key, "exclusiveMinimum") ? x > y
           : !strcmp(key, "exclusiveMaximum") ? x < y
                                              : true;
}

/* *fits: whether a value of this list is what stands beside it says too. What cannot be judged is refused. */
static us_status judge(writer *w, const json_t *schema, const json_t *list, const char *beside, const json_t *v, bool *fits) {
    const char *key;
    json_t *says, *t;
    size_t i;
    *fits = true;
    json_object_foreach((json_t *)(uintptr_t)schema, key, says) {
        bool one = false;
        double y = json_number_value(says);
        if (is_annotation(key) || says == list) continue;
        us_status st = charge(w, 1 + json_array_size(says));
        if (st) return st;
        if (!strcmp(key, "enum") || !strcmp(key, "const")) {
            if (!strcmp(key, "const")) one = json_equal(says, v);
            json_array_foreach(says, i, t) one = one || json_equal(t, v);
        } else if (!strcmp(key, "type")) {
            if (json_is_string(says)) one = is_of_type(v, json_string_value(says));
            json_array_foreach(says, i, t) one = one || (json_is_string(t) && is_of_type(v, json_string_value(t)));
        } else if (!strcmp(key, "minLength") && json_is_number(says))
            one = !json_is_string(v) || (double)us_utf8_count(json_string_value(v), json_string_length(v)) >= y;
        else if (!strcmp(key, "maxLength") && json_is_number(says))
            one = !json_is_string(v) || (double)us_utf8_count(json_string_value(v), json_string_length(v)) <= y;
        else if ((!strncmp(key, "minimum", 7) || !strncmp(key, "maximum", 7) || !strncmp(key, "exclusiveM", 10)) &&
                 json_is_number(says))
            one = !json_is_number(v) || is_within(json_number_value(v), key, y);
        else return refuse(w, key, beside);
        *fits = *fits && one;
    }
    return US_OK;
}

/* Those of a list of values that the rest of the schema allows. */
static us_status enumeration(writer *w, const json_t *schema, const json_t *list, const char *beside, us_buf *e) {
    const json_t *v;
    size_t i, n = 0;
    if (!json_array_size(list)) return refuse(w, "enum", "a list that is not empty is expected");
    us_status st = say(w, e, "(");
    json_array_foreach((json_t *)(uintptr_t)list, i, v) {
        bool fits = false;
        if (!st) st = judge(w, schema, list, beside, v, &fits);
        if (st || !fits) continue;
        if (n++) st = say(w, e, " | ");
        if (!st) st = constant(w, v, e);
    }
    if (!st && !n) st = refuse(w, "enum", "what stands beside it allows none of its values");
    return st ? st : say(w, e, ")");
}

/* A whole number of the schema, at least 0; -1: it is not there. */
static us_status length(writer *w, const json_t *schema, const char *key, int64_t *out) {
    const json_t *v = get(schema, key);
    double x = json_number_value(v);
    *out = -1;
    if (!v) return US_OK;
    if (!json_is_number(v) || x < 0 || x != floor(x)) return refuse(w, key, "a whole number is expected");
    *out = x > 1e9 ? 1000000000 : (int64_t)x;
    return US_OK;
}

/* {min,max} of a schema's two keys; more than a reply can hold is as good as that. */
static us_status repetition(writer *w, const json_t *schema, const char *least, const char *most, char out[48]) {
    int64_t min, max;
    us_status st = length(w, schema, least, &min);
    if (!st) st = length(w, schema, most, &max);
    if (st) return st;
    if (min > MAX_REPEAT) return refuse(w, least, "it is more than a reply can hold");
    if (max > MAX_REPEAT) max = MAX_REPEAT;
    if (max >= 0 && max < (min < 0 ? 0 : min)) return refuse(w, most, "it is below the least");
    if (max < 0 && min <= 0) snprintf(out, 48, "*");
    else if (max < 0) snprintf(out, 48, "{%d,}", (int)min);
    else snprintf(out, 48, "{%d,%d}", (int)(min < 0 ? 0 : min), (int)max);
    return US_OK;
}

/* A format as a pattern, all of whose strings have min..max characters. An empty pattern: any string. */
typedef struct format {
    const char *name, *pattern;
    int64_t min, max;
} format;

static const format *format_of(const char *name) {
#define DAY "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
#define CLOCK "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define HOST "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?){0,5}"
#define BYTE "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define PAGE "^https?://" HOST "(/[A-Za-z0-9_.~-]{0,60}){0,8}$"
#define MAIL "^[A-Za-z0-9_+-]{1,20}(\\.[A-Za-z0-9_+-]{1,20}){0,2}@[a-z0-9-]{1,30}(\\.[a-z]{2,12}){1,3}$"
#define SIXTY_FOUR "^([A-Za-z0-9+/]{4}){0,4096}$"
    static const format formats[] = {
        {"date", "^" DAY "$", 10, 10},
        {"time", "^" CLOCK "$", 9, 21},
        {"date-time", "^" DAY "T" CLOCK "$", 20, 32},
        {"uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", 36, 36},
        {"email", MAIL, 6, 132},
        {"idn-email", MAIL, 6, 132},
        {"hostname", "^" HOST "$", 1, 197},
        {"idn-hostname", "^" HOST "$", 1, 197},
        {"ipv4", "^" BYTE "\\." BYTE "\\." BYTE "\\." BYTE "$", 7, 15},
        {"ipv6", "^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}$", 15, 39},
        {"json-pointer", "^(/[A-Za-z0-9_-]{1,30}){0,8}$", 0, 248},
        {"relative-json-pointer", "^[0-9](/[A-Za-z0-9_-]{1,30}){0,8}$", 1, 249},
        {"regex", "^[A-Za-z0-9 ]*$", 0, INT64_MAX},
        {"uri", PAGE, 8, 693},
        {"url", PAGE, 8, 693},
        {"iri", PAGE, 8, 693},
        {"uri-reference", PAGE, 8, 693},
        {"iri-reference", PAGE, 8, 693},
        {"uri-template", PAGE, 8, 693},
        {"duration", "^P([0-9]{1,6}D(T[0-9]{1,6}H([0-9]{1,6}M([0-9]{1,6}S)?)?)?|T[0-9]{1,6}(H|M|S))$", 3, 30},
        {"byte", SIXTY_FOUR, 0, 16384},
        {"base64", SIXTY_FOUR, 0, 16384},
        {"base64url", "^([A-Za-z0-9_-]{4}){0,4096}$", 0, 16384},
        {"password", "", 0, INT64_MAX},
        {"binary", "", 0, INT64_MAX},
        {"path", "", 0, INT64_MAX}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].name, name)) return &formats[i];
    return NULL;
}

/* Formats of numbers: what they hold. */
static bool number_format(const char *name, double *lo, double *hi) {
    static const struct {
        const char *name;
        double lo, hi;
    } known[] = {{"int8", -128, 127},
                 {"uint8", 0, 255},
                 {"int16", -32768, 32767},
                 {"uint16", 0, 65535},
                 {"int32", -2147483648.0, 2147483647},
                 {"uint32", 0, 4294967295.0},
                 {"int64", -INFINITY, INFINITY}, /* what a number of ours can hold is less */
                 {"uint64", 0, INFINITY},
                 {"float", -INFINITY, INFINITY},
                 {"double", -INFINITY, INFINITY}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        *lo = known[i].lo;
        *hi = known[i].hi;
        return true;
    }
    return false;
}

static us_status find_format(writer *w, const json_t *schema, const format **out) {
    const char *name = json_string_value(get(schema, "format"));
    double lo, hi;
    *out = name ? format_of(name) : NULL;
    if (!name || *out || number_format(name, &lo, &hi)) return US_OK;
    char what[80];
    snprintf(what, sizeof what, "format '%.40s'", name);
    return refuse(w, what, "it is not known here; leave it out, or say it as a pattern");
}

static us_status string_value(writer *w, const json_t *schema, us_buf *e) {
    const char *pattern = json_string_value(get(schema, "pattern"));
    const format *f;
    int64_t min, max;
    char count[48];
    us_error why;
    us_status st = length(w, schema, "minLength", &min);
    if (!st) st = length(w, schema, "maxLength", &max);
    if (!st) st = find_format(w, schema, &f);
    if (st) return st;
    if (f && !*f->pattern) f = NULL;
    if (pattern && f) return refuse(w, "pattern", "beside a format it cannot be kept");
    if (pattern && (min >= 0 || max >= 0)) return refuse(w, "pattern", "beside minLength and maxLength it cannot be kept");
    if (f && (min > f->min || (max >= 0 && max < f->max)))
        return refuse(w, "minLength, maxLength", "beside a format they cannot be kept");
    if (f) pattern = f->pattern;
    if (pattern) {
        st = us_schema_pattern(pattern, e, &why);
        return st ? refuse(w, why.message, NULL) : US_OK;
    }
    if (min < 0 && max < 0) return say(w, e, "string");
    st = repetition(w, schema, "minLength", "maxLength", count);
    return st ? st : us_buf_appendf(e, w->err, "(\"\\\"\" char%s \"\\\"\")", count);
}

/* minimum, exclusiveMinimum (a number, or draft 4's true). */
static us_status bound(writer *w, const json_t *schema, const char *key, const char *exclusive, double *x, bool *without) {
    const json_t *v = get(schema, key), *v2 = get(schema, exclusive);
    if (v && !json_is_number(v)) return refuse(w, key, "a number is expected");
    if (v2 && !json_is_number(v2) && !json_is_boolean(v2)) return refuse(w, exclusive, "a number is expected");
    bool lower = *x < 0;
    if (v) *x = json_number_value(v);
    if (json_is_true(v2)) *without = true;
    if (!json_is_number(v2)) return US_OK;
    double y = json_number_value(v2);
    if (!v || (lower ? y >= *x : y <= *x)) *x = y, *without = true;
    return US_OK;
}

static us_status number_value(writer *w, const json_t *schema, bool whole, us_buf *e) {
    double lo = -INFINITY, hi = INFINITY, step = json_number_value(get(schema, "multipleOf"));
    bool without_lo = false, without_hi = false;
    us_error why;
    const char *kind = json_string_value(get(schema, "format"));
    const format *unused;
    us_status st = find_format(w, schema, &unused);
    if (!st) st = bound(w, schema, "minimum", "exclusiveMinimum", &lo, &without_lo);
    if (!st) st = bound(w, schema, "maximum", "exclusiveMaximum", &hi, &without_hi);
    if (st) return st;
    double least, most;
    if (kind && number_format(kind, &least, &most)) {
        if (least > lo) lo = least, without_lo = false;
        if (most < hi) hi = most, without_hi = false;
    }
    if (get(schema, "multipleOf") && step != 1) return refuse(w, "multipleOf", "only 1 can be kept");
    if (step == 1) whole = true;
    if (isinf(lo) && isinf(hi)) return say(w, e, whole ? "integer" : "number");
    if (whole) {
        double a = isinf(lo) || lo < -1e15 ? -1e15 : ceil(lo), b = isinf(hi) || hi > 1e15 ? 1e15 : floor(hi);
        if (a > 1e15 || b < -1e15) return refuse(w, "minimum, maximum", "no number is between them");
        st = us_schema_integers((int64_t)a + (without_lo && a == lo), (int64_t)b - (without_hi && b == hi), e, &why);
    } else st = us_schema_numbers(lo, hi, without_lo, without_hi, e, &why);
    return st ? refuse(w, "minimum, maximum", why.message) : US_OK;
}

/* ---- arrays --------------------------------------------------------------------------------------------------------- */

/* Those in front by their own schemas, then any number by the schema of the rest. */
static us_status array_value(writer *w, const json_t *schema, us_buf *e) {
    const json_t *items = get(schema, "items"), *front = get(schema, "prefixItems"), *rest = items, *v;
    int64_t min, max;
    size_t i;
    us_status st = length(w, schema, "minItems", &min);
    if (!st) st = length(w, schema, "maxItems", &max);
    if (st) return st;
    if (json_is_array(items)) front = items, rest = get(schema, "additionalItems"); /* before draft 2020 */
    if (min > MAX_REPEAT) return refuse(w, "minItems", "it is more than a reply can hold");
    if (max > MAX_REPEAT) max = MAX_REPEAT;
    if (max >= 0 && max < (min < 0 ? 0 : min)) return refuse(w, "maxItems", "it is below minItems");
    int64_t n_front = (int64_t)json_array_size(front), least = min < 0 ? 0 : min;
    if (max >= 0 && n_front > max) n_front = max;
    bool more = !json_is_false(rest) && (max < 0 || max > n_front);
    if (!more && least > n_front) return refuse(w, "minItems", "there are fewer items than that");
    if (front && !rest && get(schema, "prefixItems") && max < 0) more = least > n_front; /* a tuple is as long as it says */
    st = say(w, e, "(\"[\" ");
    int open = 0; /* what may be left out from here on */
    json_array_foreach((json_t *)(uintptr_t)front, i, v) {
        if ((int64_t)i >= n_front || st) break;
        if ((int64_t)i >= least && (min >= 0 || get(schema, "minItems"))) st = say(w, e, "("), open++;
        if (!st && i) st = say(w, e, "\",\" \" \"? ");
        if (!st) st = expression(w, v, e);
        if (!st) st = say(w, e, " ");
    }
    if (!st && more) {
        us_buf item;
        us_buf_init(&item, 1 << 20);
        st = json_is_object(rest) ? expression(w, rest, &item) : say(w, &item, "value");
        int64_t a = least > n_front ? least - n_front : 0, b = max < 0 ? -1 : max - n_front;
        if (!st && !n_front) { /* the first has no comma in front */
            st = us_buf_appendf(e, w->err, a ? "%s " : "(%s ", item.data);
            if (!st && b < 0) st = us_buf_appendf(e, w->err, "(\",\" \" \"? %s){%d,}", item.data, (int)(a ? a - 1 : 0));
            else if (!st)
                st = us_buf_appendf(e, w->err, "(\",\" \" \"? %s){%d,%d}", item.data, (int)(a ? a - 1 : 0), (int)(b - 1));
            if (!st && !a) st = say(w, e, ")?");
        } else if (!st && b < 0) st = us_buf_appendf(e, w->err, "(\",\" \" \"? %s){%d,}", item.data, (int)a);
        else if (!st) st = us_buf_appendf(e, w->err, "(\",\" \" \"? %s){%d,%d}", item.data, (int)a, (int)b);
        us_buf_fini(&item);
    }
    for (; open && !st; open--) st = say(w, e, ")?");
    return st ? st : say(w, e, " \"]\")");
}

/* ---- objects -------------------------------------------------------------------------------------------------------- */

static bool is_required(const json_t *schema, const char *key) {
    const json_t *v;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)get(schema, "required"), i, v)
        if (json_is_string(v) && !strcmp(json_string_value(v), key)) return true;
    return false;
}

/* A key that is none of names[n], all of which go on from `at`: a character that none goes on with, or one of theirs and so on.
 */
static us_status other_key(writer *w, const char *const *names, size_t n, size_t at, int depth, us_buf *e) {
    us_status st = say(w, e, "([^\"\\\\\\x00-\\x1f");
    bool ends = false;
    for (size_t i = 0; i < n && !st; i++) {
        uint32_t c = 0;
        if (!names[i][at]) ends = true;
        else if (us_utf8_decode(names[i] + at, strlen(names[i] + at), &c) && c != '"' && c != '\\' && c >= ' ')
            st = us_buf_appendf(e, w->err, "\\U%08x", (unsigned)c);
    }
    if (!st) st = say(w, e, "] [^\"\\\\\\x00-\\x1f]*");
    for (size_t i = 0; i < n && depth < MAX_KEY_DEPTH && !st;
         i++) { /* names that agree for longer are left to the given ones */
        uint32_t c = 0, d = 0;
        int len = us_utf8_decode(names[i] + at, strlen(names[i] + at), &c);
        const char *same[256];
        size_t k = 0;
        bool first = true;
        for (size_t x = 0; x < n; x++) {
            if (!names[x][at] || !us_utf8_decode(names[x] + at, strlen(names[x] + at), &d) || d != c) continue;
            if (x < i) first = false;
            if (k < 256) same[k++] = names[x];
        }
        if (!len || !first || c == '"' || c == '\\' || c < ' ') continue;
        char one[5] = "";
        memcpy(one, names[i] + at, (size_t)len);
        st = say(w, e, " | ");
        if (!st) st = us_schema_literal(one, e, w->err);
        if (!st) st = say(w, e, " ");
        if (!st) st = other_key(w, same, k, at + (size_t)len, depth + 1, e);
    }
    if (!st && !ends && at) st = say(w, e, " | \"\"");
    return st ? st : say(w, e, ")");
}

/* Any further pair of an object as an expression; *any: there may be some. */
static us_status further_pair(writer *w, const json_t *schema, us_buf *e, bool *any) {
    const json_t *more = get(schema, "additionalProperties"), *patterns = get(schema, "patternProperties"),
                 *names = get(schema, "propertyNames"), *properties = get(schema, "properties");
    const char *key, *known[256];
    json_t *v;
    size_t n = 0;
    us_status st = US_OK;
    us_error why;
    *any = false;
    json_object_foreach((json_t *)(uintptr_t)properties, key, v)
        if (n < 256) known[n++] = key;
    if (patterns) { /* keys by their patterns, and no others */
        if (n) return refuse(w, "patternProperties", "beside properties it cannot be kept");
        st = say(w, e, "(");
        json_object_foreach((json_t *)(uintptr_t)patterns, key, v) {
            if (st) break;
            if (*any) st = say(w, e, " | ");
            if (!st && us_schema_pattern(key, e, &why)) st = refuse(w, "patternProperties", why.message);
            if (!st) st = say(w, e, " \":\" \" \"? ");
            if (!st) st = expression(w, v, e);
            *any = true;
        }
        if (!*any) return refuse(w, "patternProperties", "an object that is not empty is expected");
        return st ? st : say(w, e, ")");
    }
    if (json_is_false(more) || json_is_false(get(schema, "unevaluatedProperties")) || (!more && n && !names)) return US_OK;
    *any = true;
    if (json_is_false(names)) return *any = false, US_OK;
    if (names) {
        json_t *text = json_is_object(names) ? json_copy((json_t *)(uintptr_t)names) : json_object();
        if (!get(text, "type") && !get(text, "enum") && !get(text, "const"))
            json_object_set_new(text, "type", json_string("string"));
        if (n) st = refuse(w, "propertyNames", "beside properties it cannot be kept");
        if (!st) st = expression(w, text, e);
        json_decref(text);
    } else if (n) {
        st = say(w, e, "\"\\\"\" ");
        if (!st) st = other_key(w, known, n, 0, 0, e);
        if (!st) st = say(w, e, " \"\\\"\"");
    } else st = say(w, e, "string");
    if (!st) st = say(w, e, " \":\" \" \"? ");
    return st ? st : json_is_object(more) ? expression(w, more, e) : say(w, e, "value");
}

/* `"key": value` */
static us_status pair(writer *w, const char *key, const json_t *schema, us_buf *e) {
    json_t *k = json_string(key);
    size_t n = strlen(w->place);
    if (n + strlen(key) + 2 < MAX_PLACE) snprintf(w->place + n, MAX_PLACE - n, "/%s", key);
    us_status st = constant(w, k, e);
    if (!st) st = say(w, e, " \":\" \" \"? ");
    if (!st) st = expression(w, schema, e);
    w->place[n] = 0;
    json_decref(k);
    return st;
}

/* Names that are required and have no schema get that of further ones. The caller decrefs. */
static json_t *complete(const json_t *schema) {
    json_t *all = json_copy((json_t *)(uintptr_t)schema), *more = json_object_get(all, "additionalProperties"), *v;
    json_t *properties = json_object_get(all, "properties") ? json_copy(json_object_get(all, "properties")) : json_object();
    size_t i, n = json_object_size(properties);
    json_array_foreach(json_object_get(all, "required"), i, v)
        if (json_is_string(v) && !json_object_get(properties, json_string_value(v)))
            json_object_set(properties, json_string_value(v), more ? more : json_true());
    if (json_object_size(properties) > n && !n && !more) json_object_set_new(all, "additionalProperties", json_true());
    json_object_set_new(all, "properties", properties);
    return all;
}

static us_status object_of(writer *w, const json_t *schema, us_buf *e);

static us_status object_value(writer *w, const json_t *schema, us_buf *e) {
    json_t *all = complete(schema);
    us_status st = object_of(w, all, e);
    json_decref(all);
    return st;
}

/* Rules from the last pair to the first: what follows when a pair stands before it, and when none does. */
static us_status object_of(writer *w, const json_t *schema, us_buf *e) {
    const json_t *properties = get(schema, "properties");
    const char *key;
    json_t *v;
    const char **keys = NULL;
    int64_t least, most;
    size_t n = 0, n_required = 0;
    bool any = false;
    us_buf further, with, without, one;
    us_status st = length(w, schema, "minProperties", &least);
    if (!st) st = length(w, schema, "maxProperties", &most);
    if (!st) st = charge(w, json_object_size(properties) * (1 + json_array_size(get(schema, "required")) / 4));
    if (st) return st;
    us_buf_init(&further, 1 << 20);
    us_buf_init(&with, 1 << 20);
    us_buf_init(&without, 1 << 20);
    us_buf_init(&one, 1 << 20);
    st = us_alloc(json_object_size(properties), sizeof *keys, &keys, w->err);
    json_object_foreach((json_t *)(uintptr_t)properties, key, v) {
        if (!st && !json_is_false(v)) keys[n++] = key;
        n_required += is_required(schema, key);
        if (!st && json_is_false(v) && is_required(schema, key))
            st = refuse(w, "required", "a property that nothing is allowed for");
    }
    size_t i;
    if (!st) st = further_pair(w, schema, &further, &any);
    if (!st && ((least > (int64_t)n_required && (n || !any)) || (most >= 0 && (n ? most < (int64_t)n || any : false))))
        st = refuse(w, "minProperties, maxProperties", "they cannot be kept beside properties");
    if (!st && !n && any && (least > 0 || most >= 0)) {
        int64_t a = least > 0 ? least : 0, b = most >= 0 ? most : -1;
        if (b == 0) st = say(w, e, "\"{}\"");
        else {
            st = us_buf_appendf(e, w->err, a ? "(\"{\" %s " : "(\"{\" (%s ", further.data);
            if (!st) st = us_buf_appendf(e, w->err, "(\",\" \" \"? %s)", further.data);
            if (!st)
                st = b < 0 ? us_buf_appendf(e, w->err, "{%d,}", (int)(a ? a - 1 : 0))
                           : us_buf_appendf(e, w->err, "{%d,%d}", (int)(a ? a - 1 : 0), (int)(b - 1));
            if (!st) st = say(w, e, a ? " \"}\")" : ")? \"}\")");
        }
        goto out;
    }
    if (!st && any) st = us_buf_appendf(&with, w->err, "(\",\" \" \"? %s)*", further.data);
    else if (!st) st = say(w, &with, "\"\"");
    if (!st && any) st = us_buf_appendf(&without, w->err, "(%s (\",\" \" \"? %s)*)?", further.data, further.data);
    else if (!st) st = say(w, &without, "\"\"");
    for (i = n; i-- > 0 && !st;) {
        int number = 0;
        bool must = is_required(schema, keys[i]);
        us_buf_clear(&one);
        st = pair(w, keys[i], json_object_get(properties, keys[i]), &one);
        if (!st) st = new_number(w, &number); /* the pair */
        if (!st) st = add_rule(w, number, &one);
        int of_pair = number, of_with = 0, of_without = 0;
        if (!st) st = new_number(w, &of_with);
        if (!st) st = new_number(w, &of_without);
        us_buf_clear(&one);
        if (!st) st = us_buf_appendf(&one, w->err, must ? "\",\" \" \"? r%d %s" : "(\",\" \" \"? r%d)? %s", of_pair, with.data);
        us_buf next;
        us_buf_init(&next, 1 << 20);
        if (!st) st = us_buf_appendf(&next, w->err, must ? "r%d %s" : "r%d %s | %s", of_pair, with.data, without.data);
        if (!st) st = add_rule(w, of_with, &one);
        if (!st) st = add_rule(w, of_without, &next);
        us_buf_fini(&next);
        us_buf_clear(&with);
        us_buf_clear(&without);
        if (!st) st = us_buf_appendf(&with, w->err, "r%d", of_with);
        if (!st) st = us_buf_appendf(&without, w->err, "r%d", of_without);
    }
    if (!st) st = us_buf_appendf(e, w->err, "(\"{\" %s \"}\")", without.data);
out:
    free(keys);
    us_buf_fini(&further);
    us_buf_fini(&with);
    us_buf_fini(&without);
    us_buf_fini(&one);
    return st;
}

/* ---- schemas of schemas --------------------------------------------------------------------------------------------- */

/* What a local reference ("#/$defs/x") points to; NULL: nothing. */
static const json_t *resolve(const writer *w, const char *ref) {
    const json_t *at = w->root;
    if (ref[0] != '#' || (ref[1] && ref[1] != '/')) return NULL;
    for (const char *p = ref + 1; *p && at;) {
        char part[256];
        size_t n = 0;
        for (p++; *p && *p != '/'; p++) {
            char c = *p;
            if (c == '~' && (p[1] == '0' || p[1] == '1')) c = *++p == '1' ? '/' : '~';
            else if (c == '%' && p[1] && p[2]) {
                char hex[3] = {p[1], p[2], 0};
                c = (char)strtol(hex, NULL, 16);
                p += 2;
            }
            if (n < sizeof part - 1) part[n++] = c;
        }
        part[n] = 0;
        at = json_is_array(at) ? json_array_get(at, (size_t)strtoul(part, NULL, 10)) : json_object_get(at, part);
    }
    return at;
}

static us_status reference(writer *w, const char *ref, us_buf *e) {
    const json_t *target = resolve(w, ref), *known = json_object_get(w->known, ref);
    int number = 0;
    us_buf body;
    if (!target) return refuse(w, "$ref", "only places in the schema itself (#/$defs/...) can be pointed to");
    if (known) return us_buf_appendf(e, w->err, "r%d", (int)json_integer_value(known));
    us_status st = new_number(w, &number);
    if (st) return st;
    json_object_set_new(w->known, ref, json_integer(number));
    us_buf_init(&body, 8 << 20);
    st = expression(w, target, &body);
    if (!st) st = add_rule(w, number, &body);
    us_buf_fini(&body);
    return st ? st : us_buf_appendf(e, w->err, "r%d", number);
}

/* Puts what `more` says into `all`, so that both hold. */
static us_status merge(writer *w, json_t *all, const json_t *more, int depth) {
    const char *key, *name, *ref = json_string_value(get(more, "$ref"));
    json_t *v, *x;
    size_t i;
    us_status st = US_OK;
    if (depth > MAX_DEPTH) return refuse(w, "allOf", "it is nested too deeply");
    if ((st = charge(w, 4 * weight(more)))) return st;
    if (json_is_false(more)) return refuse(w, "allOf", "nothing is allowed");
    if (ref) {
        const json_t *target = resolve(w, ref);
        if (!target) return refuse(w, "$ref", "only places in the schema itself (#/$defs/...) can be pointed to");
        st = merge(w, all, target, depth + 1);
    }
    json_object_foreach((json_t *)(uintptr_t)more, key, v) {
        json_t *old = json_object_get(all, key);
        if (st) return st;
        if (!strcmp(key, "$ref") || is_annotation(key)) continue;
        if (!strncmp(key, "unevaluated", 11) || (!strcmp(key, "items") && get(all, "prefixItems")) ||
            (!strcmp(key, "prefixItems") && get(all, "items")))
            return refuse(w, "allOf", key);
        if (!strcmp(key, "allOf")) {
            json_array_foreach(v, i, x)
                if (!st) st = merge(w, all, x, depth + 1);
        } else if (!old || json_equal(old, v)) json_object_set_new(all, key, json_deep_copy(v));
        else if (!strcmp(key, "properties")) {
            json_object_foreach(v, name, x) {
                json_t *both = json_object_get(old, name);
                json_object_set_new(old, name, both ? json_pack("{s:[O,O]}", "allOf", both, x) : json_incref(x));
            }
        } else if (!strcmp(key, "required")) json_array_extend(old, v);
        else if ((!strncmp(key, "min", 3) || !strcmp(key, "exclusiveMinimum")) && json_is_number(v) && json_is_number(old)) {
            if (json_number_value(v) > json_number_value(old)) json_object_set(all, key, v);
        } else if ((!strncmp(key, "max", 3) || !strcmp(key, "exclusiveMaximum")) && json_is_number(v) && json_is_number(old)) {
            if (json_number_value(v) < json_number_value(old)) json_object_set(all, key, v);
        } else if (!strcmp(key, "type") &&
                   ((json_is_string(old) && json_is_string(v) && !strcmp(json_string_value(old), "number") &&
                     !strcmp(json_string_value(v), "integer"))))
            json_object_set(all, key, v);
        else if (!strcmp(key, "type") && json_is_string(v) && json_is_string(old) && !strcmp(json_string_value(v), "number") &&
                 !strcmp(json_string_value(old), "integer"))
            continue;
        else if (!strcmp(key, "additionalProperties") && (json_is_false(old) || json_is_true(v))) continue;
        else if (!strcmp(key, "additionalProperties") && (json_is_false(v) || json_is_true(old))) json_object_set(all, key, v);
        else return refuse(w, "allOf", key);
    }
    return st;
}

/* ---- choices -------------------------------------------------------------------------------------------------------- */

static const char *guess_type(const json_t *schema) {
    static const char *const hints[][2] = {{"properties", "object"},       {"additionalProperties", "object"},
                                           {"required", "object"},         {"patternProperties", "object"},
                                           {"propertyNames", "object"},    {"minProperties", "object"},
                                           {"maxProperties", "object"},    {"items", "array"},
                                           {"prefixItems", "array"},       {"minItems", "array"},
                                           {"maxItems", "array"},          {"uniqueItems", "array"},
                                           {"pattern", "string"},          {"minLength", "string"},
                                           {"maxLength", "string"},        {"format", "string"},
                                           {"minimum", "number"},          {"maximum", "number"},
                                           {"exclusiveMinimum", "number"}, {"exclusiveMaximum", "number"},
                                           {"multipleOf", "number"},       {"unevaluatedProperties", "object"}};
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (get(schema, hints[i][0])) return hints[i][1];
    return NULL;
}

enum { OBJECT = 1, ARRAY = 2, STRING = 4, NUMBER = 8, BOOLEAN = 16, NOTHING = 32, ANY = 63 };

static int kind_of_name(const char *type) {
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {{"object", OBJECT},  {"array", ARRAY},     {"string", STRING}, {"number", NUMBER},
                 {"integer", NUMBER}, {"boolean", BOOLEAN}, {"null", NOTHING}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, type)) return kinds[i].kind;
    return ANY;
}

/* The values that a schema names; NULL: it names none. The caller decrefs. */
static json_t *values_of(const json_t *schema) {
    json_t *v = json_object_get(schema, "const"), *list = json_object_get(schema, "enum");
    return v ? json_pack("[O]", v) : json_is_array(list) ? json_incref(list) : NULL;
}

/* The kinds that a schema can be of. What is drawn from one without a type is of the type that its keys speak of. */
static int kinds_of(const json_t *schema, bool drawn) {
    const json_t *type = get(schema, "type"), *v;
    json_t *values = values_of(schema);
    const char *guess = drawn ? guess_type(schema) : NULL;
    size_t i;
    int kinds = json_is_true(get(schema, "nullable")) ? NOTHING : 0, before = kinds;
    if (json_is_string(type)) kinds |= kind_of_name(json_string_value(type));
    json_array_foreach((json_t *)(uintptr_t)type, i, v) kinds |= json_is_string(v) ? kind_of_name(json_string_value(v)) : ANY;
    if (!type && values)
        json_array_foreach(values, i, v)
            kinds |= json_is_object(v)   ? OBJECT
                     : json_is_array(v)  ? ARRAY
                     : json_is_string(v) ? STRING
                     : json_is_number(v) ? NUMBER
                     : json_is_null(v)   ? NOTHING
                                         : BOOLEAN;
    else if (!type && guess) kinds |= kind_of_name(guess);
    json_decref(values);
    return kinds == before ? ANY : kinds;
}

static const json_t *follow(const writer *w, const json_t *schema, int depth) {
    const char *ref = json_string_value(get(schema, "$ref"));
    return ref && depth < MAX_DEPTH ? resolve(w, ref) : schema;
}

/* Whether nothing that is drawn from a is valid by b, as far as types, constants and required properties tell. */
static bool excludes(writer *w, const json_t *a, const json_t *b, int depth) {
    if (depth > MAX_DEPTH || charge(w, 4)) return false;
    a = follow(w, a, depth);
    b = follow(w, b, depth);
    if (!json_is_object(a) || !json_is_object(b)) return json_is_false(b);
    int common = kinds_of(a, true) & kinds_of(b, false);
    if (!common) return true;
    json_t *from = values_of(a), *to = values_of(b), *v, *x;
    bool apart = from && to;
    size_t i, k;
    if (apart && charge(w, 1 + json_array_size(from) * json_array_size(to))) apart = false;
    json_array_foreach(from, i, v) {
        if (!apart) break;
        json_array_foreach(to, k, x) apart = apart && !json_equal(v, x);
    }
    json_decref(from);
    json_decref(to);
    if (apart || common != OBJECT) return apart;
    const json_t *mine = get(a, "properties"), *more = get(a, "additionalProperties");
    bool closed =
        (json_object_size(mine) || json_is_false(more)) && !(more && !json_is_false(more)) && !get(a, "patternProperties");
    json_array_foreach((json_t *)(uintptr_t)get(b, "required"), i, v) {
        const char *key = json_string_value(v);
        if (!key || apart || charge(w, 1 + json_array_size(get(a, "required")) / 4)) continue;
        const json_t *has = json_object_get(mine, key), *wants = json_object_get(get(b, "properties"), key);
        if (!has && closed && !is_required(a, key)) apart = true;
        if (has && wants && is_required(a, key) && excludes(w, has, wants, depth + 1)) apart = true;
    }
    return apart;
}

/* Each of the choices together with what stands beside them. The caller decrefs. */
static us_status merge_choices(writer *w, const json_t *schema, const char *key, json_t *out) {
    const json_t *v;
    size_t i;
    us_status st = US_OK;
    json_t *beside = json_copy((json_t *)(uintptr_t)schema), *x;
    const char *k;
    bool alone = true;
    json_object_del(beside, key);
    json_object_foreach(beside, k, x) alone = alone && is_annotation(k);
    json_array_foreach((json_t *)(uintptr_t)get(schema, key), i, v) {
        if (!st && !alone) st = charge(w, 4 * weight(beside));
        if (st || json_is_false(v)) continue;
        json_t *all = alone ? json_incref((json_t *)(uintptr_t)v) : json_deep_copy(beside);
        if (!alone && json_is_object(v)) st = merge(w, all, v, 0);
        json_array_append_new(out, all);
    }
    json_decref(beside);
    return st;
}

static us_status choices(writer *w, const json_t *schema, const char *key, us_buf *e) {
    if (!json_array_size(get(schema, key))) return refuse(w, key, "a list that is not empty is expected");
    json_t *all = json_array();
    us_status st = merge_choices(w, schema, key, all);
    size_t n = json_array_size(all);
    if (!st && !n) st = refuse(w, key, "nothing is allowed");
    for (size_t i = 0; i < n && !strcmp(key, "oneOf"); i++)
        for (size_t k = 0; k < n && !st; k++)
            if (i != k && !excludes(w, json_array_get(all, i), json_array_get(all, k), 0) && !(st = charge(w, 0)))
                st = refuse(w, "oneOf", "more than one of its choices may hold; say anyOf, or give each a constant of its own");
    if (!st) st = say(w, e, "(");
    for (size_t i = 0; i < n && !st; i++) {
        if (i) st = say(w, e, " | ");
        if (!st) st = expression(w, json_array_get(all, i), e);
    }
    json_decref(all);
    return st ? st : say(w, e, ")");
}

/* ---- one schema ----------------------------------------------------------------------------------------------------- */

/* Keys that would narrow the values and that are not kept. */
static us_status refuse_unkept(writer *w, const json_t *schema) {
    static const char *const keys[] = {"not",
                                       "if",
                                       "then",
                                       "else",
                                       "contains",
                                       "minContains",
                                       "maxContains",
                                       "dependencies",
                                       "dependentRequired",
                                       "dependentSchemas",
                                       "unevaluatedItems",
                                       "$dynamicRef",
                                       "$recursiveRef",
                                       "disallow",
                                       "extends",
                                       "divisibleBy",
                                       "formatMinimum",
                                       "formatMaximum",
                                       "formatExclusiveMinimum",
                                       "formatExclusiveMaximum"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *v = get(schema, keys[i]);
        if (v && !(json_is_object(v) && !json_object_size(v) && !strncmp(keys[i], "dep", 3)))
            return refuse(w, keys[i], "this cannot be kept");
    }
    int64_t max;
    if (json_is_object(get(schema, "unevaluatedProperties"))) return refuse(w, "unevaluatedProperties", "this cannot be kept");
    us_status st = length(w, schema, "maxItems", &max);
    if (!st && json_is_true(get(schema, "uniqueItems")) && (max < 0 || max > 1))
        st = refuse(w, "uniqueItems", "this cannot be kept");
    return st;
}

static us_status typed(writer *w, const json_t *schema, const char *type, us_buf *e) {
    if (!strcmp(type, "object")) return object_value(w, schema, e);
    if (!strcmp(type, "array")) return array_value(w, schema, e);
    if (!strcmp(type, "string")) return string_value(w, schema, e);
    if (!strcmp(type, "integer")) return number_value(w, schema, true, e);
    if (!strcmp(type, "number")) return number_value(w, schema, false, e);
    if (!strcmp(type, "boolean")) return say(w, e, "(\"true\" | \"false\")");
    if (!strcmp(type, "null")) return say(w, e, "\"null\"");
    return refuse(w, "type", "object, array, string, number, integer, boolean or null is expected");
}

static us_status any_type(writer *w, const json_t *schema, const json_t *types, us_buf *e) {
    const json_t *t;
    size_t i;
    us_status st = say(w, e, "(");
    json_array_foreach((json_t *)(uintptr_t)types, i, t) {
        if (!st && i) st = say(w, e, " | ");
        if (!st) st = typed(w, schema, json_is_string(t) ? json_string_value(t) : "", e);
    }
    return st ? st : say(w, e, ")");
}

static us_status one_value(writer *w, const json_t *schema, us_buf *e) {
    json_t *list = json_pack("[O]", get(schema, "const"));
    us_status st = enumeration(w, schema, list, "beside const it cannot be kept", e);
    json_decref(list);
    return st;
}

static us_status plain(writer *w, const json_t *schema, us_buf *e) {
    const json_t *type = get(schema, "type"), *all = get(schema, "allOf");
    const char *ref = json_string_value(get(schema, "$ref")), *key;
    json_t *v;
    size_t n_said = 0; /* keys that narrow */
    us_status st = refuse_unkept(w, schema);
    if (st) return st;
    json_object_foreach((json_t *)(uintptr_t)schema, key, v) n_said += !is_annotation(key);
    if (ref && n_said == 1) return reference(w, ref, e);
    if (ref || all) {
        json_t *both = json_object();
        st = merge(w, both, schema, 0);
        if (!st) st = expression(w, both, e);
        json_decref(both);
        return st;
    }
    if (get(schema, "const")) return one_value(w, schema, e);
    if (get(schema, "enum")) return enumeration(w, schema, get(schema, "enum"), "beside enum it cannot be kept", e);
    if (get(schema, "anyOf")) return choices(w, schema, "anyOf", e);
    if (get(schema, "oneOf")) return choices(w, schema, "oneOf", e);
    if (json_is_array(type) && json_array_size(type)) return any_type(w, schema, type, e);
    const char *name = json_is_string(type) ? json_string_value(type) : guess_type(schema);
    if (type && !json_is_string(type)) return refuse(w, "type", "a string is expected");
    return name ? typed(w, schema, name, e) : say(w, e, "value");
}

static us_status expression(writer *w, const json_t *schema, us_buf *e) {
    us_status st;
    if (json_is_true(schema)) return say(w, e, "value");
    if (json_is_false(schema)) return refuse(w, "false", "nothing is allowed here");
    if (!json_is_object(schema)) return refuse(w, "a schema is expected", NULL);
    if (w->depth == MAX_DEPTH) return refuse(w, "it is nested too deeply", NULL);
    w->depth++;
    bool or_null = json_is_true(get(schema, "nullable"));
    st = or_null ? say(w, e, "(\"null\" | ") : US_OK;
    if (!st) st = plain(w, schema, e);
    if (!st && or_null) st = say(w, e, ")");
    w->depth--;
    return st;
}

us_status us_schema_to_grammar(const json_t *schema, const char *name, us_buf *out, us_error *err) {
    static const char base[] = "value ::= object | array | string | number | \"true\" | \"false\" | \"null\"\n"
                               "object ::= \"{\" (string \":\" \" \"? value (\",\" \" \"? string \":\" \" \"? value)*)? \"}\"\n"
                               "array ::= \"[\" (value (\",\" \" \"? value)*)? \"]\"\n"
                               "string ::= \"\\\"\" char* \"\\\"\"\n"
                               "char ::= [^\"\\\\\\x00-\\x1f\\x7f] | \"\\\\\" [\"\\\\/bfnrt]\n"
                               "integer ::= \"-\"? (\"0\" | [1-9] [0-9]{0,15})\n"
                               "number ::= integer (\".\" [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?\n";
    us_buf e;
    us_buf_init(&e, 8 << 20);
    writer w = {.out = out, .root = schema, .name = name, .known = json_object(), .place = "#", .err = err};
    us_status st = us_buf_append_str(out, base, err);
    if (!st) st = schema ? expression(&w, schema, &e) : us_buf_append_str(&e, "object", err);
    if (!st) st = us_buf_appendf(out, err, "root ::= %s\n", e.data);
    us_buf_fini(&e);
    json_decref(w.known);
    return st;
}
