/* reply/stream.h - what another server streams: bytes in, takes out. OpenAI's two shapes of server-sent events, of chats and
 * of completions. Every byte of it is a stranger's: it is cut into lines of bounded length, read by the one door for JSON,
 * and only what a reply may be is kept. Knows no network and no threads (remote.c owns both). */
#ifndef US_REPLY_STREAM_H
#define US_REPLY_STREAM_H
#include "base/buf.h"
#include "reply/take.h"

/* One take. */
typedef struct us_stream_take {
    us_buf raw;      /* the words as they came */
    us_buf words;    /* without what the model thought aloud */
    int32_t *pieces; /* [n_pieces] a hash of each piece: the loop rule's tokens */
    size_t n_pieces, cap_pieces;
    us_stop_view view;
    bool looped, length, over; /* how it ended; nothing more of it is wanted */
    bool finished;             /* the other says that it has ended */
    double logprob;            /* of the pieces, nats */
    size_t n_logprobs;
} us_stream_take;

typedef struct us_stream {
    us_take_rules rules; /* tok is not needed; borrowed */
    int32_t n_wanted;    /* takes, 1..US_MAX_TAKES */
    bool no_thoughts;    /* what the model thinks aloud is left out */
    us_stream_take takes[US_MAX_TAKES];
    int32_t n_takes;                      /* that came so far */
    us_buf line;                          /* the line being read */
    us_buf failure;                       /* what the other says that went wrong, in words or JSON */
    size_t n_bytes;                       /* read, of all */
    uint64_t n_news;                      /* events that were about a take */
    bool done;                            /* the other says that all has ended */
    bool full;                            /* a take is longer than any reply may be: it ends here */
    int32_t n_prompt, n_cached, n_tokens; /* as the other counts; n_tokens: of all takes */
} us_stream;

void us_stream_init(us_stream *s, const us_take_rules *rules, int32_t n_wanted, bool no_thoughts);
void us_stream_fini(us_stream *s);
/* Forgets what came: another stream follows. */
void us_stream_clear(us_stream *s);
/* Reads what has come. LIMIT for a line, or a stream, that is longer than any answer. */
US_MUST_USE us_status us_stream_feed(us_stream *s, const char *data, size_t n, us_error *err);
/* Nothing more is wanted of any take. */
bool us_stream_over(const us_stream *s);
/* Nothing more comes. FORMAT when that is no whole reply: no take at all, or one that broke off. */
US_MUST_USE us_status us_stream_check(const us_stream *s, us_error *err);
/* Where a take ends; `final`: nothing more of it comes. */
void us_stream_scan(us_stream *s, us_stream_take *t, bool final);
/* The words of a take, of which view says what is spoken. */
const us_buf *us_stream_words(const us_stream *s, const us_stream_take *t);

#endif
