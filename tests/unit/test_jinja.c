/* The reader of chat templates, expression by expression: what Jinja would put out there, and what is refused because it cannot be told. */
#include "test.h"
#include "model/jinja.h"

static us_error err;

#define LOOP "{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] }}{% endfor %}"

static us_status read_as(const char *text, us_role role, bool system, us_written *w) {
    us_situation s = {.role = role,
                      .position = role == US_ROLE_ASSISTANT,
                      .last = true,
                      .system = system || role == US_ROLE_SYSTEM,
                      .generation = true,
                      .today = 86400 * 365};
    us_written_init(w);
    return us_jinja_read(text, strlen(text), &s, w, &err);
}

static const char *text_of(const us_buf *b) { return b->len ? b->data : ""; }

/* What stands before the turns. */
static void gives(const char *jinja, const char *want) {
    char text[3000];
    us_written w;
    snprintf(text, sizeof text, "%s%s", jinja, LOOP);
    us_status st = read_as(text, US_ROLE_USER, true, &w);
    if (st || strcmp(text_of(&w.before), want) != 0)
        fail_msg("%s: %s; expected '%s'", jinja, st ? err.message : text_of(&w.before), want);
    if (strcmp(text_of(&w.turn), "<user>\1\60") != 0) fail_msg("%s: the turn is '%s'", jinja, text_of(&w.turn));
    us_written_fini(&w);
}

static void expressions(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"'a' + \"b\"", "ab"},
        {"'a' ~ 'b' + 'c'", "abc"},
        {"'a\\nb\\t\\\\\\''", "a\nb\t\\'"},
        {"'\\q'", "\\q"}, /* no escape: both characters, as in Python */
        {"'\\ \\%'", "\\ \\%"},
        {"'a\\\nb'", "ab"}, /* a line goes on */
        {"'\\f'", "\f"},
        {"\"it's a-b\" | title", "It's A-B"},
        {"\"it's\".title()", "It'S"},
        {"('aaa' | replace('a', 'b', 2)) ~ 'aaa'.replace('a', 'b', 1)", "bbabaa"},
        {"'y' if raise_exception is defined and range is defined else 'n'", "y"},
        {"'y' if bos_token == bos_token else 'n'", "y"},
        {"('x')", "x"},
        {"'x' if true else 'y'", "x"},
        {"'x' if False else 'y'", "y"},
        {"'x' if false", ""},
        {"'x' if false else 'y' if false else 'z'", "z"},
        {"' a '.strip()", "a"},
        {"' a '.lstrip()", "a "},
        {"' a '.rstrip()", " a"},
        {"'\n a \n'.strip('\\n')", " a "},
        {"' a ' | trim", "a"},
        {"'a'|string", "a"},
        {"'ab cd'|title", "Ab Cd"},
        {"'aB c'.capitalize()", "Ab c"},
        {"'aB'.upper()", "AB"},
        {"'AB'|lower", "ab"},
        {"nothing|upper ~ 'x'", "x"},
        {"'reasoning' in messages[0]['content']|lower", "False"},
        {"'12'|int + 1", "13"},
        {"'a{}b{}'.format('-', 2)", "a-b2"},
        {"{2: 'b', 10: 'c', 1: 'a', 2: 'd'}[2]", "d"},
        {"(2 in {2: 'b'}) ~ ({2: 'b'}.get(3, 'x'))", "Truex"},
        {"({10: 'c', 2: 'b', 1: 'a'}|dictsort)[1][1]", "b"},
        {"({'b': 1, 'ab': 2, 'a': 3}|dictsort)[1][0]", "ab"},
        {"tools", "None"}, /* given, as None: so does transformers */
        {"tool_calls", ""},
        {"tools | default('none', true)", "none"},
        {"tool_calls | default('none')", "none"},
        {"'x' | default('y')", "x"},
        {"'y' if tool_calls is defined else 'n'", "n"},
        {"'y' if tool_calls is not defined else 'n'", "y"},
        {"'y' if tools is none else 'n'", "y"},
        {"'y' if tool_calls is undefined else 'n'", "y"},
        {"'y' if 'x' is string else 'n'", "y"},
        {"'y' if messages is iterable else 'n'", "y"},
        {"'y' if messages is string else 'n'", "n"},
        {"'y' if messages[0] is mapping else 'n'", "y"},
        {"'y' if true is true and false is false else 'n'", "y"},
        {"'y' if 3 % 2 == 1 else 'n'", "y"},
        {"'y' if 1 + 1 == 2 else 'n'", "y"},
        {"'y' if 1 < 2 and 2 <= 2 and 3 > 2 and 3 >= 3 and 1 != 2 else 'n'", "y"},
        {"'y' if 2 < 1 or 3 <= 2 or 1 > 2 or 2 >= 3 else 'n'", "n"},
        {"'y' if 'b' in 'abc' else 'n'", "y"},
        {"'y' if 'd' in 'abc' else 'n'", "n"},
        {"'y' if 'a' in ['b', 'a'] else 'n'", "y"},
        {"'y' if 'c' not in ['b', 'a'] else 'n'", "y"},
        {"'y' if 'c' in [] else 'n'", "n"},
        {"'y' if 'tool_calls' in messages[0] else 'n'", "n"},
        {"'y' if not true else 'n'", "n"},
        {"'y' if not tools else 'n'", "y"},
        {"'y' if '' or 'a' else 'n'", "y"},
        {"true and 'x'", "x"},
        {"tools or 'x'", "x"},
        {"'y' if 'a' == 'a' and 'a' != 'b' and 'a' != 1 else 'n'", "y"},
        {"bos_token", "\3"},
        {"bos_token + 'x' + eos_token", "\3x\4"},
        {"messages[0]['content']", "\2\60"},
        {"messages[0].content.strip()", "\2\63"},
        {"messages[0]['content'] | trim", "\2\63"},
        {"messages[0]['content'].strip('\\n')", "\2\67"},
        {"messages[0].get('content')", "\2\60"},
        {"'y' if messages[0]['role'] == 'system' else 'n'", "y"},
        {"'y' if messages[0].role != 'system' else 'n'", "n"},
        {"'y' if messages[-1]['role'] == 'user' else 'n'", "y"},
        {"'y' if messages[0]['name'] else 'n'", "n"},
        {"'y' if messages[0]['content'] == '<x>' else 'n'", "n"}, /* contents equal no marker of the template */
        {"'y' if messages[0]['content'][:3] == '<x>' else 'n'", "n"},
        {"(1 < 3 < 2) ~ ('x' == 'x' != 'y')", "FalseTrue"}, /* a chain */
        {"('x' in 'xy' in ['xy']) ~ (2 not in [1] != [])", "TrueTrue"},
        {"(nothing is iterable) ~ (nothing is sequence) ~ (none is iterable)", "TrueTrueFalse"},
        {"'y' if messages[0].content[:1] or true else 'n'", "y"},
        {"'y' if '' and messages[0].content[:1] else 'n'", "n"},
        {"'y' if 'x' in messages[0]['role'] else 'n'", "n"},
        {"'y' if add_generation_prompt else 'n'", "y"},
        {"'y' if enable_thinking else 'n'", "n"},
        {"strftime_now('%Y')", "1971"},
        {"''", ""},
        {"1", "1"},
        {"true", "True"},
        {"'a' 'b'", "ab"},
        {"('a' 'b')", "ab"},
        {"'a' * 2", "aa"},
        {"'x' ~ 1", "x1"},
        {"-7 % 3 ~ -7 // 3 ~ 7 // 2", "2-33"},
        {"'a' | replace('a', 'b')", "b"},
        {"'a<x>b<x>c'.split('<x>')[-1]", "c"},
        {"'a<x>b<x>c'.split('<x>', 1)[1]", "b<x>c"},
        {"['a', 'b'] | join(', ')", "a, b"},
        {"['a', 'b'] | last ~ ['a', 'b'] | first", "ba"},
        {"(['a', 'b'] + ['c'])[1:] | join", "bc"},
        {"['a', 'b'][::-1] | join", "ba"},
        {"'abc'[1:] ~ 'abc'[-1] ~ 'abc'[:1]", "bcca"},
        {"range(3) | join ~ range(5, 1, -2) | join", "01253"},
        {"{'a': 'x', 'b': 'y'}['b'] ~ {'a': {'b': 'z'}}.a.b", "yz"},
        {"{'a': 'x'}.get('c', 'd') ~ ({'a': 'x'}.get('c') is none)", "dTrue"},
        {"{'a': 'x'}.items() | map('last') | join", "x"},
        {"'y' if 'x' is in ['x'] and 4 is divisibleby 2 and 3 is odd else 'n'", "y"},
        {"'y' if 'abc'.startswith('ab') and 'abc'.endswith('bc') and not 'abc'.endswith('ab') else 'n'", "y"},
        {"'y' if 1 == true and [1, 'a'] == [1, 'a'] and none is none and 'a' != none else 'n'", "y"},
        {"'y' if (false and messages[9].x.y) or true else 'n'", "y"}, /* behind what settles it nothing is evaluated */
        {"'y' if true or messages[9].x.y else 'n'", "y"},
        {"messages[9].x.y if false else 'n'", "n"},
        {"'Say \"{}\"' | tojson if false else 'a' | tojson", "\"a\""},
        {"messages | length", "2"},
        {"messages | map(attribute='role') | join(' ')", "system user"},
        {"messages | selectattr('role', 'equalto', 'user') | list | length", "1"},
        {"messages | rejectattr('role', 'equalto', 'user') | map(attribute='content') | first", "\2\60"},
        {"tools | selectattr('type', 'equalto', 'x') | list | length", "0"},
        {"messages[0].content.split('</think>')[-1].lstrip('\n')", "\2\65"},
        {"messages[0].content | replace('<|im_end|>', '')", "\2\60"},
        {"' ' ~ messages[0].content | trim ~ ' '", " \2\63 "},
        {"(' ' ~ messages[0].content ~ '\n') | trim", "\2\63"},
        {"'y' if messages[0].content | length > 0 and messages[0].content is string else 'n'", "y"},
        {"'y' if messages[0].content | length == 0 or messages[0].content[:4] == '<te>' else 'n'", "n"},
        {"'y' if messages[0].content.startswith('<tool>') or '<think>' in messages[0].content else 'n'", "n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[400];
        snprintf(text, sizeof text, "{{ %s }}", rows[i][0]);
        gives(text, rows[i][1]);
    }
}

static void statements(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"a{# nothing #}b", "ab"},
        {"a {#- nothing -#} b", "ab"},
        {"a {{- 'x' -}} b", "axb"},
        {"a\n  {%- if true -%}\n b\n {%- endif -%}\n c", "abc"},
        {"  {% if true %}\na\n{% endif %}\nb", "a\nb"}, /* trim_blocks and lstrip_blocks, as transformers set them */
        {"  {%+ if true %}a{% endif %}", "  a"},
        {"{% set x = 'a' %}{{ x }}{% set x = x + 'b' %}{{ x }}", "aab"},
        {"{% set ns = namespace(a='x', b=1) %}{{ ns.a }}{% set ns.a = 'y' %}{{ ns.a }}", "xy"},
        {"{% if tools %}t{% elif true %}e{% else %}n{% endif %}", "e"},
        {"{% if tools %}t{% elif false %}e{% else %}n{% endif %}", "n"},
        {"{% if tools %}{% for t in tools %}{{ t.name }}{% endfor %}{% endif %}x", "x"},
        {"{% for t in tool_calls %}{{ t }}{% endfor %}x", "x"},
        {"{% macro f(x) %}{{ x }}{% endmacro %}x", "x"},
        {"{% generation %}x{% endgeneration %}", "x"},
        {"{% if messages[0]['role'] == 'system' %}{% set s = messages[0]['content'] %}{% else %}{% set s = 'd' %}{% endif %}{{ "
         "s }}",
         "\2\60"},
        {"{% set ns = namespace(found=false) %}{% for m in messages %}{% if m['role'] == 'system' %}{% set ns.found = true "
         "%}{% endif %}{% endfor %}{% if ns.found %}y{% else %}n{% endif %}",
         "y"},
        {"{% if false %}{{ raise_exception('no') }}{% endif %}x", "x"},
        {"a\r\nb\rc", "a\nb\nc"},
        {"{{ {'a': {'b': 'x'}}['a']['b'] }}", "x"}, /* brackets that close together end no block */
        {"{% if true +%}\nx{% endif %}", "\nx"},
        {"{% set x %}a{{ 'b' }}{% endset %}{{ x }}", "ab"},
        {"{% macro f(x, y='d', z=none) %}{{ x }}{{ y }}{{ z }}{% endmacro %}{{ f('a') }}{{ f('a', z='c', y='b') }}",
         "adNoneabc"},
        {"{% set g = 'g' %}{% macro f(x) %}{{ g }}{% if x %}{{ f(false) }}{% endif %}{% endmacro %}{{ f(true) }}", "gg"},
        {"{% for x in ['a', 'b', 'c', 'd'] if x != 'b' %}{% if x == 'd' %}{% break %}{% endif %}{{ loop.index }}{{ x }}{% "
         "endfor %}",
         "1a2c"},
        {"{% for x in ['a', 'b'] %}{% if x == 'a' %}{% continue %}{% endif %}{{ x }}{{ loop.last }}{% endfor %}", "bTrue"},
        {"{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "a1b2"},
        {"{% for k in {'a': 1} %}{{ k }}{% endfor %}{% for x in [] %}x{% else %}e{% endfor %}", "ae"},
        {"{% set x = 'a' %}{% for k in [1] %}{% set x = 'b' %}{{ x }}{% endfor %}{{ x }}", "ba"}, /* a loop's own name */
        {"{% set l = [] %}{% do l.append('a') %}{{ l | join }}", "a"},
        {"{% set n = messages[0].content | length %}{% if n > 9 %}{% set n = 9 %}{% endif %}x", "x"},
        {"{% if messages[0].content | length > 99 %}{{ raise_exception('too long') }}{% endif %}x", "x"},
        {"{% for c in messages[0].content %}{% if c['type'] == 'image' %}i{% endif %}{% endfor %}x", "x"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) gives(rows[i][0], rows[i][1]);
}

/* The body of the loop for each kind of message; what stands behind it. */
static void turns(void **state) {
    (void)state;
    static const char text[] =
        "{% if messages[0]['role'] == 'system' %}S{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}"
        "{% for m in rest %}{% if loop.first %}F{% endif %}{% if loop.index0 % 2 == 0 %}U{% else %}A{% endif %}{{ m.content }}"
        "{% if loop.last %}L{% endif %}{% if loop.index == 2 %}2{% endif %}{% endfor %}{% if add_generation_prompt %}G{% endif "
        "%}";
    us_written w;
    assert_ok(read_as(text, US_ROLE_USER, false, &w), &err);
    assert_string_equal(text_of(&w.before), "");
    assert_string_equal(text_of(&w.turn), "FU\1\60L");
    assert_string_equal(text_of(&w.after), "G");
    us_written_fini(&w);
    assert_ok(read_as(text, US_ROLE_ASSISTANT, true, &w), &err);
    assert_string_equal(text_of(&w.before), "S");
    assert_string_equal(text_of(&w.turn), "A\1\60L2");
    us_written_fini(&w);
    assert_ok(read_as(text, US_ROLE_SYSTEM, true, &w), &err);
    assert_string_equal(text_of(&w.turn), ""); /* the loop leaves it out */
    us_written_fini(&w);
    /* what a template forbids is told from what it does not know */
    assert_ok(read_as("{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ "
                      "m.content }}{% endfor %}",
                      US_ROLE_SYSTEM, true, &w),
              &err);
    assert_true(w.refused);
    us_written_fini(&w);
    assert_ok(read_as("{{ messages[7].content }}" LOOP, US_ROLE_USER, true, &w), &err);
    assert_true(w.refused); /* nothing has no parts: Jinja raises an error */
    us_written_fini(&w);
    /* what is lost is told, too */
    static const char *const lost[] = {"no loop at all", "{% for m in messages[3:] %}{{ m.content }}{% endfor %}",
                                       "{% for m in messages %}{{ m.text }}{% endfor %}"};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(read_as(lost[i], US_ROLE_USER, true, &w), &err);
        assert_true(w.lost);
        us_written_fini(&w);
    }
    /* the first turn before the loop, which goes over the others */
    assert_ok(read_as("{% if messages[0].role == 'system' %}{{ 'S' + messages[0].content + 'U' + messages[1].content }}"
                      "{% for m in messages[2:] %}{{ m.content }}{% endfor %}{% endif %}G",
                      US_ROLE_USER, true, &w),
              &err);
    assert_string_equal(text_of(&w.before), "");
    assert_string_equal(text_of(&w.turn), "S\2\60U\1\60");
    assert_string_equal(text_of(&w.after), "G");
    us_written_fini(&w);
}

static void refuses(const char *text, const char *why) {
    us_written w;
    us_status st = read_as(text, US_ROLE_USER, true, &w);
    if (st != US_ERR_UNSUPPORTED || !strstr(err.message, why))
        fail_msg("%.200s: %s; expected: %s", text, st ? err.message : "taken", why);
    us_written_fini(&w);
}

static void what_is_refused(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"{{ 'a }}" LOOP, "a string without an end"},
        {"{{ 'a' " LOOP, "not one of the known ones"},
        {LOOP "{% if true", "a block without an end"},
        {"{% if true %}" LOOP, "a block without an end"},
        {"{% endif %}" LOOP, "an end without a beginning"},
        {"{% else %}" LOOP, "an else without an if"},
        {"{{ }}" LOOP, "an expression that is not understood"},
        {"{{ 1 + }}" LOOP, "an expression that is not understood"},
        {"{{ == }}" LOOP, "an expression that is not understood"},
        {"{{ '\\x41' }}" LOOP, "a string with a numeric escape"},
        {"{% set 1 = 2 %}" LOOP, "a set that is not understood"},
        {"{% set x %}" LOOP, "a block without an end"},
        {"{% set ns = namespace(1=2) %}" LOOP, "a call that is not understood"},
        {"{% set ns = namespace(a) %}" LOOP, "a namespace that is not understood"},
        {"{% include 'x' %}" LOOP, "a statement that is not understood"},
        {"{{ messages }}" LOOP, "an output that is not understood"},
        {"{{ messages[0] }}" LOOP, "an output that is not understood"},
        {"{{ f('x') }}" LOOP, "an output that is not understood"},
        {"{{ 'a'.split('b') }}" LOOP, "an output that is not understood"},
        {"{{ {'a': 1} }}" LOOP, "an output that is not understood"},
        {"{{ messages[0]['content'].upper() }}" LOOP, "an output that is not understood"},
        {"{% if 1 < 'a' %}x{% endif %}" LOOP, "a condition that is not understood"},
        {"{% if 5 % 0 == 1 %}x{% endif %}" LOOP, "a condition that is not understood"},
        {"{% if 'x' is odd %}x{% endif %}" LOOP, "a condition that is not understood"},
        {"{% if messages[0]['content'] == messages[-1]['content'] %}x{% endif %}" LOOP, "a condition that is not understood"},
        {LOOP LOOP, "a turn's text stands in another's place"},
        {LOOP "and" LOOP, "two loops over the messages"},
        {"{{ {1.5: 2} }}" LOOP, "an expression that is not understood"},
        {"{{ {1: 2, 'a': 3} | dictsort | length }}" LOOP, "an output that is not understood"},
        {"{{ {'B': 2} | dictsort | length }}" LOOP, "an output that is not understood"},
        {"{{ '{0}{1}'.format('a', 'b') }}" LOOP, "an output that is not understood"},
        {"{{ '{}{}'.format('a') }}" LOOP, "an output that is not understood"},
        {"{{ '1a' | int }}" LOOP, "an output that is not understood"},
        {"{% for x in 'abc' %}{{ x }}{% endfor %}" LOOP, "a loop that is not understood"},
        {"{% for m in messages %}{% for k in messages %}{{ k.content }}{% endfor %}{% endfor %}",
         "a turn's text stands in another's place"},
        {"{% for m in messages %}{{ messages[-1].content }}{% endfor %}", "a turn's text stands in another's place"},
        {"{{ messages[0].content | length }}" LOOP, "an output that is not understood"},
        {"{{ messages[0].content.split(' ')[0] }}" LOOP, "an output that is not understood"},
        {"{{ messages[0].content.replace(' ', '_') }}" LOOP, "an output that is not understood"},
        {"{{ messages[0].content | tojson }}" LOOP, "an output that is not understood"},
        {"{{ messages[0].content[:3] }}" LOOP, "an output that is not understood"},
        {"{{ '\\a' }}" LOOP, "an escape that is not understood"},
        {"{% if bos_token == '<s>' %}x{% endif %}" LOOP, "a condition that is not understood"},
        {"{{ raise_exception }}" LOOP, "an output that is not understood"},
        {"{{ 'é'[:1] }}" LOOP, "an output that is not understood"}, /* letters, not bytes */
        {"{{ 'é' | length }}" LOOP, "an output that is not understood"},
        {"{{ 'é'.upper() }}" LOOP, "an output that is not understood"},
        {"{{ (messages[0].content | length > 9) or 'x' }}" LOOP, "an output that is not understood"}, /* true, but what? */
        {"{{ (messages[0].content | length > 9) and '' }}" LOOP, "an output that is not understood"},
        {"{% if messages[0].content | length > 9 %} {% endif %}" LOOP, "a condition that is not understood"}, /* blanks too */
        {"{% if messages[0].content[0] == 'H' %}x{% endif %}" LOOP, "a condition that is not understood"},
        {"{% if messages[0].content == ' ' %}x{% endif %}" LOOP, "a condition that is not understood"},
        {"{% if messages[0].content | length > 9 %}x{% endif %}" LOOP, "a condition that is not understood"},
        {"{% if '?' in messages[0].content %}x{% endif %}" LOOP, "a condition that is not understood"},
        {"{% if messages[0].content.startswith(' ') %}x{% endif %}" LOOP, "a condition that is not understood"},
        {"{{ messages[0].content.strip('xyz') }}" LOOP, "an output that is not understood"},
        {"{{ 1.5 }}" LOOP, "an output that is not understood"},
        {"{{ 'a'[::2] }}" LOOP, "an output that is not understood"},
        {"{{ 1 / 2 }}" LOOP, "an output that is not understood"},
        {"{{ nothing('x') }}" LOOP, "an output that is not understood"},
        {"{{ 'a' | nothing }}" LOOP, "an output that is not understood"},
        {"{{ namespace(1, 2) }}" LOOP, "a namespace that is not understood"},
        {"{{ range(1, 2, 3, 4, 5, 6, 7, 8, 9) }}" LOOP, "a call that is not understood"},
        {"{% macro %}{% endmacro %}" LOOP, "a macro that is not understood"},
        {"{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}" LOOP, "nested too deeply"},
        {"{% for i in range(10000) %}{% for k in range(10000) %}{% endfor %}{% endfor %}" LOOP, "it is too long"},
        {"{% set x = [] %}{% for i in range(4000) %}{% do x.append(i) %}{% do x.append(i) %}{% endfor %}" LOOP,
         "it is too long"},
        {"{% for x in messages %}{% set y = 'a' %}{% endfor %}{% set y.z = 1 %}" LOOP, "a set that is not understood"},
        {"a\1b" LOOP, "control characters"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) refuses(rows[i][0], rows[i][1]);
    char *big = malloc(200000);
    size_t n = 0;
    for (int i = 0; i < 60; i++) n += (size_t)sprintf(big + n, "(");
    n += (size_t)sprintf(big + n, "1");
    for (int i = 0; i < 60; i++) n += (size_t)sprintf(big + n, ")");
    char text[400];
    snprintf(text, sizeof text, "{{ %s }}%s", big, LOOP);
    refuses(text, "nested too deeply");
    n = 0;
    for (int i = 0; i < 50; i++) n += (size_t)sprintf(big + n, "{%% if true %%}");
    strcpy(big + n, LOOP);
    refuses(big, "nested too deeply");
    n = 0;
    for (int i = 0; i < 200; i++) n += (size_t)sprintf(big + n, "{%% set x%d = 1 %%}", i);
    strcpy(big + n, LOOP);
    refuses(big, "too many names");
    n = (size_t)sprintf(big, "{%% set x = '%01000d' %%}", 0); /* grows without end? no: 64 KiB are enough for any text */
    for (int i = 0; i < 12; i++) n += (size_t)sprintf(big + n, "{%% set x = x + x %%}");
    strcpy(big + n, LOOP);
    us_written w;
    us_status st = read_as(big, US_ROLE_USER, true, &w);
    if (st) assert_non_null(strstr(err.message, "it is too long"));
    us_written_fini(&w);
    n = (size_t)sprintf(big, "{{ 'x' if ");
    for (int i = 0; i < 3000; i++) n += (size_t)sprintf(big + n, "not ");
    sprintf(big + n, "true }}%s", LOOP);
    refuses(big, "nested too deeply");
    us_situation s = {.role = US_ROLE_USER};
    us_written_init(&w);
    assert_int_equal(us_jinja_read("a\0b", 3, &s, &w, &err), US_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "NUL"));
    us_written_fini(&w);
    free(big);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(expressions), cmocka_unit_test(statements), cmocka_unit_test(turns),
                                       cmocka_unit_test(what_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
