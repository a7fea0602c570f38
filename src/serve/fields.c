#include "serve/fields.h"
#include <string.h>

/* A field that we do not obey, and the values with which it asks for nothing besides null, false, "", [] and {}. */
typedef struct field {
    const char *name;
    double off;        /* this number is fine too */
    const char *words; /* and this string, or a list of nothing but it */
    const char *instead;
} field;

static const field fields[] = {
    /* the form of the answer */
    {"modalities", 0, "text", "answers are text"},
    {"audio", 0, NULL, "answers are text"},
    {"functions", 0, NULL, "use tools"},
    {"function_call", 0, "none", "use tools and tool_choice"},
    {"web_search_options", 0, NULL, "nothing is looked up"},
    {"suffix", 0, NULL, "a text is only gone on with"},
    {"guided_json", 0, NULL, "use response_format"},
    {"guided_grammar", 0, NULL, "use grammar"},
    {"guided_regex", 0, NULL, "use grammar"},
    {"guided_choice", 0, NULL, "use grammar"},
    {"structured_outputs", 0, NULL, "use response_format"},
    {"documents", 0, NULL, "put the text into a message"},
    {"image_data", 0, NULL, "only text is read"},
    {"use_beam_search", 0, NULL, "use takes"},
    /* which words are drawn */
    {"mirostat", 0, NULL, "use temperature, top_p or min_p"},
    {"mirostat_mode", 0, NULL, "use temperature, top_p or min_p"},
    {"dynatemp_range", 0, NULL, "use temperature"},
    {"dynamic_temperature", 0, NULL, "use temperature"},
    {"smoothing_factor", 0, NULL, "use temperature"},
    {"tfs", 1, NULL, "use min_p"},
    {"tfs_z", 1, NULL, "use min_p"},
    {"top_a", 0, NULL, "use min_p"},
    {"top_n_sigma", 0, NULL, "use min_p"},
    {"nsigma", 0, NULL, "use min_p"},
    {"epsilon_cutoff", 0, NULL, "use min_p"},
    {"eta_cutoff", 0, NULL, "use min_p"},
    {"adaptive_target", -1, NULL, "use temperature"},
    {"min_tokens", 0, NULL, "use ignore_eos"},
    {"min_length", 0, NULL, "use ignore_eos"},
    {"no_repeat_ngram_size", 0, NULL, "use dry_multiplier"},
    {"penalty_alpha", 0, NULL, "use repeat_penalty"},
    {"encoder_repetition_penalty", 1, NULL, "use repeat_penalty"},
    {"hallucinations_penalty", 1, NULL, "use repeat_penalty"},
    {"guidance_scale", 1, NULL, NULL},
    {"negative_prompt", 0, NULL, NULL},
    {"bad_words", 0, NULL, "use logit_bias"},
    {"banned_strings", 0, NULL, "use logit_bias"},
    {"banned_tokens", 0, NULL, "use logit_bias"},
    {"custom_token_bans", 0, NULL, "use logit_bias"},
    {"allowed_token_ids", 0, NULL, "use logit_bias"},
    {"logits_processors", 0, NULL, "use logit_bias"},
    {"truncate_prompt_tokens", 0, NULL, "send less"},
    {"prompt_logprobs", 0, NULL, "use echo with logprobs"},
};

static bool asks_for_nothing(const field *f, const json_t *v) {
    switch (json_typeof(v)) {
    case JSON_STRING: return !json_string_length(v) || (f->words && !strcmp(json_string_value(v), f->words));
    case JSON_INTEGER:
    case JSON_REAL: return json_number_value(v) == f->off || json_number_value(v) == 0 || json_number_value(v) == -1;
    case JSON_ARRAY:
        for (size_t i = 0; i < json_array_size(v); i++) {
            const char *s = json_string_value(json_array_get(v, i));
            if (!s || !f->words || strcmp(s, f->words) != 0) return false;
        }
        return true;
    case JSON_OBJECT: return !json_object_size(v);
    case JSON_TRUE: return false;
    default: return true;
    }
}

us_status us_fields_check(const json_t *body, us_error *err) {
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const json_t *v = json_object_get(body, fields[i].name);
        if (v && !asks_for_nothing(&fields[i], v))
            return us_fail(err, US_ERR_ARGUMENT, "%s: this is not done here; leave it out%s%s", fields[i].name,
                           fields[i].instead ? ": " : "", fields[i].instead ? fields[i].instead : "");
    }
    return US_OK;
}
