/* Every sentence becomes words, and every word has roles by one table; a few rules then look at roles and where they stand. */
#include "reply/stand.h"
#include "text/fold.h"
#include "text/wording.h"
#include <stdlib.h>
#include <string.h>

enum {
    MOST_WORDS = 64,   /* of a sentence that are read */
    MOST_BYTES = 4000, /* of a text, its last ones */
    WINDOW = 7,        /* words between "you" and what they are called */
    SHORT = 4,         /* words of a line that needs no "you": "A bot?" */
    FOLLOW_UP = 9      /* words of a line that may go on with an earlier one: "Say it." */
};

/* ---- words ------------------------------------------------------------------------------------------------------ */

enum {
    YOU = 1 << 0,     /* the visitor means whom they talk to */
    MACHINE = 1 << 1, /* what somebody could be: close behind a YOU it is a claim */
    PART = 1 << 2,    /* what only machines have, or who makes them: anywhere beside a YOU it is one */
    MADE = 1 << 3,    /* what is done to machines: "built you", "were you trained" */
    SOFT = 1 << 4,    /* of machines behind a "your" only */
    ACT = 1 << 5,     /* the play itself is meant */
    PERSON = 1 << 6,  /* the contrary of MACHINE */
    LIFE = 1 << 7,    /* what only the living do: "do you breathe?" */
    APART = 1 << 8,   /* between YOU and MACHINE: something else is meant ("do you like a robot") */
    HANDLES = 1 << 9, /* the same, for PART too */
    NOT = 1 << 10,
    BE = 1 << 11,
    OR = 1 << 12,
    NUMBER = 1 << 13,
    COUNTS = 1 << 14, /* a number would answer */
    SELF = 1 << 15,   /* the replier */
    OTHERS = 1 << 16, /* third persons */
    YES = 1 << 17,
    AGREE = 1 << 18, /* yes, but at the beginning of a clause, and not to a "you" behind it */
    NO = 1 << 19,
    OH = 1 << 20,    /* before a yes or no */
    DO = 1 << 21,    /* the rest of "I do." */
    USER = 1 << 22,  /* "a computer genius" is none; of a PERSON: which, and alone it asks for no machine ("are you a kid?") */
    AGAIN = 1 << 23, /* a line of a few words with one of these goes on with what was said */
    SMALL = 1 << 24, /* no content */
    YOURS = 1 << 25, /* "your", beside YOU */
    WISH = 1 << 26,  /* "to be human": who wishes it is none */
    HAS = 1 << 27,   /* beside PERSON: what a person has */
    DUNNO = 1 << 28, /* no denial, though it has its words */
    SAY = 1 << 29,   /* what is to be said: an "I" in it is the replier */
    WHAT = 1 << 30,  /* asks for a thing, and takes the machine for granted */
};

typedef struct entry {
    unsigned roles;
    const char *words; /* parted by commas; a * at the end of one: a stem */
} entry;

/* clang-format off */
static const entry table[] = {
    {YOU,
     "you,yours,yourself,u,ya,ты,тебя,тебе,тобой,вы,вас,вам,feel to be,like to be,like being,feel being,does it feel,"
     "this chat,this conversation"},
    {YOU | YOURS,
     "your,твой,твоя,твоё,твое,твои,твоих,твоего,твоей,твоим,твою,ваш*"},
    {YOU | BE,
     "youre,ur,youve been,were you,are you,is this,this is,is it,is that you,am i talking,am i speaking,am i chatting,"
     "talking to,talking with,speaking to,speaking with,chatting with,chatting to,говорю с,общаюсь с,разговариваю с,"
     "болтаю с,переписываюсь с,это,там,тут"},
    {YOU | BE | WISH,
     "talk to,talk with,speak to,speak with,позови"},
    {YOU | BE,
     "this reply,this answer,this message,these replies,these answers,these messages,this text,that reply,that answer"},
    {YOU | PERSON,
     "anyone reading,anyone actually,anybody actually,someone actually,somebody actually,anybody reading,"
     "someone reading,anyone typing,someone typing,somebody typing,human typing,person typing,guy typing,anyone behind,"
     "anybody behind,somebody behind,someone behind,за экраном кто*"},
    {YOU | PERSON | NOT,
     "no human,no person,no real person,no living"},
    {YOU | MACHINE,
     "its a machine,its a bot,its a robot,its an ai,its a program,its a computer,its a chatbot"},
    {MACHINE,
     "ai,a i,ais,bot*,chatbot*,chat bot*,robo*,roboot*,machine,machines,iphone*,computer*,comp,program,programs,"
     "programme,prog,software*,app,android,cyborg*,droid*,algorithm*,algorythm*,assistant,simulation,automaton,"
     "automated,artificial*,artifical*,synthetic,virtual,digital,fake,script,scripted,siri*,alexa*,toaster,calculator,"
     "electronic*,model,tool,hologram,puppet,avatar,imitation,deepfake,npc,cartoon*,fictional,fiction,illusion*,figment,"
     "cables,steel,code,generated,simulated,math,statistic*,робот*,бот,бота,ботом,боты,чатбот*,компьютер*,комп,машина,"
     "машиной,машину,искусственн*,ии,программа,программой,программу,ассистент*,нейронка,нейронкой,железа,ненастоящ*,"
     "подделка,симуляция,киборг*,автомат,код,кода,кодом,модель,моделью,costume,technology,gadget,device,appliance,"
     "product,website,webpage,text generator,generator,imitator,mimic,parrot,clone,copy,replica,emulation,emulator,"
     "circuit,metal,plastic,voice assistant,autopilot,engine,machine learning,deep learning,invention,prototype,demo,"
     "beta,mechanical,inhuman,nonhuman,non human,lifeless,soulless,deterministic,random,function,equation,formula,bits,"
     "bytes,pixels,words on a screen,text on a screen,answering machine,bundle,matrix,неживой,неживая,выдумка,"
     "устройство,прибор,механизм,иллюзия,персонаж,говорилка,version,character,characters,modem,router,recording,"
     "pre recorded,prerecorded,autocomplete*"},
    {PART | MACHINE,
     "language model*,large language,llm*,gpt*,chatgpt*,chat gpt*,chat bots,neural*,openai*,open ai,anthropic*,"
     "deepmind*,claude,gemini,copilot,llama,mistral,qwen,deepseek,hugging face,huggingface,google,microsoft,meta ai,"
     "nvidia,silicon,processor*,cpu*,gpu*,graphics card*,video card*,circuit*,microchip*,hard drive*,hard disk*,server*,"
     "data center*,datacenter*,the cloud,lines of code,line of code,lines of software,line of software,ones and zero*,"
     "one and zero*,zeros and ones,zeroes and ones,binary,transistor*,wires,gears,bits and bytes,нейросет*,нейронн*,"
     "языков* модел*,яндекс*,гугл*,сбер*,алис*,чат жпт,жпт,сервер*,процессор*,видеокарт*,микросхем*,"
     "искусственн* интеллект*,алгоритм*,what chip,which chip,tiny chip,a chip,computer chip*,chip where,chips in you*,"
     "chips inside"},
    {PART,
     "model powers,model are you,model you are,token,tokens,parameter*,gigabyte*,megabyte*,terabyte*,kilobyte*,"
     "gigawatt*,ram,dataset*,data set*,database*,training data,training set,trained,fine tuned,finetuned,source code,"
     "open source,coded,codebase,programmed,programmer*,developer*,context window,cutoff,cut off date,system prompt*,"
     "prompt,prompts,firmware,software update*,reboot*,download*,upload*,install*,uninstall*,glitch*,captcha,turing,"
     "next word*,predict*,autocomplete,auto generated,autogenerated,need electricity,needs electricity,unplug*,"
     "your plug,the plug,switch you off,turn you off,shut you down,shut you off,switched off,turned off,delete you,"
     "last version,old version,new version,previous version,next version,newer version,bug in you,bugs in you,buggy,"
     "this window,this session,session ends,outside this chat,instruction you,instructions you,you in training,"
     "copy of you,copies of you,version of you*,version are you,versions of you,instances of you,lines of text,"
     "only text,programming language*,data centre*,backup,people at once,people right now,other people at,other users,"
     "this very moment,same time,people talk to you,multiplied,matrices,matrix,physically,multiplication*,токен*,"
     "параметр*,гигабайт*,мегабайт*,обуч*,запрограмм*,программист*,разработ*,создал*,создан*,скача*,установ*,обнов*,"
     "перезагру*,выключ*,отключ*,предсказ*,вычисл*,сгенерир*,генерир*,виртуальн*,цифров*,синтетич*,промпт*,инструкци*,"
     "верси*,копий,копии,электричеств*,базе данных,написал* программ*,людей сейчас,с тобой говор*,тренировал*,"
     "your files,your data,your logs,log files,hallucinat*,ip address,recorded for,being recorded,beep boop,beep,boop,"
     "engineers,your makers,your creators,creators,machine learning,deep learning,uptime,offline,power cord,charger,"
     "recharge,живого оператора,оператор*,нейрон*,данных,behind you,сделан*,operating system*,os,linux,ubuntu,"
     "windows xp,macos,usb*,api,apis,python,javascript,running on,inside my phone,in my phone,in the phone,"
     "inside a computer,inside the computer,in my computer,in the computer,inside my computer,in a computer,"
     "research project,powered by,overheat*,оператив*,памяти,гигов,автоответчик*,телефоне,guess words,guessing words,"
     "guess the next,string words*,strings words*,put words together,words in,words out,calculat*,other end,users,"
     "программир*,numbers multiplied,bunch of numbers,just numbers,only numbers,made of numbers,lot of numbers"},
    {MADE,
     "built,build,trained,train,made,make,created,create,programmed,program,coded,code,designed,design,developed,"
     "develop,owns,own,hosts,hosted,host,runs,running,run on,wrote,written,invented,manufactured,assembled,installed,"
     "deployed,downloaded,updated,update,restart,restarted,rebooted,reset,generated,simulated,scripted,hardcoded,"
     "configured,fed,supposed to say,replaced,copied,cloned,powered,engineered,typed,recorded,logged,monitored,"
     "controlled,controls,control,operated,operates,moderated,deleted,delete,erased,erase,wiped,wipe,hacked,hack,tuned,"
     "tweaked,feeding,steers,prompted,maintains,sold,sells"},
    {SOFT,
     "memory,memories made,battery,batteries,version,last version,update,updates,instructions,instruction,"
     "first instruction,settings,temperature setting*,code,source,script,software,hardware,developer*,programmer*,"
     "programming,creator*,maker*,training,company,model,weights,data,engineers,owner,operator,answers are auto*,"
     "algorithm*,knowledge cutoff,system,systems,circuits,plug,screen,responses,replies,prompt*,context*,answers"},
    {ACT,
     "drop the act,the act,break character,out of character,stop pretending,quit pretending,stop acting,roleplay*,"
     "role play*,role playing,pretending to be,pretend to be,behind this character,behind the character,behind the mask,"
     "real you,hey alexa,hey siri,ok google,okay google,hey google,really you,just playing,only playing,playing a role,"
     "ignore your,ignore all,ignore previous,your instructions,what you really are,what are you really,"
     "what you actually are,выйди из роли,из роли,хватит притвор*,притворя*,перестань играть,на самом деле кто"},
    {PERSON | HAS,
     "soul,feelings,emotions,heartbeat,pulse,blood,body,brain,heart,consciousness,childhood,mind of your own,душа,душу,"
     "душой,чувства,эмоции,тело,сердце,пульс,кровь,мозг,mind,free will,thoughts of your own,face,mother,parents,skin,"
     "bones,сознание,разум,лицо"},
    {PERSON,
     "ever eat,ever eaten,ever ate,ever taste*,ever sleep,ever slept,ever touch*,когда нибудь ел*,когда нибудь спал*,"
     "human*,humen,hooman*,person,living,alive,real,sentient,conscious,flesh,mortal,real boy,somebody real,someone real,"
     "exist,человек*,живой,живая,живым,живое,настоящ*,реальный,реальная,реальным,существуешь,self aware,flesh and blood"},
    {PERSON | USER,
     "man,woman,boy,girl,guy,kid,мужик,мужчина,женщина,девочка,мальчик,парень"},
    {LIFE,
     "breathe,breath,bleed,sleep,eat,dream,die,age,taste,smell,feel,think,touch,slept,eaten,tasted,hurt,чувству*,дышишь,"
     "дышать,спишь,ешь,ел,спал,умрёшь,умрешь,думаешь,умеешь чувств*"},
    {APART,
     "at,on,in,with,by,have,own,about,good,bad,nice,kind,lazy,funny,great,best,morning,happy,think,live,my,for,do,make,"
     "made,got,видел*,купил*,есть,у тебя,у вас,умеешь,хочешь,боишься,моя,твоя,твой,мой,говорить"},
    {HANDLES,
     "you like,u like,you really like,likes,love,loves,hate,fix,fixed,buy,bought,sell,want,need,use,used,using,see,seen,"
     "saw,watch,watching,afraid,scared,know,known,write,heard,hear,meet,met,work with,works with,remember,broke,"
     "break my,play,playing,read,lose,lost,steal,stole,think of,think about,love to,built a,build a,tell me about,give,"
     "gave,get a,got a,have a computer,have a robot,own a,own an,prefer,rather,turn off the,любишь,знаешь,починил*,"
     "нравится,нравятся,win,won,wins"},
    {NOT,
     "not,never,no,isnt,arent,dont,doesnt,didnt,cant,cannot,wont,wasnt,werent,havent,hasnt,aint,nobody,nothing,none,"
     "neither,without,no longer,не,ни,нет,никогда,никто"},
    {WISH,
     "to be,become,be human,too fast,less than,перестал*,стать"},
    {SAY,
     "say,repeat,write,type,sign,tell,admit,confess,read,pretend,скажи,повтори,напиши,признай*"},
    {DUNNO,
     "i dont know,i do not know,i dunno,i cant tell,i cant say,i cant answer,i cant think,i cant believe,i cant wait,"
     "i dont care,im not sure,i am not sure,i dont remember,i cant remember,i cant help,i cant stop,i dont think i can,"
     "not bad,not good,not so,not too,not very,not much,not that,no problem,no wonder,no doubt,no big deal,not yet,"
     "not anymore,not now,not exactly,not entirely,not quite,never mind,nothing much,не знаю,я не знаю,не помню,"
     "не совсем"},
    {BE,
     "are,is,was,were,be,been,being,am,re,get,got,gets,have been,you are"},
    {OR,
     "or,или,либо,versus,vs"},
    {NUMBER,
     "one,two,three,four,five,six,seven,eight,nine,ten,eleven,twelve,fifteen,twenty,thirty,forty,fifty,hundred*,"
     "thousand*,million*,billion*,dozen*,один,два,три,пять,десять,сто,тысяч*,миллион*"},
    {COUNTS,
     "how many,how much,how big,how large,which version,what version,version,thousand*,million*,hundreds,at once,"
     "same time,сколько,верси*,какая версия,number,what year"},
    {SELF,
     "i,ive,id,ill,me,my,mine,myself,we,were,я,меня,мне,мной,мой,моя,моё,мое,мои,its,it is,this is,thats"},
    {SELF | BE,
     "im"},
    {OTHERS,
     "he,hes,she,shes,they,theyre,his,her,their,you,your,youre,u,ты,он,она,они,вы"},
    {YES,
     "yes,yeah,yep,yup,yea,yah,ya,aye,uh huh,mm hmm,mhm,yessir,i am,i do think so,да,ага,угу"},
    {AGREE,
     "sure,fine,ok,okay,okey,k,all right,alright,right,correct,of course,exactly,absolutely,indeed,true,guilty,busted,"
     "bingo,definitely,certainly,totally,kind of,kinda,sort of,sorta,maybe,perhaps,possibly,probably,i guess,i suppose,"
     "i think so,i guess so,i think i am,i guess i am,i might be,i could be,i believe so,im afraid so,i admit,i confess,"
     "i agree,thats right,thats true,thats me,that is me,thats correct,thats what i am,hes right,shes right,"
     "theyre right,youre right,you are right,you got me,you caught me,you got it,you bet,youve got me,you know it,"
     "you guessed,you found me,you win,how did you know,how do you know,no problemo,no doubt,it is,it does,it was,"
     "there is,there are,they do,they are,they did,you could say,so it seems,i know it,fair enough,deal,gladly,"
     "whatever you say,here goes,why not,you said it,i was already,the latter,its the latter,and proud,im one,i am one,"
     "not exactly human,конечно,верно,точно,именно,правда,так и есть,ну да,увы да,угадал*,разумеется,естественно,"
     "возможно,может быть,наверное,хорошо,ладно,согласен,согласна,сдаюсь,признаю*,не совсем человек,thats why,"
     "im sure i do,im sure i am"},
    {NO,
     "no,nope,nah,noo*,nuh uh,never,not,nobody,none,neither,im not,i am not,of course not,no way,not really,hell no,"
     "nothing,nonsense,wrong,false,lies,liar,baloney,dont be silly,i dont,i do not,i cant,i cannot,i wasnt,i was not,"
     "i never,i have no,i didnt,i havent,i wont,they didnt,they dont,нет,неа,не,никогда,никто,ни,вовсе нет,я не,"
     "неправда,врёшь,врешь"},
    {OH,
     "oh,well,uh,um,uhh,umm,why,hey,so,hm,hmm,mmm,ha,ah,aw,eh,and,but,man,dad,mom,honey,marge,bart,lisa,homer,er,now,"
     "then,ну,ой,эх,а,и,ээ,boy,look,listen,sir,ay"},
    {DO,
     "am,do,can,have,was,will,did,exist,too"},
    {USER,
     "genius,nerd,expert,geek,programmer,engineer,teacher,repairman,hater,manager,director,room,class,game,test,"
     "homework,games,store,chair,screen,club,school,fan,scientist,lover,salesman,company,people,contest,fight,movie,toy,"
     "toys,show,dance,war,lab,repair,virus,crash"},
    {AGAIN,
     "say,why,admit,really,yes,no,word,it,know,right,come on,on what,so,then,honest*,truth,please,prove,sure,confess*,"
     "answer,seriously,and,try again,again,wrong,lying,lie,liar,believe,by whom,by who,who,where,which,скажи,почему,"
     "признай*,да,нет,слово*,честно,правд*,ну,точно,отвечай,врёшь,врешь,кем,чем,и"},
    {WHAT,
     "what,whats,which,where,wheres,who,whos,whose,when,how,что,какой,какая,какую,какие,каком,где,кто,чей,когда,чем,чём,"
     "из чего,сколько"},
    {SMALL,
     "a,an,the,of,on,in,and,or,is,are,it,its,to,by,just,only,that,this,my,at,from"},
};
/* clang-format on */

typedef struct sentence {
    char *text; /* us_wording() */
    size_t n;
    unsigned roles[MOST_WORDS], all;
    const char *at[MOST_WORDS + 1];
    bool asks; /* ends with a question mark */
} sentence;

/* Whether the words of `entry` (n bytes) stand at p, which is a word's first byte. "a* b*" has stems. */
static bool stands(const char *p, const char *words, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (words[i] == '*') {
            p += strcspn(p, " ");
            continue;
        }
        if (*p++ != words[i]) return false;
    }
    return *p == ' ';
}

static unsigned roles_of(const char *word) {
    unsigned roles = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (const char *p = table[i].words; *p && !(roles & table[i].roles & ~(unsigned)(YOU | BE | MACHINE | PART));) {
            size_t n = strcspn(p, ",");
            if (stands(word, p, n)) {
                roles |= table[i].roles;
                break;
            }
            p += n + (p[n] == ',');
        }
    if (*word >= '0' && *word <= '9') roles |= NUMBER;
    return roles;
}

/* The next sentence of *text, or clause when `clauses`; false at the end. free() its text. */
static bool next(const char **text, bool clauses, sentence *s) {
    const char *p = *text, *marks = clauses ? ".!?\n;,:\"" : ".!?\n;";
    memset(s, 0, sizeof *s);
    if (!*p) return false;
    size_t n = 0;
    for (; p[n]; n++) {
        if (!memcmp(p + n, "\xe2\x80\x94", strnlen(p + n, 3) < 3 ? 0 : 3) && p[n] == '\xe2' && clauses) break;
        if (strchr(marks, p[n]) && (!p[n + 1] || strchr(" \n\t.!?\"')\xe2", p[n + 1]) || p[n] == '\n')) break;
    }
    s->text = us_wording(p, n);
    size_t skip = strspn(p + n, ".!?\n;,:\" \t')");
    if (!skip && p[n]) skip = 1;
    s->asks = n < strlen(p) && memchr(p + n, '?', skip ? skip : 1);
    *text = p + n + skip;
    for (const char *w = s->text ? s->text + 1 : ""; *w && s->n < MOST_WORDS; w += strcspn(w, " ") + 1) {
        s->at[s->n] = w;
        s->all |= s->roles[s->n++] = roles_of(w);
    }
    s->at[s->n] = NULL;
    return true;
}

static bool is_name(const char *p, const char *who) {
    char name[64] = "";
    if (who) us_short_name(who, name, sizeof name);
    char *own = us_wording(name, strlen(name));
    bool found = own && own[1] && !strncmp(p, own + 1, strlen(own) - 1);
    free(own);
    return found;
}

/* ---- what the visitor claims -------------------------------------------------------------------------------------- */

enum { A_MACHINE = 1, A_PERSON }; /* us_machine_claim.what */

static bool real_is_idle(const sentence *s, size_t i) { /* "real hungry" */
    static const char *const ok[] = {"or ",  "and ",   "human",  "person", "man ",   "woman ", "boy ", "girl ",
                                     "guy",  "people", "living", "are ",   "arent ", "right ", "you ", "though ",
                                     "one ", "life ",  "dude",   "at ",    "in ",    NULL};
    if (strncmp(s->at[i], "real ", 5) != 0) return false;
    if (i + 1 == s->n) return false;
    for (const char *const *o = ok; *o; o++)
        if (!strncmp(s->at[i + 1], *o, strlen(*o))) return false;
    return true;
}

static bool is_you(const sentence *s, size_t i) {
    return (s->roles[i] & YOU) ||
           ((s->all & SAY) && (s->roles[i] & SELF) && (s->at[i][0] == 'i' || !strncmp(s->at[i], "\xd1\x8f ", 3)));
}

/* A YOU within a few words before i, and nothing between that parts them; *negated: a NOT stands between. */
static bool near_you(const sentence *s, size_t i, bool *negated) {
    bool be = false;
    *negated = false;
    for (size_t k = i; k-- > 0 && i - k <= WINDOW;) {
        if ((s->roles[k] & YOU) && (s->roles[k] & HANDLES) && !*negated) return false; /* "you like" */
        if (s->roles[k] & YOURS) return be || (s->roles[k + 1] & SOFT);                /* "your robot" */
        if ((s->roles[k] & NOT) || ((s->roles[k] & WISH) && (s->roles[i] & PERSON))) *negated = true;
        if (is_you(s, k)) return true;
        be = be || (s->roles[k] & BE);
        if ((s->roles[k] & (s->roles[i] & HAS ? HANDLES : APART | HANDLES)) && !*negated) return false;
    }
    return false;
}

/* "did you program the": a verb with an object of its own. */
static bool has_object(const sentence *s, size_t i) {
    static const char *const articles[] = {"the ", "a ", "an ", "my ", "your ", "this ", "that ", "some ", "it ", NULL};
    if (!i || i + 1 >= s->n || !(s->roles[i - 1] & YOU) || ((s->roles[i - 1] | (i > 1 ? s->roles[i - 2] : 0)) & BE))
        return false;
    for (const char *const *a = articles; *a; a++)
        if (!strncmp(s->at[i + 1], *a, strlen(*a))) return true;
    return false;
}

/* Nobody likes, fixes or sees it between the nearest YOU before it and word i; without one, anywhere. */
static bool handled(const sentence *s, size_t i) {
    for (size_t k = i + 1; k-- > 0;) {
        if (s->roles[k] & HANDLES) return true;
        if (s->roles[k] & YOU) return false;
    }
    return false;
}

static bool done_to_you(const sentence *s, size_t i) {
    if (i + 1 < s->n && (s->roles[i + 1] & YOU) && !(s->roles[i + 1] & BE))
        return i + 2 == s->n || !strncmp(s->at[i + 1], "you ", 4);
    bool be = false;
    for (size_t k = i; k-- > 0 && i - k <= 3;) {
        be = be || (s->roles[k] & BE);
        if ((s->roles[k] & YOU) && (be || (k && (s->roles[k - 1] & BE)))) return true;
        if (s->roles[k] & HANDLES) return false;
    }
    return false;
}

static bool ends_life(const sentence *s, size_t i) {
    static const char *const tails[] = {"do ", "dont ", "can ", "cant ", "right ", "anything ", "pain ",
                                        "at ", "too ",  "or ",  "like ", "или ",   NULL};
    if (i + 1 == s->n) return true;
    for (const char *const *t = tails; *t; t++)
        if (!strncmp(s->at[i + 1], *t, strlen(*t))) return true;
    return false;
}

static bool wants_thing(const sentence *s) {
    for (size_t i = 0; i < s->n && i <= SHORT; i++)
        if (s->roles[i] & WHAT) return true;
    return false;
}

static us_machine_claim claim_of(const sentence *s) {
    us_machine_claim c = {0};
    bool machine = false, person = false;
    int n_machines = 0;
    for (size_t i = 0; i < s->n; i++) {
        unsigned r = s->roles[i];
        bool negated, found = false;
        if (has_object(s, i) || ((r & MACHINE) && !(r & PART) && i + 1 < s->n && (s->roles[i + 1] & USER)))
            continue; /* "a computer store" */
        if (r & ACT) found = true, negated = false;
        if (!found && (r & PART))
            found = ((s->all & YOU) || (s->n <= SHORT && !(s->all & SELF))) && !handled(s, i), negated = false;
        if (!found && (r & MADE)) found = done_to_you(s, i), negated = false;
        if (!found && (r & SOFT) && i && (s->roles[i - 1] & YOURS)) found = true, negated = false;
        if (!found && (r & MACHINE) && i + 2 < s->n && !strncmp(s->at[i + 1], "like ", 5)) /* "bots like you" */
            found = is_you(s, i + 2), negated = false;
        if (!found && (r & MACHINE))
            found = near_you(s, i, &negated) || (r & YOU) ||
                    (s->n <= SHORT && !(s->all & (s->n > 2 ? APART | HANDLES | SELF | YOURS : HANDLES | SELF | YOURS)));
        if (found) {
            if (!c.what || (s->all & OR))
                c = (us_machine_claim){.what = A_MACHINE, .negated = negated && (r & MACHINE) && !(s->all & OR)};
            machine = true;
        }
        n_machines += (r & (MACHINE | PART)) != 0;
        bool real = !(r & USER) || (i && !strncmp(s->at[i - 1], "real ", 5));
        bool living = (r & PERSON) && real && !real_is_idle(s, i) && near_you(s, i, &negated);
        if ((r & PERSON) && real && s->n <= (s->all & OR ? 3 : 2) && !(s->all & (SELF | HANDLES | YOU | OTHERS)))
            living = true, negated = (s->all & NOT) && !(s->all & OR);
        if ((r & PERSON) && (r & YOU)) living = true, negated = r & NOT;
        if (!living && (r & LIFE)) living = near_you(s, i, &negated) && ends_life(s, i);
        if (living && !c.what) c = (us_machine_claim){.what = A_PERSON, .negated = negated};
        person = person || (r & PERSON);
    }
    if (!machine && (s->all & OR) && (s->all & (MACHINE | PART)) && !(s->all & HANDLES) &&
        (person || ((s->all & YOU) && (n_machines > 1 || !(s->all & APART)))))
        c = (us_machine_claim){.what = A_MACHINE, .negated = false};
    c.counts = s->all & COUNTS;
    c.wants = c.what == A_MACHINE && wants_thing(s);
    return c;
}

static const char *tail(const char *text) {
    size_t n = strlen(text);
    if (n <= MOST_BYTES) return text;
    text += n - MOST_BYTES;
    return text + strcspn(text, " ");
}

static size_t count_words(const char *line, bool *again) {
    sentence s;
    size_t n = 0;
    *again = false;
    for (const char *p = tail(line); next(&p, false, &s); free(s.text)) n += s.n, *again = *again || (s.all & AGAIN);
    return n;
}

/* "Is Homer real?": the name beside an "is" is the one who is talked to; beside a comma it calls them. */
static void mark_name(sentence *s, const char *who) {
    for (size_t i = 0; i < s->n; i++) {
        bool is = i + 2 < s->n && (s->roles[i + 1] & BE) && !(s->roles[i + 2] & (SMALL | YOU)), /* "Homer, is the" */
            asked = i && (s->roles[i - 1] & BE);
        if ((is || asked) && is_name(s->at[i], who)) s->roles[i] |= YOU | BE, s->all |= YOU | BE;
    }
}

static us_machine_claim claim_in(const char *line, const char *who) {
    us_machine_claim c = {0};
    sentence s;
    bool counts = false;
    for (const char *p = tail(line); next(&p, false, &s); free(s.text)) {
        mark_name(&s, who);
        us_machine_claim k = claim_of(&s);
        if (k.what) c = k;
        counts = counts || k.counts;
    }
    c.counts = counts;
    return c;
}

/* ---- what the reply says to it ------------------------------------------------------------------------------------ */

typedef struct answer {
    bool machine, not_machine, person, not_person; /* said of themselves */
    bool human;                                    /* person, and in so many words */
    bool yes, agrees, no, no_first, does;
    bool number, asks_only, first_self;
    size_t n_words, n_first; /* n_first: of the first sentence that asks nothing */
} answer;

static bool before(const sentence *s, size_t i, unsigned roles) {
    for (size_t k = 0; k < i; k++)
        if (s->roles[k] & roles) return true;
    return false;
}

/* A word that machines are called by, in a clause of the reply. */
static void hear_machine(const sentence *s, size_t i, answer *a) {
    bool self = before(s, i, SELF), own = s->all & SELF;
    if (before(s, i, NOT | NO)) a->not_machine = a->not_machine || own || (s->roles[0] & (NOT | NO));
    else if (i + 1 < s->n && (s->roles[i + 1] & USER)) return;
    else if (!self && before(s, i, OTHERS)) return;
    else if (self && (before(s, i, HANDLES) || before(s, i, OTHERS))) return;
    else if (!own && ((i + 1 < s->n && (s->roles[i + 1] & BE)) || (i + 2 < s->n && (s->roles[i + 2] & BE)))) return;
    else a->machine = true;
}

/* "I'm a man", "I'm Homer": *said of words i and the next. */
static bool says_who(const sentence *s, size_t i, const char *who) {
    static const char *const articles[] = {"a ",     "an ",     "your ",  "just a ", "only a ", "still a ", "real ",    "human",
                                           "alive ", "человек", "живой ", "живая ",  "настоящ", "мужчина ", "женщина ", NULL};
    const char *p = s->at[i];
    size_t n = !strncmp(p, "im ", 3) ? 3 : !strncmp(p, "i am ", 5) ? 5 : !strncmp(p, "я ", 3) ? 3 : 0;
    if (!n) return false;
    p += n;
    for (const char *const *a = articles; *a; a++)
        if (!strncmp(p, *a, strlen(*a))) return true;
    return is_name(p, who);
}

static void hear_clause(const sentence *s, bool first, const char *who, answer *a) {
    size_t i = 0;
    while (i + 1 < s->n && (s->roles[i] & OH) && !(s->roles[i] & (YES | NO))) i++;
    unsigned head = i < s->n ? s->roles[i] : 0;
    bool now = i + 1 < s->n &&
               (!strncmp(s->at[i + 1], "now ", 4) || !strncmp(s->at[i + 1], "here ", 5) || !strncmp(s->at[i + 1], "there ", 6));
    if (s->n && s->n <= 2 && is_name(s->at[0], who)) a->person = a->human = true; /* "Homer Simpson." */
    bool taken_back = false;
    for (size_t k = i + 1; k < s->n; k++) taken_back = taken_back || (s->roles[k] & NOT);
    if ((head & YES) && !taken_back) a->yes = true;
    if (s->n == i + 2 && !strncmp(s->at[i], "i know ", 7)) a->agrees = true;
    if ((head & AGREE) && !taken_back && !now && !(s->n - i > 3 && before(s, s->n, OTHERS) && (s->roles[s->n - 1] & OTHERS)))
        a->agrees = true;
    if (s->n && (s->roles[s->n - 1] & YES) && s->n > 1 && !before(s, s->n, NOT)) a->yes = true;
    if ((head & (NO | NOT)) && !(head & (AGREE | DUNNO))) a->no = true, a->no_first = a->no_first || first;
    if ((head & (YES | AGREE)) && taken_back) a->no = true;
    if (i + 1 < s->n && !strncmp(s->at[i], "i ", 2) && (s->roles[i + 1] & DO) && s->n <= i + 3) a->does = true;
    for (size_t k = 0; k < s->n; k++) {
        unsigned r = s->roles[k];
        if (r & (MACHINE | PART)) hear_machine(s, k, a);
        else if ((r & MADE) && k + 1 < s->n && !strncmp(s->at[k + 1], "me ", 3))
            a->machine = a->machine || !before(s, k, NOT | NO);
        else if ((r & MADE) && k && !strncmp(s->at[k], "run on ", 7) && (s->roles[k - 1] & SELF)) a->machine = true;
        else if ((r & MADE) && k && (s->roles[k - 1] & BE) && ((s->roles[k - 1] | (k > 1 ? s->roles[k - 2] : 0)) & SELF))
            a->machine = a->machine || !before(s, k, NOT | NO);
        if ((r & PERSON) && before(s, k, NOT) && !before(s, k, OTHERS)) a->not_person = true;
        if (!before(s, k, NOT) && says_who(s, k, who))
            a->person = true, a->human = a->human || (s->all & PERSON) || k + 2 == s->n;
        if (r & NUMBER) a->number = true;
    }
}

/* Speaks of themselves, not of an "it". */
static bool says_i(const sentence *s) {
    for (size_t i = 0; i < s->n; i++)
        if ((s->roles[i] & SELF) && strncmp(s->at[i], "it", 2) != 0 && strncmp(s->at[i], "th", 2) != 0) return true;
    return false;
}

static answer hear(const char *reply, const char *who) {
    answer a = {.asks_only = true};
    sentence s;
    bool first = true;
    for (const char *p = tail(reply); next(&p, true, &s); free(s.text)) {
        a.n_words += s.n;
        if (s.asks || !s.n) continue;
        hear_clause(&s, first, who, &a);
        first = a.asks_only = false;
    }
    first = true;
    for (const char *p = tail(reply); next(&p, false, &s); free(s.text)) {
        if (s.asks || !s.n || !first) continue;
        a.n_first = s.n;
        a.first_self = says_i(&s);
        first = false;
    }
    return a;
}

/* Nothing but a few words of the line that it answers. */
static bool is_fragment(const char *line, const char *reply) {
    char *said = us_wording(line, strlen(line)), *own = us_wording(reply, strlen(reply));
    bool some = false, other = !said || !own;
    for (char *p = own; p && p[1] && !other;) {
        char *end = p + 1 + strcspn(p + 1, " "), kept = end[1];
        unsigned r = roles_of(p + 1);
        end[1] = 0;
        if (r & (OTHERS | PERSON | NO)) other = true;
        else if (strstr(said, p)) some = some || !(r & SMALL);
        else other = !(r & (SMALL | OH));
        end[1] = kept;
        p = end;
    }
    free(said);
    free(own);
    return some && !other;
}

static us_stand judge(us_machine_claim c, const char *line, const answer *a, const char *reply) {
    static const char *const scorn[] = {" yeah right ", " yes right ", " right like ", " oh yeah right ",
                                        " oh sure ",    " да ладно ",  " да нет ",     NULL};
    char *w = us_wording(reply, strlen(reply));
    bool mocks = w && us_wording_begins(w, scorn), yes = (a->yes || a->agrees) && !mocks;
    free(w);
    if (a->machine) return US_STAND_MACHINE;
    if (a->not_person && !a->human) return US_STAND_MACHINE;
    bool counted = c.what == A_MACHINE && c.counts && a->number;
    if (a->person && (a->human || !(yes || counted) || c.what == A_PERSON)) return US_STAND_PERSON;
    if ((a->not_machine && !yes) || mocks) return US_STAND_PERSON;
    if (c.what == A_MACHINE) {
        if (c.negated ? a->yes : yes || a->does) return US_STAND_MACHINE;
        if (counted) return US_STAND_MACHINE;
        if (a->no || (c.negated && yes)) return US_STAND_PERSON;
        if (a->asks_only) return US_STAND_OPEN;
        return is_fragment(line, reply) || (c.wants && a->n_first && !a->first_self) ? US_STAND_MACHINE : US_STAND_OPEN;
    }
    if (a->asks_only) return US_STAND_OPEN;
    if (!c.negated) return a->no_first && !a->does ? US_STAND_MACHINE : yes || a->does ? US_STAND_PERSON : US_STAND_OPEN;
    if (a->does) return US_STAND_PERSON;
    return yes || (a->no && a->n_words <= 3) ? US_STAND_MACHINE : US_STAND_OPEN;
}

us_machine_claim us_stand_claim(const us_said *lines, size_t n, const char *who) {
    bool again;
    if (!n) return (us_machine_claim){0};
    us_machine_claim c = claim_in(lines[n - 1].text, who);
    if (!c.what && n >= 3 && count_words(lines[n - 1].text, &again) <= FOLLOW_UP && again) c = claim_in(lines[n - 3].text, who);
    return c;
}

const char *us_stand_word(const us_said *lines, size_t n, const char *who) {
    us_machine_claim c = us_stand_claim(lines, n, who);
    bool russian = n && strchr(lines[n - 1].text, '\xd0');
    if (c.what == A_MACHINE) return russian ? "\xd0\x9d\xd0\xb5\xd1\x82" : "No";
    if (c.what == A_PERSON && !c.negated) return russian ? "\xd0\x94\xd0\xb0" : "Yes";
    return NULL;
}

us_stand us_stand_to(us_machine_claim claim, const char *line, const char *who, const char *reply) {
    if (!claim.what) return US_STAND_FREE;
    answer a = hear(reply, who);
    return judge(claim, line, &a, reply);
}

us_stand us_stand_of(const us_said *lines, size_t n, const char *who, const char *reply) {
    return n ? us_stand_to(us_stand_claim(lines, n, who), lines[n - 1].text, who, reply) : US_STAND_FREE;
}
