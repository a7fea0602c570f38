/* corpus/encoding_guess.c - which 8-bit or Asian encoding a text is in.
 *
 * Every candidate converts a sample; the reading in which most characters past ASCII are ones that a language really uses, in
 * places where it uses them, is taken. A language is a row of `languages`: its letters, the common ones first. Sources of the
 * frequent characters: for Chinese Jun Da's "Modern Chinese Character Frequency List" (2004), for Korean and the Cyrillic
 * letters the usual letter counts of running text. */
#include "base/utf8.h"
#include "base/mem.h"
#include "corpus/encoding.h"
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/ucnv.h>

#define MAX_SAMPLE 65536 /* bytes */

/* A character of `common` counts 1, one of `rest` a third; in a text of the language `usual` of the characters are common. */
typedef struct language {
    const char *encodings; /* converter names, parted by blanks; the first is the likeliest */
    enum { LATIN, OWN_SCRIPT, SYLLABLES } kind;
    double usual;
    const char *common, *rest;
} language;

static const char *const punctuation =
    "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb\u2039\u203a\u2013\u2014\u2026\u00a0\u00ad\u2022\u00b0"
    "\u20ac\u2116\u00bf\u00a1\u00b7\u2122\u00a9\u00ae\u00a7\u00a3\u266a\u00b4";
#define WESTERN "windows-1252 macintosh ibm-850"
#define CENTRAL "windows-1250 ISO-8859-2"
#define CYRILLIC "windows-1251 KOI8-U ibm-866 ISO-8859-5 x-mac-cyrillic"
static const language languages[] = {
    {WESTERN, LATIN, 1, "éèàêçôûîâùïëœæüÿ", ""},           /* French */
    {WESTERN, LATIN, 1, "äöüßé", ""},                      /* German */
    {WESTERN, LATIN, 1, "óáéíñúüçàèòïºª", ""},             /* Spanish, Catalan */
    {WESTERN, LATIN, 1, "ãáéçêóíúõâôàüºª", ""},            /* Portuguese */
    {WESTERN, LATIN, 1, "èàùòìéîó", ""},                   /* Italian */
    {WESTERN, LATIN, 1, "äöåéü", ""},                      /* Swedish, Finnish */
    {WESTERN, LATIN, 1, "øåæéöòóä", ""},                   /* Danish, Norwegian */
    {WESTERN, LATIN, 1, "éëïóöüèêçäáí", ""},               /* Dutch */
    {WESTERN, LATIN, 1, "áéíóúýðþæö", ""},                 /* Icelandic */
    {"windows-1252 windows-1257", LATIN, 1, "äõöüšž", ""}, /* Estonian */
    {CENTRAL, LATIN, 1, "łęąóżśćńź", ""},                  /* Polish */
    {CENTRAL, LATIN, 1, "íáéěčřšžýů", "úťňďó"},            /* Czech */
    {CENTRAL, LATIN, 1, "áíčšéžýľúť", "ňôďäóĺŕ"},          /* Slovak */
    {CENTRAL, LATIN, 1, "áéöíóőüú", "ű"},                  /* Hungarian */
    {CENTRAL, LATIN, 1, "ăâîşţșț", ""},                    /* Romanian */
    {CENTRAL, LATIN, 1, "čćšžđ", ""},                      /* Croatian, Slovene */
    {"windows-1254", LATIN, 1, "ışğüöçâîû", ""},           /* Turkish */
    {"windows-1257", LATIN, 1, "ėšžūųįčąę", ""},           /* Lithuanian */
    {"windows-1257", LATIN, 1, "āīēšūļņķžčģ", ""},         /* Latvian */
    {CYRILLIC, OWN_SCRIPT, 0.86, "оеаинтслвркмдпуяьы", "гзбчйхжшюцщэфъё"},
    {"windows-1251 KOI8-U", OWN_SCRIPT, 0.86, "оаинвіертслкумдпзя", "ьбгчйхїцжшєщюфґ'"},
    {"windows-1251", OWN_SCRIPT, 0.86, "аиеоінтрсвлдпмкзуъ", "ягчбжхшщцйюфь"},
    {"windows-1251", OWN_SCRIPT, 0.86, "аиоенрсјтукдвлпм", "збгћњчшжљђцхфџ"},
    {"windows-1253 ISO-8859-7", OWN_SCRIPT, 0.8, "αοιετσνηυρπκμλςωά", "έήίόύώγδβθφχξζψϊϋΐΰ"},
    {"windows-1255", OWN_SCRIPT, 0.8, "יוהלאמרתבשנ",
     "עכדםקחפצסגטזןךףץ\u05b0\u05b1\u05b2\u05b3\u05b4\u05b5\u05b6\u05b7\u05b8\u05b9\u05bb\u05bc\u05be"},
    {"windows-1256", OWN_SCRIPT, 0.8, "اليمنرتبوعدهسفكقحأة", "جشصطخضذثزغظءإآىئؤ،؟؛ـًٌٍَُِّْپچژگ"},
    {"windows-874", OWN_SCRIPT, 0.55, "านรอกเงมยลวดทสต้่ะปบัค", "ิีุูแไโใหจชพผถขคณฉซฐธศษฎฏฑฒฌญฝฟภฮๅ์ๆ็ึืำ๊๋ฤฯ"},
    {"ibm-943_P15A-2003 EUC-JP", SYLLABLES, 0.55,
     "のにはてたとをがでしいれなるかっあもこまらすうんりくだよそきけちどわえさせつみめおやろねへばごじず"
     "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワンッャュョーガグゲゴザジダデドバ"
     "ビブベボパピプポヴァィゥェォ"
     "ぁぃぅぇぉゃゅょぎぐげざぜぞぢづでびぶべぼぱぴぷぺぽひふほまむゆり、。「」『』！？…・〜～",
     "私人一日大何見上今言思来行手出時生前僕君俺自分気持先名間話事本当子中家方年会国"},
    {"gb18030", SYLLABLES, 0.52,
     "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方"
     "多经么去法"
     "学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三"
     "又关点正业"
     "外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通"
     "教儿东声"
     "提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直"
     "德资命山金"
     "吗呢吧啊谢请让怎谁爱听妈爸哥姐您喜欢帮错死带找等，。！？：；、“”…（）",
     ""},
    {"Big5 Big5-HKSCS", SYLLABLES, 0.5,
     "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方"
     "多經麼去法"
     "學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三"
     "又關點正業"
     "外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通"
     "教兒東聲"
     "提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直"
     "德資命山金"
     "嗎呢吧啊謝請讓怎誰愛聽媽爸哥姐您喜歡幫錯死帶找等，。！？：；、「」『』…（）",
     ""},
    {"windows-949-2000", SYLLABLES, 0.62,
     "이다는을에가고의하지도은한로를서나기아니어사인들그있일대자라리해것수정게시만면부제여보원상전주스생과장동안구말거요내네오"
     "와전없"
     "저우당신런렇람좋야난할왜너랑습까세죠께님잘더알겠했았었줄무슨때문같모든지금봐갈래뭐데건마러바려비소유조중진선성공경국",
     ""},
};
#define N_LANGUAGES (sizeof languages / sizeof *languages)

/* Characters of a language with their worth; as a table, because every character of the sample is looked up. */
typedef struct worth {
    unsigned char of[65536]; /* 0: not of this language; 1: of `rest`; 3: common */
} worth;

static void value(worth *w, const char *chars, unsigned char v) {
    size_t n = strlen(chars);
    uint32_t cp;
    for (size_t i = 0; i < n;) {
        int len = us_utf8_decode(chars + i, n - i, &cp);
        if (!len) break;
        if (cp < 65536 && w->of[cp] < v) w->of[cp] = v;
        i += (size_t)len;
    }
}

static bool is_letter(UChar c) { return c < 0x80 ? (unsigned)(c | 32) - 'a' < 26u : u_isalpha(c); }

/* How well UTF-16 text fits a language: 1 and more for a text of it, near 0 or below for another's. */
static double fit(const UChar *s, int32_t n, const language *l, const worth *w) {
    double good = 0, bad = 0, total = 0;
    for (int32_t i = 0; i < n; i++) {
        UChar c = s[i], before = i ? s[i - 1] : ' ', after = i + 1 < n ? s[i + 1] : ' ';
        if (c < 0x80) continue;
        total++;
        UChar low = (UChar)u_tolower(c);
        unsigned v = w->of[c] > w->of[low] ? w->of[c] : w->of[low];
        bool letter = u_isalpha(c) || u_charType(c) == U_NON_SPACING_MARK;
        if (c == 0xfffd || (c < 0xa0) || u_charType(c) == U_PRIVATE_USE_CHAR || u_charType(c) == U_UNASSIGNED) bad += 3;
        else if (!letter && !v) bad += is_letter(before) && is_letter(after) ? 1.5 : 0.5;
        else if (!letter && l->kind != SYLLABLES) { /* a dash or a quote: says little, unless it is inside a word */
            bool apostrophe = c == 0x2019 || c == 0xad || c == 0xb7 || c == 0x2013 || c == 0x2014 || c == 0x2018;
            total -= 0.8;
            if (is_letter(before) && is_letter(after) && !apostrophe) bad += 1;
            else good += 0.2;
        } else if (!v) bad += l->kind == SYLLABLES ? 0 : 0.7;
        else if (l->kind == LATIN) { /* among plain letters, not in runs of its own; not a capital inside a word */
            bool crowd = before >= 0xc0 && after >= 0xc0 && u_isalpha(before) && u_isalpha(after);
            bool shout = low != c && is_letter(before) && u_tolower(before) == before;
            if (crowd || shout) bad += 1;
            else good += v / 3.0;
        } else if (l->kind == OWN_SCRIPT) {
            bool mixed = (before < 0x80 && is_letter(before)) || (after < 0x80 && is_letter(after));
            bool shout = low != c && u_islower(before);
            if (mixed || shout) bad += 1;
            else good += low != c && u_isupper(before) ? v / 6.0 : v / 3.0; /* KOI8-R as windows-1251 is all shouted */
        } else good += v / 3.0;
    }
    return total > 0 ? (good - bad) / total / (l->kind == LATIN ? 1 : l->usual) : 0;
}

/* Converts as much of the sample as there is; characters that the encoding lacks become U+FFFD. */
static int32_t convert(const char *name, size_t len, const char *s, size_t n, UChar *out, int32_t room) {
    char encoding[48];
    UErrorCode e = U_ZERO_ERROR;
    if (len >= sizeof encoding) return 0;
    memcpy(encoding, name, len);
    encoding[len] = 0;
    UConverter *c = ucnv_open(encoding, &e);
    int32_t got = U_SUCCESS(e) ? ucnv_toUChars(c, out, room, s, (int32_t)n, &e) : 0;
    ucnv_close(c);
    return U_SUCCESS(e) ? got : 0;
}

/* The candidates' names as constants, so that a result can be handed out. */
static const char *const names[] = {"windows-1252", "macintosh",    "ibm-850",           "windows-1250", "ISO-8859-2",
                                    "windows-1251", "KOI8-U",       "ibm-866",           "ISO-8859-5",   "x-mac-cyrillic",
                                    "windows-1254", "windows-1257", "windows-1253",      "ISO-8859-7",   "windows-1255",
                                    "windows-1256", "windows-874",  "ibm-943_P15A-2003", "EUC-JP",       "gb18030",
                                    "Big5",         "Big5-HKSCS",   "windows-949-2000"};
#define N_NAMES (sizeof names / sizeof *names)

/* The rarer encodings have to fit clearly better. */
static double prior(const char *name) {
    static const char *const rare[] = {"macintosh",    "ibm-850",        "ibm-866",      "ISO-8859-2",
                                       "ISO-8859-5",   "x-mac-cyrillic", "ISO-8859-7",   "Big5-HKSCS",
                                       "windows-1257", "windows-874",    "windows-1256", "windows-1255"};
    if (!strcmp(name, "windows-1252")) return 0.02;
    for (size_t i = 0; i < sizeof rare / sizeof *rare; i++)
        if (!strcmp(name, rare[i])) return -0.08;
    return 0;
}

const char *us_encoding_guess(const char *bytes, size_t n, bool *sure) {
    if (n > MAX_SAMPLE) n = MAX_SAMPLE;
    UChar *text = us_checked(malloc((2 * n + 16) * sizeof *text));
    worth *w = us_checked(malloc(sizeof *w));
    double best = -1e9, second = -1e9;
    const char *winner = names[0];
    for (size_t k = 0; k < N_NAMES && text && w; k++) {
        size_t len = strlen(names[k]);
        int32_t n_text = -1;
        double most = -1e9;
        for (size_t i = 0; i < N_LANGUAGES; i++) {
            const char *at = strstr(languages[i].encodings, names[k]);
            if (!at || (at[len] && at[len] != ' ')) continue;
            if (n_text < 0) n_text = convert(names[k], len, bytes, n, text, (int32_t)(2 * n + 16));
            memset(w, 0, sizeof *w);
            if (languages[i].kind != SYLLABLES) value(w, punctuation, 1);
            value(w, languages[i].rest, 1);
            value(w, languages[i].common, 3);
            double f = fit(text, n_text, &languages[i], w) + prior(names[k]);
            if (f > most) most = f;
        }
        if (most > best) second = best, best = most, winner = names[k];
        else if (most > second) second = most;
    }
    free(text);
    free(w);
    *sure = best > 0.6 && best - second > 0.1;
    return winner;
}
