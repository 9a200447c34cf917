/* Fuzz target: mail, mailboxes and saved pages, from raw bytes to records that the reader accepts,
 * and the members that they name. */
#include "fuzz_parse.h"

#include "ingest/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str head = str_cut((str){(const char *)data, size}, 0, KIND_HEAD_BYTES);
    if (str_starts(head, STR("From ")))
        return fuzz_container(parse_mbox, parse_mbox_member, NULL, data, size);
    if (kind_is_saved_page(head))
        return fuzz_container(parse_mhtml, parse_mhtml_member, NULL, data, size);
    return fuzz_container(parse_mail, parse_mail_member, parse_mail_members, data, size);
}
