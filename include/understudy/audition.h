/* understudy/audition.h - the audition: how well a character holds, in numbers.
 *
 *     us_audition *a;
 *     us_audition_run(model, script, "characters/homer", &(us_audition_options){0}, &a, &err);
 *     us_audition_write(a, "characters/homer", &err);   // audition.json, audition.html
 *     us_audition_judge(a, "gates.txt", &err);          // then us_audition_get_gates()
 *     us_audition_free(a);
 *
 * Three actors answer the same prompts: the bare model, the model with the character's card, and the model with the card and
 * its adapter. The code that serves makes the replies: for the same line and seed the chat gives the same bytes. Where the
 * figure can be taken of real lines, it stands beside that of the character's own lines in scenes that were kept out of the
 * training. docs/audition.md has the formula and source of each measure. The figures depend on the seed and the instruction
 * set, not on the number of threads. */
#ifndef UNDERSTUDY_AUDITION_H
#define UNDERSTUDY_AUDITION_H

#include "understudy/corpus.h"
#include "understudy/dataset.h"
#include "understudy/generate.h"
#include "understudy/sampler.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Who answers. */
typedef enum us_who {
    US_WHO_REAL = 0, /* the character's own lines of the held-out scenes */
    US_WHO_BASE,     /* the model alone: no persona, no examples, no adapter */
    US_WHO_PROMPT,   /* persona and examples of the card */
    US_WHO_ADAPTER,  /* persona and adapter */
    US_N_WHO
} us_who;
US_API const char *us_who_name(us_who who); /* "real", "base", "prompt", "adapter" */

/* A measured figure. Shares are 0..1. */
typedef enum us_unit { US_UNIT_SHARE = 0, US_UNIT_NATS, US_UNIT_NUMBER } us_unit;
typedef struct us_metric {
    const char *name;  /* "loops": as in a gates file and in audition.json */
    const char *title; /* "replies with a loop" */
    us_unit unit;
    int better;              /* 1: higher is better, -1: lower, 0: nearer to the real lines */
    double value, low, high; /* with a 95% interval; low and high are NAN where there is none */
    uint64_t n;              /* what it was measured over */
} us_metric;

typedef struct us_audition_options {
    bool quick;           /* two minutes for what the studio shows: retrieval, replies and style of base and adapter, over as
                             many contexts as keep each interval of a share within 25 points; whatever is given below holds */
    const char *measures; /* names of groups with commas: likelihood, retrieval, replies, openings, gain, takes, chats, style,
                             retention; NULL: all */
    const char *who;      /* "base,prompt,adapter" or some of them; NULL: all three */
    /* Scenes that prompts and real lines are taken from: "train", "validation", "test", "all"; NULL: "test" */
    const char *part;
    int32_t n_replies; /* held-out contexts to answer; 0: 500 */
    int32_t n_seeds;   /* answers to each; 0: 1 */
    int32_t max_lines; /* held-out lines for likelihood, retrieval, style; 0: 300 */
    int32_t takes;     /* 0: the card's */
    /* "1,4,8,12,16": context gain and the rest at these numbers of takes; NULL: 1, 4, 8 and so on up to `takes`. */
    const char *takes_list;
    const char *cast_folder;           /* a folder of characters; NULL: no attribution by adapters */
    const char *prompts_file;          /* more user lines, one a line; NULL: none */
    const char *lexicon_file;          /* more expressions that give a machine away; NULL: none */
    const char *adapter;               /* instead of the card's; NULL */
    const us_sampler_options *sampler; /* instead of the card's; NULL */
    double lambda;                     /* 0: the card's; negative: 0, replies are not compared by what they answer */
    double adapter_scale;              /* 0: 1 */
    int32_t max_tokens;                /* of a reply; 0: 80 */
    uint64_t seed;                     /* of replies, shuffles and bootstrap; the split has its own, that of the training */
    double validation, test;           /* shares of the scenes, as in training; both 0: 0.05 each */
    double unnamed;                    /* share of turns without the name; 0: 0.25; negative: 0, every turn has its name */
    uint64_t split_seed;
    int n_threads;       /* 0: every CPU */
    const char *journal; /* a file that keeps what is done, so that an interrupted run goes on there; NULL: none */
    bool restart;        /* throw away what the journal holds */
    /* Called several times a second while there is work; false stops the run (INTERRUPTED; the journal keeps what was done). */
    bool (*progress)(void *ctx, const char *stage, uint64_t done, uint64_t total);
    void *progress_ctx;
} us_audition_options;

typedef struct us_audition us_audition;

/* NOT_FOUND when the folder has no card, or when the card names no adapter and `who` includes the adapter ("base,prompt"
 * leaves it out); model and script must outlive the audition. FORMAT for a part without lines and for a prompts file that is
 * not UTF-8; the errors of opening a card and an adapter. */
US_API US_MUST_USE us_status us_audition_run(us_model *model, const us_script *script, const char *folder,
                                             const us_audition_options *options, us_audition **out, us_error *err);
US_API void us_audition_free(us_audition *a);
/* The figures of one actor, in a fixed order. */
US_API const us_metric *us_audition_get_metrics(const us_audition *a, us_who who, size_t *n);
US_API const us_metric *us_audition_find(const us_audition *a, us_who who, const char *name); /* NULL: not measured */
/* Every measure that exists, with value NAN, in the order of the report. */
US_API const us_metric *us_audition_measures(size_t *n);
US_API const char *us_audition_character(const us_audition *a);
/* The whole report as JSON, and as a page that needs neither network nor script; free() it. */
US_API US_MUST_USE us_status us_audition_json(const us_audition *a, char **out, us_error *err);
US_API US_MUST_USE us_status us_audition_html(const us_audition *a, char **out, us_error *err);
/* "audition" when everything was measured, "audition.some" when some measures were left out: no part overwrites a whole. */
US_API const char *us_audition_report_name(const us_audition *a);
/* Writes folder/NAME.json and folder/NAME.html, each atomically; NAME is the report's. */
US_API US_MUST_USE us_status us_audition_write(const us_audition *a, const char *folder, us_error *err);

/* A line of a gates file, judged. */
typedef struct us_gate {
    const char *text; /* "loops <= 0.5%" */
    double value, bound;
    bool passed;
} us_gate;
/* Reads gates, one a line: NAME OP NUMBER[%], OP one of < <= > >=, NUMBER may be "real" or "real * 0.9"; '#' begins a
 * comment. They are judged on the adapter's figures (on the card's, when `who` leaves the adapter out) and go into the
 * report. FORMAT names file, line and the nearest measure for a typo, before anything is judged; ARGUMENT for a measure that
 * this run did not take. */
US_API US_MUST_USE us_status us_audition_judge(us_audition *a, const char *gates_file, us_error *err);
US_API const us_gate *us_audition_get_gates(const us_audition *a, size_t *n);
/* Checks the words of a gates file without a run, so that a typo is found before the work begins. */
US_API US_MUST_USE us_status us_audition_check_gates(const char *gates_file, us_error *err);

#ifdef __cplusplus
}
#endif
#endif
