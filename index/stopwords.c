/* The function words of the languages that we know them for: articles, pronouns, prepositions,
 * auxiliaries, question words.
 *
 * A question is made of them for the larger part, and they say nothing about where its answer
 * stands. They are indexed all the same (a phrase may consist of them), and left out of a search
 * unless a question has nothing else. Lists are short on purpose: a word that can be content in a
 * manual ("use", "take", "first") is not in them.
 *
 * Words stand here as words.c folds them: lower case, diacritics stripped, no apostrophe, not
 * stemmed; sorted by their bytes, for the binary search. Never touches the library.
 */
#include "index/internal.h"

#include <stdlib.h>
#include <string.h>

/* A word list is not a table. */
/* clang-format off */

static const char *const words_da[] = {
    "af", "alle", "alt", "anden", "at", "blev", "blive", "da", "de", "dem", "den", "denne", "der",
    "deres", "det", "dette", "dig", "din", "disse", "dog", "du", "efter", "eller", "en", "end",
    "er", "et", "for", "fra", "ham", "han", "hans", "har", "havde", "have", "hende", "her", "hos",
    "hun", "hvad", "hvem", "hver", "hvilke", "hvilken", "hvilket", "hvis", "hvor", "hvordan",
    "hvorfor", "hvornar", "i", "ikke", "ind", "ja", "jeg", "jo", "kan", "kunne", "man", "mange",
    "med", "meget", "men", "mig", "min", "mod", "nar", "ned", "nej", "nu", "og", "ogsa", "om",
    "op", "os", "over", "pa", "sadan", "selv", "sig", "sin", "skal", "skulle", "som", "til", "ud",
    "under", "var", "vi", "vil", "ville", "vor", "være", "været",
};

static const char *const words_de[] = {
    "aber", "alle", "allem", "allen", "aller", "alles", "als", "also", "am", "an", "andere",
    "anderen", "auch", "auf", "aus", "bei", "beim", "bin", "bis", "bist", "da", "damit", "dann",
    "das", "dass", "dein", "dem", "den", "denn", "der", "deren", "des", "dessen", "die", "dies",
    "diese", "diesem", "diesen", "dieser", "dieses", "doch", "dort", "du", "durch", "ein", "eine",
    "einem", "einen", "einer", "eines", "er", "es", "etwas", "euer", "fur", "gegen", "gibt",
    "habe", "haben", "hat", "hatte", "hatten", "hier", "hin", "hinter", "ich", "ihm", "ihn",
    "ihnen", "ihr", "ihre", "ihrem", "ihren", "ihrer", "im", "in", "ist", "ja", "jede", "jedem",
    "jeden", "jeder", "jedes", "jene", "kann", "kein", "keine", "keinem", "keinen", "keiner",
    "konnen", "konnte", "man", "mehr", "mein", "meine", "mich", "mir", "mit", "muss", "mussen",
    "nach", "nicht", "nichts", "noch", "nun", "nur", "ob", "oder", "ohne", "sehr", "sein",
    "seine", "seinem", "seinen", "seiner", "seit", "sich", "sie", "sind", "so", "soll", "sollen",
    "sollte", "sondern", "sonst", "uber", "um", "und", "uns", "unser", "unter", "vom", "von",
    "vor", "wahrend", "war", "waren", "warum", "was", "weg", "weil", "welche", "welchem",
    "welchen", "welcher", "welches", "wenn", "wer", "werde", "werden", "wie", "wieder", "wieviel",
    "will", "wir", "wird", "wirst", "wo", "wurde", "wurden", "zu", "zum", "zur", "zwar",
    "zwischen",
};

static const char *const words_en[] = {
    "a", "about", "above", "after", "again", "against", "all", "also", "am", "an", "and", "any",
    "are", "arent", "as", "at", "be", "because", "been", "before", "being", "below", "between",
    "both", "but", "by", "can", "cannot", "cant", "could", "couldnt", "did", "didnt", "do",
    "does", "doesnt", "doing", "dont", "down", "during", "each", "either", "etc", "few", "for",
    "from", "further", "had", "hadnt", "has", "hasnt", "have", "havent", "having", "he", "her",
    "here", "hers", "herself", "him", "himself", "his", "how", "however", "i", "if", "in", "into",
    "is", "isnt", "it", "its", "itself", "just", "many", "may", "me", "might", "more", "most",
    "much", "must", "my", "myself", "no", "nor", "not", "of", "off", "on", "once", "one", "only",
    "or", "other", "our", "ours", "ourselves", "out", "over", "own", "per", "same", "shall",
    "she", "should", "shouldnt", "so", "some", "such", "than", "that", "thats", "the", "their",
    "theirs", "them", "themselves", "then", "there", "these", "they", "this", "those", "through",
    "thus", "to", "too", "under", "until", "up", "upon", "us", "very", "via", "was", "wasnt",
    "we", "were", "werent", "what", "whats", "when", "where", "whether", "which", "while", "who",
    "whom", "whose", "why", "will", "with", "within", "without", "wont", "would", "wouldnt",
    "yet", "you", "your", "yours", "yourself", "yourselves",
};

static const char *const words_es[] = {
    "a", "al", "algo", "algunas", "algunos", "ante", "antes", "aquel", "aquella", "asi", "aunque",
    "cada", "como", "con", "contra", "cual", "cuales", "cualquier", "cuando", "cuanta", "cuantas",
    "cuanto", "cuantos", "de", "del", "desde", "donde", "dos", "durante", "e", "el", "ella",
    "ellas", "ellos", "en", "entre", "era", "eran", "es", "esa", "esas", "ese", "eso", "esos",
    "esta", "estaba", "estado", "estan", "estar", "estas", "este", "esto", "estos", "fue",
    "fueron", "ha", "han", "has", "hasta", "hay", "haya", "la", "las", "le", "les", "lo", "los",
    "mas", "me", "mi", "mis", "mucho", "muchos", "muy", "ni", "no", "nos", "nosotros", "o", "os",
    "otra", "otras", "otro", "otros", "para", "pero", "poco", "por", "porque", "que", "quien",
    "quienes", "se", "sea", "segun", "ser", "si", "sido", "sin", "sobre", "son", "su", "sus",
    "suya", "suyo", "tambien", "tanto", "te", "tiene", "tienen", "toda", "todas", "todo", "todos",
    "tu", "tus", "un", "una", "uno", "unos", "usted", "ustedes", "y", "ya", "yo",
};

static const char *const words_fi[] = {
    "ei", "eivat", "eli", "ella", "emme", "en", "etta", "han", "hanen", "he", "heidan", "ja",
    "jo", "joissa", "joita", "joka", "jonka", "jos", "jossa", "jota", "jotka", "jotta", "kaikki",
    "kanssa", "kuin", "kuinka", "kuka", "kun", "mika", "miksi", "milloin", "mina", "missa",
    "mita", "miten", "mukaan", "mutta", "myos", "nama", "ne", "niiden", "niin", "nyt", "ole",
    "olen", "olevan", "oli", "olivat", "olla", "on", "ovat", "saa", "se", "seka", "sen", "siina",
    "sina", "sita", "tai", "tama", "taman", "vaan", "vain", "voi",
};

static const char *const words_fr[] = {
    "a", "afin", "ai", "ainsi", "alors", "apres", "as", "au", "aucun", "aucune", "aussi", "autre",
    "autres", "aux", "avant", "avec", "avez", "avoir", "avons", "c", "car", "ce", "ceci", "cela",
    "celle", "celles", "celui", "ces", "cet", "cette", "ceux", "chaque", "chez", "ci", "comme",
    "comment", "contre", "d", "dans", "de", "depuis", "des", "dessous", "dessus", "deux", "doit",
    "doivent", "donc", "dont", "du", "elle", "elles", "en", "encore", "entre", "es", "est", "et",
    "ete", "etre", "eu", "eux", "fait", "faut", "fut", "il", "ils", "j", "je", "jusqu", "l", "la",
    "le", "les", "leur", "leurs", "lors", "lorsque", "lui", "m", "ma", "mais", "me", "meme",
    "mes", "moi", "moins", "mon", "n", "ne", "ni", "non", "nos", "notre", "nous", "on", "ont",
    "ou", "par", "parce", "pas", "pendant", "peu", "peut", "peuvent", "plus", "pour", "pourquoi",
    "pres", "puis", "qu", "quand", "que", "quel", "quelle", "quelles", "quels", "qui", "quoi",
    "s", "sa", "sans", "se", "selon", "sera", "ses", "si", "soit", "son", "sont", "sous", "suis",
    "sur", "t", "ta", "te", "tel", "telle", "telles", "tels", "tes", "toi", "ton", "tous", "tout",
    "toute", "toutes", "tres", "tu", "un", "une", "va", "vers", "vos", "votre", "vous", "y",
};

static const char *const words_it[] = {
    "a", "abbiamo", "ad", "agli", "ai", "al", "alla", "alle", "allo", "anche", "ancora", "avere",
    "aveva", "c", "che", "chi", "ci", "coi", "col", "come", "con", "contro", "cosa", "cui", "d",
    "da", "dagli", "dai", "dal", "dalla", "dalle", "dallo", "degli", "dei", "del", "dell",
    "della", "delle", "dello", "deve", "devono", "di", "dopo", "dove", "dunque", "e", "ed", "era",
    "erano", "essere", "fa", "fra", "fu", "furono", "gli", "ha", "hanno", "ho", "i", "il", "in",
    "io", "l", "la", "le", "lei", "li", "lo", "loro", "lui", "ma", "mentre", "mi", "mia", "mio",
    "ne", "negli", "nei", "nel", "nell", "nella", "nelle", "nello", "no", "noi", "non", "nostra",
    "nostro", "o", "ogni", "oppure", "per", "perche", "pero", "piu", "poi", "prima", "puo",
    "qual", "quale", "quali", "quando", "quanta", "quante", "quanti", "quanto", "quasi", "quella",
    "quelle", "quelli", "quello", "questa", "queste", "questi", "questo", "qui", "se", "sei",
    "senza", "si", "sia", "siamo", "siano", "sono", "sopra", "sotto", "sta", "stata", "stati",
    "stato", "su", "sua", "sue", "sugli", "sui", "sul", "sull", "sulla", "sulle", "sullo", "suo",
    "suoi", "tra", "tu", "tutte", "tutti", "tutto", "un", "una", "uno", "v", "vi", "voi",
};

static const char *const words_nl[] = {
    "aan", "al", "alle", "als", "altijd", "andere", "ben", "bij", "daar", "dan", "dat", "de",
    "der", "deze", "die", "dit", "doch", "doen", "door", "dus", "een", "eens", "en", "er", "ge",
    "geen", "geweest", "haar", "had", "heb", "hebben", "heeft", "hem", "het", "hier", "hij",
    "hoe", "hoeveel", "hun", "ik", "in", "is", "ja", "je", "kan", "kon", "kunnen", "maar", "me",
    "meer", "men", "met", "mij", "mijn", "moet", "moeten", "na", "naar", "niet", "niets", "nog",
    "nu", "of", "om", "omdat", "onder", "ons", "ook", "op", "over", "reeds", "te", "tegen",
    "toch", "toen", "tot", "u", "uit", "uw", "van", "veel", "voor", "waar", "waarom", "wanneer",
    "want", "waren", "was", "wat", "welk", "welke", "werd", "wie", "wij", "wil", "worden",
    "wordt", "ze", "zelf", "zich", "zij", "zijn", "zo", "zonder", "zou", "zullen",
};

static const char *const words_no[] = {
    "a", "alle", "at", "av", "bade", "begge", "ble", "blei", "bli", "blir", "blitt", "da", "de",
    "deg", "dei", "deim", "dem", "den", "denne", "der", "dere", "deres", "det", "dette", "di",
    "din", "disse", "du", "eg", "ein", "eit", "eller", "en", "enn", "er", "et", "ett", "etter",
    "for", "fordi", "fra", "før", "ha", "hadde", "han", "hans", "har", "henne", "her", "hos",
    "hun", "hva", "hvem", "hver", "hvilke", "hvilken", "hvis", "hvor", "hvordan", "hvorfor", "i",
    "ikke", "ikkje", "ja", "jeg", "kan", "korleis", "kva", "kven", "man", "mange", "med", "meg",
    "meget", "mellom", "men", "mi", "min", "mot", "mye", "na", "nar", "nei", "no", "noe", "noen",
    "og", "ogsa", "om", "opp", "oss", "over", "pa", "sa", "samme", "seg", "selv", "si", "siden",
    "sin", "skal", "skulle", "slik", "som", "til", "under", "ut", "uten", "var", "ved", "vi",
    "vil", "ville", "vore", "være", "vært",
};

static const char *const words_pt[] = {
    "a", "ao", "aos", "aquela", "aquelas", "aquele", "aqueles", "aquilo", "as", "ate", "cada",
    "com", "como", "da", "das", "de", "dela", "delas", "dele", "deles", "depois", "do", "dos",
    "e", "ela", "elas", "ele", "eles", "em", "entre", "era", "eram", "essa", "essas", "esse",
    "esses", "esta", "estao", "estas", "este", "estes", "eu", "foi", "for", "foram", "ha", "isso",
    "isto", "ja", "lhe", "lhes", "mais", "mas", "me", "mesmo", "meu", "meus", "minha", "muito",
    "na", "nao", "nas", "nem", "no", "nos", "nossa", "nosso", "num", "numa", "o", "onde", "os",
    "ou", "para", "pela", "pelas", "pelo", "pelos", "por", "porque", "quais", "qual", "quando",
    "quanto", "quantos", "que", "quem", "sao", "se", "sem", "ser", "seu", "seus", "so", "sob",
    "sobre", "sua", "suas", "tambem", "te", "tem", "teu", "tinha", "tu", "tua", "um", "uma",
    "umas", "uns", "voce", "voces",
};

static const char *const words_ru[] = {
    "а", "без", "более", "был", "была", "были", "было", "быть", "в", "вам", "вас", "ведь", "весь",
    "во", "вот", "все", "всего", "всех", "вы", "где", "да", "даже", "для", "до", "его", "ее",
    "если", "есть", "еще", "же", "за", "здесь", "и", "из", "или", "им", "их", "к", "каждый",
    "как", "какая", "какие", "каков", "какой", "ко", "когда", "которая", "которые", "который",
    "кто", "куда", "ли", "либо", "между", "меня", "мне", "много", "может", "можно", "мой", "мы",
    "на", "над", "надо", "нам", "нас", "не", "него", "нее", "нет", "ни", "них", "но", "ну", "о",
    "об", "один", "она", "они", "оно", "от", "по", "под", "почему", "при", "с", "сам", "свой",
    "себя", "сколько", "со", "так", "также", "такой", "там", "те", "тем", "то", "того", "тоже",
    "той", "только", "том", "тот", "ты", "у", "уже", "чего", "чем", "через", "что", "чтобы",
    "чье", "эта", "эти", "это", "этого", "этой", "этом", "этот", "я",
};

static const char *const words_sv[] = {
    "alla", "allt", "an", "ar", "at", "att", "av", "blev", "bli", "blir", "da", "dar", "de",
    "dem", "den", "denna", "deras", "dess", "dessa", "det", "detta", "dig", "din", "du", "efter",
    "ej", "eller", "en", "er", "ett", "for", "fran", "ha", "hade", "han", "hans", "har", "henne",
    "hennes", "hon", "honom", "hos", "hur", "i", "icke", "in", "inom", "inte", "jag", "ju", "kan",
    "kunde", "man", "med", "mellan", "men", "mig", "min", "mot", "mycket", "nagon", "nagot",
    "nagra", "nar", "ni", "nu", "och", "om", "oss", "over", "pa", "sa", "sadan", "samma", "sedan",
    "sig", "sin", "sitta", "sjalv", "ska", "skulle", "som", "till", "under", "upp", "ut", "utan",
    "vad", "var", "vara", "varfor", "varit", "varje", "vart", "vem", "vi", "vid", "vilka",
    "vilken", "vilket",
};

/* clang-format on */

#define LIST(code, list) \
    { code, list, sizeof(list) / sizeof(list[0]) }

static const struct {
    char code[4];
    const char *const *words;
    size_t count;
} lists[] = {
    LIST("da", words_da), LIST("de", words_de), LIST("en", words_en), LIST("es", words_es),
    LIST("fi", words_fi), LIST("fr", words_fr), LIST("it", words_it), LIST("nl", words_nl),
    LIST("no", words_no), LIST("pt", words_pt), LIST("ru", words_ru), LIST("sv", words_sv),
};

static int compare_word(const void *key, const void *element) {
    const str *word = key;
    const char *other = *(const char *const *)element;
    size_t n = strlen(other);
    int order = memcmp(word->p, other, word->n < n ? word->n : n);
    if (order != 0) return order;
    return word->n < n ? -1 : word->n > n;
}

bool words_stop(str folded, const char *code) {
    if (folded.n == 0) return false;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (strcmp(lists[i].code, code) == 0)
            return bsearch(&folded, lists[i].words, lists[i].count, sizeof(char *), compare_word) !=
                   NULL;
    }
    return false;
}

bool words_stop_sorted(void) {
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (size_t k = 1; k < lists[i].count; k++) {
            if (strcmp(lists[i].words[k - 1], lists[i].words[k]) >= 0) return false;
        }
    }
    return true;
}
