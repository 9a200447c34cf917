/* Fuzz target: messages, mailboxes and saved web pages, with the parts inside them. The first byte
 * says which. */
#include "fuzz_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        parse_fn *parse;
        parse_member_fn *member;
        str name;
    } kinds[] = {{parse_mail, parse_mail_member, STR("fuzz.eml")},
                 {parse_mbox, parse_mbox_member, STR("fuzz.mbox")},
                 {parse_mhtml, parse_mhtml_member, STR("fuzz.mhtml")}};
    if (size == 0) return 0;
    size_t k = data[0] % (sizeof kinds / sizeof *kinds);
    return fuzz_document(kinds[k].parse, kinds[k].member, kinds[k].name, data + 1, size - 1);
}
