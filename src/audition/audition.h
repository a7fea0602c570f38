/* audition/audition.h - one audition in the making: what is heard, what was said, what was measured. */
#ifndef US_AUDITION_AUDITION_H
#define US_AUDITION_AUDITION_H
#include "audition/journal.h"
#include "reply/leaks.h"
#include "audition/memorised.h"
#include "audition/prompts.h"
#include "audition/score.h"
#include "audition/stats.h"
#include "audition/attribution.h"
#include "character/card.h"
#include "explore/words.h"
#include "chat/conversation.h"
#include "understudy/director.h"
#include "understudy/audition.h"

typedef enum us_measure {
    US_MEASURE_LIKELIHOOD = 0,
    US_MEASURE_RETRIEVAL,
    US_MEASURE_REPLIES,  /* to held-out contexts, to provocations and to the user's own lines */
    US_MEASURE_OPENINGS, /* to the built-in openings too */
    US_MEASURE_GAIN,     /* what the conversation tells of the replies */
    US_MEASURE_TAKES,
    US_MEASURE_CHATS,
    US_MEASURE_STYLE,
    US_MEASURE_RETENTION,
    US_N_MEASURES
} us_measure;

/* One take as it is kept: what was spoken, and what the ranking needs to know. */
typedef struct us_kept_take {
    char *text;                    /* as spoken, valid UTF-8 */
    double logprob, unconditional; /* nats, of n_tokens */
    double judged;                 /* by the judges that see the conversation, nats */
    int32_t n_tokens;
    bool ended, looped, stopped;
    double gain;    /* of the text, by the base model; NAN: not measured */
    int32_t n_gain; /* tokens that it was measured over */
} us_kept_take;

typedef struct us_answer {
    uint32_t probe, seed;
    us_kept_take *takes; /* [n_takes] */
    int32_t n_takes, best;
} us_answer;

/* A line of a chat of 20 turns. */
typedef struct us_chat_log {
    const char **said;  /* [n] */
    us_answer *answers; /* [n] */
    size_t n;
} us_chat_log;

/* A speaker whom lines may be attributed to. */
typedef struct us_class {
    const char *name;
    us_dataset *set;
    us_card *card;       /* of the cast folder; NULL */
    us_adapter *adapter; /* the same */
    char *system;
    const char **train, **held; /* real lines */
    size_t n_train, n_held;
} us_class;

typedef struct us_metrics {
    us_metric *items;
    size_t n, cap;
} us_metrics;

typedef struct us_confusion { /* rows: who said it; columns: whom it was given to */
    const char *title;
    double cells[US_ATTRIBUTION_MAX_CLASSES + US_N_WHO][US_ATTRIBUTION_MAX_CLASSES];
    const char *rows[US_ATTRIBUTION_MAX_CLASSES + US_N_WHO];
    size_t n_rows;
} us_confusion;

typedef struct us_test { /* a paired comparison of two who answer */
    const char *metric;
    us_who a, b;
    bool counts; /* McNemar on flags; else bootstrap of a difference */
    double difference, low, high, p;
    uint64_t n;
} us_test;

enum { US_MAX_TAKE_COUNTS = 8, US_MAX_CONFUSIONS = 4 };

struct us_audition {
    us_audition_options o;
    bool measure[US_N_MEASURES], who[US_N_WHO];
    int32_t counts[US_MAX_TAKE_COUNTS], n_counts, n_takes; /* numbers of takes to judge; the shipped one */
    us_model *model;
    us_engine *engine;
    const us_template *tpl;
    const us_tokenizer *tok;
    const us_script *script;
    us_card *card;
    us_adapter *adapter;
    us_director *director; /* that chooses where the character is served; NULL: none for this model */
    us_part part;          /* that is judged, unless all are */
    bool all_parts;
    char *greeting; /* with which a chat begins; NULL: none */
    char *folder, *system, *adapter_path, model_hash[65], adapter_hash[65];
    us_dataset *set;
    us_sampler_options sampler;
    double lambda;
    us_tokens *phrases; /* catch-phrases as tokens */
    size_t n_phrases;
    us_journal *journal;
    us_words words;
    us_leaks *leaks;
    us_memory *memory;
    const char **train; /* the character's lines of the training scenes */
    size_t n_train;
    us_probes probes, targets; /* what is answered; held-out targets that are scored */
    us_class classes[US_ATTRIBUTION_MAX_CLASSES];
    uint32_t n_classes; /* 0 is the character */
    us_attribution *style;

    us_answer *answers[US_N_WHO]; /* [n_answers]: probe i by seed s is i * n_seeds + s */
    size_t n_answers;
    us_chat_log *chats[US_N_WHO];
    size_t n_chats;
    us_metrics metrics[US_N_WHO], by_takes[US_N_WHO][US_MAX_TAKE_COUNTS];
    us_confusion confusions[US_MAX_CONFUSIONS];
    size_t n_confusions;
    us_test *tests;
    size_t n_tests, cap_tests;
    json_t *flagged; /* [{who, rule, prompt, reply, saw}] */
    us_gate *gates;
    size_t n_gates;
    char *gates_text;
};

/* prompt.c: messages[0..n) as a conversation with `who`; lines[n + 1] are the caller's room. `chat`: it is one with a visitor,
 * which begins with the card's greeting; else a scene of the script. */
us_conversation us_audition_conversation(const us_audition *a, us_who who, bool chat, const us_message *messages, size_t n,
                                         us_chat_line *lines);
/* The tokens of what `who` is asked, as the server makes them: persona and examples, then messages[0..n) and the reply's
 * header. n 0: nothing was said. */
US_MUST_USE us_status us_audition_prompt(const us_audition *a, us_who who, const us_message *messages, size_t n, us_tokens *out,
                                         us_error *err);
/* The same with the persona alone and no examples: for what the base model is asked when it measures others. */
US_MUST_USE us_status us_audition_plain_prompt(const us_audition *a, const char *system, const us_message *messages, size_t n,
                                               us_tokens *out, us_error *err);
/* A reply with the token that ends it. */
US_MUST_USE us_status us_audition_reply_tokens(const us_audition *a, const char *text, us_tokens *out, us_error *err);
/* false: stop. */
bool us_audition_tell(us_audition *a, const char *stage, uint64_t done, uint64_t total);
bool us_audition_in_part(const us_audition *a, const us_example *e);
const us_adapter *us_audition_adapter(const us_audition *a, us_who who);

/* replies.c */
US_MUST_USE us_status us_audition_answer(us_audition *a, us_who who, us_error *err);
US_MUST_USE us_status us_audition_chats(us_audition *a, us_who who, us_error *err);
/* The best of the first n takes, as the chat would choose it. */
int32_t us_audition_choose(const us_audition *a, const us_message *asked, size_t n_asked, const us_answer *r, int32_t n);

/* measures: each appends to the metrics of those who answer */
US_MUST_USE us_status us_measure_scores(us_audition *a, us_error *err); /* likelihood, retrieval, context gain */
US_MUST_USE us_status us_measure_text(us_audition *a, us_error *err);   /* loops, labels, leaks, ... of replies and chats */
US_MUST_USE us_status us_measure_style(us_audition *a, us_error *err);
US_MUST_USE us_status us_measure_retention(us_audition *a, us_error *err);

/* metrics.c */
US_MUST_USE us_status us_metrics_add(us_metrics *m, const char *name, us_interval v, us_error *err);
/* The row of that name in the table of all measures (value NAN); NULL for none. */
const us_metric *us_metric_known(const char *name);
US_MUST_USE us_status us_test_add(us_audition *a, us_test t, us_error *err);
US_MUST_USE us_status us_flag(us_audition *a, us_who who, const char *rule, const us_probe *p, const char *prompt,
                              const char *reply, const char *saw, us_error *err);
#endif
