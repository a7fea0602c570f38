#include "serve/fields.h"
#include <string.h>

/* A field that we do not obey, and the values with which it asks for nothing besides null, false, "", [], {} and numbers below 0. */
typedef struct field {
    const char *name;
    double off;        /* this number is fine too */
    const char *words; /* and this string, or a list of nothing but it; "true": true is fine, and false is not */
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
    {"num_beams", 1, NULL, "use takes"},
    {"length_penalty", 1, NULL, NULL},
    {"structural_tag", 0, NULL, "use response_format"},
    {"chat_template", 0, NULL, "the model's own is used"},
    {"add_generation_prompt", 0, "true", "use continue_final_message"},
    {"stop_token_ids", 0, NULL, "use stop"},
    {"include_stop_str_in_output", 0, NULL, NULL},
    {"skip_special_tokens", 0, "true", "it is true here"},
    {"return_token_ids", 0, NULL, "use return_tokens with /completion"},
    {"return_tokens_as_token_ids", 0, NULL, "use return_tokens with /completion"},
    {"response_fields", 0, NULL, NULL},
    {"post_sampling_probs", 0, NULL, "use n_probs"},
    {"n_indent", 0, NULL, NULL},
    {"t_max_predict_ms", 0, NULL, "use n_predict"},
    {"t_max_prompt_ms", 0, NULL, NULL},
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
    {"adaptive_target", 0, NULL, "use temperature"},
    {"skew", 0, NULL, "use temperature"},
    {"min_keep", 1, NULL, NULL},
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
    bool on = f->words && !strcmp(f->words, "true");
    switch (json_typeof(v)) {
    case JSON_STRING: return !json_string_length(v) || (f->words && !strcmp(json_string_value(v), f->words));
    case JSON_INTEGER:
    case JSON_REAL: return json_number_value(v) == f->off || json_number_value(v) <= 0;
    case JSON_ARRAY:
        for (size_t i = 0; i < json_array_size(v); i++) {
            const char *s = json_string_value(json_array_get(v, i));
            if (!s || !f->words || strcmp(s, f->words) != 0) return false;
        }
        return true;
    case JSON_OBJECT: return !json_object_size(v);
    case JSON_TRUE: return on;
    case JSON_FALSE: return !on;
    default: return true;
    }
}

/* chat_template_kwargs: that nothing be thought aloud is so anyway. */
static bool asks_to_think(const json_t *v) {
    size_t n = json_object_size(v);
    return n > 1 || (n == 1 && !json_is_false(json_object_get(v, "enable_thinking")));
}

us_status us_fields_check(const json_t *body, us_error *err) {
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const json_t *v = json_object_get(body, fields[i].name);
        if (v && !asks_for_nothing(&fields[i], v))
            return us_fail(err, US_ERR_ARGUMENT, "%s: this is not done here; leave it out%s%s", fields[i].name,
                           fields[i].instead ? ": " : "", fields[i].instead ? fields[i].instead : "");
    }
    if (asks_to_think(json_object_get(body, "chat_template_kwargs")))
        return us_fail(err, US_ERR_ARGUMENT, "chat_template_kwargs: this is not done here; leave it out: nobody thinks aloud");
    return US_OK;
}
