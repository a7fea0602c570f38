/* What is left of the base's knowledge: neutral questions, the right answer against three wrong ones by likelihood a token,
 * asked without a persona, with the adapter and without. */
#include "audition/audition.h"
#include "base/mem.h"
#include <math.h>
#include <stdlib.h>

enum { N_ANSWERS = 4, MAX_QUESTIONS = 200 };

static us_status ask(us_audition *a, const us_adapter *adapter, bool *right, us_error *err) {
    size_t n;
    const us_question *q = us_questions(&n);
    us_tokens prompts[MAX_QUESTIONS] = {0}, answers[MAX_QUESTIONS][N_ANSWERS] = {0};
    const us_tokens *next[MAX_QUESTIONS][N_ANSWERS];
    double sums[MAX_QUESTIONS][N_ANSWERS];
    us_score_group groups[MAX_QUESTIONS];
    us_status st = n > MAX_QUESTIONS ? us_fail(err, US_ERR_LIMIT, "too many questions") : US_OK;
    for (size_t i = 0; i < n && !st; i++) {
        st = us_audition_plain_prompt(a, NULL, &(us_message){"user", q[i].question}, 1, &prompts[i], err);
        for (int k = 0; k < N_ANSWERS && !st; k++) {
            char text[100];
            snprintf(text, sizeof text, "%s.", q[i].answers[k]);
            st = us_audition_reply_tokens(a, text, &answers[i][k], err);
            next[i][k] = &answers[i][k];
        }
        groups[i] = (us_score_group){&prompts[i], next[i], N_ANSWERS, sums[i]};
    }
    if (!st && !us_audition_tell(a, "neutral questions", 0, n)) st = us_fail(err, US_ERR_INTERRUPTED, "interrupted");
    if (!st) st = us_score_groups(a->engine, adapter, a->o.adapter_scale, groups, n, NULL, NULL, err);
    for (size_t i = 0; i < n; i++) {
        double best = -INFINITY;
        for (int k = 1; k < N_ANSWERS && !st; k++) best = fmax(best, sums[i][k] / (double)answers[i][k].n);
        if (!st) right[i] = sums[i][0] / (double)answers[i][0].n > best;
        us_tokens_fini(&prompts[i]);
        for (int k = 0; k < N_ANSWERS; k++) us_tokens_fini(&answers[i][k]);
    }
    return st;
}

us_status us_measure_retention(us_audition *a, us_error *err) {
    bool right[2][MAX_QUESTIONS] = {0};
    uint64_t sum[2] = {0}, only[2] = {0};
    size_t n;
    us_questions(&n);
    if (!a->measure[US_MEASURE_RETENTION]) return US_OK;
    us_status st = ask(a, NULL, right[0], err);
    if (!st && a->adapter) st = ask(a, a->adapter, right[1], err);
    for (size_t i = 0; i < n; i++) {
        sum[0] += right[0][i];
        sum[1] += right[1][i];
        only[0] += right[0][i] && !right[1][i];
        only[1] += right[1][i] && !right[0][i];
    }
    if (!st && a->who[US_WHO_BASE]) st = us_metrics_add(&a->metrics[US_WHO_BASE], "retention", us_wilson(sum[0], n), err);
    if (!st && a->adapter) st = us_metrics_add(&a->metrics[US_WHO_ADAPTER], "retention", us_wilson(sum[1], n), err);
    if (!st && a->adapter && a->who[US_WHO_BASE])
        st = us_test_add(a,
                         (us_test){"retention", US_WHO_ADAPTER, US_WHO_BASE, true,
                                   ((double)sum[1] - (double)sum[0]) / (double)n, NAN, NAN, us_mcnemar(only[0], only[1]), n},
                         err);
    return st;
}
