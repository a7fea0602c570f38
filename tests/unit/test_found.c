/* Scripts as people find them, each as the program reads it, whole: who says what, and how many scenes there are. Every one was read
 * wrongly once, without a word. Names, places and words are invented. */
#include "test.h"
#include "base/buf.h"
#include "scripts.h"
#include <stdio.h>

typedef struct found {
    const char *what;
    size_t scenes;
    const char *text, *said; /* said: a line "speaker|words" each */
} found;

static us_status load(const char *text, us_script **s, us_error *err) {
    char *path = us_path_join(folder, "found.txt");
    if (us_file_write_atomic(path, text, strlen(text), err)) abort();
    us_status st = us_script_load(NULL, (const char *const[]){path}, 1, s, err);
    free(path);
    return st;
}

static void reads_as(const found *f) {
    us_script *s;
    us_error err = {0};
    us_buf said;
    size_t n, n_speakers, n_scenes;
    if (load(f->text, &s, &err)) fail_msg("%s: %s", f->what, err.message);
    const us_line *l = us_script_get_lines(s, &n);
    const us_speaker *sp = us_script_get_speakers(s, &n_speakers);
    us_script_get_scenes(s, &n_scenes);
    us_buf_init(&said, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        const char *parts[] = {l[i].speaker == US_SPEAKER_NONE ? "" : sp[l[i].speaker].name, "|", l[i].text, "\n"};
        for (int k = 0; k < 4; k++) assert_ok(us_buf_append_str(&said, parts[k], &err), &err);
    }
    if (!said.data || strcmp(said.data, f->said))
        fail_msg("%s: read as\n%s\nexpected\n%s", f->what, said.data ? said.data : "", f->said);
    if (n_scenes != f->scenes) fail_msg("%s: %zu scenes, expected %zu", f->what, n_scenes, f->scenes);
    us_buf_fini(&said);
    us_script_free(s);
}

static void scripts_as_found(void **state) {
    (void)state;
    static const found list[] = {
        {"wiki's source", 2,
         "{{Transcript}}\n"
         "== Act One ==\n"
         "''[The gang is at the [[Crystal Temple|temple]].]''\n"
         "'''[[Steven Universe|Steven]]:''' Hey guys, look at ''this''!\n"
         "'''Pearl:''' Steven, ''please'', put that down.\n"
         "'''Garnet''': ''(adjusts her visor)'' It's fine.\n"
         "'''Amethyst:''' Heh. <ref>She laughs.</ref>\n"
         "'''[[Steven Universe|Steven]]:''' But it's glowing!\n"
         "''[They all gasp.]''\n"
         "'''Pearl and Amethyst:''' What?\n"
         "'''Steven:''' I told you.\n"
         "\n"
         "== Act Two ==\n"
         "'''Garnet:''' We go. Now.\n"
         "'''Pearl:''' Yes.\n"
         "[[Category:Transcripts]]\n",
         "Steven|Hey guys, look at this!\n"
         "Pearl|Steven, please, put that down.\n"
         "Garnet|It's fine.\n"
         "Amethyst|Heh.\n"
         "Steven|But it's glowing!\n"
         "Pearl and Amethyst|What?\n"
         "Steven|I told you.\n"
         "Garnet|We go. Now.\n"
         "Pearl|Yes.\n"},
        {"Genius: names in brackets above the words", 1,
         "[Intro: Lin & Company]\n"
         "\n"
         "[BURR]\n"
         "How does a bastard, orphan, son of a whore\n"
         "And a Scotsman, dropped in the middle of a forgotten spot\n"
         "Grow up to be a hero and a scholar?\n"
         "\n"
         "[LAURENS]\n"
         "The ten-dollar founding father without a father\n"
         "Got a lot farther by working a lot harder\n"
         "\n"
         "[JEFFERSON]\n"
         "And every day while slaves were being slaughtered\n"
         "\n"
         "[BURR]\n"
         "Well, the word got around\n"
         "\n"
         "[HAMILTON]\n"
         "Alexander Hamilton\n"
         "My name is Alexander Hamilton\n"
         "\n"
         "[COMPANY]\n"
         "In New York you can be a new man\n"
         "\n"
         "[HAMILTON, BURR & COMPANY]\n"
         "Just you wait\n",
         "BURR|How does a bastard, orphan, son of a whore And a Scotsman, dropped in the middle of a forgotten spot Grow up to "
         "be a hero and a scholar?\n"
         "LAURENS|The ten-dollar founding father without a father Got a lot farther by working a lot harder\n"
         "JEFFERSON|And every day while slaves were being slaughtered\n"
         "BURR|Well, the word got around\n"
         "HAMILTON|Alexander Hamilton My name is Alexander Hamilton\n"
         "COMPANY|In New York you can be a new man\n"
         "HAMILTON, BURR & COMPANY|Just you wait\n"},
        {"who posted a transcript says nothing", 3,
         "01x03 - The Pond\n"
         "Post by: bunniefuu » 01/05/10 09:12\n"
         "\n"
         "Previously on The Pond...\n"
         "\n"
         "ANN: You can't do that.\n"
         "BOB: Watch me.\n"
         "\n"
         "[Opening credits]\n"
         "\n"
         "INT. KITCHEN\n"
         "\n"
         "Ann is washing up. Bob enters: he is wet.\n"
         "\n"
         "ANN: (turning) Where have you been?\n"
         "BOB: Swimming.\n"
         "ANN: In the rain?\n"
         "BOB: It was the pond, not the rain.\n"
         "[SCENE_BREAK]\n"
         "ANN: Fine.\n"
         "BOB: Fine.\n",
         "ANN|You can't do that.\n"
         "BOB|Watch me.\n"
         "ANN|Where have you been?\n"
         "BOB|Swimming.\n"
         "ANN|In the rain?\n"
         "BOB|It was the pond, not the rain.\n"
         "ANN|Fine.\n"
         "BOB|Fine.\n"},
        {"the printed page: numbers, (MORE), CONTINUED", 2,
         "                              THE POND\n"
         "\n"
         "                              Written by\n"
         "\n"
         "                              A. Duck\n"
         "\n"
         "\n"
         "\n"
         "\n"
         "                                                                           1.\n"
         "\n"
         "\n"
         "1    INT. KITCHEN - DAY                                                      1\n"
         "\n"
         "     Ann washes up. Rain.\n"
         "\n"
         "                              ANN\n"
         "                    Where have you been?\n"
         "\n"
         "                              BOB (O.S.)\n"
         "                    Out.\n"
         "\n"
         "                              ANN (CONT'D)\n"
         "                         (drying her hands)\n"
         "                    In the rain? You could have caught your\n"
         "                    death of\n"
         "                                                           (MORE)\n"
         "\n"
         "                                                           (CONTINUED)\n"
         "\f     CONTINUED:                                                            2.\n"
         "\n"
         "                              ANN (CONT'D)\n"
         "                    cold out there.\n"
         "\n"
         "                              BOB\n"
         "                    I like rain.\n"
         "\n"
         "A2   EXT. POND - NIGHT                                                      A2\n"
         "\n"
         "     Bob swims.\n"
         "\n"
         "                              ANN\n"
         "                    BOB!\n"
         "\n"
         "     Draft 3 - 12/05/2019 - CONFIDENTIAL\n"
         "\n"
         "                              BOB\n"
         "                    What?\n"
         "\n"
         "                              MAN #2\n"
         "                    Quiet down there!\n"
         "\n"
         "                              BOTH\n"
         "                    Sorry!\n"
         "\f                                                                           3.\n"
         "                              ANN\n"
         "                    Come home.\n",
         "ANN|Where have you been?\n"
         "BOB|Out.\n"
         "ANN|In the rain? You could have caught your death of cold out there.\n"
         "BOB|I like rain.\n"
         "ANN|BOB!\n"
         "BOB|What?\n"
         "MAN #2|Quiet down there!\n"
         "BOTH|Sorry!\n"
         "ANN|Come home.\n"},
        {"captions: names in brackets that a colon names elsewhere, credits", 1,
         "1\n"
         "00:00:01,000 --> 00:00:03,000\n"
         "<font color=\"#ffff00\">ANN: Where were you?</font>\n"
         "\n"
         "2\n"
         "00:00:03,500 --> 00:00:05,000\n"
         "[thunder rumbling]\n"
         "\n"
         "3\n"
         "00:00:05,500 --> 00:00:08,000\n"
         "- BOB: Out.\n"
         "- ANN: Out where?\n"
         "\n"
         "4\n"
         "00:00:09,000 --> 00:00:11,000\n"
         "(DOOR CREAKS)\n"
         "\n"
         "5\n"
         "00:00:11,500 --> 00:00:13,000\n"
         "♪ La la la ♪\n"
         "\n"
         "6\n"
         "00:00:14,000 --> 00:00:16,000\n"
         "MAN #1 (ON TV): Breaking news.\n"
         "\n"
         "7\n"
         "00:00:16,500 --> 00:00:18,000\n"
         "MRS. SMITH: Turn that off!\n"
         "\n"
         "8\n"
         "00:00:18,500 --> 00:00:20,000\n"
         "[ANN] Why should I?\n"
         "\n"
         "9\n"
         "00:00:20,500 --> 00:00:22,000\n"
         "[BOB] Because she asked.\n"
         "\n"
         "10\n"
         "00:00:23,000 --> 00:00:25,000\n"
         "Subtitles by OpenSubtitles.org\n"
         "\n"
         "11\n"
         "00:00:26,000 --> 00:00:27,000\n"
         "(ANN) It is 10:30.\n",
         "ANN|Where were you?\n"
         "BOB|Out.\n"
         "ANN|Out where?\n"
         "MAN #1|Breaking news.\n"
         "MRS. SMITH|Turn that off!\n"
         "ANN|Why should I?\n"
         "BOB|Because she asked.\n"
         "ANN|It is 10:30.\n"},
        {"captions: sounds small, names with capitals", 1,
         "1\n"
         "00:00:01,000 --> 00:00:03,000\n"
         "[thunder rumbling]\n"
         "\n"
         "2\n"
         "00:00:03,500 --> 00:00:05,000\n"
         "[Ann] Where were you?\n"
         "\n"
         "3\n"
         "00:00:05,500 --> 00:00:08,000\n"
         "- [sighs] Out.\n"
         "- [Old Man] Out where?\n"
         "\n"
         "4\n"
         "00:00:09,000 --> 00:00:11,000\n"
         "[Music] We go on.\n",
         "Ann|Where were you?\n"
         "|Out.\n"
         "Old Man|Out where?\n"
         "|We go on.\n"},
        {"captions that shout", 1,
         "1\n"
         "00:00:01,000 --> 00:00:03,000\n"
         "THANK YOU. GOODBYE.\n"
         "\n"
         "2\n"
         "00:00:03,500 --> 00:00:05,000\n"
         "ANN: NO. DON'T GO.\n",
         "|THANK YOU. GOODBYE.\n"
         "ANN|NO. DON'T GO.\n"},
        {"hyphens of other kinds", 1,
         "1\n"
         "00:00:01,000 --> 00:00:03,000 X1:100 X2:600 Y1:100 Y2:200\n"
         "{\\an8}<i>Ann:</i> Hello.\n"
         "\n"
         "2\n"
         "00:00:03,500 --> 00:00:05,000 X1:100 X2:600 Y1:100 Y2:200\n"
         "- Hi, Ann!\n"
         "- Hi, Bob!\n"
         "\n"
         "3\n"
         "00:00:05,500 --> 00:00:08,000 X1:100\n"
         "\xe2\x80\x90"
         " Bob: What?\n"
         "\xe2\x80\x90"
         " Ann: Nothing.\n",
         "Ann|Hello.\n"
         "|Hi, Ann!\n"
         "|Hi, Bob!\n"
         "Bob|What?\n"
         "Ann|Nothing.\n"},
        {"MicroDVD", 1,
         "{1}{1}25.000\n"
         "{25}{75}ANN: Hello, Bob.|How are you?\n"
         "{80}{120}BOB: Fine.|Thanks.\n"
         "{130}{180}{y:i}ANN: Good.\n"
         "{190}{220}BOB: And you?\n"
         "{230}{260}ANN: Well.\n",
         "ANN|Hello, Bob. How are you?\n"
         "BOB|Fine. Thanks.\n"
         "ANN|Good.\n"
         "BOB|And you?\n"
         "ANN|Well.\n"},
        {"MPL2", 1,
         "[10][30]ANN: Hello.|Bob!\n"
         "[31][50]/BOB: Hi.\n"
         "[51][70]ANN: Bye.\n",
         "ANN|Hello. Bob!\n"
         "BOB|Hi.\n"
         "ANN|Bye.\n"},
        {"what WhatsApp says with a colon in it", 1,
         "12/31/23, 11:58 PM - Messages and calls are end-to-end encrypted. No one outside of this chat can read them.\n"
         "12/31/23, 11:58 PM - Ann created group \"NYE\"\n"
         "12/31/23, 11:58 PM - Ann: Happy new year\n"
         "1/1/24, 12:01 AM - Bob: You too!\n"
         "1/1/24, 12:01 AM - Bob: <Media omitted>\n"
         "1/1/24, 12:02 AM - Ann changed the subject from \"NYE\" to \"NYE: the sequel\"\n"
         "1/1/24, 12:03 AM - Carl: Hi https://x.org/a: nice\n"
         "1/1/24, 12:05 AM - Ann added Dora\n"
         "1/1/24, 12:06 AM - Dora: null\n"
         "1/1/24, 12:07 AM - Dora: Ok\n",
         "Ann|Happy new year\n"
         "Bob|You too!\n"
         "Carl|Hi https://x.org/a: nice\n"
         "Dora|Ok\n"},
        {"WhatsApp in Arabic digits", 2,
         "\xe2\x80\x8f"
         "١٢/٠١/٢٠٢٤، ١٠:٠١ ص - \xe2\x80\x8f"
         "أحمد: صباح الخير\n"
         "\xe2\x80\x8f"
         "١٢/٠١/٢٠٢٤، ١٠:٠٢ ص - \xe2\x80\x8f"
         "ليلى: صباح النور\n"
         "\xe2\x80\x8f"
         "١٢/٠١/٢٠٢٤، ١٠:٠٣ ص - \xe2\x80\x8f"
         "أحمد: كيف حالك؟\n"
         "\xe2\x80\x8f"
         "١٢/٠١/٢٠٢٤، ١٠:٠٥ م - \xe2\x80\x8f"
         "ليلى: بخير\n",
         "أحمد|صباح الخير\n"
         "ليلى|صباح النور\n"
         "أحمد|كيف حالك؟\n"
         "ليلى|بخير\n"},
        {"Discord, copied from the window", 2,
         "ann \xe2\x80\x94"
         " Today at 10:15 AM\n"
         "hello all\n"
         "how are you?\n"
         "[10:16 AM]\n"
         "anyone?\n"
         "bob \xe2\x80\x94"
         " Today at 10:17 AM\n"
         "hi ann\n"
         "ann \xe2\x80\x94"
         " Today at 10:18 AM\n"
         "good\n"
         "bob \xe2\x80\x94"
         " Yesterday at 9:00 PM\n"
         "late one\n",
         "ann|hello all how are you? anyone?\n"
         "bob|hi ann\n"
         "ann|good\n"
         "bob|late one\n"},
        {"Discord in Russian", 1,
         "anna \xe2\x80\x94"
         " 12.03.2024, 10:15\n"
         "привет\n"
         "ivan \xe2\x80\x94"
         " 12.03.2024, 10:16\n"
         "и тебе\n"
         "anna \xe2\x80\x94"
         " 12.03.2024, 10:17\n"
         "как дела?\n",
         "anna|привет\n"
         "ivan|и тебе\n"
         "anna|как дела?\n"},
        {"Slack, copied from the window", 1,
         "Ann Smith  10:15 AM\n"
         "Hello team\n"
         "Any news?\n"
         "Bob Jones  10:17 AM\n"
         "Not yet\n"
         ":thumbsup: 2\n"
         "Ann Smith  10:20 AM\n"
         "Ok\n"
         "Bob Jones  10:21 AM\n"
         "Bye\n",
         "Ann Smith|Hello team Any news?\n"
         "Bob Jones|Not yet\n"
         "Ann Smith|Ok\n"
         "Bob Jones|Bye\n"},
        {"Slack's export", 1,
         "[\n"
         " {\"type\":\"message\",\"user\":\"U01ABC\",\"text\":\"Hello "
         "<@U02DEF>\",\"ts\":\"1700000000.000100\",\"user_profile\":{\"real_name\":\"Ann "
         "Smith\",\"display_name\":\"ann\",\"name\":\"ann.s\"}},\n"
         " {\"type\":\"message\",\"user\":\"U02DEF\",\"text\":\"Hi &amp; "
         "welcome\",\"ts\":\"1700000060.000100\",\"user_profile\":{\"real_name\":\"Bob "
         "Jones\",\"display_name\":\"\",\"name\":\"bob\"}},\n"
         " {\"type\":\"message\",\"subtype\":\"channel_join\",\"user\":\"U03\",\"text\":\"<@U03> has joined the "
         "channel\",\"ts\":\"1700000070.000100\"},\n"
         " {\"type\":\"message\",\"user\":\"U01ABC\",\"text\":\"Bye\",\"ts\":\"1700000080.000100\",\"user_profile\":{\"real_"
         "name\":\"Ann Smith\",\"display_name\":\"ann\",\"name\":\"ann.s\"}}\n"
         "]\n",
         "ann|Hello <@U02DEF>\n"
         "Bob Jones|Hi & welcome\n"
         "ann|Bye\n"},
        {"IRC of irssi", 1,
         "--- Log opened Tue Mar 12 10:00:00 2024\n"
         "10:15 -!- ann [~ann@host] has joined #ducks\n"
         "10:15 < ann> hello all\n"
         "10:16 <@bob> hi ann\n"
         "10:16  * bob waves\n"
         "10:17 <+carl> yo: what's up\n"
         "10:18 < ann> http://x.org/ look\n"
         "--- Day changed Wed Mar 13 2024\n"
         "09:00 < ann> morning\n",
         "ann|hello all\n"
         "bob|hi ann\n"
         "carl|yo: what's up\n"
         "ann|http://x.org/ look\n"
         "ann|morning\n"},
        {"IRC of weechat", 1,
         "2024-03-12 10:15:00\t-->\tann (~ann@host) has joined #ducks\n"
         "2024-03-12 10:15:10\tann\thello all\n"
         "2024-03-12 10:15:20\t@bob\thi ann\n"
         "2024-03-12 10:15:30\t *\tbob waves\n"
         "2024-03-12 10:16:00\tann\thow are you\n"
         "2024-03-12 10:17:00\t--\tbob is now known as bob_away\n"
         "2024-03-12 10:18:00\tann\tbye\n",
         "ann|hello all\n"
         "bob|hi ann\n"
         "ann|how are you\n"
         "ann|bye\n"},
        {"IRC with ISO dates", 1,
         "[2024-03-12T10:15:00] <ann> hello all\n"
         "[2024-03-12T10:15:20] <bob> hi ann\n"
         "[2024-03-12T10:15:30] * bob waves\n"
         "[2024-03-12T10:16:00] <ann> how are you\n"
         "[2024-03-12T10:17:00] *** bob quits (Ping timeout)\n",
         "ann|hello all\n"
         "bob|hi ann\n"
         "ann|how are you\n"},
        {"WeChat", 1,
         "2024-03-12 10:15:00 小明\n"
         "你好\n"
         "\n"
         "2024-03-12 10:16:00 小红\n"
         "你好呀\n"
         "\n"
         "2024-03-12 10:17:00 小明\n"
         "[图片]\n"
         "\n"
         "2024-03-12 10:18:00 小红(12345678)\n"
         "哈哈\n",
         "小明|你好\n"
         "小红|你好呀\n"
         "小红|哈哈\n"},
        {"Zoom", 1,
         "10:15:01\t From Ann Smith to Everyone : Hello\n"
         "10:15:20\t From Bob to Everyone : Hi\n"
         "10:16:01\t From Ann Smith to Bob (Direct Message) : Psst\n"
         "10:17:01\t From Bob to Everyone : Bye\n",
         "Ann Smith|Hello\n"
         "Bob|Hi\n"
         "Ann Smith|Psst\n"
         "Bob|Bye\n"},
        {"Otter", 1,
         "Ann Smith  0:03\n"
         "Hello everybody and welcome.\n"
         "\n"
         "Bob Jones  0:10\n"
         "Thanks for having me.\n"
         "\n"
         "Ann Smith  1:02:15\n"
         "That is all.\n"
         "\n"
         "Bob Jones  1:02:20\n"
         "Bye.\n",
         "Ann Smith|Hello everybody and welcome.\n"
         "Bob Jones|Thanks for having me.\n"
         "Ann Smith|That is all.\n"
         "Bob Jones|Bye.\n"},
        {"scenes of merged cells", 2,
         "Szene;Figur;Text\n"
         "1;Ann;Guten Tag\n"
         ";;Wie geht es dir?\n"
         ";Bob;Gut\n"
         "2;Ann;Fein\n"
         ";Bob;Ja\n",
         "Ann|Guten Tag\n"
         "|Wie geht es dir?\n"
         "Bob|Gut\n"
         "Ann|Fein\n"
         "Bob|Ja\n"},
        {"a Russian play in windows-1251", 1,
         "\xc0\xea\xf2 \xef\xe5\xf0\xe2\xfb\xe9\n"
         "\n"
         "\xc0\xcd\xcd\xc0. \xc7\xe4\xf0\xe0\xe2\xf1\xf2\xe2\xf3\xe9\xf2\xe5, \xc8\xe2\xe0\xed "
         "\xcf\xe5\xf2\xf0\xee\xe2\xe8\xf7. \xc3\xe4\xe5 \xe2\xfb \xe1\xfb\xeb\xe8?\n"
         "\xc8\xc2\xc0\xcd \xcf\xc5\xd2\xd0\xce\xc2\xc8\xd7. \xc2 \xf1\xe0\xe4\xf3, \xe4\xf3\xf8\xe0 \xec\xee\xff.\n"
         "\xc0\xcd\xcd\xc0 (\xf1\xec\xe5\xb8\xf2\xf1\xff). \xc2 \xf2\xe0\xea\xee\xe9 \xe4\xee\xe6\xe4\xfc?\n"
         "\xc8\xc2\xc0\xcd \xcf\xc5\xd2\xd0\xce\xc2\xc8\xd7. \xc4\xee\xe6\xe4\xfc \x97 \xfd\xf2\xee \xf5\xee\xf0\xee\xf8\xee.\n"
         "\xcf\xe0\xf3\xe7\xe0.\n"
         "\xc0\xcd\xcd\xc0. \xc8\xe4\xb8\xec\xf2\xe5.\n",
         "АННА|Здравствуйте, Иван Петрович. Где вы были?\n"
         "ИВАН ПЕТРОВИЧ|В саду, душа моя.\n"
         "АННА|В такой дождь?\n"
         "ИВАН ПЕТРОВИЧ|Дождь \xe2\x80\x94"
         " это хорошо.\n"
         "АННА|Идёмте.\n"},
        {"what is told below a closed corner", 1,
         "\x91\xbe\x98Y\x81u\x82\xa8\x82\xcd\x82\xe6\x82\xa4\x81"
         "A\x89\xd4\x8eq\x81"
         "B\x8d\xa1\x93\xfa\x82\xcd\x8f\x8b\x82\xa2\x82\xcb\x81v\n"
         "\x89\xd4\x8eq\x81u\x82\xbb\x82\xa4\x82\xcb\x81"
         "B\x8a"
         "C\x82\xd6\x8ds\x82\xab\x82\xdc\x82\xb5\x82\xe5\x82\xa4\x81v\n"
         "\x91\xbe\x98Y\x81u\x81i\x8f\xce\x82\xa2\x82\xc8\x82\xaa\x82\xe7\x81j\x82\xa2\x82\xa2\x82\xcb\x81I\x81v\n"
         "\x81@\x93\xf1\x90l\x82\xcd\x95\xe0\x82\xab\x8fo\x82\xb7\x81"
         "B\n"
         "\x89\xd4\x8eq\x81u\x91\xd2\x82\xc1\x82\xc4\x81v\n",
         "太郎|おはよう、花子。今日は暑いね\n"
         "花子|そうね。海へ行きましょう\n"
         "太郎|いいね！\n"
         "花子|待って\n"},
        {"said to somebody", 1,
         "Ann (to Bob): Hello.\n"
         "Bob (to Ann, softly): Hello.\n"
         "Ann [aside]: He is strange.\n"
         "Bob to Carl: Is she?\n"
         "Carl & Bob: Ha ha.\n"
         "Ann: Note: this is no joke.\n"
         "Bob: OK\n",
         "Ann|Hello.\n"
         "Bob|Hello.\n"
         "Ann|He is strange.\n"
         "Bob|Is she?\n"
         "Carl & Bob|Ha ha.\n"
         "Ann|Note: this is no joke.\n"
         "Bob|OK\n"},
        {"Project Gutenberg: shortened names, its own words around", 2,
         "The Project Gutenberg EBook of The Tragedy of Hamlet, by William Shakespeare\n"
         "\n"
         "This eBook is for the use of anyone anywhere at no cost.\n"
         "\n"
         "Title: Hamlet\n"
         "\n"
         "Author: William Shakespeare\n"
         "\n"
         "Release Date: November, 1998\n"
         "\n"
         "*** START OF THE PROJECT GUTENBERG EBOOK HAMLET ***\n"
         "\n"
         "\n"
         "THE TRAGEDY OF HAMLET\n"
         "\n"
         "\n"
         "PERSONS REPRESENTED.\n"
         "\n"
         "Claudius, King of Denmark.\n"
         "Hamlet, Son to the former, and Nephew to the present King.\n"
         "Polonius, Lord Chamberlain.\n"
         "\n"
         "\n"
         "ACT I.\n"
         "\n"
         "Scene I. Elsinore. A platform before the Castle.\n"
         "\n"
         "[Francisco at his post. Enter to him Bernardo.]\n"
         "\n"
         "Ber.\n"
         "Who's there?\n"
         "\n"
         "Fran.\n"
         "Nay, answer me: stand, and unfold yourself.\n"
         "\n"
         "Ber.\n"
         "Long live the king!\n"
         "\n"
         "Fran.\n"
         "Bernardo?\n"
         "\n"
         "Ber.\n"
         "He.\n"
         "\n"
         "Fran.\n"
         "You come most carefully upon your hour.\n"
         "\n"
         "Ber.\n"
         "'Tis now struck twelve. Get thee to bed, Francisco.\n"
         "\n"
         "[_Exit Francisco._]\n"
         "\n"
         "Scene II. Elsinore. A room of state in the Castle.\n"
         "\n"
         "Ham.\n"
         "[Aside.] A little more than kin, and less than kind!\n"
         "\n"
         "King.\n"
         "How is it that the clouds still hang on you?\n"
         "\n"
         "Ham.\n"
         "Not so, my lord; I am too much i' the sun.\n"
         "\n"
         "*** END OF THE PROJECT GUTENBERG EBOOK HAMLET ***\n"
         "\n"
         "Section 1. General Terms of Use and Redistributing Project Gutenberg works\n",
         "Ber|Who's there?\n"
         "Fran|Nay, answer me: stand, and unfold yourself.\n"
         "Ber|Long live the king!\n"
         "Fran|Bernardo?\n"
         "Ber|He.\n"
         "Fran|You come most carefully upon your hour.\n"
         "Ber|'Tis now struck twelve. Get thee to bed, Francisco.\n"
         "Ham|A little more than kin, and less than kind!\n"
         "King|How is it that the clouds still hang on you?\n"
         "Ham|Not so, my lord; I am too much i' the sun.\n"},
        {"titles with dots (Ibsen)", 1,
         "NORA. Hide the Christmas Tree carefully, Helen. Be sure the children do not\n"
         "see it until this evening, when it is dressed. (_To the PORTER, taking\n"
         "out her purse_.) How much?\n"
         "\n"
         "PORTER. Sixpence.\n"
         "\n"
         "NORA. There is a shilling. No, keep the change.\n"
         "\n"
         "HELMER (_calls out from his room_). Is that my little lark twittering out\n"
         "there?\n"
         "\n"
         "NORA (_busy opening some of the parcels_). Yes, it is!\n"
         "\n"
         "MRS. LINDE. How do you do, Nora?\n"
         "\n"
         "DR. RANK. Good day.\n"
         "\n"
         "HELMER. When did my squirrel come home?\n",
         "NORA|Hide the Christmas Tree carefully, Helen. Be sure the children do not see it until this evening, when it is "
         "dressed. How much?\n"
         "PORTER|Sixpence.\n"
         "NORA|There is a shilling. No, keep the change.\n"
         "HELMER|Is that my little lark twittering out there?\n"
         "NORA|Yes, it is!\n"
         "MRS. LINDE|How do you do, Nora?\n"
         "DR. RANK|Good day.\n"
         "HELMER|When did my squirrel come home?\n"},
        {"a dot and a dash (Moliere), what they do behind a comma", 2,
         "SCÈNE PREMIÈRE.\n"
         "\n"
         "HARPAGON, LA FLÈCHE.\n"
         "\n"
         "HARPAGON. - Hors d'ici tout à l'heure, et qu'on ne réplique pas.\n"
         "LA FLÈCHE. - Je n'ai jamais rien vu de si méchant.\n"
         "HARPAGON. - Tu murmures entre tes dents ?\n"
         "LA FLÈCHE, à part. - Pourquoi me chassez-vous ?\n"
         "HARPAGON. - C'est bien à toi.\n"
         "LA FLÈCHE. - Qu'est-ce que je vous ai fait ?\n"
         "\n"
         "SCÈNE II.\n"
         "\n"
         "ÉLISE, CLÉANTE.\n"
         "\n"
         "ÉLISE. - Mon frère.\n"
         "CLÉANTE. - Ma sœur.\n",
         "HARPAGON|Hors d'ici tout à l'heure, et qu'on ne réplique pas.\n"
         "LA FLÈCHE|Je n'ai jamais rien vu de si méchant.\n"
         "HARPAGON|Tu murmures entre tes dents ?\n"
         "LA FLÈCHE|Pourquoi me chassez-vous ?\n"
         "HARPAGON|C'est bien à toi.\n"
         "LA FLÈCHE|Qu'est-ce que je vous ai fait ?\n"
         "ÉLISE|Mon frère.\n"
         "CLÉANTE|Ma sœur.\n"},
        {"a dot and a dash (Lorca)", 1,
         "ACTO PRIMERO\n"
         "\n"
         "CUADRO PRIMERO\n"
         "\n"
         "(Habitación pintada de amarillo.)\n"
         "\n"
         "NOVIO.- (Entrando.) Madre.\n"
         "MADRE.- ¿Qué?\n"
         "NOVIO.- Me voy.\n"
         "MADRE.- ¿Adónde?\n"
         "NOVIO.- A la viña. (Va a salir.)\n"
         "MADRE.- Espera.\n",
         "NOVIO|Madre.\n"
         "MADRE|¿Qué?\n"
         "NOVIO|Me voy.\n"
         "MADRE|¿Adónde?\n"
         "NOVIO|A la viña.\n"
         "MADRE|Espera.\n"},
        {"names in small letters with a dot (Chekhov)", 2,
         "Действие первое\n"
         "\n"
         "Комната, которая до сих пор называется детскою.\n"
         "\n"
         "Лопахин. Пришел поезд, слава богу. Который час?\n"
         "Дуняша. Скоро два. (Тушит свечу.) Уже светло.\n"
         "Лопахин. На сколько же это опоздал поезд? Часа на два, по крайней мере.\n"
         "Дуняша. Я думала, что вы уехали.\n"
         "Любовь Андреевна. Детская!\n"
         "Варя (зевает). Холодно, у меня руки закоченели.\n"
         "Лопахин. Вы пойдете?\n"
         "\n"
         "Действие второе\n"
         "\n"
         "Варя. Идем.\n"
         "Дуняша. Иду.\n",
         "Лопахин|Пришел поезд, слава богу. Который час?\n"
         "Дуняша|Скоро два. Уже светло.\n"
         "Лопахин|На сколько же это опоздал поезд? Часа на два, по крайней мере.\n"
         "Дуняша|Я думала, что вы уехали.\n"
         "Любовь Андреевна|Детская!\n"
         "Варя|Холодно, у меня руки закоченели.\n"
         "Лопахин|Вы пойдете?\n"
         "Варя|Идем.\n"
         "Дуняша|Иду.\n"},
        {"counted scenes (Lessing)", 2,
         "NATHAN: Wer ist da?\n"
         "RECHA (eilt herbei): Vater!\n"
         "NATHAN: Mein Kind!\n"
         "(Daja ab.)\n"
         "RECHA: So seid Ihr es doch ganz und gar, mein Vater?\n"
         "Zweiter Auftritt\n"
         "NATHAN, DAJA.\n"
         "DAJA: Er kommt.\n"
         "NATHAN: Wer?\n",
         "NATHAN|Wer ist da?\n"
         "RECHA|Vater!\n"
         "NATHAN|Mein Kind!\n"
         "RECHA|So seid Ihr es doch ganz und gar, mein Vater?\n"
         "DAJA|Er kommt.\n"
         "NATHAN|Wer?\n"},
        {"a list of words without names (DailyDialog)", 2,
         "{\"id\":0,\"dialog\":[\"Say, Jim, how about a beer?\",\"You know that is tempting.\",\"What do you "
         "mean?\"],\"act\":[3,4,2],\"emotion\":[0,0,0]}\n"
         "{\"id\":1,\"dialog\":[\"Can you do push-ups?\",\"Of course I can.\"],\"act\":[2,1],\"emotion\":[0,6]}\n",
         "A|Say, Jim, how about a beer?\n"
         "B|You know that is tempting.\n"
         "A|What do you mean?\n"
         "A|Can you do push-ups?\n"
         "B|Of course I can.\n"},
        {"OpenAI's export", 1,
         "[{\"title\":\"Ducks\",\"mapping\":{\"aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa\":{\"id\":\"a\",\"message\":null,"
         "\"parent\":null,\"children\":[\"b\"]},\"bbbbbbbb-1111-4111-8111-aaaaaaaaaaaa\":{\"id\":\"b\",\"message\":{\"author\":"
         "{\"role\":\"user\"},\"content\":{\"content_type\":\"text\",\"parts\":[\"Hi "
         "there\"]}},\"parent\":\"a\",\"children\":[\"c\"]},\"cccccccc-1111-4111-8111-aaaaaaaaaaaa\":{\"id\":\"c\",\"message\":"
         "{\"author\":{\"role\":\"assistant\"},\"content\":{\"content_type\":\"text\",\"parts\":[\"Hello!\"]}},\"parent\":"
         "\"b\",\"children\":[]}}}]",
         "user|Hi there\n"
         "assistant|Hello!\n"},
        {"PIPPA", 1,
         "{\"bot_name\":\"Ann\",\"bot_description\":\"A "
         "duck.\",\"conversation\":[{\"message\":\"Quack.\",\"is_human\":false},{\"message\":\"Hi, "
         "Ann\",\"is_human\":true},{\"message\":\"Quack!\",\"is_human\":false}]}\n",
         "Ann|Quack.\n"
         "user|Hi, Ann\n"
         "Ann|Quack!\n"},
        {"rejected answers are nobody's words", 2,
         "{\"chosen\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"Hello.\"}],\"rejected\":[{"
         "\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"Go away.\"}]}\n"
         "{\"chosen\":[{\"role\":\"user\",\"content\":\"Bye\"},{\"role\":\"assistant\",\"content\":\"Bye.\"}],\"rejected\":[{"
         "\"role\":\"user\",\"content\":\"Bye\"},{\"role\":\"assistant\",\"content\":\"No.\"}]}\n",
         "user|Hi\n"
         "assistant|Hello.\n"
         "user|Bye\n"
         "assistant|Bye.\n"},
        {"a table of a web page", 1,
         "<!DOCTYPE html><html><body><table><tr><th>Speaker</th><th>Line</th></tr>\n"
         "<tr><td>Ann</td><td>Hello there.</td></tr><tr><td>Bob</td><td>Hi, "
         "Ann.</td></tr><tr><td>Ann</td><td>Bye.</td></tr></table></body></html>",
         "Ann|Hello there.\n"
         "Bob|Hi, Ann.\n"
         "Ann|Bye.\n"},
        {"a list of definitions", 1,
         "<!DOCTYPE html><html><body><dl><dt>Ann:</dt><dd>Hello there.</dd><dt>Bob:</dt><dd>Hi, "
         "Ann.</dd><dt>Ann:</dt><dd>Bye.</dd></dl></body></html>",
         "Ann|Hello there.\n"
         "Bob|Hi, Ann.\n"
         "Ann|Bye.\n"},
        {"Shakespeare of MIT", 1,
         "<HTML><HEAD><TITLE>Hamlet</TITLE></HEAD><BODY><H3>ACT I</h3><h3>SCENE I.</h3>\n"
         "<A NAME=speech1><b>BERNARDO</b></a>\n"
         "<blockquote>\n"
         "<A NAME=1.1.1>Who's there?</A><br>\n"
         "</blockquote>\n"
         "\n"
         "<A NAME=speech2><b>FRANCISCO</b></a>\n"
         "<blockquote>\n"
         "<A NAME=1.1.2>Nay, answer me: stand, and unfold yourself.</A><br>\n"
         "</blockquote>\n"
         "<A NAME=speech3><b>BERNARDO</b></a>\n"
         "<blockquote>\n"
         "<A NAME=1.1.3>Long live the king!</A><br>\n"
         "<p><i>Enter GHOST</i></p>\n"
         "</blockquote>\n"
         "</BODY></HTML>",
         "BERNARDO|Who's there?\n"
         "FRANCISCO|Nay, answer me: stand, and unfold yourself.\n"
         "BERNARDO|Long live the king!\n"},
        {"all words in quotes", 1,
         "Ann: \"Hello there.\"\n"
         "Bob: \"Hi, Ann.\"\n"
         "Ann: \"Bye.\"\n",
         "Ann|Hello there.\n"
         "Bob|Hi, Ann.\n"
         "Ann|Bye.\n"},
        {"a court's lines with numbers", 1,
         " 1          THE COURT:  Good morning.\n"
         " 2          MR. SMITH:  Good morning, Your Honor.\n"
         " 3          THE COURT:  Call your witness.\n"
         " 4          MR. JONES:  We call Ann Duck.\n"
         " 5     Q.   Please state your name.\n"
         " 6     A.   Ann Duck.\n"
         " 7     Q.   And where do you live?\n"
         " 8     A.   By the pond,\n"
         " 9          with Bob.\n",
         "THE COURT|Good morning.\n"
         "MR. SMITH|Good morning, Your Honor.\n"
         "THE COURT|Call your witness.\n"
         "MR. JONES|We call Ann Duck.\n"
         "Q|Please state your name.\n"
         "A|Ann Duck.\n"
         "Q|And where do you live?\n"
         "A|By the pond, with Bob.\n"},
        {"times behind the names", 1,
         "Speaker 1 [00:00:03]: Hello everybody.\n"
         "Speaker 2 [00:00:10]: Thanks.\n"
         "Speaker 1 [00:01:15]: That is all.\n"
         "Speaker 2 [00:01:20]: Bye.\n",
         "Speaker 1|Hello everybody.\n"
         "Speaker 2|Thanks.\n"
         "Speaker 1|That is all.\n"
         "Speaker 2|Bye.\n"},
        {"times in front", 1,
         "00:00:03 Ann: Hello everybody.\n"
         "00:00:10 Bob: Thanks: really.\n"
         "00:01:15 Ann: That is all.\n"
         "00:01:20 Bob: Bye.\n",
         "Ann|Hello everybody.\n"
         "Bob|Thanks: really.\n"
         "Ann|That is all.\n"
         "Bob|Bye.\n"},
        {"entities", 1,
         "name,line\n"
         "Ann,\"Don&#39;t &amp; won&#039;t\"\n"
         "Bob,&quot;Hi&quot;\n"
         "Ann,Fish &amp; chips\n",
         "Ann|Don't & won't\n"
         "Bob|\"Hi\"\n"
         "Ann|Fish & chips\n"},
        {"italics of plain text", 1,
         "ANN: *laughs* I _do_ mind, Mr. O__O.\n"
         "BOB: snake_case and ^_^ and -_- are fine.\n"
         "ANN: _Really?_ Yes!\n",
         "ANN|I do mind, Mr. O__O.\n"
         "BOB|snake_case and ^_^ and -_- are fine.\n"
         "ANN|Really? Yes!\n"},
        {"a script in each cell (SAMSum)", 2,
         "id,dialogue,summary\n"
         "1,\"Ann: Hello.\n"
         "Bob: Hi.\n"
         "Ann: Bye.\",They greet.\n"
         "2,\"Carl: Yo.\n"
         "Ann: Hm.\",They meet.\n",
         "Ann|Hello.\n"
         "Bob|Hi.\n"
         "Ann|Bye.\n"
         "Carl|Yo.\n"
         "Ann|Hm.\n"},
        {"a name that is a number, one with a title", 1,
         "Ann (age 5): Hello.\n"
         "Bob (Ann's father): Hi.\n"
         "Ann (age 5): Bye.\n"
         "Dr. Who: Yes.\n"
         "Mr. T. Rex: No.\n"
         "Miss O'Hara-Smith III: Fine.\n"
         "Agent 47: Target.\n"
         "#1: Yes, sir.\n"
         "Ann [V.O.]: Long ago.\n"
         "Ann (voice-over): Long ago.\n"
         "Ann (OS): Hm.\n"
         "ANN (cont\xe2\x80\x99"
         "d): More.\n"
         "Young Ann: I was.\n",
         "Ann|Hello.\n"
         "Bob|Hi.\n"
         "Ann|Bye.\n"
         "Dr. Who|Yes.\n"
         "Mr. T. Rex|No.\n"
         "Miss O'Hara-Smith III|Fine.\n"
         "Agent 47|Target.\n"
         "#1|Yes, sir.\n"
         "Ann|Long ago.\n"
         "Ann|Long ago.\n"
         "Ann|Hm.\n"
         "Ann|More.\n"
         "Young Ann|I was.\n"},
        {"French: what they do behind commas", 1,
         "LE ROI : Qu'on l'amène !\n"
         "LA REINE : Mais, Sire\xe2\x80\xa6"
         "\n"
         "LE ROI, furieux : Silence !\n"
         "UN GARDE (à part) : Il est fou.\n"
         "LE ROI : Hein ?\n"
         "LA REINE, bas, au garde : Chut.\n",
         "LE ROI|Qu'on l'amène !\n"
         "LA REINE|Mais, Sire\xe2\x80\xa6"
         "\n"
         "LE ROI|Silence !\n"
         "UN GARDE|Il est fou.\n"
         "LE ROI|Hein ?\n"
         "LA REINE|Chut.\n"},
        {"dashes behind names", 1,
         "АННА \xe2\x80\x94"
         " Привет.\n"
         "БОРИС \xe2\x80\x94"
         " Привет, Аня.\n"
         "АННА \xe2\x80\x94"
         " Как дела?\n"
         "БОРИС \xe2\x80\x94"
         " Хорошо.\n"
         "АННА \xe2\x80\x94"
         " Ну и славно.\n"
         "БОРИС \xe2\x80\x94"
         " Пока.\n",
         "АННА|Привет.\n"
         "БОРИС|Привет, Аня.\n"
         "АННА|Как дела?\n"
         "БОРИС|Хорошо.\n"
         "АННА|Ну и славно.\n"
         "БОРИС|Пока.\n"},
        {"names between the lines", 1,
         "SCENE I.\n"
         "\n"
         "ANN.\n"
         "  Good morning.\n"
         "BOB.\n"
         "  Is it?\n"
         "ANN.\n"
         "  It is, and it will be so\n"
         "  until the evening comes.\n"
         "BOB.\n"
         "  Well.\n",
         "ANN|Good morning.\n"
         "BOB|Is it?\n"
         "ANN|It is, and it will be so until the evening comes.\n"
         "BOB|Well.\n"},
        {"Discord's notices", 1,
         "{\"guild\":{\"name\":\"Pond\"},\"channel\":{\"name\":\"ducks\"},\"messages\":[{\"id\":\"1\",\"type\":\"Default\","
         "\"timestamp\":\"2024-03-12T10:15:00\",\"content\":\"hello\",\"author\":{\"id\":\"9\",\"name\":\"ann\",\"nickname\":"
         "\"Ann\",\"isBot\":false}},{\"id\":\"2\",\"type\":\"Reply\",\"timestamp\":\"2024-03-12T10:16:00\",\"content\":\"hi\","
         "\"author\":{\"id\":\"8\",\"name\":\"bob\",\"nickname\":\"Bob\"}},{\"id\":\"3\",\"type\":\"GuildMemberJoin\","
         "\"timestamp\":\"2024-03-12T10:17:00\",\"content\":\"Joined the "
         "server.\",\"author\":{\"id\":\"7\",\"name\":\"carl\",\"nickname\":\"Carl\"}}]}",
         "Ann|hello\n"
         "Bob|hi\n"},
        {"Matrix", 1,
         "{\"room_name\":\"pond\",\"messages\":[{\"type\":\"m.room.message\",\"sender\":\"@ann:matrix.org\",\"content\":{"
         "\"msgtype\":\"m.text\",\"body\":\"hello\"},\"origin_server_ts\":1},{\"type\":\"m.room.message\",\"sender\":\"@bob:"
         "matrix.org\",\"content\":{\"msgtype\":\"m.text\",\"body\":\"hi\"},\"origin_server_ts\":2},{\"type\":\"m.room."
         "member\",\"sender\":\"@carl:matrix.org\",\"content\":{\"membership\":\"join\"}}]}",
         "@ann:matrix.org|hello\n"
         "@bob:matrix.org|hi\n"},
        {"the header again", 2,
         "Season 1;;;\n"
         "Episode 1;;;\n"
         "Character;Line;Note;\n"
         "Ann;Hello;x;\n"
         "Bob;Hi;;\n"
         "Character;Line;Note;\n"
         "Ann;Bye;;\n",
         "Ann|Hello\n"
         "Bob|Hi\n"
         "Ann|Bye\n"},
        {"bullets", 1,
         "- Ann: Hello there.\n"
         "- Bob: Hi.\n"
         "- Ann: Bye.\n"
         "* Bob: Bye, Ann.\n",
         "Ann|Hello there.\n"
         "Bob|Hi.\n"
         "Ann|Bye.\n"
         "Bob|Bye, Ann.\n"},
        {"quotes of Markdown", 1,
         "# The Pond\n"
         "\n"
         "## Scene 1\n"
         "\n"
         "> **Ann**: Hello there.\n"
         ">\n"
         "> **Bob**: Hi.\n"
         "\n"
         "**Ann** (*softly*): Bye.\n"
         "\n"
         "*They leave.*\n"
         "\n"
         "__Bob:__ Bye, Ann.\n",
         "Ann|Hello there.\n"
         "Bob|Hi.\n"
         "Ann|Bye.\n"
         "Bob|Bye, Ann.\n"},
        {"names in bold", 1,
         "**ANN**\n"
         "Hello there.\n"
         "\n"
         "**BOB**\n"
         "Hi.\n"
         "\n"
         "**ANN**\n"
         "(*softly*) Bye.\n",
         "ANN|Hello there.\n"
         "BOB|Hi.\n"
         "ANN|Bye.\n"},
        {"marks for the direction of writing", 1,
         "\xe2\x80\xab"
         "دنا\xe2\x80\xac"
         ": مرحبا\n"
         "\xe2\x80\xab"
         "علي\xe2\x80\xac"
         ": أهلا\n"
         "\xe2\x80\xab"
         "دنا\xe2\x80\xac"
         ": كيف حالك؟\n",
         "دنا|مرحبا\n"
         "علي|أهلا\n"
         "دنا|كيف حالك؟\n"},
        {"a visual novel in Japanese", 1,
         "【太郎】\n"
         "「おはよう」\n"
         "\n"
         "【花子】\n"
         "「そうね」\n"
         "\n"
         "【太郎】\n"
         "「いいね」\n",
         "太郎|おはよう\n"
         "花子|そうね\n"
         "太郎|いいね\n"},
        {"numbers of pages between speeches", 1,
         "ANN: Hello there. How's the new house?\n"
         "(CONTINUED)\n"
         "BOB: Fine.\n"
         "- 12 -\n"
         "ANN: And the pond?\n"
         "Page 13 of 20\n"
         "BOB: Cold.\n",
         "ANN|Hello there. How's the new house?\n"
         "BOB|Fine.\n"
         "ANN|And the pond?\n"
         "BOB|Cold.\n"},
        {"a table of one column", 1,
         "raw_text\n"
         "\"Ann: Hello there.\"\n"
         "\"Bob: Hi, Ann.\"\n"
         "\"Ann: Bye.\"\n",
         "Ann|Hello there.\n"
         "Bob|Hi, Ann.\n"
         "Ann|Bye.\n"},
        {"headings between waves", 2,
         "~~~~~~~~~~ Prologue ~~~~~~~~~~\n"
         "\n"
         "Sunnydale High School. Cut inside. The camera pans.\n"
         "\n"
         "Buffy:  We should go.\n"
         "\n"
         "Xander:  Where?\n"
         "\n"
         "They go.\n"
         "\n"
         "Buffy:  There.  (points)\n"
         "\n"
         "~~~~~~~~~~ Part 1 ~~~~~~~~~~\n"
         "\n"
         "Giles:  (cleans his glasses)  Oh dear.\n"
         "\n"
         "Buffy:  What?\n",
         "Buffy|We should go.\n"
         "Xander|Where?\n"
         "Buffy|There.\n"
         "Giles|Oh dear.\n"
         "Buffy|What?\n"},
        {"Japan's captions", 1,
         "1\n"
         "00:00:01,000 --> 00:00:03,000\n"
         "（ナルト）おはよう\n"
         "\n"
         "2\n"
         "00:00:03,500 --> 00:00:05,000\n"
         "（サクラ）\n"
         "おはよう ナルト\n"
         "\n"
         "3\n"
         "00:00:05,500 --> 00:00:08,000\n"
         "（ドアの音）\n"
         "\n"
         "4\n"
         "00:00:09,000 --> 00:00:11,000\n"
         "（ナルト）腹減った\n"
         "（サクラ）私も\n",
         "ナルト|おはよう\n"
         "サクラ|おはよう ナルト\n"
         "ナルト|腹減った\n"
         "サクラ|私も\n"},
        {"Korea's captions", 1,
         "<SAMI><HEAD><TITLE>x</TITLE></HEAD><BODY>\n"
         "<SYNC Start=1000><P Class=ENCC>ANN: Hello.\n"
         "<SYNC Start=2000><P Class=ENCC>&nbsp;\n"
         "<SYNC Start=3000><P Class=ENCC>BOB: Hi.<br>Ann!\n"
         "<SYNC Start=4000><P Class=ENCC>ANN: Bye.\n"
         "</BODY></SAMI>\n",
         "ANN|Hello.\n"
         "BOB|Hi. Ann!\n"
         "ANN|Bye.\n"},
        {"brackets behind a screenplay's names", 1,
         "INT. HOUSE - DAY\n"
         "\n"
         "Ann enters.\n"
         "\n"
         "\t\t\tANN\n"
         "\t\tHello?\n"
         "\n"
         "\t\t\tBOB (whispering)\n"
         "\t\tHush.\n"
         "\n"
         "\t\t\tANN (26)\n"
         "\t\tWhy?\n"
         "\n"
         "\t\t\tBOB (INTO PHONE)\n"
         "\t\tYes.\n"
         "\n"
         "\t\t\tBOB (V.O.) (cont'd)\n"
         "\t\tNo.\n",
         "ANN|Hello?\n"
         "BOB|Hush.\n"
         "ANN|Why?\n"
         "BOB|Yes.\n"
         "BOB|No.\n"},
        {"Fountain: italics in front of a stop", 2,
         "# Act One\n"
         "\n"
         "= A synopsis\n"
         "\n"
         "INT. HOUSE - DAY #1A#\n"
         "\n"
         "/* ANN\n"
         "Cut. */\n"
         "\n"
         "ANN\n"
         "Hello[[a note]]?\n"
         "  \n"
         "Still me.\n"
         "\n"
         "BOB\n"
         "(softly)\n"
         "*Yes*, **no**, _maybe_.\n"
         "\n"
         "===\n"
         "\n"
         "> THE END <\n"
         "\n"
         "!BANG\n"
         "Not a name.\n"
         "\n"
         "@ann (O.S.)\n"
         "Small.\n"
         "\n"
         "ANN:\n"
         "With a colon.\n",
         "ann|Hello? Still me.\n"
         "BOB|Yes, no, maybe.\n"
         "ann|Small.\n"
         "ann|With a colon.\n"},
        {"times from and to", 1,
         "SPEAKER_00 [00:03 - 00:10]: Hello.\n"
         "SPEAKER_01 [00:10 - 00:12]: Hi.\n"
         "SPEAKER_00 [00:12 - 00:15]: Bye.\n",
         "SPEAKER_00|Hello.\n"
         "SPEAKER_01|Hi.\n"
         "SPEAKER_00|Bye.\n"},
        {"times from and to above", 1,
         "Ann Smith 00:03 - 00:10\n"
         "Hello everybody.\n"
         "\n"
         "Bob 00:10 - 00:12\n"
         "Hi.\n"
         "\n"
         "Ann Smith 00:12 - 00:15\n"
         "Bye.\n",
         "Ann Smith|Hello everybody.\n"
         "Bob|Hi.\n"
         "Ann Smith|Bye.\n"},
        {"a thread of answers (OpenAssistant)", 2,
         "{\"message_tree_id\":\"a\",\"prompt\":{\"message_id\":\"a\",\"text\":\"Hi\",\"role\":\"prompter\",\"replies\":[{"
         "\"message_id\":\"b\",\"text\":\"Hello\",\"role\":\"assistant\",\"replies\":[{\"message_id\":\"d\",\"text\":\"Bye\","
         "\"role\":\"prompter\",\"replies\":[]}]},{\"message_id\":\"c\",\"text\":\"Go "
         "away\",\"role\":\"assistant\",\"replies\":[]}]}}\n",
         "prompter|Hi\n"
         "assistant|Hello\n"
         "prompter|Bye\n"
         "assistant|Go away\n"},
        {"a thread of answers (Reddit)", 1,
         "[{\"author\":\"ann\",\"body\":\"Hello\",\"replies\":[{\"author\":\"bob\",\"body\":\"Hi\",\"replies\":[{\"author\":"
         "\"ann\",\"body\":\"Bye\",\"replies\":[]}]}]}]",
         "ann|Hello\n"
         "bob|Hi\n"
         "ann|Bye\n"},
        {"Google Chat", 1,
         "{\"messages\":[{\"creator\":{\"name\":\"Ann "
         "Smith\",\"email\":\"a@x.org\",\"user_type\":\"Human\"},\"created_date\":\"Tuesday\",\"text\":\"Hello\",\"topic_id\":"
         "\"x\"},{\"creator\":{\"name\":\"Bob\",\"email\":\"b@x.org\",\"user_type\":\"Human\"},\"created_date\":\"Tuesday\","
         "\"text\":\"Hi\",\"topic_id\":\"x\"}]}",
         "Ann Smith|Hello\n"
         "Bob|Hi\n"},
        {"Skype: newest first by dates", 1,
         "{\"userId\":\"8:ann\",\"conversations\":[{\"id\":\"8:bob\",\"displayName\":\"Bob\",\"MessageList\":[{\"id\":\"2\","
         "\"displayName\":null,\"originalarrivaltime\":\"2024-03-12T10:16:00Z\",\"messagetype\":\"RichText\",\"content\":\"Hi "
         "&amp; "
         "bye\",\"from\":\"8:ann\"},{\"id\":\"1\",\"displayName\":\"Bob\",\"originalarrivaltime\":\"2024-03-12T10:15:00Z\","
         "\"messagetype\":\"RichText\",\"content\":\"Hello\",\"from\":\"8:bob\"}]}]}",
         "8:bob|Hello\n"
         "8:ann|Hi & bye\n"},
        {"Topical-Chat", 2,
         "{\"t_1\":{\"article_url\":\"x\",\"content\":[{\"message\":\"Hi "
         "there\",\"agent\":\"agent_1\",\"sentiment\":\"Happy\"},{\"message\":\"Hello\",\"agent\":\"agent_2\",\"sentiment\":"
         "\"Happy\"}],\"rating\":\"Good\"},\"t_2\":{\"content\":[{\"message\":\"Yo\",\"agent\":\"agent_1\"}]}}",
         "agent_1|Hi there\n"
         "agent_2|Hello\n"
         "agent_1|Yo\n"},
        {"EmpatheticDialogues: numbers as speakers", 2,
         "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n"
         "hit:0_conv:1,1,sentimental,I remember going to the fireworks_comma_ alone.,1,I remember the fireworks_comma_ there "
         "were many.,5|5|5_2|2|5,\n"
         "hit:0_conv:1,2,sentimental,I remember going to the fireworks_comma_ alone.,0,Was this a friend?,5|5|5_2|2|5,\n"
         "hit:0_conv:1,3,sentimental,I remember going to the fireworks_comma_ alone.,1,Yes_comma_ it was.,5|5|5_2|2|5,\n"
         "hit:0_conv:2,1,afraid,I used to scare.,2,It is dark.,5|5|5_2|2|5,\n"
         "hit:0_conv:2,2,afraid,I used to scare.,3,Oh no.,5|5|5_2|2|5,\n",
         "1|I remember the fireworks, there were many.\n"
         "0|Was this a friend?\n"
         "1|Yes, it was.\n"
         "2|It is dark.\n"
         "3|Oh no.\n"},
        {"a Chinese script: numbered scenes, what is told set in", 2,
         "第一场 日 内 客厅\n"
         "\n"
         "小明：（笑着）你好。\n"
         "小红：你来了。\n"
         "　　小明坐下。\n"
         "小明：是的。\n"
         "\n"
         "第二场 夜 外 街道\n"
         "\n"
         "小红：再见。\n",
         "小明|你好。\n"
         "小红|你来了。\n"
         "小明|是的。\n"
         "小红|再见。\n"},
        {"ConvoKit: answers above questions", 2,
         "{\"id\":\"L1045\",\"conversation_id\":\"L1044\",\"text\":\"They do "
         "not!\",\"speaker\":\"u0\",\"meta\":{\"movie_id\":\"m0\"},\"reply-to\":\"L1044\",\"timestamp\":null}\n"
         "{\"id\":\"L1044\",\"conversation_id\":\"L1044\",\"text\":\"They do "
         "to!\",\"speaker\":\"u2\",\"meta\":{\"movie_id\":\"m0\"},\"reply-to\":null,\"timestamp\":null}\n"
         "{\"id\":\"L985\",\"conversation_id\":\"L984\",\"text\":\"I hope "
         "so.\",\"speaker\":\"u0\",\"meta\":{\"movie_id\":\"m0\"},\"reply-to\":\"L984\",\"timestamp\":null}\n"
         "{\"id\":\"L984\",\"conversation_id\":\"L984\",\"text\":\"She "
         "okay?\",\"speaker\":\"u2\",\"meta\":{\"movie_id\":\"m0\"},\"reply-to\":null,\"timestamp\":null}\n",
         "u2|She okay?\n"
         "u0|I hope so.\n"
         "u2|They do to!\n"
         "u0|They do not!\n"},
        {"he says: that is no name", 1,
         "ANN: Hello there.\n"
         "BOB: Hi.\n"
         "\n"
         "The next morning: nothing has changed.\n"
         "\n"
         "ANN: Look: a duck.\n"
         "He says: quack.\n"
         "BOB: Well, well: two.\n",
         "ANN|Hello there.\n"
         "BOB|Hi.\n"
         "ANN|Look: a duck. He says: quack.\n"
         "BOB|Well, well: two.\n"},
        {"a name with quotes in a chat", 1,
         "01.02.24, 10:00 - Ann \"Annie\" Smith: Hello\n"
         "01.02.24, 10:05 - Bob: Hi\n"
         "01.02.24, 10:06 - Bob hat den Betreff zu \xe2\x80\x9e"
         "Enten: Teil zwei\xe2\x80\x9c"
         " geändert\n"
         "01.02.24, 10:09 - Ann \"Annie\" Smith: Bye\n",
         "Ann \"Annie\" Smith|Hello\n"
         "Bob|Hi\n"
         "Ann \"Annie\" Smith|Bye\n"},
        {"capitals in front of a dot, where names have colons", 1,
         "ANN: I went to the shop, and there was nobody there. The\n"
         "door was open. OK. So I went in.\n"
         "BOB: And?\n"
         "STOP. I know that face.\n"
         "ANN: There was a note: 'Gone fishing'. Nothing\n"
         "else. Just that.\n"
         "BOB: Hm.\n",
         "ANN|I went to the shop, and there was nobody there. The door was open. OK. So I went in.\n"
         "BOB|And? STOP. I know that face.\n"
         "ANN|There was a note: 'Gone fishing'. Nothing else. Just that.\n"
         "BOB|Hm.\n"},
        {"questions and answers in a row", 3,
         "context,response\n"
         "Hello there,Hi\n"
         "How are you?,Fine\n"
         "Bye,Bye\n",
         "user|Hello there\n"
         "assistant|Hi\n"
         "user|How are you?\n"
         "assistant|Fine\n"
         "user|Bye\n"
         "assistant|Bye\n"},
        {"user and bot", 3,
         "user,bot\n"
         "Hello there,Hi\n"
         "How are you?,Fine\n"
         "Bye,Bye now\n",
         "user|Hello there\n"
         "assistant|Hi\n"
         "user|How are you?\n"
         "assistant|Fine\n"
         "user|Bye\n"
         "assistant|Bye now\n"},
        {"Shakespeare of the First Folio", 1,
         "Actus Primus. Scoena Prima.\n"
         "\n"
         "Enter Barnardo and Francisco two Centinels.\n"
         "\n"
         "  Barnardo. Who's there?\n"
         "  Fran. Nay answer me: Stand & vnfold\n"
         "your selfe\n"
         "\n"
         "   Bar. Long liue the King\n"
         "\n"
         "   Fran. Barnardo?\n"
         "  Bar. He\n"
         "\n"
         "   Fran. You come most carefully vpon your houre\n"
         "\n"
         "   Bar. 'Tis now strook twelue, get thee to bed Francisco\n",
         "Fran|Nay answer me: Stand & vnfold your selfe\n"
         "Bar|Long liue the King\n"
         "Fran|Barnardo?\n"
         "Bar|He\n"
         "Fran|You come most carefully vpon your houre\n"
         "Bar|'Tis now strook twelue, get thee to bed Francisco\n"},
        {"Shakespeare of Folger's", 1,
         "ACT 1\n"
         "=====\n"
         "\n"
         "Scene 1\n"
         "=======\n"
         "[Enter Barnardo and Francisco, two sentinels.]\n"
         "\n"
         "\n"
         "BARNARDO  Who's there?\n"
         "\n"
         "FRANCISCO\n"
         "Nay, answer me. Stand and unfold yourself.\n"
         "\n"
         "BARNARDO  Long live the King!\n"
         "\n"
         "FRANCISCO  Barnardo?\n"
         "\n"
         "BARNARDO  He.\n"
         "\n"
         "FRANCISCO\n"
         "You come most carefully upon your hour.\n"
         "\n"
         "HORATIO, [within]  Friends to this ground.\n",
         "BARNARDO|Who's there?\n"
         "FRANCISCO|Nay, answer me. Stand and unfold yourself.\n"
         "BARNARDO|Long live the King!\n"
         "FRANCISCO|Barnardo?\n"
         "BARNARDO|He.\n"
         "FRANCISCO|You come most carefully upon your hour.\n"
         "HORATIO|Friends to this ground.\n"},
        {"Shakespeare with the numbers of lines", 1,
         "HAMLET\t1.2.65\n"
         "A little more than kin, and less than kind.\n"
         "\n"
         "KING\t1.2.66\n"
         "How is it that the clouds still hang on you?\n"
         "\n"
         "HAMLET\t1.2.67\n"
         "Not so, my lord.\n",
         "HAMLET|A little more than kin, and less than kind.\n"
         "KING|How is it that the clouds still hang on you?\n"
         "HAMLET|Not so, my lord.\n"},
        {"YouTube's own captions, which roll", 1,
         "WEBVTT\n"
         "Kind: captions\n"
         "Language: en\n"
         "\n"
         "00:00:00.160 --> 00:00:02.350 align:start position:0%\n"
         " \n"
         "hello<00:00:00.480><c> everybody</c><00:00:00.960><c> and</c>\n"
         "\n"
         "00:00:02.350 --> 00:00:02.360 align:start position:0%\n"
         "hello everybody and\n"
         " \n"
         "\n"
         "00:00:02.360 --> 00:00:04.350 align:start position:0%\n"
         "hello everybody and\n"
         "welcome<00:00:02.480><c> back</c>\n"
         "\n"
         "00:00:04.350 --> 00:00:04.360 align:start position:0%\n"
         "welcome back\n"
         " \n",
         "|hello everybody and welcome back\n"},
        {"SRT without empty lines", 1,
         "1\n"
         "00:00:01,000 --> 00:00:02,000\n"
         "ANN: Hello.\n"
         "2\n"
         "00:00:03,000 --> 00:00:04,000\n"
         "BOB: Hi.\n"
         "3\n"
         "00:00:05,000 --> 00:00:06,000\n"
         "ANN: 42\n",
         "ANN|Hello.\n"
         "BOB|Hi.\n"
         "ANN|42\n"},
        {"the name once more in front of the words", 1,
         "name,line\n"
         "Ann:,Hello there.\n"
         "Bob,\"Bob: Hi, Ann.\"\n"
         "Ann,Bye.\n"
         "Bob:,Bye.\n",
         "Ann|Hello there.\n"
         "Bob|Hi, Ann.\n"
         "Ann|Bye.\n"
         "Bob|Bye.\n"},
        {"the end of a play in Spanish", 1,
         "ACTO ÚNICO\n"
         "\n"
         "ANA: (Entra.) Hola.\n"
         "PEPE: ¿Quién es?\n"
         "ANA: Yo.\n"
         "(Pausa.)\n"
         "PEPE: (Aparte.) ¡Ana!\n"
         "ANA: ¿Qué dices?\n"
         "Oscuro.\n",
         "ANA|Hola.\n"
         "PEPE|¿Quién es?\n"
         "ANA|Yo.\n"
         "PEPE|¡Ana!\n"
         "ANA|¿Qué dices?\n"},
        {"examples of a card", 2,
         "<START>\n"
         "{{user}}: Hi.\n"
         "{{char}}: Hello.\n"
         "<START>\n"
         "{{user}}: Bye.\n"
         "{{char}}: Bye.\n",
         "{{user}}|Hi.\n"
         "{{char}}|Hello.\n"
         "{{user}}|Bye.\n"
         "{{char}}|Bye.\n"},
        {"a name that comes once, where all paragraphs begin with one", 1,
         "Ann\n"
         "Good morning.\n"
         "\n"
         "Bob\n"
         "Is it?\n"
         "\n"
         "Ann\n"
         "It is.\n"
         "\n"
         "Carl\n"
         "I do not think so.\n"
         "\n"
         "Bob\n"
         "Nor do I.\n",
         "Ann|Good morning.\n"
         "Bob|Is it?\n"
         "Ann|It is.\n"
         "Carl|I do not think so.\n"
         "Bob|Nor do I.\n"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) reads_as(&list[i]);
}

/* What cannot be read is called by its name, with the step that makes a script of it. */
static void refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *words, *text;
    } list[] = {
        {"Ren'Py", "label chapter2:\n"
                   "    e \"Hello again.\"\n"
                   "    m \"Hi.\"\n"
                   "    e \"What a day.\"\n"
                   "    \"The sun sets.\"\n"
                   "    m \"Indeed.\"\n"
                   "    e smile \"Bye.\"\n"
                   "    return\n"},
        {"Ink story", "VAR mood = 1\n"
                      "-> start\n"
                      "=== start ===\n"
                      "ANN: Hello there. # happy\n"
                      "* [Say hi] \"Hi,\" I said.\n"
                      "    BOB: Hi, Ann.\n"
                      "    -> next\n"
                      "* Leave\n"
                      "    -> END\n"
                      "=== next ===\n"
                      "ANN: Nice weather.\n"
                      "BOB: Yes.\n"
                      "{mood > 1: ANN: Great!}\n"
                      "-> END\n"},
        {"Twine story", ":: StoryTitle\n"
                        "The Pond\n"
                        "\n"
                        ":: StoryData\n"
                        "{\"ifid\":\"AAAA\",\"format\":\"SugarCube\"}\n"
                        "\n"
                        ":: Start [tag] {\"position\":\"100,100\"}\n"
                        "Ann: Hello there.\n"
                        "Bob: Hi, Ann.\n"
                        "<<set $mood to 1>>\n"
                        "[[Go on->Next]]\n"
                        "\n"
                        ":: Next\n"
                        "Ann: Nice weather.\n"
                        "Bob: Yes.\n"
                        "[[Back|Start]]\n"},
        {"Yarn Spinner", "title: Start\n"
                         "tags:\n"
                         "---\n"
                         "Ann: Hello there. #line:01\n"
                         "Bob: Hi, Ann.\n"
                         "<<if $mood>>\n"
                         "-> Say yes\n"
                         "    Ann: Yes.\n"
                         "-> Say no\n"
                         "    Bob: No.\n"
                         "<<endif>>\n"
                         "===\n"
                         "title: Next\n"
                         "---\n"
                         "Ann: Bye.\n"
                         "Bob: Bye.\n"
                         "===\n"},
        {"Final Draft", "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>\n"
                        "<FinalDraft DocumentType=\"Script\" Template=\"No\" Version=\"1\"><Content>\n"
                        "<Paragraph Number=\"1\" Type=\"Scene Heading\"><Text>INT. POND - DAY</Text></Paragraph>\n"
                        "<Paragraph Type=\"Action\"><Text>Ann sits.</Text></Paragraph>\n"
                        "<Paragraph Type=\"Character\"><Text>ANN</Text></Paragraph>\n"
                        "<Paragraph Type=\"Dialogue\"><Text>Hello?</Text></Paragraph>\n"
                        "</Content></FinalDraft>"},
        {"lost its empty lines", "1 INT. HOUSE - NIGHT 1\n"
                                 "Ann sits by the fire.\n"
                                 "ANN\n"
                                 "Hello?\n"
                                 "BOB (O.C.)\n"
                                 "(from outside)\n"
                                 "Open the door.\n"
                                 "ANN\n"
                                 "Who is it?\n"
                                 "BOB\n"
                                 "It's me. Bob. I have been walking\n"
                                 "for three days.\n"
                                 "ANN (CONT'D)\n"
                                 "Bob who?\n"
                                 "2.\n"
                                 "2 EXT. HOUSE - CONTINUOUS 2\n"
                                 "Bob waits.\n"
                                 "BOB\n"
                                 "Bob from the pond.\n"
                                 "CONTINUED: (2)\n"
                                 "ANN\n"
                                 "Come in.\n"
                                 "BOB\n"
                                 "Thanks.\n"},
        {"prompts in a model's template", "<|im_start|>system\n"
                                          "You are Ann.<|im_end|>\n"
                                          "<|im_start|>user\n"
                                          "Hi<|im_end|>\n"
                                          "<|im_start|>assistant\n"
                                          "Hello.<|im_end|>\n"},
        {"YAML", "Ann:\n"
                 "  - Hello there.\n"
                 "  - Bye.\n"
                 "Bob:\n"
                 "  - Hi.\n"},
        {"e-mail", "From: Ann <ann@x.org>\n"
                   "To: Bob <bob@x.org>\n"
                   "Subject: Hello\n"
                   "Date: Mon, 12 Mar 2024 10:15:00 +0000\n"
                   "\n"
                   "Hello Bob,\n"
                   "see you.\n"},
        {"TalkBank", "@UTF8\n"
                     "@Begin\n"
                     "@Languages:\teng\n"
                     "@Participants:\tCHI Ann Target_Child, MOT Mary Mother\n"
                     "*MOT:\twhat is it ?\n"
                     "%mor:\tpro|what cop|be pro|it ?\n"
                     "*CHI:\tduck .\n"
                     "*MOT:\ta duck !\n"
                     "@End\n"},
        {"gettext", "msgid \"\"\n"
                    "msgstr \"\"\n"
                    "\"Content-Type: text/plain; charset=UTF-8\\n\"\n"
                    "\n"
                    "#: ann\n"
                    "msgctxt \"Ann\"\n"
                    "msgid \"Hello\"\n"
                    "msgstr \"Hallo\"\n"},
        {"as a page: ask for the download as JSON",
         "<html><body><div class=\"_a6-g\"><div class=\"_2ph_ _a6-h _a6-i\">Ann Smith</div><div class=\"_2ph_ "
         "_a6-p\"><div><div></div><div>Hello there</div></div></div><div class=\"_3-94 _a6-o\">Mar 12, 2024 10:16 "
         "AM</div></div><div class=\"_a6-g\"><div class=\"_2ph_ _a6-h _a6-i\">Bob</div><div class=\"_2ph_ "
         "_a6-p\"><div><div></div><div>Hi</div></div></div><div class=\"_3-94 _a6-o\">Mar 12, 2024 10:15 "
         "AM</div></div></body></html>"},
        {"no column looks like", "\"Hello there,\" said Ann.\n"
                                 "\"Hi,\" said Bob.\n"
                                 "It was raining: everybody was wet.\n"
                                 "\"Bye,\" said Ann.\n"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        us_script *s;
        us_error err = {0};
        us_status st = load(list[i].text, &s, &err);
        if (!st || !strstr(err.message, list[i].words))
            fail_msg("expected '%s', got '%s'", list[i].words, st ? err.message : "a script");
    }
}

/* What was guessed, or left out, is said of the file. */
static void guesses_are_said(void **state) {
    (void)state;
    static const struct {
        const char *about, *text;
    } list[] = {
        {"text by its looks: 'German' (--text-column)",
         "ID\tSpeaker\tEnglish\tGerman\n1\tAnn\tHello.\tGuten Tag zusammen.\n2\tBob\tHi.\tGuten Tag auch.\n3\tAnn\tBye.\tAuf "
         "Wiedersehen.\n"},
        {"called A and B", "[{\"dialog\": [\"Hello there.\", \"Hi.\"]}]"},
        {"rejected answers left out",
         "{\"chosen\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"rejected\": [{\"role\": \"user\", \"content\": "
         "\"Ho\"}]}"},
        {"numbers in front of the lines left out", "1 ANN: Hello.\n2 BOB: Hi.\n3 ANN: Bye.\n4 BOB: Bye.\n"},
        {"1 pair of speeches in two columns left out", "     INT. POND - DAY\n\n                         ANN\n               "
                                                       "Hello.\n\n               ANN                 BOB\n"
                                                       "          Let us go.          Let us stay.\n\n                         "
                                                       "BOB\n               Good.\n\n                         "
                                                       "ANN\n               Fine.\n"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        us_script *s;
        us_error err = {0};
        size_t n;
        assert_ok(load(list[i].text, &s, &err), &err);
        const char *about = us_script_get_sources(s, &n)[0].about;
        if (!strstr(about, list[i].about)) fail_msg("expected '%s', got '%s'", list[i].about, about);
        us_script_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(scripts_as_found), cmocka_unit_test(refused_by_name),
                                       cmocka_unit_test(guesses_are_said)};
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
