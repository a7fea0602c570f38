/* Shapes of scripts: invented miniatures of files as people publish them, each with the counts that a person made. */
#include "test.h"
#include "base/buf.h"
#include "scripts.h"
#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

static us_status load(const char *name, const char *text, size_t n, const us_script_options *o, us_script **s, us_error *err) {
    char *path = us_path_join(folder, name);
    if (us_file_write_atomic(path, text, n, err)) abort();
    us_status st = us_script_load(o, (const char *const[]){path}, 1, s, err);
    free(path);
    return st;
}

/* What is expected of a file: the format, its counts, and a few lines as "speaker|text". */
typedef struct example {
    const char *what, *format, *text;
    unsigned lines, actions, breaks, rejected, speakers, scenes;
    const char *said[6]; /* of the first lines, in order; NULL: not looked at */
} example;

static void check(const example *e) {
    us_script *s;
    us_error err = {0};
    size_t n_sources, n_speakers, n_scenes, n;
    if (load("script.txt", e->text, strlen(e->text), NULL, &s, &err)) fail_msg("%s: %s", e->what, err.message);
    const us_script_counts *c = us_script_get_counts(s);
    const us_source *source = us_script_get_sources(s, &n_sources);
    const us_speaker *sp = us_script_get_speakers(s, &n_speakers);
    const us_line *l = us_script_get_lines(s, &n);
    us_script_get_scenes(s, &n_scenes);
    if (strcmp(source[0].format, e->format)) fail_msg("%s: read as %s, expected %s", e->what, source[0].format, e->format);
    if (c->lines != e->lines || c->actions != e->actions || c->breaks != e->breaks || c->rejected != e->rejected ||
        n_scenes != e->scenes) {
        for (size_t i = 0; i < n; i++)
            print_message("  %u %s: %s\n", l[i].row, l[i].speaker == US_SPEAKER_NONE ? "-" : sp[l[i].speaker].name, l[i].text);
        fail_msg("%s: %u lines, %u actions, %u breaks, %u rejected, %zu scenes; expected %u, %u, %u, %u, %u", e->what,
                 (unsigned)c->lines, (unsigned)c->actions, (unsigned)c->breaks, (unsigned)c->rejected, n_scenes, e->lines,
                 e->actions, e->breaks, e->rejected, e->scenes);
    }
    size_t speaking = 0;
    for (size_t i = 0; i < n_speakers; i++) speaking += sp[i].n_lines > 0;
    if (speaking != e->speakers) {
        for (size_t i = 0; i < n_speakers; i++) print_message("  '%s' %u\n", sp[i].name, sp[i].n_lines);
        fail_msg("%s: %zu speakers, expected %u", e->what, speaking, e->speakers);
    }
    for (size_t i = 0; i < 6 && e->said[i]; i++) {
        char got[512];
        snprintf(got, sizeof got, "%s|%s", l[i].speaker == US_SPEAKER_NONE ? "" : sp[l[i].speaker].name, l[i].text);
        if (strcmp(got, e->said[i])) fail_msg("%s: line %zu is '%s', expected '%s'", e->what, i, got, e->said[i]);
    }
    us_script_free(s);
}

#define CHECK_ALL(list) \
    for (size_t i_example = 0; i_example < sizeof(list) / sizeof *(list); i_example++) check(&(list)[i_example])

static void tables(void **state) {
    (void)state;
    static const example list[] = {
        {"single quotes",
         "csv",
         "name,line\n'Ann','Well, it''s late.'\n'Bob','No, Ann.'\n'Ann','Hm.'\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Well, it's late.", "Bob|No, Ann.", "Ann|Hm."}},
        {"a table in Markdown",
         "csv",
         "| Speaker | Line |\n|---|:--:|\n| Ann | Hi, Bob |\n| Bob | Ho |\n| Ann | Bye |\n",
         3,
         1,
         0,
         0,
         2,
         1,
         {"Ann|Hi, Bob", "Bob|Ho", "Ann|Bye"}},
        {"a column for each speaker",
         "csv",
         "Ann,Bob,Carl\n\"Good morning, Bob.\",,\n,\"Good morning. Is it late?\",\n,,It is very late.\nOh no.,Yes.,\n,We "
         "should go.,\"Then go, both.\"\nBye!,,\n",
         8,
         0,
         0,
         0,
         3,
         1,
         {"Ann|Good morning, Bob.", "Bob|Good morning. Is it late?", "Carl|It is very late.", "Ann|Oh no.", "Bob|Yes."}},
        {"a column for each speaker, others beside them",
         "csv",
         "time\tepisode\tHomer\tMarge\tnotes\n0:01\t1\tHi there dear.\t\tsmiles\n0:05\t1\t\tHello Homie.\t\n0:09\t2\tWhat is "
         "for dinner?\tPork chops.\t\n0:12\t2\t\tWith sauce.\tsoftly\n",
         5,
         0,
         0,
         0,
         2,
         2,
         {"Homer|Hi there dear.", "Marge|Hello Homie.", "Homer|What is for dinner?", "Marge|Pork chops."}},
        {"Speaker A and Speaker B speak in every row",
         "csv",
         "Speaker A;Speaker B\nHello, how are you?;I am fine, thanks.\nWhere do you live?;In a small town.\nDo you like "
         "it?;Yes, I like it.\n",
         6,
         0,
         0,
         0,
         2,
         1,
         {"Speaker A|Hello, how are you?", "Speaker B|I am fine, thanks."}},
        {"a conversation in each cell",
         "csv",
         "dialog,act\n\"['Hi , Jim . ', \"\" It's me . \"\", ' Ho . ']\",[1 2 3]\n\"['Bye . ', 'Bye .']\",[1 1]\n",
         5,
         0,
         0,
         0,
         2,
         2,
         {"A|Hi , Jim .", "B|It's me .", "A|Ho .", "A|Bye ."}},
        {"two answers to a question",
         "csv",
         "id,prompt,response_a,response_b\n1,What is it?,A duck.,A plane.\n2,And that?,A goose.,A moose.\n",
         4,
         0,
         0,
         0,
         2,
         2,
         {"user|What is it?", "assistant|A duck."}},
        {"EmpatheticDialogues",
         "csv",
         "conv_id,utterance_idx,context,prompt,speaker_idx,utterance\nhit:0,1,sad,I lost it.,1,There were ducks_comma_ many of "
         "them.\nhit:0,2,sad,I lost it.,0,Were there?\nhit:1,1,sad,x,1,Yes_comma_ yes.\n",
         3,
         0,
         0,
         0,
         2,
         2,
         {"1|There were ducks, many of them.", "0|Were there?", "1|Yes, yes."}},
        {"sep=", "csv", "sep=;\r\nname;line\r\nAnn;Ahoy, Bob!\r\nBob;Ahoy.\r\n", 2, 0, 0, 0, 2, 1, {"Ann|Ahoy, Bob!"}},
        {"write.table",
         "csv",
         "\"character\" \"dialogue\"\n\"1\" \"THREEPIO\" \"Did you hear that?\"\n\"2\" \"ARTOO\" \"Beep \\\"boop\\\" beep.\"\n"
         "\"3\" \"THREEPIO\" \"We're doomed!\"\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"THREEPIO|Did you hear that?", "ARTOO|Beep \"boop\" beep."}},
        {"backslashes",
         "csv",
         "name,line,episode\nAnn,\"She said \\\"no\\\", twice\",1\nBob,\"\\\"Yes\\\", he said\",1\nAnn,\"Well \\\\ then\",2\n",
         3,
         0,
         0,
         0,
         2,
         2,
         {"Ann|She said \"no\", twice", "Bob|\"Yes\", he said", "Ann|Well \\ then"}},
        {"a header in the third row",
         "csv",
         "Transcripts of the pond\n\nEpisode,Character,Line\n1,Ann,Hello there.\n1,Bob,Hello you.\n",
         2,
         0,
         0,
         1,
         2,
         1,
         {"Ann|Hello there."}},
        {"no header",
         "csv",
         "Ann;Good morning, Bob.\nBob;Is it?\nAnn;It is, as far as I can see.\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning, Bob."}},
        {"an index in front (pandas)",
         "csv",
         ",Character,Dialogue,EpisodeNo,SEID,Season\n0,JERRY,Do you know?,1,S01E01,1\n1,GEORGE,I don't.,1,S01E01,1\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"JERRY|Do you know?"}},
        {"a number that is called utterance",
         "csv",
         "text,speaker,season,episode,scene,utterance\nThere's nothing to tell!,Monica,1,1,1,1\nC'mon.,Joey,1,1,1,2\n"
         "Wait.,Monica,1,1,2,1\n",
         3,
         0,
         0,
         0,
         2,
         2,
         {"Monica|There's nothing to tell!"}},
        {"MELD",
         "csv",
         "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode\n1,also I was the point "
         "person,Chandler,neutral,neutral,0,0,8,21\n"
         "2,You must've had your hands full.,The Interviewer,neutral,neutral,0,1,8,21\n3,Hi,Joey,joy,positive,1,0,8,21\n",
         3,
         0,
         0,
         0,
         3,
         2,
         {"Chandler|also I was the point person"}},
        {"Doctor Who",
         "csv",
         "idx,text,type,details,episodeid,doctorid\n0,[Totters lane],location,,1-1,1\n1,I wish I knew who he "
         "is.,talk,Susan,1-1,1\n2,So do I my dear.,talk,Barbara,1-1,1\n"
         "3,He is late again.,talk,Barbara,1-1,1\n4,Is he?,talk,Susan,1-1,1\n",
         4,
         1,
         0,
         0,
         2,
         1,
         {"Susan|I wish I knew who he is."}},
        {"two tables in one name",
         "csv",
         "id\tbook\tchapter\tcharacter\tfull_text\tcharacter_words\n1\tWater\tThe Boy\tKatara\tWater. [Looks up.] "
         "Earth.\tWater.  Earth.\n"
         "2\tWater\tThe Boy\tScene Description\tThe sea.\tNA\n",
         1,
         1,
         0,
         0,
         1,
         1,
         {"Katara|Water. Earth."}},
        {"semicolons and quotes",
         "csv",
         "Character;Sentence\nDumbledore;\"I should've known; really\"\nMcGonagall;Good evening.\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Dumbledore|I should've known; really"}},
        {"a quote that is never closed",
         "csv",
         "name,line\nAnn,\"Hello there\nBob,Hi\nAnn,\"Yes, Bob\"\nBob,Good.\n",
         4,
         0,
         0,
         0,
         2,
         1,
         {"Ann|\"Hello there", "Bob|Hi", "Ann|Yes, Bob"}},
        {"quotes that nobody doubled",
         "csv",
         "name,line\nAnn,\"He said \"hi\" to me, twice\"\nBob,No.\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|He said \"hi\" to me, twice", "Bob|No."}},
        {"commas that nobody quoted, text in the middle",
         "csv",
         "season,line,character\n1,Well, well, well,Ann\n1,Yes.,Bob\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Well, well, well", "Bob|Yes."}},
        {"old Macs", "csv", "name,line\rAnn,Hello\rBob,Hi\r", 2, 0, 0, 0, 2, 1, {"Ann|Hello", "Bob|Hi"}},
        {"NA",
         "csv",
         "character,line\nAnn,Hi\nNA,NA\nNan,My dear.\nnan,nobody says it\nAnn,NA\n",
         3,
         1,
         1,
         0,
         2,
         2,
         {"Ann|Hi", "Nan|My dear.", "|nobody says it"}},
        {"cues",
         "csv",
         "character,line\nANN,Hello Bob.\nANN (V.O.),I was young.\n\"ANN (CONT\xe2\x80\x99"
         "D)\",Yes I was.\nANN (O.S./CONT'D),No.\nPHANTOM (Phantom),Boo.\n",
         5,
         0,
         0,
         0,
         2,
         1,
         {"ANN|Hello Bob.", "ANN|I was young."}},
        {"wide blanks",
         "csv",
         "character   line\nAnn         Good morning to you.\nBob         Is it?\nAnn         It is.\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning to you."}},
        {"pipes", "csv", "speaker||text\nAnn||Hi, all | of you\nBob||Hi\n", 2, 0, 0, 0, 2, 1, {"Ann|Hi, all | of you"}},
        {"Discord's table",
         "csv",
         "AuthorID,Author,Date,Content,Attachments,Reactions\n\"1\",\"ann\",\"2024-02-01T10:00\",\"Good "
         "morning\",\"\",\"\"\n\"2\",\"bob\",\"2024-02-01T10:01\",\"Is it?\",\"\",\"\"\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"ann|Good morning"}},
        {"headers in other languages",
         "csv",
         "\xe3\x82\xad\xe3\x83\xa3\xe3\x83\xa9\xe3\x82\xaf\xe3\x82\xbf\xe3\x83\xbc,"
         "\xe3\x82\xbb\xe3\x83\xaa\xe3\x83\x95\n\xe5\xa4\xaa\xe9\x83\x8e,"
         "\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf\n",
         1,
         0,
         0,
         0,
         1,
         1,
         {"\xe5\xa4\xaa\xe9\x83\x8e|\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf"}},
    };
    CHECK_ALL(list);
}

static void json(void **state) {
    (void)state;
    static const example list[] = {
        {"ChatGPT, an answer asked for again",
         "json",
         "[{\"mapping\":{\"aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa\":{\"id\":\"x\",\"message\":{\"author\":{\"role\":\"user\"},"
         "\"content\":{\"content_type\":\"text\",\"parts\":[\"Hi\"]}},\"parent\":null},\"bbbbbbbb-1111-4111-8111-"
         "aaaaaaaaaaaa\":{\"id\":\"x\",\"message\":{\"author\":{\"role\":\"assistant\"},\"content\":{\"content_type\":\"text\","
         "\"parts\":[\"One.\"]}},\"parent\":\"aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa\"},\"cccccccc-1111-4111-8111-aaaaaaaaaaaa\":"
         "{\"id\":\"x\",\"message\":{\"author\":{\"role\":\"assistant\"},\"content\":{\"content_type\":\"text\",\"parts\":["
         "\"Two.\"]}},\"parent\":\"aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa\"},\"dddddddd-1111-4111-8111-aaaaaaaaaaaa\":{\"id\":"
         "\"x\",\"message\":{\"author\":{\"role\":\"user\"},\"content\":{\"content_type\":\"text\",\"parts\":[\"Bye\"]}},"
         "\"parent\":\"cccccccc-1111-4111-8111-aaaaaaaaaaaa\"}},\"current_node\":\"dddddddd-1111-4111-8111-aaaaaaaaaaaa\"}]",
         3,
         0,
         0,
         0,
         2,
         1,
         {"user|Hi", "assistant|Two.", "user|Bye"}},
        {"OASST, two answers",
         "json",
         "{\"prompt\":{\"text\":\"Duck?\",\"role\":\"prompter\",\"replies\":[{\"text\":\"A "
         "bird.\",\"role\":\"assistant\",\"replies\":[{\"text\":\"And?\",\"role\":\"prompter\",\"replies\":[]}]},{\"text\":\"A "
         "fowl.\",\"role\":\"assistant\",\"replies\":[]}]}}\n",
         4,
         0,
         0,
         0,
         2,
         2,
         {"prompter|Duck?", "assistant|A bird.", "prompter|And?", "assistant|A fowl."}},
        {"turns in one string",
         "json",
         "{\"dialog\": \"Hi . __eou__ Ho .\"}\n{\"dialog\": \"Yo . __eou__ No .\"}\n",
         4,
         0,
         0,
         0,
         2,
         2,
         {"A|Hi .", "B|Ho .", "A|Yo ."}},
        {"Gemini",
         "json",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hi\"}]},{\"role\":\"model\",\"parts\":[{\"text\":\"Hello.\"}"
         "]}]}",
         2,
         0,
         0,
         0,
         2,
         1,
         {"user|Hi", "model|Hello."}},
        {"UltraChat",
         "json",
         "{\"id\":\"0\",\"data\":[\"How?\",\"So.\",\"And?\"]}\n{\"id\":\"1\",\"data\":[\"Hi\",\"Ho.\"]}\n",
         5,
         0,
         0,
         0,
         2,
         2,
         {"A|How?", "B|So.", "A|And?", "A|Hi"}},
        {"a conversation in two lists",
         "json",
         "{\"prompt\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"chosen\":[{\"role\":\"assistant\",\"content\":\"Hello.\"}],"
         "\"rejected\":[{\"role\":\"assistant\",\"content\":\"No.\"}]}\n{\"prompt\":[{\"role\":\"user\",\"content\":\"Yo\"}],"
         "\"completion\":[{\"role\":\"assistant\",\"content\":\"Ho.\"}]}\n",
         4,
         0,
         0,
         0,
         2,
         2,
         {"user|Hi", "assistant|Hello.", "user|Yo", "assistant|Ho."}},
        {"a conversation as pairs",
         "json",
         "{\"conversations\":[{\"user\":\"Hi\",\"assistant\":\"Hello.\"},{\"user\":\"And?\",\"assistant\":\"No.\"}]}\n",
         4,
         0,
         0,
         0,
         2,
         1,
         {"user|Hi", "assistant|Hello.", "user|And?", "assistant|No."}},
        {"thoughts and pictures",
         "json",
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}},{\"type\":"
         "\"text\",\"text\":\"What is it?\"}]},{\"role\":\"assistant\",\"content\":\"<think>A beak.\\n</think>\\n\\nA "
         "duck.\"}]}\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"user|What is it?", "assistant|A duck."}},
        {"two conversations, of which one won",
         "json",
         "{\"winner\": \"model_a\", \"conversation_a\": [{\"content\": \"Duck?\", \"role\": \"user\"}, {\"content\": \"A "
         "bird.\", \"role\": \"assistant\"}], \"conversation_b\": [{\"content\": \"Duck?\", \"role\": \"user\"}, {\"content\": "
         "\"A fowl.\", \"role\": \"assistant\"}]}\n{\"winner\": \"model_b\", \"conversation_a\": [{\"content\": \"Hi\", "
         "\"role\": \"user\"}, {\"content\": \"Hello.\", \"role\": \"assistant\"}], \"conversation_b\": [{\"content\": \"Hi\", "
         "\"role\": \"user\"}, {\"content\": \"Hey!\", \"role\": \"assistant\"}]}\n{\"winner\": \"tie\", \"conversation_a\": "
         "[{\"content\": \"Yo\", \"role\": \"user\"}, {\"content\": \"Yo.\", \"role\": \"assistant\"}], \"conversation_b\": "
         "[{\"content\": \"Yo\", \"role\": \"user\"}, {\"content\": \"Hi!\", \"role\": \"assistant\"}]}\n",
         6,
         0,
         0,
         0,
         2,
         3,
         {"user|Duck?", "assistant|A bird.", "user|Hi", "assistant|Hey!", "user|Yo", "assistant|Yo."}},
        {"two answers, of which one won",
         "json",
         "{\"prompt\": \"Duck?\", \"response_a\": \"A bird.\", \"response_b\": \"A fowl.\", \"winner\": \"b\"}\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"user|Duck?", "assistant|A fowl."}},
        {"Oobabooga",
         "json",
         "{\"internal\": [[\"<|BEGIN-VISIBLE-CHAT|>\", \"Hello.\"], [\"I'm fine.\", \"Good.\"]], \"visible\": [[\"\", "
         "\"Hello.\"], [\"I&#x27;m fine.\", \"Good.\"]]}",
         3,
         0,
         0,
         0,
         2,
         1,
         {"assistant|Hello.", "user|I'm fine.", "assistant|Good."}},
        {"what was said before a question",
         "json",
         "{\"prompt\": \"And that?\", \"response\": \"A goose.\", \"history\": [[\"What is it?\", \"A duck.\"]]}\n",
         4,
         0,
         0,
         0,
         2,
         1,
         {"user|What is it?", "assistant|A duck.", "user|And that?", "assistant|A goose."}},
        {"SillyTavern's own words",
         "json",
         "{\"user_name\":\"Bob\",\"character_name\":\"Ann\"}\n{\"name\":\"Ann\",\"is_user\":false,\"is_system\":false,\"mes\":"
         "\"Hi.\",\"swipes\":[\"Hello.\",\"Hi.\"]}\n{\"name\":\"SillyTavern "
         "System\",\"is_user\":false,\"is_system\":true,\"mes\":\"Available "
         "commands\"}\n{\"name\":\"Bob\",\"is_user\":true,\"is_system\":false,\"mes\":\"Ho.\"}\n",
         2,
         1,
         0,
         0,
         2,
         1,
         {"Ann|Hi.", "Bob|Ho."}},
        {"Telegram, words of others",
         "json",
         "{\"name\":\"Ann\",\"type\":\"personal_chat\",\"messages\":[{\"type\":\"message\",\"from\":\"Ann\",\"text\":\"Hi\"},{"
         "\"type\":\"message\",\"from\":\"Bob\",\"forwarded_from\":\"News\",\"text\":\"Ducks!\"},{\"type\":\"message\","
         "\"from\":\"Bob\",\"forwarded_from\":\"Bob\",\"text\":\"Mine.\"}]}",
         2,
         1,
         0,
         0,
         2,
         1,
         {"Ann|Hi", "Bob|Mine."}},
        {"PersonaChat",
         "json",
         "[{\"personality\": [\"i like cats .\", \"i sing .\"], \"utterances\": [{\"candidates\": [\"no\", \"fine .\"], "
         "\"history\": [\"how are you ?\"]}, {\"candidates\": [\"yes\", \"same here .\"], \"history\": [\"how are you ?\", "
         "\"fine .\", \"good .\"]}]}]",
         4,
         0,
         0,
         0,
         2,
         1,
         {"A|how are you ?", "B|fine .", "A|good .", "B|same here ."}},
        {"Blended Skill Talk",
         "json",
         "[{\"personas\": [[\"i like cats.\", \"i am 30.\"], [\"i sing.\", \"i dance.\"]], \"previous_utterance\": [\"Hi.\", "
         "\"Ho.\"], \"free_messages\": [\"Cats?\", \"Yes.\"], \"guided_messages\": [\"Dogs.\", \"No.\"]}]",
         6,
         0,
         0,
         0,
         2,
         1,
         {"A|Hi.", "B|Ho.", "A|Cats?", "B|Dogs.", "A|Yes.", "B|No."}},
        {"a name and a text inside objects",
         "json",
         "[{\"speaker\": {\"id\": 3, \"name\": \"Ann\"}, \"utterance\": {\"text\": \"Hi\"}}, {\"speaker\": {\"id\": 4, "
         "\"name\": "
         "\"Bob\"}, \"utterance\": {\"text\": \"Ho\"}}]",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Hi", "Bob|Ho"}},
        {"a list by numbers",
         "json",
         "{\"0\": {\"speaker\": \"Ann\", \"text\": \"Hi\"}, \"1\": {\"speaker\": \"Bob\", \"text\": \"Ho\"}}",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Hi", "Bob|Ho"}},
        {"Messenger: newest first, bytes as letters",
         "json",
         "{\"participants\": [{\"name\": \"Zo\\u00c3\\u00ab\"}], \"messages\": [{\"sender_name\": \"Zo\\u00c3\\u00ab\", "
         "\"timestamp_ms\": 1700000300000, \"content\": \"Un caf\\u00c3\\u00a9\"}, {\"sender_name\": \"Bob\", "
         "\"timestamp_ms\": "
         "1700000200000, \"content\": \"What?\"}, {\"sender_name\": \"Zo\\u00c3\\u00ab\", \"timestamp_ms\": 1700000100000, "
         "\"content\": \"Hi\"}], \"title\": \"x\"}",
         3,
         0,
         0,
         0,
         2,
         1,
         {"Zo\xc3\xab|Hi", "Bob|What?", "Zo\xc3\xab|Un caf\xc3\xa9"}},
        {"a remark above JSON lines",
         "json",
         "// mine\n{\"who\": \"Ann\", \"says\": \"Hi\"}\n{\"who\": \"Bob\", \"says\": \"Ho\"}\n",
         2,
         0,
         0,
         1,
         2,
         1,
         {"Ann|Hi", "Bob|Ho"}},
        {"emory",
         "json",
         "{\"season_id\": \"s01\", \"episodes\": [{\"episode_id\": \"s01_e01\", \"scenes\": [{\"scene_id\": \"s01_e01_c01\", "
         "\"utterances\": ["
         "{\"utterance_id\": \"u1\", \"speakers\": [\"Monica\"], \"transcript\": \"There's nothing to tell!\", \"tokens\": "
         "[[\"There\", \"'s\"]]},"
         "{\"utterance_id\": \"u2\", \"speakers\": [\"Joey\", \"Ross\"], \"transcript\": \"Hey!\", \"tokens\": []},"
         "{\"utterance_id\": \"u3\", \"speakers\": [], \"transcript\": \"\", \"transcript_with_note\": null}]},"
         "{\"scene_id\": \"s01_e01_c02\", \"utterances\": [{\"speakers\": [\"Ross\"], \"transcript\": \"Hi.\"}]}]}]}",
         3,
         0,
         1,
         0,
         3,
         2,
         {"Monica|There's nothing to tell!", "Joey, Ross|Hey!", "Ross|Hi."}},
        {"lines by speaker (Star Trek)",
         "json",
         "{\"TNG\": {\"episode 0\": {\"PICARD\": [\"Engage.\", \"Make it so.\"], \"DATA\": [\"Yes, sir.\"]}, \"episode 1\": "
         "{\"PICARD\": [\"Tea.\"]}}}",
         4,
         0,
         0,
         0,
         2,
         2,
         {"PICARD|Engage.", "PICARD|Make it so.", "DATA|Yes, sir."}},
        {"Telegram",
         "json",
         "{\"name\": \"Pond\", \"type\": \"private_group\", \"messages\": [{\"id\": 1, \"type\": \"service\", \"actor\": "
         "\"Ann\", \"action\": \"create_group\", \"text\": \"\"},"
         "{\"id\": 2, \"type\": \"message\", \"from\": \"Ann\", \"text\": [\"I \", {\"type\": \"bold\", \"text\": \"love\"}, "
         "\" ducks\"], \"text_entities\": []},"
         "{\"id\": 3, \"type\": \"message\", \"from\": \"Bob\", \"photo\": \"a.jpg\", \"text\": \"\"}, {\"id\": 4, \"type\": "
         "\"message\", \"from\": \"Bob\", \"text\": \"So do I\"}]}",
         2,
         2,
         0,
         0,
         2,
         1,
         {"Ann|I love ducks", "Bob|So do I"}},
        {"ShareGPT lines",
         "json",
         "{\"conversations\": [{\"from\": \"system\", \"value\": \"Be Ann.\"}, {\"from\": \"human\", \"value\": \"Hi\"}, "
         "{\"from\": \"gpt\", \"value\": \"Ho\"}]}\n"
         "{\"conversations\": [{\"from\": \"human\", \"value\": \"Bye\"}]}\n",
         3,
         1,
         0,
         0,
         2,
         2,
         {"human|Hi", "gpt|Ho", "human|Bye"}},
        {"messages",
         "json",
         "{\"messages\": [{\"role\": \"system\", \"content\": \"x\"}, {\"role\": \"user\", \"content\": [{\"type\": \"text\", "
         "\"text\": \"Hi\"}]}, {\"role\": \"assistant\", \"content\": \"Ho\"}]}",
         2,
         1,
         0,
         0,
         2,
         1,
         {"user|Hi", "assistant|Ho"}},
        {"Alpaca",
         "json",
         "[{\"instruction\": \"Greet\", \"input\": \"Bob\", \"output\": \"Hello Bob.\"}, {\"instruction\": \"Bye\", \"input\": "
         "\"\", \"output\": \"Bye.\"}]",
         4,
         0,
         0,
         0,
         2,
         2,
         {"user|Greet Bob", "assistant|Hello Bob.", "user|Bye"}},
        {"RoleBench",
         "json",
         "{\"role\": \"Ann\", \"question\": \"Who are you?\", \"generated\": [\"I am Ann.\", \"Ann.\"]}\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"user|Who are you?", "Ann|I am Ann."}},
        {"CoSER",
         "json",
         "{\"book\": \"Pond\", \"plots\": [{\"text\": \"Once upon a time\", \"key_characters\": [{\"name\": \"Ann\", "
         "\"summary\": \"A duck\"}], \"conversation\": [{\"scenario\": \"morning\", \"topic\": \"bread\","
         "\"dialogues\": [{\"character\": \"Ann\", \"message\": \"[I am cold] (shivers) Bread?\"}, {\"character\": "
         "\"Environment\", \"message\": \"Rain falls.\"}]}]}]}",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Bread?", "Environment|Rain falls."}},
        {"columns (pandas)",
         "json",
         "{\"character\":{\"0\":\"Ann\",\"1\":\"Bob\"},\"line\":{\"0\":\"Hi\",\"1\":\"Ho\"}}",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Hi", "Bob|Ho"}},
        {"columns as lists",
         "json",
         "{\"character\":[\"Ann\",\"Bob\"],\"line\":[\"Hi\",\"Ho\"]}",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Hi", "Bob|Ho"}},
        {"split (pandas)",
         "json",
         "{\"columns\":[\"character\",\"line\"],\"index\":[0,1],\"data\":[[\"Ann\",\"Hi, you\"],[\"Bob\",\"Ho\"]]}",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Hi, you", "Bob|Ho"}},
        {"pairs",
         "json",
         "[[\"Ann\", \"Good morning, Bob.\"], [\"Bob\", \"Is it?\"], [\"Ann\", \"It is.\"]]",
         3,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning, Bob."}},
        {"strings with names",
         "json",
         "[\"Ann: Good morning.\", \"Bob: Is it?\"]",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning.", "Bob|Is it?"}},
        {"a script in a string",
         "json",
         "{\"pond\": {\"episode 1\": \"ANN: Good morning.\\n\\nBOB: Is it?\\nANN: It is.\", \"episode 2\": \"ANN: Good "
         "evening.\\nBOB: Is it?\\nANN: Yes, Bob.\"}}",
         6,
         0,
         0,
         0,
         2,
         2,
         {"ANN|Good morning."}},
        {"one name an object",
         "json",
         "[{\"Ann\": \"Hi\"}, {\"Bob\": \"Ho\"}, {\"Ann\": \"Hum\"}]",
         3,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Hi", "Bob|Ho"}},
        {"NaN, escapes, a bad line, a pretty object",
         "json",
         "{\"character\": \"Ann\", \"line\": \"caf\\u00e9 \\ud83e\\udd86\", \"score\": NaN}\n{\"character\": \"Bob\", "
         "\"line\": \n{\n \"character\": \"Bob\",\n \"line\": \"Ho\"\n}\n",
         2,
         0,
         0,
         1,
         2,
         1,
         {"Ann|caf\xc3\xa9 \xf0\x9f\xa6\x86", "Bob|Ho"}},
        {"cut off",
         "json",
         "[{\"character\": \"Ann\", \"line\": \"Hi\"}, {\"character\": \"Bob\", \"line\": \"Ho\"}, {\"character\": \"An",
         2,
         0,
         0,
         1,
         2,
         1,
         {"Ann|Hi"}},
        {"Discord",
         "json",
         "{\"guild\": {\"id\": \"1\", \"name\": \"Pond\"}, \"channel\": {\"id\": \"2\", \"name\": \"bread\"}, \"messages\": "
         "[{\"id\": \"3\", \"type\": \"Default\", \"content\": \"Good morning\","
         "\"author\": {\"id\": \"4\", \"name\": \"ann\", \"nickname\": \"Ann\"}, \"embeds\": [], \"reactions\": []}, {\"id\": "
         "\"5\", \"content\": \"\", \"author\": {\"name\": \"bob\"}, \"attachments\": [{\"url\": \"a.png\"}]}]}",
         1,
         1,
         0,
         0,
         1,
         1,
         {"Ann|Good morning"}},
        {"scenes with names of their own",
         "json",
         "[{\"name\": \"Scene 1\", \"text\": \"A pond.\", \"lines\": [{\"speaker\": \"Ann\", \"text\": \"Hi\"}]}, {\"name\": "
         "\"Scene 2\", \"text\": \"A wood.\", \"lines\": [{\"speaker\": \"Bob\", \"text\": \"Ho\"}]}]",
         2,
         0,
         0,
         0,
         2,
         2,
         {"Ann|Hi", "Bob|Ho"}},
        {"Messenger",
         "json",
         "{\"participants\": [{\"name\": \"Ann\"}, {\"name\": \"Bob\"}], \"messages\": [{\"sender_name\": \"Ann\", "
         "\"timestamp_ms\": 1, \"content\": \"Hi\"}, {\"sender_name\": \"Bob\", \"timestamp_ms\": 2, \"photos\": []}], "
         "\"title\": \"Bob\"}",
         1,
         0,
         0,
         0,
         1,
         1,
         {"Ann|Hi"}},
    };
    CHECK_ALL(list);
}

static void plain_text(void **state) {
    (void)state;
    static const example list[] = {
        {"a clock behind the name",
         "dialogue",
         "Ann: [00:00:03] Good morning.\nBob: (0:10) Is it?\nAnn: [00:00:15] It is, as in John (3:16).\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning.", "Bob|Is it?", "Ann|It is, as in John (3:16)."}},
        {"a clock below the name",
         "screenplay",
         "Ann Duck\n00:00:03\nGood morning.\n\nBob Goose\n00:00:10\nIs it?\n\nAnn Duck\n00:00:15\nIt is.\n\nBob "
         "Goose\n00:00:19\nRight.\n",
         4,
         0,
         0,
         0,
         2,
         1,
         {"Ann Duck|Good morning.", "Bob Goose|Is it?"}},
        {"names in brackets",
         "dialogue",
         "[Ann] Good morning, Bob.\n[Bob] Is it?\n[Ann] It is.\n[Bob] Right.\n",
         4,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning, Bob.", "Bob|Is it?"}},
        {"numbers in brackets",
         "dialogue",
         "[001] Ann: Good morning.\n[002] Bob: Is it?\n[003] Ann: It is.\n[004] Bob: Right.\n",
         4,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning.", "Bob|Is it?"}},
        {"pictures in front of names",
         "dialogue",
         "👩 Ann: Good morning.\n👨🏻 Bob: Is it?\n👩 Ann: It is.\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning.", "Bob|Is it?"}},
        {"bold names and dashes",
         "dialogue",
         "# The Pond\n\n**Ann** — Good morning.\n\n**Bob** (softly): Is it?\n\n**Ann** – It is.\n",
         3,
         0,
         1,
         0,
         2,
         1,
         {"Ann|Good morning.", "Bob|Is it?", "Ann|It is."}},
        {"names as headings",
         "screenplay",
         "### Ann\n\nGood morning.\n\nAnd good night.\n\n### Bob\nIs it?\n\n### Ann\n\nIt is.\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning. And good night.", "Bob|Is it?", "Ann|It is."}},
        {"names in bold above an empty line",
         "screenplay",
         "## Scene 1\n\n**ANN**\n\nGood morning.\n\n**BOB**\n\n(softly) Is it?\n\n---\n\n**ANN:**\n\nIt "
         "is.\n\n**BOB**\n\nRight.\n",
         4,
         0,
         2,
         0,
         2,
         2,
         {"ANN|Good morning.", "BOB|Is it?", "ANN|It is.", "BOB|Right."}},
        {"names in the middle above an empty line",
         "screenplay",
         "              ANN.\n\nGood morning.\n\n              BOB.\n\nIs it?\n\n              ANN (softly).\n\nIt is.\n\nShe "
         "goes.\n\n              BOB.\n\nRight.\n",
         4,
         1,
         0,
         0,
         2,
         1,
         {"ANN|Good morning.", "BOB|Is it?", "ANN|It is.", "BOB|Right."}},
        {"two lines",
         "dialogue",
         "Ann: Good morning, Bob.\nBob: Is it?\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning, Bob.", "Bob|Is it?"}},
        {"a transcript of the web",
         "dialogue",
         "[Scene: A pond, Ann and Bob are there.]\n\nAnn: There's nothing to tell! He's just some\nduck I work with!\n\n"
         "Bob (laughing): C'mon, there's gotta be something wrong with him!\n\n(They all stare.)\n\n[Scene: The wood.]\n\nAnn: "
         "Okay.\n\nOld man: So.\n\nBob: He said this: no.\n\nOld man: And so on.\n",
         6,
         1,
         2,
         0,
         3,
         2,
         {"Ann|There's nothing to tell! He's just some duck I work with!",
          "Bob|C'mon, there's gotta be something wrong with him!", "Ann|Okay."}},
        {"full width",
         "dialogue",
         "\xe5\xae\x89\xe5\xa8\x9c\xef\xbc\x9a\xe3\x80\x8c\xe6\x97\xa9\xe3\x80\x82\xe3\x80\x8d\n\xe9\xb2\x8d\xe5\x8b\x83\xef"
         "\xbc\x9a\xe3\x80\x8c\xe6\x97\xa9\xe5\x95\x8a\xe3\x80\x82\xe3\x80\x8d\n\xe5\xae\x89\xe5\xa8\x9c\xef\xbc\x9a\xe3\x80"
         "\x8c\xe5\xa5\xbd\xe3\x80\x82\xe3\x80\x8d\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"\xe5\xae\x89\xe5\xa8\x9c|\xe6\x97\xa9\xe3\x80\x82"}},
        {"corner brackets alone",
         "dialogue",
         "\xe5\xa4\xaa\xe9\x83\x8e\xe3\x80\x8c\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf\xe3\x80\x8d\n\xe8"
         "\x8a\xb1\xe5\xad\x90\xe3\x80\x8c\xe3\x81\xaf\xe3\x81\x84\xe3\x80\x8d\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"\xe5\xa4\xaa\xe9\x83\x8e|\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf",
          "\xe8\x8a\xb1\xe5\xad\x90|\xe3\x81\xaf\xe3\x81\x84"}},
        {"markdown",
         "dialogue",
         "# The pond\n\n**Ann:** Good morning.\n\n**Bob**: Is it?\n\n*She leaves.*\n",
         2,
         1,
         1,
         0,
         2,
         1,
         {"Ann|Good morning.", "Bob|Is it?"}},
        {"IRC", "dialogue", "<ann> hello all\n<bob> hi ann\n<ann> how are you\n", 3, 0, 0, 0, 2, 1, {"ann|hello all"}},
        {"Russian",
         "dialogue",
         "СЦЕНА 1\n\nАнна: Доброе утро.\nБорис: Разве?\n\nСцена 2\n\nАнна: Да.\n",
         3,
         0,
         2,
         0,
         2,
         2,
         {"Анна|Доброе утро.", "Борис|Разве?"}},
    };
    CHECK_ALL(list);
}

static void screenplays(void **state) {
    (void)state;
    static const example list[] = {
        {"a French play",
         "fountain",
         "Scène première\n\nORGON, entrant.\nAh ! mon frère, bonjour.\n\nCLÉANTE.\nJe sortais.\n\nORGON.\nTout va bien "
         "?\n\nCLÉANTE, à part.\nOui.\n",
         4,
         0,
         1,
         0,
         2,
         1,
         {"ORGON|Ah ! mon frère, bonjour.", "CLÉANTE|Je sortais.", "ORGON|Tout va bien ?", "CLÉANTE|Oui."}},
        {"Fountain",
         "fountain",
         "Title: The Pond\nAuthor: Nobody\n\nFADE IN:\n\nINT. POND - DAY\n\nAnn swims.\n\nANN (V.O.)\n(softly)\nGood "
         "*morning*.\n\nBOB\nIs it?\n\n"
         "ANN (CONT'D)\nYes.[[a note]]\n\nCUT TO:\n\n.THE WOOD\n\n@McDuck ^\nQuack.\n\n/* BOB\nNever said. */\n\n> THE END <\n",
         4,
         4,
         2,
         0,
         3,
         2,
         {"ANN|Good morning.", "BOB|Is it?", "ANN|Yes.", "McDuck|Quack."}},
        {"indented",
         "screenplay",
         "                    THE POND\n\n     INT. POND - DAY                         12\n\n     Ann swims in the pond, and "
         "Bob looks at\n     her.\n\n                         ANN\n               Good morning to you, and\n               to "
         "all.\n\n"
         "                         BOB (O.S.)\n                    (shouting)\n               Is it?\n\n                       "
         "  ANN\n               It is.\n",
         3,
         2,
         1,
         0,
         2,
         1,
         {"ANN|Good morning to you, and to all.", "BOB|Is it?", "ANN|It is."}},
        {"a play",
         "fountain",
         "ACT I\n\nBERNARDO.\nWho\xe2\x80\x99s there?\n\nFRANCISCO.\nNay, answer me. Stand and unfold "
         "yourself.\n\nBERNARDO.\nLong live the King!\n\nFRANCISCO.\nBernardo?\n",
         4,
         0,
         1,
         0,
         2,
         1,
         {"BERNARDO|Who\xe2\x80\x99s there?"}},
        {"a page ends in a speech",
         "screenplay",
         "INT. POND - DAY\n\nAnn swims.\n\n                         ANN\n               Good morning to all\n                  "
         "       (MORE)\n                                                            12.\n                         ANN "
         "(CONT'D)\n               who swim here.\n\n                         BOB\n               Is it?\n\nBob dives.\n\n     "
         "                    BOB (CONT'D)\n               It is.\n",
         3,
         2,
         1,
         0,
         2,
         1,
         {"ANN|Good morning to all who swim here.", "BOB|Is it?", "BOB|It is."}},
        {"the head of a page stands between, and other spellings",
         "screenplay",
         "INT. POND - DAY\n\n                         ANN (V.O.)\n               Good morning to all\n                         "
         "- more -\n\n                                             (CONTINUED)\n\nTHE POND - Rev. 3/4/98                 "
         "12.\n\n12   CONTINUED: (2)   12\n\n                         ANN (V.O., cont.)\n               who swim here.\n\n     "
         "                    BOB\n               Is it (MORE)\n\n\f  13.\n\n                         BOB\n               "
         "really?\n",
         2,
         0,
         1,
         0,
         2,
         1,
         {"ANN|Good morning to all who swim here.", "BOB|Is it really?"}},
        {"Fountain with pages",
         "fountain",
         "INT. POND - DAY\n\nANN\nGood morning to all\n(CONTINUED)\n\n12.\n\nCONTINUED:\n\nANN (CONT’D)\nwho swim "
         "here.\n\nBOB\nIs it?\n(MORE)\nBOB CONT'D\nReally?\n\nCARL\nMore.\n",
         3,
         0,
         1,
         0,
         3,
         1,
         {"ANN|Good morning to all who swim here.", "BOB|Is it? Really?", "CARL|More."}},
        {"what was no page after all is counted",
         "fountain",
         "INT. POND - DAY\n\nANN\nGood morning.\n(MORE)\n\nShe swims away.\n\nBOB\nIs it?\n\nANN\nIt is.\n",
         3,
         1,
         1,
         0,
         2,
         1,
         {"ANN|Good morning.", "BOB|Is it?", "ANN|It is."}},
        {"names without an empty line above",
         "fountain",
         "ACT I\n\nANN\nGood morning.\n\nBOB\nIs it?\nANN [Aside]\nIt is.\nBOB\nRight.\n\nANN\nBye!\n\nBOB\nBye.\n",
         6,
         0,
         1,
         0,
         2,
         1,
         {"ANN|Good morning.", "BOB|Is it?", "ANN|It is.", "BOB|Right."}},
        {"names in small letters on lines of their own",
         "screenplay",
         "Ann\nGood morning.\n\nBob\nIs it?\n\nAnn\nIt is.\nOr was.\n\nBob\nWas it?\n",
         4,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning.", "Bob|Is it?", "Ann|It is. Or was."}},
        {"Russian",
         "fountain",
         "ИНТ. ПРУД - ДЕНЬ\n\nАННА (ЗК)\nДоброе утро.\n\nБОРИС\nРазве?\n",
         2,
         0,
         1,
         0,
         2,
         1,
         {"АННА|Доброе утро.", "БОРИС|Разве?"}},
    };
    CHECK_ALL(list);
}

static void subtitles(void **state) {
    (void)state;
    static const example list[] = {
        {"names in round brackets",
         "subtitles",
         "1\n00:00:00,000 --> 00:00:01,000\n(ANN) Good morning, Bob.\n\n2\n00:00:02,000 --> 00:00:03,000\n(BOB) Is "
         "it?\n\n3\n00:00:04,000 --> 00:00:05,000\n(DOOR CREAKS)\n\n4\n00:00:06,000 --> 00:00:07,000\n<i>(ANN) It "
         "is.</i>\n(BOB) Fine.\n\n5\n00:00:08,000 --> 00:00:09,000\n(SIGHS) Look at him!\n\n6\n00:00:10,000 --> "
         "00:00:11,000\n(WAITER) Sir?\n\n",
         6,
         1,
         0,
         0,
         3,
         1,
         {"ANN|Good morning, Bob.", "BOB|Is it?", "ANN|It is.", "BOB|Fine.", "|Look at him!", "WAITER|Sir?"}},
        {"sounds are no names",
         "subtitles",
         "1\n00:00:00,000 --> 00:00:01,000\n(SIGHS) Well.\n\n2\n00:00:02,000 --> 00:00:03,000\n(LAUGHS) No.\n\n3\n00:00:04,000 "
         "--> 00:00:05,000\n(SIGHS) Yes.\n\n4\n00:00:06,000 --> 00:00:07,000\n(IN FRENCH) Hm.\n\n5\n00:00:08,000 --> "
         "00:00:09,000\n(SIGHS) Oh.\n\n6\n00:00:10,000 --> 00:00:11,000\n(LAUGHS) Bye.\n\n",
         6,
         0,
         0,
         0,
         0,
         1,
         {"|Well.", "|No."}},
        {"two languages on a screen",
         "subtitles",
         "1\n00:00:00,000 --> 00:00:01,000\nANN: Good morning.\nДоброе утро.\n\n2\n00:00:02,000 --> 00:00:03,000\nBOB: Is "
         "it?\nРазве?\n\n3\n00:00:04,000 --> 00:00:05,000\nANN: It is.\nДа, это так.\n\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"ANN|Good morning.", "BOB|Is it?", "ANN|It is."}},
        {"SRT",
         "subtitles",
         "1\r\n00:00:01,000 --> 00:00:02,000\r\n<i>ANN: Good morning,</i>\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nmy "
         "dear.\r\n\r\n3\r\n00:00:05,000 --> 00:00:06,000\r\n- BOB: Is it?\r\n- Yes!\r\n\r\n"
         "4\r\n00:00:07,000 --> 00:00:08,000\r\n[door closes]\r\n\r\n5\r\n00:00:09,000 --> 00:00:10,000\r\n\xe2\x99\xaa La la "
         "\xe2\x99\xaa\r\n",
         3,
         2,
         0,
         0,
         2,
         1,
         {"ANN|Good morning, my dear.", "BOB|Is it?", "|Yes!"}},
        {"VTT",
         "subtitles",
         "WEBVTT\n\nNOTE nothing\n\n1\n00:01.000 --> 00:02.000 align:left\n<v Ann>Good <b>morning</b></v>\n\n00:03.000 --> "
         "00:04.000\n<v.loud Bob Brown>Is it &amp; why?\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning", "Bob Brown|Is it & why?"}},
        {"ASS",
         "subtitles",
         "[Script Info]\nTitle: Pond\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, "
         "Text\n"
         "Dialogue: 0,0:00:01.00,0:00:02.00,Default,Ann,0,0,0,,Good {\\i1}morning{\\i0}\\NBob, dear.\nDialogue: "
         "0,0:00:02.00,0:00:03.00,Signs,,0,0,0,,POND\nDialogue: 0,0:00:03.00,0:00:04.00,Default,Bob,0,0,0,,{\\p1}m 0 0 l 1 "
         "1{\\p0}\n"
         "Comment: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,note\nDialogue: 0,0:00:05.00,0:00:06.00,OP-romaji,Ann,0,0,0,,la "
         "la\nDialogue: 0,0:00:07.00,0:00:08.00,Default,Opal,0,0,0,,Hm.\n",
         2,
         4,
         0,
         0,
         2,
         1,
         {"Ann|Good morning Bob, dear.", "Opal|Hm."}},
    };
    CHECK_ALL(list);
}

static void chats(void **state) {
    (void)state;
    static const example list[] = {
        {"a time zone",
         "chat",
         "[2024-03-12 10:15:00 UTC] ann: hi\n[2024-03-12 10:17:05 UTC] bob: ho\n[2024-03-12 10:19:09 UTC] ann: bye\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"ann|hi", "bob|ho", "ann|bye"}},
        {"deleted messages in other languages",
         "chat",
         "12.03.2024, 10:15 - Anna: Dzień dobry\n12.03.2024, 10:20 - Bob: Ta wiadomość została usunięta\n12.03.2024, 10:25 - "
         "Anna: Bu mesaj silindi\n12.03.2024, 10:30 - Bob: تم حذف هذه الرسالة\n12.03.2024, 10:35 - Anna: Hej\n",
         2,
         3,
         0,
         0,
         1,
         1,
         {"Anna|Dzień dobry", "Anna|Hej"}},
        {"who transcribed",
         "chat",
         "Ann  0:03\nGood morning, Bob.\n\nBob  0:10\nIs it?\n\nAnn  0:15\nIt is.\n\nTranscribed by https://otter.ai\n",
         3,
         1,
         0,
         0,
         2,
         1,
         {"Ann|Good morning, Bob.", "Bob|Is it?", "Ann|It is."}},
        {"WhatsApp of iOS",
         "chat",
         "[01/02/2024, 10:00:00] Pond: \xe2\x80\x8eMessages and calls are end-to-end encrypted.\r\n[01/02/2024, 10:00:05] Ann: "
         "Good morning\r\n[01/02/2024, 10:00:20] Ann: everybody\r\n[01/02/2024, 10:03:00] ~\xe2\x80\xaf"
         "Bob: Is it?\nI am\nnot sure: no.\n"
         "\xe2\x80\x8e[01/02/2024, 10:04:00] Ann: \xe2\x80\x8eimage omitted\n[01/02/2024, 20:04:00] Ann: Good night "
         "\xe2\x80\x8e<This message was edited>\n",
         3,
         2,
         0,
         0,
         2,
         2,
         {"Ann|Good morning everybody", "Bob|Is it? I am not sure: no.", "Ann|Good night"}},
        {"WhatsApp of Android, English",
         "chat",
         "1/2/24, 9:59 AM - Messages and calls are end-to-end encrypted.\n1/2/24, 10:00\xe2\x80\xaf"
         "AM - Ann: Hey\n1/2/24, 1:05\xe2\x80\xafPM - Bob: <Media omitted>\n1/2/24, 1:06 PM - Bob: Hello\n1/2/24, 1:07 PM - "
         "Ann left\n",
         2,
         3,
         0,
         0,
         2,
         1,
         {"Ann|Hey", "Bob|Hello"}},
        {"German",
         "chat",
         "06.08.16, 13:23 - Nachrichten sind verschl\xc3\xbcsselt.\n06.08.16, 13:23 - Bob: Hallo\n06.08.16, 13:25 - Ann: "
         "<Medien ausgeschlossen>\n06.08.16, 13:26 - Ann: Tag",
         2,
         2,
         0,
         0,
         2,
         1,
         {"Bob|Hallo", "Ann|Tag"}},
        {"French, Spanish, Russian, Japanese",
         "chat",
         "01/02/2024 \xc3\xa0 10:00 - Ann: Salut\n1/2/24 10:05 a.\xc2\xa0m. - Bob: Hola\n01.02.2024, 10:07 - Вера: "
         "Привет\n2024/02/01 10:09 - \xe5\xa4\xaa\xe9\x83\x8e: \xe3\x82\x84\xe3\x81\x82\n",
         4,
         0,
         0,
         0,
         4,
         1,
         {"Ann|Salut", "Bob|Hola", "Вера|Привет"}},
        {"KakaoTalk",
         "chat",
         "2024. 2. 1. \xec\x98\xa4\xec\xa0\x84 10:00, \xec\x95\x88\xeb\x82\x98 : \xec\x95\x88\xeb\x85\x95\n2024. 2. 1. "
         "\xec\x98\xa4\xed\x9b\x84 1:00, \xeb\xb0\xa5 : \xeb\x84\xa4\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"\xec\x95\x88\xeb\x82\x98|\xec\x95\x88\xeb\x85\x95"}},
        {"Telegram, copied",
         "chat",
         "Ann, [01.02.24 10:00]\nGood morning\n\nBob, [01.02.24 10:05]\nIs it?\nReally?\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Good morning", "Bob|Is it? Really?"}},
        {"Discord",
         "chat",
         "==============================\nGuild: Pond\nChannel: bread\n==============================\n\n[01/02/2024 10:00] "
         "ann\nGood morning\n\n[01/02/2024 10:05] bob\nIs it?\n\n{Reactions}\n\xf0\x9f\xa6\x86 (2)\n\n[01/02/2024 10:09] "
         "ann\nYes\n",
         3,
         2,
         0,
         0,
         2,
         1,
         {"ann|Good morning", "bob|Is it?", "ann|Yes"}},
        {"Discord with months and numbers",
         "chat",
         "[01-Jan-24 10:00 PM] ann#1234\nHi\nall\n\n[01-Jan-24 10:05 PM] bob#0001\nHo\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"ann|Hi all", "bob|Ho"}},
        {"Telegram as a page",
         "html",
         "<!DOCTYPE html><html><head><title>Exported Data</title></head><body><div class=\"history\"><div class=\"message "
         "service\"><div "
         "class=\"body details\">1 February 2024</div></div><div class=\"message default\"><div class=\"body\"><div "
         "class=\"pull_right "
         "date details\" title=\"x\">10:00</div><div class=\"from_name\">\nAnn &amp; Co </div><div class=\"media_wrap "
         "clearfix\"><div "
         "class=\"media\">Photo: none</div></div><div class=\"text\">\nHi <b>all</b><br>of you\n</div></div></div><div "
         "class=\"message "
         "default joined\"><div class=\"body\"><div class=\"text\">More</div></div></div><div class=\"message default\"><div "
         "class=\"body\"><div class=\"from_name\">Bob</div><div class=\"text\">Ho</div></div></div></div></body></html>",
         3,
         0,
         0,
         0,
         2,
         1,
         {"Ann & Co|Hi all of you", "Ann & Co|More", "Bob|Ho"}},
        {"an episode's data above its first scene (Star Trek)",
         "html",
         "<html><body><p><b>The Lamp</b><br>Stardate: 41153.7<br>Original Airdate: Sep 28, 1987</p><p>[Bridge]</p><p>ANN: "
         "Report.<br>(She turns.)<br>BOB "
         "[OC]: Nothing here.</p><p>[Sickbay]</p><p>ANN: Well?</p></body></html>",
         3,
         3,
         2,
         0,
         2,
         2,
         {"ANN|Report.", "BOB|Nothing here.", "ANN|Well?"}},
        {"IRC with clocks", "chat", "[10:00] <ann> hello\n[10:05] <bob> hi\n", 2, 0, 0, 0, 2, 1, {"ann|hello"}},
    };
    CHECK_ALL(list);
}

/* Published files that others have: the beginnings in their shapes, with other words. */
static void siblings(void **state) {
    (void)state;
    static const example list[] = {
        {"a wiki's table",
         "wiki",
         "{| class=\"wikitable\"\n! Speaker !! Line\n|-\n| style=\"x\" | '''Ann''' || Good morning, [[Bob Duck|Bob]].\n|-\n| "
         "'''Bob'''\n| Is it?\n|-\n| '''Ann''' || ''(softly)'' It is.\n|}\n",
         3,
         0,
         1,
         0,
         2,
         1,
         {"Ann|Good morning, Bob.", "Bob|Is it?", "Ann|It is."}},
        {"a wiki's templates",
         "wiki",
         "==Scene 1==\n{{L|Ann|Good morning, [[Bob Duck|Bob]].}}\n{{L|Bob|Is it?}}\n{{Desc|They swim.}}\n{{L|Ann|It is.}}\n",
         3,
         0,
         1,
         0,
         2,
         1,
         {"Ann|Good morning, Bob.", "Bob|Is it?", "Ann|It is."}},
        {"tiny Shakespeare",
         "dialogue",
         "First Duck:\nBefore we swim any further, hear me quack.\n\nAll:\nQuack, quack.\n\nFirst Duck:\nYou are all resolved "
         "rather to swim\nthan to fly?\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"First Duck|Before we swim any further, hear me quack.", "All|Quack, quack.",
          "First Duck|You are all resolved rather to swim than to fly?"}},
        {"a wiki",
         "dialogue",
         "== Scene 1 ==\n\n'''Ann''': Good morning.\n\n'''Bob:''' Is it?\n",
         2,
         0,
         1,
         0,
         2,
         1,
         {"Ann|Good morning.", "Bob|Is it?"}},
        {"an old play",
         "dialogue",
         "ACT I\n\nALGERNON. Did you hear what I was playing, Lane?\n\nLANE. I didn't think it polite to listen, "
         "sir.\n\nALGERNON. I'm sorry for that, for\nyour sake.\n",
         3,
         0,
         1,
         0,
         2,
         1,
         {"ALGERNON|Did you hear what I was playing, Lane?", "LANE|I didn't think it polite to listen, sir.",
          "ALGERNON|I'm sorry for that, for your sake."}},
        {"a knights' film",
         "dialogue",
         "SCENE 1: [wind]\n  [clop clop clop]\nKING:  Whoa there!\n  [clop clop clop]\nSOLDIER #1:  Halt!  Who goes "
         "there?\nKING:  It is I.\nSOLDIER #1:  Pull the other one!\n",
         4,
         1,
         1,
         0,
         2,
         1,
         {"KING|Whoa there!", "SOLDIER #1|Halt! Who goes there?"}},
        {"a web page",
         "html",
         "<!DOCTYPE html><html><head><title>Pond</title><script>x: y</script></head><body><h1>The Pond</h1><p><b>Ann:</b> "
         "Good&nbsp;morning &amp; hello.</p><p><b>Bob:</b> (yawning) Is it?<br>Really?</p><p>[They swim.]</p><p><b>Ann:</b> "
         "It&#39;s fine.</p></body></html>",
         3,
         2,
         0,
         0,
         2,
         1,
         {"Ann|Good morning & hello.", "Bob|Is it? Really?", "Ann|It's fine."}},
        {"Cornell without a header",
         "csv",
         "L1045\tu0\tm0\tBIANCA\tThey do not!\nL1044\tu2\tm0\tCAMERON\tThey do to!\nL985\tu0\tm0\tBIANCA\tI hope so.\n",
         3,
         0,
         0,
         0,
         2,
         1,
         {"BIANCA|They do not!"}},
        {"SillyTavern",
         "json",
         "{\"user_name\":\"You\",\"character_name\":\"Ann\",\"create_date\":\"x\"}\n{\"name\":\"Ann\",\"is_user\":false,"
         "\"mes\":\"*waves* Hi.\"}\n{\"name\":\"You\",\"is_user\":true,\"mes\":\"Ho.\"}\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Hi.", "You|Ho."}},
        {"LINE",
         "chat",
         "[LINE] Chat with Ann\nSaved on: 2024/02/01\n\n2024/02/01(Thu)\n10:00\tAnn\tHello "
         "there\n10:01\tBob\tHi\n10:02\tAnn\tHow are you today?\n",
         3,
         3,
         0,
         0,
         2,
         1,
         {"Ann|Hello there"}},
        {"Game of Thrones",
         "csv",
         "Release Date,Season,Episode,Episode Title,Name,Sentence\n2011-04-17,Season 1,Episode 1,Winter,waymar,What do you "
         "expect?\n2011-04-17,Season 1,Episode 1,Winter,will,I never seen a thing.\n2011-04-24,Season 1,Episode "
         "2,Road,will,\"One lot steals a goat, and so on.\"\n",
         3,
         0,
         0,
         0,
         2,
         2,
         {"waymar|What do you expect?"}},
        {"R with numbers in front, Latin text",
         "csv",
         "\"\",\"char\",\"dialog\",\"movie\"\n\"1\",\"DEAGOL\",\"Oh Smeagol\",\"King\"\n\"2\",\"SMEAGOL\",\"Pull it in! Go "
         "on\",\"King\"\n",
         2,
         0,
         0,
         0,
         2,
         1,
         {"DEAGOL|Oh Smeagol"}},
        {"Shakespeare as a table",
         "csv",
         "\"Dataline\",\"Play\",\"PlayerLinenumber\",\"ActSceneLine\",\"Player\",\"PlayerLine\"\n\"1\",\"Henry "
         "IV\",\"\",\"\",\"\",\"ACT I\"\n\"2\",\"Henry IV\",\"1\",\"1.1.1\",\"KING HENRY IV\",\"So shaken as we are, so wan "
         "with care,\"\n",
         2,
         0,
         0,
         0,
         1,
         1,
         {"|ACT I", "KING HENRY IV|So shaken as we are, so wan with care,"}},
    };
    CHECK_ALL(list);
}

static void data_sets(void **state) {
    (void)state;
    static const example list[] = {
        {"DailyDialog",
         "turns",
         "Hi , Jim . __eou__ Hello . __eou__ Bye . __eou__\nSay , Bob , no ? __eou__ No . __eou__\n",
         5,
         0,
         0,
         0,
         2,
         2,
         {"A|Hi , Jim .", "B|Hello .", "A|Bye .", "A|Say , Bob , no ?"}},
        {"PersonaChat as text",
         "turns",
         "1 your persona: i like cats.\n2 partner's persona: i sing.\n3 hi , how are you ?\tfine .\t\tno .|fine .\n4 good : "
         "really .\tyes .\t\tyes .|no .\n1 your persona: i dance.\n2 hello\they .\t\they .|no .\n",
         6,
         3,
         0,
         0,
         2,
         2,
         {"user|hi , how are you ?", "assistant|fine .", "user|good : really .", "assistant|yes .", "user|hello"}},
        {"Switchboard",
         "dialogue",
         "*x*\n\nA.1 utt1: {F Uh, } what do you like? /\n\nB.2 utt1: {D Well, } [ I, + I ] like ((most)) of them. /\nB.2 utt2: "
         "{F Uh, } I was -- /\n\nA.3 utt1: Uh-huh. <laughter> -/\n",
         4,
         1,
         0,
         0,
         2,
         1,
         {"A|Uh, what do you like?", "B|Well, I like most of them.", "B|Uh, I was --", "A|Uh-huh."}},
    };
    CHECK_ALL(list);
}

static void cornell(void **state) {
    (void)state;
    static const example list[] = {
        {"Cornell",
         "cornell",
         "L1045 +++$+++ u0 +++$+++ m0 +++$+++ BIANCA +++$+++ They do not!\nL1044 +++$+++ u2 +++$+++ m0 +++$+++ CAMERON +++$+++ "
         "They do to!\nL985 +++$+++ u0 +++$+++ m0 +++$+++ BIANCA +++$+++ I hope so.\n"
         "L10 +++$+++ u9 +++$+++ m1 +++$+++ ANN +++$+++ \n",
         3,
         1,
         0,
         0,
         2,
         2,
         {"BIANCA|I hope so.", "CAMERON|They do to!", "BIANCA|They do not!"}},
    };
    CHECK_ALL(list);
}

/* ---- archives, workbooks, folders, TEI ------------------------------------------------------------------------ */

typedef struct member {
    const char *name, *text;
    size_t n; /* bytes; 0: up to the NUL */
} member;

static void pack(const char *name, const member *m, size_t n) {
    char *path = us_path_join(folder, name);
    struct archive *a = archive_write_new();
    archive_write_set_format_zip(a);
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, m[i].name);
        size_t size = m[i].n ? m[i].n : strlen(m[i].text);
        archive_entry_set_size(e, (la_int64_t)size);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        assert_int_equal(archive_write_data(a, m[i].text, size), size);
        archive_entry_free(e);
    }
    archive_write_close(a);
    archive_write_free(a);
    free(path);
}

static us_script *open_path(const char *name) {
    us_script *s;
    us_error err;
    char *path = us_path_join(folder, name);
    assert_ok(us_script_load(NULL, (const char *const[]){path}, 1, &s, &err), &err);
    free(path);
    return s;
}

static void refuses(const char *name, const char *words) {
    us_script *s;
    us_error err = {0};
    char *path = us_path_join(folder, name);
    us_status st = us_script_load(NULL, (const char *const[]){path}, 1, &s, &err);
    if (!st || !strstr(err.message, words)) fail_msg("%s: expected '%s', got '%s'", name, words, st ? err.message : "a script");
    free(path);
}

static void archives(void **state) {
    (void)state;
    us_error err;
    char *packs = us_path_join(folder, "packs");
    assert_ok(us_dir_make(packs, &err), &err);
    free(packs);
    size_t n;
    pack("packs/pack.zip",
         (const member[]){{"S01E10.csv", "name,line\nAnn,Ten.\n"},
                          {"photo.png", "\x89PNG picture"},
                          {"notes/readme.md", "nothing to see\n"},
                          {"__MACOSX/._S01E10.csv", "x"},
                          {"S01E02.srt", "1\n00:00:01,000 --> 00:00:02,000\nBOB: Two.\n"}},
         5);
    us_script *s = open_path("packs/pack.zip");
    const us_source *src = us_script_get_sources(s, &n);
    assert_int_equal(n, 4);
    assert_string_equal(src[0].format, "csv");
    assert_null(src[1].format); /* passed over, and said so */
    assert_string_equal(src[1].about, "a picture");
    assert_null(src[2].format);
    assert_string_equal(src[3].format, "subtitles");
    assert_int_equal(us_script_get_counts(s)->lines, 2);
    const us_episode *e = us_script_get_episodes(s, &n);
    assert_int_equal(n, 2);
    assert_string_equal(e[1].name, "S01E02");
    us_script_free(s);
    s = open_path("packs"); /* the folder with all that is in it */
    assert_int_equal(us_script_get_counts(s)->lines, 2);
    us_script_free(s);
    pack("slack.zip", /* a chat's export has lists beside the messages */
         (const member[]){
             {"users.json", "[{\"id\": \"U1\", \"name\": \"ann\"}]"},
             {"channels.json", "[{\"name\": \"pond\", \"purpose\": {\"value\": \"ducks\", \"creator\": \"U1\"}}]"},
             {"pond/2024-01-05.json", "[{\"user\": \"ann\", \"text\": \"Hi\"}, {\"user\": \"bob\", \"text\": \"Ho\"}]"}},
         3);
    s = open_path("slack.zip");
    src = us_script_get_sources(s, &n);
    assert_int_equal(n, 3);
    assert_null(src[0].format);
    assert_string_equal(src[1].about, "no dialogue found in it");
    assert_int_equal(us_script_get_counts(s)->lines, 2);
    us_script_free(s);
    pack("letter.docx", (const member[]){{"word/document.xml", "<w/>"}}, 1);
    refuses("letter.docx", "a Word document: save it as plain text");
    char *letter = us_path_join(folder, "letter.docx"), *bytes;
    assert_ok(us_file_read(letter, 1 << 20, &bytes, &n, &err), &err);
    pack("beside.zip", (const member[]){{"lines.csv", "name,line\nAnn,Ten.\n"}, {"letter.docx", bytes, n}}, 2);
    s = open_path("beside.zip"); /* what is no script is passed over, and said */
    src = us_script_get_sources(s, &n);
    assert_int_equal(n, 2);
    assert_non_null(strstr(src[1].about, "a Word document"));
    assert_int_equal(us_script_get_counts(s)->lines, 1);
    us_script_free(s);
    free(letter);
    free(bytes);
    letter = us_path_join(folder, "packs/letter.docx");
    pack("packs/letter.docx", (const member[]){{"word/document.xml", "<w/>"}}, 1);
    s = open_path("packs");
    assert_int_equal(us_script_get_counts(s)->lines, 2);
    us_script_free(s);
    free(letter);
}

static void workbooks(void **state) {
    (void)state;
    size_t n, k;
    pack("book.xlsx",
         (const member[]){
             {"xl/workbook.xml", "<workbook/>"},
             {"xl/sharedStrings.xml",
              "<sst><si><t>Character</t></si><si><t>Line</t></si><si><r><t>Good \"mor</t></r><r><t>ning\", Bob&amp;Co\nand "
              "all</t></r><rPh><t>x</t></rPh></si><si><t>Ann</t></si></sst>"},
             {"xl/worksheets/sheet1.xml", "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" "
                                          "t=\"inlineStr\"><is><t>Notes</t></is></c></row></sheetData></worksheet>"},
             {"xl/worksheets/sheet2.xml",
              "<worksheet><sheetData><row r=\"1\"><c r=\"B1\" t=\"s\"><v>0</v></c><c r=\"D1\" t=\"s\"><v>1</v></c></row>"
              "<row r=\"2\"><c r=\"B2\" t=\"s\"><v>3</v></c><c r=\"D2\" t=\"s\"><v>2</v></c></row>"
              "<row r=\"5\"><c r=\"B5\" t=\"str\"><v>Bob</v></c><c r=\"D5\" t=\"inlineStr\"><is><t>Is "
              "it?</t></is></c></row></sheetData></worksheet>"}},
         4);
    us_script *s = open_path("book.xlsx");
    const us_line *l = us_script_get_lines(s, &n);
    const us_speaker *sp = us_script_get_speakers(s, &k);
    assert_int_equal(n, 2);
    assert_string_equal(l[0].text, "Good \"morning\", Bob&Co and all");
    assert_string_equal(sp[l[0].speaker].name, "Ann");
    assert_int_equal(l[1].row, 5);
    assert_string_equal(us_script_get_sources(s, &n)->about, "Excel workbook, 1 of 2 sheets");
    us_script_free(s);
    pack("merged.xlsx",
         (const member[]){{"xl/workbook.xml", "<workbook/>"},
                          {"xl/worksheets/sheet1.xml",
                           "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"str\"><v>Character</v></c><c r=\"B1\" "
                           "t=\"str\"><v>Line</v></c></row><row r=\"2\"><c r=\"A2\" t=\"str\"><v>Ann</v></c><c r=\"B2\" "
                           "t=\"str\"><v>Hi</v></c></row><row r=\"3\"><c r=\"A3\"/><c r=\"B3\" t=\"str\"><v>How are "
                           "you?</v></c></row><row r=\"4\"><c r=\"A4\"/><c r=\"B4\" t=\"str\"><v>It "
                           "rains.</v></c></row></sheetData><mergeCells><mergeCell ref=\"A2:A3\"/></mergeCells></worksheet>"}},
         2);
    s = open_path("merged.xlsx"); /* Ann says two lines, nobody the third */
    l = us_script_get_lines(s, &n);
    assert_int_equal(n, 3);
    assert_int_equal(l[1].speaker, l[0].speaker);
    assert_int_equal(l[2].speaker, US_SPEAKER_NONE);
    us_script_free(s);
}

static void tei(void **state) {
    (void)state;
    static const example list[] = {
        {"Bosak's Shakespeare",
         "tei",
         "<?xml version=\"1.0\"?><PLAY><TITLE>The Lamp</TITLE><PERSONAE><PERSONA>ANN, a "
         "keeper</PERSONA></PERSONAE><ACT><TITLE>ACT "
         "I</TITLE><SCENE><TITLE>SCENE I</TITLE><STAGEDIR>Enter ANN</STAGEDIR><SPEECH><SPEAKER>ANN</SPEAKER><LINE>Good "
         "morning,</LINE><LINE>all.</LINE></SPEECH><SPEECH><SPEAKER>ANN</SPEAKER><SPEAKER>BOB</SPEAKER><LINE>Hail!</LINE></"
         "SPEECH>"
         "</SCENE><SCENE><SPEECH><SPEAKER>BOB</SPEAKER><LINE>Ho.</LINE></SPEECH></SCENE></ACT></PLAY>",
         3,
         1,
         0,
         0,
         3,
         2,
         {"ANN|Good morning, all.", "ANN, BOB|Hail!", "BOB|Ho."}},
        {"TEI",
         "tei",
         "<?xml version=\"1.0\"?>\n<TEI xmlns=\"http://www.tei-c.org/ns/1.0\"><teiHeader><listPerson><person "
         "xml:id=\"ann\"><persName>Anna Duck</persName><persName>Ann</persName></person>"
         "<person "
         "xml:id=\"bob\"><persName>Bob</persName></person></listPerson></teiHeader><text><front><castList><castItem>Anna</"
         "castItem></castList></front><body><div type=\"act\"><head>I</head>"
         "<div type=\"scene\"><stage>A pond.</stage><sp who=\"#ann\"><speaker>ANNA.</speaker><stage>leise</stage><p>Guten "
         "Morgen,<lb/>Bob.<note>a note</note></p></sp>"
         "<sp who=\"#ann #bob\"><speaker>BEIDE</speaker><l>Ja &amp; nein,</l><l>doch.</l></sp></div><div type=\"scene\"><sp "
         "who=\"#bob\"><speaker>BOB</speaker><p>Hm.</p></sp>"
         "<sp><speaker>Carl.</speaker><p>So.</p></sp></div></div></body></text></TEI>\n",
         4,
         1,
         0,
         0,
         4,
         2,
         {"Anna Duck|Guten Morgen, Bob.", "Anna Duck, Bob|Ja & nein, doch.", "Bob|Hm.", "Carl|So."}}};
    CHECK_ALL(list);
    const char *bomb = "<?xml version=\"1.0\"?><!DOCTYPE TEI [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]><TEI><sp "
                       "who=\"x\"><p>&b;</p></sp></TEI>";
    us_script *s;
    us_error err;
    assert_int_equal(load("bomb.xml", bomb, strlen(bomb), NULL, &s, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "declares the entity 'a'"));
    char *path = us_path_join(folder, "bomb.xml");
    unlink(path);
    free(path);
}

static void other_programs_formats(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *words;
    } files[] = {{"INSERT INTO `lines` (`speaker`,`text`) VALUES\n('Ann','Hi'),\n('Bob','Ho');\n", "an SQL dump"},
                 {"- speaker: Ann\n  text: Hi, Bob\n- speaker: Bob\n  text: Ho\n", "YAML: make JSON of it"},
                 {"define a = Character(\"Ann\")\nlabel start:\n    a \"Hi, Bob\"\n    b \"Ho\"\n", "Ren'Py"},
                 {"<?xml version=\"1.0\"?><r><a>Ann: Hi</a><a>Bob: Ho</a><a>Ann: x</a></r>", "XML without speeches"},
                 {"%PDF-1.4 something", "pdftotext"},
                 {"SQLite format 3", "sqlite3"},
                 {"PAR1 columns", "to_csv"},
                 {"{\\rtf1 hello}", "plain text"},
                 {"u0 +++$+++ u2 +++$+++ m0 +++$+++ ['L194', 'L195']\nu0 +++$+++ u2 +++$+++ m0 +++$+++ ['L1', 'L2']\n",
                  "movie_lines.txt"},
                 {"# a remark\n\nkey one\n\n# a remark\n\nkey two\n\n# a remark\n\nkey three\n", "no dialogue"},
                 {"just a note\nwithout anybody in it\nthat speaks\n", "no dialogue"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        us_script *s;
        us_error err = {0};
        us_status st = load("other", files[i].bytes, strlen(files[i].bytes), NULL, &s, &err);
        if (!st || !strstr(err.message, files[i].words)) fail_msg("expected '%s', got '%s'", files[i].words, err.message);
    }
}

static void directions_leave_nothing_behind(void **state) {
    (void)state;
    static const example list[] = {
        {"directions",
         "csv",
         "character,line\nAnn,(softly). Come in now.\nBob,\"[laughs], no way.\"\nAnn,He had 20 [thousand] ducks.\nAnn,\"Yes "
         "(nods), I do.\"\nAnn,*smiles* Hello there.\nAnn,I *really* mean it.\n",
         6,
         0,
         0,
         0,
         2,
         1,
         {"Ann|Come in now.", "Bob|no way.", "Ann|He had 20 thousand ducks.", "Ann|Yes, I do.", "Ann|Hello there.",
          "Ann|I *really* mean it."}},
        {"more",
         "csv",
         "character,line\nAnn,\"I'm sad :( but it is ok :)\"\nAnn,duck(s) at (555) 1234\nAnn,[T]he duck told [Bob] to "
         "go.\nAnn,Wow! (laughs). Come in.\nBob,(laughs) - no way\nBob,He left (for the (old) pond) today.\n",
         6,
         0,
         0,
         0,
         2,
         1,
         {"Ann|I'm sad :( but it is ok :)", "Ann|duck(s) at (555) 1234", "Ann|The duck told Bob to go.", "Ann|Wow! Come in.",
          "Bob|no way", "Bob|He left today."}},
        {"full width and marks",
         "csv",
         "character,line\n安娜,（笑）早上好。\n鲍勃,【旁白】下雨了。\nAnn,<i>Good</i> morning\nBob,{\\an8}Hello\nBob,(waves)\n",
         4,
         1,
         0,
         0,
         4,
         1,
         {"安娜|早上好。", "鲍勃|下雨了。", "Ann|Good morning", "Bob|Hello"}}};
    CHECK_ALL(list);
}

static void damage_is_judged(void **state) {
    (void)state;
    us_script *s;
    us_error err;
    us_buf b;
    us_buf_init(&b, 1 << 20);
    assert_int_equal(us_buf_append_str(&b, "name,line\n", NULL), US_OK);
    for (int i = 0; i < 100; i++) assert_int_equal(us_buf_appendf(&b, NULL, i < 25 ? "Ann,a, %d\n" : "Bob,b %d\n", i), US_OK);
    assert_ok(load("d.csv", b.data, b.len, NULL, &s, &err), &err);
    assert_int_equal(us_script_check_damage(s, &err), US_ERR_FORMAT); /* a quarter of the rows has commas too many */
    assert_non_null(strstr(err.message, "25 of 100 rows had to be repaired by the rule 'fields'"));
    assert_non_null(strstr(err.message, "d.csv:4"));
    us_script_free(s);
    us_buf_clear(&b);
    assert_int_equal(us_buf_append_str(&b, "{\"name\": \"Ann\", \"line\": \"Hi\"}\n", NULL), US_OK);
    for (int i = 0; i < 400; i++)
        assert_int_equal(us_buf_append_str(&b, i % 19 ? "{\"name\": \"Bob\", \"line\": \"Ho\"}\n" : "{\"name\": Bob]\n", NULL),
                         US_OK);
    assert_ok(load("d.csv", b.data, b.len, NULL, &s, &err), &err);
    assert_int_equal(us_script_get_counts(s)->rejected, 22);
    assert_int_equal(us_script_check_damage(s, &err), US_ERR_FORMAT);
    us_script_free(s);
    assert_ok(load("d.csv", "name,line\nAnn,(hm) Hi\nBob, Ho\nAnn,  (eh)  Ha\n", 43, NULL, &s, &err),
              &err); /* directions and blanks are no damage */
    assert_ok(us_script_check_damage(s, &err), &err);
    us_script_free(s);
    us_buf_fini(&b);
}

/* What is over a bound is rejected as that: it may be JSON as good as any. */
static void bounds_are_said(void **state) {
    (void)state;
    us_script *s;
    us_error err;
    us_buf b;
    size_t n;
    us_buf_init(&b, 4 << 20);
    assert_ok(us_buf_append_str(&b, "{\"a\": 1", &err), &err);
    for (int i = 0; i < 100000; i++) assert_ok(us_buf_append_str(&b, ", \"a\": 1", &err), &err);
    assert_ok(us_buf_append_str(&b, "}\n{\"name\": \"Ann\", \"line\": \"Hi\"}\n", &err), &err);
    assert_ok(load("d.json", b.data, b.len, NULL, &s, &err), &err);
    assert_int_equal(us_script_get_counts(s)->lines, 1);
    assert_string_equal(us_script_get_repairs(s, &n)->after, "an object of more than 100000 members");
    assert_int_equal(n, 1);
    us_script_free(s);
    static const char *const texts[][3] = {
        /* one line that is too long is left out, and the rest is read */
        {"Ann: Hi.\nBob: Ho.\nAnn: ", "\nBob: Bye.\n", "a speech of more bytes than a cell may have"},
        {"[01/02/2024, 10:00:00] Ann: Hi.\n[01/02/2024, 10:05:00] Bob: Ho.\n[01/02/2024, 10:10:00] Ann: ",
         "\n[01/02/2024, 10:15:00] Bob: Bye.\n", "a message of more bytes than a cell may have"},
        {"{0}{50}ANN: Hi\n{60}{80}BOB: Ho\n{90}{100}ANN: ", "\n{110}{120}BOB: Bye\n",
         "a speech of more bytes than a cell may have"},
        {"<TEI xmlns=\"http://www.tei-c.org/ns/1.0\"><text><body><div><sp><speaker>Ann</speaker><p>Hi</p></sp>\n"
         "<sp><speaker>Bob</speaker><p>Ho</p></sp>\n<sp><speaker>Ann</speaker><p>",
         "</p></sp>\n<sp><speaker>Bob</speaker><p>Bye</p></sp></div></body></text></TEI>",
         "a speech of more bytes than a cell may have"},
        {"{\"name\": \"Ann\", \"line\": \"Hi\"}\n{\"name\": \"Bob\", \"line\": \"Ho\"}\n{\"name\": \"Ann\", \"line\": \"",
         "\"}\n{\"name\": \"Bob\", \"line\": \"Bye\"}\n", "a text of more than 1048576 bytes"}};
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        us_buf_clear(&b);
        assert_ok(us_buf_append_str(&b, texts[k][0], &err), &err);
        for (int i = 0; i < (1 << 20) / 16; i++) assert_ok(us_buf_append_str(&b, "a duck, a goose, ", &err), &err);
        assert_ok(us_buf_append_str(&b, texts[k][1], &err), &err);
        assert_ok(load("d.txt", b.data, b.len, NULL, &s, &err), &err);
        assert_int_equal(us_script_get_counts(s)->lines, 3);
        const us_repair *rejected = us_script_get_repairs(s, &n);
        while (n && !rejected->rejected) rejected++, n--;
        assert_true(n > 0);
        assert_string_equal(rejected->after, texts[k][2]);
        assert_int_equal(rejected->row, 3);
        us_script_free(s);
    }
    us_buf_fini(&b);
}

static void names_match_and_are_suggested(void **state) {
    (void)state;
    us_script *s;
    us_error err;
    us_alias *a;
    uint32_t *none, i;
    size_t n, k;
    const char *text =
        "name,line\nVERNON,Boy!\nVERNON,Go!\nUNCLE VERNON,No.\nERIK,Sing.\nERIK,Again.\nERIK (Phantom),Sing!\nold man,So.\nold "
        "man,Hm.\nold nan,Dear.\nNarrator,It rained.\nGeller,Hi\nMonica Geller,Hi.\nMonica Geller,Ho.\n";
    const char *const gone[] = {"narrator "};
    assert_ok(load("n.csv", text, strlen(text), NULL, &s, &err), &err);
    const us_speaker *sp = us_script_get_speakers(s, &k);
    assert_ok(us_script_suggest_aliases(s, &a, &n, &err), &err);
    static const char *const want[][3] = {
        {"UNCLE VERNON", "VERNON", "title"}, {"ERIK (Phantom)", "ERIK", "role"}, {"Geller", "Monica Geller", "last name"}};
    assert_int_equal(n, 3);
    for (size_t w = 0; w < 3; w++) {
        bool found = false;
        for (size_t x = 0; x < n; x++)
            found = found || (!strcmp(sp[a[x].from].name, want[w][0]) && !strcmp(sp[a[x].to].name, want[w][1]) &&
                              !strcmp(a[x].reason, want[w][2]));
        if (!found) fail_msg("'%s' would not join '%s'", want[w][0], want[w][1]);
    }
    free(a);
    assert_ok(us_script_suggest_exclusions(s, &none, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_string_equal(sp[none[0]].name, "Narrator");
    free(none);
    assert_ok(us_script_find_speaker(s, "unclevernon ", &i, &err), &err);
    assert_string_equal(sp[i].name, "UNCLE VERNON");
    us_script_free(s);
    assert_ok(load("n.csv", text, strlen(text),
                   &(us_script_options){.exclude = gone, .n_exclude = 1, .speaker_column = " NAME", .text_column = "2"}, &s,
                   &err),
              &err);
    assert_int_equal(us_script_get_counts(s)->actions, 1);
    us_script_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),
        cmocka_unit_test(json),
        cmocka_unit_test(plain_text),
        cmocka_unit_test(screenplays),
        cmocka_unit_test(subtitles),
        cmocka_unit_test(chats),
        cmocka_unit_test(data_sets),
        cmocka_unit_test(cornell),
        cmocka_unit_test(siblings),
        cmocka_unit_test(tei),
        cmocka_unit_test(other_programs_formats),
        cmocka_unit_test(directions_leave_nothing_behind),
        cmocka_unit_test(damage_is_judged),
        cmocka_unit_test(bounds_are_said),
        cmocka_unit_test(names_match_and_are_suggested),
        cmocka_unit_test(workbooks),
        cmocka_unit_test(archives),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
