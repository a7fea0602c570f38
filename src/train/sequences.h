/* train/sequences.h - a data set in tokens: what is fed, what each row sees, what is learned.
 *
 * Scene packing: an example is one sequence, all its targets are learned in one pass; a row sees the persona
 * (the prefix, shared by all) and the rows from its window on. Without packing a sequence is one target with
 * its window: the usual recipe. */
#ifndef US_TRAIN_SEQUENCES_H
#define US_TRAIN_SEQUENCES_H
#include "ops/packed_attention.h"
#include "train/tape.h"
#include "understudy/dataset.h"
#include "understudy/template.h"

typedef struct us_sequence {
    us_part part;
    size_t row, target; /* where its rows and targets begin in the arrays */
    int32_t n_rows, n_targets;
    uint32_t example;
    bool bare;    /* does not see the persona: positions from 0, an example of nothing (rehearsal.h) */
    bool choice;  /* a take among others (choices.h): of no part */
    float weight; /* of its targets' gradient (1) */
} us_sequence;

typedef struct us_sequences {
    int32_t *prefix, n_prefix;       /* tokens of the persona */
    int32_t *tokens, *window;        /* of every sequence's rows; windows count from the sequence's first row */
    int32_t *target_row, *target_id; /* from the sequence's first row; the row predicts the id */
    us_sequence *seqs;
    size_t n, n_rows, n_targets, cap, cap_tokens, cap_window, cap_rows, cap_ids;
    size_t n_seqs[US_N_PARTS], rows[US_N_PARTS], targets[US_N_PARTS];
    size_t n_bare, bare_targets; /* of those of the training part */
    int32_t longest, most_targets;
    size_t n_too_long; /* targets that do not fit in max_rows with their own window's last turn, and takes */
} us_sequences;

/* max_rows: longest sequence; a longer scene is cut where a target's window begins. */
US_MUST_USE us_status us_sequences_build(const us_tokenizer *tok, const us_template *tpl, const us_dataset *set, bool packing,
                                         int32_t max_rows, us_sequences *out, us_error *err);
/* A bare sequence of the training part: ids[n_prompt..n) are learned, each sees all before it. 0 < n_prompt < n. */
US_MUST_USE us_status us_sequences_add_bare(us_sequences *s, const int32_t *ids, size_t n, size_t n_prompt, us_error *err);
/* A take behind a conversation, which is learned alone: a choice. The persona is that of the others. False in *fits: longer than
 * the longest, or not behind the persona. */
US_MUST_USE us_status us_sequences_add_take(us_sequences *s, const us_tokenizer *tok, const us_template *tpl,
                                            const us_message *messages, size_t n, int32_t max_rows, bool *fits, us_error *err);
void us_sequences_fini(us_sequences *s);

/* A batch over some sequences, either with the persona or bare; owns its arrays, of fixed capacity. */
typedef struct us_packer {
    us_train_batch batch;
    int32_t *tokens, *pos, *window, *target_rows, *target_ids;
    float *weights;
    us_segment *segments;
    int32_t max_rows, max_targets, max_segments; /* rows without the prefix */
    bool bare;
} us_packer;
US_MUST_USE us_status us_packer_init(us_packer *p, const us_sequences *s, int32_t max_rows, us_error *err);
void us_packer_fini(us_packer *p);
void us_packer_clear(us_packer *p, const us_sequences *s);
/* False when it does not fit any more, or is bare and the others are not (an empty packer takes any sequence). */
bool us_packer_add(us_packer *p, const us_sequences *s, const us_sequence *q);
#endif
