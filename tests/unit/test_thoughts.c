/* What another engine's model thinks aloud is left out, however the stream is cut. */
#include "test.h"
#include "reply/thoughts.h"

static us_error err;
static const struct {
    const char *raw, *words;
    bool taken_back; /* a thought that nothing opened is shown until it is closed */
} rows[] = {
    {"Hello, neighbour!", "Hello, neighbour!", false},
    {"<think>\nThe user greets.\n</think>\n\nHello!", "Hello!", false},
    {"<think></think>Hello <3 you", "Hello <3 you", false},
    {"\n<think>a</think>\n\nHi.<think>b</think> Bye.", "Hi. Bye.", false},
    {"<think>a <b> </thin </think>x", "x", false},
    {"I should greet.\n</think>\n\nHello!", "Hello!", true},
    {"[THINK]x[/THINK]Hi [laughs]", "Hi [laughs]", false},
    {"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hi!<|return|>", "Hi!", false},
    {"Hi!<|end|>", "Hi!", false},
    {"<think>never over", "", false},
    {"x < y and y > z", "x < y and y > z", false},
    {"a <th", "a <th", false}, /* the head of a mark that never came is words */
    {"", "", false}};

static void cut_anywhere(void **state) {
    (void)state;
    us_buf out, shown;
    us_buf_init(&out, 10000);
    us_buf_init(&shown, 10000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *raw = rows[i].raw;
        us_buf_clear(&shown);
        for (size_t n = 0; n <= strlen(raw); n++) {
            assert_ok(us_thoughts_leave_out(raw, n, false, &out, &err), &err);
            if (!rows[i].taken_back) { /* what was shown stays */
                assert_true(out.len >= shown.len);
                if (shown.len) assert_memory_equal(out.data, shown.data, shown.len);
            }
            us_buf_clear(&shown);
            if (out.len) assert_ok(us_buf_append(&shown, out.data, out.len, &err), &err);
        }
        assert_ok(us_thoughts_leave_out(raw, strlen(raw), true, &out, &err), &err);
        assert_string_equal(out.len ? out.data : "", rows[i].words);
    }
    us_buf_fini(&out);
    us_buf_fini(&shown);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cut_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
