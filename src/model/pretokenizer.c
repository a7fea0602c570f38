/* The patterns are those of the models' own tokenizers, by the names that llama.cpp's converter gives them. */
#include "model/pretokenizer.h"
#include <string.h>

#define CONTRACTIONS "'s|'t|'re|'ve|'m|'ll|'d"
#define GPT2 CONTRACTIONS "| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define LLAMA3_HEAD "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define LLAMA3_TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define LLAMA3 LLAMA3_HEAD "\\p{N}{1,3}" LLAMA3_TAIL
#define QWEN2 LLAMA3_HEAD "\\p{N}" LLAMA3_TAIL
/* Words by their case: what may be capital, then what may be small, at least one of either. */
#define CAPITALS "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define SMALLS "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define BEFORE_WORD "[^\\r\\n\\p{L}\\p{N}]?"
#define CASED(end) BEFORE_WORD CAPITALS "*" SMALLS "+" end "|" BEFORE_WORD CAPITALS "+" SMALLS "*" end "|"
#define CASED_TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define TEKKEN CASED("") "\\p{N}" CASED_TAIL
#define GPT4O CASED("(?i:" CONTRACTIONS ")?") "\\p{N}{1,3}" CASED_TAIL
#define HAN "[一-龥ࠀ-一가-퟿]+"
#define NO_STOPS " ?[^(\\s|.,!?…。，、।۔،)]+"
/* Letters that have a case, as DeepSeek's tokenizer lists them. */
/* clang-format off */
static const char cased_word[] =
    "\\s?["
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-"
    "ἕἘ-"
    "Ἕἠ-"
    "ὅὈ-"
    "Ὅ"
    "ὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-"
    "ꚛꜢ-"
    "ꝯꝱ-"
    "ꞇꞋ-"
    "ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
    "]+";
/* clang-format on */

/* More than one name for a row: they stand in one text, with blanks around each. */
static const struct {
    const char *names, *cuts[US_CUTS];
    bool whole_words, add_bos;
} rows[] = {
    {" gpt-2 olmo phi-2 mpt jais trillion exaone4 a.x-4.0 mellum gigachat granite-docling ", {GPT2}, false, false},
    {" smollm starcoder refact command-r codeshell exaone minerva-7b ", {"\\p{N}", GPT2}, false, false}, /* Granite 3: refact */
    {" llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 ", {LLAMA3}, true, true},
    {" glm4 ", {LLAMA3}, true, false},
    {" dbrx smaug-bpe chatglm-bpe ", {LLAMA3}, false, false}, /* OLMo 2, Phi-4: dbrx */
    {" qwen2 deepseek-r1-qwen kormo megrez stablelm2 hunyuan solar-open grok-2 ", {QWEN2}, false, false},
    {" tekken ", {TEKKEN}, true, true},                 /* Mistral Nemo, Small */
    {" gpt-4o llama4 kanana2 ", {GPT4O}, false, false}, /* Phi-4-mini */
    {" deepseek-llm ", {"[\\r\\n]", cased_word, "\\s?[!-/:-~！-／：-～‘-‟　-。]+", "\\s+$", HAN, "\\p{N}+"}, false, false},
    {" deepseek-coder ", {"[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", HAN, "\\p{N}"}, false, false},
    {" deepseek-v3 ",
     {"\\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
      "?[\\p{P}\\p{S}]+[\\r\\n]*|"
      "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
     false,
     false},
    {" seed-coder ", {LLAMA3_HEAD "\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, false, false},
    {" viking ", {NO_STOPS, "\\p{N}"}, false, false},
    {" bloom poro-chat gpt3-finnish ", {NO_STOPS}, false, false},
    {" superbpe ", {"\\p{N}+", "(?=(\\d{3})+(?!\\d))"}, false, false}, /* words of several words; numbers in threes */
    {" falcon ", {"[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]"}, false, false},
    {" default ", {"[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}, false, false}, /* llama.cpp's own */
};

static bool is_named(const char *names, us_str name) {
    for (const char *p = names; (p = strchr(p, ' ')) && p[1]; p++)
        if (!strncmp(p + 1, name.data, name.len) && p[1 + name.len] == ' ') return true;
    return false;
}

us_status us_pretokenizer_init(us_pretokenizer *p, us_str name, us_error *err) {
    size_t i = 0;
    *p = (us_pretokenizer){.n_cuts = 0};
    while (i < sizeof rows / sizeof *rows && (!name.len || memchr(name.data, ' ', name.len) || !is_named(rows[i].names, name)))
        i++;
    if (i == sizeof rows / sizeof *rows)
        return us_fail(err, US_ERR_NOT_FOUND, "no pre-tokenizer '%.*s'", (int)(name.len < 80 ? name.len : 80), name.data);
    p->whole_words = rows[i].whole_words;
    p->add_bos = rows[i].add_bos;
    for (; p->n_cuts < US_CUTS && rows[i].cuts[p->n_cuts]; p->n_cuts++) {
        int code;
        PCRE2_SIZE where;
        pcre2_code *cut = pcre2_compile((PCRE2_SPTR)rows[i].cuts[p->n_cuts], PCRE2_ZERO_TERMINATED,
                                        PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &code, &where, NULL);
        if (!cut) return us_fail(err, US_ERR_UNSUPPORTED, "tokenizer: PCRE2 without Unicode support (error %d)", code);
        pcre2_jit_compile(cut, PCRE2_JIT_COMPLETE); /* without JIT it interprets */
        p->cuts[p->n_cuts] = cut;
    }
    return US_OK;
}

void us_pretokenizer_fini(us_pretokenizer *p) {
    for (size_t i = 0; i < p->n_cuts; i++) pcre2_code_free(p->cuts[i]);
    *p = (us_pretokenizer){.n_cuts = 0};
}
