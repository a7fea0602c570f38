/* train/choices.h - learning which of several replies is better.
 *
 * A conversation has takes with labels (labelled.h). For two of its takes, a better than b by w,
 *
 *     loss = w * -log sigmoid(beta ((log p(a) - log p0(a)) - (log p(b) - log p0(b))))
 *
 * where p0 is the adapter that the run began from (DPO: Rafailov et al. 2023, arXiv 2305.18290); the mean over its pairs, by w, is
 * the conversation's. The best take, when it is a good one, is learned as a line beside that: else a preference is won by making both
 * unlikelier. Every take is a sequence of its own behind the persona (us_sequence.choice); what is right about it is the weight of
 * its gradient, of either sign. Owns no factors and no optimizer: the trainer calls it within its steps. */
#ifndef US_TRAIN_CHOICES_H
#define US_TRAIN_CHOICES_H
#include "train/labelled.h"
#include "train/sequences.h"

enum { US_CHOICES_STEP = 16 }; /* conversations a step, or all when they are fewer */

/* A conversation: its takes are the sequences first .. first + n. */
typedef struct us_choice {
    size_t first;
    int32_t n;
    float labels[US_LABELLED_TAKES]; /* 0..1 */
} us_choice;

typedef struct us_choices {
    us_choice *learned, *held;
    size_t n_learned, n_held, cap_learned, cap_held;
    size_t first, n_takes; /* the takes among the sequences */
    double *before, *now;  /* [n_takes] nats of each by p0, and as last computed */
    bool measured;         /* before[] is */
    char hash[65];         /* of the file */
    float *nats;           /* of a batch's targets */
    int n_step;            /* conversations a step */
    uint32_t *order, *list;
    uint64_t order_epoch; /* that `order` stands for; UINT64_MAX at first */
} us_choices;

/* What the held-out conversations say. */
typedef struct us_choices_report {
    double loss;                /* nats a conversation; log 2 where nothing is preferred yet */
    double worth, worth_before; /* mean label, 0..1, of what the adapter and p0 say: these takes, as likely as they are now */
} us_choices_report;

struct us_trainer;
/* Adds the conversations of the trainer's character in o.choices to its sequences. FORMAT when there are none. */
US_MUST_USE us_status us_choices_add(struct us_trainer *t, const us_template *tpl, us_error *err);
/* Once the packer is there. */
US_MUST_USE us_status us_choices_begin(struct us_trainer *t, us_error *err);
void us_choices_fini(us_choices *c);
/* The rows of `steps` steps' choices and of measuring them first, as so many rows that are learned; 0 without choices. */
double us_choices_rows(const struct us_trainer *t, double steps);
/* before[], with the factors as they are. Whoever calls these three asks the tape whether it was stopped. */
void us_choices_measure(struct us_trainer *t);
/* Adds the gradient of the next US_CHOICES_STEP conversations; their mean loss. */
double us_choices_learn(struct us_trainer *t, float *grad, uint64_t *rows);
us_choices_report us_choices_judge(struct us_trainer *t);

/* Of one conversation: the loss, and d(loss) / d(nats of each take) into weights[n]. */
double us_choice_loss(const us_choice *c, const double *before, const double *now, double *weights);
#endif
