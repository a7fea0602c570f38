/* base: buffers keep their cap, files survive, hashes and numbers are the published ones. */
#include "test.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include <pthread.h>
#include <time.h>

static void buf_stops_at_its_cap(void **state) {
    (void)state;
    us_buf b;
    us_error err;
    us_buf_init(&b, 8);
    assert_ok(us_buf_append_str(&b, "12345678", &err), &err);
    assert_int_equal(us_buf_append_str(&b, "9", &err), US_ERR_LIMIT);
    assert_string_equal(b.data, "12345678");
    us_buf_fini(&b);
}

static void sha256_of_published_vectors(void **state) {
    (void)state;
    char hex[65];
    us_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    us_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    us_sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    us_sha256 s; /* a million times the letter a, in pieces of every kind: less than a block, blocks, blocks and a rest */
    unsigned char digest[32];
    char a[1000];
    memset(a, 'a', sizeof a);
    us_sha256_init(&s);
    for (size_t left = 1000000, n = 1; left; left -= n, n = n * 3 % 997 + 1) {
        if (n > left) n = left;
        us_sha256_update(&s, a, n);
    }
    us_sha256_final(&s, digest);
    for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void utf8_refuses_what_is_not_utf8(void **state) {
    (void)state;
    size_t bad;
    assert_true(us_utf8_valid("D\xe2\x80\x99oh \xf0\x9f\x8d\xa9", 11, NULL));
    assert_false(us_utf8_valid("a\xc0\xaf", 3, &bad));
    assert_int_equal(bad, 1);
    assert_false(us_utf8_valid("\xed\xa0\x80", 3, NULL));
    assert_false(us_utf8_valid("\xf4\x90\x80\x80", 4, NULL));
    assert_int_equal(us_utf8_tail("ab\xf0\x9f\x8d", 5), 3);
    assert_int_equal(us_utf8_tail("ab\xf0\x9f\x8d\xa9", 6), 0);
    assert_int_equal(us_utf8_tail("ab\x8d\x8d", 4), 0);
}

static void atomic_write_then_read(void **state) {
    (void)state;
    us_error err;
    char path[] = "/tmp/us_test_XXXXXX", *got;
    size_t n;
    assert_non_null(mkdtemp(path));
    char *file = us_path_join(path, "x");
    assert_ok(us_file_write_atomic(file, "old", 3, &err), &err);
    assert_ok(us_file_write_atomic(file, "newer", 5, &err), &err);
    assert_ok(us_file_read(file, 100, &got, &n, &err), &err);
    assert_int_equal(n, 5);
    assert_string_equal(got, "newer");
    free(got);
    assert_int_equal(us_file_read(file, 4, &got, &n, &err), US_ERR_LIMIT);
    unlink(file);
    rmdir(path);
    free(file);
}

static void add_index(void *ctx, int i, int n) {
    size_t b, e;
    us_split(1000, 16, i, n, &b, &e);
    for (size_t k = b; k < e; k++) ((int *)ctx)[k]++;
}

static void pool_covers_every_item_once(void **state) {
    (void)state;
    us_error err;
    for (int n = 1; n <= 5; n++) {
        us_pool *p;
        int hits[1000] = {0};
        assert_ok(us_pool_new(n, &p, &err), &err);
        for (int r = 0; r < 200; r++) us_pool_run(p, add_index, hits);
        us_pool_free(p);
        for (int k = 0; k < 1000; k++) assert_int_equal(hits[k], 200);
    }
}

typedef struct relay {
    us_pool *pool;
    _Atomic int next;
    int taken[40][8]; /* of each stage: how often each of its items was taken */
    _Atomic bool early;
} relay;

static void run_relay(void *ctx, int i, int n) {
    relay *r = ctx;
    for (int stage = 0; stage < 40; stage++) {
        for (int at; (at = atomic_fetch_add(&r->next, 1)) < 8;) r->taken[stage][at]++;
        if (i == n - 1 && stage % 10 == 0) nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL); /* the others fall asleep */
        us_pool_meet(r->pool, &r->next);
        for (int at = 0; at < 8; at++)
            if (r->taken[stage][at] != 1) r->early = true;
        us_pool_meet(r->pool, NULL);
    }
}

static void threads_meet_after_every_stage(void **state) {
    (void)state;
    us_error err;
    for (int n = 1; n <= 6; n++) {
        relay r = {0};
        assert_ok(us_pool_new(n, &r.pool, &err), &err);
        us_pool_run(r.pool, run_relay, &r);
        us_pool_free(r.pool);
        assert_false(r.early);
    }
}

static void rng_is_the_same_everywhere(void **state) {
    (void)state;
    us_rng r;
    us_rng_seed(&r, 0);
    uint64_t first = us_rng_u64(&r);
    assert_true(first == 0x99ec5f36cb75f2b4u); /* xoshiro256** seeded by splitmix64(0) */
    for (int i = 0; i < 1000; i++) assert_true(us_rng_below(&r, 7) < 7);
}

static void errors_hold_no_control_characters(void **state) {
    (void)state;
    us_error err;
    assert_int_equal(us_fail(&err, US_ERR_FORMAT, "bad name '%s'", "a\x1b[31m\nb"), US_ERR_FORMAT);
    assert_string_equal(err.message, "bad name 'a?[31m?b'");
}

/* n opening brackets, of an array or of objects, closed or left open. */
static char *deep(size_t n, bool objects, bool closed) {
    size_t width = objects ? 5 : 1, at = 0;
    char *text = calloc(n + 1, width + 2);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++) at += (size_t)sprintf(text + at, "%s", objects ? "{\"a\":" : "[");
    if (objects) text[at++] = '1';
    for (size_t i = 0; i < n && closed; i++) text[at++] = objects ? '}' : ']';
    return text;
}

static void *parse_deep(void *arg) {
    json_error_t where;
    (void)arg;
    for (int objects = 0; objects < 2; objects++)
        for (size_t n = 32; n < 1000000; n *= 2) {
            char *text = deep(n, objects, true);
            json_t *j = us_json_parse(text, strlen(text), &where);
            assert_true((j != NULL) == (n <= US_JSON_DEPTH));
            if (!j) assert_non_null(strstr(where.text, "too deeply"));
            json_decref(j);
            free(text);
            text = deep(n, objects, false);
            assert_null(us_json_parse(text, strlen(text), &where));
            free(text);
        }
    return NULL;
}

static void json_is_parsed_within_its_caps(void **state) {
    (void)state;
    json_error_t where;
    pthread_attr_t a;
    pthread_t t;
    pthread_attr_init(&a);
    assert_int_equal(pthread_attr_setstacksize(&a, 128 << 10), 0); /* less than any thread that parses */
    assert_int_equal(pthread_create(&t, &a, parse_deep, NULL), 0);
    pthread_join(t, NULL);
    size_t n = 3 * (size_t)US_JSON_VALUES;
    char *many = malloc(n + 8);
    assert_non_null(many);
    many[0] = '[';
    for (size_t i = 1; i + 1 < n; i += 3) memcpy(many + i, "[],", 3);
    assert_null(us_json_parse(many, n, &where));
    assert_non_null(strstr(where.text, "too many values"));
    free(many);
    /* brackets and commas in words are words, and a quote after a backslash does not end them */
    static const char words[] = "\xef\xbb\xbf{\"a\": \"[[[[\\\"{{{{,,,,\\\\\"}";
    json_t *j = us_json_parse(words, sizeof words - 1, &where);
    assert_string_equal(json_string_value(json_object_get(j, "a")), "[[[[\"{{{{,,,,\\");
    json_decref(j);
    assert_null(us_json_parse(NULL, 0, &where));
    assert_null(us_json_parse("\"open\\", 6, &where));
    j = us_json_parse("{\"a\": 1, \"a\": 2}", 16, &where);
    assert_int_equal(json_integer_value(json_object_get(j, "a")), 2);
    assert_non_null(strstr(where.text, "duplicate"));
    json_decref(j);
    j = us_json_parse("{\"a\": 1, \"a\": \"\\u0000\"}", 23, NULL); /* and one character that costs itself */
    assert_string_equal(json_string_value(json_object_get(j, "a")), "\xef\xbf\xbd");
    json_decref(j);
    j = us_json_parse("{\"a\": 1}", 8, &where);
    assert_string_equal(where.text, "");
    json_decref(j);
}

static void json_loses_a_character_not_the_text(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{\"a\":\"x\\ud83dy\"}", "x\xef\xbf\xbdy"},                           /* a half of a pair, */
        {"{\"a\":\"\\ude00\"}", "\xef\xbf\xbd"},                               /* the other, */
        {"{\"a\":\"\\ud83d\\ud83d\\ude00\"}", "\xef\xbf\xbd\xf0\x9f\x98\x80"}, /* and both after a half */
        {"{\"a\":\"x\\u0000y\"}", "x\xef\xbf\xbdy"},
        {"{\"a\":\"x\xffy\xc3\"}", "x\xef\xbf\xbdy\xef\xbf\xbd"},
        {"{\"a\":\"\xed\xa0\xbd\"}", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* CESU's bytes of a surrogate */
        {"{\"a\":\xef\xbb\xbf\"x\"}", "x"},                                   /* a file with its mark, put into a larger text */
        {"{\"a\":\"one\ntwo\tthree\"}", "one\ntwo\tthree"},
        {"{\"a\":\"\\\\u0000 \\\"\x01\"}", "\\u0000 \"\x01"}, /* a backslash before it is a backslash */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *j = us_json_parse(rows[i].text, strlen(rows[i].text), NULL);
        if (!j) fail_msg("refused: %s", rows[i].text);
        assert_string_equal(json_string_value(json_object_get(j, "a")), rows[i].want);
        json_decref(j);
    }
    static const char numbers[] = "[18446744073709551615, -9223372036854775808, 9223372036854775807, 1e3, \"\\ud800\"]";
    json_t *j = us_json_parse(numbers, sizeof numbers - 1, NULL);
    assert_true(json_is_real(json_array_get(j, 0)) && json_real_value(json_array_get(j, 0)) == 18446744073709551616.0);
    assert_true(json_integer_value(json_array_get(j, 1)) == INT64_MIN && json_integer_value(json_array_get(j, 2)) == INT64_MAX);
    json_decref(j);
    static const char *const bad[] = {
        "", "{", "{\"a\":\"\\u12\"}", "{\"a\":\"\\ud83d", "{\"a\":tru\xff}", "{\"\\u0000\":1,", "[1", "[\"\\", "[-]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_null(us_json_parse(bad[i], strlen(bad[i]), NULL));
    /* what a text costs, also in UTF-16, where half a character may look like a quote */
    char utf16[4000] = "\xff\xfe[\0\"\0\x00\x22\"\0";
    size_t n = 10;
    for (int k = 0; k < 500; k++) memcpy(utf16 + n, ",\0[\0]\0", 6), n += 6;
    memcpy(utf16 + n, "]", 2);
    j = us_json_parse(utf16, n + 2, NULL);
    assert_int_equal(json_array_size(j), 501);
    assert_true(us_json_cost(utf16, n + 2) > 100000 && us_json_cost("[[],[]]", 7) > 500);
    json_decref(j);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_stops_at_its_cap),           cmocka_unit_test(sha256_of_published_vectors),
        cmocka_unit_test(utf8_refuses_what_is_not_utf8),  cmocka_unit_test(atomic_write_then_read),
        cmocka_unit_test(pool_covers_every_item_once),    cmocka_unit_test(rng_is_the_same_everywhere),
        cmocka_unit_test(threads_meet_after_every_stage), cmocka_unit_test(errors_hold_no_control_characters),
        cmocka_unit_test(json_is_parsed_within_its_caps), cmocka_unit_test(json_loses_a_character_not_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
