/* Another engine's stream: any bytes, in pieces of any size, are read or refused in words; what is shown of a take is a part of it that
 * is no half character, and however they are cut the takes are the same. The first byte chooses how many are wanted. */
#include "reply/stream.h"
#include "base/utf8.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"Homer", "Marge Simpson"}, *const texts[] = {"END", "\n\n"};

static us_status read_all(us_stream *s, const char *data, size_t n, size_t piece, us_error *err) {
    us_status st = US_OK;
    for (size_t at = 0; at < n && !st; at += piece) st = us_stream_feed(s, data + at, n - at < piece ? n - at : piece, err);
    if (!st && us_stream_check(s, err) && !err->message[0]) abort();
    for (int32_t i = 0; i < s->n_takes; i++) us_stream_scan(s, &s->takes[i], true);
    return st;
}

static void check(const us_stream *s) {
    if (s->n_takes > s->n_wanted) abort();
    for (int32_t i = 0; i < s->n_takes; i++) {
        const us_stream_take *t = &s->takes[i];
        const us_buf *words = us_stream_words(s, t);
        if (t->view.begin > t->view.end || t->view.end > words->len || words->len > words->max) abort();
        if (words->len && !us_utf8_valid(words->data + t->view.begin, t->view.end - t->view.begin, NULL)) abort();
        if (!(t->logprob <= 1e6 && t->logprob >= -1e300)) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_error err = {0};
    us_stream whole, cut;
    if (!size) return 0;
    us_take_rules rules = {.stops = {.names = names, .n_names = 2, .own = "Bart", .any_label = data[0] & 64},
                           .texts = texts,
                           .n_texts = data[0] & 32 ? 2 : 0,
                           .max_tokens = 40,
                           .cut_loops = data[0] & 16};
    us_stream_init(&whole, &rules, data[0] % US_MAX_TAKES + 1, data[0] & 128);
    us_stream_init(&cut, &rules, data[0] % US_MAX_TAKES + 1, data[0] & 128);
    us_status a = read_all(&whole, (const char *)data + 1, size - 1, size, &err);
    if (a && !err.message[0]) abort();
    us_status b = read_all(&cut, (const char *)data + 1, size - 1, 3, &err);
    check(&whole);
    check(&cut);
    if (a != b || whole.n_takes != cut.n_takes) abort();
    for (int32_t i = 0; i < whole.n_takes; i++)
        if (whole.takes[i].raw.len != cut.takes[i].raw.len || whole.takes[i].view.end != cut.takes[i].view.end) abort();
    us_stream_fini(&whole);
    us_stream_fini(&cut);
    return 0;
}
