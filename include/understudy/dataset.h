/* understudy/dataset.h - from a script and a character to what a model learns from. Text, no tokens.
 *
 * A scene becomes an example: turns that alternate between the others (role "user", each line with its
 * speaker's name in front) and the character (role "assistant"). Consecutive lines of one speaker are joined.
 * A turn of the character is a target unless a filter took it out (it stays as history). A target sees at
 * most `history` lines, in whole turns, beginning with a turn of the others: us_dataset_window().
 *
 * A set of a whole series has every speaker's lines: a scene is played by one of its speakers, drawn by the scene's hash, whose
 * lines are replies as above; the others' are learned too, names in front. The persona names who plays.
 *
 *     us_dataset *set;
 *     us_dataset_build(script, &(us_dataset_options){.character = "Homer Simpson"}, &set, &err);
 *
 * Immutable after it was made. All text is UTF-8, NUL-terminated, owned by the set. */
#ifndef UNDERSTUDY_DATASET_H
#define UNDERSTUDY_DATASET_H

#include "understudy/corpus.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whole scenes go to one part, by a hash of their words and the seed: neither the order of the files nor other scenes change
 * where a scene goes. Two exceptions for small sets: a part that got less than half its share takes scenes of the training
 * part, and where the character has fewer than 60 scenes (a script by episodes), long ones are cut every 50 lines or so. */
typedef enum us_part { US_TRAIN = 0, US_VALIDATION, US_TEST, US_N_PARTS } us_part;

/* Why a turn of the character is not a target. Each is a bit in us_dataset_options.filters_off. */
typedef enum us_filter {
    US_FILTER_OPENING = 0,    /* it opens the scene: nothing to answer (cannot be switched off) */
    US_FILTER_NO_WORDS,       /* no letter and no digit */
    US_FILTER_ECHO,           /* the words of the line before, again */
    US_FILTER_LONG,           /* more than max_words */
    US_FILTER_DUPLICATE,      /* the same reply to the same turn was a target before */
    US_FILTER_NEAR_DUPLICATE, /* a training line of 8 words or more, 60% of whose 5-word runs are in held-out lines */
    US_N_FILTERS
} us_filter;

#define US_EXCHANGES_COMMON "common"

typedef struct us_dataset_options {
    const char *character; /* a speaker of the script; not read for a series */
    bool series;           /* every line is a target, whoever says it */
    const char *system;    /* the persona, written as the system message of exported rows; NULL: none. Of a series: {{char}} in
                                it becomes the name of who plays the scene */
    int32_t history;       /* lines before a target, 1..100; 0: 10 */
    double validation, test; /* shares of the scenes; both 0: 0.05 each; below 0: none */
    double unnamed;          /* share of the turns by one other speaker that go without the name, as a visitor types; 0..1 */
    double visitors;         /* share of them that are a visitor's first words: no name, and nothing before is seen; 0..1 */
    /* A file of conversations to learn as well: lines "VISITOR | CHARACTER | VISITOR | CHARACTER", {{char}} for the
     * character's name, # before a comment. A pass has as many of their replies as of the script's, but each at least once
     * and at most eight times; as large a share of them as of the scenes is held out for the validation, as often.
     * US_EXCHANGES_COMMON: our own, for anybody, half as many; NULL: none. */
    const char *exchanges;
    int32_t max_words; /* of a target; 0: 60 */
    uint64_t seed;
    uint32_t filters_off;
} us_dataset_options;

typedef struct us_turn {
    const char *text;    /* of the others: "Marge Simpson: Homer!\nBart Simpson: Hi, Dad." */
    uint32_t n_lines;    /* lines of the script in it, at most `history` (no target sees older ones) */
    uint32_t first_line; /* index into the script's lines; 0 when the set was read from JSONL */
    bool character;      /* the character's own words, role "assistant" */
    bool target;
    bool alone; /* of the others: neither it nor its answer sees what was before */
} us_turn;

typedef struct us_example {
    us_part part;
    uint32_t first_turn, n_turns; /* begins with a turn of the others, ends with a target; turns alternate */
    const char *system;           /* the set's persona; in a series the example's own */
} us_example;

typedef struct us_dataset_counts {
    uint64_t lines;                  /* the character's lines in the script */
    uint64_t turns;                  /* the same, joined, and those of exchanges */
    uint64_t filtered[US_N_FILTERS]; /* turns = targets + the sum of these */
    uint64_t targets[US_N_PARTS], examples[US_N_PARTS];
    uint64_t exchanges[US_N_PARTS]; /* of targets, how many are replies of exchanges, each as often as a pass has it */
} us_dataset_counts;

typedef struct us_dataset us_dataset;

/* NOT_FOUND for a character that the script does not have (the message has the nearest names), ARGUMENT for
 * options out of range, FORMAT when no target is left. */
US_API US_MUST_USE us_status us_dataset_build(const us_script *script, const us_dataset_options *options, us_dataset **out,
                                              us_error *err);
US_API void us_dataset_free(us_dataset *d);
/* US_EXCHANGES_COMMON where our exchanges are written in that language (ISO 639-1: "en"), else NULL. */
US_API const char *us_dataset_common_exchanges(const char *language);
US_API const us_example *us_dataset_get_examples(const us_dataset *d, size_t *n);
US_API const us_turn *us_dataset_get_turns(const us_dataset *d, size_t *n);
US_API const us_dataset_counts *us_dataset_get_counts(const us_dataset *d);
US_API const char *us_dataset_get_system(const us_dataset *d); /* "" if none; of a series with its {{char}} */
US_API bool us_dataset_is_series(const us_dataset *d);
US_API const char *us_dataset_get_character(const us_dataset *d); /* "" if the set does not say */
US_API int32_t us_dataset_get_history(const us_dataset *d);
/* SHA-256 over every example, hex: equal sets have equal fingerprints. */
US_API void us_dataset_get_fingerprint(const us_dataset *d, char out[65]);
US_API const char *us_filter_name(us_filter f); /* "no-words" */
US_API const char *us_part_name(us_part p);     /* "train" */
/* The first turn (counted from the example's) that the turn `i` sees. */
US_API uint32_t us_dataset_window(const us_dataset *d, const us_example *e, uint32_t i);
/* The same by the history alone, whether the turn is a visitor's first words or not. Never falls with i. */
US_API uint32_t us_dataset_reach(const us_dataset *d, const us_example *e, uint32_t i);

/* How rows are written. */
typedef enum us_row_form {
    US_ROWS_MESSAGES = 0, /* {"messages": [{"role", "content", "weight"}]}: weight 0 says that a reply is not learned */
    US_ROWS_SHAREGPT,     /* {"conversations": [{"from": "human"|"gpt"|"system", "value", "train"}]} */
    US_ROWS_COMPLETION,   /* {"prompt": [messages], "completion": [message]}, one row a target */
} us_row_form;

/* Writes folder/train.jsonl, validation.jsonl, test.jsonl, each atomically. With `scenes` a row is a whole example, and a
 * reply to a visitor's first words, which sees nothing before them, has a row of its own; without, one target with its window
 * (the usual recipe; always so for US_ROWS_COMPLETION). */
US_API US_MUST_USE us_status us_dataset_write(const us_dataset *d, us_row_form form, bool scenes, const char *folder,
                                              us_error *err);
/* Reads such a folder back (or one .jsonl file, which is split by `options`), in any of the three forms,
 * ours or another tool's. All rows must have the same system message. Errors name file and line. */
US_API US_MUST_USE us_status us_dataset_read(const char *path, const us_dataset_options *options, us_dataset **out,
                                             us_error *err);

#ifdef __cplusplus
}
#endif
#endif
