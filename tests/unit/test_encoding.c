/* Encodings: invented sentences of many languages, turned into each encoding by ICU, are read back as they were. */
#include "test.h"
#include "base/buf.h"
#include "base/rng.h"
#include "corpus/encoding.h"
#include <unicode/ucnv.h>

static const char *const russian[] = {"Доброе утро, Борис!",
                                      "Разве оно доброе?",
                                      "Я видела на пруду двадцать уток.",
                                      "Ну и что с того?",
                                      "Ничего, просто хотела рассказать.",
                                      "Подожди меня у ворот, я скоро приду.",
                                      "Опять дождь, и зонта ни у кого нет.",
                                      "Это не моя шляпа, честное слово.",
                                      "Кто съел весь хлеб?",
                                      "Ёлки, как же холодно сегодня."};
static const char *const ukrainian[] = {"Доброго ранку, Їжаче!",
                                        "Хіба він добрий?",
                                        "Я бачила на ставку двадцять качок.",
                                        "Ну то й що?",
                                        "Зачекай на мене біля воріт, я скоро прийду.",
                                        "Хто з'їв увесь хліб?"};
static const char *const german[] = {
    "Guten Morgen, Bob!",          "Ist er wirklich schön?",      "Ich weiß es nicht, aber die Enten sind müde.",
    "Möchtest du über den Fluss?", "Nein, dafür ist es zu kühl.", "Das hättest du früher sagen können."};
static const char *const french[] = {
    "Bonjour, ça va ?",           "Où est passé le canard ?",         "Il était là hier, près de l’étang.",
    "Tu m’as déjà dit ça, non ?", "Garçon, un café s’il vous plaît.", "Noël arrive bientôt, hélas."};
static const char *const spanish[] = {"¿Qué tal, señora?",     "El pato está en el río.",       "No me digas, ¿otra vez?",
                                      "Mañana será otro día.", "Él nunca llegó a la estación.", "¡Qué vergüenza!"};
static const char *const polish[] = {"Dzień dobry, Łukaszu!",
                                     "Czy on naprawdę jest dobry?",
                                     "Widziałam na stawie dwadzieścia kaczek.",
                                     "I co z tego? Zaczekaj przy bramie.",
                                     "Kto zjadł cały chleb?",
                                     "Święta są już za tydzień."};
static const char *const czech[] = {"Dobré ráno, Tomáši!",
                                    "Opravdu je tak dobré?",
                                    "Viděla jsem na rybníku dvacet kachen.",
                                    "A co má být? Počkej na mě u vrat.",
                                    "Kdo snědl všechen chléb?",
                                    "Žádný déšť, jen vítr."};
static const char *const japanese[] = {
    "おはよう、花子さん。", "今日は本当にいい天気ですね。",     "池にアヒルが二十羽いました。",
    "それがどうしたの？",   "門のところで待っていてください。", "だれがパンを全部食べたんだ！"};
static const char *const chinese[] = {"早上好，小明。", "今天的天气真的很好吗？",     "我在池塘里看见了二十只鸭子。",
                                      "那又怎么样呢？", "你在门口等我，我马上就来。", "是谁把面包都吃了？"};
static const char *const taiwanese[] = {"早安，小明。",   "今天的天氣真的很好嗎？",     "我在池塘裡看見了二十隻鴨子。",
                                        "那又怎麼樣呢？", "你在門口等我，我馬上就來。", "是誰把麵包都吃了？"};
static const char *const korean[] = {"좋은 아침이에요, 민수 씨.",
                                     "정말 좋은 아침인가요?",
                                     "연못에서 오리 스무 마리를 봤어요.",
                                     "그래서 어떻다는 거야?",
                                     "문 앞에서 기다려 주세요. 금방 갈게요.",
                                     "누가 빵을 다 먹었지?"};
static const char *const greek[] = {"Καλημέρα, Νίκο!", "Είναι στ' αλήθεια καλή;", "Είδα είκοσι πάπιες στη λίμνη.",
                                    "Και τι έγινε;", "Περίμενέ με στην πόρτα."};
static const char *const turkish[] = {"Günaydın, Ayşe!", "Gerçekten güzel mi?", "Gölde yirmi ördek gördüm.",
                                      "Ne olmuş yani? Beni kapıda bekle.", "Ekmeğin hepsini kim yedi?"};

#define TEXTS(t) t, sizeof(t) / sizeof *(t)
static const struct spoken {
    const char *encoding;
    const char *const *lines;
    size_t n;
} spoken[] = {{"windows-1251", TEXTS(russian)}, {"windows-1251", TEXTS(ukrainian)}, {"KOI8-R", TEXTS(russian)},
              {"windows-1252", TEXTS(german)},  {"windows-1252", TEXTS(french)},    {"windows-1252", TEXTS(spanish)},
              {"windows-1250", TEXTS(polish)},  {"windows-1250", TEXTS(czech)},     {"windows-31j", TEXTS(japanese)},
              {"EUC-JP", TEXTS(japanese)},      {"GB18030", TEXTS(chinese)},        {"Big5", TEXTS(taiwanese)},
              {"windows-949", TEXTS(korean)},   {"windows-1253", TEXTS(greek)},     {"windows-1254", TEXTS(turkish)},
              {"UTF-16LE", TEXTS(russian)},     {"UTF-16BE", TEXTS(chinese)},       {"UTF-32LE", TEXTS(german)},
              {"UTF-16", TEXTS(japanese)},      {"UTF-32", TEXTS(french)},          {"UTF-8", TEXTS(korean)}};

static void make(const struct spoken *sp, uint64_t seed, int n_lines, us_buf *utf8) {
    us_rng r;
    us_rng_seed(&r, seed);
    us_buf_clear(utf8);
    assert_int_equal(us_buf_append_str(utf8, "character,line\n", NULL), US_OK);
    for (int i = 0; i < n_lines; i++)
        assert_int_equal(
            us_buf_appendf(utf8, NULL, "%s,\"%s\"\n", us_rng_below(&r, 2) ? "Ann" : "Bob", sp->lines[us_rng_below(&r, sp->n)]),
            US_OK);
}

static size_t encode(const char *encoding, const us_buf *utf8, char *out, size_t room) {
    UErrorCode e = U_ZERO_ERROR;
    size_t n = (size_t)ucnv_convert(encoding, "UTF-8", out, (int32_t)room, utf8->data, (int32_t)utf8->len, &e);
    assert_true(U_SUCCESS(e));
    return n;
}

static void files_read_as_they_were(void **state) {
    (void)state;
    us_buf utf8;
    us_buf_init(&utf8, 1 << 20);
    static char bytes[1 << 18];
    for (size_t k = 0; k < sizeof spoken / sizeof *spoken; k++)
        for (int i = 0; i < 20; i++) { /* from 200 lines down to 12 */
            us_text t;
            us_error err;
            make(&spoken[k], (uint64_t)(k * 100) + (uint64_t)i, i ? 12 + i : 200, &utf8);
            size_t n = encode(spoken[k].encoding, &utf8, bytes, sizeof bytes);
            assert_ok(us_text_read(bytes, n, NULL, NULL, "test", &t, &err), &err);
            if (t.n != utf8.len || memcmp(t.s, utf8.data, t.n))
                fail_msg("%s, file %d: read as %s", spoken[k].encoding, i, t.encoding);
            assert_int_equal(t.n_odd_lines, 0);
            us_text_fini(&t);
            assert_ok(us_text_read(bytes, n, spoken[k].encoding, NULL, "test", &t, &err), &err); /* and when it is told */
            assert_int_equal(t.n, utf8.len);
            us_text_fini(&t);
        }
    us_buf_fini(&utf8);
}

static void odd_lines_are_mended(void **state) {
    (void)state;
    us_text t;
    us_error err;
    const char *mixed = "name,line\nAnn,Sch\xc3\xb6n, caf\xc3\xa9\nBob,Caf\xe9\nAnn,Gr\xc3\xbc\xc3\x9f"
                        "e, na\xefve\nBob,Ende\n",
               *right = "name,line\nAnn,Sch\xc3\xb6n, caf\xc3\xa9\nBob,Caf\xc3\xa9\nAnn,Gr\xc3\xbc\xc3\x9f"
                        "e, na\xc3\xafve\nBob,Ende\n";
    assert_ok(us_text_read(mixed, strlen(mixed), NULL, NULL, "test", &t, &err), &err);
    assert_string_equal(t.s, right);
    assert_int_equal(t.n_odd_lines, 2);
    assert_int_equal(t.odd[0].line, 3);
    assert_string_equal(t.odd[0].before, "Bob,Caf\xef\xbf\xbd");
    us_text_fini(&t);
    assert_ok(us_text_read("a\0b,c\n", 6, NULL, NULL, "test", &t, &err), &err);
    assert_string_equal(t.s, "ab,c\n");
    assert_int_equal(t.n_nuls, 1);
    us_text_fini(&t);
    assert_int_equal(us_text_read("abc", 3, "klingon", NULL, "test", &t, &err), US_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_read_as_they_were), cmocka_unit_test(odd_lines_are_mended)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
