/* The language of a document: from its text, in every language that has a stemmer here, against tables,
 * codes and wrong declarations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "index/index.h"

static const char *const running[][2] = {
    {"en", "The pump must not be switched on before the valve is open. If there is no water in the "
           "tank, the motor gets hot and will be damaged within a few minutes."},
    {"de",
     "Die Pumpe darf nicht eingeschaltet werden, bevor das Ventil offen ist. Wenn kein Wasser "
     "im Tank ist, wird der Motor hei\xC3\x9F und nimmt in wenigen Minuten Schaden."},
    {"fr",
     "La pompe ne doit pas \xC3\xAAtre mise en marche avant que la vanne soit ouverte. S'il n'y a "
     "pas d'eau dans le r\xC3\xA9servoir, le moteur chauffe et sera endommag\xC3\xA9 en quelques "
     "minutes."},
    {"es",
     "La bomba no se debe encender antes de que la v\xC3\xA1lvula est\xC3\xA9 abierta. Si no hay "
     "agua en el dep\xC3\xB3sito, el motor se calienta y puede da\xC3\xB1"
     "arse en pocos minutos."},
    {"it", "La pompa non deve essere accesa prima che la valvola sia aperta. Se nel serbatoio non "
           "c'\xC3\xA8 acqua, il motore si scalda e viene danneggiato in pochi minuti."},
    {"pt", "A bomba n\xC3\xA3o deve ser ligada antes de a v\xC3\xA1lvula estar aberta. Se "
           "n\xC3\xA3o houver "
           "\xC3\xA1gua no dep\xC3\xB3sito, o motor aquece e pode ficar danificado em poucos "
           "minutos, o que "
           "n\xC3\xA3o \xC3\xA9 coberto pela garantia."},
    {"nl", "De pomp mag niet worden ingeschakeld voordat de klep open is. Als er geen water in de "
           "tank zit, wordt de motor heet en raakt hij binnen een paar minuten beschadigd."},
    {"da", "Pumpen m\xC3\xA5 ikke t\xC3\xA6ndes, f\xC3\xB8r ventilen er \xC3\xA5"
           "ben. Hvis der ikke er vand i "
           "tanken, bliver motoren varm og kan blive \xC3\xB8"
           "delagt af varmen efter f\xC3\xA5 minutter, "
           "n\xC3\xA5r den ikke bliver slukket af nogen."},
    {"no", "Pumpen m\xC3\xA5 ikke sl\xC3\xA5s p\xC3\xA5 f\xC3\xB8r ventilen er \xC3\xA5pen. Hvis "
           "det ikke er "
           "vann i tanken, blir motoren varm og kan bli \xC3\xB8"
           "delagt av varmen etter noen f\xC3\xA5 "
           "minutter, n\xC3\xA5r den ikke blir sl\xC3\xA5tt av."},
    {"sv",
     "Pumpen f\xC3\xA5r inte kopplas p\xC3\xA5 innan ventilen \xC3\xA4r \xC3\xB6ppen. Om det inte "
     "finns "
     "n\xC3\xA5got vatten i tanken blir motorn varm och kan ta skada efter n\xC3\xA5gra minuter."},
    {"fi", "Pumppua ei saa kytke\xC3\xA4 p\xC3\xA4\xC3\xA4lle ennen kuin venttiili on auki. Jos "
           "s\xC3\xA4ili\xC3\xB6ss\xC3\xA4 "
           "ei ole vett\xC3\xA4, moottori kuumenee ja se voi vaurioitua, mutta my\xC3\xB6s letku, "
           "joka on sen "
           "takana, voi haljeta, kun se kuumenee."},
    {"ru",
     "\xD0\x9D\xD0\xB0\xD1\x81\xD0\xBE\xD1\x81 \xD0\xBD\xD0\xB5 "
     "\xD0\xBC\xD0\xBE\xD0\xB6\xD0\xB5\xD1\x82 "
     "\xD0\xB1\xD1\x8B\xD1\x82\xD1\x8C \xD0\xB2\xD0\xBA\xD0\xBB\xD1\x8E\xD1\x87\xD1\x91\xD0\xBD, "
     "\xD0\xBA\xD0\xBE\xD0\xB3\xD0\xB4\xD0\xB0 \xD0\xB2 \xD0\xB1\xD0\xB0\xD0\xBA\xD0\xB5 "
     "\xD0\xBD\xD0\xB5\xD1\x82 "
     "\xD0\xB2\xD0\xBE\xD0\xB4\xD1\x8B: \xD0\xB5\xD1\x81\xD0\xBB\xD0\xB8 \xD0\xBE\xD0\xBD "
     "\xD0\xB2\xD1\x81\xD1\x91 "
     "\xD0\xB6\xD0\xB5 \xD1\x80\xD0\xB0\xD0\xB1\xD0\xBE\xD1\x82\xD0\xB0\xD0\xB5\xD1\x82, "
     "\xD1\x82\xD0\xBE "
     "\xD0\xBF\xD0\xBE\xD1\x81\xD0\xBB\xD0\xB5 \xD1\x8D\xD1\x82\xD0\xBE\xD0\xB3\xD0\xBE "
     "\xD0\xB5\xD0\xB3\xD0\xBE "
     "\xD0\xBD\xD0\xB0\xD0\xB4\xD0\xBE \xD0\xB1\xD1\x83\xD0\xB4\xD0\xB5\xD1\x82 "
     "\xD0\xB7\xD0\xB0\xD0\xBC\xD0\xB5"
     "\xD0\xBD\xD0\xB8\xD1\x82\xD1\x8C."},
};
#define LANGUAGES (sizeof running / sizeof *running)

static void is(const str *texts, size_t count, const char *declared, const char *expected) {
    str told = index_document_language(texts, count, str_of(declared));
    if (!str_eq(told, str_of(expected)))
        fail_msg("\"%.40s\" declared \"%s\" is \"" STR_FMT "\", not \"%s\"", texts[0].p, declared,
                 STR_ARG(told), expected);
}

static str text_of(const char *code) {
    for (size_t i = 0; i < LANGUAGES; i++)
        if (strcmp(running[i][0], code) == 0) return str_of(running[i][1]);
    return (str){0};
}

static void test_running_text(void **state) {
    (void)state;
    for (size_t i = 0; i < LANGUAGES; i++) {
        str s = str_of(running[i][1]);
        is(&s, 1, "", running[i][0]);
    }
}

/* One sentence is enough where it has a few function words. */
static void test_short(void **state) {
    (void)state;
    static const char *const texts[][2] = {
        {"en", "The key to the generator is with the warden, and the spare one is in the office."},
        {"de", "Der Schl\xC3\xBCssel f\xC3\xBCr den Generator liegt bei der Leitung, und ein "
               "zweiter ist im "
               "B\xC3\xBCro."},
        {"fr",
         "La cl\xC3\xA9 du groupe est chez le gardien, et une autre se trouve dans le bureau."},
        {"nl", "De sleutel van de generator is bij de beheerder en er ligt een reserve in het "
               "kantoor."},
        {"", "Generator key: warden."},
        {"", "Betriebsanleitung Kaffeemaschine"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        str s = str_of(texts[i][1]);
        is(&s, 1, "", texts[i][0]);
    }
}

static void test_tables_and_codes(void **state) {
    (void)state;
    static const char *const texts[] = {
        "1200 | 34.5 | 0.2 | 17\n1300 | 35.1 | 0.3 | 18\n1400 | 36.0 | 0.1 | 22\n1500 | 37.2 | 0.9 "
        "| 9",
        "No. 12 | M8 x 30 | DIN 933 | A2\nNo. 13 | M8 x 40 | DIN 933 | A2\nNo. 14 | M10 x 40 | DIN "
        "931 "
        "| A4\nNo. 15 | M10 x 60 | DIN 931 | A4\nNo. 16 | M12 x 80 | DIN 931 | A4",
        "DE 19 | ES 21 | IT 22 | NO 25 | DA 25 | FR 20 | EN 20 | SE 25 | FI 24 | PT 23 | AT 20 | "
        "OM 5",
        "A I O E Y A I O E Y A I O E Y A I O E Y A I O E Y A I O E Y A I O E Y A I O E Y A I O E",
        "R1 10k, R2 47k, C1 100n, U1 LM358, D1 1N4148, Q1 BC547, R3 1k, R4 1k, C2 10u, L1 22u, J1, "
        "J2",
        "0x4f8a 0xde12 0xad99 mov ax bx add cx dx jmp ret push pop int nop cmp test call lea xor "
        "shl",
        "valve pump motor tank hose clamp gasket seal bearing shaft flange nozzle filter sensor "
        "relay",
        "in 12 in 14 in 16 in 18 in 20 in 22 in 24 in 26 in 28 in 30 to 5 to 6 to 7 to 8 to 9 to "
        "10",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        str s = str_of(texts[i]);
        is(&s, 1, "", "");
        is(&s, 1, "da", "da");
        is(&s, 1, "en-US", "en-US");
    }
    /* A manual with such tables is still of its language. */
    for (size_t i = 0; i < LANGUAGES; i++) {
        const str mixed[] = {str_of(texts[0]), str_of(texts[1]), str_of(texts[2]),
                             str_of(running[i][1]), str_of(texts[4])};
        is(mixed, 5, "", running[i][0]);
    }
}

/* Each text three times: a page. */
static void page(text *t, const char *code) {
    text_clear(t);
    for (int i = 0; i < 3; i++) {
        text_put(t, text_of(code));
        text_put_char(t, '\n');
    }
}

static void test_declared(void **state) {
    (void)state;
    text t = {0};
    for (size_t i = 0; i < LANGUAGES; i++) {
        const char *code = running[i][0];
        /* A template's language stands in every file, whatever is written into it. */
        page(&t, code);
        str s = text_str(&t);
        is(&s, 1, strcmp(code, "en") == 0 ? "de-DE" : "en-US", code);
        is(&s, 1, code, code);
        /* Of a short text its author knows better. */
        s = str_cut(text_of(code), 0, 40);
        is(&s, 1, "pl", "pl");
    }
    /* The same language by another name stays as it is declared. */
    page(&t, "no");
    str s = text_str(&t);
    is(&s, 1, "nb-NO", "nb-NO");
    page(&t, "de");
    s = text_str(&t);
    is(&s, 1, "de-CH", "de-CH");
    /* Catalan is not Spanish, though it has many of its words. */
    s = STR(
        "La bomba no s'ha d'engegar abans que la v\xC3\xA0lvula sigui oberta. Si no hi ha aigua al "
        "dip\xC3\xB2sit, el motor s'escalfa i es pot espatllar en pocs minuts. La garantia no "
        "cobreix "
        "els danys que es produeixen quan la bomba funciona sense aigua. Abans de netejar la bomba "
        "cal desconnectar-la de la xarxa el\xC3\xA8"
        "ctrica i deixar que es refredi. Les juntes s'han de "
        "canviar cada dos anys, i l'oli del motor un cop l'any.");
    is(&s, 1, "ca", "ca");
    text_free(&t);
}

static void test_several_chunks(void **state) {
    (void)state;
    /* A cover and a licence in English before a German manual. */
    str chunks[40];
    for (size_t i = 0; i < 40; i++) chunks[i] = text_of(i < 6 ? "en" : "de");
    is(chunks, 40, "", "de");
    is(chunks, 40, "en", "de");
    /* The larger of two languages; and a chunk in each of them by turns. */
    for (size_t i = 0; i < 40; i++) chunks[i] = text_of(i % 3 ? "fr" : "en");
    is(chunks, 40, "", "fr");
    /* Danish and Norwegian are told apart by more text. */
    for (size_t i = 0; i < 40; i++) chunks[i] = text_of(i % 5 ? "no" : "da");
    is(chunks, 40, "", "no");
    /* Pieces too short by themselves are looked at together. */
    str s = text_of("nl");
    for (size_t i = 0; i < 8; i++) {
        size_t begin = utf8_floor(s, s.n * i / 8), end = utf8_floor(s, s.n * (i + 1) / 8);
        chunks[i] = str_cut(s, begin, end);
    }
    is(chunks, 8, "", "nl");
}

static void test_hostile(void **state) {
    (void)state;
    char bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 37 + i / 7);
    str s = {bytes, sizeof bytes};
    (void)index_document_language(&s, 1, STR("\xff\xfe"));
    memset(bytes, 'a', sizeof bytes);
    is(&s, 1, "", "");
    assert_int_equal(index_document_language(NULL, 0, (str){0}).n, 0);
    str declared = index_document_language(NULL, 0, STR("sv"));
    assert_true(str_eq(declared, STR("sv")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_text),     cmocka_unit_test(test_short),
        cmocka_unit_test(test_tables_and_codes), cmocka_unit_test(test_declared),
        cmocka_unit_test(test_several_chunks),   cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
