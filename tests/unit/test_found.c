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
        {"iMessage, exported as text", 2,
         "Jan 05, 2024 10:15:12 AM (Read by them after 2 minutes, 3 seconds)\n"
         "Me\n"
         "Are you home already?\n"
         "\n"
         "Jan 05, 2024 10:17:15 AM\n"
         "+15558675309\n"
         "Almost. The bus is late again.\n"
         "I will be there at six.\n"
         "\n"
         "Jan 05, 2024 10:18:02 AM\n"
         "Me\n"
         "Okay! Bring bread.\n"
         "Tapbacks:\n"
         "Loved by +15558675309\n"
         "\n"
         "Jan 05, 2024 10:20:44 AM\n"
         "+15558675309\n"
         "~/Library/Messages/Attachments/ab/11/IMG_0042.HEIC\n"
         "Look at this duck.\n"
         "\n"
         "Jan 06, 2024  9:01:00 PM\n"
         "Me\n"
         "Good night.\n"
         "\n"
         "Jan 06, 2024  9:02:00 PM\n"
         "Ann Smith\n"
         "Night!\n"
         "    Jan 06, 2024  9:02:30 PM\n"
         "    Me\n"
         "    And sleep well.\n"
         "\n",
         "Me|Are you home already?\n"
         "+15558675309|Almost. The bus is late again. I will be there at six.\n"
         "Me|Okay! Bring bread.\n"
         "+15558675309|Look at this duck.\n"
         "Me|Good night.\n"
         "Ann Smith|Night!\n"
         "Me|And sleep well.\n"},
        {"iMessage, exported as a page", 1,
         "<html><head><style>x</style></head><body><div class=\"message\"><div class=\"sent iMessage\"><p><span "
         "class=\"timestamp\"><a title=\"x\" href=\"#a\">Jan 05, 2024 10:15:12 AM</a> (Read by them after 5 seconds)</span>\n"
         "<span class=\"sender\">Me</span></p><hr><div class=\"message_part\"><span class=\"bubble\">Are you "
         "home?</span></div></div></div>\n"
         "<div class=\"message\"><div class=\"received\"><p><span class=\"timestamp\"><a title=\"x\" href=\"#a\">Jan 05, 2024 "
         "10:17:12 AM</a></span>\n"
         "<span class=\"sender\">Ann</span></p><hr><div class=\"message_part\"><span "
         "class=\"bubble\">Almost.</span></div></div></div>\n"
         "<div class=\"message\"><div class=\"sent iMessage\"><p><span class=\"timestamp\"><a title=\"x\" href=\"#a\">Jan 05, "
         "2024 10:18:12 AM</a></span>\n"
         "<span class=\"sender\">Me</span></p><hr><div class=\"message_part\"><span "
         "class=\"bubble\">Good.</span></div></div></div></body></html>",
         "Me|Are you home?\n"
         "Ann|Almost.\n"
         "Me|Good.\n"},
        {"iMessage: what the program says", 1,
         "May 17, 2022  5:29:42 PM\n"
         "Me\n"
         "Hello\n"
         "This message responded to an earlier message.\n"
         "\n"
         "May 17, 2022  5:30:42 PM (Read by you after 1 minute)\n"
         "bob@example.com\n"
         "Hi\n"
         "    May 17, 2022  5:31:42 PM\n"
         "    Me\n"
         "    A reply\n"
         "\n"
         "May 17, 2022  5:32:42 PM\n"
         "You named the conversation Ducks\n"
         "\n"
         "May 17, 2022  5:32:50 PM You changed the group photo.\n"
         "\n"
         "May 17, 2022  5:33:42 PM\n"
         "bob@example.com\n"
         "Bye\n"
         "Edited 5 seconds later: Bye!\n",
         "Me|Hello\n"
         "bob@example.com|Hi\n"
         "Me|A reply\n"
         "bob@example.com|Bye Edited 5 seconds later: Bye!\n"},
        {"HappyScribe", 1,
         "[00:00:03.450] - Ann Smith\n"
         "Welcome to the pond. My name is Ann.\n"
         "\n"
         "[00:00:09.120] - Bob Duck\n"
         "Thanks for having me.\n"
         "\n"
         "[00:00:12.980] - Ann Smith\n"
         "So, tell us about the ducks. How many are there?\n"
         "\n"
         "[00:00:18.010] - Speaker 3\n"
         "Too many.\n"
         "\n"
         "[00:00:21.500] - Bob Duck\n"
         "Twelve, I think.\n",
         "Ann Smith|Welcome to the pond. My name is Ann.\n"
         "Bob Duck|Thanks for having me.\n"
         "Ann Smith|So, tell us about the ducks. How many are there?\n"
         "Speaker 3|Too many.\n"
         "Bob Duck|Twelve, I think.\n"},
        {"Character.AI", 1,
         "{\"name\": \"Sherlock Ducks\", \"chats\": [{\"turns\": [{\"turn_key\": {\"chat_id\": \"x\", \"turn_id\": \"1\"}, "
         "\"create_time\": \"2024-01-01T10:00:00Z\", \"author\": {\"author_id\": \"123\", \"name\": \"Sherlock\"}, \"state\": "
         "\"STATE_OK\", \"candidates\": [{\"candidate_id\": \"c1\", \"raw_content\": \"The game is afoot.\", \"is_final\": "
         "true}], \"primary_candidate_id\": \"c1\"}, {\"turn_key\": {\"chat_id\": \"x\", \"turn_id\": \"2\"}, \"create_time\": "
         "\"2024-01-01T10:01:00Z\", \"author\": {\"author_id\": \"9\", \"name\": \"Ann\", \"is_human\": true}, \"candidates\": "
         "[{\"candidate_id\": \"c2\", \"raw_content\": \"Who did it?\"}], \"primary_candidate_id\": \"c2\"}, {\"turn_key\": "
         "{\"chat_id\": \"x\", \"turn_id\": \"3\"}, \"author\": {\"author_id\": \"123\", \"name\": \"Sherlock\"}, "
         "\"candidates\": [{\"candidate_id\": \"c3\", \"raw_content\": \"The goose.\"}, {\"candidate_id\": \"c4\", "
         "\"raw_content\": \"The butler, naturally.\"}], \"primary_candidate_id\": \"c4\"}]}]}",
         "Sherlock|The game is afoot.\n"
         "Ann|Who did it?\n"
         "Sherlock|The butler, naturally.\n"},
        {"Character.AI, older", 1,
         "{\"info\": {\"character\": \"x\"}, \"histories\": {\"histories\": [{\"external_id\": \"a\", \"created\": \"2022\", "
         "\"msgs\": [{\"uuid\": \"1\", \"text\": \"The game is afoot.\", \"src\": {\"name\": \"Sherlock\", \"is_human\": "
         "false}, \"tgt\": {\"name\": \"Ann\"}, \"is_alternative\": false}, {\"uuid\": \"2\", \"text\": \"Who did it?\", "
         "\"src\": {\"name\": \"Ann\", \"is_human\": true}, \"tgt\": {\"name\": \"Sherlock\"}, \"is_alternative\": false}, "
         "{\"uuid\": \"3\", \"text\": \"The goose.\", \"src\": {\"name\": \"Sherlock\", \"is_human\": false}, "
         "\"is_alternative\": true}, {\"uuid\": \"4\", \"text\": \"The butler.\", \"src\": {\"name\": \"Sherlock\", "
         "\"is_human\": false}, \"is_alternative\": false}]}]}}",
         "Sherlock|The game is afoot.\n"
         "Ann|Who did it?\n"
         "Sherlock|The butler.\n"},
        {"Character.AI: newest first", 1,
         "{\"turns\": [{\"author\": {\"author_id\": \"1\", \"name\": \"Duck\"}, \"candidates\": [{\"candidate_id\": \"a\", "
         "\"raw_content\": \"Quack.\"}], \"create_time\": \"2024-01-02T10:00:00Z\", \"primary_candidate_id\": \"a\"}, "
         "{\"author\": {\"author_id\": \"2\", \"name\": \"Ann\", \"is_human\": true}, \"candidates\": [{\"candidate_id\": "
         "\"b\", \"raw_content\": \"Hi\"}], \"create_time\": \"2024-01-01T10:00:00Z\", \"primary_candidate_id\": \"b\"}], "
         "\"meta\": {\"next_token\": \"\"}}",
         "Ann|Hi\n"
         "Duck|Quack.\n"},
        {"names in front of angles", 1,
         "Ann> Hi there\n"
         "Bob> Hello, Ann\n"
         "Ann> How are you?\n"
         "Bob> Fine, and you?\n"
         "Ann> Quite well.\n"
         "Bob> Good.\n",
         "Ann|Hi there\n"
         "Bob|Hello, Ann\n"
         "Ann|How are you?\n"
         "Bob|Fine, and you?\n"
         "Ann|Quite well.\n"
         "Bob|Good.\n"},
        {"the same, small and apart", 1,
         "User > Hi\n"
         "Bot > Hello.\n"
         "I am a bot.\n"
         "User > Bye\n"
         "Bot > Bye.\n",
         "User|Hi\n"
         "Bot|Hello. I am a bot.\n"
         "User|Bye\n"
         "Bot|Bye.\n"},
        {"MultiWOZ 2.1", 2,
         "{\n"
         " \"SNG01856.json\": {\n"
         "  \"goal\": {\n"
         "   \"taxi\": {},\n"
         "   \"message\": [\n"
         "    \"You are looking for a place\"\n"
         "   ]\n"
         "  },\n"
         "  \"log\": [\n"
         "   {\n"
         "    \"text\": \"am looking for a place to stay that has cheap price range\",\n"
         "    \"metadata\": {},\n"
         "    \"dialog_act\": {\n"
         "     \"Hotel-Inform\": [\n"
         "      [\n"
         "       \"Type\",\n"
         "       \"hotel\"\n"
         "      ]\n"
         "     ]\n"
         "    },\n"
         "    \"span_info\": []\n"
         "   },\n"
         "   {\n"
         "    \"text\": \"Okay, do you have a specific area?\",\n"
         "    \"metadata\": {\n"
         "     \"hotel\": {\n"
         "      \"book\": {\n"
         "       \"booked\": []\n"
         "      },\n"
         "      \"semi\": {\n"
         "       \"name\": \"not mentioned\"\n"
         "      }\n"
         "     }\n"
         "    },\n"
         "    \"dialog_act\": {},\n"
         "    \"span_info\": []\n"
         "   },\n"
         "   {\n"
         "    \"text\": \"no, i just need it to be cheap\",\n"
         "    \"metadata\": {}\n"
         "   },\n"
         "   {\n"
         "    \"text\": \"I found one.\",\n"
         "    \"metadata\": {\n"
         "     \"hotel\": {}\n"
         "    }\n"
         "   }\n"
         "  ]\n"
         " },\n"
         " \"PMUL2.json\": {\n"
         "  \"goal\": {},\n"
         "  \"log\": [\n"
         "   {\n"
         "    \"text\": \"Hello.\",\n"
         "    \"metadata\": {}\n"
         "   },\n"
         "   {\n"
         "    \"text\": \"Hi, what do you need?\",\n"
         "    \"metadata\": {\n"
         "     \"a\": {}\n"
         "    }\n"
         "   }\n"
         "  ]\n"
         " }\n"
         "}",
         "USER|am looking for a place to stay that has cheap price range\n"
         "SYSTEM|Okay, do you have a specific area?\n"
         "USER|no, i just need it to be cheap\n"
         "SYSTEM|I found one.\n"
         "USER|Hello.\n"
         "SYSTEM|Hi, what do you need?\n"},
        {"a chat whose messages answer each other in a circle", 1,
         "[{\"mapping\": {\"a\": {\"parent\": \"b\", \"message\": {\"author\": {\"role\": \"user\"}, \"content\": {\"parts\": "
         "[\"Hi\"]}}}, \"b\": {\"parent\": \"a\", \"message\": {\"author\": {\"role\": \"assistant\"}, \"content\": "
         "{\"parts\": "
         "[\"Quack.\"]}}}}, \"current_node\": \"a\"}]",
         "assistant|Quack.\n"
         "user|Hi\n"},
        {"names alone above their words, of which some are short and come again", 1,
         "Ann\n\nIs that my sandwich over there?\n\nBob\n\nYes.\n\nAnn\n\nThen give it back to me.\n\nBob\n\nNo.\n\n"
         "Ann\n\nDid you eat the other one, too?\n\nBob\n\nYes.\n\nAnn\n\nWill you say that you are sorry?\n\nBob\n\nNo.\n\n"
         "Ann\n\nI shall tell the duck of it.\n\nBob\n\nTell it whatever you like.\n",
         "Ann|Is that my sandwich over there?\nBob|Yes.\nAnn|Then give it back to me.\nBob|No.\n"
         "Ann|Did you eat the other one, too?\nBob|Yes.\nAnn|Will you say that you are sorry?\nBob|No.\n"
         "Ann|I shall tell the duck of it.\nBob|Tell it whatever you like.\n"},
        {"KVRET", 1,
         "[{\"dialogue\": [{\"turn\": \"driver\", \"data\": {\"end_dialogue\": false, \"utterance\": \"Where is the pond?\"}}, "
         "{\"turn\": \"assistant\", \"data\": {\"end_dialogue\": false, \"requested\": {}, \"slots\": {}, \"utterance\": \"Two "
         "miles away.\"}}], \"scenario\": {\"kb\": {\"items\": []}, \"task\": {\"intent\": \"x\"}}}]",
         "driver|Where is the pond?\n"
         "assistant|Two miles away.\n"},
        {"CamRest", 1,
         "[{\"dialogue_id\": 0, \"finished\": \"True\", \"dial\": [{\"turn\": 0, \"usr\": {\"transcript\": \"Hello there\", "
         "\"slu\": []}, \"sys\": {\"sent\": \"Hi, what do you want?\", \"DA\": []}}, {\"turn\": 1, \"usr\": {\"transcript\": "
         "\"Food\"}, \"sys\": {\"sent\": \"Ok\"}}]}]",
         "usr|Hello there\n"
         "sys|Hi, what do you want?\n"
         "usr|Food\n"
         "sys|Ok\n"},
        {"headings with a season and an episode", 3,
         "Season 1, Episode 3: The Duck\n"
         "Transcribed by: quackfan\n"
         "\n"
         "[Scene: Ann's kitchen. Bob is eating.]\n"
         "\n"
         "ANN: (enters) Is that my sandwich?\n"
         "BOB: (with his mouth full) No.\n"
         "[Ann looks at him.]\n"
         "ANN: It is. [takes it] You owe me one.\n"
         "BOB: One what?\n"
         "[Cut to: the street.]\n"
         "CARL: Taxi! (The taxi drives by.) Great.\n"
         "\n"
         "Commercial break\n"
         "\n"
         "[Scene: The pond]\n"
         "BOB: She took my sandwich.\n"
         "CARL: It was hers.\n",
         "ANN|Is that my sandwich?\n"
         "BOB|No.\n"
         "ANN|It is. You owe me one.\n"
         "BOB|One what?\n"
         "CARL|Taxi! Great.\n"
         "BOB|She took my sandwich.\n"
         "CARL|It was hers.\n"},
        {"codes of episodes", 2,
         "S01E01\n"
         "Ann: Good morning.\n"
         "Bob: Is it?\n"
         "\n"
         "S01E02\n"
         "Ann: I am back.\n"
         "Bob: So am I.\n",
         "Ann|Good morning.\n"
         "Bob|Is it?\n"
         "Ann|I am back.\n"
         "Bob|So am I.\n"},
        {"codes of episodes in marks", 2,
         "=== 1x01 - Pilot ===\n"
         "\n"
         "Ann: Good morning.\n"
         "Bob: Is it?\n"
         "\n"
         "=== 1x02 - The Return ===\n"
         "\n"
         "Ann: I am back.\n"
         "Bob: So am I.\n",
         "Ann|Good morning.\n"
         "Bob|Is it?\n"
         "Ann|I am back.\n"
         "Bob|So am I.\n"},
        {"a clock, and a name in bold", 1,
         "[00:00:00] **Ann:** Good morning.\n"
         "\n"
         "[00:00:04] **Bob:** Is it?\n"
         "\n"
         "[00:00:09] **Ann:** It is.\n",
         "Ann|Good morning.\n"
         "Bob|Is it?\n"
         "Ann|It is.\n"},
        {"long dashes without blanks", 1,
         "Ann—Good morning.\n"
         "Bob—Is it?\n"
         "Ann—It is—as far as I can see.\n"
         "Bob—Fine.\n"
         "Ann—Come.\n"
         "Bob—Right.\n",
         "Ann|Good morning.\n"
         "Bob|Is it?\n"
         "Ann|It is—as far as I can see.\n"
         "Bob|Fine.\n"
         "Ann|Come.\n"
         "Bob|Right.\n"},
        {"names in brackets and a colon", 1,
         "[ANN]: Good morning.\n"
         "[BOB]: Is it?\n"
         "[ANN]: It is.\n"
         "[BOB] (yawning): Fine.\n",
         "ANN|Good morning.\n"
         "BOB|Is it?\n"
         "ANN|It is.\n"
         "BOB|Fine.\n"},
        {"a forum", 1,
         "[b]Ann:[/b] Hello.\n"
         "[b]Bob:[/b] Hi. [i](nods)[/i]\n"
         "[b]Ann:[/b] Bye.\n"
         "[i]Bob leaves.[/i]\n"
         "[b]Ann:[/b] Well.\n",
         "Ann|Hello.\n"
         "Bob|Hi.\n"
         "Ann|Bye.\n"
         "Ann|Well.\n"},
        {"two colons", 1,
         "Ann:: Hello.\n"
         "Bob:: Hi there.\n"
         "Ann:: Bye.\n"
         "Bob:: Bye.\n",
         "Ann|Hello.\n"
         "Bob|Hi there.\n"
         "Ann|Bye.\n"
         "Bob|Bye.\n"},
        {"a dash behind the colon", 1,
         "Ann:- Hi.\n"
         "Bob:- Hello.\n"
         "Ann:- Bye.\n"
         "Bob:- Bye.\n",
         "Ann|Hi.\n"
         "Bob|Hello.\n"
         "Ann|Bye.\n"
         "Bob|Bye.\n"},
        {"several speeches in a line", 1,
         "ANN: Hello. BOB: Hi there. ANN: How are you? BOB: Fine.\n"
         "ANN: Bye. BOB: Bye.\n",
         "ANN|Hello.\n"
         "BOB|Hi there.\n"
         "ANN|How are you?\n"
         "BOB|Fine.\n"
         "ANN|Bye.\n"
         "BOB|Bye.\n"},
        {"a clock above each line", 1,
         "0:03\n"
         "Ann: Hello there.\n"
         "0:05\n"
         "Bob: Hi.\n"
         "0:09\n"
         "Ann: Bye.\n",
         "Ann|Hello there.\n"
         "Bob|Hi.\n"
         "Ann|Bye.\n"},
        {"an empty line below names with colons", 1,
         "Ann:\n"
         "\n"
         "Good morning.\n"
         "\n"
         "Bob:\n"
         "\n"
         "Is it?\n"
         "\n"
         "Ann:\n"
         "\n"
         "It is.\n"
         "\n"
         "Bob:\n"
         "\n"
         "Fine.\n",
         "Ann|Good morning.\n"
         "Bob|Is it?\n"
         "Ann|It is.\n"
         "Bob|Fine.\n"},
        {"a play in Markdown", 2,
         "# The Pond\n"
         "\n"
         "## Act I\n"
         "\n"
         "### Scene 1\n"
         "\n"
         "*Ann sits on a bench.*\n"
         "\n"
         "**ANN.** Good morning, Bob.\n"
         "\n"
         "**BOB.** *(yawning)* Is it?\n"
         "\n"
         "**ANN.** It is.\n"
         "\n"
         "### Scene 2\n"
         "\n"
         "**BOB.** I am cold.\n"
         "\n"
         "**ANN.** Take this.\n",
         "ANN|Good morning, Bob.\n"
         "BOB|Is it?\n"
         "ANN|It is.\n"
         "BOB|I am cold.\n"
         "ANN|Take this.\n"},
        {"names in italics", 1,
         "ACT I.\n"
         "\n"
         "SCENE I.--_A Pond._\n"
         "\n"
         "_Enter_ ANN _and_ BOB.\n"
         "\n"
         "_Ann._ Good morning, my lord,\n"
         "And how do you this day?\n"
         "\n"
         "_Bob._ I do but poorly.\n"
         "                              [_Exit_ ANN.\n"
         "\n"
         "_Bob._ She is gone.\n"
         "\n"
         "_Enter_ CARL.\n"
         "\n"
         "_Carl._ Where is she?\n"
         "\n"
         "_Bob._ Gone.\n"
         "\n"
         "_Carl._ Then let us go.\n"
         "\n"
         "_Bob._ Whither?\n",
         "Ann|Good morning, my lord, And how do you this day?\n"
         "Bob|I do but poorly.\n"
         "Bob|She is gone.\n"
         "Carl|Where is she?\n"
         "Bob|Gone.\n"
         "Carl|Then let us go.\n"
         "Bob|Whither?\n"},
        {"directions in italics behind names", 1,
         "ACT I\n"
         "\n"
         "ANN [_rising_]. Good morning.\n"
         "\n"
         "BOB (_aside_). She is up.\n"
         "\n"
         "ANN. What did you say?\n"
         "\n"
         "BOB. Nothing, nothing.\n"
         "I swear it.\n"
         "\n"
         "[_They sit._]\n"
         "\n"
         "ANN. I heard you.\n"
         "\n"
         "BOB [_sadly_] You always do.\n",
         "ANN|Good morning.\n"
         "BOB|She is up.\n"
         "ANN|What did you say?\n"
         "BOB|Nothing, nothing. I swear it.\n"
         "ANN|I heard you.\n"
         "BOB|You always do.\n"},
        {"a star marks what was revised", 1,
         "INT. POND - DAY\n"
         "\n"
         "                    ANN                                   *\n"
         "          I told you so.                                  *\n"
         "\n"
         "                    BOB\n"
         "          You did not.                                    *\n"
         "\n"
         "                    ANN\n"
         "          I did.\n",
         "ANN|I told you so.\n"
         "BOB|You did not.\n"
         "ANN|I did.\n"},
        {"recognized speech with its speakers", 1,
         "[00:00:00.009 --> 00:00:03.000] SPEAKER_00: Good morning.\n"
         "[00:00:03.009 --> 00:00:05.000] SPEAKER_01: Is it?\n"
         "[00:00:05.009 --> 00:00:07.000] SPEAKER_00: It is.\n"
         "[00:00:07.009 --> 00:00:09.000] SPEAKER_01: Fine.\n",
         "SPEAKER_00|Good morning.\n"
         "SPEAKER_01|Is it?\n"
         "SPEAKER_00|It is.\n"
         "SPEAKER_01|Fine.\n"},
        {"AssemblyAI", 1,
         "{\"id\": \"x\", \"text\": \"Good morning. Is it?\", \"words\": [{\"text\": \"Good\", \"start\": 1, \"end\": 2, "
         "\"confidence\": 0.9, \"speaker\": \"A\"}, {\"text\": \"morning.\", \"start\": 1, \"end\": 2, \"speaker\": \"A\"}, "
         "{\"text\": \"Is\", \"start\": 1, \"end\": 2, \"speaker\": \"B\"}, {\"text\": \"it?\", \"start\": 1, \"end\": 2, "
         "\"speaker\": \"B\"}], \"utterances\": [{\"speaker\": \"A\", \"text\": \"Good morning.\", \"start\": 1, \"end\": 2, "
         "\"confidence\": 0.9, \"words\": [{\"text\": \"Good\", \"start\": 1, \"end\": 2, \"speaker\": \"A\"}]}, {\"speaker\": "
         "\"B\", \"text\": \"Is it?\", \"start\": 1, \"end\": 2, \"words\": [{\"text\": \"Is\", \"speaker\": \"B\"}]}]}",
         "A|Good morning.\n"
         "B|Is it?\n"},
        {"Deepgram", 1,
         "{\"metadata\": {}, \"results\": {\"channels\": [{\"alternatives\": [{\"transcript\": \"Good morning. Is it?\", "
         "\"confidence\": 0.9, \"words\": [{\"word\": \"good\", \"start\": 0, \"end\": 1, \"speaker\": 0, \"punctuated_word\": "
         "\"Good\"}, {\"word\": \"morning\", \"speaker\": 0, \"punctuated_word\": \"morning.\"}, {\"word\": \"is\", "
         "\"speaker\": 1, \"punctuated_word\": \"Is\"}, {\"word\": \"it\", \"speaker\": 1, \"punctuated_word\": \"it?\"}], "
         "\"paragraphs\": {\"transcript\": \"\\nSpeaker 0: Good morning.\\n\\nSpeaker 1: Is it?\", \"paragraphs\": "
         "[{\"sentences\": [{\"text\": \"Good morning.\", \"start\": 0, \"end\": 1}], \"speaker\": 0, \"num_words\": 2}, "
         "{\"sentences\": [{\"text\": \"Is it?\"}], \"speaker\": 1}]}}]}], \"utterances\": [{\"start\": 0, \"end\": 1, "
         "\"confidence\": 0.9, \"channel\": 0, \"transcript\": \"Good morning.\", \"words\": [{\"word\": \"good\", "
         "\"speaker\": 0}], \"speaker\": 0, \"id\": \"a\"}, {\"transcript\": \"Is it?\", \"words\": [], \"speaker\": 1}]}}",
         "0|Good morning.\n"
         "1|Is it?\n"},
        {"Amazon Transcribe", 1,
         "{\"jobName\": \"x\", \"results\": {\"transcripts\": [{\"transcript\": \"Good morning. Is it?\"}], "
         "\"speaker_labels\": {\"speakers\": 2, \"segments\": [{\"start_time\": \"0\", \"end_time\": \"1\", \"speaker_label\": "
         "\"spk_0\", \"items\": [{\"start_time\": \"0.0\", \"speaker_label\": \"spk_0\"}]}]}, \"items\": [{\"start_time\": "
         "\"0.0\", \"end_time\": \"1\", \"type\": \"pronunciation\", \"alternatives\": [{\"confidence\": \"0.9\", \"content\": "
         "\"Good\"}], \"speaker_label\": \"spk_0\"}, {\"start_time\": \"1.0\", \"type\": \"pronunciation\", \"alternatives\": "
         "[{\"content\": \"morning\"}], \"speaker_label\": \"spk_0\"}, {\"type\": \"punctuation\", \"alternatives\": "
         "[{\"content\": \".\"}], \"speaker_label\": \"spk_0\"}, {\"start_time\": \"2\", \"type\": \"pronunciation\", "
         "\"alternatives\": [{\"content\": \"Is\"}], \"speaker_label\": \"spk_1\"}], \"audio_segments\": [{\"id\": 0, "
         "\"transcript\": \"Good morning.\", \"start_time\": \"0\", \"speaker_label\": \"spk_0\", \"items\": [0, 1, 2]}, "
         "{\"id\": 1, \"transcript\": \"Is it?\", \"speaker_label\": \"spk_1\", \"items\": [3]}]}}",
         "spk_0|Good morning.\n"
         "spk_1|Is it?\n"},
        {"ASS: styles are the speakers", 1,
         "[Script Info]\n"
         "[Events]\n"
         "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
         "Dialogue: 0,0:00:01.00,0:00:02.00,Ann,,0,0,0,,Good morning.\n"
         "Dialogue: 0,0:00:02.00,0:00:03.00,Bob,,0,0,0,,Is it?\n"
         "Dialogue: 0,0:00:03.00,0:00:04.00,Ann,,0,0,0,,It is.\n"
         "Dialogue: 0,0:00:04.00,0:00:05.00,Bob,,0,0,0,,Fine.\n",
         "Ann|Good morning.\n"
         "Bob|Is it?\n"
         "Ann|It is.\n"
         "Bob|Fine.\n"},
        {"SubViewer", 1,
         "[INFORMATION]\n"
         "[TITLE]\n"
         "[END INFORMATION]\n"
         "[SUBTITLE]\n"
         "[COLF]&HFFFFFF,[STYLE]bd,[SIZE]18,[FONT]Arial\n"
         "00:00:01.00,00:00:02.00\n"
         "ANN: Hello.[br]How are you?\n"
         "\n"
         "00:00:02.00,00:00:03.00\n"
         "BOB: Hi.\n",
         "ANN|Hello. How are you?\n"
         "BOB|Hi.\n"},
        {"Premiere", 1,
         "00:00:01:05 - 00:00:03:10\n"
         "Ann\n"
         "Good morning.\n"
         "\n"
         "00:00:03:10 - 00:00:05:00\n"
         "Bob\n"
         "Is it?\n"
         "\n"
         "00:00:05:00 - 00:00:07:00\n"
         "Ann\n"
         "It is.\n",
         "Ann|Good morning.\n"
         "Bob|Is it?\n"
         "Ann|It is.\n"},
        {"Trint", 1,
         "Ann Smith [00:00:03] Good morning, everybody.\n"
         "\n"
         "Bob Duck [00:00:09] Thanks for having me. I like\n"
         "it here.\n"
         "\n"
         "Ann Smith [00:00:12] Good.\n",
         "Ann Smith|Good morning, everybody.\n"
         "Bob Duck|Thanks for having me. I like it here.\n"
         "Ann Smith|Good.\n"},
        {"Temi", 1,
         "Speaker 1: 00:03 Good morning, everybody.\n"
         "\n"
         "Speaker 2: 00:09 Thanks for having me.\n"
         "\n"
         "Speaker 1: 00:12 Good.\n",
         "Speaker 1|Good morning, everybody.\n"
         "Speaker 2|Thanks for having me.\n"
         "Speaker 1|Good.\n"},
        {"Teams", 1,
         "Meeting in the pond-20240101\n"
         "January 1, 2024, 10:00AM\n"
         "5m 12s\n"
         "\n"
         "Ann Smith   0:03\n"
         "Good morning, everybody.\n"
         "\n"
         "Bob Duck   0:09\n"
         "Thanks for having me.\n"
         "\n"
         "Ann Smith   0:12\n"
         "Good.\n"
         "\n"
         "Ann Smith stopped transcription\n",
         "Ann Smith|Good morning, everybody.\n"
         "Bob Duck|Thanks for having me.\n"
         "Ann Smith|Good.\n"},
        {"words below a picture (WhatsApp)", 1,
         "1/5/24, 9:15\xe2\x80\xaf"
         "PM - Messages and calls are end-to-end encrypted. No one outside of this chat, not even WhatsApp, can read or listen "
         "to them. Tap to learn more.\n"
         "1/5/24, 9:15\xe2\x80\xaf"
         "PM - Ann created group \"Ducks\"\n"
         "1/5/24, 9:16\xe2\x80\xaf"
         "PM - Ann: Hello all\n"
         "1/5/24, 9:16\xe2\x80\xaf"
         "PM - Ann: Anybody there?\n"
         "1/5/24, 9:20\xe2\x80\xaf"
         "PM - +1 (555) 867-5309: Yes\n"
         "with two lines\n"
         "1/5/24, 9:21\xe2\x80\xaf"
         "PM - Bob 🦆: <Media omitted>\n"
         "1/5/24, 9:21\xe2\x80\xaf"
         "PM - Bob 🦆: IMG-2024.jpg (file attached)\n"
         "look at this\n"
         "1/5/24, 9:25\xe2\x80\xaf"
         "PM - Ann: POLL:\n"
         "Which pond?\n"
         "OPTION: The large one (2 votes)\n"
         "OPTION: The small one (0 votes)\n"
         "\n"
         "1/5/24, 9:26\xe2\x80\xaf"
         "PM - Ann: null\n"
         "1/5/24, 9:27\xe2\x80\xaf"
         "PM - Ann changed the group description\n"
         "1/5/24, 9:28\xe2\x80\xaf"
         "PM - Bob 🦆: location: https://maps.google.com/?q=1,2\n"
         "1/5/24, 9:30\xe2\x80\xaf"
         "PM - Ann: Bye <This message was edited>\n",
         "Ann|Hello all Anybody there?\n"
         "+1 (555) 867-5309|Yes with two lines\n"
         "Bob 🦆|look at this\n"
         "Ann|POLL: Which pond? OPTION: The large one OPTION: The small one\n"
         "Bob 🦆|location: https://maps.google.com/?q=1,2\n"
         "Ann|Bye\n"},
        {"WhatsApp in Finnish", 1,
         "12.3.2024 klo 10.15 - Viestit ja puhelut ovat täysin salattuja.\n"
         "12.3.2024 klo 10.16 - Anna: Hei\n"
         "12.3.2024 klo 10.17 - Pekka: <Media jätettiin pois>\n"
         "12.3.2024 klo 10.18 - Pekka: Moi\n",
         "Anna|Hei\n"
         "Pekka|Moi\n"},
        {"Telegram: months by name", 1,
         "Ann, [12 Mar 2024 10:15:00]:\n"
         "Hello there\n"
         "\n"
         "Bob, [12 Mar 2024 at 10:16]:\n"
         "Hi\n"
         "\n"
         "Ann Smith, [12.03.2024 10:17]\n"
         "Bye\n",
         "Ann|Hello there\n"
         "Bob|Hi\n"
         "Ann Smith|Bye\n"},
        {"Zoom without whom to", 1,
         "10:15:00\t From  Ann Smith : Hello there\n"
         "10:16:00\t From  Bob Duck  to  Everyone : Hi\n"
         "10:17:00\t From Ann Smith to Bob Duck(Direct Message) : psst\n"
         "10:18:00\t From Bob Duck to Everyone:\n"
         "\tHi again\n"
         "\tand more\n",
         "Ann Smith|Hello there\n"
         "Bob Duck|Hi\n"
         "Ann Smith|psst\n"
         "Bob Duck|Hi again and more\n"},
        {"Slack: a time below each name", 1,
         "Ann Smith\n"
         "  10:15 AM\n"
         "Hello there\n"
         "10:16\n"
         "and another thing\n"
         "Bob Duck\n"
         "  10:17 AM\n"
         "Hi\n"
         ":thumbsup:\n"
         "1\n"
         "Ann Smith\n"
         "  10:18 AM\n"
         "Bye\n",
         "Ann Smith|Hello there and another thing\n"
         "Bob Duck|Hi\n"
         "Ann Smith|Bye\n"},
        {"Discord: programs", 1,
         "ann — Yesterday at 10:15 PM\n"
         "Hello there\n"
         "Captain Duck\n"
         "BOT\n"
         " — Yesterday at 10:16 PM\n"
         "Quack\n"
         "ann — Yesterday at 10:18 PM\n"
         "Bye\n",
         "ann|Hello there\n"
         "Captain Duck|Quack\n"
         "ann|Bye\n"},
        {"Facebook: times below the words", 1,
         "Ann Smith\n"
         "Hello there\n"
         "Jan 5, 2024 10:15 AM\n"
         "\n"
         "Bob Duck\n"
         "Hi\n"
         "Jan 5, 2024 10:16 AM\n"
         "\n"
         "Ann Smith\n"
         "Bye\n"
         "Jan 5, 2024 10:17 AM\n",
         "Ann Smith|Hello there\n"
         "Bob Duck|Hi\n"
         "Ann Smith|Bye\n"},
        {"Viber", 1,
         "01/05/2024,10:15:00 AM,Ann,+1555,Hello there\n"
         "01/05/2024,10:16:00 AM,Me,+1555,Hi\n"
         "01/05/2024,10:17:00 AM,Ann,+1555,\"Bye, you\"\n",
         "Ann|Hello there\n"
         "Me|Hi\n"
         "Ann|Bye, you\n"},
        {"LINE in English", 2,
         "[LINE] Chat history with Ann\n"
         "Saved on: 2024/01/05 10:20\n"
         "\n"
         "Fri, 01/05/2024\n"
         "10:15\tAnn\tHello there\n"
         "10:16\tBob\tHi\n"
         "10:17\tAnn\t[Sticker]\n"
         "10:18\tAnn\t\"Bye\n"
         "and bye\"\n"
         "\n"
         "Sat, 01/06/2024\n"
         "09:00\tBob\tMorning\n"
         "09:01\tAnn unsent a message.\n",
         "Ann|Hello there\n"
         "Bob|Hi\n"
         "Ann|Bye and bye\n"
         "Bob|Morning\n"},
        {"KakaoTalk of Windows", 1,
         "안나 님과 카카오톡 대화\n"
         "저장한 날짜 : 2024-01-05 10:20:00\n"
         "\n"
         "--------------- 2024년 1월 5일 금요일 ---------------\n"
         "[안나] [오전 10:15] 안녕\n"
         "[철수] [오전 10:16] 안녕하세요\n"
         "두 줄\n"
         "[안나] [오후 1:17] 사진\n",
         "안나|안녕\n"
         "철수|안녕하세요 두 줄\n"},
        {"Character.AI, copied", 1,
         "Ann\n"
         "Hello there! *smiles*\n"
         "\n"
         "Captain Duck\n"
         "c.ai\n"
         "Quack. What do you want?\n"
         "\n"
         "Ann\n"
         "Nothing.\n"
         "\n"
         "Captain Duck\n"
         "c.ai\n"
         "Then go.\n",
         "Ann|Hello there!\n"
         "Captain Duck|Quack. What do you want?\n"
         "Ann|Nothing.\n"
         "Captain Duck|Then go.\n"},
        {"Minecraft", 1,
         "[10:15:00] [Render thread/INFO]: [CHAT] <Ann> Hello there\n"
         "[10:15:02] [Render thread/INFO]: Loading\n"
         "[10:16:00] [Render thread/INFO]: [CHAT] <Bob> Hi\n"
         "[10:17:00] [Render thread/INFO]: [CHAT] Ann joined the game\n"
         "[10:17:00] [Render thread/INFO]: [CHAT] <Ann> Bye\n",
         "Ann|Hello there\n"
         "Bob|Hi\n"
         "Ann|Bye\n"},
        {"Skype: edited", 1,
         "[1/5/2024 10:15:00 AM] Ann Smith: Hello there\n"
         "[1/5/2024 10:16:00 AM] Bob: Hi\n"
         "[1/5/2024 10:17:00 AM] *** Call to Bob ***\n"
         "[1/5/2024 10:18:00 AM | Edited 10:19:00 AM] Ann Smith: Bye\n",
         "Ann Smith|Hello there\n"
         "Bob|Hi\n"
         "Ann Smith|Bye\n"},
        {"VK", 1,
         "Анна Иванова\n"
         "05.01.2024 10:15:00\n"
         "Привет\n"
         "\n"
         "Борис Петров\n"
         "05.01.2024 10:16:00\n"
         "Привет, Анна\n"
         "\n"
         "Анна Иванова\n"
         "05.01.2024 10:17:00\n"
         "Пока\n",
         "Анна Иванова|Привет\n"
         "Борис Петров|Привет, Анна\n"
         "Анна Иванова|Пока\n"},
        {"a colon behind the time", 1,
         "2024-01-05, 10:15:00: Ann: Hello there\n"
         "2024-01-05, 10:16:00: Bob: Hi\n"
         "2024-01-05, 10:17:00: Ann: Bye\n",
         "Ann|Hello there\n"
         "Bob|Hi\n"
         "Ann|Bye\n"},
        {"Pidgin, as a page", 1,
         "<html><head><title>Conversation</title></head><body><h3>Conversation with Bob</h3>\n"
         "<font color=\"#16569E\"><font size=\"2\">(10:15:00 AM)</font> <b>Ann:</b></font> Hello there<br/>\n"
         "<font color=\"#A82F2F\"><font size=\"2\">(10:16:00 AM)</font> <b>Bob:</b></font> Hi<br/>\n"
         "<font color=\"#16569E\"><font size=\"2\">(10:17:00 AM)</font> <b>Ann:</b></font> Bye<br/>\n"
         "</body></html>",
         "Ann|Hello there\n"
         "Bob|Hi\n"
         "Ann|Bye\n"},
        {"Messenger says what was done", 1,
         "{\"participants\": [{\"name\": \"Ann\"}, {\"name\": \"Bob\"}], \"messages\": [{\"sender_name\": \"Bob\", "
         "\"timestamp_ms\": 1704449760000, \"content\": \"Reacted ð to your message\", \"type\": \"Generic\"}, "
         "{\"sender_name\": \"Bob\", \"timestamp_ms\": 1704449750000, \"content\": \"Hi\", \"reactions\": [{\"reaction\": "
         "\"x\", \"actor\": \"Ann\"}]}, {\"sender_name\": \"Ann\", \"timestamp_ms\": 1704449740000, \"photos\": [{\"uri\": "
         "\"a\"}]}, {\"sender_name\": \"Ann\", \"timestamp_ms\": 1704449700000, \"content\": \"Hello\"}], \"title\": \"Bob\", "
         "\"thread_path\": \"x\"}",
         "Ann|Hello\n"
         "Bob|Hi\n"},
        {"X", 1,
         "window.YTD.direct_messages.part0 = [\n"
         " {\n"
         "  \"dmConversation\": {\n"
         "   \"conversationId\": \"1-2\",\n"
         "   \"messages\": [\n"
         "    {\n"
         "     \"messageCreate\": {\n"
         "      \"recipientId\": \"2\",\n"
         "      \"reactions\": [],\n"
         "      \"urls\": [],\n"
         "      \"text\": \"Hi\",\n"
         "      \"mediaUrls\": [],\n"
         "      \"senderId\": \"1\",\n"
         "      \"id\": \"9\",\n"
         "      \"createdAt\": \"2024-01-05T10:15:00.000Z\"\n"
         "     }\n"
         "    },\n"
         "    {\n"
         "     \"messageCreate\": {\n"
         "      \"recipientId\": \"1\",\n"
         "      \"text\": \"Hello\",\n"
         "      \"senderId\": \"2\",\n"
         "      \"createdAt\": \"2024-01-05T10:14:00.000Z\"\n"
         "     }\n"
         "    }\n"
         "   ]\n"
         "  }\n"
         " }\n"
         "]",
         "2|Hello\n"
         "1|Hi\n"},
        {"Teams, by its interface", 1,
         "{\"value\": [{\"id\": \"1\", \"messageType\": \"message\", \"createdDateTime\": \"2024-01-05T10:15:00Z\", \"from\": "
         "{\"user\": {\"displayName\": \"Ann Smith\"}}, \"body\": {\"contentType\": \"html\", \"content\": \"<p>Hello</p>\"}}, "
         "{\"id\": \"2\", \"messageType\": \"message\", \"from\": {\"user\": {\"displayName\": \"Bob\"}}, \"body\": "
         "{\"contentType\": \"text\", \"content\": \"Hi\"}}]}",
         "Ann Smith|Hello\n"
         "Bob|Hi\n"},
        {"MediaSum", 1,
         "[{\"id\": \"NPR-1\", \"program\": \"x\", \"date\": \"2024\", \"url\": \"u\", \"title\": \"Ducks\", \"summary\": "
         "\"They talk.\", \"utt\": [\"Welcome.\", \"Thank you.\"], \"speaker\": [\"ANN, HOST\", \"BOB\"]}]",
         "ANN, HOST|Welcome.\n"
         "BOB|Thank you.\n"},
        {"LCCC", 3, "[[\"Hello there\", \"Hi\"], [\"What is it?\", \"A duck\", \"And that?\"], [\"Bye now\", \"Bye\"]]",
         "A|Hello there\n"
         "B|Hi\n"
         "A|What is it?\n"
         "B|A duck\n"
         "A|And that?\n"
         "A|Bye now\n"
         "B|Bye\n"},
        {"NaturalConv", 1, "[{\"dialog_id\": \"0_1\", \"document_id\": 0, \"content\": [\"你好\", \"你好啊\", \"看球了吗\"]}]",
         "A|你好\n"
         "B|你好啊\n"
         "A|看球了吗\n"},
        {"DREAM", 1,
         "[[[\"M: I am hungry.\", \"W: Me too.\"], [{\"question\": \"Who?\", \"choice\": [\"a\", \"b\"], \"answer\": \"a\"}], "
         "\"4-199\"]]",
         "M|I am hungry.\n"
         "W|Me too.\n"},
        {"Agnai", 1,
         "{\"name\": \"Exported\", \"greeting\": \"Quack.\", \"sampleChat\": \"\", \"messages\": [{\"characterId\": \"x\", "
         "\"msg\": \"Quack.\", \"handle\": \"Duck\"}, {\"userId\": \"u\", \"msg\": \"Hi\", \"handle\": \"Ann\"}]}",
         "Duck|Quack.\n"
         "Ann|Hi\n"},
        {"Twitch", 1,
         "{\"comments\": [{\"content_offset_seconds\": 1.2, \"commenter\": {\"display_name\": \"Ann\", \"name\": \"ann\"}, "
         "\"message\": {\"body\": \"hello chat\", \"fragments\": [{\"text\": \"hello chat\"}]}}, {\"content_offset_seconds\": "
         "2, \"commenter\": {\"display_name\": \"Bob\"}, \"message\": {\"body\": \"hi\", \"fragments\": [{\"text\": "
         "\"hi\"}]}}]}",
         "Ann|hello chat\n"
         "Bob|hi\n"},
        {"remarks in JSON", 1,
         "{\n"
         "  // people\n"
         "  \"lines\": [\n"
         "    {\"speaker\": \"Ann\", \"line\": \"Hi\"},\n"
         "    {\"speaker\": \"Bob\", \"line\": \"Ho\",},\n"
         "  ],\n"
         "}\n",
         "Ann|Hi\n"
         "Bob|Ho\n"},
        {"numbered lines by speaker", 1, "{\"1\": {\"Ann\": \"Hello\"}, \"2\": {\"Bob\": \"Hi\"}, \"3\": {\"Ann\": \"Bye\"}}",
         "Ann|Hello\n"
         "Bob|Hi\n"
         "Ann|Bye\n"},
        {"who is there beside what is said", 2,
         "{\"Session-1\": {\"position\": \"Book1-chapter1\", \"speakers\": [\"Harry\", \"Ron\"], \"scene\": [\"They stood at "
         "the pond.\", \"It was raining.\"], \"dialogue\": [\"Harry: Hello, Ron.\", \"Ron: Hi, Harry.\"]}, \"Session-2\": "
         "{\"position\": \"Book1-chapter2\", \"speakers\": [\"Ron\"], \"scene\": [\"Later.\"], \"dialogue\": [\"Ron: Where is "
         "he?\", \"Harry: Here.\"]}}",
         "Harry|Hello, Ron.\n"
         "Ron|Hi, Harry.\n"
         "Ron|Where is he?\n"
         "Harry|Here.\n"},
        {"JSON: names in the words", 1,
         "[{\"id\": 1, \"text\": \"Ann: Hello there.\"}, {\"id\": 2, \"text\": \"Bob: Hi.\"}, {\"id\": 3, \"text\": \"Ann: "
         "Bye.\"}]",
         "Ann|Hello there.\n"
         "Bob|Hi.\n"
         "Ann|Bye.\n"},
        {"a table: names in the words", 1,
         "id,text\n"
         "1,Ann: Hello there.\n"
         "2,Bob: Hi.\n"
         "3,Ann: Bye.\n"
         "4,Bob: Bye bye.\n",
         "Ann|Hello there.\n"
         "Bob|Hi.\n"
         "Ann|Bye.\n"
         "Bob|Bye bye.\n"},
        {"a piece of a page", 1,
         "<table><tr><th>Character</th><th>Line</th></tr><tr><td>Ann</td><td>Hello</td></tr><tr><td>Bob</td><td>Hi</td></tr></"
         "table>",
         "Ann|Hello\n"
         "Bob|Hi\n"},
        {"a dot and two dashes", 1,
         "ACT I\n"
         "\n"
         "ENTER ANN.\n"
         "\n"
         "ANN.--Good morning.\n"
         "\n"
         "BOB.--Good morning, Ann. I hope\n"
         "that you slept.\n"
         "\n"
         "ANN.--Not at all.\n"
         "\n"
         "BOB (_aside_).--Poor Ann.\n"
         "\n"
         "ANN.--What?\n",
         "ANN|Good morning.\n"
         "BOB|Good morning, Ann. I hope that you slept.\n"
         "ANN|Not at all.\n"
         "BOB|Poor Ann.\n"
         "ANN|What?\n"},
        {"Shaw", 1,
         "THE DAUGHTER [in the space between] I'm getting chilled.\n"
         "\n"
         "THE MOTHER [on her daughter's right] Not so long.\n"
         "\n"
         "THE DAUGHTER. A bit more.\n"
         "\n"
         "A BYSTANDER [on the lady's right] He wont get no cab.\n"
         "\n"
         "THE MOTHER. But we must have a cab.\n"
         "\n"
         "THE BYSTANDER. Well, it aint my fault.\n",
         "THE DAUGHTER|I'm getting chilled.\n"
         "THE MOTHER|Not so long.\n"
         "THE DAUGHTER|A bit more.\n"
         "A BYSTANDER|He wont get no cab.\n"
         "THE MOTHER|But we must have a cab.\n"
         "THE BYSTANDER|Well, it aint my fault.\n"},
        {"letters apart (Chekhov)", 1,
         "А н я. Доброе утро.\n"
         "\n"
         "Б о р и с (зевает). Доброе.\n"
         "\n"
         "А н я. Как дела?\n"
         "\n"
         "Б о р и с. Хорошо.\n",
         "Аня|Доброе утро.\n"
         "Борис|Доброе.\n"
         "Аня|Как дела?\n"
         "Борис|Хорошо.\n"},
        {"who sings, and how", 1,
         "[ANN]\n"
         "Hello there\n"
         "You are here\n"
         "\n"
         "[BOB, spoken]\n"
         "Am I?\n"
         "\n"
         "[ANN & BOB]\n"
         "We are here\n"
         "\n"
         "[ENSEMBLE]\n"
         "Here!\n"
         "\n"
         "[ANN]\n"
         "Yes\n",
         "ANN|Hello there You are here\n"
         "BOB|Am I?\n"
         "ANN & BOB|We are here\n"
         "ENSEMBLE|Here!\n"
         "ANN|Yes\n"},
        {"a corner over two lines", 1,
         "太郎「おはよう」\n"
         "花子「おはようございます。\n"
         "　元気ですか」\n"
         "太郎「うん（笑）」\n"
         "　花子、去る。\n",
         "太郎|おはよう\n"
         "花子|おはようございます。 元気ですか\n"
         "太郎|うん\n"},
        {"a Chinese script: who is there, what is seen", 1,
         "第一场  日  内  小红家\n"
         "人物：小红、小明\n"
         "△小红坐着。\n"
         "小红：你好。\n"
         "小明：（笑）你好啊！\n"
         "△小明走了。\n"
         "小红 OS：他走了。\n",
         "小红|你好。\n"
         "小明|你好啊！\n"
         "小红|他走了。\n"},
        {"a rule between films (Wikiquote)", 2,
         ":'''Ann''': Hi.\n"
         ":'''Bob''': Hello.\n"
         ":''[pause]''\n"
         ":'''Ann''': Bye.\n"
         "<hr width=\"50%\"/>\n"
         ":'''Carl''': New scene.\n"
         ":'''Ann''': Yes.\n",
         "Ann|Hi.\n"
         "Bob|Hello.\n"
         "Ann|Bye.\n"
         "Carl|New scene.\n"
         "Ann|Yes.\n"},
        {"a name written small once", 1,
         "ANN: Hi.\n"
         "Ann: Hello.\n"
         "ann: Bye.\n"
         "BOB: x y.\n"
         "Bob : Ho.\n",
         "Ann|Hi.\n"
         "Ann|Hello.\n"
         "ann|Bye.\n"
         "Bob|x y.\n"
         "Bob|Ho.\n"},
        {"times behind the words", 1,
         "Ann: Hi there. [00:03]\n"
         "Bob: Hello. [00:05]\n"
         "Ann: Bye. [00:07]\n"
         "Bob: Bye. [00:08]\n",
         "Ann|Hi there.\n"
         "Bob|Hello.\n"
         "Ann|Bye.\n"
         "Bob|Bye.\n"},
        {"a game that is played in words", 1,
         "Ann says, \"Hello there.\"\n"
         "Bob says, \"Hi.\"\n"
         "Ann asks, \"Why?\"\n"
         "Bob says, \"Because.\"\n",
         "Ann|Hello there.\n"
         "Bob|Hi.\n"
         "Ann|Why?\n"
         "Bob|Because.\n"},
        {"a log with names in brackets", 1,
         "[10:15](Ann Duck) Hello there\n"
         "[10:16](Bob) Hi\n"
         "[10:17](Ann Duck) Bye\n",
         "Ann Duck|Hello there\n"
         "Bob|Hi\n"
         "Ann Duck|Bye\n"},
        {"Discord: pinned", 1,
         "==============================================================\n"
         "Guild: Pond\n"
         "Channel: general\n"
         "==============================================================\n"
         "\n"
         "[05-Jan-24 10:15 AM] ann\n"
         "Hello\n"
         "\n"
         "[05-Jan-24 10:16 AM] bob#1234\n"
         "Hi\n"
         "\n"
         "{Attachments}\n"
         "https://x.y/a.png\n"
         "\n"
         "{Reactions}\n"
         "duck (2)\n"
         "\n"
         "[05-Jan-24 10:17 AM] ann (pinned)\n"
         "Bye\n"
         "\n"
         "==============================================================\n"
         "Exported 3 message(s)\n"
         "==============================================================\n",
         "ann|Hello\n"
         "bob|Hi\n"
         "ann|Bye\n"},
        {"how somebody speaks stands behind the name", 1,
         "character,line\n"
         "Ann,Hi\n"
         "ANN [O.S.],Ho\n"
         "ANN V.O.,\"Yes... (pause)... no.\"\n"
         "Ann (whispering),Bye\n"
         "Duck (male),Quack\n"
         "Duck,Quack quack\n"
         "None,A bell\n"
         "小红,你好。\n"
         "小红（笑）,再见。\n"
         "Bob,<Media omitted>\n",
         "Ann|Hi\n"
         "Ann|Ho\n"
         "Ann|Yes... no.\n"
         "Ann|Bye\n"
         "Duck (male)|Quack\n"
         "Duck|Quack quack\n"
         "|A bell\n"
         "小红|你好。\n"
         "小红|再见。\n"},
        {"columns in Hungarian, others beside them", 1,
         "Szöveg,Szereplő,Megjegyzés\n"
         "Jó reggelt.,Anna,hangosan beszél hozzá\n"
         "Jó.,Béla,halkan és nagyon lassan\n",
         "Anna|Jó reggelt.\n"
         "Béla|Jó.\n"},
        {"Star Trek: a page's buttons", 2,
         "The Duck Episode\n"
         "\n"
         "Stardate: 41153.7\n"
         "Original Airdate: Sep 28, 1987\n"
         "\n"
         "[Bridge]\n"
         "\n"
         "PICARD: Report.\n"
         "RIKER: Ducks, sir.\n"
         "DATA [OC]: Twelve of them.\n"
         "(They beam down)\n"
         "\n"
         "[Planet surface]\n"
         "\n"
         "PICARD: Fascinating.\n"
         "<Back to Episode Listing>\n"
         "Star Trek is a registered trademark.\n",
         "PICARD|Report.\n"
         "RIKER|Ducks, sir.\n"
         "DATA|Twelve of them.\n"
         "PICARD|Fascinating.\n"},
        {"blanks of other widths", 1,
         "\xe2\x80\x8b"
         "Ann:\xe2\x80\x83"
         "Hello.\n"
         "Bob\xe2\x80\x89"
         ": Hi.\n"
         "\xef\xbb\xbf"
         "Ann: Bye.\n"
         "Bob:\xe2\x80\x8b"
         " Bye.\n",
         "Ann|Hello.\n"
         "Bob|Hi.\n"
         "Ann|Bye.\n"
         "Bob|Bye.\n"},
        {"Japan: a wide blank behind the name", 1,
         "太郎　おはよう。\n"
         "花子　おはようございます。\n"
         "太郎　元気？\n"
         "花子　はい、元気です。\n"
         "太郎　よかった。\n",
         "太郎|おはよう。\n"
         "花子|おはようございます。\n"
         "太郎|元気？\n"
         "花子|はい、元気です。\n"
         "太郎|よかった。\n"},
        {"Japan: places, and a voice", 2,
         "○公園（朝）\n"
         "　　太郎、歩いてくる。\n"
         "太郎「おはよう」\n"
         "花子「おはようございます」\n"
         "\n"
         "○家・居間（夜）\n"
         "　　花子、座っている。\n"
         "花子「ただいま」\n"
         "太郎Ｎ「それは昨日のことだった」\n",
         "太郎|おはよう\n"
         "花子|おはようございます\n"
         "花子|ただいま\n"
         "太郎|それは昨日のことだった\n"},
        {"China: names in brackets and a wide colon", 1,
         "【小红】：你好。\n"
         "【小明】：你好啊！\n"
         "【小红】：吃了吗？\n",
         "小红|你好。\n"
         "小明|你好啊！\n"
         "小红|吃了吗？\n"},
        {"China: numbered scenes", 2,
         "1-1 日 内 家\n"
         "人物：小红\n"
         "△小红坐着\n"
         "小红：你好。\n"
         "小明（OS）：在吗？\n"
         "\n"
         "1-2 夜 外 街\n"
         "△下雨\n"
         "小红：走吧。\n",
         "小红|你好。\n"
         "小明|在吗？\n"
         "小红|走吧。\n"},
        {"all words behind dashes", 1,
         "Анна: — Привет!\n"
         "Борис: — Привет.\n"
         "Анна: — Как дела?\n"
         "Борис: — Хорошо.\n",
         "Анна|Привет!\n"
         "Борис|Привет.\n"
         "Анна|Как дела?\n"
         "Борис|Хорошо.\n"},
        {"ASS with the field Actor", 1,
         "[Script Info]\n"
         "Title: x\n"
         "[Events]\n"
         "Format: Layer, Start, End, Style, Actor, MarginL, MarginR, MarginV, Effect, Text\n"
         "Dialogue: 0,0:00:01.00,0:00:02.00,Main,Ann,0,0,0,,Hello\\Nthere.\n"
         "Dialogue: 0,0:00:02.00,0:00:03.00,Main,ann,0,0,0,,Hi.\n"
         "Dialogue: 0,0:00:03.00,0:00:04.00,Thoughts,Bob,0,0,0,,{\\i1}Hm.{\\i0}\n"
         "Dialogue: 0,0:00:03.00,0:00:04.00,OP_rom,,0,0,0,fx,{\\k20}la {\\k20}la\n",
         "Ann|Hello there.\n"
         "ann|Hi.\n"
         "Bob|Hm.\n"},
        {"names and colons in italics", 1,
         "*Ann:* Hello.\n"
         "\n"
         "*Bob:* Hi.\n"
         "\n"
         "*Ann:* Bye.\n",
         "Ann|Hello.\n"
         "Bob|Hi.\n"
         "Ann|Bye.\n"},
        {"WhatsApp in Hindi", 2,
         "05/01/24, 10:16 पूर्वाह्न - अनीता: नमस्ते\n"
         "05/01/24, 10:17 अपराह्न - राज: <मीडिया छोड़ा गया>\n"
         "05/01/24, 10:18 अपराह्न - राज: नमस्ते\n",
         "अनीता|नमस्ते\n"
         "राज|नमस्ते\n"},
        {"frames behind the seconds", 1,
         "01:00:12:05 ANN: Good morning.\n"
         "01:00:15:10 BOB: Is it?\n"
         "01:00:20:00 ANN: It is.\n"
         "01:00:25:12 BOB: Fine.\n",
         "ANN|Good morning.\n"
         "BOB|Is it?\n"
         "ANN|It is.\n"
         "BOB|Fine.\n"},
        {"Beckett", 1,
         "ESTRAGON: (giving up again). Nothing to be done.\n"
         "VLADIMIR: (advancing with short, stiff strides, legs wide apart). I'm beginning to come round to that opinion. (He "
         "broods.) All my life.\n"
         "ESTRAGON: Am I?\n"
         "VLADIMIR: I'm glad to see you back.\n"
         "Silence.\n"
         "ESTRAGON: Me too.\n",
         "ESTRAGON|Nothing to be done.\n"
         "VLADIMIR|I'm beginning to come round to that opinion. All my life.\n"
         "ESTRAGON|Am I?\n"
         "VLADIMIR|I'm glad to see you back.\n"
         "ESTRAGON|Me too.\n"},
        {"Ibsen in italics", 1,
         "_Nora_. Hide the tree.\n"
         "\n"
         "_Porter_. Sixpence.\n"
         "\n"
         "_Nora_. There is a shilling. [_The PORTER thanks her._]\n"
         "\n"
         "_Helmer_ (_calls out from his room_). Is that my lark?\n"
         "\n"
         "_Nora_ (_busy_). Yes, it is!\n"
         "\n"
         "_Helmer_. When did she come?\n",
         "Nora|Hide the tree.\n"
         "Porter|Sixpence.\n"
         "Nora|There is a shilling.\n"
         "Helmer|Is that my lark?\n"
         "Nora|Yes, it is!\n"
         "Helmer|When did she come?\n"},
        {"names in small letters above an empty line", 1,
         "Явление I\n"
         "\n"
         "Аня и Борис.\n"
         "\n"
         "Аня\n"
         "\n"
         "Доброе утро.\n"
         "\n"
         "Борис\n"
         "\n"
         "Доброе.\n"
         "\n"
         "Аня\n"
         "\n"
         "Как дела?\n"
         "\n"
         "Борис\n"
         "\n"
         "Хорошо.\n"
         "\n"
         "Пауза.\n"
         "\n"
         "Аня\n"
         "\n"
         "Пойдём.\n"
         "\n"
         "Борис\n"
         "\n"
         "Куда?\n",
         "Аня|Доброе утро.\n"
         "Борис|Доброе.\n"
         "Аня|Как дела?\n"
         "Борис|Хорошо.\n"
         "Аня|Пойдём.\n"
         "Борис|Куда?\n"},
        {"a page of boxes", 1,
         "<html><body><div class='m'><div class='name'>Ann</div><div class='text'>Hello there.</div></div><div class='m'><div "
         "class='name'>Bob</div><div class='text'>Hi.</div></div><div class='m'><div class='name'>Ann</div><div "
         "class='text'>How are you?</div></div><div class='m'><div class='name'>Bob</div><div "
         "class='text'>Fine.</div></div><div class='m'><div class='name'>Ann</div><div class='text'>Good.</div></div><div "
         "class='m'><div class='name'>Bob</div><div class='text'>Bye.</div></div></body></html>",
         "Ann|Hello there.\n"
         "Bob|Hi.\n"
         "Ann|How are you?\n"
         "Bob|Fine.\n"
         "Ann|Good.\n"
         "Bob|Bye.\n"},
        {"conversations as JSON in cells", 2,
         "id,messages\n"
         "1,\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"Hello there\"\"}, {\"\"role\"\": \"\"assistant\"\", "
         "\"\"content\"\": \"\"Quack.\"\"}]\"\n"
         "2,\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"Bye\"\"}]\"\n",
         "user|Hello there\n"
         "assistant|Quack.\n"
         "user|Bye\n"},
        {"seconds in front (Fisher)", 1,
         "0.50 2.00 A: hello there\n"
         "2.10 3.00 B: hi how are you\n"
         "3.10 4.00 A: fine\n"
         "4.10 5.00 B: good\n",
         "A|hello there\n"
         "B|hi how are you\n"
         "A|fine\n"
         "B|good\n"},
        {"who is in the play", 1,
         "CAST\n"
         "ANN: a duck\n"
         "BOB: a goose\n"
         "\n"
         "SCENE 1\n"
         "\n"
         "ANN: Hello.\n"
         "BOB: Hi.\n"
         "ANN: Bye.\n",
         "ANN|Hello.\n"
         "BOB|Hi.\n"
         "ANN|Bye.\n"},
        {"seconds in front (Santa Barbara)", 1,
         "0.00 9.21\tLENORE: \t... So you don't need to go.\n"
         "9.21 9.52\tDORIS: \tNo.\n"
         "9.52 14.28\tLENORE: \tUnless you want to.\n"
         "14.28 15.00\tDORIS: \tOh.\n",
         "LENORE|... So you don't need to go.\n"
         "DORIS|No.\n"
         "LENORE|Unless you want to.\n"
         "DORIS|Oh.\n"},
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
        {"YAML", "scenario: >-\n"
                 "  A pond.\n"
                 "players:\n"
                 "  - id: 1\n"
                 "    name: Ann\n"
                 "conversation:\n"
                 "  - speaker: Ann\n"
                 "    content: Hello\n"
                 "  - speaker: Duck\n"
                 "    content: Quack\n"},
        {"Python's own notation", "[{'speaker': 'Ann', 'line': 'Hi'}, {'speaker': 'Bob', 'line': \"It's\"}]\n"},
        {"a transcript that names nobody", "[00:00:00.009 --> 00:00:03.000]   Good morning.\n"
                                           "[00:00:03.009 --> 00:00:05.000]   Is it?\n"
                                           "[00:00:05.009 --> 00:00:07.000]   It is.\n"},
        {"a transcript that names nobody", "0:00\n"
                                           "hello everybody and welcome\n"
                                           "0:03\n"
                                           "to the pond today we talk\n"
                                           "0:07\n"
                                           "about ducks\n"},
        {"SMS Backup & Restore",
         "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\n"
         "<smses count=\"3\">\n"
         "  <sms protocol=\"0\" address=\"+15551234\" date=\"1704449700000\" type=\"1\" subject=\"null\" body=\"Hello there\" "
         "read=\"1\" status=\"-1\" readable_date=\"Jan 5, 2024 10:15:00 AM\" contact_name=\"Ann\" />\n"
         "  <sms protocol=\"0\" address=\"+15551234\" date=\"1704449760000\" type=\"2\" body=\"Hi &amp; bye\" "
         "contact_name=\"Ann\" />\n"
         "  <sms protocol=\"0\" address=\"+15551234\" date=\"1704449860000\" type=\"1\" body=\"Bye\" contact_name=\"Ann\" />\n"
         "</smses>\n"},
        {"Google Hangouts",
         "{\"conversations\": [{\"conversation\": {\"conversation\": {\"participant_data\": [{\"id\": {\"gaia_id\": \"1\"}, "
         "\"fallback_name\": \"Ann\"}, {\"id\": {\"gaia_id\": \"2\"}, \"fallback_name\": \"Bob\"}]}}, \"events\": "
         "[{\"sender_id\": {\"gaia_id\": \"1\"}, \"timestamp\": \"1\", \"chat_message\": {\"message_content\": {\"segment\": "
         "[{\"type\": \"TEXT\", \"text\": \"Hello\"}]}}}, {\"sender_id\": {\"gaia_id\": \"2\"}, \"chat_message\": "
         "{\"message_content\": {\"segment\": [{\"type\": \"TEXT\", \"text\": \"Hi\"}]}}}]}]}"},
        {"e-mail", "From: Ann (+15551234)\n"
                   "Type: incoming\n"
                   "Sent: Fri, 5 Jan 2024 10:15:00 +0000\n"
                   "Received: Fri, 5 Jan 2024 10:15:01 +0000\n"
                   "\n"
                   "Hello there\n"
                   "\n"
                   "From: You\n"
                   "Type: outgoing\n"
                   "Sent: Fri, 5 Jan 2024 10:16:00 +0000\n"
                   "\n"
                   "Hi\n"},
        {"cells hold Python's own notation",
         "id,conversations\n"
         "1,\"[{'from': 'human', 'value': 'Hello there'}, {'from': 'gpt', 'value': 'Quack.'}]\"\n"
         "2,\"[{'from': 'human', 'value': 'Bye'}, {'from': 'gpt', 'value': 'Honk.'}]\"\n"},
        {"(MHTML)", "From: <Saved by Blink>\n"
                    "Snapshot-Content-Location: https://x.y/z\n"
                    "Subject: Ducks\n"
                    "Date: Fri, 5 Jan 2024 10:15:00 -0000\n"
                    "MIME-Version: 1.0\n"
                    "Content-Type: multipart/related;\n"
                    "\ttype=\"text/html\";\n"
                    "\tboundary=\"----x\"\n"
                    "\n"
                    "------x\n"
                    "Content-Type: text/html\n"
                    "\n"
                    "<html><body><p>Ann: Hi</p></body></html>\n"},
        {"a TextGrid of Praat", "File type = \"ooTextFile\"\n"
                                "Object class = \"TextGrid\"\n"
                                "\n"
                                "xmin = 0\n"
                                "xmax = 2\n"
                                "tiers? <exists>\n"
                                "size = 2\n"
                                "item []:\n"
                                "    item [1]:\n"
                                "        class = \"IntervalTier\"\n"
                                "        name = \"Ann\"\n"
                                "        intervals [1]:\n"
                                "            xmin = 0\n"
                                "            text = \"Hello\"\n"},
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
        {"others left out: 1 (",
         "[{\"prompt\": \"Where is the duck?\", \"response_a\": [{\"role\": \"assistant\", \"content\": \"In the pond.\"}], "
         "\"response_b\": [{\"role\": \"assistant\", \"content\": \"In the sky.\"}], \"winner\": \"model_b\"}]"},
        {"numbers in front of the lines left out", "1 ANN: Hello.\n2 BOB: Hi.\n3 ANN: Bye.\n4 BOB: Bye.\n"},
        {"speeches that stood in the line of another, parted: 4",
         "ANN: Hello. BOB: Hi there. ANN: How are you? BOB: Fine.\nANN: Bye. BOB: Bye.\n"},
        {"texts beside which nobody is named left out: 1",
         "[{\"speaker\": \"Ann\", \"text\": \"Hi\"}, {\"text\": \"it rains\"}]"},
        {"of other branches of the chats left out: 1",
         "{\"turns\": [{\"author\": {\"name\": \"Duck\"}, \"candidates\": [{\"candidate_id\": \"a\", \"raw_content\": "
         "\"Quack.\"}, {\"candidate_id\": \"b\", \"raw_content\": \"Honk.\"}], \"primary_candidate_id\": \"b\"}]}"},
        {"the names of styles are taken for theirs",
         "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\nDialogue: "
         "0,0:00:01.00,0:00:02.00,Ann,,0,0,0,,Hi.\nDialogue: 0,0:00:02.00,0:00:03.00,Bob,,0,0,0,,Ho.\nDialogue: "
         "0,0:00:03.00,0:00:04.00,Ann,,0,0,0,,Bye.\n"},
        {"names in front of the words of column 2", "id,text\n1,Ann: Hello there.\n2,Bob: Hi.\n3,Ann: Bye.\n"},
        {"called A and B", "[[\"Hello there\", \"Hi\"], [\"What?\", \"A duck\", \"And?\"], [\"Bye\", \"Bye now\"]]"},
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
