/* Each of the ways to ask for a form becomes one JSON schema or one grammar, and a sentence for the model. */
#include "serve/form.h"
#include "base/buf.h"
#include "base/json.h"
#include "serve/schema.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOOLS = 128, MAX_GRAMMAR = 1 << 20 };

static bool given(const json_t *v) {
    return v && !json_is_null(v) && !(json_is_string(v) && !json_string_length(v)) &&
           !(json_is_array(v) && !json_array_size(v));
}

static us_status say(us_buf *words, us_error *err, const char *what, const json_t *json) {
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    us_status st = us_buf_appendf(words, err, "%s%s%s", words->len ? "\n" : "", what, text ? text : "");
    free(text);
    return st;
}

/* The grammar of response_format or json_schema; nothing is appended for text. */
static us_status read_format(const json_t *body, us_buf *gbnf, us_buf *words, us_error *err) {
    const json_t *format = json_object_get(body, "response_format"), *top = json_object_get(body, "json_schema"),
                 *schema = NULL;
    const char *type = json_string_value(json_object_get(format, "type")), *name = "response_format";
    if (given(format) && (!type || (strcmp(type, "text") && strcmp(type, "json_object") && strcmp(type, "json_schema"))))
        return us_fail(err, US_ERR_ARGUMENT, "response_format: an object of type text, json_object or json_schema is expected");
    if (given(top) && type && strcmp(type, "text") != 0)
        return us_fail(err, US_ERR_ARGUMENT, "json_schema: beside response_format it cannot be kept");
    if (given(top)) schema = top, name = "json_schema";
    else if (!type || !strcmp(type, "text")) return US_OK;
    else {
        schema = json_object_get(json_object_get(format, "json_schema"), "schema");
        if (!schema) schema = json_object_get(format, "schema"); /* llama.cpp's place */
        if (!schema && !strcmp(type, "json_schema"))
            return us_fail(err, US_ERR_ARGUMENT, "response_format: json_schema.schema: a schema is expected");
    }
    if (schema && !json_is_object(schema) && !json_is_boolean(schema))
        return us_fail(err, US_ERR_ARGUMENT, "%s: a schema (an object) is expected", name);
    us_status st = us_schema_to_grammar(schema, name, gbnf, err);
    if (!st && schema) st = say(words, err, "Answer in JSON by this schema: ", schema);
    else if (!st) st = say(words, err, "Answer with a JSON object.", NULL);
    return st;
}

/* References of a schema that now stands at `place` of another one. */
static void move_references(json_t *j, const char *place) {
    const char *key, *ref;
    json_t *v;
    size_t i;
    json_object_foreach(j, key, v) {
        ref = json_string_value(v);
        if (ref && !strcmp(key, "$ref") && ref[0] == '#') json_object_set_new(j, key, json_sprintf("#%s%s", place, ref + 1));
        else move_references(v, place);
    }
    json_array_foreach(j, i, v) move_references(v, place);
}

/* The function that tool_choice names; NULL: none. */
static const char *chosen_name(const json_t *choice) {
    const char *name = json_string_value(json_object_get(json_object_get(choice, "function"), "name"));
    return name ? name : json_string_value(json_object_get(choice, "name"));
}

/* One of them as a schema: {"name": it, "arguments": its parameters}. */
static us_status add_tool(json_t *schema, const json_t *tool, size_t i, const char *only, us_buf *words, us_error *err) {
    const json_t *f = json_object_get(tool, "function");
    if (!f) f = tool; /* the Responses API's form */
    const char *name = json_string_value(json_object_get(f, "name")), *type = json_string_value(json_object_get(tool, "type"));
    json_t *parameters = json_object_get(f, "parameters");
    char place[40];
    if (!name || !*name || (type && strcmp(type, "function") != 0))
        return us_fail(err, US_ERR_ARGUMENT, "tools[%zu]: a function with a name is expected", i);
    if (parameters && !json_is_object(parameters) && !json_is_null(parameters))
        return us_fail(err, US_ERR_ARGUMENT, "tools[%zu]: parameters: a schema (an object) is expected", i);
    if (only && strcmp(only, name) != 0) return US_OK;
    json_t *copy = json_object_size(parameters) ? json_deep_copy(parameters) : json_pack("{s:s}", "type", "object");
    if (!json_object_get(copy, "type") && !json_object_get(copy, "$ref"))
        json_object_set_new(copy, "type", json_string("object"));
    const char *const says[] = {"properties", "additionalProperties", "patternProperties", "required", "$ref", "anyOf", "oneOf",
                                "allOf"};
    bool empty = true; /* no parameters means no arguments, not any */
    for (size_t k = 0; k < sizeof says / sizeof *says; k++) {
        const json_t *v = json_object_get(copy, says[k]);
        empty = empty && !json_is_string(v) && !json_object_size(v) && !json_array_size(v);
    }
    if (empty && !json_is_boolean(json_object_get(copy, "additionalProperties")))
        json_object_set_new(copy, "additionalProperties", json_false());
    snprintf(place, sizeof place, "/$tools/%zu", json_array_size(json_object_get(schema, "$tools")));
    move_references(copy, place);
    json_array_append_new(json_object_get(schema, "$tools"), copy);
    json_array_append_new(json_object_get(schema, "anyOf"),
                          json_pack("{s:s, s:{s:{s:s}, s:{s:o}}, s:[s,s], s:b}", "type", "object", "properties", "name",
                                    "const", name, "arguments", "$ref", json_sprintf("#%s", place), "required", "name",
                                    "arguments", "additionalProperties", 0));
    json_t *shown = json_pack("{s:s, s:O?, s:O?}", "name", name, "description", json_object_get(f, "description"), "parameters",
                              parameters);
    us_status st = say(words, err, "", shown);
    json_decref(shown);
    return st;
}

/* The last rule is called "root"; it gets another name, so that it can be one choice of another root. */
static void rename_root(us_buf *gbnf, const char name[5]) {
    char *at = NULL;
    for (char *p = gbnf->data; p && (p = strstr(p, "\nroot ::= ")); p++) at = p;
    if (at) memcpy(at + 1, name, 4);
}

static us_status read_tools(const json_t *body, us_buf *gbnf, us_buf *words, us_form *f, us_error *err) {
    const json_t *tools = json_object_get(body, "tools"), *choice = json_object_get(body, "tool_choice"), *tool;
    const char *which = json_string_value(choice), *only = chosen_name(choice);
    bool formed = gbnf->len > 0, must = only || (which && (!strcmp(which, "required") || !strcmp(which, "any")));
    size_t i;
    if (given(tools) && !json_is_array(tools)) return us_fail(err, US_ERR_ARGUMENT, "tools: a list of functions is expected");
    if (given(choice) && !only && (!which || (strcmp(which, "none") && strcmp(which, "auto") && !must)))
        return us_fail(err, US_ERR_ARGUMENT, "tool_choice: none, auto, required or a function is expected");
    if (!given(tools)) return must ? us_fail(err, US_ERR_ARGUMENT, "tool_choice: there are no tools") : US_OK;
    if (which && !strcmp(which, "none")) return US_OK;
    if (json_array_size(tools) > MAX_TOOLS) return us_fail(err, US_ERR_ARGUMENT, "tools: at most %d are expected", MAX_TOOLS);
    us_status st = say(words, err, must ? "Answer by calling one of these functions:" : "You can call these functions:", NULL);
    json_t *schema = json_pack("{s:[], s:[]}", "$tools", "anyOf");
    json_array_foreach((json_t *)(uintptr_t)tools, i, tool)
        if (!st) st = add_tool(schema, tool, i, only, words, err);
    if (!st && !json_array_size(json_object_get(schema, "anyOf")))
        st = us_fail(err, US_ERR_ARGUMENT, "tool_choice: no tool is called '%.60s'", only);
    if (!st)
        st = say(words, err, "A call is {\"name\": the function's name, \"arguments\": an object}, and nothing else.", NULL);
    if (!st && formed && !must)
        return json_decref(schema),
               us_fail(err, US_ERR_ARGUMENT,
                       "tools: beside a response_format that is no text, tool_choice must be none or required");
    us_buf_clear(gbnf);
    if (!st) st = us_schema_to_grammar(schema, "tools", gbnf, err);
    if (!st && !must) { /* words, or a call: a call begins with a brace */
        rename_root(gbnf, "call");
        st = us_buf_append_str(gbnf, "root ::= call | [^{] .*\n", err);
    }
    json_decref(schema);
    f->tools = !st;
    return st;
}

us_status us_form_read(const json_t *body, const us_tokenizer *tok, us_form *out, us_error *err) {
    const json_t *grammar = json_object_get(body, "grammar");
    us_buf gbnf, words;
    us_form f = {0};
    us_buf_init(&gbnf, 8 * MAX_GRAMMAR);
    us_buf_init(&words, 4 * MAX_GRAMMAR);
    us_status st = given(grammar) && !json_is_string(grammar)
                       ? us_fail(err, US_ERR_ARGUMENT, "grammar: a text in GBNF is expected")
                       : US_OK;
    if (!st) st = read_format(body, &gbnf, &words, err);
    if (!st && given(grammar) && gbnf.len) st = us_fail(err, US_ERR_ARGUMENT, "grammar: beside a schema it cannot be kept");
    if (!st && given(grammar)) st = us_buf_append_str(&gbnf, json_string_value(grammar), err);
    if (!st) st = read_tools(body, &gbnf, &words, &f, err);
    if (!st && gbnf.len) st = us_grammar_new(gbnf.data, tok, &f.grammar, err);
    if (!st && words.len && !(f.words = us_buf_take(&words, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&gbnf);
    us_buf_fini(&words);
    if (st) us_form_fini(&f);
    else *out = f;
    return st;
}

void us_form_fini(us_form *f) {
    us_grammar_free(f->grammar);
    free(f->words);
    *f = (us_form){0};
}

json_t *us_form_calls(const us_form *f, const char *text, size_t n, const char *id) {
    if (!f->tools || !n || *text != '{') return NULL;
    json_t *call = us_json_parse(text, n, NULL), *name = json_object_get(call, "name"),
           *arguments = json_object_get(call, "arguments"), *calls = NULL;
    char *inner = json_is_object(arguments) ? json_dumps(arguments, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    if (json_is_string(name) && inner)
        calls = json_pack("[{s:o, s:s, s:{s:O, s:s}}]", "id", json_sprintf("call_%s", id), "type", "function", "function",
                          "name", name, "arguments", inner);
    free(inner);
    json_decref(call);
    return calls;
}
