/* JSON schemas as grammars, from both sides: what is valid can be drawn, what is not cannot. Patterns are held against PCRE2, bounds of
 * numbers against arithmetic, the rest against examples. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "test.h"
#include "base/rng.h"
#include "generate/grammar.h"
#include "serve/schema.h"
#include "serve/schema_text.h"
#include <math.h>
#include <pcre2.h>

static us_error err;

static us_status grammar_of(const json_t *schema, us_grammar **g) {
    us_buf gbnf;
    us_buf_init(&gbnf, 8 << 20);
    us_status st = us_schema_to_grammar(schema, "it", &gbnf, &err);
    if (!st) st = us_grammar_new(gbnf.data, NULL, g, &err);
    us_buf_fini(&gbnf);
    return st;
}

static bool allows(us_grammar *g, const char *text) {
    int32_t s = us_grammar_step(g, us_grammar_start(g), text, strlen(text));
    return s >= 0 && us_grammar_may_end(g, s);
}

/* Double quotes for single ones. */
static const char *json_of(const char *text) {
    static char out[2][2000];
    static int k;
    k ^= 1;
    snprintf(out[k], sizeof out[k], "%s", text);
    for (char *p = out[k]; *p; p++)
        if (*p == '\'') *p = '"';
    return out[k];
}

/* ---- patterns -------------------------------------------------------------------------------------------------------- */

static json_t *pattern_schema(const char *pattern) { return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern); }

static bool allows_string(us_grammar *g, const char *text) {
    json_t *s = json_string(text);
    char *quoted = json_dumps(s, JSON_ENCODE_ANY);
    bool yes = allows(g, quoted);
    free(quoted);
    json_decref(s);
    return yes;
}

/* Each with texts that it must allow; and a thousand random texts, of which it may allow only what PCRE2 matches. */
static void patterns_allow_what_matches(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *yes[5];
    } rows[] = {{"^abc$", {"abc"}},
                {"b+", {"b", "abbb", "bca"}},
                {"^a|b", {NULL}}, /* an anchor of one choice: refused below */
                {"^(a|b)*c?$", {"", "abba", "bc"}},
                {"^(?:ab){2,3}$", {"abab", "ababab"}},
                {"^(?<who>a)b$", {"ab"}},
                {"^[a-c]{2}$", {"ab", "cc"}},
                {"^[^a-c]+$", {"x", "1 2"}},
                {"^[\\d_]+$", {"1_2"}},
                {"^\\d\\D$", {"1a", "2 "}},
                {"^\\w+\\W$", {"a_1-", "b "}},
                {"^a\\sb\\S$", {"a bc"}},
                {"^[\"\\\\]+$", {"\"", "\\\"", "\\\\"}},
                {"^\\\"\\\\$", {"\"\\"}},
                {"^a\\nb\\tc\\r$", {"a\nb\tc\r"}},
                {"^[\\n\\t]a$", {"\na", "\ta"}},
                {"^\\x41\\u0042\\.$", {"AB."}},
                {"^.$", {"a", "\"", "\\", "é"}},
                {"^é[à-ü]?$", {"é", "éé"}},
                {"a*?b+?", {"b", "aab"}},
                {"^a{2,}$", {"aa", "aaaa"}},
                {"", {"", "abc"}},
                {"^$", {""}},
                {"^(|a)b$", {"b", "ab"}},
                {"^[a\\-c]$", {"a", "-", "c"}},
                {"^[]a]$", {NULL}},
                {"^[a-]$", {"a", "-"}},
                {"^\\/\\[\\]$", {"/[]"}}};
    static const char *const alphabet[] = {"a", "b",  "c",  "A", "B", "1",  "2",  "_", "-", " ",
                                           ".", "\"", "\\", "é", "x", "\n", "\t", "/", "[", "]"};
    us_rng rng;
    us_rng_seed(&rng, 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        us_grammar *g;
        json_t *schema = pattern_schema(rows[i].pattern);
        if (grammar_of(schema, &g)) {
            if (rows[i].yes[0]) fail_msg("%s: %s", rows[i].pattern, err.message);
            json_decref(schema);
            continue;
        }
        int code;
        PCRE2_SIZE at;
        pcre2_code *re = pcre2_compile(
            (PCRE2_SPTR)rows[i].pattern, PCRE2_ZERO_TERMINATED,
            PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_ALT_BSUX | PCRE2_DOTALL, &code, &at, NULL);
        assert_non_null(re);
        pcre2_match_data *m = pcre2_match_data_create_from_pattern(re, NULL);
        for (int k = 0; k < 5 && rows[i].yes[k]; k++)
            if (!allows_string(g, rows[i].yes[k]) ||
                pcre2_match(re, (PCRE2_SPTR)rows[i].yes[k], PCRE2_ZERO_TERMINATED, 0, 0, m, NULL) < 0)
                fail_msg("%s does not allow '%s'", rows[i].pattern, rows[i].yes[k]);
        for (int k = 0; k < 1000; k++) {
            char text[64] = "";
            size_t n = (size_t)us_rng_below(&rng, 7);
            while (n--) strcat(text, alphabet[us_rng_below(&rng, sizeof alphabet / sizeof *alphabet)]);
            if (allows_string(g, text) && pcre2_match(re, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, 0, m, NULL) < 0)
                fail_msg("%s allows '%s'", rows[i].pattern, text);
        }
        pcre2_match_data_free(m);
        pcre2_code_free(re);
        us_grammar_free(g);
        json_decref(schema);
    }
}

static void patterns_that_are_refused(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"^a|b$", "an anchor of one choice"},
                                          {"^a|b", "an anchor of one choice"},
                                          {"a^b", "the anchor"},
                                          {"a$b", "the anchor"},
                                          {"(a$)", "the anchor"},
                                          {"(?=a)b", "looking around"},
                                          {"(?!a)b", "looking around"},
                                          {"(?<=a)b", "looking around"},
                                          {"(a", "a bracket that is never closed"},
                                          {"a)b", "the bracket"},
                                          {"[ab", "a class that is never closed"},
                                          {"[b-a]", "a range that ends before it begins"},
                                          {"[]", "an empty class"},
                                          {"*a", "the repetition"},
                                          {"a{2", "a brace that is never closed"},
                                          {"\\bword", "the escape"},
                                          {"(a)\\1", "the escape"},
                                          {"\\p{L}", "the escape"},
                                          {"\\q", "the escape"},
                                          {"\\xZZ", "the escape"},
                                          {"\\ud800", "the escape"},
                                          {"[\\u12]", "the escape"},
                                          {"a\\", "the escape"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        us_buf out;
        us_buf_init(&out, 1 << 20);
        us_status st = us_schema_pattern(rows[i][0], &out, &err);
        if (st != US_ERR_UNSUPPORTED || !strstr(err.message, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], st ? err.message : out.data);
        us_buf_fini(&out);
    }
    char deep[200] = "";
    for (int i = 0; i < 70; i++) strcat(deep, "(");
    us_buf out;
    us_buf_init(&out, 1 << 20);
    assert_int_equal(us_schema_pattern(deep, &out, &err), US_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "so deep a nesting"));
    us_buf_fini(&out);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------------- */

static void whole_numbers_in_bounds(void **state) {
    (void)state;
    us_rng rng;
    us_rng_seed(&rng, 5);
    for (int i = 0; i < 60; i++) {
        int a = (int)us_rng_below(&rng, 2400) - 1200, b = (int)us_rng_below(&rng, 2400) - 1200, lo = a < b ? a : b,
            hi = a < b ? b : a;
        if (i < 6) lo = (int[]){0, -1, 9, 10, 99, -10}[i], hi = (int[]){0, 1, 10, 99, 100, -9}[i];
        json_t *schema =
            i % 2 ? json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", lo, "maximum", hi)
                  : json_pack("{s:s, s:i, s:i}", "type", "integer", "exclusiveMinimum", lo - 1, "exclusiveMaximum", hi + 1);
        us_grammar *g;
        assert_ok(grammar_of(schema, &g), &err);
        for (int v = -1300; v <= 1300; v++) {
            char text[16];
            snprintf(text, sizeof text, "%d", v);
            if (allows(g, text) != (v >= lo && v <= hi)) fail_msg("%d in %d..%d", v, lo, hi);
        }
        assert_false(allows(g, "-0") || allows(g, "00") || allows(g, "01") || allows(g, "1.0"));
        us_grammar_free(g);
        json_decref(schema);
    }
    us_buf out;
    us_buf_init(&out, 1 << 20);
    assert_int_equal(us_schema_integers(3, 2, &out, &err), US_ERR_LIMIT);
    assert_ok(us_schema_integers(INT64_MIN, INT64_MAX, &out, &err), &err);
    us_buf_fini(&out);
}

static void numbers_in_bounds(void **state) {
    (void)state;
    static const struct {
        double lo, hi;
        bool without_lo, without_hi;
    } rows[] = {{0, 1, false, false},           {0, 1, true, true},    {-1.5, 2.25, false, false},  {-1.5, 2.25, true, true},
                {0.25, 0.5, false, true},       {-2, -1, true, false}, {-2.5, -0.25, false, true},  {1, INFINITY, true, false},
                {-INFINITY, 0.5, false, false}, {-3, 0, false, true},  {0.001, 0.009, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        us_buf gbnf;
        us_grammar *g;
        us_buf_init(&gbnf, 1 << 20);
        assert_ok(us_buf_append_str(&gbnf, "root ::= ", &err), &err);
        assert_ok(us_schema_numbers(rows[i].lo, rows[i].hi, rows[i].without_lo, rows[i].without_hi, &gbnf, &err), &err);
        assert_ok(us_grammar_new(gbnf.data, NULL, &g, &err), &err);
        for (int k = -400; k <= 400; k++) {
            char text[16];
            double v = k / 100.0;
            bool in = (rows[i].without_lo ? v > rows[i].lo : v >= rows[i].lo) &&
                      (rows[i].without_hi ? v < rows[i].hi : v <= rows[i].hi);
            if (k % 100 == 0) snprintf(text, sizeof text, "%d", k / 100);
            else snprintf(text, sizeof text, k % 10 ? "%.2f" : "%.1f", v);
            if (allows(g, text) != in) fail_msg("%s in %g..%g", text, rows[i].lo, rows[i].hi);
        }
        us_grammar_free(g);
        us_buf_fini(&gbnf);
    }
    us_buf out;
    us_buf_init(&out, 1 << 20);
    assert_int_equal(us_schema_numbers(1, 1, true, false, &out, &err), US_ERR_LIMIT);
    us_buf_fini(&out);
}

/* ---- whole schemas ------------------------------------------------------------------------------------------------------ */

static void examples(void **state) {
    (void)state;
    static const struct {
        const char *schema, *yes[5], *no[5];
    } rows[] = {
        {"{}", {"null", "[1]", "{'a':1}", "'x'", "-1.5e3"}, {"nul", "[1,]", "01"}},
        {"true", {"1", "{}"}, {"x"}},
        {"{'type':'object'}", {"{}", "{'a':{'b':[]}}"}, {"[]", "{a:1}"}},
        {"{'type':['null','boolean']}", {"null", "true", "false"}, {"0", "'true'"}},
        {"{'type':'string','nullable':true}", {"null", "'x'"}, {"1"}},
        {"{'type':'string','minLength':2,'maxLength':3}", {"'ab'", "'abc'", "'éé'"}, {"'a'", "'abcd'"}},
        {"{'type':'string','maxLength':0}", {"''"}, {"'a'"}},
        {"{'type':'number','multipleOf':1,'minimum':2}", {"2", "30"}, {"1", "2.5"}},
        {"{'type':'integer','minimum':2,'exclusiveMinimum':true}", {"3"}, {"2", "1"}}, /* draft 4 */
        {"{'type':'integer','minimum':2,'exclusiveMinimum':2}", {"3"}, {"2"}},
        {"{'type':'integer','format':'int8'}", {"-128", "127"}, {"128", "-129"}},
        {"{'minimum':0,'maximum':1}", {"0", "0.5", "1"}, {"2", "'x'"}},
        {"{'type':'array','items':{'type':'integer'},'minItems':1,'maxItems':2}",
         {"[1]", "[1,2]", "[1, 2]"},
         {"[]", "[1,2,3]", "['a']"}},
        {"{'type':'array','maxItems':0}", {"[]"}, {"[1]"}},
        {"{'type':'array','prefixItems':[{'const':1},{'type':'string'}],'items':false}", {"[1,'a']"}, {"[2,'a']", "[1,'a',3]"}},
        {"{'type':'array','prefixItems':[{'const':1}],'items':{'type':'null'}}", {"[1]", "[1,null,null]"}, {"[1,2]", "[null]"}},
        {"{'items':{'type':'boolean'}}", {"[true]", "[]"}, {"[1]"}},
        {"{'type':'object','properties':{'a':{'type':'integer'},'b':{},'c':{'type':'null'}},'required':['b']}",
         {"{'b':1}", "{'a':1,'b':2}", "{'b':1,'c':null}", "{'a':1, 'b':2, 'c':null}"},
         {"{}", "{'a':1}", "{'b':1,'a':1}", "{'b':1,'x':2}", "{'a':'x','b':1}"}},
        {"{'properties':{'a':{'type':'integer'}},'additionalProperties':{'type':'string'}}",
         {"{}", "{'a':1}", "{'a':1,'b':'x'}", "{'zz':'x'}", "{'aa':'x'}"},
         {"{'b':1}", "{'a':'x'}"}},
        {"{'type':'object','additionalProperties':{'type':'integer'},'minProperties':1,'maxProperties':2}",
         {"{'a':1}", "{'a':1,'b':2}"},
         {"{}", "{'a':1,'b':2,'c':3}", "{'a':'x'}"}},
        {"{'type':'object','maxProperties':0}", {"{}"}, {"{'a':1}"}},
        {"{'type':'object','minProperties':2}", {"{'a':1,'b':2}", "{'a':1,'b':2,'c':3}"}, {"{'a':1}"}},
        {"{'type':'object','maxProperties':1}", {"{}", "{'a':1}"}, {"{'a':1,'b':2}"}},
        {"{'type':'object','additionalProperties':false}", {"{}"}, {"{'a':1}"}},
        {"{'type':'object','required':['a'],'additionalProperties':{'type':'null'}}", {"{'a':null}"}, {"{}", "{'a':1}"}},
        {"{'type':'object','properties':{'a':false,'b':{}}}", {"{'b':1}", "{}"}, {"{'a':1}"}},
        {"{'type':'object','patternProperties':{'^x':{'type':'integer'}}}",
         {"{'x1':1}", "{}", "{'x':1,'xx':2}"},
         {"{'a':1}", "{'x':'a'}"}},
        {"{'type':'object','propertyNames':{'pattern':'^[ab]$'}}", {"{'a':1}", "{}"}, {"{'c':1}"}},
        {"{'type':'object','propertyNames':{'enum':['k']},'additionalProperties':{'type':'null'}}",
         {"{'k':null}"},
         {"{'k':1}", "{'l':null}"}},
        {"{'type':'object','propertyNames':false}", {"{}"}, {"{'a':1}"}},
        {"{'anyOf':[{'type':'integer'},{'type':'string','maxLength':1}]}", {"5", "'a'"}, {"'ab'", "null"}},
        {"{'allOf':[{'type':'number'},{'type':'integer'},{'minimum':2},{'minimum':4,'maximum':9},{'maximum':6}]}",
         {"4", "6"},
         {"3", "7", "4.5"}},
        {"{'allOf':[{'type':'object','properties':{'a':{'type':'integer'}},'required':['a']},{'properties':{'b':{'type':'null'}"
         ",'a':{'minimum':3}},'required':['b']}]}",
         {"{'a':3,'b':null}"},
         {"{'a':2,'b':null}", "{'a':3}"}},
        {"{'allOf':[{'$ref':'#/$defs/p'},{'maximum':5}],'$defs':{'p':{'type':'integer','minimum':1}}}", {"1", "5"}, {"0", "6"}},
        {"{'$ref':'#/definitions/n','definitions':{'n':{'type':'object','properties':{'v':{'type':'integer'},'next':{'$ref':'#/"
         "definitions/n'}},'required':['v']}}}",
         {"{'v':1}", "{'v':1,'next':{'v':2,'next':{'v':3}}}"},
         {"{'next':{'v':1}}", "{'v':1,'next':1}"}},
        {"{'$ref':'#/$defs/a~1b/1','$defs':{'a/b':[{'const':1},{'const':2}]}}", {"2"}, {"1"}},
        {"{'$ref':'#/$defs/a%20b','$defs':{'a b':{'const':3}}}", {"3"}, {"1"}},
        {"{'$ref':'#'}", {NULL}, {NULL}},
        {"{'const':{'a':[1,'x',null,true]}}", {"{'a':[1,'x',null,true]}"}, {"{'a':[]}"}},
        {"{'enum':['a',2,null,{'b':[]}]}", {"'a'", "2", "null", "{'b':[]}"}, {"'b'", "3"}},
        {"{'type':'string','format':'uuid'}", {"'00000000-1111-2222-3333-0123456789ab'"}, {"'0'"}},
        {"{'type':'string','format':'ipv4'}", {"'127.0.0.1'", "'255.255.255.255'"}, {"'256.0.0.1'", "'1.2.3'"}},
        {"{'type':'string','format':'date-time'}",
         {"'2026-01-28T12:00:00Z'", "'2026-01-28T12:00:00.5+02:00'"},
         {"'2026-01-28'", "'2026-01-28T24:00:00Z'"}},
        {"{'type':'string','format':'email'}", {"'a.b@example.org'"}, {"'a@b@c.org'", "'a'"}},
        {"{'type':'string','format':'uri'}", {"'https://example.org/a/b'"}, {"'ftp://x'"}},
        {"{'type':'string','format':'duration'}", {"'P1D'", "'PT5M'"}, {"'P'"}},
        {"{'title':'x','description':'y','default':1,'examples':[1],'type':'boolean'}", {"true"}, {"1"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *schema = json_loads(json_of(rows[i].schema), JSON_DECODE_ANY, NULL);
        us_grammar *g;
        assert_non_null(schema);
        if (grammar_of(schema, &g)) {
            if (rows[i].yes[0]) fail_msg("%s: %s", rows[i].schema, err.message);
            json_decref(schema);
            continue;
        }
        for (int k = 0; k < 5; k++) {
            if (rows[i].yes[k] && !allows(g, json_of(rows[i].yes[k])))
                fail_msg("%s does not allow %s", rows[i].schema, rows[i].yes[k]);
            if (rows[i].no[k] && allows(g, json_of(rows[i].no[k]))) fail_msg("%s allows %s", rows[i].schema, rows[i].no[k]);
        }
        us_grammar_free(g);
        json_decref(schema);
    }
    us_grammar *g;
    assert_ok(grammar_of(NULL, &g), &err);
    assert_true(allows(g, "{\"a\":1}") && !allows(g, "1"));
    us_grammar_free(g);
}

static void what_cannot_be_kept_is_named(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"false", "#"},
        {"5", "#"},
        {"{'enum':[]}", "enum: a list that is not empty is expected"},
        {"{'type':'string','minLength':-1}", "minLength: a whole number is expected"},
        {"{'type':'string','minLength':'x'}", "minLength: a whole number is expected"},
        {"{'type':'string','minLength':30000}", "more than a reply can hold"},
        {"{'type':'string','minLength':3,'maxLength':2}", "it is below the least"},
        {"{'type':'string','pattern':'(?=a)'}", "looking around"},
        {"{'type':'integer','minimum':'x'}", "minimum: a number is expected"},
        {"{'type':'integer','exclusiveMaximum':[]}", "exclusiveMaximum: a number is expected"},
        {"{'type':'integer','minimum':5,'maximum':4}", "no whole number is between"},
        {"{'type':'number','minimum':5,'maximum':4}", "no number is between"},
        {"{'type':'integer','minimum':1e300}", "no number is between them"},
        {"{'type':'number','multipleOf':0.5}", "multipleOf: only 1 can be kept"},
        {"{'type':'object','properties':{'a':{'type':'blob'}}}", "#/a"},
        {"{'type':'object','properties':{'a':{'uniqueItems':true}}}", "#/a"},
        {"{'type':'object','properties':{'a':{}},'patternProperties':{'x':{}}}", "beside properties it cannot be kept"},
        {"{'type':'object','patternProperties':{}}", "an object that is not empty is expected"},
        {"{'type':'object','patternProperties':{'(?=x)':{}}}", "looking around"},
        {"{'type':'object','properties':{'a':{}},'propertyNames':{'pattern':'a'}}", "propertyNames: beside properties"},
        {"{'type':'object','properties':{'a':false},'required':['a']}", "nothing is allowed for"},
        {"{'type':'object','properties':{'a':{},'b':{}},'minProperties':1}", "they cannot be kept beside properties"},
        {"{'type':'object','properties':{'a':{},'b':{}},'maxProperties':1}", "they cannot be kept beside properties"},
        {"{'type':'object','minProperties':'x'}", "minProperties: a whole number is expected"},
        {"{'$ref':'#/nowhere'}", "only places in the schema itself"},
        {"{'allOf':[{'type':'string'},{'type':'integer'}]}", "allOf: type"},
        {"{'allOf':[false]}", "allOf: nothing is allowed"},
        {"{'allOf':[{'$ref':'#/x'}]}", "only places in the schema itself"},
        {"{'allOf':[{'pattern':'a'},{'pattern':'b'}]}", "allOf: pattern"},
        {"{'allOf':[{'$ref':'#'}]}", "allOf"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *schema = json_loads(json_of(rows[i][0]), JSON_DECODE_ANY, NULL);
        us_buf out;
        us_buf_init(&out, 8 << 20);
        assert_non_null(schema);
        us_status st = us_schema_to_grammar(schema, "it", &out, &err);
        if (st != US_ERR_ARGUMENT || !strstr(err.message, rows[i][1]) || strncmp(err.message, "it: #", 5))
            fail_msg("%s: %s", rows[i][0], st ? err.message : out.data);
        us_buf_fini(&out);
        json_decref(schema);
    }
    /* what is short and would take for ever: references and choices that double at each step, lists against lists */
    for (int kind = 0; kind < 5; kind++) {
        json_t *defs = json_object(), *list = json_array(), *other = json_array(), *schema;
        char key[20], next[40];
        for (int i = 0; i < 40; i++) {
            snprintf(key, sizeof key, "x%d", i);
            snprintf(next, sizeof next, "#/$defs/x%d", i + 1);
            json_object_set_new(defs, key,
                                kind ? json_pack("{s:[{s:s},{s:s}]}", "allOf", "$ref", next, "$ref", next)
                                     : json_pack("{s:s, s:[s,s], s:{s:{s:s}, s:{s:s}}}", "type", "object", "required", "a", "b",
                                                 "properties", "a", "$ref", next, "b", "$ref", next));
        }
        json_object_set_new(defs, "x40", json_pack("{s:s}", "type", "string"));
        for (int i = 0; i < 50000; i++) {
            json_array_append_new(list, kind == 4 ? json_pack("{s:s}", "title", "t") : json_sprintf("a%d", i));
            json_array_append_new(other, json_sprintf("b%d", i));
        }
        if (kind == 0)
            schema = json_pack("{s:O, s:[{s:s},{s:s}]}", "$defs", defs, "oneOf", "$ref", "#/$defs/x0", "$ref", "#/$defs/x0");
        else if (kind == 1) schema = json_pack("{s:O, s:[{s:s}]}", "$defs", defs, "allOf", "$ref", "#/$defs/x18");
        else if (kind == 2) schema = json_pack("{s:[{s:O},{s:O}]}", "oneOf", "enum", list, "enum", other);
        else if (kind == 3) schema = json_pack("{s:s, s:O, s:{}}", "type", "object", "required", list, "properties");
        else schema = json_pack("{s:s, s:O, s:O}", "type", "object", "anyOf", list, "properties", defs);
        for (int i = 0; i < 50000 && kind == 3; i++)
            json_object_set_new(json_object_get(schema, "properties"), json_string_value(json_array_get(list, (size_t)i)),
                                json_true());
        us_buf out;
        us_buf_init(&out, 8 << 20);
        assert_int_equal(us_schema_to_grammar(schema, "it", &out, &err), US_ERR_ARGUMENT);
        if (!strstr(err.message, "too large")) fail_msg("%d: %s", kind, err.message);
        us_buf_fini(&out);
        json_decref(schema);
        json_decref(defs);
        json_decref(list);
        json_decref(other);
    }
    /* a name of any length, where others are told apart from it letter by letter */
    char *long_name = malloc(100001);
    memset(long_name, 'a', 100000);
    long_name[100000] = 0;
    json_t *named = json_pack("{s:s, s:{s:{}}, s:b}", "type", "object", "properties", long_name, "additionalProperties", 1);
    us_grammar *long_grammar;
    assert_ok(grammar_of(named, &long_grammar), &err);
    assert_true(allows(long_grammar, "{\"aab\": 1}") && !allows(long_grammar, "{aab: 1}"));
    us_grammar_free(long_grammar);
    json_decref(named);
    free(long_name);
    /* nested without end, and too large */
    json_t *deep = json_pack("{s:s}", "type", "null");
    for (int i = 0; i < 100; i++) deep = json_pack("{s:o}", "items", deep);
    us_buf out;
    us_buf_init(&out, 8 << 20);
    assert_int_equal(us_schema_to_grammar(deep, "it", &out, &err), US_ERR_ARGUMENT);
    us_buf_fini(&out);
    json_decref(deep);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(patterns_allow_what_matches),
                                       cmocka_unit_test(patterns_that_are_refused),
                                       cmocka_unit_test(whole_numbers_in_bounds),
                                       cmocka_unit_test(numbers_in_bounds),
                                       cmocka_unit_test(examples),
                                       cmocka_unit_test(what_cannot_be_kept_is_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
