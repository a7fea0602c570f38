/* Grammars in GBNF: what they allow, byte by byte; what is refused; that asking does not explode. */
#include "test.h"
#include "base/buf.h"
#include "generate/grammar.h"
#include <sys/resource.h>

static us_error err;

static bool allows(us_grammar *g, const char *text) {
    int32_t s = us_grammar_step(g, us_grammar_start(g), text, strlen(text));
    return s >= 0 && us_grammar_may_end(g, s);
}

/* yes: texts that are allowed; no: that are not; each ends with NULL. */
static void check(const char *gbnf, const char *const *yes, const char *const *no) {
    us_grammar *g;
    if (us_grammar_new(gbnf, NULL, &g, &err)) fail_msg("%s: %s", gbnf, err.message);
    for (; *yes; yes++)
        if (!allows(g, *yes)) fail_msg("%s refuses '%s'", gbnf, *yes);
    for (; *no; no++)
        if (allows(g, *no)) fail_msg("%s allows '%s'", gbnf, *no);
    us_grammar_free(g);
}
#define Y(...) \
    (const char *const[]) { __VA_ARGS__, NULL }

static void notation(void **state) {
    (void)state;
    check("root ::= \"a\" \"b\"", Y("ab"), Y("a", "b", "abc", ""));
    check("root ::= \"ab\" | \"c\" |\n  \"d\" # rest\nx ::= \"y\"", Y("ab", "c", "d"), Y("y", "abc"));
    check("root ::= [a-c0]+", Y("a", "abc0"), Y("", "d", "ad"));
    check("root ::= [^a-c\\n] .", Y("dx", "\xd0\xb6\xf0\x9f\x98\x80"), Y("ax", "\nx", "d", "d\xff", "\xd0x"));
    check("root ::= \"a\"? \"b\"* \"c\"", Y("c", "ac", "abbbc", "bc"), Y("aac", "ab"));
    check("root ::= \"ab\"{2}", Y("abab"), Y("ab", "ababab"));
    check("root ::= (\"a\" | \"b\"){1,3}", Y("a", "bab"), Y("", "abab"));
    check("root ::= \"a\"{2,}", Y("aa", "aaaaa"), Y("a"));
    check("root ::= \"a\"{0,2} \"b\"{0,0}", Y("", "a", "aa"), Y("aaa", "b"));
    check("root ::= \"\\x41\\u0042\\n\\\\\\\"\"", Y("AB\n\\\""), Y("AB"));
    check("root ::= [\\]\\-\\[]", Y("]", "-", "["), Y("\\"));
    check("root ::= item (\",\" item)*\nitem ::= [0-9]{1,2}", Y("1", "1,22,3"), Y("1,", "123", ",1"));
    check("root ::= \"(\" root \")\" | \"x\"", Y("x", "((x))"), Y("((x)", "()", "(x))"));
    check("root ::= [\xd0\xb0-\xd1\x8f]+", Y("\xd0\xbf\xd1\x80\xd0\xb8"), Y("a", "\xd0"));
    check("root ::= [\\u0000-\\U0010FFFF]",
          Y("a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"),
          Y("\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\xe0\x80\x80"));
    check("root ::= a a?\na ::= b c?\nb ::= \"b\"\nc ::= \"c\"", Y("b", "bc", "bb", "bcbc"), Y("c", "bbb"));
    check("\n# a remark\nroot ::= (\n  \"a\"\n  | \"b\"\n)\n", Y("a", "b"), Y("ab"));
}

static void refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "x ::= \"a\"",
                                      "root ::= y",
                                      "root ::= \"a",
                                      "root ::= [a",
                                      "root ::= (\"a\"",
                                      "root ::= )",
                                      "root = \"a\"",
                                      "root ::= root \"a\"",
                                      "root ::= a\na ::= b \"x\" | \"y\"\nb ::= \"q\"? a",
                                      "root ::= \"a\"{2",
                                      "root ::= \"a\"{3,1}",
                                      "root ::= \"\\q\"",
                                      "root ::= [z-a]",
                                      "root ::= \"a\"\nroot ::= \"b\"",
                                      "root ::= \"\\ud800\"",
                                      "root ::= \"a\"{1000000}",
                                      "::= \"a\"",
                                      "root ::= *",
                                      "root ::= \"a\" ]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        us_grammar *g;
        us_status st = us_grammar_new(bad[i], NULL, &g, &err);
        if (st != US_ERR_ARGUMENT && st != US_ERR_LIMIT) fail_msg("taken: %s", bad[i]);
        assert_int_equal(strncmp(err.message, "grammar: ", 9), 0);
    }
}

/* Few letters that stand for many symbols, and many names: memory and time have an end. */
static void short_and_endless(void **state) {
    (void)state;
    struct rusage before, after;
    us_grammar *g;
    us_buf b;
    us_buf_init(&b, 1 << 20);
    assert_ok(us_buf_append_str(&b, "a ::= [a-b]\nroot ::= ", &err), &err);
    for (int i = 0; i < 10000; i++) assert_ok(us_buf_append_str(&b, "a{20000} ", &err), &err);
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(us_grammar_new(b.data, NULL, &g, &err), US_ERR_LIMIT);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 300 << 10); /* it was 800 MiB */
    us_buf_clear(&b);
    assert_ok(us_buf_append_str(&b, "root ::= \"a\"\n", &err), &err);
    for (int i = 0; i < 40000; i++) assert_ok(us_buf_appendf(&b, &err, "n%d ::= \"x\"\n", i), &err);
    assert_int_equal(us_grammar_new(b.data, NULL, &g, &err), US_ERR_LIMIT);
    assert_non_null(strstr(err.message, "names"));
    /* which of the last thousands of letters were an a: a new state of kilobytes at each letter */
    assert_ok(us_grammar_new("root ::= [ab]* \"a\" [ab]{6000}", NULL, &g, &err), &err);
    int32_t s = us_grammar_start(g);
    uint32_t x = 1;
    for (int i = 0; i < 30000 && s >= 0; i++) {
        x = x * 1664525 + 1013904223;
        s = us_grammar_step(g, s, x >> 31 ? "a" : "b", 1);
    }
    assert_true(us_grammar_is_full(g)); /* it says so, and holds no gigabyte */
    us_grammar_free(g);
    us_buf_fini(&b);
}

static void json_and_ends(void **state) {
    (void)state;
    us_grammar *g;
    assert_ok(us_grammar_new(
                  "root ::= object\nvalue ::= object | array | string | number | \"true\" | \"false\" | \"null\"\n"
                  "object ::= \"{\" (pair (\",\" \" \"? pair)*)? \"}\"\npair ::= string \":\" \" \"? value\narray ::= \"[\" "
                  "(value (\",\" \" \"? value)*)? \"]\"\n"
                  "string ::= \"\\\"\" ([^\"\\\\\\x00-\\x1f] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" [0-9a-fA-F]{4}))* \"\\\"\"\n"
                  "number ::= \"-\"? (\"0\" | [1-9] [0-9]*) (\".\" [0-9]+)? ([eE] [-+]? [0-9]+)?\n",
                  NULL, &g, &err),
              &err);
    assert_true(allows(g, "{\"a\": [1, -2.5e3, {\"b\":\"\\u00e9 \xd0\xb6\"}], \"c\":null}"));
    assert_false(allows(g, "{\"a\": [1, 2}") || allows(g, "{\"a\": 01}") || allows(g, "{a:1}") || allows(g, "{\"a\":\"\n\"}"));
    int32_t s = us_grammar_step(g, us_grammar_start(g), "{}", 2);
    assert_true(us_grammar_must_end(g, s));
    assert_false(us_grammar_may_end(g, us_grammar_start(g)));
    char deep[20001]; /* the stack is ours, not the program's */
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    assert_true(us_grammar_step(g, us_grammar_start(g), deep, 10000) >= 0 || us_grammar_is_full(g));
    us_grammar_free(g);
    /* a long count is a chain, not a tower; a state a character */
    assert_ok(us_grammar_new("root ::= \"\\\"\" [a-z]{0,5000} \"\\\"\"", NULL, &g, &err), &err);
    char *text = malloc(5003);
    memset(text, 'x', 5003);
    text[0] = text[5001] = '"';
    text[5002] = 0;
    assert_true(allows(g, text));
    text[5001] = 'x';
    assert_int_equal(us_grammar_step(g, us_grammar_start(g), text, 5002), -1);
    free(text);
    us_grammar_free(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(notation), cmocka_unit_test(refused),
                                       cmocka_unit_test(short_and_endless), cmocka_unit_test(json_and_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
