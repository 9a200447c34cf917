/* The names by which documents call their encoding.
 *
 * Owns the table of labels of the Encoding Standard (WHATWG), which is what browsers do: a page
 * that says iso-8859-1 means windows-1252, gb2312 means GB 18030, shift_jis means Microsoft's code
 * page 932. Mail uses the same labels. Beside them stand a few that are met in old documents.
 *
 * Ordered by encoding, the most frequent first; searched from the top, once for each document.
 */
#include "ingest/parse/charset.h"

#include <string.h>

#define LABEL_MAX 32

static const struct {
    const char *name;   /* as iconv has it */
    const char *labels; /* small letters, parted by spaces */
} encodings[] = {
    {CHARSET_UTF8, "utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 "
                   "utf-16 utf-16le utf-16be unicode none"},
    {CHARSET_LATIN, "iso-8859-1 windows-1252 ansi_x3.4-1968 ascii us-ascii cp1252 cp-1252 cp819 "
                    "csisolatin1 ibm819 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 "
                    "l1 latin1 latin-1 x-cp1252 x-user-defined"},
    {"WINDOWS-1251", "windows-1251 cp1251 x-cp1251"},
    {"GB18030", "gb2312 gbk gb18030 chinese csgb2312 csiso58gb231280 gb_2312 gb_2312-80 iso-ir-58 "
                "x-gbk cp936 ms936 windows-936"},
    {"CP932", "shift_jis sjis shift-jis x-sjis windows-31j ms_kanji ms932 cp932 csshiftjis"},
    {"EUC-JP-MS", "euc-jp x-euc-jp cseucpkdfmtjapanese"},
    {"ISO-2022-JP", "iso-2022-jp csiso2022jp"},
    {"CP949", "euc-kr cseuckr csksc56011987 iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 "
              "ksc5601 ksc_5601 windows-949 cp949"},
    {"BIG5-HKSCS", "big5 big5-hkscs cn-big5 csbig5 x-x-big5 cp950"},
    {"KOI8-R", "koi8-r koi8 koi koi8_r cskoi8r"},
    {"KOI8-U", "koi8-u koi8-ru"},
    {"WINDOWS-1250", "windows-1250 cp1250 x-cp1250"},
    {"WINDOWS-1253", "windows-1253 cp1253 x-cp1253"},
    {"WINDOWS-1254", "windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 iso88599 iso_8859-9 "
                     "iso_8859-9:1989 iso-ir-148 csisolatin5 l5 latin5"},
    {"WINDOWS-1255", "windows-1255 cp1255 x-cp1255"},
    {"WINDOWS-1256", "windows-1256 cp1256 x-cp1256"},
    {"WINDOWS-1257", "windows-1257 cp1257 x-cp1257"},
    {"WINDOWS-1258", "windows-1258 cp1258 x-cp1258"},
    {"CP874", "windows-874 tis-620 dos-874 iso-8859-11 iso8859-11 iso885911 cp874"},
    {"ISO-8859-2", "iso-8859-2 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 iso-ir-101 "
                   "csisolatin2 l2 latin2"},
    {"ISO-8859-3", "iso-8859-3 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 iso-ir-109 "
                   "csisolatin3 l3 latin3"},
    {"ISO-8859-4", "iso-8859-4 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 iso-ir-110 "
                   "csisolatin4 l4 latin4"},
    {"ISO-8859-5", "iso-8859-5 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988 iso-ir-144 "
                   "csisolatincyrillic cyrillic"},
    {"ISO-8859-6", "iso-8859-6 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987 iso-ir-127 "
                   "iso-8859-6-e iso-8859-6-i csiso88596e csiso88596i csisolatinarabic arabic "
                   "asmo-708 ecma-114"},
    {"ISO-8859-7", "iso-8859-7 iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 iso-ir-126 "
                   "csisolatingreek greek greek8 elot_928 ecma-118 sun_eu_greek"},
    {"ISO-8859-8", "iso-8859-8 iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 iso-ir-138 "
                   "iso-8859-8-e iso-8859-8-i csiso88598e csiso88598i csisolatinhebrew hebrew "
                   "logical visual"},
    {"ISO-8859-10", "iso-8859-10 iso8859-10 iso885910 iso-ir-157 csisolatin6 l6 latin6"},
    {"ISO-8859-13", "iso-8859-13 iso8859-13 iso885913"},
    {"ISO-8859-14", "iso-8859-14 iso8859-14 iso885914"},
    {"ISO-8859-15", "iso-8859-15 iso8859-15 iso885915 iso_8859-15 csisolatin9 l9"},
    {"ISO-8859-16", "iso-8859-16"},
    {"IBM866", "ibm866 866 cp866 csibm866"},
    {"IBM850", "ibm850 cp850 850"},
    {"IBM437", "ibm437 cp437 437"},
    {"IBM852", "ibm852 cp852 852"},
    {"MACINTOSH", "macintosh mac x-mac-roman csmacintosh"},
    {"MAC-CYRILLIC", "x-mac-cyrillic x-mac-ukrainian"},
};
#define ENCODING_COUNT (sizeof encodings / sizeof *encodings)
#define WITHOUT_ICONV 2 /* the first of them */

/* Small letters; white space and quotes left out. */
static str clean_label(str label, char out[LABEL_MAX]) {
    size_t n = 0;
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (c <= ' ' || c == '"' || c == '\'') continue;
        if (n == LABEL_MAX) return (str){0};
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return (str){out, n};
}

static bool word_in(str word, str list) {
    for (size_t begin = 0; begin < list.n;) {
        size_t end = str_find(list, STR(" "), begin);
        if (end == SIZE_MAX) end = list.n;
        if (str_eq(str_cut(list, begin, end), word)) return true;
        begin = end + 1;
    }
    return false;
}

const char *charset_by_label(str label) {
    char buffer[LABEL_MAX];
    str word = clean_label(label, buffer);
    for (size_t i = 0; word.n > 0 && i < ENCODING_COUNT; i++)
        if (word_in(word, str_of(encodings[i].labels))) return encodings[i].name;
    return NULL;
}

const char *charset_iconv_name(size_t i) {
    return i + WITHOUT_ICONV < ENCODING_COUNT ? encodings[i + WITHOUT_ICONV].name : NULL;
}
